//! Quota, cluster, node pool, observability, metrics adapter.

use super::{Comment, Steps};
use crate::catalog::{AcceleratorKind, Catalog};
use crate::manifest::autoscaler;
use crate::manifest::request::Storage;
use crate::manifest::threshold::replicas;

/// The Custom Metrics Stackdriver Adapter, as in the seeds.
const ADAPTER: &str = "https://raw.githubusercontent.com/GoogleCloudPlatform/k8s-stackdriver/master/custom-metrics-stackdriver-adapter/deploy/production/adapter_new_resource_model.yaml";

/// Flags that name the cluster in every `gcloud` command.
const CLUSTER_FLAGS: &str = r#"--project="$PROJECT_ID" --location="$LOCATION""#;

/// GB of one of GCE's local SSDs.
const LOCAL_SSD_GB: u64 = 375;

impl Steps<'_> {
    /// What has to be there before anything is applied.
    pub(super) fn cluster(&self) -> Vec<Comment> {
        vec![
            variables(Catalog::default_region(&self.plan.machine.name)),
            self.quota(),
            self.create_cluster(),
            self.node_pool(),
        ]
    }

    fn quota(&self) -> Comment {
        let accelerator = &self.plan.accelerator.id;
        let replicas =
            if self.threshold.is_some() { autoscaler::max_replicas(self.plan) } else { replicas(self.plan) };
        let most = i64::from(self.plan.accelerators) * i64::from(replicas);
        let kind = if self.plan.request.spot { "preemptible " } else { "" };
        let list = match self.plan.accelerator.kind {
            AcceleratorKind::Gpu => "gcloud compute regions describe \"$LOCATION\" --project=\"$PROJECT_ID\" \\\n    --flatten=quotas --format='table(quotas.metric,quotas.usage,quotas.limit)' | grep -E 'METRIC|GPU'".to_owned(),
            AcceleratorKind::Tpu => "gcloud beta quotas info list --service=compute.googleapis.com --project=\"$PROJECT_ID\" \\\n    --filter='quotaId~TPU' --format='table(quotaId,dimensionsInfos[].details.value)'".to_owned(),
        };
        let machine = &self.plan.machine.name;
        Comment {
            title: "Check the quota".to_owned(),
            text: vec![format!(
                "Needed: {kind}quota for {most} x {accelerator}, in a zone that has {machine} (the second command lists them)."
            )],
            commands: vec![
                list,
                format!(
                    "gcloud compute machine-types list --project=\"$PROJECT_ID\" --filter='name={machine}' --format='value(zone)'"
                ),
            ],
        }
    }

    fn create_cluster(&self) -> Comment {
        Comment {
            title: "Create a cluster".to_owned(),
            text: vec![
                "If there is none. Autopilot makes nodes by itself; the next step is then not needed."
                    .to_owned(),
            ],
            commands: vec![
                format!("gcloud container clusters create-auto \"$CLUSTER_NAME\" {CLUSTER_FLAGS}"),
                format!("gcloud container clusters get-credentials \"$CLUSTER_NAME\" {CLUSTER_FLAGS}"),
            ],
        }
    }

    fn node_pool(&self) -> Comment {
        let plan = self.plan;
        let mut flags = vec![format!("--machine-type={}", plan.machine.name)];
        if plan.accelerator.kind == AcceleratorKind::Gpu {
            flags.push(format!(
                "--accelerator=type={},count={},gpu-driver-version=latest",
                plan.accelerator.id,
                plan.machine.whole_accelerators()
            ));
        }
        if let Some(gigabytes) = plan.machine.bundled_local_ssd_gb {
            flags.push(format!("--ephemeral-storage-local-ssd=count={}", (gigabytes / LOCAL_SSD_GB).max(1)));
        }
        flags.extend(self.storage.boot_disk_gib.map(|gib| format!("--disk-size={gib}")));
        if self.uses_bucket() {
            flags.push("--workload-metadata=GKE_METADATA".to_owned());
        }
        if plan.request.spot {
            flags.push("--spot".to_owned());
        }
        flags.push(format!("--enable-autoscaling --num-nodes=0 --min-nodes=0 --max-nodes={}", self.nodes()));
        let create = format!(
            "gcloud container node-pools create {} \\\n    --cluster=\"$CLUSTER_NAME\" {CLUSTER_FLAGS} \\\n    {}",
            pool_name(&plan.machine.name),
            flags.join(" \\\n    ")
        );
        Comment {
            title: "Create a node pool (Standard clusters only)".to_owned(),
            text: vec![
                "In a regional cluster add `--node-locations` with the zones that have the machine."
                    .to_owned(),
            ],
            commands: self.driver_for_bucket().into_iter().chain([create]).collect(),
        }
    }

    /// Standard clusters have neither the FUSE driver nor Workload Identity unless asked.
    fn driver_for_bucket(&self) -> Option<String> {
        self.uses_bucket().then(|| {
            format!(
                "gcloud container clusters update \"$CLUSTER_NAME\" {CLUSTER_FLAGS} \\\n    --workload-pool=\"$PROJECT_ID.svc.id.goog\"\n\
                 gcloud container clusters update \"$CLUSTER_NAME\" {CLUSTER_FLAGS} \\\n    --update-addons=GcsFuseCsiDriver=ENABLED"
            )
        })
    }

    fn uses_bucket(&self) -> bool {
        matches!(self.plan.request.storage, Storage::Bucket { .. })
    }

    /// Machines that hold all replicas, and one more for the replica that an update starts first.
    fn nodes(&self) -> u64 {
        let replicas =
            if self.threshold.is_some() { autoscaler::max_replicas(self.plan) } else { replicas(self.plan) };
        let accelerators = (i64::from(replicas) + 1) * i64::from(self.plan.accelerators);
        let each = i64::from(self.plan.machine.whole_accelerators().max(1));
        // Positive by construction.
        accelerators.unsigned_abs().div_ceil(each.unsigned_abs())
    }

    /// Metrics of cluster and server, and their way to the autoscaler.
    pub(super) fn observability(&self) -> Vec<Comment> {
        let dcgm = if self.plan.is_tpu() { "" } else { ",DCGM" };
        let update = format!(
            "gcloud container clusters update \"$CLUSTER_NAME\" {CLUSTER_FLAGS} \\\n    --enable-managed-prometheus \\\n    \
             --logging=SYSTEM,WORKLOAD --monitoring=SYSTEM,DEPLOYMENT,HPA,POD{dcgm}"
        );
        let observability = Comment {
            title: "Turn on observability (recommended)".to_owned(),
            text: vec![
                "Without `--auto-monitoring-scope=ALL`: these manifests bring their own PodMonitoring, and a second one that GKE adds by \
                 itself would count every metric twice."
                    .to_owned(),
            ],
            commands: vec![update],
        };
        std::iter::once(observability).chain(self.threshold.map(|_| self.adapter())).collect()
    }

    fn adapter(&self) -> Comment {
        let kubectl = self.surroundings.kubectl();
        Comment {
            title: "Install the metrics adapter".to_owned(),
            text: vec![
                "The autoscaler reads the server's metrics through the Custom Metrics Stackdriver Adapter, 0.13.1 or newer. Only one \
                 adapter can own the API: if the first command names another service, keep that one and do not go on."
                    .to_owned(),
            ],
            commands: vec![
                format!("{kubectl} get apiservices v1beta1.custom.metrics.k8s.io v1beta1.external.metrics.k8s.io --ignore-not-found"),
                format!("{kubectl} apply -f {ADAPTER}"),
                "gcloud projects add-iam-policy-binding \"projects/$PROJECT_ID\" --role=roles/monitoring.viewer \\\n    \
                 --member=\"principal://iam.googleapis.com/projects/$PROJECT_NUMBER/locations/global/workloadIdentityPools/$PROJECT_ID.svc.id.goog/subject/ns/custom-metrics/sa/custom-metrics-stackdriver-adapter\""
                    .to_owned(),
            ],
        }
    }
}

/// Project, cluster and location.
pub(super) fn variables(location: &str) -> Comment {
    Comment {
        title: "Name project and cluster".to_owned(),
        text: vec!["The commands below use these variables.".to_owned()],
        commands: vec![
            r#"export PROJECT_ID="$(gcloud config get-value project)""#.to_owned(),
            r#"export PROJECT_NUMBER="$(gcloud projects describe "$PROJECT_ID" --format='value(projectNumber)')""#.to_owned(),
            "export CLUSTER_NAME=inference".to_owned(),
            format!("export LOCATION={location}"),
        ],
    }
}

/// Names of node pools have at most 40 characters; machine types have fewer.
fn pool_name(machine: &str) -> String {
    machine.chars().take(40).collect()
}
