//! Containers that an indentation has put below the affinity, as in the text of many a hand-made manifest.

use serde_json::{Value, json};

use crate::inspect::{PointerBuf, Subject, inspect, pod_templates};

/// The containers of a server that stand below a field of the Pod's `spec` instead of in it, and what to say of them.
/// Only a template without containers is looked through, and only containers that would serve a model count.
pub(super) fn containers(object: &Value) -> Option<(PointerBuf, String)> {
    pod_templates(object).into_iter().find_map(|template| {
        let spec = template.value.get("spec")?;
        if spec.get("containers").is_some() {
            return None;
        }
        let (below, found) = below(spec)?;
        serves(found).then(|| {
            let words = below.tokens().map(|token| token.decoded().into_owned()).collect::<Vec<_>>();
            let holder = words.iter().rev().nth(1).map_or("spec", String::as_str);
            let what = format!("`containers` stands in `{holder}`, and the Pod has none");
            (template.at.concat(&PointerBuf::from_tokens(["spec"])).concat(&below), what)
        })
    })
}

/// A list named `containers` below the affinity, which has no field of that name at any depth, and its place in `spec`.
fn below(spec: &Value) -> Option<(PointerBuf, &Value)> {
    const HOLDERS: [&[&str]; 5] = [
        &["affinity"],
        &["affinity", "nodeAffinity"],
        &["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"],
        &["affinity", "podAffinity"],
        &["affinity", "podAntiAffinity"],
    ];
    let others = ["nodeSelector", "securityContext"].map(|name| vec![name]);
    HOLDERS.iter().map(|path| path.to_vec()).chain(others).find_map(|mut path| {
        path.push("containers");
        let found = path.iter().try_fold(spec, |value, name| value.get(name))?;
        found.is_array().then(|| (PointerBuf::from_tokens(path), found))
    })
}

fn serves(containers: &Value) -> bool {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": containers}});
    matches!(inspect(&pod), Subject::Workload(_))
}
