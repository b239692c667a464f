use std::io::Read;
use std::process::Stdio;

use super::{filled, workspace};
use crate::support::transcript;

#[test]
fn ls_lists_names_cells_and_notebooks() {
    let env = filled();
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["ls"],
            &["ls", "reports/*"],
            &["ls", "reports/sales.ipynb:load:9f8"],
            &["ls", "--long"],
            &["ls", "--cells"],
            &["ls", "--notebooks"],
            &["ls", "none"],
            &["ls", "a:b:c:d:e"],
            &["ls", "[a"],
            &["ls", "--cells", "--long"],
        ],
    ));
}

#[test]
fn ls_prints_json_in_every_form() {
    let env = filled();
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["ls", "--json", "nb.ipynb"],
            &["ls", "--json", "--long", "reports/*:*:aa00"],
            &["ls", "--json", "--cells", "nb.ipynb"],
            &["ls", "--json", "--notebooks", "nb.ipynb"],
            &["ls", "--json", "none"],
        ],
    ));
}

#[test]
fn a_reader_that_stops_early_is_no_failure() {
    let env = workspace();
    let lines: String = (0..5000)
        .map(|n| format!("{{\"key\": \"nb:c{n}:m\", \"parts\": {{\"x\": \"{n}\"}}}}\n"))
        .collect();
    env.recell(&["put", "--batch"]).input(lines).ok();
    for args in [&["ls"][..], &["ls", "--long"], &["ls", "--json"]] {
        let mut command = env.recell(args).command();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0; 10]).unwrap();
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{args:?}: {output:?}");
    }
}
