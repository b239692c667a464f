//! Which versions of which notebook a history holds: one history through all renames, each version
//! at its own moment. Pure.
//!
//! - A notebook is called what it is called in the commit that is checked out; where that does not
//!   have it, what it was renamed to last. A path that was renamed away and comes anew is another
//!   notebook.
//! - A version was made when it was committed, but after the version that it changed: clocks step
//!   back, histories do not. Of versions of one moment, those that the walk saw later come a
//!   microsecond later.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::clock::Timestamp;
use crate::git::{FileMode, HistoryChange, HistoryCommit, ObjectId};

/// One version of a notebook: what a commit made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    /// The commit.
    pub(super) commit: ObjectId,
    /// The bytes of the notebook.
    pub(super) blob: ObjectId,
    /// Its path in that commit, as a place in [`History::paths`].
    pub(super) path: u32,
    /// When it was made; no other version of the notebook was made then.
    pub(super) at: Timestamp,
}

/// One notebook through all its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct History {
    /// Its path as it is called now.
    pub(super) path: String,
    /// All paths that it ever had, each once, sorted.
    pub(super) paths: Vec<String>,
    /// Its versions, oldest first.
    pub(super) versions: Vec<Version>,
}

/// Takes in the changes of a walk, and tells the notebooks apart.
#[derive(Debug, Default)]
pub(super) struct Ancestry {
    nodes: Vec<Node>,
    /// The node of each path: the newest, where one was renamed away and came anew.
    current: HashMap<String, usize>,
    seen: Vec<Seen>,
    /// Links and submodules.
    pub(super) no_files: usize,
}

/// A path for as long as it stands for one notebook.
#[derive(Debug)]
struct Node {
    path: String,
    /// What it was renamed to, on whatever branch.
    became: Vec<usize>,
}

#[derive(Debug)]
struct Seen {
    node: usize,
    commit: ObjectId,
    committed: Timestamp,
    blob: ObjectId,
    before: ObjectId,
}

impl Ancestry {
    /// Takes in one change; parents must come before children.
    pub(super) fn take(&mut self, commit: &HistoryCommit, change: HistoryChange) {
        match change.mode {
            FileMode::Gone => return,
            FileMode::Link | FileMode::Submodule => {
                self.no_files += 1;
                return;
            }
            FileMode::File => {}
        }
        let old = change.renamed_from.as_ref().and_then(|old| self.current.get(old).copied());
        let node = match self.current.get(&change.path) {
            // A merge compares with each parent: what one side lacks is new to that side alone.
            Some(&node) if commit.is_merge || self.nodes[node].became.is_empty() => node,
            Some(&node) if !change.is_new && old.is_none() => node,
            _ => self.add(change.path),
        };
        if let Some(old) = old
            && old != node
            && !self.nodes[old].became.contains(&node)
            && !self.leads_to(node, old)
        {
            self.nodes[old].became.push(node);
        }
        self.seen.push(Seen {
            node,
            commit: commit.id,
            committed: commit.committed,
            blob: change.blob,
            before: change.blob_before,
        });
    }

    fn add(&mut self, path: String) -> usize {
        let node = self.nodes.len();
        self.nodes.push(Node { path: path.clone(), became: Vec::new() });
        self.current.insert(path, node);
        node
    }

    /// Whether `from` was renamed, maybe in several steps, to `to`.
    fn leads_to(&self, from: usize, to: usize) -> bool {
        from == to || self.nodes[from].became.iter().any(|next| self.leads_to(*next, to))
    }

    /// Returns the notebooks, sorted by path, when `at_head` are the paths of the commit that is
    /// checked out.
    pub(super) fn finish(self, at_head: &HashSet<String>) -> Vec<History> {
        let last = self.last_nodes(at_head);
        let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (node, last) in last.iter().enumerate() {
            groups.entry(&self.nodes[*last].path).or_default().push(node);
        }
        let mut paths_of: Vec<Vec<String>> = Vec::with_capacity(groups.len());
        let mut group_of = vec![0; self.nodes.len()];
        for (group, nodes) in groups.values().enumerate() {
            let mut paths: Vec<String> =
                nodes.iter().map(|node| self.nodes[*node].path.clone()).collect();
            paths.sort();
            paths.dedup();
            paths_of.push(paths);
            for node in nodes {
                group_of[*node] = group;
            }
        }
        let mut moments =
            Moments { versions: vec![Vec::new(); groups.len()], ..Moments::default() };
        for seen in &self.seen {
            let group = group_of[seen.node];
            let path = paths_of[group].binary_search(&self.nodes[seen.node].path);
            let path = path.expect("the paths of a group are those of its nodes");
            moments.take(group, seen, u32::try_from(path).unwrap_or(u32::MAX));
        }
        let names = groups.keys().map(|path| (*path).to_owned());
        let histories = names.zip(paths_of).zip(moments.finish());
        histories
            .map(|((path, paths), versions)| History { path, paths, versions })
            .filter(|history| !history.versions.is_empty())
            .collect()
    }

    /// Returns for each node the one that says what its notebook is called now.
    fn last_nodes(&self, at_head: &HashSet<String>) -> Vec<usize> {
        let is_at_head = |node: usize| {
            let path = &self.nodes[node].path;
            at_head.contains(path) && self.current.get(path) == Some(&node)
        };
        let mut last: Vec<Option<usize>> = vec![None; self.nodes.len()];
        for start in 0..self.nodes.len() {
            // Deepest first, without recursion: a chain of renames may be long.
            let mut open = vec![start];
            while let Some(&node) = open.last() {
                if last[node].is_some() {
                    open.pop();
                    continue;
                }
                let became = &self.nodes[node].became;
                let missing: Vec<usize> =
                    became.iter().copied().filter(|next| last[*next].is_none()).collect();
                if is_at_head(node) {
                    last[node] = Some(node);
                } else if missing.is_empty() {
                    let ends = || became.iter().filter_map(|next| last[*next]);
                    let chosen = ends().rev().find(|end| is_at_head(*end)).or(ends().next_back());
                    last[node] = Some(chosen.unwrap_or(node));
                } else {
                    open.extend(missing);
                }
            }
        }
        last.into_iter().enumerate().map(|(node, last)| last.unwrap_or(node)).collect()
    }
}

/// Gives each version its moment.
#[derive(Default)]
struct Moments {
    versions: Vec<Vec<Version>>,
    /// When a notebook first had these bytes.
    first: HashMap<(usize, ObjectId), Timestamp>,
    /// The version of a notebook that a commit made: a merge tells of it once for each parent.
    of_commit: HashMap<(usize, ObjectId, ObjectId), usize>,
}

impl Moments {
    fn take(&mut self, group: usize, seen: &Seen, path: u32) {
        let after = self.first.get(&(group, seen.before)).map(|before| before.next());
        let at = after.map_or(seen.committed, |after| after.max(seen.committed));
        let versions = &mut self.versions[group];
        let place = *self.of_commit.entry((group, seen.commit, seen.blob)).or_insert_with(|| {
            versions.push(Version { commit: seen.commit, blob: seen.blob, path, at });
            versions.len() - 1
        });
        versions[place].at = versions[place].at.max(at);
        self.first.entry((group, seen.blob)).or_insert(at);
    }

    fn finish(mut self) -> Vec<Vec<Version>> {
        for versions in &mut self.versions {
            // Stable: of versions of one moment, the walk's order is the order of history.
            versions.sort_by_key(|version| version.at);
            for place in 1..versions.len() {
                let earliest = versions[place - 1].at.next();
                versions[place].at = versions[place].at.max(earliest);
            }
        }
        self.versions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks over lines of `commit second path blob [before] [<- old path]` and returns the
    /// histories as `path: at=blob …`.
    fn histories(lines: &[&str], at_head: &[&str]) -> Vec<String> {
        let id = |text: &str| {
            ObjectId::from_hex(format!("{:0>40}", format!("{:x}", text.as_bytes()[0])).as_bytes())
                .unwrap()
        };
        let mut ancestry = Ancestry::default();
        for line in lines {
            let (line, old) = match line.split_once(" <- ") {
                Some((line, old)) => (line, Some(old.to_owned())),
                None => (*line, None),
            };
            let words: Vec<&str> = line.split(' ').collect();
            let commit = HistoryCommit {
                id: id(words[0]),
                committed: Timestamp::from_micros(words[1].parse::<i64>().unwrap() * 1_000_000),
                is_merge: words[0].starts_with('M'),
            };
            let before = words.get(4).map(|before| id(before));
            ancestry.take(
                &commit,
                HistoryChange {
                    path: words[2].into(),
                    is_new: before.is_none() || old.is_some(),
                    renamed_from: old,
                    mode: FileMode::File,
                    blob: id(words[3]),
                    blob_before: before.unwrap_or(ObjectId::null(id("x").kind())),
                },
            );
        }
        let at_head = at_head.iter().map(|&path| path.to_owned()).collect();
        let shown = |version: Version| {
            let micros = version.at.micros();
            let blob = version.blob.to_string();
            let letter = u8::from_str_radix(&blob[38..], 16).unwrap() as char;
            let more = micros % 1_000_000;
            let more = if more == 0 { String::new() } else { format!("+{more}") };
            format!("{}{more}={letter}", micros / 1_000_000)
        };
        let line = |history: History| {
            let versions: Vec<String> = history.versions.into_iter().map(shown).collect();
            format!("{}: {}", history.paths.join(","), versions.join(" ")).replacen(
                &history.path,
                &format!("[{}]", history.path),
                1,
            )
        };
        ancestry.finish(&at_head).into_iter().map(line).collect()
    }

    #[test]
    fn a_notebook_is_one_history_through_its_renames() {
        for (lines, at_head, expected, why) in [
            (&["1 10 a A", "2 20 a B A"][..], &["a"][..], &["[a]: 10=A 20=B"][..], "no rename"),
            (
                &["1 10 a A", "2 20 b A A <- a", "3 30 c B A <- b"],
                &["c"],
                &["a,b,[c]: 10=A 20=A 30=B"],
                "the newest name has it all",
            ),
            (
                &["1 10 a A", "2 20 b A A <- a", "3 30 a B"],
                &["a", "b"],
                &["[a]: 30=B", "a,[b]: 10=A 20=A"],
                "a path that comes anew is another notebook",
            ),
            (
                &["1 10 a A", "2 20 b A A <- a", "3 30 a A A <- b"],
                &["a"],
                &["[a],b: 10=A 20=A 30=A"],
                "renamed there and back",
            ),
            (
                &["1 10 a A", "2 20 b A A <- a", "3 15 a B A"],
                &["b"],
                &["a,[b]: 10=A 15=B 20=A"],
                "what another branch does under the old name belongs to it",
            ),
            (
                &["1 10 a A", "2 20 b A A <- a", "3 15 a B A"],
                &["a"],
                &["[a]: 10=A 15=B", "[b]: 20=A"],
                "the branch that is checked out decides",
            ),
            (
                &["1 10 a A", "2 20 b A A <- a", "3 15 c B A <- a"],
                &["c"],
                &["[b]: 20=A", "a,[c]: 10=A 15=B"],
                "of two new names the one that is checked out",
            ),
            (
                &["1 10 a A", "2 20 b A A <- a", "3 15 c B A <- a"],
                &[],
                &["[b]: 20=A", "a,[c]: 10=A 15=B"],
                "else the last",
            ),
            (
                &["1 10 a A", "2 20 b A A <- a", "3 15 a B A", "M 30 b C B <- a", "M 30 a C"],
                &["b"],
                &["a,[b]: 10=A 15=B 20=A 30=C"],
                "a merge tells of each parent",
            ),
        ] {
            assert_eq!(histories(lines, at_head), expected, "{why}");
        }
    }

    #[test]
    fn versions_are_in_the_order_of_time_and_of_history() {
        for (lines, expected, why) in [
            (&["1 10 a A", "2 20 a B A", "3 15 a C A"][..], "[a]: 10=A 15=C 20=B", "two branches"),
            (&["1 20 a A", "2 10 a B A"], "[a]: 20=A 20+1=B", "a clock that stepped back"),
            (&["1 10 a A", "2 10 a B A"], "[a]: 10=A 10+1=B", "two commits in one second"),
            (
                &["1 10 a A", "2 10 a B A", "3 10 a C A"],
                "[a]: 10=A 10+1=B 10+2=C",
                "two branches in one second",
            ),
            (&["1 10 a A", "2 20 a B A", "3 30 a A B"], "[a]: 10=A 20=B 30=A", "a revert is a run"),
            (
                &["1 10 a A", "2 90 a B A", "3 20 a C A", "M 30 a D C", "M 30 a D B"],
                "[a]: 10=A 20=C 90=B 90+1=D",
                "a merge comes after both of its sides",
            ),
        ] {
            assert_eq!(histories(lines, &["a"]), [expected], "{why}");
        }
    }
}
