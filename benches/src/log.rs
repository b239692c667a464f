//! The past of one notebook with 10,000 entries in a store of 100,000, and look-ups as of a moment.
//!
//! With `BENCH_STORE=FOLDER` the store is made there once and used again by later runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use recell::{
    Draft, ExecutionKey, ObjectFormat, OpenOptions, PartKind, PartPath, Pattern, Store, Timestamp,
};

use crate::report::{each, print_each, print_ms, timed};

const COUNT: usize = 100_000;
const OF_ONE: usize = 10_000;
const ONE: &str = "reports/sales.ipynb";
const OTHERS: usize = 100;
const CELLS: usize = 25;
/// 2026-01-01, in microseconds.
const START: i64 = 1_767_225_600_000_000;
/// Between an entry and the next one: a minute.
const STEP: i64 = 60_000_000;

/// Returns the key and the time of the entry `number`.
fn key(number: usize) -> (ExecutionKey, Timestamp) {
    let (notebook, within) = if number < OF_ONE {
        (ONE.to_owned(), number)
    } else {
        (format!("notebooks/nb{:03}.ipynb", number % OTHERS), number / OTHERS)
    };
    let (cell, run) = (within % CELLS, within / CELLS);
    // The code of a cell changes at every fourth run.
    let module = format!("{:032x}", (cell * 1000 + run / 4) as u128 * 0x9e37_79b9_7f4a_7c15_f39c);
    let key = ExecutionKey::new(&notebook, &format!("cell-{cell:02}"), &module).unwrap();
    let at = START + i64::try_from(number).unwrap() * STEP;
    (key, Timestamp::from_micros(at))
}

/// An entry as `recell record` makes them: a text, its layout and the code.
fn draft(number: usize) -> Draft<'static> {
    let (key, at) = key(number);
    let text = format!("rows {number}\nsum {}\n", number * 37);
    let layout = format!(r#"{{"layout":1,"outputs":[{{"text":"0.txt","lines":{}}}]}}"#, number % 7);
    let code = format!("total = frame.query('run == {}').sum()\n", number / CELLS / 4);
    let mut draft =
        Draft::new("recell 0.1.0 record").output("0.txt", "text/plain", text.into_bytes()).unwrap();
    let layout_type = "application/vnd.recell.layout+json";
    draft = draft.output("layout.json", layout_type, layout.into_bytes()).unwrap();
    let path = PartPath::of(PartKind::Code, "cell.py").unwrap();
    draft = draft.part(path, "text/x-python", code.into_bytes().into());
    draft.created_at = Some(at);
    let provenance = &mut draft.provenance;
    provenance.host_commit = Some(format!("{:040x}", number / 1000 + 1));
    provenance.host_dirty = Some(number.is_multiple_of(3));
    let hash = |of: usize| format!("{:064x}", of as u128 * 0x9e37_79b9_7f4a_7c15_f39c_c060);
    provenance.ingredients = vec![
        ("code".into(), hash(number / CELLS / 4)),
        ("cells_before".into(), key.module().to_owned()),
        ("kernel".into(), "python3".into()),
        ("language".into(), "python".into()),
        ("language_version".into(), "3.12.4".into()),
    ];
    for (name, value) in [
        ("position", (number % CELLS).to_string()),
        ("nbformat", "4".into()),
        ("execution_count", (number % CELLS + 1).to_string()),
    ] {
        provenance.annotations.insert(name.into(), value);
    }
    draft
}

fn store_in(folder: &Path) -> PathBuf {
    let kept = std::env::var_os("BENCH_STORE").map(PathBuf::from);
    let path = kept.unwrap_or_else(|| folder.to_owned()).join("store.git");
    if path.exists() {
        return path;
    }
    let store = Store::create(&path, ObjectFormat::Sha1, OpenOptions::default()).unwrap();
    let (fill, ()) = timed(|| {
        let numbers: Vec<usize> = (0..COUNT).collect();
        for some in numbers.chunks(1000) {
            let drafts = some.iter().map(|n| (key(*n).0, draft(*n))).collect();
            store.put_many(drafts).unwrap();
        }
        store.flush().unwrap();
    });
    print_ms("fill and flush", &mut [fill]);
    path
}

pub(crate) fn run(folder: &Path) {
    println!("\n{OF_ONE} entries of one notebook among {COUNT}");
    let path = store_in(folder);
    look_ups(&path);
    let command = std::env::current_exe().unwrap().with_file_name("recell");
    if !command.exists() {
        println!("build `recell` with the same profile to time its commands");
        return;
    }
    let time = |what: &str, args: &[&str], lines: usize| {
        let out = folder.join("out.txt");
        let mut times: Vec<Duration> = (0..21)
            .map(|_| {
                let file = std::fs::File::create(&out).unwrap();
                let mut recell = Command::new(&command);
                recell.arg("--store").arg(&path).args(args).stdout(Stdio::from(file));
                timed(|| assert!(recell.status().unwrap().success())).0
            })
            .collect();
        let printed = std::fs::read_to_string(&out).unwrap().lines().count();
        assert!(printed >= lines, "{printed} lines of {args:?}");
        print_ms(what, &mut times);
    };
    time("`recell log NOTEBOOK`, 10,000 lines to a file", &["log", ONE], OF_ONE);
    time("`recell --json log NOTEBOOK`", &["--json", "log", ONE], OF_ONE);
    time("`recell log -n 20 NOTEBOOK`", &["log", "-n", "20", ONE], 20);
    time("`recell ls NOTEBOOK`", &["ls", ONE], OF_ONE);
    time("`recell get NOTEBOOK:CELL`", &["get", &format!("{ONE}:cell-03")], 1);
    time("`recell log --help`, for comparison", &["log", "--help"], 1);
}

/// Newest beside newest as of a moment, over the same keys, in one process.
fn look_ups(path: &Path) {
    let store = Store::open(path, OpenOptions::default()).unwrap();
    let mut rng = fastrand::Rng::with_seed(1);
    let keys: Vec<ExecutionKey> = (0..20_000).map(|_| key(rng.usize(..COUNT)).0).collect();
    let snapshot = store.snapshot().unwrap();
    let moment = Timestamp::from_micros(START + i64::try_from(COUNT).unwrap() / 2 * STEP);
    let past = snapshot.as_of(moment);
    let all: Vec<Timestamp> =
        snapshot.list(&Pattern::all()).iter().map(|n| n.created_at()).collect();
    let before = all.iter().filter(|at| **at <= moment).count();
    println!("{before} of {} entries are from before the moment", all.len());
    let found = keys.iter().filter(|key| past.newest(key).is_some()).count();
    assert!(found > 0 && found < keys.len());
    for round in ["", ", again"] {
        let newest = |n: usize| drop(snapshot.newest(&keys[n]));
        print_each(&format!("name of the newest{round}"), each(keys.len(), newest));
        let newest = |n: usize| drop(past.newest(&keys[n]));
        print_each(&format!("name of the newest as of a moment{round}"), each(keys.len(), newest));
    }
    // Only keys that have an entry on both sides: a miss costs less than a hit.
    let both: Vec<&ExecutionKey> = keys.iter().filter(|key| past.newest(key).is_some()).collect();
    let get = |snapshot: &recell::Snapshot, n: usize| {
        assert!(snapshot.get(both[n]).hit().is_some());
    };
    print_each("get newest of a snapshot", each(both.len(), |n| get(&snapshot, n)));
    print_each("get newest as of a moment", each(both.len(), |n| get(&past, n)));
    let open = |_| drop(store.snapshot().unwrap().as_of(moment));
    print_each("a snapshot as of a moment", each(1000, open));
}
