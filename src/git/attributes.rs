//! Giving notebooks to recell's filter: a line of `.gitattributes`, and git's own settings.
//!
//! What is to be done is a plan first, made without writing anything.

use std::path::{Path, PathBuf};

use super::host::HostRepository;
use super::process::Git;
use crate::disk::{self, Signature};
use crate::error::{Error, Result};

/// The filter's name in git.
const FILTER: &str = "recell";
/// What `.gitattributes` says.
const LINE: &str = "*.ipynb filter=recell";
/// The section of git's settings.
const SECTION: &str = "filter.recell";
const ATTRIBUTES_FILE: &str = ".gitattributes";
/// A name that stands for any notebook when git is asked about its attributes.
const ANY_NOTEBOOK: &str = "recell-any-notebook.ipynb";

/// What is installed and what is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilterPlan {
    /// The `.gitattributes` that gives notebooks to the filter.
    pub(crate) attributes: PathBuf,
    /// Whether it does.
    pub(crate) has_line: bool,
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
    /// [`Error::FilterTaken`] if another filter has notebooks there, [`Error::Disk`], and those of
    /// a git that does not run.
    pub(crate) fn of(
        host: &HostRepository,
        git: &Git,
        folder: &Path,
        command: &Path,
    ) -> Result<FilterPlan> {
        let attributes = folder.join(ATTRIBUTES_FILE);
        let signature = disk::signature(&attributes)?;
        let text = disk::read_if_there(&attributes)?.unwrap_or_default();
        let taken = filter_of(host, git, &folder.join(ANY_NOTEBOOK))?;
        match taken.as_deref() {
            None | Some(FILTER) => {}
            Some(filter) => {
                let path = folder.strip_prefix(host.top()).unwrap_or(folder).join("*.ipynb");
                return Err(Error::FilterTaken {
                    path: path.display().to_string(),
                    filter: filter.to_owned(),
                });
            }
        }
        let mut settings = Vec::new();
        for (key, wanted) in wanted_settings(command) {
            let name = format!("{SECTION}.{key}");
            let asked = host.ask(git, ["config", "--local", "--get", &name]).outcome()?;
            let found = (asked.exit_code == Some(0)).then(|| asked.text());
            settings.push(FilterSetting { name, wanted, found });
        }
        let has_line = has_line(&text);
        Ok(FilterPlan { attributes, has_line, settings, signature })
    }

    /// Whether there is nothing to install.
    pub(crate) fn is_installed(&self) -> bool {
        let is_set = |setting: &FilterSetting| setting.found.as_ref() == Some(&setting.wanted);
        self.has_line && self.settings.iter().all(is_set)
    }

    /// Whether nothing of the filter is there.
    pub(crate) fn is_absent(&self) -> bool {
        !self.has_line && self.settings.iter().all(|setting| setting.found.is_none())
    }

    /// Writes what is not as it should be. The settings come first: notebooks that are given to
    /// a filter nobody knows pass as they are.
    ///
    /// # Errors
    /// [`Error::ChangedMeanwhile`], [`Error::Disk`], and those of a git that does not run.
    pub(crate) fn install(&self, host: &HostRepository, git: &Git) -> Result<()> {
        for FilterSetting { name, wanted, found } in &self.settings {
            if found.as_ref() != Some(wanted) {
                let set = ["config", "--local", "--replace-all", name, wanted];
                git.command(set).in_folder(host.top()).run()?;
            }
        }
        if !self.has_line {
            self.change_file(|text| Some(with_line(text)))?;
        }
        Ok(())
    }

    /// Takes away what [`FilterPlan::install`] wrote.
    ///
    /// # Errors
    /// As [`FilterPlan::install`].
    pub(crate) fn uninstall(&self, host: &HostRepository, git: &Git) -> Result<()> {
        if self.has_line {
            self.change_file(without_line)?;
        }
        if self.settings.iter().any(|setting| setting.found.is_some()) {
            let remove = ["config", "--local", "--remove-section", SECTION];
            git.command(remove).in_folder(host.top()).run()?;
        }
        Ok(())
    }

    /// Replaces the file, or removes it where nothing is left of it.
    fn change_file(&self, change: impl FnOnce(&[u8]) -> Option<Vec<u8>>) -> Result<()> {
        let text = disk::read_if_there(&self.attributes)?.unwrap_or_default();
        if disk::signature(&self.attributes)? != self.signature {
            return Err(Error::ChangedMeanwhile { path: self.attributes.clone() });
        }
        match change(&text) {
            Some(text) => disk::replace(&self.attributes, &text),
            None => disk::remove(&self.attributes).map(drop),
        }
    }
}

/// Returns the settings with which git starts `command`.
///
/// `clean` and `smudge` are for programs that do not speak the long-running protocol. `required`
/// makes git refuse rather than commit outputs when recell cannot be started, as they may be
/// what nobody should see.
fn wanted_settings(command: &Path) -> [(&'static str, String); 4] {
    let command = quoted(&command.to_string_lossy());
    [
        ("process", format!("{command} filter process")),
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

/// Returns the filter that git gives `path` to.
fn filter_of(host: &HostRepository, git: &Git, path: &Path) -> Result<Option<String>> {
    let asked = host.ask(git, ["check-attr", "-z", "filter", "--"]).args([path.as_os_str()]);
    let output = asked.run()?;
    // Path, attribute and value, each closed by a NUL.
    let value = output.stdout.split(|byte| *byte == 0).nth(2).unwrap_or_default();
    let value = String::from_utf8_lossy(value).into_owned();
    Ok((!matches!(value.as_str(), "" | "unspecified" | "unset" | "set")).then_some(value))
}

fn has_line(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').any(is_line)
}

fn is_line(line: &[u8]) -> bool {
    line.trim_ascii() == LINE.as_bytes()
}

/// Returns `text` with the line at its end, where it wins over what stands before.
fn with_line(text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    let end = if memchr::memmem::find(&text, b"\r\n").is_some() { "\r\n" } else { "\n" };
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.extend_from_slice(end.as_bytes());
    }
    text.extend_from_slice(LINE.as_bytes());
    text.extend_from_slice(end.as_bytes());
    text
}

/// Returns `text` without the line; `None` if that was all.
fn without_line(text: &[u8]) -> Option<Vec<u8>> {
    let lines = text.split_inclusive(|byte| *byte == b'\n').filter(|line| !is_line(line));
    let left: Vec<u8> = lines.flatten().copied().collect();
    (!left.is_empty()).then_some(left)
}

#[cfg(test)]
mod tests {
    use super::super::process::testing::{git as run, hermetic_git};
    use super::*;

    #[test]
    fn the_line_comes_and_goes_and_others_stay() {
        for (text, with, why) in [
            ("", "*.ipynb filter=recell\n", "no file"),
            ("*.png binary\n", "*.png binary\n*.ipynb filter=recell\n", "others stay"),
            ("*.png binary", "*.png binary\n*.ipynb filter=recell\n", "no end of line"),
            ("a b\r\n", "a b\r\n*.ipynb filter=recell\r\n", "ends of lines as they are"),
        ] {
            let done = with_line(text.as_bytes());
            assert_eq!(String::from_utf8_lossy(&done), with, "{why}");
            assert!(has_line(&done) && !has_line(text.as_bytes()), "{why}");
            let back = without_line(&done).unwrap_or_default();
            assert_eq!(back.trim_ascii(), text.as_bytes().trim_ascii(), "{why}");
        }
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
        let folder = tempfile::tempdir().unwrap();
        let git = hermetic_git(folder.path());
        run(&git, folder.path(), &["init", "-q"]);
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
        assert_eq!(set, "'/my tools/recell' filter process");
        plan().uninstall(&host, &git).unwrap();
        assert!(plan().is_absent());
        assert_eq!(disk::read(&host.git_dir.join("config")).unwrap(), before);
        assert!(!disk::is_there(&host.top().join(ATTRIBUTES_FILE)));
    }

    #[test]
    fn notebooks_of_another_filter_are_left_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let git = hermetic_git(folder.path());
        run(&git, folder.path(), &["init", "-q"]);
        disk::replace(&folder.path().join(ATTRIBUTES_FILE), b"*.ipynb filter=nbstripout\n")
            .unwrap();
        let host = HostRepository::discover(folder.path(), &git).unwrap();
        let refused = FilterPlan::of(&host, &git, host.top(), Path::new("/recell")).unwrap_err();
        assert_eq!(refused.code(), "filter_taken");
        assert!(refused.to_string().contains("`*.ipynb` to the filter `nbstripout`"), "{refused}");
    }
}
