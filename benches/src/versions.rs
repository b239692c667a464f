//! Many versions of one key: history, newest, and what they take on disk.

use std::path::Path;

use recell::{Draft, ExecutionKey, Lookup, ObjectFormat, OpenOptions, Store};

use crate::report::{disk_use, each, print_each, timed};

const KEYS: usize = 1000;
const VERSIONS: usize = 20;

pub(crate) fn run(folder: &Path) {
    println!("\n{KEYS} keys × {VERSIONS} versions of 4 KB that differ in 60 bytes");
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
            let names = store.history(&keys[n]).unwrap();
            assert_eq!(names.len(), VERSIONS);
            for name in &names {
                let Lookup::Hit(entry) = store.entry(name).unwrap() else { panic!("a miss") };
                assert_eq!(entry.read("outputs/v").hit().unwrap().len(), 4096);
            }
        }),
    );
    print_each(
        "newest of it",
        each(KEYS, |n| {
            let Lookup::Hit(entry) = store.get(&keys[n]).unwrap() else { panic!("a miss") };
            assert_eq!(entry.read("outputs/v").hit().unwrap().len(), 4096);
        }),
    );
    let _ = timed(|| ());
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
