//! Everything the program learns from its surroundings, read in one place.

use std::env;
use std::path::PathBuf;

/// Folders and files of catalog overlays that the surroundings name, in the order in which they are read.
pub(crate) fn catalog_paths() -> Vec<PathBuf> {
    let configured = config_folder().map(|folder| folder.join("kubectl-infer").join("catalog"));
    let mut paths: Vec<PathBuf> = configured.filter(|folder| folder.is_dir()).into_iter().collect();
    if let Some(list) = env::var_os("KUBECTL_INFER_CATALOG") {
        paths.extend(env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()));
    }
    paths
}

/// `$XDG_CONFIG_HOME`, or its default in the home folder.
fn config_folder() -> Option<PathBuf> {
    // The specification says that a relative path is to be ignored.
    let stated = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    stated.filter(|path| path.is_absolute()).or_else(|| env::home_dir().map(|home| home.join(".config")))
}
