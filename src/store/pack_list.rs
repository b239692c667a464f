//! Which packs recell put into this store, so that those are known which something else brought: a
//! sync of the folder, or plain git (format.md, section 14).
//!
//! The list only ever says more about where packs are from: what cannot be noted is looked at once
//! more, and no error is worth failing for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::LockedStore;
use crate::disk;
use crate::error::Result;
use crate::git::Repository;

/// The list, in the folder of recell's own files: a name of a pack a line.
const LIST: &str = "packs";
/// The size of the list is that of `packed-refs`, but for multiples of this.
const STEP: usize = 4093;
/// What begins the line that tells a list from its copies.
const MADE: &str = "made ";
/// What begins the line that says with which `packed-refs` the list goes: its bytes and its time.
const NAMES: &str = "names ";

/// Notes a pack that is about to get its index in the folder `packs`.
pub(super) fn note(packs: &Path, name: &str) {
    let Some(git_dir) = packs.ancestors().nth(2) else { return };
    let path = git_dir.join("recell").join(LIST);
    if let Ok(Some(bytes)) = disk::read_if_there(&path) {
        if disk::append_line(&path, name).is_err() && present(packs).is_subset(&listed(&bytes)) {
            // On a full disk. Better no list than one that takes our own packs for others'.
            drop(disk::remove(&path));
        }
        return;
    }
    // A store that an earlier release wrote: what is there was put there by it.
    let mut names = present(packs);
    names.insert(name.to_owned());
    write(git_dir, &names);
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
    let is_torn = is_torn(&repository.git_dir, &bytes);
    let listed = if is_torn { BTreeSet::new() } else { listed(&bytes) };
    let packs = repository.objects_folder().join("pack");
    let mut others = present(&packs);
    // What nothing names, git keeps in packs with times; what it fetched in part, a remote has.
    let is_gits = |name: &String| {
        ["mtimes", "promisor"]
            .iter()
            .any(|end| disk::is_there(&packs.join(format!("{name}.{end}"))))
    };
    others.retain(|name| !listed.contains(name) && !is_gits(name));
    others
}

/// Whether the list was not written in this folder.
fn is_copied(path: &Path, bytes: &[u8]) -> bool {
    let identity = disk::identity_at(path).ok().flatten().unwrap_or_default();
    memchr::memmem::find(bytes, format!("{MADE}{identity}\n").as_bytes()).is_none()
}

/// Says which state of `packed-refs` a list goes with.
fn state_of_names(git_dir: &Path) -> String {
    let found = disk::signature(&git_dir.join("packed-refs")).ok().flatten();
    // Not every tool keeps more than seconds.
    let (size, seconds) = found.map_or((0, 0), |it| (it.size(), it.changed_micros() / 1_000_000));
    format!("{NAMES}{size} {seconds}\n")
}

/// Whether the list and the names are not of one state: a sync brought the one without the other.
/// A copy without its times is one of the whole folder.
fn is_torn(git_dir: &Path, bytes: &[u8]) -> bool {
    let path = git_dir.join("recell").join(LIST);
    let is_synced = disk::is_copied_here(&git_dir.join("packed-refs"))
        || (is_copied(&path, bytes) && disk::is_copied_here(&path));
    is_synced && memchr::memmem::find(bytes, state_of_names(git_dir).as_bytes()).is_none()
}

/// Makes a list that a sync brought one of this folder. If it is not of one state with the names,
/// nothing is known of any pack from then on. The caller holds the flush lock.
pub(super) fn take_over(repository: &Repository) {
    let path = repository.own_folder().join(LIST);
    let Ok(Some(bytes)) = disk::read_if_there(&path) else { return };
    if is_torn(&repository.git_dir, &bytes) {
        write(&repository.git_dir, &BTreeSet::new());
    } else if is_copied(&path, &bytes) {
        write(&repository.git_dir, &listed(&bytes));
    }
}

fn listed(bytes: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().filter(|line| line.starts_with("pack-")).map(str::to_owned).collect()
}

impl LockedStore<'_> {
    /// Looks whether a sync replaced `packed-refs` since this last looked, or since the lock was
    /// taken: it may not have the names that go with the listed packs.
    pub(super) fn look_for_foreign_names(&self) {
        let path = self.git_dir().join("packed-refs");
        let now = disk::identity_at(&path).ok().flatten();
        if *self.names_seen.borrow() != now && disk::is_copied_here(&path) {
            write(self.git_dir(), &BTreeSet::new());
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
        write(self.git_dir(), &names);
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
            write(self.git_dir(), &names);
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
fn write(git_dir: &Path, names: &BTreeSet<String>) {
    let folder = git_dir.join("recell");
    let (path, draft) = (folder.join(LIST), folder.join(".recell-packs"));
    let state = state_of_names(git_dir);
    let text = |identity: &str| {
        let mut text = format!("{MADE}{identity}\n{state}");
        for name in names {
            text.extend([name, "\n"]);
        }
        let size = disk::signature(&git_dir.join("packed-refs")).ok().flatten();
        let size = size.map_or(0, |found| usize::try_from(found.size()).unwrap_or(0));
        let padding = (STEP + size % STEP - (text.len() + 1) % STEP) % STEP;
        text.push_str(&".".repeat(padding));
        text.push('\n');
        text
    };
    let replace = || -> Result<()> {
        let own = disk::identity_at(&path)?;
        let is_same = own.is_some_and(|own| {
            disk::read_if_there(&path).is_ok_and(|it| it.as_deref() == Some(text(&own).as_bytes()))
        });
        if !is_same {
            disk::remove(&draft)?;
            let mut file = disk::create_new(&draft)?;
            let text = text(&disk::identity(&file, &draft)?);
            disk::append(&mut file, &draft, &[text.as_bytes()])?;
            disk::rename(&draft, &path)?;
        }
        disk::copy_time(&git_dir.join("packed-refs"), &path)
    };
    drop(replace());
}
