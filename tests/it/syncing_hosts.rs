//! Push to hosts with rules: few refs a push, small packs, refusals, full disks, lost refs.

use std::time::Duration;

use crate::support::people::{HOST, Person, assert_same, fill, two};
use crate::support::servers::{GitServer, Host};
use crate::support::{git, noise};

#[test]
fn a_host_that_takes_few_refs_a_push_gets_all_in_several() {
    for most in [1, 5, 20] {
        let server = GitServer::daemon();
        let (host, ours, theirs) = two(&server);
        fill(&ours, 23, 50);
        let host = host.at_most_refs(most);
        ours.ok(&["push"]);
        assert_eq!(host.count_refs("refs/recell/ledger/"), 23, "{most} a push");
        theirs.ok(&["pull"]);
        assert_same(&ours, &theirs, &format!("{most} refs a push"));
    }
}

#[test]
fn a_host_that_takes_small_packs_gets_all_in_several() {
    // A web server tells that a pack is too large, a daemon hangs up.
    for server in [GitServer::web(), GitServer::daemon()] {
        let (host, ours, theirs) = two(&server);
        for number in 0..8 {
            ours.put(&format!("n{number}.ipynb"), "a", &noise(40_000, number));
        }
        let host = host.packs_up_to(100_000);
        ours.ok(&["push"]);
        assert_eq!(host.count_refs("refs/recell/ledger/"), 11);
        theirs.ok(&["pull"]);
        assert_same(&ours, &theirs, "small packs");
    }
}

#[test]
fn what_a_host_finds_too_large_is_told_and_the_rest_arrives() {
    let server = GitServer::web();
    let (host, ours, theirs) = two(&server);
    ours.put("large.ipynb", "a", &noise(200_000, 1));
    let host = host.objects_up_to(100_000);
    let ran = ours.run(&["push"]);
    let said = ran.to_string();
    assert!(ran.code() != 0 && said.contains("large.ipynb"), "{said}");
    assert!(said.contains("larger than 100000 bytes"), "the host's own words: {said}");
    assert_eq!(host.count_refs("refs/recell/ledger/"), 3, "{said}");
    theirs.ok(&["pull"]);
    assert_eq!(theirs.names().len(), 6);
    host.without_hooks();
    ours.ok(&["push"]);
    theirs.ok(&["pull"]);
    assert_same(&ours, &theirs, "the host took it later");
}

#[test]
fn one_ledger_that_a_host_refuses_keeps_no_other_from_it() {
    let server = GitServer::daemon();
    let (host, ours, theirs) = two(&server);
    let host = host.refusing("refs/recell/ledger/reports%2fn1*");
    let ran = ours.run(&["push"]);
    assert!(ran.code() != 0 && ran.to_string().contains("reports/n1.ipynb"), "{ran}");
    assert_eq!(host.count_refs("refs/recell/ledger/"), 2, "{ran}");
    host.without_hooks();
    ours.ok(&["push"]);
    theirs.ok(&["pull"]);
    assert_same(&ours, &theirs, "the host took it later");
}

#[test]
fn a_host_that_hides_ledgers_or_may_only_be_read_is_told_and_nothing_is_lost() {
    let rules: [fn(Host) -> Host; 3] = [
        |host| host.set("transfer.hideRefs", "refs/recell"),
        Host::read_only,
        |host| host.set("daemon.receivepack", "false"),
    ];
    for rule in rules {
        let server = GitServer::daemon();
        let (host, ours, _) = two(&server);
        let host = rule(host);
        let before = ours.contents();
        let ran = ours.run(&["push"]);
        assert!(ran.code() != 0, "{ran}");
        assert!(host.refs().is_empty() && ours.contents() == before, "{ran}");
    }
}

#[test]
fn a_host_on_which_nothing_is_ever_rewritten_takes_all_there_is_to_push() {
    let server = GitServer::daemon();
    let (host, ours, theirs) = two(&server);
    let _host = host.append_only();
    for round in 0..3 {
        fill(&ours, 2, 10 * round);
        fill(&theirs, 2, 1_000 + 10 * round);
        for person in [&ours, &theirs, &ours] {
            person.ok(&["pull"]);
            person.ok(&["push"]);
        }
        theirs.ok(&["pull"]);
    }
    assert_same(&ours, &theirs, "append only");
}

#[test]
fn a_full_disk_of_the_host_is_told_and_what_fits_arrives() {
    let server = GitServer::daemon_on_small_disk(600);
    let url = server.url("full.git");
    let [ours, theirs] = [1, 2].map(|seed| Person::new(seed, &url, &server));
    fill(&ours, 3, 1);
    ours.ok(&["push"]);
    ours.put("large.ipynb", "a", &noise(1_200_000, 1));
    let ran = ours.run(&["push"]);
    assert!(ran.code() != 0, "{ran}");
    theirs.ok(&["pull"]);
    assert_eq!(theirs.names().len(), 6);
    assert_eq!(ours.names().len(), 7);
}

#[test]
fn a_slow_host_is_waited_for() {
    let server = GitServer::daemon();
    let (host, ours, theirs) = two(&server);
    let _host = host.slow(Duration::from_millis(500));
    ours.ok(&["push"]);
    theirs.ok(&["pull"]);
    assert_same(&ours, &theirs, "a slow host");
}

#[test]
fn a_host_that_lost_its_ledgers_gets_them_again() {
    let server = GitServer::daemon();
    let (host, ours, theirs) = two(&server);
    ours.ok(&["push"]);
    theirs.ok(&["pull"]);
    let before = host.refs();
    // What a colleague's `git push --mirror` does.
    for name in before.keys() {
        git(host.path(), &["update-ref", "-d", name]);
    }
    git(host.path(), &["gc", "--quiet", "--prune=now"]);
    theirs.put("new.ipynb", "a", b"new");
    // All that it has, those of others included.
    theirs.ok(&["push"]);
    assert_eq!(host.count_refs("refs/recell/ledger/"), 4);
    assert!(before.iter().all(|(name, id)| host.refs().get(name) == Some(id)));
    ours.ok(&["pull"]);
    assert_same(&ours, &theirs, "after the loss");
}

#[test]
fn a_host_that_went_back_to_a_backup_gets_the_rest_again() {
    let server = GitServer::daemon();
    let (host, ours, theirs) = two(&server);
    ours.ok(&["push"]);
    let old = host.refs();
    fill(&ours, 3, 70);
    ours.ok(&["push"]);
    let new = host.refs();
    for (name, id) in &old {
        git(host.path(), &["update-ref", name, id]);
    }
    ours.ok(&["push"]);
    assert_eq!(host.refs(), new);
    theirs.ok(&["pull"]);
    assert_same(&ours, &theirs, "after the backup");
}

#[test]
fn a_second_remote_gets_everything_those_of_others_included() {
    let server = GitServer::daemon();
    let (_first, ours, theirs) = two(&server);
    let second = server.host("second.git");
    fill(&theirs, 2, 40);
    theirs.ok(&["push"]);
    ours.ok(&["push"]);
    ours.ok(&["pull"]);
    ours.git(&["remote", "add", "backup", &server.url("second.git")]);
    ours.ok(&["push", "--remote", "backup"]);
    assert_eq!(second.count_refs("refs/recell/ledger/"), 5);
    let third = Person::new(3, &server.url("second.git"), &server);
    third.ok(&["pull"]);
    assert_same(&ours, &third, "from the second remote");
}

#[test]
fn a_store_of_the_newer_hash_meets_a_host_of_the_same_and_no_other() {
    let server = GitServer::daemon();
    server.host(HOST);
    let modern = server.hosts().join("modern.git");
    git(&server.hosts(), &["init", "-q", "--bare", "--object-format=sha256", "modern.git"]);
    let [ours, theirs] = [1, 2].map(|seed| {
        let person = Person::without_store(seed, &server);
        person.git(&["init", "--quiet"]);
        person.git(&["remote", "add", "origin", &server.url("modern.git")]);
        person.git(&["remote", "add", "old", &server.url(HOST)]);
        person.ok(&["init", "--object-format", "sha256"]);
        fill(&person, 2, seed);
        person
    });
    for args in [["push"], ["pull"]] {
        ours.ok(&args);
        theirs.ok(&args);
    }
    ours.ok(&["pull"]);
    assert_same(&ours, &theirs, "SHA-256");
    assert_eq!(git(&modern, &["for-each-ref"]).lines().count(), 4);
    for args in [["push", "--remote", "old"], ["pull", "--remote", "old"]] {
        let before = ours.refs();
        let ran = ours.run(&args);
        // An empty host of another hash has nothing to say about hashes when it is asked.
        assert!(ran.code() != 0 || args[0] == "pull", "{ran}");
        assert_eq!(ours.refs(), before, "{ran}");
    }
}
