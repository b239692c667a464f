//! The remotes of the host repository, and what its settings say about reaching them.

use std::path::Path;

use super::host::HostRepository;
use super::process::Git;
use crate::error::Result;

/// Where a remote is, and what git must be told to reach it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RemoteAddress {
    /// What is fetched from.
    pub(crate) fetch: String,
    /// What is pushed to.
    pub(crate) push: String,
    /// Settings that only the host repository has: credentials, proxies, the command for ssh.
    pub(crate) settings: Vec<(String, String)>,
}

/// Settings about the way to a remote, by how their names begin.
const OF_THE_WAY: [&str; 8] = [
    "http.",
    "credential.",
    "core.sshcommand",
    "core.askpass",
    "core.gitproxy",
    "ssh.",
    "url.",
    "protocol.",
];

/// Whether a setting, its name in lower case, is about the way to a remote.
pub(super) fn is_of_the_way(name: &str) -> bool {
    OF_THE_WAY.iter().any(|start| name.starts_with(start))
}

impl HostRepository {
    /// Returns the names of the remotes with what is fetched from, sorted.
    ///
    /// # Errors
    /// Those of a failed git.
    pub(crate) fn remotes(&self, git: &Git) -> Result<Vec<(String, String)>> {
        let mut found: Vec<(String, String)> = Vec::new();
        for (name, value) in self.own_settings(git)? {
            let named = name.strip_prefix("remote.").and_then(|name| name.strip_suffix(".url"));
            if let Some(named) = named
                && found.iter().all(|(known, _)| known != named)
            {
                found.push((named.to_owned(), value));
            }
        }
        found.sort();
        Ok(found)
    }

    /// Returns where the remote of that name is; `None` if there is none.
    ///
    /// # Errors
    /// Those of a failed git.
    pub(crate) fn remote(&self, name: &str, git: &Git) -> Result<Option<RemoteAddress>> {
        let settings = self.own_settings(git)?;
        let find = |key: &str| {
            let full = format!("remote.{name}.{key}");
            settings.iter().find(|(found, _)| *found == full).map(|(_, value)| value.clone())
        };
        let Some(fetch) = find("url") else { return Ok(None) };
        let push = find("pushurl").unwrap_or_else(|| fetch.clone());
        let mut way = self.settings_of_the_way(&settings);
        if let Some(proxy) = find("proxy") {
            way.push(("http.proxy".into(), proxy));
        }
        let absolute = |address: String| from_folder(&address, self.top());
        Ok(Some(RemoteAddress { fetch: absolute(fetch), push: absolute(push), settings: way }))
    }

    /// Returns how to reach an address that is none of this repository's remotes.
    ///
    /// # Errors
    /// Those of a failed git.
    pub(crate) fn reach(&self, address: &str, git: &Git) -> Result<RemoteAddress> {
        let settings = self.settings_of_the_way(&self.own_settings(git)?);
        Ok(RemoteAddress { fetch: address.into(), push: address.into(), settings })
    }

    #[expect(clippy::unused_self, reason = "they are those of this repository")]
    fn settings_of_the_way(&self, settings: &[(String, String)]) -> Vec<(String, String)> {
        settings.iter().filter(|(name, _)| is_of_the_way(name)).cloned().collect()
    }

    /// Returns what the repository's own settings file says, and what it includes.
    fn own_settings(&self, git: &Git) -> Result<Vec<(String, String)>> {
        let asked = self.ask(git, ["config", "--local", "--includes", "-z", "--list"]);
        let output = asked.run()?;
        let text = String::from_utf8_lossy(&output.stdout);
        // A name without `=` means true.
        let read = |item: &str| match item.split_once('\n') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (item.to_owned(), "true".to_owned()),
        };
        Ok(text.split('\0').filter(|item| !item.is_empty()).map(read).collect())
    }
}

/// Returns an address as it is meant in `folder`, where git would be run: only paths are relative.
pub(crate) fn from_folder(address: &str, folder: &Path) -> String {
    let before_slash = address.split('/').next().unwrap_or_default();
    if before_slash.contains(':') || Path::new(address).is_absolute() || address.starts_with('~') {
        return address.to_owned();
    }
    folder.join(address.trim_start_matches("./")).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::process::testing::{git as run, hermetic_git};
    use super::*;

    #[test]
    fn a_remote_comes_with_the_way_to_it_and_paths_start_at_the_work_tree() {
        let folder = tempfile::tempdir().unwrap();
        let git = hermetic_git(folder.path());
        run(&git, folder.path(), &["init", "-q"]);
        for (name, value) in [
            ("remote.origin.url", "../shared.git"),
            ("remote.team.url", "git@host:team/cache.git"),
            ("remote.team.pushurl", "ssh://host/team/cache.git"),
            ("http.https://host/.extraheader", "AUTHORIZATION: basic x"),
            ("core.sshCommand", "ssh -i key"),
            ("user.name", "Anna"),
        ] {
            run(&git, folder.path(), &["config", name, value]);
        }
        let host = HostRepository::discover(folder.path(), &git).unwrap();
        let origin = host.remote("origin", &git).unwrap().unwrap();
        assert_eq!(Path::new(&origin.fetch), host.top().join("../shared.git"));
        assert_eq!(origin.push, origin.fetch);
        let names: Vec<&str> = origin.settings.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["core.sshcommand", "http.https://host/.extraheader"]);
        let team = host.remote("team", &git).unwrap().unwrap();
        assert_eq!(team.fetch, "git@host:team/cache.git");
        assert_eq!(team.push, "ssh://host/team/cache.git");
        assert_eq!(host.remote("nobody", &git).unwrap(), None);
        let remotes = host.remotes(&git).unwrap();
        assert_eq!(
            remotes.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["origin", "team"]
        );
    }
}
