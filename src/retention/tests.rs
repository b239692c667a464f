//! The plan on tables of dates, and what must hold of every plan.

use std::time::Duration;

use proptest::prelude::*;

use super::objects::Purpose;
use super::plan::plan;
use super::rules::{Caps, Keep, Rules};
use super::stock::{Roots, Stock, StockEntry};
use super::{Plan, Protection};
use crate::clock::{Timestamp, Zone};
use crate::config::{GroupBy, Override, RetentionRule, RetentionSettings};
use crate::entry::PartKind;
use crate::name::{EntryName, ExecutionKey};

fn at(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(&format!("{text}:00Z")).unwrap()
}

fn name(key: &str, made: Timestamp, id: u32) -> EntryName {
    let key: ExecutionKey = format!("{key}:m").parse().unwrap();
    EntryName::new(&key.path(), made, &format!("{id:08x}"))
}

/// Entries of 100 bytes, each with a part of its own of 900 and one of 50 that all share.
fn stock(entries: impl IntoIterator<Item = (EntryName, Option<Timestamp>)>) -> Stock {
    let mut stock = Stock::default();
    let shared = stock.objects.push(50, &[]);
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort();
    entries.dedup_by(|a, b| a.0 == b.0);
    for (name, used) in entries {
        let part = stock.objects.push(900, &[]);
        let output = Purpose::Part(PartKind::Output);
        let root = stock.objects.push(100, &[(part, output), (shared, output)]);
        stock.entries.push(StockEntry {
            name,
            roots: Roots { tree: Some(root), local: None },
            used,
        });
    }
    stock
}

/// Runs of one cell over a year and a half, some days with several, and of another cell.
fn table() -> Stock {
    let load = [
        "2025-06-30T12:00",
        "2025-12-31T23:30",
        "2026-01-01T00:30",
        "2026-08-15T09:00",
        "2026-10-31T18:00",
        "2026-11-01T08:00",
        "2026-11-08T23:59",
        "2026-11-09T00:01",
        "2026-11-18T10:00",
        "2026-11-18T22:30",
        "2026-11-19T10:00",
        "2026-11-20T01:00",
        "2026-11-20T02:00",
        "2026-11-20T23:30",
        "2026-11-25T00:00",
    ];
    let plot = ["2026-03-01T10:00", "2026-11-20T12:00"];
    let all = load.iter().map(|text| ("reports/x.ipynb:load", *text));
    let all = all.chain(plot.iter().map(|text| ("reports/x.ipynb:plot", *text)));
    stock(
        all.enumerate().map(|(number, (key, text))| {
            (name(key, at(text), u32::try_from(number).unwrap()), None)
        }),
    )
}

const NOW: &str = "2026-11-21T12:00";

fn show(title: &str, plan: &Plan) -> String {
    let mut lines =
        vec![format!("{title}: {} bytes go, {} stay", plan.bytes_freed, plan.bytes_kept)];
    for decision in &plan.decisions {
        let name = &decision.name;
        let reasons: Vec<String> =
            decision.reasons.iter().map(|reason| reason.about(name).to_string()).collect();
        lines.push(format!(
            "  {} {} {:6} {}",
            name.cell(),
            &name.created_at().to_rfc3339()[..16],
            if decision.keep { "keep" } else { "remove" },
            reasons.join("; "),
        ));
    }
    lines.extend(plan.unmet.iter().map(|unmet| format!("  unmet: {unmet:?}")));
    lines.join("\n") + "\n"
}

fn decide(stock: &Stock, rules: &Rules) -> Plan {
    plan(stock, rules, &Protection::default(), at(NOW), Zone::Utc)
}

#[test]
fn each_rule_keeps_what_restic_keeps() {
    let stock = table();
    let days = |days: u64| Some(Duration::from_secs(days * 86_400));
    let keep = Keep::default;
    let mut shown = String::new();
    for (title, keep) in [
        ("no rule", keep()),
        ("last 3", Keep { last: Some(3), ..keep() }),
        ("within 3 days", Keep { within: days(3), ..keep() }),
        ("daily 3", Keep { daily: Some(3), ..keep() }),
        ("weekly 3", Keep { weekly: Some(3), ..keep() }),
        ("monthly 4", Keep { monthly: Some(4), ..keep() }),
        (
            "last 1, daily 2, monthly 12",
            Keep { last: Some(1), daily: Some(2), monthly: Some(12), ..keep() },
        ),
        ("last 2 of the notebook", Keep { last: Some(2), group_by: GroupBy::Notebook, ..keep() }),
    ] {
        shown += &show(title, &decide(&stock, &Rules::of(keep, Caps::default())));
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn days_are_those_of_the_zone() {
    let rules = Rules::of(Keep { daily: Some(2), ..Keep::default() }, Caps::default());
    let mut shown = String::new();
    for (title, zone) in
        [("Greenwich", Zone::Utc), ("an hour east", Zone::East(3600)), ("west", Zone::East(-7200))]
    {
        let plan = plan(&table(), &rules, &Protection::default(), at(NOW), zone);
        let kept: Vec<String> = plan
            .kept()
            .map(|decision| {
                let reason = decision.reasons[0].about(&decision.name).to_string();
                format!("  {} {reason}\n", &decision.name.created_at().to_rfc3339()[..16])
            })
            .collect();
        shown.extend([title, "\n", &kept.concat()]);
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn protection_stays_and_says_so() {
    let stock = table();
    let mut protection = Protection::default();
    let name = |number: usize| stock.entries[number].name.clone();
    protection.pins.insert(name(0));
    protection.locks.insert(name(1), "commit 1a2b3c4".into());
    protection.collections.insert(name(2), "releases".into());
    protection.closure.insert(name(3), "reports/x.ipynb".into());
    let rules = Rules::of(Keep { last: Some(1), ..Keep::default() }, Caps::default());
    insta::assert_snapshot!(show("last 1", &plan(&stock, &rules, &protection, at(NOW), Zone::Utc)));
}

#[test]
fn the_first_rule_that_matches_counts_and_leaves_the_rest_as_it_is() {
    let settings = RetentionSettings {
        keep_last: 1.try_into().ok(),
        keep_daily: 2.try_into().ok(),
        rule: vec![
            RetentionRule {
                pattern: "reports/*:plot".into(),
                keep_all: true,
                ..RetentionRule::default()
            },
            RetentionRule {
                pattern: "reports/*".into(),
                keep_last: Override::Set(2.try_into().ok()),
                keep_daily: Override::Set(None),
                max_entries: 2.try_into().ok(),
                ..RetentionRule::default()
            },
        ],
        ..RetentionSettings::default()
    };
    let rules = Rules::new(&settings).unwrap();
    insta::assert_snapshot!(show("rules", &decide(&table(), &rules)));
}

#[test]
fn under_a_cap_the_least_recently_used_go_first() {
    let used = |number: u32| match number {
        0 => Some(at("2026-11-21T11:00")),
        1 => Some(at("2026-11-20T11:00")),
        _ => None,
    };
    let made =
        |number: u32| Timestamp::from_micros(at("2026-11-10T00:00").micros() + i64::from(number));
    let stock = stock((0..5).map(|number| (name("nb:c", made(number), number), used(number))));
    // Two entries of 1,000 bytes and the 50 that all share.
    let caps = Caps { bytes: Some(2050), entries: None };
    let mut shown = show("2,050 bytes", &decide(&stock, &Rules::of(Keep::default(), caps)));
    let caps = Caps { bytes: None, entries: Some(3) };
    shown += &show("3 entries", &decide(&stock, &Rules::of(Keep::default(), caps)));
    let keep = Keep { last: Some(1), ..Keep::default() };
    let rules = Rules::of(keep, caps).only_caps();
    shown += &show("3 entries, no more than the cap wants", &decide(&stock, &rules));
    let mut protection = Protection::default();
    protection.pins.extend(stock.entries[2..].iter().map(|entry| entry.name.clone()));
    let rules = Rules::of(Keep::default(), Caps { bytes: Some(2050), entries: Some(1) });
    shown += &show("pins", &plan(&stock, &rules, &protection, at(NOW), Zone::Utc));
    insta::assert_snapshot!(shown);
}

#[derive(Debug, Clone)]
struct Case {
    stock: Stock,
    keep: Keep,
    caps: Caps,
    protection: Protection,
}

fn keeps() -> impl Strategy<Value = Keep> {
    let most = || prop::option::of(1..5_u32);
    let group_by = prop_oneof![
        Just(GroupBy::Cell),
        Just(GroupBy::Key),
        Just(GroupBy::Notebook),
        Just(GroupBy::Store)
    ];
    let within = prop::option::of((1..60_u64).prop_map(|days| Duration::from_secs(days * 86_400)));
    (most(), within, most(), most(), most(), group_by).prop_map(
        |(last, within, daily, weekly, monthly, group_by)| Keep {
            last,
            within,
            daily,
            weekly,
            monthly,
            group_by,
            all: false,
        },
    )
}

fn cases() -> impl Strategy<Value = Case> {
    let key = prop_oneof![Just("a:x"), Just("a:y"), Just("a/b:x"), Just("a-b:x")];
    // Minutes before the end of the year: some entries are of the future.
    let entry = (key, 0..200_000_i64, 0..50_u32, prop::option::of(0..100_000_i64), 0..8_u8);
    let caps = (prop::option::of(0..20_000_u64), prop::option::of(0..20_u32));
    (prop::collection::vec(entry, 0..25), keeps(), caps).prop_map(|(entries, keep, caps)| {
        let end = at("2026-12-31T00:00").micros();
        let ago = |minutes: i64| Timestamp::from_micros(end - minutes * 60_000_000);
        let mut protection = Protection::default();
        let mut all = Vec::new();
        for (key, made, id, used, protected) in entries {
            let name = name(key, ago(made), id);
            match protected {
                0 => drop(protection.pins.insert(name.clone())),
                1 => drop(protection.locks.insert(name.clone(), "the work tree".into())),
                2 => drop(protection.collections.insert(name.clone(), "runs".into())),
                3 => drop(protection.closure.insert(name.clone(), "a".into())),
                _ => {}
            }
            all.push((name, used.map(ago)));
        }
        let caps = Caps { bytes: caps.0, entries: caps.1 };
        Case { stock: stock(all), keep, caps, protection }
    })
}

impl Case {
    fn plan(&self, rules: &Rules) -> Plan {
        plan(&self.stock, rules, &self.protection, at(NOW), Zone::East(7200))
    }

    /// Returns what is left once `plan` was carried out.
    fn after(&self, plan: &Plan) -> Case {
        let mut case = self.clone();
        let mut decisions = plan.decisions.iter();
        case.stock.entries.retain(|_| decisions.next().is_some_and(|decision| decision.keep));
        case
    }
}

proptest! {
    #[test]
    fn no_plan_removes_what_is_protected_or_of_the_future(case in cases()) {
        for rules in [
            Rules::of(case.keep.clone(), case.caps),
            Rules::of(case.keep.clone(), case.caps).only_caps(),
        ] {
            for decision in case.plan(&rules).removed() {
                prop_assert!(!case.protection.holds(&decision.name), "{decision:?}");
                prop_assert!(decision.name.created_at() <= at(NOW), "{decision:?}");
            }
        }
    }

    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_do(case in cases()) {
        let rules = Rules::of(case.keep.clone(), case.caps);
        let first = case.plan(&rules);
        let second = case.after(&first).plan(&rules);
        prop_assert_eq!(second.removed().count(), 0);
        prop_assert_eq!(second.bytes_kept, first.bytes_kept);
        prop_assert_eq!(case.plan(&rules), first, "the same arguments, the same plan");
    }

    #[test]
    fn more_rules_keep_more(case in cases(), more in keeps()) {
        prop_assume!(!case.keep.is_empty());
        let fewer = case.plan(&Rules::of(case.keep.clone(), Caps::default()));
        let both = Keep {
            last: case.keep.last.max(more.last),
            within: case.keep.within.max(more.within),
            daily: case.keep.daily.max(more.daily),
            weekly: case.keep.weekly.max(more.weekly),
            monthly: case.keep.monthly.max(more.monthly),
            ..case.keep.clone()
        };
        let more = case.plan(&Rules::of(both, Caps::default()));
        for (fewer, more) in fewer.decisions.iter().zip(&more.decisions) {
            prop_assert!(more.keep || !fewer.keep, "{fewer:?} {more:?}");
        }
    }

    #[test]
    fn caps_hold_unless_protection_hinders(case in cases()) {
        let rules = Rules::of(case.keep.clone(), case.caps);
        let plan = case.plan(&rules);
        let kept = plan.kept().count() as u64;
        let over = case.caps.bytes.is_some_and(|cap| plan.bytes_kept > cap)
            || case.caps.entries.is_some_and(|cap| kept > u64::from(cap));
        prop_assert_eq!(over, !plan.unmet.is_empty());
        if over {
            for decision in plan.kept() {
                let is_free = !decision.reasons.iter().any(super::Reason::protects);
                prop_assert!(!is_free, "{decision:?} could go");
            }
        }
    }

    #[test]
    fn without_rules_nothing_goes(case in cases()) {
        let plan = case.plan(&Rules::default());
        prop_assert_eq!(plan.removed().count(), 0);
        prop_assert_eq!(plan.bytes_freed, 0);
    }
}
