use super::workspace;
use crate::support::{TestEnv, transcript};

#[test]
fn flush_takes_over_what_a_dead_process_left() {
    let env = workspace();
    env.write("a.txt", "1");
    drop(
        env.recell(&["put", "nb:c:m", "a.txt=a.txt"]).with("RECELL_CRASH_AT", "pack sealed").run(),
    );
    insta::assert_snapshot!(transcript(
        &env,
        &[&["flush"], &["flush"], &["flush", "--json"], &["flush", "--quiet"]],
    ));
    assert_eq!(env.git(&["tag", "-l"]).lines().count(), 1);
}

#[test]
fn flush_needs_a_store() {
    insta::assert_snapshot!(TestEnv::new().recell(&["flush"]).run());
}
