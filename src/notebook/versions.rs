//! Versions of notebooks as they come from git: read in batches, parsed, split and hashed.

use std::sync::mpsc::SyncSender;

use super::document::Notebook;
use super::hash::{ModuleHashes, module_hashes};
use super::outputs::OutputPart;
use super::past::ImportPlan;
use super::record::all_parts;
use super::refusal::NotANotebook;
use super::timeline::digest_of_parts;
use crate::digest::Digest;
use crate::error::Result;
use crate::git::{Blob, ObjectId, read_blobs};

/// A notebook of more bytes than this is no notebook that anybody opens.
const LARGEST: u64 = 1 << 30;
/// As much as is read before it is worked on, on all cores; two such batches wait at most.
const BATCH_BYTES: usize = 8 << 20;
const BATCH_VERSIONS: usize = 64;

/// Reads all blobs and hands them on in batches.
pub(super) fn read_batches(
    plan: &ImportPlan,
    ids: &[ObjectId],
    sender: &SyncSender<Vec<Blob>>,
) -> Result<()> {
    let mut batch: Vec<Blob> = Vec::new();
    let mut bytes = 0;
    read_blobs(&plan.host, &plan.git, ids, LARGEST, |blob| {
        bytes += if let Blob::Bytes(blob) = &blob { blob.len() } else { 0 };
        batch.push(blob);
        if bytes < BATCH_BYTES && batch.len() < BATCH_VERSIONS {
            return true;
        }
        bytes = 0;
        // Nobody takes them any more after a failure.
        sender.send(std::mem::take(&mut batch)).is_ok()
    })?;
    drop(sender.send(batch));
    Ok(())
}

/// A version that was read.
pub(super) enum ReadVersion<'a> {
    Notebook(Box<ExecutedVersion<'a>>),
    /// It is as many bytes, and that many cells are too large.
    WithoutOutputs(u64, usize),
    /// Its content is kept elsewhere.
    Elsewhere,
    /// Why it is none, and its bytes.
    Broken(String, u64),
}

/// A notebook with executed cells.
pub(super) struct ExecutedVersion<'a> {
    pub(super) notebook: Notebook<'a>,
    pub(super) hashes: ModuleHashes,
    pub(super) cells: Vec<ExecutedCell<'a>>,
    pub(super) too_large: usize,
}

/// An executed cell with all its parts.
pub(super) struct ExecutedCell<'a> {
    /// Its place among the code cells, and among all.
    pub(super) index: usize,
    pub(super) position: usize,
    pub(super) parts: Vec<OutputPart<'a>>,
    /// One digest of all parts.
    pub(super) digest: Digest,
}

impl<'a> ReadVersion<'a> {
    pub(super) fn of(blob: &'a Blob, max_output: u64) -> ReadVersion<'a> {
        let bytes = match blob {
            Blob::Bytes(bytes) => bytes,
            Blob::Missing => return ReadVersion::Broken("it is not in this clone".into(), 0),
            Blob::TooLarge(size) => {
                let size = crate::size::ByteSize::new(*size);
                return ReadVersion::Broken(format!("it is too large ({size})"), 0);
            }
        };
        match Notebook::parse(bytes) {
            Ok(notebook) => ReadVersion::of_notebook(notebook, bytes.len() as u64, max_output),
            Err(_) if is_pointer(bytes) => ReadVersion::Elsewhere,
            // A notebook that was never saved: nothing is lost.
            Err(NotANotebook::Empty) => ReadVersion::WithoutOutputs(0, 0),
            Err(reason) => ReadVersion::Broken(reason.to_string(), bytes.len() as u64),
        }
    }

    fn of_notebook(notebook: Notebook<'a>, bytes: u64, max_output: u64) -> ReadVersion<'a> {
        let (mut executed, mut too_large) = (Vec::new(), 0);
        for (index, (position, cell)) in notebook.code_cells().enumerate() {
            let bytes = cell.outputs().map_or(0, |span| (span.end - span.start) as u64);
            if cell.is_executed() && bytes > max_output {
                too_large += 1;
            } else if cell.is_executed() {
                executed.push((index, position));
            }
        }
        if executed.is_empty() {
            return ReadVersion::WithoutOutputs(bytes, too_large);
        }
        let cell = |(index, position): (usize, usize)| {
            let parts = all_parts(&notebook, &notebook.cells()[position]);
            ExecutedCell { index, position, digest: digest_of_parts(&parts), parts }
        };
        let cells = executed.into_iter().map(cell).collect();
        let hashes = module_hashes(&notebook);
        ReadVersion::Notebook(Box::new(ExecutedVersion { notebook, hashes, cells, too_large }))
    }
}

/// Whether the bytes only say where the content is.
fn is_pointer(bytes: &[u8]) -> bool {
    const LONGEST: usize = 1024;
    let is_annex = || memchr::memmem::find(bytes, b"/annex/objects/").is_some();
    bytes.len() < LONGEST
        && (bytes.starts_with(b"version https://git-lfs.github.com/spec/") || is_annex())
}
