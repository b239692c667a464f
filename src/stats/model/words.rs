//! Texts as Python has them: Unicode, but for surrogates that stand alone.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};

/// The most bytes that are kept without an allocation.
const INLINE: usize = 22;

/// A text as Python has it: Unicode, in which a surrogate may stand alone.
///
/// It is kept as UTF-8 in which such a surrogate has the three bytes that its number would have
/// (WTF-8). Short texts need no allocation.
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Short { len: u8, bytes: [u8; INLINE] },
    Long(Box<[u8]>),
}

impl Text {
    fn of_bytes(text: &[u8]) -> Text {
        if text.len() > INLINE {
            return Text(Repr::Long(text.into()));
        }
        let mut bytes = [0; INLINE];
        bytes[..text.len()].copy_from_slice(text);
        Text(Repr::Short { len: u8::try_from(text.len()).expect("at most 22"), bytes })
    }

    /// Returns the text of those 16-bit units, surrogates that stand alone included.
    pub fn from_utf16(units: impl IntoIterator<Item = u16>) -> Text {
        let mut bytes = Vec::new();
        for unit in char::decode_utf16(units) {
            match unit {
                Ok(symbol) => bytes.extend(symbol.encode_utf8(&mut [0; 4]).as_bytes()),
                Err(alone) => bytes.extend(alone_as_bytes(alone.unpaired_surrogate())),
            }
        }
        Text::of_bytes(&bytes)
    }

    /// Returns its bytes: UTF-8, but for surrogates that stand alone (WTF-8).
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Short { len, bytes } => &bytes[..usize::from(*len)],
            Repr::Long(bytes) => bytes,
        }
    }

    /// Returns it as Unicode, if no surrogate stands alone in it.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()).ok()
    }

    /// Returns it for people: a surrogate that stands alone is shown as `\ud800`.
    pub fn shown(&self) -> Cow<'_, str> {
        match self.as_str() {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(self.pieces().fold(String::new(), |mut text, piece| {
                match piece {
                    Piece::Plain(plain) => text.push_str(plain),
                    Piece::Alone(unit) => {
                        write!(text, "\\u{unit:04x}").expect("a String takes all");
                    }
                }
                text
            })),
        }
    }

    /// Returns how many bytes it has.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether it has no symbol.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns its stretches of Unicode, and the surrogates between them.
    pub(in crate::stats) fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let mut rest = self.as_bytes();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let valid = match std::str::from_utf8(rest) {
                Ok(text) => {
                    rest = &[];
                    return Some(Piece::Plain(text));
                }
                Err(error) => error.valid_up_to(),
            };
            if valid > 0 {
                let (plain, after) = rest.split_at(valid);
                rest = after;
                return std::str::from_utf8(plain).ok().map(Piece::Plain);
            }
            let (alone, after) = rest.split_at_checked(3)?;
            rest = after;
            Some(Piece::Alone(
                0xd000 | (u16::from(alone[1] & 0x3f) << 6) | u16::from(alone[2] & 0x3f),
            ))
        })
    }
}

/// A stretch of a [`Text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::stats) enum Piece<'a> {
    Plain(&'a str),
    /// A surrogate without its other half.
    Alone(u16),
}

fn alone_as_bytes(unit: u16) -> [u8; 3] {
    let low = |bits: u16| u8::try_from(bits & 0x3f).expect("six bits");
    [0xed, 0x80 | low(unit >> 6), 0x80 | low(unit)]
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text::of_bytes(text.as_bytes())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        if text.len() > INLINE {
            return Text(Repr::Long(text.into_bytes().into_boxed_slice()));
        }
        Text::from(text.as_str())
    }
}

impl Default for Text {
    fn default() -> Text {
        Text::of_bytes(b"")
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.shown(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Text) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Text) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrogates_that_stand_alone_are_kept_and_pairs_become_symbols() {
        let text = Text::from_utf16([0x61, 0xd800, 0xdc00, 0xdfff, 0xd800]);
        assert_eq!(text.as_str(), None);
        assert_eq!(text.shown(), "a\u{10000}\\udfff\\ud800");
        assert_eq!(
            text.pieces().collect::<Vec<_>>(),
            [Piece::Plain("a\u{10000}"), Piece::Alone(0xdfff), Piece::Alone(0xd800)]
        );
        assert_eq!(Text::from_utf16("aß€😀".encode_utf16()), Text::from("aß€😀"));
    }

    #[test]
    fn short_and_long_texts_are_alike() {
        for size in [0, 1, 21, 22, 23, 1000] {
            let text = "x".repeat(size);
            assert_eq!(Text::from(text.as_str()).as_str(), Some(text.as_str()));
            assert_eq!(Text::from(text.clone()), Text::from(text.as_str()));
        }
    }
}
