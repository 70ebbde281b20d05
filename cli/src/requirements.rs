//! What the command line means: flags as written → typed requirements, in this one place.

use infer_core::catalog::{Catalog, CatalogError};
use infer_core::estimate::Conditions;
use infer_core::manifest::{ManifestRequest, Storage};
use infer_core::recommend::{ProvenanceFilter, Requirements};
use infer_core::workload::{Itl, LengthSource, Lengths, Ntpot, Percentile, Targets, Traffic, Ttft};

use crate::arguments::{
    ClusterOptions, ConditionOptions, LatencyTargets, ListAccelerators, ListBenchmarks, ListProfiles,
    ManifestOptions, PricingOptions, StackOptions, TrafficOptions,
};
use crate::failure::{Failure, unknown};

/// The serving stack that manifests are written for.
pub(crate) const SERVING_STACK: &str = "deployment";

/// Its version: that of the API group of its objects.
pub(crate) const SERVING_STACK_VERSION: &str = "apps/v1";

/// What `list` asks.
pub(crate) fn of_list(catalog: &Catalog, options: &ListProfiles) -> Result<Requirements, Failure> {
    let workload = &options.workload;
    check_stack(&workload.stack)?;
    let server = workload.model_server.as_deref();
    let requirements = Requirements {
        model: options.model.clone(),
        server: server.map(str::to_owned),
        server_version: version(
            catalog,
            options.model.as_deref(),
            server,
            workload.model_server_version.as_deref(),
        )?,
        accelerator: options.accelerator_type.clone(),
        traffic: traffic(catalog, &workload.traffic)?,
        targets: Targets {
            usd_per_million_input_tokens: options.target_cost_per_million_input_tokens,
            usd_per_million_output_tokens: options.target_cost_per_million_output_tokens,
            ..latencies(&options.latency)
        },
        provenance: options.provenance,
        optimism: options.optimism,
        requests_per_second: options.request_rate,
        percentile: options.conditions.percentile,
        ..Requirements::default()
    };
    if requirements.percentile != Percentile::P50 && requirements.provenance == ProvenanceFilter::Measured {
        let message =
            "measurements are medians: `--percentile` other than 50 needs `--provenance estimated` or `any`";
        return Err(Failure::argument(anyhow::anyhow!(message)));
    }
    Ok(priced(requirements, &options.pricing))
}

/// What `benchmarks list` asks.
pub(crate) fn of_benchmarks(catalog: &Catalog, options: &ListBenchmarks) -> Result<Requirements, Failure> {
    check_stack(&options.stack)?;
    let (model, server) = (Some(options.model.as_str()), Some(options.model_server.as_str()));
    let requirements = Requirements {
        model: model.map(str::to_owned),
        server: server.map(str::to_owned),
        server_version: version(catalog, model, server, options.model_server_version.as_deref())?,
        machine: options.instance_type.clone(),
        traffic: options.use_case.as_deref().map(|name| use_case(catalog, name)).transpose()?,
        ..Requirements::default()
    };
    Ok(priced(requirements, &options.pricing))
}

/// What `accelerators list` asks.
pub(crate) fn of_accelerators(
    catalog: &Catalog,
    options: &ListAccelerators,
) -> Result<Requirements, Failure> {
    let (model, server) = (Some(options.model.as_str()), options.model_server.as_deref());
    Ok(Requirements {
        model: model.map(str::to_owned),
        server: server.map(str::to_owned),
        server_version: version(catalog, model, server, options.model_server_version.as_deref())?,
        targets: Targets {
            ntpot: options.max_ntpot_milliseconds.map(Ntpot::from_milliseconds),
            ..Targets::default()
        },
        provenance: ProvenanceFilter::Any,
        ..Requirements::default()
    })
}

/// What `manifests create` asks.
pub(crate) fn of_manifests(
    catalog: &Catalog,
    cluster: &ClusterOptions,
    options: &ManifestOptions,
) -> Result<ManifestRequest, Failure> {
    check_stack(&options.stack)?;
    let server = options.model_server.as_str();
    let asked_version = options.model_server_version.as_deref();
    let storage = match &options.model_bucket_uri {
        Some(uri) => Storage::Bucket {
            model_bucket_uri: uri.clone(),
            xla_cache_bucket_uri: options.xla_cache_bucket_uri.clone(),
            service_account: options.service_account.clone(),
        },
        None => Storage::HuggingFace { cache: options.hub_cache },
    };
    Ok(ManifestRequest {
        model_server_version: version(catalog, Some(&options.model), Some(server), asked_version)?,
        instance_type: options.instance_type.clone(),
        accelerators: options.accelerator_count,
        precision: options.precision,
        namespace: cluster.namespace.clone(),
        target_ttft_milliseconds: options.latency.target_ttft_milliseconds,
        target_itl_milliseconds: options.latency.target_itl_milliseconds,
        target_ntpot_milliseconds: options.latency.target_ntpot_milliseconds,
        traffic: traffic(catalog, &options.traffic)?,
        requests_per_second: options.requests_per_second,
        storage,
        spot: options.spot,
        autoscaling: options.autoscaler.to_core(),
        ..ManifestRequest::new(&options.model, server, &options.accelerator_type)
    })
}

/// What estimates are computed for, with requests of observed `lengths` where these are known.
pub(crate) fn conditions(options: &ConditionOptions, lengths: Option<LengthSource>) -> Conditions {
    Conditions {
        percentile: options.percentile,
        common_prefix_share: options.prefix_cache_share,
        lengths,
        ..Conditions::default()
    }
}

/// Latency targets with their units.
pub(crate) fn latencies(options: &LatencyTargets) -> Targets {
    Targets {
        ttft: options.target_ttft_milliseconds.map(Ttft::from_milliseconds),
        ntpot: options.target_ntpot_milliseconds.map(Ntpot::from_milliseconds),
        itl: options.target_itl_milliseconds.map(Itl::from_milliseconds),
        ..Targets::default()
    }
}

fn priced(requirements: Requirements, pricing: &PricingOptions) -> Requirements {
    Requirements {
        pricing_model: pricing.pricing_model,
        region: pricing.region.clone(),
        output_input_cost_ratio: pricing.output_input_cost_ratio,
        ..requirements
    }
}

/// Lengths by use case or by number; both numbers or none, as the arguments make sure.
pub(crate) fn traffic(catalog: &Catalog, options: &TrafficOptions) -> Result<Option<Traffic>, Failure> {
    if let Some(name) = &options.use_case {
        return use_case(catalog, name).map(Some);
    }
    let lengths = options.target_input_length.zip(options.target_output_length);
    Ok(lengths.map(|(input, output)| Traffic {
        input_tokens: f64::from(input),
        output_tokens: f64::from(output),
        lengths: Lengths::Fixed,
    }))
}

fn use_case(catalog: &Catalog, name: &str) -> Result<Traffic, Failure> {
    catalog.find_use_case(name).map(|case| case.traffic).map_err(unknown)
}

/// The version asked for: `all` is any, `latest` the newest that was measured with the model, or else that the
/// catalog has.
fn version(
    catalog: &Catalog,
    model: Option<&str>,
    server: Option<&str>,
    version: Option<&str>,
) -> Result<Option<String>, Failure> {
    match (version, server) {
        (None | Some("all"), _) => Ok(None),
        (Some(_), None) => {
            let message = "`--model-server-version` needs `--model-server`: a version is one of a server";
            Err(Failure::argument(anyhow::anyhow!(message)))
        }
        (Some("latest"), Some(server)) => latest(catalog, model, server).map_err(unknown),
        (Some(version), Some(_)) => Ok(Some(version.to_owned())),
    }
}

fn latest(catalog: &Catalog, model: Option<&str>, server: &str) -> Result<Option<String>, CatalogError> {
    let server = catalog.find_server(server)?;
    let profiles = match model {
        Some(model) => catalog.profiles(&catalog.find_model(model)?.model.id)?,
        None => catalog.all_profiles()?,
    };
    let is_measured = |version: &&str| {
        profiles.iter().any(|profile| {
            profile.server == server.name && profile.server_version.as_deref() == Some(version)
        })
    };
    let newest_first = || server.versions.iter().rev().map(|version| version.version.as_str());
    let latest = newest_first().find(is_measured).or_else(|| newest_first().next());
    Ok(latest.map(str::to_owned))
}

fn check_stack(options: &StackOptions) -> Result<(), Failure> {
    check_serving_stack(options.serving_stack.as_deref(), options.serving_stack_version.as_deref())
}

/// Refuses a serving stack, or a version of one, that nothing here knows.
pub(crate) fn check_serving_stack(stack: Option<&str>, version: Option<&str>) -> Result<(), Failure> {
    for (what, asked, known) in
        [("serving stack", stack, SERVING_STACK), ("serving stack version", version, SERVING_STACK_VERSION)]
    {
        if let Some(asked) = asked.filter(|asked| *asked != known) {
            return Err(Failure::user(anyhow::anyhow!("unknown {what} `{asked}`, there is only `{known}`")));
        }
    }
    Ok(())
}
