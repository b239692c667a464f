//! The outputs of one executed cell as parts that anyone with git can read.

use std::borrow::Cow;

use super::document::{Cell, Notebook};
use super::layout::{LAYOUT_MEDIA_TYPE, LAYOUT_PATH};
use super::lexer::{Kind, Lexer, Span, Value};
use super::media::{self, Carriage};
use super::payload::{self, Form};
use super::template::{Layout, Piece};
use super::text;

/// The longest fallback such as `<Figure size 640x480 with 1 Axes>` that is no part of its own.
const MAX_PLACEHOLDER: usize = 200;

/// No kernel sends an output in this many forms; a file that repeats its keys might.
const MAX_PARTS_OF_AN_OUTPUT: usize = 64;

/// One payload of a cell's outputs, or their layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPart<'a> {
    /// Its path in the entry: `outputs/<index of the output>.<extension>`.
    pub path: String,
    /// Its MIME type, as the notebook has it.
    pub media_type: String,
    /// What it holds: text as UTF-8, pictures decoded from base64, JSON as it stood.
    pub bytes: Cow<'a, [u8]>,
}

/// Returns the outputs of `cell` as parts, the layout that gives the exact bytes back last.
///
/// `None` if the cell was not executed. The same outputs always give the same parts. A payload
/// that could not be written again to the byte (stray escapes, broken base64) stays in the
/// layout as it stood, and so does what is empty or only stands in for a picture.
pub fn split<'a>(notebook: &Notebook<'a>, cell: &Cell<'_>) -> Option<Vec<OutputPart<'a>>> {
    if !cell.is_executed() {
        return None;
    }
    let mut parts = Vec::new();
    let outputs = cell.outputs().map(|span| {
        let mut splitter = Splitter { json: notebook.slice(span), ..Splitter::default() };
        splitter.outputs();
        parts = std::mem::take(&mut splitter.parts);
        splitter.finish()
    });
    let layout = Layout {
        indent: notebook.indent().map(Cow::Borrowed),
        execution_count: cell.execution_count().map(|span| notebook.slice(span).into()),
        outputs,
    };
    parts.push(OutputPart {
        path: LAYOUT_PATH.to_owned(),
        media_type: LAYOUT_MEDIA_TYPE.to_owned(),
        bytes: Cow::Owned(layout.print()),
    });
    Some(parts)
}

/// Walks over the value of `outputs`, cutting payloads out of it.
#[derive(Default)]
struct Splitter<'a> {
    json: &'a str,
    /// Up to where `json` is in `pieces`.
    done: usize,
    pieces: Vec<Piece<'a>>,
    parts: Vec<OutputPart<'a>>,
}

/// A value that may become a part.
struct Candidate<'a> {
    span: Span,
    media_type: Cow<'a, str>,
    carriage: Carriage,
    /// Set for a traceback: its extension, and that its items are lines without their ends.
    traceback: bool,
}

type Member<'a> = (Cow<'a, str>, Value);

impl<'a> Splitter<'a> {
    fn outputs(&mut self) {
        let json = self.json;
        let mut index = 0;
        let read = Lexer::new(json, 0).array(|lexer| {
            if lexer.kind()? != Kind::Object {
                return lexer.value().map(drop);
            }
            let mut members = Vec::with_capacity(6);
            lexer.object(|lexer, key| {
                members.push((key, lexer.value()?));
                Ok(())
            })?;
            self.output(index, &members);
            index += 1;
            Ok(())
        });
        debug_assert!(read.is_ok(), "the outputs were checked when the notebook was parsed");
    }

    fn output(&mut self, index: usize, members: &[Member<'a>]) {
        let mut candidates = candidates(self.json, members);
        candidates.sort_by_key(|candidate| candidate.span.start);
        let alone = candidates.len() == 1;
        let first = self.parts.len();
        for candidate in candidates {
            if self.parts.len() - first == MAX_PARTS_OF_AN_OUTPUT {
                break;
            }
            if !alone && is_placeholder(self.json, &candidate) {
                continue;
            }
            let Candidate { span, media_type, carriage, traceback } = candidate;
            let Some((form, bytes)) = payload::take(self.json, span, carriage, traceback) else {
                continue;
            };
            let extension =
                if traceback { "traceback.txt".into() } else { media::extension(&media_type) };
            let path = free_path(index, &extension, &self.parts[first..]);
            self.cut(span, path.clone(), form);
            self.parts.push(OutputPart { path, media_type: media_type.into_owned(), bytes });
        }
    }

    fn cut(&mut self, span: Span, path: String, form: Form) {
        self.pieces.push(Piece::Raw(Cow::Borrowed(&self.json[self.done..span.start])));
        self.pieces.push(Piece::Part { path: Cow::Owned(path), form });
        self.done = span.end;
    }

    fn finish(mut self) -> Vec<Piece<'a>> {
        self.pieces.push(Piece::Raw(Cow::Borrowed(&self.json[self.done..])));
        self.pieces
    }
}

/// Returns the payloads of one output: of its MIME bundle, of a stream, of an error, or as
/// format 3 writes them.
fn candidates<'a>(json: &'a str, members: &[Member<'a>]) -> Vec<Candidate<'a>> {
    let mut candidates = Vec::new();
    let mut add = |span, media_type: Cow<'a, str>, carriage, traceback| {
        candidates.push(Candidate { span, media_type, carriage, traceback });
    };
    let has = |key: &str| members.iter().any(|(name, _)| name == key);
    let output_type = members
        .iter()
        .rfind(|(name, value)| name == "output_type" && value.kind == Kind::String)
        .and_then(|(_, value)| text::decode(json, value.span));
    let old_bundle = !has("data")
        && matches!(output_type.as_deref(), Some("pyout" | "display_data" | "execute_result"));
    for (key, value) in members {
        match (key.as_ref(), value.kind) {
            ("data", Kind::Object) => {
                let read = Lexer::new(json, value.span.start).object(|lexer, media_type| {
                    let carriage = media::carriage(&media_type);
                    add(lexer.value()?.span, media_type, carriage, false);
                    Ok(())
                });
                debug_assert!(read.is_ok(), "the outputs were checked before");
            }
            ("traceback", Kind::Array) => {
                add(value.span, "text/plain".into(), Carriage::Text, true);
            }
            (key, _) if old_bundle => {
                if let Some(media_type) = media::of_format_3(key) {
                    // Format 3 has JSON as text, not as a value.
                    let base64 = media::carriage(media_type) == Carriage::Base64;
                    let carriage = if base64 { Carriage::Base64 } else { Carriage::Text };
                    add(value.span, media_type.into(), carriage, false);
                }
            }
            ("text", _) => add(value.span, "text/plain".into(), Carriage::Text, false),
            _ => {}
        }
    }
    candidates
}

/// Says whether a text only says what is shown beside it: `<Figure …>`, `<IPython.…>`.
fn is_placeholder(json: &str, candidate: &Candidate<'_>) -> bool {
    let raw = &json[candidate.span.start..candidate.span.end];
    let inner = raw.trim_matches(['[', ']', ' ', '\t', '\r', '\n']);
    candidate.media_type == "text/plain"
        && raw.len() <= MAX_PLACEHOLDER
        && inner.starts_with("\"<")
        && inner.ends_with(">\"")
        && inner.matches('"').count() == 2
}

fn free_path(index: usize, extension: &str, taken: &[OutputPart<'_>]) -> String {
    let mut path = format!("outputs/{index}.{extension}");
    let mut ordinal = 1;
    while taken.iter().any(|part| part.path == path) {
        ordinal += 1;
        path = format!("outputs/{index}-{ordinal}.{extension}");
    }
    path
}
