//! The metadata of fields in Arrow's own schema (a flatbuffer), and nothing else of it.
//!
//! Every offset in it is checked against the bytes that are there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The number by which newer writers mark the beginning of a message.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// The kind of message that is a schema.
const SCHEMA: u8 = 1;

/// A field of the schema: its name, and keys and values about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ArrowField {
    pub(super) name: String,
    pub(super) metadata: Vec<(String, String)>,
}

/// Returns the fields of a schema as parquet files have it: an IPC message in base64.
pub(super) fn arrow_fields(base64: &str) -> Option<Vec<ArrowField>> {
    let bytes = STANDARD.decode(base64.trim()).ok()?;
    let framed = bytes.strip_prefix(&CONTINUATION).unwrap_or(&bytes);
    let (size, rest) = framed.split_first_chunk::<4>()?;
    let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
    let buffer = Buffer(rest.get(..size)?);
    let message = buffer.table(0)?;
    if buffer.0.get(buffer.field(message, 1)?)? != &SCHEMA {
        return None;
    }
    let schema = buffer.linked(message, 2)?;
    let fields = buffer.vector(buffer.field(schema, 1)?)?;
    fields.map(|at| field(buffer, buffer.table(at)?)).collect()
}

fn field(buffer: Buffer<'_>, table: usize) -> Option<ArrowField> {
    let text = |table, number| match buffer.field(table, number) {
        Some(at) => buffer.text(at),
        None => Some(String::new()),
    };
    let metadata = match buffer.field(table, 6) {
        Some(at) => buffer
            .vector(at)?
            .map(|at| buffer.table(at).and_then(|pair| Some((text(pair, 0)?, text(pair, 1)?))))
            .collect::<Option<_>>()?,
        None => Vec::new(),
    };
    Some(ArrowField { name: text(table, 0)?, metadata })
}

/// Flatbuffer bytes; what is not inside them is `None`.
#[derive(Clone, Copy)]
struct Buffer<'a>(&'a [u8]);

impl Buffer<'_> {
    fn number<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    fn u32(self, at: usize) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.number(at)?)).ok()
    }

    /// Returns where the table is to which the offset at `at` leads.
    fn table(self, at: usize) -> Option<usize> {
        at.checked_add(self.u32(at)?).filter(|it| *it < self.0.len())
    }

    /// Returns where a field of a table is, if it has it.
    fn field(self, table: usize, number: usize) -> Option<usize> {
        let back = i64::from(i32::from_le_bytes(self.number(table)?));
        let vtable = usize::try_from(i64::try_from(table).ok()?.checked_sub(back)?).ok()?;
        let size = usize::from(u16::from_le_bytes(self.number(vtable)?));
        let slot = 4 + 2 * number;
        if slot + 2 > size {
            return None;
        }
        let offset = u16::from_le_bytes(self.number(vtable.checked_add(slot)?)?);
        (offset != 0).then(|| table.checked_add(usize::from(offset)))?
    }

    /// Returns where the table is that is a field of another.
    fn linked(self, table: usize, number: usize) -> Option<usize> {
        self.table(self.field(table, number)?)
    }

    /// Returns where the items of a vector are.
    fn vector(self, at: usize) -> Option<impl Iterator<Item = usize>> {
        let start = self.table(at)?;
        let count = self.u32(start)?;
        let first = start.checked_add(4)?;
        let end = first.checked_add(count.checked_mul(4)?)?;
        (end <= self.0.len()).then(|| (first..end).step_by(4))
    }

    fn text(self, at: usize) -> Option<String> {
        let start = self.table(at)?;
        let first = start.checked_add(4)?;
        let bytes = self.0.get(first..first.checked_add(self.u32(start)?)?)?;
        String::from_utf8(bytes.to_vec()).ok()
    }
}
