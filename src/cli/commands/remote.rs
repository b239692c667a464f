//! `recell remote`: where results are pushed to and pulled from.

use serde_json::{Value, json};

use crate::cli::columns::{Align, Cell, Columns};
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::syncing::chosen_remote;
use crate::cli::ui::FAINT;
use crate::cli::words::{ago, count, grouped};
use crate::clock::Timestamp;
use crate::config::{RemoteSetting, is_remote_name, with_remote, without_remote};
use crate::disk;
use crate::error::{Error, Result};
use crate::git::{HostRepository, shown_address};
use crate::sync::{self, RemoteOrigin};

/// List and change the remotes that results travel to
///
/// The remotes of the repository that holds the notebooks are there by themselves, `origin` above
/// all. One that is the cache's alone is written into `recell.toml`, for all who share it.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Add a remote to the settings of the workspace
    Add {
        /// What it is called: letters, digits, `-`, `_`, `.`
        name: String,
        /// Its address, as git takes it, or `s3://`, `gs://`, `az://`, `static+file://` or
        /// `static+https://` (docs/static-remotes.md); a path starts at the workspace
        url: String,
    },
    /// List all remotes, and where each comes from
    Ls,
    /// Remove a remote from the settings, and what is known of it here
    Rm {
        /// What it is called
        name: String,
    },
    /// Show how this store and a remote stand, as far as is known without the network
    Show {
        /// What it is called; by default that of the settings
        name: Option<String>,
    },
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    match &args.what {
        What::Add { name, url } => add(session, name, url),
        What::Ls => ls(session),
        What::Rm { name } => rm(session, name),
        What::Show { name } => show(session, name.as_deref()),
    }
}

/// A remote as it is listed.
struct Listed {
    name: String,
    url: String,
    origin: RemoteOrigin,
    is_default: bool,
}

fn all(session: &Session) -> Result<Vec<Listed>> {
    let (workspace, git) = (session.workspace()?, session.git());
    let settings = &workspace.config().sync;
    let own = settings.remotes.iter().map(|remote| (remote.name.clone(), remote.url.clone()));
    let mut found: Vec<(String, String, RemoteOrigin)> =
        own.map(|(name, url)| (name, url, RemoteOrigin::Settings)).collect();
    if let Ok(host) = HostRepository::discover(workspace.base(), &git) {
        for (name, url) in host.remotes(&git)? {
            // The settings win.
            if found.iter().all(|(known, ..)| *known != name) {
                found.push((name, url, RemoteOrigin::Host));
            }
        }
    }
    let listed = found.into_iter().map(|(name, url, origin)| {
        let is_default = name == settings.remote;
        Listed { url: shown_address(&url), name, origin, is_default }
    });
    Ok(listed.collect())
}

fn word(origin: RemoteOrigin) -> &'static str {
    match origin {
        RemoteOrigin::Settings => "settings",
        RemoteOrigin::Host => "repository",
        RemoteOrigin::Address => "address",
    }
}

fn refused(name: &str, reason: &str) -> Error {
    Error::RemoteSetting { name: name.to_owned(), reason: reason.to_owned() }
}

fn add(session: &Session, name: &str, url: &str) -> Outcome {
    if name.is_empty() || !is_remote_name(name) {
        return Err(refused(name, "a name has letters, digits, `-`, `_` and `.` alone").into());
    }
    if url.is_empty() {
        return Err(refused(name, "the address is empty").into());
    }
    if sync::is_static_address(url)? {
        // What belongs to it comes from the environment.
    } else if has_password(url) {
        return Err(Error::PasswordInAddress { name: name.to_owned() }.into());
    }
    if let Some(known) = all(session)?.into_iter().find(|remote| remote.name == name) {
        let reason = match known.origin {
            RemoteOrigin::Host => "the repository has one of that name; `git remote` changes it",
            _ => "there is one of that name in the settings",
        };
        return Err(refused(name, reason).into());
    }
    let (path, at) = session.workspace()?.settings_to_write()?;
    let text = disk::read_if_there(&path)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let remote = RemoteSetting { name: name.to_owned(), url: url.to_owned() };
    let Some(text) = with_remote(&text, at, &remote) else {
        let reason = format!("`{}` says something else in `sync.remotes`", path.display());
        return Err(refused(name, &reason).into());
    };
    disk::replace(&path, text.as_bytes())?;
    let ui = &session.ui;
    if ui.json() {
        return ui.document(&json!({ "name": name, "url": url, "path": path }));
    }
    ui.say(format!("added `{name}` to {}; `recell push --remote {name}` uses it", path.display()));
    Ok(())
}

/// Whether an address has a password in it, or a token in the place of the user.
fn has_password(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let host = rest.split('/').next().unwrap_or_default();
    let Some((user, _)) = host.rsplit_once('@') else { return false };
    // Over ssh the user alone is no secret; over HTTP it may be a token.
    user.contains(':') || (scheme.starts_with("http") && user.len() >= 20)
}

fn ls(session: &Session) -> Outcome {
    let (remotes, ui) = (all(session)?, &session.ui);
    if ui.json() {
        let one = |remote: &Listed| {
            json!({
                "name": remote.name, "url": remote.url, "origin": word(remote.origin),
                "default": remote.is_default,
            })
        };
        return ui.document(&remotes.iter().map(one).collect::<Value>());
    }
    if remotes.is_empty() {
        ui.say("no remotes; `recell remote add NAME URL` or `git remote add origin URL` makes one");
        return Ok(());
    }
    let mut columns =
        Columns::new(&[("remote", Align::Left), ("address", Align::Left), ("from", Align::Left)]);
    for remote in remotes {
        let from = if remote.is_default {
            format!("{}, used by default", word(remote.origin))
        } else {
            word(remote.origin).to_owned()
        };
        columns.push([remote.name.into(), remote.url.into(), Cell::styled(from, FAINT)]);
    }
    columns.print(ui)
}

fn rm(session: &Session, name: &str) -> Outcome {
    let listed = all(session)?.into_iter().find(|remote| remote.name == name);
    match listed.map(|remote| remote.origin) {
        Some(RemoteOrigin::Host) => {
            let reason = "it is one of the repository's own; `git remote remove` does that";
            return Err(refused(name, reason).into());
        }
        Some(_) => {
            let (path, at) = session.workspace()?.settings_to_write()?;
            let text = disk::read_if_there(&path)?.unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            let Some(text) = without_remote(&text, at, name) else {
                let reason = format!("`{}` does not have it: another file does", path.display());
                return Err(refused(name, &reason).into());
            };
            disk::replace(&path, text.as_bytes())?;
        }
        // One that was removed by hand may have left refs.
        None if is_remote_name(name) => {}
        None => return Err(Error::NoRemote { name: name.to_owned(), known: Vec::new() }.into()),
    }
    let is_listed = listed_before(session, name);
    let store = session.workspace()?.open(session.options()).ok();
    let refs = store.map(|store| sync::forget_remote(&store, name)).transpose()?.unwrap_or(0);
    if !is_listed && refs == 0 {
        let known = all(session)?.into_iter().map(|remote| remote.name).collect();
        return Err(Error::NoRemote { name: name.to_owned(), known }.into());
    }
    let ui = &session.ui;
    if ui.json() {
        return ui.document(&json!({ "name": name, "forgotten_ledgers": refs }));
    }
    ui.say(format!("removed `{name}`; what it has stays there"));
    if refs > 0 {
        ui.say("parts that only it has can no longer be brought from it");
    }
    Ok(())
}

/// Whether the settings that this run began with have the remote.
fn listed_before(session: &Session, name: &str) -> bool {
    let has = |workspace: &crate::workspace::Workspace| {
        workspace.config().sync.remotes.iter().any(|remote| remote.name == name)
    };
    session.workspace().is_ok_and(has)
}

fn show(session: &Session, name: Option<&str>) -> Outcome {
    let chosen = chosen_remote(session, name)?;
    let store = session.store()?;
    let settings = &session.workspace()?.config().sync;
    let now = session.now();
    let standing = sync::standing(&store, &chosen.id, settings, now)?;
    let entries = sync::entries_there(&store, &chosen.id)?;
    let (fetch, push) = (shown_address(&chosen.address.fetch), shown_address(&chosen.address.push));
    let ui = &session.ui;
    if ui.json() {
        return ui.document(&json!({
            "name": chosen.id, "url": fetch, "push_url": push, "origin": word(chosen.origin),
            "ahead": standing.ahead, "behind": standing.behind, "ledgers": standing.ledgers,
            "entries": entries, "spoken": standing.spoken.map(Timestamp::to_rfc3339),
            "refs_a_push": standing.most_refs,
        }));
    }
    ui.line(format_args!("remote    {}, from the {}", chosen.id, word(chosen.origin)))?;
    ui.line(format_args!("address   {fetch}"))?;
    if push != fetch {
        ui.line(format_args!("push to   {push}"))?;
    }
    let ledgers = count(standing.ledgers, "ledger", "ledgers");
    ui.line(format_args!("has       {} in {ledgers}", count(entries, "entry", "entries")))?;
    ui.line(format_args!("ahead     {} to push", grouped(standing.ahead)))?;
    ui.line(format_args!("behind    {} to pull", grouped(standing.behind)))?;
    if let Some(most) = standing.most_refs {
        ui.line(format_args!("takes     {} a push", count(most, "ref", "refs")))?;
    }
    let spoken = standing.spoken.map_or_else(|| "never".to_owned(), |at| ago(now, at));
    ui.line(format_args!("spoken to {spoken}"))
}
