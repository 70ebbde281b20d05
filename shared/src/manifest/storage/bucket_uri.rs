//! `gs://BUCKET/PATH`, checked so far that it can stand among comma-separated mount options.

use std::fmt;

use crate::manifest::ManifestError;

/// A directory of a Cloud Storage bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketUri {
    bucket: String,
    path: Option<String>,
}

impl BucketUri {
    /// Reads `gs://BUCKET` or `gs://BUCKET/PATH`; a final `/` is dropped.
    ///
    /// The bucket's name follows Cloud Storage's rules, but that upper-case letters pass: `BUCKET_NAME`
    /// stands in every document for the reader's own ([`Self::is_placeholder`]). The path is narrower than
    /// theirs: letters, digits and `._~+=@-` between single slashes, since it becomes the mount option
    /// `only-dir`, and a comma, a space or a `..` in it would change what is mounted and how.
    pub fn parse(uri: &str) -> Result<Self, ManifestError> {
        let refused = |reason| ManifestError::BucketUri { uri: uri.to_owned(), reason };
        let rest = uri.strip_prefix("gs://").ok_or_else(|| refused("it does not start with `gs://`"))?;
        let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
        check_bucket(bucket).map_err(refused)?;
        let path = path.strip_suffix('/').unwrap_or(path);
        if !path.is_empty() {
            check_path(path).map_err(refused)?;
        }
        Ok(Self { bucket: bucket.to_owned(), path: (!path.is_empty()).then(|| path.to_owned()) })
    }

    /// Name of the bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Whether the name cannot be a bucket's because it has upper-case letters, as placeholders have.
    pub fn is_placeholder(&self) -> bool {
        self.bucket.bytes().any(|b| b.is_ascii_uppercase())
    }

    /// Directory in the bucket; `None` is its root.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// Whether `other` is this directory or lies in it.
    pub fn contains(&self, other: &Self) -> bool {
        let below = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.bucket == other.bucket
            && match (self.path(), other.path()) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(outer), Some(inner)) => below(inner, outer),
            }
    }
}

impl fmt::Display for BucketUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gs://{}", self.bucket)?;
        self.path().map_or(Ok(()), |path| write!(f, "/{path}"))
    }
}

/// Cloud Storage's rules (cloud.google.com/storage/docs/buckets#naming).
fn check_bucket(bucket: &str) -> Result<(), &'static str> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let alphanumeric = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = bucket.as_bytes();
    let longest = if bucket.contains('.') { 222 } else { 63 };
    let in_range = (3..=longest).contains(&bucket.len()) && bucket.split('.').all(|part| part.len() <= 63);
    if bucket.is_empty() {
        Err("it names no bucket")
    } else if !bytes.iter().all(|b| legal(*b)) {
        Err("a bucket's name has letters, digits, `-`, `_` and `.` only")
    } else if !in_range {
        Err("a bucket's name has 3 to 63 characters (222 with dots, 63 between them)")
    } else if !(alphanumeric(bytes.first()) && alphanumeric(bytes.last())) {
        Err("a bucket's name starts and ends with a letter or digit")
    } else if bucket.contains("..") || is_ip_address(bucket) {
        Err("a bucket's name has no empty part and is no IP address")
    } else if bucket.starts_with("goog") || bucket.contains("google") {
        Err("a bucket's name does not start with `goog` or contain `google`")
    } else {
        Ok(())
    }
}

fn is_ip_address(bucket: &str) -> bool {
    bucket.parse::<std::net::Ipv4Addr>().is_ok()
}

fn check_path(path: &str) -> Result<(), &'static str> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "._~+=@-/".contains(c);
    if path.len() > 1024 {
        Err("the path is longer than 1024 characters")
    } else if !path.chars().all(legal) {
        Err("the path has characters other than letters, digits, `/` and `._~+=@-`")
    } else if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        Err("the path has an empty part, `.` or `..`")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_and_a_directory_are_read() {
        let uri = BucketUri::parse("gs://models-eu/google/gemma-2-27b-it/").unwrap();
        assert_eq!((uri.bucket(), uri.path()), ("models-eu", Some("google/gemma-2-27b-it")));
        assert_eq!(uri.to_string(), "gs://models-eu/google/gemma-2-27b-it");
        for root in ["gs://models-eu", "gs://models-eu/"] {
            assert_eq!(BucketUri::parse(root).unwrap().path(), None);
        }
        assert!(BucketUri::parse("gs://a_b.example.com/x").is_ok());
        assert!(BucketUri::parse("gs://BUCKET_NAME/gemma").unwrap().is_placeholder());
        assert!(!uri.is_placeholder());
    }

    #[test]
    fn a_directory_contains_itself_and_what_is_below() {
        let parse = |uri| BucketUri::parse(uri).unwrap();
        let model = parse("gs://bucket/a/b");
        for inside in ["gs://bucket/a/b", "gs://bucket/a/b/c"] {
            assert!(model.contains(&parse(inside)), "{inside}");
        }
        for outside in ["gs://bucket/a/bc", "gs://bucket/a", "gs://bucket", "gs://other/a/b"] {
            assert!(!model.contains(&parse(outside)), "{outside}");
        }
    }

    #[test]
    fn hostile_uris_are_refused() {
        let hostile = [
            "",
            "bucket",
            "s3://bucket",
            "GS://bucket",
            "gs:/bucket",
            "gs://",
            "gs:///path",
            "gs://ab",
            "gs://-bucket",
            "gs://bucket-",
            "gs://buc ket",
            "gs://bucket,implicit-dirs",
            "gs://bucket:x",
            "gs://buck..et",
            "gs://192.168.5.4",
            "gs://goog-bucket",
            "gs://my-google-bucket",
            "gs://bucket/a/../b",
            "gs://bucket/..",
            "gs://bucket/./a",
            "gs://bucket//a",
            "gs://bucket/a//",
            "gs://bucket/a b",
            "gs://bucket/a,allow-other",
            "gs://bucket/a:uid=0",
            "gs://bucket/a\n",
            "gs://bucket/a\u{0}b",
            "gs://bucket/a\tb",
            "gs://bucket/é",
            "gs://bucket/$(reboot)",
            "gs://bucket/a`b`",
            "gs://bucket/a'b",
            "gs://bucket/a\"b",
            "gs://bucket/a?b",
            "gs://bucket/a#b",
            "gs://bucket/*",
            " gs://bucket",
        ];
        for uri in hostile {
            assert!(BucketUri::parse(uri).is_err(), "{uri:?}");
        }
        let long = format!("gs://bucket/{}", "a".repeat(1025));
        assert!(BucketUri::parse(&long).is_err());
        assert!(BucketUri::parse(&format!("gs://{}", "a".repeat(64))).is_err());
    }
}
