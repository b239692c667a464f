//! Merges files, environment and flags over the defaults, remembering where each value came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::document::Document;
use super::env;
use super::keys::{Config, Key};
use super::nearest;
use crate::error::{Error, Result};

/// A settings file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Where it is, as errors and origins name it.
    pub path: PathBuf,
    /// All it holds.
    pub text: String,
}

impl ConfigFile {
    /// Returns where the user's own settings are: `recell/config.toml` under `$XDG_CONFIG_HOME`, or
    /// under `~/.config` where that is not set. `None` if neither variable names an absolute path.
    pub fn user_path(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
        let absolute =
            |name: &str| environment.get(name).map(Path::new).filter(|it| it.is_absolute());
        let xdg = absolute("XDG_CONFIG_HOME").map(Path::to_path_buf);
        let home = || absolute("HOME").map(|home| home.join(".config"));
        Some(xdg.or_else(home)?.join("recell/config.toml"))
    }
}

/// All that settings are made of. A later field wins over an earlier one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// The user's own file, see [`ConfigFile::user_path`].
    pub user: Option<ConfigFile>,
    /// The workspace's `pyproject.toml`, whose `[tool.recell]` counts where there is no
    /// `recell.toml`.
    pub pyproject: Option<ConfigFile>,
    /// The workspace's `recell.toml`.
    pub workspace: Option<ConfigFile>,
    /// The environment; only names that start with `RECELL_` are looked at. An empty value counts
    /// as not set.
    pub environment: BTreeMap<String, String>,
    /// Dotted keys with their values as plain text, as `-c key=value` gives them; the last wins.
    pub flags: Vec<(String, String)>,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// The user's own file.
    User {
        /// The file.
        path: PathBuf,
        /// The line of the key, from 1.
        line: usize,
    },
    /// `recell.toml`, or `[tool.recell]` in `pyproject.toml`.
    Workspace {
        /// The file.
        path: PathBuf,
        /// The line of the key, from 1.
        line: usize,
        /// The `pyproject.toml` whose `[tool.recell]` does not count, as there is a `recell.toml`.
        instead_of: Option<PathBuf>,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// A flag of the command line.
    Flag,
}

impl fmt::Display for Origin {
    /// Prints `default`, `recell.toml:3`, the name of the variable, or `command line`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::User { path, line } | Origin::Workspace { path, line, instead_of: None } => {
                write!(f, "{}:{line}", path.display())
            }
            Origin::Workspace { path, line, instead_of: Some(other) } => {
                write!(f, "{}:{line} (instead of {})", path.display(), other.display())
            }
            Origin::Environment { variable } => f.write_str(variable),
            Origin::Flag => f.write_str("command line"),
        }
    }
}

/// One setting as `recell config` lists it.
#[derive(Debug, Clone)]
pub struct Setting<'a> {
    /// The key, with its name and meaning.
    pub key: &'static Key,
    /// The value as TOML.
    pub value: String,
    /// Where the value came from.
    pub origin: &'a Origin,
}

/// The settings that count, and where each came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LayeredConfig {
    /// The values.
    pub config: Config,
    /// What did not come from the defaults.
    origins: BTreeMap<&'static str, Origin>,
}

impl LayeredConfig {
    /// Returns the settings that `sources` make.
    ///
    /// # Errors
    /// [`Error::BadToml`] if a file is not TOML, [`Error::UnknownSetting`] and
    /// [`Error::UnknownVariable`] for names that mean nothing, and [`Error::BadSetting`] for a value
    /// of the wrong type or out of bounds. A broken `pyproject.toml` that never says `recell` is
    /// nobody's business here.
    pub fn new(sources: &Sources) -> Result<LayeredConfig> {
        let mut layered = LayeredConfig::default();
        if let Some(file) = &sources.user {
            let document = Document::parse(file)?;
            layered.apply(&document, |line| Origin::User { path: file.path.clone(), line })?;
        }
        layered.apply_workspace(sources)?;
        layered.apply_environment(&sources.environment)?;
        for (name, text) in &sources.flags {
            layered.apply_flag(name, text)?;
        }
        Ok(layered)
    }

    /// Returns where the value of `key` came from.
    pub fn origin(&self, key: &Key) -> &Origin {
        self.origins.get(key.name()).unwrap_or(&Origin::Default)
    }

    /// Returns every setting, in the order of [`Key::all`].
    pub fn settings(&self) -> impl Iterator<Item = Setting<'_>> {
        Key::all().iter().map(|key| Setting {
            key,
            value: (key.print)(&self.config),
            origin: self.origin(key),
        })
    }

    /// Returns where the store is.
    ///
    /// A relative path starts where it was written: at the working directory if it came from the
    /// environment or a flag, at the workspace otherwise.
    pub fn store_path(&self, workspace: &Path, working_directory: &Path) -> PathBuf {
        let base = match self.origins.get(env::STORE.1) {
            Some(Origin::Environment { .. } | Origin::Flag) => working_directory,
            _ => workspace,
        };
        base.join(&self.config.store.path)
    }

    /// Sets what the workspace says: its `recell.toml`, or else its `pyproject.toml`.
    fn apply_workspace(&mut self, sources: &Sources) -> Result<()> {
        let pyproject = sources.pyproject.as_ref().filter(|file| file.text.contains("recell"));
        let Some(file) = &sources.workspace else {
            let Some(file) = pyproject else { return Ok(()) };
            let Some(document) = Document::parse_pyproject(file)? else { return Ok(()) };
            return self.apply(&document, |line| Origin::Workspace {
                path: file.path.clone(),
                line,
                instead_of: None,
            });
        };
        // Broken or not, a file that does not count must not stop anyone.
        let ignored = pyproject
            .filter(|file| matches!(Document::parse_pyproject(file), Ok(Some(_))))
            .map(|file| file.path.clone());
        self.apply(&Document::parse(file)?, |line| Origin::Workspace {
            path: file.path.clone(),
            line,
            instead_of: ignored.clone(),
        })
    }

    /// Sets what a file says.
    fn apply(&mut self, document: &Document<'_>, origin: impl Fn(usize) -> Origin) -> Result<()> {
        for item in document.items()? {
            (item.key.set_toml)(&mut self.config, item.value)
                .map_err(|refused| document.bad_setting(item.key, refused))?;
            self.origins.insert(item.key.name(), origin(item.line));
        }
        Ok(())
    }

    /// Sets what the environment says.
    fn apply_environment(&mut self, environment: &BTreeMap<String, String>) -> Result<()> {
        if let Some(name) = environment.keys().find(|name| !env::is_known(name)) {
            let nearest = env::nearest_variable(name);
            return Err(Error::UnknownVariable { name: name.clone(), nearest });
        }
        let store = Key::named(env::STORE.1).map(|key| (key, env::STORE.0.to_owned()));
        for (key, variable) in Key::all().iter().map(|key| (key, key.variable())).chain(store) {
            if let Some(text) = environment.get(&variable).filter(|text| !text.is_empty()) {
                self.set(key, text, Origin::Environment { variable })?;
            }
        }
        Ok(())
    }

    /// Sets what one flag says.
    fn apply_flag(&mut self, name: &str, text: &str) -> Result<()> {
        let Some(key) = Key::named(name) else {
            return Err(Error::UnknownSetting {
                place: Origin::Flag.to_string(),
                name: name.to_owned(),
                nearest: nearest::key(name),
            });
        };
        self.set(key, text, Origin::Flag)
    }

    /// Sets `key` from plain text.
    fn set(&mut self, key: &'static Key, text: &str, origin: Origin) -> Result<()> {
        (key.set_text)(&mut self.config, text).ok_or_else(|| Error::BadSetting {
            place: origin.to_string(),
            name: key.name(),
            expected: key.expected(),
            found: text.to_owned(),
        })?;
        self.origins.insert(key.name(), origin);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::keys::{ColorChoice, Durability};

    fn file(path: &str, text: &str) -> ConfigFile {
        ConfigFile { path: path.into(), text: text.into() }
    }

    fn workspace(text: &str) -> Sources {
        Sources { workspace: Some(file("recell.toml", text)), ..Sources::default() }
    }

    fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect()
    }

    fn origin_of(sources: &Sources, name: &str) -> String {
        let layered = LayeredConfig::new(sources).unwrap();
        layered.origin(Key::named(name).unwrap()).to_string()
    }

    /// Returns the message of the error that `sources` make, with its code and hint.
    fn error_of(sources: &Sources) -> String {
        let error = LayeredConfig::new(sources).unwrap_err();
        format!("{error} [{}] {}", error.code(), error.hint().unwrap_or_default())
    }

    #[test]
    fn nothing_given_means_the_defaults() {
        let layered = LayeredConfig::new(&Sources::default()).unwrap();
        assert_eq!(layered.config, Config::default());
        assert!(layered.settings().all(|setting| *setting.origin == Origin::Default));
    }

    #[test]
    fn each_source_wins_over_those_below_it() {
        let mut sources = Sources::default();
        let mut check = |put: &dyn Fn(&mut Sources), value: u64, origin: &str, why: &str| {
            put(&mut sources);
            let layered = LayeredConfig::new(&sources).unwrap();
            assert_eq!(layered.config.store.chunk_threshold.bytes(), value, "{why}");
            assert_eq!(origin_of(&sources, "store.chunk_threshold"), origin, "{why}");
        };
        check(&|_| {}, 4 << 20, "default", "nothing set");
        check(
            &|s| s.user = Some(file("/u/config.toml", "[store]\nchunk_threshold = 1")),
            1,
            "/u/config.toml:2",
            "the user over the default",
        );
        check(
            &|s| {
                s.pyproject =
                    Some(file("pyproject.toml", "[tool.recell]\nstore.chunk_threshold = 2"));
            },
            2,
            "pyproject.toml:2",
            "the workspace over the user",
        );
        check(
            &|s| s.workspace = Some(file("recell.toml", "[store]\n\nchunk_threshold = 3")),
            3,
            "recell.toml:3 (instead of pyproject.toml)",
            "recell.toml over pyproject.toml",
        );
        check(
            &|s| s.environment = environment(&[("RECELL_STORE_CHUNK_THRESHOLD", "4")]),
            4,
            "RECELL_STORE_CHUNK_THRESHOLD",
            "the environment over files",
        );
        check(
            &|s| s.flags.push(("store.chunk_threshold".into(), "5".into())),
            5,
            "command line",
            "flags over all",
        );
        check(
            &|s| s.flags.push(("store.chunk_threshold".into(), "6".into())),
            6,
            "command line",
            "the last flag",
        );
    }

    #[test]
    fn sources_add_up_where_they_do_not_meet() {
        let sources = Sources {
            user: Some(file("u.toml", "[ui]\ncolor = 'never'")),
            environment: environment(&[("RECELL_RECORD_EXCLUDE", "drafts/, *.tmp.ipynb")]),
            ..workspace("store = { durability = 'sync' }")
        };
        let config = LayeredConfig::new(&sources).unwrap().config;
        assert_eq!(config.ui.color, ColorChoice::Never);
        assert_eq!(config.store.durability, Durability::Sync);
        assert_eq!(config.record.exclude.len(), 2);
        assert_eq!(config.filter, Config::default().filter);
    }

    #[test]
    fn origins_name_the_line_of_the_key() {
        for (text, line, why) in [
            ("[ui]\ncolor = 'never'", 2, "in its section"),
            ("ui.color = 'never'", 1, "dotted"),
            ("\n\nui = { color = 'never' }", 3, "inline"),
            ("\r\n[ui]\r\ncolor = 'never'\r\n", 3, "lines that end as on Windows"),
            ("\u{feff}# ä\n[ui]\ncolor = 'never'", 3, "after a byte order mark and an umlaut"),
            ("[ui]\n'color' = 'never'", 2, "quoted"),
            ("record.include = [\n'a',\n]\n[ui]\ncolor = 'never'", 5, "after a long value"),
        ] {
            assert_eq!(
                origin_of(&workspace(text), "ui.color"),
                format!("recell.toml:{line}"),
                "{why}"
            );
        }
    }

    #[test]
    fn what_means_nothing_is_refused_by_file_and_line_with_the_nearest_name() {
        let flag =
            |name: &str| Sources { flags: vec![(name.into(), "1".into())], ..Sources::default() };
        let variable =
            |name: &str| Sources { environment: environment(&[(name, "1")]), ..Sources::default() };
        let errors: Vec<String> = [
            workspace("[store]\n\ndurabilty = 'sync'"),
            workspace("[stor]\ndurability = 'sync'"),
            workspace("color = 'never'"),
            workspace("[ui]\nxyzzy = 1"),
            Sources {
                pyproject: Some(file("pyproject.toml", "[tool.recell.ui]\ncolour = 1")),
                ..Sources::default()
            },
            flag("store.durabilty"),
            flag("xyzzy"),
            variable("RECELL_UI_COLOUR"),
            variable("RECELL_XYZZY"),
        ]
        .iter()
        .map(error_of)
        .collect();
        insta::assert_snapshot!(errors.join("\n"));
    }

    #[test]
    fn what_is_not_accepted_is_refused_by_place_with_what_is() {
        let flag =
            Sources { flags: vec![("store.flush_age".into(), "60".into())], ..Sources::default() };
        let variable = Sources {
            environment: environment(&[("RECELL_UI_COLOR", "pink")]),
            ..Sources::default()
        };
        let errors: Vec<String> = [
            workspace("[store]\ndurability = true"),
            workspace("[store]\nchunk_threshold = '4M'"),
            workspace("[store.flush_age]\nseconds = 60"),
            workspace("[store]\nflush_entries = 0"),
            workspace("[record]\nhost = 'yes'"),
            workspace("[record]\ninclude = [\n  'a',\n  '[z-a]',\n]"),
            workspace("[record]\ninclude = '*.ipynb'"),
            workspace("[filter]\nkeep_tags = ['''one\ntwo''', 3]"),
            workspace("ui = 3"),
            workspace("[[ui]]\ncolor = 'never'"),
            workspace("[ui]\n# comment\ncolor ="),
            workspace("[ui]\ncolor = 'auto'\ncolor = 'auto'"),
            flag,
            variable,
        ]
        .iter()
        .map(error_of)
        .collect();
        insta::assert_snapshot!(errors.join("\n"));
    }

    #[test]
    fn of_several_mistakes_the_first_in_the_file_is_told() {
        let error = error_of(&workspace("[ui]\nxyzzy = 1\n[a]\n[store]\nabc = 1"));
        assert!(error.starts_with("recell.toml:2"), "{error}");
    }

    #[test]
    fn a_pyproject_counts_only_for_its_own_table_and_where_there_is_no_recell_toml() {
        let own = "[tool.recell.ui]\ncolor = 'never'";
        for (pyproject, recell, color, why) in [
            (own, None, ColorChoice::Never, "its own table"),
            ("[tool.other]\ncolor = 1", None, ColorChoice::Auto, "no table of recell's"),
            ("[project]\nname = 'recell'", None, ColorChoice::Auto, "named so, but no settings"),
            ("[tool]\nrecell = 3", None, ColorChoice::Auto, "not a table"),
            ("not toml", None, ColorChoice::Auto, "broken, but not about recell"),
            (own, Some("[store]"), ColorChoice::Auto, "recell.toml takes its place as a whole"),
            ("recell = broken [", Some(""), ColorChoice::Auto, "broken, but it does not count"),
        ] {
            let sources = Sources {
                pyproject: Some(file("pyproject.toml", pyproject)),
                workspace: recell.map(|text| file("recell.toml", text)),
                ..Sources::default()
            };
            assert_eq!(LayeredConfig::new(&sources).unwrap().config.ui.color, color, "{why}");
        }
    }

    #[test]
    fn variables_that_set_nothing_are_left_alone() {
        let variables = [
            ("RECELL_LOG", "debug"),
            ("RECELL_NOW", "x"),
            ("RECELL_SEED", "7"),
            ("RECELL_CRASH_AT", "pack"),
            ("RECELLS", "not ours"),
            ("HOME", "/h"),
            ("RECELL_UI_COLOR", ""),
        ];
        let sources = Sources { environment: environment(&variables), ..Sources::default() };
        assert_eq!(LayeredConfig::new(&sources).unwrap(), LayeredConfig::default());
    }

    #[test]
    fn a_relative_store_starts_where_it_was_written() {
        let (space, here) = (Path::new("/space"), Path::new("/here"));
        let both = [("RECELL_STORE", "short"), ("RECELL_STORE_PATH", "long")];
        for (sources, expected, why) in [
            (Sources::default(), "/space/.recell/store.git", "the default is of the workspace"),
            (workspace("store.path = 's'"), "/space/s", "a file's, too"),
            (workspace("store.path = '/s'"), "/s", "absolute stays"),
            (
                Sources { environment: environment(&both), ..Sources::default() },
                "/here/short",
                "typed here, and the short name wins",
            ),
            (
                Sources { flags: vec![("store.path".into(), "f".into())], ..Sources::default() },
                "/here/f",
                "typed here",
            ),
        ] {
            let layered = LayeredConfig::new(&sources).unwrap();
            assert_eq!(layered.store_path(space, here), Path::new(expected), "{why}");
        }
    }

    #[test]
    fn the_users_file_follows_xdg_and_falls_back_to_home() {
        for (variables, expected, why) in [
            (&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")][..], Some("/x"), "set"),
            (&[("HOME", "/h")], Some("/h/.config"), "not set"),
            (
                &[("XDG_CONFIG_HOME", "x"), ("HOME", "/h")],
                Some("/h/.config"),
                "relative: ignored, says XDG",
            ),
            (&[], None, "nothing known"),
        ] {
            let expected = expected.map(|base| Path::new(base).join("recell/config.toml"));
            assert_eq!(ConfigFile::user_path(&environment(variables)), expected, "{why}");
        }
    }

    #[test]
    fn the_default_file_parses_to_the_defaults_as_it_is_and_uncommented() {
        let commented = Config::default_file();
        assert_eq!(LayeredConfig::new(&workspace(&commented)).unwrap(), LayeredConfig::default());
        let uncommented: Vec<&str> = commented
            .lines()
            .map(|line| {
                line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line)
            })
            .collect();
        let layered = LayeredConfig::new(&workspace(&uncommented.join("\n"))).unwrap();
        assert_eq!(layered.config, Config::default());
        assert!(
            layered.settings().all(|setting| *setting.origin != Origin::Default),
            "all were set"
        );
    }

    #[test]
    fn what_is_listed_reads_back_from_every_source() {
        let listed: Vec<(String, String)> = LayeredConfig::default()
            .settings()
            .map(|setting| (setting.key.name().into(), setting.value))
            .collect();
        let lines: Vec<String> =
            listed.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let layered = LayeredConfig::new(&workspace(&lines.join("\n"))).unwrap();
        assert_eq!(layered.config, Config::default());
    }

    #[test]
    fn no_depth_of_nesting_overflows_the_stack() {
        let deep = format!("record.include = {}", "[".repeat(200_000));
        assert!(error_of(&workspace(&deep)).contains("[bad_toml]"));
        let deep = format!("{}.a = 1", vec!["a"; 50_000].join("."));
        assert!(LayeredConfig::new(&workspace(&deep)).is_err());
        let flags = vec![("record.include".into(), "[".repeat(200_000))];
        assert!(LayeredConfig::new(&Sources { flags, ..Sources::default() }).is_err());
    }

    /// Returns lines that are nearly settings, so that random ones get past the parser.
    fn nearly_toml() -> impl Strategy<Value = String> {
        let name = prop_oneof![
            Just("store"),
            Just("ui"),
            Just("color"),
            Just("flush_age"),
            Just("record"),
            Just("include"),
            Just("tool"),
            Just("recell"),
            Just("'ä'"),
            Just("filter"),
            Just("max_output"),
            Just("flush_entries"),
        ];
        let value = prop_oneof![
            Just("'auto'"),
            Just("-9223372036854775809"),
            Just("1e999"),
            Just("nan"),
            Just("0x"),
            Just("[['a'], {b = 1}]"),
            Just("{ a.b = 1 }"),
            Just("\"\"\"\n ä \n\"\"\""),
            Just("'60s'"),
            Just("1979-05-27"),
            Just("99999999999999999999999"),
            Just("['['"),
            Just("[ '*' ,\n]"),
        ];
        let line = prop_oneof![
            (name.clone(), name.clone(), value.clone())
                .prop_map(|(a, b, v)| format!("{a}.{b} = {v}")),
            (name.clone(), value).prop_map(|(a, v)| format!("{a} = {v}")),
            name.clone().prop_map(|a| format!("[{a}]")),
            (name.clone(), name.clone()).prop_map(|(a, b)| format!("[{a}.{b}]")),
            name.prop_map(|a| format!("[[{a}]]")),
            "\\PC{0,12}",
        ];
        prop::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n"))
    }

    proptest! {
        #[test]
        fn no_file_makes_the_settings_panic(text in nearly_toml(), other in "(?s).{0,200}") {
            for text in [&text, &other] {
                let sources = workspace(text);
                let pyproject = Some(file("pyproject.toml", &format!("[tool.recell]\n{text}")));
                for sources in [Sources { pyproject, ..Sources::default() }, sources] {
                    if let Err(error) = LayeredConfig::new(&sources) {
                        prop_assert!(error.to_string().contains(".toml:"), "{error}");
                    }
                }
            }
        }

        #[test]
        fn no_flag_or_variable_makes_the_settings_panic(index in 0..Key::all().len(), text in ".{0,30}") {
            let key = &Key::all()[index];
            let flags = vec![(key.name().to_owned(), text.clone()), (text.clone(), text.clone())];
            let environment = BTreeMap::from([(key.variable(), text.clone()), (text.clone(), text)]);
            for sources in [
                Sources { flags, ..Sources::default() },
                Sources { environment, ..Sources::default() },
            ] {
                if let Err(error) = LayeredConfig::new(&sources) {
                    prop_assert!(error.hint().is_some());
                }
            }
        }
    }
}
