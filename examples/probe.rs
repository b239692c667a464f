use recell::*;
use std::time::Instant;
fn main() {
    let dir = std::path::PathBuf::from(std::env::args().nth(1).unwrap()).join("probe2.git");
    let _ = std::fs::remove_dir_all(&dir);
    let store = Store::create(
        &dir,
        ObjectFormat::Sha1,
        OpenOptions { flush_entries: 1 << 30, flush_bytes: 1 << 40, ..Default::default() },
    )
    .unwrap();
    let n = 100_000usize;
    let key = |i: usize| {
        ExecutionKey::new(
            &format!("notebooks/nb{:03}.ipynb", i / 100),
            &format!("cell{:04}", i % 100),
            &format!("{:032x}", i as u128 * 0x9e37_79b9_7f4a_7c15_f39c_c060),
        )
        .unwrap()
    };
    let mode = std::env::args().nth(2).unwrap_or_default();
    let mut times = vec![];
    for i in 0..n {
        let mut v = vec![(i % 251) as u8; 1024];
        v[..8].copy_from_slice(&i.to_le_bytes());
        let k = key(i);
        let t = Instant::now();
        store
            .put(
                &k,
                Draft::new("x").output("0.bin", "application/octet-stream", v.as_slice()).unwrap(),
            )
            .unwrap();
        times.push(t.elapsed());
    }
    times.sort();
    println!("put p50 {:?} p90 {:?}", times[n / 2], times[n * 9 / 10]);
    let t = Instant::now();
    store.flush().unwrap();
    println!("flush {:?}", t.elapsed());
    let mut times = vec![];
    let rounds = if mode == "get" { 10 } else if mode == "put" { 0 } else { 1 }; if mode == "put" { std::process::exit(0) }
    for r in 0..rounds {
        for i in 0..n {
            let k = key((i * 7919 + r) % n);
            let t = Instant::now();
            let e = store.get(&k).unwrap().hit().unwrap();
            let b = e.read("outputs/0.bin").hit().unwrap();
            times.push(t.elapsed());
            assert_eq!(b.len(), 1024);
        }
    }
    times.sort();
    println!("get p50 {:?} p90 {:?}", times[times.len() / 2], times[times.len() * 9 / 10]);
    drop(store);
    std::fs::remove_dir_all(&dir).unwrap();
}
