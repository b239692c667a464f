//! An entry before it is stored: its parts and where they come from.

use std::borrow::Cow;
use std::io::Read;
use std::path::PathBuf;

use crate::clock::Timestamp;
use crate::entry::{InvalidPartPath, PartKind, PartPath, Provenance};

/// Where the bytes of a part come from.
pub enum Source<'a> {
    /// They are in memory.
    Bytes(Cow<'a, [u8]>),
    /// They are in a file, which is read in pieces.
    File(PathBuf),
    /// They are what a reader gives, which is read in pieces.
    Reader(Box<dyn Read + Send + 'a>),
}

impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Reader(_) => write!(f, "a reader"),
        }
    }
}

/// A part before it is stored.
#[derive(Debug)]
pub struct DraftPart<'a> {
    /// Where it goes in the entry.
    pub path: PartPath,
    /// Its media type.
    pub media_type: String,
    /// How the value became bytes; `raw` if it is the bytes.
    pub codec: String,
    /// Where the bytes come from.
    pub source: Source<'a>,
}

/// An entry before it is stored.
#[derive(Debug, Default)]
pub struct Draft<'a> {
    /// How the result came to be.
    pub provenance: Provenance,
    /// The parts, in any order.
    pub parts: Vec<DraftPart<'a>>,
    /// When the result was made, for results from the past; else it is made now.
    pub created_at: Option<Timestamp>,
}

impl<'a> Draft<'a> {
    /// Returns a draft without parts by that producer: the program's name and version.
    pub fn new(producer: impl Into<String>) -> Draft<'a> {
        let provenance = Provenance { producer: producer.into(), ..Provenance::default() };
        Draft { provenance, ..Draft::default() }
    }

    /// Adds the output `name` with these bytes.
    ///
    /// # Errors
    /// [`InvalidPartPath`] if `name` is empty or has an empty component.
    pub fn output(
        self,
        name: &str,
        media_type: &str,
        bytes: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Draft<'a>, InvalidPartPath> {
        let path = PartPath::of(PartKind::Output, name)?;
        Ok(self.part(path, media_type, Source::Bytes(bytes.into())))
    }

    /// Adds a part whose value is the bytes themselves.
    #[must_use]
    pub fn part(mut self, path: PartPath, media_type: &str, source: Source<'a>) -> Draft<'a> {
        let media_type = media_type.to_owned();
        self.parts.push(DraftPart { path, media_type, codec: "raw".into(), source });
        self
    }
}

impl<'a> From<&'a [u8]> for Source<'a> {
    fn from(bytes: &'a [u8]) -> Source<'a> {
        Source::Bytes(Cow::Borrowed(bytes))
    }
}

impl From<Vec<u8>> for Source<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Source::Bytes(Cow::Owned(bytes))
    }
}
