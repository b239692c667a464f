//! Repairs a store: what is damaged is copied before anything changes, and moved away, never
//! deleted (docs/format.md, section 2).
//!
//! [`plan_repair`] says what would be done, [`repair`] does it: files first, so that all objects
//! that can be read are in sound packs, then names, so that each leads to a whole entry again or
//! is reported as lost.

mod copies;
mod local;
mod names;
mod objects;

use super::copies::Copies;
use super::{Elsewhere, Problem, VerifyOptions, verify_beside};
use crate::clock::Timestamp;
use crate::disk;
use crate::error::Result;
use crate::git::check_packed_refs;
use crate::name::EntryName;
use crate::progress::Progress;
use crate::store::Store;

/// How to repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepairOptions {
    /// Whether every whole entry that no name leads to gets its name back, even where the names
    /// are not damaged. Entries whose trash was collected may come back, too.
    pub all_names: bool,
    /// The present moment.
    pub now: Timestamp,
}

/// One thing that a repair does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// The stable word for what is done: `salvage`, `index`, `set_aside`, `rewrite`, `names`,
    /// `merge`.
    pub action: &'static str,
    /// The file, relative to the store.
    pub subject: String,
    /// Why.
    pub what: String,
}

/// What a repair would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepairPlan {
    /// What is done to files.
    pub steps: Vec<Step>,
    /// What cannot be read now: entries and refs. What the steps save of it is known afterwards.
    pub at_risk: Vec<Problem>,
    restore_names: bool,
}

impl RepairPlan {
    /// Whether there is nothing to repair.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.at_risk.is_empty() && !self.restore_names
    }
}

/// An entry, or another name, of which something is lost.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loss {
    /// The entry's name, or the full name of another ref.
    pub name: String,
    /// The parts that are lost; empty if all of it is.
    pub parts: Vec<String>,
    /// Where what is left of it can be found, if anything is.
    pub kept: Option<String>,
    /// Why it cannot be read.
    pub reason: String,
}

/// What a repair did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepairReport {
    /// Where damaged files were moved, relative to the store.
    pub set_aside: Vec<String>,
    /// How many objects were copied out of damaged files.
    pub salvaged: usize,
    /// Entries that have their names again.
    pub restored: Vec<String>,
    /// What is lost.
    pub lost: Vec<Loss>,
    /// Names in copies of `packed-refs` that lead to objects which are not here, or not yet: those
    /// copies stay where they are.
    pub waiting: Vec<String>,
    /// What is still not as it should be.
    pub left: Vec<Problem>,
}

/// Says what a repair would do. Nothing is changed.
///
/// # Errors
/// Those of [`super::verify`].
pub fn plan_repair(
    store: &Store,
    options: &RepairOptions,
    progress: &dyn Progress,
) -> Result<RepairPlan> {
    plan_repair_beside(store, options, None, progress)
}

/// As [`plan_repair`], of a store beside remotes.
///
/// # Errors
/// As [`plan_repair`].
pub(crate) fn plan_repair_beside(
    store: &Store,
    options: &RepairOptions,
    elsewhere: Option<Elsewhere<'_>>,
    progress: &dyn Progress,
) -> Result<RepairPlan> {
    let report = verify_beside(store, VerifyOptions { full: true }, elsewhere, progress)?;
    let (_, flaws) = check_packed_refs(store.path(), store.object_format())?;
    let mut plan = RepairPlan { restore_names: options.all_names, ..RepairPlan::default() };
    for problem in report.problems {
        let action = match problem.code {
            "damaged_index" | "missing_index" => "index",
            "damaged_pack" | "damaged_object" | "damaged_journal" => "salvage",
            "missing_pack" | "damaged_git_file" | "damaged_contents" | "conflicted_copy" => {
                "set_aside"
            }
            "damaged_setting" | "damaged_head" => "rewrite",
            "damaged_refs" | "unnamed_entries" => "names",
            "conflicted_names" | "parked_collection" => "merge",
            _ => {
                plan.at_risk.push(problem);
                continue;
            }
        };
        let step = Step { action, subject: problem.subject, what: problem.what };
        // A pack is salvaged once, whatever else is wrong with it.
        let same = |other: &&Step| (other.action, &other.subject) == (action, &step.subject);
        if !plan.steps.iter().any(|other| same(&other)) {
            plan.steps.push(step);
        }
    }
    plan.restore_names |= !flaws.is_empty();
    let has_names = disk::is_there(&store.path().join("packed-refs"));
    if !has_names && report.entries == 0 && report.objects > 0 {
        plan.restore_names = true;
        plan.steps.push(Step {
            action: "names",
            subject: "packed-refs".into(),
            what: "it is not there, though there are entries".into(),
        });
    }
    Ok(plan)
}

/// Carries out `plan`, and checks every byte afterwards.
///
/// Collections that two copies of the store changed are found, and merged by
/// [`crate::collection::merge_parked`]; until then they are among what is left.
///
/// # Errors
/// [`crate::Error::FlushLocked`], [`crate::Error::ReadOnly`], [`crate::Error::Disk`]; what was
/// done until then stays done, nothing was deleted, and a repair may be repeated.
pub fn repair(
    store: &Store,
    plan: &RepairPlan,
    options: &RepairOptions,
    progress: &dyn Progress,
) -> Result<RepairReport> {
    repair_beside(store, plan, options, None, progress)
}

/// As [`repair`], of a store beside remotes: what is there is not lost.
///
/// # Errors
/// As [`repair`].
pub(crate) fn repair_beside(
    store: &Store,
    plan: &RepairPlan,
    options: &RepairOptions,
    elsewhere: Option<Elsewhere<'_>>,
    progress: &dyn Progress,
) -> Result<RepairReport> {
    let mut report = RepairReport::default();
    let mut is_beside_remotes = false;
    store.while_flush_locked(|locked| {
        let copies = Copies::find(store)?;
        if !copies.names.is_empty() {
            locked.take_in_pack_lists(&copies.others);
        }
        let mut work = Repair {
            store,
            locked,
            now: options.now,
            elsewhere,
            is_beside_remotes: elsewhere.is_some(),
            report: &mut report,
            unnamed: None,
        };
        let damaged_lines = work.packed_refs()?;
        work.files(plan)?;
        work.copies(progress)?;
        work.names(plan, &damaged_lines, progress)?;
        work.arrived()?;
        is_beside_remotes = work.is_beside_remotes;
        locked.adopt_packs(&store.arrived()?);
        Ok(())
    })?;
    // What dead writers left is taken over, damaged or not.
    let flushed = store.flush()?;
    let damaged = flushed.damaged_journals.iter().map(|id| format!("recell/damaged/{id}.log"));
    report.set_aside.extend(damaged);
    // A copy of the names may have brought what remotes were seen to have.
    let has = |name: &EntryName| {
        elsewhere.is_some_and(|elsewhere| elsewhere(name)) || store.was_seen_on_a_remote(name)
    };
    let elsewhere = is_beside_remotes.then_some(&has as Elsewhere<'_>);
    let checked = verify_beside(store, VerifyOptions { full: true }, elsewhere, progress)?;
    report.left = checked.problems;
    report.restored.sort();
    report.waiting.sort();
    report.lost.sort();
    Ok(report)
}

/// A repair in progress.
struct Repair<'a> {
    store: &'a Store,
    locked: &'a crate::store::LockedStore<'a>,
    now: Timestamp,
    elsewhere: Option<Elsewhere<'a>>,
    /// Whether remotes were spoken to, here or by a copy of this store.
    is_beside_remotes: bool,
    report: &'a mut RepairReport,
    /// Whole entries that no ref leads to, by name, once somebody asked for one.
    unnamed: Option<std::collections::HashMap<String, crate::git::ObjectId>>,
}

impl Repair<'_> {
    fn set_aside(&mut self, path: &std::path::Path) -> Result<()> {
        if disk::is_there(path) {
            let target = self.locked.set_aside(path, self.now)?;
            let short = target.strip_prefix(self.store.path()).unwrap_or(&target);
            self.report.set_aside.push(short.display().to_string());
        }
        Ok(())
    }
}
