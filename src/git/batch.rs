//! What `git cat-file --batch` and `--batch-check` answer.

use gix::ObjectId;

/// What git answered about one name.
pub(super) enum Answer<'a> {
    /// An object: its id, git's word for its kind, its bytes if they were asked for.
    Object(ObjectId, &'a str, &'a [u8]),
    /// There is none of that name here.
    Missing,
}

/// Reads one answer, without bytes where `--batch-check` was asked, and returns it with what
/// follows; `None` at the end.
pub(super) fn first_answer(output: &[u8], has_bytes: bool) -> Option<(Answer<'_>, &[u8])> {
    let end = memchr::memchr(b'\n', output)?;
    let (line, rest) = (&output[..end], &output[end + 1..]);
    let head = head_of(line).and_then(|(id, kind, size)| Some((id, kind, size.try_into().ok()?)));
    let Some((id, kind, size)): Option<(_, _, usize)> = head else {
        return Some((Answer::Missing, rest));
    };
    if !has_bytes {
        return Some((Answer::Object(id, kind, &[]), rest));
    }
    let bytes = rest.get(..size)?;
    Some((Answer::Object(id, kind, bytes), rest.get(size + 1..).unwrap_or_default()))
}

/// Reads the line before an object's bytes: its id, git's word for its kind, and how many bytes.
/// `None` if there is no object: then the line is the name that was asked for, and `missing` or
/// `ambiguous`.
pub(super) fn head_of(line: &[u8]) -> Option<(ObjectId, &str, u64)> {
    let mut words = line.split(|byte| *byte == b' ');
    let (id, kind, size) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() {
        return None;
    }
    let text = |bytes| std::str::from_utf8(bytes).ok();
    Some((ObjectId::from_hex(id).ok()?, text(kind)?, text(size)?.parse().ok()?))
}
