//! Parts that stay on the machine where they were made: readable here whatever becomes of their
//! entries, and nowhere else.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use recell::gc::{GcOptions, Sealing};
use recell::notebook::{NotebookName, rename};
use recell::retention::{
    UsageBy, disk_usage, pin, removal_times, remove, remove_with_pins, undo, unpin,
};
use recell::sync::{local_parts, plan_withholding, withhold};
use recell::{
    ConfigFile, Draft, Entry, EntryName, ExecutionKey, GitEnvironment, LayeredConfig, Lookup, Miss,
    OpenOptions, PartKind, PartPath, Pattern, RepairOptions, Silent, Source, Sources, Store,
    SyncSettings, Timestamp, VerifyOptions, plan_repair, repair, verify,
};

use crate::cli::{notebook, workspace};
use crate::support::child::lingering;
use crate::support::{
    TestEnv, assert_sound, damage_pack, git, key, noise, options, transcript, try_git,
};

fn rules(text: &str) -> SyncSettings {
    let workspace = Some(ConfigFile { path: "recell.toml".into(), text: text.into() });
    LayeredConfig::new(&Sources { workspace, ..Sources::default() }).unwrap().config.sync
}

fn usual() -> SyncSettings {
    rules("[sync]\nexclude = ['variables/**']\nmax_part = '100KB'\n")
}

fn with(rules: &SyncSettings) -> OpenOptions {
    OpenOptions { local_parts: Some(Arc::new(rules.clone())), ..options() }
}

fn open(env: &TestEnv, rules: &SyncSettings) -> Store {
    Store::open(&env.store_path(), with(rules)).unwrap()
}

fn draft<'a>(output: &'a [u8], variable: &'a [u8]) -> Draft<'a> {
    let draft = Draft::new("test").output("out", "text/plain", output).unwrap();
    let path = PartPath::of(PartKind::Variable, "deep/df").unwrap();
    draft.part(path, "application/x-any", Source::from(variable))
}

fn later() -> Timestamp {
    Timestamp::from_micros(1_895_224_240_000_000)
}

fn entry(store: &Store, name: &EntryName) -> Entry {
    store.entry(name).unwrap().ok().unwrap()
}

fn repairing(now: Timestamp) -> RepairOptions {
    RepairOptions { all_names: false, now }
}

fn collect(store: &Store) {
    let options = GcOptions { waste: 0, ..GcOptions::new(later()) };
    let environment = GitEnvironment::new(std::env::vars_os());
    recell::gc::collect(store, &options, Sealing::Always, &environment, &Silent).unwrap();
}

/// A bare repository beside the store, as a remote is.
fn other_repository(env: &TestEnv) -> std::path::PathBuf {
    let path = env.root().join("other.git");
    git(env.root(), &["init", "-q", "--bare", "other.git"]);
    path
}

fn objects(repository: &Path) -> String {
    git(repository, &["cat-file", "--batch-all-objects", "--batch-check"])
}

#[test]
fn a_part_that_stays_is_in_no_entry_tree_and_no_push_carries_it() {
    let env = TestEnv::new();
    drop(env.create());
    let store = open(&env, &usual());
    let secret = noise(70_000, 1);
    let big = noise(5 << 20, 2);
    let name = store.put(&key("nb", "c", "m"), draft(b"shown", &secret)).unwrap();
    let chunked = store.put(&key("nb", "d", "m"), draft(&big, b"x")).unwrap();
    assert_eq!(entry(&store, &name).read("deep/df").ok().unwrap(), secret, "from the journal");
    assert_eq!(
        env.open().entry(&name).unwrap().ok().unwrap().read("deep/df").ok().unwrap(),
        secret
    );
    store.flush().unwrap();
    let entry = entry(&env.open(), &name);
    assert_eq!(entry.read("variables/deep/df").ok().unwrap(), secret, "from a pack");
    let parts = entry.manifest().parts.iter().map(|part| (part.path.as_str(), part.local));
    assert_eq!(parts.collect::<Vec<_>>(), [("outputs/out", false), ("variables/deep/df", true)]);
    let listed = |name: &EntryName| env.git(&["ls-tree", "-r", "--name-only", name.as_str()]);
    assert_eq!(listed(&name), "entry.toml\noutputs/out\n");
    assert_eq!(listed(&chunked), "entry.toml\n", "too large, and a variable");
    let local = env.git(&["ls-tree", "-r", "--name-only", &format!("refs/recell/local/{name}")]);
    assert_eq!(local, "variables/deep/df\n");
    let other = other_repository(&env);
    for name in [&name, &chunked] {
        env.git(&["push", "-q", other.to_str().unwrap(), &format!("refs/tags/{name}")]);
    }
    assert!(!objects(&other).lines().any(|line| line.contains("blob 70000")));
    let blobs = objects(&other).lines().filter(|line| line.contains("blob")).count();
    assert_eq!(blobs, 3, "two manifests and the output: {}", objects(&other));
    env.assert_at_rest("with local parts");
}

#[test]
fn a_name_is_the_same_with_and_without_the_local_parts() {
    let (here, there) = (TestEnv::new(), TestEnv::new());
    drop((here.create(), there.create()));
    let put = |env: &TestEnv, variable: &[u8]| {
        let mut draft = draft(b"shown", variable);
        draft.created_at = Some(later());
        open(env, &usual()).put(&key("nb", "c", "m"), draft).unwrap()
    };
    let name = put(&here, b"bytes");
    assert_eq!(put(&there, b"bytes"), name);
    assert_ne!(put(&there, b"other"), name, "the manifest has the digest");
    // A machine that only has what was pushed.
    let copy = TestEnv::new();
    drop(copy.create());
    let tag = format!("refs/tags/{name}");
    git(&copy.store_path(), &["fetch", "-q", here.store_path().to_str().unwrap(), &tag]);
    git(&copy.store_path(), &["update-ref", &tag, "FETCH_HEAD"]);
    let store = copy.open();
    let found = entry(&store, &name);
    assert_eq!(found.read("out").ok().unwrap(), b"shown");
    let Lookup::Miss(miss) = found.read("deep/df") else { panic!("its bytes never came") };
    assert_eq!(miss.code(), "local_elsewhere");
    assert_eq!(miss, Miss::LocalElsewhere { name: format!("{name}:variables/deep/df") });
    assert!(found.stayed_elsewhere("deep/df") && !found.stayed_elsewhere("out"));
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.entry(&name).ok().unwrap().read("deep/df").ok(), Err(miss));
    assert_sound(&store, "that a part is elsewhere is no damage");
    let plan = plan_repair(&store, &repairing(later()), &Silent).unwrap();
    assert!(plan.steps.is_empty() && plan.at_risk.is_empty(), "{plan:?}");
    assert_eq!(local_parts(&store).unwrap(), []);
    drop((store, found));
    // Who computes it here as well has it.
    assert_eq!(put(&copy, b"bytes"), name);
    assert_eq!(entry(&copy.open(), &name).read("deep/df").ok().unwrap(), b"bytes");
}

#[test]
fn rules_count_by_notebook_and_by_size() {
    let env = TestEnv::new();
    drop(env.create());
    let rules = rules(
        "[sync]\nmax_part = '10B'\n[[sync.rule]]\nmatch = 'open/*'\nmax_part = 'none'\n\
         [[sync.rule]]\nmatch = 'secret/*'\nexclude = ['**']\n",
    );
    let store = open(&env, &rules);
    let locals = |notebook: &str| {
        let name =
            store.put(&key(notebook, "c", "m"), draft(b"short", b"longer than ten")).unwrap();
        let entry = entry(&store, &name);
        assert_eq!(entry.read("out").ok().unwrap(), b"short");
        assert_eq!(entry.read("deep/df").ok().unwrap(), b"longer than ten");
        entry.manifest().parts.iter().map(|part| part.local).collect::<Vec<_>>()
    };
    assert_eq!(locals("nb"), [false, true]);
    assert_eq!(locals("open/nb"), [false, false]);
    assert_eq!(locals("secret/nb"), [true, true]);
    let found = local_parts(&store).unwrap();
    let shown: Vec<_> = found.iter().map(|it| (&*it.notebook, it.parts, it.bytes)).collect();
    assert_eq!(shown, [("nb", 1, 15), ("secret/nb", 2, 20)]);
    assert!(!rules.of_notebook("open/nb").keeps_local("outputs/out", 1 << 40));
}

#[test]
fn removing_and_undoing_take_the_local_parts_along() {
    let env = TestEnv::new();
    drop(env.create());
    let store = open(&env, &usual());
    let secret = noise(50_000, 3);
    let kept = store.put(&key("nb", "c", "m"), draft(b"a", b"small")).unwrap();
    let gone = store.put(&key("nb", "c", "m"), draft(b"b", &secret)).unwrap();
    let usage = disk_usage(&store, &Pattern::all(), UsageBy::Kind).unwrap();
    assert!(usage.local > 50_000 && usage.local < 52_000, "{usage:?}");
    assert!(usage.rows.iter().any(|row| row.group == "variable" && row.bytes > 50_000));
    remove(&store, std::slice::from_ref(&gone), later()).unwrap();
    let refs = env.git(&["for-each-ref", "--format=%(refname)", "refs/recell"]);
    let trash = format!("refs/recell/trash/{}", later());
    let expected = format!("refs/recell/local/{kept}\n{trash}/local/{gone}\n{trash}/{gone}\n");
    assert_eq!(refs, expected);
    let usage = disk_usage(&store, &Pattern::all(), UsageBy::Notebook).unwrap();
    assert!(usage.trash > 50_000 && usage.local < 2_000, "{usage:?}");
    assert_sound(&store, "removed");
    assert_eq!(undo(&store, later(), &Pattern::all()).unwrap(), std::slice::from_ref(&gone));
    assert_eq!(entry(&store, &gone).read("deep/df").ok().unwrap(), secret);
    remove(&store, std::slice::from_ref(&gone), later()).unwrap();
    let plan = recell::gc::plan(&store, &GcOptions::new(later()), &Silent).unwrap();
    assert_eq!(plan.removed(), 1, "an entry, though two refs");
    collect(&store);
    assert!(!objects(&env.store_path()).contains("blob 50000"), "gc gives its bytes back");
    assert_eq!(entry(&store, &kept).read("deep/df").ok().unwrap(), b"small");
    drop(store);
    env.assert_at_rest("collected");
}

#[test]
fn a_renamed_notebook_keeps_its_local_parts() {
    let env = TestEnv::new();
    drop(env.create());
    let store = open(&env, &usual());
    let name = store.put(&key("a.ipynb", "c", "m"), draft(b"a", b"bytes")).unwrap();
    let named = |text: &str| NotebookName::of_path(text.as_ref()).unwrap();
    let done = rename(&store, &[(named("a.ipynb"), named("b.ipynb"))], false, later()).unwrap();
    let (old, new) = done[0].moved[0].clone();
    assert_eq!(old, name);
    assert_eq!(entry(&store, &new).read("deep/df").ok().unwrap(), b"bytes");
    assert!(entry(&store, &new).manifest().part("deep/df").unwrap().local);
    collect(&store);
    assert_eq!(entry(&store, &new).read("deep/df").ok().unwrap(), b"bytes");
    let refs = env.git(&["for-each-ref", "--format=%(refname)", "refs/recell"]);
    assert_eq!(refs, format!("refs/recell/local/{new}\n"));
    drop(store);
    env.assert_at_rest("renamed");
}

#[test]
fn a_damaged_local_part_is_damage_and_the_rest_is_kept() {
    let env = TestEnv::new();
    drop(env.create());
    let store = open(&env, &usual());
    let name = store.put(&key("nb", "c", "m"), draft(b"shown", &noise(9_000, 4))).unwrap();
    let other = store.put(&key("nb", "d", "m"), draft(b"shown", b"whole")).unwrap();
    drop(store);
    damage_pack(&env.store_path(), &noise(9_000, 4)[..64]);
    let store = env.open();
    let Lookup::Miss(miss) = entry(&store, &name).read("deep/df") else { panic!("it is damaged") };
    assert_eq!(miss.code(), "damaged");
    assert_eq!(entry(&store, &name).read("out").ok().unwrap(), b"shown", "the rest can be read");
    let repairs = repairing(later());
    let plan = plan_repair(&store, &repairs, &Silent).unwrap();
    let report = repair(&store, &plan, &repairs, &Silent).unwrap();
    assert_eq!(report.lost.len(), 1, "{report:?}");
    assert_eq!(report.lost[0].parts, ["variables/deep/df"]);
    let kept = format!("refs/recell/damaged/{name}");
    assert_eq!(report.lost[0].kept.as_ref(), Some(&kept));
    assert_eq!(report.left, []);
    assert_eq!(env.git(&["ls-tree", "-r", "--name-only", &kept]), "entry.toml\noutputs/out\n");
    assert!(store.entry(&name).unwrap().hit().is_none());
    assert_eq!(entry(&store, &other).read("deep/df").ok().unwrap(), b"whole");
    let refs = env.git(&["for-each-ref", "--format=%(refname)", "refs/recell/local"]);
    assert_eq!(refs, format!("refs/recell/local/{other}\n"));
    // The same result, computed anew, is whole.
    let store = open(&env, &usual());
    let name = store.put(&key("nb", "c", "m"), draft(b"shown", &noise(9_000, 4))).unwrap();
    assert_eq!(entry(&store, &name).read("deep/df").ok().unwrap(), noise(9_000, 4));
    assert_sound(&store, "healed");
}

#[test]
fn a_lost_tree_of_local_parts_hides_these_alone() {
    let env = TestEnv::new();
    drop(env.create());
    let store = open(&env, &usual());
    let name = store.put(&key("nb", "c", "m"), draft(b"shown", b"bytes")).unwrap();
    store.flush().unwrap();
    let missing = "0123456789abcdef0123456789abcdef01234567";
    let packed = env.store_path().join("packed-refs");
    let text = std::fs::read_to_string(&packed).unwrap();
    let local = format!("refs/recell/local/{name}");
    let line = text.lines().find(|line| line.ends_with(&local)).unwrap().to_owned();
    std::fs::write(&packed, text.replace(&line, &format!("{missing} {local}"))).unwrap();
    let found = entry(&env.open(), &name);
    assert_eq!(found.read("out").ok().unwrap(), b"shown");
    let Lookup::Miss(miss) = found.read("deep/df") else { panic!("nobody knows where it is") };
    assert_eq!(miss.code(), "absent");
    let report = verify(&env.open(), VerifyOptions::default(), &Silent).unwrap();
    let codes: Vec<_> = report.problems.iter().map(|it| it.code).collect();
    assert_eq!(codes, ["absent"], "{report:?}");
}

#[test]
fn a_damaged_name_of_local_parts_is_known_again() {
    for (at, why) in [(3, "in the id"), (40, "between them"), (52, "in the name")] {
        let env = TestEnv::new();
        drop(env.create());
        let store = open(&env, &usual());
        let name = store.put(&key("nb", "c", "m"), draft(b"shown", b"bytes")).unwrap();
        let gone = store.put(&key("nb", "d", "m"), draft(b"gone", b"too")).unwrap();
        remove(&store, &[gone], later()).unwrap();
        collect(&store);
        drop(store);
        let packed = env.store_path().join("packed-refs");
        let mut bytes = std::fs::read(&packed).unwrap();
        let local = format!(" refs/recell/local/{name}");
        let line = memchr::memmem::find(&bytes, local.as_bytes()).unwrap() - 40;
        // No ref has this byte in it.
        bytes[line + at] = b'~';
        std::fs::write(&packed, bytes).unwrap();
        let store =
            Store::open(&env.store_path(), OpenOptions { despite_damage: true, ..options() });
        let store = store.unwrap();
        let plan = plan_repair(&store, &repairing(later()), &Silent).unwrap();
        let report = repair(&store, &plan, &repairing(later()), &Silent).unwrap();
        assert_eq!((report.lost, report.left), (vec![], vec![]), "{why}");
        assert_eq!(report.restored, [format!("refs/recell/local/{name}")], "{why}");
        drop(store);
        assert_eq!(entry(&env.open(), &name).read("deep/df").ok().unwrap(), b"bytes", "{why}");
    }
}

#[test]
fn what_was_put_before_the_rule_is_made_anew() {
    let env = TestEnv::new();
    let store = env.create();
    let secret = noise(70_000, 5);
    let first = store.put(&key("nb", "c", "m"), draft(b"shown", &secret)).unwrap();
    let mut second = Draft::new("test").output("out", "text/plain", b"of it").unwrap();
    second.provenance.upstream = vec![first.to_string()];
    let second = store.put(&key("nb", "d", "m"), second).unwrap();
    let third = store
        .put(&key("nb", "e", "m"), Draft::new("test").output("out", "text/plain", b"x").unwrap())
        .unwrap();
    let names = [third.clone(), second.clone(), first.clone()];
    pin(&store, std::slice::from_ref(&first)).unwrap();
    let none = plan_withholding(&store, &names, &SyncSettings::default()).unwrap();
    assert!(none.is_empty());
    let plan = plan_withholding(&store, &names, &usual()).unwrap();
    assert_eq!((plan.renames.len(), plan.parts, plan.bytes), (2, 1, 70_000));
    assert!(store.entry(&first).unwrap().hit().is_some(), "a plan changes nothing");
    let done = withhold(&store, &plan, later()).unwrap();
    assert_eq!((&done.moved, done.busy.len()), (&plan.renames, 0));
    let new = &done.moved[0].1;
    assert_eq!((&done.moved[0].0, new.created_at()), (&first, first.created_at()));
    let made = entry(&store, new);
    assert_eq!(made.read("deep/df").ok().unwrap(), secret);
    assert_eq!(made.read("out").ok().unwrap(), b"shown");
    assert_eq!(
        env.git(&["ls-tree", "-r", "--name-only", new.as_str()]),
        "entry.toml\noutputs/out\n"
    );
    let upstream = &entry(&store, &done.moved[1].1).manifest().provenance.upstream.clone();
    assert_eq!(upstream, &[new.to_string()], "they know each other by the new names");
    let pins = env.git(&["for-each-ref", "--format=%(refname)", "refs/recell/pin"]);
    assert_eq!(pins, format!("refs/recell/pin/{new}\n"));
    let all = store.list(&Pattern::all()).unwrap();
    assert!(plan_withholding(&store, &all, &usual()).unwrap().is_empty(), "once is enough");
    let other = other_repository(&env);
    env.git(&["push", "-q", other.to_str().unwrap(), "refs/tags/*:refs/tags/*"]);
    assert!(!objects(&other).contains("blob 70000"));
    // Undone, it is withheld once more, under the same name.
    undo(&store, later(), &Pattern::all()).unwrap();
    let again = plan_withholding(&store, &[first, second, third], &usual()).unwrap();
    assert_eq!(again.renames, plan.renames);
    withhold(&store, &again, later()).unwrap();
    collect(&store);
    assert_eq!(entry(&store, new).read("deep/df").ok().unwrap(), secret);
    drop((store, made));
    env.assert_at_rest("withheld");
}

#[test]
fn what_another_process_is_still_writing_is_not_made_anew() {
    let env = TestEnv::new();
    drop(env.create());
    let (_child, written) = lingering(&env.store_path(), 2);
    let store = env.open();
    let names: Vec<EntryName> = written.iter().map(|it| it.name.clone()).collect();
    let all = rules("[sync]\nexclude = ['**']\n");
    let plan = plan_withholding(&store, &names, &all).unwrap();
    assert_eq!(plan.renames.len(), names.len());
    let done = withhold(&store, &plan, later()).unwrap();
    assert_eq!(done.moved, []);
    assert_eq!(done.busy.len(), names.len());
    assert!(store.entry(&names[0]).unwrap().hit().is_some());
}

/// A workspace whose settings keep pictures and variables local, with a recorded notebook and a
/// result of another cell; and a second one that has what plain git brings of it.
fn two_machines() -> (TestEnv, TestEnv) {
    let (here, there) = (workspace(), workspace());
    here.write("recell.toml", "[sync]\nexclude = ['variables/**', 'outputs/*.png']\n");
    for env in [&here, &there] {
        notebook(env, "figures.ipynb", "figures.ipynb");
    }
    here.recell(&["record", "figures.ipynb"]).ok();
    here.recell(&["put", "x:c:m", "variables/df=-", "0.txt=recell.toml"]).input("a,b\n1,2\n").ok();
    let from = here.store_path();
    there.git(&["fetch", "-q", from.to_str().unwrap(), "refs/tags/*:refs/tags/*"]);
    there.git(&["pack-refs", "--all"]);
    (here, there)
}

#[test]
fn commands_say_where_a_part_is() {
    let (here, there) = two_machines();
    let told = [&["show", "x:c"][..], &["get", "x:c"], &["cat", "x:c", "df"]];
    let shown = |env| transcript(env, &told);
    insta::assert_snapshot!(format!("{}\n=== elsewhere\n{}", shown(&here), shown(&there)));
    let status = here.recell(&["status"]).ok();
    assert!(status.contains("\nlocal  ") && status.contains(" stay on this machine"), "{status}");
    assert!(!there.recell(&["status"]).ok().contains("\nlocal  "));
    let json = there.recell(&["get", "x:c", "--json"]).ok();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["elsewhere"], serde_json::json!(["variables/df"]));
    assert_eq!(json["parts"][1]["local"], true);
    let du = here.recell(&["du"]).run().to_string();
    assert!(du.contains("of it stays on this machine"), "{du}");
    let verified = there.recell(&["verify", "--full"]).run().to_string();
    assert!(verified.contains("every byte checked"), "{verified}");
    let out = there.recell(&["get", "x:c", "-o", "out"]).run().to_string();
    assert!(out.contains("out/outputs/0.txt") && out.contains("stayed on the machine"), "{out}");
}

#[test]
fn a_notebook_whose_outputs_are_elsewhere_keeps_its_cells_and_says_so() {
    let (_, there) = two_machines();
    let whole = std::fs::read(there.root().join("figures.ipynb")).unwrap();
    there.recell(&["strip", "--no-record", "figures.ipynb"]).ok();
    let restored = there.recell(&["restore", "figures.ipynb"]).run().to_string();
    assert!(restored.contains("stayed on the machine where it was made"), "{restored}");
    assert!(restored.contains("unusable") && restored.contains("exit code Some(3)"), "{restored}");
    // Who has the outputs at hand, and takes them out of the file, has them in the store.
    there.write("figures.ipynb", &whole);
    there.recell(&["strip", "figures.ipynb"]).ok();
    assert_ne!(std::fs::read(there.root().join("figures.ipynb")).unwrap(), whole);
    there.recell(&["restore", "figures.ipynb"]).ok();
    assert!(std::fs::read(there.root().join("figures.ipynb")).unwrap() == whole);
}

/// What can happen to a store with local parts.
#[derive(Debug, Clone)]
enum Step {
    Put { cell: u8, size: usize, with_rules: bool },
    Flush,
    Remove(prop::sample::Index),
    Undo,
    Rename { from: u8, to: u8 },
    Withhold,
    Pin(prop::sample::Index),
    Unpin(prop::sample::Index),
    Collect,
    Repair,
    Reopen,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_u8, prop_oneof![Just(5_usize), Just(3_000), Just(150_000)], any::<bool>())
            .prop_map(|(cell, size, with_rules)| Step::Put { cell, size, with_rules }),
        1 => Just(Step::Flush),
        2 => any::<prop::sample::Index>().prop_map(Step::Remove),
        2 => Just(Step::Undo),
        1 => (0..3_u8, 0..3_u8).prop_map(|(from, to)| Step::Rename { from, to }),
        1 => Just(Step::Withhold),
        1 => any::<prop::sample::Index>().prop_map(Step::Pin),
        1 => any::<prop::sample::Index>().prop_map(Step::Unpin),
        1 => Just(Step::Collect),
        1 => Just(Step::Repair),
        1 => Just(Step::Reopen),
    ]
}

/// Every entry that is listed has all its parts, each as its digest says.
fn assert_readable(store: &Store) {
    for name in store.list(&Pattern::all()).unwrap() {
        let entry = entry(store, &name);
        for part in &entry.manifest().parts {
            let read = entry.read(part.path.as_str());
            assert!(matches!(read, Lookup::Hit(_)), "{name}:{} {read:?}", part.path);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn local_parts_can_be_read_whatever_becomes_of_their_entries(
        steps in prop::collection::vec(any_step(), 1..14), seed in 1..1000_u64
    ) {
        let env = TestEnv::new();
        drop(env.create());
        let mut store = open(&env, &usual());
        let mut now = later();
        for (number, step) in steps.into_iter().enumerate() {
            now = now.next();
            let names = store.list(&Pattern::all()).unwrap();
            let chosen = |index: &prop::sample::Index| names.get(index.index(names.len().max(1)));
            match step {
                Step::Put { cell, size, with_rules } => {
                    let bytes = noise(size, seed + number as u64);
                    let key = ExecutionKey::new(&format!("nb{cell}"), "c", "m").unwrap();
                    if with_rules {
                        store.put(&key, draft(b"shown", &bytes)).unwrap();
                    } else {
                        env.open().put(&key, draft(b"shown", &bytes)).unwrap();
                    }
                }
                Step::Flush => drop(store.flush().unwrap()),
                Step::Remove(index) => if let Some(name) = chosen(&index) {
                    remove_with_pins(&store, std::slice::from_ref(name), now).unwrap();
                },
                Step::Undo => if let Some((when, _)) = removal_times(&store).unwrap().last() {
                    undo(&store, *when, &Pattern::all()).unwrap();
                },
                Step::Rename { from, to } => {
                    let named = |n: u8| NotebookName::of_path(format!("nb{n}").as_ref()).unwrap();
                    rename(&store, &[(named(from), named(to))], true, now).unwrap();
                }
                Step::Withhold => {
                    let plan = plan_withholding(&store, &names, &usual()).unwrap();
                    withhold(&store, &plan, now).unwrap();
                    let names = store.list(&Pattern::all()).unwrap();
                    prop_assert!(plan_withholding(&store, &names, &usual()).unwrap().is_empty());
                }
                Step::Pin(index) => if let Some(name) = chosen(&index) {
                    pin(&store, std::slice::from_ref(name)).unwrap();
                },
                Step::Unpin(index) => if let Some(name) = chosen(&index) {
                    unpin(&store, std::slice::from_ref(name)).unwrap();
                },
                Step::Collect => collect(&store),
                Step::Repair => {
                    let options = repairing(now);
                    let plan = plan_repair(&store, &options, &Silent).unwrap();
                    let report = repair(&store, &plan, &options, &Silent).unwrap();
                    prop_assert_eq!(report.lost, []);
                }
                Step::Reopen => {
                    drop(store);
                    store = open(&env, &usual());
                }
            }
            assert_readable(&store);
            assert_readable(&env.open());
        }
        drop(store);
        env.open().flush().unwrap();
        assert_readable(&env.open());
        env.assert_at_rest("in the end");
        // With plain git: no entry tree has what its manifest says stays local.
        for name in env.open().list(&Pattern::all()).unwrap() {
            let manifest = entry(&env.open(), &name).manifest().clone();
            for part in manifest.parts {
                let is_there = try_git(&env.store_path(), &["cat-file", "-e", &format!("{name}:{}", part.path)]);
                prop_assert_eq!(is_there.status.success(), !part.local);
            }
        }
    }
}
