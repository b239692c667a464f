//! The addresses of static remotes (docs/static-remotes.md).

use std::fmt;
use std::path::{Path, PathBuf};

use crate::disk;
use crate::error::{Error, Result};

/// The file that tells a folder which is a static remote from a repository of git.
pub(super) const MARKER: &str = "recell-static";

/// Where a static remote is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StaticAddress {
    /// `static+file:///path`, or `file:///path` and `/path` of a folder with the marker.
    Folder(PathBuf),
    /// `s3://bucket/prefix`.
    S3(Bucket),
    /// `gs://bucket/prefix`.
    Google(Bucket),
    /// `az://container/prefix`, or `azure://` as others write it.
    Azure(Bucket),
    /// `static+https://host/path`, read only. The text begins with `http`.
    Web(String),
}

/// A place in an object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// The bucket, or what Azure calls a container.
    pub(crate) name: String,
    /// What all keys begin with, without slashes at its ends; may be empty.
    pub(crate) prefix: String,
}

const STATIC: &str = "static+";

impl StaticAddress {
    /// Reads an address; `None` if it is one for git.
    ///
    /// # Errors
    /// [`Error::StaticAddress`] if it says that it is one of a static remote and makes no sense.
    pub(crate) fn parse(text: &str) -> Result<Option<StaticAddress>> {
        let bad =
            |reason: &'static str| Error::StaticAddress { address: without_user(text), reason };
        let Some((scheme, rest)) = text.split_once("://") else {
            let path = Path::new(text);
            let is_static = path.is_absolute() && is_marked(path);
            return Ok(is_static.then(|| StaticAddress::Folder(path.to_owned())));
        };
        let bucket = |rest: &str| -> Result<Bucket> {
            let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if name.contains('@') {
                return Err(bad("credentials do not belong into an address"));
            }
            if name.is_empty() {
                return Err(bad("the name of the bucket is missing"));
            }
            if name.contains(['?', '#', ':', '%', '\\']) || prefix.contains(['?', '#', '\\']) {
                return Err(bad("it has characters that mean nothing here"));
            }
            let prefix = prefix.trim_matches('/');
            if prefix.split('/').any(|part| matches!(part, "." | "..") || part.is_empty())
                && !prefix.is_empty()
            {
                return Err(bad("a step of its path is empty, `.` or `..`"));
            }
            Ok(Bucket { name: name.to_owned(), prefix: prefix.to_owned() })
        };
        let folder = |rest: &str| -> Result<PathBuf> {
            let path = rest.strip_prefix("localhost").unwrap_or(rest);
            if !path.starts_with('/') {
                return Err(bad("a folder is written with three slashes, as in `file:///path`"));
            }
            Ok(PathBuf::from(percent_decoded(path).ok_or_else(|| bad("its `%` make no sense"))?))
        };
        Ok(Some(match scheme.to_ascii_lowercase().as_str() {
            "s3" => StaticAddress::S3(bucket(rest)?),
            "gs" => StaticAddress::Google(bucket(rest)?),
            "az" | "azure" => StaticAddress::Azure(bucket(rest)?),
            "static+file" => StaticAddress::Folder(folder(rest)?),
            "static+https" | "static+http" => {
                let host = rest.split('/').next().unwrap_or_default();
                if host.is_empty() {
                    return Err(bad("the name of the host is missing"));
                }
                if host.contains('@') {
                    return Err(bad("credentials do not belong into an address"));
                }
                let text = text.get(STATIC.len()..).unwrap_or_default();
                StaticAddress::Web(text.trim_end_matches('/').to_owned())
            }
            "file" => {
                let path = folder(rest)?;
                if !is_marked(&path) {
                    return Ok(None);
                }
                StaticAddress::Folder(path)
            }
            other if other.starts_with(STATIC) => {
                return Err(bad("after `static+` comes `file`, `https` or `http`"));
            }
            _ => return Ok(None),
        }))
    }
}

/// Whether the folder was made a static remote.
fn is_marked(path: &Path) -> bool {
    disk::is_there(&path.join(MARKER))
}

/// Returns the address without what stands before an `@` in its host: it may be a secret.
fn without_user(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
    let slash = if rest.contains('/') { "/" } else { "" };
    match host.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}{slash}{path}"),
        None => text.to_owned(),
    }
}

fn percent_decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            let hex = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok().filter(|path| !path.contains('\0'))
}

impl fmt::Display for StaticAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, bucket) = match self {
            StaticAddress::Folder(path) => return write!(f, "static+file://{}", path.display()),
            StaticAddress::Web(url) => return write!(f, "static+{url}"),
            StaticAddress::S3(bucket) => ("s3", bucket),
            StaticAddress::Google(bucket) => ("gs", bucket),
            StaticAddress::Azure(bucket) => ("az", bucket),
        };
        write!(f, "{scheme}://{}", bucket.name)?;
        if bucket.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", bucket.prefix) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_that_people_know() {
        for (text, shown, why) in [
            ("s3://bucket/a/b/", Some("s3://bucket/a/b"), "a prefix"),
            ("s3://bucket", Some("s3://bucket"), "all of a bucket"),
            ("gs://bucket/p", Some("gs://bucket/p"), "Google"),
            ("az://box/p", Some("az://box/p"), "Azure"),
            ("azure://box/p", Some("az://box/p"), "as DVC writes it"),
            ("static+file:///srv/a%20b", Some("static+file:///srv/a b"), "a folder"),
            ("static+https://host/p/", Some("static+https://host/p"), "a web server"),
            ("STATIC+HTTP://host/p", Some("static+HTTP://host/p"), "schemes have no case"),
            ("https://host/p.git", None, "git's smart HTTP"),
            ("file:///srv/x.git", None, "a folder without the marker is git's"),
            ("/srv/x.git", None, "a path"),
            ("git@host:x.git", None, "ssh"),
            ("../s3", None, "a relative path"),
        ] {
            let found = StaticAddress::parse(text).unwrap().map(|found| found.to_string());
            assert_eq!(found.as_deref(), shown, "{why}");
        }
        for (text, why) in [
            ("s3://", "no bucket"),
            ("s3:///x", "no bucket"),
            ("s3://b/../x", "a way out"),
            ("s3://b/a//x", "an empty step"),
            ("s3://key:secret@b/x", "credentials"),
            ("static+ssh://host/x", "no such transport"),
            ("static+file://host/x", "another machine"),
            ("static+https:///x", "no host"),
            ("static+https://me:secret@host/x", "credentials"),
        ] {
            let error = StaticAddress::parse(text).unwrap_err();
            assert_eq!(error.code(), "static_address", "{why}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_marked_folder_is_a_static_remote() {
        let folder = tempfile::tempdir().unwrap();
        disk::replace(&folder.path().join(MARKER), b"1\n").unwrap();
        let path = folder.path().to_str().unwrap();
        let expected = Some(StaticAddress::Folder(folder.path().to_owned()));
        assert_eq!(StaticAddress::parse(path).unwrap(), expected);
        assert_eq!(StaticAddress::parse(&format!("file://{path}")).unwrap(), expected);
    }
}
