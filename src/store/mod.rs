//! The store: the handle that everything else goes through.
//!
//! ```no_run
//! use recell::{Draft, ExecutionKey, Lookup, OpenOptions, Store};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Store::open(".recell/store.git".as_ref(), OpenOptions::default())?;
//! let key = ExecutionKey::new("sales.ipynb", "load", "9f86d081")?;
//! store.put(&key, Draft::new("my tool 1.0").output("0.txt", "text/plain", b"42 rows")?)?;
//! if let Lookup::Hit(entry) = store.get(&key)? {
//!     assert_eq!(entry.read("outputs/0.txt").ok()?, b"42 rows");
//! }
//! # Ok(())
//! # }
//! ```

mod absent;
mod arrived;
mod aside;
mod assemble;
mod draft;
mod entry;
mod flush;
mod incoming;
mod inventory;
mod lacking;
pub(crate) mod leftovers;
mod local;
mod locked;
mod memory;
pub(crate) mod merge;
mod new_packs;
mod noting;
mod options;
mod pack_list;
mod partial;
mod pin;
mod put;
mod putting;
mod references;
mod remake;
mod salvage;
mod snapshot;
mod suspects;
mod taking_away;
mod tombstones;
mod trash;
mod trust;
mod view;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Instant;

pub(crate) use absent::FromRemotes;
pub use absent::LazyParts;
pub(crate) use assemble::MadeObject;
pub use draft::{Draft, DraftPart, Source};
pub use entry::Entry;
pub use flush::FlushReport;
pub(crate) use flush::FlushedNames;
pub(crate) use incoming::{ForeignPack, IncomingPack};
pub use inventory::FileSizes;
pub(crate) use lacking::{AllParts, Lacking, LackingObject, PartsWanted};
pub(crate) use local::{
    LOCAL, local_ref, read_local_ref, read_trashed_local_ref, trashed_local_ref,
};
pub(crate) use locked::{LockedStore, OnlyCollection};
use memory::Memory;
pub use options::OpenOptions;
pub(crate) use pin::{PIN_FOLDER, pin_ref};
pub(crate) use putting::KeptObjects;
use putting::PutsInProgress;
pub(crate) use references::{RefChange, Unchanged};
pub(crate) use remake::Remade;
pub use snapshot::Snapshot;
use suspects::Suspects;
pub(crate) use tombstones::{FORGOTTEN, tombstone};
pub(crate) use trash::{
    TRASH, entries_in, from_trash, in_trash, read_trash_ref, to_trash, trash_ref,
};
use trust::Verdicts;
pub(crate) use trust::{FOREIGN_FOLDER, foreign_ref, vouching_line};
pub use trust::{Standing, Trust};

use crate::config::TrustPolicy;
use crate::content::KnownContents;
use crate::disk;
use crate::error::Result;
use crate::events::EventLog;
use crate::git::{ObjectFormat, ObjectId, PackSet, PackedObject, Repository, Signers};
use crate::index::{Index, Pattern, UsageLog};
use crate::journal::{JournalWriter, Known, NewNames};
use crate::lookup::{Lookup, Miss};
use crate::name::{EntryName, ExecutionKey};

/// An open store. Cheap to clone; all clones share one journal, which is flushed when the last
/// of them and of their entries goes.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

/// What all clones of a store share.
pub(crate) struct Inner {
    pub(crate) repository: Repository,
    options: OpenOptions,
    packs: PackSet,
    index: RwLock<Index>,
    writer: RwLock<Option<Writer>>,
    known: RwLock<KnownContents>,
    /// The bytes of all objects that were appended, by whichever journal.
    written: AtomicU64,
    /// How many objects were read.
    reads: AtomicU64,
    memory: Memory,
    suspects: Suspects,
    usage: UsageLog,
    /// Ended, with all that it has to write, when the store is closed.
    events: Option<EventLog>,
    verdicts: Verdicts,
    putting: PutsInProgress,
    /// One flush at a time in this process; other processes are kept off by a lock file.
    flushing: Mutex<()>,
}

/// The journal of this process, and what it takes to decide when to flush it.
struct Writer {
    journal: JournalWriter,
    /// The process that made it: after a fork the child starts its own.
    process: u32,
    started: Instant,
    known: std::collections::HashMap<crate::digest::Digest, Known>,
}

impl Writer {
    fn append(
        &mut self,
        objects: &[PackedObject<'_>],
        known: &[Known],
        names: NewNames<'_>,
        written: &AtomicU64,
    ) -> Result<()> {
        let before = self.journal.journal.end;
        self.journal.append(objects, known, names)?;
        written.fetch_add(self.journal.journal.end - before, Ordering::Relaxed);
        self.known.extend(known.iter().map(|known| (known.digest, *known)));
        Ok(())
    }
}

impl Store {
    /// Makes a store in `path`, a folder that is not there yet or empty.
    ///
    /// # Errors
    /// [`crate::Error::StoreExists`] if something is there, [`crate::Error::Disk`] if it cannot be
    /// written.
    pub fn create(path: &Path, format: ObjectFormat, options: OpenOptions) -> Result<Store> {
        let writer = options.random_name();
        let repository = Repository::create(path, format, &writer)?;
        Store::with(repository, options)
    }

    /// Opens the store in `path`.
    ///
    /// # Errors
    /// [`crate::Error::NotAStore`], [`crate::Error::UnsupportedStore`],
    /// [`crate::Error::BrokenRefs`], [`crate::Error::Disk`].
    pub fn open(path: &Path, options: OpenOptions) -> Result<Store> {
        Store::with(Repository::open(path)?, options)
    }

    fn with(repository: Repository, options: OpenOptions) -> Result<Store> {
        let format = repository.format;
        let packs = PackSet::open(&repository.objects_folder(), format)?;
        let index = Index::open(
            &repository.git_dir,
            &repository.journal_folder(),
            format,
            options.despite_damage,
        )?;
        let known = KnownContents::open(&repository.own_folder().join("contents"), format);
        let suspects = Suspects::open(repository.own_folder().join("suspects"));
        let usage = UsageLog::new(repository.own_folder().join("usage"));
        let events = options.events.as_ref().map(|wanted| {
            let (folder, clock) = (repository.own_folder(), options.clock.clone());
            EventLog::new(folder, wanted, clock, || options.random_name())
        });
        Ok(Store {
            inner: Arc::new(Inner {
                repository,
                options,
                packs,
                index: RwLock::new(index),
                writer: RwLock::new(None),
                known: RwLock::new(known),
                written: AtomicU64::new(0),
                reads: AtomicU64::new(0),
                memory: Memory::default(),
                suspects,
                usage,
                events,
                verdicts: Verdicts::default(),
                putting: PutsInProgress::default(),
                flushing: Mutex::new(()),
            }),
        })
    }

    /// Returns the folder of the store.
    pub fn path(&self) -> &Path {
        &self.inner.repository.git_dir
    }

    /// Returns how the store names its objects.
    pub fn object_format(&self) -> ObjectFormat {
        self.inner.repository.format
    }

    /// Returns the log of what happens to results; `None` if none was asked for
    /// ([`OpenOptions::events`]).
    pub fn events(&self) -> Option<&EventLog> {
        self.inner.events.as_ref()
    }

    /// Stores one result of `key` and returns its name.
    ///
    /// When this returns, the entry survives the death of the process; with
    /// [`crate::Durability::Sync`], a power cut too.
    ///
    /// # Errors
    /// [`crate::Error::ReadOnly`], [`crate::Error::Disk`], [`crate::Error::ReadSource`],
    /// [`crate::Error::PartsCollide`]; then nothing was stored.
    pub fn put(&self, key: &ExecutionKey, draft: Draft<'_>) -> Result<EntryName> {
        let mut names = self.put_many(vec![(key.clone(), draft)])?;
        Ok(names.pop().expect("one draft makes one entry"))
    }

    /// Stores many results with one write, and returns their names in the same order: all of them
    /// or none.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub fn put_many(&self, drafts: Vec<(ExecutionKey, Draft<'_>)>) -> Result<Vec<EntryName>> {
        self.inner.put_many(drafts)
    }

    /// Returns the newest entry of `key`, which counts as used now: see [`Entry::mark_used`]. It is
    /// a hit or a miss in the log of events.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`] if the names cannot be read.
    /// Anything wrong with the entry itself is a [`Miss`].
    pub fn get(&self, key: &ExecutionKey) -> Result<Lookup<Entry>> {
        let started = self.inner.stopwatch();
        let found = self.peek(key)?;
        let now = self.inner.options.clock.now();
        if let Lookup::Hit(entry) = &found {
            entry.note_use_at(now);
        }
        self.inner.note_lookup(&found, || key.to_string(), started, Some(now));
        Ok(found)
    }

    /// Returns the newest entry of `key`, for who only looks: it does not count as used.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn peek(&self, key: &ExecutionKey) -> Result<Lookup<Entry>> {
        let path = key.path();
        let found = self.inner.look(|index, own| index.newest(&path, own))?;
        Ok(match found {
            Some((name, tree)) => self.open_entry(name, tree),
            None => Lookup::Miss(Miss::NeverStored { name: key.to_string() }),
        })
    }

    /// Returns the entry of that name. It does not count as used.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn entry(&self, name: &EntryName) -> Result<Lookup<Entry>> {
        let found = self.inner.look(|index, own| index.find(name.as_str(), own))?;
        Ok(match found {
            Some(tree) => self.open_entry(name.clone(), tree),
            None => Lookup::Miss(Miss::NeverStored { name: name.to_string() }),
        })
    }

    /// Returns the name of the newest entry of `key`; `None` if there is none.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`] if the names cannot be read.
    pub fn newest(&self, key: &ExecutionKey) -> Result<Option<EntryName>> {
        let path = key.path();
        Ok(self.inner.look(|index, own| index.newest(&path, own))?.map(|(name, _)| name))
    }

    /// Returns the names of all entries of `key`, oldest first.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`] if the names cannot be read.
    pub fn history(&self, key: &ExecutionKey) -> Result<Vec<EntryName>> {
        let prefix = format!("{}/", key.path());
        let found = self.inner.look(|index, own| index.with_prefix(&prefix, own))?;
        Ok(found.into_iter().map(|(name, _)| name).collect())
    }

    /// Returns all entries of `key`, oldest first, each with its parts still to be read.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`] if the names cannot be read.
    pub fn versions(&self, key: &ExecutionKey) -> Result<Vec<Lookup<Entry>>> {
        let prefix = format!("{}/", key.path());
        let found = self.inner.look(|index, own| index.with_prefix(&prefix, own))?;
        Ok(found.into_iter().map(|(name, tree)| self.open_entry(name, tree)).collect())
    }

    fn open_entry(&self, name: EntryName, tree: ObjectId) -> Lookup<Entry> {
        Entry::open(&self.inner, name, tree, |full| self.inner.reference(full)).into()
    }

    /// Returns the names that match, sorted: those of one key are neighbours, oldest first.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`] if the names cannot be read.
    pub fn list(&self, pattern: &Pattern) -> Result<Vec<EntryName>> {
        let prefix = pattern.prefix();
        let found = self.inner.look(|index, own| index.with_prefix(&prefix, own))?;
        Ok(found.into_iter().map(|(name, _)| name).filter(|name| pattern.matches(name)).collect())
    }

    /// Returns how many bytes of objects were stored through this handle and its clones, after
    /// compression. What the store had already adds nothing.
    pub fn bytes_written(&self) -> u64 {
        self.inner.written.load(Ordering::Relaxed)
    }

    /// Returns the name of this store among the writers of ledgers.
    pub(crate) fn writer_id(&self) -> &str {
        &self.inner.repository.writer
    }

    /// Returns who signs here and who may sign, if the store was opened with that.
    pub(crate) fn signers(&self) -> Option<&Signers> {
        self.inner.options.trust.signers.as_ref()
    }

    /// Returns whose parts may run code here.
    pub(crate) fn trust_policy(&self) -> TrustPolicy {
        self.inner.options.trust.policy
    }

    /// Returns an entry whose tree is known, whether or not it has a tag.
    pub(crate) fn entry_of_tree(&self, name: &EntryName, tree: ObjectId) -> Lookup<Entry> {
        self.open_entry(name.clone(), tree)
    }

    /// Returns the entries whose names start with `prefix`, with their trees, sorted.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`] if the names cannot be read.
    pub(crate) fn names_with_prefix(&self, prefix: &str) -> Result<Vec<(EntryName, ObjectId)>> {
        self.inner.look(|index, own| index.with_prefix(prefix, own))
    }

    /// Returns the present moment, by the clock that entries are dated by.
    pub(crate) fn now(&self) -> crate::clock::Timestamp {
        self.inner.options.clock.now()
    }

    /// Whether an object is here.
    pub(crate) fn has(&self, id: &ObjectId) -> bool {
        self.inner.has_object(id)
    }

    /// Returns how many git objects were read through this handle and its clones: what the caches
    /// above it save shows here.
    pub fn object_reads(&self) -> u64 {
        self.inner.reads.load(Ordering::Relaxed)
    }

    /// Moves what is in the journal of this store, and in those of dead writers, into the
    /// repository, where plain git sees it.
    ///
    /// It may be interrupted anywhere and repeated.
    ///
    /// # Errors
    /// [`crate::Error::FlushLocked`], [`crate::Error::RefsLocked`], [`crate::Error::ReadOnly`],
    /// [`crate::Error::Disk`]; nothing is lost.
    pub fn flush(&self) -> Result<FlushReport> {
        self.inner.flush()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.path().display())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.usage.save();
        let has_written = self.writer.get_mut().is_ok_and(|writer| writer.is_some());
        if has_written {
            // Nobody is left to tell. What could not be flushed stays in the journal, which the
            // next flush of anybody takes over.
            drop(self.flush());
        }
    }
}

impl Inner {
    /// Opens all packs anew at the next look, as files changed under their names.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if they cannot be listed.
    pub(crate) fn forget_packs(&self) -> Result<()> {
        self.packs.forget()
    }

    fn require_writable(&self) -> Result<()> {
        let folder = self.repository.journal_folder();
        disk::create_folders(&folder).map_err(|error| self.read_only_or(error))
    }
}
