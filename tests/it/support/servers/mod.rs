//! Real git servers on loopback: each stops, with all its children, when its value goes.
//!
//! Nothing is skipped: what is not installed ends the test with the name of its Debian package.

mod daemon;
pub mod host;
mod process;
mod ssh;
mod web;
mod wire;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub use self::host::Host;
pub use self::wire::{Break, Wire};

use self::process::Serving;
use super::hermetic;

/// A server of git repositories, and the folder in which they are.
pub struct GitServer {
    // Stopped before its folder is removed.
    process: Option<Serving>,
    folder: tempfile::TempDir,
    address: Address,
    /// What a client must have in its environment to get in.
    variables: Vec<(String, String)>,
}

/// How the repositories of a server are called.
enum Address {
    /// A path of this machine, as `file://` and without it.
    Files { is_url: bool },
    /// Scheme and whatever stands before the host, and the path before the repositories.
    Network { scheme: String, port: u16, prefix: String },
}

impl GitServer {
    /// A folder of this machine, as a path.
    pub fn folder_as_path() -> GitServer {
        GitServer::without_process(Address::Files { is_url: false })
    }

    /// A folder of this machine, as `file://`, which git speaks to as to a server.
    pub fn folder_as_url() -> GitServer {
        GitServer::without_process(Address::Files { is_url: true })
    }

    fn without_process(address: Address) -> GitServer {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("hosts")).unwrap();
        GitServer { process: None, folder, address, variables: Vec::new() }
    }

    /// Where the repositories are.
    pub fn hosts(&self) -> PathBuf {
        self.folder.path().join("hosts")
    }

    /// Makes an empty bare repository.
    pub fn host(&self, name: &str) -> Host {
        Host::create(&self.hosts().join(name))
    }

    /// Returns the address of a repository, as a remote's URL.
    pub fn url(&self, name: &str) -> String {
        match &self.address {
            Address::Files { is_url: true } => {
                format!("file://{}", self.hosts().join(name).display())
            }
            Address::Files { is_url: false } => self.hosts().join(name).display().to_string(),
            Address::Network { port, .. } => self.url_at(*port, name),
        }
    }

    /// Returns the address of a repository behind a wire that leads to this server.
    pub fn url_over(&self, wire: &Wire, name: &str) -> String {
        self.url_at(wire.port(), name)
    }

    /// Returns a wire to this server.
    pub fn wire(&self, fault: Break) -> Wire {
        let Address::Network { port, .. } = &self.address else { panic!("it has a port") };
        Wire::to(*port, fault)
    }

    fn url_at(&self, port: u16, name: &str) -> String {
        let Address::Network { scheme, prefix, .. } = &self.address else {
            panic!("it has a port")
        };
        format!("{scheme}127.0.0.1:{port}{prefix}/{name}")
    }

    /// What a client must have in its environment to get in.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Runs git in a folder as a client of this server, whatever comes of it.
    pub fn try_git(&self, folder: &Path, args: &[&str]) -> Output {
        let mut command = Command::new("git");
        command.arg("-C").arg(folder).args(args);
        hermetic(&mut command, folder).envs(self.variables()).output().unwrap()
    }

    /// Runs git in a folder as a client of this server and returns what it printed.
    pub fn git(&self, folder: &Path, args: &[&str]) -> String {
        let output = self.try_git(folder, args);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "git {args:?}: {stderr}{}", self.log());
        String::from_utf8(output.stdout).unwrap()
    }

    /// What the server wrote down.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Serving::log).unwrap_or_default()
    }
}
