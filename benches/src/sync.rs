//! Push and pull by the command, beside plain git with one tag an entry and with one branch, all
//! to repositories on the same disk.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use recell::{Draft, ExecutionKey, OpenOptions, Pattern, Store};

use crate::report::{disk_use, floats, print_ms, small_value, timed};

const NOTEBOOKS: usize = 100;

pub(crate) fn run(folder: &Path) {
    entries(&folder.join("10k"), 10_000);
    entries(&folder.join("100k"), 100_000);
    table(&folder.join("table"));
}

/// Runs a command that must succeed and returns what it printed.
fn ran(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn git(folder: &Path, args: &[&str]) -> String {
    ran(Command::new("git").args(["-c", "gc.auto=0"]).args(args).current_dir(folder))
}

/// A workspace beside a host repository whose `origin` is `remote`.
struct Member {
    folder: PathBuf,
}

impl Member {
    fn new(folder: PathBuf, remote: &Path) -> Member {
        std::fs::create_dir_all(&folder).unwrap();
        git(&folder, &["init", "-q"]);
        git(&folder, &["remote", "add", "origin", remote.to_str().unwrap()]);
        let member = Member { folder };
        member.recell(&["init"]);
        member
    }

    fn recell(&self, args: &[&str]) -> String {
        let own = std::env::current_exe().unwrap().with_file_name("recell");
        let own = if own.exists() { own } else { "recell".into() };
        ran(Command::new(own).args(args).current_dir(&self.folder))
    }

    fn store(&self) -> PathBuf {
        self.folder.join(".recell/store.git")
    }

    /// Puts results of 1 KB over all notebooks.
    fn put(&self, count: usize, seed: usize) {
        self.put_over(NOTEBOOKS, count, seed);
    }

    /// Puts results of 1 KB over some notebooks.
    fn put_over(&self, notebooks: usize, count: usize, seed: usize) {
        let store = Store::open(&self.store(), OpenOptions::default()).unwrap();
        for start in (0..count).step_by(1000) {
            let drafts = (start..count.min(start + 1000)).map(|number| {
                let seed = seed + number;
                let notebook = format!("reports/nb{:04}.ipynb", seed % notebooks);
                let cell = format!("cell{:02}", seed / NOTEBOOKS % 20);
                let key = ExecutionKey::new(&notebook, &cell, &format!("{seed:016x}")).unwrap();
                let value = small_value(seed as u64);
                (key, Draft::new("bench").output("0.txt", "text/plain", value).unwrap())
            });
            store.put_many(drafts.collect()).unwrap();
        }
        store.flush().unwrap();
    }

    fn entries(&self) -> usize {
        let store = Store::open(&self.store(), OpenOptions::default()).unwrap();
        store.list(&Pattern::all()).unwrap().len()
    }
}

fn bare(path: &Path) {
    ran(Command::new("git").args(["init", "-q", "--bare"]).arg(path));
    git(path, &["config", "uploadpack.allowFilter", "true"]);
    git(path, &["config", "receive.autogc", "false"]);
}

fn settled<T>(run: impl FnOnce() -> T) -> Duration {
    drop(Command::new("sync").status());
    timed(run).0
}

fn entries(folder: &Path, count: usize) {
    println!("\n{count} entries of 1 KB in {NOTEBOOKS} notebooks, a remote on the same disk");
    let shared = folder.join("shared.git");
    bare(&shared);
    let a = Member::new(folder.join("a"), &shared);
    a.put(count, 0);
    let first = settled(|| a.recell(&["push"]));
    print_ms("recell: first push of all", &mut [first]);
    let b = Member::new(folder.join("b"), &shared);
    let clone = settled(|| b.recell(&["pull"]));
    print_ms("recell: first pull of all (outputs)", &mut [clone]);
    assert_eq!(b.entries(), count);
    let all = Member::new(folder.join("all"), &shared);
    let clone = settled(|| all.recell(&["-c", "sync.fetch=all", "pull"]));
    print_ms("recell: first pull of all (all parts)", &mut [clone]);
    let (mut one, mut hundred, mut pulled) = (Vec::new(), Vec::new(), Vec::new());
    let (mut of_one, mut pulled_of_one) = (Vec::new(), Vec::new());
    let mut seed = count;
    for _ in 0..5 {
        a.put(1, seed);
        one.push(settled(|| a.recell(&["push"])));
        a.put(100, seed + 1);
        hundred.push(settled(|| a.recell(&["push"])));
        seed += 101;
        b.recell(&["pull"]);
        a.put(100, seed);
        a.recell(&["push"]);
        seed += 100;
        pulled.push(settled(|| b.recell(&["pull"])));
        a.put_over(1, 100, seed);
        seed += 100;
        of_one.push(settled(|| a.recell(&["push"])));
        pulled_of_one.push(settled(|| b.recell(&["pull"])));
    }
    print_ms("recell: push +1", &mut one);
    print_ms("recell: push +100 of one notebook", &mut of_one);
    print_ms("recell: pull +100 of one notebook", &mut pulled_of_one);
    print_ms("recell: push +100 over all notebooks", &mut hundred);
    print_ms("recell: pull +100 over all notebooks", &mut pulled);
    let mut nothing: Vec<Duration> = (0..5).map(|_| settled(|| a.recell(&["push"]))).collect();
    print_ms("recell: push of nothing", &mut nothing);
    let mut nothing: Vec<Duration> = (0..5).map(|_| settled(|| b.recell(&["pull"]))).collect();
    print_ms("recell: pull of nothing", &mut nothing);
    let mut diverged = Vec::new();
    for _ in 0..3 {
        a.put_over(1, 100, seed);
        b.put_over(1, 100, seed + 100);
        seed += 200;
        a.recell(&["push"]);
        diverged.push(settled(|| b.recell(&["sync"])));
        a.recell(&["pull"]);
    }
    print_ms("recell: sync after both sides diverged by 100", &mut diverged);
    assert_eq!(a.entries(), b.entries(), "both hold the union");
    let (mut pushed, _) = tags(&a, folder, &mut seed);
    print_ms("one tag an entry: push +1", &mut pushed);
    branch(folder, count);
}

/// Plain git over the same objects: every entry's tag goes to a remote of its own.
fn tags(a: &Member, folder: &Path, seed: &mut usize) -> (Vec<Duration>, usize) {
    let remote = folder.join("tags.git");
    bare(&remote);
    let url = remote.to_str().unwrap().to_owned();
    let push = || git(&a.store(), &["push", "-q", &url, "refs/tags/*:refs/tags/*"]);
    let first = settled(push);
    print_ms("one tag an entry: first push of all", &mut [first]);
    let mut times = Vec::new();
    for _ in 0..3 {
        a.put(1, *seed);
        *seed += 1;
        times.push(settled(push));
    }
    (times, *seed)
}

/// Plain git with all results as files of one branch.
fn branch(folder: &Path, count: usize) {
    let (own, remote) = (folder.join("branch"), folder.join("branch.git"));
    bare(&own);
    bare(&remote);
    let url = remote.to_str().unwrap().to_owned();
    commit(&own, 0, count);
    let push = || git(&own, &["push", "-q", &url, "main"]);
    print_ms("one branch: first push of all", &mut [settled(push)]);
    let clone = folder.join("branch-clone");
    let other = clone.to_str().unwrap().to_owned();
    let cloned =
        settled(|| git(folder, &["clone", "-q", "--bare", &format!("file://{url}"), &other]));
    print_ms("one branch: clone", &mut [cloned]);
    let (mut pushed, mut pulled) = (Vec::new(), Vec::new());
    for round in 0..3 {
        commit(&own, count + round * 100, 100);
        pushed.push(settled(push));
        pulled.push(settled(|| git(&clone, &["fetch", "-q", "origin", "main:main"])));
    }
    print_ms("one branch: push +100", &mut pushed);
    print_ms("one branch: pull +100", &mut pulled);
}

fn commit(repository: &Path, start: usize, count: usize) {
    let mut stream = Vec::new();
    let from = if start > 0 { "from refs/heads/main^0\n" } else { "" };
    write!(stream, "commit refs/heads/main\ncommitter a <a> {start} +0000\ndata 1\nx\n{from}")
        .unwrap();
    for seed in start..start + count {
        let value = small_value(seed as u64);
        let path = format!("nb{:04}/{seed:08}.txt", seed % NOTEBOOKS);
        writeln!(stream, "M 100644 inline {path}\ndata {}", value.len()).unwrap();
        stream.extend_from_slice(&value);
        stream.push(b'\n');
    }
    let mut child = Command::new("git")
        .args(["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet"])
        .current_dir(repository)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&stream).unwrap();
    assert!(child.wait().unwrap().success());
}

/// A large table of which one row in a hundred changes, all in one place.
fn table(folder: &Path) {
    const BYTES: usize = 256 << 20;
    println!("\na table of 256 MiB, of which 1 % of the rows change");
    let shared = folder.join("shared.git");
    bare(&shared);
    let a = Member::new(folder.join("a"), &shared);
    let b = Member::new(folder.join("b"), &shared);
    let mut bytes = floats(BYTES, 1);
    let put = |bytes: &[u8], module: &str| {
        let store = Store::open(&a.store(), OpenOptions::default()).unwrap();
        let key = ExecutionKey::new("nb.ipynb", "table", module).unwrap();
        let draft = Draft::new("bench").output("t.bin", "application/octet-stream", bytes);
        store.put(&key, draft.unwrap()).unwrap();
    };
    put(&bytes, "1");
    print_ms("recell: push of the table", &mut [settled(|| a.recell(&["push"]))]);
    print_ms("recell: pull of the table", &mut [settled(|| b.recell(&["pull"]))]);
    let changed = BYTES / 100 / 8 * 8;
    bytes[BYTES / 2..BYTES / 2 + changed].copy_from_slice(&floats(changed, 2));
    put(&bytes, "2");
    print_ms("recell: push of the change", &mut [settled(|| a.recell(&["push"]))]);
    let before = disk_use(&b.store());
    print_ms("recell: pull of the change", &mut [settled(|| b.recell(&["pull"]))]);
    let came = disk_use(&b.store()) - before;
    let share = came as f64 / BYTES as f64 * 100.0;
    println!("{:58} {share:8.2} % of the table ({came} bytes)", "what came");
}
