//! What each file's objects can look up: the other objects of their file, and of the files beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::Input;
use crate::inspect::{Autoscaler, Identity};
use crate::policy::Snapshot;
use crate::rules::ObjectKey;

/// For each of `inputs`, what is known beside it: `known` with the file's own objects, and those of other files of
/// its folder whose name only one of them has. Samples that stand side by side often use one name for different
/// things, and then none of them is the neighbour of the others, nor is an autoscaler of one of them.
///
/// Files of one folder share what they have in common, so that thousands of them do not each hold all the others.
pub fn surroundings(inputs: &[Input], known: &Snapshot) -> Vec<Arc<Snapshot>> {
    let mut folders: BTreeMap<&str, Folder> = BTreeMap::new();
    for (index, input) in inputs.iter().enumerate() {
        folders.entry(&input.folder).or_default().take(index, input);
    }
    let mut all = vec![Arc::default(); inputs.len()];
    for folder in folders.values() {
        let shared = Arc::new(folder.snapshot(known));
        let own = folder.for_own_file();
        for index in &folder.files {
            let Some(snapshot) = all.get_mut(*index) else { continue };
            *snapshot = Arc::clone(&shared);
            // The last of a file counts, as it does when the file is applied.
            for object in own.get(index).into_iter().flatten() {
                Arc::make_mut(snapshot).neighbours.insert(Arc::clone(object));
            }
        }
    }
    all
}

/// Objects of a folder's files, with the file of each.
#[derive(Default)]
struct Folder {
    /// Places of the files among all.
    files: Vec<usize>,
    objects: BTreeMap<ObjectKey, Vec<(usize, Arc<Value>)>>,
}

impl Folder {
    fn take(&mut self, index: usize, input: &Input) {
        self.files.push(index);
        for object in input.file.objects() {
            let value = input.file.value(object);
            let Some(key) = Identity::of(value).as_ref().and_then(ObjectKey::of) else { continue };
            self.objects.entry(key).or_default().push((index, Arc::new(value.clone())));
        }
    }

    fn snapshot(&self, known: &Snapshot) -> Snapshot {
        let mut snapshot = known.clone();
        for (_, object) in self.objects.values().filter(|objects| !self.is_for_own_file(objects)).flatten() {
            snapshot.neighbours.insert(Arc::clone(object));
        }
        snapshot
    }

    /// Objects that mean nothing to other files, by the file that they are in.
    fn for_own_file(&self) -> BTreeMap<usize, Vec<&Arc<Value>>> {
        let mut by_file: BTreeMap<usize, Vec<&Arc<Value>>> = BTreeMap::new();
        for (file, object) in self.objects.values().filter(|objects| self.is_for_own_file(objects)).flatten()
        {
            by_file.entry(*file).or_default().push(object);
        }
        by_file
    }

    /// Whether other files have the name too, or that of what the object scales.
    fn is_for_own_file(&self, objects: &[(usize, Arc<Value>)]) -> bool {
        let scales_ambiguous = |object: &Arc<Value>| {
            let target = Autoscaler::of(object).as_ref().map(ObjectKey::of_target);
            target.and_then(|target| self.objects.get(&target)).is_some_and(|targets| is_ambiguous(targets))
        };
        is_ambiguous(objects) || objects.iter().any(|(_, object)| scales_ambiguous(object))
    }
}

fn is_ambiguous(objects: &[(usize, Arc<Value>)]) -> bool {
    objects.windows(2).any(|pair| matches!(pair, [(one, _), (other, _)] if one != other))
}
