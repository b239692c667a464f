//! What differs between results of real notebooks, as a person and a script see it.

use std::path::Path;

use crate::support::fixtures::fixture;
use crate::support::{TestEnv, damage_pack, transcript};

const MONDAY: &str = "20261116T090000.000000Z";
const TUESDAY: &str = "20261117T090000.000000Z";
const WEDNESDAY: &str = "20261118T090000.000000Z";

fn record(env: &TestEnv, path: &str, bytes: &[u8], now: &str) {
    env.write(path, bytes);
    env.recell(&["record", path]).with("RECELL_NOW", now).ok();
}

fn two_runs() -> TestEnv {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    record(&env, "sales.ipynb", &fixture("sales.ipynb"), MONDAY);
    record(&env, "sales.ipynb", &fixture("second-run/sales.ipynb"), TUESDAY);
    env
}

#[test]
fn two_runs_of_a_notebook_are_compared_cell_by_cell() {
    let env = two_runs();
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["diff", "sales.ipynb"],
            &["diff", "sales.ipynb@2026-11-16", "sales.ipynb", "--stat"],
            &["diff", "sales.ipynb", "sales.ipynb", "--exit-code"],
            &["diff", "sales.ipynb", "--stat", "--exit-code", "--part", "*.png"],
        ],
    ));
}

#[test]
fn results_of_a_cell_are_compared_with_each_other() {
    let env = two_runs();
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["diff", "sales.ipynb:clean"],
            &["diff", "sales.ipynb:clean", "-U", "0", "--part", "code/*"],
            &["diff", "sales.ipynb:clean", "sales.ipynb:headline", "--stat"],
            &["diff", "sales.ipynb:headline", "--json", "--part", "0.txt"],
            &["diff", "sales.ipynb:headline", "--color", "always", "-n", "1"],
            &["diff", "sales.ipynb:setup"],
            &["diff", "sales.ipynb:clean", "sales.ipynb"],
            &["diff", "none.ipynb"],
            &["diff", "sales.ipynb@never", "sales.ipynb"],
        ],
    ));
}

#[test]
fn every_kind_of_part_is_compared_by_its_kind() {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tables");
    let table = |name: &str| std::fs::read(tables.join(name)).unwrap();
    for (now, files) in [
        (
            MONDAY,
            [
                ("t.parquet", table("sales.parquet")),
                ("t.csv", b"id,v\n1,a\n2,b\n".to_vec()),
                ("t.json", br#"{"accuracy": 0.912, "classes": ["a", "b"]}"#.to_vec()),
                ("t.txt", b"epoch 1\naccuracy: 0.912\nloss: 0.30\ndone\n".to_vec()),
                ("t.bin", vec![0; 2000]),
            ],
        ),
        (
            TUESDAY,
            [
                ("t.parquet", table("sales-later.parquet")),
                ("t.csv", b"id,v,w\n2,c,\n3,b,1\n".to_vec()),
                ("t.json", br#"{"accuracy": 0.934, "classes": ["a", "c", "b"]}"#.to_vec()),
                ("t.txt", b"epoch 1\naccuracy: 0.934\nloss: 0.25\ndone\n".to_vec()),
                ("t.bin", vec![1; 3000]),
            ],
        ),
    ] {
        let mut args = vec!["put".to_owned(), "nb:c:m".to_owned()];
        for (name, bytes) in files {
            env.write(name, bytes);
            args.push(format!("{name}={name}"));
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        env.recell(&args).with("RECELL_NOW", now).ok();
    }
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["diff", "nb:c"],
            &["diff", "nb:c", "--stat"],
            &["diff", "nb:c", "--json", "--part", "t.json"]
        ],
    ));
}

#[test]
fn a_damaged_part_is_told_and_the_rest_is_compared() {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    for (now, text) in [(MONDAY, "the first text"), (TUESDAY, "the second text")] {
        env.write("a.txt", text);
        env.write("b.txt", format!("{text}, too"));
        env.recell(&["put", "nb:c:m", "a.txt=a.txt", "b.txt=b.txt"]).with("RECELL_NOW", now).ok();
    }
    env.recell(&["flush"]).ok();
    damage_pack(&env.store_path(), b"the first text, too");
    let ran = env.recell(&["diff", "nb:c", "--stat"]).run();
    let shown = ran.to_string();
    assert_eq!(ran.code(), 0, "{shown}");
    assert!(shown.contains("? outputs/b.txt  before: damaged"), "{shown}");
    assert!(shown.contains("~ outputs/a.txt  +1 -1 line"), "{shown}");
}

/// A notebook of code cells that were run, as (id, source, output).
fn notebook(cells: &[(&str, &str, &str)]) -> Vec<u8> {
    let cells: Vec<serde_json::Value> = cells
        .iter()
        .map(|(id, source, output)| {
            serde_json::json!({
                "cell_type": "code", "id": id, "metadata": {}, "source": source,
                "execution_count": 1,
                "outputs": [{ "output_type": "stream", "name": "stdout", "text": output }],
            })
        })
        .collect();
    serde_json::to_vec(&serde_json::json!({
        "cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5,
    }))
    .unwrap()
}

#[test]
fn cells_that_went_do_not_show_for_ever() {
    let [a, b, c] = [("a", "x = 1", "1"), ("b", "y = 2", "2"), ("c", "z = 3", "3")];
    for (second, expected, why) in [
        (vec![a, c], "- b [2]  removed", "from the middle"),
        (vec![b, c], "- a [1]  removed", "the first"),
        (vec![a, ("n", "w = 4", "4"), c], "+ n [2]  added", "another in its place"),
        (
            vec![a, b, ("d", "z = 3", "3")],
            "before its first record",
            "an id that was made anew: nothing new",
        ),
        (vec![a, c, b], "3 cells same", "moved, with what it shows"),
        (vec![("a", "x = 9", "9"), b], "- c [3]  removed", "the last, with a change before it"),
    ] {
        let env = TestEnv::new();
        env.recell(&["init"]).ok();
        record(&env, "nb.ipynb", &notebook(&[a, b, c]), MONDAY);
        record(&env, "nb.ipynb", &notebook(&second), TUESDAY);
        let shown = env.recell(&["diff", "nb.ipynb"]).run().to_string();
        assert!(shown.contains(expected), "{why}:\n{shown}");
        // A run later nothing of the cells that went is told any more.
        let mut third = second.clone();
        third[0].2 = "another output";
        record(&env, "nb.ipynb", &notebook(&third), WEDNESDAY);
        let shown = env.recell(&["diff", "nb.ipynb", "--stat"]).run().to_string();
        let count = second.len() - 1;
        let noun = if count == 1 { "1 same" } else { "2 same" };
        assert!(shown.contains(&format!("1 cell changed, {noun}")), "{why}:\n{shown}");
    }
}

#[test]
fn a_notebook_is_compared_as_of_a_commit() {
    let env = TestEnv::new();
    crate::support::git(env.root(), &["init", "-q"]);
    env.recell(&["init"]).ok();
    // Git's clock is that of the system: what is recorded in the past is of the first commit.
    record(&env, "sales.ipynb", &fixture("sales.ipynb"), "20200101T000000.000000Z");
    crate::support::git(env.root(), &["add", "sales.ipynb"]);
    crate::support::git(env.root(), &["commit", "-qm", "first"]);
    record(&env, "sales.ipynb", &fixture("second-run/sales.ipynb"), "20990101T000000.000000Z");
    let shown =
        env.recell(&["diff", "sales.ipynb@HEAD", "sales.ipynb", "--stat"]).run().to_string();
    assert!(shown.contains("4 cells changed, 2 same"), "{shown}");
    let shown = env.recell(&["diff", "sales.ipynb@--help", "sales.ipynb"]).run();
    assert_eq!(shown.code(), 2, "it is no option of git: {shown}");
}

#[test]
fn a_commit_has_only_what_it_and_those_before_it_recorded() {
    let env = TestEnv::new();
    let run = |args: &[&str]| crate::support::git(env.root(), args);
    run(&["init", "-q", "-b", "main"]);
    env.recell(&["init"]).ok();
    // Within the same second, as a rule: the time alone does not tell them apart.
    for notebook in ["sales.ipynb", "second-run/sales.ipynb"] {
        env.write("sales.ipynb", fixture(notebook));
        run(&["add", "sales.ipynb"]);
        run(&["commit", "-qm", notebook]);
    }
    run(&["checkout", "-q", "-b", "side", "HEAD~1"]);
    let text = String::from_utf8(fixture("sales.ipynb")).unwrap();
    env.write("sales.ipynb", text.replace("Spring", "Summer"));
    run(&["commit", "-qam", "on another branch"]);
    env.recell(&["import-history"]).ok();
    for (before, after, expected, why) in [
        ("main~1", "main", "4 cells changed, 2 same", "the commit before"),
        ("main~1", "side", "1 cell changed, 5 same", "another branch"),
        ("side~1", "main~1", "6 cells same", "where they part"),
    ] {
        let shown = env
            .recell(&[
                "diff",
                &format!("sales.ipynb@{before}"),
                &format!("sales.ipynb@{after}"),
                "--stat",
            ])
            .run()
            .to_string();
        assert!(shown.contains(expected), "{why}:\n{shown}");
    }
}
