//! Entries that no rule keeps go to the trash, and come back.

use std::cell::Cell;

use recell::retention::{
    Caps, Keep, Protection, Rules, Stock, after_flush, pin, pins, plan, prune, removals, remove,
    remove_with_pins, undo, unpin,
};
use recell::{
    Clock, EntryName, Lookup, ObjectFormat, OpenOptions, Pattern, Result, Store, Timestamp, Zone,
};

use crate::cli::workspace;
use crate::support::child::{Job, acks, assert_kept};
use crate::support::{TestEnv, git, hit, key, noise, options, out, put, transcript};

const LATER: i64 = 1_895_225_000_000_000;

fn now() -> Timestamp {
    Timestamp::from_micros(LATER)
}

fn keep_last(number: u32) -> Rules {
    Rules::of(Keep { last: Some(number), ..Keep::default() }, Caps::default())
}

fn planned(store: &Store, rules: &Rules) -> recell::retention::Plan {
    let stock = Stock::read(store, &Pattern::all()).unwrap();
    let protection = Protection { pins: pins(store).unwrap(), ..Protection::default() };
    plan(&stock, rules, &protection, now(), Zone::Utc)
}

fn pinned(store: &Store) -> impl Fn() -> Result<Protection> {
    let store = store.clone();
    move || Ok(Protection { pins: pins(&store)?, ..Protection::default() })
}

/// Puts `count` results of one cell.
fn versions(store: &Store, cell: &str, count: u64) -> Vec<EntryName> {
    (0..count).map(|n| put(store, &key("nb", cell, "m"), &noise(4000, n + 1))).collect()
}

#[test]
fn what_no_rule_keeps_goes_and_comes_back_whole() {
    let env = TestEnv::new();
    let store = env.create();
    let names = versions(&store, "a", 5);
    let other = put(&store, &key("nb", "b", "m"), &noise(4000, 1));
    let before = env.open().list(&Pattern::all()).unwrap();
    store.flush().unwrap();
    let refs = env.git(&["for-each-ref"]);
    let plan = planned(&store, &keep_last(2));
    let gone: Vec<&EntryName> = plan.removed().map(|decision| &decision.name).collect();
    assert_eq!(gone, names[..3].iter().collect::<Vec<_>>());
    // The first of them has the same bytes as the other cell's.
    assert!((8000..10_000).contains(&plan.bytes_freed), "{}", plan.bytes_freed);
    let pruned = prune(&store, &plan, &pinned(&store), now()).unwrap();
    assert_eq!(pruned.removed, names[..3]);
    assert!(pruned.spared.is_empty() && pruned.missing.is_empty());
    assert_eq!(env.open().list(&Pattern::all()).unwrap().len(), 3);
    assert!(matches!(store.entry(&names[0]).unwrap(), Lookup::Miss(_)));
    assert_eq!(planned(&store, &keep_last(2)).removed().count(), 0, "nothing more to do");
    let past = removals(&store).unwrap();
    assert_eq!(past.len(), 1);
    assert_eq!((past[0].when, past[0].names.as_slice()), (now(), &names[..3]));
    assert_eq!(past[0].bytes, plan.bytes_freed, "as the plan said");
    env.assert_at_rest("pruned");
    assert_eq!(undo(&store, now(), &Pattern::all()).unwrap(), names[..3]);
    assert_eq!(env.git(&["for-each-ref"]), refs, "all is as it was");
    assert_eq!(env.open().list(&Pattern::all()).unwrap(), before);
    assert_eq!(hit(&store, &key("nb", "b", "m")).name(), &other);
    assert_eq!(undo(&store, now(), &Pattern::all()).unwrap(), [], "once");
    env.assert_at_rest("back");
}

#[test]
fn each_removal_comes_back_by_itself() {
    let env = TestEnv::new();
    let store = env.create();
    let names = versions(&store, "a", 4);
    remove(&store, &names[..1], now()).unwrap();
    remove(&store, &names[1..3], now()).unwrap();
    let past = removals(&store).unwrap();
    assert_eq!(past.iter().map(|it| it.names.len()).collect::<Vec<_>>(), [1, 2]);
    assert!(past[0].when < past[1].when, "of one moment, yet apart");
    assert_eq!(undo(&store, past[1].when, &Pattern::all()).unwrap(), names[1..3]);
    assert_eq!(store.list(&Pattern::all()).unwrap(), names[1..]);
    // What was put again meanwhile is the same, and in nobody's way.
    assert_eq!(undo(&store, past[0].when, &Pattern::all()).unwrap(), names[..1]);
    assert!(removals(&store).unwrap().is_empty());
}

#[test]
fn a_pin_keeps_an_entry_from_rules_from_rm_and_from_gits_own_gc() {
    let env = TestEnv::new();
    let store = env.create();
    let names = versions(&store, "a", 3);
    let report = pin(&store, &names[..1]).unwrap();
    assert_eq!(report.changed, names[..1]);
    assert_eq!(pin(&env.open(), &names[..1]).unwrap().unchanged, names[..1]);
    let pin_ref = format!("refs/recell/pin/{}", names[0]);
    let tree = env.git(&["rev-parse", &pin_ref]);
    assert_eq!(tree, env.git(&["rev-parse", &format!("refs/tags/{}", names[0])]));
    let plan = planned(&store, &keep_last(1));
    assert_eq!(plan.removed().count(), 1);
    assert_eq!(plan.decisions[0].reasons[0].code(), "pinned");
    let refused = remove(&store, &names, now()).unwrap();
    assert_eq!((refused.pinned.as_slice(), refused.removed.len()), (&names[..1], 2));
    let unpinned = unpin(&store, &names[..2]).unwrap();
    assert_eq!((unpinned.changed, unpinned.unknown), (names[..1].to_vec(), names[1..2].to_vec()));
    assert!(pins(&store).unwrap().is_empty());
    // A pin that plain git made counts, and goes with its entry.
    env.git(&["update-ref", &pin_ref, tree.trim()]);
    assert!(pins(&store).unwrap().contains(&names[0]));
    assert_eq!(remove_with_pins(&store, &names[..1], now()).unwrap().removed, names[..1]);
    assert!(pins(&store).unwrap().is_empty());
    env.assert_at_rest("unpinned");
}

#[test]
fn what_is_pinned_or_put_after_the_plan_stays() {
    let env = TestEnv::new();
    let store = env.create();
    let names = versions(&store, "a", 4);
    store.flush().unwrap();
    let plan = planned(&store, &keep_last(1));
    assert_eq!(plan.removed().count(), 3);
    let other = env.open();
    pin(&other, &names[..1]).unwrap();
    remove(&other, &names[1..2], now()).unwrap();
    let newest = put(&other, &key("nb", "a", "m"), b"newer");
    other.flush().unwrap();
    // Asked under the lock, and only then.
    let asked = Cell::new(0);
    let protection = || {
        asked.set(asked.get() + 1);
        pinned(&store)()
    };
    let pruned = prune(&store, &plan, &protection, now()).unwrap();
    assert_eq!(asked.get(), 1);
    assert_eq!(pruned.spared, names[..1]);
    assert_eq!(pruned.missing, names[1..2]);
    assert_eq!(pruned.removed, names[2..3]);
    let left: Vec<EntryName> = env.open().list(&Pattern::all()).unwrap();
    assert_eq!(left, [names[0].clone(), names[3].clone(), newest]);
    env.assert_at_rest("pruned");
}

#[test]
fn a_process_that_writes_meanwhile_loses_nothing() {
    let env = TestEnv::new();
    let store = env.create();
    let ours = versions(&store, "a", 50);
    store.flush().unwrap();
    let job = Job { count: 200, flush_every: 20, ..Job::new("write", &env.store_path(), 1) };
    let mut child = job.start();
    let mut removed = Vec::new();
    for round in 0..8 {
        let caps = Caps { entries: Some(50 - 5 * round), bytes: None };
        let mut plan = planned(&store, &Rules::of(Keep::default(), caps));
        // The other may not have flushed: what it put is in no plan of ours.
        plan.decisions.retain(|decision| ours.contains(&decision.name));
        removed.extend(prune(&store, &plan, &pinned(&store), now()).unwrap().removed);
    }
    assert!(child.0.wait().unwrap().success());
    assert!(removed.len() >= 35, "{}", removed.len());
    let store = env.open();
    assert_kept(&store, &acks(&job.acks), "pruned beside a writer");
    store.flush().unwrap();
    for past in removals(&store).unwrap() {
        undo(&store, past.when, &Pattern::all()).unwrap();
    }
    assert!(ours.iter().all(|name| store.entry(name).unwrap().hit().is_some()));
    assert_kept(&store, &acks(&job.acks), "undone beside a writer");
    env.assert_at_rest("pruned beside a writer");
}

#[test]
fn under_a_cap_what_was_handed_out_last_stays() {
    let env = TestEnv::new();
    let store = env.create();
    let names = versions(&store, "a", 4);
    for cell in ["b", "c"] {
        put(&store, &key("nb", cell, "m"), cell.as_bytes());
    }
    store.flush().unwrap();
    // An hour later the oldest is read.
    let later = Timestamp::from_micros(LATER - 1_000_000);
    let reader =
        Store::open(&env.store_path(), OpenOptions { clock: Clock::fixed(later), ..options() })
            .unwrap();
    let Lookup::Hit(entry) = reader.entry(&names[0]).unwrap() else { panic!("a miss") };
    entry.mark_used();
    drop(entry);
    assert_eq!(out(&reader, &key("nb", "b", "m")), b"b");
    drop(reader);
    let rules = Rules::of(Keep::default(), Caps { entries: Some(2), bytes: None });
    let left: Vec<String> =
        planned(&store, &rules).kept().map(|decision| decision.name.cell().into_owned()).collect();
    assert_eq!(left, ["a", "b"], "the oldest of all, but in use");
    // Without the log, the newest stay.
    std::fs::remove_file(env.store_path().join("recell/usage")).unwrap();
    let left: Vec<String> =
        planned(&store, &rules).kept().map(|decision| decision.name.cell().into_owned()).collect();
    assert_eq!(left, ["b", "c"]);
    std::fs::write(env.store_path().join("recell/usage"), noise(1000, 7)).unwrap();
    assert_eq!(planned(&store, &rules).removed().count(), 4, "damage is as good as no log");
}

#[test]
fn caps_are_kept_after_a_flush_and_no_plan_is_made_before_one_may_be_passed() {
    let env = TestEnv::new();
    let store = env.create();
    let rules = Rules::of(Keep::default(), Caps { bytes: Some(100_000), entries: None });
    let asked = Cell::new(0);
    let protection = || {
        asked.set(asked.get() + 1);
        pinned(&store)()
    };
    let mut removed = 0;
    let mut plans = 0;
    for n in 0..100_u64 {
        put(&store, &key("nb", &format!("c{n}"), "m"), &noise(4000, n));
        store.flush().unwrap();
        let before = asked.get();
        let done = after_flush(&store, &rules, &protection, now(), Zone::Utc).unwrap();
        plans += usize::from(asked.get() > before);
        removed += done.map_or(0, |done| done.pruned.removed.len());
        let kept = planned(&store, &Rules::default()).bytes_kept;
        assert!(kept <= 106_000, "{kept} after {n}");
    }
    assert!((70..85).contains(&removed), "{removed}");
    assert!(plans < 60, "{plans}");
    let left = store.list(&Pattern::all()).unwrap();
    assert!(left.iter().all(|name| name.cell()[1..].parse::<u64>().unwrap() >= 70), "{left:?}");
    assert_eq!(left.len() + removed, 100, "the rest is in the trash");
    // No cap, no look at anything.
    let free = Rules::of(Keep { last: Some(1), ..Keep::default() }, Caps::default());
    assert_eq!(after_flush(&store, &free, &protection, now(), Zone::Utc).unwrap(), None);
    // Pins hinder: that is told.
    pin(&store, &left).unwrap();
    let tight = Rules::of(Keep::default(), Caps { bytes: Some(10_000), entries: None });
    let done = after_flush(&store, &tight, &protection, now(), Zone::Utc).unwrap().unwrap();
    assert_eq!((done.pruned.removed.len(), done.unmet.len()), (0, 1));
    env.assert_at_rest("below the cap");
}

#[test]
fn a_clock_that_runs_ahead_deletes_nothing_and_displaces_nothing() {
    let env = TestEnv::new();
    let path = env.store_path();
    let ahead = OpenOptions { clock: Clock::fixed(Timestamp::from_micros(LATER * 2)), ..options() };
    let wrong = Store::create(&path, ObjectFormat::Sha1, ahead).unwrap();
    let future = put(&wrong, &key("nb", "a", "wrong"), b"wrong");
    drop(wrong);
    let store = env.open();
    let names = versions(&store, "a", 2);
    store.flush().unwrap();
    let plan = planned(&store, &keep_last(1));
    let kept: Vec<&EntryName> = plan.kept().map(|decision| &decision.name).collect();
    assert_eq!(kept, [&names[1], &future]);
}

fn run(n: u32) -> String {
    format!("202611{n:02}T101500.000000Z")
}

#[test]
fn prune_shows_its_plan_and_undo_takes_it_back() {
    let env = workspace();
    for n in 16..21 {
        let value = format!("{n}");
        env.recell(&["put", "nb:load:m", "x=-"]).input(value).with("RECELL_NOW", &run(n)).ok();
    }
    env.recell(&["put", "nb:plot:m", "x=-"]).input("p").with("RECELL_NOW", &run(2)).ok();
    let list = ["undo", "--list"];
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["prune"],
            &["prune", "--keep-last", "2"],
            &["prune", "--keep-last", "2", "--dry-run", "--kept"],
            &["pin", "nb:plot"],
            &["pin", "--list"],
            &["prune", "--keep-within", "2 days", "--yes"],
            &["ls"],
            &list,
            &["rm", "nb:plot"],
            &["rm", "nb:plot", "--dry-run", "--force"],
            &["undo", "2025"],
            &["undo"],
            &["undo"],
            &list,
            &["unpin", "nb:plot"],
            &["unpin", "nb:plot"],
            &["pin", "--all", "nb", "--quiet"],
            &["unpin", "--all", "nb:l*"],
            &["unpin", "--all"],
            &["prune", "nb:load", "--max-entries", "1", "--json", "--yes"],
            &["undo", "2026-11-21", "--only", "nb:load", "--json"],
            &["prune", "--keep-within", "2 moons"],
        ],
    ));
    env.assert_at_rest("undone");
}

#[test]
fn rules_of_the_settings_count_and_a_cap_is_kept_unasked() {
    let env = workspace();
    let settings = "[retention]\nmax_entries = 3\nkeep_daily = 5\n\n\
                    [[retention.rule]]\nmatch = 'scratch/*'\nkeep_last = 1\nkeep_daily = 'none'\n";
    env.write("recell.toml", settings);
    let mut shown = String::new();
    for (n, key) in (1..).zip(["scratch/a:c:m", "scratch/a:c:m", "nb:a:m", "nb:b:m"]) {
        let now = run(n);
        let line = ["put", key, "x=-"];
        let ran = env.recell(&line).input(format!("{n}")).with("RECELL_NOW", &now).run();
        shown.extend([ran.to_string(), "\n".into()]);
    }
    shown += &transcript(&env, &[&["prune", "--dry-run", "--kept"], &["undo"], &["prune", "-n"]]);
    insta::assert_snapshot!(shown);
}

#[test]
fn closure_keeps_what_the_notebooks_can_still_produce() {
    let env = workspace();
    crate::cli::notebook(&env, "sales.ipynb", "sales.ipynb");
    env.recell(&["record", "sales.ipynb"]).with("RECELL_NOW", &run(1)).ok();
    let first = env.recell(&["ls"]).ok();
    crate::cli::notebook(&env, "sales.ipynb", "second-run/sales.ipynb");
    env.recell(&["record", "sales.ipynb"]).with("RECELL_NOW", &run(2)).ok();
    let both = env.recell(&["ls"]).ok();
    assert!(both.lines().count() > first.lines().count());
    env.write("recell.toml", "[retention]\nclosure = true\n");
    // Everything is older than an hour.
    env.recell(&["prune", "--keep-within", "1h", "--yes"]).ok();
    env.recell(&["restore", "sales.ipynb", "--check"]).ok();
    env.recell(&["strip", "--no-record", "sales.ipynb"]).ok();
    env.recell(&["restore", "sales.ipynb"]).ok();
    let restored = std::fs::read(env.root().join("sales.ipynb")).unwrap();
    let fixture = crate::support::fixtures::fixtures().join("second-run/sales.ipynb");
    assert!(restored == std::fs::read(fixture).unwrap(), "the second run is whole");
    let left = env.recell(&["ls"]).ok();
    assert!(left.lines().count() < both.lines().count(), "the first run's own results went");
}

#[test]
fn what_recell_lock_names_now_or_in_the_last_commits_stays() {
    let env = workspace();
    git(env.root(), &["init", "-q"]);
    let commit = |message: &str| {
        git(env.root(), &["add", "recell.lock"]);
        git(env.root(), &["commit", "-q", "-m", message]);
    };
    crate::cli::notebook(&env, "sales.ipynb", "sales.ipynb");
    env.recell(&["record", "sales.ipynb"]).with("RECELL_NOW", &run(1)).ok();
    env.recell(&["lock"]).ok();
    commit("first run");
    let first = env.recell(&["ls"]).ok();
    crate::cli::notebook(&env, "sales.ipynb", "second-run/sales.ipynb");
    env.recell(&["record", "sales.ipynb"]).with("RECELL_NOW", &run(2)).ok();
    env.recell(&["lock"]).ok();
    commit("second run");
    let both = env.recell(&["ls"]).ok();
    let prune = ["prune", "--keep-within", "1h", "--yes"];
    env.recell(&prune).ok();
    assert_eq!(env.recell(&["ls"]).ok(), both, "locked now, or a commit ago");
    env.write("recell.toml", "[retention]\nlock_commits = 1\n");
    env.recell(&prune).ok();
    let left = env.recell(&["ls"]).ok();
    assert!(left.lines().count() < both.lines().count());
    assert!(first.lines().any(|name| !left.contains(name)), "the first run's own results went");
}
