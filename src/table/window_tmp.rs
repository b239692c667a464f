use super::NotATable;
use std::ops::Range;
pub(crate) struct Window {
    bytes: Vec<u8>,
    rows: u64,
    columns: Vec<String>,
}
impl Window {
    pub(crate) fn open(bytes: Vec<u8>) -> Result<Window, NotATable> {
        let t = super::read_parquet(
            bytes.clone(),
            super::TableLimits { cells: 10_000_000, bytes: 1 << 30 },
        )?;
        let s = match t {
            super::ParquetTable::Whole(t) => t.shape(),
            super::ParquetTable::TooLarge(s) => s,
        };
        Ok(Window { bytes, rows: s.rows, columns: s.columns.into_iter().map(|c| c.0).collect() })
    }
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
    pub(crate) fn memory(&self) -> u64 {
        self.bytes.len() as u64
    }
    pub(crate) fn slice(&self, _rows: Range<u64>) -> Result<Vec<u8>, NotATable> {
        Ok(self.bytes.clone())
    }
}
