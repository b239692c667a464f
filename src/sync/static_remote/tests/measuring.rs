//! How long publishing and fetching take beside plain git with one branch, in the same run.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::time::Instant;

use super::*;
use crate::git::process::testing::hermetic_git;

#[test]
#[ignore = "a measurement: run it with --release, alone"]
fn hundred_more_beside_ten_thousand() {
    let root = tempfile::tempdir().unwrap();
    let writer = Writer::new(root.path(), "one");
    let put = |from: usize, count: usize| -> Vec<(String, ObjectId)> {
        let drafts = (from..from + count).map(|number| {
            let key =
                ExecutionKey::new(NOTEBOOK, &format!("c{}", number % 100), &format!("m{number}"));
            let text = format!("{number} ").repeat(170);
            let draft = Draft::new("test").output("out", "text/plain", text.into_bytes()).unwrap();
            (key.unwrap(), draft)
        });
        let names = writer.store.put_many(drafts.collect()).unwrap();
        names
            .into_iter()
            .map(|name| {
                let below = name.as_str().split_once('/').unwrap().1.to_owned();
                (below, writer.store.tree_of(&name).unwrap())
            })
            .collect()
    };
    let name = writer.ledger.ref_name();
    let first = writer.extend(None, &put(0, 10_000));
    let second = writer.extend(Some(first), &put(10_000, 100));
    let git = hermetic_git(root.path());
    let bare = root.path().join("bare");
    git.command(["init", "-q", "--bare"]).args([&bare]).run().unwrap();
    let push = |commit: ObjectId| {
        let spec = format!("{commit}:{name}");
        let push = git.command(["push", "-q"]).args([&bare]).args([spec]);
        push.on_repository(writer.store.path()).run().unwrap();
    };
    let fetch = |into: &Path| {
        let fetch = git.command(["fetch", "-q"]).args([&bare]).args([format!("{name}:{name}")]);
        fetch.on_repository(into).run().unwrap();
    };
    let mut places = vec![("folder", folder_address(&root.path().join("shared")))];
    places.extend(servers::bucket("speed").map(|address| ("s3", address)));
    let readers: Vec<Writer> =
        places.iter().map(|(kind, _)| Writer::new(root.path(), kind)).collect();
    let plain = root.path().join("plain");
    git.command(["init", "-q", "--bare"]).args([&plain]).run().unwrap();
    for (commit, expected, what) in [(first, None, "10,000"), (second, Some(first), "+100")] {
        let started = Instant::now();
        push(commit);
        println!("git push {what}: {:?}", started.elapsed());
        let started = Instant::now();
        fetch(&plain);
        println!("git fetch {what}: {:?}", started.elapsed());
        for ((kind, address), reader) in places.iter().zip(&readers) {
            let remote = writer.remote(address);
            let change = RefChange { name: name.clone(), expected, new: Some(commit) };
            let started = Instant::now();
            let done = remote.publish(&writer.store, &[change]).unwrap();
            let (took, traffic) = (started.elapsed(), remote.traffic());
            println!("{kind} publish {what}: {took:?}, {} objects, {traffic:?}", done.objects);
            let remote = reader.remote(address);
            let started = Instant::now();
            let received = remote.fetch(&reader.store, &[commit], &|_, _| true).unwrap();
            let objects = received.objects;
            reader.store.while_flush_locked(|locked| received.place(locked)).unwrap();
            println!(
                "{kind} fetch {what}: {:?}, {objects} objects, {:?}",
                started.elapsed(),
                remote.traffic()
            );
        }
    }
}
