//! Who vouches for an entry: the newest commits of a ledger that were signed by somebody who may.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use super::Standing;
use super::holders::{Holder, Holds};
use crate::content::{ObjectSource, read_checked};
use crate::git::{Commit, CommitSeal, Kind, ObjectId, Signer, Verdict, commit_seal, read_commit};
use crate::name::{EntryName, LedgerName};
use crate::store::{Inner, Store};

/// How many signatures are checked for one answer: each starts a process, and whoever may push may
/// append as many as they like. The next answer goes on from there.
const MOST_CHECKS: usize = 64;
/// How many commits are walked.
const MOST_COMMITS: usize = 1_000_000;

/// Returns the line that a signed commit of a ledger has in its message. A commit that somebody
/// signed for anything else vouches for nothing here.
pub(crate) fn vouching_line(ledger: &LedgerName) -> String {
    format!("Ledger: {}", ledger.path())
}

/// A commit of a ledger that somebody signed who may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vouched {
    pub(crate) commit: ObjectId,
    pub(crate) tree: ObjectId,
    pub(crate) signer: Signer,
}

/// What is vouched for in a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frontier {
    /// The newest signed commit on each line of its history.
    pub(crate) vouched: Vec<Vouched>,
    /// Why nobody vouches for what is not in these, as the end of a sentence.
    pub(crate) why: String,
}

/// Whether a signed commit was signed as one of the ledger that `line` names.
fn is_for(line: &str, seal: CommitSeal, commit: &Commit) -> bool {
    seal.is_recells && commit.message.lines().any(|other| other == line)
}

impl Inner {
    /// Returns where an entry comes from; with `ask` also who vouches for it if it is not our own.
    /// What cannot be told counts as foreign.
    pub(in crate::store) fn standing(
        &self,
        entry: &EntryName,
        tree: &ObjectId,
        ask: bool,
    ) -> Standing {
        let unclear = |reason: String| Standing::Foreign {
            writers: Vec::new(),
            reason: Some(format!("or nobody can tell: {reason}")),
        };
        let marked = match self.is_marked(entry) {
            Ok(marked) => marked,
            Err(error) => return unclear(error.to_string()),
        };
        let holders = match self.holders(entry) {
            Ok(holders) => holders,
            Err(error) => return unclear(error.to_string()),
        };
        let is_own =
            |holder: &&Holder| holder.is_taken && holder.ledger.writer() == self.repository.writer;
        let has_it = holders.iter().find(is_own).is_some_and(|own| own.holds == Holds::Tree(*tree));
        // Under the same name another tree counts as well: whoever makes a second content for a
        // name must not make the first one ours.
        let is_foreign = |holder: &&Holder| marked || !is_own(holder);
        let writers: BTreeSet<&str> = holders
            .iter()
            .filter(|holder| holder.holds != Holds::Nothing && is_foreign(holder))
            .map(|holder| holder.ledger.writer())
            .collect();
        let writers: Vec<String> = writers.into_iter().map(str::to_owned).collect();
        if !marked && (has_it || writers.is_empty()) {
            return Standing::Own;
        }
        if !ask {
            return Standing::Foreign { writers, reason: None };
        }
        // Those that no longer have it as well: what was signed stays so.
        let mut reason = None;
        for Holder { ledger, tip, holds, .. } in holders.iter().filter(is_foreign) {
            let frontier = match self.frontier(ledger, *tip) {
                Ok(frontier) => frontier,
                Err(why) => {
                    reason = reason.or(Some(why));
                    continue;
                }
            };
            let has_it =
                |vouched: &&Vouched| self.below(&vouched.tree, entry) == Holds::Tree(*tree);
            if let Some(Vouched { signer, .. }) = frontier.vouched.iter().find(has_it) {
                let writer = ledger.writer().to_owned();
                return Standing::Vouched { writer, signer: signer.clone() };
            }
            if *holds != Holds::Nothing {
                let unsigned_part =
                    |vouched: &Vouched| format!("after {} signed", vouched.signer.who);
                let why = frontier.vouched.first().map_or(frontier.why.clone(), unsigned_part);
                reason = Some(why);
            }
        }
        let reason = reason.or_else(|| Some("no ledger here has it".into()));
        Standing::Foreign { writers, reason }
    }

    /// Returns the newest commits of a ledger, one on each line of its history, that are signed by
    /// somebody who may. Other commits are passed by, so that whoever appends such takes nothing
    /// away; a signed one ends its line, as what it does not have was taken out by who signed it.
    ///
    /// # Errors
    /// Why that cannot be told, as the end of a sentence about the ledger.
    fn frontier(&self, ledger: &LedgerName, tip: ObjectId) -> Result<Arc<Frontier>, String> {
        let Some(signers) = &self.options.trust.signers else {
            return Err("and nobody here checks signatures".into());
        };
        self.verdicts.frontier(self, signers, (ledger, tip), |check| {
            let mut frontier = Frontier { vouched: Vec::new(), why: "which nobody signed".into() };
            let mut is_told = false;
            let mut tell = |frontier: &mut Frontier, why: String| {
                // Of several reasons the newest commit's tells most.
                if !std::mem::replace(&mut is_told, true) {
                    frontier.why = why;
                }
            };
            let line = vouching_line(ledger);
            let mut seen = HashSet::from([tip]);
            let mut next = VecDeque::from([tip]);
            let mut checks = 0;
            let mut bytes = Vec::new();
            while let Some(id) = next.pop_front() {
                let Some(commit) = self.ledger_commit(&id, &mut bytes) else {
                    tell(&mut frontier, format!("in a commit that cannot be read, {id}"));
                    continue;
                };
                let seal = commit_seal(self.format(), &bytes);
                if let Some(method) = seal.method {
                    if !is_for(&line, seal, &commit) {
                        tell(&mut frontier, "signed for something else".into());
                    } else if checks == MOST_CHECKS {
                        return Err("with too many signatures of nobody who may sign".into());
                    } else {
                        let (verdict, is_new) = check(&id, method);
                        checks += usize::from(is_new);
                        if let Verdict::Good(signer) = verdict {
                            frontier.vouched.push(Vouched {
                                commit: id,
                                tree: commit.tree,
                                signer,
                            });
                            continue;
                        }
                        tell(&mut frontier, verdict.to_string());
                    }
                }
                next.extend(commit.parents.into_iter().filter(|parent| seen.insert(*parent)));
                if seen.len() > MOST_COMMITS {
                    return Err("with too many unsigned commits".into());
                }
            }
            Ok(frontier)
        })
    }

    fn ledger_commit(&self, id: &ObjectId, bytes: &mut Vec<u8>) -> Option<Commit> {
        read_checked(self, id, Kind::Commit, bytes).ok()?;
        read_commit(self.format(), bytes)
    }
}

impl Store {
    /// Returns the tree of an entry in a state of a ledger; `None` if it is not in it, or that cannot
    /// be told.
    pub(crate) fn tree_in_ledger(&self, commit: &ObjectId, entry: &EntryName) -> Option<ObjectId> {
        match self.inner.holds(commit, entry) {
            Holds::Tree(tree) => Some(tree),
            Holds::Nothing | Holds::Unclear => None,
        }
    }

    /// Returns the newest commits of a ledger that are signed by somebody who may.
    ///
    /// # Errors
    /// Why that cannot be told, as the end of a sentence about the ledger.
    pub(crate) fn frontier_of(
        &self,
        ledger: &LedgerName,
        tip: ObjectId,
    ) -> Result<Arc<Frontier>, String> {
        self.inner.frontier(ledger, tip)
    }

    /// Returns whether the commit at the tip of a ledger is signed for it, and by whom.
    pub(crate) fn verdict_on(&self, ledger: &LedgerName, commit: &ObjectId) -> Verdict {
        let inner = &self.inner;
        let mut bytes = Vec::new();
        let Some(read) = inner.ledger_commit(commit, &mut bytes) else {
            return Verdict::Unchecked { reason: format!("the commit {commit} cannot be read") };
        };
        let seal = commit_seal(inner.format(), &bytes);
        let Some(method) = seal.method else { return Verdict::Unsigned };
        let line = vouching_line(ledger);
        if !is_for(&line, seal, &read) {
            return Verdict::Bad { reason: "it is for something else".into() };
        }
        match &inner.options.trust.signers {
            Some(signers) => inner.verdicts.of(inner, signers, commit, method),
            None => Verdict::Unchecked { reason: "nobody here checks signatures".into() },
        }
    }
}
