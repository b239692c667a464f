//! Sends ledgers to a remote, as many in one push as it takes, and of a ledger that it refuses all
//! that it does take.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::batches::{Answer, Batches, Contents, Load};
use super::extend::union;
use super::extending::Extending;
use super::forgotten::Forgotten;
use super::known::Ledgers;
use super::ledger_tree::{Names, commit_of, compare, descends};
use super::push_plan::weight;
use super::remote::Remote;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::git::{
    ObjectId, PushAnswer, PushRef, PushedContents, PushedRef, Refusal, refusal, telling,
};
use crate::name::{EntryName, LedgerName};
use crate::progress::Progress;
use crate::store::{OnlyCollection, Store};

/// The first pause before a push is repeated.
const PAUSE: Duration = Duration::from_millis(50);
/// How much longer each further pause is, at most so many times.
const LONGEST_PAUSE: u32 = 6;

/// Waits before the try of that number, from 1: others who lost the same race wait for another
/// time.
pub(super) fn pause(store: &Store, number: usize) {
    let doubled = PAUSE * (1 << u32::try_from(number).unwrap_or(1).min(LONGEST_PAUSE));
    let random = u64::from_str_radix(&store.random_name(), 16).unwrap_or(0) % 1024;
    std::thread::sleep(
        doubled.mul_f64(0.25 + f64::from(u32::try_from(random).unwrap_or(0)) / 1366.0),
    );
}

/// What is sent, and with what.
pub(super) struct Sending<'a> {
    pub(super) store: &'a Store,
    pub(super) remote: &'a Remote,
    pub(super) extending: &'a Extending<'a>,
    pub(super) only: &'a OnlyCollection,
    pub(super) now: Timestamp,
    pub(super) contents: PushedContents,
    pub(super) progress: Option<&'a dyn Progress>,
    /// Asks the remote what it has.
    pub(super) read_back: &'a dyn Fn() -> Result<Ledgers>,
}

/// What became of what was sent.
#[derive(Default)]
pub(super) struct Sent {
    /// The states of ledgers that arrived in pieces.
    pub(super) pieces: BTreeMap<LedgerName, ObjectId>,
    /// Why entries of a ledger did not arrive, by their names below the notebook; the reason under
    /// the empty name is that of all others.
    pub(super) reasons: BTreeMap<LedgerName, HashMap<String, String>>,
    /// The ledgers that somebody else changed meanwhile.
    pub(super) raced: Vec<LedgerName>,
    /// How many refs the remote takes in one push, if it refused more.
    pub(super) learned: Option<usize>,
    /// How many pushes were made.
    pub(super) pushes: usize,
}

/// The entries of the ledgers that were refused alone, lightest first: what is refused for its
/// size is found together.
struct Fresh<'a> {
    sending: &'a Sending<'a>,
    ledgers: &'a [LedgerName],
    targets: &'a Ledgers,
    /// What the remote has of each.
    reached: RefCell<Ledgers>,
    found: RefCell<HashMap<usize, Names>>,
}

impl Fresh<'_> {
    fn with<T>(&self, ledger: usize, ask: impl FnOnce(&Names) -> T) -> T {
        if !self.found.borrow().contains_key(&ledger) {
            let names = self.read(ledger).unwrap_or_default();
            self.found.borrow_mut().insert(ledger, names);
        }
        ask(&self.found.borrow()[&ledger])
    }

    /// Returns what the remote has not of a ledger; nothing if that cannot be told.
    fn read(&self, number: usize) -> Result<Names> {
        let (store, ledger) = (self.sending.store, &self.ledgers[number]);
        let base = self.reached.borrow().get(ledger).copied();
        if base.is_some_and(|base| !store.has(&base)) {
            return Ok(Names::new());
        }
        let old = base.map(|base| commit_of(store, &base)).transpose()?.map(|(tree, _)| tree);
        let (new, _) = commit_of(store, &self.targets[ledger])?;
        let names = compare(store, old.as_ref(), Some(&new))?.added;
        let weigh = |(below, tree): &(String, ObjectId)| {
            let name = EntryName::parse(format!("{}/{below}", ledger.notebook_segment()));
            name.map_or(0, |name| weight(store, &name, tree))
        };
        let mut weighed: Vec<(u64, (String, ObjectId))> =
            names.into_iter().map(|name| (weigh(&name), name)).collect();
        weighed.sort();
        Ok(weighed.into_iter().map(|(_, name)| name).collect())
    }
}

impl Contents for Fresh<'_> {
    fn count(&self, ledger: usize) -> usize {
        self.with(ledger, Vec::len)
    }

    fn blamed(&self, ledger: usize, entries: &[usize], words: &str) -> Vec<usize> {
        self.with(ledger, |names| {
            let named = |entry: &&usize| words.contains(&names[**entry].0);
            entries.iter().filter(named).copied().collect()
        })
    }
}

impl Sending<'_> {
    /// Sends `ledgers`, each to be what `targets` says, `most` in one push. States that are
    /// `displaced` need not be among its ancestors. `reached` is what the
    /// remote has, and has what arrived in pieces afterwards.
    ///
    /// # Errors
    /// [`Error::RemoteUnreachable`] and its family if nothing could be sent at all, and those of
    /// a flush.
    pub(super) fn send(
        &self,
        ledgers: &[LedgerName],
        targets: &Ledgers,
        reached: &mut Ledgers,
        most: usize,
        displaced: &Ledgers,
    ) -> Result<Sent> {
        let mut sent = Sent::default();
        let mut batches = Batches::new(ledgers.len(), most);
        let fresh = Fresh {
            sending: self,
            ledgers,
            targets,
            reached: RefCell::new(reached.clone()),
            found: RefCell::default(),
        };
        while let Some(loads) = batches.next() {
            let broken = batches.breaks_in_a_row();
            if broken > 0 {
                pause(self.store, broken + 1);
            }
            let mut refs = Vec::new();
            for load in &loads {
                let new = self.state_of(load, &fresh, batches.is_last(load.ledger))?;
                let name = ledgers[load.ledger].ref_name();
                let lease = displaced.get(&ledgers[load.ledger]).map(|state| Some(*state));
                refs.push(PushRef { name, new: Some(new), lease });
            }
            // What is pushed must be plain git.
            self.store.flush()?;
            let answer = self.remote.push(self.store, &refs, self.contents, self.progress)?;
            sent.pushes += 1;
            let there = || {
                let ledgers = (self.read_back)()?.into_iter();
                Ok(ledgers.map(|(ledger, state)| (ledger.ref_name(), state)).collect())
            };
            let answers = read_answers(self.remote, &refs, &answer, sent.pushes, &there)?;
            for ((load, pushed), answer) in loads.iter().zip(&refs).zip(&answers) {
                let ledger = &ledgers[load.ledger];
                match (answer, pushed.new) {
                    (Answer::Arrived, Some(new)) => {
                        fresh.reached.borrow_mut().insert(ledger.clone(), new);
                        if load.entries.is_some() {
                            sent.pieces.insert(ledger.clone(), new);
                        }
                    }
                    (Answer::Behind, _) => sent.raced.push(ledger.clone()),
                    _ => {}
                }
            }
            batches.answered(answers, &fresh);
        }
        sent.learned = batches.learned();
        for given_up in batches.into_given_up() {
            let Load { ledger, entries } = given_up.load;
            let reasons = sent.reasons.entry(ledgers[ledger].clone()).or_default();
            match entries {
                None => drop(reasons.insert(String::new(), given_up.reason)),
                Some(entries) => fresh.with(ledger, |names| {
                    for entry in entries {
                        reasons.insert(names[entry].0.clone(), given_up.reason.clone());
                    }
                }),
            }
        }
        *reached = fresh.reached.into_inner();
        Ok(sent)
    }

    /// Returns the state of a ledger that brings a load to the remote.
    fn state_of(&self, load: &Load, fresh: &Fresh<'_>, is_last: bool) -> Result<ObjectId> {
        let ledger = &fresh.ledgers[load.ledger];
        let target = fresh.targets[ledger];
        let Some(entries) = &load.entries else { return Ok(target) };
        let there = fresh.reached.borrow().get(ledger).copied();
        let state = match there {
            // With the last piece the remote has all, and the state that was meant, too.
            Some(there) if is_last => {
                let forgotten = Forgotten::read(self.store)?;
                union(self.store, ledger, &there, &target, &forgotten, self.now)?
            }
            there => fresh.with(load.ledger, |names| {
                let mut some: Vec<&(String, ObjectId)> =
                    entries.iter().map(|entry| &names[*entry]).collect();
                some.sort();
                let some = some.into_iter().map(|(name, tree)| (name.as_str(), *tree));
                self.extending.extended(ledger, there.as_ref(), some.collect())
            })?,
        };
        self.store.append_kept(&state.objects, self.only)?;
        Ok(state.commit)
    }
}

/// Returns what became of each ref. If the connection broke, the remote is asked by `read_back`.
///
/// # Errors
/// [`Error::RemoteUnreachable`] and its family if it was the first push, and nothing can be sent.
pub(super) fn read_answers(
    remote: &Remote,
    refs: &[PushRef],
    answer: &PushAnswer,
    number: usize,
    read_back: &dyn Fn() -> Result<BTreeMap<String, ObjectId>>,
) -> Result<Vec<Answer>> {
    let told = telling(&answer.words);
    let mut there = None;
    let is_silent = |pushed: &PushRef| match answer.refs.get(&pushed.name) {
        None => true,
        Some(PushedRef::Refused(summary)) => summary.contains(NO_REPORT),
        Some(_) => false,
    };
    if refs.iter().any(is_silent) {
        if let Some(error) = remote.failure(answer)
            && number == 1
            && matches!(
                error,
                Error::RemoteUnreachable { .. }
                    | Error::RemoteLockedOut { .. }
                    | Error::RemoteMissing { .. }
            )
        {
            return Err(error);
        }
        there = read_back().ok();
    }
    let answers = refs.iter().map(|pushed| {
        let said = answer.refs.get(&pushed.name);
        if is_silent(pushed) {
            let has =
                there.as_ref().is_some_and(|there| there.get(&pushed.name).copied() == pushed.new);
            return match refusal(&answer.words) {
                _ if has => Answer::Arrived,
                refused @ (Refusal::TooLarge | Refusal::TooManyRefs(_)) => {
                    Answer::Refused(refused, told.clone())
                }
                _ => Answer::Broke(told.clone()),
            };
        }
        match said {
            Some(PushedRef::Refused(summary)) => {
                let summary = summary.trim_start_matches("[remote rejected]").trim();
                let summary = summary.trim_start_matches('(').trim_end_matches(')');
                let words = format!("{summary}: {told}");
                Answer::Refused(refusal(&words), words)
            }
            Some(PushedRef::Behind(_)) => Answer::Behind,
            Some(PushedRef::Taken) | None => Answer::Arrived,
        }
    });
    Ok(answers.collect())
}

/// What git says of a ref when the connection broke before the report.
const NO_REPORT: &str = "failed to report status";

/// Returns the ledgers whose target a remote in the state `reached` has not, nor a later state.
pub(super) fn lacking(
    store: &Store,
    targets: &Ledgers,
    reached: &Ledgers,
) -> Result<Vec<LedgerName>> {
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
