//! Rules, collections, the lock file and gc together: what one keeps, no other gives away.

use recell::{Pattern, Store};

use crate::cli::workspace;
use crate::support::fixtures::fixture;
use crate::support::{TestEnv, assert_sound, noise, size_of};

/// Returns the bytes of all packs.
fn pack_bytes(store: &Store) -> u64 {
    size_of(&store.path().join("objects/pack"))
}

/// Puts `count` versions of 200 kB of one key, by the command.
fn versions(env: &TestEnv, key: &str, count: u64) -> Vec<String> {
    (0..count)
        .map(|n| {
            let at = format!("202611{:02}T120000.000000Z", n + 1);
            let name = env
                .recell(&["put", key, "value=-"])
                .input(noise(200_000, n + 7))
                .with("RECELL_NOW", &at)
                .ok();
            name.trim().to_owned()
        })
        .collect()
}

#[test]
fn gc_gives_back_what_only_runs_still_have() {
    let env = workspace();
    for (at, seed) in [("20261101T120000.000000Z", 1), ("20261102T120000.000000Z", 2)] {
        let mut notebook: serde_json::Value =
            serde_json::from_slice(&fixture("sales.ipynb")).unwrap();
        let data = hex(&noise(150_000, seed));
        notebook["cells"][1]["outputs"] = serde_json::json!([
            {"name": "stdout", "output_type": "stream", "text": [data]}
        ]);
        notebook["cells"][1]["execution_count"] = 1.into();
        env.write("sales.ipynb", serde_json::to_vec(&notebook).unwrap());
        env.recell(&["record", "sales.ipynb"]).with("RECELL_NOW", at).ok();
    }
    let store = env.open();
    let runs = env.git(&["for-each-ref", "refs/recell/collection/run"]);
    assert_eq!(runs.lines().count(), 2, "each record is a run: {runs}");
    let before = pack_bytes(&store);
    env.recell(&["prune", "--keep-last", "1", "--yes"]).ok();
    let plan = env.recell(&["gc", "--dry-run", "--json", "--no-seal"]).ok();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    env.recell(&["gc", "--no-seal", "--all"]).ok();
    let store = env.open();
    let freed = before - pack_bytes(&store);
    assert!(freed > 100_000, "the run let go of it: {freed} of {before}");
    assert!(plan["freed_bytes"].as_u64().unwrap() > 100_000, "and the plan said so: {plan}");
    let runs = env.recell(&["collection", "ls", "--json"]).ok();
    let runs: serde_json::Value = serde_json::from_str(&runs).unwrap();
    let forgotten: u64 =
        runs.as_array().unwrap().iter().map(|run| run["forgotten"].as_u64().unwrap()).sum();
    assert!(forgotten > 0 || runs.as_array().unwrap().len() == 1, "{runs}");
    assert_sound(&store, "after gc");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_collection_keeps_its_entries_from_rules_and_from_gc() {
    let env = workspace();
    let names = versions(&env, "nb:load:m", 5);
    env.recell(&["collection", "create", "paper", &names[0], &names[1]]).ok();
    env.recell(&["prune", "--keep-last", "1", "--yes"]).ok();
    env.recell(&["gc"]).ok();
    let store = env.open();
    let left = store.list(&Pattern::all()).unwrap();
    let left: Vec<&str> = left.iter().map(recell::EntryName::as_str).collect();
    assert_eq!(left, [&names[0], &names[1], &names[4]], "two in the collection, and the newest");
    let plan = env.recell(&["prune", "--keep-last", "1", "--dry-run", "--kept"]).ok();
    assert!(plan.contains("paper"), "the reason names the collection: {plan}");
    assert_sound(&store, "after gc");
}

#[test]
fn a_removal_is_undone_with_all_that_runs_and_collections_have() {
    let env = workspace();
    let names = versions(&env, "nb:load:m", 3);
    let refs = env.git(&["for-each-ref"]);
    env.recell(&["prune", "--keep-last", "1", "--yes"]).ok();
    env.recell(&["gc", "--keep-trash", "1d"]).ok();
    env.recell(&["undo"]).ok();
    assert_eq!(env.git(&["for-each-ref"]), refs);
    for name in &names {
        assert_eq!(env.recell(&["cat", name, "value"]).run().code(), 0);
    }
}

#[test]
fn a_cap_bounds_the_disk_once_the_way_back_is_over() {
    let env = workspace();
    env.write("recell.toml", "[retention]\nmax_bytes = '1MB'\nkeep_trash = '0s'\n");
    versions(&env, "nb:load:m", 28);
    let store = env.open();
    let bytes = pack_bytes(&store);
    assert!((600_000..1_500_000).contains(&bytes), "5.6 MB were put, {bytes} are there");
    assert!(env.git(&["for-each-ref", "refs/recell/trash"]).is_empty());
    assert_sound(&store, "under the cap");
}

#[test]
fn a_notebook_that_cannot_be_read_keeps_all_its_results() {
    let env = workspace();
    env.write("recell.toml", "[retention]\nkeep_last = 1\nclosure = true\n");
    env.write("sales.ipynb", fixture("sales.ipynb"));
    env.recell(&["record", "sales.ipynb"]).with("RECELL_NOW", "20261101T120000.000000Z").ok();
    env.write("sales.ipynb", fixture("second-run/sales.ipynb"));
    env.recell(&["record", "sales.ipynb"]).with("RECELL_NOW", "20261102T120000.000000Z").ok();
    let count = || env.open().list(&Pattern::all()).unwrap().len();
    let before = count();
    env.write("sales.ipynb", "<<<<<<< ours\n{}\n");
    let ran = env.recell(&["prune", "--yes"]).run();
    assert_eq!(count(), before, "what it can produce is not known: {ran}");
    env.write("sales.ipynb", fixture("second-run/sales.ipynb"));
    env.recell(&["prune", "--yes"]).ok();
    assert!(count() < before);
}
