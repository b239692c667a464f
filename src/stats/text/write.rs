//! A value as typed JSON on one line.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::moment::{write_clock, write_date, write_moment};
use super::read::read_value;
use crate::stats::json::{MOST_LEVELS, write_string};
use crate::stats::model::{DAY_MICROS, NatOf, Real, StatValue, Text, TimeUnit};

/// The first key of an object that is no plain dict.
pub(super) const TAG: &str = "$";
/// The tag of what was nested too deeply to be written.
const TOO_DEEP: &str = "recell:too-deep";
/// The tag of what did not come back as it was.
const UNSTABLE: &str = "recell:unstable";

/// Returns the value as text that reads back as the very same value.
///
/// What would not come back, as a date in no calendar, is written as opaque.
pub(in crate::stats) fn value_text(value: &StatValue) -> String {
    let mut writer = Writer { out: String::new(), is_cut: false };
    writer.value(value, 0);
    let Writer { mut out, is_cut } = writer;
    if is_cut || read_value(&out).as_ref() != Ok(value) {
        let tag = if is_cut { TOO_DEEP } else { UNSTABLE };
        let mut writer = Writer { out: String::new(), is_cut: false };
        writer.value(&StatValue::opaque(tag, out), 0);
        out = writer.out;
    }
    out
}

struct Writer {
    out: String,
    /// Whether something was nested too deeply.
    is_cut: bool,
}

impl Writer {
    /// Adds a value inside `levels` arrays and objects.
    fn value(&mut self, value: &StatValue, levels: usize) {
        if levels + 3 > MOST_LEVELS {
            self.is_cut = true;
            return self.raw("\"…\"");
        }
        match value {
            StatValue::None => self.raw("null"),
            StatValue::Bool(value) => self.raw(if *value { "true" } else { "false" }),
            StatValue::Int(number) => self.number(*number),
            StatValue::BigInt(digits) => self.raw(digits),
            StatValue::Float(number) => self.float(*number),
            StatValue::Str(text) => self.text(text),
            StatValue::Bytes(bytes) => self.worded("bytes", &STANDARD.encode(bytes)),
            StatValue::Decimal(text) => self.worded("decimal", text),
            StatValue::Date(days) => {
                let mut text = String::new();
                write_date(&mut text, i64::from(*days));
                self.worded("date", &text);
            }
            StatValue::NaT(of) => self.worded(
                "nat",
                match of {
                    NatOf::Timestamp => "timestamp",
                    NatOf::Timedelta => "timedelta",
                },
            ),
            StatValue::NA => self.raw("{\"$\":\"na\"}"),
            StatValue::List(values) => self.list(values, levels),
            StatValue::Tuple(values) => self.tagged("tuple", values, levels),
            StatValue::Set(values) => self.tagged("set", values, levels),
            StatValue::Dict(pairs) => self.dict(pairs, levels),
            StatValue::Map(pairs) => {
                self.open("map");
                self.pairs(pairs.iter().map(|(key, value)| (Some(key), None, value)), levels);
            }
            StatValue::Opaque(opaque) => {
                // What a later release tagged stands as it came.
                let (tag, payload) = (opaque.tag.as_str(), opaque.payload.as_str());
                if let (Some(tag), Some(payload)) = (tag, payload)
                    && tag.starts_with(TAG)
                    && read_value(payload).as_ref() == Ok(value)
                {
                    return self.raw(payload);
                }
                self.open("opaque");
                self.raw(",\"tag\":");
                self.text(&opaque.tag);
                self.raw(",\"v\":");
                self.text(&opaque.payload);
                self.raw("}");
            }
            _ => self.compound(value, levels),
        }
    }

    fn compound(&mut self, value: &StatValue, levels: usize) {
        match value {
            StatValue::Time { micros, zone, fold } => {
                let mut text = String::new();
                if (0..DAY_MICROS).contains(micros) {
                    write_clock(&mut text, *micros, TimeUnit::Micro);
                }
                self.moment("time", &text, zone.as_deref());
                self.fold(*fold);
            }
            StatValue::DateTime { micros, zone, fold } => {
                let text = zoned(*micros, TimeUnit::Micro, zone.is_some());
                self.moment("datetime", &text, zone.as_deref());
                self.fold(*fold);
            }
            StatValue::Timestamp { value, unit, zone } => {
                let text = zoned(*value, *unit, zone.is_some());
                self.moment("timestamp", &text, zone.as_deref());
                self.member("unit", unit.name());
            }
            StatValue::Timedelta { value, unit } => {
                self.counted("timedelta", "v", *value);
                self.member("unit", unit.name());
            }
            StatValue::PyTimedelta { days, micros } => {
                self.counted("pytimedelta", "days", *days);
                self.raw(",\"us\":");
                self.number(*micros);
            }
            StatValue::Period { ordinal, freq } => {
                self.counted("period", "v", *ordinal);
                self.member("freq", freq);
            }
            StatValue::Numpy(numpy) => {
                self.open("numpy");
                self.member("dtype", &numpy.dtype);
                self.raw(",\"v\":");
                self.value(&numpy.value, levels + 1);
            }
            StatValue::Interval(interval) => {
                self.open("interval");
                self.member("closed", &interval.closed);
                self.raw(",\"left\":");
                self.value(&interval.left, levels + 1);
                self.raw(",\"right\":");
                self.value(&interval.right, levels + 1);
            }
            StatValue::Complex { re, im } => {
                self.open("complex");
                self.raw(",\"re\":");
                self.float(*re);
                self.raw(",\"im\":");
                self.float(*im);
            }
            StatValue::Array(array) => {
                self.open("array");
                self.member("dtype", &array.dtype);
                if array.shape != [array.values.len() as u64] {
                    let shape: Vec<String> = array.shape.iter().map(u64::to_string).collect();
                    self.raw(",\"shape\":[");
                    self.raw(&shape.join(","));
                    self.raw("]");
                }
                self.raw(",\"v\":");
                self.list(&array.values, levels + 1);
            }
            _ => unreachable!("all others are written in `value`"),
        }
        self.raw("}");
    }

    fn raw(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn number(&mut self, number: i64) {
        write!(self.out, "{number}").expect("a String takes all");
    }

    fn float(&mut self, number: Real) {
        let number = number.0;
        if number.is_finite() {
            // The shortest digits that read back as the same bits, with a point or an exponent.
            write!(self.out, "{number:?}").expect("a String takes all");
        } else if number.is_infinite() {
            self.worded("float", if number > 0.0 { "inf" } else { "-inf" });
        } else if number.to_bits() == f64::NAN.to_bits() {
            self.worded("float", "nan");
        } else {
            self.worded("float", &format!("nan:{:016x}", number.to_bits()));
        }
    }

    fn text(&mut self, text: &Text) {
        match text.as_str() {
            Some(text) => write_string(&mut self.out, text),
            None => self.worded("str", &super::alone::spell(text)),
        }
    }

    fn list(&mut self, values: &[StatValue], levels: usize) {
        self.raw("[");
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.raw(",");
            }
            self.value(value, levels + 1);
        }
        self.raw("]");
    }

    fn dict(&mut self, pairs: &[(Text, StatValue)], levels: usize) {
        let is_plain = pairs.first().is_none_or(|(key, _)| key != TAG)
            && pairs.iter().all(|(key, _)| key.as_str().is_some())
            && are_different(pairs);
        if !is_plain {
            self.open("dict");
            return self.pairs(pairs.iter().map(|(key, value)| (None, Some(key), value)), levels);
        }
        self.raw("{");
        for (at, (key, value)) in pairs.iter().enumerate() {
            if at > 0 {
                self.raw(",");
            }
            self.text(key);
            self.raw(":");
            self.value(value, levels + 1);
        }
        self.raw("}");
    }

    /// Adds pairs, whose keys are values or texts, and closes the object.
    fn pairs<'a>(
        &mut self,
        pairs: impl Iterator<Item = (Option<&'a StatValue>, Option<&'a Text>, &'a StatValue)>,
        levels: usize,
    ) {
        self.raw(",\"v\":[");
        for (at, (key, text, value)) in pairs.enumerate() {
            self.raw(if at > 0 { ",[" } else { "[" });
            if let Some(key) = key {
                self.value(key, levels + 3);
            }
            if let Some(text) = text {
                self.text(text);
            }
            self.raw(",");
            self.value(value, levels + 3);
            self.raw("]");
        }
        self.raw("]}");
    }

    /// Begins a tagged object.
    fn open(&mut self, tag: &str) {
        self.raw("{\"$\":\"");
        self.raw(tag);
        self.raw("\"");
    }

    fn member(&mut self, key: &str, text: &str) {
        self.raw(",\"");
        self.raw(key);
        self.raw("\":");
        write_string(&mut self.out, text);
    }

    /// Adds a tagged object whose value is a text.
    fn worded(&mut self, tag: &str, text: &str) {
        self.open(tag);
        self.member("v", text);
        self.raw("}");
    }

    fn counted(&mut self, tag: &str, key: &str, number: i64) {
        self.open(tag);
        self.raw(",\"");
        self.raw(key);
        self.raw("\":");
        self.number(number);
    }

    fn moment(&mut self, tag: &str, text: &str, zone: Option<&str>) {
        self.open(tag);
        self.member("v", text);
        if let Some(zone) = zone {
            self.member("zone", zone);
        }
    }

    fn fold(&mut self, fold: bool) {
        if fold {
            self.raw(",\"fold\":1");
        }
    }

    fn tagged(&mut self, tag: &str, values: &[StatValue], levels: usize) {
        self.open(tag);
        self.raw(",\"v\":");
        self.list(values, levels + 1);
        self.raw("}");
    }
}

fn zoned(value: i64, unit: TimeUnit, has_zone: bool) -> String {
    let mut text = String::new();
    write_moment(&mut text, value, unit);
    if has_zone {
        text.push('Z');
    }
    text
}

/// Whether no key is there twice.
fn are_different(pairs: &[(Text, StatValue)]) -> bool {
    if pairs.len() <= 8 {
        return pairs
            .iter()
            .enumerate()
            .all(|(at, (key, _))| pairs[..at].iter().all(|(earlier, _)| earlier != key));
    }
    let mut seen = std::collections::HashSet::with_capacity(pairs.len());
    pairs.iter().all(|(key, _)| seen.insert(key))
}
