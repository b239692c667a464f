//! A remote, whatever it is: a repository of git, or files in a place that is read and written
//! without git.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::static_remote::{StaticAddress, StaticRemote};
use crate::error::{Error, Result};
use crate::git::{
    Answer, FetchHow, Git, GitRemote, ObjectId, PushAnswer, PushRef, PushedContents, RemoteAddress,
    Wants, shown_address,
};
use crate::progress::Progress;
use crate::store::Store;

/// A remote, as one store speaks with it. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Remote {
    /// Through the git executable.
    Git(GitRemote),
    /// Through files alone.
    Static(Arc<Places>),
}

/// Where a static remote is. What a web server gives out is written elsewhere.
pub(crate) struct Places {
    fetch: StaticRemote,
    /// `None` if it is the same.
    push: Option<StaticRemote>,
    /// What is fetched from, as it was written.
    address: String,
}

impl Places {
    fn push(&self) -> &StaticRemote {
        self.push.as_ref().unwrap_or(&self.fetch)
    }
}

impl Remote {
    /// Opens a remote; nothing is asked of it yet. Credentials come from the environment that `git`
    /// sees.
    ///
    /// # Errors
    /// Those of [`StaticAddress::parse`] and [`StaticRemote::open`].
    pub(crate) fn open(address: &RemoteAddress, git: &Git, store: &Store) -> Result<Remote> {
        let open = |place: &StaticAddress| StaticRemote::open(place, store, git.environment());
        let fetch = StaticAddress::parse(&address.fetch)?;
        let push = if address.push == address.fetch {
            fetch.clone()
        } else {
            StaticAddress::parse(&address.push)?
        };
        let (fetch, push) = match (fetch, push) {
            (None, None) => {
                return Ok(Remote::Git(GitRemote::new(address.clone(), git, store.path())));
            }
            (Some(fetch), Some(push)) => (fetch, push),
            (fetch, _) => {
                let git = if fetch.is_some() { &address.push } else { &address.fetch };
                let reason = "the other address of this remote is one of a static remote";
                return Err(Error::StaticAddress { address: shown_address(git), reason });
            }
        };
        let push = if push == fetch { None } else { Some(open(&push)?) };
        let fetch = open(&fetch)?;
        Ok(Remote::Static(Arc::new(Places { fetch, push, address: address.fetch.clone() })))
    }

    /// Returns the address, as people are shown it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Remote::Git(git) => git.shown(),
            Remote::Static(places) => places.fetch.shown().to_owned(),
        }
    }

    /// Returns the address as it may be written into settings.
    pub(crate) fn without_password(&self) -> String {
        match self {
            Remote::Git(git) => git.without_password(),
            // Credentials are refused in it.
            Remote::Static(places) => places.address.clone(),
        }
    }

    /// Whether any number of refs may go with one push, as nobody on the way counts them.
    pub(super) fn takes_many_refs(&self) -> bool {
        match self {
            Remote::Git(git) => git.is_local(),
            Remote::Static(..) => true,
        }
    }

    /// Whether a ledger that is asked for by name comes with all below it, be it here or not.
    pub(super) fn sends_whole_ledgers(&self) -> bool {
        matches!(self, Remote::Git(_))
    }

    /// Returns the refs whose names are one of `patterns`, or begin with one that ends in `*`.
    ///
    /// # Errors
    /// Those of [`GitRemote::list`] and [`StaticRemote::list`].
    pub(crate) fn list(&self, patterns: &[&str]) -> Result<BTreeMap<String, ObjectId>> {
        match self {
            Remote::Git(git) => git.list(patterns),
            Remote::Static(places) => places.fetch.list(patterns),
        }
    }

    /// Returns the same of where pushes go.
    ///
    /// # Errors
    /// As [`Remote::list`].
    pub(super) fn list_pushed(&self, patterns: &[&str]) -> Result<BTreeMap<String, ObjectId>> {
        match self {
            Remote::Git(git) => git.list_pushed(patterns),
            Remote::Static(places) => places.push().list(patterns),
        }
    }

    /// Pushes refs; each is told for itself.
    ///
    /// # Errors
    /// [`Error::GitNotFound`], and those of [`StaticRemote::push`].
    pub(super) fn push(
        &self,
        store: &Store,
        refs: &[PushRef],
        contents: PushedContents,
        progress: Option<&dyn Progress>,
    ) -> Result<PushAnswer> {
        match self {
            Remote::Git(git) => git.push(refs, contents, progress),
            Remote::Static(places) => places.push().push(store, refs),
        }
    }

    /// Returns the error of a push that did not even begin.
    pub(super) fn failure(&self, answer: &PushAnswer) -> Option<Error> {
        match self {
            Remote::Git(git) => answer.failure(git),
            // Those are errors at once.
            Remote::Static(..) => None,
        }
    }

    /// Fetches refs, each to the ref of the store beside it, whatever that was; `all` that is below
    /// them, or without parts.
    ///
    /// # Errors
    /// Those of [`GitRemote::fetch`] and [`StaticRemote::fetch_refs`].
    pub(super) fn fetch(&self, store: &Store, refs: &[(String, String)], all: bool) -> Result<()> {
        match self {
            Remote::Git(git) => {
                let specs: Vec<String> =
                    refs.iter().map(|(theirs, ours)| format!("+{theirs}:{ours}")).collect();
                let filter = (!all).then_some("blob:none");
                git.fetch(&specs, FetchHow { filter, prune: false })
            }
            Remote::Static(places) => places.fetch.fetch_refs(store, refs, &|_, _| all),
        }
    }

    /// Brings objects into the store; no ref changes. With `filter`, without the blobs that git's
    /// filter leaves out; a static remote sends the manifests all the same.
    ///
    /// # Errors
    /// Those of [`GitRemote::bring`], [`StaticRemote::bring_refs`] and
    /// [`StaticRemote::bring_objects`].
    pub(super) fn bring(
        &self,
        store: &Store,
        wants: Wants<'_>,
        filter: Option<&str>,
        progress: &dyn Progress,
    ) -> Result<Answer> {
        let (remote, is_all) = match self {
            Remote::Git(git) => return git.bring(&store.fetch_place(), wants, filter, progress),
            Remote::Static(places) => (&places.fetch, filter.is_none()),
        };
        let bytes = match wants {
            Wants::Refs { names, .. } => remote.bring_refs(store, names, is_all)?,
            Wants::Objects(ids) if is_all => remote.bring_objects(store, ids)?,
            Wants::Objects(ids) => remote.bring_trees(store, ids)?,
        };
        Ok(Answer::Brought { bytes })
    }
}
