//! The workspace: the folder that holds `recell.toml`, its settings, and where its store is.
//!
//! It is found upward from the working directory, like git finds `.git`. Work trees that
//! `git worktree` linked to one repository share the store of its main work tree, so that a
//! result computed in one is there in all.

mod found;
mod writing;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::found::{Found, main_work_tree};
use crate::config::{Config, ConfigFile, Key, LayeredConfig, Origin, Sources};
use crate::disk;
use crate::error::{Error, Result};
use crate::events::EventOptions;
use crate::git::{GitEnvironment, Signers};
use crate::store::{OpenOptions, Store, Trust};

/// The file whose folder is a workspace.
const SETTINGS_FILE: &str = "recell.toml";
/// The folder of recell's own files in a workspace, which marks one too.
const OWN_FOLDER: &str = ".recell";
/// The file that says who may sign.
const SIGNERS_FILE: &str = "allowed_signers";
const PYPROJECT_FILE: &str = "pyproject.toml";
/// The setting that says where the store is.
const STORE_PATH: &str = "store.path";

/// What a workspace is looked for with; all that the caller asked the system for.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The working directory, an absolute path.
    pub directory: PathBuf,
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// The store that a flag names; it wins over everything else.
    pub store: Option<String>,
    /// Settings that flags give, as dotted keys and plain text.
    pub flags: Vec<(String, String)>,
}

/// A workspace with its settings.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The folder that has `recell.toml`; `None` if there is none here or above.
    root: Option<PathBuf>,
    /// The folder that relative paths of files start at: the root, or the working directory.
    base: PathBuf,
    /// The folder of the files that hold settings, if there is a workspace.
    settings_folder: Option<PathBuf>,
    settings: LayeredConfig,
    store: PathBuf,
    /// What a git may see of the environment.
    git: GitEnvironment,
}

impl Workspace {
    /// Returns the workspace that holds the working directory, or a nameless one with the user's
    /// own settings where there is none.
    ///
    /// # Errors
    /// [`Error::Disk`] if a settings file cannot be read, [`Error::BadToml`] and the other errors
    /// of [`LayeredConfig::new`] if one cannot be understood.
    pub fn find(surroundings: &Surroundings) -> Result<Workspace> {
        let found = Found::above(&surroundings.directory)?;
        Workspace::of(found, surroundings)
    }

    /// Returns the workspace at `root`, whether or not anything marks it as one.
    ///
    /// # Errors
    /// As [`Workspace::find`].
    pub fn at(root: &Path, surroundings: &Surroundings) -> Result<Workspace> {
        let home = main_work_tree(root)?.unwrap_or_else(|| root.to_owned());
        Workspace::of(
            Some(Found { root: root.to_owned(), settings: root.into(), home }),
            surroundings,
        )
    }

    fn of(found: Option<Found>, surroundings: &Surroundings) -> Result<Workspace> {
        let mut sources = Sources {
            environment: surroundings.environment.clone(),
            flags: surroundings.flags.clone(),
            ..Sources::default()
        };
        sources
            .flags
            .extend(surroundings.store.iter().map(|path| (STORE_PATH.into(), path.clone())));
        if let Some(path) = ConfigFile::user_path(&surroundings.environment) {
            sources.user = settings_file(path)?;
        }
        if let Some(found) = &found {
            sources.workspace = settings_file(found.settings.join(SETTINGS_FILE))?;
            sources.pyproject = settings_file(found.settings.join(PYPROJECT_FILE))?;
        }
        let settings = LayeredConfig::new(&sources)?;
        let directory = &surroundings.directory;
        let home = found.as_ref().map_or(directory, |found| &found.home);
        let store = disk::real_path(&settings.store_path(home, directory));
        let settings_folder = found.as_ref().map(|found| found.settings.clone());
        let root = found.map(|found| found.root);
        let base = root.clone().unwrap_or_else(|| directory.clone());
        let variables = surroundings.environment.iter();
        let git = GitEnvironment::new(variables.map(|(name, value)| (name.into(), value.into())));
        Ok(Workspace { root, base, settings_folder, settings, store, git })
    }

    /// Returns the folder of the workspace; `None` if there is none here or above.
    pub fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// Returns the folder that notebooks are named from: the root, or else the working directory.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// Returns the settings, each with where it came from.
    pub fn settings(&self) -> &LayeredConfig {
        &self.settings
    }

    /// Returns the values of the settings.
    pub fn config(&self) -> &Config {
        &self.settings.config
    }

    /// Returns where the store is, or would be.
    pub fn store_path(&self) -> &Path {
        &self.store
    }

    /// Returns `options` with what the settings say about them.
    pub fn options(&self, options: OpenOptions) -> OpenOptions {
        let Config { store, sync, .. } = self.config();
        OpenOptions {
            local_parts: sync.keeps_any_local().then(|| Arc::new(sync.clone())),
            durability: store.durability,
            chunk_threshold: store.chunk_threshold.bytes(),
            flush_bytes: store.flush_bytes.bytes(),
            flush_entries: usize::try_from(store.flush_entries.get()).unwrap_or(usize::MAX),
            flush_age: store.flush_age,
            events: self.event_options(options.events),
            trust: Trust { policy: self.config().trust.policy, signers: Some(self.signers()) },
            ..options
        }
    }

    /// Returns how events are logged, unless the settings say that they are not.
    fn event_options(&self, given: Option<EventOptions>) -> Option<EventOptions> {
        let settings = &self.config().events;
        let given = given.unwrap_or_default();
        let variable = |name: &str| {
            let value = self.git.value(name).filter(|value| !value.is_empty());
            value.map(|value| value.to_string_lossy().into_owned())
        };
        settings.enabled.then(|| EventOptions {
            max_bytes: settings.max_bytes.bytes(),
            keep: settings.keep.get(),
            run: variable("RECELL_RUN").or(given.run),
            correlation: variable("RECELL_CORRELATION").or(given.correlation),
            source: given.source,
        })
    }

    /// Returns who signs here and who may sign: those whom `trust.allowed_signers` names, or else
    /// those of [`Workspace::own_signers`] and of git's own settings.
    pub fn signers(&self) -> Signers {
        let signers = Signers::new(self.git.clone(), &self.base);
        match &self.config().trust.allowed_signers {
            Some(file) => signers.with_file(file.clone()),
            None => signers.with_file_beside(self.own_signers()),
        }
    }

    /// Returns the file that says who may sign for this workspace alone, beside the store, whether
    /// it is there or not.
    pub fn own_signers(&self) -> PathBuf {
        let folder = self.store.parent().filter(|folder| folder.ends_with(OWN_FOLDER));
        folder.map_or_else(|| self.store.join("recell"), Path::to_owned).join(SIGNERS_FILE)
    }

    /// Opens the store.
    ///
    /// # Errors
    /// [`Error::NoStore`] if there is no workspace and nothing names a store,
    /// [`Error::StoreMissing`] if the store is not made yet, and those of [`Store::open`].
    pub fn open(&self, options: OpenOptions) -> Result<Store> {
        if !disk::is_there(&self.store) {
            return Err(self.missing());
        }
        Store::open(&self.store, self.options(options))
    }

    /// Opens the store of a workspace, or makes it: a fresh clone has the settings but no store.
    ///
    /// A store that was named by hand is not made, as the name may be mistyped.
    ///
    /// # Errors
    /// As [`Workspace::open`], and those of [`Store::create`].
    pub fn open_or_create(&self, options: OpenOptions) -> Result<Store> {
        if disk::is_there(&self.store) || self.root.is_none() || self.has_named_store() {
            return self.open(options);
        }
        self.create(options)
    }

    /// Whether the store was named by hand, by a flag or in the environment.
    pub fn has_named_store(&self) -> bool {
        matches!(self.origin(), Origin::Flag | Origin::Environment { .. })
    }

    /// Makes the store.
    ///
    /// # Errors
    /// Those of [`Store::create`].
    pub fn create(&self, options: OpenOptions) -> Result<Store> {
        let format = self.config().store.object_format;
        let store = Store::create(&self.store, format, self.options(options))?;
        self.hide_own_folder()?;
        Ok(store)
    }

    fn origin(&self) -> &Origin {
        Key::named(STORE_PATH).map_or(&Origin::Default, |key| self.settings.origin(key))
    }

    fn missing(&self) -> Error {
        if self.root.is_none() && *self.origin() == Origin::Default {
            return Error::NoStore { path: self.base.clone() };
        }
        Error::StoreMissing { path: self.store.clone() }
    }
}

fn settings_file(path: PathBuf) -> Result<Option<ConfigFile>> {
    let Some(bytes) = disk::read_if_there(&path)? else { return Ok(None) };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(ConfigFile { path, text })),
        Err(error) => {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = memchr::memchr_iter(b'\n', before).count() + 1;
            Err(Error::BadToml { path, line, reason: "it is not UTF-8".into() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings(directory: &Path) -> Surroundings {
        Surroundings { directory: directory.to_owned(), ..Surroundings::default() }
    }

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        disk::create_folders(path.parent().unwrap()).unwrap();
        disk::replace(&path, text.as_bytes()).unwrap();
    }

    fn root() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = disk::real_path(folder.path());
        (folder, path)
    }

    #[test]
    fn the_nearest_folder_above_that_is_marked_is_the_workspace() {
        let (_folder, root) = root();
        write(&root, "a/recell.toml", "");
        write(&root, "a/b/.recell/x", "");
        write(&root, "a/c/pyproject.toml", "[tool.recell.ui]\ncolor = 'never'");
        write(&root, "a/d/pyproject.toml", "[project]\ndependencies = ['recell']");
        for (directory, expected, why) in [
            ("a", "a", "recell.toml marks it"),
            ("a/e/f", "a", "from below"),
            ("a/b", "a/b", "recell's own folder marks it"),
            ("a/c", "a/c", "a table of pyproject.toml marks it"),
            ("a/d", "a", "a mere mention does not"),
        ] {
            let workspace = Workspace::find(&surroundings(&root.join(directory))).unwrap();
            assert_eq!(workspace.root(), Some(root.join(expected).as_path()), "{why}");
        }
        assert_eq!(Workspace::find(&surroundings(&root)).unwrap().root(), None, "nothing above");
    }

    #[test]
    fn the_store_is_named_by_flag_then_environment_then_settings() {
        let (_folder, root) = root();
        write(&root, "recell.toml", "store.path = 'own'");
        let mut around = surroundings(&root.join("sub"));
        let store =
            |around: &Surroundings| Workspace::find(around).unwrap().store_path().to_owned();
        assert_eq!(store(&around), root.join("own"), "settings start at the workspace");
        around.environment.insert("RECELL_STORE_PATH".into(), "long".into());
        assert_eq!(store(&around), root.join("sub/long"), "the environment wins over settings");
        around.environment.insert("RECELL_STORE".into(), "short".into());
        assert_eq!(store(&around), root.join("sub/short"), "the short name over the long");
        around.flags.push(("store.path".into(), "set".into()));
        assert_eq!(store(&around), root.join("sub/set"), "a flag over the environment");
        around.store = Some("named".into());
        assert_eq!(store(&around), root.join("sub/named"), "and `--store` over all");
    }

    #[test]
    fn linked_work_trees_share_the_store_of_the_main_one() {
        let (_folder, root) = root();
        write(&root, "main/.git/worktrees/w/commondir", "../..\n");
        write(&root, "main/nb/.recell/x", "");
        write(&root, "linked/.git", &format!("gitdir: {}/main/.git/worktrees/w\n", root.display()));
        write(&root, "linked/nb/deep/x", "");
        let find = |path: &str| Workspace::find(&surroundings(&root.join(path))).unwrap();
        let shared = root.join("main/nb/.recell/store.git");
        assert_eq!(find("linked/nb/deep").store_path(), shared, "settings are not committed");
        assert_eq!(find("linked/nb/deep").root(), Some(root.join("linked/nb").as_path()));
        write(&root, "linked/nb/recell.toml", "");
        assert_eq!(find("linked/nb/deep").store_path(), shared, "settings are committed");
        write(&root, "linked/other/recell.toml", "");
        let own = root.join("linked/other/.recell/store.git");
        assert_eq!(find("linked/other").store_path(), own, "the main one has no such folder");
    }

    #[test]
    fn a_submodule_has_a_store_of_its_own() {
        let (_folder, root) = root();
        write(&root, "main/.git/modules/sub/HEAD", "");
        write(&root, "main/sub/.git", "gitdir: ../.git/modules/sub\n");
        write(&root, "main/sub/recell.toml", "");
        let workspace = Workspace::find(&surroundings(&root.join("main/sub"))).unwrap();
        assert_eq!(workspace.store_path(), root.join("main/sub/.recell/store.git"));
    }

    #[test]
    fn without_a_workspace_a_store_must_be_named() {
        let (_folder, root) = root();
        let workspace = Workspace::find(&surroundings(&root)).unwrap();
        let error = workspace.open_or_create(OpenOptions::default()).unwrap_err();
        assert_eq!(error.code(), "no_store");
        let around = Surroundings { store: Some("typo".into()), ..surroundings(&root) };
        let error = Workspace::find(&around).unwrap().open_or_create(OpenOptions::default());
        assert_eq!(error.unwrap_err().code(), "store_missing", "a mistyped store is not made");
    }
}
