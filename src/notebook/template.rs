//! The layout of a cell's outputs: their JSON as it stood, with holes where the parts go.
//!
//! ```json
//! {"layout":1,"indent":" ","execution_count":"3","outputs":[
//! "[\n    {\n     \"text\": ",
//! {"part":"outputs/0.txt","as":"list","open":"\n      ","between":",\n      ","close":"\n     ","cuts":"lines"},
//! "\n    }\n   ]"
//! ]}
//! ```
//! A hole says how its part was written: `as` is `json`, `string` or `list`; `cuts` is `lines`,
//! `splitlines` or the length in bytes of each item, whose text was `joined` by line breaks if
//! it says so; `ascii`, `upper` and `slash` say which escapes its writer chose; `base64` is the
//! width of its lines, 0 for one line, and `final_newline` that the last one was ended too.

use std::borrow::Cow;

use super::layout::LayoutDamage;
use super::lexer::{Broken, Kind, Lexer};
use super::payload::{Cuts, Form, List, Wrapping};
use super::text::{self, Escapes};

const VERSION: u64 = 1;

/// A stretch of the value of `outputs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// JSON as it stood.
    Raw(Cow<'a, str>),
    /// A value that the part at `path` holds.
    Part { path: Cow<'a, str>, form: Form },
}

/// A layout, as read or to be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Layout<'a> {
    pub(super) indent: Option<Cow<'a, str>>,
    pub(super) execution_count: Option<Cow<'a, str>>,
    pub(super) outputs: Option<Vec<Piece<'a>>>,
}

impl<'a> Layout<'a> {
    /// Returns the layout as JSON, one piece a line.
    pub(super) fn print(&self) -> Vec<u8> {
        let mut json = format!("{{\"layout\":{VERSION}").into_bytes();
        if let Some(indent) = &self.indent {
            print_text("indent", indent, &mut json);
        }
        if let Some(execution_count) = &self.execution_count {
            print_text("execution_count", execution_count, &mut json);
        }
        if let Some(pieces) = &self.outputs {
            json.extend_from_slice(b",\"outputs\":[");
            for (index, piece) in pieces.iter().enumerate() {
                json.extend_from_slice(if index == 0 { b"\n" } else { b",\n" });
                match piece {
                    Piece::Raw(raw) => text::encode_into(raw, Escapes::default(), &mut json),
                    Piece::Part { path, form } => print_part(path, form, &mut json),
                }
            }
            json.extend_from_slice(b"\n]");
        }
        json.extend_from_slice(b"}\n");
        json
    }

    /// Returns the layout that `bytes` are.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Layout<'a>, LayoutDamage> {
        let text = std::str::from_utf8(bytes).map_err(|error| LayoutDamage::Broken {
            offset: error.valid_up_to(),
            problem: "it is not UTF-8 text",
        })?;
        let mut lexer = Lexer::new(text, 0);
        let mut layout = Layout::default();
        let mut version = None;
        let read = lexer.object(|lexer, key| {
            match key.as_ref() {
                "layout" => version = Some(integer(lexer, text)?),
                // What another version means by its keys is not for this one to judge.
                _ if version != Some(VERSION) => drop(lexer.value()?),
                "indent" => layout.indent = Some(string(lexer)?),
                "execution_count" => layout.execution_count = Some(string(lexer)?),
                "outputs" => {
                    let mut pieces = Vec::new();
                    lexer.array(|lexer| {
                        pieces.push(read_piece(lexer, text)?);
                        Ok(())
                    })?;
                    layout.outputs = Some(pieces);
                }
                _ => drop(lexer.value()?),
            }
            Ok(())
        });
        let broken = |Broken { offset, problem }| LayoutDamage::Broken { offset, problem };
        read.and_then(|()| lexer.end()).map_err(broken)?;
        match version {
            Some(VERSION) => Ok(layout),
            Some(version) => Err(LayoutDamage::Newer { version }),
            None => Err(LayoutDamage::Broken { offset: 0, problem: "it has no version" }),
        }
    }
}

fn print_text(key: &str, value: &str, json: &mut Vec<u8>) {
    json.extend_from_slice(format!(",\"{key}\":").as_bytes());
    text::encode_into(value, Escapes::default(), json);
}

fn print_flag(key: &str, set: bool, json: &mut Vec<u8>) {
    if set {
        json.extend_from_slice(format!(",\"{key}\":true").as_bytes());
    }
}

fn print_part(path: &str, form: &Form, json: &mut Vec<u8>) {
    json.extend_from_slice(b"{\"part\":");
    text::encode_into(path, Escapes::default(), json);
    match form {
        Form::Json => print_text("as", "json", json),
        Form::Text { escapes, base64, list } => {
            print_text("as", if list.is_some() { "list" } else { "string" }, json);
            if let Some(list) = list {
                print_list(list, json);
            }
            print_flag("ascii", escapes.ascii, json);
            print_flag("upper", escapes.upper, json);
            print_flag("slash", escapes.slash, json);
            if let Some(Wrapping { width, final_newline }) = base64 {
                json.extend_from_slice(format!(",\"base64\":{width}").as_bytes());
                print_flag("final_newline", *final_newline, json);
            }
        }
    }
    json.push(b'}');
}

fn print_list(list: &List, json: &mut Vec<u8>) {
    print_text("open", &list.open, json);
    print_text("between", &list.between, json);
    print_text("close", &list.close, json);
    let lengths = match &list.cuts {
        Cuts::Lines => return print_text("cuts", "lines", json),
        Cuts::SplitLines => return print_text("cuts", "splitlines", json),
        Cuts::Items(lengths) => lengths,
        Cuts::Joined(lengths) => {
            print_flag("joined", true, json);
            lengths
        }
    };
    let lengths: Vec<String> = lengths.iter().map(usize::to_string).collect();
    json.extend_from_slice(format!(",\"cuts\":[{}]", lengths.join(",")).as_bytes());
}

/// All that a hole can say, before it is known what it should say.
#[derive(Default)]
struct Hole<'a> {
    path: Option<Cow<'a, str>>,
    form: Option<Cow<'a, str>>,
    open: Cow<'a, str>,
    between: Option<Cow<'a, str>>,
    close: Cow<'a, str>,
    cuts: Option<Cuts>,
    joined: bool,
    escapes: Escapes,
    base64: Option<usize>,
    final_newline: bool,
}

fn read_piece<'a>(lexer: &mut Lexer<'a>, text: &'a str) -> Result<Piece<'a>, Broken> {
    let kind = lexer.kind()?;
    let offset = lexer.at();
    let broken = |problem| Broken { offset, problem };
    match kind {
        Kind::String => return string(lexer).map(Piece::Raw),
        Kind::Object => {}
        _ => return Err(broken("expected text or a part")),
    }
    let mut hole = Hole::default();
    lexer.object(|lexer, key| {
        match key.as_ref() {
            "part" => hole.path = Some(string(lexer)?),
            "as" => hole.form = Some(string(lexer)?),
            "open" => hole.open = string(lexer)?,
            "between" => hole.between = Some(string(lexer)?),
            "close" => hole.close = string(lexer)?,
            "cuts" => hole.cuts = Some(read_cuts(lexer, text)?),
            "joined" => hole.joined = is_true(lexer, text)?,
            "ascii" => hole.escapes.ascii = is_true(lexer, text)?,
            "upper" => hole.escapes.upper = is_true(lexer, text)?,
            "slash" => hole.escapes.slash = is_true(lexer, text)?,
            "base64" => hole.base64 = Some(length(lexer, text)?),
            "final_newline" => hole.final_newline = is_true(lexer, text)?,
            _ => drop(lexer.value()?),
        }
        Ok(())
    })?;
    let path = hole.path.take().ok_or(broken("a part without its path"))?;
    let form = hole.into_form().map_err(broken)?;
    Ok(Piece::Part { path, form })
}

impl Hole<'_> {
    fn into_form(self) -> Result<Form, &'static str> {
        let list = match self.form.as_deref() {
            Some("json") => return Ok(Form::Json),
            Some("string") => None,
            Some("list") => Some(List {
                open: self.open.into_owned(),
                between: self.between.map_or_else(|| ",".to_owned(), Cow::into_owned),
                close: self.close.into_owned(),
                cuts: match self.cuts.ok_or("a list without its cuts")? {
                    Cuts::Items(lengths) if self.joined => Cuts::Joined(lengths),
                    cuts => cuts,
                },
            }),
            _ => return Err("a part of unknown form"),
        };
        let final_newline = self.final_newline;
        Ok(Form::Text {
            escapes: self.escapes,
            base64: self.base64.map(|width| Wrapping { width, final_newline }),
            list,
        })
    }
}

fn read_cuts(lexer: &mut Lexer<'_>, text: &str) -> Result<Cuts, Broken> {
    if lexer.kind()? == Kind::String {
        let offset = lexer.at();
        return match string(lexer)?.as_ref() {
            "lines" => Ok(Cuts::Lines),
            "splitlines" => Ok(Cuts::SplitLines),
            _ => Err(Broken { offset, problem: "cuts of an unknown kind" }),
        };
    }
    let mut lengths = Vec::new();
    lexer.array(|lexer| {
        lengths.push(length(lexer, text)?);
        Ok(())
    })?;
    Ok(Cuts::Items(lengths))
}

fn string<'a>(lexer: &mut Lexer<'a>) -> Result<Cow<'a, str>, Broken> {
    lexer.kind()?;
    let offset = lexer.at();
    lexer.string_value()?.ok_or(Broken { offset, problem: "expected a string" })
}

fn integer(lexer: &mut Lexer<'_>, text: &str) -> Result<u64, Broken> {
    let span = lexer.value()?.span;
    let expected = Broken { offset: span.start, problem: "expected a whole number" };
    text[span.start..span.end].parse().map_err(|_| expected)
}

fn length(lexer: &mut Lexer<'_>, text: &str) -> Result<usize, Broken> {
    let number = integer(lexer, text)?;
    usize::try_from(number).map_err(|_| Broken { offset: lexer.at(), problem: "too long" })
}

fn is_true(lexer: &mut Lexer<'_>, text: &str) -> Result<bool, Broken> {
    let span = lexer.value()?.span;
    Ok(&text[span.start..span.end] == "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_reads_back_as_it_was_printed() {
        let list = |cuts| {
            Some(List { open: "\n ".into(), between: ",\r\n\t".into(), close: String::new(), cuts })
        };
        let text = |list| Form::Text { escapes: Escapes::default(), base64: None, list };
        let escapes = Escapes { ascii: true, upper: true, slash: true };
        let wrapping = Wrapping { width: 76, final_newline: true };
        let forms = [
            Form::Json,
            text(None),
            text(list(Cuts::Lines)),
            text(list(Cuts::SplitLines)),
            text(list(Cuts::Items(vec![3, 0, 7]))),
            text(list(Cuts::Joined(vec![1]))),
            Form::Text { escapes, base64: Some(wrapping), list: None },
        ];
        let part = |(index, form)| Piece::Part { path: format!("outputs/{index}").into(), form };
        let mut pieces = vec![Piece::Raw("[\"é\\n\"\n".into())];
        pieces.extend(forms.into_iter().enumerate().map(part));
        for layout in [
            Layout::default(),
            Layout {
                indent: Some("\t".into()),
                execution_count: Some("null".into()),
                outputs: Some(pieces),
            },
        ] {
            let printed = layout.print();
            assert_eq!(Layout::read(&printed), Ok(layout));
        }
    }
}
