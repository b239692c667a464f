//! What is answered: bundles, as replies. Nothing here knows of sockets, and nothing changes the
//! store.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderName};
use serde_json::{Value, json};

use super::asked::{Asked, Parameters, Route, StatsFormat, What};
use super::reply::{Reply, knows, tag_of};
use crate::bundle::{
    Bundle, BundleStore, Mismatch, Probe, StatsState, WindowAnswer, WindowRequest,
};
use crate::error::Error;
use crate::lookup::{Lookup, Miss};
use crate::stats::{columnar, document};

const PARQUET: &str = "application/vnd.apache.parquet";
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// Which entry an answer is of.
pub(super) const VERSION: HeaderName = HeaderName::from_static("x-recell-version");
const START: HeaderName = HeaderName::from_static("x-recell-start");
const END: HeaderName = HeaderName::from_static("x-recell-end");
const TOTAL_ROWS: HeaderName = HeaderName::from_static("x-recell-total-rows");
const SAMPLED: HeaderName = HeaderName::from_static("x-recell-sampled");

/// Answers what is asked of the bundles of a store.
pub(super) struct Answers {
    pub(super) bundles: BundleStore,
    /// Where bundles are looked for unless a request names another space.
    pub(super) space: String,
}

/// A request, read whole.
pub(super) struct Question {
    pub(super) route: Route,
    pub(super) query: String,
    pub(super) body: Vec<u8>,
    /// What the client says about answers that it has already; empty where that means nothing.
    pub(super) headers: HeaderMap,
}

/// An answer, or the reply that says why there is none.
type Answered = Result<Reply, Box<Reply>>;

impl Answers {
    /// Answers a question.
    pub(super) fn answer(&self, question: &Question) -> Reply {
        self.look(question).unwrap_or_else(|refusal| *refusal)
    }

    fn look(&self, question: &Question) -> Answered {
        let malformed = |why: String| Box::new(Reply::bad_request(&why));
        let parameters = Parameters::read(&question.query, &question.body).map_err(malformed)?;
        match &question.route {
            Route::Health => {
                parameters.only(&[]).map_err(malformed)?;
                let value = json!({ "recell": env!("CARGO_PKG_VERSION"), "space": self.space });
                Ok(Reply::json(StatusCode::OK, &value))
            }
            Route::Cache => {
                parameters.only(&["space"]).map_err(malformed)?;
                let space = parameters.text("space").map_err(malformed)?.unwrap_or(&self.space);
                let report = self.bundles.report(space).map_err(failed)?;
                let mut value = report.to_json();
                value["space"] = space.into();
                Ok(tagged(Reply::json(StatusCode::OK, &value)))
            }
            Route::Bundle { data_id, what } => {
                let asked = Asked::read(data_id, *what, &parameters, &self.space);
                let asked = asked.map_err(malformed)?;
                match what {
                    What::Probe => self.probe(&asked),
                    What::Window => self.window(&asked, &question.headers),
                    What::Stats => self.stats(&asked, &question.headers),
                    What::Display => self.display(&asked, &question.headers),
                }
            }
        }
    }

    fn find(&self, asked: &Asked) -> Result<Probe, Box<Reply>> {
        let schema = asked.schema.as_ref();
        match &asked.version {
            None => self.bundles.probe(&asked.key, schema),
            Some(version) => self.bundles.version_of(&asked.key, version, schema),
        }
        .map_err(failed)
    }

    fn bundle(&self, asked: &Asked) -> Result<Arc<Bundle>, Box<Reply>> {
        match self.find(asked)? {
            Probe::Hit(bundle) => Ok(bundle),
            Probe::Miss(miss) => Err(missed(&miss)),
            Probe::Mismatch(mismatch) => Err(mismatched(&mismatch)),
        }
    }

    /// Says what there is, which is an answer also where there is nothing.
    fn probe(&self, asked: &Asked) -> Answered {
        let mut value = json!({
            "result": Value::Null,
            "reason": Value::Null,
            "detail": Value::Null,
            "version": Value::Null,
            "created_at": Value::Null,
            "bounds": Value::Null,
            "stats": Value::Null,
            "scopes": Value::Null,
            "sampled": Value::Null,
            "nearby": Value::Null,
        });
        let probe = self.find(asked)?;
        value["result"] = probe.name().into();
        match &probe {
            Probe::Hit(bundle) => {
                let bounds = bundle.bounds();
                value["version"] = bundle.name().as_str().into();
                value["created_at"] = bundle.name().created_at().to_rfc3339().into();
                value["bounds"] = json!({
                    "start": bounds.start, "end": bounds.end, "total_rows": bounds.total_rows,
                });
                value["stats"] = bundle.stats_state().name().into();
                value["scopes"] = bundle.stats_scopes().iter().map(|it| it.name()).collect();
                value["sampled"] = bundle.is_sampled().into();
            }
            Probe::Miss(miss) => {
                value["reason"] = miss.code().into();
                value["detail"] = miss.to_string().into();
            }
            Probe::Mismatch(mismatch) => {
                value["reason"] = mismatch.code().into();
                value["detail"] = mismatch.to_string().into();
            }
        }
        if !matches!(probe, Probe::Hit(_)) {
            let nearby = self.bundles.nearby(&asked.key).map_err(failed)?;
            value["nearby"] =
                json!({ "configurations": nearby.configurations, "states": nearby.scopes });
        }
        Ok(tagged(Reply::json(StatusCode::OK, &value)))
    }

    fn window(&self, asked: &Asked, known: &HeaderMap) -> Answered {
        let bundle = self.bundle(asked)?;
        let stored = bundle.bounds();
        let start = asked.start.unwrap_or_else(|| stored.start.min(asked.end.unwrap_or(u64::MAX)));
        let end = asked.end.unwrap_or_else(|| stored.end.max(start));
        let sort = asked.sort.clone();
        let tag = {
            let sort = sort.as_deref().unwrap_or_default();
            let tree = bundle.entry().tree();
            let (start, end) = (start.to_le_bytes(), end.to_le_bytes());
            tag_of(&[b"window", tree.as_bytes(), &start, &end, sort.as_bytes()])
        };
        let reply = |bytes| of(&bundle, PARQUET, bytes).with(header::ETAG, &tag).in_parts();
        if knows(known, &tag) {
            return Ok(reply(Vec::new()));
        }
        let is_sorted = sort.is_some();
        match bundle.window(&WindowRequest { start, end, sort, operations: None }) {
            Lookup::Hit(WindowAnswer::Rows(rows)) => Ok(reply(rows.parquet)
                .with(START, &rows.bounds.start.to_string())
                .with(END, &rows.bounds.end.to_string())
                .with(TOTAL_ROWS, &rows.bounds.total_rows.to_string())),
            Lookup::Hit(WindowAnswer::AskSource(reason)) => {
                let (status, code) = if is_sorted {
                    (StatusCode::CONFLICT, "sorted")
                } else {
                    (StatusCode::RANGE_NOT_SATISFIABLE, "rows_not_stored")
                };
                let value = json!({
                    "error": { "code": code, "message": reason },
                    "ask": "source",
                    "bounds": {
                        "start": stored.start, "end": stored.end, "total_rows": stored.total_rows,
                    },
                });
                Err(Box::new(versioned(Reply::json(status, &value), &bundle)))
            }
            Lookup::Miss(miss) => Err(missed(&miss)),
        }
    }

    fn stats(&self, asked: &Asked, known: &HeaderMap) -> Answered {
        let bundle = self.bundle(asked)?;
        if bundle.stats_state() == StatsState::Pending {
            let value = json!({ "stats": "pending", "version": bundle.name().as_str() });
            let reply = versioned(Reply::json(StatusCode::ACCEPTED, &value), &bundle);
            return Ok(reply.with(header::RETRY_AFTER, "1"));
        }
        let (scope, format) = (asked.scope, asked.format);
        let tree = bundle.entry().tree();
        let names = [scope.name().as_bytes(), format.name().as_bytes()];
        let tag = tag_of(&[b"stats", tree.as_bytes(), names[0], names[1]]);
        let is_sampled = if bundle.is_scope_sampled(scope) { "true" } else { "false" };
        let reply = |media_type, bytes| {
            let reply = of(&bundle, media_type, bytes).with(header::ETAG, &tag);
            reply.with(SAMPLED, is_sampled).in_parts()
        };
        if knows(known, &tag) {
            return Ok(reply(TEXT, Vec::new()));
        }
        let read = || bundle.stats(scope).ok();
        match format {
            StatsFormat::Text => match bundle.stats_text(scope) {
                Lookup::Hit(text) => Ok(reply(TEXT, text)),
                Lookup::Miss(miss) => Err(missed(&miss)),
            },
            StatsFormat::Json => {
                let document = document(&*read().map_err(|miss| missed(&miss))?);
                Ok(reply(JSON, format!("{document}\n").into_bytes()))
            }
            StatsFormat::Parquet => {
                let stats = read().map_err(|miss| missed(&miss))?;
                let table = columnar::encode(&stats).map_err(|why| {
                    let failed = StatusCode::INTERNAL_SERVER_ERROR;
                    Box::new(Reply::refused(failed, "not_encoded", &why.to_string()))
                })?;
                Ok(reply(PARQUET, table))
            }
        }
    }

    fn display(&self, asked: &Asked, known: &HeaderMap) -> Answered {
        let bundle = self.bundle(asked)?;
        let overrides = asked.overrides.as_ref().filter(|(overrides, _)| !overrides.is_empty());
        let text = overrides.map_or("", |(_, text)| text);
        let tag = tag_of(&[b"display", bundle.entry().tree().as_bytes(), text.as_bytes()]);
        let reply = |bytes| of(&bundle, JSON, bytes).with(header::ETAG, &tag).in_parts();
        if knows(known, &tag) {
            return Ok(reply(Vec::new()));
        }
        let Some((overrides, _)) = overrides else { return Ok(reply(bundle.display().to_vec())) };
        match bundle.display_with(overrides) {
            Lookup::Hit(display) => Ok(reply(format!("{display}\n").into_bytes())),
            Lookup::Miss(miss) => Err(missed(&miss)),
        }
    }
}

/// Returns the reply of bytes of a bundle.
fn of(bundle: &Bundle, media_type: &'static str, bytes: Vec<u8>) -> Reply {
    versioned(Reply::bytes(StatusCode::OK, media_type, bytes), bundle)
}

fn versioned(reply: Reply, bundle: &Bundle) -> Reply {
    reply.with(VERSION, bundle.name().as_str())
}

/// Tags a reply by its bytes.
fn tagged(reply: Reply) -> Reply {
    let tag = tag_of(&[reply.body()]);
    reply.with(header::ETAG, &tag)
}

fn missed(miss: &Miss) -> Box<Reply> {
    let value = json!({
        "result": "miss",
        "error": { "code": miss.code(), "message": miss.to_string() },
        "ask": "source",
    });
    Box::new(Reply::json(StatusCode::NOT_FOUND, &value))
}

fn mismatched(mismatch: &Mismatch) -> Box<Reply> {
    let value = json!({
        "result": "mismatch",
        "error": { "code": mismatch.code(), "message": mismatch.to_string() },
        "ask": "source",
    });
    Box::new(Reply::json(StatusCode::CONFLICT, &value))
}

/// Returns the reply where the store itself cannot be read.
#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn failed(error: Error) -> Box<Reply> {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Box::new(Reply::refused(status, error.code(), &error.to_string()))
}
