//! What a request asks for: its path, and its parameters in the query or in a body of JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::percent::{Place, decode};
use crate::bundle::{BundleKey, DisplayOverrides, Operations, Schema, Scope};
use crate::name::EntryName;

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/` and `/health`: whether anybody is there.
    Health,
    /// `/cache`: what there is.
    Cache,
    /// `/bundle/<data_id>/<what>`.
    Bundle {
        /// What the host calls the data.
        data_id: String,
        /// What of it.
        what: What,
    },
}

/// What of a bundle is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Probe,
    Window,
    Stats,
    Display,
}

impl What {
    pub(super) const ALL: [What; 4] = [What::Probe, What::Window, What::Stats, What::Display];

    pub(super) fn name(self) -> &'static str {
        match self {
            What::Probe => "probe",
            What::Window => "window",
            What::Stats => "stats",
            What::Display => "display",
        }
    }

    /// The parameters that only this takes.
    fn own_parameters(self) -> &'static [&'static str] {
        match self {
            What::Probe => &[],
            What::Window => &["start", "end", "sort"],
            What::Stats => &["scope", "format"],
            What::Display => &["overrides"],
        }
    }
}

/// The parameters of everything that is asked of a bundle.
const OF_BUNDLES: [&str; 6] = ["config_id", "operations", "search", "schema", "space", "version"];

/// Why a path leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoRoute {
    /// There is nothing of that name.
    Unknown,
    /// It is no path at all.
    Malformed(String),
}

/// Reads a path. Slashes of a data id may be encoded or not, as its end is known.
pub(super) fn route(path: &str) -> Result<Route, NoRoute> {
    match path {
        "/" | "/health" => return Ok(Route::Health),
        "/cache" => return Ok(Route::Cache),
        _ => {}
    }
    let rest = path.strip_prefix("/bundle/").ok_or(NoRoute::Unknown)?;
    let (data_id, what) = rest.rsplit_once('/').ok_or(NoRoute::Unknown)?;
    let what = What::ALL.into_iter().find(|it| it.name() == what).ok_or(NoRoute::Unknown)?;
    let data_id = decode(data_id, Place::Path)
        .map_err(|why| NoRoute::Malformed(format!("the data id is not encoded: {}", why.0)))?;
    if data_id.is_empty() {
        return Err(NoRoute::Malformed("the data id is empty".into()));
    }
    Ok(Route::Bundle { data_id, what })
}

/// The parameters of a request: texts from its query, and any JSON from its body.
#[derive(Debug, Default)]
pub(super) struct Parameters(BTreeMap<String, Value>);

impl Parameters {
    /// Reads the parameters of a request; one that is there twice is refused.
    pub(super) fn read(query: &str, body: &[u8]) -> Result<Parameters, String> {
        let mut all = BTreeMap::new();
        let mut add = |name: String, value: Value| match all.insert(name.clone(), value) {
            None => Ok(()),
            Some(_) => Err(format!("`{name}` is there twice")),
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = |text: &str, what: &str| {
                decode(text, Place::Query)
                    .map_err(|why| format!("{what} is not encoded: {}", why.0))
            };
            let name = decoded(name, "the name of a parameter")?;
            let value = decoded(value, &format!("`{name}`"))?;
            add(name, Value::String(value))?;
        }
        if body.iter().any(|byte| !byte.is_ascii_whitespace()) {
            let body: Value = serde_json::from_slice(body)
                .map_err(|error| format!("the body is not JSON: {error}"))?;
            let Value::Object(fields) = body else {
                return Err("the body is not a JSON object of parameters".into());
            };
            for (name, value) in fields {
                add(name, value)?;
            }
        }
        Ok(Parameters(all))
    }

    /// Refuses parameters that mean nothing here.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), String> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => {
                let name: String = name.chars().take(60).collect();
                Err(format!("`{name}` is no parameter here: {}", known.join(", ")))
            }
        }
    }

    /// Returns a parameter that is a text; one that is empty is not there.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(format!("`{name}` is not a text")),
        }
    }

    /// Returns a parameter that is a number of rows.
    fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let number = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            // A sign is no part of a row's number.
            Some(Value::String(text)) if text.bytes().all(|it| it.is_ascii_digit()) => {
                text.parse().ok()
            }
            Some(value) => value.as_u64(),
        };
        number.map(Some).ok_or_else(|| format!("`{name}` is not the number of a row"))
    }

    /// Returns a parameter that is JSON: as such in a body, as its text in a query.
    fn json(&self, name: &str) -> Result<Option<Value>, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|error| format!("`{name}` is not JSON: {error}")),
            Some(value) => Ok(Some(value.clone())),
        }
    }
}

/// How stats are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatsFormat {
    /// The canonical text, as it is stored.
    Text,
    /// JSON.
    Json,
    /// A table that any reader of parquet can query.
    Parquet,
}

impl StatsFormat {
    const ALL: [StatsFormat; 3] = [StatsFormat::Text, StatsFormat::Json, StatsFormat::Parquet];

    pub(super) fn name(self) -> &'static str {
        match self {
            StatsFormat::Text => "text",
            StatsFormat::Json => "json",
            StatsFormat::Parquet => "parquet",
        }
    }
}

/// What is asked of a bundle.
#[derive(Debug)]
pub(super) struct Asked {
    /// Which bundle.
    pub(super) key: BundleKey,
    /// The columns of the live data.
    pub(super) schema: Option<Schema>,
    /// Which version of it; the newest if none is named.
    pub(super) version: Option<EntryName>,
    /// From which row on; from the first that is stored, if nothing is said.
    pub(super) start: Option<u64>,
    /// Up to which row; to the last that is stored, if nothing is said.
    pub(super) end: Option<u64>,
    /// By what rows are to be sorted.
    pub(super) sort: Option<String>,
    /// The stats of which rows; of those in the window, if nothing is said.
    pub(super) scope: Scope,
    /// How stats are written.
    pub(super) format: StatsFormat,
    /// What is laid over the display, and its text.
    pub(super) overrides: Option<(DisplayOverrides, String)>,
}

impl Asked {
    /// Reads what is asked of a bundle; bundles are looked for in `space` unless another is named.
    pub(super) fn read(
        data_id: &str,
        what: What,
        parameters: &Parameters,
        space: &str,
    ) -> Result<Asked, String> {
        let known: Vec<&str> = OF_BUNDLES.iter().chain(what.own_parameters()).copied().collect();
        parameters.only(&known)?;
        let config_id = parameters.text("config_id")?.ok_or("`config_id` is missing")?;
        let key = BundleKey::new(data_id, config_id).map_err(|error| error.to_string())?;
        let key = key.in_space(parameters.text("space")?.unwrap_or(space));
        let schema = parameters.json("schema")?.map(Schema::from_json).transpose()?;
        let version = parameters.text("version")?.map(|text| {
            text.parse().map_err(|error| format!("`version` is no name of an entry: {error}"))
        });
        let (start, end) = (parameters.number("start")?, parameters.number("end")?);
        if let (Some(start), Some(end)) = (start, end)
            && start > end
        {
            return Err(format!("`start` ({start}) is after `end` ({end})"));
        }
        let scope = match parameters.text("scope")? {
            None => Scope::Filtered,
            Some(name) => {
                Scope::of_name(name).ok_or_else(|| one_of("scope", &Scope::ALL.map(Scope::name)))?
            }
        };
        let format = match parameters.text("format")? {
            None => StatsFormat::Text,
            Some(name) => StatsFormat::ALL
                .into_iter()
                .find(|it| it.name() == name)
                .ok_or_else(|| one_of("format", &StatsFormat::ALL.map(StatsFormat::name)))?,
        };
        let overrides = parameters.json("overrides")?.map(|value| {
            let text = value.to_string();
            DisplayOverrides::from_json(value).map(|overrides| (overrides, text))
        });
        Ok(Asked {
            key: key.with_operations(operations(parameters)?),
            schema,
            version: version.transpose()?,
            start,
            end,
            sort: parameters.text("sort")?.map(str::to_owned),
            scope,
            format,
            overrides: overrides.transpose()?,
        })
    }
}

fn one_of(name: &str, all: &[&str]) -> String {
    format!("`{name}` is none of {}", all.join(", "))
}

/// Returns the operations that are asked for; a search is a filter.
fn operations(parameters: &Parameters) -> Result<Operations, String> {
    let said = parameters.json("operations")?;
    match (said, parameters.text("search")?) {
        (Some(_), Some(_)) => Err("a `search` beside `operations` belongs into them".into()),
        (Some(said), None) => Operations::from_json(&said),
        (None, Some(search)) => Ok(Operations::none().filter(json!({ "search": search }))),
        (None, None) => Ok(Operations::none()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_routes_and_data_ids_are_any_text() {
        let long = "x".repeat(10_240);
        for (path, expected) in [
            ("/", Some(Route::Health)),
            ("/health", Some(Route::Health)),
            ("/cache", Some(Route::Cache)),
            ("/bundle/flights/window", bundle("flights", What::Window)),
            ("/bundle/a%2Fb/probe", bundle("a/b", What::Probe)),
            ("/bundle/a/b/probe", bundle("a/b", What::Probe)),
            ("/bundle//a/b/probe", bundle("/a/b", What::Probe)),
            ("/bundle/../../etc/passwd/display", bundle("../../etc/passwd", What::Display)),
            ("/bundle/%00/stats", bundle("\0", What::Stats)),
            ("/bundle/a+b/stats", bundle("a+b", What::Stats)),
            (&*format!("/bundle/{long}/probe"), bundle(&long, What::Probe)),
            ("/bundle/flights", None),
            ("/bundle/flights/", None),
            ("/bundle/flights/window/", None),
            ("/bundle/flights/rows", None),
            ("/bundle//probe", None),
            ("/bundle/%ff/probe", None),
            ("/bundle/%f/probe", None),
            ("/cache/", None),
            ("cache", None),
            ("*", None),
        ] {
            assert_eq!(route(path).ok(), expected, "{path}");
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the table has both")]
    fn bundle(data_id: &str, what: What) -> Option<Route> {
        Some(Route::Bundle { data_id: data_id.to_owned(), what })
    }

    fn read(what: What, query: &str, body: &str) -> Result<Asked, String> {
        let parameters = Parameters::read(query, body.as_bytes())?;
        Asked::read("flights", what, &parameters, "bundles")
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (what, query, body, why) in [
            (What::Probe, "", "", "`config_id` is missing"),
            (What::Probe, "config_id=", "", "`config_id` is missing"),
            (What::Probe, "config_id=a&config_id=b", "", "twice"),
            (What::Probe, "config_id=a", r#"{"config_id": "b"}"#, "twice"),
            (What::Probe, "config_id=a&start=1", "", "`start` is no parameter here"),
            (What::Window, "config_id=a&start=-1", "", "`start` is not the number"),
            (What::Window, "config_id=a&start=%2B1", "", "`start` is not the number"),
            (What::Window, "config_id=a&end=99999999999999999999", "", "`end` is not the number"),
            (What::Window, "config_id=a&start=2&end=1", "", "after"),
            (What::Window, "config_id=%ff", "", "UTF-8"),
            (What::Stats, "config_id=a&scope=all", "", "raw, clean, filtered"),
            (What::Stats, "config_id=a&format=csv", "", "text, json, parquet"),
            (What::Display, "config_id=a&overrides=%7B", "", "not JSON"),
            (What::Display, "config_id=a&overrides=1", "", "object"),
            (What::Probe, "config_id=a&schema=%7B%7D", "", "columns"),
            (What::Probe, "config_id=a&version=x", "", "no name of an entry"),
            (What::Probe, "config_id=a&operations=%5B%5D", "", "object"),
            (What::Probe, "config_id=a&operations=%7B%7D&search=x", "", "belongs into them"),
            (What::Probe, "config_id=a", "[1]", "not a JSON object"),
            (What::Probe, "config_id=a", "{", "not JSON"),
        ] {
            let found = read(what, query, body).unwrap_err();
            assert!(found.contains(why), "{query} {body}: {found}");
        }
    }

    #[test]
    fn the_query_and_the_body_say_the_same() {
        let queried = read(
            What::Window,
            "config_id=c&start=1&end=2&operations=%7B%22filters%22%3A%5B%22UA%22%5D%7D&search=",
            "",
        )
        .unwrap();
        let body = r#"{"start": 1, "end": 2, "operations": {"filters": ["UA"]}, "sort": null}"#;
        let posted = read(What::Window, "config_id=c", body).unwrap();
        assert_eq!(queried.key, posted.key);
        assert_eq!((queried.start, queried.end), (Some(1), Some(2)));
        assert_eq!((posted.start, posted.end), (Some(1), Some(2)));
        assert_eq!(posted.key.operations().scopes(), [Scope::Raw, Scope::Filtered]);
        let searched = read(What::Probe, "config_id=c&search=U+A", "").unwrap();
        let expected = Operations::none().filter(json!({"search": "U A"}));
        assert_eq!(searched.key.operations(), &expected);
    }
}
