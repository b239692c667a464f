//! A hook of the user's repository runs with `GIT_DIR` and its family set: recell never writes
//! there.

use std::path::Path;

use crate::support::child::{Job, acks, assert_kept};
use crate::support::{TestEnv, files_below, git};

/// Returns every file with its bytes and time of change.
fn state(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>, std::time::SystemTime)> {
    files_below(folder)
        .into_iter()
        .map(|path| {
            let changed = std::fs::metadata(&path).unwrap().modified().unwrap();
            (path.clone(), std::fs::read(&path).unwrap(), changed)
        })
        .collect()
}

#[test]
fn the_repository_of_the_user_is_not_touched_by_leaked_variables() {
    let env = TestEnv::new();
    let theirs = env.root().join("theirs");
    std::fs::create_dir(&theirs).unwrap();
    git(&theirs, &["init", "-q"]);
    std::fs::write(theirs.join("notebook.ipynb"), "{}").unwrap();
    git(&theirs, &["add", "."]);
    git(&theirs, &["commit", "-q", "-m", "first"]);
    let before = state(&theirs);
    drop(env.create());
    for role in ["write", "recover"] {
        let job = Job { role, count: 12, flush_every: 5, ..Job::new(role, &env.store_path(), 1) };
        let output = job
            .command()
            .current_dir(&theirs)
            .env("GIT_DIR", theirs.join(".git"))
            .env("GIT_WORK_TREE", &theirs)
            .env("GIT_INDEX_FILE", theirs.join(".git/index"))
            .env("GIT_OBJECT_DIRECTORY", theirs.join(".git/objects"))
            .env("GIT_COMMON_DIR", theirs.join(".git"))
            .env("GIT_NAMESPACE", "other")
            .output()
            .unwrap();
        assert!(output.status.success(), "{role}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(state(&theirs) == before, "every byte is as it was");
    let all = acks(&Job::new("write", &env.store_path(), 1).acks);
    assert_eq!(all.len(), 12);
    assert_kept(&env.open(), &all, "and all went into the store");
    env.assert_at_rest("after all");
}
