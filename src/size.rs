//! Byte counts: parsed from `10MiB`, printed for people or exactly.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

/// A number of bytes, at most `u64::MAX`.
///
/// Prints for people (`4.0 MiB`, rounded); [`ByteSize::exact`] and serde give the form that reads
/// back as the same number (`4MiB`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ByteSize(u64);

/// The units of 1024, smallest first; the names are those of IEC 80000-13.
const BINARY: [(&str, u64); 6] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("PiB", 1 << 50),
    ("EiB", 1 << 60),
];

/// The units of 1000, smallest first.
const DECIMAL: [(&str, u64); 6] = [
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("PB", 1_000_000_000_000_000),
    ("EB", 1_000_000_000_000_000_000),
];

/// Digits taken after the decimal point, so that the product with a unit fits 128 bits.
const FRACTION_DIGITS: usize = 18;

impl ByteSize {
    /// Returns the size of `bytes` bytes.
    pub const fn new(bytes: u64) -> ByteSize {
        ByteSize(bytes)
    }

    /// Returns the size of `mebibytes` times 1,048,576 bytes, capped at `u64::MAX` bytes.
    pub const fn mib(mebibytes: u64) -> ByteSize {
        ByteSize(mebibytes.saturating_mul(1 << 20))
    }

    /// Returns the number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Returns the shortest text that reads back as exactly this size: `4MiB`, `50MB`, `4194305`.
    pub fn exact(self) -> String {
        BINARY
            .iter()
            .rev()
            .chain(DECIMAL.iter().rev())
            .filter(|(_, unit)| self.0 != 0 && self.0.is_multiple_of(*unit))
            .map(|(name, unit)| format!("{}{name}", self.0 / unit))
            .min_by_key(String::len)
            .unwrap_or_else(|| self.0.to_string())
    }
}

impl From<u64> for ByteSize {
    fn from(bytes: u64) -> ByteSize {
        ByteSize(bytes)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths_of =
            |unit: u64| (u128::from(self.0) * 10 + u128::from(unit) / 2) / u128::from(unit);
        // By the rounded number, so that 1,048,575 is `1.0 MiB` and never `1024.0 KiB`.
        let unit = BINARY.iter().rev().find(|(_, unit)| tenths_of(unit / 1024) >= 10_240);
        match unit {
            Some((name, unit)) => {
                let tenths = tenths_of(*unit);
                f.pad(&format!("{}.{} {name}", tenths / 10, tenths % 10))
            }
            None => f.pad(&format!("{} B", self.0)),
        }
    }
}

/// A text that is not a byte count such as `512`, `4 MB` or `1.5GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotASize;

impl fmt::Display for NotASize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a size such as `512`, `4MB` or `1.5GiB`")
    }
}

impl std::error::Error for NotASize {}

impl FromStr for ByteSize {
    type Err = NotASize;

    /// Returns the size that `text` names; a fraction of a byte is cut off.
    ///
    /// Units are read in any case. `K`, `M` and `G` alone are refused: they mean 1000 to some and
    /// 1024 to others.
    fn from_str(text: &str) -> Result<ByteSize, NotASize> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = (&text[..end], text[end..].trim_start());
        let (whole, fraction) = match number.split_once('.') {
            Some((_, "")) => return Err(NotASize),
            Some(split) => split,
            None => (number, ""),
        };
        let unit = unit_named(unit).ok_or(NotASize)?;
        if whole.is_empty() || (unit == 1 && !fraction.is_empty()) {
            return Err(NotASize);
        }
        let whole: u64 = whole.parse().map_err(|_| NotASize)?;
        let whole = u128::from(whole) * u128::from(unit);
        u64::try_from(whole + part_of(fraction, unit)?).map(ByteSize).map_err(|_| NotASize)
    }
}

/// Returns the bytes in the unit called `name`, in any case; no name means bytes.
fn unit_named(name: &str) -> Option<u64> {
    if name.is_empty() || name.eq_ignore_ascii_case("b") {
        return Some(1);
    }
    let mut units = BINARY.iter().chain(&DECIMAL);
    units.find(|(unit, _)| unit.eq_ignore_ascii_case(name)).map(|(_, bytes)| *bytes)
}

/// Returns the whole bytes in the decimal `fraction` (the digits after the point) of `unit`.
fn part_of(fraction: &str, unit: u64) -> Result<u128, NotASize> {
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(NotASize);
    }
    let digits = &fraction[..fraction.len().min(FRACTION_DIGITS)];
    if digits.is_empty() {
        return Ok(0);
    }
    let scale = digits.bytes().fold(1_u128, |scale, _| scale * 10);
    let digits: u128 = digits.parse().map_err(|_| NotASize)?;
    Ok(digits * u128::from(unit) / scale)
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.exact())
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

/// Reads a size from a text with a unit or from a whole number of bytes.
struct SizeVisitor;

impl Visitor<'_> for SizeVisitor {
    type Value = ByteSize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size such as `4MiB`, or a number of bytes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
        Ok(ByteSize(bytes))
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<ByteSize, E> {
        u64::try_from(bytes).map(ByteSize).map_err(|_| E::custom(NotASize))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read_with_binary_and_decimal_units() {
        for (text, bytes, why) in [
            ("512", 512, "no unit means bytes"),
            ("512 B", 512, "bytes may be named"),
            ("10MiB", 10 << 20, "binary unit"),
            ("4 MB", 4_000_000, "decimal unit after a space"),
            ("4.0 MiB", 4 << 20, "what is printed for people reads back"),
            ("1.5GiB", 3 << 29, "a fraction of a unit"),
            ("1.0001kB", 1_000, "a fraction of a byte is cut off"),
            (" 1kib\n", 1024, "any case, white space around"),
            ("16383.999999999999999999999PiB", (16383 << 50) + 1_125_899_906_842_623, "digits"),
            ("18446744073709551615", u64::MAX, "the largest"),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}: {why}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for (text, why) in [
            ("", "empty"),
            ("MiB", "no number"),
            ("-1", "negative"),
            ("1.5", "half a byte"),
            ("1.MiB", "no digits after the point"),
            (".5MiB", "no digits before the point"),
            ("1.2.3MiB", "two points"),
            ("4M", "1000 or 1024? ambiguous"),
            ("4 bananas", "no such unit"),
            ("1e3", "no exponents"),
            ("18446744073709551616", "one too many"),
            ("16EiB", "past the largest by its unit"),
            ("4\u{a0}MıB", "not ASCII"),
        ] {
            assert_eq!(text.parse::<ByteSize>(), Err(NotASize), "{text}: {why}");
        }
    }

    #[test]
    fn sizes_print_for_people_and_exactly() {
        for (bytes, human, exact, why) in [
            (0, "0 B", "0", "zero has no unit"),
            (1023, "1023 B", "1023", "below the first unit"),
            (1024, "1.0 KiB", "1KiB", "the first unit"),
            (4 << 20, "4.0 MiB", "4MiB", "whole"),
            (50_000_000, "47.7 MiB", "50MB", "decimal stays decimal"),
            ((1 << 20) - 1, "1.0 MiB", "1048575", "rounding carries into the next unit"),
            (3 << 29, "1.5 GiB", "1536MiB", "exact never uses a fraction"),
            (u64::MAX, "16.0 EiB", "18446744073709551615", "the largest"),
        ] {
            assert_eq!(ByteSize(bytes).to_string(), human, "{why}");
            assert_eq!(ByteSize(bytes).exact(), exact, "{why}");
        }
        assert_eq!(format!("{:>8}", ByteSize(1024)), " 1.0 KiB", "columns line up");
    }

    #[test]
    fn serde_takes_text_and_numbers_and_writes_the_exact_text() {
        #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
        struct Holder {
            size: ByteSize,
        }
        let holder = Holder { size: ByteSize::mib(4) };
        assert_eq!(toml::to_string(&holder).unwrap(), "size = \"4MiB\"\n");
        assert_eq!(toml::from_str::<Holder>("size = 4194304").unwrap(), holder);
        assert!(toml::from_str::<Holder>("size = -1").is_err());
        let error = toml::from_str::<Holder>("size = 1.5").unwrap_err();
        assert!(error.message().contains("a size such as `4MiB`"), "{error}");
    }

    proptest! {
        #[test]
        fn every_size_survives_its_exact_form(bytes: u64, shift in 0..64_u32) {
            let size = ByteSize(bytes >> shift);
            prop_assert_eq!(size.exact().parse(), Ok(size));
        }

        #[test]
        fn the_form_for_people_is_within_a_twentieth(bytes: u64, shift in 0..64_u32) {
            let size = ByteSize(bytes >> shift);
            // The largest rounds up to 16.0 EiB, which is one byte too many.
            if let Ok(ByteSize(read)) = size.to_string().parse() {
                prop_assert!(read.abs_diff(size.0) <= size.0 / 20);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[0-9.]{0,30} ?\\PC{0,5}") {
            prop_assert!(text.parse::<ByteSize>().is_ok() || text.parse::<ByteSize>().is_err());
        }
    }
}
