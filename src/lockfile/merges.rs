//! What git makes of two branches that both changed the file: held against the real git.

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use super::super::pins::Pins;
    use super::super::protect::{PinnedBy, protected};
    use crate::disk;
    use crate::git::{Git, GitEnvironment, HostRepository};
    use crate::name::EntryName;

    const PAIRS: usize = 40;
    const NOTEBOOKS: u64 = 4;
    const CELLS: u64 = 9;

    struct Repository {
        folder: tempfile::TempDir,
        git: Git,
    }

    impl Repository {
        fn new(attributes: &str) -> Repository {
            let folder = tempfile::tempdir().unwrap();
            let variables = [
                ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
                ("GIT_CONFIG_NOSYSTEM", "1".into()),
                ("HOME", folder.path().as_os_str().to_owned()),
                ("GIT_AUTHOR_NAME", "a".into()),
                ("GIT_AUTHOR_EMAIL", "a@example.com".into()),
                ("GIT_COMMITTER_NAME", "a".into()),
                ("GIT_COMMITTER_EMAIL", "a@example.com".into()),
                ("PATH", std::env::var_os("PATH").unwrap()),
            ];
            let environment = variables.map(|(name, value)| (name.into(), value));
            let git = Git::new(GitEnvironment::new(environment));
            let repository = Repository { folder, git };
            repository.run(&["init", "-q", "-b", "main"]);
            disk::replace_unsynced(
                &repository.path().join(".gitattributes"),
                attributes.as_bytes(),
            )
            .unwrap();
            repository.run(&["add", "."]);
            repository.run(&["commit", "-qm", "start"]);
            repository
        }

        fn path(&self) -> &Path {
            self.folder.path()
        }

        fn run(&self, args: &[&str]) {
            self.git.command(args).in_folder(self.path()).run().unwrap();
        }

        fn file(&self) -> std::path::PathBuf {
            self.path().join("recell.lock")
        }

        fn commit(&self, text: &str) {
            disk::replace_unsynced(&self.file(), text.as_bytes()).unwrap();
            self.run(&["add", "recell.lock"]);
            self.run(&["commit", "-qm", "pins", "--allow-empty"]);
        }

        /// Makes `ours` and `theirs` of what is checked out and merges them; whether git could.
        fn merge(&self, number: usize, ours: &str, theirs: &str) -> bool {
            let side = format!("side{number}");
            self.run(&["checkout", "-q", "-b", &side]);
            self.commit(theirs);
            self.run(&["checkout", "-q", "main"]);
            self.commit(ours);
            let merge = self.git.command(["merge", "-q", "-m", "merged", &side]);
            merge.in_folder(self.path()).outcome().unwrap().exit_code == Some(0)
        }
    }

    fn some_entry(random: &mut fastrand::Rng, notebook: u64, cell: u64) -> EntryName {
        let (module, second, id) = (random.u8(..3), random.u8(..60), random.u32(..));
        format!("nb{notebook}.ipynb/c{cell}/{module}/0/20261121T0124{second:02}.000000Z-{id:08x}")
            .parse()
            .unwrap()
    }

    fn some_pins(random: &mut fastrand::Rng) -> Pins {
        let cells =
            (0..NOTEBOOKS).flat_map(|notebook| (0..CELLS).map(move |cell| (notebook, cell)));
        let mut chosen: Vec<(u64, u64)> = cells.collect();
        chosen.retain(|_| random.u8(..4) > 0);
        chosen.into_iter().map(|(notebook, cell)| some_entry(random, notebook, cell)).collect()
    }

    /// Returns the pins after some work: cells that were run again, that are gone, that are new.
    fn edited(random: &mut fastrand::Rng, pins: &Pins) -> Pins {
        let calm = random.u8(1..12);
        let mut new: BTreeSet<EntryName> = BTreeSet::new();
        let of_notebooks: Vec<String> = pins.notebooks().into_iter().map(str::to_owned).collect();
        for notebook in of_notebooks {
            let is_gone = random.u8(..10) == 0;
            // As `lock` does it: one pin a cell.
            for (cell, pin) in pins.of_notebook(&notebook).into_iter().filter(|_| !is_gone) {
                match random.u8(..calm.max(4)) {
                    0 => {}
                    1 => {
                        let number =
                            |text: &str| text.trim_matches(|c: char| !c.is_ascii_digit()).parse();
                        let (notebook, cell) = (number(&notebook).unwrap(), number(cell).unwrap());
                        new.insert(some_entry(random, notebook, cell));
                    }
                    _ => drop(new.insert(pin.clone())),
                }
            }
        }
        for _ in 0..random.u8(..4) {
            let (notebook, cell) = (random.u64(..NOTEBOOKS + 2), random.u64(..CELLS + 5));
            new.insert(some_entry(random, notebook, cell));
        }
        new.into_iter().collect()
    }

    /// Returns the entries that a merge must have: what neither side removed.
    fn must_have<'p>(base: &Pins, ours: &'p Pins, theirs: &'p Pins) -> BTreeSet<&'p EntryName> {
        ours.iter()
            .chain(theirs.iter())
            .filter(|entry| {
                !base.contains(entry) || (ours.contains(entry) && theirs.contains(entry))
            })
            .collect()
    }

    #[test]
    fn what_git_merges_is_valid_and_has_all_that_neither_side_removed() {
        let seed = std::env::var("RECELL_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| fastrand::u64(..));
        let mut random = fastrand::Rng::with_seed(seed);
        let repository = Repository::new("recell.lock merge=union\n");
        // The first two sides both make the file.
        let mut base = Pins::default();
        let mut several = 0;
        for number in 0..PAIRS {
            let context = format!("RECELL_TEST_SEED={seed}, pair {number}");
            let (ours, theirs) = if number == 0 {
                (some_pins(&mut random), some_pins(&mut random))
            } else {
                (edited(&mut random, &base), edited(&mut random, &base))
            };
            assert!(repository.merge(number, &ours.to_text(), &theirs.to_text()), "{context}");
            let text = disk::read(&repository.file()).unwrap();
            let shown = String::from_utf8_lossy(&text);
            let table: Result<toml::Table, _> = shown.parse();
            assert!(table.is_ok(), "{context}: {table:?}\n{shown}");
            let merged = Pins::parse(Path::new("recell.lock"), &text);
            let merged = merged.unwrap_or_else(|error| panic!("{context}: {error}\n{shown}"));
            for entry in must_have(&base, &ours, &theirs) {
                assert!(merged.contains(entry), "{context}: {entry} is lost\n{shown}");
            }
            for entry in merged.iter() {
                assert!(ours.contains(entry) || theirs.contains(entry), "{context}: {entry}");
            }
            let cells: usize =
                merged.notebooks().iter().map(|name| merged.of_notebook(name).len()).sum();
            several += merged.len() - cells;
            base = merged;
            // Every other merge is the base of the next pair as git left it.
            if random.bool() {
                repository.commit(&base.to_text());
            }
            if base.len() > 100 {
                base = some_pins(&mut random);
                repository.commit(&base.to_text());
            }
        }
        assert!(several > 0, "RECELL_TEST_SEED={seed}: no cell was run on both sides");
    }

    #[test]
    fn without_the_driver_a_merge_is_told_and_nothing_in_it_is_lost() {
        let repository = Repository::new("");
        let mut random = fastrand::Rng::with_seed(7);
        let (ours, theirs) = (some_pins(&mut random), some_pins(&mut random));
        assert!(!repository.merge(0, &ours.to_text(), &theirs.to_text()), "git cannot merge them");
        let text = disk::read(&repository.file()).unwrap();
        let refused = Pins::parse(Path::new("recell.lock"), &text).unwrap_err();
        assert_eq!(refused.code(), "bad_lockfile");
        assert!(refused.to_string().ends_with("a merge left its markers"), "{refused}");
        let both: Pins = ours.iter().chain(theirs.iter()).cloned().collect();
        assert_eq!(Pins::salvage(&text), both);
    }

    #[test]
    fn what_is_pinned_now_or_was_a_few_commits_ago_is_protected() {
        let repository = Repository::new("");
        let mut random = fastrand::Rng::with_seed(3);
        let mut pin = |cell| some_entry(&mut random, 0, cell);
        let (forgotten, older, newer, both, now) = (pin(1), pin(2), pin(3), pin(4), pin(5));
        let of = |pins: &[&EntryName]| pins.iter().copied().cloned().collect::<Pins>();
        repository.commit(&of(&[&forgotten]).to_text());
        repository.commit(&of(&[&older, &both]).to_text());
        repository.commit(&format!("<<<<<<< HEAD\n{}", of(&[&newer, &both]).to_text()));
        repository.commit(&of(&[&both]).to_text());
        disk::replace_unsynced(&repository.file(), of(&[&now]).to_text().as_bytes()).unwrap();
        let root = disk::real_path(repository.path());
        let host = HostRepository::discover(&root, &repository.git).unwrap();
        let protected = |host, commits| protected(host, &repository.git, &root, commits).unwrap();
        let found = protected(Some(&host), 3);
        let commits = host.recent_commits(&repository.git, 9).unwrap();
        let by = |back: usize| PinnedBy::Commit(commits[back].id);
        let expected =
            [(now.clone(), PinnedBy::WorkTree), (both, by(0)), (newer, by(1)), (older, by(2))];
        assert_eq!(found, expected.into_iter().collect::<BTreeMap<_, _>>());
        let reason = format!("pinned by recell.lock of commit {:.12}", commits[0].id.to_string());
        assert_eq!(by(0).to_string(), reason);
        for (host, commits, why) in [(Some(&host), 0, "no commits"), (None, 9, "no repository")] {
            let found = protected(host, commits);
            assert_eq!(found, BTreeMap::from([(now.clone(), PinnedBy::WorkTree)]), "{why}");
        }
        assert_eq!(protected(Some(&host), 99).len(), 5, "more than there are");
        disk::remove(&repository.file()).unwrap();
        assert_eq!(protected(Some(&host), 1).len(), 1, "no file, but a commit has one");
    }
}
