//! Files that commands of bundles read and write.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bundle::{DataConfig, DisplayOverrides, Operations, Schema, Scope};
use crate::cli::report::{Failure, Outcome};
use crate::cli::session::Session;
use crate::disk;
use crate::error::{Error, Result};
use crate::stats::Stats;

/// What every file of a kind is called where it is refused.
const CONFIG: &str = "configuration of data";
const SCHEMA: &str = "schema";
const OPERATIONS: &str = "list of operations";
const OVERRIDES: &str = "set of overrides";
const DISPLAY: &str = "display";
const STATS: &str = "file of stats";

/// Reads JSON from a file.
pub(super) fn json(session: &Session, what: &'static str, path: &Path) -> Result<Value> {
    read(session, what, path, |bytes| {
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    })
}

/// Reads what viewers render with, from a file.
pub(super) fn display(session: &Session, path: &Path) -> Result<Value> {
    json(session, DISPLAY, path)
}

/// Reads a configuration from a file.
pub(super) fn config(session: &Session, path: &Path) -> Result<DataConfig> {
    checked(session, CONFIG, path, DataConfig::from_json)
}

/// Reads a schema from a file.
pub(super) fn schema(session: &Session, path: &Path) -> Result<Schema> {
    checked(session, SCHEMA, path, Schema::from_json)
}

/// Reads operations from a file.
pub(super) fn operations(session: &Session, path: &Path) -> Result<Operations> {
    checked(session, OPERATIONS, path, |value| Operations::from_json(&value))
}

/// Reads what is laid over a display, from a file.
pub(super) fn overrides(session: &Session, path: &Path) -> Result<DisplayOverrides> {
    checked(session, OVERRIDES, path, DisplayOverrides::from_json)
}

/// Reads stats from a file, whichever of the known forms it has.
pub(super) fn stats(session: &Session, path: &Path) -> Result<Stats> {
    read(session, STATS, path, |bytes| {
        crate::stats::read_any(bytes).map_err(|problem| problem.to_string())
    })
}

fn checked<T>(
    session: &Session,
    what: &'static str,
    path: &Path,
    check: impl FnOnce(Value) -> std::result::Result<T, String>,
) -> Result<T> {
    let value = json(session, what, path)?;
    check(value).map_err(|reason| Error::BadDocument { what, path: path.to_owned(), reason })
}

fn read<T>(
    session: &Session,
    what: &'static str,
    path: &Path,
    read: impl FnOnce(&[u8]) -> std::result::Result<T, String>,
) -> Result<T> {
    let bytes = disk::read(&session.path(path))?;
    read(&bytes).map_err(|reason| Error::BadDocument { what, path: path.to_owned(), reason })
}

/// Stats on a command line: `FILE` of the data as it is, or `SCOPE=FILE`.
#[derive(Debug, Clone)]
pub(super) struct StatsFile {
    pub(super) scope: Scope,
    pub(super) path: PathBuf,
}

/// Reads `[SCOPE=]FILE`.
pub(super) fn stats_file(text: &str) -> Result<StatsFile, String> {
    let named = text.split_once('=').and_then(|(name, path)| Some((Scope::of_name(name)?, path)));
    let (scope, path) = named.unwrap_or((Scope::Raw, text));
    if path.is_empty() {
        return Err("it names no file".into());
    }
    Ok(StatsFile { scope, path: path.into() })
}

/// Reads the name of a scope.
pub(super) fn scope(text: &str) -> Result<Scope, String> {
    Scope::of_name(text).ok_or_else(|| "it is none of raw, clean, filtered".into())
}

/// Writes bytes to a file that is not there yet, unless it may be replaced.
pub(super) fn write(path: &Path, bytes: &[u8], may_replace: bool) -> Result<()> {
    if !may_replace && disk::is_there(path) {
        return Err(Error::FileExists { path: path.to_owned() });
    }
    disk::replace_unsynced(path, bytes)
}

/// Prints bytes, but not on a terminal.
pub(super) fn print(session: &Session, what: &'static str, bytes: &[u8]) -> Outcome {
    if session.ui.is_on_terminal() {
        return Err(Error::BytesOnTerminal { what }.into());
    }
    session.ui.with_out(|out| {
        out.write_all(bytes)
            .map_err(|source| Failure::from(Error::WritePart { part: what.into(), source }))
    })
}
