//! The types a setting can have: each reads from TOML and from plain text, and prints as TOML.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeInteger, DeValue};

use super::glob::Glob;
use crate::size::ByteSize;

/// A type that a setting can have.
pub(super) trait Value: Sized {
    /// Returns what is accepted, to follow the words "must be": `a size such as ...`.
    fn expected() -> String;

    /// Returns the names that a table inside the value may have; none where it holds no tables.
    fn fields() -> &'static [&'static str] {
        &[]
    }

    /// Returns the value written as plain text, as environment variables and flags give it.
    /// `None` means that the text is not accepted.
    fn from_text(text: &str) -> Option<Self>;

    /// Returns the value written in TOML.
    ///
    /// # Errors
    /// The value that is not accepted, which may be one inside `value`.
    fn from_toml<'v, 'i>(
        value: &'v Spanned<DeValue<'i>>,
    ) -> Result<Self, &'v Spanned<DeValue<'i>>> {
        value.get_ref().as_str().and_then(Self::from_text).ok_or(value)
    }

    /// Returns the value as TOML that reads back as the same value.
    fn to_toml(&self) -> String;
}

/// Returns `text` as a TOML string, quoted and escaped.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// Returns the whole number, whatever base it is written in; `None` if below 0 or above 64 bits.
fn whole(number: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

impl Value for bool {
    fn expected() -> String {
        "`true` or `false`".into()
    }

    fn from_text(text: &str) -> Option<bool> {
        text.parse().ok()
    }

    fn from_toml<'v, 'i>(
        value: &'v Spanned<DeValue<'i>>,
    ) -> Result<bool, &'v Spanned<DeValue<'i>>> {
        value.get_ref().as_bool().ok_or(value)
    }

    fn to_toml(&self) -> String {
        self.to_string()
    }
}

impl Value for NonZeroU32 {
    fn expected() -> String {
        "a whole number from 1 to 4294967295".into()
    }

    fn from_text(text: &str) -> Option<NonZeroU32> {
        text.parse().ok()
    }

    fn from_toml<'v, 'i>(
        value: &'v Spanned<DeValue<'i>>,
    ) -> Result<NonZeroU32, &'v Spanned<DeValue<'i>>> {
        let number = value.get_ref().as_integer().and_then(whole);
        number.and_then(|number| u32::try_from(number).ok()?.try_into().ok()).ok_or(value)
    }

    fn to_toml(&self) -> String {
        self.to_string()
    }
}

impl Value for u32 {
    fn expected() -> String {
        "a whole number from 0 to 4294967295".into()
    }

    fn from_text(text: &str) -> Option<u32> {
        text.parse().ok()
    }

    fn from_toml<'v, 'i>(value: &'v Spanned<DeValue<'i>>) -> Result<u32, &'v Spanned<DeValue<'i>>> {
        let number = value.get_ref().as_integer().and_then(whole);
        number.and_then(|number| u32::try_from(number).ok()).ok_or(value)
    }

    fn to_toml(&self) -> String {
        self.to_string()
    }
}

impl Value for ByteSize {
    fn expected() -> String {
        "a size such as `4MiB`, `50MB` or a number of bytes".into()
    }

    fn from_text(text: &str) -> Option<ByteSize> {
        text.parse().ok()
    }

    fn from_toml<'v, 'i>(
        value: &'v Spanned<DeValue<'i>>,
    ) -> Result<ByteSize, &'v Spanned<DeValue<'i>>> {
        match value.get_ref() {
            DeValue::String(text) => ByteSize::from_text(text),
            DeValue::Integer(number) => whole(number).map(ByteSize::new),
            _ => None,
        }
        .ok_or(value)
    }

    fn to_toml(&self) -> String {
        quoted(&self.exact())
    }
}

/// The units of time, largest first, in milliseconds.
const TIME_UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// The units of time as words, with their letters.
const TIME_WORDS: [(&str, &str); 5] =
    [("week", "w"), ("day", "d"), ("hour", "h"), ("minute", "m"), ("second", "s")];

/// A whole number of one unit of time, between 0 and 2^64 - 1 milliseconds.
impl Value for Duration {
    fn expected() -> String {
        "a duration such as `500ms`, `60s`, `10m`, `2h`, `7d` or `4 weeks`".into()
    }

    fn from_text(text: &str) -> Option<Duration> {
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
        let unit = unit.trim_start();
        let word =
            TIME_WORDS.iter().find(|(word, _)| unit.strip_suffix('s').unwrap_or(unit) == *word);
        let unit = word.map_or(unit, |(_, letter)| letter);
        let (_, milliseconds) = TIME_UNITS.iter().find(|(name, _)| *name == unit)?;
        number.parse::<u64>().ok()?.checked_mul(*milliseconds).map(Duration::from_millis)
    }

    fn to_toml(&self) -> String {
        let total = self.as_millis();
        if total == 0 {
            return quoted("0s");
        }
        let unit = TIME_UNITS.iter().find(|(_, unit)| total.is_multiple_of(u128::from(*unit)));
        let (name, unit) = unit.expect("every number of milliseconds divides by one");
        quoted(&format!("{}{name}", total / u128::from(*unit)))
    }
}

impl Value for PathBuf {
    fn expected() -> String {
        "a path".into()
    }

    fn from_text(text: &str) -> Option<PathBuf> {
        (!text.is_empty()).then(|| PathBuf::from(text))
    }

    fn to_toml(&self) -> String {
        // Always made from text, so nothing is lost.
        quoted(&self.to_string_lossy())
    }
}

impl Value for String {
    fn expected() -> String {
        "a text that is not empty".into()
    }

    fn from_text(text: &str) -> Option<String> {
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn to_toml(&self) -> String {
        quoted(self)
    }
}

/// The word for a setting that is not set, as TOML has no null.
const NONE: &str = "none";

impl<T: Value> Value for Option<T> {
    fn expected() -> String {
        format!("{}, or `{NONE}`", T::expected())
    }

    fn from_text(text: &str) -> Option<Option<T>> {
        if text == NONE { Some(None) } else { T::from_text(text).map(Some) }
    }

    fn from_toml<'v, 'i>(
        value: &'v Spanned<DeValue<'i>>,
    ) -> Result<Option<T>, &'v Spanned<DeValue<'i>>> {
        match value.get_ref().as_str() {
            Some(NONE) => Ok(None),
            _ => T::from_toml(value).map(Some),
        }
    }

    fn to_toml(&self) -> String {
        self.as_ref().map_or_else(|| quoted(NONE), T::to_toml)
    }
}

/// An item of a list setting.
trait Item: Sized {
    /// Says what a list of these is.
    const LIST: &'static str;
    /// Returns the item written as `text`; `None` means that the text is not accepted.
    fn parse_item(text: &str) -> Option<Self>;
    /// Returns the text that reads back as the same item.
    fn text(&self) -> &str;
}

impl Item for String {
    const LIST: &'static str = "a list of texts such as `[\"a\", \"b\"]`";

    fn parse_item(text: &str) -> Option<String> {
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn text(&self) -> &str {
        self
    }
}

impl Item for Glob {
    const LIST: &'static str = "a list of globs such as `[\"*.ipynb\", \"drafts/\"]`";

    fn parse_item(text: &str) -> Option<Glob> {
        text.parse().ok()
    }

    fn text(&self) -> &str {
        self.as_str()
    }
}

/// In plain text a list is `a,b`, or TOML when it starts with a bracket: `["a", "b"]`.
impl<T: Item> Value for Vec<T> {
    fn expected() -> String {
        T::LIST.into()
    }

    fn from_text(text: &str) -> Option<Vec<T>> {
        if text.starts_with('[')
            && let Ok(value) = DeValue::parse(text)
        {
            return Self::from_toml(&value).ok();
        }
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(T::parse_item).collect()
    }

    fn from_toml<'v, 'i>(
        value: &'v Spanned<DeValue<'i>>,
    ) -> Result<Vec<T>, &'v Spanned<DeValue<'i>>> {
        let items = value.get_ref().as_array().ok_or(value)?;
        let parse = |item: &'v Spanned<DeValue<'i>>| {
            item.get_ref().as_str().and_then(T::parse_item).ok_or(item)
        };
        items.iter().map(parse).collect()
    }

    fn to_toml(&self) -> String {
        let items: Vec<String> = self.iter().map(|item| quoted(item.text())).collect();
        format!("[{}]", items.join(", "))
    }
}

/// Defines a setting that is one of a few words, as an enum.
macro_rules! choice {
    (
        $(#[$about:meta])*
        $Name:ident { $( $(#[$doc:meta])* $Variant:ident = $word:literal, )+ }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $Name {
            $( $(#[$doc])* $Variant, )+
        }

        impl $Name {
            /// Returns the word that settings use for this.
            pub fn as_str(self) -> &'static str {
                match self {
                    $( $Name::$Variant => $word, )+
                }
            }
        }

        impl $crate::config::value::Value for $Name {
            fn expected() -> String {
                format!("one of {}", [$( concat!("`", $word, "`") ),+].join(", "))
            }

            fn from_text(text: &str) -> Option<$Name> {
                match text {
                    $( $word => Some($Name::$Variant), )+
                    _ => None,
                }
            }

            fn to_toml(&self) -> String {
                format!("\"{}\"", self.as_str())
            }
        }
    };
}
pub(super) use choice;

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use proptest::prelude::*;

    use super::*;

    fn toml_of<T: Value>(text: &str) -> Option<T> {
        T::from_toml(&DeValue::parse(text).unwrap()).ok()
    }

    #[track_caller]
    fn reads_back<T: Value + PartialEq + Debug>(value: &T) {
        assert_eq!(toml_of::<T>(&value.to_toml()).as_ref(), Some(value), "{}", value.to_toml());
    }

    #[test]
    fn durations_are_a_whole_number_of_one_unit() {
        for (text, seconds, why) in [
            ("60s", Some(60), "seconds"),
            ("10 m", Some(600), "minutes, after a space"),
            ("2h", Some(7200), "hours"),
            ("4w", Some(2_419_200), "weeks"),
            ("2 weeks", Some(1_209_600), "as a word"),
            ("1 day", Some(86_400), "of one"),
            ("0s", Some(0), "none"),
            ("60", None, "sixty of what?"),
            ("s", None, "how many?"),
            ("1h30m", None, "one unit only"),
            ("1.5h", None, "whole numbers only"),
            ("-1s", None, "time runs forward"),
            ("1M", None, "months have no fixed length"),
            ("99999999999999999999s", None, "too many digits"),
            ("18446744073709551615w", None, "past the largest by its unit"),
        ] {
            assert_eq!(
                Duration::from_text(text),
                seconds.map(Duration::from_secs),
                "{text}: {why}"
            );
        }
        assert_eq!(Duration::from_secs(90).to_toml(), "\"90s\"", "no fraction of a minute");
        assert_eq!(Duration::from_millis(1500).to_toml(), "\"1500ms\"");
        assert_eq!(Duration::ZERO.to_toml(), "\"0s\"");
    }

    #[test]
    fn numbers_keep_within_their_bounds() {
        for (text, number, why) in [
            ("1", NonZeroU32::new(1), "the smallest"),
            ("0x10", NonZeroU32::new(16), "in any base"),
            ("16_384", NonZeroU32::new(16384), "with separators"),
            ("0", None, "zero would never fill"),
            ("-1", None, "negative"),
            ("4294967296", None, "too large"),
            ("1.0", None, "not whole"),
            ("\"1\"", None, "text is no number in TOML"),
        ] {
            assert_eq!(toml_of::<NonZeroU32>(text), number, "{text}: {why}");
        }
        assert_eq!(NonZeroU32::from_text("12"), NonZeroU32::new(12));
        assert_eq!(toml_of("1048576"), Some(ByteSize::mib(1)), "a size as a number of bytes");
        assert_eq!(toml_of::<ByteSize>("-1"), None);
    }

    #[test]
    fn lists_are_read_from_commas_and_from_toml() {
        for (text, items, why) in [
            ("a, b", Some(vec!["a", "b"]), "commas"),
            ("a", Some(vec!["a"]), "one"),
            ("", Some(vec![]), "none"),
            (r#"["a,b"]"#, Some(vec!["a,b"]), "TOML, where an item holds a comma"),
            ("[a]", Some(vec!["[a]"]), "not TOML, so an item"),
            ("[1]", None, "TOML, but not of texts"),
        ] {
            let items = items.map(|items| items.into_iter().map(String::from).collect());
            assert_eq!(Vec::<String>::from_text(text), items, "{text}: {why}");
        }
        assert_eq!(Vec::<Glob>::from_text("*.ipynb,[z-a]"), None, "one bad glob spoils the list");
    }

    proptest! {
        #[test]
        fn every_value_survives_its_toml(
            text in ".{1,20}", items in prop::collection::vec(".{1,8}", 0..4), number: u64, flag: bool,
        ) {
            reads_back(&PathBuf::from(text));
            reads_back(&items);
            reads_back(&ByteSize::new(number));
            reads_back(&Duration::from_millis(number));
            reads_back(&flag);
            reads_back(&Some(ByteSize::new(number)));
            reads_back(&None::<ByteSize>);
        }
    }
}
