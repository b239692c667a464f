//! Which objects a static remote lacks of what new tips need. Where both sides share structure it
//! is not entered: the work goes with what changed, not with what there is.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::packs::RemotePacks;
use crate::entry::MANIFEST_FILE;
use crate::error::{Error, Result};
use crate::git::{
    Kind, ObjectFormat, ObjectId, TreeEntry, TreeMode, children_of, object_id, tree_entries,
};
use crate::store::Store;

/// What an object is to a reader: in this order they stand in a pack, so that all that leads to
/// the parts is read in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Commit,
    Tree,
    Manifest,
    Part,
}

/// An object that the remote lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lacking {
    pub(super) id: ObjectId,
    pub(super) role: Role,
}

/// Lists what the remote lacks of what each new tip needs; beside it stands what the same ref is
/// on the remote. What an object names comes before it, so that any first half of the list leads
/// nowhere that is not there.
///
/// # Errors
/// [`Error::NotInStore`] if a tip, commit or tree is not in the store.
pub(super) fn lacking(
    store: &Store,
    packs: &RemotePacks,
    tips: &[(ObjectId, Option<ObjectId>)],
) -> Result<Vec<Lacking>> {
    let mut walk = Walk {
        store,
        packs,
        format: store.object_format(),
        seen: HashSet::new(),
        found: Vec::new(),
    };
    for (new, old) in tips {
        walk.tip(*new, *old)?;
    }
    let mut found = walk.found;
    // Parts lead nowhere, and manifests neither; trees and commits keep their order.
    found.sort_by_key(|object| std::cmp::Reverse(object.role));
    Ok(found)
}

struct Walk<'a> {
    store: &'a Store,
    packs: &'a RemotePacks,
    format: ObjectFormat,
    seen: HashSet<ObjectId>,
    found: Vec<Lacking>,
}

impl Walk<'_> {
    fn is_open(&mut self, id: &ObjectId) -> bool {
        self.seen.insert(*id) && !self.packs.contains(id)
    }

    fn read(&self, id: &ObjectId) -> Option<(Kind, Vec<u8>)> {
        let mut content = Vec::new();
        let kind = self.store.read_object(id, &mut content)?;
        Some((kind, content))
    }

    /// Walks from a tip down the chain of commits; a chain may be long.
    fn tip(&mut self, new: ObjectId, old: Option<ObjectId>) -> Result<()> {
        let old_tree = old.and_then(|old| self.tree_of(&old));
        let mut open = vec![new];
        let mut commits = Vec::new();
        while let Some(id) = open.pop() {
            if !self.is_open(&id) {
                continue;
            }
            let (kind, content) = self.read(&id).ok_or_else(|| not_in_store(&id))?;
            match kind {
                Kind::Tree => self.tree(id, &content, old_tree)?,
                Kind::Blob => self.found.push(Lacking { id, role: Role::Part }),
                Kind::Commit | Kind::Tag => {
                    let children = children_of(self.format, kind, &content);
                    let children = children.ok_or_else(|| not_in_store(&id))?;
                    commits.push(Lacking { id, role: Role::Commit });
                    open.extend(children.into_iter().map(|(child, _)| child).rev());
                }
            }
        }
        commits.reverse();
        self.found.extend(commits);
        Ok(())
    }

    fn tree_of(&self, tip: &ObjectId) -> Option<ObjectId> {
        let (kind, content) = self.read(tip)?;
        match kind {
            Kind::Commit => Some(children_of(self.format, kind, &content)?.first()?.0),
            Kind::Tree => Some(*tip),
            Kind::Blob | Kind::Tag => None,
        }
    }

    /// Walks a tree beside the one that stands in its place on the remote. Both are sorted.
    fn tree(&mut self, id: ObjectId, content: &[u8], old: Option<ObjectId>) -> Result<()> {
        let entries = tree_entries(self.format, content).ok_or_else(|| not_in_store(&id))?;
        let old = old.and_then(|old| self.read(&old)).map(|(_, content)| content);
        let old = old.as_deref().and_then(|content| tree_entries(self.format, content));
        let mut old = old.unwrap_or_default().into_iter().peekable();
        for entry in &entries {
            while old.next_if(|other| order(other, entry) == Ordering::Less).is_some() {}
            let before = old.next_if(|other| order(other, entry) == Ordering::Equal);
            if before.as_ref().is_some_and(|before| before.id == entry.id) {
                continue;
            }
            // A submodule's commit is elsewhere, and stays there.
            if entry.mode == TreeMode::Other && !self.store.has(&entry.id) {
                continue;
            }
            if !self.is_open(&entry.id) {
                continue;
            }
            if entry.mode == TreeMode::Folder {
                let (_, content) = self.read(&entry.id).ok_or_else(|| not_in_store(&entry.id))?;
                self.tree(entry.id, &content, before.map(|before| before.id))?;
            } else {
                let is_manifest = entry.name == MANIFEST_FILE;
                let role = if is_manifest { Role::Manifest } else { Role::Part };
                self.found.push(Lacking { id: entry.id, role });
            }
        }
        self.found.push(Lacking { id, role: Role::Tree });
        Ok(())
    }
}

/// git's order: as if the names of folders ended in `/`.
fn order(a: &TreeEntry<'_>, b: &TreeEntry<'_>) -> Ordering {
    let end = |entry: &TreeEntry<'_>| (entry.mode == TreeMode::Folder).then_some(b'/');
    a.name.bytes().chain(end(a)).cmp(b.name.bytes().chain(end(b)))
}

fn not_in_store(id: &ObjectId) -> Error {
    Error::NotInStore { id: id.to_string() }
}

/// Reads an object that is to be published, and checks it.
///
/// # Errors
/// [`Error::NotInStore`] if it is missing, or not what it was.
pub(super) fn read_checked(store: &Store, id: &ObjectId) -> Result<(Kind, Vec<u8>)> {
    let mut content = Vec::new();
    let kind = store.read_object(id, &mut content);
    let whole = kind.filter(|kind| object_id(store.object_format(), *kind, &content) == *id);
    whole.map(|kind| (kind, content)).ok_or_else(|| not_in_store(id))
}
