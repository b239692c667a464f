//! Saves what can be read of a damaged journal.

use std::collections::HashSet;
use std::path::Path;

use super::Inner;
use super::flush::{complete, place};
use super::locked::LockedStore;
use crate::disk;
use crate::error::Result;
use crate::git::{
    Compression, EntryAt, Kind, ObjectFormat, ObjectId, PACK_HEADER_LEN, PackedObject, RefEdits,
    TreeMode, inflate_entry, object_id, pack_header, read_commit, tree_entries,
};
use crate::index::TAGS;
use crate::journal::Journal;

/// What could be saved of a journal.
pub(super) struct Salvaged {
    /// How many entries have their tags.
    pub(super) entries: usize,
    /// How many entries and refs lack something.
    pub(super) lost: usize,
}

impl Inner {
    /// Copies the objects that are as they were written into a pack, and makes tags for the
    /// entries that lack nothing; and refs for
    /// what else it names. The caller holds the flush lock and
    /// keeps the journal.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if the pack or the tags cannot be written.
    pub(super) fn salvage(&self, locked: &LockedStore<'_>, journal: &Journal) -> Result<Salvaged> {
        let format = self.repository.format;
        let own_folder = self.repository.own_folder();
        let packs = self.repository.objects_folder().join("pack");
        let path = own_folder.join("salvage.pack");
        let mut saved = copy_good_objects(journal, &path, format)?;
        let good: HashSet<ObjectId> = saved.iter().map(|entry| entry.id).collect();
        let mut edits = RefEdits::default();
        for (name, tree) in &*journal.entries {
            if self.lacks_nothing(tree, journal, &good) {
                edits.add.insert(format!("{TAGS}{name}"), *tree);
            }
        }
        let entries = edits.add.len();
        for (name, id) in &*journal.refs {
            if self.lacks_nothing(id, journal, &good) {
                edits.add.insert(name.clone(), *id);
            }
        }
        let lost = journal.entries.len() + journal.refs.len() - edits.add.len();
        if saved.is_empty() {
            locked.edit_refs(&edits)?;
            return Ok(Salvaged { entries, lost });
        }
        let file = disk::open_for_change(&path)?.expect("it was written just now");
        let end = disk::signature_of(&file, &path)?.size();
        let checksum = complete(&file, &path, end, saved.len(), format)?;
        place(Some(&file), &path, &packs, &mut saved, &checksum, format)?;
        locked.edit_refs(&edits)?;
        disk::remove(&packs.join(format!("pack-{checksum}.keep")))?;
        self.packs.refresh()?;
        Ok(Salvaged { entries, lost })
    }

    /// Whether a tree or commit and all below it are among the good objects, or in the repository.
    fn lacks_nothing(&self, root: &ObjectId, journal: &Journal, good: &HashSet<ObjectId>) -> bool {
        let format = self.repository.format;
        let is_there = |id: &ObjectId| good.contains(id) || self.packs.contains(id);
        let mut trees = vec![*root];
        let mut bytes = Vec::new();
        while let Some(tree) = trees.pop() {
            let read = match journal.read(&tree, &mut bytes).filter(|_| good.contains(&tree)) {
                Some(read) => read,
                None => self.packs.read(&tree, &mut bytes),
            };
            if read == Ok(Kind::Commit) {
                let Some(commit) = read_commit(format, &bytes) else { return false };
                trees.push(commit.tree);
                if !commit.parents.iter().all(is_there) {
                    return false;
                }
                continue;
            }
            let names = match read {
                Ok(Kind::Tree) => tree_entries(format, &bytes),
                _ => None,
            };
            let Some(names) = names else { return false };
            for name in names {
                match name.mode {
                    TreeMode::Folder => trees.push(name.id),
                    TreeMode::File | TreeMode::Other if is_there(&name.id) => {}
                    TreeMode::File | TreeMode::Other => return false,
                }
            }
        }
        true
    }
}

/// Writes the objects that are as they were written into the open pack `path`, if there are any.
fn copy_good_objects(journal: &Journal, path: &Path, format: ObjectFormat) -> Result<Vec<EntryAt>> {
    disk::remove(path)?;
    let mut saved = Vec::new();
    // A flush that died may have made it a pack of the repository.
    let Some(source) = disk::open_if_there(&journal.pack_path)? else { return Ok(saved) };
    let mut target = None;
    let mut end = PACK_HEADER_LEN as u64;
    let (mut bytes, mut content) = (Vec::new(), Vec::new());
    for entry in journal.index_entries() {
        let len = journal.objects.get(&entry.id).map_or(0, |object| object.len);
        if entry.offset.saturating_add(len) > journal.end {
            continue;
        }
        bytes.resize(usize::try_from(len).unwrap_or(0), 0);
        if disk::read_at(&source, &journal.pack_path, &mut bytes, entry.offset).is_err() {
            continue;
        }
        let kind = match inflate_entry(format, &bytes, &mut content) {
            Ok(kind) if object_id(format, kind, &content) == entry.id => kind,
            _ => continue,
        };
        // Around good content the checksum of its stream may be damaged, which git would refuse.
        let packed = PackedObject::new(entry.id, kind, &content, Compression::Stored);
        let is_as_written = crc32fast::hash(&bytes) == entry.crc32;
        let (crc32, len, pieces) = if is_as_written {
            (entry.crc32, len, vec![bytes.as_slice()])
        } else {
            (packed.crc32, packed.len, packed.pieces())
        };
        if target.is_none() {
            let mut file = disk::create_new(path)?;
            disk::append(&mut file, path, &[&pack_header(0)])?;
            target = Some(file);
        }
        let file = target.as_mut().expect("it was made above");
        disk::append(file, path, &pieces)?;
        saved.push(EntryAt { offset: end, crc32, ..entry });
        end += len;
    }
    Ok(saved)
}
