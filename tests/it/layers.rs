//! The house: each module uses the layers below it, and third-party names stay home
//! (docs/architecture.md).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The modules by layer, lowest first. One that is not here yet has no place: give it one.
const LAYERS: [&[&str]; 8] = [
    &["error", "clock", "digest", "disk", "size", "progress", "table", "lookup", "escapes"],
    &["name", "entry", "config", "stats"],
    &["git", "journal", "events"],
    &["content", "index"],
    &["store"],
    &[
        "history",
        "collection",
        "retention",
        "sync",
        "bundle",
        "notebook",
        "lockfile",
        "verify",
        "workspace",
    ],
    &["gc"],
    &["cli"],
];

/// Uses of the same layer that are plain: the one is under the other.
const SIDEWAYS: &[(&str, &str)] = &[
    ("error", "lookup"),
    ("clock", "error"),
    ("digest", "error"),
    ("disk", "error"),
    ("size", "error"),
    ("table", "digest"),
    ("entry", "name"),
    ("config", "name"),
    ("journal", "git"),
];

/// Third-party crates, and the modules that may name them; none is everywhere.
const HOMES: &[(&str, &[&str])] = &[
    ("gix", &["git"]),
    ("sha1", &["git"]),
    ("sha2", &["git"]),
    ("flate2", &["git", "cli"]),
    ("simd_adler32", &["git"]),
    ("fastcdc", &["content"]),
    ("blake3", &["digest"]),
    ("object_store", &["sync"]),
    ("tokio", &["sync"]),
    ("ureq", &["sync"]),
    ("rustls", &["sync"]),
    ("http", &["sync"]),
    ("http_body", &["sync"]),
    ("tempfile", &["disk", "cli"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("anstyle", &["cli"]),
    ("rustix", &["cli"]),
    ("indicatif", &["cli"]),
    ("unicode_width", &["cli"]),
    ("base64", &["notebook", "stats", "cli"]),
    (
        "serde",
        &[
            "bundle",
            "collection",
            "entry",
            "config",
            "cli",
            "size",
            "clock",
            "digest",
            "history",
            "events",
        ],
    ),
    ("parquet", &["table"]),
    ("regex", &["history", "sync"]),
    ("bytes", &["table"]),
    ("similar", &["history"]),
    ("csv", &["history"]),
    ("html5gum", &["history"]),
    ("png", &["history"]),
    ("gif", &["history"]),
    ("zune_jpeg", &["history"]),
    ("toml_edit", &["config"]),
    ("toml", &["collection", "entry", "config", "error", "store", "lockfile", "workspace", "cli"]),
];

fn sources() -> Vec<PathBuf> {
    let files = crate::support::files_below(&root().join("src"));
    files.into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs")).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the module at the top of the crate that a file belongs to.
fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// Returns the code of a file: no comments, no unit tests.
fn code(path: &Path) -> String {
    if path.components().any(|part| ["tests", "tests.rs"].iter().any(|it| part.as_os_str() == *it))
    {
        return String::new();
    }
    let text = std::fs::read_to_string(path).unwrap();
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..end].lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn layer(module: &str) -> usize {
    let place = LAYERS.iter().position(|layer| layer.contains(&module));
    place.unwrap_or_else(|| panic!("`{module}` has no layer: add it to the list in layers.rs"))
}

/// Returns the words that follow `prefix`, of `crate::{a, b}` too.
fn uses(code: &str, prefix: &str) -> BTreeSet<String> {
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut start = true;
            for (at, symbol) in list.char_indices() {
                match symbol {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => start = true,
                    symbol if start && symbol.is_alphabetic() => {
                        found.insert(word(&list[at..]));
                        start = false;
                    }
                    _ => {}
                }
            }
        } else {
            found.insert(word(rest));
        }
    }
    found.remove("");
    found
}

#[test]
fn modules_use_the_layers_below_them() {
    let mut broken = Vec::new();
    for path in sources() {
        let module = module_of(&path);
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let own = layer(&module);
        for used in uses(&code(&path), "crate::") {
            // Names that `lib.rs` gives out are types and functions, not modules.
            let is_module = root().join("src").join(format!("{used}.rs")).exists()
                || root().join("src").join(&used).is_dir();
            let is_plain = SIDEWAYS.contains(&(module.as_str(), used.as_str()));
            if is_module && used != module && !is_plain && layer(&used) >= own {
                broken.push(format!("{}: {module} uses {used}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn names_of_other_crates_stay_home() {
    let mut broken = Vec::new();
    for path in sources() {
        let module = module_of(&path);
        let code = code(&path);
        for (name, homes) in HOMES {
            let is_named = code.match_indices(&format!("{name}::")).any(|(at, _)| {
                let before = code[..at].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
            });
            if is_named && !homes.contains(&module.as_str()) {
                broken.push(format!("{}: {name}", path.display()));
            }
        }
        let touches_files =
            ["std::fs::read", "std::fs::write", "use std::fs::{self", "use std::fs;"];
        if module != "disk" && touches_files.iter().any(|call| code.contains(call)) {
            broken.push(format!("{}: std::fs", path.display()));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_test_file_is_run() {
    for folder in ["tests/it", "tests/it/support", "tests/it/cli"] {
        let folder = root().join(folder);
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let main = ["main.rs", "mod.rs"].map(|name| folder.join(name));
        let declared = main.iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap();
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let is_module = path.join("mod.rs").exists()
                || path.extension().is_some_and(|extension| extension == "rs");
            if is_module && !["main", "mod"].contains(&name.as_str()) {
                assert!(declared.contains(&format!("mod {name};")), "{}", path.display());
            }
        }
    }
}
