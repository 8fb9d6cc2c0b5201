//! Bytes passing in one direction: read, decided about, and written as they came unless some were changed.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::wire::frame::{self, HEADER_BYTES, Header};
use crate::wire::relay::buffer::{Buffer, READ_BYTES};

/// One direction's bytes.
#[derive(Debug, Default)]
pub(super) struct Passage {
    buffer: Buffer,
    /// What is written when some bytes were changed.
    out: Vec<u8>,
    /// Bytes before this are decided about.
    decided: usize,
    /// Bytes before this are in `out`, or were dropped.
    copied: usize,
}

impl Passage {
    /// Reads once, with room for a frame of `wanted` bytes; 0 at the end of the stream. Cancel safe.
    pub(super) async fn fill<R: AsyncRead + Unpin>(&mut self, from: &mut R, wanted: usize) -> io::Result<usize> {
        self.buffer.fill(from, wanted).await
    }

    /// What was read and is not decided about yet.
    pub(super) fn ahead(&self) -> &[u8] {
        self.buffer.unread().get(self.decided..).unwrap_or_default()
    }

    /// The body of the frame ahead; `None` while it is not complete.
    pub(super) fn body(&self, header: Header) -> Option<&[u8]> {
        self.ahead().get(HEADER_BYTES..header.frame_bytes())
    }

    /// Lets the next bytes pass as they came, and returns how many of `count` there were.
    pub(super) fn pass(&mut self, count: usize) -> usize {
        let passed = count.min(self.ahead().len());
        self.decided = self.decided.saturating_add(passed);
        passed
    }

    /// Drops the next bytes, and returns how many of `count` there were.
    pub(super) fn leave_out(&mut self, count: usize) -> usize {
        self.keep();
        let dropped = self.pass(count);
        self.copied = self.decided;
        dropped
    }

    /// Where bytes of our own go: behind everything decided so far.
    pub(super) fn insert(&mut self) -> &mut Vec<u8> {
        self.keep();
        &mut self.out
    }

    /// Lets the frame ahead pass with `addition` inserted at byte `at` of its body, or as it came if that were too long.
    pub(super) fn pass_with(&mut self, header: Header, at: usize, addition: &[u8]) {
        self.keep();
        let body = self.buffer.unread().get(self.decided..).unwrap_or_default();
        let body = body.get(HEADER_BYTES..header.frame_bytes()).unwrap_or_default();
        let (before, after) = body.split_at_checked(at).unwrap_or((body, &[]));
        let is_changed = frame::append(&mut self.out, header.kind, &[before, addition, after]);
        self.pass(header.frame_bytes());
        if is_changed {
            self.copied = self.decided;
        }
    }

    /// Copies to `out` what is decided and not yet there.
    fn keep(&mut self) {
        self.out.extend_from_slice(self.buffer.unread().get(self.copied..self.decided).unwrap_or_default());
        self.copied = self.decided;
    }

    /// Writes everything decided in one call, straight from the buffer if nothing was changed, and returns how many bytes. Not cancel safe.
    pub(super) async fn write<W: AsyncWrite + Unpin>(&mut self, to: &mut W) -> io::Result<usize> {
        let unchanged = self.buffer.unread().get(self.copied..self.decided).unwrap_or_default();
        let bytes = if self.out.is_empty() {
            unchanged
        } else {
            self.out.extend_from_slice(unchanged);
            &self.out
        };
        let count = bytes.len();
        if count > 0 {
            to.write_all(bytes).await?;
            to.flush().await?;
        }
        self.out.clear();
        self.out.shrink_to(READ_BYTES);
        self.buffer.advance(self.decided);
        (self.decided, self.copied) = (0, 0);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_stands_where_it_was() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut passage = Passage::default();
            let mut from: &[u8] = b"abXYcdQ\0\0\0\x07s1\0rest";
            passage.fill(&mut from, 0).await.unwrap();
            assert_eq!(passage.pass(2), 2);
            assert_eq!(passage.leave_out(2), 2);
            passage.insert().extend_from_slice(b"--");
            passage.pass(2);
            let header = frame::header(passage.ahead()).unwrap().unwrap();
            assert_eq!(passage.body(header), Some(&b"s1\0"[..]));
            passage.pass_with(header, 2, b" c");
            let mut written = Vec::new();
            assert_eq!(passage.write(&mut written).await.unwrap(), written.len());
            assert_eq!(written, b"ab--cdQ\0\0\0\x09s1 c\0");
            assert_eq!(passage.ahead(), b"rest");
            assert_eq!(passage.leave_out(9), 4);
            assert!(passage.ahead().is_empty());
            assert_eq!(passage.write(&mut written).await.unwrap(), 0);
        });
    }
}
