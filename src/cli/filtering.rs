//! Filters notebooks for git: finds the workspace of each, opens its store once, and flushes it
//! at the end.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::locking::LockKeeper;
use super::notebooks;
use super::runs::RunKeeper;
use super::session::Session;
use crate::error::{Error, Result};
use crate::git::FilterCommand;
use crate::notebook::{
    ChosenCell, Filtered, NotebookName, RecordContext, RestoreOptions, StripOptions, clean, record,
    restore, smudge,
};
use crate::store::Store;
use crate::workspace::{Surroundings, Workspace};

/// Filters one notebook after the other.
pub(super) struct Filtering<'s> {
    session: &'s Session,
    /// Where each folder is that had a notebook; `None` if that is in no workspace.
    folders: HashMap<PathBuf, Option<Folder>>,
    /// Each workspace once, by where its store is.
    places: Vec<Rc<Place>>,
}

/// A folder of a workspace.
#[derive(Clone)]
struct Folder {
    place: Rc<Place>,
    /// Its path from the workspace.
    path: PathBuf,
}

/// A workspace, its store once that was needed, and what is recorded with each entry.
struct Place {
    workspace: Workspace,
    store: OnceCell<Store>,
    context: OnceCell<RecordContext>,
    /// What keeps its `recell.lock`, if it has one.
    keeper: Option<RefCell<LockKeeper>>,
    /// What was recorded.
    run: RefCell<RunKeeper>,
}

impl<'s> Filtering<'s> {
    pub(super) fn new(session: &'s Session) -> Filtering<'s> {
        Filtering { session, folders: HashMap::new(), places: Vec::new() }
    }

    /// Returns what git gets for the notebook at `path`, relative to the working directory;
    /// `None` if that is what it gave. What the user should hear goes to stderr, in one line.
    pub(super) fn filter(
        &mut self,
        command: FilterCommand,
        path: &Path,
        bytes: &[u8],
    ) -> Option<Vec<u8>> {
        let Filtered { bytes, warning } = self.filtered(command, path, bytes);
        if let Some(warning) = warning {
            self.warn(path, &warning);
        }
        bytes
    }

    /// Tells the user something about a notebook.
    pub(super) fn warn(&self, path: &Path, warning: &str) {
        self.session.ui.warn(&format!("`{}`: {warning}", path.display()), None);
    }

    fn filtered(&mut self, command: FilterCommand, path: &Path, bytes: &[u8]) -> Filtered {
        let full = self.session.path(path);
        let unchanged = Filtered { bytes: None, warning: None };
        let found = match self.folder_of(&full) {
            Ok(found) => found,
            Err(error) => {
                return Filtered { bytes: None, warning: Some(format!("left as it is: {error}")) };
            }
        };
        let Some(Folder { place, path: folder }) = found else {
            // Without a workspace nothing can be stored, which `clean` says if it matters.
            let nowhere = || Error::NoStore { path: full.parent().unwrap_or(&full).into() };
            return match command {
                FilterCommand::Clean => clean(bytes, StripOptions::default(), |_| Err(nowhere())),
                FilterCommand::Smudge => unchanged,
            };
        };
        let config = place.workspace.config();
        let name = full.file_name().and_then(|file| NotebookName::of_path(&folder.join(file)));
        let Some(name) = name.filter(|name| notebooks::is_included(config, name)) else {
            return unchanged;
        };
        match command {
            FilterCommand::Clean => self.clean(&place, &name, &full, bytes),
            FilterCommand::Smudge if config.filter.smudge => smudge(bytes, |notebook| {
                let snapshot = place.store(self.session)?.snapshot()?;
                Ok(restore(&snapshot, &name, notebook, &RestoreOptions::default()))
            }),
            FilterCommand::Smudge => unchanged,
        }
    }

    fn clean(&self, place: &Place, name: &NotebookName, path: &Path, bytes: &[u8]) -> Filtered {
        let filter = &place.workspace.config().filter;
        let keep_tags: Vec<&str> = filter.keep_tags.iter().map(String::as_str).collect();
        let options = StripOptions {
            keep_execution_count: filter.keep_execution_count,
            heed_keep_output: true,
            keep_tags: &keep_tags,
            max_output: filter.max_output.bytes(),
        };
        clean(bytes, options, |notebook| {
            let store = place.store(self.session)?;
            // Asking whether the work tree is dirty would take git longer than all the rest, and
            // it is about to be committed.
            let context = place
                .context
                .get_or_init(|| notebooks::context(self.session, &place.workspace, false));
            let report = record(store, name, notebook, context)?;
            if let Some(keeper) = &place.keeper {
                // Git filters at a checkout and for its status, too: only what is new is a reason
                // to pin something else than what was checked out.
                let is_new = |cell: &ChosenCell| {
                    cell.entry.as_ref().is_some_and(|(entry, _)| report.new.contains(entry))
                };
                let file = (path, bytes);
                keeper.borrow_mut().take_in_from_git(store, name, notebook, file, is_new);
            }
            place.run.borrow_mut().take_in(&report);
            Ok(report)
        })
    }

    fn folder_of(&mut self, path: &Path) -> Result<Option<Folder>> {
        let folder = path.parent().unwrap_or(path);
        if let Some(found) = self.folders.get(folder) {
            return Ok(found.clone());
        }
        let surroundings =
            Surroundings { directory: folder.to_owned(), ..self.session.surroundings().clone() };
        let workspace = Workspace::find(&surroundings)?;
        let has_store = workspace.root().is_some() || workspace.has_named_store();
        let path = notebooks::folder_in(&workspace, folder).filter(|_| has_store);
        let found = path.map(|path| Folder { place: self.place(workspace), path });
        self.folders.insert(folder.to_owned(), found.clone());
        Ok(found)
    }

    /// Returns the place of a workspace, the same for the same.
    fn place(&mut self, workspace: Workspace) -> Rc<Place> {
        let same = |place: &&Rc<Place>| {
            place.workspace.base() == workspace.base()
                && place.workspace.store_path() == workspace.store_path()
        };
        if let Some(known) = self.places.iter().find(same) {
            return Rc::clone(known);
        }
        let (store, context) = (OnceCell::new(), OnceCell::new());
        let keeper = LockKeeper::of(&workspace).map(RefCell::new);
        let run = RefCell::new(RunKeeper::new("filter", self.session));
        let place = Rc::new(Place { workspace, store, context, keeper, run });
        self.places.push(Rc::clone(&place));
        place
    }

    /// Pins what was recorded where that is wanted, and moves it into the stores' repositories.
    pub(super) fn finish(self) {
        for place in &self.places {
            if let Some(store) = place.store.get() {
                if let Some(keeper) = &place.keeper {
                    keeper.borrow_mut().finish(self.session, store);
                }
                place.run.take().finish(self.session, store);
                self.session.flush_in(&place.workspace, store);
            }
        }
    }
}

impl Place {
    fn store(&self, session: &Session) -> Result<&Store> {
        if self.store.get().is_none() {
            let store = session.open_to_put(&self.workspace)?;
            drop(self.store.set(store));
        }
        Ok(self.store.get().expect("it was set above"))
    }
}
