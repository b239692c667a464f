//! `recell rm`.

use super::workspace;
use crate::support::transcript;

#[test]
fn chosen_entries_go_to_the_trash_and_nothing_else_does() {
    let env = workspace();
    for (key, value) in [("old/a:c:m", "1"), ("old/b:c:m", "2"), ("nb:c:m", "3"), ("nb:d:m", "4")] {
        env.recell(&["put", key, "x=-"]).input(value).ok();
    }
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["rm", "nb:c:m", "--dry-run"],
            &["ls"],
            &["rm", "nb:c:m"],
            &["rm", "nb:c:m"],
            &["rm", "--all", "old/*", "nb:typo"],
            &["rm", "--all", "old/*", "--json"],
            &["ls"],
        ],
    ));
    let trash = env.git(&["for-each-ref", "--format=%(refname)", "refs/recell/trash"]);
    assert_eq!(trash.lines().count(), 3, "{trash}");
}

#[test]
fn a_key_is_its_newest_entry_alone() {
    let env = workspace();
    env.recell(&["put", "nb:c:m", "x=-"]).input("first").ok();
    env.recell(&["put", "nb:c:m", "x=-"]).input("second").ok();
    env.recell(&["rm", "nb:c:m"]).ok();
    let left = env.recell(&["cat", "nb:c:m", "x"]).ok();
    assert_eq!(left, "first");
}
