//! Refs besides those of the entries: set in the journal by the one who owns them, or replaced by
//! whoever can say what is displaced.

use std::collections::{BTreeMap, HashSet};

use super::assemble::MadeObject;
use super::locked::{LockedStore, OnlyCollection};
use super::putting::{KeptObjects, Putting};
use super::{Inner, Store};
use crate::content::ObjectSink;
use crate::disk;
use crate::error::Result;
use crate::git::{
    Compression, ObjectId, PackedObject, PackedRefs, RefEdits, children_of, loose_refs,
    remove_loose_ref,
};
use crate::journal::NewNames;

/// A change of one ref, which happens only if the ref is what the caller believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefChange {
    /// The full name.
    pub(crate) name: String,
    /// What it stands for now; `None` if it is not there.
    pub(crate) expected: Option<ObjectId>,
    /// What it is to stand for; `None` removes it.
    pub(crate) new: Option<ObjectId>,
}

/// All refs below a folder, as the caller believes them to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unchanged {
    /// The folder, with its last `/`.
    pub(crate) folder: String,
    pub(crate) refs: BTreeMap<String, ObjectId>,
}

impl RefChange {
    /// Returns the condition that a ref stays as it is.
    pub(crate) fn unchanged(name: String, id: Option<ObjectId>) -> RefChange {
        RefChange { name, expected: id, new: id }
    }
}

impl Store {
    /// Appends objects, and the refs that stand for them, to the journal with one write: when this
    /// returns, both survive the death of the process. Only refs whose name nobody else sets.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub(crate) fn journal_refs(
        &self,
        objects: &[MadeObject],
        refs: &[(String, ObjectId)],
    ) -> Result<()> {
        drop(self.append_made(objects, refs)?);
        self.inner.flush_if_due();
        Ok(())
    }

    /// Appends objects to the journal. They, and what they name, stay as long as the answer is
    /// held: until then a ref must name them.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub(crate) fn journal_objects(&self, objects: &[MadeObject]) -> Result<KeptObjects<'_>> {
        Ok(self.append_made(objects, &[])?.keep())
    }

    /// Appends objects to the journal while no collection runs, so that they stay without a ref
    /// until the answer to [`Store::lock_collection`] goes.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub(crate) fn append_kept(
        &self,
        objects: &[MadeObject],
        _no_collection: &OnlyCollection,
    ) -> Result<()> {
        if objects.is_empty() {
            return Ok(());
        }
        self.inner.leave_journal_of_parent();
        let packed: Vec<PackedObject<'_>> = objects
            .iter()
            .map(|made| PackedObject::new(made.id, made.kind, &made.bytes, Compression::Stored))
            .collect();
        let mut writer = self.inner.writer.write().expect("no holder of this lock panics");
        self.inner.append_to(&mut writer, &packed, &[], NewNames { entries: &[], refs: &[] })
    }

    fn append_made(
        &self,
        objects: &[MadeObject],
        refs: &[(String, ObjectId)],
    ) -> Result<Putting<'_>> {
        self.inner.leave_journal_of_parent();
        self.inner.packs.refresh()?;
        let putting = Putting::begin(&self.inner);
        let made: HashSet<ObjectId> = objects.iter().map(|made| made.id).collect();
        for object in objects {
            let children = children_of(self.object_format(), object.kind, &object.bytes);
            for (child, _) in children.unwrap_or_default() {
                if !made.contains(&child) {
                    // What is in the journal of another is kept by that.
                    putting.contains(&child);
                }
            }
        }
        let new = objects.iter().filter(|made| !putting.contains(&made.id));
        let new: Vec<PackedObject<'_>> = new
            .map(|made| PackedObject::new(made.id, made.kind, &made.bytes, Compression::Stored))
            .collect();
        let mut writer = self.inner.writer.write().expect("no holder of this lock panics");
        putting.regain(&mut writer)?;
        self.inner.append_to(&mut writer, &new, &[], NewNames { entries: &[], refs })?;
        drop(writer);
        putting.note(new.iter().map(|object| object.id));
        Ok(putting)
    }

    /// Flushes, and carries out `changes` in one replacement of `packed-refs` if every ref is what
    /// is expected, and all refs of `unchanged` are what they were; returns whether that was so.
    /// If not, nothing changed.
    ///
    /// A ref that only the journal of another living process has is not there for this.
    ///
    /// # Errors
    /// As [`Store::flush`]; then nothing changed.
    pub(crate) fn swap_refs(
        &self,
        changes: &[RefChange],
        unchanged: Option<&Unchanged>,
    ) -> Result<bool> {
        let mut swapped = None;
        self.inner.flush_and(|locked| {
            if unchanged.is_none_or(|unchanged| is_unchanged(&self.inner, unchanged)) {
                swapped = swap(&self.inner, locked, changes, true)?;
            }
            Ok(())
        })?;
        Ok(swapped.is_some())
    }

    /// As [`Store::swap_refs`], but each change happens or not by itself; returns how many did.
    ///
    /// # Errors
    /// As [`Store::flush`]; then nothing changed.
    pub(crate) fn swap_each_ref(&self, changes: &[RefChange]) -> Result<usize> {
        let mut swapped = None;
        self.inner.flush_and(|locked| {
            swapped = swap(&self.inner, locked, changes, false)?;
            Ok(())
        })?;
        Ok(swapped.unwrap_or(0))
    }
}

fn is_unchanged(inner: &Inner, Unchanged { folder, refs }: &Unchanged) -> bool {
    let git_dir = &inner.repository.git_dir;
    let Ok(packed) = PackedRefs::open(git_dir, inner.repository.format) else { return false };
    let Ok(loose) = loose_refs(git_dir, folder.trim_end_matches('/')) else { return false };
    let mut found = loose;
    for (name, id) in packed.with_prefix(folder.as_bytes()) {
        found.entry(String::from_utf8_lossy(name).into_owned()).or_insert(id);
    }
    found == *refs
}

/// Returns how many of the changes were made; `None` if not all were as expected and all should.
fn swap(
    inner: &Inner,
    locked: &LockedStore<'_>,
    changes: &[RefChange],
    all: bool,
) -> Result<Option<usize>> {
    let git_dir = locked.git_dir();
    let packed = PackedRefs::open(git_dir, inner.repository.format)?;
    let mut edits = RefEdits::default();
    let mut loose_ones = Vec::new();
    let mut swapped = 0;
    for RefChange { name, expected, new } in changes {
        let loose = if disk::is_there(&git_dir.join(name)) {
            loose_refs(git_dir, name.rsplit_once('/').map_or("refs", |(folder, _)| folder))?
                .remove(name)
        } else {
            None
        };
        if loose.or_else(|| packed.find(name.as_bytes())) != *expected {
            if all {
                return Ok(None);
            }
            continue;
        }
        swapped += 1;
        if new == expected && loose.is_none() {
            continue;
        }
        if loose.is_some() {
            loose_ones.push(name);
        }
        match new {
            Some(id) => drop(edits.add.insert(name.clone(), *id)),
            None => drop(edits.remove.insert(name.clone())),
        }
    }
    drop(packed);
    locked.edit_refs(&edits)?;
    // A loose ref would hide what the packed one is now.
    loose_ones.into_iter().try_for_each(|name| remove_loose_ref(git_dir, name))?;
    Ok(Some(swapped))
}
