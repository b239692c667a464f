//! Checks a footer before the library reads it: how deep the schema is, and what is encrypted.

use super::thrift::{Input, Kind};
use crate::table::NotATable;

/// How deep columns may be nested.
const DEEPEST: usize = 64;
/// The length of the footer and the mark, at the end of a file.
const TAIL: usize = 8;
const MARK: &[u8] = b"PAR1";
const ENCRYPTED_MARK: &[u8] = b"PARE";

// The numbers of fields in `FileMetaData` and `SchemaElement`, as parquet.thrift has them.
const SCHEMA: i16 = 2;
const ROW_GROUPS: i16 = 4;
const ENCRYPTION: i16 = 8;
const CHILDREN: i16 = 5;

/// Whether the file `bytes` has a footer that the library may read.
///
/// # Errors
/// [`NotATable`] if it is cut, encrypted, or has a schema too deep or with fields that are missing.
pub(in crate::table) fn check(bytes: &[u8]) -> Result<(), NotATable> {
    let mut input = Input::new(footer_of(bytes)?);
    let mut last = 0;
    while let Some(field) = input.field(&mut last)? {
        match field.id {
            SCHEMA if field.kind == Kind::List => check_schema(&mut input)?,
            ENCRYPTION => return Err(encrypted()),
            _ => input.skip(field.kind)?,
        }
    }
    Ok(())
}

/// The head of a list of no structs.
pub(super) const NO_STRUCTS: u8 = 0x0c;

/// Returns where the head of the list of row groups is, if it does not say of what it is a list:
/// fastparquet writes it so for a table without rows, and the library refuses that.
pub(super) fn groups_of_nothing(bytes: &[u8]) -> Option<usize> {
    let footer = footer_of(bytes).ok()?;
    let start = bytes.len() - TAIL - footer.len();
    let mut input = Input::new(footer);
    let mut last = 0;
    while let Some(field) = input.field(&mut last).ok()? {
        if field.id == ROW_GROUPS && field.kind == Kind::List {
            let at = input.position();
            return (footer.get(at) == Some(&0)).then_some(start + at);
        }
        input.skip(field.kind).ok()?;
    }
    None
}

fn encrypted() -> NotATable {
    NotATable("it is encrypted".into())
}

fn footer_of(bytes: &[u8]) -> Result<&[u8], NotATable> {
    let foreign = || NotATable("it is no parquet".into());
    if bytes.len() < MARK.len() + TAIL {
        return Err(NotATable("it is cut, or no parquet".into()));
    }
    let (body, tail) = bytes.split_at(bytes.len() - TAIL);
    let (length, mark) = tail.split_at(4);
    if mark == ENCRYPTED_MARK {
        return Err(encrypted());
    }
    if mark != MARK || !bytes.starts_with(MARK) {
        return Err(foreign());
    }
    let length = u32::from_le_bytes(length.try_into().expect("four bytes were split off"));
    let start = usize::try_from(length).ok().and_then(|length| body.len().checked_sub(length));
    let start = start.filter(|start| *start >= MARK.len());
    Ok(&body[start.ok_or_else(|| NotATable("it is cut".into()))?..])
}

fn check_schema(input: &mut Input) -> Result<(), NotATable> {
    let (kind, count) = input.list()?;
    if kind != Kind::Struct {
        return Err(NotATable("its schema cannot be read".into()));
    }
    // How many fields are still to come, of the root and each group down to here.
    let mut open: Vec<i64> = Vec::new();
    for number in 0..count {
        let (mut last, mut children) = (0, 0);
        while let Some(field) = input.field(&mut last)? {
            if field.id == CHILDREN && field.kind == Kind::Int {
                children = input.int()?;
            } else {
                input.skip(field.kind)?;
            }
        }
        let left = count - number - 1;
        if usize::try_from(children).map_or(true, |children| children > left) {
            return Err(NotATable("its schema lacks fields".into()));
        }
        if let Some(siblings) = open.last_mut() {
            *siblings -= 1;
        }
        if children > 0 {
            open.push(children);
        }
        while open.last() == Some(&0) {
            open.pop();
        }
        if open.len() > DEEPEST {
            return Err(NotATable("its columns are nested too deeply".into()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(footer: &[u8]) -> Vec<u8> {
        let length = u32::try_from(footer.len()).unwrap();
        [MARK, footer, &length.to_le_bytes(), MARK].concat()
    }

    #[test]
    fn a_schema_that_would_end_the_process_is_refused() {
        // A list of `count` groups, each with `children` fields.
        let groups = |count: u8, children: u8| {
            let group = [0x55, children * 2, 0x00];
            let head = [0x29, 0xfc, count];
            file(&[&head[..], &group.repeat(usize::from(count)), &[0]].concat())
        };
        for (bytes, refused, why) in [
            (groups(120, 1), "nested too deeply", "each in the one before"),
            (groups(20, 63), "lacks fields", "more fields than there are"),
            (file(&[0x8c, 0x00, 0x00]), "encrypted", "columns are"),
            (file(b"\x29"), "cannot be read", "cut in the schema"),
            (b"PAR1\xff\xff\xff\x7fPAR1".to_vec(), "cut", "a footer larger than the file"),
            (b"PAR1\0\0\0\0PARE".to_vec(), "encrypted", "all of it is"),
            (b"PAR1".to_vec(), "cut", "only the mark"),
            (b"a,b\n1,2\n3,4\n".to_vec(), "no parquet", "something else"),
        ] {
            let found = check(&bytes).unwrap_err().to_string();
            assert!(found.contains(refused), "{why}: {found}");
        }
        assert_eq!(check(&file(&[0])), Ok(()), "what is missing is for the library to say");
    }
}
