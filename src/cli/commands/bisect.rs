//! `recell bisect`: the first version at which an output crossed a line.

use serde_json::{Value, json};

use super::why::{Told, skipped};
use crate::cli::columns::{Align, Cell, Columns};
use crate::cli::json;
use crate::cli::report::{Failure, MISSED, Outcome};
use crate::cli::selection::shown;
use crate::cli::session::Session;
use crate::cli::ui::FAINT;
use crate::cli::words;
use crate::error::Error;
use crate::history::{
    Crossing, JsonPath, Line, NumberPattern, Question, Since, TextPattern, Version, since,
};
use crate::index::Pattern;
use crate::lookup::{Lookup, Miss};
use crate::name::EntryName;
use crate::store::{Entry, Snapshot};

/// Find the first version at which an output crossed a line
///
/// The outputs of all recorded versions of a cell are read, oldest first, whatever its code was:
/// text, streams, JSON, and HTML without its tags. Said are the last version before and the first
/// one after, what changed between them, and whether the output came back later. The exit code is
/// 3 if no version is across.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("line").required(true))]
pub(crate) struct Args {
    /// The cell: `notebook:cell`.
    cell: String,
    /// The first version whose text matches this regular expression.
    #[arg(long = "match", value_name = "REGEX", group = "line", conflicts_with = "number")]
    matches: Option<TextPattern>,
    /// The first version of whose texts none matches.
    #[arg(long, value_name = "REGEX", group = "line", conflicts_with = "number")]
    no_match: Option<TextPattern>,
    /// Where the number is: `accuracy: {}`, or a regular expression with one group.
    ///
    /// Of several numbers in an output the last counts, of several outputs the last that has one.
    /// Without it, and with `--json-path`, the value is the number.
    #[arg(long, value_name = "PATTERN")]
    number: Option<NumberPattern>,
    /// The first version whose number is greater than this.
    #[arg(long, value_name = "X", group = "line", allow_negative_numbers = true)]
    above: Option<f64>,
    /// The first version whose number is less than this.
    #[arg(long, value_name = "X", group = "line", allow_negative_numbers = true)]
    below: Option<f64>,
    /// The first version whose number is another than this.
    #[arg(long, value_name = "X", group = "line", allow_negative_numbers = true)]
    differs_from: Option<f64>,
    /// Only this value of JSON outputs: `metrics.accuracy`, `scores[0]` or `/metrics/accuracy`.
    #[arg(long, value_name = "PATH")]
    json_path: Option<JsonPath>,
    /// Only this part: its path, or its name if no other has it.
    #[arg(long, value_name = "PART")]
    part: Option<String>,
}

impl Args {
    fn question(&self) -> Question {
        let text = |line: fn(TextPattern) -> Line, of: &Option<TextPattern>| of.clone().map(line);
        let number = |line: fn(f64) -> Line, of: Option<f64>| of.map(line);
        let line = text(Line::Matches, &self.matches)
            .or_else(|| text(Line::DoesNotMatch, &self.no_match))
            .or_else(|| number(Line::Above, self.above))
            .or_else(|| number(Line::Below, self.below))
            .or_else(|| number(Line::DiffersFrom, self.differs_from));
        Question {
            line: line.expect("one of the group is required"),
            number: self.number.clone(),
            json_path: self.json_path.clone(),
            part: self.part.clone(),
        }
    }
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let snapshot = session.snapshot(&session.store()?)?;
    let names = history(&snapshot, &args.cell)?;
    let question = args.question();
    let since = since(&snapshot, &names, &question);
    let passed_over = skipped(session, &since.skipped);
    let crossing = since.crossing();
    let (before, after) = match crossing {
        Crossing::Between(before, after) => (Some(before), Some(after)),
        Crossing::FromTheStart(first) => (None, Some(first)),
        Crossing::Never => (None, None),
    };
    let read = |version: Option<&Version>| -> Result<Option<Entry>, Failure> {
        match version.map(|version| snapshot.entry(&version.name)) {
            None => Ok(None),
            Some(Lookup::Hit(entry)) => Ok(Some(entry)),
            Some(Lookup::Miss(miss)) => Err(miss.into()),
        }
    };
    let (old, new) = (read(before)?, read(after)?);
    let told = old.as_ref().zip(new.as_ref()).map(|(old, new)| Told::of(&snapshot, old, new));
    if session.ui.json() {
        let mut value = document(&since, before, after);
        let why = told.as_ref().map(Told::document);
        json::extend(&mut value, json!({ "cell": args.cell, "why": why, "skipped": passed_over }));
        session.ui.document(&value)?;
    } else {
        print(session, &since, &question, told.as_ref())?;
    }
    match crossing {
        Crossing::Never => Err(Failure::Told(MISSED)),
        _ => Ok(()),
    }
}

/// Returns all entries of the one cell that is meant, oldest first.
fn history(snapshot: &Snapshot, text: &str) -> Result<Vec<EntryName>, Failure> {
    let pattern = Pattern::parse(text)
        .map_err(|source| Error::Key { text: text.to_owned(), source: source.into() })?;
    let mut names = snapshot.list(&pattern);
    if names.is_empty() {
        return Err(Miss::NeverStored { name: text.to_owned() }.into());
    }
    let cell = |name: &EntryName| shown(&[&name.notebook(), &name.cell()]);
    let mut cells: Vec<String> = names.iter().map(cell).collect();
    cells.sort();
    cells.dedup();
    if cells.len() > 1 {
        return Err(Error::Ambiguous { text: text.to_owned(), candidates: cells }.into());
    }
    names.sort_by(|a, b| (a.created_at(), a).cmp(&(b.created_at(), b)));
    Ok(names)
}

fn print(
    session: &Session,
    since: &Since,
    question: &Question,
    told: Option<&Told<'_>>,
) -> Outcome {
    let (ui, now) = (&session.ui, session.now());
    let line = line_of(question);
    let count = words::count(since.versions.len(), "version", "versions");
    let crossing = since.crossing();
    let headline = match crossing {
        Crossing::Between(before, after) => {
            let ago = words::ago(now, after.name.created_at());
            match before.number.zip(after.number) {
                Some((was, is)) => format!("{line} since {ago}: {was} → {is}"),
                None => format!("{line} since {ago}"),
            }
        }
        Crossing::FromTheStart(first) => {
            let ago = words::ago(now, first.name.created_at());
            format!("{line} in the oldest version already, of {ago}")
        }
        Crossing::Never if since.versions.is_empty() => {
            "no version has an output to look at".to_owned()
        }
        Crossing::Never => format!("not {line} in any of {count}"),
    };
    ui.line(headline)?;
    let mut columns = Columns::new(&[
        ("", Align::Left),
        ("made", Align::Left),
        ("", Align::Left),
        ("number", Align::Right),
        ("commit", Align::Left),
        ("module", Align::Left),
        ("id", Align::Left),
    ]);
    let commits = told.map(Told::commits).unwrap_or_default();
    let mut push = |head: &'static str, version: &Version, commit: Option<String>| {
        let name = &version.name;
        columns.push([
            head.into(),
            name.created_at().to_local().into(),
            Cell::styled(words::ago(now, name.created_at()), FAINT),
            version.number.map(|number| number.to_string()).unwrap_or_default().into(),
            commit.unwrap_or_default().into(),
            words::short(&name.module(), 8).into(),
            Cell::styled(name.id8(), FAINT),
        ]);
    };
    match crossing {
        Crossing::Between(before, after) => {
            push("last before", before, commits.0);
            push("first after", after, commits.1);
        }
        Crossing::FromTheStart(first) => push("oldest", first, None),
        Crossing::Never => {}
    }
    let later = since.later_changes();
    if let (Some(version), false) = (later.first(), crossing == Crossing::Never) {
        push("back", version, None);
    }
    let is_newest = |version: &&Version| !matches!(crossing, Crossing::Between(_, after) | Crossing::FromTheStart(after) if after.name == version.name);
    if let Some(newest) = since.versions.last().filter(is_newest) {
        push("newest", newest, None);
    }
    columns.print(ui)?;
    let silent = since.silent.len();
    if silent > 0 {
        let versions = words::count(silent, "version has", "versions have");
        ui.line(ui.paint(FAINT, format!("{versions} no such output: not counted")))?;
    }
    if !later.is_empty() {
        let times = words::count(later.len(), "time", "times");
        let is_across = since.versions.last().is_some_and(|version| version.is_across);
        let not = if is_across { "" } else { "not " };
        ui.line(format_args!("it changed sides {times} since; the newest version is {not}{line}"))?;
    }
    if let Some(told) = told {
        ui.line(format_args!("\nbetween the two: {}", told.headline()))?;
        told.print(session)?;
    }
    Ok(())
}

/// Returns the line in words: `above 0.9`.
fn line_of(question: &Question) -> String {
    match &question.line {
        Line::Matches(pattern) => format!("matching `{pattern}`"),
        Line::DoesNotMatch(pattern) => format!("without `{pattern}`"),
        Line::Above(bound) => format!("above {bound}"),
        Line::Below(bound) => format!("below {bound}"),
        Line::DiffersFrom(bound) => format!("other than {bound}"),
    }
}

fn document(since: &Since, before: Option<&Version>, after: Option<&Version>) -> Value {
    let version = |version: &Version| {
        let mut value = json::name(&version.name);
        // JSON has no infinity, and `null` would mean that there is no number.
        let text = version.number.filter(|number| !number.is_finite()).map(|it| it.to_string());
        let number = text.map_or_else(|| json!(version.number), Value::from);
        json::extend(&mut value, json!({ "number": number, "across": version.is_across }));
        value
    };
    json!({
        "found": after.is_some(),
        "before": before.map(version),
        "after": after.map(version),
        "newest": since.versions.last().map(version),
        "later_changes": since.later_changes().into_iter().map(version).collect::<Vec<_>>(),
        "versions": since.versions.len(),
        "silent": since.silent.len(),
    })
}
