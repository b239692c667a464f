//! Slices hold the rows that were asked for, as they are stored.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::made::{Make, Row, any_table, read};
use crate::table::Window;
use crate::table::window::schema::Occurs;

fn expected(table: &[Vec<Row>], rows: &Range<usize>) -> Vec<Vec<Row>> {
    table.iter().map(|leaf| leaf[rows.clone()].to_vec()).collect()
}

fn holds(window: &Window, table: &[Vec<Row>], range: &Range<usize>) -> Result<(), TestCaseError> {
    let slice = window.slice(range.start as u64..range.end as u64).unwrap();
    let (schema, rows, found) = read(slice);
    let (original, all, _) = read(window.bytes().to_vec());
    let cut = range.start.min(all)..range.end.min(all).max(range.start.min(all));
    prop_assert_eq!(schema, original);
    prop_assert_eq!(rows, cut.len());
    prop_assert_eq!(found, expected(table, &cut), "rows {:?}", cut);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_slice_holds_the_rows_of_any_table(
        make in any_table(),
        ranges in prop::collection::vec((0_usize..400, 0_usize..400), 1..4),
    ) {
        let (bytes, table) = make.make(&[("pandas", "{}"), ("ARROW:schema", "kept")]);
        let bytes: Arc<[u8]> = bytes.into();
        let window = Window::open(Arc::clone(&bytes)).unwrap();
        let all = table[0].len();
        prop_assert_eq!(window.rows(), all as u64);
        for (a, b) in ranges {
            let range = a.min(b)..a.max(b);
            holds(&window, &table, &range)?;
            // Read from its pages each time.
            let window = window.without_memory();
            holds(&window, &table, &range)?;
            prop_assert_eq!(window.memory(), bytes.len() as u64);
        }
        holds(&window, &table, &(0..all))?;
        let slice = Window::open(window.slice(0..1).unwrap()).unwrap();
        prop_assert_eq!(slice.metadata("ARROW:schema"), Some("kept"));
        prop_assert_eq!(slice.metadata("pandas"), Some("{}"));
        prop_assert_eq!(slice.columns(), window.columns());
    }
}

#[test]
fn a_window_of_buckaroo_keeps_its_json() {
    let path = "fixtures/buckaroo/bundle/first_window.parquet";
    let bytes = crate::disk::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let (_, _, table) = read(bytes.clone());
    let window = Window::open(bytes).unwrap();
    let slice = Window::open(window.slice(20..60).unwrap()).unwrap();
    assert_eq!(slice.columns(), window.columns());
    let told: Vec<String> = slice
        .columns()
        .iter()
        .map(|it| {
            let nullable = if it.occurs == Occurs::AtMostOnce { "?" } else { "" };
            let logical = it.logical.as_deref().unwrap_or("-");
            format!("{}{nullable} {} {logical}", it.name, it.physical)
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    assert_eq!(read(slice.bytes().to_vec()).2, expected(&table, &(20..60)));
    let told = |window: &Window| -> serde_json::Value {
        serde_json::from_str(window.metadata("pandas").unwrap()).unwrap()
    };
    let (mut told, now) = (told(&window), told(&slice));
    told["index_columns"][0]["start"] = 20.into();
    told["index_columns"][0]["stop"] = 60.into();
    assert_eq!(now, told, "its index is a range, which tells the rows of the slice");
}

#[test]
fn all_rows_are_the_stored_file_unless_browsers_cannot_read_it() {
    let mut make = Make::of(&["optional binary t (JSON);"], 100);
    let (bytes, _) = make.make(&[]);
    let window = Window::open(bytes.clone()).unwrap();
    assert_eq!(window.slice(0..100).unwrap(), bytes);
    assert_eq!(window.slice(0..u64::MAX).unwrap(), bytes, "cut to the rows there are");
    make.compression = parquet::basic::Compression::ZSTD(parquet::basic::ZstdLevel::default());
    let (packed, table) = make.make(&[]);
    let slice = Window::open(packed.clone()).unwrap().slice(0..100).unwrap();
    assert_ne!(slice, packed);
    assert_eq!(read(slice).2, table);
}

#[test]
fn the_same_rows_are_the_same_bytes() {
    let (bytes, _) = Make::of(&["optional int64 a;", "required double b;"], 600).make(&[]);
    let window = Window::open(bytes).unwrap();
    let first = window.slice(5..595).unwrap();
    assert_eq!(first, window.slice(5..595).unwrap(), "warm");
    assert_eq!(first, window.without_memory().slice(5..595).unwrap(), "from its pages");
    assert!(!String::from_utf8_lossy(&first).contains("parquet-rs"));
}

#[test]
fn a_range_that_pandas_keeps_tells_the_rows_of_the_slice() {
    let said = r#"{"index_columns":[{"kind":"range","name":null,"start":0,"stop":9,"step":1}]}"#;
    let (bytes, _) = Make::of(&["required int64 a;"], 9).make(&[("pandas", said), ("mine", "x")]);
    let slice = Window::open(bytes).unwrap().slice(2..5).unwrap();
    let slice = Window::open(slice).unwrap();
    let told = said.replace(":0", ":2").replace(":9", ":5");
    assert_eq!(slice.metadata("pandas"), Some(told.as_str()));
    assert_eq!(slice.metadata("mine"), Some("x"));
}

#[test]
fn no_rows_no_columns_and_one_name_twice_are_windows() {
    let (bytes, _) = Make::of(&["required int64 a;", "optional binary a (JSON);"], 9).make(&[]);
    let window = Window::open(bytes).unwrap();
    let slice = Window::open(window.slice(4..4).unwrap()).unwrap();
    assert_eq!((slice.rows(), slice.columns()), (0, window.columns()), "no rows, two of one name");
    assert_eq!(slice.slice(0..7).unwrap(), slice.bytes());
    assert_eq!(window.slice(40..90).unwrap(), slice.bytes(), "beyond the end");
    let backwards = Range { start: 5, end: 3 };
    assert_eq!(window.slice(backwards).unwrap(), slice.bytes());

    let none = Make { groups: vec![], ..Make::of(&["required int64 a;"], 0) };
    assert_eq!(Window::open(none.make(&[]).0).unwrap().rows(), 0);
    let without = Window::open(crate::table::write_parquet(&[]).unwrap()).unwrap();
    assert_eq!((without.rows(), without.columns().len()), (0, 0));
    assert_eq!(without.slice(0..1).unwrap(), without.bytes());
}

#[test]
fn rows_without_columns_are_counted() {
    let window = Window::open(super::refused::without_columns(9)).unwrap();
    assert_eq!(window.rows(), 9);
    let slice = Window::open(window.slice(2..5).unwrap()).unwrap();
    assert_eq!((slice.rows(), slice.columns().len()), (3, 0));
}

#[test]
fn ten_thousand_columns_are_a_window() {
    let fields: Vec<String> = (0..10_000).map(|at| format!("optional int32 c{at};")).collect();
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let (bytes, table) = Make::of(&fields, 3).make(&[]);
    let window = Window::open(bytes).unwrap();
    assert_eq!(window.columns().len(), 10_000);
    assert_eq!(read(window.slice(1..3).unwrap()).2, expected(&table, &(1..3)));
}

#[test]
fn threads_share_a_window() {
    let (bytes, table) = Make::of(&["optional int64 a;", "optional binary b;"], 500).make(&[]);
    let window = Window::open(bytes).unwrap();
    std::thread::scope(|scope| {
        for start in (0..400).step_by(50) {
            let (window, table) = (window.clone(), &table);
            scope.spawn(move || {
                let found = read(window.slice(start as u64..start as u64 + 40).unwrap()).2;
                assert_eq!(found, expected(table, &(start..start + 40)));
            });
        }
    });
}
