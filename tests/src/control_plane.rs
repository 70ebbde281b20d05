//! Starting the control plane.

use crate::certificates::{Certificates, FRONT_PROXY};
use crate::namespace::{self, TestNamespace};
use crate::supervisor::Supervisor;
use crate::{binaries, crd, wait};
use anyhow::{Context, Result, anyhow, ensure};
use kube::Client;
use kube::api::{GetParams, Request};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Generous: it starts in seconds, but a machine that runs other builds is slow.
const START: Duration = Duration::from_secs(120);

/// Free ports are looked up before the programs take them, so another process may be faster, now and then.
const ATTEMPTS: usize = 3;

/// Name of the socket in the folder.
const EGRESS: &str = "egress.sock";

/// What a control plane has that others don't.
#[derive(Clone, Copy, Default)]
pub(crate) struct Settings<'a> {
    /// More flags of the controller manager.
    pub(crate) controllers: &'a [&'a str],
    /// Whether the API server reaches Pods and Services through the HTTP proxy at [`ControlPlane::egress`].
    pub(crate) has_egress: bool,
}

/// A running control plane. Its processes and its folder are gone when this process is.
pub struct ControlPlane {
    runtime: tokio::runtime::Runtime,
    client: Client,
    kubeconfig: PathBuf,
    supervisor: Supervisor,
}

impl ControlPlane {
    /// The one control plane of this process, started at first use.
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<ControlPlane, String>> = OnceLock::new();
        let started =
            SHARED.get_or_init(|| Self::start(Settings::default()).map_err(|error| format!("{error:#}")));
        started.as_ref().map_err(|error| anyhow!("the test control plane did not start: {error}"))
    }

    /// One of a test's own, for what belongs to the whole cluster and would disturb others: an API of metrics has one
    /// owner, and while nothing answers behind it discovery is incomplete for everybody.
    pub fn separate() -> Result<Self> {
        Self::start(Settings::default())
    }

    /// Starts one, and waits until it accepts Pods. Most tests use [`ControlPlane::shared`].
    pub(crate) fn start(settings: Settings<'_>) -> Result<Self> {
        for _ in 1..ATTEMPTS {
            match Self::start_once(settings) {
                Err(error) if error.to_string().contains("address already in use") => {}
                other => return other,
            }
        }
        Self::start_once(settings)
    }

    fn start_once(settings: Settings<'_>) -> Result<Self> {
        let programs = binaries::kubernetes()?;
        let supervisor = Supervisor::new()?;
        let certificates = Certificates::write(supervisor.dir())?;
        let [api_port, etcd_port, peer_port] = free_ports()?;
        let user = |name: &str, certificate: &Path, key: &Path| {
            write_kubeconfig(&supervisor.dir().join(name), api_port, &certificates.ca, certificate, key)
        };
        let kubeconfig = user("kubeconfig", &certificates.admin, &certificates.admin_key)?;
        let of_controllers =
            user("kubeconfig-controllers", &certificates.controllers, &certificates.controllers_key)?;

        let etcd = etcd(programs, supervisor.dir(), etcd_port, peer_port);
        supervisor.start("etcd", etcd)?;
        let mut api_server = api_server(programs, api_port, etcd_port, &certificates);
        if settings.has_egress {
            let configuration = supervisor.dir().join("egress.yaml");
            fs::write(&configuration, egress(&supervisor.dir().join(EGRESS)))?;
            api_server.arg(flag("egress-selector-config-file", &configuration));
        }
        supervisor.start("kube-apiserver", api_server)?;

        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let client = runtime.block_on(connect(&kubeconfig))?;
        let control_plane = Self { runtime, client, kubeconfig, supervisor };
        control_plane.wait_for_api_server()?;

        let Self { supervisor, kubeconfig, .. } = &control_plane;
        let mut controllers = controller_manager(programs, &of_controllers, &certificates);
        controllers.args(settings.controllers);
        supervisor.start("kube-controller-manager", controllers)?;
        supervisor.start("kube-scheduler", scheduler(programs, kubeconfig))?;
        supervisor.start("kwok", kwok(programs, kubeconfig)?)?;
        crd::install(&control_plane)?;
        let ready = namespace::wait_for_service_account(&control_plane, "default");
        control_plane.block_on(ready).context("start of the controller manager")?;
        Ok(control_plane)
    }

    fn wait_for_api_server(&self) -> Result<()> {
        let ready = wait::until("start of the API server", START, async || {
            self.supervisor.check()?;
            let request = Request::new("").get("readyz", &GetParams::default())?;
            Ok(match self.client.request_text(request).await {
                Ok(_) => ControlFlow::Break(()),
                Err(error) => ControlFlow::Continue(error.to_string()),
            })
        });
        self.block_on(ready)
    }

    /// A client with all rights. Its work runs on the runtime of [`ControlPlane::block_on`] only.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Waits for a future, on the runtime that serves [`ControlPlane::client`].
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Starts a future that is part of the cluster, beside the tests.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.runtime.spawn(future)
    }

    /// The kubeconfig file of an administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The folder with the programs' logs (`NAME.log`).
    pub fn logs(&self) -> &Path {
        self.supervisor.dir()
    }

    /// Socket of the HTTP proxy to Pods and Services, for [`Settings::has_egress`].
    pub(crate) fn egress(&self) -> PathBuf {
        self.supervisor.dir().join(EGRESS)
    }

    /// Id of the process group that all programs are in.
    pub fn process_group(&self) -> u32 {
        self.supervisor.process_group()
    }

    /// Starts a program that is part of the cluster, and ends with it; its log lies beside the others.
    pub(crate) fn start_program(&self, name: &'static str, command: Command) -> Result<()> {
        self.supervisor.start(name, command)
    }

    /// Fails, with the end of its log, if one of the programs has ended.
    pub(crate) fn check(&self) -> Result<()> {
        self.supervisor.check()
    }

    /// The real kubectl, talking to this control plane, without anything of the user's own configuration.
    pub fn kubectl(&self) -> Result<Command> {
        let mut command = Command::new(binaries::kubectl()?);
        self.configure(&mut command);
        Ok(command)
    }

    /// Points a command that uses kubectl's configuration at this control plane.
    pub fn configure(&self, command: &mut Command) {
        command
            .env("KUBECONFIG", &self.kubeconfig)
            // What kubectl knows about an API server is cached by address, and ports come back in later runs.
            .env("KUBECACHEDIR", self.supervisor.dir().join("kubectl-cache"))
            .env("KUBERC", "off");
    }

    /// Runs kubectl with `input` as its standard input, and returns what it prints. The error is what kubectl
    /// and the API server say.
    pub fn kubectl_with_input(&self, arguments: &[&str], input: &str) -> Result<String> {
        let mut child = self
            .kubectl()?
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("no standard input")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(String::from_utf8(output.stdout)?)
    }

    /// A new namespace for one test, with its default service account. Its Pods are only placed on nodes that
    /// are added through it.
    pub fn namespace(&self, test_name: &str) -> Result<TestNamespace<'_>> {
        TestNamespace::create(self, test_name)
    }
}

async fn connect(kubeconfig: &Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    // A proxy of the environment is not for this machine itself.
    config.proxy_url = None;
    Ok(Client::try_from(config)?)
}

/// Ports that nothing listens on. All are held until the last one is known, so that they differ.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut listeners = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

fn write_kubeconfig(path: &Path, port: u16, ca: &Path, certificate: &Path, key: &Path) -> Result<PathBuf> {
    let text = format!(
        "apiVersion: v1
kind: Config
current-context: tests
contexts:
- name: tests
  context: {{cluster: tests, user: tests}}
clusters:
- name: tests
  cluster:
    server: https://127.0.0.1:{port}
    certificate-authority: {ca}
users:
- name: tests
  user:
    client-certificate: {certificate}
    client-key: {key}
",
        ca = ca.display(),
        certificate = certificate.display(),
        key = key.display(),
    );
    fs::write(path, text)?;
    Ok(path.to_owned())
}

/// `--name=value` for a path.
fn flag(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

fn etcd(programs: &Path, dir: &Path, port: u16, peer_port: u16) -> Command {
    let (client, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer_port}"));
    let mut command = Command::new(programs.join("etcd"));
    command
        .arg(flag("data-dir", &dir.join("etcd")))
        .args([format!("--listen-client-urls={client}"), format!("--advertise-client-urls={client}")])
        .args([format!("--listen-peer-urls={peer}"), format!("--initial-advertise-peer-urls={peer}")])
        .arg(format!("--initial-cluster=default={peer}"))
        // Nothing has to survive a crash.
        .arg("--unsafe-no-fsync");
    command
}

fn api_server(programs: &Path, port: u16, etcd_port: u16, certificates: &Certificates) -> Command {
    let mut command = Command::new(programs.join("kube-apiserver"));
    command
        .arg(format!("--etcd-servers=http://127.0.0.1:{etcd_port}"))
        .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
        .arg(format!("--secure-port={port}"))
        .arg(flag("tls-cert-file", &certificates.server))
        .arg(flag("tls-private-key-file", &certificates.server_key))
        .arg(flag("client-ca-file", &certificates.ca))
        .arg(flag("service-account-key-file", &certificates.service_accounts))
        .arg(flag("service-account-signing-key-file", &certificates.service_accounts_key))
        .arg("--service-account-issuer=https://kubernetes.default.svc")
        .args(["--authorization-mode=RBAC", "--allow-privileged=true"])
        .args(["--service-cluster-ip-range=10.0.0.0/16", "--endpoint-reconciler-type=none"])
        // Extension servers, such as those of metrics, believe whom the API server speaks for.
        .arg(flag("proxy-client-cert-file", &certificates.front_proxy))
        .arg(flag("proxy-client-key-file", &certificates.front_proxy_key))
        .arg(flag("requestheader-client-ca-file", &certificates.ca))
        .arg(format!("--requestheader-allowed-names={FRONT_PROXY}"))
        .args([
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
        ])
        .arg("--requestheader-extra-headers-prefix=X-Remote-Extra-")
        // ExtendedResourceToleration: on GKE, Pods that ask for an accelerator tolerate its taint by themselves.
        // PodNodeSelector: keeps the Pods of a test on the nodes of that test, see `namespace`.
        .arg("--enable-admission-plugins=ExtendedResourceToleration,PodNodeSelector");
    command
}

/// Everything of the cluster's network goes through an HTTP proxy. (At a port, without TLS, the API server of this
/// version panics.)
fn egress(socket: &Path) -> String {
    format!(
        "apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection:
    proxyProtocol: HTTPConnect
    transport:
      uds: {{udsName: '{}'}}
",
        socket.display()
    )
}

fn controller_manager(programs: &Path, kubeconfig: &Path, certificates: &Certificates) -> Command {
    let mut command = Command::new(programs.join("kube-controller-manager"));
    command
        .arg(flag("kubeconfig", kubeconfig))
        .arg(flag("service-account-private-key-file", &certificates.service_accounts_key))
        .arg(flag("root-ca-file", &certificates.ca))
        // All controllers as one user with all rights: a service account for each would add 5 s to the start. Its
        // name begins with `system:` as theirs do, which is how admission tells the cluster's own parts.
        .args(["--use-service-account-credentials=false", "--leader-elect=false", "--secure-port=0"])
        .arg("--controllers=*,-nodeipam,-cloud-node-lifecycle")
        // Simulated machines say seldom that they live, and never again that their Pods are ready once the controller
        // took the machine for lost: after 50 s, unless told otherwise.
        .arg("--node-monitor-grace-period=24h");
    command
}

fn scheduler(programs: &Path, kubeconfig: &Path) -> Command {
    let mut command = Command::new(programs.join("kube-scheduler"));
    command.arg(flag("kubeconfig", kubeconfig)).args(["--leader-elect=false", "--secure-port=0"]);
    command
}

fn kwok(programs: &Path, kubeconfig: &Path) -> Result<Command> {
    let mut command = Command::new(programs.join("kwok"));
    command.arg(flag("kubeconfig", kubeconfig)).args(["--manage-all-nodes=true", "--cidr=10.1.0.0/16"]);
    for stage in fs::read_dir(programs.join("stages"))? {
        command.arg(flag("config", &stage?.path()));
    }
    Ok(command)
}
