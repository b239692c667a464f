//! A store of which remotes have some objects: where git brings them, and how plain git is told.

use super::Store;
use crate::error::Result;
use crate::git::FetchPlace;

impl Store {
    /// Returns where git brings objects for this store.
    pub(crate) fn fetch_place(&self) -> FetchPlace {
        let (git_dir, format) = (self.path().to_owned(), self.object_format());
        FetchPlace { git_dir, format, name: self.random_name() }
    }

    /// Notes, for plain git, that a remote has objects that are not here.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if the settings cannot be written.
    pub(crate) fn note_promisor(&self, remote: &str, address: &str) -> Result<()> {
        self.inner.repository.note_promisor(remote, address)
    }

    /// Returns the address of a remote as plain git knows it here; `None` if it knows none of that
    /// name.
    pub(crate) fn promisor_address(&self, remote: &str) -> Option<String> {
        self.inner.repository.promisor_address(remote)
    }

    /// Whether objects may be on a remote alone, as of when the store was opened.
    pub(crate) fn is_partial(&self) -> bool {
        self.inner.repository.is_partial
    }

    /// Takes in packs that a git placed.
    ///
    /// # Errors
    /// [`crate::Error::Disk`] if they cannot be listed.
    pub(crate) fn notice_packs(&self) -> Result<()> {
        self.inner.packs.refresh().map(drop)
    }

    /// Returns 16 random hex digits.
    pub(crate) fn random_name(&self) -> String {
        self.inner.options.random_name()
    }
}
