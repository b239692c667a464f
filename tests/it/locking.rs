//! `recell.lock` as people meet it: real notebooks, branches, merges and checkouts of real git.

use std::path::Path;
use std::process::Stdio;

use recell::{Lookup, Pattern};

use crate::support::fixtures::{fixture, notebooks};
use crate::support::{TestEnv, git, transcript, try_git};

const FIRST: &str = "20261119T100000.000000Z";
const SECOND: &str = "20261120T100000.000000Z";
const THIRD: &str = "20261121T100000.000000Z";

/// A repository that is a workspace, with the filter.
struct Repository {
    env: TestEnv,
}

impl Repository {
    fn new() -> Repository {
        let repository = Repository { env: TestEnv::new() };
        repository.git(&["init", "-q", "-b", "main"]);
        repository.env.recell(&["init"]).ok();
        repository.env.recell(&["filter", "install"]).ok();
        repository
    }

    fn root(&self) -> &Path {
        self.env.root()
    }

    fn git(&self, args: &[&str]) -> String {
        git(self.root(), args)
    }

    fn recell(&self, args: &[&str]) -> String {
        self.env.recell(args).ok()
    }

    fn code(&self, args: &[&str]) -> i32 {
        self.env.recell(args).run().code()
    }

    fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.root().join(path)).unwrap()
    }

    fn lock(&self) -> String {
        String::from_utf8(self.read("recell.lock")).unwrap()
    }

    /// Returns the pinned entries as `notebook/cell` and time.
    fn pins(&self) -> Vec<(String, String)> {
        let table: toml::Table = self.lock().parse().unwrap();
        let entries = table["entries"].as_array().unwrap();
        let pin = |entry: &toml::Value| {
            let segments: Vec<&str> = entry.as_str().unwrap().split('/').collect();
            (segments[..2].join("/"), segments[4][..15].to_owned())
        };
        entries.iter().map(pin).collect()
    }

    fn pinned(&self, cell: &str) -> Vec<String> {
        let pins = self.pins().into_iter();
        let mut times: Vec<_> =
            pins.filter(|(name, _)| name == cell).map(|(_, time)| time).collect();
        times.sort();
        times
    }

    /// Writes a run of a notebook and records it.
    fn record(&self, name: &str, bytes: &[u8], now: &str) {
        self.env.write(name, bytes);
        self.env.recell(&["record", name]).with("RECELL_NOW", now).ok();
    }

    /// Commits all, the lock after the notebooks.
    fn commit(&self, message: &str) {
        self.git(&["add", "."]);
        self.git(&["add", "recell.lock"]);
        self.git(&["commit", "-qm", message]);
    }
}

/// Returns `sales.ipynb` with another result of the cell `headline`, of the same code.
fn with_result(bytes: &[u8], result: &str) -> Vec<u8> {
    let mut json: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    let cells = json["cells"].as_array_mut().unwrap();
    let cell = cells.iter_mut().find(|cell| cell["id"] == "headline").unwrap();
    cell["outputs"] = serde_json::json!([
        { "name": "stdout", "output_type": "stream", "text": [result] }
    ]);
    serde_json::to_vec_pretty(&json).unwrap()
}

#[test]
fn a_checkout_of_an_old_commit_gets_the_old_outputs_though_newer_ones_are_stored() {
    let repository = Repository::new();
    let runs = [FIRST, SECOND, THIRD].map(|now| (with_result(&fixture("sales.ipynb"), now), now));
    for (bytes, now) in &runs {
        repository.record("sales.ipynb", bytes, now);
        repository.recell(&["lock"]);
        repository.commit(now);
    }
    for back in [2, 0, 1] {
        repository.git(&["checkout", "-q", &format!("main~{back}")]);
        repository.git(&["checkout", "-q", "-f", "."]);
        // The code is the same in all three, so that git leaves the file; a clone would not.
        let (bytes, now) = &runs[2 - back];
        repository.recell(&["restore", "--locked", "--overwrite", "sales.ipynb"]);
        assert!(repository.read("sales.ipynb") == *bytes, "the run of {now}, to the byte");
        repository.recell(&["strip", "sales.ipynb"]);
        repository.recell(&["restore", "--locked", "sales.ipynb"]);
        assert!(
            repository.read("sales.ipynb") == *bytes,
            "the run of {now}, after it was stripped"
        );
        repository.git(&["add", "."]);
        assert_eq!(repository.git(&["status", "--porcelain"]), "", "the pins of {now} stay");
        for args in [
            &["restore", "--overwrite", &format!("sales.ipynb@main~{back}")][..],
            &["restore", "--overwrite", "sales.ipynb", "--as-of", &format!("main~{back}")],
        ] {
            repository.recell(&["restore", "--overwrite", "sales.ipynb"]);
            repository.recell(args);
            assert!(repository.read("sales.ipynb") == *bytes, "the run of {now}, by the commit");
        }
        // All three were recorded before any of the commits, as git's clock has it.
        let shown = repository.recell(&["show", &format!("sales.ipynb:headline@main~{back}")]);
        assert!(shown.contains(now), "what the commit pins is what is shown of it:\n{shown}");
    }
    repository.recell(&["verify", "--full"]);
}

#[test]
fn a_fresh_clone_that_has_the_store_gets_what_was_committed() {
    let repository = Repository::new();
    for (name, bytes) in notebooks() {
        repository.record(&name, &bytes, FIRST);
    }
    repository.recell(&["lock"]);
    repository.commit("all");
    let clone = TestEnv::new();
    let (from, to) = (repository.root().to_str().unwrap(), clone.root().to_str().unwrap());
    git(clone.root(), &["clone", "-q", from, to]);
    let store = repository.env.store_path().display().to_string();
    clone.recell(&["restore", "--locked", "--store", &store, "."]).ok();
    for (name, bytes) in notebooks() {
        assert!(std::fs::read(clone.root().join(&name)).unwrap() == bytes, "{name}");
    }
    clone.recell(&["lock", "--check", "--store", &store]).ok();
}

#[test]
fn two_branches_that_ran_different_cells_merge_into_a_lock_that_holds() {
    let repository = Repository::new();
    let base = with_result(&fixture("sales.ipynb"), "base");
    repository.record("sales.ipynb", &base, FIRST);
    repository.record("stream.ipynb", &fixture("stream.ipynb"), FIRST);
    repository.recell(&["lock"]);
    repository.commit("base");
    repository.git(&["checkout", "-q", "-b", "theirs"]);
    repository.record("error.ipynb", &fixture("error.ipynb"), SECOND);
    repository.record("sales.ipynb", &with_result(&base, "theirs"), SECOND);
    repository.commit("theirs");
    repository.git(&["checkout", "-q", "main"]);
    repository.record("sales.ipynb", &with_result(&base, "ours"), THIRD);
    repository.record("figures.ipynb", &fixture("figures.ipynb"), THIRD);
    repository.commit("ours");
    repository.git(&["merge", "-q", "-m", "merge", "theirs"]);
    assert_eq!(repository.git(&["status", "--porcelain"]), "", "a merge leaves nothing to do");
    assert_eq!(
        repository.pinned("sales.ipynb/headline"),
        ["20261120T100000", "20261121T100000"],
        "both sides ran it: both pins are kept"
    );
    for (notebook, time) in [
        ("error.ipynb", "20261120T100000"),
        ("figures.ipynb", "20261121T100000"),
        ("stream.ipynb", "20261119T100000"),
    ] {
        let pins = repository.pins();
        let mut of = pins.iter().filter(|(cell, _)| cell.starts_with(notebook)).peekable();
        assert!(of.peek().is_some() && of.all(|(_, at)| at == time), "{notebook}: {pins:?}");
    }
    // Both pins are of the code that stands there.
    repository.recell(&["lock", "--check"]);
    repository.recell(&["restore", "--locked", "--overwrite", "sales.ipynb"]);
    assert!(repository.read("sales.ipynb") == with_result(&base, "ours"), "the newest counts");
    repository.recell(&["lock"]);
    assert_eq!(repository.pinned("sales.ipynb/headline"), ["20261121T100000"]);
    repository.recell(&["lock", "--check"]);
}

#[test]
fn recording_and_the_filter_keep_the_lock_current_where_there_is_one() {
    let repository = Repository::new();
    let base = with_result(&fixture("sales.ipynb"), "base");
    repository.record("sales.ipynb", &base, FIRST);
    assert!(!repository.root().join("recell.lock").exists(), "nobody asked for one");
    repository.recell(&["lock"]);
    let before = repository.lock();
    repository.record("sales.ipynb", &base, SECOND);
    assert_eq!(repository.lock(), before, "nothing is new");
    // The filter: in a `git add`.
    repository.env.write("sales.ipynb", with_result(&base, "by the filter"));
    repository.git(&["add", "."]);
    let after = repository.lock();
    let changed = |a: &str, b: &str| {
        a.lines().filter(|line| !b.contains(line)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(changed(&after, &before).len(), 1, "one cell is one line:\n{after}");
    assert_eq!(changed(&before, &after).len(), 1);
    repository.recell(&["lock", "--check"]);
    // Whoever goes back to other pins is not overruled by a mere look of git.
    std::fs::write(repository.root().join("recell.lock"), &before).unwrap();
    repository.env.write("sales.ipynb", with_result(&base, "by the filter"));
    repository.git(&["status"]);
    repository.git(&["add", "."]);
    assert_eq!(repository.lock(), before);
    // A run that is recorded is pinned.
    repository.recell(&["record", "sales.ipynb"]);
    assert_eq!(repository.lock(), after);
    // Code that was edited and not run has no result.
    let edited = String::from_utf8(base.clone())
        .unwrap()
        .replace("\"execution_count\": 1,", "\"execution_count\": null,");
    let edited = edited.replace("import", "import  ");
    repository.record("sales.ipynb", edited.as_bytes(), THIRD);
    repository.recell(&["lock"]);
    repository.recell(&["lock", "--check"]);
}

#[test]
fn a_checkout_that_replaces_notebooks_and_pins_leaves_both_as_they_were_committed() {
    let repository = Repository::new();
    let (old, new) = (fixture("second-run/sales.ipynb"), fixture("sales.ipynb"));
    repository.record("sales.ipynb", &old, FIRST);
    repository.recell(&["lock"]);
    repository.commit("old");
    repository.record("sales.ipynb", &new, SECOND);
    repository.commit("new");
    let pins = repository.lock();
    for (to, from) in [("main~1", "main"), ("main", "main~1")] {
        repository.recell(&["restore", "--locked", "sales.ipynb"]);
        repository.git(&["add", "."]);
        // Its time alone is new: git has to look inside to know that it may replace it.
        repository.env.write("sales.ipynb", repository.read("sales.ipynb"));
        repository.git(&["checkout", "-q", to]);
        assert_eq!(repository.git(&["status", "--porcelain"]), "", "from {from} to {to}");
    }
    assert_eq!(repository.lock(), pins);
}

#[test]
fn records_of_different_notebooks_at_once_are_all_pinned() {
    let repository = Repository::new();
    let all: Vec<(String, Vec<u8>)> =
        notebooks().into_iter().filter(|(name, _)| !name.contains('/')).collect();
    repository.recell(&["lock"]);
    for (name, bytes) in &all {
        repository.env.write(name, bytes);
    }
    let children: Vec<_> = all
        .iter()
        .map(|(name, _)| {
            let args = ["record", name.as_str()];
            let mut command = repository.env.recell(&args).command();
            // Journals have random names, which must differ.
            command.env_remove("RECELL_SEED");
            command.stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let entries = repository.env.open().list(&Pattern::all()).unwrap();
    assert!(entries.len() > 30);
    let lock = repository.lock();
    for entry in entries {
        assert!(lock.contains(entry.as_str()), "{entry} is pinned");
    }
    repository.recell(&["lock", "--check"]);
}

#[test]
fn a_lock_that_is_broken_is_named_and_written_anew() {
    let repository = Repository::new();
    repository.record("sales.ipynb", &fixture("sales.ipynb"), FIRST);
    repository.recell(&["lock"]);
    let good = repository.lock();
    let lines = good.replacen("  \"sales", "<<<<<<< HEAD\n  \"sales", 1);
    let path = repository.root().join("recell.lock");
    for (broken, code, why) in [
        (lines.as_str(), 1, "markers of a merge"),
        ("version = 1\nentries = [\n", 1, "torn"),
        ("\u{0}\u{1}", 1, "no text"),
        ("version = 2\n", 4, "of a later release"),
    ] {
        std::fs::write(&path, broken).unwrap();
        for args in [&["lock", "--check"][..], &["restore", "--locked", "sales.ipynb"]] {
            assert_eq!(repository.code(args), code, "{why}: {args:?}");
        }
        let recorded = repository.env.recell(&["record", "sales.ipynb"]).run();
        assert_eq!(recorded.code(), 0, "{why}: what is recorded is stored");
        assert!(recorded.to_string().contains("the pins stay as they were"), "{why}: {recorded}");
        assert_eq!(std::fs::read(&path).unwrap(), broken.as_bytes(), "{why}: it is left alone");
        if code == 4 {
            assert_eq!(repository.code(&["lock"]), 4, "{why}");
        } else {
            repository.recell(&["lock"]);
            assert_eq!(repository.lock(), good, "{why}");
        }
    }
}

#[test]
fn only_one_notebook_is_locked_where_only_one_is_named() {
    let repository = Repository::new();
    for name in ["sales.ipynb", "stream.ipynb", "error.ipynb"] {
        repository.record(name, &fixture(name), FIRST);
    }
    repository.recell(&["lock", "sales.ipynb"]);
    assert!(repository.pins().iter().all(|(cell, _)| cell.starts_with("sales.ipynb/")));
    repository.recell(&["lock"]);
    std::fs::remove_file(repository.root().join("stream.ipynb")).unwrap();
    repository.env.write("error.ipynb", "{ broken");
    assert_eq!(repository.code(&["lock", "--check"]), 1, "a notebook is gone");
    repository.recell(&["lock", "sales.ipynb"]);
    let pins = repository.pins();
    let has = |name: &str| pins.iter().any(|(cell, _)| cell.starts_with(name));
    assert!(!has("stream.ipynb"), "gone is gone");
    assert!(has("error.ipynb"), "what was not named, or cannot be read, keeps its pins");
    assert_eq!(repository.code(&["lock"]), 1, "the broken one is told of");
    assert_eq!(repository.pins(), pins);
}

#[test]
fn what_the_store_lacks_is_a_miss_and_is_told_by_a_check() {
    let repository = Repository::new();
    repository.record("sales.ipynb", &fixture("sales.ipynb"), FIRST);
    repository.recell(&["lock"]);
    repository.recell(&["strip", "sales.ipynb"]);
    let stripped = repository.read("sales.ipynb");
    let store = repository.env.open();
    let entries = store.list(&Pattern::all()).unwrap();
    let headline = entries.iter().find(|entry| entry.cell() == "headline").unwrap();
    assert!(matches!(store.entry(headline).unwrap(), Lookup::Hit(_)));
    drop(store);
    repository.recell(&["rm", headline.as_str()]);
    let restored = repository.env.recell(&["restore", "--locked", "sales.ipynb"]).run();
    assert_eq!(restored.code(), 3, "{restored}");
    assert!(repository.read("sales.ipynb").len() > stripped.len(), "the others are back");
    assert_eq!(repository.code(&["lock", "--check"]), 3, "it cannot be brought back");
    let before = repository.lock();
    let locked = repository.env.recell(&["lock"]).run();
    assert!(locked.to_string().contains("1 pinned entry is not in this store"), "{locked}");
    assert_eq!(repository.lock(), before, "another store may have it");
    repository.recell(&["lock", "--drop-missing"]);
    assert_eq!(repository.pinned("sales.ipynb/headline"), [""; 0]);
    repository.recell(&["lock", "--check"]);
}

#[test]
fn whoever_has_an_empty_store_takes_nobodys_pins_away() {
    let repository = Repository::new();
    repository.record("sales.ipynb", &fixture("sales.ipynb"), FIRST);
    repository.recell(&["lock"]);
    repository.commit("all");
    let clone = TestEnv::new();
    let (from, to) = (repository.root().to_str().unwrap(), clone.root().to_str().unwrap());
    git(clone.root(), &["clone", "-q", from, to]);
    clone.recell(&["init"]).ok();
    clone.recell(&["lock"]).ok();
    assert_eq!(git(clone.root(), &["status", "--porcelain"]), "");
}

#[test]
fn the_line_for_merges_is_written_once_and_no_choice_is_overruled() {
    let repository = Repository::new();
    let before = String::from_utf8(repository.read(".gitattributes")).unwrap();
    repository.recell(&["lock"]);
    repository.recell(&["lock"]);
    let after = String::from_utf8(repository.read(".gitattributes")).unwrap();
    assert_eq!(after, format!("{before}recell.lock merge=union\n"));
    repository.recell(&["filter", "uninstall"]);
    let rest = String::from_utf8(repository.read(".gitattributes")).unwrap();
    assert_eq!(rest, "recell.lock merge=union\n");
    std::fs::write(repository.root().join(".gitattributes"), "*.lock merge=binary\n").unwrap();
    repository.recell(&["lock"]);
    assert_eq!(repository.read(".gitattributes"), b"*.lock merge=binary\n");
    let outside = TestEnv::new();
    outside.recell(&["init"]).ok();
    outside.recell(&["lock"]).ok();
    assert!(!outside.root().join(".gitattributes").exists(), "there is no git to tell");
    assert!(outside.root().join("recell.lock").exists());
}

#[test]
fn lock_says_what_it_did_and_check_what_differs() {
    let env = TestEnv::new();
    try_git(env.root(), &["init", "-q"]);
    let none = transcript(&env, &[&["lock"]]);
    env.recell(&["init"]).ok();
    env.write("sales.ipynb", fixture("sales.ipynb"));
    env.recell(&["record", "sales.ipynb"]).with("RECELL_NOW", FIRST).ok();
    let first = transcript(
        &env,
        &[
            &["lock", "--check"],
            &["restore", "--locked", "sales.ipynb"],
            &["lock"],
            &["lock"],
            &["lock", "--check"],
            &["restore", "--locked", "sales.ipynb"],
        ],
    );
    let lock = std::fs::read_to_string(env.root().join("recell.lock")).unwrap();
    let changed = with_result(&fixture("sales.ipynb"), "other");
    env.write("sales.ipynb", changed);
    env.recell(&["record", "sales.ipynb"]).with("RECELL_NOW", SECOND).ok();
    std::fs::write(env.root().join("recell.lock"), lock.replace("summary", "sumary")).unwrap();
    let second = transcript(
        &env,
        &[
            &["restore", "--locked", "sales.ipynb"],
            &["lock", "--check"],
            &["restore", "--locked", "--any", "sales.ipynb"],
        ],
    );
    insta::assert_snapshot!(none + &first + &lock + "\n" + &second);
}

#[test]
fn lock_prints_json() {
    let env = TestEnv::new();
    try_git(env.root(), &["init", "-q"]);
    env.recell(&["init"]).ok();
    env.write("a.ipynb", fixture("minimal_v40.ipynb"));
    env.recell(&["record", "a.ipynb"]).with("RECELL_NOW", FIRST).ok();
    let made = transcript(&env, &[&["lock", "--json"]]);
    let text = std::fs::read_to_string(env.root().join("recell.lock")).unwrap();
    std::fs::write(env.root().join("recell.lock"), text.replace("T100000", "T110000")).unwrap();
    insta::assert_snapshot!(made + &transcript(&env, &[&["lock", "--check", "--json"]]));
}
