//! A static remote behind a web server: any that gives out files. It is only read.

use std::sync::Mutex;

use ureq::Agent;
use ureq::http::{Response, StatusCode, header};
use ureq::{Body, http::HeaderMap};

use super::http::agent;
use super::storage::{Answer, Span, Stored, VersionTag};

/// Redirects that are followed.
const REDIRECTS: u32 = 5;
/// The most that is taken into memory of a server that gives out no parts of files.
const LARGEST_WHOLE: u64 = 1 << 30;

pub(super) struct Web {
    agent: Agent,
    base: String,
    /// The file that was last given out whole though a part was asked for: some servers know no
    /// ranges, and asking once per part would bring the whole file each time.
    whole: Mutex<Option<(String, Vec<u8>)>>,
}

impl Web {
    pub(super) fn new(base: &str) -> Web {
        Web { agent: agent(REDIRECTS), base: base.to_owned(), whole: Mutex::new(None) }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    pub(super) fn get(&self, path: &str) -> Answer<Option<Stored>> {
        // What lies between must not answer from memory: these files change.
        let answer = self.agent.get(self.url(path)).header(header::CACHE_CONTROL, "no-cache");
        let Some(mut response) = found(answer.call()?)? else { return Ok(None) };
        let e_tag = text(response.headers(), header::ETAG);
        let bytes = body(&mut response)?;
        Ok(Some(Stored { bytes, tag: VersionTag { e_tag, version: None } }))
    }

    pub(super) fn get_span(&self, span: &Span) -> Answer<Option<Vec<u8>>> {
        if let Some(bytes) = self.kept(span) {
            return Ok(Some(bytes));
        }
        let range = format!("bytes={}-{}", span.start, span.end.saturating_sub(1));
        let answer = self.agent.get(self.url(&span.path)).header(header::RANGE, range).call()?;
        if answer.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            return Ok(Some(Vec::new()));
        }
        let Some(mut response) = found(answer)? else { return Ok(None) };
        let is_part = response.status() == StatusCode::PARTIAL_CONTENT;
        let bytes = body(&mut response)?;
        if is_part {
            let given = text(response.headers(), header::CONTENT_RANGE).unwrap_or_default();
            if !given.starts_with(&format!("bytes {}-", span.start)) {
                return Err(format!("it answered with `{given}`").into());
            }
            return Ok(Some(bytes));
        }
        *self.whole.lock().expect("no holder panics") = Some((span.path.clone(), bytes));
        Ok(self.kept(span))
    }

    /// Returns the span of a file that was given out whole.
    fn kept(&self, span: &Span) -> Option<Vec<u8>> {
        let whole = self.whole.lock().expect("no holder panics");
        let (_, bytes) = whole.as_ref().filter(|(path, _)| *path == span.path)?;
        let within = |at: u64| usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len()));
        Some(bytes[within(span.start)..within(span.end)].to_vec())
    }

    pub(super) fn size(&self, path: &str) -> Answer<Option<u64>> {
        let Some(response) = found(self.agent.head(self.url(path)).call()?)? else {
            return Ok(None);
        };
        let length = text(response.headers(), header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.parse().ok());
        Ok(Some(length.ok_or("it does not say how long the file is")?))
    }
}

/// Returns the answer if the file is there.
fn found(response: Response<Body>) -> Answer<Option<Response<Body>>> {
    match response.status() {
        StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
        status if status.is_success() => Ok(Some(response)),
        status => Err(format!("it answered {status}").into()),
    }
}

fn body(response: &mut Response<Body>) -> Answer<Vec<u8>> {
    Ok(response.body_mut().with_config().limit(LARGEST_WHOLE).read_to_vec()?)
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}
