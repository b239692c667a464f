//! Values by name, sorted.

use super::{StatValue, Text};

/// The stats of a column by name, sorted by the bytes of the names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatMap(Vec<(Text, StatValue)>);

impl StatMap {
    /// Returns a map without any stat.
    pub fn new() -> StatMap {
        StatMap::default()
    }

    /// Returns the value of the stat of that name.
    pub fn get(&self, name: &str) -> Option<&StatValue> {
        let at = self.0.binary_search_by(|(it, _)| it.as_bytes().cmp(name.as_bytes())).ok()?;
        Some(&self.0[at].1)
    }

    /// Sets the value of a stat, and returns the one it had.
    pub fn insert(&mut self, name: impl Into<Text>, value: StatValue) -> Option<StatValue> {
        let name = name.into();
        // What comes in order, as from a file, is only appended.
        if self.0.last().is_none_or(|(last, _)| *last < name) {
            self.0.push((name, value));
            return None;
        }
        match self.0.binary_search_by(|(it, _)| it.cmp(&name)) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (name, value));
                None
            }
        }
    }

    /// Removes a stat, and returns the value it had.
    pub fn remove(&mut self, name: &str) -> Option<StatValue> {
        let at = self.0.binary_search_by(|(it, _)| it.as_bytes().cmp(name.as_bytes())).ok()?;
        Some(self.0.remove(at).1)
    }

    /// Returns names and values, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Text, &StatValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// Returns how many stats there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no stat.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::stats) fn with_capacity(count: usize) -> StatMap {
        StatMap(Vec::with_capacity(count))
    }
}

impl<N: Into<Text>> FromIterator<(N, StatValue)> for StatMap {
    fn from_iter<I: IntoIterator<Item = (N, StatValue)>>(pairs: I) -> StatMap {
        let mut map = StatMap::new();
        for (name, value) in pairs {
            map.insert(name, value);
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stats_are_sorted_and_the_last_of_a_name_holds() {
        let names = ["min", "max", "dtype", "min"];
        let map: StatMap =
            names.iter().zip(0..).map(|(name, at)| (*name, StatValue::Int(at))).collect();
        let found: Vec<_> = map.iter().map(|(name, value)| (name.to_string(), value)).collect();
        assert_eq!(
            found,
            [
                ("dtype".into(), &StatValue::Int(2)),
                ("max".into(), &StatValue::Int(1)),
                ("min".into(), &StatValue::Int(3))
            ]
        );
        assert_eq!(map.get("max"), Some(&StatValue::Int(1)));
        assert_eq!(map.get("mean"), None);
    }
}
