//! Installing the plugin with the real krew, without a network.

use crate::binaries;
use crate::control_plane::ControlPlane;
use anyhow::{Context, Result, ensure};
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A `KREW_ROOT` with an installed plugin; removed when it is dropped.
pub struct KrewRoot {
    dir: TempDir,
}

/// Installs a plugin from a manifest and the archive that the manifest's entry for this platform describes; the
/// manifest's addresses are not used, its checksum is.
pub fn install(manifest: &Path, archive: &Path) -> Result<KrewRoot> {
    let root = KrewRoot { dir: tempfile::Builder::new().prefix("krew-root-").tempdir()? };
    let mut command = Command::new(binaries::krew()?);
    command.arg("install").arg("--manifest").arg(manifest).arg("--archive").arg(archive);
    root.configure(&mut command)?;
    run(command)?;
    Ok(root)
}

/// Checks a manifest with krew's own checker. The file must be named after the plugin: `infer.yaml`.
/// Downloads are left out.
pub fn validate(manifest: &Path) -> Result<()> {
    let mut command = Command::new(binaries::validate_krew_manifest()?);
    command.arg("-skip-install").arg("-manifest").arg(manifest);
    run(command)
}

impl KrewRoot {
    /// Folder of an installed plugin: `store/NAME/VERSION`.
    pub fn store(&self, plugin: &str, version: &str) -> PathBuf {
        self.dir.path().join("store").join(plugin).join(version)
    }

    /// The real kubectl, which finds the installed plugin as it would for a user, talking to a control plane.
    pub fn kubectl(&self, control_plane: &ControlPlane) -> Result<Command> {
        let mut command = control_plane.kubectl()?;
        self.configure(&mut command)?;
        Ok(command)
    }

    fn configure(&self, command: &mut Command) -> Result<()> {
        command
            .env("KREW_ROOT", self.dir.path())
            .env("KREW_NO_UPGRADE_CHECK", "1")
            .env("PATH", self.path_variable()?);
        Ok(())
    }

    /// krew's folder of plugins first, as its setup instructions say.
    fn path_variable(&self) -> Result<OsString> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.dir.path().join("bin")).chain(env::split_paths(&path));
        Ok(env::join_paths(folders)?)
    }
}

fn run(mut command: Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
