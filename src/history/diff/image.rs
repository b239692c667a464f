//! Two images compared by what they show: dimensions and pixels.

use std::io::Cursor;

use gif::{ColorOutput, DecodeOptions as GifOptions, MemoryLimit};
use png::{BitDepth, ColorType, Decoder as PngDecoder, Limits, Transformations};
use serde::Serialize;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Bytes on one side up to which an image is decoded.
pub(super) const MAX_BYTES: usize = 64 << 20;
/// Pixels up to which an image is decoded: four bytes each, or eight, on each side.
const MAX_PIXELS: u64 = 32_000_000;
/// Memory that a decoder may take besides.
const DECODER_MEMORY: u64 = 512 << 20;
/// Channels of a pixel.
const CHANNELS: usize = 4;

/// What differs between two images.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImageDiff {
    /// What the earlier one is.
    pub before: ImageFacts,
    /// What the later one is.
    pub after: ImageFacts,
    /// How the pixels differ; `None` if the sizes do or one cannot be decoded.
    pub pixels: Option<PixelDiff>,
    /// Why the pixels were not compared, or how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What an image is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImageFacts {
    /// `PNG`, `JPEG`, `GIF`; `None` for what is not known here.
    pub format: Option<&'static str>,
    /// In pixels.
    pub width: Option<u32>,
    /// In pixels.
    pub height: Option<u32>,
}

/// How the pixels of two images of one size differ. Two pixels that nobody sees are the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PixelDiff {
    /// How many pixels there are.
    pub pixels: u64,
    /// How many of them differ.
    pub differing: u64,
    /// That as a share, from 0 to 1.
    pub share: f64,
    /// The largest difference of a channel, from 0 to 255.
    pub largest: f64,
    /// The mean difference over all channels of all pixels, from 0 to 255.
    pub mean: f64,
    /// The smallest box that holds all pixels that differ; `None` if none does.
    pub region: Option<Region>,
}

/// A box of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Region {
    /// Its left column.
    pub x: u32,
    /// Its top row.
    pub y: u32,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// An image as red, green, blue and opacity, with 16 bits each.
struct Pixels {
    width: u32,
    height: u32,
    data: Vec<u16>,
}

/// Why there are no pixels.
struct NoPixels(String);

/// Returns what differs between two images whose bytes differ.
pub(super) fn diff(before: &[u8], after: &[u8]) -> ImageDiff {
    let (mut a, mut b) = (ImageFacts::default(), ImageFacts::default());
    let old = decode(before, &mut a).map_err(|why| format!("the earlier image: {}", why.0));
    let new = decode(after, &mut b).map_err(|why| format!("the later image: {}", why.0));
    let is_gif = a.format == Some("GIF") || b.format == Some("GIF");
    let (pixels, note) = match (old, new) {
        (Ok(old), Ok(new)) if (old.width, old.height) == (new.width, new.height) => {
            let note = is_gif.then(|| "of a GIF only the first frame is compared".to_owned());
            (Some(compare(&old, &new)), note)
        }
        (Ok(_), Ok(_)) => (None, None),
        (Err(why), Ok(_)) | (Ok(_), Err(why)) => (None, Some(why)),
        (Err(old), Err(new)) => (None, Some(format!("{old}; {new}"))),
    };
    ImageDiff { before: a, after: b, pixels, note }
}

fn decode(bytes: &[u8], facts: &mut ImageFacts) -> Result<Pixels, NoPixels> {
    if bytes.len() > MAX_BYTES {
        return Err(NoPixels("it is too large to be decoded".into()));
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        facts.format = Some("PNG");
        png(bytes, facts)
    } else if bytes.starts_with(b"\xff\xd8") {
        facts.format = Some("JPEG");
        jpeg(bytes, facts)
    } else if bytes.starts_with(b"GIF8") {
        facts.format = Some("GIF");
        gif(bytes, facts)
    } else {
        Err(NoPixels("its form is not known here".into()))
    }
}

/// Notes the size, and refuses what would take too much memory.
fn measure(facts: &mut ImageFacts, width: u32, height: u32) -> Result<(), NoPixels> {
    (facts.width, facts.height) = (Some(width), Some(height));
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(NoPixels(format!("{width} × {height} pixels are too many to be decoded")));
    }
    Ok(())
}

fn broken(why: impl std::fmt::Display) -> NoPixels {
    NoPixels(why.to_string())
}

fn png(bytes: &[u8], facts: &mut ImageFacts) -> Result<Pixels, NoPixels> {
    let memory = usize::try_from(DECODER_MEMORY).unwrap_or(usize::MAX);
    let mut decoder = PngDecoder::new_with_limits(Cursor::new(bytes), Limits { bytes: memory });
    decoder.set_transformations(Transformations::EXPAND | Transformations::ALPHA);
    let mut reader = decoder.read_info().map_err(broken)?;
    let (width, height) = reader.info().size();
    measure(facts, width, height)?;
    let size = reader.output_buffer_size().ok_or_else(|| broken("it is too large"))?;
    let mut buffer = vec![0; size];
    let frame = reader.next_frame(&mut buffer).map_err(broken)?;
    let samples: Vec<u16> = if frame.bit_depth == BitDepth::Sixteen {
        buffer.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect()
    } else {
        buffer.iter().map(|sample| wide(*sample)).collect()
    };
    let data = match frame.color_type {
        ColorType::GrayscaleAlpha => gray(&samples, true),
        ColorType::Grayscale => gray(&samples, false),
        ColorType::Rgb => opaque(&samples),
        ColorType::Rgba | ColorType::Indexed => samples,
    };
    checked(width, height, data)
}

fn jpeg(bytes: &[u8], facts: &mut ImageFacts) -> Result<Pixels, NoPixels> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(broken)?;
    let info = decoder.info().ok_or_else(|| broken("it has no header"))?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    measure(facts, width, height)?;
    let rgb = decoder.decode().map_err(broken)?;
    checked(width, height, opaque(&rgb.iter().map(|sample| wide(*sample)).collect::<Vec<_>>()))
}

/// Reads the first frame, on a canvas that nothing is drawn on yet.
fn gif(bytes: &[u8], facts: &mut ImageFacts) -> Result<Pixels, NoPixels> {
    let mut options = GifOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    if let Ok(memory) = DECODER_MEMORY.try_into() {
        options.set_memory_limit(MemoryLimit::Bytes(memory));
    }
    let mut decoder = options.read_info(bytes).map_err(broken)?;
    let (width, height) = (decoder.width(), decoder.height());
    measure(facts, u32::from(width), u32::from(height))?;
    let (columns, rows) = (usize::from(width), usize::from(height));
    let mut data = vec![0_u16; columns * rows * CHANNELS];
    let frame = decoder.read_next_frame().map_err(broken)?;
    let frame = frame.ok_or_else(|| broken("it has no frame"))?;
    let line = usize::from(frame.width) * CHANNELS;
    let visible = usize::from(frame.width).min(columns.saturating_sub(usize::from(frame.left)));
    for (number, pixels) in frame.buffer.chunks_exact(line.max(1)).enumerate() {
        let row = usize::from(frame.top) + number;
        if row >= rows {
            break;
        }
        let start = (row * columns + usize::from(frame.left)) * CHANNELS;
        let start = start.min(data.len());
        for (target, sample) in data[start..].iter_mut().zip(&pixels[..visible * CHANNELS]) {
            *target = wide(*sample);
        }
    }
    checked(u32::from(width), u32::from(height), data)
}

fn checked(width: u32, height: u32, data: Vec<u16>) -> Result<Pixels, NoPixels> {
    if data.len() as u64 != u64::from(width) * u64::from(height) * CHANNELS as u64 {
        return Err(broken("it has not as many pixels as it says"));
    }
    Ok(Pixels { width, height, data })
}

/// Returns an 8-bit sample in 16 bits: black stays black, and white white.
fn wide(sample: u8) -> u16 {
    u16::from(sample) * 257
}

fn gray(samples: &[u16], has_opacity: bool) -> Vec<u16> {
    let step = if has_opacity { 2 } else { 1 };
    let pixels = samples.chunks_exact(step);
    pixels.flat_map(|it| [it[0], it[0], it[0], it.get(1).copied().unwrap_or(u16::MAX)]).collect()
}

fn opaque(rgb: &[u16]) -> Vec<u16> {
    rgb.as_chunks::<3>().0.iter().flat_map(|[r, g, b]| [*r, *g, *b, u16::MAX]).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of pixels are far below 2^53")]
fn compare(before: &Pixels, after: &Pixels) -> PixelDiff {
    let (a, b) = (before.data.as_chunks::<CHANNELS>().0, after.data.as_chunks::<CHANNELS>().0);
    let (mut differing, mut largest, mut sum) = (0_u64, 0_u16, 0_u64);
    let (mut left, mut top, mut right, mut bottom) = (u32::MAX, u32::MAX, 0, 0);
    let mut places = (0..before.height).flat_map(|y| (0..before.width).map(move |x| (x, y)));
    for (a, b) in a.iter().zip(b) {
        let (x, y) = places.next().unwrap_or_default();
        let is_hidden = a[CHANNELS - 1] == 0 && b[CHANNELS - 1] == 0;
        if a == b || is_hidden {
            continue;
        }
        differing += 1;
        for (a, b) in a.iter().zip(b) {
            let difference = a.abs_diff(*b);
            largest = largest.max(difference);
            sum += u64::from(difference);
        }
        (left, top) = (left.min(x), top.min(y));
        (right, bottom) = (right.max(x), bottom.max(y));
    }
    let pixels = a.len() as u64;
    let count = (pixels.max(1)) as f64;
    let region = (differing > 0).then(|| Region {
        x: left,
        y: top,
        width: right - left + 1,
        height: bottom - top + 1,
    });
    let round = |value: f64| (value * 1e4).round() / 1e4;
    PixelDiff {
        pixels,
        differing,
        share: differing as f64 / count,
        largest: round(f64::from(largest) / 257.0),
        mean: round(sum as f64 / (count * CHANNELS as f64) / 257.0),
        region,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_broken_image_makes_it_panic() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/notebooks");
        let bytes = crate::disk::read(&folder.join("figures.ipynb")).unwrap();
        let notebook = crate::notebook::Notebook::parse(&bytes).unwrap();
        let mut seen = 0;
        for (_, cell) in notebook.code_cells() {
            for part in crate::notebook::split(&notebook, cell).unwrap_or_default() {
                if !part.media_type.starts_with("image/") || part.media_type.ends_with("xml") {
                    continue;
                }
                seen += 1;
                let good = &part.bytes[..];
                let step = (good.len() / 40).max(1);
                for at in (0..good.len()).step_by(step) {
                    let mut bad = good.to_vec();
                    bad[at] ^= 0xff;
                    diff(good, &bad);
                    diff(good, &good[..at]);
                }
                let same = diff(good, good).pixels.map(|it| it.differing);
                assert_eq!(same, Some(0), "{}", part.media_type);
            }
        }
        assert!(seen >= 5, "PNG, JPEG and GIF are among the fixtures");
    }
}
