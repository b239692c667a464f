//! What a sync brings into the folder at any step of a flush takes no name from what is there.

use std::path::Path;
use std::time::{Duration, Instant};

use recell::{EntryName, Store};

use crate::merging_folders::{make_whole, names, rsync, rsync_command, rsync_into};
use crate::support::child::{Ack, Job, acks, assert_kept};
use crate::support::{TestEnv, copy_folder, key, noise, options, put};

/// The steps of a flush between which a sync may replace files, in their order.
const STEPS: [&str; 13] = [
    "flush locked",
    "pack sealed",
    "seal recorded",
    "pack written",
    "index written",
    "refs locked",
    "refs read",
    "refs written",
    "refs renamed",
    "tags merged",
    "keep removed",
    "journal retired",
    "packs counted",
];

/// Lets a process put and flush three times, do `meanwhile` at that step of its second flush, and
/// end; returns what it was told is stored.
fn flush_three_times(a: &Path, step: &str, meanwhile: impl FnOnce()) -> Vec<Ack> {
    let halted = a.with_file_name("halted");
    let crash_at = format!("{step}#2@{}", halted.display());
    let job = Job { count: 6, flush_every: 2, crash_at, ..Job::new("write", a, 3) };
    let mut child = job.start();
    let started = Instant::now();
    while !halted.exists() {
        assert!(started.elapsed() < Duration::from_secs(20), "{step} is reached");
        assert_eq!(child.0.try_wait().unwrap(), None, "{step} is reached");
        std::thread::sleep(Duration::from_millis(1));
    }
    meanwhile();
    std::fs::remove_file(halted).unwrap();
    assert!(child.0.wait().unwrap().success(), "{step}");
    let acknowledged = acks(&job.acks);
    assert_eq!(acknowledged.len(), 6, "{step}");
    acknowledged
}

/// Puts into the other copy.
fn put_into(b: &Path) -> EntryName {
    let store = Store::open(b, options()).unwrap();
    put(&store, &key("nb", "other", "m"), &noise(300, 1))
}

fn copies() -> (TestEnv, std::path::PathBuf, std::path::PathBuf) {
    let env = TestEnv::new();
    let (a, b) = (env.store_path(), env.root().join("b"));
    put(&env.create(), &key("nb", "both", "m"), b"both");
    copy_folder(&a, &b);
    (env, a, b)
}

fn is_lost_nowhere(a: &Path, b: &Path, acknowledged: &[Ack], other: &EntryName, context: &str) {
    rsync(a, b);
    for path in [a, b] {
        make_whole(path, context);
        let store = Store::open(path, options()).unwrap();
        assert_kept(&store, acknowledged, context);
        assert!(names(path).contains(other), "{context}");
    }
}

/// At that step, names that are newer, and lack what was flushed before, come with all else that
/// the other copy has; but for `later`, which comes when the flush is done, or never, as it is older
/// than what stands there then.
fn newer_names_come(step: &str, later: &str) {
    let (_env, a, b) = copies();
    let mut other = None;
    let acknowledged = flush_three_times(&a, step, || {
        other = Some(put_into(&b));
        let left_out = rsync_command(&a, &b).arg(format!("--exclude={later}")).status();
        assert!(left_out.unwrap().success());
    });
    is_lost_nowhere(&a, &b, &acknowledged, &other.unwrap(), &format!("newer names at {step}"));
}

/// At that step, a pack comes alone: the names that go with it are older than those here.
fn a_pack_comes_without_names(step: &str) {
    let (_env, a, b) = copies();
    let other = put_into(&b);
    for name in ["packed-refs", "recell/packs"] {
        let file = std::fs::File::options().append(true).open(b.join(name)).unwrap();
        let earlier = file.metadata().unwrap().modified().unwrap() - Duration::from_secs(10);
        file.set_modified(earlier).unwrap();
    }
    let acknowledged = flush_three_times(&a, step, || rsync_into(&a, &b));
    is_lost_nowhere(&a, &b, &acknowledged, &other, &format!("a pack at {step}"));
}

#[test]
fn newer_names_that_come_at_any_step_of_a_flush_take_no_name_from_what_was_flushed() {
    for step in STEPS {
        newer_names_come(step, "nothing");
        newer_names_come(step, "recell/packs");
    }
}

#[test]
fn a_pack_that_comes_at_any_step_of_a_flush_is_not_taken_for_one_of_this_folder() {
    STEPS.into_iter().for_each(a_pack_comes_without_names);
}

#[test]
fn a_lock_file_that_is_copied_into_the_place_of_a_held_one_stops_no_flush() {
    let (_env, a, _) = copies();
    let lock = a.join("packed-refs.lock");
    for step in ["refs locked", "refs read", "refs written"] {
        let acknowledged = flush_three_times(&a, step, || {
            let copy = a.join(".packed-refs.lock.Xa3b9Q");
            std::fs::copy(&lock, &copy).unwrap();
            let copied = std::fs::File::options().append(true).open(&copy).unwrap();
            let made = std::fs::metadata(&lock).unwrap().modified().unwrap();
            copied.set_modified(made - Duration::from_secs(1)).unwrap();
            std::fs::rename(copy, &lock).unwrap();
        });
        assert!(!lock.exists(), "{step}");
        assert_kept(&Store::open(&a, options()).unwrap(), &acknowledged, step);
        std::fs::remove_file(a.with_file_name("acks-3")).unwrap();
    }
}
