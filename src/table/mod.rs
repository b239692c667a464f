//! Tables as typed columns in memory, and how they are read from parquet.

mod parquet;
mod window;

use std::fmt;

pub(crate) use parquet::{Cells, NewColumn, write_parquet};
pub(crate) use parquet::{Nested, NestedTable, read_nested};
pub(crate) use parquet::{ParquetTable, read_parquet, read_parquet_columns};

pub(crate) use window::Window;

/// One value of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number above those of [`Value::Int`].
    UInt(u64),
    /// A number with a fraction; it may be no number at all.
    Float(f64),
    /// Text, or anything else in its usual spelling.
    Text(Box<str>),
}

impl Value {
    /// Returns the text as a value.
    pub(crate) fn text(text: impl Into<Box<str>>) -> Value {
        Value::Text(text.into())
    }

    /// Whether two values are the same to a reader: no number equals no number, and `1` equals
    /// `1.0`.
    pub(crate) fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Float(a), Value::Float(b)) => same_float(*a, *b),
            (Value::Float(float), Value::Int(int)) | (Value::Int(int), Value::Float(float)) => {
                exactly(*int) == Some(*float)
            }
            (a, b) => a == b,
        }
    }

    /// Adds bytes to `key` that are the same for values that are the same.
    pub(crate) fn key_into(&self, key: &mut Vec<u8>) {
        match self {
            Value::Null => key.push(0),
            Value::Bool(value) => key.extend([1, u8::from(*value)]),
            Value::Int(value) => {
                key.push(2);
                key.extend(value.to_le_bytes());
            }
            Value::UInt(value) => {
                key.push(3);
                key.extend(value.to_le_bytes());
            }
            Value::Float(value) => {
                if let Some(int) = whole(*value) {
                    return Value::Int(int).key_into(key);
                }
                key.push(4);
                // All that is no number is one value.
                let bits = if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
                key.extend(bits.to_le_bytes());
            }
            Value::Text(text) => {
                key.push(5);
                key.extend((text.len() as u64).to_le_bytes());
                key.extend(text.as_bytes());
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => value.fmt(f),
            Value::Int(value) => value.fmt(f),
            Value::UInt(value) => value.fmt(f),
            // The shortest text that reads back as the same number; a fraction shows that it is one.
            Value::Float(value) => write!(f, "{value:?}"),
            Value::Text(text) => f.write_str(text),
        }
    }
}

#[expect(clippy::float_cmp, reason = "the very same number is meant")]
fn same_float(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

/// Returns the number as a float, if that is exact.
#[expect(clippy::cast_precision_loss, reason = "the bound makes it exact")]
fn exactly(int: i64) -> Option<f64> {
    (int.unsigned_abs() <= 1 << 53).then_some(int as f64)
}

/// Returns the whole number that a float is, if it is one.
#[expect(clippy::cast_possible_truncation, reason = "the bound makes it exact")]
fn whole(float: f64) -> Option<i64> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    (float.fract() == 0.0 && float.abs() <= MOST).then_some(float as i64)
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    /// Its name, which other columns may share.
    pub(crate) name: String,
    /// What its values are, in a word: `int64`, `text`, `timestamp[us]`.
    pub(crate) kind: String,
    /// Its values, one a row.
    pub(crate) values: Vec<Value>,
}

/// A table whose values are all in memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Table {
    /// The columns, each with a value for every row.
    pub(crate) columns: Vec<Column>,
    /// Which of the columns name the rows, as the table itself says.
    pub(crate) index: Vec<usize>,
    /// How many rows it has.
    pub(crate) rows: usize,
}

/// What a table is, without its values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How many rows it has.
    pub(crate) rows: u64,
    /// The name and kind of each column.
    pub(crate) columns: Vec<(String, String)>,
}

/// Up to which size tables are read whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TableLimits {
    /// Values, in all columns together.
    pub(crate) cells: u64,
    /// Bytes of texts in memory, and of column data that is unpacked.
    pub(crate) bytes: u64,
}

/// Why bytes are not a table that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotATable(pub(crate) String);

impl Table {
    /// Returns what the table is, without its values.
    pub(crate) fn shape(&self) -> Shape {
        let columns = self.columns.iter().map(|it| (it.name.clone(), it.kind.clone()));
        Shape { rows: self.rows as u64, columns: columns.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_same_as_a_reader_sees_them() {
        for (a, b, same, why) in [
            (Value::Float(f64::NAN), Value::Float(-f64::NAN), true, "no number is no number"),
            (Value::Int(1), Value::Float(1.0), true, "a column became one of fractions"),
            (Value::Float(0.0), Value::Float(-0.0), true, "zero"),
            (Value::Int(i64::MAX), Value::Float(9.223_372_036_854_776e18), false, "rounded"),
            (Value::Null, Value::text(""), false, "nothing is no empty text"),
            (Value::text("1"), Value::Int(1), false, "a text is no number"),
            (Value::Bool(true), Value::Int(1), false, "nor is a truth"),
        ] {
            assert_eq!(a.same(&b), same, "{why}");
            let key = |value: &Value| {
                let mut key = Vec::new();
                value.key_into(&mut key);
                key
            };
            assert_eq!(key(&a) == key(&b), same, "{why}");
        }
    }
}
