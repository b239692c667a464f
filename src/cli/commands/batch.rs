//! `recell put --batch`: one JSON line an entry.

use std::collections::BTreeMap;
use std::fmt;
use std::io::BufRead;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::put::{PRODUCER, part_path};
use crate::cli::report::Outcome;
use crate::cli::session::Session;
use crate::cli::{json, media};
use crate::entry::PartKind;
use crate::error::{Error, Result};
use crate::name::{ExecutionKey, NotAKey};
use crate::store::{Draft, Source, Store};

/// One line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    parts: Parts,
    compute_seconds: Option<f64>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// The parts in the order of the line; a name that comes twice is kept, to be refused.
struct Parts(Vec<(String, Value)>);

/// Where the bytes of a part are.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a part is a text or an object with `text`, `file` or `base64`")]
enum Value {
    Text(String),
    Described(Described),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    text: Option<String>,
    file: Option<String>,
    base64: Option<String>,
    media_type: Option<String>,
}

pub(super) fn run(session: &Session) -> Outcome {
    let store = session.store_to_put()?;
    let mut input = std::io::stdin().lock();
    let mut bytes = Vec::new();
    let mut line = 0;
    let outcome = loop {
        line += 1;
        bytes.clear();
        match input.read_until(b'\n', &mut bytes) {
            Ok(0) => break Ok(()),
            Ok(_) if bytes.trim_ascii().is_empty() => {}
            Ok(_) => {
                if let Err(failure) = put_line(session, &store, line, &bytes) {
                    break Err(failure);
                }
            }
            Err(source) => {
                break Err(Error::Stream { action: "read", stream: "input", source }.into());
            }
        }
    };
    // Lines before a bad one stay stored.
    session.flush_after_put(&store);
    outcome
}

/// Stores one line and prints its name.
fn put_line(session: &Session, store: &Store, line: usize, bytes: &[u8]) -> Outcome {
    let bad = |reason: String| Error::BadLine { line, reason };
    let not_stored = |error| Error::LineNotStored { line, source: Box::new(error) };
    let Line { key, parts, compute_seconds, annotations } =
        serde_json::from_slice(bytes).map_err(|error| bad(reason(&error)))?;
    let key: ExecutionKey = key.parse().map_err(|source: NotAKey| {
        not_stored(Error::Key { text: key.clone(), source: source.into() })
    })?;
    let mut draft = Draft::new(PRODUCER);
    draft.provenance.compute_seconds = compute_seconds;
    draft.provenance.annotations = annotations;
    for (name, value) in parts.0 {
        let path = part_path(&name, PartKind::Output).map_err(not_stored)?;
        let (media_type, source) = source(session, &name, value)
            .map_err(|reason| bad(format!("part `{name}`: {reason}")))?;
        draft = draft.part(path, &media_type, source);
    }
    let name = store.put(&key, draft).map_err(not_stored)?;
    if session.ui.json() {
        session.ui.line(json::name(&name))?;
    } else {
        session.ui.line(&name)?;
    }
    // Whoever reads this line may rely on it.
    session.ui.finish()
}

/// Returns the media type and the bytes of a part.
fn source(
    session: &Session,
    name: &str,
    value: Value,
) -> std::result::Result<(String, Source<'static>), String> {
    let described = match value {
        Value::Text(text) => {
            Described { text: Some(text), file: None, base64: None, media_type: None }
        }
        Value::Described(described) => described,
    };
    let (guess, source) = match (described.text, described.file, described.base64) {
        (Some(text), None, None) => ("text/plain", Source::from(text.into_bytes())),
        (None, Some(file), None) => {
            let guess = media::of_name(&file).unwrap_or(media::UNKNOWN);
            (guess, Source::File(session.path(file.as_ref())))
        }
        (None, None, Some(text)) => {
            let bytes =
                BASE64_STANDARD.decode(&text).map_err(|error| format!("no base64: {error}"))?;
            (media::UNKNOWN, Source::from(bytes))
        }
        _ => return Err("it needs one of `text`, `file` and `base64`".into()),
    };
    let media_type =
        described.media_type.unwrap_or_else(|| media::of_name(name).unwrap_or(guess).to_owned());
    Ok((media_type, source))
}

/// Returns what the parser met, with the column: it counts lines from the start of this one.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    format!("{text} at column {}", error.column())
}

impl<'de> Deserialize<'de> for Parts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Parts, D::Error> {
        deserializer.deserialize_map(PartsVisitor)
    }
}

struct PartsVisitor;

impl<'de> Visitor<'de> for PartsVisitor {
    type Value = Parts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of parts by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = map.next_entry()? {
            parts.push(part);
        }
        Ok(Parts(parts))
    }
}
