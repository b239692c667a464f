//! The pins as bytes, and back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::error::{Error, Result};
use crate::name::EntryName;

/// The version of the form.
const VERSION: i64 = 1;
/// All that stands before the entries. The same in every file, so that a merge never touches it.
const HEAD: &str = "\
# The results that belong to this commit: `recell restore --locked` brings them back.
# Written by `recell lock`; git merges it by lines (`merge=union` in .gitattributes).
version = 1
entries = [
";
/// What stands around an entry in its line.
const BEFORE: &str = "  \"";
const AFTER: &str = "\",";
/// What stands after the entries.
const END: &str = "]\n";
/// How the lines begin that a merge leaves in a file that it could not merge.
const MARKERS: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

/// A set of pinned entries. There may be several of a cell, after a merge: the newest counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pins {
    entries: BTreeSet<EntryName>,
}

impl Pins {
    /// Reads the file at `path`, which holds `bytes`. An empty file pins nothing.
    ///
    /// # Errors
    /// [`Error::BadLockfile`] and [`Error::NewerLockfile`].
    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Pins> {
        let bad = |line, reason: &str| Error::BadLockfile {
            path: path.to_owned(),
            line,
            reason: reason.to_owned(),
        };
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = line_of(bytes, error.valid_up_to());
            bad(line, "it is not UTF-8")
        })?;
        if let Some(pins) = Pins::parse_ordinary(text) {
            return Ok(pins);
        }
        let marked = text.lines().position(|line| MARKERS.iter().any(|m| line.starts_with(m)));
        if let Some(line) = marked {
            return Err(bad(line + 1, "a merge left its markers"));
        }
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            bad(line_of(bytes, at), error.message())
        })?;
        if table.is_empty() {
            return Ok(Pins::default());
        }
        match table.get("version").and_then(toml::Value::as_integer) {
            Some(VERSION) => {}
            Some(found) if found > VERSION => {
                return Err(Error::NewerLockfile { path: path.to_owned(), found });
            }
            _ => return Err(bad(1, "it has no `version = 1`")),
        }
        let entries = table.get("entries").and_then(toml::Value::as_array);
        let entries = entries.ok_or_else(|| bad(1, "it has no list `entries`"))?;
        let mut pins = Pins::default();
        for entry in entries {
            let name = entry.as_str().and_then(|text| text.parse().ok());
            let name = name.ok_or_else(|| {
                let shown = entry.to_string();
                let at = memchr::memmem::find(bytes, shown.as_bytes()).unwrap_or(0);
                bad(line_of(bytes, at), &format!("{shown} is no entry"))
            })?;
            pins.entries.insert(name);
        }
        Ok(pins)
    }

    /// Reads what was written by us, or is a merge of such files, many times as fast as any TOML.
    /// `None` if it is of another make.
    fn parse_ordinary(text: &str) -> Option<Pins> {
        let lines = text.strip_prefix(HEAD)?.strip_suffix(END)?;
        let name = |line: &str| line.strip_prefix(BEFORE)?.strip_suffix(AFTER)?.parse().ok();
        Some(Pins { entries: lines.lines().map(name).collect::<Option<_>>()? })
    }

    /// Returns every entry that a file names in any way, however damaged it is.
    pub(crate) fn salvage(bytes: &[u8]) -> Pins {
        let text = String::from_utf8_lossy(bytes);
        // Every other piece is between quotes, but lines may be torn.
        let pieces = text.lines().flat_map(|line| line.split(['"', '\'']));
        Pins { entries: pieces.filter_map(|piece| piece.parse().ok()).collect() }
    }

    /// Returns the bytes of the file: sorted, an entry a line.
    pub(crate) fn to_text(&self) -> String {
        let line = BEFORE.len() + AFTER.len() + 1;
        let size: usize = self.entries.iter().map(|entry| entry.as_str().len() + line).sum();
        let mut text = String::with_capacity(HEAD.len() + size + END.len());
        text.push_str(HEAD);
        for entry in &self.entries {
            for piece in [BEFORE, entry.as_str(), AFTER, "\n"] {
                text.push_str(piece);
            }
        }
        text.push_str(END);
        text
    }

    /// Returns all pinned entries, sorted by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &EntryName> {
        self.entries.iter()
    }

    /// Returns how many entries are pinned.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether an entry is pinned.
    pub(crate) fn contains(&self, entry: &EntryName) -> bool {
        self.entries.contains(entry)
    }

    /// Returns the encoded names of the notebooks that have pins.
    pub(crate) fn notebooks(&self) -> BTreeSet<&str> {
        self.entries.iter().map(EntryName::notebook_segment).collect()
    }

    /// Returns the pin that counts for each cell of a notebook, the newest, by the encoded names
    /// of both.
    pub(crate) fn of_notebook(&self, notebook: &str) -> BTreeMap<&str, &EntryName> {
        let of_it = self.entries.iter().filter(|entry| entry.notebook_segment() == notebook);
        let cells = by_cell(of_it).into_iter();
        cells.filter_map(|((_, cell), pins)| Some((cell, *pins.last()?))).collect()
    }

    /// Returns the same pins with other names for those of `renamed`.
    pub(crate) fn under_names(&self, renamed: &BTreeMap<EntryName, EntryName>) -> Pins {
        self.entries.iter().map(|entry| renamed.get(entry).unwrap_or(entry).clone()).collect()
    }

    /// Returns all pins of each cell, the newest last, by the encoded names of notebook and cell.
    pub(super) fn by_cell(&self) -> BTreeMap<(&str, &str), Vec<&EntryName>> {
        by_cell(self.entries.iter())
    }
}

fn by_cell<'p>(
    pins: impl Iterator<Item = &'p EntryName>,
) -> BTreeMap<(&'p str, &'p str), Vec<&'p EntryName>> {
    let mut cells: BTreeMap<(&str, &str), Vec<&EntryName>> = BTreeMap::new();
    for entry in pins {
        let cell = (entry.notebook_segment(), entry.cell_segment());
        cells.entry(cell).or_default().push(entry);
    }
    for pins in cells.values_mut() {
        // The whole name breaks ties, the same everywhere.
        pins.sort_by(|a, b| (a.created_at(), a).cmp(&(b.created_at(), b)));
    }
    cells
}

impl FromIterator<EntryName> for Pins {
    fn from_iter<I: IntoIterator<Item = EntryName>>(entries: I) -> Pins {
        Pins { entries: entries.into_iter().collect() }
    }
}

/// Returns the line, from 1, that the byte at `at` is in.
fn line_of(bytes: &[u8], at: usize) -> usize {
    1 + memchr::memchr_iter(b'\n', &bytes[..at.min(bytes.len())]).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(cell: &str, module: &str, minute: u32) -> EntryName {
        format!("nb%2fa.ipynb/{cell}/{module}/0/20261121T01{minute:02}00.000000Z-0123abcd")
            .parse()
            .unwrap()
    }

    fn parse(text: &str) -> Result<Pins> {
        Pins::parse(Path::new("recell.lock"), text.as_bytes())
    }

    #[test]
    fn the_file_is_toml_with_an_entry_a_line_in_order() {
        let pins: Pins =
            [name("b", "m", 1), name("a", "m", 2), name("a", "k", 3)].into_iter().collect();
        let text = pins.to_text();
        let table: toml::Table = text.parse().unwrap();
        let entries = table["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 3);
        assert_eq!(entries[0].as_str(), Some(name("a", "k", 3).as_str()), "sorted");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.iter().filter(|line| line.contains("0123abcd")).count() == 3, "{text}");
        assert_eq!(parse(&text).unwrap(), pins);
        assert_eq!(parse(&Pins::default().to_text()).unwrap(), Pins::default());
    }

    #[test]
    fn any_toml_of_that_meaning_is_read() {
        let pins: Pins = [name("a", "m", 1), name("b", "m", 2)].into_iter().collect();
        let text = pins.to_text();
        let (a, b) = (name("a", "m", 1), name("b", "m", 2));
        for (other, why) in [
            (text.replace('\n', "\r\n"), "line ends of another system"),
            (format!("entries = ['{a}', '{b}']\nversion = 1"), "by hand"),
            (text.replace("]\n", &format!("  \"{a}\",\n]\n")), "twice, after a merge"),
            (text.replace("entries", "# words\nentries"), "a comment"),
        ] {
            assert_eq!(parse(&other).unwrap(), pins, "{why}");
        }
        assert_eq!(parse("").unwrap(), Pins::default(), "an empty file");
    }

    #[test]
    fn what_is_no_lock_is_refused_with_its_line() {
        let text = [name("a", "m", 1)].into_iter().collect::<Pins>().to_text();
        for (broken, line, words) in [
            (text.replace("  \"nb", "<<<<<<< HEAD\n  \"nb"), 5, "markers"),
            (text.replace("]\n", ""), 5, ""),
            (text.replace("nb%2fa.ipynb/", ""), 5, "is no entry"),
            (text.replace("version = 1", "version = \"1\""), 1, "version"),
            ("version = 1\n".into(), 1, "entries"),
            (text.replace("version = 1", "version = 1\nversion = 1"), 4, "duplicate"),
        ] {
            let error = parse(&broken).unwrap_err();
            let Error::BadLockfile { line: found, reason, .. } = &error else { panic!("{error}") };
            assert_eq!(*found, line, "{broken}: {error}");
            assert!(reason.contains(words), "{error}");
        }
        let newer = parse("version = 2\nentries = {}\n").unwrap_err();
        assert_eq!(newer.code(), "newer_lockfile");
        let no_text = Pins::parse(Path::new("x"), b"a = 1\n\xff").unwrap_err();
        assert!(matches!(no_text, Error::BadLockfile { line: 2, .. }), "{no_text}");
    }

    #[test]
    fn all_that_a_broken_file_names_is_salvaged() {
        let pins: Pins = [name("a", "m", 1), name("b", "m", 2)].into_iter().collect();
        let text = pins.to_text();
        let broken = text.replace("  \"nb", "<<<<<<< HEAD\n  \"nb").replace("]\n", "  \"torn");
        assert_eq!(Pins::salvage(broken.as_bytes()), pins);
        assert_eq!(Pins::salvage(b"\xff\"\""), Pins::default());
    }

    #[test]
    fn of_several_pins_of_a_cell_the_newest_counts() {
        let (old, new) = (name("a", "z", 1), name("a", "m", 2));
        let pins: Pins = [old, new.clone(), name("b", "m", 1)].into_iter().collect();
        let found = pins.of_notebook("nb%2fa.ipynb");
        assert_eq!(found["a"], &new);
        assert_eq!(found.len(), 2);
        assert!(pins.of_notebook("nb").is_empty());
    }
}
