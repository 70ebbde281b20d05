//! A folder of certificates as the kubelet mounts a Secret: the files are links into a folder that is itself a link,
//! which is swapped.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// Contents of the folder.
pub(crate) struct Pem {
    pub(crate) chain: String,
    pub(crate) key: String,
    pub(crate) authority: String,
}

impl Pem {
    /// A certificate for 127.0.0.1 of an authority of its own.
    pub(crate) fn new() -> Self {
        Self::valid_from(SystemTime::now() - Duration::from_secs(3600))
    }

    /// One that is valid for a month from a moment on.
    pub(crate) fn valid_from(begin: SystemTime) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(authority, authority_key);
        let mut leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        leaf.not_before = begin.into();
        leaf.not_after = (begin + Duration::from_secs(30 * 24 * 3600)).into();
        let key = KeyPair::generate().unwrap();
        let chain = leaf.signed_by(&key, &issuer).unwrap().pem();
        Self { chain, key: key.serialize_pem(), authority: authority_pem }
    }
}

/// The folder.
pub(crate) struct Mounted {
    dir: TempDir,
    generation: u32,
}

impl Mounted {
    pub(crate) fn new(pem: &Pem) -> Self {
        let mut mounted = Self { dir: tempfile::tempdir().unwrap(), generation: 0 };
        mounted.swap(pem);
        for name in ["tls.crt", "tls.key", "ca.crt"] {
            symlink(Path::new("..data").join(name), mounted.path().join(name)).unwrap();
        }
        mounted
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Puts other contents in place, all files at once.
    pub(crate) fn swap(&mut self, pem: &Pem) {
        self.generation += 1;
        let folder = PathBuf::from(format!("..generation-{}", self.generation));
        let path = self.path().join(&folder);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("tls.crt"), &pem.chain).unwrap();
        fs::write(path.join("tls.key"), &pem.key).unwrap();
        fs::write(path.join("ca.crt"), &pem.authority).unwrap();
        let link = self.path().join("..data_tmp");
        symlink(&folder, &link).unwrap();
        fs::rename(&link, self.path().join("..data")).unwrap();
    }
}
