//! Git as a user has it who has set nothing.

use std::path::Path;
use std::process::{Command, Output};

/// Gives a command an environment that nobody's settings reach, and a name for commits.
pub fn hermetic<'c>(command: &'c mut Command, home: &Path) -> &'c mut Command {
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "A U Thor")
        .env("GIT_AUTHOR_EMAIL", "author@example.com")
        .env("GIT_COMMITTER_NAME", "A U Thor")
        .env("GIT_COMMITTER_EMAIL", "author@example.com")
}

/// Runs git in a folder and returns what it printed.
pub fn git(folder: &Path, args: &[&str]) -> String {
    let output = try_git(folder, args);
    assert!(
        output.status.success(),
        "git {args:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs git in a folder, whatever comes of it.
pub fn try_git(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new("git");
    // Stores that children made as another user.
    command.args(["-c", "safe.directory=*", "-C"]).arg(folder).args(args);
    hermetic(&mut command, folder).output().unwrap()
}
