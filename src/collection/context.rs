//! A context: which state every collection has, resolved once, so that all reads agree.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use super::cache::States;
use super::flatten::Flat;
use super::name::{CollectionName, FOLDER, Kind};
use super::state::State;
use super::{About, Summary};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::git::{ObjectId, loose_refs};
use crate::lookup::Miss;
use crate::name::EntryName;
use crate::store::{Snapshot, Store};

/// Collections and entries as they were at one look, or as of a moment before that.
///
/// Whatever others change afterwards, all that is read through a context agrees. It may be handed
/// down to any depth: a clone is the same context, and shares what was resolved. To see what is
/// new, open another. Changes do not go through contexts, so that none can change what it shows.
#[derive(Clone)]
pub struct Context {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    snapshot: Snapshot,
    /// Refs that only plain git makes; they outrank the others, as in git.
    loose: Arc<BTreeMap<String, ObjectId>>,
    states: Arc<States>,
    resolved: Mutex<HashMap<CollectionName, Resolution>>,
    flats: Mutex<HashMap<CollectionName, Arc<Flat>>>,
}

/// What a name stands for in a context.
#[derive(Clone)]
pub(super) enum Resolution {
    At(Arc<State>),
    /// There is no such collection.
    Gone,
    /// It was made after the moment of the context.
    MadeLater,
    Unreadable(Miss),
}

/// A collection as a context shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// What it is.
    pub about: About,
    /// What it may hold; empty for a chain.
    pub summary: Summary,
    /// The commit that it stands for, as hex.
    pub commit: String,
}

const UNPOISONED: &str = "no holder of this lock panics";

impl Context {
    /// Resolves the collections of a store as they are now.
    ///
    /// # Errors
    /// [`Error::Disk`] and [`Error::BrokenRefs`] if the names cannot be read.
    pub fn open(store: &Store) -> Result<Context> {
        // Refs move from files of their own into `packed-refs`, never back.
        let loose = loose_refs(store.path(), FOLDER.trim_end_matches('/'))?;
        Ok(Context::of(store.clone(), store.snapshot()?, Arc::new(loose)))
    }

    fn of(store: Store, snapshot: Snapshot, loose: Arc<BTreeMap<String, ObjectId>>) -> Context {
        let states = store.remembered::<States>();
        let (resolved, flats) = (Mutex::default(), Mutex::default());
        Context { shared: Arc::new(Shared { store, snapshot, loose, states, resolved, flats }) }
    }

    /// Returns the same with only what was there at `moment`: collections in the state that they
    /// had, and entries that were made by then.
    ///
    /// A run shows what it has today of what was made by then, as it has no former states. What was
    /// removed since is gone here too.
    #[must_use]
    pub fn as_of(&self, moment: Timestamp) -> Context {
        let Shared { store, snapshot, loose, .. } = &*self.shared;
        Context::of(store.clone(), snapshot.as_of(moment), Arc::clone(loose))
    }

    /// Returns the moment it is as of; `None` if that is when it was opened.
    pub fn moment(&self) -> Option<Timestamp> {
        self.shared.snapshot.moment()
    }

    /// Returns the entries as this context sees them.
    pub fn snapshot(&self) -> &Snapshot {
        &self.shared.snapshot
    }

    /// Whether nothing was written between the openings of the two.
    pub(super) fn sees_the_same(&self, other: &Context) -> bool {
        self.shared.snapshot.names().is_same(other.shared.snapshot.names())
            && self.shared.loose == other.shared.loose
    }

    pub(super) fn store(&self) -> &Store {
        &self.shared.store
    }

    pub(super) fn states(&self) -> &States {
        &self.shared.states
    }

    /// Returns the collections of a kind, or of all, sorted by name. One that cannot be read, or was
    /// made later, is left out of the list as of a moment, and a miss in that of now.
    ///
    /// # Errors
    /// The first miss among them, as an [`Error::CollectionUnreadable`].
    pub fn list(&self, kind: Option<Kind>) -> Result<Vec<Collection>> {
        let mut found = Vec::new();
        for (one, name) in self.names() {
            if kind.is_some_and(|kind| kind != one) {
                continue;
            }
            match self.resolve(&name) {
                Resolution::At(state) => found.push(shown(&state)),
                Resolution::Gone | Resolution::MadeLater => {}
                Resolution::Unreadable(miss) => return Err(unreadable(&name, miss)),
            }
        }
        found.sort_by(|a, b| a.about.name.cmp(&b.about.name));
        found.dedup_by(|a, b| a.about.name == b.about.name);
        Ok(found)
    }

    /// Returns the kinds and names of all collections there are now.
    pub(super) fn names(&self) -> Vec<(Kind, CollectionName)> {
        self.references().into_keys().filter_map(|n| CollectionName::of_reference(&n)).collect()
    }

    /// Returns the refs of all collections.
    pub(super) fn references(&self) -> BTreeMap<String, ObjectId> {
        let mut refs = self.shared.snapshot.names().references(FOLDER);
        refs.extend(self.shared.loose.iter().map(|(name, id)| (name.clone(), *id)));
        refs
    }

    /// Returns the collection of that name.
    ///
    /// # Errors
    /// [`Error::NoCollection`] and [`Error::CollectionUnreadable`].
    pub fn collection(&self, name: &CollectionName) -> Result<Collection> {
        Ok(shown(&*self.state(name)?))
    }

    /// Returns the entries of a run or tagged collection, sorted by name; none for a chain.
    ///
    /// # Errors
    /// [`Error::NoCollection`] and [`Error::CollectionUnreadable`].
    pub fn entries(&self, name: &CollectionName) -> Result<Vec<EntryName>> {
        let state = self.state(name)?;
        let members = state.members(self.store()).map_err(|miss| unreadable(name, miss))?;
        let is_within = |made| self.moment().is_none_or(|moment| made <= moment);
        let names = members.iter().map(|(name, _)| name);
        Ok(names.filter(|name| is_within(name.created_at())).cloned().collect())
    }

    /// Returns what was done to a collection and when, newest first.
    ///
    /// # Errors
    /// [`Error::NoCollection`] and [`Error::CollectionUnreadable`].
    pub fn history(&self, name: &CollectionName) -> Result<Vec<(Timestamp, String)>> {
        let mut state = self.state(name)?;
        let mut history = Vec::new();
        loop {
            history.push((state.about.changed_at, state.message.clone()));
            let Some(former) = state.former else { return Ok(history) };
            state =
                self.states().get(self.store(), former).map_err(|miss| unreadable(name, miss))?;
        }
    }

    /// Returns the state of a collection that must be there.
    pub(super) fn state(&self, name: &CollectionName) -> Result<Arc<State>> {
        match self.resolve(name) {
            Resolution::At(state) => Ok(state),
            Resolution::Gone | Resolution::MadeLater => {
                Err(Error::NoCollection { name: name.to_string() })
            }
            Resolution::Unreadable(miss) => Err(unreadable(name, miss)),
        }
    }

    /// Returns what a ref stands for now, by its full name.
    pub(super) fn reference(&self, name: &str) -> Option<ObjectId> {
        let loose = self.shared.loose.get(name).copied();
        loose.or_else(|| self.shared.snapshot.names().reference(name))
    }

    pub(super) fn resolve(&self, name: &CollectionName) -> Resolution {
        if let Some(known) = self.shared.resolved.lock().expect(UNPOISONED).get(name) {
            return known.clone();
        }
        let resolution = self.look_up(name).unwrap_or_else(Resolution::Unreadable);
        let mut resolved = self.shared.resolved.lock().expect(UNPOISONED);
        // What cannot be read may be healed by the next look.
        if !matches!(resolution, Resolution::Unreadable(_)) {
            resolved.insert(name.clone(), resolution.clone());
        }
        resolution
    }

    fn look_up(&self, name: &CollectionName) -> Result<Resolution, Miss> {
        let found = Kind::ALL
            .into_iter()
            .find_map(|kind| Some((kind, self.reference(&name.reference(kind))?)));
        let Some((kind, id)) = found else { return Ok(Resolution::Gone) };
        let mut state = self.states().get(self.store(), id)?;
        if state.about.name != *name || state.about.kind != kind {
            let reason = "its ref stands for another collection".to_owned();
            return Err(Miss::Damaged { name: name.to_string(), reason });
        }
        let Some(moment) = self.moment() else { return Ok(Resolution::At(state)) };
        if kind == Kind::Run {
            let is_there = state.about.created_at <= moment;
            return Ok(if is_there { Resolution::At(state) } else { Resolution::MadeLater });
        }
        while state.about.changed_at > moment {
            let Some(former) = state.former else { return Ok(Resolution::MadeLater) };
            state = self.states().get(self.store(), former)?;
        }
        Ok(Resolution::At(state))
    }

    /// Returns the members of a chain in the order of the search, worked out once.
    pub(super) fn flat(&self, name: &CollectionName) -> Result<Arc<Flat>> {
        if let Some(flat) = self.shared.flats.lock().expect(UNPOISONED).get(name) {
            return Ok(Arc::clone(flat));
        }
        let flat = Arc::new(Flat::of(self, name)?);
        if flat.is_whole() {
            let mut flats = self.shared.flats.lock().expect(UNPOISONED);
            flats.insert(name.clone(), Arc::clone(&flat));
        }
        Ok(flat)
    }
}

fn shown(state: &State) -> Collection {
    Collection {
        about: state.about.clone(),
        summary: state.summary.clone(),
        commit: state.id.to_string(),
    }
}

pub(super) fn unreadable(name: &CollectionName, miss: Miss) -> Error {
    Error::CollectionUnreadable { name: name.to_string(), source: miss }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("snapshot", &self.shared.snapshot).finish_non_exhaustive()
    }
}
