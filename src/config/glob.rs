//! Globs over paths: which notebooks a setting is about.

use std::fmt;
use std::str::FromStr;

/// A pattern over `/`-separated paths relative to the workspace, read as `.gitignore` reads them.
///
/// Without a slash it is about the last component at any depth (`*.ipynb`); with one it is about
/// the whole path (`drafts/*.ipynb`), and with one at its end about all below (`drafts/`).
/// `*` and `?` stay within a component, `**` as a component spans any number of them, `[a-z]` and
/// `[!a-z]` are sets, `\` takes the next character as it is. Case matters on every system.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Glob {
    text: String,
    components: Vec<Component>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Component {
    /// `**`: any number of components, none included.
    AnyDepth,
    /// One component, character by character.
    One(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Token {
    Many,
    Any,
    Exactly(char),
    Set { negated: bool, ranges: Vec<(char, char)> },
}

impl Glob {
    /// Returns whether `path`, relative to the workspace and with `/` between its components,
    /// matches.
    pub fn matches(&self, path: &str) -> bool {
        let path: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        wildcard(
            &self.components,
            &path,
            |component| matches!(component, Component::AnyDepth),
            |component, part| match component {
                Component::AnyDepth => true,
                Component::One(tokens) => one_matches(tokens, part),
            },
        )
    }

    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glob({:?})", self.text)
    }
}

/// A text that is not a glob: empty, a set that is not closed or backwards, or a `\` at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAGlob;

impl fmt::Display for NotAGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a glob such as `drafts/*.ipynb`")
    }
}

impl std::error::Error for NotAGlob {}

impl FromStr for Glob {
    type Err = NotAGlob;

    fn from_str(text: &str) -> Result<Glob, NotAGlob> {
        let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
        if parts.is_empty() {
            return Err(NotAGlob);
        }
        let mut components = Vec::new();
        if !text.trim_end_matches('/').contains('/') {
            components.push(Component::AnyDepth);
        }
        for part in parts {
            components.push(match part {
                "**" => Component::AnyDepth,
                part => Component::One(tokens(part)?),
            });
        }
        if text.ends_with('/') {
            components.push(Component::One(vec![Token::Many]));
            components.push(Component::AnyDepth);
        }
        Ok(Glob { text: text.to_owned(), components })
    }
}

/// Returns the tokens of one component.
fn tokens(text: &str) -> Result<Vec<Token>, NotAGlob> {
    let mut tokens = Vec::new();
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        tokens.push(match next {
            '*' => Token::Many,
            '?' => Token::Any,
            '[' => set(&mut rest)?,
            '\\' => Token::Exactly(rest.next().ok_or(NotAGlob)?),
            other => Token::Exactly(other),
        });
    }
    Ok(tokens)
}

/// Returns the set whose opening bracket was just read, and leaves `rest` behind its closing one.
fn set(rest: &mut std::str::Chars<'_>) -> Result<Token, NotAGlob> {
    let negated = rest.as_str().starts_with(['!', '^']);
    if negated {
        rest.next();
    }
    let mut ranges = Vec::new();
    loop {
        let low = match rest.next().ok_or(NotAGlob)? {
            // A closing bracket in first place stands for itself, as in every shell.
            ']' if !ranges.is_empty() => return Ok(Token::Set { negated, ranges }),
            '\\' => rest.next().ok_or(NotAGlob)?,
            other => other,
        };
        let mut ahead = rest.clone();
        let high = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(high)) if high != ']' => {
                *rest = ahead;
                if high == '\\' { rest.next().ok_or(NotAGlob)? } else { high }
            }
            _ => low,
        };
        if high < low {
            return Err(NotAGlob);
        }
        ranges.push((low, high));
    }
}

/// Returns whether the whole of `part` matches `tokens`.
fn one_matches(tokens: &[Token], part: &str) -> bool {
    let characters: Vec<char> = part.chars().collect();
    wildcard(
        tokens,
        &characters,
        |token| matches!(token, Token::Many),
        |token, character| match token {
            Token::Many | Token::Any => true,
            Token::Exactly(expected) => expected == character,
            Token::Set { negated, ranges } => {
                ranges.iter().any(|(low, high)| (low..=high).contains(&character)) != *negated
            }
        },
    )
}

/// Returns whether all of `subject` matches `pattern`, where an item that `is_many` stands for any
/// number of things and each other item for one that it `fits`.
///
/// Only the last such item is ever tried again, so the time is at most the product of the lengths.
fn wildcard<P, S>(
    pattern: &[P],
    subject: &[S],
    is_many: impl Fn(&P) -> bool,
    fits: impl Fn(&P, &S) -> bool,
) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut retry = None;
    while seen < subject.len() {
        match pattern.get(at) {
            Some(item) if is_many(item) => {
                at += 1;
                retry = Some((at, seen));
            }
            Some(item) if fits(item, &subject[seen]) => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((after, from)) = retry else { return false };
                retry = Some((after, from + 1));
                (at, seen) = (after, from + 1);
            }
        }
    }
    pattern[at..].iter().all(is_many)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn globs_match_paths_as_gitignore_does() {
        for (glob, path, expected, why) in [
            ("*.ipynb", "a.ipynb", true, "the last component"),
            ("*.ipynb", "deep/down/a.ipynb", true, "at any depth, as there is no slash"),
            ("*.ipynb", "a.ipynb.bak", false, "to the end"),
            ("/a.ipynb", "a.ipynb", true, "anchored at the workspace"),
            ("/a.ipynb", "x/a.ipynb", false, "anchored at the workspace"),
            ("drafts/*.ipynb", "drafts/a.ipynb", true, "a slash makes it the whole path"),
            ("drafts/*.ipynb", "x/drafts/a.ipynb", false, "a slash makes it the whole path"),
            ("drafts/*.ipynb", "drafts/x/a.ipynb", false, "a star stays in its component"),
            ("drafts/", "drafts/x/a.ipynb", true, "all below a folder"),
            ("drafts/", "x/drafts/a.ipynb", true, "a slash at the end does not anchor"),
            ("drafts/", "drafts", false, "a file of that name is no folder"),
            ("**/x/**", "x/a", true, "two stars may stand for nothing"),
            ("**/x/**", "a/b/x/c/d", true, "two stars span components"),
            ("a/**/b/**/c", "a/b/q/b/r/c", true, "two stars twice"),
            ("a/**/b", "a/c", false, "what follows two stars must come"),
            ("a?c", "abc", true, "one character"),
            ("a?c", "a/c", false, "never a slash"),
            ("?", "ä", true, "characters, not bytes"),
            ("[a-c]x", "bx", true, "in the range"),
            ("[!a-c]x", "bx", false, "out of the range"),
            ("[]]x", "]x", true, "a bracket first stands for itself"),
            ("[a-]", "-", true, "a dash last stands for itself"),
            (r"\*", "*", true, "escaped"),
            (r"\*", "a", false, "escaped"),
            ("a*b*c", "aXbYbZc", true, "the last star is tried again"),
            ("A.ipynb", "a.ipynb", false, "case matters"),
        ] {
            let parsed: Glob = glob.parse().unwrap();
            assert_eq!(parsed.matches(path), expected, "{glob} on {path}: {why}");
            assert_eq!(parsed.to_string(), glob);
        }
    }

    #[test]
    fn what_is_no_glob_is_refused() {
        for (text, why) in [
            ("", "empty"),
            ("//", "no component"),
            ("[ab", "not closed"),
            ("[]", "the bracket is a member, so it is not closed"),
            ("[z-a]", "backwards"),
            ("a\\", "nothing to escape"),
        ] {
            assert_eq!(text.parse::<Glob>(), Err(NotAGlob), "{text}: {why}");
        }
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let glob: Glob = "*a".repeat(40).parse().unwrap();
        assert!(!glob.matches(&format!("{}b", "a".repeat(2000))));
    }

    proptest! {
        #[test]
        fn nothing_makes_a_glob_panic(glob in r"[a-c*?/\[\]!\\ä-]{0,20}", path in "[a-cä/]{0,20}") {
            if let Ok(glob) = glob.parse::<Glob>() {
                glob.matches(&path);
            }
        }

        #[test]
        fn a_plain_path_matches_itself(path in "[a-c.ä]{1,5}(/[a-c.ä]{1,5}){0,4}") {
            let glob: Glob = path.parse().unwrap();
            prop_assert!(glob.matches(&path));
        }
    }
}
