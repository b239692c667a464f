//! Values of every kind, for tests.

use proptest::prelude::*;

use super::model::{
    Array, ColumnStats, Interval, NatOf, StatMap, StatValue, Stats, Text, TimeUnit, short_name,
};

const UNITS: [TimeUnit; 4] = [TimeUnit::Second, TimeUnit::Milli, TimeUnit::Micro, TimeUnit::Nano];

/// Returns values of every kind, and of each those that others get wrong.
pub(super) fn every_kind() -> Vec<StatValue> {
    use StatValue::{
        BigInt, Bool, Bytes, Complex, Date, DateTime, Decimal, Dict, Int, List, Map, NA, NaT, None,
        Period, PyTimedelta, Str, Time, Timedelta, Timestamp, Tuple,
    };
    let float = StatValue::float;
    let text = StatValue::text;
    let zone = |name: &str| Some(name.into());
    let micros = 1_795_224_240_123_456;
    vec![
        None,
        Bool(true),
        Int(i64::MIN),
        BigInt("1180591620717411303424".into()),
        float(1.0),
        float(-0.0),
        float(0.1 + 0.2),
        float(1e300),
        float(5e-324),
        float(f64::NAN),
        float(f64::INFINITY),
        float(f64::NEG_INFINITY),
        text("NaN"),
        text("Zoë \"says\"\n\\ \u{7f} 😀"),
        Str(Text::from_utf16([0x61, 0xd83d, 0x5c])),
        Bytes([0, 255, 10].into()),
        Decimal("-0.00".into()),
        Decimal("sNaN".into()),
        Date(20_778),
        Date(-719_162),
        Time { micros: 86_399_999_999, zone: Option::None, fold: false },
        Time { micros: 0, zone: zone("+05:30"), fold: true },
        DateTime { micros, zone: Option::None, fold: true },
        DateTime { micros, zone: zone("Europe/Berlin"), fold: false },
        Timestamp { value: micros * 1000 + 789, unit: TimeUnit::Nano, zone: zone("UTC") },
        Timestamp { value: i64::MIN, unit: TimeUnit::Second, zone: Option::None },
        Timedelta { value: 1, unit: TimeUnit::Nano },
        StatValue::py_timedelta(-1),
        PyTimedelta { days: 999_999_999, micros: 86_399_999_999 },
        NaT(NatOf::Timestamp),
        NaT(NatOf::Timedelta),
        StatValue::numpy("int8", Int(-1)),
        StatValue::numpy("uint64", BigInt("18446744073709551615".into())),
        StatValue::numpy("float32", float(0.100_000_001_490_116_12)),
        StatValue::numpy("bool", Bool(false)),
        StatValue::numpy("datetime64[ns]", NaT(NatOf::Timestamp)),
        StatValue::numpy("timedelta64[D]", Int(3)),
        StatValue::numpy("str", text("x")),
        Period { ordinal: 682, freq: "M".into() },
        StatValue::Interval(Box::new(Interval {
            closed: "right".into(),
            left: float(0.5),
            right: float(f64::INFINITY),
        })),
        Complex { re: 1.5.into(), im: f64::NAN.into() },
        NA,
        Tuple(vec![text("a"), Int(1), Tuple(vec![])]),
        List(vec![None, List(vec![]), Dict(vec![])]),
        StatValue::set(vec![text("b"), text("a"), Int(1)]),
        Dict(vec![("name".into(), text("1-2")), ("population".into(), float(9.0))]),
        Dict(vec![("$".into(), text("tuple")), ("v".into(), List(vec![]))]),
        Dict(vec![(Text::from_utf16([0xdfff]), Int(1))]),
        Map(vec![(Int(1), text("a")), (None, text("b"))]),
        StatValue::Array(Box::new(Array {
            dtype: "int64".into(),
            shape: vec![2],
            values: vec![Int(1), Int(2)],
        })),
        StatValue::Array(Box::new(Array {
            dtype: "float64".into(),
            shape: vec![0, 3],
            values: vec![],
        })),
        StatValue::opaque("buckaroo:series", "{\"a\": 1}"),
        StatValue::opaque("$later", "{\"$\":\"later\",\"v\":1}"),
        StatValue::opaque("$later", "no JSON"),
    ]
}

fn text() -> impl Strategy<Value = Text> {
    prop_oneof![
        4 => "[a-z$_]{0,30}".prop_map(Text::from),
        1 => any::<String>().prop_map(Text::from),
        1 => prop::collection::vec(prop_oneof![any::<u16>(), 0xd800..0xe000_u16], 0..5)
            .prop_map(Text::from_utf16),
    ]
}

fn words() -> impl Strategy<Value = Box<str>> {
    prop_oneof!["[a-zA-Z/\\[\\]0-9]{0,12}", any::<String>()].prop_map(Into::into)
}

fn zone() -> impl Strategy<Value = Option<Box<str>>> {
    prop::option::of(words())
}

fn unit() -> impl Strategy<Value = TimeUnit> {
    prop::sample::select(UNITS.to_vec())
}

/// Any value without others inside.
fn leaf() -> impl Strategy<Value = StatValue> {
    let integer = any::<i128>().prop_map(|it| StatValue::integer(&it.to_string()).unwrap());
    let float = || prop_oneof![any::<u64>().prop_map(f64::from_bits), -1e6..1e6_f64];
    let day = 0..86_400_000_000_i64;
    prop_oneof![
        Just(StatValue::None),
        Just(StatValue::NA),
        any::<bool>().prop_map(StatValue::Bool),
        any::<i64>().prop_map(StatValue::Int),
        integer,
        float().prop_map(StatValue::float),
        text().prop_map(StatValue::Str),
        any::<Vec<u8>>().prop_map(|it| StatValue::Bytes(it.into())),
        words().prop_map(StatValue::Decimal),
        any::<i32>().prop_map(StatValue::Date),
        (day.clone(), zone(), any::<bool>()).prop_map(|(micros, zone, fold)| StatValue::Time {
            micros,
            zone,
            fold
        }),
        (any::<i64>(), zone(), any::<bool>())
            .prop_map(|(micros, zone, fold)| StatValue::DateTime { micros, zone, fold }),
        (any::<i64>(), unit(), zone()).prop_map(|(value, unit, zone)| StatValue::Timestamp {
            value,
            unit,
            zone
        }),
        (any::<i64>(), unit()).prop_map(|(value, unit)| StatValue::Timedelta { value, unit }),
        (any::<i64>(), day).prop_map(|(days, micros)| StatValue::PyTimedelta { days, micros }),
        any::<bool>().prop_map(|it| {
            StatValue::NaT(if it { NatOf::Timestamp } else { NatOf::Timedelta })
        }),
        (any::<i64>(), words()).prop_map(|(ordinal, freq)| StatValue::Period { ordinal, freq }),
        (float(), float()).prop_map(|(re, im)| StatValue::Complex { re: re.into(), im: im.into() }),
        (text(), text()).prop_map(|(tag, payload)| StatValue::opaque(tag, payload)),
        prop::sample::select(every_kind()),
    ]
}

/// Any value that there is.
pub(super) fn any_value() -> impl Strategy<Value = StatValue> {
    leaf().prop_recursive(4, 24, 5, |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..5);
        let array = (words(), list()).prop_map(|(dtype, values)| {
            let shape = vec![1, values.len() as u64];
            StatValue::Array(Box::new(Array { dtype, shape, values }))
        });
        let interval = (words(), inner.clone(), inner.clone()).prop_map(|(closed, left, right)| {
            StatValue::Interval(Box::new(Interval { closed, left, right }))
        });
        prop_oneof![
            list().prop_map(StatValue::List),
            list().prop_map(StatValue::Tuple),
            list().prop_map(StatValue::set),
            prop::collection::vec((text(), inner.clone()), 0..5).prop_map(StatValue::Dict),
            prop::collection::vec((inner.clone(), inner.clone()), 0..4).prop_map(StatValue::Map),
            (words(), inner.clone()).prop_map(|(dtype, value)| StatValue::numpy(dtype, value)),
            array,
            interval,
        ]
    })
}

/// Any stats of a few columns.
pub(super) fn any_stats() -> impl Strategy<Value = Stats> {
    let stats = prop::collection::vec((text(), any_value()), 0..5)
        .prop_map(|pairs| pairs.into_iter().collect::<StatMap>());
    let name = prop_oneof![text().prop_map(StatValue::Str), any_value()];
    prop::collection::vec((name, stats), 0..4).prop_map(|columns| {
        let column = |(at, (name, stats))| ColumnStats { short: short_name(at), name, stats };
        Stats { columns: columns.into_iter().enumerate().map(column).collect() }
    })
}
