//! Settling a store for whatever else copies its folder: rsync, a sync tool, a backup.
//!
//! A host program calls [`on_exit`] where it ends, and [`before_sync`] where it is told that the
//! folder is about to be copied (marimo's proposed loader hooks have these names).

use crate::error::Result;
use crate::store::{FlushReport, Store};

/// What settling did, and what it could not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// What was flushed. Its count of packs is that of the flush alone.
    pub flushed: FlushReport,
    /// How many small packs became few.
    pub joined_packs: usize,
    /// How many other processes are still writing. What they put is in their journals, which a copy
    /// of the folder takes along as they stand.
    pub writers: usize,
    /// Copies in conflict that a sync tool left; `repair` takes in what they name.
    pub conflicted: Vec<String>,
}

impl Settled {
    /// Whether nothing had to be done.
    pub fn is_nothing(&self) -> bool {
        self.flushed == FlushReport::default() && self.joined_packs == 0
    }
}

/// Settles everything before the folder is copied: journals are flushed, this process's own and
/// those of dead writers, small packs become few, and what waits in memory is written.
///
/// A second call in a row changes no byte and no time of change. Safe beside writers.
///
/// # Errors
/// Those of [`Store::flush`]; nothing is lost.
pub fn before_sync(store: &Store) -> Result<Settled> {
    let flushed = store.flush()?;
    let joined_packs = store.join_small_packs()?;
    Ok(Settled {
        flushed,
        joined_packs,
        writers: store.open_journals()?,
        conflicted: store.conflicted_copies()?,
    })
}

/// Settles what this process put, when it is about to end: as [`before_sync`], but packs are left
/// as they are, so that nobody waits at the door.
///
/// Dropping the last clone of a [`Store`] flushes as well, but has nobody to tell what failed.
///
/// # Errors
/// Those of [`Store::flush`]; nothing is lost.
pub fn on_exit(store: &Store) -> Result<Settled> {
    Ok(Settled {
        flushed: store.flush()?,
        joined_packs: 0,
        writers: store.open_journals()?,
        conflicted: store.conflicted_copies()?,
    })
}
