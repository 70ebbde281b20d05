//! The plugin is installed and found as a user would do it.

use anyhow::{Context, Result, anyhow, ensure};
use infer_tests::{ControlPlane, binaries, krew};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// What `deploy/release.sh` makes for this machine, once for all tests.
struct Release {
    dir: TempDir,
    manifest: PathBuf,
    archive: PathBuf,
}

impl Release {
    fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Release, String>> = OnceLock::new();
        let made = SHARED.get_or_init(|| Self::make().map_err(|error| format!("{error:#}")));
        made.as_ref().map_err(|error| anyhow!("release: {error}"))
    }

    fn make() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let script = repository.join("deploy/release.sh");
        run(Command::new(script).arg(format!("{}-{}", os(), arch())).env("DIST", dir.path()))?;
        let manifest = dir.path().join("infer.yaml");
        let archive = format!("kubectl-infer-{VERSION}-{}-{}.tar.gz", os(), arch());
        let archive = dir.path().join(archive);
        Ok(Self { dir, manifest, archive })
    }

    /// The manifest with something else in the place of `from`, as a file that krew takes.
    fn altered(&self, folder: &str, from: &str, to: &str) -> Result<PathBuf> {
        let text = fs::read_to_string(&self.manifest)?;
        ensure!(text.contains(from), "the manifest has no `{from}`");
        let folder = self.dir.path().join(folder);
        fs::create_dir_all(&folder)?;
        let path = folder.join("infer.yaml");
        fs::write(&path, text.replace(from, to))?;
        Ok(path)
    }
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
fn krew_installs_the_release_and_kubectl_finds_it() -> Result<()> {
    let Release { manifest, archive, .. } = Release::shared()?;
    krew::validate(manifest)?;

    let root = krew::install(manifest, archive)?;

    assert!(root.store("infer", VERSION).join("LICENSE").exists());
    let through_kubectl = run(root.kubectl(ControlPlane::shared()?)?.args(["infer", "version"]))?;
    let directly = run(Command::new(binaries::kubectl_infer()?).arg("version"))?;
    assert_eq!(through_kubectl, directly);
    Ok(())
}

#[test]
fn krew_refuses_an_archive_that_is_not_the_released_one() -> Result<()> {
    let release = Release::shared()?;
    let hash = sha256(&release.archive)?;
    let manifest = release.altered("hash", &hash, &"f".repeat(64))?;

    let error = krew::install(&manifest, &release.archive).err().context("it was installed")?.to_string();

    assert!(error.contains("checksum does not match"), "{error}");
    Ok(())
}

#[test]
fn the_checker_refuses_an_incomplete_manifest() -> Result<()> {
    let manifest =
        Release::shared()?.altered("incomplete", "  shortDescription:", "  # shortDescription:")?;

    let error = krew::validate(&manifest).err().context("it was accepted")?.to_string();

    assert!(error.contains("should have a short description"), "{error}");
    Ok(())
}

/// The manifest in the repository names all platforms; a release leaves out those that it has no archive of.
#[test]
fn the_manifest_of_the_repository_is_complete() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../krew-manifest.yaml");
    let text = fs::read_to_string(&source)?;
    let manifest = dir.path().join("infer.yaml");
    fs::write(&manifest, &text)?;
    krew::validate(&manifest)?;
    for os in ["linux", "darwin", "windows"] {
        for arch in ["amd64", "arm64"] {
            ensure!(text.contains(&format!("{VERSION}-{os}-{arch}.tar.gz")), "{os}-{arch} is missing");
        }
    }
    Ok(())
}
