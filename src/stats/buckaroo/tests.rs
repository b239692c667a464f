use proptest::prelude::*;

use super::*;
use crate::stats::model::{ColumnStats, NatOf, StatValue, Text, TimeUnit};
use crate::stats::samples::{any_value, every_kind};
use crate::stats::{columnar, text};

fn sample() -> Vec<u8> {
    crate::disk::read(std::path::Path::new("fixtures/buckaroo/bundle/sd.parquet")).unwrap()
}

/// The value of the one stat of the one column.
fn stat(json: &str) -> StatValue {
    let stats = read_sd_json(&format!("{{\"a\": {{\"x\": {json}}}}}")).unwrap();
    stats.columns[0].stats.get("x").unwrap().clone()
}

fn written(value: StatValue) -> String {
    let stats = [("x", value)].into_iter().collect();
    let column = ColumnStats { short: "a".into(), name: StatValue::text("a"), stats };
    let json = write_sd_json(&Stats { columns: vec![column] });
    json.strip_prefix("{\"a\": {\"x\": ").unwrap().strip_suffix("}}").unwrap().to_owned()
}

#[test]
fn a_real_file_is_read_whole_and_goes_through_every_form() {
    let stats = read_sd_parquet(sample()).unwrap();
    assert_eq!(stats.columns.len(), 20);
    assert!(stats.columns.iter().all(|column| column.stats.len() == 42));
    let encoded = text::encode(&stats);
    assert!(!encoded.contains("opaque"), "all of it is understood");
    let month = stats.column(&StatValue::text("month")).unwrap();
    assert_eq!(month.short, "b");
    assert_eq!(month.stats.get("mean"), Some(&StatValue::float(6.5598)));
    let StatValue::Dict(arguments) = month.stats.get("histogram_args").unwrap() else { panic!() };
    assert_eq!(arguments[0].1.kind(), "tuple");
    assert_eq!(text::decode(encoded.as_bytes()).as_ref(), Ok(&stats));
    assert_eq!(columnar::decode(columnar::encode(&stats).unwrap()).as_ref(), Ok(&stats));
    assert_eq!(read_sd_parquet(write_sd_parquet(&stats).unwrap()), Ok(stats));
    let head: Vec<&str> = encoded.lines().take(21).collect();
    insta::assert_snapshot!(
        [
            head.join("\n"),
            encoded
                .lines()
                .filter(|line| line.starts_with("time_hour\t"))
                .collect::<Vec<_>>()
                .join("\n")
        ]
        .join("\n...\n")
    );
}

#[test]
fn what_python_takes_for_json_is_read() {
    let zoned = |micros: i64| StatValue::DateTime { micros, zone: Some("UTC".into()), fold: false };
    let timestamp = |value, unit| StatValue::Timestamp { value, unit, zone: None };
    for (json, value) in [
        ("Infinity", StatValue::float(f64::INFINITY)),
        (
            "[-Infinity, NaN]",
            StatValue::List(vec![StatValue::float(f64::NEG_INFINITY), StatValue::float(f64::NAN)]),
        ),
        ("1180591620717411303424", StatValue::BigInt("1180591620717411303424".into())),
        ("1e-05", StatValue::float(1e-5)),
        ("1.0", StatValue::float(1.0)),
        ("\"\\ud800x\"", StatValue::Str(Text::from_utf16([0xd800, 0x78]))),
        ("{\"__bk_t__\": \"nan\"}", StatValue::float(f64::NAN)),
        ("{\"__bk_t__\": \"datetime\", \"v\": \"NaT\"}", StatValue::NaT(NatOf::Timestamp)),
        ("{\"__bk_t__\": \"datetime\", \"v\": \"1970-01-01T05:30:00.5+05:30\"}", {
            StatValue::DateTime { micros: 500_000, zone: Some("+05:30".into()), fold: false }
        }),
        ("{\"__bk_t__\": \"datetime\", \"v\": \"1970-01-01T00:00:01+00:00\"}", zoned(1_000_000)),
        ("{\"__bk_t__\": \"pd.Timestamp\", \"v\": \"1970-01-01T00:00:00\"}", {
            timestamp(0, TimeUnit::Micro)
        }),
        ("{\"__bk_t__\": \"pd.Timestamp\", \"v\": \"1970-01-01T00:00:00.000000001\"}", {
            timestamp(1, TimeUnit::Nano)
        }),
        ("{\"__bk_t__\": \"pd.Timedelta\", \"v\": -1.5}", {
            StatValue::Timedelta { value: -1_500_000, unit: TimeUnit::Micro }
        }),
        ("{\"__bk_t__\": \"timedelta\", \"v\": -1e-06}", StatValue::py_timedelta(-1)),
        ("{\"__bk_t__\": \"date\", \"v\": \"0001-01-01\"}", StatValue::Date(-719_162)),
        (
            "{\"__bk_t__\": \"time\", \"v\": \"01:00:00+05:30\"}",
            StatValue::Time { micros: 3_600_000_000, zone: Some("+05:30".into()), fold: false },
        ),
        ("{\"__bk_t__\": \"decimal\", \"v\": \"1E+5\"}", StatValue::Decimal("1E+5".into())),
        ("{\"__bk_t__\": \"bytes\", \"v\": \"AP8=\"}", StatValue::Bytes([0, 255].into())),
        ("{\"__bk_t__\": \"tuple\", \"v\": [1, {\"__bk_t__\": \"tuple\", \"v\": []}]}", {
            StatValue::Tuple(vec![StatValue::Int(1), StatValue::Tuple(vec![])])
        }),
        (
            "{\"a\": 1, \"b\": 2, \"a\": 3}",
            StatValue::Dict(vec![("a".into(), StatValue::Int(3)), ("b".into(), StatValue::Int(2))]),
        ),
        (
            "{\"__bk_t__\": 5, \"v\": 1}",
            StatValue::Dict(vec![
                ("__bk_t__".into(), StatValue::Int(5)),
                ("v".into(), StatValue::Int(1)),
            ]),
        ),
        (
            "{\"__bk_t__\": \"tuple\", \"v\": [], \"w\": 1}",
            StatValue::Dict(vec![
                ("__bk_t__".into(), StatValue::text("tuple")),
                ("v".into(), StatValue::List(vec![])),
                ("w".into(), StatValue::Int(1)),
            ]),
        ),
    ] {
        assert_eq!(stat(json), value, "{json}");
    }
}

#[test]
fn one_strange_value_is_opaque_and_all_others_are_read() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    for (json, tag) in [
        ("{\"__bk_t__\": \"series\", \"v\": [1, Infinity]}", "buckaroo:series"),
        ("{\"__bk_t__\": \"datetime\", \"v\": \"soon\"}", "buckaroo:datetime"),
        ("{\"__bk_t__\": \"tuple\"}", "buckaroo:tuple"),
        ("{\"__bk_t__\": \"bytes\", \"v\": 1}", "buckaroo:bytes"),
        ("{\"__bk_t__\": \"pd.Timedelta\", \"v\": NaN}", "buckaroo:pd.Timedelta"),
        (deep.as_str(), "buckaroo:"),
    ] {
        let value = stat(json);
        assert_eq!(value, StatValue::opaque(tag, json));
        assert_eq!(written(value), json, "as it came");
    }
    let series = StatValue::opaque("buckaroo:str", "Interval(0, 1)");
    assert_eq!(stat("{\"__bk_t__\": \"str\", \"v\": \"Interval(0, 1)\"}"), series);
    assert_eq!(stat(&written(series.clone())), series);
    let stats = read_sd_json("{\"a\": {\"value_counts\": [1], \"x\": 1}, \"b\": [7, \"\\u00e9\"]}")
        .unwrap();
    assert_eq!(stats.columns[0].stats.len(), 1, "value_counts is left out");
    assert_eq!(
        stats.columns[1].stats.get(""),
        Some(&StatValue::opaque("buckaroo:column", "[7, \"\\u00e9\"]"))
    );
    assert_eq!(write_sd_json(&stats), "{\"a\": {\"x\": 1}, \"b\": [7, \"\\u00e9\"]}");
}

#[test]
fn names_of_columns_are_what_the_table_calls_them() {
    let json = r#"{"a": {"orig_col_name": {"__bk_t__": "tuple", "v": ["x", 1]}},
        "b": {"orig_col_name": 7}, "c": {"orig_col_name": null}, "d": {}, "e": {"orig_col_name": 7}}"#;
    let stats = read_sd_json(json).unwrap();
    let names: Vec<&StatValue> = stats.columns.iter().map(|column| &column.name).collect();
    let tuple = StatValue::Tuple(vec![StatValue::text("x"), StatValue::Int(1)]);
    assert_eq!(
        names,
        [&tuple, &StatValue::Int(7), &StatValue::None, &StatValue::text("d"), &StatValue::Int(7)]
    );
    assert_eq!(read_sd_json(&write_sd_json(&stats)), Ok(stats));
    assert_eq!(read_sd_json("{}"), Ok(Stats::default()));
}

#[test]
fn each_kind_is_written_as_buckaroo_would_read_it() {
    let lines = every_kind().into_iter().map(|value| {
        let json = written(value.clone());
        assert!(json.is_ascii(), "{json}");
        assert!(!json.contains("Infinity") && !json.contains("NaN\"}x"), "{json}");
        let back = stat(&json);
        format!("{:<12} {} {json}", value.kind(), if back == value { "=" } else { "~" })
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn lengths_of_time_are_never_another_length() {
    for (value, unit, is_told) in [
        (1, TimeUnit::Nano, false),
        (1_000, TimeUnit::Nano, true),
        (i64::MAX, TimeUnit::Micro, false),
        (86_400, TimeUnit::Second, true),
    ] {
        let json = written(StatValue::Timedelta { value, unit });
        assert_eq!(json.contains("pd.Timedelta"), is_told, "{json}");
    }
    let told = written(StatValue::py_timedelta(86_399_999_999));
    assert_eq!(told, "{\"__bk_t__\": \"timedelta\", \"v\": 86399.999999}");
}

#[test]
fn what_is_no_such_file_is_refused() {
    for (bytes, what) in [
        (b"".to_vec(), ""),
        (sample()[..11_000].to_vec(), ""),
        (write_parquet(&[NewColumn::new("x", Cells::Int(vec![Some(1)]))]).unwrap(), "`sd_json`"),
        (write_parquet(&[NewColumn::new(COLUMN, Cells::Text(vec![None]))]).unwrap(), "`sd_json`"),
        (
            write_parquet(&[NewColumn::new(COLUMN, Cells::Text(vec![Some("{\"a\": ".into())]))])
                .unwrap(),
            "byte 6",
        ),
        (
            write_parquet(&[NewColumn::new(COLUMN, Cells::Text(vec![Some("[]".into())]))]).unwrap(),
            "no object",
        ),
    ] {
        let problem = read_sd_parquet(bytes).unwrap_err().to_string();
        assert!(problem.contains(what), "{problem}");
    }
}

#[test]
fn a_histogram_of_ten_megabytes_and_ten_thousand_columns_are_read() {
    let bars = vec![r#"{"name": "1-2", "population": Infinity}"#; 300_000].join(", ");
    let json = format!("{{\"a\": {{\"histogram\": [{bars}]}}}}");
    assert!(json.len() > 10_000_000);
    let StatValue::List(bars) =
        read_sd_json(&json).unwrap().columns[0].stats.get("histogram").unwrap().clone()
    else {
        panic!()
    };
    assert_eq!(bars.len(), 300_000);
    let columns: Vec<String> =
        (0..10_000).map(|at| format!("\"c{at}\": {{\"min\": NaN}}")).collect();
    assert_eq!(read_sd_json(&format!("{{{}}}", columns.join(","))).unwrap().columns.len(), 10_000);
}

proptest! {
    #[test]
    fn what_is_written_is_read_and_settles(value in any_value()) {
        let json = written(value);
        let once = stat(&json);
        // Buckaroo's tags say less than there was; what they say then stays.
        let again = stat(&written(once.clone()));
        prop_assert_eq!(again, once, "{}", json);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[{}\\[\\]\":,0-9a-zNI.\\\\u_-]{0,60}") {
        drop(read_sd_json(&text));
        drop(read_sd_json(&format!("{{\"a\": {{\"x\": {text}")));
    }
}
