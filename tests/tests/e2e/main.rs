//! End-to-end tests. All of them are one program, so that one control plane serves the run.

mod admission;
mod autoscaling;
mod chart;
mod cluster;
mod installation;
mod krew;
mod lint;
mod manifests;
mod policy;
mod program;
mod rollout;
mod scaling;
mod scheduling;
mod sidecar;
mod strictness;
mod supervision;
mod variants;
mod walk;
mod webhook;
mod webhook_command;
