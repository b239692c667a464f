//! What collections keep, and what becomes of runs whose entries are gone for good.
//!
//! Every `record` makes a run; if runs kept their entries, nothing could ever be removed. So what
//! protects is what somebody chose: tagged collections, frozen ones, and all below a chain. Other
//! runs let go of entries that are gone, so that their bytes can be freed, and go with the last.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::chained::all_below;
use super::context::{Context, unreadable};
use super::name::{CollectionName, Kind};
use super::removal::chains;
use super::state::{Members, State, make};
use crate::error::Result;
use crate::git::{ObjectFormat, ObjectId, children_of};
use crate::name::EntryName;
use crate::store::{MadeObject, RefChange, Store};

/// Returns every entry that a collection protects, with the first collection by name that does.
///
/// # Errors
/// [`crate::Error::CollectionUnreadable`]: while it is not known what a collection keeps, nothing
/// may be removed. [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
pub fn protected(store: &Store) -> Result<BTreeMap<EntryName, String>> {
    let context = Context::open(store)?;
    let mut protected = BTreeMap::new();
    for (name, state) in protecting(&context)? {
        let members = state.members(store).map_err(|miss| unreadable(&name, miss))?;
        for (entry, _) in members {
            protected.entry(entry.clone()).or_insert_with(|| name.to_string());
        }
    }
    Ok(protected)
}

/// Returns the states that protect their entries, sorted by name.
fn protecting(context: &Context) -> Result<Vec<(CollectionName, Arc<State>)>> {
    let mut found: BTreeMap<(CollectionName, ObjectId), Arc<State>> = BTreeMap::new();
    let mut take = |name: &CollectionName, state: Arc<State>| {
        found.insert((name.clone(), state.id), state);
    };
    for chain in chains(context)? {
        for (name, id) in all_below(context, &chain)? {
            let state = context.states().get(context.store(), id);
            take(&name, state.map_err(|miss| unreadable(&name, miss))?);
        }
    }
    for (kind, name) in context.names() {
        if kind == Kind::Tagged {
            take(&name, context.state(&name)?);
        } else if kind == Kind::Run {
            let state = context.state(&name)?;
            if state.about.is_frozen {
                take(&name, state);
            }
        }
    }
    Ok(found.into_iter().map(|((name, _), state)| (name, state)).collect())
}

/// What becomes of runs when entries are gone for good: a plan until it was carried out.
#[derive(Default)]
pub struct Forgetting {
    /// Runs that have no entry left: they go.
    pub removed: Vec<CollectionName>,
    /// Runs that keep the rest of their entries.
    pub rewritten: Vec<CollectionName>,
    /// Frozen collections that hold some of the entries, and keep them.
    pub frozen: Vec<CollectionName>,
    changes: Vec<RefChange>,
    objects: Vec<MadeObject>,
}

impl Forgetting {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Returns the refs that change, with what they stand for until then.
    pub(crate) fn displaced(&self) -> impl Iterator<Item = (&str, ObjectId)> {
        let changes = self.changes.iter();
        changes.filter_map(|change| Some((change.name.as_str(), change.expected?)))
    }

    /// Returns the objects in the store that the runs go on with.
    pub(crate) fn still_named(&self, format: ObjectFormat) -> Vec<ObjectId> {
        let made: HashSet<ObjectId> = self.objects.iter().map(|object| object.id).collect();
        let children = self.objects.iter().filter_map(|it| children_of(format, it.kind, &it.bytes));
        children.flatten().map(|(id, _)| id).filter(|id| !made.contains(id)).collect()
    }
}

impl std::fmt::Debug for Forgetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Forgetting");
        shown.field("removed", &self.removed).field("rewritten", &self.rewritten);
        shown.finish_non_exhaustive()
    }
}

/// Says what becomes of runs when `gone` are gone for good. Nothing is changed.
///
/// Runs that something protects are left alone: their entries should not have gone.
///
/// # Errors
/// As [`protected`].
pub fn plan_forgetting(store: &Store, gone: &BTreeSet<EntryName>) -> Result<Forgetting> {
    if gone.is_empty() {
        return Ok(Forgetting::default());
    }
    let context = Context::open(store)?;
    let kept: HashSet<ObjectId> =
        protecting(&context)?.into_iter().map(|(_, state)| state.id).collect();
    plan(store, &context, gone, &|kind, state| kind == Kind::Run && !kept.contains(&state.id))
}

/// Says what becomes of all collections when `gone` must go, whatever protects them; frozen ones
/// cannot change: they are in [`Forgetting::frozen`]. The past states of a collection that has one
/// of `gone` go, too. Nothing is changed.
///
/// # Errors
/// As [`protected`].
pub fn plan_forgetting_for_good(store: &Store, gone: &BTreeSet<EntryName>) -> Result<Forgetting> {
    if gone.is_empty() {
        return Ok(Forgetting::default());
    }
    let context = Context::open(store)?;
    let mut pinned: BTreeSet<(CollectionName, ObjectId)> = BTreeSet::new();
    for (_, name) in context.names() {
        let state = context.state(&name)?;
        if state.about.is_frozen && state.about.kind == Kind::Chained {
            pinned.extend(all_below(&context, &name)?);
        } else if state.about.is_frozen {
            pinned.insert((name, state.id));
        }
    }
    let mut found = plan(store, &context, gone, &|kind, state| {
        kind != Kind::Chained && !state.about.is_frozen
    })?;
    for (name, id) in pinned {
        let state = context.states().get(store, id).map_err(|miss| unreadable(&name, miss))?;
        let members = state.members(store).map_err(|miss| unreadable(&name, miss))?;
        let holds = members.iter().any(|(entry, _)| gone.contains(entry));
        if holds && !found.frozen.contains(&name) {
            found.frozen.push(name);
        }
    }
    Ok(found)
}

fn plan(
    store: &Store,
    context: &Context,
    gone: &BTreeSet<EntryName>,
    may_change: &dyn Fn(Kind, &State) -> bool,
) -> Result<Forgetting> {
    let mut plan = Forgetting::default();
    for (kind, name) in context.names() {
        if kind == Kind::Chained {
            continue;
        }
        let state = context.state(&name)?;
        if !may_change(kind, &state) || !may_have_any(&state, gone) {
            continue;
        }
        let members = state.members(store).map_err(|miss| unreadable(&name, miss))?;
        let left: Members =
            members.iter().filter(|(entry, _)| !gone.contains(entry)).cloned().collect();
        if left.len() == members.len() {
            continue;
        }
        let mut change =
            RefChange { name: name.reference(kind), expected: Some(state.id), new: None };
        if left.is_empty() && kind == Kind::Run {
            plan.removed.push(name);
        } else {
            let mut about = state.about.clone();
            about.forgotten += (members.len() - left.len()) as u64;
            // Without a parent: the former state would keep the bytes.
            let (id, objects) =
                make(store.object_format(), &about, &left, Vec::new(), "forget entries");
            change.new = Some(id);
            plan.objects.extend(objects);
            plan.rewritten.push(name);
        }
        plan.changes.push(change);
    }
    Ok(plan)
}

/// Carries out a plan; runs that somebody changed meanwhile, or still writes, are left for the
/// next. Returns how many changed.
///
/// # Errors
/// As [`Store::flush`].
pub fn forget(store: &Store, plan: &Forgetting) -> Result<usize> {
    if plan.is_empty() {
        return Ok(0);
    }
    // A flush takes these along before it changes the refs.
    let _kept = store.journal_objects(&plan.objects)?;
    store.swap_each_ref(&plan.changes)
}

/// Whether the summary of a run lets it have any of `names`.
fn may_have_any(state: &State, names: &BTreeSet<EntryName>) -> bool {
    let summary = &state.summary;
    let is_within = |made| {
        summary.oldest.is_some_and(|oldest| oldest <= made)
            && summary.newest.is_some_and(|newest| made <= newest)
    };
    names
        .iter()
        .any(|name| is_within(name.created_at()) && summary.modules.may_have(name.module_segment()))
}
