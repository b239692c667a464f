//! One event, and the line that it is.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::lookup::Miss;
use crate::name::EntryName;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum EventKind {
    /// An entry was looked up and handed out for use.
    Hit,
    /// An entry was looked up for use and could not be handed out.
    Miss,
    /// It is stored, but is not what the caller would accept: a bundle of other columns.
    Mismatch,
    /// An entry was stored.
    Put,
    /// Something was let go to stay below a cap, unasked.
    Eviction,
    /// An entry was removed by a rule or by hand.
    Prune,
    /// Removed entries were brought back.
    Undo,
    /// Something was sent to a remote or brought from one.
    Sync,
    /// Bytes of what nothing names were given back.
    Gc,
    /// Events were not written; the count says how many.
    Dropped,
    /// What a later release notes.
    Other(String),
}

/// The kinds with their words, in the order in which they are listed.
const KINDS: [(EventKind, &str); 10] = [
    (EventKind::Hit, "hit"),
    (EventKind::Miss, "miss"),
    (EventKind::Mismatch, "mismatch"),
    (EventKind::Put, "put"),
    (EventKind::Eviction, "eviction"),
    (EventKind::Prune, "prune"),
    (EventKind::Undo, "undo"),
    (EventKind::Sync, "sync"),
    (EventKind::Gc, "gc"),
    (EventKind::Dropped, "dropped"),
];

impl EventKind {
    /// Returns every kind that this release notes.
    pub fn all() -> impl Iterator<Item = EventKind> {
        KINDS.into_iter().map(|(kind, _)| kind)
    }

    /// Returns the stable word.
    pub fn as_str(&self) -> &str {
        if let EventKind::Other(word) = self {
            return word;
        }
        KINDS.iter().find(|(kind, _)| kind == self).map_or("", |(_, word)| word)
    }
}

impl From<String> for EventKind {
    fn from(word: String) -> EventKind {
        let known = KINDS.into_iter().find(|(_, known)| *known == word);
        known.map_or(EventKind::Other(word), |(kind, _)| kind)
    }
}

impl From<EventKind> for String {
    fn from(kind: EventKind) -> String {
        kind.as_str().to_owned()
    }
}

/// One event. It names results and never holds what is in them. The fields stand in a line in this
/// order; those that are `None` are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When it happened. [`Timestamp::MIN`] has the log say when it was noted.
    #[serde(with = "rfc3339")]
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// The key, as `notebook:cell:module[:version]`. Where it is not said, it is that of `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The name of the entry, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The part that it is about, if not the whole entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// What was being done, where the kind does not say: `push`, `pull`, `fetch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Cow<'static, str>>,
    /// Why, as a stable word: the code of a miss or an error, the rule of a removal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'static, str>>,
    /// Why, in words, where there is more to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The address of the remote, without user and password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// How many entries, or how many events were dropped, where it is not one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Bytes: of all parts of the entry, that travelled, or that were given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How long it took, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micros: Option<u64>,
    /// How long the result took to compute, as its entry says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute_seconds: Option<f64>,
    /// Who noted it: `recell restore`, `library`, `bundle`. Where it is not said, the log knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Cow<'static, str>>,
    /// The process, or the value of `RECELL_RUN`; set by the log.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "shared")]
    pub run: Option<Arc<str>>,
    /// What belongs together: the scope it was noted in, or the value of `RECELL_CORRELATION`.
    /// Where it is not said, the log sets it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "shared")]
    pub correlation: Option<Arc<str>>,
}

impl Event {
    /// Returns an event of which only the kind is said.
    pub fn new(kind: EventKind) -> Event {
        Event {
            at: Timestamp::MIN,
            kind,
            key: None,
            name: None,
            part: None,
            action: None,
            reason: None,
            detail: None,
            remote: None,
            count: None,
            bytes: None,
            micros: None,
            compute_seconds: None,
            source: None,
            run: None,
            correlation: None,
        }
    }

    /// Returns an event about an entry.
    pub fn of_entry(kind: EventKind, name: &EntryName) -> Event {
        Event { name: Some(name.as_str().to_owned()), ..Event::new(kind) }
    }

    /// Returns an event about a lookup under `key` that found nothing to hand out.
    pub fn of_miss(key: String, miss: &Miss) -> Event {
        Event {
            key: Some(key),
            reason: Some(miss.code().into()),
            // Of what was never stored, the key says all.
            detail: (miss.code() != "never_stored").then(|| miss.to_string()),
            ..Event::new(EventKind::Miss)
        }
    }

    /// Returns the name of the entry, if it is one.
    pub fn entry_name(&self) -> Option<EntryName> {
        self.name.as_deref().and_then(|name| name.parse().ok())
    }

    /// Returns the line with its end; nothing in it but the end is one.
    pub fn to_line(&self) -> String {
        let mut line = Vec::with_capacity(320);
        self.write_line(&mut line);
        String::from_utf8(line).expect("JSON is UTF-8")
    }

    /// Adds the line with its end to `out`.
    pub(super) fn write_line(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(&mut *out, self).expect("an event is texts and numbers");
        out.push(b'\n');
    }

    /// Reads a line; `None` if it is none. Fields that are not known are passed by.
    pub fn from_line(line: &str) -> Option<Event> {
        serde_json::from_str(line).ok()
    }
}

/// Texts that many events share.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "as serde calls it")]
    pub(super) fn serialize<S: Serializer>(
        text: &Option<Arc<str>>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        text.as_deref().serialize(out)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Arc<str>>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(Arc::from))
    }
}

mod rfc3339 {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::clock::Timestamp;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(super) fn serialize<S: Serializer>(at: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&at.to_rfc3339())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        let wrong = || serde::de::Error::custom("it is no time");
        Timestamp::from_rfc3339(&text).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_fields_in_one_order_and_reads_back() {
        let event = Event {
            at: Timestamp::from_micros(1_795_224_240_123_456),
            key: Some("a:b\n\u{1}:c".into()),
            reason: Some("never_stored".into()),
            bytes: Some(u64::MAX),
            micros: Some(0),
            compute_seconds: Some(0.1),
            run: Some("0123".into()),
            ..Event::new(EventKind::Miss)
        };
        let line = event.to_line();
        let expected = r#"{"at":"2026-11-21T01:24:00.123456Z","kind":"miss","key":"a:b\n\u0001:c","#
            .to_owned()
            + r#""reason":"never_stored","bytes":18446744073709551615,"micros":0,"#
            + r#""compute_seconds":0.1,"run":"0123"}"# + "\n";
        assert_eq!(line, expected);
        assert_eq!(Event::from_line(&line), Some(event));
    }

    #[test]
    fn what_a_later_release_adds_is_read() {
        let line = r#"{"at":"2026-11-21T01:24:00Z","kind":"thaw","degrees":4}"#;
        let event = Event::from_line(line).unwrap();
        assert_eq!(event.kind, EventKind::Other("thaw".into()));
        for (bad, why) in [
            ("", "nothing"),
            (r#"{"at":"2026-11-21T01:24:00Z","kind":"hi"#, "a torn line"),
            (r#"{"kind":"hit"}"#, "no time"),
            (r#"{"at":"yesterday","kind":"hit"}"#, "a time that is none"),
            ("[]", "another document"),
        ] {
            assert_eq!(Event::from_line(bad), None, "{why}");
        }
    }

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        for kind in EventKind::all() {
            assert_eq!(EventKind::from(kind.as_str().to_owned()), kind);
        }
    }
}
