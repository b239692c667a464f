//! Reading journals: whole records are kept, a torn tail is left out (format.md, section 5).

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::object_map::ObjectMap;
use super::record::{
    Known, LOG_HEADER_LEN, Read, Record, find_record, log_header, read_record,
    record_of_damaged_length,
};
use crate::disk;
use crate::error::Result;
use crate::git::{
    EntryAt, Kind, ObjectFormat, ObjectId, ObjectProblem, PACK_HEADER_LEN, inflate_entry,
    object_id, pack_header,
};

/// Where an object is in the pack of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JournalObject {
    pub(crate) offset: u64,
    pub(crate) len: u64,
    pub(crate) crc32: u32,
}

/// A journal as far as it was read: its entries, objects and known contents.
///
/// Its writer may still be appending: [`Journal::catch_up`] reads on.
pub(crate) struct Journal {
    pub(crate) id: String,
    log_path: PathBuf,
    pub(crate) pack_path: PathBuf,
    log: File,
    pack: Option<File>,
    format: ObjectFormat,
    /// How far the log was read.
    read: u64,
    /// Where the pack ends, as the log says.
    pub(crate) end: u64,
    pub(crate) objects: ObjectMap<JournalObject>,
    /// Shared with those who hold on to what they saw.
    pub(crate) entries: Arc<BTreeMap<String, ObjectId>>,
    /// Refs besides those of the entries, by full name.
    pub(crate) refs: Arc<BTreeMap<String, ObjectId>>,
    pub(crate) known: Vec<Known>,
    /// Objects elsewhere in the store that a put of this writer relies on.
    pub(crate) relied: Vec<ObjectId>,
    /// Whether a later release wrote records that are not understood here. Only such a release
    /// may flush it.
    pub(crate) is_of_later_release: bool,
    /// The checksum under which the pack was sealed, or is about to be.
    pub(crate) sealed: Option<ObjectId>,
    /// Where the log stopped making sense, if it did before its end.
    pub(crate) damaged_at: Option<u64>,
}

impl Journal {
    /// Opens the journal `id` in `folder` and reads it; `None` if its log is gone.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it cannot be read.
    pub(crate) fn open(folder: &Path, id: &str, format: ObjectFormat) -> Result<Option<Journal>> {
        let log_path = folder.join(format!("{id}.log"));
        let Some(log) = disk::open_if_there(&log_path)? else { return Ok(None) };
        let mut journal = Journal::empty(folder, id, format, log);
        journal.catch_up()?;
        Ok(Some(journal))
    }

    /// Goes on under another name, with the same content in these files.
    pub(super) fn move_to(&mut self, folder: &Path, id: &str, log: File, pack: File) {
        id.clone_into(&mut self.id);
        self.log_path = folder.join(format!("{id}.log"));
        self.pack_path = folder.join(format!("{id}.pack"));
        self.log = log;
        self.pack = Some(pack);
    }

    pub(super) fn empty(folder: &Path, id: &str, format: ObjectFormat, log: File) -> Journal {
        Journal {
            id: id.to_owned(),
            log_path: folder.join(format!("{id}.log")),
            pack_path: folder.join(format!("{id}.pack")),
            log,
            pack: None,
            format,
            read: 0,
            end: PACK_HEADER_LEN as u64,
            objects: ObjectMap::default(),
            entries: Arc::default(),
            refs: Arc::default(),
            known: Vec::new(),
            relied: Vec::new(),
            is_of_later_release: false,
            sealed: None,
            damaged_at: None,
        }
    }

    /// Whether the log holds more than was read, or less: its writer takes back what it could not
    /// write whole.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it cannot be looked at.
    pub(crate) fn has_changed(&self) -> Result<bool> {
        let size = disk::signature_of(&self.log, &self.log_path)?.size();
        Ok((size > self.read.max(1) && self.damaged_at.is_none()) || size < self.read)
    }

    /// Reads what was appended since.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it cannot be read.
    pub(crate) fn catch_up(&mut self) -> Result<()> {
        if disk::signature_of(&self.log, &self.log_path)?.size() < self.read {
            self.read = 0;
            self.damaged_at = None;
            self.end = PACK_HEADER_LEN as u64;
            self.objects.clear();
            self.entries = Arc::default();
            self.refs = Arc::default();
            self.is_of_later_release = false;
            self.known.clear();
            self.relied.clear();
        }
        if self.damaged_at.is_some() {
            return Ok(());
        }
        let bytes = disk::read_from(&self.log, &self.log_path, self.read)?;
        let mut rest = bytes.as_slice();
        if self.read == 0 {
            let Some((header, records)) = rest.split_at_checked(LOG_HEADER_LEN) else {
                return Ok(());
            };
            if header != log_header(self.format) {
                self.damaged_at = Some(0);
                return Ok(());
            }
            self.read = LOG_HEADER_LEN as u64;
            rest = records;
        }
        let outcome = self.read_records(rest);
        self.open_pack()?;
        outcome
    }

    fn open_pack(&mut self) -> Result<()> {
        if self.pack.is_none() {
            self.pack = disk::open_if_there(&self.pack_path)?;
        }
        // A flush that has just begun, or one that died, made it a pack of the repository, which
        // nobody finds there before it has its index.
        if let (None, Some(checksum)) = (&self.pack, self.sealed) {
            let git_dir = self.log_path.ancestors().nth(3).unwrap_or(&self.log_path);
            let pack = format!("objects/pack/pack-{checksum}.pack");
            self.pack = disk::open_if_there(&git_dir.join(pack))?;
        }
        Ok(())
    }

    fn read_records(&mut self, mut rest: &[u8]) -> Result<()> {
        loop {
            match read_record(self.format, rest) {
                Read::Whole(record, length) => {
                    self.take(record);
                    self.read += length as u64;
                    rest = &rest[length..];
                }
                Read::Torn => return Ok(()),
                Read::Damaged(length) => {
                    self.damaged_at.get_or_insert(self.read);
                    // If only this record is damaged, what follows it reads well.
                    let next = rest.get(length..).filter(|_| length > 0).unwrap_or_default();
                    if !matches!(read_record(self.format, next), Read::Whole(..)) {
                        return Ok(());
                    }
                    self.read += length as u64;
                    rest = next;
                }
            }
        }
    }

    /// Reads the records that stand behind a place that makes no sense, as those before it are
    /// read. Only for a journal whose writer is dead: the tail of a living one is being written.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it cannot be read.
    pub(super) fn read_past_damage(&mut self) -> Result<()> {
        let bytes = disk::read_from(&self.log, &self.log_path, self.read)?;
        let mut rest = bytes.as_slice();
        let mut at = self.read;
        while !rest.is_empty() {
            let next = find_record(self.format, rest);
            let gap = next.as_ref().map_or(rest.len(), |(start, ..)| *start);
            let hidden = record_of_damaged_length(self.format, &rest[..gap]);
            if next.is_none() && hidden.is_none() {
                // A writer that dies leaves one torn tail, and nothing behind it.
                break;
            }
            if gap > 0 {
                self.damaged_at.get_or_insert(at);
            }
            let length = gap + next.as_ref().map_or(0, |(_, _, length)| *length);
            hidden.into_iter().chain(next.map(|(_, record, _)| record)).for_each(|r| self.take(r));
            at += length as u64;
            self.read = at;
            rest = &rest[length..];
        }
        self.open_pack()
    }

    /// Says what of this journal is not as it was written; `full` looks at its objects too.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it cannot be read.
    pub(crate) fn flaws(&mut self, full: bool) -> Result<Vec<String>> {
        // Nothing stands behind a torn tail, be its writer dead or alive.
        self.read_past_damage()?;
        let mut flaws = Vec::new();
        if let Some(at) = self.damaged_at {
            flaws.push(format!("its log makes no sense at byte {at}"));
        }
        let Some(pack) = self.pack.as_ref().filter(|_| full && !self.objects.is_empty()) else {
            return Ok(flaws);
        };
        let mut header = [0; 8];
        disk::read_at(pack, &self.pack_path, &mut header, 0)?;
        if header != pack_header(0)[..8] {
            flaws.push("its pack does not begin like one".into());
        }
        let mut content = Vec::new();
        for (id, at) in &self.objects {
            let mut entry = vec![0; usize::try_from(at.len.min(self.end)).unwrap_or(0)];
            let is_good = disk::read_at(pack, &self.pack_path, &mut entry, at.offset).is_ok()
                && crc32fast::hash(&entry) == at.crc32
                && self.read(id, &mut content).is_some_and(|read| {
                    read.is_ok_and(|kind| object_id(self.format, kind, &content) == *id)
                });
            if !is_good {
                flaws.push(format!("the bytes of {id} are not what was stored"));
            }
        }
        Ok(flaws)
    }

    /// Adds what a record says.
    pub(super) fn take(&mut self, record: Record) {
        match record {
            Record::Objects { end, objects } => {
                let ends = objects.iter().skip(1).map(|next| next.offset).chain([end]);
                for (object, next) in objects.iter().zip(ends) {
                    let len = next.saturating_sub(object.offset);
                    let at = JournalObject { offset: object.offset, len, crc32: object.crc32 };
                    self.objects.insert(object.id, at);
                }
                self.end = end;
            }
            Record::Entry { name, tree } => {
                Arc::make_mut(&mut self.entries).insert(name, tree);
            }
            Record::Known(known) => self.known.extend(known),
            Record::Sealed { checksum } => self.sealed = Some(checksum),
            Record::Relied(ids) => self.relied.extend(ids),
            Record::Ref { name, id } => {
                Arc::make_mut(&mut self.refs).insert(name, id);
            }
            Record::Later => self.is_of_later_release = true,
        }
    }

    pub(super) fn set_pack(&mut self, pack: File) {
        self.pack = Some(pack);
    }

    /// Returns where the last whole record of the log ends.
    pub(super) fn log_position(&self) -> u64 {
        self.read
    }

    pub(super) fn skip_to(&mut self, read: u64) {
        self.read = read;
    }

    /// Reads an object into `out`; `None` if this journal does not have it.
    ///
    /// The content is not checked against `id`.
    pub(crate) fn read(
        &self,
        id: &ObjectId,
        out: &mut Vec<u8>,
    ) -> Option<Result<Kind, ObjectProblem>> {
        let at = self.objects.get(id)?;
        let pack = self.pack.as_ref()?;
        let damaged = |reason: String| Some(Err(ObjectProblem::Damaged(reason)));
        let Ok(len) = usize::try_from(at.len) else {
            return damaged("it is too large".into());
        };
        if self.end < at.offset.saturating_add(at.len) {
            return damaged("its journal says two things of it".into());
        }
        let mut entry = vec![0; len];
        if let Err(error) = disk::read_at(pack, &self.pack_path, &mut entry, at.offset) {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            return damaged(source.unwrap_or_else(|| error.to_string()));
        }
        Some(inflate_entry(self.format, &entry, out))
    }

    /// Returns the objects in the order of the pack, with their checksums.
    pub(crate) fn index_entries(&self) -> Vec<EntryAt> {
        let mut entries: Vec<EntryAt> = self
            .objects
            .iter()
            .map(|(id, at)| EntryAt { id: *id, offset: at.offset, crc32: at.crc32 })
            .collect();
        entries.sort_unstable_by_key(|entry| entry.offset);
        entries
    }
}

/// Returns the ids of the journals in `folder`.
///
/// # Errors
/// [`crate::Error::Disk`] if the folder cannot be listed.
pub(crate) fn found_in(folder: &Path) -> Result<Vec<String>> {
    let names = disk::list(folder)?.into_iter();
    Ok(names.filter_map(|entry| entry.name.strip_suffix(".log").map(str::to_owned)).collect())
}
