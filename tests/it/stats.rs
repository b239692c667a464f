//! Stats of tables, through all their forms, from what other tools really wrote.

use std::path::Path;

use recell::stats::{StatValue, buckaroo, columnar, statcache, text};

fn fixture(path: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/buckaroo");
    std::fs::read(folder.join(path)).unwrap()
}

fn parts() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/buckaroo/statcache");
    let files = crate::support::files_below(&folder);
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn a_bundle_of_buckaroo_goes_through_every_form_and_back() {
    let stats = buckaroo::read_sd_parquet(fixture("bundle/sd.parquet")).unwrap();
    let canonical = text::encode(&stats);
    let table = columnar::encode(&text::decode(canonical.as_bytes()).unwrap()).unwrap();
    let back = columnar::decode(table).unwrap();
    assert_eq!(back, stats);
    assert_eq!(text::encode(&back), canonical);
    let again = buckaroo::read_sd_parquet(buckaroo::write_sd_parquet(&back).unwrap()).unwrap();
    assert_eq!(again, stats);
}

#[test]
fn versions_of_stats_differ_in_the_lines_that_changed() {
    let before = buckaroo::read_sd_parquet(fixture("bundle/sd.parquet")).unwrap();
    let mut after = before.clone();
    // A column goes, so that the short names of all others move, and one mean is another.
    after.columns.remove(0);
    for (at, column) in after.columns.iter_mut().enumerate() {
        column.short = recell::stats::model::short_name(at);
    }
    after.columns[0].stats.insert("mean", StatValue::float(6.5599));
    let lines = |stats| text::encode(stats).lines().map(str::to_owned).collect::<Vec<_>>();
    let (old, new) = (lines(&before), lines(&after));
    let added: Vec<_> = new.iter().filter(|line| !old.contains(line)).collect();
    assert_eq!(added.len(), 19 + 1, "the columns, and the mean: {added:#?}");
    assert!(added.contains(&&"month\tmean\t6.5599".to_owned()));
}

#[test]
fn two_parts_of_a_stat_cache_differ_only_in_what_its_engine_estimates() {
    let parts: Vec<_> =
        parts().into_iter().map(|part| statcache::read_part(part).unwrap().stats()).collect();
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[0].0.get("length"), Some(&StatValue::Int(336_776)));
    assert_eq!(parts[0].0, parts[1].0);
    let (one, other) = (text::encode(&parts[0].1), text::encode(&parts[1].1));
    let differ = one.lines().zip(other.lines()).filter(|(one, other)| one != other);
    let named: Vec<String> =
        differ.map(|(line, _)| line.split('\t').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        named,
        [
            "carrier histogram",
            "dep_delay median",
            "dest histogram",
            "origin histogram",
            "tailnum histogram",
            "time_hour histogram"
        ]
    );
}

#[test]
#[expect(clippy::disallowed_methods, reason = "no git runs here")]
fn pyarrow_and_polars_read_what_is_written() {
    // `./test` installs them and says where they are.
    let Some(python) = std::env::var_os("RECELL_TEST_READERS") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/readers/stats.py");
    let original =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/buckaroo/bundle/sd.parquet");
    let folder = tempfile::tempdir().unwrap();
    let stats = buckaroo::read_sd_parquet(fixture("bundle/sd.parquet")).unwrap();
    let written = folder.path().join("stats.parquet");
    std::fs::write(&written, columnar::encode(&stats).unwrap()).unwrap();
    let foreign = folder.path().join("sd.parquet");
    std::fs::write(&foreign, buckaroo::write_sd_parquet(&stats).unwrap()).unwrap();
    let run = |arguments: &[&std::ffi::OsStr]| {
        let mut command = std::process::Command::new(&python);
        let output = command.arg(&script).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run(&["columns".as_ref(), written.as_ref()]);
    run(&["sd".as_ref(), foreign.as_ref(), original.as_ref()]);
}
