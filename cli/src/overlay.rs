//! Reading the files whose entries overlay the embedded catalog.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use infer_core::catalog::{Catalog, MAX_DOCUMENT_BYTES, OverlayDocument};

use crate::arguments::CatalogOptions;
use crate::environment;
use crate::failure::Failure;

/// The embedded catalog under the user's own: the configuration folder, `KUBECTL_INFER_CATALOG`, `--catalog`.
pub(crate) fn catalog(options: &CatalogOptions) -> Result<Catalog, Failure> {
    let configured = environment::catalog_folder();
    let named = environment::catalog_paths();
    let mut documents = Vec::new();
    if let Some(folder) = configured.filter(|folder| folder.is_dir()) {
        documents.extend(read(&folder).map_err(Failure::user)?);
    }
    for path in named.iter().chain(&options.catalog) {
        let read = read(path).map_err(Failure::user)?;
        if read.is_empty() {
            let message = format!("folder `{}` holds no `*.yaml` file of a catalog", path.display());
            return Err(Failure::user(anyhow::anyhow!(message)));
        }
        documents.extend(read);
    }
    if documents.is_empty() {
        return Ok(Catalog::embedded());
    }
    Catalog::with_overlays(&documents).map_err(Failure::user)
}

/// The documents at a path: the file itself, or the `*.yaml` files of the folder by name.
fn read(path: &Path) -> anyhow::Result<Vec<OverlayDocument>> {
    let cannot = || format!("cannot read catalog `{}`", path.display());
    let metadata = fs::metadata(path).with_context(cannot)?;
    if !metadata.is_dir() {
        return Ok(vec![document(path).with_context(cannot)?]);
    }
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(path).with_context(cannot)? {
        let file = entry.with_context(cannot)?.path();
        let is_yaml = file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if is_yaml && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    files.iter().map(|file| document(file).with_context(cannot)).collect()
}

/// One file; never more of it than a catalog may have, whatever the file system says about its size.
fn document(path: &Path) -> anyhow::Result<OverlayDocument> {
    let most = u64::try_from(MAX_DOCUMENT_BYTES)?;
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    anyhow::ensure!(
        bytes.len() <= MAX_DOCUMENT_BYTES,
        "`{}` is larger than the {} MiB that a catalog file may have",
        path.display(),
        MAX_DOCUMENT_BYTES / (1024 * 1024),
    );
    let text =
        String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("`{}` is not UTF-8 text", path.display()))?;
    Ok(OverlayDocument { name: path.display().to_string(), text })
}
