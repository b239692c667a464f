//! Keeps a store below its caps, unasked: looked at after a flush, at a cost that does not grow
//! with the store.
//!
//! The bytes of the packs and of `packed-refs`, compared with what they were when a plan was last
//! made, bound what the entries take now. Only when that bound passes a cap by a twentieth of the
//! cap is a plan made, so that plans are as rare as the store is large. What goes is in the trash:
//! its bytes are given back by gc, which the caller runs.

use std::fmt::Write as _;

use super::plan::{Plan, Unmet, plan};
use super::protection::Protection;
use super::prune::{Pruned, prune_as};
use super::rules::{Caps, Rules};
use super::stock::Stock;
use crate::clock::{Timestamp, Zone};
use crate::digest::Digest;
use crate::disk;
use crate::error::Result;
use crate::events::EventKind;
use crate::index::Pattern;
use crate::store::Store;

/// A cap may be passed by this share of itself before anything is done.
const SLACK: u64 = 20;

/// A line of `packed-refs` is at least this long: an id, `refs/tags/`, a name.
const SHORTEST_LINE: u64 = 92;

/// What was removed because of a cap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AutomaticPrune {
    /// What went, into the trash.
    pub pruned: Pruned,
    /// The bytes that gc gives back now.
    pub bytes_freed: u64,
    /// Caps that cannot be met, as what is left is protected.
    pub unmet: Vec<Unmet>,
}

/// Removes as much as the caps of `rules` demand, if they may have been passed: first what no rule
/// keeps, then what was used least recently. `None` if nothing was to be done.
///
/// To be called after a flush. The caller tells the user what went, and runs gc, as only that
/// gives bytes back. Without caps nothing is looked at.
///
/// # Errors
/// Those of [`Stock::read`] and [`prune`](super::prune()).
pub fn after_flush(
    store: &Store,
    rules: &Rules,
    protection: &dyn Fn() -> Result<Protection>,
    now: Timestamp,
    zone: Zone,
) -> Result<Option<AutomaticPrune>> {
    if !rules.has_caps() {
        return Ok(None);
    }
    let path = store.own_folder().join(FILE);
    let of = fingerprint(rules);
    let (packs, names) = store.pack_and_name_bytes()?;
    let last = disk::read_if_there(&path)?.and_then(|bytes| Known::read(&bytes));
    if let Some(last) = last.filter(|last| last.rules == of)
        && !last.may_be_over(rules, packs, names)
    {
        return Ok(None);
    }
    let stock = Stock::read(store, &Pattern::all())?;
    let plan = plan(&stock, &rules.only_caps(), &protection()?, now, zone);
    drop(stock);
    let pruned = match plan.removed().next() {
        Some(_) => prune_as(&EventKind::Eviction, store, &plan, protection, now)?,
        None => Pruned::default(),
    };
    let (packs, names) = store.pack_and_name_bytes()?;
    let entries = plan.kept().count() as u64;
    let known = Known { packs, names, live: plan.bytes_kept, entries, rules: of };
    disk::replace_unsynced(&path, known.text().as_bytes())?;
    let Plan { bytes_freed, unmet, .. } = plan;
    if pruned.removed.is_empty() && unmet.is_empty() {
        return Ok(None);
    }
    Ok(Some(AutomaticPrune { pruned, bytes_freed, unmet }))
}

/// What was known when a plan was last made, in `recell/caps` (format.md, section 8).
const FILE: &str = "caps";

#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    /// Bytes of the packs, and of `packed-refs`.
    packs: u64,
    names: u64,
    /// Bytes that entries stood on, and how many there were.
    live: u64,
    entries: u64,
    /// The digest of the caps.
    rules: String,
}

impl Known {
    fn text(&self) -> String {
        let Known { packs, names, live, entries, rules } = self;
        let text = format!("{packs} {names} {live} {entries} {rules}");
        format!("{text} {:08x}\n", crc32fast::hash(text.as_bytes()))
    }

    fn read(bytes: &[u8]) -> Option<Known> {
        let (text, check) = std::str::from_utf8(bytes).ok()?.trim_end().rsplit_once(' ')?;
        if u32::from_str_radix(check, 16) != Ok(crc32fast::hash(text.as_bytes())) {
            return None;
        }
        let mut fields = text.split_ascii_whitespace();
        let mut number = || fields.next()?.parse().ok();
        let (packs, names, live, entries) = (number()?, number()?, number()?, number()?);
        Some(Known { packs, names, live, entries, rules: fields.next()?.to_owned() })
    }

    /// Whether a cap may have been passed since, now that packs and names have so many bytes.
    fn may_be_over(&self, rules: &Rules, packs: u64, names: u64) -> bool {
        // Somebody gave bytes back: nothing is known any more.
        let (Some(new_bytes), Some(new_names)) =
            (packs.checked_sub(self.packs), names.checked_sub(self.names))
        else {
            return true;
        };
        let new_entries = new_names.div_ceil(SHORTEST_LINE);
        let over = |cap: u64, had: u64, new: u64| had + new > cap.max(had) + cap / SLACK;
        let all = rules.caps;
        all.bytes.is_some_and(|cap| over(cap, self.live, new_bytes))
            || all.entries.is_some_and(|cap| over(cap.into(), self.entries, new_entries))
            || rules.exceptions.iter().any(|exception| {
                // How much of the growth is about it is not known.
                let Caps { bytes, entries } = exception.caps;
                bytes.is_some_and(|cap| new_bytes > cap / SLACK)
                    || entries.is_some_and(|cap| new_entries > u64::from(cap) / SLACK)
            })
    }
}

/// Returns a text that differs where the caps do.
fn fingerprint(rules: &Rules) -> String {
    let mut text = format!("{:?}", rules.caps);
    for exception in &rules.exceptions {
        write!(text, " {:?} {:?}", exception.text, exception.caps)
            .expect("writing to a string cannot fail");
    }
    Digest::of_here(text.as_bytes()).short(16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::Keep;

    fn known() -> Known {
        let rules = "0123456789abcdef".to_owned();
        Known { packs: 5000, names: 920, live: 4000, entries: 10, rules }
    }

    #[test]
    fn what_was_known_reads_back_and_damage_means_that_nothing_is_known() {
        let good = known().text().into_bytes();
        assert_eq!(Known::read(&good), Some(known()));
        for at in 0..good.len() - 1 {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(Known::read(&bad), None, "byte {at}");
        }
        assert_eq!(Known::read(b""), None);
    }

    #[test]
    fn a_plan_is_due_once_a_cap_may_be_passed_by_a_twentieth() {
        let caps = |bytes, entries| Rules::of(Keep::default(), Caps { bytes, entries });
        for (rules, packs, names, due, why) in [
            (caps(Some(5000), None), 5000, 920, false, "nothing came"),
            (caps(Some(5000), None), 6250, 2000, false, "just a twentieth over"),
            (caps(Some(5000), None), 6251, 2000, true, "more than that"),
            (caps(Some(3000), None), 5150, 920, false, "over since long, and little came"),
            (caps(Some(3000), None), 5151, 920, true, "over, and more came"),
            (caps(Some(5000), None), 4999, 920, true, "gc was here"),
            (caps(None, Some(20)), 9999, 920 + 11 * 92, false, "at most 21 entries"),
            (caps(None, Some(20)), 9999, 920 + 12 * 92, true, "maybe 22"),
        ] {
            assert_eq!(known().may_be_over(&rules, packs, names), due, "{why}");
        }
    }
}
