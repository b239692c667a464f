use super::{notebook, workspace};
use crate::support::fixtures::fixture;
use crate::support::{TestEnv, git, transcript};

fn repository() -> TestEnv {
    let env = workspace();
    git(env.root(), &["init", "-q"]);
    env
}

/// Shows the command without its place on this machine.
fn shown(env: &TestEnv, lines: &[&[&str]]) -> String {
    transcript(env, lines).replace(env!("CARGO_BIN_EXE_recell"), "/bin/recell")
}

#[test]
fn the_filter_is_installed_looked_at_and_taken_away() {
    let env = repository();
    insta::assert_snapshot!(shown(
        &env,
        &[
            &["filter", "install", "--check"],
            &["filter", "install"],
            &["filter", "install"],
            &["filter", "install", "--check"],
            &["filter", "status"],
            &["filter", "uninstall"],
            &["filter", "uninstall"],
            &["filter", "status"],
        ],
    ));
    assert!(!env.root().join(".gitattributes").exists());
}

#[test]
fn the_filter_needs_a_repository_and_a_workspace() {
    let env = TestEnv::new();
    let outside = shown(&env, &[&["filter", "install"]]);
    git(env.root(), &["init", "-q"]);
    let nameless = shown(&env, &[&["filter", "install"]]);
    assert!(!env.root().join(".gitattributes").exists(), "nothing was written");
    insta::assert_snapshot!(outside + &nameless);
}

#[test]
fn one_notebook_is_filtered_by_hand() {
    let env = repository();
    let original = fixture("sales.ipynb");
    let cleaned = env.recell(&["filter", "clean", "a/sales.ipynb"]).input(&*original).ok();
    assert!(cleaned.len() < 6000);
    let again = env.recell(&["filter", "clean", "a/sales.ipynb"]).input(&*cleaned).ok();
    assert_eq!(again, cleaned, "cleaning twice is cleaning once");
    let smudge = env.recell(&["filter", "smudge", "a/sales.ipynb"]).input(&*cleaned);
    assert_eq!(smudge.ok(), cleaned, "by default a checkout has the code alone");
    let restored = smudge.with("RECELL_FILTER_SMUDGE", "true").ok();
    assert!(restored.as_bytes() == original);
}

#[test]
fn the_filter_process_speaks_with_git_alone() {
    let env = repository();
    notebook(&env, "n.ipynb", "minimal_v40.ipynb");
    let ran = env.recell(&["filter", "process"]).input(*b"hello?").run();
    assert_eq!(ran.code(), 1, "{ran}");
    assert!(ran.output.stdout.is_empty());
}
