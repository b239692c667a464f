//! Runs all rules over bytes that come piece by piece, in bounded memory.
//!
//! The texts that secrets begin with are looked for first (`starts.rs`); only where one is does a
//! rule look closer.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use super::address::{self, password};
use super::assignment::{self, assigned};
use super::finding::Finding;
use super::media::{HEAD, Reading, reading};
use super::plausible::is_token;
use super::rule::{Alphabet, Rule, Token};
use super::rules::{RULES, pattern, service_account};
use super::starts::Starts;

/// No secret is looked at beyond this many bytes, so that where a window ends changes nothing.
const LONGEST: usize = 16 << 10;
/// How many bytes before a secret tell whether it begins there.
const BEFORE: usize = 4 << 10;
/// How many bytes are gathered before they are searched.
const WINDOW: usize = 1 << 20;
/// A part that has this many findings is a list of secrets; more of them would help nobody.
const MOST_FINDINGS: usize = 100;

/// What looks closer where a text was found.
#[derive(Debug, Clone, Copy)]
enum Closer {
    /// The rule of that number.
    Rule(usize),
    /// The name of that number, in front of a value.
    Assignment(usize),
    /// An address.
    Address,
}

/// The texts that are looked for, and for each of them who looks closer.
struct Lookout {
    starts: Starts,
    closer: Vec<Closer>,
}

static TEXT: LazyLock<Lookout> = LazyLock::new(|| Lookout::new(true));
static BINARY: LazyLock<Lookout> = LazyLock::new(|| Lookout::new(false));

impl Lookout {
    fn new(for_text: bool) -> Lookout {
        let mut texts: Vec<&str> = Vec::new();
        let mut closer = Vec::new();
        let mut add = |text, who| {
            texts.push(text);
            closer.push(who);
        };
        for (number, rule) in RULES.iter().enumerate() {
            if for_text || rule.in_binary {
                rule.starts.iter().for_each(|start| add(start, Closer::Rule(number)));
            }
        }
        if for_text {
            for (number, (name, _)) in assignment::NAMES.iter().enumerate() {
                add(name, Closer::Assignment(number));
            }
            add(address::START, Closer::Address);
        }
        Lookout { starts: Starts::new(texts), closer }
    }
}

/// Searches the bytes of one part.
pub(super) struct Search<'m> {
    media_type: &'m str,
    reading: Option<Reading>,
    /// Bytes that are still to be searched, after some that were.
    window: Vec<u8>,
    /// How many bytes at the start of the window were searched.
    searched: usize,
    /// Where the window begins in the part, in bytes and lines.
    offset: u64,
    line: u64,
    findings: Vec<Finding>,
}

impl<'m> Search<'m> {
    pub(super) fn new(media_type: &'m str) -> Search<'m> {
        let (window, findings) = (Vec::new(), Vec::new());
        Search { media_type, reading: None, window, searched: 0, offset: 0, line: 1, findings }
    }

    /// Takes the next bytes.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.reading == Some(Reading::Skipped) || self.findings.len() >= MOST_FINDINGS {
                return;
            }
            let room = (WINDOW + BEFORE + LONGEST).saturating_sub(self.window.len()).max(1);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.window.extend_from_slice(now);
            bytes = later;
            if self.reading.is_none() && self.window.len() >= HEAD {
                self.reading = Some(reading(self.media_type, &self.window[..HEAD]));
            }
            if self.window.len() >= WINDOW + BEFORE + LONGEST {
                self.search(self.window.len() - LONGEST);
                self.forget();
            }
        }
    }

    /// Searches what is left and returns all that was found, by place.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        if self.findings.len() < MOST_FINDINGS {
            self.search(self.window.len());
        }
        self.findings
    }

    /// Searches bytes that are all there; nothing is copied.
    pub(super) fn whole(media_type: &str, bytes: &[u8]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let reading = reading(media_type, &bytes[..bytes.len().min(HEAD)]);
        search(reading, bytes, 0..bytes.len(), (0, 1), &mut findings);
        findings
    }

    fn search(&mut self, until: usize) {
        let head = &self.window[..self.window.len().min(HEAD)];
        let reading = *self.reading.get_or_insert_with(|| reading(self.media_type, head));
        let place = (self.offset, self.line);
        search(reading, &self.window, self.searched..until, place, &mut self.findings);
        self.searched = until;
    }

    /// Forgets what was searched, but for a little before what was not.
    fn forget(&mut self) {
        let gone = self.searched.saturating_sub(BEFORE);
        self.line += memchr::memchr_iter(b'\n', &self.window[..gone]).count() as u64;
        self.offset += gone as u64;
        self.searched -= gone;
        self.window.drain(..gone);
    }
}

/// Something that was found, with where it begins and ends in a window.
struct Candidate {
    rule: (&'static str, &'static str),
    secret: std::ops::Range<usize>,
    /// Whether the text itself says what it is, not only what it is called.
    is_sure: bool,
    /// Whether it begins where is searched, not behind that.
    is_here: bool,
}

/// Searches for what begins in `within`, a range of `window`; `place` is where the window begins
/// in its part, in bytes and lines.
fn search(
    reading: Reading,
    window: &[u8],
    within: std::ops::Range<usize>,
    place: (u64, u64),
    findings: &mut Vec<Finding>,
) {
    let lookout = match reading {
        Reading::Text => &*TEXT,
        Reading::Binary => &*BINARY,
        Reading::Skipped => return,
    };
    // What begins behind the end is found next time; here it may only win over a name before it.
    let end = window.len().min(within.end + SEEN_BEYOND);
    let mut candidates: Vec<Candidate> = Vec::new();
    lookout.starts.find(window, within.start..end, |at, number| {
        let named = |rule, secret| Candidate { rule, secret, is_sure: false, is_here: true };
        let found = match lookout.closer[number] {
            Closer::Rule(number) => token_at(window, at, number, reading),
            Closer::Assignment(number) => {
                assigned(window, at, number).map(|it| named((it.rule, it.about), it.secret))
            }
            Closer::Address => password(window, at).map(|(rule, secret)| named(rule, secret)),
        };
        candidates.extend(found.map(|it| Candidate { is_here: at < within.end, ..it }));
        let is_enough = candidates.len() >= MOST_FINDINGS * 2;
        if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    // What says itself what it is wins over what is only called so.
    candidates.sort_by_key(|found| (!found.is_sure, found.secret.start));
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        let meets = |other: &Candidate| {
            candidate.secret.start < other.secret.end && other.secret.start < candidate.secret.end
        };
        if !kept.iter().any(meets) {
            kept.push(candidate);
        }
    }
    kept.sort_by_key(|found| found.secret.start);
    let (offset, line) = place;
    for Candidate { rule, secret, .. } in kept.into_iter().filter(|found| found.is_here) {
        if findings.len() < MOST_FINDINGS {
            findings.push(Finding::new(rule, window, secret, offset, line));
        }
    }
}

/// How far behind the name of a value a token in it may begin.
const SEEN_BEYOND: usize = 2 << 10;
fn token_at(window: &[u8], at: usize, number: usize, reading: Reading) -> Option<Candidate> {
    let rule = &RULES[number];
    let begin = at.checked_sub(rule.back)?;
    let bytes = &window[begin..window.len().min(begin + LONGEST)];
    let stands_out = reading == Reading::Binary && rule.stands_out();
    if !stands_out && !begins(window, begin, rule, reading) {
        return None;
    }
    let Token { end, secret } = Token::at_start(bytes, pattern(number))?;
    let after = bytes.get(end).copied().unwrap_or(b'\n');
    if !stands_out && continues(after, rule.alphabet) {
        return None;
    }
    let secret = begin + secret.start..begin + secret.end;
    if !is_token(&window[secret.clone()], rule.entropy) {
        return None;
    }
    let before = &window[begin.saturating_sub(1024)..begin];
    let named = service_account(rule, before).unwrap_or((rule.name, rule.about));
    Some(Candidate { rule: named, secret, is_sure: true, is_here: true })
}

/// Whether a byte may go on a token of that alphabet.
fn continues(byte: u8, alphabet: Alphabet) -> bool {
    let is_word = byte.is_ascii_alphanumeric() || byte == b'_';
    is_word || alphabet == Alphabet::Base64 && matches!(byte, b'+' | b'/')
}

/// Whether a token may begin at `at`: what stands before is no letter of it, but for the letters
/// of an escape.
fn begins(window: &[u8], at: usize, rule: &Rule, reading: Reading) -> bool {
    let before = &window[at.saturating_sub(16)..at];
    let Some((&last, rest)) = before.split_last() else { return true };
    if !continues(last, rule.alphabet) {
        return true;
    }
    if reading == Reading::Binary {
        // Binary formats write the length of a text before it.
        return !last.is_ascii_alphanumeric()
            || (20..=255).contains(&last) && rest.last() == Some(&0x8c);
    }
    let ends_with = |text: &[u8]| before.ends_with(text);
    let hex = |from_end: usize| {
        let digits = before.len().checked_sub(from_end).map(|from| &before[from..]);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let escape = |from_end: usize, text: &[u8]| {
        hex(from_end) && before[..before.len() - from_end].ends_with(text)
    };
    ends_with(b"\\n")
        || ends_with(b"\\t")
        || ends_with(b"\\r")
        || escape(2, b"%")
        || escape(4, b"\\u")
        || escape(2, b"\\x")
        || last == b'm' && ends_colour(rest)
}

/// Whether `rest` ends as a terminal's colour does before its `m`.
fn ends_colour(rest: &[u8]) -> bool {
    let is_of_colour = |byte: &u8| byte.is_ascii_digit() || *byte == b';';
    let length = rest.iter().rev().take_while(|byte| is_of_colour(byte)).count();
    rest[..rest.len() - length].ends_with(b"[")
}
