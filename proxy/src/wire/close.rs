//! Ending a client's connection with a reason.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::wire::answer::Report;

/// Tells the client why its session ends, if there is a reason to give, and closes the sending side.
///
/// # Errors
/// The client has gone, or did not read within `limit`.
pub async fn close_with<W: AsyncWrite + Unpin>(
    mut frontend: W,
    report: Option<&Report>,
    limit: Duration,
) -> io::Result<()> {
    let said = async {
        if let Some(report) = report {
            frontend.write_all(&report.fatal()).await?;
        }
        frontend.shutdown().await
    };
    timeout(limit, said).await?
}
