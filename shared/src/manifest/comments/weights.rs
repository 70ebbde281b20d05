//! Licence, token, bucket.

use super::{Comment, Steps, over_lines};
use crate::autoscale::Kind;
use crate::manifest::request::Storage;
use crate::manifest::storage::{DEFAULT_SERVICE_ACCOUNT, TOKEN_KEY, TOKEN_SECRET};
use crate::manifest::{BucketUri, names, wanted_replicas};

impl Steps<'_> {
    /// What it takes for a Pod to read the weights.
    pub(super) fn weights(&self) -> Vec<Comment> {
        let namespace = self.plan.request.namespace.as_deref();
        let mut comments: Vec<Comment> =
            new_namespace(namespace, &self.surroundings.kubectl()).into_iter().collect();
        comments.extend(licence(&self.plan.checkpoint.id, self.plan.model.gated));
        match &self.plan.request.storage {
            Storage::HuggingFace { .. } => {
                comments.push(secret(self.plan.model.gated, &self.kubectl(), "the server"));
            }
            Storage::Bucket { model_bucket_uri, xla_cache_bucket_uri, service_account } => {
                let account = service_account.as_deref().unwrap_or(DEFAULT_SERVICE_ACCOUNT);
                let parse = |uri: &String| BucketUri::parse(uri).ok();
                if let Some(model) = parse(model_bucket_uri) {
                    let xla_cache = xla_cache_bucket_uri.as_ref().and_then(parse);
                    comments.push(self.access(&model, xla_cache.as_ref(), account));
                    comments.push(secret(self.plan.model.gated, &self.kubectl(), "the upload"));
                    comments.push(self.upload(&model));
                }
            }
        }
        comments
    }

    /// Bindings of the Pods' service account.
    fn access(&self, model: &BucketUri, xla_cache: Option<&BucketUri>, account: &str) -> Comment {
        let mut text = vec![
            "The Pods read the bucket as their Kubernetes service account, through Workload Identity \
             Federation for GKE. The bucket driver needs GKE 1.29.6-gke.1254000, 1.30.2-gke.1394000 or \
             later."
                .to_owned(),
        ];
        if self.plan.request.namespace.is_none() {
            text.push("No namespace was named: the binding is for `default`.".to_owned());
        }
        if model.is_placeholder() || xla_cache.is_some_and(BucketUri::is_placeholder) {
            text.push(
                "A bucket's name has no upper-case letters: put your own name here and into the manifest."
                    .to_owned(),
            );
        }
        let mut commands = Vec::new();
        if account != DEFAULT_SERVICE_ACCOUNT {
            commands.push(format!("{} create serviceaccount {account}", self.kubectl()));
        }
        commands.push(binding(model, "objectViewer", self.namespace(), account));
        commands.extend(xla_cache.map(|uri| binding(uri, "objectUser", self.namespace(), account)));
        Comment { title: "Let the Pods read the bucket".to_owned(), text, commands }
    }

    /// The Job writes as a service account of its own: the Pods that serve may only read.
    fn upload(&self, model: &BucketUri) -> Comment {
        const UPLOADER: &str = "model-upload";
        let id = &self.plan.checkpoint.id;
        let kubectl = self.kubectl();
        let job = names::transfer_name(id);
        let namespace = self.plan.request.namespace.as_ref();
        let namespace = namespace.map(|namespace| format!(" --namespace={namespace}")).unwrap_or_default();
        Comment {
            title: "Upload the model".to_owned(),
            text: vec![
                "If it is not there. The directory must hold `config.json` and the weights themselves; \
                 otherwise the server takes the mount path for a Hub id and fails with \
                 `HFValidationError`. The last command must list the file."
                    .to_owned(),
            ],
            commands: vec![
                format!("{kubectl} create serviceaccount {UPLOADER}"),
                binding(model, "objectUser", self.namespace(), UPLOADER),
                over_lines(&[
                    &format!("kubectl infer transfer create --model={id}{namespace}"),
                    &format!("--model-bucket-uri={model} --service-account={UPLOADER}"),
                    &format!("--output=manifest | {} apply -f -", self.surroundings.kubectl()),
                ]),
                format!("{kubectl} wait --for=condition=complete --timeout=12h job/{job}"),
                format!("gcloud storage ls {model}/config.json"),
            ],
        }
    }

    /// What a cache that replicas share asks of whoever scales them.
    pub(super) fn xla_cache(&self) -> Comment {
        let kubectl = self.kubectl();
        let workload = self.plan.workload();
        let mut commands = vec![format!("{kubectl} rollout status deployment/{workload} --timeout=90m")];
        let namespace = self.plan.request.namespace.as_ref();
        let namespace = namespace.map(|namespace| format!(" --namespace={namespace}")).unwrap_or_default();
        match self.autoscaling.map(|plan| (plan.replicas.least, plan.kind)) {
            Some((wanted, kind)) if wanted > 1 => {
                let (object, field) = match kind {
                    Kind::Keda => ("scaledobject", "minReplicaCount"),
                    _ => ("hpa", "minReplicas"),
                };
                commands.push(format!("kubectl infer rollout {workload} --replicas={wanted}{namespace}"));
                commands.push(over_lines(&[
                    &format!("{kubectl} patch {object} {workload} --type=merge"),
                    &format!("--patch='{{\"spec\": {{\"{field}\": {wanted}}}}}'"),
                ]));
            }
            Some(_) => {}
            None => {
                let wanted = wanted_replicas(self.plan);
                if wanted > 1 {
                    commands.push(format!("kubectl infer rollout {workload} --replicas={wanted}{namespace}"));
                }
            }
        }
        Comment {
            title: "Fill the XLA cache with one replica before there are more".to_owned(),
            text: vec![
                "After the manifests are applied: replicas that start together and find the shared cache \
                 empty write the same entries at once and fail. The first one compiles for 10 to 30 \
                 minutes; wait until it is ready. Never scale a service that is serving down to one for \
                 this."
                    .to_owned(),
            ],
            commands,
        }
    }
}

/// The namespace that was named, which may not be there.
pub(super) fn new_namespace(namespace: Option<&str>, kubectl: &str) -> Option<Comment> {
    let namespace = namespace?;
    Some(Comment {
        title: "Create the namespace".to_owned(),
        text: vec!["If there is none.".to_owned()],
        commands: vec![format!("{kubectl} create namespace {namespace}")],
    })
}

/// Terms that somebody has to accept, where there are any.
pub(super) fn licence(model_id: &str, gated: bool) -> Option<Comment> {
    gated.then(|| Comment {
        title: "Accept the licence of the model".to_owned(),
        text: vec![format!(
            "The model is gated: with the account of your token, accept its terms at \
             https://huggingface.co/{model_id}."
        )],
        commands: Vec::new(),
    })
}

/// The Secret with the Hub's token, which `reader` downloads with.
pub(super) fn secret(gated: bool, kubectl: &str, reader: &str) -> Comment {
    let (need, title) = if gated {
        (format!("Without it {reader} does not start."), "Store the Hugging Face token")
    } else {
        let need = "Not required: a token raises the Hub's rate limits.".to_owned();
        (need, "Store a Hugging Face token (optional)")
    };
    Comment {
        title: title.to_owned(),
        text: vec![format!(
            "Put your token (https://huggingface.co/settings/tokens) into the variable. {need}"
        )],
        commands: vec![
            "export HUGGING_FACE_TOKEN=hf_...".to_owned(),
            over_lines(&[
                &format!("{kubectl} create secret generic {TOKEN_SECRET}"),
                &format!("--from-literal={TOKEN_KEY}=\"$HUGGING_FACE_TOKEN\""),
            ]),
        ],
    }
}

/// A role on a bucket for a Kubernetes service account.
pub(super) fn binding(uri: &BucketUri, role: &str, namespace: &str, account: &str) -> String {
    over_lines(&[
        &format!("gcloud storage buckets add-iam-policy-binding gs://{}", uri.bucket()),
        &format!("--role=roles/storage.{role}"),
        &format!(r#"--member="{}""#, principal(namespace, account)),
    ])
}

/// A Kubernetes service account as Workload Identity Federation for GKE names it.
pub(in crate::manifest) fn principal(namespace: &str, account: &str) -> String {
    const POOLS: &str =
        "principal://iam.googleapis.com/projects/$PROJECT_NUMBER/locations/global/workloadIdentityPools";
    format!("{POOLS}/$PROJECT_ID.svc.id.goog/subject/ns/{namespace}/sa/{account}")
}
