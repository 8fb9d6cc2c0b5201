//! The listening sockets of all gates: bound here, or handed over by systemd.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use tracing::debug;

use crate::config::{Config, GateSection};
use crate::net::listener::{self, Bound, Sharing};
use crate::serve::error::ServeError;
use crate::session::service::Service;

/// The sockets of one of a gate's addresses.
#[derive(Debug)]
pub(super) struct GateSockets {
    /// Whose connections they take.
    pub(super) service: Arc<Service>,
    /// At most one a worker.
    pub(super) bound: Vec<Bound>,
    /// Another process has the address too, or will: it gets the connections that come during a drain.
    pub(super) is_shared: bool,
}

/// Binds every gate's addresses; a socket that systemd hands over for one of them is used instead of a new one.
pub(super) fn bind(config: &Config, services: &[Arc<Service>], workers: usize) -> Result<Vec<GateSockets>, ServeError> {
    let mut inherited = listener::inherited()?;
    let mut sockets = Vec::new();
    for (gate, service) in config.gate.iter().zip(services) {
        let handed = inherited.iter().position(|(address, _)| *address == gate.listen);
        let is_shared = handed.is_some() || config.runtime.reuse_port;
        let bound = match handed.map(|place| inherited.swap_remove(place)) {
            Some((_, socket)) => copies(&socket, workers),
            None => bind_all(gate.listen, workers, config.runtime.reuse_port),
        };
        let failed =
            |source| ServeError::Listen { section: format!("[[gate]] {}", gate.name), address: gate.listen, source };
        let bound = bound.map_err(failed)?.into_iter().map(Bound::Tcp).collect();
        sockets.push(GateSockets { service: Arc::clone(service), bound, is_shared });
        let unix = unix(gate)?.map(|unix| vec![unix]);
        sockets.extend(unix.map(|bound| GateSockets { service: Arc::clone(service), bound, is_shared: false }));
    }
    match inherited.first() {
        None => Ok(sockets),
        Some((address, _)) => Err(ServeError::Inherited { address: *address }),
    }
}

/// A socket for every worker. Unless another process may have the address too, it is first taken alone, since sharing would
/// hide that another program has it.
fn bind_all(address: SocketAddr, workers: usize, is_shared: bool) -> io::Result<Vec<TcpListener>> {
    if !is_shared {
        drop(listener::bind(address, Sharing::Exclusive)?);
    }
    (0..workers).map(|_worker| listener::bind(address, Sharing::ReusePort)).collect()
}

fn copies(socket: &TcpListener, workers: usize) -> io::Result<Vec<TcpListener>> {
    (0..workers).map(|_worker| socket.try_clone()).collect()
}

fn unix(gate: &GateSection) -> Result<Option<Bound>, ServeError> {
    let Some(path) = &gate.unix_socket else { return Ok(None) };
    let failed = |source| ServeError::Unix { gate: gate.name.clone(), path: path.clone(), source };
    listener::bind_unix(path).map(|socket| Some(Bound::Unix(socket))).map_err(failed)
}

/// Removes the Unix sockets from the file system.
pub(super) fn clean_up(config: &Config) {
    for path in config.gate.iter().filter_map(|gate| gate.unix_socket.as_ref()) {
        if let Err(error) = fs::remove_file(path) {
            debug!(path = %path.display(), %error, "the socket cannot be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::gate::policy::Parts;
    use crate::session::service::tests::{service, settings};

    /// A configuration of one gate at this address, with more keys of it.
    fn config(folder: &Path, listen: SocketAddr, keys: &str) -> Config {
        let path = folder.join("rolegate.toml");
        let upstream = "[gate.upstream]\naddress = \"localhost:5439\"\n";
        fs::write(&path, format!("[[gate]]\nname = \"g\"\nlisten = \"{listen}\"\n{keys}\n{upstream}")).unwrap();
        Config::load(&path).unwrap()
    }

    fn bound(config: &Config, workers: usize) -> Result<Vec<GateSockets>, String> {
        let services = [service(Parts::without_facts(), settings())];
        bind(config, &services, workers).map_err(|error| error.to_string())
    }

    fn free_address() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    #[test]
    fn every_worker_has_a_socket_of_each_address() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let config = config(folder.path(), free_address(), &format!("unix_socket = \"{}\"", path.display()));
        let sockets = bound(&config, 3).unwrap();
        let counts: Vec<_> = sockets.iter().map(|gate| (gate.bound.len(), gate.is_shared)).collect();
        assert_eq!(counts, [(3, false), (1, false)], "a Unix socket has one worker");
        assert!(path.exists());
        drop(sockets);
        clean_up(&config);
        assert!(!path.exists(), "the next start finds the path free");
        clean_up(&config);
    }

    #[test]
    fn an_address_that_another_program_has_is_named_with_its_gate() {
        let folder = tempfile::tempdir().unwrap();
        // It would share the address, were it asked.
        let other = listener::bind(([127, 0, 0, 1], 0).into(), Sharing::ReusePort).unwrap();
        let address = other.local_addr().unwrap();
        let told = bound(&config(folder.path(), address, ""), 1).unwrap_err();
        assert!(told.starts_with(&format!("[[gate]] g: cannot listen on {address}: ")), "{told}");
        let told = bound(&config(folder.path(), free_address(), "unix_socket = \"no/such/folder/s\""), 1).unwrap_err();
        assert!(told.contains("[[gate]] g: cannot listen on ") && told.contains("no/such/folder/s"), "{told}");
    }

    #[test]
    fn an_address_is_shared_with_the_next_process_when_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path(), free_address(), "");
        config.runtime.reuse_port = true;
        let first = bound(&config, 1).unwrap();
        let second = bound(&config, 1).unwrap();
        assert!(first.iter().chain(&second).all(|gate| gate.is_shared && gate.bound.len() == 1));
    }
}
