//! Floating numbers that can be compared for being the very same.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// A floating number that equals what has the same bits; and no number equals no number.
///
/// So `0.0` differs from `-0.0`, and all NaN are equal whatever their payload, which is kept.
#[derive(Debug, Clone, Copy, Default)]
pub struct Real(pub f64);

impl Real {
    fn key(self) -> u64 {
        if self.0.is_nan() { f64::NAN.to_bits() } else { self.0.to_bits() }
    }
}

impl PartialEq for Real {
    fn eq(&self, other: &Real) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Real {}

impl PartialOrd for Real {
    fn partial_cmp(&self, other: &Real) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Numbers by size, `-0.0` below `0.0`; what is no number comes last.
impl Ord for Real {
    fn cmp(&self, other: &Real) -> Ordering {
        f64::from_bits(self.key()).total_cmp(&f64::from_bits(other.key()))
    }
}

impl Hash for Real {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl From<f64> for Real {
    fn from(value: f64) -> Real {
        Real(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_equal_what_is_the_very_same() {
        let odd_nan = f64::from_bits(0xfff8_0000_0000_0001);
        for (a, b, same) in [
            (f64::NAN, odd_nan, true),
            (0.0, -0.0, false),
            (f64::INFINITY, f64::NEG_INFINITY, false),
            (0.1 + 0.2, 0.3, false),
            (1.5, 1.5, true),
        ] {
            assert_eq!(Real(a) == Real(b), same, "{a} {b}");
            assert_eq!(Real(a).cmp(&Real(b)) == Ordering::Equal, same, "{a} {b}");
        }
        assert!(Real(f64::NAN) > Real(f64::INFINITY) && Real(odd_nan) > Real(0.0));
    }
}
