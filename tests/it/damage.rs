//! A flipped bit, in every kind of file: the right bytes, a miss or a clear error, never anything
//! else; and a full check finds it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use recell::{EntryName, ExecutionKey, Lookup, OpenOptions, Silent, Store, VerifyOptions};

use crate::support::child::child_options;
use crate::support::{TestEnv, copy_folder, files_below, git, hit, key, noise, options, out, put};

/// A store at rest and what it should hold.
struct Specimen {
    folder: tempfile::TempDir,
    entries: Vec<(EntryName, ExecutionKey, Vec<u8>)>,
}

impl Specimen {
    /// Makes a store with every kind of file: a pack of ours, one of git's with deltas, loose
    /// objects and tags, tags of others, known contents, and the journal of a dead writer.
    fn new() -> Specimen {
        let env = TestEnv::new();
        let mut entries = Vec::new();
        let store =
            Store::create(&env.store_path(), recell::ObjectFormat::Sha1, child_options()).unwrap();
        let fill = |store: &Store, entries: &mut Vec<_>, from: u64, sizes: &[usize]| {
            for (number, size) in sizes.iter().enumerate() {
                let seed = from + number as u64;
                let key = key("reports/ä.ipynb", &format!("c{seed}"), "m");
                // Alike, so that git makes deltas of them.
                let mut bytes = noise(*size, from);
                bytes.extend_from_slice(seed.to_string().as_bytes());
                let name = put(store, &key, &bytes);
                entries.push((name, key, bytes));
            }
        };
        fill(&store, &mut entries, 100, &[9_000, 9_000, 9_000, 500, 500]);
        store.flush().unwrap();
        env.git(&["tag", "-a", "-m", "somebody's", "theirs", entries[0].0.as_str()]);
        env.git(&["gc", "--quiet", "--aggressive"]);
        fill(&store, &mut entries, 200, &[800]);
        store.flush().unwrap();
        unpack(&env);
        fill(&store, &mut entries, 300, &[0, 40, 70_000, 1_200_000]);
        store.flush().unwrap();
        fill(&store, &mut entries, 400, &[10, 5_000, 66_000]);
        let specimen = Specimen { folder: tempfile::tempdir().unwrap(), entries };
        // A copy of a living journal is that of a dead writer: nobody holds its lock.
        copy_folder(&env.store_path(), &specimen.path());
        specimen.assert_whole("as made");
        specimen
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store.git")
    }

    fn open(&self) -> recell::Result<Store> {
        Store::open(&self.path(), options())
    }

    /// Reads everything in every way. Returns whether all of it is there.
    fn read_all(&self, store: &Store, context: &str) -> bool {
        let mut whole = true;
        for (name, key, expected) in &self.entries {
            for found in [store.entry(name), store.get(key)] {
                let Ok(Lookup::Hit(entry)) = found else {
                    whole = false;
                    continue;
                };
                assert_eq!(entry.name(), name, "{context}");
                let mut buffer = vec![0; expected.len()];
                let mut copied = Vec::new();
                let middle = expected.len() as u64 / 2..expected.len() as u64;
                let reads = [
                    entry.read("outputs/out").hit(),
                    entry.read_into("outputs/out", &mut buffer).hit().map(|()| buffer),
                    entry.copy_to("outputs/out", &mut copied).unwrap().hit().map(|()| copied),
                ];
                for read in reads {
                    assert!(read.as_ref().is_none_or(|read| read == expected), "{context}: {name}");
                    whole &= read.is_some();
                }
                if let Lookup::Hit(read) = entry.read_range("outputs/out", middle) {
                    assert!(read == expected[expected.len() / 2..], "{context}: {name}");
                }
            }
        }
        whole
    }

    fn assert_whole(&self, context: &str) {
        let store = self.open().unwrap();
        assert!(self.read_all(&store, context), "{context}");
        crate::support::assert_sound(&store, context);
    }

    /// Whether opening or a full check finds something.
    fn is_found(&self) -> bool {
        let Ok(store) = self.open() else { return true };
        match recell::verify(&store, VerifyOptions { full: true }, &Silent) {
            Ok(report) => !report.is_sound(),
            Err(_) => true,
        }
    }
}

/// Turns the newest pack into loose objects, and its tag into a file.
fn unpack(env: &TestEnv) {
    let packs = env.store_path().join("objects/pack");
    let newest = files_below(&packs)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "idx"))
        .max_by_key(|path| std::fs::metadata(path).unwrap().modified().unwrap())
        .unwrap();
    for extension in ["pack", "idx"] {
        let path = newest.with_extension(extension);
        std::fs::rename(&path, env.root().join(format!("aside.{extension}"))).unwrap();
    }
    let line = format!("git unpack-objects -q < {}", env.root().join("aside.pack").display());
    git(&env.store_path(), &["-c", &format!("alias.x=!{line}"), "x"]);
    let name = env.git(&["for-each-ref", "--format=%(refname:short) %(objectname)", "refs/tags"]);
    let name = name.lines().find(|line| line.contains("/c200/")).unwrap();
    let (name, id) = name.split_once(' ').unwrap();
    env.git(&["tag", "-d", name]);
    env.git(&["tag", name, id]);
}

/// Whether a file holds nothing but hints, each with its own checksum: what does not check is as
/// good as never noted, and no damage to the store (`index/usage.rs`, `retention/automatic.rs`). Or,
/// of the list of packs, is looked at once more (`store/pack_list.rs`).
fn is_hint(name: &str) -> bool {
    ["recell/usage", "recell/caps", "recell/packs"].contains(&name)
}

/// Flips one bit at many places of a file, and checks what comes of each.
fn flip(specimen: &Specimen, file: &Path, places: usize, random: &mut fastrand::Rng) {
    use std::os::unix::fs::PermissionsExt;
    let good = std::fs::read(file).unwrap();
    let name = file.strip_prefix(specimen.path()).unwrap().to_str().unwrap().to_owned();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let all: Vec<usize> = if good.len() <= places.max(90) {
        (0..good.len()).collect()
    } else {
        // The heads and tails of files hold what a reader trusts first.
        let edges = (0..30).chain(good.len() - 30..good.len());
        edges.chain((0..places.saturating_sub(60)).map(|_| random.usize(..good.len()))).collect()
    };
    for at in all {
        let bit = random.u32(..8);
        let context = format!("bit {bit} of byte {at} of `{name}`");
        let mut bad = good.clone();
        bad[at] ^= 1 << bit;
        std::fs::write(file, &bad).unwrap();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let whole = specimen.open().is_ok_and(|store| specimen.read_all(&store, &context));
            drop(std::fs::remove_file(specimen.path().join("recell/suspects")));
            (whole, specimen.is_found())
        }));
        let (whole, found) = outcome.unwrap_or_else(|_| panic!("{context}: it panics"));
        drop(std::fs::remove_file(specimen.path().join("recell/suspects")));
        let may_stay = match name.as_str() {
            // Another branch that is not there, another random name of the store, a comment.
            "HEAD" | "config" => whole,
            // Deflate has bits that nobody reads, and no checksum over them here.
            _ if name.starts_with("objects/") && !name.contains("/pack/") => whole,
            // The count, which sealing writes anew.
            _ if name.starts_with("recell/journal/") && name.ends_with(".pack") => {
                (8..12).contains(&at)
            }
            // The name of somebody else's tag is theirs alone to know.
            "packed-refs" => memchr::memmem::find(&good, b"refs/tags/theirs")
                .is_some_and(|start| (start..start + 16).contains(&at)),
            _ => false,
        };
        assert!(found || may_stay, "{context}: a full check does not find it");
    }
    std::fs::write(file, &good).unwrap();
}

#[test]
fn a_flipped_bit_in_a_pack_or_an_index_is_found_and_never_believed() {
    flip_all(|name| name.starts_with("objects/pack/"));
}

#[test]
fn a_flipped_bit_in_any_other_file_is_found_and_never_believed() {
    flip_all(|name| !name.starts_with("objects/pack/"));
}

fn flip_all(is_wanted: impl Fn(&str) -> bool) {
    let seed = std::env::var("RECELL_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("RECELL_TEST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let specimen = Specimen::new();
    let files: Vec<PathBuf> = files_below(&specimen.path())
        .into_iter()
        .filter(|path| {
            let name = path.strip_prefix(specimen.path()).unwrap().to_str().unwrap();
            // Not read by recell, and git makes them anew.
            !name.starts_with("info/")
                && !name.starts_with("objects/info/")
                && !["description", "recell/flush.lock"].contains(&name)
                && !is_hint(name)
        })
        .collect();
    let kinds = ["packed-refs", "HEAD", "config", ".log", ".idx", ".pack", "contents", "refs/tags"];
    for kind in kinds {
        let there = files.iter().any(|path| path.to_str().unwrap().contains(kind));
        assert!(there, "the specimen has a {kind}");
    }
    assert!(files.iter().any(|path| path.to_str().unwrap().contains("/objects/pack/")));
    for file in files {
        if !is_wanted(file.strip_prefix(specimen.path()).unwrap().to_str().unwrap()) {
            continue;
        }
        let size = std::fs::metadata(&file).unwrap().len();
        // Many small files are alike.
        let places = if size < 200 { 10 } else { 90 };
        flip(&specimen, &file, places, &mut random);
    }
    specimen.assert_whole("all is as it was");
}

#[test]
fn files_that_are_cut_short_or_empty_are_found_and_never_believed() {
    use std::os::unix::fs::PermissionsExt;
    let specimen = Specimen::new();
    for file in files_below(&specimen.path()) {
        let name = file.strip_prefix(specimen.path()).unwrap().to_str().unwrap().to_owned();
        let good = std::fs::read(&file).unwrap();
        let is_ours = !name.contains("info/") && name != "description" && !good.is_empty();
        let is_ours = is_ours && !is_hint(&name);
        // A log that ends early is what a crash leaves.
        if !is_ours || name.ends_with(".log") {
            continue;
        }
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        for length in [0, 1, 7, good.len() / 2, good.len() - 1] {
            let context = format!("`{name}` cut to {length} bytes");
            std::fs::write(&file, &good[..length]).unwrap();
            let whole = specimen.open().is_ok_and(|store| specimen.read_all(&store, &context));
            drop(std::fs::remove_file(specimen.path().join("recell/suspects")));
            let is_found = specimen.is_found();
            drop(std::fs::remove_file(specimen.path().join("recell/suspects")));
            // An empty file is one without lines, and a last line needs no end.
            let is_text = name.starts_with("refs/") || ["config"].contains(&name.as_str());
            let is_harmless = whole && is_text;
            assert!(is_found || is_harmless, "{context}");
        }
        std::fs::write(&file, &good).unwrap();
    }
    specimen.assert_whole("all is as it was");
}

#[test]
fn a_flush_of_a_damaged_journal_keeps_what_can_be_read() {
    let seed = fastrand::u64(..1_000_000);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let specimen = Specimen::new();
    let logs = |folder: &Path| -> Vec<PathBuf> { files_below(&folder.join("recell/journal")) };
    for round in 0..60 {
        let work = tempfile::tempdir().unwrap();
        let path = work.path().join("store.git");
        copy_folder(&specimen.path(), &path);
        let files = logs(&path);
        let file = &files[round % files.len()];
        let mut bytes = std::fs::read(file).unwrap();
        let at = if round < 20 { round / 2 } else { random.usize(..bytes.len()) };
        bytes[at] ^= 1 << random.u32(..8);
        std::fs::write(file, &bytes).unwrap();
        let context = format!("seed {seed}, byte {at} of {}", file.display());
        let store = Store::open(&path, options()).unwrap();
        let report = store.flush().unwrap();
        assert_eq!(report.recovered_journals, 1, "{context}");
        let mut lost = 0;
        for (name, _, expected) in &specimen.entries {
            match store.entry(name).unwrap() {
                Lookup::Hit(entry) => match entry.read("outputs/out") {
                    Lookup::Hit(bytes) => assert!(bytes == *expected, "{context}"),
                    Lookup::Miss(_) => lost += 1,
                },
                Lookup::Miss(_) => lost += 1,
            }
        }
        assert!(lost <= 1, "{context}: {lost} entries for one bit");
        assert!(
            lost == 0 || report.damaged_journals.len() == 1,
            "{context}: nothing goes silently"
        );
        git(&path, &["fsck", "--full"]);
        assert_eq!(store.flush().unwrap().recovered_journals, 0, "{context}: once is enough");
        let check = recell::verify(&store, VerifyOptions { full: true }, &Silent).unwrap();
        assert_eq!(check.problems, [], "{context}: what is visible is whole");
    }
}

#[test]
fn putting_the_same_bytes_again_heals_a_damaged_entry() {
    let env = TestEnv::new();
    let store = env.create();
    let sizes = [300, 80_000, 6_000_000];
    for size in sizes {
        put(&store, &key("nb", &format!("c{size}"), "m"), &noise(size, size as u64));
    }
    store.flush().unwrap();
    let pack = files_below(&env.store_path().join("objects/pack"))
        .into_iter()
        .find(|path| path.extension().is_some_and(|extension| extension == "pack"))
        .unwrap();
    let mut bytes = std::fs::read(&pack).unwrap();
    for size in sizes {
        let needle = &noise(size, size as u64)[size / 2..size / 2 + 16];
        let at = memchr::memmem::find(&bytes, needle).unwrap();
        bytes[at] ^= 4;
    }
    std::fs::remove_file(&pack).unwrap();
    std::fs::write(&pack, &bytes).unwrap();
    // Seen by one process, healed by another.
    let store = env.open();
    for size in sizes {
        let entry = hit(&store, &key("nb", &format!("c{size}"), "m"));
        assert!(matches!(entry.read("outputs/out"), Lookup::Miss(recell::Miss::Damaged { .. })));
    }
    drop(store);
    let store = Store::open(&env.store_path(), OpenOptions { ..options() }).unwrap();
    for size in sizes {
        put(&store, &key("nb", &format!("c{size}"), "m"), &noise(size, size as u64));
    }
    for store in [&store, &env.open()] {
        for size in sizes {
            let key = key("nb", &format!("c{size}"), "m");
            assert!(out(store, &key) == noise(size, size as u64), "{size}");
            let first = &store.history(&key).unwrap()[0];
            let Lookup::Hit(first) = store.entry(first).unwrap() else { panic!("{size}") };
            assert!(first.read("outputs/out").hit().is_some(), "the old entry too: {size}");
        }
        store.flush().unwrap();
    }
    assert!(!env.store_path().join("recell/suspects").exists());
}
