use super::{notebook, workspace};
use crate::support::fixtures::fixture;
use crate::support::{TestEnv, transcript};

#[test]
fn strip_records_first_so_that_nothing_is_lost() {
    let env = workspace();
    notebook(&env, "sales.ipynb", "sales.ipynb");
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["strip", "--check", "sales.ipynb"],
            &["strip", "sales.ipynb"],
            &["strip", "sales.ipynb"],
            &["strip", "--check", "sales.ipynb"],
            &["restore", "sales.ipynb"],
        ],
    ));
    let original = fixture("sales.ipynb");
    assert!(std::fs::read(env.root().join("sales.ipynb")).unwrap() == original);
}

#[test]
fn without_a_store_outputs_go_only_when_that_is_meant() {
    let env = TestEnv::new();
    notebook(&env, "n.ipynb", "minimal_v40.ipynb");
    let before = std::fs::read(env.root().join("n.ipynb")).unwrap();
    let refused = transcript(&env, &[&["strip", "n.ipynb"]]);
    assert!(std::fs::read(env.root().join("n.ipynb")).unwrap() == before);
    insta::assert_snapshot!(refused + &transcript(&env, &[&["strip", "--no-record", "n.ipynb"]]));
}

#[test]
fn strip_prints_the_notebook_when_asked() {
    let env = workspace();
    notebook(&env, "n.ipynb", "sales.ipynb");
    let printed = env.recell(&["strip", "--stdout", "n.ipynb"]).ok();
    let kept = env.recell(&["strip", "--stdout", "--keep-count", "n.ipynb"]).ok();
    assert!(printed.contains("\"execution_count\": null") && !printed.contains("image/png"));
    assert!(kept.contains("\"execution_count\": 3") && !kept.contains("image/png"));
    let original = fixture("sales.ipynb");
    assert!(std::fs::read(env.root().join("n.ipynb")).unwrap() == original, "its file stays");
}
