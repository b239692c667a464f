//! Two states of a notebook, cell by cell.

use serde::Serialize;

use super::entries::{DiffOptions, EntryDiff, Unreadable, diff_entries};
use crate::lookup::Miss;
use crate::name::EntryName;
use crate::store::Entry;

/// The ingredient that holds the hash of a cell's own code.
const CODE: &str = "code";

/// One cell of a state of a notebook: what it showed then.
#[derive(Debug, Clone)]
pub struct CellVersion {
    /// What the cell is called in the store.
    pub cell: String,
    /// Its position among all cells, from 0; `None` if nobody said.
    pub position: Option<usize>,
    /// The name of its entry.
    pub name: EntryName,
    /// Its entry, or why that cannot be handed out.
    pub entry: Result<Entry, Miss>,
}

/// What differs between two states of a notebook.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NotebookDiff {
    /// Each cell of either state, in the order of the later one; cells that went stand where they
    /// stood.
    pub cells: Vec<CellDiff>,
}

/// One cell of either state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellDiff {
    /// What it is called; the later name if it has two.
    pub cell: String,
    /// What it was called, if otherwise; then it was known again by its code.
    pub renamed_from: Option<String>,
    /// Where it was among all cells, from 0.
    pub position_before: Option<usize>,
    /// Where it is.
    pub position_after: Option<usize>,
    /// The name of its earlier entry.
    pub before: Option<String>,
    /// The name of its later entry.
    pub after: Option<String>,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: CellOutcome,
}

/// What became of a cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum CellOutcome {
    /// It holds the same.
    Same,
    /// It came.
    Added,
    /// It went.
    Removed,
    /// It holds something else.
    Changed {
        /// What.
        diff: EntryDiff,
    },
    /// An entry of it cannot be read.
    Unreadable {
        /// Each side that cannot be read.
        misses: Vec<Unreadable>,
    },
}

impl NotebookDiff {
    /// Whether both states have the same cells, and each holds the same.
    pub fn is_same(&self) -> bool {
        self.cells.iter().all(|cell| cell.outcome == CellOutcome::Same)
    }
}

/// Returns what differs between two states of a notebook, or of two notebooks.
///
/// Cells are matched by name, then those that are left by the hash of their code, in order.
pub fn diff_notebooks(
    before: &[CellVersion],
    after: &[CellVersion],
    options: &DiffOptions,
) -> NotebookDiff {
    let (before, after) = (sorted(before), sorted(after));
    let matches = match_cells(&before, &after);
    let is_matched = |x: usize| matches.contains(&Some(x));
    let mut cells = Vec::with_capacity(after.len());
    let mut told = vec![false; before.len()];
    let mut tell_gone = |until: usize, cells: &mut Vec<CellDiff>| {
        for x in (0..until).filter(|x| !is_matched(*x)) {
            if !std::mem::replace(&mut told[x], true) {
                cells.push(cell(Some(before[x]), None, CellOutcome::Removed));
            }
        }
    };
    for (new, found) in after.iter().zip(&matches) {
        match found {
            Some(x) => {
                tell_gone(*x, &mut cells);
                let old = before[*x];
                cells.push(cell(Some(old), Some(new), outcome(old, new, options)));
            }
            None => cells.push(cell(None, Some(new), CellOutcome::Added)),
        }
    }
    tell_gone(before.len(), &mut cells);
    NotebookDiff { cells }
}

/// Returns the cells in the order of the document; those without a position come last.
fn sorted(cells: &[CellVersion]) -> Vec<&CellVersion> {
    let mut sorted: Vec<&CellVersion> = cells.iter().collect();
    sorted.sort_by_key(|cell| (cell.position.is_none(), cell.position));
    sorted
}

/// Returns for each later cell which earlier one it is.
fn match_cells(before: &[&CellVersion], after: &[&CellVersion]) -> Vec<Option<usize>> {
    let mut matches: Vec<Option<usize>> =
        after.iter().map(|new| before.iter().position(|old| old.cell == new.cell)).collect();
    let mut is_free: Vec<bool> = (0..before.len()).map(|x| !matches.contains(&Some(x))).collect();
    for (found, new) in matches.iter_mut().zip(after).filter(|(found, _)| found.is_none()) {
        let Some(code) = code_of(new) else { continue };
        let same = |x: &usize| is_free[*x] && code_of(before[*x]) == Some(code);
        *found = (0..before.len()).find(same);
        if let Some(x) = found {
            is_free[*x] = false;
        }
    }
    matches
}

fn code_of(cell: &CellVersion) -> Option<&str> {
    let entry = cell.entry.as_ref().ok()?;
    let ingredients = &entry.manifest().provenance.ingredients;
    ingredients.iter().find(|(name, _)| name == CODE).map(|(_, value)| value.as_str())
}

fn outcome(before: &CellVersion, after: &CellVersion, options: &DiffOptions) -> CellOutcome {
    if before.name == after.name {
        return CellOutcome::Same;
    }
    match (&before.entry, &after.entry) {
        (Ok(old), Ok(new)) => {
            let diff = diff_entries(old, new, options);
            if diff.is_same() { CellOutcome::Same } else { CellOutcome::Changed { diff } }
        }
        (old, new) => {
            let sides = [("before", old), ("after", new)];
            let misses = sides.into_iter().filter_map(|(side, entry)| {
                let miss = entry.as_ref().err()?;
                Some(Unreadable { side, code: miss.code(), reason: miss.to_string() })
            });
            CellOutcome::Unreadable { misses: misses.collect() }
        }
    }
}

fn cell(
    before: Option<&CellVersion>,
    after: Option<&CellVersion>,
    outcome: CellOutcome,
) -> CellDiff {
    let names = before.map(|it| &it.cell).into_iter().chain(after.map(|it| &it.cell));
    let name = names.last().cloned().unwrap_or_default();
    CellDiff {
        renamed_from: before.map(|it| it.cell.clone()).filter(|old| *old != name),
        cell: name,
        position_before: before.and_then(|it| it.position),
        position_after: after.and_then(|it| it.position),
        before: before.map(|it| it.name.to_string()),
        after: after.map(|it| it.name.to_string()),
        outcome,
    }
}
