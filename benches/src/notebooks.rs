//! Notebooks: stripped, recorded, and taken in by `git add` through the filter.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use recell::notebook::{
    Notebook, NotebookName, RecordContext, RestoreOptions, StripOptions, module_hashes, record,
    restore, split, strip,
};
use recell::{ObjectFormat, OpenOptions, Store, Timestamp};

use crate::report::{each, print_each, print_ms, timed};

const CELLS: usize = 30;
/// All outputs of a notebook together.
const OUTPUT_BYTES: usize = 200_000;
const STRIPPED: usize = 1000;
const ADDED: usize = 100;
const ROUNDS: usize = 5;

pub(crate) fn run(folder: &Path) {
    let sources: Vec<Vec<u8>> = (0..ADDED as u64).map(notebook).collect();
    println!("notebooks of {} KB with {CELLS} cells", sources[0].len() / 1000);
    in_memory(&sources[0]);
    stored(folder, &sources);
    let Some(recell) = command() else {
        println!("no `recell` beside this program: build it with `cargo build --release`");
        return;
    };
    stripped(folder, &recell, &sources);
    added(folder, &recell, &sources);
}

fn in_memory(bytes: &[u8]) {
    let notebook = Notebook::parse(bytes).unwrap();
    let time = |what: &str, work: &dyn Fn()| print_each(what, each(300, |_| work()));
    time("parse", &|| drop(Notebook::parse(bytes).unwrap()));
    time("parse and strip", &|| {
        drop(strip(&Notebook::parse(bytes).unwrap(), StripOptions::default()));
    });
    time("split all outputs into parts", &|| {
        notebook.cells().iter().for_each(|cell| drop(split(&notebook, cell)));
    });
    time("module hashes", &|| drop(module_hashes(&notebook)));
}

fn stored(folder: &Path, sources: &[Vec<u8>]) {
    let store =
        Store::create(&folder.join("store.git"), ObjectFormat::Sha1, OpenOptions::default());
    let store = store.unwrap();
    let context = RecordContext::at(Timestamp::from_micros(1_795_224_240_000_000));
    let name = |number: usize| NotebookName::of_path(format!("n{number}.ipynb").as_ref()).unwrap();
    let run = |number: usize| {
        let notebook = Notebook::parse(&sources[number]).unwrap();
        record(&store, &name(number), &notebook, &context).unwrap()
    };
    print_each("record, parsing included", each(sources.len(), |number| drop(run(number))));
    print_each("record again, nothing changed", each(sources.len(), |number| drop(run(number))));
    let bare: Vec<Vec<u8>> = sources
        .iter()
        .map(|bytes| strip(&Notebook::parse(bytes).unwrap(), StripOptions::default()).into_owned())
        .collect();
    store.flush().unwrap();
    let times = each(sources.len(), |number| {
        let notebook = Notebook::parse(&bare[number]).unwrap();
        let snapshot = store.snapshot().unwrap();
        let back = restore(&snapshot, &name(number), &notebook, &RestoreOptions::default());
        assert!(back.bytes == sources[number]);
    });
    print_each("restore, checked against the original", times);
}

/// Strips files in place with one process, as a person would.
fn stripped(folder: &Path, recell: &Path, sources: &[Vec<u8>]) {
    let folder = folder.join("strip");
    let mut strips: Vec<Duration> = Vec::new();
    let mut copies: Vec<Duration> = Vec::new();
    for _ in 0..ROUNDS {
        fill(&folder, sources, STRIPPED);
        strips.push(
            timed(|| {
                must(
                    Command::new(recell)
                        .args(["-q", "strip", "--no-record", "."])
                        .current_dir(&folder),
                )
            })
            .0,
        );
        let after = std::fs::metadata(folder.join("n0.ipynb")).unwrap().len();
        assert!(after < 60_000, "stripped");
        fill(&folder, sources, STRIPPED);
        copies.push(
            timed(|| {
                for number in 0..STRIPPED {
                    let file = folder.join(format!("n{number}.ipynb"));
                    std::fs::copy(&file, file.with_extension("copy")).unwrap();
                }
            })
            .0,
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }
    print_per_second("recell strip --no-record, one process", STRIPPED, &mut strips);
    print_per_second("floor: copying the files", STRIPPED, &mut copies);
}

/// Adds notebooks to fresh repositories, with the filter and without, in turns.
fn added(folder: &Path, recell: &Path, sources: &[Vec<u8>]) {
    let (mut plain, mut filtered) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let repository = folder.join("plain");
        fill(&repository, sources, ADDED);
        git(&repository, &["init", "-q"]);
        plain.push(timed(|| git(&repository, &["add", "."])).0);
        std::fs::remove_dir_all(&repository).unwrap();
        let repository = folder.join("filtered");
        fill(&repository, sources, ADDED);
        git(&repository, &["init", "-q"]);
        must(Command::new(recell).args(["-q", "init"]).current_dir(&repository));
        std::fs::write(repository.join(".gitattributes"), "*.ipynb filter=recell\n").unwrap();
        let process = format!("'{}' filter process", recell.display());
        git(&repository, &["config", "filter.recell.process", &process]);
        git(&repository, &["config", "filter.recell.required", "true"]);
        filtered.push(timed(|| git(&repository, &["add", "."])).0);
        let store = Store::open(&repository.join(".recell/store.git"), OpenOptions::default());
        let names = store.unwrap().list(&recell::Pattern::all()).unwrap();
        assert_eq!(names.len(), ADDED * CELLS, "all outputs are recorded");
        std::fs::remove_dir_all(&repository).unwrap();
    }
    print_ms("git add of 100 notebooks without a filter", &mut plain);
    print_ms("git add of 100 notebooks through the filter, recorded", &mut filtered);
    let ratio = filtered[ROUNDS / 2].as_secs_f64() / plain[ROUNDS / 2].as_secs_f64();
    println!("{:58} {ratio:8.2} of git add without a filter", "");
}

fn print_per_second(what: &str, count: usize, times: &mut [Duration]) {
    times.sort();
    let rate = count as f64 / times[times.len() / 2].as_secs_f64();
    println!("{what:58} {rate:8.0} notebooks/s");
}

/// Returns the command that was built with this program.
pub(crate) fn command() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name("recell");
    path.exists().then_some(path)
}

fn fill(folder: &Path, sources: &[Vec<u8>], count: usize) {
    std::fs::create_dir_all(folder).unwrap();
    for number in 0..count {
        let bytes = &sources[number % sources.len()];
        std::fs::write(folder.join(format!("n{number}.ipynb")), bytes).unwrap();
    }
    must(Command::new("sync").arg("-f").arg(folder));
}

fn git(folder: &Path, args: &[&str]) {
    must(Command::new("git").arg("-C").arg(folder).args(args));
}

pub(crate) fn must(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Returns a notebook whose outputs are a third each stream text, pictures and HTML tables.
pub(crate) fn notebook(seed: u64) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let per = OUTPUT_BYTES / CELLS;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut json = String::from("{\n \"cells\": [");
    for cell in 0..CELLS {
        let (count, output) = (
            cell + 1,
            match cell % 3 {
                0 => {
                    let mut line =
                        |at| format!("step {at:05} loss 0.{:010}\\n", random.u64(..10_000_000_000));
                    let text = list((0..per / 31).map(&mut line), 5);
                    format!(
                        "\"name\": \"stdout\",\n     \"output_type\": \"stream\",\n     \"text\": {text}"
                    )
                }
                1 => {
                    let png: String =
                        (0..per / 4 * 4).map(|_| char::from(LETTERS[random.usize(..64)])).collect();
                    format!(
                        "\"data\": {{\n      \"image/png\": \"{png}\",\n      \"text/plain\": [\n       \
                     \"<Figure>\"\n      ]\n     }},\n     \"metadata\": {{}},\n     \
                     \"output_type\": \"display_data\""
                    )
                }
                _ => {
                    let mut line =
                        |_| format!("<tr><td>0.{:08}</td></tr>\\n", random.u32(..100_000_000));
                    let html = list((0..per / 29).map(&mut line), 6);
                    format!(
                        "\"data\": {{\n      \"text/html\": {html},\n      \"text/plain\": [\n       \
                     \"t\"\n      ]\n     }},\n     \"execution_count\": {cell},\n     \
                     \"metadata\": {{}},\n     \"output_type\": \"execute_result\""
                    )
                }
            },
        );
        let source = list((0..10).map(|at| format!("x{at} = compute({seed}, {cell}, {at})\\n")), 3);
        let comma = if cell == 0 { "" } else { "," };
        write!(
            json,
            "{comma}\n  {{\n   \"cell_type\": \"code\",\n   \"id\": \"c{seed:04}-{cell:03}\",\n   \
             \"execution_count\": {count},\n   \"metadata\": {{}},\n   \"outputs\": [\n    {{\n     \
             {output}\n    }}\n   ],\n   \"source\": {source}\n  }}"
        )
        .unwrap();
    }
    json.push_str(
        "\n ],\n \"metadata\": {\n  \"kernelspec\": {\n   \"name\": \"python3\"\n  },\n  \
         \"language_info\": {\n   \"name\": \"python\"\n  }\n },\n \"nbformat\": 4,\n \
         \"nbformat_minor\": 5\n}\n",
    );
    json.into_bytes()
}

/// Returns lines as a JSON list, indented by `depth` blanks and one.
fn list(lines: impl Iterator<Item = String>, depth: usize) -> String {
    let indent = " ".repeat(depth);
    let lines: Vec<String> = lines.map(|line| format!("\n{indent} \"{line}\"")).collect();
    format!("[{}\n{indent}]", lines.join(","))
}
