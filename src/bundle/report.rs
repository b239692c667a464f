//! What there is of bundles, in memory and in the store, and what it was good for.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use rayon::prelude::*;
use serde_json::{Value, json};

use super::buckaroo::is_scope;
use super::store::{BundleStore, Inner};
use super::stored::META;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::git::ObjectId;
use crate::index::UsageTimes;
use crate::name::{EntryName, encode};

const UNPOISONED: &str = "no holder of this lock panics";

/// What there is of bundles, and what was counted since the handle was made.
#[derive(Debug, Clone, PartialEq)]
pub struct BundleReport {
    /// Each bundle, sorted by key: its newest version.
    pub entries: Vec<ReportEntry>,
    /// How many versions there are of all of them.
    pub versions: usize,
    /// The bytes of the newest versions, as they were put: what they share with others counts.
    pub bytes: u64,
    /// How many are in memory.
    pub in_memory: usize,
    /// As many bytes of memory they take,
    pub memory_bytes: u64,
    /// of so many that they may.
    pub memory_cap: u64,
    /// How many probes were hits.
    pub hits: u64,
    /// How many found nothing.
    pub misses: u64,
    /// How many found something that did not fit.
    pub mismatches: u64,
    /// How many bundles were read from disk.
    pub disk_loads: u64,
    /// How many left memory for others.
    pub evictions: u64,
    /// How long the bundles that were hit took to compute, less what the hits took.
    pub seconds_saved: f64,
}

/// One bundle of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportEntry {
    /// The name of its newest version.
    pub name: EntryName,
    /// What the host calls the data.
    pub data_id: String,
    /// What stands for the configuration.
    pub config_id: String,
    /// `raw`, or what stands for the operations.
    pub scope: String,
    /// How many versions there are.
    pub versions: usize,
    /// Its bytes, as they were put.
    pub bytes: u64,
    /// Its bytes in memory, if it is there.
    pub memory_bytes: Option<u64>,
    /// How often it was hit since it came into memory.
    pub hits: u64,
    /// When it was last used, to the minute, as far as this machine knows.
    pub last_used: Option<Timestamp>,
    /// How long it took to compute.
    pub compute_seconds: Option<f64>,
}

impl BundleReport {
    /// Returns the share of probes that were hits; `None` if there were none.
    #[expect(clippy::cast_precision_loss, reason = "nobody probes 2^53 times")]
    pub fn hit_rate(&self) -> Option<f64> {
        let all = self.hits + self.misses + self.mismatches;
        (all > 0).then(|| self.hits as f64 / all as f64)
    }
}

impl BundleReport {
    /// Returns the report as JSON (docs/json.md, `bundle report`).
    pub fn to_json(&self) -> Value {
        json!({
            "bundles": self.entries.len(),
            "versions": self.versions,
            "bytes": self.bytes,
            "in_memory": self.in_memory,
            "memory_bytes": self.memory_bytes,
            "memory_cap": self.memory_cap,
            "hits": self.hits,
            "misses": self.misses,
            "mismatches": self.mismatches,
            "hit_rate": self.hit_rate(),
            "disk_loads": self.disk_loads,
            "evictions": self.evictions,
            "seconds_saved": self.seconds_saved,
            "entries": self.entries.iter().map(ReportEntry::to_json).collect::<Vec<_>>(),
        })
    }
}

impl ReportEntry {
    fn to_json(&self) -> Value {
        json!({
            "name": self.name.as_str(),
            "data_id": self.data_id,
            "config_id": self.config_id,
            "state": self.scope,
            "created_at": self.name.created_at().to_rfc3339(),
            "versions": self.versions,
            "bytes": self.bytes,
            "memory_bytes": self.memory_bytes,
            "hits": self.hits,
            "last_used": self.last_used.map(Timestamp::to_rfc3339),
            "compute_seconds": self.compute_seconds,
        })
    }
}

impl BundleStore {
    /// Returns what there is of bundles in a space.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`] if the names cannot be read.
    #[expect(clippy::cast_precision_loss, reason = "microseconds of centuries")]
    pub fn report(&self, space: &str) -> Result<BundleReport> {
        let inner = &self.inner;
        let newest = inner.newest_of_space(space)?;
        let versions = newest.iter().map(|it| it.versions).sum();
        let used = UsageTimes::read(&inner.store.usage_path());
        let in_memory = inner.in_memory();
        let look = |Newest { name, tree, versions }: Newest| -> Option<ReportEntry> {
            let entry = inner.store.entry_of_tree(&name, tree).hit()?;
            let manifest = entry.manifest();
            manifest.part(META)?;
            let held = in_memory.get(&name);
            Some(ReportEntry {
                data_id: manifest.key.cell().to_owned(),
                config_id: manifest.key.module().to_owned(),
                scope: manifest.key.version().to_owned(),
                versions,
                bytes: manifest.size(),
                memory_bytes: held.map(|(bytes, _)| *bytes),
                hits: held.map_or(0, |(_, hits)| *hits),
                last_used: used.last(&tree),
                compute_seconds: manifest.provenance.compute_seconds,
                name,
            })
        };
        let entries: Vec<ReportEntry> = newest.into_par_iter().filter_map(look).collect();
        let counts = &inner.counts;
        let memory = inner.memory.lock().expect(UNPOISONED);
        Ok(BundleReport {
            versions,
            bytes: entries.iter().map(|entry| entry.bytes).sum(),
            entries,
            in_memory: memory.len(),
            memory_bytes: memory.bytes(),
            memory_cap: memory.cap(),
            hits: counts.hits.load(Ordering::Relaxed),
            misses: counts.misses.load(Ordering::Relaxed),
            mismatches: counts.mismatches.load(Ordering::Relaxed),
            disk_loads: counts.disk_loads.load(Ordering::Relaxed),
            evictions: counts.evictions.load(Ordering::Relaxed),
            seconds_saved: counts.saved_micros.load(Ordering::Relaxed) as f64 / 1e6,
        })
    }
}

/// The newest entry of a key, and how many there are of it.
struct Newest {
    name: EntryName,
    tree: ObjectId,
    versions: usize,
}

impl Inner {
    /// Returns the newest entry of each key of a space, and how many there are of it.
    fn newest_of_space(&self, space: &str) -> Result<Vec<Newest>> {
        let mut newest: Vec<Newest> = Vec::new();
        for (name, tree) in self.store.names_with_prefix(&format!("{}/", encode(space)))? {
            if is_scope(name.key_path()) {
                continue;
            }
            match newest.last_mut() {
                Some(last) if last.name.key_path() == name.key_path() => {
                    // Rows and their stats that came later are one.
                    let is_completion =
                        last.name.created_at().micros() + 1 == name.created_at().micros();
                    let versions = last.versions + usize::from(!is_completion);
                    *last = Newest { name, tree, versions };
                }
                _ => newest.push(Newest { name, tree, versions: 1 }),
            }
        }
        Ok(newest)
    }

    /// Returns the newest entries of a space, those that were used last first, and the newest first
    /// among those of which nobody knows.
    pub(super) fn by_last_use(&self, space: &str) -> Result<Vec<EntryName>> {
        let used = UsageTimes::read(&self.store.usage_path());
        let mut names = Vec::new();
        for Newest { name, tree, .. } in self.newest_of_space(space)? {
            let last = used.last(&tree).unwrap_or(name.created_at());
            names.push((last.max(name.created_at()), name));
        }
        names.sort_by(|a, b| b.cmp(a));
        Ok(names.into_iter().map(|(_, name)| name).collect())
    }

    /// Returns the bytes and hits of what is in memory.
    fn in_memory(&self) -> BTreeMap<EntryName, (u64, u64)> {
        let memory = self.memory.lock().expect(UNPOISONED);
        let all = memory.by_use();
        all.map(|(name, bytes, bundle)| (name.clone(), (bytes, bundle.hits()))).collect()
    }
}
