//! Merges small packs, so that many small flushes do not make reading slow.
//!
//! Packs are kept in tiers by size, each four times the one below. Once a tier has eight packs
//! they become one, by copying raw entries: a byte is copied once a tier, and a store of any size
//! has few packs.

use super::locked::LockedStore;
use crate::disk;
use crate::error::Result;
use crate::git::RawPack;

/// How many packs of one tier are too many.
const FULL_TIER: usize = 8;
/// The largest pack of the lowest tier, in bytes.
const LOWEST_TIER: u64 = 256 << 10;
/// Larger packs are left to gc: copying them would hold up the flush.
const LARGEST: u64 = 64 << 20;

fn tier(size: u64) -> u32 {
    (size / LOWEST_TIER).max(1).ilog2() / 2
}

/// Merges the packs of every full tier, lowest first; returns how many went.
///
/// # Errors
/// [`crate::Error::Disk`] if a pack cannot be written; then the old ones are all there.
pub(super) fn merge_small_packs(locked: &LockedStore<'_>) -> Result<usize> {
    let mut merged = 0;
    loop {
        let mut tiers: Vec<Vec<RawPack>> = Vec::new();
        if disk::list(&locked.packs_folder())?.len() < 2 * FULL_TIER {
            return Ok(merged);
        }
        for pack in locked.raw_packs()? {
            if pack.has_deltas() || pack.len() > LARGEST {
                continue;
            }
            let number = tier(pack.len()) as usize;
            if tiers.len() <= number {
                tiers.resize_with(number + 1, Vec::new);
            }
            tiers[number].push(pack);
        }
        let Some(full) = tiers.into_iter().find(|tier| tier.len() >= FULL_TIER) else {
            return Ok(merged);
        };
        merged += full.len();
        let kept = locked.copy_entries(&full, |_| true)?;
        for pack in full.iter().filter(|pack| !kept.contains(&pack.index_path)) {
            locked.remove_pack(&pack.index_path)?;
        }
    }
}
