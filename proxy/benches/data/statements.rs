//! The statements that benches read, by name: plain ones, and each kind of carrier.

use rolegate::sql::{NameCounts, WatchedNames};

const CHAIN: &str = "arn:aws:iam::123456789012:role/RoleA,arn:aws:iam::210987654321:role/RoleB";

/// A query as a BI tool writes it, about 1 KB.
const BI: &str = include_str!("bi.sql");

/// A name and the text.
pub(crate) type Case = (&'static str, Vec<u8>);

/// Statements without a word that asks for the grammar.
pub(crate) fn plain() -> Vec<Case> {
    let mut long = b"select * from (".to_vec();
    while long.len() < 64 * 1024 {
        long.extend_from_slice(BI.as_bytes());
        long.extend_from_slice(b") as t union all select * from (");
    }
    long.extend_from_slice(BI.as_bytes());
    long.extend_from_slice(b") as t");
    vec![("select 1", b"SELECT 1".to_vec()), ("bi 1 KB", BI.as_bytes().to_vec()), ("bi 64 KB", long)]
}

/// Carriers, and what else the grammar reads.
pub(crate) fn carriers() -> Vec<Case> {
    let texts = [
        ("copy", format!("copy sales (id, amount) from 's3://bucket/sales_' iam_role '{CHAIN}' format as parquet")),
        (
            "unload",
            format!(
                "unload ('select * from sales where day = ''2024-01-01''') to 's3://bucket/out_' iam_role '{CHAIN}' parallel off"
            ),
        ),
        (
            "create external schema",
            format!(
                "create external schema if not exists lake from data catalog database 'lake' region 'eu-west-1' iam_role '{CHAIN}'"
            ),
        ),
        (
            "procedure body",
            format!(
                "create or replace procedure load_sales(day varchar) as $$\nbegin\n  delete from sales where sales.day = day;\n  \
                 copy sales from 's3://bucket/sales_' iam_role '{CHAIN}' format as parquet;\n  \
                 if not found then\n    raise info 'nothing loaded for %', day;\n  end if;\nend;\n$$ language plpgsql"
            ),
        ),
        ("grant", "grant select on table sales to analyst".to_owned()),
        (
            "grant assumerole",
            "grant assumerole on 'arn:aws:iam::123456789012:role/RoleA' to etl for copy, unload".to_owned(),
        ),
    ];
    texts.into_iter().map(|(name, text)| (name, text.into_bytes())).collect()
}

/// A backend's answer as frames: rows of 100 bytes, up to 64 KiB.
pub(crate) fn rows() -> Vec<u8> {
    let mut frames = Vec::new();
    let (columns, length) = (1_u16.to_be_bytes(), 100_i32.to_be_bytes());
    while frames.len() < 64 * 1024
        && rolegate::wire::frame::append(&mut frames, b'D', &[&columns, &length, &[b'x'; 100]])
    {}
    frames
}

/// Walks over frames as the relay does; gives their number.
pub(crate) fn scan(frames: &[u8]) -> usize {
    let (mut unread, mut count) = (frames, 0_usize);
    while let Ok(Some(header)) = rolegate::wire::frame::header(unread) {
        unread = unread.get(header.frame_bytes()..).unwrap_or_default();
        count = count.saturating_add(1);
    }
    count
}

/// What external schemas are called.
const SCHEMAS: [&str; 10] =
    ["lake", "raw", "spectrum", "landing", "curated", "events", "finance", "marketing", "sales_history", "partners"];

/// The names of a cluster with 500 external schemas; with `views`, of 500 views over them too, which count wherever they stand.
pub(crate) fn stored_names(views: bool) -> Option<WatchedNames> {
    let (schema, view) =
        (NameCounts { before_dot: true, anywhere: false }, NameCounts { before_dot: false, anywhere: true });
    let numbered = |prefix: &'static str, counts| {
        let of = move |name: &&str| (0..50).map(|number| format!("{prefix}{name}_{number}")).collect::<Vec<_>>();
        SCHEMAS.iter().flat_map(of).map(move |name| (name, counts))
    };
    let names: Vec<(String, NameCounts)> = numbered("", schema).chain(numbered("v_", view).filter(|_| views)).collect();
    WatchedNames::new(names.iter().map(|(name, counts)| (name.as_str(), *counts)))
}

/// A query of about 1 KB that reads an external schema, and is parsed for that.
pub(crate) fn stored_query() -> Vec<u8> {
    BI.replace("\"public\".\"sales\"", "\"spectrum_7\".\"sales\"").into_bytes()
}
