//! Which GKE brought which part of the Cloud Storage FUSE driver.

/// A GKE version, `1.33.2-gke.1111000`; what is left out is taken for the newest of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GkeVersion {
    minor: u64,
    patch: u64,
    build: u64,
}

impl GkeVersion {
    pub(super) const fn new(minor: u64, patch: u64, build: u64) -> Self {
        Self { minor, patch, build }
    }

    /// Reads `1.33`, `v1.33.2` or `1.33.2-gke.1111000`; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text).strip_prefix("1.")?;
        let (numbers, build) = match text.split_once("-gke.") {
            Some((numbers, build)) => (numbers, build.parse().ok()?),
            None => (text, u64::MAX),
        };
        let (minor, patch) = match numbers.split_once('.') {
            Some((minor, patch)) => (minor, patch.parse().ok()?),
            None => (numbers, u64::MAX),
        };
        Some(Self { minor: minor.parse().ok()?, patch, build })
    }
}

impl std::fmt::Display for GkeVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "1.{}.{}-gke.{}", self.minor, self.patch, self.build)
    }
}

/// Something that a volume can ask of the driver, and the first version of each minor release that has it: releases
/// before the first listed one never got it, those after the last always have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Feature {
    /// Mount option or volume attribute.
    pub(super) name: &'static str,
    /// First version of each minor release.
    since: &'static [GkeVersion],
}

/// Release notes of the driver (github.com/GoogleCloudPlatform/gcs-fuse-csi-driver, docs/releases.md: 1.2.0 brings the
/// file cache) and GKE's pages on it (cloud-storage-fuse-csi-driver-perf: parallel downloads, metadata prefetch).
pub(super) const FEATURES: [Feature; 4] = [
    Feature { name: "file-cache:max-size-mb", since: &FILE_CACHE },
    Feature { name: "file-cache:cache-file-for-range-read", since: &FILE_CACHE },
    Feature {
        name: "file-cache:enable-parallel-downloads",
        since: &[GkeVersion::new(29, 6, 1_254_000), GkeVersion::new(30, 2, 1_394_000)],
    },
    Feature { name: "gcsfuseMetadataPrefetchOnMount", since: &[GkeVersion::new(32, 1, 1_357_001)] },
];

const FILE_CACHE: [GkeVersion; 4] = [
    GkeVersion::new(27, 12, 1_190_000),
    GkeVersion::new(28, 8, 1_175_000),
    GkeVersion::new(29, 3, 1_093_000),
    GkeVersion::new(30, 0, 1_167_000),
];

/// Native sidecars, in which the driver runs where every node has them.
pub(super) const NATIVE_SIDECARS: GkeVersion = GkeVersion::new(29, 0, 0);

impl Feature {
    /// The first version that has it, where `version` is before that.
    pub(super) fn missing_in(&self, version: GkeVersion) -> Option<GkeVersion> {
        let own = self.since.iter().find(|since| since.minor >= version.minor)?;
        (version < *own).then_some(*own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared_as_gke_numbers_them() {
        let parse = |text| GkeVersion::parse(text).unwrap();
        assert!(parse("1.29.6-gke.1254000") < parse("1.29.10-gke.1000"));
        assert!(parse("1.32.1-gke.1357000") < parse("1.32.1-gke.1357001"));
        assert!(parse("v1.9") < parse("1.29"));
        assert_eq!(parse("1.29.6-gke.1254000").to_string(), "1.29.6-gke.1254000");
        for text in [
            "",
            "1",
            "2.30",
            "1.x",
            "latest",
            "1.30.1-gke.",
            "1.30.1-eks-123",
            "1.-3",
            "1.99999999999999999999",
        ] {
            assert_eq!(GkeVersion::parse(text), None, "{text}");
        }
    }

    #[test]
    fn each_minor_release_has_a_first_version_of_its_own() {
        let [cache, _, parallel, prefetch] = FEATURES;
        let missing = |feature: Feature, text| {
            feature.missing_in(GkeVersion::parse(text).unwrap()).map(|version| version.to_string())
        };
        assert_eq!(missing(cache, "1.26.3-gke.1"), Some("1.27.12-gke.1190000".to_owned()));
        assert_eq!(missing(parallel, "1.29.6-gke.1254000"), None);
        assert_eq!(missing(parallel, "1.30.1-gke.1"), Some("1.30.2-gke.1394000".to_owned()));
        assert_eq!(missing(parallel, "1.31.0-gke.1"), None);
        assert_eq!(missing(prefetch, "1.32"), None);
        assert_eq!(missing(prefetch, "1.31"), Some("1.32.1-gke.1357001".to_owned()));
    }
}
