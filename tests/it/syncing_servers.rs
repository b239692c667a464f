//! Push and pull through real servers of every kind, and over lines that break.

use crate::support::noise;
use crate::support::people::{HOST, assert_same, fill, two};
use crate::support::servers::{Break, GitServer};

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
fn a_header_that_a_build_was_started_with_opens_the_door() {
    let mut server = GitServer::web_with_password();
    let header = server.credential_header();
    let (host, ours, _) = two(&server);
    let refused = ours.run(&["push"]);
    assert!(refused.code() != 0 && host.refs().is_empty(), "{refused}");
    // Beside what would send git elsewhere.
    let ours = ours
        .with("GIT_CONFIG_COUNT", "2")
        .with("GIT_CONFIG_KEY_0", "core.worktree")
        .with("GIT_CONFIG_VALUE_0", "/nowhere")
        .with("GIT_CONFIG_KEY_1", "http.extraHeader")
        .with("GIT_CONFIG_VALUE_1", header);
    ours.ok(&["push"]);
    assert_eq!(host.refs().len(), 3);
}

#[test]
fn settings_of_the_user_do_not_get_in_the_way() {
    let server = GitServer::daemon();
    let (host, ours, theirs) = two(&server);
    let settings = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(settings.path(), UNHELPFUL).unwrap();
    let settings = settings.path().to_str().unwrap();
    let [ours, theirs] = [ours, theirs].map(|person| person.with("GIT_CONFIG_GLOBAL", settings));
    for round in 0..3 {
        fill(&ours, 2, 10 * round);
        fill(&theirs, 2, 500 + 10 * round);
        for person in [&ours, &theirs, &ours] {
            person.ok(&["push"]);
            person.ok(&["pull"]);
        }
        let state = (host.refs(), ours.refs());
        ours.ok(&["push"]);
        ours.ok(&["pull"]);
        assert_eq!((host.refs(), ours.refs()), state);
    }
    theirs.ok(&["pull"]);
    assert_same(&ours, &theirs, "unhelpful settings");
    assert_eq!(host.count_refs("refs/"), host.count_refs("refs/recell/ledger/"));
    for person in [&ours, &theirs] {
        assert_eq!(person.env().leftovers(), [""; 0]);
    }
}

/// What users set, each of it for a reason.
const UNHELPFUL: &str = "
[transfer]
    fsckObjects = true
    unpackLimit = 10000
[fetch]
    prune = true
    pruneTags = true
    writeCommitGraph = true
    recurseSubmodules = true
    negotiationAlgorithm = skipping
    output = compact
[push]
    default = matching
    followTags = true
    autoSetupRemote = true
    recurseSubmodules = check
[gc]
    auto = 1
[maintenance]
    auto = true
[commit]
    gpgSign = true
[tag]
    gpgSign = true
    forceSignAnnotated = true
[core]
    hooksPath = /nowhere
    abbrev = 4
    quotePath = false
    logAllRefUpdates = always
    compression = 9
    commitGraph = false
[color]
    ui = always
[advice]
    detachedHead = false
[safe]
    bareRepository = explicit
[submodule]
    recurse = true
[pack]
    writeReverseIndex = false
    threads = 1
[uploadpack]
    allowFilter = false
[protocol]
    version = 1
[init]
    defaultRefFormat = reftable
    defaultObjectFormat = sha256
";

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
