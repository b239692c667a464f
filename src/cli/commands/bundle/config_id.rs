//! `recell bundle config-id`: what stands for a configuration.

use std::path::PathBuf;

use serde_json::json;

use super::files;
use crate::cli::report::Outcome;
use crate::cli::session::Session;

/// Print what stands for a configuration that touches data
///
/// It is the same in every process and on every platform. The order of analyses counts, that of
/// skipped columns and stats does not; themes, pinned rows and overrides are no part of it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration, as JSON (docs/bundles.md).
    file: PathBuf,
}

pub(super) fn run(args: &Args, session: &Session) -> Outcome {
    let id = files::config(session, &args.file)?.config_id();
    if session.ui.json() {
        return session.ui.document(&json!({ "config_id": id }));
    }
    session.ui.line(id)
}
