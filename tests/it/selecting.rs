//! Selectors and the past: which results are meant, by name, by time and by commit.

use std::process::Command;

use proptest::prelude::*;
use recell::history::{CommitLine, Selector, TimeSpan, View};
use recell::{Draft, EntryName, ExecutionKey, Pattern, Store, Timestamp};

use crate::support::{Ran, TestEnv, hermetic, key, transcript};

fn put_at(
    store: &Store,
    key: &ExecutionKey,
    value: &str,
    at: &str,
    commit: Option<&str>,
) -> EntryName {
    let mut draft =
        Draft::new("test").output("x", "text/plain", value.as_bytes().to_vec()).unwrap();
    draft.created_at = Some(at.parse().unwrap());
    draft.provenance.host_commit = commit.map(str::to_owned);
    store.put(key, draft).unwrap()
}

/// A workspace whose cell `load` was run on the days 1, 10 and 20 of November and two hours ago,
/// beside another cell, another notebook and one with `@` in its name.
fn workspace() -> TestEnv {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    let store = env.open();
    let load = |module: &str| key("reports/sales.ipynb", "load", module);
    put_at(&store, &load("aaaa1111"), "first", "20261101T093000.000000Z", None);
    put_at(&store, &load("aaaa1111"), "second", "20261110T093000.000000Z", None);
    put_at(&store, &load("aabb2222"), "third", "20261120T093000.000000Z", None);
    put_at(&store, &load("aabb2222"), "fourth", "20261120T232400.000000Z", None);
    let plot = key("reports/sales.ipynb", "plot", "cccc3333");
    put_at(&store, &plot, "plot", "20261110T100000.000000Z", None);
    put_at(
        &store,
        &key("reports/stock.ipynb", "load", "dddd"),
        "stock",
        "20261102T093000.000000Z",
        None,
    );
    put_at(&store, &key("a@today.ipynb", "load", "eeee"), "odd", "20261102T093000.000000Z", None);
    env
}

/// Returns what `cat` prints of the part `x`, or the miss or error that it ends with.
fn cat(env: &TestEnv, selector: &str) -> String {
    let Ran { output, .. } = env.recell(&["cat", selector, "x"]).run();
    if output.status.success() {
        return String::from_utf8(output.stdout).unwrap();
    }
    format!("exit {}", output.status.code().unwrap())
}

#[test]
fn a_selector_means_one_result() {
    let env = workspace();
    for (selector, expected, why) in [
        ("reports/sales.ipynb:load", "fourth", "the newest of a cell, of whatever module"),
        ("reports/sales.ipynb:load:aaaa1111", "second", "the newest of a key"),
        ("sales.ipynb:load", "fourth", "the end of a path that one notebook has"),
        ("sales:lo", "fourth", "names are shortened"),
        ("reports/sa:p", "plot", "a path from its start"),
        ("reports/s:load", "exit 2", "two notebooks begin so"),
        ("load", "exit 3", "no notebook is called so"),
        ("sales", "exit 2", "it has two cells"),
        ("sales:*", "exit 2", "so has the glob"),
        ("stock:*", "stock", "a glob that fits one cell"),
        ("sales:load:aa*", "exit 2", "two modules"),
        ("sales:load:aaa*", "second", "one module"),
        ("sales:load:aaaa", "exit 3", "a script gets its key or a miss"),
        ("sales:load~1", "third", "the one before"),
        ("sales:load~", "third", "as git says it"),
        ("sales:load~3", "first", "three before, across modules"),
        ("sales:load~4", "exit 3", "there are no more"),
        ("reports/sales.ipynb:load:aaaa1111~1", "first", "with a module, within the key"),
        ("sales:load@2026-11-10", "second", "a day counts to its end"),
        ("sales:load@2026-11-09", "first", "and not the next"),
        ("sales:load@2026-11-10T09:29Z", "first", "a minute before"),
        ("sales:load@2026-11-10T09:30Z", "second", "and that minute"),
        ("sales:load@yesterday", "fourth", "all of yesterday"),
        ("sales:load@yesterday noon", "third", "half of it"),
        ("sales:load@{yesterday noon}", "third", "in braces"),
        ("sales:load@3 hours ago", "third", "from this moment on"),
        ("sales:load@1.hour.ago", "fourth", "without blanks"),
        ("sales:load@last month", "exit 3", "before all"),
        ("sales:load~1@2026-11-10", "first", "one before that of a time"),
        ("sales:load@nonsense", "exit 2", "neither a time nor a commit"),
        ("a@today.ipynb:load", "odd", "a name that is there wins"),
        ("a%40today.ipynb:load", "odd", "an escaped sign is part of the name"),
        ("a:load@today", "odd", "a shortened name holds no `@`"),
        ("a@today.ipynb:load@2026-11-01", "exit 3", "both: the name, then when"),
        ("a@home.ipynb:load:abc", "exit 3", "a full key that is not there is a miss"),
    ] {
        assert_eq!(cat(&env, selector), expected, "{selector}: {why}");
    }
}

#[test]
fn an_entry_is_meant_by_its_name_and_by_its_id() {
    let env = workspace();
    let names = env.open().list(&Pattern::parse("reports/sales.ipynb:load").unwrap()).unwrap();
    let second =
        names.iter().find(|name| name.created_at() == at("20261110T093000.000000Z")).unwrap();
    for (selector, expected, why) in [
        (second.to_string(), "second", "its name"),
        (format!("refs/tags/{second}"), "second", "as git prints it"),
        (second.id8().to_owned(), "second", "its id"),
        (second.id8()[..6].to_owned(), "second", "the start of its id"),
        (format!("{second}~1"), "first", "the one before it in its cell"),
        (format!("{}~1", second.id8()), "first", "and by id"),
        (format!("{second}@2026-11-09"), "exit 3", "it was not there yet"),
        (format!("{second}@2026-11-11"), "second", "then it was"),
    ] {
        assert_eq!(cat(&env, &selector), expected, "{selector}: {why}");
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn what_is_not_clear_is_told_with_what_it_may_be() {
    let env = workspace();
    insta::assert_snapshot!(transcript(
        &env,
        &[
            &["get", "reports/s:load@yesterday"],
            &["get", "sales~1"],
            &["get", "slaes:load"],
            &["get", "sales:laod"],
            &["get", "sales:load~9"],
            &["get", "sales:load:aa"],
            &["get", "sales:load@someday"],
            &["get", "sales:load@someday", "--json"],
            &["has", "stokc:load", "sales:load"],
            &["rm", "sales", "--as-of", "yesterday"],
        ],
    ));
}

#[test]
fn as_of_holds_for_every_command_that_reads() {
    let env = workspace();
    let day = ["--as-of", "2026-11-10"];
    let lines: [&[&str]; 11] = [
        &["get", "sales:load"],
        &["cat", "sales:load", "x"],
        &["show", "sales:load"],
        &["has", "sales:load"],
        &["ls"],
        &["ls", "--cells"],
        &["log", "sales:load"],
        &["log", "sales", "--json", "-n", "1"],
        &["status", "--json"],
        &["cat", "sales:load@2026-11-09", "x"],
        &["cat", "sales:load@2026-11-21", "x"],
    ];
    let shown: String = lines
        .iter()
        .map(|line| {
            let args: Vec<&str> = line.iter().chain(&day).copied().collect();
            format!("{}\n", env.recell(&args).run())
        })
        .collect();
    insta::with_settings!({filters => vec![(r#""bytes": \d+"#, r#""bytes": [BYTES]"#)]}, {
        insta::assert_snapshot!(shown);
    });
}

#[test]
fn the_log_is_cut_by_number_and_by_time() {
    let env = workspace();
    let count = |args: &[&str]| {
        let args: Vec<&str> = ["log", "--json"].iter().chain(args).copied().collect();
        let found: serde_json::Value = serde_json::from_str(&env.recell(&args).ok()).unwrap();
        found.as_array().unwrap().len()
    };
    for (args, expected, why) in [
        (&["sales:load"][..], 4, "all"),
        (&["sales"], 5, "of all its cells"),
        (&["*"], 7, "of all notebooks"),
        (&["sales:load", "-n", "2"], 2, "the newest two"),
        (&["sales:load", "--limit", "2"], 2, "by its long name"),
        (&["sales:load", "--since", "2026-11-10"], 3, "from the start of a day"),
        (&["sales:load", "--until", "2026-11-10"], 2, "to the end of a day"),
        (&["sales:load", "--since", "yesterday", "--until", "yesterday noon"], 1, "between"),
        (&["sales:load", "--since", "today"], 0, "none is from then"),
        (&["sales:load~1"], 1, "the one before the newest"),
        (&["sales~1"], 1, "of each cell that has one"),
        (&["sales:load:aaaa1111"], 2, "of one key"),
        (&["sales@2026-11-10"], 3, "as of a time"),
    ] {
        assert_eq!(count(args), expected, "{args:?}: {why}");
    }
    let one = env.recell(&["log", "sales:load", "-n", "1"]).ok();
    assert!(
        one.contains("nothing") || one.contains("outputs"),
        "compared with one left out: {one}"
    );
}

#[test]
fn times_are_those_of_the_local_zone() {
    let env = workspace();
    let run = |zone: &str, selector: &str| {
        env.recell(&["cat", selector, "x"]).with("TZ", zone).run().output.stdout
    };
    // 2026-11-20 23:24 UTC is the next day in the east.
    for (zone, selector, expected, why) in [
        ("UTC", "sales:load@2026-11-20", "fourth", "in UTC it is of that day"),
        ("JST-9", "sales:load@2026-11-20", "third", "in Tokyo it is of the next"),
        ("JST-9", "sales:load@2026-11-21", "fourth", "which is today"),
        ("EST5", "sales:load@2026-11-10 04:29", "first", "before 09:30 UTC"),
        ("EST5", "sales:load@2026-11-10 04:30", "second", "09:30 UTC"),
        ("EST5", "sales:load@2026-11-10 09:29Z", "first", "a zone that is said counts"),
    ] {
        let found = String::from_utf8(run(zone, selector)).unwrap();
        assert_eq!(found, expected, "{zone} {selector}: {why}");
    }
}

/// Runs git in the host repository with the date of a commit.
fn host_git(env: &TestEnv, date: &str, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.arg("-C").arg(env.root()).args(args);
    let output = hermetic(&mut command, env.root())
        .env("GIT_AUTHOR_DATE", date)
        .env("GIT_COMMITTER_DATE", date)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A host repository with `main` of the days 1 to 5 and `side`, which leaves it after day 3 and has
/// a commit of its own on day 4; each commit's cell printed `<branch> <day>` an hour before it.
fn hosted() -> TestEnv {
    let env = TestEnv::new();
    env.recell(&["init"]).ok();
    host_git(&env, "2026-11-01T00:00:00Z", &["init", "-q", "-b", "main"]);
    let store = env.open();
    let cell = key("nb.ipynb", "load", "m");
    let commit = |branch: &str, day: u32| {
        let date = format!("2026-11-{day:02}T12:00:00Z");
        let (before, value) = (host_head(&env), format!("{branch} {day}"));
        let made = format!("202611{day:02}T110000.000000Z");
        put_at(&store, &cell, &value, &made, before.as_deref());
        host_git(&env, &date, &["commit", "-q", "--allow-empty", "-m", &value]);
    };
    (1..=3).for_each(|day| commit("main", day));
    host_git(&env, "", &["checkout", "-q", "-b", "side"]);
    commit("side", 4);
    // Its result names the commit above, and is newer than the next one of main.
    put_at(&store, &cell, "side late", "20261105T113000.000000Z", host_head(&env).as_deref());
    host_git(&env, "", &["checkout", "-q", "main"]);
    commit("main", 5);
    env
}

fn host_head(env: &TestEnv) -> Option<String> {
    let found = Command::new("git")
        .arg("-C")
        .arg(env.root())
        .args(["rev-parse", "-q", "--verify", "HEAD"])
        .output()
        .unwrap();
    found.status.success().then(|| String::from_utf8(found.stdout).unwrap().trim().to_owned())
}

#[test]
fn a_commit_means_the_results_of_its_line() {
    let env = hosted();
    host_git(&env, "", &["tag", "v1", "HEAD~2"]);
    let short = host_git(&env, "", &["rev-parse", "--short=10", "HEAD~2"]);
    for (selector, expected, why) in [
        ("nb:load", "side late", "the newest of all"),
        (
            "nb:load@HEAD",
            "main 5",
            "the newest of this line, though the other branch has a later one",
        ),
        ("nb:load@main", "main 5", "by branch"),
        ("nb:load@main~1", "main 3", "what follows the name is the revision's"),
        ("nb:load@HEAD~2", "main 2", "two commits back"),
        ("nb:load@HEAD~3", "main 1", "which was recorded before the first commit"),
        ("nb:load@v1", "main 2", "by tag"),
        ("nb:load@side", "side 4", "the other branch has its own"),
        (
            "nb:load~1@HEAD",
            "side 4",
            "it was run at a commit of this line, from which it then left",
        ),
        (&format!("nb:load@{short}"), "main 2", "by a short id"),
        ("nb:load@{HEAD}", "exit 2", "braces hold a time"),
        ("nb:load@HEAD~99", "exit 2", "there is no such commit"),
    ] {
        // `side late` was made on the line of `side`, after its last commit.
        assert_eq!(cat(&env, selector), expected, "{selector}: {why}");
    }
    let past = env.recell(&["cat", "nb:load", "x", "--as-of", "HEAD~2"]).ok();
    assert_eq!(past, "main 2", "for the whole command");
    let listed = env.recell(&["ls", "--as-of", "HEAD~2"]).ok();
    assert_eq!(listed.lines().count(), 2, "{listed}");
}

#[test]
fn what_may_be_a_time_and_a_commit_is_asked_back() {
    let env = hosted();
    host_git(&env, "", &["branch", "today"]);
    host_git(&env, "", &["branch", "2026-11-03"]);
    let refused = env.recell(&["cat", "nb:load@today", "x"]).run();
    assert_eq!(refused.code(), 2);
    let head = host_head(&env).unwrap();
    assert!(
        refused.to_string().contains(&head) && refused.to_string().contains("{today}"),
        "{refused}"
    );
    for (selector, expected) in [
        ("nb:load@{today}", "side late"),
        (&*format!("nb:load@{head}"), "main 5"),
        ("nb:load@refs/heads/today", "main 5"),
        ("nb:load@{2026-11-03}", "main 3"),
        ("nb:load@2 days ago", "side late"),
    ] {
        assert_eq!(cat(&env, selector), expected, "{selector}");
    }
}

#[test]
fn the_past_is_the_same_whatever_comes_later() {
    let env = workspace();
    let selectors = [
        "sales:load@2026-11-10",
        "sales:load~1@2026-11-10",
        "reports/sa:p@2026-11-15",
        "stock@2026-11-03",
        "sales:load@2026-11-01",
    ];
    let past = || selectors.map(|selector| cat(&env, selector));
    let ls = || env.recell(&["ls", "--as-of", "2026-11-15"]).ok();
    let log = || env.recell(&["log", "sales", "--as-of", "2026-11-15"]).ok();
    let before = (past(), ls(), log());
    let store = env.open();
    // New results, new cells and notebooks whose names begin alike, a new module.
    for (notebook, cell) in [
        ("reports/sales.ipynb", "load"),
        ("reports/sales.ipynb", "plot2"),
        ("other/sales.ipynb", "load"),
        ("reports/sales2.ipynb", "load"),
        ("stock2.ipynb", "load"),
    ] {
        put_at(&store, &key(notebook, cell, "ffff"), "new", "20261121T000000.000000Z", None);
    }
    drop(store);
    assert_eq!((past(), ls(), log()), before);
    env.recell(&["flush"]).ok();
    assert_eq!((past(), ls(), log()), before, "nor does a flush change it");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    /// As-of newest is what filtering the whole history by time gives, for every key and cell, and
    /// `~n` walks back in it.
    #[test]
    fn as_of_is_the_history_up_to_then(
        puts in prop::collection::vec((0..3_u8, 0..3_u8, 0..2_u8, 0..40_i64), 1..30),
        asked in prop::collection::vec(0..42_i64, 1..6), flush_after in 0..30_usize,
    ) {
        let env = TestEnv::new();
        let store = env.create();
        let moment = |minute: i64| Timestamp::from_micros(1_795_000_000_000_000 + minute * 60_000_000);
        let mut names = Vec::new();
        for (number, (notebook, cell, module, minute)) in puts.iter().enumerate() {
            let key = key(&format!("n{notebook}.ipynb"), &format!("c{cell}"), &format!("m{module}"));
            let value = format!("{number}");
            let name = put_at(&store, &key, &value, &moment(*minute).to_string(), None);
            if !names.contains(&name) {
                names.push(name);
            }
            if number == flush_after {
                store.flush().unwrap();
            }
        }
        names.sort_by_key(|name| (name.created_at(), name.clone()));
        let now = store.snapshot().unwrap();
        for minute in asked {
            let view = View::new(now.clone()).as_of(moment(minute));
            let seen: Vec<&EntryName> = names.iter().filter(|n| n.created_at() <= moment(minute)).collect();
            let mut notebooks: Vec<_> = seen.iter().map(|name| name.notebook().into_owned()).collect();
            notebooks.sort();
            notebooks.dedup();
            prop_assert_eq!(view.snapshot().notebooks(), notebooks);
            for name in &names {
                let key = name.key().unwrap();
                let of_key: Vec<_> = seen.iter().filter(|n| n.key_path() == name.key_path()).collect();
                let newest = view.snapshot().newest(&key);
                prop_assert_eq!(newest.as_ref(), of_key.last().map(|n| **n));
                let of_cell: Vec<_> = seen
                    .iter()
                    .filter(|n| n.notebook() == name.notebook() && n.cell() == name.cell())
                    .collect();
                for back in 0..3_usize {
                    let text = format!("{}:{}~{back}", name.notebook(), name.cell());
                    let readings = Selector::readings(&text).unwrap();
                    let selector = Selector::choose(&readings, view.snapshot());
                    let expected = of_cell.iter().rev().nth(back).map(|n| (**n).clone());
                    prop_assert_eq!(selector.name(&view).unwrap(), expected.clone(), "{}", text);
                    let named = selector.names(&view).unwrap();
                    if back > 0 {
                        prop_assert_eq!(named, expected.into_iter().collect::<Vec<_>>());
                    } else {
                        prop_assert_eq!(named.len(), of_cell.len());
                    }
                }
            }
        }
    }
}

#[test]
fn a_view_prefers_what_is_pinned_and_of_its_line() {
    let env = TestEnv::new();
    let store = env.create();
    let cell = key("nb", "load", "m");
    let one = put_at(&store, &cell, "1", "20261101T000000.000000Z", Some("a1"));
    let two = put_at(&store, &cell, "2", "20261102T000000.000000Z", None);
    let three = put_at(&store, &cell, "3", "20261103T000000.000000Z", Some("b2"));
    let view = View::new(store.snapshot().unwrap());
    let history = [one.clone(), two.clone(), three.clone()];
    let of =
        |commit: &'static str| view.clone().of_commit(CommitLine::new(move |hex| hex == commit));
    for (view, back, expected, why) in [
        (view.clone(), 0, Some(&three), "the newest"),
        (view.clone(), 2, Some(&one), "two before it"),
        (view.clone(), 3, None, "no more"),
        (of("a1"), 0, Some(&two), "one that names no commit may be of any"),
        (of("a1"), 1, Some(&one), "the other branch's is skipped"),
        (of("a1"), 2, None, "and does not count"),
        (of("b2"), 0, Some(&three), "its own"),
        (of("none").with_pins([one.clone()].into()), 0, Some(&one), "a pinned one goes first"),
        (of("a1").with_pins([two.clone()].into()), 1, Some(&one), "and the way back is from there"),
    ] {
        assert_eq!(view.choose(&history, back), expected, "{why}");
    }
    let others = [one.clone(), three.clone()];
    assert_eq!(of("c3").choose(&others, 0), Some(&three), "only if there is nothing else");
    assert!(TimeSpan::from_local("2026-11-01", Timestamp::MIN).is_some());
}
