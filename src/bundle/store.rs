//! The bundles of a store: looked up in memory first, then on disk, and never believed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::key::BundleKey;
use super::memory::Memory;
use super::mismatch::Mismatch;
use super::schema::Schema;
use super::stored::{Bundle, Refusal};
use crate::error::Result;
use crate::lookup::{Lookup, Miss};
use crate::name::EntryName;
use crate::store::Store;

const UNPOISONED: &str = "no holder of this lock panics";

/// How bundles are kept in memory.
#[derive(Debug, Clone)]
pub struct BundleOptions {
    /// As many bytes of bundles may be in memory.
    pub memory_bytes: u64,
}

impl Default for BundleOptions {
    fn default() -> BundleOptions {
        BundleOptions { memory_bytes: 256 << 20 }
    }
}

/// The bundles of a store, of which those that were used last are in memory. It is cheap to clone;
/// all clones share one memory, and any number of threads may use them.
#[derive(Clone)]
pub struct BundleStore {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) memory: Mutex<Memory<EntryName, Bundle>>,
    /// Held while a generation is compared with what there is, until something is put.
    pub(super) putting: Mutex<()>,
    pub(super) counts: Counts,
}

/// What was counted since the handle was made.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) mismatches: AtomicU64,
    pub(super) disk_loads: AtomicU64,
    pub(super) evictions: AtomicU64,
    pub(super) saved_micros: AtomicU64,
}

/// What a probe found.
#[derive(Debug, Clone)]
pub enum Probe {
    /// The newest bundle of that key: all that it says of itself was compared.
    Hit(Arc<Bundle>),
    /// There is none, or it cannot be read.
    Miss(Miss),
    /// There is one, and it does not fit.
    Mismatch(Mismatch),
}

impl Probe {
    /// Returns the stable word for what was found: `hit`, `miss`, `mismatch`.
    pub fn name(&self) -> &'static str {
        match self {
            Probe::Hit(_) => "hit",
            Probe::Miss(_) => "miss",
            Probe::Mismatch(_) => "mismatch",
        }
    }

    /// Returns the bundle, without the reason if there is none.
    pub fn hit(self) -> Option<Arc<Bundle>> {
        match self {
            Probe::Hit(bundle) => Some(bundle),
            Probe::Miss(_) | Probe::Mismatch(_) => None,
        }
    }
}

/// What of the same data there is besides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nearby {
    /// Under as many other configurations.
    pub configurations: usize,
    /// After as many other operations, under the same configuration.
    pub scopes: usize,
}

/// What a prewarm brought into memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prewarmed {
    /// Bundles.
    pub bundles: usize,
    /// Their bytes in memory.
    pub bytes: u64,
    /// Bundles that could not be read.
    pub failed: usize,
}

/// Returns the names of whole versions among entries, sorted by name as they are: rows whose stats
/// came later go, as the entry with the stats has them too.
pub fn versions_among(names: Vec<EntryName>) -> Vec<EntryName> {
    let mut whole: Vec<EntryName> = Vec::with_capacity(names.len());
    for name in names {
        let is_completion = whole.last().is_some_and(|rows| {
            rows.created_at().micros() + 1 == name.created_at().micros()
                && rows.key_path() == name.key_path()
        });
        if is_completion {
            whole.pop();
        }
        whole.push(name);
    }
    whole
}

impl BundleStore {
    /// Returns the bundles of a store, with an empty memory.
    pub fn new(store: Store, options: &BundleOptions) -> BundleStore {
        let memory = Mutex::new(Memory::new(options.memory_bytes));
        let (putting, counts) = (Mutex::new(()), Counts::default());
        BundleStore { inner: Arc::new(Inner { store, memory, putting, counts }) }
    }

    /// Returns the store.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Looks for the newest bundle of a key. `schema` is that of the live data, if it is known.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`] if the names cannot be read.
    /// Anything wrong with the bundle itself is a miss or a mismatch.
    pub fn probe(&self, key: &BundleKey, schema: Option<&Schema>) -> Result<Probe> {
        let started = Instant::now();
        let probe = self.inner.look(key, schema)?;
        self.inner.note_probe(key, &probe, started);
        Ok(probe)
    }

    /// Returns the bundle of that name, whichever version it is. It does not count as used.
    ///
    /// # Errors
    /// As [`BundleStore::probe`].
    pub fn version(&self, name: &EntryName) -> Result<Probe> {
        Ok(match self.inner.load(name)? {
            Ok(bundle) => Probe::Hit(bundle),
            Err(refusal) => refusal.into(),
        })
    }

    /// Returns the bundle of that name, if it is a version of that key. It does not count as used.
    ///
    /// # Errors
    /// As [`BundleStore::probe`].
    pub fn version_of(
        &self,
        key: &BundleKey,
        name: &EntryName,
        schema: Option<&Schema>,
    ) -> Result<Probe> {
        if name.key_path() != key.execution_key().path() {
            let why = format!("`{name}` is no version of it");
            return Ok(Probe::Mismatch(Mismatch::Identity(why)));
        }
        Ok(match self.version(name)? {
            Probe::Hit(bundle) => match bundle.check(key, schema) {
                Ok(()) => Probe::Hit(bundle),
                Err(mismatch) => Probe::Mismatch(mismatch),
            },
            other => other,
        })
    }

    /// Returns the names of all versions of a bundle, oldest first. Rows whose stats came later are
    /// one version, that with the stats.
    ///
    /// # Errors
    /// As [`BundleStore::probe`].
    pub fn versions(&self, key: &BundleKey) -> Result<Vec<EntryName>> {
        Ok(versions_among(self.inner.store.history(&key.execution_key())?))
    }

    /// Returns what else there is of the same data: why a miss may be one.
    ///
    /// # Errors
    /// As [`BundleStore::probe`].
    pub fn nearby(&self, key: &BundleKey) -> Result<Nearby> {
        let own = key.execution_key().path();
        let own_config = key.generation_prefix();
        let mut nearby = Nearby::default();
        let (mut last_config, mut last_scope) = (String::new(), String::new());
        for (name, _) in self.inner.store.names_with_prefix(&key.data_prefix())? {
            let path = name.key_path();
            let config = &path[..=path.rfind('/').unwrap_or_default()];
            if config == own_config {
                if path != own && path != last_scope {
                    path.clone_into(&mut last_scope);
                    nearby.scopes += 1;
                }
            } else if config != last_config {
                config.clone_into(&mut last_config);
                nearby.configurations += 1;
            }
        }
        Ok(nearby)
    }

    /// Brings the newest bundles of a space into memory, those that were used last first, as many
    /// as fit.
    ///
    /// # Errors
    /// As [`BundleStore::probe`].
    pub fn prewarm(&self, space: &str) -> Result<Prewarmed> {
        let mut warmed = Prewarmed::default();
        for name in self.inner.by_last_use(space)? {
            if self.inner.memory.lock().expect(UNPOISONED).contains(&name) {
                continue;
            }
            let Ok(bundle) = self.inner.read(&name)? else {
                warmed.failed += 1;
                continue;
            };
            let bytes = bundle.memory();
            let mut memory = self.inner.memory.lock().expect(UNPOISONED);
            if memory.bytes() + bytes > memory.cap() {
                break;
            }
            memory.insert(name, Arc::new(bundle), bytes);
            warmed.bundles += 1;
            warmed.bytes += bytes;
        }
        Ok(warmed)
    }
}

impl From<Refusal> for Probe {
    fn from(refusal: Refusal) -> Probe {
        match refusal {
            Refusal::Miss(miss) => Probe::Miss(miss),
            Refusal::Mismatch(mismatch) => Probe::Mismatch(mismatch),
        }
    }
}

impl Inner {
    fn look(&self, key: &BundleKey, schema: Option<&Schema>) -> Result<Probe> {
        let execution = key.execution_key();
        let Some(name) = self.store.newest(&execution)? else {
            return Ok(Probe::Miss(Miss::NeverStored { name: execution.to_string() }));
        };
        Ok(match self.load(&name)? {
            Ok(bundle) => match bundle.check(key, schema) {
                Ok(()) => Probe::Hit(bundle),
                Err(mismatch) => Probe::Mismatch(mismatch),
            },
            Err(refusal) => refusal.into(),
        })
    }

    /// Returns a bundle from memory, or brings it there.
    pub(super) fn load(
        &self,
        name: &EntryName,
    ) -> Result<std::result::Result<Arc<Bundle>, Refusal>> {
        if let Some(bundle) = self.memory.lock().expect(UNPOISONED).get(name) {
            return Ok(Ok(bundle));
        }
        let bundle = match self.read(name)? {
            Ok(bundle) => Arc::new(bundle),
            Err(refusal) => return Ok(Err(refusal)),
        };
        self.counts.disk_loads.fetch_add(1, Ordering::Relaxed);
        let bytes = bundle.memory();
        let mut memory = self.memory.lock().expect(UNPOISONED);
        let gone = memory.insert(name.clone(), Arc::clone(&bundle), bytes);
        drop(memory);
        self.note_evictions(gone);
        Ok(Ok(bundle))
    }

    fn read(&self, name: &EntryName) -> Result<std::result::Result<Bundle, Refusal>> {
        Ok(match self.store.entry(name)? {
            Lookup::Hit(entry) => Bundle::load(entry),
            Lookup::Miss(miss) => Err(Refusal::Miss(miss)),
        })
    }
}
