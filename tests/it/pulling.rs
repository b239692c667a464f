//! Pull, parts that are brought when they are read, and `recell fetch`, against servers with and
//! without filters, old protocols, and remotes that lost something.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{TestEnv, git, hermetic, noise};
use crate::syncing::{Team, names, put};

/// Puts a result with an output and a variable.
fn put_both(env: &TestEnv, key: &str, output: &str, variable: &str) -> String {
    env.write("variable", variable);
    let args = ["put", key, "outputs/0.txt=-", "variables/v.bin=variable"];
    env.recell(&args).input(output.as_bytes()).ok().trim().to_owned()
}

fn set(repository: &Path, name: &str, value: &str) {
    git(repository, &["config", name, value]);
}

/// Returns a team whose shared repository hands out without blobs.
fn team_with_filters() -> Team {
    let team = Team::new();
    set(&team.shared(), "uploadpack.allowFilter", "true");
    team
}

/// Whether the object of a part is in the store, without asking a remote.
fn is_here(env: &TestEnv, entry: &str, part: &str) -> bool {
    let id = env.git(&["rev-parse", &format!("{entry}:{part}")]);
    let id = id.trim();
    let all = env.git(&["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]);
    all.lines().any(|line| line == id)
}

fn said(env: &TestEnv, args: &[&str]) -> (String, Option<i32>) {
    let run = env.recell(args).run();
    (String::from_utf8_lossy(&run.output.stderr).into_owned(), run.output.status.code())
}

fn packs(env: &TestEnv) -> u64 {
    let folder = std::fs::read_dir(env.store_path().join("objects/pack")).unwrap();
    let files = folder.map(|file| file.unwrap());
    let packs = files.filter(|file| file.path().extension().is_some_and(|end| end == "pack"));
    packs.map(|pack| pack.metadata().unwrap().len()).sum()
}

#[test]
fn only_what_the_policy_wants_comes_and_the_rest_when_it_is_read() {
    let team = team_with_filters();
    let (anna, ben) = (team.member(), team.member());
    let name = put_both(&anna, "a.ipynb:load:1", "an output", "a variable");
    anna.recell(&["push"]).ok();
    let (words, _) = said(&ben, &["pull"]);
    assert!(words.contains("pulled 1 entry") && words.contains("1 part stays"), "{words}");
    assert!(is_here(&ben, &name, "outputs/0.txt"));
    assert!(!is_here(&ben, &name, "variables/v.bin"));
    ben.git(&["fsck", "--full"]);
    assert_eq!(ben.recell(&["cat", &name, "variables/v.bin"]).ok(), "a variable");
    assert!(is_here(&ben, &name, "variables/v.bin"));
    assert_eq!(ben.leftovers(), [""; 0]);
}

#[test]
fn plain_git_brings_parts_too() {
    let team = team_with_filters();
    let (anna, ben) = (team.member(), team.member());
    let name = put(&anna, "a.ipynb:load:1", "an output");
    anna.recell(&["push"]).ok();
    ben.recell(&["pull", "--lazy"]).ok();
    assert!(!is_here(&ben, &name, "outputs/0.txt"));
    ben.git(&["fsck", "--full", "--strict"]);
    assert_eq!(ben.git(&["show", &format!("{name}:outputs/0.txt")]).trim(), "an output");
    ben.recell(&["verify"]).ok();
}

#[test]
fn offline_a_lazy_part_says_which_remote_has_it() {
    let team = team_with_filters();
    let (anna, ben) = (team.member(), team.member());
    let name = put(&anna, "a.ipynb:load:1", "an output");
    anna.recell(&["push"]).ok();
    ben.recell(&["pull", "--lazy"]).ok();
    let away = team.shared().with_extension("away");
    std::fs::rename(team.shared(), &away).unwrap();
    let (words, code) = said(&ben, &["cat", &name, "outputs/0.txt"]);
    assert_eq!(code, Some(3), "{words}");
    assert!(words.contains("is only on the remote `origin`: "), "{words}");
    assert!(words.contains("recell fetch"), "{words}");
    let (words, code) = said(&ben, &["--json", "fetch", "a.ipynb"]);
    assert!(code == Some(3) && words.contains("\"on_remote\""), "{words}");
    std::fs::rename(&away, team.shared()).unwrap();
    let off = ben.recell(&["cat", &name, "outputs/0.txt"]).with("GIT_NO_LAZY_FETCH", "1").run();
    let words = String::from_utf8_lossy(&off.output.stderr).into_owned();
    assert!(words.contains("`GIT_NO_LAZY_FETCH` is set"), "{words}");
    ben.recell(&["fetch", "a.ipynb"]).ok();
    std::fs::rename(team.shared(), &away).unwrap();
    assert_eq!(ben.recell(&["cat", &name, "outputs/0.txt"]).ok(), "an output");
}

#[test]
fn fetch_brings_what_is_asked_for_and_says_so_before() {
    let team = team_with_filters();
    let (anna, ben) = (team.member(), team.member());
    let one = put_both(&anna, "a.ipynb:load:1", "one", "a variable");
    let two = put_both(&anna, "b.ipynb:load:1", "two", "another variable");
    anna.recell(&["push"]).ok();
    ben.recell(&["pull"]).ok();
    let (words, _) = said(&ben, &["fetch", "--all", "--dry-run"]);
    assert!(words.contains("would fetch 2 parts, 26 B"), "{words}");
    assert!(!is_here(&ben, &one, "variables/v.bin"), "nothing came");
    ben.recell(&["fetch", "a.ipynb", "--parts", "variables/*"]).ok();
    assert!(is_here(&ben, &one, "variables/v.bin") && !is_here(&ben, &two, "variables/v.bin"));
    let (words, code) = said(&ben, &["fetch", "a.ipynb"]);
    assert!(words.contains("all of it is here") && code == Some(0), "{words}");
    assert_eq!(said(&ben, &["fetch"]).1, Some(2), "neither results nor --all");
}

#[test]
fn a_server_without_filters_sends_everything() {
    let team = Team::new();
    let (anna, ben) = (team.member(), team.member());
    let name = put_both(&anna, "a.ipynb:load:1", "an output", "a variable");
    anna.recell(&["push"]).ok();
    ben.recell(&["pull"]).ok();
    assert!(is_here(&ben, &name, "variables/v.bin"));
    ben.git(&["fsck", "--full", "--strict"]);
    let again = put(&anna, "a.ipynb:load:1", "another");
    anna.recell(&["push"]).ok();
    ben.recell(&["pull"]).ok();
    assert_eq!(ben.recell(&["cat", &again, "0.txt"]).ok(), "another");
}

#[test]
fn a_server_that_hands_out_nothing_by_id_is_asked_for_whole_ledgers() {
    let team = team_with_filters();
    let (anna, ben) = (team.member(), team.member());
    let name = put_both(&anna, "a.ipynb:load:1", "an output", "a variable");
    anna.recell(&["push"]).ok();
    ben.write("old", "[protocol]\n\tversion = 0\n");
    let settings = ben.root().join("old");
    let settings = settings.to_str().unwrap();
    let old = |args: &[&str]| ben.recell(args).with("GIT_CONFIG_GLOBAL", settings).ok();
    old(&["pull"]);
    assert_eq!(old(&["cat", &name, "outputs/0.txt"]), "an output");
    let again = put(&anna, "a.ipynb:load:1", "another");
    anna.recell(&["push"]).ok();
    old(&["pull", "--lazy"]);
    assert_eq!(old(&["cat", &again, "outputs/0.txt"]), "another");
}

/// Runs git in a folder with these bytes to read, and returns what it printed.
fn with_input(folder: &Path, args: &[&str], bytes: &[u8]) -> String {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = hermetic(&mut command, folder).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {args:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Removes an object of a bare repository.
fn lose(repository: &Path, id: &str) {
    let packs = repository.join("objects/pack");
    let away = repository.join("packs-away");
    std::fs::rename(&packs, &away).unwrap();
    std::fs::create_dir(&packs).unwrap();
    for file in std::fs::read_dir(&away).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|end| end == "pack") {
            let bytes = std::fs::read(&path).unwrap();
            with_input(repository, &["unpack-objects", "-q"], &bytes);
        }
    }
    std::fs::remove_file(repository.join("objects").join(&id[..2]).join(&id[2..])).unwrap();
}

#[test]
fn what_a_remote_lost_is_named_and_keeps_nothing_else_away() {
    let team = team_with_filters();
    let (anna, ben) = (team.member(), team.member());
    let mut all = Vec::new();
    for number in 0..8 {
        let key = format!("a.ipynb:cell{number}:1");
        all.push(put(&anna, &key, &format!("output {number}")));
    }
    anna.recell(&["push"]).ok();
    for lost in [2, 5] {
        let id = anna.git(&["rev-parse", &format!("{}:outputs/0.txt", all[lost])]);
        if lost == 2 {
            lose(&team.shared(), id.trim());
        } else {
            let id = id.trim();
            let path = team.shared().join("objects").join(&id[..2]).join(&id[2..]);
            std::fs::remove_file(path).unwrap();
        }
    }
    let (words, code) = said(&ben, &["pull"]);
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("pulled 8 entries"), "{words}");
    for (number, name) in all.iter().enumerate() {
        let is_lost = number == 2 || number == 5;
        assert_eq!(words.contains(&format!("{name}:outputs/0.txt")), is_lost, "{words}");
        assert_eq!(is_here(&ben, name, "outputs/0.txt"), !is_lost);
    }
    let (words, code) = said(&ben, &["cat", &all[2], "outputs/0.txt"]);
    assert!(code == Some(3) && words.contains("does not hand it out"), "{words}");
}

#[test]
fn one_broken_ledger_stops_no_other() {
    let team = team_with_filters();
    let (anna, ben) = (team.member(), team.member());
    let good = put(&anna, "good.ipynb:load:1", "good");
    put(&anna, "bad.ipynb:load:1", "bad");
    anna.recell(&["push"]).ok();
    let refs = git(&team.shared(), &["for-each-ref", "--format=%(refname)", "refs/recell"]);
    let bad = refs.lines().find(|line| line.contains("bad.ipynb")).unwrap();
    // A file where an entry should be, and a name that says another content.
    let shared = team.shared();
    let blob = with_input(&shared, &["hash-object", "-w", "--stdin"], b"x");
    let line = format!("100644 blob {}\tload\n", blob.trim());
    let tree = with_input(&shared, &["mktree"], line.as_bytes());
    let commit = git(&shared, &["commit-tree", "-m", "bad", tree.trim()]);
    git(&shared, &["update-ref", bad, commit.trim()]);
    let (words, code) = said(&ben, &["pull"]);
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("not taken in: `refs/recell/ledger/bad.ipynb"), "{words}");
    assert_eq!(names(&ben), [good]);
}

#[test]
fn a_pull_that_breaks_shows_nothing_and_the_next_resumes() {
    let team = team_with_filters();
    let (anna, ben) = (team.member(), team.member());
    let name = put_both(&anna, "a.ipynb:load:1", "an output", "a variable");
    anna.recell(&["push"]).ok();
    // The server dies when it is asked for objects by id: at its third start.
    let script = "#!/bin/sh\necho x >> \"$COUNT\"\n\
                  test \"$(wc -l < \"$COUNT\")\" -eq 3 && exit 1\nexec git upload-pack \"$@\"\n";
    ben.write("server", script);
    let server = ben.root().join("server");
    std::fs::set_permissions(&server, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    ben.write("settings", format!("[remote \"recell\"]\n\tuploadpack = {}\n", server.display()));
    let settings = ben.root().join("settings");
    let count = ben.root().join("count");
    std::fs::write(&count, "x\n").unwrap();
    let pull = || {
        ben.recell(&["pull"])
            .with("GIT_CONFIG_GLOBAL", settings.to_str().unwrap())
            .with("COUNT", count.to_str().unwrap())
            .run()
    };
    let broken = pull();
    let words = String::from_utf8_lossy(&broken.output.stderr).into_owned();
    assert_eq!(broken.output.status.code(), Some(1), "{words}");
    assert_eq!(names(&ben), [""; 0], "nothing is half there");
    assert_eq!(ben.leftovers(), [""; 0]);
    let before = packs(&ben);
    assert!(before > 0, "trees came");
    assert!(pull().output.status.success());
    assert_eq!(names(&ben), [name.as_str()]);
    assert!(is_here(&ben, &name, "outputs/0.txt"));
}

#[test]
fn a_changed_table_travels_as_its_changed_chunks() {
    let team = team_with_filters();
    let (anna, ben) = (team.member(), team.member());
    // 64 MiB that do not compress.
    let mut table = noise(64 << 20, 7);
    let args = ["put", "a.ipynb:load:1", "outputs/table.bin=table"];
    anna.write("table", &table);
    anna.recell(&args).ok();
    anna.recell(&["push"]).ok();
    ben.recell(&["pull"]).ok();
    let before = packs(&ben);
    assert!(before > 64 << 20);
    let changed = noise((64 << 20) / 100, 8);
    let at = table.len() - changed.len();
    table[at..at + changed.len()].copy_from_slice(&changed);
    anna.write("table", &table);
    let had = packs(&anna);
    let name = anna.recell(&args).ok().trim().to_owned();
    anna.recell(&["push"]).ok();
    let (words, _) = said(&ben, &["pull"]);
    assert!(words.contains("pulled 1 entry"), "{words}");
    let came = packs(&ben) - before;
    let most = (64 << 20) * 4 / 100;
    assert!(came <= most, "{came} bytes came, {most} at most");
    let new = packs(&anna) - had;
    assert!(came <= new + 4096, "{came} bytes came of {new} that are new: some were here");
    ben.recell(&["verify", "--full"]).ok();
    let there = ben.recell(&["get", &name, "-o", "out"]).ok();
    assert!(there.contains("table.bin"));
    assert!(std::fs::read(ben.root().join("out/outputs/table.bin")).unwrap() == table);
}

#[test]
fn two_pulls_at_once_and_puts_beside_them_lose_nothing() {
    let team = team_with_filters();
    let (anna, ben) = (team.member(), team.member());
    let mut all: Vec<String> =
        (0..20).map(|n| put(&anna, &format!("a.ipynb:c{n}:1"), &format!("{n}"))).collect();
    anna.recell(&["push"]).ok();
    std::thread::scope(|scope| {
        let pulls: Vec<_> = (0..2).map(|_| scope.spawn(|| ben.recell(&["pull"]).run())).collect();
        for number in 0..4 {
            all.push(put(&ben, &format!("b.ipynb:c{number}:1"), "beside"));
        }
        ben.recell(&["gc"]).ok();
        for pull in pulls {
            assert!(pull.join().unwrap().output.status.success());
        }
    });
    all.sort();
    assert_eq!(names(&ben), all);
    ben.recell(&["verify", "--full"]).ok();
}

#[test]
fn a_copy_of_the_names_is_taken_in_though_only_a_remote_has_their_parts() {
    let team = team_with_filters();
    let (anna, ben) = (team.member(), team.member());
    let old = put_both(&anna, "a.ipynb:load:1", "an output", "a variable");
    anna.recell(&["push"]).ok();
    // The other copy of Ben's store, and what it pulled, come with a sync of the folder.
    put(&ben, "b.ipynb:load:1", "of ben");
    ben.recell(&["flush"]).ok();
    let packed = ben.store_path().join("packed-refs");
    let before = std::fs::read(&packed).unwrap();
    ben.recell(&["pull", "--lazy"]).ok();
    assert!(!is_here(&ben, &old, "outputs/0.txt"));
    std::fs::rename(&packed, packed.with_file_name("packed-refs (conflicted copy)")).unwrap();
    std::fs::write(&packed, before).unwrap();
    assert!(!names(&ben).contains(&old));
    let (words, code) = said(&ben, &["repair", "--yes"]);
    assert_eq!(code, Some(0), "{words}");
    assert!(names(&ben).contains(&old), "{words}");
    ben.recell(&["verify"]).ok();
    assert_eq!(ben.recell(&["cat", &old, "variables/v.bin"]).ok(), "a variable");
}
