use super::{filled, workspace};
use crate::support::transcript;

#[test]
fn show_prints_text_and_describes_the_rest() {
    let env = filled();
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["show", "nb.ipynb"],
            &["show", "reports/sales.ipynb:load:9f8"],
            &["show", "reports/sales.ipynb:load:aa00", "--json"],
            &["show", "reports/sales.ipynb:load:9f8", "0.txt"],
            &["show", "--open", "none"],
            &["show", "nb.ipynb", "--color", "always"],
        ],
    ));
}

#[test]
fn long_texts_are_cut_with_a_note() {
    let env = workspace();
    let lines: String = (0..50).map(|n| format!("line {n}\n")).collect();
    env.write("long.txt", lines);
    env.write("wide.txt", "x".repeat(500));
    env.write("huge.log", "y\n".repeat(300_000));
    env.write("t.json", "{\n  \"a\": 1\n}");
    env.recell(&[
        "put",
        "nb:c:m",
        "1.txt=long.txt",
        "2.txt=wide.txt",
        "3.log=huge.log",
        "4.json=t.json",
        "5.txt=-",
    ])
    .input("\x1b[31mred\x1b[0m and \x1b[2Jcleared\n 10%\r 20%\r100%\n")
    .ok();
    insta::assert_snapshot!(transcript(&env, &[&["show", "nb:c"]]));
    let all = env.recell(&["show", "nb:c", "--all"]).ok();
    assert!(all.contains(&"x".repeat(500)) && all.matches("  y\n").count() == 300_000);
}

#[test]
fn an_output_is_written_to_a_file() {
    let env = filled();
    for (args, name, why) in [
        (&["show", "reports/sales.ipynb:load:9f8", "--open"][..], "1.png", "an image tells most"),
        (&["show", "nb.ipynb", "--open"], "table.html", "then a page"),
        (&["show", "nb.ipynb", "--open", "out.txt"], "out.txt", "or what is asked for"),
    ] {
        let path = env.recell(args).ok();
        let path = std::path::Path::new(path.trim());
        assert_eq!(path.file_name().unwrap(), name, "{why}");
        assert!(std::fs::metadata(path).unwrap().len() > 0);
    }
    env.recell(&["put", "nb:d:m", "plot=p.png", "--media-type", "image/png"]).ok();
    assert!(env.recell(&["show", "nb:d", "--open"]).ok().ends_with("/plot.png\n"), "an extension");
    insta::assert_snapshot!(env.recell(&["show", "nb.ipynb", "--open", "none"]).run());
}
