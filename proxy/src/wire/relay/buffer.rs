//! Buffers that a session holds only while it has bytes in them: an idle session costs none.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes read from a socket at a time; measured to be as fast as more, and kinder to the cache.
pub(super) const READ_BYTES: usize = 16 * 1024;

/// Buffers that a thread keeps for the next session that has bytes.
const SPARE_BUFFERS: usize = 64;

thread_local! {
    /// A worker's sessions never change threads, so neither do its buffers.
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that are read and not yet dealt with.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// Of no capacity while the session has no bytes.
    bytes: Vec<u8>,
    /// Bytes before this are dealt with.
    start: usize,
}

impl Buffer {
    /// What was read and is not dealt with yet.
    pub(super) fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Marks the next `count` bytes as dealt with.
    pub(super) fn advance(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.bytes.len());
        if self.start == self.bytes.len() {
            self.give_back();
        }
    }

    /// Reads once, with room for a frame of `wanted` bytes; 0 at the end of the stream. Waiting for the first byte holds no
    /// memory. Cancel safe.
    pub(super) async fn fill<R: AsyncRead + Unpin>(&mut self, from: &mut R, wanted: usize) -> io::Result<usize> {
        self.make_room(wanted);
        poll_fn(|context| {
            if self.bytes.capacity() == 0 {
                self.bytes = SPARE.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(READ_BYTES));
            }
            let polled = pin!(from.read_buf(&mut self.bytes)).poll(context);
            if self.bytes.is_empty() {
                self.give_back();
            }
            polled
        })
        .await
    }

    /// Moves what is unread to the front, and grows for a frame that does not fit.
    fn make_room(&mut self, wanted: usize) {
        if self.bytes.is_empty() {
            return;
        }
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        let room = wanted.saturating_sub(self.bytes.len()).max(HALF);
        self.bytes.reserve(room);
    }

    fn give_back(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        self.start = 0;
        bytes.clear();
        // One that grew for a long frame is not kept.
        if bytes.capacity() == READ_BYTES {
            SPARE.with_borrow_mut(|spare| {
                if spare.len() < SPARE_BUFFERS {
                    spare.push(bytes);
                }
            });
        }
    }
}

/// The least room for a further read behind bytes that wait for their frame's end.
const HALF: usize = READ_BYTES / 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_held_while_there_are_bytes() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut buffer = Buffer::default();
            let mut from: &[u8] = b"abcdef";
            assert_eq!(buffer.fill(&mut from, 0).await.unwrap(), 6);
            buffer.advance(2);
            assert_eq!(buffer.unread(), b"cdef");
            let mut more: &[u8] = b"gh";
            assert_eq!(buffer.fill(&mut more, 100_000).await.unwrap(), 2);
            assert_eq!(buffer.unread(), b"cdefgh");
            assert!(buffer.bytes.capacity() >= 100_000, "the whole frame fits");
            buffer.advance(6);
            assert_eq!(buffer.bytes.capacity(), 0);
            assert_eq!(buffer.fill(&mut more, 0).await.unwrap(), 0, "the end");
            assert_eq!(buffer.bytes.capacity(), 0);
        });
    }
}
