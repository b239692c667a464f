//! Push: what no ledger holds yet goes into this store's own ledgers, and every ledger that the
//! remote lacks or has an older state of is sent. What arrived is read back.

use std::collections::{BTreeMap, BTreeSet};

use super::extend::{extended, union};
use super::forgotten::Forgotten;
use super::known::{KnownLedgers, Ledgers, is_ledger_ref, seen_ref_name, unpublished};
use super::ledger_tree::descends;
use crate::clock::Timestamp;
use crate::config::SyncSettings;
use crate::error::Result;
use crate::git::{FetchHow, GitRemote, ObjectId, PushRef, PushedRef};
use crate::name::{EntryName, LEDGERS, LedgerName};
use crate::store::{OnlyCollection, RefChange, Store};

/// How often a push that lost a race takes in what was faster, and tries again.
const RACES: usize = 8;

/// What to push.
pub(crate) struct PushOptions<'a> {
    /// Whether the entry of that name is to be published, if it is not yet.
    pub(crate) wanted: &'a dyn Fn(&EntryName) -> bool,
    /// Only say what would be sent.
    pub(crate) dry_run: bool,
    pub(crate) now: Timestamp,
}

/// What a push did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PushReport {
    /// The entries that were published: the remote has them, as it was read back.
    pub(crate) entries: Vec<EntryName>,
    /// The ledgers that arrived.
    pub(crate) ledgers: Vec<LedgerName>,
    /// The ledgers that did not arrive, with the words of the remote.
    pub(crate) missing: Vec<(LedgerName, String)>,
}

/// Sends what the remote lacks.
///
/// # Errors
/// [`crate::Error::GitFailed`] if the remote cannot be reached, [`crate::Error::BrokenLedger`],
/// and those of a flush. What arrived is kept, and told by the next push.
pub(crate) fn push(
    store: &Store,
    remote_id: &str,
    remote: &GitRemote,
    settings: &SyncSettings,
    options: &PushOptions<'_>,
) -> Result<PushReport> {
    let only = store.lock_collection()?;
    store.flush()?;
    let mut known = KnownLedgers::read(store)?;
    let mut fresh: BTreeMap<LedgerName, Vec<(EntryName, ObjectId)>> = BTreeMap::new();
    for (name, tree) in unpublished(store, &known)? {
        if settings.of_notebook(&name.notebook()).push && (options.wanted)(&name) {
            let ledger = LedgerName::new(name.notebook_segment(), store.writer_id());
            fresh.entry(ledger).or_default().push((name, tree));
        }
    }
    if options.dry_run {
        let mut ledgers = lacking(store, &known.taken, &known.of_remote(remote_id))?;
        ledgers.extend(fresh.keys().cloned());
        ledgers.sort();
        ledgers.dedup();
        let entries = fresh.into_values().flatten().map(|(name, _)| name).collect();
        return Ok(PushReport { entries, ledgers, missing: Vec::new() });
    }
    let mut own = Ledgers::new();
    let mut objects = Vec::new();
    for (ledger, entries) in &fresh {
        let base = known.taken.get(ledger);
        let add = entries.iter().map(|(name, tree)| (below_notebook(name), *tree));
        let state = extended(store, base, add, options.now)?;
        own.insert(ledger.clone(), state.commit);
        objects.extend(state.objects);
    }
    store.append_kept(&objects, &only)?;
    let mut targets = known.taken.clone();
    targets.extend(own.clone());
    let before = known.of_remote(remote_id);
    let mut reached = before.clone();
    let mut report = PushReport::default();
    for attempt in 0..=RACES {
        let lacking = lacking(store, &targets, &reached)?;
        let changed: Vec<PushRef> = lacking
            .iter()
            .map(|ledger| PushRef {
                name: ledger.ref_name(),
                new: targets.get(ledger).copied(),
                lease: None,
            })
            .collect();
        let mut answer = None;
        if !changed.is_empty() {
            // What is pushed must be plain git.
            store.flush()?;
            answer = Some(remote.push(&changed)?);
        }
        if let Some(failure) = answer.as_ref().and_then(|answer| answer.failure(remote)) {
            return Err(failure);
        }
        // What the remote says that it took is asked for once more.
        reached = read_back(remote)?;
        fetch_unknown(store, remote_id, remote, &targets, &reached)?;
        let lost = self::lacking(store, &targets, &reached)?;
        let races = take_in_faster(store, &lost, &reached, &mut targets, &only, options.now)?;
        // The remote lost what it was known to have: that was not sent.
        let forgotten = lost.iter().any(|ledger| !lacking.contains(ledger));
        if (races == 0 && !forgotten) || attempt == RACES {
            for ledger in lost {
                let said = answer.as_ref().and_then(|answer| answer.refs.get(&ledger.ref_name()));
                let reason = match said {
                    Some(PushedRef::Refused(words) | PushedRef::Behind(words)) => words.clone(),
                    _ => "the remote does not have it".into(),
                };
                report.missing.push((ledger, reason));
            }
            break;
        }
    }
    let missing: BTreeSet<&LedgerName> = report.missing.iter().map(|(ledger, _)| ledger).collect();
    let arrived = |ledger: &LedgerName| !missing.contains(ledger);
    let changed = targets.keys().filter(|l| arrived(l) && before.get(*l) != reached.get(*l));
    report.ledgers = changed.cloned().collect();
    for (ledger, entries) in fresh {
        if arrived(&ledger) {
            report.entries.extend(entries.into_iter().map(|(name, _)| name));
        }
    }
    let mut changes = Vec::new();
    // What others added meanwhile is not taken in: its names come with a pull.
    for (ledger, commit) in own.iter().filter(|(ledger, _)| arrived(ledger)) {
        let expected = known.taken.get(ledger).copied();
        changes.push(RefChange { name: ledger.ref_name(), expected, new: Some(*commit) });
    }
    // git may have fetched some of them to where they belong.
    known = KnownLedgers::read(store)?;
    let seen = known.of_remote(remote_id);
    for (ledger, commit) in reached.iter().filter(|(_, commit)| store.has(commit)) {
        let name = seen_ref_name(remote_id, ledger);
        let expected = seen.get(ledger).copied();
        changes.push(RefChange { name, expected, new: Some(*commit) });
    }
    for (ledger, commit) in seen.iter().filter(|(ledger, _)| !reached.contains_key(ledger)) {
        let name = seen_ref_name(remote_id, ledger);
        changes.push(RefChange { name, expected: Some(*commit), new: None });
    }
    changes.retain(|change| change.expected != change.new);
    store.swap_each_ref(&changes)?;
    Ok(report)
}

/// Returns the ledgers whose target a remote in the state `reached` has not, nor a later state.
fn lacking(store: &Store, targets: &Ledgers, reached: &Ledgers) -> Result<Vec<LedgerName>> {
    let mut lacking = Vec::new();
    for (ledger, commit) in targets {
        let has = match reached.get(ledger) {
            None => false,
            Some(there) => there == commit || (store.has(there) && descends(store, there, commit)?),
        };
        if !has {
            lacking.push(ledger.clone());
        }
    }
    Ok(lacking)
}

/// Returns the part of the name that stands in its notebook's ledger.
pub(crate) fn below_notebook(name: &EntryName) -> &str {
    &name.as_str()[name.notebook_segment().len() + 1..]
}

fn read_back(remote: &GitRemote) -> Result<Ledgers> {
    let found = remote.list_pushed(&[&format!("{LEDGERS}*")])?;
    let ledgers = found.into_iter().filter(|(name, _)| is_ledger_ref(name));
    Ok(ledgers.filter_map(|(name, id)| Some((LedgerName::of_ref(&name)?, id))).collect())
}

/// Fetches the states of ledgers to be sent that somebody else changed meanwhile.
fn fetch_unknown(
    store: &Store,
    remote_id: &str,
    remote: &GitRemote,
    targets: &Ledgers,
    reached: &Ledgers,
) -> Result<()> {
    let unknown = targets.keys().filter_map(|ledger| {
        reached.get(ledger).filter(|commit| !store.has(commit)).map(|_| ledger)
    });
    let specs: Vec<String> = unknown
        .map(|ledger| format!("+{}:{}", ledger.ref_name(), seen_ref_name(remote_id, ledger)))
        .collect();
    if specs.is_empty() {
        return Ok(());
    }
    remote.fetch(&specs, FetchHow { filter: Some("blob:none"), prune: false })?;
    store.notice_packs()
}

/// Makes, for each of the ledgers that somebody else changed meanwhile, a target of what both
/// have; returns how many.
fn take_in_faster(
    store: &Store,
    lost: &[LedgerName],
    reached: &Ledgers,
    targets: &mut Ledgers,
    only: &OnlyCollection,
    now: Timestamp,
) -> Result<usize> {
    let mut races = 0;
    for ledger in lost {
        let (Some(theirs), ours) = (reached.get(ledger), targets[ledger]) else { continue };
        if !store.has(theirs) || descends(store, &ours, theirs)? {
            // It is refused for another reason.
            continue;
        }
        races += 1;
        let forgotten = Forgotten::read(store)?;
        let state = union(store, ledger, theirs, &ours, &forgotten, now)?;
        store.append_kept(&state.objects, only)?;
        targets.insert(ledger.clone(), state.commit);
    }
    Ok(races)
}
