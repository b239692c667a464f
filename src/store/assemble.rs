//! An entry's own objects: its manifest, and the trees that name it and its parts.

use std::collections::BTreeMap;

use crate::entry::{MANIFEST_FILE, Manifest, PartPath};
use crate::error::{Error, Result};
use crate::git::{Kind, ObjectFormat, ObjectId, TreeEntry, TreeMode, object_id, tree_bytes};

/// An object that is made here, not borrowed from the caller.
pub(crate) struct MadeObject {
    pub(crate) id: ObjectId,
    pub(crate) kind: Kind,
    pub(crate) bytes: Vec<u8>,
}

/// A folder of the entry tree.
#[derive(Default)]
struct Folder {
    parts: BTreeMap<String, (TreeMode, ObjectId)>,
    folders: BTreeMap<String, Folder>,
}

/// Fails if two of these paths cannot be in one tree: the same path twice, or one below another.
pub(super) fn refuse_collisions(mut paths: Vec<&PartPath>) -> Result<()> {
    paths.sort();
    for pair in paths.windows(2) {
        let (first, second) = (pair[0].as_str(), pair[1].as_str());
        // Sorted by bytes, `a/b` may stand behind `a.x`: the folder test needs all that follow.
        if first == second {
            return Err(collide(first, second));
        }
    }
    for path in &paths {
        let mut end = path.as_str().len();
        while let Some(at) = path.as_str()[..end].rfind('/') {
            end = at;
            let above = &path.as_str()[..at];
            if paths.binary_search_by(|other| other.as_str().cmp(above)).is_ok() {
                return Err(collide(above, path.as_str()));
            }
        }
    }
    Ok(())
}

fn collide(first: &str, second: &str) -> Error {
    Error::PartsCollide { first: first.to_owned(), second: second.to_owned() }
}

/// The own objects of an entry.
pub(super) struct Assembled {
    /// The manifest and the trees, those of parts that stay local first.
    pub(super) objects: Vec<MadeObject>,
    /// The entry tree.
    pub(super) tree: ObjectId,
    /// The tree with the parts that stay local; `None` if all travel, or none of them is here.
    pub(super) local: Option<ObjectId>,
}

/// Makes the manifest and the trees of an entry whose parts are stored under `ids`, in the order
/// of the manifest; a part that is not here has none.
pub(super) fn assemble(
    format: ObjectFormat,
    manifest: &Manifest,
    ids: impl IntoIterator<Item = Option<ObjectId>>,
) -> Assembled {
    let mut objects = Vec::with_capacity(3);
    let (mut root, mut local) = (Folder::default(), None);
    for (part, id) in manifest.parts.iter().zip(ids) {
        let Some(id) = id else { continue };
        let mode = if part.chunks.is_some() { TreeMode::Folder } else { TreeMode::File };
        let mut folder =
            if part.local { local.get_or_insert_with(Folder::default) } else { &mut root };
        let mut components = part.path.tree_components().peekable();
        while let Some(component) = components.next() {
            if components.peek().is_some() {
                folder = folder.folders.entry(component.into_owned()).or_default();
            } else {
                folder.parts.insert(component.into_owned(), (mode, id));
            }
        }
    }
    let local = local.map(|local| write_tree(format, &local, &mut objects));
    let text = manifest.to_toml().into_bytes();
    let id = object_id(format, Kind::Blob, &text);
    objects.push(MadeObject { id, kind: Kind::Blob, bytes: text });
    root.parts.insert(MANIFEST_FILE.to_owned(), (TreeMode::File, id));
    let tree = write_tree(format, &root, &mut objects);
    Assembled { objects, tree, local }
}

fn write_tree(format: ObjectFormat, folder: &Folder, made: &mut Vec<MadeObject>) -> ObjectId {
    let mut entries: Vec<TreeEntry<'_>> = folder
        .parts
        .iter()
        .map(|(name, (mode, id))| TreeEntry { mode: *mode, name, id: *id })
        .collect();
    for (name, below) in &folder.folders {
        let id = write_tree(format, below, made);
        entries.push(TreeEntry { mode: TreeMode::Folder, name, id });
    }
    let bytes = tree_bytes(&mut entries);
    let id = object_id(format, Kind::Tree, &bytes);
    made.push(MadeObject { id, kind: Kind::Tree, bytes });
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_cannot_be_side_by_side_are_refused() {
        for (paths, fine, why) in [
            (&["outputs/a", "outputs/b"][..], true, "two names"),
            (&["outputs/a", "outputs/a"], false, "one name twice"),
            (&["outputs/a", "outputs/a/b"], false, "a part below a part"),
            (&["outputs/a", "outputs/a.x", "outputs/a/b"], false, "with one between them"),
            (&["outputs/a", "outputs/ab/c"], true, "a longer name is another name"),
            (&["outputs/a", "code/a"], true, "kinds are apart"),
        ] {
            let paths: Vec<PartPath> = paths.iter().map(|p| PartPath::new(*p).unwrap()).collect();
            assert_eq!(refuse_collisions(paths.iter().collect()).is_ok(), fine, "{why}");
        }
    }
}
