//! What the Hub cache lies on.

use crate::inspect::{CacheDirectory, Mount, ServerKind, ServingPod, Told, Volume, VolumeSource};

/// Where a server keeps what it downloads from the Hub.
#[derive(Debug)]
pub(super) struct HubCache<'a> {
    /// The directory, and what names it.
    pub(super) directory: String,
    /// Option or variable that names it; `None`: the server's default, or the image's.
    pub(super) set_by: Option<&'static str>,
    /// What the directory lies on.
    pub(super) medium: Medium<'a>,
}

/// What a directory lies on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Medium<'a> {
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

impl<'a> HubCache<'a> {
    /// The Hub cache of the serving container; `None` where it cannot be told.
    pub(super) fn of(pod: &'a ServingPod<'a>) -> Option<Self> {
        let CacheDirectory { path: Told::Is(directory), set_by, .. } = pod.hub_cache() else { return None };
        if !directory.starts_with('/') || pod.arguments.option(&["huggingface-hub-cache"]).is_some() {
            return None;
        }
        let by_default = set_by.is_none() && pod.server != ServerKind::Tgi;
        let medium = match by_default.then(|| cache_below_a_home(pod)).flatten() {
            Some(mount) => Medium::of_mount(pod, mount)?,
            None => Medium::of_directory(pod, &directory)?,
        };
        Some(Self { directory, set_by, medium })
    }
}

/// The mount of a cache below the home of whichever user the image runs as.
fn cache_below_a_home<'a>(pod: &'a ServingPod<'a>) -> Option<&'a Mount<'a>> {
    let is_cache = |mount: &&Mount<'_>| {
        mount.path.split('/').any(|part| matches!(part, ".cache" | "huggingface" | "hub"))
    };
    pod.serving().mounts.iter().filter(is_cache).max_by_key(|mount| mount.path.len())
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
