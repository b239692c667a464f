//! `recell log`: the results of cells over time.

use serde_json::json;

use crate::cli::columns::{Align, Cell, Columns, Row};
use crate::cli::moment::Moment;
use crate::cli::report::{Failure, Outcome};
use crate::cli::selection::{Resolved, Selection};
use crate::cli::session::Session;
use crate::cli::ui::{FAINT, STRONG};
use crate::cli::{json, words};
use crate::clock::Timestamp;
use crate::entry::Facts;
use crate::history::{LogEntry, LogOptions, When, log};
use crate::lookup::Lookup;
use crate::retention::pins;
use crate::store::Snapshot;

/// Digits of a module hash or commit that are shown.
const DIGITS: usize = 8;

/// Show the results of cells, newest first, and what changed
///
/// Each result is compared with the one of its cell before it: which ingredient of its module hash
/// changed, and which kinds of parts. `pinned` are those that `recell pin` keeps.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which results: notebook[:cell[:module[:version]]] with `*`, `?` and `[…]`, or shortened.
    pattern: Selection,
    /// Show at most this many, the newest.
    #[arg(short = 'n', long, value_name = "COUNT", visible_alias = "number")]
    limit: Option<usize>,
    /// Show none made before this: a time or a commit, as in `--since "2 weeks ago"`.
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Show none made after this: a time or a commit, all of it included.
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
}

impl Args {
    /// Returns what asks for all results of a pattern.
    pub(super) fn of(pattern: &str) -> Result<Args, String> {
        Ok(Args { pattern: pattern.parse()?, limit: None, since: None, until: None })
    }

    fn options(&self, session: &Session) -> Result<LogOptions, Failure> {
        let read = |text: &Option<String>| {
            let when = text.as_deref().map(When::read);
            when.map(|when| Moment::read(session, &when)).transpose()
        };
        Ok(LogOptions {
            limit: self.limit.unwrap_or(usize::MAX),
            since: read(&self.since)?.map_or(Timestamp::MIN, |moment| moment.span.first),
            until: read(&self.until)?.map_or(Timestamp::MAX, |moment| moment.span.last),
        })
    }
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    let snapshot = session.snapshot(&store)?;
    let pinned = pins(&store)?;
    let resolved = args.pattern.resolve(session, &snapshot)?;
    let options = args.options(session)?;
    let is_json = session.ui.json();
    let now = session.now();
    let (found, outcome) = if is_json {
        let document = |line: LogEntry<'_>| {
            document(resolved.view.snapshot(), &line, pinned.contains(line.name))
        };
        let documents = log(&resolved.selector, &resolved.view, &options, document)?;
        refuse_nothing(args, &resolved, documents.len())?;
        (documents.len(), session.ui.documents(&documents))
    } else {
        let row = |line: LogEntry<'_>| row(&line, pinned.contains(line.name), now);
        let rows = log(&resolved.selector, &resolved.view, &options, row)?;
        refuse_nothing(args, &resolved, rows.len())?;
        (rows.len(), print(session, rows))
    };
    if found == 0 {
        session.ui.say("no result is from then");
    }
    outcome
}

/// Fails if nothing is called as was asked, whatever the time.
fn refuse_nothing(args: &Args, resolved: &Resolved, found: usize) -> Outcome {
    if found == 0 && resolved.selector.names(&resolved.view)?.is_empty() {
        return Err(args.pattern.miss_in(resolved).into());
    }
    Ok(())
}

const COLUMNS: [(&str, Align); 11] = [
    ("made", Align::Left),
    ("", Align::Left),
    ("cell", Align::Left),
    ("module", Align::Left),
    ("version", Align::Left),
    ("size", Align::Right),
    ("took", Align::Right),
    ("commit", Align::Left),
    ("id", Align::Left),
    ("", Align::Left),
    ("changed", Align::Left),
];
/// Which of them says the cell.
const CELL: usize = 2;

/// Returns one result as it is printed.
fn row(line: &LogEntry<'_>, is_pinned: bool, now: Timestamp) -> Row {
    let name = line.name;
    let (size, took, commit) = match line.found {
        Ok(found) => facts(found),
        Err(_) => (String::new(), String::new(), String::new()),
    };
    let version = name.version();
    Row::of([
        name.created_at().to_local().into(),
        Cell::styled(words::ago(now, name.created_at()), FAINT),
        line.cell.into(),
        words::short(&name.module(), DIGITS).into(),
        if version == "0" { "".into() } else { version.into_owned().into() },
        size.into(),
        took.into(),
        commit.into(),
        Cell::styled(name.id8(), FAINT),
        if is_pinned { "pinned" } else { "" }.into(),
        changed(line).into(),
    ])
}

fn print(session: &Session, rows: Vec<Row>) -> Outcome {
    let mut columns = Columns::new(&COLUMNS);
    let one_cell = rows.windows(2).all(|pair| pair[0].text(CELL) == pair[1].text(CELL));
    if let Some(first) = rows.first().filter(|_| one_cell) {
        session.ui.line(session.ui.paint(STRONG, first.text(CELL)))?;
        columns.hide(CELL);
    }
    for row in rows {
        columns.push_row(row);
    }
    columns.print(&session.ui)
}

/// Returns size, duration and host commit.
fn facts(facts: &Facts<'_>) -> (String, String, String) {
    let took = facts.compute_seconds.map(words::took).unwrap_or_default();
    let commit = facts.host_commit.map(|commit| {
        // As `git describe --dirty` marks it.
        let mark = if facts.host_dirty == Some(true) { "-dirty" } else { "" };
        words::short(commit, DIGITS) + mark
    });
    (words::size(facts.size()), took, commit.unwrap_or_default())
}

fn changed(line: &LogEntry<'_>) -> String {
    match (&line.found, &line.changes) {
        (Err(miss), _) => miss.code().replace('_', " "),
        (Ok(_), Some(changes)) if changes.is_empty() => "nothing".into(),
        (Ok(_), Some(changes)) => changes.join(", "),
        (Ok(_), None) if line.is_first => "first".into(),
        (Ok(_), None) => "?".into(),
    }
}

/// Returns the document of one result, printed.
fn document(snapshot: &Snapshot, line: &LogEntry<'_>, is_pinned: bool) -> String {
    let name = line.name;
    let (mut value, miss) = match (line.found, snapshot.entry(name)) {
        (Ok(_), Lookup::Hit(entry)) => (json::entry(name, entry.manifest()), None),
        (Ok(_), Lookup::Miss(miss)) => (json::name(name), Some(miss.code())),
        (Err(miss), _) => (json::name(name), Some(miss.code())),
    };
    let more = json!({
        "first": line.is_first,
        "changed": line.changes,
        "pinned": is_pinned,
        "miss": miss,
    });
    json::extend(&mut value, more);
    format!("{value:#}")
}
