//! `bundle/meta.json`: what a bundle says of itself, which nobody believes before it is compared
//! (docs/format.md, "Bundles").

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::operations::{Operations, Scope};

/// The format of `meta.json` that this release writes; greater ones are not read.
pub(super) const FORMAT: u32 = 1;

/// Which rows of the table a window has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// The first row, counted from 0.
    pub start: u64,
    /// The row after the last.
    pub end: u64,
    /// How many rows the table has, after all operations.
    pub total_rows: u64,
}

impl Bounds {
    /// Returns how many rows the window has.
    pub fn rows(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether these are bounds at all.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.start <= self.end && self.end <= self.total_rows {
            Ok(())
        } else {
            Err(format!("rows {} to {} of {} are no window", self.start, self.end, self.total_rows))
        }
    }
}

/// What is known of the stats of one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StatsNote {
    /// What names them: their operations and what is skipped.
    pub(super) key: String,
    /// The stats that were not computed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) skipped: BTreeSet<String>,
    /// Whether they are of a sample of the rows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) sampled: bool,
}

/// What a bundle says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Meta {
    pub(super) format: u32,
    pub(super) data_id: String,
    pub(super) config_id: String,
    /// As [`Operations::to_json`] writes them.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(super) operations: Map<String, Value>,
    pub(super) window: Bounds,
    /// Whether any of the stats are of a sample of the rows.
    #[serde(default)]
    pub(super) sampled: bool,
    /// The stats by scope, without those scopes whose rows are those of another; `None` while they
    /// are pending.
    pub(super) stats: Option<BTreeMap<String, StatsNote>>,
    /// What is skipped in pending stats, by scope.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) skipped: BTreeMap<String, BTreeSet<String>>,
    /// Versions of what made the bundle, in the host's words.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) versions: BTreeMap<String, String>,
    /// What else the host wants to find again.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(super) host: Map<String, Value>,
    /// Fields of a later release.
    #[serde(flatten)]
    pub(super) more: Map<String, Value>,
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

/// Why bytes are not the description of a bundle that this release reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MetaProblem {
    /// A later release wrote it.
    Newer(u32),
    /// It is none.
    Malformed(String),
}

impl Meta {
    /// Returns the bytes of `meta.json`, a field a line.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("all keys are texts");
        bytes.push(b'\n');
        bytes
    }

    /// Reads `meta.json`.
    pub(super) fn read(bytes: &[u8]) -> Result<Meta, MetaProblem> {
        let malformed = |error: serde_json::Error| MetaProblem::Malformed(error.to_string());
        let FormatOnly { format } = serde_json::from_slice(bytes).map_err(malformed)?;
        if format != FORMAT {
            return Err(MetaProblem::Newer(format));
        }
        let meta: Meta = serde_json::from_slice(bytes).map_err(malformed)?;
        meta.window.check().map_err(MetaProblem::Malformed)?;
        Ok(meta)
    }

    /// Returns the operations, read anew.
    pub(super) fn operations(&self) -> Result<Operations, String> {
        Operations::from_json(&Value::Object(self.operations.clone()))
    }

    /// Returns the scope under which the stats of `scope` are stored, with what is known of them;
    /// `None` if they are not there.
    pub(super) fn stats_of(&self, scope: Scope) -> Option<(Scope, &StatsNote)> {
        let effective = self.operations().ok()?.effective(scope);
        Some((effective, self.stats.as_ref()?.get(effective.name())?))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> Meta {
        let operations = Operations::none().filter(json!({"search": "UA"}));
        let Value::Object(operations) = operations.to_json() else { unreachable!() };
        Meta {
            format: FORMAT,
            data_id: "flights".into(),
            config_id: "94e2cf6833ac929fe35d3626056c6584".into(),
            operations,
            window: Bounds { start: 0, end: 1000, total_rows: 58_665 },
            sampled: true,
            stats: Some(BTreeMap::from([(
                "raw".into(),
                StatsNote {
                    key: "0123".into(),
                    skipped: BTreeSet::from(["memory_usage".into()]),
                    sampled: true,
                },
            )])),
            skipped: BTreeMap::new(),
            versions: BTreeMap::from([("pandas".into(), "3.0.6".into())]),
            host: Map::new(),
            more: Map::new(),
        }
    }

    #[test]
    fn it_is_json_that_people_read() {
        insta::assert_snapshot!(String::from_utf8(sample().to_bytes()).unwrap());
        assert_eq!(Meta::read(&sample().to_bytes()), Ok(sample()));
    }

    #[test]
    fn fields_of_a_later_release_are_kept() {
        let mut value: Value = serde_json::from_slice(&sample().to_bytes()).unwrap();
        value["later"] = json!([1]);
        let meta = Meta::read(value.to_string().as_bytes()).unwrap();
        assert_eq!(meta.more["later"], json!([1]));
        assert_eq!(Meta::read(&meta.to_bytes()), Ok(meta));
    }

    #[test]
    fn what_cannot_be_read_is_told_apart() {
        let good = String::from_utf8(sample().to_bytes()).unwrap();
        let newer = good.replace("\"format\": 1", "\"format\": 2");
        assert_eq!(Meta::read(newer.as_bytes()), Err(MetaProblem::Newer(2)));
        for (text, why) in [
            (String::new(), "EOF"),
            (good[..good.len() / 2].to_owned(), "EOF"),
            (good.replace("\"end\": 1000", "\"end\": 999999"), "no window"),
            (good.replace("\"start\": 0", "\"start\": -1"), "invalid value"),
            (good.replace("\"data_id\"", "\"id\""), "missing field `data_id`"),
        ] {
            let Err(MetaProblem::Malformed(found)) = Meta::read(text.as_bytes()) else { panic!() };
            assert!(found.contains(why), "{found}");
        }
    }
}
