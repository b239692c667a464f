//! Bundles of table views: first paints from memory, from disk, by a fresh process, and stats.
//!
//! The window is that of `fixtures/buckaroo/bundle`: 1,000 rows of 20 columns and an index. Where
//! `BENCH_PYTHON` names a Python with pyarrow, it slices the same rows beside.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use recell::bundle::{
    BundleKey, BundleOptions, BundleStore, Operations, RowsDraft, Schema, Scope, StatsDraft,
    WindowAnswer, WindowRequest,
};
use recell::stats::{Stats, buckaroo, columnar};
use recell::{ObjectFormat, OpenOptions, Store};

use crate::report::{each, print_each, print_ms, timed};

const BUNDLES: usize = 10_000;
const CONFIG: &str = "94e2cf6833ac929fe35d3626056c6584";
const ROWS: u64 = 40;

fn fixture(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/buckaroo/bundle");
    std::fs::read(root.join(name)).unwrap()
}

fn key(number: usize) -> BundleKey {
    BundleKey::new(&format!("data/flights-{number:05}"), CONFIG).unwrap()
}

fn schema() -> Schema {
    let manifest: serde_json::Value = serde_json::from_slice(&fixture("manifest.json")).unwrap();
    Schema::from_json(manifest["column_schema"].clone()).unwrap()
}

/// The rows of bundle `number`: one window, a display of its own.
fn rows(number: usize) -> RowsDraft {
    let manifest: serde_json::Value = serde_json::from_slice(&fixture("manifest.json")).unwrap();
    let mut draft = RowsDraft::new(fixture("first_window.parquet"), 1000, 336_776, schema());
    draft.display = serde_json::json!({
        "df_display_args": manifest["df_display_args"],
        "command_config": manifest["command_config"],
        "title": format!("flights {number}"),
    });
    draft.compute_seconds = Some(0.9);
    draft
}

fn stats() -> Stats {
    buckaroo::read_sd_parquet(fixture("sd.parquet")).unwrap()
}

fn window(bundles: &BundleStore, key: &BundleKey, start: u64) -> usize {
    let bundle = bundles.probe(key, None).unwrap().hit().expect("it was put");
    match bundle.window(&WindowRequest::rows(start, start + ROWS)).hit() {
        Some(WindowAnswer::Rows(rows)) => rows.parquet.len(),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn run(folder: &Path) {
    println!("\nbundles: {ROWS} rows of a window of 1,000 rows and 20 columns");
    let path = folder.join("store.git");
    let store = Store::create(&path, ObjectFormat::Sha1, OpenOptions::default()).unwrap();
    let bundles = BundleStore::new(store, &BundleOptions::default());
    let text = stats();
    let draft = StatsDraft::raw(text.clone());
    let mut puts = Vec::new();
    for number in 0..BUNDLES {
        let draft_rows = rows(number);
        puts.push(timed(|| bundles.put(&key(number), draft_rows, &draft).unwrap()).0);
    }
    print_each("put of a bundle with stats", puts);
    raw_puts(folder);
    let flush = timed(|| bundles.store().flush().unwrap()).0;
    print_ms("flush of 10,000 bundles", &mut [flush]);
    warm(&bundles);
    let two_phases = (0..200).map(|number| {
        let key = key(number).with_operations(Operations::none().filter(number.to_string()));
        let draft = draft.clone().with(Scope::Filtered, text.clone());
        let rows = rows(number);
        timed(|| {
            let put = bundles.put_rows(&key, rows).unwrap();
            bundles.attach_stats(&key, &put.name, &draft).unwrap()
        })
        .0
    });
    print_each("rows, then stats: two phases", two_phases.collect());
    drop(bundles);
    cold(&path);
    decode(&text);
}

fn warm(bundles: &BundleStore) {
    let key = key(4711);
    let live = schema();
    window(bundles, &key, 0);
    let probe = |_| assert!(bundles.probe(&key, Some(&live)).unwrap().hit().is_some());
    print_each("probe, warm, columns compared", each(20_000, probe));
    let mut rng = fastrand::Rng::with_seed(1);
    let starts: Vec<u64> = (0..20_000).map(|_| rng.u64(..960)).collect();
    let slices = each(20_000, |n| assert!(window(bundles, &key, starts[n]) > 0));
    print_each("probe and window, warm, rows anywhere", slices);
    let Some(python) = std::env::var_os("BENCH_PYTHON") else { return };
    let script = "import sys,time,io,pyarrow.parquet as pq\n\
                  b=open(sys.argv[1],'rb').read()\n\
                  t=[]\n\
                  for i in range(300):\n \
                  s=time.perf_counter()\n \
                  o=io.BytesIO()\n \
                  pq.write_table(pq.read_table(io.BytesIO(b)).slice(i*3,40),o,compression='none')\n \
                  t.append(time.perf_counter()-s)\n\
                  print(sorted(t)[150]*1e6)\n";
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/buckaroo/bundle");
    let file = root.join("first_window.parquet");
    let output = Command::new(python).args(["-c", script]).arg(file).output().unwrap();
    println!(
        "{:58} p50 {:>8} µs",
        "the same rows by pyarrow",
        String::from_utf8_lossy(&output.stdout).trim().split('.').next().unwrap_or_default()
    );
}

/// What a folder of files costs: three files, the last renamed into place.
fn raw_puts(folder: &Path) {
    let files = ["first_window.parquet", "sd.parquet", "manifest.json"].map(|it| (it, fixture(it)));
    let base = folder.join("files");
    let puts = each(2000, |number| {
        let own = base.join(number.to_string());
        std::fs::create_dir_all(&own).unwrap();
        for (name, bytes) in &files {
            let draft = own.join(format!("{name}.tmp"));
            std::fs::write(&draft, bytes).unwrap();
            std::fs::rename(&draft, own.join(name)).unwrap();
        }
    });
    print_each("  three files instead", puts);
}

fn cold(path: &Path) {
    let own = std::env::current_exe().unwrap();
    let child = |mode: &str, number: usize| -> (Duration, Duration) {
        let mut command = Command::new(&own);
        let number = number.to_string();
        command.args(["bundles-child", mode]).arg(path).arg(&number);
        let (whole, output) = timed(|| command.output().unwrap());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let micros = text.trim().parse().unwrap_or_else(|_| panic!("{output:?}"));
        (whole, Duration::from_micros(micros))
    };
    let mut numbers = (0..60).map(|n| (n * 163) % BUNDLES);
    let (whole, inside): (Vec<_>, Vec<_>) = numbers.by_ref().map(|n| child("paint", n)).unzip();
    print_each("cold first paint of one in 10,000: the whole process", whole);
    print_each("  of it: open, probe, window, display", inside);
    let nothing: Vec<Duration> = (0..60).map(|n| child("nothing", n).0).collect();
    print_each("  a process that does nothing", nothing);
}

/// What a fresh process does: `bundles-child paint|nothing STORE NUMBER`.
pub(crate) fn child(args: &[String]) {
    let [mode, path, number] = args else { panic!("{args:?}") };
    let paint = || {
        let store = Store::open(&PathBuf::from(path), OpenOptions::default()).unwrap();
        let bundles = BundleStore::new(store, &BundleOptions::default());
        let key = key(number.parse().unwrap());
        assert!(window(&bundles, &key, 0) > 0);
        let bundle = bundles.probe(&key, Some(&schema())).unwrap().hit().unwrap();
        assert!(bundle.display().len() > 9000);
    };
    let (took, ()) = timed(|| {
        if mode == "paint" {
            paint()
        }
    });
    println!("{}", took.as_micros());
}

fn decode(stats: &Stats) {
    let text = stats.to_text();
    let parquet = columnar::encode(stats).unwrap();
    let columns = stats.columns.len();
    println!("stats of {columns} columns: text {} bytes, parquet {}", text.len(), parquet.len());
    print_each("decode text", each(2000, |_| drop(Stats::from_text(&text).unwrap())));
    print_each("encode text, read back and compared", each(500, |_| drop(stats.to_text())));
    print_each("derive stats.parquet", each(500, |_| drop(columnar::encode(stats).unwrap())));
    let sd = fixture("sd.parquet");
    print_each(
        "decode Buckaroo's sd.parquet",
        each(500, |_| drop(buckaroo::read_sd_parquet(sd.clone()).unwrap())),
    );
}
