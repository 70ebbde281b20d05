//! Mount options of a Cloud Storage FUSE volume, in each of their spellings.

use serde_json::Value;

/// What an inline volume says of how it is mounted: `mountOptions` and the attributes that say the same.
#[derive(Debug, Clone, Copy)]
pub(in crate::rules) struct MountOptions<'a> {
    attributes: &'a Value,
}

/// Volume attributes that set what a mount option sets
/// (cloud.google.com/kubernetes-engine/docs/reference/cloud-storage-fuse-csi-driver/volume-attr).
const ATTRIBUTES: [(&str, &str); 6] = [
    ("fileCacheCapacity", "file-cache:max-size-mb"),
    ("fileCacheForRangeRead", "file-cache:cache-file-for-range-read"),
    ("metadataCacheTTLSeconds", "metadata-cache:ttl-secs"),
    ("metadataNegativeCacheTTLSeconds", "metadata-cache:negative-ttl-secs"),
    ("metadataStatCacheCapacity", "metadata-cache:stat-cache-max-size-mb"),
    ("metadataTypeCacheCapacity", "metadata-cache:type-cache-max-size-mb"),
];

impl<'a> MountOptions<'a> {
    /// Those of a volume with `attributes`.
    pub(in crate::rules) fn of(attributes: &'a Value) -> Self {
        Self { attributes }
    }

    /// `mountOptions` as written.
    pub(super) fn text(&self) -> Option<&'a str> {
        self.attributes.get("mountOptions")?.as_str()
    }

    /// Whether `mountOptions` is absent or a text, so that options can be added to it.
    pub(super) fn can_grow(&self) -> bool {
        self.attributes.get("mountOptions").is_none_or(Value::is_string)
    }

    /// Whether the author set `option`, by whatever spelling.
    pub(super) fn sets(&self, option: &str) -> bool {
        self.value(option).is_some()
    }

    /// The author's value of `option`; empty for a switch.
    pub(in crate::rules) fn value(&self, option: &str) -> Option<&'a str> {
        let written = self.text().unwrap_or_default().split(',');
        let of_option = written.map(str::trim).filter_map(|text| value_of(text, option)).next_back();
        of_option.or_else(|| {
            let named =
                ATTRIBUTES.iter().find(|(_, other)| *other == option).map_or(option, |(name, _)| name);
            let attributes = self.attributes.as_object()?;
            attributes.iter().find(|(name, _)| name.eq_ignore_ascii_case(named))?.1.as_str()
        })
    }

    /// Whether the volume tunes itself by a profile.
    pub(super) fn follows_profile(&self) -> bool {
        self.sets("profile")
    }

    /// `mountOptions` with `options` after the author's own.
    pub(super) fn with(&self, options: &[&str]) -> String {
        let own = self.text().unwrap_or_default().trim().trim_end_matches(',');
        let all: Vec<&str> =
            [own].into_iter().filter(|own| !own.is_empty()).chain(options.iter().copied()).collect();
        all.join(",")
    }
}

/// Name of an option of ours: `metadata-cache:ttl-secs` of `metadata-cache:ttl-secs:-1`.
pub(super) fn option_name(option: &str) -> &str {
    let value = option
        .rsplit_once([':', '='])
        .filter(|(_, value)| value.parse::<i64>().is_ok() || matches!(*value, "true" | "false"));
    value.map_or(option, |(name, _)| name)
}

/// The value of `written` where it is `option`: as in the configuration file (`metadata-cache:ttl-secs:-1`, also with
/// `=`), or as a flag of the program (`metadata-cache-ttl-secs=-1`, `kernel-list-cache-ttl-secs=-1`).
fn value_of<'a>(written: &'a str, option: &str) -> Option<&'a str> {
    let flag = option.split_once(':').map_or(option, |(_, flag)| flag);
    [option, flag].into_iter().find_map(|name| {
        let rest = strip_name(written, name)?;
        match rest.chars().next() {
            None => Some(""),
            Some(':' | '=') => Some(&rest[1..]),
            Some(_) => None,
        }
    })
}

/// What follows `name` in `written`, where the two agree but for the separators and letter case.
fn strip_name<'a>(written: &'a str, name: &str) -> Option<&'a str> {
    let plain = |b: u8| match b {
        b':' | b'=' | b'_' => b'-',
        other => other.to_ascii_lowercase(),
    };
    let start = written.as_bytes().get(..name.len())?;
    let same = start.iter().zip(name.bytes()).all(|(a, b)| plain(*a) == plain(b));
    if same { written.get(name.len()..) } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_spelling_of_an_option_counts() {
        let written = "implicit-dirs, metadata-cache-ttl-secs=60,file-cache:enable-parallel-downloads=true,\
                       kernel-list-cache-ttl-secs:-1,only-dir=a/b,read_ahead_kb=2048,file-cache=max-size-mb=5";
        let attributes = json!({"mountOptions": written, "metadataStatCacheCapacity": "512Mi",
            "metadataCacheTtlSeconds": "1"});
        let options = MountOptions::of(&attributes);
        let values = [
            ("implicit-dirs", Some("")),
            ("metadata-cache:ttl-secs", Some("60")),
            ("file-cache:enable-parallel-downloads", Some("true")),
            ("file-system:kernel-list-cache-ttl-secs", Some("-1")),
            ("only-dir", Some("a/b")),
            ("read_ahead_kb", Some("2048")),
            ("file-cache:max-size-mb", Some("5")),
            ("metadata-cache:stat-cache-max-size-mb", Some("512Mi")),
            ("metadata-cache:type-cache-max-size-mb", None),
            ("metadata-cache", None),
        ];
        for (option, value) in values {
            assert_eq!(options.value(option), value, "{option}");
        }
    }

    #[test]
    fn names_are_told_from_values() {
        for (option, name) in [
            ("metadata-cache:ttl-secs:-1", "metadata-cache:ttl-secs"),
            ("file-cache:enable-parallel-downloads:true", "file-cache:enable-parallel-downloads"),
            ("read_ahead_kb=1024", "read_ahead_kb"),
            ("implicit-dirs", "implicit-dirs"),
        ] {
            assert_eq!(option_name(option), name);
        }
    }
}
