//! How far apart two histograms are.
//!
//! The distance is the total variation: half the sum of the differences of the shares, which is the
//! share of rows that would have to change buckets, from 0 to 1. Shares are made to add up to 1
//! first. Buckets with a name of their own (a value, `NA`, `unique`, `longtail`) are compared by it;
//! buckets of a range by their range, as edges move with the data: each is taken as spread evenly
//! over its range. Tails, which have no share, do not count.

use std::collections::HashMap;

use crate::stats::{StatMap, StatValue};

/// A bucket whose share of the rows changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// What it is called.
    pub name: String,
    /// Its share before, from 0 to 1; `None` if there was no bucket of that name.
    pub before: Option<f64>,
    /// Its share after.
    pub after: Option<f64>,
}

/// A histogram.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram {
    buckets: Vec<Share>,
}

#[derive(Debug, Clone, PartialEq)]
struct Share {
    name: String,
    /// Of the rows, from 0 to 1.
    size: f64,
    /// From where to where it goes, if it is of a range.
    range: Option<(f64, f64)>,
}

/// The field of a bucket that is its share, of rows in a range.
const IN_RANGE: &str = "population";
/// What a bucket may say besides its share.
const NO_SHARES: [&str; 2] = ["name", "tail"];

/// Returns the histogram that a value is: a list of dicts with a name each; `None` if it is none.
pub(super) fn buckets(value: &StatValue, beside: &StatMap) -> Option<Histogram> {
    let StatValue::List(items) = value else { return None };
    let mut buckets = Vec::with_capacity(items.len());
    for item in items {
        let StatValue::Dict(fields) = item else { return None };
        let name = fields.iter().find(|(key, _)| key == "name").map(|(_, name)| name)?;
        let name = name.as_str().map_or_else(|| format!("{name:?}"), str::to_owned);
        let shares = fields.iter().filter(|(key, _)| !NO_SHARES.iter().any(|name| key == *name));
        let size = shares
            .filter_map(|(_, value)| value.as_f64())
            .filter(|share| share.is_finite() && *share >= 0.0)
            .sum();
        let is_of_range = fields.iter().any(|(key, _)| key == IN_RANGE);
        let range = is_of_range.then(|| range_of(&name)).flatten();
        buckets.push(Share { name, size, range });
    }
    if buckets.is_empty() {
        return None;
    }
    let total: f64 = buckets.iter().map(|bucket| bucket.size).sum();
    if total > 0.0 {
        for bucket in &mut buckets {
            bucket.size /= total;
        }
    }
    take_edges(&mut buckets, beside);
    Some(Histogram { buckets })
}

/// Takes the edges from the stat that has them unrounded.
fn take_edges(buckets: &mut [Share], beside: &StatMap) {
    let edges: Option<Vec<f64>> = match beside.get("histogram_bins") {
        Some(StatValue::List(edges) | StatValue::Tuple(edges)) => {
            edges.iter().map(StatValue::as_f64).collect()
        }
        Some(StatValue::Array(array)) => array.values.iter().map(StatValue::as_f64).collect(),
        _ => None,
    };
    let in_ranges = buckets.iter_mut().filter(|bucket| bucket.range.is_some());
    let mut in_ranges: Vec<&mut Share> = in_ranges.collect();
    if let Some(edges) = edges
        && edges.len() == in_ranges.len() + 1
        && edges.windows(2).all(|pair| pair[0] < pair[1])
    {
        for (bucket, pair) in in_ranges.iter_mut().zip(edges.windows(2)) {
            bucket.range = Some((pair[0], pair[1]));
        }
    }
}

/// Reads `-11-9`, `9-30` or `1.5 - 2e3`; `None` if it is no range that goes up.
fn range_of(name: &str) -> Option<(f64, f64)> {
    name.match_indices('-').skip(usize::from(name.starts_with('-'))).find_map(|(at, _)| {
        let (start, end) = (name[..at].trim(), name[at + 1..].trim());
        let (start, end) = (start.parse::<f64>().ok()?, end.parse::<f64>().ok()?);
        (start.is_finite() && end.is_finite() && start < end).then_some((start, end))
    })
}

/// Returns how far apart two histograms are, and the buckets whose share changed.
pub(super) fn distance(before: &Histogram, after: &Histogram) -> (f64, Vec<Bucket>) {
    let mut sum = between_ranges(before, after);
    let named = |histogram: &Histogram| -> HashMap<String, f64> {
        let mut shares = HashMap::new();
        for bucket in histogram.buckets.iter().filter(|bucket| bucket.range.is_none()) {
            *shares.entry(bucket.name.clone()).or_default() += bucket.size;
        }
        shares
    };
    let (one, two) = (named(before), named(after));
    for (name, share) in &one {
        sum += (share - two.get(name).unwrap_or(&0.0)).abs();
    }
    sum += two.iter().filter(|(name, _)| !one.contains_key(*name)).map(|(_, it)| it).sum::<f64>();
    ((sum / 2.0).min(1.0), changed(before, after))
}

/// Returns the buckets, by name, whose share changed, the largest change first.
fn changed(before: &Histogram, after: &Histogram) -> Vec<Bucket> {
    let share = |histogram: &Histogram, name: &str| {
        let bucket = histogram.buckets.iter().find(|bucket| bucket.name == name);
        bucket.map(|bucket| bucket.size)
    };
    let mut changed: Vec<Bucket> = Vec::new();
    for Share { name, .. } in before.buckets.iter().chain(&after.buckets) {
        let (before, after) = (share(before, name), share(after, name));
        if before != after && !changed.iter().any(|it| it.name == *name) {
            changed.push(Bucket { name: name.clone(), before, after });
        }
    }
    let size = |it: &Bucket| (it.after.unwrap_or(0.0) - it.before.unwrap_or(0.0)).abs();
    changed.sort_by(|one, two| size(two).total_cmp(&size(one)));
    changed
}

/// Returns the sum of differences over all ranges, each of which is spread evenly.
fn between_ranges(before: &Histogram, after: &Histogram) -> f64 {
    let ranges = |histogram: &Histogram| -> Vec<(f64, f64, f64)> {
        let all = histogram.buckets.iter();
        all.filter_map(|it| it.range.map(|(start, end)| (start, end, it.size))).collect()
    };
    let (one, two) = (ranges(before), ranges(after));
    let mut edges: Vec<f64> =
        one.iter().chain(&two).flat_map(|(start, end, _)| [*start, *end]).collect();
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    let within = |all: &[(f64, f64, f64)], from: f64, to: f64| -> f64 {
        let share = |(start, end, share): &(f64, f64, f64)| {
            let overlap = end.min(to) - start.max(from);
            if overlap > 0.0 { share * overlap / (end - start) } else { 0.0 }
        };
        all.iter().map(share).sum()
    };
    edges
        .windows(2)
        .map(|pair| (within(&one, pair[0], pair[1]) - within(&two, pair[0], pair[1])).abs())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(buckets: &[(&str, &str, f64)], edges: &[f64]) -> Histogram {
        let dict = |(name, field, share): &(&str, &str, f64)| {
            StatValue::Dict(vec![
                ("name".into(), StatValue::text(*name)),
                ((*field).into(), StatValue::float(*share)),
            ])
        };
        let edges = edges.iter().map(|edge| StatValue::float(*edge)).collect();
        let beside = StatMap::from_iter([("histogram_bins", StatValue::List(edges))]);
        super::buckets(&StatValue::List(buckets.iter().map(dict).collect()), &beside).unwrap()
    }

    fn apart(one: &Histogram, two: &Histogram) -> f64 {
        let (there, _) = distance(one, two);
        let (back, _) = distance(two, one);
        assert!((there - back).abs() < 1e-12, "it is the same both ways: {there} {back}");
        (there * 1e9).round() / 1e9
    }

    #[test]
    fn the_distance_is_the_share_of_rows_that_changed_buckets() {
        let one = histogram(&[("UA", "cat_pop", 60.0), ("EV", "cat_pop", 40.0)], &[]);
        let two = histogram(&[("EV", "cat_pop", 50.0), ("UA", "cat_pop", 50.0)], &[]);
        let other = histogram(&[("B6", "cat_pop", 90.0), ("NA", "NA", 10.0)], &[]);
        assert!(apart(&one, &one) < 1e-12);
        assert!((apart(&one, &two) - 0.1).abs() < 1e-9);
        assert!((apart(&one, &other) - 1.0).abs() < 1e-9);
        let (_, changed) = distance(&one, &other);
        assert_eq!(changed[0], Bucket { name: "B6".into(), before: None, after: Some(0.9) });
    }

    #[test]
    fn edges_that_move_a_little_are_a_little_apart() {
        let of = |start: f64, end: f64| {
            let step = (end - start) / 4.0;
            let edges: Vec<f64> = (0..5).map(|at| start + step * f64::from(at)).collect();
            let names: Vec<String> =
                edges.windows(2).map(|it| format!("{:.0}-{:.0}", it[0], it[1])).collect();
            let buckets: Vec<(&str, &str, f64)> =
                names.iter().map(|name| (name.as_str(), "population", 25.0)).collect();
            histogram(&buckets, &edges)
        };
        assert!((apart(&of(0.0, 100.0), &of(0.0, 101.0)) - 0.009_900_99).abs() < 1e-8);
        assert!((apart(&of(0.0, 100.0), &of(100.0, 200.0)) - 1.0).abs() < 1e-8);
        assert!((apart(&of(0.0, 100.0), &of(50.0, 150.0)) - 0.5).abs() < 1e-8);
    }

    #[test]
    fn ranges_are_read_with_signs_and_exponents() {
        for (name, range) in [
            ("9-30", Some((9.0, 30.0))),
            ("-11-9", Some((-11.0, 9.0))),
            ("-30--20", Some((-30.0, -20.0))),
            ("0.5 - 2e3", Some((0.5, 2000.0))),
            ("1e-3-2e-3", Some((0.001, 0.002))),
            ("30-9", None),
            ("UA", None),
            ("-", None),
            ("NA", None),
        ] {
            assert_eq!(range_of(name), range, "{name}");
        }
    }

    #[test]
    fn what_is_no_histogram_is_none() {
        let none = StatMap::new();
        for value in [
            StatValue::List(vec![]),
            StatValue::List(vec![StatValue::Int(1)]),
            StatValue::List(vec![StatValue::Dict(vec![("n".into(), StatValue::Int(1))])]),
            StatValue::text("histogram"),
        ] {
            assert_eq!(buckets(&value, &none), None, "{value:?}");
        }
    }
}
