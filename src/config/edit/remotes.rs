//! The remotes of the cache: written and removed.

use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, value};

use super::{Header, SettingsAt, section};
use crate::config::RemoteSetting;

/// Returns `text` with one more remote, behind those that it has; `None` if it is not TOML, or
/// says something else where the remotes are.
pub(crate) fn with_remote(text: &str, at: SettingsAt, remote: &RemoteSetting) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let sync = section(&mut document, at, "sync", Header::OfWhatIsBelow)?;
    match sync.get_mut("remotes") {
        None => {
            let mut tables = ArrayOfTables::new();
            tables.push(table_of(remote));
            sync.insert("remotes", Item::ArrayOfTables(tables));
        }
        Some(Item::ArrayOfTables(tables)) => tables.push(table_of(remote)),
        Some(item) => {
            let mut inline = InlineTable::new();
            inline.insert("name", remote.name.as_str().into());
            inline.insert("url", remote.url.as_str().into());
            item.as_array_mut()?.push(inline);
        }
    }
    Some(document.to_string())
}

/// Returns `text` without the remote of that name; `None` if it has none.
pub(crate) fn without_remote(text: &str, at: SettingsAt, name: &str) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let sync = section(&mut document, at, "sync", Header::OfWhatIsBelow)?;
    let item = sync.get_mut("remotes")?;
    let is_it = |table: &dyn TableLike| table.get("name").and_then(Item::as_str) == Some(name);
    let is_empty = match item {
        Item::ArrayOfTables(tables) => {
            let found = tables.iter().position(|table| is_it(table))?;
            tables.remove(found);
            tables.is_empty()
        }
        item => {
            let array = item.as_array_mut()?;
            let inline =
                |value: &toml_edit::Value| value.as_inline_table().is_some_and(|t| is_it(t));
            let found = array.iter().position(inline)?;
            array.remove(found);
            array.is_empty()
        }
    };
    if is_empty {
        sync.remove("remotes");
    }
    Some(document.to_string())
}

fn table_of(remote: &RemoteSetting) -> Table {
    let mut table = Table::new();
    table.insert("name", value(remote.name.as_str()));
    table.insert("url", value(remote.url.as_str()));
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(name: &str) -> RemoteSetting {
        RemoteSetting { name: name.into(), url: format!("git@host:{name}.git") }
    }

    #[test]
    fn remotes_come_and_go_and_the_rest_stays_as_it_is() {
        let one = "[[sync.remotes]]\nname = \"a\"\nurl = \"git@host:a.git\"\n";
        for (before, at, after, why) in [
            ("", SettingsAt::Top, one.to_owned(), "an empty file"),
            (
                "# ours\n[sync]\n#remotes = []\nfetch = \"all\" # yes\n\n[ui]\n",
                SettingsAt::Top,
                format!("# ours\n[sync]\n#remotes = []\nfetch = \"all\" # yes\n\n{one}\n[ui]\n"),
                "comments and order",
            ),
            (
                "[sync]\nremotes = [{ name = \"z\", url = \"u\" }]\n",
                SettingsAt::Top,
                "[sync]\nremotes = [{ name = \"z\", url = \"u\" }, { name = \"a\", url = \
                 \"git@host:a.git\" }]\n"
                    .to_owned(),
                "inline tables",
            ),
            (
                "[tool.recell]\n",
                SettingsAt::ToolRecell,
                format!("[tool.recell]\n\n{}", one.replace("sync", "tool.recell.sync")),
                "a project's file",
            ),
        ] {
            let made = with_remote(before, at, &remote("a")).unwrap();
            assert_eq!(made, after, "{why}");
            let two = with_remote(&made, at, &remote("b")).unwrap();
            assert!(without_remote(&two, at, "c").is_none(), "{why}");
            let back = without_remote(&two, at, "b").unwrap();
            assert_eq!(back, made, "{why}");
            let none = without_remote(&back, at, "a").unwrap();
            assert!(!none.contains("host:"), "{why}: {none}");
        }
        assert!(with_remote("[sync]\nremotes = 1\n", SettingsAt::Top, &remote("a")).is_none());
        assert!(with_remote("no toml", SettingsAt::Top, &remote("a")).is_none());
    }
}
