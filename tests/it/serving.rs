//! `recell serve` over real sockets: every route, who may ask, and what clients can do to it.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use recell::bundle::{
    Bounds, BundleKey, BundleOptions, BundleStore, Operations, RowsDraft, Schema, StatsDraft,
};
use recell::stats::Stats;
use serde_json::{Value, json};

use crate::support::{TestEnv, files_below};

/// A window of 1,000 rows and its stats, as a viewer makes them.
fn fixture(name: &str) -> Vec<u8> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/buckaroo/bundle/");
    std::fs::read(format!("{root}{name}")).unwrap()
}

fn schema() -> Schema {
    let manifest: Value = serde_json::from_slice(&fixture("manifest.json")).unwrap();
    Schema::from_json(manifest["column_schema"].clone()).unwrap()
}

fn stats() -> Stats {
    recell::stats::buckaroo::read_sd_parquet(fixture("sd.parquet")).unwrap()
}

fn rows(title: &str) -> RowsDraft {
    let mut rows = RowsDraft::new(fixture("first_window.parquet"), 1000, 336_776, schema());
    rows.display = json!({ "title": title, "columns": [{ "col_name": "a", "width": 80 }] });
    rows.bounds = Bounds { start: 0, end: 1000, total_rows: 336_776 };
    rows.compute_seconds = Some(0.9);
    rows
}

fn flights() -> BundleKey {
    BundleKey::new("flights", "c0").unwrap()
}

/// A store with one whole bundle, and handles to put more.
fn with_flights() -> (TestEnv, BundleStore) {
    let env = TestEnv::new();
    env.write("recell.toml", "");
    let bundles = BundleStore::new(env.create(), &BundleOptions::default());
    bundles.put(&flights(), rows("flights"), &StatsDraft::raw(stats())).unwrap();
    bundles.store().flush().unwrap();
    (env, bundles)
}

/// A running server, which ends with its value.
struct Serving {
    child: Child,
    port: u16,
    lines: Vec<String>,
}

impl Serving {
    fn start(env: &TestEnv, args: &[&str]) -> Serving {
        let all: Vec<&str> = ["serve"].iter().chain(args).copied().collect();
        let mut command = env.recell(&all).command();
        // Time goes by while it serves.
        command.env_remove("RECELL_NOW").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut lines = Vec::new();
        let expected = if args.contains(&"--token") { 2 } else { 1 };
        for _ in 0..expected {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            lines.push(line.trim_end().to_owned());
        }
        let port = lines[0].rsplit(':').next().unwrap();
        let Ok(port) = port.parse() else {
            let output = child.wait_with_output().unwrap();
            panic!("{lines:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        Serving { child, port, lines }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Client { read: BufReader::new(stream.try_clone().unwrap()), write: stream }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut client = self.connect();
        client.send(method, path, headers, body);
        client.receive(method)
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = std::process::Command::new("kill").args([name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end of the process, and returns its exit code.
    fn wait(&mut self, patience: Duration) -> Option<i32> {
        let began = Instant::now();
        while began.elapsed() < patience {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A connection that is kept.
struct Client {
    write: TcpStream,
    read: BufReader<TcpStream>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Client {
    fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) {
        let mut text = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            text += "Host: localhost\r\n";
        }
        for (name, value) in headers {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        if !body.is_empty() {
            write!(text, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        write!(text, "\r\n{body}").unwrap();
        self.write.write_all(text.as_bytes()).unwrap();
    }

    fn receive(&mut self, method: &str) -> Answer {
        let mut line = String::new();
        self.read.read_line(&mut line).unwrap();
        let status = line.get(9..12).and_then(|it| it.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no answer: `{line}`"));
        let mut headers = Vec::new();
        loop {
            line.clear();
            self.read.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if method != "HEAD" && ![204, 304].contains(&status) {
            let length = answer.header("content-length").expect("answers have a length");
            answer.body = vec![0; length.parse().unwrap()];
            self.read.read_exact(&mut answer.body).unwrap();
        }
        answer
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Returns how many rows a parquet file has, as pyarrow or anybody would read it.
fn is_parquet(bytes: &[u8]) -> bool {
    bytes.len() > 12 && bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1")
}

#[test]
fn first_paints_come_straight_from_the_store() {
    let (env, bundles) = with_flights();
    let server = Serving::start(&env, &["--prewarm"]);
    let health = server.get("/health");
    assert_eq!((health.status, &health.json()["space"]), (200, &json!("bundles")));

    let probe = server.get("/bundle/flights/probe?config_id=c0");
    assert_eq!(probe.status, 200);
    let probe = probe.json();
    let bundle = bundles.probe(&flights(), None).unwrap().hit().unwrap();
    assert_eq!(probe["result"], "hit");
    assert_eq!(probe["version"], bundle.name().as_str());
    assert_eq!(probe["bounds"], json!({"start": 0, "end": 1000, "total_rows": 336_776}));
    assert_eq!((&probe["stats"], &probe["sampled"]), (&json!("complete"), &json!(false)));

    let window = server.get("/bundle/flights/window?config_id=c0&start=40&end=80");
    assert_eq!(window.status, 200);
    assert_eq!(window.header("content-type"), Some("application/vnd.apache.parquet"));
    let bounds = ["x-recell-start", "x-recell-end", "x-recell-total-rows"];
    assert_eq!(bounds.map(|it| window.header(it)), [Some("40"), Some("80"), Some("336776")]);
    let request = recell::bundle::WindowRequest::rows(40, 80);
    let Some(recell::bundle::WindowAnswer::Rows(expected)) = bundle.window(&request).hit() else {
        panic!("the window has these rows")
    };
    assert!(is_parquet(&window.body) && window.body == expected.parquet);
    let whole = server.get("/bundle/flights/window?config_id=c0");
    assert_eq!((whole.status, whole.header("x-recell-end")), (200, Some("1000")));

    let display = server.get("/bundle/flights/display?config_id=c0");
    assert_eq!(display.body, bundle.display());
    let overrides = json!({"display": {"theme": "dark"}, "columns": {"a": {"width": 120}}});
    let themed =
        json!({"title": "flights", "columns": [{"col_name": "a", "width": 120}], "theme": "dark"});
    let encoded: String = overrides.to_string().bytes().map(|it| format!("%{it:02x}")).collect();
    let query = format!("/bundle/flights/display?config_id=c0&overrides={encoded}");
    assert_eq!(server.get(&query).json(), themed);
    let body = json!({ "overrides": overrides, "config_id": "c0" }).to_string();
    assert_eq!(server.ask("POST", "/bundle/flights/display", &[], &body).json(), themed);

    let text = server.get("/bundle/flights/stats?config_id=c0&scope=raw");
    assert_eq!(text.body, bundle.stats_text(recell::bundle::Scope::Raw).hit().unwrap());
    let of_default = server.get("/bundle/flights/stats?config_id=c0");
    assert_eq!(of_default.body, text.body, "without operations, the rows shown are the raw ones");
    let listed = server.get("/bundle/flights/stats?config_id=c0&format=json");
    assert_eq!(listed.json().as_array().unwrap().len(), stats().columns.len());
    let table = server.get("/bundle/flights/stats?config_id=c0&format=parquet");
    assert!(is_parquet(&table.body));
    assert_eq!(recell::stats::columnar::decode(table.body).unwrap(), stats());

    let report = server.get("/cache").json();
    assert_eq!(report["entries"].as_array().unwrap().len(), 1);
    assert_eq!(report["entries"][0]["data_id"], "flights");
    assert!(report["hits"].as_u64().unwrap() > 5 && report["seconds_saved"].as_f64() > Some(1.0));
}

#[test]
fn what_is_not_there_says_why_and_where_to_ask() {
    let (env, bundles) = with_flights();
    let server = Serving::start(&env, &[]);
    let other = Schema::new(&[(json!("other"), "int64")]).to_json().to_string();
    let encoded: String = other.bytes().map(|it| format!("%{it:02x}")).collect();
    let stranger = bundles.put(
        &BundleKey::new("other", "c0").unwrap(),
        rows("other"),
        &StatsDraft::raw(stats()),
    );
    let stranger = stranger.unwrap().to_string().replace('%', "%25");
    for (path, status, code, why) in [
        ("/bundle/none/window?config_id=c0", 404, "never_stored", "other data"),
        ("/bundle/flights/window?config_id=c1", 404, "never_stored", "another configuration"),
        ("/bundle/flights/window?config_id=c0&search=UA", 404, "never_stored", "a search"),
        ("/bundle/flights/window?config_id=c0&space=nb.ipynb", 404, "never_stored", "a space"),
        (
            "/bundle/flights/window?config_id=c0&start=990&end=1030",
            416,
            "rows_not_stored",
            "beyond",
        ),
        ("/bundle/flights/window?config_id=c0&start=5000", 416, "rows_not_stored", "beyond"),
        ("/bundle/flights/window?config_id=c0&start=0&end=40&sort=a", 409, "sorted", "sorted"),
        (
            &*format!("/bundle/flights/window?config_id=c0&schema={encoded}"),
            409,
            "schema",
            "columns",
        ),
        (
            &*format!("/bundle/flights/window?config_id=c0&version={stranger}"),
            409,
            "identity",
            "other's",
        ),
    ] {
        let found = server.get(path);
        assert_eq!((found.status, &*found.code()), (status, code), "{why}: {path}");
        assert_eq!(found.json()["ask"], "source", "{why}");
        assert_eq!(found.header("etag"), None, "{why}");
    }
    let miss = server.get("/bundle/flights/probe?config_id=c1").json();
    assert_eq!((&miss["result"], &miss["reason"]), (&json!("miss"), &json!("never_stored")));
    assert_eq!(miss["nearby"], json!({"configurations": 1, "states": 0}));
    let body = json!({"config_id": "c0", "schema": serde_json::from_str::<Value>(&other).unwrap()});
    let moved = server.ask("POST", "/bundle/flights/probe", &[], &body.to_string());
    assert_eq!((moved.status, &moved.json()["result"]), (200, &json!("mismatch")));
    assert_eq!(moved.json()["reason"], "schema");
    for (method, path, status, code) in [
        ("GET", "/bundles", 404, "no_such_route"),
        ("GET", "/bundle/flights/rows?config_id=c0", 404, "no_such_route"),
        ("POST", "/cache", 405, "method_not_allowed"),
        ("PUT", "/bundle/flights/window?config_id=c0", 405, "method_not_allowed"),
        ("DELETE", "/bundle/flights/window?config_id=c0", 405, "method_not_allowed"),
        ("GET", "/bundle/flights/window", 400, "bad_request"),
        ("GET", "/bundle/flights/window?config_id=c0&start=2&end=1", 400, "bad_request"),
        ("GET", "/bundle/flights/window?config_id=c0&rows=2", 400, "bad_request"),
    ] {
        let found = server.ask(method, path, &[], "");
        assert_eq!((found.status, &*found.code()), (status, code), "{method} {path}");
    }
}

#[test]
fn hostile_names_are_a_plain_miss_or_refused() {
    let (env, _bundles) = with_flights();
    let before = files_below(&env.store_path());
    let server = Serving::start(&env, &[]);
    let long = "x".repeat(10_240);
    for (data_id, status, why) in [
        ("..%2f..%2f..%2fetc%2fpasswd", 404, "a path"),
        ("../../../etc/passwd", 404, "a path, not encoded"),
        ("%2e%2e", 404, "the folder above"),
        ("%00", 404, "NUL"),
        ("flights%00", 404, "NUL at the end"),
        ("%0d%0aX-Evil:%201", 404, "a line end"),
        ("refs%2fheads%2f@%7b", 404, "a ref"),
        ("*", 404, "a glob"),
        (&long, 404, "10 KB"),
        ("%ff%fe", 400, "no UTF-8"),
        ("%c0%af", 400, "a slash in too many bytes"),
        ("%", 400, "cut off"),
        ("%zz", 400, "no hex"),
        ("", 400, "nothing"),
    ] {
        for what in ["probe", "window", "stats", "display"] {
            let found = server.get(&format!("/bundle/{data_id}/{what}?config_id=c0"));
            let status = if what == "probe" && status == 404 { 200 } else { status };
            assert_eq!(found.status, status, "{why}: {what}");
            assert_eq!(found.header("x-evil"), None);
        }
    }
    // Whoever goes on sending may not hear that it was refused.
    let huge = format!("GET /bundle/{}/probe HTTP/1.1\r\n\r\n", "x".repeat(100_000));
    let (mut client, mut heard) = (server.connect(), Vec::new());
    drop(client.write.write_all(huge.as_bytes()));
    drop(client.read.read_to_end(&mut heard));
    let refused: [&[u8]; 2] = [b"HTTP/1.1 414", b"HTTP/1.1 431"];
    assert!(heard.is_empty() || refused.iter().any(|it| heard.starts_with(it)));
    let deep = format!("{{\"config_id\":\"c0\",\"operations\":{}", "[".repeat(100_000));
    assert_eq!(server.ask("POST", "/bundle/flights/probe", &[], &deep).status, 400);
    let long = "x".repeat((1 << 20) + 1);
    let found = server.ask("POST", "/bundle/flights/probe", &[("Connection", "close")], &long);
    assert_eq!((found.status, &*found.code()), (413, "body_too_long"));
    assert_eq!(server.get("/health").status, 200, "it goes on");
    let is_store = |path: &std::path::PathBuf| !path.to_str().unwrap().contains("/events");
    let kept =
        |files: Vec<std::path::PathBuf>| files.into_iter().filter(is_store).collect::<Vec<_>>();
    assert_eq!(kept(before), kept(files_below(&env.store_path())), "nothing was written");
}

#[test]
fn what_a_client_has_is_not_sent_again_and_parts_can_be_asked_for() {
    let (env, bundles) = with_flights();
    let server = Serving::start(&env, &[]);
    for path in [
        "/bundle/flights/window?config_id=c0&start=0&end=40",
        "/bundle/flights/display?config_id=c0",
        "/bundle/flights/stats?config_id=c0",
        "/bundle/flights/stats?config_id=c0&format=parquet",
    ] {
        let whole = server.get(path);
        let tag = whole.header("etag").unwrap().to_owned();
        assert!(tag.starts_with('"') && whole.status == 200, "{path}: {tag}");
        assert_eq!(whole.header("cache-control"), Some("private, no-cache"));
        assert_eq!(whole.header("accept-ranges"), Some("bytes"));
        let again = server.ask("GET", path, &[("If-None-Match", &tag)], "");
        assert_eq!((again.status, again.header("etag")), (304, Some(&*tag)), "{path}");
        let head = server.ask("HEAD", path, &[], "");
        let length = whole.body.len().to_string();
        assert_eq!((head.status, head.header("content-length")), (200, Some(&*length)), "{path}");
        assert_eq!(head.header("etag"), Some(&*tag));
        let part = server.ask("GET", path, &[("Range", "bytes=4-11")], "");
        assert_eq!((part.status, &*part.body), (206, &whole.body[4..12]), "{path}");
        let said = format!("bytes 4-11/{length}");
        assert_eq!(part.header("content-range"), Some(&*said));
        let tail = server.ask("GET", path, &[("Range", "bytes=-8"), ("If-Range", &tag)], "");
        assert_eq!((tail.status, &*tail.body), (206, &whole.body[whole.body.len() - 8..]));
        let several = server.ask("GET", path, &[("Range", "bytes=0-1,4-5")], "");
        assert_eq!((several.status, &several.body), (200, &whole.body));
        let beyond = server.ask("GET", path, &[("Range", "bytes=99999999-")], "");
        let said = format!("bytes */{length}");
        assert_eq!((beyond.status, beyond.header("content-range")), (416, Some(&*said)));
    }
    let path = "/bundle/flights/window?config_id=c0&start=0&end=40";
    let tag = |path: &str| server.get(path).header("etag").unwrap().to_owned();
    let first = tag(path);
    assert_ne!(first, tag("/bundle/flights/window?config_id=c0&start=0&end=41"));
    bundles.put(&flights(), rows("anew"), &StatsDraft::raw(stats())).unwrap();
    let anew = server.ask("GET", path, &[("If-None-Match", &first)], "");
    assert_eq!(anew.status, 200, "another version has another tag");
}

#[test]
fn what_is_put_meanwhile_is_seen_at_once() {
    let (env, bundles) = with_flights();
    let server = Serving::start(&env, &[]);
    let key = flights().with_operations(Operations::none().filter(json!({"search": "UA"})));
    let path = |what: &str| format!("/bundle/flights/{what}?config_id=c0&search=UA");
    assert_eq!(server.get(&path("stats")).status, 404);
    let put = bundles.put_rows(&key, rows("searched")).unwrap();
    assert_eq!(server.get(&path("window")).status, 200, "rows are there before stats");
    assert_eq!(server.get(&path("probe")).json()["stats"], "pending");
    let pending = server.get(&path("stats"));
    assert_eq!((pending.status, &pending.json()["stats"]), (202, &json!("pending")));
    assert_eq!((pending.header("retry-after"), pending.header("etag")), (Some("1"), None));
    let draft = StatsDraft::raw(stats()).with(recell::bundle::Scope::Filtered, stats());
    bundles.attach_stats(&key, &put.name, &draft).unwrap();
    assert_eq!(server.get(&path("stats")).status, 200);
    let probe = server.get(&path("probe")).json();
    assert_eq!(
        (&probe["stats"], &probe["scopes"]),
        (&json!("complete"), &json!(["raw", "filtered"]))
    );
    let old = server.get("/bundle/flights/probe?config_id=c0").json()["version"].clone();
    bundles.put(&flights(), rows("anew"), &StatsDraft::raw(stats())).unwrap();
    let display = |query: &str| server.get(&format!("/bundle/flights/display?config_id=c0{query}"));
    assert_eq!(display("").json()["title"], "anew");
    let old = old.as_str().unwrap().replace('%', "%25");
    assert_eq!(display(&format!("&version={old}")).json()["title"], "flights", "the past stays");
}

#[test]
fn only_who_has_the_token_is_let_in() {
    let (env, _bundles) = with_flights();
    let server = Serving::start(&env, &["--address", "0.0.0.0", "--token", "auto"]);
    let token = format!("Bearer {}", server.lines[1]);
    assert_eq!(server.lines[1].len(), 64);
    let ask = |headers: &[(&str, &str)]| server.ask("GET", "/cache", headers, "");
    let refused = ask(&[]);
    assert_eq!((refused.status, &*refused.code()), (401, "unauthorized"));
    assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"recell\""));
    assert_eq!(ask(&[("Authorization", "Bearer 0123456789abcdef")]).status, 401);
    assert_eq!(ask(&[("Authorization", &token)]).status, 200);
    let elsewhere = [("Authorization", &*token), ("Host", "cache.example")];
    assert_eq!(ask(&elsewhere).status, 200, "names are free where there is a token");
    drop(server);
    env.write("token", "0123456789abcdef\n");
    let server = Serving::start(&env, &["--token-file", "token"]);
    assert_eq!(server.get("/health").status, 401, "on loopback as well");
    let headers = [("Authorization", "Bearer 0123456789abcdef")];
    assert_eq!(server.ask("GET", "/health", &headers, "").status, 200);
}

#[test]
fn nobody_else_is_let_in_by_mistake() {
    let (env, _bundles) = with_flights();
    env.write("short", "too-short");
    let port = Serving::start(&env, &[]);
    let taken = port.port.to_string();
    for (args, code, words) in [
        (&["serve", "--address", "0.0.0.0"][..], 2, "`0.0.0.0` can be reached from other machines"),
        (&["serve", "--allow-origin", "*"], 2, "would need a token"),
        (&["serve", "--token-file", "short"], 2, "fewer than 16 characters"),
        (&["serve", "--token-file", "absent"], 1, "absent"),
        (&["serve", "--address", "example.org"], 2, "no IP address"),
        (&["serve", "--allow-origin", "localhost"], 2, "http://localhost:8888"),
        (&["serve", "--port", &taken], 1, "`--port 0` takes any free port"),
        (
            &["serve", "--address", "192.0.2.1", "--token", "auto"],
            1,
            "could not listen on 192.0.2.1:0",
        ),
    ] {
        let ran = env.recell(args).run();
        assert_eq!(ran.code(), code, "{ran}");
        assert!(ran.to_string().contains(words), "{ran}");
    }
    let ran = env.recell(&["serve"]).with("RECELL_TOKEN", "short").run();
    assert_eq!(ran.code(), 2, "{ran}");
}

#[test]
fn web_pages_of_others_are_kept_out() {
    let (env, _bundles) = with_flights();
    let server = Serving::start(&env, &["--allow-origin", "http://localhost:8888"]);
    let ask = |headers: &[(&str, &str)]| server.ask("GET", "/cache", headers, "");
    let rebound = ask(&[("Host", "evil.example")]);
    assert_eq!((rebound.status, &*rebound.code()), (403, "wrong_host"));
    let own = format!("127.0.0.1:{}", server.port);
    assert_eq!(ask(&[("Host", &own)]).status, 200);
    let foreign = ask(&[("Origin", "http://evil.example")]);
    assert_eq!((foreign.status, &*foreign.code()), (403, "origin_not_allowed"));
    assert_eq!(foreign.header("access-control-allow-origin"), None);
    let viewer = ask(&[("Origin", "http://localhost:8888")]);
    assert_eq!(viewer.header("access-control-allow-origin"), Some("http://localhost:8888"));
    assert_eq!((viewer.status, viewer.header("vary")), (200, Some("Origin")));
    let headers = [
        ("Origin", "http://localhost:8888"),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "if-none-match"),
    ];
    let before = server.ask("OPTIONS", "/bundle/flights/display", &headers, "");
    assert_eq!(before.status, 204);
    assert!(before.header("access-control-allow-methods").unwrap().contains("POST"));
    assert!(before.header("access-control-allow-headers").unwrap().contains("If-None-Match"));
    let silent = server.ask("OPTIONS", "/bundle/flights/display", &[("Origin", "http://b")], "");
    assert_eq!((silent.status, silent.header("access-control-allow-methods")), (403, None));
}

#[test]
fn connections_are_kept_and_requests_may_come_ahead() {
    let (env, _bundles) = with_flights();
    let server = Serving::start(&env, &[]);
    let mut client = server.connect();
    let path = |start: u64| {
        format!("/bundle/flights/window?config_id=c0&start={start}&end={}", start + 10)
    };
    for start in 0..20 {
        client.send("GET", &path(start), &[("X-Correlation-Id", "paint-7")], "");
        let found = client.receive("GET");
        assert_eq!(found.header("x-recell-start"), Some(&*start.to_string()));
        assert_eq!(found.header("x-correlation-id"), Some("paint-7"));
    }
    (0..20).for_each(|start| client.send("GET", &path(start), &[], ""));
    for start in 0..20 {
        let found = client.receive("GET");
        assert_eq!(found.header("x-recell-start"), Some(&*start.to_string()), "in their order");
    }
    let long = "x".repeat(200);
    assert_eq!(server.ask("GET", "/health", &[("X-Correlation-Id", &long)], "").status, 400);
}

#[test]
fn requests_carry_their_id_into_the_log_of_events() {
    let (env, _bundles) = with_flights();
    let mut server = Serving::start(&env, &[]);
    let headers = [("X-Correlation-Id", "paint-7")];
    assert_eq!(server.ask("GET", "/bundle/none/probe?config_id=c0", &headers, "").status, 200);
    server.signal("-TERM");
    assert_eq!(server.wait(Duration::from_secs(20)), Some(0));
    let log = env.recell(&["events", "--json"]).ok();
    assert!(log.contains("paint-7"), "{log}");
}

#[test]
fn slow_clients_and_many_do_not_block_others() {
    let (env, _bundles) = with_flights();
    let server = Serving::start(&env, &[]);
    let mut slow: Vec<Client> = (0..50).map(|_| server.connect()).collect();
    for client in &mut slow {
        client.write.write_all(b"GET /health HTTP/1.1\r\nHost: loc").unwrap();
    }
    // One sends a body that never comes, one reads nothing of much.
    slow[0].write.write_all(b"alhost\r\n\r\nPOST /bundle/a/probe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{").unwrap();
    slow[1].write.write_all(b"alhost\r\n\r\n").unwrap();
    for _ in 0..200 {
        slow[1].send("GET", "/bundle/flights/window?config_id=c0", &[], "");
    }
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..64)
            .map(|number: u64| {
                let server = &server;
                scope.spawn(move || {
                    let mut client = server.connect();
                    for turn in 0..10 {
                        let start = number * 10 + turn;
                        let end = start + 40;
                        let path =
                            format!("/bundle/flights/window?config_id=c0&start={start}&end={end}");
                        client.send("GET", &path, &[], "");
                        let found = client.receive("GET");
                        assert_eq!(found.status, 200);
                        assert_eq!(found.header("x-recell-start"), Some(&*start.to_string()));
                        assert!(is_parquet(&found.body));
                    }
                })
            })
            .collect();
        for it in all {
            it.join().unwrap();
        }
    });
    slow[2].write.write_all(b"alhost\r\n\r\n").unwrap();
    assert_eq!(slow[2].receive("GET").status, 200, "who was slow is still served");
}

#[test]
fn too_many_connections_are_turned_away_with_words() {
    let (env, _bundles) = with_flights();
    let server = Serving::start(&env, &[]);
    let mut held: Vec<Client> = (0..512).map(|_| server.connect()).collect();
    let last = held.last_mut().unwrap();
    last.send("GET", "/health", &[], "");
    assert_eq!(last.receive("GET").status, 200);
    let busy = server.get("/health");
    assert_eq!((busy.status, &*busy.code()), (503, "busy"));
    assert_eq!(busy.header("retry-after"), Some("1"));
    drop(held);
    let began = Instant::now();
    while server.get("/health").status != 200 {
        assert!(began.elapsed() < Duration::from_secs(20), "places are free again");
    }
}

#[test]
fn it_ends_when_it_is_told_to() {
    let (env, _bundles) = with_flights();
    for signal in ["-INT", "-TERM"] {
        let mut server = Serving::start(&env, &[]);
        let mut kept = server.connect();
        kept.send("GET", "/health", &[], "");
        assert_eq!(kept.receive("GET").status, 200);
        server.signal(signal);
        let code = server.wait(Duration::from_secs(20));
        assert_eq!(code, Some(0), "{signal}: connections that are only kept do not hold it");
        assert!(TcpStream::connect(("127.0.0.1", server.port)).is_err());
    }
}

#[test]
fn programs_read_where_it_listens() {
    let (env, _bundles) = with_flights();
    let mut command = env.recell(&["serve", "--json", "--token", "auto"]).command();
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let found: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(found["url"], format!("http://127.0.0.1:{}", found["port"]));
    assert_eq!((&found["needs_token"], &found["space"]), (&json!(true), &json!("bundles")));
    assert_eq!(found["token"].as_str().unwrap().len(), 64);
}
