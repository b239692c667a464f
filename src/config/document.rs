//! One settings file as the keys it sets, each with its line.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::keys::{self, Key};
use super::layers::ConfigFile;
use super::nearest;
use crate::error::{Error, Result};

/// Characters of a refused value that an error quotes.
const QUOTED_CHARACTERS: usize = 40;

/// A settings file, parsed but not yet understood.
pub(super) struct Document<'f> {
    file: &'f ConfigFile,
    table: DeTable<'f>,
}

/// A key that a file sets.
pub(super) struct Item<'d, 'f> {
    pub(super) key: &'static Key,
    pub(super) value: &'d Spanned<DeValue<'f>>,
    /// The line of the key, from 1.
    pub(super) line: usize,
}

impl<'f> Document<'f> {
    /// Returns a file whose sections are at its top, as in `recell.toml`.
    ///
    /// # Errors
    /// [`Error::BadToml`] if it is not TOML.
    pub(super) fn parse(file: &'f ConfigFile) -> Result<Document<'f>> {
        let table = DeTable::parse(&file.text).map_err(|error| Error::BadToml {
            path: file.path.clone(),
            line: line_at(&file.text, error.span().map_or(0, |span| span.start)),
            reason: error.message().to_owned(),
        })?;
        Ok(Document { file, table: table.into_inner() })
    }

    /// Returns a `pyproject.toml` whose sections are under `[tool.recell]`; `None` if it has no
    /// such table.
    ///
    /// # Errors
    /// [`Error::BadToml`] if it is not TOML.
    pub(super) fn parse_pyproject(file: &'f ConfigFile) -> Result<Option<Document<'f>>> {
        let mut table = Document::parse(file)?.table;
        for name in ["tool", "recell"] {
            match table.remove(name).map(Spanned::into_inner) {
                Some(DeValue::Table(inner)) => table = inner,
                _ => return Ok(None),
            }
        }
        Ok(Some(Document { file, table }))
    }

    /// Returns every key that is set, in the order of the file.
    ///
    /// # Errors
    /// [`Error::UnknownSetting`] for a section or key that means nothing, [`Error::BadSetting`] for
    /// a section that is no table; of several the first in the file.
    pub(super) fn items(&self) -> Result<Vec<Item<'_, 'f>>> {
        let mut items = Vec::new();
        for (name, value) in &self.table {
            match self.section(name, value) {
                Err(error) => items.push((name.span().start, Err(error))),
                Ok(table) => {
                    for (key, value) in table {
                        items.push((key.span().start, self.item(name.get_ref(), key, value)));
                    }
                }
            }
        }
        items.sort_by_key(|(at, _)| *at);
        items.into_iter().map(|(_, item)| item).collect()
    }

    /// Returns the keys of a section.
    fn section<'d>(
        &self,
        name: &Spanned<DeString<'_>>,
        value: &'d Spanned<DeValue<'f>>,
    ) -> Result<&'d DeTable<'f>> {
        let section = name.get_ref().as_ref();
        let table = value.get_ref().as_table();
        let Some(known) = keys::section(section) else {
            let nearest =
                if table.is_some() { nearest::section(section) } else { nearest::key(section) };
            return Err(Error::UnknownSetting {
                place: self.place(name.span().start),
                name: section.to_owned(),
                nearest,
            });
        };
        table.ok_or_else(|| Error::BadSetting {
            place: self.place(value.span().start),
            name: known,
            expected: "a table of settings".into(),
            found: self.quote(value),
        })
    }

    /// Returns one key of a known section.
    fn item<'d>(
        &self,
        section: &str,
        name: &Spanned<DeString<'_>>,
        value: &'d Spanned<DeValue<'f>>,
    ) -> Result<Item<'d, 'f>> {
        let dotted = format!("{section}.{}", name.get_ref());
        match Key::named(&dotted) {
            Some(key) => {
                self.check_fields(key, value)?;
                Ok(Item { key, value, line: line_at(&self.file.text, name.span().start) })
            }
            None => Err(Error::UnknownSetting {
                place: self.place(name.span().start),
                nearest: nearest::key(&dotted),
                name: dotted,
            }),
        }
    }

    /// Refuses what means nothing in the tables of an array of tables.
    fn check_fields(&self, key: &Key, value: &Spanned<DeValue<'_>>) -> Result<()> {
        if key.fields().is_empty() {
            return Ok(());
        }
        let tables = value.get_ref().as_array().into_iter().flatten();
        for (name, _) in tables.filter_map(|table| table.get_ref().as_table()).flatten() {
            let field = name.get_ref().as_ref();
            if !key.fields().contains(&field) {
                return Err(Error::UnknownSetting {
                    place: self.place(name.span().start),
                    name: format!("{}.{field}", key.name()),
                    nearest: nearest::field(key, field),
                });
            }
        }
        Ok(())
    }

    /// Returns the error that `refused`, which is the value of `key` or inside it, is not accepted.
    pub(super) fn bad_setting(&self, key: &Key, refused: &Spanned<DeValue<'_>>) -> Error {
        Error::BadSetting {
            place: self.place(refused.span().start),
            name: key.name(),
            expected: key.expected(),
            found: self.quote(refused),
        }
    }

    /// Returns the file and line of a position.
    fn place(&self, at: usize) -> String {
        format!("{}:{}", self.file.path.display(), line_at(&self.file.text, at))
    }

    /// Returns how `value` is written, cut to one short line.
    fn quote(&self, value: &Spanned<DeValue<'_>>) -> String {
        let written = self.file.text.get(value.span()).unwrap_or_default();
        let line = written.lines().next().unwrap_or_default();
        let mut quoted: String = line.chars().take(QUOTED_CHARACTERS).collect();
        if quoted.len() < written.len() {
            quoted.push('…');
        }
        quoted
    }
}

/// Returns the line, from 1, of the byte at `at`.
fn line_at(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or(text).matches('\n').count() + 1
}
