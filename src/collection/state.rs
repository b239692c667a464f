//! One state of a collection: a commit, its documents and its entries, as objects and back.

use std::sync::OnceLock;

use super::document::{About, Problem};
use super::summary::Summary;
use crate::content::read_checked;
use crate::git::{
    self, Commit, ObjectFormat, ObjectId, ObjectProblem, TreeEntry, TreeMode, commit_bytes,
    object_id, read_commit, tree_bytes, tree_entries, tree_entry,
};
use crate::lookup::Miss;
use crate::name::EntryName;
use crate::store::{MadeObject, Store};

/// The names in the tree of a collection.
const ABOUT: &str = "collection.toml";
const SUMMARY: &str = "summary.toml";
const ENTRIES: &str = "entries";

/// How many folders an entry's name makes.
const LEVELS: usize = 5;

/// The entries of a collection with their trees, sorted by name.
pub(super) type Members = Vec<(EntryName, ObjectId)>;

/// One state of a collection. It never changes.
pub(crate) struct State {
    pub(super) id: ObjectId,
    pub(super) about: About,
    pub(super) summary: Summary,
    /// The state before this one.
    pub(super) former: Option<ObjectId>,
    /// What was done to get here, in words.
    pub(super) message: String,
    entries: Option<ObjectId>,
    members: OnceLock<Members>,
}

impl State {
    /// Reads the state that a commit is; its entries are read when they are asked for.
    pub(super) fn read(store: &Store, id: ObjectId) -> Result<State, Miss> {
        let reader = Reader { store, id };
        let format = store.object_format();
        let mut bytes = Vec::with_capacity(1024);
        reader.read(&id, git::Kind::Commit, "its commit", &mut bytes)?;
        let commit = read_commit(format, &bytes).ok_or_else(|| reader.damaged("its commit"))?;
        reader.read(&commit.tree, git::Kind::Tree, "its tree", &mut bytes)?;
        let blob = |name| match tree_entry(format, &bytes, name) {
            Some((TreeMode::File, id)) => Some(id),
            _ => None,
        };
        let (about, summary) = (blob(ABOUT), blob(SUMMARY));
        let entries = match tree_entry(format, &bytes, ENTRIES) {
            Some((TreeMode::Folder, id)) => Some(id),
            _ => None,
        };
        let about = about.ok_or_else(|| reader.damaged(ABOUT))?;
        reader.read(&about, git::Kind::Blob, ABOUT, &mut bytes)?;
        let about = About::from_toml(&bytes).map_err(|problem| reader.malformed(problem))?;
        let summary = match summary {
            Some(summary) => {
                reader.read(&summary, git::Kind::Blob, SUMMARY, &mut bytes)?;
                Summary::from_toml(&bytes).map_err(|problem| reader.malformed(problem))?
            }
            None if entries.is_none() => Summary::default(),
            None => return Err(reader.damaged(SUMMARY)),
        };
        let former = commit.parents.first().copied();
        let (message, members) = (commit.message, OnceLock::new());
        Ok(State { id, about, summary, former, message, entries, members })
    }

    /// Returns its entries, which are read when first asked for.
    pub(super) fn members(&self, store: &Store) -> Result<&Members, Miss> {
        if let Some(members) = self.members.get() {
            return Ok(members);
        }
        let mut found = Vec::with_capacity(self.summary.count);
        if let Some(entries) = self.entries {
            let reader = Reader { store, id: self.id };
            read_members(&reader, &entries, "", 1, &mut found)?;
            found.sort();
        }
        Ok(self.members.get_or_init(|| found))
    }

    /// Returns its entries whose names start with `prefix`.
    pub(super) fn members_below(
        &self,
        store: &Store,
        prefix: &str,
    ) -> Result<&[(EntryName, ObjectId)], Miss> {
        let members = self.members(store)?;
        let start = members.partition_point(|(name, _)| name.as_str() < prefix);
        let rest = &members[start..];
        let length = rest.partition_point(|(name, _)| name.as_str().starts_with(prefix));
        Ok(&rest[..length])
    }
}

fn read_members(
    reader: &Reader<'_>,
    tree: &ObjectId,
    path: &str,
    level: usize,
    found: &mut Members,
) -> Result<(), Miss> {
    let mut bytes = Vec::new();
    reader.read(tree, git::Kind::Tree, "a folder of its entries", &mut bytes)?;
    let names = tree_entries(reader.store.object_format(), &bytes);
    for entry in names.ok_or_else(|| reader.damaged("a folder of its entries"))? {
        let path =
            if path.is_empty() { entry.name.into() } else { format!("{path}/{}", entry.name) };
        if level < LEVELS {
            read_members(reader, &entry.id, &path, level + 1, found)?;
        } else {
            let name =
                EntryName::parse(path).map_err(|_| reader.damaged("the name of an entry"))?;
            found.push((name, entry.id));
        }
    }
    Ok(())
}

/// Reads the objects of one state, and says what cannot be read.
struct Reader<'a> {
    store: &'a Store,
    id: ObjectId,
}

impl Reader<'_> {
    fn read(
        &self,
        id: &ObjectId,
        kind: git::Kind,
        what: &str,
        out: &mut Vec<u8>,
    ) -> Result<(), Miss> {
        read_checked(&*self.store.inner, id, kind, out).map_err(|problem| match problem {
            ObjectProblem::Missing => {
                Miss::Absent { name: self.name(), what: what.to_owned(), object: id.to_string() }
            }
            ObjectProblem::Damaged(reason) => {
                Miss::Damaged { name: self.name(), reason: format!("{what}: {reason}") }
            }
        })
    }

    fn name(&self) -> String {
        format!("the collection {}", self.id)
    }

    fn damaged(&self, what: &str) -> Miss {
        Miss::Damaged { name: self.name(), reason: format!("{what} makes no sense") }
    }

    fn malformed(&self, problem: Problem) -> Miss {
        let name = self.name();
        match problem {
            Problem::Malformed(reason) => Miss::Damaged { name, reason },
            Problem::NewerFormat(format) => {
                Miss::NewerFormat { name, reason: format!("its format is {format}") }
            }
        }
    }
}

/// Makes the objects of a state; returns its commit and all of them. `members` are sorted by name.
pub(super) fn make(
    format: ObjectFormat,
    about: &About,
    members: &Members,
    parents: Vec<ObjectId>,
    message: &str,
) -> (ObjectId, Vec<MadeObject>) {
    let mut made = Objects { format, objects: Vec::with_capacity(3 * members.len() + 4) };
    let text = about.to_toml().into_bytes();
    let mut root =
        vec![TreeEntry { mode: TreeMode::File, name: ABOUT, id: made.add(git::Kind::Blob, text) }];
    if !about.members.is_empty() || about.kind == super::Kind::Chained {
        debug_assert!(members.is_empty(), "a chain has no entries of its own");
    } else {
        let summary = Summary::of(members.iter().map(|(name, _)| name)).to_toml().into_bytes();
        let summary = made.add(git::Kind::Blob, summary);
        root.push(TreeEntry { mode: TreeMode::File, name: SUMMARY, id: summary });
    }
    if !members.is_empty() {
        let paths: Vec<Path<'_>> = members
            .iter()
            .map(|(name, tree)| (name.as_str().split('/').collect(), *tree))
            .collect();
        let entries = made.folder(&paths, 0);
        root.push(TreeEntry { mode: TreeMode::Folder, name: ENTRIES, id: entries });
    }
    let tree = made.add(git::Kind::Tree, tree_bytes(&mut root));
    let commit = Commit { tree, parents, message: message.to_owned() };
    let commit = made.add(git::Kind::Commit, commit_bytes(&commit, about.changed_at));
    (commit, made.objects)
}

/// The segments of an entry's name, and its tree.
type Path<'a> = (Vec<&'a str>, ObjectId);

struct Objects {
    format: ObjectFormat,
    objects: Vec<MadeObject>,
}

impl Objects {
    fn add(&mut self, kind: git::Kind, bytes: Vec<u8>) -> ObjectId {
        let id = object_id(self.format, kind, &bytes);
        self.objects.push(MadeObject { id, kind, bytes });
        id
    }

    /// Makes the tree of paths that share all before `level`.
    fn folder(&mut self, paths: &[Path<'_>], level: usize) -> ObjectId {
        let mut entries = Vec::new();
        for group in paths.chunk_by(|(a, _), (b, _)| a[level] == b[level]) {
            let (segments, tree) = &group[0];
            let is_entry = level + 1 == LEVELS;
            let id = if is_entry { *tree } else { self.folder(group, level + 1) };
            entries.push(TreeEntry { mode: TreeMode::Folder, name: segments[level], id });
        }
        let bytes = tree_bytes(&mut entries);
        self.add(git::Kind::Tree, bytes)
    }
}
