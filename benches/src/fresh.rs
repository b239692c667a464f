//! A store of 100,000 entries: opened by a fresh process, read warm, added to.

use std::path::Path;
use std::time::Duration;

use recell::{ObjectFormat, OpenOptions, Pattern, Store};

use crate::report::{each, print_each, print_ms, small_value, timed};
use crate::small::{get, put};

const COUNT: usize = 100_000;

pub(crate) fn run(folder: &Path) {
    println!("\n{COUNT} entries of 1 KB");
    let path = folder.join("store.git");
    let store = Store::create(&path, ObjectFormat::Sha1, OpenOptions::default()).unwrap();
    let (fill, ()) = timed(|| {
        for n in 0..COUNT {
            put(&store, n, &small_value(n as u64));
        }
        store.flush().unwrap();
    });
    print_ms("fill and flush", &mut [fill]);
    drop(store);
    let mut opens: Vec<Duration> = (0..20)
        .map(|n| {
            timed(|| {
                let store = Store::open(&path, OpenOptions::default()).unwrap();
                get(&store, n * 997);
                store
            })
            .0
        })
        .collect();
    print_ms("open and first get", &mut opens);
    let store = Store::open(&path, OpenOptions::default()).unwrap();
    let mut rng = fastrand::Rng::with_seed(1);
    let wanted: Vec<usize> = (0..20_000).map(|_| rng.usize(..COUNT)).collect();
    wanted.iter().for_each(|n| get(&store, *n));
    print_each("get newest by key, warm, hash checked", each(20_000, |n| get(&store, wanted[n])));
    let mut lists: Vec<Duration> =
        (0..5).map(|_| timed(|| store.list(&Pattern::all()).unwrap()).0).collect();
    print_ms("list all", &mut lists);
    let mut flushes: Vec<Duration> = (0..5)
        .map(|round| {
            for n in 0..1000 {
                put(&store, COUNT + round * 1000 + n, &small_value(n as u64));
            }
            timed(|| store.flush().unwrap()).0
        })
        .collect();
    print_ms("flush of 1,000 more: pack and tags", &mut flushes);
    let command = std::env::current_exe().unwrap().with_file_name("recell");
    if command.exists() {
        let key = crate::small::key(4711).to_string();
        let mut gets: Vec<Duration> = (0..30)
            .map(|_| {
                timed(|| {
                    let output = std::process::Command::new(&command)
                        .arg("--store")
                        .arg(&path)
                        .args(["get", &key])
                        .output()
                        .unwrap();
                    assert!(output.status.success(), "{output:?}");
                })
                .0
            })
            .collect();
        print_ms("the whole `recell get` command", &mut gets);
        let mut starts: Vec<Duration> = (0..30)
            .map(|_| {
                timed(|| std::process::Command::new("git").arg("--version").output().unwrap()).0
            })
            .collect();
        print_ms("`git --version`, for comparison", &mut starts);
    }
}
