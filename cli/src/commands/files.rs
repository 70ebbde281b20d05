//! Which files are read.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;
use infer_core::documents::SourceFile;
use infer_core::lint::Input;

use crate::failure::Failure;

/// Name of what is read from standard input, as in the option.
pub(super) const STANDARD_INPUT: &str = "-";

/// Largest file that is read; etcd keeps no object of even a tenth of it.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// The files that `paths` name, in the order named, those of a folder by name.
pub(super) fn read(paths: &[PathBuf], recursive: bool) -> Result<Vec<Input>, Failure> {
    let mut seen = BTreeSet::new();
    let mut inputs = Vec::new();
    for path in paths {
        for file in files(path, recursive).map_err(unreadable)? {
            if seen.insert(file.clone()) {
                inputs.push(input(&file).map_err(unreadable)?);
            }
        }
    }
    Ok(inputs)
}

/// Status 2: nothing is known about the file, while 1 would say that something is wrong with it.
fn unreadable(error: anyhow::Error) -> Failure {
    Failure::user(error).with_status(2)
}

fn files(path: &Path, recursive: bool) -> anyhow::Result<Vec<PathBuf>> {
    if path == Path::new(STANDARD_INPUT) {
        return Ok(vec![path.to_owned()]);
    }
    let metadata = fs::metadata(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    collect(path, recursive, &mut found)?;
    anyhow::ensure!(
        !found.is_empty(),
        "folder `{}` holds no `.yaml`, `.yml` or `.json` file{}",
        path.display(),
        if recursive { "" } else { "; `-R` looks into the folders below it too" }
    );
    Ok(found)
}

/// Hidden folders are a tool's own, and links to folders may lead in circles: neither is entered.
fn collect(folder: &Path, recursive: bool, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let cannot = || format!("cannot read folder `{}`", folder.display());
    let entries = fs::read_dir(folder).with_context(cannot)?;
    let mut entries: Vec<_> = entries.collect::<Result<_, _>>().with_context(cannot)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let kind = entry.file_type().with_context(cannot)?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let extension = path.extension().and_then(|extension| extension.to_str());
        let is_manifest = matches!(extension, Some("yaml" | "yml" | "json"));
        if kind.is_dir() && recursive && !is_hidden {
            collect(&path, recursive, found)?;
        } else if is_manifest && path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

fn input(path: &Path) -> anyhow::Result<Input> {
    let name = path.display().to_string();
    let text = text(path).with_context(|| format!("cannot read `{name}`"))?;
    let folder = path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    Ok(Input { name, folder, file: SourceFile::read(text) })
}

/// The text of a file, or of standard input.
pub(super) fn text(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    if path == Path::new(STANDARD_INPUT) {
        io::stdin().lock().take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    }
    anyhow::ensure!(u64::try_from(bytes.len())? <= MOST_BYTES, "it is larger than {MOST_BYTES} bytes");
    String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("it is not UTF-8 text"))
}
