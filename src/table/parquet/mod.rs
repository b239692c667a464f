//! Reads parquet, column by column, within stated limits.

mod nested;
mod pandas;
mod values;
mod write;

use std::panic::{self, AssertUnwindSafe};

use bytes::Bytes;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use self::pandas::pandas;
use self::values::{Meaning, binary, int96, integer, kind_of, meaning_of, wide};
use super::window::check_footer;
use super::{Column, NotATable, Shape, Table, TableLimits, Value};

pub(crate) use self::nested::{Nested, NestedTable, read_nested};
pub(super) use self::write::CREATED_BY;
pub(crate) use self::write::{Cells, NewColumn, write_parquet};

/// How many rows are decoded at once.
const BATCH: usize = 4096;
/// A parquet file as far as its limits let it be read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ParquetTable {
    /// All of it.
    Whole(Table),
    /// It is larger than that.
    TooLarge(Shape),
}

/// Returns the table in the parquet file `bytes`, or only its shape where that passes `limits`.
///
/// Fields of structs are columns of their own, `struct.field`; a list is a text. Of the index that
/// pandas writes, the columns are named in [`Table::index`].
///
/// # Errors
/// [`NotATable`] if the bytes are cut, no parquet, or packed in a way that is not known here.
pub(crate) fn read_parquet(bytes: Vec<u8>, limits: TableLimits) -> Result<ParquetTable, NotATable> {
    // The library asserts some of what a file says of itself. Nothing outlives the call.
    let read = panic::catch_unwind(AssertUnwindSafe(|| read_file(bytes, limits, None)));
    read.unwrap_or_else(|_| Err(NotATable("it contradicts itself".into())))
}

/// Returns the table as [`read_parquet`] does, with no other columns than those of `names`.
///
/// # Errors
/// As [`read_parquet`].
pub(crate) fn read_parquet_columns(
    bytes: Vec<u8>,
    limits: TableLimits,
    names: &[&str],
) -> Result<ParquetTable, NotATable> {
    let read = panic::catch_unwind(AssertUnwindSafe(|| read_file(bytes, limits, Some(names))));
    read.unwrap_or_else(|_| Err(NotATable("it contradicts itself".into())))
}

fn read_file(
    bytes: Vec<u8>,
    limits: TableLimits,
    names: Option<&[&str]>,
) -> Result<ParquetTable, NotATable> {
    let size = bytes.len() as u64;
    check_footer(&bytes)?;
    let reader = SerializedFileReader::new(Bytes::from(bytes)).map_err(problem)?;
    let metadata = reader.metadata();
    if !metadata
        .row_groups()
        .iter()
        .flat_map(RowGroupMetaData::columns)
        .all(|it| is_inside(it, size))
    {
        return Err(NotATable("a column lies outside the file".into()));
    }
    let schema = metadata.file_metadata().schema_descr_ptr();
    let groups = metadata.row_groups();
    let rows: u64 = groups.iter().map(|group| u64::try_from(group.num_rows()).unwrap_or(0)).sum();
    let pandas = pandas(metadata.file_metadata().key_value_metadata());
    let columns: Vec<(String, String)> = schema
        .columns()
        .iter()
        .map(|column| (pandas.name_of(&column.path().string()), kind_of(column)))
        .collect();
    let unpacked: u64 =
        groups.iter().map(|group| u64::try_from(group.total_byte_size()).unwrap_or(0)).sum();
    // Values, which for lists are more than rows.
    let values: u64 = groups
        .iter()
        .flat_map(RowGroupMetaData::columns)
        .map(|chunk| u64::try_from(chunk.num_values()).unwrap_or(0))
        .fold(0, u64::saturating_add);
    let cells = values.max(rows.saturating_mul(columns.len() as u64));
    if cells > limits.cells || unpacked > limits.bytes {
        return Ok(ParquetTable::TooLarge(Shape { rows, columns }));
    }
    let count = usize::try_from(rows).map_err(|_| NotATable("it has too many rows".into()))?;
    let mut budget = Budget { left: limits.bytes };
    let mut table = Table { columns: Vec::new(), index: Vec::new(), rows: count };
    for (number, (name, kind)) in columns.iter().enumerate() {
        if names.is_some_and(|names| !names.contains(&name.as_str())) {
            continue;
        }
        let descriptor = schema.column(number);
        let mut values = Vec::with_capacity(count.min(BATCH));
        for group in 0..groups.len() {
            let group_reader = reader.get_row_group(group).map_err(problem)?;
            let column = group_reader.get_column_reader(number).map_err(problem)?;
            match read_column(column, &descriptor, count, &mut values, &mut budget) {
                Ok(()) => {}
                Err(Stop::TooLarge) => return Ok(ParquetTable::TooLarge(Shape { rows, columns })),
                Err(Stop::Problem(problem)) => return Err(problem),
            }
        }
        if values.len() != count {
            let found = values.len();
            return Err(NotATable(format!("column `{name}` has {found} values for {count} rows")));
        }
        if pandas.index.iter().any(|index| index == descriptor.path().string().as_str()) {
            table.index.push(table.columns.len());
        }
        table.columns.push(Column { name: name.clone(), kind: kind.clone(), values });
    }
    Ok(ParquetTable::Whole(table))
}

/// Whether the data of a column is where the file says, in `size` bytes.
pub(super) fn is_inside(chunk: &ColumnChunkMetaData, size: u64) -> bool {
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    let end = start.checked_add(chunk.compressed_size());
    start >= 0
        && chunk.compressed_size() >= 0
        && end.and_then(|end| u64::try_from(end).ok()).is_some_and(|end| end <= size)
}

pub(super) fn problem(error: ParquetError) -> NotATable {
    let text = match error {
        ParquetError::General(text) | ParquetError::NYI(text) | ParquetError::EOF(text) => text,
        other => other.to_string(),
    };
    NotATable(text.lines().next().unwrap_or_default().to_owned())
}

/// How many bytes of texts may still be made.
struct Budget {
    left: u64,
}

enum Stop {
    TooLarge,
    Problem(NotATable),
}

impl Budget {
    fn take(&mut self, value: Value) -> Result<Value, Stop> {
        if let Value::Text(text) = &value {
            self.left = self.left.checked_sub(text.len() as u64).ok_or(Stop::TooLarge)?;
        }
        Ok(value)
    }
}

fn read_column(
    column: ColumnReader,
    descriptor: &ColumnDescriptor,
    most: usize,
    out: &mut Vec<Value>,
    budget: &mut Budget,
) -> Result<(), Stop> {
    let meaning = meaning_of(descriptor);
    let mut target = Target { descriptor, most, out, budget };
    match column {
        ColumnReader::BoolColumnReader(reader) => target.read(reader, |it| Value::Bool(*it)),
        ColumnReader::Int32ColumnReader(reader) => target.read(reader, |it| {
            let unsigned = meaning == Meaning::Unsigned;
            integer(if unsigned { i64::from(it.cast_unsigned()) } else { i64::from(*it) }, meaning)
        }),
        ColumnReader::Int64ColumnReader(reader) => target.read(reader, |it| integer(*it, meaning)),
        ColumnReader::Int96ColumnReader(reader) => target.read(reader, int96),
        ColumnReader::FloatColumnReader(reader) => {
            target.read(reader, |it| Value::Float(wide(*it)))
        }
        ColumnReader::DoubleColumnReader(reader) => target.read(reader, |it| Value::Float(*it)),
        ColumnReader::ByteArrayColumnReader(reader) => {
            target.read(reader, |it| binary(it.data(), meaning))
        }
        ColumnReader::FixedLenByteArrayColumnReader(reader) => {
            target.read(reader, |it| binary(it.data(), meaning))
        }
    }
}

/// Where the values of one column go.
struct Target<'a> {
    descriptor: &'a ColumnDescriptor,
    most: usize,
    out: &'a mut Vec<Value>,
    budget: &'a mut Budget,
}

impl Target<'_> {
    fn read<T: DataType>(
        &mut self,
        mut reader: ColumnReaderImpl<T>,
        value_of: impl Fn(&T::T) -> Value,
    ) -> Result<(), Stop> {
        let (mut raw, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            raw.clear();
            defined.clear();
            repeated.clear();
            let (records, ..) = reader
                .read_records(BATCH, Some(&mut defined), Some(&mut repeated), &mut raw)
                .map_err(|error| Stop::Problem(problem(error)))?;
            if records == 0 {
                return Ok(());
            }
            // A file whose pages hold more than it says is told by the count of values.
            if self.out.len() > self.most {
                return Ok(());
            }
            let values = raw.iter().map(&value_of);
            if self.descriptor.max_rep_level() > 0 {
                self.lists(values, &defined, &repeated)?;
            } else {
                self.plain(values, records, &defined)?;
            }
        }
    }

    fn plain(
        &mut self,
        mut values: impl Iterator<Item = Value>,
        records: usize,
        defined: &[i16],
    ) -> Result<(), Stop> {
        let full = self.descriptor.max_def_level();
        for record in 0..records {
            let is_there = full == 0 || defined.get(record) == Some(&full);
            let value = if is_there { values.next().unwrap_or(Value::Null) } else { Value::Null };
            self.out.push(self.budget.take(value)?);
        }
        Ok(())
    }

    /// Makes one text of each list, however deep: `[1, 2]`. A list in a list begins with `;`.
    fn lists(
        &mut self,
        mut values: impl Iterator<Item = Value>,
        defined: &[i16],
        repeated: &[i16],
    ) -> Result<(), Stop> {
        let full = self.descriptor.max_def_level();
        let deepest = self.descriptor.max_rep_level();
        let item_may_miss = self.descriptor.self_type().is_optional();
        let mut list: Option<String> = None;
        let mut starts = repeated.iter().zip(defined).peekable();
        while let Some((&level, &depth)) = starts.next() {
            let text = list.get_or_insert_default();
            if level > 0 {
                text.push_str(if level == deepest { ", " } else { "; " });
            }
            if depth == full {
                text.push_str(&values.next().unwrap_or(Value::Null).to_string());
            } else if item_may_miss && depth + 1 == full {
                text.push_str("null");
            }
            if starts.peek().is_none_or(|(level, _)| **level == 0) {
                let text = list.take().unwrap_or_default();
                let is_null = level == 0 && depth == 0 && full > 1;
                let value = if is_null { Value::Null } else { Value::text(format!("[{text}]")) };
                self.out.push(self.budget.take(value)?);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const LIMITS: TableLimits = TableLimits { cells: 1_000, bytes: 1 << 20 };

    fn fixture(name: &str) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tables");
        crate::disk::read(&folder.join(name)).unwrap()
    }

    fn whole(name: &str) -> Table {
        match read_parquet(fixture(name), LIMITS) {
            Ok(ParquetTable::Whole(table)) => table,
            other => panic!("{name}: {other:?}"),
        }
    }

    fn shown(table: &Table) -> Vec<String> {
        let columns = table.columns.iter().enumerate().map(|(at, column)| {
            let mark = if table.index.contains(&at) { "*" } else { "" };
            let values: Vec<String> = column.values.iter().map(Value::to_string).collect();
            format!("{mark}{}:{} {}", column.name, column.kind, values.join("|"))
        });
        columns.collect()
    }

    #[test]
    fn what_pandas_writes_is_read_with_its_index() {
        let expected = [
            "units:int64 83|113|95|88",
            "revenue:float64 4435.9|5880.7|NaN|4336.5",
            "day:timestamp[us] 2026-03-01 00:00:00|2026-03-02 00:00:00|2026-03-03 00:00:00|null",
            "*region:text North|South|East|West",
        ];
        let found: Vec<String> = shown(&whole("sales.parquet"))
            .iter()
            .map(|it| {
                it.replace("timestamp[ns]", "timestamp[us]")
                    .replace("timestamp[ms]", "timestamp[us]")
            })
            .collect();
        assert_eq!(
            found.iter().map(|it| it.replace("NaN", "null")).collect::<Vec<_>>(),
            expected.map(|it| it.replace("NaN", "null"))
        );
        let range = whole("range.parquet");
        assert!(range.index.is_empty(), "a range is no column");
        assert_eq!(range.columns[0].name, "region");
    }

    #[test]
    fn every_type_is_read_in_its_usual_spelling() {
        insta::assert_snapshot!(shown(&whole("kinds.parquet")).join("\n"));
        assert_eq!(shown(&whole("int96.parquet")), ["t:timestamp[ns] 2026-11-21 01:24:00|null"]);
    }

    #[test]
    fn codecs_are_read_or_refused_by_name() {
        let plain = whole("none.parquet");
        for (name, why) in [
            ("gzip.parquet", "of pyarrow"),
            ("lz4.parquet", "of pyarrow"),
            ("range.parquet", "snappy, which pandas takes unless told"),
        ] {
            assert_eq!(whole(name).columns, plain.columns, "{name}: {why}");
        }
        assert_eq!(whole("polars-zstd.parquet").rows, 4, "zstd, which polars takes unless told");
        let refused = read_parquet(fixture("brotli.parquet"), LIMITS).unwrap_err().to_string();
        assert!(refused.to_lowercase().contains("brotli"), "{refused}");
        assert_eq!(whole("no-rows.parquet").rows, 0);
    }

    #[test]
    fn above_the_limits_only_the_shape_is_told() {
        for (limits, why) in [
            (TableLimits { cells: 15, ..LIMITS }, "too many values"),
            (TableLimits { bytes: 10, ..LIMITS }, "too many bytes"),
        ] {
            let found = read_parquet(fixture("range.parquet"), limits);
            let Ok(ParquetTable::TooLarge(shape)) = found else { panic!("{why}: {found:?}") };
            assert_eq!((shape.rows, shape.columns.len()), (4, 4), "{why}");
        }
    }

    #[test]
    fn what_is_cut_or_broken_anywhere_is_refused_or_read_and_never_panics() {
        for name in ["sales.parquet", "kinds.parquet", "polars-zstd.parquet", "lz4.parquet"] {
            let good = fixture(name);
            for end in 0..good.len() {
                assert!(read_parquet(good[..end].to_vec(), LIMITS).is_err(), "{name} cut at {end}");
            }
            for at in 0..good.len() {
                for bit in [0x01, 0x80, 0xff] {
                    let mut bytes = good.clone();
                    bytes[at] ^= bit;
                    drop(read_parquet(bytes, LIMITS));
                }
            }
        }
        for (bytes, why) in [
            (&b""[..], "empty"),
            (b"PAR1PAR1", "only the marks"),
            (b"PAR1\xff\xff\xff\x7fPAR1", "a footer larger than the file"),
            (b"PAR1\0\0\0\0PAR1", "an empty footer"),
            (b"a,b\n1,2\n", "something else"),
        ] {
            assert!(read_parquet(bytes.to_vec(), LIMITS).is_err(), "{why}");
        }
    }
}
