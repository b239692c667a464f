//! A server as a process that never outlives the test, however that ends.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs the server, and kills its process group when the pipe to the test closes: the kernel does
/// that also where the test was killed itself.
const KEEPER: &str = r#"
log=$1; shift
{ "$@" >>"$log" 2>&1; echo $? >"$log.ended"; } &
read -r _
kill -KILL 0
"#;

/// A server that answers, until this value goes.
pub struct Serving {
    keeper: Child,
    port: u16,
    log: PathBuf,
}

impl Serving {
    /// Starts what `command` returns for a free port, and waits until it answers there.
    pub fn start(folder: &Path, mut command: impl FnMut(u16) -> Command) -> Serving {
        let log = folder.join("log");
        let ended = folder.join("log.ended");
        // Somebody else may take the port between our look and the server's.
        for _ in 0..5 {
            let port = free_port();
            let mut serving =
                Serving { keeper: keep(&command(port), &log), port, log: log.clone() };
            if serving.answers(&ended) {
                return serving;
            }
            std::fs::remove_file(&ended).unwrap();
        }
        panic!("the server does not start: {}", read(&log));
    }

    /// Returns whether it answers; it does not if it has ended.
    fn answers(&mut self, ended: &Path) -> bool {
        let started = Instant::now();
        while !ended.exists() {
            let answers = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok();
            if answers && !ended.exists() {
                return true;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "no answer: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it wrote down.
    pub fn log(&self) -> String {
        read(&self.log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Those with a session of their own, as ssh gives each connection.
        let children = descendants(self.keeper.id());
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
        if !children.is_empty() {
            let pids = children.iter().map(u32::to_string);
            let mut kill = Command::new("kill");
            kill.arg("-KILL").args(pids).stderr(Stdio::null());
            drop(kill.status());
        }
    }
}

fn keep(command: &Command, log: &Path) -> Child {
    let mut keeper = Command::new("/bin/sh");
    keeper.args(["-c", KEEPER, "keeper"]).arg(log).arg(command.get_program());
    keeper.args(command.get_args());
    keeper.env_clear();
    for (name, value) in command.get_envs() {
        keeper.env(name, value.unwrap_or_default());
    }
    keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    keeper.process_group(0).spawn().unwrap()
}

fn read(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}

/// Returns a port of this machine at which nobody listens.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Returns the processes that a process started, and those that these started.
fn descendants(pid: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pairs: Vec<(u32, u32)> = processes
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name of the program may hold anything, its last bracket ends it.
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
            Some((pid, parent.parse().ok()?))
        })
        .collect();
    let mut found = vec![pid];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(pairs.iter().filter(|pair| pair.1 == parent).map(|pair| pair.0));
        next += 1;
    }
    found.split_off(1)
}

/// Returns the path of a program; the test ends with the name of its Debian package without it.
pub fn program(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    // Where servers are, which an ordinary user's PATH does not name.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("this test needs `{name}` (Debian package {package})"))
}

/// Returns the path of a program of git's own.
pub fn git_program(name: &str) -> PathBuf {
    let output = Command::new("git").arg("--exec-path").output().unwrap();
    let folder = String::from_utf8(output.stdout).unwrap();
    let path = Path::new(folder.trim()).join(name);
    assert!(path.is_file(), "this test needs `{name}` (Debian package git)");
    path
}
