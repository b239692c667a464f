//! Forget: what was forgotten is nowhere, and does not come back.

use crate::cli::workspace;
use crate::support::{TestEnv, files_below, git, noise};
use crate::syncing::{Team, names, put};

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
    let planned = env.recell(&["forget", &plain, "--json"]).ok();
    let planned: serde_json::Value = serde_json::from_str(&planned).unwrap();
    assert_eq!(planned["done"], false);
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

/// Whether the repository, or what git could fetch from it, has these bytes.
fn remote_holds(path: &std::path::Path, needle: &str) -> bool {
    let objects = git(path, &["cat-file", "--batch-all-objects", "--batch-check"]);
    objects.lines().any(|line| {
        let id = line.split(' ').next().unwrap();
        line.contains(" blob ") && git(path, &["cat-file", "blob", id]).contains(needle)
    })
}

#[test]
fn what_was_forgotten_leaves_the_remote_and_every_store_and_nobody_brings_it_back() {
    let team = Team::new();
    let (anna, ben, cleo) = (team.member(), team.member_named("2"), team.member_named("3"));
    let secret = put(&anna, "a.ipynb:load:1", "the launch code is 0000");
    let fine = put(&anna, "a.ipynb:load:2", "forty-two");
    anna.recell(&["push"]).ok();
    ben.recell(&["pull"]).ok();
    cleo.recell(&["pull"]).ok();
    let of_ben = put(&ben, "a.ipynb:load:3", "of Ben");
    ben.recell(&["push"]).ok();
    // Ben, not Anna, forgets it, and rewrites her ledger, too.
    ben.recell(&["forget", "--yes", &secret]).ok();
    ben.recell(&["push"]).ok();
    let shared = team.shared();
    git(&shared, &["gc", "-q", "--prune=now"]);
    assert!(!remote_holds(&shared, "launch code"), "the host's gc takes it away");
    assert!(remote_holds(&shared, "forty-two"));
    // Cleo has it in her store and Anna in her own ledger: neither brings it back.
    let of_cleo = put(&cleo, "b.ipynb:load:1", "of Cleo");
    cleo.recell(&["push"]).ok();
    let of_anna = put(&anna, "a.ipynb:load:4", "of Anna");
    anna.recell(&["push"]).ok();
    for member in [&anna, &cleo, &ben] {
        member.recell(&["pull"]).ok();
    }
    let mut all = vec![fine, of_ben, of_cleo, of_anna];
    all.sort();
    for (who, member) in [("Anna", &anna), ("Ben", &ben), ("Cleo", &cleo)] {
        assert_eq!(names(member), all, "{who}");
        member.recell(&["gc", "--all"]).ok();
        assert!(!holds(member, b"launch code"), "{who}");
        member.assert_at_rest(who);
    }
    git(&shared, &["gc", "-q", "--prune=now"]);
    assert!(!remote_holds(&shared, "launch code"), "still gone");
    for member in [&anna, &ben, &cleo] {
        let said = member.recell(&["push"]).run();
        let said = String::from_utf8_lossy(&said.output.stderr).into_owned();
        assert!(said.contains("nothing to push"), "{said}");
    }
}

#[test]
fn a_leaked_secret_that_was_never_pushed_by_its_owner_again_stays_away() {
    let team = Team::new();
    let (anna, ben) = (team.member(), team.member_named("2"));
    let secret = put(&anna, "a.ipynb:load:1", "the launch code is 0000");
    anna.recell(&["push"]).ok();
    ben.recell(&["pull"]).ok();
    ben.recell(&["forget", "--yes", &secret]).ok();
    ben.recell(&["push"]).ok();
    // Anna has not heard of it, and her ledger goes on from the state with the secret.
    put(&anna, "a.ipynb:load:2", "more");
    anna.recell(&["push"]).ok();
    let shared = team.shared();
    git(&shared, &["gc", "-q", "--prune=now"]);
    assert!(!remote_holds(&shared, "launch code"));
    assert!(!names(&anna).contains(&secret), "it went to her trash");
}
