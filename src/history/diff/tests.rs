//! Parts of each kind, from bytes to what differs.

use super::entries::{Content, DiffOptions, PartChange, diff_manifests};
use super::rows::RowMatch;
use super::table::TableDiff;
use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::entry::{Manifest, Part, PartPath, Provenance};
use crate::lookup::{Lookup, Miss};
use crate::name::ExecutionKey;

const PARQUET: &str = "application/vnd.apache.parquet";

type Contents<'a> = &'a [(&'a str, &'a str, &'a [u8])];

#[expect(clippy::default_trait_access, reason = "the crate of the type is named elsewhere only")]
fn manifest(contents: Contents<'_>) -> Manifest {
    let mut parts: Vec<Part> = contents
        .iter()
        .map(|(path, media_type, bytes)| Part {
            path: PartPath::new(*path).unwrap(),
            media_type: (*media_type).to_owned(),
            codec: "raw".into(),
            size: bytes.len() as u64,
            digest: Digest::of(bytes),
            chunks: None,
            local: false,
            more: std::default::Default::default(),
        })
        .collect();
    parts.sort_by(|a, b| a.path.cmp(&b.path));
    Manifest {
        key: ExecutionKey::new("nb", "c", "m").unwrap(),
        created_at: Timestamp::MIN,
        provenance: Provenance::default(),
        parts,
        more: std::default::Default::default(),
    }
}

fn diff(before: Contents<'_>, after: Contents<'_>) -> super::EntryDiff {
    let read = |contents: Contents<'_>, part: &Part| {
        let found = contents.iter().find(|(path, ..)| *path == part.path.as_str());
        Lookup::Hit(found.unwrap().2.to_vec())
    };
    diff_manifests(
        (&manifest(before), &|part| read(before, part)),
        (&manifest(after), &|part| read(after, part)),
        &DiffOptions::default(),
    )
}

fn content(media_type: &str, before: &[u8], after: &[u8]) -> Content {
    let diff = diff(&[("outputs/0", media_type, before)], &[("outputs/0", media_type, after)]);
    match diff.parts.into_iter().next().unwrap().change {
        PartChange::Changed { content } => content,
        other => panic!("{media_type}: {other:?}"),
    }
}

fn csv(before: &str, after: &str) -> TableDiff {
    match content("text/csv", before.as_bytes(), after.as_bytes()) {
        Content::Table(diff) => diff,
        other => panic!("{other:?}"),
    }
}

/// One line a difference: the rows that went and came, and the cells.
fn told(diff: &TableDiff) -> String {
    let by = match &diff.rows_matched_by {
        Some(RowMatch::Index { columns }) => format!("index {}", columns.join(",")),
        Some(RowMatch::FirstColumn { column }) => format!("first {column}"),
        Some(RowMatch::Likeness) => "likeness".into(),
        Some(RowMatch::Position) => "position".into(),
        None => "nothing".into(),
    };
    let mut out = vec![by];
    out.extend(diff.columns_added.iter().map(|it| format!("+{it}")));
    out.extend(diff.columns_removed.iter().map(|it| format!("-{it}")));
    out.extend(diff.columns_retyped.iter().map(|it| format!("{} is {}", it.column, it.after)));
    out.extend(diff.removed.iter().map(|it| format!("-[{}]", it.values.join(" "))));
    out.extend(diff.added.iter().map(|it| format!("+[{}]", it.values.join(" "))));
    out.extend(diff.cells.iter().map(|it| {
        let said = |value: &Option<String>| value.clone().unwrap_or("none".into());
        format!("{}.{}: {}→{}", it.row, it.column, said(&it.before), said(&it.after))
    }));
    if diff.rows_moved > 0 {
        out.push(format!("{} moved", diff.rows_moved));
    }
    out.join("; ")
}

#[test]
fn rows_are_matched_by_what_names_them() {
    for (before, after, expected, why) in [
        ("k,v\na,1\nb,2\nc,3\n", "k,v\nb,2\na,9\n", "first k; -[c 3]; a.v: 1→9; 1 moved", "a key"),
        (
            ",v,w\n0,a,1\n1,b,2\n2,c,3\n",
            ",v,w\n0,b,2\n1,c,3\n",
            "first v; -[0 a 1]",
            "a row that went moves no others: the index only counts",
        ),
        (",v\nx,1\ny,2\n", ",v\nx,1\ny,3\n", "index ; y.v: 2→3", "an index that says something"),
        (
            "v,w\n1,a\n1,b\n2,c\n",
            "v,w\n1,a\n7,z\n1,b\n2,d\n",
            "likeness; +[7 z]; row 4.w: c→d",
            "no key: rows that are the same",
        ),
        ("v\n1\n1\n2\n", "v\n1\n2\n", "likeness; -[1]", "one column"),
        (
            "v,w\n1,1\n1,2\n",
            "v,w\n3,3\n3,4\n",
            "position; row 1.v: 1→3; row 1.w: 1→3; row 2.v: 1→3; row 2.w: 2→4",
            "nothing is the same",
        ),
        ("a,b\n1,2\n", "b,c\n2,3\n", "likeness; +c; -a", "columns by name"),
        ("a,a\n1,2\n", "a,a\n1,3\n", "first a; 1.a: 2→3", "a name twice"),
        ("k,v\na,1\n", "k,v\na,1.5\n", "first k; v is number; a.v: 1→1.5", "another kind"),
        ("k,v\na,NaN\n", "k,v\na,NaN\nb,NaN\n", "first k; +[b NaN]", "what is missing is the same"),
        ("k,v\n", "k,v\na,1\n", "first k; +[a 1]", "from no rows"),
        ("", "k\na\n", "position; +k; +[a]", "from nothing"),
        ("k,v\na\n", "k,v\na,1\n", "first k; a.v: none→1", "rows of two lengths"),
    ] {
        assert_eq!(told(&csv(before, after)), expected, "{why}");
    }
}

#[test]
fn large_tables_cost_no_more_than_they_hold() {
    // No key, and nothing in common: the worst for a longest common subsequence.
    let rows = |start: usize| -> String {
        let lines = (0..150_000).map(|n| format!("{},{}\n", (n + start) % 7, n / 5 + start));
        format!("a,b\n{}", lines.collect::<String>())
    };
    let diff = csv(&rows(0), &rows(1_000_000));
    assert_eq!(diff.rows_matched_by, Some(RowMatch::Position));
    assert!(diff.cells.len() == DiffOptions::default().most && diff.left_out > 100_000);
    let diff = csv(&"a,b\n1,2\n".repeat(1_000_001), "a,b\n1,2\n");
    assert_eq!((diff.rows_before, diff.rows_matched_by), (2_000_001, None));
    assert!(diff.note.unwrap().contains("too large"));
    let wide = |value: &str| {
        let names: Vec<String> = (0..10_000).map(|n| format!("c{n}")).collect();
        format!("{}\n{}\n", names.join(","), vec![value; 10_000].join(","))
    };
    assert_eq!(csv(&wide("1"), &wide("2")).cells_changed, 10_000, "ten thousand columns");
}

#[test]
fn parquet_is_compared_by_its_own_types_and_index() {
    let read = |name: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tables");
        crate::disk::read(&folder.join(name)).unwrap()
    };
    let (before, after) = (read("sales.parquet"), read("sales-later.parquet"));
    let Content::Table(diff) = content(PARQUET, &before, &after) else { panic!("no table") };
    let told = told(&diff);
    assert!(told.starts_with("index region; +note; units is float64; -["), "{told}");
    assert!(told.ends_with("North.units: 83→78.0"), "{told}");
    assert_eq!(diff.cells[0].number.as_ref().map(|it| it.absolute), Some(-5.0));
    let same = content(PARQUET, &read("gzip.parquet"), &read("none.parquet"));
    let Content::Table(diff) = same else { panic!("no table") };
    assert!(diff.is_same(), "the same values, packed otherwise: {diff:?}");
    for (bytes, why) in [(&before[..100], "cut"), (b"text", "something else"), (b"", "empty")] {
        let Content::Bytes { note: Some(note) } = content(PARQUET, &before, bytes) else {
            panic!("{why}")
        };
        assert!(note.contains("after: "), "{why}: {note}");
    }
}

fn png(
    width: u32,
    height: u32,
    pixel: impl Fn(u32, u32) -> [u8; 4],
    text: Option<&str>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgba);
    if let Some(text) = text {
        encoder.add_text_chunk("Software".into(), text.into()).unwrap();
    }
    let mut writer = encoder.write_header().unwrap();
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let data: Vec<u8> = pixels.flat_map(|(x, y)| pixel(x, y)).collect();
    writer.write_image_data(&data).unwrap();
    drop(writer);
    bytes
}

#[test]
fn images_are_compared_by_their_pixels() {
    let image = |before: &[u8], after: &[u8]| match content("image/png", before, after) {
        Content::Image(diff) => diff,
        other => panic!("{other:?}"),
    };
    let white = png(10, 10, |_, _| [255; 4], None);
    let spot = |x, y| if x == 3 && (4..6).contains(&y) { [255, 255, 0, 255] } else { [255; 4] };
    let diff = image(&white, &png(10, 10, spot, None));
    let pixels = diff.pixels.unwrap();
    assert_eq!((pixels.pixels, pixels.differing, pixels.share), (100, 2, 0.02));
    assert_eq!((pixels.largest, pixels.mean), (255.0, 1.275));
    let region = pixels.region.unwrap();
    assert_eq!((region.x, region.y, region.width, region.height), (3, 4, 1, 2));
    let diff = image(&white, &png(10, 10, |_, _| [255; 4], Some("another release")));
    assert_eq!(diff.pixels.map(|it| it.differing), Some(0), "only metadata differ");
    let clear = png(2, 2, |_, _| [0, 0, 0, 0], None);
    let diff = image(&clear, &png(2, 2, |_, _| [9, 9, 9, 0], None));
    assert_eq!(diff.pixels.map(|it| it.differing), Some(0), "nobody sees the colour of glass");
    let diff = image(&white, &png(10, 11, |_, _| [255; 4], None));
    assert!(diff.pixels.is_none() && diff.after.height == Some(11), "another size");
    let mut bomb = white.clone();
    bomb[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    for (bytes, why) in [
        (&white[..50], "cut"),
        (&bomb[..], "a bomb"),
        (b"\x89PNG\r\n\x1a\n", "only the mark"),
        (b"\xff\xd8\xff\xe0", "the start of a JPEG"),
        (b"GIF89a\x05\0\x06\0\0\0\0", "a GIF without frames"),
        (b"RIFF....WEBP", "a form that is not read"),
        (b"", "empty"),
    ] {
        let diff = image(&white, bytes);
        assert!(diff.pixels.is_none() && diff.note.unwrap().contains("later image"), "{why}");
    }
}

#[test]
fn pages_are_compared_by_what_they_show() {
    let page =
        |before: &str, after: &str| match content("text/html", before.as_bytes(), after.as_bytes())
        {
            Content::Html(diff) => diff,
            other => panic!("{other:?}"),
        };
    let table = |value: &str| {
        format!("<table><tr><th>k</th><th>v</th></tr><tr><th>a</th><td>{value}</td></tr></table>")
    };
    let diff = page(&format!("<p>x</p>{}", table("1")), &format!("<p>y</p>{}", table("2")));
    assert_eq!(told(diff.tables[0].diff.as_ref().unwrap()), "index k; a.v: 1→2");
    assert!(diff.text.is_some() && diff.source.is_none(), "the text around differs as well");
    let diff = page(&table("1"), &format!("{}{}", table("1"), table("2")));
    assert!(
        diff.tables.len() == 1 && diff.tables[0].diff.is_none() && diff.tables[0].after.is_some()
    );
    let diff = page("<p>x</p>", "<p class='a'>x</p>");
    assert!(
        diff.tables.is_empty() && diff.text.is_none() && diff.source.is_some(),
        "only the source"
    );
}

#[test]
fn parts_are_same_added_removed_moved_or_changed() {
    let text = "text/plain";
    let diff = diff(
        &[
            ("outputs/0.txt", text, b"a\n"),
            ("outputs/1.txt", text, b"moved\n"),
            ("outputs/2.bin", "application/zip", b"old"),
            ("outputs/10.json", "application/json", br#"{"a":1}"#),
            ("outputs/11.txt", text, b"x"),
        ],
        &[
            ("code/cell.py", "text/x-python", b"1\n"),
            ("outputs/0.txt", text, b"a\n"),
            ("outputs/2.bin", "application/zip", b"new"),
            ("outputs/3.txt", text, b"moved\n"),
            ("outputs/10.json", "application/json", b"{"),
            ("outputs/11.txt", "text/markdown", b"y"),
        ],
    );
    let told: Vec<String> = diff
        .parts
        .iter()
        .map(|part| {
            let what = match &part.change {
                PartChange::Same => "same".to_owned(),
                PartChange::Added { content } => format!("added {}", content.is_some()),
                PartChange::Removed { .. } => "removed".into(),
                PartChange::Moved { from } => format!("from {from}"),
                PartChange::Changed { content: Content::Bytes { note } } => {
                    format!("bytes {note:?}")
                }
                PartChange::Changed { content: Content::Text(text) } => {
                    format!("text {:?}", text.note)
                }
                other => format!("{other:?}"),
            };
            format!("{} {what}", part.path)
        })
        .collect();
    assert_eq!(
        told,
        [
            "code/cell.py added true",
            "outputs/0.txt same",
            "outputs/2.bin bytes None",
            "outputs/3.txt from outputs/1.txt",
            "outputs/10.json text Some(\"it is no JSON\")",
            "outputs/11.txt bytes Some(\"its media type was text/plain and is text/markdown\")",
        ]
    );
    let written = serde_json::to_value(&diff).unwrap();
    assert_eq!(written["parts"][3]["change"], "moved");
}

#[test]
fn a_part_that_cannot_be_read_is_told_with_the_reason() {
    let (a, b) =
        ([("outputs/0", "text/plain", &b"a"[..])], [("outputs/0", "text/plain", &b"b"[..])]);
    let damaged =
        |_: &Part| Lookup::Miss(Miss::Damaged { name: "x".into(), reason: "torn".into() });
    let diff = diff_manifests(
        (&manifest(&a), &damaged),
        (&manifest(&b), &|_| Lookup::Hit(b"b".to_vec())),
        &DiffOptions::default(),
    );
    let PartChange::Unreadable { misses } = &diff.parts[0].change else { panic!("{diff:?}") };
    assert_eq!((misses[0].side, misses[0].code, misses.len()), ("before", "damaged", 1));
}
