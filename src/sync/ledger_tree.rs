//! The tree of a ledger: `<cell>/<module>/<version>/<created_at>-<id8>`, each standing for the
//! tree of its entry. What two states share is the same tree, and is not read.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::git::{
    Kind, ObjectId, TreeEntry, TreeMode, object_id, read_commit, tree_bytes, tree_entries,
};
use crate::store::{MadeObject, Store};

/// How many segments of an entry name are below the notebook.
const DEPTH: usize = 4;

/// Names below a notebook, with the trees of their entries, sorted.
pub(crate) type Names = Vec<(String, ObjectId)>;

/// How the names of one state of a ledger differ from those of another.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct NamesChange {
    /// Names that are new, or stand for another tree.
    pub(crate) added: Names,
    /// Names that are gone, or stood for another tree.
    pub(crate) removed: Names,
}

/// Returns the tree and the parents of a commit of a ledger.
///
/// # Errors
/// [`Error::BrokenLedger`] if it is not here, or is no commit.
pub(crate) fn commit_of(store: &Store, commit: &ObjectId) -> Result<(ObjectId, Vec<ObjectId>)> {
    let mut bytes = Vec::new();
    let kind = store.read_object(commit, &mut bytes);
    let read = read_commit(store.object_format(), &bytes).filter(|_| kind == Some(Kind::Commit));
    let commit = read.ok_or_else(|| broken(commit, "it is not a commit that can be read"))?;
    Ok((commit.tree, commit.parents))
}

/// Whether the commit `old` is `new`, or one that `new` descends from.
///
/// # Errors
/// As [`commit_of`].
pub(crate) fn descends(store: &Store, new: &ObjectId, old: &ObjectId) -> Result<bool> {
    let mut seen = std::collections::HashSet::new();
    let mut next = vec![*new];
    while let Some(commit) = next.pop() {
        if commit == *old {
            return Ok(true);
        }
        if seen.insert(commit) {
            next.extend(commit_of(store, &commit)?.1);
        }
    }
    Ok(false)
}

/// Returns how the names in the tree `new` differ from those in `old`; with none, all are added.
///
/// # Errors
/// [`Error::BrokenLedger`] if a tree cannot be read.
pub(crate) fn compare(
    store: &Store,
    old: Option<&ObjectId>,
    new: Option<&ObjectId>,
) -> Result<NamesChange> {
    let mut change = NamesChange::default();
    compare_below(store, old, new, &mut String::new(), DEPTH, &mut change)?;
    Ok(change)
}

fn compare_below(
    store: &Store,
    old: Option<&ObjectId>,
    new: Option<&ObjectId>,
    path: &mut String,
    depth: usize,
    change: &mut NamesChange,
) -> Result<()> {
    if old == new {
        return Ok(());
    }
    if depth == 0 {
        change.removed.extend(old.map(|id| (path.clone(), *id)));
        change.added.extend(new.map(|id| (path.clone(), *id)));
        return Ok(());
    }
    let (old, new) = (read_folders(store, old)?, read_folders(store, new)?);
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return Ok(()),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((a, _)), Some((b, _))) => folder_order(a, b),
        };
        let before = if order.is_le() { old.next() } else { None };
        let after = if order.is_ge() { new.next() } else { None };
        let name = before.or(after).map(|(name, _)| name).expect("one of the two is there");
        let length = path.len();
        if depth < DEPTH {
            path.push('/');
        }
        path.push_str(name);
        let (before, after) = (before.map(|(_, id)| id), after.map(|(_, id)| id));
        compare_below(store, before, after, path, depth - 1, change)?;
        path.truncate(length);
    }
}

/// Folders of a tree stand in it as if their names ended in `/`.
fn folder_order(a: &str, b: &str) -> std::cmp::Ordering {
    a.bytes().chain([b'/']).cmp(b.bytes().chain([b'/']))
}

fn read_folders(store: &Store, tree: Option<&ObjectId>) -> Result<Names> {
    let Some(tree) = tree else { return Ok(Names::new()) };
    let mut bytes = Vec::new();
    let kind = store.read_object(tree, &mut bytes);
    let entries = tree_entries(store.object_format(), &bytes).filter(|_| kind == Some(Kind::Tree));
    let entries = entries.ok_or_else(|| broken(tree, "one of its trees cannot be read"))?;
    if entries.iter().any(|entry| entry.mode != TreeMode::Folder) {
        return Err(broken(tree, "something other than an entry is in it"));
    }
    Ok(entries.iter().map(|entry| (entry.name.to_owned(), entry.id)).collect())
}

fn broken(object: &ObjectId, reason: &str) -> Error {
    Error::BrokenLedger { object: object.to_string(), reason: reason.to_owned() }
}

/// A folder that changes: what is new in it, or gone.
#[derive(Default)]
struct Folder {
    below: BTreeMap<String, Folder>,
    /// At the last level: what becomes of the entry.
    leaf: Option<Leaf>,
}

/// What becomes of an entry.
#[derive(Clone, Copy)]
enum Leaf {
    /// It stands for this tree.
    Tree(ObjectId),
    /// It goes.
    Gone,
}

/// Returns the objects of the tree that has the names of `base`, those of `add`, and none of
/// `remove`; the last object is that tree. Both are names below the notebook.
///
/// # Errors
/// [`Error::BrokenLedger`] if a tree of `base` that changes cannot be read.
pub(crate) fn changed_tree<'a>(
    store: &Store,
    base: Option<&ObjectId>,
    add: impl IntoIterator<Item = (&'a str, ObjectId)>,
    remove: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<MadeObject>> {
    let mut root = Folder::default();
    let changes = remove.into_iter().map(|name| (name, Leaf::Gone));
    for (name, leaf) in changes.chain(add.into_iter().map(|(name, id)| (name, Leaf::Tree(id)))) {
        let mut folder = &mut root;
        for segment in name.split('/') {
            // Neighbours share most of their folders: no text is made for one that is there.
            if !folder.below.contains_key(segment) {
                folder.below.insert(segment.to_owned(), Folder::default());
            }
            folder = folder.below.get_mut(segment).expect("it was made above");
        }
        folder.leaf = Some(leaf);
    }
    let mut made = Vec::new();
    if write_folder(store, base, &root, &mut made)?.is_none() {
        // A ledger of nothing is an empty tree.
        made.push(tree_of(store, &mut []));
    }
    Ok(made)
}

/// Returns the tree of a folder; `None` if nothing is left in it.
fn write_folder(
    store: &Store,
    base: Option<&ObjectId>,
    folder: &Folder,
    made: &mut Vec<MadeObject>,
) -> Result<Option<ObjectId>> {
    let before = read_folders(store, base)?;
    let mut names: BTreeMap<&str, ObjectId> =
        before.iter().map(|(name, id)| (name.as_str(), *id)).collect();
    for (name, below) in &folder.below {
        let id = match below.leaf {
            Some(Leaf::Tree(id)) => Some(id),
            Some(Leaf::Gone) => None,
            None => write_folder(store, names.get(name.as_str()), below, made)?,
        };
        match id {
            Some(id) => names.insert(name, id),
            None => names.remove(name.as_str()),
        };
    }
    if names.is_empty() {
        return Ok(None);
    }
    let entry = |(name, id)| TreeEntry { mode: TreeMode::Folder, name, id };
    let tree = tree_of(store, &mut names.into_iter().map(entry).collect::<Vec<_>>());
    let id = tree.id;
    made.push(tree);
    Ok(Some(id))
}

fn tree_of(store: &Store, entries: &mut [TreeEntry<'_>]) -> MadeObject {
    let bytes = tree_bytes(entries);
    MadeObject { id: object_id(store.object_format(), Kind::Tree, &bytes), kind: Kind::Tree, bytes }
}
