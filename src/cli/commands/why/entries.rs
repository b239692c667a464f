//! What recorded entries say without a notebook: why two differ, and what is near a missing key.

use serde_json::{Value, json};

use super::skipped;
use crate::cli::comparing::{Cells, made};
use crate::cli::describe::one_line;
use crate::cli::report::{Failure, MISSED, Outcome};
use crate::cli::selection::shown;
use crate::cli::session::Session;
use crate::cli::ui::FAINT;
use crate::cli::{json, words};
use crate::history::{Comparison, compare, nearest};
use crate::index::Pattern;
use crate::lookup::Miss;
use crate::name::{EntryName, ExecutionKey};
use crate::store::{Entry, Snapshot};

/// Says how two entries differ, and why.
pub(super) fn two(
    session: &Session,
    snapshot: &Snapshot,
    before: &Entry,
    after: &Entry,
) -> Outcome {
    let told = Told::of(snapshot, before, after);
    if session.ui.json() {
        return session.ui.document(&told.document());
    }
    session.ui.line(told.headline())?;
    told.print(session)
}

/// Says that an entry is stored, and what changed since the one before it.
pub(super) fn one(session: &Session, snapshot: &Snapshot, entry: &Entry, asked: &str) -> Outcome {
    let now = session.now();
    let previous = previous(snapshot, entry.name());
    let found = nearest(snapshot, previous.as_slice(), &[]);
    let told = found.entry.as_ref().map(|before| Told::of(snapshot, before, entry));
    let passed_over = skipped(session, &found.skipped);
    let manifest = entry.manifest();
    if session.ui.json() {
        return session.ui.document(&json!({
            "key": asked,
            "answer": "hit",
            "entry": json::entry(entry.name(), manifest),
            "since_before": told.as_ref().map(Told::document),
            "skipped": passed_over,
        }));
    }
    let ago = words::ago(now, manifest.created_at);
    let size = words::size(manifest.size());
    let since = match &told {
        None => "it is the first of its cell".to_owned(),
        Some(told) => format!("since the one before: {}", told.headline()),
    };
    session.ui.line(format_args!("hit: stored {ago}, {size}; {since}"))?;
    match told {
        Some(told) => told.print(session),
        None => session.ui.line(format_args!("  {}", entry.name())),
    }
}

/// Returns the entry of the same cell that was made right before, whatever its module.
fn previous(snapshot: &Snapshot, name: &EntryName) -> Option<EntryName> {
    let pattern = Pattern::parse(&shown(&[&name.notebook(), &name.cell()])).ok()?;
    let order = |name: &EntryName| (name.created_at(), name.as_str().to_owned());
    let names = snapshot.list(&pattern).into_iter();
    names.filter(|other| order(other) < order(name)).max_by_key(order)
}

/// Says what is near a key under which nothing is stored.
pub(super) fn missing(session: &Session, snapshot: &Snapshot, key: &ExecutionKey) -> Outcome {
    let pattern = Pattern::parse(&shown(&[key.notebook(), key.cell()]));
    let mut names = pattern.map(|pattern| snapshot.list(&pattern)).unwrap_or_default();
    // The nearest is one of the module, else one of the version, else any; of these the newest.
    names.sort_by_key(|name| {
        (name.module() == key.module(), name.version() == key.version(), name.created_at())
    });
    let found = nearest(snapshot, &names, &[]);
    let passed_over = skipped(session, &found.skipped);
    let Some(near) = found.entry else {
        return Err(Miss::NeverStored { name: key.to_string() }.into());
    };
    let manifest = near.manifest();
    let reason = if manifest.key.module() == key.module() {
        format!("it is stored as version `{}` alone", one_line(manifest.key.version()))
    } else {
        "nothing of that module is stored, nor what it is made of".to_owned()
    };
    if session.ui.json() {
        session.ui.document(&json!({
            "key": key.to_string(),
            "answer": "miss",
            "reason": reason,
            "miss": "never_stored",
            "nearest": json::entry(near.name(), manifest),
            "skipped": passed_over,
        }))?;
    } else {
        let (ui, now) = (&session.ui, session.now());
        let ago = words::ago(now, manifest.created_at);
        ui.line(format_args!("miss: {reason}; nearest entry {ago}"))?;
        let fact = |name: &str, value: &str| {
            ui.line(format_args!("  {} {}", ui.paint(FAINT, format!("{name:<8}")), one_line(value)))
        };
        fact("nearest", near.name().as_str())?;
        fact("made", &made(manifest, now))?;
        for (name, value) in &manifest.provenance.ingredients {
            fact("made of", &format!("{} {}", name.replace('_', " "), words::short(value, 12)))?;
        }
    }
    Err(Failure::Told(MISSED))
}

/// Two entries side by side.
pub(crate) struct Told<'a> {
    before: &'a Entry,
    after: &'a Entry,
    cells: Cells<'a>,
    comparison: Comparison,
    /// Paths of results that differ.
    results: Vec<String>,
}

impl<'a> Told<'a> {
    /// Compares two entries, as a rule of one cell.
    pub(crate) fn of(snapshot: &'a Snapshot, before: &'a Entry, after: &'a Entry) -> Told<'a> {
        let (old, new) = (before.manifest(), after.manifest());
        let cells = Cells::of(snapshot, new.key.notebook(), &[]);
        let was = if old.key.notebook() == new.key.notebook() {
            cells.recipe(before)
        } else {
            Cells::of(snapshot, old.key.notebook(), &[]).recipe(before)
        };
        let comparison = compare(&was, &cells.recipe(after));
        Told { before, after, comparison, results: Comparison::results(old, new), cells }
    }

    /// Whether the same was done and other results came out.
    fn is_not_deterministic(&self) -> bool {
        self.comparison.is_same() && !self.results.is_empty()
    }

    /// Returns in one line why they differ.
    pub(crate) fn headline(&self) -> String {
        let outputs = match self.results.len() {
            0 => "same outputs".to_owned(),
            1 => "1 output differs".to_owned(),
            count => format!("{} outputs differ", words::grouped(count)),
        };
        let Comparison { is_known, changes, upstream, .. } = &self.comparison;
        if self.is_not_deterministic() {
            return "same inputs, different outputs: not deterministic".into();
        }
        if !is_known && self.before.manifest().key == self.after.manifest().key {
            return format!("the same key, {outputs}; nobody said what they are made of");
        }
        if !is_known {
            return format!("{outputs}; one of them does not say what it is made of");
        }
        if changes.is_empty() && upstream != &(Vec::new(), Vec::new()) {
            return format!("computed from other entries; {outputs}");
        }
        if changes.is_empty() {
            return format!("same inputs, {outputs}");
        }
        format!("{}; {outputs}", self.cells.headline(&self.comparison))
    }

    /// Returns the first digits of the host commits of the two.
    pub(crate) fn commits(&self) -> (Option<String>, Option<String>) {
        let commit = |entry: &Entry| {
            let commit = entry.manifest().provenance.host_commit.as_deref();
            commit.map(|commit| words::short(commit, 8))
        };
        (commit(self.before), commit(self.after))
    }

    /// Prints the two, and what differs in detail.
    pub(crate) fn print(&self, session: &Session) -> Outcome {
        let (ui, now) = (&session.ui, session.now());
        let fact = |name: &str, value: &str| {
            ui.line(format_args!("  {} {}", ui.paint(FAINT, format!("{name:<8}")), one_line(value)))
        };
        for (name, entry) in [("before", self.before), ("after", self.after)] {
            fact(name, &format!("{}, id {}", made(entry.manifest(), now), entry.name().id8()))?;
        }
        if !self.results.is_empty() {
            fact("differ", &self.results.join(", "))?;
        }
        if self.is_not_deterministic() && !self.comparison.circumstances.is_empty() {
            let text = "files that the cell reads may have changed: they are no ingredient";
            ui.line(format_args!("  {}", ui.paint(FAINT, text)))?;
        }
        self.cells.print(ui, &self.comparison)
    }

    /// Returns it as `--json` prints it.
    pub(crate) fn document(&self) -> Value {
        let mut value = self.cells.document(&self.comparison);
        json::extend(
            &mut value,
            json!({
                "before": json::entry(self.before.name(), self.before.manifest()),
                "after": json::entry(self.after.name(), self.after.manifest()),
                "reason": self.headline(),
                "outputs": self.results,
                "deterministic": if self.is_not_deterministic() { Some(false) } else { None },
            }),
        );
        value
    }
}
