//! A repository elsewhere, spoken to through the git executable: its credentials, ssh and proxies
//! just work.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use gix::ObjectId;

use super::fetching::FetchPlace;
use super::host_remote::RemoteAddress;
use super::process::{Git, GitCommand, without_password};
use super::progress_lines::Watch;
use super::remote_words;
use super::room::Room;
use crate::config::ObjectFormat;
use crate::disk;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// What git needs to hear whatever the user's settings say: no loose objects, no maintenance in
/// the background, no recursion, and no hooks in our repository.
const OURS: [&str; 9] = [
    "fetch.unpackLimit=1",
    "gc.auto=0",
    "maintenance.auto=false",
    "fetch.writeCommitGraph=false",
    "fetch.recurseSubmodules=false",
    "push.recurseSubmodules=no",
    "push.followTags=false",
    "push.default=nothing",
    "core.hooksPath=/dev/null",
];

/// What a remote is called while it is fetched from: an address is no name for a remote of which
/// more is said.
const REMOTE: &str = "recell";

/// A remote, and the store that speaks with it.
#[derive(Debug, Clone)]
pub(crate) struct GitRemote {
    address: RemoteAddress,
    git: Git,
    git_dir: PathBuf,
}

/// One ref that is to be pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PushRef {
    /// Its full name on the remote.
    pub(crate) name: String,
    /// What it is to stand for; `None` removes it.
    pub(crate) new: Option<ObjectId>,
    /// Whether it may stand for something else than an ancestor now: only if it stands for just
    /// this, or with `None` inside is not there.
    #[expect(clippy::option_option, reason = "that nothing be there is a lease, too")]
    pub(crate) lease: Option<Option<ObjectId>>,
}

/// What is known of the contents that are pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PushedContents {
    /// They are small: sending one once more costs less than looking whether the remote has it.
    Small,
    /// Some may be there under other names: those are not sent again.
    Shared,
}

/// What became of one ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PushedRef {
    /// The remote says that it took it, or had it.
    Taken,
    /// The remote has something that it does not descend from: somebody else was faster.
    Behind(String),
    /// The remote, or git for it, refused it, with its words.
    Refused(String),
}

/// What a push did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PushAnswer {
    /// By the name on the remote; a ref that the remote said nothing about is not there.
    pub(crate) refs: BTreeMap<String, PushedRef>,
    /// What git and the remote wrote besides, without passwords.
    pub(crate) words: String,
    /// Whether git ended as it does if all went well.
    pub(crate) ok: bool,
}

/// How to fetch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FetchHow<'a> {
    /// git's filter for what is left out, such as `blob:none`.
    pub(crate) filter: Option<&'a str>,
    /// Whether refs that the remote no longer has go from where the refspecs put them.
    pub(crate) prune: bool,
}

impl GitRemote {
    /// Returns the remote as the store in `git_dir` speaks with it. Nothing is run yet.
    pub(crate) fn new(address: RemoteAddress, git: &Git, git_dir: &Path) -> GitRemote {
        GitRemote { address, git: git.clone(), git_dir: git_dir.to_owned() }
    }

    /// Returns what is fetched from, without a password.
    pub(crate) fn shown(&self) -> String {
        without_password(&self.address.fetch)
    }

    /// Returns what is fetched from, as git takes it, without the password that stands in it.
    pub(crate) fn without_password(&self) -> String {
        let address = &self.address.fetch;
        let Some((scheme, rest)) = address.split_once("://") else { return address.clone() };
        let host_ends = rest.find('/').unwrap_or(rest.len());
        let Some(at) = rest[..host_ends].rfind('@') else { return address.clone() };
        let user = rest[..at].split(':').next().unwrap_or_default();
        format!("{scheme}://{user}{}", &rest[at..])
    }

    /// Whether it is a repository on this machine: there, bytes cost less than computing.
    pub(crate) fn is_local(&self) -> bool {
        let address = &self.address.push;
        address.starts_with("file://") || address.starts_with('/')
    }

    /// Returns what is fetched from.
    pub(super) fn fetched_from(&self) -> &str {
        &self.address.fetch
    }

    pub(super) fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> GitCommand {
        let ours = OURS.iter().flat_map(|setting| ["-c", setting]);
        self.git
            .command(ours)
            .args(args)
            .on_repository(&self.git_dir)
            .settings(&self.address.settings)
    }

    /// Returns the refs of the remote whose names match one of git's `patterns`.
    ///
    /// # Errors
    /// `RemoteUnreachable` and its family in [`Error`] if the remote cannot be reached or refuses,
    /// [`Error::GitNotFound`].
    pub(crate) fn list(&self, patterns: &[&str]) -> Result<BTreeMap<String, ObjectId>> {
        self.list_at(&self.address.fetch, patterns)
    }

    /// As [`GitRemote::list`], of what is pushed to.
    ///
    /// # Errors
    /// As [`GitRemote::list`].
    pub(crate) fn list_pushed(&self, patterns: &[&str]) -> Result<BTreeMap<String, ObjectId>> {
        self.list_at(&self.address.push, patterns)
    }

    fn list_at(&self, address: &str, patterns: &[&str]) -> Result<BTreeMap<String, ObjectId>> {
        let args = ["ls-remote", "--quiet", "--refs", address];
        let listed = self.command(args).args(patterns).run();
        let output = listed.map_err(|error| failure(address, error))?;
        let mut found = BTreeMap::new();
        for line in output.text().lines() {
            if let Some((id, name)) = line.split_once('\t')
                && let Ok(id) = ObjectId::from_hex(id.as_bytes())
            {
                found.insert(name.to_owned(), id);
            }
        }
        Ok(found)
    }

    /// Fetches what `refspecs` say.
    ///
    /// # Errors
    /// [`Error::GitFailed`] if the remote cannot be reached or refuses, [`Error::GitNotFound`].
    pub(crate) fn fetch(&self, refspecs: &[String], how: FetchHow<'_>) -> Result<()> {
        if refspecs.is_empty() {
            return Ok(());
        }
        let mut settings = vec![format!("remote.{REMOTE}.url={}", self.address.fetch)];
        if let Some(filter) = how.filter {
            // So that git takes the remote for one that has what is left out, and writes nothing
            // of that into the settings of the store.
            settings.push(format!("remote.{REMOTE}.promisor=true"));
            settings.push(format!("remote.{REMOTE}.partialclonefilter={filter}"));
        }
        let settings = settings.iter().flat_map(|setting| ["-c", setting.as_str()]);
        let mut command = self.command([]).args(settings);
        command = command.args(["fetch", "--quiet", "--no-tags", "--refmap="]);
        if how.prune {
            command = command.args(["--prune"]);
        }
        let mut lines = refspecs.join("\n");
        lines.push('\n');
        let fetched = command.args(["--stdin", REMOTE]).input(lines).run();
        // Nobody but a merge would ask for it.
        disk::remove(&self.git_dir.join("FETCH_HEAD"))?;
        fetched.map(drop).map_err(|error| failure(&self.address.fetch, error))
    }

    fn room_to_push(&self, refs: &[PushRef]) -> Result<Room> {
        /// No two rooms of this process have one name.
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let is_long = |change: &PushRef| change.new.is_some_and(|id| id.as_bytes().len() > 20);
        let format =
            if refs.iter().any(is_long) { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 };
        let name = format!("push-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let room = Room::make(&FetchPlace { git_dir: self.git_dir.clone(), format, name }, &[])?;
        room.heed(&self.git_dir.join("config"))?;
        Ok(room)
    }

    /// Pushes refs in one go; how far git has come goes to `progress`.
    ///
    /// # Errors
    /// [`Error::GitNotFound`] and [`Error::TalkToGit`]. What the remote says is the answer.
    pub(crate) fn push(
        &self,
        refs: &[PushRef],
        contents: PushedContents,
        progress: Option<&dyn Progress>,
    ) -> Result<PushAnswer> {
        // Only with the ids of what is pushed does git not look for them among all the tags.
        let room = self.room_to_push(refs)?;
        let mut command = self.command(["-c", "core.alternateRefsCommand=:"]).in_room(&room);
        if self.is_local() {
            command = command.args(["-c", "pack.window=0", "-c", "pack.compression=0"]);
        }
        // git looks for what the remote has at the places of what is new alone, unless it is told.
        if contents == PushedContents::Shared {
            command = command.args(["-c", "pack.useSparse=false"]);
        }
        command = command.args(["push", "--porcelain", "--no-verify"]);
        command = command.args([if progress.is_some() { "--progress" } else { "--no-progress" }]);
        for change in refs {
            if let Some(lease) = &change.lease {
                let lease = lease.as_ref().map(ToString::to_string).unwrap_or_default();
                command = command.args([format!("--force-with-lease={}:{lease}", change.name)]);
            }
        }
        command = command.args([&self.address.push]);
        for PushRef { name, new, .. } in refs {
            let new = new.as_ref().map(ToString::to_string).unwrap_or_default();
            command = command.args([format!("{new}:{name}")]);
        }
        let output = command.outcome_watched(progress.map(Watch::new))?;
        let mut answer = PushAnswer {
            words: without_password(output.stderr.trim_end()),
            ok: output.exit_code == Some(0),
            ..PushAnswer::default()
        };
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if let Some((name, outcome)) = read_line(line) {
                answer.refs.insert(name, outcome);
            }
        }
        Ok(answer)
    }
}

/// What git and hosts say of a ref that somebody else changed meanwhile.
const RACES: [&str; 8] = [
    "non-fast-forward",
    "fetch first",
    "stale info",
    "needs force",
    "failed to update ref",
    "cannot lock ref",
    "failed to lock",
    "incorrect old value",
];

/// Reads a line of `git push --porcelain`: flag, `from:to`, summary.
fn read_line(line: &str) -> Option<(String, PushedRef)> {
    let mut fields = line.split('\t');
    let (flag, names, summary) = (fields.next()?, fields.next()?, fields.next()?);
    let (_, name) = names.split_once(':')?;
    let outcome = match flag {
        " " | "+" | "-" | "*" | "=" => PushedRef::Taken,
        "!" => {
            let is_race = RACES.iter().any(|words| summary.contains(words));
            if is_race {
                PushedRef::Behind(summary.to_owned())
            } else {
                PushedRef::Refused(summary.to_owned())
            }
        }
        _ => return None,
    };
    Some((name.to_owned(), outcome))
}

impl PushAnswer {
    /// Returns what git said, as an error, if the remote said nothing about any ref: it was not
    /// reached, or broke off.
    pub(crate) fn failure(&self, remote: &GitRemote) -> Option<Error> {
        let address = &remote.address.push;
        let command = format!("git push {}", without_password(address));
        let is_silent = !self.ok && self.refs.is_empty();
        is_silent.then(|| remote_words::failure(address, command, Some(1), &self.words))
    }
}

/// Returns what the failure of a git that spoke with `address` means.
fn failure(address: &str, error: Error) -> Error {
    match error {
        Error::GitFailed { command, exit_code, stderr } => {
            remote_words::failure(address, command, exit_code, &stderr)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::process::testing::{git as run, hermetic_git};
    use super::*;

    #[test]
    fn refs_are_pushed_listed_and_fetched_and_a_lost_race_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let git = hermetic_git(folder.path());
        let path = |name: &str| folder.path().join(name);
        for name in ["a", "b", "shared"] {
            run(&git, folder.path(), &["init", "-q", "--bare", name]);
        }
        let commit = |name: &str, message: &str| {
            let tree = run(&git, &path(name), &["hash-object", "-w", "-t", "tree", "/dev/null"]);
            let hex = run(&git, &path(name), &["commit-tree", "-m", message, &tree]);
            ObjectId::from_hex(hex.as_bytes()).unwrap()
        };
        let url = path("shared").to_string_lossy().into_owned();
        let address = RemoteAddress { fetch: url.clone(), push: url, settings: Vec::new() };
        let remote = |name: &str| GitRemote::new(address.clone(), &git, &path(name));
        let (a, b) = (remote("a"), remote("b"));
        let name = "refs/recell/ledger/x".to_owned();
        let one = commit("a", "one");
        let push = |id| [PushRef { name: name.clone(), new: Some(id), lease: None }];
        let answer = a.push(&push(one), PushedContents::Small, None).unwrap();
        assert!(answer.ok && answer.refs[&name] == PushedRef::Taken, "{answer:?}");
        assert_eq!(a.list(&["refs/recell/*"]).unwrap(), [(name.clone(), one)].into());
        let answer = b.push(&push(commit("b", "two")), PushedContents::Small, None).unwrap();
        assert!(matches!(answer.refs[&name], PushedRef::Behind(_)), "{answer:?}");
        let spec = ["+refs/recell/*:refs/recell/remote/x/*".to_owned()];
        b.fetch(&spec, FetchHow { filter: Some("blob:none"), prune: true }).unwrap();
        let found = run(&git, &path("b"), &["rev-parse", "refs/recell/remote/x/ledger/x"]);
        assert_eq!(found, one.to_string());
        let config = crate::disk::read(&path("b").join("config")).unwrap();
        assert!(
            !String::from_utf8_lossy(&config).contains("promisor"),
            "settings stay as they are"
        );
        let gone = remote("a");
        let nowhere = RemoteAddress { push: "/no/such/place".into(), ..address.clone() };
        let answer = GitRemote::new(nowhere, &git, &path("a"))
            .push(&push(one), PushedContents::Small, None)
            .unwrap();
        assert!(answer.failure(&gone).is_some(), "{answer:?}");
    }
}
