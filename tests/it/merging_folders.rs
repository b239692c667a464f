//! Two copies of a store that went on alone and were merged file by file are whole after a repair.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use recell::collection::{self, Context};
use recell::gc::{self, GcOptions, Sealing};
use recell::retention::{pin, removal_times, remove, undo};
use recell::sync::{before_sync, on_exit};
use recell::{
    Draft, EntryName, GitEnvironment, Pattern, RepairOptions, RepairReport, Silent, Store,
    Timestamp, VerifyOptions, plan_repair, repair, verify,
};

use crate::support::child::{Job, acks, assert_kept, lingering};
use crate::support::{TestEnv, copy_folder, files_below, git, key, noise, options, put};

/// Every place where taking in what another copy had can die.
pub const POINTS: [&str; 3] = ["unions stored", "copy taken in", "arrivals named"];

fn now() -> Timestamp {
    Timestamp::from_micros(1_795_300_000_000_000)
}

/// Copies what is newer there, both ways, as people do.
fn rsync(a: &Path, b: &Path) {
    for (from, to) in [(a, b), (b, a)] {
        let done = Command::new("rsync")
            .arg("-au")
            .arg(format!("{}/", from.display()))
            .arg(format!("{}/", to.display()))
            .status()
            .expect("the tests need rsync (Debian package rsync)");
        assert!(done.success());
    }
}

/// Moves all files of a copy into the future, as if it had been worked on later.
fn later(folder: &Path, by: Duration) {
    for path in files_below(folder) {
        let time = std::fs::metadata(&path).unwrap().modified().unwrap() + by;
        let mut options = std::fs::OpenOptions::new();
        let file = options.read(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
    }
}

/// What sync tools call the file that lost.
fn conflicted(name: &str, style: usize) -> String {
    let (stem, end) = match name.rsplit_once('.') {
        Some((stem, end)) if !stem.is_empty() => (stem, format!(".{end}")),
        _ => (name, String::new()),
    };
    match style % 5 {
        0 => format!("{stem} (Anna's conflicted copy 2026-11-21){end}"),
        1 => format!("{stem}.sync-conflict-20261121-101500-ABCDEFG{end}"),
        2 => format!("{stem} (1){end}"),
        3 => format!("{stem}-HOSTNAME-2{end}"),
        _ => format!("~{stem}{end}"),
    }
}

/// Merges two folders as a sync tool does: of a file that differs, both have both afterwards.
fn sync_tool(a: &Path, b: &Path, random: &mut fastrand::Rng) {
    let of = |root: &Path| -> BTreeMap<PathBuf, Vec<u8>> {
        let files = files_below(root).into_iter();
        files
            .map(|p| (p.strip_prefix(root).unwrap().to_owned(), std::fs::read(p).unwrap()))
            .collect()
    };
    let (ours, theirs) = (of(a), of(b));
    let mut all: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    let style = random.usize(..);
    let a_wins = random.bool();
    for path in ours.keys().chain(theirs.keys()) {
        let (winner, loser) = match (ours.get(path), theirs.get(path)) {
            (Some(one), Some(two)) if one != two => {
                if a_wins {
                    (one, Some(two))
                } else {
                    (two, Some(one))
                }
            }
            (one, two) => (one.or(two).unwrap(), None),
        };
        all.insert(path.clone(), winner.clone());
        if let Some(loser) = loser {
            let name = conflicted(path.file_name().unwrap().to_str().unwrap(), style);
            all.insert(path.with_file_name(name), loser.clone());
        }
    }
    for root in [a, b] {
        std::fs::remove_dir_all(root).unwrap();
        for (path, bytes) in &all {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        std::fs::create_dir_all(root.join("refs/heads")).unwrap();
        std::fs::create_dir_all(root.join("refs/tags")).unwrap();
    }
}

/// Repairs, and checks what every repair of a merged folder promises.
fn make_whole(path: &Path, context: &str) -> RepairReport {
    let store = Store::open(path, options()).unwrap();
    let how = RepairOptions { all_names: false, now: now() };
    let plan = plan_repair(&store, &how, &Silent).unwrap();
    let mut report = repair(&store, &plan, &how, &Silent).unwrap();
    collection::merge_parked(&store, now()).unwrap();
    report.left.retain(|problem| problem.code != "parked_collection");
    assert_eq!((&report.left[..], &report.lost[..]), (&[][..], &[][..]), "{context}");
    store.flush().unwrap();
    let check = verify(&store, VerifyOptions { full: true }, &Silent).unwrap();
    assert_eq!(check.problems, [], "{context}");
    git(path, &["fsck", "--strict", "--full"]);
    let before = state_of(path);
    let again = plan_repair(&store, &how, &Silent).unwrap();
    assert!(again.is_empty(), "{context}: {again:?}");
    repair(&store, &again, &how, &Silent).unwrap();
    assert_eq!(state_of(path), before, "{context}: a second repair changes nothing");
    report
}

/// Every file with its bytes and its time.
fn state_of(path: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let files = files_below(path).into_iter();
    files
        .map(|path| {
            let time = std::fs::metadata(&path).unwrap().modified().unwrap();
            let bytes = std::fs::read(&path).unwrap();
            (path, (bytes, time))
        })
        .collect()
}

fn names(path: &Path) -> BTreeSet<EntryName> {
    let store = Store::open(path, options()).unwrap();
    store.list(&Pattern::all()).unwrap().into_iter().collect()
}

fn refs(path: &Path, folder: &str) -> BTreeSet<String> {
    let listed = git(path, &["for-each-ref", "--format=%(refname)", folder]);
    listed.lines().map(str::to_owned).collect()
}

/// The names of entries below a folder of refs: of pins, of the trash.
fn entries_below(path: &Path, folder: &str, skipped: usize) -> BTreeSet<EntryName> {
    let names = refs(path, folder);
    let names = names.iter().map(|name| name.splitn(skipped + 1, '/').last().unwrap().to_owned());
    names.filter_map(|name| name.parse().ok()).collect()
}

fn trash(path: &Path) -> BTreeSet<EntryName> {
    entries_below(path, "refs/recell/trash", 4)
}

fn pins(path: &Path) -> BTreeSet<EntryName> {
    entries_below(path, "refs/recell/pin", 3)
}

/// Works on one copy for a while; `ever` gets every name that was there at some time.
fn work(path: &Path, random: &mut fastrand::Rng, ever: &mut BTreeSet<EntryName>) {
    let store = Store::open(path, options()).unwrap();
    for _ in 0..random.usize(3..12) {
        let some: Vec<EntryName> = store
            .list(&Pattern::all())
            .unwrap()
            .into_iter()
            .filter(|_| random.u8(..) < 50)
            .take(4)
            .collect();
        let mut draft = |random: &mut fastrand::Rng| {
            let bytes = noise(random.usize(10..3_000), random.u64(..));
            let key = key("nb.ipynb", &format!("c{}", random.u8(..5)), "m");
            (key, Draft::new("test").output("out", "x/y", bytes).unwrap())
        };
        match random.u8(..12) {
            0..5 => {
                let (key, draft) = draft(random);
                store.put(&key, draft).unwrap();
            }
            5 => {
                let many = (0..random.usize(1..6)).map(|_| draft(random)).collect();
                store.put_many(many).unwrap();
            }
            6 => drop(store.flush().unwrap()),
            7 => drop(before_sync(&store).unwrap()),
            8 => drop(remove(&store, &some, moment(random)).unwrap()),
            9 => drop(pin(&store, &some).unwrap()),
            10 => drop(undo_any(&store, random)),
            _ => {
                let how = GcOptions::new(now());
                let environment = GitEnvironment::new(std::env::vars_os());
                gc::collect(&store, &how, Sealing::Never, &environment, &Silent).unwrap();
            }
        }
        ever.extend(store.list(&Pattern::all()).unwrap());
    }
}

fn moment(random: &mut fastrand::Rng) -> Timestamp {
    Timestamp::from_micros(now().micros() + random.i64(..1_000_000_000))
}

fn undo_any(store: &Store, random: &mut fastrand::Rng) {
    let times = removal_times(store).unwrap();
    if let Some((when, _)) = random.choice(&times) {
        undo(store, *when, &Pattern::all()).unwrap();
    }
}

fn seed() -> u64 {
    let seed = std::env::var("RECELL_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("RECELL_TEST_SEED={seed}");
    seed
}

#[test]
fn copies_that_a_sync_tool_merged_have_the_union_after_a_repair() {
    let seed = seed();
    for round in 0..10 {
        let mut random = fastrand::Rng::with_seed(seed + round);
        let env = TestEnv::new();
        let (a, b) = (env.store_path(), env.root().join("b"));
        let mut ever = BTreeSet::new();
        drop(env.create());
        work(&a, &mut random, &mut ever);
        copy_folder(&a, &b);
        for meeting in 0..3 {
            let context = format!("seed {}, meeting {meeting}", seed + round);
            work(&a, &mut random, &mut ever);
            work(&b, &mut random, &mut ever);
            let union: BTreeSet<EntryName> = names(&a).union(&names(&b)).cloned().collect();
            let pinned: BTreeSet<EntryName> = pins(&a).union(&pins(&b)).cloned().collect();
            sync_tool(&a, &b, &mut random);
            for path in [&a, &b] {
                make_whole(path, &context);
                let there = names(path);
                assert_eq!(there, union, "{context}");
                assert_eq!(pins(path), pinned, "{context}");
            }
        }
    }
}

#[test]
fn copies_that_rsync_merged_lose_nothing_but_what_the_newer_side_removed() {
    let seed = seed();
    for round in 0..10 {
        let mut random = fastrand::Rng::with_seed(seed + round);
        let env = TestEnv::new();
        let (a, b) = (env.store_path(), env.root().join("b"));
        let mut ever_a = BTreeSet::new();
        drop(env.create());
        work(&a, &mut random, &mut ever_a);
        assert!(Command::new("cp").arg("-a").args([&a, &b]).status().unwrap().success());
        let mut ever_b = ever_a.clone();
        for meeting in 0..3 {
            let context = format!("seed {}, meeting {meeting}", seed + round);
            work(&a, &mut random, &mut ever_a);
            work(&b, &mut random, &mut ever_b);
            if random.bool() {
                later(if random.bool() { &a } else { &b }, Duration::from_secs(5 + meeting * 10));
            }
            let (in_a, in_b) = (names(&a), names(&b));
            let packed = |path: &Path| std::fs::read(path.join("packed-refs")).unwrap_or_default();
            let before = packed(&a);
            let is_flushed_between = random.bool();
            if is_flushed_between {
                rsync(&a, &b);
                for (path, number) in [(&a, 1), (&b, 2)] {
                    let store = Store::open(path, options()).unwrap();
                    let name = put(&store, &key("nb.ipynb", "between", "m"), &noise(99, number));
                    let ever = if number == 1 { &mut ever_a } else { &mut ever_b };
                    ever.insert(name);
                }
            }
            rsync(&a, &b);
            for path in [&a, &b] {
                let is_a = packed(path) == before;
                if random.bool() {
                    // What gives bytes back must not take what has no name yet.
                    let store = Store::open(path, options()).unwrap();
                    let how = GcOptions::new(now());
                    let environment = GitEnvironment::new(std::env::vars_os());
                    gc::collect(&store, &how, Sealing::Never, &environment, &Silent).unwrap();
                }
                make_whole(path, &context);
                let there = names(path);
                let is_removed = |name: &EntryName| {
                    let by_a = ever_a.contains(name) && !in_a.contains(name);
                    let by_b = ever_b.contains(name) && !in_b.contains(name);
                    if is_flushed_between {
                        by_a || by_b
                    } else if is_a {
                        by_a
                    } else {
                        by_b
                    }
                };
                let union = in_a.union(&in_b);
                let lost: Vec<_> =
                    union.filter(|it| !there.contains(*it) && !is_removed(it)).collect();
                assert!(
                    lost.is_empty(),
                    "{context}: {lost:?} of {}, {is_a} {is_flushed_between}",
                    path.display()
                );
                let is_known = |name: &EntryName| ever_a.contains(name) || ever_b.contains(name);
                assert!(there.iter().all(is_known), "{context}: nothing comes of nothing");
            }
            ever_a.extend(names(&a));
            ever_b.extend(names(&b));
        }
    }
}

#[test]
fn settling_twice_changes_no_byte_and_no_time() {
    let env = TestEnv::new();
    let store = env.create();
    for number in 0..5 {
        put(&store, &key("nb.ipynb", &format!("c{number}"), "m"), &noise(500, number));
        store.flush().unwrap();
    }
    put(&store, &key("nb.ipynb", "last", "m"), b"in the journal");
    let (dead, written) = lingering(&env.store_path(), 3);
    drop(dead);
    let first = before_sync(&store).unwrap();
    assert_eq!((first.flushed.entries, first.flushed.recovered_journals), (4, 1));
    assert_eq!(first.joined_packs + first.flushed.merged_packs, 7, "all became one");
    assert_eq!((first.writers, first.conflicted.len()), (0, 0));
    let packs = files_below(&env.store_path().join("objects/pack"));
    assert_eq!(packs.len(), 2, "a pack and its index: {packs:?}");
    let before = state_of(&env.store_path());
    let second = before_sync(&store).unwrap();
    assert!(second.is_nothing(), "{second:?}");
    assert!(on_exit(&store).unwrap().is_nothing());
    drop(store);
    assert_eq!(state_of(&env.store_path()), before);
    for args in [&["settle"][..], &["settle", "--json"]] {
        env.recell(args).ok();
        assert_eq!(state_of(&env.store_path()), before, "{args:?}");
    }
    assert_kept(&env.open(), &written, "what a dead writer left");
    env.assert_at_rest("settled");
}

#[test]
fn what_is_in_the_journals_of_two_copies_is_in_both_after_a_flush() {
    let env = TestEnv::new();
    let (a, b) = (env.store_path(), env.root().join("b"));
    put(&env.create(), &key("nb", "both", "m"), b"both");
    copy_folder(&a, &b);
    let (dead_a, in_a) = lingering(&a, 5);
    let (dead_b, in_b) = lingering(&b, 7);
    drop((dead_a, dead_b));
    rsync(&a, &b);
    for path in [&a, &b] {
        make_whole(path, "journals");
        let store = Store::open(path, options()).unwrap();
        assert_kept(&store, &in_a, "of the one");
        assert_kept(&store, &in_b, "of the other");
    }
}

#[test]
fn what_a_living_writer_puts_while_its_folder_is_copied_both_ways_is_not_lost() {
    let env = TestEnv::new();
    let (a, b) = (env.store_path(), env.root().join("b"));
    put(&env.create(), &key("nb", "both", "m"), b"both");
    copy_folder(&a, &b);
    let job = Job { count: 60, flush_every: 7, rest: 5, ..Job::new("write", &a, 3) };
    let mut child = job.start();
    let mut others = Vec::new();
    while child.0.try_wait().unwrap().is_none() {
        let store = Store::open(&b, options()).unwrap();
        others.push(put(&store, &key("nb", "other", "m"), &noise(300, others.len() as u64)));
        drop(store);
        // A file may go while it is copied: rsync says so, and goes on.
        for (from, to) in [(&a, &b), (&b, &a)] {
            let (from, to) = (format!("{}/", from.display()), format!("{}/", to.display()));
            let mut rsync = Command::new("rsync");
            drop(rsync.args(["-au", "-q", &from, &to]).output().unwrap());
        }
    }
    let acknowledged = acks(&job.acks);
    assert_eq!(acknowledged.len(), 60);
    rsync(&a, &b);
    for path in [&a, &b] {
        Store::open(path, options()).unwrap().flush().unwrap();
        make_whole(path, "beside a living writer");
        let store = Store::open(path, options()).unwrap();
        assert_kept(&store, &acknowledged, "of the living writer");
        let there = names(path);
        assert!(others.iter().all(|name| there.contains(name)));
    }
}
