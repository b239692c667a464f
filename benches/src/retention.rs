//! 100,000 entries: what a plan, a removal, its undoing and the use of disk cost.

use std::path::Path;
use std::time::Duration;

use recell::retention::{
    Caps, Keep, Protection, Rules, Stock, UsageBy, after_flush, disk_usage, plan, prune, removals,
    undo,
};
use recell::{
    Clock, Draft, ExecutionKey, Lookup, ObjectFormat, OpenOptions, Pattern, Store, Timestamp, Zone,
};

use crate::report::{each, print_each, print_ms, small_value, timed};

const CELLS: usize = 10_000;
const VERSIONS: usize = 10;

fn key(cell: usize, version: usize) -> ExecutionKey {
    ExecutionKey::new(
        &format!("notebooks/nb{:03}.ipynb", cell / 30),
        &format!("cell{:04}", cell % 30),
        &format!("{:032x}", (cell * VERSIONS + version) as u128 * 0x9e37_79b9_7f4a_7c15_f39c_c060),
    )
    .unwrap()
}

/// A version of each cell every day.
fn fill(path: &Path, now: Timestamp) {
    let day = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0));
    let clock = {
        let day = std::sync::Arc::clone(&day);
        Clock::from_fn(move || {
            let micros = day.load(std::sync::atomic::Ordering::Relaxed) * 86_400_000_000;
            Timestamp::from_micros(now.micros() - micros)
        })
    };
    let options = OpenOptions { clock, ..OpenOptions::default() };
    let store = Store::create(path, ObjectFormat::Sha1, options).unwrap();
    for version in 0..VERSIONS {
        day.store((VERSIONS - version) as i64, std::sync::atomic::Ordering::Relaxed);
        for cell in 0..CELLS {
            // A third of the results are those of another cell: parts are shared.
            let seed = if cell % 3 == 0 { version } else { cell * VERSIONS + version };
            let value = small_value(seed as u64);
            let draft = Draft::new("bench");
            let draft = draft.output("0.bin", "application/octet-stream", &value).unwrap();
            store.put(&key(cell, version), draft).unwrap();
        }
    }
    store.flush().unwrap();
}

pub(crate) fn run(folder: &Path) {
    println!("\n{CELLS} cells × {VERSIONS} versions of 1 KB");
    let path = folder.join("store.git");
    let now = Clock::system().now();
    fill(&path, now);
    let open = || Store::open(&path, OpenOptions::default()).unwrap();
    let rules = Rules::of(
        Keep { last: Some(3), daily: Some(7), monthly: Some(12), ..Keep::default() },
        Caps { bytes: Some(60 << 20), entries: None },
    );
    let nothing = Protection::default();
    let mut read = Vec::new();
    let mut planned = Vec::new();
    let mut both: Vec<Duration> = (0..7)
        .map(|_| {
            let store = open();
            let (reading, stock) = timed(|| Stock::read(&store, &Pattern::all()).unwrap());
            let (planning, _) = timed(|| plan(&stock, &rules, &nothing, now, Zone::Local));
            read.push(reading);
            planned.push(planning);
            reading + planning
        })
        .collect();
    let mut lists: Vec<Duration> = (0..7)
        .map(|_| {
            let store = open();
            timed(|| store.list(&Pattern::all()).unwrap()).0
        })
        .collect();
    print_ms("list all names, for comparison", &mut lists);
    print_ms("prune plan: names, objects and bytes read", &mut read);
    print_ms("prune plan: decided (7 daily, 12 monthly, a cap of bytes)", &mut planned);
    print_ms("prune plan, all of it", &mut both);
    for (by, what) in [
        (UsageBy::Notebook, "du by notebook"),
        (UsageBy::Cell, "du by cell"),
        (UsageBy::Kind, "du by kind"),
    ] {
        let store = open();
        let mut times: Vec<Duration> =
            (0..5).map(|_| timed(|| disk_usage(&store, &Pattern::all(), by).unwrap()).0).collect();
        print_ms(what, &mut times);
    }
    let store = open();
    let caps = Rules::of(Keep::default(), Caps { bytes: Some(1 << 40), entries: None });
    let check = |store: &Store| {
        let protection = || Ok(Protection::default());
        after_flush(store, &caps, &protection, now, Zone::Local).unwrap()
    };
    check(&store);
    let mut checks: Vec<Duration> = (0..100).map(|_| timed(|| check(&store)).0).collect();
    print_ms("looking whether a cap was passed, after a flush", &mut checks);
    let stock = Stock::read(&store, &Pattern::all()).unwrap();
    let plan = plan(&stock, &rules, &nothing, now, Zone::Local);
    println!(
        "{:58} {:8} of {}, {} MiB",
        "the plan removes",
        plan.removed().count(),
        stock.len(),
        plan.bytes_freed >> 20
    );
    let (pruning, _) = timed(|| prune(&store, &plan, &|| Ok(Protection::default()), now).unwrap());
    print_ms("prune: into the trash", &mut [pruning]);
    let (listing, past) = timed(|| removals(&store).unwrap());
    print_ms("undo --list", &mut [listing]);
    let (undoing, _) = timed(|| undo(&store, past[0].when, &Pattern::all()).unwrap());
    print_ms("undo: all of it back", &mut [undoing]);
    let mut rng = fastrand::Rng::with_seed(1);
    let wanted: Vec<ExecutionKey> =
        (0..20_000).map(|_| key(rng.usize(..CELLS), rng.usize(..VERSIONS))).collect();
    let hit = |found: Lookup<recell::Entry>| {
        let Lookup::Hit(entry) = found else { panic!("a miss") };
        let Lookup::Hit(bytes) = entry.read("outputs/0.bin") else { panic!("a miss") };
        assert_eq!(bytes.len(), 1024);
    };
    wanted.iter().for_each(|key| hit(store.get(key).unwrap()));
    for _ in 0..2 {
        let times = each(wanted.len(), |n| hit(store.peek(&wanted[n]).unwrap()));
        print_each("get newest by key, warm, use not noted", times);
        let times = each(wanted.len(), |n| hit(store.get(&wanted[n]).unwrap()));
        print_each("get newest by key, warm, use noted", times);
    }
}
