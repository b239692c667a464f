//! OpenSSH's server, with keys and settings of its own, for the present user.

use std::path::Path;
use std::process::{Command, Stdio};

use super::process::{Serving, program};
use super::{Address, GitServer, hermetic};
use crate::support::child::is_root;

impl GitServer {
    /// Starts `sshd`; [`GitServer::variables`] has the ssh command with the user's key.
    pub fn ssh() -> GitServer {
        start_ssh("AcceptEnv GIT_PROTOCOL")
    }

    /// Starts an `sshd` that passes nothing on, so that git speaks its oldest protocol.
    pub fn ssh_with_old_protocol() -> GitServer {
        start_ssh("")
    }
}

fn start_ssh(more: &str) -> GitServer {
    let mut server = GitServer::without_process(Address::Files { is_url: false });
    let folder = server.folder.path().to_owned();
    let sshd = program("sshd", "openssh-server");
    let ssh = program("ssh", "openssh-client");
    for key in ["host-key", "user-key"] {
        make_key(&folder.join(key));
    }
    std::fs::copy(folder.join("user-key.pub"), folder.join("authorized")).unwrap();
    if is_root() {
        // What its service makes on a system that runs services.
        std::fs::create_dir_all("/run/sshd").unwrap();
    }
    let settings = folder.join("sshd_config");
    let process = Serving::start(&folder, |port| {
        std::fs::write(&settings, configuration(&folder, port, more)).unwrap();
        let mut command = Command::new(&sshd);
        command.args(["-D", "-e", "-f"]).arg(&settings);
        hermetic(&mut command, &folder);
        command
    });
    let port = process.port();
    let public = std::fs::read_to_string(folder.join("host-key.pub")).unwrap();
    std::fs::write(folder.join("known-hosts"), format!("[127.0.0.1]:{port} {public}")).unwrap();
    let (ssh, home) = (ssh.display(), folder.display());
    let command = format!(
        "'{ssh}' -F /dev/null -i '{home}/user-key' -o IdentitiesOnly=yes -o BatchMode=yes \
         -o 'UserKnownHostsFile={home}/known-hosts' -o GlobalKnownHostsFile=/dev/null"
    );
    server.variables.push(("GIT_SSH_COMMAND".to_owned(), command));
    let prefix = folder.join("hosts").display().to_string();
    let scheme = format!("ssh://{}@", user());
    server.address = Address::Network { scheme, port, prefix };
    server.process = Some(process);
    server
}

fn make_key(path: &Path) {
    let mut command = Command::new(program("ssh-keygen", "openssh-client"));
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "a test", "-f"]).arg(path);
    assert!(command.stdin(Stdio::null()).status().unwrap().success());
}

fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn configuration(folder: &Path, port: u16, more: &str) -> String {
    let home = folder.display();
    let path = std::env::var("PATH").unwrap();
    format!(
        "ListenAddress 127.0.0.1:{port}\n\
         HostKey {home}/host-key\n\
         AuthorizedKeysFile {home}/authorized\n\
         PidFile none\n\
         StrictModes no\n\
         UsePAM no\n\
         PasswordAuthentication no\n\
         KbdInteractiveAuthentication no\n\
         PermitRootLogin prohibit-password\n\
         PrintMotd no\n\
         MaxStartups 100\n\
         SetEnv PATH=\"{path}\" HOME=\"{home}\" GIT_CONFIG_NOSYSTEM=1\n\
         {more}\n"
    )
}
