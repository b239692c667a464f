//! Keeping a static remote in few packs: small ones are merged in tiers, as in a store, and files
//! that nobody lists go after a grace time, as somebody may be reading them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::lacking::Role;
use super::listing::{PACK_FOLDER, PACKS, PackNames, pack_path};
use super::pack_bytes::PackBytes;
use super::packs::RemotePack;
use super::storage::Listed;
use super::{StaticRemote, UNPOISONED};
use crate::clock::Timestamp;
use crate::entry::MANIFEST_FILE;
use crate::error::Result;
use crate::git::{Kind, ObjectId, inflate_entry, is_delta, object_id, tree_entries};
use crate::store::merge::{FULL_TIER, tier};

/// Larger packs are left as they are.
const LARGEST: u64 = 16 << 20;
/// How long a file that nobody lists stays: longer than any reader reads or publisher publishes.
pub(super) const GRACE_MICROS: i64 = 24 * 60 * 60 * 1_000_000;
/// The ending of the empty file that says since when nobody lists a pack.
const RETIRED: &str = "retired";

impl StaticRemote {
    /// Merges the packs of every full tier, and if there were any removes what is over; returns how
    /// many packs became fewer.
    pub(super) fn tidy(&self) -> Result<usize> {
        let mut merged = 0;
        while let Some(full) = self.full_tier() {
            let known = self.unmergeable.lock().expect(UNPOISONED).len();
            let count = self.merge(full)?;
            merged += count;
            // Somebody else is faster; or packs were found that must stay as they are.
            if count == 0 && self.unmergeable.lock().expect(UNPOISONED).len() == known {
                break;
            }
        }
        if merged > 0 {
            self.sweep()?;
        }
        Ok(merged)
    }

    /// Returns the packs of a tier that has too many.
    fn full_tier(&self) -> Option<Vec<RemotePack>> {
        let packs = self.last_packs();
        let mut tiers: BTreeMap<u32, Vec<RemotePack>> = BTreeMap::new();
        for pack in packs.all {
            // Where the last entry begins is as good as the size, and known without asking.
            let size = pack.index.len().checked_sub(1).map(|last| pack.index.entry(last).offset);
            let size = size.unwrap_or(0);
            let kept = self.unmergeable.lock().expect(UNPOISONED);
            if size <= LARGEST && !kept.contains(&pack.checksum) {
                tiers.entry(tier(size)).or_default().push(pack);
            }
        }
        tiers.into_values().find(|tier| tier.len() >= FULL_TIER)
    }

    /// Makes one pack of several; returns of how many.
    fn merge(&self, packs: Vec<RemotePack>) -> Result<usize> {
        let paths: Vec<String> =
            packs.iter().map(|pack| pack_path(&pack.checksum, "pack")).collect();
        let found = self.storage.get_all(&paths)?;
        let mut merged = PackBytes::default();
        let mut seen = HashSet::new();
        let mut gone = PackNames::new();
        for (pack, bytes) in packs.into_iter().zip(found) {
            match bytes.and_then(|bytes| self.entries_of(&pack, &bytes)) {
                Some(entries) => {
                    for (role, id, entry) in entries {
                        if seen.insert(id) {
                            merged.add(role, id, entry);
                        }
                    }
                    gone.insert(pack.checksum);
                }
                // Damage must not look whole afterwards, and deltas stand on each other.
                None => drop(self.unmergeable.lock().expect(UNPOISONED).insert(pack.checksum)),
            }
        }
        if gone.len() < 2 {
            return Ok(0);
        }
        let sealed = merged.seal(self.format);
        let added = PackNames::from([sealed.checksum.clone()]);
        let gone: PackNames = gone.difference(&added).cloned().collect();
        self.upload(sealed)?;
        if !self.change_packs(None, &added, &gone)? {
            // Somebody else merged some of them; our pack is one that nobody lists.
            return Ok(0);
        }
        drop(self.packs()?);
        for checksum in &gone {
            self.storage.put(&pack_path(checksum, RETIRED), Vec::new())?;
        }
        Ok(gone.len())
    }

    /// Returns the entries of a pack, if all of them are whole objects and what they should be.
    fn entries_of(
        &self,
        pack: &RemotePack,
        bytes: &[u8],
    ) -> Option<Vec<(Role, ObjectId, Vec<u8>)>> {
        let pack_end = bytes.len().checked_sub(self.format.id_len())? as u64;
        let mut entries = Vec::with_capacity(pack.index.len());
        let mut manifests = BTreeSet::new();
        let mut content = Vec::new();
        for rank in 0..pack.index.len() {
            let at = pack.index.entry(rank);
            let end = pack.index.end(rank).unwrap_or(pack_end);
            let range = usize::try_from(at.offset).ok()?..usize::try_from(end).ok()?;
            let entry = bytes.get(range).filter(|entry| !is_delta(entry))?;
            let kind = inflate_entry(self.format, entry, &mut content).ok()?;
            if crc32fast::hash(entry) != at.crc32 || object_id(self.format, kind, &content) != at.id
            {
                return None;
            }
            let role = match kind {
                Kind::Commit | Kind::Tag => Role::Commit,
                Kind::Tree => {
                    let names = tree_entries(self.format, &content)?;
                    let of_manifests = names.iter().filter(|name| name.name == MANIFEST_FILE);
                    manifests.extend(of_manifests.map(|name| name.id));
                    Role::Tree
                }
                Kind::Blob => Role::Part,
            };
            entries.push((role, at.id, entry.to_vec()));
        }
        for (role, id, _) in &mut entries {
            if *role == Role::Part && manifests.contains(id) {
                *role = Role::Manifest;
            }
        }
        Some(entries)
    }

    /// Removes packs that nobody lists, once they were known to be so for the grace time; returns
    /// how many.
    ///
    /// # Errors
    /// [`crate::Error::StaticRemote`], [`crate::Error::StaticDamaged`].
    pub(crate) fn sweep(&self) -> Result<usize> {
        let files = self.storage.list(PACK_FOLDER)?;
        // Read after the files: who lists a pack has written it before.
        let listed = match self.storage.get(PACKS)? {
            Some(file) => self.names_of(&file)?,
            None => PackNames::new(),
        };
        let plan = plan_sweep(&files, &listed);
        for checksum in &plan.mark {
            self.storage.put(&pack_path(checksum, RETIRED), Vec::new())?;
        }
        for checksum in &plan.unmark {
            self.storage.remove(&pack_path(checksum, RETIRED))?;
        }
        for checksum in &plan.remove {
            // The mark last: until then the next sweep knows what is to go.
            for extension in ["idx", "pack", RETIRED] {
                self.storage.remove(&pack_path(checksum, extension))?;
            }
        }
        Ok(plan.remove.len())
    }
}

/// What a sweep does, by checksum.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sweep {
    mark: Vec<String>,
    unmark: Vec<String>,
    remove: Vec<String>,
}

/// Decides what a sweep does. Time is told by the files alone: the clock of the remote may be
/// another than ours.
fn plan_sweep(files: &[Listed], listed: &PackNames) -> Sweep {
    #[derive(Default)]
    struct Found {
        written: Option<Timestamp>,
        marked: Option<Timestamp>,
    }
    let mut found: BTreeMap<&str, Found> = BTreeMap::new();
    for file in files {
        let Some((name, extension)) = file.name.rsplit_once('.') else { continue };
        let Some(checksum) = name.strip_prefix("pack-") else { continue };
        let pack = found.entry(checksum).or_default();
        match extension {
            RETIRED => pack.marked = Some(file.written),
            "pack" | "idx" => pack.written = pack.written.max(Some(file.written)),
            _ => {}
        }
    }
    let Some(now) = files.iter().map(|file| file.written).max() else { return Sweep::default() };
    let is_old = |when: Option<Timestamp>| {
        when.is_none_or(|when| now.micros() - when.micros() > GRACE_MICROS)
    };
    let mut plan = Sweep::default();
    for (checksum, pack) in found {
        let list = match (listed.contains(checksum), pack.marked) {
            (true, Some(_)) => &mut plan.unmark,
            (false, Some(marked)) if is_old(Some(marked)) && is_old(pack.written) => {
                &mut plan.remove
            }
            (false, None) if is_old(pack.written) => &mut plan.mark,
            _ => continue,
        };
        list.push(checksum.to_owned());
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_before_it_was_known_to_be_over_for_a_day() {
        const HOUR: i64 = 3_600_000_000;
        let file = |name: &str, hour: i64| Listed {
            name: name.into(),
            size: 1,
            written: Timestamp::from_micros(hour * HOUR),
        };
        let files = [
            file("pack-listed.pack", 0),
            file("pack-back.pack", 0),
            file("pack-back.retired", 10),
            file("pack-old.pack", 0),
            file("pack-old.retired", 10),
            file("pack-merged.pack", 0),
            file("pack-merged.retired", 90),
            file("pack-orphan.pack", 0),
            file("pack-orphan.idx", 0),
            file("pack-fresh.pack", 95),
            file("pack-again.pack", 95),
            file("pack-again.retired", 10),
            file("readme.txt", 0),
            file("pack-now.pack", 100),
        ];
        let listed = ["listed", "back", "now"].map(String::from).into();
        let plan = plan_sweep(&files, &listed);
        assert_eq!(plan.remove, ["old"], "known to be over for 90 hours");
        assert_eq!(plan.unmark, ["back"], "somebody lists it again");
        assert_eq!(plan.mark, ["orphan"], "a publisher died; its day begins now");
        assert_eq!(plan_sweep(&[], &PackNames::new()), Sweep::default());
    }
}
