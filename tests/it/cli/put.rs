use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use super::workspace;
use crate::support::{TestEnv, transcript};

#[test]
fn put_prints_the_name_of_what_it_stored() {
    let env = workspace();
    env.write("p.png", "no picture");
    let put = env.recell(&["put", "nb.ipynb:load:abc", "out.txt=-", "variables/p=p.png"]);
    insta::assert_snapshot!(put.input("42 rows\n").run());
    let name = env.git(&["tag", "-l"]);
    assert_eq!(env.git(&["show", &format!("{}:outputs/out.txt", name.trim())]), "42 rows\n");
    insta::assert_snapshot!(
        "put_json",
        env.recell(&["--json", "put", "nb:c:m", "x=-"]).input("1").run()
    );
}

#[test]
fn put_keeps_what_it_is_told_about_the_result() {
    let env = workspace();
    env.recell(&[
        "put",
        "nb:c:m:v2",
        "x=-",
        "--kind",
        "variable",
        "--media-type",
        "text/x",
        "--annotation",
        "why=a=b",
        "--annotation",
        "who=me",
        "--compute-seconds",
        "0.25",
    ])
    .input("1")
    .ok();
    insta::assert_snapshot!(env.recell(&["get", "nb:c:m:v2", "--json"]).run());
}

#[test]
fn what_cannot_be_put_is_refused_by_name() {
    let env = workspace();
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["put"],
            &["put", "nb:c", "x=-"],
            &["put", "nb:c:m"],
            &["put", "nb:c:m", "x"],
            &["put", "nb:c:m", "x=missing.txt"],
            &["put", "nb:c:m", "a//b=-"],
            &["put", "nb:c:m", "x=-", "y=-"],
            &["put", "nb:c:m", "x=-", "outputs/x=recell.toml"],
            &["put", "nb:c:m", "x=-", "--kind", "thing"],
            &["put", "nb:c:m", "x=-", "--compute-seconds", "soon"],
            &["put", "--json", "nb:c:m", "x=missing.txt"],
            &["put", "--json", "nb:c", "x=-"],
        ],
    ));
    assert_eq!(env.git(&["tag", "-l"]), "", "nothing was stored");
}

#[test]
fn without_a_workspace_nothing_is_made() {
    let env = TestEnv::new();
    insta::assert_snapshot!(transcript(
        &env,
        &[&["put", "nb:c:m", "x=-"], &["put", "nb:c:m", "x=-", "--store", "typo"]],
    ));
    assert_eq!(std::fs::read_dir(env.root()).unwrap().count(), 0);
}

#[test]
fn a_fresh_clone_gets_its_store_with_the_first_put() {
    let env = TestEnv::new();
    env.write("recell.toml", "");
    env.recell(&["put", "nb:c:m", "x=-"]).ok();
    assert!(env.store_path().join("HEAD").exists());
    assert!(env.root().join(".recell/.gitignore").exists());
}

const BATCH: &str = r#"{"key": "nb.ipynb:load:abc123", "parts": {"value": "text", "plot": {"file": "p.png"}, "raw": {"base64": "AAEC"}}}

{"key": "nb.ipynb:fit:def", "parts": {"variables/m.json": {"text": "{}", "media_type": "text/plain"}}, "compute_seconds": 2, "annotations": {"a": "b"}}
"#;

#[test]
fn a_batch_is_one_line_an_entry() {
    let env = workspace();
    env.write("p.png", "no picture");
    insta::assert_snapshot!(env.recell(&["put", "--batch"]).input(BATCH).run());
    assert_eq!(env.recell(&["cat", "nb.ipynb:load:abc123", "plot"]).ok(), "no picture");
    assert_eq!(env.recell(&["cat", "nb.ipynb:load:abc123", "raw"]).ok(), "\0\u{1}\u{2}");
    insta::assert_snapshot!(
        "batch_json",
        env.recell(&["put", "--batch", "--json"]).input(BATCH).run()
    );
}

#[test]
fn a_bad_line_ends_a_batch_and_is_named() {
    let env = workspace();
    let good = r#"{"key": "nb:c:m", "parts": {"x": "1"}}"#;
    let shown: String = [
        "not json",
        r#"{"key": "nb:c:m"}"#,
        r#"{"key": "nb:c", "parts": {}}"#,
        r#"{"key": "nb:c:m", "parts": {"x": 1}}"#,
        r#"{"key": "nb:c:m", "parts": {"x": {"file": "a", "text": "b"}}}"#,
        r#"{"key": "nb:c:m", "parts": {"x": {"base64": "?"}}}"#,
        r#"{"key": "nb:c:m", "parts": {"x": {"file": "missing"}}}"#,
        r#"{"key": "nb:c:m", "parts": {"x": "1", "x": "2"}}"#,
        r#"{"key": "nb:c:m", "parts": {"x": "1"}, "compute_second": 1}"#,
        "\u{fffd}",
    ]
    .iter()
    .map(|bad| {
        let input = format!("{good}\n{bad}\n{good}\n");
        format!("{bad}\n{}\n", env.recell(&["put", "--batch"]).input(input).run())
    })
    .collect();
    insta::assert_snapshot!(shown);
    assert_eq!(env.git(&["tag", "-l"]).lines().count(), 10, "the line before it stays stored");
}

#[test]
fn a_name_is_printed_as_soon_as_its_entry_is_stored() {
    let env = workspace();
    let mut child = env
        .recell(&["put", "--batch"])
        .command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    writeln!(input, r#"{{"key": "nb:c:m", "parts": {{"x": "1"}}}}"#).unwrap();
    let mut name = String::new();
    output.read_line(&mut name).unwrap();
    assert_eq!(env.recell(&["cat", name.trim(), "x"]).ok(), "1", "while the batch goes on");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(env.recell(&["cat", name.trim(), "x"]).ok(), "1", "and after it was killed");
}

#[test]
fn a_crash_after_the_append_loses_nothing() {
    let env = workspace();
    let ran =
        env.recell(&["put", "nb:c:m", "x=-"]).with("RECELL_CRASH_AT", "pack sealed").input("1");
    drop(ran.run());
    assert_eq!(env.recell(&["cat", "nb:c:m", "x"]).ok(), "1");
}

#[test]
fn a_full_disk_is_an_error_and_loses_nothing() {
    let env = workspace();
    env.recell(&["put", "nb:c:m", "x=-"]).input("1").ok();
    let noise = crate::support::noise(100_000, 1);
    let full =
        env.recell(&["put", "nb:c:m", "x=-"]).with("RECELL_DISK_BUDGET", "50000").input(noise);
    insta::assert_snapshot!(full.run());
    assert_eq!(env.recell(&["cat", "nb:c:m", "x"]).ok(), "1");
}

#[test]
fn a_lock_that_stays_is_a_warning_after_a_put() {
    let env = workspace();
    env.write(".recell/store.git/packed-refs.lock", "");
    insta::assert_snapshot!(env.recell(&["put", "nb:c:m", "x=-"]).input("1").run());
    assert_eq!(env.recell(&["cat", "nb:c:m", "x"]).ok(), "1");
}
