//! Finds what two sequences have in common, in order, at a bounded cost.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Up to this many items on both sides together the shortest edit is looked for: its cost is the
/// product of what is there and what differs.
const SMALL: usize = 1_000;
/// How often a gap is split at what is unique in it before it is taken as a whole.
const DEPTH: usize = 12;

/// A piece of two sequences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The same items on both sides.
    Same { before: usize, after: usize, len: usize },
    /// Other items, or none on one side.
    Changed { before: Range<usize>, after: Range<usize> },
}

/// Returns the pieces of two sequences in order. Neighbours of one kind are one piece.
///
/// Short sequences give the longest common subsequence. Of long ones what is unique on both sides
/// and stands in the same order is matched first (Cohen's patience diff), then what is between, so
/// that the cost stays near that of sorting.
pub(super) fn align<T: Hash + Eq>(before: &[T], after: &[T]) -> Vec<Step> {
    let mut ids: HashMap<&T, u32> = HashMap::new();
    let (mut a, mut b) = (vec![0_u32; before.len()], vec![0_u32; after.len()]);
    for (item, id) in before.iter().zip(&mut a).chain(after.iter().zip(&mut b)) {
        let next = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        *id = *ids.entry(item).or_insert(next);
    }
    let mut steps = Steps::default();
    gap(&a, &b, 0..a.len(), 0..b.len(), DEPTH, &mut steps);
    steps.0
}

#[derive(Default)]
struct Steps(Vec<Step>);

impl Steps {
    fn same(&mut self, before: usize, after: usize, len: usize) {
        match self.0.last_mut() {
            _ if len == 0 => {}
            Some(Step::Same { len: known, .. }) => *known += len,
            _ => self.0.push(Step::Same { before, after, len }),
        }
    }

    fn changed(&mut self, before: Range<usize>, after: Range<usize>) {
        match self.0.last_mut() {
            _ if before.is_empty() && after.is_empty() => {}
            Some(Step::Changed { before: a, after: b }) => {
                a.end = before.end;
                b.end = after.end;
            }
            _ => self.0.push(Step::Changed { before, after }),
        }
    }
}

fn gap(a: &[u32], b: &[u32], x: Range<usize>, y: Range<usize>, depth: usize, steps: &mut Steps) {
    let (left, right) = (&a[x.clone()], &b[y.clone()]);
    let head = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    let rest = left.len().min(right.len()) - head;
    let tail = left.iter().rev().zip(right.iter().rev()).take(rest).take_while(|(a, b)| a == b);
    let tail = tail.count();
    steps.same(x.start, y.start, head);
    let (mid_x, mid_y) = (x.start + head..x.end - tail, y.start + head..y.end - tail);
    if mid_x.is_empty() || mid_y.is_empty() {
        steps.changed(mid_x, mid_y);
    } else if mid_x.len() + mid_y.len() <= SMALL {
        shortest(a, b, &mid_x, &mid_y, steps);
    } else {
        let anchors = if depth > 0 { anchors(a, b, &mid_x, &mid_y) } else { Vec::new() };
        if anchors.is_empty() {
            steps.changed(mid_x, mid_y);
        } else {
            let (mut from_x, mut from_y) = (mid_x.start, mid_y.start);
            for (at_x, at_y) in anchors {
                gap(a, b, from_x..at_x, from_y..at_y, depth - 1, steps);
                steps.same(at_x, at_y, 1);
                (from_x, from_y) = (at_x + 1, at_y + 1);
            }
            gap(a, b, from_x..mid_x.end, from_y..mid_y.end, depth - 1, steps);
        }
    }
    steps.same(x.end - tail, y.end - tail, tail);
}

fn shortest(a: &[u32], b: &[u32], x: &Range<usize>, y: &Range<usize>, steps: &mut Steps) {
    // What is between two pieces that are the same is changed, however the edits are ordered.
    let (mut from_x, mut from_y) = (x.start, y.start);
    for op in capture_diff_slices(Algorithm::Myers, &a[x.clone()], &b[y.clone()]) {
        let DiffOp::Equal { old_index, new_index, len } = op else { continue };
        let (at_x, at_y) = (x.start + old_index, y.start + new_index);
        steps.changed(from_x..at_x, from_y..at_y);
        steps.same(at_x, at_y, len);
        (from_x, from_y) = (at_x + len, at_y + len);
    }
    steps.changed(from_x..x.end, from_y..y.end);
}

/// Returns the places of items that are unique on both sides, the longest run that goes up on both.
fn anchors(a: &[u32], b: &[u32], x: &Range<usize>, y: &Range<usize>) -> Vec<(usize, usize)> {
    /// How often an item is on each side, and where it was seen last.
    #[derive(Default)]
    struct Seen {
        left: (usize, usize),
        right: (usize, usize),
    }
    let mut seen: HashMap<u32, Seen> = HashMap::new();
    for at in x.clone() {
        let left = &mut seen.entry(a[at]).or_default().left;
        *left = (left.0 + 1, at);
    }
    for at in y.clone() {
        let right = &mut seen.entry(b[at]).or_default().right;
        *right = (right.0 + 1, at);
    }
    let mut pairs: Vec<(usize, usize)> = seen
        .into_values()
        .filter(|it| it.left.0 == 1 && it.right.0 == 1)
        .map(|it| (it.left.1, it.right.1))
        .collect();
    pairs.sort_unstable();
    longest_rise(&pairs)
}

/// Returns the longest subsequence whose second numbers rise (patience sorting).
fn longest_rise(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut piles: Vec<usize> = Vec::new();
    let mut below: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (number, pair) in pairs.iter().enumerate() {
        let pile = piles.partition_point(|&top| pairs[top].1 < pair.1);
        below.push(pile.checked_sub(1).map(|pile| piles[pile]));
        if pile == piles.len() { piles.push(number) } else { piles[pile] = number }
    }
    let mut rise = Vec::with_capacity(piles.len());
    let mut next = piles.last().copied();
    while let Some(number) = next {
        rise.push(pairs[number]);
        next = below[number];
    }
    rise.reverse();
    rise
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matched(steps: &[Step]) -> usize {
        steps.iter().map(|step| if let Step::Same { len, .. } = step { *len } else { 0 }).sum()
    }

    fn check(before: &[u32], after: &[u32], steps: &[Step]) {
        let (mut x, mut y) = (0, 0);
        for step in steps {
            match step {
                Step::Same { before: a, after: b, len } => {
                    assert_eq!((*a, *b), (x, y), "nothing is left out");
                    assert_eq!(before[*a..a + len], after[*b..b + len], "it is the same");
                    (x, y) = (x + len, y + len);
                }
                Step::Changed { before: a, after: b } => {
                    assert_eq!((a.start, b.start), (x, y), "nothing is left out");
                    (x, y) = (a.end, b.end);
                }
            }
        }
        assert_eq!((x, y), (before.len(), after.len()), "all of both is there");
    }

    proptest! {
        #[test]
        fn every_item_is_in_one_piece(
            before in prop::collection::vec(0_u32..8, 0..60),
            after in prop::collection::vec(0_u32..8, 0..60),
        ) {
            check(&before, &after, &align(&before, &after));
        }
    }

    #[test]
    fn long_sequences_are_matched_around_what_changed() {
        let before: Vec<u32> = (0..100_000).collect();
        let mut after = before.clone();
        after.remove(70_000);
        after.insert(10, 500_000);
        after[50_000] = 600_000;
        let steps = align(&before, &after);
        check(&before, &after, &steps);
        assert_eq!(matched(&steps), 99_998);
    }

    #[test]
    fn sequences_without_anything_in_common_cost_no_more_than_reading() {
        let before: Vec<u32> = (0..200_000).collect();
        let after: Vec<u32> = (200_000..400_000).collect();
        assert_eq!(
            align(&before, &after),
            [Step::Changed { before: 0..200_000, after: 0..200_000 }]
        );
        // Nothing unique, and nothing in step.
        let before: Vec<u32> = (0..200_000).map(|n| n % 7).collect();
        let after: Vec<u32> = (0..200_000).map(|n| (n / 3) % 5).collect();
        check(&before, &after, &align(&before, &after));
    }
}
