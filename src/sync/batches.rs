//! What to push next, from what was answered so far. Pure: no git, no store.
//!
//! Hosts limit the refs of one push, the bytes of a pack and of an object, and few say so in words
//! that a program understands. So batches that are refused are halved, down to one ledger; a
//! ledger that is refused alone is halved by its entries, down to one entry; what is refused then
//! is told, and all else has arrived.

use std::collections::VecDeque;

use crate::git::Refusal;

/// Some of the entries of one ledger, or all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Load {
    /// Its number among the ledgers of this push.
    pub(crate) ledger: usize,
    /// The numbers of its new entries; `None` means all, as one.
    pub(crate) entries: Option<Vec<usize>>,
}

/// What became of one load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The remote has it.
    Arrived,
    /// Somebody else changed the ledger meanwhile.
    Behind,
    /// The remote refused it.
    Refused(Refusal, String),
    /// The connection broke, and the remote does not have it.
    Broke(String),
}

/// A load that the remote does not take, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GivenUp {
    pub(crate) load: Load,
    pub(crate) reason: String,
}

/// What the planner asks about a ledger that was refused alone.
pub(crate) trait Contents {
    /// Returns how many new entries the ledger has; one that cannot be split has none.
    fn count(&self, ledger: usize) -> usize;
    /// Returns those of `entries` that the words of the remote name.
    fn blamed(&self, ledger: usize, entries: &[usize], words: &str) -> Vec<usize>;
}

/// How many answers in a row without a single arrival end the push.
const FRUITLESS: usize = 24;
/// How much one answer counts that says that nothing will be taken.
const DENIED: usize = 6;
/// How many pushes in a row may break before what cannot be made smaller is given up.
const BREAKS: usize = 6;

struct Batch {
    loads: Vec<Load>,
    /// It is not sent for the first time: the connection broke.
    is_again: bool,
}

/// The pushes that are still to be made.
pub(crate) struct Batches {
    waiting: VecDeque<Batch>,
    /// How many refs go into one push.
    most: usize,
    /// The fewest refs of a push that was refused for no known reason but their number.
    too_many: usize,
    /// The most refs of a push that arrived.
    fine: usize,
    fruitless: usize,
    /// How many of the last pushes broke, without an answer of the remote in between.
    broken: usize,
    given_up: Vec<GivenUp>,
}

impl Batches {
    /// Returns the pushes of the ledgers 0 to `ledgers`, `most` at a time.
    pub(crate) fn new(ledgers: usize, most: usize) -> Batches {
        let whole = |ledger| Load { ledger, entries: None };
        let all = Batch { loads: (0..ledgers).map(whole).collect(), is_again: false };
        Batches {
            waiting: [all].into_iter().filter(|batch| !batch.loads.is_empty()).collect(),
            most: most.max(1),
            too_many: usize::MAX,
            fine: 0,
            fruitless: 0,
            broken: 0,
            given_up: Vec::new(),
        }
    }

    /// Returns what to push next; `None` if all was answered. Of one ledger there is at most one
    /// load.
    pub(crate) fn next(&mut self) -> Option<Vec<Load>> {
        let most = self.bound();
        let first = self.waiting.front_mut()?;
        if first.loads.len() <= most {
            return Some(first.loads.clone());
        }
        let rest = first.loads.split_off(most);
        let loads = first.loads.clone();
        self.waiting.insert(1, Batch { loads: rest, is_again: false });
        Some(loads)
    }

    /// Returns how many pushes in a row broke by now: the longer that goes on, the longer is waited.
    pub(crate) fn breaks_in_a_row(&self) -> usize {
        self.broken
    }

    /// Whether the ledger has loads that are still to be sent, besides what is sent now.
    pub(crate) fn is_last(&self, ledger: usize) -> bool {
        let waits = |batch: &Batch| batch.loads.iter().any(|load| load.ledger == ledger);
        !self.waiting.iter().skip(1).any(waits)
            && self.given_up.iter().all(|given_up| given_up.load.ledger != ledger)
    }

    /// Takes in what was answered to what [`Batches::next`] returned, load by load.
    pub(crate) fn answered(&mut self, answers: Vec<Answer>, contents: &dyn Contents) {
        let Some(Batch { loads, is_again }) = self.waiting.pop_front() else { return };
        let count = loads.len();
        let mut failed: Vec<(Load, Answer)> = Vec::new();
        let mut has_arrived = false;
        for (load, answer) in loads.into_iter().zip(answers) {
            match answer {
                Answer::Arrived => has_arrived = true,
                // The ledger is looked at anew when the others are done.
                Answer::Behind => self.drop_ledger(load.ledger),
                _ => failed.push((load, answer)),
            }
        }
        if has_arrived {
            self.fruitless = 0;
            self.fine = self.fine.max(count);
            if self.fine >= self.too_many {
                // So it was not their number.
                self.too_many = usize::MAX;
            }
        }
        let Some((_, first)) = failed.first() else {
            self.broken = 0;
            return;
        };
        self.fruitless += match first {
            Answer::Refused(Refusal::Denied, _) => DENIED,
            _ => 1,
        };
        let is_broken = matches!(first, Answer::Broke(_)) && !has_arrived;
        self.broken = if is_broken { self.broken + 1 } else { 0 };
        if has_arrived {
            self.fruitless = 0;
        } else if self.fruitless >= FRUITLESS {
            return self.give_up_all(failed);
        } else if is_broken && !is_again {
            let loads = failed.into_iter().map(|(load, _)| load).collect();
            return self.waiting.push_front(Batch { loads, is_again: true });
        }
        if failed.len() == 1 {
            let (load, answer) = failed.swap_remove(0);
            if count > 1 {
                // It is refused for itself.
                return self.waiting.push_back(Batch { loads: vec![load], is_again: false });
            }
            return self.refused_alone(load, answer, contents);
        }
        if has_arrived {
            for (load, _) in failed {
                self.waiting.push_back(Batch { loads: vec![load], is_again: false });
            }
            return;
        }
        match first {
            Answer::Refused(Refusal::TooManyRefs(Some(most)), _) if *most < count => {
                self.most = self.most.min(*most);
            }
            Answer::Refused(Refusal::TooManyRefs(_) | Refusal::Unclear, _) => {
                self.too_many = self.too_many.min(count);
            }
            _ => {}
        }
        let mut loads: Vec<Load> = failed.into_iter().map(|(load, _)| load).collect();
        if self.bound() >= count {
            let rest = loads.split_off(count / 2);
            self.waiting.push_front(Batch { loads: rest, is_again: false });
        }
        self.waiting.push_front(Batch { loads, is_again: false });
    }

    /// Returns the most refs of a push that arrived, if one of more was refused for their number.
    pub(crate) fn learned(&self) -> Option<usize> {
        let is_told = self.most < usize::MAX && self.fine >= self.most;
        if self.too_many < usize::MAX && self.fine > 0 {
            return Some(self.fine);
        }
        is_told.then_some(self.most)
    }

    /// Returns what the remote does not take.
    pub(crate) fn into_given_up(self) -> Vec<GivenUp> {
        self.given_up
    }

    /// How many refs the next push may have.
    fn bound(&self) -> usize {
        match self.too_many {
            usize::MAX => self.most,
            too_many => self.most.min(self.fine.max(too_many / 2)).max(1),
        }
    }

    fn refused_alone(&mut self, load: Load, answer: Answer, contents: &dyn Contents) {
        let (refusal, reason) = match answer {
            Answer::Refused(refusal, reason) => (Some(refusal), reason),
            Answer::Broke(reason) => (None, reason),
            Answer::Arrived | Answer::Behind => return,
        };
        // It may be why larger pushes with it were refused, rather than their number.
        self.too_many = usize::MAX;
        let entries = load.entries.clone();
        let entries = entries.unwrap_or_else(|| (0..contents.count(load.ledger)).collect());
        if entries.len() < 2 && refusal.is_none() && self.broken < BREAKS {
            // Others first: what comes of them says whether the connection is worth a further try.
            return self.waiting.push_back(Batch { loads: vec![load], is_again: true });
        }
        if entries.len() < 2 || refusal == Some(Refusal::Denied) {
            return self.given_up.push(GivenUp { load, reason });
        }
        let blamed = contents.blamed(load.ledger, &entries, &reason);
        let (first, rest) = if blamed.is_empty() || blamed.len() == entries.len() {
            let (first, rest) = entries.split_at(entries.len() / 2);
            (first.to_vec(), rest.to_vec())
        } else {
            let (named, others) = entries.into_iter().partition(|entry| blamed.contains(entry));
            (others, named)
        };
        for entries in [first, rest] {
            let load = Load { ledger: load.ledger, entries: Some(entries) };
            self.waiting.push_back(Batch { loads: vec![load], is_again: false });
        }
    }

    /// Gives up what failed and all that waits: nothing of it arrives.
    fn give_up_all(&mut self, failed: Vec<(Load, Answer)>) {
        let mut words = String::new();
        for (load, answer) in failed {
            if let Answer::Refused(_, reason) | Answer::Broke(reason) = answer {
                words.clone_from(&reason);
                self.given_up.push(GivenUp { load, reason });
            }
        }
        for load in std::mem::take(&mut self.waiting).into_iter().flat_map(|batch| batch.loads) {
            let reason = format!("not tried again after others were refused: {words}");
            self.given_up.push(GivenUp { load, reason });
        }
    }

    fn drop_ledger(&mut self, ledger: usize) {
        for batch in &mut self.waiting {
            batch.loads.retain(|load| load.ledger != ledger);
        }
        self.waiting.retain(|batch| !batch.loads.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A host with limits, and ledgers whose entries have sizes.
    struct Host {
        most_refs: usize,
        most_bytes: usize,
        /// Bytes of a pack.
        most_pack: usize,
        /// Which pushes break.
        breaks: Vec<usize>,
        /// The entry with which every push breaks.
        breaking: Option<(usize, usize)>,
        ledgers: Vec<Vec<usize>>,
        has: BTreeSet<(usize, usize)>,
        pushes: usize,
        /// Whether it says what is wrong.
        speaks: bool,
    }

    impl Contents for Host {
        fn count(&self, ledger: usize) -> usize {
            self.ledgers[ledger].len()
        }
        fn blamed(&self, ledger: usize, entries: &[usize], words: &str) -> Vec<usize> {
            let named = |entry: &&usize| words.contains(&format!("<{ledger}:{entry}>"));
            entries.iter().filter(named).copied().collect()
        }
    }

    impl Host {
        fn new(ledgers: Vec<Vec<usize>>) -> Host {
            Host {
                most_refs: usize::MAX,
                most_bytes: usize::MAX,
                most_pack: usize::MAX,
                breaks: Vec::new(),
                breaking: None,
                ledgers,
                has: BTreeSet::new(),
                pushes: 0,
                speaks: false,
            }
        }

        fn push(&mut self, loads: &[Load]) -> Vec<Answer> {
            self.pushes += 1;
            let all = |answer: Answer| vec![answer; loads.len()];
            if self.breaks.contains(&self.pushes) {
                return all(Answer::Broke("hung up".into()));
            }
            let entries: Vec<(usize, usize)> = loads
                .iter()
                .flat_map(|load| {
                    let all = (0..self.ledgers[load.ledger].len()).collect();
                    let some: Vec<usize> = load.entries.clone().unwrap_or(all);
                    some.into_iter().map(|entry| (load.ledger, entry)).collect::<Vec<_>>()
                })
                .collect();
            if self.breaking.is_some_and(|breaking| entries.contains(&breaking)) {
                return all(Answer::Broke("hung up".into()));
            }
            let bytes = |(ledger, entry): &(usize, usize)| self.ledgers[*ledger][*entry];
            let new = entries.iter().filter(|entry| !self.has.contains(entry));
            if new.map(bytes).sum::<usize>() > self.most_pack {
                return all(Answer::Refused(Refusal::TooLarge, "pack".into()));
            }
            if loads.len() > self.most_refs {
                let told = self.speaks.then_some(self.most_refs);
                return all(if self.speaks {
                    Answer::Refused(Refusal::TooManyRefs(told), String::new())
                } else {
                    Answer::Refused(Refusal::Unclear, "declined".into())
                });
            }
            let large: Vec<String> = entries
                .iter()
                .filter(|entry| bytes(entry) > self.most_bytes)
                .map(|(ledger, entry)| format!("<{ledger}:{entry}>"))
                .collect();
            if !large.is_empty() {
                let words = if self.speaks { large.join(" ") } else { "declined".into() };
                return all(Answer::Refused(Refusal::Unclear, words));
            }
            self.has.extend(entries);
            all(Answer::Arrived)
        }

        /// Pushes all there is, and returns the entries that were given up.
        fn run(&mut self, most: usize) -> (BTreeSet<(usize, usize)>, Batches) {
            let mut batches = Batches::new(self.ledgers.len(), most);
            while let Some(loads) = batches.next() {
                let ledgers: BTreeSet<usize> = loads.iter().map(|load| load.ledger).collect();
                assert_eq!(ledgers.len(), loads.len(), "one load a ledger");
                let answers = self.push(&loads);
                batches.answered(answers, &*self);
                assert!(self.pushes < 10_000, "it ends");
            }
            let mut given_up = BTreeSet::new();
            for GivenUp { load, .. } in &batches.given_up {
                let all = (0..self.ledgers[load.ledger].len()).collect();
                for entry in load.entries.clone().unwrap_or(all) {
                    given_up.insert((load.ledger, entry));
                }
            }
            (given_up, batches)
        }
    }

    #[test]
    fn a_host_that_limits_refs_gets_all_and_the_number_that_worked_is_known() {
        for (limit, speaks, learned, pushes) in
            [(1, false, 1, 45), (5, false, 5, 14), (5, true, 5, 10), (20, false, 10, 8)]
        {
            let mut host = Host::new(vec![vec![1]; 40]);
            (host.most_refs, host.speaks) = (limit, speaks);
            let (given_up, batches) = host.run(40);
            assert!(given_up.is_empty() && host.has.len() == 40, "{limit}");
            assert!(host.pushes <= pushes, "{limit}: {} pushes", host.pushes);
            assert!(batches.learned().is_some_and(|n| n <= limit && n >= learned), "{limit}");
            // Known from the last time.
            let mut host = Host { pushes: 0, ..Host::new(vec![vec![1]; 40]) };
            host.most_refs = limit;
            host.run(limit);
            assert_eq!(host.pushes, 40_usize.div_ceil(limit));
        }
    }

    #[test]
    fn one_large_entry_keeps_no_other_back() {
        for speaks in [false, true] {
            let mut ledgers = vec![vec![1; 100]; 3];
            ledgers[1][77] = 50;
            let mut host = Host { most_bytes: 10, speaks, ..Host::new(ledgers) };
            let (given_up, batches) = host.run(20);
            assert_eq!(given_up, [(1, 77)].into());
            assert_eq!(host.has.len(), 299);
            assert!(host.pushes <= if speaks { 7 } else { 20 }, "{}", host.pushes);
            assert_eq!(batches.learned(), None, "the number of refs was fine");
        }
    }

    #[test]
    fn a_host_that_takes_nothing_is_left_alone_soon() {
        let mut host = Host { most_bytes: 0, ..Host::new(vec![vec![1; 100]; 50]) };
        let (given_up, _) = host.run(20);
        assert_eq!((given_up.len(), host.pushes), (5000, FRUITLESS));
    }

    #[test]
    fn a_push_that_broke_is_sent_once_more_before_it_is_halved() {
        let mut host = Host { breaks: vec![1, 3], ..Host::new(vec![vec![1]; 4]) };
        let (given_up, _) = host.run(2);
        assert!(given_up.is_empty());
        assert_eq!((host.has.len(), host.pushes), (4, 4));
    }

    #[test]
    fn a_single_entry_is_sent_until_too_many_pushes_in_a_row_broke() {
        for (broken, arrives) in [(BREAKS - 1, true), (BREAKS, false)] {
            let mut host = Host { breaks: (1..=broken).collect(), ..Host::new(vec![vec![1]]) };
            let (given_up, batches) = host.run(1);
            assert_eq!((given_up.is_empty(), host.has.len()), (arrives, usize::from(arrives)));
            assert_eq!(host.pushes, BREAKS);
            assert_eq!(batches.breaks_in_a_row(), if arrives { 0 } else { BREAKS });
        }
    }

    #[test]
    fn what_breaks_every_time_keeps_no_other_back_and_is_tried_again_after_the_others() {
        let mut host = Host { breaking: Some((0, 0)), ..Host::new(vec![vec![1; 3]; 9]) };
        let (given_up, _) = host.run(1);
        assert_eq!((given_up, host.has.len()), ([(0, 0)].into(), 26));
        assert!(host.pushes <= 24, "{} pushes", host.pushes);
        let mut host = Host { breaking: Some((4, 1)), ..Host::new(vec![vec![1; 40]; 9]) };
        let (given_up, _) = host.run(20);
        assert_eq!((given_up, host.has.len()), ([(4, 1)].into(), 9 * 40 - 1));
        assert!(host.pushes <= 36, "{} pushes", host.pushes);
    }

    #[test]
    fn a_connection_that_is_gone_is_left_alone_soon() {
        let mut host = Host { breaks: (1..10_000).collect(), ..Host::new(vec![vec![1; 9]; 50]) };
        let (given_up, _) = host.run(20);
        assert_eq!((given_up.len(), host.pushes), (450, FRUITLESS));
    }

    proptest! {
        #[test]
        fn all_that_a_host_can_take_arrives_and_the_rest_is_named(
            sizes in prop::collection::vec(prop::collection::vec(1_usize..10, 1..8), 1..12),
            large in prop::collection::vec((0_usize..12, 0_usize..8), 0..3),
            most_refs in 1_usize..8,
            most_pack in 40_usize..200,
            breaks in prop::collection::vec((1_usize..8, 1..BREAKS), 0..4),
            most in 1_usize..30,
            speaks: bool,
        ) {
            let mut ledgers = sizes;
            let mut expected = BTreeSet::new();
            for (ledger, entry) in large {
                if let Some(size) = ledgers.get_mut(ledger).and_then(|it| it.get_mut(entry)) {
                    *size = 30;
                    expected.insert((ledger, entry));
                }
            }
            // After some pushes that are answered come some that break.
            let mut pushes = 0;
            let breaks = breaks.into_iter().flat_map(|(answered, broken)| {
                let first = pushes + answered + 1;
                pushes = first + broken - 1;
                first..first + broken
            });
            let breaks = breaks.collect();
            let mut host = Host {
                most_refs, most_pack, most_bytes: 20, breaks, speaks, ..Host::new(ledgers)
            };
            let all: usize = host.ledgers.iter().map(Vec::len).sum();
            let (given_up, _) = host.run(most);
            prop_assert_eq!(&given_up, &expected);
            prop_assert_eq!(host.has.len(), all - expected.len());
        }
    }
}
