//! `recell bisect`: since when an output is what it is.

use serde_json::Value;

use crate::cli::{notebook, workspace};
use crate::support::{TestEnv, damage_pack, transcript};

/// Stores `texts` as versions of one cell, a day after each other, each of another module.
fn versions(texts: &[&str]) -> TestEnv {
    let env = workspace();
    for (day, text) in texts.iter().enumerate() {
        env.write("out.txt", text);
        let key = format!("train.ipynb:fit:m{day}");
        let now = format!("202611{:02}T101500.000000Z", day + 1);
        env.recell(&["put", &key, "0.txt=out.txt"]).with("RECELL_NOW", &now).ok();
    }
    env
}

fn json(env: &TestEnv, args: &[&str]) -> (Value, i32) {
    let all: Vec<&str> =
        ["bisect", "train.ipynb:fit", "--json"].into_iter().chain(args.iter().copied()).collect();
    let ran = env.recell(&all).run();
    (serde_json::from_slice(&ran.output.stdout).unwrap(), ran.code())
}

#[test]
fn the_crossing_is_told_with_what_changed_there() {
    let env = workspace();
    notebook(&env, "sales.ipynb", "sales.ipynb");
    env.recell(&["record", "sales.ipynb"]).with("RECELL_NOW", "20261118T012400.000000Z").ok();
    notebook(&env, "sales.ipynb", "second-run/sales.ipynb");
    env.recell(&["record", "sales.ipynb"]).ok();
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["bisect", "sales.ipynb:clean", "--number", "kept {} of", "--below", "16"],
            &["bisect", "sales.ipynb:headline", "--number", "revenue: €{},", "--below", "20000"],
            &[
                "bisect",
                "sales.ipynb:summary",
                "--match",
                r"North\s+4\s",
                "--part",
                "outputs/0.html"
            ],
            &["bisect", "sales.ipynb:clean", "--number", "kept {} of", "--above", "100"],
            &["bisect", "sales.ipynb:clean", "--number", "kept", "--above", "100"],
            &["bisect", "sales.ipynb:clean", "--number", "kept {} of"],
            &["bisect", "sales.ipynb", "--match", "x"],
            &["bisect", "nope.ipynb:x", "--match", "x"],
        ],
    ));
}

#[test]
fn the_first_crossing_is_found_though_the_output_comes_back() {
    let env = versions(&["acc: 0.5", "acc: 0.6", "acc: 0.95", "acc: 0.7", "none", "acc: 0.97"]);
    let (told, code) = json(&env, &["--number", "acc: {}", "--above", "0.9"]);
    assert_eq!(code, 0);
    assert_eq!((&told["before"]["number"], &told["after"]["number"]), (&0.6.into(), &0.95.into()));
    assert_eq!(told["after"]["module"], "m2");
    let later: Vec<&Value> =
        told["later_changes"].as_array().unwrap().iter().map(|it| &it["module"]).collect();
    assert_eq!(later, ["m3", "m5"], "it went back, and came again");
    assert_eq!((&told["versions"], &told["silent"]), (&5.into(), &1.into()), "one has no number");
    insta::assert_snapshot!(transcript(
        &env,
        &[&["bisect", "train.ipynb:fit", "--number", "acc: {}", "--above", "0.9"]],
    ));
}

#[test]
fn each_kind_of_line_is_found() {
    let env = versions(&["ok 1", "ok 1", "Error: no file", "ok -2"]);
    for (args, after, why) in [
        (&["--match", "^Error"][..], Some("m2"), "a text"),
        (&["--no-match", "^ok"], Some("m2"), "no such text any more"),
        (&["--number", "ok {}", "--differs-from", "1"], Some("m3"), "another number"),
        (&["--number", "ok {}", "--below", "-1.5"], Some("m3"), "less than a negative one"),
        (&["--number", r"ok (\S+)", "--above", "0"], Some("m0"), "from the start"),
        (&["--number", "ok {}", "--above", "7"], None, "never"),
        (&["--match", "ok", "--part", "none.txt"], None, "no such part"),
    ] {
        let (told, code) = json(&env, args);
        assert_eq!(told["after"]["module"].as_str(), after, "{why}: {told:#}");
        assert_eq!(code, if after.is_some() { 0 } else { 3 }, "{why}");
    }
}

#[test]
fn a_value_in_json_is_a_number() {
    let env = workspace();
    for (day, accuracy) in [0.5, 0.92].iter().enumerate() {
        env.write("m.json", format!(r#"{{"metrics": {{"acc": {accuracy}}}, "other": 7}}"#));
        let key = format!("train.ipynb:fit:m{day}");
        env.recell(&["put", &key, "m.json=m.json"]).ok();
    }
    let (told, code) = json(&env, &["--json-path", "metrics.acc", "--above", "0.9"]);
    assert_eq!((code, &told["after"]["number"]), (0, &0.92.into()), "{told:#}");
}

#[test]
fn a_damaged_version_is_passed_over_with_a_note() {
    let env = versions(&["acc: 0.5", "acc: 0.6123", "acc: 0.95"]);
    env.recell(&["flush"]).ok();
    damage_pack(&env.store_path(), b"acc: 0.6123");
    let (told, code) = json(&env, &["--number", "acc: {}", "--above", "0.9"]);
    assert_eq!(code, 0);
    assert_eq!(told["skipped"][0]["miss"], "damaged", "{told:#}");
    assert_eq!((&told["before"]["module"], &told["after"]["module"]), (&"m0".into(), &"m2".into()));
}
