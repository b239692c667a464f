use crate::support::TestEnv;

#[test]
fn the_demo_shows_the_main_job_and_leaves_nothing_behind() {
    let env = TestEnv::new();
    let shown = env.recell(&["demo"]).run().to_string();
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d+(\.\d+)? (µs|ms|s)\b", "[TIME]");
    settings.add_filter(r" +\[TIME\]", " [TIME]");
    // What the store takes is measured elsewhere.
    settings.add_filter(r" +\d+(\.\d+)? (B|KiB|MiB) \[TIME\]", " [SIZE] [TIME]");
    settings.add_filter(r"take \d+\.\d+ MiB", "take [SIZE]");
    settings.add_filter(r"\b[0-9a-f]{8}\b", "[ID]");
    settings.bind(|| insta::assert_snapshot!(shown));
    assert_eq!(std::fs::read_dir(env.root()).unwrap().count(), 0, "the folder is gone");
}

#[test]
fn the_demo_keeps_its_folder_when_asked() {
    let env = TestEnv::new();
    let printed = env.recell(&["demo", "--keep", "--json"]).ok();
    let value: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(value["same_bytes"], true);
    assert_eq!(value["second_run"]["new"], 4);
    let folder = value["folder"].as_str().unwrap();
    env.recell(&["-C", folder, "verify"]).ok();
    env.recell(&["-C", folder, "restore", "--check", "sales.ipynb"]).ok();
}
