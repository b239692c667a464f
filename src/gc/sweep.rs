//! Carries out a plan: copies without a lock, and takes one only to swap packs.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::plan::{Fate, PackPlan, Plan, kept_of};
use super::reach::{Live, Reach, SeenRefs, roots, roots_beside_packed};
use super::seal::SealReport;
use crate::collection::Forgetting;
use crate::disk;
use crate::error::{Error, Result};
use crate::events::{Event, EventKind, micros_since};
use crate::git::{Copied, CopiedPack, ObjectId, PackListing, RefEdits, copy_pack};
use crate::progress::{Progress, Unit};
use crate::store::Store;
use crate::store::leftovers::COLLECTION_PREFIX;

/// How many bytes of what is kept go into one new pack, if more than one old one goes into it.
const BATCH: u64 = 1 << 30;

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GcReport {
    /// How many removed entries cannot be brought back any more.
    pub trash: usize,
    /// How many packs went.
    pub packs_removed: usize,
    /// How many packs were made of what is kept of others.
    pub packs_written: usize,
    /// How many loose objects went.
    pub loose_removed: usize,
    /// Bytes of the packs and loose files that went, less those of the packs that were made.
    pub freed_bytes: i64,
    /// What could not be done, and why; another collection may do it.
    pub postponed: Vec<String>,
    /// What sealing did, if it was done.
    pub sealed: Option<SealReport>,
}

/// Carries out `plan`. It may be interrupted anywhere: then the next collection does the rest.
///
/// What was named since the plan was made is kept. Where the disk is full, what needs no space is
/// done first, and what needs most comes last; what could not be done is in the report.
///
/// # Errors
/// [`Error::FlushLocked`], [`Error::RefsLocked`], [`Error::ReadOnly`], [`Error::UnclearNames`],
/// [`Error::Disk`]; what was done until then stays done, and nothing that is named is lost.
pub fn sweep(store: &Store, plan: &Plan, progress: &dyn Progress) -> Result<GcReport> {
    let started = Instant::now();
    let only = store.lock_collection()?;
    remove_old_copies(store)?;
    let mut sweep = Sweep {
        store,
        plan,
        newly: Live::default(),
        seen: None,
        report: GcReport::default(),
        made: 0,
    };
    let has_dropped = sweep.drop_trash(true)?;
    sweep.remove_dead()?;
    if !has_dropped && sweep.drop_trash(false)? {
        // What the trash alone named could not go before.
        sweep.seen = None;
        sweep.newly.clear();
        sweep.report.postponed.clear();
        sweep.remove_dead()?;
    }
    sweep.remove_loose()?;
    sweep.rewrite(progress)?;
    store.while_flush_locked(|locked| {
        if !plan.held.is_empty() {
            // Trees whose contents went may be in any of them.
            for index in store.collectable_packs()? {
                locked.mark_fetched(&index)?;
            }
        }
        match locked.forget_gone_objects() {
            Err(error) if error.is_full_disk() => Ok(()),
            done => done,
        }
    })?;
    store.adopt_packs()?;
    drop(only);
    if let Some(log) = store.events() {
        log.note(Event {
            count: Some(sweep.report.trash as u64),
            bytes: Some(u64::try_from(sweep.report.freed_bytes).unwrap_or(0)),
            micros: Some(micros_since(started)),
            ..Event::new(EventKind::Gc)
        });
    }
    Ok(sweep.report)
}

/// Removes what a collection that died was copying. The caller keeps other collections off.
fn remove_old_copies(store: &Store) -> Result<()> {
    let folder = store.inner.repository.own_folder();
    let mut old =
        disk::list(&folder)?.into_iter().filter(|e| e.name.starts_with(COLLECTION_PREFIX));
    old.try_for_each(|entry| disk::remove(&entry.path).map(drop))
}

/// A sweep in progress.
struct Sweep<'a> {
    store: &'a Store,
    plan: &'a Plan,
    /// What was named since the plan was made.
    newly: Live,
    /// The refs as they were last looked at under the lock.
    seen: Option<SeenRefs>,
    report: GcReport,
    /// How many copies were begun.
    made: usize,
}

impl<'a> Sweep<'a> {
    /// Drops the trash that goes, in one replacement of `packed-refs`; says whether that was done.
    fn drop_trash(&mut self, again: bool) -> Result<bool> {
        if self.plan.trash.is_empty() {
            return Ok(true);
        }
        let edits =
            RefEdits { remove: self.plan.trash.iter().cloned().collect(), ..RefEdits::default() };
        let done = self.store.while_flush_locked(|locked| {
            let edit = || locked.edit_refs(&edits);
            match edit() {
                Err(error) if error.is_full_disk() => {
                    locked.give_up_caches()?;
                    edit()?;
                }
                other => other?,
            }
            locked.remove_loose_refs(self.plan.trash.iter())
        });
        disk::crash_point("trash dropped");
        match done {
            Ok(()) => {
                self.report.trash = self.plan.removed();
                Ok(true)
            }
            Err(error) if error.is_full_disk() => {
                if !again {
                    self.postpone("the trash", &error);
                }
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn postpone(&mut self, what: &str, error: &Error) {
        let reason = std::error::Error::source(error)
            .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
        self.report.postponed.push(format!("{what}: {reason}"));
    }

    fn packs(&self, fate: Fate) -> Vec<&'a PackPlan> {
        let plan: &'a Plan = self.plan;
        plan.packs.iter().filter(|pack| pack.fate == fate).collect()
    }

    /// Removes the packs of which nothing is kept.
    fn remove_dead(&mut self) -> Result<()> {
        let dead = self.packs(Fate::Remove).into_iter();
        let there = dead.filter(|pack| disk::is_there(&pack.index_path));
        let there: Vec<Old<'_>> = there.map(|pack| (pack, Vec::new())).collect();
        if there.is_empty() {
            return Ok(());
        }
        let stay = self.swap(&there, None)?;
        if stay > 0 {
            self.named_meanwhile(stay);
        }
        Ok(())
    }

    fn remove_loose(&mut self) -> Result<()> {
        if self.plan.loose.is_empty() {
            return Ok(());
        }
        let format = self.store.object_format();
        self.store.while_flush_locked(|locked| {
            let sweeping = locked.begin_sweeping()?;
            self.look_again()?;
            for path in &self.plan.loose {
                let name = |path: &std::path::Path| Some(path.file_name()?.to_str()?.to_owned());
                let folder = path.parent().and_then(name).unwrap_or_default();
                let hex = folder + &name(path).unwrap_or_default();
                let id = crate::git::object_of_hex(hex.as_bytes(), format);
                if id.is_none_or(|id| self.newly.contains_key(&id)) {
                    continue;
                }
                let size = disk::signature(path)?.map_or(0, |found| found.size());
                if disk::remove(path)? {
                    self.report.loose_removed += 1;
                    self.report.freed_bytes += i64::try_from(size).unwrap_or(0);
                }
                path.parent().map(disk::remove_empty_folder);
            }
            disk::crash_point("loose removed");
            drop(sweeping);
            Ok(())
        })
    }

    /// Copies what is kept of packs into others, smallest first.
    fn rewrite(&mut self, progress: &dyn Progress) -> Result<()> {
        let mut open = self.packs(Fate::Rewrite);
        open.sort_by_key(|pack| pack.kept_bytes);
        progress.begin("copying what is kept", Some(self.plan.copied_bytes()), Unit::Bytes);
        let mut batches: Vec<Vec<&PackPlan>> = Vec::new();
        let mut room = 0;
        for pack in open {
            if let Some(batch) = batches.last_mut().filter(|_| pack.kept_bytes <= room) {
                room -= pack.kept_bytes;
                batch.push(pack);
            } else {
                room = BATCH.saturating_sub(pack.kept_bytes);
                batches.push(vec![pack]);
            }
        }
        for batch in batches {
            match self.rewrite_batch(&batch, progress) {
                Err(error) if error.is_full_disk() => self.rewrite_singly(&batch, progress)?,
                other => other?,
            }
        }
        progress.end();
        Ok(())
    }

    /// Goes on one by one where there is no space for a whole batch: each gives some back.
    fn rewrite_singly(&mut self, batch: &[&PackPlan], progress: &dyn Progress) -> Result<()> {
        let mut open = batch.to_vec();
        let mut last = None;
        loop {
            let before = open.len();
            let mut left = Vec::new();
            for pack in open {
                match self.rewrite_batch(&[pack], progress) {
                    Ok(()) => {}
                    Err(error) if error.is_full_disk() => {
                        left.push(pack);
                        last = Some(error);
                    }
                    Err(error) => return Err(error),
                }
            }
            open = left;
            if open.is_empty() || open.len() == before {
                break;
            }
        }
        if let Some(error) = last.filter(|_| !open.is_empty()) {
            let bytes: u64 = open.iter().map(|pack| pack.bytes - pack.kept_bytes).sum();
            let bytes = crate::size::ByteSize::from(bytes);
            self.postpone(&format!("{bytes} of garbage in {} packs", open.len()), &error);
        }
        Ok(())
    }

    fn named_meanwhile(&mut self, packs: usize) {
        self.report.postponed.push(format!("{packs} packs hold what was named meanwhile"));
    }

    fn rewrite_batch(&mut self, batch: &[&PackPlan], progress: &dyn Progress) -> Result<()> {
        /// What is named while it is copied is copied with the rest the next time.
        const TRIES: usize = 3;
        let format = self.store.object_format();
        let mut batch: Vec<&PackPlan> = batch.to_vec();
        let mut tries = 0;
        loop {
            let (plan, newly) = (self.plan, &self.newly);
            // One that went meanwhile was merged by a flush: the next collection sees to it.
            let open = |pack: &PackPlan| {
                let listing = PackListing::open(&pack.index_path, format)?;
                let kept = kept_of(&listing, pack.number, &plan.live, newly, plan.exact);
                Some((listing, kept))
            };
            let (mut listings, mut old) = (Vec::new(), Vec::new());
            for pack in &batch {
                if let Some((listing, kept)) = open(pack) {
                    listings.push(listing);
                    old.push((*pack, kept));
                }
            }
            let chosen: Vec<(&PackListing, &[bool])> =
                listings.iter().zip(&old).map(|(listing, (_, kept))| (listing, &**kept)).collect();
            if chosen.is_empty() {
                return Ok(());
            }
            self.made += 1;
            let folder = self.store.inner.repository.own_folder();
            let path = folder.join(format!("{COLLECTION_PREFIX}{}.pack", self.made));
            match copy_pack(&path, &chosen, format, &|bytes| progress.advance(bytes))? {
                Copied::Done(copied) => {
                    disk::crash_point("copied");
                    let stay = self.swap(&old, Some((path.clone(), copied)));
                    // Unless it is a pack by now.
                    disk::remove(&path)?;
                    let stay = stay?;
                    tries += 1;
                    if stay == 0 {
                        return Ok(());
                    }
                    if tries == TRIES {
                        self.named_meanwhile(stay);
                        return Ok(());
                    }
                }
                Copied::Damaged(path) => {
                    let what = format!("`{}` is damaged: run `recell repair`", path.display());
                    self.report.postponed.push(what);
                    batch.retain(|pack| pack.index_path.with_extension("pack") != path);
                }
            }
        }
    }

    /// Removes `old` packs, each with what was kept of it, and puts the copy of that in their place.
    /// One stays if something that was not kept was named meanwhile, and all stay if there is a
    /// copy; returns how many that are.
    fn swap(&mut self, old: &[Old<'_>], new: Option<(PathBuf, CopiedPack)>) -> Result<usize> {
        self.store.while_flush_locked(|locked| {
            let sweeping = locked.begin_sweeping()?;
            self.look_again()?;
            let format = self.store.object_format();
            let copied: HashSet<ObjectId> = new
                .iter()
                .flat_map(|(_, copied)| copied.entries.iter().map(|entry| entry.id))
                .collect();
            let going: HashSet<&Path> =
                old.iter().map(|(pack, _)| pack.index_path.as_path()).collect();
            let (mut go, mut stay) = (Vec::new(), 0);
            for (pack, kept) in old {
                let Some(listing) = PackListing::open(&pack.index_path, format) else { continue };
                let is_kept = |number: usize| kept.get(number).copied().unwrap_or(false);
                let mut must_stay = false;
                for (number, entry) in listing.entries().iter().enumerate() {
                    let id = &entry.id;
                    if is_kept(number) || copied.contains(id) {
                        continue;
                    }
                    // What another pack had when the plan was made may be nowhere else by now:
                    // another collection may have chosen this copy to stay.
                    let is_needed = self.newly.contains_key(id)
                        || (self.plan.live.contains_key(id) && !locked.has_beside(id, &going)?);
                    if is_needed {
                        self.newly.insert(*id, 0);
                        must_stay = true;
                    }
                }
                if must_stay {
                    stay += 1;
                } else {
                    go.push(*pack);
                }
            }
            // A flush that merges packs may take one away between the copy and now.
            if new.is_some() && go.len() < old.len() {
                return Ok(old.len() - go.len());
            }
            locked.remove_indices_over_packs()?;
            let mut placed = Vec::new();
            if let Some((path, copied)) = new {
                let bytes = copied.bytes;
                placed = locked.place_copy(&path, copied)?;
                if !self.plan.held.is_empty() {
                    placed.iter().take(1).try_for_each(|index| locked.mark_fetched(index))?;
                }
                self.report.packs_written += 1;
                let index = placed.first().map(|index| disk::signature(index)).transpose()?;
                let index = index.flatten().map_or(0, |found| found.size());
                self.report.freed_bytes -= i64::try_from(bytes + index).unwrap_or(0);
            }
            for pack in go {
                if !placed.contains(&pack.index_path) {
                    locked.remove_pack(&pack.index_path)?;
                    self.report.packs_removed += 1;
                    disk::crash_point("pack removed");
                }
                self.report.freed_bytes += i64::try_from(pack.bytes).unwrap_or(0);
            }
            drop(sweeping);
            Ok(stay)
        })
    }

    /// Takes in what was named since the plan was made. The caller holds the flush lock, and has
    /// said that it sweeps: what a writer relies on from now on, it makes sure of itself.
    fn look_again(&mut self) -> Result<()> {
        let seen = match &self.seen {
            Some(seen) => seen.is_current(self.store)?,
            None => self.plan.seen.is_current(self.store)?,
        };
        let now = if seen {
            roots_beside_packed(self.store)?
        } else {
            let current = SeenRefs::now(self.store)?;
            let found = roots(self.store, None, &Forgetting::default())?;
            self.seen = Some(current);
            found
        };
        let mut reach = Reach::beyond(self.store, Some((&self.plan.live, &self.plan.held)))?;
        std::mem::swap(&mut reach.live, &mut self.newly);
        let silent = crate::progress::Silent;
        let walked = reach
            .walk(&now.named, false, &silent)
            .and_then(|()| reach.walk(&now.relied, true, &silent));
        self.newly = reach.live;
        walked
    }
}

/// A pack that goes, and which of its entries are kept elsewhere; an empty list is none.
type Old<'a> = (&'a PackPlan, Vec<bool>);
