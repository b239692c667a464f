//! `recell collection`: named sets of entries.

mod edit;
mod show;

use clap::Subcommand;

use crate::cli::report::Outcome;
use crate::cli::session::Session;

/// Name sets of results: picked by hand, or chained to a search path
///
/// A run is what one `record`, `import-history` or `git add` made; it lists itself. A tagged
/// collection is picked by hand. A chain is an ordered list of others, which `recell find`
/// searches. Tagged collections, frozen ones and all below a chain keep their entries from being
/// pruned; runs alone do not.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a tagged collection of results
    Create(edit::Create),
    /// Add results to a tagged collection
    Add(edit::Add),
    /// Take results out of a tagged collection; the results themselves stay
    Remove(edit::Remove),
    /// Make or change a chain: the collections that are searched, in order
    Chain(edit::Chain),
    /// Freeze a collection: it stays as it is, a chain with all below it
    Freeze(edit::Freeze),
    /// List the collections
    Ls(show::Ls),
    /// Show a collection and what is in it
    Show(show::Show),
    /// Remove a collection; its results stay
    Rm(edit::Rm),
}

impl Args {
    /// Whether it only reads.
    pub(crate) fn reads(&self) -> bool {
        matches!(self.action, Action::Ls(_) | Action::Show(_))
    }
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    match &args.action {
        Action::Create(args) => edit::create(args, session),
        Action::Add(args) => edit::add(args, session),
        Action::Remove(args) => edit::remove(args, session),
        Action::Chain(args) => edit::chain(args, session),
        Action::Freeze(args) => edit::freeze(args, session),
        Action::Ls(args) => show::ls(args, session),
        Action::Show(args) => show::show(args, session),
        Action::Rm(args) => edit::rm(args, session),
    }
}
