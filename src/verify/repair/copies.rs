//! Takes in what copies of `packed-refs` name, and gives names back to what came without them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::copies::Copies;
use super::Repair;
use crate::clock::Timestamp;
use crate::content::ObjectSource;
use crate::disk;
use crate::error::Result;
use crate::git::{
    Commit, Kind, ObjectId, RefEdits, TreeEntry, TreeMode, check_refs_text, commit_bytes,
    object_id, read_commit, tree_bytes, tree_entries,
};
use crate::index::TAGS;
use crate::name::EntryName;
use crate::progress::{Progress, Unit};
use crate::store::{FORGOTTEN, TRASH, in_trash, read_trash_ref, tombstone};

const COLLECTION: &str = "refs/recell/collection/";
const LEDGER: &str = "refs/recell/ledger/";
/// What remotes were seen to have.
const SEEN: &str = "refs/recell/remote/";
/// Below these, a name says all: what one of two sides has, both have.
const UNIONS: [&str; 3] = ["refs/recell/pin/", "refs/recell/local/", "refs/recell/damaged/"];

/// What comes of one copy: the changes of refs, and new objects.
#[derive(Default)]
struct Merge {
    refs: BTreeMap<String, ObjectId>,
    edits: RefEdits,
    made: Vec<(ObjectId, Kind, Vec<u8>)>,
    forgotten: BTreeSet<String>,
    restored: Vec<String>,
    waiting: Vec<String>,
}

impl Merge {
    fn add(&mut self, name: &str, id: ObjectId) {
        self.edits.add.insert(name.to_owned(), id);
        self.refs.insert(name.to_owned(), id);
    }

    fn is_forgotten(&self, name: &EntryName) -> bool {
        self.forgotten.contains(&tombstone(name.as_str()))
    }
}

impl Repair<'_> {
    /// Takes in the names of all copies of `packed-refs`, each of which is then moved away, unless
    /// it names something that is not here.
    pub(super) fn copies(&mut self, progress: &dyn Progress) -> Result<()> {
        let copies = Copies::find(self.store)?.names;
        progress.begin("taking in copies of names", Some(copies.len() as u64), Unit::Items);
        for path in copies {
            self.take_in(&path)?;
            progress.advance(1);
        }
        progress.end();
        Ok(())
    }

    fn take_in(&mut self, path: &Path) -> Result<()> {
        let format = self.store.object_format();
        let Some(mut bytes) = disk::read_if_there(path)? else { return Ok(()) };
        // Of a file that was copied by half, the last line is none.
        bytes.truncate(memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1));
        let (theirs, _) = check_refs_text(&bytes, path, format);
        let theirs: BTreeMap<String, ObjectId> =
            theirs.into_iter().map(|one| (one.name, one.id)).collect();
        self.take_in_seen(&theirs)?;
        let mut merge = Merge { refs: self.all_refs()?, ..Merge::default() };
        for refs in [&merge.refs, &theirs] {
            if let Some(id) = refs.get(FORGOTTEN) {
                merge.forgotten.extend(self.store.tombstones(id).0);
            }
        }
        let (trash, others): (Vec<_>, Vec<_>) =
            theirs.into_iter().partition(|(name, _)| name.starts_with(TRASH));
        for (name, id) in others {
            self.take_in_ref(&name, id, &mut merge);
        }
        // A name that either side has is not removed.
        let trashed: Vec<String> =
            merge.refs.keys().filter(|name| name.starts_with(TRASH)).cloned().collect();
        for name in trashed {
            if let Some((_, entry)) = read_trash_ref(&name)
                && merge.edits.add.contains_key(&format!("{TAGS}{entry}"))
            {
                merge.edits.remove.insert(name);
            }
        }
        for (name, id) in trash {
            self.take_in_removed(&name, id, &mut merge);
        }
        let Merge { edits, made, restored, waiting, .. } = merge;
        self.locked.store_objects(|take| {
            made.iter().try_for_each(|(id, kind, bytes)| take(*id, *kind, bytes))
        })?;
        disk::crash_point("unions stored");
        if !edits.add.is_empty() || !edits.remove.is_empty() {
            self.locked.keep_copy(&self.store.path().join("packed-refs"), self.now)?;
            self.locked.edit_refs(&edits)?;
        }
        disk::crash_point("copy taken in");
        self.report.restored.extend(restored);
        if waiting.is_empty() {
            return self.set_aside(path);
        }
        self.report.waiting.extend(waiting);
        Ok(())
    }

    /// What the other copy saw on remotes comes first: by it is known what need not be here.
    fn take_in_seen(&mut self, theirs: &BTreeMap<String, ObjectId>) -> Result<()> {
        let seen = || theirs.iter().filter(|(name, _)| name.starts_with(SEEN));
        self.is_beside_remotes |= seen().next().is_some();
        let ours = self.all_refs()?;
        let mut edits = RefEdits::default();
        for (name, id) in seen() {
            let is_news =
                ours.get(name).is_none_or(|ours| ours != id && self.comes_from(*id, *ours));
            if is_news && self.reaches_all(*id).is_ok() {
                edits.add.insert(name.clone(), *id);
            }
        }
        if !edits.add.is_empty() {
            self.locked.keep_copy(&self.store.path().join("packed-refs"), self.now)?;
            self.locked.edit_refs(&edits)?;
        }
        Ok(())
    }

    fn take_in_ref(&self, name: &str, id: ObjectId, merge: &mut Merge) {
        let entry = name.strip_prefix(TAGS).and_then(|it| EntryName::parse(it.to_owned()).ok());
        if let Some(entry) = entry {
            if merge.refs.contains_key(name) || merge.is_forgotten(&entry) {
                return;
            }
            if self.name_of(id).as_ref() == Some(&entry) {
                merge.restored.push(entry.to_string());
                merge.add(name, id);
            } else {
                merge.waiting.push(entry.to_string());
            }
            return;
        }
        if merge.refs.get(name) == Some(&id) {
            return;
        }
        let ours = merge.refs.get(name).copied();
        if name.starts_with(LEDGER) || name == FORGOTTEN {
            self.take_in_chain(name, ours, id, merge);
        } else if name.starts_with(COLLECTION) {
            self.take_in_collection(name, ours, id, merge);
        } else if ours.is_none() {
            let entry = UNIONS.iter().find_map(|folder| name.strip_prefix(folder));
            let entry = entry.and_then(|entry| EntryName::parse(entry.to_owned()).ok());
            if entry.is_some_and(|entry| merge.is_forgotten(&entry)) {
                return;
            }
            if self.reaches_all(id).is_ok() {
                merge.add(name, id);
            } else if UNIONS.iter().any(|folder| name.starts_with(folder)) {
                merge.waiting.push(name.to_owned());
            }
        }
    }

    /// What was removed on their side alone can be brought back here, too.
    fn take_in_removed(&self, name: &str, id: ObjectId, merge: &mut Merge) {
        let Some((_, rest)) = in_trash(name) else { return };
        let is_there = match read_trash_ref(name) {
            Some((_, entry)) => {
                merge.refs.contains_key(&format!("{TAGS}{entry}")) || merge.is_forgotten(&entry)
            }
            None => merge.refs.contains_key(&format!("refs/recell/{rest}")),
        };
        let is_known = || {
            merge.refs.keys().any(|other| in_trash(other).is_some_and(|(_, other)| other == rest))
        };
        if !is_there && !is_known() && self.reaches_all(id).is_ok() {
            merge.add(name, id);
        }
    }

    /// Of two states of a grow-only tree the one that comes from the other counts; else their union
    /// does (docs/design/004-sync.md).
    fn take_in_chain(
        &self,
        name: &str,
        ours: Option<ObjectId>,
        theirs: ObjectId,
        merge: &mut Merge,
    ) {
        let Some(their_commit) = self.commit(theirs) else {
            merge.waiting.push(name.to_owned());
            return;
        };
        let Some(ours) = ours else { return merge.add(name, theirs) };
        if self.comes_from(ours, theirs) {
            return;
        }
        let Some((our_commit, our_time)) = self.commit(ours) else {
            return merge.add(name, theirs);
        };
        if self.comes_from(theirs, ours) {
            return merge.add(name, theirs);
        }
        let (their_commit, their_time) = their_commit;
        let notebook = name.strip_prefix(LEDGER).and_then(|rest| rest.split('/').next());
        let notebook = notebook.and_then(|it| it.rsplit_once('-')).map(|(segment, _)| segment);
        let union = self.union(our_commit.tree, their_commit.tree, notebook.unwrap_or(""), merge);
        let Some(tree) = union else { return };
        // The same on both sides, whoever repairs first.
        let mut parents = vec![ours, theirs];
        parents.sort_unstable();
        let commit = Commit { tree, parents, message: "union of two copies of a store".into() };
        let bytes = commit_bytes(&commit, our_time.max(their_time));
        let id = object_id(self.store.object_format(), Kind::Commit, &bytes);
        merge.made.push((id, Kind::Commit, bytes));
        merge.add(name, id);
    }

    /// A collection that both changed gets a name of its own beside the other, by which the two are
    /// found and merged.
    fn take_in_collection(
        &self,
        name: &str,
        ours: Option<ObjectId>,
        theirs: ObjectId,
        merge: &mut Merge,
    ) {
        if self.reaches_all(theirs).is_err() {
            merge.waiting.push(name.to_owned());
            return;
        }
        let rest = name.strip_prefix(COLLECTION).unwrap_or(name);
        let segment = rest.split_once('/').map_or(rest, |(_, segment)| segment);
        // All kinds share one space of names.
        let is_taken = merge.refs.keys().any(|other| {
            let other = other.strip_prefix(COLLECTION).and_then(|other| other.split_once('/'));
            other.is_some_and(|(_, other)| other == segment)
        });
        match ours {
            None if !is_taken => merge.add(name, theirs),
            Some(ours) if self.comes_from(ours, theirs) => {}
            Some(ours) if self.comes_from(theirs, ours) => merge.add(name, theirs),
            _ => merge.add(&parked(name, theirs), theirs),
        }
    }

    /// Returns a commit and when it was made.
    fn commit(&self, id: ObjectId) -> Option<(Commit, Timestamp)> {
        let mut bytes = Vec::new();
        if self.store.inner.read(&id, &mut bytes) != Ok(Kind::Commit) {
            return None;
        }
        let commit = read_commit(self.store.object_format(), &bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let line = text.lines().find_map(|line| line.strip_prefix("committer "));
        let seconds = line.and_then(|line| line.rsplit(' ').nth(1)?.parse::<i64>().ok());
        Some((commit, Timestamp::from_micros(seconds.unwrap_or(0).saturating_mul(1_000_000))))
    }

    /// Whether `later` is `earlier`, or has it among its ancestors.
    fn comes_from(&self, later: ObjectId, earlier: ObjectId) -> bool {
        let mut open = vec![later];
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            if id == earlier {
                return true;
            }
            if seen.insert(id)
                && let Some((commit, _)) = self.commit(id)
            {
                open.extend(commit.parents);
            }
        }
        false
    }

    /// Returns the tree that has what either of two has, but for entries that were forgotten; `path`
    /// is the name so far. `None` if one cannot be read.
    fn union(
        &self,
        ours: ObjectId,
        theirs: ObjectId,
        path: &str,
        merge: &mut Merge,
    ) -> Option<ObjectId> {
        let format = self.store.object_format();
        let (mut our_bytes, mut their_bytes) = (Vec::new(), Vec::new());
        for (id, bytes) in [(ours, &mut our_bytes), (theirs, &mut their_bytes)] {
            if self.store.inner.read(&id, bytes) != Ok(Kind::Tree) {
                return None;
            }
        }
        let mut names: BTreeMap<&str, (TreeMode, ObjectId)> = BTreeMap::new();
        for entry in tree_entries(format, &our_bytes)? {
            names.insert(entry.name, (entry.mode, entry.id));
        }
        for entry in tree_entries(format, &their_bytes)? {
            let path = format!("{path}/{}", entry.name);
            match names.get(entry.name).copied() {
                Some((TreeMode::Folder, id)) if id != entry.id && !EntryName::is_like(&path) => {
                    let below = self.union(id, entry.id, &path, merge)?;
                    names.insert(entry.name, (TreeMode::Folder, below));
                }
                Some(_) => {}
                None => drop(names.insert(entry.name, (entry.mode, entry.id))),
            }
        }
        names.retain(|name, _| {
            let name = EntryName::parse(format!("{path}/{name}"));
            !name.is_ok_and(|name| merge.is_forgotten(&name))
        });
        let mut entries: Vec<TreeEntry<'_>> =
            names.into_iter().map(|(name, (mode, id))| TreeEntry { mode, name, id }).collect();
        let bytes = tree_bytes(&mut entries);
        let id = object_id(format, Kind::Tree, &bytes);
        merge.made.push((id, Kind::Tree, bytes));
        Some(id)
    }

    /// Gives their names back to entries and collections that came without: the names were in a
    /// version of `packed-refs` that another one replaced.
    pub(super) fn arrived(&mut self) -> Result<()> {
        let arrived = self.store.arrived()?;
        let mut edits = RefEdits::default();
        let refs = self.all_refs()?;
        for (name, id) in &arrived.entries {
            if self.name_of(*id).as_ref() == Some(name) {
                self.report.restored.push(name.to_string());
                edits.add.insert(format!("{TAGS}{name}"), *id);
            }
        }
        for (name, id) in arrived.collections {
            if self.reaches_all(id).is_err() {
                continue;
            }
            let name = if refs.contains_key(&name) { parked(&name, id) } else { name };
            self.report.restored.push(name.clone());
            edits.add.insert(name, id);
        }
        if !edits.add.is_empty() {
            self.locked.keep_copy(&self.store.path().join("packed-refs"), self.now)?;
            self.locked.edit_refs(&edits)?;
        }
        disk::crash_point("arrivals named");
        Ok(())
    }
}

/// Returns the name under which a state of a collection waits for the merge with another: `~` and
/// the first digits of its commit are added (format.md, section 11).
fn parked(name: &str, id: ObjectId) -> String {
    format!("{name}%7e{:.8}", id.to_string())
}
