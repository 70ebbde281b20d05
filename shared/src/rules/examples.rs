//! A rule's examples, which are tests and documentation at once.

use super::Settings;

/// Two manifests, YAML with one or more documents each.
#[derive(Debug, Clone, Copy)]
pub struct Examples {
    /// Trips the rule.
    pub trips: &'static str,
    /// Does not, and is what the author should have written.
    pub passes: &'static str,
    /// What a policy has to say for the first to trip it.
    pub settings: fn() -> Settings,
}

/// The two files of `examples/ID/`, and what a policy says where the rule needs one.
macro_rules! examples {
    ($id:literal) => {
        $crate::rules::examples::examples!($id, $crate::rules::Settings::default)
    };
    ($id:literal, $settings:path) => {
        $crate::rules::Examples {
            trips: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/src/rules/examples/",
                $id,
                "/trips.yaml"
            )),
            passes: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/src/rules/examples/",
                $id,
                "/passes.yaml"
            )),
            settings: $settings,
        }
    };
}
pub(crate) use examples;
