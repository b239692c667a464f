//! The only place that touches the file system: every error names its path.
//!
//! In debug builds it is also where a test makes a crash or a full disk happen: [`arm_faults`].
#![expect(clippy::disallowed_methods, reason = "this module is the home of std::fs")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::{Error, Result};

mod faults;
mod signature;
mod watch;

pub(crate) use faults::{Faults, arm_faults, crash_point};
pub(crate) use signature::{Signature, signature, signature_of};
pub(crate) use watch::WatchedFolder;

use faults::allowance;

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Disk { action, path, source }
}

/// Returns `None` where the system says that there is nothing at that path.
fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Reads a whole file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(failed("read", path))
}

/// Reads a whole file; `None` if it is not there.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    if_there(fs::read(path)).map_err(failed("read", path))
}

/// Opens a file for reading; `None` if it is not there.
pub(crate) fn open_if_there(path: &Path) -> Result<Option<File>> {
    if_there(File::open(path)).map_err(failed("open", path))
}

/// Opens a file for reading.
pub(crate) fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(failed("open", path))
}

/// Opens a file for reading and writing; `None` if it is not there.
pub(crate) fn open_for_change(path: &Path) -> Result<Option<File>> {
    if_there(OpenOptions::new().read(true).write(true).open(path)).map_err(failed("open", path))
}

/// Opens a file for reading and writing, making it if need be; its bytes are kept.
pub(crate) fn open_or_create(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(failed("open", path))
}

/// Makes a file that must not be there yet, for reading and writing.
pub(crate) fn create_new(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(failed("create", path))
}

/// Writes all of `pieces` one after the other at the end of `file`, in as few calls as possible.
pub(crate) fn append(file: &mut File, path: &Path, pieces: &[&[u8]]) -> Result<()> {
    let total = pieces.iter().map(|piece| piece.len()).sum();
    let write = |file: &mut File| {
        let allowed = allowance(total);
        if allowed < total {
            // A disk that fills up takes the first bytes of a write.
            file.write_all(&pieces.concat()[..allowed])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        write_all_vectored(file, pieces, total)
    };
    write(file).map_err(failed("write", path))
}

fn write_all_vectored(file: &mut File, pieces: &[&[u8]], total: usize) -> io::Result<()> {
    if let [only] = pieces {
        return file.write_all(only);
    }
    // Linux takes 1,024 slices a call (IOV_MAX); the standard library cuts the list there.
    let mut slices: Vec<io::IoSlice<'_>> = pieces.iter().map(|p| io::IoSlice::new(p)).collect();
    let mut rest = slices.as_mut_slice();
    let mut left = total;
    while left > 0 {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                left -= written;
                io::IoSlice::advance_slices(&mut rest, written);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Opens a file so that each write goes to its end, wherever that is by then; makes it if need be.
pub(crate) fn open_to_append(path: &Path) -> Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed("open", path))
}

/// Adds a line to a text file, which is made if need be, in one write.
pub(crate) fn append_line(path: &Path, line: &str) -> Result<()> {
    let mut file =
        OpenOptions::new().append(true).create(true).open(path).map_err(failed("open", path))?;
    append(&mut file, path, &[format!("{line}\n").as_bytes()])
}

/// Adds bytes at the end of a file, which is made if need be, in one write; returns how long it is
/// then. Writes of several processes do not mix.
pub(crate) fn append_to(path: &Path, bytes: &[u8]) -> Result<u64> {
    let mut file =
        OpenOptions::new().append(true).create(true).open(path).map_err(failed("open", path))?;
    append(&mut file, path, &[bytes])?;
    Ok(file.metadata().map_err(failed("look at", path))?.len())
}

/// Overwrites `bytes` at `offset`.
pub(crate) fn write_at(file: &File, path: &Path, bytes: &[u8], offset: u64) -> Result<()> {
    use std::os::unix::fs::FileExt;
    let write = || {
        let allowed = allowance(bytes.len());
        file.write_all_at(&bytes[..allowed], offset)?;
        if allowed < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    };
    write().map_err(failed("write", path))
}

/// Fills `buffer` from `offset`; fails if the file ends before.
pub(crate) fn read_at(file: &File, path: &Path, buffer: &mut [u8], offset: u64) -> Result<()> {
    use std::os::unix::fs::FileExt;
    file.read_exact_at(buffer, offset).map_err(failed("read", path))
}

/// Reads from `offset` to the end of the file.
pub(crate) fn read_from(file: &File, path: &Path, offset: u64) -> Result<Vec<u8>> {
    use std::os::unix::fs::FileExt;
    let length = file.metadata().map_err(failed("read", path))?.len().saturating_sub(offset);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed("read", path)(error)),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Cuts a file to `length` bytes.
pub(crate) fn truncate(file: &File, path: &Path, length: u64) -> Result<()> {
    file.set_len(length).map_err(failed("cut", path))
}

/// Waits until the bytes of a file are on the device.
pub(crate) fn sync(file: &File, path: &Path) -> Result<()> {
    file.sync_data().map_err(failed("sync", path))
}

/// Waits until the names in a folder are on the device.
pub(crate) fn sync_folder(path: &Path) {
    // A folder that cannot be opened for reading, or a file system without the call, is not worth
    // failing for: the bytes of its files were synced.
    if let Ok(folder) = File::open(path) {
        drop(folder.sync_all());
    }
}

/// Replaces a file by `bytes` so that a reader sees the old or the new bytes, never a mixture;
/// they are on the device when this returns. Permissions are kept.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    replace_with(path, bytes, true)
}

/// Replaces a file like [`replace`], without waiting for the device.
pub(crate) fn replace_unsynced(path: &Path, bytes: &[u8]) -> Result<()> {
    replace_with(path, bytes, false)
}

/// What the names of files start with that are about to replace another.
const TEMPORARY: &str = ".recell-";

/// Whether a file of that name is, or was until a crash, about to replace another.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY)
}

fn replace_with(path: &Path, bytes: &[u8], synced: bool) -> Result<()> {
    // A link is followed, so that the file it names changes and the link stays.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().unwrap_or_else(|| Path::new("."));
    let write = || {
        let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder)?;
        if allowance(bytes.len()) < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.write_all(bytes)?;
        match fs::metadata(&target) {
            Ok(old) => fs::set_permissions(file.path(), old.permissions())?,
            Err(_) => make_ordinary(file.as_file())?,
        }
        if synced {
            file.as_file().sync_data()?;
        }
        file.persist(&target).map_err(|failure| failure.error)?;
        Ok(())
    };
    write().map_err(failed("write", path))?;
    if synced {
        sync_folder(folder);
    }
    Ok(())
}

/// Gives a temporary file the permissions that a newly made file has.
fn make_ordinary(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o666 & !umask()))
}

/// The permissions that new files are denied; asked for once.
fn umask() -> u32 {
    static UMASK: OnceLock<u32> = OnceLock::new();
    // The kernel tells without changing it, unlike the system call of that name.
    *UMASK.get_or_init(|| {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        status
            .lines()
            .find_map(|line| line.strip_prefix("Umask:"))
            .and_then(|octal| u32::from_str_radix(octal.trim(), 8).ok())
            .unwrap_or(0o022)
    })
}

/// Gives a file the time of change of another, if both are there and it has not got it already.
pub(crate) fn copy_time(from: &Path, to: &Path) -> Result<()> {
    let time = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    let copy = || {
        let Some(wanted) = if_there(time(from))? else { return Ok(()) };
        if time(to)? == wanted {
            return Ok(());
        }
        OpenOptions::new().append(true).open(to)?.set_modified(wanted)
    };
    copy().map_err(failed("set the time of", to))
}

/// Renames a file, replacing what is there.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(failed("rename to", to))
}

/// Makes a file without a name in `folder`: it is gone when it is closed.
pub(crate) fn unnamed_file(folder: &Path) -> io::Result<File> {
    tempfile::tempfile_in(folder)
}

/// Gives a file a second name; fails if that name is taken.
pub(crate) fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)
}

/// Removes a file; says whether it was there.
pub(crate) fn remove(path: &Path) -> Result<bool> {
    if_there(fs::remove_file(path)).map(|done| done.is_some()).map_err(failed("remove", path))
}

/// Removes a folder with all that is in it.
pub(crate) fn remove_all(path: &Path) -> Result<()> {
    if_there(fs::remove_dir_all(path)).map(drop).map_err(failed("remove", path))
}

/// Removes a folder if it is empty; says whether it was.
pub(crate) fn remove_empty_folder(path: &Path) -> bool {
    fs::remove_dir(path).is_ok()
}

/// Makes a folder and those above it.
pub(crate) fn create_folders(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(failed("create", path))
}

/// Makes a file unwritable, as git does with packs.
pub(crate) fn make_read_only(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o444)).map_err(failed("protect", path))
}

/// Lets whoever may read a file run it.
pub(crate) fn make_executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let change = || {
        let mode = fs::metadata(path)?.permissions().mode();
        fs::set_permissions(path, fs::Permissions::from_mode(mode | (mode & 0o444) >> 2))
    };
    change().map_err(failed("make executable", path))
}

/// Whether a file is there that somebody may run.
pub(crate) fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FolderEntry {
    /// The whole path.
    pub(crate) path: PathBuf,
    /// The last component; names that are not UTF-8 are left out of listings.
    pub(crate) name: String,
    /// Whether it is a folder (links are not followed).
    pub(crate) is_folder: bool,
}

/// Returns what a folder holds, sorted by name; empty if it is not there.
pub(crate) fn list(path: &Path) -> Result<Vec<FolderEntry>> {
    let Some(entries) = if_there(fs::read_dir(path)).map_err(failed("list", path))? else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed("list", path))?;
        let is_folder = entry.file_type().map_err(failed("list", path))?.is_dir();
        if let Ok(name) = entry.file_name().into_string() {
            names.push(FolderEntry { path: entry.path(), name, is_folder });
        }
    }
    names.sort();
    Ok(names)
}

/// Returns what tells an open file from every other there is, was or will be at its place: its
/// inode, and when that was made, as inodes are given out again.
pub(crate) fn identity(file: &File, path: &Path) -> Result<String> {
    file.metadata().map(|metadata| identity_of(&metadata)).map_err(failed("look at", path))
}

/// Returns the [`identity`] of what is at `path`; `None` if nothing is.
pub(crate) fn identity_at(path: &Path) -> Result<Option<String>> {
    let found = if_there(fs::metadata(path)).map_err(failed("look at", path))?;
    Ok(found.map(|metadata| identity_of(&metadata)))
}

fn identity_of(metadata: &fs::Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    let made = metadata.created().ok();
    let since = made.and_then(|made| made.duration_since(std::time::UNIX_EPOCH).ok());
    format!("{} {}", metadata.ino(), since.map_or(0, |since| since.as_nanos()))
}

/// Whether a file is a copy of one that was made elsewhere before: it was changed before it was
/// made, which whoever copies a file with its times does, and nobody else.
pub(crate) fn is_copied_here(path: &Path) -> bool {
    let times = fs::metadata(path).and_then(|found| Ok((found.modified()?, found.created()?)));
    times.is_ok_and(|(changed, made)| changed < made)
}

/// Whether something is at `path`.
pub(crate) fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Returns how long the file at `path` is; `None` if nothing is there, or something else than a
/// file: links are not followed.
pub(crate) fn plain_length(path: &Path) -> Option<u64> {
    fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file).map(|file| file.len())
}

/// Whether a folder is at `path`, and no link to one.
pub(crate) fn is_plain_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Whether a folder is at `path`.
pub(crate) fn is_folder(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Returns the absolute path without links; the path as it is where that fails.
pub(crate) fn real_path(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Reads up to `buffer.len()` bytes: fewer only at the end of the stream.
pub(crate) fn read_full(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
