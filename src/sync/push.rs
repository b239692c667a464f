//! Push: what no ledger holds yet goes into this store's own ledgers, and every ledger that the
//! remote lacks or has an older state of is sent. What arrived is read back.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use super::contact::Contact;
use super::extend::union;
use super::extending::Extending;
use super::forgotten::Forgotten;
use super::known::{KnownLedgers, Ledgers, is_ledger_ref, seen_ref_name};
use super::ledger_tree::{commit_of, compare, descends};
use super::noting::{Moved, note_exchange};
use super::push_plan::{Inspection, PushPlan, plan_push};
use super::remote::Remote;
use super::send::{Sending, Sent, lacking, pause};
use super::tombstones::{meet, overwrite_forgotten, remote_lacks};
use super::trust::{signs, unsigned_ledgers};
use crate::clock::Timestamp;
use crate::config::{SignChoice, SyncSettings};
use crate::error::Result;
use crate::git::ObjectId;
use crate::name::{EntryName, LEDGERS, LedgerName};
use crate::progress::Progress;
use crate::store::{OnlyCollection, RefChange, Store};

/// How often a push that lost a race takes in what was faster, and tries again.
const RACES: usize = 12;
/// How many refs go into one push at first: more to a folder of this machine, where nothing limits
/// them, than to a host, of which some take no more than about 20.
const REFS_LOCAL: usize = 1000;
const REFS_OF_HOSTS: usize = 20;

/// What to push.
pub(crate) struct PushOptions<'a> {
    /// Whether the entry of that name is to be published, if it is not yet.
    pub(crate) wanted: &'a dyn Fn(&EntryName) -> bool,
    /// Whether the new states of this store's own ledgers are signed.
    pub(crate) sign: SignChoice,
    /// Looks at the entries that are to be published, before any ledger holds them; not called if
    /// there are none. Its error ends the push.
    pub(crate) inspect: &'a dyn Fn(&[EntryName]) -> Result<Inspection>,
    /// Only say what would be sent.
    pub(crate) dry_run: bool,
    pub(crate) now: Timestamp,
    /// What is told how far git has come.
    pub(crate) progress: Option<&'a dyn Progress>,
}

/// What a push did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PushReport {
    /// The entries that the remote had not and has now, as it was read back.
    pub(crate) entries: Vec<EntryName>,
    /// The ledgers that arrived, or of which something did.
    pub(crate) ledgers: Vec<LedgerName>,
    /// What did not arrive of the ledgers, with the words of the remote.
    pub(crate) missing: Vec<MissingThere>,
    /// What was left out by those who looked at it, with the reason.
    pub(crate) left: Vec<(EntryName, String)>,
    /// How many bytes of parts the entries have at most, uncompressed; only of a dry run.
    pub(crate) bytes: Option<u64>,
    /// How many pushes it took.
    pub(crate) pushes: usize,
    /// How often somebody else was faster.
    pub(crate) races: usize,
    /// Why what should have been signed was not, and went all the same.
    pub(crate) unsigned: Option<String>,
}

/// What of one ledger the remote does not have, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MissingThere {
    pub(crate) ledger: LedgerName,
    pub(crate) entries: Vec<EntryName>,
    pub(crate) reason: String,
}

/// Sends what the remote lacks.
///
/// # Errors
/// [`crate::Error::RemoteUnreachable`] and its family if nothing could be sent at all,
/// [`crate::Error::BrokenLedger`], [`crate::Error::CannotSign`] and
/// [`crate::Error::SigningProgramMissing`] if everything is to be signed, and those of a flush. What arrived is kept, and told by the next
/// push.
pub(crate) fn push(
    store: &Store,
    remote_id: &str,
    remote: &Remote,
    settings: &SyncSettings,
    options: &PushOptions<'_>,
) -> Result<PushReport> {
    let started = Instant::now();
    let pushed = push_all(store, remote_id, remote, settings, options);
    if !options.dry_run {
        let moved = pushed.as_ref().map(|report| {
            // git does not say how many bytes it sent.
            Moved { entries: report.entries.len(), first: report.entries.first(), bytes: None }
        });
        note_exchange(store, "push", Some(remote), started, moved);
    }
    pushed
}

fn push_all(
    store: &Store,
    remote_id: &str,
    remote: &Remote,
    settings: &SyncSettings,
    options: &PushOptions<'_>,
) -> Result<PushReport> {
    let only = store.lock_collection()?;
    store.flush()?;
    let lacks = remote_lacks(store, remote_id, &Forgotten::read(store)?)?;
    if lacks && !options.dry_run {
        meet(store, remote_id, remote, options.now, &only)?;
    }
    loop {
        // What others forgot must not be sent once more: with tombstones that came all is planned
        // anew.
        if let Some(report) = push_once(store, remote_id, remote, settings, options, &only)? {
            return Ok(report);
        }
    }
}

/// Pushes; `None` if tombstones came meanwhile.
#[expect(clippy::too_many_lines, reason = "one story: plan, send, look what arrived, note it")]
fn push_once(
    store: &Store,
    remote_id: &str,
    remote: &Remote,
    settings: &SyncSettings,
    options: &PushOptions<'_>,
    only: &OnlyCollection,
) -> Result<Option<PushReport>> {
    let known = KnownLedgers::read(store)?;
    // Whatever must happen to entries before others see them happens here.
    let mut plan = plan_push(store, &known, settings, options)?;
    let mut before = known.of_remote(remote_id);
    let signers = signs(store, options.sign)?;
    if signers.is_some() {
        for ledger in unsigned_ledgers(store, &known.taken)? {
            plan.fresh.entry(ledger).or_default();
        }
    }
    if options.dry_run {
        return dry_run(store, &known, &before, plan).map(Some);
    }
    let mut objects = Vec::new();
    let mut targets = known.taken.clone();
    let extending = Extending {
        store,
        signers,
        must_sign: options.sign == SignChoice::Always,
        unsigned: RefCell::default(),
        only,
        now: options.now,
    };
    for (ledger, entries) in &plan.fresh {
        let add = entries.iter().map(|(name, tree)| (below_notebook(name), *tree));
        let state = extending.extended(ledger, known.taken.get(ledger), add.collect())?;
        if entries.is_empty() && !extending.can_sign() {
            // It was to be signed, and nothing else.
            continue;
        }
        targets.insert(ledger.clone(), state.commit);
        objects.extend(state.objects);
    }
    store.append_kept(&objects, only)?;
    let mut meant = targets.clone();
    let read_back = || read_back(remote);
    let sending = Sending {
        store,
        remote,
        extending: &extending,
        only,
        now: options.now,
        contents: plan.contents(store),
        progress: options.progress,
        read_back: &read_back,
    };
    let mut contact = Contact::read(store, remote_id);
    let usual = if remote.takes_many_refs() { REFS_LOCAL } else { REFS_OF_HOSTS };
    let mut most = contact.most_refs(options.now).unwrap_or(usual);
    let mut reached = before.clone();
    let mut report = PushReport { left: plan.left, ..PushReport::default() };
    let mut sent = Sent::default();
    for race in 0..=RACES {
        let displaced = overwrite_forgotten(store, &reached, &mut targets, only, options.now)?;
        for ledger in displaced.keys() {
            meant.insert(ledger.clone(), targets[ledger]);
        }
        let mut ledgers = lacking(store, &targets, &reached)?;
        ledgers.retain(|ledger| !sent.reasons.contains_key(ledger));
        let round = sending.send(&ledgers, &targets, &mut reached, most, &displaced)?;
        report.pushes += round.pushes;
        if let Some(learned) = round.learned {
            most = learned;
            contact.refs = Some((learned, options.now));
        }
        for (ledger, state) in &round.pieces {
            targets.insert(ledger.clone(), *state);
        }
        let raced: BTreeSet<LedgerName> = round.raced.into_iter().collect();
        sent.pieces.extend(round.pieces);
        sent.reasons.extend(round.reasons);
        // What the remote says that it took is asked for once more.
        reached = self::read_back(remote)?;
        fetch_unknown(store, remote_id, remote, &targets, &reached)?;
        let mut lost = lacking(store, &targets, &reached)?;
        let is_raced = lost.iter().any(|ledger| reached.get(ledger) != before.get(ledger));
        if is_raced && meet(store, remote_id, remote, options.now, only)? {
            return Ok(None);
        }
        lost.retain(|ledger| !sent.reasons.contains_key(ledger));
        let overtaken = lost.iter().filter(|ledger| raced.contains(*ledger)).count();
        // Of a ledger that raced in pieces all is meant again.
        for ledger in lost.iter().filter(|ledger| raced.contains(*ledger)) {
            targets.insert(ledger.clone(), meant[ledger]);
        }
        let taken_in = take_in_faster(store, &lost, &reached, &mut targets, only, options.now)?;
        report.races += overtaken.max(taken_in);
        // The remote lost what it was known to have: that was not sent.
        let mut unsent = false;
        for ledger in lost.iter().filter(|ledger| !ledgers.contains(ledger)) {
            unsent = true;
            match reached.get(ledger) {
                Some(there) => before.insert(ledger.clone(), *there),
                None => before.remove(ledger),
            };
        }
        if lost.is_empty() || (overtaken == 0 && taken_in == 0 && !unsent) || race == RACES {
            break;
        }
        if race > 0 {
            pause(store, race);
        }
    }
    let told = Told { known: &known, before, meant, reached, sent };
    let arrived = told.arrivals(store, &mut report)?;
    let mut changes = told.own_states(&extending, &plan.fresh, &arrived)?;
    changes.extend(seen_now(store, remote_id, &told.reached)?);
    changes.retain(|change| change.expected != change.new);
    if !changes.is_empty() {
        store.swap_each_ref(&changes)?;
    }
    contact.spoken = Some(options.now);
    contact.keep(store, remote_id);
    report.unsigned = extending.unsigned.take();
    Ok(Some(report))
}

/// Returns how what is known of the remote changes, now that it has `reached`.
fn seen_now(store: &Store, remote_id: &str, reached: &Ledgers) -> Result<Vec<RefChange>> {
    let mut changes = Vec::new();
    // git may have fetched some of them to where they belong.
    let seen = KnownLedgers::read(store)?.of_remote(remote_id);
    for (ledger, commit) in reached.iter().filter(|(_, commit)| store.has(commit)) {
        let name = seen_ref_name(remote_id, ledger);
        let expected = seen.get(ledger).copied();
        changes.push(RefChange { name, expected, new: Some(*commit) });
    }
    for (ledger, commit) in seen.iter().filter(|(ledger, _)| !reached.contains_key(ledger)) {
        let name = seen_ref_name(remote_id, ledger);
        changes.push(RefChange { name, expected: Some(*commit), new: None });
    }
    Ok(changes)
}

/// What was meant, and what the remote says that it has.
struct Told<'a> {
    known: &'a KnownLedgers,
    /// What the remote had when it was spoken to the last time.
    before: Ledgers,
    /// What it was to have.
    meant: Ledgers,
    /// What it has.
    reached: Ledgers,
    sent: Sent,
}

impl Told<'_> {
    /// Adds to the report what arrived and what did not; returns the entries that did.
    fn arrivals(&self, store: &Store, report: &mut PushReport) -> Result<Arrived> {
        let Told { before, meant, reached, sent, .. } = self;
        let forgotten = Forgotten::read(store)?;
        let mut arrived = Arrived::new();
        for ledger in lacking(store, meant, before)? {
            let (there, target) = (reached.get(&ledger), &meant[&ledger]);
            let new = new_names(store, &ledger, before.get(&ledger), target)?;
            let mut left = BTreeSet::new();
            if there != Some(target) {
                left.extend(new_names(store, &ledger, there, target)?);
                left.retain(|name| !forgotten.has(name.as_str()));
            }
            if there.is_some() && there != before.get(&ledger) {
                report.ledgers.push(ledger.clone());
            }
            let came: BTreeSet<EntryName> =
                new.into_iter().filter(|name| !left.contains(name)).collect();
            report.entries.extend(came.iter().cloned());
            let is_there = match there {
                Some(there) if store.has(there) => descends(store, there, target)?,
                _ => false,
            };
            if !left.is_empty() || (!is_there && !sent.pieces.contains_key(&ledger)) {
                report.missing.extend(reasons(&ledger, left, sent.reasons.get(&ledger)));
            }
            arrived.insert(ledger, came);
        }
        report.entries.sort();
        Ok(arrived)
    }

    /// Returns what this store's own ledgers are from now on.
    fn own_states(
        &self,
        extending: &Extending<'_>,
        fresh: &BTreeMap<LedgerName, Vec<(EntryName, ObjectId)>>,
        arrived: &Arrived,
    ) -> Result<Vec<RefChange>> {
        let store = extending.store;
        let mut changes = Vec::new();
        for (ledger, entries) in fresh {
            let base = self.known.taken.get(ledger).copied();
            let there = self.reached.get(ledger).filter(|there| store.has(there));
            let Some(there) = there else { continue };
            let new = if descends(store, there, &self.meant[ledger])? {
                // What others added meanwhile is not taken in: its names come with a pull.
                self.meant[ledger]
            } else if self.before.get(ledger).copied() == base
                && self.sent.pieces.get(ledger) == Some(there)
            {
                *there
            } else {
                let came = arrived.get(ledger);
                let came = |name: &EntryName| came.is_some_and(|came| came.contains(name));
                let add = entries.iter().filter(|(name, _)| came(name));
                let add: Vec<_> = add.map(|(name, tree)| (below_notebook(name), *tree)).collect();
                if add.is_empty() {
                    continue;
                }
                let state = extending.extended(ledger, base.as_ref(), add)?;
                store.append_kept(&state.objects, extending.only)?;
                state.commit
            };
            changes.push(RefChange { name: ledger.ref_name(), expected: base, new: Some(new) });
        }
        Ok(changes)
    }
}

/// The entries that arrived, by ledger.
type Arrived = HashMap<LedgerName, BTreeSet<EntryName>>;

fn dry_run(
    store: &Store,
    known: &KnownLedgers,
    before: &Ledgers,
    plan: PushPlan,
) -> Result<PushReport> {
    let bytes = Some(plan.bytes(store));
    let mut ledgers: BTreeSet<LedgerName> = plan.fresh.keys().cloned().collect();
    let mut entries: Vec<EntryName> =
        plan.fresh.into_values().flatten().map(|(name, _)| name).collect();
    for ledger in lacking(store, &known.taken, before)? {
        entries.extend(new_names(store, &ledger, before.get(&ledger), &known.taken[&ledger])?);
        ledgers.insert(ledger);
    }
    entries.sort();
    let ledgers = ledgers.into_iter().collect();
    Ok(PushReport { entries, ledgers, left: plan.left, bytes, ..PushReport::default() })
}

/// Returns the names that the state `new` of a ledger has and `old` has not; an old state that is
/// not here counts as none.
fn new_names(
    store: &Store,
    ledger: &LedgerName,
    old: Option<&ObjectId>,
    new: &ObjectId,
) -> Result<Vec<EntryName>> {
    let old = old.filter(|old| store.has(old));
    let old = old.map(|old| commit_of(store, old)).transpose()?.map(|(tree, _)| tree);
    let (tree, _) = commit_of(store, new)?;
    let added = compare(store, old.as_ref(), Some(&tree))?.added.into_iter();
    let full = added.map(|(below, _)| format!("{}/{below}", ledger.notebook_segment()));
    Ok(full.filter_map(|name| EntryName::parse(name).ok()).collect())
}

/// Returns what did not arrive of a ledger, by reason.
fn reasons(
    ledger: &LedgerName,
    left: BTreeSet<EntryName>,
    known: Option<&HashMap<String, String>>,
) -> Vec<MissingThere> {
    let none = "the remote does not have it, and does not say why".to_owned();
    let of_all = known.and_then(|known| known.get("")).unwrap_or(&none);
    let mut by_reason: BTreeMap<&String, Vec<EntryName>> = BTreeMap::new();
    for name in left {
        let own = known.and_then(|known| known.get(below_notebook(&name)));
        by_reason.entry(own.unwrap_or(of_all)).or_default().push(name);
    }
    if by_reason.is_empty() {
        by_reason.insert(of_all, Vec::new());
    }
    let missing = by_reason.into_iter().map(|(reason, entries)| MissingThere {
        ledger: ledger.clone(),
        entries,
        reason: reason.clone(),
    });
    missing.collect()
}

/// Returns the part of the name that stands in its notebook's ledger.
pub(crate) fn below_notebook(name: &EntryName) -> &str {
    &name.as_str()[name.notebook_segment().len() + 1..]
}

fn read_back(remote: &Remote) -> Result<Ledgers> {
    let found = remote.list_pushed(&[&format!("{LEDGERS}*")])?;
    let ledgers = found.into_iter().filter(|(name, _)| is_ledger_ref(name));
    Ok(ledgers.filter_map(|(name, id)| Some((LedgerName::of_ref(&name)?, id))).collect())
}

/// Fetches the states of ledgers to be sent that somebody else changed meanwhile.
fn fetch_unknown(
    store: &Store,
    remote_id: &str,
    remote: &Remote,
    targets: &Ledgers,
    reached: &Ledgers,
) -> Result<()> {
    let unknown = targets.keys().filter_map(|ledger| {
        reached.get(ledger).filter(|commit| !store.has(commit)).map(|_| ledger)
    });
    let refs: Vec<(String, String)> =
        unknown.map(|ledger| (ledger.ref_name(), seen_ref_name(remote_id, ledger))).collect();
    if refs.is_empty() {
        return Ok(());
    }
    remote.fetch(store, &refs, false)?;
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
