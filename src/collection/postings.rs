//! Which members of a flattened chain may hold a notebook, a cell, a module: built once from their
//! summaries, so that a search does not look at each.

use std::collections::HashMap;
use std::sync::Arc;

use super::state::State;
use super::summary::{Values, start_of_digest};

/// Positions in a flattened chain, ascending.
type Positions = Vec<u32>;

/// For each value the positions of the members that may have it.
#[derive(Default)]
struct Postings {
    exactly: HashMap<String, Positions>,
    digests: HashMap<u16, Positions>,
    any: Positions,
}

impl Postings {
    fn add(&mut self, values: &Values, position: u32) {
        match values {
            Values::Exactly(values) => {
                for value in values {
                    match self.exactly.get_mut(value) {
                        Some(positions) => positions.push(position),
                        None => drop(self.exactly.insert(value.clone(), vec![position])),
                    }
                }
            }
            Values::Digests(digests) => {
                for digest in digests {
                    self.digests.entry(*digest).or_default().push(position);
                }
            }
            Values::Any => self.any.push(position),
        }
    }

    /// Returns the positions of the members that may have `value`.
    fn of(&self, value: &str) -> Found<'_> {
        let mut lists: [&[u32]; 3] = [&[], &[], &self.any];
        if let Some(positions) = self.exactly.get(value) {
            lists[0] = positions;
        }
        if !self.digests.is_empty()
            && let Some(positions) = self.digests.get(&start_of_digest(value))
        {
            lists[1] = positions;
        }
        Found(lists)
    }
}

/// Three ascending lists, as one.
#[derive(Clone, Copy)]
struct Found<'a>([&'a [u32]; 3]);

impl Found<'_> {
    fn len(&self) -> usize {
        self.0.iter().map(|list| list.len()).sum()
    }

    fn contains(&self, position: u32) -> bool {
        self.0.iter().any(|list| list.binary_search(&position).is_ok())
    }

    fn to_vec(self) -> Positions {
        let mut all = self.0.concat();
        // A member has its values in one form, so no position is in two lists.
        if self.0.iter().filter(|list| !list.is_empty()).count() > 1 {
            all.sort_unstable();
        }
        all
    }
}

/// The index over the members of one flattened chain.
pub(super) struct ChainIndex {
    count: u32,
    notebooks: Postings,
    cells: Postings,
    modules: Postings,
}

/// What a query says exactly, in encoded segments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Exact {
    pub(super) notebook: Option<String>,
    /// As `<notebook>/<cell>`.
    pub(super) cell: Option<String>,
    pub(super) module: Option<String>,
}

impl ChainIndex {
    pub(super) fn of(leaves: &[Arc<State>]) -> ChainIndex {
        let (mut notebooks, mut cells, mut modules) =
            (Postings::default(), Postings::default(), Postings::default());
        let count = u32::try_from(leaves.len()).expect("chains are far shorter");
        for (position, state) in (0..count).zip(leaves) {
            notebooks.add(&state.summary.notebooks, position);
            cells.add(&state.summary.cells, position);
            modules.add(&state.summary.modules, position);
        }
        ChainIndex { count, notebooks, cells, modules }
    }

    /// Returns the positions of the members that may have what is asked for, ascending.
    pub(super) fn candidates(&self, exact: &Exact) -> Positions {
        let place = match (&exact.cell, &exact.notebook) {
            (Some(cell), _) => Some(self.cells.of(cell)),
            (None, Some(notebook)) => Some(self.notebooks.of(notebook)),
            (None, None) => None,
        };
        let module = exact.module.as_ref().map(|module| self.modules.of(module));
        match (place, module) {
            (None, None) => (0..self.count).collect(),
            (Some(one), None) | (None, Some(one)) => one.to_vec(),
            (Some(place), Some(module)) => {
                let (few, many) =
                    if place.len() <= module.len() { (place, module) } else { (module, place) };
                let mut both = few.to_vec();
                both.retain(|position| many.contains(*position));
                both
            }
        }
    }
}
