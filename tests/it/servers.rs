//! The servers that the tests use, by plain git alone: they work, and they break as they should.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::child::Running;
use crate::support::servers::{Break, GitServer, Host};
use crate::support::{git, hermetic, noise};

/// A repository with one commit of one file.
fn colleague(folder: &Path, size: usize) -> PathBuf {
    let path = folder.join("colleague");
    std::fs::create_dir(&path).unwrap();
    git(&path, &["init", "--quiet", "--initial-branch=main"]);
    commit(&path, "file", &noise(size, 7));
    path
}

fn commit(path: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(path.join(name), bytes).unwrap();
    git(path, &["add", "."]);
    git(path, &["commit", "--quiet", "-m", name]);
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn servers() -> Vec<(&'static str, GitServer)> {
    vec![
        ("a folder", GitServer::folder_as_path()),
        ("a folder as a URL", GitServer::folder_as_url()),
        ("git daemon", GitServer::daemon()),
        ("web", GitServer::web()),
        ("web with a password", GitServer::web_with_password()),
        ("web with git's old protocol", GitServer::web_with_old_protocol()),
        ("ssh", GitServer::ssh()),
        ("ssh with git's old protocol", GitServer::ssh_with_old_protocol()),
    ]
}

#[test]
fn every_server_takes_a_push_and_gives_it_back() {
    for (name, server) in servers() {
        let folder = tempfile::tempdir().unwrap();
        let host = server.host("shared.git");
        // More than git sends in one piece over HTTP.
        let ours = colleague(folder.path(), 1_500_000);
        let url = server.url("shared.git");
        server.git(&ours, &["push", "--quiet", &url, "main", "main:refs/recell/x/y"]);
        let id = git(&ours, &["rev-parse", "main"]);
        assert_eq!(host.refs()["refs/recell/x/y"], id.trim(), "{name}");

        server.git(folder.path(), &["clone", "--quiet", &url, "theirs"]);
        let theirs = std::fs::read(folder.path().join("theirs/file")).unwrap();
        assert!(theirs == noise(1_500_000, 7), "{name}");
        let refs = server.git(&ours, &["ls-remote", &url, "refs/recell/*"]);
        assert_eq!(refs, format!("{}\trefs/recell/x/y\n", id.trim()), "{name}");
    }
}

#[test]
fn old_servers_speak_the_old_protocol() {
    for (server, version) in [
        (GitServer::web(), "version 2"),
        (GitServer::web_with_old_protocol(), ""),
        (GitServer::ssh(), "version 2"),
        (GitServer::ssh_with_old_protocol(), ""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        server.host("shared.git");
        let url = server.url("shared.git");
        let mut command = Command::new("git");
        hermetic(&mut command, folder.path()).args(["ls-remote", &url]);
        command.envs(server.variables()).env("GIT_TRACE_PACKET", "1");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let says = stderr(&output).contains("< version 2");
        assert_eq!(says, !version.is_empty(), "{url}: {}", stderr(&output));
    }
}

#[test]
fn a_password_is_asked_for_and_a_credential_helper_knows_it() {
    let mut server = GitServer::web_with_password();
    let folder = tempfile::tempdir().unwrap();
    server.host("shared.git");
    let url = server.url("shared.git");
    let helper = server.credential_helper();
    let refused = server.try_git(folder.path(), &["ls-remote", &url]);
    assert!(stderr(&refused).contains("could not read Username"), "{}", stderr(&refused));
    std::fs::write(folder.path().join(".gitconfig"), helper).unwrap();
    server.git(folder.path(), &["ls-remote", &url]);
}

/// A rule of a host.
type Rule = fn(Host) -> Host;

#[test]
fn hosts_hold_their_rules() {
    let server = GitServer::web();
    let folder = tempfile::tempdir().unwrap();
    let ours = colleague(folder.path(), 100_000);
    let other = git(&ours, &["commit-tree", "-m", "another", "HEAD^{tree}"]);
    let back = format!("+{}:refs/recell/kept", other.trim());
    let two_refs = &["main:refs/recell/a", "main:refs/recell/b"][..];
    // A daemon hangs up on whom it refuses a pack; a web server hears a push to its end.
    let cases: [(Rule, &[&str], &str, usize); 8] = [
        (|host| host.at_most_refs(1), two_refs, "at most 1 refs", 0),
        (|host| host.objects_up_to(50_000), &["main"], "larger than 50000 bytes", 0),
        (|host| host.packs_up_to(50_000), &["main"], "exceeds maximum allowed size", 0),
        (|host| host.set("transfer.hideRefs", "refs/recell"), two_refs, "hidden ref", 0),
        (Host::read_only, &["main"], "not write to it", 0),
        (|host| host.refusing("refs/recell/b"), two_refs, "refused: refs/recell/b", 1),
        (Host::append_only, &[&back], "non-fast-forward", 1),
        (Host::append_only, &[":refs/recell/kept"], "deletion prohibited", 1),
    ];
    for (number, (rule, refs, words, arrived)) in cases.into_iter().enumerate() {
        let path = format!("{number}.git");
        let host = rule(server.host(&path));
        let url = server.url(&path);
        if refs[0].ends_with("kept") {
            server.git(&ours, &["push", "--quiet", &url, "main:refs/recell/kept"]);
        }
        let output = server.try_git(&ours, &[&["push", url.as_str()], refs].concat());
        assert!(!output.status.success(), "{words}");
        assert!(stderr(&output).contains(words), "{words}: {}", stderr(&output));
        assert_eq!(host.refs().len(), arrived, "{words}");
    }
}

#[test]
fn a_slow_host_takes_its_time() {
    let server = GitServer::daemon();
    let folder = tempfile::tempdir().unwrap();
    let ours = colleague(folder.path(), 10);
    server.host("slow.git").slow(Duration::from_millis(300));
    let started = Instant::now();
    server.git(&ours, &["push", "--quiet", &server.url("slow.git"), "main"]);
    assert!(started.elapsed() > Duration::from_millis(300));
}

#[test]
fn a_full_disk_refuses_what_does_not_fit() {
    let server = GitServer::daemon_on_small_disk(600);
    let folder = tempfile::tempdir().unwrap();
    let ours = colleague(folder.path(), 100_000);
    let url = server.url("full.git");
    server.git(&ours, &["push", "--quiet", &url, "main"]);
    commit(&ours, "large", &noise(900_000, 8));
    let output = server.try_git(&ours, &["push", &url, "main"]);
    assert!(!output.status.success(), "{}", stderr(&output));
    let refs = server.git(&ours, &["ls-remote", &url]);
    assert!(refs.contains(git(&ours, &["rev-parse", "main~"]).trim()), "{refs}");
}

#[test]
fn filters_are_there_or_not() {
    for (has, server) in [(true, GitServer::daemon()), (false, GitServer::web())] {
        let folder = tempfile::tempdir().unwrap();
        let ours = colleague(folder.path(), 100_000);
        server.host("shared.git").with_filters(has);
        let url = server.url("shared.git");
        server.git(&ours, &["push", "--quiet", &url, "main"]);
        let clone = ["clone", "--quiet", "--bare", "--filter=blob:none", &url, "theirs"];
        let output = server.try_git(folder.path(), &clone);
        assert_eq!(stderr(&output).contains("filtering not recognized"), !has);
        let packs = git(&folder.path().join("theirs"), &["count-objects", "-v"]);
        let count = if has { "in-pack: 2\n" } else { "in-pack: 3\n" };
        assert!(packs.contains(count), "{packs}");
    }
}

#[test]
fn a_wire_breaks_in_the_middle_of_a_push_and_then_holds() {
    for server in [GitServer::daemon(), GitServer::web()] {
        let folder = tempfile::tempdir().unwrap();
        let ours = colleague(folder.path(), 300_000);
        let host = server.host("shared.git");
        // Over HTTP git itself may ask once more when the line is dead.
        let wire = server.wire(Break::Push { after: 50_000, times: usize::MAX });
        let url = server.url_over(&wire, "shared.git");
        let output = server.try_git(&ours, &["push", &url, "main"]);
        assert!(!output.status.success());
        assert!(wire.broken() > 0 && host.refs().is_empty(), "{}", stderr(&output));
        wire.mend();
        server.git(&ours, &["push", "--quiet", &url, "main"]);
        assert_eq!(host.refs().len(), 1);
        assert!(wire.sent() > 300_000);
    }
}

#[test]
fn a_wire_breaks_after_the_host_accepted_and_before_the_client_hears_of_it() {
    for server in [GitServer::daemon(), GitServer::web()] {
        let folder = tempfile::tempdir().unwrap();
        let ours = colleague(folder.path(), 100_000);
        let host = server.host("shared.git");
        let wire = server.wire(Break::Report { times: 1 });
        let url = server.url_over(&wire, "shared.git");
        let output = server.try_git(&ours, &["push", &url, "main"]);
        assert!(!output.status.success());
        assert_eq!((wire.broken(), host.refs().len()), (1, 1), "{}", stderr(&output));
        server.git(&ours, &["push", "--quiet", &url, "main"]);
    }
}

#[test]
fn a_wire_breaks_in_the_middle_of_a_fetch() {
    for server in [GitServer::daemon(), GitServer::web()] {
        let folder = tempfile::tempdir().unwrap();
        let ours = colleague(folder.path(), 300_000);
        server.host("shared.git");
        server.git(&ours, &["push", "--quiet", &server.url("shared.git"), "main"]);
        let wire = server.wire(Break::Fetch { after: 50_000, times: 1 });
        let url = server.url_over(&wire, "shared.git");
        let clone = ["clone", "--quiet", &url, "theirs"];
        let output = server.try_git(folder.path(), &clone);
        assert!(!output.status.success());
        assert_eq!(wire.broken(), 1, "{}", stderr(&output));
        server.git(folder.path(), &clone);
        assert!(wire.received() > 300_000);
    }
}

#[test]
fn a_file_server_has_ranges_and_is_read_by_plain_git() {
    let server = GitServer::files();
    let folder = tempfile::tempdir().unwrap();
    let ours = colleague(folder.path(), 100_000);
    let host = server.host("static.git");
    git(&ours, &["push", "--quiet", host.path().to_str().unwrap(), "main"]);
    git(host.path(), &["update-server-info"]);
    let wire = server.wire(Break::Never);
    let url = server.url_over(&wire, "static.git");
    server.git(folder.path(), &["clone", "--quiet", &url, "theirs"]);
    assert!(folder.path().join("theirs/file").is_file());
    assert!(wire.requests().contains(&"GET /static.git/info/refs?service=git-upload-pack".into()));
    let refused = server.try_git(&ours, &["push", &url, "main:other"]);
    assert!(!refused.status.success());

    let (host, port) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let request = format!(
        "GET /{port}/HEAD HTTP/1.1\r\nHost: x\r\nRange: bytes=5-8\r\nConnection: close\r\n\r\n"
    );
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let answer = std::io::read_to_string(stream).unwrap();
    assert!(answer.starts_with("HTTP/1.1 206") && answer.ends_with("refs"), "{answer}");
}

#[test]
fn a_server_ends_with_its_test() {
    let (url, folder) = {
        let server = GitServer::ssh();
        server.host("shared.git");
        (server.url("shared.git"), server.hosts())
    };
    assert!(!folder.exists() && !answers(&url), "{url}");
}

#[test]
fn a_server_ends_when_its_test_is_killed() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "servers::serve", "--ignored", "--nocapture"]).stdout(Stdio::piped());
    let folder = tempfile::tempdir().unwrap();
    command.env("RECELL_TEST_JOB", "serve").env("TMPDIR", folder.path());
    let mut test = Running(command.spawn().unwrap());
    let lines = BufReader::new(test.0.stdout.take().unwrap()).lines();
    let url = lines.map(Result::unwrap).find(|line| line.contains("git://")).unwrap();
    assert!(answers(&url));
    drop(test);
    let started = Instant::now();
    while answers(&url) {
        assert!(started.elapsed() < Duration::from_secs(10), "it still answers");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The test that is killed.
#[test]
#[ignore = "run by another test as a process of its own"]
fn serve() {
    if std::env::var_os("RECELL_TEST_JOB").is_some() {
        let server = GitServer::daemon();
        println!("{}", server.url("shared.git"));
        std::thread::sleep(Duration::from_secs(60));
    }
}

fn answers(url: &str) -> bool {
    let port = url.split([':', '/']).find_map(|part| part.parse::<u16>().ok()).unwrap();
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}
