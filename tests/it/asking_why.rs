//! `recell why`: what a person learns of a miss, over real notebooks and real git.

use serde_json::Value;

use crate::cli::{notebook, workspace};
use crate::support::{TestEnv, damage_pack, transcript};

const THEN: &str = "20261118T012400.000000Z";

/// A workspace in which `sales.ipynb` was recorded three days ago.
fn recorded() -> TestEnv {
    let env = workspace();
    notebook(&env, "sales.ipynb", "sales.ipynb");
    env.recell(&["record", "sales.ipynb"]).with("RECELL_NOW", THEN).ok();
    env
}

/// Replaces a text of a notebook, which must be there.
fn edit(env: &TestEnv, path: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(env.root().join(path)).unwrap();
    assert!(text.contains(from), "{path} has `{from}`");
    env.write(path, text.replacen(from, to, 1));
}

fn json(env: &TestEnv, args: &[&str]) -> (Value, i32) {
    let all: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    let ran = env.recell(&all).run();
    (serde_json::from_slice(&ran.output.stdout).unwrap(), ran.code())
}

#[test]
fn the_answer_comes_first_and_names_the_root_cause() {
    let env = recorded();
    let mut told = transcript(&env, &[&["why", "sales.ipynb"], &["why", "sales.ipynb:clean"]]);
    edit(&env, "sales.ipynb", r#"drop_duplicates(\"order\")"#, r#"drop_duplicates(\"id\")"#);
    told += &transcript(
        &env,
        &[
            &["why", "sales.ipynb"],
            &["why", "sales.ipynb:clean"],
            &["why", "sales.ipynb:headline"],
            &["why", "sales.ipynb:load"],
        ],
    );
    insta::assert_snapshot!(told);
}

#[test]
fn each_kind_of_change_is_told() {
    type Edit = (&'static str, &'static str);
    let cases: [(&str, Edit, &str, i32, &str); 5] = [
        ("load", ("a", "a"), "", 0, "nothing changed"),
        ("load", ("raw = pd", "raw = pandas"), "its own code changed (1 line)", 3, "own code"),
        (
            "chart",
            ("raw = pd", "raw = pandas"),
            "upstream cell 3 (`load`) changed (1 line)",
            3,
            "a cell before, not the next one",
        ),
        (
            "chart",
            (r#""version": "3.11.7""#, r#""version": "3.12.1""#),
            "language version changed: 3.11.7 → 3.12.1",
            3,
            "the language",
        ),
        (
            "chart",
            (r#""name": "python3""#, r#""name": "other""#),
            "kernel changed: python3 → other",
            3,
            "the kernel",
        ),
    ];
    for (cell, (from, to), reason, code, why) in cases {
        let env = recorded();
        edit(&env, "sales.ipynb", from, to);
        let (value, exit) = json(&env, &["why", &format!("sales.ipynb:{cell}")]);
        assert_eq!((value["reason"].as_str().unwrap(), exit), (reason, code), "{why}: {value:#}");
    }
}

#[test]
fn new_gone_and_moved_cells_are_causes() {
    let env = recorded();
    let path = env.root().join("sales.ipynb");
    let original: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let changed = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut value = original.clone();
        change(value["cells"].as_array_mut().unwrap());
        env.write("sales.ipynb", serde_json::to_vec(&value).unwrap());
        let (told, code) = json(&env, &["why", "sales.ipynb"]);
        assert_eq!(code, 3);
        told["causes"][0].clone()
    };
    let at = |id: &str| {
        let cells = original["cells"].as_array().unwrap();
        cells.iter().position(|cell| cell["id"] == id).unwrap()
    };
    let new = changed(&|cells| {
        let mut cell = cells[at("load")].clone();
        cell["id"] = "fresh".into();
        cell["source"] = "x = 1".into();
        cells.insert(at("load"), cell);
    });
    assert_eq!(new["cell"], "fresh", "{new:#}");
    assert_eq!(new["affects"].as_array().unwrap().len(), 6, "itself and all below: {new:#}");
    let gone = changed(&|cells| drop(cells.remove(at("load"))));
    assert_eq!(gone["cause"], "cell `load` is gone");
    assert_eq!(gone["affects"], serde_json::json!(["clean", "summary", "chart", "headline"]));
    let moved = changed(&|cells| cells.swap(at("summary"), at("chart")));
    assert!(moved["cause"].as_str().unwrap().contains("moved"), "{moved:#}");
}

#[test]
fn a_cell_that_was_edited_and_not_run_is_named_all_the_same() {
    let env = workspace();
    notebook(&env, "sales.ipynb", "sales.ipynb");
    let path = env.root().join("sales.ipynb");
    let mut value: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for cell in value["cells"].as_array_mut().unwrap() {
        // `load` and `clean` were never run, what is below them was.
        if cell["id"] == "load" || cell["id"] == "clean" {
            cell["outputs"] = Value::Array(Vec::new());
            cell["execution_count"] = Value::Null;
        }
    }
    env.write("sales.ipynb", serde_json::to_vec(&value).unwrap());
    env.recell(&["record", "sales.ipynb"]).ok();
    edit(&env, "sales.ipynb", "raw = pd", "raw = pandas");
    let (told, _) = json(&env, &["why", "sales.ipynb:chart"]);
    assert_eq!(told["reason"], "upstream cell 3 (`load`) changed", "{told:#}");
    assert_eq!(told["comparison"]["differs"][0]["all_cells_known"], true, "{told:#}");
}

#[test]
fn a_cell_without_an_id_is_known_by_its_place() {
    let env = workspace();
    notebook(&env, "n.ipynb", "no_ids_v44.ipynb");
    env.recell(&["record", "n.ipynb"]).ok();
    let (before, code) = json(&env, &["why", "n.ipynb"]);
    assert_eq!((code, &before["misses"]), (0, &0.into()), "{before:#}");
    let path = env.root().join("n.ipynb");
    let mut value: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let cells = value["cells"].as_array_mut().unwrap();
    let second = cells.iter_mut().filter(|cell| cell["cell_type"] == "code").nth(1).unwrap();
    second["source"] = "changed = 1".into();
    env.write("n.ipynb", serde_json::to_vec(&value).unwrap());
    let (told, _) = json(&env, &["why", "n.ipynb"]);
    let cause = told["causes"][0]["cause"].as_str().unwrap();
    assert!(cause.contains("changed"), "{cause}");
    assert_eq!(told["causes"].as_array().unwrap().len(), 1, "{told:#}");
    assert_eq!(told["misses"], 5);
}

#[test]
fn two_entries_are_compared_and_chance_is_called_so() {
    let env = recorded();
    notebook(&env, "sales.ipynb", "second-run/sales.ipynb");
    env.recell(&["record", "sales.ipynb"]).ok();
    let (log, _) = json(&env, &["log", "sales.ipynb:headline"]);
    let name = |at: usize| log[at]["name"].as_str().unwrap().to_owned();
    let ran = env.recell(&["why", &name(1), &name(0)]).run();
    let mut told = ran.to_string();
    let put = |file: &str, now: &str| {
        let args = ["put", "nb:c:m", &format!("out.txt={file}")];
        env.recell(&args).with("RECELL_NOW", now).ok().trim().to_owned()
    };
    env.write("a.txt", "1");
    env.write("b.txt", "2");
    let (a, b) = (put("a.txt", THEN), put("b.txt", "20261119T012400.000000Z"));
    told += &transcript(&env, &[&["why", &a, &b], &["why", "nb:c:m"], &["why", "nb:c:other"]]);
    insta::assert_snapshot!(told);
}

#[test]
fn the_same_inputs_and_other_outputs_are_not_deterministic() {
    let env = recorded();
    // Only the output of the run changes, as that of a clock or a random number does.
    edit(&env, "sales.ipynb", "kept 18 of 22 rows", "kept 17 of 22 rows");
    env.recell(&["record", "sales.ipynb"]).ok();
    let (log, _) = json(&env, &["log", "sales.ipynb:clean"]);
    let name = |at: usize| log[at]["name"].as_str().unwrap().to_owned();
    let (told, code) = json(&env, &["why", &name(1), &name(0)]);
    assert_eq!(code, 0);
    assert_eq!(told["reason"], "same inputs, different outputs: not deterministic");
    assert_eq!(told["deterministic"], false);
    assert_eq!(told["outputs"], serde_json::json!(["outputs/0.txt"]));
}

#[test]
fn the_key_of_a_cell_as_it_stands_is_answered_from_the_notebook() {
    let env = recorded();
    edit(&env, "sales.ipynb", "raw = pd", "raw = pandas");
    let (told, _) = json(&env, &["why", "sales.ipynb:load"]);
    let key = format!("sales.ipynb:load:{}", told["module"].as_str().unwrap());
    let (by_key, code) = json(&env, &["why", &key]);
    assert_eq!((by_key, code), (told, 3));
}

#[test]
fn a_damaged_entry_is_passed_over_with_a_note() {
    let env = recorded();
    edit(&env, "sales.ipynb", "raw = pd", "raw = pandas");
    env.recell(&["record", "sales.ipynb"]).ok();
    env.recell(&["flush"]).ok();
    let (log, _) = json(&env, &["log", "sales.ipynb:load"]);
    let newest = log[0]["module"].as_str().unwrap().to_owned();
    let name = log[0]["created_at"].as_str().unwrap().to_owned();
    assert!(name.starts_with("2026-11-21"));
    // Its manifest is what names the module.
    damage_pack(&env.store_path(), format!("module = \"{newest}\"").as_bytes());
    let (hit, code) = json(&env, &["why", "sales.ipynb:load"]);
    assert_eq!(
        (hit["answer"].as_str(), hit["miss"].as_str(), code),
        (Some("miss"), Some("damaged"), 4)
    );
    edit(&env, "sales.ipynb", "raw = pandas", "raw = polars");
    let (told, code) = json(&env, &["why", "sales.ipynb:load"]);
    assert_eq!(code, 3);
    assert_eq!(told["skipped"][0]["miss"], "damaged", "{told:#}");
    assert_eq!(told["reason"], "its own code changed (1 line)", "against the one before");
}
