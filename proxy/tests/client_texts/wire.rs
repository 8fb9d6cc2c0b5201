//! Both ends of the wire, as far as the texts need them: a client that prints what it is told, and a server that takes
//! everything but the gate's placeholder.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::Sender;
use std::thread;

use super::cases::{SJIS_USER, Sent};

pub(crate) fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind];
    frame.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    frame.extend(body);
    frame
}

fn read_frame(stream: &mut impl Read) -> Option<(u8, Vec<u8>)> {
    let mut header = [0; 5];
    stream.read_exact(&mut header).ok()?;
    let length = usize::try_from(u32::from_be_bytes([header[1], header[2], header[3], header[4]])).unwrap();
    let mut body = vec![0; length - 4];
    stream.read_exact(&mut body).ok()?;
    Some((header[0], body))
}

fn startup(parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    for (name, value) in [parameters, &[("database", "dev"), ("application_name", "psql")]].concat() {
        body.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
    }
    body.push(0);
    [&u32::try_from(body.len() + 4).unwrap().to_be_bytes(), body.as_slice()].concat()
}

fn bind(value: &str) -> Vec<u8> {
    let mut body = b"\0s\0\0\0\0\x01".to_vec();
    body.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
    body.extend([value.as_bytes(), b"\0\0"].concat());
    body
}

/// Sends one message in a session of its own and prints errors and warnings to the end of the session.
pub(crate) fn talk(stream: TcpStream, parameters: &[(&str, &str)], sent: &Sent) -> String {
    let mut text = String::new();
    for (kind, body) in session(stream, parameters, sent) {
        match kind {
            b'E' => print(&mut text, "error", &body),
            b'N' => print(&mut text, "warning", &body),
            _ => {}
        }
    }
    text
}

/// Sends the same and gives every byte that comes back.
pub(crate) fn exchange(stream: TcpStream, parameters: &[(&str, &str)], sent: &Sent) -> Vec<u8> {
    session(stream, parameters, sent).into_iter().flat_map(|(kind, body)| frame(kind, &body)).collect()
}

/// Every frame of a session that sends one message and ends: what the gate adds stands before the end, however late it comes.
fn session(mut stream: TcpStream, parameters: &[(&str, &str)], sent: &Sent) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    for bytes in [startup(parameters), messages(sent)] {
        stream.write_all(&bytes).unwrap();
        if !read_until_ready(&mut stream, &mut frames) {
            return frames;
        }
    }
    stream.write_all(&frame(b'X', b"")).unwrap();
    read_until_ready(&mut stream, &mut frames);
    frames
}

/// Whether the session is ready for the next message, rather than over.
fn read_until_ready(stream: &mut TcpStream, frames: &mut Vec<(u8, Vec<u8>)>) -> bool {
    while let Some(frame) = read_frame(stream) {
        let is_ready = frame.0 == b'Z';
        frames.push(frame);
        if is_ready {
            return true;
        }
    }
    false
}

fn messages(sent: &Sent) -> Vec<u8> {
    match sent {
        Sent::Query(sql) => frame(b'Q', &[sql.as_bytes(), b"\0"].concat()),
        Sent::Bound(sql, value) => [
            frame(b'P', &[b"s\0", sql.as_bytes(), b"\0\0\0"].concat()),
            frame(b'B', &bind(value)),
            frame(b'E', b"\0\0\0\0\0"),
            frame(b'S', b""),
        ]
        .concat(),
    }
}

fn print(text: &mut String, what: &str, body: &[u8]) {
    writeln!(text, "{what}").unwrap();
    for field in body.split(|byte| *byte == 0).filter(|field| !field.is_empty()) {
        let value = String::from_utf8_lossy(&field[1..]).replace('\n', "\n    ");
        writeln!(text, "  {}: {value}", char::from(field[0])).unwrap();
    }
}

/// What a server reads, as it came.
struct Recorded {
    stream: TcpStream,
    bytes: Sender<Vec<u8>>,
}

impl Read for Recorded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.stream.read(buffer)?;
        // Whoever does not care for the bytes has let the other end go.
        let _ignored = self.bytes.send(buffer[..count].to_vec());
        Ok(count)
    }
}

impl Write for Recorded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

/// A server on a port of its own; the statements that it is sent go to `received`, and every byte to `bytes`.
pub(crate) fn server(received: Sender<String>, bytes: Sender<Vec<u8>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (received, bytes) = (received.clone(), bytes.clone());
            thread::spawn(move || serve(Recorded { stream: stream.unwrap(), bytes }, &received));
        }
    });
    port
}

fn serve(mut stream: impl Read + Write, received: &Sender<String>) -> Option<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut parameters = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap() - 4];
    stream.read_exact(&mut parameters).ok()?;
    let sjis = String::from_utf8_lossy(&parameters).contains(&format!("user\0{SJIS_USER}\0"));
    let encoding: &[u8] = if sjis { b"client_encoding\0SJIS\0" } else { b"client_encoding\0UTF8\0" };
    let ready = frame(b'Z', b"I");
    stream.write_all(&[frame(b'R', &[0; 4]), frame(b'S', encoding), ready.clone()].concat()).ok()?;
    let mut skipping = false;
    loop {
        let (kind, body) = read_frame(&mut stream)?;
        let answer = match kind {
            b'Q' => [run(&body, received), ready.clone()].concat(),
            b'S' => {
                skipping = false;
                ready.clone()
            }
            _ if skipping => Vec::new(),
            b'P' => {
                let name_end = body.iter().position(|byte| *byte == 0).unwrap();
                let answer = run(&body[name_end + 1..body.len() - 2], received);
                skipping = answer[0] == b'E';
                if skipping { answer } else { frame(b'1', b"") }
            }
            b'B' => frame(b'2', b""),
            b'E' => frame(b'C', b"CALL\0"),
            _ => return None,
        };
        stream.write_all(&answer).ok()?;
    }
}

fn run(text: &[u8], received: &Sender<String>) -> Vec<u8> {
    let text = String::from_utf8_lossy(text.strip_suffix(b"\0").unwrap_or(text)).into_owned();
    let is_refused = text.starts_with("rolegate_refused_");
    let answer = if is_refused {
        frame(b'E', format!("SERROR\0C42601\0Msyntax error at or near \"{text}\"\0P1\0\0").as_bytes())
    } else {
        frame(b'C', b"OK\0")
    };
    received.send(if is_refused { "(the placeholder)".to_owned() } else { text }).unwrap();
    answer
}
