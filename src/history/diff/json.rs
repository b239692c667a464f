//! Two JSON values compared by their structure.

use serde::Serialize;
use serde_json::Value;

use super::align::{Step, align};
use super::numbers::{self, NumberChange};

/// Bytes on one side up to which structures are compared.
pub(super) const MAX_BYTES: usize = 32 << 20;
/// Characters of a value that are told.
const SHOWN: usize = 200;

/// What differs between two JSON values.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct JsonDiff {
    /// How many values came.
    pub added: usize,
    /// How many values went.
    pub removed: usize,
    /// How many values became others.
    pub changed: usize,
    /// What happened, in the order of the document.
    pub changes: Vec<JsonChange>,
    /// Changes that were left out for their number.
    pub left_out: usize,
}

/// One value that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JsonChange {
    /// Where it is: `.data[0].name`; in the earlier value if it is gone.
    pub path: String,
    /// What it was, as compact JSON, cut where it is long; `None` if it came.
    pub before: Option<String>,
    /// What it is; `None` if it went.
    pub after: Option<String>,
    /// The change, where both are numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<NumberChange>,
}

/// Returns what differs; `None` if one of the texts is no JSON.
pub(super) fn diff(before: &[u8], after: &[u8], most: usize) -> Option<JsonDiff> {
    let before = serde_json::from_slice(before).ok()?;
    let after = serde_json::from_slice(after).ok()?;
    let mut diff = JsonDiff::default();
    Walk { most, diff: &mut diff }.values(&mut String::new(), &before, &after);
    Some(diff)
}

struct Walk<'a> {
    most: usize,
    diff: &'a mut JsonDiff,
}

impl Walk<'_> {
    fn values(&mut self, path: &mut String, before: &Value, after: &Value) {
        match (before, after) {
            (Value::Object(a), Value::Object(b)) => {
                for (name, value) in a {
                    let length = push_name(path, name);
                    match b.get(name) {
                        Some(other) => self.values(path, value, other),
                        None => self.note(path, Some(value), None),
                    }
                    path.truncate(length);
                }
                for (name, value) in b.iter().filter(|(name, _)| !a.contains_key(*name)) {
                    let length = push_name(path, name);
                    self.note(path, None, Some(value));
                    path.truncate(length);
                }
            }
            (Value::Array(a), Value::Array(b)) => self.arrays(path, a, b),
            _ if before == after => {}
            _ => self.note(path, Some(before), Some(after)),
        }
    }

    fn arrays(&mut self, path: &mut String, a: &[Value], b: &[Value]) {
        // As text, since numbers with fractions have no hash.
        let texts = |values: &[Value]| values.iter().map(Value::to_string).collect::<Vec<_>>();
        for step in align(&texts(a), &texts(b)) {
            let Step::Changed { before, after } = step else { continue };
            let paired = before.len().min(after.len());
            for (x, y) in before.clone().zip(after.clone()) {
                let length = push_index(path, y);
                self.values(path, &a[x], &b[y]);
                path.truncate(length);
            }
            for (x, value) in a.iter().enumerate().take(before.end).skip(before.start + paired) {
                let length = push_index(path, x);
                self.note(path, Some(value), None);
                path.truncate(length);
            }
            for (y, value) in b.iter().enumerate().take(after.end).skip(after.start + paired) {
                let length = push_index(path, y);
                self.note(path, None, Some(value));
                path.truncate(length);
            }
        }
    }

    fn note(&mut self, path: &str, before: Option<&Value>, after: Option<&Value>) {
        match (before, after) {
            (None, _) => self.diff.added += 1,
            (_, None) => self.diff.removed += 1,
            _ => self.diff.changed += 1,
        }
        if self.diff.changes.len() >= self.most {
            self.diff.left_out += 1;
            return;
        }
        let number = match (before, after) {
            (Some(Value::Number(a)), Some(Value::Number(b))) => {
                numbers::change(&a.to_string(), &b.to_string())
            }
            // Numbers that were written as texts.
            (Some(Value::String(a)), Some(Value::String(b))) => numbers::change(a, b),
            _ => None,
        };
        let path = if path.is_empty() { "." } else { path }.to_owned();
        let (before, after) = (before.map(shown), after.map(shown));
        self.diff.changes.push(JsonChange { path, before, after, number });
    }
}

/// Adds a name to a path, as jq writes it; returns the length of the path before.
fn push_name(path: &mut String, name: &str) -> usize {
    let length = path.len();
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty();
    path.push('.');
    let quoted = if plain { None } else { Some(Value::from(name).to_string()) };
    path.push_str(quoted.as_deref().unwrap_or(name));
    length
}

fn push_index(path: &mut String, index: usize) -> usize {
    let length = path.len();
    if path.is_empty() {
        path.push('.');
    }
    path.extend(["[", &index.to_string(), "]"]);
    length
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(before: &str, after: &str) -> String {
        let Some(diff) = diff(before.as_bytes(), after.as_bytes(), 100) else { return "?".into() };
        let said = |it: &Option<String>| it.clone().unwrap_or_default();
        let lines = diff.changes.iter().map(|it| {
            let number =
                it.number.as_ref().map_or(String::new(), |it| format!(" by {}", it.absolute));
            format!("{} {}→{}{number}", it.path, said(&it.before), said(&it.after))
        });
        lines.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn values_are_compared_by_their_path() {
        for (before, after, expected, why) in [
            (r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, "", "the order of names says nothing"),
            (r#"{"a":1}"#, r#"{"a":2.5}"#, ".a 1→2.5 by 1.5", "a number"),
            (r#"{"a":1}"#, r#"{"b":1}"#, ".a 1→; .b →1", "another name"),
            (r#"{"a":{"x y":"u"}}"#, r#"{"a":{"x y":"v"}}"#, r#".a."x y" "u"→"v""#, "an odd name"),
            ("[1,2,3,4]", "[1,3,4]", ".[1] 2→", "an item that went"),
            ("[1,2]", "[1,9,2]", ".[1] →9", "one that came"),
            (r#"[{"a":1},{"a":2}]"#, r#"[{"a":1},{"a":3}]"#, ".[1].a 2→3 by 1", "deep below"),
            (r#""0.5""#, r#""0.75""#, r#". "0.5"→"0.75" by 0.25"#, "a number as text"),
            ("null", "{}", ". null→{}", "another kind"),
            ("{", "{}", "?", "no JSON"),
            ("\u{feff}", "1", "?", "no JSON either"),
        ] {
            let found = changes(before, after);
            assert_eq!(found, expected, "{why}");
        }
    }

    #[test]
    fn deep_and_long_values_stay_within_bounds() {
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(diff(deep.as_bytes(), b"1", 10), None, "too deep to be read");
        let list = |n: usize| {
            format!("[{}]", (0..n).map(|i| (i * n).to_string()).collect::<Vec<_>>().join(","))
        };
        let found = diff(list(50_000).as_bytes(), list(50_001).as_bytes(), 10).unwrap();
        assert_eq!(found.changes.len(), 10);
        assert_eq!(found.added, 1);
        assert_eq!(found.left_out + 10, found.added + found.removed + found.changed);
    }
}
