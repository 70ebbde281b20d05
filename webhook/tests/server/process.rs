//! The program as a process.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::mounted::Mounted;

/// How long something that must happen is waited for: the machine may be busy with builds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const OBJECTS: &str = "
apiVersion: v1
kind: Namespace
metadata:
  name: team
  labels: { kubectl-infer.io/admission: enabled }
";

/// A running program. It is killed when this is dropped.
pub(crate) struct Webhook {
    process: Child,
    /// Where it answers reviews.
    pub(crate) reviews: SocketAddr,
    health: SocketAddr,
}

impl Webhook {
    /// Starts it with the certificate of a folder, and waits until it is ready.
    pub(crate) async fn start(certificates: &Mounted) -> Self {
        let objects = certificates.path().join("objects.yaml");
        std::fs::write(&objects, OBJECTS).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_infer-webhook"))
            .args(["--listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0", "--certificates=files"])
            .args(["--register=false", "--drain-seconds=3", "--certificate-dir"])
            .arg(certificates.path())
            .arg("--objects")
            .arg(&objects)
            .env("RUST_LOG", "infer_webhook::program=info")
            .env_remove("KUBECONFIG")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (reviews, health) = addresses(process.stderr.take().unwrap());
        let webhook = Self { process, reviews, health };
        webhook.until("it is ready", async |webhook| webhook.is_ready().await).await;
        webhook
    }

    pub(crate) async fn is_ready(&self) -> bool {
        self.page("/readyz").await.is_some_and(|page| page.starts_with("HTTP/1.1 200"))
    }

    /// Value of a metric without labels.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let page = self.page("/metrics").await.unwrap();
        let line = page.lines().find(|line| line.split(' ').next() == Some(name));
        line.unwrap_or_else(|| panic!("no metric {name}")).rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Waits until a metric is at least `least`.
    pub(crate) async fn until_metric(&self, name: &str, least: f64) {
        self.until(name, async |webhook| webhook.metric(name).await >= least).await;
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl AsyncFn(&Self) -> bool) {
        let waiting = async {
            while !is_so(self).await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "waited for: {what}");
    }

    /// Sends SIGTERM, as the kubelet does.
    pub(crate) fn terminate(&self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
    }

    /// Ends it at once, as the kernel does when memory is short.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn end(mut self) -> ExitStatus {
        let waiting = async {
            loop {
                if let Some(status) = self.process.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("it ends")
    }

    /// The most memory that it ever had.
    pub(crate) fn peak_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    async fn page(&self, path: &str) -> Option<String> {
        let mut connection = TcpStream::connect(self.health).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.ok()?;
        let mut page = String::new();
        connection.read_to_string(&mut page).await.ok()?;
        Some(page)
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where it listens, which it says in its log. The rest of the log is shown with the test's output.
fn addresses(log: impl std::io::Read + Send + 'static) -> (SocketAddr, SocketAddr) {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            eprintln!("{line}");
            let entry: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            let address = |name: &str| entry.get(name)?.as_str()?.parse::<SocketAddr>().ok();
            if let (Some(reviews), Some(health)) = (address("reviews"), address("health")) {
                let _ = sender.send((reviews, health));
            }
        }
    });
    receiver.recv_timeout(PATIENCE).expect("it says where it listens")
}
