//! A notebook's history goes on under its new name: `mv`, and what `record` does by itself.

use recell::notebook::{NotebookName, plan_rename, rename};
use recell::{Draft, Pattern, Timestamp};
use serde_json::Value;

use crate::cli::{notebook, workspace};
use crate::support::child::lingering;
use crate::support::{TestEnv, git, hit, key, noise, out, put, size_of};

fn name(text: &str) -> NotebookName {
    NotebookName::of_path(text.as_ref()).unwrap()
}

fn pair(old: &str, new: &str) -> [(NotebookName, NotebookName); 1] {
    [(name(old), name(new))]
}

const NOW: i64 = 1_795_300_000_000_000;

fn now() -> Timestamp {
    Timestamp::from_micros(NOW)
}

fn names(env: &TestEnv) -> Vec<String> {
    let names = env.open().list(&Pattern::all()).unwrap();
    names.iter().map(|name| name.as_str().to_owned()).collect()
}

#[test]
fn entries_get_the_new_name_and_keep_their_time_and_bytes() {
    let env = TestEnv::new();
    let store = env.create();
    let (old, new) = (key("a.ipynb", "c", "m"), key("deep/b.ipynb", "c", "m"));
    let first = put(&store, &old, b"first");
    let big = noise(6 << 20, 1);
    let second = put(&store, &old, &big);
    let draft = Draft::new("test").output("out", "text/plain", b"x".to_vec()).unwrap();
    let mut draft = draft;
    draft.provenance.upstream = vec![second.to_string()];
    store.put(&key("a.ipynb", "d", "m"), draft).unwrap();
    let other = put(&store, &key("other.ipynb", "c", "m"), b"first");
    store.flush().unwrap();
    let before = size_of(&env.store_path());
    let plan = plan_rename(&store, &pair("a.ipynb", "deep/b.ipynb")).unwrap();
    assert_eq!(hit(&store, &old).name(), &second, "a plan changes nothing");
    let done = rename(&store, &pair("a.ipynb", "deep/b.ipynb"), false, now()).unwrap();
    assert_eq!(done, plan);
    assert_eq!(done[0].moved.len(), 3);
    let entry = hit(&store, &new);
    assert_eq!(entry.manifest().created_at, second.created_at());
    assert_eq!(entry.manifest().key.notebook(), "deep/b.ipynb");
    assert_eq!(out(&store, &new), big);
    assert_eq!(store.history(&new).unwrap()[0].created_at(), first.created_at());
    let upstream =
        hit(&store, &key("deep/b.ipynb", "d", "m")).manifest().provenance.upstream.clone();
    assert_eq!(upstream, [entry.name().to_string()], "they know each other by the new names");
    assert!(store.get(&old).unwrap().hit().is_none());
    assert!(store.entry(&other).unwrap().hit().is_some());
    assert!(size_of(&env.store_path()) - before < 10_000, "parts are shared");
    let trash = env.git(&["for-each-ref", "--format=%(refname)", "refs/recell/trash"]);
    assert!(trash.contains(&format!("refs/recell/trash/{}/{first}", now())), "{trash}");
    drop(store);
    env.assert_at_rest("renamed");
    // And back again: the same names as before.
    rename(&env.open(), &pair("deep/b.ipynb", "a.ipynb"), false, now()).unwrap();
    assert_eq!(hit(&env.open(), &old).name(), &second);
    env.assert_at_rest("renamed back");
}

#[test]
fn the_same_rename_in_two_stores_makes_the_same_names() {
    let stores: Vec<TestEnv> = (0..2)
        .map(|_| {
            let env = TestEnv::new();
            let store = env.create();
            let mut draft = Draft::new("test").output("out", "text/plain", b"x".to_vec()).unwrap();
            draft.created_at = Some(Timestamp::from_micros(NOW));
            store.put(&key("a.ipynb", "c", "m"), draft).unwrap();
            drop(store);
            env
        })
        .collect();
    let renamed = stores.iter().enumerate().map(|(n, env)| {
        let moment = Timestamp::from_micros(NOW + i64::try_from(n).unwrap());
        rename(&env.open(), &pair("a.ipynb", "b.ipynb"), false, moment).unwrap();
        names(env)
    });
    let renamed: Vec<_> = renamed.collect();
    assert_eq!(renamed[0], renamed[1]);
    assert_eq!(renamed[0].len(), 1);
}

#[test]
fn a_name_that_is_taken_is_refused_unless_both_are_one_notebook() {
    let env = TestEnv::new();
    let store = env.create();
    put(&store, &key("a.ipynb", "c", "m"), b"a");
    put(&store, &key("b.ipynb", "d", "m"), b"b");
    let other = rename(&store, &pair("a.ipynb", "b.ipynb"), false, now()).unwrap();
    assert_eq!((other[0].already, other[0].moved.len()), (1, 1), "other cells are no matter");
    put(&store, &key("a.ipynb", "c", "m"), b"again");
    let before = store.list(&Pattern::all()).unwrap();
    let error = rename(&store, &pair("a.ipynb", "b.ipynb"), false, now()).unwrap_err();
    assert_eq!(error.code(), "rename_taken");
    assert_eq!(store.list(&Pattern::all()).unwrap(), before);
    rename(&store, &pair("a.ipynb", "b.ipynb"), true, now()).unwrap();
    assert_eq!(store.history(&key("b.ipynb", "c", "m")).unwrap().len(), 2);
    assert_eq!(out(&store, &key("b.ipynb", "c", "m")), b"again");
}

#[test]
fn what_another_process_is_still_writing_keeps_its_name() {
    let env = TestEnv::new();
    drop(env.create());
    let (_child, written) = lingering(&env.store_path(), 2);
    let store = env.open();
    let written = written[0].name.clone();
    let old = written.notebook().into_owned();
    put(&store, &key(&old, "mine", "m"), b"x");
    let done = rename(&store, &pair(&old, "new.ipynb"), false, now()).unwrap();
    assert_eq!(done[0].moved.len(), 1);
    assert!(done[0].busy.contains(&written), "{done:?}");
    assert!(store.entry(&written).unwrap().hit().is_some());
    assert_eq!(store.list(&Pattern::notebook("new.ipynb")).unwrap().len(), 1);
}

#[test]
fn mv_says_what_it_does_and_leaves_files_alone() {
    let env = workspace();
    notebook(&env, "reports/sales.ipynb", "sales.ipynb");
    notebook(&env, "reports/stream.ipynb", "stream.ipynb");
    env.recell(&["record", "."]).ok();
    insta::assert_snapshot!(crate::support::transcript(
        &env,
        &[
            &["mv", "-n", "reports/sales.ipynb", "sales.ipynb"],
            &["mv", "reports/sales.ipynb", "sales.ipynb"],
            &["mv", "reports/sales.ipynb", "sales.ipynb"],
            &["mv", "-C", "reports", "../sales.ipynb", "."],
            &["mv", "reports", "archive/2026"],
            &["ls", "--notebooks"],
            &["record", "reports/sales.ipynb"],
            &["mv", "reports/sales.ipynb", "archive/2026/sales.ipynb"],
            &["mv", "--merge", "reports/sales.ipynb", "archive/2026/sales.ipynb"],
            &["mv", "nothing.ipynb", "x.ipynb"],
            &["mv", "archive/2026/sales.ipynb", "/elsewhere/x.ipynb"],
        ],
    ));
    assert!(env.root().join("reports/sales.ipynb").exists());
    let json: Value = serde_json::from_str(
        &env.recell(&["--json", "mv", "archive/2026/sales.ipynb", "s.ipynb"]).ok(),
    )
    .unwrap();
    assert_eq!(json["renamed"][0]["moved"][0]["to"]["notebook"], "s.ipynb");
    env.assert_at_rest("moved");
}

/// Returns what a command prints as `--json`.
fn json(env: &TestEnv, args: &[&str]) -> Value {
    serde_json::from_str(&env.recell(&[args, &["--json"]].concat()).ok()).unwrap()
}

/// Returns the names of entries in a printed list.
fn entries(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("{list}"));
    list.iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
}

/// Returns the entries that something names: pins, the lock, the tagged collection, the first run.
fn followers(env: &TestEnv) -> [Vec<String>; 4] {
    let shown = |name: &str| entries(&json(env, &["collection", "show", name])["entries"]);
    let lock = std::fs::read_to_string(env.root().join("recell.lock")).unwrap();
    let runs = json(env, &["collection", "ls", "--kind", "run"]);
    [
        entries(&json(env, &["pin", "--list"])),
        lock.lines()
            .filter_map(|l| Some(l.strip_prefix("  \"")?.split('"').next()?.to_owned()))
            .collect(),
        shown("best"),
        shown(runs[0]["name"].as_str().unwrap()),
    ]
}

/// A workspace whose recorded notebook `a.ipynb` has a pin, a lock, a run, and is in collections.
fn followed() -> TestEnv {
    let env = workspace();
    git(env.root(), &["init", "-q"]);
    notebook(&env, "a.ipynb", "sales.ipynb");
    notebook(&env, "other.ipynb", "stream.ipynb");
    env.recell(&["record", "."]).ok();
    env.recell(&["lock"]).ok();
    let all = names(&env);
    let (a, other) = all.iter().partition::<Vec<&String>, _>(|name| name.starts_with("a.ipynb/"));
    for entry in [a[0], other[0]] {
        env.recell(&["pin", entry]).ok();
    }
    env.recell(&["collection", "create", "best", a[0], a[1], other[0]]).ok();
    env.recell(&["collection", "create", "paper", a[0]]).ok();
    env.recell(&["collection", "freeze", "paper"]).ok();
    commit(&env);
    env
}

/// Holds that all that named entries of `a.ipynb` names those of `b.ipynb`.
fn assert_followed(env: &TestEnv, before: &[Vec<String>; 4], why: &str) {
    let after = followers(env);
    let now = names(env);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.len(), after.len(), "{why}: {after:?}");
        assert!(after.iter().all(|name| now.contains(name)), "{why}: {after:?} of {now:?}");
        assert!(after.iter().any(|name| name.starts_with("b.ipynb/")), "{why}: {after:?}");
        let others = |names: &[String]| -> Vec<String> {
            names.iter().filter(|name| name.starts_with("other")).cloned().collect()
        };
        assert_eq!(others(before), others(after), "{why}: what was not renamed stays");
    }
    let frozen = entries(&json(env, &["collection", "show", "paper"])["entries"]);
    assert!(frozen[0].starts_with("a.ipynb/"), "{why}: {frozen:?}");
    env.recell(&["verify"]).ok();
    env.recell(&["gc"]).ok();
    env.recell(&["verify"]).ok();
    assert_eq!(followers(env), after, "{why}: gc");
    env.assert_at_rest(why);
}

#[test]
fn pins_collections_and_the_lock_follow_whoever_renames() {
    for (command, why) in [
        (&["mv", "a.ipynb", "b.ipynb"][..], "mv"),
        (&["record", "b.ipynb"][..], "record"),
        (&["import-history"][..], "import-history"),
    ] {
        let env = followed();
        let before = followers(&env);
        git(env.root(), &["mv", "a.ipynb", "b.ipynb"]);
        git(env.root(), &["commit", "-q", "-m", "x"]);
        let said = env.recell(command).run().to_string();
        assert!(said.contains("`paper` is frozen and keeps the old names"), "{why}: {said}");
        assert!(!said.contains("error"), "{why}: {said}");
        assert_followed(&env, &before, why);
    }
}

#[test]
fn undoing_a_rename_brings_the_old_names_back_beside_the_new() {
    let env = followed();
    let old = names(&env);
    let before = followers(&env);
    env.recell(&["mv", "-n", "a.ipynb", "b.ipynb"]).ok();
    assert_eq!(followers(&env), before, "a plan changes nothing");
    env.recell(&["mv", "a.ipynb", "b.ipynb"]).ok();
    let after = followers(&env);
    env.recell(&["undo"]).ok();
    let now = names(&env);
    assert!(old.iter().all(|name| now.contains(name)), "{now:?}");
    assert_eq!(followers(&env), after);
    env.recell(&["verify"]).ok();
    let history = env.recell(&["collection", "show", "best", "--history"]).run().to_string();
    assert!(history.contains("rename 2 entries"), "{history}");
}

/// Commits all in the repository of the workspace.
fn commit(env: &TestEnv) {
    git(env.root(), &["add", "-A"]);
    git(env.root(), &["commit", "-q", "-m", "x"]);
}

#[test]
fn record_takes_the_history_of_a_renamed_notebook_along() {
    let notebooks = |env: &TestEnv| {
        let mut found: Vec<String> = env
            .open()
            .list(&Pattern::all())
            .unwrap()
            .iter()
            .map(|name| name.notebook().into_owned())
            .collect();
        found.dedup();
        found
    };
    for (how, why) in [("staged", "git mv"), ("committed", "and committed"), ("twice", "twice")] {
        let env = workspace();
        git(env.root(), &["init", "-q"]);
        notebook(&env, "a.ipynb", "sales.ipynb");
        notebook(&env, "other.ipynb", "stream.ipynb");
        env.recell(&["record", "."]).ok();
        commit(&env);
        git(env.root(), &["mv", "a.ipynb", "b.ipynb"]);
        if how != "staged" {
            commit(&env);
        }
        let mut now = "b.ipynb";
        if how == "twice" {
            now = "c.ipynb";
            git(env.root(), &["mv", "b.ipynb", "c.ipynb"]);
        }
        let said = env.recell(&["record", "."]).run().to_string();
        assert!(said.contains(&format!("`{now}` was `a.ipynb`")), "{why}: {said}");
        assert_eq!(notebooks(&env), [now, "other.ipynb"], "{why}");
        let again = env.recell(&["record", "."]).run().to_string();
        assert!(!again.contains("was `a.ipynb`"), "{why}: {again}");
    }
}

#[test]
fn record_only_hints_where_git_does_not_know_of_a_rename() {
    let env = workspace();
    git(env.root(), &["init", "-q"]);
    notebook(&env, "a.ipynb", "sales.ipynb");
    env.recell(&["record", "."]).ok();
    std::fs::rename(env.root().join("a.ipynb"), env.root().join("b.ipynb")).unwrap();
    let said = env.recell(&["record", "b.ipynb"]).run().to_string();
    assert!(said.contains("recell mv --merge a.ipynb b.ipynb"), "{said}");
    assert_eq!(env.open().list(&Pattern::notebook("a.ipynb")).unwrap().len(), 6, "{said}");
    // A copy is a notebook of its own.
    let env = workspace();
    notebook(&env, "a.ipynb", "sales.ipynb");
    env.recell(&["record", "."]).ok();
    notebook(&env, "b.ipynb", "sales.ipynb");
    let said = env.recell(&["record", "."]).run().to_string();
    assert!(!said.contains("mv"), "{said}");
}
