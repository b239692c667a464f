//! What the commands about remotes share: which remote is meant, and which notebooks.

use crate::cli::session::Session;
use crate::config::Glob;
use crate::error::Result;
use crate::git::{GitRemote, HostRepository};
use crate::store::Store;
use crate::sync::{self, ChosenRemote};

/// Returns the remote that `asked` names, or else the one of the settings.
///
/// # Errors
/// Those of [`sync::choose`].
pub(super) fn chosen_remote(session: &Session, asked: Option<&str>) -> Result<ChosenRemote> {
    let (workspace, git) = (session.workspace()?, session.git());
    git.version()?;
    let host = HostRepository::discover(workspace.base(), &git).ok();
    sync::choose(asked, &workspace.config().sync, host.as_ref(), &git, workspace.base())
}

/// Returns the remote as the store speaks with it.
pub(super) fn speak(session: &Session, chosen: &ChosenRemote, store: &Store) -> GitRemote {
    GitRemote::new(chosen.address.clone(), &session.git(), store.path())
}

/// Whether a notebook is one of those that were named; none means all.
pub(super) fn is_named(notebooks: &[Glob], notebook: &str) -> bool {
    notebooks.is_empty() || notebooks.iter().any(|glob| glob.matches(notebook))
}
