//! A small company at work at the demo: users who load, unload and look, by good chains and bad ones, so that whoever opens the console
//! sees life. One of them comes by a door that the gate does not see.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::demo::Addresses;

/// How long somebody thinks between two statements, in milliseconds.
const THINKS: std::ops::Range<u64> = 3_000..12_000;
/// The same for the first statements, so that there is something to see at once.
const HURRIES: std::ops::Range<u64> = 100..900;
/// How many of them there are of each.
const FIRST: usize = 6;
/// Before somebody who was turned away tries again.
const PAUSE: Duration = Duration::from_secs(5);
/// What the stand-in sends is never larger.
const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// By which way somebody comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Door {
    /// As all should.
    Gate,
    /// To the cluster itself, where the gate sees nothing.
    Cluster,
}

/// Somebody with a tool, and what is done with it over and over.
#[derive(Clone, Copy, Debug)]
struct Worker {
    user: &'static str,
    application: &'static str,
    door: Door,
    /// The first of them is done first: others read what it writes. `<RoleA>` stands for the ARN of a role.
    tasks: &'static [&'static str],
}

const STAGING: &str = "create table if not exists venue_staging as select * from venue where 1 = 0";

static WORKERS: [Worker; 6] = [
    Worker {
        user: "etl",
        application: "partners",
        door: Door::Gate,
        tasks: &[
            // Goes on, as a rule that would refuse it is only tried out.
            "unload ('select * from venue') to 's3://companyb/partners/venues_' iam_role '<RoleA>,<RoleB>'",
            // Goes on, as no facts tell whether the trust policy's condition holds.
            "unload ('select venuename from venue') to 's3://companyb/company/names_' iam_role '<RoleA>,<RolePartner>'",
        ],
    },
    Worker {
        user: "etl",
        application: "airflow",
        door: Door::Gate,
        tasks: &[
            "unload ('select * from venue') to 's3://companyb/company/venues_' iam_role '<RoleA>,<RoleB>'",
            "unload ('select * from venue') to 's3://companyb/company/venues_' iam_role '<RoleA>,<RoleB>'",
            "unload ('select venuecity, count(*) from venue group by venuecity') to 's3://companyb/company/cities_' iam_role '<RoleA>,<RoleEtl>'",
            "unload ('select * from venue') to 's3://companyb/company/archive_' iam_role '<RoleA>,<RoleB>,<RoleC>'",
            "unload ('select * from venue') to 's3://companyb/company/old_' iam_role '<RoleB>'",
        ],
    },
    Worker {
        user: "etl",
        application: "dbt",
        door: Door::Gate,
        tasks: &[
            "select count(*) from venue_staging",
            "delete from venue_staging; copy venue_staging from 's3://companyb/company/venues_' iam_role '<RoleA>,<RoleB>'",
            "delete from venue_staging; copy venue_staging from 's3://companyb/company/venues_' iam_role '<RoleA>,<RoleB>'",
            "create external schema if not exists spectrum from data catalog database 'venues' iam_role '<RoleA>'",
            "create or replace external function mask_email(varchar) returns varchar stable lambda 'mask-email' iam_role '<RoleA>'",
            "create model demand from venue target venueseats function predict_demand iam_role '<RoleA>' settings (s3_bucket 'companyb-models')",
            "call load_venues()",
            "copy venue_staging from 's3://companyb/company/venues_' iam_role '<RoleA>, <RoleB>'",
            "copy venue_staging from 's3://companyb/company/venues_' iam_role '<RoleA>,<RoleD>'",
        ],
    },
    Worker {
        user: "analyst",
        application: "Tableau",
        door: Door::Gate,
        tasks: &[
            "select venuestate, count(*) from venue group by venuestate",
            "select venueid, sum(pricepaid) from lake.sales group by venueid",
            "select count(*) from lake_sales",
            "unload ('select * from venue') to 's3://companyb/company/report_' iam_role '<RoleA>,<RoleB>'",
            "copy venue_staging from 's3://companyb/company/venues_' iam_role '<RoleA>,<RoleB>'",
        ],
    },
    Worker {
        user: "analyst",
        application: "notebook",
        door: Door::Gate,
        tasks: &[
            "select * from venue limit 5",
            "select mask_email(venuename), predict_churn(venueid) from venue limit 5",
            "create external schema if not exists scratch from data catalog database 'scratch' iam_role '<RoleA>'",
            "unload ('select * from venue') to 's3://companyb/company/cities_' iam_role '<RoleA>,<RoleEtl>'",
            "copy venue_staging from 's3://companyb/company/venues_' iam_role '<RoleA>,<RoleX>'",
        ],
    },
    Worker {
        user: "etl",
        application: "nightly",
        door: Door::Cluster,
        tasks: &[
            "unload ('select * from venue') to 's3://companyb/company/nightly_' iam_role '<RoleA>,<RoleB>'",
            "create external schema if not exists nightly from data catalog database 'nightly' iam_role '<RoleA>,<RoleB>'",
        ],
    },
];

/// Works for ever.
pub async fn work(addresses: Addresses) {
    let all = WORKERS.iter().zip(1..).map(|(worker, seed)| {
        let address = match worker.door {
            Door::Gate => addresses.gate,
            Door::Cluster => addresses.standin,
        };
        days(worker, address, StdRng::seed_from_u64(seed))
    });
    futures::future::join_all(all).await;
}

/// One session after the other, each until it is ended.
async fn days(worker: &Worker, address: SocketAddr, mut chance: StdRng) {
    let mut done = 0;
    loop {
        if let Err(error) = day(worker, address, &mut chance, &mut done).await {
            tracing::debug!(application = worker.application, %error, "somebody of the company was turned away");
        }
        sleep(PAUSE).await;
    }
}

async fn day(worker: &Worker, address: SocketAddr, chance: &mut StdRng, done: &mut usize) -> io::Result<()> {
    let mut socket = login(worker, address).await?;
    query(&mut socket, STAGING).await?;
    if let Some(first) = worker.tasks.first() {
        query(&mut socket, &spelled(first)).await?;
    }
    loop {
        let thinks = if *done < FIRST { HURRIES } else { THINKS };
        sleep(Duration::from_millis(chance.random_range(thinks))).await;
        let Some(task) = worker.tasks.choose(chance) else { return Ok(()) };
        query(&mut socket, &spelled(task)).await?;
        *done = done.saturating_add(1);
    }
}

/// A task with the ARNs of its roles.
fn spelled(task: &str) -> String {
    let text = task.replace("<RoleA>", "arn:aws:iam::123456789012:role/RoleA");
    text.replace('<', "arn:aws:iam::210987654321:role/").replace('>', "")
}

async fn login(worker: &Worker, address: SocketAddr) -> io::Result<TcpStream> {
    let mut socket = TcpStream::connect(address).await?;
    let mut body = BytesMut::new();
    // Protocol 3.0; PostgreSQL documentation, "Message Formats", StartupMessage.
    body.put_i32(3 << 16);
    for text in ["user", worker.user, "database", "dev", "application_name", worker.application] {
        body.put_slice(text.as_bytes());
        body.put_u8(0);
    }
    body.put_u8(0);
    send(&mut socket, None, &body).await?;
    until_ready(&mut socket).await?;
    Ok(socket)
}

async fn query(socket: &mut TcpStream, text: &str) -> io::Result<()> {
    send(socket, Some(b'Q'), &[text.as_bytes(), b"\0"].concat()).await?;
    until_ready(socket).await
}

async fn send(socket: &mut TcpStream, kind: Option<u8>, body: &[u8]) -> io::Result<()> {
    let mut message = BytesMut::new();
    message.extend(kind);
    let length = body.len().saturating_add(4);
    message.put_i32(i32::try_from(length).map_err(io::Error::other)?);
    message.put_slice(body);
    socket.write_all(&message).await
}

/// Reads up to ReadyForQuery, and shows the password where it is asked for. A refusal is an answer like any other.
async fn until_ready(socket: &mut TcpStream) -> io::Result<()> {
    loop {
        let kind = socket.read_u8().await?;
        let length = usize::try_from(socket.read_i32().await?).ok().and_then(|length| length.checked_sub(4));
        let Some(length) = length.filter(|length| *length <= MAX_MESSAGE_BYTES) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let mut body = vec![0; length];
        socket.read_exact(&mut body).await?;
        match kind {
            b'Z' => return Ok(()),
            // AuthenticationCleartextPassword.
            b'R' if body == [0, 0, 0, 3] => send(socket, Some(b'p'), b"demo\0").await?,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_spelled_with_full_arns() {
        assert_eq!(
            spelled("copy t from 's3://b' iam_role '<RoleA>,<RoleB>'"),
            "copy t from 's3://b' iam_role 'arn:aws:iam::123456789012:role/RoleA,arn:aws:iam::210987654321:role/RoleB'"
        );
        for worker in &WORKERS {
            assert!(worker.tasks.iter().all(|task| !spelled(task).contains(['<', '>'])), "{worker:?}");
        }
    }

    #[test]
    fn one_comes_by_another_door_and_all_users_work() {
        assert_eq!(WORKERS.iter().filter(|worker| worker.door == Door::Cluster).count(), 1);
        for (user, _) in crate::demo::users() {
            let works = WORKERS.iter().any(|worker| worker.user == user && worker.door == Door::Gate);
            assert!(works || user == crate::standin::catalog::SUPERUSER, "{user}");
        }
    }
}
