//! Merging what two copies of a store made of one collection (format.md, section 11).
//!
//! A repair that finds a second state of a collection gives it the name of the first, with `~` and
//! the first digits of its commit: it is *parked*. Here the two become one.

use std::collections::{BTreeSet, HashSet};

use super::chained::refuse_cycle;
use super::change::{Attempt, apply, next};
use super::context::{Context, unreadable};
use super::merge::{merge_chained, merge_tagged};
use super::name::{CollectionName, Kind};
use super::state::{Members, State, make};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::git::ObjectId;
use crate::name::EntryName;
use crate::store::{RefChange, Store};

/// What became of a parked state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Merged {
    /// It is in the collection of that name now.
    Into(String),
    /// The two do not merge, as one is frozen or of another kind: the second is the collection of
    /// that name.
    Beside(String),
}

impl Merged {
    /// Returns the collection that has it now.
    pub fn name(&self) -> &str {
        match self {
            Merged::Into(name) | Merged::Beside(name) => name,
        }
    }
}

/// Merges every parked state into the collection that it is a state of.
///
/// # Errors
/// [`crate::Error::CollectionUnreadable`], [`crate::Error::CollectionBusy`], and those of
/// [`Store::flush`]; what is not merged stays parked.
pub fn merge_parked(store: &Store, now: Timestamp) -> Result<Vec<Merged>> {
    let mut done = Vec::new();
    let context = Context::open(store)?;
    for (reference, id) in context.references() {
        let Some((kind, name)) = CollectionName::of_reference(&reference) else { continue };
        let Some((base, digits)) = name.as_str().rsplit_once('~') else { continue };
        if digits.len() != 8 || !id.to_string().starts_with(digits) {
            continue;
        }
        let Ok(base) = base.parse::<CollectionName>() else { continue };
        done.extend(merge(store, &base, &name, kind, now)?);
    }
    done.sort();
    Ok(done)
}

fn merge(
    store: &Store,
    base: &CollectionName,
    parked: &CollectionName,
    kind: Kind,
    now: Timestamp,
) -> Result<Option<Merged>> {
    apply(store, base, |context| {
        let reference = parked.reference(kind);
        let Some(their_id) = context.reference(&reference) else {
            return Ok(Attempt::nothing(None));
        };
        let gone = RefChange { name: reference.clone(), expected: Some(their_id), new: None };
        let state = |id| context.states().get(store, id).map_err(|miss| unreadable(parked, miss));
        let theirs = state(their_id)?;
        let of_any_kind = |kind: Kind| Some((kind, context.reference(&base.reference(kind))?));
        let Some((our_kind, our_id)) = Kind::ALL.into_iter().find_map(of_any_kind) else {
            // The first went meanwhile: the name is free.
            let back =
                RefChange { name: base.reference(kind), expected: None, new: Some(their_id) };
            let value = Some(Merged::Into(base.to_string()));
            let changes = vec![back, gone];
            return Ok(Attempt { objects: Vec::new(), changes, unchanged: None, value });
        };
        let ours = state(our_id)?;
        let into = Some(Merged::Into(base.to_string()));
        let is_same =
            our_kind == kind && (ours.about.is_frozen, theirs.about.is_frozen) == (false, false);
        if is_same && let Some(merged) = merged(store, context, &ours, &theirs, now)? {
            let (mut changes, objects) = merged;
            changes.push(gone);
            return Ok(Attempt { objects, changes, unchanged: None, value: into });
        }
        // A collection of its own: what it says of itself is its new name.
        let mut about = theirs.about.clone();
        about.name = parked.clone();
        about.changed_at = now.max(about.changed_at.next());
        let members = theirs.members(store).map_err(|miss| unreadable(parked, miss))?;
        let mut parents = vec![their_id];
        parents.extend(about.pins.iter().map(|pin| pin.commit));
        let message = "kept beside another of its name";
        let (id, objects) = make(store.object_format(), &about, members, parents, message);
        let change = RefChange { name: reference, expected: Some(their_id), new: Some(id) };
        let value = Some(Merged::Beside(parked.to_string()));
        Ok(Attempt { objects, changes: vec![change], unchanged: None, value })
    })
}

type Change = (Vec<RefChange>, Vec<crate::store::MadeObject>);

/// Returns the change that makes two states one; `None` if they do not merge.
fn merged(
    store: &Store,
    context: &Context,
    ours: &State,
    theirs: &State,
    now: Timestamp,
) -> Result<Option<Change>> {
    let name = &ours.about.name;
    let members = |state: &State| -> Result<Members> {
        Ok(state.members(store).map_err(|miss| unreadable(name, miss))?.clone())
    };
    let base = common(context, ours.id, theirs.id);
    let base = base.map(|id| context.states().get(store, id)).transpose();
    let base = base.map_err(|miss| unreadable(name, miss))?;
    let (our_members, their_members) = (members(ours)?, members(theirs)?);
    let message = "merge two copies of a store";
    if ours.about.kind == Kind::Chained {
        let none = Vec::new();
        let before = base.as_ref().map_or(&none, |base| &base.about.members);
        let after = merge_chained(before, &ours.about.members, &theirs.about.members);
        let Ok(below) = refuse_cycle(context, name, &after) else { return Ok(None) };
        let set = |about: &mut super::About| about.members.clone_from(&after);
        let (change, objects) =
            next(store, ours, set, &Vec::new(), vec![theirs.id], (now, message));
        let mut changes = vec![change];
        changes.extend(below);
        return Ok(Some((changes, objects)));
    }
    let all: std::collections::BTreeMap<EntryName, ObjectId> =
        their_members.iter().chain(&our_members).cloned().collect();
    if ours.about.kind == Kind::Run {
        // What one of them forgot is gone for good; what the other still has may be stored.
        let forgets = ours.about.forgotten + theirs.about.forgotten > 0;
        let in_both = |entry: &EntryName| {
            [&our_members, &their_members]
                .iter()
                .all(|members| members.binary_search_by(|(name, _)| name.cmp(entry)).is_ok())
        };
        let kept: Members = all
            .into_iter()
            .filter(|(entry, _)| {
                !forgets || in_both(entry) || context.snapshot().tree_of(entry).is_some()
            })
            .collect();
        let mut about = ours.about.clone();
        about.is_open = ours.about.is_open && theirs.about.is_open;
        about.changed_at = ours.about.changed_at.max(theirs.about.changed_at);
        about.forgotten = ours.about.forgotten.max(theirs.about.forgotten);
        let (id, objects) = make(store.object_format(), &about, &kept, Vec::new(), message);
        let reference = name.reference(Kind::Run);
        let change = RefChange { name: reference, expected: Some(ours.id), new: Some(id) };
        return Ok(Some((vec![change], objects)));
    }
    let names = |members: &Members| -> BTreeSet<EntryName> {
        members.iter().map(|(name, _)| name.clone()).collect()
    };
    let before = base.map(|base| members(&base)).transpose()?.unwrap_or_default();
    let after = merge_tagged(&names(&before), &names(&our_members), &names(&their_members));
    let after: Members = all.into_iter().filter(|(name, _)| after.contains(name)).collect();
    let (change, objects) = next(store, ours, |_| {}, &after, vec![theirs.id], (now, message));
    Ok(Some((vec![change], objects)))
}

/// Returns the newest state that both come from.
fn common(context: &Context, ours: ObjectId, theirs: ObjectId) -> Option<ObjectId> {
    let states = context.states();
    let chain = |first: ObjectId| {
        std::iter::successors(Some(first), |id| states.get(context.store(), *id).ok()?.former)
    };
    let before: HashSet<ObjectId> = chain(ours).collect();
    chain(theirs).find(|id| before.contains(id))
}
