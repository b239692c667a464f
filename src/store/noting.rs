//! What the store itself notes of hits, misses and puts in the log of events.

use std::time::Instant;

use super::{Entry, Inner};
use crate::clock::Timestamp;
use crate::entry::Manifest;
use crate::events::{Event, EventKind};
use crate::lookup::{Lookup, Miss};
use crate::name::EntryName;

/// A put that was asked for, and what is to be noted of its entries.
pub(super) struct NotedPut {
    started: Instant,
    events: Vec<Event>,
}

impl NotedPut {
    /// Notes nothing by itself: the entry is not stored yet.
    pub(super) fn add(&mut self, name: &EntryName, manifest: &Manifest) {
        self.events.push(Event {
            bytes: Some(manifest.size()),
            compute_seconds: manifest.provenance.compute_seconds,
            ..Event::of_entry(EventKind::Put, name)
        });
    }
}

impl Inner {
    /// Returns when a lookup or a put begins; `None` if nothing is logged.
    pub(super) fn stopwatch(&self) -> Option<Instant> {
        self.events.as_ref().map(|_| Instant::now())
    }

    /// Notes what a lookup by key found for use.
    pub(super) fn note_lookup(
        &self,
        found: &Lookup<Entry>,
        key: impl FnOnce() -> String,
        started: Option<Instant>,
        at: Option<Timestamp>,
    ) {
        match found {
            Lookup::Hit(entry) => self.note_hit(entry, started, at),
            Lookup::Miss(miss) => self.note_miss(miss, key, started),
        }
    }

    pub(super) fn note_hit(&self, entry: &Entry, started: Option<Instant>, at: Option<Timestamp>) {
        let Some(log) = &self.events else { return };
        let now = Instant::now();
        let manifest = entry.manifest();
        let event = Event {
            at: at.unwrap_or(Timestamp::MIN),
            bytes: Some(manifest.size()),
            micros: started.map(|started| micros(started, now)),
            compute_seconds: manifest.provenance.compute_seconds,
            ..Event::of_entry(EventKind::Hit, entry.name())
        };
        log.note_at(event, now);
    }

    pub(super) fn note_miss(
        &self,
        miss: &Miss,
        key: impl FnOnce() -> String,
        started: Option<Instant>,
    ) {
        let Some(log) = &self.events else { return };
        let now = Instant::now();
        let micros = started.map(|started| micros(started, now));
        log.note_at(Event { micros, ..Event::of_miss(key(), miss) }, now);
    }

    /// Returns what gathers the entries of a put; `None` if nothing is logged.
    pub(super) fn begin_put(&self, entries: usize) -> Option<NotedPut> {
        let events = Vec::with_capacity(entries);
        self.stopwatch().map(|started| NotedPut { started, events })
    }

    /// Notes the entries of a put, which are stored now. Each took an equal share of the time.
    pub(super) fn note_put(&self, put: Option<NotedPut>) {
        let (Some(log), Some(NotedPut { started, events })) = (&self.events, put) else { return };
        let now = Instant::now();
        let share = micros(started, now) / (events.len() as u64).max(1);
        for event in events {
            log.note_at(Event { micros: Some(share), ..event }, now);
        }
    }
}

fn micros(started: Instant, now: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(started).as_micros()).unwrap_or(u64::MAX)
}
