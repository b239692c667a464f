//! The host repository's past: its commits, and files as they were in them. Only ever read.
//!
//! Nothing is fetched: in a shallow or partial clone, what is not here is told as absent.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use gix::ObjectId;

use super::batch::{Answer, first_answer};
use super::host::HostRepository;
use super::process::{Git, GitOutput};
use crate::clock::Timestamp;
use crate::disk;
use crate::error::{Error, Result};

/// The fewest hex digits that git takes for an id.
const SHORTEST_ID: usize = 4;

/// A commit of the host repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HostCommit {
    pub(crate) id: ObjectId,
    /// When it was committed, as the committer's clock said, to the second.
    pub(crate) committed_at: Timestamp,
}

impl HostRepository {
    /// Returns the commit that `text` names in any way that git knows: `HEAD~5`, a tag, a branch,
    /// `main@{yesterday}`, `:/words of its message`, a short id. `None` if it names no commit.
    ///
    /// The text is no argument of git, so that it cannot be an option.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] for the short id of several commits, and those of running git.
    pub(crate) fn revision(&self, git: &Git, text: &str) -> Result<Option<HostCommit>> {
        if text.contains(['\n', '\0']) {
            return Ok(None);
        }
        // What follows `:/` is searched for to the end of the text, and is found in commits only.
        let end = if text.starts_with(":/") { "" } else { "^{commit}" };
        let asked = self.ask(git, ["cat-file", "--batch"]).input(format!("{text}{end}\n"));
        let output = asked.outcome()?;
        if output.exit_code != Some(0) {
            // Git ends at some of what it does not find, as at `main@{1000}`. If it ended because
            // it cannot read the repository, it says so again.
            self.ask(git, ["rev-parse", "--git-dir"]).run()?;
            return Ok(None);
        }
        match first_answer(&output.stdout, true).map(|(answer, _)| answer) {
            Some(Answer::Object(id, "commit", bytes)) => Ok(commit_of(id, bytes)),
            _ => match self.commits_like(git, text)? {
                candidates if candidates.len() < 2 => Ok(None),
                candidates => Err(Error::Ambiguous { text: text.to_owned(), candidates }),
            },
        }
    }

    /// Returns the commits, and tags with a message, whose ids begin as a short id that `text`
    /// begins with: git tells several of them no otherwise than none.
    fn commits_like(&self, git: &Git, text: &str) -> Result<Vec<String>> {
        let start = text.split(['^', '~', '@']).next().unwrap_or_default();
        if start.len() < SHORTEST_ID || !start.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Vec::new());
        }
        let like = format!("--disambiguate={start}");
        let ids = self.ask(git, ["rev-parse"]).args([like]).run()?.stdout;
        let kinds = self.ask(git, ["cat-file", "--batch-check"]).input(ids).run()?.stdout;
        let mut rest = kinds.as_slice();
        let mut candidates = Vec::new();
        while let Some((answer, next)) = first_answer(rest, false) {
            if let Answer::Object(id, "commit" | "tag", _) = answer {
                candidates.push(id.to_string());
            }
            rest = next;
        }
        Ok(candidates)
    }

    /// Returns the bytes of the file at `path`, relative to the top of the repository with `/`,
    /// as `commit` has it; `None` if it has no such file, or it is not here. A link is a file
    /// whose bytes are its target.
    ///
    /// # Errors
    /// Those of running git.
    pub(crate) fn file_at(
        &self,
        git: &Git,
        commit: &ObjectId,
        path: &str,
    ) -> Result<Option<Vec<u8>>> {
        let mut found = self.files_at(git, &[(*commit, path)])?;
        Ok(found.pop().flatten())
    }

    /// Returns what [`HostRepository::file_at`] does for each of `wanted`, with one git for all.
    ///
    /// # Errors
    /// Those of running git.
    pub(crate) fn files_at(
        &self,
        git: &Git,
        wanted: &[(ObjectId, &str)],
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let is_line = |path: &str| !path.contains(['\n', '\0']);
        let on_a_line = wanted.iter().filter(|(_, path)| is_line(path));
        let names = lines(on_a_line.map(|(commit, path)| format!("{commit}:{path}")));
        let output = self.ask(git, ["cat-file", "--batch"]).input(names).run()?.stdout;
        let mut rest = output.as_slice();
        let mut files = Vec::with_capacity(wanted.len());
        for (commit, path) in wanted {
            if !is_line(path) {
                files.push(self.file_of_odd_name(git, commit, path)?);
                continue;
            }
            let Some((answer, next)) = first_answer(rest, true) else {
                files.push(None);
                continue;
            };
            rest = next;
            files.push(match answer {
                Answer::Object(_, "blob", bytes) => Some(bytes.to_vec()),
                _ => None,
            });
        }
        Ok(files)
    }

    /// Returns the different contents that the file at `path` has in `commits`, each once, with
    /// the first of the commits that has it. Takes two calls of git.
    ///
    /// # Errors
    /// Those of running git.
    pub(crate) fn versions_at(
        &self,
        git: &Git,
        commits: &[ObjectId],
        path: &str,
    ) -> Result<Vec<(ObjectId, Vec<u8>)>> {
        if commits.is_empty() || path.contains(['\n', '\0']) {
            return Ok(Vec::new());
        }
        let names = lines(commits.iter().map(|commit| format!("{commit}:{path}")));
        let kinds = self.ask(git, ["cat-file", "--batch-check"]).input(names).run()?.stdout;
        let mut rest = kinds.as_slice();
        let mut seen = HashSet::new();
        let mut wanted = Vec::new();
        for commit in commits {
            let Some((answer, next)) = first_answer(rest, false) else { break };
            rest = next;
            if let Answer::Object(blob, "blob", _) = answer
                && seen.insert(blob)
            {
                wanted.push((*commit, blob));
            }
        }
        let names = lines(wanted.iter().map(|(_, blob)| blob.to_string()));
        let output = self.ask(git, ["cat-file", "--batch"]).input(names).run()?.stdout;
        let mut rest = output.as_slice();
        let mut versions = Vec::with_capacity(wanted.len());
        for (commit, _) in wanted {
            let Some((answer, next)) = first_answer(rest, true) else { break };
            rest = next;
            if let Answer::Object(_, _, bytes) = answer {
                versions.push((commit, bytes.to_vec()));
            }
        }
        Ok(versions)
    }

    /// Returns a file whose path is no line of its own, as git's batches would need it.
    fn file_of_odd_name(
        &self,
        git: &Git,
        commit: &ObjectId,
        path: &str,
    ) -> Result<Option<Vec<u8>>> {
        if path.contains('\0') {
            return Ok(None);
        }
        let asked = self.ask(git, ["cat-file", "blob"]).args([format!("{commit}:{path}")]);
        let GitOutput { stdout, exit_code, .. } = asked.outcome()?;
        Ok((exit_code == Some(0)).then_some(stdout))
    }

    /// Returns the last `count` commits that `HEAD` has behind it and is, as `git log` lists
    /// them; none before the first commit. In a shallow clone they end where it does.
    ///
    /// # Errors
    /// Those of [`HostRepository::head_commit`] and of running git.
    pub(crate) fn recent_commits(&self, git: &Git, count: usize) -> Result<Vec<HostCommit>> {
        let Some(head) = self.head_commit(git)?.filter(|_| count > 0) else {
            return Ok(Vec::new());
        };
        // Not `git log`, which the user's settings make print more.
        let asked = self.ask(git, ["rev-list", "--timestamp"]);
        let listed = asked.args([format!("--max-count={count}"), head.to_string()]).run()?.text();
        let commit = |line: &str| {
            let (seconds, id) = line.split_once(' ')?;
            let id = ObjectId::from_hex(id.as_bytes()).ok()?;
            Some(HostCommit { id, committed_at: Timestamp::from_seconds(seconds.parse().ok()?) })
        };
        Ok(listed.lines().filter_map(commit).collect())
    }

    /// Returns `commit` and all commits behind it, as far as they are here.
    ///
    /// # Errors
    /// [`Error::GitFailed`] if the commit is not here, and the others of running git.
    pub(crate) fn ancestors(&self, git: &Git, commit: &ObjectId) -> Result<HashSet<ObjectId>> {
        let listed = self.ask(git, ["rev-list"]).args([commit.to_string()]).run()?.stdout;
        let ids = listed.split(|byte| *byte == b'\n');
        Ok(ids.filter_map(|hex| ObjectId::from_hex(hex).ok()).collect())
    }

    /// Returns a path as git names it, relative to the top of the work tree with `/`; the top
    /// itself is empty. `None` if it is outside, if there is no work tree, or if it is not UTF-8.
    ///
    /// What is not there yet is found by the nearest folder above it that is.
    pub(crate) fn relative_path(&self, path: &Path) -> Option<String> {
        let top = self.work_tree.as_deref()?;
        // The last link is what git tracks, not what it leads to.
        let folder = path.parent().map(nearest_real_path);
        let in_folder = folder.zip(path.file_name()).map(|(folder, name)| folder.join(name));
        let full = in_folder.unwrap_or_else(|| disk::real_path(path));
        let parts = full.strip_prefix(top).ok()?.components();
        let parts: Option<Vec<&str>> = parts
            .map(|part| match part {
                Component::Normal(name) => name.to_str(),
                _ => None,
            })
            .collect();
        Some(parts?.join("/"))
    }
}

/// Returns a path without links, of which the last parts may not be there yet.
fn nearest_real_path(path: &Path) -> PathBuf {
    let is_there = |folder: &&Path| !folder.as_os_str().is_empty() && disk::is_there(folder);
    match path.ancestors().find(is_there) {
        Some(found) => {
            let rest = path.strip_prefix(found).expect("it is one of the path's ancestors");
            disk::real_path(found).join(rest)
        }
        None => disk::real_path(Path::new(".")).join(path),
    }
}

/// Returns the texts as lines.
fn lines(texts: impl Iterator<Item = String>) -> String {
    texts.fold(String::new(), |lines, text| lines + &text + "\n")
}

/// Reads the time of a commit; `None` if the bytes are no commit's.
fn commit_of(id: ObjectId, bytes: &[u8]) -> Option<HostCommit> {
    let mut head = bytes.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    let committer = head.find_map(|line| line.strip_prefix(b"committer "))?;
    // Name, address in angle brackets, seconds since 1970, zone.
    let after = committer.rsplit(|byte| *byte == b'>').next()?;
    let seconds = std::str::from_utf8(after).ok()?.split_whitespace().next()?.parse().ok()?;
    Some(HostCommit { id, committed_at: Timestamp::from_seconds(seconds) })
}

#[cfg(test)]
mod tests {
    use super::super::process::testing::{environment, git as run, hermetic_git};
    use super::*;

    struct Host {
        folder: tempfile::TempDir,
        git: Git,
    }

    impl Host {
        fn new(init: &[&str]) -> Host {
            let folder = tempfile::tempdir().unwrap();
            let git = hermetic_git(folder.path());
            run(&git, folder.path(), &[&["init", "-q", "-b", "main"], init, &["host"]].concat());
            Host { folder, git }
        }

        /// A repository whose commit `n` has `n` in `notes/a.txt`, a day after the one before.
        fn with_commits(init: &[&str], count: i64) -> Host {
            let mut host = Host::new(init);
            for n in 1..=count {
                host.write("notes/a.txt", &n.to_string());
                host.git = Git::new(environment(
                    host.folder.path(),
                    &[("GIT_COMMITTER_DATE", &format!("{} +0530", seconds(n)))],
                ));
                host.run(&["add", "."]);
                host.run(&["commit", "-qm", &format!("number {n}")]);
            }
            host
        }

        fn path(&self, name: &str) -> PathBuf {
            disk::real_path(self.folder.path()).join("host").join(name)
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.path(name);
            disk::create_folders(path.parent().unwrap()).unwrap();
            disk::replace(&path, text.as_bytes()).unwrap();
        }

        fn run(&self, args: &[&str]) -> String {
            run(&self.git, &self.path(""), args)
        }

        fn found(&self) -> HostRepository {
            HostRepository::discover(&self.path(""), &self.git).unwrap()
        }

        fn revision(&self, text: &str) -> Option<HostCommit> {
            self.found().revision(&self.git, text).unwrap()
        }

        /// Returns which of the commits made by [`Host::with_commits`] is meant.
        fn nth(&self, text: &str) -> Option<i64> {
            let at = self.revision(text)?.committed_at;
            (1..100).find(|n| Timestamp::from_seconds(seconds(*n)) == at)
        }
    }

    fn seconds(n: i64) -> i64 {
        1_700_000_000 + n * 86_400
    }

    #[test]
    fn every_way_to_name_a_commit_is_gits_own() {
        for init in [&[][..], &["--object-format=sha256"], &["--ref-format=reftable"]] {
            let host = Host::with_commits(init, 4);
            host.run(&["tag", "light", "HEAD~1"]);
            host.run(&["tag", "-a", "-m", "words", "noted", "HEAD~2"]);
            host.run(&["branch", "topic/one", "HEAD~3"]);
            let short = host.run(&["rev-parse", "--short=12", "HEAD~2"]);
            for (text, expected, why) in [
                ("HEAD", Some(4), "what is checked out"),
                ("@~1", Some(3), "counted back"),
                ("light", Some(3), "a light tag"),
                ("noted", Some(2), "a tag with a message is peeled"),
                ("topic/one", Some(1), "a branch"),
                ("main@{1}", Some(3), "the branch before"),
                (&short, Some(2), "a short id"),
                (":/number 2", Some(2), "words of its message, which is no suffix's place"),
                ("HEAD^{/number 1}", Some(1), "words, looked for from a commit"),
                ("HEAD~9", None, "before the first"),
                ("main@{1000}", None, "git ends at this"),
                ("nothing", None, "no such name"),
                ("", None, "nothing at all"),
                ("HEAD:notes/a.txt", None, "a file is no commit"),
                ("HEAD:notes", None, "a folder is no commit"),
                ("HEAD~2..HEAD", None, "a range is no commit"),
                ("^HEAD", None, "all but a commit"),
                ("--all", None, "an option"),
                ("-h", None, "a short one"),
                ("--batch-all-objects", None, "one of the very command"),
                ("HEAD\nmain", None, "two lines"),
            ] {
                assert_eq!(host.nth(text), expected, "{init:?} `{text}`: {why}");
            }
        }
    }

    #[test]
    fn a_repository_that_cannot_be_read_is_an_error_and_not_an_absent_commit() {
        let host = Host::with_commits(&[], 1);
        let found = host.found();
        host.write(".git/HEAD", "no ref at all");
        assert_eq!(found.revision(&host.git, "main").unwrap_err().code(), "git_failed");
    }

    #[test]
    fn the_short_id_of_several_commits_is_ambiguous_and_the_error_lists_them() {
        let host = Host::new(&[]);
        let commits = lines(
            (0..900)
                .map(|n| format!("commit refs/heads/b{n}\ncommitter a <a@b> {n} +0000\ndata 0")),
        );
        let import = host.git.command(["fast-import", "--quiet"]).in_folder(&host.path(""));
        import.input(commits).run().unwrap();
        let all = host.run(&["for-each-ref", "--format=%(objectname)", "--sort=objectname"]);
        let ids: Vec<&str> = all.lines().collect();
        let pair = ids.windows(2).find(|pair| pair[0][..4] == pair[1][..4]);
        let pair = pair.expect("of 900 ids, always the same ones, two begin alike");
        let refused = host.found().revision(&host.git, &pair[0][..4]).unwrap_err();
        let Error::Ambiguous { candidates, .. } = refused else { panic!("{refused}") };
        assert!(pair.iter().all(|id| candidates.iter().any(|candidate| candidate == id)));
        assert!(host.revision(pair[0]).is_some(), "a whole id is not ambiguous");
    }

    #[test]
    fn a_file_comes_back_as_a_commit_has_it() {
        let host = Host::with_commits(&[], 2);
        let odd = ["with blank.txt", "with\nline.txt", "grüße.txt", "-dash", "notes/none"];
        for name in &odd[..4] {
            host.write(name, name);
        }
        host.run(&["add", "."]);
        host.run(&["commit", "-qm", "odd"]);
        let at = |revision: &str, path: &str| {
            let commit = host.revision(revision).unwrap().id;
            host.found().file_at(&host.git, &commit, path).unwrap()
        };
        assert_eq!(at("HEAD~2", "notes/a.txt"), Some(b"1".to_vec()));
        assert_eq!(at("HEAD~1", "notes/a.txt"), Some(b"2".to_vec()));
        for name in odd {
            let expected = (name != "notes/none").then(|| name.as_bytes().to_vec());
            assert_eq!(at("HEAD", name), expected, "{name:?}");
            assert_eq!(at("HEAD~1", name), None, "{name:?} was not there yet");
        }
        assert_eq!(at("HEAD", "notes"), None, "a folder is no file");
        assert_eq!(at("HEAD", "no\nsuch"), None);
    }

    #[test]
    fn many_files_come_back_in_the_order_they_were_asked_for() {
        let host = Host::with_commits(&[], 3);
        let commits = host.found().recent_commits(&host.git, 9).unwrap();
        let wanted: Vec<_> = commits
            .iter()
            .flat_map(|commit| [(commit.id, "notes/a.txt"), (commit.id, "none")])
            .collect();
        let texts: Vec<_> = host
            .found()
            .files_at(&host.git, &wanted)
            .unwrap()
            .into_iter()
            .map(|file| file.map(|bytes| String::from_utf8(bytes).unwrap()))
            .collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(texts, [text("3"), None, text("2"), None, text("1"), None]);
    }

    #[test]
    fn each_version_of_a_file_comes_once_with_its_newest_commit() {
        let host = Host::with_commits(&[], 2);
        for text in ["2", "1"] {
            host.write("notes/a.txt", text);
            host.run(&["commit", "-qam", "again", "--allow-empty"]);
        }
        let commits = host.found().recent_commits(&host.git, 9).unwrap();
        let commits: Vec<ObjectId> = commits.into_iter().map(|commit| commit.id).collect();
        let of = |path| host.found().versions_at(&host.git, &commits, path).unwrap();
        let expected = [(commits[0], b"1".to_vec()), (commits[1], b"2".to_vec())];
        assert_eq!(of("notes/a.txt"), expected);
        assert_eq!((of("notes"), of("none")), (vec![], vec![]));
    }

    #[test]
    fn commits_are_listed_newest_first_with_their_times() {
        let host = Host::with_commits(&[], 4);
        host.run(&["config", "log.showSignature", "true"]);
        let times = |count| {
            let commits = host.found().recent_commits(&host.git, count).unwrap();
            commits.iter().map(|commit| commit.committed_at).collect::<Vec<_>>()
        };
        assert_eq!(times(2), [4, 3].map(|n| Timestamp::from_seconds(seconds(n))));
        assert_eq!(times(100).len(), 4);
        assert_eq!(times(0), []);
        assert_eq!(Host::new(&[]).found().recent_commits(&host.git, 5).unwrap(), []);
    }

    #[test]
    fn ancestors_are_a_commit_and_all_behind_it() {
        let host = Host::with_commits(&[], 3);
        let id = |text: &str| host.revision(text).unwrap().id;
        let of = |text: &str| host.found().ancestors(&host.git, &id(text)).unwrap();
        assert_eq!(of("HEAD~1"), HashSet::from([id("HEAD~1"), id("HEAD~2")]));
        assert_eq!(of("HEAD").len(), 3);
        let absent = ObjectId::from_hex(&[b'1'; 40]).unwrap();
        let failure = host.found().ancestors(&host.git, &absent).unwrap_err();
        assert_eq!(failure.code(), "git_failed");
    }

    #[test]
    fn a_shallow_clone_ends_where_it_does() {
        let host = Host::with_commits(&[], 4);
        let from = format!("file://{}", host.path("").display());
        let folder = host.folder.path();
        run(&host.git, folder, &["clone", "-q", "--depth=2", &from, "shallow"]);
        let shallow = HostRepository::discover(&folder.join("shallow"), &host.git).unwrap();
        assert!(shallow.revision(&host.git, "HEAD~1").unwrap().is_some());
        assert_eq!(shallow.revision(&host.git, "HEAD~2").unwrap(), None);
        assert_eq!(shallow.recent_commits(&host.git, 9).unwrap().len(), 2);
        let old = host.revision("HEAD~3").unwrap().id;
        assert_eq!(shallow.file_at(&host.git, &old, "notes/a.txt").unwrap(), None);
    }

    #[test]
    fn a_bare_repository_has_a_past_but_no_paths() {
        let host = Host::with_commits(&[], 2);
        run(&host.git, host.folder.path(), &["clone", "-q", "--bare", "host", "bare.git"]);
        let bare = HostRepository::discover(&host.folder.path().join("bare.git"), &host.git);
        let bare = bare.unwrap();
        let head = bare.revision(&host.git, "HEAD").unwrap().unwrap();
        assert_eq!(Some(head), host.revision("main"));
        let file = bare.file_at(&host.git, &head.id, "notes/a.txt").unwrap();
        assert_eq!(file.as_deref(), Some(&b"2"[..]));
        assert_eq!(bare.relative_path(&host.path("notes/a.txt")), None);
    }

    #[test]
    fn paths_are_named_from_the_top_with_slashes() {
        let host = Host::with_commits(&[], 1);
        std::os::unix::fs::symlink(host.path("notes"), host.path("link")).unwrap();
        std::os::unix::fs::symlink("/etc/hosts", host.path("out")).unwrap();
        let found = host.found();
        for (path, expected, why) in [
            ("notes/a.txt", Some("notes/a.txt"), "a file"),
            ("link/a.txt", Some("notes/a.txt"), "through a link to a folder"),
            ("out", Some("out"), "a link is what git tracks"),
            ("new/er/b.txt", Some("new/er/b.txt"), "not there yet"),
            ("link/new/b.txt", Some("notes/new/b.txt"), "not there yet, through a link"),
            ("", Some(""), "the top"),
            ("../elsewhere", None, "outside"),
        ] {
            let named = found.relative_path(&host.path(path));
            assert_eq!(named.as_deref(), expected, "{path}: {why}");
        }
    }
}
