//! The past of the host repository as entries: every version of every notebook, at the time of its
//! commit.
//!
//! [`plan_import`] walks the history and tells notebooks and versions apart (lineage.rs);
//! [`import`] reads the versions through one git, notebook by notebook and oldest first, and
//! records each as it would have been recorded then: a cell that is what the store held of it at
//! that moment makes no entry. So nothing is ever recorded twice, and a run that comes back after
//! another (`git revert`) is a run of its own time.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rayon::prelude::*;

use super::document::Notebook;
use super::follow::{EXTENSION, Names};
use super::hash::{ModuleHashes, module_hashes};
use super::imported::{Imported, VersionKey, version_key};
use super::lineage::{History, Lineage, Version};
use super::name::NotebookName;
use super::outputs::OutputPart;
use super::record::{RecordContext, RecordedCell, all_parts};
use super::refusal::NotANotebook;
use super::rename::{Rename, has_entries, rename};
use super::timeline::{CellNow, Timeline, digest_of_parts};
use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::disk;
use crate::error::{Error, Result};
use crate::git::{
    Blob, Git, GitEnvironment, HistoryRange, HostRepository, ObjectId, paths_at_head, read_blobs,
    walk_history,
};
use crate::name::{EntryName, ExecutionKey};
use crate::progress::{Progress, Unit};
use crate::store::Store;

/// What the manifest says of entries that were imported.
const PRODUCER: &str = concat!("recell ", env!("CARGO_PKG_VERSION"), " import-history");
/// A notebook of more bytes than this is no notebook that anybody opens.
const LARGEST: u64 = 1 << 30;
/// As much as is read before it is worked on, on all cores; two such batches wait at most.
const BATCH_BYTES: usize = 8 << 20;
const BATCH_VERSIONS: usize = 64;
/// After so much it is flushed, and noted as done: what a crash may make us read again.
const FLUSH_BYTES: u64 = 128 << 20;
const FLUSH_ENTRIES: usize = 8192;
const FLUSH_VERSIONS: usize = 4096;
/// Raised when the same version would be recorded otherwise.
const KEY_FORMAT: &str = "1";

/// Which part of the past is wanted.
pub struct ImportSource<'a> {
    /// The folder that notebooks are named from.
    pub base: &'a Path,
    /// What git sees of the environment.
    pub git: GitEnvironment,
    /// Revisions and ranges as git reads them, such as `main` or `main~50..main`. None means
    /// `HEAD`, all branches, those of remotes too, and all tags.
    pub revisions: &'a [String],
    /// Only commits since this moment, as git reads times.
    pub since: Option<&'a str>,
    /// Whether a notebook is wanted: its name, and all names that it ever had, that among them.
    pub wanted: &'a dyn Fn(&NotebookName, &[NotebookName]) -> bool,
}

/// The past as it can be imported: a plan until it was carried out.
pub struct ImportPlan {
    host: HostRepository,
    git: Git,
    base: PathBuf,
    notebooks: Vec<Planned>,
    /// How many versions are links or submodules, which are left out.
    pub no_files: usize,
}

struct Planned {
    name: NotebookName,
    /// Its other names, if they are free: no other notebook is called so now.
    former: Vec<NotebookName>,
    history: History,
}

/// How to go about an import.
#[derive(Debug, Clone, Copy)]
pub struct ImportOptions {
    /// The present moment, at which names of renamed notebooks go to the trash.
    pub now: Timestamp,
    /// Look at versions that were imported before, too.
    pub again: bool,
    /// Cells whose outputs take more bytes than this in the notebook are left out.
    pub max_output: u64,
}

/// What an import found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// What became of each notebook, sorted by name.
    pub notebooks: Vec<ImportedNotebook>,
    /// Versions that are no notebooks, or could not be read.
    pub broken: Vec<BrokenVersion>,
    /// How many versions are links or submodules, or stand for contents that are kept elsewhere
    /// (Git LFS, git-annex).
    pub elsewhere: usize,
    /// The bytes of all versions that were read.
    pub read_bytes: u64,
    /// The bytes that the store grew by.
    pub stored_bytes: u64,
}

/// What an import did for one notebook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedNotebook {
    /// Its name.
    pub name: NotebookName,
    /// How many versions of it there are.
    pub versions: usize,
    /// How many of them were imported before.
    pub known: usize,
    /// How many of the others have no executed cell.
    pub without_outputs: usize,
    /// The new entries.
    pub entries: usize,
    /// How many executed cells are what the store held at that time.
    pub unchanged: usize,
    /// How many executed cells have outputs that are larger than they may be.
    pub too_large: usize,
    /// Entries under former names that are under this one now.
    pub renamed: Vec<Rename>,
}

/// A version that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenVersion {
    /// The commit, as hex.
    pub commit: String,
    /// The path in that commit, from the top of the host repository.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// Walks the host repository's history and says what there is to import. Nothing is changed.
///
/// # Errors
/// [`Error::NoHost`], and [`Error::GitFailed`] if a revision is unknown.
pub fn plan_import(source: &ImportSource<'_>, progress: &dyn Progress) -> Result<ImportPlan> {
    let git = Git::new(source.git.clone());
    let host = HostRepository::discover(source.base, &git)
        .map_err(|reason| Error::NoHost { reason: reason.to_string() })?;
    let mut lineage = Lineage::default();
    let range = HistoryRange {
        revisions: source.revisions,
        since: source.since,
        ..HistoryRange::default()
    };
    progress.begin("reading the history", None, Unit::Items);
    let walked = walk_history(&host, &git, range, EXTENSION, |commit, change| {
        progress.advance(1);
        lineage.take(commit, change);
        true
    });
    progress.end();
    walked?;
    let at_head: HashSet<String> = paths_at_head(&host, &git, EXTENSION)?.into_iter().collect();
    let no_files = lineage.no_files;
    let base = disk::real_path(source.base);
    let names = Names::new(&host, &base);
    let mut notebooks = Vec::new();
    for history in lineage.finish(&at_head) {
        let Some(name) = names.of(&history.path) else { continue };
        let all: Vec<NotebookName> = history.paths.iter().filter_map(|p| names.of(p)).collect();
        if (source.wanted)(&name, &all) {
            let free = history.paths.iter().filter(|path| !at_head.contains(*path));
            let former = free.filter_map(|path| names.of(path)).filter(|other| *other != name);
            notebooks.push(Planned { former: former.collect(), name, history });
        }
    }
    notebooks.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(ImportPlan { host, git, base, notebooks, no_files })
}

impl ImportPlan {
    /// Returns the notebooks, each with how many versions of it there are and all its names.
    pub fn notebooks(&self) -> impl Iterator<Item = (&NotebookName, usize, &[NotebookName])> {
        let all = self.notebooks.iter();
        all.map(|planned| (&planned.name, planned.history.versions.len(), &*planned.former))
    }

    /// Returns how many versions there are.
    pub fn versions(&self) -> usize {
        self.notebooks.iter().map(|planned| planned.history.versions.len()).sum()
    }
}

/// Records all versions of `plan` that were not imported before.
///
/// It may be interrupted anywhere and repeated. Memory is bounded by the number of versions, some
/// hundred bytes each, and the size of the largest notebook.
///
/// # Errors
/// Those of [`Store::put_many`] and [`Store::flush`], and of running git.
pub fn import(
    store: &Store,
    plan: &ImportPlan,
    options: &ImportOptions,
    progress: &dyn Progress,
) -> Result<ImportReport> {
    let before = store.bytes_written();
    let mut run = Run {
        store,
        plan,
        options,
        imported: Imported::open(&store.inner.repository.own_folder())?,
        report: ImportReport { elsewhere: plan.no_files, ..ImportReport::default() },
        done: Vec::new(),
        entries: 0,
        flushed_bytes: before,
        timeline: None,
    };
    for planned in &plan.notebooks {
        let renamed = run.follow(planned)?;
        run.report.notebooks.push(ImportedNotebook {
            name: planned.name.clone(),
            versions: planned.history.versions.len(),
            known: 0,
            without_outputs: 0,
            entries: 0,
            unchanged: 0,
            too_large: 0,
            renamed,
        });
    }
    let todo = run.todo()?;
    progress.begin("importing", Some(todo.len() as u64), Unit::Items);
    let outcome = run.all(&todo, progress);
    progress.end();
    outcome?;
    run.flush()?;
    run.report.stored_bytes = store.bytes_written() - before;
    Ok(run.report)
}

/// A version that is to be read: the places of its notebook and of itself.
#[derive(Clone, Copy)]
struct Todo {
    notebook: usize,
    version: usize,
}

struct Run<'a> {
    store: &'a Store,
    plan: &'a ImportPlan,
    options: &'a ImportOptions,
    imported: Imported,
    report: ImportReport,
    /// Versions that are recorded, and not flushed yet.
    done: Vec<VersionKey>,
    /// Entries since the last flush.
    entries: usize,
    flushed_bytes: u64,
    /// The notebook that is being imported.
    timeline: Option<(usize, Timeline)>,
}

impl Run<'_> {
    /// Moves what is recorded under former names of a notebook to its present one.
    fn follow(&self, planned: &Planned) -> Result<Vec<Rename>> {
        let mut pairs = Vec::new();
        for former in &planned.former {
            // A file of that name may be a notebook that is yet to be committed.
            if disk::is_there(&self.plan.base.join(former.as_str())) {
                continue;
            }
            if has_entries(self.store, former)? {
                pairs.push((former.clone(), planned.name.clone()));
            }
        }
        rename(self.store, &pairs, true, self.options.now)
    }

    /// Returns what is to be read.
    fn todo(&mut self) -> Result<Vec<Todo>> {
        let mut todo = Vec::new();
        for (notebook, planned) in self.plan.notebooks.iter().enumerate() {
            let timeline = Timeline::of(self.store, &planned.name)?;
            let mut before: Option<(&Version, bool)> = None;
            for (version, found) in planned.history.versions.iter().enumerate() {
                let is_known = !self.options.again && self.imported.has(&key_of(planned, found));
                // What is new may be what the next differs from.
                let mut is_read = !is_known || before.is_some_and(|(_, is_read)| is_read);
                if let Some((before, _)) = before
                    && before.blob == found.blob
                    && !timeline.had_between(before.at, found.at)
                {
                    is_read = false;
                }
                self.report.notebooks[notebook].known += usize::from(is_known);
                if is_read {
                    todo.push(Todo { notebook, version });
                }
                before = Some((found, is_read && !is_known));
            }
        }
        Ok(todo)
    }

    /// Reads and records all of `todo`, batch by batch.
    fn all(&mut self, todo: &[Todo], progress: &dyn Progress) -> Result<()> {
        let ids: Vec<ObjectId> = todo
            .iter()
            .map(|todo| self.plan.notebooks[todo.notebook].history.versions[todo.version].blob)
            .collect();
        let plan = self.plan;
        // While one batch is worked on, git and the reader fill the next.
        let (sender, receiver) = sync_channel(1);
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || read_batches(plan, &ids, &sender));
            let recorded = self.batches(todo, receiver, progress);
            let read = reader.join().expect("reading does not panic");
            recorded.and(read)
        })
    }

    fn batches(
        &mut self,
        todo: &[Todo],
        receiver: Receiver<Vec<Blob>>,
        progress: &dyn Progress,
    ) -> Result<()> {
        let mut todo = todo.iter();
        for batch in receiver {
            let max_output = self.options.max_output;
            let read: Vec<ReadVersion<'_>> =
                batch.par_iter().map(|blob| ReadVersion::of(blob, max_output)).collect();
            for (read, todo) in read.into_iter().zip(&mut todo) {
                self.take(*todo, read)?;
                progress.advance(1);
            }
            if self.is_flush_due() {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn take(&mut self, todo: Todo, read: ReadVersion<'_>) -> Result<()> {
        let planned = &self.plan.notebooks[todo.notebook];
        let version = &planned.history.versions[todo.version];
        let report = &mut self.report.notebooks[todo.notebook];
        match read {
            ReadVersion::Broken(reason, bytes) => {
                self.report.read_bytes += bytes;
                let (commit, path) = (version.commit.to_string(), planned.path(version).to_owned());
                self.report.broken.push(BrokenVersion { commit, path, reason });
                // Not noted as done: it is said again next time.
                return Ok(());
            }
            ReadVersion::Elsewhere => self.report.elsewhere += 1,
            ReadVersion::WithoutOutputs(bytes, too_large) => {
                self.report.read_bytes += bytes;
                report.without_outputs += 1;
                report.too_large += too_large;
            }
            ReadVersion::Notebook(read) => {
                self.report.read_bytes += read.notebook.text.len() as u64;
                report.too_large += read.too_large;
                self.record(todo, *read)?;
            }
        }
        self.done.push(key_of(planned, version));
        Ok(())
    }

    /// Records a version as it would have been recorded at its moment.
    fn record(&mut self, todo: Todo, read: ExecutedVersion<'_>) -> Result<()> {
        let planned = &self.plan.notebooks[todo.notebook];
        let version = &planned.history.versions[todo.version];
        let mut timeline = match self.timeline.take() {
            Some((notebook, timeline)) if notebook == todo.notebook => timeline,
            _ => Timeline::of(self.store, &planned.name)?,
        };
        timeline.advance(version.at);
        let ExecutedVersion { notebook, hashes, cells, .. } = read;
        let names = timeline.names(self.store, &notebook, &hashes)?;
        let context = RecordContext {
            now: version.at,
            host_commit: Some(version.commit.to_string()),
            host_dirty: Some(false),
            max_output: self.options.max_output,
        };
        let report = &mut self.report.notebooks[todo.notebook];
        let mut drafts = Vec::with_capacity(cells.len());
        let mut new: Vec<CellNow<'_>> = Vec::with_capacity(cells.len());
        for ExecutedCell { index, position, parts, digest } in cells {
            let (code, module) = (&hashes.codes[index], &hashes.modules[index]);
            let name = &*names[index];
            let now = CellNow { name, position, code: code.hash, parts: digest };
            if timeline.holds(self.store, &now, module)? {
                report.unchanged += 1;
                continue;
            }
            let cell = &notebook.cells()[position];
            let recorded =
                RecordedCell { notebook: &notebook, cell, code, module, name, producer: PRODUCER };
            let mut draft = recorded.draft(parts, &context)?;
            draft.created_at = Some(version.at);
            let key = ExecutionKey::new(planned.name.as_str(), name, &module.segment());
            let key = key.map_err(|source| Error::Key {
                text: planned.name.to_string(),
                source: source.into(),
            })?;
            drafts.push((key, draft));
            new.push(now);
        }
        if !drafts.is_empty() {
            let put: Vec<EntryName> = self.store.put_many(drafts)?;
            report.entries += put.len();
            self.entries += put.len();
            for (name, cell) in put.into_iter().zip(&new) {
                timeline.put(name, cell);
            }
        }
        self.timeline = Some((todo.notebook, timeline));
        Ok(())
    }

    fn is_flush_due(&self) -> bool {
        self.entries >= FLUSH_ENTRIES
            || self.done.len() >= FLUSH_VERSIONS
            || self.store.bytes_written() - self.flushed_bytes >= FLUSH_BYTES
    }

    /// Flushes, and only then notes what is done: the note must not outlive its entries.
    fn flush(&mut self) -> Result<()> {
        if self.entries > 0 {
            self.store.flush()?;
        }
        self.imported.add(&self.done)?;
        self.done.clear();
        self.entries = 0;
        self.flushed_bytes = self.store.bytes_written();
        Ok(())
    }
}

impl Planned {
    /// Returns the path that a version had.
    fn path(&self, version: &Version) -> &str {
        self.history.paths.get(version.path as usize).map_or("", String::as_str)
    }
}

fn key_of(planned: &Planned, version: &Version) -> VersionKey {
    version_key(&[
        KEY_FORMAT,
        planned.name.as_str(),
        &version.commit.to_string(),
        &version.blob.to_string(),
        &version.at.to_string(),
    ])
}

/// Reads all blobs and hands them on in batches.
fn read_batches(plan: &ImportPlan, ids: &[ObjectId], sender: &SyncSender<Vec<Blob>>) -> Result<()> {
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
enum ReadVersion<'a> {
    Notebook(Box<ExecutedVersion<'a>>),
    /// It is as many bytes, and that many cells are too large.
    WithoutOutputs(u64, usize),
    /// Its content is kept elsewhere.
    Elsewhere,
    /// Why it is none, and its bytes.
    Broken(String, u64),
}

struct ExecutedVersion<'a> {
    notebook: Notebook<'a>,
    hashes: ModuleHashes,
    cells: Vec<ExecutedCell<'a>>,
    too_large: usize,
}

struct ExecutedCell<'a> {
    /// Its place among the code cells, and among all.
    index: usize,
    position: usize,
    parts: Vec<OutputPart<'a>>,
    digest: Digest,
}

impl<'a> ReadVersion<'a> {
    fn of(blob: &'a Blob, max_output: u64) -> ReadVersion<'a> {
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
            if !cell.is_executed() {
                continue;
            } else if bytes > max_output {
                too_large += 1;
            } else {
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
