//! Commits signed with git's own signing, and whose a signature is.
//!
//! The store is a repository of its own, but its owner signs as in the repository of the
//! notebooks: that one's settings are read and handed on.

mod answers;
mod verdict;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use gix::ObjectId;

use self::answers::{gpg_verdict, lacks_program, last_words, ssh_verdict};
pub(crate) use self::verdict::{CommitSeal, commit_seal};
pub use self::verdict::{Signer, SigningMethod, Verdict};
use super::check::object_of_hex;
use super::commit::{AUTHOR, Commit, unix_seconds};
use super::host::HostRepository;
use super::process::{Git, GitCommand, GitEnvironment, GitOutput};
use crate::clock::Timestamp;
use crate::config::ObjectFormat;
use crate::digest::{Digest, Digester};
use crate::disk;
use crate::error::{Error, Result};

/// The settings of git that signing goes by.
const SETTINGS: [&str; 13] = [
    "commit.gpgsign",
    "gpg.format",
    "gpg.mintrustlevel",
    "gpg.openpgp.program",
    "gpg.program",
    "gpg.ssh.allowedsignersfile",
    "gpg.ssh.defaultkeycommand",
    "gpg.ssh.program",
    "gpg.ssh.revocationfile",
    "gpg.x509.program",
    "user.email",
    "user.name",
    "user.signingkey",
];

/// Who signs here and who may sign, as git and recell are told. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Signers {
    git: Git,
    /// Where git's settings are looked for: the folder of the notebooks.
    folder: PathBuf,
    /// The one file of allowed signers that counts, if a setting names it.
    named: Option<PathBuf>,
    /// The file of allowed signers that counts besides git's, if it is there.
    beside: Option<PathBuf>,
    settings: Arc<OnceLock<Settings>>,
}

#[derive(Debug, Default)]
struct Settings {
    values: Vec<(String, String)>,
    /// Where relative paths in them start.
    top: PathBuf,
}

impl Signers {
    /// Returns those that git's settings in `folder` name, for a git that sees `environment`.
    pub fn new(environment: GitEnvironment, folder: &Path) -> Signers {
        Signers {
            git: Git::new(environment),
            folder: folder.to_owned(),
            named: None,
            beside: None,
            settings: Arc::default(),
        }
    }

    /// Returns the same, where `file` says who may sign with ssh, and no other file does. It has
    /// git's form (`gpg.ssh.allowedSignersFile`).
    #[must_use]
    pub fn with_file(self, file: PathBuf) -> Signers {
        Signers { named: Some(file), ..self }
    }

    /// Returns the same, where `file`, if it is there, says who may sign besides what git names.
    #[must_use]
    pub fn with_file_beside(self, file: PathBuf) -> Signers {
        Signers { beside: Some(file), ..self }
    }

    fn settings(&self) -> &Settings {
        self.settings.get_or_init(|| {
            let host = HostRepository::discover(&self.folder, &self.git);
            let top = host.map_or_else(|_| self.folder.clone(), |host| host.top().to_owned());
            let asked = self.git.command(["config", "--null", "--list"]).in_folder(&top);
            let text = match asked.reading().outcome() {
                Ok(output) if output.exit_code == Some(0) => output.stdout,
                _ => Vec::new(),
            };
            let text = String::from_utf8_lossy(&text).into_owned();
            // A setting without a value, `[commit] gpgSign` alone, is true.
            let values = text
                .split('\0')
                .map(|item| item.split_once('\n').unwrap_or((item, "true")))
                .filter(|(name, _)| SETTINGS.contains(name))
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
            Settings { values: values.collect(), top }
        })
    }

    fn value(&self, name: &str) -> Option<&str> {
        let values = self.settings().values.iter().rev();
        values.into_iter().find(|(found, _)| found == name).map(|(_, value)| &**value)
    }

    /// Whether git signs commits here (`commit.gpgSign`).
    pub(crate) fn signs_commits(&self) -> bool {
        let is_true = |value: &str| {
            let words = ["true", "yes", "on", "1"];
            words.iter().any(|word| value.eq_ignore_ascii_case(word))
        };
        self.value("commit.gpgsign").is_some_and(is_true)
    }

    /// Returns the files that say who may sign with ssh, whether they are there or not.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        if let Some(named) = &self.named {
            return vec![self.folder.join(self.at_home(&named.to_string_lossy()))];
        }
        let beside = self.beside.iter().filter(|path| disk::is_there(path)).cloned();
        let of_git = self.value("gpg.ssh.allowedsignersfile").filter(|path| !path.is_empty());
        let of_git = of_git.map(|path| self.settings().top.join(self.at_home(path)));
        beside.chain(of_git).collect()
    }

    fn at_home(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.git.environment().value("HOME")) {
            (Some(rest), Some(home)) => Path::new(home).join(rest),
            _ => path.into(),
        }
    }

    /// Returns a digest of all that verdicts depend on besides the commit: who may sign with ssh,
    /// the keys of `GnuPG` and how far they are trusted, the settings of git.
    ///
    /// # Errors
    /// [`Error::Disk`] if something of it cannot be looked at.
    pub(crate) fn state(&self) -> Result<Digest> {
        let mut state = Digester::default();
        let mut add = |piece: &[u8]| {
            state.update(&(piece.len() as u64).to_le_bytes());
            state.update(piece);
        };
        for (name, value) in &self.settings().values {
            add(name.as_bytes());
            add(value.as_bytes());
        }
        let revoked = self.value("gpg.ssh.revocationfile").map(|path| self.at_home(path));
        for path in self.files().into_iter().chain(revoked) {
            add(path.as_os_str().as_encoded_bytes());
            add(&disk::read_if_there(&path)?.unwrap_or_default());
        }
        let environment = self.git.environment();
        let keys = match environment.value("GNUPGHOME") {
            Some(folder) => PathBuf::from(folder),
            None => self.at_home("~/.gnupg"),
        };
        for name in KEY_FILES {
            add(format!("{:?}", disk::signature(&keys.join(name))?).as_bytes());
        }
        Ok(state.finish())
    }

    /// Makes a signed commit in the repository `git_dir`, where git sees the commit's tree, and
    /// returns its id.
    ///
    /// # Errors
    /// [`Error::SigningProgramMissing`], [`Error::CannotSign`], and those of running git.
    pub(crate) fn sign(
        &self,
        git_dir: &Path,
        format: ObjectFormat,
        commit: &Commit,
        now: Timestamp,
    ) -> Result<ObjectId> {
        let method = match self.value("gpg.format") {
            Some("ssh") => SigningMethod::Ssh,
            Some("x509") => SigningMethod::X509,
            _ => SigningMethod::Gpg,
        };
        let mut sign = "-S".to_owned();
        if method != SigningMethod::Ssh && self.value("user.signingkey").is_none() {
            // Git would look for a key of whom the commit is by, who is no person.
            sign.push_str(&self.committer());
        }
        let mut command = self.on_store(git_dir, &["i18n.commitEncoding=UTF-8"]);
        command = command.args(["commit-tree", &sign, &commit.tree.to_string()]);
        for parent in &commit.parents {
            command = command.args(["-p", &parent.to_string()]);
        }
        let (name, email) = AUTHOR.split_once(" <").expect("a name and an address");
        let email = email.trim_end_matches('>');
        let date = format!("@{} +0000", unix_seconds(now));
        let output = command
            .args(["-F", "-"])
            .input(format!("{}\n", commit.message))
            .variable("GIT_AUTHOR_NAME", name)
            .variable("GIT_AUTHOR_EMAIL", email)
            .variable("GIT_AUTHOR_DATE", &date)
            .variable("GIT_COMMITTER_NAME", name)
            .variable("GIT_COMMITTER_EMAIL", email)
            .variable("GIT_COMMITTER_DATE", &date)
            .outcome()?;
        let id = object_of_hex(output.text().as_bytes(), format);
        match id.filter(|_| output.exit_code == Some(0)) {
            Some(id) => Ok(id),
            None if lacks_program(&output) => {
                let (program, package) = self.program(method);
                Err(Error::SigningProgramMissing { program, package })
            }
            None => Err(Error::CannotSign { reason: last_words(&output) }),
        }
    }

    /// Returns whose the signature of a commit is, by how it was signed; the commit must be one
    /// that git sees.
    ///
    /// # Errors
    /// [`Error::GitNotFound`] and [`Error::TalkToGit`].
    pub(crate) fn verify(
        &self,
        git_dir: &Path,
        commit: &ObjectId,
        method: SigningMethod,
    ) -> Result<Verdict> {
        if method != SigningMethod::Ssh {
            // Whoever has a key in the ring is no friend yet: it must be certified by its owner.
            let least = self.value("gpg.mintrustlevel").unwrap_or("fully");
            let output = self.ask(git_dir, commit, &format!("gpg.minTrustLevel={least}"))?;
            return Ok(gpg_verdict(&output, method, &self.program(method)));
        }
        let mut verdict = None;
        for file in self.files() {
            if !disk::is_there(&file) {
                let reason = format!("there is no file `{}`", file.display());
                verdict = verdict.or(Some(Verdict::Unchecked { reason }));
                continue;
            }
            let setting = format!("gpg.ssh.allowedSignersFile={}", file.display());
            let found = ssh_verdict(&self.ask(git_dir, commit, &setting)?, &self.program(method));
            if matches!(found, Verdict::Good(_)) {
                return Ok(found);
            }
            verdict = Some(found);
        }
        Ok(verdict
            .unwrap_or_else(|| Verdict::Unchecked { reason: "no file says who may sign".into() }))
    }

    fn ask(&self, git_dir: &Path, commit: &ObjectId, setting: &str) -> Result<GitOutput> {
        let command = self.on_store(git_dir, &[setting]).reading();
        command.args(["verify-commit", "--raw", &commit.to_string()]).outcome()
    }

    /// Returns git on the repository `git_dir` with the settings of the folder of the notebooks,
    /// and `more`, which count most.
    fn on_store(&self, git_dir: &Path, more: &[&str]) -> GitCommand {
        let Settings { values, top } = self.settings();
        let mut command = self.git.command(["--git-dir"]).args([git_dir]).in_folder(top);
        for (name, value) in values {
            command = command.args(["-c", &format!("{name}={value}")]);
        }
        for setting in more {
            command = command.args(["-c", setting]);
        }
        command
    }

    /// Returns who git says commits here, for whom `GnuPG` then has a key.
    fn committer(&self) -> String {
        let asked = self.git.command(["var", "GIT_COMMITTER_IDENT"]);
        let answer = asked.in_folder(&self.settings().top).reading().run();
        let text = answer.map(|output| output.text()).unwrap_or_default();
        text.rfind('>').map_or(String::new(), |end| text[..=end].to_owned())
    }

    fn program(&self, method: SigningMethod) -> (String, &'static str) {
        let (setting, default, package) = method.program();
        let of_gpg = (method == SigningMethod::Gpg).then(|| self.value("gpg.program")).flatten();
        let program = self.value(setting).or(of_gpg).unwrap_or(default);
        (program.to_owned(), package)
    }
}

/// Where `GnuPG` keeps keys and how far they are trusted.
const KEY_FILES: [&str; 5] =
    ["pubring.kbx", "pubring.gpg", "public-keys.d/pubring.db", "trustdb.gpg", "tofu.db"];
