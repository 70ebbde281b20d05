//! Manifests: a request in, YAML out.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context;
use infer_core::catalog::Catalog;
use infer_core::estimate::{Calibration, Estimator};
use infer_core::manifest::{
    self, ManifestError, ManifestSet, Part, Plan, Sources, Surroundings, TransferRequest,
};
use infer_core::recommend::{Known, Measured};

use crate::arguments::{
    ClusterOptions, CreateManifests, CreateTransfer, DiffManifests, ManifestOutput, WriteOptions,
};
use crate::environment;
use crate::failure::{Failure, unknown};
use crate::output::{Destination, Outcome, json};
use crate::requirements;

/// Largest file that is compared; etcd keeps no object of even a tenth of it.
const MAX_MANIFEST_BYTES: u64 = 16 * 1024 * 1024;

/// `manifests create`.
pub(super) fn create(
    catalog: &Catalog,
    cluster: &ClusterOptions,
    options: &CreateManifests,
) -> Result<Outcome, Failure> {
    let request = requirements::of_manifests(catalog, cluster, &options.manifest)?;
    let surroundings = options.write.surroundings(cluster)?;
    let calibration = Calibration::embedded().map_err(Failure::unexpected)?;
    let estimator = Estimator::new(catalog, calibration);
    let (measured, known) = (Measured::new(catalog), Known::new(catalog, &estimator));
    let sources = Sources { measured: &measured, known: &known };
    let plan = manifest::plan(catalog, sources.of(&request), &request).map_err(failure)?;
    if options.write.output == ManifestOutput::Values {
        return values(&plan, &options.write);
    }
    let set = manifest::manifests(&plan, &surroundings).map_err(failure)?;
    write(&set, &options.write)
}

/// What prometheus-adapter has to serve.
fn values(plan: &Plan<'_>, options: &WriteOptions) -> Result<Outcome, Failure> {
    let values = manifest::values_of(plan).map_err(failure)?.ok_or_else(|| {
        let message = "`--output values` is for `--autoscaler prometheus-adapter` and a latency target";
        Failure::argument(anyhow::anyhow!(message))
    })?;
    let text = values.to_yaml().map_err(Failure::unexpected)?;
    Ok(Outcome::write(with_line_feed(text), Destination::of(options.output_path.as_deref())))
}

/// serde-saphyr ends a stream of documents without a line feed.
pub(super) fn with_line_feed(text: String) -> String {
    if text.ends_with('\n') { text } else { text + "\n" }
}

/// `transfer create`.
pub(super) fn transfer(
    catalog: &Catalog,
    cluster: &ClusterOptions,
    options: &CreateTransfer,
) -> Result<Outcome, Failure> {
    let request = TransferRequest {
        model: options.model.clone(),
        precision: options.precision,
        model_bucket_uri: options.model_bucket_uri.clone(),
        namespace: cluster.namespace.clone(),
        service_account: options.service_account.clone(),
    };
    let surroundings = options.write.surroundings(cluster)?;
    let set = manifest::transfer(catalog, &request, &surroundings).map_err(failure)?;
    if options.write.output == ManifestOutput::Values {
        let message = "`--output values` is for manifests with an autoscaler";
        return Err(Failure::argument(anyhow::anyhow!(message)));
    }
    write(&set, &options.write)
}

/// `manifests diff`: status 1 when something differs.
pub(super) fn diff(catalog: &Catalog, options: &DiffManifests) -> Result<Outcome, Failure> {
    let name = options.filename.display();
    let text =
        read(&options.filename).with_context(|| format!("cannot read `{name}`")).map_err(Failure::user)?;
    let calibration = Calibration::embedded().map_err(Failure::unexpected)?;
    let estimator = Estimator::new(catalog, calibration);
    let (measured, known) = (Measured::new(catalog), Known::new(catalog, &estimator));
    let comparison = manifest::diff(catalog, &Sources { measured: &measured, known: &known }, &text)
        .with_context(|| format!("cannot compare `{name}`"))
        .map_err(Failure::user)?;
    let status = u8::from(!comparison.is_same());
    Ok(Outcome { status, ..Outcome::print(comparison.to_text()) })
}

/// A file of manifests, or standard input; never more of it than manifests can be.
fn read(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let most = MAX_MANIFEST_BYTES + 1;
    if path == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(most).read_to_end(&mut bytes)?;
    }
    anyhow::ensure!(u64::try_from(bytes.len())? < most, "it is larger than {MAX_MANIFEST_BYTES} bytes");
    Ok(String::from_utf8(bytes)?)
}

fn write(set: &ManifestSet, options: &WriteOptions) -> Result<Outcome, Failure> {
    let part = match options.output {
        ManifestOutput::Manifest | ManifestOutput::Yaml => Some(Part::Manifest),
        ManifestOutput::Comments => Some(Part::Comments),
        ManifestOutput::All => Some(Part::All),
        ManifestOutput::Json | ManifestOutput::Values => None,
    };
    let text = match part {
        Some(part) => set.to_yaml(part).map_err(Failure::unexpected)?,
        None => json(&set.to_json().map_err(Failure::unexpected)?)?,
    };
    Ok(Outcome::write(with_line_feed(text), Destination::of(options.output_path.as_deref())))
}

/// What the command line and the environment say beside the request; `date` as asked, else the environment's.
pub(super) fn surroundings(
    cluster: &ClusterOptions,
    date: Option<&str>,
    output_path: Option<&Path>,
) -> Result<Surroundings, Failure> {
    let date = match date {
        Some(date) => Some(date.to_owned()),
        None => environment::source_date().map_err(|problem| Failure::argument(anyhow::anyhow!(problem)))?,
    };
    let text = |path: &Path| path.display().to_string();
    Ok(Surroundings {
        context: cluster.context.clone(),
        kubeconfig: cluster.kubeconfig.as_deref().map(text),
        project: cluster.project.clone(),
        date,
        path: output_path.map(text).filter(|path| path != "-"),
    })
}

impl WriteOptions {
    fn surroundings(&self, cluster: &ClusterOptions) -> Result<Surroundings, Failure> {
        surroundings(cluster, self.date.as_deref(), self.output_path.as_deref())
    }
}

/// Why no manifest can be written.
pub(super) fn failure(error: ManifestError) -> Failure {
    match error {
        ManifestError::Catalog(error) => unknown(error),
        ManifestError::Render(_) => Failure::unexpected(error),
        error => Failure::user(error),
    }
}
