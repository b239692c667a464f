//! What takes the space, with shared bytes counted once.

use recell::retention::{UsageBy, disk_usage, remove};
use recell::{Draft, PartPath, Pattern, Store, Timestamp};

use crate::support::{TestEnv, key, noise, put, size_of, transcript};

const KB: u64 = 1024;

/// Two cells of one notebook that share a result, and another notebook that shares it, too.
fn filled(env: &TestEnv) -> Store {
    let store = env.create();
    let shared = noise(64 << 10, 1);
    put(&store, &key("a.ipynb", "x", "m"), &shared);
    put(&store, &key("a.ipynb", "x", "m"), &noise(32 << 10, 2));
    put(&store, &key("a.ipynb", "y", "m"), &shared);
    let own = noise(16 << 10, 3);
    let draft = Draft::new("test")
        .output("out", "application/octet-stream", shared.as_slice())
        .unwrap()
        .part(
            PartPath::new("variables/v").unwrap(),
            "application/octet-stream",
            own.as_slice().into(),
        );
    store.put(&key("b.ipynb", "x", "m"), draft).unwrap();
    store.flush().unwrap();
    store
}

/// Whether `bytes` are `expected` and a little more, for trees, manifests and the index.
fn is_about(bytes: u64, expected: u64) -> bool {
    (expected..expected + 4 * KB).contains(&bytes)
}

#[test]
fn what_groups_share_is_in_each_and_once_in_the_total() {
    let env = TestEnv::new();
    let store = filled(&env);
    let usage = disk_usage(&store, &Pattern::all(), UsageBy::Notebook).unwrap();
    assert!(is_about(usage.bytes, 112 * KB), "{usage:?}");
    assert!(is_about(usage.shared, 64 * KB), "{usage:?}");
    let [a, b] = &usage.rows[..] else { panic!("{usage:?}") };
    assert_eq!((a.group.as_str(), a.entries), ("a.ipynb", 3));
    assert!(is_about(a.bytes, 96 * KB) && is_about(a.exclusive, 32 * KB), "{a:?}");
    assert_eq!((b.group.as_str(), b.entries), ("b.ipynb", 1));
    assert!(is_about(b.bytes, 80 * KB) && is_about(b.exclusive, 16 * KB), "{b:?}");
    assert_eq!(a.exclusive + b.exclusive + usage.shared, usage.bytes, "each byte is somebody's");
    let cells = disk_usage(&store, &Pattern::all(), UsageBy::Cell).unwrap();
    let groups: Vec<&str> = cells.rows.iter().map(|row| row.group.as_str()).collect();
    assert_eq!(groups, ["a.ipynb:x", "b.ipynb:x", "a.ipynb:y"]);
    let one = disk_usage(&store, &Pattern::parse("b.ipynb").unwrap(), UsageBy::Module).unwrap();
    assert_eq!(one.entries, 1);
    assert!(is_about(one.rows[0].exclusive, 16 * KB), "others hold the rest: {one:?}");
    assert!(is_about(one.shared, 64 * KB), "{one:?}");
}

#[test]
fn kinds_of_parts_are_told_from_the_entries_themselves() {
    let env = TestEnv::new();
    let store = filled(&env);
    let usage = disk_usage(&store, &Pattern::all(), UsageBy::Kind).unwrap();
    let of = |kind: &str| usage.rows.iter().find(|row| row.group == kind).unwrap();
    assert!(is_about(of("output").bytes, 96 * KB), "{usage:?}");
    assert!(is_about(of("variable").bytes, 16 * KB), "{usage:?}");
    assert_eq!((of("variable").entries, of("entry").entries), (1, 4));
    assert_eq!(usage.rows.iter().map(|row| row.bytes).sum::<u64>(), usage.bytes);
}

#[test]
fn every_byte_of_the_store_is_accounted_for() {
    let env = TestEnv::new();
    let store = filled(&env);
    let gone = store.list(&Pattern::parse("a.ipynb:x").unwrap()).unwrap().pop().unwrap();
    let before = disk_usage(&store, &Pattern::all(), UsageBy::Notebook).unwrap();
    assert_eq!((before.trash, before.unreferenced), (0, 0));
    remove(&store, &[gone], Timestamp::from_micros(1_795_225_000_000_000)).unwrap();
    let usage = disk_usage(&store, &Pattern::all(), UsageBy::Notebook).unwrap();
    assert!(is_about(usage.trash, 32 * KB), "{usage:?}");
    assert_eq!(usage.bytes + usage.trash, before.bytes);
    assert_eq!(usage.files.packs, size_of(&env.store_path().join("objects/pack")));
    let overhead = usage.files.packs - usage.bytes - usage.trash - usage.unreferenced;
    assert!(overhead < 2 * KB, "headers, checksums and the index's table: {overhead}");
    // What waits in the journal is there, too.
    put(&store, &key("c.ipynb", "x", "m"), &noise(8 << 10, 9));
    let usage = disk_usage(&store, &Pattern::parse("c.ipynb").unwrap(), UsageBy::Cell).unwrap();
    assert!(is_about(usage.bytes, 8 * KB), "{usage:?}");
    assert!(is_about(usage.files.journals, 8 * KB), "{usage:?}");
}

#[test]
fn du_prints_what_takes_space() {
    let env = crate::cli::filled();
    env.recell(&["rm", "reports/sales.ipynb:load:aa00"]).ok();
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["du"],
            &["du", "--by", "cell", "-n", "1"],
            &["du", "--by", "kind", "reports/*"],
            &["du", "--by", "module", "--json"],
            &["du", "nothing"],
        ],
    ));
}

#[test]
fn du_of_an_empty_store_is_a_whole_sentence() {
    let env = crate::cli::workspace();
    let shown = env.recell(&["du"]).run().to_string();
    assert!(shown.contains("the store takes 0 B on disk\n"), "{shown}");
}
