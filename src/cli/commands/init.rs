//! `recell init`: makes a workspace.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::disk;
use crate::workspace::{Surroundings, Workspace};

/// Make a workspace: its settings file and its store
///
/// The workspace is the folder that holds `recell.toml`; every folder below belongs to it. Run it
/// again to make what is missing; what is there already stays as it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder, made if need be; by default the working directory.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// The hash that names objects in the new store: sha1 (default) or sha256.
    #[arg(long, value_name = "FORMAT", value_parser = ["sha1", "sha256"])]
    #[arg(hide_possible_values = true)]
    object_format: Option<String>,
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let root = session.path(args.folder.as_deref().unwrap_or(Path::new(".")));
    disk::create_folders(&root)?;
    let root = disk::real_path(&root);
    let mut surroundings: Surroundings = session.surroundings().clone();
    if let Some(format) = &args.object_format {
        surroundings.flags.push(("store.object_format".into(), format.clone()));
    }
    let workspace = Workspace::at(&root, &surroundings)?;
    session.ui.follow(&workspace.config().ui);
    let store = workspace.store_path();
    let found = disk::is_there(&store.join("HEAD"));
    let format = if found {
        workspace.open(session.options())?.object_format()
    } else {
        workspace.create(session.options())?.object_format()
    };
    workspace.hide_own_folder()?;
    // The settings come last: they are what makes the folder a workspace.
    let settings = workspace.write_settings(&surroundings)?;
    let store = disk::real_path(store);
    if session.ui.json() {
        return session.ui.document(&json!({
            "workspace": root,
            "store": store,
            "object_format": format.as_str(),
            "made": { "settings": settings.is_some(), "store": !found },
        }));
    }
    match settings {
        Some(path) => session.ui.say(format!("made the settings `{}`", path.display())),
        None => session.ui.say(format!("the settings of `{}` are there already", root.display())),
    }
    if found {
        session.ui.say(format!("the store `{}` is there already", store.display()));
        if args.object_format.as_deref().is_some_and(|asked| asked != format.as_str()) {
            let message = format!("the store keeps its object format, {}", format.as_str());
            session.ui.warn(&message, None);
        }
    } else {
        session.ui.say(format!("made the store `{}`", store.display()));
    }
    Ok(())
}
