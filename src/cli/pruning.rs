//! Keeps a store below its caps after a command that put something, and tells what went.

use super::protection;
use super::session::Session;
use super::words::{count, size};
use crate::clock::{Timestamp, Zone};
use crate::error::Result;
use crate::gc::{self, GcOptions, Sealing};
use crate::retention::{AutomaticPrune, Rules, Unmet, after_flush, removal_times};
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
    if done.as_ref().is_some_and(|done| !done.pruned.removed.is_empty()) {
        collect_old_trash(session, workspace, store)?;
    }
    Ok(done)
}

/// Gives back the bytes of what was removed long ago, so that a cap bounds what is on disk.
fn collect_old_trash(session: &Session, workspace: &Workspace, store: &Store) -> Result<()> {
    let keep = workspace.config().retention.keep_trash.as_micros();
    let keep = i64::try_from(keep).unwrap_or(i64::MAX);
    let now = session.now();
    let before = Timestamp::from_micros(now.micros().saturating_sub(keep).saturating_add(1));
    if !removal_times(store)?.iter().any(|(when, _)| *when < before) {
        return Ok(());
    }
    let options = GcOptions { trash_before: Some(before), ..GcOptions::new(now) };
    let environment = session.git_environment();
    gc::collect(store, &options, Sealing::Never, &environment, &session.ui.progress())?;
    Ok(())
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
