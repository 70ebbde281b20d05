//! The programs that tests run: built from pinned sources with Go, once, and kept in the user's cache.

use crate::checksum::sha256;
use anyhow::{Context, Result, bail, ensure};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The version that the API server is linked to report; `control-plane/kubernetes/go.mod` has the same one.
pub const KUBERNETES_VERSION: &str = "v1.36.3";

/// Oldest Go that the pinned sources accept, for the error when there is none.
const GO_VERSION: &str = "1.26";

/// What a first build costs, so that nobody takes it for a hang.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(15);

/// A Go module of this crate that pins programs.
struct GoModule {
    /// Folder under `control-plane/`, and first part of the name in the cache.
    name: &'static str,
    /// Main packages.
    packages: Vec<&'static str>,
    /// `go build -tags`; empty for none.
    tags: &'static str,
    /// `go build -ldflags`.
    linker_flags: String,
    /// Rough duration on two cores, for the first line.
    duration: &'static str,
}

/// Folder with kube-apiserver, kube-controller-manager, kube-scheduler, kubectl, etcd, kwok and `stages/`.
pub fn kubernetes() -> Result<&'static Path> {
    static DIR: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    once(&DIR, || {
        let module = GoModule {
            name: "kubernetes",
            packages: vec![
                "k8s.io/kubernetes/cmd/kube-apiserver",
                "k8s.io/kubernetes/cmd/kube-controller-manager",
                "k8s.io/kubernetes/cmd/kube-scheduler",
                "k8s.io/kubernetes/cmd/kubectl",
                "sigs.k8s.io/kwok/cmd/kwok",
                "go.etcd.io/etcd/server/v3",
            ],
            tags: "",
            // Without these the API server reports v0.0.0-master.
            linker_flags: format!(
                "-s -w -X k8s.io/component-base/version.gitVersion={KUBERNETES_VERSION} \
                 -X k8s.io/component-base/version.gitMajor=1 \
                 -X k8s.io/component-base/version.gitMinor=36"
            ),
            duration: "10 minutes",
        };
        module.built(|module, dir| {
            fs::rename(dir.join("server"), dir.join("etcd"))?;
            copy_stages(module, &dir.join("stages"))
        })
    })
}

/// The real kubectl, of the control plane's version.
pub fn kubectl() -> Result<PathBuf> {
    Ok(kubernetes()?.join("kubectl"))
}

/// The real krew.
pub fn krew() -> Result<PathBuf> {
    Ok(krew_programs()?.join("krew"))
}

/// krew's own checker of plugin manifests.
pub fn validate_krew_manifest() -> Result<PathBuf> {
    Ok(krew_programs()?.join("validate-krew-manifest"))
}

fn krew_programs() -> Result<&'static Path> {
    static DIR: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    once(&DIR, || {
        let module = GoModule {
            name: "krew",
            packages: vec!["sigs.k8s.io/krew/cmd/krew", "sigs.k8s.io/krew/cmd/validate-krew-manifest"],
            tags: "",
            linker_flags: "-s -w".to_owned(),
            duration: "half a minute",
        };
        module.built(|_, _| Ok(()))
    })
}

/// The real helm.
pub fn helm() -> Result<PathBuf> {
    static DIR: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    only_program(&DIR, "helm", "helm.sh/helm/v4/cmd/helm", "", "4 minutes")
}

/// The real Prometheus, without the ways of finding targets that clouds have: they are half of what it is made from.
pub fn prometheus() -> Result<PathBuf> {
    static DIR: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let package = "github.com/prometheus/prometheus/cmd/prometheus";
    only_program(&DIR, "prometheus", package, "remove_all_sd", "5 minutes")
}

/// The real prometheus-adapter.
pub fn prometheus_adapter() -> Result<PathBuf> {
    static DIR: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let package = "sigs.k8s.io/prometheus-adapter/cmd/adapter";
    only_program(&DIR, "prometheus-adapter", package, "", "4 minutes")
}

/// The program of a module that has one; it is called as the last part of its package.
fn only_program(
    cell: &'static OnceLock<Result<PathBuf, String>>,
    name: &'static str,
    package: &'static str,
    tags: &'static str,
    duration: &'static str,
) -> Result<PathBuf> {
    let programs = once(cell, || {
        let linker_flags = "-s -w".to_owned();
        let module = GoModule { name, packages: vec![package], tags, linker_flags, duration };
        module.built(|_, _| Ok(()))
    })?;
    Ok(programs.join(package.rsplit('/').next().unwrap_or(package)))
}

/// The plugin, built from this checkout by Cargo.
pub fn kubectl_infer() -> Result<&'static Path> {
    static PATH: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    once(&PATH, || from_checkout("kubectl-infer"))
}

/// The admission webhook, built from this checkout by Cargo.
pub fn infer_webhook() -> Result<&'static Path> {
    static PATH: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    once(&PATH, || from_checkout("infer-webhook"))
}

/// Builds a package's program of the same name, and returns where it is.
fn from_checkout(package: &str) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // What Cargo says about the crate of the tests. The build script of `ring` looks at it too, so every build from
    // here would build that crate, and what rests on it, anew.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    let output = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--package", package, "--bin", package])
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit()) // It may take a while, so let Cargo say what it does.
        .output()
        .context("cannot run `cargo`")?;
    ensure!(output.status.success(), "cannot build {package}; Cargo's messages are above");
    text(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .with_context(|| format!("`cargo build` named no executable for {package}"))
}

/// Runs `make` the first time. A failure is kept as text: every test that needs the program reports it.
fn once(
    cell: &'static OnceLock<Result<PathBuf, String>>,
    make: impl FnOnce() -> Result<PathBuf>,
) -> Result<&'static Path> {
    let made = cell.get_or_init(|| make().map_err(|error| format!("{error:#}")));
    made.as_deref().map_err(|error| anyhow::anyhow!("{error}"))
}

impl GoModule {
    /// Returns the folder of the programs in the cache, after building them if they are not there.
    /// `finish` completes the folder before it appears in the cache.
    fn built(&self, finish: impl FnOnce(&Self, &Path) -> Result<()>) -> Result<PathBuf> {
        let go = self.go_version()?;
        let cache = cache_dir()?;
        let dir = cache.join(format!("{}-{}", self.name, self.key(&go)?));
        fs::create_dir_all(&cache).with_context(|| format!("cannot create {}", cache.display()))?;

        // Two test processes must not build at the same time; the lock goes with the file handle.
        let lock = File::create(cache.join(format!("{}.lock", self.name)))?;
        lock.lock()?;
        if !dir.exists() {
            let unfinished = tempfile::tempdir_in(&cache)?;
            self.build(&go, unfinished.path())?;
            finish(self, unfinished.path())?;
            fs::rename(unfinished.keep(), &dir)?;
        }
        Ok(dir)
    }

    fn source(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("control-plane").join(self.name)
    }

    /// `go` in this module's folder.
    fn go(&self) -> Command {
        let mut command = Command::new("go");
        // Without C no compiler and no headers are needed. A workspace file of the user's must not interfere.
        command.current_dir(self.source()).env("CGO_ENABLED", "0").env("GOWORK", "off");
        command
    }

    /// Version and target in one line.
    fn go_version(&self) -> Result<String> {
        let output = match self.go().args(["env", "GOVERSION", "GOOS", "GOARCH"]).output() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(
                "Go {GO_VERSION} or later is needed to build {} for the tests, and there is no `go` on PATH. \
                 Install it from https://go.dev/dl/",
                self.name
            ),
            other => other.context("cannot run `go`")?,
        };
        ensure!(
            output.status.success(),
            "Go {GO_VERSION} or later is needed to build {} for the tests: {}",
            self.name,
            text(&output.stderr).trim()
        );
        Ok(text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Names a build: everything that the programs are made from.
    fn key(&self, go: &str) -> Result<String> {
        let mut made_from = format!("{go}\n{}\n{}\n", self.packages.join(" "), self.linker_flags);
        if !self.tags.is_empty() {
            made_from += &format!("{}\n", self.tags);
        }
        for file in ["go.mod", "go.sum"] {
            made_from += &fs::read_to_string(self.source().join(file))?;
        }
        Ok(sha256(made_from.as_bytes())?[..16].to_owned())
    }

    /// How many packages there are to compile, unless Go still has some of them from before.
    fn package_count(&self) -> Result<usize> {
        let output = self.go().args(["list", "-deps", "-tags", self.tags]).args(&self.packages).output()?;
        Ok(text(&output.stdout).lines().count())
    }

    fn build(&self, go: &str, dir: &Path) -> Result<()> {
        report(&format!(
            "building {} with {go}; the first time takes about {} on two cores, then it is kept in the cache",
            self.name, self.duration
        ));
        let start = Instant::now();
        let mut child = self
            .go()
            .args(["build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false"])
            .args(["-tags", self.tags])
            .args(["-ldflags", &self.linker_flags, "-o"])
            .arg(dir)
            .args(&self.packages)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let messages =
            follow(self.name, self.package_count()?, child.stderr.take().context("no standard error")?)?;
        ensure!(child.wait()?.success(), "cannot build {} with Go:\n{messages}", self.name);
        report(&format!("built {} in {} s", self.name, start.elapsed().as_secs()));
        Ok(())
    }
}

/// Reads `go build -v` to its end: a line for each compiled package, and any error. Returns the last lines.
fn follow(name: &str, total: usize, stderr: impl io::Read) -> Result<String> {
    let (mut count, mut last, mut reported) = (0, VecDeque::new(), Instant::now());
    for line in BufReader::new(stderr).lines() {
        last.push_back(line?);
        if last.len() > 30 {
            last.pop_front();
        }
        count += 1;
        if reported.elapsed() > PROGRESS_INTERVAL {
            report(&format!("building {name}: {count} of at most {total} packages"));
            reported = Instant::now();
        }
    }
    Ok(Vec::from(last).join("\n"))
}

/// KWOK's descriptions of how nodes and Pods behave; they come with its sources.
fn copy_stages(module: &GoModule, to: &Path) -> Result<()> {
    let output = module.go().args(["list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"]).output()?;
    let root = PathBuf::from(text(&output.stdout).trim()).join("kustomize/stage");
    fs::create_dir_all(to)?;
    for folder in ["node/fast", "node/heartbeat-with-lease", "pod/fast"] {
        for entry in fs::read_dir(root.join(folder)).context("the sources of KWOK have no stages")? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default();
            if path.extension().is_some_and(|extension| extension == "yaml") && name != "kustomization.yaml" {
                // Contents only: files of Go's module cache are read-only.
                fs::write(to.join(name), fs::read(&path)?)?;
            }
        }
    }
    Ok(())
}

fn cache_dir() -> Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty()) {
        Some(dir) => PathBuf::from(dir),
        None => {
            let home =
                std::env::var_os("HOME").context("set HOME or XDG_CACHE_HOME: the cache goes there")?;
            PathBuf::from(home).join(".cache")
        }
    };
    Ok(cache.join("kubectl-infer-tests"))
}

/// Not `eprintln`: the test runner would hide it until the end.
fn report(line: &str) {
    drop(writeln!(io::stderr(), "infer-tests: {line}"));
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn reported_version_is_the_built_one() {
        let module = include_str!("../control-plane/kubernetes/go.mod");
        assert!(module.contains(&format!("k8s.io/kubernetes {}\n", super::KUBERNETES_VERSION)));
    }
}
