//! The one spelling in which recell writes manifests, and a fast reader for exactly that.
//!
//! The reader sits on the hot path of every get: it takes what [`write`] makes of values without
//! unknown fields and answers `None` to anything else, which the general TOML reader then takes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::manifest::{MANIFEST_FORMAT, Manifest, Provenance};
use super::part::{Part, PartKind, PartPath};
use crate::name::ExecutionKey;

/// The line of a part that stays where it was made; other parts have none.
pub(super) const LOCAL_LINE: &str = "local = true\n";

pub(super) fn write(manifest: &Manifest) -> String {
    let mut out = String::with_capacity(512 + 160 * manifest.parts.len());
    let provenance = &manifest.provenance;
    push_line(&mut out, "format = ", MANIFEST_FORMAT);
    push_text(&mut out, "notebook = ", manifest.key.notebook());
    push_text(&mut out, "cell = ", manifest.key.cell());
    push_text(&mut out, "module = ", manifest.key.module());
    push_text(&mut out, "version = ", manifest.key.version());
    out.push_str("created_at = \"");
    manifest.created_at.write_to(&mut out);
    out.push_str("\"\n");
    push_text(&mut out, "producer = ", &provenance.producer);
    if let Some(seconds) = provenance.compute_seconds.filter(|seconds| seconds.is_finite()) {
        push_line(&mut out, "compute_seconds = ", format_args!("{seconds:?}"));
    }
    if let Some(commit) = &provenance.host_commit {
        push_text(&mut out, "host_commit = ", commit);
    }
    if let Some(dirty) = provenance.host_dirty {
        push_line(&mut out, "host_dirty = ", dirty);
    }
    if !provenance.ingredients.is_empty() {
        out.push_str("ingredients = [\n");
        for (name, value) in &provenance.ingredients {
            out.push_str("  [");
            push_quoted(&mut out, name);
            out.push_str(", ");
            push_quoted(&mut out, value);
            out.push_str("],\n");
        }
        out.push_str("]\n");
    }
    if !provenance.upstream.is_empty() {
        out.push_str("upstream = [\n");
        for name in &provenance.upstream {
            out.push_str("  ");
            push_quoted(&mut out, name);
            out.push_str(",\n");
        }
        out.push_str("]\n");
    }
    if !provenance.annotations.is_empty() {
        out.push_str("\n[annotations]\n");
        for (name, value) in &provenance.annotations {
            push_quoted(&mut out, name);
            push_text(&mut out, " = ", value);
        }
    }
    for part in &manifest.parts {
        push_part(&mut out, part);
    }
    if !manifest.more.is_empty() {
        return with_unknown_fields(manifest, &out);
    }
    out
}

fn push_part(out: &mut String, part: &Part) {
    out.push_str("\n[[part]]\n");
    push_text(out, "path = ", part.path.as_str());
    push_text(out, "kind = ", part.path.kind().name());
    push_text(out, "media_type = ", &part.media_type);
    push_text(out, "codec = ", &part.codec);
    push_line(out, "size = ", part.size);
    push_line(out, "blake3 = ", format_args!("\"{}\"", part.digest));
    if let Some(chunks) = part.chunks {
        push_line(out, "chunks = ", chunks);
    }
    if part.local {
        out.push_str(LOCAL_LINE);
    }
    for (name, value) in &part.more {
        push_quoted(out, name);
        push_line(out, " = ", value);
    }
}

/// Unknown fields can be tables, which have no fixed place among ours: the general writer puts
/// them where TOML wants them.
fn with_unknown_fields(manifest: &Manifest, known: &str) -> String {
    let mut table: toml::Table = toml::from_str(known).expect("we have just written it");
    table.extend(manifest.more.clone());
    table.to_string()
}

fn push_line(out: &mut String, name: &str, value: impl std::fmt::Display) {
    out.push_str(name);
    writeln!(out, "{value}").expect("writing to a string cannot fail");
}

fn push_text(out: &mut String, name: &str, text: &str) {
    out.push_str(name);
    push_quoted(out, text);
    out.push('\n');
}

/// Appends a TOML basic string: what must be escaped is, and nothing else.
fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\' && byte != 0x7f;
    if text.bytes().all(plain) {
        out.push_str(text);
    } else {
        for symbol in text.chars() {
            match symbol {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                control if control < ' ' || control == '\u{7f}' => {
                    write!(out, "\\u{:04X}", u32::from(control))
                        .expect("writing to a string cannot fail");
                }
                other => out.push(other),
            }
        }
    }
    out.push('"');
}

/// Reads what [`write`] wrote; `None` if it is anything else.
pub(super) fn read(bytes: &[u8]) -> Option<Manifest> {
    let mut rest = Rest::of(bytes)?;
    let [notebook, cell, module, version] = rest.key()?;
    let key = ExecutionKey::with_version(notebook, cell, module, version).ok()?;
    let created_at = rest.text("created_at = ")?.parse().ok()?;
    let mut provenance =
        Provenance { producer: rest.text("producer = ")?.to_owned(), ..Provenance::default() };
    if let Some(seconds) = rest.value("compute_seconds = ") {
        provenance.compute_seconds = Some(seconds.parse().ok()?);
    }
    if rest.0.starts_with("host_commit = ") {
        provenance.host_commit = Some(rest.text("host_commit = ")?.to_owned());
    }
    if let Some(dirty) = rest.value("host_dirty = ") {
        provenance.host_dirty = Some(dirty.parse().ok()?);
    }
    let ingredients = rest.ingredients()?.into_iter();
    provenance.ingredients = ingredients.map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
    provenance.upstream = rest.upstream()?.into_iter().map(str::to_owned).collect();
    if rest.expect("\n[annotations]\n").is_some() {
        provenance.annotations = rest.annotations()?;
    }
    let mut parts = Vec::new();
    while !rest.0.is_empty() {
        parts.push(rest.part()?);
    }
    Some(Manifest { key, created_at, provenance, parts, more: toml::Table::new() })
}

/// What has not been read yet.
pub(super) struct Rest<'a>(pub(super) &'a str);

impl<'a> Rest<'a> {
    /// Begins to read; `None` if there is something that TOML has escaped.
    pub(super) fn of(bytes: &'a [u8]) -> Option<Rest<'a>> {
        // All bytes are looked at, so that many are at once.
        let is_control = |byte: u8| (byte < 0x20 && byte != b'\n') || byte == 0x7f;
        let has_control = bytes.iter().fold(false, |found, byte| found | is_control(*byte));
        if has_control { None } else { Some(Rest(std::str::from_utf8(bytes).ok()?)) }
    }

    pub(super) fn expect(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// Reads the lines that every manifest begins with: the format, which must be ours, and the four
    /// texts of the key.
    pub(super) fn key(&mut self) -> Option<[&'a str; 4]> {
        self.expect("format = 1\n")?;
        let (notebook, cell) = (self.text("notebook = ")?, self.text("cell = ")?);
        Some([notebook, cell, self.text("module = ")?, self.text("version = ")?])
    }

    /// Reads `name"text"` and the end of its line. Escapes are left to the general reader.
    pub(super) fn text(&mut self, name: &str) -> Option<&'a str> {
        self.expect(name)?;
        let text = self.quoted()?;
        self.expect("\n")?;
        Some(text)
    }

    pub(super) fn quoted(&mut self) -> Option<&'a str> {
        self.expect("\"")?;
        let end = memchr::memchr3(b'"', b'\\', b'\n', self.0.as_bytes())?;
        let (text, rest) = self.0.split_at(end);
        self.0 = rest.strip_prefix('"')?;
        Some(text)
    }

    pub(super) fn value(&mut self, name: &str) -> Option<&'a str> {
        let (line, rest) = self.0.strip_prefix(name)?.split_once('\n')?;
        self.0 = rest;
        Some(line)
    }

    pub(super) fn ingredients(&mut self) -> Option<Vec<(&'a str, &'a str)>> {
        let mut ingredients = Vec::new();
        if self.expect("ingredients = [\n").is_some() {
            while self.expect("]\n").is_none() {
                self.expect("  [")?;
                let name = self.quoted()?;
                self.expect(", ")?;
                let value = self.quoted()?;
                self.expect("],\n")?;
                ingredients.push((name, value));
            }
        }
        Some(ingredients)
    }

    pub(super) fn upstream(&mut self) -> Option<Vec<&'a str>> {
        let mut upstream = Vec::new();
        if self.expect("upstream = [\n").is_some() {
            while self.expect("]\n").is_none() {
                self.expect("  ")?;
                upstream.push(self.quoted()?);
                self.expect(",\n")?;
            }
        }
        Some(upstream)
    }

    fn annotations(&mut self) -> Option<BTreeMap<String, String>> {
        let mut annotations = BTreeMap::new();
        while self.0.starts_with('"') {
            let name = self.quoted()?.to_owned();
            let value = self.text(" = ")?.to_owned();
            // TOML refuses a key that stands twice, and so must both readers.
            if annotations.insert(name, value).is_some() {
                return None;
            }
        }
        Some(annotations)
    }

    fn part(&mut self) -> Option<Part> {
        self.expect("\n[[part]]\n")?;
        let path = PartPath::new(self.text("path = ")?).ok()?;
        let kind: PartKind = path.kind();
        if self.text("kind = ")? != kind.name() {
            return None;
        }
        Some(Part {
            path,
            media_type: self.text("media_type = ")?.to_owned(),
            codec: self.text("codec = ")?.to_owned(),
            size: self.number("size = ")?,
            digest: self.text("blake3 = ")?.parse().ok()?,
            chunks: match self.value("chunks = ") {
                Some(chunks) => Some(plain_number(chunks)?.try_into().ok()?),
                None => None,
            },
            local: self.expect(LOCAL_LINE).is_some(),
            more: toml::Table::new(),
        })
    }

    pub(super) fn number(&mut self, name: &str) -> Option<u64> {
        plain_number(self.value(name)?)
    }
}

/// Reads digits alone: TOML's other spellings of numbers are left to the general reader, and so
/// is what lies beyond its 64 signed bits.
fn plain_number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit())
        && !text.is_empty()
        && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|number| plain && i64::try_from(*number).is_ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::facts::Facts;
    use super::*;
    use crate::clock::Timestamp;
    use crate::digest::Digest;

    prop_compose! {
        fn any_part()(name in "[^/\u{0}]{1,9}", media_type in any::<String>(), codec in ".{0,8}",
                      size in 0..u64::try_from(i64::MAX).unwrap(), chunks in any::<Option<u32>>(),
                      kind in 0..6_usize, local in any::<bool>()) -> Part {
            let path = PartPath::of(PartKind::ALL[kind], &name).unwrap();
            Part { path, media_type, codec, size, digest: Digest::of(name.as_bytes()), chunks,
                   local, more: toml::Table::new() }
        }
    }

    prop_compose! {
        fn any_manifest()(key in prop::array::uniform4(".{1,8}"), micros in any::<i64>(),
                          producer in any::<String>(), seconds in any::<Option<f64>>(),
                          host_commit in any::<Option<String>>(), host_dirty in any::<Option<bool>>(),
                          ingredients in prop::collection::vec(any::<(String, String)>(), 0..3),
                          upstream in prop::collection::vec(any::<String>(), 0..3),
                          annotations in prop::collection::btree_map(any::<String>(), any::<String>(), 0..3),
                          parts in prop::collection::vec(any_part(), 0..3)) -> Manifest {
            let key = ExecutionKey::with_version(&key[0], &key[1], &key[2], &key[3]).unwrap();
            let compute_seconds = seconds.filter(|seconds| seconds.is_finite());
            Manifest { key, created_at: Timestamp::from_micros(micros), parts,
                       provenance: Provenance { producer, compute_seconds, host_commit, host_dirty,
                                                ingredients, upstream, annotations },
                       more: toml::Table::new() }
        }
    }

    proptest! {
        #[test]
        fn every_manifest_reads_back(manifest in any_manifest()) {
            let text = write(&manifest);
            prop_assert_eq!(Manifest::from_any_toml(text.as_bytes()), Ok(manifest.clone()));
            prop_assert_eq!(Manifest::from_toml(text.as_bytes()), Ok(manifest));
        }

        #[test]
        fn what_the_fast_reader_takes_the_general_one_reads_alike(
            manifest in any_manifest(), at in any::<prop::sample::Index>(), byte in any::<u8>()
        ) {
            let mut bytes = write(&manifest).into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Some(fast) = read(&bytes) {
                prop_assert_eq!(Manifest::from_any_toml(&bytes), Ok(fast));
            }
        }

        #[test]
        fn facts_are_what_the_manifest_says(
            manifest in any_manifest(), at in any::<prop::sample::Index>(), byte in any::<u8>(), damaged in any::<bool>()
        ) {
            let mut bytes = write(&manifest).into_bytes();
            let name = crate::name::EntryName::new(&manifest.key.path(), manifest.created_at, "01234567");
            if damaged {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            // Whoever reads by facts alone sees no other past than who reads all.
            if let (Some(facts), Some(whole)) = (Facts::skim(&bytes, &name), read(&bytes)) {
                prop_assert_eq!(facts, Facts::of(&whole));
            } else {
                prop_assert!(damaged || read(&bytes).is_none());
            }
        }
    }
}
