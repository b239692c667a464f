//! What is acknowledged survives the death of the process, wherever it strikes.

use std::time::Duration;

use recell::Pattern;

use crate::support::TestEnv;
use crate::support::child::{Job, acks, assert_kept};

/// Every place where a test can make a process die, and how often it is passed before: the ninth
/// pack is the one into which the first eight are merged.
const POINTS: [(&str, &str); 18] = [
    ("objects appended", "5"),
    ("entry appended", "5"),
    ("flush locked", "2"),
    ("pack sealed", "2"),
    ("seal recorded", "2"),
    ("pack written", "2"),
    ("pack written", "9"),
    ("index written", "2"),
    ("index written", "9"),
    ("refs locked", "2"),
    ("refs read", "2"),
    ("refs written", "2"),
    ("refs renamed", "2"),
    ("tags merged", "2"),
    ("keep removed", "2"),
    ("journal retired", "2"),
    ("packs merged", "1"),
    ("packs counted", "2"),
];

#[test]
fn every_crash_point_of_the_source_is_in_the_list() {
    let sources = crate::support::files_below(concat!(env!("CARGO_MANIFEST_DIR"), "/src").as_ref());
    let mut found = Vec::new();
    for path in sources {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let calls = text.split("crash_point(\"").skip(1);
        found.extend(calls.map(|rest| rest.split('"').next().unwrap().to_owned()));
    }
    found.sort();
    found.dedup();
    let mut listed: Vec<_> = POINTS.map(|(point, _)| point).into();
    // Those of sealing are in sealing.rs.
    listed.extend(["deltas packed", "pack placed", "index placed"]);
    listed.extend(crate::interrupting_gc::POINTS);
    listed.extend(crate::repairing::POINTS);
    listed.extend(crate::merging_folders::POINTS);
    listed.sort_unstable();
    listed.dedup();
    assert_eq!(found, listed);
}

#[test]
fn a_crash_at_any_point_loses_nothing_and_leaves_nothing_behind() {
    for (point, count) in POINTS {
        let context = format!("{point}#{count}");
        let env = TestEnv::new();
        env.let_everybody_in();
        let role = "create and write";
        let job = Job {
            count: 20,
            flush_every: 2,
            crash_at: context.clone(),
            ..Job::new(role, &env.root().join("s"), 1)
        };
        let job = Job { store: env.store_path(), acks: env.root().join("acks"), ..job };
        let died = job.command_of_ordinary_user().output().unwrap();
        assert!(!died.status.success(), "{context} was never reached");
        let stderr = String::from_utf8_lossy(&died.stderr);
        assert!(!stderr.contains("panicked"), "{context}: {stderr}");
        let acknowledged = acks(&job.acks);
        assert!(!acknowledged.is_empty(), "{context} comes after some entries");
        assert_kept(&env.open(), &acknowledged, &context);

        let recovered = Job { role: "recover", ..job }.command_of_ordinary_user().output().unwrap();
        let stderr = String::from_utf8_lossy(&recovered.stderr);
        assert!(recovered.status.success(), "{context}: {stderr}");
        env.assert_at_rest(&context);
        // The entry that was being put may be there, but whole; nothing else may.
        let there = env.open().list(&Pattern::all()).unwrap().len();
        assert!(there <= acknowledged.len() + 1, "{context}: {there}");
    }
}

#[test]
fn killed_writers_lose_nothing_that_was_acknowledged() {
    let seed = std::env::var("RECELL_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("RECELL_TEST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let env = TestEnv::new();
    drop(env.create());
    let mut all = Vec::new();
    for round in 1..=24 {
        let flush_every = [0, 1, 3, 9][round % 4];
        let job = Job { flush_every, ..Job::new("write", &env.store_path(), round as u64) };
        let mut child = job.start();
        if round % 6 != 0 {
            // Past its start, where it has nothing to lose.
            while acks(&job.acks).is_empty() && child.0.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        std::thread::sleep(Duration::from_micros(random.u64(..60_000)));
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        let acknowledged = acks(&job.acks);
        let context = format!("seed {seed}, round {round}");
        let store = env.open();
        assert_kept(&store, &acknowledged, &context);
        if round % 5 == 0 {
            store.flush().unwrap();
            assert_kept(&store, &acknowledged, &context);
            env.git(&["fsck", "--strict"]);
        }
        all.extend(acknowledged);
    }
    env.open().flush().unwrap();
    assert_kept(&env.open(), &all, &format!("seed {seed}, {} entries", all.len()));
    env.assert_at_rest(&format!("seed {seed}"));
}

#[test]
fn a_store_whose_making_was_interrupted_is_made_anew() {
    let env = TestEnv::new();
    drop(env.create());
    std::fs::remove_file(env.store_path().join("HEAD")).unwrap();
    std::fs::write(env.store_path().join(".recell-Xy12"), "").unwrap();
    drop(env.create());
    assert_eq!(env.leftovers(), [""; 0]);
}
