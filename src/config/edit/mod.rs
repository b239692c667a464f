//! Changes to the text of a settings file, which leave comments, order and blank lines as they are.
//! Text in, text out: nothing here reads or writes a file.

mod lists;
mod remotes;

pub(crate) use lists::with_in_list;
pub(crate) use remotes::{with_remote, without_remote};
use toml_edit::{DocumentMut, Item, Table, TableLike};

/// Where the sections are: at the top of `recell.toml`, or in `pyproject.toml` below `tool.recell`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SettingsAt {
    /// At the top.
    Top,
    /// Below `[tool.recell]`.
    ToolRecell,
}

/// Whether a section that is made gets a header of its own, or only what stands below it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    Own,
    OfWhatIsBelow,
}

/// Returns the table of a section, which is made if need be; `None` if something else stands there.
fn section<'a>(
    document: &'a mut DocumentMut,
    at: SettingsAt,
    name: &str,
    header: Header,
) -> Option<&'a mut dyn TableLike> {
    let above: &[&str] = match at {
        SettingsAt::Top => &[],
        SettingsAt::ToolRecell => &["tool", "recell"],
    };
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for (depth, part) in above.iter().chain([&name]).enumerate() {
        let new = || {
            let mut table = Table::new();
            table.set_implicit(depth < above.len() || header == Header::OfWhatIsBelow);
            Item::Table(table)
        };
        table = table.entry(part).or_insert_with(new).as_table_like_mut()?;
    }
    Some(table)
}
