//! `recell prune`: what no rule keeps goes to the trash.

use std::io::{self, BufRead, IsTerminal};
use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::{Value, json};

use crate::ByteSize;
use crate::cli::columns::{Align, Cell, Columns};
use crate::cli::pruning::tell_unmet;
use crate::cli::report::{Failure, Outcome};
use crate::cli::selection::shown;
use crate::cli::session::Session;
use crate::cli::ui::FAINT;
use crate::cli::words::{count, size};
use crate::cli::{json, protection};
use crate::clock::Zone;
use crate::config::{GroupBy, RetentionSettings};
use crate::error::{Error, Result};
use crate::index::Pattern;
use crate::progress::{Progress, Unit};
use crate::retention::{Decision, Plan, Pruned, Rules, Stock, plan, prune};

/// Remove what no rule keeps
///
/// The rules are those of `[retention]` in `recell.toml`, or those given here, which then stand in
/// their place. Without a rule nothing goes. Pinned entries stay, those that `recell.lock` or a
/// collection names, and those that a clock says are of the future.
///
/// The plan is printed first: what goes, why, and how many bytes gc gives back. It is carried out
/// after a yes, and `recell undo` takes it back until gc.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which entries may go; by default all.
    #[arg(default_value = "*", hide_default_value = true, value_parser = Pattern::parse)]
    pattern: Pattern,
    /// Print the plan, and leave everything as it is.
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Do not ask.
    #[arg(long, short = 'y')]
    yes: bool,
    /// Print what stays, too, and why.
    #[arg(long)]
    kept: bool,
    #[command(flatten)]
    rules: RuleArgs,
}

/// Rules of this run.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Rules")]
pub(crate) struct RuleArgs {
    /// Keep so many of the newest entries of each series.
    #[arg(long, value_name = "N")]
    keep_last: Option<NonZeroU32>,
    /// Keep what was made less than so long ago: `30d`, `2 weeks`.
    #[arg(long, value_name = "SPAN", value_parser = RetentionSettings::span)]
    keep_within: Option<Duration>,
    /// Keep the newest entry of each of so many days that have entries.
    #[arg(long, value_name = "N")]
    keep_daily: Option<NonZeroU32>,
    /// Keep the newest entry of each of so many weeks.
    #[arg(long, value_name = "N")]
    keep_weekly: Option<NonZeroU32>,
    /// Keep the newest entry of each of so many months.
    #[arg(long, value_name = "N")]
    keep_monthly: Option<NonZeroU32>,
    /// Let the least recently used go until the entries take no more than this.
    #[arg(long, value_name = "SIZE")]
    max_bytes: Option<ByteSize>,
    /// Let the least recently used go until there are no more than this.
    #[arg(long, value_name = "N")]
    max_entries: Option<NonZeroU32>,
    /// What a series is: cell, key, notebook or store.
    #[arg(long, value_name = "WHAT", value_parser = RetentionSettings::series)]
    group_by: Option<GroupBy>,
}

impl RuleArgs {
    /// Returns the rules that are given here; `None` if there are none.
    fn settings(&self, group_by: GroupBy) -> Option<RetentionSettings> {
        let own = RetentionSettings {
            keep_last: self.keep_last,
            keep_within: self.keep_within,
            keep_daily: self.keep_daily,
            keep_weekly: self.keep_weekly,
            keep_monthly: self.keep_monthly,
            max_bytes: self.max_bytes,
            max_entries: self.max_entries,
            group_by,
            ..RetentionSettings::default()
        };
        let none = RetentionSettings { group_by, ..RetentionSettings::default() };
        (own != none).then_some(own)
    }
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let ui = &session.ui;
    let workspace = session.workspace()?;
    let settings = &workspace.config().retention;
    let group_by = args.rules.group_by.unwrap_or(settings.group_by);
    let rules = match args.rules.settings(group_by) {
        Some(own) => Rules::new(&own)?,
        None => Rules::new(&RetentionSettings { group_by, ..settings.clone() })?,
    };
    let store = session.store()?;
    let progress = ui.progress();
    progress.begin("planning", None, Unit::Time);
    let stock = Stock::read(&store, &args.pattern)?;
    let gather = || -> Result<_> { protection::gather(session, workspace, &store) };
    let plan = plan(&stock, &rules, &gather()?, session.now(), Zone::Local);
    progress.end();
    let going = plan.removed().count();
    if !ui.json() {
        print(session, args, &plan)?;
        // The plan must be read before the question is.
        ui.finish()?;
        if rules.is_empty() {
            ui.say("no rule is set, so nothing goes: see `recell config --describe retention`");
        }
    }
    let pruned = if args.dry_run || going == 0 || !confirmed(session, args, going)? {
        None
    } else {
        Some(prune(&store, &plan, &gather, session.now())?)
    };
    if ui.json() {
        ui.document(&document(args, &plan, pruned.as_ref()))?;
    } else {
        tell(session, args, &plan, pruned.as_ref());
    }
    tell_unmet(session, &plan.unmet);
    Ok(())
}

/// Whether to go on: `--yes`, or a yes on a terminal.
fn confirmed(session: &Session, args: &Args, going: usize) -> Result<bool, Failure> {
    if args.yes {
        return Ok(true);
    }
    let is_asked = io::stdin().is_terminal() && io::stderr().is_terminal() && !session.ui.json();
    if !is_asked {
        return Err(Error::NotConfirmed { count: going }.into());
    }
    let question = format!("remove {}? [y/N]", count(going, "entry", "entries"));
    session.ui.to_stderr(&question);
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(|source| Error::Stream {
        action: "read",
        stream: "input",
        source,
    })?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

fn print(session: &Session, args: &Args, plan: &Plan) -> Outcome {
    let mut columns = Columns::new(&[
        ("", Align::Left),
        ("made", Align::Left),
        ("id", Align::Left),
        ("entry", Align::Left),
        ("why", Align::Left),
    ]);
    for decision in plan.decisions.iter().filter(|decision| args.kept || !decision.keep) {
        let name = &decision.name;
        let made = name.created_at().to_local();
        let reasons: Vec<String> =
            decision.reasons.iter().map(|reason| reason.about(name).to_string()).collect();
        columns.push([
            match (args.kept, decision.keep) {
                (false, _) => "",
                (true, true) => "keep",
                (true, false) => "remove",
            }
            .into(),
            made.into(),
            Cell::styled(name.id8(), FAINT),
            shown(&[&name.notebook(), &name.cell()]).into(),
            reasons.join("; ").into(),
        ]);
    }
    columns.print(&session.ui)
}

fn tell(session: &Session, args: &Args, plan: &Plan, pruned: Option<&Pruned>) {
    let ui = &session.ui;
    let going = plan.removed().count();
    let staying = plan.decisions.len() - going;
    let stays = format!("{} stay", count(staying, "entry", "entries"));
    let Some(pruned) = pruned else {
        let entries = count(going, "entry", "entries");
        return match (going, args.dry_run) {
            (0, _) => ui.say(format!("nothing goes; {stays}")),
            (_, true) => {
                let bytes = size(plan.bytes_freed);
                ui.say(format!("{entries} would go, {stays}; gc would give back {bytes}"));
            }
            (_, false) => ui.say(format!("nothing was removed; {entries} would go")),
        };
    };
    let removed = count(pruned.removed.len(), "entry", "entries");
    let bytes = size(plan.bytes_freed);
    ui.say(format!("{removed} removed, {stays}; gc gives back {bytes}"));
    if !pruned.removed.is_empty() {
        ui.say("`recell undo` brings them back until gc");
    }
    if !pruned.spared.is_empty() {
        let spared = count(pruned.spared.len(), "entry", "entries");
        ui.say(format!("{spared} stayed, protected since the plan was made"));
    }
    if !pruned.missing.is_empty() {
        let missing = count(pruned.missing.len(), "entry", "entries");
        ui.warn(
            &format!("{missing} did not go: removed meanwhile, or still in another's journal"),
            Some("Run it again when the process that put them has ended."),
        );
    }
}

fn document(args: &Args, plan: &Plan, pruned: Option<&Pruned>) -> Value {
    let decision = |decision: &Decision| {
        let mut value = json::name(&decision.name);
        let reason = |reason: &crate::retention::Reason| json!({ "code": reason.code(), "text": reason.about(&decision.name).to_string() });
        let reasons: Vec<Value> = decision.reasons.iter().map(reason).collect();
        json::extend(&mut value, json!({ "reasons": reasons }));
        value
    };
    let kept = args.kept.then(|| plan.kept().map(decision).collect::<Vec<_>>());
    let names =
        |of: fn(&Pruned) -> &Vec<crate::EntryName>| pruned.map(|pruned| json::names(of(pruned)));
    let unmet = plan.unmet.iter().map(|unmet| {
        json!({
            "match": unmet.pattern,
            "bytes_over": unmet.bytes_over,
            "entries_over": unmet.entries_over,
        })
    });
    json!({
        "dry_run": args.dry_run,
        "plan": {
            "remove": plan.removed().map(decision).collect::<Vec<_>>(),
            "keep": kept,
            "kept_entries": plan.kept().count(),
            "bytes_freed": plan.bytes_freed,
            "bytes_kept": plan.bytes_kept,
            "unmet": unmet.collect::<Vec<_>>(),
        },
        "removed": names(|pruned| &pruned.removed),
        "spared": names(|pruned| &pruned.spared),
        "missing": names(|pruned| &pruned.missing),
    })
}
