//! A large array: put, put again, read, and changed a little.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use recell::{Draft, ExecutionKey, Lookup, ObjectFormat, OpenOptions, Store};

use crate::report::{disk_use, floats, print_rate, timed};

const SIZE: usize = 256 << 20;
const ROW: usize = 512 * 8;

fn put(store: &Store, bytes: &[u8]) {
    let key = ExecutionKey::new("nb.ipynb", "table", "m").unwrap();
    let draft = Draft::new("bench").output("a.npy", "application/octet-stream", bytes).unwrap();
    store.put(&key, draft).unwrap();
}

pub(crate) fn run(folder: &Path) {
    println!("\n256 MiB of random float64");
    let array = floats(SIZE, 1);
    let mut raw: Vec<Duration> = (0..3)
        .map(|_| {
            let path = folder.join("raw");
            let time = timed(|| std::fs::File::create(&path).unwrap().write_all(&array).unwrap()).0;
            std::fs::remove_file(path).unwrap();
            time
        })
        .collect();
    print_rate("raw: write one file", SIZE, &mut raw);
    let (mut first, mut flush, mut again, mut read, mut into) =
        (vec![], vec![], vec![], vec![], vec![]);
    for round in 0..3 {
        let path = folder.join("store.git");
        let store = Store::create(&path, ObjectFormat::Sha1, OpenOptions::default()).unwrap();
        first.push(timed(|| put(&store, &array)).0);
        flush.push(timed(|| store.flush().unwrap()).0);
        again.push(timed(|| put(&store, &array)).0);
        let key = ExecutionKey::new("nb.ipynb", "table", "m").unwrap();
        let Lookup::Hit(entry) = store.get(&key).unwrap() else { panic!("a miss") };
        let mut buffer = vec![0; SIZE];
        read.push(timed(|| assert_eq!(entry.read("a.npy").hit().unwrap().len(), SIZE)).0);
        entry.read_into("a.npy", &mut buffer).hit().unwrap();
        into.push(timed(|| entry.read_into("a.npy", &mut buffer).hit().unwrap()).0);
        assert!(buffer == array);
        if round == 2 {
            changed(&store, &path, &array);
        }
        drop(entry);
        drop(store);
        std::fs::remove_dir_all(path).unwrap();
    }
    let both: Vec<Duration> = first.iter().zip(&flush).map(|(a, b)| *a + *b).collect();
    print_rate("recell: put, acknowledged", SIZE, &mut first);
    print_rate("recell: put with its flush (synced)", SIZE, &mut both.clone());
    print_rate("recell: identical put", SIZE, &mut again);
    print_rate("recell: get into fresh memory", SIZE, &mut read);
    print_rate("recell: get into a warm buffer", SIZE, &mut into);
}

fn changed(store: &Store, path: &Path, array: &[u8]) {
    store.flush().unwrap();
    let extra = |what: &str, bytes: &[u8]| {
        let before = disk_use(path);
        put(store, bytes);
        store.flush().unwrap();
        let share = (disk_use(path) - before) as f64 / SIZE as f64 * 100.0;
        println!("{what:58} {share:8.2} % extra disk");
    };
    extra("recell: identical", array);
    let rows = SIZE / ROW;
    let mut block = array.to_vec();
    let at = rows / 3 * ROW;
    block[at..at + rows / 100 * ROW].copy_from_slice(&floats(rows / 100 * ROW, 2));
    extra("recell: 1 % of rows changed in one block", &block);
    let mut inserted = array.to_vec();
    inserted.splice(at..at, floats(ROW, 3));
    extra("recell: one row inserted", &inserted);
}
