//! JSON as tokens: strict where recell wrote it, and as tolerant as Python where others did.

use std::fmt::Write as _;

use memchr::memchr2;

use super::model::Text;

/// How deeply arrays and objects may be nested.
pub(super) const MOST_LEVELS: usize = 256;

/// Why a text is not the JSON that was expected.
pub(super) type Problem = &'static str;

/// A place in a JSON text.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Cursor<'a> {
        Cursor { text, at: 0 }
    }

    /// Returns the next byte that is no blank, and stays before it.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    /// Goes past `byte` if it is next, blanks aside.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Goes past `word` if it is next.
    pub(super) fn word(&mut self, word: &str) -> bool {
        self.peek();
        let is_next = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        self.at += if is_next { word.len() } else { 0 };
        is_next
    }

    /// Returns where it is, in bytes.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Returns the text from `start` to here.
    pub(super) fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    /// Whether only blanks are left.
    pub(super) fn is_done(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Returns the number that is next, as it stands there.
    pub(super) fn number(&mut self) -> Result<&'a str, Problem> {
        self.peek();
        let bytes = &self.text.as_bytes()[self.at..];
        let digits =
            |from: usize| bytes[from..].iter().take_while(|it| it.is_ascii_digit()).count();
        let mut end = usize::from(bytes.first() == Some(&b'-'));
        let whole = digits(end);
        if whole == 0 || (whole > 1 && bytes[end] == b'0') {
            return Err("no value");
        }
        end += whole;
        if bytes.get(end) == Some(&b'.') {
            let fraction = digits(end + 1);
            if fraction == 0 {
                return Err("a number ends with its point");
            }
            end += 1 + fraction;
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            end += 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end);
            if exponent == 0 {
                return Err("a number lacks its exponent");
            }
            end += exponent;
        }
        let number = &self.text[self.at..self.at + end];
        self.at += end;
        Ok(number)
    }

    /// Returns the string that is next; surrogates that stand alone are kept.
    pub(super) fn string(&mut self) -> Result<Text, Problem> {
        if !self.take(b'"') {
            return Err("no string");
        }
        let start = self.at;
        let end = self.stretch()?;
        if self.text.as_bytes()[end] == b'"' {
            self.at = end + 1;
            return Ok(Text::from(&self.text[start..end]));
        }
        let mut units: Vec<u16> = self.text[start..end].encode_utf16().collect();
        self.at = end;
        loop {
            match self.text.as_bytes()[self.at] {
                b'"' => {
                    self.at += 1;
                    return Ok(Text::from_utf16(units));
                }
                _ => units.push(self.escape()?),
            }
            let start = self.at;
            self.at = self.stretch()?;
            units.extend(self.text[start..self.at].encode_utf16());
        }
    }

    /// Returns where the stretch of plain symbols ends: at a quote or a backslash.
    fn stretch(&self) -> Result<usize, Problem> {
        let bytes = &self.text.as_bytes()[self.at..];
        let length = memchr2(b'"', b'\\', bytes).ok_or("a string does not end")?;
        if bytes[..length].iter().any(|byte| *byte < 0x20) {
            return Err("a control character in a string");
        }
        Ok(self.at + length)
    }

    fn escape(&mut self) -> Result<u16, Problem> {
        let bytes = self.text.as_bytes();
        let symbol = *bytes.get(self.at + 1).ok_or("a string does not end")?;
        self.at += 2;
        Ok(u16::from(match symbol {
            b'"' | b'\\' | b'/' => symbol,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let digits = bytes.get(self.at..self.at + 4).ok_or("a string does not end")?;
                let digits = std::str::from_utf8(digits).map_err(|_| "an escape without digits")?;
                if !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
                    return Err("an escape without digits");
                }
                self.at += 4;
                return u16::from_str_radix(digits, 16).map_err(|_| "an escape without digits");
            }
            _ => return Err("an unknown escape"),
        }))
    }

    /// Goes past the next value whatever it is, with Python's `NaN` and `Infinity` among numbers.
    pub(super) fn skip(&mut self) -> Result<(), Problem> {
        let mut open = Vec::new();
        loop {
            match self.peek().ok_or("a value is missing")? {
                b'{' | b'[' => {
                    let is_object = self.take(b'{');
                    let close = if is_object { b'}' } else { b']' };
                    if !is_object {
                        self.take(b'[');
                    }
                    if !self.take(close) {
                        open.push(close);
                        self.skip_key(close)?;
                        continue;
                    }
                }
                b'"' => drop(self.string()?),
                _ => {
                    if !["null", "true", "false", "NaN", "Infinity", "-Infinity"]
                        .iter()
                        .any(|word| self.word(word))
                    {
                        self.number()?;
                    }
                }
            }
            // Here a value has ended, and with it perhaps what it stands in.
            loop {
                let Some(close) = open.last().copied() else { return Ok(()) };
                if self.take(b',') {
                    self.skip_key(close)?;
                    break;
                }
                if !self.take(close) {
                    return Err("a bracket does not close");
                }
                open.pop();
            }
        }
    }

    /// Goes past the key and the colon of a member, if what is open is an object.
    fn skip_key(&mut self, close: u8) -> Result<(), Problem> {
        if close == b'}' {
            self.string()?;
            if !self.take(b':') {
                return Err("a key without a value");
            }
        }
        Ok(())
    }
}

/// Adds the text as a JSON string, with no other escapes than needed.
pub(super) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1f | 0x7f => "",
            _ => continue,
        };
        out.push_str(&text[start..at]);
        if escaped.is_empty() {
            write!(out, "\\u{byte:04x}").expect("a String takes all");
        }
        out.push_str(escaped);
        start = at + 1;
    }
    out.push_str(&text[start..]);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_skipped_whole_or_not_at_all() {
        for good in [
            "1",
            "-0.5e-3",
            "\"a\\\"b\"",
            "[]",
            "{}",
            "[1,[2,{\"a\":[]}],{}]",
            "NaN",
            "-Infinity",
            "{\"a\" : [ null , true ] , \"b\":\"\\ud800\"}",
        ] {
            let mut cursor = Cursor::new(good);
            assert_eq!(cursor.skip(), Ok(()), "{good}");
            assert!(cursor.is_done(), "{good}");
        }
        for bad in [
            "",
            "[",
            "[1",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{1:2}",
            "[1}",
            "\"",
            "\"\\",
            "\"\\u12\"",
            "\"\\x\"",
            "\"\n\"",
            "01",
            "1.",
            "1e",
            "-",
            "nul",
            "[,]",
            "\"\\u+123\"",
        ] {
            let mut cursor = Cursor::new(bad);
            assert!(cursor.skip().is_err() || !cursor.is_done(), "{bad}");
        }
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        assert_eq!(Cursor::new(&deep).skip(), Ok(()), "no stack is used");
    }

    #[test]
    fn strings_are_read_as_python_reads_them() {
        for (json, units) in [
            (r#""a\u00e9\ud83d\ude00""#, "aé😀".encode_utf16().collect::<Vec<_>>()),
            (r#""\ud83dx\udc00""#, vec![0xd83d, 0x78, 0xdc00]),
            (r#""\b\f\n\r\t\/\\\"""#, vec![8, 12, 10, 13, 9, 0x2f, 0x5c, 0x22]),
        ] {
            assert_eq!(Cursor::new(json).string(), Ok(Text::from_utf16(units)), "{json}");
        }
    }

    #[test]
    fn strings_that_are_written_are_read_again() {
        let all: String = (0..0x300_u32).filter_map(char::from_u32).chain("😀".chars()).collect();
        let mut out = String::new();
        write_string(&mut out, &all);
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), all, "strictly");
        assert_eq!(Cursor::new(&out).string().unwrap().as_str(), Some(all.as_str()));
    }
}
