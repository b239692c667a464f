//! Static remotes: files in a folder, an object store or behind a web server, in the layout of
//! git's dumb HTTP protocol, so that plain git fetches from them through any server of files.
//!
//! Packs never change. `objects/info/packs` lists them and `info/refs` the refs; both are replaced
//! only if they are what the writer read, so that nobody's entries are lost. What is listed is
//! whole: an object of a listed pack has all that it names in listed packs.

mod address;
mod as_remote;
#[cfg(feature = "object-stores")]
mod cloud;
mod fetch;
mod folder;
#[cfg(feature = "object-stores")]
mod http;
mod lacking;
mod listing;
mod pack_bytes;
mod packs;
mod publish;
mod reading;
mod storage;
#[cfg(test)]
mod tests;
mod tidy;
#[cfg(feature = "object-stores")]
mod web;

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;

pub(crate) use address::StaticAddress;
pub(crate) use storage::{Traffic, VersionTag};

use self::listing::REFS;
use self::packs::{IndexCache, RemotePacks};
use self::storage::Storage;
use crate::error::Result;
use crate::git::{GitEnvironment, ObjectFormat, ObjectId};
use crate::store::Store;

/// A static remote, as one store speaks with it.
pub(crate) struct StaticRemote {
    storage: Storage,
    format: ObjectFormat,
    index_cache: IndexCache,
    /// The packs as they were last listed.
    packs: Mutex<RemotePacks>,
    /// Packs with deltas, or with damage.
    unmergeable: Mutex<HashSet<String>>,
}

/// The refs of a static remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteRefs {
    pub(crate) refs: BTreeMap<String, ObjectId>,
    /// Which state of the list; `None` if nothing was ever published.
    pub(crate) version: Option<VersionTag>,
}

const UNPOISONED: &str = "no holder of this lock panics";

impl StaticRemote {
    /// Opens a remote; credentials come from the environment. Nothing is asked of it yet.
    ///
    /// # Errors
    /// [`crate::Error::StaticRemote`] if the credentials make no sense,
    /// [`crate::Error::StaticNotBuilt`].
    pub(crate) fn open(
        address: &StaticAddress,
        store: &Store,
        environment: &GitEnvironment,
    ) -> Result<StaticRemote> {
        let storage = Storage::open(address, environment)?;
        let format = store.object_format();
        let index_cache = IndexCache::new(&store.own_folder(), &storage.shown, format);
        Ok(StaticRemote {
            storage,
            format,
            index_cache,
            packs: Mutex::default(),
            unmergeable: Mutex::default(),
        })
    }

    /// Returns its address, as people are shown it.
    pub(crate) fn shown(&self) -> &str {
        &self.storage.shown
    }

    /// Returns what travelled since it was opened.
    pub(crate) fn traffic(&self) -> Traffic {
        self.storage.traffic()
    }

    /// Returns its refs; none if nothing was ever published there.
    ///
    /// # Errors
    /// [`crate::Error::StaticRemote`], [`crate::Error::StaticDamaged`].
    pub(crate) fn refs(&self) -> Result<RemoteRefs> {
        let file = self.storage.get(REFS)?;
        let refs = self.refs_of(file.as_ref())?;
        Ok(RemoteRefs { refs, version: file.map(|file| file.tag) })
    }

    /// Lists the packs anew.
    fn packs(&self) -> Result<RemotePacks> {
        let known = self.last_packs();
        let packs = self.index_cache.load(&self.storage, &known)?;
        self.remember(&packs);
        Ok(packs)
    }

    fn last_packs(&self) -> RemotePacks {
        self.packs.lock().expect(UNPOISONED).clone()
    }

    fn remember(&self, packs: &RemotePacks) {
        *self.packs.lock().expect(UNPOISONED) = packs.clone();
    }
}
