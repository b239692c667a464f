//! What changed between the stats of two versions of a table: did the data change?
//!
//! Columns are the same if the table calls them the same; where several do, by their order. Of each
//! the stats are compared by name. The size of a change is its *drift*, a share:
//!
//! | what changed | drift |
//! |---|---|
//! | a number, a length of time | the relative change: (after − before) / before, without sign |
//! | … from zero, from or to what is not finite | infinite |
//! | a point in time | the difference as a share of `max` − `min` of the column before; 1 if unknown |
//! | a histogram | total variation: the share of rows that changed buckets, from 0 to 1 |
//! | a list of the same length | that of its item that changed most |
//! | only the kind, as `1` to `1.0` | 0 |
//! | anything else: a text, a stat or column that came or went | 1 |

mod columns;
mod exact;
mod histogram;
mod times;
mod values;

use std::collections::BTreeMap;

pub use self::histogram::Bucket;
pub use self::values::Difference;
use super::{ColumnStats, StatMap, StatValue, Stats};

/// Stats that are not compared unless asked for: they follow from others, or say nothing of the
/// data.
const LEFT_OUT: [&str; 18] = [
    "histogram_args",
    "histogram_bins",
    "is_binary",
    "is_bool",
    "is_categorical",
    "is_datetime",
    "is_decimal",
    "is_float",
    "is_integer",
    "is_interval",
    "is_numeric",
    "is_period",
    "is_string",
    "is_time",
    "is_timedelta",
    "memory_usage",
    "orig_col_name",
    "rewritten_col_name",
];

/// Past which drift something counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// For all stats that have none of their own, and for columns that came or went.
    pub usual: f64,
    /// By the name of the stat.
    pub by_stat: BTreeMap<String, f64>,
}

impl Thresholds {
    /// Returns the same threshold for all.
    pub fn all(usual: f64) -> Thresholds {
        Thresholds { usual, by_stat: BTreeMap::new() }
    }

    /// Whether a drift of that stat is past it.
    pub fn is_passed(&self, stat: &str, drift: f64) -> bool {
        drift > *self.by_stat.get(stat).unwrap_or(&self.usual)
    }
}

impl Default for Thresholds {
    /// Five in a hundred.
    fn default() -> Thresholds {
        Thresholds::all(0.05)
    }
}

/// What differs between two tables by their stats.
#[derive(Debug, Clone, PartialEq)]
pub struct StatsDiff {
    /// All columns of both, in the order of the later table.
    pub columns: Vec<ColumnDiff>,
}

/// What differs between two columns of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDiff {
    /// What the table calls it.
    pub name: StatValue,
    /// Its place in the table before, from 0; `None` if it came.
    pub before: Option<usize>,
    /// Its place in the table after; `None` if it went.
    pub after: Option<usize>,
    /// The stats that changed, by name; none of a column that came or went.
    pub changes: Vec<StatChange>,
    /// How many are the same.
    pub same: usize,
    /// How many were not compared.
    pub left_out: usize,
}

/// A stat that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct StatChange {
    /// Its name.
    pub stat: String,
    /// Its value before; `None` if it was not there.
    pub before: Option<StatValue>,
    /// Its value after; `None` if it is not there.
    pub after: Option<StatValue>,
    /// Its kinds before and after, if they differ: `int`, `float`, `timestamp[UTC]`.
    pub kinds: Option<(String, String)>,
    /// How it differs.
    pub difference: Difference,
    /// How large that is ([`self`] has the definition): 0.1 is 10 %, and it may be infinite.
    pub drift: f64,
}

impl StatsDiff {
    /// Whether nothing changed.
    pub fn is_same(&self) -> bool {
        self.columns.iter().all(ColumnDiff::is_same)
    }

    /// Whether anything is past the thresholds.
    pub fn passes(&self, thresholds: &Thresholds) -> bool {
        self.columns.iter().any(|column| column.passes(thresholds))
    }

    /// Returns the largest drift of all; `None` if nothing changed.
    pub fn drift(&self) -> Option<f64> {
        self.columns.iter().filter_map(ColumnDiff::drift).max_by(f64::total_cmp)
    }
}

impl ColumnDiff {
    /// Whether it is in both tables, and nothing changed.
    pub fn is_same(&self) -> bool {
        self.changes.is_empty() && self.before.is_some() && self.after.is_some()
    }

    /// Whether any of it is past the thresholds.
    pub fn passes(&self, thresholds: &Thresholds) -> bool {
        let came_or_went = self.before.is_none() || self.after.is_none();
        (came_or_went && 1.0 > thresholds.usual)
            || self.changes.iter().any(|it| thresholds.is_passed(&it.stat, it.drift))
    }

    /// Returns the largest drift of its stats; 1 if it came or went, `None` if nothing changed.
    pub fn drift(&self) -> Option<f64> {
        if self.before.is_none() || self.after.is_none() {
            return Some(1.0);
        }
        self.changes.iter().map(|change| change.drift).max_by(f64::total_cmp)
    }
}

/// Returns what differs between the stats of two versions of a table. With `all_stats`, those that
/// say nothing of the data are compared too: `memory_usage` and the like.
pub fn compare(before: &Stats, after: &Stats, all_stats: bool) -> StatsDiff {
    let columns = columns::pairs(before, after).into_iter().map(|pair| {
        let one = pair.before.map(|at| &before.columns[at]);
        let two = pair.after.map(|at| &after.columns[at]);
        let name = two.or(one).map_or(StatValue::None, |column| column.name.clone());
        let mut diff = match (one, two) {
            (Some(one), Some(two)) => column(one, two, all_stats),
            _ => ColumnDiff::of(name),
        };
        (diff.before, diff.after) = (pair.before, pair.after);
        diff
    });
    StatsDiff { columns: columns.collect() }
}

impl ColumnDiff {
    fn of(name: StatValue) -> ColumnDiff {
        let (changes, same, left_out) = (Vec::new(), 0, 0);
        ColumnDiff { name, before: None, after: None, changes, same, left_out }
    }
}

fn column(before: &ColumnStats, after: &ColumnStats, all_stats: bool) -> ColumnDiff {
    let mut diff = ColumnDiff::of(after.name.clone());
    for (name, one, two) in joined(&before.stats, &after.stats) {
        if !all_stats && LEFT_OUT.contains(&&*name) {
            diff.left_out += 1;
            continue;
        }
        let found = match (one, two) {
            (Some(one), Some(two)) => values::difference(one, two, (&before.stats, &after.stats)),
            (None, _) => Some((Difference::Added, 1.0)),
            (_, None) => Some((Difference::Removed, 1.0)),
        };
        let Some((difference, drift)) = found else {
            diff.same += 1;
            continue;
        };
        let kinds = one.zip(two).map(|(one, two)| (values::kind(one), values::kind(two)));
        diff.changes.push(StatChange {
            stat: name,
            before: one.cloned(),
            after: two.cloned(),
            kinds: kinds.filter(|(one, two)| one != two),
            difference,
            drift,
        });
    }
    diff
}

/// Returns the stats of both by name, sorted.
fn joined<'s>(
    before: &'s StatMap,
    after: &'s StatMap,
) -> impl Iterator<Item = (String, Option<&'s StatValue>, Option<&'s StatValue>)> {
    let mut all: BTreeMap<_, (Option<&StatValue>, Option<&StatValue>)> = BTreeMap::new();
    for (name, value) in before.iter() {
        all.insert(name, (Some(value), None));
    }
    for (name, value) in after.iter() {
        all.entry(name).or_default().1 = Some(value);
    }
    all.into_iter().map(|(name, (one, two))| (name.shown().into_owned(), one, two))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::model::{NatOf, TimeUnit, short_name};

    fn table(columns: &[(&str, &[(&str, StatValue)])]) -> Stats {
        let columns = columns.iter().enumerate().map(|(at, (name, stats))| ColumnStats {
            short: short_name(at),
            name: StatValue::text(*name),
            stats: stats.iter().map(|(name, value)| (*name, value.clone())).collect(),
        });
        Stats { columns: columns.collect() }
    }

    fn change(before: StatValue, after: StatValue) -> Option<StatChange> {
        let diff =
            compare(&table(&[("x", &[("s", before)])]), &table(&[("x", &[("s", after)])]), false);
        diff.columns[0].changes.first().cloned()
    }

    fn big(digits: &str) -> StatValue {
        StatValue::integer(digits).unwrap()
    }

    fn decimal(digits: &str) -> StatValue {
        StatValue::Decimal(digits.into())
    }

    #[test]
    fn numbers_differ_by_so_much_and_by_such_a_share() {
        let float = StatValue::float;
        let huge = "1180591620717411303424";
        for (before, after, by, drift, why) in [
            (StatValue::Int(100), StatValue::Int(110), "10", 0.1, "ints"),
            (float(2.0), float(1.5), "-0.5", 0.25, "floats"),
            (float(-2.0), float(-1.0), "1.0", 0.5, "negative ones"),
            (StatValue::Int(4), float(5.0), "1.0", 0.25, "of two kinds"),
            (StatValue::Int(0), StatValue::Int(3), "3", f64::INFINITY, "from zero"),
            (float(0.0), float(1e-300), "1e-300", f64::INFINITY, "from zero, however little"),
            (StatValue::Int(3), StatValue::Int(0), "-3", 1.0, "to zero"),
            (float(1.0), float(f64::NAN), "nan", f64::INFINITY, "to no number"),
            (float(f64::INFINITY), float(1.0), "-inf", f64::INFINITY, "from infinity"),
            (float(1.7e308), float(-1.7e308), "-inf", 2.0, "beyond what floats hold"),
            (big(huge), big("1180591620717411303425"), "1", 8.470_329_472_543_003e-22, "exact"),
            (decimal("0.1"), decimal("0.3"), "0.2", 2.0, "decimals are exact"),
            (decimal("1"), StatValue::Int(2), "1", 1.0, "a decimal and an int"),
            (decimal("1"), decimal("NaN"), "nan", f64::INFINITY, "a decimal that is none"),
            (
                StatValue::numpy("int8", StatValue::Int(1)),
                StatValue::numpy("int8", StatValue::Int(2)),
                "1",
                1.0,
                "numpy",
            ),
        ] {
            let found = change(before, after).expect(why);
            assert_eq!(found.difference, Difference::Number { by: by.into() }, "{why}");
            let is_near = (found.drift / drift - 1.0).abs() < 1e-9
                || (found.drift.is_infinite() && drift.is_infinite());
            assert!(is_near, "{why}: {}", found.drift);
        }
    }

    #[test]
    fn what_is_the_same_to_a_reader_did_not_change_but_maybe_its_kind() {
        let float = StatValue::float;
        assert_eq!(change(float(f64::NAN), float(-f64::NAN)), None);
        for (before, after) in [
            (StatValue::Int(1), float(1.0)),
            (float(0.0), float(-0.0)),
            (StatValue::Int(1), StatValue::numpy("int64", StatValue::Int(1))),
            (decimal("1.0"), decimal("1.00")),
            (float(f64::NAN), decimal("NaN")),
            (StatValue::text("a"), StatValue::numpy("str", StatValue::text("a"))),
        ] {
            let found = change(before.clone(), after.clone()).unwrap();
            assert_eq!((found.difference, found.drift), (Difference::Kind, 0.0), "{before:?}");
        }
        let found = change(StatValue::Int(1), float(1.0)).unwrap();
        assert_eq!(found.kinds, Some(("int".into(), "float".into())));
    }

    #[test]
    fn times_differ_by_how_long_and_by_a_share_of_their_span() {
        let day = |day: i64| StatValue::Timestamp {
            value: day * 86_400,
            unit: TimeUnit::Second,
            zone: Some("UTC".into()),
        };
        let stats = |max: i64| {
            table(&[("when", &[("min", day(0)), ("max", day(max)), ("most_freq", day(max - 5))])])
        };
        let diff = compare(&stats(100), &stats(101), false);
        let [max, most_freq] = &diff.columns[0].changes[..] else { panic!("{diff:?}") };
        for found in [max, most_freq] {
            assert_eq!(found.difference, Difference::Time { nanos: 86_400_000_000_000 });
            assert!((found.drift - 0.01).abs() < 1e-12, "a day of a hundred");
        }
        let nanos = StatValue::Timestamp {
            value: 86_400_000_000_000,
            unit: TimeUnit::Nano,
            zone: Some("Europe/Berlin".into()),
        };
        let found = change(day(1), nanos).unwrap();
        assert_eq!(found.difference, Difference::Kind, "the same moment elsewhere");
        assert_eq!(found.kinds, Some(("timestamp[UTC]".into(), "timestamp[Europe/Berlin]".into())));
        let naive = StatValue::Date(1);
        assert_eq!(change(day(1), naive).unwrap().difference, Difference::Other);
        let length = |hours: i64| StatValue::PyTimedelta { days: 0, micros: hours * 3_600_000_000 };
        let found = change(length(4), length(5)).unwrap();
        assert!((found.drift - 0.25).abs() < 1e-12, "lengths have a zero of their own");
        let nat = StatValue::NaT(NatOf::Timestamp);
        assert_eq!(change(nat.clone(), nat.clone()), None);
        assert!((change(day(1), nat).unwrap().drift - 1.0).abs() < 1e-12);
    }

    #[test]
    fn whatever_has_no_size_changed_wholly() {
        let list =
            |items: &[i64]| StatValue::List(items.iter().copied().map(StatValue::Int).collect());
        for (before, after, difference, drift, why) in [
            (StatValue::text("a"), StatValue::text("b"), Difference::Other, 1.0, "texts"),
            (StatValue::Bool(true), StatValue::Bool(false), Difference::Other, 1.0, "truths"),
            (StatValue::None, StatValue::Int(0), Difference::Other, 1.0, "nothing became zero"),
            (list(&[10, 20]), list(&[10, 21]), Difference::Items { changed: 1 }, 0.05, "items"),
            (list(&[1]), list(&[1, 2]), Difference::Other, 1.0, "a longer list"),
            (list(&[]), StatValue::Tuple(vec![]), Difference::Kind, 0.0, "of nothing"),
        ] {
            let found = change(before, after).expect(why);
            assert_eq!(found.difference, difference, "{why}");
            assert!((found.drift - drift).abs() < 1e-12, "{why}: {}", found.drift);
        }
    }

    #[test]
    fn columns_and_stats_come_and_go() {
        let one = StatValue::Int(1);
        let before = table(&[
            ("a", &[("min", one.clone()), ("memory_usage", one.clone()), ("old", one.clone())]),
            ("gone", &[("min", one.clone())]),
        ]);
        let two = StatValue::Int(2);
        let after = table(&[
            ("new", &[("min", one.clone())]),
            ("a", &[("min", one.clone()), ("memory_usage", two), ("young", one)]),
        ]);
        let diff = compare(&before, &after, false);
        let said: Vec<String> = diff
            .columns
            .iter()
            .map(|it| {
                format!("{:?} {:?} {:?} {:?}", it.name.as_str(), it.before, it.after, it.drift())
            })
            .collect();
        assert_eq!(
            said,
            [
                "Some(\"new\") None Some(0) Some(1.0)",
                "Some(\"a\") Some(0) Some(1) Some(1.0)",
                "Some(\"gone\") Some(1) None Some(1.0)",
            ]
        );
        let a = &diff.columns[1];
        let changed: Vec<_> = a.changes.iter().map(|it| (&*it.stat, &it.difference)).collect();
        assert_eq!(changed, [("old", &Difference::Removed), ("young", &Difference::Added)]);
        assert_eq!((a.same, a.left_out), (1, 1));
        let all = compare(&before, &after, true);
        assert_eq!(all.columns[1].changes.len(), 3, "memory_usage too");
        assert!(compare(&before, &before, true).is_same());
        assert_eq!(compare(&before, &before, true).drift(), None);
    }

    #[test]
    fn thresholds_count_by_stat_and_only_what_is_past_them() {
        let table = |mean: f64, max: i64| {
            table(&[("x", &[("mean", StatValue::float(mean)), ("max", StatValue::Int(max))])])
        };
        let diff = compare(&table(100.0, 100), &table(104.0, 110), false);
        let by_stat = |stat: &str, usual, own| Thresholds {
            usual,
            by_stat: BTreeMap::from([(stat.to_owned(), own)]),
        };
        for (thresholds, passes, why) in [
            (Thresholds::default(), true, "max changed by ten in a hundred"),
            (Thresholds::all(0.1), false, "which is not past ten"),
            (by_stat("max", 0.05, f64::INFINITY), false, "max does not count"),
            (by_stat("mean", 0.2, 0.03), true, "mean has its own"),
            (Thresholds::all(f64::INFINITY), false, "nothing counts"),
        ] {
            assert_eq!(diff.passes(&thresholds), passes, "{why}");
        }
    }
}
