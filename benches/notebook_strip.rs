//! How fast a notebook is parsed, stripped, split and joined, on one thread.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::borrow::Cow;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use recell::notebook::{
    FilledCell, Notebook, StripOptions, fill, join, module_hashes, split, strip,
};

const CELLS: usize = 30;
const OUTPUT_BYTES: usize = 200_000;
const ROUNDS: usize = 400;

fn main() {
    let bytes = notebook();
    let options = StripOptions::default();
    let parse = || Notebook::parse(&bytes).expect("the generated notebook is one");
    let notebook = parse();
    let parts = || notebook.cells().iter().map(|cell| split(&notebook, cell)).collect::<Vec<_>>();
    let split_parts = parts();
    let restore = || {
        let cells = split_parts.iter().enumerate().map(|(position, parts)| {
            let parts = parts.as_deref().expect("every cell was executed");
            let (layout, parts) = parts.split_last().expect("the layout is always there");
            let part = |path: &str| {
                let part = parts.iter().find(|part| part.path == path)?;
                Some(Cow::Borrowed(part.bytes.as_ref()))
            };
            let outputs = join(&layout.bytes, part).expect("the layout was just written");
            FilledCell { position, outputs }
        });
        fill(&notebook, &cells.collect::<Vec<_>>()).expect("the cells are the same")
    };
    assert_eq!(restore(), bytes);
    let count: usize = split_parts.iter().flatten().map(Vec::len).sum();
    println!("{} KB, {CELLS} cells, {count} parts", bytes.len() / 1000);
    time("parse", parse);
    time("parse + strip", || strip(&parse(), options).into_owned());
    time("split", parts);
    time("join + fill", restore);
    time("hashes", || module_hashes(&notebook));
    time("floor: UTF-8 check", || std::str::from_utf8(&bytes).map(str::len));
    time("floor: copy", || bytes.clone());
}

/// Prints the fastest and the median of many rounds; other work on the machine only adds.
fn time<T>(name: &str, mut work: impl FnMut() -> T) {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed()
        })
        .collect();
    times.sort();
    let (fastest, median) = (times[0], times[ROUNDS / 2]);
    let rate = 1.0 / median.as_secs_f64();
    println!("{name:<20} fastest {fastest:>10.1?}  median {median:>10.1?}  {rate:>8.0}/s");
}

/// Returns a notebook whose outputs are a third each stream text, pictures and HTML tables.
fn notebook() -> Vec<u8> {
    let per = OUTPUT_BYTES / CELLS;
    let mut seed = 1_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 33
    };
    let mut json = String::from("{\n \"cells\": [");
    for cell in 0..CELLS {
        let list = |lines: &mut dyn Iterator<Item = String>, indent: &str| {
            let lines: Vec<String> = lines.map(|line| format!("\n{indent} \"{line}\"")).collect();
            format!("[{}\n{indent}]", lines.join(","))
        };
        let output = match cell % 3 {
            0 => {
                let mut lines =
                    (0..per / 31).map(|at| format!("step {at:05} loss 0.{:010}\\n", random()));
                let text = list(&mut lines, "     ");
                format!(
                    "\"name\": \"stdout\",\n     \"output_type\": \"stream\",\n     \"text\": {text}"
                )
            }
            1 => {
                const LETTERS: &[u8; 64] =
                    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
                let letter = |_| char::from(LETTERS[usize::try_from(random() % 64).unwrap_or(0)]);
                let png: String = (0..per / 4 * 4).map(letter).collect();
                format!(
                    "\"data\": {{\n      \"image/png\": \"{png}\",\n      \"text/plain\": [\n       \
                     \"<Figure>\"\n      ]\n     }},\n     \"output_type\": \"display_data\""
                )
            }
            _ => {
                let mut lines = (0..per / 29)
                    .map(|_| format!("<tr><td>0.{:08}</td></tr>\\n", random() % 100_000_000));
                let html = list(&mut lines, "      ");
                format!(
                    "\"data\": {{\n      \"text/html\": {html},\n      \"text/plain\": [\n       \
                     \"t\"\n      ]\n     }},\n     \"output_type\": \"execute_result\""
                )
            }
        };
        let mut lines = (0..10).map(|at| format!("x{at} = compute({cell}, {at})\\n"));
        let source = list(&mut lines, "   ");
        let comma = if cell == 0 { "" } else { "," };
        write!(
            json,
            "{comma}\n  {{\n   \"cell_type\": \"code\",\n   \"id\": \"c{cell}\",\n   \
             \"execution_count\": {cell},\n   \"metadata\": {{}},\n   \"outputs\": [\n    {{\n     \
             {output}\n    }}\n   ],\n   \"source\": {source}\n  }}"
        )
        .expect("writing to memory cannot fail");
    }
    json.push_str(
        "\n ],\n \"metadata\": {\n  \"language_info\": {\n   \"name\": \"python\"\n  }\n },\n",
    );
    json.push_str(" \"nbformat\": 4,\n \"nbformat_minor\": 5\n}");
    json.into_bytes()
}
