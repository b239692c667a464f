//! Only the pages are read that hold the rows asked for.

use parquet::file::properties::WriterVersion;

use super::made::{Make, read};
use crate::table::Window;

/// How many rows are asked for.
const ROWS: usize = 40;

/// Returns which share of the pages of `make` was read for rows of the middle.
#[expect(clippy::cast_precision_loss, reason = "files of a test are small")]
fn share(make: &Make) -> f64 {
    let (bytes, table) = make.make(&[]);
    let window = Window::open(bytes).unwrap().without_memory();
    let start = table[0].len() / 2;
    let slice = window.slice(start as u64..(start + ROWS) as u64).unwrap();
    let expected: Vec<_> = table.iter().map(|it| it[start..start + ROWS].to_vec()).collect();
    assert_eq!(read(slice).2, expected);
    window.bytes_read() as f64 / window.bytes().len() as f64
}

#[test]
fn rows_are_found_by_the_heads_of_pages_and_by_the_index_of_lists() {
    let flat = ["required int64 a;", "optional double b;", "optional binary c (JSON);"];
    let list = ["optional group l (LIST) { repeated group list { optional int64 element; } }"];
    let many = |fields: &[&str]| Make { dictionary: false, page: 512, ..Make::of(fields, 20_000) };
    for (make, most, why) in [
        (many(&flat), 0.02, "one value a row: counted by the heads of its pages"),
        (Make { version: WriterVersion::PARQUET_2_0, ..many(&list) }, 0.02, "pages that say rows"),
        (Make { index: true, ..many(&list) }, 0.02, "an index that says them"),
        (many(&list), 0.6, "without one, all pages down to the rows"),
        (Make { groups: vec![400; 50], ..many(&list) }, 0.03, "but of one row group"),
        (Make { groups: vec![400; 50], dictionary: true, ..many(&flat) }, 0.05, "a dictionary"),
    ] {
        let share = share(&make);
        assert!(share < most, "{why}: {share:.3} of the file was read");
    }
}

#[test]
fn columns_of_a_small_window_are_read_once() {
    let (bytes, _) = Make::of(&["required int64 a;", "optional binary b;"], 1000).make(&[]);
    let window = Window::open(bytes).unwrap();
    assert_eq!((window.bytes_read(), window.memory()), (0, window.bytes().len() as u64));
    window.slice(0..40).unwrap();
    let (read, memory) = (window.bytes_read(), window.memory());
    assert!(read > 0 && memory > window.bytes().len() as u64);
    window.slice(500..900).unwrap();
    assert_eq!((window.bytes_read(), window.memory()), (read, memory));
}
