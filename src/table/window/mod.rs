//! Windows: tables in parquet of which rows are handed out, again as parquet.
//!
//! A window is made once of the bytes of a file. What it answers keeps the schema of that file to
//! the last logical type, because a viewer shows by it: text that loses its JSON type is shown with
//! its quotes. So rows go from column readers to column writers as they are stored, with the levels
//! that say what is missing and what repeats, and never become values of another kind on the way.
//!
//! Heads of pages are checked against the footer before the library reads them (`footer`, `pages`,
//! both over `thrift`). Of a small window all columns stay in memory from the first slice on
//! (`rows`, `leaf`); of a large one only the pages are read that hold the rows asked for.
//! The measurements behind it are in `docs/design/006-slices.md`.

mod footer;
mod leaf;
mod pages;
mod pandas;
mod rows;
mod schema;
mod slice;
mod source;
#[cfg(test)]
mod tests;
mod thrift;

use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::file::metadata::{KeyValue, ParquetMetaDataReader, RowGroupMetaData};

pub(in crate::table) use self::footer::check as check_footer;
use self::pandas::{Ranged, ranged};
use self::rows::Rows;
pub(crate) use self::schema::WindowColumn;
use self::source::Source;
use super::parquet::problem;
use super::{NotATable, TableLimits};

/// The metadata key under which pandas describes its columns and its index.
const PANDAS: &str = "pandas";

/// What a window unpacks for one slice, unless told otherwise.
const LIMITS: TableLimits = TableLimits { cells: 100_000_000, bytes: 1 << 30 };

/// A table in parquet of which rows can be had. To clone it is to share it.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    source: Arc<Source>,
    rows: Rows,
    columns: Vec<WindowColumn>,
    metadata: Vec<KeyValue>,
    /// What pandas says, if it must be told anew of a slice.
    ranged: Option<Ranged>,
    /// Whether the reader in a browser takes the file as it is.
    is_plain: bool,
}

/// The library asserts some of what a file says of itself. What it leaves behind then is dropped.
fn guarded<T>(work: impl FnOnce() -> Result<T, NotATable>) -> Result<T, NotATable> {
    panic::catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(NotATable("it contradicts itself".into())))
}

impl Window {
    /// Returns the window in the parquet file `bytes`; only its footer is read.
    ///
    /// A slice unpacks up to 1 GiB and 100 million values.
    ///
    /// # Errors
    /// [`NotATable`] if the bytes are cut, foreign, encrypted, or the footer contradicts itself.
    pub(crate) fn open(bytes: impl AsRef<[u8]> + Send + 'static) -> Result<Window, NotATable> {
        Window::open_within(bytes, LIMITS)
    }

    /// Like [`Window::open`], where a slice unpacks and holds no more than `limits`.
    ///
    /// # Errors
    /// Those of [`Window::open`].
    pub(crate) fn open_within(
        bytes: impl AsRef<[u8]> + Send + 'static,
        limits: TableLimits,
    ) -> Result<Window, NotATable> {
        let bytes = Bytes::from_owner(bytes);
        footer::check(&bytes)?;
        guarded(|| {
            let footer = match footer::groups_of_nothing(&bytes) {
                None => ParquetMetaDataReader::new().parse_and_finish(&bytes),
                Some(at) => {
                    let mut plain = bytes.to_vec();
                    plain[at] = footer::NO_STRUCTS;
                    ParquetMetaDataReader::new().parse_and_finish(&Bytes::from(plain))
                }
            };
            let footer = footer.map_err(problem)?;
            let file = footer.file_metadata();
            let columns = schema::columns_of(file.schema());
            let metadata = file.key_value_metadata().cloned().unwrap_or_default();
            let said = metadata.iter().find(|pair| pair.key == PANDAS);
            let ranged = said.and_then(|pair| ranged(pair.value.as_deref()?));
            let is_plain =
                footer.row_groups().iter().flat_map(RowGroupMetaData::columns).all(|it| {
                    matches!(it.compression(), Compression::UNCOMPRESSED | Compression::SNAPPY)
                });
            let source = Arc::new(Source::new(bytes));
            let rows = Rows::new(Arc::clone(&source), footer, limits)?;
            let inner = Inner { source, rows, columns, metadata, ranged, is_plain };
            Ok(Window { inner: Arc::new(inner) })
        })
    }

    /// Returns the same window, which reads its pages for every slice.
    #[cfg(test)]
    fn without_memory(&self) -> Window {
        let window = Window::open(self.inner.source.bytes.clone()).unwrap();
        window.inner.rows.keep_nothing();
        window
    }

    /// Returns how many rows it has.
    pub(crate) fn rows(&self) -> u64 {
        self.inner.rows.count()
    }

    /// Returns its columns in their order, with the fields within them.
    pub(crate) fn columns(&self) -> &[WindowColumn] {
        &self.inner.columns
    }

    /// Returns what its footer says under `key`: `pandas`, `ARROW:schema`.
    #[cfg(test)]
    pub(crate) fn metadata(&self, key: &str) -> Option<&str> {
        let pair = self.inner.metadata.iter().find(|pair| pair.key == key);
        pair.and_then(|pair| pair.value.as_deref())
    }

    /// Returns the bytes of its file, as they were given.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.inner.source.bytes
    }

    /// Returns how many bytes of memory it takes, about: its file, and the columns that are kept
    /// from the first slice on.
    pub(crate) fn memory(&self) -> u64 {
        self.inner.source.bytes.len() as u64 + self.inner.rows.memory()
    }

    /// Returns how many bytes of its pages were read so far, heads aside.
    #[cfg(test)]
    pub(crate) fn bytes_read(&self) -> u64 {
        self.inner.source.handed_out()
    }

    /// Returns the rows `[rows.start, rows.end)` as a parquet file, cut to the rows there are.
    ///
    /// The schema is that of the window, nothing is compressed, and the metadata stays; where
    /// pandas keeps a range as its index, it tells the rows of the slice. All rows are the stored
    /// file itself, if browsers read it. The same rows are the same bytes.
    ///
    /// # Errors
    /// [`NotATable`] if the pages of those rows cannot be read, contradict the footer, or pass the
    /// limits.
    pub(crate) fn slice(&self, rows: Range<u64>) -> Result<Vec<u8>, NotATable> {
        let inner = &*self.inner;
        let end = rows.end.min(self.rows());
        let rows = rows.start.min(end)..end;
        guarded(|| {
            if inner.is_plain && rows == (0..self.rows()) {
                inner.rows.check_pages()?;
                return Ok(inner.source.bytes.to_vec());
            }
            slice::slice(&inner.rows, rows.clone(), inner.metadata_of(&rows))
        })
    }
}

impl Inner {
    /// Returns what the footer of a slice says. `ARROW:schema` stays: it repeats what pandas says
    /// of the window, but readers take that from the key of its own.
    fn metadata_of(&self, rows: &Range<u64>) -> Vec<KeyValue> {
        let mut metadata = self.metadata.clone();
        let told = self.ranged.as_ref().and_then(|ranged| ranged.of(rows.start, rows.end));
        if let Some(told) = told {
            let pair = metadata.iter_mut().find(|pair| pair.key == PANDAS);
            pair.expect("the range was read there").value = Some(told);
        }
        metadata
    }
}
