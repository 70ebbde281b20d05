//! A port that leads to others: a Service in front of replicas, or a network that can be cut.

use anyhow::Result;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A port that leads to others, one after the other for each new connection. The port stays taken as long as the
/// process lives.
pub struct Relay {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    targets: Vec<u16>,
    next: usize,
    open: Vec<TcpStream>,
}

impl Relay {
    /// A port that leads nowhere yet: connections are closed at once.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let _ = connect(&shared, client);
            }
        });
        Ok(Self { port, state })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// New connections lead to `targets`. Open ones stay.
    pub fn lead_to(&self, targets: &[u16]) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).targets = targets.to_vec();
    }

    /// Cuts all connections, and lets no new ones through.
    pub fn cut(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.targets.clear();
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn connect(state: &Mutex<State>, client: TcpStream) -> io::Result<()> {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    if state.targets.is_empty() {
        return Ok(());
    }
    let index = state.next % state.targets.len();
    state.next += 1;
    let Some(target) = state.targets.get(index) else { return Ok(()) };
    let server = TcpStream::connect(("127.0.0.1", *target))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    state.open.extend([client.try_clone()?, server.try_clone()?]);
    let (from_client, from_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || copy(from_client, server));
    thread::spawn(move || copy(from_server, client));
    Ok(())
}

/// Copies until one side ends, and ends the other.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 << 10];
    while let Ok(length) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
