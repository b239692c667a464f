//! What holds for a notebook as a whole: out and back is the same bytes, whoever wrote them.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine as _;
use proptest::prelude::*;

use super::*;

/// JSON that is printed as Python's `json.dump` prints it.
#[derive(Debug, Clone)]
enum Json {
    Raw(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
}

#[derive(Debug, Clone)]
struct Style {
    indent: Option<&'static str>,
    newline: &'static str,
    ascii: bool,
    mark: bool,
    end: &'static str,
}

fn text(text: &str) -> Json {
    Json::Text(text.into())
}

fn raw(raw: &str) -> Json {
    Json::Raw(raw.into())
}

fn lines(text: &str) -> Json {
    Json::List(text.split_inclusive('\n').map(self::text).collect())
}

fn print(json: &Json, style: &Style, depth: usize, out: &mut Vec<u8>) {
    let gap = |depth: usize, out: &mut Vec<u8>| {
        if let Some(unit) = style.indent {
            out.extend(style.newline.bytes().chain(unit.repeat(depth).bytes()));
        }
    };
    let comma = |index: usize, out: &mut Vec<u8>| {
        if index > 0 {
            out.extend(if style.indent.is_some() { b",".as_slice() } else { b", " });
        }
        gap(depth + 1, out);
    };
    let escapes = super::text::Escapes { ascii: style.ascii, ..Default::default() };
    match json {
        Json::Raw(raw) => out.extend(raw.bytes()),
        Json::Text(text) => super::text::encode_into(text, escapes, out),
        Json::List(items) if items.is_empty() => out.extend(b"[]"),
        Json::Object(members) if members.is_empty() => out.extend(b"{}"),
        Json::List(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                comma(index, out);
                print(item, style, depth + 1, out);
            }
            gap(depth, out);
            out.push(b']');
        }
        Json::Object(members) => {
            out.push(b'{');
            for (index, (key, value)) in members.iter().enumerate() {
                comma(index, out);
                out.extend(format!("\"{key}\": ").bytes());
                print(value, style, depth + 1, out);
            }
            gap(depth, out);
            out.push(b'}');
        }
    }
}

fn notebook(outputs: Vec<Vec<Json>>, style: &Style) -> Vec<u8> {
    let cells = outputs.into_iter().enumerate().map(|(index, outputs)| {
        let count = if outputs.is_empty() { "null".into() } else { index.to_string() };
        Json::Object(vec![
            ("cell_type", text("code")),
            ("execution_count", Json::Raw(count)),
            ("metadata", Json::Object(vec![])),
            ("outputs", Json::List(outputs)),
            ("source", lines("é = 1\nb")),
        ])
    });
    let json = Json::Object(vec![
        ("cells", Json::List(cells.collect())),
        ("metadata", Json::Object(vec![("x", raw("[NaN, -Infinity, 12345678901234567890123]"))])),
        ("nbformat", raw("4")),
        ("nbformat_minor", raw("5")),
    ]);
    let mut out = Vec::from(if style.mark { "\u{feff}" } else { "" });
    print(&json, style, 0, &mut out);
    out.extend(style.end.bytes());
    out
}

/// Takes all outputs out, puts them back, and returns how many parts there were.
fn assert_out_and_back(bytes: &[u8]) -> usize {
    let notebook = Notebook::parse(bytes).expect("a notebook");
    let options = StripOptions { heed_keep_output: false, ..StripOptions::default() };
    let stripped = strip(&notebook, options);
    let bare = Notebook::parse(&stripped).expect("a stripped notebook is one");
    assert_eq!(strip(&bare, options), stripped, "stripping twice is stripping once");
    assert_eq!(module_hashes(&bare), module_hashes(&notebook), "outputs are no ingredient");
    let (mut filled, mut count) = (Vec::new(), 0);
    for (position, cell) in notebook.cells().iter().enumerate() {
        let Some(parts) = split(&notebook, cell) else { continue };
        assert_eq!(split(&notebook, cell).as_ref(), Some(&parts), "the same parts every time");
        let by_path: HashMap<_, _> =
            parts.iter().map(|part| (part.path.as_str(), part.bytes.as_ref())).collect();
        assert_eq!(by_path.len(), parts.len(), "no two parts have one path");
        count += parts.len() - 1;
        let part = |path: &str| by_path.get(path).map(|bytes| Cow::Borrowed(*bytes));
        let outputs = join(by_path[LAYOUT_PATH], part).expect("a layout that was just written");
        filled.push(FilledCell { position, outputs });
    }
    assert!(bare.cells().iter().all(|cell| !cell.is_executed()), "nothing of a run is left");
    let again = fill(&bare, &filled).expect("the cells are the same");
    assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(bytes));
    assert_eq!(again, bytes);
    count
}

#[test]
fn odd_notebooks_come_back_to_the_byte() {
    let v4 = |cell: &str| {
        format!("{{\"cells\": [{{\"cell_type\": \"code\", {cell}}}], \"nbformat\": 4}}")
    };
    let outputs = |outputs: &str| v4(&format!("\"outputs\": {outputs}, \"execution_count\": 1"));
    for (text, parts, why) in [
        (outputs("[ ]"), 0, "odd spacing in an empty list, with a count"),
        (
            outputs("[\r\n\t{\"output_type\":\"stream\",\t\"text\" : [ \"a\\n\" ,\"b\" ]} ]"),
            1,
            "CRLF",
        ),
        (outputs(r#"[{"output_type": "stream", "text": ["a", "b" , "c"]}]"#), 0, "uneven list"),
        (outputs(r#"[{"output_type": "stream", "text": "\ud800"}]"#), 0, "half a surrogate pair"),
        (outputs(r#"[{"output_type": "stream", "text": "\u0041"}]"#), 0, "a stray escape"),
        (outputs(r#"[{"text": "a", "text": "b", "text": []}, 7, null, []]"#), 2, "a key twice"),
        (outputs(r#"[{"data": {"text/plain": "a"}, "data": {"text/plain": "b"}}]"#), 2, "data too"),
        (outputs(r#"[{"data": {"a/json": NaN, "b/json": [1 ], "c/x+json": "t"}}]"#), 3, "JSON"),
        (outputs(r#"[{"data": {"image/png": "!", "text/plain": "x"}}]"#), 1, "no base64"),
        (
            outputs(r#"[{"data": {"image/png": "aGk=", "text/plain": ["<F>"]}}]"#),
            1,
            "a placeholder",
        ),
        (outputs(r#"[{"data": {"text/plain": ["<F>"]}}]"#), 1, "which is all there is"),
        (
            outputs(r#"[{"data": 1}, {"data": {"\ud800": "x", "": "y"}}, {"traceback": [1]}]"#),
            2,
            "odd",
        ),
        (outputs(r#"{"not": "a list"}"#), 0, "outputs that are no list"),
        (outputs("null"), 0, "outputs that are null"),
        (v4(r#""execution_count": 99999999999999999999"#), 0, "no outputs, a big count"),
        (v4(r#""outputs": [{"output_type": "error", "traceback": ["a\nb", ""]}]"#), 1, "no count"),
        (v4(r#""out\u0070uts": [1], "execution_count": {}"#), 0, "an escaped key"),
        (
            r#"{"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "prompt_number": 1,
            "outputs": [{"output_type": "pyout", "text": ["2"], "png": "aGk=\n", "json": "{}",
            "prompt_number": 1}, {"output_type": "stream", "stream": "stdout", "text": "x"},
            {"output_type": "pyerr", "traceback": ["t"]}], "input": "x"}]}]}"#
                .to_owned(),
            5,
            "format 3",
        ),
    ] {
        assert_eq!(assert_out_and_back(text.as_bytes()), parts, "{why}");
    }
}

#[test]
fn parts_are_what_people_want_to_read() {
    let text = r#"{"cells": [{"cell_type": "code", "execution_count": 1, "outputs": [
        {"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n"]},
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": "iVBORw==\n",
         "text/html": "<b>", "application/vnd.plotly.v1+json": {"a": 1}, "text/plain": ["<Fig>"]}},
        {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["\u001b[31mE", "x"]}
        ]}], "nbformat": 4}"#;
    let notebook = Notebook::parse(text.as_bytes()).unwrap();
    let parts = split(&notebook, &notebook.cells()[0]).unwrap();
    let (layout, payloads) = parts.split_last().unwrap();
    let listed = payloads
        .iter()
        .map(|part| format!("{} {} {}", part.path, part.media_type, part.bytes.escape_ascii()));
    insta::assert_snapshot!(listed.collect::<Vec<_>>().join("\n"), @r#"
    outputs/0.txt text/plain a\nb\n
    outputs/1.png image/png \x89PNG
    outputs/1.html text/html <b>
    outputs/1.plotly.v1.json application/vnd.plotly.v1+json {\"a\": 1}
    outputs/2.traceback.txt text/plain \x1b[31mE\nx
    "#);
    assert_eq!(layout.path, LAYOUT_PATH);
    insta::assert_snapshot!(String::from_utf8_lossy(&layout.bytes), @r#"
    {"layout":1,"execution_count":"1","outputs":[
    "[\n        {\"output_type\": \"stream\", \"name\": \"stdout\", \"text\": ",
    {"part":"outputs/0.txt","as":"list","open":"","between":", ","close":"","cuts":"lines"},
    "},\n        {\"output_type\": \"display_data\", \"metadata\": {}, \"data\": {\"image/png\": ",
    {"part":"outputs/1.png","as":"string","base64":0,"final_newline":true},
    ",\n         \"text/html\": ",
    {"part":"outputs/1.html","as":"string"},
    ", \"application/vnd.plotly.v1+json\": ",
    {"part":"outputs/1.plotly.v1.json","as":"json"},
    ", \"text/plain\": [\"<Fig>\"]}},\n        {\"output_type\": \"error\", \"ename\": \"E\", \"evalue\": \"\", \"traceback\": ",
    {"part":"outputs/2.traceback.txt","as":"list","open":"","between":", ","close":"","joined":true,"cuts":[6,1]},
    "}\n        ]"
    ]}
    "#);
}

fn payload() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof!["[ -~]{0,20}", "\\PC{0,8}", Just("\r".into()), Just("\u{2028}\u{85}".into())],
        0..6,
    )
    .prop_flat_map(|pieces| prop_oneof![Just("\n"), Just("")].prop_map(move |end| pieces.join(end)))
}

fn output() -> impl Strategy<Value = Json> {
    let base64 = |bytes: Vec<u8>, width: usize| {
        let letters = base64::engine::general_purpose::STANDARD.encode(bytes);
        let chunks: Vec<&str> = letters
            .as_bytes()
            .chunks(width)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        chunks.join("\n")
    };
    prop_oneof![
        (payload(), any::<bool>()).prop_map(|(body, list)| Json::Object(vec![
            ("name", text("stdout")),
            ("output_type", text("stream")),
            ("text", if list { lines(&body) } else { text(&body) }),
        ])),
        (proptest::collection::vec(any::<u8>(), 0..200), 1..200_usize, any::<bool>()).prop_map(
            move |(bytes, width, end)| {
                let letters = base64(bytes, width) + if end { "\n" } else { "" };
                Json::Object(vec![
                    ("output_type", text("display_data")),
                    (
                        "data",
                        Json::Object(vec![
                            ("image/png", text(&letters)),
                            ("application/json", Json::List(vec![raw("NaN"), text(&letters)])),
                            ("text/plain", lines("<Figure>")),
                        ]),
                    ),
                ])
            }
        ),
        proptest::collection::vec(payload(), 0..4).prop_map(|items| Json::Object(vec![
            ("output_type", text("error")),
            ("traceback", Json::List(items.iter().map(|item| text(item)).collect())),
            (
                "data",
                Json::Object(vec![(
                    "text/html",
                    Json::List(items.iter().map(|item| text(item)).collect())
                )])
            ),
        ])),
    ]
}

fn style() -> impl Strategy<Value = Style> {
    (
        prop_oneof![
            Just(None),
            Just(Some(" ")),
            Just(Some("  ")),
            Just(Some("    ")),
            Just(Some("\t"))
        ],
        prop_oneof![Just("\n"), Just("\r\n")],
        any::<bool>(),
        any::<bool>(),
        prop_oneof![Just(""), Just("\n"), Just("\r\n \t")],
    )
        .prop_map(|(indent, newline, ascii, mark, end)| Style {
            indent,
            newline,
            ascii,
            mark,
            end,
        })
}

fn any_notebook() -> impl Strategy<Value = Vec<u8>> {
    let outputs = proptest::collection::vec(proptest::collection::vec(output(), 0..3), 0..4);
    (outputs, style()).prop_map(|(outputs, style)| notebook(outputs, &style))
}

proptest! {
    #[test]
    fn every_notebook_comes_back_to_the_byte(bytes in any_notebook()) {
        assert_out_and_back(&bytes);
    }

    #[test]
    fn a_damaged_notebook_is_refused_or_comes_back(
        mut bytes in any_notebook(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if Notebook::parse(&bytes).is_ok() {
            assert_out_and_back(&bytes);
        }
    }

    #[test]
    fn no_bytes_make_the_parser_fall(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        json in r#"([\[\]{}:,"\\ \n]|nbformat|cells|[0-9a-z]){0,60}"#,
    ) {
        assert!(Notebook::parse(&bytes).is_err());
        prop_assert!(Notebook::parse(json.as_bytes()).is_err() || json.contains("cells"));
    }

    #[test]
    fn no_damage_to_a_layout_makes_join_fall(
        bytes in any_notebook(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        garbage in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let notebook = Notebook::parse(&bytes).unwrap();
        for cell in notebook.cells() {
            let Some(mut parts) = split(&notebook, cell) else { continue };
            let layout = parts.pop().unwrap();
            let mut damaged = layout.bytes.into_owned();
            for (at, byte) in &edits {
                let at = at.index(damaged.len());
                damaged[at] = *byte;
            }
            if let Ok(outputs) = join(&damaged, |_| Some(Cow::Borrowed(&garbage))) {
                let filled = outputs.outputs.unwrap_or_default();
                prop_assert!(std::str::from_utf8(&filled).is_ok());
            }
        }
    }
}
