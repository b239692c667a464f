//! Settings that are lists of texts: what is added stands as the others do.

use toml_edit::{Array, DocumentMut};

use super::{Header, SettingsAt, section};
use crate::config::Key;

/// Returns `text` with `value` in the list that is the setting `key`; `None` if that is no list of
/// texts there, or the text no TOML. A text that has it comes back as it is.
///
/// `before` is what the list is if the text does not have it.
pub(crate) fn with_in_list(
    text: &str,
    at: SettingsAt,
    key: &str,
    before: &[String],
    value: &str,
) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let (section_name, name) = key.split_once('.')?;
    let table = section(&mut document, at, section_name, Header::Own)?;
    if let Some(list) = table.get_mut(name) {
        let list = list.as_array_mut()?;
        if list.iter().any(|item| item.as_str() == Some(value)) {
            return Some(text.to_owned());
        }
        add(list, value);
        return Some(document.to_string());
    }
    let mut list = Array::new();
    let known = before.iter().filter(|it| *it != value);
    known.for_each(|it| list.push(it.as_str()));
    list.push(value);
    // The line that shows the default makes way.
    let default = format!("#{name} = {}", Key::named(key)?.default());
    if let Some(changed) = in_place_of(text, section_name, &default, &format!("{name} = {list}")) {
        return Some(changed);
    }
    table.insert(name, list.into());
    Some(document.to_string())
}

/// Adds to a list the way it is written: on a line of its own if its last item is on one.
fn add(list: &mut Array, value: &str) {
    let space = list.iter().last().and_then(|item| item.decor().prefix()?.as_str());
    let prefix = space.filter(|space| space.contains('\n')).map(|space| {
        // A comment before the last item is about that one.
        let line = space.rfind('\n').map_or(space, |at| &space[at..]);
        line.to_owned()
    });
    list.push(value);
    if let (Some(prefix), Some(item)) = (prefix, list.iter_mut().last()) {
        item.decor_mut().set_prefix(prefix);
    }
}

/// Returns `text` with the line `old` of a section replaced; `None` if it is not there.
fn in_place_of(text: &str, section: &str, old: &str, new: &str) -> Option<String> {
    let head = format!("[{section}]");
    let mut offset = 0;
    let mut is_in_section = false;
    for line in text.split_inclusive('\n') {
        let plain = line.trim_end();
        if plain.starts_with('[') {
            is_in_section = plain == head;
        } else if is_in_section && plain == old {
            let (before, after) = (&text[..offset], &text[offset + plain.len()..]);
            return Some(format!("{before}{new}{after}"));
        }
        offset += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn allowed(text: &str) -> String {
        with_in_list(text, SettingsAt::Top, "secrets.allow", &[], "jwt").unwrap()
    }

    #[test]
    fn the_default_line_makes_way() {
        let text = Config::default_file();
        let changed = allowed(&text);
        assert_eq!(changed, text.replace("#allow = []", "allow = [\"jwt\"]"));
        let more =
            with_in_list(&changed, SettingsAt::Top, "secrets.allow", &[], "0123456789abcdef")
                .unwrap();
        assert_eq!(more, text.replace("#allow = []", "allow = [\"jwt\", \"0123456789abcdef\"]"));
    }

    #[test]
    fn comments_order_and_lines_stay() {
        for (text, changed, why) in [
            ("", "[secrets]\nallow = [\"jwt\"]\n", "nothing there"),
            (
                "# mine\n[ui]\ncolor = 'never' # why\n",
                "# mine\n[ui]\ncolor = 'never' # why\n\n[secrets]\nallow = [\"jwt\"]\n",
                "another section",
            ),
            (
                "secrets.guard = true\n",
                "secrets.guard = true\nsecrets.allow = [\"jwt\"]\n",
                "dotted keys",
            ),
            (
                "secrets = { guard = true }\n",
                "secrets = { guard = true , allow = [\"jwt\"] }\n",
                "an inline table",
            ),
            (
                "[secrets]\nallow = [\n  # ours\n  'x', # x\n  'y',\n]\n",
                "[secrets]\nallow = [\n  # ours\n  'x', # x\n  'y',\n  \"jwt\",\n]\n",
                "lines",
            ),
            ("[secrets]\nallow = ['jwt']\n", "[secrets]\nallow = ['jwt']\n", "there already"),
        ] {
            assert_eq!(allowed(text), changed, "{why}");
            assert!(changed.parse::<toml::Table>().is_ok(), "{why}");
        }
        assert_eq!(
            with_in_list("[secrets]\nallow = 'jwt'\n", SettingsAt::Top, "secrets.allow", &[], "x"),
            None
        );
    }

    #[test]
    fn what_counted_so_far_goes_on_counting() {
        let before = ["jwt".to_owned()];
        let changed =
            with_in_list("", SettingsAt::Top, "secrets.allow", &before, "npm-token").unwrap();
        assert_eq!(changed, "[secrets]\nallow = [\"jwt\", \"npm-token\"]\n");
    }

    #[test]
    fn a_pyproject_keeps_its_own() {
        let text = "[project]\nname = 'x'\n\n[tool.recell.store]\npath = 'a'\n";
        let changed =
            with_in_list(text, SettingsAt::ToolRecell, "secrets.allow", &[], "jwt").unwrap();
        assert_eq!(changed, format!("{text}\n[tool.recell.secrets]\nallow = [\"jwt\"]\n"));
    }
}
