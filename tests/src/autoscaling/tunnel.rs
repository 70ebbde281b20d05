//! The way from the API server into the cluster's network.
//!
//! KWOK gives Pods addresses that nobody listens at. As GKE's API server does, ours reaches Pods through a proxy
//! (`EgressSelectorConfiguration`, HTTP CONNECT), and at the other end of a tunnel to a Pod is its model server.

use super::servers::Servers;
use anyhow::{Context, Result, bail};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener, UnixStream};

/// Longest request for a tunnel.
const HEAD: usize = 4096;

pub(super) async fn serve(listener: UnixListener, servers: Servers) {
    while let Ok((connection, _)) = listener.accept().await {
        let servers = servers.clone();
        tokio::spawn(async move {
            // A client that goes away, or a Pod that is gone: the API server says so to whoever asked.
            drop(tunnel(connection, &servers).await);
        });
    }
}

async fn tunnel(mut connection: UnixStream, servers: &Servers) -> Result<()> {
    const OPEN: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
    let (host, port) = target(&mut connection).await?;
    if host == "localhost" || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback()) {
        let mut there = TcpStream::connect((host, port)).await?;
        connection.write_all(OPEN).await?;
        tokio::io::copy_bidirectional(&mut connection, &mut there).await?;
        return Ok(());
    }
    let Some(namespace) = servers.namespace_of(&host).await? else {
        connection.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await?;
        return Ok(());
    };
    connection.write_all(OPEN).await?;
    let service = TowerToHyperService::new(servers.routes(&namespace));
    let served = auto::Builder::new(TokioExecutor::new());
    drop(served.serve_connection(TokioIo::new(connection), service).await);
    Ok(())
}

/// Reads `CONNECT HOST:PORT …` to the end of its headers; nothing follows before the answer.
async fn target(connection: &mut UnixStream) -> Result<(String, u16)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > HEAD || connection.read_buf(&mut head).await? == 0 {
            bail!("no request for a tunnel");
        }
    }
    let text = String::from_utf8(head)?;
    let target = text.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
    let (host, port) = target.and_then(|target| target.rsplit_once(':')).context("no target")?;
    Ok((host.to_owned(), port.parse()?))
}
