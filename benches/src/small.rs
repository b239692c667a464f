//! Small entries: put, flush, get, beside raw files and SQLite.

use std::path::Path;

use recell::events::EventOptions;
use recell::{Draft, ExecutionKey, Lookup, ObjectFormat, OpenOptions, Store};

use crate::report::{each, print_each, print_ms, small_value, timed};

const COUNT: usize = 10_000;

pub(crate) fn key(number: usize) -> ExecutionKey {
    ExecutionKey::new(
        &format!("notebooks/nb{:03}.ipynb", number / 100),
        &format!("cell{:04}", number % 100),
        &format!("{:032x}", number as u128 * 0x9e37_79b9_7f4a_7c15_f39c_c060),
    )
    .unwrap()
}

pub(crate) fn put(store: &Store, number: usize, value: &[u8]) {
    let draft = Draft::new("bench").output("0.bin", "application/octet-stream", value).unwrap();
    store.put(&key(number), draft).unwrap();
}

pub(crate) fn run(folder: &Path) {
    println!("\n{COUNT} values of 1 KB");
    let values: Vec<Vec<u8>> = (0..COUNT as u64).map(small_value).collect();
    raw(folder, &values);
    sqlite(folder, &values);
    // What the others left to be written would be written by recell's first sync.
    drop(std::process::Command::new("sync").status());
    recell(folder, &values);
    logged(folder, &values);
}

/// Puts and gets with a log of events and without, in turns, as the machine has its moods.
fn logged(folder: &Path, values: &[Vec<u8>]) {
    for round in 0..4 {
        let is_logged = round % 2 == 1;
        let path = folder.join(format!("logged-{round}.git"));
        let events = is_logged.then(EventOptions::default);
        let options = OpenOptions { events, ..OpenOptions::default() };
        let store = Store::create(&path, ObjectFormat::Sha1, options).unwrap();
        let what = if is_logged { "events logged" } else { "no log" };
        print_each(&format!("recell: put, {what}"), each(COUNT, |n| put(&store, n, &values[n])));
        store.flush().unwrap();
        print_each(&format!("recell: get, {what}"), each(COUNT, |n| get(&store, n)));
        let entry = store.get(&key(0)).unwrap().hit().unwrap();
        print_each(&format!("recell: a use, {what}"), each(COUNT, |_| entry.mark_used()));
    }
}

fn raw(folder: &Path, values: &[Vec<u8>]) {
    let root = folder.join("raw");
    std::fs::create_dir(&root).unwrap();
    let times = each(COUNT, |n| {
        let draft = root.join(format!("{n}.tmp"));
        std::fs::write(&draft, &values[n]).unwrap();
        std::fs::rename(&draft, root.join(n.to_string())).unwrap();
    });
    print_each("raw: write temporary file + rename", times);
    let times = each(COUNT, |n| {
        let bytes = std::fs::read(root.join(n.to_string())).unwrap();
        assert_eq!(bytes.len(), 1024);
    });
    print_each("raw: read", times);
}

fn sqlite(folder: &Path, values: &[Vec<u8>]) {
    let db = rusqlite::Connection::open(folder.join("db")).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
         CREATE TABLE t (key TEXT, at INTEGER, value BLOB, PRIMARY KEY (key, at)) WITHOUT ROWID;",
    )
    .unwrap();
    let mut insert = db.prepare("INSERT INTO t VALUES (?1, ?2, ?3)").unwrap();
    let times = each(COUNT, |n| {
        insert.execute(rusqlite::params![key(n).to_string(), n as i64, values[n]]).unwrap();
    });
    print_each("SQLite WAL: insert, one transaction each", times);
    let mut newest =
        db.prepare("SELECT value FROM t WHERE key = ?1 ORDER BY at DESC LIMIT 1").unwrap();
    let times = each(COUNT, |n| {
        let value: Vec<u8> = newest.query_row([key(n).to_string()], |row| row.get(0)).unwrap();
        assert_eq!(value.len(), 1024);
    });
    print_each("SQLite: newest by key", times);
}

fn recell(folder: &Path, values: &[Vec<u8>]) {
    let path = folder.join("store.git");
    let store = Store::create(&path, ObjectFormat::Sha1, OpenOptions::default()).unwrap();
    let (total, ()) = timed(|| {
        let times = each(COUNT, |n| put(&store, n, &values[n]));
        print_each("recell: put, acknowledged", times);
        let (flush, _) = timed(|| store.flush().unwrap());
        print_ms("recell: flush of all of them", &mut [flush]);
    });
    println!(
        "recell: put with its flush, per entry {:>38.2} µs",
        total.as_secs_f64() * 1e6 / COUNT as f64
    );
    let times = each(COUNT, |n| get(&store, n));
    print_each("recell: get newest by key, hash checked", times);
    for (n, value) in values.iter().take(1000).enumerate() {
        put(&store, COUNT + n, value);
    }
    let (flush, _) = timed(|| store.flush().unwrap());
    print_ms("recell: flush of 1,000 more", &mut [flush]);
}

pub(crate) fn get(store: &Store, number: usize) {
    let Lookup::Hit(entry) = store.get(&key(number)).unwrap() else { panic!("a miss") };
    let Lookup::Hit(bytes) = entry.read("outputs/0.bin") else { panic!("a miss") };
    assert_eq!(bytes.len(), 1024);
}
