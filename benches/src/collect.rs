//! Collection of a store of 1 GiB of which half is garbage, beside a copy of the live half.

use std::io::Write;
use std::path::Path;

use recell::gc::{self, GcOptions, Sealing};
use recell::retention::remove;
use recell::{
    Draft, ExecutionKey, GitEnvironment, ObjectFormat, OpenOptions, Silent, Store, Timestamp,
};

use crate::report::{disk_use, floats, print_ms, timed};

const ENTRY: usize = 256 << 10;
const ENTRIES: usize = 4096;

pub(crate) fn run(folder: &Path) {
    println!("\n1 GiB in {ENTRIES} entries of 256 KiB, every other one removed");
    let path = folder.join("store.git");
    let store = Store::create(&path, ObjectFormat::Sha1, OpenOptions::default()).unwrap();
    let mut gone = Vec::new();
    for number in 0..ENTRIES {
        let key = ExecutionKey::new("nb.ipynb", &format!("c{number:04}"), "m").unwrap();
        let bytes = floats(ENTRY, number as u64);
        let draft = Draft::new("bench").output("v", "x/y", bytes).unwrap();
        let name = store.put(&key, draft).unwrap();
        if number % 2 == 0 {
            gone.push(name);
        }
        if number % 512 == 511 {
            store.flush().unwrap();
        }
    }
    remove(&store, &gone, Timestamp::from_micros(0)).unwrap();
    let live = folder.join("live");
    std::fs::create_dir(&live).unwrap();
    for number in 0..4 {
        std::fs::write(live.join(number.to_string()), floats(ENTRIES / 8 * ENTRY, number)).unwrap();
    }
    let before = disk_use(&path);
    let mut copies: Vec<_> = (0..3)
        .map(|round| {
            drop(std::process::Command::new("sync").status());
            let target = folder.join(format!("copy{round}"));
            let (time, ()) = timed(|| copy_to_device(&live, &target));
            std::fs::remove_dir_all(&target).unwrap();
            time
        })
        .collect();
    copies.sort();
    drop(std::process::Command::new("sync").status());
    let options = GcOptions::new(Timestamp::MAX);
    let (planned, plan) = timed(|| gc::plan(&store, &options, &Silent).unwrap());
    println!("the plan gives back {:>38} MB", plan.freed_bytes() / 1_000_000);
    drop(plan);
    let environment = GitEnvironment::new(std::env::vars_os());
    let (time, (_, report)) =
        timed(|| gc::collect(&store, &options, Sealing::Never, &environment, &Silent).unwrap());
    assert!(report.postponed.is_empty(), "{report:?}");
    assert!(disk_use(&path) < before * 6 / 10);
    print_ms("cp of the live half, and sync", &mut copies);
    print_ms("plan", &mut [planned]);
    print_ms("gc, everything on the device", &mut [time]);
    let ratio = time.as_secs_f64() / copies[copies.len() / 2].as_secs_f64();
    println!("gc : cp {ratio:>52.2}");
}

/// Copies as `cp -r` does, and waits for the device, as a collection must.
fn copy_to_device(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        std::fs::copy(entry.path(), &target).unwrap();
        let mut file = std::fs::File::open(&target).unwrap();
        file.flush().unwrap();
        file.sync_data().unwrap();
    }
}
