//! What changed between stats, for people and for `--json`.

use serde_json::{Value, json};

use super::compare::Side;
use super::value::shown;
use crate::cli::columns::{Align, Cell, Columns};
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::ui::{FAINT, STRONG, Ui};
use crate::cli::words::{self, count};
use crate::stats::compare::{ColumnDiff, Difference, StatChange, StatsDiff, Thresholds};
use crate::stats::value_document;

/// Characters of a value.
const VALUE: usize = 32;
/// Columns that are named where they are listed in one line.
const NAMED: usize = 8;
/// Buckets of a histogram that are named.
const BUCKETS: usize = 2;

/// Prints what changed.
pub(super) fn print(
    session: &Session,
    before: &Side,
    after: &Side,
    diff: &StatsDiff,
    thresholds: &Thresholds,
) -> Outcome {
    let ui = &session.ui;
    if ui.json() {
        return ui.document(&document(before, after, diff, thresholds));
    }
    for (side, of) in [("before", before), ("after", after)] {
        let rows = of.total_rows.map(rows).unwrap_or_default();
        let sample = if of.is_sampled { ", of a sample" } else { "" };
        let name = crate::cli::describe::one_line(&of.name);
        ui.line(format_args!("{} {name}{rows}{sample}", ui.paint(FAINT, format!("{side:<6}"))))?;
    }
    if before.is_sampled || after.is_sampled {
        ui.line("approximate: stats of a sample differ by chance, too")?;
    }
    let mut lines: Vec<Line<'_>> =
        diff.columns.iter().flat_map(|it| lines(it, thresholds)).collect();
    // The largest first; of the same size as they come.
    lines.sort_by(|one, two| two.drift.total_cmp(&one.drift));
    let mut columns = Columns::new(&[
        ("", Align::Left),
        ("column", Align::Left),
        ("stat", Align::Left),
        ("before", Align::Right),
        ("after", Align::Right),
        ("change", Align::Right),
        ("drift", Align::Right),
        ("", Align::Left),
    ]);
    let marked = lines.iter().filter(|line| line.is_marked).count();
    for line in lines {
        let style = if line.is_marked { STRONG } else { anstyle::Style::new() };
        columns.push([
            if line.is_marked { Cell::styled("!", STRONG) } else { "".into() },
            Cell::styled(words::cut(&line.column, VALUE), style),
            line.stat.into(),
            words::cut(&line.before, VALUE).into(),
            words::cut(&line.after, VALUE).into(),
            words::cut(&line.change, VALUE).into(),
            Cell::styled(percent(line.drift), style),
            Cell::styled(line.note, FAINT),
        ]);
    }
    columns.print(ui)?;
    summary(ui, diff, marked)
}

/// Says how many columns changed, and which did not.
fn summary(ui: &Ui, diff: &StatsDiff, marked: usize) -> Outcome {
    let same: Vec<String> =
        diff.columns.iter().filter(|it| it.is_same()).map(|it| shown(&it.name)).collect();
    let all = diff.columns.len();
    if same.len() == all {
        return ui.line(format_args!("nothing changed in {}", count(all, "column", "columns")));
    }
    let changed = all - same.len();
    let (of, past) = (count(all, "column", "columns"), count(marked, "change", "changes"));
    ui.line(format_args!(
        "{} of {of} changed, {past} past the threshold",
        words::grouped(changed)
    ))?;
    if same.is_empty() {
        return Ok(());
    }
    let mut names: Vec<String> = same
        .iter()
        .take(NAMED)
        .map(|it| crate::cli::describe::one_line(&words::cut(it, VALUE)))
        .collect();
    if same.len() > NAMED {
        names.push(format!("and {} more", words::grouped(same.len() - NAMED)));
    }
    ui.line(ui.paint(FAINT, format!("the same: {}", names.join(", "))))
}

fn rows(rows: u64) -> String {
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    format!(", {}", count(rows, "row", "rows"))
}

/// One line of the table.
struct Line<'d> {
    column: String,
    stat: &'d str,
    before: String,
    after: String,
    change: String,
    drift: f64,
    is_marked: bool,
    note: String,
}

fn lines<'d>(column: &'d ColumnDiff, thresholds: &Thresholds) -> Vec<Line<'d>> {
    let name = shown(&column.name);
    if column.before.is_none() || column.after.is_none() {
        let change = if column.before.is_none() { "added" } else { "removed" };
        return vec![Line {
            column: name,
            stat: "",
            before: String::new(),
            after: String::new(),
            change: change.into(),
            drift: 1.0,
            is_marked: column.passes(thresholds),
            note: String::new(),
        }];
    }
    let line = |change: &'d StatChange| {
        let value = |value: &Option<crate::stats::StatValue>| match (&change.difference, value) {
            // Too much for a cell, and the note says what matters.
            (Difference::Histogram { .. } | Difference::Items { .. }, _) | (_, None) => {
                String::new()
            }
            (_, Some(value)) => shown(value),
        };
        Line {
            column: name.clone(),
            stat: &change.stat,
            before: value(&change.before),
            after: value(&change.after),
            change: size(change),
            drift: change.drift,
            is_marked: thresholds.is_passed(&change.stat, change.drift),
            note: note(change),
        }
    };
    column.changes.iter().map(line).collect()
}

/// Returns by how much a value changed.
fn size(change: &StatChange) -> String {
    match &change.difference {
        Difference::Added => "added".into(),
        Difference::Removed => "removed".into(),
        Difference::Number { by } => {
            let short = match by.parse::<f64>() {
                // Few digits say it; many whole ones are exact and stay.
                Ok(number) if by.contains(['.', 'e', 'E']) => {
                    shown(&crate::stats::StatValue::float(number))
                }
                _ => by.clone(),
            };
            if short.starts_with('-') || short == "nan" { short } else { format!("+{short}") }
        }
        Difference::Time { nanos } => duration(*nanos),
        Difference::Histogram { buckets } => count(buckets.len(), "bucket", "buckets"),
        Difference::Items { changed } => count(*changed, "item", "items"),
        Difference::Kind => "kind".into(),
        Difference::Other => "changed".into(),
    }
}

fn note(change: &StatChange) -> String {
    let mut notes = Vec::new();
    if let Some((before, after)) = &change.kinds {
        notes.push(format!("{before} → {after}"));
    }
    if let Difference::Histogram { buckets } = &change.difference {
        notes.extend(buckets.iter().take(BUCKETS).map(|bucket| {
            let share = |share: Option<f64>| share.map_or_else(|| "none".into(), percent);
            let name = words::cut(&bucket.name, VALUE);
            format!("{name} {} → {}", share(bucket.before), share(bucket.after))
        }));
    }
    notes.join("; ")
}

/// Returns a share as percent: `4.2 %`, `>999 %`, `inf`.
fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if !percent.is_finite() => "inf".into(),
        percent if percent >= 1000.0 => ">999 %".into(),
        percent if percent >= 99.95 => format!("{percent:.0} %"),
        percent if percent >= 0.095 || percent == 0.0 => {
            let text = format!("{percent:.1}");
            format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
        }
        _ => "<0.1 %".into(),
    }
}

/// Returns a length of time with its sign: `+1 d 02:00:00`, `-0.5 s`.
fn duration(nanos: i128) -> String {
    const SECOND: u128 = 1_000_000_000;
    let sign = if nanos < 0 { '-' } else { '+' };
    let size = nanos.unsigned_abs();
    let (seconds, rest) = (size / SECOND, size % SECOND);
    if seconds < 60 {
        let text = format!("{seconds}.{rest:09}");
        return format!("{sign}{} s", text.trim_end_matches('0').trim_end_matches('.'));
    }
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let clock = format!("{hours:02}:{minutes:02}:{:02}", seconds % 60);
    match days {
        0 => format!("{sign}{clock}"),
        _ if clock == "00:00:00" => format!("{sign}{days} d"),
        _ => format!("{sign}{days} d {clock}"),
    }
}

/// Returns a comparison as `--json` prints it (docs/json.md).
fn document(before: &Side, after: &Side, diff: &StatsDiff, thresholds: &Thresholds) -> Value {
    let side = |side: &Side| {
        json!({
            "name": side.name,
            "sampled": side.is_sampled,
            "total_rows": side.total_rows,
        })
    };
    let column = |column: &ColumnDiff| {
        let what = match (column.before, column.after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ if column.changes.is_empty() => "same",
            _ => "changed",
        };
        let changes = column.changes.iter().map(|it| change_document(it, thresholds));
        json!({
            "name": value_document(&column.name),
            "before": column.before,
            "after": column.after,
            "change": what,
            "drift": column.drift().map(number),
            "past_threshold": column.passes(thresholds),
            "changes": changes.collect::<Vec<_>>(),
            "same": column.same,
            "left_out": column.left_out,
        })
    };
    json!({
        "before": side(before),
        "after": side(after),
        "same": diff.is_same(),
        "approximate": before.is_sampled || after.is_sampled,
        "drift": diff.drift().map(number),
        "past_threshold": diff.passes(thresholds),
        "columns": diff.columns.iter().map(column).collect::<Vec<_>>(),
    })
}

fn change_document(change: &StatChange, thresholds: &Thresholds) -> Value {
    let value = |value: &Option<crate::stats::StatValue>| value.as_ref().map(value_document);
    let (what, more) = match &change.difference {
        Difference::Added => ("added", Value::Null),
        Difference::Removed => ("removed", Value::Null),
        Difference::Number { by } => ("number", by.clone().into()),
        Difference::Time { nanos } => ("time", nanos.to_string().into()),
        Difference::Histogram { .. } => ("histogram", Value::Null),
        Difference::Items { .. } => ("items", Value::Null),
        Difference::Kind => ("kind", Value::Null),
        Difference::Other => ("other", Value::Null),
    };
    let buckets = match &change.difference {
        Difference::Histogram { buckets } => buckets
            .iter()
            .map(|it| json!({ "name": it.name, "before": it.before, "after": it.after }))
            .collect(),
        _ => Value::Null,
    };
    json!({
        "stat": change.stat,
        "change": what,
        "before": value(&change.before),
        "after": value(&change.after),
        "kinds": change.kinds.as_ref().map(|(before, after)| [before, after]),
        "by": more,
        "buckets": buckets,
        "drift": number(change.drift),
        "past_threshold": thresholds.is_passed(&change.stat, change.drift),
    })
}

/// JSON has no infinity: it is a text there.
fn number(number: f64) -> Value {
    if number.is_finite() { number.into() } else { "inf".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_in_few_words() {
        for (share, expected) in [
            (0.0, "0 %"),
            (0.000_01, "<0.1 %"),
            (0.042, "4.2 %"),
            (0.05, "5 %"),
            (1.0, "100 %"),
            (9.99, "999 %"),
            (1234.0, ">999 %"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(percent(share), expected);
        }
        for (nanos, expected) in [
            (1, "+0.000000001 s"),
            (-1_500_000_000, "-1.5 s"),
            (3_600_000_000_000, "+01:00:00"),
            (86_400_000_000_000, "+1 d"),
            (-93_600_000_000_000, "-1 d 02:00:00"),
        ] {
            assert_eq!(duration(nanos), expected);
        }
    }
}
