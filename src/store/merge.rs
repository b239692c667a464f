//! Merges small packs, so that many small flushes do not make reading slow.
//!
//! Packs are kept in tiers by size, each four times the one below. Once a tier has eight packs
//! they become one, by copying raw entries: a byte is copied once a tier, and a store of any size
//! has few packs.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::flush::{complete, place};
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
        let mut tiers: Vec<Vec<PathBuf>> = Vec::new();
        let listing = disk::list(packs)?;
        // git's index over many packs names those that would go.
        if listing.len() < 2 * FULL_TIER
            || listing.iter().any(|entry| entry.name == "multi-pack-index")
        {
            return Ok(merged);
        }
        for entry in listing {
            if !entry.name.ends_with(".idx") {
                continue;
            }
            // Somebody wants these packs as they are: `.keep`, or git, which keeps what nothing
            // names in a pack of its own (`.mtimes`).
            if ["keep", "mtimes", "promisor"]
                .iter()
                .any(|extension| disk::is_there(&entry.path.with_extension(extension)))
            {
                continue;
            }
            let size = disk::signature(&entry.path.with_extension("pack"))?.map_or(0, |s| s.size());
            if size == 0 || size > LARGEST {
                continue;
            }
            let number = tier(size) as usize;
            if tiers.len() <= number {
                tiers.resize_with(number + 1, Vec::new);
            }
            tiers[number].push(entry.path);
        }
        let mut full = tiers.into_iter().filter(|tier| tier.len() >= FULL_TIER).map(|tier| {
            // A damaged pack is left to verify, and one with deltas to gc.
            tier.iter().filter_map(|path| RawPack::open(path, format)).collect::<Vec<_>>()
        });
        let Some(mergeable) = full.find(|tier| tier.len() > 1) else { return Ok(merged) };
        merged += mergeable.len();
        merge(&mergeable, own_folder, packs, format)?;
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
        for extension in ["idx", "pack", "rev", "bitmap"] {
            disk::remove(&pack.index_path.with_extension(extension))?;
        }
    }
    Ok(())
}
