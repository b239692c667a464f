//! The `pre-push` hook of the host repository, which sends results along with the commits.
//!
//! What is there is looked at first, without writing anything. A hook that is not ours is never
//! changed.

use std::path::{Path, PathBuf};

use super::host::HostRepository;
use super::process::Git;
use crate::disk;
use crate::error::{Error, Result};

/// The hook that is installed.
pub(crate) const PRE_PUSH: &str = "pre-push";
/// The second line of a hook of ours.
const MARK: &str =
    "# recell: results go along with the commits; `recell hooks rm` takes this away.";
/// What every hook that calls recell has in it, whoever wrote it.
const CALL: &str = "hooks run pre-push";

/// What stands where the hook goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FoundHook {
    /// Nothing.
    None,
    /// Just what would be written.
    Installed,
    /// A hook of ours, for another place of recell or with other options.
    Outdated,
    /// A hook of somebody else, which calls recell.
    CallsUs,
    /// A hook of somebody else.
    Other,
}

/// The hook as it should be, and what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HookPlan {
    /// Where git looks for it.
    pub(crate) path: PathBuf,
    pub(crate) found: FoundHook,
    /// Whether what is there keeps git from pushing when results could not be pushed.
    pub(crate) found_strict: bool,
    /// Whether git can run what is there.
    pub(crate) is_executable: bool,
    /// The folder of hooks that all repositories of the user share, if it is that.
    pub(crate) shared: bool,
    script: String,
    line: String,
}

impl HookPlan {
    /// Looks at what is there in `host`, for the workspace in `workspace` and `program`, which is
    /// recell. With `strict`, git does not push what results could not be pushed with.
    ///
    /// # Errors
    /// [`Error::Disk`], and those of a git that does not run.
    pub(crate) fn of(
        host: &HostRepository,
        git: &Git,
        workspace: &Path,
        program: &Path,
        strict: bool,
    ) -> Result<HookPlan> {
        let top = disk::real_path(host.top());
        let folder = host.ask(git, ["rev-parse", "--git-path", "hooks"]).run()?.text();
        let folder = top.join(folder);
        let path = folder.join(PRE_PUSH);
        let setting = |place: &[&str]| -> Result<Option<String>> {
            let asked = git.command(["config"]).args(place).args(["--get", "core.hooksPath"]);
            let asked = asked.in_folder(host.top()).reading().outcome()?;
            Ok((asked.exit_code == Some(0)).then(|| asked.text()))
        };
        let shared = setting(&[])?.is_some()
            && setting(&["--local"])?.is_none()
            && !(has_own_settings(host) && setting(&["--worktree"])?.is_some());
        // A folder of hooks in the work tree is committed: no path of this machine belongs there.
        let real = disk::real_path(&folder);
        let is_committed = real.starts_with(&top) && !real.starts_with(&host.common_dir);
        let program = (!is_committed).then_some(program);
        let below = disk::real_path(workspace);
        let below = below.strip_prefix(&top).ok().filter(|below| !below.as_os_str().is_empty());
        let script = script(program, below, strict);
        let text =
            disk::read_if_there(&path)?.map(|text| String::from_utf8_lossy(&text).into_owned());
        let is_executable = disk::is_executable(&path);
        let found = match &text {
            None => FoundHook::None,
            Some(text) if *text == script => FoundHook::Installed,
            Some(text) if is_ours(text) => FoundHook::Outdated,
            Some(text) if text.contains(CALL) => FoundHook::CallsUs,
            Some(_) => FoundHook::Other,
        };
        let found_strict = text.is_some_and(|text| text.contains(&format!("{CALL} --strict")));
        let line = line(below, strict);
        Ok(HookPlan { path, found, found_strict, is_executable, shared, script, line })
    }

    /// Whether git calls recell before it pushes.
    pub(crate) fn is_installed(&self) -> bool {
        let calls = [FoundHook::Installed, FoundHook::Outdated, FoundHook::CallsUs];
        calls.contains(&self.found) && self.is_executable
    }

    /// Writes the hook.
    ///
    /// # Errors
    /// [`Error::HookTaken`] if there is one that is not ours, [`Error::HooksShared`] if git looks
    /// for the hooks of all repositories there, [`Error::Disk`].
    pub(crate) fn install(&self) -> Result<()> {
        let line = || self.line.clone();
        match self.found {
            FoundHook::CallsUs => return Ok(()),
            FoundHook::Other => {
                return Err(Error::HookTaken {
                    hook: PRE_PUSH,
                    path: self.path.clone(),
                    line: line(),
                });
            }
            _ if self.shared => {
                return Err(Error::HooksShared { path: self.path.clone(), line: line() });
            }
            FoundHook::Installed if self.is_executable => return Ok(()),
            FoundHook::None | FoundHook::Installed | FoundHook::Outdated => {}
        }
        disk::create_folders(self.path.parent().unwrap_or(&self.path))?;
        disk::replace(&self.path, self.script.as_bytes())?;
        disk::make_executable(&self.path)
    }

    /// Takes the hook away, if it is ours. Says whether it was there.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub(crate) fn remove(&self) -> Result<bool> {
        match self.found {
            FoundHook::Installed | FoundHook::Outdated => disk::remove(&self.path),
            FoundHook::None | FoundHook::CallsUs | FoundHook::Other => Ok(false),
        }
    }
}

/// Whether work trees of the repository may have settings of their own; git refuses to read those
/// where they may not.
fn has_own_settings(host: &HostRepository) -> bool {
    disk::is_there(&host.git_dir.join("config.worktree"))
}

/// Returns the hook. Git runs it in the top folder of whichever work tree is pushed from.
fn script(program: Option<&Path>, workspace: Option<&Path>, strict: bool) -> String {
    let mut lines = vec!["#!/bin/sh".to_owned(), MARK.to_owned()];
    if let Some(folder) = workspace {
        lines.push("# A branch without this folder has no results to push.".into());
        lines.push(format!("cd {} 2>/dev/null || exit 0", quoted(folder)));
    }
    match program {
        Some(program) => {
            lines.push(format!("recell={}", quoted(program)));
            lines.push("[ -x \"$recell\" ] || recell=$(command -v recell) || {".into());
        }
        None => lines.push("recell=$(command -v recell) || {".into()),
    }
    lines.extend([
        "  echo 'recell is gone: results were not pushed' >&2".to_owned(),
        format!("  exit {}", i32::from(strict)),
        "}".into(),
        format!(
            "exec \"$recell\" {CALL}{} \"$@\" </dev/null",
            if strict { " --strict" } else { "" }
        ),
    ]);
    lines.join("\n") + "\n"
}

/// Returns the line that makes a hook of somebody else do the same.
fn line(workspace: Option<&Path>, strict: bool) -> String {
    let (place, condition) = match workspace.map(quoted) {
        Some(folder) => (format!("-C {folder} "), format!("[ ! -d {folder} ] || ")),
        None => (String::new(), String::new()),
    };
    if strict {
        format!("{condition}recell {place}{CALL} --strict \"$@\" </dev/null || exit 1")
    } else {
        format!("{condition}recell {place}{CALL} \"$@\" </dev/null || true")
    }
}

/// Whether a hook is one that we wrote, in whatever place and with whatever options.
fn is_ours(text: &str) -> bool {
    let varies = |line: &&str| {
        let starts = ["recell=", "[ -x ", "cd ", "# A branch ", "  exit "];
        !starts.iter().any(|start| line.starts_with(start))
    };
    let plain = |text: &str| -> Vec<String> {
        let text = text.replace(&format!("{CALL} --strict"), CALL);
        text.lines().filter(varies).map(ToOwned::to_owned).collect()
    };
    plain(text) == plain(&script(Some(Path::new("recell")), None, false))
}

/// Returns a path as one word of the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::super::process::testing::{git as run, hermetic_git};
    use super::*;

    struct Repository {
        folder: tempfile::TempDir,
        git: Git,
    }

    impl Repository {
        fn new() -> Repository {
            let folder = tempfile::tempdir().unwrap();
            let repository = Repository { git: hermetic_git(folder.path()), folder };
            run(&repository.git, repository.folder.path(), &["init", "-q", "host"]);
            repository.run(&["commit", "-q", "--allow-empty", "-m", "one"]);
            repository
        }

        fn path(&self, name: &str) -> PathBuf {
            disk::real_path(self.folder.path()).join(name)
        }

        fn run(&self, args: &[&str]) -> String {
            run(&self.git, &self.path("host"), args)
        }

        fn plan(&self, from: &str, below: &str, strict: bool) -> HookPlan {
            let host = HostRepository::discover(&self.path(from), &self.git).unwrap();
            let workspace = self.path(from).join(below);
            disk::create_folders(&workspace).unwrap();
            let program = Path::new("/opt/it's/recell");
            HookPlan::of(&host, &self.git, &workspace, program, strict).unwrap()
        }
    }

    #[test]
    fn the_hook_goes_where_git_looks_for_it() {
        let repository = Repository::new();
        repository.run(&["worktree", "add", "-q", "../linked"]);
        let shared = repository.path("host/.git/hooks/pre-push");
        assert_eq!(repository.plan("host", "", false).path, shared);
        assert_eq!(repository.plan("linked", "", false).path, shared, "one for all work trees");
        repository.run(&["config", "core.hooksPath", ".githooks"]);
        let committed = repository.plan("linked", "", false);
        assert_eq!(committed.path, repository.path("linked/.githooks/pre-push"));
        assert!(!committed.script.contains("/opt"), "no path of this machine is committed");
        let elsewhere = repository.path("elsewhere").display().to_string();
        repository.run(&["config", "core.hooksPath", &elsewhere]);
        let plan = repository.plan("host", "", false);
        assert_eq!(plan.path, repository.path("elsewhere/pre-push"));
        assert!(plan.script.contains("recell='/opt/it'\\''s/recell'"), "{}", plan.script);
    }

    #[test]
    fn it_is_installed_changed_and_removed_but_no_other_hook_is() {
        let repository = Repository::new();
        let plan = || repository.plan("host", "nb", false);
        assert_eq!(plan().found, FoundHook::None);
        plan().install().unwrap();
        assert!(plan().is_installed() && plan().found == FoundHook::Installed);
        let strict = repository.plan("host", "", true);
        assert_eq!(strict.found, FoundHook::Outdated, "other options are still ours");
        strict.install().unwrap();
        assert!(repository.plan("host", "", true).found_strict);
        assert_eq!(plan().found, FoundHook::Outdated);
        assert!(plan().remove().unwrap() && !plan().remove().unwrap());
        let path = plan().path;
        for (text, found, why) in [
            ("#!/bin/sh\necho mine\n", FoundHook::Other, "somebody else's"),
            ("", FoundHook::Other, "an empty one may have a meaning"),
            ("#!/bin/sh\nrecell hooks run pre-push \"$@\"\n", FoundHook::CallsUs, "by hand"),
        ] {
            disk::replace(&path, text.as_bytes()).unwrap();
            assert_eq!(plan().found, found, "{why}");
            assert_eq!(plan().install().is_err(), found == FoundHook::Other, "{why}");
            assert!(!plan().remove().unwrap());
            assert_eq!(disk::read(&path).unwrap(), text.as_bytes(), "{why}");
        }
        let ours = script(None, None, false) + "echo more\n";
        disk::replace(&path, ours.as_bytes()).unwrap();
        assert_eq!(plan().found, FoundHook::CallsUs, "what was added to ours is not removed");
    }

    #[test]
    fn hooks_of_all_repositories_are_left_alone() {
        let repository = Repository::new();
        let global = repository.path("gitconfig");
        disk::replace(&global, b"[core]\nhooksPath = /nowhere/hooks\n").unwrap();
        let variables = [("GIT_CONFIG_GLOBAL", global.to_str().unwrap())];
        let environment =
            super::super::process::testing::environment(repository.folder.path(), &variables);
        let git = Git::new(environment);
        let host = HostRepository::discover(&repository.path("host"), &git).unwrap();
        let workspace = repository.path("host");
        let plan = HookPlan::of(&host, &git, &workspace, Path::new("recell"), false).unwrap();
        assert!(plan.shared);
        assert!(matches!(plan.install(), Err(Error::HooksShared { .. })));
        repository.run(&["config", "core.hooksPath", ".githooks"]);
        assert!(!repository.plan("host", "", false).shared);
    }
}
