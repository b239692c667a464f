//! What a MIME type says about a payload: how notebooks carry it and how its file is called.

use std::borrow::Cow;

/// How a notebook writes payloads of a MIME type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carriage {
    /// As text.
    Text,
    /// As base64 of bytes.
    Base64,
    /// As a JSON value of its own.
    Json,
}

/// Extensions are part of what people type, so odd MIME types must not make them endless.
const MAX_EXTENSION: usize = 40;

/// MIME types whose usual extension is not their subtype.
const EXTENSIONS: [(&str, &str); 14] = [
    ("text/plain", "txt"),
    ("text/markdown", "md"),
    ("text/latex", "tex"),
    ("text/javascript", "js"),
    ("application/javascript", "js"),
    ("application/x-javascript", "js"),
    ("application/x-latex", "tex"),
    ("application/octet-stream", "bin"),
    ("application/vnd.apache.arrow.stream", "arrows"),
    ("application/vnd.apache.arrow.file", "arrow"),
    ("image/jpeg", "jpg"),
    ("image/svg+xml", "svg"),
    ("image/x-icon", "ico"),
    ("audio/mpeg", "mp3"),
];

/// The keys of format 3, which writes payloads straight into the output.
const FORMAT_3: [(&str, &str); 9] = [
    ("text", "text/plain"),
    ("html", "text/html"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpeg", "image/jpeg"),
    ("latex", "text/latex"),
    ("json", "application/json"),
    ("javascript", "application/javascript"),
    ("pdf", "application/pdf"),
];

/// Languages of kernels, with the extension and MIME type of their files.
const LANGUAGES: [(&str, &str, &str); 12] = [
    ("python", "py", "text/x-python"),
    ("r", "r", "text/x-r"),
    ("julia", "jl", "text/x-julia"),
    ("javascript", "js", "text/javascript"),
    ("typescript", "ts", "text/x-typescript"),
    ("rust", "rs", "text/x-rust"),
    ("scala", "scala", "text/x-scala"),
    ("c++", "cpp", "text/x-c++src"),
    ("ruby", "rb", "text/x-ruby"),
    ("bash", "sh", "text/x-sh"),
    ("sql", "sql", "application/sql"),
    ("sagemath", "sage", "text/x-sage"),
];

/// Returns the extension and MIME type of code in `language`; those of text if it is unknown.
pub(super) fn of_language(language: &str) -> (&'static str, &'static str) {
    let known = LANGUAGES.iter().find(|(known, ..)| language.eq_ignore_ascii_case(known));
    known.map_or(("txt", "text/plain"), |(_, extension, media_type)| (extension, media_type))
}

/// Returns how payloads of `media_type` are written.
pub(super) fn carriage(media_type: &str) -> Carriage {
    let essence = essence(media_type);
    let (family, subtype) = essence.split_once('/').unwrap_or(("", &essence));
    if subtype == "json" || subtype.ends_with("+json") {
        return Carriage::Json;
    }
    if family == "text" || subtype.ends_with("xml") {
        return Carriage::Text;
    }
    let binary = matches!(family, "image" | "audio" | "video" | "font")
        || matches!(subtype, "pdf" | "octet-stream" | "zip" | "gzip" | "wasm")
        || subtype.starts_with("vnd.apache.arrow")
        || subtype.starts_with("vnd.apache.parquet");
    if binary { Carriage::Base64 } else { Carriage::Text }
}

/// Returns the extension for files of `media_type`: lower case, of letters, digits, `.`, `-`.
pub(super) fn extension(media_type: &str) -> Cow<'static, str> {
    let essence = essence(media_type);
    if let Some((_, extension)) = EXTENSIONS.iter().find(|(known, _)| *known == essence) {
        return Cow::Borrowed(extension);
    }
    let subtype = essence.split_once('/').map_or(essence.as_ref(), |(_, subtype)| subtype);
    let (name, suffix) = match subtype.rsplit_once('+') {
        Some((name, "json")) => (name, ".json"),
        _ => (subtype, ""),
    };
    let name = name.strip_prefix("vnd.").or_else(|| name.strip_prefix("x-")).unwrap_or(name);
    let legal = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    let name: String = name.chars().map(legal).take(MAX_EXTENSION).collect();
    match name.trim_matches(['.', '-']) {
        "" => Cow::Borrowed(if suffix.is_empty() { "bin" } else { "json" }),
        name => Cow::Owned(format!("{}{suffix}", name.replace("..", "."))),
    }
}

/// Returns the MIME type that format 3 means by `key`.
pub(super) fn of_format_3(key: &str) -> Option<&'static str> {
    FORMAT_3.iter().find(|(known, _)| *known == key).map(|(_, media_type)| *media_type)
}

/// Returns `media_type` without parameters, in lower case.
fn essence(media_type: &str) -> Cow<'_, str> {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if essence.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(essence.to_ascii_lowercase());
    }
    Cow::Borrowed(essence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mime_type_says_how_it_is_carried_and_called() {
        use Carriage::{Base64, Json, Text};
        for (media_type, carried, called, why) in [
            ("text/plain", Text, "txt", "the plain fallback"),
            ("text/html", Text, "html", "the subtype serves"),
            ("text/markdown; charset=utf-8", Text, "md", "parameters do not count"),
            ("IMAGE/PNG", Base64, "png", "nor does case"),
            ("image/jpeg", Base64, "jpg", "the usual extension"),
            ("image/svg+xml", Text, "svg", "a picture, but text"),
            ("application/pdf", Base64, "pdf", "a document"),
            ("application/json", Json, "json", "JSON"),
            ("application/vnd.plotly.v1+json", Json, "plotly.v1.json", "JSON of a vendor"),
            ("application/geo+json", Json, "geo.json", "JSON of a kind"),
            ("application/vnd.bokehjs_exec.v0+json", Json, "bokehjs-exec.v0.json", "underscore"),
            ("application/x-custom", Text, "custom", "what is unknown is text"),
            ("../../etc", Text, "etc", "a path is no extension"),
            ("a/..", Text, "bin", "nor are dots"),
            ("", Text, "bin", "nothing at all"),
        ] {
            assert_eq!(carriage(media_type), carried, "{why}");
            assert_eq!(extension(media_type), called, "{why}");
        }
    }
}
