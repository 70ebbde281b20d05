//! The commands around a transfer Job.

use super::cluster::variables;
use super::weights::{binding, licence, new_namespace, secret};
use super::{Comment, Surroundings, TESTED_KUBERNETES};
use crate::manifest::BucketUri;
use crate::manifest::storage::DEFAULT_SERVICE_ACCOUNT;

/// What the steps of a transfer need to know.
pub(in crate::manifest) struct TransferSteps<'a> {
    pub(in crate::manifest) name: String,
    pub(in crate::manifest) model_id: &'a str,
    pub(in crate::manifest) gated: bool,
    pub(in crate::manifest) uri: &'a BucketUri,
    pub(in crate::manifest) account: &'a str,
    pub(in crate::manifest) namespace: Option<&'a str>,
    pub(in crate::manifest) scratch_gib: u64,
    pub(in crate::manifest) catalog_version: &'a str,
    pub(in crate::manifest) surroundings: &'a Surroundings,
}

impl TransferSteps<'_> {
    /// First lines of the file.
    pub(in crate::manifest) fn header(&self) -> Vec<String> {
        let date = self.surroundings.date.as_ref().map(|date| format!(" on {date}")).unwrap_or_default();
        vec![
            format!("Generated{date} using:"),
            format!("Kubernetes {TESTED_KUBERNETES} (API server of the project's tests)"),
            format!("Catalog {}", self.catalog_version),
        ]
    }

    /// Everything from the variables to the finished copy.
    pub(in crate::manifest) fn comments(&self) -> Vec<Comment> {
        let what = Comment {
            title: "What this is".to_owned(),
            text: vec![format!(
                "A Job that downloads {} from the Hugging Face Hub to a scratch disk of {} GiB, copies it \
                 to {} and fails unless `config.json` is there in the end. It can be run again: what is \
                 there is not copied twice.",
                self.model_id, self.scratch_gib, self.uri
            )],
            commands: Vec::new(),
        };
        let mut comments =
            vec![what, variables("us-central1", self.surroundings.project.as_deref(), "inference")];
        comments.extend(new_namespace(self.namespace, &self.surroundings.kubectl()));
        comments.extend(licence(self.model_id, self.gated));
        comments.push(secret(self.gated, &self.kubectl(), "the upload"));
        comments.push(self.access());
        comments.push(self.run());
        comments
    }

    fn kubectl(&self) -> String {
        let kubectl = self.surroundings.kubectl();
        match self.namespace {
            Some(namespace) => format!("{kubectl} --namespace={namespace}"),
            None => kubectl,
        }
    }

    fn access(&self) -> Comment {
        let mut commands = Vec::new();
        if self.account != DEFAULT_SERVICE_ACCOUNT {
            commands.push(format!("{} create serviceaccount {}", self.kubectl(), self.account));
        }
        let namespace = self.namespace.unwrap_or("default");
        commands.push(binding(self.uri, "objectUser", namespace, self.account));
        Comment {
            title: "Let the Job write to the bucket".to_owned(),
            text: vec![
                "Through Workload Identity Federation for GKE, which the cluster must have (Autopilot has \
                 it)."
                    .to_owned(),
            ],
            commands,
        }
    }

    fn run(&self) -> Comment {
        let kubectl = self.kubectl();
        let name = &self.name;
        Comment {
            title: "Run it".to_owned(),
            text: Vec::new(),
            commands: vec![
                format!("{kubectl} apply -f {}", self.surroundings.file_or("transfer.yaml")),
                format!("{kubectl} wait --for=condition=complete --timeout=12h job/{name}"),
                format!("{kubectl} logs job/{name} --all-containers --tail=50"),
            ],
        }
    }
}
