//! Changing a collection: made from what is there, applied only if that is still so, else once
//! more.

use std::collections::BTreeMap;

use super::context::Context;
use super::document::About;
use super::name::{CollectionName, Kind};
use super::state::{Members, State, make};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::git::ObjectId;
use crate::store::{MadeObject, RefChange, Store, Unchanged};

/// How often somebody else may be faster. Each time somebody got on, so this is a long queue.
const ATTEMPTS: usize = 64;

/// What is to be changed, worked out from one context.
pub(super) struct Attempt<T> {
    pub(super) objects: Vec<MadeObject>,
    /// Empty if there is nothing to do.
    pub(super) changes: Vec<RefChange>,
    /// Refs that must be all there are below a folder.
    pub(super) unchanged: Option<Unchanged>,
    pub(super) value: T,
}

impl<T> Attempt<T> {
    pub(super) fn nothing(value: T) -> Attempt<T> {
        Attempt { objects: Vec::new(), changes: Vec::new(), unchanged: None, value }
    }
}

/// Works out a change and applies it, again and again until nobody was faster.
pub(super) fn apply<T>(
    store: &Store,
    name: &CollectionName,
    mut work_out: impl FnMut(&Context) -> Result<Attempt<T>>,
) -> Result<T> {
    for _ in 0..ATTEMPTS {
        let context = Context::open(store)?;
        let Attempt { objects, changes, unchanged, value } = work_out(&context)?;
        if changes.is_empty() {
            return Ok(value);
        }
        let _kept = store.journal_objects(&objects)?;
        if store.swap_refs(&changes, unchanged.as_ref())? {
            return Ok(value);
        }
    }
    Err(Error::CollectionBusy { name: name.to_string() })
}

/// Returns the changes that make `name` a new collection, if no kind has it.
pub(super) fn as_new(
    context: &Context,
    name: &CollectionName,
    kind: Kind,
    id: ObjectId,
) -> Result<Vec<RefChange>> {
    let mut changes = Vec::new();
    for one in Kind::ALL {
        let reference = name.reference(one);
        if context.reference(&reference).is_some() {
            return Err(Error::CollectionExists { name: name.to_string(), kind: one.name() });
        }
        let new = (one == kind).then_some(id);
        changes.push(RefChange { name: reference, expected: None, new });
    }
    Ok(changes)
}

/// Returns what a new collection is.
pub(super) fn about(name: &CollectionName, kind: Kind, doc: &str, now: Timestamp) -> About {
    About {
        kind,
        name: name.clone(),
        is_open: false,
        is_frozen: false,
        created_at: now,
        changed_at: now,
        producer: super::run::PRODUCER.to_owned(),
        doc: doc.to_owned(),
        members: Vec::new(),
        forgotten: 0,
        pins: Vec::new(),
    }
}

/// Makes the state that follows `former`; returns the change of its ref, and its objects.
pub(super) fn next(
    store: &Store,
    former: &State,
    change: impl FnOnce(&mut About),
    members: &Members,
    further_parents: Vec<ObjectId>,
    (now, message): (Timestamp, &str),
) -> (RefChange, Vec<MadeObject>) {
    let mut about = former.about.clone();
    // Clocks step back; the order of states does not.
    about.changed_at = now.max(former.about.changed_at.next());
    change(&mut about);
    let mut parents = vec![former.id];
    parents.extend(further_parents.into_iter().filter(|id| *id != former.id));
    let (id, objects) = make(store.object_format(), &about, members, parents, message);
    let name = about.name.reference(about.kind);
    (RefChange { name, expected: Some(former.id), new: Some(id) }, objects)
}

/// Returns the state of a collection that may be changed, of that kind.
pub(super) fn changeable(
    context: &Context,
    name: &CollectionName,
    kind: Kind,
) -> Result<std::sync::Arc<State>> {
    let state = context.state(name)?;
    if state.about.kind == Kind::Run && kind != Kind::Run {
        return Err(Error::CollectionClosed { name: name.to_string() });
    }
    if state.about.kind != kind {
        return Err(Error::CollectionKind {
            name: name.to_string(),
            found: state.about.kind.name(),
            wanted: kind.name(),
        });
    }
    if state.about.is_frozen {
        return Err(Error::CollectionFrozen { name: name.to_string() });
    }
    Ok(state)
}

/// Returns the refs of all chains, to be held against those that are there when a change applies.
pub(super) fn all_chains(context: &Context) -> Unchanged {
    let folder = format!("{}{}/", super::name::FOLDER, Kind::Chained.name());
    let refs: BTreeMap<String, ObjectId> =
        context.references().into_iter().filter(|(name, _)| name.starts_with(&folder)).collect();
    Unchanged { folder, refs }
}
