//! A read-only view of the store at a moment, or as a commit of the host repository had it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::lookup::Lookup;
use crate::name::EntryName;
use crate::store::Snapshot;

/// How many entries of a cell are looked into for one of the commit's line.
const LOOKED_INTO: usize = 64;

/// The commits that a commit of the host repository is, or has behind it.
#[derive(Clone)]
pub struct CommitLine {
    has: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

impl CommitLine {
    /// Returns the line of the commits that `has` knows by their whole ids in hex.
    pub fn new(has: impl Fn(&str) -> bool + Send + Sync + 'static) -> CommitLine {
        CommitLine { has: Arc::new(has) }
    }
}

impl fmt::Debug for CommitLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CommitLine")
    }
}

/// The store as of a moment. Of several results of a cell it takes the newest.
///
/// As of a commit, these go before: those that are pinned; then, among the newest 64 of the cell,
/// those whose manifest names a commit of its line or none. Results of other branches count only
/// if there is nothing else.
#[derive(Debug, Clone)]
pub struct View {
    snapshot: Snapshot,
    line: Option<CommitLine>,
    pins: BTreeSet<EntryName>,
}

impl View {
    /// Returns the view of all that is in `snapshot`.
    pub fn new(snapshot: Snapshot) -> View {
        View { snapshot, line: None, pins: BTreeSet::new() }
    }

    /// Returns the same with only what was made at `moment` or before.
    #[must_use]
    pub fn as_of(self, moment: Timestamp) -> View {
        View { snapshot: self.snapshot.as_of(moment), ..self }
    }

    /// Returns the same as a commit had it.
    #[must_use]
    pub fn of_commit(self, line: CommitLine) -> View {
        View { line: Some(line), ..self }
    }

    /// Returns the same with entries that go before all others of their cells.
    #[must_use]
    pub fn with_pins(self, pins: BTreeSet<EntryName>) -> View {
        View { pins, ..self }
    }

    /// Returns what it looks at.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Returns the entry that the view has for a cell or key, or the one `back` versions before
    /// it; `None` if there are not so many. `history` is oldest first.
    pub fn choose<'h>(&self, history: &'h [EntryName], back: usize) -> Option<&'h EntryName> {
        if !self.pins.is_empty()
            && let Some(at) = history.iter().rposition(|name| self.pins.contains(name))
        {
            return history[..=at].iter().nth_back(back);
        }
        let newest = || history.iter().nth_back(back);
        let Some(line) = &self.line else { return newest() };
        let mut of_line =
            history.iter().rev().take(LOOKED_INTO).filter(|name| self.is_of(name, line));
        let Some(first) = of_line.next() else { return newest() };
        if back == 0 { Some(first) } else { of_line.nth(back - 1) }
    }

    /// Returns how many entries of a cell, oldest first, there were for the view: up to the one that
    /// it has for the cell.
    pub fn count(&self, history: &[EntryName]) -> usize {
        let chosen = self.choose(history, 0);
        history.iter().rposition(|name| Some(name) == chosen).map_or(0, |at| at + 1)
    }

    /// Whether an entry says no other commit than those of the line.
    fn is_of(&self, name: &EntryName, line: &CommitLine) -> bool {
        match self.snapshot.entry(name) {
            Lookup::Hit(entry) => {
                let commit = &entry.manifest().provenance.host_commit;
                commit.as_ref().is_none_or(|commit| (line.has)(commit))
            }
            // The reader is told what is wrong with it.
            Lookup::Miss(_) => true,
        }
    }
}
