//! Finds the texts that secrets begin with, at the speed of reading.
//!
//! Three bytes at a time are looked up in a table of bits; few come through, and are compared. An
//! automaton over the same texts takes up to twice as long, as each of its steps waits for the one
//! before (docs/benchmarks.md).

use std::ops::{ControlFlow, Range};

/// How many bits the table has, as a power of two: 8 KiB, which any core keeps at hand.
const BITS: u32 = 16;
/// Makes a letter small; other bytes may become equal by it, which the comparison sorts out.
const SMALL: u8 = 0x20;
/// The bytes that are looked up; no text is shorter.
const GRAM: usize = 3;

/// Texts that are looked for, in whatever case of letters.
pub(super) struct Starts {
    table: Box<[u64; 1 << (BITS - 6)]>,
    /// The numbers of the texts that share a place in the table, by place.
    places: Vec<(u16, u16)>,
    texts: Vec<&'static str>,
}

impl Starts {
    pub(super) fn new(texts: Vec<&'static str>) -> Starts {
        let mut table = Box::new([0; 1 << (BITS - 6)]);
        let mut places = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            let gram = text.as_bytes()[..GRAM].iter().fold(0, |gram, &byte| next(gram, byte));
            let place = place(gram);
            table[usize::from(place >> 6)] |= 1 << (place & 63);
            places.push((place, u16::try_from(number).expect("there are some hundred texts")));
        }
        places.sort_unstable();
        Starts { table, places, texts }
    }

    /// Calls `found` with each place in `within` where a text begins, and its number. The text may
    /// end behind `within`, but not behind `bytes`.
    pub(super) fn find(
        &self,
        bytes: &[u8],
        within: Range<usize>,
        mut found: impl FnMut(usize, usize) -> ControlFlow<()>,
    ) {
        let mut gram = 0;
        let end = bytes.len().min(within.end + GRAM - 1);
        for (at, &byte) in bytes[..end].iter().enumerate().skip(within.start) {
            gram = next(gram, byte);
            let place = place(gram);
            if self.table[usize::from(place >> 6)] >> (place & 63) & 1 == 0 {
                continue;
            }
            // The first steps have seen fewer bytes than they look up.
            let Some(at) = (at + 1).checked_sub(GRAM).filter(|&at| at >= within.start) else {
                continue;
            };
            if self.compare(bytes, at, place, &mut found).is_break() {
                return;
            }
        }
    }

    #[cold]
    fn compare(
        &self,
        bytes: &[u8],
        at: usize,
        place: u16,
        found: &mut impl FnMut(usize, usize) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let first = self.places.partition_point(|&(other, _)| other < place);
        for &(_, number) in self.places[first..].iter().take_while(|(other, _)| *other == place) {
            let number = usize::from(number);
            let text = self.texts[number].as_bytes();
            let is_here = bytes.get(at..at + text.len());
            if is_here.is_some_and(|here| here.eq_ignore_ascii_case(text)) {
                found(at, number)?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// Returns the last three bytes, of which `byte` is the last.
fn next(gram: u32, byte: u8) -> u32 {
    gram >> 8 | u32::from(byte | SMALL) << 16
}

/// Returns the place of three bytes in the table (multiplicative hashing, by Knuth's constant).
fn place(gram: u32) -> u16 {
    (gram.wrapping_mul(0x9e37_79b1) >> (32 - BITS)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8], within: Range<usize>) -> Vec<(usize, usize)> {
        let starts = Starts::new(vec!["abc", "abcd", "tok", "a_z"]);
        let mut all = Vec::new();
        starts.find(bytes, within, |at, number| {
            all.push((at, number));
            ControlFlow::Continue(())
        });
        all.sort_unstable();
        all
    }

    #[test]
    fn every_text_is_found_in_any_case_and_where_they_overlap() {
        assert_eq!(found(b"xABCDx tOk", 0..10), [(1, 0), (1, 1), (7, 2)]);
        assert_eq!(found(b"a_z A_Z a\x7fz", 0..11), [(0, 3), (4, 3)], "alike is not equal");
        assert_eq!(found(b"ab", 0..2), []);
        assert_eq!(found(b"", 0..0), []);
    }

    #[test]
    fn only_what_begins_within_counts_wherever_it_ends() {
        assert_eq!(found(b"tok tok tok", 1..5), [(4, 2)]);
        assert_eq!(found(b"tok tok tok", 0..1), [(0, 2)]);
        assert_eq!(found(b"tok tok to", 8..10), []);
    }
}
