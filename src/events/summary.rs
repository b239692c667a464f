//! What the cache was good for: hits, misses and the time they saved, by notebook and cell.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::event::{Event, EventKind};
use crate::clock::{Timestamp, Zone};
use crate::name::ExecutionKey;

/// What counts as a hit, in words.
pub const HIT: &str = "A hit is a lookup that handed out a stored result for use: a get of a key, \
    a cell that was restored, a bundle that was shown. A miss is such a lookup that could not; \
    listing, comparing and checking are neither. The time saved is what the results that were \
    handed out took to compute, less what handing them out took.";

/// By what events are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Those of a notebook.
    Notebook,
    /// Those of a cell.
    Cell,
    /// Those of a day, in this zone.
    Day(Zone),
}

/// What was counted of some events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// How many lookups handed something out.
    pub hits: u64,
    /// How many found nothing that could be.
    pub misses: u64,
    /// How many found something else than was wanted; these are misses, too.
    pub mismatches: u64,
    /// The bytes of what was handed out.
    pub bytes_served: u64,
    /// How many entries were stored.
    pub puts: u64,
    /// The bytes of what was stored, before it was compressed and compared with what was there.
    pub bytes_written: u64,
    /// How long the results of the hits took to compute, less how long the hits took.
    pub seconds_saved: f64,
    /// Of the hits, those of which it is not known how long their results took.
    pub hits_of_unknown_time: u64,
    /// Why lookups missed, with how often.
    pub reasons: BTreeMap<String, u64>,
}

impl Row {
    /// Returns the share of lookups that were hits, from 0 to 1; `None` if there were none.
    pub fn hit_rate(&self) -> Option<f64> {
        let lookups = self.hits + self.misses + self.mismatches;
        #[expect(clippy::cast_precision_loss, reason = "a share of counts")]
        (lookups > 0).then(|| self.hits as f64 / lookups as f64)
    }

    fn add(&mut self, event: &Event) {
        let bytes = event.bytes.unwrap_or(0);
        match event.kind {
            EventKind::Hit => {
                self.hits += 1;
                self.bytes_served = self.bytes_served.saturating_add(bytes);
                match event.compute_seconds {
                    #[expect(clippy::cast_precision_loss, reason = "microseconds below 2^53")]
                    Some(seconds) => {
                        self.seconds_saved += seconds - event.micros.unwrap_or(0) as f64 / 1e6;
                    }
                    None => self.hits_of_unknown_time += 1,
                }
            }
            EventKind::Miss | EventKind::Mismatch => {
                let is_miss = event.kind == EventKind::Miss;
                *if is_miss { &mut self.misses } else { &mut self.mismatches } += 1;
                let reason = event.reason.as_deref().unwrap_or("unknown");
                *self.reasons.entry(reason.to_owned()).or_default() += 1;
            }
            EventKind::Put => {
                self.puts += 1;
                self.bytes_written = self.bytes_written.saturating_add(bytes);
            }
            _ => {}
        }
    }
}

/// What a log says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// By what was asked for, sorted: the notebook, the notebook and the cell, or the day.
    pub rows: BTreeMap<Vec<String>, Row>,
    /// Of all together.
    pub total: Row,
    /// How many events of each kind there are.
    pub kinds: BTreeMap<String, u64>,
    /// How many events were not written.
    pub dropped: u64,
    /// When the first and the last happened.
    pub span: Option<(Timestamp, Timestamp)>,
}

impl Summary {
    fn add(&mut self, event: &Event, by: By) {
        *self.kinds.entry(event.kind.as_str().to_owned()).or_default() += 1;
        let (first, last) = self.span.unwrap_or((event.at, event.at));
        self.span = Some((first.min(event.at), last.max(event.at)));
        if event.kind == EventKind::Dropped {
            self.dropped = self.dropped.saturating_add(event.count.unwrap_or(0));
        }
        let counts = matches!(
            event.kind,
            EventKind::Hit | EventKind::Miss | EventKind::Mismatch | EventKind::Put
        );
        if counts {
            self.total.add(event);
            self.rows.entry(group_of(event, by)).or_default().add(event);
        }
    }
}

/// Returns what `events` say of hits and misses.
pub fn summarize<'e>(events: impl IntoIterator<Item = Cow<'e, Event>>, by: By) -> Summary {
    let mut summary = Summary::default();
    for event in events {
        summary.add(&event, by);
    }
    summary
}

/// Returns which events an event is counted with. Of a key that is none, the text as it is.
fn group_of(event: &Event, by: By) -> Vec<String> {
    if let By::Day(zone) = by {
        let day = event.at.day(zone);
        return vec![format!("{:04}-{:02}-{:02}", day.year, day.month, day.day)];
    }
    let name = event.entry_name();
    let text = event.key.as_deref().unwrap_or_default();
    let key: Option<ExecutionKey> = text.parse().ok();
    // The key has whole texts where a name is cut.
    let (notebook, cell) = match (&key, &name) {
        (Some(key), _) => (key.notebook().to_owned(), key.cell().to_owned()),
        (None, Some(name)) => (name.notebook().into_owned(), name.cell().into_owned()),
        (None, None) => {
            let (notebook, cell) = text.split_once(':').unwrap_or((text, ""));
            (notebook.to_owned(), cell.to_owned())
        }
    };
    match by {
        By::Notebook => vec![notebook],
        _ => vec![notebook, cell],
    }
}
