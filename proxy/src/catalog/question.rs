//! What is asked of the cluster, and in which forms: the first that the server knows counts. Every relation is named with
//! `pg_catalog`, so that no table of another schema stands in for a system view.

use crate::catalog::cells::Cells;
use crate::catalog::gathered::Gathered;
use crate::catalog::rows;
use crate::catalog::source::SystemView;

/// Rows of a page. Definitions of views and texts of procedures are long, so that a page of them is short.
const PAGE: &str = "1000";
const SHORT_PAGE: &str = "200";
/// The most rows that are taken of one view. Where rows have no numbers they come at once, and one more than that is asked for.
pub(crate) const MAX_ROWS: usize = 200_000;
const MOST: &str = "200001";

/// One way to ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// SQL; `{after}` stands for the number in the first column of the last row so far.
    sql: &'static str,
}

impl Form {
    /// The statement for the rows behind `after`.
    #[must_use]
    pub(crate) fn after(self, after: i64) -> String {
        let numbered = self.sql.replace("{after}", &after.to_string()).replace("{most}", MOST);
        numbered.replace("{page}", PAGE).replace("{short page}", SHORT_PAGE)
    }

    /// How many rows a full page has; `None` where all come at once.
    #[must_use]
    pub(crate) fn page(self) -> Option<usize> {
        match self.sql {
            sql if sql.contains("{short page}") => SHORT_PAGE.parse().ok(),
            sql if sql.contains("{page}") => PAGE.parse().ok(),
            _ => None,
        }
    }
}

/// What is asked of one system view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    /// The system view that is asked.
    pub view: SystemView,
    /// In the order in which they are tried.
    pub forms: &'static [Form],
    pub(super) take: fn(&mut Gathered, Cells<'_>),
}

const fn form(sql: &'static str) -> Form {
    Form { sql }
}

const USERS: [Form; 1] = [form(
    "select usesysid, usename, usesuper from pg_catalog.pg_user where usesysid > {after} order by usesysid limit {page}",
)];
const GROUPS: [Form; 1] = [form(
    "select grosysid, groname, grolist from pg_catalog.pg_group where grosysid > {after} order by grosysid limit {page}",
)];
const USER_GRANTS: [Form; 1] = [form("select user_name, role_name from pg_catalog.svv_user_grants limit {most}")];
const ROLE_GRANTS: [Form; 1] =
    [form("select role_name, granted_role_name from pg_catalog.svv_role_grants limit {most}")];
const NAMESPACES: [Form; 1] = [form(
    "select oid, nspname, nspowner, nspacl from pg_catalog.pg_namespace where oid > {after} order by oid limit {page}",
)];
const ALL_SCHEMAS: [Form; 1] = [form(
    "select database_name, schema_name, schema_type, schema_option from pg_catalog.svv_all_schemas limit {most}",
)];
const DATABASES: [Form; 1] =
    [form("select database_name, database_type, database_options from pg_catalog.svv_redshift_databases limit {most}")];
const EXTERNAL_SCHEMAS: [Form; 2] = [
    form(
        "select esoid, schemaname, eskind, esowner, databasename, esoptions from pg_catalog.svv_external_schemas
         where esoid > {after} order by esoid limit {page}",
    ),
    form(
        "select b.esoid, a.nspname, b.eskind, a.nspowner, b.esdbname, b.esoptions
         from pg_catalog.pg_namespace a, pg_catalog.pg_external_schema b
         where a.oid = b.esoid and b.esoid > {after} order by b.esoid limit {page}",
    ),
];
const DATASHARES: [Form; 1] = [form(
    "select share_name, share_type, source_database, consumer_database, producer_account from pg_catalog.svv_datashares limit {most}",
)];
const MODELS: [Form; 2] = [
    form("select schema_name, model_name, user_name from pg_catalog.stv_ml_model_info limit {most}"),
    // Serverless has no STV views.
    form("show model all"),
];
const EXTERNAL_FUNCTIONS: [Form; 2] = [
    form(
        "select p.prooid, n.nspname, p.proname, p.proowner, l.lanname, p.prosrc
         from pg_catalog.pg_proc_info p, pg_catalog.pg_namespace n, pg_catalog.pg_language l
         where n.oid = p.pronamespace and l.oid = p.prolang and l.lanname = 'exfunc' and p.prooid > {after}
         order by p.prooid limit {page}",
    ),
    form(
        "select p.oid, n.nspname, p.proname, p.proowner, l.lanname, p.prosrc
         from pg_catalog.pg_proc p, pg_catalog.pg_namespace n, pg_catalog.pg_language l
         where n.oid = p.pronamespace and l.oid = p.prolang and l.lanname = 'exfunc' and p.oid > {after}
         order by p.oid limit {page}",
    ),
];
const ROUTINES: [Form; 2] = [
    form(
        "select p.prooid, n.nspname, p.proname, p.proowner, l.lanname, p.prosrc
         from pg_catalog.pg_proc_info p, pg_catalog.pg_namespace n, pg_catalog.pg_language l
         where n.oid = p.pronamespace and l.oid = p.prolang and l.lanname in ('plpgsql', 'sql')
         and n.nspname not in ('pg_catalog', 'information_schema', 'pg_internal') and p.prooid > {after}
         order by p.prooid limit {short page}",
    ),
    form(
        "select p.oid, n.nspname, p.proname, p.proowner, l.lanname, p.prosrc
         from pg_catalog.pg_proc p, pg_catalog.pg_namespace n, pg_catalog.pg_language l
         where n.oid = p.pronamespace and l.oid = p.prolang and l.lanname in ('plpgsql', 'sql')
         and n.nspname not in ('pg_catalog', 'information_schema', 'pg_internal') and p.oid > {after}
         order by p.oid limit {short page}",
    ),
];
const COPY_JOBS: [Form; 1] = [form(
    "select job_id, job_name, iam_role, job_text from pg_catalog.sys_copy_job where job_id > {after} order by job_id limit {page}",
)];
const PROVIDERS: [Form; 1] =
    [form("select name, type, namespc, params from pg_catalog.svv_identity_providers limit {most}")];
const VIEWS: [Form; 1] = [form(
    "select c.oid, n.nspname, c.relname, v.viewowner, v.definition
     from pg_catalog.pg_class c, pg_catalog.pg_namespace n, pg_catalog.pg_views v
     where n.oid = c.relnamespace and v.schemaname = n.nspname and v.viewname = c.relname and c.relkind = 'v'
     and n.nspname not in ('pg_catalog', 'information_schema', 'pg_internal') and c.oid > {after}
     order by c.oid limit {short page}",
)];

/// Everything that is asked, in an order in which each finds what it builds upon.
pub(crate) const QUESTIONS: [Question; 15] = [
    Question { view: SystemView::PgUser, forms: &USERS, take: rows::user },
    Question { view: SystemView::PgGroup, forms: &GROUPS, take: rows::group },
    Question { view: SystemView::SvvUserGrants, forms: &USER_GRANTS, take: rows::user_grant },
    Question { view: SystemView::SvvRoleGrants, forms: &ROLE_GRANTS, take: rows::role_grant },
    Question { view: SystemView::PgNamespace, forms: &NAMESPACES, take: rows::namespace },
    Question { view: SystemView::SvvAllSchemas, forms: &ALL_SCHEMAS, take: rows::any_schema },
    Question { view: SystemView::SvvRedshiftDatabases, forms: &DATABASES, take: rows::database },
    Question { view: SystemView::SvvExternalSchemas, forms: &EXTERNAL_SCHEMAS, take: rows::external_schema },
    Question { view: SystemView::SvvDatashares, forms: &DATASHARES, take: rows::datashare },
    Question { view: SystemView::SysCopyJob, forms: &COPY_JOBS, take: rows::job },
    Question { view: SystemView::SvvIdentityProviders, forms: &PROVIDERS, take: rows::provider },
    Question { view: SystemView::StvMlModelInfo, forms: &MODELS, take: rows::model },
    Question { view: SystemView::PgLanguage, forms: &EXTERNAL_FUNCTIONS, take: rows::external_function },
    Question { view: SystemView::PgProcInfo, forms: &ROUTINES, take: rows::routine },
    Question { view: SystemView::PgViews, forms: &VIEWS, take: rows::view },
];

/// What is asked for one model.
#[must_use]
pub(super) fn show_model(schema: &str, name: &str) -> String {
    let quoted = |part: &str| format!("\"{}\"", part.replace('"', "\"\""));
    format!("show model {}.{}", quoted(schema), quoted(name))
}

/// What is asked for the grants of one user. Superusers alone may.
#[must_use]
pub(super) fn grants_of(user: &str) -> String {
    let literal = user.replace('\'', "''").replace('\\', "\\\\");
    format!(
        "select username, iam_role, cmd from pg_catalog.pg_get_iam_role_by_user('{literal}') r(username text, iam_role text, cmd text)"
    )
}

#[cfg(test)]
mod tests {
    use super::{MAX_ROWS, MOST, QUESTIONS};

    /// Nothing that a cluster holds many of comes in one answer without a bound.
    #[test]
    fn every_answer_is_bounded() {
        assert_eq!(MOST.parse(), Ok(MAX_ROWS + 1));
        for question in QUESTIONS {
            for form in question.forms {
                let sql = form.after(7);
                assert!(sql.contains(" limit ") || sql == "show model all", "{sql}");
                assert!(!sql.contains(['{', '}']), "{sql}");
                assert_eq!(form.page().is_some(), sql.contains("> 7"), "{sql}");
                assert!(sql == "show model all" || sql.contains("pg_catalog."), "{sql}");
            }
        }
    }
}
