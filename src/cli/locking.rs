//! Keeps the `recell.lock` of a workspace as its notebooks are, where there is one.

use std::path::{Path, PathBuf};

use super::session::Session;
use crate::config::Durability;
use crate::digest::Digest;
use crate::disk;
use crate::error::{Error, Result};
use crate::lockfile::{CellState, Lockfile, NotebookState, Pins, holds_the_same};
use crate::notebook::{ChosenCell, Notebook, NotebookName, chosen};
use crate::store::Store;
use crate::workspace::Workspace;

/// Returns the `recell.lock` of the workspace, whether or not it is there.
///
/// # Errors
/// [`Error::NoStore`] if there is no workspace, and those of [`Session::workspace`].
pub(super) fn lockfile(session: &Session) -> Result<Lockfile> {
    let workspace = session.workspace()?;
    match workspace.root() {
        Some(root) => Ok(Lockfile::of(root)),
        None => Err(Error::NoStore { path: workspace.base().to_owned() }),
    }
}

/// Returns a notebook as it stands, with the entries that are for its cells. Those are pinned
/// where `is_fresh`, even if another of the same module hash is.
///
/// # Errors
/// Those of [`Store::snapshot`].
pub(super) fn state_of(
    store: &Store,
    name: &NotebookName,
    notebook: &Notebook<'_>,
    is_fresh: impl Fn(&ChosenCell) -> bool,
) -> Result<NotebookState> {
    let cells = chosen(&store.snapshot()?, name, notebook).into_iter().map(|cell| {
        let is_fresh = is_fresh(&cell);
        let entry = cell.entry.map(|(entry, _)| entry);
        CellState::new(&cell.name, &cell.module, entry, is_fresh)
    });
    Ok(NotebookState::new(name.as_str(), cells.collect()))
}

/// A notebook that was recorded.
struct Taken {
    state: NotebookState,
    /// The file that had just those bytes, if it is to have them still.
    file: Option<(PathBuf, Digest)>,
}

impl Taken {
    /// Whether it still stands as it was taken in.
    fn stands(&self) -> bool {
        self.file.as_ref().is_none_or(|(path, digest)| {
            disk::read(path).is_ok_and(|bytes| Digest::of(&bytes) == *digest)
        })
    }
}

/// The notebooks that a command recorded, whose pins are to follow.
pub(super) struct LockKeeper {
    lockfile: Lockfile,
    durability: Durability,
    taken: Vec<Taken>,
    /// Why a notebook could not be taken in.
    trouble: Option<Error>,
}

impl LockKeeper {
    /// Returns the keeper of the workspace's `recell.lock`; `None` if nobody asked for one.
    pub(super) fn of(workspace: &Workspace) -> Option<LockKeeper> {
        let lockfile = Lockfile::of(workspace.root()?);
        let durability = workspace.config().store.durability;
        lockfile.is_there().then(|| LockKeeper {
            lockfile,
            durability,
            taken: Vec::new(),
            trouble: None,
        })
    }

    /// Takes in a notebook that was just recorded. What hinders this is told at the end.
    pub(super) fn take_in(
        &mut self,
        store: &Store,
        name: &NotebookName,
        notebook: &Notebook<'_>,
        is_fresh: impl Fn(&ChosenCell) -> bool,
    ) {
        match state_of(store, name, notebook, is_fresh) {
            Ok(state) => self.taken.push(Taken { state, file: None }),
            Err(error) => self.trouble = Some(error),
        }
    }

    /// Takes in a notebook whose bytes came from git, which is pinned only if the file at `path`
    /// has them at the end: a checkout looks at the notebooks that it is about to replace, and
    /// replaces the pins as well.
    pub(super) fn take_in_from_git(
        &mut self,
        store: &Store,
        name: &NotebookName,
        notebook: &Notebook<'_>,
        (path, bytes): (&Path, &[u8]),
        is_fresh: impl Fn(&ChosenCell) -> bool,
    ) {
        self.take_in(store, name, notebook, is_fresh);
        if let Some(taken) = self.taken.last_mut().filter(|_| self.trouble.is_none()) {
            taken.file = Some((path.to_owned(), Digest::of(bytes)));
        }
    }

    /// Writes the file, if a pin changed. What was recorded is stored, so that what hinders this
    /// is only a warning.
    pub(super) fn finish(&mut self, session: &Session, store: &Store) {
        let mut taken = std::mem::take(&mut self.taken);
        let changed = match self.trouble.take() {
            Some(error) => Err(error),
            None if taken.is_empty() => return,
            None => self.lockfile.change(self.durability, |bytes| {
                let old = Pins::parse(self.lockfile.path(), bytes)?;
                let after = |taken: &[Taken]| {
                    let states: Vec<&NotebookState> = taken.iter().map(|it| &it.state).collect();
                    old.after(&states, |_| false, |a, b| holds_the_same(store, a, b))
                };
                if after(&taken)? == old {
                    return Ok(None);
                }
                taken.retain(Taken::stands);
                let new = after(&taken)?;
                Ok((new != old).then(|| new.to_text()))
            }),
        };
        match changed {
            Ok(true) => {
                session.ui.detail(|| format!("updated `{}`", self.lockfile.path().display()));
            }
            Ok(false) => {}
            Err(error) => {
                let hint = error.hint();
                session.ui.warn(&format!("the pins stay as they were: {error}"), hint.as_deref());
            }
        }
    }
}
