//! Takes the outputs of executed cells into the store.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rayon::prelude::*;

use super::document::{Cell, Notebook};
use super::hash::{CellCode, ModuleHash, module_hashes};
use super::known::{POSITION, RecordedCells};
use super::lineage::{NOT_RECORDED_BEFORE, not_recorded_before};
use super::media;
use super::name::NotebookName;
use super::outputs::{OutputPart, split};
use super::timing;
use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::entry::{PartKind, PartPath, Provenance};
use crate::error::{Error, Result};
use crate::name::{EntryName, ExecutionKey};
use crate::store::{Draft, DraftPart, Snapshot, Source, Store};

/// What the manifest says of entries that were recorded.
pub(super) const PRODUCER: &str = concat!("recell ", env!("CARGO_PKG_VERSION"), " record");
/// The annotation that holds `nbformat`: outputs of format 3 do not fit a notebook of format 4.
pub(super) const NBFORMAT: &str = "nbformat";
/// The annotation that holds the execution count, where the cell has one.
const EXECUTION_COUNT: &str = "execution_count";
/// The annotation that holds the cell's id where the cell is recorded under another name.
const CELL_ID: &str = "cell_id";

/// From this many bytes of outputs on, splitting them on all cores pays for waking these.
const PARALLEL_FROM: u64 = 64 << 10;

/// What [`record`] is told besides the notebook.
#[derive(Debug, Clone)]
pub struct RecordContext {
    /// The present moment.
    pub now: Timestamp,
    /// The commit of the host repository, as hex.
    pub host_commit: Option<String>,
    /// Whether the host's work tree differs from that commit.
    pub host_dirty: Option<bool>,
    /// Cells whose outputs take more bytes than this in the notebook are left there.
    pub max_output: u64,
}

impl RecordContext {
    /// Returns what there is to tell without a host repository.
    pub fn at(now: Timestamp) -> RecordContext {
        RecordContext { now, host_commit: None, host_dirty: None, max_output: u64::MAX }
    }
}

/// What [`record`] found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordReport {
    /// The new entries, in the order of their cells.
    pub new: Vec<EntryName>,
    /// The newest entries of the executed cells that are just what these hold.
    pub confirmed: Vec<EntryName>,
    /// How many those are.
    pub unchanged: usize,
    /// How many code cells were not executed.
    pub not_executed: usize,
    /// The cells whose outputs are larger than they may be: they are not in the store.
    pub too_large: Vec<TooLarge>,
    /// The bytes of the outputs of all executed cells, as they stand in the notebook.
    pub output_bytes: u64,
    /// The bytes that the store grew by.
    pub stored_bytes: u64,
}

/// A cell that was not recorded for the size of its outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooLarge {
    /// Its position among all cells of the notebook.
    pub position: usize,
    /// The bytes of its outputs in the notebook.
    pub bytes: u64,
}

/// Stores the outputs of every executed cell of `notebook` as entries, all or none.
///
/// A cell whose module hash, code and outputs are those of its newest entry makes no new one. The
/// execution count is one of the outputs: a run that changed nothing else makes an entry whose
/// parts but one are there already, so that [`restore`](super::restore) gives back the notebook
/// as it stands, to the byte. The notebook's own metadata, where widgets keep their state, is
/// neither recorded nor stripped.
///
/// # Errors
/// Those of [`Store::snapshot`] and [`Store::put_many`]; then nothing was stored.
pub fn record(
    store: &Store,
    name: &NotebookName,
    notebook: &Notebook<'_>,
    context: &RecordContext,
) -> Result<RecordReport> {
    let mut report = RecordReport::default();
    let mut executed = Vec::with_capacity(notebook.cells().len());
    for (index, (position, cell)) in notebook.code_cells().enumerate() {
        let bytes = cell.outputs().map_or(0, |span| (span.end - span.start) as u64);
        if !cell.is_executed() {
            report.not_executed += 1;
        } else if bytes > context.max_output {
            report.too_large.push(TooLarge { position, bytes });
        } else {
            executed.push((index, cell));
            report.output_bytes += bytes;
        }
    }
    // Most of what git has filtered was stripped before.
    if executed.is_empty() {
        return Ok(report);
    }
    let hashes = module_hashes(notebook);
    let snapshot = store.snapshot()?;
    let recorded = RecordedCells::of(&snapshot, name);
    let found = recorded.find(&snapshot, notebook, &hashes);
    let indices: Vec<usize> = executed.iter().map(|(index, _)| *index).collect();
    let cells: Vec<&Cell<'_>> = executed.iter().map(|(_, cell)| *cell).collect();
    let parts = parts_of(notebook, &cells, report.output_bytes);
    let mut drafts = Vec::with_capacity(executed.len());
    for ((index, cell), parts) in executed.into_iter().zip(parts) {
        let (code, module) = (&hashes.codes[index], &hashes.modules[index]);
        let newest = found[index].entries.last();
        if let Some(newest) = newest
            && newest.module_segment() == module.segment()
            && holds(&snapshot, newest, &parts)
        {
            report.unchanged += 1;
            report.confirmed.push(newest.clone());
            continue;
        }
        let recorded = RecordedCell {
            notebook,
            cell,
            code,
            module,
            name: &found[index].name,
            producer: PRODUCER,
            not_recorded_before: not_recorded_before(
                &hashes,
                index,
                |at| found[at].name.clone().into_owned(),
                |at| indices.binary_search(&at).is_ok(),
            ),
        };
        let mut draft = recorded.draft(parts, context)?;
        // Clocks step back; the order of a cell's entries does not, whatever their modules.
        let before = newest.map(EntryName::created_at).filter(|before| *before >= context.now);
        draft.created_at = before.map(Timestamp::next);
        let key = ExecutionKey::new(name.as_str(), &found[index].name, &module.segment());
        let key =
            key.map_err(|source| Error::Key { text: name.to_string(), source: source.into() })?;
        drafts.push((key, draft));
    }
    // Names that a snapshot holds are copied by the next put.
    drop(snapshot);
    if !drafts.is_empty() {
        let before = store.bytes_written();
        report.new = store.put_many(drafts)?;
        report.stored_bytes = store.bytes_written() - before;
    }
    Ok(report)
}

/// Returns all parts of each cell; with much to split, on all cores.
fn parts_of<'a>(
    notebook: &Notebook<'a>,
    cells: &[&Cell<'a>],
    output_bytes: u64,
) -> Vec<Vec<OutputPart<'a>>> {
    if output_bytes < PARALLEL_FROM {
        return cells.iter().map(|cell| all_parts(notebook, cell)).collect();
    }
    cells.par_iter().map(|cell| all_parts(notebook, cell)).collect()
}

/// Returns all parts of an executed cell: its outputs, their layout and its code.
pub(super) fn all_parts<'a>(notebook: &Notebook<'a>, cell: &Cell<'_>) -> Vec<OutputPart<'a>> {
    let mut parts = split(notebook, cell).expect("the cell was executed");
    let (extension, media_type) = media::of_language(notebook.language().unwrap_or_default());
    parts.push(OutputPart {
        path: format!("{}/cell.{extension}", PartKind::Code.folder()),
        media_type: media_type.to_owned(),
        bytes: Cow::Owned(notebook.source(cell).into_bytes()),
    });
    parts
}

/// Whether an entry has just these parts. One that cannot be read has not: it is stored anew. Nor
/// has one whose parts stayed on another machine: who strips the notebook here needs them here.
fn holds(snapshot: &Snapshot, name: &EntryName, parts: &[OutputPart<'_>]) -> bool {
    let Some(entry) = snapshot.entry(name).hit() else { return false };
    let stored = &entry.manifest().parts;
    let same = |part: &OutputPart<'_>| {
        stored.iter().any(|stored| {
            stored.path.as_str() == part.path
                && stored.size == part.bytes.len() as u64
                && stored.media_type == part.media_type
                && stored.digest == Digest::of(&part.bytes)
                && !entry.stayed_elsewhere(&part.path)
        })
    };
    stored.len() == parts.len() && parts.iter().all(same)
}

/// An executed cell on its way into the store.
pub(super) struct RecordedCell<'a> {
    pub(super) notebook: &'a Notebook<'a>,
    pub(super) cell: &'a Cell<'a>,
    pub(super) code: &'a CellCode,
    pub(super) module: &'a ModuleHash,
    pub(super) name: &'a str,
    pub(super) producer: &'static str,
    pub(super) not_recorded_before: Option<String>,
}

impl RecordedCell<'_> {
    pub(super) fn draft<'p>(
        &self,
        parts: Vec<OutputPart<'p>>,
        context: &RecordContext,
    ) -> Result<Draft<'p>> {
        let mut drafted = Vec::with_capacity(parts.len());
        for OutputPart { path, media_type, bytes } in parts {
            let path = PartPath::new(path.as_str())
                .map_err(|source| Error::PartPath { text: path, source: source.into() })?;
            let (codec, source) = ("raw".to_owned(), Source::Bytes(bytes));
            drafted.push(DraftPart { path, media_type, codec, source });
        }
        let provenance = Provenance {
            producer: self.producer.to_owned(),
            compute_seconds: timing::seconds(self.notebook, self.cell),
            host_commit: context.host_commit.clone(),
            host_dirty: context.host_dirty,
            ingredients: self.module.ingredients.clone(),
            upstream: Vec::new(),
            annotations: self.annotations(),
        };
        Ok(Draft { provenance, parts: drafted, created_at: None })
    }

    fn annotations(&self) -> BTreeMap<String, String> {
        let count = self.cell.execution_count().map(|span| self.notebook.slice(span));
        let count = count.filter(|count| count.bytes().all(|byte| byte.is_ascii_digit()));
        let id = self.cell.id().filter(|id| *id != self.name);
        let mut annotations = BTreeMap::from([
            (POSITION.to_owned(), self.code.position.to_string()),
            (NBFORMAT.to_owned(), self.notebook.format().major.to_string()),
        ]);
        annotations.extend(count.map(|count| (EXECUTION_COUNT.to_owned(), count.to_owned())));
        annotations.extend(id.map(|id| (CELL_ID.to_owned(), id.to_owned())));
        let not_recorded = self.not_recorded_before.clone();
        annotations.extend(not_recorded.map(|links| (NOT_RECORDED_BEFORE.to_owned(), links)));
        annotations
    }
}
