//! The stats of a Buckaroo bundle: `sd.parquet`, one row and one column with a JSON text.
//!
//! Its codec says less than there is to say, and its JSON is what Python takes for JSON: bare
//! `Infinity`, lone surrogates, integers of any size. It is read as Python reads it, and nothing in
//! it is refused: what is not understood is [`StatValue::Opaque`](super::StatValue::Opaque).

mod read;
mod write;

use super::NotStatsFile;
use super::model::Stats;
use crate::table::{
    Cells, NewColumn, ParquetTable, TableLimits, Value, read_parquet_columns, write_parquet,
};

pub use read::read_sd_json;
pub use write::write_sd_json;

/// The column that holds the JSON.
const COLUMN: &str = "sd_json";
/// Larger files are refused.
const LIMITS: TableLimits = TableLimits { cells: 1_000, bytes: 1 << 30 };
/// The key that makes an object a tagged value.
const TAG: &str = "__bk_t__";
/// The key of the value of such an object.
const VALUE: &str = "v";
/// What begins the tag of an opaque value that came from Buckaroo.
const OPAQUE: &str = "buckaroo:";
/// The tag of what Buckaroo has no tag for, so that only its text is left.
const STR: &str = "buckaroo:str";
/// The tag of what stood in place of a column's stats.
const ODD_COLUMN: &str = "buckaroo:column";
/// The stat that Buckaroo leaves out, as it is a whole column.
const LEFT_OUT: &str = "value_counts";
/// The stat that has the name that the table gives the column.
const NAME: &str = "orig_col_name";

/// Returns the stats in an `sd.parquet`.
///
/// # Errors
/// [`NotStatsFile`] if the bytes are no parquet file of one row with a text `sd_json`, or that text
/// is no object of objects even to Python.
pub fn read_sd_parquet(bytes: Vec<u8>) -> Result<Stats, NotStatsFile> {
    let table = match read_parquet_columns(bytes, LIMITS, &[COLUMN])? {
        ParquetTable::Whole(table) => table,
        ParquetTable::TooLarge(_) => return Err(NotStatsFile("it is too large".into())),
    };
    match table.columns.first().map(|column| column.values.as_slice()) {
        Some([Value::Text(text)]) => read_sd_json(text),
        _ => Err(NotStatsFile(format!("it is not one row with a text `{COLUMN}`"))),
    }
}

/// Returns the stats as an `sd.parquet` that Buckaroo's `deserialize_sd` reads.
///
/// What [`write_sd_json`] says of values holds here too.
///
/// # Errors
/// [`NotStatsFile`] if the text is 2 GiB or larger.
pub fn write_sd_parquet(stats: &Stats) -> Result<Vec<u8>, NotStatsFile> {
    let cells = Cells::Text(vec![Some(write_sd_json(stats))]);
    Ok(write_parquet(&[NewColumn::new(COLUMN, cells)])?)
}

#[cfg(test)]
mod tests;
