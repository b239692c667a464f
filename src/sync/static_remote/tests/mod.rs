//! Static remotes in folders, behind a web server and in S3, beside plain git.
#![expect(clippy::disallowed_methods, reason = "tests start servers, and damage files")]

mod damaging;
mod measuring;
mod publishing;
mod servers;
mod tidying;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

use super::publish::{MovedRef, Published};
use super::*;
use crate::clock::{Clock, Timestamp};
use crate::git::ObjectFormat;
use crate::name::{ExecutionKey, LEDGERS, LedgerName};
use crate::store::{Draft, OpenOptions, RefChange};
use crate::sync::extend::{extended, union};

const NOTEBOOK: &str = "a.ipynb";

/// A store with what belongs to a test of it.
struct Writer {
    store: Store,
    ledger: LedgerName,
}

fn options() -> OpenOptions {
    static NOW: AtomicI64 = AtomicI64::new(1_795_224_240_000_000);
    let tick = || Timestamp::from_micros(NOW.fetch_add(1_000_000, Ordering::Relaxed));
    OpenOptions { clock: Clock::from_fn(tick), ..OpenOptions::default() }
}

impl Writer {
    fn new(root: &Path, name: &str) -> Writer {
        Writer::with_format(root, name, ObjectFormat::Sha1)
    }

    fn with_format(root: &Path, name: &str, format: ObjectFormat) -> Writer {
        let store = Store::create(&root.join(name), format, options()).unwrap();
        let notebook = ExecutionKey::new(NOTEBOOK, "c", "m").unwrap().path();
        let notebook = notebook.split('/').next().unwrap().to_owned();
        let ledger = LedgerName::new(&notebook, store.writer_id());
        Writer { store, ledger }
    }

    /// Opens a remote as this store speaks with it.
    fn remote(&self, address: &str) -> StaticRemote {
        let address = StaticAddress::parse(address).unwrap().unwrap();
        StaticRemote::open(&address, &self.store, &environment()).unwrap()
    }

    /// Puts an output of those bytes, and returns its name below the notebook with its tree.
    fn put(&self, cell: &str, bytes: &[u8]) -> (String, ObjectId) {
        let key = ExecutionKey::new(NOTEBOOK, cell, "m").unwrap();
        let draft = Draft::new("test").output("out", "application/octet-stream", bytes).unwrap();
        let name = self.store.put(&key, draft).unwrap();
        let tree = self.store.tree_of(&name).unwrap();
        (name.as_str().split_once('/').unwrap().1.to_owned(), tree)
    }

    /// Returns a new state of the ledger with those entries, which is stored.
    fn extend(&self, base: Option<ObjectId>, add: &[(String, ObjectId)]) -> ObjectId {
        self.store.flush().unwrap();
        let add = add.iter().map(|(name, tree)| (name.as_str(), *tree));
        let state = extended(&self.store, base.as_ref(), add, Timestamp::from_micros(0)).unwrap();
        self.keep(&state.objects);
        state.commit
    }

    fn keep(&self, objects: &[crate::store::MadeObject]) {
        drop(self.store.journal_objects(objects).unwrap());
        self.store.flush().unwrap();
    }

    /// Puts one entry a text, and publishes them in this store's own ledger.
    fn publish(&self, remote: &StaticRemote, texts: &[&str]) -> crate::error::Result<Published> {
        let entries: Vec<_> = texts.iter().map(|text| self.put(text, text.as_bytes())).collect();
        let name = self.ledger.ref_name();
        let base = remote.refs()?.refs.get(&name).copied();
        let commit = self.extend(base, &entries);
        remote.publish(&self.store, &[RefChange { name, expected: base, new: Some(commit) }])
    }

    /// Brings all that the remote has, and sets the refs to it.
    fn fetch(&self, remote: &StaticRemote) -> crate::error::Result<usize> {
        let refs = remote.refs()?.refs;
        let tips: Vec<ObjectId> = refs.values().copied().collect();
        let received = remote.fetch(&self.store, &tips, &|_, _| true)?;
        let objects = received.objects;
        self.store.while_flush_locked(|locked| {
            received.place(locked)?;
            let add = refs.clone();
            locked.edit_refs(&crate::git::RefEdits { add, remove: BTreeSet::new() })
        })?;
        Ok(objects)
    }

    /// Returns what all outputs are, of all ledgers on the remote that are here, by cell.
    fn outputs(&self, refs: &BTreeMap<String, ObjectId>) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        for (_, commit) in refs.iter().filter(|(name, _)| name.starts_with(LEDGERS)) {
            let tree = crate::sync::ledger_tree::commit_of(&self.store, commit).unwrap().0;
            let entries =
                crate::sync::ledger_tree::compare(&self.store, None, Some(&tree)).unwrap().added;
            for (name, tree) in entries {
                let mut content = Vec::new();
                let outputs = self.child(&tree, "outputs");
                let out = self.child(&outputs, "out");
                self.store.read_object(&out, &mut content).unwrap();
                found.insert(name.split('/').next().unwrap().to_owned(), content);
            }
        }
        found
    }

    fn child(&self, tree: &ObjectId, name: &str) -> ObjectId {
        let mut content = Vec::new();
        self.store.read_object(tree, &mut content).unwrap();
        crate::git::tree_entry(self.store.object_format(), &content, name).unwrap().1
    }
}

/// What the servers of the tests want to see.
fn environment() -> GitEnvironment {
    let mut variables: Vec<(std::ffi::OsString, std::ffi::OsString)> = vec![
        ("AWS_ACCESS_KEY_ID".into(), "test".into()),
        ("AWS_SECRET_ACCESS_KEY".into(), "test".into()),
        ("AWS_REGION".into(), "us-east-1".into()),
    ];
    if let Some(port) = servers::s3_port() {
        let endpoint = format!("http://127.0.0.1:{port}");
        variables.push(("AWS_ENDPOINT_URL".into(), endpoint.into()));
    }
    GitEnvironment::new(variables)
}

fn folder_address(path: &Path) -> String {
    format!("static+file://{}", path.display())
}
