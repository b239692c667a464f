//! Which notebooks a command line names, and how they are read and written back.

use std::path::{Path, PathBuf};

use super::report::{Failure, Outcome};
use super::session::Session;
use crate::config::{Config, Durability, Glob};
use crate::disk::{self, Signature};
use crate::error::{Error, Result};
use crate::git::HostRepository;
use crate::notebook::{Notebook, NotebookName, RecordContext};
use crate::workspace::Workspace;

/// How the names of notebooks end.
const EXTENSION: &str = ".ipynb";
/// Folders that hold no notebook of anybody.
const SKIPPED: [&str; 2] = [".git", ".recell"];

/// A notebook that was named.
#[derive(Debug, Clone)]
pub(super) struct NotebookFile {
    /// Where it is.
    pub(super) path: PathBuf,
    /// What it is called in the store.
    pub(super) name: NotebookName,
}

/// The bytes of a notebook, and in which state its file was.
pub(super) struct Contents {
    pub(super) bytes: Vec<u8>,
    signature: Option<Signature>,
}

/// Returns the notebooks that `paths` name: files as they are; of folders and globs those that
/// `record.include` and `record.exclude` let through.
///
/// # Errors
/// [`Error::Disk`] if one is not there, [`Error::OutsideWorkspace`], [`Error::NoNotebooks`].
pub(super) fn named(session: &Session, paths: &[PathBuf]) -> Result<Vec<NotebookFile>> {
    let workspace = session.workspace()?;
    let mut files = Vec::new();
    for path in paths {
        let full = session.path(path);
        if disk::is_folder(&full) {
            below(workspace, &disk::real_path(&full), &|_| true, &mut files)?;
        } else if let Some(glob) = glob_of(path, &full) {
            let start = disk::real_path(&session.path(Path::new(".")));
            let matches = |path: &Path| {
                path.strip_prefix(&start).is_ok_and(|path| glob.matches(&path.to_string_lossy()))
            };
            below(workspace, &start, &matches, &mut files)?;
        } else {
            // What is not there fails with the system's own words.
            disk::open(&full)?;
            let name = name_in(workspace, &full)?;
            files.push(NotebookFile { path: full, name });
        }
    }
    if files.is_empty() {
        let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(Error::NoNotebooks { text: paths.join(" ") });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files.dedup_by(|a, b| a.name == b.name);
    Ok(files)
}

/// Returns all notebooks of the workspace that the settings let through; there may be none.
///
/// # Errors
/// [`Error::Disk`].
pub(super) fn all(workspace: &Workspace) -> Result<Vec<NotebookFile>> {
    let mut files = Vec::new();
    below(workspace, &disk::real_path(workspace.base()), &|_| true, &mut files)?;
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// Returns the glob that a path is, if no file is called so.
fn glob_of(path: &Path, full: &Path) -> Option<Glob> {
    let text = path.to_str().filter(|text| text.contains(['*', '?', '[']))?;
    if disk::is_there(full) { None } else { text.parse().ok() }
}

fn below(
    workspace: &Workspace,
    folder: &Path,
    matches: &dyn Fn(&Path) -> bool,
    files: &mut Vec<NotebookFile>,
) -> Result<()> {
    for entry in disk::list(folder)? {
        if entry.is_folder && !SKIPPED.contains(&entry.name.as_str()) {
            below(workspace, &entry.path, matches, files)?;
        } else if !entry.is_folder && entry.name.ends_with(EXTENSION) && matches(&entry.path) {
            let name = name_in(workspace, &entry.path)?;
            if is_included(workspace.config(), &name) {
                files.push(NotebookFile { path: entry.path, name });
            }
        }
    }
    Ok(())
}

/// Whether the settings want a notebook recorded.
pub(super) fn is_included(config: &Config, name: &NotebookName) -> bool {
    let any = |globs: &[Glob]| globs.iter().any(|glob| glob.matches(name.as_str()));
    any(&config.record.include) && !any(&config.record.exclude)
}

/// Returns what the notebook at `path` is called in the store.
///
/// A link to a notebook is a notebook of its own; a link to a folder is that folder.
fn name_in(workspace: &Workspace, path: &Path) -> Result<NotebookName> {
    let base = workspace.base();
    let outside = || Error::OutsideWorkspace { path: path.into(), workspace: base.into() };
    let file = path.file_name().ok_or_else(outside)?;
    let folder = folder_in(workspace, path.parent().unwrap_or(path)).ok_or_else(outside)?;
    NotebookName::of_path(&folder.join(file)).ok_or_else(outside)
}

/// Returns `folder` relative to the workspace; `None` if it is not in there.
pub(super) fn folder_in(workspace: &Workspace, folder: &Path) -> Option<PathBuf> {
    let base = disk::real_path(workspace.base());
    disk::real_path(folder).strip_prefix(&base).ok().map(Path::to_owned)
}

impl NotebookFile {
    /// Reads the file.
    pub(super) fn read(&self) -> Result<Contents> {
        let signature = disk::signature(&self.path)?;
        Ok(Contents { bytes: disk::read(&self.path)?, signature })
    }

    /// Replaces what was read by `bytes`.
    ///
    /// # Errors
    /// [`Error::Disk`], and [`Error::ChangedMeanwhile`] if somebody else wrote the file since.
    pub(super) fn replace(
        &self,
        contents: &Contents,
        bytes: &[u8],
        durability: Durability,
    ) -> Result<()> {
        if disk::signature(&self.path)? != contents.signature {
            return Err(Error::ChangedMeanwhile { path: self.path.clone() });
        }
        match durability {
            Durability::Process => disk::replace_unsynced(&self.path, bytes),
            Durability::Sync => disk::replace(&self.path, bytes),
        }
    }

    /// Reads the notebook in `contents`.
    ///
    /// # Errors
    /// [`Error::NotANotebook`].
    pub(super) fn parse<'a>(&self, contents: &'a Contents) -> Result<Notebook<'a>> {
        Notebook::parse(&contents.bytes).map_err(|reason| Error::NotANotebook {
            path: self.path.clone(),
            reason: reason.to_string(),
        })
    }
}

/// Does `work` for each notebook. What is no notebook is left alone and named, and the others go
/// on; that the command was not done for all is told at the end.
pub(super) fn for_each<'f>(
    session: &Session,
    files: &'f [NotebookFile],
    mut work: impl FnMut(&'f NotebookFile) -> Result<(), Failure>,
) -> Outcome {
    let mut left = 0;
    for file in files {
        match work(file) {
            Err(Failure::Error(error @ Error::NotANotebook { .. })) if files.len() > 1 => {
                session.ui.warn(&error.to_string(), None);
                left += 1;
            }
            outcome => outcome?,
        }
    }
    match left {
        0 => Ok(()),
        _ => Err(Error::NotebooksLeft { left, total: files.len() }.into()),
    }
}

/// Returns what entries that are recorded now say about the host repository: asked for once, and
/// nothing if there is none or the settings do not want it.
pub(super) fn context(session: &Session, workspace: &Workspace, ask_dirty: bool) -> RecordContext {
    let config = workspace.config();
    let mut context = RecordContext::at(session.now());
    context.max_output = config.filter.max_output.bytes();
    if !config.record.host {
        return context;
    }
    let git = session.git();
    let Ok(host) = HostRepository::discover(workspace.base(), &git) else { return context };
    // Notebooks are left out: it is their cells' code that the module hash knows better.
    let dirty = || host.is_dirty(&git, EXTENSION);
    match host.head_commit(&git) {
        Ok(commit) => {
            context.host_commit = commit.map(|id| id.to_string());
            if ask_dirty && context.host_commit.is_some() {
                context.host_dirty = dirty().ok();
            }
        }
        Err(error) => {
            session.ui.detail(|| format!("the host's commit could not be read: {error}"));
        }
    }
    context
}
