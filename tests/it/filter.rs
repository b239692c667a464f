//! The filter as git runs it: real repositories, real notebooks.

use std::path::{Path, PathBuf};
use std::process::Output;

use recell::{Lookup, Pattern};

use crate::support::fixtures::{fixture, fixtures, notebooks};
use crate::support::{TestEnv, files_below, try_git};

/// A repository that is a workspace, with the filter installed and committed.
struct Repository {
    env: TestEnv,
}

impl Repository {
    fn new() -> Repository {
        let repository = Repository { env: TestEnv::new() };
        repository.git(&["init", "-q"]);
        repository.env.recell(&["init"]).ok();
        repository.env.recell(&["filter", "install"]).ok();
        repository.git(&["add", "."]);
        repository.git(&["commit", "-qm", "the filter"]);
        repository
    }

    fn root(&self) -> &Path {
        self.env.root()
    }

    fn try_git(&self, args: &[&str]) -> Output {
        try_git(self.root(), args)
    }

    /// Runs git and returns what it printed on stdout and on stderr.
    fn git(&self, args: &[&str]) -> (String, String) {
        let output = self.try_git(args);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "git {args:?}: {out}{err}");
        (out, err)
    }

    fn out(&self, args: &[&str]) -> String {
        self.git(args).0
    }

    /// Returns the bytes that git has for a path in its index.
    fn committed(&self, path: &str) -> Vec<u8> {
        self.try_git(&["show", &format!(":{path}")]).stdout
    }

    fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.root().join(path)).unwrap()
    }

    fn entries(&self) -> usize {
        self.env.open().list(&Pattern::all()).unwrap().len()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn notebooks_are_committed_without_outputs_and_come_back_with_them() {
    let repository = Repository::new();
    let all = notebooks();
    for (name, bytes) in &all {
        repository.env.write(name, bytes);
    }
    let (_, warnings) = repository.git(&["add", "."]);
    assert_eq!(warnings, "", "nothing is wrong with them");
    repository.git(&["commit", "-qm", "notebooks"]);
    assert_eq!(repository.out(&["status", "--porcelain"]), "", "and nothing is left to commit");
    for (name, bytes) in &all {
        assert!(repository.read(name) == *bytes, "{name}: the work tree is not touched");
        let committed = text(&repository.committed(name));
        for output in ["\"output_type\": \"stream\"", "image/png", "\"execution_count\": 1,"] {
            // Cells with `keep_output`, and the state of widgets, which is no output.
            let keeps = name.starts_with("rich_types") || name.starts_with("widgets");
            assert!(keeps || !committed.contains(output), "{name} has {output}");
        }
    }
    let before = repository.entries();
    // Times alone change, so that git filters all again.
    for (name, bytes) in &all {
        repository.env.write(name, bytes);
    }
    repository.git(&["add", "."]);
    assert_eq!(repository.out(&["status", "--porcelain"]), "", "filtering is deterministic");
    assert_eq!(repository.entries(), before, "and records nothing twice");
    for (name, _) in &all {
        std::fs::remove_file(repository.root().join(name)).unwrap();
    }
    repository.git(&["checkout", "-q", "."]);
    assert!(repository.read("sales.ipynb").len() < 6000, "a checkout has the code alone");
    repository.git(&["add", "."]);
    assert_eq!(repository.out(&["status", "--porcelain"]), "", "what is stripped stays so");
    repository.env.recell(&["restore", "."]).ok();
    for (name, bytes) in &all {
        assert!(repository.read(name) == *bytes, "{name} is back to the byte");
    }
    repository.env.recell(&["verify", "--full"]).ok();
    repository.git(&["fsck", "--strict"]);
}

#[test]
fn a_checkout_brings_outputs_back_if_the_settings_say_so() {
    let repository = Repository::new();
    let first = fixture("sales.ipynb");
    let second = fixture("second-run/sales.ipynb");
    repository.env.write("recell.toml", "[filter]\nsmudge = true\n");
    for (bytes, message) in [(&first, "first"), (&second, "second")] {
        repository.env.write("sales.ipynb", bytes);
        repository.git(&["add", "."]);
        repository.git(&["commit", "-qm", message]);
    }
    repository.git(&["checkout", "-q", "HEAD~1"]);
    assert!(repository.read("sales.ipynb") == first, "the outputs of that code");
    repository.git(&["checkout", "-q", "-"]);
    assert!(repository.read("sales.ipynb") == second);
    assert_eq!(repository.out(&["status", "--porcelain"]), "");
    // A clone has the settings, but neither the filter nor the store.
    let clone = repository.root().join("clone");
    repository.git(&["clone", "-q", ".", "clone"]);
    assert!(std::fs::read(clone.join("sales.ipynb")).unwrap().len() < 6000);
}

#[test]
fn what_is_no_notebook_passes_with_one_warning() {
    let repository = Repository::new();
    let folder = fixtures().join("broken");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        repository.env.write(&name, std::fs::read(folder.join(&name)).unwrap());
        names.push(name);
    }
    let (_, warnings) = repository.git(&["add", "."]);
    for name in &names {
        let about = warnings.lines().filter(|line| line.contains(&format!("`{name}`")));
        assert_eq!(about.count(), 1, "{name}: one line\n{warnings}");
        assert!(repository.committed(name) == repository.read(name), "{name} is as it was");
    }
    assert_eq!(warnings.lines().count(), names.len(), "{warnings}");
    assert_eq!(repository.entries(), 0);
}

#[test]
fn outputs_that_cannot_be_stored_are_committed() {
    let repository = Repository::new();
    let store = repository.env.store_path();
    std::fs::remove_dir_all(&store).unwrap();
    repository.env.write(".recell/store.git", "no store");
    let bytes = fixture("sales.ipynb");
    repository.env.write("sales.ipynb", &bytes);
    let (_, warnings) = repository.git(&["add", "sales.ipynb"]);
    assert!(warnings.contains("`sales.ipynb`: its outputs are committed"), "{warnings}");
    assert_eq!(warnings.lines().count(), 1, "{warnings}");
    assert!(repository.committed("sales.ipynb") == bytes, "nothing is lost");
}

#[test]
fn outputs_above_the_bound_stay_in_the_notebook() {
    let repository = Repository::new();
    repository.env.write("recell.toml", "[filter]\nmax_output = '20 KB'\n");
    let bytes = fixture("figures.ipynb");
    repository.env.write("figures.ipynb", &bytes);
    let (_, warnings) = repository.git(&["add", "figures.ipynb"]);
    assert!(warnings.contains("`figures.ipynb`: the outputs of cell"), "{warnings}");
    let committed = repository.committed("figures.ipynb");
    assert!(committed.len() < bytes.len() && committed.len() > 20_000, "some cells keep theirs");
    repository.env.write("figures.ipynb", &committed);
    repository.env.recell(&["restore", "figures.ipynb"]).ok();
    assert!(repository.read("figures.ipynb") == bytes);
}

#[test]
fn an_output_of_300_megabytes_stays_in_its_notebook() {
    let repository = Repository::new();
    let cell = r#"{"cells": [{"cell_type": "code", "execution_count": 1, "metadata": {}, "source": "x",
        "outputs": [{"output_type": "stream", "name": "stdout", "text": ""#;
    let mut bytes = Vec::from(cell);
    bytes.resize(300 << 20, b'x');
    bytes.extend(b"\"}]}], \"metadata\": {}, \"nbformat\": 4}");
    repository.env.write("large.ipynb", &bytes);
    let (_, warnings) = repository.git(&["-c", "core.compression=0", "add", "large.ipynb"]);
    assert_eq!(warnings.lines().count(), 1, "{warnings}");
    assert!(warnings.contains("300.0 MiB"), "{warnings}");
    let size = repository.out(&["cat-file", "-s", ":large.ipynb"]);
    assert_eq!(size.trim(), bytes.len().to_string());
}

#[test]
fn cells_that_ask_for_it_keep_their_outputs_and_are_recorded_too() {
    let repository = Repository::new();
    let notebook = r#"{"cells": [
        {"cell_type": "code", "id": "a", "execution_count": 1, "metadata": {"tags": ["keep_output"]},
         "outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}], "source": "1"},
        {"cell_type": "code", "id": "b", "execution_count": 2, "metadata": {},
         "outputs": [{"output_type": "stream", "name": "stdout", "text": "2"}], "source": "2"}],
        "metadata": {}, "nbformat": 4, "nbformat_minor": 5}"#;
    repository.env.write("n.ipynb", notebook);
    repository.git(&["add", "n.ipynb"]);
    let committed = text(&repository.committed("n.ipynb"));
    assert!(committed.contains("\"text\": \"1\"") && !committed.contains("\"text\": \"2\""));
    assert_eq!(repository.entries(), 2);
}

#[test]
fn entries_say_which_commit_they_follow() {
    let repository = Repository::new();
    repository.env.write("sales.ipynb", fixture("sales.ipynb"));
    let head = repository.out(&["rev-parse", "HEAD"]);
    repository.git(&["add", "."]);
    let store = repository.env.open();
    let name = store.list(&Pattern::all()).unwrap().pop().unwrap();
    let Lookup::Hit(entry) = store.entry(&name).unwrap() else { panic!("a miss") };
    assert_eq!(entry.manifest().provenance.host_commit.as_deref(), Some(head.trim()));
}

#[test]
fn work_trees_share_the_store_and_the_names() {
    let repository = Repository::new();
    repository.env.write(".gitignore", "side\n");
    repository.git(&["add", ".gitignore"]);
    repository.git(&["commit", "-qm", "ignore"]);
    repository.git(&["worktree", "add", "-q", "side"]);
    let side = repository.root().join("side");
    let bytes = fixture("sales.ipynb");
    std::fs::write(side.join("sales.ipynb"), &bytes).unwrap();
    let added = try_git(&side, &["add", "sales.ipynb"]);
    assert!(added.status.success(), "{}", text(&added.stderr));
    assert_eq!(text(&added.stderr), "");
    let names = repository.env.open().list(&Pattern::notebook("sales.ipynb")).unwrap();
    assert_eq!(names.len(), 6, "in the one store, under the one name");
    repository.env.recell(&["-C", "side", "record", "sales.ipynb"]).ok();
    assert_eq!(repository.entries(), 6, "and known there");
}

#[test]
fn a_workspace_below_the_top_names_its_own_notebooks() {
    let env = TestEnv::new();
    let run = |args: &[&str]| {
        let output = try_git(env.root(), args);
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    };
    run(&["init", "-q"]);
    env.recell(&["init", "reports"]).ok();
    env.recell(&["-C", "reports", "filter", "install"]).ok();
    let bytes = fixture("sales.ipynb");
    env.write("reports/deep/sales.ipynb", &bytes);
    env.write("elsewhere/sales.ipynb", &bytes);
    run(&["add", "."]);
    let options = crate::support::options();
    let store =
        recell::Store::open(&env.root().join("reports/.recell/store.git"), options).unwrap();
    let names = store.list(&Pattern::all()).unwrap();
    assert!(names.iter().all(|name| name.notebook() == "deep/sales.ipynb"), "{names:?}");
    assert_eq!(names.len(), 6);
    let committed = |path: &str| try_git(env.root(), &["show", &format!(":{path}")]).stdout;
    assert!(committed("reports/deep/sales.ipynb").len() < 6000);
    assert!(committed("elsewhere/sales.ipynb") == bytes, "no workspace of ours");
}

#[test]
fn another_repository_that_the_environment_names_is_not_touched() {
    let repository = Repository::new();
    let other = Repository::new();
    let state = |root: &Path| -> Vec<(PathBuf, Vec<u8>)> {
        let files = files_below(&root.join(".git")).into_iter();
        files.map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect()
    };
    repository.env.write("sales.ipynb", fixture("sales.ipynb"));
    let before = state(other.root());
    let theirs = other.root().join(".git").display().to_string();
    let index = other.root().join(".git/index").display().to_string();
    for args in [&["record", "sales.ipynb"][..], &["strip", "sales.ipynb"], &["filter", "status"]] {
        let run = repository.env.recell(args);
        run.with("GIT_DIR", &theirs).with("GIT_INDEX_FILE", &index).ok();
    }
    assert!(state(other.root()) == before, "every byte is as it was");
    assert_eq!((repository.entries(), other.entries()), (6, 0));
}
