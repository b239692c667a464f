//! Execution keys and entry names (format.md, section 2).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::segment::{MAX_SEGMENT, decode, encode, is_segment_of};
use crate::clock::{TIMESTAMP_LEN, Timestamp};

/// Which result: notebook, cell, module hash and version label, each any text but the empty one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutionKey {
    notebook: String,
    cell: String,
    module: String,
    version: String,
}

/// The version label of keys that name none.
const DEFAULT_VERSION: &str = "0";

/// A text that is not `notebook:cell:module[:version]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is notebook:cell:module or notebook:cell:module:version, no part of it empty")]
pub struct NotAKey;

impl ExecutionKey {
    /// Returns the key of a result with version `0`.
    ///
    /// # Errors
    /// [`NotAKey`] if a part is empty.
    pub fn new(notebook: &str, cell: &str, module: &str) -> Result<ExecutionKey, NotAKey> {
        ExecutionKey::with_version(notebook, cell, module, DEFAULT_VERSION)
    }

    /// Returns the key of a result with a version label.
    ///
    /// # Errors
    /// [`NotAKey`] if a part is empty.
    pub fn with_version(
        notebook: &str,
        cell: &str,
        module: &str,
        version: &str,
    ) -> Result<ExecutionKey, NotAKey> {
        if [notebook, cell, module, version].iter().any(|part| part.is_empty()) {
            return Err(NotAKey);
        }
        Ok(ExecutionKey {
            notebook: notebook.into(),
            cell: cell.into(),
            module: module.into(),
            version: version.into(),
        })
    }

    /// Returns the notebook: its path from the workspace, with `/`.
    pub fn notebook(&self) -> &str {
        &self.notebook
    }

    /// Returns the cell: its stable id, or the hash of its own code.
    pub fn cell(&self) -> &str {
        &self.cell
    }

    /// Returns the module hash: the digest of everything the result depends on.
    pub fn module(&self) -> &str {
        &self.module
    }

    /// Returns the version label, `0` unless the caller chose one.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the key as four encoded segments joined by `/`.
    pub fn path(&self) -> String {
        let mut path = String::with_capacity(96);
        for part in [&self.notebook, &self.cell, &self.module, &self.version] {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(&encode(part));
        }
        path
    }
}

/// What means something in a key or a selector, and how it is written in a text that means itself
/// (docs/selectors.md).
const ESCAPES: [(char, &str); 7] = [
    (':', "%3a"),
    ('@', "%40"),
    ('~', "%7e"),
    ('*', "%2a"),
    ('?', "%3f"),
    ('[', "%5b"),
    ('%', "%25"),
];

/// Returns `text` so that it means itself as a part of a key or of a selector.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(ESCAPES.map(|(symbol, _)| symbol)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for symbol in text.chars() {
        match ESCAPES.iter().find(|(special, _)| *special == symbol) {
            Some((_, escaped)) => out.push_str(escaped),
            None => out.push(symbol),
        }
    }
    Cow::Owned(out)
}

/// Returns the text that was escaped. Other escapes, as nobody needs them, stand for themselves.
pub(crate) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let escape = rest.get(at..at + 3).unwrap_or("%");
        let found = ESCAPES.iter().find(|(_, escaped)| escape.eq_ignore_ascii_case(escaped));
        let (symbol, length) = found.map_or(('%', 1), |(symbol, escaped)| (*symbol, escaped.len()));
        out.push(symbol);
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Prints `notebook:cell:module`, and `:version` unless it is `0`; what a selector gives a meaning
/// is escaped, a colon as `%3a` (docs/selectors.md).
impl fmt::Display for ExecutionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ExecutionKey { notebook, cell, module, version } = self;
        write!(f, "{}:{}:{}", escape(notebook), escape(cell), escape(module))?;
        if self.version == DEFAULT_VERSION {
            return Ok(());
        }
        write!(f, ":{}", escape(version))
    }
}

impl FromStr for ExecutionKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<ExecutionKey, NotAKey> {
        let parts: Vec<Cow<'_, str>> = text.split(':').map(unescape).collect();
        match parts.as_slice() {
            [notebook, cell, module] => ExecutionKey::new(notebook, cell, module),
            [notebook, cell, module, version] => {
                ExecutionKey::with_version(notebook, cell, module, version)
            }
            _ => Err(NotAKey),
        }
    }
}

/// The name of one entry: five segments, `<notebook>/<cell>/<module>/<version>/<created_at>-<id8>`.
///
/// The last segment ends in 8 hex digits of the entry's own tree id, so that the same name is the
/// same content. Names of one key sort by time.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryName {
    path: String,
    /// Where the segments of notebook, cell, module and version end.
    ends: [u16; 4],
    created_at: Timestamp,
}

/// A text that is not an entry name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an entry name is notebook/cell/module/version/created_at-id8, each segment encoded")]
pub struct NotAnEntryName;

/// The hex digits of the entry's id in its name.
pub(crate) const ID_DIGITS: usize = 8;
/// The bytes of the last segment: a time, a dash and an id.
pub(crate) const LAST_LEN: usize = TIMESTAMP_LEN + 1 + ID_DIGITS;

impl EntryName {
    /// Returns the name of the entry of `key` that was made at `created_at` and whose tree id
    /// starts with `id_hex` (at least 8 lower-case hex digits).
    pub(crate) fn new(key_path: &str, created_at: Timestamp, id_hex: &str) -> EntryName {
        let mut path = String::with_capacity(key_path.len() + 1 + LAST_LEN);
        path.push_str(key_path);
        path.push('/');
        created_at.write_to(&mut path);
        path.push('-');
        path.push_str(&id_hex[..ID_DIGITS]);
        EntryName::parse(path).expect("a key's path, a time and an id make a name")
    }

    /// Reads a name from its five segments.
    ///
    /// # Errors
    /// [`NotAnEntryName`] if there are not five segments, if the last is not a time and an id, or
    /// if one is empty or too long.
    pub fn parse(path: String) -> Result<EntryName, NotAnEntryName> {
        let mut ends = [0_u16; 4];
        let mut count = 0;
        let mut start = 0;
        for at in memchr::memchr_iter(b'/', path.as_bytes()) {
            if count == 4 || at == start || at - start > MAX_SEGMENT {
                return Err(NotAnEntryName);
            }
            ends[count] = u16::try_from(at).map_err(|_| NotAnEntryName)?;
            count += 1;
            start = at + 1;
        }
        let last = &path.as_bytes()[start..];
        let is_name = count == 4
            && last.len() == LAST_LEN
            && last[TIMESTAMP_LEN] == b'-'
            && last[TIMESTAMP_LEN + 1..]
                .iter()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b));
        let time = path.get(start..start + TIMESTAMP_LEN).filter(|_| is_name);
        match time.and_then(|time| time.parse().ok()) {
            Some(created_at) => Ok(EntryName { path, ends, created_at }),
            None => Err(NotAnEntryName),
        }
    }

    /// Whether a text has the signs of a name in their places, at a glance: its segments may still
    /// be none.
    pub(crate) fn is_like(text: &str) -> bool {
        let bytes = text.as_bytes();
        let last = bytes.len().checked_sub(LAST_LEN + 1).map_or(&[][..], |start| &bytes[start..]);
        last.first() == Some(&b'/')
            && last[TIMESTAMP_LEN] == b'Z'
            && last[TIMESTAMP_LEN + 1] == b'-'
            && memchr::memchr_iter(b'/', bytes).count() == 4
    }

    /// Returns the five segments joined by `/`.
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// Returns the key's four segments joined by `/`.
    pub fn key_path(&self) -> &str {
        &self.path[..usize::from(self.ends[3])]
    }

    /// Returns the segment of the notebook as it stands in the name, encoded.
    pub(crate) fn notebook_segment(&self) -> &str {
        &self.path[..usize::from(self.ends[0])]
    }

    /// Returns the segments of notebook and cell joined by `/`.
    pub(crate) fn cell_path(&self) -> &str {
        &self.path[..usize::from(self.ends[1])]
    }

    /// Returns the segments of notebook, cell and module joined by `/`.
    pub(crate) fn module_path(&self) -> &str {
        &self.path[..usize::from(self.ends[2])]
    }

    /// Returns the segment of the cell as it stands in the name, encoded.
    pub(crate) fn cell_segment(&self) -> &str {
        &self.path[usize::from(self.ends[0]) + 1..usize::from(self.ends[1])]
    }

    /// Returns the segment of the module hash as it stands in the name, encoded.
    pub(crate) fn module_segment(&self) -> &str {
        &self.path[usize::from(self.ends[1]) + 1..usize::from(self.ends[2])]
    }

    /// Returns the notebook as text; the encoded segment where that was cut.
    pub fn notebook(&self) -> Cow<'_, str> {
        self.text(0)
    }

    /// Returns the cell as text; the encoded segment where that was cut.
    pub fn cell(&self) -> Cow<'_, str> {
        self.text(1)
    }

    /// Returns the module hash as text; the encoded segment where that was cut.
    pub fn module(&self) -> Cow<'_, str> {
        self.text(2)
    }

    /// Returns the version label as text; the encoded segment where that was cut.
    pub fn version(&self) -> Cow<'_, str> {
        self.text(3)
    }

    fn text(&self, number: usize) -> Cow<'_, str> {
        let segment = self.segment(number);
        decode(segment).unwrap_or(Cow::Borrowed(segment))
    }

    /// Returns when the entry was made.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Returns a segment of the key as it stands in the name: 0 is the notebook's.
    pub(crate) fn segment(&self, number: usize) -> &str {
        let start = if number == 0 { 0 } else { usize::from(self.ends[number - 1]) + 1 };
        &self.path[start..usize::from(self.ends[number])]
    }

    /// Whether these are the texts of the key, and the time as it is printed.
    pub(crate) fn is_of(&self, texts: [&str; 4], created_at: &str) -> bool {
        let rest = &self.path[usize::from(self.ends[3]) + 1..];
        rest.starts_with(created_at)
            && created_at.len() == TIMESTAMP_LEN
            && (0..4).all(|number| is_segment_of(self.segment(number), texts[number]))
    }

    /// Returns the first 8 hex digits of the entry's tree id.
    pub fn id8(&self) -> &str {
        &self.path[self.path.len() - ID_DIGITS..]
    }

    /// Returns the key as text, as [`EntryName::key`] prints it; `None` where a segment was cut.
    pub(crate) fn key_text(&self) -> Option<String> {
        let mut text = String::with_capacity(self.path.len());
        for number in 0..4 {
            let part = decode(self.segment(number))?;
            if number == 3 && part == DEFAULT_VERSION {
                break;
            }
            if number > 0 {
                text.push(':');
            }
            text.push_str(&escape(&part));
        }
        Some(text)
    }

    /// Returns the key; `None` where a segment was cut, so that only the manifest has it.
    pub fn key(&self) -> Option<ExecutionKey> {
        let mut parts = self.key_path().split('/').map(decode);
        let mut next = || parts.next().flatten();
        let (notebook, cell, module, version) = (next()?, next()?, next()?, next()?);
        ExecutionKey::with_version(&notebook, &cell, &module, &version).ok()
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

impl fmt::Debug for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryName({})", self.path)
    }
}

impl FromStr for EntryName {
    type Err = NotAnEntryName;

    fn from_str(text: &str) -> Result<EntryName, NotAnEntryName> {
        EntryName::parse(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_tells_its_key_as_the_key_prints_itself() {
        for parts in [
            ["a.ipynb", "load", "0123", "0"],
            ["a:b~c.ipynb", "%", "@x y", "v 2"],
            ["Ünïcødé 名前.ipynb", "[1]", "*?", "00"],
        ] {
            let [notebook, cell, module, version] = parts;
            let key = ExecutionKey::with_version(notebook, cell, module, version).unwrap();
            let name = EntryName::new(&key.path(), Timestamp::from_micros(0), "0123456789abcdef");
            assert_eq!(name.key_text(), Some(key.to_string()));
        }
        let long = ExecutionKey::new(&"x".repeat(300), "c", "m").unwrap();
        let name = EntryName::new(&long.path(), Timestamp::from_micros(0), "0123456789abcdef");
        assert_eq!(name.key_text(), None, "a cut segment is not the text");
    }

    #[test]
    fn a_name_holds_its_key_time_and_id() {
        let key = ExecutionKey::new("reports/sales.ipynb", "a1b2", "9f86d081").unwrap();
        let when = Timestamp::from_micros(1_795_224_240_123_456);
        let name = EntryName::new(&key.path(), when, "0123456789abcdef");
        assert_eq!(
            name.as_str(),
            "reports%2fsales.ipynb/a1b2/9f86d081/0/20261121T012400.123456Z-01234567"
        );
        assert_eq!(name.key(), Some(key));
        assert_eq!(name.created_at(), when);
        assert_eq!(name.id8(), "01234567");
        assert_eq!(name.cell(), "a1b2");
    }

    #[test]
    fn what_is_no_entry_name_is_refused() {
        for (text, why) in [
            ("", "empty"),
            ("v1.0", "an ordinary tag of somebody else"),
            ("a/b/c/0/20261121T012400.123456Z", "no id"),
            ("a/b/c/20261121T012400.123456Z-01234567", "no version"),
            ("a/b/c/d/e/20261121T012400.123456Z-01234567", "a segment too many"),
            ("a//c/0/20261121T012400.123456Z-01234567", "an empty segment"),
            ("a/b/c/0/20261121T012400.123456Z-0123456X", "the id is lower-case hex"),
        ] {
            assert_eq!(text.parse::<EntryName>(), Err(NotAnEntryName), "{text}: {why}");
        }
    }

    #[test]
    fn keys_are_read_as_people_type_them() {
        let key: ExecutionKey = "nb.ipynb:load:abc".parse().unwrap();
        assert_eq!((key.notebook(), key.cell(), key.version()), ("nb.ipynb", "load", "0"));
        let key: ExecutionKey = "c%3A/nb:load:abc:v2".parse().unwrap();
        assert_eq!((key.notebook(), key.version()), ("c:/nb", "v2"));
        let key: ExecutionKey = "a@b~1.ipynb:100%:%40home:%2540%20".parse().unwrap();
        assert_eq!((key.notebook(), key.cell()), ("a@b~1.ipynb", "100%"));
        assert_eq!((key.module(), key.version()), ("@home", "%40%20"), "each is read once");
        assert_eq!(key.to_string(), "a%40b%7e1.ipynb:100%25:%40home:%2540%2520");
        for (text, why) in [("a:b", "no module"), ("a::c", "an empty cell"), ("", "empty")] {
            assert_eq!(text.parse::<ExecutionKey>(), Err(NotAKey), "{why}");
        }
    }

    proptest! {
        #[test]
        fn every_key_prints_and_reads_back(parts in prop::array::uniform4("[^\u{0}]{1,12}")) {
            let [notebook, cell, module, version] = &parts;
            let key = ExecutionKey::with_version(notebook, cell, module, version).unwrap();
            prop_assert_eq!(key.to_string().parse(), Ok(key.clone()));
            let name = EntryName::new(&key.path(), Timestamp::MIN, "00000000");
            prop_assert_eq!(name.key(), Some(key));
        }

        #[test]
        fn names_of_one_key_sort_by_time(a in 0..i64::MAX, b in 0..i64::MAX) {
            let name = |t| EntryName::new("a/b/c/0", Timestamp::from_micros(t), "ffffffff");
            let (early, late) = (a.min(b), a.max(b));
            prop_assert!(name(early) <= name(late));
        }
    }
}
