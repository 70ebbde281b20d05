//! The Job that copies a model from the Hugging Face Hub into a bucket.
//!
//! Two steps that share one scratch volume of the model's size: Hugging Face's own client downloads, Google's
//! own client uploads. Writing through a FUSE mount would save the volume, but the Hub's client writes parts,
//! locks and renames, which object storage turns into copies of whole files.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Container, EnvVar, EphemeralVolumeSource, PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate,
    PodSecurityContext, PodSpec, PodTemplateSpec, ResourceRequirements, SeccompProfile, SecurityContext,
    Volume, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::comments::{self, Surroundings};
use super::storage::{BucketUri, DEFAULT_SERVICE_ACCOUNT, mount, token, variable};
use super::{ManifestError, ManifestSet, Object, labels, names};
use crate::catalog::{Catalog, Checkpoint, GIB, Precision};

/// Image of the download: Python's own, with the client pinned below.
const DOWNLOAD_IMAGE: &str = "python:3.13-slim";

/// Image of the upload: Google's own.
const UPLOAD_IMAGE: &str = "google/cloud-sdk:473.0.0-alpine";

/// `original/` and `metal/` hold the weights a second time, in formats that no server of the catalog reads. A
/// download that breaks off leaves no upload behind: the Pod goes on only with a complete directory.
const DOWNLOAD: &str = r#"set -eu
python3 -m venv "$HOME/venv"
"$HOME/venv/bin/pip" install --quiet --no-cache-dir huggingface_hub==1.33.0
"$HOME/venv/bin/hf" download "$MODEL_ID" --local-dir "$HOME/model" --exclude 'original/*' --exclude 'metal/*'
rm -rf "$HOME/model/.cache"
test -f "$HOME/model/config.json"
"#;

const UPLOAD: &str = r#"set -eu
gcloud storage rsync --recursive "$HOME/model" "$BUCKET_URI"
gcloud storage ls "$BUCKET_URI/config.json"
"#;

const SCRATCH: &str = "scratch";
const SCRATCH_PATH: &str = "/scratch";

/// The user of both steps; the upload image has it already.
const USER: i64 = 1000;

/// A request for a copy of a model in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferRequest {
    /// Model: catalog id, alias, or id of one of its checkpoints.
    pub model: String,
    /// Precision of the weights; absent: those that the name means.
    pub precision: Option<Precision>,
    /// `gs://BUCKET/PATH` of the directory that gets `config.json` and the weights.
    pub model_bucket_uri: String,
    /// Namespace of the Job; absent: none is written.
    pub namespace: Option<String>,
    /// Kubernetes service account that may write to the bucket; absent: `default`.
    pub service_account: Option<String>,
}

/// What a transfer is of.
struct Transfer<'a> {
    request: &'a TransferRequest,
    checkpoint: &'a Checkpoint,
    gated: bool,
    uri: BucketUri,
    account: &'a str,
    catalog_version: String,
}

/// The Job and the commands around it.
///
/// # Errors
/// Names that the catalog does not have or Kubernetes refuses, and a bucket that cannot be.
pub fn transfer(
    catalog: &Catalog,
    request: &TransferRequest,
    surroundings: &Surroundings,
) -> Result<ManifestSet, ManifestError> {
    surroundings.check()?;
    let found = catalog.find_model(&request.model)?;
    let checkpoint = match request.precision {
        None => found.checkpoint,
        Some(asked) => {
            let of_precision = found.of_precision(asked);
            of_precision.ok_or_else(|| ManifestError::no_such_precision(found, asked))?.checkpoint
        }
    };
    let account = request.service_account.as_deref().unwrap_or(DEFAULT_SERVICE_ACCOUNT);
    names::check_model_id(&checkpoint.id)?;
    names::check_service_account(account)?;
    request.namespace.as_deref().map_or(Ok(()), names::check_namespace)?;
    let transfer = Transfer {
        request,
        checkpoint,
        gated: found.model.gated,
        uri: BucketUri::parse(&request.model_bucket_uri)?,
        account,
        catalog_version: catalog.release()?.version,
    };
    let about = comments::TransferSteps {
        name: names::transfer_name(&checkpoint.id),
        model_id: &checkpoint.id,
        gated: transfer.gated,
        uri: &transfer.uri,
        account,
        namespace: request.namespace.as_deref(),
        scratch_gib: transfer.scratch_gib(),
        catalog_version: &transfer.catalog_version,
        surroundings,
    };
    Ok(ManifestSet {
        header: about.header(),
        comments: about.comments(),
        objects: vec![Object::Job(Box::new(transfer.job()))],
    })
}

impl Transfer<'_> {
    /// The weights, a tenth more for what lies beside them, and the client.
    fn scratch_gib(&self) -> u64 {
        const CLIENT_GIB: f64 = 5.0;
        // Sizes of checkpoints: positive, far below 2^53.
        (self.checkpoint.bytes as f64 / GIB * 1.1 + CLIENT_GIB).ceil() as u64
    }

    fn job(&self) -> Job {
        /// Failed downloads go on where they stopped, on the same volume.
        const RETRIES: i32 = 6;
        const SECONDS_A_DAY: i32 = 86_400;
        Job {
            metadata: ObjectMeta {
                name: Some(names::transfer_name(&self.checkpoint.id)),
                namespace: self.request.namespace.clone(),
                labels: Some(self.labels()),
                annotations: Some(labels::versions(&self.catalog_version)),
                ..ObjectMeta::default()
            },
            spec: Some(JobSpec {
                backoff_limit: Some(RETRIES),
                ttl_seconds_after_finished: Some(SECONDS_A_DAY),
                template: PodTemplateSpec {
                    metadata: Some(ObjectMeta { labels: Some(self.labels()), ..ObjectMeta::default() }),
                    spec: Some(self.pod()),
                },
                ..JobSpec::default()
            }),
            status: None,
        }
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let model = names::label_value(names::short_model(&self.checkpoint.id));
        BTreeMap::from([
            ("app".to_owned(), names::transfer_name(&self.checkpoint.id)),
            ("ai.gke.io/model".to_owned(), model),
            ("recommender.ai.gke.io/generated".to_owned(), "true".to_owned()),
        ])
    }

    fn pod(&self) -> PodSpec {
        let id = variable("MODEL_ID", &self.checkpoint.id);
        let uri = variable("BUCKET_URI", &self.uri.to_string());
        let home = variable("HOME", SCRATCH_PATH);
        let download = vec![home.clone(), id, token(self.gated)];
        PodSpec {
            restart_policy: Some("OnFailure".to_owned()),
            service_account_name: Some(self.account.to_owned()),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            security_context: Some(PodSecurityContext {
                run_as_user: Some(USER),
                run_as_group: Some(USER),
                run_as_non_root: Some(true),
                fs_group: Some(USER),
                seccomp_profile: Some(SeccompProfile {
                    type_: "RuntimeDefault".to_owned(),
                    localhost_profile: None,
                }),
                ..PodSecurityContext::default()
            }),
            init_containers: Some(vec![step("download", DOWNLOAD_IMAGE, DOWNLOAD, download)]),
            containers: vec![step("upload", UPLOAD_IMAGE, UPLOAD, vec![home, uri])],
            volumes: Some(vec![self.scratch()]),
            ..PodSpec::default()
        }
    }

    /// A disk of the default storage class that lives as long as the Pod.
    fn scratch(&self) -> Volume {
        let size = ("storage".to_owned(), Quantity(format!("{}Gi", self.scratch_gib())));
        let claim = PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([size])),
                limits: None,
            }),
            ..PersistentVolumeClaimSpec::default()
        };
        let template = PersistentVolumeClaimTemplate { metadata: None, spec: claim };
        Volume {
            name: SCRATCH.to_owned(),
            ephemeral: Some(EphemeralVolumeSource { volume_claim_template: Some(template) }),
            ..Volume::default()
        }
    }
}

/// One shell script in one image.
fn step(name: &str, image: &str, script: &str, env: Vec<EnvVar>) -> Container {
    let quantity = |name: &str, value: &str| (name.to_owned(), Quantity(value.to_owned()));
    Container {
        name: name.to_owned(),
        image: Some(image.to_owned()),
        command: Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()]),
        env: Some(env),
        resources: Some(ResourceRequirements {
            requests: Some(BTreeMap::from([quantity("cpu", "2"), quantity("memory", "8Gi")])),
            limits: Some(BTreeMap::from([quantity("memory", "8Gi")])),
            claims: None,
        }),
        volume_mounts: Some(vec![mount(SCRATCH, SCRATCH_PATH)]),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}
