//! Rows of a window's columns: which pages hold them, and which of them are kept in memory.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::SerializedPageReader;
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor};

use super::leaf::{Leaf, memory_of};
use super::pages::{self, Pages};
use super::source::Source;
use crate::table::parquet::problem;
use crate::table::{NotATable, TableLimits};

/// Up to which size the columns of a window stay in memory once a slice was asked for.
const KEPT: u64 = 16 << 20;

/// The rows of a file.
#[derive(Debug)]
pub(super) struct Rows {
    source: Arc<Source>,
    metadata: ParquetMetaData,
    limits: TableLimits,
    /// The first row of each row group, and the end of the last.
    starts: Vec<u64>,
    /// Of each row group, of each leaf, its pages once they were looked for.
    pages: Vec<OnceLock<Result<Pages, NotATable>>>,
    /// The columns as a whole, if they are few enough to keep them.
    kept: OnceLock<Result<Option<Vec<Leaf>>, NotATable>>,
}

fn too_large(what: &str, most: u64) -> NotATable {
    NotATable(format!("it has more than {most} {what} to unpack"))
}

impl Rows {
    /// Returns the rows of the file in `source`, of which the footer says `metadata`.
    ///
    /// # Errors
    /// [`NotATable`] if the footer contradicts itself.
    pub(super) fn new(
        source: Arc<Source>,
        metadata: ParquetMetaData,
        limits: TableLimits,
    ) -> Result<Rows, NotATable> {
        let leaves = metadata.file_metadata().schema_descr().num_columns();
        let size = source.bytes.len() as u64;
        let mut starts = vec![0_u64];
        let mut end = 0_u64;
        for group in metadata.row_groups() {
            let rows = u64::try_from(group.num_rows()).ok();
            end = rows
                .and_then(|rows| end.checked_add(rows))
                .ok_or_else(|| NotATable("a row group has less than no rows".into()))?;
            starts.push(end);
            if group.columns().len() != leaves {
                return Err(NotATable("a row group lacks columns".into()));
            }
            for chunk in group.columns() {
                if chunk.file_path().is_some() {
                    return Err(NotATable("its columns lie in other files".into()));
                }
                if !crate::table::parquet::is_inside(chunk, size) {
                    return Err(NotATable("a column lies outside the file".into()));
                }
            }
        }
        let claimed = metadata.file_metadata().num_rows();
        if u64::try_from(claimed) != Ok(end) {
            return Err(NotATable(format!("it says {claimed} rows and has {end}")));
        }
        let mut pages = Vec::new();
        pages.resize_with(leaves * metadata.num_row_groups(), OnceLock::new);
        Ok(Rows { source, metadata, limits, starts, pages, kept: OnceLock::new() })
    }

    /// Lets no column stay in memory.
    #[cfg(test)]
    pub(super) fn keep_nothing(&self) {
        self.kept.set(Ok(None)).expect("nothing was asked for yet");
    }

    pub(super) fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }

    pub(super) fn limits(&self) -> TableLimits {
        self.limits
    }

    pub(super) fn schema(&self) -> &SchemaDescriptor {
        self.metadata.file_metadata().schema_descr()
    }

    /// Returns how many rows there are.
    pub(super) fn count(&self) -> u64 {
        self.starts.last().copied().unwrap_or_default()
    }

    /// Returns how many bytes the columns in memory are, about.
    pub(super) fn memory(&self) -> u64 {
        match self.kept.get() {
            Some(Ok(Some(_))) => self.claimed_memory(),
            _ => 0,
        }
    }

    /// Returns all columns, if they are few enough to stay in memory, where they stay.
    ///
    /// # Errors
    /// [`NotATable`] if a page cannot be read, or contradicts the footer.
    pub(super) fn kept(&self) -> Result<Option<&[Leaf]>, NotATable> {
        let kept = self.kept.get_or_init(|| {
            let is_small = self.claimed_memory() <= KEPT.min(self.limits.bytes)
                && self.cells(self.count()) <= self.limits.cells;
            if !is_small || self.check_pages()? > KEPT {
                return Ok(None);
            }
            let leaves = 0..self.schema().num_columns();
            leaves.map(|leaf| self.leaf(leaf, 0..self.count())).collect::<Result<_, _>>().map(Some)
        });
        kept.as_ref().map(|kept| kept.as_deref()).map_err(Clone::clone)
    }

    /// Returns how many bytes all columns are in memory, as the footer says.
    fn claimed_memory(&self) -> u64 {
        let chunks = self.metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
        let count = |claimed: i64| u64::try_from(claimed).unwrap_or(u64::MAX);
        let bytes = chunks.map(|chunk| {
            let values = memory_of(&chunk.column_descr_ptr(), count(chunk.num_values()));
            values.saturating_add(count(chunk.uncompressed_size()))
        });
        bytes.fold(0, u64::saturating_add)
    }

    /// Returns how many values `rows` rows have, were no column a list.
    fn cells(&self, rows: u64) -> u64 {
        rows.saturating_mul(self.schema().num_columns() as u64)
    }

    /// Checks where all pages are and what their heads claim; returns how many bytes they are once
    /// they are unpacked.
    ///
    /// # Errors
    /// [`NotATable`] if they do not hold what the footer says.
    pub(super) fn check_pages(&self) -> Result<u64, NotATable> {
        let mut unpacked = 0_u64;
        for group in 0..self.metadata.num_row_groups() {
            for leaf in 0..self.schema().num_columns() {
                unpacked = unpacked.saturating_add(self.pages(group, leaf)?.unpacked());
            }
        }
        Ok(unpacked)
    }

    fn pages(&self, group: usize, leaf: usize) -> Result<&Pages, NotATable> {
        let at = group * self.schema().num_columns() + leaf;
        let found = self.pages[at].get_or_init(|| {
            let chunk = self.metadata.row_group(group).column(leaf);
            let is_flat = chunk.column_descr().max_rep_level() == 0;
            let rows = self.starts[group + 1] - self.starts[group];
            pages::find(&self.source.bytes, chunk, is_flat, rows)
        });
        found.as_ref().map_err(Clone::clone)
    }

    /// Reads `rows` of a leaf column.
    ///
    /// # Errors
    /// [`NotATable`] if the pages that hold them cannot be read, or are larger than the limits.
    pub(super) fn leaf(&self, leaf: usize, rows: Range<u64>) -> Result<Leaf, NotATable> {
        let column = self.schema().column(leaf);
        if self.cells(rows.end - rows.start) > self.limits.cells {
            return Err(too_large("values", self.limits.cells));
        }
        let mut out = Leaf::new(Arc::clone(&column));
        for group in 0..self.metadata.num_row_groups() {
            let (first, end) = (self.starts[group], self.starts[group + 1]);
            let range = rows.start.clamp(first, end) - first..rows.end.clamp(first, end) - first;
            if range.is_empty() {
                continue;
            }
            let reader = self.reader(&column, group, leaf, &range)?;
            let range = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
            let (start, end) = range.ok_or_else(|| NotATable("it has too many rows".into()))?;
            out.read(reader, start..end)?;
        }
        Ok(out)
    }

    /// Returns a reader that knows where the pages of `rows` are, as far as that can be known.
    fn reader(
        &self,
        column: &ColumnDescPtr,
        group: usize,
        leaf: usize,
        rows: &Range<u64>,
    ) -> Result<ColumnReader, NotATable> {
        let chunk = self.metadata.row_group(group).column(leaf);
        let pages = self.pages(group, leaf)?;
        let is_flat = column.max_rep_level() == 0;
        let count = self.starts[group + 1] - self.starts[group];
        let values = u64::try_from(chunk.num_values()).unwrap_or(u64::MAX);
        if !is_flat && values > self.limits.cells {
            return Err(too_large("values", self.limits.cells));
        }
        let located = pages.located(is_flat, count, self.index_of(chunk));
        let unpacked = match &located {
            Some(located) => pages.unpacked_of(located, rows),
            None => pages.unpacked(),
        };
        if unpacked > self.limits.bytes {
            return Err(too_large("bytes", self.limits.bytes));
        }
        let count = usize::try_from(count).map_err(|_| NotATable("it has too many rows".into()))?;
        let source = Arc::clone(&self.source);
        let reader = SerializedPageReader::new(source, chunk, count, located).map_err(problem)?;
        Ok(get_column_reader(Arc::clone(column), Box::new(reader)))
    }

    /// Returns the bytes of the file's own index of pages, if it has one.
    fn index_of(&self, chunk: &ColumnChunkMetaData) -> Option<&[u8]> {
        let start = usize::try_from(chunk.offset_index_offset()?).ok()?;
        let length = usize::try_from(chunk.offset_index_length()?).ok()?;
        self.source.bytes.get(start..start.checked_add(length)?)
    }
}
