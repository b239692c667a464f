//! The host repository: the user's own, which holds the notebooks. It is only ever read.
//!
//! Nothing here writes or takes a lock, so that all of it works inside git's hooks and filters,
//! while git itself holds the lock of the index.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::discover::{repository, upwards};

use super::process::{Git, GitCommand};
use super::refs::PackedRefs;
use crate::config::ObjectFormat;
use crate::disk;
use crate::error::{Error, Result};

/// How often one ref may name another, as in git.
const MAX_SYMBOLIC_DEPTH: usize = 5;

/// The user's own repository, as far as recell looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostRepository {
    /// The top folder of the work tree that was found; `None` for a bare repository.
    pub(crate) work_tree: Option<PathBuf>,
    /// The top folder of the main work tree, which differs from `work_tree` if that is a linked
    /// one (`git worktree add`). `None` if there is none.
    pub(crate) main_work_tree: Option<PathBuf>,
    /// What is this work tree's alone: `HEAD`, the index.
    pub(crate) git_dir: PathBuf,
    /// What all work trees share: refs, settings, objects. Equal to `git_dir` for the main one.
    pub(crate) common_dir: PathBuf,
    format: ObjectFormat,
    /// Whether refs are files, and not tables that only git reads.
    refs_are_files: bool,
}

/// Why there is no host repository. That is no failure: recell works without one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoHost {
    /// No repository is in the folder or above it.
    #[error("no git repository is in `{}` or above it", path.display())]
    NoRepository { path: PathBuf },
    /// Git refuses it, mostly as somebody else owns it (`safe.directory`).
    #[error("git refuses the repository `{}`: {reason}", path.display())]
    Refused { path: PathBuf, reason: String },
    /// It is there but not to be understood.
    #[error("the git repository `{}` cannot be read: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },
}

impl HostRepository {
    /// Finds the repository that `path` is in, as git would without `GIT_DIR`.
    ///
    /// Git is run only if the repository belongs to somebody else, to ask whether it is trusted.
    ///
    /// # Errors
    /// [`NoHost`], which tells why there is none.
    pub(crate) fn discover(path: &Path, git: &Git) -> Result<HostRepository, NoHost> {
        let path = disk::real_path(path);
        let options = upwards::Options {
            ceiling_dirs: ceilings(git),
            match_ceiling_dir_or_error: false,
            ..upwards::Options::default()
        };
        let (found, trust) = gix::discover::upwards_opts(&path, options).map_err(|error| {
            match error.downcast_any_ref::<upwards::Error>() {
                Some(_) => NoHost::NoRepository { path: path.clone() },
                None => NoHost::Unreadable { path: path.clone(), reason: error.to_string() },
            }
        })?;
        let host = HostRepository::read(found)?;
        if trust == gix::sec::Trust::Reduced {
            host.ask_whether_trusted(git)?;
        }
        Ok(host)
    }

    fn read(found: repository::Path) -> Result<HostRepository, NoHost> {
        let (git_dir, work_tree) = found.into_repository_and_work_tree_directories();
        let git_dir = disk::real_path(&git_dir);
        let unreadable = |reason: String| NoHost::Unreadable { path: git_dir.clone(), reason };
        let shared = disk::read_if_there(&git_dir.join("commondir"))
            .map_err(|error| unreadable(error.to_string()))?;
        let common_dir = match shared {
            Some(text) => disk::real_path(&git_dir.join(os_text(without_line_end(&text)))),
            None => git_dir.clone(),
        };
        let settings = Settings::read(&common_dir).map_err(unreadable)?;
        let (work_tree, main_work_tree) = if git_dir == common_dir {
            let main = settings.main_work_tree(&common_dir, work_tree);
            (main.clone(), main)
        } else {
            let around = common_dir.parent().filter(|_| common_dir.ends_with(".git"));
            (work_tree, settings.main_work_tree(&common_dir, around.map(Path::to_owned)))
        };
        Ok(HostRepository {
            work_tree,
            main_work_tree,
            format: settings.format,
            refs_are_files: settings.refs_are_files,
            git_dir,
            common_dir,
        })
    }

    fn ask_whether_trusted(&self, git: &Git) -> Result<(), NoHost> {
        let folder = self.top();
        let refused = |reason| NoHost::Refused { path: folder.to_owned(), reason };
        let asked = git.command(["rev-parse", "--git-dir"]).in_folder(folder).reading();
        let answer = asked.outcome().map_err(|error| refused(error.to_string()))?;
        let reason = || answer.stderr.lines().next().unwrap_or_default().to_owned();
        if answer.exit_code == Some(0) { Ok(()) } else { Err(refused(reason())) }
    }

    /// Returns the top folder of the work tree, or the git folder where there is none.
    pub(crate) fn top(&self) -> &Path {
        self.work_tree.as_deref().unwrap_or(&self.git_dir)
    }

    /// Returns the commit that is checked out; `None` before the first one.
    ///
    /// Reads two or three small files and runs git only where refs are not files.
    ///
    /// # Errors
    /// [`Error::Disk`], [`Error::BrokenRefs`], and those of [`GitCommand::run`].
    pub(crate) fn head_commit(&self, git: &Git) -> Result<Option<ObjectId>> {
        if !self.refs_are_files {
            let asked = self.ask(git, ["rev-parse", "--quiet", "--verify", "HEAD^{commit}"]);
            return Ok(ObjectId::from_hex(asked.outcome()?.text().as_bytes()).ok());
        }
        let mut name = b"HEAD".to_vec();
        for _ in 0..MAX_SYMBOLIC_DEPTH {
            let Some(text) = self.read_ref(&name)? else {
                let packed = PackedRefs::open(&self.common_dir, self.format)?;
                return Ok(packed.find(&name));
            };
            match text.strip_prefix(b"ref:") {
                Some(target) => target.trim_ascii().clone_into(&mut name),
                None => return Ok(ObjectId::from_hex(text.trim_ascii()).ok()),
            }
        }
        Ok(None)
    }

    /// Returns the text of a ref that is a file of its own.
    fn read_ref(&self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        let own = [&b"refs/bisect/"[..], b"refs/worktree/", b"refs/rewritten/"];
        let is_own = !name.starts_with(b"refs/") || own.iter().any(|own| name.starts_with(own));
        let folder = if is_own { &self.git_dir } else { &self.common_dir };
        match disk::read_if_there(&folder.join(os_text(name))) {
            // An unborn `a` beside a branch `a/b`.
            Err(Error::Disk { source, .. }) if source.kind() == io::ErrorKind::IsADirectory => {
                Ok(None)
            }
            other => other,
        }
    }

    /// Whether tracked files differ from the commit that is checked out, in the work tree or in
    /// the index; those whose names end in `except` are left out. Untracked files and what is
    /// inside submodules do not count.
    ///
    /// Git compares as it does for `git status`. A notebook whose outputs alone changed counts,
    /// as git goes by sizes where it can: leave notebooks out to ask about the rest.
    /// Where git has to look inside a file it runs that file's filter, which may be recell again;
    /// `RECELL_RECORD_HOST` tells that one not to ask this question, which would never end.
    ///
    /// # Errors
    /// Those of [`GitCommand::run`].
    pub(crate) fn is_dirty(&self, git: &Git, except: &str) -> Result<bool> {
        if self.work_tree.is_none() {
            return Ok(false);
        }
        let asked = self
            // The monitor is a daemon that git would start, and a hook that it would run.
            .ask(git, ["-c", "core.fsmonitor=false", "status", "--porcelain=v1", "-z"])
            .args(["--untracked-files=no", "--ignore-submodules=dirty", "--no-renames", "--"])
            .args([":(top)", &format!(":(top,exclude)*{except}")])
            .variable("RECELL_RECORD_HOST", "false");
        Ok(!asked.run()?.stdout.is_empty())
    }

    /// Returns a git command on this repository that only reads.
    pub(crate) fn ask<const N: usize>(&self, git: &Git, args: [&str; N]) -> GitCommand {
        git.command(args).in_folder(self.top()).reading()
    }
}

/// What the repository's own settings say about how to read it. Git takes these from there alone,
/// never from the user's settings nor from included files.
struct Settings {
    format: ObjectFormat,
    refs_are_files: bool,
    is_bare: Option<bool>,
    work_tree: Option<PathBuf>,
}

impl Settings {
    /// Reads them, or returns why they cannot be read.
    fn read(common_dir: &Path) -> std::result::Result<Settings, String> {
        let config = read_config(&common_dir.join("config"))?;
        let text = |key: &str| config.string(key).map(|value| value.to_string());
        let format = match text("extensions.objectFormat").as_deref() {
            None | Some("sha1") => ObjectFormat::Sha1,
            Some("sha256") => ObjectFormat::Sha256,
            Some(other) => return Err(format!("its object format is `{other}`")),
        };
        let refs_are_files = text("extensions.refStorage").is_none_or(|name| name == "files");
        let is_true = |key: &str| config.boolean(key).ok().flatten();
        let mut is_bare = is_true("core.bare");
        let mut work_tree = config.string("core.worktree");
        if is_true("extensions.worktreeConfig") == Some(true) {
            let own = read_config(&common_dir.join("config.worktree"))?;
            is_bare = own.boolean("core.bare").ok().flatten().or(is_bare);
            work_tree = own.string("core.worktree").or(work_tree);
        }
        let work_tree = work_tree.map(|path| PathBuf::from(os_text(&path)));
        Ok(Settings { format, refs_are_files, is_bare, work_tree })
    }

    /// Returns the top folder of the main work tree, if there is one; `around` is the folder that
    /// holds `.git`.
    fn main_work_tree(&self, common_dir: &Path, around: Option<PathBuf>) -> Option<PathBuf> {
        match &self.work_tree {
            // Though `.git` be in a folder, as with `git clone --bare x .git`.
            _ if self.is_bare == Some(true) => None,
            Some(path) => Some(disk::real_path(&common_dir.join(path))),
            None => around,
        }
    }
}

fn read_config(path: &Path) -> std::result::Result<gix::config::File, String> {
    let text = disk::read_if_there(path).map_err(|error| error.to_string())?.unwrap_or_default();
    gix::config::File::from_bytes_no_includes(
        &text,
        gix::config::file::Metadata::from(gix::config::Source::Local),
        gix::config::file::init::Options::default(),
    )
    .map_err(|error| format!("`{}`: {error}", path.display()))
}

/// Returns the folders above which git does not look, as the user set them.
fn ceilings(git: &Git) -> Vec<PathBuf> {
    let Some(list) = git.environment().value("GIT_CEILING_DIRECTORIES") else { return Vec::new() };
    let folders = std::env::split_paths(list).filter(|folder| folder.is_absolute());
    folders.map(|folder| disk::real_path(&folder)).collect()
}

fn without_line_end(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}

fn os_text(bytes: &[u8]) -> &OsStr {
    use std::os::unix::ffi::OsStrExt;
    OsStr::from_bytes(bytes)
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
        /// A repository `host` with one commit of `a.txt` and `b.ipynb`.
        fn new(init: &[&str]) -> Host {
            let folder = tempfile::tempdir().unwrap();
            let host = Host { git: hermetic_git(folder.path()), folder };
            run(&host.git, host.folder.path(), &[&["init", "-q"], init, &["host"]].concat());
            host.write("host/a.txt", "one\n");
            host.write("host/b.ipynb", "{}\n");
            host.run(&["add", "."]);
            host.run(&["commit", "-qm", "one"]);
            host
        }

        fn path(&self, name: &str) -> PathBuf {
            disk::real_path(self.folder.path()).join(name)
        }

        fn write(&self, name: &str, text: &str) {
            disk::replace(&self.path(name), text.as_bytes()).unwrap();
        }

        fn run(&self, args: &[&str]) -> String {
            run(&self.git, &self.path("host"), args)
        }

        fn discover(&self, name: &str) -> Result<HostRepository, NoHost> {
            HostRepository::discover(&self.path(name), &self.git)
        }

        fn found(&self) -> HostRepository {
            self.discover("host").unwrap()
        }

        fn head(&self) -> Option<String> {
            self.found().head_commit(&self.git).unwrap().map(|id| id.to_string())
        }
    }

    #[test]
    fn the_repository_is_found_from_any_folder_in_it() {
        let host = Host::new(&[]);
        disk::create_folders(&host.path("host/deep/er")).unwrap();
        for (from, why) in [
            ("host", "the top"),
            ("host/deep/er", "a folder in it"),
            ("host/.git", "the git folder, where some hooks run"),
            ("host/.git/hooks", "a folder in that"),
        ] {
            let found = host.discover(from).unwrap();
            assert_eq!(found.work_tree, Some(host.path("host")), "{why}");
            assert_eq!(found.main_work_tree, found.work_tree, "{why}");
            assert_eq!(found.git_dir, host.path("host/.git"), "{why}");
        }
        assert!(matches!(host.discover(""), Err(NoHost::NoRepository { .. })));
    }

    #[test]
    fn a_linked_work_tree_knows_its_main_one_and_its_own_commit() {
        let host = Host::new(&[]);
        let first = host.head();
        host.run(&["worktree", "add", "-q", "-b", "side", "../linked"]);
        host.write("host/a.txt", "two\n");
        host.run(&["commit", "-qam", "two"]);
        let linked = host.discover("linked").unwrap();
        assert_eq!(linked.work_tree, Some(host.path("linked")));
        assert_eq!(linked.main_work_tree, Some(host.path("host")));
        assert_eq!(linked.common_dir, host.path("host/.git"));
        let head = linked.head_commit(&host.git).unwrap().map(|id| id.to_string());
        assert_eq!(head, first);
        assert_ne!(host.head(), first);
    }

    #[test]
    fn a_bare_repository_has_no_work_tree_but_its_linked_ones_do() {
        let host = Host::new(&[]);
        host.run(&["clone", "-q", "--bare", ".", "../bare.git"]);
        let bare = host.discover("bare.git").unwrap();
        assert_eq!((&bare.work_tree, &bare.main_work_tree), (&None, &None));
        assert_eq!(bare.head_commit(&host.git).unwrap().map(|id| id.to_string()), host.head());
        assert!(!bare.is_dirty(&host.git, ".none").unwrap());
        run(&host.git, &bare.git_dir, &["worktree", "add", "-q", "../of-bare"]);
        let linked = host.discover("of-bare").unwrap();
        assert_eq!(linked.work_tree, Some(host.path("of-bare")));
        assert_eq!(linked.main_work_tree, None);
    }

    #[test]
    fn a_submodule_is_a_repository_of_its_own() {
        let host = Host::new(&[]);
        run(&host.git, host.folder.path(), &["clone", "-q", "host", "other"]);
        host.run(&[
            "-c",
            "protocol.file.allow=always",
            "submodule",
            "-q",
            "add",
            "../other",
            "sub",
        ]);
        let module = host.discover("host/sub").unwrap();
        assert_eq!(module.work_tree, Some(host.path("host/sub")));
        assert_eq!(module.main_work_tree, module.work_tree);
        assert_eq!(module.git_dir, host.path("host/.git/modules/sub"));
        assert_eq!(host.discover("host/.git/modules/sub").unwrap(), module);
    }

    #[test]
    fn a_separate_git_folder_is_followed() {
        let host = Host::new(&["--separate-git-dir=elsewhere"]);
        let found = host.found();
        assert_eq!(found.main_work_tree, Some(host.path("host")));
        assert_eq!(found.git_dir, host.path("elsewhere"));
    }

    #[test]
    fn the_commit_is_gits_whatever_the_refs_are_like() {
        for init in [&[][..], &["--object-format=sha256"], &["--ref-format=reftable"]] {
            let host = Host::new(init);
            let head = || Some(host.run(&["rev-parse", "HEAD"]));
            assert_eq!(host.head(), head(), "{init:?}: a loose ref");
            host.run(&["pack-refs", "--all"]);
            assert_eq!(host.head(), head(), "{init:?}: a packed ref");
            host.run(&["commit", "-qm", "two", "--allow-empty"]);
            assert_eq!(host.head(), head(), "{init:?}: a loose ref hides the packed one");
            host.run(&["symbolic-ref", "refs/heads/alias", "HEAD"]);
            host.run(&["checkout", "-q", "--detach", "HEAD~1"]);
            assert_eq!(host.head(), head(), "{init:?}: detached");
            host.run(&["checkout", "-q", "--orphan", "unborn"]);
            assert_eq!(host.head(), None, "{init:?}: before the first commit");
        }
    }

    #[test]
    fn an_unborn_branch_beside_a_folder_of_branches_has_no_commit() {
        let host = Host::new(&[]);
        host.run(&["branch", "topic/one"]);
        host.write("host/.git/HEAD", "ref: refs/heads/topic\n");
        assert_eq!(host.head(), None);
    }

    #[test]
    fn dirty_is_asked_of_tracked_files_but_those_left_out() {
        let host = Host::new(&[]);
        let dirty = |except| host.found().is_dirty(&host.git, except).unwrap();
        host.write("host/untracked.txt", "new\n");
        assert!(!dirty(".none"), "untracked files do not count");
        host.write("host/b.ipynb", "{ }\n");
        assert!(dirty(".none"), "the notebook differs");
        assert!(!dirty(".ipynb"), "all notebooks were left out");
        host.write("host/a.txt", "staged\n");
        host.run(&["add", "a.txt"]);
        assert!(dirty(".ipynb"), "what is staged counts");
    }

    #[test]
    fn nothing_is_written_while_git_holds_the_index() {
        let host = Host::new(&[]);
        // Times that git would note in the index if it could.
        host.write("host/a.txt", "one\n");
        host.write("host/.git/index.lock", "");
        let before = disk::signature(&host.path("host/.git/index")).unwrap();
        assert!(!host.found().is_dirty(&host.git, ".none").unwrap());
        assert!(host.head().is_some());
        assert_eq!(disk::signature(&host.path("host/.git/index")).unwrap(), before);
        disk::remove(&host.path("host/.git/index.lock")).unwrap();
        assert!(!host.found().is_dirty(&host.git, ".none").unwrap());
        assert_eq!(disk::signature(&host.path("host/.git/index")).unwrap(), before);
    }

    #[test]
    fn a_filter_that_git_runs_for_us_is_told_not_to_ask_back() {
        let host = Host::new(&[]);
        host.run(&["config", "filter.recell.clean", "echo $RECELL_RECORD_HOST >../told; cat"]);
        host.write("host/.gitattributes", "*.ipynb filter=recell\n");
        // As long as before, so that git has to look inside.
        host.write("host/b.ipynb", "[]\n");
        assert!(host.found().is_dirty(&host.git, ".none").unwrap());
        assert_eq!(disk::read(&host.path("told")).unwrap(), b"false\n");
        disk::remove(&host.path("told")).unwrap();
        host.found().is_dirty(&host.git, ".ipynb").unwrap();
        assert!(!disk::is_there(&host.path("told")), "left out means that no filter runs");
    }

    #[test]
    fn a_repository_that_git_refuses_is_none_with_the_reason() {
        let host = Host::new(&[]);
        // Git takes this for a repository of somebody else; we believe git.
        let variables =
            environment(host.folder.path(), &[("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")]);
        let refused = host.found().ask_whether_trusted(&Git::new(variables)).unwrap_err();
        assert!(refused.to_string().contains("dubious ownership"), "{refused}");
        host.found().ask_whether_trusted(&host.git).unwrap();
        host.write("host/.git/config", "[core\n");
        assert!(matches!(host.discover("host"), Err(NoHost::Unreadable { .. })));
    }

    #[test]
    fn a_ceiling_ends_the_search() {
        let host = Host::new(&[]);
        disk::create_folders(&host.path("host/deep/er")).unwrap();
        let ceiling = host.path("host/deep").display().to_string();
        let more = [("GIT_CEILING_DIRECTORIES", ceiling.as_str())];
        let git = Git::new(environment(host.folder.path(), &more));
        let found = HostRepository::discover(&host.path("host/deep/er"), &git);
        assert!(matches!(found, Err(NoHost::NoRepository { .. })), "{found:?}");
    }
}
