//! Slices as other readers read them: pyarrow, polars, and the one that runs in browsers.
//!
//! `./test` installs them and says where they are; without them these tests do nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::table::Window;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn told(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    if let Some(path) = &path {
        assert!(path.exists(), "{variable} names nothing: {}", path.display());
    }
    path
}

#[expect(clippy::disallowed_methods, reason = "no git runs here")]
fn run(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program:?}: {words}");
    String::from_utf8(output.stdout).unwrap()
}

/// Writes rows of `original` to a file in `folder` and returns its path.
fn slice(original: &Path, folder: &Path, (start, end): (u64, u64)) -> PathBuf {
    let window = Window::open(crate::disk::read(original).unwrap()).unwrap();
    let name = original.file_stem().unwrap().to_str().unwrap();
    let path = folder.join(format!("{name}-{start}-{end}.slice"));
    crate::disk::replace(&path, &window.slice(start..end).unwrap()).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

const RANGES: [(u64, u64); 5] = [(0, 40), (690, 730), (1_234, 1_234), (2_960, 3_000), (1, 3_000)];

#[test]
fn pyarrow_and_polars_read_the_rows_and_types_of_the_original() {
    let Some(python) = told("RECELL_TEST_READERS") else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = fixtures().join("readers/tables.py");
    run(&python, &[text(&script), "make", text(folder.path())]);
    let made = ["groups", "zstd", "plain", "int96", "polars"]
        .map(|name| folder.path().join(name).with_extension("parquet"));
    let mut asked: Vec<(PathBuf, (u64, u64))> =
        made.iter().flat_map(|path| RANGES.map(|range| (path.clone(), range))).collect();
    asked.push((fixtures().join("buckaroo/bundle/first_window.parquet"), (960, 1_000)));
    for name in ["kinds", "range", "sales"] {
        asked.push((fixtures().join("tables").join(name).with_extension("parquet"), (1, 2)));
    }
    // One process for all: its libraries take seconds to load.
    let mut words = vec![text(&script).to_owned(), "check".to_owned()];
    for (original, (start, end)) in asked {
        let part = slice(&original, folder.path(), (start, end));
        words.extend([&original, &part].map(|path| text(path).to_owned()));
        words.extend([start, end].map(|row| row.to_string()));
    }
    run(&python, &words.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn the_reader_in_browsers_shows_text_without_quotes() {
    let Some(hyparquet) = told("RECELL_TEST_HYPARQUET") else { return };
    assert!(hyparquet.join("node_modules/hyparquet").exists(), "RECELL_TEST_HYPARQUET has none");
    let folder = tempfile::tempdir().unwrap();
    let script = fixtures().join("readers/browser.mjs");
    let check = |original: &Path, (start, end): (u64, u64)| {
        let part = slice(original, folder.path(), (start, end));
        let (start, end) = (start.to_string(), end.to_string());
        let node = Path::new("node");
        run(node, &[text(&script), text(original), text(&part), &start, &end])
    };
    let sample = fixtures().join("buckaroo/bundle/first_window.parquet");
    let first = check(&sample, (0, 40));
    assert!(first.contains(r#":"UA""#), "{first}");
    check(&sample, (990, 1_000));
    check(&sample, (0, 1_000));
    check(&sample, (7, 7));
    if let Some(python) = told("RECELL_TEST_READERS") {
        run(&python, &[text(&fixtures().join("readers/tables.py")), "make", text(folder.path())]);
        for name in ["groups.parquet", "plain.parquet", "int96.parquet"] {
            for range in RANGES {
                check(&folder.path().join(name), range);
            }
        }
    }
}
