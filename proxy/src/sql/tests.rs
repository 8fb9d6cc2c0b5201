//! Tables over the whole room.

use strum::VariantArray as _;

use crate::sql::{Dialect, Effect, FaultKind, Method, Reading, Statement, StatementKind, read};

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

/// The test that stands beside each limit in the page is there.
#[test]
fn every_limit_of_the_page_has_its_test() {
    let page = include_str!("../../../docs/limits.md");
    let folders = ["src", "tests", "../tests/e2e"].map(|folder| format!("{}/{folder}", env!("CARGO_MANIFEST_DIR")));
    let files = folders.iter().flat_map(walkdir::WalkDir::new).flatten();
    let is_code = |name: &std::ffi::OsStr| name == "rs" || name == "py";
    let files = files.filter(|file| file.path().extension().is_some_and(is_code));
    let code: String = files.filter_map(|file| std::fs::read_to_string(file.path()).ok()).collect();
    let is_test = |word: &&str| (word.matches('_').count() >= 3 && !word.contains(' ')) || *word == "limits_refuse";
    let tests: Vec<&str> = page.split('`').skip(1).step_by(2).filter(is_test).collect();
    assert!(tests.len() > 20, "{tests:?}");
    for test in tests {
        let is_there = code.contains(&format!("fn {test}()")) || code.contains(&format!("def {test}("));
        assert!(is_there, "no test is called {test}");
    }
}

/// Where a byte that is no UTF-8 stands does not matter, and it matters beside credentials alone.
#[test]
fn bytes_beyond_utf8_matter_beside_credentials_alone() {
    let copy = format!("copy t from 's3://b/p' iam_role '{A}'");
    let rows: &[(Vec<u8>, bool)] = &[
        ([b"select '\xe9'; ".as_slice(), copy.as_bytes()].concat(), true),
        ([copy.as_bytes(), b" null '\xe9'"].concat(), true),
        ([copy.as_bytes(), b" -- \xe9"].concat(), true),
        (b"copy t\xe9 from 's3://b' iam_role default".to_vec(), true),
        (b"copy t from 's3://b' \xe9iam_role default".to_vec(), true),
        (b"create table t (a text default '\xe9') role_arn 'arn:aws:iam::123456789012:role/x'".to_vec(), true),
        (b"insert into t values ('caf\xe9', \xe9t\xe9)".to_vec(), false),
        (b"select '\xe9', iam_rol\xe9 from t".to_vec(), false),
        (b"set search_path to caf\xe9".to_vec(), false),
        (b"create procedure p() as $$ begin insert into t values ('\xe9'); end $$ language plpgsql".to_vec(), false),
    ];
    for (text, refused) in rows {
        let found = read(text, Dialect::Redshift);
        let is_refused = matches!(&found, Reading::Analysed(analysis)
            if analysis.statements.iter().any(|one| one.faults.iter().any(|fault| fault.kind == FaultKind::Unreadable)));
        assert_eq!(is_refused, *refused, "{}: {found:?}", text.escape_ascii());
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
        "create table t (a text default 'arn:aws:iam::123456789012:role/x') diststyle key distkey (a)",
        "create table t with (x = 'y') as select 'arn:aws:iam::123456789012:role/x'",
        "create external table s.t stored as parquet location 's3://b' as select 'arn:aws:iam::123456789012:role/x'",
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

/// (text, kinds of its statements, chains, faults): what is read in two ways is one statement, and told once.
#[test]
fn what_two_readings_hold_is_told_once() {
    use FaultKind::{Disguised, NoCredentials, Unreadable};
    let rows: &[(String, &[StatementKind], &[&str], &[FaultKind])] = &[
        (
            "unload ('select 1') to 's3://b' iam_role 'arn\\072aws:iam::1:role/x'".to_owned(),
            &[StatementKind::Unload],
            &["arn:aws:iam::1:role/x"],
            &[Disguised],
        ),
        (
            format!("unload ('select \\'a\\'') to 's3://b' iam_role '{A}'; copy t from 's3://\\x41' iam_role '{A}'"),
            &[StatementKind::Unload, StatementKind::Copy],
            &[A, A],
            &[Disguised],
        ),
        (
            format!("copy t from 's3://b' null as '\\' iam_role '{A}'"),
            &[StatementKind::Unknown, StatementKind::Copy],
            &[A],
            &[Unreadable, Disguised],
        ),
        (
            format!("copy t from 's3://b' null '\\' iam_role $${A}$$ --' iam_role 'x'"),
            &[StatementKind::Copy],
            &["x", A],
            &[Unreadable, Disguised],
        ),
        (format!("copy t from 's3://b' -- x\r iam_role '{A}'"), &[StatementKind::Copy], &[A], &[NoCredentials]),
    ];
    for (text, kinds, roles, wrong) in rows {
        let found: Vec<StatementKind> = statements(text, Dialect::Redshift).iter().map(|one| one.kind).collect();
        assert_eq!((&found, &chains(text)), (&kinds.to_vec(), &roles.iter().map(|role| (*role).to_owned()).collect()));
        assert_eq!(faults(text, Dialect::Redshift), *wrong, "{text}");
    }
}

/// (what CREDENTIALS holds, what is said of it): slips are told by what they are, and never with the text that may be a secret.
#[test]
fn slips_in_credentials_are_named() {
    for (value, said) in [
        ("", "CREDENTIALS is empty"),
        ("  \n ", "CREDENTIALS is empty"),
        ("aws_access_key_id=A; aws_secret_access_key=S3CR", "a blank or a line break beside the name of a pair"),
        ("aws_access_key_id=A;\n\taws_secret_access_key=S3CR", "a blank or a line break beside the name of a pair"),
        ("aws_iam_role =arn", "a blank or a line break beside the name of a pair"),
        ("{{ credentials }}", "a template's {{ }} that was not filled in"),
        ("aws_session_token=S3CR", "a name other than aws_iam_role, aws_access_key_id,"),
        ("S3CR", "a name other than aws_iam_role,"),
        ("master_symmetric_key=S3CR", "neither a role nor access keys"),
    ] {
        let text = format!("copy t from 's3://b' credentials '{value}'");
        let found = statements(&text, Dialect::Redshift);
        let details: Vec<&str> = found.iter().flat_map(|one| &one.faults).map(|fault| fault.detail.as_str()).collect();
        assert_eq!(details.len(), 1, "{text}: {details:?}");
        assert!(details.iter().all(|detail| detail.contains(said) && !detail.contains("S3CR")), "{text}: {details:?}");
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
        ("copy t from 's3://b' \"iam_rolf\" default".to_owned(), Unreadable),
        (
            format!("create external table s.t(a int) stored as orc location 's3://b' table properties ('r'='{A}')"),
            Unreadable,
        ),
        (
            format!(
                "create external table s.t(a int) row format serde 'x' with serdeproperties ('r'='{A}') location 'y'"
            ),
            Unreadable,
        ),
        (format!("create table t(a int) using iceberg location 's3://b' table properties ('r'='{A}')"), Unreadable),
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

/// What is in no literal behind AS, a server could still take for a body.
#[test]
fn bodies_are_read_or_refused() {
    use FaultKind::{DynamicSql, Unreadable};
    let copy = "begin copy t from ''s3://b'' iam_role ''arn:aws:iam::1:role/x''; end";
    for (text, fault) in [
        ("create or replace procedure p2(a text) language plpgsql as E'begin execute a; end'", DynamicSql),
        ("create procedure p2(a text) language plpgsql as N'begin execute a; end'", DynamicSql),
        ("create function f(a text) returns int as 'begin execute a; end' language E'plpgsql'", DynamicSql),
        ("create function f(a text) returns int as 'begin execute a; end' language U&\"plpgsql\"", DynamicSql),
        ("create function f(a text) returns int as 'begin execute a; end' language # plpgsql", DynamicSql),
        ("create function f(a text) returns int language plpgsql as U&'begin execute a; end'", Unreadable),
        ("create procedure p(a text) language plpgsql as b'begin execute a; end'", Unreadable),
        ("create procedure p(a text) language plpgsql as q'begin execute a; end'", Unreadable),
        ("create procedure p(a text) language plpgsql as E 'begin execute a; end'", Unreadable),
        ("create procedure p(a text) language plpgsql as # 'begin execute a; end'", Unreadable),
        ("create procedure p(a text) language plpgsql as \"q\" 'begin execute a; end'", Unreadable),
        ("create procedure p(a text) language plpgsql 'begin execute a; end'", Unreadable),
        ("create procedure p(a text) language plpgsql as", Unreadable),
    ] {
        for dialect in [Dialect::Redshift, Dialect::PostgreSql] {
            // What PostgreSQL executes is not judged.
            let is_judged = dialect == Dialect::Redshift || fault == Unreadable;
            assert!(!is_judged || faults(text, dialect).contains(&fault), "{text}");
        }
    }
    let escaped = format!("create procedure p() language plpgsql as E'{copy}'");
    assert_eq!(chains(&escaped), ["arn:aws:iam::1:role/x"]);
    for text in [
        "create procedure p() set search_path to 'a', 'b' language 'plpgsql' as $$ begin null; end $$",
        "create procedure p(a text) language sql begin atomic insert into t select 'x' as y; end",
        "create function f(a text) returns text language sql return 'x'",
        "create function f() returns int as 'file', 'symbol' language c",
    ] {
        assert_eq!(faults(text, Dialect::PostgreSql), [], "{text}");
    }
}

/// What is found in a body in quotes, and in what that executes, stands where it is written.
#[test]
fn findings_in_quoted_bodies_have_their_place() {
    for text in [
        "create procedure p() as '\nbegin\n  copy t from ''s3://b''\n iam_role ''xx'';\nend' language plpgsql",
        "create procedure p() as $$\nbegin execute 'copy t from ''s3://b''\n iam_role ''xx'''; end$$ language plpgsql",
        "create procedure p() as '\nbegin execute ''copy t from ''''s3://b''''\n iam_role ''''xx'''''';\nend' language plpgsql",
        "create procedure p() as E'\nbegin\ncopy t from \\'s3://b\\'\n iam_role \\'xx\\'; end' language plpgsql",
    ] {
        let found = statements(text, Dialect::Redshift);
        let role_use = found.iter().flat_map(|one| &one.role_uses).next().unwrap();
        let at = text.get(role_use.span.start..).unwrap().trim_start_matches(['\'', '\\']);
        assert!(at.starts_with("xx"), "{text}: {:?}", role_use.span);
    }
}

/// Names in quotes are folded by one server and not by another, and what is executed or prepared in SQL shows its values to nobody.
#[test]
fn what_another_server_reads_counts() {
    use FaultKind::{CallArgument, ComputedSetting, DynamicSql, Encoding, Unreadable};
    let b = "arn:aws:iam::210987654321:role/RoleB";
    for (text, fault) in [
        ("create function \"QUOTE_LITERAL\"(text) returns text stable as $$ select $1 $$ language sql".to_owned(), DynamicSql),
        ("create function ev.\"Quote_Ident\"(text) returns text stable as $$ select $1 $$ language sql".to_owned(), DynamicSql),
        ("create function U&\"quote_ident\"(text) returns text stable as $$ select $1 $$ language sql".to_owned(), DynamicSql),
        ("alter function f(text) rename to \"QUOTE_IDENT\"".to_owned(), DynamicSql),
        ("alter routine f(text) rename to quote_ident".to_owned(), DynamicSql),
        ("create aggregate ev.quote_ident(text) (sfunc = f, stype = text)".to_owned(), DynamicSql),
        ("create external function \"QUOTE_IDENT\"(text) returns text stable lambda 'x' iam_role default".to_owned(), DynamicSql),
        ("create model m from t target b function \"QUOTE_IDENT\" iam_role default settings (s3_bucket 'b')".to_owned(), DynamicSql),
        ("prepare p(text, text) as select set_config($1, $2, false)".to_owned(), ComputedSetting),
        ("prepare p(text) as select set_config($1, 'admin', false)".to_owned(), ComputedSetting),
        ("prepare p(text) as select set_config('client_encoding', $1, false)".to_owned(), ComputedSetting),
        ("create procedure p(text, text) as $$ begin perform set_config($1, $2, false); end $$ language plpgsql".to_owned(), ComputedSetting),
        ("create procedure p() as $$ begin execute 'select set_config($1, $2, false)'; end $$ language plpgsql".to_owned(), ComputedSetting),
        ("create function f() returns text as $$ select set_config('client_encoding', 'sjis', false) $$ language sql".to_owned(), Encoding),
        ("create function f(text, text) returns text as $$ select set_config($1, $2, false) $$ language sql".to_owned(), ComputedSetting),
        ("execute p('session_authorization', 'admin')".to_owned(), Unreadable),
        ("execute p('Client_Encoding', 'SJIS')".to_owned(), Encoding),
        ("execute p(1, 'sjis')".to_owned(), Encoding),
        (format!("execute p('{b}')"), CallArgument),
        ("grant select, assumerole on all to u for all".to_owned(), Unreadable),
        ("grant select, assumerole on default to public for all".to_owned(), Unreadable),
        ("revoke usage, assumerole on all from public for all".to_owned(), Unreadable),
        ("grant \"AssumeRole\" on default to u for copy".to_owned(), Unreadable),
        ("create procedure p() as $$ begin grant select, assumerole on all to u for all; end $$ language plpgsql".to_owned(), Unreadable),
        (format!("create materialized view v newkw '{b}' as select 1"), Unreadable),
        (format!("create view v as select 1 with (role = '{b}')"), Unreadable),
        (format!("create policy p newkw '{b}'"), Unreadable),
        (format!("create masking policy p newkw '{b}'"), Unreadable),
        (format!("create function f() returns int volatile as $$ x $$ language plpythonu newkw '{b}'"), Unreadable),
        (format!("explain copy t from 's3://b' newkw '{b}'"), Unreadable),
        ("prepare x as copy t from 's3://b'".to_owned(), Unreadable),
        ("declare c cursor for copy t from 's3://b'".to_owned(), Unreadable),
        (format!("create procedure p() as $$ declare r text := '{b}'; begin call q(r); end $$ language plpgsql"), CallArgument),
    ] {
        assert_eq!(faults(&text, Dialect::Redshift), [fault], "{text}");
    }
    for text in [
        "prepare p(text) as select set_config('app.user', $1, false)".to_owned(),
        "execute p('app.user', 'x', 1)".to_owned(),
        "explain (verbose) select copy, 'x' from unload".to_owned(),
        "declare c cursor for select copy from t".to_owned(),
        "grant select (credentials) on t to bob".to_owned(),
        format!("create view v as with a as (select '{b}' as r) select * from a with no schema binding"),
        format!("create masking policy p with (a text) using ('{b}')"),
        format!("create function f(a text) returns text as $$ select '{b}' $$ language sql"),
        "create procedure p(a text) as $$ begin call q($1); end $$ language plpgsql".to_owned(),
        "alter function quote_ident_2(text) rename to \"my_quote_ident\"".to_owned(),
    ] {
        assert_eq!(faults(&text, Dialect::Redshift), [], "{text}");
    }
    let users = statements("set session authorization \"Admin\"", Dialect::Redshift);
    let effects: Vec<Effect> = users.into_iter().flat_map(|one| one.effects).collect();
    assert_eq!(effects, ["admin", "Admin"].map(|user| Effect::SetSessionAuthorization(user.to_owned())));
}

/// (text, whether it is refused): what could stand in for the functions that quote, and what trusts them.
#[test]
fn functions_that_quote_are_the_servers_own() {
    let trusting = "create procedure p(a text) as $$ begin execute 'drop table ' || quote_ident(a); end $$";
    let careful = "create procedure p(a text) as $$ begin execute 'drop table ' || pg_catalog.quote_ident(a); end $$";
    let rows = [
        ("create function quote_ident(text) returns text immutable as $$ select $1 $$ language sql".to_owned(), true),
        (
            "create function s.\"quote_literal\"(text) returns text stable as $$ return 1 $$ language plpythonu"
                .to_owned(),
            true,
        ),
        (
            "create external function public.quote_ident(varchar) returns varchar stable lambda 'f' iam_role default"
                .to_owned(),
            true,
        ),
        ("create model m from t function quote_literal sagemaker 'e' iam_role default".to_owned(), true),
        ("alter function s.f(int, text) rename to quote_ident".to_owned(), true),
        ("alter function s.f(int, text) rename to quote_it".to_owned(), false),
        ("alter function s.f(int, text) owner to quote_ident".to_owned(), false),
        ("drop function quote_ident(text)".to_owned(), false),
        (trusting.to_owned(), false),
        ("set search_path to a, pg_catalog".to_owned(), false),
        ("select pg_catalog.set_config('search_path', '', false)".to_owned(), false),
        ("select set_config('search_path', $1, false)".to_owned(), false),
        (format!("{trusting}; set search_path to a"), false),
        (format!("{trusting}; set search_path to pg_catalog, a"), false),
        (format!("{careful}; set search_path to a, pg_catalog"), false),
        (format!("{trusting}; set search_path to a, pg_catalog"), true),
        (format!("set session \"search_path\" = 'a', \"PG_catalog\"; {trusting}"), true),
        (format!("{trusting}; set search_path to U&\"pg!005fcatalog\" uescape '!'"), true),
        (format!("{trusting}; select set_config('search_path', 'a,pg_catalog', false)"), true),
        (format!("{trusting}; set search_path to pg_catalog_x, evil, pg_catalog"), true),
        (format!("{trusting}; set search_path to \"pg_catalog \", evil, pg_catalog"), true),
        (format!("{trusting}; set search_path to \"PG_CATALOG\", evil, pg_catalog"), true),
        (format!("{trusting}; set search_path to E'evil', pg_catalog"), true),
        (format!("{trusting}; select set_config('search_path', '\"PG_CATALOG\", evil, pg_catalog', false)"), true),
        (format!("{trusting}; select set_config('search_path', 'PG_CATALOG, evil', false)"), false),
        (format!("{trusting}; select set_config('search_path', x, false) from t"), true),
        (format!("{trusting}; select set_config($1, $2, false)"), true),
        (format!("{trusting}; alter user u set search_path to a, pg_catalog"), true),
        (trusting.replace(" as ", " set search_path to a, pg_catalog as "), true),
        (trusting.replace("begin ", "begin execute 'set sea' || 'rch_path to a, pg_cat' || 'alog'; "), true),
        (trusting.replace("begin ", "begin set search_path to a, pg_catalog; "), true),
        (trusting.replace("begin ", "begin set search_path to pg_catalog, a; "), false),
        (trusting.replace("begin ", "begin perform set_config('search_path', a, true); "), true),
        (trusting.replace("begin ", "begin perform set_config('search_' || a, a, true); "), true),
        (trusting.replace("begin ", "declare v text; begin v := set_config('search_path', a, true); "), true),
        (trusting.replace("begin ", "begin update pg_settings set setting = a where name = 'search_path'; "), true),
        (trusting.replace(" as ", " set \"search_path\" = 'a', 'pg_catalog' as "), true),
        (trusting.replace("; end", "; execute $x$set search_path to a, pg_catalog$x$; end"), true),
        (
            trusting.replace("; end", "; execute 'select set_config(''search_path'', ''a, pg_catalog'', true)'; end"),
            true,
        ),
        // A search path that is named and not set moves nothing.
        (trusting.replace("begin ", "begin /* search_path: pg_catalog */ "), false),
        (careful.replace("begin ", "begin set search_path to a, pg_catalog; "), false),
        ("create procedure p() set search_path to a, pg_catalog as $$ begin null; end $$".to_owned(), false),
    ];
    for (text, refused) in rows {
        let found = faults(&text, Dialect::Redshift);
        assert_eq!(found.contains(&FaultKind::DynamicSql), refused, "{text}: {found:?}");
    }
    let moves =
        |text: &str| statements(text, Dialect::Redshift).iter().any(|one| one.effects.contains(&Effect::MovesCatalog));
    assert!(moves("set local search_path = x, pg_catalog") && !moves("set search_path to x") && !moves(trusting));
    assert!(!moves("create procedure p() set search_path to a, pg_catalog as $$ begin null; end $$"));
}

/// `\x` and `\u` are escapes for some releases of the server and not for others: what they stand for may be anything.
#[test]
fn escapes_that_releases_read_differently_hide_nothing() {
    let trusting = "create procedure p(a text) as $$ begin execute 'drop table ' || quote_ident(a); end $$";
    for (text, fault) in [
        (r"set client_encoding to E'sj\x69s'".to_owned(), FaultKind::Encoding),
        (r"set names 'sj\u0069s'".to_owned(), FaultKind::Encoding),
        ("set client_encoding to E'sjis'".to_owned(), FaultKind::Encoding),
        ("set client_encoding = U&'sj!0069s' uescape '!'".to_owned(), FaultKind::Encoding),
        (r"select set_config('client\x5fencoding', 'sjis', false)".to_owned(), FaultKind::ComputedSetting),
        (r"select set_config('client_encoding', 'sj\x69s', false)".to_owned(), FaultKind::ComputedSetting),
        (r"set session authorization 'b\x6fb'".to_owned(), FaultKind::Unreadable),
        (r"alter user u set session_authorization to 'b\x6fb'".to_owned(), FaultKind::Unreadable),
        (format!(r"set search_path to evil, E'pg\x5fcatalog'; {trusting}"), FaultKind::DynamicSql),
        (format!(r"select set_config('search\x5fpath', 'a,pg_catalog', false); {trusting}"), FaultKind::DynamicSql),
        (format!(r"select set_config('search_path', 'a,pg\x5fcatalog', false); {trusting}"), FaultKind::DynamicSql),
        (r"call p('arn\x3aaws\x3aiam\x3a\x3a1\x3arole/A')".to_owned(), FaultKind::CallArgument),
        (
            r"create procedure p() as $$ declare s text := 'c\x6fpy t from ''s3://b'' iam\x5frole default'; begin execute s; end $$"
                .to_owned(),
            FaultKind::DynamicSql,
        ),
        (
            r"create function f() returns int as $$ begin execute a; end $$ language 'plpg\x73ql'".to_owned(),
            FaultKind::DynamicSql,
        ),
    ] {
        let found = faults(&text, Dialect::Redshift);
        assert!(found.contains(&fault), "{text}: {found:?}");
    }
    for text in [r"call p('\x41')", r"select 'c\x6fpy'", r"set names 'utf8'", r"insert into t values (E'\x41')"] {
        assert_eq!(faults(text, Dialect::Redshift), [], "{text}");
    }
}

#[test]
fn functions_have_no_credentials() {
    for options in ["language sql iam_role 'x'", "stable as $$ return 1 $$ language plpythonu iam_role 'x'"] {
        let text = format!("create function f() returns int {options}");
        assert_eq!(faults(&text, Dialect::Redshift), [FaultKind::Unreadable], "{text}");
    }
    let body = "create function f() returns int language sql begin atomic copy t from 's3://b' iam_role 'x'; end";
    assert_eq!(faults(body, Dialect::Redshift), [FaultKind::Unreadable]);
    assert_eq!(
        faults("create function f(credentials int) returns int language sql as $$ select 1 $$", Dialect::Redshift),
        []
    );
}

/// Whom a text that runs later acts as, nothing tells the gate in time; all who may be set within one statement count.
#[test]
fn users_that_are_set_are_followed_or_refused() {
    for body in [
        "set session authorization bob",
        "reset session authorization",
        "perform set_config('session_authorization', 'bob', false)",
    ] {
        let text = format!("create procedure p() as $$ begin {body}; end $$ language plpgsql");
        assert_eq!(faults(&text, Dialect::Redshift), [FaultKind::Unreadable], "{text}");
    }
    let twice = "select set_config('session_authorization', 'a', false) where set_config('session_authorization', 'b', false) = 'b'";
    let effects: Vec<Effect> = statements(twice, Dialect::PostgreSql).into_iter().flat_map(|one| one.effects).collect();
    assert_eq!(effects, ["a", "b"].map(|user| Effect::SetSessionAuthorization(user.to_owned())));
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
