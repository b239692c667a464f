//! Changes to the settings file of a workspace, which leave comments, order and blank lines as they
//! are.

use std::path::PathBuf;

use toml_edit::{Array, DocumentMut, Item, Table};

use super::{PYPROJECT_FILE, SETTINGS_FILE, Workspace, pyproject_marks};
use crate::config::Key;
use crate::disk;
use crate::error::{Error, Result};

impl Workspace {
    /// Adds `value` to the list that is the setting `key`, in `recell.toml`, or in `[tool.recell]`
    /// of `pyproject.toml` where that holds the settings. Returns the file; `None` if the list has
    /// the value already.
    ///
    /// `before` is what the list is if the file does not have it.
    ///
    /// # Errors
    /// [`Error::NoStore`] if there is no workspace, [`Error::SettingNotChanged`] if the setting is
    /// no list in the file, [`Error::Disk`].
    pub(crate) fn add_to_list(
        &self,
        key: &'static str,
        before: &[String],
        value: &str,
    ) -> Result<Option<PathBuf>> {
        let Some(folder) = &self.settings_folder else {
            return Err(Error::NoStore { path: self.base.clone() });
        };
        let mut path = folder.join(SETTINGS_FILE);
        let pyproject = folder.join(PYPROJECT_FILE);
        let in_pyproject = !disk::is_there(&path) && pyproject_marks(&pyproject)?;
        if in_pyproject {
            path = pyproject;
        }
        let refused = || Error::SettingNotChanged { path: path.clone(), name: key };
        let bytes = disk::read_if_there(&path)?.unwrap_or_default();
        let text = String::from_utf8(bytes).map_err(|_| refused())?;
        let above: &[&str] = if in_pyproject { &["tool", "recell"] } else { &[] };
        let changed = with_value(&text, above, key, before, value).ok_or_else(refused)?;
        if changed == text {
            return Ok(None);
        }
        disk::replace(&path, changed.as_bytes())?;
        Ok(Some(path))
    }
}

/// Returns `text` with `value` in the list `key`, below the tables `above`; `None` if that is not
/// a list of texts, or the text no TOML.
fn with_value(
    text: &str,
    above: &[&str],
    key: &str,
    before: &[String],
    value: &str,
) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let (section, name) = key.split_once('.')?;
    let mut table: &mut dyn toml_edit::TableLike = document.as_table_mut();
    for part in above.iter().chain([&section]) {
        let implicit = || {
            let mut table = Table::new();
            table.set_implicit(part != &section);
            Item::Table(table)
        };
        table = table.entry(part).or_insert_with(implicit).as_table_like_mut()?;
    }
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
    if let Some(changed) = in_place_of(text, section, &default, &format!("{name} = {list}")) {
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
        with_value(text, &[], "secrets.allow", &[], "jwt").unwrap()
    }

    #[test]
    fn the_default_line_makes_way() {
        let text = Config::default_file();
        let changed = allowed(&text);
        assert_eq!(changed, text.replace("#allow = []", "allow = [\"jwt\"]"));
        let more = with_value(&changed, &[], "secrets.allow", &[], "0123456789abcdef").unwrap();
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
        assert_eq!(with_value("[secrets]\nallow = 'jwt'\n", &[], "secrets.allow", &[], "x"), None);
    }

    #[test]
    fn what_counted_so_far_goes_on_counting() {
        let before = ["jwt".to_owned()];
        let changed = with_value("", &[], "secrets.allow", &before, "npm-token").unwrap();
        assert_eq!(changed, "[secrets]\nallow = [\"jwt\", \"npm-token\"]\n");
    }

    #[test]
    fn a_pyproject_keeps_its_own() {
        let text = "[project]\nname = 'x'\n\n[tool.recell.store]\npath = 'a'\n";
        let changed = with_value(text, &["tool", "recell"], "secrets.allow", &[], "jwt").unwrap();
        assert_eq!(changed, format!("{text}\n[tool.recell.secrets]\nallow = [\"jwt\"]\n"));
    }
}
