//! Which packs recell put into this store, so that those are known which something else brought: a
//! sync of the folder, or plain git (format.md, section 12).
//!
//! The list only ever says more about where packs are from: what cannot be noted is looked at once
//! more, and no error is worth failing for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::LockedStore;
use crate::disk;
use crate::git::Repository;

/// The list, in the folder of recell's own files: a name of a pack a line.
const LIST: &str = "packs";
/// The size of the list is that of `packed-refs`, but for multiples of this.
const STEP: usize = 4093;

/// Notes a pack that is about to get its index in the folder `packs`.
pub(super) fn note(packs: &Path, name: &str) {
    let Some(git_dir) = packs.ancestors().nth(2) else { return };
    let path = git_dir.join("recell").join(LIST);
    if disk::is_there(&path) {
        drop(disk::append_line(&path, name));
        return;
    }
    // A store that an earlier release wrote: what is there was put there by it.
    let mut names = present(packs);
    names.insert(name.to_owned());
    drop(disk::replace_unsynced(&path, text(&names).as_bytes()));
}

fn text(names: &BTreeSet<String>) -> String {
    names.iter().map(|name| format!("{name}\n")).collect()
}

/// Returns the packs that have an index.
fn present(packs: &Path) -> BTreeSet<String> {
    let listing = disk::list(packs).unwrap_or_default().into_iter();
    listing.filter_map(|entry| entry.name.strip_suffix(".idx").map(str::to_owned)).collect()
}

/// Returns the packs that something else put here; none if there is no list.
pub(super) fn unlisted(repository: &Repository) -> BTreeSet<String> {
    let path = repository.own_folder().join(LIST);
    let Ok(Some(bytes)) = disk::read_if_there(&path) else { return BTreeSet::new() };
    let listed = String::from_utf8_lossy(&bytes);
    let listed: BTreeSet<&str> =
        if is_torn(repository) { BTreeSet::new() } else { listed.lines().collect() };
    let packs = repository.objects_folder().join("pack");
    let mut others = present(&packs);
    // What nothing names, git keeps in packs with times.
    others.retain(|name| {
        !listed.contains(name.as_str()) && !disk::is_there(&packs.join(format!("{name}.mtimes")))
    });
    others
}

/// Whether the list and the names are not of one state: a sync brought the one without the other.
/// Where both are of one state they have the same time.
fn is_torn(repository: &Repository) -> bool {
    let paths = [repository.own_folder().join(LIST), repository.git_dir.join("packed-refs")];
    let [Some(list), Some(names)] =
        paths.each_ref().map(|path| disk::signature(path).ok().flatten())
    else {
        return false;
    };
    list.changed_micros() != names.changed_micros()
        && paths.iter().any(|path| disk::is_copied_here(path))
}

/// Empties a list that is not of one state with the names: then nothing is known of any pack. The
/// caller holds the flush lock, and is about to change the times by which that can be told.
pub(super) fn distrust_if_torn(repository: &Repository) {
    if is_torn(repository) {
        distrust(repository);
    }
}

fn distrust(repository: &Repository) {
    drop(disk::replace_unsynced(&repository.own_folder().join(LIST), b""));
}

impl LockedStore<'_> {
    /// Looks whether a sync replaced `packed-refs` since this last looked, or since the lock was
    /// taken: it may not have the names that go with the listed packs.
    pub(super) fn look_for_foreign_names(&self) {
        let path = self.git_dir().join("packed-refs");
        let now = disk::identity_at(&path).ok().flatten();
        if *self.names_seen.borrow() != now && disk::is_copied_here(&path) {
            distrust(&self.inner.repository);
        }
    }

    /// Takes note of `packed-refs` as it is, which nobody else changed.
    pub(super) fn names_are_ours(&self) {
        let path = self.git_dir().join("packed-refs");
        *self.names_seen.borrow_mut() = disk::identity_at(&path).ok().flatten();
    }

    /// Takes all packs but `except` into the list.
    pub(crate) fn adopt_packs(&self, except: &BTreeSet<String>) {
        let mut names = present(&self.packs_folder());
        names.retain(|name| !except.contains(name));
        write(&self.inner.repository, &names);
    }

    /// Takes what copies of the list say into it: the names that go with these are known, too.
    pub(crate) fn take_in_pack_lists(&self, copies: &[PathBuf]) {
        let mut others = unlisted(&self.inner.repository);
        for path in copies.iter().filter(|path| is_copy_of_list(path)) {
            let bytes = disk::read_if_there(path).ok().flatten().unwrap_or_default();
            for name in String::from_utf8_lossy(&bytes).lines() {
                others.remove(name);
            }
        }
        self.adopt_packs(&others);
    }

    /// Takes packs that went out of the list.
    pub(super) fn tidy_pack_list(&self) {
        let repository = &self.inner.repository;
        let mut names = present(&self.packs_folder());
        let others = unlisted(repository);
        names.retain(|name| !others.contains(name));
        if !names.is_empty() || disk::is_there(&repository.own_folder().join(LIST)) {
            write(repository, &names);
        }
    }
}

fn is_copy_of_list(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_own = path.parent().is_some_and(|folder| folder.ends_with("recell"));
    is_own && name.contains(LIST) && name != LIST
}

/// Writes the list, if it is another, with the time of `packed-refs`: whatever keeps the newer of
/// two files then keeps the list that goes with the names. As it may be one that takes files of the
/// same second and size for the same, the list is filled up to a size that differs where that of
/// the names does.
fn write(repository: &Repository, names: &BTreeSet<String>) {
    let path = repository.own_folder().join(LIST);
    let packed_refs = repository.git_dir.join("packed-refs");
    let mut text = text(names);
    let size = disk::signature(&packed_refs).ok().flatten().map_or(0, |found| found.size());
    let size = usize::try_from(size).unwrap_or(0);
    let padding = (STEP + size % STEP - (text.len() + 1) % STEP) % STEP;
    text.push_str(&".".repeat(padding));
    text.push('\n');
    let is_same =
        disk::read_if_there(&path).is_ok_and(|old| old.as_deref() == Some(text.as_bytes()));
    if !is_same && disk::replace_unsynced(&path, text.as_bytes()).is_err() {
        return;
    }
    drop(disk::copy_time(&packed_refs, &path));
}
