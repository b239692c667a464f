//! `recell collection` and `recell find`.

use super::{filled, notebook, workspace};
use crate::support::transcript;

#[test]
fn collections_are_made_chained_searched_and_removed() {
    let env = filled();
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["collection", "create", "papers/main", "reports/sales.ipynb:load:9f86d081"],
            &["collection", "create", "all", "--all", "*", "--doc", "Everything so far"],
            &["collection", "create", "all"],
            &["collection", "create", "typo", "no:such:thing"],
            &["collection", "chain", "path", "papers/main", "all"],
            &["collection", "chain", "all", "path"],
            &["collection", "chain", "path", "--append", "path"],
            &["find", "reports/sales.ipynb:load", "--in", "path"],
            &["find", "reports/sales.ipynb:load", "--in", "path", "--all"],
            &["find", "*", "--in", "path"],
            &["find", "nb.ipynb:all", "--in", "path", "--explain"],
            &["find", "nb.ipynb:none", "--in", "path"],
            &["find", "nb.ipynb", "--in", "nowhere"],
            &["collection", "rm", "all"],
            &["collection", "freeze", "papers/main"],
            &["collection", "add", "papers/main", "nb.ipynb:all"],
            &["collection", "remove", "all", "nb.ipynb"],
            &["collection", "show", "all", "--history"],
            &["collection", "ls"],
            &["collection", "chain", "path", "--remove", "all"],
            &["collection", "rm", "all"],
            &["collection", "rm", "all", "--undo"],
            &["collection", "show", "all"],
        ],
    ));
}

#[test]
fn collections_print_json() {
    let env = filled();
    let load = "reports/sales.ipynb:load:aa00";
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["collection", "create", "t", load, "--json"],
            &["collection", "chain", "k", "t", "--json"],
            &["collection", "show", "t", "--json"],
            &["find", load, "--in", "k", "--json"],
            &["find", load, "--in", "k", "--explain", "--json"],
        ],
    ));
}

#[test]
fn a_record_is_a_run_if_it_stored_something() {
    let env = workspace();
    notebook(&env, "a.ipynb", "sales.ipynb");
    env.recell(&["record", "."]).ok();
    let runs = |env: &crate::support::TestEnv| {
        let listed = env.recell(&["collection", "ls", "--kind", "run", "--json"]).ok();
        serde_json::from_str::<serde_json::Value>(&listed).unwrap()
    };
    let first = runs(&env);
    assert_eq!(first.as_array().unwrap().len(), 1, "{first}");
    assert!(first[0]["producer"].as_str().unwrap().ends_with(" record"));
    let entries = env.recell(&["ls", "--json"]).ok();
    let entries: serde_json::Value = serde_json::from_str(&entries).unwrap();
    assert_eq!(first[0]["count"], entries.as_array().unwrap().len());
    env.recell(&["record", "."]).ok();
    assert_eq!(runs(&env), first, "nothing was new");
    env.assert_at_rest("recorded");
}
