//! `recell config`: the settings that count, and where they come from.

use serde_json::{Map, Value, json};

use crate::cli::columns::{Align, Cell, Columns};
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::ui::FAINT;
use crate::config::{Key, LayeredConfig, Setting, Sources, Variable};
use crate::error::Result;

/// Show the settings that count
///
/// They come from flags, the environment, `recell.toml` (or `[tool.recell]` in `pyproject.toml`),
/// the user's own file and the defaults; the first that has a value wins.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A setting or a section; by default all.
    #[arg(value_name = "KEY")]
    key: Option<String>,
    /// Show where each value comes from.
    #[arg(long)]
    show_origin: bool,
    /// Explain settings and environment variables instead; no settings file is read.
    #[arg(long, conflicts_with = "show_origin")]
    describe: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let name = args.key.as_deref();
    if args.describe {
        return describe(session, name);
    }
    let settings = session.workspace()?.settings();
    let ui = &session.ui;
    let chosen: Vec<Setting<'_>> =
        settings.settings().filter(|setting| is_chosen(setting.key, name)).collect();
    if chosen.is_empty() {
        unknown(name)?;
    }
    if ui.json() {
        let one = |setting: &Setting<'_>| {
            let value = json!({
                "value": value_of(&setting.value),
                "origin": setting.origin.to_string(),
            });
            (setting.key.name().to_owned(), value)
        };
        return ui.document(&Value::Object(chosen.iter().map(one).collect()));
    }
    if args.show_origin {
        let mut columns = Columns::new(&[
            ("setting", Align::Left),
            ("value", Align::Left),
            ("origin", Align::Left),
        ]);
        for setting in chosen {
            let origin = Cell::styled(setting.origin.to_string(), FAINT);
            columns.push([setting.key.name().into(), setting.value.into(), origin]);
        }
        return columns.print(ui);
    }
    for setting in &chosen {
        if Some(setting.key.name()) == name {
            // One value alone is for scripts: a text without its quotes.
            return match value_of(&setting.value) {
                Value::String(text) => ui.line(text),
                _ => ui.line(&setting.value),
            };
        }
        ui.line(format_args!("{} = {}", setting.key.name(), setting.value))?;
    }
    Ok(())
}

/// Whether `key` is called `name`, or in the section of that name.
fn is_chosen(key: &Key, name: Option<&str>) -> bool {
    name.is_none_or(|name| key.name() == name || key.section() == name)
}

/// Fails with the error that names the setting nearest to `name`.
fn unknown(name: Option<&str>) -> Result<()> {
    let flags = name.map(|name| (name.to_owned(), String::new())).into_iter().collect();
    LayeredConfig::new(&Sources { flags, ..Sources::default() }).map(drop)
}

fn value_of(toml: &str) -> Value {
    let table: Option<toml::Table> = format!("value = {toml}").parse().ok();
    let value = table.and_then(|mut table| table.remove("value"));
    value.and_then(|value| serde_json::to_value(value).ok()).unwrap_or_else(|| toml.into())
}

fn describe(session: &Session, name: Option<&str>) -> Outcome {
    let ui = &session.ui;
    let keys: Vec<&Key> = Key::all().iter().filter(|key| is_chosen(key, name)).collect();
    let of_keys =
        |variable: &Variable| Key::all().iter().any(|key| key.variable() == variable.name);
    let variables: Vec<Variable> = Variable::all()
        .filter(|variable| name.is_none_or(|name| variable.name == name))
        .filter(|variable| name.is_some() || !of_keys(variable))
        .collect();
    if keys.is_empty() && variables.is_empty() {
        unknown(name)?;
    }
    if ui.json() {
        let key = |key: &&Key| {
            let value = json!({
                "meaning": key.doc(),
                "expected": key.expected(),
                "default": value_of(&key.default()),
                "variable": key.variable(),
            });
            (key.name().to_owned(), value)
        };
        let mut all: Map<String, Value> = keys.iter().map(key).collect();
        all.extend(variables.into_iter().map(|it| (it.name, json!({ "meaning": it.meaning }))));
        return ui.document(&Value::Object(all));
    }
    for key in keys {
        ui.line(format_args!("{} = {}", key.name(), key.default()))?;
        ui.line(format_args!("    {}", key.doc()))?;
        ui.line(format_args!(
            "    It must be {}; `{}` sets it too.",
            key.expected(),
            key.variable()
        ))?;
    }
    for variable in variables {
        ui.line(format_args!("{}\n    {}", variable.name, variable.meaning))?;
    }
    Ok(())
}
