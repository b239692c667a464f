//! What a notebook without entries was called before, so that its history goes on.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::cells::cell_names;
use super::document::Notebook;
use super::name::NotebookName;
use crate::disk;
use crate::error::{Error, Result};
use crate::git::{Git, GitEnvironment, HistoryRange, HostRepository, staged_renames, walk_history};
use crate::index::Pattern;
use crate::name::encode;
use crate::store::Store;

/// How the names of notebooks end.
pub(super) const EXTENSION: &str = ".ipynb";

/// How paths in the host repository are names of notebooks.
pub(super) struct Names<'a> {
    top: PathBuf,
    base: &'a Path,
}

impl<'a> Names<'a> {
    /// `base` is the folder that notebooks are named from, without links.
    pub(super) fn new(host: &HostRepository, base: &'a Path) -> Names<'a> {
        Names { top: disk::real_path(host.top()), base }
    }

    /// Returns the name of a path from the top of the repository; `None` if it is outside.
    pub(super) fn of(&self, path: &str) -> Option<NotebookName> {
        NotebookName::of_path(self.top.join(path).strip_prefix(self.base).ok()?)
    }
}

/// The notebooks that have entries, and no file any more.
#[derive(Debug, Default)]
pub struct GoneNotebooks {
    /// The encoded names of their cells.
    cells: BTreeMap<NotebookName, HashSet<String>>,
}

impl GoneNotebooks {
    /// Looks for them, in one listing of the store; `base` is the folder that notebooks are named
    /// from.
    ///
    /// # Errors
    /// Those of [`Store::list`].
    pub fn find(store: &Store, base: &Path) -> Result<GoneNotebooks> {
        let mut cells: BTreeMap<NotebookName, HashSet<String>> = BTreeMap::new();
        // Names of one notebook are neighbours.
        let mut last: Option<(String, Option<NotebookName>)> = None;
        for name in store.list(&Pattern::all())? {
            let notebook = name.notebook();
            if last.as_ref().is_none_or(|(text, _)| *text != notebook) {
                let found = NotebookName::of_path(notebook.as_ref().as_ref());
                let gone = found.filter(|found| {
                    found.as_str().ends_with(EXTENSION)
                        && !disk::is_there(&base.join(found.as_str()))
                });
                last = Some((notebook.into_owned(), gone));
            }
            if let Some((_, Some(gone))) = &last {
                match cells.get_mut(gone) {
                    Some(cells) => drop(cells.insert(name.cell_segment().to_owned())),
                    None => {
                        cells.insert(gone.clone(), HashSet::from([name.cell_segment().into()]));
                    }
                }
            }
        }
        Ok(GoneNotebooks { cells })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Returns which of these each of the notebooks in `new` is, as git knows of its renames: in
    /// the history of the commit that is checked out, or staged. Pairs of the old and the new name.
    ///
    /// # Errors
    /// [`Error::NoHost`], and those of running git.
    pub fn renamed(
        &self,
        base: &Path,
        git: &GitEnvironment,
        new: &[NotebookName],
    ) -> Result<Vec<(NotebookName, NotebookName)>> {
        if self.is_empty() || new.is_empty() {
            return Ok(Vec::new());
        }
        let git = Git::new(git.clone());
        let host = HostRepository::discover(base, &git)
            .map_err(|reason| Error::NoHost { reason: reason.to_string() })?;
        let base = disk::real_path(base);
        let names = Names::new(&host, &base);
        let mut before: HashMap<NotebookName, NotebookName> = HashMap::new();
        let mut note = |old: &str, new: &str| {
            if let (Some(old), Some(new)) = (names.of(old), names.of(new)) {
                before.insert(new, old);
            }
        };
        if host.head_commit(&git)?.is_none() {
            return Ok(Vec::new());
        }
        // Parents first, so that of several renames to one name the last counts.
        let head = ["HEAD".to_owned()];
        let range = HistoryRange { revisions: &head, renames_only: true, since: None };
        walk_history(&host, &git, range, EXTENSION, |_, change| {
            if let Some(old) = &change.renamed_from {
                note(old, &change.path);
            }
            true
        })?;
        for (old, new) in staged_renames(&host, &git, EXTENSION)? {
            note(&old, &new);
        }
        let former = |name: &NotebookName| {
            let mut seen = HashSet::from([name]);
            let mut at = name;
            while let Some(old) = before.get(at).filter(|old| seen.insert(old)) {
                if self.cells.contains_key(old) {
                    return Some(old.clone());
                }
                at = old;
            }
            None
        };
        Ok(new.iter().filter_map(|name| Some((former(name)?, name.clone()))).collect())
    }

    /// Returns the one of these that `notebook` looks like: it has most of its cells. `None` if
    /// there is none, or more than one.
    pub fn similar(&self, notebook: &Notebook<'_>) -> Option<&NotebookName> {
        let names = cell_names(notebook);
        let has_most = |cells: &HashSet<String>| {
            let shared = names.iter().filter(|name| cells.contains(&*encode(name))).count();
            shared > 0 && 2 * shared >= names.len()
        };
        let mut found = self.cells.iter().filter(|(_, cells)| has_most(cells));
        let (name, _) = found.next()?;
        found.next().is_none().then_some(name)
    }
}
