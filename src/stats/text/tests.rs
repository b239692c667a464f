use proptest::prelude::*;

use super::*;
use crate::stats::model::{Text, TimeUnit, short_name};
use crate::stats::samples::{any_stats, any_value, every_kind};

#[test]
fn every_kind_has_its_own_text_and_comes_back() {
    let lines: Vec<String> = every_kind()
        .iter()
        .map(|value| {
            let text = value_text(value);
            assert_eq!(read_value(&text).as_ref(), Ok(value), "{text}");
            let strict: Result<serde_json::Value, _> = serde_json::from_str(&text);
            assert!(strict.is_ok(), "strictly JSON: {text}");
            format!("{:<12} {text}", value.kind())
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn floats_keep_their_bits_those_of_no_number_too() {
    for bits in [0, 1 << 63, 0x7ff8_0000_0000_0000, 0xfff8_0000_0000_0001, 0x7ff0_0000_0000_0001, 1]
    {
        let text = value_text(&StatValue::float(f64::from_bits(bits)));
        let Ok(StatValue::Float(found)) = read_value(&text) else { panic!("{text}") };
        assert_eq!(found.0.to_bits(), bits, "{text}");
    }
}

fn table(names: &[StatValue]) -> Stats {
    let column = |(at, name): (usize, &StatValue)| ColumnStats {
        short: short_name(at),
        name: name.clone(),
        stats: [("min", StatValue::Int(1)), ("a\tb", StatValue::None)].into_iter().collect(),
    };
    Stats { columns: names.iter().enumerate().map(column).collect() }
}

#[test]
fn names_may_be_anything_and_may_be_there_twice() {
    let text = StatValue::text;
    let stats = table(&[
        text("year"),
        text("year"),
        text("year#2"),
        StatValue::Int(0),
        text("0"),
        StatValue::Tuple(vec![text("a"), StatValue::Int(1)]),
        StatValue::None,
        text("null"),
        text(""),
        text("a\tb\n\"c\""),
        StatValue::Str(Text::from_utf16([0xd800])),
        text("{\"$\":\"na\"}"),
    ]);
    let encoded = encode(&stats);
    assert_eq!(decode(encoded.as_bytes()), Ok(stats));
    insta::assert_snapshot!(encoded);
}

#[test]
fn what_would_not_come_back_is_opaque_and_never_another_value() {
    let micros = 90_000_000_000;
    for (value, why) in [
        (StatValue::Time { micros, zone: None, fold: false }, "25 o'clock"),
        (StatValue::PyTimedelta { days: 0, micros }, "more than a day besides the days"),
        (StatValue::BigInt("12".into()), "a small number that says it is big"),
        (StatValue::BigInt("garbage, \"x".into()), "no number"),
        (StatValue::Set(vec![StatValue::Int(2), StatValue::Int(1)]), "a set out of order"),
    ] {
        for value in [StatValue::List(vec![value.clone()]), value] {
            let text = value_text(&value);
            let Ok(StatValue::Opaque(opaque)) = read_value(&text) else { panic!("{why}: {text}") };
            assert_eq!(opaque.tag.as_str(), Some("recell:unstable"), "{why}");
        }
    }
}

#[test]
fn what_is_nested_too_deeply_is_opaque_or_refused_and_no_stack_overflows() {
    let nested = |levels| (0..levels).fold(StatValue::Int(1), |it, _| StatValue::List(vec![it]));
    assert_eq!(read_value(&value_text(&nested(200))), Ok(nested(200)));
    let text = value_text(&nested(400));
    let Ok(StatValue::Opaque(opaque)) = read_value(&text) else { panic!("{text}") };
    assert_eq!(opaque.tag.as_str(), Some("recell:too-deep"));
    let tuples = (0..200).fold(StatValue::Int(1), |it, _| StatValue::Tuple(vec![it]));
    assert!(matches!(read_value(&value_text(&tuples)), Ok(StatValue::Opaque(_))));
    for deep in ["[", "{\"a\":", "{\"$\":\"tuple\",\"v\":["] {
        assert_eq!(read_value(&deep.repeat(1_000_000)), Err("nested too deeply"));
    }
}

#[test]
fn tags_of_later_releases_survive() {
    for text in [
        r#"{"$":"quaternion","v":[1,2,3,4]}"#,
        r#"{"$":"timestamp","v":"2026-11-21T01:24:00.0","unit":"ns","calendar":"lunar"}"#,
        r#"{"$":7}"#,
        r#"{"$":"date","v":"2026-13-45"}"#,
    ] {
        let value = read_value(text).unwrap();
        assert_eq!(value.kind(), "opaque");
        assert_eq!(value_text(&value), text);
        let within = StatValue::List(vec![value]);
        assert_eq!(read_value(&value_text(&within)), Ok(within));
    }
}

#[test]
fn a_dict_of_the_user_is_never_a_tag() {
    let dict = |keys: &[&str]| {
        StatValue::Dict(keys.iter().map(|key| (Text::from(*key), StatValue::text("na"))).collect())
    };
    for (dict, text) in [
        (dict(&["$"]), r#"{"$":"dict","v":[["$","na"]]}"#),
        (dict(&["$", "v"]), r#"{"$":"dict","v":[["$","na"],["v","na"]]}"#),
        (dict(&["a", "$"]), r#"{"a":"na","$":"na"}"#),
        (dict(&["__bk_t__", "v"]), r#"{"__bk_t__":"na","v":"na"}"#),
        (dict(&["a", "a"]), r#"{"$":"dict","v":[["a","na"],["a","na"]]}"#),
    ] {
        assert_eq!(value_text(&dict), text);
        assert_eq!(read_value(text), Ok(dict));
    }
}

#[test]
fn damage_is_told_with_its_line() {
    let good = "recell-stats 1\nx\ta\t\"x\"\n\nx\tmax\t2\nx\tmin\t1\n";
    assert!(decode(good.as_bytes()).is_ok());
    for (from, to, line, what) in [
        (good, "", 1, "no first line"),
        (good, "{}\n", 1, "no stats"),
        ("stats 1", "stats 2", 1, "version 2"),
        ("\ta\t\"x\"", "\ta", 2, "three fields"),
        ("\"x\"\n\n", "\"x\"\n", 3, "JSON value as name"),
        ("\n\n", "\nx\tb\t\"x\"\n\n", 3, "label"),
        ("x\tmin", "y\tmin", 5, "no such column"),
        ("min", "max", 5, "twice"),
        ("\t1\n", "\t1 2\n", 5, "more follows"),
        ("\t1\n", "\tInfinity\n", 5, "no value"),
        ("\t1\n", "\t\"\\ud8\n", 5, "string"),
        ("\t1\n", "\t1", 5, "cut"),
        ("\n\nx\tmax\t2\nx\tmin\t1\n", "\n", 3, "cut after"),
    ] {
        let bad = good.replacen(from, to, 1);
        let found = decode(bad.as_bytes()).expect_err(what);
        assert_eq!(found.line, line, "{what}: {found}");
    }
    let mut bytes = good.as_bytes().to_vec();
    bytes[30] = 0xff;
    assert_eq!(decode(&bytes).unwrap_err().line, 4);
}

#[test]
fn no_columns_and_ten_thousand_of_one_name_are_fine() {
    assert_eq!(encode(&Stats::default()), "recell-stats 1\n\n");
    assert_eq!(decode(b"recell-stats 1\n\n"), Ok(Stats::default()));
    let many = table(&vec![StatValue::text("x"); 10_000]);
    assert_eq!(decode(encode(&many).as_bytes()), Ok(many));
}

#[test]
fn a_histogram_of_ten_megabytes_is_a_line() {
    let bar = |at: i64| {
        StatValue::Dict(vec![
            ("name".into(), StatValue::text(format!("{at}-{}", at + 1))),
            (
                "population".into(),
                StatValue::float(1.0 / (1.0 + f64::from(i32::try_from(at).unwrap()))),
            ),
        ])
    };
    let mut stats = table(&[StatValue::text("x")]);
    stats.columns[0].stats.insert("histogram", StatValue::List((0..180_000).map(bar).collect()));
    let text = encode(&stats);
    assert!(text.len() > 10_000_000 && text.lines().count() == 6, "{}", text.len());
    assert_eq!(decode(text.as_bytes()), Ok(stats));
}

#[test]
fn another_unit_is_another_text() {
    let times = [TimeUnit::Second, TimeUnit::Milli, TimeUnit::Micro, TimeUnit::Nano]
        .map(|unit| value_text(&StatValue::Timestamp { value: 0, unit, zone: None }));
    let unique: std::collections::BTreeSet<_> = times.iter().collect();
    assert_eq!(unique.len(), 4, "{times:?}");
}

proptest! {
    #[test]
    fn any_value_comes_back(value in any_value()) {
        let text = value_text(&value);
        prop_assert!(!text.contains('\n'), "one line");
        prop_assert_eq!(read_value(&text), Ok(value));
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "strictly JSON");
    }

    #[test]
    fn any_stats_come_back_and_their_text_is_sorted_and_stable(stats in any_stats()) {
        let text = encode(&stats);
        let back = decode(text.as_bytes());
        prop_assert_eq!(back.as_ref(), Ok(&stats));
        prop_assert_eq!(&encode(&stats), &text);
        let lines: Vec<&str> = text.lines().skip(stats.columns.len() + 2).collect();
        prop_assert!(lines.is_sorted());
        prop_assert_eq!(lines.len(), stats.len());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, text in "(recell-stats 1\n)?[a-z\t\n\"{}$\\[\\]:,0-9.eu\\\\-]{0,60}") {
        drop(decode(&bytes));
        drop(decode(text.as_bytes()));
        drop(read_value(&text));
    }
}
