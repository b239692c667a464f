//! `recell du`: what takes the space.

use serde_json::{Value, json};

use crate::cli::columns::{Align, Columns};
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::words::{count, grouped, size};
use crate::index::Pattern;
use crate::progress::{Progress, Unit};
use crate::retention::{DiskUsage, UsageBy, UsageRow, disk_usage};

/// Show what takes space on disk
///
/// `bytes` are those that a group stands on, compressed and each counted once; `own` are those of
/// them that nothing else stands on, which would go with it. What several groups share is in the
/// `bytes` of each, and once in the total.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which entries to look at; by default all.
    #[arg(default_value = "*", hide_default_value = true, value_parser = Pattern::parse)]
    pattern: Pattern,
    /// Group by notebook, cell, module, or kind of part.
    #[arg(long, value_name = "WHAT", default_value = "notebook", hide_possible_values = true)]
    by: By,
    /// Show only the N largest groups.
    #[arg(short = 'n', value_name = "N")]
    number: Option<usize>,
}

/// How to group.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum By {
    Notebook,
    Cell,
    Kind,
    Module,
}

impl By {
    fn usage(self) -> UsageBy {
        match self {
            By::Notebook => UsageBy::Notebook,
            By::Cell => UsageBy::Cell,
            By::Kind => UsageBy::Kind,
            By::Module => UsageBy::Module,
        }
    }

    fn name(self) -> &'static str {
        match self {
            By::Notebook => "notebook",
            By::Cell => "cell",
            By::Kind => "kind",
            By::Module => "module",
        }
    }
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    let ui = &session.ui;
    let progress = ui.progress();
    progress.begin("counting", None, Unit::Time);
    let usage = disk_usage(&store, &args.pattern, args.by.usage())?;
    progress.end();
    let most = args.number.unwrap_or(usize::MAX);
    let shown: Vec<&UsageRow> = usage.rows.iter().take(most).collect();
    if ui.json() {
        return ui.document(&document(args.by, &usage, &shown));
    }
    let mut columns = Columns::new(&[
        ("bytes", Align::Right),
        ("own", Align::Right),
        ("entries", Align::Right),
        (args.by.name(), Align::Left),
    ]);
    for row in &shown {
        columns.push([
            size(row.bytes).into(),
            size(row.exclusive).into(),
            grouped(row.entries).into(),
            row.group.clone().into(),
        ]);
    }
    columns.print(ui)?;
    if usage.rows.is_empty() {
        ui.say("nothing is stored that matches");
    }
    let hidden = usage.rows.len() - shown.len();
    if hidden > 0 {
        ui.say(format!("and {}", count(hidden, "smaller group", "smaller groups")));
    }
    ui.say(format!(
        "{} take {}, {} of it shared between groups",
        count(usage.entries, "entry", "entries"),
        size(usage.bytes),
        size(usage.shared)
    ));
    let of = files(&usage);
    let of = if of.is_empty() { of } else { format!(": {of}") };
    ui.say(format!("the store takes {} on disk{of}", size(usage.files.total())));
    if usage.local > 0 {
        ui.say(format!("{} of it stays on this machine", size(usage.local)));
    }
    if usage.trash > 0 {
        ui.say(format!("in the trash: {}, until gc; `recell undo --list`", size(usage.trash)));
    }
    if usage.unreferenced > 0 {
        ui.say(format!("named by nothing: {}, until gc", size(usage.unreferenced)));
    }
    Ok(())
}

fn files(usage: &DiskUsage) -> String {
    let files = usage.files;
    let all = [
        ("packs", files.packs),
        ("journals", files.journals),
        ("names", files.names),
        ("loose objects", files.loose),
        ("lists", files.own),
    ];
    let used = all.into_iter().filter(|(_, bytes)| *bytes > 0);
    used.map(|(what, bytes)| format!("{what} {}", size(bytes))).collect::<Vec<_>>().join(", ")
}

fn document(by: By, usage: &DiskUsage, rows: &[&UsageRow]) -> Value {
    let row = |row: &&UsageRow| {
        json!({
            "group": row.group,
            "entries": row.entries,
            "bytes": row.bytes,
            "exclusive": row.exclusive,
        })
    };
    let files = usage.files;
    json!({
        "by": by.name(),
        "groups": rows.iter().map(row).collect::<Vec<_>>(),
        "entries": usage.entries,
        "bytes": usage.bytes,
        "shared": usage.shared,
        "local": usage.local,
        "trash": usage.trash,
        "unreferenced": usage.unreferenced,
        "files": {
            "total": files.total(),
            "packs": files.packs,
            "journals": files.journals,
            "names": files.names,
            "loose": files.loose,
            "own": files.own,
        },
    })
}
