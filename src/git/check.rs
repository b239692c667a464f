//! Whether the files of a repository are what git and recell wrote: packs, indices, loose objects,
//! `packed-refs`.

use std::path::{Path, PathBuf};

use gix::ObjectId;
use gix::odb::pack;
use rayon::prelude::*;

use super::objects::{Hasher, object_id};
use super::packs::{ObjectProblem, Pack};
use super::refs::HEADER;
use crate::config::ObjectFormat;
use crate::disk;
use crate::error::Result;

/// Something in a file that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// The stable word for this kind of flaw.
    pub(crate) code: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) what: String,
}

impl Flaw {
    pub(crate) fn new(code: &'static str, path: &Path, what: impl Into<String>) -> Flaw {
        Flaw { code, path: path.to_owned(), what: what.into() }
    }
}

/// What the check of a pack found.
#[derive(Debug, Default)]
pub(crate) struct CheckedPack {
    /// The objects that its index names.
    pub(crate) objects: Vec<ObjectId>,
    pub(crate) flaws: Vec<Flaw>,
}

/// Checks that a pack and its index can be opened and, if `full`, every byte of them: checksums,
/// and every object against its id.
pub(crate) fn check_pack(index_path: &Path, format: ObjectFormat, full: bool) -> CheckedPack {
    let mut checked = CheckedPack::default();
    let pack_path = index_path.with_extension("pack");
    let index = match pack::index::File::at(index_path, format.gix()) {
        Ok(index) => index,
        Err(error) => {
            checked.flaws.push(Flaw::new("damaged_index", index_path, error.to_string()));
            return checked;
        }
    };
    checked.objects = index.iter().map(|entry| entry.oid).collect();
    if full {
        checked.flaws.extend(check_trailer("damaged_index", index_path, format));
    }
    if !disk::is_there(&pack_path) {
        checked.flaws.push(Flaw::new("missing_pack", &pack_path, "its index is there"));
        return checked;
    }
    let pack = Pack::new(index_path.to_owned(), 0, index);
    match pack.data(format) {
        Ok(data) if data.num_objects() as usize != checked.objects.len() => {
            let what = format!(
                "it has {} objects, and its index {}",
                data.num_objects(),
                checked.objects.len()
            );
            checked.flaws.push(Flaw::new("damaged_pack", &pack_path, what));
        }
        Ok(_) => {}
        Err(problem) => {
            checked.flaws.push(Flaw::new("damaged_pack", &pack_path, reason(problem)));
            return checked;
        }
    }
    if full {
        checked.flaws.extend(check_trailer("damaged_pack", &pack_path, format));
        let bad = checked.objects.par_iter().filter_map(|id| {
            let what = check_object(&pack, id, format).err()?;
            Some(Flaw::new("damaged_object", &pack_path, format!("{id}: {what}")))
        });
        checked.flaws.extend(bad.collect::<Vec<_>>());
    }
    checked
}

fn check_object(pack: &Pack, id: &ObjectId, format: ObjectFormat) -> Result<(), String> {
    let mut content = Vec::new();
    let offset = pack.offset_of(id).ok_or("its index does not lead to it")?;
    let kind = pack.read(format, offset, &mut content).map_err(reason)?;
    if object_id(format, kind, &content) == *id {
        return Ok(());
    }
    Err("its bytes are not what was stored".into())
}

fn reason(problem: ObjectProblem) -> String {
    match problem {
        ObjectProblem::Missing => "it is not there".into(),
        ObjectProblem::Damaged(reason) => reason,
    }
}

/// Checks a file that ends in the checksum of what stands before, as those of git do.
pub(crate) fn check_trailer(code: &'static str, path: &Path, format: ObjectFormat) -> Option<Flaw> {
    match ends_in_its_checksum(path, format) {
        Ok(true) => None,
        Ok(false) => Some(Flaw::new(code, path, "its checksum is not that of its bytes")),
        Err(error) => Some(Flaw::new(code, path, error.to_string())),
    }
}

fn ends_in_its_checksum(path: &Path, format: ObjectFormat) -> Result<bool> {
    let file = disk::open(path)?;
    let size = disk::signature_of(&file, path)?.size();
    let Some(end) = size.checked_sub(format.id_len() as u64) else { return Ok(false) };
    let mut hasher = Hasher::new(format);
    let mut window = vec![0; 1 << 20];
    let mut at = 0;
    while at < end {
        let len = usize::try_from((end - at).min(window.len() as u64)).unwrap_or(window.len());
        disk::read_at(&file, path, &mut window[..len], at)?;
        hasher.update(&window[..len]);
        at += len as u64;
    }
    let mut trailer = vec![0; format.id_len()];
    disk::read_at(&file, path, &mut trailer, end)?;
    Ok(trailer == hasher.finish().as_bytes())
}

/// One ref, or what stands below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckedRef {
    pub(crate) name: String,
    pub(crate) id: ObjectId,
    /// What git noted that an annotated tag stands for in the end.
    pub(crate) peeled: Option<ObjectId>,
}

/// Reads `packed-refs` line by line, and says what is not as git writes it.
///
/// # Errors
/// [`crate::Error::Disk`] if it cannot be read.
pub(crate) fn check_packed_refs(
    git_dir: &Path,
    format: ObjectFormat,
) -> Result<(Vec<CheckedRef>, Vec<Flaw>)> {
    let path = git_dir.join("packed-refs");
    let Some(bytes) = disk::read_if_there(&path)? else { return Ok((Vec::new(), Vec::new())) };
    Ok(check_refs_text(&bytes, &path, format))
}

/// Reads the text of `packed-refs`, or of a copy of it, which is in the file `path`.
pub(crate) fn check_refs_text(
    bytes: &[u8],
    path: &Path,
    format: ObjectFormat,
) -> (Vec<CheckedRef>, Vec<Flaw>) {
    let mut refs: Vec<CheckedRef> = Vec::new();
    let mut flaws = Vec::new();
    let mut flaw = |line: usize, what: &str| {
        flaws.push(Flaw::new("damaged_refs", path, format!("line {line}: {what}")));
    };
    let Some(body) = bytes.strip_suffix(b"\n") else {
        flaw(0, "its last line has no end");
        return (refs, flaws);
    };
    for (number, line) in body.split(|&byte| byte == b'\n').enumerate() {
        let number = number + 1;
        if number == 1 && [line, b"\n"].concat() == HEADER {
            continue;
        }
        if let Some(hex) = line.strip_prefix(b"^") {
            match (refs.last_mut(), object_of_hex(hex, format)) {
                (Some(last), Some(id)) if last.peeled.is_none() => last.peeled = Some(id),
                _ => flaw(number, "it is no id under a tag"),
            }
            continue;
        }
        let read = line.split_at_checked(2 * format.id_len()).and_then(|(hex, rest)| {
            let name = std::str::from_utf8(rest.strip_prefix(b" ")?).ok()?;
            is_ref_name(name).then_some((object_of_hex(hex, format)?, name.to_owned()))
        });
        let Some((id, name)) = read else {
            flaw(number, if number == 1 { "it is not git's header" } else { "it is no ref" });
            continue;
        };
        if refs.last().is_some_and(|last| last.name >= name) {
            flaw(number, "it is not in the order of names");
        }
        refs.push(CheckedRef { name, id, peeled: None });
    }
    (refs, flaws)
}

/// Reads an id as git spells it: lower-case hex of just the right length.
pub(crate) fn object_of_hex(hex: &[u8], format: ObjectFormat) -> Option<ObjectId> {
    let is_plain = hex.len() == 2 * format.id_len()
        && hex.iter().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte));
    ObjectId::from_hex(hex).ok().filter(|_| is_plain)
}

/// Whether git would take the name for a ref (`git check-ref-format`, without its rarer rules).
pub(crate) fn is_ref_name(name: &str) -> bool {
    name.starts_with("refs/")
        && name.bytes().all(|byte| byte > b' ' && byte != 0x7f && !b"~^:?*[\\".contains(&byte))
        && !name.contains("..")
        && !name.contains("@{")
        && name.split('/').all(|part| {
            !part.is_empty() && !part.starts_with('.') && !part.as_bytes().ends_with(b".lock")
        })
}
