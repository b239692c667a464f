//! The command as a person or a script meets it: one file a command.

mod cat;
mod collection;
mod completions;
mod config;
mod demo;
mod filter;
mod flush;
mod gc;
mod get;
mod global;
mod has;
mod init;
mod log;
mod ls;
mod put;
mod record;
mod repair;
mod restore;
mod rm;
mod show;
mod status;
mod strip;
mod verify;

use crate::support::TestEnv;

/// Copies a fixture into a workspace.
pub fn notebook(env: &TestEnv, path: &str, fixture: &str) {
    env.write(path, crate::support::fixtures::fixture(fixture));
}

/// A workspace with an empty store.
pub fn workspace() -> TestEnv {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    env
}

/// A workspace with two results of a cell, one of another, and one with many kinds of parts.
pub fn filled() -> TestEnv {
    let env = workspace();
    env.write("a.txt", "42 rows\n");
    env.write("b.txt", "43 rows\n");
    env.write("t.html", TABLE);
    env.write("p.png", png(640, 480));
    let put = |args: &[&str], now: &str| env.recell(args).with("RECELL_NOW", now).ok();
    let sales = "reports/sales.ipynb:load:9f86d081";
    put(&["put", sales, "0.txt=a.txt"], "20261119T101500.000000Z");
    put(
        &["put", sales, "0.txt=b.txt", "1.png=p.png", "--compute-seconds", "12.5"],
        "20261120T101500.000000Z",
    );
    put(&["put", "reports/sales.ipynb:load:aa00", "0.txt=b.txt"], "20261120T113000.000000Z");
    put(
        &[
            "put",
            "nb.ipynb:all:m1:v2",
            "out.txt=a.txt",
            "table.html=t.html",
            "variables/x.npy=p.png",
        ],
        "20261121T000000.000000Z",
    );
    env
}

const TABLE: &str = "<table><thead><tr><th></th><th>a</th></tr></thead>\
    <tbody><tr><th>0</th><td>1</td></tr><tr><th>1</th><td>2</td></tr></tbody></table>";

/// The head of a PNG of that size; no one draws it.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 6, 0, 0, 0]);
    bytes
}
