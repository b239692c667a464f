//! `recell secrets`: keys and tokens in results, and what of them may be pushed.

use clap::Subcommand;
use serde_json::json;

use crate::cli::findings::{finding_lines, findings_json, warn_of_unread};
use crate::cli::report::Outcome;
use crate::cli::selection::{Selection, chosen};
use crate::cli::session::Session;
use crate::cli::words::{count, size};
use crate::error::Error;
use crate::index::Pattern;
use crate::sync::{is_finding_digest, scan_entries, secret_rules};
use crate::workspace::Workspace;

/// The setting that lists what is no secret.
const ALLOW: &str = "secrets.allow";

/// Find keys and tokens in results before others see them
///
/// `recell push` searches what it is about to send by the same rules, and stops where something
/// looks like a secret. A finding is allowed by its digest, which tells nothing of the secret.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Search results; exit with 1 if something is found
    Scan(Scan),
    /// Let a finding pass, or all that a rule finds: written into `recell.toml`
    Allow(Allow),
    /// List the rules
    Rules,
}

#[derive(Debug, clap::Args)]
struct Scan {
    /// The results to search, with all their versions; by default everything.
    #[arg(value_name = "SELECTOR")]
    selectors: Vec<Selection>,
}

#[derive(Debug, clap::Args)]
struct Allow {
    /// The digest of a finding, or the name of a rule, as `recell secrets scan` shows them.
    #[arg(required = true, value_name = "DIGEST|RULE")]
    what: Vec<String>,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    match &args.action {
        Action::Scan(args) => scan(args, session),
        Action::Allow(args) => allow(args, session),
        Action::Rules => rules(session),
    }
}

fn scan(args: &Scan, session: &Session) -> Outcome {
    let store = session.store()?;
    let names = if args.selectors.is_empty() {
        store.list(&Pattern::all())?
    } else {
        chosen(&args.selectors, true, session, &session.snapshot(&store)?)?
    };
    let ui = &session.ui;
    let settings = &session.workspace()?.config().secrets;
    let report = scan_entries(&store, &names, settings, |_, _| true, &ui.progress())?;
    if ui.json() {
        ui.document(&json!({
            "findings": findings_json(&report),
            "secrets": report.secrets(),
            "entries": report.entries,
            "parts": report.parts,
            "bytes": report.bytes,
            "allowed": report.allowed,
            "unread": report.unread.iter().map(|miss| {
                json!({ "code": miss.code(), "message": miss.to_string() })
            }).collect::<Vec<_>>(),
        }))?;
    } else {
        for line in finding_lines(&report) {
            ui.line(line)?;
        }
        let entries = count(report.entries, "entry", "entries");
        let (parts, bytes) = (count(report.parts, "part", "parts"), size(report.bytes));
        ui.say(match report.parts {
            0 => format!("{entries}: all of it was searched before"),
            _ => format!("{entries}: {parts} searched, {bytes}"),
        });
        if report.allowed > 0 {
            let findings = count(report.allowed, "finding is", "findings are");
            ui.say(format!("{findings} allowed by `{ALLOW}`"));
        }
        if report.found.is_empty() {
            ui.say("no secrets found");
        }
    }
    warn_of_unread(ui, &report);
    Ok(report.outcome()?)
}

fn allow(args: &Allow, session: &Session) -> Outcome {
    let known = secret_rules();
    for text in &args.what {
        if !is_finding_digest(text) && !known.iter().any(|(rule, _)| rule == text) {
            return Err(Error::NotAFinding { text: text.clone() }.into());
        }
    }
    let ui = &session.ui;
    let before = &session.workspace()?.config().secrets.allow;
    let (mut changed, mut file) = (Vec::new(), None);
    for text in &args.what {
        let text = if is_finding_digest(text) { text.to_ascii_lowercase() } else { text.clone() };
        let workspace = Workspace::find(session.surroundings())?;
        if let Some(path) = workspace.add_to_list(ALLOW, before, &text)? {
            changed.push(text);
            file = Some(path);
        }
    }
    let now = Workspace::find(session.surroundings())?;
    if ui.json() {
        ui.document(&json!({
            "added": changed,
            "file": file,
            "allow": now.config().secrets.allow,
        }))?;
    } else {
        match &file {
            Some(path) => ui.say(format!("`{}` allows {}", path.display(), changed.join(", "))),
            None => ui.say("it is allowed already"),
        }
    }
    let counts = |text: &String| now.config().secrets.allow.contains(text);
    if !changed.iter().all(counts) {
        ui.warn(
            "another source of settings outranks the file",
            Some("Run `recell config --show-origin secrets.allow` to see which."),
        );
    }
    Ok(())
}

fn rules(session: &Session) -> Outcome {
    let ui = &session.ui;
    let rules = secret_rules();
    if ui.json() {
        let one = |(name, about): &(&str, &str)| json!({ "rule": name, "about": about });
        return ui.document(&rules.iter().map(one).collect());
    }
    let longest = rules.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, about) in rules {
        ui.line(format_args!("{name:longest$}  {about}"))?;
    }
    Ok(())
}
