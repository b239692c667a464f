//! Which packs recell put into this store, so that those are known which something else brought: a
//! sync of the folder, or plain git (format.md, section 14).
//!
//! The list only ever says more about where packs are from: what cannot be noted is looked at once
//! more, and no error is worth failing for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::arrived::Arrived;
use super::{LockedStore, leftovers};
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
    if !disk::is_there(&path) {
        // A store that an earlier release wrote: what is there was put there by it.
        write(git_dir, &NamesState::of(git_dir), &present(packs));
    }
    // Its names come later: in a copy of list and names that is made before, it does not count.
    let Ok(Some(file)) = disk::open_for_change(&path) else { return };
    let Ok(bytes) = disk::read_from(&file, &path, 0) else { return };
    // What a sync put here this very moment stays as it came, time and all.
    let Ok(identity) = disk::identity(&file, &path) else { return };
    if is_of_another(&identity, &bytes) {
        return;
    }
    let line = format!("{name}\n");
    if disk::write_at(&file, &path, line.as_bytes(), bytes.len() as u64).is_err()
        && present(packs).is_subset(&listed(&bytes, false))
    {
        // On a full disk. Better no list than one that takes our own packs for others'.
        drop(disk::remove(&path));
    }
}

/// Returns the packs that have an index.
fn present(packs: &Path) -> BTreeSet<String> {
    let listing = disk::list(packs).unwrap_or_default().into_iter();
    listing.filter_map(|entry| entry.name.strip_suffix(".idx").map(str::to_owned)).collect()
}

/// A state of `packed-refs`, as far as a list says with which one it goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct NamesState {
    size: u64,
    /// When it was changed, in microseconds since 1970.
    changed: i64,
    /// Whether a copy that keeps times put it here.
    is_copied: bool,
}

impl NamesState {
    /// Looks at `packed-refs` as it is now. Something else may replace it at any time: whoever says
    /// which packs are known takes the state first, and then reads the names.
    pub(super) fn of(git_dir: &Path) -> NamesState {
        let path = git_dir.join("packed-refs");
        let Ok(Some(found)) = disk::signature(&path) else { return NamesState::default() };
        let changed = found.changed_micros();
        NamesState { size: found.size(), changed, is_copied: disk::is_copied_here(&path) }
    }

    fn line(&self) -> String {
        format!("{NAMES}{} {}\n", self.size, self.changed)
    }

    /// Whether a list says that it goes with this state. Two copies may both change names in one
    /// second, to the same size; but not every tool keeps more of a time than seconds.
    fn is_that_of(&self, list: &[u8]) -> bool {
        let Some((size, changed)) = names_of(list) else { return false };
        let is_then = |changed: i64| {
            let as_kept = |unit: i64| changed - changed.rem_euclid(unit) == self.changed;
            [1, 1_000, 1_000_000].into_iter().any(as_kept)
        };
        size == self.size && is_then(changed)
    }

    fn has_size_of(&self, list: &[u8]) -> bool {
        names_of(list).is_some_and(|(size, _)| size == self.size)
    }
}

/// Returns the size of the names that a list goes with, and when they were changed.
fn names_of(list: &[u8]) -> Option<(u64, i64)> {
    let text = String::from_utf8_lossy(list);
    let line = text.lines().find_map(|line| line.strip_prefix(NAMES));
    let (size, changed) = line?.split_once(' ')?;
    Some((size.parse().ok()?, changed.parse().ok()?))
}

/// The packs of a store, at one look: one that comes a moment later is in neither.
#[derive(Debug, Default)]
pub(super) struct Packs {
    /// Those whose names are there, or on their way.
    known: BTreeSet<String>,
    /// Those that something else put here; none if there is no list.
    pub(super) others: BTreeSet<String>,
}

impl Packs {
    /// Looks at the packs, as the names are `state`.
    pub(super) fn of(repository: &Repository, state: &NamesState) -> Packs {
        let path = repository.own_folder().join(LIST);
        let packs = repository.objects_folder().join("pack");
        let present = present(&packs);
        let Ok(Some(bytes)) = disk::read_if_there(&path) else {
            return Packs { known: present, others: BTreeSet::new() };
        };
        let is_torn = is_torn(&path, &bytes, state);
        let listed =
            if is_torn { BTreeSet::new() } else { listed(&bytes, is_copied(&path, &bytes)) };
        // What nothing names, git keeps in packs with times; what it fetched in part, a remote has.
        let is_gits = |name: &String| {
            ["mtimes", "promisor"]
                .iter()
                .any(|end| disk::is_there(&packs.join(format!("{name}.{end}"))))
        };
        let is_known = |name: &String| listed.contains(name) || is_gits(name);
        let (known, others) = present.into_iter().partition(is_known);
        Packs { known, others }
    }

    /// Counts those of the others as known that `is_known` takes.
    fn adopt(&mut self, is_known: impl Fn(&str) -> bool) {
        let (known, others) =
            std::mem::take(&mut self.others).into_iter().partition(|it| is_known(it));
        self.others = others;
        self.known.extend::<BTreeSet<String>>(known);
    }
}

/// Whether the list was not written in this folder.
fn is_copied(path: &Path, bytes: &[u8]) -> bool {
    is_of_another(&disk::identity_at(path).ok().flatten().unwrap_or_default(), bytes)
}

/// Whether a list says that it was written as another file than that of this identity.
fn is_of_another(identity: &str, bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, format!("{MADE}{identity}\n").as_bytes()).is_none()
}

/// Whether the list and the names are not of one state: a sync brought the one without the other.
/// A copy without its times is one of the whole folder.
fn is_torn(path: &Path, bytes: &[u8], state: &NamesState) -> bool {
    let is_list_copied = is_copied(path, bytes);
    // A clock that stands still for a moment makes a list that was just written on, and copied at
    // once, look like one that was copied without its time: then the size of the names tells.
    let is_of_whole_folder =
        !state.is_copied && !disk::is_copied_here(path) && state.has_size_of(bytes);
    (state.is_copied || is_list_copied) && !state.is_that_of(bytes) && !is_of_whole_folder
}

/// Makes a list that a sync brought one of this folder. If it is not of one state with the names,
/// nothing is known of any pack from then on. The caller holds the flush lock.
pub(super) fn take_over(repository: &Repository) {
    let path = repository.own_folder().join(LIST);
    let Ok(Some(bytes)) = disk::read_if_there(&path) else { return };
    let state = NamesState::of(&repository.git_dir);
    if is_torn(&path, &bytes, &state) {
        write(&repository.git_dir, &state, &BTreeSet::new());
    } else if is_copied(&path, &bytes) {
        write(&repository.git_dir, &state, &listed(&bytes, true));
    }
}

/// Returns the packs in the list. Behind the line that fills it up stand those that were noted
/// since, whose names may not be there yet: in a copy of the list these do not count.
fn listed(bytes: &[u8], is_copied: bool) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(bytes);
    let is_filling = |line: &&str| line.bytes().all(|byte| byte == b'.');
    let lines = text.lines().take_while(|line| !(is_copied && is_filling(line)));
    lines.filter(|line| line.starts_with("pack-")).map(str::to_owned).collect()
}

impl LockedStore<'_> {
    /// Looks whether anybody else replaced `packed-refs` since this last looked, or since the lock
    /// was taken: if it was a sync, the names that go with the listed packs may not be there.
    pub(super) fn look_for_foreign_names(&self) {
        let path = self.git_dir().join("packed-refs");
        let now = disk::identity_at(&path).ok().flatten();
        let before = self.names_seen.replace(now.clone());
        // Whoever it was: that a git did just then costs a look through the packs, once.
        if before != now {
            write(self.git_dir(), &NamesState::of(self.git_dir()), &BTreeSet::new());
        }
    }

    /// Takes the packs that were looked through, and in which nothing waits for its name, into the
    /// list.
    pub(crate) fn adopt_packs(&self, arrived: &Arrived) {
        let mut packs = Packs::of(&self.inner.repository, &arrived.names);
        packs.adopt(|name| arrived.looked_through.contains(name) && !arrived.packs.contains(name));
        self.list(&arrived.names, packs.known);
    }

    /// Takes what copies of the list say into it: the names that go with these are known, too.
    pub(crate) fn take_in_pack_lists(&self, copies: &[PathBuf]) {
        let state = NamesState::of(self.git_dir());
        let mut packs = Packs::of(&self.inner.repository, &state);
        for path in copies.iter().filter(|path| is_copy_of_list(path)) {
            let bytes = disk::read_if_there(path).ok().flatten().unwrap_or_default();
            let known = listed(&bytes, true);
            packs.adopt(|name| known.contains(name));
        }
        self.list(&state, packs.known);
    }

    /// Takes packs that went out of the list.
    pub(super) fn tidy_pack_list(&self) {
        let state = NamesState::of(self.git_dir());
        let packs = Packs::of(&self.inner.repository, &state);
        disk::crash_point("packs counted");
        self.list(&state, packs.known);
    }

    /// Writes the list with these packs.
    fn list(&self, state: &NamesState, packs: BTreeSet<String>) {
        let folder = self.packs_folder();
        let (waiting, names): (BTreeSet<String>, BTreeSet<String>) =
            packs.into_iter().partition(|name| {
                leftovers::is_unfinished(&folder.join(format!("{name}.pack"))).unwrap_or(true)
            });
        if !(names.is_empty() && waiting.is_empty())
            || disk::is_there(&self.own_folder().join(LIST))
        {
            write(self.git_dir(), state, &names);
        }
        // A flush that died, or is not done yet, left their names in its journal.
        for name in &waiting {
            note(&folder, name);
        }
    }
}

fn is_copy_of_list(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_own = path.parent().is_some_and(|folder| folder.ends_with("recell"));
    is_own && name.contains(LIST) && name != LIST
}

/// Writes the list of packs whose names are in `packed-refs` as it was in `state`, if it is another,
/// with the time of `packed-refs`: whatever keeps the newer of two files then keeps the list that
/// goes with the names. As it may be one that takes files of the same second and size for the same,
/// the list is filled up to a size that differs where that of the names does.
fn write(git_dir: &Path, state: &NamesState, names: &BTreeSet<String>) {
    let folder = git_dir.join("recell");
    let (path, draft) = (folder.join(LIST), folder.join(".recell-packs"));
    let text = |identity: &str| {
        let mut text = format!("{MADE}{identity}\n{}", state.line());
        for name in names {
            text.extend([name, "\n"]);
        }
        let size = usize::try_from(state.size).unwrap_or(0);
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
    // A sync may have put a draft of another copy in the way.
    if replace().is_err() {
        drop(replace());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_goes_with_names_of_one_size_and_one_moment() {
        let state = |size, changed| NamesState { size, changed, is_copied: true };
        let list = format!("made 1 2\n{}pack-1\n...\n", state(70, 5_123_456).line());
        for (size, changed, is_of_it, why) in [
            (70, 5_123_456, true, "as it was"),
            (70, 5_123_000, true, "a tool that keeps milliseconds"),
            (70, 5_000_000, true, "a tool that keeps seconds"),
            (71, 5_123_456, false, "more names"),
            (70, 5_123_457, false, "changed on another side in the same second"),
            (70, 4_000_000, false, "an earlier second"),
            (0, 0, false, "no names"),
        ] {
            assert_eq!(state(size, changed).is_that_of(list.as_bytes()), is_of_it, "{why}");
        }
        assert!(!state(0, 0).is_that_of(b""));
    }

    #[test]
    fn a_list_that_was_copied_within_a_tick_of_the_clock_goes_with_names_of_its_size_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LIST);
        let state = |size| NamesState { size, changed: 9_000_000, is_copied: false };
        let list = format!("made 1 2\n{}pack-1\n...\npack-2\n", state(70).line());
        let list = list.replace("9000000", "5000000");
        // Changed when it was made, or after.
        disk::replace(&path, list.as_bytes()).unwrap();
        assert!(!disk::is_copied_here(&path) && is_copied(&path, list.as_bytes()));
        assert!(!is_torn(&path, list.as_bytes(), &state(70)), "a copy of all, without its times");
        assert!(is_torn(&path, list.as_bytes(), &state(140)), "the names are those of this folder");
        let own = disk::identity_at(&path).unwrap().unwrap();
        let list = list.replace("made 1 2", &format!("made {own}"));
        assert!(!is_torn(&path, list.as_bytes(), &state(140)), "plain git changed names");
        let copied = NamesState { is_copied: true, ..state(70) };
        assert!(is_torn(&path, list.as_bytes(), &copied), "a sync did");
    }

    #[test]
    fn what_is_noted_after_a_list_was_written_counts_in_its_folder_alone() {
        let (a, b) = ("pack-a".to_owned(), "pack-b".to_owned());
        for filling in ["", "...."] {
            let list = format!("made 1 2\nnames 1 2\n{a}\n{filling}\n{b}\n");
            assert_eq!(listed(list.as_bytes(), false), [a.clone(), b.clone()].into());
            assert_eq!(listed(list.as_bytes(), true), [a.clone()].into());
        }
    }
}
