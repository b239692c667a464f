//! `recell record`: takes the outputs of notebooks into the store.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::columns::{Align, Columns};
use crate::cli::commands::mv;
use crate::cli::locking::LockKeeper;
use crate::cli::notebooks::{self, NotebookFile};
use crate::cli::renames;
use crate::cli::report::Outcome;
use crate::cli::runs::RunKeeper;
use crate::cli::session::Session;
use crate::cli::words::{grouped, size};
use crate::cli::{json, words};
use crate::collection::CollectionName;
use crate::error::Result;
use crate::notebook::{GoneNotebooks, NotebookName, RecordReport, has_entries, record, rename};
use crate::progress::{Progress, Unit};
use crate::store::Store;

/// Record the outputs of notebooks
///
/// Each executed cell becomes an entry with its outputs, its code and what its result depends on.
/// A cell that is just what its newest entry holds makes no new one. The notebooks themselves
/// stay as they are. What was recorded is a run, unless all of it was there already
/// (`recell collection ls`).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The notebooks: files, folders with all below, or globs.
    #[arg(value_name = "NOTEBOOK", required = true)]
    notebooks: Vec<PathBuf>,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let files = notebooks::named(session, &args.notebooks)?;
    let store = session.store_to_put()?;
    let context = notebooks::context(session, session.workspace()?, true);
    if let Err(error) = follow_renames(session, &store, &files) {
        session.ui.detail(|| format!("renames were not looked for: {error}"));
    }
    let mut reports = Vec::with_capacity(files.len());
    let mut keeper = LockKeeper::of(session.workspace()?);
    let mut run = RunKeeper::new("record", session);
    let progress = session.ui.progress();
    progress.begin("recording", Some(files.len() as u64), Unit::Items);
    let outcome = notebooks::for_each(session, &files, |file| {
        let contents = file.read()?;
        let notebook = file.parse(&contents)?;
        let report = record(&store, &file.name, &notebook, &context)?;
        run.take_in(&report);
        if let Some(keeper) = &mut keeper {
            keeper.take_in(&store, &file.name, &notebook, |cell| cell.is_executed);
        }
        reports.push((file, report));
        progress.advance(1);
        Ok(())
    });
    progress.end();
    if let Some(mut keeper) = keeper {
        keeper.finish(session, &store);
    }
    let run = run.finish(session, &store);
    session.flush_after_put(&store);
    if session.ui.json() {
        let documents = reports.iter().map(|(file, report)| document(file, report, run.as_ref()));
        session.ui.document(&Value::Array(documents.collect()))?;
    } else {
        print(session, &reports)?;
    }
    outcome
}

/// Takes along the history of notebooks that were renamed. Costs one look at the index for each
/// notebook that has entries.
fn follow_renames(session: &Session, store: &Store, files: &[NotebookFile]) -> Result<()> {
    let mut new = Vec::new();
    for file in files {
        if !has_entries(store, &file.name)? {
            new.push(file);
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    let base = session.workspace()?.base();
    let gone = GoneNotebooks::find(store, base)?;
    if gone.is_empty() {
        return Ok(());
    }
    let names: Vec<NotebookName> = new.iter().map(|file| file.name.clone()).collect();
    // Without git there are no renames to know of.
    let pairs = gone.renamed(base, &session.git_environment(), &names).unwrap_or_default();
    let renamed = rename(store, &pairs, true, session.now())?;
    renames::follow(session, store, &renamed);
    for rename in &renamed {
        mv::say(&session.ui, rename);
    }
    for file in new {
        if pairs.iter().any(|(_, new)| *new == file.name) {
            continue;
        }
        let Ok(contents) = file.read() else { continue };
        let Ok(notebook) = file.parse(&contents) else { continue };
        if let Some(old) = gone.similar(&notebook) {
            let (name, from, to) = (&file.name, mv::word(old), mv::word(&file.name));
            session.ui.warn(
                &format!("`{name}` has the cells of `{old}`, which is gone"),
                Some(&format!(
                    "If it was renamed, `recell mv --merge {from} {to}` keeps its history."
                )),
            );
        }
    }
    Ok(())
}

fn print(session: &Session, reports: &[(&NotebookFile, RecordReport)]) -> Outcome {
    let mut columns = Columns::new(&[
        ("notebook", Align::Left),
        ("new", Align::Right),
        ("unchanged", Align::Right),
        ("not run", Align::Right),
        ("outputs", Align::Right),
        ("stored", Align::Right),
    ]);
    for (file, report) in reports {
        let not_run = report.not_executed;
        columns.push([
            file.name.as_str().into(),
            grouped(report.new.len()).into(),
            grouped(report.unchanged).into(),
            if not_run == 0 { "".into() } else { grouped(not_run).into() },
            size(report.output_bytes).into(),
            size(report.stored_bytes).into(),
        ]);
    }
    columns.print(&session.ui)?;
    for (file, report) in reports {
        warn_of_size(session, file, report);
    }
    Ok(())
}

/// Says which cells were not recorded for the size of their outputs.
pub(super) fn warn_of_size(session: &Session, file: &NotebookFile, report: &RecordReport) {
    for cell in &report.too_large {
        let message = format!(
            "`{}`: the outputs of cell {} are {} and stay in the notebook",
            file.name,
            cell.position + 1,
            words::size(cell.bytes)
        );
        session.ui.warn(&message, Some("`filter.max_output` is the bound."));
    }
}

fn document(file: &NotebookFile, report: &RecordReport, run: Option<&CollectionName>) -> Value {
    let run = run.filter(|_| !report.new.is_empty()).map(CollectionName::as_str);
    let too_large = report.too_large.iter();
    let too_large: Vec<Value> =
        too_large.map(|cell| json!({ "position": cell.position, "bytes": cell.bytes })).collect();
    json!({
        "notebook": file.name.as_str(),
        "path": file.path,
        "run": run,
        "new": report.new.iter().map(json::name).collect::<Vec<_>>(),
        "unchanged": report.unchanged,
        "not_executed": report.not_executed,
        "too_large": too_large,
        "output_bytes": report.output_bytes,
        "stored_bytes": report.stored_bytes,
    })
}
