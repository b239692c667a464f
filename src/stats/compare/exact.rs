//! Decimal numbers of any length, as far as differences need them.

use std::cmp::Ordering;
use std::fmt;

/// More digits than these are no exact numbers here: `1E+999999` is a short text of a million.
const MOST_DIGITS: usize = 4096;

/// A number in decimal digits, exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exact {
    is_negative: bool,
    /// The digits, the greatest first, none of them leading zeros; empty is zero.
    digits: Vec<u8>,
    /// How many zeros follow the digits; below zero, how many of them are a fraction.
    exponent: i64,
}

impl Exact {
    /// Returns the number of a text such as `-12`, `1.50` or `1E+5`; `None` if it is none, or too
    /// long.
    pub(super) fn read(text: &str) -> Option<Exact> {
        let (is_negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        if whole.len() + fraction.len() > MOST_DIGITS {
            return None;
        }
        let digits = whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0').collect();
        let shift = i64::try_from(fraction.len()).ok()?;
        Some(Exact { is_negative, digits, exponent: exponent.checked_sub(shift)? }.plain())
    }

    /// Returns a whole number.
    pub(super) fn of(number: i128) -> Exact {
        let digits = number.unsigned_abs().to_string().bytes().map(|byte| byte - b'0').collect();
        Exact { is_negative: number < 0, digits, exponent: 0 }.plain()
    }

    /// Returns the number without leading and trailing zeros.
    fn plain(mut self) -> Exact {
        let leading = self.digits.iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..leading);
        while self.digits.last() == Some(&0) {
            self.digits.pop();
            self.exponent = self.exponent.saturating_add(1);
        }
        if self.digits.is_empty() {
            return Exact { is_negative: false, digits: Vec::new(), exponent: 0 };
        }
        self
    }

    /// Whether it is zero.
    pub(super) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// Returns `self` less `other`; `None` if that has too many digits.
    pub(super) fn minus(&self, other: &Exact) -> Option<Exact> {
        let lowest = match (self.is_zero(), other.is_zero()) {
            (true, true) => return Some(self.clone()),
            (true, false) => other.exponent,
            (false, true) => self.exponent,
            (false, false) => self.exponent.min(other.exponent),
        };
        let (one, two) = (self.digits_from(lowest)?, other.digits_from(lowest)?);
        let made = |is_negative: bool, digits: Vec<u8>| {
            Exact { is_negative, digits, exponent: lowest }.plain()
        };
        if self.is_negative != other.is_negative {
            return Some(made(self.is_negative, sum(&one, &two)));
        }
        Some(match by_size(&one, &two) {
            Ordering::Less => made(!self.is_negative, difference(&two, &one)),
            _ => made(self.is_negative, difference(&one, &two)),
        })
    }

    /// Returns how often `other` goes into `self`, as near as a float comes; `other` is not zero.
    pub(super) fn over(&self, other: &Exact) -> f64 {
        let (one, one_places) = self.mantissa();
        let (two, two_places) = other.mantissa();
        let places = one_places.saturating_sub(two_places).clamp(-400, 400);
        let places = i32::try_from(places).unwrap_or_default();
        one / two * 10_f64.powi(places)
    }

    /// Returns the digits with zeros up to the place `lowest`.
    fn digits_from(&self, lowest: i64) -> Option<Vec<u8>> {
        let mut digits = self.digits.clone();
        if !self.is_zero() {
            let zeros = usize::try_from(self.exponent.checked_sub(lowest)?).ok()?;
            if digits.len().checked_add(zeros)? > MOST_DIGITS {
                return None;
            }
            digits.resize(digits.len() + zeros, 0);
        }
        Some(digits)
    }

    /// Returns the number as a fraction below 10 and the power of ten that it is of.
    fn mantissa(&self) -> (f64, i64) {
        let mut value = 0.0;
        let mut place = 1.0;
        for digit in self.digits.iter().take(18) {
            value += f64::from(*digit) * place;
            place /= 10.0;
        }
        let places = i64::try_from(self.digits.len()).unwrap_or(i64::MAX).saturating_sub(1);
        let signed = if self.is_negative { -value } else { value };
        (signed, self.exponent.saturating_add(places))
    }
}

fn by_size(one: &[u8], two: &[u8]) -> Ordering {
    let trimmed = |digits: &[u8]| digits.iter().take_while(|digit| **digit == 0).count();
    let (one, two) = (&one[trimmed(one)..], &two[trimmed(two)..]);
    one.len().cmp(&two.len()).then_with(|| one.cmp(two))
}

fn sum(one: &[u8], two: &[u8]) -> Vec<u8> {
    let mut digits = Vec::with_capacity(one.len().max(two.len()) + 1);
    let mut carry = 0;
    let (mut one, mut two) = (one.iter().rev(), two.iter().rev());
    loop {
        let (a, b) = (one.next(), two.next());
        if a.is_none() && b.is_none() && carry == 0 {
            break;
        }
        let place = a.unwrap_or(&0) + b.unwrap_or(&0) + carry;
        digits.push(place % 10);
        carry = place / 10;
    }
    digits.reverse();
    digits
}

/// Returns the digits of a number less a smaller one.
fn difference(greater: &[u8], smaller: &[u8]) -> Vec<u8> {
    let mut digits = Vec::with_capacity(greater.len());
    let mut borrowed = 0;
    let mut smaller = smaller.iter().rev();
    for digit in greater.iter().rev() {
        let taken = smaller.next().unwrap_or(&0) + borrowed;
        borrowed = u8::from(*digit < taken);
        digits.push(digit + 10 * borrowed - taken);
    }
    digits.reverse();
    digits
}

/// Without an exponent where that takes few zeros, else as `12E+40`.
impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ZEROS: i64 = 20;
        if self.is_zero() {
            return f.write_str("0");
        }
        if self.is_negative {
            f.write_str("-")?;
        }
        let digits: String = self.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        if (0..=ZEROS).contains(&self.exponent) {
            let zeros = usize::try_from(self.exponent).unwrap_or_default();
            return write!(f, "{digits}{}", "0".repeat(zeros));
        }
        let point = count + self.exponent;
        if self.exponent < 0 && point > -ZEROS {
            let whole = usize::try_from(point.max(0)).unwrap_or_default();
            let zeros = usize::try_from((-point).max(0)).unwrap_or_default();
            let (before, after) = digits.split_at(whole);
            let before = if before.is_empty() { "0" } else { before };
            return write!(f, "{before}.{}{after}", "0".repeat(zeros));
        }
        write!(f, "{digits}E{:+}", self.exponent)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exact(text: &str) -> Exact {
        Exact::read(text).unwrap()
    }

    #[test]
    fn differences_lose_no_digit() {
        for (one, two, expected) in [
            ("1180591620717411303424", "1180591620717411303423", "1"),
            ("0.10", "0.1", "0"),
            ("0.3", "0.1", "0.2"),
            ("-5", "5", "-10"),
            ("5", "-5", "10"),
            ("1E+30", "1", "999999999999999999999999999999"),
            ("1E-30", "0", "1E-30"),
            ("0", "12.50", "-12.5"),
            ("-0.001", "-0.0009", "-0.0001"),
            ("99", "-1", "100"),
        ] {
            let found = exact(one).minus(&exact(two)).unwrap();
            assert_eq!(found.to_string(), expected, "{one} - {two}");
        }
    }

    #[test]
    fn what_is_no_number_or_too_long_is_none() {
        for text in ["", "-", ".", "NaN", "Infinity", "1e", "1.2.3", "0x10", "1 "] {
            assert_eq!(Exact::read(text), None, "{text}");
        }
        assert_eq!(exact("1E+999999").minus(&exact("1")), None);
        assert_eq!(Exact::read(&"9".repeat(MOST_DIGITS + 1)), None);
    }

    #[test]
    fn ratios_hold_beyond_the_range_of_floats() {
        let ratio = |one: &str, two: &str| exact(one).over(&exact(two));
        assert!((ratio("1E+500", "4E+500") - 0.25).abs() < 1e-15);
        assert!((ratio("-3", "1.5") + 2.0).abs() < 1e-15);
        assert!(ratio("1E+900", "1").is_infinite());
    }

    proptest! {
        #[test]
        fn differences_are_those_of_whole_numbers(one: i64, two: i64) {
            let found = Exact::of(one.into()).minus(&Exact::of(two.into())).unwrap();
            prop_assert_eq!(found, Exact::of(i128::from(one) - i128::from(two)));
        }

        #[test]
        fn a_difference_is_read_as_it_is_shown(one in "-?[0-9]{1,25}(\\.[0-9]{1,8})?", two in "-?[0-9]{1,8}E[+-]?[0-9]{1,2}") {
            let found = exact(&one).minus(&exact(&two)).unwrap();
            prop_assert_eq!(exact(&found.to_string()), found.clone());
            let back = exact(&two).minus(&exact(&one)).unwrap();
            prop_assert_eq!(Exact { is_negative: !found.is_negative && !found.is_zero(), ..found }, back);
        }
    }
}
