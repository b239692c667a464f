//! How two stores' collections of one name become one.
//!
//! Runs have one owner: both sides have the same run, or one of them forgot some of it, and the
//! union is what it was. Frozen ones are the same or two collections. For the others:

use std::collections::BTreeSet;

use super::name::CollectionName;
use crate::name::EntryName;

/// Merges a tagged collection: what either side added is in it, what either side took out of the
/// common `base` is not. Commutative; without a base the union.
pub fn merge_tagged(
    base: &BTreeSet<EntryName>,
    ours: &BTreeSet<EntryName>,
    theirs: &BTreeSet<EntryName>,
) -> BTreeSet<EntryName> {
    let stays =
        |name: &&EntryName| !base.contains(name) || (ours.contains(name) && theirs.contains(name));
    ours.union(theirs).filter(stays).cloned().collect()
}

/// Merges the members of a chain: the order is that of the side that changed, or of ours if both
/// did; what the other side added comes at the end, what either took out is out.
pub fn merge_chained(
    base: &[CollectionName],
    ours: &[CollectionName],
    theirs: &[CollectionName],
) -> Vec<CollectionName> {
    let (first, second) = if ours == base { (theirs, ours) } else { (ours, theirs) };
    let stays = |name: &&CollectionName| {
        !base.contains(name) || (ours.contains(name) && theirs.contains(name))
    };
    let mut merged: Vec<CollectionName> = Vec::new();
    for name in first.iter().chain(second).filter(stays) {
        if !merged.contains(name) {
            merged.push(name.clone());
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Timestamp;

    fn entries(numbers: &BTreeSet<u8>) -> BTreeSet<EntryName> {
        let name = |n: &u8| EntryName::new(&format!("nb/c{n}/m/0"), Timestamp::MIN, "01234567");
        numbers.iter().map(name).collect()
    }

    fn chain(text: &str) -> Vec<CollectionName> {
        text.split_whitespace().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn chains_merge_as_people_expect() {
        for (base, ours, theirs, merged, why) in [
            ("a b", "a b", "b a", "b a", "only they changed the order"),
            ("a b", "b a", "a b", "b a", "only we did"),
            ("a b", "a b c", "a b d", "a b c d", "both added"),
            ("a b c", "a c", "c b a", "a c", "what we took out is out"),
            ("", "a b", "b c", "a b c", "no common past"),
        ] {
            assert_eq!(
                merge_chained(&chain(base), &chain(ours), &chain(theirs)),
                chain(merged),
                "{why}"
            );
        }
    }

    proptest! {
        #[test]
        fn tagged_collections_merge_alike_from_both_sides(
            base in prop::collection::btree_set(0..12_u8, 0..8),
            ours in prop::collection::btree_set(0..12_u8, 0..8),
            theirs in prop::collection::btree_set(0..12_u8, 0..8),
        ) {
            let (base, ours, theirs) = (entries(&base), entries(&ours), entries(&theirs));
            let merged = merge_tagged(&base, &ours, &theirs);
            prop_assert_eq!(&merged, &merge_tagged(&base, &theirs, &ours));
            prop_assert_eq!(merge_tagged(&base, &ours, &base), ours.clone());
            for name in ours.difference(&base) {
                prop_assert!(merged.contains(name), "what was added is there");
            }
            for name in base.difference(&ours) {
                prop_assert!(!merged.contains(name), "what was taken out is not");
            }
        }
    }
}
