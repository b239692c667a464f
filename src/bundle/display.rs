//! What a viewer renders with, and what is laid over it when it is read.

use serde_json::{Map, Value};

/// What is laid over a stored display when it is read: themes, pinned rows, settings of columns.
/// It is in no key, so that whoever changes it never misses.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DisplayOverrides {
    /// Laid over the whole display.
    pub patch: Option<Value>,
    /// Laid over every object of the display whose `col_name` or `header_name` is the key: how a
    /// column is shown, wherever it is.
    pub columns: Map<String, Value>,
}

impl DisplayOverrides {
    /// Whether there is nothing to lay over anything.
    pub fn is_empty(&self) -> bool {
        self.patch.is_none() && self.columns.is_empty()
    }

    /// Reads overrides: an object of which `columns` may be one, and `display` the rest.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn from_json(value: Value) -> Result<DisplayOverrides, String> {
        let Value::Object(fields) = value else {
            return Err("overrides are a JSON object with `display` and `columns`".into());
        };
        let mut overrides = DisplayOverrides::default();
        for (name, value) in fields {
            match (name.as_str(), value) {
                ("display", patch) => overrides.patch = Some(patch),
                ("columns", Value::Object(columns)) => overrides.columns = columns,
                ("columns", _) => return Err("`columns` is not an object".into()),
                (other, _) => {
                    return Err(format!("`{other}` is no kind of override: display, columns"));
                }
            }
        }
        Ok(overrides)
    }

    /// Lays the overrides over a display.
    pub fn apply(&self, display: &mut Value) {
        if !self.columns.is_empty() {
            self.apply_to_columns(display);
        }
        if let Some(patch) = &self.patch {
            merge(display, patch);
        }
    }

    fn apply_to_columns(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|it| self.apply_to_columns(it)),
            Value::Object(fields) => {
                let name = ["col_name", "header_name"].iter().find_map(|key| {
                    fields.get(*key)?.as_str().filter(|name| self.columns.contains_key(*name))
                });
                match name.and_then(|name| self.columns.get(name)) {
                    Some(patch) => merge(value, patch),
                    None => fields.values_mut().for_each(|it| self.apply_to_columns(it)),
                }
            }
            _ => {}
        }
    }
}

/// JSON Merge Patch (RFC 7396): objects are merged, null removes, everything else replaces.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            fields.shift_remove(key);
        } else {
            merge(fields.entry(key).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patches_follow_the_examples_of_the_rfc() {
        for (target, patch, expected) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut found = target.clone();
            merge(&mut found, &patch);
            assert_eq!(found, expected, "{target} + {patch}");
        }
    }

    #[test]
    fn a_column_is_found_by_either_name_wherever_it_is() {
        let mut display = json!({
            "main": {"column_config": [
                {"col_name": "a", "header_name": "year", "displayer_args": {"displayer": "float"}},
                {"col_name": "b", "header_name": "month"}
            ]},
            "summary": [{"col_name": "a"}]
        });
        let overrides = DisplayOverrides::from_json(json!({
            "columns": {
                "year": {"displayer_args": {"max_fraction_digits": 0}},
                "a": {"hidden": true},
                "b": {"header_name": "MONTH"}
            },
            "display": {"theme": "dark"}
        }))
        .unwrap();
        overrides.apply(&mut display);
        assert_eq!(
            display,
            json!({
                "main": {"column_config": [
                    {"col_name": "a", "header_name": "year", "displayer_args": {"displayer": "float"}, "hidden": true},
                    {"col_name": "b", "header_name": "MONTH"}
                ]},
                "summary": [{"col_name": "a", "hidden": true}],
                "theme": "dark"
            })
        );
    }

    #[test]
    fn what_is_no_override_is_named() {
        for (value, why) in [
            (json!([]), "object"),
            (json!({"theme": 1}), "`theme` is no kind"),
            (json!({"columns": []}), "`columns` is not"),
        ] {
            assert!(DisplayOverrides::from_json(value).unwrap_err().contains(why));
        }
    }
}
