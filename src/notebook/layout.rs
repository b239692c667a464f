//! From a layout and its parts back to the outputs of a cell.

use std::borrow::Cow;

use super::lexer::Lexer;
use super::payload;
use super::template::{Layout, Piece};

/// Where the layout stands among the parts of an entry.
pub const LAYOUT_PATH: &str = "outputs/layout.json";

/// The media type of the layout. Its first key, `layout`, is the version of its form.
pub const LAYOUT_MEDIA_TYPE: &str = "application/vnd.recell.layout+json";

/// The values of one executed cell, as they stood in its notebook.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CellOutputs {
    /// The value of `outputs`; `None` if the cell had no such key.
    pub outputs: Option<Vec<u8>>,
    /// The value of `execution_count` (format 3: `prompt_number`), likewise.
    pub execution_count: Option<Vec<u8>>,
    /// One level of indentation of the notebook; `None` if it was all on one line.
    pub indent: Option<String>,
}

/// Why a layout and its parts do not give outputs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutDamage {
    /// The layout is not what recell writes.
    #[error("the layout of the outputs is broken at byte {offset}: {problem}")]
    Broken {
        /// The byte where reading stopped.
        offset: usize,
        /// What stood there or was missing.
        problem: &'static str,
    },
    /// The layout was written by a newer recell.
    #[error("the layout of the outputs has version {version}; this recell reads 1")]
    Newer {
        /// Its version.
        version: u64,
    },
    /// What layout and parts give is not JSON, so it cannot go into a notebook.
    #[error("the layout of the outputs and its parts do not give JSON")]
    NotJson,
    /// A part that the layout names is not there.
    #[error("the part `{path}` is missing")]
    MissingPart {
        /// The part.
        path: String,
    },
    /// A part is not what the layout says of it.
    #[error("the part `{path}` does not fit the layout of the outputs: {problem}")]
    ChangedPart {
        /// The part.
        path: String,
        /// What about it does not fit.
        problem: &'static str,
    },
}

/// Returns the outputs that `layout` describes, with the bytes that `part` gives for each path.
///
/// Byte for byte what was split, if the parts are those that were split.
/// # Errors
/// [`LayoutDamage`] if the layout or a part is missing or not what was written.
pub fn join<'p>(
    layout: &[u8],
    mut part: impl FnMut(&str) -> Option<Cow<'p, [u8]>>,
) -> Result<CellOutputs, LayoutDamage> {
    let layout = Layout::read(layout)?;
    let mut outputs = layout.outputs.is_some().then(Vec::new);
    for piece in layout.outputs.iter().flatten() {
        let json = outputs.get_or_insert_default();
        match piece {
            Piece::Raw(raw) => json.extend_from_slice(raw.as_bytes()),
            Piece::Part { path, form } => {
                let Some(bytes) = part(path) else {
                    return Err(LayoutDamage::MissingPart { path: path.to_string() });
                };
                let changed =
                    |problem| LayoutDamage::ChangedPart { path: path.to_string(), problem };
                payload::write(form, &bytes, json).map_err(changed)?;
            }
        }
    }
    // Whatever the parts have become, a notebook that they are put into stays JSON.
    let execution_count = layout.execution_count.map(|json| json.into_owned().into_bytes());
    for json in [&outputs, &execution_count].into_iter().flatten() {
        check_value(json)?;
    }
    Ok(CellOutputs { outputs, execution_count, indent: layout.indent.map(Cow::into_owned) })
}

fn check_value(json: &[u8]) -> Result<(), LayoutDamage> {
    let sound = std::str::from_utf8(json).is_ok_and(|text| {
        let mut lexer = Lexer::new(text, 0);
        lexer.value().and_then(|_| lexer.end()).is_ok()
    });
    if sound { Ok(()) } else { Err(LayoutDamage::NotJson) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(layout: &str) -> Result<CellOutputs, LayoutDamage> {
        join(layout.as_bytes(), |path| match path {
            "outputs/0.txt" => Some(Cow::Borrowed(b"a\nb".as_slice())),
            "outputs/0.png" => Some(Cow::Borrowed(b"\xff".as_slice())),
            _ => None,
        })
    }

    #[test]
    fn holes_are_filled_with_parts_in_their_form() {
        let layout = r#"{"layout":1,"execution_count":"3","outputs":["[{\"text\": ",
            {"part":"outputs/0.txt","as":"list","open":" ","between":", ","close":"","cuts":"lines"},
            "}]"]}"#;
        let cell = joined(layout).unwrap();
        assert_eq!(cell.outputs.unwrap(), br#"[{"text": [ "a\n", "b"]}]"#);
        assert_eq!(cell.execution_count.unwrap(), b"3");
        assert_eq!(joined(r#"{"layout":1}"#), Ok(CellOutputs::default()));
    }

    #[test]
    fn damage_is_a_value_that_says_what_is_wrong() {
        for (layout, message, why) in [
            ("", "broken at byte 0: expected a value", "empty"),
            ("{\"layout\":1", "broken at byte 11: expected `,` or `}`", "cut short"),
            ("[]", "no version", "not an object"),
            (r#"{"outputs":[]}"#, "no version", "no version"),
            (r#"{"layout":2,"outputs":{"new":1}}"#, "has version 2", "from the future"),
            (r#"{"layout":1,"outputs":[7]}"#, "expected text or a part", "a stray number"),
            (r#"{"layout":1,"outputs":[{"as":"json"}]}"#, "a part without its path", "no path"),
            (r#"{"layout":1,"outputs":[{"part":"x","as":"?"}]}"#, "unknown form", "new form"),
            (r#"{"layout":1,"outputs":[{"part":"x","as":"list"}]}"#, "without its cuts", "no cuts"),
            (r#"{"layout":1,"outputs":["\ud800"]}"#, "expected a string", "half a pair"),
            (r#"{"layout":1,"outputs":["[1"]}"#, "do not give JSON", "cut inside"),
            (r#"{"layout":1,"execution_count":"}"}"#, "do not give JSON", "would break out"),
            (
                r#"{"layout":1,"outputs":[{"part":"outputs/9.txt","as":"string"}]}"#,
                "`outputs/9.txt` is missing",
                "a part gone",
            ),
            (
                r#"{"layout":1,"outputs":[{"part":"outputs/0.png","as":"string"}]}"#,
                "`outputs/0.png` does not fit the layout of the outputs: it is not UTF-8 text",
                "a picture as text",
            ),
            (
                r#"{"layout":1,"outputs":[{"part":"outputs/0.txt","as":"list","cuts":[1,99999999999]}]}"#,
                "`outputs/0.txt` does not fit the layout of the outputs: it is cut elsewhere",
                "lengths of another text",
            ),
            (
                r#"{"layout":1,"outputs":[{"part":"outputs/0.txt","as":"json"}]}"#,
                "do not give JSON",
                "text as JSON",
            ),
        ] {
            let damage = joined(layout).expect_err(why).to_string();
            assert!(damage.contains(message), "{why}: {damage}");
        }
    }
}
