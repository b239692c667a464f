//! The parts of Buckaroo's `StatCache`: `part-<time>-<hex>.parquet`.
//!
//! A part has a row for each column of the table (and one without a column, for the table itself),
//! a column for each stat and type of value, and in each row the list of what was computed. The
//! type trees stand in the metadata of Arrow's own schema.

mod arrow_schema;
mod spec;

use std::collections::HashMap;

use serde_json::Value as Json;

use self::arrow_schema::arrow_fields;
use self::spec::{ERROR, value_of};
use super::NotStatsFile;
use super::model::{ColumnStats, StatMap, StatValue, Stats, short_name};
use crate::table::{Nested, NestedTable, TableLimits, read_nested};

/// The column that names the columns of the table.
const COLUMN: &str = "col";
/// The column that lists what was computed.
const COMPUTED: &str = "__computed";
/// The metadata key of a type tree.
const SPEC: &str = "buckaroo.spec";
/// Larger parts are refused.
const LIMITS: TableLimits = TableLimits { cells: 50_000_000, bytes: 1 << 30 };

/// What a part holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatPart {
    /// The cells, by row and in each row in the order of what was computed.
    pub cells: Vec<StatCell>,
}

/// One stat of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatCell {
    /// The column; none for a stat of the table itself.
    pub column: Option<String>,
    /// The stat and the digest of what computed it: `<key>@<16 hex>`.
    pub stat_id: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a stat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A value; [`StatValue::None`] if it was computed and is nothing.
    Value(StatValue),
    /// It failed, with that message.
    Error(String),
}

impl StatCell {
    /// Returns the name of the stat, without the digest.
    pub fn stat(&self) -> &str {
        self.stat_id.rsplit_once('@').map_or(&self.stat_id, |(name, _)| name)
    }
}

impl StatPart {
    /// Returns the values as stats by column, and those of the table itself.
    ///
    /// Errors are left out. A part does not say the order of the columns in the table: they are in
    /// the part's own, which is by name.
    pub fn stats(&self) -> (StatMap, Stats) {
        let mut table = StatMap::new();
        let mut stats = Stats::default();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for cell in &self.cells {
            let map = match &cell.column {
                None => &mut table,
                Some(name) => {
                    let place = *places.entry(name).or_insert_with(|| {
                        stats.columns.push(ColumnStats {
                            short: short_name(stats.columns.len()),
                            name: StatValue::text(name.as_str()),
                            stats: StatMap::new(),
                        });
                        stats.columns.len() - 1
                    });
                    &mut stats.columns[place].stats
                }
            };
            if let Outcome::Value(value) = &cell.outcome {
                map.insert(cell.stat(), value.clone());
            }
        }
        (table, stats)
    }
}

/// A column of the part that holds values of one type of one stat.
struct Variant<'a> {
    stat_id: &'a str,
    place: usize,
    /// Its type tree; none if the part has none, or it is not JSON.
    spec: Option<Json>,
}

/// Returns what a part holds.
///
/// A value whose type is not known or does not fit is [`StatValue::Opaque`], with its type tree as
/// tag and what parquet held as payload. What is not listed as computed is left out, as Buckaroo
/// leaves it out.
///
/// # Errors
/// [`NotStatsFile`] if the bytes are no parquet file, or none of such parts.
pub fn read_part(bytes: Vec<u8>) -> Result<StatPart, NotStatsFile> {
    let table = read_nested(bytes, LIMITS)?;
    let find = |name: &str| {
        let place = table.columns.iter().position(|it| it == name);
        place.ok_or_else(|| NotStatsFile(format!("it has no column `{name}`")))
    };
    let (column, computed) = (find(COLUMN)?, find(COMPUTED)?);
    let mut specs: HashMap<String, Json> = table
        .arrow_schema
        .as_deref()
        .and_then(arrow_fields)
        .into_iter()
        .flatten()
        .filter_map(|field| {
            let (_, text) = field.metadata.into_iter().find(|(key, _)| key == SPEC)?;
            Some((field.name, serde_json::from_str(&text).ok()?))
        })
        .collect();
    let variants: Vec<Variant<'_>> = table
        .columns
        .iter()
        .enumerate()
        .filter(|(place, _)| ![column, computed].contains(place))
        .map(|(place, name)| Variant {
            stat_id: name.rsplit_once('#').map_or(name, |(stat_id, _)| stat_id),
            place,
            spec: specs.remove(name),
        })
        .collect();
    let mut by_stat: HashMap<&str, Vec<&Variant<'_>>> = HashMap::new();
    for variant in &variants {
        by_stat.entry(variant.stat_id).or_default().push(variant);
    }
    let mut cells = Vec::new();
    for row in &table.rows {
        let name = match &row[column] {
            Nested::Text(name) => Some(name.clone()),
            Nested::Null => None,
            _ => return Err(NotStatsFile(format!("the column `{COLUMN}` holds no texts"))),
        };
        let Nested::List(ids) = &row[computed] else { continue };
        for id in ids {
            let Nested::Text(stat_id) = id else { continue };
            let known = by_stat.get(stat_id.as_str()).map_or(&[][..], Vec::as_slice);
            let outcome = outcome(&table, row, known);
            cells.push(StatCell { column: name.clone(), stat_id: stat_id.clone(), outcome });
        }
    }
    Ok(StatPart { cells })
}

fn outcome(table: &NestedTable, row: &[Nested], variants: &[&Variant<'_>]) -> Outcome {
    let mut found = StatValue::None;
    for variant in variants {
        let stored = &row[variant.place];
        if matches!(stored, Nested::Null) {
            continue;
        }
        let spec = variant.spec.as_ref();
        if let (Some(ERROR), Nested::Text(message)) = (spec.and_then(|it| it["t"].as_str()), stored)
        {
            return Outcome::Error(message.clone());
        }
        found = spec.and_then(|spec| value_of(spec, stored)).unwrap_or_else(|| {
            let name = &table.columns[variant.place];
            let tag = spec.map_or_else(|| name.clone(), Json::to_string);
            StatValue::opaque(format!("statcache:{tag}"), format!("{stored:?}"))
        });
    }
    Outcome::Value(found)
}

#[cfg(test)]
mod tests;
