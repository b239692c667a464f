//! The past of the host repository as entries: every version of every notebook, at the time of its
//! commit.
//!
//! [`plan_import`](super::plan_import) walks the history and tells notebooks and versions apart (ancestry.rs);
//! [`import`] reads the versions through one git, notebook by notebook and oldest first, and
//! records each as it would have been recorded then: a cell that is what the store held of it at
//! that moment makes no entry. So nothing is ever recorded twice, and a run that comes back after
//! another (`git revert`) is a run of its own time.

use std::sync::mpsc::{Receiver, sync_channel};

use rayon::prelude::*;

use super::ancestry::Version;
use super::imported::{Imported, VersionKey};
use super::lineage::not_recorded_before;
use super::name::NotebookName;
use super::past::{ImportPlan, Planned, key_of};
use super::record::{RecordContext, RecordedCell};
use super::rename::{Rename, has_entries, rename};
use super::timeline::{CellNow, Timeline};
use super::versions::{ExecutedCell, ExecutedVersion, ReadVersion, read_batches};
use crate::clock::Timestamp;
use crate::disk;
use crate::error::{Error, Result};
use crate::git::{Blob, ObjectId};
use crate::name::{EntryName, ExecutionKey};
use crate::progress::{Progress, Unit};
use crate::store::Store;

/// What the manifest says of entries that were imported.
const PRODUCER: &str = concat!("recell ", env!("CARGO_PKG_VERSION"), " import-history");
/// After so much it is flushed, and noted as done: what a crash may make us read again.
const FLUSH_BYTES: u64 = 128 << 20;
const FLUSH_ENTRIES: usize = 8192;
const FLUSH_VERSIONS: usize = 4096;

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

/// Is told what an import does as it does it: it may be interrupted anywhere.
pub trait ImportWatcher {
    /// These renames were carried out, before anything is recorded.
    fn renamed(&mut self, renames: &[&Rename]);

    /// These entries are new in the store.
    fn recorded(&mut self, entries: &[EntryName]);
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
    watcher: &mut dyn ImportWatcher,
    progress: &dyn Progress,
) -> Result<ImportReport> {
    let before = store.bytes_written();
    let mut run = Run {
        store,
        plan,
        options,
        watcher,
        imported: Imported::open(&store.inner.repository.own_folder())?,
        report: ImportReport { elsewhere: plan.no_files, ..ImportReport::default() },
        done: Vec::new(),
        entries: 0,
        flushed_bytes: before,
        timeline: None,
    };
    let followed = run.follow_all();
    let renames: Vec<&Rename> =
        run.report.notebooks.iter().flat_map(|notebook| &notebook.renamed).collect();
    if !renames.is_empty() {
        run.watcher.renamed(&renames);
    }
    followed?;
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
    watcher: &'a mut dyn ImportWatcher,
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
    /// Moves what is recorded under former names, notebook by notebook, each of which the report
    /// has from then on.
    fn follow_all(&mut self) -> Result<()> {
        for planned in &self.plan.notebooks {
            let renamed = self.follow(planned)?;
            self.report.notebooks.push(ImportedNotebook {
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
        Ok(())
    }

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
                    self.done.push(key_of(planned, found));
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
        let indices: Vec<usize> = cells.iter().map(|cell| cell.index).collect();
        for ExecutedCell { index, position, parts, digest } in cells {
            let (code, module) = (&hashes.codes[index], &hashes.modules[index]);
            let name = &*names[index];
            let now = CellNow { name, position, code: code.hash, parts: digest };
            if timeline.holds(self.store, &now, module)? {
                report.unchanged += 1;
                continue;
            }
            let cell = &notebook.cells()[position];
            let recorded = RecordedCell {
                notebook: &notebook,
                cell,
                code,
                module,
                name,
                producer: PRODUCER,
                not_recorded_before: not_recorded_before(
                    &hashes,
                    index,
                    |at| names[at].to_string(),
                    |at| indices.binary_search(&at).is_ok(),
                ),
            };
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
            self.watcher.recorded(&put);
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
