//! Numbers and times as people say them.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::entry::Part;
use crate::size::ByteSize;
use crate::store::Entry;

/// Returns `1 entry`, `2 entries`, `1,204 entries`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// Returns a number with a comma before every three digits.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Returns a number of bytes: `4.0 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    ByteSize::new(bytes).to_string()
}

/// Returns how long something took: `12 ms`, `1.25 s`, `2 m 05 s`, `3 h 07 m`.
pub(crate) fn took(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    let whole = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).as_secs();
    if seconds < 0.000_999_5 {
        format!("{:.0} µs", seconds * 1e6)
    } else if seconds < 0.999_5 {
        format!("{:.0} ms", seconds * 1e3)
    } else if seconds < 9.995 {
        format!("{seconds:.2} s")
    } else if seconds < 59.95 {
        format!("{seconds:.1} s")
    } else if whole < 3600 {
        format!("{} m {:02} s", whole / 60, whole % 60)
    } else {
        format!("{} h {:02} m", whole / 3600, whole % 3600 / 60)
    }
}

/// Returns how long ago `then` was: `just now`, `5 minutes ago`, `2 days ago`; `in the future` for
/// what a wrong clock made.
pub(crate) fn ago(now: Timestamp, then: Timestamp) -> String {
    const UNITS: [(&str, u64); 5] = [
        ("year", 365 * 86_400),
        ("week", 7 * 86_400),
        ("day", 86_400),
        ("hour", 3600),
        ("minute", 60),
    ];
    if then > now {
        return "in the future".into();
    }
    let seconds = now.since(then).as_secs();
    match UNITS.iter().find(|(_, unit)| seconds >= *unit) {
        None => "just now".into(),
        Some((name, unit)) => match seconds / unit {
            1 => format!("1 {name} ago"),
            many => format!("{many} {name}s ago"),
        },
    }
}

/// Returns the first digits of a digest or commit; texts that are none stay whole up to a bound.
pub(crate) fn short(text: &str, digits: usize) -> String {
    if text.len() > digits && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return text[..digits].to_owned();
    }
    cut(text, 2 * digits)
}

/// Returns `text` with at most `most` characters, the last an ellipsis where it was cut.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(most.saturating_sub(1)).collect();
    kept.push('…');
    kept
}

/// Returns the first of `items`, and how many more there are.
pub(crate) fn cut_list(items: &[String], between: &str) -> String {
    const SHOWN: usize = 12;
    let shown = items[..items.len().min(SHOWN)].join(between);
    match items.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {} more", grouped(more)),
    }
}

/// Returns a part of an entry in one line, and where it is if it does not travel.
pub(crate) fn part_of(entry: &Entry, of: &Part) -> String {
    let place = match of.local {
        true if entry.stayed_elsewhere(of.path.as_str()) => ", stayed where it was made",
        true => ", stays on this machine",
        false => "",
    };
    format!("{}{place}", part(of))
}

/// Returns a part in one line: `text/plain, 6 B`.
pub(crate) fn part(part: &Part) -> String {
    let codec = if part.codec == "raw" { String::new() } else { format!(" as {}", part.codec) };
    format!("{}{codec}, {}", part.media_type, size(part.size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_in_the_unit_that_fits() {
        for (seconds, text) in [
            (0.0, "0 µs"),
            (0.000_25, "250 µs"),
            (0.012, "12 ms"),
            (0.999_6, "1.00 s"),
            (1.25, "1.25 s"),
            (12.34, "12.3 s"),
            (59.96, "0 m 59 s"),
            (125.0, "2 m 05 s"),
            (11_220.0, "3 h 07 m"),
            (-1.0, "0 µs"),
        ] {
            assert_eq!(took(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn moments_are_said_relative_to_now() {
        let now = Timestamp::from_micros(1_795_224_240_000_000);
        for (seconds, text) in [
            (-5, "in the future"),
            (0, "just now"),
            (59, "just now"),
            (60, "1 minute ago"),
            (7200, "2 hours ago"),
            (86_400, "1 day ago"),
            (86_400 * 13, "1 week ago"),
            (86_400 * 800, "2 years ago"),
        ] {
            let then = Timestamp::from_micros(now.micros() - seconds * 1_000_000);
            assert_eq!(ago(now, then), text);
        }
    }

    #[test]
    fn long_texts_are_cut_where_it_shows() {
        assert_eq!(grouped(1_204_000), "1,204,000");
        assert_eq!(count(1, "entry", "entries"), "1 entry");
        assert_eq!(short("9f86d081884c7d65", 8), "9f86d081", "digests are known by their start");
        assert_eq!(short("release-candidate", 8), "release-candida…", "words are cut late");
        assert_eq!(cut("äöü", 2), "ä…");
    }
}
