use super::{filled, workspace};
use crate::support::{TestEnv, transcript};

#[test]
fn status_says_what_the_store_holds() {
    let env = filled();
    let shown = transcript(&env, &[&["status"], &["status", "--json"]]);
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"[0-9.]+ KiB on disk", "[SIZE] on disk");
    settings.add_filter(r#""bytes": \d+"#, r#""bytes": [BYTES]"#);
    settings.bind(|| insta::assert_snapshot!(shown));
}

#[test]
fn what_is_not_flushed_is_told() {
    let env = workspace();
    let put = env.recell(&["put", "nb:c:m", "x=-"]).with("RECELL_CRASH_AT", "pack sealed");
    drop(put.run());
    let shown = env.recell(&["status"]).ok();
    assert!(
        shown.contains("pending    1 entry in 1 journal; `recell flush` moves them"),
        "{shown}"
    );
    env.recell(&["flush"]).ok();
    assert!(!env.recell(&["status"]).ok().contains("pending"));
}

#[test]
fn status_needs_a_store() {
    let env = TestEnv::new();
    env.write("recell.toml", "");
    insta::assert_snapshot!(env.recell(&["status"]).run());
}
