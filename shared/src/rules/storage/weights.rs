//! Which Cloud Storage FUSE volume holds the weights, and whether anything else.

use crate::inspect::{
    ArgumentValue, Container, EnvironmentValue, ModelSource, Mount, ServerKind, ServingPod, Volume,
    VolumeSource,
};

use super::mount_options::MountOptions;

/// An inline Cloud Storage FUSE volume from which the server loads its model.
#[derive(Debug, Clone, Copy)]
pub(super) struct WeightsVolume<'a> {
    /// The volume.
    pub(super) volume: &'a Volume<'a>,
    /// Its mount in the serving container.
    pub(super) mount: &'a Mount<'a>,
    /// How it is mounted.
    pub(super) options: MountOptions<'a>,
    /// `readOnly` of the volume.
    pub(super) read_only: bool,
}

impl<'a> WeightsVolume<'a> {
    /// The volume that holds the model of `pod`; `None` where it is none, or any other.
    pub(super) fn of(pod: &'a ServingPod<'a>) -> Option<Self> {
        let ModelSource::Path(path) = &pod.model else { return None };
        let mount = pod.serving().mount_of(path)?;
        let volume = pod.volumes.iter().find(|volume| volume.name == mount.volume)?;
        let VolumeSource::Fuse { read_only, attributes, .. } = volume.source else { return None };
        Some(Self { volume, mount, options: MountOptions::of(attributes), read_only })
    }

    /// Whether the server, or any other container, may write to the volume: a cache or a download lies in it, a
    /// script works with it, or it cannot be told.
    pub(super) fn may_be_written(&self, pod: &ServingPod<'_>) -> bool {
        if self.read_only {
            return false;
        }
        let container = pod.serving();
        let by_server = !self.mount.read_only
            && (pod.server == ServerKind::Tgi
                || runs_script(container)
                || container.value.get("envFrom").is_some()
                || !pod.arguments.complete
                || self.a_variable_points_into(pod)
                || self.an_option_points_into(pod));
        let others = pod.containers.iter().filter(|other| other.at != container.at);
        let by_others = others.flat_map(|other| &other.mounts);
        by_server || by_others.into_iter().any(|mount| mount.volume == self.volume.name && !mount.read_only)
    }

    fn a_variable_points_into(&self, pod: &ServingPod<'_>) -> bool {
        let ModelSource::Path(model) = &pod.model else { return true };
        pod.serving().environment.iter().any(|variable| match variable.value {
            EnvironmentValue::Literal(value) => value != model && self.mount.holds(value),
            EnvironmentValue::Reference => {
                ["CACHE", "HOME", "DIR"].iter().any(|part| variable.name.contains(part))
            }
            EnvironmentValue::Secret => false,
        })
    }

    fn an_option_points_into(&self, pod: &ServingPod<'_>) -> bool {
        const READ: [&str; 8] = [
            "model",
            "model-path",
            "model-id",
            "tokenizer",
            "tokenizer-path",
            "served-model-name",
            "chat-template",
            "generation-config",
        ];
        pod.arguments.options.iter().filter(|option| !READ.contains(&option.name.as_str())).any(|option| {
            match &option.value {
                ArgumentValue::Literal(value) => value.contains(self.mount.path),
                ArgumentValue::Unknown => true,
                ArgumentValue::Switch => false,
            }
        })
    }
}

/// Whether the container's command is a script that may do more than start the server.
pub(super) fn runs_script(container: &Container<'_>) -> bool {
    ["\n", ";", "&&", "|", ">"].iter().any(|text| container.command_line_mentions(text))
}
