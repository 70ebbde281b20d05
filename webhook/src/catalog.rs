//! The catalog, with the overlays that the command line names.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use infer_core::catalog::{Catalog, MAX_DOCUMENT_BYTES, OverlayDocument};

/// The embedded catalog under the overlays at `paths`, read to its end, so that no decision can fail by it.
///
/// # Errors
///
/// An overlay cannot be read, or a part of the catalog is wrong.
pub(crate) fn load(paths: &[PathBuf]) -> anyhow::Result<Catalog> {
    let documents: Vec<_> = paths.iter().map(|path| document(path)).collect::<Result<_, _>>()?;
    let catalog =
        if documents.is_empty() { Catalog::embedded() } else { Catalog::with_overlays(&documents)? };
    catalog.models()?;
    catalog.accelerators()?;
    catalog.machines()?;
    catalog.prices()?;
    catalog.servers()?;
    catalog.use_cases()?;
    Ok(catalog)
}

fn document(path: &Path) -> anyhow::Result<OverlayDocument> {
    let cannot = || format!("cannot read catalog `{}`", path.display());
    let most = u64::try_from(MAX_DOCUMENT_BYTES)?;
    let mut text = String::new();
    let mut file = File::open(path).with_context(cannot)?.take(most + 1);
    file.read_to_string(&mut text).with_context(cannot)?;
    ensure!(text.len() <= MAX_DOCUMENT_BYTES, "{}: more than {MAX_DOCUMENT_BYTES} bytes", cannot());
    Ok(OverlayDocument { name: path.display().to_string(), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(text: &str) -> anyhow::Result<Catalog> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), text)?;
        load(&[file.path().to_owned()])
    }

    /// An overlay that says nothing takes nothing away.
    #[test]
    fn an_empty_catalog_over_the_embedded_one_changes_nothing() {
        let embedded = load(&[]).unwrap();
        for text in ["", "# nothing yet\n", "{}", "models: []\nservers: []\n"] {
            let catalog = loaded(text).unwrap_or_else(|error| panic!("{text:?}: {error:#}"));
            assert_eq!(catalog.models().unwrap(), embedded.models().unwrap(), "{text:?}");
            assert_eq!(catalog.servers().unwrap(), embedded.servers().unwrap(), "{text:?}");
            assert_eq!(catalog.prices().unwrap(), embedded.prices().unwrap(), "{text:?}");
        }
    }

    /// The program does not start, rather than decide by half of what it was told.
    #[test]
    fn a_catalog_that_cannot_be_read_is_named() {
        let missing = load(&[PathBuf::from("/nowhere/catalog.yaml")]).unwrap_err();
        assert!(format!("{missing:#}").contains("/nowhere/catalog.yaml"), "{missing:#}");
        for text in ["[]", "models: 7", "unheard: []", "models: [{ id: x }]", "\u{0}"] {
            assert!(loaded(text).is_err(), "{text:?}");
        }
    }
}
