//! JSON checked in full and read as spans: nothing is built, nothing is changed.
//!
//! The grammar is RFC 8259 with what Python's `json` writes and reads beyond it: `NaN`,
//! `Infinity`, `-Infinity`, and `\ud800`-style escapes without their other half.

use std::borrow::Cow;

use super::text;

/// Python's own reader stops near this depth; nothing that Python wrote is refused.
const MAX_DEPTH: usize = 1000;

/// A range of bytes in a notebook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// What a JSON value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

/// One value of the text, checked in full.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

/// Where the text stops being JSON, and what should have stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) offset: usize,
    pub(super) problem: &'static str,
}

/// A reader that moves through JSON text from its first byte to its last.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    open: Vec<u8>,
}

impl<'a> Lexer<'a> {
    /// Returns a reader of `text` that begins at byte `at`.
    pub(super) fn new(text: &'a str, at: usize) -> Lexer<'a> {
        Lexer { text, at, open: Vec::new() }
    }

    /// Returns the byte that is read next.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Returns the kind of the next value without reading it.
    pub(super) fn kind(&mut self) -> Result<Kind, Broken> {
        match self.next_byte() {
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            _ => Err(self.broken("expected a value")),
        }
    }

    /// Reads the next value, with all that is inside it.
    pub(super) fn value(&mut self) -> Result<Value, Broken> {
        let kind = self.kind()?;
        let start = self.at;
        self.skip()?;
        Ok(Value { kind, span: Span { start, end: self.at } })
    }

    /// Reads the next value as a string; `None` if it is something else, or not Unicode.
    pub(super) fn string_value(&mut self) -> Result<Option<Cow<'a, str>>, Broken> {
        let value = self.value()?;
        Ok((value.kind == Kind::String).then(|| text::decode(self.text, value.span)).flatten())
    }

    /// Reads an object; `member` must read exactly the one value that follows its key.
    ///
    /// A value that is no object is read over.
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Lexer<'a>, Cow<'a, str>) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        if self.kind()? != Kind::Object {
            return self.skip();
        }
        self.at += 1;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let key = self.key()?;
            // A key that is not Unicode is none of the keys that anyone asks for.
            member(self, text::decode(self.text, key).unwrap_or_default())?;
            if self.take(b'}') {
                return Ok(());
            }
            self.expect(b',', "expected `,` or `}`")?;
        }
    }

    /// Reads an array; `item` must read exactly one value.
    ///
    /// A value that is no array is read over.
    pub(super) fn array(
        &mut self,
        mut item: impl FnMut(&mut Lexer<'a>) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        if self.kind()? != Kind::Array {
            return self.skip();
        }
        self.at += 1;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.take(b']') {
                return Ok(());
            }
            self.expect(b',', "expected `,` or `]`")?;
        }
    }

    /// Checks that nothing but white space is left.
    pub(super) fn end(&mut self) -> Result<(), Broken> {
        match self.next_byte() {
            None => Ok(()),
            Some(_) => Err(self.broken("expected the end of the file")),
        }
    }

    /// Reads over one value. Depth is held in a list, so that no file can exhaust the stack.
    fn skip(&mut self) -> Result<(), Broken> {
        let outside = self.open.len();
        loop {
            match self.next_byte() {
                Some(b'"') => self.string()?,
                Some(b'{') => {
                    self.at += 1;
                    if !self.take(b'}') {
                        self.descend(b'}')?;
                        self.key()?;
                        continue;
                    }
                }
                Some(b'[') => {
                    self.at += 1;
                    if !self.take(b']') {
                        self.descend(b']')?;
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            loop {
                if self.open.len() == outside {
                    return Ok(());
                }
                let closing = self.open[self.open.len() - 1];
                match self.next_byte() {
                    Some(b',') => {
                        self.at += 1;
                        if closing == b'}' {
                            self.key()?;
                        }
                        break;
                    }
                    Some(byte) if byte == closing => {
                        self.at += 1;
                        self.open.pop();
                    }
                    _ if closing == b'}' => return Err(self.broken("expected `,` or `}`")),
                    _ => return Err(self.broken("expected `,` or `]`")),
                }
            }
        }
    }

    fn descend(&mut self, closing: u8) -> Result<(), Broken> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.broken("nested too deeply"));
        }
        self.open.push(closing);
        Ok(())
    }

    fn key(&mut self) -> Result<Span, Broken> {
        if self.next_byte() != Some(b'"') {
            return Err(self.broken("expected a key in quotes"));
        }
        let start = self.at;
        self.string()?;
        let key = Span { start, end: self.at };
        self.expect(b':', "expected `:`")?;
        Ok(key)
    }

    fn string(&mut self) -> Result<(), Broken> {
        let bytes = self.text.as_bytes();
        self.at += 1;
        loop {
            self.at = text::skip_plain(bytes, self.at);
            match bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.broken("a control character inside a string")),
                None => return Err(self.broken("a string without its closing quote")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Broken> {
        let bytes = self.text.as_bytes();
        match bytes.get(self.at + 1) {
            Some(b'n' | b'"' | b'\\' | b'/' | b'b' | b'f' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let digits = bytes.get(self.at + 2..self.at + 6);
                if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                    return Err(self.broken("expected four hex digits after `\\u`"));
                }
                self.at += 6;
            }
            _ => return Err(self.broken("an unknown escape")),
        }
        Ok(())
    }

    fn scalar(&mut self) -> Result<(), Broken> {
        if self.here().is_some_and(|byte| byte.is_ascii_digit()) {
            return self.number();
        }
        let rest = &self.text.as_bytes()[self.at..];
        for word in ["null", "true", "false", "NaN", "Infinity", "-Infinity"] {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(());
            }
        }
        self.number()
    }

    fn number(&mut self) -> Result<(), Broken> {
        if self.here() == Some(b'-') {
            self.at += 1;
        }
        match self.here() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits("expected a digit")?,
            _ => return Err(self.broken("expected a value")),
        }
        if self.here() == Some(b'.') {
            self.at += 1;
            self.digits("expected a digit after the decimal point")?;
        }
        if matches!(self.here(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.here(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("expected a digit in the exponent")?;
        }
        Ok(())
    }

    fn digits(&mut self, problem: &'static str) -> Result<(), Broken> {
        let start = self.at;
        while self.here().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.broken(problem)) } else { Ok(()) }
    }

    fn here(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Returns the next byte that is not white space, and stands on it.
    fn next_byte(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.next_byte() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, problem: &'static str) -> Result<(), Broken> {
        if self.take(byte) { Ok(()) } else { Err(self.broken(problem)) }
    }

    fn broken(&self, problem: &'static str) -> Broken {
        Broken { offset: self.at, problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), Broken> {
        let mut lexer = Lexer::new(text, 0);
        lexer.value()?;
        lexer.end()
    }

    #[test]
    fn what_python_writes_is_accepted() {
        for (text, why) in [
            ("null", "a bare word"),
            (" [ ] ", "white space anywhere"),
            ("{\r\n\t\"a\" : [1, {}] }\r\n", "any white space, CRLF too"),
            ("[NaN, Infinity, -Infinity]", "Python writes these"),
            ("[-0, 0.5, 1e9, 1E-9, -1.25e+3]", "numbers of every form"),
            ("123456789012345678901234567890", "integers have no bound"),
            (r#""\ud800 \" \\ \/ \b \f \n \r \t \u00e9""#, "escapes, a lone surrogate among them"),
            ("\"é 日本 \u{2028} \u{7f}\"", "raw text"),
            (r#"{"a":1,"a":2}"#, "a key twice is for the reader to judge"),
        ] {
            assert_eq!(check(text), Ok(()), "{why}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused_where_it_breaks() {
        for (text, offset, why) in [
            ("", 0, "nothing"),
            ("[1,]", 3, "a comma too many"),
            ("[1 2]", 3, "a comma too few"),
            ("{\"a\" 1}", 5, "no colon"),
            ("{a: 1}", 1, "a bare key"),
            ("{\"a\":1]", 6, "the wrong bracket"),
            ("[1", 2, "an open bracket"),
            ("\"abc", 4, "an open string"),
            ("\"a\nb\"", 2, "a raw line break inside a string"),
            (r#""\x""#, 1, "an unknown escape"),
            (r#""\u12g4""#, 1, "no hex"),
            (r#""\u12"#, 1, "cut short"),
            ("01", 1, "a leading zero"),
            ("1.", 2, "no digit after the point"),
            ("1e", 2, "no exponent"),
            ("-", 1, "a lone sign"),
            ("+1", 0, "a plus sign"),
            ("nul", 0, "half a word"),
            ("'a'", 0, "single quotes"),
            ("1 1", 2, "two values"),
            ("\u{a0}1", 0, "white space that JSON does not know"),
        ] {
            assert_eq!(check(text).map_err(|broken| broken.offset), Err(offset), "{why}");
        }
    }

    #[test]
    fn depth_is_bounded_and_does_not_use_the_stack() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(check(&nested(MAX_DEPTH)), Ok(()));
        let broken = check(&nested(1_000_000)).unwrap_err();
        assert_eq!(broken.problem, "nested too deeply");
        assert!(check(&"{\"a\":".repeat(1_000_000)).is_err());
    }

    #[test]
    fn members_and_items_are_handed_out_with_their_spans() {
        let text = r#" {"a": [1, "two"], "b\u0063": {"d": null}} "#;
        let mut seen = Vec::new();
        let mut lexer = Lexer::new(text, 0);
        lexer
            .object(|lexer, key| {
                let value = lexer.value()?;
                seen.push((key.into_owned(), &text[value.span.start..value.span.end]));
                Ok(())
            })
            .unwrap();
        assert_eq!(lexer.end(), Ok(()));
        assert_eq!(seen, [("a".into(), r#"[1, "two"]"#), ("bc".into(), r#"{"d": null}"#)]);
    }
}
