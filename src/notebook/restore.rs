//! Puts recorded outputs back into a notebook.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Instant;

use super::choose::{Choice, Wanted, is_of};
use super::document::{Cell, Notebook};
use super::fill::{FilledCell, fill};
use super::hash::module_hashes;
use super::known::RecordedCells;
use super::layout::{CellOutputs, LAYOUT_PATH, LayoutDamage, join};
use super::lexer::Span;
use super::name::NotebookName;
use super::record::NBFORMAT;
use crate::events::{Event, EventKind};
use crate::lookup::{Lookup, Miss};
use crate::name::{EntryName, ExecutionKey};
use crate::store::{Entry, Snapshot};

/// Which entries [`restore`] brings back; by default the newest of the code that stands there.
#[derive(Debug, Clone, Default)]
pub struct RestoreOptions {
    /// Where no entry is of the cell's code, take the newest of the cell whatever its code was.
    pub any_code: bool,
    /// Replace outputs that the notebook shows.
    pub overwrite: bool,
    /// Of several entries of what stands in a cell, take one of these before a newer one.
    pub preferred: BTreeSet<EntryName>,
    /// Take these for their cells, whatever their code was; all other cells stay as they are.
    pub entries: Vec<EntryName>,
    /// The entries are pinned: no other is taken even if there are none, and a cell that has no
    /// pin, or shows something else, is told of.
    pub pinned: bool,
}

/// A notebook with outputs put back.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The notebook.
    pub bytes: Vec<u8>,
    /// What became of each code cell, in their order.
    pub cells: Vec<RestoredCell>,
    /// Of the entries that were asked for, those whose cell is not in the notebook.
    pub without_cell: Vec<EntryName>,
}

/// One code cell after [`restore`].
#[derive(Debug, Clone)]
pub struct RestoredCell {
    /// What the cell is called in the store.
    pub name: String,
    /// The module segment of what stands in the notebook.
    pub module: String,
    /// Its position among all cells of the notebook.
    pub position: usize,
    /// What became of it.
    pub outcome: RestoreOutcome,
}

/// What became of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreOutcome {
    /// It shows the outputs of an entry.
    Restored {
        /// The entry.
        entry: EntryName,
        /// Why that one.
        by: RestoredBy,
    },
    /// It shows outputs already and keeps them, or was not asked for.
    Kept,
    /// No entry is for it.
    Unmatched(Unmatched),
    /// The entry that is for it cannot be put there; it shows what it showed before.
    Unusable {
        /// The entry.
        entry: EntryName,
        /// Why not.
        reason: Unusable,
    },
}

/// What an entry and its cell have in common, closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RestoredBy {
    /// All that the result depends on.
    Module,
    /// The cell's own code, but not what ran before it.
    Code,
    /// Only the cell.
    Cell,
    /// The caller named the entry.
    Name,
}

/// Why no entry is for a cell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unmatched {
    /// It was never recorded, or only after the time that was asked for.
    #[error("no run of it was recorded")]
    NeverRecorded,
    /// All its entries are of other code.
    #[error("its code changed since its last recorded run")]
    OtherCode {
        /// The newest of them.
        newest: EntryName,
    },
    /// Pinned entries were asked for, and none is of this cell.
    #[error("no entry is pinned for it")]
    NotPinned,
    /// Pinned entries were asked for, and the cell keeps what it shows.
    #[error("it shows other outputs than those that are pinned")]
    ShowsOther {
        /// What is pinned.
        pinned: EntryName,
    },
}

impl Unmatched {
    /// Returns the stable word for it in the log of events.
    fn code(&self) -> &'static str {
        match self {
            Unmatched::NeverRecorded => "never_stored",
            Unmatched::OtherCode { .. } => "other_code",
            Unmatched::NotPinned => "not_pinned",
            Unmatched::ShowsOther { .. } => "shows_other",
        }
    }
}

/// Why an entry cannot be put into its cell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// It or a part of it is missing or damaged.
    #[error(transparent)]
    Miss(#[from] Miss),
    /// Its parts are whole but do not give outputs.
    #[error(transparent)]
    Layout(#[from] LayoutDamage),
    /// It was not recorded from a notebook.
    #[error("it holds no outputs of a notebook")]
    NoOutputs,
    /// It was recorded from another format of notebooks, which writes outputs otherwise.
    #[error("it is of notebook format {format}")]
    OtherFormat {
        /// Its format.
        format: String,
    },
    /// The cell has no `outputs`.
    #[error("the cell has no place for outputs")]
    NoPlace,
}

/// Returns `notebook` with the outputs that the store has for its cells.
///
/// For each cell that is the newest entry of its module hash, else of its own code. Cells that
/// show outputs keep them. Where nothing but outputs was taken away, the result is the notebook
/// as it was recorded, to the byte. What is wrong with an entry is told in [`Restored::cells`].
pub fn restore(
    snapshot: &Snapshot,
    name: &NotebookName,
    notebook: &Notebook<'_>,
    options: &RestoreOptions,
) -> Restored {
    let hashes = module_hashes(notebook);
    let recorded = RecordedCells::of(snapshot, name);
    let found = recorded.find(snapshot, notebook, &hashes);
    let mut restored = Restored { bytes: Vec::new(), cells: Vec::new(), without_cell: Vec::new() };
    let mut filled = Vec::with_capacity(found.len());
    for (index, (position, cell)) in notebook.code_cells().enumerate() {
        let module = hashes.modules[index].segment();
        let wanted =
            Wanted { cell: &found[index], module: &module, code: hashes.codes[index].hash };
        let keeps = cell.has_outputs() && !options.overwrite;
        let outcome = if keeps && !options.pinned {
            RestoreOutcome::Kept
        } else {
            match wanted.choose(snapshot, options) {
                Choice::Entry { name: entry, by } => {
                    // What is kept is compared as a whole, with its count.
                    let whole = keeps || options.overwrite;
                    let started = Instant::now();
                    match outputs_for(snapshot, &entry, notebook, cell, whole) {
                        Ok((outputs, _)) if shows(notebook, cell, &outputs) => RestoreOutcome::Kept,
                        Ok(_) if keeps => {
                            RestoreOutcome::Unmatched(Unmatched::ShowsOther { pinned: entry })
                        }
                        Ok((outputs, used)) => {
                            used.note_hit_since(started);
                            filled.push(FilledCell { position, outputs });
                            RestoreOutcome::Restored { entry, by }
                        }
                        Err(reason) => RestoreOutcome::Unusable { entry, reason },
                    }
                }
                Choice::NotAsked => RestoreOutcome::Kept,
                Choice::None(reason) => RestoreOutcome::Unmatched(reason),
            }
        };
        let cell = found[index].name.clone().into_owned();
        note_miss(snapshot, (name, &cell, &module), &outcome);
        restored.cells.push(RestoredCell { name: cell, module, position, outcome });
    }
    let has_cell = |entry: &EntryName| found.iter().any(|cell| is_of(entry, cell));
    let asked = options.entries.iter();
    restored.without_cell = asked.filter(|entry| !has_cell(entry)).cloned().collect();
    restored.bytes = fill(notebook, &filled).expect("only values that have a place were chosen");
    restored
}

/// Notes in the log of events that a cell got no outputs.
fn note_miss(
    snapshot: &Snapshot,
    (notebook, cell, module): (&NotebookName, &str, &str),
    outcome: &RestoreOutcome,
) {
    let Some(log) = snapshot.events() else { return };
    let key = || {
        let key = ExecutionKey::new(notebook.as_str(), cell, module);
        key.map_or_else(|_| notebook.as_str().to_owned(), |key| key.to_string())
    };
    log.note(match outcome {
        RestoreOutcome::Restored { .. } | RestoreOutcome::Kept => return,
        RestoreOutcome::Unusable { entry, reason: Unusable::Miss(miss) } => {
            Event { name: Some(entry.to_string()), ..Event::of_miss(key(), miss) }
        }
        RestoreOutcome::Unusable { entry, reason } => Event {
            key: Some(key()),
            reason: Some("unusable".into()),
            detail: Some(reason.to_string()),
            ..Event::of_entry(EventKind::Miss, entry)
        },
        RestoreOutcome::Unmatched(reason) => Event {
            key: Some(key()),
            reason: Some(reason.code().into()),
            ..Event::new(EventKind::Miss)
        },
    });
}

/// Whether a cell shows these outputs already, as one that was run and has none.
fn shows(notebook: &Notebook<'_>, cell: &Cell<'_>, outputs: &CellOutputs) -> bool {
    let same = |value: &Option<Vec<u8>>, span: Option<Span>| {
        let shown = span.map(|span| notebook.slice(span).as_bytes());
        value.is_none() || value.as_deref() == shown
    };
    same(&outputs.outputs, cell.outputs()) && same(&outputs.execution_count, cell.execution_count())
}

/// Returns what an entry holds for `cell`, without the values that the cell has no place for.
fn outputs_for(
    snapshot: &Snapshot,
    name: &EntryName,
    notebook: &Notebook<'_>,
    cell: &Cell<'_>,
    overwrite: bool,
) -> Result<(CellOutputs, Entry), Unusable> {
    let entry = snapshot.entry(name).ok()?;
    entry.note_use();
    let mut outputs = read_outputs(&entry, notebook.format().major)?;
    if cell.outputs().is_none() && outputs.outputs.is_some() {
        return Err(Unusable::NoPlace);
    }
    // A count that stands there without outputs was kept when they were stripped.
    if cell.execution_count().is_none() || (cell.is_executed() && !overwrite) {
        outputs.execution_count = None;
    }
    Ok((outputs, entry))
}

fn read_outputs(entry: &Entry, nbformat: u64) -> Result<CellOutputs, Unusable> {
    let manifest = entry.manifest();
    if manifest.part(LAYOUT_PATH).is_none() {
        return Err(Unusable::NoOutputs);
    }
    match manifest.provenance.annotations.get(NBFORMAT) {
        Some(format) if *format != nbformat.to_string() => {
            return Err(Unusable::OtherFormat { format: format.clone() });
        }
        _ => {}
    }
    let layout = entry.read(LAYOUT_PATH).ok()?;
    let mut missed = None;
    let joined = join(&layout, |path| match entry.read(path) {
        Lookup::Hit(bytes) => Some(Cow::Owned(bytes)),
        Lookup::Miss(miss) => {
            missed.get_or_insert(miss);
            None
        }
    });
    match (joined, missed) {
        (_, Some(miss)) => Err(miss.into()),
        (joined, None) => Ok(joined?),
    }
}
