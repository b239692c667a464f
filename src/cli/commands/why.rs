//! `recell why`: why a result is not stored, or is another than before.

mod cell;
mod entries;
mod notebook;

pub(super) use entries::Told;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::notebooks::{self, NotebookFile};
use crate::cli::report::{Failure, Outcome};
use crate::cli::selection::Selection;
use crate::cli::session::Session;
use crate::disk;
use crate::lookup::Miss;
use crate::name::ExecutionKey;
use crate::store::Snapshot;

/// Tell why a result is not stored, or why two differ
///
/// For a notebook or one of its cells, as it stands in the work tree now: whether its result is
/// stored, and if not, which ingredient differs from the nearest entry: its own code, a cell
/// before it, the kernel. For a key, the same as far as the store knows. For two entries, what
/// changed from the first to the second. The exit code is 0 for a hit and 3 for a miss.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A notebook, a cell of it as `notebook:cell`, or a key.
    what: String,
    /// Compare two entries: WHAT before and this one after.
    #[arg(value_name = "AFTER")]
    after: Option<Selection>,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    let snapshot = session.snapshot(&store)?;
    if let Some(after) = &args.after {
        let before = selection(&args.what)?.entry_for_person(session, &snapshot)?;
        let after = after.entry_for_person(session, &snapshot)?;
        return entries::two(session, &snapshot, &before, &after);
    }
    if let Some((file, cell)) = standing(session, &args.what)? {
        return match cell {
            Some(cell) => cell::run(session, &snapshot, &file, &cell),
            None => notebook::run(session, &snapshot, &file),
        };
    }
    let selection = selection(&args.what)?;
    match selection.entry_for_person(session, &snapshot) {
        Ok(entry) => entries::one(session, &snapshot, &entry, &args.what),
        Err(Failure::Misses(misses)) => {
            let never = misses.iter().all(|miss| matches!(miss, Miss::NeverStored { .. }));
            match args.what.parse() {
                Ok(key) if never => missing(session, &snapshot, &key),
                _ => Err(Failure::Misses(misses)),
            }
        }
        Err(failure) => Err(failure),
    }
}

/// Answers for a key under which nothing is stored: what it is made of is known if it is that of a
/// cell as it stands.
fn missing(session: &Session, snapshot: &Snapshot, key: &ExecutionKey) -> Outcome {
    if let Some(path) = file(session, key.notebook())?
        && key.version() == "0"
    {
        let file = one_file(session, path)?;
        if cell::stands(snapshot, &file, key) {
            return cell::run(session, snapshot, &file, key.cell());
        }
    }
    entries::missing(session, snapshot, key)
}

fn selection(text: &str) -> Result<Selection, Failure> {
    text.parse::<Selection>().map_err(|reason| {
        crate::error::Error::Key { text: text.to_owned(), source: reason.into() }.into()
    })
}

/// Returns the notebook file that a text names, and its cell; `None` if it names no file, or a
/// module too.
fn standing(
    session: &Session,
    text: &str,
) -> Result<Option<(NotebookFile, Option<String>)>, Failure> {
    if let Some(path) = file(session, text)? {
        return Ok(Some((one_file(session, path)?, None)));
    }
    let Some((path, cell)) = text.rsplit_once(':') else { return Ok(None) };
    let Some(path) = file(session, path)? else { return Ok(None) };
    let cell = cell.replace("%3a", ":").replace("%3A", ":").replace("%25", "%");
    Ok(Some((one_file(session, path)?, Some(cell).filter(|cell| !cell.is_empty()))))
}

/// Returns where the file of that name is: from here, or from the workspace as in a key.
fn file(session: &Session, text: &str) -> Result<Option<PathBuf>, Failure> {
    let here = session.path(Path::new(text));
    let in_workspace = session.workspace()?.base().join(text);
    let is_file = |path: &PathBuf| disk::is_there(path) && !disk::is_folder(path);
    Ok([here, in_workspace].into_iter().find(is_file).filter(|_| !text.is_empty()))
}

fn one_file(session: &Session, path: PathBuf) -> Result<NotebookFile, Failure> {
    let mut files = notebooks::named(session, &[path])?;
    Ok(files.pop().expect("a file that is there is one notebook"))
}

/// Warns of entries that could not be read and were passed over; returns them as JSON.
pub(super) fn skipped(session: &Session, misses: &[Miss]) -> Value {
    for miss in misses {
        session.ui.warn(&format!("passed over: {miss}"), Some("Run `recell verify --full`."));
    }
    misses.iter().map(|miss| json!({ "miss": miss.code(), "message": miss.to_string() })).collect()
}
