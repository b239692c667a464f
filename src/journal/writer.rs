//! Appending to a journal: what is acknowledged survives the writer (format.md, section 5).

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::object_map::ObjectSet;
use super::record::{Known, LOG_HEADER_LEN, Record, log_header};
use super::replay::{Journal, JournalObject};
use crate::disk;
use crate::error::{Error, Result};
use crate::git::{EntryAt, ObjectFormat, ObjectId, PackedObject, pack_header};

/// The journal of one living writer.
pub(crate) struct JournalWriter {
    /// The same journal as readers see it, kept up to date without reading.
    pub(crate) journal: Journal,
    log_path: PathBuf,
    log: File,
    pack: File,
    log_end: u64,
    /// Whether every append waits for the device.
    synced: bool,
    /// Reused for the records of one append.
    buffer: Vec<u8>,
}

/// What an append commits.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NewNames<'a> {
    /// Names of entries, and their trees.
    pub(crate) entries: &'a [(String, ObjectId)],
    /// Full names of other refs, which only this writer sets, and their objects.
    pub(crate) refs: &'a [(String, ObjectId)],
}

impl JournalWriter {
    /// Starts a journal named `id`, 16 random hex digits, in `folder`.
    ///
    /// # Errors
    /// [`Error::Disk`] if it cannot be made; [`is_name_taken`] tells whether another name may do.
    pub(crate) fn create(
        folder: &Path,
        id: &str,
        format: ObjectFormat,
        synced: bool,
    ) -> Result<JournalWriter> {
        let log_path = folder.join(format!("{id}.log"));
        let mut log = disk::create_new(&log_path)?;
        lock(&log, &log_path)?;
        // Somebody who tidies up may have taken the unlocked file for a dead writer's.
        if disk::signature(&log_path)? != Some(disk::signature_of(&log, &log_path)?) {
            return Err(Error::Disk {
                action: "lock",
                path: log_path,
                source: std::io::ErrorKind::NotFound.into(),
            });
        }
        let pack_path = folder.join(format!("{id}.pack"));
        let mut pack = disk::create_new(&pack_path)?;
        disk::append(&mut pack, &pack_path, &[&pack_header(0)])?;
        disk::append(&mut log, &log_path, &[&log_header(format)])?;
        if synced {
            disk::sync_folder(folder);
        }
        let mut journal = Journal::empty(folder, id, format, duplicate(&log, &log_path)?);
        journal.set_pack(duplicate(&pack, &pack_path)?);
        journal.skip_to(LOG_HEADER_LEN as u64);
        let log_end = LOG_HEADER_LEN as u64;
        Ok(JournalWriter { journal, log_path, log, pack, log_end, synced, buffer: Vec::new() })
    }

    /// Moves to a name of its own if something put other files in the place of its own, as what
    /// copies whole folders does: those are a copy of what stood here a moment ago.
    ///
    /// # Errors
    /// [`Error::Disk`] if the files cannot be made anew.
    pub(crate) fn keep_place(&mut self) -> Result<()> {
        let is_gone = |file: &File, path: &Path| {
            disk::signature_of(file, path).map(|signature| signature.is_removed())
        };
        if !is_gone(&self.log, &self.log_path)? && !is_gone(&self.pack, &self.journal.pack_path)? {
            return Ok(());
        }
        let folder = self.log_path.parent().unwrap_or(Path::new(".")).to_owned();
        let mut log_bytes = disk::read_from(&self.log, &self.log_path, 0)?;
        log_bytes.truncate(usize::try_from(self.log_end).unwrap_or(usize::MAX));
        let mut pack_bytes = disk::read_from(&self.pack, &self.journal.pack_path, 0)?;
        pack_bytes.truncate(usize::try_from(self.journal.end).unwrap_or(usize::MAX));
        let text = format!("{} {}", self.journal.id, self.log_end);
        let id = crate::digest::Digest::of(text.as_bytes()).short(16);
        let pack_path = folder.join(format!("{id}.pack"));
        let mut pack = disk::create_new(&pack_path)?;
        disk::append(&mut pack, &pack_path, &[&pack_bytes])?;
        // The log last: it speaks of bytes that must be there.
        let log_path = folder.join(format!("{id}.log"));
        let mut log = disk::create_new(&log_path)?;
        lock(&log, &log_path)?;
        disk::append(&mut log, &log_path, &[&log_bytes])?;
        if self.synced {
            disk::sync(&pack, &pack_path)?;
            disk::sync(&log, &log_path)?;
            disk::sync_folder(&folder);
        }
        let files = (duplicate(&log, &log_path)?, duplicate(&pack, &pack_path)?);
        self.journal.move_to(&folder, &id, files.0, files.1);
        (self.log_path, self.log, self.pack) = (log_path, log, pack);
        Ok(())
    }

    /// Appends objects that the journal lacks, contents that are known from now on, and names.
    ///
    /// When this returns, all of it survives the death of the process; with `synced` and a
    /// name, a power cut too. When it fails, none of it happened, and nothing may be appended
    /// any more: a reader may have seen what was then cut off, and must not find other records in
    /// its place.
    ///
    /// # Errors
    /// [`Error::Disk`] if a file cannot be written.
    pub(crate) fn append(
        &mut self,
        objects: &[PackedObject<'_>],
        known: &[Known],
        names: NewNames<'_>,
    ) -> Result<()> {
        self.keep_place()?;
        let NewNames { entries, refs } = names;
        let start = self.journal.end;
        let mut placed = Vec::with_capacity(objects.len());
        let mut pieces: Vec<&[u8]> = Vec::with_capacity(objects.len());
        let mut end = start;
        // Two threads may have made the same object; a pack holds it once.
        let mut lacking = Vec::with_capacity(objects.len());
        let mut seen = ObjectSet::default();
        for object in objects {
            if self.journal.objects.contains_key(&object.id) || !seen.insert(object.id) {
                continue;
            }
            lacking.push(object);
            placed.push(EntryAt { id: object.id, offset: end, crc32: object.crc32 });
            end += object.len;
            pieces.extend(object.pieces());
        }
        self.buffer.clear();
        if !placed.is_empty() {
            disk::append(&mut self.pack, &self.journal.pack_path, &pieces)
                .inspect_err(|_| self.cut_back(start))?;
            Record::Objects { end, objects: placed.clone() }.write_to(&mut self.buffer);
        }
        if !known.is_empty() {
            Record::Known(known.to_vec()).write_to(&mut self.buffer);
        }
        // Refs first: where the append is torn, no entry is there without its local parts.
        for (name, id) in refs {
            Record::Ref { name: name.clone(), id: *id }.write_to(&mut self.buffer);
        }
        for (name, tree) in entries {
            Record::Entry { name: name.clone(), tree: *tree }.write_to(&mut self.buffer);
        }
        disk::crash_point("objects appended");
        self.append_log(start, !entries.is_empty() || !refs.is_empty())?;
        disk::crash_point("entry appended");
        for (object, at) in lacking.iter().zip(&placed) {
            let at = JournalObject { offset: at.offset, len: object.len, crc32: at.crc32 };
            self.journal.objects.insert(object.id, at);
        }
        self.journal.end = end;
        self.journal.known.extend_from_slice(known);
        Arc::make_mut(&mut self.journal.entries).extend(entries.iter().cloned());
        if !refs.is_empty() {
            Arc::make_mut(&mut self.journal.refs).extend(refs.iter().cloned());
        }
        Ok(())
    }

    /// Says that a put relies on these objects, which are elsewhere in the store.
    ///
    /// # Errors
    /// As [`JournalWriter::append`].
    pub(crate) fn rely(&mut self, ids: &[ObjectId]) -> Result<()> {
        self.keep_place()?;
        self.buffer.clear();
        Record::Relied(ids.to_vec()).write_to(&mut self.buffer);
        self.append_log(self.journal.end, false)?;
        self.journal.relied.extend_from_slice(ids);
        Ok(())
    }

    /// Appends the records in the buffer; cuts both files back to what is acknowledged on failure.
    fn append_log(&mut self, pack_end: u64, commits: bool) -> Result<()> {
        let mut write = || {
            let synced = self.synced && commits;
            if synced {
                // The objects first: no record may speak of bytes that are not there.
                disk::sync(&self.pack, &self.journal.pack_path)?;
            }
            disk::append(&mut self.log, &self.log_path, &[&self.buffer])?;
            if synced { disk::sync(&self.log, &self.log_path) } else { Ok(()) }
        };
        if let Err(error) = write() {
            self.cut_back(pack_end);
            return Err(error);
        }
        self.log_end += self.buffer.len() as u64;
        self.journal.skip_to(self.log_end);
        Ok(())
    }

    fn cut_back(&self, pack_end: u64) {
        // The log first: no record may speak of bytes that are not there. If even this fails,
        // readers stop at the torn record.
        drop(disk::truncate(&self.log, &self.log_path, self.log_end));
        drop(disk::truncate(&self.pack, &self.journal.pack_path, pack_end));
    }

    /// Gives up writing: the journal as it stands, its lock still held.
    pub(crate) fn finish(mut self) -> Adopted {
        // If even that fails, what stands in its place is what is left of it.
        drop(self.keep_place());
        let JournalWriter { journal, log_path, log, pack, .. } = self;
        Adopted { journal, pack: Some(pack), log_path, log }
    }
}

/// A journal that nobody writes any more, its lock in our hands.
pub(crate) struct Adopted {
    pub(crate) journal: Journal,
    /// Its pack, whatever stands under its name by now; `None` if there was none.
    pub(crate) pack: Option<File>,
    log_path: PathBuf,
    log: File,
}

impl Drop for Adopted {
    fn drop(&mut self) {
        // Closing is not enough while a child that is being started has the same open file.
        drop(self.log.unlock());
    }
}

impl Adopted {
    /// Says in the log that the pack is complete, under the name of that checksum.
    ///
    /// # Errors
    /// [`Error::Disk`] if the log cannot be written.
    pub(crate) fn mark_sealed(&mut self, checksum: ObjectId) -> Result<()> {
        use std::io::Seek;
        let mut bytes = Vec::new();
        Record::Sealed { checksum }.write_to(&mut bytes);
        // The place after the last whole record: a torn tail is overwritten.
        let end = self.journal.log_position();
        disk::truncate(&self.log, &self.log_path, end)?;
        self.log.seek(std::io::SeekFrom::Start(end)).map_err(|source| Error::Disk {
            action: "write",
            path: self.log_path.clone(),
            source,
        })?;
        disk::append(&mut self.log, &self.log_path, &[&bytes])?;
        disk::sync(&self.log, &self.log_path)?;
        self.journal.sealed = Some(checksum);
        Ok(())
    }

    /// Removes the journal: all that it said stands elsewhere now.
    ///
    /// # Errors
    /// [`Error::Disk`] if a file cannot be removed.
    pub(crate) fn retire(self) -> Result<()> {
        disk::remove(&self.journal.pack_path)?;
        disk::remove(&self.log_path)?;
        Ok(())
    }

    /// Moves a journal that is damaged out of the way, into `folder`, so that nothing is lost.
    ///
    /// # Errors
    /// [`Error::Disk`] if a file cannot be moved.
    pub(crate) fn set_aside(self, folder: &Path) -> Result<()> {
        disk::create_folders(folder)?;
        let id = &self.journal.id;
        if disk::is_there(&self.journal.pack_path) {
            disk::rename(&self.journal.pack_path, &folder.join(format!("{id}.pack")))?;
        }
        disk::rename(&self.log_path, &folder.join(format!("{id}.log")))
    }
}

/// Takes over the journal `id` if its writer is dead; `None` if it lives or is gone.
///
/// # Errors
/// [`Error::Disk`] if the journal cannot be read.
pub(crate) fn adopt(folder: &Path, id: &str, format: ObjectFormat) -> Result<Option<Adopted>> {
    let log_path = folder.join(format!("{id}.log"));
    let Some(log) = disk::open_for_change(&log_path)? else { return Ok(None) };
    match log.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(source)) => {
            return Err(Error::Disk { action: "lock", path: log_path, source });
        }
    }
    // Whoever held the lock before may have retired the journal meanwhile.
    if disk::signature(&log_path)? != Some(disk::signature_of(&log, &log_path)?) {
        return Ok(None);
    }
    let Some(mut journal) = Journal::open(folder, id, format)? else { return Ok(None) };
    journal.read_past_damage()?;
    let pack = disk::open_for_change(&journal.pack_path)?;
    Ok(Some(Adopted { journal, pack, log_path, log }))
}

/// Whether [`JournalWriter::create`] failed because somebody has a journal of that name, or took
/// the file for a dead writer's before it was locked.
pub(crate) fn is_name_taken(error: &Error) -> bool {
    use std::io::ErrorKind::{AlreadyExists, NotFound};
    matches!(error, Error::Disk { source, .. } if matches!(source.kind(), AlreadyExists | NotFound))
}

fn duplicate(file: &File, path: &Path) -> Result<File> {
    let path = path.to_owned();
    file.try_clone().map_err(|source| Error::Disk { action: "open", path, source })
}

fn lock(log: &File, path: &Path) -> Result<()> {
    log.lock().map_err(|source| Error::Disk { action: "lock", path: path.to_owned(), source })
}
