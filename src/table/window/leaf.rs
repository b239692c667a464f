//! The values of one leaf column in memory, with their levels, read from its pages.

use std::ops::Range;

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray, Int96};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedColumnWriter;
use parquet::schema::types::ColumnDescPtr;

use crate::table::NotATable;
use crate::table::parquet::problem;

/// Values as the library types them, without the nulls.
#[derive(Debug, Clone)]
enum Values {
    Bool(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Int96(Vec<Int96>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
}

/// Rows of one leaf column: what is written is any range of them.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    column: ColumnDescPtr,
    values: Values,
    /// Of each level, how much of its path is there; empty if nothing can be missing.
    defined: Vec<i16>,
    /// Of each level, at which list it goes on; empty if there is no list.
    repeated: Vec<i16>,
    /// How many values come before each level, and in all; empty like `defined`.
    present: Vec<u32>,
    /// The level that each row begins with, and where the last one ends; empty like `repeated`.
    starts: Vec<u32>,
}

/// Bytes in memory for a value and its levels, of a column that is wide as that.
pub(super) fn memory_of(column: &ColumnDescPtr, values: u64) -> u64 {
    // A text is a handle on a page that stays in memory.
    const LEVELS: u64 = 12;
    let value = Values::none(column).width() as u64;
    values.saturating_mul(value + LEVELS)
}

fn too_large(_: std::num::TryFromIntError) -> NotATable {
    NotATable("it has too many values".into())
}

macro_rules! each {
    ($values:expr, $name:ident => $body:expr) => {
        match $values {
            Values::Bool($name) => $body,
            Values::Int32($name) => $body,
            Values::Int64($name) => $body,
            Values::Int96($name) => $body,
            Values::Float($name) => $body,
            Values::Double($name) => $body,
            Values::Bytes($name) => $body,
            Values::Fixed($name) => $body,
        }
    };
}

impl Values {
    fn none(column: &ColumnDescPtr) -> Values {
        use parquet::basic::Type;
        match column.physical_type() {
            Type::BOOLEAN => Values::Bool(Vec::new()),
            Type::INT32 => Values::Int32(Vec::new()),
            Type::INT64 => Values::Int64(Vec::new()),
            Type::INT96 => Values::Int96(Vec::new()),
            Type::FLOAT => Values::Float(Vec::new()),
            Type::DOUBLE => Values::Double(Vec::new()),
            Type::BYTE_ARRAY => Values::Bytes(Vec::new()),
            Type::FIXED_LEN_BYTE_ARRAY => Values::Fixed(Vec::new()),
        }
    }

    fn width(&self) -> usize {
        fn of<T>(_: &[T]) -> usize {
            size_of::<T>()
        }
        each!(self, values => of(values))
    }

    fn len(&self) -> usize {
        each!(self, values => values.len())
    }
}

impl Leaf {
    /// Returns the column without rows.
    pub(super) fn new(column: ColumnDescPtr) -> Leaf {
        let values = Values::none(&column);
        let present = if column.max_def_level() > 0 { vec![0] } else { Vec::new() };
        let starts = if column.max_rep_level() > 0 { vec![0] } else { Vec::new() };
        Leaf { column, values, defined: Vec::new(), repeated: Vec::new(), present, starts }
    }

    /// Adds the rows of `range` that `reader` has.
    ///
    /// # Errors
    /// [`NotATable`] if the pages cannot be read, or have fewer rows.
    pub(super) fn read(
        &mut self,
        reader: ColumnReader,
        range: Range<usize>,
    ) -> Result<(), NotATable> {
        use ColumnReader as Reader;
        let (before, rows) = (self.rows(), range.len());
        let (defined, repeated) = (&mut self.defined, &mut self.repeated);
        let read = match (reader, &mut self.values) {
            (Reader::BoolColumnReader(it), Values::Bool(to)) => {
                read_rows(it, range, to, defined, repeated)
            }
            (Reader::Int32ColumnReader(it), Values::Int32(to)) => {
                read_rows(it, range, to, defined, repeated)
            }
            (Reader::Int64ColumnReader(it), Values::Int64(to)) => {
                read_rows(it, range, to, defined, repeated)
            }
            (Reader::Int96ColumnReader(it), Values::Int96(to)) => {
                read_rows(it, range, to, defined, repeated)
            }
            (Reader::FloatColumnReader(it), Values::Float(to)) => {
                read_rows(it, range, to, defined, repeated)
            }
            (Reader::DoubleColumnReader(it), Values::Double(to)) => {
                read_rows(it, range, to, defined, repeated)
            }
            (Reader::ByteArrayColumnReader(it), Values::Bytes(to)) => {
                read_rows(it, range, to, defined, repeated)
            }
            (Reader::FixedLenByteArrayColumnReader(it), Values::Fixed(to)) => {
                read_rows(it, range, to, defined, repeated)
            }
            _ => Err(ParquetError::General("it has columns of two types".into())),
        };
        let read = read.map_err(problem)?;
        self.count_levels()?;
        if read != rows {
            return Err(NotATable(format!(
                "column `{}` ends {} rows early",
                self.column.path().string(),
                rows - read
            )));
        }
        if self.rows() - before != rows {
            return Err(NotATable("a list begins within another row".into()));
        }
        Ok(())
    }

    /// Brings `present` and `starts` up to the levels.
    fn count_levels(&mut self) -> Result<(), NotATable> {
        if let Some(&last) = self.present.last() {
            let full = self.column.max_def_level();
            let mut count = last;
            for &level in &self.defined[self.present.len() - 1..] {
                count += u32::from(level == full);
                self.present.push(count);
            }
            if count as usize != self.values.len() {
                return Err(NotATable("its levels and its values differ".into()));
            }
            u32::try_from(self.defined.len()).map_err(too_large)?;
        }
        if let Some(counted) = self.starts.pop() {
            let from = counted as usize;
            for (at, &level) in self.repeated.iter().enumerate().skip(from) {
                if level == 0 {
                    self.starts.push(u32::try_from(at).map_err(too_large)?);
                }
            }
            self.starts.push(u32::try_from(self.repeated.len()).map_err(too_large)?);
        }
        Ok(())
    }

    /// Returns how many rows there are.
    pub(super) fn rows(&self) -> usize {
        match (self.starts.len(), self.present.len()) {
            (0, 0) => self.values.len(),
            (0, _) => self.defined.len(),
            (starts, _) => starts - 1,
        }
    }

    /// Returns which levels and which values `rows` are.
    fn levels_and_values(&self, rows: Range<usize>) -> (Range<usize>, Range<usize>) {
        let level = |row: usize| self.starts.get(row).map_or(row, |it| *it as usize);
        let levels = level(rows.start)..level(rows.end);
        let value = |level: usize| self.present.get(level).map_or(level, |it| *it as usize);
        let values = value(levels.start)..value(levels.end);
        (levels, values)
    }

    /// Returns how many bytes `rows` are when they are written plainly, about.
    pub(super) fn size(&self, rows: Range<usize>) -> u64 {
        let (levels, values) = self.levels_and_values(rows);
        let raw = match &self.values {
            Values::Bytes(all) => all[values].iter().map(|it| it.len() as u64 + 4).sum(),
            Values::Fixed(all) => all[values].iter().map(|it| it.len() as u64).sum(),
            other => values.len() as u64 * other.width() as u64,
        };
        raw + levels.len() as u64 / 4
    }

    /// Writes `rows` of it.
    pub(super) fn write(
        &self,
        writer: &mut SerializedColumnWriter,
        rows: Range<usize>,
    ) -> Result<(), ParquetError> {
        use parquet::data_type::{BoolType, ByteArrayType, DoubleType, FixedLenByteArrayType};
        use parquet::data_type::{FloatType, Int32Type, Int64Type, Int96Type};
        let (levels, values) = self.levels_and_values(rows);
        let defined = (!self.present.is_empty()).then(|| &self.defined[levels.clone()]);
        let repeated = (!self.starts.is_empty()).then(|| &self.repeated[levels]);
        macro_rules! put {
            ($type:ty, $all:expr) => {
                writer.typed::<$type>().write_batch(&$all[values], defined, repeated)
            };
        }
        let written = match &self.values {
            Values::Bool(all) => put!(BoolType, all),
            Values::Int32(all) => put!(Int32Type, all),
            Values::Int64(all) => put!(Int64Type, all),
            Values::Int96(all) => put!(Int96Type, all),
            Values::Float(all) => put!(FloatType, all),
            Values::Double(all) => put!(DoubleType, all),
            Values::Bytes(all) => put!(ByteArrayType, all),
            Values::Fixed(all) => put!(FixedLenByteArrayType, all),
        };
        written.map(drop)
    }
}

/// Reads the rows of `range`, and returns how many there were.
fn read_rows<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    range: Range<usize>,
    values: &mut Vec<T::T>,
    defined: &mut Vec<i16>,
    repeated: &mut Vec<i16>,
) -> Result<usize, ParquetError> {
    if reader.skip_records(range.start)? < range.start {
        return Ok(0);
    }
    let mut left = range.len();
    while left > 0 {
        let (rows, ..) = reader.read_records(left, Some(defined), Some(repeated), values)?;
        if rows == 0 {
            break;
        }
        left -= rows;
    }
    Ok(range.len() - left)
}
