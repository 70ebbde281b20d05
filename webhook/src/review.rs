//! AdmissionReview v1: bytes → what is asked, and what is decided → bytes.
//!
//! The object stays the JSON that it came as, `metadata.managedFields` and `status` aside; nothing is decoded into types
//! that could lose a field. Of a key that an object repeats the last value counts, as in the API server; a repeated key
//! of the review itself is an error. JSON nested deeper than 128 levels is refused. The old object, half of an update, is
//! read when it is needed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use infer_core::policy::{Operation, Verdict};
use k8s_openapi::ByteString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::object::object;

const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";

/// What the API server asks.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReviewRequest<'a> {
    /// Which request it is; the answer repeats it.
    #[serde(borrow)]
    pub uid: Cow<'a, str>,
    /// Kind of the object.
    #[serde(borrow, default)]
    pub kind: Kind<'a>,
    /// Resource that is asked for; for a `scale` that of the object behind it.
    #[serde(borrow, default)]
    pub resource: Resource<'a>,
    /// Who asks.
    #[serde(borrow, default)]
    pub user_info: UserInfo<'a>,
    /// Part of the object that is asked for: `scale`.
    #[serde(borrow, default)]
    pub sub_resource: Option<Cow<'a, str>>,
    /// Name; absent or empty where the API server makes it up.
    #[serde(borrow, default)]
    pub name: Option<Cow<'a, str>>,
    /// Namespace; absent or empty for cluster-scoped objects.
    #[serde(borrow, default)]
    pub namespace: Option<Cow<'a, str>>,
    /// What happens to the object.
    #[serde(deserialize_with = "operation")]
    pub operation: Operation,
    /// The object as it shall be; absent on delete.
    #[serde(default, deserialize_with = "object")]
    pub object: Option<Value>,
    /// The object as it was; absent on create.
    #[serde(borrow, default)]
    pub old_object: Unread<'a>,
    /// Nothing will be stored.
    #[serde(default)]
    pub dry_run: Option<bool>,
}

/// Kind of an object, as the API server names it.
#[derive(Debug, Default, Deserialize)]
pub struct Kind<'a> {
    /// `apps`; empty for the core group.
    #[serde(borrow, default)]
    pub group: Cow<'a, str>,
    /// `Deployment`.
    #[serde(borrow, default)]
    pub kind: Cow<'a, str>,
}

/// Resource, as the API server names it.
#[derive(Debug, Default, Deserialize)]
pub struct Resource<'a> {
    /// `deployments`.
    #[serde(borrow, default)]
    pub resource: Cow<'a, str>,
}

/// Who asks.
#[derive(Debug, Default, Deserialize)]
pub struct UserInfo<'a> {
    /// `system:serviceaccount:kube-system:replicaset-controller`.
    #[serde(borrow, default)]
    pub username: Cow<'a, str>,
}

/// An object that is still text; absent or `null` where there is none.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(transparent)]
pub struct Unread<'a>(#[serde(borrow)] Option<&'a RawValue>);

impl Unread<'_> {
    /// Reads it; `None` where there is none.
    ///
    /// # Errors
    ///
    /// A number in it is none, or it is nested too deep. Everything else was seen when the review was read.
    pub fn read(self) -> Result<Option<Value>, serde_json::Error> {
        let Some(text) = self.0 else { return Ok(None) };
        object(&mut serde_json::Deserializer::from_str(text.get()))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review<'a> {
    #[serde(borrow, default)]
    api_version: Cow<'a, str>,
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    request: Option<ReviewRequest<'a>>,
}

fn operation<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Operation, D::Error> {
    let name = Cow::<str>::deserialize(deserializer)?;
    Ok(match name.as_ref() {
        "CREATE" => Operation::Create,
        "UPDATE" => Operation::Update,
        "DELETE" => Operation::Delete,
        "CONNECT" => Operation::Connect,
        other => {
            let accepted = &["CREATE", "UPDATE", "DELETE", "CONNECT"];
            return Err(serde::de::Error::unknown_variant(other, accepted));
        }
    })
}

impl<'a> ReviewRequest<'a> {
    /// Reads a body.
    ///
    /// # Errors
    ///
    /// The text for whoever sent it: what is not an AdmissionReview v1, and why.
    pub fn read(body: &'a [u8]) -> Result<Self, String> {
        let text = str::from_utf8(body).map_err(|error| format!("The body is not UTF-8: {error}"))?;
        // A struct could also be read from an array, field by field.
        if !text.trim_ascii_start().starts_with('{') {
            return Err(format!("The body is not a JSON object; expected an {KIND} of `{API_VERSION}`"));
        }
        let review: Review<'a> =
            serde_json::from_str(text).map_err(|error| format!("The body is not an {KIND}: {error}"))?;
        if review.api_version != API_VERSION || review.kind != KIND {
            let (version, kind) = (shortened(&review.api_version), shortened(&review.kind));
            return Err(format!("Expected an {KIND} of `{API_VERSION}`, got kind `{kind}` of `{version}`"));
        }
        review.request.ok_or_else(|| format!("The {KIND} has no `request`"))
    }

    /// Namespace, unless it is empty.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref().filter(|namespace| !namespace.is_empty())
    }

    /// Resource, unless it is empty.
    pub fn resource(&self) -> Option<&str> {
        Some(self.resource.resource.as_ref()).filter(|resource| !resource.is_empty())
    }

    /// Subresource, unless it is empty.
    pub fn sub_resource(&self) -> Option<&str> {
        self.sub_resource.as_deref().filter(|part| !part.is_empty())
    }

    /// Whether nothing will be stored.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run.unwrap_or(false)
    }
}

/// What of a stranger's text is repeated to it.
fn shortened(text: &str) -> &str {
    text.char_indices().nth(64).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<ByteString>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Status<'a> {
    code: u16,
    reason: &'static str,
    message: &'a str,
}

/// The answer to the request of `uid`.
///
/// # Errors
///
/// The patch or the answer cannot be written as JSON.
pub fn answer(uid: &str, verdict: &Verdict) -> Result<Vec<u8>, serde_json::Error> {
    let allowed = verdict.is_allowed();
    let patch = if !allowed || verdict.patch.is_empty() {
        None
    } else {
        Some(ByteString(serde_json::to_vec(&verdict.patch)?))
    };
    let denial = verdict.denial.as_deref().unwrap_or("Refused by a policy");
    let response = Response {
        uid,
        allowed,
        status: (!allowed).then_some(Status { code: 403, reason: "Forbidden", message: denial }),
        patch_type: patch.is_some().then_some("JSONPatch"),
        patch,
        warnings: &verdict.warnings,
        audit_annotations: &verdict.audit,
    };
    serde_json::to_vec(&Answer { api_version: API_VERSION, kind: KIND, response })
}
