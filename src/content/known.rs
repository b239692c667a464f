//! Which contents the store has, by their BLAKE3: a sorted file of fixed-width records
//! (format.md, section 4). It is a cache: whatever is missing or damaged in it only costs time.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::disk;
use crate::error::Result;
use crate::git::{ObjectFormat, ObjectId};
use crate::journal::Known;

const MAGIC: &[u8; 7] = b"RCLKNW1";
const HEADER_LEN: usize = 8;

/// The file of known contents as it was when opened.
pub(crate) struct KnownContents {
    path: PathBuf,
    file: Option<File>,
    count: u64,
    format: ObjectFormat,
}

fn record_len(format: ObjectFormat) -> usize {
    32 + format.id_len() + 4 + 4
}

impl KnownContents {
    /// Opens the file; one that is not there or not ours counts as empty.
    pub(crate) fn open(path: &Path, format: ObjectFormat) -> KnownContents {
        let mut known = KnownContents { path: path.to_owned(), file: None, count: 0, format };
        let Ok(Some(file)) = disk::open_if_there(path) else { return known };
        let mut header = [0; HEADER_LEN];
        let Ok(signature) = disk::signature_of(&file, path) else { return known };
        let is_ours = disk::read_at(&file, path, &mut header, 0).is_ok()
            && header[..7] == *MAGIC
            && usize::from(header[7]) == format.id_len();
        if is_ours {
            let width = record_len(format) as u64;
            known.count = signature.size().saturating_sub(HEADER_LEN as u64) / width;
            known.file = Some(file);
        }
        known
    }

    /// Returns the object that holds these bytes, if the file knows one.
    pub(crate) fn find(&self, digest: &Digest) -> Option<Known> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            let record = self.record(middle)?;
            match record[..32].cmp(digest.as_bytes()) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return parse(&record, self.format),
            }
        }
        None
    }

    fn record(&self, number: u64) -> Option<Vec<u8>> {
        let width = record_len(self.format);
        let mut record = vec![0; width];
        let offset = HEADER_LEN as u64 + number * width as u64;
        disk::read_at(self.file.as_ref()?, &self.path, &mut record, offset).ok()?;
        Some(record)
    }

    /// Writes the file anew with only the records whose object `is_there` knows; says whether any
    /// went.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it cannot be written.
    pub(crate) fn retain(&self, is_there: impl Fn(&ObjectId) -> bool) -> Result<bool> {
        let Some(file) = &self.file else { return Ok(false) };
        let width = record_len(self.format);
        let bytes = disk::read_from(file, &self.path, 0)?;
        let mut out = bytes[..HEADER_LEN].to_vec();
        let records = bytes[HEADER_LEN..].chunks_exact(width);
        let stays =
            |record: &&[u8]| parse(record, self.format).is_some_and(|known| is_there(&known.id));
        records.filter(stays).for_each(|record| out.extend_from_slice(record));
        if out.len() == bytes.len() {
            return Ok(false);
        }
        if out.len() == HEADER_LEN {
            disk::remove(&self.path)?;
        } else {
            disk::replace_unsynced(&self.path, &out)?;
        }
        Ok(true)
    }

    /// Writes the file anew with `more` added.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if it cannot be written.
    pub(crate) fn add(&self, more: &[Known]) -> Result<()> {
        let width = record_len(self.format);
        let mut records: Vec<Vec<u8>> = more.iter().map(record_bytes).collect();
        if let Some(file) = &self.file {
            let bytes = disk::read_from(file, &self.path, HEADER_LEN as u64)?;
            let whole = bytes.chunks_exact(width);
            records.extend(whole.filter(|r| parse(r, self.format).is_some()).map(<[u8]>::to_vec));
        }
        // Stable: where two records have one digest, the newer stays.
        records.sort_by(|a, b| a[..32].cmp(&b[..32]));
        records.dedup_by(|later, first| later[..32] == first[..32]);
        let mut out = Vec::with_capacity(HEADER_LEN + records.len() * width);
        out.extend_from_slice(MAGIC);
        out.push(u8::try_from(self.format.id_len()).expect("an id has 20 or 32 bytes"));
        for record in &records {
            out.extend_from_slice(record);
        }
        disk::replace_unsynced(&self.path, &out)
    }
}

/// Returns what is wrong with the file of known contents; `None` if nothing is.
///
/// # Errors
/// [`crate::Error::Disk`] if it cannot be read.
pub(crate) fn flaw_in_known(path: &Path, format: ObjectFormat) -> Result<Option<&'static str>> {
    let Some(bytes) = disk::read_if_there(path)? else { return Ok(None) };
    let is_ours = bytes.len() >= HEADER_LEN
        && bytes[..7] == *MAGIC
        && usize::from(bytes[7]) == format.id_len();
    if !is_ours {
        return Ok(Some("its first bytes are not those of such a file"));
    }
    let records = bytes[HEADER_LEN..].chunks(record_len(format));
    if records.clone().any(|record| parse(record, format).is_none()) {
        return Ok(Some("a record is not what was written"));
    }
    let is_sorted = records.clone().zip(records.skip(1)).all(|(a, b)| a[..32] < b[..32]);
    Ok((!is_sorted).then_some("its records are not in order"))
}

fn record_bytes(known: &Known) -> Vec<u8> {
    let mut record = Vec::with_capacity(72);
    record.extend_from_slice(known.digest.as_bytes());
    record.extend_from_slice(known.id.as_bytes());
    record.extend_from_slice(&known.chunks.to_le_bytes());
    let checksum = crc32fast::hash(&record);
    record.extend_from_slice(&checksum.to_le_bytes());
    record
}

fn parse(record: &[u8], format: ObjectFormat) -> Option<Known> {
    let (body, checksum) = record.split_last_chunk::<4>()?;
    if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let (digest, rest) = body.split_first_chunk::<32>()?;
    let (id, chunks) = rest.split_at_checked(format.id_len())?;
    Some(Known {
        digest: Digest::from_bytes(*digest),
        id: ObjectId::try_from(id).ok()?,
        chunks: u32::from_le_bytes(chunks.try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::{Kind, object_id};

    fn known(number: u32) -> Known {
        let bytes = number.to_le_bytes();
        let id = object_id(ObjectFormat::Sha1, Kind::Blob, &bytes);
        Known { digest: Digest::of(&bytes), id, chunks: number }
    }

    #[test]
    fn what_was_added_is_found_and_damage_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("contents");
        let open = || KnownContents::open(&path, ObjectFormat::Sha1);
        assert_eq!(open().find(&Digest::of(b"")), None, "no file yet");
        open().add(&(0..50).map(known).collect::<Vec<_>>()).unwrap();
        open().add(&(25..100).map(known).collect::<Vec<_>>()).unwrap();
        for number in 0..100 {
            assert_eq!(open().find(&known(number).digest), Some(known(number)));
        }
        let good = disk::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            disk::replace_unsynced(&path, &bad).unwrap();
            for number in [0, 57, 99] {
                let found = open().find(&known(number).digest);
                assert!(found.is_none() || found == Some(known(number)), "byte {at}");
            }
        }
    }
}
