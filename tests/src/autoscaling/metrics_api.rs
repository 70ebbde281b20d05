//! Who answers for an API of metrics.

use crate::control_plane::ControlPlane;
use anyhow::Result;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

/// Has the API server forward `group`/`version` to a port of this machine.
pub(crate) fn register(control_plane: &ControlPlane, group: &str, version: &str, port: u16) -> Result<()> {
    let name = group.replace('.', "-");
    let service: Service = serde_json::from_value(json!({
        "metadata": { "name": name },
        "spec": { "type": "ExternalName", "externalName": "localhost", "ports": [{ "port": port }] },
    }))?;
    let api_service: APIService = serde_json::from_value(json!({
        "metadata": { "name": format!("{version}.{group}") },
        "spec": {
            "group": group,
            "version": version,
            "service": { "name": name, "namespace": "kube-system", "port": port },
            "insecureSkipTLSVerify": true,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
    }))?;
    control_plane.block_on(async {
        let client = control_plane.client();
        let services: Api<Service> = Api::namespaced(client.clone(), "kube-system");
        services.create(&PostParams::default(), &service).await?;
        Api::all(client).create(&PostParams::default(), &api_service).await?;
        Ok(())
    })
}
