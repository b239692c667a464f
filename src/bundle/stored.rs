//! A bundle as it is stored: read once, compared with what it says of itself, shared by threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use serde_json::Value;

use super::display::DisplayOverrides;
use super::key::BundleKey;
use super::meta::{Bounds, Meta, MetaProblem, StatsNote};
use super::mismatch::Mismatch;
use super::operations::{Operations, Scope};
use super::schema::Schema;
use super::window::{WindowAnswer, WindowRequest, WindowRows, answered_rows};
use crate::lookup::{Lookup, Miss};
use crate::name::EntryName;
use crate::stats::Stats;
use crate::store::Entry;
use crate::table::Window;

pub(super) const META: &str = "bundle/meta.json";
pub(super) const DISPLAY: &str = "bundle/display.json";
pub(super) const SCHEMA: &str = "bundle/schema.json";
pub(super) const WINDOW: &str = "bundle/window.parquet";
/// Where files of a foreign layout are that cannot be made again.
pub(super) const PRODUCER: &str = "bundle/producer/";
/// What a byte of JSON or of text takes in memory once it is read, about.
const READ_FACTOR: u64 = 3;

/// Returns the path of the stats of a scope.
pub(super) fn stats_path(scope: Scope) -> String {
    format!("stats/{scope}.stats")
}

/// A stored bundle. It is immutable; what was read of it stays in memory.
pub struct Bundle {
    entry: Entry,
    meta: Meta,
    operations: Operations,
    schema: Schema,
    display: Vec<u8>,
    window: Window,
    stats: OnceLock<BTreeMap<Scope, Arc<Stats>>>,
    hits: AtomicU64,
}

/// Why a bundle cannot be handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    Miss(Miss),
    Mismatch(Mismatch),
}

impl From<Miss> for Refusal {
    fn from(miss: Miss) -> Refusal {
        Refusal::Miss(miss)
    }
}

/// Whether the stats of a bundle are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatsState {
    /// They are still to come.
    Pending,
    /// They are there.
    Complete,
}

impl StatsState {
    /// Returns the stable word for it: `pending`, `complete`.
    pub fn name(self) -> &'static str {
        match self {
            StatsState::Pending => "pending",
            StatsState::Complete => "complete",
        }
    }
}

impl Bundle {
    /// Reads a bundle, and compares what is said with what is there.
    pub(super) fn load(entry: Entry) -> Result<Bundle, Refusal> {
        let read = |path: &str| entry.read(path).ok().map_err(Refusal::Miss);
        let damaged = |path: &str, reason: String| {
            Refusal::Miss(Miss::Damaged { name: format!("{}:{path}", entry.name()), reason })
        };
        let meta = Meta::read(&read(META)?).map_err(|problem| match problem {
            MetaProblem::Newer(format) => Refusal::Mismatch(Mismatch::NewerFormat(format)),
            MetaProblem::Malformed(reason) => damaged(META, reason),
        })?;
        let operations = meta.operations().map_err(|reason| damaged(META, reason))?;
        let schema = serde_json::from_slice(&read(SCHEMA)?)
            .map_err(|error| error.to_string())
            .and_then(Schema::from_json)
            .map_err(|reason| damaged(SCHEMA, reason))?;
        let display = read(DISPLAY)?;
        let window = Window::open(read(WINDOW)?).map_err(|it| damaged(WINDOW, it.to_string()))?;
        let (stats, hits) = (OnceLock::new(), AtomicU64::new(0));
        let bundle = Bundle { entry, meta, operations, schema, display, window, stats, hits };
        match bundle.contradiction() {
            Some(mismatch) => Err(Refusal::Mismatch(mismatch)),
            None => Ok(bundle),
        }
    }

    /// Returns what the parts of the bundle say differently; `None` if they agree.
    fn contradiction(&self) -> Option<Mismatch> {
        let key = self.entry.manifest().key.clone();
        let is_own = match self.key() {
            Ok(own) => own.execution_key() == key,
            Err(_) => false,
        };
        if !is_own {
            return Some(Mismatch::Identity(format!(
                "it is stored as `{}`, and says it is `{}` under `{}`",
                self.entry.manifest().key,
                self.meta.data_id,
                self.meta.config_id
            )));
        }
        let (rows, bounds) = (self.window.rows(), self.meta.window);
        if rows != bounds.rows() {
            let Bounds { start, end, .. } = bounds;
            return Some(Mismatch::Window(format!("rows {start} to {end} are {rows} rows")));
        }
        // Windows have index columns besides, and call columns by their place.
        let (there, said) = (self.window.columns().len(), self.schema.columns().len());
        (there < said)
            .then(|| Mismatch::Columns(format!("{there} columns are there, and {said} should be")))
    }

    /// Compares the bundle with what it was looked up by.
    pub(super) fn check(&self, key: &BundleKey, live: Option<&Schema>) -> Result<(), Mismatch> {
        for (what, said, asked) in [
            ("data_id", self.meta.data_id.as_str(), key.data_id()),
            ("config_id", self.meta.config_id.as_str(), key.config_id()),
        ] {
            if said != asked {
                return Err(Mismatch::Identity(format!("its {what} is `{}`", shortened(said))));
            }
        }
        if self.operations != *key.operations() {
            return Err(Mismatch::Identity("it is of other operations".into()));
        }
        match live.and_then(|live| self.schema.difference(live)) {
            Some(difference) => Err(Mismatch::Schema(difference)),
            None => Ok(()),
        }
    }

    /// Returns what the bundle is found by.
    ///
    /// # Errors
    /// [`crate::Error::InvalidBundle`] if it has no ids, which no bundle has that was handed out.
    pub fn key(&self) -> crate::error::Result<BundleKey> {
        let key = BundleKey::new(&self.meta.data_id, &self.meta.config_id)?;
        let space = self.entry.manifest().key.notebook();
        Ok(key.with_operations(self.operations.clone()).in_space(space))
    }

    /// Returns the name of the bundle's entry: its version.
    pub fn name(&self) -> &EntryName {
        self.entry.name()
    }

    /// Returns the bundle's entry.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Returns what the host calls the data.
    pub fn data_id(&self) -> &str {
        &self.meta.data_id
    }

    /// Returns what stands for the configuration.
    pub fn config_id(&self) -> &str {
        &self.meta.config_id
    }

    /// Returns the operations whose rows these are.
    pub fn operations(&self) -> &Operations {
        &self.operations
    }

    /// Returns which rows of the table the window has.
    pub fn bounds(&self) -> Bounds {
        self.meta.window
    }

    /// Returns the columns of the data.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Whether any of the stats are of a sample of the rows.
    pub fn is_sampled(&self) -> bool {
        self.meta.sampled
    }

    /// Returns the versions of what made the bundle.
    pub fn versions(&self) -> &BTreeMap<String, String> {
        &self.meta.versions
    }

    /// Returns what else the host wanted to find again.
    pub fn host(&self) -> &serde_json::Map<String, Value> {
        &self.meta.host
    }

    pub(super) fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Returns what the viewer renders with, as JSON, to the byte as it was stored.
    pub fn display(&self) -> &[u8] {
        &self.display
    }

    /// Returns what the viewer renders with, and `overrides` laid over it.
    pub fn display_with(&self, overrides: &DisplayOverrides) -> Lookup<Value> {
        match serde_json::from_slice(&self.display) {
            Ok(mut display) => {
                overrides.apply(&mut display);
                Lookup::Hit(display)
            }
            Err(error) => Lookup::Miss(self.damaged(DISPLAY, error.to_string())),
        }
    }

    /// Returns the whole window as parquet, to the byte as it was stored.
    pub fn window_bytes(&self) -> &[u8] {
        self.window.bytes()
    }

    /// Returns rows of the table, or why only the source has them.
    pub fn window(&self, request: &WindowRequest) -> Lookup<WindowAnswer> {
        let bounds = match answered_rows(self.meta.window, &self.operations, request) {
            Ok(bounds) => bounds,
            Err(reason) => return Lookup::Hit(WindowAnswer::AskSource(reason)),
        };
        let offset = self.meta.window.start;
        match self.window.slice(bounds.start - offset..bounds.end - offset) {
            Ok(parquet) => Lookup::Hit(WindowAnswer::Rows(WindowRows { parquet, bounds })),
            Err(error) => Lookup::Miss(self.damaged(WINDOW, error.to_string())),
        }
    }

    /// Whether the stats are there.
    pub fn stats_state(&self) -> StatsState {
        if self.meta.stats.is_some() { StatsState::Complete } else { StatsState::Pending }
    }

    /// Returns the scopes that have stats of their own.
    pub fn stats_scopes(&self) -> Vec<Scope> {
        let stats = self.meta.stats.as_ref();
        Scope::ALL
            .into_iter()
            .filter(|it| stats.is_some_and(|stats| stats.contains_key(it.name())))
            .collect()
    }

    /// Whether the stats of a scope are of a sample of its rows.
    pub fn is_scope_sampled(&self, scope: Scope) -> bool {
        self.meta.stats_of(scope).is_some_and(|(_, note)| note.sampled)
    }

    /// Returns the stats of a scope; those of the scope with the same rows, if there is one. A miss
    /// says that they are pending, or what is wrong with them.
    pub fn stats(&self, scope: Scope) -> Lookup<Arc<Stats>> {
        let Some((effective, _)) = self.meta.stats_of(scope) else {
            let reason = match self.stats_state() {
                StatsState::Pending => "stats that are still pending",
                StatsState::Complete => "stats of this scope",
            };
            return Lookup::Miss(Miss::NeverStored {
                name: format!("{}:{} ({reason})", self.name(), stats_path(scope)),
            });
        };
        if let Some(stats) = self.stats.get().and_then(|it| it.get(&effective)) {
            return Lookup::Hit(Arc::clone(stats));
        }
        match self.read_all_stats() {
            Ok(all) => {
                let found = all.get(&effective).cloned();
                let all = self.stats.get_or_init(|| all);
                found.or_else(|| all.get(&effective).cloned()).map_or_else(
                    || Lookup::Miss(self.damaged(&stats_path(effective), "it is not there".into())),
                    Lookup::Hit,
                )
            }
            Err(miss) => Lookup::Miss(miss),
        }
    }

    fn read_all_stats(&self) -> Result<BTreeMap<Scope, Arc<Stats>>, Miss> {
        let mut all = BTreeMap::new();
        for scope in self.stats_scopes() {
            let path = stats_path(scope);
            let bytes = self.entry.read(&path).ok()?;
            let stats =
                Stats::from_text(&bytes).map_err(|it| self.damaged(&path, it.to_string()))?;
            all.insert(scope, Arc::new(stats));
        }
        Ok(all)
    }

    /// Returns the canonical text of the stats of a scope, as it is stored.
    pub fn stats_text(&self, scope: Scope) -> Lookup<Vec<u8>> {
        match self.meta.stats_of(scope) {
            Some((effective, _)) => self.entry.read(&stats_path(effective)),
            None => match self.stats(scope) {
                Lookup::Miss(miss) => Lookup::Miss(miss),
                Lookup::Hit(_) => unreachable!("there is no note of them"),
            },
        }
    }

    pub(super) fn stats_note(&self, scope: Scope) -> Option<&StatsNote> {
        self.meta.stats_of(scope).map(|(_, note)| note)
    }

    /// Notes that the bundle was handed out for use, after a look that began at `started`.
    pub(super) fn note_use(&self, started: Instant) {
        self.hits.fetch_add(1, Ordering::Relaxed);
        self.entry.mark_used_since(Some(started));
    }

    /// Returns how often it was.
    pub(super) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    /// Returns about how many bytes the bundle takes in memory once all of it was used.
    pub(super) fn memory(&self) -> u64 {
        let manifest = self.entry.manifest();
        let stats: u64 = manifest.parts_of(crate::entry::PartKind::Stats).map(|it| it.size).sum();
        self.window.memory() + self.display.len() as u64 + stats * READ_FACTOR + 2048
    }

    fn damaged(&self, path: &str, reason: String) -> Miss {
        Miss::Damaged { name: format!("{}:{path}", self.name()), reason }
    }
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bundle").field("name", self.name()).finish_non_exhaustive()
    }
}

/// Returns a text as it can be shown on a line.
fn shortened(text: &str) -> String {
    let shown: String = text.chars().take(80).collect();
    if shown.len() < text.len() { format!("{shown}…") } else { shown }
}
