//! Entries made anew: new manifests over the same parts, and the old names in the trash.

use super::assemble::{Assembled, MadeObject, assemble};
use super::local::local_ref;
use super::pin::{PIN_FOLDER, pin_ref};
use super::putting::{KeptObjects, Putting};
use super::trash::to_trash;
use super::trust::foreign_ref;
use super::{Entry, Inner, Standing, Store};
use crate::clock::Timestamp;
use crate::entry::{CodeRisk, MANIFEST_FILE, Manifest};
use crate::error::Result;
use crate::git::{
    Compression, Kind, ObjectId, PackedObject, RefEdits, TreeEntry, TreeMode, object_id,
    tree_bytes, tree_entries,
};
use crate::index::TAGS;
use crate::journal::NewNames;
use crate::lookup::Miss;
use crate::name::EntryName;

const UNPOISONED: &str = "no holder of this lock panics";

/// An entry that is to stand under another name.
pub(crate) struct Remade {
    /// Its name so far.
    pub(crate) old: EntryName,
    /// Its name from then on.
    pub(crate) new: EntryName,
    tree: ObjectId,
    objects: Vec<MadeObject>,
    /// The tree of its local parts, if other ones stay local than under the old name.
    local: Option<ObjectId>,
    /// Whether it can run code and came from elsewhere: under its new name no ledger says so.
    is_foreign: bool,
}

impl Store {
    /// Returns what `entry` would be with another manifest of the same parts; `None` if its tree
    /// cannot be read. Nothing is stored.
    pub(crate) fn remade(&self, entry: &Entry, manifest: &Manifest) -> Option<Remade> {
        let format = self.inner.repository.format;
        let old_tree = self.tree_of(entry.name())?;
        let mut bytes = Vec::new();
        if self.read_object(&old_tree, &mut bytes)? != Kind::Tree {
            return None;
        }
        let text = manifest.to_toml().into_bytes();
        let id = object_id(format, Kind::Blob, &text);
        let mut entries: Vec<TreeEntry<'_>> = Vec::new();
        for entry in tree_entries(format, &bytes)? {
            entries.push(match entry.name {
                MANIFEST_FILE => TreeEntry { mode: TreeMode::File, id, ..entry },
                _ => entry,
            });
        }
        let tree_text = tree_bytes(&mut entries);
        let tree = object_id(format, Kind::Tree, &tree_text);
        let new = EntryName::new(&manifest.key.path(), manifest.created_at, &tree.to_string());
        let objects = vec![
            MadeObject { id, kind: Kind::Blob, bytes: text },
            MadeObject { id: tree, kind: Kind::Tree, bytes: tree_text },
        ];
        let (local, is_foreign) = (None, self.is_foreign(entry, &old_tree, manifest));
        Some(Remade { old: entry.name().clone(), new, tree, objects, local, is_foreign })
    }

    /// Returns what `entry` would be with another manifest, of which other parts stay local.
    /// Nothing is stored.
    ///
    /// # Errors
    /// The [`Miss`] if the entry does not have its parts.
    pub(crate) fn remade_with_local(
        &self,
        entry: &Entry,
        manifest: &Manifest,
    ) -> std::result::Result<Remade, Miss> {
        let format = self.inner.repository.format;
        let mut ids = Vec::with_capacity(manifest.parts.len());
        for (_, object) in entry.part_objects() {
            ids.push(match object {
                Ok(id) => Some(id),
                Err(Miss::LocalElsewhere { .. }) => None,
                Err(miss) => return Err(miss),
            });
        }
        let entry_tree = self.tree_of(entry.name());
        let Assembled { objects, tree, local } = assemble(format, manifest, ids);
        let new = EntryName::new(&manifest.key.path(), manifest.created_at, &tree.to_string());
        let is_foreign = entry_tree.is_none_or(|old| self.is_foreign(entry, &old, manifest));
        Ok(Remade { old: entry.name().clone(), new, tree, objects, local, is_foreign })
    }

    fn is_foreign(&self, entry: &Entry, tree: &ObjectId, manifest: &Manifest) -> bool {
        manifest.parts.iter().any(|part| CodeRisk::of(part).is_some())
            && self.inner.standing(entry.name(), tree, false) != Standing::Own
    }

    /// Gives each entry its new name and moves the old one to the trash under the time `now`, or the
    /// next at which nothing was removed, all in one replacement of `packed-refs`; pins and local
    /// parts go along in the same. Returns the old names that stay, as the process that put them is
    /// still writing: those have no new name either.
    ///
    /// # Errors
    /// As [`Store::flush`]; then no name changed.
    pub(crate) fn rename_entries(
        &self,
        remade: &[Remade],
        now: Timestamp,
    ) -> Result<Vec<EntryName>> {
        let _kept = self.inner.append_remade(remade)?;
        let has_foreign = remade.iter().any(|remade| remade.is_foreign);
        let mark = has_foreign.then(|| self.keep_mark()).transpose()?;
        let mut busy = Vec::new();
        self.inner.change_refs(|flushed| {
            let when = self.moment_of_removal(now)?;
            let pins = self.refs_below(PIN_FOLDER)?;
            let mut edits = RefEdits::default();
            for Remade { old, new, tree, local, is_foreign, .. } in remade {
                let Some(old_tree) = flushed.tree_of(old) else {
                    busy.push(old.clone());
                    continue;
                };
                if let Some((mark, _)) = &mark
                    && *is_foreign
                    && flushed.tree_of(new).is_none()
                {
                    edits.add.insert(foreign_ref(new), *mark);
                }
                edits.add.insert(format!("{TAGS}{new}"), *tree);
                let local = local.or_else(|| flushed.local_of(old));
                edits.add.extend(local.map(|local| (local_ref(new), local)));
                to_trash(&mut edits, flushed, old, old_tree, when);
                let pin = pin_ref(old);
                if pins.contains_key(&pin) {
                    edits.add.insert(pin_ref(new), *tree);
                    edits.remove.insert(pin);
                }
            }
            Ok(edits)
        })?;
        Ok(busy)
    }
}

impl Inner {
    /// Appends what the new names stand for to the journal, in steps of bounded size; it stays as
    /// long as the answer is held. Should we die before the names change, nothing names it, and gc
    /// gives it back.
    fn append_remade(&self, remade: &[Remade]) -> Result<KeptObjects<'_>> {
        self.packs.refresh()?;
        let putting = Putting::begin(self);
        for some in remade.chunks(1024) {
            let objects: Vec<PackedObject<'_>> = some
                .iter()
                .flat_map(|remade| &remade.objects)
                .map(|made| PackedObject::new(made.id, made.kind, &made.bytes, Compression::Stored))
                .collect();
            let mut writer = self.writer.write().expect(UNPOISONED);
            self.append_to(&mut writer, &objects, &[], NewNames::default())?;
            putting.note(objects.iter().map(|object| object.id));
        }
        Ok(putting.keep())
    }
}
