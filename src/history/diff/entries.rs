//! Two results, part by part.

use std::collections::HashMap;

use serde::Serialize;

use super::image::ImageDiff;
use super::json::JsonDiff;
use super::kinds::{self, HtmlDiff};
use super::table::TableDiff;
use super::text::TextDiff;
use crate::config::Glob;
use crate::entry::{Manifest, Part, PartKind};
use crate::lookup::{Lookup, Miss};
use crate::store::Entry;

/// How media types of what recell keeps for itself begin; they say nothing to a person.
const OWN: &str = "application/vnd.recell.";

/// What is compared, and how much is told of it.
#[derive(Debug, Clone)]
pub struct DiffOptions {
    /// How many lines that are the same stand around a change of a text.
    pub context: usize,
    /// The most lines, values, rows, cells and numbers that are listed, each, of one part. All of
    /// them are counted.
    pub most: usize,
    /// Only parts whose path or name matches one of these; all if there is none.
    pub parts: Vec<Glob>,
}

impl Default for DiffOptions {
    fn default() -> DiffOptions {
        DiffOptions { context: 3, most: 1_000, parts: Vec::new() }
    }
}

impl DiffOptions {
    fn wants(&self, part: &Part) -> bool {
        let matches =
            |glob: &Glob| glob.matches(part.path.as_str()) || glob.matches(part.path.name());
        self.parts.is_empty() || self.parts.iter().any(matches)
    }
}

/// What differs between two results.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntryDiff {
    /// The name of the earlier entry.
    pub before: String,
    /// The name of the later entry.
    pub after: String,
    /// The ingredients of the module hash that differ, in their order.
    pub ingredients: Vec<IngredientChange>,
    /// The parts of both, code first, then outputs.
    pub parts: Vec<PartDiff>,
    /// Whether what recell keeps to put outputs back to the byte differs: counts of executions,
    /// metadata of outputs.
    pub layout_changed: bool,
}

/// An ingredient of the module hash that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IngredientChange {
    /// Its name.
    pub name: String,
    /// What it was; `None` if it came.
    pub before: Option<String>,
    /// What it is; `None` if it went.
    pub after: Option<String>,
}

/// One part of either result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartDiff {
    /// Its path; the later one if it moved.
    pub path: String,
    /// What it was; `None` if it came.
    pub before: Option<PartFacts>,
    /// What it is; `None` if it went.
    pub after: Option<PartFacts>,
    /// What became of it.
    #[serde(flatten)]
    pub change: PartChange,
}

/// What the manifest says of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartFacts {
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub size: u64,
    /// Its digest, as hex.
    pub blake3: String,
}

/// What became of a part.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum PartChange {
    /// Its bytes are the same; they were not read.
    Same,
    /// It came; a text is told as lines that came.
    Added {
        /// Its lines.
        content: Option<Content>,
    },
    /// It went; a text is told as lines that went.
    Removed {
        /// Its lines.
        content: Option<Content>,
    },
    /// Its bytes are the same, under another path.
    Moved {
        /// The path before.
        from: String,
    },
    /// Its bytes are others.
    Changed {
        /// How they differ.
        content: Content,
    },
    /// It differs, and one side cannot be read.
    Unreadable {
        /// Each side that cannot be read.
        misses: Vec<Unreadable>,
    },
}

/// Why one side of a part cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// `before` or `after`.
    pub side: &'static str,
    /// The code of the miss.
    pub code: &'static str,
    /// The miss in words.
    pub reason: String,
}

/// How the bytes of a part differ, by their kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// As text.
    Text(TextDiff),
    /// As JSON.
    Json(JsonDiff),
    /// As a page: its tables and its text.
    Html(HtmlDiff),
    /// As a table.
    Table(TableDiff),
    /// As an image.
    Image(ImageDiff),
    /// As bytes of which nothing more is known.
    Bytes {
        /// Why nothing more is told, where more might be expected.
        note: Option<String>,
    },
}

impl PartChange {
    /// Whether the part is what it was, where it was.
    pub fn is_same(&self) -> bool {
        matches!(self, PartChange::Same)
    }
}

impl EntryDiff {
    /// Whether both results hold the same: all parts but those that recell keeps for itself.
    /// What they were made of may differ.
    pub fn is_same(&self) -> bool {
        self.parts.iter().all(|part| part.change.is_same())
    }
}

/// Reads a part of one side.
pub type PartReader<'a> = &'a dyn Fn(&Part) -> Lookup<Vec<u8>>;

/// Returns what differs between two entries. Only parts that differ are read; those that cannot be
/// read are told with the reason.
pub fn diff_entries(before: &Entry, after: &Entry, options: &DiffOptions) -> EntryDiff {
    let mut diff = diff_manifests(
        (before.manifest(), &|part| before.read(part.path.as_str())),
        (after.manifest(), &|part| after.read(part.path.as_str())),
        options,
    );
    (diff.before, diff.after) = (before.name().to_string(), after.name().to_string());
    diff
}

/// Returns what differs between two results, given their manifests and how their parts are read.
/// They are called by their keys.
pub fn diff_manifests(
    before: (&Manifest, PartReader<'_>),
    after: (&Manifest, PartReader<'_>),
    options: &DiffOptions,
) -> EntryDiff {
    let visible = |manifest: &'_ Manifest| -> Vec<Part> {
        let parts = manifest.parts.iter().filter(|part| !is_own(part) && options.wants(part));
        parts.cloned().collect()
    };
    let (old, new) = (visible(before.0), visible(after.0));
    let mut parts =
        Sides { old: &old, new: &new, before: before.1, after: after.1, options }.parts();
    parts.sort_by_cached_key(|part| order(&part.path));
    EntryDiff {
        before: before.0.key.to_string(),
        after: after.0.key.to_string(),
        ingredients: ingredients(before.0, after.0),
        parts,
        layout_changed: own(before.0) != own(after.0),
    }
}

fn is_own(part: &Part) -> bool {
    part.media_type.starts_with(OWN)
}

fn own(manifest: &Manifest) -> Vec<(&str, crate::digest::Digest)> {
    let parts = manifest.parts.iter().filter(|part| is_own(part));
    parts.map(|part| (part.path.as_str(), part.digest)).collect()
}

fn ingredients(before: &Manifest, after: &Manifest) -> Vec<IngredientChange> {
    let (a, b) = (&before.provenance.ingredients, &after.provenance.ingredients);
    let find = |list: &[(String, String)], name: &str| {
        list.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    let gone = a.iter().filter(|(name, _)| find(b, name).is_none());
    let names = b.iter().chain(gone).map(|(name, _)| name);
    names
        .map(|name| IngredientChange {
            name: name.clone(),
            before: find(a, name),
            after: find(b, name),
        })
        .filter(|change| change.before != change.after)
        .collect()
}

/// Code comes first, as it explains the rest; numbers count as numbers.
fn order(path: &str) -> (u8, Vec<(String, u64)>) {
    let folder = path.split('/').next().unwrap_or_default();
    let rank = [PartKind::Code.folder(), PartKind::Output.folder()];
    let rank = rank.iter().position(|known| *known == folder).unwrap_or(rank.len());
    let mut pieces = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let words = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (text, tail) = rest.split_at(words);
        let digits = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let (number, tail) = tail.split_at(digits);
        pieces.push((text.to_owned(), number.parse().unwrap_or(u64::MAX)));
        rest = tail;
    }
    (u8::try_from(rank).unwrap_or(u8::MAX), pieces)
}

struct Sides<'a> {
    old: &'a [Part],
    new: &'a [Part],
    before: PartReader<'a>,
    after: PartReader<'a>,
    options: &'a DiffOptions,
}

impl Sides<'_> {
    fn parts(&self) -> Vec<PartDiff> {
        let old: HashMap<&str, &Part> = self.old.iter().map(|it| (it.path.as_str(), it)).collect();
        let new: HashMap<&str, &Part> = self.new.iter().map(|it| (it.path.as_str(), it)).collect();
        let mut gone: Vec<&Part> =
            self.old.iter().filter(|it| !new.contains_key(it.path.as_str())).collect();
        let mut parts = Vec::new();
        for part in self.new {
            let known = old.get(part.path.as_str()).copied();
            let (known, change) = match known {
                Some(known) if same(known, part) => (Some(known), PartChange::Same),
                Some(known) => (Some(known), self.changed(known, part)),
                None => match gone.iter().position(|it| same(it, part)) {
                    Some(at) => {
                        let from = gone.remove(at);
                        (Some(from), PartChange::Moved { from: from.path.to_string() })
                    }
                    None => (None, self.one_sided(part, "after")),
                },
            };
            parts.push(part_diff(part, known, Some(part), change));
        }
        for part in gone {
            parts.push(part_diff(part, Some(part), None, self.one_sided(part, "before")));
        }
        parts
    }

    fn changed(&self, before: &Part, after: &Part) -> PartChange {
        if let Err(note) = kinds::comparable(before, after) {
            return PartChange::Changed { content: Content::Bytes { note } };
        }
        match ((self.before)(before), (self.after)(after)) {
            (Lookup::Hit(a), Lookup::Hit(b)) => {
                PartChange::Changed { content: kinds::compare(after, a, b, self.options) }
            }
            (a, b) => {
                let misses = [("before", a), ("after", b)];
                let misses = misses.into_iter().filter_map(|(side, it)| unreadable(side, it));
                PartChange::Unreadable { misses: misses.collect() }
            }
        }
    }

    fn one_sided(&self, part: &Part, side: &'static str) -> PartChange {
        let is_new = side == "after";
        let read = if is_new { self.after } else { self.before };
        let content = if kinds::is_text(part) {
            match read(part) {
                Lookup::Hit(bytes) if is_new => {
                    Some(kinds::compare(part, Vec::new(), bytes, self.options))
                }
                Lookup::Hit(bytes) => Some(kinds::compare(part, bytes, Vec::new(), self.options)),
                miss @ Lookup::Miss(_) => {
                    let misses = unreadable(side, miss).into_iter().collect();
                    return PartChange::Unreadable { misses };
                }
            }
        } else {
            None
        };
        if is_new { PartChange::Added { content } } else { PartChange::Removed { content } }
    }
}

fn same(a: &Part, b: &Part) -> bool {
    a.digest == b.digest && a.size == b.size && a.media_type == b.media_type
}

fn unreadable(side: &'static str, lookup: Lookup<Vec<u8>>) -> Option<Unreadable> {
    let miss: Miss = lookup.ok().err()?;
    Some(Unreadable { side, code: miss.code(), reason: miss.to_string() })
}

fn part_diff(
    part: &Part,
    before: Option<&Part>,
    after: Option<&Part>,
    change: PartChange,
) -> PartDiff {
    let facts = |part: &Part| PartFacts {
        media_type: part.media_type.clone(),
        size: part.size,
        blake3: part.digest.to_string(),
    };
    let (before, after) = (before.map(facts), after.map(facts));
    PartDiff { path: part.path.to_string(), before, after, change }
}
