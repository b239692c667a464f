//! `recell events`: what happened to results, line by line.

use std::collections::VecDeque;
use std::time::Duration;

use crate::cli::columns::{Align, Cell, Columns};
use crate::cli::describe::one_line;
use crate::cli::moment::Moment;
use crate::cli::report::{Failure, Outcome};
use crate::cli::session::Session;
use crate::cli::ui::{FAINT, Ui};
use crate::cli::words::{grouped, short, size, took};
use crate::clock::Timestamp;
use crate::config::Glob;
use crate::events::{self, Event, EventKind, EventLine, Follower};
use crate::history::When;

/// How often the log is looked at that is followed.
const PAUSE: Duration = Duration::from_millis(100);
/// So many of the lines before are shown of a log that is followed, as `tail` does.
const BEFORE: usize = 10;

/// Show what happened to results: hits, misses, puts, removals, exchanges with remotes
///
/// One line for each event, in the order in which they were written. With `--json` the lines of
/// the log as they are, one document a line (docs/json.md). `[events]` in `recell.toml` says
/// whether and how much is kept; `recell stats` sums it up.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Go on with what comes, until it is interrupted.
    #[arg(short, long)]
    follow: bool,
    /// Only these kinds: hit, miss, mismatch, put, eviction, prune, undo, sync, gc, dropped.
    #[arg(long = "kind", value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    kinds: Vec<EventKind>,
    /// Only what happened since: a time or a commit, as in `--since "2 hours ago"`.
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only about notebooks, cells, keys or entries that match, for example `sales.ipynb` or
    /// `sales.ipynb:load`.
    #[arg(long = "key", value_name = "GLOB")]
    keys: Vec<Glob>,
    /// Only what belongs to this, as `RECELL_CORRELATION` or the caller said.
    #[arg(long, value_name = "ID")]
    correlation: Option<String>,
    /// Only of this run.
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    /// Show at most this many, the newest; with `--follow` ten of those before, unless it is said.
    #[arg(short = 'n', long, value_name = "COUNT", visible_alias = "number")]
    limit: Option<usize>,
    /// Remove the log.
    #[arg(long, conflicts_with_all = [
        "follow", "kinds", "since", "keys", "correlation", "run", "limit",
    ])]
    clear: bool,
}

fn kind(word: &str) -> Result<EventKind, String> {
    let known = EventKind::all().find(|kind| kind.as_str() == word);
    known.ok_or_else(|| {
        let words: Vec<String> = EventKind::all().map(String::from).collect();
        format!("it is none of {}", words.join(", "))
    })
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let path = session.store()?.path().to_owned();
    if args.clear {
        let removed = events::clear(&path)?;
        session.ui.say(match removed {
            0 => "there was no log".to_owned(),
            _ => "the log was removed".to_owned(),
        });
        return Ok(());
    }
    let since = args.since.as_deref().map(|text| Moment::read(session, &When::read(text)));
    let since = since.transpose()?.map_or(Timestamp::MIN, |moment| moment.span.first);
    let wanted = |event: &Event| is_wanted(args, since, event);
    let most = args.limit.unwrap_or(if args.follow { BEFORE } else { usize::MAX });
    let mut last: VecDeque<EventLine> = VecDeque::new();
    let mut total = 0_usize;
    let mut follower = Follower::new(&path);
    let unreadable = follower.look(|line| {
        total += 1;
        if wanted(&line.event) {
            last.push_back(line);
            if last.len() > most {
                last.pop_front();
            }
        }
    })?;
    let ui = &session.ui;
    print(ui, last.make_contiguous())?;
    if unreadable > 0 {
        ui.detail(|| format!("{} lines of the log could not be read", grouped(unreadable)));
    }
    if args.follow {
        return follow(session, &mut follower, &wanted);
    }
    if total == 0 {
        tell_empty(session)?;
    } else if last.is_empty() {
        ui.say("no event is so");
    }
    Ok(())
}

/// Says that nothing is logged yet, or ever.
pub(super) fn tell_empty(session: &Session) -> Outcome {
    session.ui.say(if session.workspace()?.config().events.enabled {
        "nothing is logged yet: `recell record`, `restore` and `get` leave events"
    } else {
        "nothing is logged: `events.enabled` is false; set it in `recell.toml` to keep a log"
    });
    Ok(())
}

fn is_wanted(args: &Args, since: Timestamp, event: &Event) -> bool {
    let of_key = |glob: &Glob| {
        let key = event.key.as_deref().unwrap_or_default();
        // The key, or the notebook, or the cell.
        let ends = key.match_indices(':').map(|(at, _)| at).chain([key.len()]);
        let texts = ends.map(|end| &key[..end]).chain(event.name.as_deref());
        texts.filter(|text| !text.is_empty()).any(|text| glob.matches(text))
    };
    event.at >= since
        && (args.kinds.is_empty() || args.kinds.contains(&event.kind))
        && (args.keys.is_empty() || args.keys.iter().any(of_key))
        && (args.correlation.is_none()
            || args.correlation.as_deref() == event.correlation.as_deref())
        && (args.run.is_none() || args.run.as_deref() == event.run.as_deref())
}

/// Prints what comes, for ever: until nobody reads it, or it is interrupted.
fn follow(session: &Session, follower: &mut Follower, wanted: &dyn Fn(&Event) -> bool) -> Outcome {
    let ui = &session.ui;
    ui.finish()?;
    loop {
        std::thread::sleep(PAUSE);
        let mut outcome: Outcome = Ok(());
        follower.look(|line| {
            if outcome.is_ok() && wanted(&line.event) {
                outcome = if ui.json() { ui.line(&line.text) } else { ui.line(text(&line.event)) };
            }
        })?;
        outcome.and_then(|()| ui.finish())?;
        if ui.is_abandoned() {
            return Err(Failure::Closed);
        }
    }
}

fn print(ui: &Ui, lines: &[EventLine]) -> Outcome {
    if ui.json() {
        return lines.iter().try_for_each(|line| ui.line(&line.text));
    }
    let mut columns = Columns::new(&[
        ("at", Align::Left),
        ("event", Align::Left),
        ("took", Align::Right),
        ("bytes", Align::Right),
        ("source", Align::Left),
        ("about", Align::Left),
        ("why", Align::Left),
    ]);
    for EventLine { event, .. } in lines {
        let [at, kind, took, bytes, source, about, why] = fields(event);
        columns.push([
            at.into(),
            kind.into(),
            took.into(),
            bytes.into(),
            Cell::styled(source, FAINT),
            about.into(),
            why.into(),
        ]);
    }
    columns.print(ui)
}

/// Returns an event in one line whose columns line up with those of most others.
fn text(event: &Event) -> String {
    let [at, kind, took, bytes, source, about, why] = fields(event).map(|it| one_line(&it));
    let line = format!("{at}  {kind:<8}  {took:>7}  {bytes:>9}  {source:<14}  {about}  {why}");
    line.trim_end().to_owned()
}

/// Returns a key with the first digits of its module hash, which serve as a selector as well.
fn shortened(key: &str) -> String {
    /// Digits of a module hash that are shown.
    const DIGITS: usize = 8;
    let parts: Vec<&str> = key.splitn(4, ':').collect();
    match parts[..] {
        [notebook, cell, module] => format!("{notebook}:{cell}:{}", short(module, DIGITS)),
        [notebook, cell, module, version] => {
            format!("{notebook}:{cell}:{}:{version}", short(module, DIGITS))
        }
        _ => key.to_owned(),
    }
}

fn fields(event: &Event) -> [String; 7] {
    #[expect(clippy::cast_precision_loss, reason = "microseconds for a person")]
    let took = event.micros.map(|micros| took(micros as f64 / 1e6)).unwrap_or_default();
    let mut about = match &event.key {
        Some(key) => shortened(key),
        None => event.name.clone().unwrap_or_default(),
    };
    if let Some(part) = &event.part {
        about = format!("{about}  {part}");
    }
    if about.is_empty() {
        let count = event.count.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        about = match (&event.kind, count) {
            (EventKind::Dropped, Some(count)) => format!("{} events", grouped(count)),
            (_, Some(count)) => format!("{} entries", grouped(count)),
            _ => String::new(),
        };
    }
    if let Some(remote) = &event.remote {
        about = if about.is_empty() { remote.clone() } else { format!("{about}  {remote}") };
    }
    let why = match (&event.reason, &event.detail) {
        (Some(reason), Some(detail)) => format!("{reason}: {detail}"),
        (reason, detail) => reason.as_deref().or(detail.as_deref()).unwrap_or_default().to_owned(),
    };
    let kind = match &event.action {
        Some(action) => action.to_string(),
        None => event.kind.as_str().to_owned(),
    };
    let bytes = event.bytes.map(size).unwrap_or_default();
    let source = event.source.as_deref().unwrap_or_default().to_owned();
    [event.at.to_local(), kind, took, bytes, source, about, why]
}
