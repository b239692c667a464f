//! Forget: what was forgotten is nowhere, and does not come back.

use crate::cli::workspace;
use crate::support::{TestEnv, files_below, noise};
use crate::syncing::{names, put};

/// Whether any file of the store holds these bytes, as they are.
fn holds(env: &TestEnv, bytes: &[u8]) -> bool {
    files_below(&env.store_path())
        .iter()
        .any(|path| memchr::memmem::find(&std::fs::read(path).unwrap(), bytes).is_some())
}

/// Puts one output of bytes that are stored as they are, and returns the name of the entry.
fn put_bytes(env: &TestEnv, key: &str, bytes: &[u8]) -> String {
    env.recell(&["put", key, "outputs/0.bin=-"]).input(bytes).ok().trim().to_owned()
}

#[test]
fn nothing_of_a_forgotten_entry_stays_wherever_it_was() {
    let env = workspace();
    let secrets: Vec<Vec<u8>> = (0..4).map(|seed| noise(20_000, seed)).collect();
    let kept = noise(20_000, 9);
    let plain = put_bytes(&env, "a.ipynb:load:1", &secrets[0]);
    let trashed = put_bytes(&env, "a.ipynb:load:2", &secrets[1]);
    let pinned = put_bytes(&env, "a.ipynb:load:3", &secrets[2]);
    let collected = put_bytes(&env, "a.ipynb:load:4", &secrets[3]);
    let stays = put_bytes(&env, "a.ipynb:load:5", &kept);
    env.recell(&["rm", &trashed]).ok();
    env.recell(&["pin", &pinned]).ok();
    env.recell(&["collection", "create", "best", &collected, &stays]).ok();
    env.recell(&["collection", "remove", "best", &stays]).ok();
    let plan = env.recell(&["forget", &plain, "--json"]).ok();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["done"], false);
    assert!(holds(&env, &secrets[0]), "a plan changes nothing");
    let all = [&plain, &trashed, &pinned, &collected].map(String::as_str);
    env.recell(&[&["forget", "--yes"], &all[..]].concat()).ok();
    for (number, secret) in secrets.iter().enumerate() {
        assert!(!holds(&env, &secret[..64]), "secret {number}");
    }
    assert_eq!(names(&env), [stays]);
    assert!(holds(&env, &kept[..64]));
    assert!(env.git(&["for-each-ref", "refs/recell/trash", "refs/recell/pin"]).is_empty());
    let tombstones = env.git(&["ls-tree", "-r", "--name-only", "refs/recell/forgotten"]);
    assert_eq!(tombstones.lines().count(), 4);
    assert!(!tombstones.contains("a.ipynb"), "{tombstones}");
    env.assert_at_rest("after forgetting");
}

#[test]
fn other_entries_with_the_same_bytes_are_named_and_go_if_that_is_wanted() {
    let env = workspace();
    let secret = noise(20_000, 1);
    let first = put_bytes(&env, "a.ipynb:load:1", &secret);
    let second = put_bytes(&env, "b.ipynb:load:1", &secret);
    let run = env.recell(&["forget", "--yes", &first]).run();
    let said = String::from_utf8_lossy(&run.output.stderr);
    assert!(said.contains(&second) && said.contains("--same-bytes"), "{said}");
    assert!(holds(&env, &secret[..64]), "another entry has them");
    let third = put_bytes(&env, "c.ipynb:load:1", &secret);
    env.recell(&["forget", "--yes", "--same-bytes", &third]).ok();
    assert!(!holds(&env, &secret[..64]));
    assert_eq!(names(&env), [""; 0]);
}

#[test]
fn what_a_frozen_collection_holds_is_refused_by_its_name() {
    let env = workspace();
    let name = put(&env, "a.ipynb:load:1", "of a paper");
    env.recell(&["collection", "create", "best", &name]).ok();
    env.recell(&["collection", "chain", "all", "best"]).ok();
    env.recell(&["collection", "freeze", "all"]).ok();
    let run = env.recell(&["forget", "--yes", &name]).run();
    let said = String::from_utf8_lossy(&run.output.stderr);
    assert!(
        run.code() == 1 && said.contains("frozen collections hold") && said.contains("best"),
        "{said}"
    );
    assert_eq!(names(&env), [name], "nothing was changed");
}
