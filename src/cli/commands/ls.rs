//! `recell ls`: what is stored.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cli::columns::{Align, Cell, Columns};
use crate::cli::report::Outcome;
use crate::cli::selection::{Selection, shown};
use crate::cli::session::Session;
use crate::cli::ui::FAINT;
use crate::cli::{json, words};
use crate::lookup::Lookup;
use crate::name::EntryName;
use crate::store::Snapshot;

/// List what is stored
///
/// PATTERN is notebook[:cell[:module[:version]]], each with `*`, `?` and `[…]`, or shortened; with
/// `@` and a time or a commit behind it, what was there then (docs/selectors.md). Names come in
/// order: those of one key are neighbours, oldest first.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to list; by default everything.
    #[arg(default_value = "*", hide_default_value = true)]
    pattern: Selection,
    /// Show time, size and parts of each entry.
    #[arg(short, long)]
    long: bool,
    /// List cells, with the number of their entries.
    #[arg(long, conflicts_with = "long")]
    cells: bool,
    /// List notebooks, with the number of their entries.
    #[arg(long, conflicts_with_all = ["long", "cells"])]
    notebooks: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let snapshot = session.snapshot(&session.store()?)?;
    let names = args.pattern.names(session, &snapshot)?;
    let ui = &session.ui;
    if args.cells || args.notebooks {
        groups(session, &names, args.cells)?;
    } else if args.long {
        long(session, &snapshot, &names)?;
    } else if ui.json() {
        ui.document(&json::names(&names))?;
    } else {
        for name in &names {
            ui.line(name)?;
        }
    }
    if names.is_empty() {
        ui.say("nothing is stored that matches");
    }
    Ok(())
}

fn long(session: &Session, snapshot: &Snapshot, names: &[EntryName]) -> Outcome {
    let ui = &session.ui;
    let mut columns = Columns::new(&[
        ("made", Align::Left),
        ("size", Align::Right),
        ("parts", Align::Right),
        ("id", Align::Left),
        ("key", Align::Left),
    ]);
    let mut documents = Vec::new();
    for name in names {
        let entry = snapshot.entry(name);
        if ui.json() {
            documents.push(match &entry {
                Lookup::Hit(entry) => json::entry(name, entry.manifest()),
                Lookup::Miss(miss) => {
                    let mut value = json::name(name);
                    json::extend(&mut value, json!({ "miss": miss.code() }));
                    value
                }
            });
            continue;
        }
        let made = name.created_at().to_local();
        columns.push(match entry {
            Lookup::Hit(entry) => {
                let manifest = entry.manifest();
                [
                    made.into(),
                    words::size(manifest.size()).into(),
                    words::grouped(manifest.parts.len()).into(),
                    Cell::styled(name.id8(), FAINT),
                    manifest.key.to_string().into(),
                ]
            }
            Lookup::Miss(miss) => {
                let key = name.key().map_or(name.key_path().to_owned(), |key| key.to_string());
                let code = miss.code().replace('_', " ");
                [made.into(), code.into(), "".into(), name.id8().into(), key.into()]
            }
        });
    }
    if ui.json() {
        return ui.document(&Value::Array(documents));
    }
    columns.print(ui)
}

/// Lists the cells or the notebooks of `names`.
fn groups(session: &Session, names: &[EntryName], cells: bool) -> Outcome {
    let ui = &session.ui;
    let mut groups: BTreeMap<String, (usize, &EntryName)> = BTreeMap::new();
    for name in names {
        let group = if cells {
            shown(&[&name.notebook(), &name.cell()])
        } else {
            name.notebook().into_owned()
        };
        let (count, newest) = groups.entry(group).or_insert((0, name));
        *count += 1;
        if name.created_at() > newest.created_at() {
            *newest = name;
        }
    }
    if ui.json() {
        let what = if cells { "cell" } else { "notebook" };
        let one = |(group, (count, newest)): (&String, &(usize, &EntryName))| {
            let mut value = json!({ "notebook": newest.notebook() });
            if what == "cell" {
                json::extend(&mut value, json!({ "cell": newest.cell(), "key": group }));
            }
            json::extend(&mut value, json!({ "entries": count, "newest": json::name(newest) }));
            value
        };
        return ui.document(&Value::Array(groups.iter().map(one).collect()));
    }
    let head = if cells { "cell" } else { "notebook" };
    let mut columns =
        Columns::new(&[(head, Align::Left), ("entries", Align::Right), ("newest", Align::Left)]);
    for (group, (count, newest)) in &groups {
        let made = newest.created_at().to_local();
        columns.push([group.clone().into(), words::grouped(*count).into(), made.into()]);
    }
    columns.print(ui)
}
