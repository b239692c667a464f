//! Chained collections: others, in the order in which they are searched. And freezing.

use std::collections::HashSet;

use super::change::{Attempt, about, apply, as_new, changeable, next};
use super::context::{Context, Resolution, unreadable};
use super::document::Pin;
use super::name::{CollectionName, Kind};
use super::state::make;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::git::ObjectId;
use crate::store::{RefChange, Store};

/// How the members of a chain change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainEdit {
    /// They become these.
    Set,
    /// These come first, moved there if they were further down.
    Prepend,
    /// These come last; those that are there already stay where they are.
    Append,
    /// These go.
    Remove,
}

impl ChainEdit {
    fn apply(self, old: &[CollectionName], given: &[CollectionName]) -> Vec<CollectionName> {
        let is_given = |name: &&CollectionName| given.contains(name);
        let (front, back): (Vec<_>, Vec<_>) = match self {
            ChainEdit::Set => (given.iter().collect(), Vec::new()),
            ChainEdit::Prepend => (given.iter().collect(), old.iter().collect()),
            ChainEdit::Append => (old.iter().collect(), given.iter().collect()),
            ChainEdit::Remove => (old.iter().filter(|name| !is_given(name)).collect(), Vec::new()),
        };
        let mut seen = HashSet::new();
        front.into_iter().chain(back).filter(|name| seen.insert(*name)).cloned().collect()
    }

    fn verb(self) -> &'static str {
        match self {
            ChainEdit::Set => "set",
            ChainEdit::Prepend => "prepend",
            ChainEdit::Append => "append",
            ChainEdit::Remove => "remove",
        }
    }
}

/// Makes or changes the chain `name`; returns its members as they are then.
///
/// # Errors
/// [`Error::NoCollection`] for a member that is not there, or a chain that is to lose some;
/// [`Error::CollectionCycle`]; [`Error::CollectionFrozen`], [`Error::CollectionKind`],
/// [`Error::CollectionBusy`], and those of [`Store::flush`]. Then nothing changed.
pub fn chain(
    store: &Store,
    name: &CollectionName,
    edit: ChainEdit,
    members: &[CollectionName],
    doc: Option<&str>,
    now: Timestamp,
) -> Result<Vec<CollectionName>> {
    apply(store, name, |context| {
        let is_there = !matches!(context.resolve(name), Resolution::Gone);
        let old = match is_there {
            true => Some(changeable(context, name, Kind::Chained)?),
            false if edit == ChainEdit::Remove => {
                return Err(Error::NoCollection { name: name.to_string() });
            }
            false => None,
        };
        let before = old.as_ref().map_or(&[][..], |old| &old.about.members);
        let after = edit.apply(before, members);
        let added = after.iter().filter(|member| !before.contains(member));
        added.map(|member| context.state(member)).collect::<Result<Vec<_>>>()?;
        let below = refuse_cycle(context, name, &after)?;
        let same_doc = old.as_ref().is_some_and(|old| doc.is_none_or(|doc| doc == old.about.doc));
        if old.is_some() && after == before && same_doc {
            return Ok(Attempt::nothing(after));
        }
        let (mut changes, objects) = if let Some(old) = old {
            let set = |about: &mut super::About| {
                about.members.clone_from(&after);
                about.doc = doc.map_or_else(|| about.doc.clone(), str::to_owned);
            };
            let message = format!("{} {} members", edit.verb(), members.len());
            let (change, objects) =
                next(store, &old, set, &Vec::new(), Vec::new(), (now, &message));
            (vec![change], objects)
        } else {
            let mut about = about(name, Kind::Chained, doc.unwrap_or_default(), now);
            about.members.clone_from(&after);
            let format = store.object_format();
            let (id, objects) = make(format, &about, &Vec::new(), Vec::new(), "create");
            (as_new(context, name, Kind::Chained, id)?, objects)
        };
        // Two chains that take each other in at once would make a cycle that neither saw.
        changes.extend(below);
        Ok(Attempt { objects, changes, unchanged: None, value: after })
    })
}

/// Fails if `name` with these members would contain itself. Returns that all it contains stays as
/// it is, as a condition.
pub(super) fn refuse_cycle(
    context: &Context,
    name: &CollectionName,
    members: &[CollectionName],
) -> Result<Vec<RefChange>> {
    let mut conditions = Vec::new();
    let mut visited: HashSet<CollectionName> = HashSet::new();
    // Each with the way that led there, by its position in `ways`.
    let mut ways: Vec<(CollectionName, Option<usize>)> = Vec::new();
    let mut open: Vec<(CollectionName, Option<usize>)> =
        members.iter().rev().map(|member| (member.clone(), None)).collect();
    while let Some((member, from)) = open.pop() {
        if member == *name {
            let mut path = vec![name.to_string()];
            let mut at = from;
            while let Some(number) = at {
                path.push(ways[number].0.to_string());
                at = ways[number].1;
            }
            path.push(name.to_string());
            path.reverse();
            return Err(Error::CollectionCycle { path });
        }
        if !visited.insert(member.clone()) {
            continue;
        }
        match context.resolve(&member) {
            Resolution::At(state) => {
                // Runs that are not flushed yet have no ref to hold on to, and no members.
                if state.about.kind == Kind::Chained {
                    let reference = member.reference(Kind::Chained);
                    conditions.push(RefChange::unchanged(reference, Some(state.id)));
                    ways.push((member, from));
                    let from = Some(ways.len() - 1);
                    open.extend(state.about.members.iter().rev().map(|m| (m.clone(), from)));
                }
            }
            Resolution::Unreadable(miss) => return Err(unreadable(&member, miss)),
            Resolution::Gone | Resolution::MadeLater => {}
        }
    }
    Ok(conditions)
}

/// Freezes a collection: it stays as it is. A chain keeps all below it as it is now, whatever
/// becomes of that. Freezing what is frozen changes nothing; returns whether it was not.
///
/// # Errors
/// [`Error::NoCollection`], [`Error::CollectionUnreadable`], [`Error::CollectionBusy`], those of
/// [`Store::flush`], and [`Error::CollectionOpen`] for a run that is not closed yet.
pub fn freeze(store: &Store, name: &CollectionName, now: Timestamp) -> Result<bool> {
    apply(store, name, |context| {
        let state = context.state(name)?;
        if state.about.is_frozen {
            return Ok(Attempt::nothing(false));
        }
        if state.about.is_open {
            return Err(Error::CollectionOpen { name: name.to_string() });
        }
        let mut pins = Vec::new();
        if state.about.kind == Kind::Chained {
            for (pinned, commit) in all_below(context, name)? {
                pins.push(Pin { name: pinned, commit });
            }
        }
        // As parents git keeps them.
        let parents: Vec<ObjectId> = pins.iter().map(|pin| pin.commit).collect();
        let members = state.members(store).map_err(|miss| unreadable(name, miss))?;
        let set = |about: &mut super::About| {
            about.is_frozen = true;
            about.pins = pins;
        };
        let (change, objects) = next(store, &state, set, members, parents, (now, "freeze"));
        Ok(Attempt { objects, changes: vec![change], unchanged: None, value: true })
    })
}

/// Returns every collection below a chain with its commit, in the order of the search.
pub(super) fn all_below(
    context: &Context,
    name: &CollectionName,
) -> Result<Vec<(CollectionName, ObjectId)>> {
    let mut below = Vec::new();
    let mut visited: HashSet<CollectionName> = HashSet::from([name.clone()]);
    let state = context.state(name)?;
    let mut open: Vec<(CollectionName, Option<ObjectId>)> = members_of(&state);
    while let Some((member, pinned)) = open.pop() {
        if !visited.insert(member.clone()) {
            continue;
        }
        let found = match pinned {
            Some(id) => context.states().get(context.store(), id),
            None => match context.resolve(&member) {
                Resolution::At(state) => Ok(state),
                Resolution::Unreadable(miss) => Err(miss),
                Resolution::Gone | Resolution::MadeLater => continue,
            },
        };
        let found = found.map_err(|miss| unreadable(&member, miss))?;
        below.push((member, found.id));
        open.extend(members_of(&found));
    }
    Ok(below)
}

/// Returns the members of a state in reverse, with what a frozen one pins below it.
fn members_of(state: &super::state::State) -> Vec<(CollectionName, Option<ObjectId>)> {
    if state.about.is_frozen {
        let pins = state.about.pins.iter().rev();
        return pins.map(|pin| (pin.name.clone(), Some(pin.commit))).collect();
    }
    state.about.members.iter().rev().map(|member| (member.clone(), None)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_where_they_are_wanted_and_once() {
        let names = |text: &str| -> Vec<CollectionName> {
            text.split_whitespace().map(|name| name.parse().unwrap()).collect()
        };
        for (edit, old, given, new) in [
            (ChainEdit::Set, "a b", "c a c", "c a"),
            (ChainEdit::Prepend, "a b c", "c d", "c d a b"),
            (ChainEdit::Append, "a b c", "a d", "a b c d"),
            (ChainEdit::Remove, "a b c", "b x", "a c"),
        ] {
            assert_eq!(edit.apply(&names(old), &names(given)), names(new), "{edit:?}");
        }
    }
}
