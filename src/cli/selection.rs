//! Which entry a person or a script means by a key, a pattern, a name or an id.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::report::Failure;
use crate::error::Error;
use crate::index::Pattern;
use crate::lookup::{Lookup, Miss};
use crate::name::{EntryName, ExecutionKey};
use crate::store::{Entry, Store};

/// The fewest digits that are taken for the start of an entry's id.
const FEWEST_DIGITS: usize = 4;

/// What stands on a command line for one entry.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    text: String,
    meaning: Meaning,
}

#[derive(Debug, Clone)]
enum Meaning {
    /// A full key, and nothing else: a script that asks for a result must get that one or a miss.
    Key(ExecutionKey),
    /// One entry, by its own name.
    Name(EntryName),
    /// The newest of what matches, if that is all of one cell.
    Pattern(Pattern),
}

impl FromStr for Selection {
    type Err = String;

    fn from_str(text: &str) -> Result<Selection, String> {
        let text = text.to_owned();
        // A tag as plain git prints it.
        let bare = text.strip_prefix("refs/tags/").unwrap_or(&text);
        if let Ok(name) = bare.parse() {
            return Ok(Selection { meaning: Meaning::Name(name), text });
        }
        let is_glob = text.contains(['*', '?', '[']);
        if !is_glob && text.split(':').count() >= 3 {
            let key = text.parse::<ExecutionKey>().map_err(|error| error.to_string())?;
            return Ok(Selection { meaning: Meaning::Key(key), text });
        }
        if text.is_empty() {
            return Err("name a notebook and a cell: `notebook:cell`".into());
        }
        let pattern = Pattern::parse(&text).map_err(|error| error.to_string())?;
        Ok(Selection { meaning: Meaning::Pattern(pattern), text })
    }
}

impl Selection {
    /// Whether it is the full name of one entry.
    pub(crate) fn is_name(&self) -> bool {
        matches!(self.meaning, Meaning::Name(_))
    }

    /// Returns the text as it was given.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the entry that is meant.
    ///
    /// # Errors
    /// [`Failure::Misses`] if there is none or it cannot be read, [`Error::Ambiguous`] if the text
    /// names several cells, and those of [`Store::get`].
    pub(crate) fn entry(&self, store: &Store) -> Result<Entry, Failure> {
        let found = match &self.meaning {
            Meaning::Key(key) => store.peek(key)?,
            Meaning::Name(name) => store.entry(name)?,
            Meaning::Pattern(_) => match self.name(store)? {
                Some(name) => store.entry(&name)?,
                None => Lookup::Miss(self.miss()),
            },
        };
        Ok(found.ok()?)
    }

    /// Returns the entry that is meant; where no key is spelled so, a key whose module starts so
    /// serves as well.
    ///
    /// # Errors
    /// As [`Selection::entry`].
    pub(crate) fn entry_for_person(&self, store: &Store) -> Result<Entry, Failure> {
        if let Meaning::Key(key) = &self.meaning
            && store.newest(key)?.is_none()
            && let Ok(pattern) = Pattern::parse(&self.text)
        {
            let meaning = Meaning::Pattern(pattern);
            return Selection { meaning, text: self.text.clone() }.entry(store);
        }
        self.entry(store)
    }

    /// Returns the name of the entry that is meant; `None` if there is none. The entry itself is
    /// not read.
    ///
    /// # Errors
    /// [`Error::Ambiguous`], and those of [`Store::list`].
    pub(crate) fn name(&self, store: &Store) -> Result<Option<EntryName>, Failure> {
        match &self.meaning {
            Meaning::Key(key) => Ok(store.newest(key)?),
            Meaning::Name(name) => Ok(match store.entry(name)? {
                Lookup::Miss(Miss::NeverStored { .. }) => None,
                _ => Some(name.clone()),
            }),
            Meaning::Pattern(pattern) => {
                let names = store.list(pattern)?;
                if names.is_empty() && is_start_of_id(&self.text) {
                    return self.by_id(store);
                }
                self.newest_of_one_cell(names)
            }
        }
    }

    /// Returns the miss that nothing is stored under the text.
    pub(crate) fn miss(&self) -> Miss {
        Miss::NeverStored { name: self.text.clone() }
    }

    fn newest_of_one_cell(&self, names: Vec<EntryName>) -> Result<Option<EntryName>, Failure> {
        // A shortened module must name one module; a missing one means any.
        let with_module = self.text.split(':').nth(2).is_some_and(|module| !module.is_empty());
        let mut newest: BTreeMap<String, EntryName> = BTreeMap::new();
        for name in names {
            let mut group = shown(&[&name.notebook(), &name.cell()]);
            if with_module {
                group = shown(&[&name.notebook(), &name.cell(), &name.module()]);
            }
            match newest.get(&group) {
                Some(other) if other.created_at() > name.created_at() => {}
                _ => drop(newest.insert(group, name)),
            }
        }
        if newest.len() > 1 {
            let candidates = newest.into_keys().collect();
            return Err(Error::Ambiguous { text: self.text.clone(), candidates }.into());
        }
        Ok(newest.into_values().next())
    }

    fn by_id(&self, store: &Store) -> Result<Option<EntryName>, Failure> {
        let mut names = store.list(&Pattern::all())?;
        names.retain(|name| name.id8().starts_with(&self.text));
        if names.len() > 1 {
            let candidates = names.iter().map(|name| name.as_str().to_owned()).collect();
            return Err(Error::Ambiguous { text: self.text.clone(), candidates }.into());
        }
        Ok(names.pop())
    }
}

fn is_start_of_id(text: &str) -> bool {
    (FEWEST_DIGITS..=8).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Joins texts by colons so that they read back as a pattern.
pub(crate) fn shown(texts: &[&str]) -> String {
    let escaped = texts.iter().map(|text| text.replace('%', "%25").replace(':', "%3a"));
    escaped.collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(text: &str) -> &'static str {
        match text.parse::<Selection>().map(|selection| selection.meaning) {
            Ok(Meaning::Key(_)) => "key",
            Ok(Meaning::Name(_)) => "name",
            Ok(Meaning::Pattern(_)) => "pattern",
            Err(_) => "nothing",
        }
    }

    #[test]
    fn a_text_says_by_its_form_what_it_means() {
        let name = "nb/load/abc/0/20261121T012400.123456Z-01234567";
        for (text, expected, why) in [
            ("nb:load:abc", "key", "three texts"),
            ("nb:load:abc:v2", "key", "with a version"),
            ("reports/nb:load:abc", "key", "a slash is part of the notebook"),
            (name, "name", "as `put` prints it"),
            (&format!("refs/tags/{name}"), "name", "as git prints it"),
            ("nb:load", "pattern", "any module"),
            ("nb", "pattern", "any cell"),
            ("nb:load:a*", "pattern", "a glob"),
            ("nb::abc", "nothing", "an empty cell in a key"),
            ("", "nothing", "empty"),
            ("a:b:c:d:e", "nothing", "a text too many"),
        ] {
            assert_eq!(meaning(text), expected, "{text}: {why}");
        }
    }
}
