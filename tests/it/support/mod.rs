//! What the tests share: a hermetic workspace, git, a fixed clock.

pub mod child;
pub mod fixtures;
pub mod git;
pub mod people;
pub mod servers;

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use recell::{
    Clock, Draft, Entry, EntryName, ExecutionKey, Lookup, ObjectFormat, OpenOptions, Silent, Store,
    Timestamp, VerifyOptions,
};

pub use self::git::{git, hermetic, try_git};

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

    /// Lets every user in, so that children may run as an ordinary one.
    pub fn let_everybody_in(&self) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(self.root(), std::fs::Permissions::from_mode(0o777)).unwrap();
    }

    /// Returns the files of the store that have no business there while nobody writes.
    pub fn leftovers(&self) -> Vec<String> {
        let store = self.store_path();
        let mut found = Vec::new();
        for path in files_below(&store) {
            let name = path.strip_prefix(&store).unwrap().to_str().unwrap().to_owned();
            let is_fine = match name.split('/').collect::<Vec<_>>()[..] {
                ["HEAD" | "config" | "packed-refs" | "description"]
                | [
                    "recell",
                    "flush.lock" | "gc.lock" | "contents" | "imported" | "usage" | "caps" | "packs"
                    | "clean-of-secrets" | "events.jsonl",
                ]
                | ["objects", "info", _]
                | ["info", _]
                | ["recell", "ledgers" | "remotes", _]
                | ["recell", "static", _, _] => true,
                ["objects", "pack", file] => {
                    [".pack", ".idx", ".rev", ".bitmap", ".mtimes", ".promisor"]
                        .iter()
                        .any(|end| file.starts_with("pack-") && file.ends_with(end))
                }
                ["objects", folder, _] => folder.len() == 2,
                ["refs", ..] => !name.ends_with(".lock"),
                _ => false,
            };
            if !is_fine {
                found.push(name);
            }
        }
        found
    }

    /// Checks all that a store at rest promises: git agrees, every byte is right, nothing is left
    /// over.
    pub fn assert_at_rest(&self, context: &str) {
        assert_eq!(self.leftovers(), [""; 0], "{context}");
        self.git(&["fsck", "--strict", "--full"]);
        assert_sound(&self.open(), context);
    }

    /// Returns a run of the command in this folder, with an environment of its own.
    pub fn recell<'a>(&'a self, args: &'a [&'a str]) -> Recell<'a> {
        Recell { env: self, args, input: Vec::new(), variables: Vec::new() }
    }

    /// Writes a file below this folder.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
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

/// Checks that nothing of the store is damaged or missing.
pub fn assert_sound(store: &Store, context: &str) {
    let report = recell::verify(store, VerifyOptions { full: true }, &Silent).unwrap();
    assert_eq!(report.problems, [], "{context}");
}

/// Returns all files below a folder, sorted.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // A process that works meanwhile may have removed it.
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                _ => found.push(entry.path()),
            }
        }
    }
    found.sort();
    found
}

/// Copies a folder with all below it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
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

/// A run of the command: its arguments, what it reads, and variables of its own.
pub struct Recell<'a> {
    env: &'a TestEnv,
    args: &'a [&'a str],
    input: Vec<u8>,
    variables: Vec<(&'a str, &'a str)>,
}

impl<'a> Recell<'a> {
    /// The moment at which every run happens unless it says otherwise.
    pub const NOW: &'static str = "20261121T012400.000000Z";

    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    pub fn with(mut self, name: &'a str, value: &'a str) -> Self {
        self.variables.push((name, value));
        self
    }

    /// Returns the command, ready to start.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_recell"));
        command
            .args(self.args)
            .current_dir(self.env.root())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.env.root().join("home"))
            .env("TZ", "UTC")
            .env("TMPDIR", self.env.root())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("RECELL_NOW", Self::NOW)
            .env("RECELL_SEED", "1")
            .envs(self.variables.iter().copied());
        command
    }

    /// Runs the command to its end.
    pub fn run(&self) -> Ran {
        let mut child = self
            .command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = self.input.clone();
        // Whoever does not read all of it closes the pipe.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Ran { command: self.args.join(" "), root: real(self.env.root()), output }
    }

    /// Runs the command, which must succeed, and returns what it printed on stdout.
    pub fn ok(&self) -> String {
        let ran = self.run();
        assert!(ran.output.status.success(), "{ran}");
        String::from_utf8(ran.output.stdout).unwrap()
    }
}

fn real(path: &Path) -> String {
    std::fs::canonicalize(path).unwrap().display().to_string()
}

/// What a run of the command printed; prints as a person would see it, for snapshots.
pub struct Ran {
    command: String,
    root: String,
    pub output: Output,
}

impl Ran {
    /// Returns the exit code.
    pub fn code(&self) -> i32 {
        self.output.status.code().unwrap()
    }

    fn shown(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        text.replace(&self.root, "[ROOT]").replace('\u{1b}', "[ESC]")
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ recell {}", self.command.replace(&self.root, "[ROOT]"))?;
        f.write_str(&self.shown(&self.output.stdout))?;
        if !self.output.stderr.is_empty() {
            write!(f, "--- stderr\n{}", self.shown(&self.output.stderr))?;
        }
        writeln!(f, "--- exit code {:?}", self.output.status.code())
    }
}

/// Runs the command lines one after the other and returns all that they show.
pub fn transcript(env: &TestEnv, lines: &[&[&str]]) -> String {
    lines.iter().map(|args| format!("{}\n", env.recell(args).run())).collect()
}

/// Flips a bit of the pack that holds `needle`, where that begins.
pub fn damage_pack(store: &Path, needle: &[u8]) {
    let packs = std::fs::read_dir(store.join("objects/pack")).unwrap();
    let found = packs.map(|entry| entry.unwrap().path()).find_map(|path| {
        let is_pack = path.extension().is_some_and(|extension| extension == "pack");
        let bytes = std::fs::read(&path).unwrap();
        let at = memchr::memmem::find(&bytes, needle).filter(|_| is_pack)?;
        Some((path, bytes, at))
    });
    let (path, mut bytes, at) = found.expect("a pack holds it");
    bytes[at] ^= 1;
    // Packs may not be written: the file is replaced.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, bytes).unwrap();
}
