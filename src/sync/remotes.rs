//! Which remote is meant: one of the cache's own, one of the host repository, or an address.

use std::path::Path;

use crate::config::{SyncSettings, is_remote_name};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::git::{Git, HostRepository, RemoteAddress, from_folder};

/// A remote that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChosenRemote {
    /// What its refs are kept under here: its name, or `url-` and a digest of its address.
    pub(crate) id: String,
    /// Where it is.
    pub(crate) address: RemoteAddress,
    /// Where it is said to be.
    pub(crate) origin: RemoteOrigin,
}

/// Where a remote is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RemoteOrigin {
    /// In `[[sync.remotes]]`.
    Settings,
    /// In the host repository.
    Host,
    /// It was given as an address.
    Address,
}

/// Returns the remote that `asked` names, or else the one of the settings. Relative paths in the
/// settings start at `base`, the workspace.
///
/// # Errors
/// [`Error::NoRemote`] if nothing is called so, and those of a failed git.
pub(crate) fn choose(
    asked: Option<&str>,
    settings: &SyncSettings,
    host: Option<&HostRepository>,
    git: &Git,
    base: &Path,
) -> Result<ChosenRemote> {
    let name = asked.unwrap_or(&settings.remote);
    let reach = |address: String| match host {
        Some(host) => host.reach(&address, git),
        None => Ok(RemoteAddress { fetch: address.clone(), push: address, settings: Vec::new() }),
    };
    if let Some(own) = settings.remotes.iter().find(|remote| remote.name == name) {
        let address = reach(from_folder(&own.url, base))?;
        return Ok(ChosenRemote { id: name.to_owned(), address, origin: RemoteOrigin::Settings });
    }
    if is_remote_name(name) {
        if let Some(host) = host
            && let Some(address) = host.remote(name, git)?
        {
            return Ok(ChosenRemote { id: name.to_owned(), address, origin: RemoteOrigin::Host });
        }
        let mut known: Vec<String> =
            settings.remotes.iter().map(|remote| remote.name.clone()).collect();
        if let Some(host) = host {
            known.extend(host.remotes(git)?.into_iter().map(|(name, _)| name));
        }
        return Err(Error::NoRemote { name: name.to_owned(), known });
    }
    let address = reach(from_folder(name, base))?;
    let id = format!("url-{}", Digest::of(address.fetch.as_bytes()).short(16));
    Ok(ChosenRemote { id, address, origin: RemoteOrigin::Address })
}
