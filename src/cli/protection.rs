//! What no rule removes: gathered here from all that know, as features do not know each other.

use std::collections::HashMap;
use std::sync::Arc;

use super::notebooks;
use super::session::Session;
use crate::collection;
use crate::error::{Error, Result};
use crate::git::{HostRepository, NoHost};
use crate::index::Pattern;
use crate::lockfile::{PinnedBy, protected};
use crate::name::EntryName;
use crate::notebook::chosen;
use crate::retention::{Protection, pins};
use crate::store::Store;
use crate::workspace::Workspace;

/// Returns what is protected now. It reads names, and with `retention.closure` the notebooks of the
/// workspace; it may be asked while the store's lock is held.
///
/// # Errors
/// Those of reading the names, and of reading notebooks: a protection that is not known protects
/// nothing, so that nothing may go then.
pub(super) fn gather(
    session: &Session,
    workspace: &Workspace,
    store: &Store,
) -> Result<Protection> {
    let mut protection = Protection { pins: pins(store)?, ..Protection::default() };
    locks(session, workspace, &mut protection)?;
    let collected = collection::protected(store)?.into_iter();
    protection.collections = collected.map(|(entry, name)| (entry, name.into())).collect();
    if workspace.config().retention.closure {
        closure(session, workspace, store, &mut protection)?;
    }
    Ok(protection)
}

/// Protects the entries that `recell.lock` names, in the work tree and in the last commits.
fn locks(session: &Session, workspace: &Workspace, protection: &mut Protection) -> Result<()> {
    let git = session.git();
    let host = match HostRepository::discover(workspace.base(), &git) {
        Ok(host) => Some(host),
        Err(NoHost::NoRepository { .. }) => None,
        Err(error) => {
            session.ui.warn(&format!("what past commits lock is not protected: {error}"), None);
            None
        }
    };
    let commits = workspace.config().retention.lock_commits as usize;
    let mut places: HashMap<PinnedBy, Arc<str>> = HashMap::new();
    for (entry, by) in protected(host.as_ref(), &git, workspace.base(), commits)? {
        let place = places.entry(by).or_insert_with(|| match by {
            PinnedBy::WorkTree => "the work tree".into(),
            PinnedBy::Commit(id) => format!("commit {}", &id.to_string()[..7]).into(),
        });
        protection.locks.insert(entry, Arc::clone(place));
    }
    Ok(())
}

/// Protects the entries that `recell restore` would bring back into the notebooks as they are now.
fn closure(
    session: &Session,
    workspace: &Workspace,
    store: &Store,
    protection: &mut Protection,
) -> Result<()> {
    let snapshot = store.snapshot()?;
    for file in notebooks::all(workspace)? {
        let of: Arc<str> = file.name.as_str().into();
        let contents = file.read()?;
        let notebook = match file.parse(&contents) {
            Ok(notebook) => notebook,
            Err(error @ Error::NotANotebook { .. }) => {
                // What it could produce is not known: all that it ever did stays.
                session.ui.warn(&format!("closure: {error}"), None);
                let all = store.list(&Pattern::notebook(file.name.as_str()))?;
                protection.closure.extend(all.into_iter().map(|entry| (entry, Arc::clone(&of))));
                continue;
            }
            Err(error) => return Err(error),
        };
        for cell in chosen(&snapshot, &file.name, &notebook) {
            let entry = cell.entry.map(|(entry, _)| (entry, Arc::clone(&of)));
            protection.closure.extend(entry);
        }
    }
    protect_upstream(store, &mut protection.closure)
}

/// Protects, too, what protected entries were computed from.
fn protect_upstream(store: &Store, closure: &mut HashMap<EntryName, Arc<str>>) -> Result<()> {
    let mut waiting: Vec<EntryName> = closure.keys().cloned().collect();
    while let Some(name) = waiting.pop() {
        let Some(entry) = store.entry(&name)?.hit() else { continue };
        for upstream in &entry.manifest().provenance.upstream {
            let Ok(upstream) = EntryName::parse(upstream.clone()) else { continue };
            if !closure.contains_key(&upstream) {
                closure.insert(upstream.clone(), Arc::clone(&closure[&name]));
                waiting.push(upstream);
            }
        }
    }
    Ok(())
}
