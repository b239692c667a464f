//! Files of stats, told apart by what is in them.

use super::{NotStatsFile, Stats, buckaroo, columnar, statcache, text};

/// What the first line of canonical text begins with.
const TEXT: &[u8] = b"recell-stats ";
/// What every parquet file begins with.
const PARQUET: &[u8] = b"PAR1";

/// Returns the stats in a file: canonical text, recell's `stats.parquet`, Buckaroo's `sd.parquet`,
/// or a part of its `StatCache`, whose stats of the table as a whole are left out.
///
/// # Errors
/// [`NotStatsFile`] if it is none of these.
pub fn read_any(bytes: &[u8]) -> Result<Stats, NotStatsFile> {
    if bytes.starts_with(TEXT) {
        return Ok(text::decode(bytes)?);
    }
    if !bytes.starts_with(PARQUET) {
        let known = "it is neither `recell-stats` text nor parquet";
        return Err(NotStatsFile(known.into()));
    }
    let own = columnar::decode(bytes.to_vec());
    let Err(own) = own else { return own };
    let sd = buckaroo::read_sd_parquet(bytes.to_vec());
    let Err(sd) = sd else { return sd };
    match statcache::read_part(bytes.to_vec()) {
        Ok(part) => Ok(part.stats().1),
        Err(part) => Err(NotStatsFile(format!(
            "it is no stats.parquet of recell ({own}), no sd.parquet ({sd}), and no part of a \
             StatCache ({part})"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{ColumnStats, StatMap, StatValue};

    #[test]
    fn files_are_told_apart_by_what_is_in_them() {
        let name = StatValue::text("year");
        let stats =
            StatMap::from_iter([("min", StatValue::Int(2013)), ("orig_col_name", name.clone())]);
        let stats = Stats { columns: vec![ColumnStats { short: "a".into(), name, stats }] };
        for (bytes, what) in [
            (text::encode(&stats).into_bytes(), "text"),
            (columnar::encode(&stats).unwrap(), "parquet"),
            (buckaroo::write_sd_parquet(&stats).unwrap(), "Buckaroo's"),
        ] {
            assert_eq!(read_any(&bytes).as_ref(), Ok(&stats), "{what}");
        }
    }

    #[test]
    fn what_is_none_of_them_is_refused_with_the_reason() {
        for (bytes, why) in [
            (&b""[..], "neither"),
            (b"{\"a\": 1}", "neither"),
            (b"recell-stats 9\n", "version 9"),
            (b"PAR1", "no sd.parquet"),
        ] {
            let found = read_any(bytes).unwrap_err().to_string();
            assert!(found.contains(why), "{found}");
        }
    }
}
