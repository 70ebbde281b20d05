//! The admission webhook under test: the real program, which the API server calls on this machine.

use crate::binaries;
use crate::certificates::MountedCertificates;
use crate::control_plane::{ControlPlane, free_ports};
use crate::wait;
use anyhow::{Context, Result, ensure};
use k8s_openapi::ByteString;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::ControlFlow;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;
use tempfile::TempDir;

/// Generous: it is ready in well under a second, but a machine that runs other builds is slow.
const START: Duration = Duration::from_secs(60);

/// What the program answers on its port for the kubelet and for Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// `/readyz`.
    Ready,
    /// `/livez`.
    Live,
    /// `/metrics`.
    Metrics,
}

/// A running `infer-webhook`. It is killed when this is dropped, and when the test process is.
pub struct InferWebhook {
    process: Mutex<Child>,
    dir: TempDir,
    port: u16,
    health_port: u16,
}

impl InferWebhook {
    /// Starts one with certificates from files, which registers nothing. Returns it, when it is ready, with the
    /// folder of its certificates. [`InferWebhook::register`] has the API server call it.
    pub fn start(control_plane: &ControlPlane) -> Result<(Self, MountedCertificates)> {
        Self::start_with(control_plane, &["--register=false"])
    }

    /// As [`InferWebhook::start`], with arguments of the test beside those that it needs to run here.
    pub fn start_with(
        control_plane: &ControlPlane,
        arguments: &[&str],
    ) -> Result<(Self, MountedCertificates)> {
        let dir = tempfile::tempdir()?;
        let folder = dir.path().join("certificates");
        fs::create_dir(&folder)?;
        let certificates = MountedCertificates::mount(&folder)?;
        let mut all = vec![
            "--certificates=files".to_owned(),
            format!("--certificate-dir={}", folder.display()),
            "--namespace=default".to_owned(),
        ];
        all.extend(arguments.iter().map(|&argument| argument.to_owned()));
        let webhook = Self::launch(control_plane, dir, control_plane.kubeconfig(), &all)?;
        webhook.wait_until_ready(control_plane)?;
        Ok((webhook, certificates))
    }

    /// Starts one as the user of a kubeconfig, with arguments beside the addresses that it listens on and, unless they
    /// name another, the URL that it registers. It need not be ready yet when this returns. `dir` is for its log, and lives as long as
    /// the program.
    pub fn launch(
        control_plane: &ControlPlane,
        dir: TempDir,
        kubeconfig: &Path,
        arguments: &[String],
    ) -> Result<Self> {
        let [port, health_port] = free_ports()?;
        let log = File::create(dir.path().join("log"))?;
        let has_url = arguments.iter().any(|argument| argument.starts_with("--client-url"));
        let own_url = (!has_url).then(|| format!("--client-url=https://127.0.0.1:{port}"));
        let process = Command::new(binaries::infer_webhook()?)
            .arg(format!("--listen=127.0.0.1:{port}"))
            .arg(format!("--metrics-listen=127.0.0.1:{health_port}"))
            .args(own_url)
            .args(arguments)
            .env("KUBECONFIG", kubeconfig)
            // With the programs of the control plane, so that it does not outlive the test process.
            .process_group(control_plane.process_group().cast_signed())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start infer-webhook")?;
        Ok(Self { process: Mutex::new(process), dir, port, health_port })
    }

    /// Waits until `/readyz` says so. A program that has ended is an error with the end of its log.
    pub fn wait_until_ready(&self, control_plane: &ControlPlane) -> Result<()> {
        control_plane.block_on(wait::until("start of the webhook", START, async || {
            if let Some(status) = self.process()?.try_wait()? {
                anyhow::bail!("infer-webhook has ended ({status}). Its log:\n{}", self.log());
            }
            Ok(match self.probe(Probe::Ready) {
                Ok((200, _)) => ControlFlow::Break(()),
                Ok((status, text)) => ControlFlow::Continue(format!("{status} {text}\n{}", self.log())),
                Err(error) => ControlFlow::Continue(format!("{error:#}")),
            })
        }))
    }

    /// The port that the API server calls.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `clientConfig` of a webhook configuration that calls this program at `path`, such as `/mutate`.
    pub fn client_config(&self, path: &str, certificates: &MountedCertificates) -> Value {
        json!({
            "url": format!("https://127.0.0.1:{}{path}", self.port),
            "caBundle": ByteString(certificates.authority().as_bytes().to_vec()),
        })
    }

    /// Status and body of one of its pages.
    pub fn probe(&self, probe: Probe) -> Result<(u16, String)> {
        let path = match probe {
            Probe::Ready => "readyz",
            Probe::Live => "livez",
            Probe::Metrics => "metrics",
        };
        let mut connection = TcpStream::connect(("127.0.0.1", self.health_port))?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        // 1.0, so that the answer comes in one piece and the connection is closed.
        write!(connection, "GET /{path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        let status = head.split_whitespace().nth(1).context("no status")?.parse()?;
        Ok((status, body.to_owned()))
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Sends it SIGTERM, as the kubelet does.
    pub fn terminate(&self) -> Result<()> {
        let id = self.process()?.id().to_string();
        ensure!(Command::new("kill").args(["-s", "TERM", &id]).status()?.success(), "cannot send SIGTERM");
        Ok(())
    }

    /// Ends it at once, as the kernel does when memory is short.
    pub fn kill(&self) -> Result<()> {
        Ok(self.process()?.kill()?)
    }

    /// Waits for its end.
    pub fn wait(&self) -> Result<ExitStatus> {
        Ok(self.process()?.wait()?)
    }

    /// Id of its process, to read how much memory it has.
    pub fn process_id(&self) -> Result<u32> {
        Ok(self.process()?.id())
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn process(&self) -> Result<std::sync::MutexGuard<'_, Child>> {
        self.process.lock().ok().context("another thread panicked while it held the process")
    }
}

impl Drop for InferWebhook {
    fn drop(&mut self) {
        if let Ok(mut process) = self.process.lock() {
            drop((process.kill(), process.wait()));
        }
    }
}
