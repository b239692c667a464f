//! What stats are: columns in the order of their table, each with values by name.

mod map;
mod number;
mod temporal;
mod value;
mod words;

pub use map::StatMap;
pub use number::Real;
pub(in crate::stats) use temporal::{DAY_MICROS, civil_of_days, days_of_civil};
pub use temporal::{NatOf, TimeUnit};
pub use value::{Array, Interval, Numpy, Opaque, StatValue};
pub(in crate::stats) use words::Piece;
pub use words::Text;

/// The stats of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Its columns, in the order of the table. Names and short names may be there twice.
    pub columns: Vec<ColumnStats>,
}

/// The stats of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnStats {
    /// What its viewer calls it: `a`, `b`, …, `z`, `ba`, … by position.
    pub short: String,
    /// What the table calls it: a text mostly, but a number, a tuple or nothing as well.
    pub name: StatValue,
    /// Its stats, by name.
    pub stats: StatMap,
}

impl Stats {
    /// Returns the first column of that name.
    pub fn column(&self, name: &StatValue) -> Option<&ColumnStats> {
        self.columns.iter().find(|column| column.name == *name)
    }

    /// Returns how many values there are in all.
    pub fn len(&self) -> usize {
        self.columns.iter().map(|column| column.stats.len()).sum()
    }

    /// Whether there is no value at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Returns the short name of the column at `position`: `a` to `z`, then `ba`, `bb`, … (base 26,
/// whose digit zero is `a`), as Buckaroo names them.
pub fn short_name(position: usize) -> String {
    let mut digits = Vec::new();
    let mut left = position;
    loop {
        let digit = u8::try_from(left % 26).expect("a rest below 26");
        digits.push(char::from(b'a' + digit));
        left /= 26;
        if left == 0 {
            return digits.iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_count_in_letters() {
        for (position, name) in [(0, "a"), (25, "z"), (26, "ba"), (51, "bz"), (676, "baa")] {
            assert_eq!(short_name(position), name);
        }
    }

    #[test]
    fn values_stay_small() {
        assert_eq!(size_of::<StatValue>(), 32, "decoding moves thousands of them");
        assert_eq!(size_of::<Text>(), 24);
    }
}
