//! The Service in front of the replicas.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::probes::API_PORT;
use super::{Plan, labels, names};

/// Port of the Service, as in the seeds, whatever the server listens on.
pub(super) const PORT: i32 = 8000;

/// A cluster-internal Service.
pub(super) fn service(plan: &Plan<'_>) -> Service {
    let port = ServicePort {
        name: Some(API_PORT.to_owned()),
        port: PORT,
        target_port: Some(IntOrString::String(API_PORT.to_owned())),
        protocol: Some("TCP".to_owned()),
        ..ServicePort::default()
    };
    Service {
        metadata: labels::metadata(plan, names::service_name(&plan.workload())),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            selector: Some(labels::selector(plan)),
            ports: Some(vec![port]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}
