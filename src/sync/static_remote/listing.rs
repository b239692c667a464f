//! The two files of a static remote that change: which refs there are, and which packs
//! (git's `gitrepository-layout`).

use std::collections::{BTreeMap, BTreeSet};

use crate::git::{ObjectFormat, ObjectId, is_ref_name, object_of_hex};

/// The file with the refs.
pub(super) const REFS: &str = "info/refs";
/// The file with the names of the packs.
pub(super) const PACKS: &str = "objects/info/packs";
/// The folder of the packs.
pub(super) const PACK_FOLDER: &str = "objects/pack";

/// Reads the refs: a line each, `<id> TAB <name>`. What annotated tags stand for (`^{}`) is left
/// out.
///
/// # Errors
/// Why not, in words that name the line.
pub(super) fn read_refs(
    bytes: &[u8],
    format: ObjectFormat,
) -> Result<BTreeMap<String, ObjectId>, String> {
    let mut refs = BTreeMap::new();
    for (number, line) in lines(bytes) {
        let wrong = |why: &str| format!("line {number} {why}");
        let Some(tab) = memchr::memchr(b'\t', line) else {
            return Err(wrong("is no id and name"));
        };
        let (hex, name) = (&line[..tab], &line[tab + 1..]);
        let Some(id) = object_of_hex(hex, format) else {
            let other = match format {
                ObjectFormat::Sha1 => ObjectFormat::Sha256,
                ObjectFormat::Sha256 => ObjectFormat::Sha1,
            };
            return Err(wrong(match object_of_hex(hex, other) {
                Some(_) => "has an id of another object format than this store's",
                None => "has no id",
            }));
        };
        let name = std::str::from_utf8(name).map_err(|_| wrong("has no name in UTF-8"))?;
        if name.strip_suffix("^{}").is_some_and(|tag| refs.contains_key(tag)) {
            continue;
        }
        if !name.starts_with("refs/") || !is_ref_name(name) {
            return Err(wrong("has a name that is none of a ref"));
        }
        if refs.insert(name.to_owned(), id).is_some() {
            return Err(wrong("names a ref twice"));
        }
    }
    Ok(refs)
}

/// Writes the refs.
pub(super) fn refs_bytes(refs: &BTreeMap<String, ObjectId>) -> Vec<u8> {
    let mut text = String::with_capacity(refs.len() * 120);
    for (name, id) in refs {
        use std::fmt::Write;
        writeln!(text, "{id}\t{name}").expect("writing to a string cannot fail");
    }
    text.into_bytes()
}

/// The checksums in the names of the packs, in hex.
pub(super) type PackNames = BTreeSet<String>;

/// Reads the names of the packs: a line each, `P pack-<checksum>.pack`. A name may not lead out of
/// the folder.
///
/// # Errors
/// Why not, in words that name the line.
pub(super) fn read_packs(bytes: &[u8]) -> Result<PackNames, String> {
    let mut packs = PackNames::new();
    for (number, line) in lines(bytes) {
        // Other letters are for other things than packs.
        let Some(name) = line.strip_prefix(b"P ") else { continue };
        let checksum = std::str::from_utf8(name).ok().and_then(checksum_of_pack);
        let Some(checksum) = checksum else {
            return Err(format!("line {number} has a name that is none of a pack"));
        };
        packs.insert(checksum.to_owned());
    }
    Ok(packs)
}

/// Returns the checksum in the name of a pack.
pub(super) fn checksum_of_pack(name: &str) -> Option<&str> {
    let checksum = name.strip_prefix("pack-")?.strip_suffix(".pack")?;
    let is_hex = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    (matches!(checksum.len(), 40 | 64) && checksum.bytes().all(is_hex)).then_some(checksum)
}

/// Writes the names of the packs, as git does: an empty line ends them.
pub(super) fn packs_bytes(packs: &PackNames) -> Vec<u8> {
    let mut text = String::with_capacity(packs.len() * 80);
    for checksum in packs {
        use std::fmt::Write;
        writeln!(text, "P pack-{checksum}.pack").expect("writing to a string cannot fail");
    }
    text.push('\n');
    text.into_bytes()
}

/// Returns the path of a file of a pack.
pub(super) fn pack_path(checksum: &str, extension: &str) -> String {
    format!("{PACK_FOLDER}/pack-{checksum}.{extension}")
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = bytes.split(|&byte| byte == b'\n').enumerate();
    lines.filter(|(_, line)| !line.is_empty()).map(|(number, line)| (number + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::{Kind, object_id};

    const ID: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";

    #[test]
    fn refs_and_packs_read_back() {
        let id = |text: &str| object_id(ObjectFormat::Sha1, Kind::Blob, text.as_bytes());
        let refs = BTreeMap::from([("refs/a".to_owned(), id("a")), ("refs/b/c".into(), id("b"))]);
        assert_eq!(read_refs(&refs_bytes(&refs), ObjectFormat::Sha1), Ok(refs));
        let packs = PackNames::from([ID.to_owned()]);
        assert_eq!(read_packs(&packs_bytes(&packs)), Ok(packs));
        assert_eq!(read_refs(b"", ObjectFormat::Sha1), Ok(BTreeMap::new()));
        let peeled = format!("{ID}\trefs/tags/v1\n{ID}\trefs/tags/v1^{{}}\n");
        assert_eq!(read_refs(peeled.as_bytes(), ObjectFormat::Sha1).unwrap().len(), 1);
    }

    #[test]
    fn garbage_is_refused_by_its_line() {
        let long = "0".repeat(64);
        for (line, why) in [
            ("garbage".to_owned(), "line 2 is no id and name"),
            (format!("{ID}\t../../etc/passwd"), "line 2 has a name that is none of a ref"),
            (format!("{ID}\trefs/../../x"), "line 2 has a name that is none of a ref"),
            (format!("{ID}\trefs/a b"), "line 2 has a name that is none of a ref"),
            (format!("{ID}\trefs/ok"), "line 2 names a ref twice"),
            (format!("{}\trefs/x", &ID[1..]), "line 2 has no id"),
            (
                format!("{long}\trefs/x"),
                "line 2 has an id of another object format than this store's",
            ),
        ] {
            let text = format!("{ID}\trefs/ok\n{line}\n");
            assert_eq!(read_refs(text.as_bytes(), ObjectFormat::Sha1), Err(why.to_owned()));
        }
        for name in ["../x.pack", "pack-../../x.pack", "pack-00.pack", "pack-x.idx"] {
            assert!(read_packs(format!("P {name}\n").as_bytes()).is_err(), "{name}");
        }
    }
}
