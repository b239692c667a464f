//! Writes flat typed columns as parquet, the same bytes for the same values.

use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::Int64Type;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};

use super::problem;
use crate::table::NotATable;

/// Who wrote the file, as its footer says; without a version, so that the bytes stay as they are.
pub(in crate::table) const CREATED_BY: &str = "recell";

/// A column to write: its name, and a value for every row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewColumn {
    /// Its name, which other columns may share.
    pub(crate) name: String,
    /// Its values.
    pub(crate) cells: Cells,
}

/// The values of a column to write, one a row; `None` is null.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cells {
    /// Truths.
    Bool(Vec<Option<bool>>),
    /// Whole numbers.
    Int(Vec<Option<i64>>),
    /// Numbers with a fraction; what is no number, and both infinities, come back bit by bit.
    Float(Vec<Option<f64>>),
    /// Texts.
    Text(Vec<Option<String>>),
    /// Bytes without a meaning.
    Bytes(Vec<Option<Vec<u8>>>),
    /// Points in time, in microseconds since 1970-01-01.
    Timestamp {
        /// Whether they are moments in UTC; else they are what some clock showed.
        utc: bool,
        /// The values.
        values: Vec<Option<i64>>,
    },
}

impl NewColumn {
    /// Returns the column of that name.
    pub(crate) fn new(name: impl Into<String>, cells: Cells) -> NewColumn {
        NewColumn { name: name.into(), cells }
    }
}

impl Cells {
    /// Returns how many rows it has.
    pub(crate) fn len(&self) -> usize {
        match self {
            Cells::Bool(values) => values.len(),
            Cells::Int(values) | Cells::Timestamp { values, .. } => values.len(),
            Cells::Float(values) => values.len(),
            Cells::Text(values) => values.len(),
            Cells::Bytes(values) => values.len(),
        }
    }

    fn kind(&self) -> (Physical, Option<LogicalType>) {
        match self {
            Cells::Bool(_) => (Physical::BOOLEAN, None),
            Cells::Int(_) => (Physical::INT64, None),
            Cells::Float(_) => (Physical::DOUBLE, None),
            Cells::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Cells::Bytes(_) => (Physical::BYTE_ARRAY, None),
            Cells::Timestamp { utc, .. } => {
                (Physical::INT64, Some(LogicalType::timestamp(*utc, TimeUnit::MICROS)))
            }
        }
    }
}

/// Returns the parquet file that holds `columns`, in their order.
///
/// Every column may hold nulls. Nothing is compressed, and the bytes depend on nothing but the
/// values: no time, no version, no machine. Without columns there are no rows.
///
/// # Errors
/// [`NotATable`] if the columns differ in length, or a value is 2 GiB or larger.
pub(crate) fn write_parquet(columns: &[NewColumn]) -> Result<Vec<u8>, NotATable> {
    if let Some(first) = columns.first() {
        let rows = first.cells.len();
        if let Some(other) = columns.iter().find(|it| it.cells.len() != rows) {
            let (a, b, found) = (&first.name, &other.name, other.cells.len());
            return Err(NotATable(format!("column `{a}` has {rows} rows, `{b}` has {found}")));
        }
    }
    if let Some(large) = columns.iter().find(|it| holds_too_large(&it.cells)) {
        return Err(NotATable(format!("a value of column `{}` is too large", large.name)));
    }
    write(columns).map_err(problem)
}

/// Whether one of the values is too large for the format, whose lengths are 31 bits.
fn holds_too_large(cells: &Cells) -> bool {
    const MOST: usize = i32::MAX as usize - 4096;
    match cells {
        Cells::Text(values) => values.iter().flatten().any(|it| it.len() > MOST),
        Cells::Bytes(values) => values.iter().flatten().any(|it| it.len() > MOST),
        _ => false,
    }
}

fn write(columns: &[NewColumn]) -> Result<Vec<u8>, ParquetError> {
    let properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::UNCOMPRESSED)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .build();
    let mut out = Vec::new();
    let mut file = SerializedFileWriter::new(&mut out, schema(columns)?, Arc::new(properties))?;
    if columns.iter().any(|column| column.cells.len() > 0) {
        let mut group = file.next_row_group()?;
        for column in columns {
            let mut writer = group.next_column()?.expect("the schema has all columns");
            write_cells(&mut writer, &column.cells)?;
            writer.close()?;
        }
        group.close()?;
    }
    file.close()?;
    Ok(out)
}

fn schema(columns: &[NewColumn]) -> Result<TypePtr, ParquetError> {
    let field = |column: &NewColumn| {
        let (physical, logical) = column.cells.kind();
        let field = Type::primitive_type_builder(&column.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()?;
        Ok(Arc::new(field))
    };
    let fields = columns.iter().map(field).collect::<Result<Vec<_>, ParquetError>>()?;
    Ok(Arc::new(Type::group_type_builder("schema").with_fields(fields).build()?))
}

fn write_cells(writer: &mut SerializedColumnWriter, cells: &Cells) -> Result<(), ParquetError> {
    match cells {
        Cells::Bool(values) => put::<BoolType, _>(writer, values, |it| *it),
        Cells::Int(values) | Cells::Timestamp { values, .. } => {
            put::<Int64Type, _>(writer, values, |it| *it)
        }
        Cells::Float(values) => put::<DoubleType, _>(writer, values, |it| *it),
        Cells::Text(values) => put::<ByteArrayType, _>(writer, values, |it| it.as_str().into()),
        Cells::Bytes(values) => {
            put::<ByteArrayType, _>(writer, values, |it| ByteArray::from(it.clone()))
        }
    }
}

fn put<T: DataType, V>(
    writer: &mut SerializedColumnWriter,
    cells: &[Option<V>],
    raw: impl Fn(&V) -> T::T,
) -> Result<(), ParquetError> {
    let levels: Vec<i16> = cells.iter().map(|it| i16::from(it.is_some())).collect();
    let values: Vec<T::T> = cells.iter().flatten().map(raw).collect();
    writer.typed::<T>().write_batch(&values, Some(&levels), None)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::table::{ParquetTable, TableLimits, Value, read_parquet};

    fn read(bytes: Vec<u8>) -> Vec<String> {
        let limits = TableLimits { cells: 1 << 20, bytes: 1 << 24 };
        match read_parquet(bytes, limits) {
            Ok(ParquetTable::Whole(table)) => {
                let shown = table.columns.iter().map(|column| {
                    let values: Vec<String> = column.values.iter().map(Value::to_string).collect();
                    format!("{}:{} {}", column.name, column.kind, values.join("|"))
                });
                shown.collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn every_kind() -> Vec<NewColumn> {
        let time = |utc, at: i64| Cells::Timestamp { utc, values: vec![Some(at), None] };
        vec![
            NewColumn::new("bool", Cells::Bool(vec![Some(true), None])),
            NewColumn::new("int", Cells::Int(vec![Some(i64::MIN), None])),
            NewColumn::new("float", Cells::Float(vec![Some(f64::NEG_INFINITY), None])),
            NewColumn::new("text", Cells::Text(vec![Some("Ünïcødé".to_owned()), None])),
            NewColumn::new("bytes", Cells::Bytes(vec![Some(vec![0, 255]), None])),
            NewColumn::new("us", time(true, 1)),
        ]
    }

    #[test]
    fn every_kind_comes_back_as_it_was() {
        insta::assert_snapshot!(read(write_parquet(&every_kind()).unwrap()).join("\n"));
    }

    #[test]
    fn the_same_values_make_the_same_bytes() {
        let bytes = write_parquet(&every_kind()).unwrap();
        assert_eq!(bytes, write_parquet(&every_kind()).unwrap());
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains(CREATED_BY) && !text.contains("parquet-rs"));
    }

    #[test]
    fn no_rows_no_columns_and_one_name_twice_are_tables() {
        let empty = [NewColumn::new("a", Cells::Int(vec![]))];
        assert_eq!(read(write_parquet(&empty).unwrap()), ["a:int64 "]);
        assert_eq!(read(write_parquet(&[]).unwrap()), Vec::<String>::new());
        let twice = [1, 2].map(|it| NewColumn::new("a", Cells::Int(vec![Some(it)])));
        assert_eq!(read(write_parquet(&twice).unwrap()), ["a:int64 1", "a:int64 2"]);
        let uneven = [
            NewColumn::new("a", Cells::Int(vec![Some(1)])),
            NewColumn::new("b", Cells::Bool(vec![])),
        ];
        let refused = write_parquet(&uneven).unwrap_err().to_string();
        assert_eq!(refused, "column `a` has 1 rows, `b` has 0");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn texts_and_numbers_come_back(
            texts in proptest::collection::vec(proptest::option::of(".{0,12}"), 0..400),
        ) {
            let numbers = texts.iter().map(|it| it.as_ref().map(|it| i64::try_from(it.len()).unwrap())).collect();
            let columns = [
                NewColumn::new("text", Cells::Text(texts.clone())),
                NewColumn::new("length", Cells::Int(numbers)),
            ];
            let limits = TableLimits { cells: 1 << 20, bytes: 1 << 24 };
            let Ok(ParquetTable::Whole(table)) =
                read_parquet(write_parquet(&columns).unwrap(), limits)
            else { panic!("not read") };
            for (row, text) in texts.iter().enumerate() {
                let expected = text.as_deref().map_or(Value::Null, Value::text);
                prop_assert_eq!(&table.columns[0].values[row], &expected);
                let length = text.as_ref().map(|it| it.len().to_string());
                prop_assert_eq!(
                    table.columns[1].values[row].to_string(),
                    length.unwrap_or("null".to_owned())
                );
            }
        }
    }
}
