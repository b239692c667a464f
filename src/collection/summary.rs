//! `summary.toml`: what a collection may hold, without a look at its entries (format.md,
//! section 11). It is always a superset, so that what it rules out is not there.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::Deserialize;

use super::document::{FORMAT, Problem, quoted, read_toml};
use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::name::EntryName;

/// A list of more values is written as the starts of their digests,
const MOST_VALUES: usize = 1024;
/// and one of still more as `any`.
const MOST_DIGESTS: usize = 8192;

/// What a collection may hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many entries it has, exactly.
    pub count: usize,
    /// When its oldest entry was made; `None` if it has none.
    pub oldest: Option<Timestamp>,
    /// When its newest entry was made.
    pub newest: Option<Timestamp>,
    /// The notebooks, as segments.
    pub(crate) notebooks: Values,
    /// The cells, as `<notebook>/<cell>`.
    pub(crate) cells: Values,
    /// The module hashes, as segments.
    pub(crate) modules: Values,
}

/// A set of texts, or a superset of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Values {
    /// These, and no others.
    Exactly(BTreeSet<String>),
    /// Those whose BLAKE3 begins with one of these.
    Digests(BTreeSet<u16>),
    /// Anything.
    Any,
}

impl Default for Values {
    fn default() -> Values {
        Values::Exactly(BTreeSet::new())
    }
}

/// Returns the start of a value's digest.
pub(super) fn start_of_digest(value: &str) -> u16 {
    let digest = Digest::of_here(value.as_bytes());
    u16::from_be_bytes(*digest.as_bytes().first_chunk().expect("a digest has 32 bytes"))
}

impl Values {
    fn of(values: BTreeSet<&str>) -> Values {
        if values.len() <= MOST_VALUES {
            return Values::Exactly(values.into_iter().map(str::to_owned).collect());
        }
        let digests: BTreeSet<u16> = values.into_iter().map(start_of_digest).collect();
        if digests.len() <= MOST_DIGESTS { Values::Digests(digests) } else { Values::Any }
    }

    /// Whether a value may be among them.
    pub(crate) fn may_have(&self, value: &str) -> bool {
        match self {
            Values::Exactly(values) => values.contains(value),
            Values::Digests(digests) => digests.contains(&start_of_digest(value)),
            Values::Any => true,
        }
    }

    fn to_toml(&self) -> String {
        match self {
            Values::Exactly(values) => {
                let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                format!("[{}]", values.join(", "))
            }
            Values::Digests(digests) => {
                let mut hex = String::with_capacity(4 * digests.len());
                for digest in digests {
                    write!(hex, "{digest:04x}").expect("writing to a string cannot fail");
                }
                format!("{{ digests = \"{hex}\" }}")
            }
            Values::Any => "{ any = true }".into(),
        }
    }
}

/// A list as it is read. What is not understood rules nothing out.
#[derive(Deserialize)]
#[serde(untagged)]
enum ReadValues {
    Exactly(BTreeSet<String>),
    Digests {
        digests: String,
    },
    #[expect(dead_code, reason = "whatever a later release writes is a superset")]
    Other(toml::Value),
}

impl From<ReadValues> for Values {
    fn from(read: ReadValues) -> Values {
        let digest = |hex: &[u8]| u16::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok();
        match read {
            ReadValues::Exactly(values) => Values::Exactly(values),
            ReadValues::Digests { digests } => {
                let all = digests.as_bytes().chunks(4).map(digest).collect::<Option<_>>();
                all.map_or(Values::Any, Values::Digests)
            }
            ReadValues::Other(_) => Values::Any,
        }
    }
}

#[derive(Deserialize)]
struct Read {
    format: u32,
    count: usize,
    oldest: Option<String>,
    newest: Option<String>,
    notebooks: ReadValues,
    cells: ReadValues,
    modules: ReadValues,
}

impl Summary {
    /// Returns the summary of these entries.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a EntryName>) -> Summary {
        let (mut notebooks, mut cells, mut modules) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut summary = Summary::default();
        for name in names {
            let path = name.as_str();
            let cell_end = name.cell_segment().as_ptr() as usize - path.as_ptr() as usize
                + name.cell_segment().len();
            let cell = &path[..cell_end];
            cells.insert(cell);
            notebooks.insert(cell.split_once('/').map_or(cell, |(notebook, _)| notebook));
            modules.insert(name.module_segment());
            let made = name.created_at();
            summary.count += 1;
            summary.oldest = Some(summary.oldest.map_or(made, |oldest| oldest.min(made)));
            summary.newest = Some(summary.newest.map_or(made, |newest| newest.max(made)));
        }
        summary.notebooks = Values::of(notebooks);
        summary.cells = Values::of(cells);
        summary.modules = Values::of(modules);
        summary
    }

    pub(super) fn to_toml(&self) -> String {
        let mut out = format!("format = {FORMAT}\ncount = {}\n", self.count);
        for (name, time) in [("oldest", self.oldest), ("newest", self.newest)] {
            if let Some(time) = time {
                writeln!(out, "{name} = \"{time}\"").expect("writing to a string cannot fail");
            }
        }
        for (name, values) in
            [("notebooks", &self.notebooks), ("cells", &self.cells), ("modules", &self.modules)]
        {
            writeln!(out, "{name} = {}", values.to_toml())
                .expect("writing to a string cannot fail");
        }
        out
    }

    pub(super) fn from_toml(bytes: &[u8]) -> Result<Summary, Problem> {
        let read: Read = read_toml(bytes)?;
        if read.format > FORMAT {
            return Err(Problem::NewerFormat(read.format));
        }
        let time = |text: Option<String>| {
            let malformed = |_| Problem::Malformed("a time makes no sense".into());
            text.map(|text| text.parse().map_err(malformed)).transpose()
        };
        Ok(Summary {
            count: read.count,
            oldest: time(read.oldest)?,
            newest: time(read.newest)?,
            notebooks: read.notebooks.into(),
            cells: read.cells.into(),
            modules: read.modules.into(),
        })
    }

    /// Whether there is nothing that was made at `moment` or before.
    pub(super) fn is_after(&self, moment: Option<Timestamp>) -> bool {
        moment.is_some_and(|moment| self.oldest.is_some_and(|oldest| oldest > moment))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(notebook: usize, cell: usize, module: usize) -> EntryName {
        let path = format!("nb{notebook}/c{cell}/m{module}/0");
        EntryName::new(&path, Timestamp::from_micros(1_795_224_240_000_000), "01234567")
    }

    #[test]
    fn long_lists_become_supersets() {
        for (count, form) in [(10, "[\"nb0/c0\""), (2_000, "{ digests"), (20_000, "{ any")] {
            let names: Vec<EntryName> = (0..count).map(|cell| name(0, cell, cell)).collect();
            let summary = Summary::of(names.iter());
            let text = summary.to_toml();
            assert!(text.contains(&format!("cells = {form}")), "{count}");
            assert_eq!(Summary::from_toml(text.as_bytes()), Ok(summary.clone()));
            assert!((0..count).all(|cell| summary.cells.may_have(&format!("nb0/c{cell}"))));
            assert_eq!(summary.count, count);
        }
    }

    #[test]
    fn a_form_of_a_later_release_rules_nothing_out() {
        let text = "format = 1\ncount = 2\nnotebooks = [\"a\"]\ncells = { bloom = \"00\" }\n\
            modules = { digests = \"00zz\" }\n";
        let summary = Summary::from_toml(text.as_bytes()).unwrap();
        assert_eq!((summary.cells, summary.modules), (Values::Any, Values::Any));
    }

    proptest! {
        #[test]
        fn every_entry_is_covered(keys in prop::collection::vec((0..5_usize, 0..9_usize, 0..9_usize), 0..40)) {
            let names: Vec<EntryName> = keys.iter().map(|&(n, c, m)| name(n, c, m)).collect();
            let summary = Summary::of(names.iter());
            let back = Summary::from_toml(summary.to_toml().as_bytes()).unwrap();
            for (notebook, cell, module) in keys {
                let cell = format!("nb{notebook}/c{cell}");
                let (notebook, module) = (format!("nb{notebook}"), format!("m{module}"));
                prop_assert!(back.notebooks.may_have(&notebook));
                prop_assert!(back.cells.may_have(&cell));
                prop_assert!(back.modules.may_have(&module));
            }
        }
    }
}
