//! `recell bundle display`: what a viewer renders with.

use std::path::PathBuf;

use super::files;
use super::key::Which;
use crate::cli::report::Outcome;
use crate::cli::session::Session;

/// Print what the viewer renders with, as JSON
///
/// It comes to the byte as it was stored. Overrides are laid over it as it is read, so that another
/// theme never misses: `{"display": …}` as a merge patch (RFC 7396) over all of it, `{"columns":
/// {NAME: …}}` over every column of that name.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// What is laid over it, as JSON.
    #[arg(long, value_name = "FILE")]
    overrides: Option<PathBuf>,
}

pub(super) fn run(args: &Args, session: &Session) -> Outcome {
    let overrides = args.overrides.as_ref().map(|path| files::overrides(session, path));
    let overrides = overrides.transpose()?;
    let bundle = args.which.bundle(session)?;
    match overrides {
        Some(overrides) => session.ui.document(&bundle.display_with(&overrides).ok()?),
        None => session.ui.text(&String::from_utf8_lossy(bundle.display())),
    }
}
