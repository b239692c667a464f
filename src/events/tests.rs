//! The log as a whole: written by several, read and followed.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::*;
use crate::clock::{Clock, Timestamp};
use crate::disk;
use crate::lookup::Miss;

/// A folder that is like that of a store.
fn store() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    disk::create_folders(&folder.path().join("recell")).unwrap();
    folder
}

fn open(store: &Path, options: &EventOptions) -> EventLog {
    let clock = Clock::fixed(Timestamp::from_micros(1_795_224_240_000_000));
    EventLog::new(store.join("recell"), options, clock, || "0123456789abcdef".into())
}

fn numbered(number: u64) -> Event {
    Event { count: Some(number), ..Event::new(EventKind::Put) }
}

fn events(store: &Path) -> Vec<Event> {
    let mut found = Vec::new();
    assert_eq!(read(store, |line| found.push(line.event)).unwrap(), 0, "all lines are whole");
    found
}

#[test]
fn what_is_noted_is_written_when_the_log_is_closed_and_says_who_and_when() {
    let store = store();
    let options = EventOptions { correlation: Some("outer".into()), ..EventOptions::default() };
    let log = open(store.path(), &options);
    let name = "a%2fb.ipynb/load/abc/0/20261121T012400.000000Z-01234567".parse().unwrap();
    log.note(Event { source: Some("bundle".into()), ..Event::of_entry(EventKind::Hit, &name) });
    let miss = Miss::Damaged { name: "x".into(), reason: "its bytes".into() };
    with_correlation("request 7", || log.note(Event::of_miss("a:b:c".into(), &miss)));
    unnoted(|| log.note(numbered(1)));
    log.note(Event { correlation: Some("own".into()), ..numbered(2) });
    drop(log);
    let lines: Vec<String> = events(store.path()).iter().map(Event::to_line).collect();
    let common = r#""run":"0123456789abcdef","correlation""#;
    assert_eq!(
        lines.concat(),
        [
            r#"{"at":"2026-11-21T01:24:00.000000Z","kind":"hit","key":"a/b.ipynb:load:abc","#,
            r#""name":"a%2fb.ipynb/load/abc/0/20261121T012400.000000Z-01234567","#,
            r#""source":"bundle","#,
            common,
            r#":"outer"}"#,
            "\n",
            r#"{"at":"2026-11-21T01:24:00.000000Z","kind":"miss","key":"a:b:c","#,
            r#""reason":"damaged","detail":"`x` is damaged: its bytes","source":"library","#,
            common,
            r#":"request 7"}"#,
            "\n",
            r#"{"at":"2026-11-21T01:24:00.000000Z","kind":"put","count":2,"source":"library","#,
            common,
            r#":"own"}"#,
            "\n",
        ]
        .concat()
    );
}

#[test]
fn what_there_was_no_room_for_is_counted() {
    let store = store();
    let options = EventOptions { max_bytes: 1 << 30, ..EventOptions::default() };
    let log = open(store.path(), &options);
    (0..100_000).for_each(|number| log.note(numbered(number)));
    drop(log);
    let (mut written, mut dropped) = (0, 0);
    for event in events(store.path()) {
        match event.kind {
            EventKind::Dropped => dropped += event.count.unwrap(),
            _ => written += 1,
        }
    }
    assert_eq!(written + dropped, 100_000, "{written} written, {dropped} dropped");
    assert!(written >= 1 << 15, "{written}: as many as there is room for");
}

#[test]
fn a_note_waits_for_nobody_even_while_the_lock_is_held() {
    let store = store();
    let log = open(store.path(), &EventOptions::default());
    log.note(numbered(1));
    log.while_held(|| {
        let started = Instant::now();
        log.note(numbered(2));
        assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    });
    log.note(numbered(3));
    drop(log);
    let found = events(store.path());
    let told: Vec<(&str, Option<u64>)> =
        found.iter().map(|event| (event.kind.as_str(), event.count)).collect();
    let expected = [("dropped", Some(1)), ("put", Some(1)), ("put", Some(3))];
    assert!(expected.iter().all(|it| told.contains(it)) && told.len() == 3, "{told:?}");
}

#[test]
fn a_follower_gets_every_line_of_several_writers_once_and_whole_through_every_rotation() {
    const WRITERS: u64 = 4;
    const EACH: u64 = 3_000;
    let store = store();
    // As many files as it takes: what is removed before it is read cannot be followed.
    let options = EventOptions { max_bytes: 9_000, keep: 10_000, ..EventOptions::default() };
    let is_done = AtomicBool::new(false);
    let mut got = Vec::new();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (store, options) = (store.path(), &options);
                scope.spawn(move || {
                    for part in 0..EACH / 100 {
                        // As many logs as processes would have.
                        let log = open(store, options);
                        for number in 0..100 {
                            log.note(numbered(writer * EACH + part * 100 + number));
                        }
                    }
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            let mut follower = Follower::new(store.path());
            let mut found = Vec::new();
            loop {
                let is_last = is_done.load(Ordering::SeqCst);
                let look = follower.look(|line| found.push(line.event.count.unwrap()));
                assert_eq!(look.unwrap(), 0, "all lines are whole");
                if is_last {
                    return found;
                }
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
        is_done.store(true, Ordering::SeqCst);
        got = reader.join().unwrap();
    });
    let expected: Vec<u64> = (0..WRITERS * EACH).collect();
    got.sort_unstable();
    assert_eq!(got, expected, "followed");
    let mut all: Vec<u64> = events(store.path()).iter().map(|it| it.count.unwrap()).collect();
    all.sort_unstable();
    assert_eq!(all, expected, "read afterwards");
    assert!(disk::list(&store.path().join("recell")).unwrap().len() > 50, "it was rotated");
}

#[test]
fn what_cannot_be_written_fails_nobody_and_is_told_once_it_can_be() {
    let store = tempfile::tempdir().unwrap();
    let log = open(store.path(), &EventOptions::default());
    (0..3).for_each(|number| log.note(numbered(number)));
    log.write_out();
    disk::create_folders(&store.path().join("recell")).unwrap();
    log.note(numbered(3));
    drop(log);
    let found = events(store.path());
    let told: Vec<_> =
        found.iter().map(|it| (it.kind.as_str(), it.reason.as_deref(), it.count)).collect();
    assert_eq!(told, [("dropped", Some("not_written"), Some(3)), ("put", None, Some(3))]);
}

#[test]
fn a_log_that_nothing_was_noted_in_leaves_no_file_and_one_that_is_cleared_begins_anew() {
    let store = store();
    drop(open(store.path(), &EventOptions::default()));
    assert_eq!(disk::list(&store.path().join("recell")).unwrap(), []);
    assert_eq!(clear(store.path()).unwrap(), 0);
    let log = open(store.path(), &EventOptions { max_bytes: 1, ..EventOptions::default() });
    (0..3).for_each(|number| log.note(numbered(number)));
    log.write_out();
    assert_eq!(clear(store.path()).unwrap(), 3, "each in a file of its own");
    log.note(numbered(3));
    drop(log);
    assert_eq!(events(store.path()).len(), 1);
}

#[test]
fn after_a_fork_each_side_writes_what_it_noted_itself_and_nothing_twice() {
    let store = store();
    for (rest, why) in [
        (Duration::ZERO, "while events wait to be written"),
        (Duration::from_millis(400), "while the parent's thread waits"),
    ] {
        let log = open(store.path(), &EventOptions::default());
        (0..3).for_each(|number| log.note(numbered(number)));
        std::thread::sleep(rest);
        let child = log.as_in_child();
        let silent = log.as_in_child();
        // As much time as a fork takes.
        std::thread::sleep(Duration::from_millis(2));
        (10..12).for_each(|number| child.note(numbered(number)));
        log.note(numbered(3));
        child.write_out();
        drop(silent);
        drop(child);
        drop(log);
        let mut counts: Vec<u64> =
            events(store.path()).iter().map(|event| event.count.unwrap()).collect();
        counts.sort_unstable();
        assert_eq!(counts, [0, 1, 2, 3, 10, 11], "{why}");
        clear(store.path()).unwrap();
    }
}

fn looked_up(kind: EventKind, key: &str, seconds: Option<f64>, micros: u64, bytes: u64) -> Event {
    let at = Timestamp::from_micros(1_795_224_240_000_000);
    let reason = (kind != EventKind::Hit && kind != EventKind::Put).then(|| "never_stored".into());
    Event {
        at,
        key: Some(key.into()),
        reason,
        bytes: Some(bytes),
        micros: Some(micros),
        compute_seconds: seconds,
        ..Event::new(kind)
    }
}

#[test]
fn a_summary_counts_by_what_is_asked_for_and_saves_only_what_is_known() {
    let events = [
        looked_up(EventKind::Hit, "a:x:1", Some(10.0), 500_000, 100),
        looked_up(EventKind::Hit, "a:x:2", None, 100, 10),
        looked_up(EventKind::Miss, "a:y:1", None, 100, 0),
        looked_up(EventKind::Mismatch, "b:x:1", None, 100, 0),
        looked_up(EventKind::Put, "a:y:1", Some(3.0), 100, 7),
        Event { count: Some(5), ..Event::new(EventKind::Dropped) },
        Event::new(EventKind::Other("thaw".into())),
        looked_up(EventKind::Hit, "%3a:x:1", Some(0.001), 2_000, 1),
    ];
    let by = |by| summarize(events.iter().map(std::borrow::Cow::Borrowed), by);
    let summary = by(By::Notebook);
    let names: Vec<String> = summary.rows.keys().map(|group| group.concat()).collect();
    assert_eq!(names, [":", "a", "b"], "the notebook's own name");
    let a = &summary.rows[&vec!["a".to_owned()]];
    assert_eq!((a.hits, a.misses, a.puts, a.bytes_served, a.bytes_written), (2, 1, 1, 110, 7));
    assert!((a.seconds_saved - 9.5).abs() < 1e-9 && a.hits_of_unknown_time == 1);
    assert_eq!(a.hit_rate(), Some(2.0 / 3.0));
    let odd = &summary.rows[&vec![":".to_owned()]];
    assert!((odd.seconds_saved + 0.001).abs() < 1e-9, "handing it out took longer");
    assert_eq!((summary.total.hits, summary.total.misses, summary.total.mismatches), (3, 1, 1));
    assert_eq!((summary.dropped, summary.kinds["thaw"]), (5, 1));
    assert_eq!(by(By::Cell).rows.len(), 4);
    assert_eq!(by(By::Day(crate::clock::Zone::Utc)).rows.len(), 1);
    assert_eq!(Row::default().hit_rate(), None, "without a lookup there is no rate");
}
