//! Reads the log: all of it, or what comes.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::event::Event;
use super::files::{current, full_files, is_at};
use crate::disk;
use crate::error::Result;

/// One line of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct EventLine {
    /// The line as it is, without its end.
    pub text: String,
    /// What it says.
    pub event: Event,
}

/// The folder of the log in the store at `store`.
fn folder_of(store: &Path) -> PathBuf {
    store.join("recell")
}

/// Hands every event in the log of the store at `store` to `each`, oldest first as far as one
/// process noted them; returns how many lines could not be read, such as half a line that a full
/// disk left.
///
/// # Errors
/// [`crate::Error::Disk`] if a file is there and cannot be read.
pub fn read(store: &Path, each: impl FnMut(EventLine)) -> Result<usize> {
    Follower::new(store).look(each)
}

fn is_same(one: &File, other: &File, path: &Path) -> bool {
    let identity = |file| disk::identity(file, path).ok();
    identity(one).is_some() && identity(one) == identity(other)
}

/// Hands on the lines in `bytes`; returns how many are none.
fn lines_of(bytes: &[u8], each: &mut impl FnMut(EventLine)) -> usize {
    let mut unreadable = 0;
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let text = std::str::from_utf8(line).ok();
        match text.and_then(|text| Some((text, Event::from_line(text)?))) {
            Some((text, event)) => each(EventLine { text: text.to_owned(), event }),
            None => unreadable += 1,
        }
    }
    unreadable
}

/// Removes the log of the store at `store`; returns how many files went. What others are about to
/// write begins it anew.
///
/// # Errors
/// [`crate::Error::Disk`] if a file cannot be removed.
pub fn clear(store: &Path) -> Result<usize> {
    let folder = folder_of(store);
    let mut removed = 0;
    for path in full_files(&folder)?.into_iter().map(|(_, path)| path).chain([current(&folder)]) {
        removed += usize::from(disk::remove(&path)?);
    }
    Ok(removed)
}

/// Follows the log of a store: what comes, through every change of files.
#[derive(Debug)]
pub struct Follower {
    folder: PathBuf,
    /// The growing file as far as it is known.
    open: Option<Tail>,
}

#[derive(Debug)]
struct Tail {
    file: File,
    path: PathBuf,
    /// The end of the last whole line that was read.
    offset: u64,
}

impl Follower {
    /// Returns what reads the log of the store at `store` from its start, and then what comes; the
    /// log need not be there yet.
    pub fn new(store: &Path) -> Follower {
        Follower { folder: folder_of(store), open: None }
    }

    /// Hands on the whole lines that came since the last look, or all of them at the first; returns
    /// how many could not be read.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if the log cannot be read.
    pub fn look(&mut self, mut each: impl FnMut(EventLine)) -> Result<usize> {
        let mut unreadable = 0;
        // Asked before it is read: nothing is added to a file that is full.
        let is_growing = match &self.open {
            Some(tail) => is_at(&tail.file, &current(&self.folder))?,
            None => false,
        };
        if let Some(tail) = &mut self.open {
            unreadable += tail.read(&mut each)?;
        }
        if !is_growing {
            for tail in self.newer()? {
                unreadable += self.open.insert(tail).read(&mut each)?;
            }
        }
        Ok(unreadable)
    }

    /// Returns the files that are newer than the open one, oldest first. If that one is not there
    /// any more, all are newer.
    fn newer(&self) -> Result<Vec<Tail>> {
        let mut tails: Vec<Tail> = Vec::new();
        // Opened before the others are listed: if it is full meanwhile, it is not missed.
        let path = current(&self.folder);
        let growing = disk::open_if_there(&path)?;
        for (_, path) in full_files(&self.folder)? {
            let Some(file) = disk::open_if_there(&path)? else { continue };
            if self.open.as_ref().is_some_and(|tail| is_same(&tail.file, &file, &path)) {
                tails.clear();
            } else if !growing.as_ref().is_some_and(|it| is_same(it, &file, &path)) {
                tails.push(Tail { file, path, offset: 0 });
            }
        }
        if let Some(file) = growing
            && !self.open.as_ref().is_some_and(|tail| is_same(&tail.file, &file, &path))
        {
            tails.push(Tail { file, path, offset: 0 });
        }
        Ok(tails)
    }
}

impl Tail {
    fn read(&mut self, each: &mut impl FnMut(EventLine)) -> Result<usize> {
        let bytes = disk::read_from(&self.file, &self.path, self.offset)?;
        let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
        self.offset += whole as u64;
        Ok(lines_of(&bytes[..whole], each))
    }
}
