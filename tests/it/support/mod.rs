//! What the tests share: a hermetic workspace, git, a fixed clock.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use recell::{
    Clock, Draft, Entry, EntryName, ExecutionKey, Lookup, ObjectFormat, OpenOptions, Store,
    Timestamp,
};

/// A folder that goes when the test ends, and a store in it.
pub struct TestEnv {
    folder: tempfile::TempDir,
}

impl TestEnv {
    pub fn new() -> TestEnv {
        TestEnv { folder: tempfile::tempdir().unwrap() }
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn store_path(&self) -> PathBuf {
        self.root().join(".recell/store.git")
    }

    pub fn create(&self) -> Store {
        Store::create(&self.store_path(), ObjectFormat::Sha1, options()).unwrap()
    }

    pub fn open(&self) -> Store {
        Store::open(&self.store_path(), options()).unwrap()
    }

    /// Runs git in the store and returns what it printed.
    pub fn git(&self, args: &[&str]) -> String {
        git(&self.store_path(), args)
    }
}

/// Options with a clock that moves a second at a time, and small bounds of waiting.
pub fn options() -> OpenOptions {
    static NOW: AtomicI64 = AtomicI64::new(1_795_224_240_000_000);
    static NAMES: AtomicU64 = AtomicU64::new(1);
    let process = u64::from(std::process::id()) << 32;
    OpenOptions {
        clock: Clock::from_fn(|| {
            Timestamp::from_micros(NOW.fetch_add(1_000_000, Ordering::Relaxed))
        }),
        random: Arc::new(move || process + NAMES.fetch_add(1, Ordering::Relaxed)),
        lock_patience: Duration::from_secs(10),
        ..OpenOptions::default()
    }
}

pub fn key(notebook: &str, cell: &str, module: &str) -> ExecutionKey {
    ExecutionKey::new(notebook, cell, module).unwrap()
}

/// Puts one output called `out`.
pub fn put(store: &Store, key: &ExecutionKey, bytes: &[u8]) -> EntryName {
    let draft = Draft::new("test").output("out", "application/octet-stream", bytes).unwrap();
    store.put(key, draft).unwrap()
}

/// Returns the newest entry, which must be there and whole.
pub fn hit(store: &Store, key: &ExecutionKey) -> Entry {
    match store.get(key).unwrap() {
        Lookup::Hit(entry) => entry,
        Lookup::Miss(miss) => panic!("{key}: {miss}"),
    }
}

/// Returns the output called `out` of the newest entry.
pub fn out(store: &Store, key: &ExecutionKey) -> Vec<u8> {
    hit(store, key).read("outputs/out").ok().unwrap()
}

/// Runs git with an environment of its own and returns what it printed; it must succeed.
pub fn git(folder: &Path, args: &[&str]) -> String {
    let output = try_git(folder, args);
    assert!(
        output.status.success(),
        "git {args:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

pub fn try_git(folder: &Path, args: &[&str]) -> Output {
    Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "A U Thor")
        .env("GIT_AUTHOR_EMAIL", "author@example.com")
        .env("GIT_COMMITTER_NAME", "A U Thor")
        .env("GIT_COMMITTER_EMAIL", "author@example.com")
        .output()
        .unwrap()
}

/// Bytes that do not shrink, the same for the same seed.
pub fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut bytes: Vec<u8> = (0..size.div_ceil(8)).flat_map(|_| next().to_le_bytes()).collect();
    bytes.truncate(size);
    bytes
}

/// The bytes of all files below a folder.
pub fn size_of(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.metadata().unwrap() {
            metadata if metadata.is_dir() => size_of(&entry.path()),
            metadata => metadata.len(),
        })
        .sum()
}
