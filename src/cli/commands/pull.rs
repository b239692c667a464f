//! `recell pull`: what the remote has and this store has not.

use serde_json::json;

use crate::cli::args;
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::syncing::{
    chosen_remote, is_named, part_json, since, speak, tell_forgotten, tell_missing,
};
use crate::cli::words::{count, size};
use crate::config::{FetchPolicy, Glob, SyncSettings};
use crate::name::EntryName;
use crate::sync::{self, PullOptions};

/// Bring results from a remote
///
/// All names come, and of the results what `sync.fetch` in `recell.toml` says: outputs and code,
/// unless it is set. Other parts stay on the remote and come when they are read. Nothing that is
/// here already travels. What was removed here does not come back by itself.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Notebooks to bring, as globs; all of them if none is given
    #[arg(value_name = "NOTEBOOK")]
    notebooks: Vec<Glob>,
    /// The remote, by name or address
    #[arg(long, value_name = "REMOTE")]
    remote: Option<String>,
    /// Leave out what is older than this, for example `7d` or `12h`
    #[arg(long, value_name = "AGE", value_parser = args::age)]
    since: Option<std::time::Duration>,
    /// Bring back what was removed here, too
    #[arg(long)]
    all: bool,
    /// Which parts to bring in this run, whatever the settings say: `outputs`, `all` or `lazy`
    #[arg(long, value_name = "PARTS", value_parser = policy)]
    fetch: Option<FetchPolicy>,
    /// Bring no parts now: the same as `--fetch lazy`
    #[arg(long, conflicts_with = "fetch")]
    lazy: bool,
    /// Say what would come, and take nothing in
    #[arg(long, short = 'n')]
    dry_run: bool,
}

fn policy(text: &str) -> Result<FetchPolicy, String> {
    let all = [FetchPolicy::Outputs, FetchPolicy::All, FetchPolicy::Lazy];
    all.into_iter()
        .find(|policy| policy.as_str() == text)
        .ok_or_else(|| "it is one of `outputs`, `all` and `lazy`".to_owned())
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.workspace()?.open_or_create(session.options())?;
    let chosen = chosen_remote(session, args.remote.as_deref())?;
    let remote = speak(session, &chosen, &store)?;
    let named = |notebook: &str| is_named(&args.notebooks, notebook);
    let now = session.now();
    let progress = session.ui.progress();
    let options = PullOptions {
        notebooks: (!args.notebooks.is_empty()).then_some(&named),
        since: args.since.map(|age| since(now, age)),
        removed_too: args.all,
        dry_run: args.dry_run,
        now,
        progress: &progress,
    };
    let mut settings = session.workspace()?.config().sync.clone();
    if let Some(policy) = args.fetch.or(args.lazy.then_some(FetchPolicy::Lazy)) {
        overrule(&mut settings, policy);
    }
    let report = sync::pull(&store, &chosen.id, &remote, &settings, &options)?;
    let ui = &session.ui;
    for (name, reason) in &report.refused {
        ui.warn(&format!("not taken in: `{name}`: {reason}"), None);
    }
    tell_missing(ui, &chosen.id, &report.missing);
    tell_forgotten(ui, &report.forgotten);
    if ui.json() {
        return ui.document(&json!({
            "remote": chosen.id,
            "url": remote.shown(),
            "dry_run": args.dry_run,
            "entries": report.entries.iter().map(EntryName::as_str).collect::<Vec<_>>(),
            "ledgers": report.ledgers.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "refused": report.refused.iter().map(|(name, reason)| {
                json!({ "name": name, "reason": reason })
            }).collect::<Vec<_>>(),
            "forgotten": report.forgotten.iter().map(EntryName::as_str).collect::<Vec<_>>(),
            "objects": report.objects,
            "bytes": report.bytes,
            "missing": report.missing.iter().map(part_json).collect::<Vec<_>>(),
            "left_parts": report.left.0,
            "left_bytes": report.left.1,
        }));
    }
    let said = count(report.entries.len(), "entry", "entries");
    let from = remote.shown();
    let amount = size(report.bytes);
    ui.say(match (args.dry_run, report.entries.len()) {
        (true, _) => format!("would take in {said} from {from}, with parts of {amount}"),
        (false, 0) => format!("nothing new at {from}"),
        (false, _) => format!("pulled {said} from {from}, {amount}"),
    });
    if report.left.0 > 0 {
        let parts = count(report.left.0, "part stays", "parts stay");
        let amount = size(report.left.1);
        ui.say(format!("{parts} there until they are read or fetched, {amount}"));
    }
    Ok(())
}

/// Has one policy count for all notebooks.
fn overrule(settings: &mut SyncSettings, policy: FetchPolicy) {
    settings.fetch = policy;
    for rule in &mut settings.rule {
        rule.fetch = None;
    }
}
