//! The two ends of one leg: a direction reads from it while the other writes to it, both in one task.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A leg that both directions use. Unlike the halves of [`tokio::io::split`] it takes no lock and no memory of its own.
#[derive(Debug)]
pub(super) struct SharedStream<'a, S>(&'a RefCell<S>);

impl<'a, S> SharedStream<'a, S> {
    /// One direction's access to `leg`.
    pub(super) fn new(leg: &'a RefCell<S>) -> Self {
        Self(leg)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SharedStream<'_, S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for SharedStream<'_, S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_shutdown(context)
    }
}
