//! Percent-encoding, taken back (RFC 3986, section 2.1).

/// Why a text is not percent-encoded UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotEncoded(pub(super) &'static str);

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a path, where a plus is one.
    Path,
    /// In a query, where forms write spaces as a plus.
    Query,
}

/// Returns the text that was encoded.
///
/// # Errors
/// [`NotEncoded`] for a `%` without two hex digits behind it, and for bytes that are no UTF-8.
pub(super) fn decode(text: &str, place: Place) -> Result<String, NotEncoded> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || rest.next().and_then(|it| char::from(it).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else {
                    return Err(NotEncoded("a `%` without two hex digits behind it"));
                };
                u8::try_from(high * 16 + low).expect("two hex digits are a byte")
            }
            b'+' if place == Place::Query => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| NotEncoded("its bytes are not UTF-8"))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_become_what_they_stand_for() {
        for (text, path, query, why) in [
            ("plain", Ok("plain"), Ok("plain"), "nothing to do"),
            ("a%2Fb%2fc", Ok("a/b/c"), Ok("a/b/c"), "both cases"),
            ("a+b", Ok("a+b"), Ok("a b"), "forms write spaces so"),
            ("%2B", Ok("+"), Ok("+"), "an encoded plus is one anywhere"),
            ("%00", Ok("\0"), Ok("\0"), "no byte is special"),
            ("%E6%97%A5", Ok("日"), Ok("日"), "UTF-8"),
            ("日", Ok("日"), Ok("日"), "UTF-8 as it is"),
            ("%", Err(()), Err(()), "cut off"),
            ("%4", Err(()), Err(()), "cut off"),
            ("%zz", Err(()), Err(()), "no hex"),
            ("%ff", Err(()), Err(()), "no UTF-8"),
            ("%+1", Err(()), Err(()), "a sign is no digit"),
        ] {
            let plain = |found: Result<String, NotEncoded>| found.map_err(drop);
            assert_eq!(plain(decode(text, Place::Path)), path.map(str::to_owned), "{why}");
            assert_eq!(plain(decode(text, Place::Query)), query.map(str::to_owned), "{why}");
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "\\PC{0,40}") {
            let mut encoded = String::new();
            for byte in text.bytes() {
                write!(encoded, "%{byte:02X}").unwrap();
            }
            prop_assert_eq!(decode(&encoded, Place::Path), Ok(text.clone()));
            prop_assert_eq!(decode(&encoded, Place::Query), Ok(text));
        }

        #[test]
        fn nothing_makes_it_panic(text in "[%+0-9a-gé]{0,20}") {
            drop(decode(&text, Place::Query));
        }
    }
}
