//! What the columns of the data are, as the host says.

use serde_json::{Map, Value};

use super::canonical::canonical;

/// The columns of the data: names, which may be any JSON and need not be unique, and types, in the
/// host's words; and whatever else the host says of them, such as the names of an index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schema {
    fields: Map<String, Value>,
}

impl Schema {
    /// Returns a schema of these columns.
    pub fn new(columns: &[(Value, &str)]) -> Schema {
        let names: Vec<Value> = columns.iter().map(|(name, _)| name.clone()).collect();
        let types: Vec<Value> = columns.iter().map(|(_, kind)| Value::from(*kind)).collect();
        let mut fields = Map::new();
        fields.insert("columns".into(), names.into());
        fields.insert("dtypes".into(), types.into());
        Schema { fields }
    }

    /// Reads a schema: an object with `columns` and `dtypes`, two lists of one length.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn from_json(value: Value) -> Result<Schema, String> {
        let Value::Object(fields) = value else {
            return Err("a schema is a JSON object".into());
        };
        let schema = Schema { fields };
        let list = |name: &str| {
            let found = schema.fields.get(name).and_then(Value::as_array);
            found.ok_or_else(|| format!("a schema has a list `{name}`"))
        };
        let (columns, types) = (list("columns")?.len(), list("dtypes")?.len());
        if columns != types {
            return Err(format!("it has {columns} columns and {types} types"));
        }
        Ok(schema)
    }

    /// Returns the schema as JSON.
    pub fn to_json(&self) -> Value {
        Value::Object(self.fields.clone())
    }

    /// Returns the names of the columns, in order.
    pub fn columns(&self) -> &[Value] {
        self.list("columns")
    }

    /// Returns the types of the columns, in order.
    pub fn types(&self) -> &[Value] {
        self.list("dtypes")
    }

    fn list(&self, name: &str) -> &[Value] {
        self.fields.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Returns how `live` differs from this one in its columns; `None` if it does not.
    pub(super) fn difference(&self, live: &Schema) -> Option<String> {
        let (stored, now) = (self.columns(), live.columns());
        if stored.len() != now.len() {
            return Some(format!(
                "{} columns are stored, and there are {}",
                stored.len(),
                now.len()
            ));
        }
        for (number, (one, two)) in stored.iter().zip(now).enumerate() {
            if canonical(one) != canonical(two) {
                return Some(format!("column {number} is stored as {one}, and is {two}"));
            }
        }
        let mut types = self.types().iter().zip(live.types()).zip(now);
        types
            .find(|((one, two), _)| canonical(one) != canonical(two))
            .map(|((one, two), name)| format!("column {name} is stored as {one}, and is {two}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_may_be_called_anything() {
        let names = [json!("a"), json!("a"), json!(7), json!(["x", 1]), json!(null)];
        let columns: Vec<(Value, &str)> = names.iter().map(|it| (it.clone(), "int64")).collect();
        let schema = Schema::new(&columns);
        assert_eq!(Schema::from_json(schema.to_json()).as_ref(), Ok(&schema));
        assert_eq!(schema.columns(), names);
        assert_eq!(schema.difference(&schema), None);
    }

    #[test]
    fn a_difference_is_named() {
        let stored = Schema::new(&[(json!("a"), "int64"), (json!(1), "float64")]);
        for (live, why) in [
            (vec![(json!("a"), "int64")], "2 columns are stored, and there are 1"),
            (vec![(json!("b"), "int64"), (json!(1), "float64")], "column 0 is stored as \"a\""),
            (vec![(json!("a"), "int64"), (json!("1"), "float64")], "column 1 is stored as 1"),
            (vec![(json!("a"), "int64"), (json!(1), "object")], "and is \"object\""),
        ] {
            let found = stored.difference(&Schema::new(&live)).unwrap();
            assert!(found.contains(why), "{found}");
        }
    }

    #[test]
    fn what_is_no_schema_is_named() {
        for (value, why) in [
            (json!([]), "object"),
            (json!({"columns": []}), "`dtypes`"),
            (json!({"columns": ["a"], "dtypes": []}), "1 columns and 0 types"),
        ] {
            let found = Schema::from_json(value).unwrap_err();
            assert!(found.contains(why), "{found}");
        }
    }
}
