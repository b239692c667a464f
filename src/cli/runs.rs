//! The run that a command makes of what it recorded.

use super::session::Session;
use crate::clock::Timestamp;
use crate::collection::{CollectionName, Run};
use crate::name::EntryName;
use crate::notebook::RecordReport;
use crate::store::Store;

/// Gathers what a command recorded, and makes it a run at the end.
#[derive(Debug, Default)]
pub(super) struct RunKeeper {
    command: &'static str,
    started: Option<Timestamp>,
    entries: Vec<EntryName>,
}

impl RunKeeper {
    pub(super) fn new(command: &'static str, session: &Session) -> RunKeeper {
        RunKeeper { command, started: Some(session.now()), entries: Vec::new() }
    }

    /// Takes in a notebook of which something is new: with the results that it confirmed, as they
    /// are of this execution too. A notebook that was recorded once more as it was adds nothing:
    /// git alone has it filtered again and again.
    pub(super) fn take_in(&mut self, report: &RecordReport) {
        if !report.new.is_empty() {
            self.entries.extend_from_slice(&report.new);
            self.entries.extend_from_slice(&report.confirmed);
        }
    }

    /// Takes in new entries, of which nothing but the names is kept.
    pub(super) fn take_in_new(&mut self, entries: &[EntryName]) {
        self.entries.extend_from_slice(entries);
    }

    /// Closes the run and returns its name; `None` if nothing was new. The entries are stored
    /// whatever becomes of it, so a failure is a warning.
    pub(super) fn finish(self, session: &Session, store: &Store) -> Option<CollectionName> {
        if self.entries.is_empty() {
            return None;
        }
        let producer = format!("recell {} {}", env!("CARGO_PKG_VERSION"), self.command);
        let now = session.now();
        // As of a moment in the middle of it, it has what was stored by then.
        let mut run = Run::start(store, producer, self.started.unwrap_or(now));
        match run.add(&self.entries).and_then(|_| run.close(now)) {
            Ok(is_there) => {
                session.ui.detail(|| format!("run `{}`", run.name()));
                is_there.then(|| run.name().clone())
            }
            Err(error) => {
                session.ui.warn(
                    &format!("recorded, but it is not listed as a run: {error}"),
                    error.hint().as_deref(),
                );
                None
            }
        }
    }
}
