//! Tagged collections: entries picked by hand.

use std::collections::BTreeMap;

use super::change::{Attempt, about, apply, as_new, changeable, next};
use super::context::{Context, unreadable};
use super::name::{CollectionName, Kind};
use super::state::make;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::git::ObjectId;
use crate::name::EntryName;
use crate::store::Store;

/// What a change of a tagged collection did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// The entries that were added or taken out, sorted by name.
    pub changed: Vec<EntryName>,
    /// Those that were in it, or not in it, already.
    pub unchanged: Vec<EntryName>,
    /// Names that nothing is stored under; they are left out.
    pub unknown: Vec<EntryName>,
}

/// Makes the tagged collection `name` of these entries.
///
/// # Errors
/// [`crate::Error::CollectionExists`], [`crate::Error::CollectionBusy`], and those of
/// [`Store::flush`]; then nothing changed.
pub fn create(
    store: &Store,
    name: &CollectionName,
    doc: &str,
    entries: &[EntryName],
    now: Timestamp,
) -> Result<Change> {
    apply(store, name, |context| {
        let (members, unknown) = stored(context, entries);
        let changed: Vec<EntryName> = members.keys().cloned().collect();
        let about = about(name, Kind::Tagged, doc, now);
        let members = members.into_iter().collect();
        let (id, objects) = make(store.object_format(), &about, &members, Vec::new(), "create");
        let refs = as_new(context, name, Kind::Tagged, id)?;
        let value = Change { changed, unknown, unchanged: Vec::new() };
        Ok(Attempt { objects, changes: refs, unchanged: None, value })
    })
}

/// Adds entries to the tagged collection `name`. Names that nothing is stored under are left out.
///
/// # Errors
/// [`crate::Error::NoCollection`], [`crate::Error::CollectionClosed`] for a run,
/// [`crate::Error::CollectionFrozen`], [`crate::Error::CollectionKind`],
/// [`crate::Error::CollectionBusy`], and those of [`Store::flush`]; then nothing changed.
pub fn add(
    store: &Store,
    name: &CollectionName,
    entries: &[EntryName],
    now: Timestamp,
) -> Result<Change> {
    edit(store, name, now, "add", |context, members| {
        let (found, unknown) = stored(context, entries);
        let mut change = Change { unknown, ..Change::default() };
        for (entry, tree) in found {
            let is_new = members.insert(entry.clone(), tree).is_none();
            if is_new { &mut change.changed } else { &mut change.unchanged }.push(entry);
        }
        change
    })
}

/// Takes entries out of the tagged collection `name`. The entries themselves stay.
///
/// # Errors
/// As [`add`].
pub fn remove(
    store: &Store,
    name: &CollectionName,
    entries: &[EntryName],
    now: Timestamp,
) -> Result<Change> {
    edit(store, name, now, "remove", |_, members| {
        let mut change = Change::default();
        for entry in entries {
            let was_there = members.remove(entry).is_some();
            if was_there { &mut change.changed } else { &mut change.unchanged }.push(entry.clone());
        }
        change.changed.sort();
        change
    })
}

fn edit(
    store: &Store,
    name: &CollectionName,
    now: Timestamp,
    verb: &str,
    change: impl Fn(&Context, &mut BTreeMap<EntryName, ObjectId>) -> Change,
) -> Result<Change> {
    apply(store, name, |context| {
        let state = changeable(context, name, Kind::Tagged)?;
        let members = state.members(store).map_err(|miss| unreadable(name, miss))?;
        let mut members: BTreeMap<EntryName, ObjectId> = members.iter().cloned().collect();
        let value = change(context, &mut members);
        if value.changed.is_empty() {
            return Ok(Attempt::nothing(value));
        }
        let members = members.into_iter().collect();
        let entries = if value.changed.len() == 1 { "entry" } else { "entries" };
        let message = format!("{verb} {} {entries}", value.changed.len());
        let (change, objects) = next(store, &state, |_| {}, &members, Vec::new(), (now, &message));
        Ok(Attempt { objects, changes: vec![change], unchanged: None, value })
    })
}

/// Tells the entries that are stored, with their trees, from those that are not.
pub(super) fn stored(
    context: &Context,
    entries: &[EntryName],
) -> (BTreeMap<EntryName, ObjectId>, Vec<EntryName>) {
    let mut found = BTreeMap::new();
    let mut unknown = Vec::new();
    for entry in entries {
        match context.snapshot().tree_of(entry) {
            Some(tree) => drop(found.insert(entry.clone(), tree)),
            None => unknown.push(entry.clone()),
        }
    }
    (found, unknown)
}
