//! Reads what parquet says of itself, Thrift's compact protocol, without trusting a length in it.
//!
//! The library reads the same; but it believes depths and counts, and a footer of a few kilobytes
//! can end a process by them. Whatever is read here is checked before the library sees it.

use crate::table::NotATable;

/// How deep values may be nested that are passed over.
const DEEPEST: usize = 64;

/// What a field or an item of a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A truth, which in a field is part of its head.
    Bool,
    Byte,
    /// A whole number of any width.
    Int,
    Double,
    Binary,
    List,
    Map,
    Struct,
    Uuid,
}

/// The head of a field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) id: i16,
    pub(super) kind: Kind,
}

/// Bytes in Thrift's compact protocol, and how far they are read.
#[derive(Debug, Clone)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

fn cut() -> NotATable {
    NotATable("what it says of itself cannot be read".into())
}

impl Kind {
    fn of(code: u8) -> Result<Kind, NotATable> {
        Ok(match code {
            1 | 2 => Kind::Bool,
            3 => Kind::Byte,
            4..=6 => Kind::Int,
            7 => Kind::Double,
            8 => Kind::Binary,
            9 | 10 => Kind::List,
            11 => Kind::Map,
            12 => Kind::Struct,
            13 => Kind::Uuid,
            _ => return Err(cut()),
        })
    }
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Input<'a> {
        Input { bytes, at: 0 }
    }

    /// Returns how many bytes are read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Result<u8, NotATable> {
        let byte = *self.bytes.get(self.at).ok_or_else(cut)?;
        self.at += 1;
        Ok(byte)
    }

    fn pass(&mut self, count: usize) -> Result<(), NotATable> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        self.at = end.ok_or_else(cut)?;
        Ok(())
    }

    fn unsigned(&mut self) -> Result<u64, NotATable> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(cut())
    }

    /// Reads a whole number.
    pub(super) fn int(&mut self) -> Result<i64, NotATable> {
        let raw = self.unsigned()?;
        Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    /// Reads the head of the next field of a struct, which follows the field `last`; none at its
    /// end.
    pub(super) fn field(&mut self, last: &mut i16) -> Result<Option<Field>, NotATable> {
        let head = self.byte()?;
        if head == 0 {
            return Ok(None);
        }
        let id = match head >> 4 {
            0 => i16::try_from(self.int()?).map_err(|_| cut())?,
            step => last.checked_add(i16::from(step)).ok_or_else(cut)?,
        };
        *last = id;
        Ok(Some(Field { id, kind: Kind::of(head & 0x0f)? }))
    }

    /// Reads the head of a list: of what, and how many, which is no more than the bytes that are
    /// left.
    pub(super) fn list(&mut self) -> Result<(Kind, usize), NotATable> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => usize::try_from(self.unsigned()?).map_err(|_| cut())?,
            count => usize::from(count),
        };
        if count > self.bytes.len() - self.at {
            return Err(cut());
        }
        // Of no items, fastparquet does not say what they are.
        let kind = if head == 0 { Kind::Byte } else { Kind::of(head & 0x0f)? };
        Ok((kind, count))
    }

    /// Passes over the value of a field.
    pub(super) fn skip(&mut self, kind: Kind) -> Result<(), NotATable> {
        // In a field, a truth is told by its head.
        if kind == Kind::Bool { Ok(()) } else { self.skip_value(kind, DEEPEST) }
    }

    fn skip_value(&mut self, kind: Kind, deeper: usize) -> Result<(), NotATable> {
        let deeper = deeper.checked_sub(1).ok_or_else(cut)?;
        match kind {
            Kind::Bool | Kind::Byte => self.pass(1),
            Kind::Int => self.unsigned().map(drop),
            Kind::Double => self.pass(8),
            Kind::Uuid => self.pass(16),
            Kind::Binary => {
                let length = usize::try_from(self.unsigned()?).map_err(|_| cut())?;
                self.pass(length)
            }
            Kind::List => {
                let (kind, count) = self.list()?;
                (0..count).try_for_each(|_| self.skip_value(kind, deeper))
            }
            Kind::Map => {
                let count = usize::try_from(self.unsigned()?).map_err(|_| cut())?;
                if count == 0 {
                    return Ok(());
                }
                let kinds = self.byte()?;
                let (key, value) = (Kind::of(kinds >> 4)?, Kind::of(kinds & 0x0f)?);
                (0..count).try_for_each(|_| {
                    self.skip_value(key, deeper)?;
                    self.skip_value(value, deeper)
                })
            }
            Kind::Struct => {
                let mut last = 0;
                while let Some(field) = self.field(&mut last)? {
                    if field.kind != Kind::Bool {
                        self.skip_value(field.kind, deeper)?;
                    }
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_fields_are_read_as_the_protocol_spells_them() {
        for (bytes, expected) in [(&[0x00][..], 0), (&[0x01], -1), (&[0x80, 0x01], 64)] {
            assert_eq!(Input::new(bytes).int().unwrap(), expected);
        }
        // Field 1 of number 7, field 2 that is true, field 40 with a text, the end.
        let bytes = [0x15, 0x0e, 0x11, 0x08, 0x50, 0x02, b'h', b'i', 0x00, 0xff];
        let mut input = Input::new(&bytes);
        let (mut last, mut seen) = (0, Vec::new());
        while let Some(field) = input.field(&mut last).unwrap() {
            seen.push((field.id, field.kind));
            input.skip(field.kind).unwrap();
        }
        assert_eq!(seen, [(1, Kind::Int), (2, Kind::Bool), (40, Kind::Binary)]);
        assert_eq!(input.position(), 9);
    }

    #[test]
    fn a_list_of_nothing_need_not_say_of_what() {
        let mut input = Input::new(&[0x00, 0xff]);
        input.skip(Kind::List).unwrap();
        assert_eq!(input.position(), 1);
    }

    #[test]
    fn lengths_and_depths_that_lie_are_refused() {
        let deep = [0x1c; 4096];
        for (bytes, kind, why) in [
            (&[0xff; 12][..], Kind::Int, "a number without an end"),
            (&[0xff, 0xff, 0xff, 0xff, 0x0f], Kind::Binary, "a text longer than the file"),
            (&[0xf5, 0xff, 0xff, 0xff, 0x0f], Kind::List, "a list longer than the file"),
            (&[0xff, 0xff, 0xff, 0x0f, 0x55], Kind::Map, "a map longer than the file"),
            (&deep, Kind::Struct, "structs in structs"),
            (&[0x1e, 0x00], Kind::Struct, "a kind that is none"),
        ] {
            assert!(Input::new(bytes).skip(kind).is_err(), "{why}");
        }
    }
}
