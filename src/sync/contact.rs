//! What this store remembers of a remote besides its refs: when it was last spoken to, and how
//! many refs it takes in one push. Local, and may be lost.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::clock::Timestamp;
use crate::disk;
use crate::error::Result;
use crate::store::Store;

/// How long a bound on refs counts: hosts change their rules, and a bad line can look like one.
const BOUND_COUNTS: std::time::Duration = std::time::Duration::from_secs(7 * 86_400);

/// What is remembered of a remote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Contact {
    /// When it last answered.
    pub(crate) spoken: Option<Timestamp>,
    /// The most refs that it took in one push after it had refused more, and when that was.
    pub(crate) refs: Option<(usize, Timestamp)>,
}

impl Contact {
    /// Returns what is remembered; what cannot be read is nothing.
    pub(crate) fn read(store: &Store, remote: &str) -> Contact {
        let mut contact = Contact::default();
        let Ok(Some(bytes)) = disk::read_if_there(&path(store, remote)) else { return contact };
        for line in String::from_utf8_lossy(&bytes).lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["spoken", at] => contact.spoken = at.parse().ok(),
                ["refs", count, at] => {
                    contact.refs = count.parse().ok().zip(at.parse().ok());
                }
                _ => {}
            }
        }
        contact
    }

    /// Returns how many refs the remote takes in one push, if that is known and not too old.
    pub(crate) fn most_refs(&self, now: Timestamp) -> Option<usize> {
        let (count, at) = self.refs?;
        (now.since(at) < BOUND_COUNTS).then_some(count.max(1))
    }

    /// Writes it down. That it cannot be is no failure.
    pub(crate) fn keep(&self, store: &Store, remote: &str) {
        let mut text = String::new();
        if let Some(at) = self.spoken {
            writeln!(text, "spoken {at}").expect("writing to a string cannot fail");
        }
        if let Some((count, at)) = self.refs {
            writeln!(text, "refs {count} {at}").expect("writing to a string cannot fail");
        }
        let path = path(store, remote);
        drop(disk::create_folders(path.parent().expect("it is in a folder")));
        drop(disk::replace_unsynced(&path, text.as_bytes()));
    }

    /// Removes what is remembered.
    ///
    /// # Errors
    /// [`crate::Error::Disk`].
    pub(crate) fn forget(store: &Store, remote: &str) -> Result<()> {
        disk::remove(&path(store, remote)).map(drop)
    }
}

fn path(store: &Store, remote: &str) -> PathBuf {
    store.own_folder().join("remotes").join(remote)
}
