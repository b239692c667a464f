//! What was found of signatures, so that no commit is checked twice: `recell/verdicts`, which may
//! be lost (format.md, section 13).

use std::collections::HashMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::vouching::Frontier;
use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::disk;
use crate::git::{ObjectId, Signer, Signers, SigningMethod, Verdict};
use crate::name::LedgerName;
use crate::store::Inner;

const UNPOISONED: &str = "reading lines does not panic";

/// Keys run out and are revoked without a file changing here: after a day they are asked again.
const FRESH_MICROS: i64 = 86_400_000_000;

/// Lines above this number are forgotten, the oldest first.
const MOST_LINES: usize = 10_000;

/// The verdicts that are known, by commit, under one state of the keys and of who may sign.
#[derive(Default)]
pub(in crate::store) struct Verdicts(Mutex<Option<Known>>);

struct Known {
    state: Digest,
    by_commit: HashMap<ObjectId, (Timestamp, Verdict)>,
    /// What is vouched for in a ledger at a commit, as long as it is fresh.
    frontiers: HashMap<(LedgerName, ObjectId), (Timestamp, Arc<Frontier>)>,
}

impl Verdicts {
    /// Returns whose the signature of a commit is; git is run only where that is not known.
    pub(super) fn of(
        &self,
        inner: &Inner,
        signers: &Signers,
        commit: &ObjectId,
        method: SigningMethod,
    ) -> Verdict {
        let asked = self.known(inner, signers, |known, now| {
            Ok(known.verdict(inner, signers, now, commit, method).0)
        });
        asked.unwrap_or_else(|reason| Verdict::Unchecked { reason })
    }

    /// Returns what `walk` finds, which is given a way to ask for the verdict on a commit that also
    /// tells whether it is a new one; it is asked once for a ledger at a commit.
    pub(super) fn frontier(
        &self,
        inner: &Inner,
        signers: &Signers,
        (ledger, tip): (&LedgerName, ObjectId),
        walk: impl FnOnce(
            &mut dyn FnMut(&ObjectId, SigningMethod) -> (Verdict, bool),
        ) -> Result<Frontier, String>,
    ) -> Result<Arc<Frontier>, String> {
        self.known(inner, signers, |known, now| {
            let at = (ledger.clone(), tip);
            let found = known.frontiers.get(&at).filter(|(when, _)| is_fresh(*when, now));
            if let Some((_, frontier)) = found {
                return Ok(Arc::clone(frontier));
            }
            let mut is_certain = true;
            let found = walk(&mut |commit, method| {
                let (verdict, is_new) = known.verdict(inner, signers, now, commit, method);
                is_certain &= !matches!(verdict, Verdict::Unchecked { .. });
                (verdict, is_new)
            });
            let frontier = Arc::new(found?);
            if is_certain {
                known.frontiers.insert(at, (now, Arc::clone(&frontier)));
            }
            Ok(frontier)
        })
    }

    /// Asks what is known under the present state of the keys and of who may sign.
    fn known<T>(
        &self,
        inner: &Inner,
        signers: &Signers,
        ask: impl FnOnce(&mut Known, Timestamp) -> Result<T, String>,
    ) -> Result<T, String> {
        let state = signers.state().map_err(|error| error.to_string())?;
        let mut known = self.0.lock().expect(UNPOISONED);
        let known = match &mut *known {
            Some(known) if known.state == state => known,
            other => {
                let bytes = disk::read_if_there(&path_in(inner)).ok().flatten().unwrap_or_default();
                let by_commit = read(&bytes, &state);
                other.insert(Known { state, by_commit, frontiers: HashMap::new() })
            }
        };
        ask(known, inner.options.clock.now())
    }
}

impl Known {
    fn verdict(
        &mut self,
        inner: &Inner,
        signers: &Signers,
        now: Timestamp,
        commit: &ObjectId,
        method: SigningMethod,
    ) -> (Verdict, bool) {
        if let Some((when, verdict)) = self.by_commit.get(commit)
            && is_fresh(*when, now)
        {
            return (verdict.clone(), false);
        }
        let verdict = match signers.verify(&inner.repository.git_dir, commit, method) {
            Ok(verdict) => verdict,
            Err(error) => Verdict::Unchecked { reason: error.to_string() },
        };
        if !matches!(verdict, Verdict::Unchecked { .. }) {
            self.by_commit.insert(*commit, (now, verdict.clone()));
            // What cannot be written is asked again.
            let text = write(&self.state, &self.by_commit);
            drop(disk::replace_unsynced(&path_in(inner), text.as_bytes()));
        }
        (verdict, true)
    }
}

fn path_in(inner: &Inner) -> PathBuf {
    inner.repository.own_folder().join("verdicts")
}

fn is_fresh(when: Timestamp, now: Timestamp) -> bool {
    (0..FRESH_MICROS).contains(&now.micros().saturating_sub(when.micros()))
}

/// A line is the state, the commit, when it was checked, the verdict, and the digest of all that.
fn write(state: &Digest, known: &HashMap<ObjectId, (Timestamp, Verdict)>) -> String {
    let mut newest: Vec<_> = known.iter().collect();
    newest.sort_by(|(a, (a_when, _)), (b, (b_when, _))| (b_when, b).cmp(&(a_when, a)));
    newest.truncate(MOST_LINES);
    let mut text = String::new();
    for (commit, (when, verdict)) in newest {
        let (words, method) = match verdict {
            Verdict::Good(Signer { who, key, method }) => (vec![who, key], Some(*method)),
            Verdict::UnknownKey { key, method } => (vec![key], Some(*method)),
            Verdict::Bad { reason } | Verdict::Unchecked { reason } => (vec![reason], None),
            Verdict::Unsigned => (Vec::new(), None),
        };
        let mut line = format!("{state}\t{commit}\t{when}\t{}", verdict.code());
        for word in
            method.map(SigningMethod::name).into_iter().chain(words.into_iter().map(|w| &**w))
        {
            line.push('\t');
            line.extend(word.chars().map(|c| if c.is_control() { ' ' } else { c }));
        }
        let check = Digest::of(line.as_bytes()).short(16);
        writeln!(text, "{line}\t{check}").expect("writing to a string cannot fail");
    }
    text
}

/// Reads the lines of one state that check; all others are taken for absent.
fn read(bytes: &[u8], state: &Digest) -> HashMap<ObjectId, (Timestamp, Verdict)> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().filter_map(|line| read_line(line, &state.to_string())).collect()
}

fn read_line(line: &str, state: &str) -> Option<(ObjectId, (Timestamp, Verdict))> {
    let (line, check) = line.rsplit_once('\t')?;
    if Digest::of(line.as_bytes()).short(16) != check {
        return None;
    }
    let fields: Vec<&str> = line.split('\t').collect();
    let [found, commit, when, code, rest @ ..] = &fields[..] else { return None };
    let verdict = match (*code, rest) {
        ("good", [method, who, key]) => Verdict::Good(Signer {
            who: (*who).to_owned(),
            key: (*key).to_owned(),
            method: SigningMethod::named(method)?,
        }),
        ("unknown_key", [method, key]) => {
            Verdict::UnknownKey { key: (*key).to_owned(), method: SigningMethod::named(method)? }
        }
        ("bad", [reason]) => Verdict::Bad { reason: (*reason).to_owned() },
        _ => return None,
    };
    let commit = ObjectId::from_hex(commit.as_bytes()).ok()?;
    (*found == state).then_some((commit, (when.parse().ok()?, verdict)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::{Kind, ObjectFormat, object_id};

    #[test]
    fn verdicts_read_back_only_whole_and_of_the_same_state() {
        let id = |text: &str| object_id(ObjectFormat::Sha1, Kind::Blob, text.as_bytes());
        let when = Timestamp::from_micros(1_795_224_240_000_000);
        let signer =
            Signer { who: "a\tb\n".into(), key: "SHA256:x".into(), method: SigningMethod::Ssh };
        let key = "0123".to_owned();
        let known = HashMap::from([
            (id("a"), (when, Verdict::Good(signer.clone()))),
            (id("b"), (when, Verdict::UnknownKey { key, method: SigningMethod::Gpg })),
            (id("c"), (when, Verdict::Bad { reason: "why".into() })),
        ]);
        let state = Digest::of(b"state");
        let text = write(&state, &known);
        let back = read(text.as_bytes(), &state);
        let harmless = Verdict::Good(Signer { who: "a b ".into(), ..signer });
        assert_eq!(back[&id("a")].1, harmless, "whose name a signer chose forges no field");
        assert_eq!(back[&id("b")], known[&id("b")]);
        assert_eq!(back.len(), 3);
        assert!(read(text.as_bytes(), &Digest::of(b"other")).is_empty());
        let forged = text.replace("\tbad\twhy", "\tgood\tssh\twhy\tkey");
        assert_eq!(read(forged.as_bytes(), &state).len(), 2, "a line that was changed");
        let torn = &text[..text.len() - 3];
        assert_eq!(read(torn.as_bytes(), &state).len(), 2);
    }
}
