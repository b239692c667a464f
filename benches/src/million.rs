//! A store of a million entries: opened and asked.

use std::path::Path;

use recell::gc::{self, GcOptions};
use recell::{
    Draft, ExecutionKey, Lookup, ObjectFormat, OpenOptions, Pattern, Silent, Store, Timestamp,
};

use crate::report::{disk_use, each, print_each, print_ms, timed};

const NOTEBOOKS: usize = 1000;
const CELLS: usize = 50;
const VERSIONS: usize = 20;

fn key(notebook: usize, cell: usize) -> ExecutionKey {
    let notebook = format!("reports/nb{notebook:04}.ipynb");
    ExecutionKey::new(&notebook, &format!("cell{cell:02}"), "9f86d081884c7d65").unwrap()
}

pub(crate) fn run(folder: &Path) {
    let count = NOTEBOOKS * CELLS * VERSIONS;
    println!("\na store of {count} entries");
    let path = folder.join("store.git");
    let store = Store::create(&path, ObjectFormat::Sha1, OpenOptions::default()).unwrap();
    let (filled, ()) = timed(|| {
        for notebook in 0..NOTEBOOKS {
            for cell in 0..CELLS {
                let key = key(notebook, cell);
                let drafts = (0..VERSIONS).map(|version| {
                    let value = format!("{notebook} {cell} {version}");
                    let draft =
                        Draft::new("bench").output("0.txt", "text/plain", value.into_bytes());
                    (key.clone(), draft.unwrap())
                });
                store.put_many(drafts.collect()).unwrap();
            }
        }
        store.flush().unwrap();
    });
    drop(store);
    println!("filled in {:>48.1} s", filled.as_secs_f64());
    println!("on disk {:>50} MB", disk_use(&path) / 1_000_000);
    println!(
        "packed-refs {:>46} MB",
        std::fs::metadata(path.join("packed-refs")).unwrap().len() / 1_000_000
    );
    // A process of its own tells how much memory that takes.
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["million-child", path.to_str().unwrap()])
        .status()
        .unwrap();
    assert!(child.success());
    let store = Store::open(&path, OpenOptions::default()).unwrap();
    for n in 0..1000 {
        let draft =
            Draft::new("bench").output("0.txt", "text/plain", format!("new {n}").into_bytes());
        store.put(&key(n, n % CELLS), draft.unwrap()).unwrap();
    }
    let (flush, _) = timed(|| store.flush().unwrap());
    print_ms("flush of 1,000 more", &mut [flush]);
    let (plan, _) = timed(|| gc::plan(&store, &GcOptions::new(Timestamp::MAX), &Silent).unwrap());
    print_ms("plan of a collection", &mut [plan]);
    println!("memory at most {:>43} MiB", status("VmHWM:"));
}

/// Opens and asks; prints what that takes.
pub(crate) fn child(path: &str) {
    let path: &Path = path.as_ref();
    let (open, store) = timed(|| Store::open(path, OpenOptions::default()).unwrap());
    let (first, ()) = timed(|| get(&store, 500, 25));
    print_ms("open", &mut [open]);
    print_ms("first get", &mut [first]);
    let mut rng = fastrand::Rng::with_seed(1);
    print_each(
        "get newest, checked",
        each(10_000, |_| get(&store, rng.usize(..NOTEBOOKS), rng.usize(..CELLS))),
    );
    print_each(
        "history of a cell: 20 names",
        each(1000, |_| {
            let names = store.history(&key(rng.usize(..NOTEBOOKS), rng.usize(..CELLS))).unwrap();
            assert_eq!(names.len(), VERSIONS);
        }),
    );
    print_each(
        "list of a notebook: 1,000 names",
        each(200, |_| {
            let pattern = format!("reports/nb{:04}.ipynb", rng.usize(..NOTEBOOKS));
            let names = store.list(&Pattern::parse(&pattern).unwrap()).unwrap();
            assert_eq!(names.len(), CELLS * VERSIONS);
        }),
    );
    print_each(
        "log of a cell: 20 entries opened",
        each(200, |_| {
            let key = key(rng.usize(..NOTEBOOKS), rng.usize(..CELLS));
            for version in store.versions(&key).unwrap() {
                assert_eq!(version.hit().unwrap().manifest().parts.len(), 1);
            }
        }),
    );
    println!("memory after that {:>40}", memory());
    let (all, names) = timed(|| store.list(&Pattern::all()).unwrap());
    assert_eq!(names.len(), NOTEBOOKS * CELLS * VERSIONS);
    print_ms("list of all names", &mut [all]);
    println!("memory with all names {:>36}", memory());
}

fn get(store: &Store, notebook: usize, cell: usize) {
    let Lookup::Hit(entry) = store.get(&key(notebook, cell)).unwrap() else { panic!("a miss") };
    assert!(entry.read("outputs/0.txt").hit().is_some());
}

/// What the process holds itself, and with the files that it has mapped.
fn memory() -> String {
    format!("{} MiB, {} with mapped files", status("RssAnon:"), status("VmRSS:"))
}

/// Returns a field of the process's status in MiB.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap_or(0) / 1024
}
