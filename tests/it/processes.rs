//! Many processes at once: none loses an entry, and each sees those of the others.

use recell::{Lookup, Pattern};

use crate::support::child::{
    Ack, Job, acks, assert_kept, child_options, content, key_of, lingering,
};
use crate::support::{TestEnv, put};

#[test]
fn eight_processes_that_put_and_flush_lose_nothing() {
    let env = TestEnv::new();
    drop(env.create());
    let jobs: Vec<Job> = (1..=8)
        .map(|seed| Job {
            count: 40,
            flush_every: 6 + seed,
            ..Job::new("write", &env.store_path(), seed)
        })
        .collect();
    let mut children: Vec<_> = jobs.iter().map(Job::start).collect();
    // Meanwhile a reader finds all that it is told of whole.
    let reader = env.open();
    let mut seen = 0;
    while children.iter_mut().any(|child| child.0.try_wait().unwrap().is_none()) {
        let names = reader.list(&Pattern::all()).unwrap();
        assert!(names.len() >= seen, "names stay");
        seen = names.len();
        for name in names.iter().rev().step_by(1 + names.len() / 20) {
            match reader.entry(name).unwrap() {
                Lookup::Hit(entry) => drop(entry.read("outputs/out").ok().unwrap()),
                Lookup::Miss(miss) => panic!("{miss}"),
            }
        }
    }
    for child in &mut children {
        assert!(child.0.wait().unwrap().success());
    }
    let all: Vec<Ack> = jobs.iter().flat_map(|job| acks(&job.acks)).collect();
    assert_eq!(all.len(), 320);
    assert_kept(&reader, &all, "the reader that was there all along");
    env.open().flush().unwrap();
    assert_kept(&env.open(), &all, "after all");
    assert_eq!(env.open().list(&Pattern::all()).unwrap().len(), 320);
    env.assert_at_rest("after all");
}

#[test]
fn the_journal_of_a_living_process_is_read_and_that_of_a_dead_one_is_taken_over() {
    let env = TestEnv::new();
    drop(env.create());
    let reader = env.open();
    let (mut child, all) = lingering(&env.store_path(), 20);
    assert_kept(&reader, &all, "its writer lives");
    let report = reader.flush().unwrap();
    assert_eq!((report.entries, report.recovered_journals), (0, 0), "it is the writer's to flush");
    assert_kept(&env.open(), &all, "its writer lives, after a flush of another");

    child.0.kill().unwrap();
    child.0.wait().unwrap();
    assert_kept(&reader, &all, "its writer died");
    let report = reader.flush().unwrap();
    assert_eq!((report.entries, report.recovered_journals), (20, 1));
    assert_kept(&reader, &all, "taken over");
    env.assert_at_rest("taken over");
}

#[test]
fn clones_in_many_threads_share_one_journal_and_lose_nothing() {
    let env = TestEnv::new();
    drop(env.create());
    let store = recell::Store::open(&env.store_path(), child_options()).unwrap();
    let all: Vec<Ack> = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=4_u64)
            .map(|thread| {
                let store = store.clone();
                scope.spawn(move || {
                    let mut all = Vec::new();
                    for number in 1..=40 {
                        // Half of the contents are the same in all threads.
                        let seed = if number % 2 == 0 { number } else { thread * 1000 + number };
                        let name = put(&store, &key_of(seed), &content(seed));
                        all.push(Ack { name, seed });
                        if number % (9 + thread) == 0 {
                            store.flush().unwrap();
                        }
                    }
                    all
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_kept(&store, &all, "the clone");
    drop(store);
    assert_kept(&env.open(), &all, "flushed when the last clone went");
    env.assert_at_rest("at the end");
}
