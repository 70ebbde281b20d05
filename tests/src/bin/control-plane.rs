//! Runs the test control plane by itself, to try things by hand: `cargo run -p infer-tests --bin control-plane`.
//! It ends with its standard input, or when it is killed.

use anyhow::Result;
use infer_tests::ControlPlane;
use std::io;

fn main() -> Result<()> {
    let control_plane = ControlPlane::shared()?;
    println!("export KUBECONFIG={}", control_plane.kubeconfig().display());
    println!("# logs: {}/*.log", control_plane.logs().display());
    println!("# process group: {}", control_plane.process_group());
    println!("# Ctrl-D or Ctrl-C ends it.");
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
