//! Finds a cell again after an edit: by id, then by its code, then by order.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::document::Notebook;
use super::hash::cell_hash;
use crate::digest::Digest;

/// The hex digits of its code's hash in the name of a cell that has no id.
const CODE_DIGITS: usize = 12;

/// What a cell is known by; its place in a list is its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellIdentity {
    /// Its id or name, if it has one that lasts.
    pub id: Option<String>,
    /// The hash of its own code.
    pub code: Digest,
}

/// By what a cell was found again, surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchedBy {
    /// It has the same id.
    Id,
    /// It has the same code.
    Code,
    /// It stands in the same place between cells that were found.
    Order,
}

/// Which of the known cells a current cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellMatch {
    /// The known cell, by its place in the list of known cells.
    pub known: usize,
    /// By what it was found.
    pub by: MatchedBy,
}

/// Returns the cell segment of each code cell of `notebook`, in their order.
///
/// That is its id; without one, `code-` and 12 hex digits of its code's hash. Of cells that
/// share one, the first keeps it and the others end in `-2`, `-3` and so on.
pub fn cell_names(notebook: &Notebook<'_>) -> Vec<String> {
    let names: Vec<String> = notebook
        .code_cells()
        .map(|(_, cell)| match cell.id() {
            Some(id) => id.to_owned(),
            None => format!("code-{}", cell_hash(&notebook.source(cell)).short(CODE_DIGITS)),
        })
        .collect();
    unique(names)
}

fn unique(names: Vec<String>) -> Vec<String> {
    // A name that a notebook gives is never taken by the ordinal of another cell.
    let mut taken: HashSet<String> = names.iter().cloned().collect();
    let mut ordinals: HashMap<String, usize> = HashMap::new();
    let number = |name: String| {
        let ordinal = ordinals.entry(name.clone()).or_insert(0);
        *ordinal += 1;
        if *ordinal == 1 {
            return name;
        }
        loop {
            let numbered = format!("{name}-{ordinal}");
            if taken.insert(numbered.clone()) {
                return numbered;
            }
            *ordinal += 1;
        }
    };
    names.into_iter().map(number).collect()
}

/// Returns for each of the `current` cells which of the `known` ones it is, both in their order.
///
/// Each known cell is used once. Cells with the same id are the same; of the rest, those with
/// the same code, in order; of what then remains, cells that stand between the same found
/// neighbours, in order. `None` is a new cell.
pub fn match_cells(known: &[CellIdentity], current: &[CellIdentity]) -> Vec<Option<CellMatch>> {
    let mut matcher = Matcher { used: vec![false; known.len()], found: vec![None; current.len()] };
    let ids = |cell: &CellIdentity| cell.id.clone();
    matcher.pair(known, current, MatchedBy::Id, ids);
    matcher.pair(known, current, MatchedBy::Code, |cell| Some(cell.code));
    matcher.pair_by_order();
    matcher.found
}

struct Matcher {
    used: Vec<bool>,
    found: Vec<Option<CellMatch>>,
}

impl Matcher {
    /// Pairs what is left and has the same key, in order.
    fn pair<K: Eq + Hash>(
        &mut self,
        known: &[CellIdentity],
        current: &[CellIdentity],
        by: MatchedBy,
        key: impl Fn(&CellIdentity) -> Option<K>,
    ) {
        let mut places: HashMap<K, Vec<usize>> = HashMap::new();
        for (place, cell) in known.iter().enumerate().rev().filter(|(place, _)| !self.used[*place])
        {
            if let Some(key) = key(cell) {
                places.entry(key).or_default().push(place);
            }
        }
        for (found, cell) in self.found.iter_mut().zip(current).filter(|(found, _)| found.is_none())
        {
            let place = key(cell).and_then(|key| places.get_mut(&key)?.pop());
            *found = place.map(|known| CellMatch { known, by });
            if let Some(known) = place {
                self.used[known] = true;
            }
        }
    }

    /// Pairs what is left between two neighbours that were found beside each other in order.
    fn pair_by_order(&mut self) {
        let mut start = 0;
        while start < self.found.len() {
            if self.found[start].is_some() {
                start += 1;
                continue;
            }
            let gap = self.found[start..].iter().take_while(|found| found.is_none()).count();
            let end = start + gap;
            // The cells before the first and after the last are neighbours too.
            let from = match start.checked_sub(1).map(|before| self.found[before]) {
                None => 0,
                Some(before) => before.map_or(self.used.len(), |found| found.known + 1),
            };
            let to = self
                .found
                .get(end)
                .map_or(self.used.len(), |after| after.map_or(from, |found| found.known));
            let mut left =
                (from..to).filter(|&place| !self.used[place]).collect::<Vec<_>>().into_iter();
            for found in &mut self.found[start..end] {
                *found = left.next().map(|known| CellMatch { known, by: MatchedBy::Order });
            }
            for &CellMatch { known, .. } in self.found[start..end].iter().flatten() {
                self.used[known] = true;
            }
            start = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cells written as `id=code` or only `code`.
    fn cells(texts: &str) -> Vec<CellIdentity> {
        texts
            .split_whitespace()
            .map(|text| match text.split_once('=') {
                Some((id, code)) => CellIdentity { id: Some(id.into()), code: cell_hash(code) },
                None => CellIdentity { id: None, code: cell_hash(text) },
            })
            .collect()
    }

    /// Matches written as letter of the means and place, `-` for a new cell.
    fn matches(known: &str, current: &str) -> String {
        let letters = match_cells(&cells(known), &cells(current)).into_iter().map(|found| {
            found.map_or("-".into(), |CellMatch { known, by }| {
                let letter = match by {
                    MatchedBy::Id => 'i',
                    MatchedBy::Code => 'c',
                    MatchedBy::Order => 'o',
                };
                format!("{letter}{known}")
            })
        });
        letters.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_cell_is_found_again_by_the_surest_sign() {
        for (known, current, expected, why) in [
            ("x=a y=b", "x=a y=b", "i0 i1", "nothing changed"),
            ("x=a y=b", "y=b x=A", "i1 i0", "ids hold through moves and edits"),
            ("x=a y=b", "q=b r=a", "c1 c0", "code holds when all ids are new"),
            ("a b c", "a B c", "c0 o1 c2", "edited between found neighbours"),
            ("a b c", "A b C", "o0 c1 o2", "edited at both ends"),
            ("a b c", "a n b c", "c0 - c1 c2", "a new cell between neighbours"),
            ("a b c", "a c", "c0 c2", "a removed cell"),
            ("a b c", "a B N c", "c0 o1 - c2", "edited, then a new one"),
            ("a a a", "a a", "c0 c1", "equal code, each used once and in order"),
            ("x=a x=b", "x=b x=a", "i0 i1", "an id twice is used in order"),
            ("x=a b", "b x=c", "c1 i0", "the id before the code"),
            ("a b c", "c X a", "c2 - c0", "no place between neighbours that changed sides"),
            ("", "a", "-", "nothing known"),
            ("a", "", "", "nothing left"),
            ("a b", "c d e", "o0 o1 -", "all edited: by order alone"),
        ] {
            assert_eq!(matches(known, current), expected, "{why}");
        }
    }

    #[test]
    fn names_last_and_never_meet() {
        let names = |ids: &[&str]| unique(ids.iter().map(|&id| id.to_owned()).collect());
        for (ids, expected, why) in [
            (&["a", "b"][..], &["a", "b"][..], "ids as they are"),
            (&["a", "a", "a"], &["a", "a-2", "a-3"], "the first keeps the name"),
            (&["a", "a", "a-2", "a"], &["a", "a-3", "a-2", "a-4"], "an id is not taken away"),
            (&["a-2", "a-2", "a", "a"], &["a-2", "a-2-2", "a", "a-3"], "in any order"),
        ] {
            assert_eq!(names(ids), expected, "{why}");
        }
        let text = r#"{"nbformat": 4, "cells": [{"cell_type": "code", "source": "x\n"},
            {"cell_type": "markdown"}, {"cell_type": "code", "id": "", "source": ["x"]}]}"#;
        let code = format!("code-{}", cell_hash("x").short(12));
        let notebook = Notebook::parse(text.as_bytes()).unwrap();
        assert_eq!(cell_names(&notebook), [code.clone(), format!("{code}-2")]);
    }
}
