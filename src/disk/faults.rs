//! Crashes, halts and full disks that a test makes happen; release builds never look at them.
#![expect(clippy::disallowed_methods, reason = "a room of the home of std::fs")]

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

/// Faults that a test asked for.
#[derive(Debug, Default, Clone)]
pub(crate) struct Faults {
    /// The [`crash_point`] at which the process aborts; `<point>#<n>` is the n-th time it is
    /// passed. With `@<path>` behind it, the process makes that file instead, and goes on when
    /// somebody has removed it.
    pub(crate) crash_at: Option<String>,
    /// How many bytes may still be written before the disk counts as full.
    pub(crate) disk_budget: Option<i64>,
}

static CRASH_AT: OnceLock<CrashAt> = OnceLock::new();
static PASSED: AtomicU32 = AtomicU32::new(0);
static BUDGET: AtomicI64 = AtomicI64::new(i64::MAX);

struct CrashAt {
    point: String,
    count: u32,
    halted: Option<String>,
}

/// Arms `faults` for the rest of the process; the budget may be armed anew. Does nothing in
/// release builds.
pub(crate) fn arm_faults(faults: Faults) {
    if cfg!(debug_assertions) {
        if let Some(crash_at) = faults.crash_at {
            let (at, halted) = match crash_at.split_once('@') {
                Some((at, path)) => (at, Some(path.to_owned())),
                None => (&*crash_at, None),
            };
            let (point, count) = at.split_once('#').unwrap_or((at, "1"));
            let (point, count) = (point.to_owned(), count.parse().unwrap_or(1));
            drop(CRASH_AT.set(CrashAt { point, count, halted }));
        }
        BUDGET.store(faults.disk_budget.unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}

/// A place where a test can make the process die as if by `kill -9`; nothing in release builds.
pub(crate) fn crash_point(name: &str) {
    if cfg!(debug_assertions)
        && let Some(CrashAt { point, count, halted }) = CRASH_AT.get()
        && point == name
        && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *count
    {
        let Some(path) = halted else { std::process::abort() };
        let is_halted = std::fs::write(path, b"").is_ok();
        while is_halted && Path::new(path).exists() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
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
