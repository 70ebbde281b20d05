//! Certificates from a folder: a mounted Secret, of cert-manager or of one's own.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;
use tokio::time::sleep;

use super::{Certificate, InUse};
use crate::readiness::Readiness;

/// How often the files are read. The kubelet swaps a mounted Secret through a symbolic link, and notifications of
/// file systems miss that now and then.
const INTERVAL: Duration = Duration::from_secs(2);

/// Where the files lie.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
}

/// What the files hold at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    chain: Vec<u8>,
    key: Vec<u8>,
    /// The authority, where there is a file of it.
    pub authority: Option<String>,
}

impl Folder {
    /// The folder at `path`.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Reads `tls.crt`, `tls.key` and, where there is one, `ca.crt`.
    ///
    /// # Errors
    ///
    /// A file is missing or cannot be read.
    pub(crate) fn read(&self) -> anyhow::Result<Files> {
        // The folder's link could be swapped between two files; a key that does not fit is read again.
        let authority = match fs::read_to_string(self.path.join("ca.crt")) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error).context("cannot read `ca.crt`"),
        };
        Ok(Files { chain: self.file("tls.crt")?, key: self.file("tls.key")?, authority })
    }

    fn file(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        let path = self.path.join(name);
        fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))
    }

    /// Keeps the certificate in use equal to the files, for ever. Each new authority is sent on.
    pub(crate) async fn follow(
        self,
        certificates: Arc<InUse>,
        authority: watch::Sender<Option<String>>,
        readiness: Readiness,
    ) {
        let mut last = None;
        loop {
            let read = self.read().map_err(|error| format!("{error:#}"));
            // Said once, not every two seconds.
            if last.as_ref() != Some(&read) {
                let used = use_files(&read, &certificates);
                match &used {
                    Ok(()) => {
                        readiness.met("certificate");
                        tracing::info!("certificate read from files");
                        if let Ok(files) = &read {
                            authority.send_replace(files.authority.clone());
                        }
                    }
                    Err(error) => certificates.broken(error),
                }
                last = Some(read);
            }
            sleep(INTERVAL).await;
        }
    }
}

fn use_files(read: &Result<Files, String>, certificates: &InUse) -> anyhow::Result<()> {
    let files = read.as_ref().map_err(|error| anyhow::anyhow!(error.clone()))?;
    certificates.replace(Certificate::from_pem(&files.chain, &files.key)?)
}
