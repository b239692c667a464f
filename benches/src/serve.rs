//! `recell serve`: windows over HTTP, beside a handler that sends the same bytes from raw files.
//!
//! Server and clients share the machine, as a notebook and its viewers do.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use recell::bundle::{
    BundleKey, BundleOptions, BundleStore, RowsDraft, Schema, WindowAnswer, WindowRequest,
};
use recell::serve::{ServeOptions, Server};
use recell::{ObjectFormat, OpenOptions, Store};

use crate::report::{print_each, timed};

const BUNDLES: usize = 100;
const CLIENTS: usize = 8;
const REQUESTS: usize = 2_500;
const ROWS: u64 = 40;
const WINDOW: u64 = 1_000;
const CONFIG: &str = "94e2cf6833ac929fe35d3626056c6584";

fn fixture(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/buckaroo/bundle");
    std::fs::read(root.join(name)).unwrap()
}

fn key(number: usize) -> BundleKey {
    BundleKey::new(&format!("data/flights-{number:05}"), CONFIG).unwrap()
}

fn put(bundles: &BundleStore, number: usize) {
    let manifest: serde_json::Value = serde_json::from_slice(&fixture("manifest.json")).unwrap();
    let schema = Schema::from_json(manifest["column_schema"].clone()).unwrap();
    let mut draft = RowsDraft::new(fixture("first_window.parquet"), WINDOW, 336_776, schema);
    draft.display = serde_json::json!({ "title": format!("flights {number}") });
    bundles.put_rows(&key(number), draft).unwrap();
}

/// The path of rows of a bundle.
fn path(number: usize, start: u64) -> String {
    let end = start + ROWS;
    format!("/bundle/data%2Fflights-{number:05}/window?config_id={CONFIG}&start={start}&end={end}")
}

pub(crate) fn run(folder: &Path) {
    println!("\nserve: {ROWS} rows of {WINDOW} of {BUNDLES} bundles, {CLIENTS} clients at once");
    let store = folder.join("store.git");
    let store = Store::create(&store, ObjectFormat::Sha1, OpenOptions::default()).unwrap();
    let bundles = BundleStore::new(store, &BundleOptions::default());
    (0..BUNDLES).for_each(|number| put(&bundles, number));
    bundles.store().flush().unwrap();
    let files = folder.join("files");
    raw_files(&bundles, &files);
    let raw = raw_server(files);
    let raw_rate = measure("raw: a thread a client, file read and sent", raw);
    let server = Server::bind(&bundles, ServeOptions::default()).unwrap();
    let (address, stopper) = (server.address(), server.stopper());
    let running = std::thread::spawn(move || server.run(&mut |_| {}).unwrap());
    let mut client = Client::new(address);
    (0..BUNDLES).for_each(|number| drop(client.get(&path(number, 0))));
    let rate = measure("recell serve: windows", address);
    let known = |client: &mut Client, path: &str| {
        let tag = client.get(path).tag.expect("windows have tags");
        (0..REQUESTS).map(|_| timed(|| client.get_unless(path, &tag)).0).collect::<Vec<_>>()
    };
    print_each(
        "recell serve: a window that the client has (304), alone",
        known(&mut client, &path(0, 0)),
    );
    drop(client);
    stopper.stop();
    running.join().unwrap();
    println!("recell serve: {:.2} of the rate of raw files", rate / raw_rate);
}

/// Has all clients ask at once, and returns how many requests a second were answered.
fn measure(what: &str, address: SocketAddr) -> f64 {
    let began = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|seed| std::thread::spawn(move || one_client(address, seed as u64)))
        .collect();
    let times: Vec<Duration> = clients.into_iter().flat_map(|it| it.join().unwrap()).collect();
    let rate = times.len() as f64 / began.elapsed().as_secs_f64();
    print_each(what, times);
    println!("{what:58} {rate:8.0} requests/s");
    rate
}

fn one_client(address: SocketAddr, seed: u64) -> Vec<Duration> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut client = Client::new(address);
    (0..REQUESTS)
        .map(|_| {
            let path = path(random.usize(..BUNDLES), random.u64(..=WINDOW - ROWS));
            let (took, answer) = timed(|| client.get(&path));
            assert_eq!((answer.status, &answer.body[..4]), (200, &b"PAR1"[..]));
            took
        })
        .collect()
}

/// A connection that is kept.
struct Client {
    write: TcpStream,
    read: BufReader<TcpStream>,
}

struct Answer {
    status: u16,
    tag: Option<String>,
    body: Vec<u8>,
}

impl Client {
    fn new(address: SocketAddr) -> Client {
        let write = TcpStream::connect(address).unwrap();
        write.set_nodelay(true).unwrap();
        let read = BufReader::with_capacity(64 << 10, write.try_clone().unwrap());
        Client { write, read }
    }

    fn get(&mut self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    }

    fn get_unless(&mut self, path: &str, tag: &str) {
        let answer = self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: {tag}\r\n\r\n"
        ));
        assert_eq!((answer.status, answer.body.len()), (304, 0));
    }

    fn ask(&mut self, request: &str) -> Answer {
        self.write.write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        self.read.read_line(&mut line).unwrap();
        let status = line[9..12].parse().unwrap();
        let (mut length, mut tag) = (0, None);
        loop {
            line.clear();
            self.read.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match &*name.to_ascii_lowercase() {
                "content-length" => length = value.parse().unwrap(),
                "etag" => tag = Some(value.to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; if status == 304 { 0 } else { length }];
        self.read.read_exact(&mut body).unwrap();
        Answer { status, tag, body }
    }
}

/// Writes the same rows as files, one for each row that they may start with.
fn raw_files(bundles: &BundleStore, folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    let bundle = bundles.probe(&key(0), None).unwrap().hit().expect("it was put");
    for start in 0..=WINDOW - ROWS {
        let rows = bundle.window(&WindowRequest::rows(start, start + ROWS)).hit();
        let Some(WindowAnswer::Rows(rows)) = rows else { panic!("{rows:?}") };
        std::fs::write(folder.join(start.to_string()), rows.parquet).unwrap();
    }
}

/// Serves these files: each client has a thread, and of a request only the first row is read.
fn raw_server(folder: std::path::PathBuf) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, folder) = (stream.unwrap(), folder.clone());
            stream.set_nodelay(true).unwrap();
            std::thread::spawn(move || {
                let mut read = BufReader::new(stream.try_clone().unwrap());
                let mut line = String::new();
                while read.read_line(&mut line).is_ok_and(|count| count > 0) {
                    if let Some((_, rest)) = line.split_once("start=") {
                        let start = rest.split('&').next().unwrap_or_default();
                        let bytes = std::fs::read(folder.join(start)).unwrap();
                        let mut answer =
                            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len())
                                .into_bytes();
                        answer.extend_from_slice(&bytes);
                        stream.write_all(&answer).unwrap();
                    }
                    line.clear();
                }
            });
        }
    });
    address
}
