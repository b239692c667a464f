//! Storing bundles, in one phase or in two (docs/design/005-bundles.md).

use std::collections::BTreeMap;

use serde_json::Value;

use super::config_id::stats_key;
use super::draft::{RowsDraft, StatsDraft};
use super::key::BundleKey;
use super::meta::{FORMAT, Meta, StatsNote};
use super::operations::Scope;
use super::store::{BundleStore, Inner};
use super::stored::{DISPLAY, META, PRODUCER, Refusal, SCHEMA, StatsState, WINDOW, stats_path};
use crate::clock::Timestamp;
use crate::entry::{PartPath, Provenance};
use crate::error::{Error, Result};
use crate::lookup::Lookup;
use crate::name::EntryName;
use crate::stats::Stats;
use crate::store::{Draft, Source};
use crate::table::Window;

const UNPOISONED: &str = "no holder of this lock panics";
const JSON: &str = "application/json";
const PARQUET: &str = "application/vnd.apache.parquet";
/// The media type of stats as canonical text.
const STATS: &str = "text/vnd.recell.stats";

/// What came of rows that were put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutRows {
    /// The bundle's entry, and the generation that stats are attached to.
    pub name: EntryName,
    /// Whether the stats are there at once, as they were known.
    pub stats: StatsState,
}

/// What came of stats that were to be attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attached {
    /// The bundle is complete, under this name.
    Complete(EntryName),
    /// Stats were attached before, under this name.
    Already(EntryName),
    /// Rows were put since under the same data and configuration, the newest under this name:
    /// nothing was attached.
    Superseded(EntryName),
}

/// The parts of a bundle, ready to be stored.
struct Parts {
    meta: Meta,
    schema: Vec<u8>,
    display: Vec<u8>,
    window: Vec<u8>,
    files: BTreeMap<String, Vec<u8>>,
    stats: BTreeMap<Scope, Vec<u8>>,
}

impl BundleStore {
    /// Stores the rows of a bundle. It is visible at once; its stats are pending, unless those of
    /// the same data, configuration, operations and skipped stats are known.
    ///
    /// # Errors
    /// [`Error::InvalidBundle`] if the window is no parquet, or its rows or columns are not those
    /// that the draft says; and as [`crate::Store::put`].
    pub fn put_rows(&self, key: &BundleKey, rows: RowsDraft) -> Result<PutRows> {
        let _one_at_a_time = self.inner.putting.lock().expect(UNPOISONED);
        let known = if rows.is_fresh { None } else { self.inner.known_stats(key, &rows)? };
        let (notes, stats, sampled) = match known {
            None => (None, BTreeMap::new(), false),
            Some(known) => {
                let sampled = known.values().any(|(note, _)| note.sampled);
                let notes =
                    known.iter().map(|(it, (note, _))| (it.name().to_owned(), note.clone()));
                let notes = Some(notes.collect());
                (notes, known.into_iter().map(|(it, (_, text))| (it, text)).collect(), sampled)
            }
        };
        let standing = if notes.is_some() { StatsState::Complete } else { StatsState::Pending };
        let provenance = provenance_of(&rows);
        let parts = parts_of(key, rows, notes, stats, sampled)?;
        let name = self.inner.store_parts(key, parts, provenance, None)?;
        Ok(PutRows { name, stats: standing })
    }

    /// Stores a bundle whole.
    ///
    /// # Errors
    /// As [`BundleStore::put_rows`]; and [`Error::InvalidBundle`] if stats of a scope are missing,
    /// or there are some of a scope whose rows are those of another.
    pub fn put(&self, key: &BundleKey, rows: RowsDraft, stats: &StatsDraft) -> Result<EntryName> {
        let skipped = |scope| rows.skipped.get(&scope).cloned().unwrap_or_default();
        let notes = notes_of(key, stats, skipped)?;
        let texts = texts_of(stats)?;
        let mut provenance = provenance_of(&rows);
        provenance.compute_seconds = sum(rows.compute_seconds, stats.compute_seconds);
        let sampled = !stats.sampled.is_empty();
        let parts = parts_of(key, rows, Some(notes), texts, sampled)?;
        let _one_at_a_time = self.inner.putting.lock().expect(UNPOISONED);
        self.inner.store_parts(key, parts, provenance, None)
    }

    /// Attaches stats to rows that were put, if no rows were put since under the same data and
    /// configuration. `generation` is the name that [`BundleStore::put_rows`] returned.
    ///
    /// # Errors
    /// [`Error::InvalidBundle`] if `generation` is no bundle of this key whose stats are pending, or
    /// the stats are not those of its scopes; and as [`crate::Store::put`].
    pub fn attach_stats(
        &self,
        key: &BundleKey,
        generation: &EntryName,
        stats: &StatsDraft,
    ) -> Result<Attached> {
        let _one_at_a_time = self.inner.putting.lock().expect(UNPOISONED);
        let refuse = |reason: String| Error::InvalidBundle {
            what: format!("generation `{generation}`"),
            reason,
        };
        let completed_at = Timestamp::from_micros(generation.created_at().micros() + 1);
        // Only what says so was made of these rows: a clock that stands still may give others the
        // same time.
        let is_own = |name: &EntryName| {
            name.key_path() == generation.key_path()
                && name.created_at() == completed_at
                && self.inner.is_completion(name, generation)
        };
        if let Some(newer) = self.inner.newer_rows(key, generation, is_own)? {
            return Ok(Attached::Superseded(newer));
        }
        let completed = self.inner.store.history(&key.execution_key())?;
        if let Some(name) = completed.into_iter().find(is_own) {
            return Ok(Attached::Already(name));
        }
        let rows = match self.inner.load(generation)? {
            Ok(rows) => rows,
            Err(Refusal::Miss(miss)) => return Err(refuse(miss.to_string())),
            Err(Refusal::Mismatch(mismatch)) => return Err(refuse(mismatch.to_string())),
        };
        rows.check(key, None).map_err(|mismatch| refuse(mismatch.to_string()))?;
        if rows.stats_state() == StatsState::Complete {
            return Ok(Attached::Already(generation.clone()));
        }
        let skipped = |scope: Scope| {
            let pending = rows.meta().skipped.get(scope.name());
            pending.cloned().unwrap_or_default()
        };
        let notes = notes_of(key, stats, skipped)?;
        let sampled = !stats.sampled.is_empty();
        let meta = Meta { stats: Some(notes), sampled, ..rows.meta().clone() };
        let entry = rows.entry();
        let read = |path: &str| entry.read(path).ok().map_err(|miss| refuse(miss.to_string()));
        let mut files = BTreeMap::new();
        for part in &entry.manifest().parts {
            if let Some(name) = part.path.as_str().strip_prefix(PRODUCER) {
                files.insert(name.to_owned(), read(part.path.as_str())?);
            }
        }
        let parts = Parts {
            meta,
            schema: read(SCHEMA)?,
            display: rows.display().to_vec(),
            window: rows.window_bytes().to_vec(),
            files,
            stats: texts_of(stats)?,
        };
        let mut provenance = entry.manifest().provenance.clone();
        provenance.compute_seconds = sum(provenance.compute_seconds, stats.compute_seconds);
        provenance.upstream = vec![generation.to_string()];
        let name = self.inner.store_parts(key, parts, provenance, Some(completed_at))?;
        // Another process may have put rows in between. They are newer, and count.
        Ok(match self.inner.newer_rows(key, generation, is_own)? {
            Some(newer) => Attached::Superseded(newer),
            None => Attached::Complete(name),
        })
    }
}

/// Stats that are known, with what is noted of them, by scope.
type KnownStats = BTreeMap<Scope, (StatsNote, Vec<u8>)>;

impl Inner {
    /// Returns the newest entry that was put since `generation` under the same data and
    /// configuration, in any scope.
    fn newer_rows(
        &self,
        key: &BundleKey,
        generation: &EntryName,
        is_own: impl Fn(&EntryName) -> bool,
    ) -> Result<Option<EntryName>> {
        let names = self.store.names_with_prefix(&key.generation_prefix())?;
        let newer = names
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| name.created_at() > generation.created_at() && !is_own(name));
        Ok(newer.max_by_key(EntryName::created_at))
    }

    /// Whether an entry says that it was made of the rows of `generation`.
    fn is_completion(&self, name: &EntryName, generation: &EntryName) -> bool {
        let entry = self.store.entry(name).ok().and_then(Lookup::hit);
        entry.is_some_and(|entry| entry.manifest().provenance.upstream == [generation.to_string()])
    }

    /// Returns the time of rows that are put now: later than all of the same data and configuration,
    /// whatever the clock says, by enough that the time between is left for stats that come later.
    fn time_of_rows(&self, key: &BundleKey) -> Result<Timestamp> {
        const APART: i64 = 2;
        let names = self.store.names_with_prefix(&key.generation_prefix())?;
        let newest = names.iter().map(|(name, _)| name.created_at().micros()).max();
        let now = self.store.now();
        Ok(newest.map_or(now, |newest| now.max(Timestamp::from_micros(newest + APART))))
    }

    /// Returns the stats of all scopes of a draft, if all of them are known.
    fn known_stats(&self, key: &BundleKey, rows: &RowsDraft) -> Result<Option<KnownStats>> {
        let operations = key.operations();
        let scopes = operations.scopes();
        let wanted: Vec<(Scope, String)> = scopes
            .iter()
            .map(|scope| {
                let skipped = rows.skipped.get(scope).cloned().unwrap_or_default();
                (*scope, stats_key(operations, *scope, &skipped))
            })
            .collect();
        let mut found = BTreeMap::new();
        let own_path = key.execution_key().path();
        for name in self.newest_by_scope(key)? {
            let Ok(bundle) = self.load(&name)? else { continue };
            // The same id for data of other columns, or for other rows of the same operations, says
            // that the id stands for nothing.
            let is_same_key = name.key_path() == own_path;
            let is_other_data = bundle.schema().difference(&rows.schema).is_some()
                || (is_same_key
                    && (bundle.bounds() != rows.bounds || bundle.window_bytes() != rows.window));
            if is_other_data {
                return Ok(None);
            }
            for scope in bundle.stats_scopes() {
                let Some(note) = bundle.stats_note(scope) else { continue };
                let fits =
                    wanted.iter().find(|(it, key)| !found.contains_key(it) && *key == note.key);
                if let Some((wanted, _)) = fits
                    && let Some(text) = bundle.stats_text(scope).hit()
                {
                    found.insert(*wanted, (note.clone(), text));
                }
            }
        }
        Ok((found.len() == scopes.len()).then_some(found))
    }

    /// Returns the newest entries of each scope, the newest first, and only so many.
    fn newest_by_scope(&self, key: &BundleKey) -> Result<Vec<EntryName>> {
        const LOOKED_AT: usize = 64;
        let mut newest: BTreeMap<String, EntryName> = BTreeMap::new();
        for (name, _) in self.store.names_with_prefix(&key.generation_prefix())? {
            // They come sorted by time within a scope.
            newest.insert(name.key_path().to_owned(), name);
        }
        let mut names: Vec<EntryName> = newest.into_values().collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.created_at()));
        names.truncate(LOOKED_AT);
        Ok(names)
    }

    fn store_parts(
        &self,
        key: &BundleKey,
        parts: Parts,
        provenance: Provenance,
        created_at: Option<Timestamp>,
    ) -> Result<EntryName> {
        let created_at = match created_at {
            Some(time) => time,
            None => self.time_of_rows(key)?,
        };
        let mut draft = Draft { provenance, created_at: Some(created_at), ..Draft::default() };
        let mut add = |path: &str, media_type: &str, bytes: Vec<u8>| -> Result<()> {
            let path = PartPath::new(path).map_err(|error| Error::InvalidBundle {
                what: format!("file `{path}`"),
                reason: error.to_string(),
            })?;
            let full = std::mem::take(&mut draft);
            draft = full.part(path, media_type, Source::from(bytes));
            Ok(())
        };
        add(META, JSON, parts.meta.to_bytes())?;
        add(SCHEMA, JSON, parts.schema)?;
        add(DISPLAY, JSON, parts.display)?;
        add(WINDOW, PARQUET, parts.window)?;
        for (scope, text) in parts.stats {
            add(&stats_path(scope), STATS, text)?;
        }
        for (name, bytes) in parts.files {
            let media_type = if name.ends_with(".parquet") { PARQUET } else { JSON };
            add(&format!("{PRODUCER}{name}"), media_type, bytes)?;
        }
        self.store.put(&key.execution_key(), draft)
    }
}

fn provenance_of(rows: &RowsDraft) -> Provenance {
    Provenance {
        producer: rows.producer.clone(),
        compute_seconds: rows.compute_seconds,
        ..Provenance::default()
    }
}

fn sum(one: Option<f64>, two: Option<f64>) -> Option<f64> {
    match (one, two) {
        (None, None) => None,
        (one, two) => Some(one.unwrap_or(0.0) + two.unwrap_or(0.0)),
    }
}

/// Checks a draft, and makes its parts.
fn parts_of(
    key: &BundleKey,
    rows: RowsDraft,
    notes: Option<BTreeMap<String, StatsNote>>,
    stats: BTreeMap<Scope, Vec<u8>>,
    sampled: bool,
) -> Result<Parts> {
    let refuse =
        |what: &str, reason: String| Error::InvalidBundle { what: what.to_owned(), reason };
    rows.bounds.check().map_err(|reason| refuse("window", reason))?;
    let window = Window::open(rows.window).map_err(|it| refuse("window", it.to_string()))?;
    if window.rows() != rows.bounds.rows() {
        let (there, said) = (window.rows(), rows.bounds.rows());
        return Err(refuse("window", format!("it has {there} rows, and {said} were announced")));
    }
    let (there, said) = (window.columns().len(), rows.schema.columns().len());
    if there < said {
        return Err(refuse("schema", format!("it has {said} columns, and the window {there}")));
    }
    let Value::Object(operations) = key.operations().to_json() else {
        unreachable!("operations are an object")
    };
    let pending = if notes.is_none() { rows.skipped } else { BTreeMap::new() };
    let meta = Meta {
        format: FORMAT,
        data_id: key.data_id().to_owned(),
        config_id: key.config_id().to_owned(),
        operations,
        window: rows.bounds,
        sampled,
        stats: notes,
        skipped: pending.into_iter().map(|(scope, all)| (scope.name().to_owned(), all)).collect(),
        versions: rows.versions,
        host: rows.host,
        more: serde_json::Map::new(),
    };
    let json = |value: &Value| {
        let mut bytes = serde_json::to_vec(value).expect("all keys are texts");
        bytes.push(b'\n');
        bytes
    };
    Ok(Parts {
        meta,
        schema: json(&rows.schema.to_json()),
        display: json(&rows.display),
        window: window.bytes().to_vec(),
        files: rows.files,
        stats,
    })
}

/// Returns what is noted of each scope's stats, if they are those of just the scopes of the key.
fn notes_of(
    key: &BundleKey,
    stats: &StatsDraft,
    skipped: impl Fn(Scope) -> std::collections::BTreeSet<String>,
) -> Result<BTreeMap<String, StatsNote>> {
    let refuse = |scope: Scope, reason: &str| Error::InvalidBundle {
        what: format!("stats of scope `{scope}`"),
        reason: reason.to_owned(),
    };
    let operations = key.operations();
    if let Some(scope) = stats.scopes.keys().find(|scope| operations.effective(**scope) != **scope)
    {
        return Err(refuse(*scope, "its rows are those of an earlier scope, whose stats count"));
    }
    let mut notes = BTreeMap::new();
    for scope in operations.scopes() {
        if !stats.scopes.contains_key(&scope) {
            return Err(refuse(scope, "they are missing"));
        }
        let skipped = skipped(scope);
        let key = stats_key(operations, scope, &skipped);
        let sampled = stats.sampled.contains(&scope);
        notes.insert(scope.name().to_owned(), StatsNote { key, skipped, sampled });
    }
    Ok(notes)
}

fn texts_of(stats: &StatsDraft) -> Result<BTreeMap<Scope, Vec<u8>>> {
    let text = |(scope, stats): (&Scope, &Stats)| Ok((*scope, stats.to_text()));
    stats.scopes.iter().map(text).collect()
}
