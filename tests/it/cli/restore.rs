use super::{notebook, workspace};
use crate::support::fixtures::fixture;
use crate::support::{TestEnv, transcript};

/// A workspace with two recorded runs of `sales.ipynb`, stripped, with the code of the first.
fn two_runs() -> TestEnv {
    let env = workspace();
    for (fixture, now) in [
        ("second-run/sales.ipynb", "20261120T100000.000000Z"),
        ("sales.ipynb", "20261121T000000.000000Z"),
    ] {
        notebook(&env, "sales.ipynb", fixture);
        env.recell(&["strip", "sales.ipynb"]).with("RECELL_NOW", now).ok();
    }
    env
}

#[test]
fn restore_brings_a_notebook_back_and_says_what_it_could_not() {
    let env = two_runs();
    let lines = transcript(
        &env,
        &[
            &["restore", "--check", "sales.ipynb"],
            &["restore", "sales.ipynb"],
            &["restore", "sales.ipynb"],
        ],
    );
    let original = fixture("sales.ipynb");
    assert!(std::fs::read(env.root().join("sales.ipynb")).unwrap() == original);
    env.recell(&["strip", "sales.ipynb"]).ok();
    let more = transcript(
        &env,
        &[
            &["restore", "sales.ipynb", "--as-of", "2026-11-20", "--check"],
            &["restore", "sales.ipynb", "--as-of", "2026-11-20", "--any"],
            &["restore", "sales.ipynb", "--as-of", "someday"],
            &["restore", "gone.ipynb"],
        ],
    );
    insta::assert_snapshot!(lines + &more);
}

#[test]
fn restore_writes_elsewhere_when_asked() {
    let env = two_runs();
    let bare = std::fs::read(env.root().join("sales.ipynb")).unwrap();
    let original = fixture("sales.ipynb");
    let printed = env.recell(&["restore", "sales.ipynb", "-o", "-"]).ok();
    assert!(printed.as_bytes() == original);
    env.recell(&["restore", "sales.ipynb", "--output", "copy.ipynb"]).ok();
    assert!(std::fs::read(env.root().join("copy.ipynb")).unwrap() == original);
    assert!(std::fs::read(env.root().join("sales.ipynb")).unwrap() == bare, "it stays as it is");
    let both = env.recell(&["restore", "sales.ipynb", "copy.ipynb", "-o", "-"]).run();
    assert_eq!(both.code(), 2, "{both}");
}

#[test]
fn restore_takes_the_entry_that_is_named() {
    let env = two_runs();
    let store = env.open();
    let pattern = recell::Pattern::parse("sales.ipynb:chart").unwrap();
    let name = store.list(&pattern).unwrap()[0].to_string();
    drop(store);
    let printed = env.recell(&["restore", "sales.ipynb", "--entry", &name, "--json"]).ok();
    let value: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let restored: Vec<_> = value[0]["cells"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|cell| cell["outcome"] == "restored")
        .collect();
    assert_eq!(restored.len(), 1, "the others stay as they are");
    assert_eq!(
        (restored[0]["entry"]["name"].as_str(), &restored[0]["reason"]),
        (Some(name.as_str()), &"name".into())
    );
}

#[test]
fn a_notebook_that_somebody_else_writes_meanwhile_is_theirs() {
    let env = two_runs();
    std::os::unix::fs::symlink("sales.ipynb", env.root().join("link.ipynb")).unwrap();
    env.recell(&["restore", "sales.ipynb"]).ok();
    let is_link = |name: &str| {
        std::fs::symlink_metadata(env.root().join(name)).unwrap().file_type().is_symlink()
    };
    assert!(is_link("link.ipynb") && !is_link("sales.ipynb"), "links stay links");
}

#[test]
fn restore_takes_selectors() {
    let env = workspace();
    let text = String::from_utf8(fixture("sales.ipynb")).unwrap();
    env.write("sales.ipynb", &text);
    env.recell(&["record", "sales.ipynb"]).with("RECELL_NOW", "20261101T120000.000000Z").ok();
    let other = text.replace("€18,781.00", "€99,781.00");
    assert_ne!(text, other, "the fixture shows that revenue");
    env.write("sales.ipynb", &other);
    env.recell(&["record", "sales.ipynb"]).with("RECELL_NOW", "20261102T120000.000000Z").ok();
    let read = || std::fs::read_to_string(env.root().join("sales.ipynb")).unwrap();
    for (args, expected, why) in [
        (&["sales.ipynb"][..], &other, "the newest"),
        (&["sales.ipynb@2026-11-01"], &text, "as of a day"),
        (&["sales.ipynb@{19 days ago}"], &text, "counted from now"),
        (&["sales.ipynb", "--entry", "sales.ipynb:headline~1"], &text, "a version back"),
        (&["sales.ipynb", "--as-of", "2026-11-02"], &other, "all of it as of a day"),
    ] {
        env.write("sales.ipynb", &other);
        let args: Vec<&str> = ["restore", "--overwrite"].iter().chain(args).copied().collect();
        env.recell(&args).ok();
        assert!(read() == *expected, "{why}");
    }
    let ran = env.recell(&["restore", "sales.ipynb@nonsense"]).run();
    assert_eq!(ran.code(), 2, "{ran}");
}
