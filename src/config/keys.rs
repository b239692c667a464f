//! The table of settings: every key with its type, default and meaning, in one place.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::glob::Glob;
use super::retention::{GroupBy, RetentionRule};
use super::sync::{FetchPolicy, RemoteSetting, SignChoice, SyncRule, TrustPolicy};
use super::value::{Value, choice};
use crate::size::ByteSize;

choice! {
    /// What an acknowledged put survives.
    Durability {
        /// The death of the process, `kill -9` included.
        Process = "process",
        /// A power cut as well.
        Sync = "sync",
    }
}

choice! {
    /// The hash that a new store names its git objects by.
    ObjectFormat {
        /// SHA-1, which every git host takes.
        Sha1 = "sha1",
        /// SHA-256, which few hosts take yet.
        Sha256 = "sha256",
    }
}

choice! {
    /// When to write in colour.
    ColorChoice {
        /// On a terminal, unless `NO_COLOR` is set.
        Auto = "auto",
        /// Into files and pipes, too.
        Always = "always",
        /// Never.
        Never = "never",
    }
}

choice! {
    /// When to show how far long work has come.
    ProgressChoice {
        /// On a terminal, once the work has taken a moment.
        Auto = "auto",
        /// Never.
        Never = "never",
    }
}

/// One setting: what it is called, means and is by default.
#[derive(Debug)]
pub struct Key {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    pub(super) doc: &'static str,
    pub(super) expected: fn() -> String,
    pub(super) fields: fn() -> &'static [&'static str],
    pub(super) print: fn(&Config) -> String,
    pub(super) set_text: fn(&mut Config, &str) -> Option<()>,
    pub(super) set_toml: SetToml,
}

/// Sets a key from TOML, or returns the value that is not accepted.
pub(super) type SetToml =
    for<'v, 'i> fn(&mut Config, &'v Spanned<DeValue<'i>>) -> Result<(), &'v Spanned<DeValue<'i>>>;

impl Key {
    /// Returns every key, in the order they are listed.
    pub fn all() -> &'static [Key] {
        KEYS
    }

    /// Returns the key of this dotted name; `None` if there is none.
    pub fn named(name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// Returns the dotted name: `store.durability`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the section, which is the name up to the dot.
    pub fn section(&self) -> &'static str {
        self.section
    }

    /// Returns what the setting means, in one sentence.
    pub fn doc(&self) -> &'static str {
        self.doc.trim()
    }

    /// Returns what is accepted, to follow the words "must be".
    pub fn expected(&self) -> String {
        (self.expected)()
    }

    /// Returns the names that a table inside the value may have; none where it holds no tables.
    pub(super) fn fields(&self) -> &'static [&'static str] {
        (self.fields)()
    }

    /// Returns the default as TOML.
    pub fn default(&self) -> String {
        (self.print)(&Config::default())
    }

    /// Returns the environment variable that sets it: `RECELL_STORE_DURABILITY`.
    pub fn variable(&self) -> String {
        format!("RECELL_{}", self.name.replace('.', "_").to_ascii_uppercase())
    }

    /// Returns the name without its section.
    pub(super) fn short(&self) -> &'static str {
        &self.name[self.section.len() + 1..]
    }
}

/// Returns the section of this name; `None` if there is none.
pub(super) fn section(name: &str) -> Option<&'static str> {
    SECTIONS.iter().map(|(section, _)| *section).find(|section| *section == name)
}

/// Defines the sections as structs and the table of their keys, from one entry for each key.
macro_rules! sections {
    ($(
        #[doc = $about:literal]
        $section:ident: $Section:ident {
            $( #[doc = $doc:literal] $key:ident: $Type:ty = $default:expr; )+
        }
    )+) => {
        /// Every setting as a typed value; [`Config::default`] holds the defaults.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct Config {
            $( #[doc = $about] pub $section: $Section, )+
        }

        $(
            #[doc = $about]
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $Section {
                $( #[doc = $doc] pub $key: $Type, )+
            }

            impl Default for $Section {
                fn default() -> $Section {
                    $Section { $( $key: $default, )+ }
                }
            }
        )+

        /// The sections in the order they are listed, each with what it is about.
        pub(super) static SECTIONS: &[(&str, &str)] = &[$( (stringify!($section), $about) ),+];

        static KEYS: &[Key] = &[$($(
            Key {
                section: stringify!($section),
                name: concat!(stringify!($section), ".", stringify!($key)),
                doc: $doc,
                expected: <$Type as Value>::expected,
                fields: <$Type as Value>::fields,
                print: |config| config.$section.$key.to_toml(),
                set_text: |config, text| {
                    config.$section.$key = Value::from_text(text)?;
                    Some(())
                },
                set_toml: |config, value| {
                    config.$section.$key = Value::from_toml(value)?;
                    Ok(())
                },
            },
        )+)+];
    };
}

/// Returns globs that are known to be well formed.
fn globs(texts: &[&str]) -> Vec<Glob> {
    texts.iter().map(|text| text.parse().expect("the built-in globs are well formed")).collect()
}

sections! {
    /// Where results are kept, and how they get there.
    store: StoreSettings {
        /// Where the store is; relative paths start at the workspace.
        path: PathBuf = ".recell/store.git".into();
        /// What a put survives when it returns: `process` is `kill -9`, `sync` a power cut as well.
        durability: Durability = Durability::Process;
        /// Parts above this size are cut into chunks that other versions can share.
        chunk_threshold: ByteSize = ByteSize::mib(4);
        /// The journal is flushed into a pack once it holds this many bytes.
        flush_bytes: ByteSize = ByteSize::mib(1024);
        /// The journal is flushed into a pack once it holds this many entries.
        flush_entries: NonZeroU32 = NonZeroU32::new(16_384).expect("not zero");
        /// The journal is flushed into a pack once its oldest entry has waited this long.
        flush_age: Duration = Duration::from_secs(60);
        /// The hash that names objects in a new store; few git hosts take `sha256` yet.
        object_format: ObjectFormat = ObjectFormat::Sha1;
    }

    /// What is recorded of the notebooks.
    record: RecordSettings {
        /// The notebooks to record, as globs relative to the workspace.
        include: Vec<Glob> = globs(&["*.ipynb"]);
        /// The notebooks to leave alone though they are included.
        exclude: Vec<Glob> = globs(&[".ipynb_checkpoints/"]);
        /// Whether to keep the commit of the host repository with each entry.
        host: bool = true;
    }

    /// What git's filter does to notebooks that are committed or checked out.
    filter: FilterSettings {
        /// Whether a checkout brings the outputs back.
        smudge: bool = false;
        /// An output above this size stays in the notebook as it is.
        max_output: ByteSize = ByteSize::mib(256);
        /// Whether execution counts stay in committed notebooks.
        keep_execution_count: bool = false;
        /// The cell tags that keep a cell's outputs in committed notebooks.
        keep_tags: Vec<String> = vec!["keep_output".into(), "keep_outputs".into()];
    }

    /// What is kept, and what `recell prune` removes; with no rule set nothing goes.
    retention: RetentionSettings {
        /// Keep this many of the newest entries of each series.
        keep_last: Option<NonZeroU32> = None;
        /// Keep what was made less than this long ago.
        keep_within: Option<Duration> = None;
        /// Keep the newest entry of each of this many days that have entries, by series.
        keep_daily: Option<NonZeroU32> = None;
        /// Keep the newest entry of each of this many weeks that have entries, by series.
        keep_weekly: Option<NonZeroU32> = None;
        /// Keep the newest entry of each of this many months that have entries, by series.
        keep_monthly: Option<NonZeroU32> = None;
        /// What a series is: the entries of a cell, of a key, of a notebook or of the store.
        group_by: GroupBy = GroupBy::Cell;
        /// A hard cap on the bytes of all entries: the least recently used go, unasked.
        max_bytes: Option<ByteSize> = None;
        /// A hard cap on the number of entries: the least recently used go, unasked.
        max_entries: Option<NonZeroU32> = None;
        /// In how many of the last host commits `recell.lock` protects what it names.
        lock_commits: u32 = 20;
        /// How long what a cap removed can be brought back; then its bytes are given back, too.
        keep_trash: Duration = Duration::from_secs(7 * 86_400);
        /// Whether what the notebooks can still produce is protected.
        closure: bool = false;
        /// Rules about some entries only, as `[[retention.rule]]`; the first that matches counts.
        rule: Vec<RetentionRule> = Vec::new();
    }

    /// How results travel, through any git remote.
    sync: SyncSettings {
        /// The remote to push to and pull from: a name, or an address.
        remote: String = "origin".into();
        /// Remotes of the cache alone, as `[[sync.remotes]]` with `name` and `url`.
        remotes: Vec<RemoteSetting> = Vec::new();
        /// What a pull brings: `outputs` and code, `all` parts, or, with `lazy`, none until read.
        fetch: FetchPolicy = FetchPolicy::Outputs;
        /// The parts that stay on the machine where they were made, as globs over their paths.
        exclude: Vec<Glob> = Vec::new();
        /// Parts above this size stay on the machine where they were made.
        max_part: Option<ByteSize> = None;
        /// Whether a push writes a plain tag for each entry, too.
        tags: bool = false;
        /// Rules about some notebooks only, as `[[sync.rule]]`; the first that matches counts.
        rule: Vec<SyncRule> = Vec::new();
    }

    /// Whose results may run code here, as reading a pickle does.
    trust: TrustSettings {
        /// Whose parts of a codec that can run code are handed out: `own`, `signed` or `all`.
        policy: TrustPolicy = TrustPolicy::Own;
        /// Whether a push signs what it sends; `auto` means if git signs commits here.
        sign: SignChoice = SignChoice::Auto;
        /// Who may sign, as git's `gpg.ssh.allowedSignersFile`; `none` means the one git names.
        allowed_signers: Option<PathBuf> = None;
    }

    /// Secrets in outputs: keys and tokens that must not be pushed.
    secrets: SecretsSettings {
        /// Whether a push stops where an output looks like a secret.
        guard: bool = true;
        /// What is no secret: rules by name, or a finding by its digest, as the guard prints them.
        allow: Vec<String> = Vec::new();
    }

    /// The log of what happens to results: hits, misses, puts, removals, exchanges with remotes.
    events: EventSettings {
        /// Whether it is kept; it names results and never holds what is in them.
        enabled: bool = true;
        /// A file of the log is full at this size, and the next one is begun.
        max_bytes: ByteSize = ByteSize::mib(4);
        /// How many files of the log are kept; the oldest goes.
        keep: NonZeroU32 = NonZeroU32::new(4).expect("not zero");
    }

    /// How the command line talks.
    ui: UiSettings {
        /// Whether to write in colour; `auto` means on a terminal.
        color: ColorChoice = ColorChoice::Auto;
        /// Whether to show how far long work has come; `auto` means on a terminal.
        progress: ProgressChoice = ProgressChoice::Auto;
    }
}

/// How the default file begins.
const FILE_HEAD: [&str; 2] = [
    "# The settings of recell. Each line shows a default: take away its `#` to change it.",
    "# `recell config` lists what counts, `recell config --show-origin` where it comes from.",
];

impl Config {
    /// Returns the `recell.toml` that `recell init` writes: every key with its meaning and default,
    /// commented out. Taking away a `#` that no space follows makes the line count.
    pub fn default_file() -> String {
        let mut lines: Vec<String> = FILE_HEAD.map(String::from).into();
        for (section, about) in SECTIONS {
            lines.extend([String::new(), format!("# {}", about.trim()), format!("[{section}]")]);
            for key in KEYS.iter().filter(|key| key.section == *section) {
                lines.push(format!("# {}", key.doc()));
                lines.push(format!("#{} = {}", key.short(), key.default()));
            }
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_key_is_documented_in_one_sentence_and_found_by_its_name() {
        for entry in KEYS {
            let doc = entry.doc();
            assert!(doc.ends_with('.') && !doc.contains('\n') && doc.len() < 95, "{doc}");
            assert_eq!(Key::named(entry.name()).map(Key::name), Some(entry.name()));
            assert!(!entry.expected().is_empty());
            assert_eq!(section(entry.section()), Some(entry.section()));
        }
        let variables: BTreeSet<String> = KEYS.iter().map(Key::variable).collect();
        assert_eq!(variables.len(), KEYS.len(), "no variable sets two keys");
    }

    #[test]
    fn every_default_reads_back_as_itself() {
        for key in KEYS {
            let text = key.default();
            let value = DeValue::parse(&text).unwrap();
            let mut config = Config::default();
            assert!((key.set_toml)(&mut config, &value).is_ok(), "{} = {text}", key.name());
            assert_eq!(config, Config::default(), "{}", key.name());
        }
    }

    #[test]
    fn the_default_file_is_what_init_writes() {
        insta::assert_snapshot!(Config::default_file());
    }
}
