//! Maintenance of the store's objects: what gives bytes back.
//!
//! [`plan`] says what nothing names any more, [`sweep`] removes it, [`seal`] packs what is small
//! as deltas. [`collect`] does all of it. How that is safe beside writers is in
//! `docs/design/003-gc-beside-writers.md`.

mod forgetting;
mod plan;
mod reach;
mod seal;
mod sweep;

pub use plan::{Freed, GcOptions, Plan, Reason, plan};
pub use seal::{SealReport, seal};
pub use sweep::{GcReport, sweep};

use crate::collection::forget;
use crate::error::{Error, Result};
use crate::git::GitEnvironment;
use crate::progress::Progress;
use crate::store::Store;

/// When small objects are packed as deltas of each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sealing {
    /// If there is enough of them to be worth it, and git is there to do it.
    #[default]
    IfItPays,
    /// In any case.
    Always,
    /// Not now.
    Never,
}

/// Flushes, takes entries whose way back ends out of runs, plans, sweeps and seals.
///
/// # Errors
/// Those of [`plan`], [`sweep`] and, if it was asked for, [`seal`].
pub fn collect(
    store: &Store,
    options: &GcOptions,
    sealing: Sealing,
    environment: &GitEnvironment,
    progress: &dyn Progress,
) -> Result<(Plan, GcReport)> {
    // On a full disk there may be no space for it before something was removed.
    if let Err(error) = store.flush()
        && !error.is_full_disk()
    {
        return Err(error);
    }
    // First: what runs still have is not garbage.
    match forgetting::forgetting(store, options.trash_before).and_then(|it| forget(store, &it)) {
        // A full disk has no space for it: what else is garbage goes.
        Err(error) if !error.is_full_disk() => return Err(error),
        _ => {}
    }
    let plan = plan(store, options, progress)?;
    let mut report = sweep(store, &plan, progress)?;
    report.sealed = match sealing {
        Sealing::Always => Some(seal(store, environment)?),
        Sealing::IfItPays if report.postponed.is_empty() => {
            match seal::seal_if_it_pays(store, environment) {
                Ok(sealed) => sealed,
                // Nobody asked for it: what is sealed tomorrow is as good.
                Err(Error::GitNotFound { .. } | Error::GitTooOld { .. }) => None,
                Err(Error::GitFailed { stderr, .. }) => {
                    report.postponed.push(format!("packing small objects as deltas: {stderr}"));
                    None
                }
                Err(error) => return Err(error),
            }
        }
        Sealing::IfItPays | Sealing::Never => None,
    };
    Ok((plan, report))
}
