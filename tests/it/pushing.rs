//! Push to hosts as they are: strict ones, full ones, ones that break; and the commands about
//! remotes.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use crate::support::{Ran, TestEnv, copy_folder, git, noise, transcript};
use crate::syncing::{Team, names, put};

/// Puts an output of bytes and returns the name of the entry.
fn put_bytes(env: &TestEnv, key: &str, bytes: &[u8]) -> String {
    env.recell(&["put", key, "outputs/0.bin=-"]).input(bytes).ok().trim().to_owned()
}

/// Gives the shared repository a hook; none takes it away.
fn hook(team: &Team, name: &str, script: Option<&str>) {
    let path = team.shared().join("hooks").join(name);
    let Some(script) = script else { return drop(std::fs::remove_file(path)) };
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// The hook of a host that takes no object of more than so many bytes.
fn objects_up_to(bytes: usize) -> String {
    format!(
        "while read old new ref; do\n\
         large=$(git rev-list --objects $new --not --all | cut -d' ' -f1 |\n\
         git cat-file --batch-check='%(objectsize)' | sort -n | tail -1)\n\
         [ \"$large\" -le {bytes} ] || {{ echo \"error: GH001: an object of $large bytes; this \
         exceeds the limit\" >&2; exit 1; }}\n\
         done\n"
    )
}

/// What the shared repository has: the names of all entries, and how many ledgers.
fn there(team: &Team) -> (Vec<String>, usize) {
    let refs = git(&team.shared(), &["for-each-ref", "--format=%(refname)", "refs/recell/ledger"]);
    let mut found = Vec::new();
    for name in refs.lines() {
        let folder = name.strip_prefix("refs/recell/ledger/").unwrap().split('/').next().unwrap();
        let notebook = folder.rsplit_once('-').unwrap().0;
        let tree = git(&team.shared(), &["ls-tree", "-r", "-t", "-d", "--name-only", name]);
        let entries = tree.lines().filter(|path| path.matches('/').count() == 3);
        found.extend(entries.map(|path| format!("{notebook}/{path}")));
    }
    found.sort();
    found.dedup();
    (found, refs.lines().count())
}

fn json(ran: &Ran) -> serde_json::Value {
    serde_json::from_slice(&ran.output.stdout).unwrap_or_else(|_| panic!("{ran}"))
}

#[test]
fn a_host_that_takes_few_refs_gets_all_and_is_known_the_next_time() {
    for limit in [1, 5] {
        let team = Team::new();
        let anna = team.member();
        let mut all: Vec<String> =
            (0..12).map(|n| put(&anna, &format!("n{n}.ipynb:a:1"), "x")).collect();
        all.sort();
        hook(
            &team,
            "pre-receive",
            Some(&format!(
                "echo push >>pushes; n=$(wc -l)\n\
                 [ $n -le {limit} ] || {{ echo 'declined for no reason' >&2; exit 1; }}"
            )),
        );
        anna.recell(&["push"]).ok();
        assert_eq!(there(&team), (all, 12), "{limit}");
        let pushes = || {
            let path = team.shared().join("pushes");
            let count = std::fs::read_to_string(&path).unwrap_or_default().lines().count();
            drop(std::fs::remove_file(path));
            count
        };
        assert!(pushes() > 12 / limit);
        for number in 0..12 {
            put(&anna, &format!("n{number}.ipynb:a:2"), "y");
        }
        anna.recell(&["push"]).ok();
        assert!(pushes() <= 12_usize.div_ceil(limit.min(3)), "the bound is known");
        anna.assert_at_rest("after pushes in batches");
    }
}

#[test]
fn an_object_that_is_too_large_is_named_and_keeps_nothing_else_back() {
    let team = Team::new();
    let (anna, ben) = (team.member(), team.member());
    hook(&team, "pre-receive", Some(&objects_up_to(50_000)));
    let mut small = Vec::new();
    for number in 0..9 {
        small.push(put(&anna, &format!("a.ipynb:cell{number}:1"), &format!("{number} rows")));
    }
    let large = put_bytes(&anna, "a.ipynb:plot:1", &noise(90_000, 1));
    small.push(put(&anna, "b.ipynb:load:1", "of b"));
    small.sort();
    let ran = anna.recell(&["push", "--json"]).run();
    assert_eq!(ran.code(), 1, "{ran}");
    assert_eq!(there(&team), (small.clone(), 2), "{ran}");
    let told = json(&ran);
    assert_eq!(told["entries"], serde_json::json!(small));
    assert_eq!(told["missing"][0]["entries"], serde_json::json!([large]));
    let reason = told["missing"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("this exceeds the limit"), "the host's own words: {reason}");
    let ran = anna.recell(&["push"]).run().to_string();
    assert!(ran.contains("did not arrive: `a.ipynb:plot@"), "{ran}");
    // What comes later is not held up either.
    small.push(put(&anna, "a.ipynb:later:1", "later"));
    small.sort();
    assert_eq!(anna.recell(&["push"]).run().code(), 1);
    assert_eq!(there(&team).0, small);
    ben.recell(&["pull"]).ok();
    assert_eq!(names(&ben), small);
    hook(&team, "pre-receive", None);
    anna.recell(&["push"]).ok();
    ben.recell(&["pull"]).ok();
    assert_eq!(names(&ben), names(&anna));
    let again = anna.recell(&["push"]).run().to_string();
    assert!(again.contains("nothing to push"), "{again}");
    anna.assert_at_rest("after a refused object");
}

#[test]
fn a_host_with_small_packs_gets_all_in_several() {
    let team = Team::new();
    let anna = team.member();
    git(&team.shared(), &["config", "receive.maxInputSize", "60000"]);
    let mut all = Vec::new();
    for number in 0..6 {
        all.push(put_bytes(&anna, &format!("a.ipynb:c{number}:1"), &noise(20_000, number)));
    }
    all.push(put_bytes(&anna, "b.ipynb:c:1", &noise(20_000, 9)));
    all.sort();
    anna.recell(&["push"]).ok();
    assert_eq!(there(&team), (all, 2));
}

#[test]
fn a_ledger_that_is_refused_keeps_no_other_back() {
    let team = Team::new();
    let anna = team.member();
    hook(
        &team,
        "update",
        Some("case $1 in *b.ipynb*) echo 'you are not allowed to do that' >&2; exit 1;; esac"),
    );
    let one = put(&anna, "a.ipynb:load:1", "a");
    let refused = put(&anna, "b.ipynb:load:1", "b");
    let two = put(&anna, "c.ipynb:load:1", "c");
    let ran = anna.recell(&["push", "--json"]).run();
    assert_eq!((ran.code(), there(&team)), (1, (vec![one, two], 2)), "{ran}");
    assert_eq!(json(&ran)["missing"][0]["entries"], serde_json::json!([refused]));
    assert!(ran.to_string().contains("you are not allowed to do that"), "{ran}");
}

#[test]
fn a_host_that_takes_nothing_is_left_alone_soon_and_nothing_is_lost() {
    let team = Team::new();
    let anna = team.member();
    for number in 0..30 {
        put(&anna, &format!("n{}.ipynb:c{number}:1", number % 3), "x");
    }
    hook(&team, "pre-receive", Some("echo x >>pushes; echo 'this is an archive' >&2; exit 1"));
    let before = names(&anna);
    let ran = anna.recell(&["push"]).run();
    assert!(ran.code() == 1 && ran.to_string().contains("this is an archive"), "{ran}");
    let pushes = std::fs::read_to_string(team.shared().join("pushes")).unwrap().lines().count();
    assert!(pushes <= 24, "{pushes}");
    assert_eq!((names(&anna), there(&team).1), (before.clone(), 0));
    hook(&team, "pre-receive", None);
    anna.recell(&["push"]).ok();
    assert_eq!(there(&team).0, before);
}

#[test]
fn a_server_that_dies_once_is_tried_again() {
    let team = Team::new();
    let anna = team.member();
    let one = put(&anna, "a.ipynb:load:1", "a");
    let shared = format!("file://{}", team.shared().display());
    git(anna.root(), &["remote", "set-url", "origin", &shared]);
    hook(&team, "pre-receive", Some("[ -e died ] || { touch died; kill -9 $PPID; }"));
    let ran = anna.recell(&["push"]).run();
    assert_eq!(ran.code(), 0, "{ran}");
    assert_eq!(there(&team).0, [one]);
}

#[test]
fn what_keeps_a_push_from_its_remote_has_a_code_and_a_hint() {
    let team = Team::new();
    let anna = team.member();
    put(&anna, "a.ipynb:load:1", "a");
    for (address, code) in [
        ("http://user:secret@127.0.0.1:1/x.git", "remote_unreachable"),
        ("git://127.0.0.1:1/x.git", "remote_unreachable"),
        ("/no/such/place.git", "remote_missing"),
        ("nobody", "no_remote"),
    ] {
        let ran = anna.recell(&["push", "--json", "--remote", address]).run();
        let said = String::from_utf8_lossy(&ran.output.stderr).into_owned();
        let error: serde_json::Value = serde_json::from_str(said.trim()).unwrap();
        assert_eq!(error["error"]["code"], code, "{said}");
        assert!(error["error"]["hint"].is_string() && !said.contains("secret"), "{said}");
        assert_eq!(ran.code(), 1);
    }
}

#[test]
fn two_copies_of_one_store_that_both_push_lose_nothing() {
    let team = Team::new();
    let anna = team.member();
    put(&anna, "a.ipynb:load:1", "before");
    anna.recell(&["push"]).ok();
    let copy = TestEnv::new();
    copy_folder(anna.root(), copy.root());
    let id = |env: &TestEnv| env.git(&["config", "recell.writer"]);
    let writer = id(&anna);
    for number in 0..3 {
        put(&anna, &format!("a.ipynb:anna{number}:1"), "of Anna");
        put(&copy, &format!("a.ipynb:copy{number}:1"), "of the copy");
        anna.recell(&["push"]).ok();
        copy.recell(&["push"]).ok();
    }
    anna.recell(&["pull"]).ok();
    copy.recell(&["pull"]).ok();
    assert_eq!(names(&anna).len(), 7);
    assert_eq!(names(&anna), names(&copy));
    assert_eq!(there(&team), (names(&anna), 1), "they are one writer");
    assert_eq!((id(&anna), id(&copy)), (writer.clone(), writer), "its id stays");
}

#[test]
fn pushes_at_the_same_time_wait_or_try_again_and_all_arrive() {
    let team = Team::new();
    let people = [team.member(), team.member(), team.member()];
    let mut all = Vec::new();
    for (number, person) in people.iter().enumerate() {
        all.push(put(person, &format!("a.ipynb:c{number}:1"), "x"));
    }
    let command = |person: &TestEnv| {
        let mut command = person.recell(&["push"]).command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    // Each twice at once: one of one store waits for the other.
    let running: Vec<_> =
        people.iter().flat_map(|person| [command(person), command(person)]).collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    all.sort();
    assert_eq!(there(&team), (all, 1), "stores of one seed are one writer");
}

#[test]
fn a_second_remote_gets_everything_and_tells_how_much() {
    let team = Team::new();
    let (anna, ben) = (team.member(), team.member());
    let one = put(&anna, "a.ipynb:load:1", "a");
    anna.recell(&["push"]).ok();
    ben.recell(&["pull"]).ok();
    let other = ben.root().join("other.git");
    git(ben.root(), &["init", "-q", "--bare", "other.git"]);
    let ran = ben.recell(&["push", "--json", "--remote", "./other.git"]).run();
    assert_eq!(json(&ran)["entries"], serde_json::json!([one]), "{ran}");
    assert!(git(&other, &["for-each-ref"]).contains("refs/recell/ledger/a.ipynb-"));
}

#[test]
fn what_is_named_or_young_enough_goes_and_a_dry_run_only_says_so() {
    let team = Team::new();
    let anna = team.member();
    let at = |key: &str, when: &str| {
        let args = ["put", key, "outputs/0.txt=-"];
        let put = anna.recell(&args).with("RECELL_NOW", when);
        put.input(b"some text".to_vec()).ok().trim().to_owned()
    };
    at("reports/a.ipynb:load:1", "20261001T000000.000000Z");
    let young = at("reports/a.ipynb:load:1", "20261120T000000.000000Z");
    at("b.ipynb:load:1", "20261120T000000.000000Z");
    let args = ["push", "--dry-run", "--json", "reports/*", "--since", "7d"];
    let told = json(&anna.recell(&args).run());
    assert_eq!(told["entries"], serde_json::json!([young]));
    assert_eq!(told["bytes"], 9);
    assert_eq!(there(&team).1, 0, "it only says so");
    anna.recell(&["push", "reports/*", "--since", "7d"]).ok();
    assert_eq!(there(&team).0, [young]);
    anna.recell(&["push"]).ok();
    assert_eq!(there(&team).0, names(&anna));
}

#[test]
fn it_works_in_hooks_work_trees_submodules_and_beside_bare_and_shallow_hosts() {
    let team = Team::new();
    let anna = team.member();
    git(anna.root(), &["config", "user.name", "a"]);
    git(anna.root(), &["config", "user.email", "a@example.com"]);
    git(anna.root(), &["add", "recell.toml"]);
    git(anna.root(), &["commit", "-qm", "one"]);
    let mut all = vec![put(&anna, "a.ipynb:load:1", "in a hook")];
    let git_dir = anna.root().join(".git");
    let in_hook = [
        ("GIT_DIR", git_dir.to_str().unwrap()),
        ("GIT_INDEX_FILE", ".git/index"),
        ("GIT_WORK_TREE", anna.root().to_str().unwrap()),
        ("GIT_PREFIX", ""),
    ];
    let hooked = in_hook.iter().fold(anna.recell(&["push"]), |run, (n, v)| run.with(n, v));
    hooked.ok();
    assert_eq!(there(&team).0, all, "in a hook");
    git(anna.root(), &["worktree", "add", "-q", "linked"]);
    all.push(put(&anna, "b.ipynb:load:1", "from a linked work tree"));
    let linked = anna.root().join("linked");
    anna.recell(&["-C", linked.to_str().unwrap(), "push"]).ok();
    assert_eq!(there(&team).0, all, "in a linked work tree");
    let refs = git(anna.root(), &["for-each-ref"]);
    assert!(!refs.contains("recell"), "the host is left alone: {refs}");
    for (how, args) in [
        ("shallow", &["clone", "-q", "--depth=1"][..]),
        ("partial", &["clone", "-q", "--filter=blob:none"]),
        ("bare", &["clone", "-q", "--bare"]),
    ] {
        let env = TestEnv::new();
        let source = format!("file://{}", anna.root().display());
        let place = if how == "bare" { ".git" } else { "." };
        git(env.root(), &[args, &[&source, place]].concat());
        env.recell(&["init"]).ok();
        git(env.root(), &["remote", "set-url", "origin", team.shared().to_str().unwrap()]);
        all.push(put(&env, &format!("{how}.ipynb:load:1"), how));
        env.recell(&["push"]).ok();
        all.sort();
        assert_eq!(there(&team).0, all, "{how}");
    }
}

#[test]
fn remotes_are_added_listed_shown_and_removed_and_comments_stay() {
    let team = Team::new();
    let anna = team.member();
    anna.write(
        "recell.toml",
        "# ours\n[sync]\nfetch = \"all\" # everything\n\n[ui]\ncolor = \"never\"\n",
    );
    git(anna.root(), &["init", "-q", "--bare", "cache.git"]);
    put(&anna, "a.ipynb:load:1", "a");
    let shown = transcript(
        &anna,
        &[
            &["remote", "ls"],
            &["remote", "add", "cache", "./cache.git"],
            &["remote", "add", "cache", "elsewhere"],
            &["remote", "add", "secret", "https://me:word@example.com/x.git"],
            &["remote", "ls"],
            &["push", "--remote", "cache"],
            &["remote", "show", "cache"],
            &["remote", "show"],
            &["status"],
            &["remote", "rm", "origin"],
            &["remote", "rm", "cache"],
            &["remote", "ls"],
        ],
    );
    let shared = team.shared().display().to_string();
    let shown = shown.replace(&shared, "[SHARED]");
    let shown = without_sizes(&shown);
    insta::assert_snapshot!(shown);
    let text = std::fs::read_to_string(anna.root().join("recell.toml")).unwrap();
    assert!(text.starts_with("# ours\n[sync]\nfetch = \"all\" # everything\n"), "{text}");
    assert!(!text.contains("cache"), "{text}");
    assert!(!anna.git(&["for-each-ref"]).contains("refs/recell/remote/cache/"));
}

/// Sizes on disk differ from run to run, and the widths of columns with the names of folders.
fn without_sizes(text: &str) -> String {
    let is_size = |line: &&str| line.starts_with("holds ");
    let words =
        |line: &str| line.split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
    let lines = text.lines().map(|l| if is_size(&l) { "holds [SIZE]".into() } else { words(l) });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn sync_brings_both_sides_together_and_status_tells_without_the_network() {
    let team = Team::new();
    let (anna, ben) = (team.member(), team.member());
    put(&anna, "a.ipynb:load:1", "of Anna");
    put(&ben, "b.ipynb:load:1", "of Ben");
    let ahead = |env: &TestEnv| {
        let told = json(&env.recell(&["status", "--json"]).run());
        (told["remote"]["ahead"].clone(), told["remote"]["behind"].clone())
    };
    assert_eq!(ahead(&anna), (1.into(), 0.into()));
    anna.recell(&["sync"]).ok();
    assert_eq!(ahead(&anna), (0.into(), 0.into()));
    ben.recell(&["sync"]).ok();
    let told = json(&anna.recell(&["sync", "--json"]).run());
    assert_eq!(told["pulled"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(names(&anna), names(&ben));
    let said = anna.recell(&["sync"]).run().to_string();
    assert!(said.contains("both have the same"), "{said}");
    let files: BTreeMap<&str, bool> = ["remotes/origin"]
        .map(|f| (f, Path::exists(&anna.store_path().join("recell").join(f))))
        .into();
    assert_eq!(files, [("remotes/origin", true)].into());
}

#[test]
fn plain_tags_go_to_a_remote_of_the_cache_and_not_to_the_one_all_fetch_from() {
    let team = Team::new();
    let anna = team.member();
    let mut all: Vec<String> =
        (0..5).map(|n| put(&anna, &format!("a.ipynb:c{n}:1"), "x")).collect();
    all.sort();
    let ran = anna.recell(&["push", "--tags"]).run();
    assert_eq!((ran.code(), there(&team).1), (2, 0), "{ran}");
    assert!(ran.to_string().contains("everybody who fetches"), "{ran}");
    let cache = anna.root().join("cache.git");
    git(anna.root(), &["init", "-q", "--bare", "cache.git"]);
    anna.recell(&["remote", "add", "cache", "cache.git"]).ok();
    let args = ["push", "--remote", "cache", "--tags"];
    anna.recell(&args).ok();
    assert_eq!(git(&cache, &["tag", "-l"]).lines().collect::<Vec<_>>(), all);
    let again = anna.recell(&args).run().to_string();
    assert!(again.contains("pushed 0 plain tags"), "{again}");
}
