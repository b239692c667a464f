//! Which parts can run code when they are read, as a pickle does.
//!
//! The label decides, since it is the label by which a reader chooses how to read: what is read as
//! JSON runs nothing, whatever its bytes are. What nobody has looked at counts as unsafe.

use std::fmt;

use super::part::Part;

/// Codecs whose readers make values of bytes and never run any of them.
const SAFE_CODECS: [&str; 33] = [
    "raw",
    "bytes",
    "text",
    "utf8",
    "json",
    "jsonl",
    "ndjson",
    "geojson",
    "csv",
    "tsv",
    "toml",
    "xml",
    "html",
    "markdown",
    "parquet",
    "geoparquet",
    "arrow",
    "arrow-ipc",
    "arrow-stream",
    "feather",
    "orc",
    "avro",
    // numpy reads both without pickles unless it is told otherwise, and recell never tells it.
    "npy",
    "npz",
    "msgpack",
    "cbor",
    "protobuf",
    "safetensors",
    "png",
    "jpeg",
    "gif",
    "webp",
    "svg",
];

/// Codecs that are known to run code, and how they do it.
const CODE_CODECS: [(&str, &str); 22] = [
    ("pickle", PICKLE),
    ("pickle5", PICKLE),
    ("cpickle", PICKLE),
    ("cloudpickle", PICKLE),
    ("dill", PICKLE),
    ("joblib", PICKLE),
    ("skops", "it names classes that its reader makes"),
    ("marshal", "it holds Python's own byte code"),
    ("shelve", PICKLE),
    ("npy-pickle", PICKLE),
    ("npz-pickle", PICKLE),
    ("torch", PICKLE),
    ("pytorch", PICKLE),
    ("pt", PICKLE),
    ("keras", "its layers may hold functions"),
    ("tensorflow", "its graph may read and write files"),
    ("hdf5", "its tables may hold pickles"),
    ("pytables", "its tables may hold pickles"),
    ("yaml", "its tags name objects that its reader makes"),
    ("rds", "R's promises run when they are looked at"),
    ("rdata", "R's promises run when they are looked at"),
    ("jls", "Julia's serialization names functions"),
];

const PICKLE: &str = "a pickle names functions that its reader calls";

/// What media types of such content have in their names.
const CODE_MEDIA: [&str; 12] = [
    "pickle",
    "joblib",
    "dill",
    "pytorch",
    "torch-model",
    "keras",
    "python-marshal",
    "python-serialize",
    "java-serialized",
    "x-hdf",
    "x-r-data",
    "yaml",
];

/// How files of such content end: a part that is a file is opened by its name.
const CODE_ENDINGS: [&str; 16] = [
    "pkl", "pickle", "pk", "p5", "joblib", "dill", "cpkl", "pt", "pth", "ckpt", "keras", "h5",
    "hdf5", "rds", "rdata", "jls",
];

/// Why reading a part may run code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeRisk {
    /// Its codec is known to, for this reason.
    Codec(&'static str),
    /// Nobody knows whether its codec does.
    UnknownCodec,
    /// Its bytes are handed out as they are, and their media type says so.
    MediaType,
    /// Its bytes are handed out as they are, and the end of its name says so.
    Name,
}

impl CodeRisk {
    /// Returns why reading the part may run code; `None` if it cannot.
    pub fn of(part: &Part) -> Option<CodeRisk> {
        if !is_one_of(&SAFE_CODECS, &part.codec) {
            let known =
                CODE_CODECS.iter().find(|(codec, _)| codec.eq_ignore_ascii_case(&part.codec));
            return Some(known.map_or(CodeRisk::UnknownCodec, |(_, why)| CodeRisk::Codec(why)));
        }
        if is_risky_media(&part.media_type) {
            return Some(CodeRisk::MediaType);
        }
        // A codec of its own says more than a name does.
        let is_plain = matches!(&*part.codec, "raw" | "bytes");
        let end = part.path.as_str().rsplit_once('.').map_or("", |(_, end)| end);
        (is_plain && is_one_of(&CODE_ENDINGS, end)).then_some(CodeRisk::Name)
    }

    /// Returns what `part` can do, as the end of a sentence about it.
    pub(crate) fn explain(self, part: &Part) -> Explained<'_> {
        Explained { risk: self, part }
    }
}

/// A risk in words.
pub(crate) struct Explained<'a> {
    risk: CodeRisk,
    part: &'a Part,
}

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Part { codec, media_type, .. } = self.part;
        match self.risk {
            CodeRisk::Codec(why) => write!(f, "the codec `{codec}` can run code ({why})"),
            CodeRisk::UnknownCodec => {
                write!(f, "nobody knows whether the codec `{codec}` can run code")
            }
            CodeRisk::MediaType => write!(f, "reading `{media_type}` can run code"),
            CodeRisk::Name => f.write_str("reading a file of that name can run code"),
        }
    }
}

fn is_one_of(words: &[&str], word: &str) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Every read of a part asks this: what is most common is told at a glance.
fn is_risky_media(media_type: &str) -> bool {
    const PLAIN: [&str; 6] = [
        "text/",
        "image/",
        "application/vnd.recell.",
        "application/vnd.apache.",
        "application/json",
        "application/octet-stream",
    ];
    if PLAIN.iter().any(|start| media_type.starts_with(start)) {
        return false;
    }
    let bytes = media_type.as_bytes();
    (0..bytes.len()).any(|at| {
        let first = bytes[at].to_ascii_lowercase();
        CODE_MEDIA.iter().any(|word| {
            word.as_bytes()[0] == first
                && bytes
                    .get(at..at + word.len())
                    .is_some_and(|it| it.eq_ignore_ascii_case(word.as_bytes()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::entry::PartPath;

    fn risk(path: &str, media_type: &str, codec: &str) -> Option<CodeRisk> {
        CodeRisk::of(&Part {
            path: PartPath::new(path).unwrap(),
            media_type: media_type.into(),
            codec: codec.into(),
            size: 0,
            digest: Digest::of(b""),
            chunks: None,
            local: false,
            more: toml::Table::new(),
        })
    }

    #[test]
    fn what_can_run_code_is_known_by_its_label() {
        let octets = "application/octet-stream";
        for (path, media_type, codec, is_risky, why) in [
            ("outputs/0.txt", "text/plain", "raw", false, "text"),
            ("outputs/0.png", "image/png", "raw", false, "an image"),
            ("outputs/0.html", "text/html", "raw", false, "a page: the notebook's own trust"),
            ("outputs/layout.json", "application/vnd.recell.layout+json", "raw", false, "ours"),
            ("variables/df", "application/vnd.apache.parquet", "parquet", false, "a table"),
            ("variables/x", octets, "npy", false, "numpy reads it without pickles"),
            ("variables/x", octets, "raw", false, "bytes are bytes"),
            ("variables/x", octets, "RAW", false, "case is no matter"),
            ("variables/x", octets, "pickle5", true, "a pickle"),
            ("variables/x", octets, "Cloudpickle", true, "case is no matter"),
            ("variables/x", octets, "dill", true, "a pickle"),
            ("variables/x", octets, "joblib", true, "a pickle"),
            ("variables/x", octets, "torch", true, "a pickle in a zip"),
            ("variables/x", octets, "npy-pickle", true, "arrays of objects"),
            ("variables/x", octets, "", true, "no codec is none that is known"),
            ("variables/x", octets, "my-codec", true, "nobody has looked at it"),
            ("variables/x", octets, "raw ", true, "no codec that is known"),
            ("variables/x", "application/x-python-pickle", "raw", true, "its media type"),
            ("variables/x", "Application/X-Pickle; v=5", "raw", true, "with parameters"),
            ("variables/x", "application/x-pickle", "json", true, "either label is enough"),
            ("files/model.PKL", octets, "raw", true, "a file is opened by its name"),
            ("files/model.pt", "text/plain", "raw", true, "whatever its type says"),
            ("files/apt", octets, "raw", false, "an end is a whole one"),
            ("variables/x.pkl", octets, "parquet", false, "the codec says how it is read"),
        ] {
            let found = risk(path, media_type, codec);
            assert_eq!(found.is_some(), is_risky, "{path} {media_type} {codec}: {why}");
        }
    }

    #[test]
    fn no_codec_is_both_safe_and_not() {
        for (codec, _) in CODE_CODECS {
            assert!(!is_one_of(&SAFE_CODECS, codec), "{codec}");
        }
        assert_eq!(risk("files/a", "", "zarr"), Some(CodeRisk::UnknownCodec));
    }
}
