//! The past of a repository of notebooks, taken in by `recell import-history`.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::notebooks::{command, must};
use crate::report::{disk_use, timed};

const CELLS: usize = 20;
/// All outputs of a notebook together.
const OUTPUT_BYTES: usize = 92_000;
const COMMITS: usize = 3_000;
/// A history of so many commits shows whether memory is bounded.
const LONG: usize = 10_000;
/// How many cells a commit has run again where not all were.
const EDITED: usize = 3;

pub(crate) fn run(folder: &Path) {
    let Some(recell) = command() else {
        println!("no `recell` beside this program: build it with `cargo build --release`");
        return;
    };
    let some = History { commits: COMMITS, notebooks: 10, rerun: EDITED };
    measure(&recell, &folder.join("some"), "3 of 20 cells run again a commit", &some);
    let all = History { commits: COMMITS, notebooks: 10, rerun: CELLS };
    measure(&recell, &folder.join("all"), "all cells run again", &all);
    let one = History { commits: LONG, notebooks: 1, rerun: EDITED };
    measure(&recell, &folder.join("long"), "one notebook, 10,000 commits", &one);
}

/// A repository with one version of one notebook a commit.
struct History {
    commits: usize,
    notebooks: usize,
    /// How many cells a commit has run again.
    rerun: usize,
}

fn measure(recell: &Path, folder: &Path, what: &str, history: &History) {
    std::fs::create_dir_all(folder).unwrap();
    let size = history.make(folder);
    must(Command::new(recell).args(["-q", "init"]).current_dir(folder));
    drop(Command::new("sync").status());
    let import = || {
        let mut command = Command::new("/usr/bin/time");
        command.args(["-f", "%M"]).arg(recell).args(["-q", "import-history"]).current_dir(folder);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stderr).trim().parse::<u64>().unwrap_or(0)
    };
    let (took, peak) = timed(import);
    println!("{what}: {} commits of notebooks of {} KB", history.commits, size / 1000);
    let rate = history.commits as f64 / took.as_secs_f64();
    println!("{:58} {rate:8.0} versions/s   {} MB at most", "  import-history", peak / 1000);
    let (again, _) = timed(import);
    println!("{:58} {:8.0} ms", "  again, nothing new", again.as_secs_f64() * 1e3);
    let store = disk_use(&folder.join(".recell")) as f64 / 1e6;
    let git = disk_use(&folder.join(".git")) as f64 / 1e6;
    println!("{:58} {store:8.0} MB, the repository {git:.0} MB", "  the store");
    std::fs::remove_dir_all(folder).unwrap();
}

impl History {
    /// Makes the repository, packed as after `git gc`; returns the bytes of a notebook.
    fn make(&self, folder: &Path) -> usize {
        must(Command::new("git").args(["init", "-q", "-b", "main"]).current_dir(folder));
        let mut git = Command::new("git")
            .args(["fast-import", "--quiet"])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = BufWriter::new(git.stdin.take().unwrap());
        // Which commit ran each cell of each notebook last.
        let mut ran = vec![vec![0_u64; CELLS]; self.notebooks];
        let mut size = 0;
        for commit in 0..self.commits {
            let number = commit % self.notebooks;
            for step in 0..self.rerun {
                ran[number][(commit * 7 + step) % CELLS] = commit as u64 + 1;
            }
            let bytes = notebook(number as u64, &ran[number]);
            size = bytes.len();
            writeln!(
                input,
                "commit refs/heads/main\ncommitter a <a@b.c> {} +0000",
                commit + 1_700_000_000
            )
            .unwrap();
            writeln!(input, "data 1\nx\nM 100644 inline n{number}.ipynb\ndata {size}").unwrap();
            input.write_all(bytes.as_bytes()).unwrap();
            writeln!(input).unwrap();
        }
        drop(input);
        assert!(git.wait().unwrap().success());
        must(Command::new("git").args(["repack", "-adfq"]).current_dir(folder));
        must(Command::new("git").args(["reset", "-q", "--hard"]).current_dir(folder));
        size
    }
}

/// Returns a notebook each of whose cells was run by the commit that `ran` says: text, pictures
/// and tables.
fn notebook(seed: u64, ran: &[u64]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let per = OUTPUT_BYTES / CELLS;
    let mut json = String::from("{\n \"cells\": [");
    for (cell, ran) in ran.iter().enumerate() {
        let mut random = fastrand::Rng::with_seed(seed << 40 | (cell as u64) << 32 | ran);
        let output = match cell % 3 {
            0 => {
                let lines: String = (0..per / 40)
                    .map(|at| {
                        format!(
                            "\n      \"step {at:04} loss 0.{:08}\\n\",",
                            random.u32(..100_000_000)
                        )
                    })
                    .collect();
                let lines = lines.trim_end_matches(',');
                format!("\"name\": \"stdout\", \"output_type\": \"stream\", \"text\": [{lines}]")
            }
            1 => {
                let png: String =
                    (0..per / 4 * 4).map(|_| char::from(LETTERS[random.usize(..64)])).collect();
                format!(
                    "\"data\": {{\"image/png\": \"{png}\"}}, \"metadata\": {{}}, \
                     \"output_type\": \"display_data\""
                )
            }
            _ => {
                let rows: String = (0..per / 29)
                    .map(|_| format!("<tr><td>0.{:08}</td></tr>\\n", random.u32(..100_000_000)))
                    .collect();
                format!(
                    "\"data\": {{\"text/html\": \"{rows}\"}}, \"metadata\": {{}}, \
                     \"output_type\": \"display_data\""
                )
            }
        };
        let comma = if cell == 0 { "" } else { "," };
        write!(
            json,
            "{comma}\n  {{\n   \"cell_type\": \"code\",\n   \"id\": \"c{cell:03}\",\n   \
             \"execution_count\": {},\n   \"metadata\": {{}},\n   \"outputs\": [{{{output}}}],\n   \
             \"source\": [\"x = compute({cell})\\n\", \"x\"]\n  }}",
            ran + 1
        )
        .unwrap();
    }
    json.push_str("\n ],\n \"metadata\": {},\n \"nbformat\": 4,\n \"nbformat_minor\": 5\n}\n");
    json
}
