//! Damage and lies: clear errors, and nothing taken in.

use super::*;

/// A remote with some entries, and the paths of its only pack and index.
fn published(root: &Path) -> (String, std::path::PathBuf, std::path::PathBuf) {
    let shared = root.join("shared");
    let writer = Writer::new(root, "one");
    let address = folder_address(&shared);
    writer.publish(&writer.remote(&address), &["a", "b", "c"]).unwrap();
    let files = crate::disk::list(&shared.join("objects/pack")).unwrap();
    let named =
        |ending: &str| files.iter().find(|file| file.name.ends_with(ending)).unwrap().path.clone();
    (address, named(".pack"), named(".idx"))
}

#[test]
fn a_damaged_pack_is_named_wherever_the_damage_is() {
    let root = tempfile::tempdir().unwrap();
    let (address, pack, _) = published(root.path());
    let good = crate::disk::read(&pack).unwrap();
    let reader = Writer::new(root.path(), "reader");
    for at in (12..good.len() - 20).step_by(37) {
        let mut bad = good.clone();
        bad[at] ^= 0x41;
        crate::disk::replace(&pack, &bad).unwrap();
        let error = reader.fetch(&reader.remote(&address)).unwrap_err();
        assert!(["static_damaged", "static_lacks"].contains(&error.code()), "{at}: {error}");
    }
    for end in [0, 11, 12, 40, good.len() / 2, good.len() - 21] {
        crate::disk::replace(&pack, &good[..end]).unwrap();
        let error = reader.fetch(&reader.remote(&address)).unwrap_err();
        assert_eq!(error.code(), "static_damaged", "cut at {end}");
        assert!(error.to_string().contains(".pack"), "{error}");
    }
    std::fs::remove_file(&pack).unwrap();
    let error = reader.fetch(&reader.remote(&address)).unwrap_err();
    assert_eq!(error.code(), "static_damaged", "{error}");
    let own = reader.store.own_folder();
    let left = crate::disk::list(&own).unwrap();
    assert!(!left.iter().any(|file| file.name.starts_with("incoming-")), "{left:?}");
    crate::disk::replace(&pack, &good).unwrap();
    reader.fetch(&reader.remote(&address)).unwrap();
}

#[test]
fn a_wrong_index_is_named() {
    let root = tempfile::tempdir().unwrap();
    let (address, _, index) = published(root.path());
    let reader = Writer::new(root.path(), "reader");
    let good = crate::disk::read(&index).unwrap();
    let other = Writer::new(root.path(), "other");
    let elsewhere = root.path().join("elsewhere");
    other.publish(&other.remote(&folder_address(&elsewhere)), &["x", "y"]).unwrap();
    let files = crate::disk::list(&elsewhere.join("objects/pack")).unwrap();
    let foreign =
        files.iter().find(|file| file.path.extension().is_some_and(|end| end == "idx")).unwrap();
    for (bytes, code, why) in [
        (Vec::new(), "static_damaged", "empty"),
        (good[..good.len() - 1].to_vec(), "static_damaged", "cut"),
        (b"<html>404</html>".to_vec(), "static_damaged", "a page"),
        (crate::disk::read(&foreign.path).unwrap(), "static_lacks", "that of another pack"),
    ] {
        crate::disk::replace(&index, &bytes).unwrap();
        let fresh = Writer::new(root.path(), &format!("r-{why}"));
        let error = fresh.fetch(&fresh.remote(&address)).unwrap_err();
        assert_eq!(error.code(), code, "{why}: {error}");
    }
    crate::disk::replace(&index, &good).unwrap();
    reader.fetch(&reader.remote(&address)).unwrap();
}

#[test]
fn lists_full_of_garbage_are_refused_and_never_overwritten() {
    let root = tempfile::tempdir().unwrap();
    let (address, ..) = published(root.path());
    let shared = root.path().join("shared");
    let reader = Writer::new(root.path(), "reader");
    let good_refs = crate::disk::read(&shared.join("info/refs")).unwrap();
    let good_packs = crate::disk::read(&shared.join("objects/info/packs")).unwrap();
    for (path, garbage) in [
        ("info/refs", "<html>"),
        ("info/refs", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\trefs/../../x\n"),
        ("objects/info/packs", "P ../../../etc/passwd\n"),
        ("objects/info/packs", "P pack-e69de29bb2d1d6434b8b29ae775ad8c2e48c5391.pack\n"),
    ] {
        crate::disk::replace(&shared.join("info/refs"), &good_refs).unwrap();
        crate::disk::replace(&shared.join("objects/info/packs"), &good_packs).unwrap();
        crate::disk::replace(&shared.join(path), garbage.as_bytes()).unwrap();
        let error = reader.fetch(&reader.remote(&address)).unwrap_err();
        assert_eq!(error.code(), "static_damaged", "{garbage}: {error}");
        let error = reader.publish(&reader.remote(&address), &["z"]).unwrap_err();
        assert_eq!(error.code(), "static_damaged", "{garbage}: {error}");
        assert_eq!(crate::disk::read(&shared.join(path)).unwrap(), garbage.as_bytes());
    }
}
