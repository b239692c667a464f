//! The tour of the README works as it stands there.

use std::process::Command;

use crate::support::fixtures::fixtures;
use crate::support::{TestEnv, copy_folder, hermetic};

#[test]
fn every_command_of_the_tour_works() {
    let readme = include_str!("../../README.md");
    let commands: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(commands.len() > 15, "the tour is read whole: {commands:?}");
    let env = TestEnv::new();
    let fixtures = fixtures();
    std::fs::create_dir(env.root().join("second-run")).unwrap();
    for notebook in ["sales.ipynb", "second-run/sales.ipynb"] {
        std::fs::copy(fixtures.join(notebook), env.root().join(notebook)).unwrap();
    }
    let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/buckaroo/bundle");
    copy_folder(&sample, &env.root().join("flights"));
    let before = std::fs::read(fixtures.join("second-run/sales.ipynb")).unwrap();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_recell")).parent().unwrap();
    let path = std::env::join_paths(
        std::iter::once(binary.to_owned())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    for command in commands {
        let mut shell = Command::new("sh");
        shell.args(["-ec", command]).current_dir(env.root());
        let output = hermetic(&mut shell, env.root()).env("PATH", &path).output().unwrap();
        assert!(
            output.status.success(),
            "$ {command}\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        if command == "recell strip sales.ipynb" {
            let stripped = std::fs::read(env.root().join("sales.ipynb")).unwrap();
            assert!(stripped.len() < before.len() / 2, "the outputs are out");
        }
        if command == "recell restore sales.ipynb" {
            let restored = std::fs::read(env.root().join("sales.ipynb")).unwrap();
            assert!(restored == before, "the outputs are back, byte for byte");
        }
    }
}
