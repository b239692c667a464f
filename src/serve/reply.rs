//! An answer, and how it goes out: whole, in part, or as "you have it already".

use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::body::Whole;
use super::ranges::{Wanted, wanted};
use crate::digest::Digest;

const JSON: &str = "application/json";

/// An answer before it is known how much of it the client wants.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    /// Parts of it may be asked for.
    takes_ranges: bool,
}

impl Reply {
    /// Returns an answer of JSON, on one line.
    pub(super) fn json(status: StatusCode, value: &Value) -> Reply {
        let mut bytes = value.to_string().into_bytes();
        bytes.push(b'\n');
        Reply::bytes(status, JSON, bytes)
    }

    /// Returns an answer of bytes.
    pub(super) fn bytes(status: StatusCode, media_type: &'static str, bytes: Vec<u8>) -> Reply {
        let mut headers = HeaderMap::with_capacity(16);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        Reply { status, headers, body: bytes.into(), takes_ranges: false }
    }

    /// Returns an answer without a body.
    pub(super) fn empty(status: StatusCode) -> Reply {
        Reply { status, headers: HeaderMap::new(), body: Bytes::new(), takes_ranges: false }
    }

    /// Returns the answer to a request that makes no sense or may not be: `code` is for programs,
    /// `message` for people.
    pub(super) fn refused(status: StatusCode, code: &str, message: &str) -> Reply {
        Reply::json(status, &json!({ "error": { "code": code, "message": message } }))
    }

    /// Returns the answer to a request that is malformed.
    pub(super) fn bad_request(message: &str) -> Reply {
        Reply::refused(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// Adds a header; one whose value cannot stand in a header is left out.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Reply {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Returns the bytes of the body.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Says that parts of the answer may be asked for.
    pub(super) fn in_parts(mut self) -> Reply {
        self.takes_ranges = true;
        self
    }

    /// Returns what goes out to a client that sent these headers.
    pub(super) fn finish(mut self, method: &Method, asked: &HeaderMap) -> Response<Whole> {
        // Only what is got can be known already (RFC 9110, section 13.1.2).
        if self.status == StatusCode::OK && method != Method::POST {
            self.leave_out_what_is_known(asked);
        }
        if self.takes_ranges {
            self.headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            // A range means something for GET alone (RFC 9110, section 14.2).
            if self.status == StatusCode::OK && method == Method::GET {
                self.cut(asked);
            }
        }
        // What is shown may change at any time, and is nobody else's.
        let cached = HeaderValue::from_static("private, no-cache");
        self.headers.insert(header::CACHE_CONTROL, cached);
        let nosniff = HeaderValue::from_static("nosniff");
        self.headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
        let mut response = Response::new(Whole::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }

    fn leave_out_what_is_known(&mut self, asked: &HeaderMap) {
        let Some(tag) = self.headers.get(header::ETAG).and_then(|it| it.to_str().ok()) else {
            return;
        };
        let is_any = asked.get(header::IF_NONE_MATCH).is_some_and(|it| it.as_bytes() == b"*");
        if is_any || knows(asked, tag) {
            self.status = StatusCode::NOT_MODIFIED;
            self.body = Bytes::new();
            self.headers.remove(header::CONTENT_TYPE);
        }
    }

    fn cut(&mut self, asked: &HeaderMap) {
        let text = |name| asked.get(name).and_then(|it: &HeaderValue| it.to_str().ok());
        let Some(range) = text(header::RANGE) else { return };
        // What the client has parts of may be another version.
        if asked.contains_key(header::IF_RANGE)
            && asked.get(header::IF_RANGE) != self.headers.get(header::ETAG)
        {
            return;
        }
        let length = self.body.len();
        match wanted(range, length) {
            Wanted::Whole => {}
            Wanted::Part(range) => {
                let said = format!("bytes {}-{}/{length}", range.start, range.end - 1);
                self.body = self.body.slice(range);
                self.status = StatusCode::PARTIAL_CONTENT;
                self.set(header::CONTENT_RANGE, &said);
            }
            Wanted::Nowhere => {
                let message = format!("the answer has {length} bytes");
                let code = StatusCode::RANGE_NOT_SATISFIABLE;
                let refused = Reply::refused(code, "no_such_range", &message);
                *self = refused.with(header::CONTENT_RANGE, &format!("bytes */{length}"));
            }
        }
    }

    fn set(&mut self, name: HeaderName, value: &str) {
        let value = HeaderValue::from_str(value).expect("numbers and words can stand in a header");
        self.headers.insert(name, value);
    }
}

/// Returns the tag of an answer that is made of nothing but `parts`, by this release.
pub(super) fn tag_of(parts: &[&[u8]]) -> String {
    let mut text = Vec::with_capacity(128);
    for part in [env!("CARGO_PKG_VERSION").as_bytes()].iter().chain(parts) {
        text.extend_from_slice(&(part.len() as u64).to_le_bytes());
        text.extend_from_slice(part);
    }
    format!("\"{}\"", Digest::of_here(&text).short(32))
}

/// Whether the client says that it has the answer of this tag already.
pub(super) fn knows(asked: &HeaderMap, tag: &str) -> bool {
    let all = asked.get_all(header::IF_NONE_MATCH).into_iter();
    let texts = all.filter_map(|value| value.to_str().ok());
    // Tags of ours have no comma. A weak one is as good here (RFC 9110, section 13.1.2).
    let mut tags = texts.flat_map(|text| text.split(',')).map(str::trim);
    tags.any(|known| known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use hyper::body::Body;

    use super::*;

    fn asked(headers: &[(HeaderName, &str)]) -> HeaderMap {
        let pair = |(name, value): &(HeaderName, &str)| (name.clone(), value.parse().unwrap());
        headers.iter().map(pair).collect()
    }

    fn reply() -> Reply {
        let reply = Reply::bytes(StatusCode::OK, "text/plain", b"0123456789".to_vec());
        reply.with(header::ETAG, "\"tag\"").in_parts()
    }

    #[test]
    fn what_the_client_has_or_wants_decides_what_goes_out() {
        use hyper::header::{IF_NONE_MATCH, IF_RANGE, RANGE};
        for (headers, status, length, why) in [
            (&[][..], 200, 10, "all of it"),
            (&[(IF_NONE_MATCH, "\"tag\"")], 304, 0, "it has it"),
            (&[(IF_NONE_MATCH, "\"a\", W/\"tag\"")], 304, 0, "one of those it has"),
            (&[(IF_NONE_MATCH, "*")], 304, 0, "it has any"),
            (&[(IF_NONE_MATCH, "\"other\"")], 200, 10, "it has another"),
            (&[(RANGE, "bytes=2-4")], 206, 3, "a part"),
            (&[(RANGE, "bytes=2-4"), (IF_RANGE, "\"tag\"")], 206, 3, "a part of the same"),
            (&[(RANGE, "bytes=2-4"), (IF_RANGE, "\"other\"")], 200, 10, "a part of another"),
            (&[(RANGE, "bytes=2-4"), (IF_NONE_MATCH, "\"tag\"")], 304, 0, "it has all"),
            (&[(RANGE, "bytes=0-1,3-4")], 200, 10, "several parts"),
        ] {
            let found = reply().finish(&Method::GET, &asked(headers));
            let length_found = found.body().size_hint().exact();
            assert_eq!((found.status().as_u16(), length_found), (status, Some(length)), "{why}");
            assert!(found.headers().contains_key(header::ETAG), "{why}");
        }
        let found = reply().finish(&Method::GET, &asked(&[(RANGE, "bytes=2-4")]));
        assert_eq!(found.headers()[header::CONTENT_RANGE], "bytes 2-4/10");
        let found = reply().finish(&Method::GET, &asked(&[(RANGE, "bytes=10-")]));
        assert_eq!(found.status(), 416);
        assert_eq!(found.headers()[header::CONTENT_RANGE], "bytes */10");
        let found = reply().finish(&Method::HEAD, &asked(&[(RANGE, "bytes=2-4")]));
        assert_eq!(found.status(), 200, "a range means nothing for HEAD");
    }

    #[test]
    fn only_what_is_found_is_known_or_cut() {
        let gone = Reply { status: StatusCode::NOT_FOUND, ..reply() };
        let headers = asked(&[(header::IF_NONE_MATCH, "*"), (header::RANGE, "bytes=0-1")]);
        let found = gone.finish(&Method::GET, &headers);
        assert_eq!((found.status().as_u16(), found.body().size_hint().exact()), (404, Some(10)));
    }

    #[test]
    fn tags_tell_the_borders_of_their_parts() {
        assert_ne!(tag_of(&[b"ab", b"c"]), tag_of(&[b"a", b"bc"]));
        assert_eq!(tag_of(&[b"ab", b"c"]), tag_of(&[b"ab", b"c"]));
        assert_eq!(tag_of(&[]).len(), 34);
    }
}
