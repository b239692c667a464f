//! `recell verify`.

use super::workspace;
use crate::support::{damage_pack, transcript};

#[test]
fn a_sound_store_is_said_to_be() {
    let env = workspace();
    env.recell(&["put", "nb:c:m", "x=-"]).input("some bytes").ok();
    insta::assert_snapshot!(transcript(
        &env,
        &[&["verify"], &["verify", "--full"], &["verify", "--full", "--json"]],
    ));
}

#[test]
fn each_damaged_thing_is_named_and_the_exit_code_says_so() {
    let env = workspace();
    env.recell(&["put", "nb:c:m", "x=-"]).input("some bytes of mine").ok();
    damage_pack(&env.store_path(), b"bytes of");
    let quick = env.recell(&["verify"]).run();
    assert!(quick.output.status.success(), "the quick check does not read parts");
    let full = env.recell(&["verify", "--full"]).run();
    assert_eq!(full.output.status.code(), Some(4));
    let text = String::from_utf8(full.output.stdout).unwrap();
    assert!(text.contains("outputs/x"), "the part is named: {text}");
    assert!(text.contains(".pack"), "and the file: {text}");
    let json = env.recell(&["verify", "--full", "--json"]).run();
    let report: serde_json::Value = serde_json::from_slice(&json.output.stdout).unwrap();
    assert_eq!(report["sound"], false);
    assert!(!report["problems"].as_array().unwrap().is_empty());
}
