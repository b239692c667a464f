//! recell beside raw files and SQLite, in one run on one disk.
//!
//! ```console
//! cargo run --release -p recell-bench -- --tmp /a/folder/on/a/journaled/disk [small large notebooks import …]
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark that cannot go on stops, and peers use the system as it is"
)]

mod bundles;
mod collect;
mod collections;
mod fresh;
mod import;
mod large;
mod log;
mod million;
mod notebooks;
mod processes;
mod report;
mod retention;
mod secrets;
mod small;
mod sync;
mod versions;

use std::path::PathBuf;

fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "child") {
        return processes::child(&args[1..]);
    }
    if args.first().is_some_and(|arg| arg == "million-child") {
        return million::child(&args[1]);
    }
    if args.first().is_some_and(|arg| arg == "bundles-child") {
        return bundles::child(&args[1..]);
    }
    let mut tmp = std::env::temp_dir();
    if let Some(at) = args.iter().position(|arg| arg == "--tmp") {
        tmp = PathBuf::from(args.get(at + 1).expect("--tmp takes a folder"));
        args.drain(at..at + 2);
    }
    // A million entries take minutes and gigabytes: only if they are asked for.
    let wanted =
        |name: &str| (args.is_empty() && name != "million") || args.iter().any(|arg| arg == name);
    let settle = || drop(std::process::Command::new("sync").status());
    for (name, run) in [
        ("small", small::run as fn(&std::path::Path)),
        ("fresh", fresh::run),
        ("versions", versions::run),
        ("processes", processes::run),
        ("large", large::run),
        ("notebooks", notebooks::run),
        ("import", import::run),
        ("retention", retention::run),
        ("gc", collect::run),
        ("million", million::run),
        ("collections", collections::run),
        ("log", log::run),
        ("bundles", bundles::run),
        ("sync", sync::run),
        ("secrets", secrets::run),
    ] {
        if wanted(name) {
            settle();
            let folder = tempfile::tempdir_in(&tmp).unwrap();
            run(folder.path());
        }
    }
}
