//! Collections: finding along a chain of runs, and what a run costs a `record`.

use std::path::Path;

use recell::collection::{
    ChainEdit, CollectionName, Context, Finder, Query, Run, chain, find_first,
};
use recell::notebook::{Notebook, NotebookName, RecordContext, record};
use recell::{Draft, EntryName, ExecutionKey, Lookup, ObjectFormat, OpenOptions, Store, Timestamp};

use crate::notebooks::notebook;
use crate::report::{disk_use, each, print_each, print_ms, timed};

const RUNS: usize = 2_000;
/// How many cells each run has.
const CELLS: usize = 30;
const RECORDS: usize = 100;

fn at(number: usize) -> Timestamp {
    Timestamp::from_micros(1_795_224_240_000_000 + number as i64 * 1_000_000)
}

fn key(cell: &str, module: usize) -> ExecutionKey {
    ExecutionKey::new("reports/sales.ipynb", cell, &format!("{module:016x}")).unwrap()
}

pub(crate) fn run(folder: &Path) {
    println!("\na chain of {RUNS} runs of {CELLS} cells");
    let path = folder.join("store.git");
    let store = Store::create(&path, ObjectFormat::Sha1, OpenOptions::default()).unwrap();
    let mut members: Vec<CollectionName> = Vec::new();
    let (mut puts, mut closes) = (Vec::new(), Vec::new());
    for number in 0..RUNS {
        let drafts = (0..CELLS).map(|cell| {
            let draft = Draft::new("bench").output(
                "0.txt",
                "text/plain",
                format!("{number} {cell}").into_bytes(),
            );
            let cell =
                if number == 1_234 && cell == 7 { "wanted".into() } else { format!("c{cell}") };
            (key(&cell, number), draft.unwrap())
        });
        let (time, entries) = timed(|| store.put_many(drafts.collect()).unwrap());
        puts.push(time);
        let (time, name) = timed(|| close(&store, &entries, number));
        closes.push(time);
        members.push(name);
    }
    print_each("put of 30 entries, with one write", puts);
    print_each("a run of them, opened and closed", closes);
    let name: CollectionName = "all".parse().unwrap();
    chain(&store, &name, ChainEdit::Set, &members, None, at(0)).unwrap();
    drop(store);
    println!("{:58} {:8} bytes a run", "on disk, entries included", disk_use(&path) / RUNS as u64);
    let open = || Store::open(&path, OpenOptions::default()).unwrap();
    let wanted = Query::from(&key("wanted", 1_234));
    let first = |context: &Context, query: &Query| match find_first(context, query, &name).unwrap()
    {
        Lookup::Hit(found) => Some(found),
        Lookup::Miss(_) => None,
    };
    let (mut cold, mut fresh) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let store = open();
        let context = Context::open(&store).unwrap();
        cold.push(timed(|| assert!(first(&context, &wanted).is_some())).0);
        fresh.push(
            timed(|| {
                let context = Context::open(&store).unwrap();
                assert!(first(&context, &wanted).is_some());
            })
            .0,
        );
    }
    print_ms("first find, nothing read before", &mut cold);
    print_ms("a new context, all states known", &mut fresh);
    let store = open();
    let context = Context::open(&store).unwrap();
    for (what, cell, module, is_there) in [
        ("warm: one member of 2,000 has the cell", "wanted", 1_234, true),
        ("warm: all have the cell, the last the module", "c3", RUNS - 1, true),
        ("warm: all have the cell, none the module", "c3", RUNS + 1, false),
        ("warm: none has the cell", "nowhere", 0, false),
    ] {
        let query = Query::from(&key(cell, module));
        assert_eq!(first(&context, &query).is_some(), is_there);
        let reads = store.object_reads();
        print_each(what, each(2_000, |_| drop(first(&context, &query))));
        assert_eq!(store.object_reads(), reads, "nothing is read");
    }
    let finder = Finder::new(&store).unwrap();
    print_each(
        "warm, by a finder",
        each(2_000, |_| drop(finder.find_first(&wanted, &name).unwrap())),
    );
    recorded(folder);
}

fn close(store: &Store, entries: &[EntryName], number: usize) -> CollectionName {
    let mut run = Run::start(store, "bench", at(number));
    run.add(entries).unwrap();
    run.close(at(number)).unwrap();
    run.name().clone()
}

/// Records notebooks as the command does, each a run of its own, flushed.
fn recorded(folder: &Path) {
    let sources: Vec<Vec<u8>> = (0..RECORDS as u64).map(notebook).collect();
    let path = folder.join("recorded.git");
    let (mut records, mut closes) = (Vec::new(), Vec::new());
    drop(Store::create(&path, ObjectFormat::Sha1, OpenOptions::default()).unwrap());
    for (number, bytes) in sources.iter().enumerate() {
        let store = Store::open(&path, OpenOptions::default()).unwrap();
        let name = NotebookName::of_path(format!("n{number}.ipynb").as_ref()).unwrap();
        let (recording, report) = timed(|| {
            let notebook = Notebook::parse(bytes).unwrap();
            record(&store, &name, &notebook, &RecordContext::at(at(number))).unwrap()
        });
        let (closing, _) = timed(|| close(&store, &report.new, number));
        let (flushing, _) = timed(|| store.flush().unwrap());
        records.push(recording + flushing);
        closes.push(closing);
    }
    let sum =
        |times: &[std::time::Duration]| times.iter().sum::<std::time::Duration>().as_secs_f64();
    let share = sum(&closes) / sum(&records) * 100.0;
    print_each("record of a notebook of 30 cells with its flush", records);
    print_each("its run", closes);
    println!("{:58} {share:8.2} % of the record", "");
}
