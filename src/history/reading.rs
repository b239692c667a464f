//! The text of outputs, and the numbers in it.

use std::fmt;
use std::str::FromStr;

use regex::Regex;
use serde_json::Value;

use crate::entry::{Part, PartKind};
use crate::lookup::{Lookup, Miss};
use crate::store::Entry;

/// A number as people and programs print it: with a sign, commas between thousands, an exponent.
const NUMBER: &str = r"([-+\u{2212}]?(?:\d{1,3}(?:,\d{3})+(?:\.\d*)?|\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?i:inf(?:inity)?|nan)\b)";
/// What stands for a number in a pattern.
const PLACEHOLDER: &str = "{}";

/// Where a number stands in a text.
#[derive(Debug, Clone)]
pub struct NumberPattern {
    text: String,
    regex: Regex,
}

/// A text that is no pattern of a number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNumberPattern {
    /// It has neither a placeholder nor a group.
    #[error("it does not say where the number is: write `{{}}` or one group `(…)` in its place")]
    NoNumber,
    /// It has several of them.
    #[error("it has {0} places for a number, and one is looked for; `(?:…)` is no place")]
    Several(usize),
    /// It is no regular expression.
    #[error("it is no regular expression: {0}")]
    NoRegex(String),
}

impl FromStr for NumberPattern {
    type Err = InvalidNumberPattern;

    /// Reads `accuracy: {}`, where all but `{}` is meant as it stands and a blank is any white
    /// space, or else a regular expression with one group.
    fn from_str(text: &str) -> Result<NumberPattern, InvalidNumberPattern> {
        let places = text.matches(PLACEHOLDER).count();
        let source = match places {
            0 => text.to_owned(),
            1 => text.split(PLACEHOLDER).map(spaced).collect::<Vec<_>>().join(NUMBER),
            more => return Err(InvalidNumberPattern::Several(more)),
        };
        let regex = Regex::new(&source).map_err(|error| {
            // The last line of it says what is wrong.
            let text = error.to_string();
            let reason = text.trim_end().rsplit('\n').next().unwrap_or_default();
            InvalidNumberPattern::NoRegex(reason.trim_start_matches("error: ").to_owned())
        })?;
        match regex.captures_len() - 1 {
            0 => Err(InvalidNumberPattern::NoNumber),
            1 => Ok(NumberPattern { text: text.to_owned(), regex }),
            more => Err(InvalidNumberPattern::Several(more)),
        }
    }
}

/// Returns a regular expression for a text as it stands, whatever its white space.
fn spaced(text: &str) -> String {
    let (start, end) = (text.starts_with(char::is_whitespace), text.ends_with(char::is_whitespace));
    let words: Vec<String> = text.split_whitespace().map(regex::escape).collect();
    let edge = |is_there: bool| if is_there { r"\s+" } else { "" };
    if words.is_empty() {
        return edge(start).to_owned();
    }
    format!("{}{}{}", edge(start), words.join(r"\s+"), edge(end))
}

impl NumberPattern {
    /// Returns the last number in `text`: a log that counts up ends with what it came to.
    pub fn number(&self, text: &str) -> Option<f64> {
        let numbers = self.regex.captures_iter(text).filter_map(|found| number(&found[1]));
        numbers.last()
    }
}

impl fmt::Display for NumberPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns the number that a text is: `1,234.5`, `-3e-4`, `12%` (12).
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim().trim_end_matches('%').replace('\u{2212}', "-");
    text.replace([',', '_'], "").parse().ok()
}

/// Where a value stands in JSON: `metrics.accuracy`, `scores[0]`, or `/metrics/accuracy` as
/// RFC 6901 has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPath {
    text: String,
    pointer: String,
}

impl FromStr for JsonPath {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<JsonPath, Self::Err> {
        let pointer = if text.is_empty() || text.starts_with('/') {
            text.to_owned()
        } else {
            let path = text.strip_prefix('$').unwrap_or(text).replace('[', ".").replace(']', "");
            let steps = path.split('.').filter(|step| !step.is_empty());
            let steps = steps.map(|step| step.replace('~', "~0").replace('/', "~1"));
            steps.flat_map(|step| ["/".to_owned(), step]).collect()
        };
        Ok(JsonPath { text: text.to_owned(), pointer })
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns the text of each output that has one, in the order of the outputs; of JSON what stands
/// at `path`, if one is asked for, and then of nothing else.
pub(super) fn texts(
    entry: &Entry,
    part: Option<&str>,
    path: Option<&JsonPath>,
) -> Result<Vec<String>, Miss> {
    let asked = part.and_then(|part| entry.manifest().part(part));
    let mut parts: Vec<&Part> = match part {
        Some(_) => asked.into_iter().collect(),
        None => entry.manifest().parts_of(PartKind::Output).collect(),
    };
    parts.sort_by_key(|part| order(part.path.as_str()));
    let mut texts = Vec::with_capacity(parts.len());
    for part in parts {
        let Some(form) = Form::of(&part.media_type).filter(|form| path.is_none() || form.is_json())
        else {
            continue;
        };
        let bytes = match entry.read(part.path.as_str()) {
            Lookup::Hit(bytes) => bytes,
            Lookup::Miss(miss) => return Err(miss),
        };
        texts.extend(form.text(&String::from_utf8_lossy(&bytes), path));
    }
    Ok(texts)
}

/// Returns what sorts `outputs/10.txt` after `outputs/9.txt`.
fn order(path: &str) -> (u64, String) {
    let name = path.rsplit('/').next().unwrap_or(path);
    let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
    (digits.parse().unwrap_or(u64::MAX), path.to_owned())
}

/// How the text of an output is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Html,
    Json,
}

impl Form {
    fn of(media_type: &str) -> Option<Form> {
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence.starts_with("application/vnd.recell.") {
            return None;
        }
        match essence.split_once('/')? {
            ("text", "html") | ("application", "xhtml+xml") => Some(Form::Html),
            (_, kind) if kind == "json" || kind.ends_with("+json") => Some(Form::Json),
            ("text", _) => Some(Form::Plain),
            _ => None,
        }
    }

    fn is_json(self) -> bool {
        self == Form::Json
    }

    fn text(self, text: &str, path: Option<&JsonPath>) -> Option<String> {
        match (self, path) {
            (Form::Plain, _) => Some(without_escapes(text)),
            (Form::Html, _) => Some(without_tags(text)),
            (Form::Json, None) => Some(text.to_owned()),
            (Form::Json, Some(path)) => {
                let value: Value = serde_json::from_str(text).ok()?;
                match value.pointer(&path.pointer)? {
                    Value::String(text) => Some(text.clone()),
                    other => Some(other.to_string()),
                }
            }
        }
    }
}

/// Returns a text without the sequences that colour it on a terminal (ECMA-48, CSI).
fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\x1b[") {
        out.push_str(&rest[..at]);
        let sequence = &rest[at + 2..];
        let end =
            sequence.find(|c: char| ('@'..='~').contains(&c)).map_or(sequence.len(), |e| e + 1);
        rest = &sequence[end..];
    }
    out.push_str(rest);
    out
}

/// Returns what a page shows: no tags, scripts and styles; a blank between two cells of a table, a
/// line for each of its rows.
fn without_tags(html: &str) -> String {
    const LINES: [&str; 12] =
        ["tr", "p", "div", "br", "li", "table", "pre", "h1", "h2", "h3", "h4", "ul"];
    let mut out = String::with_capacity(html.len() / 2);
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let is_tag = rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        let Some(end) = rest.find('>').filter(|_| is_tag) else {
            out.push('<');
            continue;
        };
        let is_comment = rest.starts_with("!--");
        let name: String =
            rest.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        let name = name.to_ascii_lowercase();
        let closing = match name.as_str() {
            _ if is_comment => Some("-->".to_owned()),
            "script" | "style" if !rest.starts_with('/') => Some(format!("</{name}")),
            _ => None,
        };
        rest = match closing {
            // What is never closed ends with the page.
            Some(closing) => find_ignoring_case(rest, &closing).map_or("", |at| &rest[at..]),
            None => &rest[end + 1..],
        };
        if is_comment {
            rest = rest.strip_prefix("-->").unwrap_or(rest);
        } else if LINES.contains(&name.as_str()) {
            out.push('\n');
        } else if matches!(name.as_str(), "td" | "th") {
            out.push(' ');
        }
    }
    out.push_str(rest);
    for (entity, sign) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " ")]
    {
        out = out.replace(entity, sign);
    }
    // Last, so that `&amp;lt;` stays `&lt;`.
    out.replace("&amp;", "&")
}

fn find_ignoring_case(text: &str, wanted: &str) -> Option<usize> {
    let wanted = wanted.as_bytes();
    text.as_bytes().windows(wanted.len()).position(|window| window.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_where_the_pattern_says() {
        for (pattern, text, expected, why) in [
            ("accuracy: {}", "accuracy: 0.93", Some(0.93), "as it stands"),
            ("accuracy: {}", "loss 1\naccuracy:   0.93\n", Some(0.93), "any white space"),
            ("accuracy: {}", "accuracy: 0.1\naccuracy: 0.9", Some(0.9), "the last of several"),
            ("total €{} of", "total €1,234.50 of", Some(1234.5), "commas between thousands"),
            ("kept {} of", "kept 18 of 22", Some(18.0), "the text after it counts"),
            ("{} rows", "18 of 22 rows", Some(22.0), "at the start"),
            ("x={}", "x=-3.5e-4", Some(-0.000_35), "sign and exponent"),
            ("x={}", "x=\u{2212}3", Some(-3.0), "a true minus"),
            ("x={}", "x=.5", Some(0.5), "without a zero"),
            ("x={}", "x=1, 2", Some(1.0), "a comma that only separates"),
            ("x={}", "x=nothing", None, "no number"),
            ("f(x) = {}", "f(x) = 2", Some(2.0), "signs of expressions are meant as they stand"),
            (r"(\d+) rows", "18 rows", Some(18.0), "an expression"),
            (r"acc(?:uracy)?=(\S+)%", "acc=93.5%", Some(93.5), "groups that capture nothing"),
            (r"v(\w+)", "vx v7", Some(7.0), "what is no number is passed over"),
            ("x={}", "x=inf", Some(f64::INFINITY), "infinity"),
        ] {
            let found = pattern.parse::<NumberPattern>().unwrap().number(text);
            assert_eq!(found, expected, "{why}");
        }
        assert!("x={}".parse::<NumberPattern>().unwrap().number("x=NaN").unwrap().is_nan());
    }

    #[test]
    fn a_pattern_without_one_number_is_refused() {
        use InvalidNumberPattern::{NoNumber, Several};
        for (pattern, expected) in
            [("accuracy", NoNumber), ("{} of {}", Several(2)), (r"(\d) (\d)", Several(2))]
        {
            assert_eq!(pattern.parse::<NumberPattern>().unwrap_err(), expected, "{pattern}");
        }
        let broken = "a(".parse::<NumberPattern>().unwrap_err();
        assert!(broken.to_string().contains("unclosed group"), "{broken}");
    }

    #[test]
    fn outputs_are_read_as_text() {
        for (media_type, bytes, expected, why) in [
            ("text/plain", "a\x1b[31mb\x1b[0m", Some("ab"), "colours go"),
            ("text/plain; charset=utf-8", "a", Some("a"), "parameters do not matter"),
            ("text/html", "<td>a</td><td>1 &lt; 2</td>", Some(" a  1 < 2 "), "cells"),
            ("text/html", "<style>x{}</style>a<b>b</b><!-- c > d -->", Some("ab"), "what is shown"),
            ("text/html", "a < b <br/>c", Some("a < b \nc"), "no tag"),
            ("text/html", "&amp;lt;", Some("&lt;"), "entities are read once"),
            ("application/json", "{\"a\": 1}", Some("{\"a\": 1}"), "JSON as it stands"),
            ("image/png", "a", None, "no text"),
            ("application/vnd.recell.layout+json", "{}", None, "our own"),
        ] {
            let found = Form::of(media_type).and_then(|form| form.text(bytes, None));
            assert_eq!(found.as_deref(), expected, "{why}");
        }
    }

    #[test]
    fn values_are_found_in_json() {
        let json = r#"{"metrics": {"acc": 0.5, "name": "m"}, "scores": [1, [2, 3]], "a/b": 4}"#;
        for (path, expected) in [
            ("metrics.acc", Some("0.5")),
            ("$.metrics.acc", Some("0.5")),
            ("/metrics/acc", Some("0.5")),
            ("metrics.name", Some("m")),
            ("scores[1][0]", Some("2")),
            ("a/b", Some("4")),
            ("metrics.none", None),
        ] {
            let path = path.parse().unwrap();
            assert_eq!(Form::Json.text(json, Some(&path)).as_deref(), expected, "{path}");
        }
    }
}
