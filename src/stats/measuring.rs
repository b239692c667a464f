//! How long the forms of stats take, on the stats of a real bundle: 20 columns of 42 stats.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::hint::black_box;
use std::time::Instant;

use super::{buckaroo, columnar, text};

fn median(what: &str, mut run: impl FnMut()) {
    let mut micros: Vec<u128> = (0..500)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_micros()
        })
        .collect();
    micros.sort_unstable();
    println!("{what}: {} µs (median), {} µs (best)", micros[250], micros[0]);
}

#[test]
#[ignore = "a measurement: run it with --release, alone"]
fn every_form_of_a_real_bundle() {
    let path = std::path::Path::new("fixtures/buckaroo/bundle/sd.parquet");
    let foreign = crate::disk::read(path).unwrap();
    let stats = buckaroo::read_sd_parquet(foreign.clone()).unwrap();
    let canonical = text::encode(&stats);
    let json = buckaroo::write_sd_json(&stats);
    let table = columnar::encode(&stats).unwrap();
    println!("text {}, sd_json {}, parquet {} bytes", canonical.len(), json.len(), table.len());
    median("text to stats", || drop(black_box(text::decode(canonical.as_bytes()))));
    median("stats to text", || drop(black_box(text::encode(&stats))));
    median("sd_json to stats", || drop(black_box(buckaroo::read_sd_json(&json))));
    median("sd.parquet to stats", || drop(black_box(buckaroo::read_sd_parquet(foreign.clone()))));
    median("stats to stats.parquet", || drop(black_box(columnar::encode(&stats))));
    median("stats.parquet to stats", || drop(black_box(columnar::decode(table.clone()))));
}
