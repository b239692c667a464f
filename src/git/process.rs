//! The git executable, run in an environment that cannot send it to another repository.
//!
//! When git runs a hook or a filter it exports `GIT_DIR` and its family. A git started from there
//! with those still set would work on the user's repository, whatever folder it was given.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use super::given_settings::given_settings;
use super::progress_lines::Watch;
use crate::error::{Error, Result};

/// The oldest git that recell works with: it has partial clone, which pulling builds on.
pub(crate) const OLDEST_GIT: GitVersion = GitVersion { major: 2, minor: 20, patch: 0 };

/// What `git rev-parse --local-env-vars` lists in any release since [`OLDEST_GIT`], and what else
/// tells git which repository, objects, refs or paths are meant.
const SCRUBBED: [&str; 30] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ATTR_SOURCE",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DEFAULT_HASH",
    "GIT_DEFAULT_REF_FORMAT",
    "GIT_DIR",
    "GIT_GLOB_PATHSPECS",
    "GIT_GRAFT_FILE",
    "GIT_ICASE_PATHSPECS",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INDEX_VERSION",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_LITERAL_PATHSPECS",
    "GIT_NAMESPACE",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_OPTIONAL_LOCKS",
    "GIT_PREFIX",
    "GIT_PUSH_OPTION_COUNT",
    "GIT_QUARANTINE_PATH",
    "GIT_REFERENCE_BACKEND",
    "GIT_REF_PARANOIA",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// Numbered ones: `GIT_CONFIG_KEY_0` and so on.
const SCRUBBED_PREFIXES: [&str; 3] = ["GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_", "GIT_PUSH_OPTION_"];

/// The variables that every git of ours sees: the caller's, without those that name a repository.
///
/// Credentials, ssh, proxies and the user's own settings (`HOME`, `GIT_CONFIG_GLOBAL`) stay.
#[derive(Clone, Default)]
pub struct GitEnvironment {
    variables: Arc<Vec<(OsString, OsString)>>,
    /// Settings about the way to remotes that were in what was scrubbed.
    given: Arc<Vec<(String, String)>>,
}

impl GitEnvironment {
    /// Returns `variables`, as from `std::env::vars_os()`, without the family of `GIT_DIR`.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> GitEnvironment {
        let mut variables: Vec<_> = variables.into_iter().collect();
        let given = given_settings(&variables);
        variables.retain(|(name, _)| !is_scrubbed(name));
        GitEnvironment { variables: Arc::new(variables), given: Arc::new(given) }
    }

    /// Returns the value of a variable; the last one where it was given twice.
    pub(crate) fn value(&self, name: &str) -> Option<&OsStr> {
        let found = self.variables.iter().rev().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_os_str())
    }

    /// Returns the variables whose names begin so; those that are not UTF-8 are left out.
    #[cfg_attr(
        not(feature = "object-stores"),
        expect(dead_code, reason = "only credentials are looked up so")
    )]
    pub(crate) fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let texts = self
            .variables
            .iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
        texts.filter(move |(name, _)| name.starts_with(prefix))
    }
}

impl fmt::Debug for GitEnvironment {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.variables.iter().map(|(name, _)| name)).finish()
    }
}

fn is_scrubbed(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    SCRUBBED.contains(&name) || SCRUBBED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// A release of git.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GitVersion {
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) patch: u32,
}

impl GitVersion {
    /// Reads `git version 2.39.3 (Apple Git-146)`; a part that is missing or no number is 0.
    fn parse(text: &str) -> Option<GitVersion> {
        let version = text.strip_prefix("git version ")?.split_whitespace().next()?;
        let mut parts = version.split('.').map(|part| part.parse().ok());
        let major = parts.next().flatten()?;
        let mut next = || parts.next().flatten().unwrap_or(0);
        Some(GitVersion { major, minor: next(), patch: next() })
    }
}

impl fmt::Display for GitVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The git executable and what it sees of the environment. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    program: OsString,
    environment: GitEnvironment,
}

impl Git {
    /// Returns the `git` of the environment's `PATH`. Nothing is run yet.
    pub(crate) fn new(environment: GitEnvironment) -> Git {
        Git { program: "git".into(), environment }
    }

    /// Returns the same with another executable.
    #[cfg(test)]
    pub(crate) fn with_program(self, program: impl Into<OsString>) -> Git {
        Git { program: program.into(), ..self }
    }

    /// Returns what git sees of the environment.
    pub(crate) fn environment(&self) -> &GitEnvironment {
        &self.environment
    }

    /// Returns the release of the executable.
    ///
    /// # Errors
    /// [`Error::GitNotFound`], [`Error::GitFailed`], and [`Error::GitTooOld`] if it is older than
    /// [`OLDEST_GIT`] or does not tell.
    pub(crate) fn version(&self) -> Result<GitVersion> {
        let text = self.command(["version"]).run()?.text();
        match GitVersion::parse(&text) {
            Some(version) if version >= OLDEST_GIT => Ok(version),
            found => Err(Error::GitTooOld {
                found: found.map_or_else(|| text.trim().to_owned(), |version| version.to_string()),
                oldest: OLDEST_GIT.to_string(),
            }),
        }
    }

    /// Returns a command that is yet to be run, in the process's own working directory.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> GitCommand {
        let command = GitCommand {
            git: self.clone(),
            place: Vec::new(),
            args: Vec::new(),
            variables: Vec::new(),
            input: None,
        };
        command.args(args)
    }
}

/// One call of git.
#[derive(Debug)]
#[must_use]
pub(crate) struct GitCommand {
    git: Git,
    /// `-C folder` or `--git-dir=folder`.
    place: Vec<OsString>,
    args: Vec<OsString>,
    variables: Vec<(Cow<'static, str>, OsString)>,
    input: Option<Vec<u8>>,
}

impl GitCommand {
    /// Runs in `folder`, where git looks for the repository as usual.
    pub(crate) fn in_folder(mut self, folder: &Path) -> GitCommand {
        self.place = vec!["-C".into(), folder.into()];
        self
    }

    /// Runs on the repository `git_dir` and no other.
    pub(crate) fn on_repository(mut self, git_dir: &Path) -> GitCommand {
        let mut option = OsString::from("--git-dir=");
        option.push(git_dir);
        self.place = vec![option];
        self
    }

    /// Adds arguments, never seen by a shell.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> GitCommand {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Only reads: git takes no lock that it could do without, and fetches no missing object.
    pub(crate) fn reading(self) -> GitCommand {
        self.variable("GIT_OPTIONAL_LOCKS", "0").variable("GIT_NO_LAZY_FETCH", "1")
    }

    /// Sets an environment variable, after the scrubbing.
    pub(crate) fn variable(mut self, name: &'static str, value: impl Into<OsString>) -> GitCommand {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Gives git these settings, by the environment, as their values may be secrets that nobody
    /// should see among the arguments of a process. A git older than 2.31 does not hear them.
    /// Stronger are those about the way to remotes that this process was started with.
    pub(crate) fn settings(mut self, settings: &[(String, String)]) -> GitCommand {
        let given = Arc::clone(&self.git.environment.given);
        let settings: Vec<_> = settings.iter().chain(given.iter()).collect();
        for (number, (name, value)) in settings.iter().enumerate() {
            self.variables.push((format!("GIT_CONFIG_KEY_{number}").into(), name.into()));
            self.variables.push((format!("GIT_CONFIG_VALUE_{number}").into(), value.into()));
        }
        self.variable("GIT_CONFIG_COUNT", settings.len().to_string())
    }

    /// Gives git these bytes on its standard input; otherwise it finds that empty.
    pub(crate) fn input(mut self, bytes: impl Into<Vec<u8>>) -> GitCommand {
        self.input = Some(bytes.into());
        self
    }

    /// Runs to the end and returns what git printed.
    ///
    /// # Errors
    /// [`Error::GitNotFound`], [`Error::GitFailed`] if it does not exit with 0, and
    /// [`Error::TalkToGit`] if its pipes break.
    pub(crate) fn run(self) -> Result<GitOutput> {
        let shown = self.shown();
        let output = self.outcome()?;
        if output.exit_code == Some(0) { Ok(output) } else { Err(output.failure(shown)) }
    }

    /// Runs to the end and returns what git printed, whatever its exit code.
    ///
    /// # Errors
    /// [`Error::GitNotFound`] and [`Error::TalkToGit`].
    pub(crate) fn outcome(self) -> Result<GitOutput> {
        self.outcome_watched(None)
    }

    /// As [`GitCommand::outcome`]; what git says about how far it has come goes to `watch`.
    pub(super) fn outcome_watched(mut self, watch: Option<Watch<'_>>) -> Result<GitOutput> {
        let input = self.input.take();
        let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut child = self.spawn(stdin)?;
        let stdin = child.stdin.take();
        let output = thread::scope(|scope| {
            // Beside the reading: git may print more than a pipe holds before it has read all.
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                scope.spawn(move || {
                    // A git that stops reading says why on its standard error.
                    drop(stdin.write_all(&input));
                });
            }
            let Some(watch) = watch else { return child.wait_with_output().map(|o| (o, None)) };
            let stderr = child.stderr.take();
            let mut stdout = child.stdout.take();
            let reader = scope.spawn(move || {
                let mut bytes = Vec::new();
                let read = stdout.as_mut().map_or(Ok(0), |stdout| stdout.read_to_end(&mut bytes));
                read.map(|_| bytes)
            });
            let words = stderr.map(|stderr| watch.read(stderr)).unwrap_or_default();
            let stdout = reader.join().expect("reading does not panic")?;
            let mut output = child.wait_with_output()?;
            output.stdout = stdout;
            Ok((output, Some(words)))
        })
        .map_err(self.broken_pipe())?;
        let (output, words) = output;
        Ok(GitOutput {
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(words.as_ref().unwrap_or(&output.stderr)).into_owned(),
            exit_code: output.status.code(),
        })
    }

    #[expect(clippy::disallowed_methods, reason = "this module is the home of the git process")]
    pub(super) fn spawn(&self, stdin: Stdio) -> Result<Child> {
        let mut command = Command::new(&self.git.program);
        command
            .env_clear()
            .envs(self.git.environment.variables.iter().map(|(name, value)| (name, value)))
            .env("LC_ALL", "C")
            .envs(self.variables.iter().map(|(name, value)| (name.as_ref(), value)))
            .args(&self.place)
            .args(&self.args)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => {
                Error::GitNotFound { program: self.git.program.to_string_lossy().into_owned() }
            }
            _ => self.broken_pipe()(source),
        })
    }

    pub(super) fn broken_pipe(&self) -> impl Fn(io::Error) -> Error + use<> {
        let command = self.shown();
        move |source| Error::TalkToGit { command: command.clone(), source }
    }

    /// Returns the command as people read it, without passwords in addresses.
    pub(super) fn shown(&self) -> String {
        let args = self.place.iter().chain(&self.args);
        let args = args.map(|arg| without_password(&arg.to_string_lossy()));
        std::iter::once("git".to_owned()).chain(args).collect::<Vec<_>>().join(" ")
    }
}

/// Returns an address as it may be shown: without a password.
pub(crate) fn shown_address(address: &str) -> String {
    without_password(address)
}

/// Returns `text` with what stands between `://` and `@` in its addresses starred out.
pub(super) fn without_password(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, address)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let ends = |c: char| c == '/' || c == '\'' || c.is_whitespace();
        let host_ends = address.find(ends).unwrap_or(address.len());
        rest = address;
        if let Some(at) = address[..host_ends].rfind('@') {
            shown.push_str("***");
            rest = &address[at..];
        }
    }
    shown + rest
}

/// What a finished git printed.
#[derive(Debug)]
pub(crate) struct GitOutput {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    /// `None` if a signal ended it.
    pub(crate) exit_code: Option<i32>,
}

impl GitOutput {
    /// Returns standard output as text without its last line end.
    pub(crate) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.stdout);
        text.strip_suffix('\n').unwrap_or(&text).to_owned()
    }

    pub(super) fn failure(self, command: String) -> Error {
        let stderr = without_password(self.stderr.trim_end());
        Error::GitFailed { command, exit_code: self.exit_code, stderr }
    }
}

/// What the tests of this folder run git with.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Returns a git that sees `home` and no settings but its own and those of the repository.
    pub(crate) fn hermetic_git(home: &Path) -> Git {
        Git::new(environment(home, &[]))
    }

    /// Returns the environment of [`hermetic_git`] with more in it.
    pub(crate) fn environment(home: &Path, more: &[(&str, &str)]) -> GitEnvironment {
        let own = [("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")];
        let who = [("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@example.com")];
        let also = [("GIT_COMMITTER_NAME", "a"), ("GIT_COMMITTER_EMAIL", "a@example.com")];
        let path = std::env::var_os("PATH").map(|path| ("PATH".into(), path));
        let fixed = own.iter().chain(&who).chain(&also).chain(more);
        let fixed = fixed.map(|(name, value)| (OsString::from(*name), OsString::from(*value)));
        GitEnvironment::new(fixed.chain(path).chain([("HOME".into(), home.into())]))
    }

    /// Runs git in `folder` and returns what it printed.
    pub(crate) fn git(git: &Git, folder: &Path, args: &[&str]) -> String {
        git.command(args).in_folder(folder).run().unwrap().text()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{environment, git, hermetic_git};
    use super::*;

    #[test]
    fn every_variable_that_names_a_repository_is_scrubbed() {
        let folder = tempfile::tempdir().unwrap();
        let listed =
            git(&hermetic_git(folder.path()), folder.path(), &["rev-parse", "--local-env-vars"]);
        for name in listed.lines().chain(["GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_17"]) {
            assert!(is_scrubbed(OsStr::new(name)), "{name} would reach another repository");
        }
    }

    #[test]
    fn the_users_own_settings_stay() {
        for name in [
            "HOME",
            "PATH",
            "GIT_SSH",
            "GIT_SSH_COMMAND",
            "GIT_ASKPASS",
            "GIT_CONFIG_GLOBAL",
            "GIT_CONFIG_NOSYSTEM",
            "HTTPS_PROXY",
            "GIT_CEILING_DIRECTORIES",
            "SSH_AUTH_SOCK",
        ] {
            assert!(!is_scrubbed(OsStr::new(name)), "{name} is the user's choice");
        }
    }

    #[test]
    fn a_hook_cannot_send_git_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
        let plain = hermetic_git(folder.path());
        for path in [&ours, &theirs] {
            git(&plain, folder.path(), &["init", "-q", path.to_str().unwrap()]);
        }
        let hook = environment(
            folder.path(),
            &[
                ("GIT_DIR", theirs.join(".git").to_str().unwrap()),
                ("GIT_CONFIG_COUNT", "1"),
                ("GIT_CONFIG_KEY_0", "core.worktree"),
                ("GIT_CONFIG_VALUE_0", theirs.to_str().unwrap()),
            ],
        );
        let found = git(&Git::new(hook), &ours, &["rev-parse", "--show-toplevel"]);
        assert_eq!(Path::new(&found), ours.canonicalize().unwrap());
    }

    #[test]
    fn versions_are_read_whatever_the_vendor_adds() {
        let version = |major, minor, patch| Some(GitVersion { major, minor, patch });
        for (text, expected) in [
            ("git version 2.39.3 (Apple Git-146)", version(2, 39, 3)),
            ("git version 2.45.1.windows.1", version(2, 45, 1)),
            ("git version 2.50.0-rc1", version(2, 50, 0)),
            ("git version 2.50.GIT", version(2, 50, 0)),
            ("fish, version 3", None),
        ] {
            assert_eq!(GitVersion::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn an_old_or_missing_git_is_refused_by_name() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let git = hermetic_git(folder.path());
        assert!(git.version().unwrap() >= OLDEST_GIT);
        let missing = git.clone().with_program("no-such-git").version().unwrap_err();
        assert_eq!(missing.code(), "git_not_found");
        let old = folder.path().join("git");
        crate::disk::replace(&old, b"#!/bin/sh\necho git version 2.17.1\n").unwrap();
        std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o755)).unwrap();
        let old = git.with_program(old).version().unwrap_err();
        assert!(matches!(&old, Error::GitTooOld { found, .. } if found == "2.17.1"), "{old}");
    }

    #[test]
    fn failures_name_the_command_without_its_password() {
        let folder = tempfile::tempdir().unwrap();
        let git = hermetic_git(folder.path());
        let address = "file://me:secret@nowhere/x.git";
        let failure = git.command(["ls-remote", address]).run().unwrap_err();
        let text = failure.to_string();
        assert_eq!(failure.code(), "git_failed");
        assert!(text.contains("`git ls-remote file://***@nowhere/x.git`"), "{text}");
        assert!(!text.contains("secret"), "{text}");
        assert_eq!(without_password("a://b/c@d 'https://u:p@h/'"), "a://b/c@d 'https://***@h/'");
    }

    #[test]
    fn input_and_output_beyond_a_pipe_do_not_block() {
        let folder = tempfile::tempdir().unwrap();
        let plain = hermetic_git(folder.path());
        git(&plain, folder.path(), &["init", "-q"]);
        let text = "no such object\n".repeat(40_000);
        let output = plain
            .command(["cat-file", "--batch-check"])
            .in_folder(folder.path())
            .input(text.as_bytes())
            .run()
            .unwrap();
        assert_eq!(output.text().lines().count(), 40_000);
    }
}
