//! The stats in Buckaroo's files.

use crate::stats::buckaroo::{read_sd_parquet, write_sd_parquet};
use crate::stats::statcache::read_part;
use crate::stats::{StatValue, Stats};

/// The stat that says of how many rows a column's stats are.
const LENGTH: &str = "length";

/// Reads the stats of an `sd.parquet`.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn read(bytes: &[u8]) -> Result<Stats, String> {
    read_sd_parquet(bytes.to_vec()).map_err(|error| error.to_string())
}

/// Returns stats as an `sd.parquet`.
///
/// # Errors
/// Why they are none, in words.
pub(super) fn write(stats: &Stats) -> Result<Vec<u8>, String> {
    write_sd_parquet(stats).map_err(|error| error.to_string())
}

/// Returns of how many rows the stats are, those of the column with the fewest; `None` if no column
/// says it.
pub(super) fn rows(stats: &Stats) -> Option<u64> {
    let length = |value: &StatValue| match value {
        StatValue::Int(number) => u64::try_from(*number).ok(),
        StatValue::Numpy(numpy) => match &numpy.value {
            StatValue::Int(number) => u64::try_from(*number).ok(),
            _ => None,
        },
        _ => None,
    };
    stats.columns.iter().filter_map(|column| length(column.stats.get(LENGTH)?)).min()
}

/// Whether bytes are a part of a cache of stats.
///
/// # Errors
/// What is wrong with them, in words.
pub(super) fn check_part(bytes: &[u8]) -> Result<(), String> {
    read_part(bytes.to_vec()).map(drop).map_err(|error| error.to_string())
}
