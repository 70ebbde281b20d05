//! Where a server keeps what it downloads from the Hub.

use crate::inspect::{
    ArgumentValue, Environment, EnvironmentValue, Mount, ServerKind, ServingPod, Volume, VolumeSource,
};

/// Where a server keeps what it downloads from the Hub.
#[derive(Debug)]
pub(in crate::rules) struct HubCache<'a> {
    /// Its directory; `None`: the image's own, wherever that is.
    pub directory: Option<String>,
    /// What names the directory.
    pub named_by: NamedBy<'a>,
    /// What the directory lies on.
    pub medium: Medium<'a>,
}

/// What names a directory.
#[derive(Debug, Clone, Copy)]
pub(in crate::rules) enum NamedBy<'a> {
    /// Nothing: the server's default, or the image's.
    Default,
    /// An option of the command line.
    Argument,
    /// A variable.
    Variable(&'a Environment<'a>),
}

/// What a directory lies on.
#[derive(Debug, Clone, Copy)]
pub(in crate::rules) enum Medium<'a> {
    /// The container's own layer, on the node's disk.
    Container,
    /// An `emptyDir` on the node's disk.
    NodeDisk(&'a Volume<'a>),
    /// An `emptyDir` in RAM.
    Memory(&'a Volume<'a>),
    /// `/dev/shm` as every container has it: 64 MB.
    SmallSharedMemory,
    /// Cloud Storage FUSE.
    Fuse {
        /// The volume.
        volume: &'a Volume<'a>,
        /// Its mount.
        mount: &'a Mount<'a>,
    },
    /// A claim, a path of the node, anything whose size the object does not tell.
    Elsewhere,
}

/// Variables that name the cache, the one that wins first, and where below its value the cache lies
/// (huggingface.co/docs/huggingface_hub/package_reference/environment_variables).
const VARIABLES: [(&str, &str); 4] = [
    ("HF_HUB_CACHE", ""),
    ("HUGGINGFACE_HUB_CACHE", ""),
    ("HF_HOME", "/hub"),
    ("XDG_CACHE_HOME", "/huggingface/hub"),
];

impl<'a> HubCache<'a> {
    /// The Hub cache of the serving container; `None` where it cannot be told.
    pub(in crate::rules) fn of(pod: &'a ServingPod<'a>) -> Option<Self> {
        let container = pod.serving();
        let set_at_run_time = VARIABLES.iter().any(|(name, _)| container.command_line_mentions(name));
        if set_at_run_time || container.takes_variables_from_config() {
            return None;
        }
        if let Some(argument) = pod.arguments.option(&["download-dir", "huggingface-hub-cache"]) {
            let ArgumentValue::Literal(directory) = &argument.value else { return None };
            return Self::at(pod, directory.clone(), NamedBy::Argument);
        }
        if !pod.arguments.complete {
            return None;
        }
        let named = VARIABLES.iter().find_map(|(name, below)| Some((container.variable(name)?, below)));
        if let Some((variable, below)) = named {
            let EnvironmentValue::Literal(value) = variable.value else { return None };
            return Self::at(
                pod,
                format!("{}{below}", value.trim_end_matches('/')),
                NamedBy::Variable(variable),
            );
        }
        if pod.server == ServerKind::Tgi {
            // The image sets HF_HOME=/data (github.com/huggingface/text-generation-inference, Dockerfile).
            return Self::at(pod, "/data".to_owned(), NamedBy::Default);
        }
        // Below the home of whichever user the image runs as.
        let is_cache = |mount: &&Mount<'_>| {
            mount.path.split('/').any(|part| matches!(part, ".cache" | "huggingface" | "hub"))
        };
        let mount = container.mounts.iter().filter(is_cache).max_by_key(|mount| mount.path.len());
        let medium = mount.map_or(Some(Medium::Container), |mount| Medium::of_mount(pod, mount))?;
        Some(Self { directory: None, named_by: NamedBy::Default, medium })
    }

    fn at(pod: &'a ServingPod<'a>, directory: String, named_by: NamedBy<'a>) -> Option<Self> {
        if !directory.starts_with('/') || directory.contains('$') {
            return None;
        }
        let medium = Medium::of_directory(pod, &directory)?;
        Some(Self { directory: Some(directory), named_by, medium })
    }
}

impl<'a> Medium<'a> {
    /// What `directory` of the serving container lies on; a volume mounted below it counts as its own.
    fn of_directory(pod: &'a ServingPod<'a>, directory: &str) -> Option<Self> {
        let container = pod.serving();
        let below =
            |mount: &&Mount<'_>| mount.path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
        if let Some(mount) = container.mount_of(directory).or_else(|| container.mounts.iter().find(below)) {
            return Self::of_mount(pod, mount);
        }
        if !(directory == "/dev/shm" || directory.starts_with("/dev/shm/")) {
            return Some(Self::Container);
        }
        (!pod.shares_memory_of_node()).then_some(Self::SmallSharedMemory)
    }

    fn of_mount(pod: &'a ServingPod<'a>, mount: &'a Mount<'a>) -> Option<Self> {
        let volume = pod.volumes.iter().find(|volume| volume.name == mount.volume)?;
        Some(match volume.source {
            VolumeSource::Memory { .. } => Self::Memory(volume),
            VolumeSource::Disk { .. } => Self::NodeDisk(volume),
            VolumeSource::Fuse { .. } => Self::Fuse { volume, mount },
            _ => Self::Elsewhere,
        })
    }
}
