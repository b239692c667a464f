//! Which columns of two tables are the same.

use std::collections::HashMap;

use crate::stats::{StatValue, Stats};

/// Where a column stands before and after; at least one of them is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) before: Option<usize>,
    pub(super) after: Option<usize>,
}

/// Returns the pairs of columns that have the same name, in the order of the later table; columns
/// that went stand where they stood. Of several of one name the first is the first, and so on.
pub(super) fn pairs(before: &Stats, after: &Stats) -> Vec<Pair> {
    let mut places: HashMap<&StatValue, Vec<usize>> = HashMap::new();
    for (at, column) in before.columns.iter().enumerate().rev() {
        places.entry(&column.name).or_default().push(at);
    }
    let found: Vec<Option<usize>> =
        after.columns.iter().map(|it| places.get_mut(&it.name).and_then(Vec::pop)).collect();
    let mut gone: Vec<usize> = places.into_values().flatten().collect();
    gone.sort_unstable();
    let mut gone = gone.into_iter().peekable();
    let mut pairs = Vec::with_capacity(after.columns.len());
    for (at, found) in found.into_iter().enumerate() {
        if let Some(place) = found {
            while let Some(before) = gone.next_if(|gone| *gone < place) {
                pairs.push(Pair { before: Some(before), after: None });
            }
        }
        pairs.push(Pair { before: found, after: Some(at) });
    }
    pairs.extend(gone.map(|before| Pair { before: Some(before), after: None }));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::model::short_name;
    use crate::stats::{ColumnStats, StatMap};

    fn table(names: &[&str]) -> Stats {
        let columns = names.iter().enumerate().map(|(at, name)| ColumnStats {
            short: short_name(at),
            name: StatValue::text(*name),
            stats: StatMap::new(),
        });
        Stats { columns: columns.collect() }
    }

    #[test]
    fn columns_are_found_wherever_they_moved() {
        for (before, after, expected, why) in [
            ("a b", "a b", "0=0 1=1", "nothing happened"),
            ("a b", "a x b", "0=0 -=1 1=2", "one came in between"),
            ("a x b", "a b", "0=0 1=- 2=1", "one went, and is told where it stood"),
            ("a b", "b a", "1=0 0=1", "they changed places"),
            ("a a b", "a b a", "0=0 2=1 1=2", "of one name the first is the first"),
            ("a a", "a", "0=0 1=-", "the second went"),
            ("a", "", "0=-", "all went"),
            ("", "", "", "there are none"),
        ] {
            let split = |text: &str| table(&text.split_whitespace().collect::<Vec<_>>());
            let place = |at: Option<usize>| at.map_or("-".to_owned(), |at| at.to_string());
            let found: Vec<String> = pairs(&split(before), &split(after))
                .into_iter()
                .map(|pair| format!("{}={}", place(pair.before), place(pair.after)))
                .collect();
            assert_eq!(found.join(" "), expected, "{why}");
        }
    }
}
