//! Looking for secrets: bytes a second of one core, and entries before a push.

use std::path::Path;

use recell::sync::{find_secrets, scan_entries};
use recell::{Digest, ObjectFormat, OpenOptions, Pattern, SecretsSettings, Silent, Store};

use crate::report::{print_ms, print_rate, small_value, timed};
use crate::small::put;

const MEGABYTES: usize = 64;
const ENTRIES: usize = 10_000;

pub(crate) fn run(folder: &Path) {
    println!("\nsecrets: {MEGABYTES} MB of each, one core");
    let notebooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/notebooks");
    let mut text = Vec::new();
    for name in ["sales.ipynb", "rich_types.ipynb", "figures.ipynb", "widgets.ipynb"] {
        text.extend(std::fs::read(notebooks.join(name)).unwrap());
    }
    let words = b"the token of the request is in the header, key = value; pages 12 to 4096\n";
    let mut random = fastrand::Rng::with_seed(1);
    let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
    let repeated =
        |bytes: &[u8]| bytes.iter().copied().cycle().take(MEGABYTES * 1_000_000).collect();
    let all: [(&str, Vec<u8>); 4] = [
        ("notebooks", repeated(&text)),
        ("words that come near", repeated(words)),
        ("base64", (0..MEGABYTES * 1_000_000).map(|_| letters[random.usize(..64)]).collect()),
        ("a binary file", (0..MEGABYTES * 1_000_000).map(|_| random.u8(..)).collect()),
    ];
    for (name, bytes) in &all {
        let search = || assert_eq!(find_secrets(bytes, "text/plain"), []);
        let mut times: Vec<_> = (0..3).map(|_| timed(search).0).collect();
        print_rate(&format!("search: {name}"), bytes.len(), &mut times);
        let mut times: Vec<_> = (0..3).map(|_| timed(|| Digest::of_here(bytes)).0).collect();
        print_rate(&format!("BLAKE3: {name}"), bytes.len(), &mut times);
    }
    let store =
        Store::create(&folder.join("store.git"), ObjectFormat::Sha1, OpenOptions::default());
    let store = store.unwrap();
    for number in 0..ENTRIES {
        put(&store, number, &small_value(number as u64));
    }
    store.flush().unwrap();
    let names = store.list(&Pattern::all()).unwrap();
    let settings = SecretsSettings::default();
    for what in ["10,000 entries of 1 KB, first", "10,000 entries of 1 KB, again"] {
        let (took, report) =
            timed(|| scan_entries(&store, &names, &settings, |_, _| true, &Silent).unwrap());
        assert!(report.found.is_empty());
        print_ms(what, &mut [took]);
    }
}
