//! Static remotes through the commands: a folder, a web server that has only files, and S3.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::cli::workspace;
use crate::support::servers::GitServer;
use crate::support::{TestEnv, files_below, git, hermetic};
use crate::syncing::{names, put};

/// A place for a folder that is a static remote, which is not there yet.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    fn address(&self) -> String {
        format!("static+file://{}", self.folder().display())
    }
}

/// A member whose settings call `address` `origin`; the workspace is in no repository.
fn member(address: &str) -> TestEnv {
    let env = workspace();
    env.recell(&["remote", "add", "origin", address]).ok();
    env
}

fn said(env: &TestEnv, args: &[&str]) -> (String, i32) {
    let run = env.recell(args).run();
    (String::from_utf8_lossy(&run.output.stderr).into_owned(), run.code())
}

#[test]
fn two_members_push_to_a_folder_and_pull_and_both_hold_the_union() {
    let place = Place::new();
    let (anna, ben) = (member(&place.address()), member(&place.address()));
    let one = put(&anna, "a.ipynb:load:1", "of Anna");
    let two = put(&ben, "a.ipynb:load:1", "of Ben");
    anna.recell(&["push"]).ok();
    assert!(place.folder().join("recell-static").exists(), "the first push makes it");
    // Both stores were made from one seed: they extend one ledger, and Ben is late.
    ben.recell(&["push"]).ok();
    ben.recell(&["pull"]).ok();
    anna.recell(&["pull"]).ok();
    let mut both = vec![one.clone(), two];
    both.sort();
    assert_eq!((names(&anna), names(&ben)), (both.clone(), both));
    assert_eq!(ben.recell(&["cat", &one, "outputs/0.txt"]).ok(), "of Anna");
    for env in [&anna, &ben] {
        assert!(said(env, &["push"]).0.contains("nothing to push"));
        env.assert_at_rest("after a sync");
    }
    // Once it is there, its path is its address, too.
    let path = place.folder().display().to_string();
    put(&anna, "a.ipynb:load:2", "more");
    anna.recell(&["sync", "--remote", &path]).ok();
    let (words, _) = said(&ben, &["sync"]);
    assert!(words.contains("pulled 1 entry from static+file://"), "{words}");
    let late = workspace();
    let setting = format!("sync.remote={}", place.address());
    late.recell(&["-c", &setting, "pull"]).ok();
    assert_eq!(names(&late), names(&ben));
    let shown = ben.recell(&["remote", "show"]).ok();
    assert!(shown.contains("has       3 entries in 1 ledger") && shown.contains("0 to push"));
    assert!(ben.recell(&["remote", "ls"]).ok().contains("settings, used by default"));
    ben.recell(&["status"]).ok();
}

#[test]
fn members_who_push_at_once_lose_nothing() {
    let place = Place::new();
    let members: Vec<TestEnv> = (0..4).map(|_| member(&place.address())).collect();
    for (number, env) in members.iter().enumerate() {
        for round in 0..3 {
            put(env, &format!("n{round}.ipynb:load:1"), &format!("{number} in {round}"));
        }
    }
    std::thread::scope(|scope| {
        for env in &members {
            scope.spawn(|| env.recell(&["push"]).ok());
        }
    });
    let mut all: Vec<String> = members.iter().flat_map(names).collect();
    all.sort();
    let late = member(&place.address());
    late.recell(&["pull", "--all"]).ok();
    assert_eq!((names(&late).len(), names(&late)), (12, all));
    late.recell(&["verify", "--full"]).ok();
}

#[test]
fn what_one_forgets_goes_from_the_ledgers_there_and_from_all_who_pull() {
    let place = Place::new();
    let (anna, ben) = (member(&place.address()), member(&place.address()));
    let gone = put(&anna, "a.ipynb:load:1", "a secret");
    let kept = put(&anna, "a.ipynb:load:2", "no secret");
    anna.recell(&["push"]).ok();
    ben.recell(&["pull"]).ok();
    anna.recell(&["forget", "--yes", &gone]).ok();
    anna.recell(&["push"]).ok();
    ben.recell(&["sync"]).ok();
    assert_eq!((names(&anna), names(&ben)), (vec![kept.clone()], vec![kept.clone()]));
    let late = member(&place.address());
    late.recell(&["pull"]).ok();
    assert_eq!(names(&late), [kept]);
}

#[test]
fn no_git_is_needed() {
    let place = Place::new();
    let (anna, ben) = (member(&place.address()), member(&place.address()));
    let name = put(&anna, "a.ipynb:load:1", "of Anna");
    anna.recell(&["push"]).with("PATH", "/nowhere").ok();
    ben.recell(&["pull", "--lazy"]).with("PATH", "/nowhere").ok();
    let text = ben.recell(&["cat", &name, "outputs/0.txt"]).with("PATH", "/nowhere").ok();
    assert_eq!(text, "of Anna");
}

#[test]
fn plain_git_fetches_from_any_server_of_files_and_a_clone_gets_no_byte_of_cache() {
    let server = GitServer::files();
    let address = format!("static+file://{}", server.hosts().join("cache").display());
    let anna = member(&address);
    let name = put(&anna, "a.ipynb:load:1", "of Anna");
    anna.recell(&["push"]).ok();
    let url = server.url("cache");
    let folder = tempfile::tempdir().unwrap();
    let clone = folder.path().join("clone");
    git(folder.path(), &["clone", "-q", &url, "clone"]);
    assert_eq!(git(&clone, &["for-each-ref"]), "", "a colleague gets no byte of cache");
    git(&clone, &["fetch", "-q", &url, "refs/recell/*:refs/recell/*"]);
    git(&clone, &["fsck", "--full", "--strict"]);
    let all = git(&clone, &["log", "--all", "--format=%H"]);
    assert_eq!(all.lines().count(), 1);
    // With plain tags, those who have git alone see results by their names.
    anna.recell(&["push", "--tags"]).ok();
    // Servers of files remember for a second or two what they gave out.
    for _ in 0..50 {
        git(&clone, &["fetch", "-q", "--tags"]);
        if !git(&clone, &["tag", "-l"]).is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert_eq!(git(&clone, &["show", &format!("{name}:outputs/0.txt")]).trim(), "of Anna");
    anna.recell(&["push", "--tags"]).ok();
}

#[test]
fn a_web_server_is_pulled_from_and_not_pushed_to() {
    let server = GitServer::files();
    let anna = member(&format!("static+file://{}", server.hosts().join("cache").display()));
    let name = put(&anna, "a.ipynb:load:1", "of Anna");
    anna.recell(&["push"]).ok();
    let ben = member(&format!("static+{}", server.url("cache")));
    ben.recell(&["pull", "--lazy"]).ok();
    assert_eq!(names(&ben), std::slice::from_ref(&name));
    assert_eq!(ben.recell(&["cat", &name, "outputs/0.txt"]).ok(), "of Anna");
    assert!(said(&ben, &["push"]).0.contains("nothing to push"));
    put(&ben, "b.ipynb:load:1", "of Ben");
    let (words, code) = said(&ben, &["push"]);
    assert!(code != 0 && words.contains("can only be read"), "{words}");
    drop(server);
    let (words, code) = said(&ben, &["pull"]);
    assert!(code != 0 && words.contains("could not read"), "{words}");
}

#[test]
fn parts_come_when_they_are_read_and_offline_it_is_said_which_remote_has_them() {
    let place = Place::new();
    let (anna, ben) = (member(&place.address()), workspace());
    let name = put(&anna, "a.ipynb:load:1", "of Anna");
    let other = put(&anna, "a.ipynb:load:2", "of Anna, too");
    anna.recell(&["push"]).ok();
    // By its address alone: no setting names it.
    ben.recell(&["pull", "--lazy", "--remote", &place.address()]).ok();
    let promised = files_below(&ben.store_path().join("objects/pack"));
    assert!(promised.iter().any(|file| file.extension().is_some_and(|end| end == "promisor")));
    ben.git(&["fsck", "--full", "--strict"]);
    let away = place.folder().with_extension("away");
    std::fs::rename(place.folder(), &away).unwrap();
    let (words, code) = said(&ben, &["cat", &name, "outputs/0.txt"]);
    assert!(code == 3 && words.contains("is only on the remote `url-"), "{words}");
    std::fs::rename(&away, place.folder()).unwrap();
    assert_eq!(ben.recell(&["cat", &name, "outputs/0.txt"]).ok(), "of Anna");
    let (words, _) = said(&ben, &["fetch", "--all"]);
    assert!(words.contains("fetched 1 part"), "{words}");
    std::fs::rename(place.folder(), &away).unwrap();
    assert_eq!(ben.recell(&["cat", &other, "outputs/0.txt"]).ok(), "of Anna, too");
    ben.assert_at_rest("with packs in parts");
}

#[test]
fn a_part_that_is_damaged_there_keeps_no_other_away() {
    let place = Place::new();
    let (anna, ben) = (member(&place.address()), member(&place.address()));
    let bad = put(&anna, "a.ipynb:load:1", "damaged bytes of Anna");
    let good = put(&anna, "b.ipynb:load:1", "whole bytes of Anna");
    anna.recell(&["push"]).ok();
    flip_part(&place.folder(), b"damaged bytes of Anna");
    let (words, _) = said(&ben, &["pull", "--all"]);
    assert!(words.contains("does not hand out") && words.contains(&bad), "{words}");
    assert_eq!(ben.recell(&["cat", &good, "outputs/0.txt"]).ok(), "whole bytes of Anna");
    let (words, code) = said(&ben, &["cat", &bad, "outputs/0.txt"]);
    assert!(code == 3 && words.contains("is damaged"), "{words}");
}

/// Changes the first byte of what stands as it is in a pack of a folder.
fn flip_part(folder: &Path, content: &[u8]) {
    let packs = files_below(&folder.join("objects/pack"));
    for path in packs.iter().filter(|path| path.extension().is_some_and(|end| end == "pack")) {
        let mut bytes = std::fs::read(path).unwrap();
        if let Some(at) = memchr::memmem::find(&bytes, content) {
            bytes[at] ^= 1;
            std::fs::write(path, bytes).unwrap();
            return;
        }
    }
    panic!("no pack has it as it is");
}

#[test]
fn who_lacks_parts_of_others_still_publishes_all_else_elsewhere() {
    let (place, other) = (Place::new(), Place::new());
    let (anna, ben) = (member(&place.address()), member(&place.address()));
    put(&anna, "a.ipynb:load:1", "of Anna");
    anna.recell(&["push"]).ok();
    ben.recell(&["pull", "--lazy"]).ok();
    let own = put(&ben, "b.ipynb:load:1", "of Ben");
    let (words, code) = said(&ben, &["push", "--remote", &other.address()]);
    assert!(code != 0 && words.contains("is not in this store"), "{words}");
    let late = member(&other.address());
    late.recell(&["pull"]).ok();
    assert_eq!(names(&late), [own]);
    ben.recell(&["fetch", "--all"]).ok();
    ben.recell(&["push", "--remote", &other.address()]).ok();
    late.recell(&["pull"]).ok();
    assert_eq!(names(&late).len(), 2);
}

#[test]
fn what_is_no_address_is_refused_with_a_reason() {
    let env = workspace();
    for (address, why) in [
        ("s3://key:secret@bucket/x", "credentials do not belong into an address"),
        ("static+ftp://host/x", "after `static+` comes `file`, `https` or `http`"),
        ("static+file://x", "three slashes"),
    ] {
        for args in [&["remote", "add", "team", address][..], &["pull", "--remote", address]] {
            let (words, code) = said(&env, args);
            assert!(code != 0 && words.contains(why), "{args:?}: {words}");
            assert!(!words.contains("secret"), "{words}");
        }
    }
    let (words, code) = said(&env, &["pull", "--remote", "static+http://127.0.0.1:1/cache"]);
    assert!(code != 0 && words.contains("could not"), "{words}");
}

/// An S3 server that ends with the tests: its input closes.
struct S3 {
    _child: Child,
    port: u16,
}

/// Returns the S3 server; `None`, loudly, if there is no moto, which `./test` installs and then
/// asks for.
fn s3() -> Option<&'static S3> {
    static SERVER: OnceLock<Option<S3>> = OnceLock::new();
    let start = || {
        let asked = std::env::var_os("RECELL_TEST_PYTHON");
        let python = asked.clone().unwrap_or_else(|| "python3".into());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/servers/s3.py");
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take()?).read_line(&mut line).ok()?;
        let server = line.trim().parse().ok().map(|port| S3 { _child: child, port });
        assert!(asked.is_none() || server.is_some(), "RECELL_TEST_PYTHON has no moto[server,s3]");
        server
    };
    let server = SERVER.get_or_init(start).as_ref();
    if server.is_none() {
        // Past what the harness keeps back of a test that passes.
        let words =
            b"\nNOT TESTED against S3: python3 has no moto[server,s3] (./test installs it)\n";
        drop(std::io::stderr().write_all(words));
    }
    server
}

impl S3 {
    fn bucket(&self, name: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!("PUT /{name} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        assert!(answer.contains("200"), "{answer}");
        format!("s3://{name}/team/cache")
    }

    /// Runs a command with credentials for the server; it must succeed.
    fn ok(&self, env: &TestEnv, args: &[&str]) -> String {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let run = env.recell(args).with("AWS_ENDPOINT_URL", &endpoint);
        let run = run.with("AWS_ACCESS_KEY_ID", "test").with("AWS_SECRET_ACCESS_KEY", "test");
        let ran = run.with("AWS_REGION", "us-east-1").run();
        assert!(ran.output.status.success(), "{ran}");
        format!("{ran}")
    }
}

#[test]
fn s3_is_pushed_to_and_pulled_from_and_parts_are_read_out_of_packs() {
    let Some(s3) = s3() else { return };
    let address = s3.bucket("commands");
    let (anna, ben) = (member(&address), member(&address));
    let one = put(&anna, "a.ipynb:load:1", "of Anna");
    let two = put(&ben, "a.ipynb:load:1", "of Ben");
    s3.ok(&anna, &["push"]);
    s3.ok(&ben, &["push"]);
    s3.ok(&ben, &["pull", "--lazy"]);
    assert!(s3.ok(&ben, &["cat", &one, "outputs/0.txt"]).contains("of Anna"));
    s3.ok(&anna, &["sync"]);
    assert!(s3.ok(&anna, &["cat", &two, "outputs/0.txt"]).contains("of Ben"));
    assert!(s3.ok(&anna, &["push"]).contains("nothing to push"));
    for env in [&anna, &ben] {
        assert_eq!(names(env).len(), 2);
        env.assert_at_rest("after S3");
    }
}

#[test]
fn a_remote_of_the_repository_may_be_read_over_the_web_and_written_elsewhere() {
    let server = GitServer::files();
    let anna = workspace();
    let folder = format!("static+file://{}", server.hosts().join("cache").display());
    let mut command = Command::new("git");
    command.arg("-C").arg(anna.root()).args(["init", "-q"]);
    assert!(hermetic(&mut command, anna.root()).status().unwrap().success());
    git(anna.root(), &["remote", "add", "origin", &format!("static+{}", server.url("cache"))]);
    git(anna.root(), &["remote", "set-url", "--push", "origin", &folder]);
    put(&anna, "a.ipynb:load:1", "of Anna");
    anna.recell(&["push"]).ok();
    let ben = member(&folder);
    put(&ben, "a.ipynb:load:1", "of Ben");
    ben.recell(&["sync"]).ok();
    anna.recell(&["sync"]).ok();
    assert_eq!((names(&anna).len(), names(&ben).len()), (2, 2));
    git(anna.root(), &["remote", "set-url", "--push", "origin", "/srv/some.git"]);
    let (words, code) = said(&anna, &["push"]);
    assert!(code != 0 && words.contains("/srv/some.git"), "{words}");
}
