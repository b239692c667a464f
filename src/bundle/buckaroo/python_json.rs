//! JSON as Python reads and writes it: what a manifest is made of.

use std::fmt::Write;

use serde_json::{Number, Value};

/// More digits than the largest double has: such a number is read as text.
const MOST_DIGITS: usize = 300;

/// Reads JSON that Python wrote, which may not be any: a bare `NaN` or `Infinity` becomes null, half
/// a surrogate pair U+FFFD, and an integer of hundreds of digits text.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn read(bytes: &[u8]) -> Result<Value, String> {
    let strict = match serde_json::from_slice(bytes) {
        Ok(value) => return Ok(value),
        Err(error) => error.to_string(),
    };
    let text = std::str::from_utf8(bytes).map_err(|_| strict.clone())?;
    serde_json::from_str(&mended(text)).map_err(|_| strict)
}

/// Returns JSON in which all that only Python takes is replaced.
fn mended(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let word = ["NaN", "Infinity", "-Infinity"].into_iter().find(|it| rest.starts_with(it));
        if let Some(word) = word {
            out.push_str("null");
            at += word.len();
        } else if bytes[at] == b'"' {
            at += mend_string(rest, &mut out);
        } else if bytes[at].is_ascii_digit() {
            let length = rest.bytes().take_while(u8::is_ascii_digit).count();
            let quote = if length >= MOST_DIGITS { "\"" } else { "" };
            // A sign before it would stand outside the quotes.
            if !quote.is_empty() && out.ends_with('-') {
                out.pop();
                out.push_str("\"-");
            } else {
                out.push_str(quote);
            }
            out.push_str(&rest[..length]);
            out.push_str(quote);
            at += length;
        } else {
            let symbol = rest.chars().next().expect("there is more");
            out.push(symbol);
            at += symbol.len_utf8();
        }
    }
    out
}

/// Adds the string that `text` starts with, without lone surrogates; returns how long it was.
fn mend_string(text: &str, out: &mut String) -> usize {
    let bytes = text.as_bytes();
    let unit = |at: usize| {
        let digits = text.get(at + 2..at + 6).filter(|_| text[at..].starts_with("\\u"))?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut at = 1;
    let mut from = 0;
    while at < bytes.len() && bytes[at] != b'"' {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        match unit(at) {
            Some(0xD800..=0xDBFF) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => {
                out.push_str(&text[from..at]);
                out.push_str("\\ufffd");
                at += 6;
                from = at;
            }
            _ => at += 2,
        }
    }
    let mut end = (at + 1).min(bytes.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    out.push_str(&text[from..end]);
    end
}

/// Returns a value as `json.dump` writes it by default: `", "` and `": "`, and ASCII alone.
pub(super) fn write(value: &Value) -> String {
    let mut out = String::new();
    write_into(value, &mut out);
    out
}

fn write_into(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    out.push_str(", ");
                }
                write_into(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (number, (name, item)) in fields.iter().enumerate() {
                if number > 0 {
                    out.push_str(", ");
                }
                write_string(name, out);
                out.push_str(": ");
                write_into(item, out);
            }
            out.push('}');
        }
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for symbol in text.chars() {
        match symbol {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(symbol),
            _ => {
                for unit in symbol.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}").expect("a string takes all");
                }
            }
        }
    }
    out.push('"');
}

/// Writes a number as Python's `repr` does: the shortest digits that read back as the same, with an
/// exponent below 1e-4 and from 1e16 on.
fn write_number(number: &Number, out: &mut String) {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        write!(out, "{number}").expect("a string takes all");
        return;
    };
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let done = if (-4..16).contains(&exponent) {
        write!(out, "{float:?}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{digits}e{sign}{:02}", exponent.abs())
    };
    done.expect("a string takes all");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_texts_are_spelled_as_python_spells_them() {
        // Each right side is what Python 3.11 prints for `json.dumps(json.loads(left))`.
        for (text, python) in [
            ("1", "1"),
            ("-0.0", "-0.0"),
            ("1.0", "1.0"),
            ("0.1", "0.1"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("1.5e-7", "1.5e-07"),
            ("123456789012345.6", "123456789012345.6"),
            ("1e15", "1000000000000000.0"),
            ("1e16", "1e+16"),
            ("-2.5e+300", "-2.5e+300"),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("[]", "[]"),
            ("{}", "{}"),
            ("[1,{\"a\":null,\"b\":true}]", "[1, {\"a\": null, \"b\": true}]"),
            ("\"é\\u0000\\u007f😀/\"", "\"\\u00e9\\u0000\\u007f\\ud83d\\ude00/\""),
            ("\"\\b\\f\\n\\r\\t\\\"\\\\\"", "\"\\b\\f\\n\\r\\t\\\"\\\\\""),
        ] {
            assert_eq!(write(&read(text.as_bytes()).unwrap()), python, "{text}");
        }
    }

    #[test]
    fn what_only_python_reads_is_read() {
        let long = "9".repeat(400);
        for (text, value) in [
            ("[NaN, Infinity, -Infinity]".to_owned(), json!([null, null, null])),
            ("{\"NaN\": \"-Infinity\\\"NaN\"}".into(), json!({"NaN": "-Infinity\"NaN"})),
            ("\"\\ud800\"".into(), json!("\u{fffd}")),
            ("\"a\\udc00b\\ud83d\\ude00\\\\ud800\"".into(), json!("a\u{fffd}b😀\\ud800")),
            ("[NaN, \"\\ud800\\ud83d\\ude00\"]".into(), json!([null, "\u{fffd}😀"])),
            (format!("[{long}, -{long}]"), json!([long, format!("-{long}")])),
        ] {
            assert_eq!(read(text.as_bytes()), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused_and_nothing_panics() {
        for text in
            ["", "{", "[1,", "nul", "NaNa", "\"\\ud8", "\"\\", "\"\\é", "\"\\u00é\"", "[NaN"]
        {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read(b"[NaN, \"\xff\"]").is_err());
        assert!(read("[".repeat(100_000).as_bytes()).is_err(), "and the stack holds");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(NaN|\\\\u[dD][89a-f][0-9]{2}|[\\[\\]{}\",:0-9-]|\\\\|é){0,24}") {
            drop(read(text.as_bytes()));
        }

        #[test]
        fn what_is_written_reads_back(text in ".{0,40}", number in proptest::num::f64::NORMAL) {
            // `serde_json` may be one bit off in what it reads: what Rust reads counts.
            let written = write(&json!(number));
            let again: f64 = written.parse().unwrap();
            proptest::prop_assert_eq!(again.to_bits(), number.to_bits());
            let value = json!({ text.as_str(): [text.as_str()] });
            proptest::prop_assert_eq!(read(write(&value).as_bytes()).unwrap(), value);
        }
    }
}
