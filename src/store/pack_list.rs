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
    let listed: BTreeSet<&str> = listed.lines().collect();
    let packs = repository.objects_folder().join("pack");
    let mut others = present(&packs);
    // What nothing names, git keeps in packs with times.
    others.retain(|name| {
        !listed.contains(name.as_str()) && !disk::is_there(&packs.join(format!("{name}.mtimes")))
    });
    others
}

impl LockedStore<'_> {
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
/// two files then keeps the list that goes with the names.
fn write(repository: &Repository, names: &BTreeSet<String>) {
    let path = repository.own_folder().join(LIST);
    let text = text(names);
    let is_same =
        disk::read_if_there(&path).is_ok_and(|old| old.as_deref() == Some(text.as_bytes()));
    if !is_same && disk::replace_unsynced(&path, text.as_bytes()).is_err() {
        return;
    }
    drop(disk::copy_time(&repository.git_dir.join("packed-refs"), &path));
}
