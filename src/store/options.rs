//! How a store is opened.

use std::sync::Arc;
use std::time::Duration;

use super::absent::LazyParts;
use super::trust::Trust;
use crate::clock::Clock;
use crate::config::{Durability, SyncSettings};
use crate::events::EventOptions;

/// How a store is opened: every field has a default.
#[derive(Clone)]
pub struct OpenOptions {
    /// What an acknowledged put survives.
    pub durability: Durability,
    /// A part of more bytes than this is cut into chunks.
    pub chunk_threshold: u64,
    /// The journal is flushed once it has this many bytes,
    pub flush_bytes: u64,
    /// or this many entries,
    pub flush_entries: usize,
    /// or when something is put this long after its first entry.
    pub flush_age: Duration,
    /// How long a flush waits for the locks of others.
    pub lock_patience: Duration,
    /// The rules by which parts of what is put stay on this machine; `None` if all travel.
    pub local_parts: Option<Arc<SyncSettings>>,
    /// Whether the store is opened even if its names cannot be read, for checks and repairs: those
    /// names are then missing.
    pub despite_damage: bool,
    /// Where parts come from that only a remote has, when they are read.
    pub lazy_parts: LazyParts,
    /// Whose parts are handed out although reading them can run code.
    pub trust: Trust,
    /// How events are logged; `None` if they are not.
    pub events: Option<EventOptions>,
    /// Where the time comes from.
    pub clock: Clock,
    /// Where names of writers and journals come from: random numbers.
    pub random: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions {
            durability: Durability::Process,
            chunk_threshold: 4 << 20,
            flush_bytes: 1 << 30,
            flush_entries: 16_384,
            flush_age: Duration::from_secs(60),
            lock_patience: Duration::from_secs(30),
            local_parts: None,
            despite_damage: false,
            lazy_parts: LazyParts::default(),
            trust: Trust::default(),
            events: None,
            clock: Clock::system(),
            random: Arc::new(|| fastrand::Rng::new().u64(..)),
        }
    }
}

impl OpenOptions {
    /// Returns 16 random hex digits.
    pub(super) fn random_name(&self) -> String {
        format!("{:016x}", (self.random)())
    }
}

impl std::fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenOptions")
            .field("durability", &self.durability)
            .field("chunk_threshold", &self.chunk_threshold)
            .field("flush_bytes", &self.flush_bytes)
            .field("flush_entries", &self.flush_entries)
            .field("flush_age", &self.flush_age)
            .field("lazy_parts", &self.lazy_parts)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}
