//! `recell trust`: who signed what, and what may run code here.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::columns::{Align, Cell, Columns};
use crate::cli::describe::one_line;
use crate::cli::json as objects;
use crate::cli::report::Outcome;
use crate::cli::selection::Selection;
use crate::cli::session::Session;
use crate::cli::ui::{FAINT, STRONG};
use crate::cli::words::{count, grouped, part as part_words};
use crate::config::TrustPolicy;
use crate::disk;
use crate::entry::CodeRisk;
use crate::error::{Error, Result};
use crate::git::{Signer, Verdict};
use crate::index::Pattern;
use crate::progress::{Progress, Unit};
use crate::store::{Entry, Standing};
use crate::sync::trust::{LedgerTrust, TrustSurvey, allow, survey};

/// Show who signed what, and whose results may run code here
///
/// Reading a pickle runs code of whoever made it. Such parts are handed out if their entry was put
/// in this store; with `trust.policy = "signed"` also if somebody who may sign vouches for it
/// (docs/trust.md). All other parts are always handed out.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Which notebooks to look at; by default all.
    #[arg(default_value = "*", hide_default_value = true, value_parser = Pattern::parse)]
    pattern: Pattern,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show where an entry comes from, and which of its parts can run code
    Show(Show),
    /// Let somebody sign: add their public key of ssh to the file of allowed signers
    ///
    /// The file is that of `trust.allowed_signers`, else one beside the store, which counts here
    /// only. Keys of gpg are not in it: certify those with gpg itself.
    Allow(Allow),
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The entry, as for `recell get`.
    key: Selection,
}

#[derive(Debug, clap::Args)]
struct Allow {
    /// Who it is: an address.
    who: String,
    /// The file with their public key, `-` for standard input; or the key itself.
    key: String,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    match &args.action {
        None => list(&args.pattern, session),
        Some(Action::Show(args)) => show(args, session),
        Some(Action::Allow(args)) => let_sign(args, session),
    }
}

fn list(pattern: &Pattern, session: &Session) -> Outcome {
    let store = session.store()?;
    let ui = &session.ui;
    let progress = ui.progress();
    progress.begin("checking signatures", None, Unit::Time);
    let found = survey(&store, pattern);
    progress.end();
    let found = found?;
    if ui.json() {
        return ui.document(&document(&found));
    }
    let mut columns = Columns::new(&[
        ("notebook", Align::Left),
        ("written by", Align::Left),
        ("entries", Align::Right),
        ("trusted", Align::Right),
        ("signed", Align::Left),
    ]);
    for ledger in &found.ledgers {
        columns.push([
            ledger.notebook.clone().into(),
            writer(ledger),
            grouped(ledger.entries).into(),
            grouped(ledger.trusted_entries).into(),
            signed(ledger),
        ]);
    }
    columns.print(ui)?;
    if found.ledgers.is_empty() {
        ui.say("nothing was pushed or pulled yet: all that is here was put here");
    } else if found.unpublished > 0 {
        let entries = count(found.unpublished, "entry was", "entries were");
        ui.say(format!("{entries} put here and not pushed yet"));
    }
    if found.unclaimed > 0 {
        let entries = count(found.unclaimed, "entry", "entries");
        ui.say(format!("{entries} came from elsewhere, and no ledger here says from whom"));
    }
    ui.say(match found.policy {
        TrustPolicy::Own => "`trust.policy` is `own`: only what was put here may run code",
        TrustPolicy::Signed => {
            "`trust.policy` is `signed`: what was put here or is vouched for may run code"
        }
        TrustPolicy::All => "`trust.policy` is `all`: everybody's results may run code",
    });
    Ok(())
}

fn writer(ledger: &LedgerTrust) -> Cell {
    if ledger.is_own { "this store".into() } else { ledger.writer.clone().into() }
}

/// Says how far a ledger is signed.
fn signed(ledger: &LedgerTrust) -> Cell {
    let Some((_, Signer { who, method, .. })) = ledger.vouched.first() else {
        return match &ledger.verdict {
            Verdict::Unsigned => Cell::styled("no", FAINT),
            other => other.to_string().into(),
        };
    };
    let rest = ledger.entries - ledger.vouched_entries;
    let but = match rest {
        0 => String::new(),
        rest => format!(", but {} not", grouped(rest)),
    };
    format!("by {who} ({method}){but}").into()
}

fn show(args: &Show, session: &Session) -> Outcome {
    let store = session.store()?;
    let entry = args.key.entry_for_person(session, &session.snapshot(&store)?)?;
    let standing = entry.standing();
    let policy = session.workspace()?.config().trust.policy;
    let is_trusted = standing.is_trusted(policy);
    let ui = &session.ui;
    if ui.json() {
        return ui.document(&entry_document(&entry, &standing, policy));
    }
    let fact = |name: &str, value: &str| {
        ui.line(format_args!("  {} {}", ui.paint(FAINT, format!("{name:<8}")), one_line(value)))
    };
    ui.line(ui.paint(STRONG, one_line(&entry.manifest().key.to_string())))?;
    fact("entry", entry.name().as_str())?;
    fact("by", &entry.manifest().provenance.producer)?;
    fact("comes", &standing.to_string())?;
    if let Standing::Vouched { signer: Signer { key, method, .. }, .. } = &standing {
        fact("key", &format!("{method} {key}"))?;
    }
    let may = if is_trusted { "it may run code" } else { "it may not run code" };
    fact("so", &format!("{may}: `trust.policy` is `{}`", policy.as_str()))?;
    for part in &entry.manifest().parts {
        let Some(risk) = CodeRisk::of(part) else { continue };
        let text = format!("{}: {}", part.path, risk.explain(part));
        fact(if is_trusted { "runs" } else { "refused" }, &text)?;
    }
    let safe = |part: &&crate::entry::Part| CodeRisk::of(part).is_none();
    for part in entry.manifest().parts.iter().filter(safe) {
        fact("safe", &format!("{}  {}", part.path, part_words(part)))?;
    }
    Ok(())
}

fn let_sign(args: &Allow, session: &Session) -> Outcome {
    let key = key_text(&args.key, session)?;
    let workspace = session.workspace()?;
    let setting = &workspace.config().trust.allowed_signers;
    let file = match setting {
        Some(_) => workspace.signers().files().remove(0),
        None => workspace.own_signers(),
    };
    let allowed = allow(&file, &args.who, &key)?;
    let ui = &session.ui;
    if ui.json() {
        return ui.document(&json!({
            "file": allowed.file,
            "line": allowed.line,
            "changed": !allowed.was_there,
        }));
    }
    ui.line(allowed.file.display())?;
    let since = if allowed.was_there { "already" } else { "now" };
    ui.say(format!("{} may sign {since}", args.who));
    if workspace.config().trust.policy == TrustPolicy::Own {
        ui.warn(
            "signatures do not count here yet: `trust.policy` is `own`",
            Some("Write `policy = \"signed\"` below `[trust]` in recell.toml."),
        );
    }
    Ok(())
}

/// Returns the text of a key: a file's, that of standard input, or what was given.
fn key_text(given: &str, session: &Session) -> Result<String> {
    if given == "-" {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map_err(|source| Error::Stream {
            action: "read",
            stream: "input",
            source,
        })?;
        return Ok(text);
    }
    if given.trim().contains(' ') {
        return Ok(given.to_owned());
    }
    let path: PathBuf = session.path(Path::new(given));
    Ok(String::from_utf8_lossy(&disk::read(&path)?).into_owned())
}

fn document(found: &TrustSurvey) -> Value {
    let ledger = |ledger: &LedgerTrust| {
        let vouched = |(commit, by): &(String, Signer)| {
            let mut value = signer(by);
            objects::extend(&mut value, json!({ "commit": commit }));
            value
        };
        json!({
            "notebook": ledger.notebook,
            "writer": ledger.writer,
            "own": ledger.is_own,
            "entries": ledger.entries,
            "commit": ledger.commit,
            "verdict": verdict(&ledger.verdict),
            "vouched": ledger.vouched.iter().map(vouched).collect::<Vec<_>>(),
            "vouched_entries": ledger.vouched_entries,
            "trusted_entries": ledger.trusted_entries,
        })
    };
    json!({
        "policy": found.policy.as_str(),
        "ledgers": found.ledgers.iter().map(ledger).collect::<Vec<_>>(),
        "unpublished": found.unpublished,
        "unclaimed": found.unclaimed,
    })
}

fn signer(signer: &Signer) -> Value {
    json!({ "who": signer.who, "key": signer.key, "method": signer.method.name() })
}

fn verdict(verdict: &Verdict) -> Value {
    let by = match verdict {
        Verdict::Good(by) => signer(by),
        _ => Value::Null,
    };
    json!({ "code": verdict.code(), "message": verdict.to_string(), "signer": by })
}

fn entry_document(entry: &Entry, standing: &Standing, policy: TrustPolicy) -> Value {
    let (writers, by) = match standing {
        Standing::Own => (Vec::new(), Value::Null),
        Standing::Vouched { writer, signer: by } => (vec![writer.clone()], signer(by)),
        Standing::Foreign { writers, .. } => (writers.clone(), Value::Null),
    };
    let parts = entry.manifest().parts.iter().map(|part| {
        json!({
            "path": part.path.as_str(),
            "codec": part.codec,
            "media_type": part.media_type,
            "risk": CodeRisk::of(part).map(|risk| risk.explain(part).to_string()),
        })
    });
    let mut value = objects::name(entry.name());
    objects::extend(
        &mut value,
        json!({
            "standing": standing.code(),
            "message": standing.to_string(),
            "writers": writers,
            "signer": by,
            "policy": policy.as_str(),
            "trusted": standing.is_trusted(policy),
            "parts": parts.collect::<Vec<_>>(),
        }),
    );
    value
}
