//! Apply, ask, and what to look at when it does not start.

use super::{Comment, Steps, over_lines};
use crate::autoscale::{Expression, Kind};
use crate::manifest::request::Storage;
use crate::manifest::{AutoscalingPlan, names, probes, service};

impl Steps<'_> {
    /// From `kubectl apply` to a first answer.
    pub(super) fn run(&self) -> Vec<Comment> {
        let shares_cache =
            matches!(self.plan.request.storage, Storage::Bucket { xla_cache_bucket_uri: Some(_), .. });
        let mut comments = vec![self.apply()];
        comments.extend(shares_cache.then(|| self.xla_cache()));
        comments.extend([self.request(), self.trouble()]);
        comments
    }

    fn apply(&self) -> Comment {
        let kubectl = self.kubectl();
        let workload = self.plan.workload();
        // The deployment's own deadline ends first and tells why.
        let minutes = probes::startup_seconds(self.plan) / 60 + 30;
        Comment {
            title: "Apply the manifests".to_owned(),
            text: Vec::new(),
            commands: vec![
                format!("{} apply -f {}", self.kubectl(), self.surroundings.file_or("manifests.yaml")),
                format!("{kubectl} rollout status deployment/{workload} --timeout={minutes}m"),
            ],
        }
    }

    fn request(&self) -> Comment {
        let kubectl = self.kubectl();
        let service = names::service_name(&self.plan.workload());
        let port = service::PORT;
        Comment {
            title: "Send a first request".to_owned(),
            text: vec![format!(
                "The Service answers in the cluster at http://{service}:{port}/. Leave the first command \
                 running and send the second from another terminal."
            )],
            commands: vec![format!("{kubectl} port-forward service/{service} {port}:{port}"), self.curl()],
        }
    }

    /// JetStream has an API of its own; the others speak OpenAI's, and base models too know completions.
    fn curl(&self) -> String {
        let port = service::PORT;
        let prompt = r#""prompt": "Kubernetes is", "max_tokens": 64"#;
        let (path, body) = if self.plan.server.name == "jetstream" {
            ("generate", format!("{{{prompt}}}"))
        } else {
            ("v1/completions", format!(r#"{{"model": "{}", {prompt}}}"#, self.plan.checkpoint.id))
        };
        over_lines(&[
            &format!("curl --silent http://localhost:{port}/{path}"),
            "--header 'Content-Type: application/json'",
            &format!("--data '{body}'"),
        ])
    }

    fn trouble(&self) -> Comment {
        let kubectl = self.kubectl();
        let workload = self.plan.workload();
        let mut text = vec![
            "Pending: the events name what no node has: the accelerator (quota, stock, wrong zone), memory \
             (a smaller machine type), or ephemeral storage (a boot disk smaller than the node pool above \
             asks for)."
                .to_owned(),
            "An update that waits: it starts the new replica before it ends the old one and needs a free \
             accelerator. Where there is none, `maxSurge: 0` and `maxUnavailable: 1` let it go on, with an \
             outage of the replica."
                .to_owned(),
            "OOMKilled: more host memory than the share of the machine; Evicted: more disk than was \
             requested."
                .to_owned(),
        ];
        text.extend(self.driver_trouble());
        text.push(match &self.plan.request.storage {
            Storage::HuggingFace { .. } => "401 or 403 in the logs: the token is missing, wrong, or its \
                                            account has not accepted the licence."
                .to_owned(),
            Storage::Bucket { .. } => "HFValidationError in the logs: the bucket URI does not point at the \
                                       directory with `config.json`. MountVolume errors or 403 in the \
                                       events: the binding of the service account is missing."
                .to_owned(),
        });
        let mut commands = vec![
            format!("{kubectl} get pods --selector=app={workload} --output=wide"),
            format!("{kubectl} describe pods --selector=app={workload}"),
            format!("{kubectl} logs deployment/{workload} --all-containers --tail=100"),
        ];
        if let Some(autoscaling) = self.autoscaling {
            text.push(
                "`<unknown>` as the autoscaler's current value: the adapter is missing, may not read the \
                 metrics, or no Pod is scraped yet."
                    .to_owned(),
            );
            commands.push(format!(
                "kubectl infer autoscaling explain -f {}",
                self.surroundings.file_or("manifests.yaml")
            ));
            commands.extend(self.signal_commands(autoscaling));
        }
        Comment { title: "When it does not start".to_owned(), text, commands }
    }

    /// What the autoscaler sees, asked as it asks.
    fn signal_commands(&self, autoscaling: &AutoscalingPlan<'_>) -> Vec<String> {
        let kubectl = self.surroundings.kubectl();
        let (namespace, workload) = (self.namespace(), self.plan.workload());
        let raw = |path: String| format!("{kubectl} get --raw '/apis/{path}'");
        let of_signal = |expression: &Expression<'_>| match autoscaling.kind {
            Kind::Stackdriver => expression.signals().first().map(|signal| {
                let gauge = crate::manifest::Gke::gauge(&signal.metric);
                raw(format!("custom.metrics.k8s.io/v1beta1/namespaces/{namespace}/pods/*/{gauge}"))
            }),
            Kind::PrometheusAdapter => {
                let name = expression.metric_name();
                let selector = format!("labelSelector=job%3D{workload}");
                Some(raw(format!("external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{name}?{selector}")))
            }
            Kind::Keda | Kind::None => None,
        };
        let object = if autoscaling.kind == Kind::Keda { "scaledobject,hpa" } else { "hpa" };
        let describe = format!("{} describe {object}", self.kubectl());
        let describe = match autoscaling.kind {
            Kind::Keda => describe,
            _ => format!("{describe} {workload}"),
        };
        let asked = autoscaling.held.iter().filter_map(|held| of_signal(&held.expression));
        std::iter::once(describe).chain(asked).collect()
    }

    /// GPU images bring their CUDA, nodes the driver.
    fn driver_trouble(&self) -> Option<String> {
        (!self.plan.is_tpu()).then(|| {
            "CUDA errors that name the driver: the image is built for a newer one than the node has; give the \
             node the latest."
                .to_owned()
        })
    }
}
