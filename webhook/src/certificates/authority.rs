//! The program's own certificates: an authority and the one certificate that it signs.
//!
//! Each renewal makes a new authority, whose key is thrown away at once, so that nothing that is stored can sign.
//! Until the old authority expires, both are trusted.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

/// How long a certificate and its authority are valid.
const LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);

/// How much earlier they are valid than they are made: clocks differ.
const SKEW: Duration = Duration::from_secs(3600);

/// What the Secret holds, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bundle {
    /// `tls.crt`.
    pub(super) chain: String,
    /// `tls.key`.
    pub(super) key: String,
    /// `ca.crt`: the authority of the certificate first, then older ones that are still valid.
    pub(super) authorities: String,
}

impl Bundle {
    /// A new authority and a certificate for `names`; `older` authorities that are valid at `now` stay trusted.
    ///
    /// # Errors
    ///
    /// A name is no name, or there is no randomness.
    pub(super) fn make(names: &[String], older: &str, now: SystemTime) -> anyhow::Result<Self> {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        authority.distinguished_name.push(DnType::CommonName, "infer-webhook authority");
        authority.not_before = (now - SKEW).into();
        authority.not_after = (now + LIFETIME).into();
        let authority_key = KeyPair::generate()?;
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);

        let mut leaf = CertificateParams::new(names)?;
        let name = names.first().context("no name for the certificate")?;
        // A common name has at most 64 characters; clients read the names of the extension.
        leaf.distinguished_name.push(DnType::CommonName, name.chars().take(64).collect::<String>());
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        leaf.not_before = (now - SKEW).into();
        leaf.not_after = (now + LIFETIME).into();
        let key = KeyPair::generate()?;
        let chain = leaf.signed_by(&key, &issuer)?.pem();
        let authorities = authority_pem + &still_valid(older, now);
        Ok(Self { chain, key: key.serialize_pem(), authorities })
    }

    /// Why another one has to be made; `None` where this one is good for a while.
    pub(super) fn is_due(&self, names: &[String], now: SystemTime) -> Option<&'static str> {
        let Ok(leaf) = CertificateDer::from_pem_slice(self.chain.as_bytes()) else {
            return Some("the certificate cannot be read");
        };
        let Ok((_, leaf)) = parse_x509_certificate(&leaf) else {
            return Some("the certificate cannot be read");
        };
        if super::Certificate::from_pem(self.chain.as_bytes(), self.key.as_bytes()).is_err() {
            return Some("the certificate and the key do not fit together");
        }
        let validity = leaf.validity();
        let (begin, end) = (validity.not_before.timestamp(), validity.not_after.timestamp());
        // Renewal at two thirds of life leaves a month in which it may fail.
        if seconds(now) > begin + (end - begin) / 3 * 2 {
            return Some("two thirds of its life are over");
        }
        let named: BTreeSet<_> = match leaf.subject_alternative_name() {
            Ok(Some(extension)) => extension.value.general_names.iter().filter_map(text).collect(),
            _ => BTreeSet::new(),
        };
        if !names.iter().all(|name| named.contains(name)) {
            return Some("the Service has another name");
        }
        let signed = CertificateDer::pem_slice_iter(self.authorities.as_bytes()).flatten().any(|authority| {
            parse_x509_certificate(&authority)
                .is_ok_and(|(_, authority)| authority.subject() == leaf.issuer())
        });
        (!signed).then_some("its authority is missing")
    }
}

/// The certificates of a bundle that are valid at `now`, each once and at most the first three, in PEM.
fn still_valid(bundle: &str, now: SystemTime) -> String {
    const END: &str = "-----END CERTIFICATE-----";
    let certificates = bundle.split_inclusive(END).filter(|pem| pem.trim_end().ends_with(END));
    let valid = certificates.filter(|pem| {
        let read = CertificateDer::from_pem_slice(pem.as_bytes());
        read.is_ok_and(|der| {
            parse_x509_certificate(&der).is_ok_and(|(_, certificate)| {
                let validity = certificate.validity();
                (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&seconds(now))
            })
        })
    });
    let mut kept: Vec<&str> = Vec::new();
    for pem in valid.map(str::trim) {
        if !kept.contains(&pem) && kept.len() < 3 {
            kept.push(pem);
        }
    }
    kept.iter().map(|pem| format!("{pem}\n")).collect()
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A name as it is asked for: DNS names and addresses.
fn text(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
            Ok(four) => Some(std::net::Ipv4Addr::from(four).to_string()),
            Err(_) => {
                <[u8; 16]>::try_from(*bytes).ok().map(|long| std::net::Ipv6Addr::from(long).to_string())
            }
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn names() -> Vec<String> {
        vec!["infer-webhook.infer-system.svc".to_owned(), "127.0.0.1".to_owned()]
    }

    #[test]
    fn renewed_at_two_thirds_of_its_life() {
        let now = SystemTime::now();
        let bundle = Bundle::make(&names(), "", now).unwrap();
        assert_eq!(bundle.is_due(&names(), now), None);
        assert_eq!(bundle.is_due(&names(), now + DAY * 59), None);
        assert_eq!(bundle.is_due(&names(), now + DAY * 61), Some("two thirds of its life are over"));
    }

    #[test]
    fn the_old_authority_is_trusted_until_it_expires() {
        let now = SystemTime::now();
        let first = Bundle::make(&names(), "", now).unwrap();
        let second = Bundle::make(&names(), &first.authorities, now + DAY * 60).unwrap();
        assert!(second.authorities.ends_with(&first.authorities), "both are trusted");
        let third = Bundle::make(&names(), &second.authorities, now + DAY * 120).unwrap();
        assert!(!third.authorities.contains(first.authorities.trim()), "the first has expired");
        assert_eq!(third.authorities.matches("BEGIN CERTIFICATE").count(), 2);
    }

    /// Replicas share it, whose clocks differ: none makes another because it is behind the one that made it, and the
    /// clients that are a little behind trust it at once.
    #[test]
    fn clocks_that_are_behind_do_no_harm() {
        let now = SystemTime::now();
        let bundle = Bundle::make(&names(), "", now).unwrap();
        for behind in [Duration::from_secs(60), DAY, DAY * 365] {
            assert_eq!(bundle.is_due(&names(), now - behind), None);
        }
        let leaf = CertificateDer::from_pem_slice(bundle.chain.as_bytes()).unwrap();
        let (_, leaf) = parse_x509_certificate(&leaf).unwrap();
        assert!(leaf.validity().not_before.timestamp() <= seconds(now - Duration::from_secs(3000)));
    }

    #[test]
    fn made_anew_when_it_is_broken_or_for_another_service() {
        let now = SystemTime::now();
        let bundle = Bundle::make(&names(), "", now).unwrap();
        assert!(bundle.is_due(&["other.svc".to_owned()], now).is_some());
        let other = Bundle::make(&names(), "", now).unwrap();
        let mixed = Bundle { key: other.key, ..bundle.clone() };
        assert!(mixed.is_due(&names(), now).is_some());
        let empty = Bundle { chain: String::new(), ..bundle };
        assert!(empty.is_due(&names(), now).is_some());
    }
}
