//! Whether bytes are worth compressing, by looking at them.

use crate::git::Compression;

/// Below this, deflate costs more than the whole put and again as much at every get; sealing packs
/// what is small far better, as deltas.
const SMALLEST: usize = 8192;
/// How many bytes are looked at, in runs spread over the content.
const SAMPLE: usize = 8192;
const RUN: usize = 256;
/// Bits a byte: text has about 5, base64 6, a table of floats 7.5, an image or parquet 7.9. Above
/// this deflate spends 30 times the time of storing to save a few percent.
const WORTH_IT: f64 = 6.8;
/// zlib's fastest level: on text it is four times as fast as the usual one for a fifth more bytes.
const LEVEL: u32 = 1;

/// Returns how content should be written: the whole cache is read far more often than it is sent,
/// so what does not clearly shrink is stored.
pub(crate) fn choose_compression(content: &[u8]) -> Compression {
    if content.len() < SMALLEST || entropy_of_sample(content) > WORTH_IT {
        return Compression::Stored;
    }
    Compression::Deflate(LEVEL)
}

/// Estimates the bits a byte, each byte taken for itself.
fn entropy_of_sample(content: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    let runs = (SAMPLE / RUN).min(content.len() / RUN).max(1);
    let stride = content.len() / runs;
    let mut total = 0_u32;
    for run in 0..runs {
        let start = run * stride;
        for &byte in &content[start..content.len().min(start + RUN)] {
            counts[usize::from(byte)] += 1;
            total += 1;
        }
    }
    let total = f64::from(total);
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| {
            let share = f64::from(count) / total;
            -share * share.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_decides() {
        let text = "epoch 12, loss 0.4213\n".repeat(1000).into_bytes();
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state >> 11
        };
        let floats: Vec<u8> = (0..4096)
            .flat_map(|_| f64::from_bits((1023 << 52) | (random() >> 1)).to_le_bytes())
            .collect();
        let integers: Vec<u8> = (0..4096_i64).flat_map(i64::to_le_bytes).collect();
        let noise: Vec<u8> = (0..40_000).map(|_| random().to_le_bytes()[2]).collect();
        for (content, expected, why) in [
            (&text, Compression::Deflate(1), "text shrinks"),
            (&integers, Compression::Deflate(1), "small integers are mostly zeros"),
            (&floats, Compression::Stored, "random floats shrink by 5 %"),
            (&noise, Compression::Stored, "images and parquet do not shrink"),
            (&b"short text".repeat(9), Compression::Stored, "too small to matter"),
            (&Vec::new(), Compression::Stored, "nothing"),
        ] {
            assert_eq!(choose_compression(content), expected, "{why}");
        }
    }
}
