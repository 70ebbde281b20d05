//! Quota, cluster, node pool, observability, metrics adapter.

use super::weights::principal;
use super::{ADD_KEDA, ADD_PROMETHEUS_ADAPTER, Comment, Steps, over_lines, quoted};
use crate::autoscale::Kind;
use crate::catalog::{AcceleratorKind, Catalog, Signal};
use crate::manifest::fixed_replicas;
use crate::manifest::gke::COMPUTE_CLASS;
use crate::manifest::request::Storage;
use crate::manifest::storage::WeightCache;

/// The Custom Metrics Stackdriver Adapter, as in the seeds.
const ADAPTER: &str = concat!(
    "https://raw.githubusercontent.com/GoogleCloudPlatform/k8s-stackdriver/master/",
    "custom-metrics-stackdriver-adapter/deploy/production/adapter_new_resource_model.yaml"
);

/// Flag and variable that name the project.
const PROJECT: &str = r#"--project="$PROJECT_ID""#;

/// Flags and variables that name the place of the cluster.
const PLACE: &str = r#"--project="$PROJECT_ID" --location="$LOCATION""#;

/// GB of one of GCE's local SSDs.
const LOCAL_SSD_GB: u64 = 375;

impl Steps<'_> {
    /// What has to be there before anything is applied.
    pub(super) fn cluster(&self) -> Vec<Comment> {
        vec![
            variables(
                Catalog::default_region(&self.plan.machine.name),
                self.surroundings.project.as_deref(),
                self.plan.request.autoscaling.cluster_name(),
            ),
            self.quota(),
            self.create_cluster(),
            self.node_pool(),
        ]
    }

    /// Replicas that the machines have to be there for.
    fn most_replicas(&self) -> u32 {
        match self.autoscaling {
            Some(autoscaling) => autoscaling.replicas.most,
            None => fixed_replicas(self.plan).unsigned_abs(),
        }
    }

    fn quota(&self) -> Comment {
        let accelerator = &self.plan.accelerator.id;
        let machine = &self.plan.machine.name;
        let most = u64::from(self.plan.accelerators) * u64::from(self.most_replicas());
        let kind = if self.plan.request.spot { "preemptible " } else { "" };
        let quotas = match self.plan.accelerator.kind {
            AcceleratorKind::Gpu => over_lines(&[
                &format!(r#"gcloud compute regions describe "$LOCATION" {PROJECT} --flatten=quotas"#),
                "--format='table(quotas.metric,quotas.usage,quotas.limit)' | grep -E 'METRIC|GPU'",
            ]),
            AcceleratorKind::Tpu => over_lines(&[
                &format!("gcloud beta quotas info list {PROJECT} --service=compute.googleapis.com"),
                "--filter='quotaId~TPU' --format='table(quotaId,dimensionsInfos[].details.value)'",
            ]),
        };
        let zones = over_lines(&[
            &format!("gcloud compute machine-types list {PROJECT}"),
            &format!("--filter='name={machine}' --format='value(zone)'"),
        ]);
        Comment {
            title: "Check the quota".to_owned(),
            text: vec![format!(
                "Needed: {kind}quota for {most} x {accelerator}, in a zone that has {machine} (the second \
                 command lists them)."
            )],
            commands: vec![quotas, zones],
        }
    }

    fn create_cluster(&self) -> Comment {
        let text = "If there is none; of Kubernetes 1.30 or newer, since the Pods sleep before they stop \
                    (`preStop.sleep`). Autopilot makes nodes by itself; the next step is then not needed.";
        Comment {
            title: "Create a cluster".to_owned(),
            text: std::iter::once(text.to_owned()).chain(self.on_autopilot()).collect(),
            commands: vec![
                format!(r#"gcloud container clusters create-auto "$CLUSTER_NAME" {PLACE}"#),
                format!(r#"gcloud container clusters get-credentials "$CLUSTER_NAME" {PLACE}"#),
            ],
        }
    }

    /// Node selectors that Autopilot needs beyond those that fit every cluster.
    fn on_autopilot(&self) -> Option<String> {
        let plan = self.plan;
        if plan.is_tpu() || self.storage.cache == WeightCache::ComputeClass {
            return None;
        }
        let whole = plan.machine.whole_accelerators();
        let count = (plan.accelerators < whole).then(|| {
            format!(
                ", and `cloud.google.com/gke-accelerator-count: \"{whole}\"`, since it otherwise gives each Pod a \
                 machine of its own"
            )
        });
        Some(format!(
            "On Autopilot add the node selector `cloud.google.com/gke-gpu-driver-version: latest`, since its \
             default driver may be too old for the image{}.",
            count.unwrap_or_default()
        ))
    }

    fn node_pool(&self) -> Comment {
        let machine = &self.plan.machine.name;
        let mut lines = vec![
            // Names of node pools have at most 40 characters; machine types have fewer.
            format!("gcloud container node-pools create {}", machine.chars().take(40).collect::<String>()),
            format!(r#"--cluster="$CLUSTER_NAME" {PLACE}"#),
        ];
        lines.extend(self.node_flags());
        lines.push(format!("--enable-autoscaling --num-nodes=0 --min-nodes=0 --max-nodes={}", self.nodes()));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let mut text = vec![
            "In a regional cluster add `--node-locations` with the zones that have the machine.".to_owned(),
        ];
        if self.storage.cache == WeightCache::ComputeClass {
            text.push(
                "The ComputeClass makes such a pool by itself from GKE 1.33.3-gke.1136000 on, and before where \
                 the cluster has node auto-provisioning."
                    .to_owned(),
            );
        }
        Comment {
            title: "Create a node pool (Standard clusters only)".to_owned(),
            text,
            commands: self.driver_for_bucket().into_iter().chain([over_lines(&lines)]).collect(),
        }
    }

    /// What the nodes have to be like.
    fn node_flags(&self) -> Vec<String> {
        let plan = self.plan;
        let mut flags = vec![format!("--machine-type={}", plan.machine.name)];
        if plan.accelerator.kind == AcceleratorKind::Gpu {
            let (id, count) = (&plan.accelerator.id, plan.machine.whole_accelerators());
            flags.push(format!("--accelerator=type={id},count={count},gpu-driver-version=latest"));
        }
        if let Some(gigabytes) = plan.machine.bundled_local_ssd_gb {
            flags.push(format!("--ephemeral-storage-local-ssd=count={}", (gigabytes / LOCAL_SSD_GB).max(1)));
        }
        flags.extend(self.storage.boot_disk_gib.map(|gib| format!("--disk-size={gib}")));
        if self.storage.cache == WeightCache::ComputeClass {
            // Without both, the pool is none of the class and its Pods do not run there.
            let class = format!("{COMPUTE_CLASS}={}", plan.workload());
            flags.extend([format!("--node-labels={class}"), format!("--node-taints={class}:NoSchedule")]);
        }
        if self.uses_bucket() {
            flags.push("--workload-metadata=GKE_METADATA".to_owned());
        }
        if plan.request.spot {
            flags.push("--spot".to_owned());
        }
        flags
    }

    /// Standard clusters have neither the FUSE driver nor Workload Identity unless asked.
    fn driver_for_bucket(&self) -> Vec<String> {
        if !self.uses_bucket() {
            return Vec::new();
        }
        let flags =
            [r#"--workload-pool="$PROJECT_ID.svc.id.goog""#, "--update-addons=GcsFuseCsiDriver=ENABLED"];
        flags.iter().map(|flag| update_cluster(&[flag])).collect()
    }

    fn uses_bucket(&self) -> bool {
        matches!(self.plan.request.storage, Storage::Bucket { .. })
    }

    /// Machines that hold all replicas, and one more for the replica that an update starts first.
    fn nodes(&self) -> u64 {
        let accelerators = u64::from(self.most_replicas() + 1) * u64::from(self.plan.accelerators);
        accelerators.div_ceil(u64::from(self.plan.machine.whole_accelerators().max(1)))
    }

    /// Metrics of cluster and server, and their way to the autoscaler.
    pub(super) fn observability(&self) -> Vec<Comment> {
        let dcgm = if self.plan.is_tpu() { "" } else { ",DCGM" };
        let text = "Without `--auto-monitoring-scope=ALL`: these manifests bring their own PodMonitoring, \
                    and a second one that GKE adds by itself would count every metric twice.";
        let observability = Comment {
            title: "Turn on observability (recommended)".to_owned(),
            text: std::iter::once(text.to_owned()).chain(self.unknown_metrics()).collect(),
            commands: vec![update_cluster(&[
                "--enable-managed-prometheus",
                &format!("--logging=SYSTEM,WORKLOAD --monitoring=SYSTEM,DEPLOYMENT,HPA,POD{dcgm}"),
            ])],
        };
        std::iter::once(observability)
            .chain(self.autoscaling.and_then(|plan| self.adapter(plan.kind)))
            .collect()
    }

    /// What a server exports of which the catalog has no metric.
    fn unknown_metrics(&self) -> Option<String> {
        let plan = self.plan;
        let is_exported = |signal: &&Signal| {
            plan.version
                .arguments
                .as_ref()
                .is_some_and(|names| signal.missing_setting(&names.always).is_none())
        };
        (!plan.signals.iter().copied().any(|signal| is_exported(&signal))).then(|| {
            format!(
                "The catalog knows no metric of {} {}: it is scraped at {}, where it answers only if it was \
                 configured to.",
                plan.server.display_name, plan.version.version, plan.server.metrics_path
            )
        })
    }

    /// What serves the metrics to the autoscaler.
    fn adapter(&self, kind: Kind) -> Option<Comment> {
        let kubectl = self.surroundings.kubectl();
        let owners = over_lines(&[
            &format!("{kubectl} get apiservices --ignore-not-found"),
            "v1beta1.custom.metrics.k8s.io v1beta1.external.metrics.k8s.io",
        ]);
        let setup = |flags: &[&str]| {
            let command = format!(
                r#"kubectl infer autoscaling setup --autoscaler={} --cluster-name="$CLUSTER_NAME""#,
                kind.name()
            );
            let lines: Vec<&str> = std::iter::once(command.as_str()).chain(flags.iter().copied()).collect();
            over_lines(&lines)
        };
        let apply = setup(&[r#"--project="$PROJECT_ID" --apply"#]);
        let (text, commands) = match kind {
            Kind::Stackdriver => {
                let member = principal("custom-metrics", "custom-metrics-stackdriver-adapter");
                let text = "The autoscaler reads the server's metrics through the Custom Metrics Stackdriver \
                            Adapter, 0.13.1 or newer. Only one adapter can own the API: if the first command names \
                            another service, keep that one and do not go on.";
                let binding = over_lines(&[
                    r#"gcloud projects add-iam-policy-binding "projects/$PROJECT_ID""#,
                    "--role=roles/monitoring.viewer",
                    &format!(r#"--member="{member}""#),
                ]);
                (text, vec![owners, format!("{kubectl} apply -f {ADAPTER}"), binding])
            }
            Kind::PrometheusAdapter => {
                let text = "The autoscaler reads external metrics that prometheus-adapter serves from Managed \
                            Service for Prometheus. Only one adapter can own the API: if the first command names \
                            another service, keep that one and do not go on. The second command installs the \
                            frontend that the adapter asks and prints the bindings that are left to you; the third \
                            writes the adapter's values.";
                let values = setup(&["--output=values --output-path=adapter-values.yaml"]);
                let install = over_lines(&[
                    "helm upgrade --install prometheus-adapter prometheus-community/prometheus-adapter",
                    "--namespace=monitoring --values=adapter-values.yaml",
                ]);
                (text, vec![owners, apply, values, ADD_PROMETHEUS_ADAPTER.to_owned(), install])
            }
            Kind::Keda => {
                let text = "The ScaledObject needs KEDA, which owns the API of external metrics: if the first \
                            command names another service than KEDA's, keep that one and do not go on. The last \
                            command installs the frontend that KEDA asks and prints the bindings that are left to \
                            you.";
                let install = over_lines(&[
                    "helm upgrade --install keda kedacore/keda",
                    "--namespace=keda --create-namespace",
                ]);
                (text, vec![owners, ADD_KEDA.to_owned(), install, apply])
            }
            Kind::None => return None,
        };
        Some(Comment {
            title: "Install the metrics adapter".to_owned(),
            text: vec![text.to_owned()],
            commands,
        })
    }
}

/// Project, cluster and location.
pub(super) fn variables(location: &str, project: Option<&str>, cluster: &str) -> Comment {
    let project = project.map_or(r#""$(gcloud config get-value project)""#.to_owned(), quoted);
    let number = r#"$(gcloud projects describe "$PROJECT_ID" --format='value(projectNumber)')"#;
    Comment {
        title: "Name project and cluster".to_owned(),
        text: vec![
            "The commands below use these variables. Take a location near you that has the machine."
                .to_owned(),
        ],
        commands: vec![
            format!("export PROJECT_ID={project}"),
            format!(r#"export PROJECT_NUMBER="{number}""#),
            format!("export CLUSTER_NAME={cluster}"),
            format!("export LOCATION={location}"),
        ],
    }
}

fn update_cluster(flags: &[&str]) -> String {
    let update = format!(r#"gcloud container clusters update "$CLUSTER_NAME" {PLACE}"#);
    let lines: Vec<&str> = std::iter::once(update.as_str()).chain(flags.iter().copied()).collect();
    over_lines(&lines)
}
