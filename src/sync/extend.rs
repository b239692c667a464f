//! New states of ledgers: with more entries, or the union of two states.

use super::ledger_tree::{changed_tree, commit_of, compare};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::git::{Commit, Kind, ObjectId, commit_bytes, object_id};
use crate::store::{MadeObject, Store};

/// A new state of a ledger, whose objects are yet to be stored.
pub(crate) struct NewState {
    /// The last is the commit.
    pub(crate) objects: Vec<MadeObject>,
    pub(crate) commit: ObjectId,
}

/// Returns the state that has the entries of `base` and `add`, names below the notebook.
///
/// # Errors
/// [`crate::Error::BrokenLedger`] if `base` cannot be read.
pub(crate) fn extended<'a>(
    store: &Store,
    base: Option<&ObjectId>,
    add: impl IntoIterator<Item = (&'a str, ObjectId)>,
    now: Timestamp,
) -> Result<NewState> {
    let tree = base.map(|commit| commit_of(store, commit)).transpose()?.map(|(tree, _)| tree);
    let mut count = 0;
    let add = add.into_iter().inspect(|_| count += 1);
    let objects = changed_tree(store, tree.as_ref(), add, [])?;
    let message = format!("recell: +{count}");
    Ok(committed(store, objects, base.copied().into_iter().collect(), message, now))
}

/// Returns the state that has the entries of both; it descends from both.
///
/// # Errors
/// [`crate::Error::BrokenLedger`] if one of them cannot be read.
pub(crate) fn union(
    store: &Store,
    theirs: &ObjectId,
    ours: &ObjectId,
    now: Timestamp,
) -> Result<NewState> {
    let ((their_tree, _), (our_tree, _)) = (commit_of(store, theirs)?, commit_of(store, ours)?);
    let missing = compare(store, Some(&their_tree), Some(&our_tree))?.added;
    let count = missing.len();
    let add = missing.iter().map(|(name, tree)| (name.as_str(), *tree));
    let objects = changed_tree(store, Some(&their_tree), add, [])?;
    let message = format!("recell: union, +{count}");
    Ok(committed(store, objects, vec![*theirs, *ours], message, now))
}

fn committed(
    store: &Store,
    mut objects: Vec<MadeObject>,
    parents: Vec<ObjectId>,
    message: String,
    now: Timestamp,
) -> NewState {
    let tree = objects.last().expect("a state has a tree").id;
    let bytes = commit_bytes(&Commit { tree, parents, message }, now);
    let commit = object_id(store.object_format(), Kind::Commit, &bytes);
    objects.push(MadeObject { id: commit, kind: Kind::Commit, bytes });
    NewState { objects, commit }
}
