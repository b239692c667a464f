//! Checks a store against what was stored. Nothing is changed.
//!
//! The quick check asks of every name whether its tree, its manifest and every object that they
//! name are there. The full check reads every byte: objects against their git ids, parts against
//! their BLAKE3, and every file against its own checksum, so that a flipped bit is found wherever
//! it can matter.

mod entries;
mod files;
mod refs;
mod repair;

pub use repair::{Loss, RepairOptions, RepairPlan, RepairReport, Step, plan_repair, repair};
pub(crate) use repair::{plan_repair_beside, repair_beside};

use std::collections::HashSet;
use std::fmt;

use crate::error::Result;
use crate::git::{Flaw, ObjectId};
use crate::name::EntryName;
use crate::progress::Progress;
use crate::store::Store;

/// How thoroughly to look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VerifyOptions {
    /// Whether every byte is read.
    pub full: bool,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The stable, machine-readable word for its kind: a [`crate::Miss::code`] for entries, else
    /// `damaged_pack`, `damaged_refs` and the like.
    pub code: &'static str,
    /// The entry, part or file, the latter relative to the store where it is in it.
    pub subject: String,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.subject, self.what)
    }
}

/// What a check looked at and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// How many entries were looked at.
    pub entries: usize,
    /// How many parts they have.
    pub parts: usize,
    /// How many of them are not here, or not all of them, but on a remote.
    pub remote_parts: usize,
    /// The bytes of all parts.
    pub bytes: u64,
    /// How many objects the packs and loose files hold, each counted once.
    pub objects: usize,
    /// How many of those nothing names; `gc` gives their bytes back. Counted by the full check.
    pub orphans: usize,
    /// What is damaged or missing.
    pub problems: Vec<Problem>,
    /// What does no harm: locks and files that a crash left, journals that were set aside.
    pub notes: Vec<Problem>,
}

impl VerifyReport {
    /// Whether nothing is damaged or missing.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Checks `store`, and reports to `progress` meanwhile.
///
/// # Errors
/// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`] if it cannot be looked at. What is
/// wrong with it is in the report.
pub fn verify(
    store: &Store,
    options: VerifyOptions,
    progress: &dyn Progress,
) -> Result<VerifyReport> {
    verify_beside(store, options, None, progress)
}

/// Says whether a remote has an entry: then an object of it that is not here is no loss.
pub(crate) type Elsewhere<'a> = &'a (dyn Fn(&EntryName) -> bool + Sync);

/// As [`verify`], of a store beside remotes.
///
/// # Errors
/// As [`verify`].
pub(crate) fn verify_beside(
    store: &Store,
    options: VerifyOptions,
    elsewhere: Option<Elsewhere<'_>>,
    progress: &dyn Progress,
) -> Result<VerifyReport> {
    let report = VerifyReport::default();
    let mut check = Check { store, full: options.full, elsewhere, progress, report };
    let mut named = check.entries()?;
    check.refs(&mut named)?;
    check.files(&named)?;
    let mut report = check.report;
    report.problems.sort();
    report.problems.dedup();
    report.notes.sort();
    Ok(report)
}

/// A check in progress.
struct Check<'a> {
    store: &'a Store,
    full: bool,
    /// `None` if there are no remotes.
    elsewhere: Option<Elsewhere<'a>>,
    progress: &'a dyn Progress,
    report: VerifyReport,
}

/// The objects that some name reaches.
type Named = HashSet<ObjectId>;

impl Check<'_> {
    fn problem(&mut self, code: &'static str, subject: impl fmt::Display, what: impl fmt::Display) {
        let (subject, what) = (subject.to_string(), what.to_string());
        self.report.problems.push(Problem { code, subject, what });
    }

    fn note(&mut self, code: &'static str, subject: impl fmt::Display, what: impl fmt::Display) {
        let (subject, what) = (subject.to_string(), what.to_string());
        self.report.notes.push(Problem { code, subject, what });
    }

    fn flaw(&mut self, flaw: &Flaw) {
        let subject = self.short(&flaw.path);
        self.problem(flaw.code, subject, &flaw.what);
    }

    /// Returns a path relative to the store.
    fn short(&self, path: &std::path::Path) -> String {
        path.strip_prefix(self.store.path()).unwrap_or(path).display().to_string()
    }
}
