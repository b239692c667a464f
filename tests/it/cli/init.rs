use crate::support::{TestEnv, git, transcript};

#[test]
fn init_makes_a_workspace_and_says_what() {
    let env = TestEnv::new();
    insta::assert_snapshot!(transcript(&env, &[&["init"], &["init"], &["init", "--json", "a/b"]]));
    let ignore = std::fs::read_to_string(env.root().join(".recell/.gitignore")).unwrap();
    assert_eq!(ignore, "*\n");
    assert!(env.root().join("a/b/.recell/store.git/HEAD").exists());
}

#[test]
fn init_keeps_what_is_there() {
    let env = TestEnv::new();
    env.write("recell.toml", "[ui]\ncolor = 'never'\n");
    env.recell(&["init"]).ok();
    let text = std::fs::read_to_string(env.root().join("recell.toml")).unwrap();
    assert_eq!(text, "[ui]\ncolor = 'never'\n");
    let again = env.recell(&["init", "--object-format", "sha256"]).run();
    insta::assert_snapshot!(again);
}

#[test]
fn the_object_format_is_chosen_once() {
    let env = TestEnv::new();
    env.recell(&["init", "--object-format", "sha256"]).ok();
    assert_eq!(env.git(&["rev-parse", "--show-object-format"]).trim(), "sha256");
    insta::assert_snapshot!(env.recell(&["init", "--object-format", "md5"]).run());
}

#[test]
fn a_store_that_a_flag_names_is_named_in_the_settings() {
    let env = TestEnv::new();
    let elsewhere = env.root().join("elsewhere.git");
    env.recell(&["init", "nb", "--store", elsewhere.to_str().unwrap()]).ok();
    let status = env.recell(&["-C", "nb", "put", "nb:c:m", "x=-"]).input("1").run();
    assert_eq!(status.code(), 0, "{status}");
    assert!(elsewhere.join("HEAD").exists() && !env.root().join("nb/.recell").exists());
}

#[test]
fn pyproject_with_a_table_of_recell_is_settings_enough() {
    let env = TestEnv::new();
    env.write("pyproject.toml", "[tool.recell]\nstore.durability = 'sync'\n");
    insta::assert_snapshot!(env.recell(&["init"]).run());
    assert!(!env.root().join("recell.toml").exists());
}

#[test]
fn linked_work_trees_use_one_store() {
    let env = TestEnv::new();
    let main = env.root().join("main");
    std::fs::create_dir(&main).unwrap();
    git(&main, &["init", "-q"]);
    env.recell(&["-C", "main", "init"]).ok();
    git(&main, &["add", "."]);
    git(&main, &["commit", "-q", "-m", "settings"]);
    assert_eq!(git(&main, &["ls-files"]), "recell.toml\n", "the store is never committed");
    git(&main, &["worktree", "add", "-q", "../linked"]);
    let name = env.recell(&["-C", "linked", "put", "nb:c:m", "x=-"]).input("1").ok();
    assert_eq!(env.recell(&["-C", "main", "cat", name.trim(), "x"]).ok(), "1");
    assert!(!env.root().join("linked/.recell").exists());
}
