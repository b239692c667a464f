//! Buckaroo's cache of stats: parts that are only ever added, in a folder for each set of rows.

use std::collections::BTreeSet;

use serde_json::json;

use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::entry::Manifest;
use crate::git;
use crate::name::ExecutionKey;

/// The folders below a base, in this order.
pub(super) const FOLDERS: &str = "parquet/v1";
/// Stands in the place of a configuration: a cell's own id covers that of its stat.
pub(super) const CONFIG: &str = "statcache";
/// Where parts lie in an entry.
pub(super) const PARTS: &str = "stats/";
const TIME_DIGITS: usize = 20;
const RANDOM_DIGITS: usize = 8;

/// The name of a part, which says when it was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartName {
    name: String,
    micros: i64,
}

impl PartName {
    /// Reads `part-<20 digits of nanoseconds>-<8 hex digits>.parquet`.
    pub(super) fn parse(name: &str) -> Option<PartName> {
        let (time, random) =
            name.strip_prefix("part-")?.strip_suffix(".parquet")?.split_once('-')?;
        let is_hex = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
        let fits = time.len() == TIME_DIGITS
            && time.bytes().all(|it| it.is_ascii_digit())
            && random.len() == RANDOM_DIGITS
            && random.bytes().all(is_hex);
        let nanos: u128 = time.parse().ok().filter(|_| fits)?;
        let micros = i64::try_from(nanos / 1000).ok()?;
        Some(PartName { name: name.to_owned(), micros })
    }

    /// Returns the name.
    pub(super) fn as_str(&self) -> &str {
        &self.name
    }
}

/// A part that was read.
#[derive(Debug, Clone)]
pub(super) struct StatPart {
    pub(super) name: PartName,
    pub(super) bytes: Vec<u8>,
    digest: Digest,
}

impl StatPart {
    pub(super) fn new(name: PartName, bytes: Vec<u8>) -> StatPart {
        let digest = Digest::of(&bytes);
        StatPart { name, bytes, digest }
    }

    fn id(&self) -> PartId {
        (self.name.name.clone(), self.digest)
    }
}

/// What tells a part from every other.
type PartId = (String, Digest);

/// A version of a scope: the parts that were there at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewVersion {
    /// As many of the parts, from the oldest on.
    pub(super) parts: usize,
    /// When the last of them was written; `None` for how it is now.
    pub(super) created_at: Option<Timestamp>,
}

/// Returns the versions of a scope that are to be added to those there are, the oldest first: one
/// for each part that is new, and one for how it is now if that is none of them.
///
/// Parts are written one by one, so that what lay there when a part was written are those before
/// it. A scope that was compacted has lost them, which is why what is stored is never taken for all
/// that was.
pub(super) fn new_versions(parts: &[StatPart], stored: &[BTreeSet<PartId>]) -> Vec<NewVersion> {
    let known: BTreeSet<&PartId> = stored.iter().flatten().collect();
    let mut versions = Vec::new();
    let mut last = i64::MIN;
    for (number, part) in parts.iter().enumerate() {
        // Two parts of one microsecond keep their order.
        last = part.name.micros.max(last.saturating_add(1));
        if !known.contains(&part.id()) {
            let created_at = Some(Timestamp::from_micros(last));
            versions.push(NewVersion { parts: number + 1, created_at });
        }
    }
    let all: BTreeSet<PartId> = parts.iter().map(StatPart::id).collect();
    let ends_whole = match versions.last() {
        Some(version) => version.parts == parts.len(),
        None => stored.last() == Some(&all),
    };
    if !ends_whole {
        versions.push(NewVersion { parts: parts.len(), created_at: None });
    }
    versions
}

/// Returns what tells the parts of a stored version from all others.
pub(super) fn parts_of(manifest: &Manifest) -> BTreeSet<PartId> {
    let parts = manifest.parts.iter().filter_map(|part| {
        let name = part.path.as_str().strip_prefix(PARTS)?;
        PartName::parse(name).map(|name| (name.name, part.digest))
    });
    parts.collect()
}

/// Returns where the versions of a scope stand; `None` if a part of it is empty.
pub(super) fn key_of(space: &str, data_id: &str, scope_id: &str) -> Option<ExecutionKey> {
    ExecutionKey::with_version(space, data_id, CONFIG, scope_id).ok()
}

/// Whether the entries of a key, by its path, are parts of a cache of stats, and no bundles.
pub(in crate::bundle) fn is_scope(key_path: &str) -> bool {
    key_path.split('/').nth(2) == Some(CONFIG)
}

/// Returns what data is called whose host did not say.
pub(super) fn data_id_of(scope_id: &str) -> String {
    format!("statcache:{scope_id}")
}

/// Returns the scope of all rows of the data, without operations and post-processing.
pub(super) fn scope_of(data_id: &str) -> String {
    let rows = super::python_json::write(&json!(["v1", data_id, "", "[]"]));
    let digest = git::sha256(rows.as_bytes());
    let digits: Vec<String> = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(micros: i64, random: &str) -> StatPart {
        let name = format!("part-{micros:017}999-{random}.parquet");
        StatPart::new(PartName::parse(&name).unwrap(), name.into_bytes())
    }

    fn ids(parts: &[StatPart]) -> BTreeSet<PartId> {
        parts.iter().map(StatPart::id).collect()
    }

    fn version(parts: usize, micros: i64) -> NewVersion {
        NewVersion { parts, created_at: Some(Timestamp::from_micros(micros)) }
    }

    #[test]
    fn only_names_that_buckaroo_makes_are_parts() {
        let name = PartName::parse("part-01795228896922080398-d790c101.parquet").unwrap();
        assert_eq!(name.micros, 1_795_228_896_922_080);
        for name in [
            "part-1-d790c101.parquet",
            "part-01795228896922080398-D790C101.parquet",
            "part-01795228896922080398-d790c101.parquet.tmp",
            "part-0179522889692208039x-d790c101.parquet",
            "part-99999999999999999999-d790c101.parquet/",
            "x-01795228896922080398-d790c101.parquet",
            "part-01795228896922080398.parquet",
        ] {
            assert_eq!(PartName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn the_scope_of_known_data_is_that_of_buckaroo() {
        // What `make_scope_id("D1")` and `make_scope_id('é "x"')` of buckaroo 0.15.11 return.
        assert_eq!(scope_of("D1"), "34620d01f92884a49cf6d6e4a7e72ded");
        assert_eq!(scope_of("é \"x\""), "8237b5fbfbcbcff996b6ba7ae8daa550");
    }

    #[test]
    fn every_part_that_is_new_makes_a_version() {
        let (a, b, c) = (part(10, "0000000a"), part(20, "0000000b"), part(30, "0000000c"));
        let all = [a.clone(), b.clone(), c.clone()];
        assert_eq!(new_versions(&all, &[]), [version(1, 10), version(2, 20), version(3, 30)]);
        let stored = [ids(&all[..1]), ids(&all[..2])];
        assert_eq!(new_versions(&all, &stored), [version(3, 30)]);
        assert_eq!(new_versions(&all[..2], &stored), [], "nothing is new");
    }

    #[test]
    fn a_compacted_scope_is_a_version() {
        let (a, b, c) = (part(10, "0000000a"), part(20, "0000000b"), part(30, "0000000c"));
        let stored = [ids(std::slice::from_ref(&a)), ids(&[a, b.clone()])];
        assert_eq!(new_versions(std::slice::from_ref(&c), &stored), [version(1, 30)]);
        // Fewer parts, and none of them new.
        let now = NewVersion { parts: 1, created_at: None };
        assert_eq!(new_versions(std::slice::from_ref(&b), &stored), [now]);
    }

    #[test]
    fn an_old_part_that_turns_up_is_history_and_counts_now() {
        let (a, b) = (part(10, "0000000a"), part(20, "0000000b"));
        let stored = [ids(std::slice::from_ref(&b))];
        let now = NewVersion { parts: 2, created_at: None };
        assert_eq!(new_versions(&[a, b], &stored), [version(1, 10), now]);
    }

    #[test]
    fn parts_of_one_moment_keep_their_order() {
        let all = [part(10, "0000000a"), part(10, "0000000b")];
        assert_eq!(new_versions(&all, &[]), [version(1, 10), version(2, 11)]);
    }
}
