//! What the commits of the host repository changed: each version of each file of one kind, the
//! oldest first, with renames.

use std::io::{BufRead, BufReader};

use gix::ObjectId;

use super::host::HostRepository;
use super::process::{Git, GitCommand};
use super::stream::GitStream;
use crate::clock::Timestamp;
use crate::error::{Error, Result};

/// A commit that changed a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HistoryCommit {
    /// Its id.
    pub(crate) id: ObjectId,
    /// When it was committed, as its committer's clock says.
    pub(crate) committed: Timestamp,
    /// Whether it has more than one parent.
    pub(crate) is_merge: bool,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileMode {
    /// A plain file, executable or not.
    File,
    /// A symbolic link.
    Link,
    /// A submodule.
    Submodule,
    /// It is there no longer.
    Gone,
}

/// What a commit made of a file, compared with one of its parents.
///
/// A merge is compared with each of its parents, so that it may tell of one file several times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HistoryChange {
    /// Its path from the top of the repository, in which bytes that are no UTF-8 are `U+FFFD`.
    pub(crate) path: String,
    /// The path that it had before, where git takes it for renamed.
    pub(crate) renamed_from: Option<String>,
    /// Whether the path was not there before.
    pub(crate) is_new: bool,
    /// What it is from now on.
    pub(crate) mode: FileMode,
    /// Its content; of a file that is gone, nothing.
    pub(crate) blob: ObjectId,
    /// The content before; nothing if it was not there.
    pub(crate) blob_before: ObjectId,
}

/// Which commits are walked.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct HistoryRange<'a> {
    /// Revisions and ranges as git reads them, such as `main` or `main~50..main`. None means
    /// `HEAD`, all branches, those of remotes too, and all tags.
    pub(crate) revisions: &'a [String],
    /// Only commits since this moment, as git reads times.
    pub(crate) since: Option<&'a str>,
    /// Of what git takes for renamed alone.
    pub(crate) renames_only: bool,
}

/// Walks over the commits in `range`, parents before children, and gives `take` each change of a
/// file whose name ends in `extension`, until it says false.
///
/// A side of a merge that was not taken over is walked too.
///
/// # Errors
/// [`crate::Error::GitFailed`] if a revision is unknown, [`crate::Error::GitNotFound`],
/// [`crate::Error::TalkToGit`].
pub(crate) fn walk_history(
    host: &HostRepository,
    git: &Git,
    range: HistoryRange<'_>,
    extension: &str,
    mut take: impl FnMut(&HistoryCommit, HistoryChange) -> bool,
) -> Result<()> {
    let command = log_command(host, git, range, extension)?;
    let mut stream = GitStream::start(&command)?;
    drop(stream.take_stdin());
    let mut log = Log { tokens: BufReader::with_capacity(1 << 16, stream.take_stdout()) };
    let mut commit = None;
    loop {
        match log.next() {
            Ok(Some(Token::Commit(found))) => commit = Some(found),
            Ok(Some(Token::Change(change))) => {
                let Some(commit) = &commit else { continue };
                if !take(commit, change) {
                    return Ok(());
                }
            }
            Ok(None) => break,
            Err(source) => return Err(stream.broken(source)),
        }
    }
    drop(log);
    stream.finish()
}

/// Returns the paths of the commit that is checked out that end in `extension`; none before the
/// first commit.
///
/// # Errors
/// As [`walk_history`].
pub(crate) fn paths_at_head(
    host: &HostRepository,
    git: &Git,
    extension: &str,
) -> Result<Vec<String>> {
    if host.head_commit(git)?.is_none() {
        return Ok(Vec::new());
    }
    let asked = host.ask(git, ["ls-tree", "-r", "-z", "--full-tree", "--name-only", "HEAD"]);
    let output = asked.run()?.stdout;
    let paths = output.split(|byte| *byte == 0).filter(|path| !path.is_empty()).map(text);
    Ok(paths.filter(|path| path.ends_with(extension)).collect())
}

/// Returns the old and the new path of each file that git takes for renamed between the commit
/// that is checked out and the index, if its name ends in `extension`.
///
/// # Errors
/// As [`walk_history`].
pub(crate) fn staged_renames(
    host: &HostRepository,
    git: &Git,
    extension: &str,
) -> Result<Vec<(String, String)>> {
    if host.work_tree.is_none() {
        return Ok(Vec::new());
    }
    let asked = host.ask(git, ["diff-index", "--cached", "--raw", "-z", "--no-abbrev", "-M"]);
    let pathspec = format!(":(top)*{extension}");
    let asked = asked.args(["--diff-filter=R", "HEAD", "--", &pathspec]);
    let output = asked.run()?.stdout;
    let mut log = Log { tokens: output.as_slice() };
    let mut renames = Vec::new();
    while let Ok(Some(token)) = log.next() {
        if let Token::Change(HistoryChange { path, renamed_from: Some(old), .. }) = token {
            renames.push((old, path));
        }
    }
    Ok(renames)
}

/// Returns the command that prints the history.
fn log_command(
    host: &HostRepository,
    git: &Git,
    range: HistoryRange<'_>,
    extension: &str,
) -> Result<GitCommand> {
    // Settings of the user that would change what is printed.
    let fixed = ["log.showRoot=true", "log.showSignature=false", "log.follow=false"];
    let fixed = fixed.iter().chain(&["diff.relative=false", "diff.ignoreSubmodules=none"]);
    let mut args: Vec<String> =
        fixed.flat_map(|setting| ["-c".into(), (*setting).to_owned()]).collect();
    args.push("log".into());
    args.extend(
        ["--raw", "-z", "--no-abbrev", "--reverse", "--topo-order", "--full-history"]
            .map(String::from),
    );
    // A merge against each parent: what stands in it is a version of its own time.
    args.extend(["-m", "--no-ext-diff", "--no-color", "--format=%x01%H %ct %P"].map(String::from));
    // What a partial clone lacks cannot be looked into, and must not be fetched blob by blob.
    args.push(if is_partial(host, git)? { "-M100%" } else { "-M" }.into());
    if range.renames_only {
        args.push("--diff-filter=R".into());
    }
    args.extend(range.since.map(|since| format!("--since={since}")));
    if let Some(option) = range.revisions.iter().find(|revision| revision.starts_with('-')) {
        return Err(Error::GitFailed {
            command: "git log".into(),
            exit_code: None,
            stderr: format!("`{option}` is no revision"),
        });
    }
    if range.revisions.is_empty() {
        if host.head_commit(git)?.is_some() {
            args.push("HEAD".into());
        }
        args.extend(["--branches", "--remotes", "--tags"].map(String::from));
    } else {
        args.extend_from_slice(range.revisions);
    }
    args.extend(["--".into(), format!(":(top)*{extension}")]);
    Ok(host.ask(git, []).args(args))
}

/// Whether some objects are only on the remote.
fn is_partial(host: &HostRepository, git: &Git) -> Result<bool> {
    let keys = r"^(extensions\.partialclone|remote\..*\.promisor)$";
    let asked = host.ask(git, ["config", "--get-regexp", keys]);
    Ok(!asked.outcome()?.stdout.is_empty())
}

enum Token {
    Commit(HistoryCommit),
    Change(HistoryChange),
}

/// The output of `git log --raw -z`: texts that end in a zero byte.
struct Log<R> {
    tokens: R,
}

impl<R: BufRead> Log<R> {
    fn next(&mut self) -> std::io::Result<Option<Token>> {
        loop {
            let Some(token) = self.token()? else { return Ok(None) };
            let token = token.trim_ascii_start();
            if let Some(head) = token.strip_prefix(b"\x01") {
                if let Some(commit) = commit_of(head) {
                    return Ok(Some(Token::Commit(commit)));
                }
            } else if let Some(line) = token.strip_prefix(b":") {
                let Some(change) = self.change(&String::from_utf8_lossy(line))? else { continue };
                return Ok(Some(Token::Change(change)));
            }
        }
    }

    /// Reads `<mode> <mode> <id> <id> <status>` and the paths that follow.
    fn change(&mut self, line: &str) -> std::io::Result<Option<HistoryChange>> {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap_or_default();
        let (mode_before, mode, before, after, status) = (word(), word(), word(), word(), word());
        let first = self.path()?;
        let (path, old) = match status.as_bytes().first() {
            Some(b'R' | b'C') => (self.path()?, Some(first)),
            _ => (first, None),
        };
        let ids = (ObjectId::from_hex(before.as_bytes()), ObjectId::from_hex(after.as_bytes()));
        let (Ok(blob_before), Ok(blob)) = ids else { return Ok(None) };
        Ok(Some(HistoryChange {
            path,
            renamed_from: old.filter(|_| status.starts_with('R')),
            is_new: mode_before == "000000",
            mode: match mode {
                "120000" => FileMode::Link,
                "160000" => FileMode::Submodule,
                "000000" => FileMode::Gone,
                _ => FileMode::File,
            },
            blob,
            blob_before,
        }))
    }

    fn path(&mut self) -> std::io::Result<String> {
        Ok(self.token()?.map(|path| text(&path)).unwrap_or_default())
    }

    fn token(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut token = Vec::new();
        if self.tokens.read_until(0, &mut token)? == 0 {
            return Ok(None);
        }
        if token.last() == Some(&0) {
            token.pop();
        }
        Ok(Some(token))
    }
}

/// Reads `<id> <seconds> <parents>`.
fn commit_of(head: &[u8]) -> Option<HistoryCommit> {
    let head = text(head);
    let mut words = head.split_whitespace();
    let id = ObjectId::from_hex(words.next()?.as_bytes()).ok()?;
    // A commit without a time that can be read is as old as can be.
    let seconds: i64 = words.next()?.parse().unwrap_or(0);
    let committed = Timestamp::from_seconds(seconds);
    Some(HistoryCommit { id, committed, is_merge: words.count() > 1 })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::process::testing::{git as run, hermetic_git};
    use super::*;
    use crate::disk;

    struct Host {
        folder: tempfile::TempDir,
        git: Git,
    }

    impl Host {
        fn new() -> Host {
            let folder = tempfile::tempdir().unwrap();
            let host = Host { git: hermetic_git(folder.path()), folder };
            host.run(&["init", "-q", "-b", "main"]);
            host
        }

        fn run(&self, args: &[&str]) -> String {
            run(&self.git, self.folder.path(), args)
        }

        /// Commits `lines` numbered lines that end in `text`, at that second.
        fn commit(&self, path: &str, text: &str, second: i64) {
            let lines: Vec<String> = (0..20).map(|n| format!("{n} {}", n / 19 * second)).collect();
            let text = format!("{}\n{text}", lines.join("\n"));
            disk::replace(&self.folder.path().join(path), text.as_bytes()).unwrap();
            self.run(&["add", "-A"]);
            self.at(&["commit", "-q", "-m", "x"], second);
        }

        fn at(&self, args: &[&str], second: i64) {
            let date = format!("@{second} +0000");
            let command = self.git.command(args).in_folder(self.folder.path());
            command.variable("GIT_COMMITTER_DATE", date).run().unwrap();
        }

        /// The walk as text: second, `new`, mode, old path and path.
        fn walk(&self, revisions: &[&str]) -> Vec<String> {
            let host = HostRepository::discover(self.folder.path(), &self.git).unwrap();
            let revisions: Vec<String> = revisions.iter().map(|&text| text.into()).collect();
            let range = HistoryRange { revisions: &revisions, ..HistoryRange::default() };
            let mut found = Vec::new();
            walk_history(&host, &self.git, range, ".nb", |commit, change| {
                let HistoryChange { path, renamed_from, is_new, mode, .. } = change;
                let old = renamed_from.map(|old| format!("{old} -> ")).unwrap_or_default();
                let new = if is_new { "new " } else { "" };
                let merge = if commit.is_merge { "merge " } else { "" };
                let second = commit.committed.micros() / 1_000_000;
                found.push(format!("{second} {merge}{new}{mode:?} {old}{path}"));
                true
            })
            .unwrap();
            found
        }
    }

    #[test]
    fn every_version_of_every_branch_is_seen_parents_first() {
        let host = Host::new();
        assert_eq!(host.walk(&[]), [""; 0], "before the first commit");
        host.commit("a.nb", "1", 100);
        host.commit("other.txt", "1", 150);
        host.run(&["checkout", "-q", "-b", "side"]);
        host.commit("a.nb", "2", 90);
        host.run(&["checkout", "-q", "main"]);
        host.run(&["mv", "a.nb", "b \u{e9}.nb"]);
        host.at(&["commit", "-q", "-m", "x"], 200);
        host.at(&["merge", "-q", "--no-edit", "side"], 300);
        host.run(&["rm", "-q", "b \u{e9}.nb"]);
        host.at(&["commit", "-q", "-m", "x"], 400);
        assert_eq!(
            host.walk(&[]),
            [
                "100 new File a.nb",
                "200 File a.nb -> b \u{e9}.nb",
                "90 File a.nb",
                "300 merge File b \u{e9}.nb",
                "300 merge File a.nb -> b \u{e9}.nb",
                "400 Gone b \u{e9}.nb",
            ]
        );
        assert_eq!(host.walk(&["main~1..main"]), ["400 Gone b \u{e9}.nb"]);
        assert_eq!(host.walk(&["side", "^main~2"]), ["90 File a.nb"]);
    }

    #[test]
    fn a_merge_that_took_one_side_hides_none_of_the_other() {
        let host = Host::new();
        host.commit("a.nb", "1", 100);
        host.run(&["checkout", "-q", "-b", "side"]);
        host.commit("a.nb", "2", 110);
        host.run(&["checkout", "-q", "main"]);
        host.commit("x.txt", "1", 120);
        host.at(&["merge", "-q", "--no-edit", "-s", "ours", "side"], 130);
        host.run(&["branch", "-q", "-D", "side"]);
        assert_eq!(host.walk(&[]), ["100 new File a.nb", "110 File a.nb", "130 merge File a.nb"]);
    }

    #[test]
    fn links_are_told_from_files_and_settings_change_nothing() {
        let host = Host::new();
        host.commit("a.nb", "1", 100);
        std::os::unix::fs::symlink("a.nb", host.folder.path().join("l.nb")).unwrap();
        host.run(&["add", "-A"]);
        host.at(&["commit", "-q", "-m", "x"], 200);
        let plain = host.walk(&[]);
        assert_eq!(plain, ["100 new File a.nb", "200 new Link l.nb"]);
        for setting in [
            ["log.showRoot", "false"],
            ["diff.noprefix", "true"],
            ["diff.renames", "copies"],
            ["color.ui", "always"],
            ["log.follow", "true"],
            ["log.diffMerges", "off"],
        ] {
            host.run(&["config", setting[0], setting[1]]);
        }
        assert_eq!(host.walk(&[]), plain);
        let head = HostRepository::discover(host.folder.path(), &host.git).unwrap();
        assert_eq!(paths_at_head(&head, &host.git, ".nb").unwrap(), ["a.nb", "l.nb"]);
    }

    #[test]
    fn what_is_no_revision_never_becomes_an_option_of_git() {
        let host = Host::new();
        host.commit("a.nb", "1", 100);
        let found = HostRepository::discover(host.folder.path(), &host.git).unwrap();
        for text in ["--output=x", "no-such-branch"] {
            let revisions = [text.to_owned()];
            let range = HistoryRange { revisions: &revisions, ..HistoryRange::default() };
            let walked = walk_history(&found, &host.git, range, ".nb", |_, _| true);
            assert!(matches!(walked, Err(Error::GitFailed { .. })), "{text}");
        }
        assert!(!disk::is_there(&host.folder.path().join("x")));
    }
}
