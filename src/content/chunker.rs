//! Where content-defined chunks begin and end: `FastCDC`, 2020 (Xia et al., normalized chunking).

use fastcdc::v2020::FastCDC;

/// The sizes that chunks have, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChunkSizes {
    pub(crate) min: usize,
    pub(crate) average: usize,
    pub(crate) max: usize,
}

impl ChunkSizes {
    /// What stores use: chunks are 0.9 MiB on average, so that a changed row costs about as much;
    /// the chunker skips the minimum, a quarter of the bytes.
    pub(crate) const STORE: ChunkSizes =
        ChunkSizes { min: 256 << 10, average: 640 << 10, max: 4 << 20 };

    /// Returns the chunks of `bytes`, in order, as start and length.
    ///
    /// Unless `is_end`, the last chunk is left out, as it may go on in bytes to come.
    pub(crate) fn cut(self, bytes: &[u8], is_end: bool) -> impl Iterator<Item = (usize, usize)> {
        // The crate counts in 32 bits on some of its types and refuses sizes out of its bounds:
        // ours are constants inside them.
        FastCDC::new(bytes, self.min, self.average, self.max)
            .map(|chunk| (chunk.offset, chunk.length))
            .take_while(move |(start, length)| is_end || start + length < bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: ChunkSizes = ChunkSizes { min: 256, average: 1024, max: 4096 };

    fn noise(size: usize, seed: u64) -> Vec<u8> {
        let mut state = seed | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[4]
        };
        (0..size).map(|_| next()).collect()
    }

    proptest! {
        #[test]
        fn chunks_cover_everything_in_order(size in 0..20_000_usize, seed in any::<u64>()) {
            let bytes = noise(size, seed);
            let mut at = 0;
            for (start, length) in SMALL.cut(&bytes, true) {
                prop_assert_eq!(start, at);
                prop_assert!(length <= SMALL.max);
                at += length;
            }
            prop_assert_eq!(at, size);
        }

        #[test]
        fn a_stream_is_cut_like_the_whole(size in 1..60_000_usize, window in 5000..9000_usize, seed in any::<u64>()) {
            let bytes = noise(size, seed);
            let whole: Vec<_> = SMALL.cut(&bytes, true).collect();
            let (mut pieces, mut start, mut end) = (Vec::new(), 0, 0);
            while end < size {
                end = (start + window).min(size);
                let cuts: Vec<_> = SMALL.cut(&bytes[start..end], end == size).collect();
                let done = cuts.last().map_or(0, |(at, length)| at + length);
                pieces.extend(cuts.into_iter().map(|(at, length)| (start + at, length)));
                start += done;
            }
            prop_assert_eq!(pieces, whole);
        }
    }

    #[test]
    fn an_insertion_moves_few_boundaries() {
        let bytes = noise(400_000, 7);
        let mut longer = bytes.clone();
        longer.splice(200_000..200_000, *b"one more row");
        let contents = |bytes: &[u8]| -> std::collections::HashSet<Vec<u8>> {
            SMALL.cut(bytes, true).map(|(at, length)| bytes[at..at + length].to_vec()).collect()
        };
        let (before, after) = (contents(&bytes), contents(&longer));
        assert!(after.difference(&before).count() <= 3, "chunks far from the insertion are kept");
    }
}
