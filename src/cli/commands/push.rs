//! `recell push`: what the remote lacks.

use crate::cli::args;
use crate::cli::pushing::{Wish, push_once};
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::syncing::since;
use crate::config::Glob;

/// Send results to a remote
///
/// They travel as few refs below `refs/recell/`, which nobody sees who does not use recell. By
/// default the remote is the repository's own `origin`. What arrived is read back; what the remote
/// refuses is named, and keeps nothing else back.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    /// Notebooks to send, as globs; all of them if none is given
    #[arg(value_name = "NOTEBOOK")]
    notebooks: Vec<Glob>,
    /// The remote, by name or address
    #[arg(long, value_name = "REMOTE")]
    remote: Option<String>,
    /// Leave out what is older than this and was never sent, for example `7d` or `12h`
    #[arg(long, value_name = "AGE", value_parser = args::age)]
    since: Option<std::time::Duration>,
    /// Write a plain tag for each result there, too: for a remote of the cache alone
    #[arg(long)]
    tags: bool,
    /// Write tags even to a remote of the repository, where everybody fetches them
    #[arg(long)]
    force: bool,
    /// Say what would be sent, and send nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Push what looks like a secret, too
    #[arg(long)]
    allow_secrets: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store_to_sync()?;
    let wish = Wish {
        notebooks: &args.notebooks,
        remote: args.remote.as_deref(),
        since: args.since.map(|age| since(session.now(), age)),
        dry_run: args.dry_run,
        tags: args.tags,
        force: args.force,
        allow_secrets: args.allow_secrets,
    };
    let pushed = push_once(session, &store, &wish)?;
    if session.ui.json() {
        session.ui.document(&pushed.json(args.dry_run))?;
    } else {
        pushed.say(session, args.dry_run);
    }
    pushed.end()
}
