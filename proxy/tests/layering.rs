//! The rooms stand in one order; a room may name only rooms before it, and a foreign crate stays in its room.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use std::fs;
use std::path::Path;

const ORDER: [&str; 13] =
    ["net", "wire", "sql", "chain", "iam", "rules", "gate", "observe", "admin", "config", "session", "serve", "cli"];

/// Crates whose types stand in no other room's code.
const AT_HOME: [(&str, &[&str]); 8] = [
    ("tokio_postgres", &["serve"]),
    ("sqlparser", &["sql"]),
    ("rustls", &["net"]),
    ("cedar_policy", &["rules"]),
    ("moka", &["gate", "iam"]),
    ("aws_config", &["iam"]),
    ("prometheus", &["observe"]),
    ("pgwire", &["wire"]),
];

fn rust_text(path: &Path) -> String {
    if path.is_dir() {
        fs::read_dir(path).unwrap().map(|entry| rust_text(&entry.unwrap().path())).collect()
    } else {
        fs::read_to_string(path).unwrap_or_default()
    }
}

fn room_text(room: &str) -> String {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    rust_text(&src.join(format!("{room}.rs"))) + &rust_text(&src.join(room))
}

/// Whether a text names a crate; `tokio_rustls::` does not name `rustls`.
fn names(text: &str, name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let path = format!("{name}::");
    text.match_indices(&path).any(|(at, _)| at == 0 || !is_letter(text.as_bytes()[at - 1]))
}

#[test]
fn rooms_name_only_earlier_rooms() {
    for (place, room) in ORDER.iter().enumerate() {
        let text = room_text(room);
        assert!(!text.is_empty(), "{room} has no source");
        for later in &ORDER[place + 1..] {
            assert!(!text.contains(&format!("crate::{later}")), "{room} names {later}");
        }
    }
}

#[test]
fn foreign_crates_stay_at_home() {
    for (name, homes) in AT_HOME {
        for room in ORDER.iter().filter(|room| !homes.contains(room)) {
            assert!(!names(&room_text(room), name), "{room} names the crate {name}");
        }
    }
}
