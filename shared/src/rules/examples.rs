//! A rule's examples, which are tests and documentation at once.

/// Two manifests, YAML with one or more documents each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Examples {
    /// Trips the rule.
    pub trips: &'static str,
    /// Does not, and is what the author should have written.
    pub passes: &'static str,
}

/// The two files of `examples/ID/`.
macro_rules! examples {
    ($id:literal) => {
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
        }
    };
}
pub(crate) use examples;
