//! recell keeps every run of every notebook cell.
//!
//! Results ("entries") are git blobs and trees in a bare side-repository beside the notebooks.
//! Names carry the notebook, the cell, the module hash, the version and the time.

pub mod bundle;
pub mod cli;
mod clock;
pub mod collection;
mod config;
mod content;
mod digest;
mod disk;
mod entry;
mod error;
mod escapes;
pub mod events;
pub mod gc;
mod git;
pub mod history;
mod index;
mod journal;
mod lockfile;
mod lookup;
mod name;
pub mod notebook;
mod progress;
pub mod retention;
#[cfg(feature = "serve")]
pub mod serve;
mod size;
pub mod stats;
mod store;
pub mod sync;
mod table;
mod verify;
mod workspace;

pub use clock::{Clock, Day, NotATimestamp, Timestamp, Zone};
pub use config::{
    ColorChoice, Config, ConfigFile, Durability, EventSettings, FetchPolicy, FilterSettings, Glob,
    GroupBy, Key, LayeredConfig, NotAGlob, NotebookSync, ObjectFormat, Origin, Override,
    ProgressChoice, RecordSettings, RemoteSetting, RetentionRule, RetentionSettings,
    SecretsSettings, Setting, SignChoice, Sources, StoreSettings, SyncRule, SyncSettings,
    TrustPolicy, TrustSettings, UiSettings, Variable,
};
pub use digest::{Digest, Digester, NotADigest};
pub use entry::{
    CodeRisk, InvalidPartPath, MANIFEST_FILE, MANIFEST_FORMAT, Manifest, ManifestProblem, Part,
    PartKind, PartPath, Provenance,
};
pub use error::{Error, Reason, Result};
pub use git::{GitEnvironment, Signer, Signers, SigningMethod, Verdict};
pub use index::{InvalidPattern, Pattern};
pub use lookup::{Lookup, Miss};
pub use name::{EntryName, ExecutionKey, NotAKey, NotAnEntryName};
pub use progress::{Progress, Silent, Unit};
pub use size::{ByteSize, NotASize};
pub use store::{
    Draft, DraftPart, Entry, FileSizes, FlushReport, LazyParts, OpenOptions, Snapshot, Source,
    Standing, Store, Trust,
};
pub use verify::{
    Loss, Problem, RepairOptions, RepairPlan, RepairReport, Step, VerifyOptions, VerifyReport,
    plan_repair, repair, verify,
};
pub use workspace::{Surroundings, Workspace};

/// Makes this process die at a named place, or its disk fill up: for tests of what a crash leaves.
///
/// `crash_at` is the name of a crash point, `<point>#<n>` the n-th time it is passed, with
/// `@<path>` behind it the process halts there until that file, which it makes, is gone;
/// `disk_budget` is how many bytes may still be written. Release builds do nothing.
#[doc(hidden)]
pub fn arm_faults(crash_at: Option<String>, disk_budget: Option<i64>) {
    disk::arm_faults(disk::Faults { crash_at, disk_budget });
}
