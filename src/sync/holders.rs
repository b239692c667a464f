//! Which remotes have an entry, as they were last spoken to: an object of it that is not here is
//! there.

use std::collections::HashMap;
use std::sync::Mutex;

use super::known::{KnownLedgers, Ledgers};
use super::ledger_names::LedgerNames;
use super::push::below_notebook;
use crate::error::Result;
use crate::name::{EntryName, LedgerName};
use crate::store::Store;

/// What remotes are known to have.
pub(crate) struct Holders {
    store: Store,
    /// By the name under which the remote is kept.
    seen: Vec<(String, Ledgers)>,
    /// The names in the ledgers of each notebook that was asked about, with the remote.
    notebooks: Mutex<HashMap<String, Vec<(usize, LedgerNames)>>>,
}

impl Holders {
    /// Reads which ledgers the remotes were last seen with.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
    pub(crate) fn read(store: &Store) -> Result<Holders> {
        let seen = KnownLedgers::read(store)?.seen.into_iter().collect();
        Ok(Holders { store: store.clone(), seen, notebooks: Mutex::default() })
    }

    /// Whether no remote was ever spoken to.
    pub(crate) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Returns the remotes that have the entry; a ledger that cannot be read counts as empty.
    pub(crate) fn of(&self, name: &EntryName) -> Vec<&str> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut notebooks = self.notebooks.lock().expect("no holder of this lock panics");
        let segment = name.notebook_segment();
        if !notebooks.contains_key(segment) {
            notebooks.insert(segment.to_owned(), self.open(segment));
        }
        let mut found: Vec<usize> = notebooks[segment]
            .iter()
            .filter(|(_, names)| names.find(below_notebook(name)).is_some())
            .map(|(remote, _)| *remote)
            .collect();
        found.dedup();
        found.into_iter().map(|remote| self.seen[remote].0.as_str()).collect()
    }

    fn open(&self, segment: &str) -> Vec<(usize, LedgerNames)> {
        let mut lists = Vec::new();
        for (number, (_, ledgers)) in self.seen.iter().enumerate() {
            let first = LedgerName::new(segment, "");
            let of_notebook =
                ledgers.range(first..).take_while(|(l, _)| l.notebook_segment() == segment);
            for (ledger, commit) in of_notebook {
                let names = LedgerNames::read(&self.store, ledger, commit);
                lists.extend(names.ok().map(|names| (number, names)));
            }
        }
        lists
    }
}
