//! Many versions of one key: history, newest, and what they take on disk.

use std::path::Path;

use recell::{Draft, ExecutionKey, GitEnvironment, Lookup, ObjectFormat, OpenOptions, Store, gc};

use crate::report::{disk_use, each, print_each, print_ms, timed};

const KEYS: usize = 1000;
const VERSIONS: usize = 20;

pub(crate) fn run(folder: &Path) {
    println!("\n{KEYS} keys × {VERSIONS} versions of 4 KB that differ in 60 bytes");
    sqlite(folder);
    let mut rng = fastrand::Rng::with_seed(3);
    let mut values: Vec<Vec<u8>> = (0..KEYS).map(|_| text(&mut rng)).collect();
    let path = folder.join("store.git");
    let store = Store::create(&path, ObjectFormat::Sha1, OpenOptions::default()).unwrap();
    let keys: Vec<ExecutionKey> = (0..KEYS)
        .map(|n| {
            ExecutionKey::new(&format!("nb{:02}", n / 50), &format!("cell{n:04}"), "m").unwrap()
        })
        .collect();
    for _ in 0..VERSIONS {
        for (key, value) in keys.iter().zip(&mut values) {
            let at = rng.usize(..4036);
            for byte in &mut value[at..at + 60] {
                *byte = b"0123456789abcdef"[rng.usize(..16)];
            }
            let draft = Draft::new("bench").output("v", "text/plain", value.as_slice()).unwrap();
            store.put(key, draft).unwrap();
        }
    }
    store.flush().unwrap();
    let per = |bytes: u64| bytes as f64 / (KEYS * VERSIONS) as f64;
    println!("after a flush {:>47.0} bytes a version", per(disk_use(&path.join("objects"))));
    print_each(
        "history of 20 versions, each read",
        each(KEYS, |n| {
            read_versions(&store, &keys[n]);
        }),
    );
    print_each(
        "newest of it",
        each(KEYS, |n| {
            let Lookup::Hit(entry) = store.get(&keys[n]).unwrap() else { panic!("a miss") };
            assert_eq!(entry.read("outputs/v").hit().unwrap().len(), 4096);
        }),
    );
    let environment = GitEnvironment::new(std::env::vars_os());
    let (seal, _) = timed(|| gc::seal(&store, &environment).unwrap());
    print_ms("sealing flush", &mut [seal]);
    println!("after sealing {:>47.0} bytes a version", per(disk_use(&path.join("objects"))));
    println!("of these in packs {:>43.0}", per(packs_size(&path)));
    print_each(
        "newest of it, sealed",
        each(KEYS, |n| {
            let Lookup::Hit(entry) = store.get(&keys[n]).unwrap() else { panic!("a miss") };
            assert_eq!(entry.read("outputs/v").hit().unwrap().len(), 4096);
        }),
    );
    print_each(
        "history of 20 versions, each read, sealed",
        each(KEYS, |n| {
            read_versions(&store, &keys[n]);
        }),
    );
}

fn read_versions(store: &Store, key: &ExecutionKey) {
    let versions = store.versions(key).unwrap();
    assert_eq!(versions.len(), VERSIONS);
    for version in versions {
        let Lookup::Hit(entry) = version else { panic!("a miss") };
        assert_eq!(entry.read("outputs/v").hit().unwrap().len(), 4096);
    }
}

fn packs_size(store: &Path) -> u64 {
    let packs = std::fs::read_dir(store.join("objects/pack")).unwrap().map(|entry| entry.unwrap());
    packs
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "pack"))
        .map(|entry| entry.metadata().unwrap().len())
        .sum()
}

/// SQLite with the same values: a table of (key, time, value).
fn sqlite(folder: &Path) {
    let db = rusqlite::Connection::open(folder.join("db")).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
         CREATE TABLE t (key TEXT, at INTEGER, value BLOB, PRIMARY KEY (key, at)) WITHOUT ROWID;
         BEGIN;",
    )
    .unwrap();
    let mut rng = fastrand::Rng::with_seed(3);
    let mut insert = db.prepare("INSERT INTO t VALUES (?1, ?2, ?3)").unwrap();
    for n in 0..KEYS {
        for version in 0..VERSIONS {
            insert
                .execute(rusqlite::params![format!("k{n}"), version as i64, text(&mut rng)])
                .unwrap();
        }
    }
    db.execute_batch("COMMIT").unwrap();
    let mut all = db.prepare("SELECT value FROM t WHERE key = ?1 ORDER BY at DESC").unwrap();
    print_each(
        "SQLite: history of 20 versions, each read",
        each(KEYS, |n| {
            let rows = all.query_map([format!("k{n}")], |row| row.get::<_, Vec<u8>>(0)).unwrap();
            assert_eq!(rows.map(|row| row.unwrap()).filter(|v| v.len() == 4096).count(), VERSIONS);
        }),
    );
    let mut newest =
        db.prepare("SELECT value FROM t WHERE key = ?1 ORDER BY at DESC LIMIT 1").unwrap();
    print_each(
        "SQLite: newest of it",
        each(KEYS, |n| {
            let value: Vec<u8> = newest.query_row([format!("k{n}")], |row| row.get(0)).unwrap();
            assert_eq!(value.len(), 4096);
        }),
    );
}

fn text(rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut text = Vec::new();
    while text.len() < 4096 {
        text.extend_from_slice(
            format!("row {} value {:.5}\n", rng.u32(..1000), rng.f64()).as_bytes(),
        );
    }
    text.truncate(4096);
    text
}
