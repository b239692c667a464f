//! What a rule about tokens is, and how it finds one.

use regex::bytes::Regex;

/// What a token is written in, and so what may not stand beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Letters, digits, `_` and `-`: what follows a token of it is none of these.
    Word,
    /// The letters of base64: `+`, `/` and `=` do not follow either.
    Base64,
}

/// One kind of token.
pub(super) struct Rule {
    /// Its stable name, which `[secrets] allow` takes.
    pub(super) name: &'static str,
    /// What it is, for people.
    pub(super) about: &'static str,
    /// The texts that it begins with, or has `back` bytes after its beginning. Found whatever
    /// their case; the pattern then decides.
    pub(super) starts: &'static [&'static str],
    /// How many bytes of the token stand before its start text.
    pub(super) back: usize,
    /// The whole token, from its beginning on. A group holds the secret, if that is not all.
    pub(super) pattern: &'static str,
    /// What it is written in.
    pub(super) alphabet: Alphabet,
    /// How many bits a byte of the secret has at least; what is made up has fewer.
    pub(super) entropy: f64,
    /// Whether the token is long and odd enough that no other bytes of a binary file are taken for
    /// one.
    pub(super) in_binary: bool,
}

/// What most rules have in common.
pub(super) const TOKEN: Rule = Rule {
    name: "",
    about: "",
    starts: &[],
    back: 0,
    pattern: "",
    alphabet: Alphabet::Word,
    entropy: 3.0,
    in_binary: true,
};

impl Rule {
    /// Whether every text that it begins with is odd enough to be found inside of other texts, as
    /// where a binary file holds many, one straight after the other.
    pub(super) fn stands_out(&self) -> bool {
        let is_odd = |start: &&str| start.len() >= 4 && start.contains(['_', '-', '.', '/', ':']);
        self.starts.iter().all(is_odd)
    }

    /// Returns the pattern, to be found at the beginning of bytes.
    pub(super) fn compile(&self) -> Regex {
        let pattern = format!("(?-u)^(?:{})", self.pattern);
        Regex::new(&pattern).expect("the tests compile every rule")
    }
}

/// A token at the beginning of some bytes.
pub(super) struct Token {
    pub(super) end: usize,
    pub(super) secret: std::ops::Range<usize>,
}

impl Token {
    /// Returns the whole token that `bytes` begin with, by the pattern of its rule.
    pub(super) fn at_start(bytes: &[u8], pattern: &Regex) -> Option<Token> {
        let captures = pattern.captures(bytes)?;
        let whole = captures.get(0)?.range();
        let secret = captures.iter().skip(1).flatten().next();
        let secret = secret.map_or(whole.clone(), |secret| secret.range());
        Some(Token { end: whole.end, secret })
    }
}
