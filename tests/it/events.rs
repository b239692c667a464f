//! The log of events: every kind after the real commands, whole lines whatever happens, and nothing
//! that a command does or says changes for it.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use recell::events::{self, Event, EventKind, EventOptions, with_correlation};
use recell::{Lookup, OpenOptions, Store};

use crate::support::child::{Job, Running, acks};
use crate::support::fixtures::fixture;
use crate::support::{Ran, TestEnv, files_below, git, key, options, put};

/// Returns the events of a store, and how many lines are none.
fn logged(store: &Path) -> (Vec<Event>, usize) {
    let mut found = Vec::new();
    let unreadable = events::read(store, |line| found.push(line.event)).unwrap();
    (found, unreadable)
}

/// Returns the events that came since the last look, as `<kind> <key> <reason>`.
struct Log<'a> {
    env: &'a TestEnv,
    seen: usize,
}

impl Log<'_> {
    fn of(env: &TestEnv) -> Log<'_> {
        Log { env, seen: logged(&env.store_path()).0.len() }
    }

    fn events(&mut self) -> Vec<Event> {
        let (mut found, unreadable) = logged(&self.env.store_path());
        assert_eq!(unreadable, 0);
        let new = found.split_off(self.seen);
        self.seen += new.len();
        new
    }

    fn came(&mut self) -> Vec<String> {
        let line = |event: Event| {
            let key = event.key.unwrap_or_default();
            let reason = event.reason.unwrap_or_default();
            let action = event.action.unwrap_or_default();
            let words = [event.kind.as_str(), &action, &key, &reason];
            words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
        };
        self.events().into_iter().map(line).collect()
    }
}

fn options_with(events: EventOptions) -> OpenOptions {
    OpenOptions { events: Some(events), ..options() }
}

#[test]
fn each_kind_of_event_follows_the_command_that_makes_it() {
    let env = TestEnv::new();
    git(env.root(), &["init", "-q"]);
    env.recell(&["init"]).ok();
    let mut log = Log::of(&env);
    let seconds = ["put", "nb:c:m", "--compute-seconds", "7.5", "x=-"];
    env.recell(&seconds).input("1234").ok();
    let [event] = &log.events()[..] else { panic!("one put") };
    assert_eq!((&event.kind, event.key.as_deref()), (&EventKind::Put, Some("nb:c:m")));
    assert_eq!((event.bytes, event.compute_seconds), (Some(4), Some(7.5)));
    assert_eq!(event.source.as_deref(), Some("recell put"));
    assert!(event.micros.is_some() && event.entry_name().is_some(), "{event:?}");
    assert_eq!(event.run.as_deref().map(str::len), Some(16));

    env.recell(&["get", "nb:c"]).ok();
    let [event] = &log.events()[..] else { panic!("one hit") };
    assert_eq!((&event.kind, event.key.as_deref()), (&EventKind::Hit, Some("nb:c:m")));
    assert_eq!((event.bytes, event.compute_seconds), (Some(4), Some(7.5)));

    assert_eq!(env.recell(&["get", "nb:c:other"]).run().code(), 3);
    assert_eq!(env.recell(&["cat", "nb:d:m", "x"]).run().code(), 3);
    assert_eq!(log.came(), ["miss nb:c:other never_stored", "miss nb:d:m never_stored"]);

    for looks in [
        &["ls"][..],
        &["log", "nb"],
        &["show", "nb:c"],
        &["has", "nb:c:m"],
        &["status"],
        &["verify", "--full"],
        &["du"],
        &["events"],
        &["stats"],
    ] {
        env.recell(looks).ok();
    }
    assert_eq!(log.came(), [""; 0], "looking is no lookup for use");

    env.recell(&["rm", "nb:c:m"]).ok();
    assert_eq!(log.came(), ["prune nb:c:m by_hand"]);
    env.recell(&["undo"]).ok();
    assert_eq!(log.came(), ["undo nb:c:m"]);

    env.recell(&["put", "nb:c:n", "x=-"]).input("5678").ok();
    env.recell(&["-c", "retention.keep_last=1", "prune", "--yes"]).ok();
    assert_eq!(log.came(), ["put nb:c:n", "prune nb:c:m outside_rules"]);
    env.recell(&["gc"]).ok();
    assert_eq!(log.came(), ["gc"]);
    env.recell(&["-c", "retention.max_entries=1", "put", "nb:c:o", "x=-"]).input("9").ok();
    assert_eq!(log.came(), ["put nb:c:o", "eviction nb:c:n max_entries"]);
}

#[test]
fn cells_that_are_restored_are_hits_and_those_that_are_not_say_why() {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    env.write("sales.ipynb", fixture("sales.ipynb"));
    let mut log = Log::of(&env);
    env.recell(&["record", "sales.ipynb"]).ok();
    let puts = log.came();
    assert!(puts.len() > 3 && puts.iter().all(|it| it.starts_with("put sales.ipynb:")), "{puts:?}");
    env.recell(&["strip", "sales.ipynb"]).ok();
    assert_eq!(log.came(), [""; 0], "all of it is recorded already");
    env.recell(&["restore", "--check", "sales.ipynb"]).run();
    assert_eq!(log.came(), [""; 0], "a check hands out nothing");
    env.recell(&["restore", "sales.ipynb"]).ok();
    let mut hits = log.came();
    assert_eq!(hits.len(), puts.len(), "one for each cell");
    assert!(hits.iter().all(|it| it.starts_with("hit sales.ipynb:")), "{hits:?}");
    env.recell(&["restore", "sales.ipynb"]).ok();
    assert_eq!(log.came(), [""; 0], "what a notebook shows is not looked up");

    env.recell(&["strip", "sales.ipynb"]).ok();
    let text = std::fs::read_to_string(env.root().join("sales.ipynb")).unwrap();
    let changed = text.replacen("import", "import  ", 1);
    assert_ne!(changed, text);
    env.write("sales.ipynb", changed);
    env.recell(&["restore", "sales.ipynb"]).ok();
    hits = log.came();
    let missed = hits.iter().filter(|it| it.ends_with(" other_code")).count();
    assert!(missed == 1 && hits.len() == puts.len(), "{hits:?}");
}

#[test]
fn exchanges_with_a_remote_are_noted_and_never_a_password() {
    let (ours, theirs) = (TestEnv::new(), TestEnv::new());
    let shared = ours.root().join("shared.git");
    std::fs::create_dir(&shared).unwrap();
    git(&shared, &["init", "-q", "--bare"]);
    git(&shared, &["config", "uploadpack.allowFilter", "true"]);
    git(&shared, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let url = shared.to_str().unwrap();
    for env in [&ours, &theirs] {
        git(env.root(), &["init", "-q"]);
        git(env.root(), &["remote", "add", "origin", url]);
        env.recell(&["init"]).ok();
    }
    ours.recell(&["put", "nb:c:m", "x=-"]).input("1234").ok();
    ours.recell(&["put", "nb:d:m", "--kind", "variable", "x=-"]).input("5678").ok();
    let mut log = Log::of(&ours);
    ours.recell(&["push", "--dry-run"]).ok();
    assert_eq!(log.came(), [""; 0], "nothing was sent");
    ours.recell(&["push"]).ok();
    let [pushed] = &log.events()[..] else { panic!("one push") };
    assert_eq!((&pushed.kind, pushed.action.as_deref()), (&EventKind::Sync, Some("push")));
    assert_eq!((pushed.count, pushed.remote.as_deref()), (Some(2), Some(url)));

    let mut log = Log::of(&theirs);
    theirs.recell(&["pull"]).with("RECELL_SEED", "2").ok();
    let [pulled] = &log.events()[..] else { panic!("one pull") };
    assert_eq!((pulled.action.as_deref(), pulled.count), (Some("pull"), Some(2)));
    assert!(pulled.bytes.is_some_and(|bytes| bytes > 0) && pulled.micros.is_some());
    theirs.recell(&["cat", "nb:d:m", "variables/x"]).ok();
    assert_eq!(log.came(), ["hit nb:d:m", "sync fetch nb:d:m"], "it was on the remote only");

    let address = "http://me:hunter2@127.0.0.1:9/x.git?token=hunter3";
    let failed = ours.recell(&["push", "--remote", address]).run();
    assert_ne!(failed.code(), 0, "{failed}");
    let mut log = Log { env: &ours, seen: 3 };
    let events = log.events();
    let last = events.last().expect("the push that failed");
    assert_eq!(last.remote.as_deref(), Some("http://127.0.0.1:9/x.git"));
    assert!(last.reason.is_some(), "{last:?}");
    let text = std::fs::read_to_string(ours.store_path().join("recell/events.jsonl")).unwrap();
    assert!(!text.contains("hunter"), "{text}");
}

#[test]
fn runs_and_what_belongs_together_carry_the_ids_that_were_given() {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    let ids = [("RECELL_RUN", "nightly 7"), ("RECELL_CORRELATION", "ticket-3")];
    let put = ["put", "nb:c:m", "x=-"];
    let run = env.recell(&put).input("1");
    ids.iter().fold(run, |run, (name, value)| run.with(name, value)).ok();
    let store = Store::open(&env.store_path(), options_with(EventOptions::default())).unwrap();
    with_correlation("request", || drop(store.get(&key("nb", "c", "m"))));
    drop(store);
    env.recell(&["get", "nb:c:m"]).ok();
    let (events, _) = logged(&env.store_path());
    let own: Vec<_> = events.iter().map(|event| event.correlation.as_deref()).collect();
    assert_eq!(own, [Some("ticket-3"), Some("request"), None]);
    assert_eq!(events[0].run.as_deref(), Some("nightly 7"));
    assert_eq!(events[1].source.as_deref(), Some("library"));
    let shown = |args: &[&str]| env.recell(args).ok().lines().count();
    assert_eq!(shown(&["events", "--json"]), 3);
    assert_eq!(shown(&["events", "--json", "--correlation", "request"]), 1);
    assert_eq!(shown(&["events", "--json", "--run", "nightly 7"]), 1);
    assert_eq!(shown(&["events", "--json", "--kind", "put,miss"]), 1);
    assert_eq!(shown(&["events", "--json", "--key", "nb:c", "--kind", "hit"]), 2);
    assert_eq!(shown(&["events", "--json", "--key", "other"]), 0);
    assert_eq!(shown(&["events", "--json", "-n", "2"]), 2);
    assert_eq!(shown(&["events", "--json", "--since", "2026-11-22"]), 0);
}

#[test]
fn who_opts_out_leaves_no_trace_and_is_told_how_to_turn_it_on() {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    let log = || {
        let files = files_below(&env.store_path()).into_iter();
        files.filter(|path| path.to_string_lossy().contains("events")).count()
    };
    env.write("recell.toml", "[events]\nenabled = false\n");
    env.recell(&["put", "nb:c:m", "x=-"]).input("1").ok();
    env.recell(&["get", "nb:c:m"]).ok();
    put(&env.open(), &key("nb", "d", "m"), b"a library asks for it");
    assert_eq!(log(), 0);
    let told = env.recell(&["stats"]).run().to_string();
    assert!(told.contains("`events.enabled` is false"), "{told}");
    env.recell(&["get", "nb:c:m"]).with("RECELL_EVENTS_ENABLED", "true").ok();
    assert_eq!(log(), 1, "the environment wins");
    env.recell(&["events", "--clear"]).ok();
    assert_eq!(log(), 0);
}

#[test]
fn many_processes_write_whole_lines_through_every_rotation_and_keep_as_many_files_as_was_said() {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    env.write("recell.toml", "[events]\nmax_bytes = 1500\nkeep = 50\n");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let env = &env;
            scope.spawn(move || {
                for number in 0..10 {
                    let key = format!("nb{writer}:c{number}:m");
                    env.recell(&["put", &key, "x=-"]).input("1").ok();
                }
            });
        }
    });
    let (events, unreadable) = logged(&env.store_path());
    assert_eq!(unreadable, 0);
    let mut keys: Vec<_> = events.into_iter().filter_map(|event| event.key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 40, "each process has its line");
    let files = || {
        let files = files_below(&env.store_path().join("recell")).into_iter();
        files.filter(|path| path.extension().is_some_and(|it| it == "jsonl")).count()
    };
    assert!(files() > 3, "{} files", files());
    env.write("recell.toml", "[events]\nmax_bytes = 1\nkeep = 2\n");
    env.recell(&["get", "nb0:c0:m"]).ok();
    assert_eq!(files(), 1, "one full file, and the next is not begun yet");
    let (events, _) = logged(&env.store_path());
    assert_eq!(events.last().map(|event| event.kind.clone()), Some(EventKind::Hit));
}

/// Run by a process of its own: puts with a log, and lives on.
pub fn log_and_linger(path: &Path, acks: &Path, count: u64) {
    let store = Store::open(path, options_with(EventOptions::default())).unwrap();
    for number in 0..count {
        put(&store, &key("nb", "c", &number.to_string()), b"x");
    }
    std::fs::write(acks, "").unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_process_that_is_killed_loses_what_was_not_written_yet_and_no_more() {
    for (rest, kept, why) in
        [(Duration::from_secs(2), 200, "all was written"), (Duration::ZERO, 0, "maybe nothing")]
    {
        let env = TestEnv::new();
        drop(env.create());
        let job = Job { count: 200, ..Job::new("log and linger", &env.store_path(), 1) };
        let mut child = job.start();
        wait_until("it put all", || job.acks.exists());
        std::thread::sleep(rest);
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        let (events, unreadable) = logged(&env.store_path());
        assert_eq!(unreadable, 0, "{why}");
        assert!((kept..=200).contains(&events.len()), "{}: {why}", events.len());
        assert_eq!(acks(&job.acks), []);
        env.recell(&["get", "nb:c:7"]).ok();
        let (after, _) = logged(&env.store_path());
        assert_eq!(after.len(), events.len() + 1, "the log goes on");
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_full_disk_costs_the_event_and_nothing_else() {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    env.recell(&["put", "nb:c:m", "x=-"]).input("1").ok();
    let whole = |ran: &Ran| format!("{ran}");
    let expected = whole(&env.recell(&["get", "nb:c:m"]).run());
    let before = logged(&env.store_path()).0.len();
    for budget in ["0", "1", "100", "16", "40"] {
        let ran = env.recell(&["get", "nb:c:m"]).with("RECELL_DISK_BUDGET", budget).run();
        assert_eq!(whole(&ran), expected, "with {budget} bytes left");
    }
    env.recell(&["get", "nb:c:m"]).ok();
    let (events, unreadable) = logged(&env.store_path());
    assert_eq!(
        events.len(),
        before + 1,
        "what could not be written is lost, what follows is whole"
    );
    assert!((1..=4).contains(&unreadable), "{unreadable} torn lines");
    let told = env.recell(&["stats"]).run().to_string();
    assert!(told.contains("of the log could not be read"), "{told}");
}

#[test]
fn a_log_that_cannot_be_written_changes_nothing_that_commands_say() {
    let lines: [(&[&str], &str); 4] = [
        (&["put", "nb:c:m", "x=-"], "1"),
        (&["get", "nb:c:m"], ""),
        (&["get", "nb:c:other"], ""),
        (&["rm", "nb:c:m"], ""),
    ];
    let transcript = |prepare: &dyn Fn(&TestEnv)| -> String {
        let env = TestEnv::new();
        env.recell(&["init"]).ok();
        prepare(&env);
        lines.iter().map(|(args, input)| env.recell(args).input(*input).run().to_string()).collect()
    };
    let usual = transcript(&|_| {});
    let off = transcript(&|env| env.write("recell.toml", "events.enabled = false\n"));
    let barred = transcript(&|env| {
        std::fs::create_dir(env.store_path().join("recell/events.jsonl")).unwrap();
    });
    assert_eq!(usual, off, "a command says the same without a log");
    assert_eq!(usual, barred, "and where a folder is in the log's place");
}

/// What `recell events --follow` prints, line by line.
struct Followed {
    _child: Running,
    lines: mpsc::Receiver<String>,
}

fn follow(env: &TestEnv, args: &[&str]) -> Followed {
    let mut child: Child = env
        .recell(args)
        .command()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let (sender, lines) = mpsc::channel();
    // It ends, and closes its end, when nobody takes the lines.
    std::thread::spawn(move || {
        out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    Followed { _child: Running(child), lines }
}

#[test]
fn following_shows_what_other_processes_do_across_rotations() {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    env.write("recell.toml", "[events]\nmax_bytes = 1000\nkeep = 100\n");
    let put = |number: u32| {
        env.recell(&["put", &format!("nb:c{number}:m"), "x=-"]).input("1").ok();
    };
    put(0);
    let followed = follow(&env, &["events", "--follow", "--json", "--kind", "put"]);
    (1..20).for_each(put);
    env.recell(&["get", "nb:c3:m"]).ok();
    put(20);
    let mut keys = Vec::new();
    while keys.len() < 21 {
        let line = followed.lines.recv_timeout(Duration::from_secs(20)).unwrap();
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        keys.push(value["key"].as_str().unwrap().to_owned());
    }
    let expected: Vec<String> = (0..=20).map(|number| format!("nb:c{number}:m")).collect();
    assert_eq!(keys, expected, "in order, once each, and nothing else");
    let full = env.store_path().join("recell/events-3.jsonl");
    assert!(full.exists(), "it was rotated meanwhile");
}

#[test]
fn following_ends_when_nobody_reads_any_more_though_nothing_comes() {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    env.recell(&["put", "nb:c:m", "x=-"]).input("1").ok();
    let mut child = env
        .recell(&["events", "--follow"])
        .command()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    while !line.contains("nb:c:m") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0);
    }
    drop(out);
    let started = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => assert!(started.elapsed() < Duration::from_secs(20), "it goes on"),
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(status.success() && said.is_empty(), "{status}: {said}");
}

#[test]
fn stats_say_what_was_saved_and_what_a_hit_is() {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    let nothing = env.recell(&["stats"]).run().to_string();
    assert!(nothing.contains("nothing is logged yet"), "{nothing}");
    for (key, seconds) in [("a.ipynb:load:m", Some("90")), ("b.ipynb:plot:m", None)] {
        let mut args = vec!["put", key, "x=-"];
        args.extend(seconds.iter().flat_map(|seconds| ["--compute-seconds", seconds]));
        env.recell(&args).input("0123456789").ok();
    }
    for key in ["a.ipynb:load", "a.ipynb:load", "b.ipynb:plot"] {
        env.recell(&["get", key]).ok();
    }
    env.recell(&["get", "a.ipynb:clean:m"]).run();
    let value: serde_json::Value =
        serde_json::from_str(&env.recell(&["stats", "--json", "--by", "cell"]).ok()).unwrap();
    let saved = value["total"]["seconds_saved"].as_f64().unwrap();
    assert!((170.0..180.0).contains(&saved), "two hits of 90 s, less what they took: {saved}");
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"2 m 5\d s|3 m 00 s", "[SAVED]");
    settings.add_filter(r#""seconds_saved": 1[0-9.]+"#, r#""seconds_saved": "[SAVED]""#);
    settings.bind(|| {
        insta::assert_snapshot!(crate::support::transcript(
            &env,
            &[
                &["stats"],
                &["stats", "--by", "cell"],
                &["stats", "--by", "day"],
                &["stats", "--json"],
                &["stats", "--since", "2026-11-22"],
            ],
        ));
    });
}

#[test]
fn events_are_shown_in_columns_with_what_they_are_about() {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    env.recell(&["put", "nb.ipynb:c:m", "x=-"]).input("1").ok();
    env.recell(&["get", "nb.ipynb:c"]).ok();
    env.recell(&["get", "nb.ipynb:d:m"]).run();
    env.recell(&["rm", "nb.ipynb:c:m"]).ok();
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"[0-9.]+ (µs|ms| s)", "[TOOK]");
    settings.add_filter(r" +(took|\[TOOK\])", "  $1");
    settings.add_filter(r#""micros":\d+"#, r#""micros":0"#);
    settings.bind(|| {
        insta::assert_snapshot!(crate::support::transcript(
            &env,
            &[
                &["events"],
                &["events", "--kind", "hit", "--json"],
                &["events", "--key", "other"],
                &["events", "--kind", "hat"],
                &["events", "--clear"],
                &["events"],
            ],
        ));
    });
}

#[test]
fn a_lookup_by_the_library_is_an_event_and_a_peek_is_none() {
    let env = TestEnv::new();
    drop(env.create());
    let store = Store::open(&env.store_path(), options_with(EventOptions::default())).unwrap();
    put(&store, &key("nb", "c", "m"), b"x");
    let wanted = [key("nb", "c", "m"), key("nb", "c", "other")];
    let snapshot = store.snapshot().unwrap();
    for key in &wanted {
        drop(store.peek(key).unwrap());
        drop(store.newest(key).unwrap());
        drop(store.history(key).unwrap());
        drop(store.get(key).unwrap());
        drop(snapshot.get(key));
    }
    let Lookup::Hit(entry) = store.peek(&wanted[0]).unwrap() else { panic!("it is stored") };
    entry.mark_used();
    store.events().expect("it was asked for").write_out();
    let (events, _) = logged(&env.store_path());
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["put", "hit", "hit", "miss", "miss", "hit"]);
    drop((entry, snapshot, store));
    assert!(env.open().events().is_none(), "who does not ask for a log has none");
}
