//! One list of read behaviours, held in every state that an entry can be in.

use recell::{Draft, Lookup, Miss, PartKind, PartPath, Pattern, Store, Timestamp};

use crate::support::{TestEnv, git, hit, key, noise, out, put};

/// Where an entry may be when it is read.
const STATES: [&str; 5] =
    ["journal of this process", "journal of another", "flushed", "repacked by git", "loose"];

/// Puts entries with `fill`, brings them into each state, and hands the store to `check`.
fn in_every_state(fill: impl Fn(&Store), check: impl Fn(&Store, &str)) {
    for state in STATES {
        let env = TestEnv::new();
        let store = env.create();
        fill(&store);
        match state {
            "journal of this process" => {
                check(&store, state);
                continue;
            }
            "journal of another" => {
                check(&env.open(), state);
                continue;
            }
            _ => {}
        }
        store.flush().unwrap();
        if state == "repacked by git" {
            env.git(&["gc", "--quiet", "--aggressive"]);
        }
        if state == "loose" {
            let packs: Vec<_> = std::fs::read_dir(env.store_path().join("objects/pack"))
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect();
            let aside = env.root().join("aside");
            std::fs::create_dir(&aside).unwrap();
            for pack in packs {
                std::fs::rename(&pack, aside.join(pack.file_name().unwrap())).unwrap();
            }
            for entry in std::fs::read_dir(&aside).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|e| e == "pack") {
                    let line = format!("git unpack-objects -q < {}", path.display());
                    let script = ["-c", &format!("alias.x=!{line}"), "x"];
                    git(&env.store_path(), &script);
                }
            }
        }
        env.git(&["fsck", "--strict", "--full"]);
        check(&store, state);
        check(&env.open(), state);
    }
}

#[test]
fn the_newest_entry_of_a_key_is_read() {
    let sales = key("reports/sales 名前.ipynb", "a1", "m1");
    in_every_state(
        |store| {
            put(store, &sales, b"first");
            put(store, &key("reports/sales 名前.ipynb", "a1", "m10"), b"another module");
            put(store, &sales, b"second");
            put(store, &key("reports/sales 名前.ipynb", "a10", "m1"), b"another cell");
        },
        |store, state| {
            assert_eq!(out(store, &sales), b"second", "{state}");
            assert_eq!(store.history(&sales).unwrap().len(), 2, "{state}");
            assert_eq!(store.list(&Pattern::all()).unwrap().len(), 4, "{state}");
            let cell = Pattern::parse("*:a1").unwrap();
            assert_eq!(store.list(&cell).unwrap().len(), 3, "{state}");
        },
    );
}

#[test]
fn parts_of_every_size_come_back_whole_and_in_ranges() {
    let sizes = [0, 1, 100, 4096, 4097, 65_535, 65_536, 70_000, 4 << 20, (4 << 20) + 1, 21_000_000];
    let table = key("nb.ipynb", "table", "m");
    let text = "epoch 12, loss 0.4213\n".repeat(400_000).into_bytes();
    in_every_state(
        |store| {
            let mut draft = Draft::new("test");
            for size in sizes {
                let path = PartPath::of(PartKind::Variable, &format!("v{size}")).unwrap();
                draft = draft.part(path, "application/octet-stream", noise(size, 3).into());
            }
            let path = PartPath::of(PartKind::File, "logs/run.txt").unwrap();
            draft = draft.part(path, "text/plain", text.as_slice().into());
            store.put(&table, draft).unwrap();
        },
        |store, state| {
            let entry = hit(store, &table);
            for size in sizes {
                let name = format!("variables/v{size}");
                let expected = noise(size, 3);
                assert!(entry.read(&name).ok().unwrap() == expected, "{state}: {size}");
                let mut buffer = vec![1; size];
                entry.read_into(&name, &mut buffer).ok().unwrap();
                assert!(buffer == expected, "{state}: {size} into a buffer");
                for range in [0..10, 5..5, size / 2..size / 2 + 100_000, size..size + 9] {
                    let wanted = &expected[range.start.min(size)..range.end.min(size)];
                    let range = range.start as u64..range.end as u64;
                    assert!(
                        entry.read_range(&name, range.clone()).ok().unwrap() == wanted,
                        "{state}: {range:?} of {size}"
                    );
                }
            }
            let mut copied = Vec::new();
            entry.copy_to("files/logs/run.txt", &mut copied).unwrap().ok().unwrap();
            assert!(copied == text, "{state}");
        },
    );
}

#[test]
fn what_is_not_there_is_a_miss_that_names_it() {
    in_every_state(
        |store| {
            put(store, &key("nb", "c", "m"), b"x");
        },
        |store, state| {
            let missing = store.get(&key("nb", "c", "other")).unwrap();
            let Lookup::Miss(miss @ Miss::NeverStored { .. }) = missing else {
                panic!("{state}: {missing:?}");
            };
            assert_eq!(miss.to_string(), "nothing is stored under `nb:c:other`");
            let no_part = hit(store, &key("nb", "c", "m")).read("outputs/other");
            assert!(matches!(no_part, Lookup::Miss(Miss::NeverStored { .. })), "{state}");
        },
    );
}

#[test]
fn plain_git_reads_an_entry() {
    let env = TestEnv::new();
    let store = env.create();
    let name = put(&store, &key("reports/sales.ipynb", "a1", "m1"), b"42 rows\n");
    store.flush().unwrap();
    assert_eq!(env.git(&["tag", "-l"]).trim(), name.as_str());
    assert_eq!(env.git(&["show", &format!("{name}:outputs/out")]), "42 rows\n");
    assert!(
        env.git(&["show", &format!("{name}:entry.toml")])
            .contains("notebook = \"reports/sales.ipynb\"")
    );
}

#[test]
fn a_snapshot_as_of_a_moment_holds_what_was_made_until_then() {
    let load = key("nb", "load", "m1");
    in_every_state(
        |store| {
            put(store, &load, b"first");
            put(store, &load, b"second");
            put(store, &key("nb", "load", "m10"), b"another module");
        },
        |store, state| {
            let names = store.history(&load).unwrap();
            let now = store.snapshot().unwrap();
            for (moment, expected, why) in [
                (names[0].created_at(), Some(&b"first"[..]), "the moment itself counts"),
                (names[1].created_at(), Some(&b"second"[..]), "the newest until then"),
                (Timestamp::MAX, Some(&b"second"[..]), "a moment to come"),
                (Timestamp::MIN, None, "before all"),
            ] {
                let past = now.as_of(moment);
                let read = past.get(&load).hit().map(|entry| entry.read("outputs/out"));
                let read = read.map(|bytes| bytes.ok().unwrap());
                assert_eq!(read.as_deref(), expected, "{state}: {why}");
                let seen: Vec<_> =
                    names.iter().filter(|name| name.created_at() <= moment).cloned().collect();
                assert_eq!(past.history(&load), seen, "{state}: {why}");
                assert_eq!(past.newest(&load).as_ref(), seen.last(), "{state}: {why}");
                assert_eq!(
                    past.entry(&names[1]).hit().is_some(),
                    seen.len() == 2,
                    "{state}: {why}"
                );
            }
            let past = now.as_of(names[0].created_at());
            assert_eq!(past.as_of(Timestamp::MAX).moment(), past.moment(), "{state}: never later");
        },
    );
}

#[test]
fn a_snapshot_stays_as_it_is_while_others_put_flush_and_remove() {
    let env = TestEnv::new();
    let store = env.create();
    let load = key("nb", "load", "m1");
    let first = put(&store, &load, b"first");
    let before = store.snapshot().unwrap();
    let other = env.open();
    put(&other, &load, b"second");
    put(&store, &load, b"third");
    store.flush().unwrap();
    other.flush().unwrap();
    recell::retention::remove(&store, std::slice::from_ref(&first), Timestamp::MAX).unwrap();
    assert_eq!(before.history(&load), std::slice::from_ref(&first));
    assert_eq!(before.get(&load).ok().unwrap().read("outputs/out").ok().unwrap(), b"first");
    let after = store.snapshot().unwrap();
    assert_eq!(after.history(&load).len(), 2);
    assert!(after.entry(&first).hit().is_none());
}
