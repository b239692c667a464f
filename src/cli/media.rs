//! Media types guessed from the names of files, and back.

/// Extensions and what they stand for; of two with one type the first names new files.
const TYPES: [(&str, &str); 44] = [
    ("txt", "text/plain"),
    ("text", "text/plain"),
    ("log", "text/plain"),
    ("html", "text/html"),
    ("htm", "text/html"),
    ("md", "text/markdown"),
    ("csv", "text/csv"),
    ("tsv", "text/tab-separated-values"),
    ("css", "text/css"),
    ("js", "text/javascript"),
    ("py", "text/x-python"),
    ("r", "text/x-r"),
    ("jl", "text/x-julia"),
    ("sql", "application/sql"),
    ("tex", "text/latex"),
    ("xml", "application/xml"),
    ("json", "application/json"),
    ("jsonl", "application/jsonl"),
    ("ipynb", "application/x-ipynb+json"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("toml", "application/toml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("svg", "image/svg+xml"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("pdf", "application/pdf"),
    ("npy", "application/x-npy"),
    ("npz", "application/x-npz"),
    ("parquet", "application/vnd.apache.parquet"),
    ("arrow", "application/vnd.apache.arrow.file"),
    ("arrows", "application/vnd.apache.arrow.stream"),
    ("feather", "application/vnd.apache.arrow.file"),
    ("pkl", "application/x-python-pickle"),
    ("pickle", "application/x-python-pickle"),
    ("zip", "application/zip"),
    ("gz", "application/gzip"),
    ("mp3", "audio/mpeg"),
    ("wav", "audio/wav"),
    ("mp4", "video/mp4"),
];

/// What is known of bytes of which nothing is known.
pub(crate) const UNKNOWN: &str = "application/octet-stream";

/// Returns the media type that the extension of `name` stands for, in any case of letters.
pub(crate) fn of_name(name: &str) -> Option<&'static str> {
    let file = name.rsplit('/').next().unwrap_or(name);
    let (stem, extension) = file.rsplit_once('.')?;
    let known = TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension));
    known.filter(|_| !stem.is_empty()).map(|(_, media_type)| *media_type)
}

/// Returns the extension that a file of `media_type` should have.
pub(crate) fn extension(media_type: &str) -> Option<&'static str> {
    let essence = essence(media_type);
    TYPES.iter().find(|(_, known)| essence.eq_ignore_ascii_case(known)).map(|(name, _)| *name)
}

/// Returns the media type without its parameters.
pub(crate) fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

/// Whether a person reads bytes of this type as they are.
pub(crate) fn is_text(media_type: &str) -> bool {
    let essence = essence(media_type);
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || matches!(
            essence,
            "application/json"
                | "application/jsonl"
                | "application/xml"
                | "application/javascript"
                | "application/yaml"
                | "application/toml"
                | "application/sql"
                | "application/vnd.jupyter.stdout"
                | "application/vnd.jupyter.stderr"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_its_type_by_its_extension() {
        for (name, expected, why) in [
            ("a.png", Some("image/png"), "a plain name"),
            ("b/c.PNG", Some("image/png"), "any case, below a folder"),
            ("a.tar.gz", Some("application/gzip"), "the last one counts"),
            ("png", None, "no extension"),
            (".txt", None, "a hidden file of that name"),
            ("a.b/c", None, "the folder has one, the file none"),
            ("a.xyz", None, "unknown"),
        ] {
            assert_eq!(of_name(name), expected, "{why}");
        }
        assert_eq!(extension("image/jpeg"), Some("jpg"), "the usual one of two");
        assert_eq!(extension("Text/Plain; charset=utf-8"), Some("txt"), "case and parameters");
    }
}
