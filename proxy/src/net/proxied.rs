//! The PROXY protocol: behind a load balancer the client's address stands in a header before its first byte. Source: HAProxy's
//! `doc/proxy-protocol.txt`; Elastic Load Balancing, "Network Load Balancers", Proxy protocol (version 2).

use std::io;
use std::net::SocketAddr;

use ipnet::IpNet;
use ppp::{v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Enough to tell the versions apart, and no more than the shortest header of either has.
const PREFIX_BYTES: usize = 12;

/// The longest header of version 1, its CR LF included.
const MAX_TEXT_BYTES: usize = 107;

/// The bytes of a version 2 header before its addresses.
const BINARY_HEAD_BYTES: usize = 16;

/// The most that is accepted after the fixed part of a version 2 header: addresses and a few attributes.
const MAX_BINARY_REST_BYTES: usize = 4096;

/// Whether connections from `peer` start with such a header.
#[must_use]
pub fn is_expected(peer: SocketAddr, networks: &[IpNet]) -> bool {
    let address = peer.ip().to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// Reads the header, of version 1 or 2, exactly; the client's address, or `peer` when the header names none (a load balancer's
/// own health check). Cancel safe only in that the connection is useless afterwards.
///
/// # Errors
/// The stream's, and [`io::ErrorKind::InvalidData`] when there is no such header.
pub async fn client<S: AsyncRead + Unpin>(stream: &mut S, peer: SocketAddr) -> io::Result<SocketAddr> {
    let mut header = vec![0_u8; PREFIX_BYTES];
    stream.read_exact(&mut header).await?;
    if header == v2::PROTOCOL_PREFIX {
        binary(stream, &mut header).await?;
        let parsed = v2::Header::try_from(header.as_slice()).map_err(broken)?;
        Ok(match (parsed.command, parsed.addresses) {
            (v2::Command::Proxy, v2::Addresses::IPv4(pair)) => (pair.source_address, pair.source_port).into(),
            (v2::Command::Proxy, v2::Addresses::IPv6(pair)) => (pair.source_address, pair.source_port).into(),
            _ => peer,
        })
    } else {
        text(stream, &mut header).await?;
        let parsed = v1::Header::try_from(header.as_slice()).map_err(broken)?;
        Ok(match parsed.addresses {
            v1::Addresses::Tcp4(pair) => (pair.source_address, pair.source_port).into(),
            v1::Addresses::Tcp6(pair) => (pair.source_address, pair.source_port).into(),
            v1::Addresses::Unknown => peer,
        })
    }
}

async fn binary<S: AsyncRead + Unpin>(stream: &mut S, header: &mut Vec<u8>) -> io::Result<()> {
    header.resize(BINARY_HEAD_BYTES, 0);
    stream.read_exact(header.get_mut(PREFIX_BYTES..).unwrap_or_default()).await?;
    let length = header.last_chunk::<2>().map(|length| u16::from_be_bytes(*length)).unwrap_or_default();
    let rest = usize::from(length);
    if rest > MAX_BINARY_REST_BYTES {
        return Err(broken("its length is absurd"));
    }
    header.resize(BINARY_HEAD_BYTES.saturating_add(rest), 0);
    stream.read_exact(header.get_mut(BINARY_HEAD_BYTES..).unwrap_or_default()).await.map(drop)
}

/// Byte by byte, because what follows the line belongs to the client.
async fn text<S: AsyncRead + Unpin>(stream: &mut S, header: &mut Vec<u8>) -> io::Result<()> {
    while !header.ends_with(b"\n") {
        if header.len() >= MAX_TEXT_BYTES || !header.starts_with(b"PROXY ") {
            return Err(broken("the connection does not start with one"));
        }
        header.push(stream.read_u8().await?);
    }
    Ok(())
}

fn broken(why: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no PROXY protocol header: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client's address, and what remains in the stream.
    fn read(bytes: &[u8]) -> Option<(String, usize)> {
        let mut stream = bytes;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let client = runtime.block_on(client(&mut stream, "10.0.0.9:1000".parse().unwrap())).ok()?;
        Some((client.to_string(), stream.len()))
    }

    fn binary_header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [v2::PROTOCOL_PREFIX, &[command, family], &length, rest].concat()
    }

    #[test]
    fn headers_are_read_exactly() {
        let pair = [192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x34, 0x15, 0x3f];
        let with_attribute = [&pair[..], &[0x04, 0, 1, 7]].concat();
        let rows: &[(&str, Vec<u8>, Option<&str>)] = &[
            ("version 1", b"PROXY TCP4 192.0.2.1 10.0.0.1 4660 5439\r\n".to_vec(), Some("192.0.2.1:4660")),
            ("version 1, IPv6", b"PROXY TCP6 2001:db8::1 ::1 4660 5439\r\n".to_vec(), Some("[2001:db8::1]:4660")),
            ("version 1, unknown", b"PROXY UNKNOWN\r\n".to_vec(), Some("10.0.0.9:1000")),
            ("version 2", binary_header(0x21, 0x11, &pair), Some("192.0.2.1:4660")),
            ("version 2, an attribute", binary_header(0x21, 0x11, &with_attribute), Some("192.0.2.1:4660")),
            ("version 2, local", binary_header(0x20, 0x00, b""), Some("10.0.0.9:1000")),
            ("version 2, cut addresses", binary_header(0x21, 0x11, &[1, 2, 3]), None),
            ("a StartupMessage", b"\0\0\0\x10\0\x03\0\0user\0a\0\0".to_vec(), None),
            ("a line without end", [&b"PROXY TCP4 "[..], &[b'1'; 200]].concat(), None),
            ("nothing", Vec::new(), None),
        ];
        for (name, header, want) in rows {
            let sent = [header.as_slice(), b"rest"].concat();
            let want = want.map(|address| (address.to_owned(), 4));
            assert_eq!(read(&sent), want, "{name}");
        }
    }

    #[test]
    fn trusted_networks() {
        let networks: [IpNet; 2] = ["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        for (peer, want) in
            [("10.1.2.3:1", true), ("[::ffff:10.1.2.3]:1", true), ("[2001:db8::5]:1", true), ("11.0.0.1:1", false)]
        {
            assert_eq!(is_expected(peer.parse().unwrap(), &networks), want, "{peer}");
        }
    }
}
