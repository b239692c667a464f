//! What columns and stats are called in the lines of the text.

use std::collections::HashSet;

use super::read::read_value;
use super::write::value_text;
use crate::stats::json::Problem;
use crate::stats::model::{ColumnStats, StatValue, Text};

/// Returns a name as it stands in a line: itself if it is plain, else as typed JSON.
pub(in crate::stats) fn token(name: &Text) -> String {
    match name.as_str() {
        Some(text) if is_plain(text) => text.to_owned(),
        _ => value_text(&StatValue::Str(name.clone())),
    }
}

/// Returns the name that stands in a line.
pub(in crate::stats) fn read_token(token: &str) -> Result<Text, Problem> {
    if !token.starts_with(['"', '{']) {
        return Ok(Text::from(token));
    }
    match read_value(token)? {
        StatValue::Str(text) => Ok(text),
        _ => Err("a name that is no text"),
    }
}

/// Whether a name needs no quotes.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['"', '{'])
        && !name.bytes().any(|it| it < 0x20 || it == 0x7f)
}

/// Returns what each column is called in the lines: its name, and `#2`, `#3`, … if several have it.
pub(super) fn labels(columns: &[ColumnStats]) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::with_capacity(columns.len());
    let mut labels = Vec::with_capacity(columns.len());
    // How often a name came, so that ten thousand of one name are not counted again and again.
    let mut counts = std::collections::HashMap::new();
    for column in columns {
        let own = match &column.name {
            StatValue::Str(name) => token(name),
            other => value_text(other),
        };
        let count = counts.entry(own.clone()).or_insert(0_usize);
        let label = loop {
            *count += 1;
            let label = if *count == 1 { own.clone() } else { format!("{own}#{count}") };
            if taken.insert(label.clone()) {
                break label;
            }
        };
        labels.push(label);
    }
    labels
}
