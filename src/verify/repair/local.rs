//! Gives entries their local parts back where the line that named these is damaged.

use std::collections::{BTreeMap, BTreeSet};

use super::Repair;
use crate::error::Result;
use crate::git::{ObjectId, PackListing};
use crate::index::TAGS;
use crate::name::EntryName;
use crate::store::{Entry, LOCAL, local_ref};

/// How many bytes of a name, and of an id, may be wrong for them to be known again.
const FEW: usize = 4;

impl Repair<'_> {
    /// Whether a damaged line of `packed-refs` spoke of local parts.
    pub(super) fn is_of_local_parts(&self, line: &[u8]) -> bool {
        let Some((_, name)) = self.halves(line) else { return false };
        name.get(..LOCAL.len()).is_some_and(|folder| are_alike(folder, LOCAL.as_bytes()))
    }

    /// Returns the ref and the tree of local parts that a damaged line spoke of: those of an entry
    /// that lacks its own, whose parts are all in that tree.
    pub(super) fn local_parts_of(
        &self,
        refs: &BTreeMap<String, ObjectId>,
        line: &[u8],
    ) -> Result<Option<(String, ObjectId)>> {
        let Some((hex, full)) = self.halves(line) else { return Ok(None) };
        let tags = refs.range(TAGS.to_owned()..).take_while(|(name, _)| name.starts_with(TAGS));
        let mut trees: Option<BTreeSet<ObjectId>> = None;
        for (tag, tree) in tags {
            let Ok(name) = EntryName::parse(tag[TAGS.len()..].to_owned()) else { continue };
            let wanted = local_ref(&name);
            if refs.contains_key(&wanted) || !are_alike(wanted.as_bytes(), full) {
                continue;
            }
            let trees = match &mut trees {
                Some(trees) => trees,
                none => none.insert(self.objects_like(hex)?),
            };
            let has_all = |id: &&ObjectId| self.has_local_parts(&name, *tree, **id);
            if let Some(found) = trees.iter().find(has_all) {
                return Ok(Some((wanted, *found)));
            }
        }
        Ok(None)
    }

    /// Returns the id and the name of a line, whatever they are.
    fn halves<'l>(&self, line: &'l [u8]) -> Option<(&'l [u8], &'l [u8])> {
        let digits = 2 * self.store.object_format().id_len();
        Some((line.get(..digits)?, line.get(digits + 1..)?))
    }

    fn objects_like(&self, hex: &[u8]) -> Result<BTreeSet<ObjectId>> {
        let mut found = BTreeSet::new();
        for path in self.store.collectable_packs()? {
            let Some(pack) = PackListing::open(&path, self.store.object_format()) else { continue };
            let ids = pack.entries().iter().map(|entry| entry.id);
            found.extend(ids.filter(|id| are_alike(id.to_string().as_bytes(), hex)));
        }
        Ok(found)
    }

    fn has_local_parts(&self, name: &EntryName, tree: ObjectId, local: ObjectId) -> bool {
        let inner = &self.store.inner;
        let Ok(entry) = Entry::open(inner, name.clone(), tree, |_| Some(local)) else {
            return false;
        };
        let mut parts = entry.part_objects().filter(|(part, _)| part.local).peekable();
        parts.peek().is_some()
            && parts.all(|(part, object)| {
                object.is_ok_and(|object| self.part(name, part, &object).is_ok())
            })
    }
}

fn are_alike(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).filter(|(a, b)| a != b).count() <= FEW
}
