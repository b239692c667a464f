//! `git daemon`: the `git://` protocol, which lets everybody push.

use std::path::Path;
use std::process::Command;

use super::process::{Serving, git_program};
use super::{Address, GitServer, hermetic};

impl GitServer {
    /// Starts `git daemon`.
    pub fn daemon() -> GitServer {
        let mut server = GitServer::without_process(Address::Files { is_url: false });
        let folder = server.folder.path().to_owned();
        let process = Serving::start(&folder, |port| command(&folder, port));
        server.address = address(process.port());
        server.process = Some(process);
        server
    }

    /// Starts `git daemon` over one repository, `full.git`, on a disk that has `kibibytes` left.
    ///
    /// Where this user may not mount one, no file there may become larger than that.
    pub fn daemon_on_small_disk(kibibytes: u32) -> GitServer {
        let mut server = GitServer::without_process(Address::Files { is_url: false });
        let folder = server.folder.path().to_owned();
        let hosts = server.hosts();
        super::Host::create(&hosts.join("full.git"));
        let (wrapper, script) = if may_mount(&folder) {
            // The mount is seen by the server alone, and goes with it.
            let script = r#"
                cp -R "$1" "$1.copy" &&
                mount -t tmpfs -o "size=$2k" none "$1" &&
                cp -R "$1.copy/." "$1" && shift 2 && exec "$@""#;
            (MOUNTING, script)
        } else {
            // Blocks of 512 bytes.
            (&["sh", "-c"][..], r#"ulimit -f $(($2 * 2)); shift 2; exec "$@""#)
        };
        let process = Serving::start(&folder, |port| {
            let daemon = command(&folder, port);
            let mut small = Command::new(wrapper[0]);
            small.args(&wrapper[1..]).args([script, "small"]).arg(&hosts);
            small.arg(kibibytes.to_string()).arg(daemon.get_program()).args(daemon.get_args());
            hermetic(&mut small, &folder);
            small
        });
        server.address = address(process.port());
        server.process = Some(process);
        server
    }
}

/// Runs a script as one that may mount, in a world of mounts of its own.
const MOUNTING: &[&str] = &["unshare", "--mount", "--map-root-user", "sh", "-c"];

fn may_mount(folder: &Path) -> bool {
    let mut command = Command::new(MOUNTING[0]);
    command
        .args(&MOUNTING[1..])
        .args(["mount -t tmpfs -o size=64k none \"$1\"", "try"])
        .arg(folder);
    command.output().is_ok_and(|output| output.status.success())
}

fn address(port: u16) -> Address {
    Address::Network { scheme: "git://".to_owned(), port, prefix: String::new() }
}

fn command(folder: &Path, port: u16) -> Command {
    // Not `git daemon`, which is one process more.
    let mut command = Command::new(git_program("git-daemon"));
    let base = format!("--base-path={}", folder.join("hosts").display());
    command.args([base.as_str(), "--export-all", "--enable=receive-pack", "--verbose"]);
    command.args(["--reuseaddr", "--listen=127.0.0.1", &format!("--port={port}")]);
    hermetic(&mut command, folder);
    command
}
