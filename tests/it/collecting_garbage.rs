//! Collection removes only what nothing names.

use std::io::Read;

use recell::gc::{self, GcOptions, Sealing};
use recell::retention::remove;
use recell::{
    Draft, Entry, EntryName, Error, GitEnvironment, ObjectFormat, PartPath, Pattern, Silent,
    Source, Store, Timestamp,
};

use crate::support::child::child_options;
use crate::support::{TestEnv, damage_pack, key, noise, out, put, size_of};

fn environment() -> GitEnvironment {
    GitEnvironment::new(std::env::vars_os())
}

pub fn now() -> Timestamp {
    Timestamp::from_micros(1_795_225_000_000_000)
}

/// Everything goes that may: no grace, no waste.
pub fn all() -> GcOptions {
    let late = Timestamp::from_micros(4_000_000_000_000_000);
    GcOptions { waste: 1, ..GcOptions::new(late) }
}

pub fn collect(store: &Store) -> recell::Result<gc::GcReport> {
    gc::collect(store, &all(), Sealing::Never, &environment(), &Silent).map(|(_, report)| report)
}

pub fn read(entry: &Entry) -> Vec<u8> {
    entry.read("outputs/out").ok().unwrap()
}

#[test]
fn what_was_removed_gives_its_bytes_back_and_all_else_stays() {
    let env = TestEnv::new();
    let store = env.create();
    let mut names = Vec::new();
    for number in 0..40_u64 {
        let key = key("nb", &format!("c{number}"), "m");
        names.push((put(&store, &key, &noise(30_000, number)), number));
        if number % 10 == 9 {
            store.flush().unwrap();
        }
    }
    let (gone, kept): (Vec<_>, Vec<_>) = names.into_iter().partition(|(_, n)| n % 2 == 0);
    let gone: Vec<EntryName> = gone.into_iter().map(|(name, _)| name).collect();
    remove(&store, &gone, now()).unwrap();
    let reader = env.open();
    for (name, _) in &kept {
        assert!(reader.entry(name).unwrap().hit().is_some());
    }
    let before = size_of(&env.store_path().join("objects"));

    let plan = gc::plan(&store, &all(), &Silent).unwrap();
    assert_eq!(plan.trash.len(), 20);
    assert_eq!(size_of(&env.store_path().join("objects")), before, "a plan changes nothing");
    let planned = plan.freed_bytes();

    let report = collect(&store).unwrap();
    assert_eq!((report.trash, &report.postponed[..]), (20, &[][..]));
    let after = size_of(&env.store_path().join("objects"));
    assert_eq!(i64::try_from(before - after).unwrap(), report.freed_bytes);
    assert!(before - after > 20 * 30_000, "{report:?}");
    assert!(planned.abs_diff(before - after) < 20_000, "{planned} {}", before - after);
    // The one who had it all open, and one who comes now.
    for store in [&reader, &env.open()] {
        for (name, number) in &kept {
            let entry = store.entry(name).unwrap().hit().expect("it is kept");
            assert!(read(&entry) == noise(30_000, *number), "{name}");
        }
        assert_eq!(store.list(&Pattern::all()).unwrap().len(), 20);
    }
    env.assert_at_rest("collected");
    assert_eq!(collect(&store).unwrap().freed_bytes, 0, "there is nothing more");
}

#[test]
fn what_is_young_in_the_trash_stays_if_that_is_wanted() {
    let env = TestEnv::new();
    let store = env.create();
    let (old, young) = (key("nb", "old", "m"), key("nb", "young", "m"));
    let names = [put(&store, &old, &noise(9_000, 1)), put(&store, &young, &noise(9_000, 2))];
    remove(&store, &names[..1], now()).unwrap();
    let later = Timestamp::from_micros(now().micros() + 1_000_000);
    remove(&store, &names[1..], later).unwrap();
    let options = GcOptions { trash_before: Some(later), ..all() };
    let plan = gc::plan(&store, &options, &Silent).unwrap();
    assert_eq!(plan.trash.len(), 1);
    gc::sweep(&store, &plan, &Silent).unwrap();
    let trash = env.git(&["for-each-ref", "--format=%(refname)", "refs/recell/trash"]);
    assert_eq!(trash.trim(), format!("refs/recell/trash/{later}/{}", names[1]));
    let bytes = env.git(&["cat-file", "-s", &format!("{}:outputs/out", trash.trim())]);
    assert_eq!(bytes.trim(), "9000");
    env.assert_at_rest("half collected");
}

#[test]
fn bytes_that_were_collected_can_be_put_again() {
    let env = TestEnv::new();
    let store = Store::create(&env.store_path(), ObjectFormat::Sha1, child_options()).unwrap();
    let other = Store::open(&env.store_path(), child_options()).unwrap();
    // Remembered by its digest alone, in one blob and in chunks.
    for (cell, size) in [("one", 100_000), ("chunks", 3_000_000)] {
        let bytes = noise(size, size as u64);
        let key = key("nb", cell, "m");
        let name = put(&store, &key, &bytes);
        store.flush().unwrap();
        assert_eq!(out(&other, &key).len(), size, "the other one knows it");
        remove(&store, &[name], now()).unwrap();
        assert!(collect(&store).unwrap().freed_bytes > i64::try_from(size).unwrap());
        for store in [&other, &store] {
            put(store, &key, &bytes);
            assert!(out(store, &key) == bytes, "{cell}");
            store.flush().unwrap();
            assert!(out(&env.open(), &key) == bytes, "{cell}");
        }
    }
    env.assert_at_rest("put again");
}

#[test]
fn entries_that_wait_in_journals_keep_what_they_share_with_packs() {
    let env = TestEnv::new();
    let store = env.create();
    let bytes = noise(200_000, 7);
    let first = put(&store, &key("nb", "first", "m"), &bytes);
    store.flush().unwrap();
    // The same bytes under another name, in the journal of a handle that lives on.
    let other = env.open();
    put(&other, &key("nb", "second", "m"), &bytes);
    remove(&store, &[first], now()).unwrap();
    collect(&store).unwrap();
    assert!(out(&other, &key("nb", "second", "m")) == bytes);
    other.flush().unwrap();
    assert!(out(&env.open(), &key("nb", "second", "m")) == bytes);
    env.assert_at_rest("flushed");
}

#[test]
fn two_collections_that_choose_different_copies_lose_neither() {
    let env = TestEnv::new();
    let (one, two) = (env.create(), env.open());
    let shared = noise(50_000, 1);
    let fill = |store: &Store, of: &str| -> Vec<EntryName> {
        let names = (0..4).map(|n| {
            put(store, &key(of, &format!("c{n}"), "m"), &noise(9_000, n + of.len() as u64 * 9))
        });
        names.collect()
    };
    // Neither knows what waits in the other's journal: both packs have the same bytes.
    put(&one, &key("shared", "one", "m"), &shared);
    put(&two, &key("shared", "two", "m"), &shared);
    let (first, second) = (fill(&one, "a"), fill(&two, "bb"));
    one.flush().unwrap();
    two.flush().unwrap();
    remove(&one, &second[..1], now()).unwrap();
    let early = gc::plan(&one, &all(), &Silent).unwrap();
    assert_eq!(early.garbage.iter().filter(|it| it.reason == gc::Reason::Twice).count(), 1);
    remove(&one, &first[..3], now()).unwrap();
    // The pack whose copy this one chooses stays as it is: too little of it is garbage.
    let late = gc::plan(&two, &GcOptions { waste: 30, ..all() }, &Silent).unwrap();
    gc::sweep(&two, &late, &Silent).unwrap();
    gc::sweep(&one, &early, &Silent).unwrap();
    for cell in ["one", "two"] {
        assert!(out(&env.open(), &key("shared", cell, "m")) == shared, "{cell}");
    }
    env.assert_at_rest("collected twice");
}

/// Gives `bytes`, and does something when half of them were given.
struct Interrupted<F: FnMut()> {
    bytes: Vec<u8>,
    at: usize,
    then: F,
}

impl<F: FnMut()> Read for Interrupted<F> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let half = self.bytes.len() / 2;
        if self.at == half {
            (self.then)();
        }
        let end = if self.at < half { half } else { self.bytes.len() };
        let count = buffer.len().min(end - self.at);
        buffer[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[test]
fn a_put_in_progress_keeps_what_it_found_in_packs_and_what_was_flushed_under_it() {
    for (flush, why) in [(false, "its journal speaks for it"), (true, "the next journal does")] {
        let env = TestEnv::new();
        let store = Store::create(&env.store_path(), ObjectFormat::Sha1, child_options()).unwrap();
        // More than is in memory at a time, so that it is stored while it is read.
        let bytes = noise(80 << 20, 3);
        let (old, new) = (key("nb", "old", "m"), key("nb", "new", "m"));
        let mut changed = bytes.clone();
        changed[1000..2000].fill(0);
        let name = put(&store, &old, &bytes);
        store.flush().unwrap();
        let remover = Store::open(&env.store_path(), child_options()).unwrap();
        let (mut freed, clone) = (0, store.clone());
        let reader = Interrupted {
            bytes: changed.clone(),
            at: 0,
            then: || {
                if flush {
                    clone.flush().unwrap();
                }
                remove(&remover, std::slice::from_ref(&name), now()).unwrap();
                freed += collect(&remover).unwrap().freed_bytes;
            },
        };
        // The reader works on one thread alone.
        let path = PartPath::new("outputs/out").unwrap();
        let source = Source::Reader(Box::new(SendReader(reader)));
        store.put(&new, Draft::new("test").part(path, "x/y", source)).unwrap();
        assert!(freed > 20 << 20, "what the put had not come to went: {freed}");
        assert!(out(&store, &new) == changed, "{why}");
        store.flush().unwrap();
        collect(&remover).unwrap();
        assert!(out(&env.open(), &new) == changed, "{why}");
        env.assert_at_rest(why);
    }
}

/// A reader whose closure is used by one thread at a time.
struct SendReader<R>(R);

impl<R: Read> Read for SendReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

#[test]
fn versions_that_are_deltas_of_each_other_outlast_their_bases() {
    for waste in [1, 0] {
        let env = TestEnv::new();
        let store = env.create();
        let cell = key("nb", "table", "m");
        let mut text: Vec<u8> =
            (0..300).flat_map(|n| format!("row {n}: {}\n", n * n).into_bytes()).collect();
        let mut versions = Vec::new();
        for version in 0..30 {
            text[version * 11] = b'#';
            versions.push((put(&store, &cell, &text), text.clone()));
        }
        gc::seal(&store, &environment()).unwrap();
        let gone: Vec<EntryName> = versions
            .iter()
            .enumerate()
            .filter(|(n, _)| n % 3 != 1)
            .map(|(_, v)| v.0.clone())
            .collect();
        remove(&store, &gone, now()).unwrap();
        let options = GcOptions { waste, ..all() };
        let (_, report) =
            gc::collect(&store, &options, Sealing::Never, &environment(), &Silent).unwrap();
        assert!(report.freed_bytes > 0 || waste == 0, "{report:?}");
        for (name, bytes) in versions.iter().filter(|(name, _)| !gone.contains(name)) {
            let entry = env.open().entry(name).unwrap().hit().expect("it is kept");
            assert!(read(&entry) == *bytes);
        }
        env.assert_at_rest("deltas");
        if waste == 0 {
            let listed = env.git(&["cat-file", "--batch-check", "--batch-all-objects"]);
            let reached = env.git(&["rev-list", "--objects", "--all", "--no-object-names"]);
            // Tags of trees: git lists what they reach.
            assert_eq!(listed.lines().count(), reached.lines().count(), "no byte of garbage");
        }
    }
}

#[test]
fn what_git_itself_left_goes_too_and_what_it_is_making_stays() {
    let env = TestEnv::new();
    let store = env.create();
    let name = put(&store, &key("nb", "c", "m"), &noise(5_000, 1));
    put(&store, &key("nb", "kept", "m"), &noise(5_000, 2));
    store.flush().unwrap();
    remove(&store, std::slice::from_ref(&name), now()).unwrap();
    let trash = env.git(&["for-each-ref", "--format=%(refname)", "refs/recell/trash"]);
    env.git(&["update-ref", "-d", trash.trim()]);
    // A pack of what nothing names, an index over packs, a graph of commits.
    env.git(&["gc", "--quiet", "--cruft", "--prune=never"]);
    env.git(&["multi-pack-index", "write"]);
    env.write("loose", "somebody's");
    let loose = env.root().join("loose");
    let id = env.git(&["hash-object", "-w", loose.to_str().unwrap()]);
    let (start, rest) = id.trim().split_at(2);
    let file = env.store_path().join("objects").join(start).join(rest);
    let just_now = Timestamp::from_micros(
        i64::try_from(
            file.metadata()
                .unwrap()
                .modified()
                .unwrap()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_micros(),
        )
        .unwrap()
            + 60_000_000,
    );
    let options = GcOptions { waste: 1, ..GcOptions::new(just_now) };
    gc::collect(&store, &options, Sealing::Never, &environment(), &Silent).unwrap();
    assert!(file.exists(), "git may be about to name it");
    let tree = name.as_str().rsplit_once('-').unwrap().1;
    assert!(!env.git(&["cat-file", "--batch-check", "--batch-all-objects"]).contains(tree));
    let report = collect(&store).unwrap();
    assert_eq!(report.loose_removed, 1);
    assert!(out(&env.open(), &key("nb", "kept", "m")) == noise(5_000, 2));
    env.assert_at_rest("after git");
}

#[test]
fn nothing_is_collected_while_a_name_leads_to_what_cannot_be_read() {
    let env = TestEnv::new();
    let store = env.create();
    put(&store, &key("nb", "c", "m"), b"kept");
    let gone = put(&store, &key("nb", "d", "m"), &noise(50_000, 1));
    store.flush().unwrap();
    remove(&store, &[gone], now()).unwrap();
    // The tree of the entry that stays.
    damage_pack(&env.store_path(), b"100644 entry.toml\0");
    let before = size_of(&env.store_path().join("objects"));
    let error = collect(&env.open()).unwrap_err();
    assert!(matches!(error, Error::UnclearNames { .. }), "{error}");
    assert_eq!(size_of(&env.store_path().join("objects")), before);
}
