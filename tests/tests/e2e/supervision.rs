//! Nothing of a control plane survives the process that started it.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

#[test]
fn a_killed_test_process_leaves_nothing_behind() -> Result<()> {
    let mut owner = start_control_plane()?;
    // The reader stays, or the owner would fail to write and end by itself.
    let mut stdout = BufReader::new(owner.stdout.take().context("no standard output")?);
    let facts: Vec<String> = stdout.by_ref().lines().take(3).collect::<Result<_, _>>()?;
    let group = fact(&facts, "# process group: ")?;
    let kubeconfig = fact(&facts, "export KUBECONFIG=")?;
    let folder = Path::new(kubeconfig).parent().context("the kubeconfig is in no folder")?;
    let programs = ["etcd", "kube-apiserver", "kube-controller", "kube-scheduler", "kwok"];
    let running = members(group)?;
    for program in programs {
        assert!(running.iter().any(|name| name.starts_with(program)), "{program} is not among {running:?}");
    }

    owner.kill()?; // SIGKILL: no destructor runs.
    owner.wait()?;

    let start = Instant::now();
    while !members(group)?.is_empty() || folder.exists() {
        if start.elapsed() > Duration::from_secs(15) {
            bail!("left behind: {:?}, {} exists: {}", members(group)?, folder.display(), folder.exists());
        }
        sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Starts a second control plane in a process of its own, which says where it is.
fn start_control_plane() -> Result<Child> {
    Command::new(env!("CARGO_BIN_EXE_control-plane"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the control plane")
}

fn fact<'a>(facts: &'a [String], prefix: &str) -> Result<&'a str> {
    let found = facts.iter().find_map(|line| line.strip_prefix(prefix));
    found.with_context(|| format!("no line `{prefix}…` in {facts:?}"))
}

/// Names of the living processes of a process group. One that has ended but that nobody has waited for (`Z`) is
/// not alive.
fn members(group: &str) -> Result<Vec<String>> {
    let output =
        Command::new("ps").args(["-A", "-o", "pgid=,stat=,comm="]).output().context("cannot run `ps`")?;
    let text = String::from_utf8(output.stdout)?;
    let living = text.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let (pgid, state, name) = (fields.next()?, fields.next()?, fields.next()?);
        (pgid == group && !state.starts_with('Z')).then(|| name.to_owned())
    });
    Ok(living.collect())
}
