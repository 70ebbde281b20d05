//! Where a server keeps what it downloads and what it compiles.

use super::{ArgumentValue, PointerBuf, ServerKind, ServingPod, Told, Volume, VolumeSource};

/// A directory that a server writes to, and what says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheDirectory {
    /// Its path in the container.
    pub path: Told<String>,
    /// What says so: `--download-dir`, `HF_HOME`; `None` for the server's or image's own default.
    pub set_by: Option<&'static str>,
    /// Where that stands in the object.
    pub at: Option<PointerBuf>,
}

/// Who else sees what is written to a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// No volume is mounted there: the container's own disk.
    Container,
    /// A volume of this Pod alone, in RAM or on disk.
    Pod,
    /// A volume that other Pods can mount, or the node's own disk.
    Shared,
    /// A volume that this container cannot write.
    ReadOnly,
    /// A volume that the template does not explain.
    Unknown,
}

/// Variables of XLA's and the server's own compilation caches, in the order in which a server asks for them.
const COMPILATION: [&str; 5] = [
    "VLLM_XLA_CACHE_PATH",
    "JAX_COMPILATION_CACHE_DIR",
    "XLA_CACHE_DIR",
    "VLLM_TORCH_COMPILE_CACHE_DIR",
    "VLLM_CACHE_ROOT",
];

impl<'a> ServingPod<'a> {
    /// Where the server's downloads from the Hub go: `--download-dir`, else `HF_HUB_CACHE`, its older name
    /// `HUGGINGFACE_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`, `HOME`, else the image's default.
    pub fn hub_cache(&self) -> CacheDirectory {
        if let Some(option) = self.arguments.option(&["download-dir"]) {
            let path = match &option.value {
                ArgumentValue::Literal(path) => Told::Is(path.clone()),
                ArgumentValue::Switch | ArgumentValue::Unknown => Told::Unknown,
            };
            return CacheDirectory {
                path,
                set_by: Some("--download-dir"),
                at: Some(option.at.pointer().clone()),
            };
        }
        let below: &[(&'static str, &str)] = match self.server {
            ServerKind::Nim => &[("NIM_CACHE_PATH", "")],
            ServerKind::LlamaCpp => &[("LLAMA_CACHE", ""), ("OLLAMA_MODELS", "")],
            _ => &[("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", ""), ("HF_HOME", "/hub")],
        };
        for (name, rest) in below {
            if let Some(found) = self.variable_directory(name, rest) {
                return found;
            }
        }
        self.default_cache()
    }

    fn default_cache(&self) -> CacheDirectory {
        let default = |path: &str| CacheDirectory { path: Told::Is(path.to_owned()), set_by: None, at: None };
        let incomplete = !self.arguments.complete || self.variables.inherits();
        match self.server {
            _ if incomplete => CacheDirectory { path: Told::Unknown, set_by: None, at: None },
            // The image sets HUGGINGFACE_HUB_CACHE=/data.
            ServerKind::Tgi => default("/data"),
            ServerKind::Nim => default("/opt/nim/.cache"),
            // Their models come from elsewhere, or their images decide.
            ServerKind::LlamaCpp | ServerKind::Triton | ServerKind::Jetstream | ServerKind::Ray => {
                CacheDirectory { path: Told::Unknown, set_by: None, at: None }
            }
            _ => {
                let home = [("XDG_CACHE_HOME", "/huggingface/hub"), ("HOME", "/.cache/huggingface/hub")];
                let told = home.iter().find_map(|(name, rest)| self.variable_directory(name, rest));
                match told {
                    Some(told) => told,
                    None if self.may_run_as_other_user() => {
                        CacheDirectory { path: Told::Unknown, set_by: None, at: None }
                    }
                    None => default("/root/.cache/huggingface/hub"),
                }
            }
        }
    }

    /// Whether the template asks for another user than the image's, whose home directory is another.
    fn may_run_as_other_user(&self) -> bool {
        let contexts = [self.spec().get("securityContext"), self.serving().value.get("securityContext")];
        contexts.into_iter().flatten().any(|context| {
            context.get("runAsUser").is_some_and(|user| user.as_u64() != Some(0))
                || context.get("runAsNonRoot").and_then(serde_json::Value::as_bool) == Some(true)
        })
    }

    fn variable_directory(&self, name: &'static str, rest: &str) -> Option<CacheDirectory> {
        let variable = self.serving().variable(name);
        if variable.is_none() && !self.variables.is_set_by_script(name) {
            return None;
        }
        let path = match self.variables.get(name) {
            Told::Is("") => return None,
            Told::Is(path) => Told::Is(format!("{}{rest}", path.trim_end_matches('/'))),
            Told::Unset | Told::Unknown => Told::Unknown,
        };
        let at = variable.map(|variable| self.serving().place_of(variable));
        Some(CacheDirectory { path, set_by: Some(name), at })
    }

    /// The compilation caches that variables name: `VLLM_XLA_CACHE_PATH` and its other spellings.
    pub fn compilation_caches(&self) -> Vec<CacheDirectory> {
        COMPILATION.iter().filter_map(|name| self.variable_directory(name, "")).collect()
    }

    /// Whether a container other than the serving one mounts `volume`: it may fill it.
    pub fn is_mounted_beside(&self, volume: &Volume<'_>) -> bool {
        let others = self.containers.iter().filter(|container| container.at != self.serving().at);
        others.flat_map(|container| &container.mounts).any(|mount| mount.volume == volume.name)
    }

    /// Who else sees what the serving container writes to `path`.
    pub fn sharing_of(&self, path: &str) -> Sharing {
        let Some(mount) = self.serving().mount_of(path) else { return Sharing::Container };
        let Some(volume) = self.volumes.iter().find(|volume| volume.name == mount.volume) else {
            return Sharing::Unknown;
        };
        match volume.source {
            VolumeSource::Configuration => Sharing::ReadOnly,
            VolumeSource::Fuse { read_only: true, .. } | VolumeSource::Claim { read_only: true, .. } => {
                Sharing::ReadOnly
            }
            _ if mount.read_only => Sharing::ReadOnly,
            VolumeSource::Memory { .. } | VolumeSource::Disk { .. } => Sharing::Pod,
            VolumeSource::Claim { name: None, .. } => Sharing::Pod,
            VolumeSource::Fuse { .. } | VolumeSource::Claim { .. } | VolumeSource::Host => Sharing::Shared,
            VolumeSource::Other => Sharing::Unknown,
        }
    }
}
