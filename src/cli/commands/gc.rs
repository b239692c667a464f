//! `recell gc`: gives back the bytes of what nothing names.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::args;
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::words::{count, size};
use crate::clock::Timestamp;
use crate::gc::{self, GcOptions, GcReport, Plan, Reason, SealReport, Sealing};
use crate::size::ByteSize;

/// Give back the bytes of what nothing names
///
/// Removed entries go for good: what is in the trash cannot be brought back afterwards. Whatever a
/// name, a collection or a process that is writing still needs stays, and processes may put and
/// read meanwhile. Small objects are packed as deltas of each other where it pays.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    /// Say what would go, and leave it
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Leave what was removed less than this ago in the trash, for example `7d` or `12h`
    #[arg(long, value_name = "AGE", value_parser = args::age)]
    keep_trash: Option<Duration>,
    /// Remove every byte of garbage, even where that costs more copying than it gives back
    #[arg(long)]
    all: bool,
    /// Pack small objects as deltas in any case
    #[arg(long, conflicts_with = "no_seal")]
    seal: bool,
    /// Do not pack small objects as deltas
    #[arg(long)]
    no_seal: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store()?;
    let now = session.now();
    let age = args.keep_trash.map_or(0, |age| i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
    let usual = GcOptions::new(now);
    let options = GcOptions {
        trash_before: match args.keep_trash {
            Some(_) => Some(Timestamp::from_micros(now.micros().saturating_sub(age))),
            None => usual.trash_before,
        },
        waste: if args.all { 0 } else { usual.waste },
        ..usual
    };
    let progress = session.ui.progress();
    if args.dry_run {
        let plan = gc::plan(&store, &options, &progress)?;
        return tell(session, &plan, None);
    }
    let sealing = match (args.seal, args.no_seal) {
        (true, _) => Sealing::Always,
        (_, true) => Sealing::Never,
        _ => Sealing::IfItPays,
    };
    let environment = session.git_environment();
    let (plan, report) = gc::collect(&store, &options, sealing, &environment, &progress)?;
    tell(session, &plan, Some(&report))
}

fn tell(session: &Session, plan: &Plan, report: Option<&GcReport>) -> Outcome {
    let ui = &session.ui;
    if ui.json() {
        return ui.document(&as_json(plan, report));
    }
    for freed in &plan.garbage {
        let objects = count(freed.objects, "object", "objects");
        let why = match freed.reason {
            Reason::Trash => {
                let entries = count(plan.removed(), "removed entry", "removed entries");
                format!("of {entries}")
            }
            Reason::Unnamed => "that nothing names".into(),
            Reason::Twice => "stored twice".into(),
        };
        ui.line(format_args!("{:>10}  {objects} {why}", size(freed.bytes)))?;
    }
    if plan.left_bytes > 0 {
        let left = size(plan.left_bytes);
        ui.say(format!("{left} of it stays: too little in its packs to copy the rest"));
    }
    let Some(report) = report else {
        let copied = size(plan.copied_bytes());
        ui.say(match (plan.is_empty(), plan.packs_rewritten()) {
            (true, _) => "nothing to collect".into(),
            (_, 0) => format!("{} would be given back", size(plan.freed_bytes())),
            _ => format!("{} would be given back, {copied} copied", size(plan.freed_bytes())),
        });
        return Ok(());
    };
    for what in &report.postponed {
        ui.warn(
            &format!("not done: {what}"),
            Some("What is named is safe. Run `recell gc` once more later."),
        );
    }
    let given_back = u64::try_from(report.freed_bytes).unwrap_or(0);
    ui.say(match given_back {
        0 if plan.is_empty() => "nothing to collect".into(),
        bytes => format!("{} given back", size(bytes)),
    });
    if let Some(sealed) = &report.sealed {
        ui.say(sealed_text(sealed));
    }
    Ok(())
}

/// Says what sealing did.
pub(super) fn sealed_text(sealed: &SealReport) -> String {
    let (before, after) = (ByteSize::from(sealed.bytes_before), ByteSize::from(sealed.bytes_after));
    match sealed.objects {
        0 => "nothing to seal".into(),
        objects => {
            format!("sealed {}: {before} became {after}", count(objects, "object", "objects"))
        }
    }
}

fn as_json(plan: &Plan, report: Option<&GcReport>) -> Value {
    let garbage: Vec<Value> = plan
        .garbage
        .iter()
        .map(|it| json!({ "reason": it.reason.as_str(), "objects": it.objects, "bytes": it.bytes }))
        .collect();
    json!({
        "dry_run": report.is_none(),
        "trash": plan.removed(),
        "garbage": garbage,
        "kept_objects": plan.kept_objects,
        "left_bytes": plan.left_bytes,
        "bytes_before": plan.bytes_before,
        "packs_removed": report.map_or(plan.packs_removed(), |report| report.packs_removed),
        "packs_written": report.map_or(usize::from(plan.packs_rewritten() > 0), |it| it.packs_written),
        "copied_bytes": plan.copied_bytes(),
        "freed_bytes": report.map_or(i64::try_from(plan.freed_bytes()).unwrap_or(0), |it| it.freed_bytes),
        "postponed": report.map_or(&[][..], |report| &report.postponed),
        "sealed": report.and_then(|report| report.sealed.as_ref()).map(|sealed| json!({
            "objects": sealed.objects,
            "bytes_before": sealed.bytes_before,
            "bytes_after": sealed.bytes_after,
        })),
    })
}
