//! Which bundle is meant on a command line, and which version of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::files;
use crate::bundle::{
    Bundle, BundleKey, BundleOptions, BundleStore, DEFAULT_SPACE, Mismatch, Operations, Probe,
    versions_among,
};
use crate::cli::report::Failure;
use crate::cli::session::Session;
use crate::error::Error;
use crate::index::{Pattern, Wanted};
use crate::lookup::Miss;
use crate::name::{EntryName, escape};
use crate::store::Snapshot;

/// What a bundle is found by besides its data.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct State {
    /// The configuration that touches data, as JSON (docs/bundles.md).
    #[arg(long, value_name = "FILE", conflicts_with = "config_id")]
    config: Option<PathBuf>,
    /// What stands for the configuration, as `config-id` prints it, or in the host's own words.
    #[arg(long, value_name = "ID")]
    config_id: Option<String>,
    /// The rows that a search for this text finds.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// The rows after the data was cleaned by this method.
    #[arg(long, value_name = "METHOD")]
    cleaning: Option<String>,
    /// The rows after this post-processing.
    #[arg(long, value_name = "METHOD")]
    post_processing: Option<String>,
    /// The rows after these operations: JSON with `cleaning`, `filters`, `post_processing`.
    #[arg(long, value_name = "FILE")]
    operations: Option<PathBuf>,
    /// The space that the bundle is in, such as the notebook that the table is shown in.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_SPACE)]
    space: String,
}

/// Which bundle, and which version of it.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Which {
    /// What the host calls the data.
    #[arg(value_name = "DATA_ID")]
    pub(super) data_id: String,
    #[command(flatten)]
    pub(super) state: State,
    /// An older version: its name, the start of its id, or ~N for N versions back.
    #[arg(long = "version", value_name = "VERSION")]
    older: Option<String>,
}

impl State {
    pub(super) fn space(&self) -> &str {
        if self.space.is_empty() { DEFAULT_SPACE } else { &self.space }
    }

    /// Returns the operations that were named.
    pub(super) fn operations(&self, session: &Session) -> Result<Operations, Failure> {
        let mut operations = match &self.operations {
            Some(path) => files::operations(session, path)?,
            None => Operations::none(),
        };
        if let Some(method) = &self.cleaning {
            operations = operations.cleaning(method.as_str());
        }
        if let Some(text) = self.search.as_deref().filter(|text| !text.is_empty()) {
            operations = operations.filter(serde_json::json!({ "search": text }));
        }
        if let Some(method) = &self.post_processing {
            operations = operations.post_processing(method.as_str());
        }
        Ok(operations)
    }

    /// Returns what stands for the configuration, if it was named.
    pub(super) fn config_id(&self, session: &Session) -> Result<Option<String>, Failure> {
        match (&self.config, &self.config_id) {
            (Some(path), _) => Ok(Some(files::config(session, path)?.config_id())),
            (None, id) => Ok(id.clone()),
        }
    }

    /// Returns the configuration, if it was named whole.
    pub(super) fn config(
        &self,
        session: &Session,
    ) -> Result<Option<crate::bundle::DataConfig>, Failure> {
        Ok(self.config.as_ref().map(|path| files::config(session, path)).transpose()?)
    }

    /// Returns the key of a bundle of `data_id`; where no configuration was named, that of the only
    /// one under which there is any.
    pub(super) fn key(
        &self,
        session: &Session,
        snapshot: &Snapshot,
        data_id: &str,
    ) -> Result<BundleKey, Failure> {
        let operations = self.operations(session)?;
        let key = |config_id: &str| -> Result<BundleKey, Failure> {
            let key = BundleKey::new(data_id, config_id)?.in_space(self.space());
            Ok(key.with_operations(operations.clone()))
        };
        if let Some(id) = self.config_id(session)? {
            return key(&id);
        }
        // Those of that state; a state that is not stored is a miss of the only one there is.
        let version = key("any")?.execution_key().version().to_owned();
        let names = names_of(snapshot, self.space(), data_id);
        let mut configurations =
            configurations(snapshot, names.iter().filter(|name| name.version() == version));
        if configurations.is_empty() {
            configurations = self::configurations(snapshot, names.iter());
        }
        let mut found = configurations.into_iter();
        match (found.next(), found.next()) {
            (Some(only), None) => key(&only),
            (None, _) => {
                let name = format!("{}:{}", escape(self.space()), escape(data_id));
                Err(Miss::NeverStored { name }.into())
            }
            (Some(one), Some(two)) => Err(Error::Ambiguous {
                text: data_id.to_owned(),
                candidates: [one, two]
                    .into_iter()
                    .chain(found)
                    .map(|id| format!("--config-id {id}"))
                    .collect(),
            }
            .into()),
        }
    }
}

/// Returns the configurations of entries, as their manifests have them: a long id is cut in names.
fn configurations<'n>(
    snapshot: &Snapshot,
    names: impl Iterator<Item = &'n EntryName>,
) -> BTreeSet<String> {
    let mut newest: BTreeMap<String, &EntryName> = BTreeMap::new();
    for name in names {
        newest.insert(name.module().into_owned(), name);
    }
    let entries = newest.into_values().filter_map(|name| snapshot.entry(name).hit());
    entries.map(|entry| entry.manifest().key.module().to_owned()).collect()
}

/// Returns the names of all entries of some data, sorted.
pub(super) fn names_of(snapshot: &Snapshot, space: &str, data_id: &str) -> Vec<EntryName> {
    let exactly = |text: &str| Wanted::Exactly(text.to_owned());
    let pattern = Pattern::of([exactly(space), exactly(data_id), Wanted::Any, Wanted::Any]);
    pattern.map(|pattern| snapshot.list(&pattern)).unwrap_or_default()
}

/// Returns the bundles of the store.
pub(super) fn bundles(session: &Session) -> Result<BundleStore, Failure> {
    Ok(BundleStore::new(session.store()?, &BundleOptions::default()))
}

impl Which {
    /// Returns the same of other data, of the newest version.
    pub(super) fn of_data(&self, data_id: &str) -> Which {
        Which { data_id: data_id.to_owned(), ..self.clone() }
    }

    /// Returns the bundle that is meant, of the version that is meant.
    pub(super) fn bundle(&self, session: &Session) -> Result<Arc<Bundle>, Failure> {
        let bundles = bundles(session)?;
        let snapshot = bundles.store().snapshot()?;
        let view = session.view(&snapshot)?;
        let key = self.state.key(session, view.snapshot(), &self.data_id)?;
        let name = escape_of(&key);
        let probe = if self.older.is_none() && session.as_of()?.is_none() {
            bundles.probe(&key, None)?
        } else {
            let history = versions_among(view.snapshot().history(&key.execution_key()));
            let found = chosen(&view, &history, self.older.as_deref())?;
            let Some(found) = found else { return Err(Miss::NeverStored { name }.into()) };
            bundles.version(&found)?
        };
        found(probe, &name)
    }
}

/// Returns a key as it is shown and reads back.
pub(super) fn escape_of(key: &BundleKey) -> String {
    key.execution_key().to_string()
}

/// Returns the bundle, or why there is none.
pub(super) fn found(probe: Probe, name: &str) -> Result<Arc<Bundle>, Failure> {
    match probe {
        Probe::Hit(bundle) => Ok(bundle),
        Probe::Miss(miss) => Err(miss.into()),
        Probe::Mismatch(mismatch) => Err(does_not_fit(name, &mismatch).into()),
    }
}

pub(super) fn does_not_fit(key: &str, mismatch: &Mismatch) -> Error {
    Error::BundleMismatch { key: key.to_owned(), reason: mismatch.to_string() }
}

/// Returns the version of a history, oldest first, that a text means: `~2`, an entry's name, the
/// start of its id; without a text the one that the view has.
fn chosen(
    view: &crate::history::View,
    history: &[EntryName],
    version: Option<&str>,
) -> Result<Option<EntryName>, Failure> {
    let Some(text) = version else { return Ok(view.choose(history, 0).cloned()) };
    if let Some(back) = text.strip_prefix('~') {
        let back = if back.is_empty() { Ok(1) } else { back.parse::<usize>() };
        return Ok(back.ok().and_then(|back| view.choose(history, back).cloned()));
    }
    if let Some(name) = history.iter().find(|name| name.as_str() == text) {
        return Ok(Some(name.clone()));
    }
    let text = text.to_ascii_lowercase();
    let mut of_id = history.iter().filter(|name| name.id8().starts_with(&text) && text.len() >= 4);
    match (of_id.next(), of_id.next()) {
        (Some(one), Some(two)) => Err(Error::Ambiguous {
            text: text.clone(),
            candidates: [one, two].into_iter().chain(of_id).map(ToString::to_string).collect(),
        }
        .into()),
        (found, _) => Ok(found.cloned()),
    }
}
