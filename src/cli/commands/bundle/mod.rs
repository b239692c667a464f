//! `recell bundle`: first renders of table views.

mod export;
mod import;

use clap::Subcommand;

use crate::cli::report::Outcome;
use crate::cli::session::Session;

/// Keep the first render of table views, and take it from other tools
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Import(import::Args),
    Export(export::Args),
}

impl Args {
    /// Whether it only reads.
    pub(crate) fn reads(&self) -> bool {
        matches!(self.action, Action::Export(_))
    }
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    match &args.action {
        Action::Import(args) => import::run(args, session),
        Action::Export(args) => export::run(args, session),
    }
}
