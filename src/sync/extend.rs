//! New states of ledgers: with more entries, or the union of two states, without what was
//! forgotten.

use std::collections::BTreeSet;

use super::forgotten::Forgotten;
use super::ledger_names::LedgerNames;
use super::ledger_tree::{changed_tree, commit_of, compare};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::git::{Commit, Kind, ObjectId, commit_bytes, object_id};
use crate::name::LedgerName;
use crate::store::{MadeObject, Store};

/// A new state of a ledger, whose objects are yet to be stored.
pub(crate) struct NewState {
    /// The last is the commit; none if the state is one that is there already.
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

/// Returns the state that has the entries of both, less what was forgotten. It descends from
/// those of the two that never had anything that was forgotten; where that is all one of them
/// has, it is that one.
///
/// # Errors
/// [`crate::Error::BrokenLedger`] if one of them cannot be read.
pub(crate) fn union(
    store: &Store,
    ledger: &LedgerName,
    theirs: &ObjectId,
    ours: &ObjectId,
    forgotten: &Forgotten,
    now: Timestamp,
) -> Result<NewState> {
    let ((their_tree, _), (our_tree, _)) = (commit_of(store, theirs)?, commit_of(store, ours)?);
    let differ = compare(store, Some(&their_tree), Some(&our_tree))?;
    // A name stands for one content: what is there stays.
    let taken: BTreeSet<&String> = differ.removed.iter().map(|(name, _)| name).collect();
    let missing: Vec<&(String, ObjectId)> =
        differ.added.iter().filter(|(name, _)| !taken.contains(name)).collect();
    let segment = ledger.notebook_segment();
    let is_kept = |name: &str| forgotten.is_empty() || !forgotten.has(&format!("{segment}/{name}"));
    let bad_theirs = forgotten_names(store, ledger, theirs, forgotten)?;
    let bad_ours = forgotten_names(store, ledger, ours, forgotten)?;
    let add: Vec<(&str, ObjectId)> = missing
        .iter()
        .map(|(name, tree)| (name.as_str(), *tree))
        .filter(|(name, _)| is_kept(name))
        .collect();
    let message = format!("recell: union, +{}", add.len());
    let remove = bad_theirs.iter().map(String::as_str);
    let objects = changed_tree(store, Some(&their_tree), add, remove)?;
    let tree = objects.last().expect("a state has a tree").id;
    // What was forgotten must not be reached through the past.
    let clean = [(theirs, their_tree, &bad_theirs), (ours, our_tree, &bad_ours)];
    let clean: Vec<_> = clean.into_iter().filter(|(_, _, bad)| bad.is_empty()).collect();
    if clean.len() < 2
        && let Some((commit, _, _)) = clean.iter().find(|(_, known, _)| *known == tree)
    {
        return Ok(NewState { objects: Vec::new(), commit: **commit });
    }
    let parents = clean.iter().map(|(commit, _, _)| **commit).collect();
    Ok(committed(store, objects, parents, message, now))
}

/// Returns the state without what was forgotten, and without a past; `None` if it has nothing of
/// that kind.
///
/// # Errors
/// [`crate::Error::BrokenLedger`] if it cannot be read.
pub(crate) fn cleaned(
    store: &Store,
    ledger: &LedgerName,
    state: &ObjectId,
    forgotten: &Forgotten,
    now: Timestamp,
) -> Result<Option<NewState>> {
    let bad = forgotten_names(store, ledger, state, forgotten)?;
    if bad.is_empty() {
        return Ok(None);
    }
    let (tree, _) = commit_of(store, state)?;
    let objects = changed_tree(store, Some(&tree), [], bad.iter().map(String::as_str))?;
    Ok(Some(committed(store, objects, Vec::new(), "recell: rewritten".into(), now)))
}

/// Returns the names in a state, below the notebook, that were forgotten.
///
/// # Errors
/// [`crate::Error::BrokenLedger`] if it cannot be read.
pub(crate) fn forgotten_names(
    store: &Store,
    ledger: &LedgerName,
    state: &ObjectId,
    forgotten: &Forgotten,
) -> Result<BTreeSet<String>> {
    if forgotten.is_empty() {
        return Ok(BTreeSet::new());
    }
    let names = LedgerNames::read(store, ledger, state)?;
    let segment = ledger.notebook_segment();
    let bad = names.iter().filter(|(name, _)| forgotten.has(&format!("{segment}/{name}")));
    Ok(bad.map(|(name, _)| name.to_owned()).collect())
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
