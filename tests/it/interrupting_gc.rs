//! Collection loses nothing wherever it is interrupted, whoever writes meanwhile, and on a full
//! disk.

use std::path::Path;

use recell::gc;
use recell::retention::remove;
use recell::{EntryName, Lookup, ObjectFormat, Pattern, Silent, Store, Timestamp};

use crate::collecting_garbage::{all, collect, now, read};
use crate::full_disk::Mounted;
use crate::support::child::{Ack, Job, acks, assert_kept, child_options, content, key_of};
use crate::support::{
    TestEnv, assert_sound, copy_folder, hit, key, noise, options, out, put, size_of,
};

/// Every place where a collection can die.
pub const POINTS: [&str; 8] = [
    "trash dropped",
    "sweeping",
    "copied",
    "copy placed",
    "pack going",
    "pack removed",
    "loose removed",
    "contents pruned",
];

#[test]
fn a_crash_at_any_point_of_a_collection_loses_nothing_and_the_next_does_the_rest() {
    for point in
        POINTS.into_iter().chain(["refs locked", "refs renamed", "pack written", "index written"])
    {
        let env = TestEnv::new();
        let job = Job {
            count: 24,
            flush_every: 6,
            crash_at: point.into(),
            ..Job::new("create, write and collect", &env.root().join("s"), 1)
        };
        let job = Job { store: env.store_path(), acks: env.root().join("acks"), ..job };
        let died = job.command().output().unwrap();
        let stderr = String::from_utf8_lossy(&died.stderr);
        assert!(!died.status.success(), "{point} was never reached");
        assert!(!stderr.contains("panicked"), "{point}: {stderr}");
        let kept = acks(&job.acks);
        assert!(kept.len() >= 10, "{point}");
        assert_kept(&env.open(), &kept, point);
        assert_sound(&env.open(), point);
        let store = Store::open(&env.store_path(), child_options()).unwrap();
        collect(&store).unwrap();
        assert_kept(&env.open(), &kept, point);
        assert_eq!(store.list(&Pattern::all()).unwrap().len(), kept.len(), "{point}");
        env.assert_at_rest(point);
        let plan = gc::plan(&store, &all(), &Silent).unwrap();
        assert!(plan.is_empty(), "{point}: {plan:?}");
        // Removed contents can be put again, whatever was left of them.
        for seed in 1_000_001..=1_000_024 {
            let key = key("again", &format!("c{seed}"), "m");
            put(&store, &key, &content(seed));
            assert!(out(&store, &key) == content(seed), "{point}: {seed}");
        }
        drop(store);
        env.assert_at_rest(point);
    }
}

/// Run by a process of its own: puts, removes every other entry, and collects.
pub fn write_and_collect(path: &Path, kept: &Path, (seed, count): (u64, u64), crash_at: &str) {
    let store = Store::create(path, ObjectFormat::Sha1, child_options()).unwrap();
    let mut lines = String::new();
    let mut gone = Vec::new();
    for number in 1..=count {
        let seed = seed * 1_000_000 + number;
        let name = put(&store, &key_of(seed), &content(seed));
        if number % 2 == 0 {
            lines.push_str(name.as_str());
            lines.push('\t');
            lines.push_str(&seed.to_string());
            lines.push('\n');
        } else {
            gone.push(name);
        }
        if number % 6 == 0 {
            store.flush().unwrap();
        }
    }
    // A pack that goes as a whole.
    for number in 1..=3 {
        gone.push(put(&store, &key("gone", &format!("c{number}"), "m"), &noise(90_000, number)));
    }
    store.flush().unwrap();
    let loose = path.with_file_name("loose");
    std::fs::write(&loose, "somebody's").unwrap();
    crate::support::git(path, &["hash-object", "-w", loose.to_str().unwrap()]);
    remove(&store, &gone, now()).unwrap();
    std::fs::write(kept, lines).unwrap();
    recell::arm_faults(Some(crash_at.to_owned()), None);
    collect(&store).unwrap();
}

#[test]
fn writers_flushes_removals_and_collections_at_once_lose_nothing() {
    let seed = std::env::var("RECELL_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("RECELL_TEST_SEED={seed}");
    let env = TestEnv::new();
    drop(env.create());
    let jobs: Vec<Job> = (1..=4)
        .map(|number| Job { count: 60, ..Job::new("churn", &env.store_path(), seed * 10 + number) })
        .collect();
    let mut children: Vec<_> = jobs.iter().map(Job::start).collect();
    let reader = Store::open(&env.store_path(), child_options()).unwrap();
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut collected, mut killed) = (0, 0);
    while children.iter_mut().any(|child| child.0.try_wait().unwrap().is_none()) {
        collect(&reader).unwrap();
        collected += 1;
        std::thread::sleep(std::time::Duration::from_millis(random.u64(..30)));
        if killed == 0 && random.u8(..20) == 0 {
            children[0].0.kill().unwrap();
            killed = 1;
        }
    }
    for child in &mut children[killed..] {
        assert!(child.0.wait().unwrap().success(), "seed {seed}");
    }
    let kept: Vec<Ack> = jobs.iter().flat_map(kept_by_churn).collect();
    let context = format!("seed {seed}, {collected} collections, {} entries", kept.len());
    println!("{context}");
    assert!(kept.len() > 20, "{context}");
    assert_kept(&reader, &kept, &context);
    collect(&reader).unwrap();
    assert_kept(&Store::open(&env.store_path(), options()).unwrap(), &kept, &context);
    env.assert_at_rest(&context);
}

/// Returns what a churning child put and did not remove.
fn kept_by_churn(job: &Job) -> Vec<Ack> {
    let gone = std::fs::read_to_string(job.acks.with_extension("gone")).unwrap_or_default();
    acks(&job.acks).into_iter().filter(|ack| !gone.contains(ack.name.as_str())).collect()
}

/// Run by a process of its own: puts few contents again and again, so that puts share what
/// removals and collections take away.
pub fn churn(path: &Path, acks_path: &Path, seed: u64, count: u64) {
    use std::io::Write;
    let mut random = fastrand::Rng::with_seed(seed);
    let store = Store::open(path, child_options()).unwrap();
    let file = |path: &Path| std::fs::File::options().append(true).create(true).open(path).unwrap();
    let mut out = file(acks_path);
    let mut gone = file(&acks_path.with_extension("gone"));
    let mut mine: Vec<EntryName> = Vec::new();
    for number in 0..count {
        match random.u8(..10) {
            0..=5 => {
                let content_seed = random.u64(1..24);
                let key = key(&format!("n{seed}"), &format!("c{}", number % 5), "m");
                let name = put(&store, &key, &content(content_seed));
                out.write_all(format!("{name}\t{content_seed}\n").as_bytes()).unwrap();
                mine.push(name);
            }
            6 => drop(store.flush().unwrap()),
            7 | 8 if mine.len() > 2 => {
                let name = mine.swap_remove(random.usize(..mine.len()));
                // Said before it is done: a crash in between may keep it.
                gone.write_all(format!("{name}\n").as_bytes()).unwrap();
                remove(&store, &[name], Timestamp::from_micros(now().micros() + seed_time(number)))
                    .unwrap();
            }
            _ => drop(collect(&store).unwrap()),
        }
        std::thread::sleep(std::time::Duration::from_millis(random.u64(..8)));
    }
}

fn seed_time(number: u64) -> i64 {
    i64::try_from(number).unwrap()
}

/// Makes a store with garbage in mixed packs and a dead one; returns what is kept.
fn half_garbage(store: &Store) -> Vec<(EntryName, u64)> {
    let (mut kept, mut gone) = (Vec::new(), Vec::new());
    for number in 0..30_u64 {
        let name = put(store, &key("nb", &format!("c{number}"), "m"), &noise(20_000, number));
        if number % 3 == 0 && number < 20 {
            kept.push((name, number));
        } else {
            gone.push(name);
        }
        if number % 5 == 4 {
            store.flush().unwrap();
        }
    }
    remove(store, &gone, now()).unwrap();
    kept
}

fn assert_half(store: &Store, kept: &[(EntryName, u64)], context: &str) {
    for (name, seed) in kept {
        match store.entry(name).unwrap() {
            Lookup::Hit(entry) => assert!(read(&entry) == noise(20_000, *seed), "{context}"),
            Lookup::Miss(miss) => panic!("{context}: {miss}"),
        }
    }
}

/// Run by a process of its own, as the disk is full for all of it.
pub fn collect_on_full_disk(path: &Path) {
    let store = Store::create(path, ObjectFormat::Sha1, child_options()).unwrap();
    let kept = half_garbage(&store);
    drop(store);
    let original = path.with_file_name("original");
    copy_folder(path, &original);
    for budget in (0..1_000).step_by(173).chain((1_000..200_000).step_by(9_001)) {
        std::fs::remove_dir_all(path).unwrap();
        copy_folder(&original, path);
        let context = format!("collected with {budget} bytes left");
        let before = size_of(&path.join("objects"));
        let store = Store::open(path, child_options()).unwrap();
        recell::arm_faults(None, Some(budget));
        let outcome = collect(&store);
        recell::arm_faults(None, None);
        assert_half(&store, &kept, &context);
        assert_half(&Store::open(path, child_options()).unwrap(), &kept, &context);
        match outcome {
            Ok(report) => {
                let after = size_of(&path.join("objects"));
                assert_eq!(after < before, report.freed_bytes > 0, "{context}: {report:?}");
                assert!(report.freed_bytes > 0 || !report.postponed.is_empty(), "{context}");
                if budget > 20_000 {
                    assert!(report.freed_bytes > 200_000, "{context}: {report:?}");
                }
            }
            Err(error) => panic!("{context}: {error:?}"),
        }
        // With space, the next one does the rest.
        let report = collect(&store).unwrap();
        assert_eq!(report.postponed, [""; 0], "{context}");
        assert!(gc::plan(&store, &all(), &Silent).unwrap().is_empty(), "{context}");
        assert_half(&store, &kept, &context);
        assert_sound(&store, &context);
    }
    std::fs::remove_dir_all(&original).unwrap();
}

#[test]
fn a_full_disk_gives_back_what_it_can_and_says_what_it_could_not() {
    let env = TestEnv::new();
    let job = Job::new("collect on a full disk", &env.store_path(), 1);
    let output = job.command().output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    env.assert_at_rest("collected");
}

#[test]
fn a_real_small_disk_that_is_full_is_freed() {
    let env = TestEnv::new();
    let disk = env.root().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let Some(_mounted) = Mounted::of_size(&disk, "2m") else { return };
    let path = disk.join("store.git");
    let store = Store::create(&path, ObjectFormat::Sha1, child_options()).unwrap();
    let kept = half_garbage(&store);
    let mut number = 0;
    while std::fs::write(disk.join(format!("filler{number}")), vec![0; 4096]).is_ok() {
        number += 1;
    }
    let before = size_of(&path.join("objects"));
    let report = collect(&store).unwrap();
    let after = size_of(&path.join("objects"));
    assert!(after + 200_000 < before, "{before} {after} {report:?}");
    assert_half(&Store::open(&path, child_options()).unwrap(), &kept, "freed");
    put(&store, &key("nb", "more", "m"), &noise(100_000, 77));
    store.flush().unwrap();
    assert_sound(&store, "freed");
    assert_eq!(hit(&store, &key("nb", "more", "m")).manifest().parts.len(), 1);
}
