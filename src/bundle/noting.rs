//! What is counted and noted of probes and of what memory lets go.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::key::BundleKey;
use super::store::{Inner, Probe};
use crate::events::{Event, EventKind};
use crate::name::EntryName;

/// Who notes these events.
const SOURCE: &str = "bundle";
/// Why memory let a bundle go.
const MEMORY_CAP: &str = "memory_cap";

impl Inner {
    /// Counts a probe, and notes it in the log of events.
    pub(super) fn note_probe(&self, key: &BundleKey, probe: &Probe, started: Instant) {
        let counts = &self.counts;
        let took = started.elapsed();
        let log = self.store.events();
        let event = match probe {
            Probe::Hit(bundle) => {
                counts.hits.fetch_add(1, Ordering::Relaxed);
                // It notes the event of the hit, too.
                bundle.note_use(started);
                let computed = bundle.entry().manifest().provenance.compute_seconds;
                let whole =
                    Duration::try_from_secs_f64(computed.unwrap_or(0.0)).unwrap_or_default();
                counts
                    .saved_micros
                    .fetch_add(micros(whole.saturating_sub(took)), Ordering::Relaxed);
                None
            }
            Probe::Miss(miss) => {
                counts.misses.fetch_add(1, Ordering::Relaxed);
                log.map(|_| Event::of_miss(key.execution_key().to_string(), miss))
            }
            Probe::Mismatch(mismatch) => {
                counts.mismatches.fetch_add(1, Ordering::Relaxed);
                log.map(|_| Event {
                    key: Some(key.execution_key().to_string()),
                    reason: Some(mismatch.code().into()),
                    detail: Some(mismatch.to_string()),
                    ..Event::new(EventKind::Mismatch)
                })
            }
        };
        if let (Some(log), Some(event)) = (log, event) {
            log.note(Event { micros: Some(micros(took)), source: Some(SOURCE.into()), ..event });
        }
    }

    /// Counts what left memory, with its bytes there, and notes it. It stays in the store.
    pub(super) fn note_evictions(&self, gone: Vec<(EntryName, u64)>) {
        self.counts.evictions.fetch_add(gone.len() as u64, Ordering::Relaxed);
        let Some(log) = self.store.events() else { return };
        for (name, bytes) in gone {
            log.note(Event {
                bytes: Some(bytes),
                reason: Some(MEMORY_CAP.into()),
                source: Some(SOURCE.into()),
                ..Event::of_entry(EventKind::Eviction, &name)
            });
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
