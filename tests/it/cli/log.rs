use recell::{Draft, Provenance};

use super::filled;
use crate::support::{Recell, TestEnv, key, transcript};

#[test]
fn log_tells_the_story_of_a_cell() {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    let store = env.open();
    let put = |module: &str, day: &str, code: &str, kernel: &str, out: &[u8], dirty: bool| {
        let mut draft = Draft::new("test").output("0.txt", "text/plain", out.to_vec()).unwrap();
        draft.provenance = Provenance {
            producer: "test".into(),
            compute_seconds: Some(1.5),
            host_commit: Some("0123456789abcdef0123456789abcdef01234567".into()),
            host_dirty: Some(dirty),
            ingredients: vec![
                ("code".into(), code.into()),
                ("cells_before".into(), "0".into()),
                ("kernel".into(), kernel.into()),
            ],
            ..Provenance::default()
        };
        draft.created_at = Some(format!("202611{day}T093000.000000Z").parse().unwrap());
        store.put(&key("reports/sales.ipynb", "load", module), draft).unwrap();
    };
    put("9f86d081884c7d659a2feaa0c55ad015", "01", "a", "python3", b"42 rows", false);
    put("9f86d081884c7d659a2feaa0c55ad015", "02", "a", "python3", b"43 rows", false);
    put("60303ae22b998861bce3b28f33eec1be", "03", "b", "python3", b"43 rows", true);
    put("fd61a03af4f77d870fc21e05e7e80678", "10", "b", "python4", &[b'x'; 5000], true);
    put("fd61a03af4f77d870fc21e05e7e80678", "20", "b", "python4", &[b'x'; 5000], true);
    drop(store);
    assert_eq!(Recell::NOW, "20261121T012400.000000Z");
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["log", "reports/sales.ipynb:load"],
            &["log", "reports/sales.ipynb:load", "-n", "2"],
            &["log", "reports/sales.ipynb:load:603"],
            &["log", "*", "-n", "1", "--json"],
        ],
    ));
}

#[test]
fn log_of_several_cells_names_them() {
    let env = filled();
    insta::assert_snapshot!(transcript(
        &env,
        &[&["log", "*"], &["log", "none"], &["log", "--json", "none"], &["log"]],
    ));
}

#[test]
fn log_says_which_results_are_pinned() {
    let env = filled();
    let cell = "reports/sales.ipynb:load";
    let listed = |args: &[&str]| -> serde_json::Value {
        serde_json::from_str(&env.recell(&[&["log", cell, "--json"], args].concat()).ok()).unwrap()
    };
    assert!(!env.recell(&["log", cell]).ok().contains("pinned"), "no column for none");
    let second = listed(&[])[1]["name"].as_str().unwrap().to_owned();
    env.recell(&["pin", &second]).ok();
    let text = env.recell(&["log", cell]).ok();
    let marked: Vec<usize> =
        text.lines().enumerate().filter(|(_, l)| l.contains("  pinned")).map(|(n, _)| n).collect();
    // A line says the cell, one is the headings, the newest comes first.
    assert_eq!(marked, [3], "{text}");
    let pinned = |value: &serde_json::Value| -> Vec<bool> {
        value.as_array().unwrap().iter().map(|line| line["pinned"].as_bool().unwrap()).collect()
    };
    assert_eq!(pinned(&listed(&[])), [false, true, false]);
    env.recell(&["unpin", &second]).ok();
    assert_eq!(pinned(&listed(&["-n", "2"])), [false, false]);
}
