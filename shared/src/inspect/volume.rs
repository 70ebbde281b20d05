//! Volumes and mounts by purpose.

use serde_json::Value;

use super::{PodTemplate, PointerBuf, parse_quantity};

/// A volume of a Pod template.
#[derive(Debug, Clone, PartialEq)]
pub struct Volume<'a> {
    /// Its name.
    pub name: &'a str,
    /// The volume itself.
    pub value: &'a Value,
    /// Where it stands in the object.
    pub at: PointerBuf,
    /// What it is.
    pub source: VolumeSource<'a>,
}

/// What a volume is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum VolumeSource<'a> {
    /// `emptyDir` in RAM.
    Memory {
        /// `sizeLimit` in bytes; without one the node's memory, or the Pod's limit, is the limit.
        size_bytes: Option<f64>,
    },
    /// `emptyDir` on the node's ephemeral storage.
    Disk {
        /// `sizeLimit` in bytes.
        size_bytes: Option<f64>,
    },
    /// Cloud Storage FUSE, inline in the Pod.
    Fuse {
        /// `volumeAttributes.bucketName`.
        bucket: Option<&'a str>,
        /// `readOnly` of the volume.
        read_only: bool,
        /// `volumeAttributes`.
        attributes: &'a Value,
    },
    /// A PersistentVolumeClaim by name, or one made for the Pod.
    Claim {
        /// `claimName`; `None` for a claim made for the Pod.
        name: Option<&'a str>,
        /// `readOnly` of the claim's volume.
        read_only: bool,
    },
    /// `hostPath`.
    Host,
    /// Secret, ConfigMap, downward API, projected.
    Configuration,
    /// Anything else.
    Other,
}

/// A mount of a container.
#[derive(Debug, Clone, PartialEq)]
pub struct Mount<'a> {
    /// Name of the volume.
    pub volume: &'a str,
    /// Path in the container, without a final `/`.
    pub path: &'a str,
    /// `readOnly`.
    pub read_only: bool,
    /// `subPath` or `subPathExpr`: the directory of the volume that is mounted.
    pub sub_path: Option<&'a str>,
    /// Where it stands in the object.
    pub at: PointerBuf,
}

impl Mount<'_> {
    /// Whether `path` is the mount's or lies below it.
    pub fn holds(&self, path: &str) -> bool {
        let root = self.path == "/" && path.starts_with('/');
        let below = path.strip_prefix(self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        root || below
    }
}

impl<'a> VolumeSource<'a> {
    fn of(value: &'a Value) -> Self {
        let flag = |value: &Value| value.get("readOnly").and_then(Value::as_bool).unwrap_or(false);
        if let Some(directory) = value.get("emptyDir") {
            let size = directory.get("sizeLimit").and_then(Value::as_str).and_then(parse_quantity);
            return match directory.get("medium").and_then(Value::as_str) {
                Some("Memory") => Self::Memory { size_bytes: size },
                _ => Self::Disk { size_bytes: size },
            };
        }
        if let Some(csi) = value.get("csi") {
            if csi.get("driver").and_then(Value::as_str) == Some("gcsfuse.csi.storage.gke.io") {
                let attributes = csi.get("volumeAttributes").unwrap_or(&Value::Null);
                let bucket = attributes.get("bucketName").and_then(Value::as_str);
                return Self::Fuse { bucket, read_only: flag(csi), attributes };
            }
            return Self::Other;
        }
        if let Some(claim) = value.get("persistentVolumeClaim") {
            let name = claim.get("claimName").and_then(Value::as_str);
            return Self::Claim { name, read_only: flag(claim) };
        }
        let has = |name: &str| value.get(name).is_some();
        match () {
            () if has("ephemeral") => Self::Claim { name: None, read_only: false },
            () if has("hostPath") => Self::Host,
            () if ["secret", "configMap", "downwardAPI", "projected"].iter().any(|name| has(name)) => {
                Self::Configuration
            }
            () => Self::Other,
        }
    }
}

/// Volumes of a template, and the claims that a StatefulSet makes for each of its Pods.
pub(super) fn volumes<'a>(object: &'a Value, template: &PodTemplate<'a>) -> Vec<Volume<'a>> {
    let list = template.value.pointer("/spec/volumes").and_then(Value::as_array);
    let list = list.into_iter().flatten().enumerate();
    let read = list.filter_map(|(index, value)| {
        let name = value.get("name").and_then(Value::as_str)?;
        let place = PointerBuf::from_tokens(["spec", "volumes", &index.to_string()]);
        Some(Volume { name, value, at: template.at.concat(&place), source: VolumeSource::of(value) })
    });
    let claims = object.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
    let claims = claims.into_iter().flatten().enumerate().filter_map(|(index, value)| {
        let name = value.pointer("/metadata/name").and_then(Value::as_str)?;
        let at = PointerBuf::from_tokens(["spec", "volumeClaimTemplates", &index.to_string()]);
        Some(Volume { name, value, at, source: VolumeSource::Claim { name: None, read_only: false } })
    });
    read.chain(claims).collect()
}
