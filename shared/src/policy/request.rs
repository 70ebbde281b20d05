//! What is asked of admission.

use serde_json::Value;

/// Which of the two webhooks is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// The object may still be changed.
    Mutate,
    /// The object is final: what is wrong with it is said or refused.
    Validate,
}

/// What happens to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
    /// Something is connected to it, such as `exec`.
    Connect,
}

/// One request of the API server, borrowed from its AdmissionReview.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request<'a> {
    /// What happens to the object.
    pub operation: Operation,
    /// Namespace; `None` for cluster-scoped objects.
    pub namespace: Option<&'a str>,
    /// Resource in the plural, as `request.resource.resource` has it: `deployments`. It tells whose `scale` is meant.
    pub resource: Option<&'a str>,
    /// Subresource, such as `scale`.
    pub subresource: Option<&'a str>,
    /// Who asks (`request.userInfo.username`); `None` where nobody does, as for a file.
    pub user: Option<&'a str>,
    /// The object as it shall be; absent on delete.
    pub object: Option<&'a Value>,
    /// The object as it was; absent on create.
    pub old_object: Option<&'a Value>,
    /// Seconds since 1970, for exemptions that expire.
    pub now_unix_seconds: i64,
}

impl<'a> Request<'a> {
    /// The creation of `object`, as nobody in particular asks for it.
    pub fn create(object: &'a Value, now_unix_seconds: i64) -> Self {
        Self {
            operation: Operation::Create,
            namespace: object.pointer("/metadata/namespace").and_then(Value::as_str),
            resource: None,
            subresource: None,
            user: None,
            object: Some(object),
            old_object: None,
            now_unix_seconds,
        }
    }

    /// The change of `old` into `object`.
    pub fn update(old: &'a Value, object: &'a Value, now_unix_seconds: i64) -> Self {
        let operation = Operation::Update;
        Self { operation, old_object: Some(old), ..Self::create(object, now_unix_seconds) }
    }
}
