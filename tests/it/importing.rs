//! `import-history`: the past of the host repository as entries, held against real git.

use std::process::Command;

use recell::notebook::{Notebook, StripOptions, strip};
use recell::{Pattern, Timestamp};
use serde_json::Value;

use crate::cli::workspace;
use crate::support::{TestEnv, git};

/// A repository of notebooks in a workspace, whose commits are made at given seconds.
struct Host {
    env: TestEnv,
}

impl Host {
    fn new() -> Host {
        let env = workspace();
        let host = Host { env };
        host.git(&["init", "-q", "-b", "main"]);
        host
    }

    fn git(&self, args: &[&str]) -> String {
        git(self.env.root(), args)
    }

    /// Runs git at that second after 2026-01-01.
    fn at(&self, second: i64, args: &[&str]) {
        let date = format!("@{} +0000", START + second);
        let status = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@b.c"])
            .args(args)
            .current_dir(self.env.root())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("HOME", self.env.root())
            .env("GIT_COMMITTER_DATE", &date)
            .env("GIT_AUTHOR_DATE", &date)
            .output()
            .unwrap();
        assert!(status.status.success(), "{args:?}: {}", String::from_utf8_lossy(&status.stderr));
    }

    fn commit(&self, second: i64) -> String {
        self.git(&["add", "-A"]);
        self.at(second, &["commit", "-q", "-m", "x"]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Commits one version of a notebook and returns the commit.
    fn version(&self, second: i64, path: &str, outputs: &[&str]) -> String {
        self.env.write(path, notebook(outputs));
        self.commit(second)
    }

    fn import(&self, args: &[&str]) -> Value {
        let args = [&["--json", "import-history"], args].concat();
        serde_json::from_str(&self.env.recell(&args).ok()).unwrap()
    }

    /// All entries as `notebook cell second output`, in the order of time.
    fn entries(&self) -> Vec<String> {
        let store = self.env.open();
        let mut names = store.list(&Pattern::all()).unwrap();
        names.sort_by(|a, b| (a.created_at(), a).cmp(&(b.created_at(), b)));
        let shown = |name: &recell::EntryName| {
            let entry = store.entry(name).unwrap().hit().unwrap();
            let text = entry.read("outputs/0.txt").hit().unwrap_or_default();
            let text = String::from_utf8(text).unwrap();
            format!("{} {} {} {text}", name.notebook(), name.cell(), second(name.created_at()))
        };
        names.iter().map(shown).collect()
    }

    /// Restores a notebook's stripped bytes as of a second.
    fn as_of(&self, second: i64, path: &str, outputs: &[&str]) -> Vec<u8> {
        let full = notebook(outputs);
        let parsed = Notebook::parse(full.as_bytes()).unwrap();
        let bare = strip(&parsed, StripOptions::default()).into_owned();
        self.env.write(path, &bare);
        let moment = Timestamp::from_micros((START + second) * 1_000_000 + 999_999);
        let moment = moment.to_rfc3339();
        self.env.recell(&["restore", "--as-of", &moment, path]).ok();
        std::fs::read(self.env.root().join(path)).unwrap()
    }
}

/// 2026-01-01.
const START: i64 = 1_767_225_600;

fn second(at: Timestamp) -> String {
    let micros = at.micros() - START * 1_000_000;
    match micros % 1_000_000 {
        0 => format!("{}", micros / 1_000_000),
        more => format!("{}+{more}", micros / 1_000_000),
    }
}

/// A notebook whose cells printed `outputs`; an empty one was not run.
fn notebook(outputs: &[&str]) -> String {
    let cells = outputs.iter().enumerate().map(|(n, output)| {
        let (count, output) = match *output {
            "" => ("null".into(), String::new()),
            text => (
                format!("{}", n + 1),
                format!(r#"{{"name": "stdout", "output_type": "stream", "text": ["{text}"]}}"#),
            ),
        };
        format!(
            r#"{{"cell_type": "code", "id": "c{n}", "execution_count": {count}, "metadata": {{}},
  "outputs": [{output}], "source": ["print({n})"]}}"#
        )
    });
    let cells: Vec<String> = cells.collect();
    format!(
        "{{\n \"cells\": [{}],\n \"metadata\": {{}},\n \"nbformat\": 4,\n \"nbformat_minor\": 5\n}}\n",
        cells.join(",\n  ")
    )
}

fn new_entries(report: &Value) -> u64 {
    let notebooks = report["notebooks"].as_array().unwrap();
    notebooks.iter().map(|notebook| notebook["entries"].as_u64().unwrap()).sum()
}

#[test]
fn every_version_is_an_entry_at_the_time_and_with_the_id_of_its_commit() {
    let host = Host::new();
    let first = host.version(10, "a.ipynb", &["one", "same"]);
    let second = host.version(20, "a.ipynb", &["two", "same"]);
    host.version(30, "a.ipynb", &["one", "same"]);
    let report = host.import(&[]);
    assert_eq!(new_entries(&report), 4, "{report:#}");
    assert_eq!(
        host.entries(),
        ["a.ipynb c0 10 one", "a.ipynb c1 10 same", "a.ipynb c0 20 two", "a.ipynb c0 30 one"],
        "what did not change makes no entry, what came back is a run again"
    );
    let log: Value =
        serde_json::from_str(&host.env.recell(&["--json", "log", "a.ipynb:c0"]).ok()).unwrap();
    let commits: Vec<&str> =
        log.as_array().unwrap().iter().map(|e| e["host_commit"].as_str().unwrap()).collect();
    assert_eq!(commits[1..], [second.as_str(), first.as_str()]);
    assert_eq!(log[2]["created_at"], "2026-01-01T00:00:10.000000Z");
    assert_eq!(log[2]["host_dirty"], false);
    for (at, outputs) in [(10, ["one", "same"]), (25, ["two", "same"]), (99, ["one", "same"])] {
        let restored = host.as_of(at, "a.ipynb", &outputs);
        assert_eq!(String::from_utf8(restored).unwrap(), notebook(&outputs), "as of {at}");
    }
    host.env.assert_at_rest("imported");
}

#[test]
fn a_second_import_adds_nothing_whatever_it_remembers() {
    let host = Host::new();
    for (at, text) in [(10, "one"), (10, "two"), (5, "three"), (30, "one")] {
        host.version(at, "a.ipynb", &[text, "same"]);
    }
    assert_eq!(new_entries(&host.import(&[])), 5);
    let entries = host.entries();
    assert_eq!(
        entries,
        [
            "a.ipynb c0 10 one",
            "a.ipynb c1 10 same",
            "a.ipynb c0 10+1 two",
            "a.ipynb c0 10+2 three",
            "a.ipynb c0 30 one"
        ],
        "history goes before clocks"
    );
    let again = host.import(&[]);
    assert_eq!(new_entries(&again), 0);
    assert_eq!(again["notebooks"][0]["known"], 4);
    let all = host.import(&["--again"]);
    assert_eq!((new_entries(&all), host.entries()), (0, entries.clone()), "looked at again");
    std::fs::remove_file(host.env.store_path().join("recell/imported")).unwrap();
    assert_eq!((new_entries(&host.import(&[])), host.entries()), (0, entries.clone()), "forgotten");
    // Elsewhere the same past has the same names.
    let copy = Host::new();
    copy.git(&["fetch", "-q", host.env.root().to_str().unwrap(), "main:refs/heads/theirs"]);
    copy.import(&[]);
    assert_eq!(copy.env.git(&["tag", "-l"]), host.env.git(&["tag", "-l"]));
}

#[test]
fn branches_and_merges_are_told_in_the_order_of_time() {
    let host = Host::new();
    host.version(10, "a.ipynb", &["base", "base"]);
    host.git(&["checkout", "-q", "-b", "side"]);
    host.version(20, "a.ipynb", &["side", "base"]);
    host.git(&["checkout", "-q", "main"]);
    host.version(30, "a.ipynb", &["base", "main"]);
    // An evil merge: neither side has this.
    host.git(&["merge", "-q", "--no-commit", "--no-ff", "-s", "ours", "side"]);
    host.version(40, "a.ipynb", &["side", "evil"]);
    host.git(&["checkout", "-q", "-b", "other", "main~1"]);
    host.at(50, &["merge", "-q", "--no-edit", "-s", "ours", "side"]);
    host.git(&["checkout", "-q", "main"]);
    host.import(&[]);
    assert_eq!(
        host.entries(),
        [
            "a.ipynb c0 10 base",
            "a.ipynb c1 10 base",
            "a.ipynb c0 20 side",
            "a.ipynb c0 30 base",
            "a.ipynb c1 30 main",
            "a.ipynb c0 40 side",
            "a.ipynb c1 40 evil",
            "a.ipynb c0 50 base",
            "a.ipynb c1 50 main",
        ]
    );
    for (at, outputs) in [(20, ["side", "base"]), (30, ["base", "main"]), (40, ["side", "evil"])] {
        let restored = host.as_of(at, "a.ipynb", &outputs);
        assert_eq!(String::from_utf8(restored).unwrap(), notebook(&outputs), "as of {at}");
    }
}

#[test]
fn a_range_and_paths_choose_what_is_imported() {
    let host = Host::new();
    host.version(10, "a.ipynb", &["a1"]);
    host.version(20, "a.ipynb", &["a2"]);
    host.version(30, "deep/b.ipynb", &["b1"]);
    host.env.write("deep/skip/.ipynb_checkpoints/c.ipynb", notebook(&["c1"]));
    host.commit(40);
    assert_eq!(new_entries(&host.import(&["--range", "main~3..main~2"])), 1);
    assert_eq!(host.entries(), ["a.ipynb c0 20 a2"]);
    assert_eq!(new_entries(&host.import(&["deep"])), 1, "checkpoints are left out");
    assert_eq!(new_entries(&host.import(&["nothing/../*.ipynb", "deep/*"])), 0);
    let none = host.env.recell(&["import-history", "nothing"]).run();
    assert_eq!(none.code(), 2, "{none}");
    let bad = host.env.recell(&["import-history", "--range", "nothing"]).run();
    assert_eq!(bad.code(), 1, "{bad}");
    assert_eq!(host.env.recell(&["import-history", "--range=--output=x"]).run().code(), 2);
    let plan = host.import(&["--dry-run", "a.ipynb"]);
    assert_eq!(plan["notebooks"][0]["versions"], 2);
    assert_eq!(new_entries(&host.import(&["*.ipynb"])), 1);
    assert_eq!(host.entries().len(), 3);
    host.git(&["rm", "-q", "a.ipynb"]);
    host.commit(50);
    let gone = host.import(&["--again", "a.ipynb"]);
    assert_eq!(gone["notebooks"][0]["versions"], 2, "a notebook that is there no longer");
}

#[test]
fn a_notebook_keeps_one_history_through_its_renames() {
    let host = Host::new();
    host.version(10, "a.ipynb", &["one", "x"]);
    host.version(20, "a.ipynb", &["two", "x"]);
    host.import(&[]);
    host.git(&["mv", "a.ipynb", "b.ipynb"]);
    host.commit(30);
    host.version(40, "b.ipynb", &["three", "x"]);
    let report = host.import(&[]);
    assert_eq!(report["notebooks"][0]["renamed"][0]["old"], "a.ipynb", "{report:#}");
    let expected =
        ["b.ipynb c0 10 one", "b.ipynb c1 10 x", "b.ipynb c0 20 two", "b.ipynb c0 40 three"];
    assert_eq!(host.entries(), expected, "what was imported under the old name came along");
    assert_eq!(new_entries(&host.import(&[])), 0);
    let fresh = Host::new();
    fresh.git(&["fetch", "-q", host.env.root().to_str().unwrap(), "main"]);
    fresh.git(&["reset", "-q", "--hard", "FETCH_HEAD"]);
    fresh.import(&["b.ipynb"]);
    assert_eq!(fresh.entries(), expected, "in one go");
    assert_eq!(fresh.env.git(&["tag", "-l"]), host.env.git(&["tag", "-l"]), "by the same names");
}

#[test]
fn what_cannot_be_read_is_named_and_passed_over() {
    let host = Host::new();
    host.version(10, "a.ipynb", &["one"]);
    host.env.write("a.ipynb", "{ broken");
    let broken = host.commit(20);
    host.env.write("a.ipynb", "<<<<<<< ours\n{}\n=======\n>>>>>>> theirs\n");
    host.commit(30);
    host.env.write("a.ipynb", r#"{"nbformat": 2, "worksheets": [], "cells": []}"#);
    host.commit(40);
    host.env.write(
        "a.ipynb",
        "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12345\n",
    );
    host.commit(50);
    host.version(60, "a.ipynb", &[""]);
    host.version(70, "a.ipynb", &["two"]);
    std::os::unix::fs::symlink("a.ipynb", host.env.root().join("link.ipynb")).unwrap();
    host.commit(80);
    let report = host.import(&[]);
    assert_eq!(host.entries(), ["a.ipynb c0 10 one", "a.ipynb c0 70 two"]);
    let found = report["broken"].as_array().unwrap();
    assert_eq!(found.len(), 3, "{report:#}");
    assert_eq!(found[0]["commit"], broken);
    assert_eq!(found[0]["path"], "a.ipynb");
    assert_eq!(report["elsewhere"], 2, "a pointer and a link");
    assert_eq!(report["notebooks"][0]["without_outputs"], 1);
    let shown = host.env.recell(&["import-history"]).run();
    assert_eq!(shown.code(), 0);
    let words = String::from_utf8_lossy(&shown.output.stderr).into_owned();
    assert!(words.contains(&broken[..10]) && words.contains("conflict markers"), "{words}");
}

#[test]
fn a_blob_that_is_not_in_this_clone_is_named_and_nothing_is_fetched() {
    let host = Host::new();
    host.version(10, "a.ipynb", &["one"]);
    host.version(20, "a.ipynb", &["two"]);
    host.git(&["config", "uploadpack.allowFilter", "true"]);
    let clone = Host { env: TestEnv::new() };
    let url = format!("file://{}", host.env.root().display());
    clone.git(&["clone", "-q", "--filter=blob:none", &url, "."]);
    clone.env.recell(&["init"]).ok();
    let objects =
        |host: &Host| crate::support::files_below(&host.env.root().join(".git/objects")).len();
    let before = objects(&clone);
    let report = clone.import(&[]);
    assert_eq!(report["broken"][0]["reason"], "it is not in this clone", "{report:#}");
    assert_eq!(clone.entries(), ["a.ipynb c0 20 two"], "the version that is checked out");
    assert_eq!(objects(&clone), before);
}

#[test]
fn the_past_goes_before_what_is_there() {
    let host = Host::new();
    host.version(10, "a.ipynb", &["one", "x"]);
    host.version(20, "a.ipynb", &["two", "x"]);
    let at = Timestamp::from_micros((START + 15) * 1_000_000).to_string();
    host.env.write("a.ipynb", notebook(&["live", "x"]));
    host.env.recell(&["record", "a.ipynb"]).with("RECELL_NOW", &at).ok();
    host.env.write("a.ipynb", notebook(&["now", "x"]));
    host.env.recell(&["record", "a.ipynb"]).ok();
    host.import(&[]);
    let entries = host.entries();
    assert_eq!(
        entries[..4],
        ["a.ipynb c0 10 one", "a.ipynb c1 10 x", "a.ipynb c0 15 live", "a.ipynb c1 15 x"]
    );
    assert_eq!(entries[4], "a.ipynb c0 20 two");
    assert!(entries[5].ends_with("now"), "{entries:?}");
    assert_eq!(entries.len(), 6);
    assert_eq!(new_entries(&host.import(&["--again"])), 0);
}

#[test]
fn a_branch_that_comes_late_is_put_in_its_place() {
    let host = Host::new();
    host.version(10, "a.ipynb", &["one"]);
    host.env.write("other.txt", "x");
    host.commit(20);
    host.git(&["branch", "late"]);
    host.env.write("a.ipynb", notebook(&["one", "new cell"]));
    host.commit(40);
    host.import(&[]);
    assert_eq!(host.entries(), ["a.ipynb c0 10 one", "a.ipynb c1 40 new cell"]);
    host.git(&["checkout", "-q", "late"]);
    host.version(30, "a.ipynb", &["late"]);
    host.import(&[]);
    assert_eq!(
        host.entries(),
        ["a.ipynb c0 10 one", "a.ipynb c0 30 late", "a.ipynb c0 40 one", "a.ipynb c1 40 new cell"],
        "what comes after it is looked at once more"
    );
}

#[test]
fn an_import_that_is_killed_goes_on_where_it_was() {
    let host = Host::new();
    for n in 0..30 {
        host.version(10 * n, "a.ipynb", &[&format!("v{n}"), "x"]);
    }
    let whole = Host::new();
    whole.git(&["fetch", "-q", host.env.root().to_str().unwrap(), "main:main2"]);
    whole.import(&[]);
    for crash in ["entry appended#7", "objects appended#20", "tags merged#1", "journal retired#1"] {
        let ran = host.env.recell(&["import-history"]).with("RECELL_CRASH_AT", crash).run();
        assert!(!ran.output.status.success(), "{crash}: {ran}");
        let report = host.import(&[]);
        assert!(new_entries(&report) < 31, "{crash}: some was there");
        assert_eq!(host.env.git(&["tag", "-l"]), whole.env.git(&["tag", "-l"]), "{crash}");
        host.env.assert_at_rest(crash);
        // From the start for the next one.
        std::fs::remove_dir_all(host.env.store_path()).unwrap();
        host.env.recell(&["init"]).ok();
    }
}

#[test]
fn what_was_imported_is_one_run() {
    let host = Host::new();
    host.version(10, "a.ipynb", &["one", "same"]);
    host.version(20, "b.ipynb", &["two"]);
    let runs = |count: usize| {
        let listed = host.env.recell(&["collection", "ls", "--kind", "run", "--json"]).ok();
        let listed: Value = serde_json::from_str(&listed).unwrap();
        assert_eq!(listed.as_array().unwrap().len(), count, "{listed:#}");
    };
    let members = |report: &Value| {
        let run = report["run"].as_str().unwrap_or_else(|| panic!("{report:#}"));
        let shown = host.env.recell(&["collection", "show", run, "--json"]).ok();
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert!(shown["producer"].as_str().unwrap().ends_with(" import-history"), "{shown:#}");
        shown["entries"].as_array().unwrap().len()
    };
    assert_eq!(members(&host.import(&[])), 3);
    runs(1);
    assert!(host.import(&["--again"])["run"].is_null(), "nothing was new");
    runs(1);
    host.version(30, "a.ipynb", &["three", "same"]);
    let later = host.env.recell(&["import-history", "--json"]);
    let later = later.with("RECELL_NOW", "20261122T012400.000000Z").ok();
    let later: Value = serde_json::from_str(&later).unwrap();
    assert_eq!(members(&later), 1, "what was there already is of the other run");
    runs(2);
    host.env.assert_at_rest("imported");
}

#[test]
fn the_host_repository_is_only_read() {
    let host = Host::new();
    host.version(10, "a.ipynb", &["one"]);
    host.git(&["mv", "a.ipynb", "b.ipynb"]);
    host.version(20, "b.ipynb", &["two"]);
    let state = |host: &Host| {
        let files = crate::support::files_below(&host.env.root().join(".git"));
        files.into_iter().map(|file| (std::fs::read(&file).unwrap(), file)).collect::<Vec<_>>()
    };
    let before = state(&host);
    host.import(&[]);
    assert_eq!(state(&host), before);
    let nowhere = workspace();
    let ran = nowhere.recell(&["import-history"]).run();
    assert_eq!(ran.code(), 1, "{ran}");
}

#[test]
fn only_what_is_in_the_workspace_is_imported() {
    let env = TestEnv::new();
    std::fs::create_dir_all(env.root().join("work")).unwrap();
    env.recell(&["-C", "work", "init"]).ok();
    let host = Host { env };
    host.git(&["init", "-q", "-b", "main"]);
    host.version(10, "outside.ipynb", &["out"]);
    host.version(20, "moving.ipynb", &["one"]);
    host.git(&["mv", "moving.ipynb", "work/moved.ipynb"]);
    host.version(30, "work/moved.ipynb", &["two"]);
    let run = |args: &[&str]| host.env.recell(&[&["-C", "work"], args].concat()).ok();
    run(&["import-history"]);
    let log = run(&["ls", "--notebooks"]);
    assert!(log.contains("moved.ipynb") && !log.contains("out"), "{log}");
    let then = run(&["cat", "moved.ipynb:c0", "outputs/0.txt"]);
    assert_eq!(then, "two");
    let log: Value = serde_json::from_str(&run(&["--json", "log", "moved.ipynb:c0"])).unwrap();
    assert_eq!(log.as_array().unwrap().len(), 2, "with its past outside");
    let outside = host.env.recell(&["-C", "work", "import-history", "../outside.ipynb"]).run();
    assert_eq!(outside.code(), 2, "{outside}");
}

#[test]
fn notebooks_without_ids_keep_their_cells_through_edits() {
    let host = Host::new();
    let old = |source: &str, output: &str| {
        let cells =
            notebook(&[output, "x"]).replace(r#""id": "c0", "#, "").replace(r#""id": "c1", "#, "");
        cells.replace("print(0)", source).replace("\"nbformat_minor\": 5", "\"nbformat_minor\": 4")
    };
    for (at, source, output) in [(10, "a", "1"), (20, "b", "2"), (30, "c", "3"), (40, "c", "3")] {
        host.env.write("a.ipynb", old(source, output));
        host.env.write("count.txt", format!("{at}"));
        host.commit(at);
    }
    host.import(&[]);
    let entries = host.entries();
    let cells: std::collections::BTreeSet<&str> =
        entries.iter().map(|entry| entry.split(' ').nth(1).unwrap()).collect();
    assert_eq!(cells.len(), 2, "{entries:?}");
    // The second cell ran after other code each time.
    assert_eq!(entries.len(), 6, "{entries:?}");
    std::fs::remove_file(host.env.store_path().join("recell/imported")).unwrap();
    assert_eq!(new_entries(&host.import(&[])), 0, "found again under the names they have");
    assert_eq!(host.entries(), entries);
}

#[test]
fn what_it_says_is_what_a_person_wants_to_know() {
    let host = Host::new();
    host.version(10, "a.ipynb", &["one", "x"]);
    host.version(20, "b.ipynb", &["two"]);
    host.git(&["mv", "a.ipynb", "c.ipynb"]);
    host.version(30, "c.ipynb", &["one", "y"]);
    let lines: [&[&str]; 3] = [&["import-history", "-n"], &["import-history"], &["import-history"]];
    insta::assert_snapshot!(crate::support::transcript(&host.env, &lines));
}
