//! What a policy, or the command line of `lint`, tells the rules.

/// What a policy, or the command line of `lint`, tells the rules. The default is what holds without any policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Secret that holds the Hugging Face token.
    pub token_secret: String,
    /// Key of the token in it.
    pub token_key: String,
    /// Version of the cluster's GKE, where it is told: `1.33.2-gke.1111000`.
    pub gke_version: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { token_secret: "hf-secret".to_owned(), token_key: "hf_api_token".to_owned(), gke_version: None }
    }
}
