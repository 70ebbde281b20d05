//! Standard output, or a file that is written whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::failure::Failure;

/// Where output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Standard output.
    StandardOutput,
    /// A file.
    File {
        /// Its path.
        path: PathBuf,
        /// Whether it is a program.
        executable: bool,
    },
}

impl Destination {
    /// What `--output-path` means: `-` and nothing are standard output.
    pub(crate) fn of(path: Option<&Path>) -> Self {
        match path {
            None => Self::StandardOutput,
            Some(path) if path == Path::new("-") => Self::StandardOutput,
            Some(path) => Self::File { path: path.to_owned(), executable: false },
        }
    }

    /// The same place, for a program.
    pub(crate) fn executable(self) -> Self {
        match self {
            Self::StandardOutput => self,
            Self::File { path, .. } => Self::File { path, executable: true },
        }
    }

    /// Writes all of `text`. A reader of standard output who leaves early is no failure.
    pub(crate) fn write(&self, text: &str) -> Result<(), Failure> {
        self.write_bytes(text.as_bytes())
    }

    /// The same of what is no text.
    pub(crate) fn write_bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::StandardOutput => print(bytes),
            Self::File { path, executable } => save(path, *executable, bytes).map_err(Failure::user),
        }
    }
}

fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::user(anyhow::Error::new(error).context("cannot write to standard output")))
        }
        _ => Ok(()),
    }
}

fn save(path: &Path, executable: bool, bytes: &[u8]) -> anyhow::Result<()> {
    let cannot = || format!("cannot write `{}`", path.display());
    // The file behind a symbolic link is replaced, not the link.
    let target = match path.canonicalize() {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error).with_context(cannot),
    };
    let existing = match fs::metadata(&target) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(cannot),
    };
    match &existing {
        Some(metadata) if metadata.is_dir() => {
            anyhow::bail!("cannot write `{}`: it is a folder, name a file in it", path.display());
        }
        Some(metadata) if metadata.permissions().readonly() => {
            anyhow::bail!("cannot write `{}`: it is read-only", path.display());
        }
        // A device or a pipe cannot be replaced, only written to.
        Some(metadata) if !metadata.is_file() => fs::write(&target, bytes).with_context(cannot),
        _ => replace(&target, executable, existing.as_ref(), bytes).with_context(cannot),
    }
}

/// Writes a temporary file beside `target` and renames it, so that a reader sees the old content or the new.
fn replace(
    target: &Path,
    executable: bool,
    existing: Option<&fs::Metadata>,
    bytes: &[u8],
) -> anyhow::Result<()> {
    let folder = match target.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => anyhow::bail!("it has no folder"),
    };
    if !folder.is_dir() {
        anyhow::bail!("folder `{}` does not exist", folder.display());
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".kubectl-infer-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any other program would create it: the process's mask takes its part.
        builder.permissions(fs::Permissions::from_mode(if executable { 0o777 } else { 0o666 }));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    if let Some(metadata) = existing.filter(|_| !executable) {
        file.as_file().set_permissions(metadata.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(target)?;
    Ok(())
}
