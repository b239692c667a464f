//! One spelling for each JSON value, so that equal values have equal digests.

use serde_json::Value;

use crate::digest::Digest;

/// Returns the value as JSON without spaces, keys of objects sorted by their bytes.
pub(super) fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|a, b| a.0.cmp(b.0));
            out.push('{');
            for (number, (key, item)) in fields.into_iter().enumerate() {
                if number > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

/// Returns 32 hex digits that stand for the value; `domain` tells digests of different things and
/// of different versions apart.
pub(super) fn digest(domain: &str, value: &Value) -> String {
    let text = format!("{domain}\n{}", canonical(value));
    Digest::of_here(text.as_bytes()).short(32)
}

/// Whether the value says nothing: null, an empty text, list or object.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_values_have_one_spelling() {
        let one: Value =
            serde_json::from_str(r#"{"b": [1, 1.50], "a": {"y":"ä","x":null}}"#).unwrap();
        let two: Value =
            serde_json::from_str(r#"{"a":{"x":null,"y":"\u00e4"},"b":[1,15e-1]}"#).unwrap();
        assert_eq!(canonical(&one), r#"{"a":{"x":null,"y":"ä"},"b":[1,1.5]}"#);
        assert_eq!(digest("d", &one), digest("d", &two));
    }

    #[test]
    fn what_differs_has_another_digest() {
        let all = [json!(1), json!(1.0), json!("1"), json!([1]), json!(null), json!([]), json!({})];
        for (at, one) in all.iter().enumerate() {
            for two in &all[at + 1..] {
                assert_ne!(digest("d", one), digest("d", two), "{one} {two}");
            }
            assert_ne!(digest("d", one), digest("e", one), "the domain counts");
        }
    }
}
