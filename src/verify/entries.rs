//! Every entry: its trees, its manifest, the objects of its parts, and their bytes.

use std::sync::Mutex;

use rayon::prelude::*;

use super::{Check, Named, Problem};
use crate::content::part_chunks;
use crate::error::Result;
use crate::git::ObjectId;
use crate::lookup::{Lookup, Miss};
use crate::name::EntryName;
use crate::progress::Unit;
use crate::store::Entry;

/// What the check of one entry found.
#[derive(Default)]
struct Found {
    parts: usize,
    remote_parts: usize,
    bytes: u64,
    named: Vec<ObjectId>,
    problems: Vec<Problem>,
}

impl Check<'_> {
    /// Checks all entries; returns the objects of their parts.
    pub(super) fn entries(&mut self) -> Result<Named> {
        let inner = &self.store.inner;
        let names = inner.look(|index, own| index.with_prefix("", own))?;
        self.progress.begin("checking entries", Some(names.len() as u64), Unit::Items);
        // Parts of many entries share objects: the bytes of each are read once.
        let read = Mutex::new(Named::new());
        let found: Vec<Found> = names
            .into_par_iter()
            .map(|(name, tree)| {
                let found = self.entry(&name, tree, &read);
                self.progress.advance(1);
                found
            })
            .collect();
        self.progress.end();
        let mut reached = Named::new();
        for entry in found {
            self.report.entries += 1;
            self.report.parts += entry.parts;
            self.report.remote_parts += entry.remote_parts;
            self.report.bytes += entry.bytes;
            self.report.problems.extend(entry.problems);
            reached.extend(entry.named);
        }
        Ok(reached)
    }

    fn is_elsewhere(&self, name: &EntryName) -> bool {
        self.elsewhere.is_some_and(|elsewhere| elsewhere(name))
    }

    fn entry(&self, name: &EntryName, tree: ObjectId, read: &Mutex<Named>) -> Found {
        let mut found = Found::default();
        let inner = &self.store.inner;
        let entry = match Entry::open(inner, name.clone(), tree, |full| inner.reference(full)) {
            Ok(entry) => entry,
            Err(Miss::Absent { .. }) if self.is_elsewhere(name) => {
                found.remote_parts += 1;
                return found;
            }
            Err(miss) => {
                found.problems.push(problem(name.as_str(), &miss));
                return found;
            }
        };
        for (part, object) in entry.part_objects() {
            let subject = format!("{name}:{}", part.path);
            let object = match object {
                // That it is on another machine only is as it should be.
                Err(Miss::LocalElsewhere { .. }) => continue,
                object => object,
            };
            found.parts += 1;
            found.bytes += part.size;
            let object = match object {
                Ok(object) => object,
                Err(Miss::Damaged { reason: what, .. }) => {
                    found.problems.push(Problem { code: "damaged", subject, what });
                    continue;
                }
                Err(miss) => {
                    found.problems.push(problem(&subject, &miss));
                    continue;
                }
            };
            found.named.push(object);
            let objects = match part.chunks {
                None => vec![object],
                Some(_) => match part_chunks(&*self.store.inner, name.as_str(), part, &object) {
                    Ok(chunks) => chunks.iter().map(|chunk| chunk.id).collect(),
                    Err(Miss::Absent { .. }) if !part.local && self.is_elsewhere(name) => {
                        found.remote_parts += 1;
                        continue;
                    }
                    Err(miss) => {
                        found.problems.push(problem(&subject, &miss));
                        continue;
                    }
                },
            };
            let missing = objects.iter().filter(|id| !self.store.inner.has_object(id));
            let missing = missing.map(ToString::to_string).collect::<Vec<_>>();
            found.named.extend(objects);
            // No remote has a part that stays here.
            if !missing.is_empty() && !part.local && self.is_elsewhere(name) {
                found.remote_parts += 1;
            } else if !missing.is_empty() {
                let what = format!("it lacks {}", missing.join(", "));
                found.problems.push(Problem { code: "absent", subject, what });
            } else if self.full
                && read.lock().expect("no holder panics").insert(object)
                && let Lookup::Miss(miss) = entry.check(part)
            {
                // The next entry with this object has the same problem.
                read.lock().expect("no holder panics").remove(&object);
                found.problems.push(problem(&subject, &miss));
            }
        }
        found
    }
}

fn problem(subject: &str, miss: &Miss) -> Problem {
    Problem { code: miss.code(), subject: subject.to_owned(), what: miss.to_string() }
}
