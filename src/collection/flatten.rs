//! A chain as the flat list of what is searched: depth-first, each collection at its first place.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::context::{Context, Resolution};
use super::name::{CollectionName, Kind};
use super::postings::ChainIndex;
use super::state::State;
use crate::error::Result;
use crate::git::ObjectId;
use crate::lookup::Miss;

/// From this many members on, reading them on all cores pays for waking these.
const PARALLEL_FROM: usize = 64;

/// What a search of a chain goes through.
pub(super) struct Flat {
    /// The runs and tagged collections, in order.
    pub(super) leaves: Vec<Arc<State>>,
    pub(super) index: Arc<ChainIndex>,
    /// Collections that cannot be read: before which leaf they stand, and why.
    pub(super) unreadable: Vec<(usize, Miss)>,
    /// All that was met, in order.
    pub(super) stops: Vec<Stop>,
}

/// A collection that was met while a chain was flattened.
pub(super) struct Stop {
    pub(super) name: CollectionName,
    /// How many chains are above it.
    pub(super) depth: usize,
    pub(super) what: What,
}

pub(super) enum What {
    Chain,
    /// The leaf of that number.
    Leaf(usize),
    AlreadyVisited,
    Gone,
    MadeLater,
    Unreadable(Miss),
}

/// What a frozen chain pins, by name.
type Pins = Arc<HashMap<CollectionName, ObjectId>>;

struct Open {
    name: CollectionName,
    depth: usize,
    pins: Option<Pins>,
}

impl Flat {
    /// Flattens the collection `name`; one that is no chain is a chain of itself.
    pub(super) fn of(context: &Context, name: &CollectionName) -> Result<Flat> {
        // That it is there is all that can fail.
        context.state(name)?;
        let mut leaves = Vec::new();
        let mut unreadable = Vec::new();
        let mut stops = Vec::new();
        let mut visited: HashSet<CollectionName> = HashSet::new();
        let mut open = vec![Open { name: name.clone(), depth: 0, pins: None }];
        // A stack of its own: chains may nest deeper than calls.
        while let Some(Open { name, depth, pins }) = open.pop() {
            let what = if visited.contains(&name) {
                What::AlreadyVisited
            } else {
                visited.insert(name.clone());
                match resolve(context, &name, pins.as_ref()) {
                    Resolution::Gone => What::Gone,
                    Resolution::MadeLater => What::MadeLater,
                    Resolution::Unreadable(miss) => {
                        unreadable.push((leaves.len(), miss.clone()));
                        What::Unreadable(miss)
                    }
                    Resolution::At(state) if state.about.kind == Kind::Chained => {
                        let own = state.about.is_frozen.then(|| pins_of(&state));
                        let pins = pins.or(own);
                        read_ahead(context, &state, pins.as_ref());
                        let members = state.about.members.iter().rev();
                        open.extend(members.map(|member| Open {
                            name: member.clone(),
                            depth: depth + 1,
                            pins: pins.clone(),
                        }));
                        What::Chain
                    }
                    Resolution::At(state) => {
                        leaves.push(state);
                        What::Leaf(leaves.len() - 1)
                    }
                }
            };
            stops.push(Stop { name, depth, what });
        }
        let index = context.states().index(&leaves);
        Ok(Flat { leaves, index, unreadable, stops })
    }

    /// Whether all of it could be read.
    pub(super) fn is_whole(&self) -> bool {
        self.unreadable.is_empty()
    }
}

fn pins_of(state: &State) -> Pins {
    Arc::new(state.about.pins.iter().map(|pin| (pin.name.clone(), pin.commit)).collect())
}

fn resolve(context: &Context, name: &CollectionName, pins: Option<&Pins>) -> Resolution {
    let Some(pins) = pins else { return context.resolve(name) };
    match pins.get(name) {
        None => Resolution::Gone,
        Some(id) => match context.states().get(context.store(), *id) {
            Ok(state) => Resolution::At(state),
            Err(miss) => Resolution::Unreadable(miss),
        },
    }
}

/// Reads the members of a long chain on all cores.
fn read_ahead(context: &Context, chain: &State, pins: Option<&Pins>) {
    let members = &chain.about.members;
    if members.len() < PARALLEL_FROM {
        return;
    }
    let id_of = |name: &CollectionName| match pins {
        Some(pins) => pins.get(name).copied(),
        None => Kind::ALL.into_iter().find_map(|kind| context.reference(&name.reference(kind))),
    };
    members.par_chunks(PARALLEL_FROM).for_each(|members| {
        for id in members.iter().filter_map(id_of) {
            if !context.states().has(&id) {
                // What cannot be read says so when it is visited.
                drop(context.states().get(context.store(), id));
            }
        }
    });
}
