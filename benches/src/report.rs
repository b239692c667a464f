//! Figures as lines of text.

use std::time::{Duration, Instant};

/// Times `run` once.
pub(crate) fn timed<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let value = run();
    (start.elapsed(), value)
}

/// Times each call of `run` for 0..count.
pub(crate) fn each(count: usize, mut run: impl FnMut(usize)) -> Vec<Duration> {
    (0..count).map(|number| timed(|| run(number)).0).collect()
}

fn at(sorted: &[Duration], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6
}

/// Prints median, 99th percentile and mean in microseconds.
pub(crate) fn print_each(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let mean = times.iter().sum::<Duration>().as_secs_f64() * 1e6 / times.len() as f64;
    println!(
        "{what:58} p50 {:8.2} µs   p99 {:8.2} µs   mean {mean:8.2} µs",
        at(&times, 0.5),
        at(&times, 0.99)
    );
}

/// Prints a rate in bytes a second.
pub(crate) fn print_rate(what: &str, bytes: usize, times: &mut [Duration]) {
    times.sort();
    let median = times[times.len() / 2].as_secs_f64();
    println!("{what:58} {:8.0} MB/s  ({:.3} s)", bytes as f64 / 1e6 / median, median);
}

/// Prints one duration in milliseconds.
pub(crate) fn print_ms(what: &str, times: &mut [Duration]) {
    times.sort();
    println!("{what:58} {:8.3} ms", times[times.len() / 2].as_secs_f64() * 1e3);
}

/// The bytes that files below a folder take.
pub(crate) fn disk_use(folder: &std::path::Path) -> u64 {
    let mut total = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        total += if metadata.is_dir() { disk_use(&entry.path()) } else { metadata.len() };
    }
    total
}

/// A value of 1 KB: half random, half text.
pub(crate) fn small_value(seed: u64) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut value: Vec<u8> = (0..512).map(|_| rng.u8(..)).collect();
    while value.len() < 1024 {
        value.extend_from_slice(format!("step {seed} loss {:.6}\n", rng.f64()).as_bytes());
    }
    value.truncate(1024);
    value
}

/// Random float64 numbers in [0, 1) as bytes.
pub(crate) fn floats(bytes: usize, seed: u64) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(seed);
    (0..bytes / 8).flat_map(|_| rng.f64().to_le_bytes()).collect()
}
