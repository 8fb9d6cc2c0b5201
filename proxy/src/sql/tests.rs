//! Tables over the whole room.

use strum::VariantArray as _;

use crate::sql::{Dialect, FaultKind, Method, Reading, Statement, StatementKind, read};

mod limits;

const A: &str = "arn:aws:iam::123456789012:role/RoleA";

fn statements(text: &str, dialect: Dialect) -> Vec<Statement> {
    match read(text.as_bytes(), dialect) {
        Reading::Plain => Vec::new(),
        Reading::Analysed(analysis) => analysis.statements,
    }
}

fn faults(text: &str, dialect: Dialect) -> Vec<FaultKind> {
    statements(text, dialect).iter().flat_map(|found| found.faults.iter().map(|fault| fault.kind)).collect()
}

fn chains(text: &str) -> Vec<String> {
    let uses = statements(text, Dialect::Redshift).into_iter().flat_map(|found| found.role_uses);
    uses.filter_map(|found| if let Method::Chain(chain) = found.method { Some(chain) } else { None }).collect()
}

/// The page of statements tells of every kind, and shows rows that are there.
#[test]
fn every_kind_has_a_row_in_the_page() {
    let page = include_str!("../../../docs/statements.md");
    for kind in StatementKind::VARIANTS {
        assert!(page.contains(&format!("| `{kind}` | ")), "{kind} has no row in docs/statements.md");
    }
    let cases = include_str!("../../tests/data/sql.jsonl");
    let ids = page.split('`').skip(1).step_by(2).filter(|word| word.contains('-'));
    for id in ids {
        assert!(cases.contains(&format!("\"id\": \"{}", id.trim_end_matches('*'))), "no case is called {id}");
    }
}

#[test]
fn ordinary_statements_are_plain() {
    for text in [
        "",
        ";",
        "select 1",
        "select iam_role, credentials from t where iam_role = 'x'",
        "select * from pg_get_iam_role_by_user('u') res(iam_role_name text)",
        "with x as (select iam_role from t where credentials = 'y') select * from x",
        "create table t (iam_role varchar(20) default 'x', access_key_id text)",
        "insert into t (iam_role, secret_access_key) values ('a', 'b')",
        "update t set credentials = 'x' where session_token = 'y'",
        "copy t from stdin",
        "set application_name = 'dbt'",
        "set session characteristics as transaction read only",
        "show client_encoding",
        "set client_encoding to 'UTF8'",
        "select name, setting from pg_catalog.pg_settings where name = 'client_encoding'",
        "select \"a\\b\" from t",
        "update venue set setting = 1 where a & \"b\" = 2",
        "select set_config('app.user', $1, true)",
        "grant select (iam_role) on t to bob",
        "select 'copy', copy from t",
        "create user joe password 'x'",
        "select 'unterminated",
    ] {
        assert_eq!(read(text.as_bytes(), Dialect::Redshift), Reading::Plain, "{text}");
    }
}

#[test]
fn several_executes_are_one_finding() {
    let text = "create procedure p(a text) as $$\nbegin\n execute a;\n execute a || 'x';\n\n execute a;\nend $$";
    let found = statements(text, Dialect::Redshift);
    let details: Vec<&str> = found.iter().flat_map(|one| &one.faults).map(|fault| fault.detail.as_str()).collect();
    assert_eq!(
        details,
        ["EXECUTE of an expression, whose text is known only when it runs; 3 of them, in lines 3, 4, 6"]
    );
}

#[test]
fn doubtful_texts_are_faults() {
    use FaultKind::{
        CallArgument, ComputedSetting, Disguised, DynamicSql, Encoding, NoCredentials, SeveralMethods, Unreadable,
    };
    for (text, fault) in [
        ("explain copy t from 's3://b' iam_role default".to_owned(), Unreadable),
        (format!("prepare p as unload ('select 1') to 's3://b' iam_role '{A}'"), Unreadable),
        (format!("frobnicate iam_role '{A}'"), Unreadable),
        (format!("alter template t set iam_role = '{A}'"), Unreadable),
        (format!("copy t from 's3://b' iam_role = '{A}'"), Unreadable),
        (format!("copy t from 's3://b' role_arn '{A}'"), Unreadable),
        (format!("copy t from 's3://b' iam_role '{A}' # x"), Unreadable),
        (
            format!(
                "create procedure p() as $$ begin /* /* */ copy t from 's3://b' iam_role '{A}'; /* */ */ end $$ language plpgsql"
            ),
            Unreadable,
        ),
        (format!("select #$$ x $$; copy t from 's3://b' iam_role '{A}'"), Unreadable),
        (format!("select #x'\\'; copy t from 's3://b' iam_role '{A}' --'"), Unreadable),
        ("copy t from 's3://b' iam_role '\\141rn'".to_owned(), Disguised),
        ("copy t from 's3://\\x41' iam_role default".to_owned(), Disguised),
        (format!("copy t from 's3://b' iam_role '{A}' credentials 'aws_iam_role={A}'"), SeveralMethods),
        ("create procedure p(a text) as $$ begin execute a; end $$ language plpgsql".to_owned(), DynamicSql),
        (
            "create procedure p() as $$ begin for r in execute 'a' || b loop null; end loop; end $$ language plpgsql"
                .to_owned(),
            DynamicSql,
        ),
        ("call p('arn:aws:iam::1:ro' || 'le/x')".to_owned(), CallArgument),
        ("set names GBK".to_owned(), Encoding),
        ("set session client_encoding = 'Shift_JIS'".to_owned(), Encoding),
        ("alter user u set client_encoding to big5".to_owned(), Encoding),
        ("select set_config('client_encoding', 'sjis', false)".to_owned(), Encoding),
        ("select \"set_config\"('client_encoding', 'sjis', false)".to_owned(), Encoding),
        ("select a, b, c, d, e, pg_catalog.\"set_config\"('client_encoding', 'sjis', false)".to_owned(), Encoding),
        ("set \"client_encoding\" to 'sjis'".to_owned(), Encoding),
        ("set U&\"client\\005fencoding\" to 'sjis'".to_owned(), Encoding),
        ("set u&\"client\\+00005Fencoding\" = 'sjis'".to_owned(), Encoding),
        ("set u&\"client!005fencoding\" /* */ uescape '!' = 'sjis'".to_owned(), Encoding),
        ("select 1, 2, 3, U&\"set!005Fconfig\" uescape '!' ('client_encoding', 'sjis', false)".to_owned(), Encoding),
        ("select set_config(U&'client!005fencoding' uescape '!', 'sjis', false)".to_owned(), ComputedSetting),
        ("update pg_settings set setting = 'sjis' where name = 'client_encoding'".to_owned(), ComputedSetting),
        ("with x as (select 1, 2, 3) update \"pg_settings\" set setting = x".to_owned(), ComputedSetting),
        ("select set_config('client_' || 'encoding', 'sjis', false)".to_owned(), ComputedSetting),
        ("copy t from 's3://b'".to_owned(), NoCredentials),
    ] {
        let found = faults(&text, Dialect::Redshift);
        assert!(found.contains(&fault), "{text}: {found:?}");
    }
}

#[test]
fn statements_in_bodies_are_found() {
    for body in [
        format!("begin copy t from 's3://b' iam_role '{A}'; end"),
        format!("declare x int; begin if x > 1 then copy t from 's3://b' iam_role '{A}'; end if; end"),
        format!("begin for r in select 1 loop unload ('select 1') to 's3://b' iam_role '{A}'; end loop; end"),
        format!("begin execute 'copy t from ''s3://b'' iam_role ''{A}'''; end"),
        format!("begin execute $x$unload ('select 1') to 's3://b' iam_role '{A}'$x$; end"),
    ] {
        let text = format!("create or replace procedure s.p(in a int) as $body$ {body} $body$ language plpgsql");
        assert_eq!(chains(&text), [A], "{text}");
        let quoted = format!("create procedure p() language plpgsql as '{}'", body.replace('\'', "''"));
        assert_eq!(chains(&quoted), [A], "{quoted}");
    }
}

#[test]
fn postgresql_is_read_both_ways() {
    let decoy = format!("copy t from 's3://b' null as '\\' iam_role '{A}' --' iam_role 'x'");
    assert!(faults(&decoy, Dialect::PostgreSql).contains(&FaultKind::Disguised));
    assert_eq!(faults("select 'a\\', 'copy'", Dialect::PostgreSql), []);
    // Escaped names of PostgreSQL's regression suite (`strings`, `encoding`), none of them a setting's.
    for text in [
        "SELECT U&'d\\0061t\\+000061' AS U&\"d\\0061t\\+000061\"",
        "SELECT U&'d!0061t' UESCAPE '!' AS U&\"d*0061t\\+000061\" UESCAPE '*'",
        "SELECT 'tricky' AS U&\"\\\" UESCAPE '!'",
        "SELECT U&\"real\\00A7_name\" FROM (select 1) AS x(real_name)",
        "SELECT U&\"cut\\00\", U&\"cut\\\", U&\"cut\\+1234\", U&\"pair\\D83D\\DE00\"",
    ] {
        assert_eq!(faults(text, Dialect::PostgreSql), [], "{text}");
    }
}
