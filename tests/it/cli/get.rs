use super::{filled, workspace};
use crate::support::{damage_pack, transcript};

#[test]
fn get_prints_what_an_entry_holds() {
    let env = filled();
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["get", "reports/sales.ipynb:load:9f86d081"],
            &["get", "reports/sales.ipynb:load"],
            &["get", "nb.ipynb"],
            &["get", "nb.ipynb:all:m1:v2", "--json"],
        ],
    ));
}

#[test]
fn an_entry_is_had_by_its_own_name_and_by_its_id() {
    let env = filled();
    let tags = env.git(&["tag", "-l", "reports*/9f86d081/*"]);
    let oldest = tags.lines().next().unwrap();
    let tag = format!("refs/tags/{oldest}");
    for name in [oldest, &tag, &oldest[oldest.len() - 8..], &oldest[oldest.len() - 8..][..5]] {
        assert_eq!(env.recell(&["cat", name, "0.txt"]).ok(), "42 rows\n", "{name}");
    }
}

#[test]
fn what_is_not_stored_is_a_miss() {
    let env = filled();
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["get", "reports/sales.ipynb:load:9f86"],
            &["get", "reports/sales.ipynb:load:9f86d081", "--json", "-C", "reports"],
            &["get", "nb.ipynb:all:m1"],
            &["--json", "get", "none"],
            &["get", "*"],
            &["get", "--json", "*"],
            &["get", "a:b:c:d:e"],
            &["get", ""],
        ],
    ));
}

#[test]
fn get_writes_the_parts_as_files() {
    let env = filled();
    insta::assert_snapshot!(transcript(
        &env,
        &[&["get", "nb.ipynb", "-o", "out"], &["get", "nb.ipynb", "-o", "out", "--json"]],
    ));
    let read = |path: &str| std::fs::read(env.root().join("out").join(path)).unwrap();
    assert_eq!(read("outputs/out.txt"), b"42 rows\n");
    assert!(String::from_utf8(read("entry.toml")).unwrap().contains("cell = \"all\""));
    assert_eq!(std::fs::read_dir(env.root().join("out/outputs")).unwrap().count(), 2);
}

#[test]
fn nothing_is_written_outside_the_folder() {
    let env = workspace();
    env.write("outside/keep.txt", "mine");
    env.recell(&["put", "nb:c:m", "files/../../evil=-"]).input("evil").ok();
    env.recell(&["get", "nb:c:m", "-o", "out"]).ok();
    assert!(env.root().join("out/files/%2e%2e/%2e%2e/evil").exists());
    assert!(!env.root().join("evil").exists());

    env.recell(&["put", "nb:d:m", "keep.txt=-"]).input("evil").ok();
    std::fs::create_dir(env.root().join("linked")).unwrap();
    std::os::unix::fs::symlink("../outside", env.root().join("linked/outputs")).unwrap();
    insta::assert_snapshot!(env.recell(&["get", "nb:d:m", "-o", "linked"]).run());

    std::fs::create_dir_all(env.root().join("file/outputs")).unwrap();
    let link = env.root().join("file/outputs/keep.txt");
    std::os::unix::fs::symlink("../../outside/keep.txt", &link).unwrap();
    env.recell(&["get", "nb:d:m", "-o", "file"]).ok();
    assert_eq!(std::fs::read_to_string(&link).unwrap(), "evil", "the link itself was replaced");
    let kept = std::fs::read_to_string(env.root().join("outside/keep.txt")).unwrap();
    assert_eq!(kept, "mine");
}

#[test]
fn damage_has_an_exit_code_of_its_own() {
    let env = workspace();
    env.write("y.txt", "others");
    env.recell(&["put", "nb:c:m", "x=-", "y=y.txt"]).input("some bytes of mine").ok();
    damage_pack(&env.store_path(), b"bytes of");
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["cat", "nb:c:m", "x"],
            &["get", "nb:c:m", "-o", "out"],
            &["cat", "nb:c:m", "x", "--json"],
        ],
    ));
    assert!(!env.root().join("out/outputs/x").exists(), "no wrong bytes are left");
}
