//! `recell strip`: takes the outputs out of notebooks, after recording them.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::record::warn_of_size;
use crate::cli::columns::{Align, Columns};
use crate::cli::locking::LockKeeper;
use crate::cli::notebooks::{self, NotebookFile};
use crate::cli::report::{Failure, Outcome};
use crate::cli::runs::RunKeeper;
use crate::cli::session::Session;
use crate::cli::words::{grouped, size};
use crate::error::Error;
use crate::notebook::{Notebook, RecordContext, RecordReport, StripOptions, record, strip};
use crate::store::Store;

/// Take the outputs out of notebooks
///
/// Outputs that are not in the store yet are recorded first, so that `recell restore` brings them
/// back. Cells with the tag `keep_output` (`filter.keep_tags`) keep theirs.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    /// The notebooks: files, folders with all below, or globs.
    #[arg(value_name = "NOTEBOOK", required = true)]
    notebooks: Vec<PathBuf>,
    /// Record nothing: outputs that are not in the store are gone for good.
    #[arg(long)]
    no_record: bool,
    /// Leave the execution counts.
    #[arg(long)]
    keep_count: bool,
    /// Print the notebook instead of replacing its file; nothing is recorded.
    #[arg(long)]
    stdout: bool,
    /// Write nothing; list the notebooks that have outputs, and exit with 1 if there are any.
    #[arg(long, conflicts_with = "stdout")]
    check: bool,
}

/// One notebook and what stripping it took away.
struct Stripped<'a> {
    file: &'a NotebookFile,
    before: usize,
    after: usize,
    recorded: usize,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let files = notebooks::named(session, &args.notebooks)?;
    if args.stdout && files.len() > 1 {
        return Err(Error::OneNotebook { found: files.len() }.into());
    }
    let workspace = session.workspace()?;
    let filter = &workspace.config().filter;
    let keep_tags: Vec<&str> = filter.keep_tags.iter().map(String::as_str).collect();
    let mut options = StripOptions {
        keep_execution_count: args.keep_count || filter.keep_execution_count,
        heed_keep_output: true,
        keep_tags: &keep_tags,
        max_output: u64::MAX,
    };
    let writes = !args.check && !args.stdout;
    let mut recorder = if writes && !args.no_record { recorder(session)? } else { None };
    if recorder.is_some() {
        // What is too large to be recorded must not be taken away.
        options.max_output = filter.max_output.bytes();
    }
    let mut all = Vec::with_capacity(files.len());
    let mut run = RunKeeper::new("strip", session);
    let outcome = notebooks::for_each(session, &files, |file| {
        let contents = file.read()?;
        let notebook = file.parse(&contents)?;
        let bare = strip(&notebook, options);
        let mut stripped =
            Stripped { file, before: contents.bytes.len(), after: bare.len(), recorded: 0 };
        if args.stdout {
            return print_notebook(session, &bare);
        }
        if bare != contents.bytes {
            if writes {
                if !args.no_record {
                    let report = record_first(session, &mut recorder, file, &notebook)?;
                    stripped.recorded = report.new.len();
                    run.take_in(&report);
                }
                file.replace(&contents, &bare, workspace.config().store.durability)?;
            }
            all.push(stripped);
        }
        Ok(())
    });
    if let Some(Recorder { store, keeper, .. }) = recorder {
        if let Some(mut keeper) = keeper {
            keeper.finish(session, &store);
        }
        run.finish(session, &store);
        session.flush_after_put(&store);
    }
    if !args.stdout && (outcome.is_ok() || !all.is_empty()) {
        print(session, &all, args.check)?;
    }
    outcome?;
    if args.check && !all.is_empty() {
        return Err(Error::NotStripped { count: all.len(), total: files.len() }.into());
    }
    Ok(())
}

/// What records outputs before they are taken away.
struct Recorder {
    store: Store,
    context: RecordContext,
    keeper: Option<LockKeeper>,
}

/// Returns what records, if there is a store.
fn recorder(session: &Session) -> Result<Option<Recorder>, Error> {
    match session.store_to_put() {
        Ok(store) => {
            let workspace = session.workspace()?;
            let context = notebooks::context(session, workspace, true);
            Ok(Some(Recorder { store, context, keeper: LockKeeper::of(workspace) }))
        }
        Err(Error::NoStore { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Records what is about to be taken away; returns what that made.
fn record_first(
    session: &Session,
    recorder: &mut Option<Recorder>,
    file: &NotebookFile,
    notebook: &Notebook<'_>,
) -> Result<RecordReport, Failure> {
    let Some(Recorder { store, context, keeper }) = recorder else {
        return Err(Error::WouldLose { path: file.path.clone() }.into());
    };
    let report = record(store, &file.name, notebook, context)?;
    if let Some(keeper) = keeper {
        keeper.take_in(store, &file.name, notebook, |cell| cell.is_executed);
    }
    warn_of_size(session, file, &report);
    Ok(report)
}

fn print_notebook(session: &Session, bytes: &[u8]) -> Outcome {
    session.ui.with_out(|out| {
        out.write_all(bytes).map_err(|source| {
            Failure::from(Error::Stream { action: "write to", stream: "output", source })
        })
    })
}

fn print(session: &Session, all: &[Stripped<'_>], is_check: bool) -> Outcome {
    if session.ui.json() {
        let documents = all.iter().map(|stripped| {
            json!({
                "notebook": stripped.file.name.as_str(),
                "path": stripped.file.path,
                "bytes_before": stripped.before,
                "bytes_after": stripped.after,
                "recorded": stripped.recorded,
            })
        });
        return session.ui.document(&Value::Array(documents.collect()));
    }
    if all.is_empty() {
        session.ui.say("no outputs to take out");
        return Ok(());
    }
    let mut columns = Columns::new(&[
        ("notebook", Align::Left),
        ("before", Align::Right),
        ("after", Align::Right),
        ("recorded", Align::Right),
    ]);
    for Stripped { file, before, after, recorded } in all {
        columns.push([
            file.name.as_str().into(),
            size(*before as u64).into(),
            size(*after as u64).into(),
            if is_check { "".into() } else { grouped(*recorded).into() },
        ]);
    }
    columns.print(&session.ui)
}
