//! Push and pull of many at once, and of copies of one store, which are one writer.

use std::thread;

use crate::support::people::{HOST, Person, assert_same, fill, two};
use crate::support::servers::GitServer;

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

#[test]
fn people_who_push_and_pull_at_once_lose_nothing() {
    let server = GitServer::daemon();
    let host = server.host(HOST).append_only();
    let people = [1, 2, 3].map(|seed| Person::new(seed, &server.url(HOST), &server));
    thread::scope(|scope| {
        for (number, person) in people.iter().enumerate() {
            scope.spawn(move || {
                for round in 0..3 {
                    fill(person, 2, 100 * number as u64 + 10 * round);
                    person.ok(&["push"]);
                    person.ok(&["pull"]);
                }
            });
        }
    });
    assert_eq!(host.count_refs("refs/recell/ledger/"), 6);
    for person in &people {
        person.ok(&["pull"]);
    }
    let [first, second, third] = &people;
    assert_eq!(first.names().len(), 36);
    assert_same(first, second, "at once");
    assert_same(second, third, "at once");
}

#[test]
fn copies_of_one_store_that_push_at_once_take_each_other_in() {
    let server = GitServer::daemon();
    let (host, ours, theirs) = two(&server);
    let _host = host.append_only();
    ours.ok(&["push"]);
    let copies = [ours.copied(), ours.copied(), ours];
    thread::scope(|scope| {
        for (number, person) in copies.iter().enumerate() {
            scope.spawn(move || {
                for round in 0..3 {
                    fill(person, 2, 1_000 * (number as u64 + 1) + 10 * round);
                    person.ok(&["push"]);
                }
            });
        }
    });
    theirs.ok(&["pull"]);
    assert_eq!(theirs.names().len(), 6 + 3 * 3 * 4);
    for copy in &copies {
        copy.ok(&["pull"]);
        assert_same(copy, &theirs, "copies at once");
    }
}

#[test]
fn one_store_that_is_pushed_and_pulled_by_many_processes_is_whole() {
    let server = GitServer::daemon();
    let (_host, ours, theirs) = two(&server);
    fill(&theirs, 3, 500);
    theirs.ok(&["push"]);
    thread::scope(|scope| {
        for number in 0..4_u64 {
            let ours = &ours;
            scope.spawn(move || {
                fill(ours, 1, 2_000 + 10 * number);
                ours.ok(if number % 2 == 0 { &["push"] } else { &["pull"] });
            });
        }
    });
    ours.ok(&["push"]);
    ours.ok(&["pull"]);
    theirs.ok(&["pull"]);
    assert_eq!(ours.names().len(), 6 + 6 + 8);
    assert_same(&ours, &theirs, "many processes");
}
