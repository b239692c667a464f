//! The settings of sync that have a form of their own: remotes, what a pull brings, rules about
//! some notebooks only, and whom to trust.

use toml::Spanned;
use toml::de::DeValue;

use super::glob::Glob;
use super::keys::SyncSettings;
use super::value::{Value, choice, quoted};
use crate::size::ByteSize;

choice! {
    /// What a pull brings besides names and manifests.
    FetchPolicy {
        /// Outputs and code; other parts when they are read.
        Outputs = "outputs",
        /// All parts.
        All = "all",
        /// No part until it is read.
        Lazy = "lazy",
    }
}

choice! {
    /// Whose parts are handed out although reading them can run code, as that of a pickle does.
    TrustPolicy {
        /// Those of entries that were made in this store.
        Own = "own",
        /// These, and those of ledgers that a trusted key signed.
        Signed = "signed",
        /// Everybody's.
        All = "all",
    }
}

choice! {
    /// Whether a push signs the ledgers of this store.
    SignChoice {
        /// If git signs commits here (`commit.gpgSign`) and can; else a push says why not.
        Auto = "auto",
        /// Always; a push that cannot sign fails.
        Always = "always",
        /// Never.
        Never = "never",
    }
}

type Refused<'v, 'i> = &'v Spanned<DeValue<'i>>;

/// One `[[sync.remotes]]`: a remote that is the cache's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteSetting {
    /// What it is called.
    pub name: String,
    /// Its address, as git takes it, or that of a static remote.
    pub url: String,
}

/// One `[[sync.rule]]`: what counts for the notebooks that match, in place of `[sync]`; the first
/// that matches counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRule {
    /// Which notebooks, as a glob relative to the workspace.
    pub pattern: Glob,
    /// Whether their results are pushed at all; `None` leaves that as it is: they are.
    pub push: Option<bool>,
    /// What a pull brings of them; `None` leaves what `[sync]` says, here and below.
    pub fetch: Option<FetchPolicy>,
    /// Which parts stay local.
    pub exclude: Option<Vec<Glob>>,
    /// From which size on parts stay local; `Some(None)` lifts the bound.
    pub max_part: Option<Option<ByteSize>>,
}

/// What counts for one notebook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotebookSync<'a> {
    /// Whether its results are pushed at all.
    pub push: bool,
    /// What a pull brings.
    pub fetch: FetchPolicy,
    /// Which parts stay local, as globs over their paths.
    pub exclude: &'a [Glob],
    /// The size above which parts stay local.
    pub max_part: Option<ByteSize>,
}

impl NotebookSync<'_> {
    /// Whether a part of that path and size, in bytes, stays on the machine where it was made.
    pub fn keeps_local(&self, part: &str, size: u64) -> bool {
        self.max_part.is_some_and(|most| size > most.bytes())
            || self.exclude.iter().any(|glob| glob.matches(part))
    }
}

impl SyncSettings {
    /// Whether there is a rule by which some part may stay on the machine where it was made.
    pub fn keeps_any_local(&self) -> bool {
        let rules = self.rule.iter();
        !self.exclude.is_empty()
            || self.max_part.is_some()
            || rules.clone().any(|rule| rule.exclude.as_ref().is_some_and(|it| !it.is_empty()))
            || rules.clone().any(|rule| rule.max_part.flatten().is_some())
    }

    /// Returns what counts for the notebook of that path.
    pub fn of_notebook(&self, notebook: &str) -> NotebookSync<'_> {
        let rule = self.rule.iter().find(|rule| rule.pattern.matches(notebook));
        NotebookSync {
            push: rule.and_then(|rule| rule.push).unwrap_or(true),
            fetch: rule.and_then(|rule| rule.fetch).unwrap_or(self.fetch),
            exclude: rule.and_then(|rule| rule.exclude.as_deref()).unwrap_or(&self.exclude),
            max_part: rule.and_then(|rule| rule.max_part).unwrap_or(self.max_part),
        }
    }
}

const REMOTE_FIELDS: [&str; 2] = ["name", "url"];
const RULE_FIELDS: [&str; 5] = ["match", "push", "fetch", "exclude", "max_part"];

impl RemoteSetting {
    fn from_toml<'v, 'i>(value: Refused<'v, 'i>) -> Result<RemoteSetting, Refused<'v, 'i>> {
        let table = value.get_ref().as_table().ok_or(value)?;
        let (mut name, mut url) = (None, None);
        for (key, value) in table {
            let text = value.get_ref().as_str().filter(|text| !text.is_empty()).ok_or(value)?;
            match key.get_ref().as_ref() {
                "name" if is_remote_name(text) => name = Some(text.to_owned()),
                "url" => url = Some(text.to_owned()),
                _ => return Err(value),
            }
        }
        Ok(RemoteSetting { name: name.ok_or(value)?, url: url.ok_or(value)? })
    }
}

/// Whether a remote may be called so: a word, so that it is never taken for an address.
pub(crate) fn is_remote_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.bytes().all(plain) && text.len() <= 64 && text.as_bytes()[0].is_ascii_alphanumeric()
}

impl Value for Vec<RemoteSetting> {
    fn expected() -> String {
        "a list of remotes such as `[{ name = \"cache\", url = \"git@example.com:team/cache.git\" }]`"
            .into()
    }

    fn fields() -> &'static [&'static str] {
        &REMOTE_FIELDS
    }

    fn from_text(text: &str) -> Option<Vec<RemoteSetting>> {
        let value = DeValue::parse(text).ok()?;
        <Self as Value>::from_toml(&value).ok()
    }

    fn from_toml<'v, 'i>(value: Refused<'v, 'i>) -> Result<Self, Refused<'v, 'i>> {
        let remotes = value.get_ref().as_array().ok_or(value)?;
        remotes.iter().map(RemoteSetting::from_toml).collect()
    }

    fn to_toml(&self) -> String {
        let one = |remote: &RemoteSetting| {
            format!("{{ name = {}, url = {} }}", quoted(&remote.name), quoted(&remote.url))
        };
        format!("[{}]", self.iter().map(one).collect::<Vec<_>>().join(", "))
    }
}

impl SyncRule {
    fn from_toml<'v, 'i>(value: Refused<'v, 'i>) -> Result<SyncRule, Refused<'v, 'i>> {
        let table = value.get_ref().as_table().ok_or(value)?;
        let mut pattern = None;
        let (mut push, mut fetch, mut exclude, mut max_part) = (None, None, None, None);
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "match" => {
                    let text = value.get_ref().as_str().ok_or(value)?;
                    pattern = Some(text.parse().map_err(|_| value)?);
                }
                "push" => push = Some(Value::from_toml(value)?),
                "fetch" => fetch = Some(Value::from_toml(value)?),
                "exclude" => exclude = Some(Value::from_toml(value)?),
                "max_part" => max_part = Some(Value::from_toml(value)?),
                _ => return Err(value),
            }
        }
        // A rule about nothing named would be about everything.
        Ok(SyncRule { pattern: pattern.ok_or(value)?, push, fetch, exclude, max_part })
    }

    fn to_toml(&self) -> String {
        let mut fields = vec![format!("match = {}", quoted(self.pattern.as_str()))];
        if let Some(push) = self.push {
            fields.push(format!("push = {push}"));
        }
        if let Some(fetch) = self.fetch {
            fields.push(format!("fetch = {}", fetch.to_toml()));
        }
        if let Some(exclude) = &self.exclude {
            fields.push(format!("exclude = {}", exclude.to_toml()));
        }
        if let Some(most) = &self.max_part {
            fields.push(format!("max_part = {}", most.to_toml()));
        }
        format!("{{ {} }}", fields.join(", "))
    }
}

/// An array of tables, `[[sync.rule]]`; in plain text, an array of inline tables.
impl Value for Vec<SyncRule> {
    fn expected() -> String {
        "a list of rules such as `[{ match = \"scratch/*\", push = false }]`, each with a `match`"
            .into()
    }

    fn fields() -> &'static [&'static str] {
        &RULE_FIELDS
    }

    fn from_text(text: &str) -> Option<Vec<SyncRule>> {
        let value = DeValue::parse(text).ok()?;
        <Self as Value>::from_toml(&value).ok()
    }

    fn from_toml<'v, 'i>(value: Refused<'v, 'i>) -> Result<Self, Refused<'v, 'i>> {
        let rules = value.get_ref().as_array().ok_or(value)?;
        rules.iter().map(SyncRule::from_toml).collect()
    }

    fn to_toml(&self) -> String {
        let rules: Vec<String> = self.iter().map(SyncRule::to_toml).collect();
        format!("[{}]", rules.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigFile, LayeredConfig, Sources};

    fn read(text: &str) -> Result<SyncSettings, String> {
        let workspace = Some(ConfigFile { path: "recell.toml".into(), text: text.into() });
        let read = LayeredConfig::new(&Sources { workspace, ..Sources::default() });
        read.map(|layered| layered.config.sync).map_err(|error| {
            format!("{error} [{}] {}", error.code(), error.hint().unwrap_or_default())
        })
    }

    #[test]
    fn the_first_rule_that_matches_counts_and_leaves_the_rest_as_it_is() {
        let sync = read(
            "[sync]\nfetch = 'lazy'\nexclude = ['variables/**']\nmax_part = '50MB'\n\
             [[sync.rule]]\nmatch = 'scratch/**'\npush = false\n\
             [[sync.rule]]\nmatch = 'reports/**'\nfetch = 'all'\nexclude = []\nmax_part = 'none'\n",
        )
        .unwrap();
        let scratch = sync.of_notebook("scratch/a.ipynb");
        assert!(!scratch.push && scratch.fetch == FetchPolicy::Lazy);
        assert!(scratch.keeps_local("variables/df.parquet", 1));
        assert!(scratch.keeps_local("outputs/0.png", 50_000_001));
        assert!(!scratch.keeps_local("outputs/0.png", 50_000_000));
        let report = sync.of_notebook("reports/q3/a.ipynb");
        assert!(report.push && report.fetch == FetchPolicy::All);
        assert!(!report.keeps_local("variables/df.parquet", 1 << 40));
        let text = sync.rule.to_toml();
        assert_eq!(Vec::<SyncRule>::from_text(&text), Some(sync.rule));
    }

    #[test]
    fn remotes_are_named_by_words_and_read_back() {
        let sync = read("[[sync.remotes]]\nname = 'cache'\nurl = 'git@host:cache.git'").unwrap();
        assert_eq!(sync.remotes[0].name, "cache");
        assert_eq!(Vec::<RemoteSetting>::from_text(&sync.remotes.to_toml()), Some(sync.remotes));
        let errors: Vec<String> = [
            "[[sync.remotes]]\nname = 'a/b'\nurl = 'x'",
            "[[sync.remotes]]\nname = 'a'",
            "[[sync.remotes]]\nname = 'a'\nulr = 'x'",
            "[[sync.rule]]\npush = false",
            "[[sync.rule]]\nmatch = 'a'\npsh = false",
            "[sync]\nfetch = 'some'",
            "[trust]\npolicy = 'any'",
        ]
        .iter()
        .map(|text| read(text).unwrap_err())
        .collect();
        insta::assert_snapshot!(errors.join("\n"));
    }
}
