//! Which entries are marked as come from elsewhere, since no foreign ledger here will say so.
//!
//! An entry that is in nobody's ledger counts as put here. So whatever a pull takes in without the
//! ledger that has it, and whatever a ledger no longer has that had it, is marked in the very step
//! in which that happens.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::git::ObjectId;
use crate::name::{EntryName, LedgerName};
use crate::store::{FOREIGN_FOLDER, KeptObjects, RefChange, Store, foreign_ref};
use crate::sync::ledger_tree::{commit_of, compare};

/// Returns the entries to be marked when `added`, of which this store had nothing, become tags and
/// `ledger` goes from the state `mine` to `next`; `None` is no state, or that it stays as it is.
///
/// # Errors
/// [`crate::Error::BrokenLedger`] if a state cannot be read, [`crate::Error::Disk`].
pub(crate) fn names_to_mark<'a>(
    store: &Store,
    ledger: &LedgerName,
    mine: Option<&ObjectId>,
    next: Option<&ObjectId>,
    added: impl IntoIterator<Item = &'a EntryName>,
) -> Result<Vec<EntryName>> {
    let is_own = ledger.writer() == store.writer_id();
    let mut marked = Vec::new();
    if is_own || next.is_none() {
        // Of our own ledger on a remote we know only what we put there ourselves: others may
        // write there, and a copy of this store does.
        let is_known =
            |name: &EntryName| mine.is_some_and(|mine| store.tree_in_ledger(mine, name).is_some());
        marked.extend(added.into_iter().filter(|name| !is_known(name)).cloned());
    }
    if let (Some(mine), Some(next), false) = (mine, next, is_own) {
        let ((before, _), (after, _)) = (commit_of(store, mine)?, commit_of(store, next)?);
        for (below, _) in compare(store, Some(&before), Some(&after))?.removed {
            let name = EntryName::parse(format!("{}/{below}", ledger.notebook_segment()));
            if let Ok(name) = name
                && store.tree_of(&name).is_some()
            {
                marked.push(name);
            }
        }
    }
    Ok(marked)
}

/// Returns the changes of refs that mark entries; what they name stays as long as the answer is
/// held.
///
/// # Errors
/// As [`Store::put`].
pub(crate) fn mark_changes<'s>(
    store: &'s Store,
    names: &[EntryName],
) -> Result<(Vec<RefChange>, Option<KeptObjects<'s>>)> {
    if names.is_empty() {
        return Ok((Vec::new(), None));
    }
    let (mark, kept) = store.keep_mark()?;
    let change = |name| RefChange { name: foreign_ref(name), expected: None, new: Some(mark) };
    Ok((names.iter().map(change).collect(), Some(kept)))
}

/// Returns the entries of a notebook that are marked, by the segment in their names.
///
/// # Errors
/// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
pub(super) fn marked_in(store: &Store, notebook_segment: &str) -> Result<BTreeSet<EntryName>> {
    let refs = store.refs_below(&format!("{FOREIGN_FOLDER}/{notebook_segment}"))?;
    let prefix = format!("{FOREIGN_FOLDER}/");
    let name = |name: &String| EntryName::parse(name.strip_prefix(&prefix)?.to_owned()).ok();
    Ok(refs.keys().filter_map(name).collect())
}
