//! Who shares a remote and does not use recell notices nothing; and recell works wherever git
//! does: in hooks, linked work trees, submodules, bare, shallow and partial repositories.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::people::{HOST, Person};
use crate::support::servers::host::write_script;
use crate::support::servers::{Break, GitServer, Host};
use crate::support::{git, noise};

/// Writes a file and commits it.
fn commit(person: &Person, name: &str) {
    std::fs::write(person.root().join(name), name).unwrap();
    person.git(&["add", name]);
    person.git(&["commit", "--quiet", "-m", name]);
}

/// Somebody whose notebooks are on the host already, and who has results of two notebooks.
fn author(server: &GitServer) -> (Host, Person) {
    let host = server.host(HOST);
    let author = Person::new(1, &server.url(HOST), server);
    author.git(&["add", "recell.toml"]);
    commit(&author, "analysis.py");
    author.git(&["push", "--quiet", "--no-verify", "-u", "origin", "main"]);
    for notebook in ["a.ipynb", "b.ipynb"] {
        author.put(notebook, "load", &noise(20_000, 1));
    }
    (host, author)
}

/// What a colleague's plain git receives and sends, in bytes: clone, fetch, pull, push.
fn traffic_of_a_colleague(server: &GitServer, folder: &Path) -> [(u64, u64); 4] {
    let host_main = server.hosts().join(HOST);
    let mut found = Vec::new();
    let mut measure = |folder: &Path, args: &[&str]| {
        let wire = server.wire(Break::Never);
        let url = server.url_over(&wire, HOST);
        let args: Vec<&str> =
            args.iter().map(|arg| if *arg == "URL" { &*url } else { *arg }).collect();
        if folder.join(".git").exists() {
            server.git(folder, &["remote", "set-url", "origin", &url]);
        }
        server.git(folder, &args);
        found.push((wire.received(), wire.sent()));
    };
    measure(folder, &["clone", "--quiet", "URL", "plain"]);
    let plain = folder.join("plain");
    // A commit on the host that the colleague has not, each the same in every run.
    let next = |message: &str| {
        let tree = git(&host_main, &["rev-parse", "main^{tree}"]);
        let id = git(&host_main, &["commit-tree", "-m", message, "-p", "main", tree.trim()]);
        git(&host_main, &["update-ref", "refs/heads/main", id.trim()]);
    };
    next("to be fetched");
    measure(&plain, &["fetch", "--quiet"]);
    next("to be pulled");
    measure(&plain, &["pull", "--quiet"]);
    server.git(&plain, &["commit", "--quiet", "--allow-empty", "-m", "ours"]);
    measure(&plain, &["push", "--quiet", "origin", "main"]);
    assert!(!git(&plain, &["for-each-ref"]).contains("recell"), "no ref of the cache came");
    found.try_into().unwrap()
}

#[test]
fn a_colleagues_plain_git_moves_not_one_byte_of_cache() {
    for server in [GitServer::daemon(), GitServer::web_with_old_protocol()] {
        let (host, author) = author(&server);
        let tip = git(host.path(), &["rev-parse", "main"]);
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let before = traffic_of_a_colleague(&server, folders[0].path());
        git(host.path(), &["update-ref", "refs/heads/main", tip.trim()]);
        git(host.path(), &["gc", "--quiet", "--prune=now"]);

        for number in 0..20 {
            author.put(&format!("n{number}.ipynb"), "plot", &noise(30_000, number));
        }
        author.ok(&["push"]);
        let ledgers = host.refs().into_keys().filter(|name| name.starts_with("refs/recell/"));
        // A line of a list of refs: length, id, space, name, newline.
        let names: usize = ledgers.map(|name| 4 + 40 + 1 + name.len() + 1).sum();
        assert_eq!(host.count_refs("refs/recell/ledger/"), 22);
        let after = traffic_of_a_colleague(&server, folders[1].path());

        let is_old = server.url(HOST).starts_with("http");
        for (number, what) in ["clone", "fetch", "pull", "push"].into_iter().enumerate() {
            // Before a push, and by git's old protocol always, a host names all its refs.
            let is_listed = is_old || what == "push";
            let most = if is_listed { names as u64 } else { 0 };
            let (before, after) = (before[number], after[number]);
            // Lengths of dates, and of what zlib makes of ids, differ by some bytes.
            let slack = 64;
            assert!(after.0 <= before.0 + most + slack, "{what}: {before:?}, {after:?}, {names}");
            assert!(after.1 <= before.1 + slack, "{what}: {before:?}, {after:?}");
        }
        let objects = |folder: &Path| git(&folder.join("plain"), &["count-objects", "-v"]);
        let count = |text: String| {
            let of = |name: &str| {
                let line = text.lines().find(|line| line.starts_with(name)).unwrap();
                line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
            };
            of("count:") + of("in-pack:")
        };
        let [before, after] = folders.each_ref().map(|folder| count(objects(folder.path())));
        assert_eq!(before, after, "not one object more");
    }
}

/// Everything of a repository that is not the person's to change: its refs, objects and settings.
fn own_state(folder: &Path) -> (String, String, String) {
    let config = git(folder, &["config", "--local", "--list"]);
    (git(folder, &["for-each-ref"]), git(folder, &["count-objects", "-v"]), config)
}

fn assert_arrived(host: &Host, notebooks: usize, context: &str) {
    assert_eq!(host.count_refs("refs/recell/ledger/"), notebooks, "{context}");
}

#[test]
fn push_and_pull_work_from_inside_a_hook_and_leave_the_users_repository_alone() {
    let server = GitServer::daemon();
    let (host, author) = author(&server);
    let hook = |name: &str, line: &str| {
        // What git sets for hooks, and what it sets in the worst case.
        let script = format!(
            "#!/bin/sh\nset -e\nexport GIT_DIR=\"$(git rev-parse --absolute-git-dir)\"\n\
             export GIT_WORK_TREE=\"$PWD\" GIT_INDEX_FILE=\"$GIT_DIR/index\"\n\
             export GIT_OBJECT_DIRECTORY=\"$GIT_DIR/objects\"\n{line}\n"
        );
        write_script(&author.root().join(".git/hooks").join(name), &script);
    };
    hook("pre-push", "recell push");
    commit(&author, "second.py");
    let before = own_state(author.root());
    author.git(&["push", "--quiet", "origin", "main"]);
    assert_arrived(&host, 2, "a pre-push hook");
    let after = own_state(author.root());
    let moved = before.0.replace(
        git(author.root(), &["rev-parse", "main~"]).trim(),
        git(author.root(), &["rev-parse", "main"]).trim(),
    );
    // The one branch that the user pushed.
    assert_eq!(after, (moved, before.1, before.2));

    let colleague = Person::new(2, &server.url(HOST), &server);
    colleague.put("c.ipynb", "load", b"theirs");
    colleague.ok(&["push"]);
    hook("post-commit", "recell pull");
    hook("pre-commit", "recell pull && recell push");
    author.put("d.ipynb", "load", b"ours");
    commit(&author, "third.py");
    assert_arrived(&host, 4, "a pre-commit hook");
    assert_eq!(author.names().len(), 4);
    assert!(!own_state(author.root()).0.contains("recell"));
}

/// Pushes what `author` has and pulls it as somebody new; then the other way round.
fn assert_meet(author: &Person, folder: &Path, server: &GitServer, host: &Host, context: &str) {
    let before = own_state(folder);
    let colleague = Person::new(77, &server.url(HOST), server);
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_recell"));
        let output = author.settled(command.args(args).current_dir(folder)).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{context}: {args:?}: {stderr}");
    };
    run(&["push"]);
    assert_arrived(host, 2, context);
    colleague.ok(&["pull"]);
    assert_eq!(colleague.names().len(), 2, "{context}");
    colleague.put("c.ipynb", "load", b"theirs");
    colleague.ok(&["push"]);
    run(&["pull"]);
    run(&["push"]);
    assert_arrived(host, 3, context);
    assert_eq!(own_state(folder), before, "{context}: the repository is as it was");
}

#[test]
fn a_linked_work_tree_pushes_and_pulls_the_one_store_of_its_repository() {
    let server = GitServer::daemon();
    let (host, author) = author(&server);
    let linked = author.root().join("elsewhere/linked");
    author.git(&["worktree", "add", "--quiet", linked.to_str().unwrap(), "-b", "side"]);
    assert_meet(&author, &linked, &server, &host, "a linked work tree");
    assert_eq!(author.names().len(), 3);
}

#[test]
fn a_submodule_has_its_own_origin() {
    let server = GitServer::daemon();
    let (host, notebooks) = author(&server);
    let above = server.host("above.git");
    let owner = Person::without_store(3, &server);
    owner.git(&["init", "--quiet", "--initial-branch=main"]);
    owner.git(&["remote", "add", "origin", &server.url("above.git")]);
    owner.git(&["submodule", "--quiet", "add", &server.url(HOST), "notebooks"]);
    let inside = owner.root().join("notebooks");
    let output = owner.git_in(&inside, &["rev-parse", "--git-dir"]);
    assert!(output.contains("modules"), "it has its repository elsewhere: {output}");
    move_store(&notebooks, &inside);
    assert_meet(&owner, &inside, &server, &host, "a submodule");
    assert!(above.refs().is_empty(), "nothing came to the repository around it");
}

/// Copies the store of a workspace into a work tree that has the workspace's settings.
fn move_store(from: &Person, to: &Path) {
    crate::support::copy_folder(&from.root().join(".recell"), &to.join(".recell"));
}

/// Clones the host's repository in some way, with the author's store in the work tree.
fn cloned(author: &Person, server: &GitServer, options: &[&str]) -> (Person, PathBuf) {
    let person = Person::without_store(3, server);
    let url = server.url(HOST);
    person.git(&[&["clone", "--quiet"], options, &[&url, "clone"]].concat());
    let folder = person.root().join("clone");
    move_store(author, &folder);
    (person, folder)
}

#[test]
fn beside_a_shallow_and_beside_a_partial_clone_all_works_and_neither_becomes_deeper() {
    for options in [&["--depth=1"][..], &["--filter=blob:none"], &["--filter=tree:0"]] {
        let server = GitServer::daemon();
        let (host, author) = author(&server);
        commit(&author, "second.py");
        author.git(&["push", "--quiet", "origin", "main"]);
        let host = host.with_filters(true);
        let (person, folder) = cloned(&author, &server, options);
        assert_meet(&person, &folder, &server, &host, options[0]);
    }
}

#[test]
fn beside_a_bare_repository_with_work_trees_all_works() {
    let server = GitServer::daemon();
    let (host, author) = author(&server);
    let person = Person::without_store(3, &server);
    person.git(&["clone", "--quiet", "--bare", &server.url(HOST), ".bare"]);
    std::fs::write(person.root().join(".git"), "gitdir: ./.bare\n").unwrap();
    person.git(&["worktree", "add", "--quiet", "main"]);
    let folder = person.root().join("main");
    move_store(&author, &folder);
    assert_meet(&person, &folder, &server, &host, "a bare repository with work trees");
}
