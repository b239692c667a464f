//! What becomes of collections whose entries are renamed.
//!
//! A tagged collection goes on with a state that has the new names; its history has the old ones.
//! A run, which has no history, is made anew. What is frozen stays as it is, to the letter: it
//! names the entries as they were called, and keeps their bytes.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Attempt, apply, next};
use super::context::{Context, unreadable};
use super::name::{CollectionName, Kind};
use super::state::{Members, State, make};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::name::EntryName;
use crate::store::{RefChange, Store};

/// What a renaming did to collections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renaming {
    /// Those that have the new names, sorted by name within a kind.
    pub changed: Vec<CollectionName>,
    /// Those that keep the old names, as they are frozen.
    pub frozen: Vec<CollectionName>,
}

/// Gives the members of runs and tagged collections the names that their entries have now:
/// `renamed` has the new name of each old one. Names under which nothing is stored now are not
/// taken. A run that somebody changed meanwhile, or still writes, is left alone.
///
/// # Errors
/// [`crate::Error::CollectionUnreadable`], [`crate::Error::CollectionBusy`], and those of
/// [`Store::flush`]. Each collection changes as a whole or not at all; repeated, it goes on.
pub fn rename_members(
    store: &Store,
    renamed: &BTreeMap<EntryName, EntryName>,
    now: Timestamp,
) -> Result<Renaming> {
    let mut renaming = Renaming::default();
    if renamed.is_empty() {
        return Ok(renaming);
    }
    let notebooks: BTreeSet<&str> = renamed.keys().map(EntryName::notebook_segment).collect();
    let context = Context::open(store)?;
    let (mut runs, mut objects) = (Vec::new(), Vec::new());
    for (kind, name) in context.names() {
        if kind == Kind::Chained {
            continue;
        }
        let state = context.state(&name)?;
        if !notebooks.iter().any(|notebook| state.summary.notebooks.may_have(notebook)) {
            continue;
        }
        let Some((members, _)) = under_names(&context, &state, renamed)? else { continue };
        if state.about.is_frozen {
            renaming.frozen.push(name);
        } else if kind == Kind::Tagged {
            if rename_tagged(store, &name, renamed, now)? {
                renaming.changed.push(name);
            }
        } else {
            // Without a parent: the former state would keep what only the old names stand for.
            let (id, made) =
                make(store.object_format(), &state.about, &members, Vec::new(), "rename entries");
            objects.extend(made);
            let reference = name.reference(Kind::Run);
            runs.push(RefChange { name: reference, expected: Some(state.id), new: Some(id) });
            renaming.changed.push(name);
        }
    }
    if !runs.is_empty() {
        let _kept = store.journal_objects(&objects)?;
        store.swap_each_ref(&runs)?;
    }
    Ok(renaming)
}

/// Returns whether a tagged collection, as it is now, changed.
fn rename_tagged(
    store: &Store,
    name: &CollectionName,
    renamed: &BTreeMap<EntryName, EntryName>,
    now: Timestamp,
) -> Result<bool> {
    apply(store, name, |context| {
        let state = context.state(name)?;
        if state.about.kind != Kind::Tagged || state.about.is_frozen {
            return Ok(Attempt::nothing(false));
        }
        let Some((members, count)) = under_names(context, &state, renamed)? else {
            return Ok(Attempt::nothing(false));
        };
        let message = format!("rename {count} {}", if count == 1 { "entry" } else { "entries" });
        let (change, objects) = next(store, &state, |_| {}, &members, Vec::new(), (now, &message));
        Ok(Attempt { objects, changes: vec![change], unchanged: None, value: true })
    })
}

/// Returns the members of a state under their new names, sorted, and how many have one; `None` if
/// none has.
fn under_names(
    context: &Context,
    state: &State,
    renamed: &BTreeMap<EntryName, EntryName>,
) -> Result<Option<(Members, usize)>> {
    let members =
        state.members(context.store()).map_err(|miss| unreadable(&state.about.name, miss))?;
    let mut count = 0;
    let mut found = BTreeMap::new();
    for (name, tree) in members {
        let new = renamed.get(name);
        let new = new.and_then(|new| Some((new, context.snapshot().tree_of(new)?)));
        count += usize::from(new.is_some());
        let (name, tree) = new.unwrap_or((name, *tree));
        found.insert(name.clone(), tree);
    }
    Ok((count > 0).then(|| (found.into_iter().collect(), count)))
}
