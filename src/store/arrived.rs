//! What another copy of the store had, and a sync of the folder brought without its names: of two
//! versions of `packed-refs` one was lost (docs/syncing-folders.md).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::pack_list::{NamesState, Packs};
use super::{FORGOTTEN, PIN_FOLDER, Store, in_trash, tombstone};
use crate::content::ObjectSource;
use crate::disk;
use crate::entry::{MANIFEST_FILE, Manifest};
use crate::error::Result;
use crate::git::{
    Kind, ObjectId, PackListing, check_packed_refs, children_of, loose_refs, read_commit,
    tree_entries, tree_entry,
};
use crate::name::{EntryName, encode};

/// The refs whose trees hold entries by name: what is in them is named.
const LEDGERS: [&str; 2] = ["refs/recell/ledger/", "refs/recell/remote/"];
/// The document of a collection, in its tree.
const ABOUT: &str = "collection.toml";
/// Below these, entries stand at `<cell>/<module>/<version>/<entry>` in the tree of a ledger.
const LEDGER_LEVELS: usize = 4;

/// Entries and collections without names in packs that recell did not put here.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    /// The state of the names before they were read.
    pub(super) names: NamesState,
    /// The packs that were looked through, by their names without an ending.
    pub(super) looked_through: BTreeSet<String>,
    /// Those of them that hold what waits for its name.
    pub(crate) packs: BTreeSet<String>,
    /// Entries that lack no object.
    pub(crate) entries: BTreeMap<EntryName, ObjectId>,
    /// The trees of entries that lack something: it may be on its way.
    pub(crate) partial: Vec<ObjectId>,
    /// The newest states of collections, each with the ref that it had.
    pub(crate) collections: Vec<(String, ObjectId)>,
}

impl Arrived {
    /// Returns everything that must not go before its names are back.
    pub(crate) fn roots(&self) -> impl Iterator<Item = ObjectId> {
        let collections = self.collections.iter().map(|(_, id)| *id);
        self.entries.values().copied().chain(self.partial.iter().copied()).chain(collections)
    }
}

impl Store {
    /// Looks for what came without names. As long as recell put all packs here, that is one look at
    /// a list.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if refs or packs cannot be read.
    pub(crate) fn arrived(&self) -> Result<Arrived> {
        let state = NamesState::of(self.path());
        let packs = Packs::of(&self.inner.repository, &state).others;
        let mut arrived = Arrived { names: state, ..Arrived::default() };
        if packs.is_empty() {
            return Ok(arrived);
        }
        self.inner.packs.refresh()?;
        let format = self.object_format();
        let folder = self.inner.repository.objects_folder().join("pack");
        let refs = self.every_ref()?;
        let mut named: HashSet<ObjectId> = refs.values().copied().collect();
        for (_, tree) in self.inner.look(|index, own| index.with_prefix("", own))? {
            named.insert(tree);
        }
        let mut commits = Vec::new();
        for (name, id) in &refs {
            if LEDGERS.iter().any(|folder| name.starts_with(folder)) {
                self.add_entries_of_ledger(*id, &mut named);
            }
            if name.starts_with("refs/recell/") && !name.starts_with(PIN_FOLDER) {
                commits.push(*id);
            }
        }
        let mut tips: BTreeMap<ObjectId, String> = BTreeMap::new();
        let mut former: Vec<ObjectId> = Vec::new();
        let mut bytes = Vec::new();
        let mut home: BTreeMap<ObjectId, BTreeSet<String>> = BTreeMap::new();
        for name in &packs {
            arrived.looked_through.insert(name.clone());
            let Some(pack) = PackListing::open(&folder.join(format!("{name}.idx")), format) else {
                continue;
            };
            for id in pack.entries().iter().map(|entry| entry.id) {
                if named.contains(&id) {
                    continue;
                }
                match self.inner.read(&id, &mut bytes) {
                    Ok(Kind::Tree) if tree_entry(format, &bytes, MANIFEST_FILE).is_some() => {
                        home.entry(id).or_default().insert(name.clone());
                    }
                    Ok(Kind::Commit) => {
                        let Some(commit) = read_commit(format, &bytes) else { continue };
                        former.extend(&commit.parents);
                        if let Some(reference) = self.collection_of(&commit.tree) {
                            home.entry(id).or_default().insert(name.clone());
                            tips.insert(id, reference);
                        }
                    }
                    _ => {}
                }
            }
        }
        // Former states of what is named, or of what came with them, are no states of their own.
        if !tips.is_empty() {
            former.extend(commits);
            for id in self.all_before(former) {
                if tips.remove(&id).is_some() {
                    home.remove(&id);
                }
            }
        }
        let forgotten = refs.get(FORGOTTEN).map(|id| self.tombstones(id).0).unwrap_or_default();
        for (id, packs) in home {
            if let Some(reference) = tips.remove(&id) {
                let kind_and_name = reference.strip_prefix("refs/recell/").unwrap_or(&reference);
                let is_removed = refs
                    .keys()
                    .any(|name| in_trash(name).is_some_and(|(_, rest)| rest == kind_and_name));
                // A run has one owner: what it is now counts.
                let is_run = reference.starts_with("refs/recell/collection/run/");
                if !(is_removed || (is_run && refs.contains_key(&reference))) {
                    arrived.collections.push((reference, id));
                    arrived.packs.extend(packs);
                }
            } else if let Some((name, is_whole)) = self.entry_of(&id)
                && !forgotten.contains(&tombstone(name.as_str()))
            {
                if is_whole {
                    arrived.entries.insert(name, id);
                } else {
                    arrived.partial.push(id);
                }
                arrived.packs.extend(packs);
            }
        }
        Ok(arrived)
    }

    fn every_ref(&self) -> Result<BTreeMap<String, ObjectId>> {
        let (packed, _) = check_packed_refs(self.path(), self.object_format())?;
        let mut refs: BTreeMap<String, ObjectId> =
            packed.into_iter().map(|one| (one.name, one.id)).collect();
        refs.extend(loose_refs(self.path(), "refs")?);
        Ok(refs)
    }

    fn add_entries_of_ledger(&self, commit: ObjectId, named: &mut HashSet<ObjectId>) {
        let format = self.object_format();
        let mut bytes = Vec::new();
        if self.inner.read(&commit, &mut bytes) != Ok(Kind::Commit) {
            return;
        }
        let Some(commit) = read_commit(format, &bytes) else { return };
        let mut open = vec![(commit.tree, 0)];
        while let Some((tree, level)) = open.pop() {
            named.insert(tree);
            if level < LEDGER_LEVELS && self.inner.read(&tree, &mut bytes) == Ok(Kind::Tree) {
                let below = tree_entries(format, &bytes).unwrap_or_default();
                open.extend(below.into_iter().map(|entry| (entry.id, level + 1)));
            }
        }
    }

    /// Returns the ref of the collection that has this tree, if it is one's.
    fn collection_of(&self, tree: &ObjectId) -> Option<String> {
        let format = self.object_format();
        let mut bytes = Vec::new();
        (self.inner.read(tree, &mut bytes) == Ok(Kind::Tree)).then_some(())?;
        let (_, about) = tree_entry(format, &bytes, ABOUT)?;
        (self.inner.read(&about, &mut bytes) == Ok(Kind::Blob)).then_some(())?;
        let about: toml::Table = std::str::from_utf8(&bytes).ok()?.parse().ok()?;
        let kind = about.get("kind")?.as_str()?;
        let name = about.get("name")?.as_str()?;
        Some(format!("refs/recell/collection/{kind}/{}", encode(name)))
    }

    /// Returns the commits, and all that they come from, as far as they can be read.
    fn all_before(&self, mut open: Vec<ObjectId>) -> HashSet<ObjectId> {
        let mut seen = HashSet::new();
        let mut bytes = Vec::new();
        while let Some(id) = open.pop() {
            if seen.insert(id) && self.inner.read(&id, &mut bytes) == Ok(Kind::Commit) {
                let commit = read_commit(self.object_format(), &bytes);
                open.extend(commit.into_iter().flat_map(|commit| commit.parents));
            }
        }
        seen
    }

    /// Returns the name of the entry with this tree, and whether all its objects are there.
    fn entry_of(&self, tree: &ObjectId) -> Option<(EntryName, bool)> {
        let format = self.object_format();
        let mut bytes = Vec::new();
        self.inner.read(tree, &mut bytes).ok()?;
        let (_, manifest) = tree_entry(format, &bytes, MANIFEST_FILE)?;
        self.inner.read(&manifest, &mut bytes).ok()?;
        let manifest = Manifest::from_toml(&bytes).ok()?;
        let name = EntryName::new(&manifest.key.path(), manifest.created_at, &tree.to_string());
        let mut open = vec![*tree];
        while let Some(tree) = open.pop() {
            let children = match self.inner.read(&tree, &mut bytes) {
                Ok(kind) => children_of(format, kind, &bytes),
                Err(_) => None,
            };
            let Some(children) = children else { return Some((name, false)) };
            for (id, is_tree) in children {
                if is_tree {
                    open.push(id);
                } else if !self.inner.has_object(&id) {
                    return Some((name, false));
                }
            }
        }
        Some((name, true))
    }

    /// Takes packs into the list of those that are known, if nothing in them waits for its name.
    ///
    /// # Errors
    /// Those of [`Store::arrived`], and [`crate::Error::FlushLocked`].
    pub(crate) fn adopt_packs(&self) -> Result<()> {
        let names = NamesState::of(self.path());
        if Packs::of(&self.inner.repository, &names).others.is_empty() {
            return Ok(());
        }
        self.while_flush_locked(|locked| {
            locked.adopt_packs(&self.arrived()?);
            Ok(())
        })
    }

    /// Returns files that a sync tool put beside the names: copies in conflict of `packed-refs`, and
    /// of other files of the store's own folder. One look at that folder.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if the folder cannot be read.
    pub(crate) fn conflicted_copies(&self) -> Result<Vec<String>> {
        let listing = disk::list(self.path())?.into_iter();
        let found = listing.filter(|entry| !entry.is_folder && is_conflicted(&entry.name));
        let mut found: Vec<String> = found.map(|entry| entry.name).collect();
        // What matters most comes first.
        found.sort_by_key(|name| !name.contains("packed-refs"));
        Ok(found)
    }
}

/// Whether a file of that name beside `packed-refs` is a copy of a file of the store: it has the
/// whole name of one in its own, and more. What starts with a dot is being written by a sync tool.
fn is_conflicted(name: &str) -> bool {
    let ends = |end: &str| name.to_ascii_lowercase().ends_with(end);
    let is_gits = ["packed-refs", "packed-refs.new", "HEAD", "config", "config.worktree"]
        .contains(&name)
        || name.ends_with("_HEAD")
        || ends(".lock");
    let is_unfinished = name.starts_with('.') || name.contains("~syncthing~") || ends(".tmp");
    let is_like = ["packed-refs", "HEAD", "config"].iter().any(|own| name.contains(own));
    is_like && !is_gits && !is_unfinished
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_in_conflict_are_told_by_their_names() {
        for (name, is_one, why) in [
            ("packed-refs (Anna's conflicted copy 2026-11-21)", true, "Dropbox"),
            ("packed-refs.sync-conflict-20261121-101500-ABCDEFG", true, "Syncthing"),
            ("packed-refs (1)", true, "Google Drive"),
            ("packed-refs-HOSTNAME-2", true, "OneDrive"),
            ("packed-refs_conflict-20261121-101500", true, "Nextcloud"),
            ("~packed-refs", true, "a tool that writes there first"),
            (".packed-refs.Xa3b9Q", false, "rsync at work, or interrupted"),
            (".syncthing.packed-refs.tmp", false, "Syncthing at work"),
            ("packed-refs.new", false, "git at work"),
            ("config (1)", true, "the settings"),
            ("packed-refs", false, "the names"),
            ("packed-refs.lock", false, "git's lock"),
            ("FETCH_HEAD", false, "git's"),
            ("description", false, "git's"),
            ("shallow", false, "git's"),
        ] {
            assert_eq!(is_conflicted(name), is_one, "{name}: {why}");
        }
    }
}
