//! Pull: ledgers first, names and all trees with them; then manifests, and only the parts that the
//! settings want and the store lacks. Names are seen once their manifests are here.

use std::collections::BTreeSet;
use std::time::Instant;

use super::bringing::{NO_BLOBS, Origin, listed_with_tombstones};
use super::contact::Contact;
use super::extend::{cleaned, union};
use super::forget::take_in_forgotten;
use super::forgotten::{FORGOTTEN, Forgotten};
use super::known::{KnownLedgers, Ledgers, seen_ref_name};
use super::ledger_tree::{commit_of, compare, descends};
use super::noting::{Moved, note_exchange};
use super::remote::Remote;
use super::tombstones::note_seen;
use super::trust::{check_foreign_ledger, check_manifests, mark_changes, names_to_mark};
use super::wanted_parts::{NoParts, sized, wants};
use crate::clock::Timestamp;
use crate::config::{FetchPolicy, SyncSettings};
use crate::error::{Error, Result};
use crate::git::ObjectId;
use crate::index::TAGS;
use crate::name::{EntryName, LedgerName, decode};
use crate::progress::Progress;
use crate::store::{AllParts, Lacking, LackingObject, OnlyCollection, RefChange, Store};

/// From how many objects on a new ledger of which all is wanted is brought as a whole: naming them
/// one by one takes longer than sending its trees once more.
const MANY: usize = 2000;

/// What to pull.
pub(crate) struct PullOptions<'a> {
    /// Which notebooks, by their paths; `None` means all of them.
    pub(crate) notebooks: Option<&'a dyn Fn(&str) -> bool>,
    /// Leave out what was made before.
    pub(crate) since: Option<Timestamp>,
    /// Take in what was removed here, too.
    pub(crate) removed_too: bool,
    /// Only say what would come. Names and manifests travel all the same, as nothing is known
    /// without them.
    pub(crate) dry_run: bool,
    pub(crate) now: Timestamp,
    pub(crate) progress: &'a dyn Progress,
}

/// What a pull did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PullReport {
    /// The entries that are new here.
    pub(crate) entries: Vec<EntryName>,
    /// The ledgers that the remote had news of.
    pub(crate) ledgers: Vec<LedgerName>,
    /// What the remote has and was not taken in, with the reason: a ledger, or a name in one.
    pub(crate) refused: Vec<(String, String)>,
    /// The entries that somebody forgot: they went to the trash here.
    pub(crate) forgotten: Vec<EntryName>,
    /// How many objects of parts were brought, or would be.
    pub(crate) objects: usize,
    /// The bytes that came, or of the parts that would come.
    pub(crate) bytes: u64,
    /// The parts that were wanted and that the remote did not hand out.
    pub(crate) missing: Vec<(EntryName, String)>,
    /// The parts that stay on the remote, as the settings say: how many, and their bytes.
    pub(crate) left: (usize, u64),
}

/// The news of one pull.
#[derive(Default)]
struct News {
    entries: Vec<(EntryName, ObjectId)>,
    /// The entries that no foreign ledger here will have, though they came from elsewhere.
    marked: Vec<EntryName>,
    /// The ledgers with what they are from now on, and which of the entries must be here for that.
    taken: Ledgers,
    report: PullReport,
}

/// Takes in what the remote has and this store has not.
///
/// # Errors
/// [`Error::GitFailed`] if the remote cannot be reached or breaks off, and those of a flush. Then
/// no name was taken in, and what came is not asked for again.
pub(crate) fn pull(
    store: &Store,
    remote_id: &str,
    remote: &Remote,
    settings: &SyncSettings,
    options: &PullOptions<'_>,
) -> Result<PullReport> {
    let started = Instant::now();
    let pulled = pull_all(store, remote_id, remote, settings, options);
    if !options.dry_run {
        let moved = pulled.as_ref().map(|report| Moved {
            entries: report.entries.len(),
            first: report.entries.first(),
            bytes: Some(report.bytes),
        });
        note_exchange(store, "pull", Some(remote), started, moved);
    }
    pulled
}

fn pull_all(
    store: &Store,
    remote_id: &str,
    remote: &Remote,
    settings: &SyncSettings,
    options: &PullOptions<'_>,
) -> Result<PullReport> {
    let only = store.lock_collection()?;
    let origin = Origin { remote, progress: options.progress };
    let (listed, tombstones) = listed_with_tombstones(remote)?;
    let contact = Contact::read(store, remote_id);
    Contact { spoken: Some(options.now), ..contact }.keep(store, remote_id);
    let mut news = News::default();
    if let Some(theirs) = tombstones.filter(|_| !options.dry_run) {
        if !store.has(&theirs) {
            origin.ledgers(store, &[FORGOTTEN.to_owned()], &[], None)?;
        }
        news.report.forgotten = take_in_forgotten(store, &theirs, options.now, &only)?;
        note_seen(store, remote_id, Some(theirs))?;
    }
    let before = KnownLedgers::read(store)?;
    let is_all = wants_all(settings);
    // Of a first pull that wants everything, nothing is here that need not come.
    let at_once = is_all
        && options.notebooks.is_none()
        && !options.dry_run
        && before.is_empty()
        && store.snapshot()?.notebooks().is_empty();
    let filter = (!at_once).then_some(NO_BLOBS);
    let wanted: Ledgers = listed
        .iter()
        .filter(|(ledger, _)| options.notebooks.is_none_or(|wanted| is_wanted(ledger, wanted)))
        .map(|(ledger, commit)| (ledger.clone(), *commit))
        .collect();
    let is_new: Vec<String> = wanted
        .iter()
        .filter(|(_, commit)| !store.has(commit))
        .map(|(ledger, _)| ledger.ref_name())
        .collect();
    if !is_new.is_empty() {
        let (bytes, failed) = origin.ledgers(store, &is_new, &haves(store, &before), filter)?;
        news.report.bytes += bytes;
        news.report.refused.extend(failed);
        if filter.is_some() {
            store.note_promisor(remote_id, &remote.without_password())?;
        }
    }
    let mut seen = before.of_remote(remote_id);
    seen.retain(|ledger, _| listed.contains_key(ledger));
    for (ledger, commit) in &wanted {
        if !store.has(commit) {
            let name = ledger.ref_name();
            if news.report.refused.iter().all(|(refused, _)| *refused != name) {
                let reason = "it changed while it was fetched; the next pull brings it".to_owned();
                news.report.refused.push((name, reason));
            }
            continue;
        }
        // Whether to take in what others signed is asked here, ledger by ledger.
        match take_in(store, &before, ledger, *commit, options, &only, &mut news) {
            Ok(()) => {
                seen.insert(ledger.clone(), *commit);
            }
            Err(error @ Error::BrokenLedger { .. }) => {
                news.report.refused.push((ledger.ref_name(), error.to_string()));
            }
            Err(error) => return Err(error),
        }
    }
    let News { mut entries, marked, mut taken, mut report } = news;
    entries.sort();
    entries.dedup();
    // What lacks its manifest must come with a later pull.
    let unfinished =
        bring_parts(store, origin, settings, options, &wanted, &before, &mut entries, &mut report)?;
    taken.retain(|ledger, _| !unfinished.contains(ledger.notebook_segment()));
    let wrong = check_manifests(store, &entries);
    let names: BTreeSet<&str> = wrong.iter().map(|(name, _)| name.as_str()).collect();
    entries.retain(|(name, _)| !names.contains(name.as_str()));
    drop(names);
    report.refused.extend(wrong);
    report.entries = entries.iter().map(|(name, _)| name.clone()).collect();
    if options.dry_run {
        return Ok(report);
    }
    let (mut changes, _kept) = mark_changes(store, &marked)?;
    for (name, tree) in &entries {
        let name = format!("{TAGS}{name}");
        changes.push(RefChange { name, expected: None, new: Some(*tree) });
    }
    for (ledger, commit) in &taken {
        let expected = before.taken.get(ledger).copied();
        changes.push(RefChange { name: ledger.ref_name(), expected, new: Some(*commit) });
    }
    let was_seen = before.of_remote(remote_id);
    let both: BTreeSet<&LedgerName> = was_seen.keys().chain(seen.keys()).collect();
    for ledger in both {
        let (expected, new) = (was_seen.get(ledger).copied(), seen.get(ledger).copied());
        let name = seen_ref_name(remote_id, ledger);
        if expected != new {
            changes.push(RefChange { name, expected, new });
        }
    }
    if !changes.is_empty() {
        store.swap_each_ref(&changes)?;
    }
    // What git fetched is no other copy's.
    store.adopt_packs()?;
    Ok(report)
}

fn is_wanted(ledger: &LedgerName, wanted: &dyn Fn(&str) -> bool) -> bool {
    // Of a segment that was cut only its beginning is known.
    let segment = ledger.notebook_segment();
    decode(segment).map_or_else(|| wanted(segment), |notebook| wanted(&notebook))
}

fn wants_all(settings: &SyncSettings) -> bool {
    settings.fetch == FetchPolicy::All
        && settings.rule.iter().all(|rule| rule.fetch.is_none_or(|it| it == FetchPolicy::All))
}

/// Returns the known states of ledgers: what they reach need not come.
fn haves(store: &Store, known: &KnownLedgers) -> Vec<ObjectId> {
    let all = std::iter::once(&known.taken).chain(known.seen.values());
    let ids: BTreeSet<ObjectId> = all.flat_map(|ledgers| ledgers.values().copied()).collect();
    ids.into_iter().filter(|id| store.has(id)).collect()
}

/// Brings the manifests of the entries and the parts that are wanted; entries whose manifest the
/// remote does not hand out leave the list, and their notebooks are returned.
#[expect(clippy::too_many_arguments, reason = "one step of a pull, with all that it knows")]
fn bring_parts(
    store: &Store,
    origin: Origin<'_>,
    settings: &SyncSettings,
    options: &PullOptions<'_>,
    ledgers: &Ledgers,
    before: &KnownLedgers,
    entries: &mut Vec<(EntryName, ObjectId)>,
    report: &mut PullReport,
) -> Result<BTreeSet<String>> {
    let mut lacking = store.lacking(entries, &AllParts);
    // Trees come with their ledgers, but for those that the remote took for known here.
    for _ in 0..4 {
        if lacking.trees.is_empty() {
            break;
        }
        let trees = Lacking { trees: lacking.trees.clone(), ..Lacking::default() };
        report.bytes += origin.bring(store, entries, &trees)?.bytes;
        let again = store.lacking(entries, &AllParts);
        if again.trees == trees.trees {
            break;
        }
        lacking = again;
    }
    let (parts, left): (Vec<_>, Vec<_>) = lacking
        .parts
        .into_iter()
        .partition(|object| wants(settings, &entries[object.entry].0.notebook(), &object.part));
    let now = Lacking { parts: parts.clone(), manifests: lacking.manifests, ..Lacking::default() };
    let is_whole = left.is_empty()
        && origin.remote.sends_whole_ledgers()
        && lacking.here == 0
        && now.parts.len() + now.manifests.len() > MANY
        && before.is_empty()
        && options.since.is_none()
        && report.refused.is_empty();
    if options.dry_run {
        let manifests = Lacking { manifests: now.manifests, ..Lacking::default() };
        report.bytes = origin.bring(store, entries, &manifests)?.bytes;
    } else if is_whole {
        let names: Vec<String> = ledgers.keys().map(LedgerName::ref_name).collect();
        report.bytes += origin.ledgers(store, &names, &[], None)?.0;
    } else {
        report.bytes += origin.bring(store, entries, &now)?.bytes;
    }
    let size_of = |objects: &[LackingObject]| -> (usize, u64) {
        let sized = sized(store, entries, objects);
        (sized.len(), sized.iter().map(|(_, _, size)| size).sum())
    };
    report.left = size_of(&left);
    if options.dry_run {
        report.objects = parts.len();
        report.bytes = size_of(&parts).1;
        return Ok(BTreeSet::new());
    }
    let gone: Vec<_> = parts.iter().filter(|object| !store.has(&object.id)).collect();
    report.objects = parts.len() - gone.len();
    for object in gone {
        report.missing.push((entries[object.entry].0.clone(), object.part.clone()));
    }
    report.missing.sort();
    report.missing.dedup();
    let mut bare: BTreeSet<usize> = BTreeSet::new();
    for object in lacking.trees.iter().chain(&now_manifests(store, entries)) {
        if !store.has(&object.id) {
            bare.insert(object.entry);
        }
    }
    let mut unfinished = BTreeSet::new();
    for number in bare.iter().rev() {
        let (name, _) = entries.remove(*number);
        unfinished.insert(name.notebook_segment().to_owned());
        let reason = "the remote does not hand out what it is made of".to_owned();
        report.refused.push((name.to_string(), reason));
    }
    Ok(unfinished)
}

/// Returns the manifests that the entries still lack.
fn now_manifests(store: &Store, entries: &[(EntryName, ObjectId)]) -> Vec<LackingObject> {
    store.lacking(entries, &NoParts).manifests
}

/// Adds the news of one ledger.
fn take_in(
    store: &Store,
    known: &KnownLedgers,
    ledger: &LedgerName,
    commit: ObjectId,
    options: &PullOptions<'_>,
    only: &OnlyCollection,
    news: &mut News,
) -> Result<()> {
    let mine = known.taken.get(ledger);
    let is_old = match mine {
        Some(mine) => descends(store, mine, &commit)?,
        None => false,
    };
    if is_old && !options.removed_too {
        return Ok(());
    }
    let (tree, _) = commit_of(store, &commit)?;
    let old = match mine {
        Some(mine) if !options.removed_too => Some(commit_of(store, mine)?.0),
        _ => None,
    };
    let added = compare(store, old.as_ref(), Some(&tree))?.added;
    let mut is_whole = true;
    let (fresh, refused) = check_foreign_ledger(store, ledger, &added)?;
    news.report.refused.extend(refused);
    let forgotten = Forgotten::read(store)?;
    let is_wanted = |name: &EntryName| options.since.is_none_or(|since| name.created_at() >= since);
    let fresh: Vec<(EntryName, ObjectId)> = fresh
        .into_iter()
        .filter(|(name, _)| !forgotten.has(name.as_str()))
        .filter(|(name, _)| {
            is_whole &= is_wanted(name);
            is_wanted(name)
        })
        .collect();
    let names = || fresh.iter().map(|(name, _)| name);
    if is_old {
        news.marked.extend(names_to_mark(store, ledger, mine, mine, names())?);
        news.entries.extend(fresh);
        return Ok(());
    }
    news.report.ledgers.push(ledger.clone());
    if !is_whole || options.dry_run {
        // What was left out must come with a later pull.
        news.marked.extend(names_to_mark(store, ledger, mine, None, names())?);
        news.entries.extend(fresh);
        return Ok(());
    }
    let next = match mine {
        Some(mine) if !descends(store, &commit, mine)? => {
            let state = union(store, ledger, &commit, mine, &forgotten, options.now)?;
            store.append_kept(&state.objects, only)?;
            state.commit
        }
        _ => match cleaned(store, ledger, &commit, &forgotten, options.now)? {
            Some(state) => {
                store.append_kept(&state.objects, only)?;
                state.commit
            }
            None => commit,
        },
    };
    news.marked.extend(names_to_mark(store, ledger, mine, Some(&next), names())?);
    news.entries.extend(fresh);
    news.taken.insert(ledger.clone(), next);
    Ok(())
}
