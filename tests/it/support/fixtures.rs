//! The real notebooks of `fixtures/notebooks`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The folder of the notebooks.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/notebooks")
}

/// Returns every fixture that is a notebook: its name and bytes.
pub fn notebooks() -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for folder in ["", "second-run"] {
        for entry in std::fs::read_dir(fixtures().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(fixtures()).unwrap().to_str().unwrap().to_owned();
            let bytes = if let Some(name) = name.strip_suffix(".gz") {
                let mut bytes = Vec::new();
                let file = std::fs::File::open(&path).unwrap();
                flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
                found.push((name.to_owned(), bytes));
                continue;
            } else if name.ends_with(".ipynb") {
                std::fs::read(&path).unwrap()
            } else {
                continue;
            };
            found.push((name, bytes));
        }
    }
    assert!(found.len() >= 14, "{} fixtures", found.len());
    found.sort();
    found
}

/// Returns the bytes of a notebook.
pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).unwrap()
}
