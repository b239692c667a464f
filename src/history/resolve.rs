//! Which entries a selector means in a view of the store.

use std::collections::BTreeMap;

use super::as_of::View;
use super::selector::{Named, Selector};
use crate::error::{Error, Result};
use crate::git::ObjectId;
use crate::index::{Pattern, Wanted};
use crate::name::{EntryName, encode, escape};
use crate::store::Snapshot;

/// The fewest digits that are taken for the start of an entry's id.
const FEWEST_DIGITS: usize = 4;
/// Below this likeness a suggestion misleads more often than it helps.
const CLOSE_ENOUGH: f64 = 0.75;
/// How many suggestions are made.
const SUGGESTIONS: usize = 3;

impl Selector {
    /// Returns the reading that holds: the longest name that is there just so; else the last one,
    /// in which names may be shortened.
    pub fn choose<'r>(readings: &'r [Selector], snapshot: &Snapshot) -> &'r Selector {
        let (last, others) = readings.split_last().expect("a text that was read has a reading");
        others.iter().find(|reading| reading.is_there(snapshot)).unwrap_or(last)
    }

    /// Whether something is called so, nothing shortened.
    fn is_there(&self, snapshot: &Snapshot) -> bool {
        if let Some(name) = self.entry() {
            return snapshot.names_entry(name);
        }
        !snapshot.list(&pattern(self.wanted(false))).is_empty()
    }

    /// Returns the one entry that is meant: the newest, or the one so many versions back, of a
    /// cell, or of a key if a module is named. `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] if several cells are meant.
    pub fn name(&self, view: &View) -> Result<Option<EntryName>> {
        let mut groups = self.groups(view)?;
        if groups.len() > 1 {
            return Err(self.ambiguous(groups.into_keys().collect()));
        }
        let Some((_, history)) = groups.pop_first() else { return Ok(None) };
        Ok(view.choose(&history, self.back).cloned())
    }

    /// Returns the names of all entries that are meant, sorted; with `~n` the one so many versions
    /// back of each cell, or of each key if a module is named.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] if a name is shortened so that it may be several.
    pub fn names(&self, view: &View) -> Result<Vec<EntryName>> {
        if self.back == 0 {
            return match &self.named {
                Named::Entry(name) => Ok(Some(name.clone())
                    .filter(|n| view.snapshot().names_entry(n))
                    .into_iter()
                    .collect()),
                Named::Fields(_) => Ok(match self.meaning(view.snapshot())? {
                    Some(Meaning::Entry(name)) => vec![name],
                    Some(Meaning::Pattern(wanted)) => view.snapshot().list(&pattern(wanted)),
                    None => Vec::new(),
                }),
            };
        }
        let groups = self.groups(view)?;
        let chosen = groups.values().filter_map(|history| view.choose(history, self.back));
        let mut names: Vec<EntryName> = chosen.cloned().collect();
        names.sort();
        Ok(names)
    }

    /// Returns the histories that are meant, oldest first, by what each is called.
    fn groups(&self, view: &View) -> Result<BTreeMap<String, Vec<EntryName>>> {
        let snapshot = view.snapshot();
        let whole = |name: &EntryName| snapshot.history_of_cell(&name.notebook(), &name.cell());
        let up_to = |name: &EntryName| {
            let mut history = whole(name);
            history.retain(|other| is_not_after(other, name));
            BTreeMap::from([(shown(&[&name.notebook(), &name.cell()]), history)])
        };
        let one = |name: &EntryName| match self.back {
            0 => BTreeMap::from([(name.to_string(), vec![name.clone()])]),
            _ => up_to(name),
        };
        if let Some(name) = self.entry() {
            let is_there = snapshot.names_entry(name);
            return Ok(if is_there { one(name) } else { BTreeMap::new() });
        }
        let pattern = match self.meaning(snapshot)? {
            None => return Ok(BTreeMap::new()),
            Some(Meaning::Entry(name)) => return Ok(one(&name)),
            Some(Meaning::Pattern(wanted)) => pattern(wanted),
        };
        let by_module = self.names_module();
        let mut groups: BTreeMap<String, Vec<EntryName>> = BTreeMap::new();
        for name in snapshot.list(&pattern) {
            let group = if by_module {
                shown(&[&name.notebook(), &name.cell(), &name.module()])
            } else {
                shown(&[&name.notebook(), &name.cell()])
            };
            groups.entry(group).or_default().push(name);
        }
        for history in groups.values_mut() {
            sort_by_time(history);
        }
        Ok(groups)
    }

    /// Returns all entries of the cells that are meant, with their trees, and whether each is meant
    /// itself; those of a cell are neighbours.
    ///
    /// # Errors
    /// As [`Selector::names`].
    pub(super) fn with_their_cells(&self, view: &View) -> Result<Vec<(EntryName, ObjectId, bool)>> {
        let snapshot = view.snapshot();
        let of_entry = |name: &EntryName| {
            let cell =
                [name.notebook(), name.cell()].map(|part| Wanted::Exactly(part.into_owned()));
            let [notebook, cell] = cell;
            // Its module and version leave the others out, so that it is not the whole cell.
            [notebook, cell, Wanted::Exactly(name.module().into()), Wanted::Any]
        };
        let mut wanted = match &self.named {
            Named::Entry(name) => of_entry(name),
            Named::Fields(_) => match self.meaning(snapshot)? {
                None => return Ok(Vec::new()),
                Some(Meaning::Entry(name)) => of_entry(&name),
                Some(Meaning::Pattern(wanted)) => wanted,
            },
        };
        let is_whole = self.back == 0 && wanted[2..] == [Wanted::Any, Wanted::Any];
        wanted[2] = Wanted::Any;
        wanted[3] = Wanted::Any;
        let listed = snapshot.list_with_trees(&pattern(wanted));
        if is_whole {
            return Ok(listed.into_iter().map(|(name, tree)| (name, tree, true)).collect());
        }
        let meant = self.names(view)?;
        let is_meant = |name: &EntryName| meant.binary_search(name).is_ok();
        Ok(listed.into_iter().map(|(n, tree)| (n.clone(), tree, is_meant(&n))).collect())
    }

    /// Returns what the names mean, shortened ones made whole; `None` if nothing is called so.
    fn meaning(&self, snapshot: &Snapshot) -> Result<Option<Meaning>> {
        let mut wanted = self.wanted(true);
        let typed = wanted.clone();
        if let Wanted::Exactly(text) = &typed[0] {
            let candidates = snapshot.notebooks();
            match whole_notebook(text, &candidates) {
                Found::One(notebook) => wanted[0] = Wanted::Exactly(notebook),
                Found::Several(names) => {
                    let whole = names.iter().map(|name| self.continued(&[name]));
                    return Err(self.ambiguous(whole.collect()));
                }
                Found::None => return self.by_id(snapshot),
            }
            if let (Wanted::Exactly(notebook), Wanted::Exactly(cell)) = (&wanted[0], &typed[1]) {
                let cells = snapshot.cells(notebook);
                let starts = |name: &&String| name.starts_with(cell.as_str());
                match one_of(cell, &cells, &[&starts]) {
                    Found::One(cell) => wanted[1] = Wanted::Exactly(cell),
                    Found::Several(names) => {
                        let whole = names.iter().map(|cell| self.continued(&[notebook, cell]));
                        return Err(self.ambiguous(whole.collect()));
                    }
                    Found::None => return Ok(None),
                }
            }
        }
        Ok(Some(Meaning::Pattern(wanted)))
    }

    /// Returns the entry whose id starts with the text, if it is a start of an id.
    fn by_id(&self, snapshot: &Snapshot) -> Result<Option<Meaning>> {
        let Named::Fields(fields) = &self.named else { return Ok(None) };
        let [Wanted::Exactly(text)] = &fields[..] else { return Ok(None) };
        if !is_start_of_id(text) {
            return Ok(None);
        }
        let mut names = snapshot.list(&Pattern::all());
        names.retain(|name| name.id8().starts_with(text.as_str()));
        if names.len() > 1 {
            return Err(self.ambiguous(names.iter().map(ToString::to_string).collect()));
        }
        Ok(names.pop().map(Meaning::Entry))
    }

    fn ambiguous(&self, candidates: Vec<String>) -> Error {
        let suffix = Selector { named: Named::Fields(Vec::new()), ..self.clone() }.to_string();
        let candidates = candidates.into_iter().map(|name| format!("{name}{suffix}")).collect();
        Error::Ambiguous { text: self.to_string(), candidates }
    }

    /// Returns the selector's names with the first ones made whole.
    fn continued(&self, whole: &[&str]) -> String {
        let exactly = |text: &&str| Wanted::Exactly((*text).to_owned());
        let mut named: Vec<Wanted> = whole.iter().map(exactly).collect();
        if let Named::Fields(fields) = &self.named {
            named.extend(fields.iter().skip(whole.len()).cloned());
        }
        Selector { named: Named::Fields(named), back: 0, when: None }.to_string()
    }

    /// Returns what it most likely stands for if nothing is called so, best first: other
    /// notebooks; other cells where the notebook is there; keys that begin so where the cell is.
    pub fn nearest(&self, snapshot: &Snapshot) -> Vec<String> {
        let [notebook, cell, module, _] = self.wanted(true);
        let Wanted::Exactly(notebook) = notebook else { return Vec::new() };
        let notebooks = snapshot.notebooks();
        let notebook = match whole_notebook(&notebook, &notebooks) {
            Found::One(notebook) => notebook,
            Found::Several(_) => return Vec::new(),
            Found::None => {
                let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
                return best(notebooks.iter().map(|name| {
                    let score = likeness(&notebook, name).max(likeness(&notebook, &last(name)));
                    (self.continued(&[name]), score)
                }));
            }
        };
        let Wanted::Exactly(cell) = cell else { return Vec::new() };
        let cells = snapshot.cells(&notebook);
        let starts = |name: &&String| name.starts_with(cell.as_str());
        let cell = match one_of(&cell, &cells, &[&starts]) {
            Found::One(cell) => cell,
            Found::Several(_) => return Vec::new(),
            Found::None => {
                let scored =
                    |name: &String| (self.continued(&[&notebook, name]), likeness(&cell, name));
                return best(cells.iter().map(scored));
            }
        };
        let Wanted::StartingWith(module) = module else { return Vec::new() };
        let history = snapshot.history_of_cell(&notebook, &cell);
        let modules = history.iter().rev().map(|name| name.module().into_owned());
        let mut found: Vec<String> = Vec::new();
        for other in modules.filter(|other| other.starts_with(&module) && *other != module) {
            let key = self.continued(&[&notebook, &cell, &other]);
            if found.len() < SUGGESTIONS && !found.contains(&key) {
                found.push(key);
            }
        }
        found
    }
}

fn pattern(wanted: [Wanted; 4]) -> Pattern {
    Pattern::of(wanted).expect("its globs were read before")
}

enum Meaning {
    Pattern([Wanted; 4]),
    Entry(EntryName),
}

enum Found {
    None,
    One(String),
    Several(Vec<String>),
}

/// Returns the notebooks that a text means: the one of that very name; else those whose path ends
/// so; else those that begin so; else those whose path does from some folder on.
fn whole_notebook(text: &str, notebooks: &[String]) -> Found {
    let end = format!("/{text}");
    let ends = |name: &&String| name.ends_with(&end);
    let starts = |name: &&String| name.starts_with(text);
    let starts_within = |name: &&String| name.contains(&end);
    one_of(text, notebooks, &[&ends, &starts, &starts_within])
}

/// Returns the name that is `text`; else those that the first of `ways` that finds any finds.
fn one_of(text: &str, names: &[String], ways: &[&dyn Fn(&&String) -> bool]) -> Found {
    if names.iter().any(|name| name == text || *name == encode(text)) {
        return Found::One(text.to_owned());
    }
    for way in ways {
        let mut found: Vec<String> = names.iter().filter(way).cloned().collect();
        match found.len() {
            0 => {}
            1 => return Found::One(found.remove(0)),
            _ => return Found::Several(found),
        }
    }
    Found::None
}

fn is_start_of_id(text: &str) -> bool {
    (FEWEST_DIGITS..=8).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn is_not_after(name: &EntryName, than: &EntryName) -> bool {
    (name.created_at(), name) <= (than.created_at(), than)
}

/// Sorts oldest first. The whole name breaks ties, the same everywhere.
fn sort_by_time(names: &mut [EntryName]) {
    names.sort_by_cached_key(|name| (name.created_at(), name.as_str().to_owned()));
}

/// Joins texts by colons so that they read back as a selector.
pub(crate) fn shown(texts: &[&str]) -> String {
    texts.iter().map(|text| escape(text)).collect::<Vec<_>>().join(":")
}

fn likeness(left: &str, right: &str) -> f64 {
    strsim::jaro_winkler(&left.to_lowercase(), &right.to_lowercase())
}

fn best(scored: impl Iterator<Item = (String, f64)>) -> Vec<String> {
    let mut close: Vec<(String, f64)> = scored.filter(|(_, score)| *score > CLOSE_ENOUGH).collect();
    close.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    close.into_iter().take(SUGGESTIONS).map(|(name, _)| name).collect()
}

impl Snapshot {
    /// Returns the names of all entries of a cell, of whatever module and version, oldest first.
    pub fn history_of_cell(&self, notebook: &str, cell: &str) -> Vec<EntryName> {
        let exactly = |text: &str| Wanted::Exactly(text.to_owned());
        let wanted = [exactly(notebook), exactly(cell), Wanted::Any, Wanted::Any];
        let mut names = self.list(&Pattern::of(wanted).expect("no globs"));
        sort_by_time(&mut names);
        names
    }
}
