use super::{notebook, workspace};
use crate::support::fixtures::fixtures;
use crate::support::{TestEnv, transcript};

#[test]
fn record_tells_what_was_new_and_what_it_cost() {
    let env = workspace();
    notebook(&env, "sales.ipynb", "sales.ipynb");
    notebook(&env, "reports/error.ipynb", "error.ipynb");
    notebook(&env, ".ipynb_checkpoints/sales.ipynb", "sales.ipynb");
    let first = transcript(&env, &[&["record", "."], &["record", "sales.ipynb"]]);
    notebook(&env, "sales.ipynb", "second-run/sales.ipynb");
    let second = transcript(&env, &[&["record", "*.ipynb"], &["record", "-q", "reports"]]);
    insta::assert_snapshot!(first + &second);
}

#[test]
fn record_leaves_what_is_no_notebook_and_goes_on() {
    let env = workspace();
    notebook(&env, "a.ipynb", "broken/conflict.ipynb");
    notebook(&env, "b.ipynb", "minimal_v40.ipynb");
    notebook(&env, "c.ipynb", "broken/empty.ipynb");
    insta::assert_snapshot!(transcript(
        &env,
        &[&["record", "."], &["record", "a.ipynb"], &["record", "a.ipynb", "--json"]],
    ));
}

#[test]
fn record_prints_json() {
    let env = workspace();
    notebook(&env, "n.ipynb", "minimal_v40.ipynb");
    let printed = env.recell(&["record", "n.ipynb", "--json"]).ok();
    let value: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(value[0]["notebook"], "n.ipynb");
    assert_eq!(value[0]["new"].as_array().unwrap().len(), 2);
    assert_eq!(value[0]["new"][0]["notebook"], "n.ipynb");
    assert_eq!((&value[0]["unchanged"], &value[0]["not_executed"]), (&0.into(), &0.into()));
    assert!(value[0]["stored_bytes"].as_u64().unwrap() > 0);
    let run = value[0]["run"].as_str().unwrap();
    let shown = env.recell(&["collection", "show", run, "--json"]).ok();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let mut new = value[0]["new"].as_array().unwrap().clone();
    new.sort_by_key(|entry| entry["name"].to_string());
    assert_eq!(shown["entries"].as_array(), Some(&new), "the run has what is new");
    notebook(&env, "m.ipynb", "sales.ipynb");
    let again = env.recell(&["record", ".", "--json"]).ok();
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert!(again[0]["run"].is_string(), "{again}");
    assert_eq!((&again[1]["notebook"], &again[1]["run"]), (&"n.ipynb".into(), &().into()));
}

#[test]
fn record_needs_notebooks_of_a_workspace() {
    let env = workspace();
    std::fs::create_dir(env.root().join("empty")).unwrap();
    let nowhere = TestEnv::new();
    notebook(&nowhere, "n.ipynb", "minimal_v40.ipynb");
    let outside = fixtures().join("sales.ipynb").display().to_string();
    assert_eq!(env.recell(&["record", &outside]).run().code(), 2, "it has no name here");
    let lines = transcript(&env, &[&["record", "gone.ipynb"], &["record", "empty"], &["record"]]);
    insta::assert_snapshot!(lines + &transcript(&nowhere, &[&["record", "n.ipynb"]]));
}
