//! Real servers on loopback.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use super::*;
use crate::git::process::testing::hermetic_git;

/// A server that ends when this is dropped.
pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
}

impl Server {
    fn start(python: &Path, script: &str, args: &[&Path]) -> Option<Server> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/servers").join(script);
        let mut child = Command::new(python)
            .arg(script)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take()?).read_line(&mut line).ok()?;
        Some(Server { child, port: line.trim().parse().ok()? })
    }

    /// Gives out the files of a folder, as Python does it.
    pub(super) fn files(folder: &Path) -> Server {
        Server::start(Path::new("python3"), "files.py", &[folder]).expect("python3 is there")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The port of the S3 server that all tests share; `None` if there is no moto here, which `./test`
/// installs and then asks for.
pub(super) fn s3_port() -> Option<u16> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let asked = std::env::var_os("RECELL_TEST_PYTHON").map(PathBuf::from);
        let python = asked.clone().unwrap_or_else(|| "python3".into());
        let server = Server::start(&python, "s3.py", &[]);
        assert!(asked.is_none() || server.is_some(), "RECELL_TEST_PYTHON has no moto[server,s3]");
        server
    });
    server.as_ref().map(|server| server.port)
}

/// Makes a bucket, and returns an address in it; `None` without an S3 server.
pub(super) fn bucket(name: &str) -> Option<String> {
    let port = s3_port()?;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "PUT /{name} HTTP/1.0\r\n").unwrap();
    // Everybody may read, as from a public bucket.
    write!(stream, "Host: 127.0.0.1\r\nx-amz-acl: public-read\r\nContent-Length: 0\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    assert!(answer.contains("200"), "{answer}");
    Some(format!("s3://{name}/team/cache"))
}

/// Fetches everything with plain git into a new repository, checks it, and returns its refs.
fn fetched_by_git(root: &Path, name: &str, url: &str) -> BTreeMap<String, ObjectId> {
    let git = hermetic_git(root);
    let path = root.join(name);
    git.command(["init", "-q", "--bare"]).args([&path]).run().unwrap();
    let run = |args: &[&str]| git.command(args).on_repository(&path).run().unwrap().text();
    run(&["fetch", "-q", url, "refs/*:refs/*"]);
    run(&["fsck", "--strict", "--full"]);
    let listed = run(&["for-each-ref", "--format=%(objectname)\t%(refname)"]);
    listing::read_refs(listed.as_bytes(), ObjectFormat::Sha1).unwrap()
}

#[test]
fn plain_git_fetches_and_clones_what_was_published() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("served");
    let writer = Writer::new(root.path(), "one");
    let remote = writer.remote(&folder_address(&folder));
    for round in 0..12 {
        writer.publish(&remote, &[&format!("r{round}"), "same"]).unwrap();
    }
    let server = Server::files(&folder);
    let url = format!("http://127.0.0.1:{}/", server.port);
    let refs = fetched_by_git(root.path(), "plain", &url);
    assert_eq!(refs, remote.refs().unwrap().refs);
    assert_eq!(refs.len(), 1);
    let git = hermetic_git(root.path());
    let out = git
        .command(["show", &format!("{}:r7/m", writer.ledger.ref_name())])
        .on_repository(&root.path().join("plain"))
        .run()
        .unwrap();
    assert!(out.text().contains("0/"), "{}", out.text());
    // A colleague who clones gets not one byte of cache.
    let clone = root.path().join("clone");
    git.command(["clone", "-q", &url]).args([&clone]).run().unwrap();
    let counted = git.command(["count-objects", "-v"]).in_folder(&clone).run().unwrap().text();
    assert!(counted.contains("count: 0\n") && counted.contains("in-pack: 0\n"), "{counted}");
}

#[test]
fn a_web_server_is_a_remote_to_read_even_without_ranges() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("served");
    let writer = Writer::new(root.path(), "one");
    let here = writer.remote(&folder_address(&folder));
    writer.publish(&here, &["a", "b"]).unwrap();
    let server = Server::files(&folder);
    let reader = Writer::new(root.path(), "two");
    let remote = reader.remote(&format!("static+http://127.0.0.1:{}/", server.port));
    reader.fetch(&remote).unwrap();
    let outputs = reader.outputs(&remote.refs().unwrap().refs);
    assert_eq!(outputs.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(reader.publish(&remote, &["c"]).unwrap_err().code(), "static_read_only");
    let nothing = reader.remote(&format!("static+http://127.0.0.1:{}/nothing", server.port));
    assert_eq!(nothing.refs().unwrap().refs, BTreeMap::new(), "nothing was published there");
    drop(server);
    assert_eq!(remote.refs().unwrap_err().code(), "static_remote");
}

#[test]
fn s3_takes_and_gives_what_was_published() {
    let Some(address) = bucket("round-trip") else { return };
    let root = tempfile::tempdir().unwrap();
    let writer = Writer::new(root.path(), "one");
    let remote = writer.remote(&address);
    for round in 0..9 {
        let done = writer.publish(&remote, &[&format!("r{round}")]).unwrap();
        assert_eq!((done.refs.len(), done.moved.len()), (1, 0));
        assert_eq!(done.not_tidied, None);
    }
    let reader = Writer::new(root.path(), "two");
    let there = reader.remote(&address);
    reader.fetch(&there).unwrap();
    let refs = there.refs().unwrap().refs;
    assert_eq!(reader.outputs(&refs), writer.outputs(&refs));
    assert_eq!(reader.outputs(&refs).len(), 9);
    // The bucket is a remote of plain git, too, and a web server to read from.
    let url = format!("http://127.0.0.1:{}/round-trip/team/cache", s3_port().unwrap());
    assert_eq!(fetched_by_git(root.path(), "plain", &url), refs);
    let third = Writer::new(root.path(), "three");
    let web = third.remote(&format!("static+{url}"));
    third.fetch(&web).unwrap();
    assert_eq!(third.outputs(&refs).len(), 9);
}

#[test]
fn a_bucket_that_is_not_there_is_no_empty_remote() {
    if s3_port().is_none() {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let writer = Writer::new(root.path(), "one");
    let error = writer.remote("s3://no-such-bucket/x").refs().unwrap_err();
    assert_eq!(error.code(), "static_remote");
}

#[test]
#[expect(clippy::print_stdout, reason = "a failure is repeated by its seed")]
fn two_publishers_never_lose_each_others_entries() {
    let seed = std::env::var("RECELL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("RECELL_SEED={seed}");
    let root = tempfile::tempdir().unwrap();
    let mut places = vec![("folder", folder_address(&root.path().join("shared")))];
    places.extend(bucket("race").map(|address| ("s3", address)));
    for (kind, address) in places {
        let expected: BTreeSet<String> = std::thread::scope(|scope| {
            let lanes: Vec<_> = (0..3)
                .map(|lane| {
                    let (address, root) = (&address, root.path());
                    scope.spawn(move || race(root, &format!("{kind}-{lane}"), address, seed + lane))
                })
                .collect();
            lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect()
        });
        let reader = Writer::new(root.path(), &format!("{kind}-reader"));
        let remote = reader.remote(&address);
        reader.fetch(&remote).unwrap();
        let outputs = reader.outputs(&remote.refs().unwrap().refs);
        let found: BTreeSet<String> = outputs.into_keys().collect();
        assert_eq!(found, expected, "{kind}, seed {seed}");
        reader.store.flush().unwrap();
        let git = hermetic_git(root.path());
        git.command(["fsck", "--strict"]).on_repository(reader.store.path()).run().unwrap();
    }
}

/// Publishes in a ledger of its own, and in one that all share; returns the cells.
fn race(root: &Path, name: &str, address: &str, seed: u64) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let writer = Writer::new(root, name);
    let remote = writer.remote(address);
    let ledger = LedgerName::new(writer.ledger.notebook_segment(), "0000000000000000");
    let shared = ledger.ref_name();
    let mut cells = Vec::new();
    for round in 0..6 {
        let cell = format!("{name}-{round}");
        if random.bool() {
            writer.publish(&remote, &[&cell]).unwrap();
            cells.push(cell);
            continue;
        }
        let entry = writer.put(&cell, cell.as_bytes());
        cells.push(cell);
        let mut ours = writer.extend(None, &[entry]);
        loop {
            // As a push does it: what somebody else was faster with is taken in.
            let found = remote.refs().unwrap().refs.get(&shared).copied();
            if let Some(theirs) = found {
                let received = remote.fetch(&writer.store, &[theirs], &|_, _| true).unwrap();
                writer.store.while_flush_locked(|locked| received.place(locked)).unwrap();
                let now = Timestamp::from_micros(0);
                let none = crate::sync::forgotten::Forgotten::default();
                let state = union(&writer.store, &ledger, &theirs, &ours, &none, now).unwrap();
                writer.keep(&state.objects);
                ours = state.commit;
            }
            let change = RefChange { name: shared.clone(), expected: found, new: Some(ours) };
            if remote.publish(&writer.store, &[change]).unwrap().moved.is_empty() {
                break;
            }
        }
    }
    cells
}
