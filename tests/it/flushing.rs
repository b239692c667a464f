//! Flushes: many small ones, repeated ones, automatic ones.

use recell::{OpenOptions, Pattern, Store};

use crate::support::{TestEnv, key, options, out, put};

fn packs(env: &TestEnv) -> usize {
    std::fs::read_dir(env.store_path().join("objects/pack"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|e| e == "pack"))
        .count()
}

#[test]
fn many_small_flushes_leave_few_packs_and_lose_nothing() {
    let env = TestEnv::new();
    let store = env.create();
    for number in 0..100 {
        put(&store, &key("nb", "c", &format!("m{number}")), format!("value {number}").as_bytes());
        store.flush().unwrap();
    }
    assert!(packs(&env) < 16, "{} packs", packs(&env));
    for store in [store, env.open()] {
        for number in 0..100 {
            let found = out(&store, &key("nb", "c", &format!("m{number}")));
            assert_eq!(found, format!("value {number}").as_bytes());
        }
    }
    env.git(&["fsck", "--strict", "--full"]);
    let left: Vec<_> = std::fs::read_dir(env.store_path().join("objects/pack"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "keep"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_flush_with_nothing_to_do_changes_nothing() {
    let env = TestEnv::new();
    let store = env.create();
    put(&store, &key("nb", "c", "m"), b"x");
    assert_eq!(store.flush().unwrap().entries, 1);
    let before =
        std::fs::metadata(env.store_path().join("packed-refs")).unwrap().modified().unwrap();
    assert_eq!(store.flush().unwrap().entries, 0);
    let after =
        std::fs::metadata(env.store_path().join("packed-refs")).unwrap().modified().unwrap();
    assert_eq!(before, after);
}

#[test]
fn the_journal_is_flushed_past_its_bounds_and_when_the_store_is_dropped() {
    let env = TestEnv::new();
    drop(env.create());
    let small = OpenOptions { flush_entries: 10, ..options() };
    let store = Store::open(&env.store_path(), small).unwrap();
    for number in 0..10 {
        assert_eq!(env.git(&["tag", "-l"]), "", "the bound is not reached");
        put(&store, &key("nb", "c", &format!("m{number}")), b"x");
    }
    assert_eq!(env.git(&["tag", "-l"]).lines().count(), 10, "the tenth entry was the bound");
    put(&store, &key("nb", "c", "last"), b"x");
    drop(store);
    assert_eq!(env.git(&["tag", "-l"]).lines().count(), 11, "dropping flushes");
    let journals = std::fs::read_dir(env.store_path().join("recell/journal")).unwrap().count();
    assert_eq!(journals, 0);
}

#[test]
fn a_put_of_what_is_stored_already_takes_no_content_again() {
    let env = TestEnv::new();
    let store = env.create();
    let bytes = crate::support::noise(12 << 20, 5);
    put(&store, &key("nb", "c", "m"), &bytes);
    store.flush().unwrap();
    let size = |store: &Store| {
        store.flush().unwrap();
        crate::support::size_of(&env.store_path())
    };
    let before = size(&store);
    put(&store, &key("nb", "c", "m"), &bytes);
    put(&store, &key("other", "c", "m"), &bytes);
    drop(store);
    let store = env.open();
    put(&store, &key("nb", "c", "m2"), &bytes);
    std::fs::remove_file(env.store_path().join("recell/contents")).unwrap();
    let store = env.open();
    put(&store, &key("nb", "c", "m3"), &bytes);
    assert!(size(&store) - before < 20_000, "four entries, no content: {}", size(&store) - before);
    assert_eq!(store.list(&Pattern::all()).unwrap().len(), 5);
}

#[test]
fn a_changed_row_costs_a_few_chunks() {
    let env = TestEnv::new();
    let store = env.create();
    let mut bytes = crate::support::noise(24 << 20, 5);
    put(&store, &key("nb", "c", "m"), &bytes);
    store.flush().unwrap();
    let before = crate::support::size_of(&env.store_path());
    bytes.splice(9_000_000..9_000_000, *b"one more row");
    put(&store, &key("nb", "c", "m"), &bytes);
    store.flush().unwrap();
    let extra = crate::support::size_of(&env.store_path()) - before;
    assert!(extra < 8 << 20, "{extra} bytes");
    assert!(out(&store, &key("nb", "c", "m")) == bytes);
}
