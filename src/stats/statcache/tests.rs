use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::stats::text::{self, encode_value};

const REAL: &str = "fixtures/buckaroo/statcache/parquet/v1/34620d01f92884a49cf6d6e4a7e72ded/part-01795228896922080398-d790c101.parquet";

fn fixture(path: &str) -> Vec<u8> {
    crate::disk::read(std::path::Path::new(path)).unwrap()
}

#[test]
fn a_real_part_is_read_whole() {
    let part = read_part(fixture(REAL)).unwrap();
    assert_eq!(part.cells.len(), 142);
    let (table, stats) = part.stats();
    assert_eq!(table.get("length"), Some(&StatValue::Int(336_776)));
    assert_eq!(stats.columns.len(), 19);
    let encoded = text::encode(&stats);
    assert!(!encoded.contains("opaque"), "all of it is understood");
    assert_eq!(text::decode(encoded.as_bytes()).as_ref(), Ok(&stats));
    let lines: Vec<&str> = encoded
        .lines()
        .filter(|it| it.starts_with("month\t") || it.starts_with("carrier\t"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn every_type_is_the_value_that_buckaroo_wrote() {
    let part = read_part(fixture("fixtures/buckaroo/parts/part-kinds.parquet")).unwrap();
    let lines = part.cells.iter().map(|cell| {
        let column = cell.column.as_deref().unwrap_or("(table)");
        match &cell.outcome {
            Outcome::Value(value) => format!("{column} {} {}", cell.stat(), encode_value(value)),
            Outcome::Error(message) => format!("{column} {} failed: {message}", cell.stat()),
        }
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn ten_thousand_columns_are_read() {
    let part = read_part(fixture("fixtures/buckaroo/parts/part-many-columns.parquet")).unwrap();
    assert_eq!(part.cells.len(), 10_000);
    assert_eq!(part.stats().1.columns.len(), 10_000);
}

#[test]
fn what_is_cut_broken_or_foreign_is_refused_or_read_and_never_panics() {
    let good = fixture(REAL);
    for end in (0..good.len()).step_by(53) {
        assert!(read_part(good[..end].to_vec()).is_err(), "cut at {end}");
    }
    for at in (0..good.len()).step_by(17) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x81;
        drop(read_part(bytes));
    }
    let window = fixture("fixtures/buckaroo/bundle/first_window.parquet");
    assert_eq!(read_part(window).unwrap_err().to_string(), "it has no column `col`");
}

#[test]
fn a_schema_that_lies_is_not_believed() {
    let table = read_nested(fixture(REAL), LIMITS).unwrap();
    let base64 = table.arrow_schema.unwrap();
    let fields = arrow_fields(&base64).unwrap();
    assert_eq!(fields.len(), table.columns.len());
    assert!(fields.iter().zip(&table.columns).all(|(field, name)| field.name == *name));
    assert_eq!(fields[1].metadata, [(SPEC.to_owned(), "{\"t\": \"int\"}".to_owned())]);
    let bytes = STANDARD.decode(base64).unwrap();
    for end in 0..bytes.len() {
        drop(arrow_fields(&STANDARD.encode(&bytes[..end])));
    }
    for at in 0..bytes.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] ^= change;
            drop(arrow_fields(&STANDARD.encode(bytes)));
        }
    }
}

#[test]
fn a_type_that_is_not_known_is_opaque() {
    for spec in [
        "{\"t\":\"quaternion\"}",
        "{}",
        "7",
        "{\"t\":\"dict\",\"fields\":[[7]]}",
        "{\"t\":\"union\",\"of\":[]}",
    ] {
        let spec: Json = serde_json::from_str(spec).unwrap();
        assert_eq!(value_of(&spec, &Nested::Int(1)), None, "{spec}");
        let odd = Nested::Struct(vec![("k".into(), Nested::Int(300)), ("f0".into(), Nested::Null)]);
        assert_eq!(value_of(&spec, &odd), None, "{spec}");
    }
}
