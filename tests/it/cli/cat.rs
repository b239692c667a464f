use std::io::Read;
use std::process::Stdio;

use super::{filled, workspace};
use crate::support::{noise, transcript};

#[test]
fn cat_prints_the_bytes_of_a_part() {
    let env = filled();
    let key = "reports/sales.ipynb:load:9f86d081";
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["cat", key, "outputs/0.txt"],
            &["cat", key, "0.txt", "--range", "0..2"],
            &["cat", key, "0.txt", "--range", "3.."],
            &["cat", key, "0.txt", "--range", "100..200"],
            &["cat", key, "0.txt", "--range", "2..1"],
            &["cat", key, "none"],
            &["cat", key, "none", "--range", "0..1"],
            &["cat", "none:c:m", "x"],
            &["cat", key],
        ],
    ));
}

#[test]
fn large_parts_come_out_whole_and_in_ranges() {
    let env = workspace();
    let bytes = noise(40 << 20, 7);
    env.write("big", &bytes);
    env.recell(&["put", "nb:c:m", "big=big"]).ok();
    assert!(env.recell(&["cat", "nb:c:m", "big"]).run().output.stdout == bytes);
    let range = env.recell(&["cat", "nb:c:m", "big", "--range", "1000..36000000"]).run();
    assert!(range.output.stdout == bytes[1000..36_000_000]);
}

#[test]
fn a_reader_that_stops_early_is_no_failure() {
    let env = workspace();
    env.write("big", noise(40 << 20, 7));
    env.recell(&["put", "nb:c:m", "big=big"]).ok();
    let cat = env.recell(&["cat", "nb:c:m", "big"]);
    let mut child = cat.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 100]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
