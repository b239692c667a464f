//! What no rule removes: gathered here from all that know, as features do not know each other.

use std::sync::Arc;

use super::notebooks;
use super::session::Session;
use crate::error::{Error, Result};
use crate::notebook::producible;
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
    // Here the names of `recell.lock`, of the work tree and of the last `retention.lock_commits`
    // commits of the host, go into `protection.locks`, and those of the collections into
    // `protection.collections`.
    if workspace.config().retention.closure {
        closure(session, workspace, store, &mut protection)?;
    }
    Ok(protection)
}

/// Protects the entries that `recell restore` would bring back into the notebooks as they are now.
fn closure(
    session: &Session,
    workspace: &Workspace,
    store: &Store,
    protection: &mut Protection,
) -> Result<()> {
    for file in notebooks::all(workspace)? {
        let contents = file.read()?;
        let notebook = match file.parse(&contents) {
            Ok(notebook) => notebook,
            Err(error @ Error::NotANotebook { .. }) => {
                // What it could produce is not known: that must not pass in silence.
                session.ui.warn(&format!("closure: {error}"), None);
                continue;
            }
            Err(error) => return Err(error),
        };
        let of: Arc<str> = file.name.as_str().into();
        let entries = producible(store, &file.name, &notebook)?;
        protection.closure.extend(entries.into_iter().map(|entry| (entry, Arc::clone(&of))));
    }
    Ok(())
}
