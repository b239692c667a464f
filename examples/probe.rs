use recell::*;
use std::time::Instant;
fn main() {
    let n = 256 << 20;
    let mut s = 1u64;
    let a: Vec<u8> = (0..n / 8)
        .flat_map(|_| {
            s = s.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((s >> 11) as f64 / (1u64 << 53) as f64).to_le_bytes()
        })
        .collect();
    for _ in 0..3 {
        let t = Instant::now();
        let d = Digest::of(&a);
        println!("digest {:?} {:?}", t.elapsed(), d);
    }
    let dir = std::path::PathBuf::from(std::env::args().nth(1).unwrap()).join("probe.git");
    let _ = std::fs::remove_dir_all(&dir);
    let store = Store::create(
        &dir,
        ObjectFormat::Sha1,
        OpenOptions { flush_bytes: 1 << 30, ..Default::default() },
    )
    .unwrap();
    let key = ExecutionKey::new("nb", "t", "m").unwrap();
    for i in 0..if std::env::args().nth(2).is_some() { 1 } else { 4 } {
        let t = Instant::now();
        store.put(&key, Draft::new("x").output("a", "b", a.as_slice()).unwrap()).unwrap();
        println!("put {i} {:?}", t.elapsed());
        if i == 0 && std::env::args().nth(2).is_none() {
            let t = Instant::now();
            store.flush().unwrap();
            println!("flush {:?}", t.elapsed());
        }
    }
    if std::env::args().nth(2).is_some() {
        std::process::exit(0)
    }
    let e = store.get(&key).unwrap().hit().unwrap();
    for _ in 0..3 {
        let t = Instant::now();
        let v = e.read("a").hit().unwrap();
        println!("read {:?} {}", t.elapsed(), v.len());
    }
    drop(e);
    drop(store);
    std::fs::remove_dir_all(&dir).unwrap();
}
