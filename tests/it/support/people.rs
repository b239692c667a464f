//! People who share a remote: each has a repository with notebooks, and a store beside it.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use recell::{EntryName, Lookup, Pattern, Store};

use super::servers::{GitServer, Host};
use super::{Ran, Recell, TestEnv, copy_folder, hermetic, key, noise, options, put};

/// Somebody with a work tree, whose `origin` is the shared repository.
pub struct Person {
    env: TestEnv,
    /// Makes the ids of this person's stores differ from those of others.
    seed: String,
    variables: Vec<(String, String)>,
}

/// The parts of entries as they are read: path and bytes, by the entry's name.
pub type Contents = BTreeMap<EntryName, Vec<(String, Vec<u8>)>>;

impl Person {
    /// Makes a repository whose `origin` is `url`, and an empty store.
    pub fn new(seed: u64, url: &str, server: &GitServer) -> Person {
        let person = Person::without_store(seed, server);
        person.git(&["init", "--quiet", "--initial-branch=main"]);
        person.git(&["remote", "add", "origin", url]);
        person.ok(&["init"]);
        person
    }

    /// Somebody with an empty folder.
    pub fn without_store(seed: u64, server: &GitServer) -> Person {
        let variables = server.variables().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Person { env: TestEnv::new(), seed: seed.to_string(), variables: variables.collect() }
    }

    /// Makes a copy of this person's whole folder, as a careless backup does.
    pub fn copied(&self) -> Person {
        let env = TestEnv::new();
        copy_folder(self.root(), env.root());
        Person { env, seed: self.seed.clone(), variables: self.variables.clone() }
    }

    pub fn root(&self) -> &Path {
        self.env.root()
    }

    pub fn env(&self) -> &TestEnv {
        &self.env
    }

    /// Gives this person a variable of the environment.
    pub fn with(mut self, name: &str, value: &str) -> Person {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs the command, whatever comes of it.
    pub fn run(&self, args: &[&str]) -> Ran {
        self.prepared(args).run()
    }

    fn prepared<'a>(&'a self, args: &'a [&'a str]) -> Recell<'a> {
        let run = self.env.recell(args).with("RECELL_SEED", &self.seed);
        self.variables.iter().fold(run, |run, (name, value)| run.with(name, value))
    }

    /// Runs the command, which must succeed.
    pub fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert!(ran.output.status.success(), "{ran}");
        format!("{ran}")
    }

    /// Starts the command and kills it, with all that it started, after a time, unless it was
    /// faster.
    pub fn kill_after(&self, args: &[&str], time: Duration) {
        let mut command = self.prepared(args).command();
        let mut child = command.process_group(0).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(time);
        let group = format!("-{}", child.id());
        drop(Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status());
        child.wait().unwrap();
    }

    /// Runs git in the work tree.
    pub fn git(&self, args: &[&str]) -> String {
        self.git_in(self.root(), args)
    }

    /// Runs git in a folder, with the person's variables and the command in its path; it must
    /// succeed.
    pub fn git_in(&self, folder: &Path, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command.arg("-C").arg(folder).args(args);
        let output = self.settled(&mut command).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {args:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap() + &stderr
    }

    /// Gives a command this person's environment.
    pub fn settled<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let program = Path::new(env!("CARGO_BIN_EXE_recell")).parent().unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths([program].into_iter().chain(std::env::split_paths(&path)));
        let variables = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        hermetic(command, self.root())
            .env("PATH", path.unwrap())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("RECELL_SEED", &self.seed)
            .envs(variables)
    }

    pub fn store_path(&self) -> PathBuf {
        self.env.store_path()
    }

    pub fn store(&self) -> Store {
        Store::open(&self.store_path(), options()).unwrap()
    }

    /// Puts an output, and flushes.
    pub fn put(&self, notebook: &str, cell: &str, bytes: &[u8]) -> EntryName {
        put(&self.store(), &key(notebook, cell, "m"), bytes)
    }

    /// Returns the names of all entries of the store.
    pub fn names(&self) -> Vec<EntryName> {
        self.store().list(&Pattern::all()).unwrap()
    }

    /// Reads every part of every entry; all of them must be there.
    pub fn contents(&self) -> Contents {
        let store = self.store();
        let read = |name: EntryName| {
            let entry = match store.entry(&name).unwrap() {
                Lookup::Hit(entry) => entry,
                Lookup::Miss(miss) => panic!("{name}: {miss}"),
            };
            let parts =
                entry.manifest().parts.iter().map(|part| match entry.read(part.path.as_str()) {
                    Lookup::Hit(bytes) => (part.path.to_string(), bytes),
                    Lookup::Miss(miss) => panic!("{name}: {}: {miss}", part.path),
                });
            let parts = parts.collect();
            (name, parts)
        };
        store.list(&Pattern::all()).unwrap().into_iter().map(read).collect()
    }

    /// What refs stand for in the store: a second push or pull leaves them as they are.
    pub fn refs(&self) -> String {
        self.env.git(&["for-each-ref"])
    }
}

/// What the shared repository is called.
pub const HOST: &str = "shared.git";

/// Puts outputs of many sizes: text, what does not shrink, and one of many chunks.
pub fn fill(person: &Person, notebooks: usize, seed: u64) {
    for number in 0..notebooks {
        let notebook = format!("reports/n{number}.ipynb");
        person.put(&notebook, "load", format!("{number} rows of {seed}\n").as_bytes());
        person.put(&notebook, "plot", &noise(3_000 + number, seed + number as u64));
    }
}

/// Two people at one server, the first with results.
pub fn two(server: &GitServer) -> (Host, Person, Person) {
    let host = server.host(HOST);
    let people = [1, 2].map(|seed| Person::new(seed, &server.url(HOST), server));
    let [ours, theirs] = people;
    fill(&ours, 3, 1);
    (host, ours, theirs)
}

/// Checks that both hold the same, to the byte, in stores that git finds whole.
pub fn assert_same(ours: &Person, theirs: &Person, context: &str) {
    let (ours_hold, theirs_hold) = (ours.contents(), theirs.contents());
    assert_eq!(
        ours_hold.keys().collect::<Vec<_>>(),
        theirs_hold.keys().collect::<Vec<_>>(),
        "{context}"
    );
    assert!(ours_hold == theirs_hold, "{context}: the same bytes");
    for person in [ours, theirs] {
        person.env().git(&["fsck", "--full", "--strict"]);
    }
}
