//! `autoscaling watch`.

mod scene;
mod view;

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use crate::arguments::{ClusterOptions, WatchAutoscaling};
use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::output::Outcome;

use self::scene::Watched;
use self::view::View;

/// `autoscaling watch`.
pub(crate) fn watch(cluster: &ClusterOptions, options: &WatchAutoscaling) -> Result<Outcome, Failure> {
    let cluster = Cluster::connect(cluster, &options.connection)?;
    let watched = Watched::new(&cluster, &options.name)?;
    let mut view = View::new(io::stdout().is_terminal());
    cluster.block_on(async {
        let begun = Instant::now();
        loop {
            let scene = watched.look().await?;
            // Whoever reads may leave early: that is the end, and no failure.
            if show(&view.next(begun.elapsed(), &scene)).is_err() {
                return Ok(());
            }
            if options.timeout.is_some_and(|timeout| begun.elapsed() >= timeout) {
                return Ok(());
            }
            tokio::time::sleep(options.interval).await;
        }
    })?;
    Ok(Outcome::print(String::new()))
}

fn show(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
