//! `recell gc`.

use super::workspace;
use crate::support::{noise, transcript};

#[test]
fn garbage_is_shown_by_reason_and_goes_for_good() {
    let env = workspace();
    for cell in ["a", "b", "c", "d"] {
        let bytes = noise(40_000, u64::from(cell.as_bytes()[0]));
        env.recell(&["put", &format!("nb:{cell}:m"), "x=-"]).input(bytes).ok();
    }
    env.recell(&["rm", "nb:a:m", "nb:b:m"]).with("RECELL_NOW", "20261101T000000.000000Z").ok();
    env.recell(&["rm", "nb:c:m"]).ok();
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["gc", "--dry-run"],
            &["gc", "--dry-run", "--json", "--keep-trash", "7d"],
            &["gc", "--keep-trash", "7d"],
            &["gc"],
            &["gc"],
            &["gc", "--keep-trash", "soon"],
            &["ls"],
        ],
    ));
    env.git(&["fsck", "--strict"]);
}
