//! Collections: what is found along a chain, what is read for it, what git sees of it, and what
//! becomes of it beside other writers and after a crash.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use proptest::prelude::*;
use recell::collection::{
    ChainEdit, CollectionName, Context, Finder, Kind, Query, Reason, Run, add, bring_back, chain,
    create, explain, find_all, find_each, find_first, forget, freeze, plan_forgetting, protected,
    remove, remove_collection,
};
use recell::{EntryName, Error, Lookup, Pattern, Store, Timestamp, retention};

use crate::support::child::{Job, acks};
use crate::support::{TestEnv, key, options, put};

fn name(text: &str) -> CollectionName {
    text.parse().unwrap()
}

fn names(text: &str) -> Vec<CollectionName> {
    text.split_whitespace().map(name).collect()
}

/// The seconds of a fixed day.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_795_300_000_000_000 + seconds * 1_000_000)
}

fn tagged(store: &Store, text: &str, entries: &[&EntryName]) {
    let entries: Vec<EntryName> = entries.iter().copied().cloned().collect();
    create(store, &name(text), "", &entries, at(0)).unwrap();
}

fn chained(store: &Store, text: &str, members: &str) -> Result<(), Error> {
    chain(store, &name(text), ChainEdit::Set, &names(members), None, at(1)).map(drop)
}

fn first(context: &Context, cell: &str, of: &str) -> Option<(EntryName, String)> {
    let query = Query::from(&key("nb", cell, "m"));
    let found = find_first(context, &query, &name(of)).unwrap().hit()?;
    Some((found.entry.clone(), found.collection.to_string()))
}

/// Makes a run of one entry for each of `cells`.
fn run(store: &Store, cells: &[&str], now: Timestamp) -> (CollectionName, Vec<EntryName>) {
    let entries: Vec<EntryName> =
        cells.iter().map(|cell| put(store, &key("nb", cell, "m"), cell.as_bytes())).collect();
    let mut run = Run::start(store, "test", now);
    assert_eq!(run.add(&entries).unwrap(), []);
    assert!(run.close(now).unwrap());
    (run.name().clone(), entries)
}

#[test]
fn the_first_member_that_has_a_key_wins_and_the_rest_is_explained() {
    let env = TestEnv::new();
    let store = env.create();
    let old = put(&store, &key("nb", "load", "m"), b"old");
    let new = put(&store, &key("nb", "load", "m"), b"new");
    let plot = put(&store, &key("nb", "plot", "m"), b"plot");
    tagged(&store, "a", &[&plot]);
    tagged(&store, "b", &[&old]);
    tagged(&store, "c", &[&new, &plot]);
    tagged(&store, "d", &[]);
    chained(&store, "inner", "b a").unwrap();
    chained(&store, "outer", "a d inner c b").unwrap();
    let context = Context::open(&store).unwrap();
    assert_eq!(first(&context, "load", "outer"), Some((old.clone(), "b".into())));
    assert_eq!(first(&context, "plot", "outer"), Some((plot.clone(), "a".into())));
    assert_eq!(first(&context, "load", "c"), Some((new.clone(), "c".into())), "one alone");
    assert_eq!(first(&context, "none", "outer"), None);
    let query = Query::from(Pattern::parse("nb:load").unwrap());
    let all = find_all(&context, &query, &name("outer")).unwrap();
    assert_eq!(all.iter().map(|found| &found.entry).collect::<Vec<_>>(), [&old, &new]);
    let explanation = explain(&context, &query, &name("outer")).unwrap();
    assert_eq!(explanation.found, all);
    let said: Vec<String> = explanation
        .visits
        .iter()
        .map(|visit| format!("{} {}: {}", visit.depth, visit.collection, visit.reason))
        .collect();
    assert_eq!(
        said,
        [
            "0 outer: a chain",
            "1 a: summary: no cell `load`",
            "1 d: summary: no notebook `nb`",
            "1 inner: a chain",
            "2 b: searched, 1 entry matches",
            "2 a: already visited",
            "1 c: searched, 1 entry matches",
            "1 b: already visited",
        ]
    );
    let each = find_each(&context, &Query::from(Pattern::all()), &name("outer")).unwrap();
    assert_eq!(each.iter().map(|found| &found.entry).collect::<Vec<_>>(), [&old, &plot]);
    assert_eq!(each[0].open(&context).ok().unwrap().read("outputs/out").ok().unwrap(), b"old");
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let env = TestEnv::new();
    let store = env.create();
    let entry = put(&store, &key("nb", "c", "m"), b"x");
    tagged(&store, "t", &[&entry]);
    let (run, _) = run(&store, &["d"], at(0));
    for (text, members) in [("a", "t"), ("b", "a"), ("c", "b t")] {
        chained(&store, text, members).unwrap();
    }
    let code = |result: Result<(), Error>| result.unwrap_err().code();
    let Err(Error::CollectionCycle { path }) = chained(&store, "a", "t c") else { panic!() };
    assert_eq!(path, ["a", "c", "b", "a"]);
    assert_eq!(code(chained(&store, "a", "a")), "collection_cycle");
    assert_eq!(code(chained(&store, "x", "nowhere")), "no_collection");
    assert_eq!(code(chained(&store, "t", "a")), "collection_kind");
    assert_eq!(code(create(&store, &name("a"), "", &[], at(0)).map(drop)), "collection_exists");
    assert_eq!(code(create(&store, &run, "", &[], at(0)).map(drop)), "collection_exists");
    let one = std::slice::from_ref(&entry);
    assert_eq!(code(add(&store, &run, one, at(1)).map(drop)), "collection_closed");
    assert_eq!(code(add(&store, &name("a"), one, at(1)).map(drop)), "collection_kind");
    freeze(&store, &name("t"), at(2)).unwrap();
    assert_eq!(code(remove(&store, &name("t"), one, at(3)).map(drop)), "collection_frozen");
    let removal = remove_collection(&store, &name("t"), at(4));
    let Err(Error::CollectionReferred { referrers, .. }) = removal else { panic!() };
    assert_eq!(referrers, ["a", "c"]);
    let mut closed = Run::start(&store, "test", at(5));
    closed.add(one).unwrap();
    closed.close(at(5)).unwrap();
    assert_eq!(code(closed.add(one).map(drop)), "collection_closed");
}

#[test]
fn removed_collections_come_back_until_gc() {
    let env = TestEnv::new();
    let store = env.create();
    let entry = put(&store, &key("nb", "c", "m"), b"x");
    tagged(&store, "t", &[&entry]);
    remove_collection(&store, &name("t"), at(1)).unwrap();
    assert!(Context::open(&store).unwrap().collection(&name("t")).is_err());
    env.assert_at_rest("removed");
    assert_eq!(bring_back(&store, &name("t")).unwrap(), at(1));
    assert_eq!(Context::open(&store).unwrap().entries(&name("t")).unwrap(), [entry]);
    assert!(bring_back(&store, &name("t")).is_err(), "it is there");
    env.assert_at_rest("back");
}

#[test]
fn the_past_of_a_collection_can_be_asked_for() {
    let env = TestEnv::new();
    let store = env.create();
    let one = put(&store, &key("nb", "c", "m"), b"1");
    let two = put(&store, &key("nb", "c", "m"), b"2");
    create(&store, &name("t"), "", std::slice::from_ref(&one), at(10)).unwrap();
    chained(&store, "k", "t").unwrap();
    freeze(&store, &name("k"), at(15)).unwrap();
    add(&store, &name("t"), std::slice::from_ref(&two), at(20)).unwrap();
    remove(&store, &name("t"), std::slice::from_ref(&one), at(30)).unwrap();
    let now = Context::open(&store).unwrap();
    for (seconds, expected) in [
        (10, vec![&one]),
        (19, vec![&one]),
        (20, vec![&one, &two]),
        (30, vec![&two]),
        (99, vec![&two]),
    ] {
        let then = now.as_of(at(seconds));
        let entries = then.entries(&name("t")).unwrap();
        assert_eq!(entries.iter().collect::<Vec<_>>(), expected, "{seconds}");
    }
    assert!(now.as_of(at(9)).collection(&name("t")).is_err(), "made later");
    assert_eq!(first(&now, "c", "k"), Some((one.clone(), "t".into())), "frozen above");
    let made = one.created_at();
    let before = now.as_of(Timestamp::from_micros(made.micros() - 1));
    assert!(before.list(None).unwrap().is_empty());
    let said: Vec<String> =
        now.history(&name("t")).unwrap().into_iter().map(|(_, what)| what).collect();
    assert_eq!(said, ["remove 1 entry", "add 1 entry", "create"]);
}

#[test]
fn a_search_reads_only_what_can_match_and_a_second_one_nothing() {
    const RUNS: usize = 2_000;
    let env = TestEnv::new();
    let store = env.create();
    let mut members = Vec::new();
    let mut wanted = None;
    for number in 0..RUNS {
        let cell = if number == 1_234 { "wanted".to_owned() } else { format!("c{number}") };
        let (name, entries) = run(&store, &[&cell], at(i64::try_from(number).unwrap()));
        if number == 1_234 {
            wanted = Some((entries[0].clone(), name.to_string()));
        }
        members.push(name);
    }
    chain(&store, &name("all"), ChainEdit::Set, &members, None, at(0)).unwrap();
    drop(store);
    let store = env.open();
    let context = Context::open(&store).unwrap();
    assert_eq!(first(&context, "wanted", "all"), wanted);
    // A commit, a tree and two documents each, the chain, and the five folders of one member.
    let cold = store.object_reads();
    assert_eq!(cold, 4 * RUNS as u64 + 3 + 5);
    assert_eq!(first(&context, "wanted", "all"), wanted);
    assert_eq!(first(&context, "nowhere", "all"), None);
    let again = Context::open(&store).unwrap();
    assert_eq!(first(&again, "wanted", "all"), wanted);
    assert_eq!(first(&again.clone(), "wanted", "all"), wanted);
    assert_eq!(store.object_reads(), cold, "all of it is known");
    assert!(first(&context, "c7", "all").is_some());
    assert_eq!(store.object_reads(), cold + 5, "only the member that can match");
    env.assert_at_rest("two thousand runs");
}

#[test]
fn a_finder_looks_once_more_on_a_miss() {
    let env = TestEnv::new();
    let store = env.create();
    let entry = put(&store, &key("nb", "c", "m"), b"x");
    tagged(&store, "t", &[]);
    let finder = Finder::new(&env.open()).unwrap();
    let query = Query::from(&key("nb", "c", "m"));
    assert!(matches!(finder.find_first(&query, &name("t")).unwrap(), Lookup::Miss(_)));
    assert!(!finder.refresh().unwrap(), "nothing was written");
    add(&store, &name("t"), std::slice::from_ref(&entry), at(9)).unwrap();
    assert_eq!(finder.find_first(&query, &name("t")).unwrap().ok().unwrap().entry, entry);
    remove(&store, &name("t"), std::slice::from_ref(&entry), at(10)).unwrap();
    assert!(finder.refresh().unwrap());
    assert!(matches!(finder.find_first(&query, &name("t")).unwrap(), Lookup::Miss(_)));
}

#[test]
fn a_context_stays_what_it_is_while_others_write() {
    let env = TestEnv::new();
    let store = env.create();
    let one = put(&store, &key("nb", "c", "m"), b"1");
    tagged(&store, "t", &[&one]);
    chained(&store, "k", "t").unwrap();
    let reader = env.open();
    let outer = Context::open(&reader).unwrap();
    // Not resolved before: even so it is that of the opening.
    let job = Job { count: 200, flush_every: 20, ..Job::new("collect", &env.store_path(), 7) };
    let mut child = job.start();
    while acks(&job.acks).len() < 50 {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    for _ in 0..20 {
        let inner = outer.clone();
        assert_eq!(first(&inner, "c", "k"), Some((one.clone(), "t".into())));
        assert_eq!(inner.entries(&name("t")).unwrap(), std::slice::from_ref(&one));
        assert_eq!(inner.list(Some(Kind::Run)).unwrap(), []);
        let now = Context::open(&reader).unwrap();
        let runs = now.list(Some(Kind::Run)).unwrap();
        let count: usize = runs.iter().map(|run| run.summary.count).sum();
        assert!(count >= 50 && runs.len() == count, "whole runs of one entry each: {count}");
    }
    assert!(child.0.wait().unwrap().success());
    assert_eq!(Context::open(&reader).unwrap().list(Some(Kind::Run)).unwrap().len(), 200);
}

#[test]
fn a_crash_leaves_whole_collections_or_none() {
    for (point, runs) in [
        ("objects appended#6", 2),
        ("entry appended#6", 3),
        ("pack sealed", 10),
        ("index written", 10),
        ("refs renamed", 10),
        ("tags merged", 10),
        ("keep removed", 10),
    ] {
        let env = TestEnv::new();
        drop(env.create());
        let job = Job {
            count: 10,
            flush_every: 10,
            crash_at: point.to_owned(),
            ..Job::new("collect", &env.store_path(), 1)
        };
        let died = job.command().output().unwrap();
        assert!(!died.status.success(), "{point} was never reached");
        for round in ["before the flush", "after it"] {
            let store = env.open();
            let context = Context::open(&store).unwrap();
            let found = context.list(Some(Kind::Run)).unwrap();
            assert_eq!(found.len(), runs, "{point}, {round}");
            for run in found {
                let entries = context.entries(&run.about.name).unwrap();
                assert_eq!(entries.len(), 1, "{point}, {round}");
                assert!(!run.about.is_open);
            }
            store.flush().unwrap();
        }
        env.assert_at_rest(point);
    }
}

#[test]
fn plain_git_reads_a_collection_and_its_gc_keeps_it() {
    let env = TestEnv::new();
    let store = env.create();
    let (run, entries) = run(&store, &["load", "plot"], at(0));
    tagged(&store, "papers/2026", &[&entries[0]]);
    chained(&store, "path", "papers/2026").unwrap();
    freeze(&store, &name("path"), at(3)).unwrap();
    add(&store, &name("papers/2026"), &entries, at(4)).unwrap();
    store.flush().unwrap();
    let reference = format!("refs/recell/collection/run/{run}");
    let listed = env.git(&["ls-tree", "-rd", "--name-only", &reference]);
    assert!(listed.contains(&format!("entries/{}\n", entries[0])), "{listed}");
    let shown = env.git(&["show", &format!("{reference}:entries/{}/outputs/out", entries[1])]);
    assert_eq!(shown, "plot");
    let log = env.git(&["log", "--format=%s", "refs/recell/collection/tagged/papers%2f2026"]);
    assert_eq!(log, "add 1 entry\ncreate\n");
    let about = env.git(&["show", "refs/recell/collection/chained/path:collection.toml"]);
    assert!(about.contains("members = [\n    \"papers/2026\",\n]"), "{about}");
    // The entries' own names go: the collections alone keep them.
    let removed = retention::remove(&store, &entries, at(5)).unwrap().removed;
    assert_eq!(removed.len(), 2);
    for reference in env.git(&["for-each-ref", "--format=%(refname)", "refs/recell/trash"]).lines()
    {
        env.git(&["update-ref", "-d", reference]);
    }
    env.git(&["reflog", "expire", "--all", "--expire=now"]);
    env.git(&["gc", "--prune=now", "--quiet"]);
    let context = Context::open(&env.open()).unwrap();
    for (cell, of) in [("plot", &*run.to_string()), ("load", "path"), ("plot", "papers/2026")] {
        let query = Query::from(&key("nb", cell, "m"));
        let found = find_first(&context, &query, &name(of)).unwrap().ok().unwrap();
        let bytes = found.open(&context).ok().unwrap().read("outputs/out").ok().unwrap();
        assert_eq!(bytes, cell.as_bytes());
    }
    assert_eq!(first(&context, "plot", "path"), None, "added after it was frozen");
}

#[test]
fn a_collection_that_plain_git_made_or_moved_counts() {
    let env = TestEnv::new();
    let store = env.create();
    let entry = put(&store, &key("nb", "c", "m"), b"x");
    tagged(&store, "t", &[]);
    let reference = "refs/recell/collection/tagged/t";
    let former = env.git(&["rev-parse", reference]);
    add(&store, &name("t"), std::slice::from_ref(&entry), at(9)).unwrap();
    env.git(&["update-ref", reference, former.trim()]);
    assert!(env.store_path().join(reference).exists(), "git keeps it as a file");
    assert_eq!(Context::open(&store).unwrap().entries(&name("t")).unwrap(), []);
    add(&store, &name("t"), std::slice::from_ref(&entry), at(10)).unwrap();
    assert_eq!(Context::open(&env.open()).unwrap().entries(&name("t")).unwrap(), [entry]);
    env.assert_at_rest("written over");
}

#[test]
fn what_somebody_chose_protects_and_runs_let_go() {
    let env = TestEnv::new();
    let store = env.create();
    let (loose, gone) = run(&store, &["a"], at(0));
    let (half, two) = run(&store, &["b", "c"], at(1));
    let (linked, kept) = run(&store, &["d"], at(2));
    let (frozen, pinned) = run(&store, &["e"], at(3));
    let picked = put(&store, &key("nb", "f", "m"), b"f");
    tagged(&store, "t", &[&picked]);
    chained(&store, "k", linked.as_str()).unwrap();
    freeze(&store, &frozen, at(4)).unwrap();
    let protected = protected(&store).unwrap();
    let expected = BTreeMap::from([
        (kept[0].clone(), linked.to_string()),
        (pinned[0].clone(), frozen.to_string()),
        (picked.clone(), "t".to_owned()),
    ]);
    assert_eq!(protected, expected);
    let removed: BTreeSet<EntryName> = [&gone[0], &two[0], &kept[0]].into_iter().cloned().collect();
    let plan = plan_forgetting(&store, &removed).unwrap();
    assert_eq!(
        (&plan.removed[..], &plan.rewritten[..]),
        (&[loose.clone()][..], &[half.clone()][..])
    );
    assert_eq!(Context::open(&store).unwrap().entries(&half).unwrap(), two, "a plan only");
    assert_eq!(forget(&store, &plan).unwrap(), 2);
    assert_eq!(forget(&store, &plan).unwrap(), 0, "nothing is done twice");
    let context = Context::open(&store).unwrap();
    assert!(context.collection(&loose).is_err());
    assert_eq!(context.entries(&half).unwrap(), two[1..]);
    assert_eq!(context.collection(&half).unwrap().about.forgotten, 1);
    assert_eq!(context.entries(&linked).unwrap(), kept, "a chain keeps it");
    env.assert_at_rest("forgotten");
}

#[test]
fn a_member_that_cannot_be_read_is_a_miss_and_never_a_wrong_answer() {
    let env = TestEnv::new();
    let store = env.create();
    let (broken, _) = run(&store, &["a"], at(0));
    let b = put(&store, &key("nb", "b", "m"), b"b");
    tagged(&store, "before", &[&b]);
    let (after, _) = run(&store, &["c"], at(1));
    chained(&store, "k", &format!("before {broken} {after}")).unwrap();
    store.flush().unwrap();
    drop(store);
    crate::support::damage_pack(&env.store_path(), b"state = \"closed\"");
    let store = env.open();
    let context = Context::open(&store).unwrap();
    let query = |cell| Query::from(&key("nb", cell, "m"));
    // Whichever of the three the bit was in.
    let explanation = explain(&context, &query("b"), &name("k")).unwrap();
    let unreadable = explanation
        .visits
        .iter()
        .filter(|visit| matches!(visit.reason, Reason::Unreadable(_)))
        .count();
    assert_eq!(unreadable, 1);
    let answers = ["a", "b", "c"].map(|cell| find_first(&context, &query(cell), &name("k")));
    let misses = answers
        .into_iter()
        .filter(|answer| matches!(answer, Ok(Lookup::Miss(miss)) if miss.code() == "damaged"));
    assert!(misses.count() >= 1);
    assert!(find_all(&context, &query("c"), &name("k")).is_err());
}

#[test]
fn writers_of_one_collection_lose_nothing_of_each_other() {
    let env = TestEnv::new();
    let store = env.create();
    let entries: Vec<EntryName> =
        (0..24).map(|n| put(&store, &key("nb", &format!("c{n}"), "m"), b"x")).collect();
    tagged(&store, "t", &[]);
    std::thread::scope(|scope| {
        for part in entries.chunks(6) {
            let path = env.store_path();
            scope.spawn(move || {
                let store = Store::open(&path, options()).unwrap();
                for entry in part {
                    add(&store, &name("t"), std::slice::from_ref(entry), at(1)).unwrap();
                }
            });
        }
    });
    let context = Context::open(&store).unwrap();
    assert_eq!(context.entries(&name("t")).unwrap().len(), 24);
    assert_eq!(context.history(&name("t")).unwrap().len(), 25, "each is a commit");
    env.assert_at_rest("four writers");
}

/// A collection in the naive model.
#[derive(Debug, Clone)]
enum Model {
    Leaf(Vec<usize>),
    Chain(Vec<usize>),
}

fn any_models() -> impl Strategy<Value = Vec<Model>> {
    let leaf = prop::collection::vec(0..30_usize, 0..5).prop_map(Model::Leaf);
    let chain = prop::collection::vec(0..12_usize, 0..5).prop_map(Model::Chain);
    prop::collection::vec(prop_oneof![leaf, chain], 1..12)
}

/// Flattens depth-first, each at its first place, without any index or summary.
fn flatten(models: &[Model], at: usize, visited: &mut HashSet<usize>, out: &mut Vec<usize>) {
    if !visited.insert(at) {
        return;
    }
    match &models[at] {
        Model::Leaf(_) => out.push(at),
        Model::Chain(members) => {
            for member in members.iter().filter(|member| **member < at) {
                flatten(models, *member, visited, out);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn a_search_finds_what_a_naive_one_finds(models in any_models()) {
        let env = TestEnv::new();
        let store = env.create();
        // Thirty entries over ten cells and three modules.
        let entries: Vec<EntryName> = (0..30)
            .map(|n| put(&store, &key("nb", &format!("c{}", n % 10), &format!("m{}", n % 3)), &[n]))
            .collect();
        for (number, model) in models.iter().enumerate() {
            match model {
                Model::Leaf(members) => {
                    let members: Vec<&EntryName> = members.iter().map(|n| &entries[*n]).collect();
                    tagged(&store, &number.to_string(), &members);
                }
                Model::Chain(members) => {
                    let members = members.iter().filter(|member| **member < number);
                    let members: Vec<String> = members.map(ToString::to_string).collect();
                    chained(&store, &number.to_string(), &members.join(" ")).unwrap();
                }
            }
        }
        let context = Context::open(&store).unwrap();
        let root = models.len() - 1;
        let mut order = Vec::new();
        flatten(&models, root, &mut HashSet::new(), &mut order);
        let members = |at: usize| match &models[at] {
            Model::Leaf(members) => members.clone(),
            Model::Chain(_) => unreachable!(),
        };
        for cell in 0..10 {
            for module in [None, Some(0), Some(1), Some(2)] {
                let fits = |n: &usize| n % 10 == cell && module.is_none_or(|m| n % 3 == m);
                let expected = order.iter().find_map(|at| {
                    // Later ones are newer.
                    let newest = members(*at).into_iter().filter(fits).max()?;
                    Some((entries[newest].clone(), at.to_string()))
                });
                let query = match module {
                    Some(m) => Query::from(&key("nb", &format!("c{cell}"), &format!("m{m}"))),
                    None => Query::from(Pattern::parse(&format!("nb:c{cell}")).unwrap()),
                };
                let found = find_first(&context, &query, &name(&root.to_string())).unwrap().hit();
                let found = found.map(|found| (found.entry.clone(), found.collection.to_string()));
                prop_assert_eq!(&found, &expected);
                let all = find_all(&context, &query, &name(&root.to_string())).unwrap();
                prop_assert_eq!(all.first().map(|f| &f.entry), expected.as_ref().map(|(e, _)| e));
                let distinct: HashSet<usize> =
                    order.iter().flat_map(|at| members(*at)).filter(fits).collect();
                prop_assert_eq!(all.len(), distinct.len());
            }
        }
    }
}
