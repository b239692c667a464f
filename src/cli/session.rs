//! One run of the command: what it asked the system for, and the workspace it works on.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::args::GlobalArgs;
use super::moment::Moment;
use super::pruning::keep_caps;
use super::report::Failure;
use super::ui::Ui;
use crate::clock::{Clock, Timestamp};
use crate::disk::{self, Faults};
use crate::error::{Error, Result};
use crate::events::EventOptions;
use crate::git::{Git, GitEnvironment};
use crate::history::{View, When};
use crate::store::{OpenOptions, Snapshot, Store};
use crate::workspace::{Surroundings, Workspace};

/// How long a command that only ends with a flush waits for others: what it put is safe already.
const SHORT_PATIENCE: Duration = Duration::from_secs(2);

/// How long a push waits for another of the same store, which may be sending gigabytes.
const LONG_PATIENCE: Duration = Duration::from_secs(3600);

/// One run of the command.
pub(crate) struct Session {
    /// Where it prints.
    pub(crate) ui: Ui,
    surroundings: Surroundings,
    clock: Clock,
    random: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// How events of this run are logged, before the settings are heard.
    events: EventOptions,
    workspace: OnceCell<Workspace>,
    /// Whether it was said that a sync tool left copies.
    warned: Cell<bool>,
    /// Whether it was said that a push went unsigned.
    warned_of_unsigned: Cell<bool>,
    /// What `--as-of` says, and what it means once it was read.
    as_of: Option<String>,
    moment: OnceCell<Moment>,
}

impl Session {
    /// Asks the system for all that the run of `command` may need, once.
    ///
    /// # Errors
    /// [`Error::BadSetting`] if a variable for tests is malformed, [`Error::Disk`] if there is no
    /// working directory.
    pub(crate) fn new(global: GlobalArgs, command: &str) -> Result<Session> {
        let environment: BTreeMap<String, String> = std::env::vars_os().map(text_of).collect();
        arm_faults(&environment)?;
        let here = std::env::current_dir().map_err(|source| Error::Disk {
            action: "find the working directory",
            path: ".".into(),
            source,
        })?;
        let directory = match &global.directory {
            Some(path) => existing_folder(&here.join(path))?,
            None => here,
        };
        let ui = Ui::new(&global, &environment);
        let surroundings =
            Surroundings { directory, store: global.store, flags: global.settings, environment };
        let clock = clock(&surroundings.environment)?;
        let random = random(&surroundings.environment)?;
        // One run for all stores of this process. The numbers of others stay as they are.
        let run = self::random(&surroundings.environment)?();
        let events = EventOptions {
            source: format!("recell {command}"),
            run: Some(format!("{run:016x}")),
            ..EventOptions::default()
        };
        let (workspace, moment) = (OnceCell::new(), OnceCell::new());
        let (warned, warned_of_unsigned) = (Cell::new(false), Cell::new(false));
        let as_of = global.as_of;
        Ok(Session {
            ui,
            surroundings,
            clock,
            random,
            events,
            workspace,
            warned,
            warned_of_unsigned,
            as_of,
            moment,
        })
    }

    /// Returns the present moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the path that a relative one on the command line means.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.surroundings.directory.join(path)
    }

    /// Returns what a git executable may see of the environment.
    pub(crate) fn git_environment(&self) -> GitEnvironment {
        let variables = self.surroundings.environment.iter();
        GitEnvironment::new(variables.map(|(name, value)| (name.into(), value.into())))
    }

    /// Returns what the workspace is looked for with.
    pub(crate) fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// Returns the workspace that the run works on.
    ///
    /// # Errors
    /// Those of [`Workspace::find`].
    pub(crate) fn workspace(&self) -> Result<&Workspace> {
        if self.workspace.get().is_none() {
            let workspace = Workspace::find(&self.surroundings)?;
            self.ui.follow(&workspace.config().ui);
            self.ui.detail(|| match workspace.root() {
                Some(root) => format!("workspace `{}`", root.display()),
                None => "no workspace here or above".into(),
            });
            self.ui.detail(|| format!("store `{}`", workspace.store_path().display()));
            drop(self.workspace.set(workspace));
        }
        Ok(self.workspace.get().expect("it was set above"))
    }

    /// Returns the git executable, scrubbed of what names a repository.
    pub(crate) fn git(&self) -> Git {
        Git::new(self.git_environment())
    }

    /// Opens the store.
    ///
    /// # Errors
    /// Those of [`Workspace::open`].
    pub(crate) fn store(&self) -> Result<Store> {
        let store = self.workspace()?.open(self.options_to_read())?;
        self.warn_of_copies(&store);
        Ok(store)
    }

    /// Returns how stores are opened to be read: what only a remote has comes when it is read.
    fn options_to_read(&self) -> OpenOptions {
        let Ok(workspace) = self.workspace() else { return self.options() };
        let (base, settings) = (workspace.base().to_owned(), workspace.config().sync.clone());
        let lazy_parts = crate::sync::lazy_parts(base, settings, self.git_environment());
        OpenOptions { lazy_parts, ..self.options() }
    }

    /// Opens the store to push or pull: others who do so are waited for.
    ///
    /// # Errors
    /// Those of [`Workspace::open`].
    pub(crate) fn store_to_sync(&self) -> Result<Store> {
        self.workspace()?.open(OpenOptions { lock_patience: LONG_PATIENCE, ..self.options() })
    }

    /// Says, once a command, that what was to be signed went unsigned.
    pub(crate) fn warn_of_unsigned(&self, reason: &str) {
        if !self.warned_of_unsigned.replace(true) {
            self.ui.warn(
                &format!("pushed without a signature: {reason}"),
                Some(
                    "Give git a key that works (`user.signingKey`, `gpg.format`), and the next \
                     push signs it all; or set `trust.sign = \"never\"` in recell.toml.",
                ),
            );
        }
    }

    /// Says, once a command, that a sync tool left copies of the names beside the store.
    fn warn_of_copies(&self, store: &Store) {
        let copies = store.conflicted_copies().unwrap_or_default();
        if let Some(first) = copies.first().filter(|_| !self.warned.replace(true)) {
            let more = match copies.len() {
                1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            self.ui.warn(
                &format!("a sync tool left `{first}`{more} in the store: it may name more results"),
                Some("Run `recell repair`."),
            );
        }
    }

    /// Opens the store even if its names cannot be read.
    ///
    /// # Errors
    /// Those of [`Workspace::open`].
    pub(crate) fn store_despite_damage(&self) -> Result<Store> {
        self.workspace()?.open(OpenOptions { despite_damage: true, ..self.options() })
    }

    /// Returns the store as commands read it: as it is now, or as of what `--as-of` says.
    ///
    /// # Errors
    /// Those of [`Moment::read`] and of [`Store::snapshot`].
    pub(crate) fn snapshot(&self, store: &Store) -> Result<Snapshot, Failure> {
        let snapshot = store.snapshot()?;
        Ok(match self.as_of()? {
            Some(moment) => snapshot.as_of(moment.span.last),
            None => snapshot,
        })
    }

    /// Returns the view of `snapshot` that `--as-of` asks for.
    ///
    /// # Errors
    /// Those of [`Moment::read`].
    pub(crate) fn view(&self, snapshot: &Snapshot) -> Result<View, Failure> {
        let whole = || View::new(snapshot.clone());
        Ok(self.as_of()?.map_or_else(whole, |moment| moment.view(snapshot)))
    }

    /// Returns what `--as-of` means; `None` if it was not given.
    ///
    /// # Errors
    /// Those of [`Moment::read`].
    pub(crate) fn as_of(&self) -> Result<Option<&Moment>, Failure> {
        let Some(text) = &self.as_of else { return Ok(None) };
        if self.moment.get().is_none() {
            let moment = Moment::read(self, &When::read(text))?;
            self.ui.detail(|| format!("as of {}", moment.span.last.to_rfc3339()));
            drop(self.moment.set(moment));
        }
        Ok(self.moment.get())
    }

    /// Opens the store to put something; a workspace that has none yet gets one.
    ///
    /// # Errors
    /// Those of [`Workspace::open_or_create`].
    pub(crate) fn store_to_put(&self) -> Result<Store> {
        self.open_to_put(self.workspace()?)
    }

    /// Opens the store of a workspace to put something; it is made if need be.
    ///
    /// # Errors
    /// Those of [`Workspace::open_or_create`].
    pub(crate) fn open_to_put(&self, workspace: &Workspace) -> Result<Store> {
        let options = OpenOptions { lock_patience: SHORT_PATIENCE, ..self.options() };
        let store = workspace.open_or_create(options)?;
        self.warn_of_copies(&store);
        Ok(store)
    }

    /// Returns how stores are opened in this run, before the settings are heard.
    pub(crate) fn options(&self) -> OpenOptions {
        OpenOptions {
            clock: self.clock.clone(),
            random: Arc::clone(&self.random),
            events: Some(self.events.clone()),
            ..OpenOptions::default()
        }
    }

    /// Returns the folder of the system for temporary files.
    pub(crate) fn temporary_place(&self) -> PathBuf {
        let place = self.surroundings.environment.get("TMPDIR").filter(|path| !path.is_empty());
        self.path(Path::new(place.map_or("/tmp", String::as_str)))
    }

    /// Returns a new folder for files that a person wants to look at; nobody else may look in.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub(crate) fn temporary_folder(&self) -> Result<PathBuf> {
        let place = self.temporary_place();
        let made = tempfile::Builder::new().prefix("recell-").tempdir_in(&place);
        let folder =
            made.map_err(|source| Error::Disk { action: "write in", path: place, source })?;
        Ok(folder.keep())
    }

    /// Flushes what was put, and sees to the caps of the store. It is stored already, so what
    /// hinders the flush is only a warning.
    pub(crate) fn flush_after_put(&self, store: &Store) {
        // A store that was opened has a workspace.
        if let Ok(workspace) = self.workspace() {
            self.flush_in(workspace, store);
        }
    }

    /// Flushes like [`Session::flush_after_put`], by the settings of `workspace`.
    pub(crate) fn flush_in(&self, workspace: &Workspace, store: &Store) {
        match store.flush() {
            Ok(report) => {
                keep_caps(self, workspace, store);
                for journal in &report.damaged_journals {
                    self.ui.warn(&format!("a damaged journal was set aside: `{journal}`"), None);
                }
            }
            Err(error) => self.ui.warn(
                &format!("stored, but not flushed yet: {error}"),
                Some("Nothing is lost; the next flush takes it along."),
            ),
        }
    }
}

fn text_of((name, value): (OsString, OsString)) -> (String, String) {
    (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
}

fn existing_folder(path: &Path) -> Result<PathBuf> {
    let real = disk::real_path(path);
    if disk::is_folder(&real) {
        return Ok(real);
    }
    // What is not there fails here, with the system's own words.
    disk::open(path)?;
    let source = std::io::ErrorKind::NotADirectory.into();
    Err(Error::Disk { action: "work in", path: path.to_owned(), source })
}

/// Returns the value of a variable that tests set; an empty one counts as not set.
fn variable<T>(
    environment: &BTreeMap<String, String>,
    name: &'static str,
    expected: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>> {
    let Some(text) = environment.get(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    parse(text).map(Some).ok_or_else(|| Error::BadSetting {
        place: "environment".into(),
        name,
        expected: expected.into(),
        found: text.clone(),
    })
}

fn clock(environment: &BTreeMap<String, String>) -> Result<Clock> {
    let expected = "a time such as `20261121T012400.123456Z`";
    let fixed = variable(environment, "RECELL_NOW", expected, |text| text.parse().ok())?;
    Ok(fixed.map_or_else(Clock::system, Clock::fixed))
}

fn random(environment: &BTreeMap<String, String>) -> Result<Arc<dyn Fn() -> u64 + Send + Sync>> {
    const UNPOISONED: &str = "drawing a number does not panic";
    let seed = variable(environment, "RECELL_SEED", "a whole number", |text| text.parse().ok())?;
    Ok(match seed {
        Some(seed) => {
            let generator = Mutex::new(fastrand::Rng::with_seed(seed));
            Arc::new(move || generator.lock().expect(UNPOISONED).u64(..))
        }
        None => OpenOptions::default().random,
    })
}

fn arm_faults(environment: &BTreeMap<String, String>) -> Result<()> {
    let budget =
        variable(environment, "RECELL_DISK_BUDGET", "a number of bytes", |t| t.parse().ok())?;
    let crash_at = environment.get("RECELL_CRASH_AT").filter(|name| !name.is_empty()).cloned();
    if crash_at.is_some() || budget.is_some() {
        disk::arm_faults(Faults { crash_at, disk_budget: budget });
    }
    Ok(())
}
