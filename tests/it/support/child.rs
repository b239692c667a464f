//! Processes of their own: the test binary runs itself, to be killed or to share a store.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use recell::{EntryName, ExecutionKey, Lookup, ObjectFormat, OpenOptions, Store};

use super::{key, noise, options, put};

/// What a child is asked to do; everything goes through one environment variable.
#[derive(Debug, Clone)]
pub struct Job {
    pub role: &'static str,
    pub store: PathBuf,
    /// Where acknowledged entries are written down, a line each.
    pub acks: PathBuf,
    pub seed: u64,
    /// How many entries are put; 0 is without end.
    pub count: u64,
    /// After how many entries a flush; 0 is never.
    pub flush_every: u64,
    pub crash_at: String,
    /// How long it rests after each entry, in milliseconds.
    pub rest: u64,
}

impl Job {
    pub fn new(role: &'static str, store: &Path, seed: u64) -> Job {
        let acks = store.with_file_name(format!("acks-{seed}"));
        let store = store.to_owned();
        Job { role, store, acks, seed, count: 0, flush_every: 0, crash_at: String::new(), rest: 0 }
    }

    /// Returns the command that does the job.
    pub fn command(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        self.prepare(&mut command);
        command
    }

    /// Returns the command that does the job as a user without privileges, where that can be told
    /// from the present one.
    pub fn command_of_ordinary_user(&self) -> Command {
        if !is_root() || !has("setpriv") {
            return self.command();
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
        command.arg(std::env::current_exe().unwrap());
        self.prepare(&mut command);
        command
    }

    fn prepare(&self, command: &mut Command) {
        command
            .args(["--exact", "support::child::work", "--ignored", "--nocapture"])
            .env("RECELL_TEST_JOB", self.to_line())
            .env("RUST_BACKTRACE", "0")
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
    }

    pub fn start(&self) -> Running {
        Running(self.command().stderr(Stdio::inherit()).spawn().unwrap())
    }

    fn to_line(&self) -> String {
        let Job { role, store, acks, seed, count, flush_every, crash_at, rest } = self;
        let (store, acks) = (store.display(), acks.display());
        format!("{role}\t{store}\t{acks}\t{seed}\t{count}\t{flush_every}\t{crash_at}\t{rest}")
    }
}

/// Starts a process that puts `count` entries into a store and then lives on without a flush;
/// returns it, and what it put.
pub fn lingering(store: &Path, count: u64) -> (Running, Vec<Ack>) {
    let job = Job { count, ..Job::new("linger", store, 1) };
    let child = job.start();
    let started = Instant::now();
    loop {
        let written = acks(&job.acks);
        if written.len() as u64 >= count {
            return (child, written);
        }
        assert!(started.elapsed() < Duration::from_secs(20), "the child writes");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A child that is killed when the test ends, however it ends.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        status.lines().any(|line| line.starts_with("Uid:") && line.contains("\t0\t"))
    })
}

pub fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output();
    found.is_ok_and(|output| output.status.success())
}

/// An entry that a child was told is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    pub name: EntryName,
    pub seed: u64,
}

/// Returns what was acknowledged. A last line that is not whole was never finished.
pub fn acks(path: &Path) -> Vec<Ack> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    whole
        .map(|line| {
            let (name, seed) = line.split_once('\t').unwrap();
            Ack { name: name.parse().unwrap(), seed: seed.parse().unwrap() }
        })
        .collect()
}

/// Checks that all that was acknowledged is there, with the right bytes.
pub fn assert_kept(store: &Store, acks: &[Ack], context: &str) {
    let mut lost = String::new();
    for Ack { name, seed } in acks {
        match store.entry(name).unwrap() {
            Lookup::Hit(entry) => match entry.read("outputs/out") {
                Lookup::Hit(bytes) if bytes == content(*seed) => {}
                Lookup::Hit(_) => writeln!(lost, "{name}: other bytes").unwrap(),
                Lookup::Miss(miss) => writeln!(lost, "{name}: {miss}").unwrap(),
            },
            Lookup::Miss(miss) => writeln!(lost, "{name}: {miss}").unwrap(),
        }
    }
    assert!(lost.is_empty(), "{context}: of {} entries\n{lost}", acks.len());
}

/// Returns the bytes of entry `seed`: most small, some of several blocks, some of many chunks.
pub fn content(seed: u64) -> Vec<u8> {
    let size = match seed % 16 {
        0 => 0,
        1..=8 => 10 + 97 * (seed % 31),
        9..=12 => 5_000 + 1_013 * (seed % 17),
        13 | 14 => 70_000 + 10_007 * (seed % 7),
        _ => 1_500_000 + 100_003 * (seed % 5),
    };
    noise(usize::try_from(size).unwrap(), seed)
}

pub fn key_of(seed: u64) -> ExecutionKey {
    key(&format!("n{}.ipynb", seed % 3), &format!("c{}", seed % 7), "m")
}

/// Options under which the larger contents are cut into chunks.
pub fn child_options() -> OpenOptions {
    OpenOptions { chunk_threshold: 1 << 20, ..options() }
}

#[test]
#[ignore = "run by other tests as a process of its own"]
fn work() {
    let Ok(line) = std::env::var("RECELL_TEST_JOB") else { return };
    let fields: Vec<&str> = line.split('\t').collect();
    let [role, store, acks, seed, count, flush_every, crash_at, rest] = fields[..] else {
        panic!("{line}")
    };
    let number = |text: &str| text.parse::<u64>().unwrap();
    let (seed, count, flush_every) = (number(seed), number(count), number(flush_every));
    let rest = Duration::from_millis(number(rest));
    let (path, acks) = (Path::new(store), Path::new(acks));
    let open = || Store::open(path, child_options()).unwrap();
    match role {
        "write" => write(&open(), acks, (seed, count, flush_every), crash_at, rest),
        "linger" => {
            let store = open();
            write(&store, acks, (seed, count, 0), "", rest);
            std::thread::sleep(Duration::from_secs(60));
        }
        "create and write" => {
            let store = Store::create(path, ObjectFormat::Sha1, child_options()).unwrap();
            write(&store, acks, (seed, count, flush_every), crash_at, rest);
        }
        "create and seal" => {
            let store = Store::create(path, ObjectFormat::Sha1, child_options()).unwrap();
            write(&store, acks, (seed, count, 0), crash_at, rest);
            let environment = recell::GitEnvironment::new(std::env::vars_os());
            recell::gc::seal(&store, &environment).unwrap();
        }
        "recover" => {
            let store = open();
            let all = self::acks(acks);
            assert_kept(&store, &all, "before the flush");
            store.flush().unwrap();
            assert_kept(&store, &all, "after the flush");
            assert_kept(&open(), &all, "opened after the flush");
        }
        "create, write and collect" => {
            crate::interrupting_gc::write_and_collect(path, acks, (seed, count), crash_at);
        }
        "churn" => crate::interrupting_gc::churn(path, acks, seed, count),
        "collect on a full disk" => crate::interrupting_gc::collect_on_full_disk(path),
        "repair" => crate::repairing::repair_and_die(path, crash_at),
        "collect" => collect(&open(), acks, (seed, count, flush_every), crash_at),
        "log and linger" => crate::events::log_and_linger(path, acks, count),
        "fill the disk" => crate::full_disk::fill(path),
        "read only" => crate::formats::use_read_only(path),
        _ => panic!("no role {role}"),
    }
}

/// Makes a run of each entry.
fn collect(
    store: &Store,
    acks: &Path,
    (seed, count, flush_every): (u64, u64, u64),
    crash_at: &str,
) {
    let mut out = std::fs::File::options().append(true).create(true).open(acks).unwrap();
    if !crash_at.is_empty() {
        recell::arm_faults(Some(crash_at.to_owned()), None);
    }
    for number in 1..=count {
        let seed = seed * 1_000_000 + number;
        let name = put(store, &key_of(seed), &seed.to_le_bytes());
        let mut run = recell::collection::Run::start(store, "test", name.created_at());
        assert!(run.add(std::slice::from_ref(&name)).unwrap().is_empty());
        assert!(run.close(name.created_at()).unwrap());
        out.write_all(format!("{name}\t{seed}\n").as_bytes()).unwrap();
        if flush_every > 0 && number % flush_every == 0 {
            store.flush().unwrap();
        }
    }
}

fn write(
    store: &Store,
    acks: &Path,
    (seed, count, flush_every): (u64, u64, u64),
    crash_at: &str,
    rest: Duration,
) {
    let mut out = std::fs::File::options().append(true).create(true).open(acks).unwrap();
    if !crash_at.is_empty() {
        recell::arm_faults(Some(crash_at.to_owned()), None);
    }
    for number in 1.. {
        let seed = seed * 1_000_000 + number;
        let name = put(store, &key_of(seed), &content(seed));
        out.write_all(format!("{name}\t{seed}\n").as_bytes()).unwrap();
        std::thread::sleep(rest);
        if flush_every > 0 && number % flush_every == 0 {
            store.flush().unwrap();
        }
        if number == count {
            break;
        }
    }
}
