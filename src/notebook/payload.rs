//! One payload of an output: a JSON value of the notebook as the bytes people want to read, and
//! the form that gives the very same value back.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::lexer::{Kind, Lexer, Span};
use super::media::Carriage;
use super::text::{self, Escapes};

/// How a payload stood in the notebook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// As JSON, kept as it stood.
    Json,
    /// As a string, or as a list of strings.
    Text { escapes: Escapes, base64: Option<Wrapping>, list: Option<List> },
}

/// How base64 was broken into lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrapping {
    /// Letters in a line; 0 if all are in one.
    pub(super) width: usize,
    /// Whether the last line ends in a line break too.
    pub(super) final_newline: bool,
}

/// How a list of strings was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List {
    /// From the bracket to the first item.
    pub(super) open: String,
    /// From one item to the next, comma included.
    pub(super) between: String,
    /// From the last item to the bracket.
    pub(super) close: String,
    pub(super) cuts: Cuts,
}

/// Where the text of a list was cut into items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cuts {
    /// After each `\n`.
    Lines,
    /// Where Python's `str.splitlines` cuts, as nbformat does.
    SplitLines,
    /// Into items of these many bytes.
    Items(Vec<usize>),
    /// Into items of these many bytes, with one `\n` between them that no item has.
    Joined(Vec<usize>),
}

/// Returns the form of the value at `span` and the bytes it stands for.
///
/// `join_lines` joins the items of a list by line breaks. `None` if there is no form that gives
/// back every byte of the value; that was tried.
pub(super) fn take(
    json: &str,
    span: Span,
    carriage: Carriage,
    join_lines: bool,
) -> Option<(Form, Cow<'_, [u8]>)> {
    let raw = &json[span.start..span.end];
    if carriage == Carriage::Json {
        return Some((Form::Json, Cow::Borrowed(raw.as_bytes())));
    }
    if carriage == Carriage::Text
        && !join_lines
        && let Some((text, list)) = take_lines(json, span)
    {
        let escapes = Escapes::default();
        let form = Form::Text { escapes, base64: None, list: Some(list) };
        return Some((form, Cow::Owned(text.into_bytes())));
    }
    let (text, list) = match Lexer::new(json, span.start).kind() {
        Ok(Kind::String) => (text::decode(json, span)?, None),
        Ok(Kind::Array) => {
            let (text, list) = take_list(json, span, join_lines)?;
            (Cow::Owned(text), Some(list))
        }
        _ => return None,
    };
    if text.is_empty() {
        return None;
    }
    let text_len = text.len();
    // `\u007f` is the one escape that plain ASCII text tells the spelling by.
    let ascii = raw.is_ascii() && (!text.is_ascii() || text.contains('\u{7f}'));
    let (base64, bytes) = if carriage == Carriage::Base64 {
        let (wrapping, bytes) = unwrap_base64(&text)?;
        (Some(wrapping), Cow::Owned(bytes))
    } else {
        (None, into_bytes(text))
    };
    if let (Some(wrapping @ Wrapping { width: 0, final_newline }), None) = (base64, &list)
        && raw.len() == "\"\"".len() + text_len + usize::from(final_newline)
    {
        // The decoder takes canonical base64 only, and at this length each letter stands for
        // itself and the line break is `\n`: there is nothing to try.
        let form = Form::Text { escapes: Escapes::default(), base64: Some(wrapping), list: None };
        return Some((form, bytes));
    }
    let slash = memchr::memmem::find(raw.as_bytes(), b"\\/").is_some();
    let mut escapes = Escapes { ascii, upper: false, slash };
    let mut again = Vec::with_capacity(raw.len());
    for upper in [false, true] {
        escapes.upper = upper;
        let form = Form::Text { escapes, base64, list: list.clone() };
        again.clear();
        write(&form, &bytes, &mut again).ok()?;
        if again == raw.as_bytes() {
            return Some((form, bytes));
        }
    }
    None
}

/// Adds the JSON value that `bytes` stood for in `form` to `json`.
///
/// The error says what about `bytes` does not fit the form.
pub(super) fn write(form: &Form, bytes: &[u8], json: &mut Vec<u8>) -> Result<(), &'static str> {
    let Form::Text { escapes, base64, list } = form else {
        json.extend_from_slice(bytes);
        return Ok(());
    };
    let text = match base64 {
        Some(wrapping) => Cow::Owned(wrap_base64(bytes, *wrapping)),
        None => Cow::Borrowed(std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text")?),
    };
    match list {
        None => text::encode_into(&text, *escapes, json),
        Some(list) => write_list(list, &text, *escapes, json)?,
    }
    Ok(())
}

fn into_bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// Returns the text of a list as most streams and tables are: plain lines, each but the last with
/// its `\n` and nothing else to escape, all set apart in one way.
///
/// Such a list is written again to the byte by what it is, so that need not be tried. `None` if
/// it is anything else, which [`take_list`] may still know.
fn take_lines(json: &str, span: Span) -> Option<(String, List)> {
    let bytes = json.as_bytes();
    let blanks = |mut at: usize| {
        while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            at += 1;
        }
        at
    };
    if bytes[span.start] != b'[' {
        return None;
    }
    let mut at = blanks(span.start + 1);
    let open = &json[span.start + 1..at];
    let mut between: Option<&str> = None;
    let mut text = String::with_capacity(span.end - span.start);
    let close = loop {
        // The opening quote of the next item.
        if bytes.get(at) != Some(&b'"') {
            return None;
        }
        let end = text::skip_plain(bytes, at + 1);
        let line = &json[at + 1..end];
        text.push_str(line);
        let is_whole = bytes[end..].starts_with(b"\\n\"");
        if is_whole {
            text.push('\n');
            at = end + 3;
        } else if bytes.get(end) == Some(&b'"') && !line.is_empty() {
            at = end + 1;
        } else {
            return None;
        }
        if let Some(gap) = between
            && is_whole
            && bytes[at..].starts_with(gap.as_bytes())
            && bytes.get(at + gap.len()) == Some(&b'"')
        {
            at += gap.len();
            continue;
        }
        let start = at;
        at = blanks(at);
        match bytes.get(at) {
            Some(b']') => break &json[start..at],
            Some(b',') if is_whole && between.is_none() => {
                at = blanks(at + 1);
                between = Some(&json[start..at]);
            }
            _ => return None,
        }
    };
    // `\u007f` is spelled in two ways.
    if at + 1 != span.end || memchr::memchr(0x7f, text.as_bytes()).is_some() {
        return None;
    }
    let list = List {
        open: open.to_owned(),
        between: between.unwrap_or(",").to_owned(),
        close: close.to_owned(),
        cuts: Cuts::Lines,
    };
    Some((text, list))
}

/// Returns the text of a list of strings whose items are all set apart in one way.
fn take_list(json: &str, span: Span, join_lines: bool) -> Option<(String, List)> {
    let mut text = String::with_capacity(span.end - span.start);
    let mut lengths = Vec::new();
    let (mut open, mut between): (&str, Option<&str>) = ("", None);
    let mut regular = true;
    let mut done = span.start + 1;
    let read = Lexer::new(json, span.start).array(|lexer| {
        let item = lexer.value()?.span;
        let gap = &json[done..item.start];
        done = item.end;
        regular &= json.as_bytes()[item.start] == b'"';
        if !regular {
            return Ok(());
        }
        if lengths.is_empty() {
            open = gap;
        } else {
            regular &= *between.get_or_insert(gap) == gap;
            if join_lines {
                text.push('\n');
            }
        }
        let before = text.len();
        regular &= text::decode_into(&json[item.start + 1..item.end - 1], &mut text);
        lengths.push(text.len() - before);
        Ok(())
    });
    if read.is_err() || !regular || lengths.is_empty() {
        return None;
    }
    let cuts = if join_lines {
        Cuts::Joined(lengths)
    } else if lengths.iter().copied().eq(whole_lines(&text).map(str::len)) {
        Cuts::Lines
    } else if lengths.iter().copied().eq(split_lines(&text).map(str::len)) {
        Cuts::SplitLines
    } else {
        Cuts::Items(lengths)
    };
    let list = List {
        open: open.to_owned(),
        between: between.unwrap_or(",").to_owned(),
        close: json[done..span.end - 1].to_owned(),
        cuts,
    };
    Some((text, list))
}

fn write_list(
    list: &List,
    text: &str,
    escapes: Escapes,
    json: &mut Vec<u8>,
) -> Result<(), &'static str> {
    let mut separator = list.open.as_str();
    let mut item = |text: &str, json: &mut Vec<u8>| {
        json.extend_from_slice(separator.as_bytes());
        text::encode_into(text, escapes, json);
        separator = &list.between;
    };
    json.push(b'[');
    match &list.cuts {
        Cuts::Lines => whole_lines(text).for_each(|line| item(line, json)),
        Cuts::SplitLines => split_lines(text).for_each(|line| item(line, json)),
        Cuts::Items(lengths) | Cuts::Joined(lengths) => {
            let joint = if matches!(list.cuts, Cuts::Joined(_)) { "\n" } else { "" };
            let mut rest = text;
            for (index, &length) in lengths.iter().enumerate() {
                if index > 0 {
                    rest = rest.strip_prefix(joint).ok_or("it lacks a line break")?;
                }
                let (head, tail) = rest.split_at_checked(length).ok_or("it is cut elsewhere")?;
                item(head, json);
                rest = tail;
            }
            if !rest.is_empty() {
                return Err("it is longer than its items");
            }
        }
    }
    json.extend_from_slice(list.close.as_bytes());
    json.push(b']');
    Ok(())
}

/// Returns the lines of `text` with their ends, cut after each `\n`.
fn whole_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |at| at + 1);
        let line;
        (line, rest) = rest.split_at(end);
        (!line.is_empty()).then_some(line)
    })
}

/// Returns the lines of `text` with their ends, cut where Python's `splitlines(True)` cuts.
fn split_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_end = |c: char| {
            matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}')
                || matches!(c, '\u{2028}' | '\u{2029}')
        };
        let end = rest.char_indices().find(|&(_, c)| is_end(c)).map_or(rest.len(), |(at, c)| {
            at + if rest[at..].starts_with("\r\n") { 2 } else { c.len_utf8() }
        });
        let line;
        (line, rest) = rest.split_at(end);
        (!line.is_empty()).then_some(line)
    })
}

/// Returns the bytes of base64 text in its canonical form, and how it was broken into lines.
fn unwrap_base64(text: &str) -> Option<(Wrapping, Vec<u8>)> {
    let letters = text.strip_suffix('\n');
    let final_newline = letters.is_some();
    let letters = letters.unwrap_or(text);
    let width = memchr::memchr(b'\n', letters.as_bytes()).unwrap_or(0);
    let bytes = if width == 0 {
        STANDARD.decode(letters)
    } else {
        STANDARD.decode(letters.replace('\n', ""))
    };
    bytes.ok().map(|bytes| (Wrapping { width, final_newline }, bytes))
}

fn wrap_base64(bytes: &[u8], wrapping: Wrapping) -> String {
    let mut text = STANDARD.encode(bytes);
    if wrapping.width > 0 {
        let mut lines = String::with_capacity(text.len() * 2);
        let mut rest = text.as_str();
        while rest.len() > wrapping.width {
            let (line, tail) = rest.split_at(wrapping.width);
            lines.push_str(line);
            lines.push('\n');
            rest = tail;
        }
        lines.push_str(rest);
        text = lines;
    }
    if wrapping.final_newline {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(json: &str, carriage: Carriage, join: bool) -> Option<(Form, Cow<'_, [u8]>)> {
        take(json, Span { start: 0, end: json.len() }, carriage, join)
    }

    #[test]
    fn a_payload_is_read_plainly_and_written_back_to_the_byte() {
        for (json, carriage, bytes, why) in [
            (r#""a\nb""#, Carriage::Text, "a\nb", "a string"),
            (r#"["a\n", "b"]"#, Carriage::Text, "a\nb", "lines on one line"),
            ("[\r\n\t\"a\\n\",\r\n\t\"b\\n\"\r\n]", Carriage::Text, "a\nb\n", "tabs and CRLF"),
            (r#"["10%\r","20%\r","é\n"]"#, Carriage::Text, "10%\r20%\ré\n", "a progress bar"),
            (r#"["a","b\nc",""]"#, Carriage::Text, "ab\nc", "items cut anywhere, one empty"),
            (r#"["caf\u00e9 \ud83d\ude00"]"#, Carriage::Text, "café 😀", "ensure_ascii"),
            ("\"caf\u{e9} \u{7f}\"", Carriage::Text, "café \u{7f}", "raw letters"),
            ("\"\\u007f\"", Carriage::Text, "\u{7f}", "an escape that only ensure_ascii writes"),
            (r#"["\u001B[0m a\/b"]"#, Carriage::Text, "\u{1b}[0m a/b", "upper-case hex, slashes"),
            (r#"{ "a" : [NaN] }"#, Carriage::Json, r#"{ "a" : [NaN] }"#, "JSON as it stands"),
            (r#""aGVsbG8=""#, Carriage::Base64, "hello", "base64"),
            (r#""aGVsbG8=\n""#, Carriage::Base64, "hello", "a line break at its end"),
            (r#""aGVs\nbG8=\n""#, Carriage::Base64, "hello", "in lines"),
            (r#""aGVs\nbG9o""#, Carriage::Base64, "helloh", "in full lines only"),
            (r#"["aGVs\n", "bG8="]"#, Carriage::Base64, "hello", "in a list of lines"),
        ] {
            let (form, taken) = taken(json, carriage, false).expect(why);
            assert_eq!(taken, bytes.as_bytes(), "{why}");
            let mut again = Vec::new();
            write(&form, &taken, &mut again).expect(why);
            assert_eq!(again, json.as_bytes(), "{why}");
        }
    }

    #[test]
    fn a_value_that_no_form_gives_back_is_not_taken() {
        for (json, carriage, why) in [
            (r#""a\/b/c""#, Carriage::Text, "one slash escaped and one not"),
            (r#""\u0041""#, Carriage::Text, "an escape that nobody needs"),
            (r#""\u00E9\u00e9""#, Carriage::Text, "hex of both cases"),
            ("\"\\u00e9 \u{e9}\"", Carriage::Text, "both spellings at once"),
            (r#""\ud800""#, Carriage::Text, "half a surrogate pair"),
            (r#"["a",  "b", "c"]"#, Carriage::Text, "uneven spacing"),
            (r#"["a", 1]"#, Carriage::Text, "a number among the lines"),
            (r#""""#, Carriage::Text, "nothing to read"),
            ("[]", Carriage::Text, "no lines"),
            ("12", Carriage::Text, "a number"),
            (r#""aGVsbG8""#, Carriage::Base64, "no padding"),
            (r#""aGVsbG9=""#, Carriage::Base64, "stray bits before the padding"),
            (r#""aGV\nsbG8=""#, Carriage::Base64, "lines of different length"),
            (r#""aGVs\r\nbG8=""#, Carriage::Base64, "other line breaks"),
            (r#""hello!""#, Carriage::Base64, "no base64"),
        ] {
            assert_eq!(taken(json, carriage, false), None, "{why}");
        }
    }

    #[test]
    fn plain_lines_are_taken_as_any_list_is() {
        for (json, is_plain, why) in [
            (r#"["a\n", "b"]"#, true, "the last without its end"),
            ("[\r\n\t\"a\\n\",\r\n\t\"b\\n\"\r\n]", true, "tabs and CRLF"),
            (r#"["é\n"]"#, true, "one line"),
            (r#"["\n", "\n"]"#, true, "empty lines"),
            (r#"["a\n", ""]"#, false, "an empty item at the end"),
            (r#"["a", "b\n"]"#, false, "an item that is no line"),
            (r#"["a\nb\n"]"#, false, "two lines in one item"),
            (r#"["a\n",  "b\n", "c"]"#, false, "uneven spacing"),
            (r#"["\tb\n"]"#, false, "another escape"),
            ("[\"a\u{7f}\\n\"]", false, "a letter of two spellings"),
            ("[]", false, "no lines"),
            ("[1]", false, "no text"),
            (r#""a\n""#, false, "no list"),
        ] {
            let span = Span { start: 0, end: json.len() };
            let found = take_lines(json, span);
            assert_eq!(found.is_some(), is_plain, "{why}");
            if found.is_some() {
                assert_eq!(found, take_list(json, span, false), "{why}");
            }
        }
    }

    #[test]
    fn a_traceback_is_joined_by_line_breaks() {
        let json = r#"["\u001b[31mE\u001b[0m", "a\nb", "", "c"]"#;
        let (form, text) = taken(json, Carriage::Text, true).unwrap();
        assert_eq!(text, "\u{1b}[31mE\u{1b}[0m\na\nb\n\nc".as_bytes());
        let mut again = Vec::new();
        write(&form, &text, &mut again).unwrap();
        assert_eq!(again, json.as_bytes());
        assert_eq!(write(&form, b"short", &mut again), Err("it is cut elsewhere"));
    }
}
