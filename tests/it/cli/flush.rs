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

#[test]
fn sealing_says_what_it_gave_back() {
    let env = workspace();
    let table = "a row of the table\n".repeat(200);
    for version in 0..20 {
        let text = format!("{table}{version}\n");
        env.recell(&["put", "nb:c:m", "x=-"]).input(text).ok();
    }
    let sealed = env.recell(&["flush", "--seal", "--json"]).ok();
    let report: serde_json::Value = serde_json::from_str(&sealed).unwrap();
    let bytes = |name: &str| report["sealed"][name].as_u64().unwrap();
    assert!(bytes("bytes_after") * 4 < bytes("bytes_before"), "{report}");
    let newest = env.recell(&["cat", "nb:c:m", "x"]).ok();
    assert_eq!(newest, format!("{table}19\n"));
}
