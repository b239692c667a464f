//! What takes the space: by notebook, cell, module or kind of part, with shared bytes counted once.

use std::collections::BTreeMap;

use super::objects::{Node, Objects, Purpose, Seen};
use super::stock::Stock;
use crate::error::Result;
use crate::index::Pattern;
use crate::name::EntryName;
use crate::store::{FileSizes, Store};

/// How bytes are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageBy {
    /// By notebook.
    Notebook,
    /// By cell.
    Cell,
    /// By module hash of each cell.
    Module,
    /// By kind of part.
    Kind,
}

/// The bytes of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// A notebook, `notebook:cell`, `notebook:cell:module`, or the kind of a part; `entry` stands
    /// for manifests and trees.
    pub group: String,
    /// How many entries have it.
    pub entries: usize,
    /// The bytes on disk that it stands on, each counted once.
    pub bytes: u64,
    /// Those of them that nothing else stands on: what would go with the group.
    pub exclusive: u64,
}

/// The bytes of a store on disk, and whose they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskUsage {
    /// The groups, the largest first.
    pub rows: Vec<UsageRow>,
    /// How many entries there are.
    pub entries: usize,
    /// The bytes of all groups, each counted once: not the sum of the rows.
    pub bytes: u64,
    /// Those of them that several groups stand on, or a group and entries that were not asked
    /// about.
    pub shared: u64,
    /// The bytes of the parts of these entries that stay on this machine, each counted once.
    pub local: u64,
    /// The bytes that only removed entries stand on: what gc gives back of them.
    pub trash: u64,
    /// The bytes that nothing names.
    pub unreferenced: u64,
    /// The files of the store.
    pub files: FileSizes,
}

/// Returns what the entries that match take on disk.
///
/// Bytes are those of objects as they are stored, compressed, with their place in the pack's index.
///
/// # Errors
/// [`crate::Error::Disk`] and [`crate::Error::BrokenRefs`].
pub fn disk_usage(store: &Store, pattern: &Pattern, by: UsageBy) -> Result<DiskUsage> {
    let stock = Stock::read(store, pattern)?;
    let files = store.file_sizes()?;
    let mut count = Count::new(&stock.objects);
    let group = count.group(String::new());
    for root in &stock.others {
        count.add(group, *root);
    }
    // Those that were not asked about are no group that is shown.
    let asked = count.groups.len();
    match by {
        UsageBy::Kind => by_kind(&stock, &mut count),
        _ => by_name(&stock, by, &mut count),
    }
    let (mut rows, bytes, shared) = count.finish(asked);
    rows.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.group.cmp(&b.group)));
    let mut seen = Seen::none_of(&stock.objects);
    let entries = stock.entries.iter().flat_map(|entry| entry.roots.iter());
    let named = stock.others.iter().chain(&stock.named).copied();
    let mut reached: u64 = entries.chain(named).map(|root| seen.add(&stock.objects, root)).sum();
    let trashed = stock.trash.iter().flat_map(|(_, roots)| roots.iter());
    let trash = trashed.map(|root| seen.add(&stock.objects, root)).sum();
    reached += trash;
    let unreferenced = stock.objects.total() - reached;
    let mut seen = Seen::none_of(&stock.objects);
    let local = stock.entries.iter().filter_map(|entry| entry.roots.local);
    let local = local.map(|root| seen.add(&stock.objects, root)).sum();
    Ok(DiskUsage { rows, entries: stock.len(), bytes, shared, local, trash, unreferenced, files })
}

fn by_name(stock: &Stock, by: UsageBy, count: &mut Count<'_>) {
    let segments = |name: &EntryName| match by {
        UsageBy::Notebook => name.notebook_segment().len(),
        UsageBy::Cell => name.cell_path().len(),
        UsageBy::Module | UsageBy::Kind => name.module_path().len(),
    };
    let mut current: Option<(&str, u32)> = None;
    for entry in &stock.entries {
        let prefix = &entry.name.as_str()[..segments(&entry.name)];
        // Names of one group have one beginning, so that they are neighbours.
        let group = match current {
            Some((of, group)) if of == prefix => group,
            _ => {
                let name = &entry.name;
                let shown = |text: &str| text.replace('%', "%25").replace(':', "%3a");
                let texts = [name.notebook(), name.cell(), name.module()];
                let depth = match by {
                    UsageBy::Notebook => 1,
                    UsageBy::Cell => 2,
                    UsageBy::Module | UsageBy::Kind => 3,
                };
                let title = match by {
                    UsageBy::Notebook => texts[0].clone().into_owned(),
                    _ => {
                        texts[..depth].iter().map(|text| shown(text)).collect::<Vec<_>>().join(":")
                    }
                };
                count.group(title)
            }
        };
        current = Some((prefix, group));
        count.groups[group as usize].entries += 1;
        entry.roots.iter().for_each(|root| count.add(group, root));
    }
}

fn by_kind(stock: &Stock, count: &mut Count<'_>) {
    let mut groups: BTreeMap<Purpose, u32> = BTreeMap::new();
    for entry in &stock.entries {
        let mut met: Vec<u32> = Vec::with_capacity(4);
        let own = entry.roots.iter().map(|root| (root, false, Purpose::Entry));
        let below = entry.roots.iter().flat_map(|root| stock.objects.purposes(root));
        let below = below.map(|(node, purpose)| (node, true, purpose));
        for (node, with_all, purpose) in own.chain(below) {
            let group = *groups.entry(purpose).or_insert_with(|| {
                count.group(match purpose {
                    Purpose::Part(kind) => kind.name().to_owned(),
                    Purpose::Entry => "entry".to_owned(),
                })
            });
            if with_all {
                count.add(group, node);
            } else {
                count.add_alone(group, node);
            }
            if !met.contains(&group) {
                met.push(group);
                count.groups[group as usize].entries += 1;
            }
        }
    }
}

/// Nobody has it yet, and more than one have it.
const NOBODY: u32 = u32::MAX;
const SEVERAL: u32 = u32::MAX - 1;

/// Whose each object is.
struct Count<'a> {
    objects: &'a Objects,
    groups: Vec<UsageRow>,
    /// The group that an object was counted to last; groups that come back count it again, so
    /// that `counted` says which they were.
    last: Vec<u32>,
    owner: Vec<u32>,
    counted: std::collections::HashSet<(u32, Node)>,
    open: Vec<Node>,
}

impl<'a> Count<'a> {
    fn new(objects: &'a Objects) -> Count<'a> {
        Count {
            objects,
            groups: Vec::new(),
            last: vec![NOBODY; objects.len()],
            owner: vec![NOBODY; objects.len()],
            counted: std::collections::HashSet::new(),
            open: Vec::new(),
        }
    }

    fn group(&mut self, title: String) -> u32 {
        self.groups.push(UsageRow { group: title, entries: 0, bytes: 0, exclusive: 0 });
        u32::try_from(self.groups.len() - 1).expect("fewer groups than objects")
    }

    /// Whether the object is new to the group; then it is counted to it.
    fn take(&mut self, group: u32, node: Node) -> bool {
        let at = node as usize;
        if self.last[at] == group {
            return false;
        }
        match self.owner[at] {
            NOBODY => self.owner[at] = group,
            owner if owner == group => return false,
            owner => {
                // Only what several groups have is remembered one by one.
                if owner != SEVERAL {
                    self.counted.insert((owner, node));
                    self.owner[at] = SEVERAL;
                }
                if !self.counted.insert((group, node)) {
                    return false;
                }
            }
        }
        self.last[at] = group;
        self.groups[group as usize].bytes += self.objects.bytes(node);
        true
    }

    fn add_alone(&mut self, group: u32, node: Node) {
        self.take(group, node);
    }

    fn add(&mut self, group: u32, root: Node) {
        self.open.push(root);
        while let Some(node) = self.open.pop() {
            if self.take(group, node) {
                self.open.extend_from_slice(self.objects.children(node));
            }
        }
    }

    /// Returns the rows from the group `asked` on, their bytes together and what they share.
    fn finish(mut self, asked: usize) -> (Vec<UsageRow>, u64, u64) {
        let (mut bytes, mut shared) = (0, 0);
        let several: std::collections::HashSet<Node> = self
            .counted
            .iter()
            .filter(|(group, _)| *group as usize >= asked)
            .map(|it| it.1)
            .collect();
        for (at, owner) in self.owner.iter().enumerate() {
            let node = u32::try_from(at).expect("it was the place of an object");
            let size = self.objects.bytes(node);
            match *owner {
                SEVERAL if several.contains(&node) => {
                    bytes += size;
                    shared += size;
                }
                NOBODY | SEVERAL => {}
                group => {
                    self.groups[group as usize].exclusive += size;
                    if group as usize >= asked {
                        bytes += size;
                    }
                }
            }
        }
        (self.groups.split_off(asked), bytes, shared)
    }
}
