//! Push and pull: two workspaces, one shared repository, everything that each of them has.

use std::path::PathBuf;

use crate::cli::workspace;
use crate::support::{TestEnv, git};

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
    let text = ben.recell(&["cat", &one, "outputs/0.txt"]).ok();
    assert_eq!(text, "of Anna");
    let again = anna.recell(&["push"]).run();
    let said = String::from_utf8_lossy(&again.output.stderr);
    assert!(said.contains("nothing to push"), "{said}");
}
