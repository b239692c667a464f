//! Removing a collection: its ref goes to the trash, from where it can come back until gc.

use super::change::{Attempt, all_chains, apply};
use super::context::{Context, unreadable};
use super::name::{CollectionName, FOLDER, Kind};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::git::ObjectId;
use crate::store::{RefChange, Store, TRASH};

/// What stands between the time and the kind of a removed collection.
const COLLECTION: &str = "/collection/";

/// Returns the chains that list the collection `name`, or pin it, sorted.
///
/// # Errors
/// [`Error::CollectionUnreadable`] if a chain cannot be read.
pub fn referrers(context: &Context, name: &CollectionName) -> Result<Vec<CollectionName>> {
    let mut found = Vec::new();
    for (kind, chain) in context.names() {
        if kind != Kind::Chained || chain == *name {
            continue;
        }
        let state = context.state(&chain)?;
        let pins = state.about.pins.iter().map(|pin| &pin.name);
        if state.about.members.iter().chain(pins).any(|member| member == name) {
            found.push(chain);
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Moves the collection `name` to the trash. Its entries stay where they are.
///
/// # Errors
/// [`Error::CollectionReferred`] if a chain lists it, [`Error::NoCollection`],
/// [`Error::CollectionBusy`], which a run is whose owner still writes, and those of
/// [`Store::flush`]. Then nothing changed.
pub fn remove_collection(store: &Store, name: &CollectionName, now: Timestamp) -> Result<()> {
    apply(store, name, |context| {
        let (kind, id) = there(context, name)?;
        let referrers = referrers(context, name)?;
        if !referrers.is_empty() {
            let referrers = referrers.iter().map(ToString::to_string).collect();
            return Err(Error::CollectionReferred { name: name.to_string(), referrers });
        }
        let reference = name.reference(kind);
        let trashed = trashed(&reference, now);
        let changes = vec![
            RefChange { name: reference, expected: Some(id), new: None },
            RefChange { expected: context.reference(&trashed), name: trashed, new: Some(id) },
        ];
        // Nobody may take it in meanwhile.
        let unchanged = Some(all_chains(context));
        Ok(Attempt { objects: Vec::new(), changes, unchanged, value: () })
    })
}

/// Brings back the collection `name` as it was when it was last removed; returns when that was.
///
/// # Errors
/// [`Error::NoCollection`] if the trash does not have it, [`Error::CollectionExists`] if there is
/// another of that name by now, [`Error::CollectionBusy`], and those of [`Store::flush`].
pub fn bring_back(store: &Store, name: &CollectionName) -> Result<Timestamp> {
    apply(store, name, |context| {
        let mut newest: Option<(Timestamp, Kind, String, ObjectId)> = None;
        for (trashed, id) in context.snapshot().names().references(TRASH) {
            let Some((when, rest)) = trashed[TRASH.len()..].split_once(COLLECTION) else {
                continue;
            };
            let (Ok(when), Some((kind, found))) =
                (when.parse(), CollectionName::of_reference(&format!("{FOLDER}{rest}")))
            else {
                continue;
            };
            if found == *name && newest.as_ref().is_none_or(|(latest, ..)| when > *latest) {
                newest = Some((when, kind, trashed, id));
            }
        }
        let Some((when, kind, trashed, id)) = newest else {
            return Err(Error::NoCollection { name: name.to_string() });
        };
        let mut changes = super::change::as_new(context, name, kind, id)?;
        changes.push(RefChange { name: trashed, expected: Some(id), new: None });
        Ok(Attempt { objects: Vec::new(), changes, unchanged: None, value: when })
    })
}

/// Returns the kind of a collection and its commit, which need not be readable.
fn there(context: &Context, name: &CollectionName) -> Result<(Kind, ObjectId)> {
    let found = Kind::ALL
        .into_iter()
        .find_map(|kind| Some((kind, context.reference(&name.reference(kind))?)));
    found.ok_or_else(|| Error::NoCollection { name: name.to_string() })
}

fn trashed(reference: &str, now: Timestamp) -> String {
    let rest = reference.strip_prefix(FOLDER).expect("it is a collection's ref");
    format!("{TRASH}{now}{COLLECTION}{rest}")
}

/// Returns the states of all chains, for whoever protects what they reach.
pub(super) fn chains(context: &Context) -> Result<Vec<CollectionName>> {
    let names = context.names().into_iter().filter(|(kind, _)| *kind == Kind::Chained);
    let names: Vec<CollectionName> = names.map(|(_, name)| name).collect();
    for name in &names {
        if let super::context::Resolution::Unreadable(miss) = context.resolve(name) {
            return Err(unreadable(name, miss));
        }
    }
    Ok(names)
}
