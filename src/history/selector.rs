//! What stands on a command line for results of the past, read and printed (docs/selectors.md).

use std::fmt;

use crate::index::{Pattern, Wanted};
use crate::name::{EntryName, ExecutionKey, escape};

/// `notebook[:cell[:module[:version]]]`, the name of an entry or the start of its id; then `~n`,
/// n versions back; then `@` and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    pub(super) named: Named,
    /// How many versions back.
    pub(super) back: usize,
    pub(super) when: Option<When>,
}

/// What stands before `~` and `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// One entry, by its own name.
    Entry(EntryName),
    /// Notebook, cell, module, version, as far as they were given; one at least, four at most.
    Fields(Vec<Wanted>),
}

/// What stands behind `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// A time, or a revision of the host repository.
    pub text: String,
    /// Whether it stood in braces, so that it is a time and no revision.
    pub is_time: bool,
}

impl When {
    /// Reads what stands behind `@`, or in `--as-of`: in braces it is a time.
    pub fn read(text: &str) -> When {
        let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let text = quoted.unwrap_or(text);
        match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(time) => When { text: time.to_owned(), is_time: true },
            None => When { text: text.to_owned(), is_time: false },
        }
    }
}

/// A text that is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no selector: {reason}")]
pub struct NotASelector {
    text: String,
    reason: String,
}

impl Selector {
    /// Returns all ways to read a text, as a name may hold `@` and `~`: that with the longest name
    /// first. The last is the one that holds if no name in the store says otherwise.
    ///
    /// # Errors
    /// [`NotASelector`] if there is none.
    pub fn readings(text: &str) -> Result<Vec<Selector>, NotASelector> {
        let mut splits = vec![(text, None)];
        for (at, _) in text.rmatch_indices('@') {
            let (name, when) = (&text[..at], &text[at + 1..]);
            if !name.is_empty() && !when.is_empty() {
                splits.push((name, Some(When::read(when))));
            }
        }
        let mut readings = Vec::new();
        let mut refused = None;
        let mut push = |name: &str, back, when: &Option<When>| match Named::read(name) {
            Ok(named) => readings.push(Selector { named, back, when: when.clone() }),
            Err(reason) => refused = Some(reason),
        };
        for (name, when) in &splits {
            push(name, 0, when);
            if let Some((name, back)) = split_back(name) {
                push(name, back, when);
            }
        }
        if readings.is_empty() {
            let reason = refused.unwrap_or_default();
            return Err(NotASelector { text: text.to_owned(), reason });
        }
        Ok(readings)
    }

    /// Returns when it is of, if it says so.
    pub fn when(&self) -> Option<&When> {
        self.when.as_ref()
    }

    /// Returns how many versions it goes back.
    pub fn back(&self) -> usize {
        self.back
    }

    /// Returns the one entry whose own name it has.
    pub fn entry(&self) -> Option<&EntryName> {
        match &self.named {
            Named::Entry(name) => Some(name),
            Named::Fields(_) => None,
        }
    }

    /// Returns the full key that it has: then it means that one and nothing like it.
    pub fn key(&self) -> Option<ExecutionKey> {
        let Named::Fields(fields) = &self.named else { return None };
        let text = |field: &Wanted| match field {
            Wanted::Exactly(text) => Some(text.clone()),
            _ => None,
        };
        let texts: Option<Vec<String>> = fields.iter().map(text).collect();
        match texts?.as_slice() {
            [notebook, cell, module] => ExecutionKey::new(notebook, cell, module).ok(),
            [notebook, cell, module, version] => {
                ExecutionKey::with_version(notebook, cell, module, version).ok()
            }
            _ => None,
        }
    }

    /// Returns the notebook that it names, and no cell.
    pub fn notebook(&self) -> Option<&str> {
        match &self.named {
            Named::Fields(fields) => match fields.as_slice() {
                [Wanted::Exactly(notebook)] => Some(notebook),
                _ => None,
            },
            Named::Entry(_) => None,
        }
    }

    /// Returns the pattern of its names as they are written, the module as a prefix.
    pub fn pattern(&self) -> Pattern {
        Pattern::of(self.wanted(true)).expect("its globs were read before")
    }

    /// Returns what it wants of notebook, cell, module and version.
    pub(super) fn wanted(&self, short_module: bool) -> [Wanted; 4] {
        let mut wanted = [Wanted::Any, Wanted::Any, Wanted::Any, Wanted::Any];
        match &self.named {
            Named::Fields(fields) => wanted[..fields.len()].clone_from_slice(fields),
            Named::Entry(name) => {
                let parts = [name.notebook(), name.cell(), name.module(), name.version()];
                wanted = parts.map(|part| Wanted::Exactly(part.into_owned()));
            }
        }
        match &wanted[2] {
            Wanted::Exactly(module) if short_module => {
                wanted[2] = Wanted::StartingWith(module.clone());
            }
            _ => {}
        }
        wanted
    }

    /// Whether a module is named, so that a cell's results of other modules are not meant.
    pub(super) fn names_module(&self) -> bool {
        match &self.named {
            Named::Entry(_) => false,
            Named::Fields(fields) => fields.get(2).is_some_and(|module| *module != Wanted::Any),
        }
    }
}

impl Named {
    fn read(text: &str) -> Result<Named, String> {
        // A tag as plain git prints it.
        let bare = text.strip_prefix("refs/tags/").unwrap_or(text);
        if let Ok(name) = bare.parse() {
            return Ok(Named::Entry(name));
        }
        let fields: Vec<Wanted> = text.split(':').map(Wanted::read).collect();
        if text.is_empty() {
            return Err("name a notebook and a cell: `notebook:cell`".into());
        }
        if fields.len() > 4 {
            return Err("it has more than notebook:cell:module:version".into());
        }
        let has_glob = fields.iter().any(|field| matches!(field, Wanted::Glob(_)));
        let is_wild = has_glob || text.contains('*');
        if fields.len() > 2 && !is_wild && text.split(':').any(str::is_empty) {
            return Err("no part of a key is empty; `*` stands for any".into());
        }
        let mut wanted = [Wanted::Any, Wanted::Any, Wanted::Any, Wanted::Any];
        wanted[..fields.len()].clone_from_slice(&fields);
        Pattern::of(wanted)?;
        Ok(Named::Fields(fields))
    }
}

/// Takes `~n` from the end of a name; `~` alone is `~1`.
fn split_back(name: &str) -> Option<(&str, usize)> {
    let (name, back) = name.rsplit_once('~').filter(|(name, _)| !name.is_empty())?;
    match back {
        "" => Some((name, 1)),
        _ if back.bytes().all(|byte| byte.is_ascii_digit()) => Some((name, back.parse().ok()?)),
        _ => None,
    }
}

/// Prints it so that it reads back, whatever the store holds.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.named {
            Named::Entry(name) => write!(f, "{name}")?,
            Named::Fields(fields) => {
                for (number, field) in fields.iter().enumerate() {
                    if number > 0 {
                        f.write_str(":")?;
                    }
                    match field {
                        Wanted::Any => f.write_str("*")?,
                        Wanted::Exactly(text) | Wanted::StartingWith(text) => {
                            f.write_str(&escape(text))?;
                        }
                        Wanted::Glob(glob) => f.write_str(glob)?,
                    }
                }
            }
        }
        if self.back > 0 {
            write!(f, "~{}", self.back)?;
        }
        match &self.when {
            None => Ok(()),
            Some(When { text, is_time: true }) => write!(f, "@{{{text}}}"),
            Some(When { text, is_time: false }) => write!(f, "@{text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn printed(text: &str) -> Vec<String> {
        let readings = Selector::readings(text).unwrap_or_default();
        readings.iter().map(Selector::to_string).collect()
    }

    #[test]
    fn a_text_is_read_in_every_way_that_names_allow() {
        let name = "nb/load/abc/0/20261121T012400.123456Z-01234567";
        for (text, expected, why) in [
            ("sales", &["sales"][..], "a notebook"),
            ("sales:load", &["sales:load"], "a cell"),
            ("sales:load:9f8:v2", &["sales:load:9f8:v2"], "a key"),
            ("sales:*", &["sales:*"], "any cell"),
            (":load", &["*:load"], "any notebook"),
            ("sales:load~2", &["sales:load%7e2", "sales:load~2"], "two versions back"),
            ("sales:load~", &["sales:load%7e", "sales:load~1"], "one back, as in git"),
            ("sales:load~x", &["sales:load%7ex"], "no number is no way back"),
            ("sales:load@today", &["sales:load%40today", "sales:load@today"], "as of a time"),
            (
                "sales:load@HEAD~5",
                &["sales:load%40HEAD%7e5", "sales:load%40HEAD~5", "sales:load@HEAD~5"],
                "what follows `@` belongs to the revision",
            ),
            (
                "sales:load~2@HEAD~5",
                &[
                    "sales:load%7e2%40HEAD%7e5",
                    "sales:load%7e2%40HEAD~5",
                    "sales:load%7e2@HEAD~5",
                    "sales:load~2@HEAD~5",
                ],
                "both: two versions before the one of that commit",
            ),
            (
                "sales@main@{1}",
                &["sales%40main%40{1}", "sales%40main@{1}", "sales@main@{1}"],
                "the longest name first",
            ),
            (
                "sales:load@{last tuesday 14:00}",
                &["sales:load@{last tuesday 14:00}"],
                "braces hold a time; `load@{last tuesday 14` is no glob, but a cell of four texts",
            ),
            ("sales%40home:load", &["sales%40home:load"], "an escaped sign is part of the name"),
            ("@today", &["%40today"], "before `@` stands a name"),
            ("sales@", &["sales%40"], "after it stands when"),
            (name, &[name], "an entry's name, as `put` prints it"),
            (&format!("refs/tags/{name}"), &[name], "and as git prints it"),
            (&format!("{name}~1"), &[&*format!("{name}~1")], "the one before an entry"),
            ("nb::abc", &[], "an empty cell in a key"),
            ("", &[], "empty"),
            ("a:b:c:d:e", &[], "a text too many"),
            ("a[", &[], "an open bracket"),
        ] {
            let found = printed(text);
            let last = found.last().map(String::as_str);
            // Readings with more names than one can have are left out, whichever they are.
            let found: Vec<&str> = found.iter().map(String::as_str).collect();
            if text.contains('{') && text.contains(' ') || text.contains("~1") {
                assert_eq!(last, expected.last().copied(), "{text}: {why}");
            } else {
                assert_eq!(found, expected, "{text}: {why}");
            }
        }
    }

    #[test]
    fn a_full_key_is_one_and_a_shortened_one_is_not() {
        let key = |text: &str| {
            let readings = Selector::readings(text).unwrap();
            readings.last().unwrap().key().map(|key| key.to_string())
        };
        assert_eq!(key("nb:load:abc").as_deref(), Some("nb:load:abc"));
        assert_eq!(key("nb:load:abc:v2@today").as_deref(), Some("nb:load:abc:v2"));
        assert_eq!(key("nb:load"), None, "no module");
        assert_eq!(key("nb:*:abc"), None, "any cell");
        assert_eq!(key("nb:load:a*"), None, "a glob");
    }

    prop_compose! {
        fn any_selector()(
            fields in prop::collection::vec("[^\u{0}]{1,12}", 1..=4),
            wild in prop::option::of(0..4_usize), back in 0..3_usize,
            when in prop::option::of(("[^\u{0}\"{}]{1,12}", any::<bool>())),
        ) -> Selector {
            let mut fields: Vec<Wanted> = fields.into_iter().map(Wanted::Exactly).collect();
            if let Some(field) = wild.and_then(|at| fields.get_mut(at)) {
                *field = Wanted::Any;
            }
            let when = when.map(|(text, is_time)| When { text, is_time });
            Selector { named: Named::Fields(fields), back, when }
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(selector in any_selector()) {
            let text = selector.to_string();
            let readings = Selector::readings(&text).unwrap();
            prop_assert_eq!(readings.last(), Some(&selector), "{}", text);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,24}") {
            for reading in Selector::readings(&text).unwrap_or_default() {
                let again = Selector::readings(&reading.to_string()).unwrap();
                prop_assert_eq!(again.last(), Some(&reading), "{}", reading);
            }
        }
    }
}
