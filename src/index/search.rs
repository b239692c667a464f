//! Patterns over names: globs and prefixes of each segment.

use std::borrow::Cow;

use glob::MatchOptions;

use crate::name::{EntryName, decode, encode, is_cut, unescape};

/// What entries are asked for: `notebook[:cell[:module[:version]]]`, each with `*`, `?`, `[…]`.
///
/// The notebook, the cell and the version match as a whole; the module may be a prefix, as people
/// shorten digests.
#[derive(Debug, Clone)]
pub struct Pattern {
    notebook: Field,
    cell: Field,
    module: Field,
    version: Field,
}

#[derive(Debug, Clone)]
enum Field {
    Any,
    /// The segment of a name.
    Exactly(String),
    Prefix(String),
    Glob(glob::Pattern),
}

/// What is wanted of one part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    Any,
    /// The text itself.
    Exactly(String),
    /// What begins so.
    StartingWith(String),
    /// A glob, in which what means itself is escaped.
    Glob(String),
}

impl Wanted {
    /// Reads one part of a pattern.
    pub(crate) fn read(text: &str) -> Wanted {
        match text {
            "" | "*" => Wanted::Any,
            // It is kept as a selector prints it, in which these two mean something.
            _ if text.contains(['*', '?', '[']) => {
                Wanted::Glob(text.replace('@', "%40").replace('~', "%7e"))
            }
            _ => Wanted::Exactly(unescape(text).into_owned()),
        }
    }
}

/// A text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no pattern: {reason}")]
pub struct InvalidPattern {
    text: String,
    reason: String,
}

const GLOB: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: false,
    require_literal_leading_dot: false,
};

impl Pattern {
    /// Returns the pattern that every entry matches.
    pub fn all() -> Pattern {
        Pattern { notebook: Field::Any, cell: Field::Any, module: Field::Any, version: Field::Any }
    }

    /// Returns the pattern that every entry of the notebook of that very name matches, whatever
    /// signs are in it.
    pub fn notebook(name: &str) -> Pattern {
        Pattern { notebook: Field::exactly(name), ..Pattern::all() }
    }

    /// Reads a pattern. What has a meaning in it is escaped to mean itself: `%3a`, `%2a`, `%25`
    /// (docs/selectors.md).
    ///
    /// # Errors
    /// [`InvalidPattern`] if there are more than four segments, or a glob is malformed.
    pub fn parse(text: &str) -> Result<Pattern, InvalidPattern> {
        let mut fields = text.split(':');
        let mut wanted = [Wanted::Any, Wanted::Any, Wanted::Any, Wanted::Any];
        for (number, (wanted, field)) in wanted.iter_mut().zip(&mut fields).enumerate() {
            *wanted = match Wanted::read(field) {
                // People shorten digests.
                Wanted::Exactly(module) if number == 2 => Wanted::StartingWith(module),
                other => other,
            };
        }
        let pattern = Pattern::of(wanted)
            .map_err(|reason| InvalidPattern { text: text.to_owned(), reason })?;
        match fields.next() {
            None => Ok(pattern),
            Some(_) => Err(InvalidPattern {
                text: text.to_owned(),
                reason: "it has more than notebook:cell:module:version".into(),
            }),
        }
    }

    /// Returns the pattern of what is wanted of notebook, cell, module and version; why not, if a
    /// glob is malformed.
    pub(crate) fn of(wanted: [Wanted; 4]) -> Result<Pattern, String> {
        let [notebook, cell, module, version] = wanted;
        Ok(Pattern {
            notebook: Field::of(notebook)?,
            cell: Field::of(cell)?,
            module: Field::of(module)?,
            version: Field::of(version)?,
        })
    }

    /// Returns the encoded text that every matching name starts with.
    pub(crate) fn prefix(&self) -> String {
        let mut prefix = String::new();
        for field in [&self.notebook, &self.cell] {
            match field {
                Field::Exactly(segment) => {
                    prefix.push_str(segment);
                    prefix.push('/');
                }
                _ => return prefix,
            }
        }
        prefix
    }

    /// Whether entries of the notebook of that segment can match.
    pub(crate) fn matches_notebook(&self, segment: &str) -> bool {
        self.notebook.matches(segment)
    }

    /// Whether a name matches.
    pub fn matches(&self, name: &EntryName) -> bool {
        let fields = [&self.notebook, &self.cell, &self.module, &self.version];
        (0..4).all(|number| fields[number].matches(name.segment(number)))
    }
}

impl Field {
    fn exactly(text: &str) -> Field {
        // A cut segment stands for itself, as its text is not in the name.
        Field::Exactly(if is_cut(text) { text.into() } else { encode(text).into() })
    }

    fn of(wanted: Wanted) -> Result<Field, String> {
        Ok(match wanted {
            Wanted::Any => Field::Any,
            Wanted::Exactly(text) => Field::exactly(&text),
            Wanted::StartingWith(text) => Field::Prefix(text),
            Wanted::Glob(text) => {
                // In brackets a sign means itself.
                let text = text.replace("%2a", "[*]").replace("%2A", "[*]");
                let text = text.replace("%3f", "[?]").replace("%3F", "[?]");
                let text = text.replace("%5b", "[[]").replace("%5B", "[[]");
                let read = glob::Pattern::new(&unescape(&text));
                Field::Glob(read.map_err(|error| error.msg.to_owned())?)
            }
        })
    }

    fn matches(&self, segment: &str) -> bool {
        // Where a segment was cut, it stands for its text.
        let text = || decode(segment).unwrap_or(Cow::Borrowed(segment));
        match self {
            Field::Any => true,
            Field::Exactly(wanted) => segment == wanted,
            Field::Prefix(wanted) => {
                segment == encode(wanted) || text().starts_with(wanted.as_str())
            }
            Field::Glob(pattern) => pattern.matches_with(&text(), GLOB),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::name::ExecutionKey;

    #[test]
    fn patterns_match_as_people_expect() {
        let key = ExecutionKey::new("reports/sales.ipynb", "load", "9f86d081").unwrap();
        let name = EntryName::new(&key.path(), Timestamp::MIN, "01234567");
        for (pattern, matches, why) in [
            ("", true, "nothing is asked for"),
            ("*", true, "anything"),
            ("reports/sales.ipynb", true, "the notebook alone"),
            ("sales.ipynb", false, "a notebook is named by its whole path"),
            ("*/sales.ipynb", true, "a glob over the path"),
            ("reports/*", true, "one over its end"),
            ("reports/sales.ipynb:load", true, "and the cell"),
            ("reports/sales.ipynb:loa", false, "a cell is named whole"),
            ("reports/sales.ipynb:l*:9f8", true, "digests are shortened"),
            ("*:*:a*", false, "another module"),
            ("*:*:*:0", true, "the version"),
            ("*:*:*:1", false, "another version"),
        ] {
            assert_eq!(
                Pattern::parse(pattern).unwrap().matches(&name),
                matches,
                "{pattern}: {why}"
            );
        }
        assert_eq!(
            Pattern::parse("reports/sales.ipynb:load:9").unwrap().prefix(),
            "reports%2fsales.ipynb/load/"
        );
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (text, why) in [("a:b:c:d:e", "a segment too many"), ("a[", "an open bracket")] {
            assert!(Pattern::parse(text).is_err(), "{why}");
        }
    }
}
