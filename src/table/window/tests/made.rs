//! Tables of any schema, as the library writes them and as it reads them back.

use std::sync::Arc;

use bytes::Bytes;
use fastrand::Rng;
use parquet::basic::{Compression, Repetition, Type as Physical, ZstdLevel};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::*;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnDescriptor, Type, TypePtr};
use proptest::prelude::*;

/// A value of a leaf with its levels: where it repeats, how much of it is there, its bytes.
pub(super) type Cell = (i16, i16, Option<Vec<u8>>);
/// The cells of one row of one leaf.
pub(super) type Row = Vec<Cell>;

/// How a table is written.
#[derive(Debug, Clone)]
pub(super) struct Make {
    pub(super) fields: Vec<String>,
    pub(super) groups: Vec<usize>,
    pub(super) compression: Compression,
    pub(super) dictionary: bool,
    pub(super) index: bool,
    pub(super) version: WriterVersion,
    pub(super) page: usize,
    pub(super) seed: u64,
}

/// Every type of a leaf, as it is spelled before and after its name.
const LEAVES: [(&str, &str); 22] = [
    ("boolean", ""),
    ("int32", ""),
    ("int32", "(INTEGER(8,true))"),
    ("int32", "(INTEGER(16,false))"),
    ("int32", "(DATE)"),
    ("int32", "(DECIMAL(7,2))"),
    ("int32", "(TIME(MILLIS,false))"),
    ("int64", ""),
    ("int64", "(INTEGER(64,false))"),
    ("int64", "(TIMESTAMP(NANOS,true))"),
    ("int64", "(TIMESTAMP(NANOS,false))"),
    ("int64", "(TIMESTAMP(MICROS,true))"),
    ("int96", ""),
    ("float", ""),
    ("double", ""),
    ("binary", ""),
    ("binary", "(STRING)"),
    ("binary", "(JSON)"),
    ("binary", "(ENUM)"),
    ("fixed_len_byte_array(16)", "(UUID)"),
    ("fixed_len_byte_array(5)", "(DECIMAL(10,3))"),
    ("fixed_len_byte_array(2)", "(FLOAT16)"),
];

fn leaf(name: &'static str) -> impl Strategy<Value = String> {
    (prop::sample::select(&["required", "optional"][..]), prop::sample::select(&LEAVES[..]))
        .prop_map(move |(often, (kind, logical))| format!("{often} {kind} {name} {logical};"))
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => leaf("plain"),
        1 => leaf("element").prop_map(|it| {
            format!("optional group list (LIST) {{ repeated group list {{ {it} }} }}")
        }),
        1 => (leaf("x"), leaf("y")).prop_map(|(x, y)| format!("optional group both {{ {x} {y} }}")),
        1 => leaf("element").prop_map(|it| format!(
            "required group deep (LIST) {{ repeated group list {{ optional group element (LIST) {{ \
             repeated group list {{ {it} }} }} }} }}"
        )),
        1 => (leaf("key"), leaf("value")).prop_map(|(_, value)| format!(
            "optional group map (MAP) {{ repeated group key_value {{ required binary key (STRING); \
             {value} }} }}"
        )),
        1 => Just("repeated int64 old;".to_owned()),
    ]
}

/// Returns tables of any kind.
pub(super) fn any_table() -> impl Strategy<Value = Make> {
    let compression = prop::sample::select(vec![
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4_RAW,
    ]);
    let version =
        prop::sample::select(&[WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0][..]);
    (
        prop::collection::vec(field(), 1..6),
        prop::collection::vec(1_usize..120, 0..4),
        compression,
        any::<bool>(),
        any::<bool>(),
        version,
        prop::sample::select(&[16_usize, 200, 1 << 20][..]),
        any::<u64>(),
    )
        .prop_map(|(fields, groups, compression, dictionary, index, version, page, seed)| {
            Make { fields, groups, compression, dictionary, index, version, page, seed }
        })
}

impl Make {
    /// Returns how a table with such fields is written, when nothing else matters.
    pub(super) fn of(fields: &[&str], rows: usize) -> Make {
        Make {
            fields: fields.iter().map(|it| (*it).to_owned()).collect(),
            groups: vec![rows],
            compression: Compression::SNAPPY,
            dictionary: true,
            index: false,
            version: WriterVersion::PARQUET_1_0,
            page: 1 << 20,
            seed: 7,
        }
    }

    /// Returns the file, and the rows of each leaf in it.
    pub(super) fn make(&self, metadata: &[(&str, &str)]) -> (Vec<u8>, Vec<Vec<Row>>) {
        let schema = format!("message table {{ {} }}", self.fields.join(" "));
        let schema: TypePtr = Arc::new(parse_message_type(&schema).unwrap());
        let metadata =
            metadata.iter().map(|(key, value)| KeyValue::new((*key).into(), (*value).to_owned()));
        let properties = WriterProperties::builder()
            .set_compression(self.compression)
            .set_dictionary_enabled(self.dictionary)
            .set_offset_index_disabled(!self.index)
            .set_writer_version(self.version)
            .set_data_page_size_limit(self.page)
            .set_write_batch_size(16)
            .set_key_value_metadata(Some(metadata.collect()))
            .build();
        let mut rng = Rng::with_seed(self.seed);
        let mut out = Vec::new();
        let mut file = SerializedFileWriter::new(&mut out, schema, properties.into()).unwrap();
        let leaves: Vec<_> = file.schema_descr().columns().to_vec();
        let roots: Vec<_> =
            (0..leaves.len()).map(|at| file.schema_descr().get_column_root_ptr(at)).collect();
        let mut table = vec![Vec::new(); leaves.len()];
        for rows in &self.groups {
            let mut group = file.next_row_group().unwrap();
            for ((leaf, root), rows_of) in leaves.iter().zip(&roots).zip(&mut table) {
                let mut writer = group.next_column().unwrap().unwrap();
                let path = path_of(root, leaf);
                let made: Vec<Row> = (0..*rows).map(|_| row(&path, leaf, &mut rng)).collect();
                write(&mut writer, leaf, &made);
                writer.close().unwrap();
                rows_of.extend(made);
            }
            group.close().unwrap();
        }
        file.close().unwrap();
        (out, table)
    }
}

/// Returns how often each group on the way to a leaf is there, and the leaf itself.
fn path_of(root: &Type, leaf: &ColumnDescriptor) -> Vec<Repetition> {
    let mut at = root;
    let mut path = vec![root.get_basic_info().repetition()];
    for part in &leaf.path().parts()[1..] {
        at = at.get_fields().iter().find(|field| field.name() == part).unwrap();
        path.push(at.get_basic_info().repetition());
    }
    path
}

fn row(path: &[Repetition], leaf: &ColumnDescriptor, rng: &mut Rng) -> Row {
    fn step(
        path: &[Repetition],
        (level, defined, lists): (i16, i16, i16),
        leaf: &ColumnDescriptor,
        rng: &mut Rng,
        out: &mut Row,
    ) {
        let Some((first, rest)) = path.split_first() else {
            out.push((level, defined, Some(value(leaf, rng))));
            return;
        };
        match first {
            Repetition::REQUIRED => step(rest, (level, defined, lists), leaf, rng, out),
            Repetition::OPTIONAL if rng.u8(..4) == 0 => out.push((level, defined, None)),
            Repetition::OPTIONAL => step(rest, (level, defined + 1, lists), leaf, rng, out),
            Repetition::REPEATED => {
                let items = rng.u8(..4);
                if items == 0 {
                    out.push((level, defined, None));
                }
                for item in 0..items {
                    let level = if item == 0 { level } else { lists + 1 };
                    step(rest, (level, defined + 1, lists + 1), leaf, rng, out);
                }
            }
        }
    }
    let mut out = Vec::new();
    step(path, (0, 0, 0), leaf, rng, &mut out);
    out
}

fn value(leaf: &ColumnDescriptor, rng: &mut Rng) -> Vec<u8> {
    // Few different ones, so that dictionaries are worth it.
    let number = if rng.bool() { rng.u64(..) } else { rng.u64(..5) };
    let bytes = number.to_le_bytes();
    match leaf.physical_type() {
        Physical::BOOLEAN => vec![bytes[0] & 1],
        Physical::INT32 | Physical::FLOAT => bytes[..4].to_vec(),
        Physical::INT64 | Physical::DOUBLE => bytes.to_vec(),
        Physical::INT96 => [&bytes[..], &bytes[..4]].concat(),
        Physical::BYTE_ARRAY => format!("\"{}\"", "é".repeat(usize::from(bytes[0] % 9))).into(),
        Physical::FIXED_LEN_BYTE_ARRAY => {
            let length = usize::try_from(leaf.type_length()).unwrap();
            bytes.iter().cycle().take(length).copied().collect()
        }
    }
}

fn write(writer: &mut SerializedColumnWriter, leaf: &ColumnDescriptor, rows: &[Row]) {
    fn put<T: DataType>(
        writer: &mut SerializedColumnWriter,
        rows: &[Row],
        value: impl Fn(&[u8]) -> T::T,
    ) {
        let cells = || rows.iter().flatten();
        let repeated: Vec<i16> = cells().map(|cell| cell.0).collect();
        let defined: Vec<i16> = cells().map(|cell| cell.1).collect();
        let values: Vec<T::T> = cells().filter_map(|it| it.2.as_deref()).map(value).collect();
        writer.typed::<T>().write_batch(&values, Some(&defined), Some(&repeated)).unwrap();
    }
    fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
        bytes.try_into().unwrap()
    }
    match leaf.physical_type() {
        Physical::BOOLEAN => put::<BoolType>(writer, rows, |it| it[0] == 1),
        Physical::INT32 => put::<Int32Type>(writer, rows, |it| i32::from_le_bytes(array(it))),
        Physical::INT64 => put::<Int64Type>(writer, rows, |it| i64::from_le_bytes(array(it))),
        Physical::INT96 => put::<Int96Type>(writer, rows, |it| {
            let word = |at: usize| u32::from_le_bytes(array(&it[at * 4..][..4]));
            Int96::from(vec![word(0), word(1), word(2)])
        }),
        Physical::FLOAT => put::<FloatType>(writer, rows, |it| f32::from_le_bytes(array(it))),
        Physical::DOUBLE => put::<DoubleType>(writer, rows, |it| f64::from_le_bytes(array(it))),
        Physical::BYTE_ARRAY => {
            put::<ByteArrayType>(writer, rows, |it| ByteArray::from(it.to_vec()));
        }
        Physical::FIXED_LEN_BYTE_ARRAY => {
            put::<FixedLenByteArrayType>(writer, rows, |it| ByteArray::from(it.to_vec()).into());
        }
    }
}

/// What the library reads of a file: its schema, how many rows it says, and the rows of each leaf.
pub(super) fn read(bytes: Vec<u8>) -> (Type, usize, Vec<Vec<Row>>) {
    let file = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
    let footer = file.metadata().file_metadata();
    let leaves = footer.schema_descr().num_columns();
    let mut table = vec![Vec::new(); leaves];
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group).unwrap();
        for (number, rows) in table.iter_mut().enumerate() {
            let leaf = footer.schema_descr().column(number);
            rows.extend(read_leaf(group.get_column_reader(number).unwrap(), &leaf));
        }
    }
    (footer.schema().clone(), usize::try_from(footer.num_rows()).unwrap(), table)
}

fn read_leaf(reader: ColumnReader, leaf: &ColumnDescriptor) -> Vec<Row> {
    fn all<T: DataType>(
        mut reader: ColumnReaderImpl<T>,
        leaf: &ColumnDescriptor,
        bytes: impl Fn(&T::T) -> Vec<u8>,
    ) -> Vec<Row> {
        let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
        while reader
            .read_records(1000, Some(&mut defined), Some(&mut repeated), &mut values)
            .unwrap()
            .0
            > 0
        {}
        let mut values = values.iter();
        let levels = defined.len().max(repeated.len()).max(values.len());
        let mut rows: Vec<Row> = Vec::new();
        for at in 0..levels {
            let level = repeated.get(at).copied().unwrap_or_default();
            let defined = defined.get(at).copied().unwrap_or_default();
            let is_there = defined == leaf.max_def_level();
            let cell = (level, defined, is_there.then(|| bytes(values.next().unwrap())));
            if level == 0 {
                rows.push(Vec::new());
            }
            rows.last_mut().unwrap().push(cell);
        }
        rows
    }
    match reader {
        ColumnReader::BoolColumnReader(it) => all(it, leaf, |it| vec![u8::from(*it)]),
        ColumnReader::Int32ColumnReader(it) => all(it, leaf, |it| it.to_le_bytes().to_vec()),
        ColumnReader::Int64ColumnReader(it) => all(it, leaf, |it| it.to_le_bytes().to_vec()),
        ColumnReader::Int96ColumnReader(it) => {
            all(it, leaf, |it| it.data().iter().flat_map(|it| it.to_le_bytes()).collect())
        }
        ColumnReader::FloatColumnReader(it) => all(it, leaf, |it| it.to_le_bytes().to_vec()),
        ColumnReader::DoubleColumnReader(it) => all(it, leaf, |it| it.to_le_bytes().to_vec()),
        ColumnReader::ByteArrayColumnReader(it) => all(it, leaf, |it| it.data().to_vec()),
        ColumnReader::FixedLenByteArrayColumnReader(it) => all(it, leaf, |it| it.data().to_vec()),
    }
}
