//! Trust: what can run code is handed out only if it was put here, or somebody who may sign vouches
//! for it. With real keys of ssh and gpg, made by each test.

use std::path::{Path, PathBuf};
use std::process::Command;

use recell::sync::trust::allow;
use recell::{
    CodeRisk, Draft, DraftPart, GitEnvironment, Lookup, Miss, OpenOptions, PartKind, PartPath,
    Signers, Source, Standing, Store, Trust, TrustPolicy,
};

use crate::support::{TestEnv, git, hermetic, hit, key, options};
use crate::syncing::{Team, put};

/// The text of the part that can run code in these tests.
const PICKLE: &str = "cos\nsystem\n(S'true'\ntR.";

/// A member of a team whose store is a writer of its own.
fn member(team: &Team, writer: char) -> TestEnv {
    let env = team.member();
    let id = writer.to_string().repeat(16);
    git(env.root(), &["config", "-f", ".recell/store.git/config", "recell.writer", &id]);
    env
}

fn put_pickle(env: &TestEnv, key: &str, text: &str) -> String {
    env.recell(&["put", key, "variables/model.pkl=-"]).input(text).ok().trim().to_owned()
}

fn pull(env: &TestEnv) {
    env.recell(&["-c", "sync.fetch=all", "pull"]).ok();
}

/// Reads the part that can run code; with the code of the miss if it is not handed out.
fn read(env: &TestEnv, name: &str, policy: &str) -> Result<String, String> {
    let setting = format!("trust.policy={policy}");
    let ran = env.recell(&["--json", "-c", &setting, "cat", name, "variables/model.pkl"]).run();
    if ran.code() == 0 {
        return Ok(String::from_utf8(ran.output.stdout.clone()).unwrap());
    }
    assert_eq!(ran.code(), 4, "{ran}");
    let said: serde_json::Value = serde_json::from_slice(&ran.output.stderr).unwrap();
    let message = said["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(said["error"]["code"], "untrusted", "{message}");
    assert!(message.contains("trust.policy"), "it names the setting: {message}");
    Err(message)
}

fn assert_refused(env: &TestEnv, name: &str, policy: &str, why: &str) {
    let message = read(env, name, policy).expect_err(why);
    assert!(message.contains(why), "{message}");
}

/// Makes a key of ssh and returns its file; the public half ends in `.pub`.
fn ssh_key(folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(name);
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&file);
    let output = command.output().expect("ssh-keygen is there (Debian package openssh-client)");
    assert!(output.status.success());
    file
}

/// Has the member sign what it pushes with a key of ssh.
fn sign_with_ssh(env: &TestEnv, key: &Path) {
    git(env.root(), &["config", "gpg.format", "ssh"]);
    git(env.root(), &["config", "user.signingKey", key.to_str().unwrap()]);
    git(env.root(), &["config", "commit.gpgSign", "true"]);
}

fn let_sign(env: &TestEnv, who: &str, key: &Path) {
    env.recell(&["trust", "allow", who, &format!("{}.pub", key.display())]).ok();
}

/// The ledger of the notebook `a.ipynb` that a writer has.
fn ledger(env: &TestEnv, writer: char) -> String {
    let refs = env.git(&["for-each-ref", "--format=%(refname)", "refs/recell/ledger"]);
    let id = writer.to_string().repeat(16);
    refs.lines().find(|name| name.ends_with(&id)).unwrap().to_owned()
}

/// What an attacker does who may push: a commit after `parent` in the shared repository, whose tree
/// has `change` done to it by plain git.
fn push_as_attacker(team: &Team, ledger: &str, change: &[&str]) {
    let shared = team.shared();
    let index = shared.join("attack.index");
    let run = |args: &[&str]| {
        let mut command = Command::new("git");
        let around = shared.parent().unwrap();
        command.current_dir(around).arg("--git-dir").arg(&shared).arg("--work-tree").arg(around);
        let command = hermetic(command.args(args), &shared);
        let output = command.env("GIT_INDEX_FILE", &index).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    drop(std::fs::remove_file(&index));
    run(&["read-tree", ledger]);
    run(change);
    let tree = run(&["write-tree"]);
    let commit = run(&["commit-tree", &tree, "-p", ledger, "-m", "recell: +1"]);
    run(&["update-ref", ledger, &commit]);
}

#[test]
fn what_can_run_code_is_handed_out_to_who_made_it_and_to_nobody_else() {
    let team = Team::new();
    let (anna, ben) = (member(&team, 'a'), member(&team, 'b'));
    let name = put_pickle(&anna, "a.ipynb:model:1", PICKLE);
    let text = put(&anna, "a.ipynb:text:1", "safe");
    assert_eq!(read(&anna, &name, "own").unwrap(), PICKLE, "before the push");
    anna.recell(&["push"]).ok();
    assert_eq!(read(&anna, &name, "own").unwrap(), PICKLE, "after it");
    pull(&ben);
    assert_refused(&ben, &name, "own", "aaaaaaaaaaaaaaaa wrote it");
    assert_refused(&ben, &name, "signed", "nobody signed");
    assert_eq!(read(&ben, &name, "all").unwrap(), PICKLE, "the user's own risk");
    let safe = ben.recell(&["cat", &text, "outputs/0.txt"]).ok();
    assert_eq!(safe, "safe", "what runs nothing is handed out as usual");
    let out = ben.recell(&["get", &name, "-o", "out"]).run();
    assert_eq!(out.code(), 4, "{out}");
    assert!(!ben.root().join("out/variables/model.pkl").exists());
    let shown = ben.recell(&["show", &name]).run();
    assert_eq!(shown.code(), 0, "a look at the entry is no reading of it: {shown}");
    let own = put_pickle(&ben, "a.ipynb:model:1", "mine");
    assert_eq!(read(&ben, &own, "own").unwrap(), "mine", "computed anew, it is the newest");
    ben.recell(&["verify", "--full"]).ok();
}

#[test]
fn a_key_that_may_sign_vouches_and_any_other_does_not() {
    let team = Team::new();
    let (anna, ben) = (member(&team, 'a'), member(&team, 'b'));
    let (alice, eve) = (ssh_key(anna.root(), "alice"), ssh_key(anna.root(), "eve"));
    sign_with_ssh(&anna, &alice);
    let name = put_pickle(&anna, "a.ipynb:model:1", PICKLE);
    anna.recell(&["push"]).ok();
    pull(&ben);
    assert_refused(&ben, &name, "signed", "no file says who may sign");
    let_sign(&ben, "eve@example.com", &eve);
    assert_refused(&ben, &name, "signed", "which is nobody's who may sign");
    let_sign(&ben, "alice@example.com", &alice);
    assert_eq!(read(&ben, &name, "signed").unwrap(), PICKLE);
    assert_refused(&ben, &name, "own", "aaaaaaaaaaaaaaaa wrote it");
    let file = ben.root().join(".recell/allowed_signers");
    std::fs::write(&file, "").unwrap();
    assert_refused(&ben, &name, "signed", "which is nobody's who may sign");
    // A file that git knows counts as well, and a setting counts alone.
    let theirs = ben.root().join("team_signers");
    let public = std::fs::read_to_string(format!("{}.pub", alice.display())).unwrap();
    allow(&theirs, "alice@example.com", &public).unwrap();
    git(ben.root(), &["config", "gpg.ssh.allowedSignersFile", theirs.to_str().unwrap()]);
    assert_eq!(read(&ben, &name, "signed").unwrap(), PICKLE, "as git itself would");
    let listed = ben.recell(&["-c", "trust.policy=signed", "trust"]).ok();
    assert!(listed.contains("by alice@example.com (ssh)"), "{listed}");
    let ran = ben
        .recell(&[
            "-c",
            "trust.policy=signed",
            "-c",
            "trust.allowed_signers=nobody",
            "cat",
            &name,
            "variables/model.pkl",
        ])
        .run();
    assert_eq!(ran.code(), 4, "the file that the setting names is not there: {ran}");
}

#[test]
fn who_appends_to_a_ledger_gains_nothing_and_takes_nothing_away() {
    let team = Team::new();
    let (anna, ben, eve) = (member(&team, 'a'), member(&team, 'b'), member(&team, 'e'));
    let alice = ssh_key(anna.root(), "alice");
    sign_with_ssh(&anna, &alice);
    let_sign(&ben, "alice@example.com", &alice);
    let_sign(&anna, "alice@example.com", &alice);
    let good = put_pickle(&anna, "a.ipynb:model:1", PICKLE);
    anna.recell(&["push"]).ok();
    // The evil entry comes into Anna's ledger by way of Eve's store.
    let evil = put_pickle(&eve, "a.ipynb:model:1", "evil");
    eve.recell(&["push"]).ok();
    let below = evil.strip_prefix("a.ipynb/").unwrap();
    let of_eve = ledger(&eve, 'e');
    let of_anna = ledger(&anna, 'a');
    let tree = git(&team.shared(), &["rev-parse", &format!("{of_eve}:{below}")]);
    let prefix = format!("--prefix={below}/");
    push_as_attacker(&team, &of_anna, &["read-tree", &prefix, tree.trim()]);
    pull(&ben);
    assert_eq!(read(&ben, &good, "signed").unwrap(), PICKLE, "nothing is taken away");
    assert_refused(&ben, &evil, "signed", "and 1 more have it");
    // Not even in the store whose ledger it is, nor by its next signature.
    pull(&anna);
    assert_refused(&anna, &evil, "own", "and 1 more have it");
    assert_eq!(read(&anna, &good, "own").unwrap(), PICKLE);
    let more = put_pickle(&anna, "a.ipynb:more:1", "more");
    anna.recell(&["push"]).ok();
    pull(&ben);
    assert_eq!(read(&ben, &more, "signed").unwrap(), "more");
    assert_eq!(read(&ben, &good, "signed").unwrap(), PICKLE);
    assert_refused(&ben, &evil, "signed", "and 1 more have it");
    // Taken out of the tip by who may push, it is vouched for as before, and nobody's own.
    let below = good.strip_prefix("a.ipynb/").unwrap();
    push_as_attacker(&team, &of_anna, &["rm", "-r", "-q", "--cached", below]);
    pull(&ben);
    assert_eq!(read(&ben, &good, "signed").unwrap(), PICKLE, "what was signed stays so");
    assert_refused(&ben, &good, "own", "came from elsewhere");
    let below = evil.strip_prefix("a.ipynb/").unwrap();
    for ledger in [&of_eve, &of_anna] {
        push_as_attacker(&team, ledger, &["rm", "-r", "-q", "--cached", below]);
    }
    pull(&ben);
    assert_refused(&ben, &evil, "own", "came from elsewhere");
    ben.recell(&["verify"]).ok();
    anna.recell(&["verify"]).ok();
}

#[test]
fn an_entry_does_not_become_our_own_by_another_name_or_half_a_pull() {
    let team = Team::new();
    let (anna, ben) = (member(&team, 'a'), member(&team, 'b'));
    put_pickle(&anna, "a.ipynb:model:1", PICKLE);
    anna.recell(&["push"]).ok();
    pull(&ben);
    ben.recell(&["mv", "a.ipynb", "b.ipynb"]).ok();
    let moved = ben.git(&["tag", "-l"]).trim().to_owned();
    assert!(moved.starts_with("b.ipynb/"), "{moved}");
    assert_refused(&ben, &moved, "own", "came from elsewhere");
    // Nor does it become that of whom we send it to with our own signature.
    let bens = ssh_key(ben.root(), "ben");
    sign_with_ssh(&ben, &bens);
    let own = put_pickle(&ben, "b.ipynb:mine:1", "mine");
    ben.recell(&["push"]).ok();
    let carl = member(&team, 'c');
    let_sign(&carl, "ben@example.com", &bens);
    pull(&carl);
    assert_eq!(read(&carl, &own, "signed").unwrap(), "mine");
    assert_refused(&carl, &moved, "signed", "wrote it");
    // A pull of what is new alone leaves the ledger for later.
    let put_later = |env: &TestEnv| {
        let args = ["put", "a.ipynb:late:1", "variables/model.pkl=-"];
        let late = env.recell(&args).with("RECELL_NOW", "20261122T000000.000000Z");
        late.input(PICKLE).ok().trim().to_owned()
    };
    let late = put_later(&anna);
    anna.recell(&["push"]).ok();
    let erik = member(&team, 'f');
    let args = ["-c", "sync.fetch=all", "pull", "a.ipynb", "--since", "12h"];
    erik.recell(&args).with("RECELL_NOW", "20261122T010000.000000Z").ok();
    assert_eq!(erik.git(&["tag", "-l"]).trim(), late, "the other is older");
    for seen in erik.git(&["for-each-ref", "--format=%(refname)", "refs/recell/remote"]).lines() {
        erik.git(&["update-ref", "-d", seen]);
    }
    assert_refused(&erik, &late, "own", "came from elsewhere");
}

#[test]
fn gpg_vouches_once_its_owner_certified_the_key() {
    let team = Team::new();
    let (anna, ben) = (member(&team, 'a'), member(&team, 'b'));
    let homes = tempfile::Builder::new().prefix("g").tempdir().unwrap();
    let gpg = |home: &str, args: &[&str], input: &str| -> String {
        use std::io::Write;
        use std::os::unix::fs::PermissionsExt;
        let home = homes.path().join(home);
        std::fs::create_dir_all(&home).unwrap();
        std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o700)).unwrap();
        let mut child = Command::new("gpg")
            .args(["--batch", "--quiet"])
            .args(args)
            .env("GNUPGHOME", &home)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("gpg is there (Debian package gnupg)");
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{args:?} {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let who = "Alice <alice@example.com>";
    gpg("anna", &["--passphrase", "", "--quick-gen-key", who, "ed25519", "sign", "never"], "");
    let listed = gpg("anna", &["--list-keys", "--with-colons"], "");
    let fingerprint = listed.lines().find_map(|line| line.strip_prefix("fpr:")).unwrap();
    let fingerprint = fingerprint.trim_matches(':').to_owned();
    let public = gpg("anna", &["--armor", "--export"], "");
    let home = |name: &str| homes.path().join(name).to_str().unwrap().to_owned();
    let (of_anna, of_ben) = (home("anna"), home("ben"));
    // No `user.signingKey`: gpg's key of whom git says commits here.
    git(anna.root(), &["config", "user.name", "Alice"]);
    git(anna.root(), &["config", "user.email", "alice@example.com"]);
    let name = put_pickle(&anna, "a.ipynb:model:1", PICKLE);
    anna.recell(&["-c", "trust.sign=always", "push"]).with("GNUPGHOME", &of_anna).ok();
    pull(&ben);
    gpg("ben", &["--list-keys"], "");
    let read = |env: &TestEnv| {
        let args = ["-c", "trust.policy=signed", "cat", &name, "variables/model.pkl"];
        let ran = env.recell(&args).with("GNUPGHOME", &of_ben).run();
        (ran.code(), ran.to_string())
    };
    let (code, said) = read(&ben);
    assert!(code == 4 && said.contains("gpg key"), "an unknown key: {said}");
    gpg("ben", &["--import"], &public);
    let (code, said) = read(&ben);
    assert!(code == 4 && said.contains("gpg key"), "one that is only in the ring: {said}");
    gpg("ben", &["--import-ownertrust"], &format!("{fingerprint}:6:\n"));
    let (code, said) = read(&ben);
    assert!(code == 0 && said.contains("tR."), "one that its owner trusts: {said}");
    let args = ["--json", "-c", "trust.policy=signed", "trust", "show", &name];
    let shown = ben.recell(&args).with("GNUPGHOME", &of_ben).ok();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["signer"]["who"], who);
    assert_eq!(shown["signer"]["key"], fingerprint);
    assert_eq!(shown["signer"]["method"], "gpg");
}

#[test]
fn signing_fails_clearly_where_its_program_or_its_key_is_missing() {
    let team = Team::new();
    let anna = member(&team, 'a');
    put_pickle(&anna, "a.ipynb:model:1", PICKLE);
    let key = ssh_key(anna.root(), "alice");
    sign_with_ssh(&anna, &key);
    let always = ["-c", "trust.sign=always", "push"];
    git(anna.root(), &["config", "gpg.ssh.program", "/nowhere/ssh-keygen"]);
    let ran = anna.recell(&always).run();
    let said = ran.to_string();
    assert!(ran.code() == 1 && said.contains("openssh-client"), "{said}");
    git(anna.root(), &["config", "--unset", "gpg.ssh.program"]);
    git(anna.root(), &["config", "user.signingKey", "/nowhere/key"]);
    let ran = anna.recell(&always).run();
    let said = ran.to_string();
    assert!(ran.code() == 1 && said.contains("git could not sign"), "{said}");
    assert!(said.contains("trust.sign=never"), "{said}");
    assert_eq!(git(&team.shared(), &["for-each-ref", "refs/recell"]), "", "nothing was sent");
    // Who did not ask for it outright is told, and pushes.
    let ran = anna.recell(&["push"]).run();
    let said = String::from_utf8_lossy(&ran.output.stderr).into_owned();
    assert_eq!((ran.code(), said.matches("warning").count()), (0, 1), "{said}");
    for part in
        ["pushed without a signature", "git could not sign", "/nowhere/key", "sign = \"never\""]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    // What was pushed without a signature is signed once there is a key.
    sign_with_ssh(&anna, &key);
    anna.recell(&["push"]).ok();
    let ben = member(&team, 'b');
    let_sign(&ben, "alice@example.com", &key);
    pull(&ben);
    let name = ben.git(&["tag", "-l"]).trim().to_owned();
    assert_eq!(read(&ben, &name, "signed").unwrap(), PICKLE);
    let again = anna.recell(&["push"]).run().to_string();
    assert!(again.contains("nothing to push"), "{again}");
    // Where nothing can check, nothing is vouched for.
    git(ben.root(), &["config", "gpg.ssh.program", "/nowhere/ssh-keygen"]);
    assert_refused(&ben, &name, "signed", "install openssh-client");
}

#[test]
fn an_unsigned_push_takes_nothing_from_what_is_signed_and_is_made_good_by_the_next() {
    let team = Team::new();
    let (anna, ben) = (member(&team, 'a'), member(&team, 'b'));
    let key = ssh_key(anna.root(), "alice");
    let_sign(&ben, "alice@example.com", &key);
    sign_with_ssh(&anna, &key);
    let signed = put_pickle(&anna, "a.ipynb:model:1", PICKLE);
    anna.recell(&["push"]).ok();
    git(anna.root(), &["config", "user.signingKey", "/nowhere/key"]);
    let unsigned = put_pickle(&anna, "a.ipynb:model:2", PICKLE);
    let other = put_pickle(&anna, "b.ipynb:model:1", PICKLE);
    let ran = anna.recell(&["sync", "--json"]).run();
    let told = ran.to_string();
    assert_eq!((ran.code(), told.matches("without a signature").count()), (0, 1), "{told}");
    pull(&ben);
    assert_eq!(read(&ben, &signed, "signed").unwrap(), PICKLE, "as before");
    for name in [&unsigned, &other] {
        assert_refused(&ben, name, "signed", "aaaaaaaaaaaaaaaa");
        assert_eq!(read(&ben, name, "all").unwrap(), PICKLE);
        assert_eq!(read(&anna, name, "own").unwrap(), PICKLE, "whoever put it has it");
    }
    assert_eq!(ben.git(&["fsck", "--strict"]).trim(), "");
    // A push that has nothing else to send makes no state anew.
    let before = git(&team.shared(), &["for-each-ref"]);
    let told = anna.recell(&["push", "--json"]).ok();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert!(told["unsigned"].as_str().is_some_and(|it| it.contains("could not sign")), "{told}");
    let none = serde_json::json!([]);
    assert_eq!((&told["entries"], &told["ledgers"]), (&none, &none));
    assert_eq!(git(&team.shared(), &["for-each-ref"]), before);
    sign_with_ssh(&anna, &key);
    let told = anna.recell(&["push", "--json"]).ok();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert!(told["unsigned"].is_null(), "{told}");
    pull(&ben);
    for name in [&signed, &unsigned, &other] {
        assert_eq!(read(&ben, name, "signed").unwrap(), PICKLE);
    }
}

#[test]
fn a_signature_for_something_else_vouches_for_nothing() {
    let team = Team::new();
    let (anna, ben) = (member(&team, 'a'), member(&team, 'b'));
    let alice = ssh_key(anna.root(), "alice");
    let_sign(&ben, "alice@example.com", &alice);
    let name = put_pickle(&anna, "a.ipynb:model:1", PICKLE);
    anna.recell(&["push"]).ok();
    // Alice signs a commit of the same tree, as she might for a repository of her code.
    let (shared, ledger) = (team.shared(), ledger(&anna, 'a'));
    let (format, signing_key) = ("gpg.format=ssh", format!("user.signingKey={}", alice.display()));
    let tree = format!("{ledger}^{{tree}}");
    let commit = git(
        &shared,
        &["-c", format, "-c", &signing_key, "commit-tree", "-S", &tree, "-p", &ledger, "-m", "x"],
    );
    git(&shared, &["update-ref", &ledger, commit.trim()]);
    pull(&ben);
    assert_refused(&ben, &name, "signed", "signed for something else");
    let ran = ben.recell(&["--json", "trust"]).ok();
    let listed: serde_json::Value = serde_json::from_str(&ran).unwrap();
    assert_eq!(listed["ledgers"][0]["verdict"]["code"], "bad", "{ran}");
}

#[test]
fn a_tampered_ledger_is_noticed() {
    let team = Team::new();
    let (anna, ben) = (member(&team, 'a'), member(&team, 'b'));
    let one = put(&anna, "a.ipynb:one:1", "one");
    let two = put(&anna, "a.ipynb:two:1", "two");
    anna.recell(&["push"]).ok();
    pull(&ben);
    let ledger = ledger(&anna, 'a');
    let (one, two) = (one.strip_prefix("a.ipynb/").unwrap(), two.strip_prefix("a.ipynb/").unwrap());
    let id = |path: &str| git(&team.shared(), &["rev-parse", &format!("{ledger}:{path}")]);
    let (tree_one, tree_two) = (id(one), id(two));
    // The id in the name is that of the tree, but the manifest is that of another entry.
    let other = one.replace("one/1/0/", "other/1/0/");
    // A name whose id is that of another tree.
    let wrong = format!("{}ffffffff", &two[..two.len() - 8]);
    for (name, tree) in [(&other, &tree_one), (&wrong, &tree_two)] {
        push_as_attacker(&team, &ledger, &["read-tree", &format!("--prefix={name}/"), tree.trim()]);
    }
    push_as_attacker(
        &team,
        &ledger,
        &["read-tree", "--prefix=no/entry/0/at-all/", tree_one.trim()],
    );
    let ran = ben.recell(&["--json", "-c", "sync.fetch=all", "pull"]).run();
    let said = ran.to_string();
    for (name, why) in [
        (other.as_str(), "its manifest is that of another entry"),
        (wrong.as_str(), "its name says another content than it has"),
        ("no/entry/0/at-all", "it is not the name of an entry"),
    ] {
        assert!(said.contains(name) && said.contains(why), "{why}: {said}");
    }
    assert_eq!(ben.git(&["tag", "-l"]).lines().count(), 2, "nothing of it was taken in");
    ben.recell(&["verify"]).ok();
}

#[test]
fn a_part_that_is_not_what_its_manifest_says_is_damage_and_not_a_value() {
    let team = Team::new();
    let (anna, ben) = (member(&team, 'a'), member(&team, 'b'));
    let name = put(&anna, "a.ipynb:one:1", "one");
    anna.recell(&["push"]).ok();
    // A whole entry of the right form, whose part has other bytes than its manifest says.
    let (shared, ledger) = (team.shared(), ledger(&anna, 'a'));
    let below = name.strip_prefix("a.ipynb/").unwrap();
    std::fs::write(shared.join("evil"), "two").unwrap();
    let blob = git(&shared, &["hash-object", "-w", "evil"]);
    let info = format!("100644,{},{below}/outputs/0.txt", blob.trim());
    push_as_attacker(&team, &ledger, &["update-index", "--cacheinfo", &info]);
    // Under its old name it does not fit; under its own it says that it is damaged.
    let tree = git(&shared, &["rev-parse", &format!("{ledger}:{below}")]);
    let right = format!("{}{}", &below[..below.len() - 8], &tree[..8]);
    push_as_attacker(&team, &ledger, &["rm", "-rq", "--cached", below]);
    push_as_attacker(&team, &ledger, &["read-tree", &format!("--prefix={right}/"), tree.trim()]);
    pull(&ben);
    let ran = ben.recell(&["cat", &format!("a.ipynb/{right}"), "outputs/0.txt"]).run();
    assert_eq!(ran.code(), 4, "{ran}");
    assert!(ran.to_string().contains("damaged"), "{ran}");
    assert!(ran.output.stdout.is_empty());
    assert_eq!(ben.recell(&["verify", "--full"]).run().code(), 4);
}

#[test]
fn a_store_that_is_opened_with_no_word_about_trust_is_safe() {
    let team = Team::new();
    let (anna, ben) = (member(&team, 'a'), member(&team, 'b'));
    put_pickle(&anna, "a.ipynb:model:1", PICKLE);
    anna.recell(&["push"]).ok();
    pull(&ben);
    let at = key("a.ipynb", "model", "1");
    let store = Store::open(&ben.store_path(), OpenOptions::default()).unwrap();
    let entry = hit(&store, &at);
    let path = "variables/model.pkl";
    let refused = |found: Lookup<()>, how: &str| match found {
        Lookup::Miss(Miss::Untrusted { policy, .. }) => assert_eq!(policy, "own", "{how}"),
        other => panic!("{how}: {other:?}"),
    };
    let unit = |found: Lookup<Vec<u8>>| found.ok().map(drop).into();
    refused(unit(entry.read(path)), "read");
    refused(unit(entry.read_range(path, 0..1)), "read_range");
    refused(entry.read_into(path, &mut vec![0; PICKLE.len()]), "read_into");
    let mut out = Vec::new();
    refused(entry.copy_to(path, &mut out).unwrap(), "copy_to");
    refused(entry.may_run_code(), "whoever reads by their own lights");
    assert!(out.is_empty());
    assert!(matches!(entry.standing(), Standing::Foreign { writers, .. } if writers.len() == 1));
    let trust = |policy, signers| {
        let options = OpenOptions { trust: Trust { policy, signers }, ..options() };
        let store = Store::open(&ben.store_path(), options).unwrap();
        hit(&store, &at).read(path).hit().is_some()
    };
    assert!(!trust(TrustPolicy::Signed, None), "nobody checks signatures");
    let signers = Signers::new(GitEnvironment::default(), ben.root());
    assert!(!trust(TrustPolicy::Signed, Some(signers)), "nobody signed");
    assert!(trust(TrustPolicy::All, None));
}

#[test]
fn codecs_that_nobody_knows_are_refused_from_elsewhere_and_read_at_home() {
    let (anna, ben) = (TestEnv::new(), TestEnv::new());
    let at = key("a.ipynb", "x", "1");
    let store = anna.create();
    let mut draft = Draft::new("test");
    for (name, codec) in [("odd", "my-codec"), ("table", "parquet"), ("frame", "pickle5")] {
        draft.parts.push(DraftPart {
            path: PartPath::of(PartKind::Variable, name).unwrap(),
            media_type: "application/octet-stream".into(),
            codec: codec.into(),
            source: Source::Bytes(name.as_bytes().into()),
        });
    }
    store.put(&at, draft).unwrap();
    let parts = |store: &Store| {
        let entry = hit(store, &at);
        let read = |part: &recell::Part| entry.read(part.path.as_str()).hit().is_some();
        entry
            .manifest()
            .parts
            .iter()
            .map(|part| (CodeRisk::of(part).is_some(), read(part)))
            .collect::<Vec<_>>()
    };
    assert_eq!(parts(&store), [(true, true), (true, true), (false, true)], "our own");
    store.flush().unwrap();
    // The same store as somebody else's: its ledger is a foreign one.
    crate::support::copy_folder(&anna.store_path(), &ben.store_path());
    let tag = ben.git(&["tag", "-l"]).trim().to_owned();
    let tree = ben.git(&["rev-parse", &tag]);
    let index = ben.root().join("index");
    let run = |args: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(ben.store_path()).args(args);
        let command = hermetic(&mut command, ben.root()).env("GIT_INDEX_FILE", &index);
        let output = command.env("GIT_WORK_TREE", ben.root()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let below = tag.strip_prefix("a.ipynb/").unwrap();
    run(&["read-tree", &format!("--prefix={below}/"), tree.trim()]);
    let root = run(&["write-tree"]);
    let commit = run(&["commit-tree", &root, "-m", "theirs"]);
    let theirs = "refs/recell/ledger/a.ipynb-89f17607/00000000000000ee";
    run(&["update-ref", theirs, &commit]);
    assert_eq!(parts(&ben.open()), [(true, false), (true, false), (false, true)], "theirs");
}
