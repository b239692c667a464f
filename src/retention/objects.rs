//! Which objects stand on which, and the bytes of each: who holds what, with shared bytes counted
//! once.

use rayon::prelude::*;

use crate::entry::{MANIFEST_FILE, PartKind};
use crate::error::Result;
use crate::git::{Kind, ObjectFormat, ObjectId, StoredObjects, TreeMode, tree_entries};
use crate::journal::NumberMap;
use crate::store::Store;

/// What a name at the top of an entry is for: the kind of its parts, or the entry itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Parts of this kind.
    Part(PartKind),
    /// The manifest and the trees: what makes parts an entry.
    Entry,
}

/// One object, by its place in the list of all.
pub(super) type Node = u32;

/// The objects of a store, from which others can be reached. It knows numbers alone, so that
/// questions about 100,000 entries take milliseconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Objects {
    bytes: Vec<u64>,
    /// Where the children of each object are in `edges`: first and number.
    children: Vec<(u32, u32)>,
    edges: Vec<Node>,
    /// What each edge is for, if it starts at the tree of an entry.
    purposes: Vec<Purpose>,
}

impl Objects {
    /// Adds an object that stands on `children`.
    #[cfg(test)]
    pub(super) fn push(&mut self, bytes: u64, children: &[(Node, Purpose)]) -> Node {
        self.bytes.push(bytes);
        self.children.push((number(self.edges.len()), number(children.len())));
        self.edges.extend(children.iter().map(|(child, _)| *child));
        self.purposes.extend(children.iter().map(|(_, purpose)| *purpose));
        number(self.bytes.len() - 1)
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn bytes(&self, node: Node) -> u64 {
        self.bytes[node as usize]
    }

    /// Returns the bytes of all objects.
    pub(super) fn total(&self) -> u64 {
        self.bytes.iter().sum()
    }

    pub(super) fn children(&self, node: Node) -> &[Node] {
        let (first, count) = self.children[node as usize];
        &self.edges[first as usize..(first + count) as usize]
    }

    /// Returns the children of an entry's tree with what each is for.
    pub(super) fn purposes(&self, node: Node) -> impl Iterator<Item = (Node, Purpose)> + '_ {
        let (first, count) = self.children[node as usize];
        let range = first as usize..(first + count) as usize;
        self.edges[range.clone()].iter().copied().zip(self.purposes[range].iter().copied())
    }
}

/// Objects that were seen by a walk.
pub(super) struct Seen {
    seen: Vec<bool>,
    open: Vec<Node>,
}

impl Seen {
    pub(super) fn none_of(objects: &Objects) -> Seen {
        Seen { seen: vec![false; objects.len()], open: Vec::new() }
    }

    /// Adds all that `root` stands on and that was not seen before; returns the bytes of it.
    pub(super) fn add(&mut self, objects: &Objects, root: Node) -> u64 {
        let mut bytes = 0;
        self.open.push(root);
        while let Some(node) = self.open.pop() {
            if !std::mem::replace(&mut self.seen[node as usize], true) {
                bytes += objects.bytes(node);
                self.open.extend_from_slice(objects.children(node));
            }
        }
        bytes
    }
}

/// How many hold each object: what goes when one of them lets go.
pub(super) struct Holders<'a> {
    objects: &'a Objects,
    counts: Vec<u32>,
    open: Vec<Node>,
    /// The bytes that somebody holds.
    pub(super) bytes: u64,
}

impl<'a> Holders<'a> {
    pub(super) fn none_of(objects: &'a Objects) -> Holders<'a> {
        Holders { objects, counts: vec![0; objects.len()], open: Vec::new(), bytes: 0 }
    }

    /// Holds `root`, and all that it stands on.
    pub(super) fn hold(&mut self, root: Node) {
        self.open.push(root);
        while let Some(node) = self.open.pop() {
            self.counts[node as usize] += 1;
            if self.counts[node as usize] == 1 {
                self.bytes += self.objects.bytes(node);
                self.open.extend_from_slice(self.objects.children(node));
            }
        }
    }

    /// Lets go of what was held.
    pub(super) fn release(&mut self, root: Node) {
        self.open.push(root);
        while let Some(node) = self.open.pop() {
            self.counts[node as usize] -= 1;
            if self.counts[node as usize] == 0 {
                self.bytes -= self.objects.bytes(node);
                self.open.extend_from_slice(self.objects.children(node));
            }
        }
    }
}

/// The objects of a store while they are being read.
pub(super) struct Reader<'a> {
    store: &'a Store,
    packed: StoredObjects,
    /// Where each object is in `packed`; those that are not in a pack come after all that are.
    places: Vec<u32>,
    objects: Objects,
    numbers: NumberMap<Node>,
    /// Whether an object's children were read, or are about to be.
    read: Vec<bool>,
}

/// Returns the start of an id, which is what objects are told apart by here: should two of a store
/// ever start alike, some bytes are counted to the wrong one, and nothing else comes of it.
fn short(id: &ObjectId) -> u64 {
    u64::from_le_bytes(*id.as_bytes().first_chunk().expect("an id has at least 20 bytes"))
}

/// A name in a tree, or what a commit stands on.
struct Child {
    id: ObjectId,
    is_leaf: bool,
    purpose: Purpose,
}

/// As many trees are read by one thread at a time: some milliseconds' worth.
const BATCH: usize = 2048;

impl<'a> Reader<'a> {
    /// Lists the objects of the store; what they stand on is read when asked for.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
    pub(super) fn open(store: &'a Store) -> Result<Reader<'a>> {
        let (packed, others) = store.stored_objects()?;
        let mut numbers = NumberMap::default();
        let count = packed.all.len() + others.len();
        numbers.reserve(count);
        let mut objects = Objects { bytes: Vec::with_capacity(count), ..Objects::default() };
        let mut places = Vec::with_capacity(count);
        let in_packs = packed.all.iter().map(|object| (object.id, object.bytes));
        for (place, (id, bytes)) in in_packs.chain(others).enumerate() {
            // A second copy goes with the next repacking: its bytes are nobody's.
            numbers.entry(short(&id)).or_insert_with(|| {
                objects.bytes.push(bytes);
                places.push(number(place));
                number(objects.bytes.len() - 1)
            });
        }
        objects.children = vec![(0, 0); objects.bytes.len()];
        let read = vec![false; objects.bytes.len()];
        Ok(Reader { store, packed, places, objects, numbers, read })
    }

    /// Reads all that `ids` stand on; returns the place of each, `None` where an object is not
    /// here.
    pub(super) fn read(&mut self, ids: &[ObjectId]) -> Vec<Option<Node>> {
        let roots: Vec<Option<Node>> =
            ids.iter().map(|id| self.numbers.get(&short(id)).copied()).collect();
        let mut open: Vec<(Node, ObjectId)> = Vec::new();
        for (id, root) in ids.iter().zip(&roots) {
            open.extend(root.filter(|root| self.is_new(*root)).map(|root| (root, *id)));
        }
        while !open.is_empty() {
            // In the order of the packs, so that they are read from front to back.
            open.sort_unstable_by_key(|(node, _)| *node);
            let this = &*self;
            let found: Vec<(Vec<u32>, Vec<Child>)> = open
                .par_chunks(BATCH)
                .map(|batch| {
                    let mut bytes = Vec::new();
                    let mut counts = Vec::with_capacity(batch.len());
                    let mut children = Vec::with_capacity(batch.len() * 4);
                    for (node, id) in batch {
                        let before = children.len();
                        let kind = this.read_object(*node, id, &mut bytes);
                        let format = this.store.object_format();
                        find_children(format, kind, &bytes, &mut children);
                        counts.push(number(children.len() - before));
                    }
                    (counts, children)
                })
                .collect();
            let mut next = Vec::new();
            for (batch, (counts, children)) in open.chunks(BATCH).zip(found) {
                let mut children = children.into_iter();
                for ((node, _), count) in batch.iter().zip(counts) {
                    self.link(*node, children.by_ref().take(count as usize), &mut next);
                }
            }
            open = next;
        }
        roots
    }

    fn read_object(&self, node: Node, id: &ObjectId, out: &mut Vec<u8>) -> Option<Kind> {
        let place = self.places[node as usize] as usize;
        let in_pack = (place < self.packed.all.len()).then(|| self.packed.read(place, out).ok());
        // Somebody may have repacked since.
        in_pack.flatten().or_else(|| self.store.read_object(id, out))
    }

    fn is_new(&mut self, node: Node) -> bool {
        !std::mem::replace(&mut self.read[node as usize], true)
    }

    fn link(
        &mut self,
        node: Node,
        children: impl Iterator<Item = Child>,
        next: &mut Vec<(Node, ObjectId)>,
    ) {
        let first = self.objects.edges.len();
        for child in children {
            // What is not here takes nothing.
            let Some(&below) = self.numbers.get(&short(&child.id)) else { continue };
            self.objects.edges.push(below);
            self.objects.purposes.push(child.purpose);
            if !child.is_leaf && self.is_new(below) {
                next.push((below, child.id));
            }
        }
        let count = self.objects.edges.len() - first;
        self.objects.children[node as usize] = (number(first), number(count));
    }

    pub(super) fn finish(self) -> Objects {
        self.objects
    }
}

/// Finds what an object stands on: the names of a tree, the tree and the parents of a commit.
fn find_children(
    format: ObjectFormat,
    kind: Option<Kind>,
    bytes: &[u8],
    children: &mut Vec<Child>,
) {
    match kind {
        Some(Kind::Tree) => {
            let entries = tree_entries(format, bytes).unwrap_or_default();
            children.extend(entries.into_iter().map(|entry| Child {
                id: entry.id,
                is_leaf: entry.mode != TreeMode::Folder,
                purpose: purpose(entry.name),
            }));
        }
        Some(Kind::Commit | Kind::Tag) => {
            let lines = bytes.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
            for line in lines {
                let words = [&b"tree "[..], b"parent ", b"object "];
                let hex = words.iter().find_map(|word| line.strip_prefix(*word));
                if let Some(id) = hex.and_then(|hex| ObjectId::from_hex(hex).ok()) {
                    children.push(Child { id, is_leaf: false, purpose: Purpose::Entry });
                }
            }
        }
        Some(Kind::Blob) | None => {}
    }
}

fn purpose(name: &str) -> Purpose {
    if name == MANIFEST_FILE {
        return Purpose::Entry;
    }
    let kind = PartKind::ALL.into_iter().find(|kind| kind.folder() == name);
    kind.map_or(Purpose::Entry, Purpose::Part)
}

fn number(at: usize) -> u32 {
    u32::try_from(at).expect("a store has fewer than 2^32 objects")
}
