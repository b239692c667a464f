//! Push and pull through real servers: every kind of them, strict hosts, and lines that break.

use std::time::Duration;

use crate::support::noise;
use crate::support::people::Person;
use crate::support::servers::{Break, GitServer, Host};

const HOST: &str = "shared.git";

/// Puts outputs of many sizes: text, what does not shrink, and one of many chunks.
fn fill(person: &Person, notebooks: usize, seed: u64) {
    for number in 0..notebooks {
        let notebook = format!("reports/n{number}.ipynb");
        person.put(&notebook, "load", format!("{number} rows of {seed}\n").as_bytes());
        person.put(&notebook, "plot", &noise(3_000 + number, seed + number as u64));
    }
}

/// Two people at one server, the first with results.
fn two(server: &GitServer) -> (Host, Person, Person) {
    let host = server.host(HOST);
    let people = [1, 2].map(|seed| Person::new(seed, &server.url(HOST), server));
    let [ours, theirs] = people;
    fill(&ours, 3, 1);
    (host, ours, theirs)
}

/// Checks that both hold the same, to the byte, in stores that git finds whole.
fn assert_same(ours: &Person, theirs: &Person, context: &str) {
    let (ours_hold, theirs_hold) = (ours.contents(), theirs.contents());
    assert_eq!(
        ours_hold.keys().collect::<Vec<_>>(),
        theirs_hold.keys().collect::<Vec<_>>(),
        "{context}"
    );
    assert!(ours_hold == theirs_hold, "{context}: the same bytes");
    for person in [ours, theirs] {
        person.env().git(&["fsck", "--full", "--strict"]);
    }
}

fn two_people_meet_at(context: &str, server: &GitServer) {
    let (host, ours, theirs) = two(server);
    // Of many chunks, and more than git sends in one piece over HTTP.
    ours.put("reports/n0.ipynb", "table", &noise(6_000_000, 9));
    fill(&theirs, 2, 100);
    ours.ok(&["push"]);
    theirs.ok(&["pull"]);
    theirs.ok(&["push"]);
    ours.ok(&["pull"]);
    assert_eq!(ours.names().len(), 11, "{context}");
    assert_same(&ours, &theirs, context);
    let state = || (host.refs(), host.objects(), ours.refs(), theirs.refs());
    let before = state();
    // One ledger for each notebook and writer, and nothing else.
    assert_eq!((before.0.len(), host.count_refs("refs/recell/ledger/")), (5, 5), "{context}");
    for person in [&ours, &theirs] {
        person.ok(&["push"]);
        person.ok(&["pull"]);
    }
    assert_eq!(state(), before, "{context}: there was nothing to do");
    assert_eq!(
        ours.git(&["for-each-ref"]),
        "",
        "{context}: the repository of notebooks is as it was"
    );
}

#[test]
fn two_people_meet_in_a_folder() {
    two_people_meet_at("a path", &GitServer::folder_as_path());
    two_people_meet_at("a URL", &GitServer::folder_as_url());
}

#[test]
fn two_people_meet_at_a_git_daemon() {
    two_people_meet_at("git daemon", &GitServer::daemon());
}

#[test]
fn two_people_meet_over_http() {
    two_people_meet_at("smart HTTP", &GitServer::web());
    two_people_meet_at("git's old protocol", &GitServer::web_with_old_protocol());
}

#[test]
fn two_people_meet_over_http_with_a_password_that_an_askpass_knows() {
    two_people_meet_at("a password", &GitServer::web_with_password());
}

#[test]
fn a_credential_helper_of_the_repository_is_asked() {
    let mut server = GitServer::web_with_password();
    let helper = server.credential_helper();
    let (host, ours, _) = two(&server);
    let refused = ours.run(&["push"]);
    assert!(refused.code() != 0 && host.refs().is_empty(), "{refused}");
    let config = ours.root().join(".git/config");
    let settings = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, settings + &helper).unwrap();
    ours.ok(&["push"]);
    assert_eq!(host.refs().len(), 3);
}

#[test]
fn two_people_meet_over_ssh() {
    two_people_meet_at("ssh", &GitServer::ssh());
    two_people_meet_at("ssh with git's old protocol", &GitServer::ssh_with_old_protocol());
}

#[test]
fn a_host_with_filters_and_one_without_give_the_same() {
    for has in [true, false] {
        let server = GitServer::daemon();
        let (host, ours, theirs) = two(&server);
        host.with_filters(has);
        ours.ok(&["push"]);
        theirs.ok(&["pull"]);
        assert_same(&ours, &theirs, &format!("filters: {has}"));
    }
}

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
fn a_push_that_breaks_off_is_told_or_tried_again_and_the_next_sends_the_rest() {
    for server in [GitServer::daemon(), GitServer::web()] {
        let (host, ours, theirs) = two(&server);
        ours.put("large.ipynb", "a", &noise(300_000, 1));
        let wire = server.wire(Break::Push { after: 100_000, times: usize::MAX });
        ours.git(&["remote", "set-url", "origin", &server.url_over(&wire, HOST)]);
        let ran = ours.run(&["push"]);
        assert!(ran.code() != 0 && wire.broken() > 0, "{ran}");
        assert_eq!(host.count_refs("refs/recell/ledger/large"), 0, "{ran}");
        wire.mend();
        ours.ok(&["push"]);
        assert_eq!(host.count_refs("refs/recell/ledger/"), 4);
        theirs.ok(&["pull"]);
        assert_same(&ours, &theirs, "after a broken push");
    }
}

#[test]
fn a_push_whose_report_is_lost_finds_out_what_arrived() {
    for server in [GitServer::daemon(), GitServer::web()] {
        let (host, ours, theirs) = two(&server);
        let wire = server.wire(Break::Report { times: 1 });
        ours.git(&["remote", "set-url", "origin", &server.url_over(&wire, HOST)]);
        // All of it arrived, and that is what counts.
        let said = ours.ok(&["push"]);
        assert_eq!((wire.broken(), host.refs().len()), (1, 3), "{said}");
        let before = host.refs();
        ours.ok(&["push"]);
        assert_eq!(host.refs(), before);
        theirs.ok(&["pull"]);
        assert_same(&ours, &theirs, "after a lost report");
    }
}

#[test]
fn a_pull_that_breaks_off_leaves_whole_entries_and_the_next_brings_the_rest() {
    for server in [GitServer::daemon(), GitServer::web()] {
        let (_host, ours, theirs) = two(&server);
        ours.put("large.ipynb", "a", &noise(300_000, 1));
        ours.ok(&["push"]);
        let wire = server.wire(Break::Fetch { after: 100_000, times: usize::MAX });
        theirs.git(&["remote", "set-url", "origin", &server.url_over(&wire, HOST)]);
        let ran = theirs.run(&["pull"]);
        assert!(ran.code() != 0 && wire.broken() > 0, "{ran}");
        wire.mend();
        theirs.ok(&["pull"]);
        assert_same(&ours, &theirs, "after a broken pull");
    }
}

#[test]
fn copies_of_one_store_that_went_apart_lose_nothing_although_they_are_one_writer() {
    let server = GitServer::daemon();
    let (host, ours, theirs) = two(&server);
    let _host = host.append_only();
    ours.ok(&["push"]);
    let copy = ours.copied();
    for (person, seed) in [(&ours, 10), (&copy, 20)] {
        fill(person, 3, seed);
        person.ok(&["push"]);
    }
    for person in [&ours, &copy, &theirs] {
        person.ok(&["pull"]);
    }
    assert_eq!(theirs.names().len(), 18);
    assert_same(&ours, &theirs, "the original");
    assert_same(&copy, &theirs, "the copy");
}
