//! `manifest.json`: all of a Buckaroo bundle that is not parquet, and how it lies in ours.
//!
//! It is taken apart at import and made again at export. Where that would give other bytes, whoever
//! imports keeps the original.

use serde_json::{Map, Value, json};

use super::python_json;
use crate::bundle::meta::Bounds;
use crate::bundle::schema::Schema;

/// The format of the bundles that are read and written.
const FORMAT: u64 = 1;
/// The fields of the display.
const DISPLAY_ARGS: &str = "df_display_args";
const COMMANDS: &str = "command_config";
/// The fields that are nowhere else in a bundle of ours: they are what the host wants back.
const META: &str = "df_meta";
const OPTIONS: &str = "buckaroo_options";
const STYLING: &str = "styling_klasses";
const VERSION: &str = "cache_format_version";

/// A manifest, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Manifest {
    pub(super) config_id: String,
    /// What the host calls the data, if it said so.
    pub(super) data_id: Option<String>,
    pub(super) bounds: Bounds,
    pub(super) schema: Schema,
    /// An object of what the viewer renders with and of its commands.
    pub(super) display: Value,
    /// All other fields.
    pub(super) host: Map<String, Value>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn read(bytes: &[u8]) -> Result<Manifest, String> {
        let Value::Object(mut fields) = python_json::read(bytes)? else {
            return Err("it is no JSON object".into());
        };
        let version = fields.get(VERSION).unwrap_or(&Value::Null);
        if !version.is_null() && version.as_u64() != Some(FORMAT) {
            return Err(format!("`{VERSION}` is {version}, and only {FORMAT} is read"));
        }
        let mut take = |name: &str| {
            fields.shift_remove(name).ok_or_else(|| format!("it has no field `{name}`"))
        };
        let Value::String(config_id) = take("config_id")? else {
            return Err("`config_id` is no text".into());
        };
        let data_id = match take("data_id")? {
            Value::Null => None,
            Value::String(data_id) => Some(data_id),
            _ => return Err("`data_id` is no text".into()),
        };
        let bounds: Bounds = serde_json::from_value(take("first_window")?)
            .map_err(|error| format!("`first_window`: {error}"))?;
        bounds.check().map_err(|reason| format!("`first_window`: {reason}"))?;
        let schema = Schema::from_json(take("column_schema")?)
            .map_err(|reason| format!("`column_schema`: {reason}"))?;
        let mut display = Map::new();
        for name in [DISPLAY_ARGS, COMMANDS] {
            display.insert(name.into(), take(name)?);
        }
        for name in [META, OPTIONS] {
            if !fields.get(name).is_some_and(Value::is_object) {
                return Err(format!("`{name}` is no object"));
            }
        }
        let display = Value::Object(display);
        Ok(Manifest { config_id, data_id, bounds, schema, display, host: fields })
    }

    /// Returns the manifest's bytes, as Buckaroo writes them. It has just the fields that Buckaroo
    /// knows, as it takes no others; what it needs and the bundle does not say is what Buckaroo has
    /// for a table that nothing was done to.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let (display_args, commands) = match &self.display {
            Value::Object(fields) if fields.contains_key(DISPLAY_ARGS) => {
                (fields[DISPLAY_ARGS].clone(), fields.get(COMMANDS).cloned())
            }
            other => (other.clone(), None),
        };
        let host = |name: &str, or: Value| self.host.get(name).cloned().unwrap_or(or);
        let Bounds { start, end, total_rows } = self.bounds;
        let meta = json!({
            "columns": self.schema.columns().len(),
            "filtered_rows": total_rows,
            "rows_shown": end - start,
            "total_rows": total_rows,
        });
        let manifest = json!({
            "config_id": self.config_id,
            "data_id": self.data_id,
            META: host(META, meta),
            "column_schema": self.schema.to_json(),
            "first_window": { "start": start, "end": end, "total_rows": total_rows },
            DISPLAY_ARGS: display_args,
            OPTIONS: host(OPTIONS, json!({})),
            COMMANDS: commands.unwrap_or_else(|| json!({})),
            STYLING: host(STYLING, json!([])),
            VERSION: host(VERSION, json!(FORMAT)),
        });
        python_json::write(&manifest).into_bytes()
    }

    /// Returns the manifest as it is after it was stored as that of `data_id`: `serde_json` reads some
    /// fractions one bit beside what was written.
    pub(super) fn as_stored(&self, data_id: &str) -> Manifest {
        let again = |value: &Value| -> Value {
            serde_json::from_str(&value.to_string()).expect("what was written is JSON")
        };
        Manifest {
            schema: Schema::from_json(again(&self.schema.to_json()))
                .expect("a schema stays a schema"),
            display: again(&self.display),
            host: match again(&Value::Object(self.host.clone())) {
                Value::Object(host) => host,
                _ => unreachable!("an object stays one"),
            },
            data_id: Some(data_id.to_owned()),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = r#"{"config_id": "c", "data_id": "d", "df_meta": {"columns": 1, "filtered_rows": 9, "rows_shown": -1, "total_rows": 9}, "column_schema": {"columns": [["a", "\u00e9"]], "columns_multiindex": true, "columns_names": [null, "x"], "dtypes": ["int64"]}, "first_window": {"start": 0, "end": 5, "total_rows": 9}, "df_display_args": {"main": {"t": 1e-05}}, "buckaroo_options": {"sampled": ["random"]}, "command_config": {"argspecs": {}}, "styling_klasses": ["m.C"], "cache_format_version": 1}"#;

    #[test]
    fn what_python_wrote_is_made_again_to_the_byte() {
        let manifest = Manifest::read(PLAIN.as_bytes()).unwrap();
        assert_eq!(manifest.data_id.as_deref(), Some("d"));
        assert_eq!(manifest.bounds, Bounds { start: 0, end: 5, total_rows: 9 });
        assert_eq!(manifest.display["df_display_args"]["main"]["t"], 1e-5);
        let again = String::from_utf8(manifest.as_stored("d").to_bytes()).unwrap();
        assert_eq!(again, PLAIN);
    }

    #[test]
    fn what_another_wrote_is_seen_to_differ() {
        for (from, to) in [
            (": ", ":"),
            ("1e-05", "0.00001"),
            ("1e-05", "NaN"),
            ("1e-05", "1180591620717411303424"),
            ("\\u00e9", "é"),
            ("\"d\"", "null"),
            ("\"styling_klasses\": [\"m.C\"], ", ""),
            ("\"styling_klasses\"", "\"more\": 1, \"styling_klasses\""),
            ("\"start\": 0, \"end\": 5", "\"end\": 5, \"start\": 0"),
        ] {
            let text = PLAIN.replace(from, to);
            let manifest = Manifest::read(text.as_bytes()).unwrap();
            let again = String::from_utf8(manifest.as_stored("d").to_bytes()).unwrap();
            assert_ne!(again, text, "{to}");
        }
    }

    #[test]
    fn what_is_no_manifest_is_named() {
        for (from, to, why) in [
            (PLAIN, "", "EOF"),
            (PLAIN, "[]", "no JSON object"),
            ("\"config_id\": \"c\", ", "", "no field `config_id`"),
            ("\"config_id\": \"c\"", "\"config_id\": 7", "`config_id` is no text"),
            ("\"data_id\": \"d\"", "\"data_id\": 7", "`data_id` is no text"),
            ("\"end\": 5", "\"end\": 10", "`first_window`: rows 0 to 10 of 9"),
            ("\"end\": 5", "\"end\": -5", "`first_window`: invalid value"),
            ("\"dtypes\": [\"int64\"]", "\"dtypes\": []", "`column_schema`: it has 1 columns"),
            ("\"df_display_args\"", "\"args\"", "no field `df_display_args`"),
            ("\"cache_format_version\": 1", "\"cache_format_version\": 2", "is 2, and only 1"),
            (
                "\"buckaroo_options\": {\"sampled\": [\"random\"]}",
                "\"buckaroo_options\": 1",
                "no object",
            ),
        ] {
            let found = Manifest::read(PLAIN.replace(from, to).as_bytes()).unwrap_err();
            assert!(found.contains(why), "{found}");
        }
    }
}
