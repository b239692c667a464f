use std::process::Stdio;

use super::filled;
use crate::support::{TestEnv, transcript};

#[test]
fn help_lists_the_commands() {
    let env = TestEnv::new();
    insta::assert_snapshot!(transcript(&env, &[&["--help"], &["put", "--help"], &["--version"]]));
}

#[test]
fn a_command_line_that_makes_no_sense_is_refused() {
    let env = TestEnv::new();
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["gte"],
            &["gte", "--json"],
            &["get", "x", "--colour", "never"],
            &["get", "x", "--quiet", "--verbose"],
            &["get", "x", "-c", "ui.color"],
            &["get", "x", "-C", "missing"],
            &["get", "x", "-c", "ui.colour=never"],
            &["get", "x", "-c", "ui.color=pink", "--json"],
        ],
    ));
}

#[test]
fn variables_that_make_no_sense_are_refused() {
    let env = TestEnv::new();
    let shown: String = [
        ("RECELL_NOW", "today"),
        ("RECELL_SEED", "x"),
        ("RECELL_DISK_BUDGET", "much"),
        ("RECELL_UI_COLOUR", "never"),
    ]
    .iter()
    .map(|(name, value)| format!("{name}\n{}\n", env.recell(&["flush"]).with(name, value).run()))
    .collect();
    insta::assert_snapshot!(shown);
}

#[test]
fn colour_is_written_where_it_is_wanted() {
    let env = filled();
    let missing = ["get", "none"];
    let shown: String = [
        ("CLICOLOR_FORCE", "1"),
        ("NO_COLOR", "1"),
        ("RECELL_UI_COLOR", "always"),
        ("TERM", "dumb"),
    ]
    .iter()
    .map(|(name, value)| format!("{name}\n{}\n", env.recell(&missing).with(name, value).run()))
    .collect();
    insta::assert_snapshot!(shown);
    let ran = env.recell(&["get", "none", "--color", "always"]).with("NO_COLOR", "1").run();
    assert!(String::from_utf8_lossy(&ran.output.stderr).contains('\u{1b}'), "the flag wins");
}

#[test]
fn verbose_says_where_things_are_and_quiet_says_errors_only() {
    let env = filled();
    insta::assert_snapshot!(transcript(
        &env,
        &[&["-v", "flush"], &["-q", "flush"], &["-q", "get", "none"], &["-v", "--json", "flush"]],
    ));
}

#[test]
fn settings_are_found_from_below_and_a_broken_file_is_named() {
    let env = filled();
    std::fs::create_dir(env.root().join("deep")).unwrap();
    let key = "reports/sales.ipynb:load:aa00";
    assert_eq!(env.recell(&["-C", "deep", "cat", key, "0.txt"]).ok(), "43 rows\n");
    env.write("recell.toml", "[store\n");
    insta::assert_snapshot!(env.recell(&["-C", "deep", "cat", key, "0.txt"]).run());
}

#[test]
fn a_full_stdout_is_an_error() {
    let env = filled();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = env.recell(&["get", "nb.ipynb"]).command();
    let output = command.stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr));
}
