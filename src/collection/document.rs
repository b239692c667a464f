//! `collection.toml`: what a collection is (format.md, section 11).

use std::fmt::Write;

use serde::Deserialize;

use super::name::{CollectionName, Kind};
use crate::clock::Timestamp;
use crate::git::ObjectId;

/// The format of collections that this release writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;

/// What a collection is, besides its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: CollectionName,
    /// Whether its owner may still add to it. Only runs are ever open.
    pub is_open: bool,
    /// Whether it stays as it is.
    pub is_frozen: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it became what it is.
    pub changed_at: Timestamp,
    /// The program that made it, and its version.
    pub producer: String,
    /// What people say of it.
    pub doc: String,
    /// Of a chain: the collections in the order in which they are searched.
    pub members: Vec<CollectionName>,
    /// How many entries a run had that are gone for good.
    pub forgotten: u64,
    /// Of a frozen chain: what every collection below it is.
    pub(crate) pins: Vec<Pin>,
}

/// A collection as it was when a chain above it was frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) name: CollectionName,
    pub(crate) commit: ObjectId,
}

/// Why bytes are no document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    Malformed(String),
    NewerFormat(u32),
}

#[derive(Deserialize)]
struct Read {
    format: u32,
    kind: String,
    name: String,
    state: String,
    #[serde(default)]
    frozen: bool,
    created_at: String,
    changed_at: String,
    #[serde(default)]
    producer: String,
    #[serde(default)]
    doc: String,
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    forgotten: u64,
    #[serde(default)]
    pins: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

/// Reads the format first, as it says whether the rest can be understood.
pub(super) fn read_toml<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let malformed = |error: &dyn std::fmt::Display| Problem::Malformed(error.to_string());
    let text = std::str::from_utf8(bytes).map_err(|error| malformed(&error))?;
    toml::from_str(text).map_err(|error| match toml::from_str::<FormatOnly>(text) {
        Ok(FormatOnly { format }) if format > FORMAT => Problem::NewerFormat(format),
        _ => malformed(&error),
    })
}

/// Returns a text as TOML's basic string.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

impl About {
    pub(super) fn to_toml(&self) -> String {
        let mut out = format!("format = {FORMAT}\n");
        let mut field = |name: &str, value: &str| {
            writeln!(out, "{name} = {value}").expect("writing to a string cannot fail");
        };
        field("kind", &quoted(self.kind.name()));
        field("name", &quoted(self.name.as_str()));
        field("state", if self.is_open { "\"open\"" } else { "\"closed\"" });
        if self.is_frozen {
            field("frozen", "true");
        }
        field("created_at", &quoted(&self.created_at.to_string()));
        field("changed_at", &quoted(&self.changed_at.to_string()));
        for (name, text) in [("producer", &self.producer), ("doc", &self.doc)] {
            if !text.is_empty() {
                field(name, &quoted(text));
            }
        }
        if self.forgotten > 0 {
            field("forgotten", &self.forgotten.to_string());
        }
        if !self.members.is_empty() {
            let names = self.members.iter().map(|name| format!("    {},\n", quoted(name.as_str())));
            field("members", &format!("[\n{}]", names.collect::<String>()));
        }
        if !self.pins.is_empty() {
            let pins = self
                .pins
                .iter()
                .map(|pin| format!("    [{}, \"{}\"],\n", quoted(pin.name.as_str()), pin.commit));
            field("pins", &format!("[\n{}]", pins.collect::<String>()));
        }
        out
    }

    pub(super) fn from_toml(bytes: &[u8]) -> Result<About, Problem> {
        let read: Read = read_toml(bytes)?;
        if read.format > FORMAT {
            return Err(Problem::NewerFormat(read.format));
        }
        let malformed = |what: &str| Problem::Malformed(format!("{what} makes no sense"));
        let time = |text: &str| text.parse().map_err(|_| malformed("a time"));
        let name = |text: &str| text.parse().map_err(|_| malformed("a name"));
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == read.kind);
        let pins = read.pins.iter().map(|(text, commit)| {
            let commit = ObjectId::from_hex(commit.as_bytes());
            Ok(Pin { name: name(text)?, commit: commit.map_err(|_| malformed("an id"))? })
        });
        Ok(About {
            kind: kind.ok_or_else(|| malformed("its kind"))?,
            name: name(&read.name)?,
            is_open: read.state == "open",
            is_frozen: read.frozen,
            created_at: time(&read.created_at)?,
            changed_at: time(&read.changed_at)?,
            producer: read.producer,
            doc: read.doc,
            members: read.members.iter().map(|text| name(text)).collect::<Result<_, _>>()?,
            forgotten: read.forgotten,
            pins: pins.collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ObjectFormat;

    fn about() -> About {
        let commit = crate::git::object_id(ObjectFormat::Sha1, crate::git::Kind::Blob, b"");
        About {
            kind: Kind::Chained,
            name: "papers/\"main\"".parse().unwrap(),
            is_open: false,
            is_frozen: true,
            created_at: Timestamp::from_micros(1_795_224_240_123_456),
            changed_at: Timestamp::from_micros(1_795_224_250_000_000),
            producer: "recell 0.1.0".into(),
            doc: "two\nlines".into(),
            members: vec!["b".parse().unwrap(), "a b".parse().unwrap()],
            forgotten: 3,
            pins: vec![Pin { name: "b".parse().unwrap(), commit }],
        }
    }

    #[test]
    fn a_document_is_toml_that_people_read_and_reads_back() {
        let text = about().to_toml();
        assert_eq!(About::from_toml(text.as_bytes()), Ok(about()));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_later_format_is_known_to_be_one() {
        let later = about().to_toml().replace("format = 1", "format = 7");
        assert_eq!(About::from_toml(later.as_bytes()), Err(Problem::NewerFormat(7)));
        assert_eq!(
            About::from_toml(b"format = 7\nkind = [1]\n"),
            Err(Problem::NewerFormat(7)),
            "whatever else it says"
        );
        assert!(matches!(About::from_toml(b"format = 1"), Err(Problem::Malformed(_))));
    }
}
