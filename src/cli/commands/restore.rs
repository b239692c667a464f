//! `recell restore`: puts recorded outputs back into notebooks.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::columns::{Align, Columns};
use crate::cli::moment::Moment;
use crate::cli::notebooks::{self, NotebookFile};
use crate::cli::report::{Failure, Outcome};
use crate::cli::selection::{Selection, chosen, shown};
use crate::cli::session::Session;
use crate::cli::words::{self, grouped};
use crate::cli::{json, locking};
use crate::config::Durability;
use crate::disk;
use crate::error::{Error, Result};
use crate::events;
use crate::history::When;
use crate::lookup::Miss;
use crate::name::{EntryName, encode};
use crate::notebook::{
    self, RestoreOptions, RestoreOutcome, Restored, RestoredBy, RestoredCell, Unmatched, Unusable,
    restore,
};
use crate::store::Snapshot;
use crate::sync;

/// Put recorded outputs back into notebooks
///
/// Each cell gets the newest outputs of the code that stands there, after the same cells before
/// it where there are such. Outputs that a notebook shows are kept. A notebook that was recorded
/// and stripped comes back byte for byte.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    /// The notebooks: files, folders with all below, or globs; `sales.ipynb@HEAD~5` takes results
    /// as of then.
    #[arg(value_name = "NOTEBOOK[@WHEN]", required = true)]
    notebooks: Vec<PathBuf>,
    /// Where no outputs of a cell's code are stored, take its newest ones of any code.
    #[arg(long)]
    any: bool,
    /// Replace outputs that a notebook shows.
    #[arg(long)]
    overwrite: bool,
    /// Take this entry for its cell and leave all other cells alone, for example
    /// `sales.ipynb:load~1`; may be given several times.
    #[arg(long = "entry", value_name = "KEY")]
    entries: Vec<Selection>,
    /// Take just the entries that `recell.lock` pins, and no newer ones; cells without a pin are
    /// left alone.
    #[arg(long, conflicts_with_all = ["as_of", "any", "entries"])]
    locked: bool,
    /// Write the notebook to this file instead, or `-` for standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write nothing; exit with 3 if a cell would stay without outputs.
    #[arg(long, conflicts_with = "output")]
    check: bool,
}

/// A notebook and what became of it.
struct Done<'a> {
    file: &'a NotebookFile,
    restored: Restored,
    is_changed: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    let snapshot = session.snapshot(&store)?;
    let (files, snapshots): (Vec<_>, Vec<_>) =
        asked(session, &snapshot, &args.notebooks)?.into_iter().unzip();
    if args.output.is_some() && files.len() > 1 {
        return Err(Error::OneNotebook { found: files.len() }.into());
    }
    let pins = if args.locked { Some(locking::lockfile(session)?.read()?) } else { None };
    let mut snapshots = snapshots.into_iter();
    let mut options = RestoreOptions {
        any_code: args.any,
        overwrite: args.overwrite,
        entries: chosen(&args.entries, false, session, &snapshot)?,
        pinned: args.locked,
        preferred: BTreeSet::new(),
    };
    let mut all = Vec::with_capacity(files.len());
    let outcome = notebooks::for_each(session, &files, |file| {
        let (snapshot, preferred) = snapshots.next().expect("there is one for each file");
        options.preferred = preferred;
        let contents = file.read()?;
        if let Some(pins) = &pins {
            let pinned = pins.of_notebook(&encode(file.name.as_str()));
            options.entries = pinned.into_values().cloned().collect();
        }
        let notebook = file.parse(&contents)?;
        if store.is_partial() {
            let mut names = options.entries.clone();
            let cells = notebook::chosen(&snapshot, &file.name, &notebook).into_iter();
            names.extend(cells.filter_map(|cell| cell.entry).map(|(name, _)| name));
            sync::prefetch(&store, &snapshot, &names, Some(&|path| path.starts_with("outputs/")));
        }
        let restore = || restore(&snapshot, &file.name, &notebook, &options);
        // A check hands out nothing.
        let restored = if args.check { events::unnoted(restore) } else { restore() };
        let is_changed = restored.bytes != contents.bytes;
        match &args.output {
            _ if args.check => {}
            Some(output) => write_out(session, output, &restored.bytes)?,
            None if is_changed => file.replace(&contents, &restored.bytes, Durability::Sync)?,
            None => {}
        }
        all.push(Done { file, restored, is_changed });
        Ok(())
    });
    let takes_stdout = args.output.as_deref().is_some_and(is_stdout);
    if !takes_stdout && session.ui.json() {
        session.ui.document(&Value::Array(all.iter().map(document).collect()))?;
    } else if !takes_stdout {
        print(session, &all)?;
    }
    tell(session, &all, args.locked);
    outcome?;
    let misses = misses(&all, args.check);
    if misses.is_empty() { Ok(()) } else { Err(Failure::Misses(misses)) }
}

/// The store as a notebook is to be restored from, and the entries that go before others.
type Origin = (Snapshot, BTreeSet<EntryName>);

/// Returns the notebooks that are named, each with what it is to be restored from.
fn asked(
    session: &Session,
    snapshot: &Snapshot,
    paths: &[PathBuf],
) -> Result<Vec<(NotebookFile, Origin)>, Failure> {
    let mut plain = Vec::with_capacity(paths.len());
    let mut found = Vec::new();
    for path in paths {
        let text = path.to_str().filter(|_| !disk::is_there(&session.path(path)));
        let Some((name, when)) = text.and_then(|text| text.split_once('@')) else {
            plain.push(path.clone());
            continue;
        };
        let moment = Moment::read(session, &When::read(when))?;
        let then = (moment.view(snapshot).snapshot().clone(), moment.pins().clone());
        let files = notebooks::named(session, &[name.into()])?.into_iter();
        found.extend(files.map(|file| (file, then.clone())));
    }
    if !plain.is_empty() {
        let files = notebooks::named(session, &plain)?.into_iter();
        let pins = session.as_of()?.map(|moment| moment.pins().clone()).unwrap_or_default();
        found.extend(files.map(|file| (file, (snapshot.clone(), pins.clone()))));
    }
    Ok(found)
}

fn is_stdout(path: &std::path::Path) -> bool {
    path.as_os_str() == "-"
}

fn write_out(session: &Session, output: &std::path::Path, bytes: &[u8]) -> Outcome {
    if !is_stdout(output) {
        return Ok(disk::replace(&session.path(output), bytes)?);
    }
    session.ui.with_out(|out| {
        out.write_all(bytes).map_err(|source| {
            Failure::from(Error::Stream { action: "write to", stream: "output", source })
        })
    })
}

fn cells(done: &Done<'_>, is: impl Fn(&RestoreOutcome) -> bool) -> usize {
    done.restored.cells.iter().filter(|cell| is(&cell.outcome)).count()
}

fn print(session: &Session, all: &[Done<'_>]) -> Outcome {
    let mut columns = Columns::new(&[
        ("notebook", Align::Left),
        ("restored", Align::Right),
        ("kept", Align::Right),
        ("not matched", Align::Right),
        ("unusable", Align::Right),
    ]);
    let some = |count: usize| if count == 0 { String::new() } else { grouped(count) };
    for done in all {
        let restored = cells(done, |it| matches!(it, RestoreOutcome::Restored { .. }));
        columns.push([
            done.file.name.as_str().into(),
            grouped(restored).into(),
            some(cells(done, |it| matches!(it, RestoreOutcome::Kept))).into(),
            some(cells(done, |it| matches!(it, RestoreOutcome::Unmatched(_)))).into(),
            some(cells(done, |it| matches!(it, RestoreOutcome::Unusable { .. }))).into(),
        ]);
    }
    columns.print(&session.ui)
}

/// Says which cells got no outputs or not those of their code, and why.
fn tell(session: &Session, all: &[Done<'_>], is_locked: bool) {
    for done in all {
        let Done { file, restored, .. } = done;
        for RestoredCell { name, module, position, outcome } in &restored.cells {
            let at = format!("`{}`, cell {} (`{name}`)", file.name, position + 1);
            match outcome {
                RestoreOutcome::Restored { entry, by: RestoredBy::Code } => {
                    session.ui.detail(|| format!("{at}: of the same code after others: {entry}"));
                }
                RestoreOutcome::Restored { entry, by: RestoredBy::Cell } => {
                    session.ui.say(format!("{at}: outputs of other code: {entry}"));
                }
                RestoreOutcome::Unmatched(reason @ Unmatched::NeverRecorded) => {
                    session.ui.detail(|| format!("{at}: {reason}"));
                }
                RestoreOutcome::Unmatched(reason @ Unmatched::NotPinned) => {
                    session.ui.say(format!("{at}: {reason}"));
                }
                RestoreOutcome::Unmatched(reason @ Unmatched::ShowsOther { .. }) => {
                    session.ui.say(format!("{at}: {reason}; `--overwrite` replaces them"));
                }
                RestoreOutcome::Unmatched(reason) => {
                    session.ui.say(format!("{at}: {reason}; `--any` takes that run"));
                }
                RestoreOutcome::Restored { entry, by: RestoredBy::Name }
                    if is_locked && entry.module_segment() != encode(module) =>
                {
                    session.ui.say(format!(
                        "{at}: the pinned outputs are of other code, or ran after other code"
                    ));
                }
                // A miss is told at the end, with its hint.
                RestoreOutcome::Unusable { reason: Unusable::Miss(_), .. } => {}
                RestoreOutcome::Unusable { entry, reason } => {
                    session.ui.warn(&format!("{at}: `{entry}` does not fit: {reason}"), None);
                }
                _ => {}
            }
        }
        let by_code = |it: &RestoreOutcome| {
            matches!(it, RestoreOutcome::Restored { by: RestoredBy::Code, .. })
        };
        match cells(done, by_code) {
            0 => {}
            count => session.ui.say(format!(
                "`{}`: {} of the same code, but run after other code than stands there now",
                file.name,
                words::count(count, "cell has outputs", "cells have outputs")
            )),
        }
        for entry in &restored.without_cell {
            session.ui.warn(&format!("`{}` has no cell for `{entry}`", file.name), None);
        }
    }
}

/// Returns why cells have no outputs: what is damaged or missing; if all must be there, also
/// where nothing is for a cell.
fn misses(all: &[Done<'_>], all_must_be_there: bool) -> Vec<Miss> {
    let mut misses = Vec::new();
    for Done { file, restored, .. } in all {
        for cell in &restored.cells {
            match &cell.outcome {
                RestoreOutcome::Unusable { reason: Unusable::Miss(miss), .. } => {
                    misses.push(miss.clone());
                }
                RestoreOutcome::Unusable { .. } | RestoreOutcome::Unmatched(_)
                    if all_must_be_there =>
                {
                    let name = shown(&[file.name.as_str(), &cell.name, &cell.module]);
                    misses.push(Miss::NeverStored { name });
                }
                _ => {}
            }
        }
    }
    misses
}

fn document(done: &Done<'_>) -> Value {
    let cells = done.restored.cells.iter().map(|cell| {
        let (outcome, entry, reason) = match &cell.outcome {
            RestoreOutcome::Restored { entry, by } => {
                let by = match by {
                    RestoredBy::Module => "module",
                    RestoredBy::Code => "code",
                    RestoredBy::Cell => "cell",
                    RestoredBy::Name => "name",
                };
                ("restored", Some(entry), Some(by.to_owned()))
            }
            RestoreOutcome::Kept => ("kept", None, None),
            RestoreOutcome::Unmatched(reason) => ("unmatched", None, Some(reason.to_string())),
            RestoreOutcome::Unusable { entry, reason } => {
                ("unusable", Some(entry), Some(reason.to_string()))
            }
        };
        json!({
            "cell": cell.name,
            "position": cell.position,
            "outcome": outcome,
            "entry": entry.map(json::name),
            "reason": reason,
        })
    });
    let without_cell = done.restored.without_cell.iter().map(json::name);
    json!({
        "notebook": done.file.name.as_str(),
        "path": done.file.path,
        "changed": done.is_changed,
        "cells": cells.collect::<Vec<_>>(),
        "without_cell": without_cell.collect::<Vec<_>>(),
    })
}
