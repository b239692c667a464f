//! Secrets in results are found before a push, and a hook of git pushes results along.

use std::path::Path;
use std::process::Command;

use recell::sync::{find_secrets, scan_entries};
use recell::{Draft, SecretsSettings, Silent, Store};
use serde_json::Value;

use crate::support::{TestEnv, git, hermetic, key, transcript, try_git};

/// A token that nobody ever had; its pieces are no token for those who search this source.
fn token() -> String {
    ["gh", "p_", "R7mK2xQ9vL4nT8wZ1cY6", "bH3jD5fG0sA2pE7u"].concat()
}

fn put(store: &Store, cell: &str, text: &[u8]) {
    let draft = Draft::new("test").output("0.txt", "text/plain", text).unwrap();
    store.put(&key("nb.ipynb", cell, "m"), draft).unwrap();
}

fn json(env: &TestEnv, args: &[&str]) -> (Value, i32) {
    let ran = env.recell(args).run();
    (serde_json::from_slice(&ran.output.stdout).unwrap(), ran.code())
}

#[test]
fn secrets_are_shown_without_being_told_and_allowed_one_by_one() {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    env.write("a.txt", format!("first\nGH_TOKEN={}\npassword = \"kX9-d83kLq0z\"\n", token()));
    env.write("b.txt", format!("again {}\n", token()));
    env.recell(&["put", "nb.ipynb:env:m1", "0.txt=a.txt"]).ok();
    env.recell(&["put", "nb.ipynb:env:m2", "0.txt=b.txt"]).ok();
    let (found, code) = json(&env, &["secrets", "scan", "--json"]);
    assert_eq!((found["secrets"].as_u64(), code), (Some(2), 1));
    let digest = found["findings"][0]["digest"].as_str().unwrap().to_owned();
    let shown = transcript(
        &env,
        &[
            &["secrets", "scan"],
            &["secrets", "scan", "nb.ipynb:env:m2"],
            &["secrets", "scan", "other.ipynb"],
            &["secrets", "allow", &digest],
            &["secrets", "allow", &digest],
            &["secrets", "allow", "assigned-password", "--json"],
            &["secrets", "allow", "hunter2"],
            &["secrets", "scan"],
            &["config", "secrets.allow"],
        ],
    );
    assert!(!shown.contains(&token()) && !shown.contains("d83kLq0z"), "{shown}");
    insta::assert_snapshot!(shown);
    let settings = std::fs::read_to_string(env.root().join("recell.toml")).unwrap();
    assert!(settings.contains("# What is no secret"), "comments stay");
}

#[test]
fn what_was_clean_is_not_searched_again() {
    let env = TestEnv::new();
    let store = env.create();
    put(&store, "clean", b"42 rows");
    put(&store, "leak", token().as_bytes());
    let names = store.list(&recell::Pattern::all()).unwrap();
    let settings = SecretsSettings::default();
    let scan = |store: &Store, travels: bool| {
        scan_entries(store, &names, &settings, |_, _| travels, &Silent).unwrap()
    };
    let first = scan(&store, true);
    assert_eq!((first.entries, first.parts, first.found.len()), (2, 2, 1));
    assert_eq!(first.found[0].name.cell(), "leak");
    assert_eq!(scan(&store, true).parts, 1, "only what was not clean");
    assert_eq!(scan(&env.open(), true).parts, 1, "another process knows, too");
    std::fs::remove_file(env.store_path().join("recell/clean-of-secrets")).unwrap();
    assert_eq!(scan(&store, false).parts, 0, "what stays local is not searched");
    let again = scan(&store, true);
    assert_eq!((again.parts, &again.found), (2, &first.found), "the file may be lost");
    let allowed = SecretsSettings { allow: vec!["github-token".into()], ..settings.clone() };
    let report = scan_entries(&store, &names, &allowed, |_, _| true, &Silent).unwrap();
    assert_eq!((report.found.len(), report.allowed), (0, 1));
    assert!(report.outcome().is_ok() && first.outcome().is_err());
    drop(store);
    env.assert_at_rest("after searches");
}

#[test]
fn large_parts_are_searched_piece_by_piece_as_a_whole() {
    let env = TestEnv::new();
    let store = env.create();
    // More than is read at once; chunks end anywhere.
    let mut text: Vec<u8> = b"id,value,token\n".repeat(1_400_000);
    for at in [1 << 20, 7_000_003, 20_999_000] {
        text.splice(at..at, format!("\n{}\n", token()).into_bytes());
    }
    put(&store, "large", &text);
    let names = store.list(&recell::Pattern::all()).unwrap();
    let settings = SecretsSettings::default();
    let report = scan_entries(&store, &names, &settings, |_, _| true, &Silent).unwrap();
    let found: Vec<_> = report.found[0].findings.iter().map(|it| it.finding.clone()).collect();
    assert_eq!(found.len(), 3);
    assert_eq!(found, find_secrets(&text, "text/plain"));
}

#[test]
fn a_damaged_part_is_told_and_not_taken_for_clean() {
    let env = TestEnv::new();
    let store = env.create();
    put(&store, "a", b"needle in a pack");
    store.flush().unwrap();
    drop(store);
    crate::support::damage_pack(&env.store_path(), b"needle in a pack");
    let store = env.open();
    let names = store.list(&recell::Pattern::all()).unwrap();
    for _ in 0..2 {
        let settings = SecretsSettings::default();
        let report = scan_entries(&store, &names, &settings, |_, _| true, &Silent).unwrap();
        assert_eq!((report.found.len(), report.unread.len()), (0, 1));
    }
}

/// A repository with a remote and a workspace in a folder of it, and one result.
fn host() -> TestEnv {
    let env = TestEnv::new();
    git(env.root(), &["init", "-q", "--bare", "origin.git"]);
    git(env.root(), &["init", "-q", "work"]);
    env.write("work/nb/recell.toml", "");
    env.write("work/nb/a.txt", "42 rows");
    git(&work(&env), &["add", "."]);
    git(&work(&env), &["commit", "-qm", "one"]);
    git(&work(&env), &["remote", "add", "origin", "../origin.git"]);
    env.recell(&["-C", "work/nb", "put", "nb.ipynb:load:m1", "0.txt=a.txt"]).ok();
    env
}

fn work(env: &TestEnv) -> std::path::PathBuf {
    env.root().join("work")
}

/// Pushes the branch that is checked out, as a user would; returns what was said and the exit code.
fn push(folder: &Path) -> (String, i32) {
    let output = try_git(folder, &["push", "origin", "HEAD"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (text, output.status.code().unwrap())
}

fn ledgers(env: &TestEnv) -> usize {
    let refs = git(&env.root().join("origin.git"), &["for-each-ref", "--format=%(refname)"]);
    refs.lines().filter(|name| name.starts_with("refs/recell/ledger/")).count()
}

fn entries_there(env: &TestEnv) -> usize {
    let origin = env.root().join("origin.git");
    let refs = git(&origin, &["for-each-ref", "--format=%(refname)", "refs/recell/ledger"]);
    let of = |name: &str| git(&origin, &["ls-tree", "-r", "--name-only", name]);
    refs.lines().map(|name| of(name).matches("entry.toml").count()).sum()
}

#[test]
fn a_push_of_git_takes_results_along_from_every_work_tree() {
    let env = host();
    env.recell(&["-C", "work/nb", "hooks", "install"]).ok();
    let (said, code) = push(&work(&env));
    assert_eq!((code, ledgers(&env), entries_there(&env)), (0, 1, 1), "{said}");
    git(&work(&env), &["worktree", "add", "-q", "../linked"]);
    let linked = env.root().join("linked");
    git(&linked, &["commit", "-q", "--allow-empty", "-m", "two"]);
    env.recell(&["-C", "linked/nb", "put", "nb.ipynb:load:m2", "0.txt=a.txt"]).ok();
    let (said, code) = push(&linked);
    assert_eq!((code, entries_there(&env)), (0, 2), "{said}");
    assert_eq!(git(&work(&env), &["status", "--porcelain", "--", "nb/a.txt"]), "");
    // A branch without the workspace is pushed as ever.
    git(&linked, &["rm", "-rq", "nb"]);
    git(&linked, &["commit", "-qm", "three"]);
    std::fs::remove_dir_all(linked.join("nb")).ok();
    let (said, code) = push(&linked);
    assert_eq!(code, 0, "{said}");
    env.recell(&["-C", "work/nb", "hooks", "rm"]).ok();
    assert!(!work(&env).join(".git/hooks/pre-push").exists());
}

#[test]
fn hooks_go_where_the_repository_has_them() {
    let env = host();
    git(&work(&env), &["config", "core.hooksPath", ".githooks"]);
    env.recell(&["-C", "work/nb", "hooks", "install"]).ok();
    let hook = work(&env).join(".githooks/pre-push");
    let text = std::fs::read_to_string(&hook).unwrap();
    assert!(!text.contains(env!("CARGO_BIN_EXE_recell")), "it is to be committed:\n{text}");
    // recell is not in the path: the push goes on.
    let (said, code) = push(&work(&env));
    assert_eq!((code, ledgers(&env)), (0, 0), "{said}");
    assert!(said.contains("recell is gone"), "{said}");
    let program = Path::new(env!("CARGO_BIN_EXE_recell")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    git(&work(&env), &["commit", "-q", "--allow-empty", "-m", "two"]);
    let mut command = Command::new("git");
    let command = hermetic(command.args(["push", "-q", "origin", "HEAD"]), env.root());
    let pushed = command.current_dir(work(&env)).env("PATH", path).status().unwrap();
    assert_eq!((pushed.code(), ledgers(&env)), (Some(0), 1));
}

#[test]
fn a_remote_that_is_not_there_keeps_no_one_from_pushing_unless_that_is_wanted() {
    let env = host();
    env.write("work/nb/recell.toml", "[sync]\nremote = \"/nowhere/at/all.git\"\n");
    env.recell(&["-C", "work/nb", "hooks", "install"]).ok();
    let (said, code) = push(&work(&env));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("results were not pushed"), "{said}");
    git(&work(&env), &["commit", "-q", "--allow-empty", "-m", "two"]);
    env.recell(&["-C", "work/nb", "hooks", "install", "--strict"]).ok();
    let (said, code) = push(&work(&env));
    assert_ne!(code, 0, "{said}");
    assert_eq!(ledgers(&env), 0);
}

#[test]
fn hooks_of_others_stay_and_may_call_recell() {
    let env = host();
    let hook = work(&env).join(".git/hooks/pre-push");
    let install = ["-C", "work/nb", "hooks", "install"];
    let status = ["-C", "work/nb", "hooks", "status"];
    let mut shown = transcript(&env, &[&status, &install, &status]);
    std::fs::write(&hook, "#!/bin/sh\necho mine >&2\n").unwrap();
    shown += &transcript(&env, &[&install, &status, &["-C", "work/nb", "hooks", "rm"]]);
    assert_eq!(std::fs::read_to_string(&hook).unwrap(), "#!/bin/sh\necho mine >&2\n");
    // The line that the hint names does what it should.
    let line = shown.split("Add this line to it: `").nth(1).unwrap().split("`. ").next().unwrap();
    let program = env!("CARGO_BIN_EXE_recell");
    let line = line.replacen("recell -C", &format!("{program} -C"), 1);
    std::fs::write(&hook, format!("#!/bin/sh\necho mine >&2\n{line}\n")).unwrap();
    let (said, code) = push(&work(&env));
    assert_eq!((code, ledgers(&env)), (0, 1), "{said}");
    assert!(said.contains("mine"), "{said}");
    // Nor does it keep a branch without results from being pushed.
    std::fs::rename(work(&env).join("nb"), env.root().join("nb")).unwrap();
    git(&work(&env), &["commit", "-qam", "two"]);
    assert_eq!(push(&work(&env)).1, 0);
    std::fs::rename(env.root().join("nb"), work(&env).join("nb")).unwrap();
    shown += &transcript(&env, &[&status, &["-C", "work/nb", "hooks", "rm"]]);
    assert!(hook.exists());
    insta::assert_snapshot!(shown);
}
