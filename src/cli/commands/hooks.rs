//! `recell hooks`: git pushes results along with the commits.

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use clap::{FromArgMatches, Subcommand};
use serde_json::{Value, json};

use super::push;
use crate::cli::report::{Failure, Outcome};
use crate::cli::session::Session;
use crate::cli::syncing::{chosen_remote, speak};
use crate::config::{Key, Origin};
use crate::disk;
use crate::error::{Error, Result};
use crate::git::{FoundHook, Git, HookPlan, HostRepository};

/// How long a remote that is not the one git just spoke with may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Push results whenever git pushes commits
///
/// `install` makes a `pre-push` hook in the host repository, for all its work trees. It runs `recell
/// push` to the remote that git pushes to; if `sync.remote` is set, to that one. What goes wrong
/// there is a warning, and git pushes all the same, unless it was installed with `--strict`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make the hook; one that is not recell's is never changed
    Install(Install),
    /// Take the hook away
    Rm,
    /// Show whether git calls recell before it pushes
    Status,
    /// What the hook runs
    #[command(hide = true)]
    Run(Run),
}

#[derive(Debug, clap::Args)]
struct Install {
    /// Let git push nothing if results could not be pushed.
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, clap::Args)]
struct Run {
    #[command(subcommand)]
    hook: Hook,
}

#[derive(Debug, Subcommand)]
enum Hook {
    PrePush(PrePush),
}

#[derive(Debug, clap::Args)]
struct PrePush {
    /// Fail if results could not be pushed.
    #[arg(long)]
    strict: bool,
    /// The remote that git pushes to, by name, or by address if it has none.
    remote: String,
    /// Its address.
    address: Option<String>,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    match &args.action {
        Action::Install(args) => install(session, args),
        Action::Rm => remove(session),
        Action::Status => status(session),
        Action::Run(Run { hook: Hook::PrePush(args) }) => pre_push(session, args),
    }
}

fn look(session: &Session, strict: bool) -> Result<HookPlan> {
    let workspace = session.workspace()?;
    let git = session.git();
    let here = session.path(Path::new("."));
    let host = found_host(&here, &git)?;
    if host.work_tree.is_none() {
        return Err(Error::NoWorkTree { git_dir: host.git_dir });
    }
    let program = std::env::current_exe().map_err(|source| Error::Disk {
        action: "find the path of",
        path: "recell".into(),
        source,
    })?;
    HookPlan::of(&host, &git, workspace.base(), &program, strict)
}

fn found_host(here: &Path, git: &Git) -> Result<HostRepository> {
    let found = HostRepository::discover(here, git);
    found.map_err(|reason| Error::NoHost { reason: reason.to_string() })
}

fn document(plan: &HookPlan) -> Value {
    json!({
        "installed": plan.is_installed(),
        "path": plan.path,
        "found": match plan.found {
            FoundHook::None => "none",
            FoundHook::Installed => "recell",
            FoundHook::Outdated => "recell_outdated",
            FoundHook::CallsUs => "calls_recell",
            FoundHook::Other => "other",
        },
        "strict": plan.found_strict,
        "shared": plan.shared,
    })
}

fn install(session: &Session, args: &Install) -> Outcome {
    if session.workspace()?.root().is_none() {
        let path = session.workspace()?.base().to_owned();
        return Err(Error::NoStore { path }.into());
    }
    let plan = look(session, args.strict)?;
    plan.install()?;
    let ui = &session.ui;
    if ui.json() {
        return ui.document(&document(&look(session, args.strict)?));
    }
    let path = plan.path.display();
    ui.say(match plan.found {
        FoundHook::Installed if plan.is_executable => format!("`{path}` is installed already"),
        FoundHook::CallsUs => format!("`{path}` calls recell already"),
        _ => format!("git pushes results along with commits: `{path}`"),
    });
    Ok(())
}

fn remove(session: &Session) -> Outcome {
    let plan = look(session, false)?;
    let was_there = plan.remove()?;
    let ui = &session.ui;
    if ui.json() {
        return ui.document(&document(&look(session, false)?));
    }
    let path = plan.path.display();
    if was_there {
        ui.say(format!("`{path}` is gone; `recell push` pushes results"));
    } else if plan.found == FoundHook::CallsUs {
        ui.warn(
            &format!("`{path}` is not recell's, so that it stays"),
            Some("Take the line with `recell` out of it."),
        );
    } else {
        ui.say("the hook is not installed");
    }
    Ok(())
}

fn status(session: &Session) -> Outcome {
    let plan = look(session, false)?;
    let ui = &session.ui;
    if ui.json() {
        return ui.document(&document(&plan));
    }
    let state = match plan.found {
        FoundHook::None => "not installed",
        FoundHook::Other => "not installed; there is another hook",
        _ if !plan.is_executable => "there, but git cannot run it: `recell hooks install` mends it",
        FoundHook::CallsUs => "another hook, which calls recell",
        FoundHook::Installed | FoundHook::Outdated => "installed",
    };
    let strict = if plan.found_strict { ", strict" } else { "" };
    ui.line(format_args!("pre-push  {state}{strict}"))?;
    ui.line(format_args!("path      {}", plan.path.display()))
}

/// Pushes results; what hinders that is a warning, unless the hook is strict.
fn pre_push(session: &Session, args: &PrePush) -> Outcome {
    let workspace = session.workspace()?;
    if workspace.root().is_none() || !disk::is_there(workspace.store_path()) {
        // A branch or a clone without results.
        return Ok(());
    }
    let pushed = push_results(session, args);
    let (true, Err(failure)) = (!args.strict, &pushed) else { return pushed };
    let (message, hint) = match failure {
        Failure::Error(error) => (error.to_string(), error.hint()),
        Failure::Closed => return Ok(()),
        _ => ("see above".to_owned(), None),
    };
    let hint = hint.unwrap_or_else(|| "`recell push` tries it again.".into());
    session.ui.warn(&format!("results were not pushed: {message}"), Some(&hint));
    Ok(())
}

fn push_results(session: &Session, args: &PrePush) -> Outcome {
    let key = Key::named("sync.remote").expect("the setting is in the table");
    let is_set = *session.workspace()?.settings().origin(key) != Origin::Default;
    let remote = if is_set { None } else { Some(args.remote.as_str()) };
    if is_set {
        wait_for_answer(session)?;
    }
    push::run(&push_args(remote), session)
}

/// Returns the arguments of `recell push` to a remote.
fn push_args(remote: Option<&str>) -> push::Args {
    let words = remote.map(|remote| format!("--remote={remote}"));
    let command = <push::Args as clap::Args>::augment_args(clap::Command::new("push"));
    let words = std::iter::once("push".to_owned()).chain(words);
    let matches = command.try_get_matches_from(words).expect("every text may be a remote");
    push::Args::from_arg_matches(&matches).expect("the arguments are those of the command")
}

/// Asks the remote of the settings something, so that one that is not there does not keep the user
/// from pushing for longer than [`PATIENCE`].
fn wait_for_answer(session: &Session) -> Result<(), Failure> {
    let store = session.store()?;
    let chosen = chosen_remote(session, None)?;
    let remote = speak(session, &chosen, &store)?;
    let shown = remote.shown();
    let (tell, told) = channel();
    std::thread::spawn(move || tell.send(remote.list(&["refs/recell/none"]).map(drop)));
    match told.recv_timeout(PATIENCE) {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Error::NoAnswer { remote: shown, seconds: PATIENCE.as_secs() }.into()),
    }
}
