//! Settings as typed values with defaults, and where each came from.
//!
//! Every key is one entry of the table in `keys`: name, type, default and meaning. Listing, default
//! file, environment variables, suggestions and checks all follow from it. [`LayeredConfig::new`]
//! merges what it is given, lowest first: the defaults, the user's file, the workspace's
//! `recell.toml` (or `[tool.recell]` in `pyproject.toml`), the environment, the flags. Nothing here
//! reads a file or asks the system.

mod document;
mod edit;
mod env;
mod glob;
mod keys;
mod layers;
mod nearest;
mod retention;
mod sync;
mod value;

pub(crate) use edit::{SettingsAt, with_in_list, with_remote, without_remote};
pub use env::Variable;
pub use glob::{Glob, NotAGlob};
pub use keys::{
    ColorChoice, Config, Durability, EventSettings, FilterSettings, Key, ObjectFormat,
    ProgressChoice, RecordSettings, RetentionSettings, SecretsSettings, StoreSettings,
    SyncSettings, TrustSettings, UiSettings,
};
pub use layers::{ConfigFile, LayeredConfig, Origin, Setting, Sources};
pub use retention::{GroupBy, Override, RetentionRule};
pub(crate) use sync::is_remote_name;
pub use sync::{FetchPolicy, NotebookSync, RemoteSetting, SignChoice, SyncRule, TrustPolicy};
