//! When entries were last handed out: the store's own small log, for caps that let the least
//! recently used go first (format.md, section 8).
//!
//! It is local and may be lost: then the time an entry was made counts. Only the first use of an
//! entry in an hour is noted, in memory, and many are written with one append, so that a read
//! costs no more than a look into a map.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::clock::Timestamp;
use crate::disk;
use crate::error::Result;
use crate::git::ObjectId;
use crate::journal::NumberMap;

/// Uses of one entry closer together than this are one use.
const SAMPLE_MINUTES: u32 = 60;
/// As many uses wait in memory before they are written.
const BATCH: usize = 4096;
/// As many entries are remembered as noted; beyond, all are forgotten, and noted once more.
const REMEMBERED: usize = 1 << 16;
/// The bytes of a record: first 8 of the tree's id, minutes since 1970, CRC-32 of these.
const RECORD: usize = 16;
/// A log that grew past this, or past its double, its fourfold, …, is written anew.
const FIRST_COMPACTION: u64 = 1 << 20;

const UNPOISONED: &str = "no holder of this lock panics";

type ByTree = NumberMap<u32>;

fn tree_number(tree: &ObjectId) -> u64 {
    u64::from_le_bytes(*tree.as_bytes().first_chunk().expect("an id has at least 20 bytes"))
}

fn minutes(moment: Timestamp) -> u32 {
    u32::try_from(moment.micros() / 60_000_000).unwrap_or(0)
}

/// Where uses are noted.
pub(crate) struct UsageLog {
    path: PathBuf,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// When each was last noted by this process.
    noted: ByTree,
    records: Vec<u8>,
}

impl UsageLog {
    /// Returns the log in the file `path`, which need not be there.
    pub(crate) fn new(path: PathBuf) -> UsageLog {
        UsageLog { path, waiting: Mutex::default() }
    }

    /// Returns where the log is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Notes that the entry with this tree was handed out.
    pub(crate) fn note(&self, tree: &ObjectId, now: Timestamp) {
        let (number, minute) = (tree_number(tree), minutes(now));
        let mut waiting = self.waiting.lock().expect(UNPOISONED);
        if let Some(noted) = waiting.noted.get(&number)
            && minute.abs_diff(*noted) < SAMPLE_MINUTES
        {
            return;
        }
        if waiting.noted.len() >= REMEMBERED {
            waiting.noted.clear();
        }
        waiting.noted.insert(number, minute);
        push_record(&mut waiting.records, number, minute);
        if waiting.records.len() >= BATCH * RECORD {
            let records = std::mem::take(&mut waiting.records);
            drop(waiting);
            self.append(&records);
        }
    }

    /// Writes what waits in memory.
    pub(crate) fn save(&self) {
        let records = std::mem::take(&mut self.waiting.lock().expect(UNPOISONED).records);
        if !records.is_empty() {
            self.append(&records);
        }
    }

    /// A use that cannot be written is forgotten: nobody's read fails for it.
    fn append(&self, records: &[u8]) {
        let Ok(length) = disk::append_to(&self.path, records) else { return };
        let before = length.saturating_sub(records.len() as u64);
        if length >= FIRST_COMPACTION && before.leading_zeros() != length.leading_zeros() {
            // Appends of others meanwhile may be lost with the old file.
            drop(self.compact());
        }
    }

    /// Writes the log anew with the last use of each entry.
    fn compact(&self) -> Result<()> {
        let Some(bytes) = disk::read_if_there(&self.path)? else { return Ok(()) };
        let last = read_records(&bytes);
        if last.len() * RECORD * 2 > bytes.len() {
            return Ok(());
        }
        let mut records = Vec::with_capacity(last.len() * RECORD);
        for (number, minute) in last {
            push_record(&mut records, number, minute);
        }
        disk::replace_unsynced(&self.path, &records)
    }
}

fn push_record(records: &mut Vec<u8>, number: u64, minute: u32) {
    let start = records.len();
    records.extend_from_slice(&number.to_le_bytes());
    records.extend_from_slice(&minute.to_le_bytes());
    let check = crc32fast::hash(&records[start..]);
    records.extend_from_slice(&check.to_le_bytes());
}

/// Returns the last use in every record that checks; where one does not, the next is looked for
/// byte by byte, as a write may have been torn.
fn read_records(bytes: &[u8]) -> ByTree {
    let mut last = ByTree::default();
    let mut rest = bytes;
    while let Some((record, after)) = rest.split_first_chunk::<RECORD>() {
        let (fields, check) = record.split_at(12);
        if crc32fast::hash(fields).to_le_bytes() != check {
            rest = &rest[1..];
            continue;
        }
        let (number, minute) = fields.split_at(8);
        let number = u64::from_le_bytes(number.try_into().expect("8 bytes"));
        let minute = u32::from_le_bytes(minute.try_into().expect("4 bytes"));
        let known = last.entry(number).or_insert(minute);
        *known = minute.max(*known);
        rest = after;
    }
    last
}

/// When each entry was last handed out, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct UsageTimes(ByTree);

impl UsageTimes {
    /// Reads a log; one that cannot be read says nothing.
    pub(crate) fn read(path: &Path) -> UsageTimes {
        let bytes = disk::read_if_there(path).ok().flatten().unwrap_or_default();
        UsageTimes(read_records(&bytes))
    }

    /// Returns when the entry with this tree was last handed out, to the minute.
    pub(crate) fn last(&self, tree: &ObjectId) -> Option<Timestamp> {
        let minute = self.0.get(&tree_number(tree))?;
        Some(Timestamp::from_micros(i64::from(*minute) * 60_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(number: u8) -> ObjectId {
        ObjectId::from_hex(format!("{number:02x}").repeat(20).as_bytes()).unwrap()
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_micros(minute * 60_000_000)
    }

    #[test]
    fn the_last_use_of_an_hour_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let log = UsageLog::new(folder.path().join("usage"));
        for (number, minute) in [(1, 100), (1, 130), (2, 140), (1, 170)] {
            log.note(&tree(number), at(minute));
        }
        assert!(!disk::is_there(log.path()), "nothing is written before it must be");
        log.save();
        assert_eq!(disk::read(log.path()).unwrap().len(), 3 * RECORD, "one within the hour");
        let times = UsageTimes::read(log.path());
        assert_eq!(times.last(&tree(1)), Some(at(170)));
        assert_eq!(times.last(&tree(2)), Some(at(140)));
        assert_eq!(times.last(&tree(3)), None);
    }

    #[test]
    fn damage_costs_the_records_it_hits_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let log = UsageLog::new(folder.path().join("usage"));
        (0..9).for_each(|number| log.note(&tree(number), at(i64::from(number))));
        log.save();
        let good = disk::read(log.path()).unwrap();
        let known = |bytes: &[u8]| {
            disk::replace_unsynced(log.path(), bytes).unwrap();
            let times = UsageTimes::read(log.path());
            (0..9).filter(|number| times.last(&tree(*number)).is_some()).count()
        };
        let mut flipped = good.clone();
        flipped[RECORD + 3] ^= 1;
        assert_eq!(known(&flipped), 8, "a flipped bit");
        let torn = [&good[..RECORD + 5], &good[2 * RECORD..]].concat();
        assert_eq!(known(&torn), 8, "a write that was torn");
        assert_eq!(known(&good[..good.len() - 1]), 8, "a torn end");
        assert_eq!(known(&[0; 64]), 0, "zeros");
        assert_eq!(known(b""), 0, "empty");
    }

    #[test]
    fn a_log_that_says_the_same_over_and_over_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let log = UsageLog::new(folder.path().join("usage"));
        // As digests are: every bit of them is any.
        let id = |number: u64| {
            let bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            ObjectId::from_hex(format!("{bits:016x}01234567{bits:016x}").as_bytes()).unwrap()
        };
        for hour in 0..40 {
            (0..4096).for_each(|number| log.note(&id(number), at(hour * 60)));
        }
        let length = disk::read(log.path()).unwrap().len();
        assert!(length < 2 << 20, "{length}");
        assert_eq!(UsageTimes::read(log.path()).last(&id(255)), Some(at(39 * 60)));
    }
}
