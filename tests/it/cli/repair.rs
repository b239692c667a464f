//! `recell repair`.

use super::workspace;
use crate::support::{damage_pack, transcript};

#[test]
fn a_repair_is_shown_first_and_names_what_is_lost() {
    let env = workspace();
    env.write("good.txt", "this is good");
    env.write("bad.txt", "this is damaged");
    env.recell(&["put", "nb:a:m", "good=good.txt"]).ok();
    env.recell(&["put", "nb:b:m", "good=good.txt", "bad=bad.txt"]).ok();
    insta::assert_snapshot!(transcript(&env, &[&["repair"]]));
    damage_pack(&env.store_path(), b"this is damaged");
    let text = transcript(
        &env,
        &[
            &["verify", "--full"],
            &["repair"],
            &["repair", "--yes"],
            &["verify", "--full"],
            &["repair", "--yes"],
            &["ls"],
        ],
    );
    insta::with_settings!({ filters => vec![
        (r"[0-9a-f]{40}", "[ID]"),
    ]}, { insta::assert_snapshot!(text) });
}

#[test]
fn names_that_cannot_be_read_are_found_again() {
    let env = workspace();
    env.recell(&["put", "nb:a:m", "x=-"]).input("1").ok();
    env.recell(&["put", "nb:b:m", "x=-"]).input("2").ok();
    let refs = env.store_path().join("packed-refs");
    let text = std::fs::read_to_string(&refs).unwrap();
    std::fs::write(&refs, text.replace("# pack-refs with", "# pack-refs wish")).unwrap();
    insta::assert_snapshot!(transcript(
        &env,
        &[&["ls"], &["verify"], &["repair", "--json"], &["repair", "--yes"], &["ls"]],
    ));
}
