//! What a result is made of, side by side with what another is made of.

use std::collections::{BTreeMap, HashSet};

use similar::{Algorithm, DiffTag, capture_diff_slices};

use super::code_diff::{CodeDiff, code_diff};
use crate::digest::Digest;
use crate::entry::{Manifest, PartKind};
use crate::lookup::{Lookup, Miss};
use crate::name::EntryName;
use crate::store::{Entry, Snapshot};

/// The ingredient that is the hash of the cell's own code.
const CODE: &str = "code";
/// The ingredient that stands for the code of all cells before.
const CELLS_BEFORE: &str = "cells_before";
/// What recell keeps for itself: execution counts and the like, no result.
const OWN: &str = "application/vnd.recell.";

/// What a result is made of: as a work tree has it, or as an entry says.
#[derive(Debug, Clone, Default)]
pub struct Recipe {
    /// The ingredients of the module hash, by name, in order; empty if nobody says them.
    pub ingredients: Vec<(String, String)>,
    /// The cell's own code, where it is known.
    pub code: Option<String>,
    /// The cells that `cells_before` stands for, where they are known.
    pub before: Option<Before>,
    /// What else is known of an entry, by name: its version, producer, host commit.
    pub circumstances: Vec<(&'static str, Option<String>)>,
    /// The names of the entries it was computed from.
    pub upstream: Vec<String>,
}

/// The cells before a cell: name and hash of the code of each, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Before {
    /// The cells.
    pub cells: Vec<(String, Digest)>,
    /// Whether these are all; else only the last ones are known, maybe none.
    pub is_whole: bool,
}

impl Recipe {
    /// Returns what an entry says it is made of; which cells were `before` is for the caller to
    /// know.
    pub fn of(entry: &Entry, before: Option<Before>) -> Recipe {
        let Manifest { key, provenance, .. } = entry.manifest();
        let mut code = entry.manifest().parts_of(PartKind::Code);
        let code = code.next().filter(|_| code.next().is_none());
        let code = code.and_then(|part| entry.read(part.path.as_str()).hit());
        let commit = provenance.host_commit.as_ref().map(|commit| {
            let mark = if provenance.host_dirty == Some(true) { "-dirty" } else { "" };
            format!("{commit}{mark}")
        });
        Recipe {
            ingredients: provenance.ingredients.clone(),
            code: code.and_then(|bytes| String::from_utf8(bytes).ok()),
            before,
            circumstances: vec![
                ("version", Some(key.version().to_owned())),
                ("producer", Some(provenance.producer.clone())),
                ("host_commit", commit),
            ],
            upstream: provenance.upstream.clone(),
        }
    }
}

/// The entry that is made of most of the same, and what was passed over.
#[derive(Debug)]
pub struct Nearest {
    /// The entry; `None` if there is none that can be read.
    pub entry: Option<Entry>,
    /// Entries that could not be read.
    pub skipped: Vec<Miss>,
}

/// Returns the entry with the most ingredients equal to `ingredients`; of several the newest, and
/// so the newest of all if nothing is known to compare with.
///
/// `entries` are oldest first. All entries of one module hash are made of the same, so one of each
/// is read: a few µs each.
pub fn nearest(
    snapshot: &Snapshot,
    entries: &[EntryName],
    ingredients: &[(String, String)],
) -> Nearest {
    let wanted: BTreeMap<&str, &str> = by_name(ingredients);
    let mut modules: HashSet<&str> = HashSet::new();
    let mut nearest: Option<(usize, Entry)> = None;
    let mut skipped = Vec::new();
    for name in entries.iter().rev() {
        if modules.contains(name.module_segment()) {
            continue;
        }
        let entry = match snapshot.entry(name) {
            Lookup::Hit(entry) => entry,
            Lookup::Miss(miss) => {
                skipped.push(miss);
                continue;
            }
        };
        modules.insert(name.module_segment());
        let made_of = by_name(&entry.manifest().provenance.ingredients);
        let equal = wanted.iter().filter(|(name, value)| made_of.get(*name) == Some(value)).count();
        let (given, all) = (made_of.len(), wanted.len());
        if nearest.as_ref().is_none_or(|(most, _)| equal > *most) {
            nearest = Some((equal, entry));
        }
        // No other can have more in common.
        if all == 0 || (equal + 1 >= all && given == all) {
            break;
        }
    }
    Nearest { entry: nearest.map(|(_, entry)| entry), skipped }
}

/// What two results are made of, side by side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The ingredients that differ, in order.
    pub changes: Vec<Change>,
    /// The names of those that are equal.
    pub equal: Vec<String>,
    /// Whether both say what they are made of. If one does not, nothing can be told.
    pub is_known: bool,
    /// Entries that only one of them was computed from: before, after.
    pub upstream: (Vec<String>, Vec<String>),
    /// What else differs, and is no ingredient: name, before, after.
    pub circumstances: Vec<(&'static str, Option<String>, Option<String>)>,
}

/// An ingredient that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The cell's own code; `None` where one of the two is not known as text.
    Code(Option<CodeDiff>),
    /// The cells before it.
    CellsBefore {
        /// Those that differ, in their order, gone ones first.
        cells: Vec<CellChange>,
        /// Whether these are all that differ; else others, further up, cannot be told.
        are_all: bool,
    },
    /// Any other.
    Value {
        /// Its name.
        name: String,
        /// What it was; `None` if there was none.
        before: Option<String>,
        /// What it is; `None` if there is none.
        after: Option<String>,
    },
}

impl Change {
    /// Returns the name of the ingredient.
    pub fn name(&self) -> &str {
        match self {
            Change::Code(_) => CODE,
            Change::CellsBefore { .. } => CELLS_BEFORE,
            Change::Value { name, .. } => name,
        }
    }
}

/// A cell before that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellChange {
    /// What it is called in the store.
    pub cell: String,
    /// What became of it.
    pub changed: CellChanged,
}

/// What became of a cell before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellChanged {
    /// It has other code: the hash before and after.
    Code(Digest, Digest),
    /// It was not there before.
    Added(Digest),
    /// It is gone.
    Removed(Digest),
    /// It stands at another place.
    Moved,
}

/// Compares what two results are made of.
pub fn compare(before: &Recipe, after: &Recipe) -> Comparison {
    let (old, new) = (by_name(&before.ingredients), by_name(&after.ingredients));
    let mut comparison =
        Comparison { is_known: !old.is_empty() && !new.is_empty(), ..Comparison::default() };
    let gone = before.ingredients.iter().filter(|(name, _)| !new.contains_key(name.as_str()));
    for (name, _) in after.ingredients.iter().chain(gone) {
        let values = [&old, &new].map(|of| of.get(name.as_str()).map(|value| (*value).to_owned()));
        let [was, is] = values;
        if was == is {
            comparison.equal.push(name.clone());
        } else if comparison.is_known {
            comparison.changes.push(match name.as_str() {
                CODE => Change::Code(
                    before.code.as_ref().zip(after.code.as_ref()).map(|(a, b)| code_diff(a, b)),
                ),
                CELLS_BEFORE => cells_before(before.before.as_ref(), after.before.as_ref()),
                _ => Change::Value { name: name.clone(), before: was, after: is },
            });
        }
    }
    let only = |a: &Recipe, b: &Recipe| -> Vec<String> {
        a.upstream.iter().filter(|name| !b.upstream.contains(name)).cloned().collect()
    };
    comparison.upstream = (only(before, after), only(after, before));
    let pairs = before.circumstances.iter().zip(&after.circumstances);
    comparison.circumstances = pairs
        .filter(|((_, was), (_, is))| was != is)
        .map(|((name, was), (_, is))| (*name, was.clone(), is.clone()))
        .collect();
    comparison
}

impl Comparison {
    /// Whether both are known to be made of the same.
    pub fn is_same(&self) -> bool {
        self.is_known
            && self.changes.is_empty()
            && self.upstream.0.is_empty()
            && self.upstream.1.is_empty()
    }

    /// Returns the paths of the parts that only one of two entries has, or that hold other bytes;
    /// code, and what recell keeps for itself, are no results.
    pub fn results(before: &Manifest, after: &Manifest) -> Vec<String> {
        let of = |manifest: &Manifest| -> BTreeMap<String, Digest> {
            let parts = manifest.parts.iter().filter(|part| {
                part.path.kind() != PartKind::Code && !part.media_type.starts_with(OWN)
            });
            parts.map(|part| (part.path.to_string(), part.digest)).collect()
        };
        let (old, new) = (of(before), of(after));
        let mut paths: Vec<&String> = old.keys().chain(new.keys()).collect();
        paths.sort();
        paths.dedup();
        paths.into_iter().filter(|path| old.get(*path) != new.get(*path)).cloned().collect()
    }
}

fn by_name(ingredients: &[(String, String)]) -> BTreeMap<&str, &str> {
    ingredients.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn cells_before(before: Option<&Before>, after: Option<&Before>) -> Change {
    let (Some(before), Some(after)) = (before, after) else {
        return Change::CellsBefore { cells: Vec::new(), are_all: false };
    };
    let of = |cells: &[(String, Digest)]| -> BTreeMap<String, Digest> {
        cells.iter().cloned().collect()
    };
    let (old, new) = (of(&before.cells), of(&after.cells));
    let are_all = before.is_whole && after.is_whole;
    // Of cells above what is known nothing can be said, so what is only on the other side may
    // have been there.
    let gone = before.cells.iter().filter(|(cell, _)| after.is_whole && !new.contains_key(cell));
    let mut cells: Vec<CellChange> = gone
        .map(|(cell, code)| CellChange { cell: cell.clone(), changed: CellChanged::Removed(*code) })
        .collect();
    let moved = moved(&before.cells, &after.cells);
    let first_known = after.cells.iter().position(|(cell, _)| old.contains_key(cell));
    for (at, (cell, code)) in after.cells.iter().enumerate() {
        let changed = match old.get(cell) {
            Some(was) if was != code => CellChanged::Code(*was, *code),
            Some(_) if moved.contains(cell.as_str()) => CellChanged::Moved,
            None if before.is_whole || first_known.is_some_and(|first| at > first) => {
                CellChanged::Added(*code)
            }
            _ => continue,
        };
        cells.push(CellChange { cell: cell.clone(), changed });
    }
    Change::CellsBefore { are_all: are_all && !cells.is_empty(), cells }
}

/// Returns the cells that both have and that are out of order: as few as explain it.
fn moved<'a>(before: &[(String, Digest)], after: &'a [(String, Digest)]) -> HashSet<&'a str> {
    let names = |cells: &'a [(String, Digest)], others: &[(String, Digest)]| -> Vec<&'a str> {
        let common = |cell: &str| others.iter().any(|(other, _)| other == cell);
        cells.iter().map(|(cell, _)| cell.as_str()).filter(|cell| common(cell)).collect()
    };
    let new = names(after, before);
    let old: Vec<&str> = {
        let known: HashSet<&str> = new.iter().copied().collect();
        before.iter().map(|(cell, _)| cell.as_str()).filter(|cell| known.contains(cell)).collect()
    };
    let mut moved = HashSet::new();
    for op in capture_diff_slices(Algorithm::Myers, &old, &new) {
        let (tag, _, range) = op.as_tag_tuple();
        if tag != DiffTag::Equal {
            moved.extend(&new[range]);
        }
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    /// `a1 b2` are the cells `a` with the code `1` and `b` with the code `2`; a leading `…` says
    /// that there are others before.
    fn before(text: &str) -> Before {
        let cells = text.trim_start_matches('…').split_whitespace();
        let cells = cells.map(|cell| (cell[..1].to_owned(), digest(&cell[1..]))).collect();
        Before { cells, is_whole: !text.starts_with('…') }
    }

    fn recipe(code: &str, cells: &str, python: &str) -> Recipe {
        let pair = |name: &str, value: String| (name.to_owned(), value);
        Recipe {
            ingredients: vec![
                pair(CODE, digest(code).to_string()),
                pair(CELLS_BEFORE, digest(cells).to_string()),
                pair("language_version", python.to_owned()),
            ],
            code: Some(code.to_owned()),
            before: Some(before(cells)),
            ..Recipe::default()
        }
    }

    fn told(comparison: &Comparison) -> String {
        let change = |change: &Change| match change {
            Change::Code(diff) => format!("code {}", diff.as_ref().map_or(0, CodeDiff::lines)),
            Change::CellsBefore { cells, are_all } => {
                let cell = |cell: &CellChange| {
                    let what = match cell.changed {
                        CellChanged::Code(..) => "~",
                        CellChanged::Added(_) => "+",
                        CellChanged::Removed(_) => "-",
                        CellChanged::Moved => "^",
                    };
                    format!("{what}{}", cell.cell)
                };
                let cells: Vec<String> = cells.iter().map(cell).collect();
                format!("before {}{}", cells.join(" "), if *are_all { "" } else { " …" })
            }
            Change::Value { name, before, after } => format!("{name} {before:?} {after:?}"),
        };
        comparison.changes.iter().map(change).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn what_differs_is_told_by_ingredient_and_cell() {
        let base = ("x\ny", "a1 b2 c3", "3.11");
        for (other, expected, why) in [
            (base, "", "all is equal"),
            (("x\nz", "a1 b2 c3", "3.11"), "code 1", "its own code"),
            (("x\ny", "a1 b9 c3", "3.11"), "before ~b", "a cell before"),
            (("x\ny", "a1 c3", "3.11"), "before -b", "one that is gone"),
            (("x\ny", "a1 b2 n0 c3", "3.11"), "before +n", "one that came"),
            (("x\ny", "b2 c3 a1", "3.11"), "before ^a", "the one that moved, not the two others"),
            (("x\ny", "a1 n0 c4", "3.11"), "before -b +n ~c", "all of it at once"),
            (("x\ny", "… c4", "3.11"), "before ~c …", "further up is not known"),
            (("x\ny", "…", "3.11"), "before  …", "nothing is known"),
            (
                ("x\ny", "a1 b2 c3", "3.12"),
                "language_version Some(\"3.11\") Some(\"3.12\")",
                "the language",
            ),
        ] {
            let of = |(code, cells, python)| recipe(code, cells, python);
            let comparison = compare(&of(base), &of(other));
            assert_eq!(told(&comparison), expected, "{why}");
            assert_eq!(comparison.is_same(), expected.is_empty(), "{why}");
            assert_eq!(comparison.equal.len() + comparison.changes.len(), 3, "{why}");
        }
    }

    #[test]
    fn a_cell_that_may_have_stood_further_up_is_not_called_new() {
        let told = |was: &str, is: &str| told(&compare(&recipe("", was, ""), &recipe("", is, "")));
        assert_eq!(told("… c3", "a1 b2 c4"), "before ~c …", "a and b may have been there");
        assert_eq!(told("… b2 c3", "a1 b2 n0 c3"), "before +n …", "n was not between them");
        assert_eq!(told("a1 b2 c3", "… c4"), "before ~c …", "a and b may still be there");
    }

    #[test]
    fn who_does_not_say_what_it_is_made_of_cannot_be_compared() {
        let silent = Recipe { ingredients: Vec::new(), ..recipe("x", "", "3.11") };
        let comparison = compare(&silent, &recipe("x", "", "3.11"));
        assert!(!comparison.is_known && !comparison.is_same() && comparison.changes.is_empty());
    }
}
