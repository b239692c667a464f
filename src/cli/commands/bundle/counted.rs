//! What the log of events says of bundles: how often each was of use, to all processes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::cli::session::Session;
use crate::error::Result;
use crate::events::{self, By, Event, EventKind, Row, summarize};
use crate::name::{ExecutionKey, encode};

/// What was counted of the bundles of a space.
pub(super) struct Counted {
    /// By the path of the key, those of which nothing is stored, too.
    by_key: BTreeMap<String, Row>,
    /// Of all together.
    pub(super) total: Row,
}

impl Counted {
    /// Reads the log of the store.
    pub(super) fn read(session: &Session, space: &str) -> Result<Counted> {
        let folder = format!("{}/", encode(space));
        let mut by_key: BTreeMap<String, Vec<Cow<'_, Event>>> = BTreeMap::new();
        let mut all = Vec::new();
        events::read(session.store()?.path(), |line| {
            let event = line.event;
            let counts =
                matches!(event.kind, EventKind::Hit | EventKind::Miss | EventKind::Mismatch);
            let path = key_path(&event).filter(|path| counts && path.starts_with(&folder));
            if let Some(path) = path {
                all.push(Cow::Owned(event.clone()));
                by_key.entry(path).or_default().push(Cow::Owned(event));
            }
        })?;
        let total_of = |events| summarize(events, By::Notebook).total;
        let by_key = by_key.into_iter().map(|(path, events)| (path, total_of(events))).collect();
        Ok(Counted { by_key, total: total_of(all) })
    }

    /// Returns what was counted under a key.
    pub(super) fn of_key(&self, path: &str) -> Row {
        self.by_key.get(path).cloned().unwrap_or_default()
    }
}

fn key_path(event: &Event) -> Option<String> {
    match event.entry_name() {
        Some(name) => Some(name.key_path().to_owned()),
        None => Some(event.key.as_deref()?.parse::<ExecutionKey>().ok()?.path()),
    }
}
