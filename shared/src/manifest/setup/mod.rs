//! What an autoscaler needs in a cluster beside the workload: the adapter that serves its metrics, the frontend that the
//! adapter asks, and what scrapes TPU chips. One file each; installed once a cluster, by whoever may.

mod frontend;
mod owners;
mod stackdriver;
mod tpu_metrics;

use serde_json::Value;

pub use owners::{MetricsOwner, Ownership, metrics_apis, ownership};
pub(crate) use tpu_metrics::object as tpu_monitoring;

use super::autoscaling::{AdapterValues, adapter_values};
use super::comments::{
    self, ADD_KEDA, ADD_PROMETHEUS_ADAPTER, Comment, TESTED_KUBERNETES, over_lines, principal,
};
use super::{ManifestError, Surroundings, yaml};
use crate::autoscale::{AutoscalingOptions, Expression, FRONTEND, Kind, MONITORING_NAMESPACE, newest};
use crate::catalog::{Catalog, Meaning, MetricType, Signal, TPU_DEVICE_PLUGIN};

/// What stands for the project where none is named; nothing with it is applied.
pub const PROJECT_PLACEHOLDER: &str = "PROJECT_ID";

/// What is asked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SetupRequest {
    /// Kind of autoscaler, names and intervals.
    pub options: AutoscalingOptions,
    /// Google Cloud project that the frontend asks.
    pub project: Option<String>,
    /// Whether the cluster has TPUs whose memory is to be scraped.
    pub tpu_metrics: bool,
}

/// What a cluster needs.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterSetup {
    /// First lines.
    pub header: Vec<String>,
    /// Commands to run, in order.
    pub comments: Vec<Comment>,
    /// Objects, in the order in which to apply them.
    pub objects: Vec<Value>,
    /// Values of prometheus-adapter's chart, where that is the adapter.
    pub values: Option<AdapterValues>,
}

impl SetupRequest {
    /// Everything that the kind of autoscaler needs.
    ///
    /// # Errors
    /// Names that cannot be written, options that make no sense, and a catalog that cannot be read.
    pub fn setup(
        &self,
        catalog: &Catalog,
        surroundings: &Surroundings,
    ) -> Result<ClusterSetup, ManifestError> {
        surroundings.check()?;
        self.options.check()?;
        let own_prometheus = self.options.prometheus_url.is_some();
        let mut objects = Vec::new();
        match self.options.autoscaler {
            Kind::Stackdriver => objects.extend(stackdriver::objects()),
            Kind::PrometheusAdapter | Kind::Keda if !own_prometheus => {
                objects.extend(frontend::objects(self.project()?));
            }
            Kind::PrometheusAdapter | Kind::Keda | Kind::None => {}
        }
        if self.tpu_metrics {
            objects.push(tpu_metrics::object(catalog, self.options.scrape_seconds())?);
        }
        let values =
            (self.options.autoscaler == Kind::PrometheusAdapter).then(|| self.values(catalog)).transpose()?;
        Ok(ClusterSetup {
            header: header(catalog, surroundings)?,
            comments: self.comments(surroundings, values.as_ref())?,
            objects,
            values,
        })
    }

    fn project(&self) -> Result<&str, ManifestError> {
        let project = self.project.as_deref().unwrap_or(PROJECT_PLACEHOLDER);
        // Of the form `my-project` or `example.com:my-project`.
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
        if project.is_empty() || !project.chars().all(allowed) {
            return Err(ManifestError::Project(project.to_owned()));
        }
        Ok(project)
    }

    /// Rules for the signals of every server of the catalog, and of TPU memory: one adapter serves the whole cluster.
    fn values(&self, catalog: &Catalog) -> Result<AdapterValues, ManifestError> {
        let signals = catalog.signals()?;
        let mut expressions = Vec::new();
        for server in catalog.servers()? {
            let of_server = |signal: &&Signal| signal.exporter == server.name && is_scaled_by(signal);
            let of_server: Vec<&Signal> = signals.iter().filter(of_server).collect();
            let (running, waiting) =
                (newest(&of_server, Meaning::Running), newest(&of_server, Meaning::Waiting));
            if let Some((running, waiting)) = running.zip(waiting) {
                expressions.push(Expression::Sum(vec![running, waiting]));
            }
            expressions.extend(of_server.into_iter().map(Expression::One));
        }
        expressions.extend(tpu_metrics::share(signals));
        let options = &self.options;
        Ok(adapter_values(&expressions, options.cluster_name(), &options.prometheus_url()))
    }

    fn comments(
        &self,
        surroundings: &Surroundings,
        values: Option<&AdapterValues>,
    ) -> Result<Vec<Comment>, ManifestError> {
        let kubectl = surroundings.kubectl();
        let kind = self.options.autoscaler;
        let text = match kind {
            Kind::Stackdriver => {
                "The Custom Metrics Stackdriver Adapter serves the metrics of Managed Service for Prometheus to \
                 HorizontalPodAutoscalers, single metrics only."
            }
            Kind::PrometheusAdapter => {
                "prometheus-adapter serves expressions over metrics to HorizontalPodAutoscalers. It asks Managed Service \
                 for Prometheus through a frontend, or the Prometheus that `--prometheus-url` names."
            }
            Kind::Keda => {
                "KEDA asks Prometheus itself and makes the HorizontalPodAutoscaler. It asks Managed Service for \
                 Prometheus through a frontend, or the Prometheus that `--prometheus-url` names."
            }
            Kind::None => "Nothing scales, and nothing serves metrics.",
        };
        let what = Comment {
            title: "What this is".to_owned(),
            text: vec![
                text.to_owned(),
                "What belongs to the cluster and is installed once. Only one service can own an API of metrics: \
                 `--apply` asks who does and takes none over."
                    .to_owned(),
            ],
            commands: Vec::new(),
        };
        let mut comments = vec![what];
        comments.extend(self.variables());
        comments.extend(owners(kind, &kubectl));
        comments.extend(self.binding());
        comments.push(Comment {
            title: "Apply the objects below".to_owned(),
            text: vec!["Or run the command that printed this with `--apply`.".to_owned()],
            commands: vec![format!("{kubectl} apply -f {}", surroundings.file_or("metrics.yaml"))],
        });
        comments.extend(self.helm(values)?);
        Ok(comments)
    }

    fn variables(&self) -> Option<Comment> {
        let project = self.project.as_deref();
        let text = r#""$(gcloud config get-value project)""#;
        let number = r#"$(gcloud projects describe "$PROJECT_ID" --format='value(projectNumber)')"#;
        self.account().map(|_| Comment {
            title: "Name the project".to_owned(),
            text: Vec::new(),
            commands: vec![
                format!("export PROJECT_ID={}", project.unwrap_or(text)),
                format!(r#"export PROJECT_NUMBER="{number}""#),
            ],
        })
    }

    /// Namespace and name of the account that reads Cloud Monitoring.
    fn account(&self) -> Option<(&'static str, &'static str)> {
        match self.options.autoscaler {
            Kind::Stackdriver => Some((stackdriver::NAMESPACE, stackdriver::NAME)),
            Kind::PrometheusAdapter | Kind::Keda if self.options.prometheus_url.is_none() => {
                Some((MONITORING_NAMESPACE, FRONTEND))
            }
            _ => None,
        }
    }

    /// The Kubernetes service account itself is the member: no service account of Google Cloud, no key, no annotation.
    fn binding(&self) -> Option<Comment> {
        let (namespace, account) = self.account()?;
        Some(Comment {
            title: "Let it read the metrics".to_owned(),
            text: vec![format!(
                "Through Workload Identity Federation for GKE: service account `{account}` of namespace `{namespace}` is \
                 the member itself."
            )],
            commands: vec![over_lines(&[
                r#"gcloud projects add-iam-policy-binding "projects/$PROJECT_ID""#,
                "--role=roles/monitoring.viewer --condition=None",
                &format!(r#"--member="{}""#, principal(namespace, account)),
            ])],
        })
    }

    /// What helm installs.
    fn helm(&self, values: Option<&AdapterValues>) -> Result<Option<Comment>, ManifestError> {
        Ok(match (self.options.autoscaler, values) {
            (Kind::PrometheusAdapter, Some(values)) => Some(Comment {
                title: "Install prometheus-adapter".to_owned(),
                text: vec![
                    "The first command writes the values: names of metrics in full, sums over the replicas, filtered by \
                     cluster; the namespace and the workload come from the HorizontalPodAutoscaler that asks."
                        .to_owned(),
                ],
                commands: vec![
                    format!("cat > adapter-values.yaml <<'END'\n{}\nEND", values.to_yaml()?.trim_end()),
                    ADD_PROMETHEUS_ADAPTER.to_owned(),
                    over_lines(&[
                        "helm upgrade --install prometheus-adapter prometheus-community/prometheus-adapter",
                        &format!("--namespace={MONITORING_NAMESPACE} --create-namespace"),
                        "--values=adapter-values.yaml",
                    ]),
                ],
            }),
            (Kind::Keda, _) => Some(Comment {
                title: "Install KEDA".to_owned(),
                text: vec!["If the cluster has none.".to_owned()],
                commands: vec![
                    ADD_KEDA.to_owned(),
                    over_lines(&[
                        "helm upgrade --install keda kedacore/keda",
                        "--namespace=keda --create-namespace",
                    ]),
                ],
            }),
            _ => None,
        })
    }
}

/// Who owns the APIs of metrics.
fn owners(kind: Kind, kubectl: &str) -> Option<Comment> {
    let apis = metrics_apis(kind);
    if apis.is_empty() {
        return None;
    }
    Some(Comment {
        title: "See who owns the APIs of metrics".to_owned(),
        text: vec![
            "If the command names a service of another adapter, keep that one, choose the kind of autoscaler that goes \
             with it, and do not go on."
                .to_owned(),
        ],
        commands: vec![over_lines(&[
            &format!("{kubectl} get apiservices --ignore-not-found"),
            &apis.join(" "),
        ])],
    })
}

fn is_scaled_by(signal: &Signal) -> bool {
    signal.good_for.is_some() && signal.kind == MetricType::Gauge && signal.exporter != TPU_DEVICE_PLUGIN
}

fn header(catalog: &Catalog, surroundings: &Surroundings) -> Result<Vec<String>, ManifestError> {
    let date = surroundings.date.as_ref().map(|date| format!(" on {date}")).unwrap_or_default();
    Ok(vec![
        format!("Generated{date} using:"),
        format!("Kubernetes {TESTED_KUBERNETES} (API server of the project's tests)"),
        format!("Catalog {}", catalog.release()?.version),
    ])
}

impl ClusterSetup {
    /// A YAML file: steps as comments, then the objects.
    ///
    /// # Errors
    /// What the YAML writer refuses.
    pub fn to_yaml(&self, with_comments: bool, with_objects: bool) -> Result<String, ManifestError> {
        let mut text = comments::render_header(&self.header);
        if with_comments {
            text.push_str(&comments::render(&self.comments));
        }
        if with_objects && !self.objects.is_empty() {
            let ordered: Vec<Value> = self.objects.iter().cloned().map(yaml::in_reading_order).collect();
            text.push_str("---\n");
            text.push_str(&yaml::to_yaml(&ordered)?);
        }
        Ok(text)
    }

    /// One JSON `List` of the objects.
    pub fn to_json(&self) -> Value {
        serde_json::json!({"apiVersion": "v1", "kind": "List", "items": self.objects})
    }
}
