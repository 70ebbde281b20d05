//! The plugin is installed and found as a user would do it.

use anyhow::{Context, Result, ensure};
use infer_tests::{ControlPlane, binaries, krew};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Packs the program of this checkout with a licence, and describes it in a manifest, both in `dir`.
fn release(dir: &Path) -> Result<(PathBuf, PathBuf)> {
    let archive = dir.join("infer.tar.gz");
    fs::copy(binaries::kubectl_infer()?, dir.join("kubectl-infer"))?;
    fs::write(dir.join("LICENSE"), "Apache-2.0\n")?;
    run(Command::new("tar").current_dir(dir).args(["-czf", "infer.tar.gz", "kubectl-infer", "LICENSE"]))?;

    let manifest = dir.join("infer.yaml");
    let platform = format!("os: {}, arch: {}", os(), arch());
    fs::write(
        &manifest,
        format!(
            "apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: infer
spec:
  version: v0.0.1
  homepage: https://github.com/kubectl-infer/kubectl-infer
  shortDescription: Recommend accelerators for LLM serving
  description: Recommends accelerators and writes manifests.
  platforms:
  - selector:
      matchLabels: {{{platform}}}
    uri: https://example.com/infer.tar.gz
    sha256: {}
    bin: kubectl-infer
",
            sha256(&archive)?
        ),
    )?;
    Ok((manifest, archive))
}

/// krew names platforms as Go does.
fn os() -> &'static str {
    if cfg!(target_os = "macos") { "darwin" } else { "linux" }
}

fn arch() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

fn sha256(file: &Path) -> Result<String> {
    infer_tests::sha256(&fs::read(file)?)
}

/// Returns what the command prints.
fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
fn krew_installs_the_plugin_and_kubectl_finds_it() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let (manifest, archive) = release(dir.path())?;
    krew::validate(&manifest)?;

    let root = krew::install(&manifest, &archive)?;

    assert!(root.store("infer", "v0.0.1").join("LICENSE").exists());
    let through_kubectl = run(root.kubectl(ControlPlane::shared()?)?.args(["infer", "--help"]))?;
    let directly = run(Command::new(binaries::kubectl_infer()?).arg("--help"))?;
    assert_eq!(through_kubectl, directly);
    Ok(())
}

#[test]
fn krew_refuses_an_archive_that_is_not_the_released_one() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let (manifest, archive) = release(dir.path())?;
    let text = fs::read_to_string(&manifest)?;
    fs::write(&manifest, text.replace(&sha256(&archive)?, &"f".repeat(64)))?;

    let error = krew::install(&manifest, &archive).err().context("it was installed")?.to_string();

    assert!(error.contains("checksum does not match"), "{error}");
    Ok(())
}

#[test]
fn the_checker_refuses_an_incomplete_manifest() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let (manifest, _) = release(dir.path())?;
    let text = fs::read_to_string(&manifest)?;
    fs::write(&manifest, text.replace("  shortDescription: Recommend accelerators for LLM serving\n", ""))?;

    let error = krew::validate(&manifest).err().context("it was accepted")?.to_string();

    assert!(error.contains("should have a short description"), "{error}");
    Ok(())
}
