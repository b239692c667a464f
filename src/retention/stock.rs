//! What there is to decide about: entries with their objects, read once.

use std::collections::HashMap;

use super::objects::{Node, Objects, Reader, Seen};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::git::ObjectId;
use crate::index::{Pattern, UsageTimes};
use crate::name::EntryName;
use crate::store::{Store, read_local_ref, read_trash_ref, read_trashed_local_ref};

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
    pub(super) trash: Vec<(Trashed, Roots)>,
}

/// What an entry stands on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Roots {
    /// Its tree; `None` if that is not here.
    pub(super) tree: Option<Node>,
    /// The tree of its local parts, if it has some here.
    pub(super) local: Option<Node>,
}

impl Roots {
    pub(super) fn iter(self) -> impl Iterator<Item = Node> {
        self.tree.into_iter().chain(self.local)
    }
}

/// One entry of a [`Stock`].
#[derive(Debug, Clone)]
pub(super) struct StockEntry {
    pub(super) name: EntryName,
    pub(super) roots: Roots,
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
        let local = store.local_trees()?;
        let refs = store.other_refs()?;
        let usage = UsageTimes::read(&store.usage_path());
        let mut reader = Reader::open(store)?;
        let trees: Vec<ObjectId> = all.iter().map(|(_, tree)| *tree).collect();
        let roots = reader.read(&trees);
        let mut local = local_roots(&mut reader, local);
        let mut entries = Vec::with_capacity(all.len());
        let mut others = Vec::new();
        for ((name, tree), root) in all.into_iter().zip(roots) {
            let roots = Roots { tree: root, local: local.remove(&name) };
            if pattern.matches(&name) {
                entries.push(StockEntry { name, roots, used: usage.last(&tree) });
            } else {
                others.extend(roots.iter());
            }
        }
        let (mut trash, mut trashed_local, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for (full, id) in refs {
            if let Some(trashed) = read_trash_ref(&full) {
                trash.push((trashed, id));
            } else if let Some(trashed) = read_trashed_local_ref(&full) {
                trashed_local.push((trashed, id));
            } else if read_local_ref(&full).is_none() {
                rest.push(id);
            }
        }
        let mut trashed_local = local_roots(&mut reader, trashed_local);
        let trees: Vec<ObjectId> = trash.iter().map(|(_, id)| *id).collect();
        let trees = reader.read(&trees).into_iter();
        let trash: Vec<(Trashed, Roots)> = trash
            .into_iter()
            .zip(trees)
            .map(|((name, _), tree)| {
                let local = trashed_local.remove(&name);
                (name, Roots { tree, local })
            })
            .collect();
        let mut named: Vec<Node> = reader.read(&rest).into_iter().flatten().collect();
        // Local parts of entries that are not here.
        named.extend(local.into_values().chain(trashed_local.into_values()));
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
            chosen.flat_map(|(_, entry)| entry.roots.iter())
        };
        let kept = sum(&mut of(true));
        sum(&mut self.others.iter().chain(&self.named).copied());
        let freed = sum(&mut of(false));
        Split { kept, freed }
    }
}

/// Returns the places of the trees of local parts that are here.
fn local_roots<K: Eq + std::hash::Hash>(
    reader: &mut Reader<'_>,
    trees: impl IntoIterator<Item = (K, ObjectId)>,
) -> HashMap<K, Node> {
    let (keys, ids): (Vec<K>, Vec<ObjectId>) = trees.into_iter().unzip();
    let roots = reader.read(&ids).into_iter();
    keys.into_iter().zip(roots).filter_map(|(key, root)| Some((key, root?))).collect()
}

/// The bytes that entries hold, and those that go with the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) kept: u64,
    pub(super) freed: u64,
}
