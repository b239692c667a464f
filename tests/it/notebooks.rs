//! Real notebooks, recorded and restored: to the byte, under the right cell, honestly reported.

use std::path::Path;

use recell::notebook::{
    Notebook, NotebookName, RecordContext, RecordReport, RestoreOptions, RestoreOutcome, Restored,
    RestoredBy, StripOptions, Unmatched, Unusable, record, restore, strip,
};
use recell::{Lookup, Pattern, Snapshot, Store, Timestamp};

use crate::support::TestEnv;
use crate::support::fixtures::{fixture, notebooks};

const ALL: StripOptions<'static> = StripOptions {
    keep_execution_count: false,
    heed_keep_output: false,
    keep_tags: &[],
    max_output: u64::MAX,
};

fn name(text: &str) -> NotebookName {
    NotebookName::of_path(Path::new(text)).unwrap()
}

/// Records at the `second`-th second of a day.
fn record_at(store: &Store, called: &str, bytes: &[u8], second: i64) -> RecordReport {
    let notebook = Notebook::parse(bytes).unwrap();
    record(store, &name(called), &notebook, &RecordContext::at(at(second))).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(1_795_224_240_000_000 + second * 1_000_000)
}

/// Opens a store whose clock stands at that second.
fn store_at(env: &TestEnv, second: i64) -> Store {
    let options = recell::OpenOptions {
        clock: recell::Clock::fixed(at(second)),
        ..crate::support::options()
    };
    Store::open(&env.store_path(), options).unwrap()
}

fn restored(store: &Store, called: &str, bytes: &[u8], options: &RestoreOptions) -> Restored {
    restored_from(&store.snapshot().unwrap(), called, bytes, options)
}

fn restored_from(
    snapshot: &Snapshot,
    called: &str,
    bytes: &[u8],
    options: &RestoreOptions,
) -> Restored {
    restore(snapshot, &name(called), &Notebook::parse(bytes).unwrap(), options)
}

fn stripped(bytes: &[u8]) -> Vec<u8> {
    strip(&Notebook::parse(bytes).unwrap(), ALL).into_owned()
}

/// `restore(strip(nb)) == nb`.
fn assert_all_come_back(store: &Store, notebooks: &[(String, Vec<u8>)], why: &str) {
    for (called, bytes) in notebooks {
        let back = restored(store, called, &stripped(bytes), &RestoreOptions::default());
        assert!(back.bytes == *bytes, "{called}, {why}: {:?}", back.cells);
    }
}

#[test]
fn every_notebook_comes_back_to_the_byte_in_every_state_of_the_store() {
    let env = TestEnv::new();
    let notebooks = notebooks();
    let store = env.create();
    for (called, bytes) in &notebooks {
        let report = record_at(&store, called, bytes, 0);
        assert!(!report.new.is_empty() && report.unchanged == 0, "{called}: {report:?}");
    }
    assert_all_come_back(&store, &notebooks, "in the journal");
    let reader = env.open();
    assert_all_come_back(&reader, &notebooks, "in the journal of another process");
    store.flush().unwrap();
    assert_all_come_back(&store, &notebooks, "flushed");
    drop((store, reader));
    env.git(&["gc", "--quiet", "--prune=now"]);
    let store = env.open();
    assert_all_come_back(&store, &notebooks, "after git's own gc");
    for (called, bytes) in &notebooks {
        let report = record_at(&store, called, bytes, 60);
        assert_eq!((report.new.len(), report.stored_bytes), (0, 0), "{called} again");
        let again = record_at(&store, called, &stripped(bytes), 120);
        assert_eq!(again.new.len() + again.unchanged, 0, "{called}: nothing was executed");
    }
    env.git(&["fsck", "--strict"]);
}

#[test]
fn only_cells_that_differ_make_entries() {
    let env = TestEnv::new();
    let store = env.create();
    let first = record_at(&store, "sales.ipynb", &fixture("sales.ipynb"), 0);
    let second = record_at(&store, "sales.ipynb", &fixture("second-run/sales.ipynb"), 60);
    assert_eq!((first.unchanged, second.unchanged), (0, 2), "{second:?}");
    assert_eq!(first.new.len(), second.new.len() + second.unchanged);
    let cells: Vec<_> = second.new.iter().map(|name| name.cell().into_owned()).collect();
    assert!(
        !cells.contains(&"load".to_owned()) && cells.contains(&"clean".to_owned()),
        "{cells:?}"
    );
    assert!(second.stored_bytes > 0 && second.output_bytes > 0);
}

#[test]
fn another_execution_count_is_another_run_that_costs_little() {
    let env = TestEnv::new();
    drop(env.create());
    let bytes = fixture("figures.ipynb");
    let first = record_at(&store_at(&env, 0), "f.ipynb", &bytes, 0);
    let store = store_at(&env, 60);
    let text = String::from_utf8(bytes).unwrap();
    let again = text.replacen("\"execution_count\": 1,", "\"execution_count\": 41,", 1);
    assert_ne!(text, again);
    let report = record_at(&store, "f.ipynb", again.as_bytes(), 60);
    assert_eq!(report.new.len(), 1, "{report:?}");
    assert!(report.stored_bytes < first.stored_bytes / 10, "{report:?}");
    let back = restored(&store, "f.ipynb", &stripped(again.as_bytes()), &RestoreOptions::default());
    assert!(back.bytes == again.as_bytes());
    let before = store.snapshot().unwrap().as_of(at(59));
    let options = RestoreOptions::default();
    let back = restored_from(&before, "f.ipynb", &stripped(text.as_bytes()), &options);
    assert!(back.bytes == text.as_bytes(), "the count of the run before");
}

#[test]
fn the_first_run_comes_back_as_of_its_time() {
    let env = TestEnv::new();
    drop(env.create());
    let (first, second) = (fixture("sales.ipynb"), fixture("second-run/sales.ipynb"));
    record_at(&store_at(&env, 0), "sales.ipynb", &first, 0);
    record_at(&store_at(&env, 60), "sales.ipynb", &second, 60);
    let now = env.open().snapshot().unwrap();
    let options = RestoreOptions::default();
    for (bytes, as_of, why) in [
        (&first, None, "its code says which run"),
        (&second, None, "and that of the second"),
        (&first, Some(at(59)), "as of the time between"),
        (&second, Some(at(60)), "the bound is inclusive"),
    ] {
        let then = as_of.map_or(now.clone(), |moment| now.as_of(moment));
        let back = restored_from(&then, "sales.ipynb", &stripped(bytes), &options);
        assert!(back.bytes == *bytes, "{why}: {:?}", back.cells);
    }
    let back = restored_from(&now.as_of(at(-1)), "sales.ipynb", &stripped(&first), &options);
    assert!(back.bytes == stripped(&first), "before the first run there is nothing");
    let reasons = back.cells.iter().map(|cell| &cell.outcome);
    for reason in reasons {
        assert_eq!(*reason, RestoreOutcome::Unmatched(Unmatched::NeverRecorded));
    }
}

/// A notebook with cells written as `id=code>output`, or `code>output` without an id.
fn notebook(cells: &str) -> Vec<u8> {
    let cells = cells.split_whitespace().map(|cell| {
        let (code, output) = cell.split_once('>').unwrap_or((cell, ""));
        let (id, code) = code.split_once('=').map_or((None, code), |(id, code)| (Some(id), code));
        let id = id.map_or_else(String::new, |id| format!("\"id\": \"{id}\", "));
        let outputs = if output.is_empty() {
            "[]".to_owned()
        } else {
            format!(
                "[{{\"output_type\": \"stream\", \"name\": \"stdout\", \"text\": \"{output}\"}}]"
            )
        };
        let count = if output.is_empty() { "null" } else { "1" };
        format!(
            "{{\"cell_type\": \"code\", {id}\"execution_count\": {count}, \"metadata\": {{}}, \
             \"outputs\": {outputs}, \"source\": \"{code}\"}}"
        )
    });
    let cells = cells.collect::<Vec<_>>().join(", ");
    format!(
        "{{\"cells\": [{cells}], \"metadata\": {{}}, \"nbformat\": 4, \"nbformat_minor\": 5}}\n"
    )
    .into_bytes()
}

#[test]
fn the_history_of_a_cell_goes_on_under_its_known_name() {
    for (before, after, kept, why) in [
        ("x=a>1 y=b>2", "x=A>1 y=b>2", 2, "ids hold through edits"),
        ("x=a>1 y=b>2", "q=a>1 r=b>2", 2, "all ids made anew: by code"),
        ("x=a>1 y=b>2 z=c>3", "q=a>1 r=B>2 s=c>3", 3, "one of them edited: by order"),
        ("a>1 b>2 c>3", "a>1 B>2 c>3", 3, "no ids, one edited"),
        ("a>1 b>2 c>3", "a>1 c>3", 2, "one gone"),
        ("a>1 c>3", "a>1 b>2 c>3", 2, "one new"),
        ("x=a>1 y=b>2 z=c>3", "x=a>1 new=n>2 z=c>3", 2, "a new cell in the place of a removed one"),
        ("x=a>1", "y=b>2", 0, "another notebook of the same name"),
        ("x=a>1 y=b>2", "a>1 b>2", 2, "ids were lost"),
    ] {
        let env = TestEnv::new();
        let store = env.create();
        let (before, after) = (notebook(before), notebook(after));
        let first = record_at(&store, "n.ipynb", &before, 0);
        record_at(&store, "n.ipynb", &after, 60);
        let known: Vec<_> = first.new.iter().map(|name| name.cell().into_owned()).collect();
        let back = restored(&store, "n.ipynb", &stripped(&after), &RestoreOptions::default());
        let found = back.cells.iter().filter(|cell| known.contains(&cell.name)).count();
        assert_eq!(found, kept, "{why}: {:?} {known:?}", back.cells);
        assert!(back.bytes == after, "{why}");
        let again = record_at(&store, "n.ipynb", &after, 120);
        assert!(again.new.is_empty(), "{why}: recorded again under the same names");
        let names = store.list(&Pattern::notebook("n.ipynb")).unwrap();
        assert!(names.len() <= first.new.len() + back.cells.len(), "{why}");
    }
}

#[test]
fn outputs_go_only_where_they_belong() {
    let env = TestEnv::new();
    let store = env.create();
    record_at(&store, "n.ipynb", &notebook("x=a>1 y=b>2"), 0);
    let loose = RestoreOptions { any_code: true, ..RestoreOptions::default() };
    let strict = RestoreOptions::default();
    let outcomes = |cells: &str, options: &RestoreOptions| {
        let back = restored(&store, "n.ipynb", &notebook(cells), options);
        let shown = back.cells.into_iter().map(|cell| match cell.outcome {
            RestoreOutcome::Restored { by: RestoredBy::Module, .. } => "module",
            RestoreOutcome::Restored { by: RestoredBy::Code, .. } => "code",
            RestoreOutcome::Restored { by: RestoredBy::Cell, .. } => "cell",
            RestoreOutcome::Kept => "kept",
            RestoreOutcome::Unmatched(Unmatched::NeverRecorded) => "never",
            RestoreOutcome::Unmatched(Unmatched::OtherCode { .. }) => "other",
            _ => "?",
        });
        shown.collect::<Vec<_>>().join(" ")
    };
    for (cells, options, expected, why) in [
        ("x=a y=b", &strict, "module module", "nothing changed"),
        ("x=A y=b", &strict, "other code", "the cell before was edited"),
        ("x=A y=b", &loose, "cell code", "the newest of the cell will do"),
        ("x=a z=n y=b", &strict, "module never code", "a new cell"),
        ("x=a>9 y=b", &strict, "kept module", "what is shown stays"),
    ] {
        assert_eq!(outcomes(cells, options), expected, "{why}");
    }
    let shown = notebook("x=a>9 y=b>2");
    let overwrite = RestoreOptions { overwrite: true, ..RestoreOptions::default() };
    assert!(restored(&store, "n.ipynb", &shown, &strict).bytes == shown);
    let back = restored(&store, "n.ipynb", &shown, &overwrite);
    assert!(back.bytes == notebook("x=a>1 y=b>2"), "unless they are to be replaced");
}

#[test]
fn entries_are_restored_by_name() {
    let env = TestEnv::new();
    let store = env.create();
    let first = record_at(&store, "n.ipynb", &notebook("x=a>1 y=b>2"), 0);
    record_at(&store, "n.ipynb", &notebook("x=a>3 y=b>4"), 60);
    let other = record_at(&store, "o.ipynb", &notebook("gone=a>1"), 60);
    let entries = vec![first.new[0].clone(), other.new[0].clone()];
    let options = RestoreOptions { entries, ..RestoreOptions::default() };
    let back = restored(&store, "n.ipynb", &notebook("x=a y=b"), &options);
    assert!(back.bytes == notebook("x=a>1 y=b"), "the others stay as they are");
    assert_eq!(back.without_cell, other.new, "and what has no cell here is told");
}

#[test]
fn counts_that_were_kept_stay() {
    let env = TestEnv::new();
    let store = env.create();
    let bytes = fixture("sales.ipynb");
    record_at(&store, "s.ipynb", &bytes, 0);
    let options = StripOptions { keep_execution_count: true, ..ALL };
    let bare = strip(&Notebook::parse(&bytes).unwrap(), options).into_owned();
    assert!(restored(&store, "s.ipynb", &bare, &RestoreOptions::default()).bytes == bytes);
}

#[test]
fn damage_leaves_the_cell_empty_and_is_named() {
    let env = TestEnv::new();
    let store = env.create();
    let bytes = fixture("figures.ipynb");
    let report = record_at(&store, "f.ipynb", &bytes, 0);
    drop(store);
    // The largest part of an entry goes.
    let store = env.open();
    let entries = report.new.iter().map(|name| store.entry(name).unwrap().hit().unwrap());
    let entry = entries.max_by_key(|entry| entry.manifest().size()).unwrap();
    let part = entry.manifest().parts.iter().max_by_key(|part| part.size).unwrap().clone();
    let tag = format!("refs/tags/{}:{}", entry.name(), part.path);
    let damaged = entry.name().clone();
    let id = env.git(&["rev-parse", &tag]).trim().to_owned();
    drop((entry, store));
    unpack_without(&env, &id);
    let store = env.open();
    let back = restored(&store, "f.ipynb", &stripped(&bytes), &RestoreOptions::default());
    let mut unusable = 0;
    for cell in &back.cells {
        match &cell.outcome {
            RestoreOutcome::Restored { entry, .. } => assert_ne!(*entry, damaged),
            RestoreOutcome::Unusable { entry, reason: Unusable::Miss(miss) } => {
                assert_eq!(*entry, damaged);
                assert!(miss.to_string().contains(&id), "{miss}");
                unusable += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(unusable, 1, "only that cell is affected");
    Notebook::parse(&back.bytes).expect("what comes back is a notebook");
}

/// Rewrites the store with loose objects, one of them missing.
fn unpack_without(env: &TestEnv, id: &str) {
    let pack_folder = env.store_path().join("objects/pack");
    let aside = env.root().join("aside");
    std::fs::rename(&pack_folder, &aside).unwrap();
    std::fs::create_dir(&pack_folder).unwrap();
    for file in std::fs::read_dir(&aside).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "pack") {
            let command = format!("git unpack-objects -q < '{}'", path.display());
            let done = std::process::Command::new("sh")
                .args(["-c", &command])
                .current_dir(env.store_path())
                .env("GIT_DIR", ".")
                .status();
            assert!(done.unwrap().success());
        }
    }
    let (folder, file) = id.split_at(2);
    std::fs::remove_file(env.store_path().join("objects").join(folder).join(file)).unwrap();
}

#[test]
fn outputs_above_the_bound_are_left_in_the_notebook() {
    let env = TestEnv::new();
    let store = env.create();
    let bytes = fixture("figures.ipynb");
    let notebook = Notebook::parse(&bytes).unwrap();
    let context = RecordContext { max_output: 20_000, ..RecordContext::at(at(0)) };
    let report = record(&store, &name("f.ipynb"), &notebook, &context).unwrap();
    assert!(!report.too_large.is_empty() && !report.new.is_empty(), "{report:?}");
    let bare = strip(&notebook, StripOptions { max_output: 20_000, ..ALL }).into_owned();
    let back = restored(&store, "f.ipynb", &bare, &RestoreOptions::default());
    assert!(back.bytes == bytes, "what was left and what was recorded make the whole");
}

#[test]
fn an_entry_says_where_it_comes_from() {
    let env = TestEnv::new();
    let store = env.create();
    let bytes = fixture("stream.ipynb");
    let notebook = Notebook::parse(&bytes).unwrap();
    let context = RecordContext {
        host_commit: Some("0123456789abcdef0123456789abcdef01234567".into()),
        host_dirty: Some(true),
        ..RecordContext::at(at(0))
    };
    let report = record(&store, &name("a/stream.ipynb"), &notebook, &context).unwrap();
    let Lookup::Hit(entry) = store.entry(&report.new[0]).unwrap() else { panic!("a miss") };
    let manifest = entry.manifest();
    let provenance = &manifest.provenance;
    assert_eq!(manifest.key.notebook(), "a/stream.ipynb");
    assert_eq!(provenance.host_commit, context.host_commit);
    assert_eq!(provenance.host_dirty, Some(true));
    assert!(provenance.compute_seconds.is_some(), "the notebook has times");
    assert_eq!(provenance.ingredients[0].0, "code");
    assert!(manifest.part("code/cell.py").is_some(), "{:?}", manifest.parts);
    let annotations: Vec<_> =
        provenance.annotations.iter().map(|(name, value)| format!("{name}={value}")).collect();
    insta::assert_snapshot!(annotations.join(" "), @"execution_count=1 nbformat=4 position=1");
}

#[test]
fn a_name_with_signs_of_globs_is_only_a_name() {
    let env = TestEnv::new();
    let store = env.create();
    let bytes = notebook("x=a>1");
    record_at(&store, "a[1]*:?.ipynb", &bytes, 0);
    record_at(&store, "a1:x.ipynb", &notebook("x=a>2"), 60);
    let back = restored(&store, "a[1]*:?.ipynb", &stripped(&bytes), &RestoreOptions::default());
    assert!(back.bytes == bytes);
}

#[test]
fn the_order_of_runs_holds_though_the_clock_steps_back() {
    let env = TestEnv::new();
    drop(env.create());
    let (first, second) = (notebook("x=a>1"), notebook("x=b>2"));
    record_at(&store_at(&env, 60), "n.ipynb", &first, 60);
    record_at(&store_at(&env, 0), "n.ipynb", &second, 0);
    let again = record_at(&store_at(&env, 1), "n.ipynb", &second, 1);
    assert!(again.new.is_empty(), "the second run is the newest");
}
