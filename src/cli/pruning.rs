//! Keeps a store below its caps after a command that put something, and tells what went.

use super::protection;
use super::session::Session;
use super::words::{count, size};
use crate::clock::Zone;
use crate::error::Result;
use crate::retention::{AutomaticPrune, Rules, Unmet, after_flush};
use crate::store::Store;
use crate::workspace::Workspace;

/// Removes what the caps of the settings demand, if there are any. The command has done its work,
/// so that what hinders this is only a warning.
pub(super) fn keep_caps(session: &Session, workspace: &Workspace, store: &Store) {
    match prune(session, workspace, store) {
        Ok(None) => {}
        Ok(Some(done)) => tell(session, &done),
        Err(error) => {
            session.ui.warn(&format!("the store's caps were not looked at: {error}"), None);
        }
    }
}

fn prune(
    session: &Session,
    workspace: &Workspace,
    store: &Store,
) -> Result<Option<AutomaticPrune>> {
    let rules = Rules::new(&workspace.config().retention)?;
    let protection = || protection::gather(session, workspace, store);
    let done = after_flush(store, &rules, &protection, session.now(), Zone::Local)?;
    // What went is in the trash: here gc gives its bytes back, once it may be run beside others.
    Ok(done)
}

fn tell(session: &Session, done: &AutomaticPrune) {
    let removed = done.pruned.removed.len();
    if removed > 0 {
        session.ui.warn(
            &format!(
                "{} removed to stay below the cap: the least recently used; gc gives back {}",
                count(removed, "entry was", "entries were"),
                size(done.bytes_freed)
            ),
            Some("`recell undo` brings them back until gc; `recell pin` keeps what must stay."),
        );
    }
    tell_unmet(session, &done.unmet);
}

/// Warns of caps that cannot be met.
pub(super) fn tell_unmet(session: &Session, unmet: &[Unmet]) {
    for Unmet { pattern, bytes_over, entries_over } in unmet {
        let mut over = Vec::new();
        over.extend(bytes_over.map(size));
        over.extend(entries_over.map(|entries| count(entries as usize, "entry", "entries")));
        let of = pattern.as_ref().map_or(String::new(), |pattern| format!(" of `{pattern}`"));
        session.ui.warn(
            &format!(
                "the cap{of} cannot be met: what is left is protected, {} too much",
                over.join(" and ")
            ),
            Some("Raise the cap, or take pins away with `recell unpin`."),
        );
    }
}
