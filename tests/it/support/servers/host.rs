//! A bare repository as a host keeps it, with the rules that hosts have.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::git;

/// A repository on a server. Rules add up.
pub struct Host {
    path: PathBuf,
}

impl Host {
    pub fn create(path: &Path) -> Host {
        std::fs::create_dir_all(path).unwrap();
        git(path, &["init", "--quiet", "--bare", "--initial-branch=main"]);
        let host = Host { path: path.to_owned() };
        // As large hosts do, it looks at all that it receives.
        let host = host.set("receive.fsckObjects", "true");
        host.set("http.receivepack", "true").set("gc.auto", "0")
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sets one of git's own settings.
    pub fn set(self, key: &str, value: &str) -> Host {
        git(&self.path, &["config", key, value]);
        self
    }

    /// Refuses pushes of more refs.
    pub fn at_most_refs(self, count: usize) -> Host {
        self.before_receiving(&format!(
            "n=$(printf '%s\\n' \"$updates\" | wc -l)\n\
             [ \"$n\" -le {count} ] || refuse \"a push may update at most {count} refs, not $n\"\n"
        ))
    }

    /// Refuses objects of more bytes, as hosts refuse large files.
    pub fn objects_up_to(self, bytes: u64) -> Host {
        self.before_receiving(&format!(
            "large=$(printf '%s\\n' \"$updates\" | awk '$2 !~ /^0+$/ {{print $2}}' |\n\
             git rev-list --objects --stdin --not --all | cut -d' ' -f1 |\n\
             git cat-file --batch-check='%(objectsize) %(objectname)' |\n\
             awk '$1 > {bytes} {{print; exit}}')\n\
             [ -z \"$large\" ] || refuse \"file is larger than {bytes} bytes: $large\"\n"
        ))
    }

    /// Refuses packs of more bytes.
    pub fn packs_up_to(self, bytes: u64) -> Host {
        self.set("receive.maxInputSize", &bytes.to_string())
    }

    /// Takes its time over each push.
    pub fn slow(self, time: Duration) -> Host {
        self.before_receiving(&format!("sleep {}\n", time.as_secs_f64()))
    }

    /// Takes no push, as a host does from whom may only read.
    pub fn read_only(self) -> Host {
        self.before_receiving("refuse 'you may read this repository, not write to it'\n")
    }

    /// Refuses single refs whose name matches a pattern of the shell; others of the same push
    /// pass.
    pub fn refusing(self, pattern: &str) -> Host {
        self.before_each_ref(&format!("case $name in {pattern}) refuse \"$name\" ;; esac\n"))
    }

    /// Keeps all that it ever had: refs only go forward and never go away. Git's own settings
    /// hold that for branches alone.
    pub fn append_only(self) -> Host {
        self.set("receive.denyNonFastForwards", "true")
            .set("receive.denyDeletes", "true")
            .before_each_ref(
                "expr \"$new\" : '0*$' >/dev/null && refuse \"deletion prohibited: $name\"\n\
                 expr \"$old\" : '0*$' >/dev/null || git merge-base --is-ancestor $old $new ||\n\
                 refuse \"non-fast-forward: $name\"\n",
            )
    }

    /// Filters what it sends, where asked for; or does not.
    pub fn with_filters(self, has: bool) -> Host {
        let has = if has { "true" } else { "false" };
        self.set("uploadpack.allowFilter", has).set("uploadpack.allowAnySHA1InWant", has)
    }

    /// Adds lines to what runs before anything is received; `refuse WORDS` ends it.
    fn before_receiving(self, lines: &str) -> Host {
        self.extend("pre-receive", "updates=$(cat)", lines)
    }

    /// Adds lines to what runs for each ref; `refuse WORDS` refuses that ref alone.
    fn before_each_ref(self, lines: &str) -> Host {
        self.extend("update", "name=$1 old=$2 new=$3", lines)
    }

    fn extend(self, hook: &str, start: &str, lines: &str) -> Host {
        let path = self.path.join("hooks").join(hook);
        let mut script = std::fs::read_to_string(&path).unwrap_or_else(|_| {
            format!("#!/bin/sh\n{start}\nrefuse() {{ echo \"error: refused: $*\" >&2; exit 1; }}\n")
        });
        script += lines;
        write_script(&path, &script);
        self
    }

    /// Takes all rules of hooks back.
    pub fn without_hooks(&self) {
        for hook in ["pre-receive", "update"] {
            drop(std::fs::remove_file(self.path.join("hooks").join(hook)));
        }
    }

    /// What its refs are: name and id.
    pub fn refs(&self) -> BTreeMap<String, String> {
        let lines = git(&self.path, &["for-each-ref", "--format=%(refname) %(objectname)"]);
        let pairs = lines.lines().map(|line| line.split_once(' ').unwrap());
        pairs.map(|(name, id)| (name.to_owned(), id.to_owned())).collect()
    }

    /// How many of its refs begin with a prefix.
    pub fn count_refs(&self, prefix: &str) -> usize {
        self.refs().keys().filter(|name| name.starts_with(prefix)).count()
    }

    /// How many objects it has, whoever needs them.
    pub fn objects(&self) -> usize {
        let all = ["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"];
        git(&self.path, &all).lines().count()
    }
}

/// Writes a program of the shell.
pub fn write_script(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
