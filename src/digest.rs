//! BLAKE3 digests: computed, printed, parsed.

use std::fmt;
use std::str::FromStr;

/// The BLAKE3 digest of some bytes: 32 bytes, printed as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

/// At this size hashing on all cores starts to pay for waking them.
const PARALLEL_FROM: usize = 512 * 1024;

impl Digest {
    /// Returns the digest of `bytes`; large inputs are hashed on all cores.
    pub fn of(bytes: &[u8]) -> Digest {
        if bytes.len() < PARALLEL_FROM {
            return Digest(*blake3::hash(bytes).as_bytes());
        }
        Digest(*blake3::Hasher::new().update_rayon(bytes).finalize().as_bytes())
    }

    /// Returns the digest of `bytes`, computed on this thread alone.
    pub fn of_here(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    /// Returns a digest from its raw bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    /// Returns the raw bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the first `digits` hex digits, at most 64.
    pub fn short(&self, digits: usize) -> String {
        let mut hex = self.to_string();
        hex.truncate(digits);
        hex
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short(12))
    }
}

/// A text that is not 64 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotADigest;

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Digest, NotADigest> {
        if text.len() != 64 || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(NotADigest);
        }
        blake3::Hash::from_hex(text).map(|hash| Digest(*hash.as_bytes())).map_err(|_| NotADigest)
    }
}

/// Computes a digest from bytes that arrive piece by piece.
#[derive(Default)]
pub struct Digester(blake3::Hasher);

impl Digester {
    /// Adds `bytes`; large pieces are hashed on all cores.
    pub fn update(&mut self, bytes: &[u8]) {
        if bytes.len() < PARALLEL_FROM {
            self.0.update(bytes);
        } else {
            self.0.update_rayon(bytes);
        }
    }

    /// Returns the digest of all that was added.
    pub fn finish(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_from_its_text() {
        let digest = Digest::of(b"recell");
        assert_eq!(digest.to_string().parse(), Ok(digest));
    }

    #[test]
    fn text_that_is_no_digest_is_refused() {
        for (text, why) in [
            ("", "empty"),
            ("abc", "too short"),
            (&"A".repeat(64), "upper case would give one digest two spellings"),
            (&"g".repeat(64), "not hex"),
        ] {
            assert_eq!(text.parse::<Digest>(), Err(NotADigest), "{why}");
        }
    }

    #[test]
    fn pieces_and_the_whole_have_one_digest() {
        let bytes: Vec<u8> = (0..2_000_000_u32).map(|i| (i % 251) as u8).collect();
        let mut digester = Digester::default();
        bytes.chunks(700_001).for_each(|piece| digester.update(piece));
        assert_eq!(digester.finish(), Digest::of(&bytes));
        assert_eq!(Digest::of_here(&bytes), Digest::of(&bytes));
    }
}
