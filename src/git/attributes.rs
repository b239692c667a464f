//! Giving notebooks to recell's filter: a line of `.gitattributes`, and git's own settings.
//!
//! What is to be done is a plan first, made without writing anything.

use std::path::{Path, PathBuf};

use super::attribute_lines::{Written, with_lines, without_lines, written};
use super::host::HostRepository;
use super::process::Git;
use crate::disk::{self, Signature};
use crate::error::{Error, Result};

/// The filter's name in git.
const FILTER: &str = "recell";
/// The section of git's settings.
const SECTION: &str = "filter.recell";
const ATTRIBUTES_FILE: &str = ".gitattributes";
/// What git shows if recell cannot be started: the length in hex, as of any packet, and the text.
const GONE: &str =
    "0050recell is gone: install it, or run git config --remove-section filter.recell";
/// A name that stands for any notebook when git is asked about its attributes.
const ANY_NOTEBOOK: &str = "recell-any-notebook.ipynb";

/// What is installed and what is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilterPlan {
    /// The `.gitattributes` that gives notebooks to the filter.
    pub(crate) attributes: PathBuf,
    /// Whether it says so.
    pub(crate) has_line: bool,
    /// Whether git does as it says: another attributes file may say otherwise.
    pub(crate) is_heeded: bool,
    /// A notebook that another filter has, and that filter.
    taken: Option<(String, String)>,
    /// The settings as they should be, and as they are.
    pub(crate) settings: Vec<FilterSetting>,
    signature: Option<Signature>,
}

/// One of git's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilterSetting {
    pub(crate) name: String,
    pub(crate) wanted: String,
    pub(crate) found: Option<String>,
}

impl FilterPlan {
    /// Looks at what is there for the notebooks below `folder`, which is in the work tree of
    /// `host`, and `command`, by which git finds recell.
    ///
    /// # Errors
    /// [`Error::Disk`], and those of a git that does not run.
    pub(crate) fn of(
        host: &HostRepository,
        git: &Git,
        folder: &Path,
        command: &Path,
    ) -> Result<FilterPlan> {
        let attributes = folder.join(ATTRIBUTES_FILE);
        let signature = disk::signature(&attributes)?;
        let text = disk::read_if_there(&attributes)?.unwrap_or_default();
        let given = filters_of_notebooks(host, git, folder)?;
        let taken = given.iter().find(|(_, filter)| is_of_another(filter)).cloned();
        let is_heeded = given.last().is_some_and(|(_, filter)| filter == FILTER);
        let mut settings = Vec::new();
        for (key, wanted) in wanted_settings(command) {
            let name = format!("{SECTION}.{key}");
            let asked = host.ask(git, ["config", "--local", "--get", &name]).outcome()?;
            let found = (asked.exit_code == Some(0)).then(|| asked.text());
            settings.push(FilterSetting { name, wanted, found });
        }
        let has_line = written(&text) != Written::No;
        Ok(FilterPlan { attributes, has_line, is_heeded, taken, settings, signature })
    }

    /// Whether there is nothing to install.
    pub(crate) fn is_installed(&self) -> bool {
        let is_set = |setting: &FilterSetting| setting.found.as_ref() == Some(&setting.wanted);
        self.has_line && self.is_heeded && self.settings.iter().all(is_set)
    }

    /// Whether nothing of the filter is there.
    pub(crate) fn is_absent(&self) -> bool {
        !self.has_line && self.settings.iter().all(|setting| setting.found.is_none())
    }

    /// Writes what is not as it should be. The settings come first: notebooks that are given to
    /// a filter nobody knows pass as they are.
    ///
    /// # Errors
    /// [`Error::FilterTaken`] if another filter has notebooks there, [`Error::ChangedMeanwhile`],
    /// [`Error::Disk`], and those of a git that does not run.
    pub(crate) fn install(&self, host: &HostRepository, git: &Git) -> Result<()> {
        if let Some((path, filter)) = &self.taken {
            let path = if path == ANY_NOTEBOOK { "*.ipynb" } else { path };
            return Err(Error::FilterTaken { path: path.into(), filter: filter.clone() });
        }
        for FilterSetting { name, wanted, found } in &self.settings {
            if found.as_ref() != Some(wanted) {
                let set = ["config", "--local", "--replace-all", name, wanted];
                git.command(set).in_folder(host.top()).run()?;
            }
        }
        if !self.has_line {
            self.change_file(|text| Some(with_lines(text)))?;
        }
        Ok(())
    }

    /// Takes away what [`FilterPlan::install`] wrote.
    ///
    /// # Errors
    /// As [`FilterPlan::install`].
    pub(crate) fn uninstall(&self, host: &HostRepository, git: &Git) -> Result<()> {
        if self.has_line {
            self.change_file(|text| without_lines(text.unwrap_or_default()))?;
        }
        for setting in self.settings.iter().filter(|setting| setting.found.is_some()) {
            let unset = ["config", "--local", "--unset-all", &setting.name];
            git.command(unset).in_folder(host.top()).run()?;
        }
        Ok(())
    }

    /// Replaces the file, or removes it where nothing is left of it.
    fn change_file(&self, change: impl FnOnce(Option<&[u8]>) -> Option<Vec<u8>>) -> Result<()> {
        let text = disk::read_if_there(&self.attributes)?;
        if disk::signature(&self.attributes)? != self.signature {
            return Err(Error::ChangedMeanwhile { path: self.attributes.clone() });
        }
        match change(text.as_deref()) {
            Some(text) => disk::replace(&self.attributes, &text),
            None => disk::remove(&self.attributes).map(drop),
        }
    }
}

/// Returns the settings with which git starts `command`.
///
/// `clean` and `smudge` are for programs that do not speak the long-running protocol. `required`
/// makes git refuse rather than commit outputs when recell cannot be started, as they may be
/// what nobody should see. Git would then say no more than that the remote end hung up: the
/// `printf` is a packet that git takes for no filter's, and shows.
fn wanted_settings(command: &Path) -> [(&'static str, String); 4] {
    let command = quoted(&command.to_string_lossy());
    [
        ("process", format!("{command} filter process || printf '{GONE}'")),
        ("clean", format!("{command} filter clean %f")),
        ("smudge", format!("{command} filter smudge %f")),
        ("required", "true".to_owned()),
    ]
}

/// Returns `text` as one word of the shell by which git starts filters.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte);
    if text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Returns the tracked notebooks below `folder` and the filters that git gives them to; last, one
/// that stands for all that are to come.
fn filters_of_notebooks(
    host: &HostRepository,
    git: &Git,
    folder: &Path,
) -> Result<Vec<(String, String)>> {
    let tracked = host.ask(git, ["ls-files", "-z", "--", "*.ipynb"]).in_folder(folder);
    let mut paths = tracked.run()?.stdout;
    paths.extend_from_slice(ANY_NOTEBOOK.as_bytes());
    paths.push(0);
    let asked = host.ask(git, ["check-attr", "-z", "--stdin", "filter"]).in_folder(folder);
    let output = asked.input(paths).run()?.stdout;
    // Path, attribute and value, each closed by a NUL.
    let mut fields = output.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let mut given = Vec::new();
    while let (Some(path), Some(_), Some(filter)) = (fields.next(), fields.next(), fields.next()) {
        given.push((path.into_owned(), filter.into_owned()));
    }
    Ok(given)
}

fn is_of_another(filter: &str) -> bool {
    !matches!(filter, "" | "unspecified" | "unset" | "set" | FILTER)
}

#[cfg(test)]
mod tests {
    use super::super::process::testing::{git as run, hermetic_git};
    use super::*;

    /// A repository without commits, and a git that sees no settings but its own.
    fn repository() -> (tempfile::TempDir, Git) {
        let folder = tempfile::tempdir().unwrap();
        let git = hermetic_git(folder.path());
        run(&git, folder.path(), &["init", "-q"]);
        (folder, git)
    }

    #[test]
    fn a_command_is_one_word_of_the_shell() {
        for (path, word, why) in [
            ("/usr/bin/recell", "/usr/bin/recell", "plain"),
            ("/my tools/recell", "'/my tools/recell'", "a blank"),
            ("/it's/recell", r"'/it'\''s/recell'", "a quote"),
            ("/$x/`y`/recell", "'/$x/`y`/recell'", "what the shell would run"),
        ] {
            assert_eq!(quoted(path), word, "{why}");
        }
    }

    #[test]
    fn installing_and_taking_away_leaves_no_trace() {
        let (folder, git) = repository();
        let host = HostRepository::discover(folder.path(), &git).unwrap();
        let before = disk::read(&host.git_dir.join("config")).unwrap();
        let command = Path::new("/my tools/recell");
        let plan = || FilterPlan::of(&host, &git, host.top(), command).unwrap();
        assert!(plan().is_absent() && !plan().is_installed());
        plan().install(&host, &git).unwrap();
        assert!(plan().is_installed() && !plan().is_absent());
        let moved = FilterPlan::of(&host, &git, host.top(), Path::new("/moved/recell")).unwrap();
        assert!(!moved.is_installed(), "git would start what is not there any more");
        let set = run(&git, folder.path(), &["config", "filter.recell.process"]);
        assert!(set.starts_with("'/my tools/recell' filter process || "), "{set}");
        plan().uninstall(&host, &git).unwrap();
        assert!(plan().is_absent());
        assert_eq!(disk::read(&host.git_dir.join("config")).unwrap(), before);
        assert!(!disk::is_there(&host.top().join(ATTRIBUTES_FILE)));
    }

    #[test]
    fn notebooks_of_another_filter_are_left_to_it() {
        let (folder, git) = repository();
        disk::replace(&folder.path().join(ATTRIBUTES_FILE), b"*.ipynb filter=nbstripout\n")
            .unwrap();
        let host = HostRepository::discover(folder.path(), &git).unwrap();
        let plan = FilterPlan::of(&host, &git, host.top(), Path::new("/recell")).unwrap();
        let refused = plan.install(&host, &git).unwrap_err();
        assert_eq!(refused.code(), "filter_taken");
        assert!(refused.to_string().contains("`*.ipynb` to the filter `nbstripout`"), "{refused}");
    }

    #[test]
    fn a_notebook_of_another_filter_is_found_in_any_folder() {
        let (folder, git) = repository();
        let below = folder.path().join("sub");
        disk::create_folders(&below).unwrap();
        disk::replace(&below.join("a.ipynb"), b"{}").unwrap();
        disk::replace(&below.join(ATTRIBUTES_FILE), b"*.ipynb filter=lfs\n").unwrap();
        run(&git, folder.path(), &["add", "--intent-to-add", "."]);
        let host = HostRepository::discover(folder.path(), &git).unwrap();
        let plan = FilterPlan::of(&host, &git, host.top(), Path::new("/recell")).unwrap();
        let refused = plan.install(&host, &git).unwrap_err();
        assert!(refused.to_string().contains("`sub/a.ipynb` to the filter `lfs`"), "{refused}");
    }

    #[test]
    fn attributes_that_outrank_the_line_are_noticed() {
        let (folder, git) = repository();
        let host = HostRepository::discover(folder.path(), &git).unwrap();
        let plan = || FilterPlan::of(&host, &git, host.top(), Path::new("/recell")).unwrap();
        plan().install(&host, &git).unwrap();
        disk::create_folders(&host.git_dir.join("info")).unwrap();
        disk::replace(&host.git_dir.join("info/attributes"), b"*.ipynb -filter\n").unwrap();
        assert!(plan().has_line && !plan().is_heeded && !plan().is_installed());
    }

    #[test]
    fn a_recell_that_is_gone_stops_git_with_words() {
        let (folder, git) = repository();
        let host = HostRepository::discover(folder.path(), &git).unwrap();
        let gone = Path::new("/no/such/recell");
        FilterPlan::of(&host, &git, host.top(), gone).unwrap().install(&host, &git).unwrap();
        disk::replace(&folder.path().join("a.ipynb"), b"{}").unwrap();
        let added = git.command(["add", "."]).in_folder(folder.path()).outcome().unwrap();
        assert_ne!(added.exit_code, Some(0), "no outputs are committed by accident");
        assert!(added.stderr.contains("recell is gone: install it"), "{}", added.stderr);
    }
}
