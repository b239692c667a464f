//! `recell filter`: git strips notebooks that are added, and recell keeps their outputs.

use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::filtering::Filtering;
use crate::cli::report::{Failure, Outcome};
use crate::cli::session::Session;
use crate::disk;
use crate::error::{Error, Result};
use crate::git::{
    FilterAnswer, FilterCommand, FilterContent, FilterLimits, FilterPlan, FilterRequest,
    FilterSetting, Git, HostRepository, NoHost, serve_filter,
};

/// A notebook of up to this many bytes is looked at, however little of it may be recorded.
const LEAST_IN_MEMORY: u64 = 64 << 20;

/// Let git strip notebooks that are added, and keep their outputs
///
/// After `recell filter install`, what `git add` takes of a notebook has no outputs: these are
/// recorded. The notebook in the work tree stays as it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Give the notebooks of the workspace to recell: `.gitattributes` and git's local settings
    Install(Install),
    /// Take away what `install` wrote; notebooks are committed with outputs again
    Uninstall,
    /// Show whether git gives notebooks to recell
    Status,
    /// Filter for git, which starts this by itself and speaks its protocol
    #[command(hide = true)]
    Process,
    /// Print the notebook on standard input as git is to keep it, and record its outputs
    Clean(OneFile),
    /// Print the notebook on standard input as the work tree is to have it
    Smudge(OneFile),
}

#[derive(Debug, clap::Args)]
struct Install {
    /// Write nothing; exit with 1 if something is not as it should be.
    #[arg(long)]
    check: bool,
}

#[derive(Debug, clap::Args)]
struct OneFile {
    /// Where the notebook is, relative to the working directory.
    path: PathBuf,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    match &args.action {
        Action::Install(args) => install(session, args),
        Action::Uninstall => uninstall(session),
        Action::Status => status(session),
        Action::Process => process(session),
        Action::Clean(file) => one(session, FilterCommand::Clean, file),
        Action::Smudge(file) => one(session, FilterCommand::Smudge, file),
    }
}

/// The host repository, and what of the filter is there.
struct Found {
    git: Git,
    host: HostRepository,
    /// The folder whose notebooks git gives to the filter.
    folder: PathBuf,
    plan: FilterPlan,
}

impl Found {
    fn look(session: &Session) -> Result<Found> {
        let workspace = session.workspace()?;
        let git = session.git();
        let no_host = |reason: NoHost| Error::NoHost { reason: reason.to_string() };
        let here = session.path(Path::new("."));
        let host = HostRepository::discover(&here, &git).map_err(no_host)?;
        let Some(top) = host.work_tree.clone() else {
            return Err(Error::NoWorkTree { git_dir: host.git_dir });
        };
        let base = disk::real_path(workspace.base());
        // A workspace may span repositories, and a repository workspaces.
        let folder = if base.starts_with(&top) { base } else { top };
        let command = std::env::current_exe().map_err(|source| Error::Disk {
            action: "find the path of",
            path: "recell".into(),
            source,
        })?;
        let plan = FilterPlan::of(&host, &git, &folder, &command)?;
        Ok(Found { git, host, folder, plan })
    }

    fn document(&self) -> Value {
        let settings = self.plan.settings.iter().map(|setting| {
            json!({ "name": setting.name, "wanted": setting.wanted, "found": setting.found })
        });
        json!({
            "installed": self.plan.is_installed(),
            "attributes": self.plan.attributes,
            "has_line": self.plan.has_line,
            "heeded": self.plan.is_heeded,
            "settings": settings.collect::<Vec<_>>(),
        })
    }
}

fn install(session: &Session, args: &Install) -> Outcome {
    let found = Found::look(session)?;
    let was_installed = found.plan.is_installed();
    if args.check {
        return if was_installed {
            Ok(())
        } else {
            Err(Error::FilterNotInstalled { path: found.folder }.into())
        };
    }
    // Without a store every commit would only warn.
    drop(session.store_to_put()?);
    found.plan.install(&found.host, &found.git)?;
    let ui = &session.ui;
    if !Found::look(session)?.plan.is_heeded {
        ui.warn(
            "other attributes of git outrank the line that was written",
            Some("Look for `*.ipynb` in `.git/info/attributes` and in folders of the notebooks."),
        );
    }
    if ui.json() {
        return ui.document(&Found::look(session)?.document());
    }
    if was_installed {
        ui.say("git gives the notebooks to recell already");
        return Ok(());
    }
    ui.say(format!("git gives the notebooks below `{}` to recell", found.folder.display()));
    ui.say(format!("commit `{}`, so that other clones do so too", found.plan.attributes.display()));
    ui.say("notebooks that are committed with outputs: `git add --renormalize .` strips them");
    Ok(())
}

fn uninstall(session: &Session) -> Outcome {
    let found = Found::look(session)?;
    let was_absent = found.plan.is_absent();
    found.plan.uninstall(&found.host, &found.git)?;
    if session.ui.json() {
        return session.ui.document(&Found::look(session)?.document());
    }
    session.ui.say(if was_absent {
        "the filter is not installed"
    } else {
        "git keeps notebooks as they are again; what was recorded stays in the store"
    });
    Ok(())
}

fn status(session: &Session) -> Outcome {
    let found = Found::look(session)?;
    let ui = &session.ui;
    if ui.json() {
        return ui.document(&found.document());
    }
    let state = match (found.plan.is_installed(), found.plan.is_absent()) {
        (true, _) => "installed",
        (_, true) => "not installed",
        _ => "installed in part; `recell filter install` mends it",
    };
    ui.line(format_args!("filter      {state}"))?;
    let line = match (found.plan.has_line, found.plan.is_heeded) {
        (true, true) => "gives notebooks to recell",
        (true, false) => "gives notebooks to recell, but other attributes outrank it",
        (false, _) => "does not",
    };
    ui.line(format_args!("attributes  {}: {line}", found.plan.attributes.display()))?;
    for FilterSetting { name, wanted, found } in &found.plan.settings {
        let value = match found {
            None => "not set".to_owned(),
            Some(found) if found == wanted => found.clone(),
            Some(found) => format!("{found}, not {wanted}"),
        };
        ui.line(format_args!("setting     {name}: {value}"))?;
    }
    Ok(())
}

fn process(session: &Session) -> Outcome {
    let max_output = session.workspace()?.config().filter.max_output.bytes();
    // Room for the outputs of one cell that may be recorded, and for all around them.
    let in_memory = max_output.saturating_mul(2).max(LEAST_IN_MEMORY);
    let limits = FilterLimits {
        in_memory: usize::try_from(in_memory).unwrap_or(usize::MAX),
        spool_folder: session.temporary_place(),
    };
    let mut filtering = Filtering::new(session);
    let input = BufReader::with_capacity(1 << 16, io::stdin().lock());
    let mut handler = |request: FilterRequest<'_>| {
        let path = path_of(request.pathname);
        match request.content {
            FilterContent::Whole(bytes) => {
                let bytes = filtering.filter(request.command, &path, bytes);
                bytes.map_or(FilterAnswer::Unchanged, FilterAnswer::Content)
            }
            FilterContent::TooLarge { bytes } => {
                let size = crate::cli::words::size(bytes);
                filtering.warn(&path, &format!("left as it is: it has {size}"));
                FilterAnswer::Unchanged
            }
            FilterContent::Lost { reason } => {
                filtering.warn(&path, &format!("could not be filtered: {reason}"));
                FilterAnswer::Failed
            }
        }
    };
    let served = session
        .ui
        .with_out(|out| serve_filter(input, out, &limits, &mut handler).map_err(Failure::from));
    filtering.finish();
    served.map(drop)
}

/// Git's paths are bytes, as those of the system are.
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

fn one(session: &Session, command: FilterCommand, file: &OneFile) -> Outcome {
    let stream =
        |action, stream| move |source| Failure::from(Error::Stream { action, stream, source });
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).map_err(stream("read", "input"))?;
    let mut filtering = Filtering::new(session);
    let filtered = filtering.filter(command, &file.path, &bytes);
    filtering.finish();
    session.ui.with_out(|out| {
        out.write_all(filtered.as_deref().unwrap_or(&bytes)).map_err(stream("write to", "output"))
    })
}
