//! Any schedule of puts, removals, collections, pushes and pulls, held against sets of names: what
//! was pushed is a union, nothing is lost, and order does not matter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use recell::retention::{removals, remove, undo};
use recell::{Clock, Draft, EntryName, Lookup, OpenOptions, Pattern, Store, Timestamp};

use crate::collecting_garbage::collect;
use crate::support::child::child_options;
use crate::support::people::{HOST, Person};
use crate::support::servers::{GitServer, Host};
use crate::support::{assert_sound, git, key, noise};

type Names = BTreeSet<EntryName>;

/// What a store should hold.
#[derive(Default)]
struct Model {
    /// Entries that are seen.
    here: Names,
    /// Names in the ledgers as they are known here: what a pull does not bring again.
    known: Names,
    /// Removed, and not collected yet, the last last.
    trash: Vec<Names>,
}

struct Schedule {
    seed: u64,
    random: Rng,
    people: Vec<Person>,
    models: Vec<Model>,
    host: Host,
    /// What the host should hold.
    published: Names,
    contents: BTreeMap<EntryName, Vec<u8>>,
    /// Microseconds; every step is later than the one before, but for twins.
    now: i64,
    /// What was done, for a person who reads that it failed.
    steps: Vec<String>,
    // The last to go.
    _server: GitServer,
}

impl Schedule {
    fn new(seed: u64, people: usize) -> Schedule {
        let server = GitServer::folder_as_path();
        let host = server.host(HOST).append_only();
        let number = |person: usize| seed * 10 + person as u64;
        let person = |at: usize| Person::new(number(at), &server.url(HOST), &server);
        Schedule {
            seed,
            random: Rng::with_seed(seed),
            people: (0..people).map(person).collect(),
            models: (0..people).map(|_| Model::default()).collect(),
            host,
            published: Names::new(),
            contents: BTreeMap::new(),
            now: 1_795_224_240_000_000,
            steps: Vec::new(),
            _server: server,
        }
    }

    /// Opens a store whose clock stands still.
    fn store(&mut self, person: usize) -> Store {
        let now = Timestamp::from_micros(self.now);
        let mut names = self.random.fork();
        let first = names.u64(..);
        let next = std::sync::atomic::AtomicU64::new(first);
        let options = OpenOptions {
            clock: Clock::from_fn(move || now),
            random: Arc::new(move || next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)),
            ..child_options()
        };
        Store::open(&self.people[person].store_path(), options).unwrap()
    }

    fn put(&mut self, person: usize) {
        let notebook = format!("n{}.ipynb", self.random.u8(..3));
        let cell = format!("c{}", self.random.u8(..2));
        // Few different ones, so that different people put the same, some of them chunked.
        let which = self.random.u16(..6);
        let bytes = noise(
            if which == 0 { 1_300_000 } else { 200 + 31 * usize::from(which) },
            u64::from(which),
        );
        let store = self.store(person);
        let draft = Draft::new("test").output("out", "x/y", bytes.clone()).unwrap();
        let name = store.put(&key(&notebook, &cell, "m"), draft).unwrap();
        self.steps.push(format!("{person} puts {name}"));
        self.models[person].here.insert(name.clone());
        self.contents.insert(name, bytes);
    }

    fn remove(&mut self, person: usize) {
        let here: Vec<EntryName> = self.models[person].here.iter().cloned().collect();
        let gone: Vec<EntryName> = here.into_iter().filter(|_| self.random.u8(..4) == 0).collect();
        if gone.is_empty() {
            return;
        }
        let now = Timestamp::from_micros(self.now);
        self.steps.push(format!("{person} removes {gone:?}"));
        let removal = remove(&self.store(person), &gone, now).unwrap();
        assert_eq!(removal.removed, gone, "{}", self.story());
        let gone: Names = gone.into_iter().collect();
        self.models[person].here.retain(|name| !gone.contains(name));
        self.models[person].trash.push(gone);
    }

    fn undo(&mut self, person: usize) {
        let Some(names) = self.models[person].trash.pop() else { return };
        let store = self.store(person);
        let past = removals(&store).unwrap().pop().unwrap();
        self.steps.push(format!("{person} undoes the removal of {}", past.when));
        assert_eq!(past.names.into_iter().collect::<Names>(), names, "{}", self.story());
        undo(&store, past.when, &Pattern::all()).unwrap();
        self.models[person].here.extend(names);
    }

    fn collect(&mut self, person: usize) {
        self.steps.push(format!("{person} collects"));
        collect(&self.store(person)).unwrap();
        self.models[person].trash.clear();
    }

    fn push(&mut self, person: usize) {
        self.interrupt(person, "push");
        self.steps.push(format!("{person} pushes"));
        self.people[person].ok(&["push"]);
        let model = &mut self.models[person];
        model.known.extend(model.here.iter().cloned());
        self.published.extend(model.here.iter().cloned());
    }

    fn pull(&mut self, person: usize, all: bool) {
        self.interrupt(person, "pull");
        self.steps.push(format!("{person} pulls{}", if all { " all" } else { "" }));
        self.people[person].ok(if all { &["pull", "--all"] } else { &["pull"] });
        let model = &mut self.models[person];
        let new = self.published.iter().filter(|name| all || !model.known.contains(*name));
        model.here.extend(new.cloned());
        model.known.extend(self.published.iter().cloned());
    }

    /// Begins, in one of four cases, what is then done once more from the beginning.
    fn interrupt(&mut self, person: usize, what: &str) {
        if self.random.u8(..4) == 0 {
            let time = Duration::from_micros(self.random.u64(..150_000));
            self.steps.push(format!("{person} begins to {what}, and is killed after {time:?}"));
            self.people[person].kill_after(&[what], time);
        }
    }

    fn step(&mut self) {
        // Two of three steps are later: puts of the same bytes at the same time are one entry.
        self.now += i64::from(self.random.u8(..3).min(1)) * 1_000_000;
        let person = self.random.usize(..self.people.len());
        match self.random.u8(..20) {
            0..=7 => self.put(person),
            8..=9 => self.remove(person),
            10 => self.undo(person),
            11 => self.collect(person),
            12..=15 => self.push(person),
            16 => self.pull(person, true),
            _ => self.pull(person, false),
        }
        self.check(person);
    }

    /// Checks that a store holds what it should, and that what it shows can be read.
    fn check(&mut self, person: usize) {
        let store = self.store(person);
        let names: Names = store.list(&Pattern::all()).unwrap().into_iter().collect();
        let here = &self.models[person].here;
        let lost: Vec<_> = here.difference(&names).collect();
        let risen: Vec<_> = names.difference(here).collect();
        assert!(
            lost.is_empty() && risen.is_empty(),
            "{person} has lost {lost:?} and has {risen:?} which it should not{}",
            self.story()
        );
        for name in here {
            let Lookup::Hit(entry) = store.entry(name).unwrap() else {
                panic!("{person} has no {name}{}", self.story())
            };
            match entry.read("outputs/out") {
                Lookup::Hit(bytes) => assert!(bytes == self.contents[name], "{name}"),
                Lookup::Miss(miss) => panic!("{person}: {name}: {miss}{}", self.story()),
            }
        }
    }

    /// Brings all together, in any order, and checks that it then stands still.
    fn settle(&mut self) {
        let mut order: Vec<usize> = (0..self.people.len()).collect();
        self.random.shuffle(&mut order);
        for person in &order {
            self.push(*person);
        }
        self.random.shuffle(&mut order);
        for person in &order {
            self.pull(*person, false);
        }
        for person in &order {
            self.check(*person);
        }
        assert_eq!(self.of_host(), self.published, "{}", self.story());

        let state = |schedule: &Schedule| {
            let refs = schedule.people.iter().map(Person::refs).collect::<Vec<_>>();
            (schedule.host.refs(), schedule.host.objects(), refs)
        };
        let before = state(self);
        for person in order {
            self.push(person);
            self.pull(person, false);
        }
        assert!(state(self) == before, "there was nothing to do{}", self.story());

        for person in 0..self.people.len() {
            self.pull(person, true);
            self.check(person);
            assert!(self.models[person].here.is_superset(&self.published));
            assert_sound(&self.store(person), &self.story());
            git(&self.people[person].store_path(), &["fsck", "--full", "--strict"]);
        }
        git(self.host.path(), &["fsck", "--full", "--strict"]);
    }

    /// The names in all ledgers of the host, read by plain git.
    fn of_host(&self) -> Names {
        let mut found = Names::new();
        for name in self.host.refs().keys() {
            let path = name.strip_prefix("refs/recell/ledger/").unwrap();
            let (notebook, _) = path.split_once('/').unwrap().0.rsplit_once('-').unwrap();
            let tree = git(self.host.path(), &["ls-tree", "-r", "--name-only", name]);
            for line in tree.lines() {
                let segments: Vec<&str> = line.splitn(5, '/').take(4).collect();
                found.insert(format!("{notebook}/{}", segments.join("/")).parse().unwrap());
            }
        }
        found
    }

    fn story(&self) -> String {
        format!("\nseed {}, RECELL_TEST_SEED sets it:\n{}", self.seed, self.steps.join("\n"))
    }
}

fn seeds(fixed: [u64; 2]) -> Vec<u64> {
    let asked = std::env::var("RECELL_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    match asked {
        Some(seed) => vec![seed],
        None => fixed.into_iter().chain([fastrand::u64(..1_000_000)]).collect(),
    }
}

fn run(people: usize, steps: usize, fixed: [u64; 2]) {
    for seed in seeds(fixed) {
        println!("seed {seed} with {people} people");
        let mut schedule = Schedule::new(seed, people);
        for _ in 0..steps {
            schedule.step();
        }
        schedule.settle();
    }
}

#[test]
fn two_clones_hold_the_union_after_any_schedule() {
    run(2, 40, [1, 2]);
}

#[test]
fn three_clones_hold_the_union_after_any_schedule() {
    run(3, 60, [3, 4]);
}
