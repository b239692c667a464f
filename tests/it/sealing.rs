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

#[test]
fn sealing_after_a_gc_of_git_keeps_what_is_large() {
    let env = TestEnv::new();
    let store = env.create();
    let large = noise(300_000, 1);
    put(&store, &key("nb", "large", "m"), &large);
    for version in 0..10 {
        let text = format!("row {version}\n").repeat(400);
        put(&store, &key("nb", "text", "m"), text.as_bytes());
    }
    store.flush().unwrap();
    // One pack, with deltas and the large object in it.
    env.git(&["gc", "--quiet", "--aggressive"]);
    for number in 0..10 {
        put(&store, &key("nb", &format!("fresh{number}"), "m"), &noise(60_000, 10 + number));
    }
    gc::seal(&store, &environment()).unwrap();
    assert!(out(&env.open(), &key("nb", "large", "m")) == large);
    env.assert_at_rest("sealed");
}

#[test]
fn a_crash_while_sealing_loses_nothing_and_leaves_nothing_behind() {
    use crate::support::child::{Job, acks, assert_kept};
    for crash_at in ["deltas packed", "pack placed", "index placed"] {
        let env = TestEnv::new();
        let role = "create and seal";
        let job = Job { count: 20, ..Job::new(role, &env.root().join("s"), 1) };
        let job = Job { store: env.store_path(), acks: env.root().join("acks"), ..job };
        let job = Job { crash_at: crash_at.into(), ..job };
        assert!(!job.command().output().unwrap().status.success(), "{crash_at}");
        let store = env.open();
        assert_kept(&store, &acks(&job.acks), crash_at);
        store.flush().unwrap();
        assert_kept(&store, &acks(&job.acks), crash_at);
        env.assert_at_rest(crash_at);
        gc::seal(&store, &environment()).unwrap();
        assert_kept(&env.open(), &acks(&job.acks), crash_at);
        env.assert_at_rest(crash_at);
    }
}
