//! Four processes that write at once.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use recell::{Draft, ExecutionKey, ObjectFormat, OpenOptions, Pattern, Store};

use crate::report::small_value;

const PROCESSES: usize = 4;
const PUTS: usize = 500;

pub(crate) fn run(folder: &Path) {
    println!("\n{PROCESSES} processes × {PUTS} puts of 1 KB");
    for round in 0..3 {
        let path = folder.join(format!("store{round}.git"));
        drop(Store::create(&path, ObjectFormat::Sha1, OpenOptions::default()).unwrap());
        let start = SystemTime::now() + Duration::from_millis(300);
        let micros = start.duration_since(UNIX_EPOCH).unwrap().as_micros().to_string();
        let children: Vec<_> = (0..PROCESSES)
            .map(|number| {
                Command::new(std::env::current_exe().unwrap())
                    .args(["child", path.to_str().unwrap(), &number.to_string(), &micros])
                    .stdout(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let (mut slowest, mut flushed) = (0.0_f64, 0.0_f64);
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success());
            let text = String::from_utf8(output.stdout).unwrap();
            let mut numbers = text.split_whitespace().map(|n| n.parse::<f64>().unwrap());
            slowest = slowest.max(numbers.next().unwrap());
            flushed = flushed.max(numbers.next().unwrap());
        }
        let store = Store::open(&path, OpenOptions::default()).unwrap();
        let names = store.list(&Pattern::all()).unwrap();
        assert_eq!(names.len(), PROCESSES * PUTS, "none is lost");
        let total = (PROCESSES * PUTS) as f64;
        println!(
            "together {:>41.0} puts/s acknowledged, {:.0} puts/s with the flush",
            total / slowest,
            total / flushed
        );
    }
}

/// One of the processes: waits for the common start, puts, and prints its seconds.
pub(crate) fn child(args: &[String]) {
    let store = Store::open(args[0].as_ref(), OpenOptions::default()).unwrap();
    let start = UNIX_EPOCH + Duration::from_micros(args[2].parse().unwrap());
    let values: Vec<Vec<u8>> = (0..PUTS as u64).map(small_value).collect();
    while SystemTime::now() < start {
        std::hint::spin_loop();
    }
    let began = Instant::now();
    for (n, value) in values.iter().enumerate() {
        let key = ExecutionKey::new(&format!("nb{}", args[1]), &format!("c{n}"), "m").unwrap();
        let draft = Draft::new("bench").output("v", "text/plain", value.as_slice()).unwrap();
        store.put(&key, draft).unwrap();
    }
    let put = began.elapsed().as_secs_f64();
    store.flush().unwrap();
    println!("{put} {}", began.elapsed().as_secs_f64());
}
