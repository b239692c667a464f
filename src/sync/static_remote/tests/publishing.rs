//! What travels, and what a crash leaves.

use super::*;
use std::fmt::Write as _;

fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..size).map(|_| random.u8(..)).collect()
}

#[test]
fn what_is_there_is_not_sent_again() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let root = tempfile::tempdir().unwrap();
        let writer = Writer::with_format(root.path(), "one", format);
        let address = folder_address(&root.path().join("shared"));
        let remote = writer.remote(&address);
        let many: Vec<String> = (0..300).map(|number| format!("c{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let first = writer.publish(&remote, &many).unwrap();
        assert!(first.objects > 1500, "{first:?}");
        let second = writer.publish(&remote, &["new"]).unwrap();
        // Commit, root, cell, module, version, entry, outputs, manifest, part.
        assert_eq!(second.objects, 9, "{second:?}");
        let refs = remote.refs().unwrap().refs;
        let (name, commit) = refs.first_key_value().unwrap();
        let again = RefChange { name: name.clone(), expected: Some(*commit), new: Some(*commit) };
        let before = remote.traffic();
        let third = remote.publish(&writer.store, &[again]).unwrap();
        assert_eq!((third.objects, third.refs.len(), third.bytes), (0, 1, 0));
        assert_eq!(remote.traffic().requests - before.requests, 1, "one look at the refs");
        // Another store that has it all and opens the remote anew sends nothing either.
        let other = Writer::with_format(root.path(), "two", format);
        let there = other.remote(&address);
        other.fetch(&there).unwrap();
        let copy =
            RefChange { name: "refs/recell/copy".into(), expected: None, new: Some(*commit) };
        assert_eq!(there.publish(&other.store, &[copy]).unwrap().objects, 0);
        assert_eq!(other.fetch(&there).unwrap(), 0, "nor is what is here brought again");
    }
}

#[test]
fn a_ref_that_another_moved_is_reported_and_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let writer = Writer::new(root.path(), "one");
    let remote = writer.remote(&folder_address(&root.path().join("shared")));
    writer.publish(&remote, &["a"]).unwrap();
    let name = writer.ledger.ref_name();
    let theirs = remote.refs().unwrap().refs[&name];
    let entry = writer.put("b", b"b");
    let ours = writer.extend(None, &[entry]);
    let done = remote
        .publish(
            &writer.store,
            &[
                RefChange { name: name.clone(), expected: None, new: Some(ours) },
                RefChange { name: "refs/recell/other".into(), expected: None, new: Some(ours) },
            ],
        )
        .unwrap();
    assert_eq!(done.moved, [MovedRef { name: name.clone(), found: Some(theirs) }]);
    assert_eq!(done.refs, ["refs/recell/other"]);
    let gone = RefChange { name: "refs/recell/other".into(), expected: Some(ours), new: None };
    remote.publish(&writer.store, &[gone]).unwrap();
    assert_eq!(remote.refs().unwrap().refs, BTreeMap::from([(name, theirs)]));
}

#[test]
fn a_publisher_that_dies_anywhere_leaves_a_remote_that_is_whole() {
    let mut died = 0;
    for writes in 0..40 {
        let root = tempfile::tempdir().unwrap();
        let address = folder_address(&root.path().join("shared"));
        let writer = Writer::new(root.path(), "one");
        let remote = writer.remote(&address);
        for round in 0..7 {
            writer.publish(&remote, &[&format!("r{round}")]).unwrap();
        }
        remote.storage.writes_left.store(writes, Ordering::Relaxed);
        // The eighth pack: it is published, and then all are merged.
        let result = writer.publish(&remote, &["r7"]);
        let was_cut = result.as_ref().map_or(true, |done| done.not_tidied.is_some());
        died += usize::from(was_cut);
        let arrived = result.is_ok();
        let reader = Writer::new(root.path(), "two");
        let there = reader.remote(&address);
        reader.fetch(&there).unwrap();
        let outputs = reader.outputs(&there.refs().unwrap().refs);
        assert!(outputs.len() >= 7 + usize::from(arrived), "after {writes} writes");
        // It goes on as if nothing had happened.
        let writer_again = writer.remote(&address);
        writer.publish(&writer_again, &["r8"]).unwrap();
        writer.publish(&writer_again, &["r7"]).unwrap();
        reader.fetch(&there).unwrap();
        assert_eq!(reader.outputs(&there.refs().unwrap().refs).len(), 9, "{writes} writes");
        if !was_cut {
            assert!(died > 8, "{died} places where it dies");
            return;
        }
    }
    panic!("it never came to its end");
}

#[test]
fn one_part_of_many_costs_its_own_bytes_and_the_lists() {
    let root = tempfile::tempdir().unwrap();
    let address = folder_address(&root.path().join("shared"));
    let writer = Writer::new(root.path(), "one");
    let remote = writer.remote(&address);
    let mut entries = Vec::new();
    for number in 0..48 {
        entries.push(writer.put(&format!("c{number}"), &noise(1 << 20, number)));
    }
    let small = noise(90_000, 99);
    entries.push(writer.put("small", &small));
    let commit = writer.extend(None, &entries);
    let name = writer.ledger.ref_name();
    let change = RefChange { name: name.clone(), expected: None, new: Some(commit) };
    let done = remote.publish(&writer.store, &[change]).unwrap();
    assert!(done.bytes > 48 << 20);
    let reader = Writer::new(root.path(), "two");
    let there = reader.remote(&address);
    let tips = [there.refs().unwrap().refs[&name]];
    let received = there.fetch(&reader.store, &tips, &|_, _| false).unwrap();
    assert_eq!(received.left, 49, "parts stay where they are");
    reader.store.while_flush_locked(|locked| received.place(locked)).unwrap();
    let part = entries.iter().find(|(name, _)| name.starts_with("small")).unwrap();
    let part = reader.child(&reader.child(&part.1, "outputs"), "out");
    assert!(!reader.store.has(&part), "it was not wanted yet");
    // Someone who comes later, and knows only which object it wants.
    let late = reader.remote(&address);
    let received = late.read_objects(&reader.store, &[part]).unwrap();
    reader.store.while_flush_locked(|locked| received.place(locked)).unwrap();
    let mut content = Vec::new();
    reader.store.read_object(&part, &mut content).unwrap();
    assert!(content == small);
    assert!(late.traffic().received < done.bytes / 100, "{:?}", late.traffic());
}

#[test]
fn parts_that_are_wanted_later_make_no_harm_to_git() {
    let root = tempfile::tempdir().unwrap();
    let address = folder_address(&root.path().join("shared"));
    let writer = Writer::new(root.path(), "one");
    writer.publish(&writer.remote(&address), &["a", "b"]).unwrap();
    let reader = Writer::new(root.path(), "two");
    let there = reader.remote(&address);
    let tips: Vec<ObjectId> = there.refs().unwrap().refs.values().copied().collect();
    let received = there.fetch(&reader.store, &tips, &|_, path| path.starts_with("a/")).unwrap();
    assert_eq!(received.left, 1);
    reader.store.while_flush_locked(|locked| received.place(locked)).unwrap();
    let packs = reader.store.path().join("objects/pack");
    let promisors = crate::disk::list(&packs).unwrap();
    assert_eq!(promisors.iter().filter(|file| file.name.ends_with(".promisor")).count(), 1);
}

#[test]
fn a_pack_that_git_wrote_with_deltas_is_taken_whole() {
    use crate::git::process::testing::hermetic_git;
    let root = tempfile::tempdir().unwrap();
    let git = hermetic_git(root.path());
    let (work, bare) = (root.path().join("work"), root.path().join("bare"));
    let run =
        |folder: &Path, args: &[&str]| git.command(args).in_folder(folder).run().unwrap().text();
    run(root.path(), &["init", "-q", "work"]);
    let mut text = String::new();
    (0..3000).for_each(|line| writeln!(text, "line {line}").unwrap());
    for round in 0..4 {
        writeln!(text, "round {round}").unwrap();
        crate::disk::replace(&work.join("file"), text.as_bytes()).unwrap();
        run(&work, &["add", "."]);
        run(&work, &["commit", "-qm", "r"]);
    }
    run(root.path(), &["clone", "-q", "--bare", "work", "bare"]);
    run(&bare, &["repack", "-qadf"]);
    run(&bare, &["update-server-info"]);
    let reader = Writer::new(root.path(), "two");
    let there = reader.remote(&folder_address(&bare));
    let refs = there.refs().unwrap().refs;
    let tips: Vec<ObjectId> = refs.values().copied().collect();
    let received = there.fetch(&reader.store, &tips, &|_, _| true).unwrap();
    assert!(!received.foreign.is_empty(), "git made deltas");
    reader
        .store
        .while_flush_locked(|locked| {
            received.place(locked)?;
            locked.edit_refs(&crate::git::RefEdits { add: refs.clone(), ..Default::default() })
        })
        .unwrap();
    git.command(["fsck", "--strict"]).on_repository(reader.store.path()).run().unwrap();
    let count = git
        .command(["rev-list", "--count", "--all"])
        .on_repository(reader.store.path())
        .run()
        .unwrap();
    assert_eq!(count.text().trim(), "4");
}

#[test]
fn what_is_not_here_cannot_be_published() {
    let root = tempfile::tempdir().unwrap();
    let writer = Writer::new(root.path(), "one");
    let remote = writer.remote(&folder_address(&root.path().join("shared")));
    let other = Writer::new(root.path(), "two");
    let elsewhere = other.put("x", b"x");
    let name = "refs/recell/x".to_owned();
    let change = RefChange { name, expected: None, new: Some(elsewhere.1) };
    let error = remote.publish(&writer.store, &[change]).unwrap_err();
    assert_eq!(error.code(), "not_in_store");
    assert_eq!(remote.refs().unwrap().version, None, "nothing was begun");
}
