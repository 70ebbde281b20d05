//! Keys and certificates of the control plane, made anew for each one.

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Name of the certificate with which the API server speaks for its users.
pub(crate) const FRONT_PROXY: &str = "front-proxy-client";

/// Where the PEM files lie.
pub(crate) struct Certificates {
    /// The authority that signed the others.
    pub(crate) ca: PathBuf,
    /// Certificate of the API server, for 127.0.0.1.
    pub(crate) server: PathBuf,
    /// Its key.
    pub(crate) server_key: PathBuf,
    /// Certificate of an administrator (`system:masters`), used by every client.
    pub(crate) admin: PathBuf,
    /// Its key.
    pub(crate) admin_key: PathBuf,
    /// Certificate of the controllers, with the same rights and a name that is reserved to the cluster's own parts.
    pub(crate) controllers: PathBuf,
    /// Its key.
    pub(crate) controllers_key: PathBuf,
    /// Certificate by which the API server shows extension servers that it speaks for a user.
    pub(crate) front_proxy: PathBuf,
    /// Its key.
    pub(crate) front_proxy_key: PathBuf,
    /// Public half of the key below.
    pub(crate) service_accounts: PathBuf,
    /// Key that signs the tokens of service accounts.
    pub(crate) service_accounts_key: PathBuf,
}

impl Certificates {
    /// Makes all of them in `dir`.
    pub(crate) fn write(dir: &Path) -> Result<Self> {
        let (issuer, authority) = authority()?;
        let (server, server_key) = signed(&issuer, server_parameters("kube-apiserver")?)?;
        let (admin, admin_key) = signed(&issuer, client_parameters("admin"))?;
        let (controllers, controllers_key) =
            signed(&issuer, client_parameters("system:kube-controller-manager"))?;
        let (front_proxy, front_proxy_key) = signed(&issuer, client_parameters(FRONT_PROXY))?;
        let service_accounts = KeyPair::generate()?;
        Ok(Self {
            ca: save(dir, "ca.crt", &authority)?,
            server: save(dir, "server.crt", &server)?,
            server_key: save(dir, "server.key", &server_key)?,
            admin: save(dir, "admin.crt", &admin)?,
            admin_key: save(dir, "admin.key", &admin_key)?,
            controllers: save(dir, "controllers.crt", &controllers)?,
            controllers_key: save(dir, "controllers.key", &controllers_key)?,
            front_proxy: save(dir, "front-proxy.crt", &front_proxy)?,
            front_proxy_key: save(dir, "front-proxy.key", &front_proxy_key)?,
            service_accounts: save(dir, "service-accounts.pub", &service_accounts.public_key_pem())?,
            service_accounts_key: save(dir, "service-accounts.key", &service_accounts.serialize_pem())?,
        })
    }
}

/// A new authority, and its certificate as PEM.
fn authority() -> Result<(Issuer<'static, KeyPair>, String)> {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters.distinguished_name.push(DnType::CommonName, "kubectl-infer tests");
    let key = KeyPair::generate()?;
    let certificate = parameters.self_signed(&key)?.pem();
    Ok((Issuer::new(parameters, key), certificate))
}

/// For a server on this machine.
fn server_parameters(name: &str) -> Result<CertificateParams> {
    let mut parameters = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(parameters)
}

/// Of a client with all rights.
fn client_parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.distinguished_name.push(DnType::OrganizationName, "system:masters");
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    parameters
}

/// A mounted Secret with the certificate of a webhook: `tls.crt`, `tls.key` and `ca.crt`, each a link through the
/// link `..data`, which the kubelet turns to another folder when the Secret changes. So does this.
pub struct MountedCertificates {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    authority: String,
    generation: usize,
}

impl MountedCertificates {
    /// Makes an authority and a first certificate for 127.0.0.1 in `dir`, which must be empty.
    pub fn mount(dir: &Path) -> Result<Self> {
        let (issuer, authority) = authority()?;
        let mut mounted = Self { dir: dir.to_owned(), issuer, authority, generation: 0 };
        mounted.rotate()?;
        for file in ["tls.crt", "tls.key", "ca.crt"] {
            symlink(Path::new("..data").join(file), dir.join(file))?;
        }
        Ok(mounted)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Certificate of the authority as PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Puts a new certificate of the same authority in the place of the one there is, and returns it as PEM.
    pub fn rotate(&mut self) -> Result<String> {
        let (certificate, key) = signed(&self.issuer, server_parameters("infer-webhook")?)?;
        self.swap(&certificate, &key)?;
        Ok(certificate)
    }

    /// Puts any text in the place of certificate and key.
    pub fn swap(&mut self, certificate: &str, key: &str) -> Result<()> {
        self.generation += 1;
        let folder = format!("..generation-{}", self.generation);
        let (new, link) = (self.dir.join(&folder), self.dir.join("..data_tmp"));
        fs::create_dir(&new)?;
        save(&new, "tls.crt", certificate)?;
        save(&new, "tls.key", key)?;
        save(&new, "ca.crt", &self.authority)?;
        symlink(folder, &link)?;
        Ok(fs::rename(link, self.dir.join("..data"))?)
    }
}

/// Returns certificate and key as PEM.
fn signed(issuer: &Issuer<'_, KeyPair>, parameters: CertificateParams) -> Result<(String, String)> {
    let key = KeyPair::generate()?;
    let certificate = parameters.signed_by(&key, issuer)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn save(dir: &Path, name: &str, pem: &str) -> Result<PathBuf> {
    let path = dir.join(name);
    fs::write(&path, pem)?;
    Ok(path)
}
