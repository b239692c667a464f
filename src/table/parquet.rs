//! Reads parquet, column by column, within stated limits.

use std::panic::{self, AssertUnwindSafe};

use bytes::Bytes;
use chrono::{DateTime, NaiveTime};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{DataType, Int96};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue, RowGroupMetaData};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::{Column, NotATable, Shape, Table, TableLimits, Value};

/// How many rows are decoded at once.
const BATCH: usize = 4096;
/// The most bytes of a binary value that are spelled out.
const BYTES_SHOWN: usize = 32;
/// The metadata key under which pandas says which columns are the index.
const PANDAS: &str = "pandas";
/// What wraps the items of a list in the path of its column, as writers spell it.
const LIST_PATHS: [&str; 4] = [".list.element", ".list.item", ".bag.array_element", ".array"];

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
    let read = panic::catch_unwind(AssertUnwindSafe(|| read_file(bytes, limits)));
    read.unwrap_or_else(|_| Err(NotATable("it contradicts itself".into())))
}

fn read_file(bytes: Vec<u8>, limits: TableLimits) -> Result<ParquetTable, NotATable> {
    let size = bytes.len() as u64;
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
            table.index.push(number);
        }
        table.columns.push(Column { name: name.clone(), kind: kind.clone(), values });
    }
    Ok(ParquetTable::Whole(table))
}

/// Whether the data of a column is where the file says, in `size` bytes.
fn is_inside(chunk: &ColumnChunkMetaData, size: u64) -> bool {
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    let end = start.checked_add(chunk.compressed_size());
    start >= 0
        && chunk.compressed_size() >= 0
        && end.and_then(|end| u64::try_from(end).ok()).is_some_and(|end| end <= size)
}

fn problem(error: ParquetError) -> NotATable {
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

/// What pandas says of the columns: which are the index, and what they are called.
#[derive(Default)]
struct Pandas {
    index: Vec<String>,
    names: Vec<(String, String)>,
}

fn pandas(metadata: Option<&Vec<KeyValue>>) -> Pandas {
    let value = metadata.into_iter().flatten().find(|pair| pair.key == PANDAS);
    let text = value.and_then(|pair| pair.value.as_deref()).unwrap_or_default();
    let Ok(json) = serde_json::from_str::<serde_json::Value>(text) else {
        return Pandas::default();
    };
    let list = |name: &str| json[name].as_array().cloned().unwrap_or_default();
    // A range is described by an object and has no column.
    let index: Vec<String> =
        list("index_columns").iter().filter_map(|it| it.as_str().map(str::to_owned)).collect();
    let named = |it: &serde_json::Value| {
        let field = it["field_name"].as_str()?;
        let name = it["name"].as_str().unwrap_or("index");
        (index.iter().any(|index| index == field)).then(|| (field.to_owned(), name.to_owned()))
    };
    let called = list("columns").iter().filter_map(named).collect();
    Pandas { index, names: called }
}

impl Pandas {
    fn name_of(&self, path: &str) -> String {
        if let Some((_, name)) = self.names.iter().find(|(field, _)| field == path) {
            return name.clone();
        }
        let end = LIST_PATHS.iter().find_map(|end| path.strip_suffix(end));
        end.unwrap_or(path).to_owned()
    }
}

/// What the raw values of a column stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Meaning {
    /// The number, text or truth itself.
    Plain,
    /// A whole number without a sign.
    Unsigned,
    Text,
    Date,
    Time(Unit),
    Timestamp(Unit),
    /// A number whose last digits, this many, are a fraction.
    Decimal(i32),
    HalfFloat,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    Milli,
    Micro,
    Nano,
}

impl Unit {
    fn of(unit: TimeUnit) -> Unit {
        match unit {
            TimeUnit::MILLIS => Unit::Milli,
            TimeUnit::MICROS => Unit::Micro,
            TimeUnit::NANOS => Unit::Nano,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Unit::Milli => "ms",
            Unit::Micro => "us",
            Unit::Nano => "ns",
        }
    }

    /// How many of it are a second.
    fn per_second(self) -> i64 {
        match self {
            Unit::Milli => 1_000,
            Unit::Micro => 1_000_000,
            Unit::Nano => 1_000_000_000,
        }
    }
}

fn meaning_of(column: &ColumnDescriptor) -> Meaning {
    match column.logical_type_ref() {
        Some(LogicalType::String | LogicalType::Enum | LogicalType::Json) => return Meaning::Text,
        Some(LogicalType::Date) => return Meaning::Date,
        Some(LogicalType::Time(time)) => return Meaning::Time(Unit::of(time.unit)),
        Some(LogicalType::Timestamp(time)) => return Meaning::Timestamp(Unit::of(time.unit)),
        Some(LogicalType::Integer(int)) if !int.is_signed => return Meaning::Unsigned,
        Some(LogicalType::Decimal(decimal)) => return Meaning::Decimal(decimal.scale),
        Some(LogicalType::Float16) => return Meaning::HalfFloat,
        _ => {}
    }
    match column.converted_type() {
        ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON => Meaning::Text,
        ConvertedType::DATE => Meaning::Date,
        ConvertedType::TIME_MILLIS => Meaning::Time(Unit::Milli),
        ConvertedType::TIME_MICROS => Meaning::Time(Unit::Micro),
        ConvertedType::TIMESTAMP_MILLIS => Meaning::Timestamp(Unit::Milli),
        ConvertedType::TIMESTAMP_MICROS => Meaning::Timestamp(Unit::Micro),
        ConvertedType::UINT_8
        | ConvertedType::UINT_16
        | ConvertedType::UINT_32
        | ConvertedType::UINT_64 => Meaning::Unsigned,
        ConvertedType::DECIMAL => Meaning::Decimal(column.type_scale()),
        _ => Meaning::Plain,
    }
}

/// Returns what a column holds, in the words of pandas and Arrow.
fn kind_of(column: &ColumnDescriptor) -> String {
    let bits = match column.logical_type_ref() {
        Some(LogicalType::Integer(int)) => int.bit_width.to_string(),
        _ if column.physical_type() == Physical::INT32 => "32".to_owned(),
        _ => "64".to_owned(),
    };
    let kind = match meaning_of(column) {
        Meaning::Text => "text".to_owned(),
        Meaning::Date => "date".to_owned(),
        Meaning::Time(unit) => format!("time[{}]", unit.name()),
        Meaning::Timestamp(unit) => match column.logical_type_ref() {
            Some(LogicalType::Timestamp(time)) if time.is_adjusted_to_u_t_c => {
                format!("timestamp[{}, UTC]", unit.name())
            }
            _ => format!("timestamp[{}]", unit.name()),
        },
        Meaning::Decimal(scale) => format!("decimal({}, {scale})", column.type_precision()),
        Meaning::HalfFloat => "float16".to_owned(),
        Meaning::Unsigned => format!("uint{bits}"),
        Meaning::Plain => match column.physical_type() {
            Physical::BOOLEAN => "bool".to_owned(),
            Physical::INT32 | Physical::INT64 => format!("int{bits}"),
            Physical::INT96 => "timestamp[ns]".to_owned(),
            Physical::FLOAT => "float32".to_owned(),
            Physical::DOUBLE => "float64".to_owned(),
            Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY => "binary".to_owned(),
        },
    };
    if column.max_rep_level() > 0 { format!("list<{kind}>") } else { kind }
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

fn integer(value: i64, meaning: Meaning) -> Value {
    match meaning {
        Meaning::Unsigned if value < 0 => Value::UInt(value.cast_unsigned()),
        Meaning::Date => {
            let day = value.checked_mul(86_400).and_then(|it| DateTime::from_timestamp(it, 0));
            day.map_or(Value::Int(value), |day| Value::text(day.format("%Y-%m-%d").to_string()))
        }
        Meaning::Time(unit) => {
            let (seconds, nanos) = parts(value, unit);
            let time = u32::try_from(seconds)
                .ok()
                .and_then(|it| NaiveTime::from_num_seconds_from_midnight_opt(it, nanos));
            time.map_or(Value::Int(value), |time| Value::text(time.to_string()))
        }
        Meaning::Timestamp(unit) => {
            let (seconds, nanos) = parts(value, unit);
            moment(seconds, nanos).unwrap_or(Value::Int(value))
        }
        Meaning::Decimal(scale) => Value::text(decimal(i128::from(value), scale)),
        _ => Value::Int(value),
    }
}

/// Returns whole seconds, and the nanoseconds besides.
fn parts(value: i64, unit: Unit) -> (i64, u32) {
    let per = unit.per_second();
    let nanos = value.rem_euclid(per) * (1_000_000_000 / per);
    (value.div_euclid(per), u32::try_from(nanos).unwrap_or(0))
}

fn moment(seconds: i64, nanos: u32) -> Option<Value> {
    let moment = DateTime::from_timestamp(seconds, nanos)?;
    Some(Value::text(moment.naive_utc().to_string()))
}

/// The old timestamp: nanoseconds of a day, and the day (Julian).
fn int96(value: &Int96) -> Value {
    const EPOCH: i64 = 2_440_588;
    let [low, high, day] = *value.data() else { return Value::Null };
    let nanos = (u64::from(high) << 32) | u64::from(low);
    let seconds = (i64::from(day) - EPOCH) * 86_400;
    let within = i64::try_from(nanos / 1_000_000_000).unwrap_or(0);
    let rest = u32::try_from(nanos % 1_000_000_000).unwrap_or(0);
    moment(seconds.saturating_add(within), rest).unwrap_or(Value::Null)
}

/// Returns the number that a person means by these 32 bits: `0.1` stays so.
fn wide(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

fn binary(bytes: &[u8], meaning: Meaning) -> Value {
    match meaning {
        Meaning::Text => Value::text(String::from_utf8_lossy(bytes)),
        Meaning::HalfFloat if bytes.len() == 2 => {
            Value::Float(half(u16::from_le_bytes([bytes[0], bytes[1]])))
        }
        Meaning::Decimal(scale) if !bytes.is_empty() && bytes.len() <= 16 => {
            let sign = if bytes[0] >= 0x80 { -1 } else { 0 };
            let number =
                bytes.iter().fold(sign, |number: i128, byte| (number << 8) | i128::from(*byte));
            Value::text(decimal(number, scale))
        }
        _ => {
            let shown = &bytes[..bytes.len().min(BYTES_SHOWN)];
            let mut text = String::from("0x");
            text.extend(shown.iter().map(|byte| format!("{byte:02x}")));
            if bytes.len() > BYTES_SHOWN {
                // What is left out still tells values apart.
                let digest = crate::digest::Digest::of_here(bytes);
                let (size, digest) = (bytes.len().to_string(), digest.short(12));
                text.extend(["… (", &size, " bytes, BLAKE3 ", &digest, ")"]);
            }
            Value::text(text)
        }
    }
}

/// Returns the decimal of a number whose last `scale` digits are the fraction.
fn decimal(number: i128, scale: i32) -> String {
    let Ok(scale @ 1..=64) = usize::try_from(scale) else { return number.to_string() };
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{}{whole}.{fraction}", if number < 0 { "-" } else { "" })
}

/// Returns the number that 16 bits are (IEEE 754, binary16).
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from((bits >> 10) & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
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

    #[test]
    fn numbers_are_spelled_as_people_write_them() {
        assert_eq!(decimal(-1234, 2), "-12.34");
        assert_eq!(decimal(5, 3), "0.005");
        assert_eq!(decimal(5, 0), "5");
        assert_eq!(decimal(5, -2), "5", "no such scale");
        for (bits, value) in [(0x3c00, 1.0), (0xc000, -2.0), (0x0001, 5.960_464_477_539_063e-8)] {
            assert_eq!(half(bits).to_string(), f64::to_string(&value));
        }
        assert_eq!(wide(0.1).to_string(), "0.1");
        assert_eq!(integer(i64::MAX, Meaning::Timestamp(Unit::Milli)), Value::Int(i64::MAX));
        assert_eq!(
            integer(-1, Meaning::Timestamp(Unit::Nano)),
            Value::text("1969-12-31 23:59:59.999999999")
        );
    }
}
