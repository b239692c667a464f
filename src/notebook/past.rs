//! Which versions of which notebooks the host repository's commits hold: the plan of an import.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::ancestry::{Ancestry, History, Version};
use super::follow::{EXTENSION, Names};
use super::imported::{VersionKey, version_key};
use super::name::NotebookName;
use crate::disk;
use crate::error::{Error, Result};
use crate::git::{Git, GitEnvironment, HistoryRange, HostRepository, paths_at_head, walk_history};
use crate::progress::{Progress, Unit};

/// Raised when the same version would be recorded otherwise.
const KEY_FORMAT: &str = "1";

/// Which part of the past is wanted.
pub struct ImportSource<'a> {
    /// The folder that notebooks are named from.
    pub base: &'a Path,
    /// What git sees of the environment.
    pub git: GitEnvironment,
    /// Revisions and ranges as git reads them, such as `main` or `main~50..main`. None means
    /// `HEAD`, all branches, those of remotes too, and all tags.
    pub revisions: &'a [String],
    /// Only commits since this moment, as git reads times.
    pub since: Option<&'a str>,
    /// Whether a notebook is wanted: its name, and all names that it ever had, that among them.
    pub wanted: &'a dyn Fn(&NotebookName, &[NotebookName]) -> bool,
}

/// The past as it can be imported: a plan until it was carried out.
pub struct ImportPlan {
    pub(super) host: HostRepository,
    pub(super) git: Git,
    pub(super) base: PathBuf,
    pub(super) notebooks: Vec<Planned>,
    /// How many versions are links or submodules, which are left out.
    pub no_files: usize,
}

pub(super) struct Planned {
    pub(super) name: NotebookName,
    /// Its other names, if they are free: no other notebook is called so now.
    pub(super) former: Vec<NotebookName>,
    pub(super) history: History,
}

/// Walks the host repository's history and says what there is to import. Nothing is changed.
///
/// # Errors
/// [`Error::NoHost`], and [`Error::GitFailed`] if a revision is unknown.
pub fn plan_import(source: &ImportSource<'_>, progress: &dyn Progress) -> Result<ImportPlan> {
    let git = Git::new(source.git.clone());
    let host = HostRepository::discover(source.base, &git)
        .map_err(|reason| Error::NoHost { reason: reason.to_string() })?;
    let mut ancestry = Ancestry::default();
    let range = HistoryRange {
        revisions: source.revisions,
        since: source.since,
        ..HistoryRange::default()
    };
    progress.begin("reading the history", None, Unit::Items);
    let walked = walk_history(&host, &git, range, EXTENSION, |commit, change| {
        progress.advance(1);
        ancestry.take(commit, change);
        true
    });
    progress.end();
    walked?;
    let at_head: HashSet<String> = paths_at_head(&host, &git, EXTENSION)?.into_iter().collect();
    let no_files = ancestry.no_files;
    let base = disk::real_path(source.base);
    let names = Names::new(&host, &base);
    let mut notebooks = Vec::new();
    for history in ancestry.finish(&at_head) {
        let Some(name) = names.of(&history.path) else { continue };
        let all: Vec<NotebookName> = history.paths.iter().filter_map(|p| names.of(p)).collect();
        if (source.wanted)(&name, &all) {
            let free = history.paths.iter().filter(|path| !at_head.contains(*path));
            let former = free.filter_map(|path| names.of(path)).filter(|other| *other != name);
            notebooks.push(Planned { former: former.collect(), name, history });
        }
    }
    notebooks.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(ImportPlan { host, git, base, notebooks, no_files })
}

impl ImportPlan {
    /// Returns the notebooks, each with how many versions of it there are and all its names.
    pub fn notebooks(&self) -> impl Iterator<Item = (&NotebookName, usize, &[NotebookName])> {
        let all = self.notebooks.iter();
        all.map(|planned| (&planned.name, planned.history.versions.len(), &*planned.former))
    }

    /// Returns how many versions there are.
    pub fn versions(&self) -> usize {
        self.notebooks.iter().map(|planned| planned.history.versions.len()).sum()
    }
}

impl Planned {
    /// Returns the path that a version had.
    pub(super) fn path(&self, version: &Version) -> &str {
        self.history.paths.get(version.path as usize).map_or("", String::as_str)
    }
}

/// Returns what tells a version, as it is recorded, from all others.
pub(super) fn key_of(planned: &Planned, version: &Version) -> VersionKey {
    version_key(&[
        KEY_FORMAT,
        planned.name.as_str(),
        &version.commit.to_string(),
        &version.blob.to_string(),
        &version.at.to_string(),
    ])
}
