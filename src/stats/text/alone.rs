//! How texts are spelled in which surrogates stand alone: `\ud800`, and `\\` for a backslash.

use std::fmt::Write as _;

use crate::stats::model::{Piece, Text};

/// Returns the text with each surrogate that stands alone spelled out.
pub(super) fn spell(text: &Text) -> String {
    let mut out = String::new();
    for piece in text.pieces() {
        match piece {
            Piece::Plain(plain) => out.push_str(&plain.replace('\\', "\\\\")),
            Piece::Alone(unit) => write!(out, "\\u{unit:04x}").expect("a String takes all"),
        }
    }
    out
}

/// Returns the text that is spelled so.
pub(super) fn read(spelled: &str) -> Option<Text> {
    let mut units = Vec::new();
    let mut rest = spelled;
    while let Some(at) = rest.find('\\') {
        units.extend(rest[..at].encode_utf16());
        let escape = &rest[at + 1..];
        if let Some(after) = escape.strip_prefix('\\') {
            units.push(u16::from(b'\\'));
            rest = after;
            continue;
        }
        let digits = escape.strip_prefix('u')?.get(..4)?;
        if !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
            return None;
        }
        units.push(u16::from_str_radix(digits, 16).ok()?);
        rest = &escape[5..];
    }
    units.extend(rest.encode_utf16());
    Some(Text::from_utf16(units))
}
