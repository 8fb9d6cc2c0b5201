//! The messages, users and policies.

/// What a client sends.
pub(crate) enum Sent {
    /// One `Query`.
    Query(&'static str),
    /// `Parse`, `Bind` of one value, `Execute`, `Sync`.
    Bound(&'static str, &'static str),
}

/// One message of one user.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) user: &'static str,
    pub(crate) sent: Sent,
}

const fn query(name: &'static str, user: &'static str, sql: &'static str) -> Case {
    Case { name, user, sent: Sent::Query(sql) }
}

/// (name, `[policy]` section)
pub(crate) const POLICIES: [(&str, &str); 3] = [
    ("enforce", "mode = \"enforce\"\n"),
    ("shadow", "mode = \"shadow\"\n"),
    (
        "severities",
        "mode = \"enforce\"\nseverity = { RG101 = \"annotate\", RG104 = \"allow\", RG107 = \"annotate\", RG108 = \"reject\", \
         RG109 = \"annotate\", RG201 = \"allow\", RG301 = \"annotate\" }\n",
    ),
];

/// (name, start-up parameters)
pub(crate) const STARTUPS: [(&str, &[(&str, &str)]); 2] = [
    ("client_encoding", &[("user", "etl"), ("client_encoding", "SJIS")]),
    ("options", &[("user", "etl"), ("options", "-c client_encoding=GBK")]),
];

/// Everybody who sends a message.
pub(crate) const USERS: [&str; 4] = ["etl", "analyst", "stranger", SJIS_USER];

/// The user whose sessions the stand-in server reports to be in SJIS.
pub(crate) const SJIS_USER: &str = "sjis";

pub(crate) const CASES: &[Case] = &[
    query("plain", "etl", "select 'é'"),
    query(
        "permitted",
        "etl",
        "copy venue from 's3://b/p' iam_role 'arn:aws:iam::123456789012:role/RoleA,arn:aws:iam::210987654321:role/RoleB'",
    ),
    query(
        "RG101 space",
        "etl",
        "copy venue from 's3://b/p' iam_role 'arn:aws:iam::123456789012:role/RoleA, arn:aws:iam::210987654321:role/RoleB'",
    ),
    query(
        "RG101 after two lines of other alphabets",
        "etl",
        "-- äöü\n-- ж\ncopy \"naïve\" from 's3://b' iam_role 'RoleA'",
    ),
    query("RG102", "etl", "copy venue from 's3://b/p' iam_role 'arn:aws:iam::1234567'\n'89012:role/RoleA'"),
    query("RG103", "etl", "copy venue from 's3://b/p' iam_role default access_key_id 'AKIA1' secret_access_key 's'"),
    query("RG104", "etl", "copy venue from 's3://b/p' access_key_id 'AKIA1' secret_access_key 's'"),
    query("RG105", "etl", "with x as (select 1) copy venue from 's3://b/p' iam_role default"),
    query("RG105 unterminated", "etl", "copy venue from 's3://b/p' iam_role 'arn:aws:iam::1"),
    query(
        "RG106",
        "etl",
        "create procedure p(r text) as $$ begin execute 'copy t from ''s3://b'' iam_role ''' || r || ''''; end $$ language plpgsql",
    ),
    query("RG107", "etl", "call load('venue', 'arn:aws:iam::210987654321:role/RoleB')"),
    Case {
        name: "RG107 bound",
        user: "etl",
        sent: Sent::Bound("call load('venue', $1)", "arn:aws:iam::210987654321:role/RoleB"),
    },
    query("RG108", "etl", "copy venue from 's3://b/p'"),
    query("RG109", "etl", "set client_encoding to 'SJIS'"),
    query("RG109 beyond ASCII in SJIS", SJIS_USER, "select 'é'"),
    query("RG201", "etl", "unload ('select 1') to 's3://b/x' iam_role 'arn:aws:iam::210987654321:role/RoleB'"),
    query(
        "RG202",
        "etl",
        "copy venue from 's3://b' iam_role 'arn:aws:iam::123456789012:role/RoleA,arn:aws:iam::210987654321:role/RoleD'",
    ),
    query(
        "RG203",
        "etl",
        "copy venue from 's3://b' iam_role 'arn:aws:iam::123456789012:role/RoleA,arn:aws:iam::210987654321:role/RoleC'",
    ),
    query(
        "RG204",
        "etl",
        "copy venue from 's3://b' iam_role 'arn:aws:iam::123456789012:role/RoleA,arn:aws:iam::210987654321:role/RoleDeny'",
    ),
    query(
        "RG205",
        "analyst",
        "copy venue from 's3://b' iam_role 'arn:aws:iam::123456789012:role/RoleA,arn:aws:iam::210987654321:role/RoleEtl'",
    ),
    query(
        "a condition that cannot be decided",
        "etl",
        "copy venue from 's3://b' iam_role 'arn:aws:iam::123456789012:role/RoleA,arn:aws:iam::210987654321:role/RoleTagged'",
    ),
    query(
        "RG206",
        "etl",
        "copy venue from 's3://b' iam_role 'arn:aws:iam::123456789012:role/RoleA,arn:aws:iam::210987654321:role/RoleX'",
    ),
    query(
        "RG301 forbidden",
        "analyst",
        "unload ('select 1') to 's3://b/x' iam_role 'arn:aws:iam::123456789012:role/RoleA,arn:aws:iam::210987654321:role/RoleB'",
    ),
    query(
        "RG301 annotated",
        "analyst",
        "create external schema s from data catalog database 'd' iam_role 'arn:aws:iam::123456789012:role/RoleA'",
    ),
    query("RG302", "stranger", "copy venue from 's3://b' iam_role 'arn:aws:iam::123456789012:role/RoleA'"),
    query(
        "several findings",
        "stranger",
        "copy venue from 's3://b' iam_role 'arn:aws:iam::210987654321:role/RoleC,arn:aws:iam::210987654321:role/RoleEtl'",
    ),
    query("annotate and forward", "etl", "copy a from 's3://b'; copy b from 's3://b' iam_role default"),
    query("annotate and reject", "etl", "copy a from 's3://b';\ncopy b from 's3://b' iam_role 'x'"),
    query(
        "forward and reject",
        "etl",
        "select 1; copy b from 's3://b' iam_role default; copy b from 's3://b' iam_role 'x'",
    ),
    query(
        "two annotations",
        "etl",
        "copy a from 's3://b'; copy b from 's3://b' access_key_id 'AKIA1' secret_access_key 's'",
    ),
    query(
        "a role that is only named",
        "etl",
        "grant assumerole on 'arn:aws:iam::123456789012:role/RoleA' to analyst for copy",
    ),
];
