//! Chosen entries go into the trash, and nothing else changes.

use recell::retention::{plan_removal, remove};
use recell::{Lookup, Timestamp};

use crate::support::child::lingering;
use crate::support::{TestEnv, git, hit, key, options, put};

#[test]
fn removed_entries_are_in_the_trash_and_the_older_ones_are_newest_again() {
    let env = TestEnv::new();
    let store = env.create();
    let load = key("nb.ipynb", "load", "m");
    let first = put(&store, &load, b"first");
    store.flush().unwrap();
    let second = put(&store, &load, b"second");
    let unknown = "a/b/c/0/20261121T012400.123456Z-01234567".parse().unwrap();
    let wanted = [second.clone(), unknown];
    let plan = plan_removal(&store, &wanted).unwrap();
    assert_eq!(hit(&store, &load).name(), &second, "a plan changes nothing");
    let now = Timestamp::from_micros(1_795_225_000_000_000);
    let done = remove(&store, &wanted, now).unwrap();
    assert_eq!(done, plan);
    assert_eq!((done.removed, done.unknown.len()), (vec![second.clone()], 1));
    assert_eq!(hit(&store, &load).name(), &first);
    assert!(matches!(env.open().entry(&second).unwrap(), Lookup::Miss(_)));
    let trash = env.git(&["for-each-ref", "--format=%(refname)", "refs/recell/trash"]);
    assert_eq!(trash.trim(), format!("refs/recell/trash/{now}/{second}"));
    env.git(&["gc", "--prune=now", "--quiet"]);
    let tree = env.git(&["show", &format!("{}:outputs/out", trash.trim())]);
    assert_eq!(tree, "second", "its bytes are kept");
    env.assert_at_rest("removed");
    // The same bytes can be put again.
    let again = put(&store, &load, b"second");
    assert_eq!(hit(&store, &load).name(), &again);
}

#[test]
fn a_tag_that_git_keeps_as_a_file_is_removed_too() {
    let env = TestEnv::new();
    let store = env.create();
    let load = key("nb.ipynb", "load", "m");
    let name = put(&store, &load, b"x");
    store.flush().unwrap();
    let tree = hit(&store, &load).tree();
    let store_path = env.store_path();
    git(&store_path, &["tag", "-d", name.as_str()]);
    git(&store_path, &["tag", name.as_str(), &tree]);
    assert!(store_path.join("refs/tags").join(name.as_str()).exists());
    let now = Timestamp::from_micros(1_795_225_000_000_000);
    assert_eq!(remove(&env.open(), &[name], now).unwrap().removed.len(), 1);
    assert!(matches!(env.open().get(&load).unwrap(), Lookup::Miss(_)));
    env.assert_at_rest("removed");
}

#[test]
fn an_entry_that_another_process_is_still_writing_stays() {
    let env = TestEnv::new();
    drop(env.create());
    let (_child, written) = lingering(&env.store_path(), 2);
    let name = written[0].name.clone();
    let store = recell::Store::open(&env.store_path(), options()).unwrap();
    let now = Timestamp::from_micros(1_795_225_000_000_000);
    let done = remove(&store, std::slice::from_ref(&name), now).unwrap();
    assert_eq!(done.busy, [name]);
    assert!(done.removed.is_empty() && done.unknown.is_empty());
}
