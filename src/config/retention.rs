//! The settings of retention that have a form of their own: what a series is, and the rules that
//! are about some entries only.

use std::num::NonZeroU32;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::keys::RetentionSettings;
use super::value::{Value, choice, quoted};
use crate::size::ByteSize;

choice! {
    /// Which entries are versions of one thing, for rules that count them.
    GroupBy {
        /// All entries of a cell, whatever its code was.
        Cell = "cell",
        /// The entries of one key: of the same code, inputs and label.
        Key = "key",
        /// All entries of a notebook.
        Notebook = "notebook",
        /// All entries of the store.
        Store = "store",
    }
}

/// What one of the rules says of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Override<T> {
    /// Nothing: what `[retention]` says counts.
    #[default]
    Inherit,
    /// This, or with `None` that no such rule counts.
    Set(Option<T>),
}

impl<T: Copy> Override<T> {
    /// Returns what counts where `[retention]` says `outer`.
    pub fn or(self, outer: Option<T>) -> Option<T> {
        match self {
            Override::Inherit => outer,
            Override::Set(own) => own,
        }
    }
}

/// One `[[retention.rule]]`: what counts for the entries that match, in place of `[retention]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RetentionRule {
    /// Which entries: `notebook[:cell[:module[:version]]]`, with globs.
    pub pattern: String,
    /// Whether all of them are kept, but for caps.
    pub keep_all: bool,
    /// See [`crate::RetentionSettings`], here and below.
    pub keep_last: Override<NonZeroU32>,
    /// Kept for so long.
    pub keep_within: Override<Duration>,
    /// The newest of so many days.
    pub keep_daily: Override<NonZeroU32>,
    /// The newest of so many weeks.
    pub keep_weekly: Override<NonZeroU32>,
    /// The newest of so many months.
    pub keep_monthly: Override<NonZeroU32>,
    /// What a series is.
    pub group_by: Override<GroupBy>,
    /// A cap on the entries that match, together.
    pub max_bytes: Option<ByteSize>,
    /// A cap on how many entries match.
    pub max_entries: Option<NonZeroU32>,
}

/// The keys that a rule may have.
const FIELDS: [&str; 10] = [
    "match",
    "keep_all",
    "keep_last",
    "keep_within",
    "keep_daily",
    "keep_weekly",
    "keep_monthly",
    "group_by",
    "max_bytes",
    "max_entries",
];

type Refused<'v, 'i> = &'v Spanned<DeValue<'i>>;

fn set<'v, 'i, T: Value>(
    field: &mut Override<T>,
    value: Refused<'v, 'i>,
) -> Result<(), Refused<'v, 'i>> {
    *field = Override::Set(Option::from_toml(value)?);
    Ok(())
}

impl RetentionSettings {
    /// Reads a span of time as the settings have it: `30d`, `2 weeks`.
    ///
    /// # Errors
    /// What it should have been.
    pub fn span(text: &str) -> Result<Duration, String> {
        Value::from_text(text).ok_or_else(|| format!("it must be {}", Duration::expected()))
    }

    /// Reads what a series is.
    ///
    /// # Errors
    /// What it should have been.
    pub fn series(text: &str) -> Result<GroupBy, String> {
        Value::from_text(text).ok_or_else(|| format!("it must be {}", GroupBy::expected()))
    }
}

impl RetentionRule {
    fn from_toml<'v, 'i>(value: Refused<'v, 'i>) -> Result<RetentionRule, Refused<'v, 'i>> {
        let table = value.get_ref().as_table().ok_or(value)?;
        let mut rule = RetentionRule::default();
        for (name, value) in table {
            match name.get_ref().as_ref() {
                "match" => {
                    let text = value.get_ref().as_str().filter(|text| !text.is_empty());
                    text.ok_or(value)?.clone_into(&mut rule.pattern);
                }
                "keep_all" => rule.keep_all = Value::from_toml(value)?,
                "keep_last" => set(&mut rule.keep_last, value)?,
                "keep_within" => set(&mut rule.keep_within, value)?,
                "keep_daily" => set(&mut rule.keep_daily, value)?,
                "keep_weekly" => set(&mut rule.keep_weekly, value)?,
                "keep_monthly" => set(&mut rule.keep_monthly, value)?,
                "group_by" => set(&mut rule.group_by, value)?,
                "max_bytes" => rule.max_bytes = Value::from_toml(value)?,
                "max_entries" => rule.max_entries = Value::from_toml(value)?,
                _ => return Err(value),
            }
        }
        // A rule about nothing named would be about everything.
        if rule.pattern.is_empty() { Err(value) } else { Ok(rule) }
    }

    fn to_toml(&self) -> String {
        fn add<T: Value>(fields: &mut Vec<String>, name: &str, value: &Override<T>) {
            if let Override::Set(value) = value {
                fields.push(format!(
                    "{name} = {}",
                    match value {
                        Some(value) => value.to_toml(),
                        None => Option::<T>::None.to_toml(),
                    }
                ));
            }
        }
        let mut fields = vec![format!("match = {}", quoted(&self.pattern))];
        if self.keep_all {
            fields.push("keep_all = true".into());
        }
        add(&mut fields, "keep_last", &self.keep_last);
        add(&mut fields, "keep_within", &self.keep_within);
        add(&mut fields, "keep_daily", &self.keep_daily);
        add(&mut fields, "keep_weekly", &self.keep_weekly);
        add(&mut fields, "keep_monthly", &self.keep_monthly);
        add(&mut fields, "group_by", &self.group_by);
        if let Some(most) = &self.max_bytes {
            fields.push(format!("max_bytes = {}", most.to_toml()));
        }
        if let Some(most) = &self.max_entries {
            fields.push(format!("max_entries = {}", most.to_toml()));
        }
        format!("{{ {} }}", fields.join(", "))
    }
}

/// An array of tables, `[[retention.rule]]`; in plain text, an array of inline tables.
impl Value for Vec<RetentionRule> {
    fn expected() -> String {
        "a list of rules such as `[{ match = \"scratch/*\", keep_last = 3 }]`, each with a `match`"
            .into()
    }

    fn fields() -> &'static [&'static str] {
        &FIELDS
    }

    fn from_text(text: &str) -> Option<Vec<RetentionRule>> {
        let value = DeValue::parse(text).ok()?;
        <Self as Value>::from_toml(&value).ok()
    }

    fn from_toml<'v, 'i>(value: Refused<'v, 'i>) -> Result<Self, Refused<'v, 'i>> {
        let rules = value.get_ref().as_array().ok_or(value)?;
        rules.iter().map(RetentionRule::from_toml).collect()
    }

    fn to_toml(&self) -> String {
        let rules: Vec<String> = self.iter().map(RetentionRule::to_toml).collect();
        format!("[{}]", rules.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigFile, LayeredConfig, Sources};

    fn read(text: &str) -> Result<LayeredConfig, String> {
        let workspace = Some(ConfigFile { path: "recell.toml".into(), text: text.into() });
        LayeredConfig::new(&Sources { workspace, ..Sources::default() }).map_err(|error| {
            format!("{error} [{}] {}", error.code(), error.hint().unwrap_or_default())
        })
    }

    #[test]
    fn rules_are_read_in_order_and_read_back() {
        let text = "[retention]\nkeep_last = 10\nkeep_within = '2 weeks'\nmax_bytes = '10GiB'\n\
             group_by = 'key'\n\n[[retention.rule]]\nmatch = 'reports/*:load*'\nkeep_last = 3\n\
             keep_daily = 'none'\n\n[[retention.rule]]\nmatch = 'scratch/'\nmax_bytes = '1GB'\n";
        let retention = read(text).unwrap().config.retention;
        assert_eq!(retention.keep_within, Some(Duration::from_secs(14 * 86_400)));
        assert_eq!(retention.rule.len(), 2);
        assert_eq!(retention.rule[0].keep_last, Override::Set(NonZeroU32::new(3)));
        assert_eq!(retention.rule[0].keep_daily, Override::Set(None), "switched off");
        assert_eq!(retention.rule[0].keep_within, Override::Inherit);
        assert_eq!(retention.rule[1].pattern, "scratch/");
        let printed = retention.rule.to_toml();
        assert_eq!(Vec::<RetentionRule>::from_text(&printed).unwrap(), retention.rule);
    }

    #[test]
    fn what_is_wrong_in_a_rule_is_named_by_line() {
        let errors: Vec<String> = [
            "[[retention.rule]]\nmatch = 'a'\nkeep_lst = 3",
            "[[retention.rule]]\nkeep_last = 3",
            "[[retention.rule]]\nmatch = 'a'\nkeep_last = 0",
            "[retention]\nrule = 3",
            "[retention]\nrule = ['a']",
            "[retention]\nkeep_lats = 3",
            "[retention]\nkeep_within = '1 month'",
        ]
        .iter()
        .map(|text| read(text).unwrap_err())
        .collect();
        insta::assert_snapshot!(errors.join("\n"));
    }
}
