//! `recell serve`: bundles for viewers over HTTP.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use serde_json::json;

use crate::bundle::{BundleOptions, BundleStore, DEFAULT_SPACE};
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::words::{count, size};
use crate::disk;
use crate::error::Result;
use crate::serve::{AllowedOrigin, Answered, Notice, ServeOptions, Server, Token};
use crate::size::ByteSize;

/// Serve bundles to viewers over HTTP
///
/// The first line of stdout is the URL. Nothing that is asked changes the store; what others put is
/// seen at once. SIGINT and SIGTERM end it after the answers that are under way. Routes, parameters
/// and limits are in docs/serving.md.
///
/// Whoever is on this machine may ask, unless a token is set: then only who has it. Any address but
/// loopback demands one. Without a flag, the token is that of `RECELL_TOKEN`, if it is set.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The address to listen on: an IP address, or `localhost`.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", value_parser = address)]
    address: IpAddr,
    /// The port to listen on; 0 takes any that is free.
    #[arg(long, value_name = "N", default_value = "0")]
    port: u16,
    /// Demand the token that is in this file.
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// `auto` demands a token that is made now, and prints it on the second line.
    #[arg(long, value_name = "auto", value_parser = ["auto"], hide_possible_values = true)]
    token: Option<String>,
    /// Let web pages of this origin read answers, such as `http://localhost:8888`; `*` lets all,
    /// where a token is set. May be given several times.
    #[arg(long, value_name = "ORIGIN", value_parser = AllowedOrigin::parse)]
    allow_origin: Vec<AllowedOrigin>,
    /// Keep as many bytes of bundles in memory.
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    memory: ByteSize,
    /// Bring bundles into memory at once, those that were used last first.
    #[arg(long)]
    prewarm: bool,
    /// Look for bundles in this space unless a request names another.
    #[arg(long, value_name = "SPACE", default_value = DEFAULT_SPACE)]
    space: String,
}

fn address(text: &str) -> Result<IpAddr, String> {
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| "it is no IP address, nor `localhost`".to_owned())
}

pub(crate) fn run(args: &Args, session: &Session) -> Outcome {
    let token = token(args, session)?;
    let store = session.store()?;
    let ui = &session.ui;
    let bundles = BundleStore::new(store, &BundleOptions { memory_bytes: args.memory.bytes() });
    let options = ServeOptions {
        address: args.address,
        port: args.port,
        token: token.clone(),
        origins: args.allow_origin.clone(),
        space: args.space.clone(),
        prewarm: args.prewarm,
        log: ui.is_verbose(),
        ..ServeOptions::default()
    };
    let server = Server::bind(&bundles, options)?;
    let made = token.as_ref().filter(|_| args.token.is_some()).map(Token::reveal);
    if ui.json() {
        let address = server.address();
        // On one line: who started it reads a line.
        ui.line(json!({
            "url": server.url(),
            "address": address.ip().to_string(),
            "port": address.port(),
            "needs_token": token.is_some(),
            "token": made,
            "space": args.space,
        }))?;
    } else {
        ui.line(server.url())?;
        if let Some(token) = made {
            ui.line(token)?;
        }
    }
    ui.finish()?;
    ui.say("serving until Ctrl-C");
    server.run(&mut |notice| match notice {
        Notice::Prewarmed(Ok(warmed)) => {
            let bundles = count(warmed.bundles, "bundle", "bundles");
            ui.say(format_args!("{bundles} in memory, {}", size(warmed.bytes)));
            if warmed.failed > 0 {
                let failed = count(warmed.failed, "bundle", "bundles");
                ui.warn(&format!("{failed} could not be read"), Some("Run `recell verify`."));
            }
        }
        Notice::Prewarmed(Err(error)) => ui.warn(&format!("nothing was prewarmed: {error}"), None),
        Notice::Answered(answered) => ui.detail(|| line_of(&answered)),
        Notice::Ending => ui.say("ending"),
    })?;
    Ok(())
}

fn token(args: &Args, session: &Session) -> Result<Option<Token>> {
    if args.token.is_some() {
        return Token::make().map(Some);
    }
    if let Some(file) = &args.token_file {
        let path = session.path(file);
        let text = disk::read(&path)?;
        let place = format!("`{}`", path.display());
        return Token::read(&String::from_utf8_lossy(&text), &place).map(Some);
    }
    let variable = session.surroundings().environment.get("RECELL_TOKEN");
    let text = variable.filter(|text| !text.is_empty());
    text.map(|text| Token::read(text, "RECELL_TOKEN")).transpose()
}

fn line_of(answered: &Answered) -> String {
    let Answered { request, status, bytes, took } = answered;
    format!("{status} {request} {} {} µs", size(*bytes), took.as_micros())
}
