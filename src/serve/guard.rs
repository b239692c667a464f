//! Who may ask: tokens, and what web pages of others could do to a server on loopback.

use std::net::IpAddr;

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::Uri;

use super::reply::Reply;
use super::token::Token;

/// Whose web pages may read answers: an origin as browsers send it, or all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedOrigin(String);

impl AllowedOrigin {
    /// Reads `scheme://host`, with `:port` if it is not the scheme's own, or `*` for all.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<AllowedOrigin, String> {
        let text = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
        let is_origin = text.split_once("://").is_some_and(|(scheme, host)| {
            !scheme.is_empty()
                && !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@*,".contains(&byte))
        });
        if text == "*" || is_origin {
            return Ok(AllowedOrigin(text));
        }
        Err("write it as http://localhost:8888, or * for all".into())
    }

    /// Whether it stands for all.
    pub fn is_any(&self) -> bool {
        self.0 == "*"
    }

    fn allows(&self, origin: &str) -> bool {
        self.is_any() || self.0.eq_ignore_ascii_case(origin)
    }
}

/// What decides who may ask.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    pub(super) token: Option<Token>,
    pub(super) origins: Vec<AllowedOrigin>,
}

/// The origin of a web page that may read the answer; `None` if no page asks.
pub(super) type Reader = Option<HeaderValue>;

impl Guard {
    /// Returns who may read the answer, or the reply to one who may not ask.
    pub(super) fn admit(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        is_preflight: bool,
    ) -> Result<Reader, Box<Reply>> {
        // Without a token, being on this machine is what lets in. Web pages are on it as well: one
        // whose name leads to 127.0.0.1 would count as the server's own, but for its name.
        if self.token.is_none() {
            check_host(uri, headers)?;
        }
        let reader = self.check_origin(headers)?;
        // A browser asks beforehand without the token.
        if let Some(token) = self.token.as_ref().filter(|_| !is_preflight) {
            let given = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
            let given = given.and_then(bearer);
            if !given.is_some_and(|given| token.is(given)) {
                let message = match given {
                    Some(_) => "this is not the token that the server was started with",
                    None => "the server wants its token: `Authorization: Bearer …`",
                };
                let reply = Reply::refused(StatusCode::UNAUTHORIZED, "unauthorized", message);
                let challenge = "Bearer realm=\"recell\"";
                let reply = reply.with(header::WWW_AUTHENTICATE, challenge);
                return Err(Box::new(reply.readable_by(reader.as_ref())));
            }
        }
        Ok(reader)
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<Reader, Box<Reply>> {
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(None) };
        let text = origin.to_str().unwrap_or_default();
        if self.origins.iter().any(|allowed| allowed.allows(text)) {
            return Ok(Some(origin.clone()));
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let own = text.split_once("://").map(|(_, host)| host);
        if own.is_some() && own == host {
            return Ok(None);
        }
        let shown: String = text.chars().take(100).collect();
        let message = format!(
            "web pages of `{shown}` may not ask here: start with `recell serve --allow-origin {shown}`"
        );
        let code = "origin_not_allowed";
        Err(Box::new(Reply::refused(StatusCode::FORBIDDEN, code, &message)))
    }
}

impl Reply {
    /// Lets a web page read the answer.
    pub(super) fn readable_by(self, reader: Option<&HeaderValue>) -> Reply {
        let Some(origin) = reader.and_then(|it| it.to_str().ok()) else { return self };
        self.with(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)
            .with(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED)
            .with(header::VARY, "Origin")
    }
}

/// The headers that a web page may read besides the usual ones.
const EXPOSED: &str = "ETag, Accept-Ranges, Content-Range, Retry-After, X-Correlation-Id, \
    X-Recell-Version, X-Recell-Start, X-Recell-End, X-Recell-Total-Rows, X-Recell-Sampled";

/// Returns the answer to a browser that asks what its page may ask.
pub(super) fn preflight(headers: &HeaderMap, allow: &str) -> Reply {
    let reply = Reply::empty(StatusCode::NO_CONTENT).with(header::ALLOW, allow);
    if !headers.contains_key(header::ORIGIN) {
        return reply;
    }
    let reply = reply
        .with(header::ACCESS_CONTROL_ALLOW_METHODS, allow)
        .with(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "Authorization, Content-Type, If-None-Match, If-Range, Range, X-Correlation-Id",
        )
        .with(header::ACCESS_CONTROL_MAX_AGE, "600");
    // Browsers ask so before a page of the web speaks with a server of this machine.
    if headers.contains_key("access-control-request-private-network") {
        let allowed = header::HeaderName::from_static("access-control-allow-private-network");
        return reply.with(allowed, "true");
    }
    reply
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn check_host(uri: &Uri, headers: &HeaderMap) -> Result<(), Box<Reply>> {
    let mut named = headers.get_all(header::HOST).into_iter();
    let host = named.next().map(|host| host.to_str().unwrap_or_default());
    if host.is_none() || named.next().is_some() {
        return Err(Box::new(Reply::bad_request("it does not say which `Host` it is for")));
    }
    // A request line with a whole address counts more than the header.
    let whole = uri.authority().map(hyper::http::uri::Authority::as_str);
    match host.into_iter().chain(whole).find(|host| !is_loopback(host)) {
        None => Ok(()),
        Some(other) => {
            let shown: String = other.chars().take(100).collect();
            let message = format!(
                "it is for `{shown}`, and without a token only `localhost` and `127.0.0.1` are \
                 served: start with `recell serve --token auto`"
            );
            Err(Box::new(Reply::refused(StatusCode::FORBIDDEN, "wrong_host", &message)))
        }
    }
}

/// Whether `host`, with or without a port, is a name of this machine that no name server decides.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => {
            let Some((address, port)) = rest.split_once(']') else { return false };
            if !(port.is_empty() || port.strip_prefix(':').is_some_and(is_port)) {
                return false;
            }
            address
        }
        None => match host.split_once(':') {
            Some((name, port)) if is_port(port) => name,
            Some(_) => return false,
            None => host,
        },
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(token: Option<&str>, origins: &[&str]) -> Guard {
        let token = token.map(|token| Token::read(token, "test").unwrap());
        let origins = origins.iter().map(|it| AllowedOrigin::parse(it).unwrap()).collect();
        Guard { token, origins }
    }

    fn status(guard: &Guard, headers: &[(&'static str, &str)], is_preflight: bool) -> u16 {
        let pair = |(name, value): &(&'static str, &str)| {
            (header::HeaderName::from_static(name), value.parse().unwrap())
        };
        let headers = headers.iter().map(pair).collect();
        let found = guard.admit(&Uri::from_static("/health"), &headers, is_preflight);
        found.map_or_else(|reply| reply.status.as_u16(), |_| 200)
    }

    #[test]
    fn names_that_a_name_server_decides_are_not_loopback() {
        for (host, expected) in [
            ("localhost", true),
            ("LocalHost:8642", true),
            ("127.0.0.1", true),
            ("127.0.0.1:80", true),
            ("127.9.9.9:80", true),
            ("[::1]", true),
            ("[::1]:8642", true),
            ("", false),
            ("evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example:8642", false),
            ("localhost:", false),
            ("localhost:80@evil.example", false),
            ("10.0.0.1", false),
            ("[::1", false),
            ("[::1]evil", false),
            ("[::2]:80", false),
            ("2130706433", false),
        ] {
            assert_eq!(is_loopback(host), expected, "{host}");
        }
    }

    #[test]
    fn without_a_token_it_is_this_machine_that_counts() {
        let guard = guard(None, &[]);
        for (headers, expected, why) in [
            (&[("host", "localhost:1")][..], 200, "this machine"),
            (&[("host", "evil.example")], 403, "a name that leads here"),
            (&[], 400, "no name at all"),
            (&[("host", "localhost"), ("host", "evil.example")], 400, "two names"),
            (
                &[("host", "localhost:1"), ("origin", "http://evil.example")],
                403,
                "a page of others",
            ),
            (&[("host", "localhost:1"), ("origin", "null")], 403, "a page of nobody"),
            (
                &[("host", "localhost:1"), ("origin", "http://localhost:1")],
                200,
                "a page of its own",
            ),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, value.parse().unwrap());
            }
            let found = guard.admit(&Uri::from_static("/"), &map, false);
            assert_eq!(found.map_or_else(|it| it.status.as_u16(), |_| 200), expected, "{why}");
        }
        let map = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("localhost"))]);
        let whole = Uri::from_static("http://evil.example/health");
        assert!(guard.admit(&whole, &map, false).is_err(), "a whole address counts as well");
    }

    #[test]
    fn with_a_token_only_the_token_counts() {
        let guard = guard(Some("0123456789abcdef"), &["http://a.example"]);
        let host = ("host", "any.example");
        for (value, expected) in [
            ("Bearer 0123456789abcdef", 200),
            ("bearer  0123456789abcdef ", 200),
            ("Bearer 0123456789abcdeg", 401),
            ("Bearer", 401),
            ("Basic 0123456789abcdef", 401),
            ("0123456789abcdef", 401),
        ] {
            assert_eq!(
                status(&guard, &[host, ("authorization", value)], false),
                expected,
                "{value}"
            );
        }
        assert_eq!(status(&guard, &[host], false), 401);
        let page = ("origin", "http://a.example");
        assert_eq!(status(&guard, &[host, page], true), 200, "browsers ask beforehand without it");
        assert_eq!(status(&guard, &[host, ("origin", "http://b.example")], true), 403);
    }

    #[test]
    fn origins_are_schemes_and_hosts() {
        for (text, expected) in [
            ("http://localhost:8888", true),
            ("https://a.example/", true),
            ("vscode-webview://0123", true),
            ("*", true),
            ("localhost", false),
            ("http://", false),
            ("http://a/b", false),
            ("https://*.example", false),
            ("http://a, http://b", false),
            ("", false),
        ] {
            assert_eq!(AllowedOrigin::parse(text).is_ok(), expected, "{text}");
        }
        assert!(AllowedOrigin::parse("HTTP://A.example").unwrap().allows("http://a.example"));
        assert!(!AllowedOrigin::parse("http://a.example").unwrap().allows("http://a.example:81"));
    }
}
