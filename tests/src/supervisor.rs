//! Ends the control plane's processes when the test process ends, however it ends.
//!
//! A test process may be killed, and statics are never dropped, so no destructor can be relied on. Instead two
//! small shells read from pipes whose other ends only this process holds; the system closes those ends when this
//! process is gone, whatever the cause:
//!
//! * the *leader* only keeps a process group in existence that the programs are started in;
//! * the *watchdog*, outside that group, kills the group and removes the folder.

use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

/// SIGKILL: an API server whose etcd is gone hangs in its graceful shutdown for minutes. The loop is for
/// processes that are just being started; it is bounded because processes that nobody has reaped yet count as
/// existing. (`kill -KILL -- …`, without `-s`, is an error in dash.)
const WATCHDOG: &str = r#"
cat > /dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do
  kill -s KILL -- "-$1" || break
  sleep 0.1
done
rm -rf -- "$2"
"#;

/// Lines of a program's log that an error shows.
const TAIL: usize = 15;

/// A process group and a folder that do not outlive this process.
pub(crate) struct Supervisor {
    dir: PathBuf,
    leader: Child,
    watchdog: Child,
    programs: Mutex<Vec<Program>>,
}

struct Program {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Supervisor {
    /// Makes the folder and the two shells.
    pub(crate) fn new() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("kubectl-infer-tests-").tempdir()?.keep();
        let leader = shell("read -r _").spawn().context("cannot start `sh`")?;
        let watchdog = shell(WATCHDOG)
            .args(["watchdog", &leader.id().to_string()])
            .arg(&dir)
            .spawn()
            .context("cannot start `sh`")?;
        Ok(Self { dir, leader, watchdog, programs: Mutex::default() })
    }

    /// The folder that is removed at the end.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Id of the process group of all programs.
    pub(crate) fn process_group(&self) -> u32 {
        self.leader.id()
    }

    /// Starts a program; what it prints goes to `NAME.log` in the folder.
    pub(crate) fn start(&self, name: &'static str, mut command: Command) -> Result<()> {
        let log = self.dir.join(format!("{name}.log"));
        let file = File::create(&log)?;
        let child = command
            .process_group(self.leader.id().cast_signed())
            .env("HOME", &self.dir)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        if let Ok(mut programs) = self.programs.lock() {
            programs.push(Program { name, child, log });
        }
        Ok(())
    }

    /// Fails with the end of its log if a program has ended.
    pub(crate) fn check(&self) -> Result<()> {
        let Ok(mut programs) = self.programs.lock() else { return Ok(()) };
        for program in programs.iter_mut() {
            if let Some(status) = program.child.try_wait()? {
                bail!("{} has ended ({status}). The end of its log:\n{}", program.name, tail(&program.log));
            }
        }
        Ok(())
    }
}

impl Drop for Supervisor {
    /// Only for a control plane that failed to start: the shared one lives in a static.
    fn drop(&mut self) {
        drop((self.leader.stdin.take(), self.watchdog.stdin.take()));
        if let Ok(programs) = self.programs.get_mut() {
            programs.iter_mut().for_each(|program| drop(program.child.wait()));
        }
        drop((self.leader.wait(), self.watchdog.wait()));
    }
}

/// A shell in a group of its own, so that Ctrl-C in a terminal does not reach it before it has cleaned up.
/// It must not hold the test's output, or `cargo test | less` would wait for it.
fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", script])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}
