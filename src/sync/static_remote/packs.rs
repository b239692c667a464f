//! The packs of a static remote: which there are, and what their indices say. An index comes once:
//! it is kept in the store, by remote, as a pack of that name never changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::listing::{PACKS, PackNames, pack_path, read_packs};
use super::storage::{Storage, VersionTag};
use crate::digest::Digest;
use crate::disk;
use crate::error::{Error, Result};
use crate::git::{ObjectFormat, ObjectId, PackIndex};

/// One pack.
#[derive(Clone)]
pub(super) struct RemotePack {
    /// The checksum in its name.
    pub(super) checksum: String,
    pub(super) index: Arc<PackIndex>,
}

/// The packs as they were last listed.
#[derive(Clone, Default)]
pub(super) struct RemotePacks {
    pub(super) names: PackNames,
    /// Which state of the list; `None` if there is no list.
    pub(super) tag: Option<VersionTag>,
    pub(super) all: Vec<RemotePack>,
}

impl RemotePacks {
    /// Whether a listed pack has the object, and so all that the object needs.
    pub(super) fn contains(&self, id: &ObjectId) -> bool {
        self.all.iter().any(|pack| pack.index.contains(id))
    }

    /// Returns the number of a pack that has the object, and where in its order it is; the pack
    /// `first` is asked first.
    pub(super) fn find(&self, id: &ObjectId, first: usize) -> Option<(usize, usize)> {
        let in_pack = |number: usize| Some((number, self.all.get(number)?.index.rank_of(id)?));
        in_pack(first).or_else(|| (0..self.all.len()).find_map(in_pack))
    }
}

/// Where the indices of the packs of one remote are kept.
pub(super) struct IndexCache {
    folder: PathBuf,
    format: ObjectFormat,
}

impl IndexCache {
    /// Returns the place in the folder `own` of a store for the indices of the remote of that
    /// address. Remotes are kept apart: what one says of a pack is nothing to another.
    pub(super) fn new(own: &Path, address: &str, format: ObjectFormat) -> IndexCache {
        let digest = Digest::of(address.as_bytes()).short(16);
        IndexCache { folder: own.join("static").join(digest), format }
    }

    fn path(&self, checksum: &str) -> PathBuf {
        self.folder.join(format!("pack-{checksum}.idx"))
    }

    fn kept(&self, checksum: &str) -> Option<PackIndex> {
        let bytes = disk::read_if_there(&self.path(checksum)).ok()??;
        PackIndex::read(bytes, self.format).ok()
    }

    /// Keeps an index. It is a copy of what the remote has: failing to is no failure.
    pub(super) fn keep(&self, checksum: &str, bytes: &[u8]) {
        if disk::create_folders(&self.folder).is_ok() {
            drop(disk::replace_unsynced(&self.path(checksum), bytes));
        }
    }

    /// Reads the list of packs, and the indices of those that `known` has not got.
    ///
    /// # Errors
    /// [`Error::StaticRemote`], [`Error::StaticDamaged`].
    pub(super) fn load(&self, storage: &Storage, known: &RemotePacks) -> Result<RemotePacks> {
        const LOOKS: usize = 3;
        let mut look = 1;
        loop {
            let Some(list) = storage.get(PACKS)? else { return Ok(RemotePacks::default()) };
            let damaged =
                |path: &str, reason| Error::StaticDamaged { what: storage.name_of(path), reason };
            let names = read_packs(&list.bytes).map_err(|reason| damaged(PACKS, reason))?;
            let mut all = Vec::with_capacity(names.len());
            let mut lacking = Vec::new();
            for checksum in &names {
                if let Some(pack) = known.all.iter().find(|pack| pack.checksum == *checksum) {
                    all.push(pack.clone());
                } else if let Some(index) = self.kept(checksum) {
                    all.push(RemotePack { checksum: checksum.clone(), index: Arc::new(index) });
                } else {
                    lacking.push(checksum);
                }
            }
            let paths: Vec<String> = lacking.iter().map(|sum| pack_path(sum, "idx")).collect();
            let found = storage.get_all(&paths)?;
            if look < LOOKS && found.iter().any(Option::is_none) {
                // Packs were merged between the looks, and the grace time of the old ones is over.
                look += 1;
                continue;
            }
            for ((checksum, path), bytes) in lacking.into_iter().zip(&paths).zip(found) {
                let bytes = bytes.ok_or_else(|| damaged(path, "it is not there".into()))?;
                let index = PackIndex::read(bytes.clone(), self.format)
                    .map_err(|reason| damaged(path, reason.into()))?;
                self.keep(checksum, &bytes);
                all.push(RemotePack { checksum: checksum.clone(), index: Arc::new(index) });
            }
            self.forget_all_but(&names);
            return Ok(RemotePacks { names, tag: Some(list.tag), all });
        }
    }

    /// Removes the indices of packs that are gone.
    fn forget_all_but(&self, names: &PackNames) {
        for file in disk::list(&self.folder).unwrap_or_default() {
            let checksum = file.name.strip_prefix("pack-").and_then(|n| n.strip_suffix(".idx"));
            if checksum.is_some_and(|checksum| !names.contains(checksum)) {
                drop(disk::remove(&file.path));
            }
        }
    }
}
