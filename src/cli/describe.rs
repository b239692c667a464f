//! What a part shows, in words: the size of an image, of a table, the form of a text.

use super::{media, words};
use crate::escapes;

/// How many bytes of a part are looked at to describe it.
pub(crate) const HEAD: u64 = 256 << 10;

/// Returns what the bytes of that media type are: `PNG image, 640 × 480`. `head` is the start of
/// the bytes, of `size` in all. `None` if the media type says all there is to say.
pub(crate) fn describe(media_type: &str, head: &[u8], size: u64) -> Option<String> {
    match media::essence(media_type) {
        "image/svg+xml" => Some(image("SVG", svg_size(head))),
        "text/html" => html_table(head, size),
        "application/x-npy" => npy(head),
        kind if kind.starts_with("image/") => Some(bitmap(head)),
        _ => None,
    }
}

fn image(format: &str, size: Option<(String, String)>) -> String {
    match size {
        Some((width, height)) => format!("{format} image, {width} × {height}"),
        None => format!("{format} image"),
    }
}

fn bitmap(head: &[u8]) -> String {
    let big = |at: usize| Some(u32::from_be_bytes(*head.get(at..)?.first_chunk()?));
    let small = |at: usize| Some(u32::from(u16::from_le_bytes(*head.get(at..)?.first_chunk()?)));
    let (format, width, height) = if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        ("PNG", big(16), big(20))
    } else if head.starts_with(b"GIF8") {
        ("GIF", small(6), small(8))
    } else if head.starts_with(b"\xff\xd8") {
        let size = jpeg_size(head);
        ("JPEG", size.map(|(width, _)| width), size.map(|(_, height)| height))
    } else if head.starts_with(b"RIFF") && head.get(8..16) == Some(b"WEBPVP8X") {
        let dimension = |at: usize| {
            let bytes = head.get(at..at + 3)?;
            Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) + 1)
        };
        ("WebP", dimension(24), dimension(27))
    } else if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        ("WebP", None, None)
    } else {
        return "image of a form that is not known here".into();
    };
    image(format, width.zip(height).map(|(width, height)| (width.to_string(), height.to_string())))
}

/// Returns width and height from the first frame header (ITU-T T.81, B.2.2).
fn jpeg_size(head: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let marker = *head.get(at + 1)?;
        let number = |at: usize| Some(u16::from_be_bytes(*head.get(at..)?.first_chunk()?));
        // C4, C8 and CC are tables, not frames.
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            return Some((u32::from(number(at + 7)?), u32::from(number(at + 5)?)));
        }
        at += 2 + usize::from(number(at + 2)?);
    }
}

/// Returns what the `width` and `height` of an SVG say, or else its `viewBox`.
fn svg_size(head: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8_lossy(head);
    let start = text.find("<svg")?;
    let tag = &text[start..start + text[start..].find('>')?];
    let attribute = |name: &str| {
        let at = tag.find(&format!(" {name}=")).or_else(|| tag.find(&format!("\n{name}=")))?;
        let value = &tag[at + name.len() + 2..];
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        value[1..].split(quote).next()
    };
    if let Some((width, height)) = attribute("width").zip(attribute("height")) {
        return Some((width.to_owned(), height.to_owned()));
    }
    let mut numbers = attribute("viewBox")?.split([' ', ',']).filter(|it| !it.is_empty()).skip(2);
    Some((numbers.next()?.to_owned(), numbers.next()?.to_owned()))
}

/// Returns the rows and columns of the first table; `None` if there is none. The row of headings
/// does not count.
fn html_table(head: &[u8], size: u64) -> Option<String> {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let start = tag(&text, "table")?;
    let end = text[start..].find("</table").map(|at| start + at);
    let table = &text[start..end.unwrap_or(text.len())];
    let body = tag(table, "tbody").map_or(table, |at| &table[at..]);
    let rows: Vec<&str> = split(body, "tr").collect();
    let columns = rows.iter().map(|row| split(row, "td").count() + split(row, "th").count()).max();
    let columns = words::count(columns.unwrap_or(0), "column", "columns");
    let count = words::count(rows.len(), "row", "rows");
    let more = if end.is_none() && size > head.len() as u64 { "at least " } else { "" };
    Some(format!("HTML table, {more}{count} × {columns}"))
}

/// Returns where the first tag of that name begins.
fn tag(text: &str, name: &str) -> Option<usize> {
    text.match_indices('<').map(|(at, _)| at).find(|at| is_tag(&text[at + 1..], name))
}

fn is_tag(text: &str, name: &str) -> bool {
    text.strip_prefix(name).is_some_and(|rest| rest.starts_with(['>', ' ', '\n', '\t', '\r', '/']))
}

/// Returns what follows each tag of that name, up to the next.
fn split<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let at: Vec<usize> = text
        .match_indices('<')
        .map(|(at, _)| at)
        .filter(|at| is_tag(&text[at + 1..], name))
        .collect();
    let ends: Vec<usize> = at.iter().skip(1).copied().chain([text.len()]).collect();
    at.into_iter().zip(ends).map(|(start, end)| &text[start..end])
}

/// Returns the type and shape of a numpy array, from its header (numpy's format, version 1 and 2).
fn npy(head: &[u8]) -> Option<String> {
    let header = head.strip_prefix(b"\x93NUMPY")?;
    let text = String::from_utf8_lossy(header.get(..header.len().min(1024))?);
    let between = |start: &str, end: char| {
        let at = text.find(start)? + start.len();
        text[at..].split(end).next().map(|it| it.trim().trim_end_matches(',').to_owned())
    };
    let descr = between("'descr': '", '\'')?;
    let shape = between("'shape': (", ')')?;
    let shape = if shape.is_empty() { "one value".into() } else { shape.replace(", ", " × ") };
    Some(format!("numpy array of {descr}, {shape}"))
}

/// Returns a text for the terminal: no control characters but tabs and line ends, and colours only
/// if `color`. What a stored output says must never move the cursor of who reads it.
pub(crate) fn harmless(text: &str, color: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control() && c != '\n' && c != '\t') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(length) = escapes::length(rest) {
            let sequence = &rest[..length];
            // Only colours and their like (ECMA-48, SGR).
            if color && sequence.starts_with("\x1b[") && sequence.ends_with('m') {
                out.push_str(sequence);
            }
            rest = &rest[length..];
        } else {
            let mut chars = rest.chars();
            // A carriage return starts a line anew, as progress bars do; here it just ends one.
            if chars.next() == Some('\r') && !chars.as_str().starts_with('\n') {
                out.push('\n');
            }
            rest = chars.as_str();
        }
    }
    out.push_str(rest);
    out
}

/// Returns a text as one line for the terminal, without colours.
pub(crate) fn one_line(text: &str) -> String {
    if !text.contains(|c: char| c.is_control()) {
        return text.to_owned();
    }
    harmless(text, false).replace(['\n', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn images_are_described_by_form_and_size() {
        let png = [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &[0, 0, 2, 128, 0, 0, 1, 224]].concat();
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc4\0\x02\xff\xc0\0\x11\x08\0\x0a\0\x14\x03";
        let webp = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0";
        for (media_type, head, expected, why) in [
            ("image/png", &png[..], "PNG image, 640 × 480", "from its header"),
            ("image/png", b"\x89PNG\r\n\x1a\n", "PNG image", "a header that is cut"),
            ("image/jpeg", jpeg, "JPEG image, 20 × 10", "from its first frame"),
            ("image/jpeg", b"\xff\xd8\xff", "JPEG image", "no frame"),
            ("image/gif", b"GIF89a\x05\0\x06\0", "GIF image, 5 × 6", "from its header"),
            ("image/webp", webp, "WebP image, 640 × 480", "extended"),
            ("image/png", b"text", "image of a form that is not known here", "no image at all"),
            (
                "image/svg+xml",
                b"<?xml?><svg width=\"4in\" height='3in' viewBox='0 0 1 2'>",
                "SVG image, 4in × 3in",
                "as it says",
            ),
            ("image/svg+xml", b"<svg viewBox=\"0 0 10,20\">", "SVG image, 10 × 20", "its box"),
            ("image/svg+xml", b"<svg", "SVG image", "cut"),
        ] {
            let found = describe(media_type, head, head.len() as u64);
            assert_eq!(found.as_deref(), Some(expected), "{why}");
        }
    }

    #[test]
    fn tables_are_described_by_rows_and_columns() {
        let table = "<style>tr {}</style><TABLE border=1><thead><tr><th></th><th>a</th></tr></thead>\
             <tbody><tr><th>0</th><td>1</td></tr><tr><th>1</th><td>2</td></tr></tbody></table>";
        for (html, size, expected, why) in [
            (table, 0, Some("HTML table, 2 rows × 2 columns"), "headings do not count"),
            (
                "<table><tr><td>1</td></tr></table>",
                0,
                Some("HTML table, 1 row × 1 column"),
                "no body",
            ),
            ("<table><tr><td>1", 999, Some("HTML table, at least 1 row × 1 column"), "cut"),
            ("<p>text</p>", 0, None, "no table"),
            ("<tablet>", 0, None, "another tag"),
        ] {
            assert_eq!(describe("text/html", html.as_bytes(), size).as_deref(), expected, "{why}");
        }
    }

    #[test]
    fn arrays_are_described_by_type_and_shape() {
        let head = b"\x93NUMPY\x01\0v\0{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }";
        let found = describe("application/x-npy", head, 0);
        assert_eq!(found.as_deref(), Some("numpy array of <f8, 3 × 4"));
        assert_eq!(describe("application/x-npy", b"no array", 0), None);
    }

    #[test]
    fn a_stored_text_cannot_steer_the_terminal() {
        for (text, color, expected, why) in [
            ("a\x1b[31mb\x1b[0m", true, "a\x1b[31mb\x1b[0m", "colours stay where they are wanted"),
            ("a\x1b[31mb\x1b[0m", false, "ab", "and go where not"),
            ("a\x1b[2Jb", true, "ab", "clearing the screen"),
            ("a\x1b]0;title\x07b", true, "ab", "a title"),
            ("a\x1b]8;;http://x\x1b\\b", true, "ab", "a link"),
            ("a\x1b]0;title", true, "a", "a sequence that never ends"),
            ("1%\r2%\r\n", true, "1%\n2%\n", "a progress bar is lines"),
            ("a\x08\x07\tb\n", true, "a\tb\n", "backspace and bell"),
            ("a\u{9b}2Jb", true, "a2Jb", "the one-byte form has no effect without its byte"),
            ("a\x1b", true, "a", "at the end"),
        ] {
            assert_eq!(harmless(text, color), expected, "{why}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(head in prop::collection::vec(any::<u8>(), 0..80), text in ".{0,40}") {
            for media_type in ["image/png", "image/jpeg", "image/svg+xml", "text/html", "application/x-npy"] {
                describe(media_type, &head, 1000);
                describe(media_type, &[b"\xff\xd8\xff\xc0", &head[..]].concat(), 1000);
                describe(media_type, format!("<svg {text}>").as_bytes(), 1000);
            }
            let shown = harmless(&format!("\x1b{text}"), false);
            prop_assert!(!shown.contains(|c: char| c.is_control() && c != '\n' && c != '\t'));
        }
    }
}
