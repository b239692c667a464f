//! What lists and compares entries by the thousand needs of their manifests, borrowed from the
//! bytes.

use std::borrow::Cow;

use super::canonical::{LOCAL_LINE, Rest};
use super::manifest::Manifest;
use super::part::PartKind;
use crate::name::EntryName;

/// What a manifest says that is listed and compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts<'a> {
    pub(crate) module: &'a str,
    pub(crate) version: &'a str,
    pub(crate) compute_seconds: Option<f64>,
    pub(crate) host_commit: Option<&'a str>,
    pub(crate) host_dirty: Option<bool>,
    pub(crate) ingredients: Vec<(&'a str, &'a str)>,
    pub(crate) upstream: Vec<&'a str>,
    pub(crate) parts: Vec<PartFacts<'a>>,
}

/// What a manifest says of a part.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PartFacts<'a> {
    pub(crate) path: &'a str,
    pub(crate) kind: PartKind,
    pub(crate) media_type: &'a str,
    pub(crate) size: u64,
    /// Whether it stays on the machine where it was made.
    pub(crate) local: bool,
    /// 64 hex digits.
    pub(crate) digest: Cow<'a, str>,
}

impl<'a> Facts<'a> {
    /// Reads what recell writes, if it is the manifest of `name`; `None` if it is anything else,
    /// which the whole reader then takes or refuses.
    pub(crate) fn skim(bytes: &'a [u8], name: &EntryName) -> Option<Facts<'a>> {
        let mut rest = Rest::of(bytes)?;
        let key @ [_, _, module, version] = rest.key()?;
        let created_at = rest.text("created_at = ")?;
        if !name.is_of(key, created_at) {
            return None;
        }
        rest.text("producer = ")?;
        let compute_seconds = match rest.value("compute_seconds = ") {
            Some(seconds) => Some(seconds.parse().ok()?),
            None => None,
        };
        let has_commit = rest.0.starts_with("host_commit = ");
        let host_commit = if has_commit { Some(rest.text("host_commit = ")?) } else { None };
        let host_dirty = match rest.value("host_dirty = ") {
            Some(dirty) => Some(dirty.parse().ok()?),
            None => None,
        };
        let ingredients = rest.ingredients()?;
        let upstream = rest.upstream()?;
        if rest.expect("\n[annotations]\n").is_some() {
            while rest.0.starts_with('"') {
                rest.quoted()?;
                rest.text(" = ")?;
            }
        }
        let mut parts = Vec::with_capacity(4);
        while !rest.0.is_empty() {
            parts.push(part(&mut rest)?);
        }
        Some(Facts {
            module,
            version,
            compute_seconds,
            host_commit,
            host_dirty,
            ingredients,
            upstream,
            parts,
        })
    }

    /// Returns what a whole manifest says.
    pub(crate) fn of(manifest: &'a Manifest) -> Facts<'a> {
        let provenance = &manifest.provenance;
        Facts {
            module: manifest.key.module(),
            version: manifest.key.version(),
            compute_seconds: provenance.compute_seconds,
            host_commit: provenance.host_commit.as_deref(),
            host_dirty: provenance.host_dirty,
            ingredients: provenance.ingredients.iter().map(|(a, b)| (&**a, &**b)).collect(),
            upstream: provenance.upstream.iter().map(String::as_str).collect(),
            parts: manifest
                .parts
                .iter()
                .map(|part| PartFacts {
                    path: part.path.as_str(),
                    kind: part.path.kind(),
                    media_type: &part.media_type,
                    size: part.size,
                    local: part.local,
                    digest: Cow::Owned(part.digest.to_string()),
                })
                .collect(),
        }
    }

    /// Returns the bytes of all parts together.
    pub(crate) fn size(&self) -> u64 {
        self.parts.iter().map(|part| part.size).sum()
    }
}

fn part<'a>(rest: &mut Rest<'a>) -> Option<PartFacts<'a>> {
    rest.expect("\n[[part]]\n")?;
    let path = rest.text("path = ")?;
    let kind = rest.text("kind = ")?;
    let kind = PartKind::ALL.into_iter().find(|known| known.name() == kind)?;
    let media_type = rest.text("media_type = ")?;
    rest.text("codec = ")?;
    let size = rest.number("size = ")?;
    let digest = rest.text("blake3 = ")?;
    rest.value("chunks = ");
    let local = rest.expect(LOCAL_LINE).is_some();
    let is_in_folder = path.strip_prefix(kind.folder()).is_some_and(|rest| rest.starts_with('/'));
    (is_in_folder && digest.len() == 64).then_some(PartFacts {
        path,
        kind,
        media_type,
        size,
        local,
        digest: Cow::Borrowed(digest),
    })
}
