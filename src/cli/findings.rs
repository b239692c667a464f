//! Likely secrets as people and programs read them: each one once, with the places it is in.

use serde_json::{Value, json};

use super::ui::Ui;
use super::words::count;
use crate::sync::{Finding, ScanReport};

/// How many places of one secret are listed; `--json` lists all.
const PLACES: usize = 3;

/// A likely secret with all places it was found in.
struct Secret<'r> {
    finding: &'r Finding,
    /// Entry, part and line.
    places: Vec<(&'r str, &'r str, u64)>,
}

fn secrets(report: &ScanReport) -> Vec<Secret<'_>> {
    let mut secrets: Vec<Secret<'_>> = Vec::new();
    for entry in &report.found {
        for found in &entry.findings {
            let finding = &found.finding;
            let place = (entry.name.as_str(), found.part.as_str(), finding.line);
            match secrets.iter_mut().find(|it| it.finding.digest == finding.digest) {
                Some(known) => known.places.push(place),
                None => secrets.push(Secret { finding, places: vec![place] }),
            }
        }
    }
    secrets
}

/// Returns the lines that say what was found, where, and by which digest it can be allowed.
pub(crate) fn finding_lines(report: &ScanReport) -> Vec<String> {
    let mut lines = Vec::new();
    for Secret { finding, places } in secrets(report) {
        let Finding { rule, about, preview, digest, .. } = finding;
        lines.push(format!("{about}: {preview}"));
        lines.push(format!("    rule {rule}, digest {digest}"));
        for (entry, part, line) in places.iter().take(PLACES) {
            lines.push(format!("    {entry} {part}, line {line}"));
        }
        let more = places.len().saturating_sub(PLACES);
        if more > 0 {
            lines.push(format!("    and {}", count(more, "more place", "more places")));
        }
    }
    lines
}

/// Returns the same for programs: a list with one object a finding.
pub(crate) fn findings_json(report: &ScanReport) -> Value {
    let found = report.found.iter().flat_map(|entry| {
        entry.findings.iter().map(|found| {
            let Finding { rule, about, line, offset, preview, digest } = &found.finding;
            json!({
                "entry": entry.name.as_str(),
                "part": found.part,
                "rule": rule,
                "about": about,
                "line": line,
                "offset": offset,
                "preview": preview,
                "digest": digest,
            })
        })
    });
    found.collect()
}

/// Warns of what could not be searched, as it cannot be read.
pub(crate) fn warn_of_unread(ui: &Ui, report: &ScanReport) {
    if let Some(first) = report.unread.first() {
        let parts = count(report.unread.len(), "part", "parts");
        ui.warn(
            &format!("{parts} could not be searched for secrets: {first}"),
            Some("Run `recell verify --full` to see all that is damaged."),
        );
    }
}
