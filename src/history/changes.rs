//! What is different between an entry and the one before it, in a few words.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::entry::{Facts, PartFacts, PartKind};

/// Returns what changed from `before` to `after`: names of ingredients, `upstream`, and kinds of
/// parts. Nothing means that both say and hold the same.
pub(crate) fn changes(before: &Facts<'_>, after: &Facts<'_>) -> Vec<Cow<'static, str>> {
    let mut changes = ingredients(before, after);
    if changes.is_empty() && before.module != after.module {
        changes.push("module".into());
    }
    if before.version != after.version {
        changes.push("version".into());
    }
    if before.upstream != after.upstream {
        changes.push("upstream".into());
    }
    if before.parts == after.parts {
        return changes;
    }
    for kind in PartKind::ALL {
        // Code that changed is an ingredient already.
        let said = kind == PartKind::Code && changes.iter().any(|change| change == "code");
        if !said && !contents(before, kind).eq(contents(after, kind)) {
            changes.push(kind.folder().into());
        }
    }
    changes
}

/// Returns the ingredients that differ, in the order of `after`; those that one side alone has
/// count.
fn ingredients(before: &Facts<'_>, after: &Facts<'_>) -> Vec<Cow<'static, str>> {
    let is_silent = before.ingredients.is_empty() || after.ingredients.is_empty();
    // Who does not tell what a result depends on cannot have it compared.
    if is_silent || before.ingredients == after.ingredients {
        return Vec::new();
    }
    let of = |facts: &Facts<'_>| -> BTreeMap<String, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        facts.ingredients.iter().map(owned).collect()
    };
    let (old, new) = (of(before), of(after));
    let names = after.ingredients.iter().map(|(name, _)| *name);
    let gone = before.ingredients.iter().map(|(name, _)| *name);
    let gone = gone.filter(|name| !new.contains_key(*name));
    names
        .chain(gone)
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| name.replace('_', " ").into())
        .collect()
}

fn contents<'f>(
    facts: &'f Facts<'_>,
    kind: PartKind,
) -> impl Iterator<Item = (&'f str, &'f str, &'f str)> {
    let parts = facts.parts.iter().filter(move |part| part.kind == kind);
    parts.map(|PartFacts { path, media_type, digest, .. }| (*path, *media_type, &**digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::digest::Digest;
    use crate::entry::{Manifest, Part, PartPath, Provenance};
    use crate::name::ExecutionKey;

    fn manifest(module: &str, ingredients: &[(&str, &str)], parts: &[(&str, &str)]) -> Manifest {
        let pairs = ingredients.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
        let part = |(path, bytes): &(&str, &str)| Part {
            path: PartPath::new(*path).unwrap(),
            media_type: "text/plain".into(),
            codec: "raw".into(),
            size: bytes.len() as u64,
            digest: Digest::of(bytes.as_bytes()),
            chunks: None,
            local: false,
            more: toml::Table::new(),
        };
        Manifest {
            key: ExecutionKey::new("nb", "c", module).unwrap(),
            created_at: Timestamp::MIN,
            provenance: Provenance { ingredients: pairs, ..Provenance::default() },
            parts: parts.iter().map(part).collect(),
            more: toml::Table::new(),
        }
    }

    #[test]
    fn changes_name_what_differs() {
        let out = &[("outputs/0", "1")];
        let base = manifest("m", &[("code", "1"), ("kernel", "2")], out);
        for (after, expected, why) in [
            (base.clone(), "", "nothing"),
            (manifest("n", &[("code", "9"), ("kernel", "2")], out), "code", "an ingredient"),
            (manifest("n", &[("code", "1")], out), "kernel", "one that is gone"),
            (
                manifest("n", &[("code", "1"), ("cells_before", "3"), ("kernel", "2")], out),
                "cells before",
                "one that came",
            ),
            (manifest("n", &[], out), "module", "nobody said what it is made of"),
            (
                manifest("m", &[("code", "1"), ("kernel", "2")], &[("outputs/0", "2")]),
                "outputs",
                "the same code, other outputs",
            ),
            (
                manifest("n", &[("code", "9"), ("kernel", "2")], &[("code/c.py", "x")]),
                "code, outputs",
                "code is said once",
            ),
        ] {
            let found = changes(&Facts::of(&base), &Facts::of(&after));
            assert_eq!(found.join(", "), expected, "{why}");
        }
    }
}
