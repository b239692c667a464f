//! A web server before `git http-backend`, and one that only has files: lighttpd.

use std::path::Path;
use std::process::Command;

use super::process::{Serving, git_program, program};
use super::{Address, GitServer, hermetic};

/// Who may come in where a password is asked for.
const USER: &str = "ada";
const PASSWORD: &str = "correct horse";

/// What a web server does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Smart,
    SmartWithPassword,
    /// As hosts that do not pass the protocol's version on: git speaks its oldest.
    SmartOldProtocol,
    Files,
}

impl GitServer {
    /// Smart HTTP, open to everybody.
    pub fn web() -> GitServer {
        start_web(Kind::Smart)
    }

    /// Smart HTTP which asks for a name and a password; [`GitServer::variables`] has an askpass
    /// that knows them.
    pub fn web_with_password() -> GitServer {
        let mut server = start_web(Kind::SmartWithPassword);
        let askpass = server.folder.path().join("askpass");
        let script = format!(
            "#!/bin/sh\ncase $1 in Username*) echo '{USER}' ;; *) echo '{PASSWORD}' ;; esac\n"
        );
        super::host::write_script(&askpass, &script);
        server.variables.push(("GIT_ASKPASS".to_owned(), askpass.display().to_string()));
        server.variables.push(("GIT_TERMINAL_PROMPT".to_owned(), "0".to_owned()));
        server
    }

    /// Smart HTTP that knows only git's protocol of 2005.
    pub fn web_with_old_protocol() -> GitServer {
        start_web(Kind::SmartOldProtocol)
    }

    /// A plain file server, read only, with ranges and entity tags: what any web host is.
    pub fn files() -> GitServer {
        start_web(Kind::Files)
    }

    /// Takes from the environment what opens the door, and returns the header that does, as builds
    /// are given it.
    pub fn credential_header(&mut self) -> &'static str {
        self.variables.retain(|(name, _)| name != "GIT_ASKPASS");
        "Authorization: Basic YWRhOmNvcnJlY3QgaG9yc2U="
    }

    /// Takes from the environment what opens the door, and returns lines of a `.gitconfig` whose
    /// credential helper does.
    pub fn credential_helper(&mut self) -> String {
        self.variables.retain(|(name, _)| name != "GIT_ASKPASS");
        format!(
            "[credential]\n\thelper = \"!f() {{ test $1 = get && \
             printf 'username={USER}\\\\npassword={PASSWORD}\\\\n'; }}; f\"\n"
        )
    }
}

fn start_web(kind: Kind) -> GitServer {
    let mut server = GitServer::without_process(Address::Files { is_url: false });
    let folder = server.folder.path().to_owned();
    let lighttpd = program("lighttpd", "lighttpd");
    std::fs::create_dir(folder.join("uploads")).unwrap();
    std::fs::write(folder.join("users"), format!("{USER}:{PASSWORD}\n")).unwrap();
    let settings = folder.join("lighttpd.conf");
    let process = Serving::start(&folder, |port| {
        std::fs::write(&settings, configuration(kind, &folder, port)).unwrap();
        let mut command = Command::new(&lighttpd);
        command.arg("-D").arg("-f").arg(&settings);
        hermetic(&mut command, &folder);
        command
    });
    let port = process.port();
    let prefix = if kind == Kind::Files { "" } else { "/git" }.to_owned();
    server.address = Address::Network { scheme: "http://".to_owned(), port, prefix };
    server.process = Some(process);
    server
}

fn configuration(kind: Kind, folder: &Path, port: u16) -> String {
    let home = folder.display();
    let mut text = format!(
        r#"server.bind = "127.0.0.1"
server.port = {port}
server.document-root = "{home}/hosts"
server.upload-dirs = ("{home}/uploads")
server.modules = ("mod_alias", "mod_setenv", "mod_auth", "mod_authn_file", "mod_cgi")
mimetype.assign = ("" => "application/octet-stream")
"#
    );
    if kind == Kind::Files {
        return text;
    }
    let backend = git_program("git-http-backend").display().to_string();
    let path = std::env::var("PATH").unwrap();
    let protocol = match kind {
        Kind::SmartOldProtocol => r#""GIT_PROTOCOL" => "version=0","#,
        _ => "",
    };
    let served = format!(
        r#"alias.url = ("/git" => "{backend}")
cgi.assign = ("" => "")
setenv.set-environment = (
    "PATH" => "{path}", "HOME" => "{home}", "GIT_CONFIG_NOSYSTEM" => "1", {protocol}
    "GIT_PROJECT_ROOT" => "{home}/hosts", "GIT_HTTP_EXPORT_ALL" => "1"
)
"#
    );
    text += &served;
    if kind == Kind::SmartWithPassword {
        let asking = format!(
            r#"auth.backend = "plain"
auth.backend.plain.userfile = "{home}/users"
auth.require = ("/git" => ("method" => "basic", "realm" => "git", "require" => "valid-user"))
"#
        );
        text += &asking;
    }
    text
}
