//! Probes, ports and the end of a container's life.

use serde_json::Value;

use super::{Container, PointerBuf};

/// Which question a probe answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeKind {
    /// Whether the container has started; the others wait for it.
    Startup,
    /// Whether it can take requests.
    Readiness,
    /// Whether it must be started again.
    Liveness,
}

impl ProbeKind {
    /// Field of the container.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Startup => "startupProbe",
            Self::Readiness => "readinessProbe",
            Self::Liveness => "livenessProbe",
        }
    }
}

/// A probe, with Kubernetes' defaults where nothing is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe<'a> {
    /// Which question it answers.
    pub kind: ProbeKind,
    /// The probe itself.
    pub value: &'a Value,
    /// Where it stands in the object.
    pub at: PointerBuf,
    /// How it asks.
    pub handler: ProbeHandler<'a>,
    /// `initialDelaySeconds`, by default 0.
    pub initial_delay_seconds: u32,
    /// `periodSeconds`, by default 10.
    pub period_seconds: u32,
    /// `timeoutSeconds`, by default 1.
    pub timeout_seconds: u32,
    /// `failureThreshold`, by default 3.
    pub failure_threshold: u32,
}

/// How a probe asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeHandler<'a> {
    /// `httpGet`.
    Http {
        /// `path`, by default `/`.
        path: &'a str,
        /// `port`.
        port: Option<Port<'a>>,
    },
    /// `tcpSocket`.
    Tcp {
        /// `port`.
        port: Option<Port<'a>>,
    },
    /// `grpc`.
    Grpc {
        /// `port`.
        port: Option<Port<'a>>,
    },
    /// `exec`.
    Exec,
    /// None that can be read.
    Unknown,
}

/// A port by number or by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port<'a> {
    /// Its number.
    Number(u16),
    /// Its name among the container's ports.
    Name(&'a str),
}

/// A port that a container declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerPort<'a> {
    /// Its name.
    pub name: Option<&'a str>,
    /// `containerPort`.
    pub number: u16,
}

/// What a container does before it is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreStop {
    /// It sleeps for so many seconds, by `sleep` or by a command that says nothing else.
    Sleep(u32),
    /// It runs a command or makes a call.
    Other,
}

impl<'a> Probe<'a> {
    /// Seconds from the container's start until this probe gives up: `initialDelaySeconds + periodSeconds ×
    /// failureThreshold`.
    pub fn budget_seconds(&self) -> u64 {
        u64::from(self.initial_delay_seconds) + self.failing_seconds()
    }

    /// Seconds of failures in a row until this probe gives up on a container that once answered.
    pub fn failing_seconds(&self) -> u64 {
        u64::from(self.period_seconds) * u64::from(self.failure_threshold)
    }

    /// The port that it asks.
    pub fn port(&self) -> Option<Port<'a>> {
        match self.handler {
            ProbeHandler::Http { port, .. } | ProbeHandler::Tcp { port } | ProbeHandler::Grpc { port } => {
                port
            }
            ProbeHandler::Exec | ProbeHandler::Unknown => None,
        }
    }

    fn of(kind: ProbeKind, value: &'a Value, at: PointerBuf) -> Self {
        // The API server takes 0 for "not set".
        let number = |name: &str, default: u32| {
            let written =
                value.get(name).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
            written.filter(|number| *number > 0).unwrap_or(default)
        };
        Self {
            kind,
            handler: ProbeHandler::of(value),
            initial_delay_seconds: number("initialDelaySeconds", 0),
            period_seconds: number("periodSeconds", 10),
            timeout_seconds: number("timeoutSeconds", 1),
            failure_threshold: number("failureThreshold", 3),
            value,
            at,
        }
    }
}

impl<'a> ProbeHandler<'a> {
    fn of(probe: &'a Value) -> Self {
        let port = |handler: &'a Value| handler.get("port").and_then(Port::of);
        if let Some(http) = probe.get("httpGet") {
            let path = http.get("path").and_then(Value::as_str).unwrap_or("/");
            return Self::Http { path, port: port(http) };
        }
        if let Some(socket) = probe.get("tcpSocket") {
            return Self::Tcp { port: port(socket) };
        }
        if let Some(grpc) = probe.get("grpc") {
            return Self::Grpc { port: port(grpc) };
        }
        if probe.get("exec").is_some() { Self::Exec } else { Self::Unknown }
    }
}

impl<'a> Port<'a> {
    fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::Number(number) => {
                number.as_u64().and_then(|number| u16::try_from(number).ok()).map(Self::Number)
            }
            Value::String(name) => Some(name.parse().map_or(Self::Name(name), Self::Number)),
            _ => None,
        }
    }
}

impl<'a> Container<'a> {
    /// The probe of this kind.
    pub fn probe(&self, kind: ProbeKind) -> Option<Probe<'a>> {
        let value = self.value.get(kind.field()).filter(|value| value.is_object())?;
        Some(Probe::of(kind, value, self.pointer([kind.field()])))
    }

    /// The ports that it declares.
    pub fn ports(&self) -> impl Iterator<Item = ContainerPort<'a>> + use<'a> {
        let list = self.value.get("ports").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(|port| {
            let number = port.get("containerPort")?.as_u64()?;
            let name = port.get("name").and_then(Value::as_str);
            Some(ContainerPort { name, number: u16::try_from(number).ok()? })
        })
    }

    /// The number of `port`, by its name among the declared ones.
    pub fn port_number(&self, port: Port<'_>) -> Option<u16> {
        match port {
            Port::Number(number) => Some(number),
            Port::Name(name) => self.ports().find(|port| port.name == Some(name)).map(|port| port.number),
        }
    }

    /// What it does before it is stopped: `lifecycle.preStop`.
    pub fn pre_stop(&self) -> Option<PreStop> {
        let hook = self.value.get("lifecycle")?.get("preStop").filter(|hook| hook.is_object())?;
        let sleep = hook.get("sleep").and_then(|sleep| sleep.get("seconds")).and_then(Value::as_u64);
        if let Some(seconds) = sleep {
            return Some(PreStop::Sleep(u32::try_from(seconds).unwrap_or(u32::MAX)));
        }
        let command = hook.get("exec").and_then(|exec| exec.get("command")).and_then(Value::as_array);
        let last = command.and_then(|words| words.last()).and_then(Value::as_str).unwrap_or_default();
        let seconds = last.trim().strip_prefix("sleep ").unwrap_or(last).trim();
        let sleeps =
            command.is_some_and(|words| words.iter().any(|word| word.as_str().is_some_and(is_sleep)));
        match seconds.trim_end_matches('s').parse() {
            Ok(seconds) if sleeps => Some(PreStop::Sleep(seconds)),
            _ => Some(PreStop::Other),
        }
    }
}

fn is_sleep(word: &str) -> bool {
    let program = word.split_whitespace().next().unwrap_or_default();
    program == "sleep" || program.ends_with("/sleep")
}
