//! What a sweep would give back, and why. Nothing is changed.

use std::path::PathBuf;
use std::time::Duration;

use super::forgetting::forgetting;
use super::reach::{Held, Live, Reach, SeenRefs, roots};
use crate::clock::Timestamp;
use crate::disk;
use crate::error::{Error, Result};
use crate::git::{ObjectId, PackListing, object_of_hex};
use crate::progress::Progress;
use crate::store::Store;
use crate::store::merge::{FULL_TIER, tier};

/// Larger packs are not joined for their number's sake: there are few of them.
const LARGEST_TO_JOIN: u64 = 1 << 30;

/// What a collection may remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcOptions {
    /// Trash from before this moment goes; `None` keeps all of it.
    pub trash_before: Option<Timestamp>,
    /// A pack is written anew if at least this share of it, in percent, is garbage. With 0 every
    /// byte of garbage goes, even such as others stand on as deltas.
    pub waste: u8,
    /// Loose objects, which plain git makes before it names them, stay if they are younger.
    pub grace: Duration,
    /// The present moment.
    pub now: Timestamp,
}

impl GcOptions {
    /// Returns the usual options at the moment `now`: all trash goes, packs may be 10 % garbage,
    /// loose objects stay for an hour.
    pub fn new(now: Timestamp) -> GcOptions {
        GcOptions {
            trash_before: Some(Timestamp::MAX),
            waste: 10,
            grace: Duration::from_secs(3600),
            now,
        }
    }
}

/// Why bytes are garbage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Of removed entries, whose way back ends.
    Trash,
    /// Nothing names them: a put that was interrupted, history that was rewritten.
    Unnamed,
    /// Another pack has the same object.
    Twice,
}

impl Reason {
    /// Returns the stable word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Trash => "trash",
            Reason::Unnamed => "unnamed",
            Reason::Twice => "twice",
        }
    }
}

/// Garbage of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freed {
    /// Why it is garbage.
    pub reason: Reason,
    /// How many objects.
    pub objects: usize,
    /// Their bytes in packs and files.
    pub bytes: u64,
}

/// What a sweep would do.
pub struct Plan {
    /// The refs of removed entries that go: from then on nobody can bring these back.
    pub trash: Vec<String>,
    /// The garbage by reason.
    pub garbage: Vec<Freed>,
    /// How many objects are kept.
    pub kept_objects: usize,
    /// Garbage that stays, as it would cost more to write its pack anew.
    pub left_bytes: u64,
    /// Bytes of packs and loose files before.
    pub bytes_before: u64,
    pub(super) packs: Vec<PackPlan>,
    pub(super) loose: Vec<PathBuf>,
    pub(super) loose_bytes: u64,
    /// Everything that is reached, so that the sweep need only look at what is new.
    pub(super) live: Live,
    /// What of it only ledgers name that a remote has: commits and trees, without their contents.
    pub(super) held: Held,
    pub(super) seen: SeenRefs,
    pub(super) exact: bool,
}

/// What becomes of one pack.
#[derive(Debug)]
pub(super) struct PackPlan {
    pub(super) index_path: PathBuf,
    /// Its number among the packs, as [`Plan::live`] has it.
    pub(super) number: u32,
    pub(super) fate: Fate,
    pub(super) bytes: u64,
    /// The bytes of it that are kept.
    pub(super) kept_bytes: u64,
}

/// What becomes of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// All of it is garbage.
    Remove,
    /// What is kept moves into another pack.
    Rewrite,
    /// It stays as it is.
    Leave,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("trash", &self.trash)
            .field("garbage", &self.garbage)
            .field("packs", &self.packs)
            .finish_non_exhaustive()
    }
}

impl Plan {
    /// Returns how many bytes a sweep gives back.
    pub fn freed_bytes(&self) -> u64 {
        let packs = self.packs.iter().map(|pack| match pack.fate {
            Fate::Remove => pack.bytes,
            Fate::Rewrite => pack.bytes - pack.kept_bytes,
            Fate::Leave => 0,
        });
        packs.sum::<u64>() + self.loose_bytes
    }

    /// Returns how many packs go without being read.
    pub fn packs_removed(&self) -> usize {
        self.count(Fate::Remove)
    }

    /// Returns how many packs are written anew.
    pub fn packs_rewritten(&self) -> usize {
        self.count(Fate::Rewrite)
    }

    /// Returns how many bytes must be copied.
    pub fn copied_bytes(&self) -> u64 {
        let rewritten = self.packs.iter().filter(|pack| pack.fate == Fate::Rewrite);
        rewritten.map(|pack| pack.kept_bytes).sum()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        let leaves = self.packs.iter().all(|pack| pack.fate == Fate::Leave);
        self.trash.is_empty() && self.loose.is_empty() && leaves
    }

    fn count(&self, fate: Fate) -> usize {
        self.packs.iter().filter(|pack| pack.fate == fate).count()
    }

    fn add(&mut self, reason: Reason, bytes: u64) {
        if let Some(freed) = self.garbage.iter_mut().find(|freed| freed.reason == reason) {
            freed.objects += 1;
            freed.bytes += bytes;
        } else {
            self.garbage.push(Freed { reason, objects: 1, bytes });
        }
    }
}

/// Says what a collection would remove. Nothing is changed, and no lock is taken.
///
/// # Errors
/// [`crate::Error::UnclearNames`] if something that is named cannot be read, so that nobody knows
/// what it keeps; [`crate::Error::Disk`].
pub fn plan(store: &Store, options: &GcOptions, progress: &dyn Progress) -> Result<Plan> {
    /// How often names may change under our eyes before that is taken for damage.
    const LOOKS: usize = 20;
    let mut looks = 1;
    let (seen, reached) = loop {
        // The look at the refs must not be older than what it stands for.
        let seen = SeenRefs::now(store)?;
        match reached(store, options, progress) {
            Ok(reached) => break (seen, reached),
            // Removed, and collected by another, between the look at its name and at itself.
            Err(Error::UnclearNames { .. }) if looks < LOOKS && !seen.is_current(store)? => {
                looks += 1;
            }
            Err(error) => return Err(error),
        }
    };
    let Reached { trash, live, held, only_trash } = reached;
    let mut plan = Plan {
        trash,
        garbage: Vec::new(),
        kept_objects: live.len(),
        left_bytes: 0,
        bytes_before: 0,
        packs: Vec::new(),
        loose: Vec::new(),
        loose_bytes: 0,
        live,
        held,
        seen,
        exact: options.waste == 0,
    };
    plan.judge_packs(store, options, &only_trash)?;
    plan.join_packs();
    plan.judge_loose(store, options, &only_trash)?;
    plan.garbage.sort_by_key(|freed| freed.reason);
    Ok(plan)
}

/// What is named, and what only the trash that goes does.
struct Reached {
    trash: Vec<String>,
    live: Live,
    held: Held,
    only_trash: Live,
}

fn reached(store: &Store, options: &GcOptions, progress: &dyn Progress) -> Result<Reached> {
    let forgetting = forgetting(store, options.trash_before)?;
    let roots = roots(store, options.trash_before, &forgetting)?;
    let mut reach = Reach::beyond(store, None)?;
    reach.walk(&roots.named, false, progress)?;
    reach.walk(&roots.relied, true, progress)?;
    let held = reach.hold(&roots.held)?;
    let live = reach.live;
    let trashed: Vec<ObjectId> = roots.trash.values().copied().collect();
    let mut reach = Reach::beyond(store, Some((&live, &held)))?;
    reach.walk(&trashed, true, progress)?;
    let mut only_trash = reach.live;
    only_trash.retain(|id, _| !live.contains_key(id));
    Ok(Reached { trash: roots.trash.into_keys().collect(), live, held, only_trash })
}

impl Plan {
    fn judge_packs(&mut self, store: &Store, options: &GcOptions, only_trash: &Live) -> Result<()> {
        let format = store.object_format();
        let paths = store.collectable_packs()?;
        // A damaged pack stays: what is in it is for `repair` to tell.
        let mut packs: Vec<(PackListing, usize)> = paths
            .iter()
            .filter_map(|path| PackListing::open(path, format))
            .map(|pack| {
                let dead = pack.entries().iter().filter(|e| !self.live.contains_key(&e.id));
                let dead = dead.count();
                (pack, dead)
            })
            .collect();
        // Where two packs have an object, it stays in the one that goes least.
        packs.sort_by_key(|(pack, dead)| dead * 1000 / pack.entries().len().max(1));
        let packs: Vec<PackListing> = packs.into_iter().map(|(pack, _)| pack).collect();
        self.claim(&packs);
        for (number, pack) in (1..).zip(&packs) {
            let judged = self.judge_pack(pack, number, options, only_trash)?;
            self.bytes_before += judged.bytes;
            self.packs.push(judged);
        }
        Ok(())
    }

    /// Decides for every object that is kept which pack's copy stays: an intact one, where there
    /// are several.
    fn claim(&mut self, packs: &[PackListing]) {
        for (at, pack) in (1_u32..).zip(packs) {
            for (number, entry) in pack.entries().iter().enumerate() {
                let Some(claimed) = self.live.get_mut(&entry.id) else { continue };
                if *claimed == 0 {
                    *claimed = at;
                    continue;
                }
                let other = &packs[*claimed as usize - 1];
                let other_number = other.number_of(&entry.id);
                let is_intact = other_number.is_some_and(|number| other.is_intact(number));
                if !is_intact && pack.is_intact(number) {
                    *claimed = at;
                }
            }
        }
    }

    fn judge_pack(
        &mut self,
        pack: &PackListing,
        number: u32,
        options: &GcOptions,
        only_trash: &Live,
    ) -> Result<PackPlan> {
        let kept = kept_of(pack, number, &self.live, &Live::default(), true);
        let size = |path| Ok(disk::signature(path)?.map_or(0, |found| found.size()));
        let bytes = size(&pack.index_path.with_extension("pack"))? + size(&pack.index_path)?;
        let all: u64 = (0..kept.len()).map(|at| pack.len_of(at)).sum();
        let mut dead = 0;
        for (at, entry) in pack.entries().iter().enumerate().filter(|(at, _)| !kept[*at]) {
            let len = pack.len_of(at);
            dead += len;
            let reason = match self.live.get(&entry.id) {
                Some(_) => Reason::Twice,
                None if only_trash.contains_key(&entry.id) => Reason::Trash,
                None => Reason::Unnamed,
            };
            self.add(reason, len);
        }
        let has_kept = kept.iter().any(|kept| *kept);
        if dead > 0 && has_kept && options.waste > 0 {
            // What others stand on stays with them.
            let kept = kept_of(pack, number, &self.live, &Live::default(), false);
            dead = (0..kept.len()).filter(|&at| !kept[at]).map(|at| pack.len_of(at)).sum();
        }
        let fate = if !has_kept {
            Fate::Remove
        } else if dead > 0 && dead * 100 >= all * u64::from(options.waste) {
            Fate::Rewrite
        } else {
            self.left_bytes += dead;
            Fate::Leave
        };
        let kept_bytes = bytes - bytes * dead / all.max(1);
        Ok(PackPlan { index_path: pack.index_path.clone(), number, fate, bytes, kept_bytes })
    }

    /// Joins packs of one size where there are many, so that their number stays small.
    fn join_packs(&mut self) {
        let tier_of = |pack: &PackPlan| {
            let joins = pack.fate != Fate::Remove && pack.kept_bytes <= LARGEST_TO_JOIN;
            joins.then(|| tier(pack.kept_bytes))
        };
        let tiers: Vec<Option<u32>> = self.packs.iter().map(tier_of).collect();
        for (pack, tier) in self.packs.iter_mut().zip(&tiers) {
            let same = tiers.iter().filter(|other| tier.is_some() && *other == tier).count();
            if same >= FULL_TIER {
                pack.fate = Fate::Rewrite;
            }
        }
    }

    fn judge_loose(&mut self, store: &Store, options: &GcOptions, only_trash: &Live) -> Result<()> {
        let format = store.object_format();
        let grace = i64::try_from(options.grace.as_micros()).unwrap_or(i64::MAX);
        for folder in disk::list(&store.inner.repository.objects_folder())? {
            if folder.name.len() != 2 || !folder.is_folder {
                continue;
            }
            for entry in disk::list(&folder.path)? {
                let hex = format!("{}{}", folder.name, entry.name);
                let Some(id) = object_of_hex(hex.as_bytes(), format) else { continue };
                let Some(found) = disk::signature(&entry.path)? else { continue };
                self.bytes_before += found.size();
                let is_young = found.changed_micros().saturating_add(grace) > options.now.micros();
                if self.live.contains_key(&id) || is_young {
                    continue;
                }
                let reason =
                    if only_trash.contains_key(&id) { Reason::Trash } else { Reason::Unnamed };
                self.add(reason, found.size());
                self.loose_bytes += found.size();
                self.loose.push(entry.path);
            }
        }
        Ok(())
    }
}

/// Returns which entries of a pack stay: those whose copy was chosen to, what was named since that
/// choice, and, unless `exact`, what they stand on as deltas.
pub(super) fn kept_of(
    pack: &PackListing,
    number: u32,
    live: &Live,
    newly: &Live,
    exact: bool,
) -> Vec<bool> {
    let is_kept = |id: &ObjectId| {
        live.get(id).is_some_and(|claimed| *claimed == number) || newly.contains_key(id)
    };
    let mut kept: Vec<bool> = pack.entries().iter().map(|entry| is_kept(&entry.id)).collect();
    if !exact {
        pack.add_bases(&mut kept);
    }
    kept
}
