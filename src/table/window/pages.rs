//! Where the pages of a column lie and what they claim, from their heads alone.

use std::ops::Range;

use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;

use super::thrift::{Input, Kind};
use crate::table::NotATable;

// The numbers of fields in `PageHeader` and the headers within it, as parquet.thrift has them.
const TYPE: i16 = 1;
const UNPACKED: i16 = 2;
const PACKED: i16 = 3;
const DATA: i16 = 5;
const DICTIONARY: i16 = 7;
const DATA_2: i16 = 8;
const VALUES: i16 = 1;
const ROWS: i16 = 3;
/// The types of pages that hold data.
const DATA_TYPES: [i64; 2] = [0, 3];
const DICTIONARY_TYPE: i64 = 2;

/// A page of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// Where its head begins in the file.
    pub(super) offset: u64,
    /// Its bytes, with its head.
    pub(super) size: u64,
    /// How many bytes it is once it is unpacked.
    pub(super) unpacked: u64,
    /// How many values it has, nulls too.
    pub(super) values: u64,
    /// How many rows it has, if it says so.
    pub(super) rows: Option<u64>,
}

/// The pages of one column in one row group.
#[derive(Debug, Clone, Default)]
pub(super) struct Pages {
    pub(super) data: Vec<Page>,
    /// How many bytes the dictionary is once it is unpacked.
    dictionary: u64,
    /// Whether there is at most a dictionary before the data, and nothing else.
    is_plain: bool,
}

/// Finds the pages of `chunk` in the file `bytes`, of a column that has one value a row if it
/// `is_flat`.
///
/// # Errors
/// [`NotATable`] if they do not hold what the footer says.
pub(super) fn find(
    bytes: &[u8],
    chunk: &ColumnChunkMetaData,
    is_flat: bool,
    rows: u64,
) -> Result<Pages, NotATable> {
    let name = || chunk.column_path().string();
    let (start, length) = chunk.byte_range();
    let outside = || NotATable(format!("column `{}` lies outside the file", name()));
    let range = usize::try_from(start).ok().zip(usize::try_from(length).ok());
    let range = range.and_then(|(start, length)| Some(start..start.checked_add(length)?));
    let bytes = range.and_then(|range| bytes.get(range)).ok_or_else(outside)?;
    let mut pages = Pages { is_plain: true, ..Pages::default() };
    let (mut at, mut values) = (0, 0_u64);
    while at < bytes.len() {
        let mut input = Input::new(&bytes[at..]);
        let head = Head::read(&mut input)?;
        let size = head.size(input.position(), bytes.len() - at);
        let size = size.ok_or_else(|| NotATable(format!("a page of `{}` is cut", name())))?;
        if DATA_TYPES.contains(&head.kind) {
            values = values.saturating_add(head.values);
            pages.data.push(Page {
                offset: start + at as u64,
                size: size as u64,
                unpacked: head.unpacked,
                values: head.values,
                rows: head.rows,
            });
        } else if head.kind == DICTIONARY_TYPE && at == 0 {
            // One bit is the least that a value takes; the library makes room for all at once.
            if head.values > head.unpacked.saturating_mul(8) {
                return Err(NotATable(format!("the dictionary of `{}` is cut", name())));
            }
            pages.dictionary = head.unpacked;
        } else {
            pages.is_plain = false;
            pages.dictionary = pages.dictionary.saturating_add(head.unpacked);
        }
        at += size;
    }
    let claimed = u64::try_from(chunk.num_values()).unwrap_or(u64::MAX);
    if values != claimed {
        let name = name();
        return Err(NotATable(format!(
            "column `{name}` has {values} values, and its footer says {claimed}"
        )));
    }
    if is_flat && values != rows {
        let name = name();
        return Err(NotATable(format!("column `{name}` has {values} values for {rows} rows")));
    }
    Ok(pages)
}

/// The head of a page.
#[derive(Debug, Default)]
struct Head {
    kind: i64,
    packed: i64,
    unpacked: u64,
    values: u64,
    rows: Option<u64>,
}

impl Head {
    fn read(input: &mut Input) -> Result<Head, NotATable> {
        let mut head = Head { kind: -1, packed: -1, ..Head::default() };
        let count = |value: i64| {
            u64::try_from(value).map_err(|_| NotATable("a page has less than nothing".into()))
        };
        let mut last = 0;
        while let Some(field) = input.field(&mut last)? {
            match (field.id, field.kind) {
                (TYPE, Kind::Int) => head.kind = input.int()?,
                (UNPACKED, Kind::Int) => head.unpacked = count(input.int()?)?,
                (PACKED, Kind::Int) => head.packed = input.int()?,
                (DATA | DICTIONARY | DATA_2, Kind::Struct) => {
                    let mut within = 0;
                    while let Some(inner) = input.field(&mut within)? {
                        match (inner.id, inner.kind) {
                            (VALUES, Kind::Int) => head.values = count(input.int()?)?,
                            (ROWS, Kind::Int) if field.id == DATA_2 => {
                                head.rows = Some(count(input.int()?)?);
                            }
                            _ => input.skip(inner.kind)?,
                        }
                    }
                }
                _ => input.skip(field.kind)?,
            }
        }
        Ok(head)
    }

    /// Returns the bytes of the page, with its head of `head` bytes, if they are in the `left`.
    fn size(&self, head: usize, left: usize) -> Option<usize> {
        let size = head.checked_add(usize::try_from(self.packed).ok()?)?;
        (size <= left).then_some(size)
    }
}

impl Pages {
    /// Returns how many bytes all of them are once they are unpacked.
    pub(super) fn unpacked(&self) -> u64 {
        let data = self.data.iter().map(|page| page.unpacked);
        data.fold(self.dictionary, u64::saturating_add)
    }

    /// Returns how many bytes those are once they are unpacked that hold some of `rows`.
    pub(super) fn unpacked_of(&self, located: &[PageLocation], rows: &Range<u64>) -> u64 {
        let starts = located.iter().map(|it| it.first_row_index.unsigned_abs());
        let ends = starts.clone().skip(1).chain([u64::MAX]);
        let read = self.data.iter().zip(starts.zip(ends));
        let read = read.filter(|(_, (start, end))| *start < rows.end && *end > rows.start);
        read.map(|(page, _)| page.unpacked).fold(self.dictionary, u64::saturating_add)
    }

    /// Returns the pages with the first row of each, if that is known.
    ///
    /// Of lists, pages need not say how many rows they have; then `index`, the bytes of the file's
    /// own offset index, is asked, and believed where it names the very pages that are there.
    pub(super) fn located(
        &self,
        is_flat: bool,
        rows: u64,
        index: Option<&[u8]>,
    ) -> Option<Vec<PageLocation>> {
        if !self.is_plain {
            return None;
        }
        let counts: Option<Vec<u64>> =
            self.data.iter().map(|it| if is_flat { Some(it.values) } else { it.rows }).collect();
        let Some(counts) = counts else {
            return index.and_then(|bytes| self.indexed(bytes, rows).ok()?);
        };
        let mut first = 0_u64;
        let mut located = Vec::with_capacity(self.data.len());
        for (page, count) in self.data.iter().zip(counts) {
            located.push(PageLocation {
                offset: i64::try_from(page.offset).ok()?,
                compressed_page_size: i32::try_from(page.size).ok()?,
                first_row_index: i64::try_from(first).ok()?,
            });
            first = first.checked_add(count)?;
        }
        (first == rows).then_some(located)
    }

    fn indexed(&self, bytes: &[u8], rows: u64) -> Result<Option<Vec<PageLocation>>, NotATable> {
        let located = read_index(bytes)?;
        let are_there = located.len() == self.data.len()
            && located.iter().zip(&self.data).all(|(it, page)| {
                u64::try_from(it.offset) == Ok(page.offset)
                    && u64::try_from(it.compressed_page_size) == Ok(page.size)
            });
        let first_rows = located.iter().map(|it| it.first_row_index);
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        let are_in_order = located.first().is_none_or(|it| it.first_row_index == 0)
            && first_rows.clone().zip(first_rows.skip(1).chain([rows])).all(|(a, b)| a < b);
        Ok((are_there && are_in_order).then_some(located))
    }
}

/// Reads an `OffsetIndex`.
fn read_index(bytes: &[u8]) -> Result<Vec<PageLocation>, NotATable> {
    let mut input = Input::new(bytes);
    let (mut located, mut last) = (Vec::new(), 0);
    while let Some(field) = input.field(&mut last)? {
        if field.id != 1 || field.kind != Kind::List {
            input.skip(field.kind)?;
            continue;
        }
        let (kind, count) = input.list()?;
        if kind != Kind::Struct {
            return Ok(Vec::new());
        }
        for _ in 0..count {
            let (mut numbers, mut within) = ([0_i64; 3], 0);
            while let Some(inner) = input.field(&mut within)? {
                match (inner.id, inner.kind) {
                    (1..=3, Kind::Int) => {
                        numbers[usize::from(inner.id.unsigned_abs()) - 1] = input.int()?;
                    }
                    _ => input.skip(inner.kind)?,
                }
            }
            located.push(PageLocation {
                offset: numbers[0],
                compressed_page_size: i32::try_from(numbers[1]).unwrap_or(-1),
                first_row_index: numbers[2],
            });
        }
    }
    Ok(located)
}
