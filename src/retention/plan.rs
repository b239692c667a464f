//! Which entries stay and which go, and why: a pure decision.
//!
//! The rules that count (`keep_last`, `keep_daily`, …) are restic's: each is asked about the
//! entries of a series from the newest on, an entry that one of them wants stays, and
//! `keep_daily = 7` means the newest entry of each of the last 7 days *that have entries*. Days
//! are those of the zone that is given. `keep_within` counts from now.

use std::sync::Arc;

use super::objects::Holders;
use super::protection::Protection;
use super::reason::Reason;
use super::rules::{Caps, Keep, Rules};
use super::stock::Stock;
use crate::clock::{Day, Timestamp, Zone};
use crate::config::GroupBy;
use crate::name::EntryName;

/// What is to become of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The entry.
    pub name: EntryName,
    /// Whether it stays.
    pub keep: bool,
    /// Why; never empty.
    pub reasons: Vec<Reason>,
}

/// A cap that cannot be met, as what is left is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// The `match` of the rule that it is the cap of; `None` for that on all entries.
    pub pattern: Option<String>,
    /// The bytes that are too many, if there is a cap on them.
    pub bytes_over: Option<u64>,
    /// The entries that are too many, if there is a cap on them.
    pub entries_over: Option<u32>,
}

/// What is to become of each entry, and what that gives back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// One for each entry, sorted by name.
    pub decisions: Vec<Decision>,
    /// The bytes on disk that only entries that go stand on: what gc gives back.
    pub bytes_freed: u64,
    /// The bytes on disk that entries that stay stand on.
    pub bytes_kept: u64,
    /// Caps that cannot be met.
    pub unmet: Vec<Unmet>,
}

impl Plan {
    /// Returns the decisions by which entries go.
    pub fn removed(&self) -> impl Iterator<Item = &Decision> {
        self.decisions.iter().filter(|decision| !decision.keep)
    }

    /// Returns the decisions by which entries stay.
    pub fn kept(&self) -> impl Iterator<Item = &Decision> {
        self.decisions.iter().filter(|decision| decision.keep)
    }
}

/// Decides about every entry of `stock`. Nothing is changed, and nothing else is asked: the same
/// arguments make the same plan.
///
/// Without rules everything stays. What `protection` holds stays, and what was made after `now`,
/// which some clock got wrong; that does not count among the newest, either.
pub fn plan(
    stock: &Stock,
    rules: &Rules,
    protection: &Protection,
    now: Timestamp,
    zone: Zone,
) -> Plan {
    let times: Vec<Timestamp> = stock.entries.iter().map(|entry| entry.name.created_at()).collect();
    let exceptions: Vec<Option<usize>> =
        stock.entries.iter().map(|entry| rules.exception_for(&entry.name)).collect();
    let mut reasons: Vec<Vec<Reason>> = stock
        .entries
        .iter()
        .zip(&times)
        .map(|(entry, made)| {
            let mut reasons = protection.reasons(&entry.name);
            if *made > now {
                reasons.push(Reason::Future);
            }
            reasons
        })
        .collect();
    let choices = (0..rules.exceptions.len()).map(Some).chain([None]);
    for exception in choices {
        let keep = rules.keep_of(exception);
        let members = (0..stock.len()).filter(|number| exceptions[*number] == exception);
        apply(keep, stock, &times, members, now, zone, &mut reasons);
    }
    let mut keeps: Vec<bool> = reasons.iter().map(|all| all.iter().any(Reason::keeps)).collect();
    let wanted = keeps.clone();
    if rules.only_caps {
        keeps.fill(true);
    }
    let mut round = Round { stock, wanted, keeps, reasons, unmet: Vec::new() };
    for (number, exception) in rules.exceptions.iter().enumerate() {
        let members = (0..stock.len()).filter(|member| exceptions[*member] == Some(number));
        round.enforce(exception.caps, members, Some(&exception.text));
    }
    round.enforce(rules.caps, 0..stock.len(), None);
    let Round { keeps, mut reasons, unmet, .. } = round;
    let split = stock.split(|number| keeps[number]);
    let decisions =
        stock.entries.iter().zip(keeps).zip(&mut reasons).map(|((entry, keep), reasons)| {
            let mut reasons = std::mem::take(reasons);
            reasons.retain(|reason| reason.keeps() == keep);
            if reasons.is_empty() {
                // Kept as no cap demands more.
                reasons.push(Reason::NoRule);
            }
            Decision { name: entry.name.clone(), keep, reasons }
        });
    Plan { decisions: decisions.collect(), bytes_freed: split.freed, bytes_kept: split.kept, unmet }
}

/// Adds what `keep` says of the members, which are sorted by name.
fn apply(
    keep: &Keep,
    stock: &Stock,
    times: &[Timestamp],
    members: impl Iterator<Item = usize>,
    now: Timestamp,
    zone: Zone,
    reasons: &mut [Vec<Reason>],
) {
    if keep.all || keep.is_empty() {
        let reason = if keep.all { Reason::All } else { Reason::NoRule };
        for member in members {
            if reasons[member].is_empty() {
                reasons[member].push(reason.clone());
            }
        }
        return;
    }
    let why_not = keep.why_not();
    let name = |member: usize| &stock.entries[member].name;
    let mut members = members.peekable();
    let mut series: Vec<usize> = Vec::new();
    while let Some(first) = members.next() {
        // Names of one series have one beginning, so that they are neighbours.
        series.clear();
        series.push(first);
        let of = series_of(name(first), keep.group_by);
        while let Some(next) = members.next_if(|next| series_of(name(*next), keep.group_by) == of) {
            series.push(next);
        }
        series.retain(|member| times[*member] <= now);
        series.sort_unstable_by(|a, b| (times[*b], name(*b)).cmp(&(times[*a], name(*a))));
        let mut counted = Counted::new(keep, now, zone);
        for member in &series {
            let before = reasons[*member].len();
            counted.ask(times[*member], &mut reasons[*member]);
            if reasons[*member].len() == before {
                reasons[*member].push(Reason::Outside(Arc::clone(&why_not)));
            }
        }
    }
}

fn series_of(name: &EntryName, group_by: GroupBy) -> &str {
    match group_by {
        GroupBy::Store => "",
        GroupBy::Notebook => name.notebook_segment(),
        GroupBy::Cell => name.cell_path(),
        GroupBy::Key => name.key_path(),
    }
}

/// Who of a series is kept, asked from the newest on.
struct Counted<'a> {
    keep: &'a Keep,
    since: Option<Timestamp>,
    zone: Zone,
    last: u32,
    daily: Period<(i32, u32, u32)>,
    weekly: Period<(i32, u32)>,
    monthly: Period<(i32, u32)>,
}

/// So many more of a kind of period, and the one that was met last.
struct Period<T> {
    left: u32,
    met: Option<T>,
}

impl<T: PartialEq> Period<T> {
    fn new(most: Option<u32>) -> Period<T> {
        Period { left: most.unwrap_or(0), met: None }
    }

    /// Whether what is in `period` is the newest of it, and that period is one that counts.
    fn takes(&mut self, period: T) -> bool {
        if self.left == 0 || self.met.as_ref() == Some(&period) {
            return false;
        }
        self.met = Some(period);
        self.left -= 1;
        true
    }
}

impl<'a> Counted<'a> {
    fn new(keep: &'a Keep, now: Timestamp, zone: Zone) -> Counted<'a> {
        Counted {
            keep,
            since: keep.within.map(|within| now.before(within)),
            zone,
            last: keep.last.unwrap_or(0),
            daily: Period::new(keep.daily),
            weekly: Period::new(keep.weekly),
            monthly: Period::new(keep.monthly),
        }
    }

    fn ask(&mut self, made: Timestamp, reasons: &mut Vec<Reason>) {
        if self.last > 0 {
            self.last -= 1;
            let most = self.keep.last.unwrap_or_default();
            reasons.push(Reason::Newest(most, self.keep.group_by));
        }
        if let (Some(within), Some(since)) = (self.keep.within, self.since)
            && made >= since
        {
            reasons.push(Reason::Within(within));
        }
        if self.daily.left == 0 && self.weekly.left == 0 && self.monthly.left == 0 {
            return;
        }
        let day: Day = made.day(self.zone);
        if self.daily.takes((day.year, day.month, day.day)) {
            reasons.push(Reason::OfDay(day));
        }
        if self.weekly.takes((day.week_year, day.week)) {
            reasons.push(Reason::OfWeek(day));
        }
        if self.monthly.takes((day.year, day.month)) {
            reasons.push(Reason::OfMonth(day));
        }
    }
}

/// The plan while caps are enforced.
struct Round<'a> {
    stock: &'a Stock,
    /// What the rules that count want kept.
    wanted: Vec<bool>,
    keeps: Vec<bool>,
    reasons: Vec<Vec<Reason>>,
    unmet: Vec<Unmet>,
}

impl Round<'_> {
    /// Lets the least recently used of the members go, until `caps` hold.
    fn enforce(
        &mut self,
        caps: Caps,
        members: impl Iterator<Item = usize>,
        pattern: Option<&Arc<str>>,
    ) {
        if caps.is_empty() {
            return;
        }
        let entries = &self.stock.entries;
        let members: Vec<usize> = members.filter(|member| self.keeps[*member]).collect();
        let mut left = u32::try_from(members.len()).unwrap_or(u32::MAX);
        let mut held = Holders::none_of(&self.stock.objects);
        for root in members.iter().flat_map(|member| entries[*member].roots.iter()) {
            held.hold(root);
        }
        let over = |held: &Holders<'_>, left: u32| {
            let bytes = caps.bytes.filter(|cap| held.bytes > *cap);
            (bytes, caps.entries.filter(|cap| left > *cap))
        };
        if over(&held, left) == (None, None) {
            return;
        }
        let free = |member: &usize| !self.reasons[*member].iter().any(Reason::protects);
        let mut queue: Vec<usize> = members.into_iter().filter(free).collect();
        queue.sort_by_cached_key(|member| {
            (self.wanted[*member], entries[*member].last_used(), *member)
        });
        for member in queue {
            let used = entries[member].last_used();
            let reason = match over(&held, left) {
                (Some(cap), _) => Reason::OverBytes { cap, used },
                (None, Some(cap)) => Reason::OverEntries { cap, used },
                (None, None) => return,
            };
            self.keeps[member] = false;
            self.reasons[member].push(reason);
            left -= 1;
            entries[member].roots.iter().for_each(|root| held.release(root));
        }
        let (bytes, count) = over(&held, left);
        if bytes.is_some() || count.is_some() {
            self.unmet.push(Unmet {
                pattern: pattern.map(ToString::to_string),
                bytes_over: bytes.map(|cap| held.bytes - cap),
                entries_over: count.map(|cap| left - cap),
            });
        }
    }
}
