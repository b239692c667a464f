//! Which remote is meant: one of the cache's own, one of the host repository, or an address.

use std::path::Path;

use super::static_remote::StaticAddress;
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
    /// Whether it is read and written without git.
    pub(crate) is_static: bool,
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

/// Whether an address is one that is read and written without git.
///
/// # Errors
/// [`Error::StaticAddress`] if it says so and makes no sense.
pub(crate) fn is_static_address(address: &str) -> Result<bool> {
    StaticAddress::parse(address).map(|found| found.is_some())
}

/// Returns the remote that `asked` names, or else the one of the settings. Relative paths in the
/// settings start at `base`, the workspace.
///
/// # Errors
/// [`Error::NoRemote`] if nothing is called so, [`Error::StaticAddress`], and those of a failed git.
pub(crate) fn choose(
    asked: Option<&str>,
    settings: &SyncSettings,
    host: Option<&HostRepository>,
    git: &Git,
    base: &Path,
) -> Result<ChosenRemote> {
    let name = asked.unwrap_or(&settings.remote);
    let reach = |address: String, origin: RemoteOrigin, id: Option<&str>| {
        let is_static = is_static_address(&address)?;
        let address = match host {
            // The settings of the repository are about git's way to it.
            Some(host) if !is_static => host.reach(&address, git)?,
            _ => RemoteAddress { fetch: address.clone(), push: address, settings: Vec::new() },
        };
        let of_address = || format!("url-{}", Digest::of(address.fetch.as_bytes()).short(16));
        let id = id.map_or_else(of_address, str::to_owned);
        Ok(ChosenRemote { id, address, origin, is_static })
    };
    if let Some(own) = settings.remotes.iter().find(|remote| remote.name == name) {
        return reach(from_folder(&own.url, base), RemoteOrigin::Settings, Some(name));
    }
    if is_remote_name(name) {
        if let Some(host) = host
            && let Some(address) = host.remote(name, git)?
        {
            let is_static = is_static_address(&address.fetch)?;
            let id = name.to_owned();
            return Ok(ChosenRemote { id, address, origin: RemoteOrigin::Host, is_static });
        }
        let mut known: Vec<String> =
            settings.remotes.iter().map(|remote| remote.name.clone()).collect();
        if let Some(host) = host {
            known.extend(host.remotes(git)?.into_iter().map(|(name, _)| name));
        }
        return Err(Error::NoRemote { name: name.to_owned(), known });
    }
    reach(from_folder(name, base), RemoteOrigin::Address, None)
}
