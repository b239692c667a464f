//! What is to be pinned: decided from the cells as they stand, without writing anything.

use std::collections::{BTreeMap, BTreeSet};

use super::pins::Pins;
use crate::error::Result;
use crate::name::{EntryName, encode};
use crate::store::Store;

/// A cell as it stands in its notebook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CellState {
    /// Its encoded name.
    cell: String,
    /// The encoded hash of all that its result depends on.
    module: String,
    /// The entry that is for it now.
    entry: Option<EntryName>,
    /// Whether that entry is to be pinned, even where a pin of the same module hash is there.
    is_fresh: bool,
}

impl CellState {
    pub(crate) fn new(
        cell: &str,
        module: &str,
        entry: Option<EntryName>,
        is_fresh: bool,
    ) -> CellState {
        CellState { cell: encode(cell).into(), module: encode(module).into(), entry, is_fresh }
    }

    /// Returns the entries to pin, where `old` are pinned, the newest last: one, unless the pins
    /// stay as they are. `is_same` tells whether two entries hold the same results.
    fn pins<'p>(
        &'p self,
        old: &[&'p EntryName],
        is_same: &mut dyn FnMut(&EntryName, &EntryName) -> Result<bool>,
    ) -> Result<Vec<&'p EntryName>> {
        let is_current = |entry: &&EntryName| entry.module_segment() == self.module;
        let newest = old.iter().rev().copied().find(is_current);
        if !self.is_fresh && newest.is_some() {
            return Ok(old.to_vec());
        }
        // A store that lacks the pinned result of what stands there says nothing against it.
        let Some(entry) = self.entry.as_ref().filter(|it| newest.is_none() || is_current(it))
        else {
            return Ok(newest.into_iter().collect());
        };
        for &other in old.iter().rev() {
            // A result that was restored and recorded once more is still that result.
            let may_be = other.module_segment() == entry.module_segment();
            if may_be && (other == entry || is_same(entry, other)?) {
                return Ok(vec![other]);
            }
        }
        Ok(vec![entry])
    }
}

/// A notebook as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotebookState {
    /// Its encoded name.
    notebook: String,
    cells: Vec<CellState>,
}

impl NotebookState {
    pub(crate) fn new(notebook: &str, cells: Vec<CellState>) -> NotebookState {
        NotebookState { notebook: encode(notebook).into(), cells }
    }

    /// Returns the encoded name of the notebook.
    pub(crate) fn notebook(&self) -> &str {
        &self.notebook
    }
}

/// What differs between two states of the pins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) added: Vec<EntryName>,
    pub(crate) removed: Vec<EntryName>,
}

impl Change {
    /// Whether nothing differs.
    pub(crate) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

impl Pins {
    /// Returns the pins after `states`: of each of these notebooks those of its cells, of others
    /// all pins but those of notebooks that are `gone`, by their encoded names.
    ///
    /// # Errors
    /// Those of `is_same`.
    pub(crate) fn after(
        &self,
        states: &[&NotebookState],
        gone: impl Fn(&str) -> bool,
        mut is_same: impl FnMut(&EntryName, &EntryName) -> Result<bool>,
    ) -> Result<Pins> {
        // Of a notebook that was looked at twice, the later look counts.
        let states: BTreeMap<&str, &NotebookState> =
            states.iter().map(|state| (state.notebook(), *state)).collect();
        let gone: BTreeSet<&str> = self.notebooks().into_iter().filter(|name| gone(name)).collect();
        let is_other = |entry: &&EntryName| {
            let notebook = entry.notebook_segment();
            !states.contains_key(notebook) && !gone.contains(notebook)
        };
        let mut pinned: BTreeSet<EntryName> = self.iter().filter(is_other).cloned().collect();
        let old = self.by_cell();
        for (notebook, state) in states {
            for cell in &state.cells {
                let old = old.get(&(notebook, &*cell.cell)).map_or(&[][..], Vec::as_slice);
                pinned.extend(cell.pins(old, &mut is_same)?.into_iter().cloned());
            }
        }
        Ok(pinned.into_iter().collect())
    }

    /// Returns what is to be added to and removed from these pins to make them `wanted`.
    pub(crate) fn change_to(&self, wanted: &Pins) -> Change {
        Change {
            added: wanted.iter().filter(|entry| !self.contains(entry)).cloned().collect(),
            removed: self.iter().filter(|entry| !wanted.contains(entry)).cloned().collect(),
        }
    }
}

/// Whether two entries can be read and hold the same parts.
///
/// # Errors
/// Those of [`Store::entry`].
pub(crate) fn holds_the_same(store: &Store, a: &EntryName, b: &EntryName) -> Result<bool> {
    let parts = |name| -> Result<_> {
        Ok(store.entry(name)?.hit().map(|entry| entry.manifest().parts.clone()))
    };
    Ok(match parts(a)? {
        Some(a) => parts(b)?.is_some_and(|b| a == b),
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(notebook: &str, cell: &str, module: &str, minute: u32) -> EntryName {
        format!("{notebook}/{cell}/{module}/0/20261121T01{minute:02}00.000000Z-0123abcd")
            .parse()
            .unwrap()
    }

    /// Returns the pins of the cell `a` of `nb` after it was looked at; entries of the minutes 1
    /// and 2 hold the same.
    fn after(
        old: &[&EntryName],
        module: &str,
        entry: Option<EntryName>,
        fresh: bool,
    ) -> Vec<EntryName> {
        let old: Pins = old.iter().copied().cloned().collect();
        let state = NotebookState::new("nb", vec![CellState::new("a", module, entry, fresh)]);
        let minutes = [name("nb", "a", "m", 1), name("nb", "a", "m", 2)];
        let is_same = |a: &EntryName, b: &EntryName| Ok(minutes.contains(a) && minutes.contains(b));
        old.after(&[&state], |_| false, is_same).unwrap().iter().cloned().collect()
    }

    #[test]
    fn a_cell_gets_the_entry_that_is_for_it() {
        let (first, again) = (name("nb", "a", "m", 1), name("nb", "a", "m", 2));
        let (later, other) = (name("nb", "a", "m", 3), name("nb", "a", "k", 4));
        for (old, module, entry, fresh, expected, why) in [
            (&[][..], "m", Some(&first), true, &[&first][..], "the first pin"),
            (&[], "m", Some(&first), false, &[&first], "though it is not fresh"),
            (&[&first], "m", Some(&later), true, &[&later], "a new run"),
            (&[&first], "m", Some(&later), false, &[&first], "a run of another time"),
            (&[&first], "m", Some(&again), true, &[&first], "the same once more"),
            (&[&first], "k", Some(&other), false, &[&other], "its code changed"),
            (&[&first], "k", Some(&later), false, &[&later], "its code changed back and forth"),
            (&[&first], "k", None, false, &[], "its code changed and was not run"),
            (&[&first], "m", None, true, &[&first], "it is not in this store"),
            (&[&first], "m", None, false, &[&first], "it is not in this store"),
            (&[&first], "m", Some(&other), true, &[&first], "only other runs are in this store"),
            (&[&first, &later], "m", Some(&later), true, &[&later], "a merge"),
            (&[&first, &later], "m", Some(&later), false, &[&first, &later], "a merge, untouched"),
            (&[&first, &other], "m", Some(&again), true, &[&first], "a merge of other code"),
        ] {
            let pinned = after(old, module, entry.cloned(), fresh);
            assert_eq!(pinned.iter().collect::<Vec<_>>(), expected, "{why}");
        }
    }

    #[test]
    fn other_notebooks_keep_their_pins_unless_they_are_gone() {
        let kept = name("kept", "a", "m", 1);
        let old: Pins = [kept.clone(), name("gone", "a", "m", 1), name("nb", "x", "m", 1)]
            .into_iter()
            .collect();
        let state = NotebookState::new("nb", Vec::new());
        let new = old.after(&[&state], |name| name == "gone", |_, _| Ok(false)).unwrap();
        assert_eq!(new.iter().collect::<Vec<_>>(), [&kept]);
        let change = old.change_to(&new);
        assert_eq!((change.added.len(), change.removed.len()), (0, 2));
    }

    #[test]
    fn names_are_encoded_as_entries_have_them() {
        let entry = name("a%2fb.ipynb", "x%20y", "m", 1);
        let cells = vec![CellState::new("x y", "m", Some(entry.clone()), true)];
        let state = NotebookState::new("a/b.ipynb", cells);
        let old: Pins = [name("a%2fb.ipynb", "x%20y", "k", 0)].into_iter().collect();
        let new = old.after(&[&state], |_| false, |_, _| Ok(false)).unwrap();
        assert_eq!(new.iter().collect::<Vec<_>>(), [&entry]);
    }
}
