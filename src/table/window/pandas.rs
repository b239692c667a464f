//! The range that pandas keeps as an index without a column, told of a slice.

use serde_json::Value;

/// What pandas says of its columns, with the ends of the range left open.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ranged {
    /// The text around the numbers: before the first, between them, after the last.
    texts: Vec<String>,
    /// The numbers between them.
    bounds: Vec<Bound>,
}

/// A number of a range, which depends on the rows: `first + row * step`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bound {
    first: i64,
    step: i64,
    /// Whether `row` is the one after the last, and not the first.
    is_stop: bool,
}

/// Stands in a text where a number goes; no JSON text holds it as it is.
const MARK: char = '\u{1}';

/// Returns the description `text` with its ranges open; none if no range is in it, or if it is not
/// as pandas writes it.
pub(super) fn ranged(text: &str) -> Option<Ranged> {
    let mut json: Value = serde_json::from_str(text).ok()?;
    let mut bounds = Vec::new();
    for index in json.get_mut("index_columns")?.as_array_mut()? {
        if index["kind"] != "range" {
            continue;
        }
        let number = |name: &str| index[name].as_i64();
        let (first, step) = (number("start")?, number("step")?);
        number("stop")?;
        let index = index.as_object_mut()?;
        // In the order in which they are spelled.
        for (name, value) in index.iter_mut() {
            if name == "start" || name == "stop" {
                bounds.push(Bound { first, step, is_stop: name == "stop" });
                *value = Value::String(MARK.to_string());
            }
        }
    }
    // A control character is spelled `\u0001`, which a text of the user's could be too.
    let spelled = json.to_string();
    let texts: Vec<String> = spelled.split("\"\\u0001\"").map(str::to_owned).collect();
    (!bounds.is_empty() && texts.len() == bounds.len() + 1).then_some(Ranged { texts, bounds })
}

impl Ranged {
    /// Returns the description of the rows from `start` to `end`; none if a number is too large.
    pub(super) fn of(&self, start: u64, end: u64) -> Option<String> {
        let mut out = self.texts[0].clone();
        for (bound, text) in self.bounds.iter().zip(&self.texts[1..]) {
            let row = i64::try_from(if bound.is_stop { end } else { start }).ok()?;
            let number = bound.first.checked_add(row.checked_mul(bound.step)?)?;
            out.push_str(&number.to_string());
            out.push_str(text);
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_tells_the_rows_that_are_there() {
        let text = r#"{"index_columns": [{"kind": "range", "name": null, "start": 10, "stop": 40,
            "step": 2}], "columns": [{"name": "stop"}]}"#;
        let of = |start, end| ranged(text).unwrap().of(start, end).unwrap();
        let index = |text: &str| -> Value { serde_json::from_str::<Value>(text).unwrap() };
        let found = index(&of(3, 5));
        assert_eq!(found["index_columns"][0]["start"], 16);
        assert_eq!(found["index_columns"][0]["stop"], 20);
        assert_eq!(found["index_columns"][0]["step"], 2);
        assert_eq!(found["columns"][0]["name"], "stop", "a column may be called so");
        assert_eq!(index(&of(0, 15)), index(text), "the whole is as it was");
    }

    #[test]
    fn what_has_no_range_is_left_alone() {
        for (text, why) in [
            (r#"{"index_columns": ["index"]}"#, "the index is a column"),
            (r#"{"index_columns": [{"kind": "range", "start": 0}]}"#, "no end"),
            (r#"{"index_columns": 1}"#, "nothing pandas writes"),
            ("{", "no JSON"),
            (
                r#"{"index_columns": [{"kind": "range", "start": 0, "stop": 1, "step": 1}], "x": "\u0001"}"#,
                "a text that stands for a number",
            ),
        ] {
            assert_eq!(ranged(text), None, "{why}");
        }
        let text =
            r#"{"index_columns":[{"kind":"range","start":1,"stop":2,"step":9223372036854775807}]}"#;
        assert_eq!(ranged(text).unwrap().of(0, 2), None, "a number too large");
    }
}
