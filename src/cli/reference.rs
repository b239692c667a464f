//! `docs/cli.md`, made from the command tree, and the tests that keep the documents true.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory};

use super::CommandLine;
use crate::disk;

const HEAD: &str = "# The command line\n\n\
    Made from the program itself: run `UPDATE_DOCS=1 cargo test --lib reference` to make it anew.\n\
    Exit codes and error codes are in [errors.md](errors.md), what `--json` prints in\n\
    [json.md](json.md).\n";

fn reference() -> String {
    let mut root = CommandLine::command();
    root.build();
    let mut out = HEAD.to_owned();
    let is_global = |arg: &&Arg| arg.is_global_set();
    out.push_str("\n## Flags of every command\n\n");
    arguments(&mut out, root.get_arguments().filter(is_global));
    for command in root.get_subcommands() {
        section(&mut out, command.get_name(), command);
        let shown = |inner: &&Command| !inner.is_hide_set() && inner.get_name() != "help";
        for inner in command.get_subcommands().filter(shown) {
            section(&mut out, &format!("{} {}", command.get_name(), inner.get_name()), inner);
        }
    }
    out
}

fn section(out: &mut String, name: &str, command: &Command) {
    let mut command = command.clone();
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    write!(out, "\n## {name}\n\n```\n{usage}\n```\n\n").unwrap();
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let (first, rest) = about.split_once('\n').unwrap_or((&about, ""));
    writeln!(out, "{first}.").unwrap();
    if !rest.trim().is_empty() {
        writeln!(out, "\n{}", indented_as_code(rest.trim_matches('\n'))).unwrap();
    }
    let own = command
        .get_arguments()
        .filter(|arg| !arg.is_global_set() && !matches!(arg.get_id().as_str(), "help" | "version"));
    let mut list = String::new();
    arguments(&mut list, own);
    if !list.is_empty() {
        write!(out, "\n{list}").unwrap();
    }
}

/// Markdown takes lines for code that stand four blanks in.
fn indented_as_code(text: &str) -> String {
    let lines = text.lines().map(|line| match line.strip_prefix("  ") {
        Some(code) => format!("    {code}"),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn arguments<'a>(out: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    for argument in arguments {
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let mut name = argument.to_string();
        if let (Some(short), Some(_)) = (argument.get_short(), argument.get_long()) {
            name = format!("-{short}, {name}");
        }
        writeln!(out, "- `{name}`: {help}.").unwrap();
    }
}

fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

fn text_of(path: &Path) -> String {
    String::from_utf8(disk::read(path).unwrap()).unwrap()
}

#[test]
fn the_document_of_the_command_line_is_up_to_date() {
    let path = document("cli.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        disk::replace(&path, reference().as_bytes()).unwrap();
    }
    assert!(
        text_of(&path) == reference(),
        "run `UPDATE_DOCS=1 cargo test --lib reference` and look at what changed"
    );
}

#[test]
fn the_command_tree_is_well_formed() {
    CommandLine::command().debug_assert();
    let root = CommandLine::command();
    let global: Vec<_> = root.get_arguments().map(Arg::get_id).collect();
    for command in root.get_subcommands() {
        for argument in command.get_arguments() {
            let name = format!("{} {}", command.get_name(), argument.get_id());
            // One id in both means one value for both.
            assert!(!global.contains(&argument.get_id()), "{name} is called as a global flag");
            assert!(argument.get_help().is_some(), "{name} has no help");
        }
    }
}

#[test]
fn every_code_is_in_the_document_of_errors() {
    let text = text_of(&document("errors.md"));
    let sources = [include_str!("../error/code.rs"), include_str!("../lookup.rs")];
    let codes: Vec<&str> = sources
        .iter()
        .flat_map(|source| source.lines())
        .filter_map(|line| line.trim().strip_suffix("\",")?.split_once(" => \""))
        .map(|(_, code)| code)
        .collect();
    assert!(codes.len() > 20, "the codes are found in the source");
    for code in codes {
        assert!(text.contains(&format!("\n| `{code}` |")), "{code} is not in docs/errors.md");
    }
}
