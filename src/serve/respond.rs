//! One request on its way to its answer and back.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use hyper::body::{Body, Incoming};
use hyper::header::{HeaderMap, HeaderName};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::mpsc::UnboundedSender;

use super::answers::{Answers, Question};
use super::asked::{NoRoute, Route, route};
use super::body::{self, Unread, Whole};
use super::guard::{Guard, Reader, preflight};
use super::listen::{Answered, Limits};
use super::reply::Reply;
use crate::events::with_correlation;

const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");
/// The ids of requests that get into the event log are no longer.
const LONGEST_CORRELATION: usize = 128;
/// Of the path and the query as much is told in a log.
const LONGEST_LINE: usize = 200;

/// What all connections share.
pub(super) struct Shared {
    pub(super) guard: Guard,
    pub(super) answers: Answers,
    pub(super) limits: Limits,
    /// Where answers are told of.
    pub(super) notices: Option<UnboundedSender<Answered>>,
}

/// Answers a request. Whatever is wrong with it is an answer, too.
pub(super) async fn respond(
    shared: Arc<Shared>,
    request: Request<Incoming>,
    began: Instant,
) -> Result<Response<Whole>, Infallible> {
    let (parts, body) = request.into_parts();
    let (reply, reader) = answer(&shared, &parts, body).await;
    let reply = reply.readable_by(reader.as_ref());
    let reply = match correlation(&parts.headers) {
        Ok(Some(id)) => reply.with(CORRELATION, id),
        _ => reply,
    };
    let response = reply.finish(&parts.method, &parts.headers);
    if let Some(notices) = &shared.notices {
        let path = parts.uri.path_and_query().map_or("", |it| it.as_str());
        let shown: String = path.chars().take(LONGEST_LINE).collect();
        // Who would hear of it may be gone already, as the server ends.
        drop(notices.send(Answered {
            request: format!("{} {shown}", parts.method),
            status: response.status().as_u16(),
            bytes: response.body().size_hint().exact().unwrap_or(0),
            took: began.elapsed(),
        }));
    }
    Ok(response)
}

async fn answer(shared: &Arc<Shared>, parts: &Parts, body: Incoming) -> (Reply, Reader) {
    let is_preflight = parts.method == Method::OPTIONS;
    let reader = match shared.guard.admit(&parts.uri, &parts.headers, is_preflight) {
        Ok(reader) => reader,
        Err(refusal) => return (*refusal, None),
    };
    let reply = admitted(shared, parts, body).await;
    (reply.unwrap_or_else(|refusal| *refusal), reader)
}

async fn admitted(
    shared: &Arc<Shared>,
    parts: &Parts,
    body: Incoming,
) -> Result<Reply, Box<Reply>> {
    let route = route(parts.uri.path()).map_err(|why| {
        Box::new(match why {
            NoRoute::Malformed(why) => Reply::bad_request(&why),
            NoRoute::Unknown => Reply::refused(
                StatusCode::NOT_FOUND,
                "no_such_route",
                "there are /health, /cache and /bundle/<data_id>/ with probe, window, stats or \
                 display",
            ),
        })
    })?;
    let is_posted = parts.method == Method::POST;
    let allow = match route {
        Route::Bundle { .. } => "GET, HEAD, POST, OPTIONS",
        Route::Health | Route::Cache => "GET, HEAD, OPTIONS",
    };
    match parts.method {
        Method::OPTIONS => return Ok(preflight(&parts.headers, allow)),
        Method::GET | Method::HEAD => {}
        Method::POST if matches!(route, Route::Bundle { .. }) => {}
        _ => {
            let message = format!("this takes {allow}");
            let status = StatusCode::METHOD_NOT_ALLOWED;
            let reply = Reply::refused(status, "method_not_allowed", &message);
            return Err(Box::new(reply.with(hyper::header::ALLOW, allow)));
        }
    }
    let id = correlation(&parts.headers)?.map(str::to_owned);
    let body = if is_posted { read(shared, body).await? } else { Vec::new() };
    let question = Question {
        route,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body,
        // Only what is got can be known already (RFC 9110, section 13.1.2).
        headers: if is_posted { HeaderMap::new() } else { known(&parts.headers) },
    };
    let shared = Arc::clone(shared);
    let answered = tokio::task::spawn_blocking(move || {
        correlated(id.as_deref(), || shared.answers.answer(&question))
    });
    answered.await.map_err(|_| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Box::new(Reply::refused(status, "panicked", "the answer could not be made"))
    })
}

async fn read(shared: &Shared, body: Incoming) -> Result<Vec<u8>, Box<Reply>> {
    let limits = &shared.limits;
    let read = body::read(body, limits.body_bytes);
    match tokio::time::timeout(limits.request_time, read).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(Unread::TooLong)) => {
            let message = format!("a body has up to {} bytes", limits.body_bytes);
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            Err(Box::new(Reply::refused(status, "body_too_long", &message)))
        }
        Ok(Err(Unread::Broken)) => Err(Box::new(Reply::bad_request("the body broke off"))),
        Err(_) => {
            let status = StatusCode::REQUEST_TIMEOUT;
            Err(Box::new(Reply::refused(status, "too_slow", "the body did not come in time")))
        }
    }
}

/// Returns what a client says about answers that it has.
fn known(headers: &HeaderMap) -> HeaderMap {
    let name = hyper::header::IF_NONE_MATCH;
    let values = headers.get_all(&name).into_iter();
    values.map(|value| (name.clone(), value.clone())).collect()
}

/// Runs `work`; what it notes in the event log carries the id of the request.
fn correlated<T>(id: Option<&str>, work: impl FnOnce() -> T) -> T {
    match id {
        Some(id) => with_correlation(id, work),
        None => work(),
    }
}

/// Returns the id that the client gave its request.
fn correlation(headers: &HeaderMap) -> Result<Option<&str>, Box<Reply>> {
    let Some(value) = headers.get(CORRELATION) else { return Ok(None) };
    match value.to_str() {
        Ok(id) if !id.is_empty() && id.len() <= LONGEST_CORRELATION => Ok(Some(id)),
        _ => Err(Box::new(Reply::bad_request(
            "`X-Correlation-Id` has 1 to 128 visible ASCII characters",
        ))),
    }
}
