//! Two copies of a store that went on alone and were merged file by file are whole after a repair.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use recell::collection::{self, ChainEdit, Context};
use recell::gc::{self, GcOptions, Sealing};
use recell::retention::{pin, removal_times, remove, undo};
use recell::sync::{before_sync, on_exit};
use recell::{
    Clock, Draft, EntryName, GitEnvironment, ObjectFormat, OpenOptions, Pattern, RepairOptions,
    RepairReport, Silent, Store, Timestamp, VerifyOptions, plan_repair, repair, verify,
};

use crate::support::child::{Job, acks, assert_kept, lingering};
use crate::support::{
    TestEnv, copy_folder, files_below, git, hit, key, noise, options, put, transcript,
};

/// Every place where taking in what another copy had can die.
pub const POINTS: [&str; 3] = ["unions stored", "copy taken in", "arrivals named"];

fn now() -> Timestamp {
    Timestamp::from_micros(1_795_300_000_000_000)
}

/// Copies what is newer there, both ways, as people do.
pub fn rsync(a: &Path, b: &Path) {
    rsync_into(b, a);
    rsync_into(a, b);
}

/// Copies what is newer in `from` into `to`.
pub fn rsync_into(to: &Path, from: &Path) {
    let done = rsync_command(to, from).status();
    assert!(done.expect("the tests need rsync (Debian package rsync)").success());
}

/// The command that docs/syncing-folders.md gives.
pub fn rsync_command(to: &Path, from: &Path) -> Command {
    let mut rsync = Command::new("rsync");
    rsync.args(["-au", "--exclude", "*.lock"]);
    rsync.arg(format!("{}/", from.display())).arg(format!("{}/", to.display()));
    rsync
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
pub fn make_whole(path: &Path, context: &str) -> RepairReport {
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

pub fn names(path: &Path) -> BTreeSet<EntryName> {
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
        let draft = |random: &mut fastrand::Rng| {
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
            10 => undo_any(&store, random),
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
    Timestamp::from_micros(now().micros() + random.i64(0..1_000_000_000))
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
    merged_by_rsync(seed(), 10);
}

#[test]
fn copies_that_rsync_merged_lose_nothing_in_this_order_of_events_either() {
    // One side removes what it put, a meeting brings that to the other side's trash, the first side
    // takes it back, and then the names of the other are the newer ones.
    merged_by_rsync(526_776, 1);
}

/// One of two copies, and what its `packed-refs` said.
struct Side {
    path: PathBuf,
    /// Every name that this version of the names, or one that it grew out of, ever had, be it in
    /// the trash: a side learns of a name with the names of the other side, and if that one had
    /// removed it, then only as one that is removed.
    ever: BTreeSet<EntryName>,
    /// What it has when the sides meet.
    here: BTreeSet<EntryName>,
    trash: BTreeSet<EntryName>,
}

impl Side {
    fn look(&mut self) {
        (self.here, self.trash) = (names(&self.path), trash(&self.path));
        self.ever.extend(self.here.union(&self.trash).cloned());
    }

    fn packed(&self) -> Vec<u8> {
        std::fs::read(self.path.join("packed-refs")).unwrap_or_default()
    }
}

/// Lets two sides meet by rsync; each then has the names of one of them, and is what that one was.
/// Returns what either had; `all` gets what either ever had.
fn meet(sides: &mut [Side; 2], all: &mut BTreeSet<EntryName>) -> BTreeSet<EntryName> {
    sides.iter_mut().for_each(Side::look);
    all.extend(sides.iter().flat_map(|side| side.ever.iter()).cloned());
    let [a, b] = &*sides;
    let union = a.here.union(&b.here).cloned().collect();
    let said = [a, b]
        .map(|side| (side.packed(), (side.ever.clone(), side.here.clone(), side.trash.clone())));
    rsync(&a.path, &b.path);
    for side in sides {
        let packed = side.packed();
        let (_, of_winner) = said.iter().find(|(other, _)| *other == packed).unwrap();
        (side.ever, side.here, side.trash) = of_winner.clone();
    }
    union
}

fn merged_by_rsync(seed: u64, rounds: u64) {
    for round in 0..rounds {
        let mut random = fastrand::Rng::with_seed(seed + round);
        let env = TestEnv::new();
        let (a, b) = (env.store_path(), env.root().join("b"));
        let mut ever = BTreeSet::new();
        drop(env.create());
        work(&a, &mut random, &mut ever);
        assert!(Command::new("cp").arg("-a").args([&a, &b]).status().unwrap().success());
        let mut all = BTreeSet::new();
        let mut sides = [&a, &b].map(|path| Side {
            path: path.clone(),
            ever: ever.clone(),
            here: BTreeSet::new(),
            trash: BTreeSet::new(),
        });
        for meeting in 0..3 {
            let context = format!("seed {}, meeting {meeting}", seed + round);
            for side in &mut sides {
                work(&side.path, &mut random, &mut side.ever);
            }
            if random.bool() {
                later(if random.bool() { &a } else { &b }, Duration::from_secs(5 + meeting * 10));
            }
            let is_flushed_between = random.bool();
            let mut union = BTreeSet::new();
            if is_flushed_between {
                union.extend(meet(&mut sides, &mut all));
                for (number, side) in (1..).zip(&sides) {
                    let store = Store::open(&side.path, options()).unwrap();
                    put(&store, &key("nb.ipynb", "between", "m"), &noise(99, number));
                }
            }
            union.extend(meet(&mut sides, &mut all));
            for side in &mut sides {
                let is_collected = random.bool();
                if is_collected {
                    // What gives bytes back must not take what has no name yet.
                    let store = Store::open(&side.path, options()).unwrap();
                    let how = GcOptions::new(now());
                    let environment = GitEnvironment::new(std::env::vars_os());
                    gc::collect(&store, &how, Sealing::Never, &environment, &Silent).unwrap();
                }
                make_whole(&side.path, &context);
                let there = names(&side.path);
                // The newer names had them once, and do not have them.
                let removed: BTreeSet<&EntryName> = side.ever.difference(&side.here).collect();
                let lost: Vec<&EntryName> = union
                    .iter()
                    .filter(|name| !there.contains(*name) && !removed.contains(name))
                    .collect();
                let context = format!("{context}, {is_flushed_between}, {}", side.path.display());
                assert!(lost.is_empty(), "{context}: {lost:?}");
                assert!(there.is_superset(&side.here), "{context}: what has its name keeps it");
                assert!(there.is_subset(&all), "{context}: nothing comes of nothing");
                if !is_collected {
                    let mut wrong = side.trash.intersection(&there);
                    assert_eq!(wrong.next(), None, "{context}: what was removed stays removed");
                    assert!(trash(&side.path).is_superset(&side.trash), "{context}: undoable");
                }
            }
            sides.iter_mut().for_each(Side::look);
        }
    }
}

#[test]
fn what_the_newer_names_have_in_the_trash_is_there_though_the_older_side_took_it_back() {
    let env = TestEnv::new();
    let (a, b) = (env.store_path(), env.root().join("b"));
    put(&env.create(), &key("nb", "both", "m"), b"both");
    assert!(Command::new("cp").arg("-a").args([&a, &b]).status().unwrap().success());
    let store = Store::open(&b, options()).unwrap();
    let taken_back = put(&store, &key("nb", "b", "m"), b"of b");
    remove(&store, std::slice::from_ref(&taken_back), now()).unwrap();
    drop(store);
    later(&b, Duration::from_secs(5));
    rsync(&a, &b);
    make_whole(&a, "removed");
    make_whole(&b, "removed");
    // No name of `a` ever was that of this result, but for the one in its trash.
    assert_eq!(trash(&a), [taken_back.clone()].into());
    let store = Store::open(&b, options()).unwrap();
    undo(&store, now(), &Pattern::all()).unwrap();
    drop(store);
    let newer = put(&env.open(), &key("nb", "a", "m"), b"of a");
    later(&a, Duration::from_secs(15));
    rsync(&a, &b);
    for path in [&a, &b] {
        make_whole(path, "taken back");
        assert!(names(path).contains(&newer) && !names(path).contains(&taken_back));
        let store = Store::open(path, options()).unwrap();
        undo(&store, now(), &Pattern::all()).unwrap();
        let back = hit(&store, &key("nb", "b", "m"));
        assert_eq!(back.name(), &taken_back, "nothing is lost");
        assert_eq!(back.read("outputs/out").hit().as_deref(), Some(&b"of b"[..]));
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
            drop(rsync_command(to, from).output().unwrap());
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

/// Two copies that went on alone, merged with the names of the second as a conflicted copy.
fn in_conflict() -> (TestEnv, PathBuf, [EntryName; 3]) {
    let env = TestEnv::new();
    let b = env.root().join("b");
    let (clock, numbers) = (AtomicI64::new(1_795_224_240_000_000), AtomicU64::new(1));
    let own = OpenOptions {
        clock: Clock::from_fn(move || {
            Timestamp::from_micros(clock.fetch_add(1_000_000, Ordering::Relaxed))
        }),
        random: Arc::new(move || numbers.fetch_add(1, Ordering::Relaxed)),
        ..options()
    };
    let store = Store::create(&env.store_path(), ObjectFormat::Sha1, own.clone()).unwrap();
    let both = put(&store, &key("nb", "both", "m"), b"both");
    let tagged = "picked".parse().unwrap();
    collection::create(&store, &tagged, "", std::slice::from_ref(&both), now()).unwrap();
    store.flush().unwrap();
    copy_folder(&env.store_path(), &b);
    let of_a = put(&store, &key("nb", "a", "m"), b"of a");
    collection::add(&store, &tagged, std::slice::from_ref(&of_a), now()).unwrap();
    drop(store);
    let store = Store::open(&b, own).unwrap();
    let of_b = put(&store, &key("nb", "b", "m"), b"of b");
    collection::add(&store, &tagged, std::slice::from_ref(&of_b), now()).unwrap();
    let chain = "chain".parse().unwrap();
    collection::chain(&store, &chain, ChainEdit::Set, &[tagged], None, now()).unwrap();
    drop(store);
    let copy = "packed-refs (Anna's conflicted copy 2026-11-21)";
    std::fs::rename(b.join("packed-refs"), b.join(copy)).unwrap();
    let path = env.store_path();
    let from = format!("{}/", b.display());
    let mut rsync = Command::new("rsync");
    let merged = rsync.args(["-a", "--ignore-existing", &from]).arg(&path).status().unwrap();
    assert!(merged.success());
    (env, path, [both, of_a, of_b])
}

#[test]
fn commands_say_that_names_are_in_conflict_and_a_repair_merges_collections() {
    let (env, path, all) = in_conflict();
    std::fs::write(path.join("config (1)"), "[core]\n").unwrap();
    std::fs::write(path.join("recell/usage.sync-conflict-20261121-101500-ABCDEFG"), "").unwrap();
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["ls", "-q"],
            &["ls"],
            &["verify"],
            &["repair"],
            &["repair", "--yes"],
            &["repair"],
            &["ls"],
            &["verify", "--full"],
            &["collection", "show", "picked"],
            &["collection", "ls"],
            &["settle"],
        ]
    ));
    let context = Context::open(&env.open()).unwrap();
    let picked = context.entries(&"picked".parse().unwrap()).unwrap();
    assert_eq!(picked.into_iter().collect::<BTreeSet<_>>(), all.into_iter().collect());
}

#[test]
fn names_of_what_is_not_here_yet_are_waited_for() {
    let (env, path, [_, _, of_b]) = in_conflict();
    let aside = env.root().join("aside");
    // What came last is on its way.
    let mut packs = files_below(&env.root().join("b/objects/pack"));
    packs.retain(|pack| {
        let own = files_below(&path.join("objects/pack"));
        own.iter().any(|other| other.file_name() == pack.file_name())
    });
    let late: Vec<PathBuf> = packs
        .iter()
        .map(|pack| path.join("objects/pack").join(pack.file_name().unwrap()))
        .filter(|pack| {
            let list = std::fs::read_to_string(path.join("recell/packs")).unwrap();
            !list.contains(pack.file_stem().unwrap().to_str().unwrap())
        })
        .collect();
    assert!(!late.is_empty());
    std::fs::create_dir_all(&aside).unwrap();
    for pack in &late {
        std::fs::rename(pack, aside.join(pack.file_name().unwrap())).unwrap();
    }
    let repaired = env.recell(&["repair", "--yes", "--json"]).run();
    assert_eq!(repaired.code(), 4);
    let told = String::from_utf8_lossy(&repaired.output.stdout).into_owned();
    assert!(told.contains(of_b.as_str()), "{told}");
    for pack in &late {
        std::fs::rename(aside.join(pack.file_name().unwrap()), pack).unwrap();
    }
    env.recell(&["repair", "--yes"]).ok();
    make_whole(&path, "now it is here");
    assert!(names(&path).contains(&of_b));
}

#[test]
fn a_crash_while_names_are_taken_in_loses_none() {
    for point in POINTS.into_iter().chain(["refs renamed"]) {
        for is_in_conflict in [true, false] {
            let (env, path, all) = in_conflict();
            if !is_in_conflict {
                let copies = files_below(&path).into_iter();
                let mut copies = copies.filter(|p| p.to_str().unwrap().contains("conflicted"));
                std::fs::remove_file(copies.next().unwrap()).unwrap();
                assert!(point != "copy taken in" || copies.next().is_none());
            }
            let job = Job { crash_at: point.into(), ..Job::new("repair", &path, 1) };
            let died = job.command().output().unwrap();
            let stderr = String::from_utf8_lossy(&died.stderr);
            assert!(!stderr.contains("panicked"), "{point}: {stderr}");
            let is_reached = is_in_conflict || ["arrivals named", "refs renamed"].contains(&point);
            assert_eq!(!died.status.success(), is_reached, "{point} {is_in_conflict}: {stderr}");
            make_whole(&path, point);
            let there = names(&path);
            assert!(all.iter().all(|name| there.contains(name)), "{point}");
            drop(env);
        }
    }
}

#[test]
fn what_was_forgotten_does_not_come_back_with_a_copy() {
    use recell::Digest;
    for is_in_conflict in [true, false] {
        let (_env, path, [_, _, of_b]) = in_conflict();
        if !is_in_conflict {
            let copies = files_below(&path).into_iter();
            let mut copies = copies.filter(|p| p.to_str().unwrap().contains("conflicted"));
            std::fs::remove_file(copies.next().unwrap()).unwrap();
        }
        let digits = Digest::of(of_b.as_str().as_bytes()).short(32);
        let run = |args: &[&str]| git(&path, args).trim().to_owned();
        let blob = run(&["hash-object", "-w", "/dev/null"]);
        let below = with_input(&path, &format!("100644 blob {blob}\t{}\n", &digits[2..]));
        let tree = with_input(&path, &format!("040000 tree {below}\t{}\n", &digits[..2]));
        let commit =
            run(&["-c", "user.name=a", "-c", "user.email=a", "commit-tree", &tree, "-m", "forget"]);
        run(&["update-ref", "refs/recell/forgotten", &commit]);
        make_whole(&path, "forgotten");
        assert!(!names(&path).contains(&of_b), "{is_in_conflict}");
    }
}

fn with_input(path: &Path, text: &str) -> String {
    use std::io::Write;
    let mut child = Command::new("git")
        .arg("-C")
        .arg(path)
        .arg("mktree")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
