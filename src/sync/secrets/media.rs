//! How the bytes of a part are searched: as text, as a binary file that may hold texts, or not.

/// How bytes are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// By every rule.
    Text,
    /// By the rules about tokens that stand out among any bytes.
    Binary,
    /// Not at all: what is in it is compressed, or is a picture.
    Skipped,
}

/// How many bytes tell.
pub(super) const HEAD: usize = 8192;

/// How files begin whose bytes are compressed, or are pictures, sounds or fonts.
const OPAQUE: [&[u8]; 28] = [
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"RIFF",
    b"II*\0",
    b"MM\0*",
    b"BM",
    b"\0\0\x01\0",
    b"\0\0\0\x0cJXL ",
    b"\xff\x0a",
    b"ID3",
    b"\xff\xfb",
    b"\xff\xf3",
    b"OggS",
    b"fLaC",
    b"\x1a\x45\xdf\xa3",
    b"wOFF",
    b"wOF2",
    b"\0\x01\0\0\0",
    b"OTTO",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"\x28\xb5\x2f\xfd",
    b"BZh",
    b"\xfd7zXZ\0",
    b"7z\xbc\xaf\x27\x1c",
    b"\x04\x22\x4d\x18",
];

/// Returns how a part is searched that has this media type and begins with `head`, its first
/// [`HEAD`] bytes.
///
/// A media type is only believed if the bytes do not say otherwise: text that is called a picture
/// is searched, and so is a picture made of text.
pub(super) fn reading(media_type: &str, head: &[u8]) -> Reading {
    if !looks_like_text(head) {
        let is_opaque = OPAQUE.iter().any(|magic| head.starts_with(magic));
        // Pictures and films whose first bytes say nothing: `....ftypavif`.
        let is_film = head.get(4..8) == Some(b"ftyp");
        let family = media_type.split('/').next().unwrap_or_default().trim();
        let is_called_so = ["image", "audio", "video", "font"]
            .iter()
            .any(|opaque| family.eq_ignore_ascii_case(opaque));
        let is_skipped = is_opaque || is_film || is_called_so;
        return if is_skipped { Reading::Skipped } else { Reading::Binary };
    }
    Reading::Text
}

/// Whether bytes are text of any encoding that keeps ASCII: no zeros and few control characters.
fn looks_like_text(head: &[u8]) -> bool {
    let is_control = |byte: &&u8| matches!(byte, 0..=6 | 14..=26 | 28..=31 | 127);
    memchr::memchr(0, head).is_none() && head.iter().filter(is_control).count() * 200 <= head.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_decide_and_the_media_type_helps() {
        for (media_type, head, expected, why) in [
            ("text/plain", &b"a = 1\n"[..], Reading::Text, "text"),
            ("image/svg+xml", b"<svg/>", Reading::Text, "a picture made of text"),
            ("image/png", b"not a picture", Reading::Text, "what is only called a picture"),
            ("image/png", b"\x89PNG\r\n\x1a\n\0\0", Reading::Skipped, "a picture"),
            ("text/plain", b"\x89PNG\r\n\x1a\n\0\0", Reading::Skipped, "a picture called text"),
            ("image/x-raw", b"\0\x01\x02", Reading::Skipped, "a picture of pixels alone"),
            ("application/zip", b"PK\x03\x04\0\0", Reading::Skipped, "an archive"),
            ("application/vnd.apache.parquet", b"PAR1\x15\0", Reading::Binary, "a table"),
            ("application/octet-stream", b"\x80\x05\x95\0", Reading::Binary, "a pickle"),
            ("text/plain", "naïve 名前 \x1b[31m".as_bytes(), Reading::Text, "words and colours"),
            ("text/plain", b"", Reading::Text, "nothing"),
        ] {
            assert_eq!(reading(media_type, head), expected, "{why}");
        }
    }
}
