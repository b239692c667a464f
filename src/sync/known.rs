//! What this store knows of ledgers: those whose names it took in, and what remotes had when they
//! were last spoken to.

use std::collections::{BTreeMap, BTreeSet};

use super::ledger_names::LedgerNames;
use super::ledger_tree::descends;
use crate::error::Result;
use crate::git::{ObjectId, PackedRefs, loose_tags};
use crate::index::TAGS;
use crate::name::{EntryName, LEDGERS, LedgerName};
use crate::store::Store;

/// Where the refs of remotes are kept: `refs/recell/remote/<remote>/ledger/…`.
pub(crate) const REMOTES: &str = "refs/recell/remote/";

/// The ledgers by name, each with its newest commit.
pub(crate) type Ledgers = BTreeMap<LedgerName, ObjectId>;

/// What this store knows of ledgers.
#[derive(Debug, Default, Clone)]
pub(crate) struct KnownLedgers {
    /// Those whose names were taken in, and this store's own.
    pub(crate) taken: Ledgers,
    /// What each remote had when it was last spoken to.
    pub(crate) seen: BTreeMap<String, Ledgers>,
}

impl KnownLedgers {
    /// Reads the refs.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
    pub(crate) fn read(store: &Store) -> Result<KnownLedgers> {
        let mut known = KnownLedgers::default();
        for (name, id) in store.refs_below("refs/recell")? {
            if let Some(ledger) = LedgerName::of_ref(&name) {
                known.taken.insert(ledger, id);
            } else if let Some((remote, ledger)) = seen_ref(&name) {
                known.seen.entry(remote.to_owned()).or_default().insert(ledger, id);
            }
        }
        Ok(known)
    }

    /// Whether the ref of that name, standing for `commit`, is a ledger in a state that a remote
    /// has, or a later one of which.
    pub(crate) fn is_held(&self, store: &Store, name: &str, commit: &ObjectId) -> bool {
        if seen_ref(name).is_some() {
            return true;
        }
        let Some(ledger) = LedgerName::of_ref(name) else { return false };
        let mut seen = self.seen.values().filter_map(|ledgers| ledgers.get(&ledger));
        seen.any(|seen| descends(store, seen, commit).unwrap_or(false))
    }

    /// Returns what the remote had when it was last spoken to.
    pub(crate) fn of_remote(&self, remote: &str) -> Ledgers {
        self.seen.get(remote).cloned().unwrap_or_default()
    }

    /// Returns every known state of the ledgers of a notebook, each once.
    pub(crate) fn states<'a>(&'a self, notebook: &'a str) -> BTreeSet<(&'a LedgerName, ObjectId)> {
        let all = std::iter::once(&self.taken).chain(self.seen.values());
        let first = LedgerName::new(notebook, "");
        all.flat_map(|ledgers| {
            let of_notebook = ledgers
                .range(first.clone()..)
                .take_while(|(ledger, _)| ledger.notebook_segment() == notebook);
            of_notebook.map(|(ledger, commit)| (ledger, *commit)).collect::<Vec<_>>()
        })
        .collect()
    }
}

/// Returns the name under which this store keeps what `ledger` is on a remote.
pub(crate) fn seen_ref_name(remote: &str, ledger: &LedgerName) -> String {
    format!("{REMOTES}{remote}/ledger/{}", ledger.path())
}

fn seen_ref(name: &str) -> Option<(&str, LedgerName)> {
    let (remote, rest) = name.strip_prefix(REMOTES)?.split_once('/')?;
    Some((remote, LedgerName::parse(rest.strip_prefix("ledger/")?)?))
}

/// Returns the entries that no known ledger holds, sorted. What only the journal of another
/// process has is left out, as plain git does not see it yet.
///
/// # Errors
/// [`crate::Error::BrokenLedger`] if a ledger cannot be read, [`crate::Error::Disk`],
/// [`crate::Error::BrokenRefs`].
pub(crate) fn unpublished(
    store: &Store,
    known: &KnownLedgers,
) -> Result<Vec<(EntryName, ObjectId)>> {
    let mut names: Vec<(Vec<u8>, ObjectId)> = Vec::new();
    for (name, id) in loose_tags(store.path())? {
        names.push((name.into_bytes(), id));
    }
    let packed = PackedRefs::open(store.path(), store.object_format())?;
    let mut found = Vec::new();
    let mut notebook: Option<OfNotebook> = None;
    let mut look = |name: &[u8], tree: ObjectId| -> Result<()> {
        let Some(name) = name.strip_prefix(TAGS.as_bytes()) else { return Ok(()) };
        let Some(slash) = memchr::memchr(b'/', name) else { return Ok(()) };
        if notebook.as_ref().is_none_or(|notebook| notebook.segment != name[..slash]) {
            notebook = Some(OfNotebook::open(store, known, &name[..slash])?);
        }
        let lists = notebook.as_mut().expect("it was opened above");
        if lists.have(&name[slash + 1..]) {
            return Ok(());
        }
        let name = std::str::from_utf8(name).ok().filter(|name| EntryName::is_like(name));
        let name = name.and_then(|name| EntryName::parse(name.to_owned()).ok());
        found.extend(name.map(|name| (name, tree)));
        Ok(())
    };
    if names.is_empty() {
        for (name, tree) in packed.with_prefix(TAGS.as_bytes()) {
            look(name, tree)?;
        }
        return Ok(found);
    }
    names.extend(packed.with_prefix(TAGS.as_bytes()).map(|(name, id)| (name.to_vec(), id)));
    // Loose ones were added first, and outrank packed ones.
    names.sort_by(|a, b| a.0.cmp(&b.0));
    names.dedup_by(|later, earlier| later.0 == earlier.0);
    for (name, tree) in &names {
        look(name, *tree)?;
    }
    Ok(found)
}

/// The names that the ledgers of one notebook hold, asked for in their order.
struct OfNotebook {
    segment: Vec<u8>,
    /// Each list, and how far it was read.
    lists: Vec<(LedgerNames, usize)>,
}

impl OfNotebook {
    fn open(store: &Store, known: &KnownLedgers, segment: &[u8]) -> Result<OfNotebook> {
        let mut lists = Vec::new();
        if let Ok(text) = std::str::from_utf8(segment) {
            for (ledger, commit) in known.states(text) {
                lists.push((LedgerNames::read(store, ledger, &commit)?, 0));
            }
        }
        Ok(OfNotebook { segment: segment.to_vec(), lists })
    }

    /// Whether a list has the name, which is not less than the one that was asked for before.
    fn have(&mut self, name: &[u8]) -> bool {
        let mut found = false;
        for (names, at) in &mut self.lists {
            let lines = names.lines();
            while let Some(blank) = memchr::memchr(b' ', &lines[*at..]) {
                match lines[*at..*at + blank].cmp(name) {
                    std::cmp::Ordering::Less => {
                        let end = memchr::memchr(b'\n', &lines[*at..]);
                        *at = end.map_or(lines.len(), |end| *at + end + 1);
                    }
                    order => {
                        found |= order.is_eq();
                        break;
                    }
                }
            }
        }
        found
    }
}

/// Whether a ref of a remote is one of those that sync keeps.
pub(crate) fn is_ledger_ref(name: &str) -> bool {
    name.starts_with(LEDGERS)
}
