//! What `--json` prints of entries (docs/json.md).

use serde_json::{Map, Value, json};

use crate::entry::{Manifest, Part};
use crate::name::EntryName;
use crate::store::Entry;

/// Returns an entry's name with what it says.
pub(crate) fn name(name: &EntryName) -> Value {
    json!({
        "name": name.as_str(),
        "key": name.key().map(|key| key.to_string()),
        "notebook": name.notebook(),
        "cell": name.cell(),
        "module": name.module(),
        "version": name.version(),
        "created_at": name.created_at().to_rfc3339(),
        "id": name.id8(),
    })
}

/// Returns the names of entries, each with what it says.
pub(crate) fn names<'n>(names: impl IntoIterator<Item = &'n EntryName>) -> Value {
    names.into_iter().map(name).collect()
}

/// Returns an entry with all that its manifest says.
pub(crate) fn entry(of: &EntryName, manifest: &Manifest) -> Value {
    let provenance = &manifest.provenance;
    let ingredients: Vec<Value> = provenance
        .ingredients
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    let mut value = name(of);
    extend(
        &mut value,
        json!({
            // The manifest has the full texts of segments that are cut in the name.
            "key": manifest.key.to_string(),
            "notebook": manifest.key.notebook(),
            "cell": manifest.key.cell(),
            "module": manifest.key.module(),
            "version": manifest.key.version(),
            "producer": provenance.producer,
            "compute_seconds": provenance.compute_seconds,
            "host_commit": provenance.host_commit,
            "host_dirty": provenance.host_dirty,
            "ingredients": ingredients,
            "upstream": provenance.upstream,
            "annotations": provenance.annotations,
            "size": manifest.size(),
            "parts": manifest.parts.iter().map(part).collect::<Vec<_>>(),
        }),
    );
    value
}

/// Returns an entry with all that its manifest says, and which of its parts are on another machine
/// only.
pub(crate) fn entry_here(of: &Entry) -> Value {
    let mut value = entry(of.name(), of.manifest());
    let paths = of.manifest().parts.iter().map(|part| part.path.as_str());
    let elsewhere: Vec<&str> = paths.filter(|path| of.stayed_elsewhere(path)).collect();
    extend(&mut value, json!({ "elsewhere": elsewhere }));
    value
}

/// Returns what the manifest says of a part.
pub(crate) fn part(part: &Part) -> Value {
    json!({
        "path": part.path.as_str(),
        "kind": part.path.kind().name(),
        "media_type": part.media_type,
        "codec": part.codec,
        "size": part.size,
        "blake3": part.digest.to_string(),
        "chunks": part.chunks,
        "local": part.local,
    })
}

/// Sets the fields of `more` in the object `value`.
pub(crate) fn extend(value: &mut Value, more: Value) {
    let empty = Map::new();
    let more = if let Value::Object(more) = more { more } else { empty };
    if let Value::Object(object) = value {
        object.extend(more);
    }
}
