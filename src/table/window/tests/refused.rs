//! What is cut, foreign or contradicts itself is refused with a reason, and never panics.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataReader,
    ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::SchemaDescriptor;

use super::made::Make;
use crate::table::{NotATable, TableLimits, Window};

fn open_and_slice(bytes: Vec<u8>) -> Result<Vec<u8>, NotATable> {
    Window::open(bytes)?.slice(1..4)
}

fn small() -> Vec<u8> {
    let fields = [
        "required int32 a;",
        "optional binary b (JSON);",
        "optional group l (LIST) { repeated group list { optional double element; } }",
    ];
    Make::of(&fields, 12).make(&[("pandas", "{}")]).0
}

/// Returns the file with another footer.
fn forged(
    bytes: &[u8],
    change: impl Fn(ColumnChunkMetaData, usize) -> ColumnChunkMetaData,
    rows: i64,
) -> Vec<u8> {
    let footer =
        ParquetMetaDataReader::new().parse_and_finish(&Bytes::from(bytes.to_vec())).unwrap();
    let file = footer.file_metadata();
    let total = file.num_rows() + rows;
    let file = FileMetaData::new(1, total, None, None, file.schema_descr_ptr(), None);
    let groups = footer.row_groups().iter().map(|group| {
        let columns = group.columns().iter().cloned().enumerate();
        let columns = columns.map(|(at, column)| change(column, at)).collect();
        let rows = group.num_rows() + rows;
        group
            .clone()
            .into_builder()
            .set_num_rows(rows)
            .set_column_metadata(columns)
            .build()
            .unwrap()
    });
    let footer = ParquetMetaData::new(file, groups.collect());
    let length = u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap());
    let mut out = bytes[..bytes.len() - 8 - length as usize].to_vec();
    ParquetMetaDataWriter::new(&mut out, &footer).finish().unwrap();
    out
}

/// Returns a file of rows that have no columns.
pub(super) fn without_columns(rows: i64) -> Vec<u8> {
    let schema = Arc::new(parse_message_type("message none { }").unwrap());
    let schema = Arc::new(SchemaDescriptor::new(schema));
    let group = RowGroupMetaData::builder(Arc::clone(&schema)).set_num_rows(rows).build().unwrap();
    let file = FileMetaData::new(1, rows, None, None, schema, None);
    let mut out = b"PAR1".to_vec();
    let footer = ParquetMetaData::new(file, vec![group]);
    ParquetMetaDataWriter::new(&mut out, &footer).finish().unwrap();
    out
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let good = small();
    for end in 0..good.len() {
        assert!(open_and_slice(good[..end].to_vec()).is_err(), "cut at {end}");
        // Cut in the middle, with the end as it was.
        let rest = [&good[..end], &good[end + 1..]].concat();
        drop(open_and_slice(rest));
    }
    assert!(open_and_slice(good).is_ok());
}

#[test]
fn a_file_changed_anywhere_never_panics() {
    let good = small();
    for at in 0..good.len() {
        for bits in [0x01, 0x08, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[at] ^= bits;
            if let Ok(slice) = open_and_slice(bytes) {
                assert_eq!(Window::open(slice).unwrap().rows(), 3, "{at} {bits}");
            }
        }
    }
}

#[test]
fn what_is_no_parquet_is_refused_by_what_it_is() {
    for (bytes, why) in [
        (&b""[..], "it is cut, or no parquet"),
        (b"PAR1", "it is cut, or no parquet"),
        (b"a,b\n1,2\n3,4\n5,6\n", "it is no parquet"),
        (b"PAR1\xff\xff\xff\x7fPAR1", "it is cut"),
        (b"PAR1\0\0\0\0PARE", "it is encrypted"),
    ] {
        assert_eq!(Window::open(bytes).unwrap_err().to_string(), why);
    }
}

#[test]
fn a_footer_that_says_other_than_the_pages_is_refused() {
    let good = small();
    let told = |bytes: Vec<u8>| {
        let refused = open_and_slice(bytes.clone()).unwrap_err().to_string();
        let all = Window::open(bytes).and_then(|window| window.slice(0..u64::MAX));
        assert!(all.is_err(), "nor are all of its rows handed out: {refused}");
        refused
    };
    assert!(open_and_slice(forged(&good, |it, _| it, 0)).is_ok(), "the forger is no liar");
    assert_eq!(told(forged(&good, |it, _| it, 1)), "column `a` has 12 values for 13 rows");
    let other = |number: usize, by: i64| {
        forged(
            &good,
            move |it, at| {
                let values = it.num_values() + if at == number { by } else { 0 };
                it.into_builder().set_num_values(values).build().unwrap()
            },
            0,
        )
    };
    assert_eq!(told(other(0, 1)), "column `a` has 12 values, and its footer says 13");
    assert!(told(other(2, -1)).starts_with("column `l.list.element` has"));
    let outside = forged(
        &good,
        |it, _| it.into_builder().set_total_compressed_size(1 << 40).build().unwrap(),
        0,
    );
    assert_eq!(told(outside), "a column lies outside the file");
    let elsewhere = forged(
        &good,
        |it, _| it.into_builder().set_file_path("other.parquet".into()).build().unwrap(),
        0,
    );
    assert_eq!(told(elsewhere), "its columns lie in other files");
    let packed = forged(
        &good,
        |it, _| {
            it.into_builder()
                .set_compression(Compression::ZSTD(ZstdLevel::default()))
                .build()
                .unwrap()
        },
        0,
    );
    assert!(open_and_slice(packed).is_err(), "packed in another way than it says");
}

#[test]
fn what_unpacks_to_more_than_the_limits_is_refused_before_it_is_unpacked() {
    let make = Make {
        compression: Compression::ZSTD(ZstdLevel::default()),
        dictionary: false,
        ..Make::of(&["required int96 a;"], 100_000)
    };
    let (bytes, _) = make.make(&[]);
    for (limits, why) in [
        (TableLimits { cells: 10, bytes: 1 << 30 }, "it has more than 10 values to unpack"),
        (TableLimits { cells: 1 << 30, bytes: 9 }, "it has more than 9 bytes to unpack"),
    ] {
        let window = Window::open_within(bytes.clone(), limits).unwrap();
        assert_eq!(window.slice(0..100).unwrap_err().to_string(), why);
        assert_eq!(window.bytes_read(), 0, "{why}");
    }
    // Few bytes in the file that are many once they are written.
    let text = format!("\"{}\"", "x".repeat(10_000));
    let column = crate::table::Cells::Text(vec![Some(text); 200]);
    let bytes = crate::table::write_parquet(&[crate::table::NewColumn::new("a", column)]).unwrap();
    assert!(bytes.len() < 100_000, "a dictionary");
    let limits = TableLimits { cells: 1000, bytes: 1 << 20 };
    let window = Window::open_within(bytes, limits).unwrap();
    assert!(window.slice(0..90).is_ok());
    let refused = window.slice(0..190).unwrap_err().to_string();
    assert_eq!(refused, "the rows are larger than 1048576 bytes");
}
