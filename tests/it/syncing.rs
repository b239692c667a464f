//! Push and pull: two workspaces, one shared repository, everything that each of them has.

use std::path::PathBuf;

use crate::cli::workspace;
use crate::support::{TestEnv, git, noise, size_of};

/// A shared repository, and workspaces whose `origin` it is.
pub struct Team {
    folder: tempfile::TempDir,
}

impl Team {
    pub fn new() -> Team {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "-q", "--bare", "shared.git"]);
        Team { folder }
    }

    pub fn shared(&self) -> PathBuf {
        self.folder.path().join("shared.git")
    }

    /// Returns a new member whose store has another id than those made by [`Team::member`].
    pub fn member_named(&self, seed: &str) -> TestEnv {
        let env = TestEnv::new();
        env.recell(&["init"]).with("RECELL_SEED", seed).ok();
        git(env.root(), &["init", "-q", "-b", "main"]);
        git(env.root(), &["remote", "add", "origin", self.shared().to_str().unwrap()]);
        env
    }

    /// Returns a new member: a workspace in a host repository with that `origin`.
    pub fn member(&self) -> TestEnv {
        let env = workspace();
        git(env.root(), &["init", "-q", "-b", "main"]);
        git(env.root(), &["remote", "add", "origin", self.shared().to_str().unwrap()]);
        env
    }
}

/// Puts one output and returns the name of the entry.
pub fn put(env: &TestEnv, key: &str, text: &str) -> String {
    env.recell(&["put", key, "outputs/0.txt=-"]).input(text.as_bytes()).ok().trim().to_owned()
}

pub fn names(env: &TestEnv) -> Vec<String> {
    env.git(&["tag", "-l"]).lines().map(str::to_owned).collect()
}

#[test]
fn what_one_pushes_the_other_pulls_and_both_hold_the_union() {
    let team = Team::new();
    let (anna, ben) = (team.member(), team.member());
    let one = put(&anna, "a.ipynb:load:1", "of Anna");
    let two = put(&ben, "a.ipynb:load:1", "of Ben");
    anna.recell(&["push"]).ok();
    // Both stores were made from one seed: they extend one ledger.
    ben.recell(&["push"]).ok();
    ben.recell(&["pull"]).ok();
    anna.recell(&["pull"]).ok();
    let mut both = vec![one.clone(), two];
    both.sort();
    assert_eq!(names(&anna), both);
    assert_eq!(names(&ben), both);
    let status = ben.recell(&["status"]).ok();
    assert!(status.contains("0 to push, 0 to pull, last spoken to"), "{status}");
    let cleo = team.member_named("3");
    cleo.recell(&["pull"]).ok();
    let status = cleo.recell(&["status"]).ok();
    assert!(status.contains("0 to push, 0 to pull, last spoken to"), "{status}");
    let text = ben.recell(&["cat", &one, "outputs/0.txt"]).ok();
    assert_eq!(text, "of Anna");
    anna.assert_at_rest("after a sync");
    let again = anna.recell(&["push"]).run();
    let said = String::from_utf8_lossy(&again.output.stderr);
    assert!(said.contains("nothing to push"), "{said}");
}

#[test]
fn what_only_a_remote_has_is_no_damage_and_what_was_pruned_gives_its_bytes_back() {
    let team = Team::new();
    let (anna, ben) = (team.member(), team.member());
    git(&team.shared(), &["config", "uploadpack.allowFilter", "true"]);
    let noise = "some bytes ".repeat(50_000);
    let old = put(&anna, "a.ipynb:load:1", &noise);
    anna.recell(&["push"]).ok();
    ben.recell(&["-c", "sync.fetch=lazy", "pull"]).ok();
    assert_eq!(names(&ben), [old.as_str()]);
    let verify = |env: &TestEnv| -> serde_json::Value {
        serde_json::from_str(&env.recell(&["verify", "--full", "--json"]).ok()).unwrap()
    };
    assert_eq!(verify(&ben)["remote_parts"], 1);
    assert_eq!(verify(&anna)["remote_parts"], 0);
    ben.recell(&["gc", "--all"]).ok();
    ben.recell(&["repair", "--yes"]).ok();
    assert_eq!(names(&ben), [old.as_str()], "it is not lost");
    // Anna removes it: the remote has it, so its bytes need not stay here.
    let before = size_of(&anna.store_path());
    anna.recell(&["rm", &old]).ok();
    anna.recell(&["gc", "--all"]).ok();
    let freed = before - size_of(&anna.store_path());
    assert!(freed > 1000, "{freed} bytes were given back");
    anna.recell(&["pull"]).ok();
    assert_eq!(names(&anna), [""; 0], "what was removed does not come back by itself");
    let new = put(&anna, "a.ipynb:load:2", "new");
    anna.recell(&["push"]).ok();
    anna.recell(&["pull", "--all"]).ok();
    assert_eq!(names(&anna), [old, new]);
    assert_eq!(verify(&anna)["remote_parts"], 0, "its bytes came, too");
}

#[test]
fn packs_of_many_pulls_become_few() {
    let team = Team::new();
    let (anna, ben) = (team.member(), team.member());
    for n in 0..12 {
        put(&anna, &format!("a.ipynb:load:{n}"), &format!("{n} of Anna"));
        anna.recell(&["push"]).ok();
        ben.recell(&["pull"]).ok();
    }
    let packs = std::fs::read_dir(ben.store_path().join("objects/pack")).unwrap();
    let packs = packs.filter(|it| it.as_ref().unwrap().path().extension() == Some("idx".as_ref()));
    assert!(packs.count() <= 8);
    assert_eq!(names(&ben).len(), 12);
    ben.assert_at_rest("after many pulls");
}

#[test]
fn what_is_to_stay_here_stays_and_what_looks_like_a_secret_stops_a_push() {
    let team = Team::new();
    let (anna, ben) = (team.member(), team.member_named("2"));
    anna.write("df.bin", noise(30_000, 1));
    let early = anna.recell(&["put", "a.ipynb:load:1", "variables/df.bin=df.bin"]).ok();
    anna.recell(&["-c", "sync.exclude=variables/**", "push"]).ok();
    ben.recell(&["-c", "sync.fetch=all", "pull"]).ok();
    let key = "a.ipynb:load:1";
    let miss = ben.recell(&["cat", key, "variables/df.bin"]).run();
    assert_eq!(miss.code(), 3, "{miss}");
    assert_ne!(names(&anna), [early.trim()], "it was made anew without the part");
    assert_eq!(names(&anna), names(&ben));
    let read = anna.recell(&["cat", key, "variables/df.bin"]).run();
    assert_eq!(read.output.stdout, noise(30_000, 1), "it is read here as ever");
    let token = ["ghp", "_", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"].concat();
    put(&anna, "a.ipynb:login:1", &format!("token {token}"));
    let stopped = anna.recell(&["push"]).run();
    assert_eq!(stopped.code(), 1, "{stopped}");
    let said = String::from_utf8_lossy(&stopped.output.stderr).into_owned();
    assert!(!said.contains(&token) && said.contains("secrets allow"), "{said}");
    assert_eq!(git(&team.shared(), &["for-each-ref"]).lines().count(), 1, "nothing went");
    anna.recell(&["push", "--allow-secrets"]).ok();
    ben.recell(&["pull"]).ok();
    assert_eq!(names(&ben).len(), 2);
}
