//! `recell sync`: pull, then push, until both sides agree.

use std::collections::BTreeSet;

use serde_json::json;

use crate::cli::pushing::{Wish, push_once};
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::syncing::{chosen_remote, is_named, speak, tell_forgotten, tell_missing};
use crate::cli::words::count;
use crate::config::Glob;
use crate::name::EntryName;
use crate::sync::{self, PullOptions};

/// How often both are done, while others go on pushing.
const ROUNDS: usize = 5;

/// Pull and push, until this store and the remote have the same
///
/// As `recell pull` and then `recell push`; once more if somebody else pushed meanwhile.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Notebooks to exchange, as globs; all of them if none is given
    #[arg(value_name = "NOTEBOOK")]
    notebooks: Vec<Glob>,
    /// The remote, by name or address
    #[arg(long, value_name = "REMOTE")]
    remote: Option<String>,
    /// Push what looks like a secret, too
    #[arg(long)]
    allow_secrets: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    drop(session.store_to_put()?);
    let store = session.store_to_sync()?;
    let chosen = chosen_remote(session, args.remote.as_deref())?;
    let remote = speak(session, &chosen, &store)?;
    let named = |notebook: &str| is_named(&args.notebooks, notebook);
    let settings = &session.workspace()?.config().sync;
    let wish = Wish {
        notebooks: &args.notebooks,
        remote: args.remote.as_deref(),
        since: None,
        dry_run: false,
        tags: false,
        force: false,
        allow_secrets: args.allow_secrets,
    };
    let (mut pulled, mut sent) = (BTreeSet::new(), BTreeSet::new());
    let ui = &session.ui;
    let mut round = 0;
    let last = loop {
        round += 1;
        let progress = ui.progress();
        let options = PullOptions {
            notebooks: (!args.notebooks.is_empty()).then_some(&named),
            since: None,
            removed_too: false,
            dry_run: false,
            now: session.now(),
            progress: &progress,
        };
        let report = sync::pull(&store, &chosen.id, &remote, settings, &options)?;
        for (name, reason) in &report.refused {
            ui.warn(&format!("not taken in: `{name}`: {reason}"), None);
        }
        tell_missing(ui, &chosen.id, &report.missing);
        tell_forgotten(ui, &report.forgotten);
        pulled.extend(report.entries);
        let pushed = push_once(session, &store, &wish)?;
        sent.extend(pushed.report.entries.iter().cloned());
        // What was faster than the push is there to be pulled.
        if pushed.report.races == 0 || round == ROUNDS {
            break pushed;
        }
    };
    if ui.json() {
        let listed = |entries: &BTreeSet<EntryName>| {
            entries.iter().map(EntryName::as_str).collect::<serde_json::Value>()
        };
        ui.document(&json!({
            "remote": last.remote, "url": last.url, "pulled": listed(&pulled),
            "pushed": listed(&sent), "missing": last.json(false)["missing"], "rounds": round,
        }))?;
    } else if pulled.is_empty() && sent.is_empty() && last.report.missing.is_empty() {
        ui.say(format!("nothing to do: {} and this store both have the same", last.url));
    } else {
        let entries = |names: &BTreeSet<EntryName>| count(names.len(), "entry", "entries");
        ui.say(format!("pulled {} from {}", entries(&pulled), last.url));
        last.say(session, false);
    }
    last.end()
}
