//! `recell bundle`: first renders of table views, stored, replayed and compared.

mod attach;
mod compare;
mod config_id;
mod counted;
mod display;
mod drift;
mod files;
mod get;
mod key;
mod ls;
mod probe;
mod put;
mod report;
mod stats;
mod value;
mod versions;
mod window;

use clap::Subcommand;

use crate::cli::report::Outcome;
use crate::cli::session::Session;

/// Keep the first render of a table view, and replay it without touching the data
///
/// A bundle is what a viewer shows at first of some data: a window of its rows, the stats of its
/// columns, and how both are displayed. It is found by what the host calls the data, by the
/// configuration that touches data, and by the operations in between: a search is another bundle
/// than the unfiltered table. Every version stays, so that `recell bundle stats A B` can say whether
/// the data changed (docs/bundles.md).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Put(put::Args),
    Attach(attach::Args),
    Get(get::Args),
    Probe(probe::Args),
    Window(window::Args),
    Display(display::Args),
    Stats(stats::Args),
    Ls(ls::Args),
    Versions(versions::Args),
    Report(report::Args),
    ConfigId(config_id::Args),
}

impl Args {
    /// Whether it reads what is stored, so that `--as-of` means something.
    pub(crate) fn reads(&self) -> bool {
        matches!(
            self.action,
            Action::Get(_)
                | Action::Window(_)
                | Action::Display(_)
                | Action::Stats(_)
                | Action::Ls(_)
                | Action::Versions(_)
        )
    }
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    match &args.action {
        Action::Put(args) => put::run(args, session),
        Action::Attach(args) => attach::run(args, session),
        Action::Get(args) => get::run(args, session),
        Action::Probe(args) => probe::run(args, session),
        Action::Window(args) => window::run(args, session),
        Action::Display(args) => display::run(args, session),
        Action::Stats(args) => stats::run(args, session),
        Action::Ls(args) => ls::run(args, session),
        Action::Versions(args) => versions::run(args, session),
        Action::Report(args) => report::run(args, session),
        Action::ConfigId(args) => config_id::run(args, session),
    }
}
