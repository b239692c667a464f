//! A full disk: a clear error, nothing lost, and all works once there is space.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use recell::{Draft, EntryName, Error, Lookup, ObjectFormat, Store};

use crate::support::child::{Job, child_options, is_root};
use crate::support::{TestEnv, assert_sound, hit, key, noise};

fn is_full(error: &Error) -> bool {
    matches!(error, Error::Disk { source, .. } if source.kind() == ErrorKind::StorageFull)
        && error.hint().is_some_and(|hint| hint.contains("space"))
}

fn try_put(store: &Store, number: usize) -> Result<(EntryName, Vec<u8>), Error> {
    // Every seventh is chunked.
    let bytes =
        noise(if number.is_multiple_of(7) { 1_200_000 } else { 300 + number % 50 }, number as u64);
    let draft = Draft::new("test").output("out", "x/y", bytes.clone()).unwrap();
    Ok((store.put(&key("nb", &format!("c{}", number % 5), "m"), draft)?, bytes))
}

fn assert_all(store: &Store, kept: &[(EntryName, Vec<u8>)], context: &str) {
    for (name, bytes) in kept {
        match store.entry(name).unwrap() {
            Lookup::Hit(entry) => {
                assert!(entry.read("outputs/out").ok().unwrap() == *bytes, "{context}: {name}");
            }
            Lookup::Miss(miss) => panic!("{context}: {miss}"),
        }
    }
}

/// Run by a process of its own, as the disk is full for all of it.
pub fn fill(path: &Path) {
    let store = Store::create(path, ObjectFormat::Sha1, child_options()).unwrap();
    let reader = Store::open(path, child_options()).unwrap();
    let mut kept = Vec::new();
    let mut failures = 0;
    let budgets = (0..1_800).step_by(37).chain((0..1_300_000).step_by(90_001));
    for (number, budget) in budgets.enumerate() {
        recell::arm_faults(None, Some(budget));
        let outcome = try_put(&store, number);
        let context = format!("put with {budget} bytes left");
        assert_all(&reader, &kept, &context);
        match outcome {
            Ok(one) => kept.push(one),
            Err(error) => {
                assert!(is_full(&error), "{context}: {error:?}");
                failures += 1;
                let names = store.list(&recell::Pattern::all()).unwrap();
                assert_eq!(names.len(), kept.len(), "{context}: an entry that failed is not there");
            }
        }
        recell::arm_faults(None, None);
        kept.push(try_put(&store, number + 1_000).unwrap());
        // The reader looked while it was half written.
        assert_all(&reader, &kept, &context);
    }
    assert!(failures > 20, "the disk was full at {failures} places");
    store.flush().unwrap();
    assert_all(&store, &kept, "flushed");

    let (mut budget, mut failures) = (0, 0);
    loop {
        if failures % 8 == 0 {
            kept.push(try_put(&store, 10_000 + failures).unwrap());
        }
        recell::arm_faults(None, Some(budget));
        let outcome = store.flush();
        recell::arm_faults(None, None);
        let context = format!("flush with {budget} bytes left");
        assert_all(&reader, &kept, &context);
        match outcome {
            Ok(_) if budget > 20_000 => break,
            Ok(_) => {}
            Err(error) => {
                assert!(is_full(&error), "{context}: {error:?}");
                failures += 1;
            }
        }
        budget += if budget < 3_000 { 41 } else { 977 };
    }
    assert!(failures > 20, "the disk was full at {failures} places");
    store.flush().unwrap();
    assert_all(&store, &kept, "flushed");
    assert_sound(&store, "once there is space");
}

#[test]
fn a_disk_that_fills_up_anywhere_loses_nothing() {
    let env = TestEnv::new();
    let job = Job::new("fill the disk", &env.store_path(), 1);
    let output = job.command().output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    env.assert_at_rest("filled");
}

/// A mounted file system that goes when the test ends.
pub struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    /// Mounts a disk of that size, as `mount` writes it; `None`, and said so, if that may not be.
    pub fn of_size(folder: &'a Path, size: &str) -> Option<Mounted<'a>> {
        if is_root() && mount(folder, &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]) {
            return Some(Mounted(folder));
        }
        println!("skipped: only root may mount a small disk");
        None
    }

    /// Gives the disk another size.
    fn grow(&self, size: &str) {
        assert!(mount(self.0, &["-o", &format!("remount,size={size}")]), "it grows");
    }
}

fn mount(folder: &Path, arguments: &[&str]) -> bool {
    let done = Command::new("mount").args(arguments).arg(folder).output();
    done.is_ok_and(|output| output.status.success())
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(self.0).output());
    }
}

#[test]
fn a_real_small_disk_that_fills_up_loses_nothing() {
    let env = TestEnv::new();
    let disk = env.root().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let Some(mounted) = Mounted::of_size(&disk, "3m") else { return };
    let path = disk.join("store.git");
    let store = Store::create(&path, ObjectFormat::Sha1, child_options()).unwrap();
    let mut kept = Vec::new();
    let mut number = 1;
    let error = loop {
        match try_put(&store, number) {
            Ok(one) => kept.push(one),
            Err(error) => break error,
        }
        number += 1;
    };
    assert!(is_full(&error), "{error:?}");
    assert_all(&Store::open(&path, child_options()).unwrap(), &kept, "full");
    // There may be just enough space for the index and the tags, or not.
    if let Err(error) = store.flush() {
        assert!(is_full(&error), "{error:?}");
    }
    assert_all(&Store::open(&path, child_options()).unwrap(), &kept, "after a flush that failed");
    mounted.grow("30m");
    kept.push(try_put(&store, 14).unwrap());
    store.flush().unwrap();
    assert_all(&Store::open(&path, child_options()).unwrap(), &kept, "grown");
    assert_sound(&store, "grown");
    assert_eq!(hit(&store, &key("nb", "c4", "m")).name(), &kept.last().unwrap().0);
}
