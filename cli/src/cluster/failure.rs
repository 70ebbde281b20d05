//! What an API server's refusal, or its silence, means to the person at the keyboard.

use crate::failure::Failure;

/// A request that failed, in words.
pub(crate) fn failure(error: kube::Error) -> Failure {
    match error {
        kube::Error::Api(status) if status.is_forbidden() => {
            Failure::user(anyhow::anyhow!("the API server refuses: {}", status.message))
                .hint("`kubectl auth can-i --list` shows what this user may do")
        }
        kube::Error::Api(status) if status.code == 401 => {
            Failure::user(anyhow::anyhow!("the API server does not accept the credentials of this user"))
                .hint("`kubectl auth whoami` shows who kubectl is there")
        }
        kube::Error::Api(status) => {
            Failure::user(anyhow::anyhow!("the API server answers: {}", status.message))
        }
        error => Failure::user(anyhow::Error::new(error).context("the cluster cannot be reached"))
            .hint("`kubectl cluster-info` shows whether kubectl reaches it"),
    }
}
