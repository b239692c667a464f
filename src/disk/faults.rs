//! Crashes and full disks that a test makes happen; release builds never look at them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

/// Faults that a test asked for.
#[derive(Debug, Default, Clone)]
pub(crate) struct Faults {
    /// The [`crash_point`] at which the process aborts; `<point>#<n>` is the n-th time it is
    /// passed.
    pub(crate) crash_at: Option<String>,
    /// How many bytes may still be written before the disk counts as full.
    pub(crate) disk_budget: Option<i64>,
}

static CRASH_AT: OnceLock<(String, u32)> = OnceLock::new();
static PASSED: AtomicU32 = AtomicU32::new(0);
static BUDGET: AtomicI64 = AtomicI64::new(i64::MAX);

/// Arms `faults` for the rest of the process; the budget may be armed anew. Does nothing in
/// release builds.
pub(crate) fn arm_faults(faults: Faults) {
    if cfg!(debug_assertions) {
        if let Some(crash_at) = faults.crash_at {
            let (point, count) = crash_at.split_once('#').unwrap_or((&crash_at, "1"));
            drop(CRASH_AT.set((point.to_owned(), count.parse().unwrap_or(1))));
        }
        BUDGET.store(faults.disk_budget.unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}

/// A place where a test can make the process die as if by `kill -9`; nothing in release builds.
pub(crate) fn crash_point(name: &str) {
    if cfg!(debug_assertions)
        && let Some((armed, count)) = CRASH_AT.get()
        && armed == name
        && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *count
    {
        std::process::abort();
    }
}

/// Takes `bytes` from the disk that a test made small; returns how many of them it holds.
pub(super) fn allowance(bytes: usize) -> usize {
    if !cfg!(debug_assertions) || BUDGET.load(Ordering::Relaxed) == i64::MAX {
        return bytes;
    }
    let wanted = i64::try_from(bytes).unwrap_or(i64::MAX);
    let left = BUDGET.fetch_sub(wanted, Ordering::Relaxed);
    usize::try_from(left.clamp(0, wanted)).unwrap_or(0)
}
