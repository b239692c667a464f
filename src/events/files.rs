//! The files of the log: `events.jsonl`, which grows, and `events-<n>.jsonl`, which are full; the
//! greater `n`, the newer (format.md, section 18).

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::disk;
use crate::error::Result;

/// Lines are written in pieces of so many bytes: by as much may a file pass its bound.
const PIECE: usize = 64 << 10;

/// Where the log of a store is, and how much of it is kept.
#[derive(Debug, Clone)]
pub(super) struct LogFiles {
    folder: PathBuf,
    /// A file that has so many bytes is full.
    max_bytes: u64,
    /// How many files are kept, with the one that grows.
    keep: usize,
}

impl LogFiles {
    pub(super) fn new(folder: PathBuf, max_bytes: u64, keep: u32) -> LogFiles {
        LogFiles { folder, max_bytes: max_bytes.max(1), keep: (keep as usize).max(1) }
    }

    /// Adds whole lines. Every piece is one write, so that those of several processes do not mix.
    ///
    /// # Errors
    /// [`crate::Error::Disk`]; the pieces before are written.
    pub(super) fn append(&self, lines: &[u8]) -> Result<()> {
        let most = PIECE.min(usize::try_from(self.max_bytes).unwrap_or(PIECE));
        let mut rest = lines;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(piece_end(rest, most));
            self.append_piece(piece)?;
            rest = after;
        }
        Ok(())
    }

    fn append_piece(&self, piece: &[u8]) -> Result<()> {
        let path = current(&self.folder);
        let mut file = open_current(&path)?;
        let length = disk::signature_of(&file, &path)?.size();
        // Half a line that somebody left, as the disk was full, must not take ours with it.
        let before: &[u8] = if ends_in_line(&file, &path, length)? { b"" } else { b"\n" };
        disk::append(&mut file, &path, &[before, piece])?;
        if length + (before.len() + piece.len()) as u64 >= self.max_bytes {
            self.rotate(&file, &path)?;
        }
        Ok(())
    }

    /// Calls the full file by its number, and removes the oldest if there are too many. Where
    /// others are writing to it, the last of them does so.
    fn rotate(&self, file: &File, path: &Path) -> Result<()> {
        if file.try_lock().is_err() || !is_at(file, path)? {
            return Ok(());
        }
        let mut full = full_files(&self.folder)?;
        let next = full.last().map_or(1, |(number, _)| number.saturating_add(1));
        let to = self.folder.join(format!("events-{next}.jsonl"));
        disk::rename(path, &to)?;
        full.push((next, to));
        let too_many = full.len().saturating_sub(self.keep - 1);
        for (_, old) in &full[..too_many] {
            disk::remove(old)?;
        }
        Ok(())
    }
}

/// Opens the file that grows, and shares its lock with others who write: as long as it is held, the
/// file is not called otherwise, so that nothing is ever added to a file that is full.
fn open_current(path: &Path) -> Result<File> {
    /// Who has the lock for itself has it for a moment only; one that was stopped just then must
    /// not keep everybody.
    const TURNS: u32 = 200;
    let mut file = disk::open_to_append(path)?;
    for _ in 0..TURNS {
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
            // It was full before it was ours.
            Ok(()) if !is_at(&file, path)? => {}
            // A file system without locks loses a line to a follower now and then.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(file),
        }
        file = disk::open_to_append(path)?;
    }
    Ok(file)
}

/// Returns how long the first piece of `lines` is: as many whole lines as fit, and at least one.
fn piece_end(lines: &[u8], most: usize) -> usize {
    if lines.len() <= most {
        return lines.len();
    }
    match memchr::memrchr(b'\n', &lines[..most]) {
        Some(at) => at + 1,
        None => memchr::memchr(b'\n', lines).map_or(lines.len(), |at| at + 1),
    }
}

fn ends_in_line(file: &File, path: &Path, length: u64) -> Result<bool> {
    if length == 0 {
        return Ok(true);
    }
    let mut last = [0];
    disk::read_at(file, path, &mut last, length - 1)?;
    Ok(last == *b"\n")
}

/// Whether the open file is the one at `path`.
pub(super) fn is_at(file: &File, path: &Path) -> Result<bool> {
    Ok(disk::identity_at(path)?.as_deref() == Some(disk::identity(file, path)?.as_str()))
}

/// Returns the file that grows.
pub(super) fn current(folder: &Path) -> PathBuf {
    folder.join("events.jsonl")
}

/// Returns the files that are full with their numbers, oldest first.
///
/// # Errors
/// [`crate::Error::Disk`] if the folder cannot be listed.
pub(super) fn full_files(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let number = |name: &str| -> Option<u64> {
        let digits = name.strip_prefix("events-")?.strip_suffix(".jsonl")?;
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        digits.parse().ok().filter(|_| is_plain)
    };
    let listed = disk::list(folder)?.into_iter();
    let mut full: Vec<_> =
        listed.filter_map(|entry| Some((number(&entry.name)?, entry.path))).collect();
    full.sort_unstable();
    Ok(full)
}

/// Whether a file in the store's own folder is one of the log.
pub(crate) fn is_of_log(name: &str) -> bool {
    name.strip_suffix(".jsonl").is_some_and(|stem| {
        stem == "events" || stem.strip_prefix("events-").is_some_and(|n| n.parse::<u64>().is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_lines_and_one_that_is_too_long_goes_alone() {
        for (lines, most, expected, why) in [
            ("ab\ncd\n", 6, 6, "all fits"),
            ("ab\ncd\n", 5, 3, "only the first fits"),
            ("abcdef\ncd\n", 4, 7, "the first is too long"),
            ("abcdef", 4, 6, "there is no end"),
        ] {
            assert_eq!(piece_end(lines.as_bytes(), most), expected, "{why}");
        }
    }

    #[test]
    fn no_more_files_are_kept_than_are_wanted_and_the_newest_lines_are_there() {
        for keep in [1, 2, 4] {
            let folder = tempfile::tempdir().unwrap();
            let files = LogFiles::new(folder.path().into(), 40, keep);
            for number in 0..100 {
                files.append(format!("line {number:04}\n").as_bytes()).unwrap();
                assert!(disk::list(folder.path()).unwrap().len() <= keep as usize);
            }
            let full = full_files(folder.path()).unwrap();
            assert_eq!(full.len(), keep as usize - 1, "the newest full ones");
            let mut text = String::new();
            for (_, path) in &full {
                text += std::str::from_utf8(&disk::read(path).unwrap()).unwrap();
            }
            let first = 100 - 4 * (keep - 1);
            let expected: Vec<String> = (first..100).map(|n| format!("line {n:04}")).collect();
            assert_eq!(text.lines().collect::<Vec<_>>(), expected, "four lines fill a file");
        }
    }

    #[test]
    fn half_a_line_that_was_left_does_not_take_the_next_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let files = LogFiles::new(folder.path().into(), 1000, 2);
        files.append(b"one\ntw").unwrap();
        files.append(b"three\n").unwrap();
        assert_eq!(disk::read(&current(folder.path())).unwrap(), b"one\ntw\nthree\n");
    }

    #[test]
    fn files_of_others_are_none_of_the_log() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["events-x.jsonl", "events-01.jsonl", "events-2.json", "events-7.jsonl"] {
            disk::replace_unsynced(&folder.path().join(name), b"").unwrap();
        }
        let numbers: Vec<u64> =
            full_files(folder.path()).unwrap().iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [7]);
    }
}
