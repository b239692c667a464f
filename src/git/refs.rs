//! Tags: a sorted view of `packed-refs`, and its replacement under git's own lock.
//!
//! recell writes its tags into `packed-refs` alone, in one sorted merge. It reads loose tags too,
//! as somebody else may have made them with plain git.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gix::ObjectId;
use gix::refs::packed;

use super::loose_refs::loose_refs;
use crate::config::ObjectFormat;
use crate::disk::{self, Signature};
use crate::error::{Error, Result};

/// What git writes first: the promise that names are sorted and tags of commits are followed.
pub(super) const HEADER: &[u8] = b"# pack-refs with: peeled fully-peeled sorted \n";

/// One state of `packed-refs`, mapped into memory: sorted lines of id, space, name.
pub(crate) struct PackedRefs {
    buffer: Option<packed::Buffer>,
    signature: Option<Signature>,
    /// The hex digits of an id.
    hex_len: usize,
}

impl PackedRefs {
    /// Opens the present state.
    ///
    /// # Errors
    /// [`Error::BrokenRefs`] if the file is not what git writes, [`Error::Disk`] if it cannot be
    /// looked at.
    pub(crate) fn open(git_dir: &Path, format: ObjectFormat) -> Result<PackedRefs> {
        let path = git_dir.join("packed-refs");
        loop {
            let signature = disk::signature(&path)?;
            let buffer = match signature {
                None => None,
                Some(_) => match packed::Buffer::open(path.clone(), 0, format.gix()) {
                    Ok(buffer) => Some(buffer),
                    Err(_) if disk::signature(&path)? != signature => continue,
                    Err(error) => {
                        let reason = error.to_string();
                        return Err(Error::BrokenRefs { path, reason });
                    }
                },
            };
            // Somebody may have replaced it between the look and the opening.
            if disk::signature(&path)? == signature {
                let hex_len = 2 * format.id_len();
                return Ok(PackedRefs { buffer, signature, hex_len });
            }
        }
    }

    /// Opens the present state, or, if it is not what git writes, nothing in its place.
    ///
    /// # Errors
    /// [`Error::Disk`] if it cannot be looked at.
    pub(crate) fn open_or_empty(git_dir: &Path, format: ObjectFormat) -> Result<PackedRefs> {
        match PackedRefs::open(git_dir, format) {
            Err(Error::BrokenRefs { path, .. }) => {
                let hex_len = 2 * format.id_len();
                Ok(PackedRefs { buffer: None, signature: disk::signature(&path)?, hex_len })
            }
            opened => opened,
        }
    }

    /// Whether the file is still the one that was opened. While it is mapped its inode cannot be
    /// given to another file, so that an equal signature is the same state.
    pub(crate) fn is_current(&self, git_dir: &Path) -> Result<bool> {
        Ok(disk::signature(&git_dir.join("packed-refs"))? == self.signature)
    }

    fn bytes(&self) -> &[u8] {
        self.buffer.as_ref().map_or(&[], |buffer| buffer.as_ref())
    }

    /// Returns the position of the first line whose name is not less than `name`.
    fn lower_bound(&self, name: &[u8]) -> usize {
        let bytes = self.bytes();
        let (mut low, mut high) = (0, bytes.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let start = line_start(bytes, low, middle);
            let end = line_end(bytes, middle);
            if self.name_of(&bytes[start..end]) < name {
                low = skip_peeled(bytes, end);
            } else {
                high = start;
            }
        }
        low
    }

    fn name_of<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        line.get(self.hex_len + 1..).unwrap_or_default()
    }

    fn read_line<'a>(&self, line: &'a [u8]) -> Option<(&'a [u8], ObjectId)> {
        let id = ObjectId::from_hex(line.get(..self.hex_len)?).ok()?;
        (line.get(self.hex_len) == Some(&b' ')).then(|| (self.name_of(line), id))
    }

    /// Returns the last ref whose name is less than `name`.
    pub(crate) fn before(&self, name: &[u8]) -> Option<(&[u8], ObjectId)> {
        let bytes = self.bytes();
        let end = self.lower_bound(name);
        let start = line_start(bytes, 0, end.checked_sub(1)?);
        self.read_line(&bytes[start..line_end(bytes, start)])
    }

    /// Returns the id of the ref of that name.
    pub(crate) fn find(&self, name: &[u8]) -> Option<ObjectId> {
        let bytes = self.bytes();
        let start = self.lower_bound(name);
        let line = &bytes[start..line_end(bytes, start)];
        self.read_line(line).filter(|(found, _)| *found == name).map(|(_, id)| id)
    }

    /// Returns the refs whose names start with `prefix`, sorted by name.
    pub(crate) fn with_prefix<'a, 'p>(
        &'a self,
        prefix: &'p [u8],
    ) -> impl Iterator<Item = (&'a [u8], ObjectId)> + use<'a, 'p> {
        self.from(prefix).take_while(move |(name, _)| name.starts_with(prefix))
    }

    /// Returns the refs whose names are not less than `name`, sorted by name.
    pub(crate) fn from<'a>(
        &'a self,
        name: &[u8],
    ) -> impl Iterator<Item = (&'a [u8], ObjectId)> + use<'a> {
        let bytes = self.bytes();
        let mut at = self.lower_bound(name);
        std::iter::from_fn(move || {
            while at < bytes.len() {
                let end = line_end(bytes, at);
                let line = self.read_line(&bytes[at..end]);
                at = end;
                // What is no ref is the line under an annotated tag, or a damaged one.
                if line.is_some() {
                    return line;
                }
            }
            None
        })
    }
}

/// Returns the start of the line that holds `at`, not before `low`; of the tag's own line where
/// `at` is in the line that follows an annotated tag.
fn line_start(bytes: &[u8], low: usize, mut at: usize) -> usize {
    loop {
        let newline = memchr::memrchr(b'\n', &bytes[low..at]);
        let start = newline.map_or(low, |newline| low + newline + 1);
        if start == low || bytes.get(start) != Some(&b'^') {
            return start;
        }
        at = start - 1;
    }
}

/// Returns where the line that holds `at` ends, its newline included.
fn line_end(bytes: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |newline| at + newline + 1)
}

fn skip_peeled(bytes: &[u8], at: usize) -> usize {
    if bytes.get(at) == Some(&b'^') { line_end(bytes, at) } else { at }
}

/// Returns the refs below `folder`, such as `refs/recell/pin`, that are `wanted`, sorted by name;
/// what plain git keeps as a file of its own outranks what is packed.
///
/// # Errors
/// [`Error::BrokenRefs`], [`Error::Disk`].
pub(crate) fn refs_below(
    git_dir: &Path,
    format: ObjectFormat,
    folder: &str,
    wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, ObjectId>> {
    // Loose before packed: plain git packs them, and one of the two looks must see each.
    let mut loose = loose_refs(git_dir, folder)?;
    loose.retain(|name, _| wanted(name));
    let packed = PackedRefs::open(git_dir, format)?;
    let prefix = format!("{folder}/");
    let named = |(name, id): (&[u8], _)| {
        let name = std::str::from_utf8(name).ok().filter(|name| wanted(name))?;
        Some((name.to_owned(), id))
    };
    let mut found: BTreeMap<String, ObjectId> =
        packed.with_prefix(prefix.as_bytes()).filter_map(named).collect();
    found.extend(loose);
    Ok(found)
}

/// What changes in `packed-refs`. A name that is to be removed and added is there afterwards.
#[derive(Debug, Default, Clone)]
pub(crate) struct RefEdits {
    pub(crate) add: BTreeMap<String, ObjectId>,
    pub(crate) remove: BTreeSet<String>,
}

/// Carries out `edits` in one replacement of `packed-refs` under git's own lock file.
///
/// Everybody else's refs stay as they are. Waits up to `patience` for another holder of the lock.
/// The caller holds recell's own flush lock, whose file `owner` tells a lock file that a dead
/// recell left from one that belongs to a running git. `once_read` is called when the names that
/// are to be changed were read, and before others are in their place.
///
/// Returns the identity of the file that was put in place; `None` if nothing was to change.
///
/// # Errors
/// [`Error::RefsLocked`] if somebody else kept the lock, [`Error::Disk`] if writing failed; then
/// nothing changed.
pub(crate) fn edit_packed_refs(
    git_dir: &Path,
    format: ObjectFormat,
    edits: &RefEdits,
    owner: &Path,
    patience: Duration,
    once_read: impl Fn(),
) -> Result<Option<String>> {
    if edits.add.is_empty() && edits.remove.is_empty() {
        return Ok(None);
    }
    let path = git_dir.join("packed-refs");
    let started = Instant::now();
    loop {
        let lock = RefsLock::take(git_dir, owner, patience)?;
        let current = PackedRefs::open(git_dir, format)?;
        once_read();
        disk::crash_point("refs read");
        if edits.remove.is_empty()
            && edits.add.iter().all(|(name, id)| current.find(name.as_bytes()) == Some(*id))
        {
            lock.release()?;
            return Ok(None);
        }
        let merged = merge(&current, edits);
        drop(current);
        lock.write(&merged)?;
        disk::crash_point("refs written");
        match lock.commit(&path) {
            // The lock was not ours any more: nothing changed, and the names may be others now.
            Err(Error::RefsLocked { .. }) if started.elapsed() < patience => {}
            committed => {
                let identity = committed?;
                disk::crash_point("refs renamed");
                return Ok(Some(identity));
            }
        }
    }
}

/// Writes `packed-refs` anew with just these refs and what annotated tags among
/// them stand for, under git's own lock; returns the identity of the file. The caller holds
/// recell's flush lock.
///
/// # Errors
/// As [`edit_packed_refs`].
pub(crate) fn replace_packed_refs(
    git_dir: &Path,
    refs: &BTreeMap<String, (ObjectId, Option<ObjectId>)>,
    owner: &Path,
    patience: Duration,
) -> Result<String> {
    let lock = RefsLock::take(git_dir, owner, patience)?;
    let mut out = HEADER.to_vec();
    for (name, (id, peeled)) in refs {
        out.extend_from_slice(format!("{id} {name}\n").as_bytes());
        if let Some(peeled) = peeled {
            out.extend_from_slice(format!("^{peeled}\n").as_bytes());
        }
    }
    lock.write(&out)?;
    lock.commit(&git_dir.join("packed-refs"))
}

fn merge(current: &PackedRefs, edits: &RefEdits) -> Vec<u8> {
    let bytes = current.bytes();
    let names = edits.add.keys().map(|name| name.len() + 66).sum::<usize>();
    let mut out = Vec::with_capacity(HEADER.len() + bytes.len() + names);
    out.extend_from_slice(HEADER);
    let changed: BTreeSet<&String> = edits.add.keys().chain(&edits.remove).collect();
    let mut copied = 0;
    for name in changed {
        let at = current.lower_bound(name.as_bytes()).max(copied);
        out.extend_from_slice(&bytes[copied..at]);
        copied = at;
        if let Some(id) = edits.add.get(name) {
            out.extend_from_slice(id.to_string().as_bytes());
            out.push(b' ');
            out.extend_from_slice(name.as_bytes());
            out.push(b'\n');
        }
        let end = line_end(bytes, at);
        if current.name_of(&bytes[at..end]) == name.as_bytes() {
            copied = skip_peeled(bytes, end);
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out
}

/// git's lock of `packed-refs`: whoever made `packed-refs.lock` may replace the file.
struct RefsLock {
    path: PathBuf,
    file: std::fs::File,
    owner: PathBuf,
    done: bool,
}

impl RefsLock {
    fn take(git_dir: &Path, owner: &Path, patience: Duration) -> Result<RefsLock> {
        let path = git_dir.join("packed-refs.lock");
        // Made under another name first, so that its inode is on record before the lock exists:
        // whoever finds the lock can tell whether it was ours.
        let draft = git_dir.join("recell").join("packed-refs.new");
        // While the draft of a dead one is there, nobody else's file can have its inode.
        remove_dead_lock(git_dir, owner)?;
        disk::remove(&draft)?;
        let file = disk::create_new(&draft)?;
        disk::replace_unsynced(owner, disk::identity(&file, &draft)?.as_bytes())?;
        let taken =
            |file| RefsLock { path: path.clone(), file, owner: owner.to_owned(), done: false };
        let started = Instant::now();
        loop {
            let error = match disk::link(&draft, &path) {
                Ok(()) => {
                    let lock = taken(file);
                    disk::remove(&draft)?;
                    disk::crash_point("refs locked");
                    return Ok(lock);
                }
                Err(error) => error,
            };
            if error.kind() != std::io::ErrorKind::AlreadyExists && !disk::is_there(&path) {
                // A file system without second names: the record comes a moment after the lock.
                let file = disk::create_new(&path)?;
                let lock = taken(file);
                disk::remove(&draft)?;
                disk::replace_unsynced(owner, disk::identity(&lock.file, &path)?.as_bytes())?;
                return Ok(lock);
            }
            // Copied from where somebody held it: nobody does here.
            if disk::is_copied_here(&path) && disk::remove(&path)? {
                continue;
            }
            if started.elapsed() > patience {
                disk::remove(&draft)?;
                disk::remove(owner)?;
                return Err(Error::RefsLocked { path });
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn write(&self, bytes: &[u8]) -> Result<()> {
        let mut handle = self.file.try_clone().map_err(|source| Error::Disk {
            action: "write",
            path: self.path.clone(),
            source,
        })?;
        disk::append(&mut handle, &self.path, &[bytes])?;
        disk::sync(&handle, &self.path)
    }

    /// Puts what was written in the place of `target`; returns the identity of the file.
    fn commit(mut self, target: &Path) -> Result<String> {
        let identity = disk::identity(&self.file, &self.path)?;
        // What copies whole folders may have put another file in its place.
        if disk::identity_at(&self.path)?.as_ref() != Some(&identity) {
            return Err(Error::RefsLocked { path: self.path.clone() });
        }
        disk::rename(&self.path, target)?;
        self.done = true;
        disk::remove(&self.owner)?;
        disk::sync_folder(target.parent().unwrap_or(target));
        Ok(identity)
    }

    fn release(mut self) -> Result<()> {
        self.done = true;
        disk::remove(&self.path)?;
        disk::remove(&self.owner)?;
        Ok(())
    }
}

impl Drop for RefsLock {
    fn drop(&mut self) {
        if !self.done {
            let is_ours = disk::identity_at(&self.path).ok().flatten()
                == disk::identity(&self.file, &self.path).ok();
            if is_ours || disk::is_copied_here(&self.path) {
                drop(disk::remove(&self.path));
            }
            drop(disk::remove(&self.owner));
        }
    }
}

/// Removes git's lock of `packed-refs` if a recell that died had made it, as the record `owner`
/// says. The caller holds recell's own flush lock.
///
/// # Errors
/// [`Error::Disk`] if a file cannot be looked at or removed.
pub(crate) fn remove_dead_lock(git_dir: &Path, owner: &Path) -> Result<()> {
    let lock = git_dir.join("packed-refs.lock");
    if let Some(record) = disk::read_if_there(owner)?
        && let Some(identity) = disk::identity_at(&lock)?
        && record == identity.as_bytes()
    {
        disk::remove(&lock)?;
    }
    Ok(())
}
