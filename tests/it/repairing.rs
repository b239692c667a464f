//! Repair saves all that can be read, deletes nothing, and names what is lost.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use recell::gc;
use recell::retention::remove;
use recell::{
    Draft, EntryName, GitEnvironment, Lookup, ObjectFormat, OpenOptions, Pattern, RepairOptions,
    RepairReport, Silent, Store, Timestamp, VerifyOptions, plan_repair, repair, verify,
};

use crate::support::child::{Job, child_options};
use crate::support::{TestEnv, copy_folder, damage_pack, files_below, git, key, noise, put};

fn now() -> Timestamp {
    Timestamp::from_micros(1_795_225_000_000_000)
}

fn tolerant() -> OpenOptions {
    OpenOptions { despite_damage: true, ..child_options() }
}

/// A store of three packs, one of them of deltas, with a removed entry.
struct Specimen {
    env: TestEnv,
    entries: BTreeMap<EntryName, Vec<u8>>,
    removed: EntryName,
}

impl Specimen {
    fn new() -> Specimen {
        let env = TestEnv::new();
        let store = Store::create(&env.store_path(), ObjectFormat::Sha1, child_options()).unwrap();
        let mut entries = BTreeMap::new();
        let mut text: Vec<u8> =
            (0..300).flat_map(|n| format!("row {n}: {}\n", n * n).into_bytes()).collect();
        for version in 0..8 {
            text[version * 50] = b'#';
            entries.insert(put(&store, &key("nb.ipynb", "text", "m"), &text), text.clone());
        }
        gc::seal(&store, &GitEnvironment::new(std::env::vars_os())).unwrap();
        for number in 0..6_u64 {
            let bytes = noise(20_000 + usize::try_from(number).unwrap(), number);
            let name = put(&store, &key("nb.ipynb", &format!("c{number}"), "m"), &bytes);
            entries.insert(name, bytes);
        }
        store.flush().unwrap();
        let bytes = noise(2_500_000, 99);
        entries.insert(put(&store, &key("nb.ipynb", "chunks", "m"), &bytes), bytes);
        let removed = put(&store, &key("nb.ipynb", "removed", "m"), &noise(3_000, 77));
        remove(&store, std::slice::from_ref(&removed), now()).unwrap();
        drop(store);
        Specimen { env, entries, removed }
    }

    fn path(&self) -> PathBuf {
        self.env.store_path()
    }

    /// Repairs after one that was interrupted.
    fn repair_again(&self, context: &str) -> RepairReport {
        let store = Store::open(&self.path(), tolerant()).unwrap();
        let options = RepairOptions { all_names: false, now: now() };
        let plan = plan_repair(&store, &options, &Silent).unwrap();
        let report = repair(&store, &plan, &options, &Silent).unwrap();
        assert_eq!(report.left, [], "{context}");
        let store = Store::open(&self.path(), child_options()).unwrap();
        let there = self.entries.iter().filter(|(name, bytes)| {
            let entry = store.entry(name).unwrap().hit();
            entry.is_some_and(|entry| entry.read("outputs/out").ok().unwrap() == **bytes)
        });
        assert!(there.count() + 1 >= self.entries.len(), "{context}");
        report
    }

    /// Repairs, and checks what every repair promises; returns what was reported.
    fn repair(&self, context: &str) -> RepairReport {
        let before = tempfile::tempdir().unwrap();
        copy_folder(&self.path(), &before.path().join("s"));
        let store = Store::open(&self.path(), tolerant()).unwrap();
        let options = RepairOptions { all_names: false, now: now() };
        let plan = plan_repair(&store, &options, &Silent).unwrap();
        assert!(!plan.is_empty(), "{context}: there is something to repair");
        for path in files_below(before.path()) {
            let name = path.strip_prefix(before.path().join("s")).unwrap();
            let same =
                std::fs::read(self.path().join(name)).unwrap() == std::fs::read(&path).unwrap();
            assert!(same || name.ends_with("suspects"), "{context}: a plan changes nothing");
        }
        let report = repair(&store, &plan, &options, &Silent).unwrap();
        assert_eq!(report.left, [], "{context}");
        drop(store);
        // Nothing is deleted: every damaged file is among those that were set aside.
        let aside: Vec<Vec<u8>> = files_below(&self.path().join("recell/damaged"))
            .iter()
            .map(|path| std::fs::read(path).unwrap())
            .collect();
        for path in files_below(before.path()) {
            let bytes = std::fs::read(&path).unwrap();
            let now = self.path().join(path.strip_prefix(before.path().join("s")).unwrap());
            let is_kept =
                std::fs::read(&now).is_ok_and(|now| now == bytes) || aside.contains(&bytes);
            let is_cache = path.ends_with("recell/suspects") || path.ends_with("recell/packs");
            assert!(is_kept || is_cache, "{context}: {}", path.display());
        }
        let store = Store::open(&self.path(), child_options()).unwrap();
        let check = verify(&store, VerifyOptions { full: true }, &Silent).unwrap();
        assert_eq!(check.problems, [], "{context}");
        git(&self.path(), &["fsck", "--full", "--strict"]);
        // What is there is right, and what is not was named.
        let there = store.list(&Pattern::all()).unwrap();
        for (name, bytes) in &self.entries {
            let lost = report.lost.iter().any(|loss| loss.name == name.as_str());
            assert_eq!(there.contains(name), !lost, "{context}: {name} {:?}", report.lost);
            if !lost {
                let Lookup::Hit(entry) = store.entry(name).unwrap() else { panic!("{context}") };
                assert!(entry.read("outputs/out").ok().unwrap() == *bytes, "{context}: {name}");
            }
        }
        assert_eq!(there.len() + report.lost.len(), self.entries.len(), "{context}: {report:?}");
        assert!(!there.contains(&self.removed), "{context}: what was removed stays removed");
        assert!(plan_repair(&store, &options, &Silent).unwrap().is_empty(), "{context}");
        report
    }

    fn packs(&self, extension: &str) -> Vec<PathBuf> {
        let mut found = files_below(&self.path().join("objects/pack"));
        found.retain(|path| path.extension().is_some_and(|found| found == extension));
        found
    }
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Every place where a repair can die.
pub const POINTS: [&str; 3] = ["pack salvaged", "refs mended", "rests stored"];

/// Run by a process of its own: repairs, and dies.
pub fn repair_and_die(path: &Path, crash_at: &str) {
    let store = Store::open(path, tolerant()).unwrap();
    let options = RepairOptions { all_names: false, now: now() };
    let plan = plan_repair(&store, &options, &Silent).unwrap();
    recell::arm_faults(Some(crash_at.to_owned()), None);
    repair(&store, &plan, &options, &Silent).unwrap();
}

#[test]
fn a_crash_while_repairing_loses_nothing_that_could_be_saved() {
    for point in POINTS.into_iter().chain(["pack written", "index written", "refs renamed"]) {
        let specimen = Specimen::new();
        for pack in specimen.packs("pack") {
            change(&pack, |bytes| *bytes.last_mut().unwrap() ^= 1);
        }
        damage_pack(&specimen.path(), &noise(20_000, 0)[100..164]);
        change(&specimen.path().join("packed-refs"), |bytes| bytes[3] ^= 1);
        let job = Job { crash_at: point.into(), ..Job::new("repair", &specimen.path(), 1) };
        let died = job.command().output().unwrap();
        let stderr = String::from_utf8_lossy(&died.stderr);
        assert!(!died.status.success() && !stderr.contains("panicked"), "{point}: {stderr}");
        let report = specimen.repair_again(point);
        assert!(report.lost.len() <= 1, "{point}: {:?}", report.lost);
    }
}

#[test]
fn indices_that_are_gone_or_damaged_are_made_anew() {
    for kind in ["gone", "flipped", "empty", "of another pack"] {
        let specimen = Specimen::new();
        let indices = specimen.packs("idx");
        for index in &indices {
            match kind {
                "gone" => std::fs::remove_file(index).unwrap(),
                "flipped" => change(index, |bytes| bytes[1100] ^= 4),
                "empty" => change(index, Vec::clear),
                _ => {
                    let other =
                        std::fs::read(indices.iter().find(|i| *i != index).unwrap()).unwrap();
                    change(index, |bytes| *bytes = other);
                    break;
                }
            }
        }
        let report = specimen.repair(kind);
        assert_eq!(report.lost, [], "{kind}");
        assert_eq!(report.salvaged, 0, "{kind}: the packs are sound");
    }
}

#[test]
fn a_damaged_pack_costs_what_the_damage_covers_and_no_more() {
    // A part, a whole row of bytes, the head, the end, and without the help of the index.
    type Damage = fn(&Specimen, &Path);
    let damages: [(&str, Damage, usize); 5] = [
        ("a flipped bit in a part", |_, pack| change(pack, |b| b[30_000] ^= 1), 1),
        ("4 KB of zeros", |_, pack| change(pack, |b| b[30_000..34_096].fill(0)), 1),
        ("a damaged head", |_, pack| change(pack, |b| b[..12].fill(7)), 0),
        ("a damaged checksum", |_, pack| change(pack, |b| *b.last_mut().unwrap() ^= 1), 0),
        (
            "zeros, and no index",
            |_, pack| {
                change(pack, |b| b[30_000..34_096].fill(0));
                std::fs::remove_file(pack.with_extension("idx")).unwrap();
            },
            1,
        ),
    ];
    for (context, damage, most) in damages {
        let specimen = Specimen::new();
        let needle = noise(20_000, 0);
        let pack = specimen
            .packs("pack")
            .into_iter()
            .find(|path| {
                memchr::memmem::find(&std::fs::read(path).unwrap(), &needle[..64]).is_some()
            })
            .unwrap();
        damage(&specimen, &pack);
        let report = specimen.repair(context);
        assert!(report.salvaged > 0, "{context}");
        assert!(report.lost.len() <= most, "{context}: {:?}", report.lost);
        assert_eq!(report.lost.is_empty(), most == 0, "{context}");
    }
}

#[test]
fn of_an_entry_that_lost_a_part_the_rest_is_kept() {
    let env = TestEnv::new();
    let store = env.create();
    let nb = key("nb", "c", "m");
    let draft = Draft::new("test")
        .output("good", "text/plain", b"this is good".as_slice())
        .unwrap()
        .output("bad", "text/plain", b"this is damaged".as_slice())
        .unwrap();
    let first = put(&store, &nb, b"the older one");
    let name = store.put(&nb, draft).unwrap();
    store.flush().unwrap();
    drop(store);
    damage_pack(&env.store_path(), b"this is damaged");
    let store = Store::open(&env.store_path(), tolerant()).unwrap();
    let options = RepairOptions { all_names: false, now: now() };
    let plan = plan_repair(&store, &options, &Silent).unwrap();
    let report = repair(&store, &plan, &options, &Silent).unwrap();
    assert_eq!(report.left, []);
    let [loss] = &report.lost[..] else { panic!("{report:?}") };
    assert_eq!(
        (loss.name.as_str(), &loss.parts[..]),
        (name.as_str(), &["outputs/bad".to_owned()][..])
    );
    let kept = format!("refs/recell/damaged/{name}");
    assert_eq!(loss.kept.as_deref(), Some(kept.as_str()));
    assert_eq!(env.git(&["show", &format!("{kept}:outputs/good")]), "this is good");
    assert!(env.git(&["show", &format!("{kept}:entry.toml")]).contains("lost_parts"));
    let newest = env.open().newest(&nb).unwrap();
    assert_eq!(newest, Some(first), "the older one is the newest that is whole");
    // Collected, what is left stays.
    let store = env.open();
    crate::collecting_garbage::collect(&store).unwrap();
    assert_eq!(env.git(&["show", &format!("{kept}:outputs/good")]), "this is good");
}

#[test]
fn damaged_names_are_found_again_by_their_entries() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 7] = [
        ("a flipped bit in the header", |b| b[3] ^= 1),
        ("a flipped bit in an id", |b| b[60] ^= 1),
        ("a line break that is gone", |b| {
            let at = b.len() / 2;
            let at = at + b[at..].iter().position(|byte| *byte == b'\n').unwrap();
            b[at] = b'x';
        }),
        ("a flipped bit in a name", |b| {
            let at = memchr::memmem::rfind(b, b"refs/tags/").unwrap();
            b[at + 30] ^= 1;
        }),
        ("half of it is gone", |b| b.truncate(b.len() / 2)),
        ("all of it is zeros", |b| b.fill(0)),
        ("its header is gone, and two lines changed places", |b| {
            let text = String::from_utf8(b.clone()).unwrap();
            let mut lines: Vec<&str> = text.lines().skip(1).collect();
            lines.swap(2, 3);
            *b = (lines.join("\n") + "\n").into_bytes();
        }),
    ];
    for (context, damage) in damages {
        let specimen = Specimen::new();
        let path = specimen.path().join("packed-refs");
        let trash = std::fs::read_to_string(&path).unwrap();
        assert!(trash.contains("refs/recell/trash/"));
        change(&path, damage);
        // Where every line is gone, nothing tells what was removed.
        if context.starts_with("all") || context.starts_with("half") {
            let store = Store::open(&specimen.path(), tolerant()).unwrap();
            let options = RepairOptions { all_names: false, now: now() };
            let plan = plan_repair(&store, &options, &Silent).unwrap();
            let report = repair(&store, &plan, &options, &Silent).unwrap();
            assert_eq!((&report.left[..], &report.lost[..]), (&[][..], &[][..]), "{context}");
            let there = Store::open(&specimen.path(), child_options()).unwrap();
            let there = there.list(&Pattern::all()).unwrap();
            assert!(specimen.entries.keys().all(|name| there.contains(name)), "{context}");
            continue;
        }
        let report = specimen.repair(context);
        assert_eq!(report.lost, [], "{context}");
    }
}

#[test]
fn settings_and_what_only_saves_time_are_made_anew() {
    for (file, damage) in [
        ("HEAD", "ref: refs/hexds/main\n"),
        ("recell/contents", "RCLKNW1 damaged"),
        ("objects/aa/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "no object"),
    ] {
        let specimen = Specimen::new();
        let path = specimen.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, damage).unwrap();
        assert_eq!(specimen.repair(file).lost, [], "{file}");
    }
    let specimen = Specimen::new();
    let config = specimen.path().join("config");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("pruneExpire = never", "pruneExpire = now")).unwrap();
    specimen.repair("config");
    assert_eq!(git(&specimen.path(), &["config", "gc.pruneExpire"]).trim(), "never");
}

#[test]
fn damage_anywhere_in_a_pack_or_the_names_is_repaired() {
    let seed = std::env::var("RECELL_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("RECELL_TEST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let specimen = Specimen::new();
    let original = tempfile::tempdir().unwrap();
    copy_folder(&specimen.path(), &original.path().join("s"));
    for round in 0..12 {
        std::fs::remove_dir_all(specimen.path()).unwrap();
        copy_folder(&original.path().join("s"), &specimen.path());
        let mut files = specimen.packs("pack");
        files.extend(specimen.packs("idx"));
        let file = &files[random.usize(..files.len())];
        let len = std::fs::metadata(file).unwrap().len();
        let at = random.usize(..usize::try_from(len).unwrap());
        let bit = 1 << random.u8(..8);
        let context = format!("seed {seed}, round {round}: byte {at} of {}", file.display());
        change(file, |bytes| bytes[at] ^= bit);
        let report = specimen.repair(&context);
        // One bit of a base costs the versions that stand on it.
        assert!(report.lost.len() <= 8, "{context}: {:?}", report.lost);
    }
}
