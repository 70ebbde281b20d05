//! Keys and certificates of the control plane, made anew for each one.

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::fs;
use std::path::{Path, PathBuf};

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
    /// Public half of the key below.
    pub(crate) service_accounts: PathBuf,
    /// Key that signs the tokens of service accounts.
    pub(crate) service_accounts_key: PathBuf,
}

impl Certificates {
    /// Makes all of them in `dir`.
    pub(crate) fn write(dir: &Path) -> Result<Self> {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        authority.distinguished_name.push(DnType::CommonName, "kubectl-infer tests");
        let key = KeyPair::generate()?;
        let certificate = authority.self_signed(&key)?;
        let issuer = Issuer::new(authority, key);

        let (server, server_key) = signed(&issuer, server_parameters()?)?;
        let (admin, admin_key) = signed(&issuer, admin_parameters())?;
        let service_accounts = KeyPair::generate()?;
        Ok(Self {
            ca: save(dir, "ca.crt", &certificate.pem())?,
            server: save(dir, "server.crt", &server)?,
            server_key: save(dir, "server.key", &server_key)?,
            admin: save(dir, "admin.crt", &admin)?,
            admin_key: save(dir, "admin.key", &admin_key)?,
            service_accounts: save(dir, "service-accounts.pub", &service_accounts.public_key_pem())?,
            service_accounts_key: save(dir, "service-accounts.key", &service_accounts.serialize_pem())?,
        })
    }
}

fn server_parameters() -> Result<CertificateParams> {
    let mut parameters = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    parameters.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(parameters)
}

fn admin_parameters() -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, "admin");
    parameters.distinguished_name.push(DnType::OrganizationName, "system:masters");
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    parameters
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
