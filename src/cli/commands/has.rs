//! `recell has`: whether results are stored.

use serde_json::{Value, json};

use crate::cli::json;
use crate::cli::report::{Failure, Outcome};
use crate::cli::selection::Selection;
use crate::cli::session::Session;
use crate::lookup::Miss;

/// Tell whether results are stored, by exit code
///
/// Prints the name of the newest entry of each that is. The exit code is 0 if all are stored, and
/// 3 if one is not.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The results, as for `recell get`.
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<Selection>,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let snapshot = session.snapshot(&session.store()?)?;
    let ui = &session.ui;
    let mut misses: Vec<Miss> = Vec::new();
    let mut found: Vec<Value> = Vec::new();
    for key in &args.keys {
        let name = key.name(session, &snapshot)?;
        if ui.json() {
            let entry = name.as_ref().map(json::name);
            found.push(json!({ "key": key.text(), "stored": name.is_some(), "entry": entry }));
        } else if let Some(name) = &name {
            ui.line(name)?;
        }
        if name.is_none() {
            misses.push(key.miss(session, &snapshot));
        }
    }
    if ui.json() {
        ui.document(&Value::Array(found))?;
    }
    if misses.is_empty() { Ok(()) } else { Err(Failure::Misses(misses)) }
}
