//! Sealing: versions of one part become deltas of each other, and stay readable.

use recell::{Draft, GitEnvironment, Pattern, gc};

use crate::support::{TestEnv, hit, key, noise, out, put, size_of};

fn environment() -> GitEnvironment {
    GitEnvironment::new(std::env::vars_os())
}

#[test]
fn versions_cost_what_differs_and_all_of_them_are_still_read() {
    let env = TestEnv::new();
    let store = env.create();
    let mut text: Vec<u8> =
        (0..200).flat_map(|n| format!("row {n}: {}\n", n * n).into_bytes()).collect();
    let large = noise(6 << 20, 9);
    for version in 0..40 {
        text[version * 7] = b'#';
        let cell = key("nb.ipynb", "table", "m");
        store
            .put(&cell, Draft::new("test").output("out", "text/plain", text.clone()).unwrap())
            .unwrap();
    }
    put(&store, &key("nb.ipynb", "array", "m"), &large);
    store.flush().unwrap();
    let packs = env.store_path().join("objects/pack");
    let before = size_of(&packs);
    let report = gc::seal(&store, &environment()).unwrap();
    assert!(report.bytes_after < report.bytes_before, "{report:?}");
    assert!(before - size_of(&packs) > 40 * text.len() as u64 / 2, "most of each version is gone");
    for store in [store, env.open()] {
        assert_eq!(out(&store, &key("nb.ipynb", "table", "m")), text);
        assert!(out(&store, &key("nb.ipynb", "array", "m")) == large);
        for name in store.list(&Pattern::all()).unwrap() {
            store.entry(&name).unwrap().hit().unwrap().read("outputs/out").ok().unwrap();
        }
    }
    env.git(&["fsck", "--strict", "--full"]);
}

#[test]
fn sealing_again_after_more_puts_loses_nothing() {
    let env = TestEnv::new();
    let store = env.create();
    for round in 0..3 {
        for version in 0..30 {
            put(&store, &key("nb", "c", "m"), format!("{round} {version}").as_bytes());
        }
        gc::seal(&store, &environment()).unwrap();
        gc::seal(&store, &environment()).unwrap();
        assert_eq!(store.history(&key("nb", "c", "m")).unwrap().len(), 30 * (round + 1));
        for version in store.versions(&key("nb", "c", "m")).unwrap() {
            version.hit().unwrap().read("outputs/out").ok().unwrap();
        }
    }
    assert!(hit(&store, &key("nb", "c", "m")).manifest().parts.len() == 1);
    env.git(&["fsck", "--strict", "--full"]);
}
