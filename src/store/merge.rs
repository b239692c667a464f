//! Merges small packs, so that many small flushes do not make reading slow.
//!
//! Packs are kept in tiers by size, each four times the one below. Once a tier has eight packs
//! they become one, by copying raw entries: a byte is copied once a tier, and a store of any size
//! has few packs.

use std::collections::HashSet;
use std::path::Path;

use super::flush::{KEEP_NOTE, complete, place};
use crate::disk;
use crate::error::Result;
use crate::git::{EntryAt, ObjectFormat, ObjectId, PACK_HEADER_LEN, RawPack, pack_header};

/// How many packs of one tier are too many.
const FULL_TIER: usize = 8;
/// The largest pack of the lowest tier, in bytes.
const LOWEST_TIER: u64 = 256 << 10;
/// Larger packs are left to gc: copying them would hold up the flush.
const LARGEST: u64 = 64 << 20;

fn tier(size: u64) -> u32 {
    (size / LOWEST_TIER).max(1).ilog2() / 2
}

/// Merges the packs of every full tier, lowest first; returns how many went. The caller holds the
/// flush lock.
///
/// # Errors
/// [`crate::Error::Disk`] if a pack cannot be written; then the old ones are all there.
pub(super) fn merge_small_packs(
    own_folder: &Path,
    packs: &Path,
    format: ObjectFormat,
) -> Result<usize> {
    let mut merged = 0;
    loop {
        let mut tiers: Vec<Vec<RawPack>> = Vec::new();
        let listing = disk::list(packs)?;
        if listing.len() < 2 * FULL_TIER {
            return Ok(merged);
        }
        for entry in listing {
            if entry.path.extension().is_none_or(|extension| extension != "idx") {
                continue;
            }
            let kept = entry.path.with_extension("keep");
            match disk::read_if_there(&kept)? {
                // Ours, and we hold the lock: a crash left it after its names were there.
                Some(note) if note == KEEP_NOTE => drop(disk::remove(&kept)?),
                Some(_) => continue,
                None => {}
            }
            let size = disk::signature(&entry.path.with_extension("pack"))?.map_or(0, |s| s.size());
            if size == 0 || size > LARGEST {
                continue;
            }
            let number = tier(size) as usize;
            if tiers.len() <= number {
                tiers.resize_with(number + 1, Vec::new);
            }
            tiers[number].extend(RawPack::open(&entry.path, format));
        }
        let Some(full) = tiers.into_iter().find(|tier| tier.len() >= FULL_TIER) else {
            return Ok(merged);
        };
        merged += full.len();
        merge(&full, own_folder, packs, format)?;
    }
}

fn merge(old: &[RawPack], own_folder: &Path, packs: &Path, format: ObjectFormat) -> Result<()> {
    let path = own_folder.join("merge.pack");
    disk::remove(&path)?;
    let mut file = disk::create_new(&path)?;
    disk::append(&mut file, &path, &[&pack_header(0)])?;
    let mut seen: HashSet<ObjectId> = HashSet::new();
    let mut entries = Vec::new();
    let mut end = PACK_HEADER_LEN as u64;
    for pack in old {
        let mut pieces = Vec::new();
        for (number, entry) in pack.entries().iter().enumerate() {
            let Some(bytes) = pack.bytes(number).filter(|_| seen.insert(entry.id)) else {
                continue;
            };
            entries.push(EntryAt { offset: end, ..*entry });
            end += bytes.len() as u64;
            pieces.push(bytes);
        }
        // Neighbours in the old pack are neighbours here: few, large writes.
        for pieces in pieces.chunks(512) {
            disk::append(&mut file, &path, pieces)?;
        }
    }
    let checksum = complete(&file, &path, end, entries.len(), format)?;
    place(&path, packs, &mut entries, &checksum, format)?;
    disk::remove(&packs.join(format!("pack-{checksum}.keep")))?;
    disk::crash_point("packs merged");
    let merged = packs.join(format!("pack-{checksum}.idx"));
    for pack in old.iter().filter(|pack| pack.index_path != merged) {
        // The index first: nobody is led to a pack that is not there.
        for extension in ["idx", "pack", "rev"] {
            disk::remove(&pack.index_path.with_extension(extension))?;
        }
    }
    Ok(())
}
