//! Headers, messages and start-up packets: nothing panics, and what is found lies within the bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rolegate::wire::startup::StartupMessage;
use rolegate::wire::{frame, message};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Some(header)) = frame::header(bytes) {
        assert!(header.frame_bytes() >= frame::HEADER_BYTES);
        assert!(header.frame_bytes() <= frame::HEADER_BYTES + frame::MAX_BODY_BYTES);
    }
    for parsed in [message::query(bytes), message::parse(bytes)].into_iter().flatten() {
        assert!(parsed.name.is_none_or(|name| name.end <= bytes.len()) && parsed.text.end <= bytes.len());
        assert!(!bytes[parsed.text].contains(&0));
    }
    if let Ok(bind) = message::bind(bytes) {
        assert!(bind.statement.end <= bytes.len());
        assert!(bind.values.iter().all(|value| value.start <= value.end && value.end <= bytes.len()));
    }
    if let Ok(Some(name)) = message::close(bytes) {
        assert!(name.end <= bytes.len());
    }
    if let Ok(startup) = StartupMessage::read(bytes) {
        assert!(startup.packet.len() <= bytes.len());
    }
});
