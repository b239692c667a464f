//! What there is to decide about: entries with their objects, read once.

use super::objects::{Node, Objects, Reader, Seen};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::git::ObjectId;
use crate::index::{Pattern, UsageTimes};
use crate::name::EntryName;
use crate::store::{Store, read_trash_ref};

/// A removed entry: when that was, and its name.
type Trashed = (Timestamp, EntryName);

/// The entries of a store, with what each takes and when it was last used.
#[derive(Debug, Clone, Default)]
pub struct Stock {
    /// Sorted by name.
    pub(super) entries: Vec<StockEntry>,
    pub(super) objects: Objects,
    /// The trees of entries that are not asked about.
    pub(super) others: Vec<Node>,
    /// What other refs name: pins, collections, ledgers.
    pub(super) named: Vec<Node>,
    /// Removed entries, sorted by when that was.
    pub(super) trash: Vec<(Trashed, Option<Node>)>,
}

/// One entry of a [`Stock`].
#[derive(Debug, Clone)]
pub(super) struct StockEntry {
    pub(super) name: EntryName,
    /// Its tree; `None` if that is not here.
    pub(super) root: Option<Node>,
    /// When it was handed out last, as far as that is known.
    pub(super) used: Option<Timestamp>,
}

impl StockEntry {
    /// Returns when it was last used: handed out, or else made.
    pub(super) fn last_used(&self) -> Timestamp {
        let made = self.name.created_at();
        self.used.map_or(made, |used| used.max(made))
    }
}

impl Stock {
    /// Reads the entries that match, the objects of the store, and the log of uses.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
    pub fn read(store: &Store, pattern: &Pattern) -> Result<Stock> {
        // Names before objects: what is put meanwhile has its objects, or is not listed.
        let all = store.inner.look(|index, own| index.with_prefix("", own))?;
        let refs = store.other_refs()?;
        let usage = UsageTimes::read(&store.usage_path());
        let mut reader = Reader::open(store)?;
        let trees: Vec<ObjectId> = all.iter().map(|(_, tree)| *tree).collect();
        let roots = reader.read(&trees);
        let (trash, named): (Vec<_>, Vec<_>) = refs
            .iter()
            .map(|(name, id)| (read_trash_ref(name), *id))
            .partition(|it| it.0.is_some());
        let ids = |refs: &[(Option<Trashed>, ObjectId)]| -> Vec<ObjectId> {
            refs.iter().map(|(_, id)| *id).collect()
        };
        let named = reader.read(&ids(&named)).into_iter().flatten().collect();
        let trash_roots = reader.read(&ids(&trash));
        let trash = trash.into_iter().filter_map(|(name, _)| name).zip(trash_roots).collect();
        let mut entries = Vec::with_capacity(all.len());
        let mut others = Vec::new();
        for ((name, tree), root) in all.into_iter().zip(roots) {
            if pattern.matches(&name) {
                entries.push(StockEntry { name, root, used: usage.last(&tree) });
            } else {
                others.extend(root);
            }
        }
        Ok(Stock { entries, objects: reader.finish(), others, named, trash })
    }

    /// Returns how many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the bytes of all that the entries for which `holds` answers stand on, and of what
    /// goes if none of the others stays.
    pub(super) fn split(&self, holds: impl Fn(usize) -> bool) -> Split {
        let mut seen = Seen::none_of(&self.objects);
        let mut sum = |roots: &mut dyn Iterator<Item = Node>| -> u64 {
            roots.map(|root| seen.add(&self.objects, root)).sum()
        };
        let of = |kept: bool| {
            let holds = &holds;
            let entries = self.entries.iter().enumerate();
            let chosen = entries.filter(move |(number, _)| holds(*number) == kept);
            chosen.filter_map(|(_, entry)| entry.root)
        };
        let kept = sum(&mut of(true));
        sum(&mut self.others.iter().chain(&self.named).copied());
        let freed = sum(&mut of(false));
        Split { kept, freed }
    }
}

/// The bytes that entries hold, and those that go with the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) kept: u64,
    pub(super) freed: u64,
}
