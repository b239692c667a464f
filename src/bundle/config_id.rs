//! What of a viewer's configuration touches data, and the digest that stands for it.
//!
//! Covered: the format, the analyses in their order (a later one sees what an earlier one made),
//! sampling, initial stats, and what is skipped. Not covered: overrides of columns, themes, pinned
//! rows, component settings, all of which are only looked at when something is shown
//! (docs/design/005-bundles.md).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::canonical::{digest, is_nothing};
use super::operations::{Operations, Scope};

const DOMAIN: &str = "recell config 1";
const STATS_DOMAIN: &str = "recell stats key 1";

/// A class that computes stats.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Analysis {
    /// Its qualified name: `package.module.Class`.
    pub class: String,
    /// Its version, raised by who changes what it computes; or a digest of its code.
    #[serde(default)]
    pub version: Option<String>,
}

/// How rows are sampled before stats are computed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// Its qualified name.
    pub class: String,
    /// Its limits, seeds and the like.
    #[serde(default)]
    pub limits: Map<String, Value>,
}

/// All of a viewer's configuration that touches data.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// The classes that compute stats, in the order in which they run.
    pub analyses: Vec<Analysis>,
    /// How rows are sampled; `None` if they are not.
    pub sampling: Option<Sampling>,
    /// Stats that are given, not computed.
    pub initial_stats: Value,
    /// Columns whose stats are not computed.
    pub skip_columns: BTreeSet<String>,
    /// Stats that are not computed in any scope.
    pub skip_stats: BTreeSet<String>,
    /// Stats that are not computed in one scope, by its name.
    pub skip_stats_by_scope: BTreeMap<String, BTreeSet<String>>,
    /// Raised by the host to make everything that is stored a miss.
    pub cache_version: Option<String>,
}

impl DataConfig {
    /// Reads a configuration from JSON.
    ///
    /// # Errors
    /// What is wrong with it, in words: a key that is not known is named, as whatever it says could
    /// touch data.
    pub fn from_json(value: Value) -> Result<DataConfig, String> {
        let config: DataConfig = serde_json::from_value(value).map_err(|e| e.to_string())?;
        match config.skip_stats_by_scope.keys().find(|name| Scope::of_name(name).is_none()) {
            Some(name) => Err(format!("`{name}` is no scope: raw, clean, filtered")),
            None => Ok(config),
        }
    }

    /// Returns the digest of the configuration: 32 hex digits, the same in every process and on
    /// every platform.
    pub fn config_id(&self) -> String {
        let analyses: Vec<Value> =
            self.analyses.iter().map(|it| json!([it.class, it.version])).collect();
        let by_scope: Map<String, Value> = self
            .skip_stats_by_scope
            .iter()
            .filter(|(_, stats)| !stats.is_empty())
            .map(|(scope, stats)| (scope.clone(), json!(stats)))
            .collect();
        let initial =
            if is_nothing(&self.initial_stats) { &Value::Null } else { &self.initial_stats };
        digest(
            DOMAIN,
            &json!({
                "analyses": analyses,
                "sampling": self.sampling.as_ref().map(|it| json!([it.class, it.limits])),
                "initial_stats": initial,
                "skip_columns": self.skip_columns,
                "skip_stats": self.skip_stats,
                "skip_stats_by_scope": by_scope,
                "cache_version": self.cache_version,
            }),
        )
    }

    /// Returns the stats that are skipped in a scope, as it counts: a scope whose rows are those of
    /// another one has its stats.
    pub fn skipped_in(&self, scope: Scope, operations: &Operations) -> BTreeSet<String> {
        let scope = operations.effective(scope);
        let mut skipped = self.skip_stats.clone();
        skipped.extend(self.skip_stats_by_scope.get(scope.name()).into_iter().flatten().cloned());
        skipped
    }
}

/// Returns what names the stats of a scope: its operations, and the stats that are skipped.
pub(super) fn stats_key(
    operations: &Operations,
    scope: Scope,
    skipped: &BTreeSet<String>,
) -> String {
    digest(STATS_DOMAIN, &json!([operations.digest_of(scope), skipped]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Value {
        json!({
            "analyses": [{"class": "a.Mean"}, {"class": "a.Histogram", "version": "2"}],
            "sampling": {"class": "a.Sampling", "limits": {"pre": 1_000_000, "cols": 200}},
            "initial_stats": {"x": {"note": "given"}},
            "skip_columns": ["b", "a"],
            "skip_stats": ["memory_usage"],
            "skip_stats_by_scope": {"filtered": ["histogram"]},
            "cache_version": "7"
        })
    }

    fn id(value: Value) -> String {
        DataConfig::from_json(value).unwrap().config_id()
    }

    #[test]
    fn the_digest_is_the_same_everywhere_and_always() {
        assert_eq!(id(json!({})), DataConfig::default().config_id());
        assert_eq!(id(json!({})), "d60c9e8722625dca11f07af9a6428e8d");
        assert_eq!(id(sample()), "1568cf24a5b415eefe1cf18ec3031e50");
    }

    #[test]
    fn order_counts_only_where_it_matters() {
        let mut other = sample();
        other["skip_columns"] = json!(["a", "b", "a"]);
        other["sampling"]["limits"] = json!({"cols": 200, "pre": 1_000_000});
        other["skip_stats_by_scope"] = json!({"raw": [], "filtered": ["histogram"]});
        assert_eq!(id(other.clone()), id(sample()));
        other["analyses"].as_array_mut().unwrap().reverse();
        assert_ne!(id(other), id(sample()), "a later analysis sees what an earlier one made");
    }

    #[test]
    fn whatever_touches_data_makes_another_digest() {
        let mut seen = BTreeSet::from([id(sample()), id(json!({}))]);
        for (pointer, value) in [
            ("/analyses/0/class", json!("a.Median")),
            ("/analyses/1/version", json!("3")),
            ("/analyses/1/version", json!(null)),
            ("/analyses", json!([{"class": "a.Mean"}])),
            ("/sampling/class", json!("a.Other")),
            ("/sampling/limits/pre", json!(999_999)),
            ("/sampling/limits/pre", json!(1_000_000.0)),
            ("/sampling", json!(null)),
            ("/initial_stats/x/note", json!("given!")),
            ("/initial_stats", json!(null)),
            ("/skip_columns", json!(["a"])),
            ("/skip_stats", json!([])),
            ("/skip_stats_by_scope", json!({"raw": ["histogram"]})),
            ("/cache_version", json!("8")),
        ] {
            let mut other = sample();
            *other.pointer_mut(pointer).unwrap() = value.clone();
            assert!(seen.insert(id(other)), "{pointer} = {value}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (value, why) in [
            (json!({"theme": "dark"}), "theme"),
            (json!({"analyses": [{"class": "a", "colour": 1}]}), "colour"),
            (json!({"skip_stats_by_scope": {"cleaned": []}}), "`cleaned` is no scope"),
            (json!({"analyses": 3}), "invalid type"),
        ] {
            let found = DataConfig::from_json(value).unwrap_err();
            assert!(found.contains(why), "{found}");
        }
    }

    #[test]
    fn scopes_with_the_same_rows_share_stats_whatever_they_would_skip() {
        let config = DataConfig::from_json(sample()).unwrap();
        let key = |scope, operations: &Operations| {
            let scope = operations.effective(scope);
            stats_key(operations, scope, &config.skipped_in(scope, operations))
        };
        let none = Operations::none();
        assert_eq!(key(Scope::Filtered, &none), key(Scope::Raw, &none));
        let search = Operations::none().filter("UA");
        assert_eq!(key(Scope::Raw, &search), key(Scope::Raw, &none));
        assert_eq!(key(Scope::Clean, &search), key(Scope::Raw, &none));
        assert_ne!(key(Scope::Filtered, &search), key(Scope::Raw, &none));
        assert_eq!(config.skipped_in(Scope::Filtered, &none).len(), 1);
        assert_eq!(config.skipped_in(Scope::Filtered, &search).len(), 2);
    }
}
