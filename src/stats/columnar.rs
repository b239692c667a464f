//! Stats as a parquet table: a row for each column and stat, with typed columns for the values.
//!
//! The typed columns are for queries; `value_json` is the value of the canonical text, so that
//! nothing is lost. A column of the table without any stat has one row, whose `stat` is null.

use super::NotStatsFile;
use super::model::{ColumnStats, DAY_MICROS, StatMap, StatValue, Stats, TimeUnit};
use super::text::{read_token, read_value, token_of, value_text};
use crate::table::{
    Cells, NewColumn, ParquetTable, Table, TableLimits, Value, read_parquet_columns, write_parquet,
};

/// The columns that hold everything; all others are made of them.
const ESSENTIAL: [&str; 5] = ["position", "short", "column_json", "stat", "value_json"];
/// Larger tables are refused.
const LIMITS: TableLimits = TableLimits { cells: 200_000_000, bytes: 2 << 30 };

/// Returns the stats as a parquet file, the same bytes for the same stats.
///
/// Its columns: `position` (of the column in the table, from 0), `short`, `column` (the name as
/// text), `column_json`, `stat`, `kind`, `value_bool`, `value_int`, `value_float` (of every number,
/// as near as it comes), `value_text`, `value_bytes`, `value_timestamp` (what has a zone, in UTC)
/// and `value_datetime` (what has none), both in microseconds rounded down, and `value_json`.
///
/// # Errors
/// [`NotStatsFile`] if a value is 2 GiB or larger.
pub fn encode(stats: &Stats) -> Result<Vec<u8>, NotStatsFile> {
    let mut rows = Rows::default();
    for (position, column) in stats.columns.iter().enumerate() {
        let name = value_text(&column.name);
        let shown = column.name.as_str().map_or_else(|| name.clone(), str::to_owned);
        let head = (i64::try_from(position).unwrap_or(i64::MAX), &column.short, &shown, &name);
        if column.stats.is_empty() {
            rows.push(head, None);
        }
        for (stat, value) in column.stats.iter() {
            rows.push(head, Some((token_of(stat), value)));
        }
    }
    Ok(write_parquet(&rows.columns())?)
}

/// Returns the stats of such a parquet file.
///
/// # Errors
/// [`NotStatsFile`] if the bytes are no parquet file, or none that [`encode`] wrote.
pub fn decode(bytes: Vec<u8>) -> Result<Stats, NotStatsFile> {
    let table = match read_parquet_columns(bytes, LIMITS, &ESSENTIAL)? {
        ParquetTable::Whole(table) => table,
        ParquetTable::TooLarge(_) => return Err(NotStatsFile("it is too large".into())),
    };
    let [position, short, name, stat, json] = essential(&table)?;
    let mut stats = Stats::default();
    for row in 0..table.rows {
        let wrong = |what: &str| NotStatsFile(format!("row {}: {what}", row + 1));
        let Value::Int(at) = position[row] else { return Err(wrong("no position")) };
        let at = usize::try_from(at).map_err(|_| wrong("a position below 0"))?;
        if at == stats.columns.len() {
            let name = text(&name[row]).ok_or_else(|| wrong("no column"))?;
            stats.columns.push(ColumnStats {
                short: text(&short[row]).ok_or_else(|| wrong("no short name"))?.to_owned(),
                name: read_value(name).map_err(wrong)?,
                stats: StatMap::new(),
            });
        } else if at + 1 != stats.columns.len() {
            return Err(wrong("a position out of order"));
        }
        let column = stats.columns.last_mut().expect("the one at this position");
        match (text(&stat[row]), text(&json[row])) {
            (None, None) => {}
            (Some(stat), Some(json)) => {
                let stat = read_token(stat).map_err(wrong)?;
                let value = read_value(json).map_err(wrong)?;
                if column.stats.insert(stat, value).is_some() {
                    return Err(wrong("this stat is there twice"));
                }
            }
            _ => return Err(wrong("a stat without a value, or a value without a stat")),
        }
    }
    Ok(stats)
}

fn essential(table: &Table) -> Result<[&[Value]; 5], NotStatsFile> {
    let mut found: [&[Value]; 5] = [&[]; 5];
    for (place, name) in found.iter_mut().zip(ESSENTIAL) {
        let column = table.columns.iter().find(|column| column.name == name);
        let column = column.ok_or_else(|| NotStatsFile(format!("it has no column `{name}`")))?;
        *place = &column.values;
    }
    Ok(found)
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// The rows so far, by column.
#[derive(Default)]
struct Rows {
    position: Vec<Option<i64>>,
    short: Vec<Option<String>>,
    column: Vec<Option<String>>,
    column_json: Vec<Option<String>>,
    stat: Vec<Option<String>>,
    kind: Vec<Option<String>>,
    bools: Vec<Option<bool>>,
    ints: Vec<Option<i64>>,
    floats: Vec<Option<f64>>,
    texts: Vec<Option<String>>,
    bytes: Vec<Option<Vec<u8>>>,
    timestamps: Vec<Option<i64>>,
    datetimes: Vec<Option<i64>>,
    json: Vec<Option<String>>,
}

impl Rows {
    fn push(
        &mut self,
        (position, short, column, name): (i64, &String, &String, &String),
        stat: Option<(String, &StatValue)>,
    ) {
        self.position.push(Some(position));
        self.short.push(Some(short.clone()));
        self.column.push(Some(column.clone()));
        self.column_json.push(Some(name.clone()));
        let (stat, value) = stat.unzip();
        self.stat.push(stat);
        self.kind.push(value.map(|it| it.kind().to_owned()));
        // What numpy wraps is asked for like what Python has.
        let plain = value.map(|it| match it {
            StatValue::Numpy(numpy) if !numpy.is_time() => &numpy.value,
            other => other,
        });
        self.bools.push(match plain {
            Some(StatValue::Bool(value)) => Some(*value),
            _ => None,
        });
        self.ints.push(match plain {
            Some(StatValue::Int(number)) => Some(*number),
            _ => None,
        });
        self.floats.push(value.and_then(StatValue::as_f64));
        self.texts.push(plain.and_then(StatValue::as_str).map(str::to_owned));
        self.bytes.push(match plain {
            Some(StatValue::Bytes(bytes)) => Some(bytes.to_vec()),
            _ => None,
        });
        let (timestamp, datetime) = value.map_or((None, None), moment);
        self.timestamps.push(timestamp);
        self.datetimes.push(datetime);
        self.json.push(value.map(value_text));
    }

    fn columns(self) -> Vec<NewColumn> {
        let moments = |utc, values| Cells::Timestamp { utc, values };
        [
            ("position", Cells::Int(self.position)),
            ("short", Cells::Text(self.short)),
            ("column", Cells::Text(self.column)),
            ("column_json", Cells::Text(self.column_json)),
            ("stat", Cells::Text(self.stat)),
            ("kind", Cells::Text(self.kind)),
            ("value_bool", Cells::Bool(self.bools)),
            ("value_int", Cells::Int(self.ints)),
            ("value_float", Cells::Float(self.floats)),
            ("value_text", Cells::Text(self.texts)),
            ("value_bytes", Cells::Bytes(self.bytes)),
            ("value_timestamp", moments(true, self.timestamps)),
            ("value_datetime", moments(false, self.datetimes)),
            ("value_json", Cells::Text(self.json)),
        ]
        .into_iter()
        .map(|(name, cells)| NewColumn::new(name, cells))
        .collect()
    }
}

/// Returns the microseconds since 1970 of a point in time: in UTC, or on its own clock.
fn moment(value: &StatValue) -> (Option<i64>, Option<i64>) {
    let (micros, is_utc) = match value {
        StatValue::Timestamp { value, unit, zone } => (in_micros(*value, *unit), zone.is_some()),
        StatValue::DateTime { micros, zone, .. } => (Some(*micros), zone.is_some()),
        StatValue::Date(days) => (i64::from(*days).checked_mul(DAY_MICROS), false),
        _ => (None, false),
    };
    if is_utc { (micros, None) } else { (None, micros) }
}

fn in_micros(value: i64, unit: TimeUnit) -> Option<i64> {
    let (own, micro) = (unit.per_second(), TimeUnit::Micro.per_second());
    if own > micro { Some(value.div_euclid(own / micro)) } else { value.checked_mul(micro / own) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::samples::{any_stats, every_kind};
    use crate::stats::text;
    use crate::table::read_parquet;

    fn column(name: StatValue, values: Vec<StatValue>) -> ColumnStats {
        let stats = values.into_iter().enumerate().map(|(at, it)| (format!("s{at:03}"), it));
        ColumnStats { short: "a".into(), name, stats: stats.collect() }
    }

    #[test]
    fn any_parquet_tool_finds_values_by_type() {
        let stats = Stats { columns: vec![column(StatValue::Int(7), every_kind())] };
        let bytes = encode(&stats).unwrap();
        let Ok(ParquetTable::Whole(table)) = read_parquet(bytes, LIMITS) else { panic!() };
        let kinds: Vec<String> =
            table.columns.iter().map(|it| format!("{}: {}", it.name, it.kind)).collect();
        let rows = (0..table.rows).map(|row| {
            let cells = table.columns[5..13].iter().map(|it| it.values[row].to_string());
            cells.collect::<Vec<_>>().join(" | ").replace("null", "")
        });
        insta::assert_snapshot!(kinds.into_iter().chain(rows).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn columns_without_stats_tables_without_columns_and_twins_come_back() {
        let twins = vec![column(StatValue::text("x"), vec![StatValue::NA]); 2];
        let empty = column(StatValue::None, vec![]);
        for columns in [vec![], vec![empty.clone()], [twins, vec![empty]].concat()] {
            let stats = Stats { columns };
            assert_eq!(decode(encode(&stats).unwrap()), Ok(stats));
        }
    }

    #[test]
    fn ten_thousand_columns_come_back() {
        let one = column(StatValue::text("x"), vec![StatValue::float(f64::INFINITY); 3]);
        let stats = Stats { columns: vec![one; 10_000] };
        assert_eq!(decode(encode(&stats).unwrap()), Ok(stats));
    }

    #[test]
    fn other_tables_and_cut_ones_are_refused() {
        let good =
            encode(&Stats { columns: vec![column(StatValue::Int(7), every_kind())] }).unwrap();
        for end in (0..good.len()).step_by(97) {
            assert!(decode(good[..end].to_vec()).is_err(), "cut at {end}");
        }
        let foreign = |columns: &[NewColumn]| decode(write_parquet(columns).unwrap()).unwrap_err();
        let other = foreign(&[NewColumn::new("x", Cells::Int(vec![Some(1)]))]);
        assert!(other.to_string().contains("`position`"), "{other}");
        let cells = |text: &str| Cells::Text(vec![Some(text.to_owned())]);
        for (position, name, stat, json, what) in [
            (Some(1), "7", "min", "1", "out of order"),
            (None, "7", "min", "1", "no position"),
            (Some(0), "", "min", "1", "missing"),
            (Some(0), "7", "min", "1 2", "more follows"),
            (Some(0), "7", "\"", "1", "string"),
        ] {
            let found = foreign(&[
                NewColumn::new("position", Cells::Int(vec![position])),
                NewColumn::new("short", cells("a")),
                NewColumn::new("column_json", cells(name)),
                NewColumn::new("stat", cells(stat)),
                NewColumn::new("value_json", cells(json)),
            ]);
            assert!(found.to_string().contains(what), "{what}: {found}");
        }
    }

    proptest! {
        #[test]
        fn stats_parquet_and_text_are_made_of_one_another(stats in any_stats()) {
            let parquet = encode(&stats).unwrap();
            let back = decode(parquet.clone());
            prop_assert_eq!(back.as_ref(), Ok(&stats));
            let text = text::encode(&stats);
            let again = text::decode(text::encode(&back.unwrap()).as_bytes()).unwrap();
            prop_assert_eq!(&encode(&again).unwrap(), &parquet);
            prop_assert_eq!(text::encode(&again), text);
        }
    }
}
