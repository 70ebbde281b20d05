//! Custom resource definitions of the operators that generated manifests are for.
//!
//! They are read from the operators' own Go modules, so that a manifest is checked against what the operator
//! really publishes.

use crate::control_plane::ControlPlane;
use crate::wait;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Definitions in a module at a version.
struct Source {
    module: &'static str,
    version: &'static str,
    /// Go's checksum of the module, as in a go.sum.
    sum: &'static str,
    folder: &'static str,
    files: &'static [&'static str],
    /// API group and version.
    group_version: &'static str,
    /// What it serves once the definitions are in use.
    kinds: &'static [&'static str],
}

const SOURCES: [Source; 6] = [
    Source {
        module: "github.com/GoogleCloudPlatform/prometheus-engine",
        version: "v0.17.2",
        sum: "h1:b4Sau/04Xn0wqGyGABUzLVOSlM7BxsZHbcYEXP3EDeg=",
        folder: "charts/operator/crds",
        files: &[
            "monitoring.googleapis.com_clusterpodmonitorings.yaml",
            "monitoring.googleapis.com_podmonitorings.yaml",
            "monitoring.googleapis.com_rules.yaml",
        ],
        group_version: "monitoring.googleapis.com/v1",
        kinds: &["ClusterPodMonitoring", "PodMonitoring", "Rules"],
    },
    Source {
        module: "github.com/kedacore/keda/v2",
        version: "v2.21.0",
        sum: "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=",
        folder: "config/crd/bases",
        files: &["keda.sh_scaledobjects.yaml", "keda.sh_triggerauthentications.yaml"],
        group_version: "keda.sh/v1alpha1",
        kinds: &["ScaledObject", "TriggerAuthentication"],
    },
    Source {
        module: "sigs.k8s.io/lws",
        version: "v0.8.0",
        sum: "h1:DdhJ8QabwTfWgbgaHH2gdf8twliioHaoSfmDXRYEVU0=",
        folder: "config/crd/bases",
        files: &["leaderworkerset.x-k8s.io_leaderworkersets.yaml"],
        group_version: "leaderworkerset.x-k8s.io/v1",
        kinds: &["LeaderWorkerSet"],
    },
    Source {
        module: "sigs.k8s.io/jobset",
        version: "v0.10.1",
        sum: "h1:u8QKifNsrWVrlRFe6w2ofYTqFT9ma2DRHxfeB2m9xyU=",
        folder: "config/components/crd/bases",
        files: &["jobset.x-k8s.io_jobsets.yaml"],
        group_version: "jobset.x-k8s.io/v1alpha2",
        kinds: &["JobSet"],
    },
    Source {
        module: "github.com/prometheus-operator/prometheus-operator",
        version: "v0.88.0",
        sum: "h1:3T/dCQdk7CUVRqVfwRHoC5g66fC/ML6XQQLtQVL6Q5o=",
        folder: "example/prometheus-operator-crd",
        files: &[
            "monitoring.coreos.com_podmonitors.yaml",
            "monitoring.coreos.com_prometheusrules.yaml",
            "monitoring.coreos.com_servicemonitors.yaml",
        ],
        group_version: "monitoring.coreos.com/v1",
        kinds: &["PodMonitor", "PrometheusRule", "ServiceMonitor"],
    },
    Source {
        module: "github.com/cert-manager/cert-manager",
        version: "v1.19.1",
        sum: "h1:Txh8L/nLWTDcb7ZnXuXbTe15BxQnLbLirXmbNk0fGgY=",
        folder: "deploy/crds",
        files: &["cert-manager.io_certificates.yaml", "cert-manager.io_issuers.yaml"],
        group_version: "cert-manager.io/v1",
        kinds: &["Certificate", "Issuer"],
    },
];

/// One line of `go mod download -json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Module {
    path: String,
    #[serde(default)]
    dir: PathBuf,
    #[serde(default)]
    sum: String,
    error: Option<String>,
}

impl Source {
    /// Finds the definitions in what was downloaded.
    fn folder_in(&self, modules: &[Module]) -> Result<PathBuf> {
        let name = format!("{} {}", self.module, self.version);
        let Some(module) = modules.iter().find(|module| module.path == self.module) else {
            bail!("`go mod download` did not fetch {name}");
        };
        if let Some(error) = &module.error {
            bail!("cannot download {name}: {error}");
        }
        ensure!(
            module.sum == self.sum,
            "{name} has the checksum {}, not the pinned {}",
            module.sum,
            self.sum
        );
        Ok(module.dir.join(self.folder))
    }
}

/// Installs all definitions, and waits until their kinds are served.
pub(crate) fn install(control_plane: &ControlPlane) -> Result<()> {
    let mut definitions = control_plane.kubectl()?;
    definitions.args(["apply", "--server-side"]);
    for (source, folder) in SOURCES.iter().zip(download()?) {
        definitions
            .args(source.files.iter().map(|file| format!("--filename={}", folder.join(file).display())));
    }
    let output = definitions.output()?;
    ensure!(
        output.status.success(),
        "cannot install the custom resource definitions:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for source in &SOURCES {
        wait_until_served(control_plane, source)?;
    }
    Ok(())
}

/// Returns the folders of the modules, in the order of `SOURCES`.
fn download() -> Result<Vec<PathBuf>> {
    let output = Command::new("go")
        .args(["mod", "download", "-json"])
        .args(SOURCES.iter().map(|source| format!("{}@{}", source.module, source.version)))
        // Outside of any module, or `go` would look for these in its go.mod.
        .current_dir(std::env::temp_dir())
        .env("GOWORK", "off")
        .output()
        .context("cannot run `go`")?;
    let modules: Vec<Module> =
        serde_json::Deserializer::from_slice(&output.stdout).into_iter().collect::<Result<_, _>>()?;
    let problems = String::from_utf8_lossy(&output.stderr);
    SOURCES.iter().map(|source| source.folder_in(&modules).with_context(|| problems.to_string())).collect()
}

/// The condition `Established` comes a little before discovery lists the kind, which is what kubectl needs.
fn wait_until_served(control_plane: &ControlPlane, source: &Source) -> Result<()> {
    let client = control_plane.client();
    let served = wait::until(source.group_version, Duration::from_secs(30), async || {
        control_plane.check()?;
        let served = match client.list_api_group_resources(source.group_version).await {
            Ok(list) => list.resources,
            Err(error) => return Ok(ControlFlow::Continue(error.to_string())),
        };
        let missing = source.kinds.iter().find(|kind| !served.iter().any(|resource| resource.kind == **kind));
        Ok(match missing {
            Some(kind) => ControlFlow::Continue(format!("{kind} is not served")),
            None => ControlFlow::Break(()),
        })
    });
    control_plane.block_on(served)
}
