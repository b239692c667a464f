//! Names of collections, and where they are among the refs.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::name::{decode, encode};

/// Where collections are in the refs of the store.
pub(super) const FOLDER: &str = "refs/recell/collection/";

/// What a collection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The entries of one execution; immutable once it is closed.
    Run,
    /// Entries picked by hand.
    Tagged,
    /// Other collections, in the order in which they are searched.
    Chained,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 3] = [Kind::Run, Kind::Tagged, Kind::Chained];

    /// Returns its word, as in the names of refs.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Run => "run",
            Kind::Tagged => "tagged",
            Kind::Chained => "chained",
        }
    }
}

/// The name of a collection: any text without control characters, `/` for a hierarchy. All kinds
/// share one space of names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollectionName(String);

impl CollectionName {
    /// Returns the name as people write it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the full name of its ref, if it is of that kind.
    pub(super) fn reference(&self, kind: Kind) -> String {
        format!("{FOLDER}{}/{}", kind.name(), encode(&self.0))
    }

    /// Reads the full name of a ref; `None` if it is no collection.
    pub(super) fn of_reference(name: &str) -> Option<(Kind, CollectionName)> {
        let (kind, segment) = name.strip_prefix(FOLDER)?.split_once('/')?;
        let kind = Kind::ALL.into_iter().find(|one| one.name() == kind)?;
        Some((kind, decode(segment)?.parse().ok()?))
    }
}

impl FromStr for CollectionName {
    type Err = Error;

    fn from_str(text: &str) -> Result<CollectionName, Error> {
        let reason = if text.is_empty() {
            "it is empty"
        } else if text.chars().any(char::is_control) {
            "it has control characters"
        } else if text.split('/').any(str::is_empty) {
            "a part of it is empty"
        } else if decode(&encode(text)).is_none() {
            "it is too long"
        } else {
            return Ok(CollectionName(text.to_owned()));
        };
        Err(Error::CollectionName { text: text.to_owned(), reason })
    }
}

impl fmt::Display for CollectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CollectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CollectionName({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_what_people_write() {
        for (text, fine, why) in [
            ("baseline", true, "a word"),
            ("papers/2026/main run", true, "a hierarchy with a blank"),
            ("Größe", true, "any script"),
            ("x.lock", true, "git's suffix is escaped"),
            ("", false, "empty"),
            ("a//b", false, "an empty part"),
            ("/a", false, "an empty first part"),
            ("a\nb", false, "a line break"),
            (&"x".repeat(201), false, "longer than a segment: it could not be read back"),
        ] {
            assert_eq!(text.parse::<CollectionName>().is_ok(), fine, "{why}");
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back_from_its_ref(text in "[a-z/ .é%~]{1,40}") {
            if let Ok(name) = text.parse::<CollectionName>() {
                for kind in Kind::ALL {
                    let back = CollectionName::of_reference(&name.reference(kind));
                    prop_assert_eq!(back, Some((kind, name.clone())));
                }
            }
        }
    }
}
