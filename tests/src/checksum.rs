//! SHA-256 through the system's own tool.

use anyhow::{Context, Result, bail};
use std::io::Write;
use std::process::{Command, Stdio};

/// `sha256sum` is on Linux and recent macOS, `shasum` on older macOS.
const TOOLS: [&[&str]; 2] = [&["sha256sum"], &["shasum", "-a", "256"]];

/// Returns the SHA-256 of `bytes` in hexadecimal.
pub fn sha256(bytes: &[u8]) -> Result<String> {
    for tool in TOOLS {
        let mut command = Command::new(tool[0]);
        command.args(&tool[1..]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let Ok(mut child) = command.spawn() else { continue };
        child.stdin.take().context("no standard input")?.write_all(bytes)?;
        let output = child.wait_with_output()?;
        if output.status.success() {
            let text = String::from_utf8(output.stdout)?;
            return Ok(text.split_whitespace().next().unwrap_or_default().to_owned());
        }
    }
    bail!("neither `sha256sum` nor `shasum` was found on PATH; install coreutils")
}

#[cfg(test)]
mod tests {
    #[test]
    fn known_value() {
        assert_eq!(
            super::sha256(b"abc").unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
