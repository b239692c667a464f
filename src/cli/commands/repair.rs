//! `recell repair`: mends a damaged store.

use serde_json::{Value, json};

use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::words::count;
use crate::error::Error;
use crate::name::EntryName;
use crate::sync::Holders;
use crate::verify::{
    Elsewhere, Loss, Problem, RepairOptions, RepairPlan, RepairReport, plan_repair_beside,
    repair_beside,
};

/// Mend a damaged store
///
/// Without `--yes` it says what it would do. Damaged files are moved to `recell/damaged/` in the
/// store, never deleted; what can be read of them is copied first. Every entry is whole
/// afterwards, or named as lost; of one that lost some parts the others are kept under
/// `refs/recell/damaged/`. The exit code is 4 if something is lost.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Say what would be done, and leave it
    #[arg(long, short = 'n', conflicts_with = "yes")]
    dry_run: bool,
    /// Do it
    #[arg(long, short = 'y')]
    yes: bool,
    /// Give every whole entry that no name leads to its name back, even where names are not
    /// damaged; entries that were removed for good may come back, too
    #[arg(long)]
    all_names: bool,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let store = session.store_despite_damage()?;
    let ui = &session.ui;
    let holders = Holders::read(&store).ok().filter(|holders| !holders.is_empty());
    let has = |name: &EntryName| holders.as_ref().is_some_and(|it| !it.of(name).is_empty());
    let elsewhere = holders.is_some().then_some(&has as Elsewhere<'_>);
    let options = RepairOptions { all_names: args.all_names, now: session.now() };
    let plan = plan_repair_beside(&store, &options, elsewhere, &ui.progress())?;
    if !args.yes || plan.is_empty() {
        return tell_plan(session, &plan);
    }
    let report = repair_beside(&store, &plan, &options, elsewhere, &ui.progress())?;
    tell_report(session, &plan, &report)
}

fn problems(list: &[Problem]) -> Vec<Value> {
    let one = |it: &Problem| json!({ "code": it.code, "subject": it.subject, "what": it.what });
    list.iter().map(one).collect()
}

fn steps(plan: &RepairPlan) -> Vec<Value> {
    let steps = plan.steps.iter();
    steps.map(|it| json!({ "action": it.action, "subject": it.subject, "what": it.what })).collect()
}

fn tell_plan(session: &Session, plan: &RepairPlan) -> Outcome {
    let ui = &session.ui;
    if ui.json() {
        ui.document(&json!({
            "dry_run": true,
            "steps": steps(plan),
            "at_risk": problems(&plan.at_risk),
        }))?;
    } else {
        for step in &plan.steps {
            ui.line(format_args!("{:<9}  `{}`: {}", step.action, step.subject, step.what))?;
        }
        for problem in &plan.at_risk {
            ui.line(format_args!("{:<9}  {problem}", "at risk"))?;
        }
        if plan.is_empty() {
            ui.say("nothing to repair");
        } else {
            ui.say("nothing was changed; `recell repair --yes` does it");
        }
    }
    match plan.steps.len() + plan.at_risk.len() {
        0 => Ok(()),
        problems => Err(Error::Unsound { problems }.into()),
    }
}

fn loss_text(loss: &Loss) -> String {
    let parts = match &loss.parts[..] {
        [] => String::new(),
        parts => format!(" without {}", parts.join(", ")),
    };
    let kept =
        loss.kept.as_ref().map_or_else(String::new, |kept| format!("; the rest is `{kept}`"));
    format!("lost      {}{parts}{kept}", loss.name)
}

fn tell_report(session: &Session, plan: &RepairPlan, report: &RepairReport) -> Outcome {
    let ui = &session.ui;
    if ui.json() {
        let lost = report.lost.iter().map(|it| {
            json!({ "name": it.name, "parts": it.parts, "kept": it.kept, "reason": it.reason })
        });
        ui.document(&json!({
            "dry_run": false,
            "steps": steps(plan),
            "salvaged": report.salvaged,
            "set_aside": report.set_aside,
            "restored": report.restored,
            "lost": lost.collect::<Vec<_>>(),
            "left": problems(&report.left),
        }))?;
    } else {
        for name in &report.restored {
            ui.line(format_args!("restored  {name}"))?;
        }
        for loss in &report.lost {
            ui.line(loss_text(loss))?;
            ui.say(&loss.reason);
        }
        for path in &report.set_aside {
            ui.say(format!("moved to `{path}`"));
        }
        if report.salvaged > 0 {
            ui.say(format!("{} saved", count(report.salvaged, "object", "objects")));
        }
        for problem in &report.left {
            ui.warn(&format!("not repaired: {problem}"), None);
        }
    }
    if !report.left.is_empty() {
        return Err(Error::Unsound { problems: report.left.len() }.into());
    }
    match report.lost.len() {
        0 => {
            ui.say("the store is sound again");
            Ok(())
        }
        count => Err(Error::Lost { count }.into()),
    }
}
