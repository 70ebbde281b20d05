//! What each file's objects can look up: the other objects of their file, and of the files beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::Input;
use crate::inspect::Identity;
use crate::policy::Snapshot;
use crate::rules::ObjectKey;

/// For each of `inputs`, what is known beside it: `known` with the file's own objects, and those of other files of
/// its folder whose name only one of them has. Samples that stand side by side often use one name for different
/// things, and then none of them is the neighbour of the others.
pub fn surroundings(inputs: &[Input], known: &Snapshot) -> Vec<Snapshot> {
    let mut folders: BTreeMap<&str, Folder> = BTreeMap::new();
    for (index, input) in inputs.iter().enumerate() {
        folders.entry(&input.folder).or_default().take(index, input);
    }
    let shared: BTreeMap<&str, Snapshot> =
        folders.iter().map(|(name, folder)| (*name, folder.snapshot(known))).collect();
    let of = |(index, input): (usize, &Input)| {
        let mut snapshot = shared.get(input.folder.as_str()).cloned().unwrap_or_else(|| known.clone());
        for (_, objects) in folders.get(input.folder.as_str()).into_iter().flat_map(Folder::ambiguous) {
            // The last of a file counts, as it does when the file is applied.
            for (_, object) in objects.iter().filter(|(file, _)| *file == index) {
                snapshot.neighbours.insert(Arc::clone(object));
            }
        }
        snapshot
    };
    inputs.iter().enumerate().map(of).collect()
}

/// Objects of a folder's files, with the file of each.
#[derive(Default)]
struct Folder {
    objects: BTreeMap<ObjectKey, Vec<(usize, Arc<Value>)>>,
}

impl Folder {
    fn take(&mut self, index: usize, input: &Input) {
        for object in input.file.objects() {
            let value = input.file.value(object);
            let Some(key) = Identity::of(value).as_ref().and_then(ObjectKey::of) else { continue };
            self.objects.entry(key).or_default().push((index, Arc::new(value.clone())));
        }
    }

    fn snapshot(&self, known: &Snapshot) -> Snapshot {
        let mut snapshot = known.clone();
        for (_, object) in self.objects.values().filter(|objects| !is_ambiguous(objects)).flatten() {
            snapshot.neighbours.insert(Arc::clone(object));
        }
        snapshot
    }

    fn ambiguous(&self) -> impl Iterator<Item = (&ObjectKey, &Vec<(usize, Arc<Value>)>)> {
        self.objects.iter().filter(|(_, objects)| is_ambiguous(objects))
    }
}

fn is_ambiguous(objects: &[(usize, Arc<Value>)]) -> bool {
    objects.windows(2).any(|pair| matches!(pair, [(one, _), (other, _)] if one != other))
}
