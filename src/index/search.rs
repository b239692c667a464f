//! Patterns over names: globs and prefixes of each segment.

use std::borrow::Cow;

use glob::MatchOptions;

use crate::name::{EntryName, encode};

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
    Exactly(String),
    Prefix(String),
    Glob(glob::Pattern),
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
        Pattern { notebook: Field::Exactly(name.to_owned()), ..Pattern::all() }
    }

    /// Reads a pattern. A colon or percent sign inside a segment is written `%3a` or `%25`.
    ///
    /// # Errors
    /// [`InvalidPattern`] if there are more than four segments, or a glob is malformed.
    pub fn parse(text: &str) -> Result<Pattern, InvalidPattern> {
        let invalid = |reason: String| InvalidPattern { text: text.to_owned(), reason };
        let mut fields = text.split(':');
        let mut next = |prefix: bool| match fields.next() {
            None | Some("" | "*") => Ok(Field::Any),
            Some(field) => {
                let field = field.replace("%3a", ":").replace("%3A", ":").replace("%25", "%");
                if field.contains(['*', '?', '[']) {
                    glob::Pattern::new(&field)
                        .map(Field::Glob)
                        .map_err(|error| invalid(error.msg.to_owned()))
                } else if prefix {
                    Ok(Field::Prefix(field))
                } else {
                    Ok(Field::Exactly(field))
                }
            }
        };
        let pattern = Pattern {
            notebook: next(false)?,
            cell: next(false)?,
            module: next(true)?,
            version: next(false)?,
        };
        match fields.next() {
            None => Ok(pattern),
            Some(_) => Err(invalid("it has more than notebook:cell:module:version".into())),
        }
    }

    /// Returns the encoded text that every matching name starts with.
    pub(crate) fn prefix(&self) -> String {
        let mut prefix = String::new();
        for field in [&self.notebook, &self.cell] {
            match field {
                Field::Exactly(text) => {
                    prefix.push_str(&encode(text));
                    prefix.push('/');
                }
                _ => return prefix,
            }
        }
        prefix
    }

    /// Whether a name matches.
    pub fn matches(&self, name: &EntryName) -> bool {
        // Decoding a segment costs more than most questions.
        fn is<'a>(field: &Field, text: impl FnOnce() -> Cow<'a, str>) -> bool {
            matches!(field, Field::Any) || field.matches(&text())
        }
        is(&self.notebook, || name.notebook())
            && is(&self.cell, || name.cell())
            && is(&self.module, || name.module())
            && is(&self.version, || name.version())
    }
}

impl Field {
    fn matches(&self, text: &str) -> bool {
        match self {
            Field::Any => true,
            // A cut segment is compared as it stands in the name.
            Field::Exactly(wanted) => text == wanted || text == encode(wanted),
            Field::Prefix(wanted) => text.starts_with(wanted.as_str()),
            Field::Glob(pattern) => pattern.matches_with(text, GLOB),
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
