//! What a client must know to be let in.

use std::fmt;
use std::hint::black_box;

use crate::digest::Digest;
use crate::error::{Error, Result};

/// Shorter ones could be guessed.
const FEWEST: usize = 16;
/// The random bytes of one that is made here.
const RANDOM_BYTES: usize = 32;

/// A secret text. It shows in no message.
#[derive(Clone)]
pub struct Token {
    text: String,
    digest: Digest,
}

impl Token {
    /// Reads a token that was found in `place`; white space around it is none of it.
    ///
    /// # Errors
    /// [`Error::NotAToken`] if it is shorter than 16 characters, or has any that a header cannot.
    pub fn read(text: &str, place: &str) -> Result<Token> {
        let refuse = |reason| Err(Error::NotAToken { place: place.to_owned(), reason });
        let text = text.trim();
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return refuse("only visible ASCII characters can stand in a header");
        }
        if text.len() < FEWEST {
            return refuse("fewer than 16 characters can be guessed");
        }
        Ok(Token { text: text.to_owned(), digest: Digest::of_here(text.as_bytes()) })
    }

    /// Makes one of the randomness of the system.
    ///
    /// # Errors
    /// [`Error::NotAToken`] if the system has none.
    pub fn make() -> Result<Token> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| Error::NotAToken {
            place: "the system".into(),
            reason: "it has no randomness to make one of",
        })?;
        Token::read(&Digest::from_bytes(bytes).to_string(), "the system")
    }

    /// Returns the token itself, for whoever is to be let in.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// Whether `text` is the token. How long that takes says nothing about where they differ, nor
    /// how long either is: digests of both are compared, all bytes of them.
    pub(super) fn is(&self, text: &str) -> bool {
        let other = Digest::of_here(text.as_bytes());
        let pairs = self.digest.as_bytes().iter().zip(other.as_bytes());
        pairs.fold(0, |differing, (a, b)| black_box(differing | (a ^ b))) == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_guessed_is_refused() {
        for (text, why) in [
            ("", "16"),
            ("   \n", "16"),
            ("fifteen-letters", "16"),
            ("sixteen letters!", "ASCII"),
            ("sixteen-létters!", "ASCII"),
            ("sixteen-letters\0", "ASCII"),
        ] {
            let found = Token::read(text, "the file `t`").unwrap_err().to_string();
            assert!(found.contains(why) && found.contains("the file `t`"), "{found}");
        }
        assert_eq!(Token::read(" sixteen-letters!\n", "t").unwrap().reveal(), "sixteen-letters!");
    }

    #[test]
    fn only_the_token_is_the_token() {
        let token = Token::read("0123456789abcdef", "t").unwrap();
        assert!(token.is("0123456789abcdef"));
        for other in
            ["", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeF", "1123456789abcdef"]
        {
            assert!(!token.is(other), "{other}");
        }
    }

    #[test]
    fn tokens_that_are_made_differ_and_do_not_show() {
        let (one, two) = (Token::make().unwrap(), Token::make().unwrap());
        assert_eq!(one.reveal().len(), 64);
        assert!(!one.is(two.reveal()));
        assert!(!format!("{one:?}").contains(one.reveal()));
    }
}
