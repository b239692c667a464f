//! Stats as JSON that any program reads without knowing the canonical text (docs/json.md).

use serde_json::{Map, Value, json};

use super::model::{ColumnStats, StatValue, Stats};
use super::text::encode_value;

/// The key of what is no plain JSON in the canonical text.
const TAG: &str = "$";

/// Returns stats as a list of columns, each with `position`, `short`, `name` and `stats` by name.
/// Values that JSON does not have are objects, as in the canonical text (format.md, section 17).
pub fn document(stats: &Stats) -> Value {
    let column = |(position, column): (usize, &ColumnStats)| {
        let pairs = column.stats.iter();
        let stats: Map<String, Value> =
            pairs.map(|(name, value)| (name.shown().into_owned(), value_document(value))).collect();
        json!({
            "position": position,
            "short": column.short,
            "name": value_document(&column.name),
            "stats": stats,
        })
    };
    stats.columns.iter().enumerate().map(column).collect()
}

/// Returns a value as JSON: as it stands in the canonical text (format.md, section 17).
pub fn value_document(value: &StatValue) -> Value {
    match value {
        // JSON readers have no such numbers.
        StatValue::BigInt(digits) => json!({ TAG: "int", "v": &**digits }),
        // Read back from text, the last digit could be another.
        StatValue::Float(number) if number.0.is_finite() => number.0.into(),
        StatValue::List(values) => values.iter().map(value_document).collect(),
        StatValue::Dict(pairs)
            if pairs.iter().all(|(key, _)| key.as_str().is_some_and(|it| it != TAG)) =>
        {
            pairs
                .iter()
                .map(|(key, value)| (key.shown().into_owned(), value_document(value)))
                .collect()
        }
        value => {
            let text = encode_value(value);
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::StatMap;

    #[test]
    fn every_value_becomes_json_that_says_what_it_is() {
        let mut values = StatMap::new();
        values.insert("min", StatValue::float(0.5));
        values.insert("max", StatValue::float(f64::INFINITY));
        values.insert("sum", StatValue::integer("123456789012345678901234567890").unwrap());
        values.insert("mode", StatValue::List(vec![StatValue::Int(1), StatValue::NA]));
        let name = StatValue::Tuple(vec![StatValue::text("a"), StatValue::Int(1)]);
        let column = ColumnStats { short: "a".into(), name, stats: values };
        let found = document(&Stats { columns: vec![column] });
        let stats = &found[0]["stats"];
        assert_eq!(stats["min"], json!(0.5));
        assert_eq!(stats["sum"], json!({"$": "int", "v": "123456789012345678901234567890"}));
        assert_eq!(stats["mode"][0], json!(1));
        for tagged in [&stats["max"], &stats["mode"][1], &found[0]["name"]] {
            assert!(tagged.get("$").is_some(), "{tagged}");
        }
        assert_eq!((&found[0]["position"], &found[0]["short"]), (&json!(0), &json!("a")));
    }

    #[test]
    fn json_loses_no_digit_of_large_numbers() {
        assert_eq!(
            value_document(&StatValue::float(12.803_227_592_429_307)).to_string(),
            "12.803227592429307"
        );
        let big = StatValue::integer("1180591620717411303424").unwrap();
        let found = value_document(&StatValue::List(vec![big, StatValue::float(f64::NAN)]));
        assert_eq!(
            found,
            json!([{ "$": "int", "v": "1180591620717411303424" }, { "$": "float", "v": "nan" }])
        );
    }
}
