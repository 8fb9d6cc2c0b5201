//! The last words to a client.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::wire::answer::Report;

/// Tells the client why its session ends, where there is something to say, and that nothing more will come.
///
/// # Errors
/// The client has gone, or does not read within `limit`; it is not waited for any longer.
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
