//! What pandas writes into a file's metadata of its columns.

use parquet::file::metadata::KeyValue;

/// The metadata key under which pandas says which columns are the index.
const PANDAS: &str = "pandas";
/// What wraps the items of a list in the path of its column, as writers spell it.
const LIST_PATHS: [&str; 4] = [".list.element", ".list.item", ".bag.array_element", ".array"];

/// What pandas says of the columns: which are the index, and what they are called.
#[derive(Default)]
pub(super) struct Pandas {
    /// The columns of the index.
    pub(super) index: Vec<String>,
    names: Vec<(String, String)>,
}

/// Returns what the metadata says; nothing if pandas did not write the file.
pub(super) fn pandas(metadata: Option<&Vec<KeyValue>>) -> Pandas {
    let value = metadata.into_iter().flatten().find(|pair| pair.key == PANDAS);
    let text = value.and_then(|pair| pair.value.as_deref()).unwrap_or_default();
    let Ok(json) = serde_json::from_str::<serde_json::Value>(text) else {
        return Pandas::default();
    };
    let list = |name: &str| json[name].as_array().cloned().unwrap_or_default();
    // A range is described by an object and has no column.
    let index: Vec<String> =
        list("index_columns").iter().filter_map(|it| it.as_str().map(str::to_owned)).collect();
    let named = |it: &serde_json::Value| {
        let field = it["field_name"].as_str()?;
        let name = it["name"].as_str().unwrap_or("index");
        (index.iter().any(|index| index == field)).then(|| (field.to_owned(), name.to_owned()))
    };
    let called = list("columns").iter().filter_map(named).collect();
    Pandas { index, names: called }
}

impl Pandas {
    /// Returns the name that people know the column of that path by.
    pub(super) fn name_of(&self, path: &str) -> String {
        if let Some((_, name)) = self.names.iter().find(|(field, _)| field == path) {
            return name.clone();
        }
        let end = LIST_PATHS.iter().find_map(|end| path.strip_suffix(end));
        end.unwrap_or(path).to_owned()
    }
}
