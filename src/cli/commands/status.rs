//! `recell status`: what the store holds and whether all is well.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::syncing::chosen_remote;
use crate::cli::words::{ago, count, grouped, size};
use crate::clock::Timestamp;
use crate::disk;
use crate::error::Result;
use crate::events;
use crate::index::Pattern;
use crate::journal::{Journal, found_in};
use crate::store::Store;
use crate::sync;

/// Show what the store holds
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args, session: &Session) -> Outcome {
    let workspace = session.workspace()?;
    let store = session.store()?;
    let snapshot = session.snapshot(&store)?;
    let names = snapshot.list(&Pattern::all());
    let notebooks: BTreeSet<_> = names.iter().map(crate::name::EntryName::notebook).collect();
    let pending = pending(&store)?;
    let local = sync::local_parts(&store)?;
    let local_count: usize = local.iter().map(|it| it.parts).sum();
    let local_bytes: u64 = local.iter().map(|it| it.bytes).sum();
    let bytes = bytes_below(store.path())?;
    let writable = is_writable(&store);
    let ui = &session.ui;
    // Without a remote there is nothing to say; asking reads files alone.
    let remote = chosen_remote(session, None).ok();
    let sync = &workspace.config().sync;
    let now = session.now();
    let standing = match &remote {
        Some(remote) => sync::standing(&store, &remote.id, sync, now)
            .inspect_err(|error| {
                ui.warn(&format!("nobody knows what is to be pushed: {error}"), None);
            })
            .ok(),
        None => None,
    };
    let remote = remote.zip(standing);
    if ui.json() {
        return ui.document(&json!({
            "workspace": workspace.root(),
            "store": store.path(),
            "object_format": store.object_format().as_str(),
            "entries": names.len(),
            "notebooks": notebooks.len(),
            "pending_entries": pending.entries,
            "pending_journals": pending.journals,
            "local_parts": local_count,
            "local_bytes": local_bytes,
            "bytes": bytes,
            "writable": writable,
            "remote": remote.map(|(remote, standing)| json!({
                "name": remote.id,
                "ahead": standing.ahead,
                "behind": standing.behind,
                "spoken": standing.spoken.map(Timestamp::to_rfc3339),
            })),
        }));
    }
    if let Some(root) = workspace.root() {
        ui.line(format_args!("workspace  {}", root.display()))?;
    }
    ui.line(format_args!("store      {}", store.path().display()))?;
    let entries = count(names.len(), "entry", "entries");
    let notebooks = count(notebooks.len(), "notebook", "notebooks");
    ui.line(format_args!("holds      {entries} of {notebooks}, {} on disk", size(bytes)))?;
    if pending.journals > 0 {
        let entries = count(pending.entries, "entry", "entries");
        let journals = count(pending.journals, "journal", "journals");
        ui.line(format_args!("pending    {entries} in {journals}; `recell flush` moves them"))?;
    }
    if local_count > 0 {
        let parts = count(local_count, "part", "parts");
        let stay = if local_count == 1 { "stays" } else { "stay" };
        let of = size(local_bytes);
        ui.line(format_args!("local      {parts} of {of} {stay} on this machine"))?;
    }
    if let Some((remote, standing)) = remote {
        let spoken = standing
            .spoken
            .map_or("never spoken to".into(), |at| format!("last spoken to {}", ago(now, at)));
        let (ahead, behind) = (grouped(standing.ahead), grouped(standing.behind));
        let name = remote.id;
        ui.line(format_args!("remote     {name}: {ahead} to push, {behind} to pull, {spoken}"))?;
    }
    let access = if writable { "read and write" } else { "read only" };
    ui.line(format_args!("access     {access}"))
}

/// What is not flushed yet.
struct Pending {
    journals: usize,
    entries: usize,
}

fn pending(store: &Store) -> Result<Pending> {
    let folder = store.inner.repository.journal_folder();
    let mut pending = Pending { journals: 0, entries: 0 };
    for id in found_in(&folder)? {
        if let Some(mut journal) = Journal::open(&folder, &id, store.object_format())? {
            journal.catch_up()?;
            pending.journals += 1;
            pending.entries += journal.entries.len();
        }
    }
    Ok(pending)
}

/// Returns the bytes of all files below a folder, but for the log of events, which comes and goes.
fn bytes_below(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in disk::list(&folder)? {
            if entry.is_folder {
                folders.push(entry.path);
            } else if !events::is_of_log(&entry.name) {
                // It may be gone by now: another process flushes.
                bytes += disk::signature(&entry.path)?.map_or(0, |signature| signature.size());
            }
        }
    }
    Ok(bytes)
}

/// Whether a file can be made in the store; only trying tells.
fn is_writable(store: &Store) -> bool {
    let name = format!("probe-{}", std::process::id());
    let probe = store.inner.repository.own_folder().join(name);
    disk::create_new(&probe).is_ok() && disk::remove(&probe).is_ok()
}
