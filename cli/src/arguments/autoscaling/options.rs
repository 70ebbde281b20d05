//! What is said about an autoscaler, the same for every command that writes one.

use std::time::Duration;

use clap::Args;
use infer_core::autoscale::{AutoscalingOptions, Kind};

use crate::arguments::values;

/// Kind of autoscaler, and what its threshold rests on.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Autoscaling")]
pub(crate) struct AutoscalerOptions {
    /// What scales the replicas, by who serves the metrics.
    #[arg(long, value_name = "KIND", value_parser = values::autoscaler(), default_value = Kind::Stackdriver.name())]
    pub(crate) autoscaler: Kind,
    /// Highest rate of requests a second to grow to, which gives the most replicas; without it four times the fewest.
    #[arg(long, value_name = "NUMBER", value_parser = values::rate, allow_negative_numbers = true)]
    pub(crate) peak_request_rate: Option<f64>,
    /// Accelerators that quota or node pool hold at most, for all replicas.
    #[arg(long, value_name = "COUNT", value_parser = values::count)]
    pub(crate) max_accelerators: Option<u32>,
    /// Name of the cluster, by which queries tell its series from those of others; `inference` without it.
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster_name: Option<String>,
    /// Address of the Prometheus that prometheus-adapter and KEDA ask; without it the frontend of `autoscaling setup`.
    #[arg(long, value_name = "URL")]
    pub(crate) prometheus_url: Option<String>,
    /// Share by which a metric has to be off its target before the autoscaler acts, written into it (Kubernetes 1.35 or
    /// newer); 0.1 without it, as controllers have it.
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub(crate) tolerance: Option<f64>,
    /// Percent by which load may grow in a minute while a replica starts; 1 without it.
    ///
    /// A day whose peak is four times its trough climbs by at most 0.33 % a minute; 1 % leaves room for days that are
    /// not smooth.
    #[arg(long, value_name = "PERCENT", allow_negative_numbers = true)]
    pub(crate) traffic_growth: Option<f64>,
    #[command(flatten)]
    pub(crate) times: ReactionOptions,
}

/// Times from a change of the load to a replica that serves it; what is not said comes from the catalog.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Autoscaling")]
pub(crate) struct ReactionOptions {
    /// Time between two scrapes of the server, from 5 s on; 15 s without it.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) scrape_interval: Option<Duration>,
    /// Time from a scrape until it can be queried; 7 s without it.
    #[arg(long, value_name = "DURATION", value_parser = values::duration, hide_short_help = true)]
    pub(crate) ingestion_delay: Option<Duration>,
    /// Time between two looks of the HPA controller; 15 s without it.
    #[arg(long, value_name = "DURATION", value_parser = values::duration, hide_short_help = true)]
    pub(crate) hpa_sync: Option<Duration>,
    /// Time until a new node takes Pods; `0` where nodes stand ready.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) node_start: Option<Duration>,
    /// Time to pull the image; `0` where nodes have it.
    #[arg(long, value_name = "DURATION", value_parser = values::duration, hide_short_help = true)]
    pub(crate) image_pull: Option<Duration>,
    /// Time until the weights are in the accelerators, from the Hub or the bucket.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub(crate) weights_load: Option<Duration>,
    /// Time of the rest of a start: imports, compilation, graph capture.
    #[arg(long, value_name = "DURATION", value_parser = values::duration, hide_short_help = true)]
    pub(crate) engine_start: Option<Duration>,
}

impl AutoscalerOptions {
    /// As the core takes them.
    pub(crate) fn to_core(&self) -> AutoscalingOptions {
        AutoscalingOptions {
            autoscaler: self.autoscaler,
            peak_requests_per_second: self.peak_request_rate,
            max_accelerators: self.max_accelerators,
            tolerance: self.tolerance,
            growth_percent_per_minute: self.traffic_growth,
            cluster_name: self.cluster_name.clone(),
            prometheus_url: self.prometheus_url.clone(),
            ..self.times.to_core()
        }
    }
}

impl ReactionOptions {
    /// As the core takes them, with nothing said about anything else.
    pub(crate) fn to_core(&self) -> AutoscalingOptions {
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        // Above what is accepted, where it is refused with what is.
        let whole = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        AutoscalingOptions {
            scrape_seconds: self.scrape_interval.map(whole),
            ingestion_seconds: seconds(self.ingestion_delay),
            sync_seconds: seconds(self.hpa_sync),
            node_seconds: seconds(self.node_start),
            image_seconds: seconds(self.image_pull),
            weights_seconds: seconds(self.weights_load),
            engine_seconds: seconds(self.engine_start),
            ..AutoscalingOptions::default()
        }
    }
}
