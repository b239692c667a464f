//! Reads parquet row by row with lists and structs as they are, for small tables.

use std::panic::{self, AssertUnwindSafe};

use bytes::Bytes;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

use super::{check_footer, is_inside, problem};
use crate::table::{NotATable, TableLimits};

/// The metadata key under which Arrow keeps its own schema.
const ARROW_SCHEMA: &str = "ARROW:schema";

/// One value, with others inside perhaps. Times are the bare numbers that stand in the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Nested {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number, or a time, date or length of time as one.
    Int(i64),
    /// A whole number without a sign.
    UInt(u64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Nested>),
    /// A struct: its fields, in order.
    Struct(Vec<(String, Nested)>),
    /// Something that nobody needed so far.
    Other(String),
}

/// A small table, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NestedTable {
    /// The names of its columns, each there once.
    pub(crate) columns: Vec<String>,
    /// Its rows, with a value for each column.
    pub(crate) rows: Vec<Vec<Nested>>,
    /// Arrow's own schema as the file has it, in base64.
    pub(crate) arrow_schema: Option<String>,
}

/// Returns the rows of a parquet file, lists and structs as they are.
///
/// # Errors
/// [`NotATable`] if the bytes are cut, no parquet, larger than `limits`, or two columns share a
/// name.
pub(crate) fn read_nested(bytes: Vec<u8>, limits: TableLimits) -> Result<NestedTable, NotATable> {
    // The library asserts some of what a file says of itself. Nothing outlives the call.
    let read = panic::catch_unwind(AssertUnwindSafe(|| read(bytes, limits)));
    read.unwrap_or_else(|_| Err(NotATable("it contradicts itself".into())))
}

fn read(bytes: Vec<u8>, limits: TableLimits) -> Result<NestedTable, NotATable> {
    let size = bytes.len() as u64;
    check_footer(&bytes)?;
    let reader = SerializedFileReader::new(Bytes::from(bytes)).map_err(problem)?;
    let metadata = reader.metadata();
    let groups = metadata.row_groups();
    let chunks = || groups.iter().flat_map(RowGroupMetaData::columns);
    if !chunks().all(|it| is_inside(it, size)) {
        return Err(NotATable("a column lies outside the file".into()));
    }
    let sum = |numbers: &mut dyn Iterator<Item = i64>| {
        numbers.map(|it| u64::try_from(it).unwrap_or(0)).fold(0, u64::saturating_add)
    };
    let cells = sum(&mut chunks().map(parquet::file::metadata::ColumnChunkMetaData::num_values));
    if cells > limits.cells
        || sum(&mut groups.iter().map(RowGroupMetaData::total_byte_size)) > limits.bytes
    {
        return Err(NotATable("it is too large".into()));
    }
    let fields = metadata.file_metadata().schema_descr().root_schema().get_fields();
    let columns: Vec<String> = fields.iter().map(|it| it.name().to_owned()).collect();
    let unique: std::collections::HashSet<&String> = columns.iter().collect();
    if unique.len() != columns.len() {
        return Err(NotATable("two columns share a name".into()));
    }
    let pairs = metadata.file_metadata().key_value_metadata();
    let arrow_schema = pairs
        .and_then(|pairs| pairs.iter().find(|pair| pair.key == ARROW_SCHEMA))
        .and_then(|pair| pair.value.clone());
    let mut rows = Vec::new();
    for row in reader.get_row_iter(None).map_err(problem)? {
        rows.push(cells_of(&row.map_err(problem)?));
    }
    Ok(NestedTable { columns, rows, arrow_schema })
}

fn cells_of(row: &Row) -> Vec<Nested> {
    row.get_column_iter().map(|(_, field)| nested(field)).collect()
}

fn nested(field: &Field) -> Nested {
    match field {
        Field::Null => Nested::Null,
        Field::Bool(value) => Nested::Bool(*value),
        Field::Byte(value) => Nested::Int(i64::from(*value)),
        Field::Short(value) => Nested::Int(i64::from(*value)),
        Field::Int(value) | Field::Date(value) | Field::TimeMillis(value) => {
            Nested::Int(i64::from(*value))
        }
        Field::Long(value)
        | Field::TimeMicros(value)
        | Field::TimestampMillis(value)
        | Field::TimestampMicros(value) => Nested::Int(*value),
        Field::UByte(value) => Nested::UInt(u64::from(*value)),
        Field::UShort(value) => Nested::UInt(u64::from(*value)),
        Field::UInt(value) => Nested::UInt(u64::from(*value)),
        Field::ULong(value) => Nested::UInt(*value),
        Field::Float16(value) => Nested::Float(f64::from(*value)),
        Field::Float(value) => Nested::Float(f64::from(*value)),
        Field::Double(value) => Nested::Float(*value),
        Field::Str(text) => Nested::Text(text.clone()),
        Field::Bytes(bytes) => Nested::Bytes(bytes.data().to_vec()),
        Field::ListInternal(list) => Nested::List(list.elements().iter().map(nested).collect()),
        Field::Group(row) => Nested::Struct(
            row.get_column_iter().map(|(name, field)| (name.clone(), nested(field))).collect(),
        ),
        other @ (Field::Decimal(_) | Field::MapInternal(_)) => Nested::Other(format!("{other:?}")),
    }
}
