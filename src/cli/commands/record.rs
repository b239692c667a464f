//! `recell record`: takes the outputs of notebooks into the store.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cli::columns::{Align, Columns};
use crate::cli::notebooks::{self, NotebookFile};
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::words::{grouped, size};
use crate::cli::{json, words};
use crate::notebook::{RecordReport, record};
use crate::progress::{Progress, Unit};

/// Record the outputs of notebooks
///
/// Each executed cell becomes an entry with its outputs, its code and what its result depends on.
/// A cell that is just what its newest entry holds makes no new one. The notebooks themselves
/// stay as they are.
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
    let mut reports = Vec::with_capacity(files.len());
    let progress = session.ui.progress();
    progress.begin("recording", Some(files.len() as u64), Unit::Items);
    let outcome = notebooks::for_each(session, &files, |file| {
        let contents = file.read()?;
        let report = record(&store, &file.name, &file.parse(&contents)?, &context)?;
        reports.push((file, report));
        progress.advance(1);
        Ok(())
    });
    progress.end();
    session.flush_after_put(&store);
    if session.ui.json() {
        let documents = reports.iter().map(|(file, report)| document(file, report));
        session.ui.document(&Value::Array(documents.collect()))?;
    } else {
        print(session, &reports)?;
    }
    outcome
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

fn document(file: &NotebookFile, report: &RecordReport) -> Value {
    let too_large = report.too_large.iter();
    let too_large: Vec<Value> =
        too_large.map(|cell| json!({ "position": cell.position, "bytes": cell.bytes })).collect();
    json!({
        "notebook": file.name.as_str(),
        "path": file.path,
        "new": report.new.iter().map(json::name).collect::<Vec<_>>(),
        "unchanged": report.unchanged,
        "not_executed": report.not_executed,
        "too_large": too_large,
        "output_bytes": report.output_bytes,
        "stored_bytes": report.stored_bytes,
    })
}
