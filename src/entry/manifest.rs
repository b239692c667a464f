//! `entry.toml`: what an entry is, as typed values, and back (format.md, section 3).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::canonical;
use super::part::{Part, PartKind, PartPath};
use crate::clock::Timestamp;
use crate::name::ExecutionKey;

/// The file of the manifest in an entry tree.
pub const MANIFEST_FILE: &str = "entry.toml";
/// The format of manifests that this release writes, and the newest that it reads.
pub const MANIFEST_FORMAT: u32 = 1;

/// What is known about how a result came to be, besides its key, time and parts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Provenance {
    /// The program that put the entry, with its version: `recell 0.1.0 record`.
    pub producer: String,
    /// How long the result took to compute, in seconds.
    pub compute_seconds: Option<f64>,
    /// The commit of the host repository at that time, as hex.
    pub host_commit: Option<String>,
    /// Whether the host's work tree differed from that commit.
    pub host_dirty: Option<bool>,
    /// What the module hash was made of, by name, in order.
    pub ingredients: Vec<(String, String)>,
    /// The names of the entries that this one was computed from.
    pub upstream: Vec<String>,
    /// Further facts of the producer, by name.
    pub annotations: BTreeMap<String, String>,
}

/// What an entry is: its key, time, origin and parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The key, with the full text of segments that are cut in the name.
    pub key: ExecutionKey,
    /// When the entry was made.
    pub created_at: Timestamp,
    /// How the result came to be.
    pub provenance: Provenance,
    /// The parts, sorted by path.
    pub parts: Vec<Part>,
    /// Fields that a later release wrote; they are kept.
    pub more: toml::Table,
}

/// Why bytes are not a manifest that this release reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestProblem {
    /// The bytes are not TOML with the fields of a manifest.
    #[error("it is not a manifest: {0}")]
    Malformed(String),
    /// A later release wrote it.
    #[error("its format is {0}, and this release reads up to {MANIFEST_FORMAT}")]
    NewerFormat(u32),
}

/// The fields as serde reads them.
#[derive(Deserialize)]
struct Read {
    format: u32,
    notebook: String,
    cell: String,
    module: String,
    version: String,
    created_at: String,
    #[serde(default)]
    producer: String,
    compute_seconds: Option<f64>,
    host_commit: Option<String>,
    host_dirty: Option<bool>,
    #[serde(default)]
    ingredients: Vec<(String, String)>,
    #[serde(default)]
    upstream: Vec<String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default, rename = "part")]
    parts: Vec<ReadPart>,
    #[serde(flatten)]
    more: toml::Table,
}

#[derive(Deserialize)]
struct ReadPart {
    path: String,
    kind: String,
    media_type: String,
    codec: String,
    size: u64,
    blake3: String,
    chunks: Option<u32>,
    #[serde(default)]
    local: bool,
    #[serde(flatten)]
    more: toml::Table,
}

/// The one field that is read before the others: it says whether they can be understood.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl Manifest {
    /// Returns the manifest as TOML, the same bytes for the same values on every machine.
    pub fn to_toml(&self) -> String {
        canonical::write(self)
    }

    /// Reads a manifest from TOML. Fields that this release does not know are kept in `more`.
    ///
    /// # Errors
    /// [`ManifestProblem::NewerFormat`] if a later release wrote it, else
    /// [`ManifestProblem::Malformed`].
    pub fn from_toml(bytes: &[u8]) -> Result<Manifest, ManifestProblem> {
        if let Some(manifest) = canonical::read(bytes) {
            return Ok(manifest);
        }
        Manifest::from_any_toml(bytes)
    }

    /// Reads a manifest in any spelling that TOML allows.
    pub(super) fn from_any_toml(bytes: &[u8]) -> Result<Manifest, ManifestProblem> {
        let malformed = |reason: &dyn std::fmt::Display| {
            ManifestProblem::Malformed(reason.to_string().trim_end().to_owned())
        };
        let text = std::str::from_utf8(bytes).map_err(|error| malformed(&error))?;
        let read: Read = match toml::from_str(text) {
            Ok(read) => read,
            Err(error) => {
                return Err(match toml::from_str::<FormatOnly>(text) {
                    Ok(FormatOnly { format }) if format > MANIFEST_FORMAT => {
                        ManifestProblem::NewerFormat(format)
                    }
                    _ => malformed(&error.message()),
                });
            }
        };
        if read.format != MANIFEST_FORMAT {
            return Err(ManifestProblem::NewerFormat(read.format));
        }
        let key =
            ExecutionKey::with_version(&read.notebook, &read.cell, &read.module, &read.version)
                .map_err(|error| malformed(&error))?;
        let created_at =
            read.created_at.parse().map_err(|_| malformed(&"`created_at` is not a time"))?;
        let mut parts = Vec::with_capacity(read.parts.len());
        for part in read.parts {
            parts.push(part.checked().map_err(|reason| malformed(&reason))?);
        }
        Ok(Manifest {
            key,
            created_at,
            provenance: Provenance {
                producer: read.producer,
                compute_seconds: read.compute_seconds,
                host_commit: read.host_commit,
                host_dirty: read.host_dirty,
                ingredients: read.ingredients,
                upstream: read.upstream,
                annotations: read.annotations,
            },
            parts,
            more: read.more,
        })
    }

    /// Returns the part at `path`, or the only one whose name below its folder is `path`.
    pub fn part(&self, path: &str) -> Option<&Part> {
        if let Some(part) = self.parts.iter().find(|part| part.path.as_str() == path) {
            return Some(part);
        }
        let mut named = self.parts.iter().filter(|part| part.path.name() == path);
        let found = named.next()?;
        named.next().is_none().then_some(found)
    }

    /// Returns the bytes of all parts together.
    pub fn size(&self) -> u64 {
        self.parts.iter().map(|part| part.size).sum()
    }

    /// Returns the parts of one kind.
    pub fn parts_of(&self, kind: PartKind) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(move |part| part.path.kind() == kind)
    }
}

impl ReadPart {
    fn checked(self) -> Result<Part, String> {
        let path = PartPath::new(self.path.as_str())
            .map_err(|error| format!("part `{}`: {error}", self.path))?;
        if path.kind().name() != self.kind {
            return Err(format!("part `{path}` is in the folder of another kind"));
        }
        let digest = self
            .blake3
            .parse()
            .map_err(|_| format!("part `{path}`: its `blake3` is not 64 hex digits"))?;
        Ok(Part {
            path,
            media_type: self.media_type,
            codec: self.codec,
            size: self.size,
            digest,
            chunks: self.chunks,
            local: self.local,
            more: self.more,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn sample() -> Manifest {
        Manifest {
            key: ExecutionKey::new("reports/sales.ipynb", "a1b2", "9f86d081").unwrap(),
            created_at: Timestamp::from_micros(1_795_224_240_123_456),
            provenance: Provenance {
                producer: "recell 0.1.0 record".into(),
                compute_seconds: Some(1.25),
                host_commit: Some("0123456789abcdef0123456789abcdef01234567".into()),
                host_dirty: Some(true),
                ingredients: vec![
                    ("code".into(), "9f86d081".into()),
                    ("kernel".into(), "python3".into()),
                ],
                upstream: vec!["a/b/c/0/20261121T012400.123456Z-01234567".into()],
                annotations: BTreeMap::from([("execution count".into(), "3".into())]),
            },
            parts: vec![Part {
                path: PartPath::new("outputs/0.txt").unwrap(),
                media_type: "text/plain".into(),
                codec: "raw".into(),
                size: 6,
                digest: Digest::of(b"recell"),
                chunks: Some(2),
                local: true,
                more: toml::Table::new(),
            }],
            more: toml::Table::new(),
        }
    }

    #[test]
    fn a_manifest_is_toml_that_people_read() {
        insta::assert_snapshot!(sample().to_toml());
    }

    #[test]
    fn both_readers_agree() {
        let text = sample().to_toml();
        assert_eq!(Manifest::from_any_toml(text.as_bytes()), Ok(sample()));
        assert_eq!(canonical::read(text.as_bytes()), Some(sample()));
    }

    #[test]
    fn fields_of_a_later_release_are_kept() {
        let text = sample().to_toml().replace("[[part]]", "[later]\nx = 1\n\n[[part]]\nnew = [2]");
        let manifest = Manifest::from_toml(text.as_bytes()).unwrap();
        assert!(manifest.more.contains_key("later"));
        assert!(manifest.parts[0].more.contains_key("new"));
        assert_eq!(Manifest::from_toml(manifest.to_toml().as_bytes()), Ok(manifest));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let good = sample().to_toml();
        for (text, problem, why) in [
            (good.replace("format = 1", "format = 2"), "its format is 2", "a later release"),
            ("format = 9\nwholly = 'new'".into(), "its format is 9", "nothing else is known"),
            (String::new(), "missing field `format`", "empty"),
            (good.replace("size = 6", "size = -6"), "invalid value", "sizes are not negative"),
            (good.replace("outputs/0.txt", "0.txt"), "part `0.txt`", "a path outside the kinds"),
            (good.replace("kind = \"output\"", "kind = \"code\""), "another kind", "kind and path"),
            (good.replace("created_at = \"2026", "created_at = \"26"), "not a time", "a bad time"),
            (good.replace("[[part]]", "[[part"), "not a manifest", "not TOML"),
        ] {
            let found = Manifest::from_toml(text.as_bytes()).unwrap_err().to_string();
            assert!(found.contains(problem), "{why}: {found}");
        }
        assert!(Manifest::from_toml(b"format = 1\n\xff").is_err(), "not UTF-8");
    }

    #[test]
    fn a_part_is_found_by_path_or_by_its_only_name() {
        let mut manifest = sample();
        let mut other = manifest.parts[0].clone();
        other.path = PartPath::new("variables/x").unwrap();
        manifest.parts.push(other.clone());
        assert_eq!(manifest.part("x").map(|p| p.path.as_str()), Some("variables/x"));
        other.path = PartPath::new("stats/x").unwrap();
        manifest.parts.push(other);
        assert_eq!(manifest.part("x"), None, "two parts have this name");
        assert!(manifest.part("stats/x").is_some());
    }
}
