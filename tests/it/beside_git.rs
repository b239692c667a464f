//! Plain git works in the store at the same time: nothing is lost, of ours or of theirs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::child::{Ack, Job, acks, assert_kept};
use crate::support::{TestEnv, git, hit, key, put, try_git};

/// Ends those who wait for it when it goes, as it does when an assertion fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn nothing_is_lost_beside_git_that_tags_packs_and_collects() {
    let env = TestEnv::new();
    let store = env.create();
    let start = key("start", "c", "m");
    put(&store, &start, b"start");
    store.flush().unwrap();
    let tree = hit(&store, &start).tree();
    drop(store);
    let path = env.store_path();
    git(&path, &["tag", "theirs", &tree]);
    git(&path, &["tag", "-a", "-m", "annotated", "theirs-annotated", &tree]);
    let commit = git(&path, &["commit-tree", "-m", "c", &tree]);
    git(&path, &["update-ref", "refs/heads/topic", commit.trim()]);

    let done = AtomicBool::new(false);
    let jobs: Vec<Job> = (1..=3)
        .map(|seed| Job { flush_every: seed * 2, rest: 25, ..Job::new("write", &path, seed) })
        .collect();
    let mut children: Vec<_> = jobs.iter().map(Job::start).collect();
    std::thread::scope(|scope| {
        let again = |commands: &'static [&'static [&'static str]]| {
            let (path, done, tree) = (&path, &done, &tree);
            scope.spawn(move || {
                let mut number = 0;
                while !done.load(Ordering::Relaxed) {
                    for command in commands {
                        let number = format!("extra/{number}");
                        let fill = |word: &&'static str| match *word {
                            "NAME" => number.clone(),
                            "TREE" => tree.clone(),
                            word => word.to_owned(),
                        };
                        let words: Vec<String> = command.iter().map(fill).collect();
                        let words: Vec<&str> = words.iter().map(String::as_str).collect();
                        // git may fail where packs go under its hands, and says so; the next one
                        // works.
                        drop(try_git(path, &words));
                    }
                    number += 1;
                }
            });
        };
        again(&[&["tag", "NAME", "TREE"], &["pack-refs", "--all"], &["tag", "-d", "NAME"]]);
        again(&[&["gc", "--quiet"], &["repack", "-adk", "-q"], &["gc", "--prune=now", "--quiet"]]);
        let _ends = Ends(&done);
        let started = Instant::now();
        let reader = env.open();
        let mut known: Vec<Ack> = Vec::new();
        while started.elapsed() < Duration::from_secs(4) {
            assert_kept(&reader, &known[known.len().saturating_sub(5)..], "meanwhile");
            known = jobs.iter().flat_map(|job| acks(&job.acks)).collect();
        }
        for child in &mut children {
            assert!(child.0.try_wait().unwrap().is_none(), "no writer failed");
        }
        done.store(true, Ordering::Relaxed);
    });
    children.clear();
    let all: Vec<Ack> = jobs.iter().flat_map(|job| acks(&job.acks)).collect();
    assert!(all.len() > 30, "{} entries", all.len());
    let store = env.open();
    assert_kept(&store, &all, "before the last flush");
    store.flush().unwrap();
    assert_kept(&env.open(), &all, "after the last flush");
    env.git(&["gc", "--prune=now", "--quiet"]);
    assert_kept(&env.open(), &all, "after a last gc");
    env.git(&["fsck", "--strict", "--full"]);
    for name in ["theirs", "theirs-annotated^{tree}", "refs/heads/topic^{tree}"] {
        assert_eq!(env.git(&["rev-parse", name]).trim(), tree, "{name}");
    }
    crate::support::assert_sound(&env.open(), "after all");
}

#[test]
fn a_lock_of_git_is_waited_for_and_never_broken() {
    let env = TestEnv::new();
    let store = env.create();
    put(&store, &key("nb", "c", "m"), b"x");
    let lock = env.store_path().join("packed-refs.lock");
    std::fs::write(&lock, "").unwrap();
    let patience = recell::OpenOptions {
        lock_patience: Duration::from_millis(50),
        ..crate::support::options()
    };
    let other = recell::Store::open(&env.store_path(), patience).unwrap();
    put(&other, &key("nb", "c2", "m"), b"y");
    let error = other.flush().unwrap_err();
    assert_eq!(error.code(), "refs_locked");
    assert!(lock.exists(), "it is not ours");
    hit(&env.open(), &key("nb", "c2", "m"));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            std::fs::remove_file(&lock).unwrap();
        });
        let started = Instant::now();
        store.flush().unwrap();
        assert!(started.elapsed() > Duration::from_millis(100), "it waited");
    });
    env.assert_at_rest("after the lock went");
}

#[test]
fn a_pack_that_git_took_after_a_crash_gets_no_index_without_a_pack() {
    let env = TestEnv::new();
    let role = "create and write";
    let crash_at = "keep removed#2".to_owned();
    let job =
        Job { count: 20, flush_every: 2, crash_at, ..Job::new(role, &env.root().join("s"), 1) };
    let job = Job { store: env.store_path(), acks: env.root().join("acks"), ..job };
    assert!(!job.command().output().unwrap().status.success());
    env.git(&["repack", "-ad", "-q"]);
    let acknowledged = acks(&job.acks);
    let store = env.open();
    assert_kept(&store, &acknowledged, "repacked");
    let report = store.flush().unwrap();
    assert_eq!(report.damaged_journals, [""; 0]);
    assert_kept(&store, &acknowledged, "flushed");
    env.assert_at_rest("flushed");
}
