//! Writes rows of a window as a parquet file of their own.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    FileMetaData, KeyValue, ParquetMetaData, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesPtr, WriterVersion,
};
use parquet::file::writer::SerializedFileWriter;

use super::leaf::Leaf;
use super::rows::Rows;
use crate::table::NotATable;
use crate::table::parquet::{CREATED_BY, problem};

/// Up to how many rows a slice is written with small pages. The library makes room for a whole page
/// before it writes one, and for few rows that takes most of the time.
const FEW: usize = 512;
const SMALL_PAGE: usize = 4 << 10;
const LARGE_PAGE: usize = 1 << 20;

static FEW_ROWS: LazyLock<WriterPropertiesPtr> = LazyLock::new(|| properties(SMALL_PAGE));
static MANY_ROWS: LazyLock<WriterPropertiesPtr> = LazyLock::new(|| properties(LARGE_PAGE));

/// What every reader takes, the one in a browser above all: pages of the first version, nothing
/// packed, no dictionary, no statistics and no indices.
fn properties(page: usize) -> WriterPropertiesPtr {
    let properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_data_page_size_limit(page);
    Arc::new(properties.build())
}

/// Returns `range` of `rows` as a parquet file with the same schema and the keys `metadata`.
///
/// # Errors
/// [`NotATable`] if the pages that hold them cannot be read, or they are larger than the limits.
pub(super) fn slice(
    rows: &Rows,
    range: Range<u64>,
    metadata: Vec<KeyValue>,
) -> Result<Vec<u8>, NotATable> {
    let count = usize::try_from(range.end - range.start);
    let count = count.map_err(|_| NotATable("it has too many rows".into()))?;
    if rows.schema().num_columns() == 0 && count > 0 {
        return without_columns(rows, &range, metadata).map_err(problem);
    }
    let properties = if count <= FEW { &FEW_ROWS } else { &MANY_ROWS };
    let schema = rows.schema().root_schema_ptr();
    let mut out = Vec::new();
    let mut file =
        SerializedFileWriter::new(&mut out, schema, Arc::clone(properties)).map_err(problem)?;
    for pair in metadata {
        file.append_key_value_metadata(pair);
    }
    if count > 0 {
        let mut left = rows.limits().bytes;
        let mut group = file.next_row_group().map_err(problem)?;
        let kept = rows.kept()?;
        let mut number = 0;
        while let Some(mut writer) = group.next_column().map_err(problem)? {
            let read;
            let (leaf, range): (&Leaf, Range<usize>) = if let Some(kept) = kept {
                let start = usize::try_from(range.start).expect("what is kept is in memory");
                (&kept[number], start..start + count)
            } else {
                read = rows.leaf(number, range.clone())?;
                (&read, 0..count)
            };
            // Of a dictionary, a text of many rows is unpacked once and written many times.
            left = left.checked_sub(leaf.size(range.clone())).ok_or_else(|| {
                let most = rows.limits().bytes;
                NotATable(format!("the rows are larger than {most} bytes"))
            })?;
            leaf.write(&mut writer, range).map_err(problem)?;
            writer.close().map_err(problem)?;
            number += 1;
        }
        group.close().map_err(problem)?;
    }
    file.close().map_err(problem)?;
    Ok(out)
}

/// Writes rows that have no columns: the library counts rows by columns.
fn without_columns(
    rows: &Rows,
    range: &Range<u64>,
    metadata: Vec<KeyValue>,
) -> Result<Vec<u8>, ParquetError> {
    let schema = rows.metadata().file_metadata().schema_descr_ptr();
    let count = i64::try_from(range.end - range.start)?;
    let file = FileMetaData::new(
        1,
        count,
        Some(CREATED_BY.to_owned()),
        (!metadata.is_empty()).then_some(metadata),
        Arc::clone(&schema),
        None,
    );
    let group = RowGroupMetaData::builder(schema).set_num_rows(count).build()?;
    let footer = ParquetMetaData::new(file, vec![group]);
    let mut out = b"PAR1".to_vec();
    ParquetMetaDataWriter::new(&mut out, &footer).finish()?;
    Ok(out)
}
