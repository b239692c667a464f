//! Where the files of a static remote are, as calls that wait: a folder, an object store, or a web
//! server that can only be read.

use std::sync::atomic::{AtomicU64, Ordering};

use super::address::StaticAddress;
#[cfg(feature = "object-stores")]
use super::cloud::Cloud;
use super::folder::Folder;
#[cfg(feature = "object-stores")]
use super::web::Web;
use crate::clock::Timestamp;
use crate::error::{Error, Reason, Result};
use crate::git::GitEnvironment;

/// What tells one state of a file from every other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VersionTag {
    pub(super) e_tag: Option<String>,
    /// Google's generation.
    pub(super) version: Option<String>,
}

/// A file, and which state of it.
pub(super) struct Stored {
    pub(super) bytes: Vec<u8>,
    pub(super) tag: VersionTag,
}

/// A file in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// The last step of its path.
    pub(super) name: String,
    pub(super) size: u64,
    /// When it was written last, by the clock of whoever keeps it.
    pub(super) written: Timestamp,
}

/// Some bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) path: String,
    pub(super) start: u64,
    pub(super) end: u64,
}

/// What is between us and the bytes. What fails says why in a [`Reason`].
pub(super) type Answer<T> = std::result::Result<T, Reason>;

enum Place {
    Folder(Folder),
    #[cfg(feature = "object-stores")]
    Cloud(Cloud),
    #[cfg(feature = "object-stores")]
    Web(Web),
}

/// What travelled since the remote was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// How often the remote was asked.
    pub(crate) requests: u64,
    /// Bytes of files that came.
    pub(crate) received: u64,
    /// Bytes of files that went.
    pub(crate) sent: u64,
}

/// The files of one remote.
pub(super) struct Storage {
    place: Place,
    /// The address, as people are shown it.
    pub(super) shown: String,
    requests: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    /// How many more writes succeed: for tests of what a crash leaves.
    #[cfg(test)]
    pub(super) writes_left: std::sync::atomic::AtomicI64,
}

/// How many requests run at a time where each waits for a network.
const PARALLEL: usize = 8;

impl Storage {
    #[cfg_attr(
        not(feature = "object-stores"),
        expect(unused_variables, reason = "a folder needs no credentials")
    )]
    pub(super) fn open(address: &StaticAddress, environment: &GitEnvironment) -> Result<Storage> {
        let shown = address.to_string();
        let place = match address {
            StaticAddress::Folder(path) => Place::Folder(Folder::new(path)),
            #[cfg(feature = "object-stores")]
            StaticAddress::Web(url) => Place::Web(Web::new(url)),
            #[cfg(feature = "object-stores")]
            cloud => Place::Cloud(Cloud::open(cloud, environment).map_err(|source| {
                Error::StaticRemote { action: "open", what: shown.clone(), source }
            })?),
            #[cfg(not(feature = "object-stores"))]
            _ => return Err(Error::StaticNotBuilt { address: shown }),
        };
        Ok(Storage {
            place,
            shown,
            requests: AtomicU64::new(0),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            #[cfg(test)]
            writes_left: std::sync::atomic::AtomicI64::new(i64::MAX),
        })
    }

    /// Returns what travelled so far.
    pub(super) fn traffic(&self) -> Traffic {
        Traffic {
            requests: self.requests.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
        }
    }

    /// Whether the remote can only be read.
    pub(super) fn is_read_only(&self) -> bool {
        #[cfg(feature = "object-stores")]
        return matches!(self.place, Place::Web(_));
        #[cfg(not(feature = "object-stores"))]
        false
    }

    /// Whether a request waits for a network, so that one more byte costs less than one more
    /// request.
    pub(super) fn is_far(&self) -> bool {
        !matches!(self.place, Place::Folder(_))
    }

    /// Returns the name of a file, as people are shown it.
    pub(super) fn name_of(&self, path: &str) -> String {
        format!("{}/{path}", self.shown)
    }

    fn failed(&self, action: &'static str, path: &str) -> impl FnOnce(Reason) -> Error {
        let what = self.name_of(path);
        move |source| Error::StaticRemote { action, what, source }
    }

    /// Reads a file that may change; `None` if it is not there.
    pub(super) fn get(&self, path: &str) -> Result<Option<Stored>> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let found = match &self.place {
            Place::Folder(folder) => folder.get(path),
            #[cfg(feature = "object-stores")]
            Place::Cloud(cloud) => cloud.get(path),
            #[cfg(feature = "object-stores")]
            Place::Web(web) => web.get(path),
        };
        let found = found.map_err(self.failed("read", path))?;
        let len = found.as_ref().map_or(0, |stored| stored.bytes.len());
        self.received.fetch_add(len as u64, Ordering::Relaxed);
        Ok(found)
    }

    /// Reads some bytes of a file: fewer if it ends before, `None` if it is not there.
    pub(super) fn get_span(&self, span: &Span) -> Result<Option<Vec<u8>>> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let found = match &self.place {
            Place::Folder(folder) => folder.get_span(span),
            #[cfg(feature = "object-stores")]
            Place::Cloud(cloud) => cloud.get_span(span),
            #[cfg(feature = "object-stores")]
            Place::Web(web) => web.get_span(span),
        };
        let found = found.map_err(self.failed("read", &span.path))?;
        let len = found.as_ref().map_or(0, Vec::len);
        self.received.fetch_add(len as u64, Ordering::Relaxed);
        Ok(found)
    }

    /// Reads several spans at once, in their order.
    pub(super) fn get_spans(&self, spans: &[Span]) -> Result<Vec<Option<Vec<u8>>>> {
        self.each(spans, |span| self.get_span(span))
    }

    /// Reads several whole files at once, in their order.
    pub(super) fn get_all(&self, paths: &[String]) -> Result<Vec<Option<Vec<u8>>>> {
        self.each(paths, |path| Ok(self.get(path)?.map(|stored| stored.bytes)))
    }

    /// Does the same to all of `items`, several at a time where that waits for a network.
    fn each<I: Sync, T: Send>(
        &self,
        items: &[I],
        work: impl Fn(&I) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        if !self.is_far() || items.len() < 2 {
            return items.iter().map(work).collect();
        }
        let next = std::sync::atomic::AtomicUsize::new(0);
        let lane = || {
            let mut done = Vec::new();
            while let number = next.fetch_add(1, Ordering::Relaxed)
                && let Some(item) = items.get(number)
            {
                let result = work(item);
                let failed = result.is_err();
                done.push((number, result));
                if failed {
                    break;
                }
            }
            done
        };
        let mut all = std::thread::scope(|scope| {
            let lanes: Vec<_> = (0..PARALLEL.min(items.len())).map(|_| scope.spawn(lane)).collect();
            let mut all = Vec::with_capacity(items.len());
            for lane in lanes {
                all.extend(lane.join().expect("a lane does not panic"));
            }
            all
        });
        all.sort_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, result)| result).collect()
    }

    /// Returns how many bytes a file has; `None` if it is not there.
    pub(super) fn size(&self, path: &str) -> Result<Option<u64>> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let size = match &self.place {
            Place::Folder(folder) => folder.size(path),
            #[cfg(feature = "object-stores")]
            Place::Cloud(cloud) => cloud.size(path),
            #[cfg(feature = "object-stores")]
            Place::Web(web) => web.size(path),
        };
        size.map_err(self.failed("look at", path))
    }

    /// Counts a write, unless the remote cannot be written.
    fn writing(&self, path: &str, bytes: usize) -> Result<()> {
        if self.is_read_only() {
            return Err(Error::StaticReadOnly { remote: self.shown.clone() });
        }
        #[cfg(test)]
        if self.writes_left.fetch_sub(1, Ordering::Relaxed) <= 0 {
            return Err(self.failed("write", path)("a test cut the wire".into()));
        }
        #[cfg(not(test))]
        let _: &str = path;
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Writes a file whose name says what is in it: it is there whole or not at all.
    pub(super) fn put(&self, path: &str, bytes: Vec<u8>) -> Result<()> {
        self.writing(path, bytes.len())?;
        let done = match &self.place {
            Place::Folder(folder) => folder.put(path, &bytes),
            #[cfg(feature = "object-stores")]
            Place::Cloud(cloud) => cloud.put(path, bytes),
            #[cfg(feature = "object-stores")]
            Place::Web(_) => Ok(()),
        };
        done.map_err(self.failed("write", path))
    }

    /// Replaces a file if it is still in the state `expected`, with `None` only if it is not there;
    /// says whether it did.
    pub(super) fn swap(
        &self,
        path: &str,
        bytes: Vec<u8>,
        expected: Option<&VersionTag>,
    ) -> Result<bool> {
        self.writing(path, bytes.len())?;
        let done = match &self.place {
            Place::Folder(folder) => folder.swap(path, &bytes, expected),
            #[cfg(feature = "object-stores")]
            Place::Cloud(cloud) => cloud.swap(path, bytes, expected),
            #[cfg(feature = "object-stores")]
            Place::Web(_) => Ok(false),
        };
        done.map_err(self.failed("replace", path))
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, path: &str) -> Result<()> {
        self.writing(path, 0)?;
        let done = match &self.place {
            Place::Folder(folder) => folder.remove(path),
            #[cfg(feature = "object-stores")]
            Place::Cloud(cloud) => cloud.remove(path),
            #[cfg(feature = "object-stores")]
            Place::Web(_) => Ok(()),
        };
        done.map_err(self.failed("remove", path))
    }

    /// Lists the files in a folder.
    pub(super) fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let found = match &self.place {
            Place::Folder(place) => place.list(folder),
            #[cfg(feature = "object-stores")]
            Place::Cloud(cloud) => cloud.list(folder),
            #[cfg(feature = "object-stores")]
            Place::Web(_) => Err("a web server lists nothing".into()),
        };
        found.map_err(self.failed("list", folder))
    }

    /// Makes sure that the remote keeps two publishers from overwriting each other's lists.
    ///
    /// # Errors
    /// [`Error::StaticUnsafe`] if it does not.
    pub(super) fn require_conditional_writes(&self) -> Result<()> {
        #[cfg(feature = "object-stores")]
        if let Place::Cloud(cloud) = &self.place {
            self.writing(super::cloud::PROBE, 0)?;
            let kept =
                cloud.keeps_conditions().map_err(self.failed("write", super::cloud::PROBE))?;
            if !kept {
                return Err(Error::StaticUnsafe { remote: self.shown.clone() });
            }
        }
        Ok(())
    }
}
