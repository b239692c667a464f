//! Few packs, and nothing that somebody may be reading removed.

use super::*;

fn packs_of(shared: &Path) -> (usize, usize) {
    let list = crate::disk::read(&shared.join("objects/info/packs")).unwrap();
    let files = crate::disk::list(&shared.join("objects/pack")).unwrap();
    let files =
        files.iter().filter(|file| file.path.extension().is_some_and(|end| end == "pack")).count();
    (listing::read_packs(&list).unwrap().len(), files)
}

#[test]
fn many_small_packs_become_few_and_the_old_ones_stay_for_a_day() {
    let root = tempfile::tempdir().unwrap();
    let shared = root.path().join("shared");
    let address = folder_address(&shared);
    let writer = Writer::new(root.path(), "one");
    let remote = writer.remote(&address);
    // Somebody who listed the packs before they are merged.
    let slow = Writer::new(root.path(), "slow");
    let early = slow.remote(&address);
    let mut merged = 0;
    for round in 0..20 {
        let done = writer.publish(&remote, &[&format!("r{round}")]).unwrap();
        assert_eq!(done.not_tidied, None);
        merged += done.merged_packs;
        if round == 5 {
            early.packs().unwrap();
        }
    }
    let (listed, files) = packs_of(&shared);
    assert!(listed < 9 && merged >= 16, "{listed} packs are listed, {merged} were merged");
    assert!(files > listed, "the old ones are still there");
    slow.fetch(&early).unwrap();
    assert_eq!(slow.outputs(&early.refs().unwrap().refs).len(), 20);
    // Two days later.
    let then = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    for file in crate::disk::list(&shared.join("objects/pack")).unwrap() {
        crate::disk::open(&file.path).unwrap().set_modified(then).unwrap();
    }
    writer.publish(&remote, &["last"]).unwrap();
    let removed = remote.sweep().unwrap();
    assert!(removed >= 16, "{removed} went");
    let (listed, files) = packs_of(&shared);
    assert_eq!(listed, files);
    let late = Writer::new(root.path(), "late");
    let there = late.remote(&address);
    late.fetch(&there).unwrap();
    assert_eq!(late.outputs(&there.refs().unwrap().refs).len(), 21);
    // Whoever listed the packs long ago looks again.
    let stale = Writer::new(root.path(), "stale");
    let stale_remote = stale.remote(&address);
    stale_remote.remember(&early.last_packs());
    stale.fetch(&stale_remote).unwrap();
}

#[test]
fn a_damaged_pack_is_not_merged_and_keeps_nobody_from_publishing() {
    let root = tempfile::tempdir().unwrap();
    let shared = root.path().join("shared");
    let writer = Writer::new(root.path(), "one");
    let remote = writer.remote(&folder_address(&shared));
    writer.publish(&remote, &["first"]).unwrap();
    let files = crate::disk::list(&shared.join("objects/pack")).unwrap();
    let pack =
        files.iter().find(|file| file.path.extension().is_some_and(|end| end == "pack")).unwrap();
    let mut bytes = crate::disk::read(&pack.path).unwrap();
    bytes[60] ^= 1;
    crate::disk::replace(&pack.path, &bytes).unwrap();
    for round in 0..9 {
        writer.publish(&remote, &[&format!("r{round}")]).unwrap();
    }
    let list = crate::disk::read(&shared.join("objects/info/packs")).unwrap();
    let list = listing::read_packs(&list).unwrap();
    let damaged = listing::checksum_of_pack(&pack.name).unwrap();
    assert!(list.contains(damaged), "what can be saved of it is still to be found");
    assert!(list.len() < 5, "{list:?}");
}
