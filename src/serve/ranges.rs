//! Which bytes of an answer a client asks for (RFC 9110, section 14).

use std::ops::Range;

/// What a `Range` header asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The whole answer: there is no header, or one that may be left aside.
    Whole,
    /// These bytes, which there are.
    Part(Range<usize>),
    /// Bytes that there are not.
    Nowhere,
}

/// Reads the value of a `Range` header for an answer of `length` bytes. More than one range, other
/// units and what cannot be understood mean the whole.
pub(super) fn wanted(header: &str, length: usize) -> Wanted {
    let Some((unit, set)) = header.split_once('=') else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
        return Wanted::Whole;
    }
    let Some((first, last)) = set.trim().split_once('-') else { return Wanted::Whole };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    // A number that does not fit lies behind the end of anything.
    let number = |text: &str| text.parse::<usize>().unwrap_or(usize::MAX);
    match (first.trim(), last.trim()) {
        ("", last) if is_number(last) => {
            let count = number(last).min(length);
            if count == 0 { Wanted::Nowhere } else { Wanted::Part(length - count..length) }
        }
        (first, "") if is_number(first) => part(number(first), length, length),
        (first, last) if is_number(first) && is_number(last) => {
            if number(last) < number(first) {
                return Wanted::Whole;
            }
            part(number(first), number(last).saturating_add(1).min(length), length)
        }
        _ => Wanted::Whole,
    }
}

fn part(start: usize, end: usize, length: usize) -> Wanted {
    if start < length { Wanted::Part(start..end) } else { Wanted::Nowhere }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_range_is_understood_and_the_rest_left_aside() {
        use Wanted::{Nowhere, Part, Whole};
        for (header, expected, why) in [
            ("bytes=0-3", Part(0..4), "both ends count"),
            ("bytes=4-", Part(4..10), "to the end"),
            ("bytes=-3", Part(7..10), "the last ones"),
            ("bytes=-30", Part(0..10), "more than there are"),
            ("bytes=8-99", Part(8..10), "cut at the end"),
            ("BYTES = 0-0", Part(0..1), "units have no case"),
            ("bytes=10-", Nowhere, "behind the end"),
            ("bytes=-0", Nowhere, "none of them"),
            ("bytes=99999999999999999999999-", Nowhere, "a number of any size"),
            ("bytes=0-99999999999999999999999", Part(0..10), "a number of any size"),
            ("bytes=3-1", Whole, "backwards means nothing"),
            ("bytes=0-1,3-4", Whole, "several"),
            ("rows=0-1", Whole, "another unit"),
            ("bytes=a-b", Whole, "no numbers"),
            ("bytes=-", Whole, "nothing"),
            ("bytes", Whole, "nothing"),
            ("bytes=+1-2", Whole, "a sign is no digit"),
        ] {
            assert_eq!(wanted(header, 10), expected, "{header}: {why}");
        }
        assert_eq!(wanted("bytes=0-", 0), Nowhere, "of nothing there is no part");
        assert_eq!(wanted("bytes=-5", 0), Nowhere);
    }

    proptest! {
        #[test]
        fn a_part_is_never_empty_nor_behind_the_end(text in "bytes=[0-9,-]{0,12}", length in 0_usize..40) {
            if let Wanted::Part(range) = wanted(&text, length) {
                prop_assert!(range.start < range.end && range.end <= length);
            }
        }
    }
}
