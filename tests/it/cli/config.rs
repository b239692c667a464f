use super::workspace;
use crate::support::{TestEnv, transcript};

#[test]
fn config_lists_what_counts_and_where_it_comes_from() {
    let env = workspace();
    env.write("recell.toml", "[store]\nchunk_threshold = '1MiB'\n");
    env.write("home/.config/recell/config.toml", "ui.color = 'never'\n");
    let origins = env
        .recell(&["config", "--show-origin", "-c", "ui.progress=never"])
        .with("RECELL_STORE", "elsewhere.git")
        .run();
    insta::assert_snapshot!(origins);
    insta::assert_snapshot!(
        "config_forms",
        transcript(
            &env,
            &[
                &["config", "ui"],
                &["config", "store.chunk_threshold"],
                &["config", "record.include"],
                &["config", "--json", "store"],
                &["config", "--json", "record.include"],
                &["config", "store.durabilty"],
            ],
        )
    );
}

#[test]
fn settings_are_explained_even_if_they_are_broken() {
    let env = TestEnv::new();
    env.write("recell.toml", "[store]\ndurability = 'forever'\n");
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["config"],
            &["config", "--describe", "store.durability"],
            &["config", "--describe", "RECELL_NOW"],
            &["config", "--describe", "--json", "ui.color"],
            &["config", "--describe", "nothing"],
        ],
    ));
    insta::assert_snapshot!("all_settings", env.recell(&["config", "--describe"]).run());
}

#[test]
fn config_needs_no_workspace() {
    let env = TestEnv::new();
    assert_eq!(env.recell(&["config", "store.durability"]).ok(), "process\n");
}
