//! Merges small packs, so that many small flushes do not make reading slow.
//!
//! Packs are kept in tiers by size, each four times the one below. Once a tier has eight packs
//! they become one, by copying raw entries: a byte is copied once a tier, and a store of any size
//! has few packs.

use std::path::{Path, PathBuf};

use super::locked::LockedStore;
use crate::disk;
use crate::error::Result;
use crate::git::RawPack;

/// How many packs of one tier are too many.
pub(crate) const FULL_TIER: usize = 8;
/// The largest pack of the lowest tier, in bytes.
const LOWEST_TIER: u64 = 256 << 10;
/// Larger packs are left to gc: copying them would hold up the flush.
const LARGEST: u64 = 64 << 20;

/// Returns the number of the tier of a pack of that many bytes.
pub(crate) fn tier(size: u64) -> u32 {
    (size / LOWEST_TIER).max(1).ilog2() / 2
}

/// Whether the pack came from a remote: what its objects name may be there alone, and git knows.
pub(crate) fn is_fetched(index_path: &Path) -> bool {
    disk::is_there(&index_path.with_extension("promisor"))
}

/// Tells git that what the objects of a pack name may be on a remote alone.
///
/// # Errors
/// [`crate::Error::Disk`].
pub(super) fn mark_fetched(index_path: &Path) -> Result<()> {
    let mark = index_path.with_extension("promisor");
    if disk::is_there(&mark) { Ok(()) } else { disk::replace_unsynced(&mark, b"") }
}

/// Merges the packs of every full tier, lowest first; returns how many went.
///
/// # Errors
/// [`crate::Error::Disk`] if a pack cannot be written; then the old ones are all there.
pub(super) fn merge_small_packs(locked: &LockedStore<'_>) -> Result<usize> {
    let mut merged = 0;
    loop {
        let mut tiers: Vec<Vec<PathBuf>> = Vec::new();
        let paths = locked.free_packs()?;
        if paths.len() < FULL_TIER {
            return Ok(merged);
        }
        for path in paths {
            let size = disk::signature(&path.with_extension("pack"))?.map_or(0, |s| s.size());
            if size == 0 || size > LARGEST {
                continue;
            }
            let number = tier(size) as usize;
            if tiers.len() <= number {
                tiers.resize_with(number + 1, Vec::new);
            }
            tiers[number].push(path);
        }
        let mut full = tiers.into_iter().filter(|tier| tier.len() >= FULL_TIER).map(|tier| {
            // A damaged pack is left to verify, and one with deltas to sealing, unless it came
            // from a remote.
            let packs = tier.iter().filter_map(|path| locked.open_pack(path));
            let packs = packs.filter(|pack| !pack.has_deltas() || is_fetched(&pack.index_path));
            packs.collect::<Vec<RawPack>>()
        });
        let Some(mergeable) = full.find(|tier| tier.len() > 1) else { return Ok(merged) };
        let kept = if mergeable.iter().any(RawPack::has_deltas) {
            locked.copy_objects(&mergeable)?
        } else {
            locked.copy_entries(&mergeable, |_| true)?
        };
        if kept.is_empty() {
            return Ok(merged);
        }
        merged += mergeable.len();
        if mergeable.iter().any(|pack| is_fetched(&pack.index_path)) {
            kept.iter().take(1).try_for_each(|index| mark_fetched(index))?;
        }
        for pack in mergeable.iter().filter(|pack| !kept.contains(&pack.index_path)) {
            locked.remove_pack(&pack.index_path)?;
        }
    }
}
