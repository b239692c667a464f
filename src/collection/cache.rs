//! What is kept in memory: states by their commits, indices of flattened chains, and a finder that
//! keeps a context until it must look again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};

use super::context::Context;
use super::find::{Found, Query, find_first};
use super::name::CollectionName;
use super::postings::ChainIndex;
use super::state::State;
use crate::error::Result;
use crate::git::ObjectId;
use crate::lookup::{Lookup, Miss};
use crate::store::Store;

const UNPOISONED: &str = "no holder of this lock panics";

/// More indices than this are not kept: each is as large as its chain.
const MOST_INDICES: usize = 16;

/// All states that were read, by their commits, and the indices over them.
#[derive(Default)]
pub(super) struct States {
    states: RwLock<HashMap<ObjectId, Arc<State>>>,
    indices: Mutex<HashMap<Vec<ObjectId>, Arc<ChainIndex>>>,
}

impl States {
    /// Returns the state that a commit is.
    pub(super) fn get(&self, store: &Store, id: ObjectId) -> Result<Arc<State>, Miss> {
        if let Some(state) = self.states.read().expect(UNPOISONED).get(&id) {
            return Ok(Arc::clone(state));
        }
        let state = Arc::new(State::read(store, id)?);
        let mut states = self.states.write().expect(UNPOISONED);
        Ok(Arc::clone(states.entry(id).or_insert(state)))
    }

    /// Whether the state of that commit is here.
    pub(super) fn has(&self, id: &ObjectId) -> bool {
        self.states.read().expect(UNPOISONED).contains_key(id)
    }

    /// Returns the index over states in the order of a search.
    pub(super) fn index(&self, leaves: &[Arc<State>]) -> Arc<ChainIndex> {
        let ids: Vec<ObjectId> = leaves.iter().map(|state| state.id).collect();
        let mut indices = self.indices.lock().expect(UNPOISONED);
        if indices.len() >= MOST_INDICES && !indices.contains_key(&ids) {
            indices.clear();
        }
        let index = indices.entry(ids).or_insert_with(|| Arc::new(ChainIndex::of(leaves)));
        Arc::clone(index)
    }
}

/// Finds keys again and again, as a server does: it keeps a context, and looks what is new only on
/// a miss, once, or when it is told.
///
/// A hit may be what was first before somebody changed the chain; [`Finder::refresh`] tells.
pub struct Finder {
    store: Store,
    context: RwLock<Context>,
}

impl Finder {
    /// Returns a finder that knows what is there now.
    ///
    /// # Errors
    /// Those of [`Context::open`].
    pub fn new(store: &Store) -> Result<Finder> {
        let context = RwLock::new(Context::open(store)?);
        Ok(Finder { store: store.clone(), context })
    }

    /// Returns the context that answers now.
    pub fn context(&self) -> Context {
        self.context.read().expect(UNPOISONED).clone()
    }

    /// Returns the first entry of `query` in `chain`, as [`find_first`]; after a miss it looks once
    /// whether that is still so.
    ///
    /// # Errors
    /// Those of [`find_first`].
    pub fn find_first(&self, query: &Query, chain: &CollectionName) -> Result<Lookup<Found>> {
        match find_first(&self.context(), query, chain) {
            Ok(Lookup::Hit(found)) => return Ok(Lookup::Hit(found)),
            missed if self.refresh()? => drop(missed),
            missed => return missed,
        }
        find_first(&self.context(), query, chain)
    }

    /// Looks what is there now; returns whether anything was written since the last look.
    ///
    /// # Errors
    /// Those of [`Context::open`].
    pub fn refresh(&self) -> Result<bool> {
        let now = Context::open(&self.store)?;
        let mut context = self.context.write().expect(UNPOISONED);
        let is_new = !context.sees_the_same(&now);
        if is_new {
            *context = now;
        }
        Ok(is_new)
    }
}

impl std::fmt::Debug for Finder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Finder({:?})", self.store)
    }
}
