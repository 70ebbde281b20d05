//! Manifests: a request in, YAML out.

use infer_core::catalog::Catalog;
use infer_core::manifest::{self, ManifestError, ManifestSet, Part, Surroundings};
use infer_core::recommend::Measured;

use crate::arguments::{ClusterOptions, CreateManifests, ManifestOutput, WriteOptions};
use crate::environment;
use crate::failure::{Failure, unknown};
use crate::output::{Destination, Outcome, json};
use crate::requirements;

/// `manifests create`.
pub(super) fn create(
    catalog: &Catalog,
    cluster: &ClusterOptions,
    options: &CreateManifests,
) -> Result<Outcome, Failure> {
    let request = requirements::of_manifests(catalog, cluster, &options.manifest)?;
    let surroundings = surroundings(cluster, &options.write)?;
    let set =
        manifest::generate(catalog, &Measured::new(catalog), &request, &surroundings).map_err(failure)?;
    write(&set, &options.write)
}

fn write(set: &ManifestSet, options: &WriteOptions) -> Result<Outcome, Failure> {
    let part = match options.output {
        ManifestOutput::Manifest | ManifestOutput::Yaml => Some(Part::Manifest),
        ManifestOutput::Comments => Some(Part::Comments),
        ManifestOutput::All => Some(Part::All),
        ManifestOutput::Json => None,
    };
    let text = match part {
        Some(part) => set.to_yaml(part).map_err(Failure::unexpected)?,
        None => json(&set.to_json().map_err(Failure::unexpected)?)?,
    };
    Ok(Outcome::write(text, Destination::of(options.output_path.as_deref())))
}

fn surroundings(cluster: &ClusterOptions, options: &WriteOptions) -> Result<Surroundings, Failure> {
    let date = match &options.date {
        Some(date) => Some(date.clone()),
        None => environment::source_date().map_err(|problem| Failure::argument(anyhow::anyhow!(problem)))?,
    };
    let text = |path: &std::path::PathBuf| path.display().to_string();
    Ok(Surroundings {
        context: cluster.context.clone(),
        kubeconfig: cluster.kubeconfig.as_ref().map(text),
        date,
        path: options.output_path.as_ref().map(text).filter(|path| path != "-"),
    })
}

/// Why no manifest can be written.
fn failure(error: ManifestError) -> Failure {
    match error {
        ManifestError::Catalog(error) => unknown(error),
        ManifestError::Render(_) => Failure::unexpected(error),
        error => Failure::user(error),
    }
}
