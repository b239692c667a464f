//! The bytes of a window's file, and how many of them were asked for.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use bytes::buf::{Buf, Reader};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

/// A file in memory, perhaps mapped there.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) bytes: Bytes,
    /// Bytes of pages handed out since it was opened.
    handed_out: AtomicU64,
}

impl Source {
    pub(super) fn new(bytes: Bytes) -> Source {
        Source { bytes, handed_out: AtomicU64::new(0) }
    }

    /// Returns how many bytes of pages were read since it was opened.
    #[cfg(test)]
    pub(super) fn handed_out(&self) -> u64 {
        self.handed_out.load(Ordering::Relaxed)
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }
}

impl ChunkReader for Source {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Reader<Bytes>, ParquetError> {
        // Only heads of pages are read so.
        let start = usize::try_from(start).unwrap_or(usize::MAX).min(self.bytes.len());
        Ok(self.bytes.slice(start..).reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let range = usize::try_from(start).ok().and_then(|at| Some(at..at.checked_add(length)?));
        let range = range.filter(|range| range.end <= self.bytes.len());
        let range =
            range.ok_or_else(|| ParquetError::EOF("a page lies outside the file".into()))?;
        self.handed_out.fetch_add(length as u64, Ordering::Relaxed);
        Ok(self.bytes.slice(range))
    }
}
