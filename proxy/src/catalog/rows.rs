//! From rows of the system views to what they say: one function a view.

use std::sync::Arc;

use crate::catalog::cells::Cells;
use crate::catalog::credential::{StoredCredential, StoredRole};
use crate::catalog::gathered::{AskedModel, Gathered, SchemaRow, grantees, is_system};
use crate::catalog::kind::ObjectKind;
use crate::catalog::name::ObjectName;
use crate::catalog::object::{LearnedFrom, StoredObject};
use crate::catalog::options::{of_cut_options, of_provider, of_schema};
use crate::catalog::people::DatabaseUser;
use crate::catalog::procedure;
use crate::catalog::source::SystemView;
use crate::sql::{Clause, Target};

/// Characters of `schema_option` of `SVV_ALL_SCHEMAS`, and of `iam_role` and `job_text` of `SYS_COPY_JOB`.
const SCHEMA_OPTION_WIDTH: usize = 256;
const JOB_ROLE_WIDTH: usize = 128;

fn from(kind: ObjectKind, name: ObjectName, view: SystemView) -> StoredObject {
    StoredObject::new(kind, name, LearnedFrom::View(view))
}

/// `usesysid, usename, usesuper`
pub(super) fn user(read: &mut Gathered, row: Cells<'_>) {
    let (Some(id), Some(name)) = (row.number(0), row.text(1)) else { return };
    read.names.insert(id, name.into());
    read.people.users.insert(name.to_owned(), DatabaseUser { id: Some(id), is_superuser: row.is_true(2) });
}

/// `grosysid, groname, grolist`
pub(super) fn group(read: &mut Gathered, row: Cells<'_>) {
    let Some(name) = row.text(1) else { return };
    let list = row.text(2).unwrap_or_default().trim().trim_start_matches('{').trim_end_matches('}');
    let members = list.split(',').filter_map(|id| read.names.get(&id.trim().parse().ok()?));
    let mut members: Vec<String> = members.map(ToString::to_string).collect();
    members.sort_unstable();
    // A PostgreSQL shows every role that cannot log in as a group.
    if !members.is_empty() {
        read.people.groups.insert(name.to_owned(), members);
    }
}

/// `user_name, role_name`
pub(super) fn user_grant(read: &mut Gathered, row: Cells<'_>) {
    if let (Some(user), Some(role)) = (row.text(0), row.text(1)) {
        read.people.roles.entry(role.to_owned()).or_default().users.insert(user.to_owned());
    }
}

/// `role_name, granted_role_name`: the first received the second.
pub(super) fn role_grant(read: &mut Gathered, row: Cells<'_>) {
    if let (Some(holder), Some(granted)) = (row.text(0), row.text(1)) {
        read.people.roles.entry(granted.to_owned()).or_default().roles.insert(holder.to_owned());
    }
}

/// `oid, nspname, nspowner, nspacl`
pub(super) fn namespace(read: &mut Gathered, row: Cells<'_>) {
    let Some(name) = row.text(1) else { return };
    let namespace = SchemaRow { owner: row.number(2), acl: row.filled(3).map(str::to_owned) };
    read.namespaces.insert(name.to_owned(), namespace);
}

/// `database_name, schema_name, schema_type, schema_option`
pub(super) fn any_schema(read: &mut Gathered, row: Cells<'_>) {
    let (Some(database), Some(schema)) = (row.text(0), row.text(1)) else { return };
    let is_external = row.text(2).is_some_and(|kind| kind.eq_ignore_ascii_case("external"));
    read.draft.add_place(database);
    if database.eq_ignore_ascii_case(&read.database) {
        if is_external {
            read.told.insert(schema.to_owned(), of_cut_options(row.filled(3), SCHEMA_OPTION_WIDTH));
        } else {
            read.local.insert(schema.to_owned());
        }
    } else if is_external {
        let object =
            from(ObjectKind::ExternalSchema, ObjectName::bare(Some(database), schema), SystemView::SvvAllSchemas);
        read.draft.add(object.keeping(of_cut_options(row.filled(3), SCHEMA_OPTION_WIDTH)));
    }
}

/// `database_name, database_type, database_options`
pub(super) fn database(read: &mut Gathered, row: Cells<'_>) {
    let Some(name) = row.text(0) else { return };
    read.draft.add_place(name);
    let kind = row.text(1).unwrap_or_default();
    if kind.eq_ignore_ascii_case("shared") || kind.eq_ignore_ascii_case("external") {
        let object = from(ObjectKind::Datashare, ObjectName::bare(None, name), SystemView::SvvRedshiftDatabases);
        let roles = row.filled(2).map(|text| of_schema(Some(5), Some(text)).roles).unwrap_or_default();
        read.draft.add(StoredObject { detail: Some(kind.into()), ..object.keeping(roles) });
    } else if !name.eq_ignore_ascii_case(&read.database) && !matches!(name, "template0" | "template1" | "padb_harvest")
    {
        read.others.insert(name.to_owned());
    }
}

/// `share_name, share_type, source_database, consumer_database, producer_account`
pub(super) fn datashare(read: &mut Gathered, row: Cells<'_>) {
    let Some(name) = row.text(0) else { return };
    let object = from(ObjectKind::Datashare, ObjectName::bare(None, name), SystemView::SvvDatashares);
    let parts = [row.filled(1), row.filled(2), row.filled(3), row.filled(4)];
    let detail = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    read.draft.add(StoredObject { detail: Some(detail.into()), ..object });
}

/// What a code of `eskind` stands for; codes that are not documented keep their number.
fn kind_words(kind: Option<i64>) -> Arc<str> {
    match kind {
        Some(1) => "data catalog".into(),
        Some(2) => "Hive metastore".into(),
        Some(3) => "PostgreSQL".into(),
        Some(4) => "local Redshift".into(),
        Some(5) => "remote Redshift".into(),
        Some(6) => "system table".into(),
        Some(8) => "MySQL".into(),
        Some(9) => "Kinesis".into(),
        Some(10) => "Kafka".into(),
        Some(other) => format!("kind {other}").into(),
        None => "unknown kind".into(),
    }
}

/// `esoid, schemaname, eskind, esowner, databasename, esoptions`
pub(super) fn external_schema(read: &mut Gathered, row: Cells<'_>) {
    let Some(name) = row.text(1) else { return };
    read.shown.insert(name.to_owned());
    let (kind, database) = (row.number(2), row.filled(4));
    let options = of_schema(kind, row.filled(5));
    let target = match (kind, &options.secret) {
        (_, Some(secret)) => Some(Target::Secret(secret.clone())),
        (Some(1), None) => database.map(|name| Target::CatalogDatabase(name.to_owned())),
        _ => database.map(|name| Target::Other(name.to_owned())),
    };
    let namespace = read.namespaces.get(name).cloned().unwrap_or_default();
    let object =
        from(ObjectKind::ExternalSchema, ObjectName::bare(Some(&read.database), name), SystemView::SvvExternalSchemas);
    let object = StoredObject {
        owner: read.owner(row.number(3).or(namespace.owner)),
        grantees: namespace.acl.as_deref().map(grantees),
        target,
        detail: Some(kind_words(kind)),
        ..object.keeping(options.roles)
    };
    let object = read.recalled(object);
    read.draft.add(object);
}

/// `prooid, nspname, proname, proowner, lanname, prosrc` of functions that run in Lambda.
pub(super) fn external_function(read: &mut Gathered, row: Cells<'_>) {
    let (Some(schema), Some(name)) = (row.text(1), row.text(2)) else { return };
    let unknown = StoredCredential::unknown("the cluster shows the role of an external function nowhere");
    let object = from(ObjectKind::ExternalFunction, read.within(schema, name), SystemView::PgProcInfo);
    let object = StoredObject {
        owner: read.owner(row.number(3)),
        target: row.filled(5).map(|lambda| Target::Lambda(lambda.to_owned())),
        ..object.keeping([StoredRole::iam(unknown)])
    };
    let object = read.recalled(object);
    read.draft.add(object);
}

/// `prooid, nspname, proname, proowner, lanname, prosrc` of functions and procedures whose text can be read.
pub(super) fn routine(read: &mut Gathered, row: Cells<'_>) {
    let (Some(schema), Some(name)) = (row.text(1), row.text(2)) else { return };
    if is_system(schema) {
        return;
    }
    let is_procedure = row.text(4).is_some_and(|language| language.eq_ignore_ascii_case("plpgsql"));
    let kind = if is_procedure { ObjectKind::Procedure } else { ObjectKind::Function };
    let object = StoredObject {
        owner: read.owner(row.number(3)),
        ..from(kind, read.within(schema, name), SystemView::PgProcInfo)
    };
    if let Some(text) = row.whole(5).filter(|text| !text.trim().is_empty()) {
        let roles = if is_procedure { procedure::roles(text) } else { Vec::new() };
        read.draft.add_reader(object.keeping(roles), text);
    } else {
        let unknown = StoredCredential::unknown("its text is not shown");
        read.draft.add(object.keeping([StoredRole { clause: Clause::Absent, credential: unknown }]));
    }
}

/// `oid, schemaname, viewname, viewowner, definition`
pub(super) fn view(read: &mut Gathered, row: Cells<'_>) {
    let (Some(schema), Some(name)) = (row.text(1), row.text(2)) else { return };
    let object = StoredObject {
        owner: row.filled(3).map(Arc::from),
        ..from(ObjectKind::View, read.within(schema, name), SystemView::PgViews)
    };
    if let Some(text) = row.whole(4).filter(|text| !text.trim().is_empty()) {
        read.draft.add_reader(object, text);
    } else {
        let unknown = StoredCredential::unknown("its definition is not shown");
        read.draft.add(object.keeping([StoredRole { clause: Clause::Absent, credential: unknown }]));
    }
}

/// `schema_name, model_name, user_name`
pub(super) fn model(read: &mut Gathered, row: Cells<'_>) {
    if let (Some(schema), Some(name)) = (row.text(0), row.text(1)) {
        let owner = row.filled(2).map(str::to_owned);
        read.models.push(AskedModel { schema: schema.to_owned(), name: name.to_owned(), owner });
    }
}

/// What SHOW MODEL tells of one: keys and values; `None` where it was refused.
pub(super) fn shown_model(read: &mut Gathered, model: &AskedModel, rows: Option<&[Vec<Option<String>>]>) {
    let value = |key: &str| {
        let is_key =
            |row: &&Vec<Option<String>>| Cells(row).text(0).is_some_and(|name| name.trim().eq_ignore_ascii_case(key));
        rows?
            .iter()
            .find(is_key)
            .and_then(|row| Cells(row).filled(1))
            .map(|text| text.trim().trim_matches('\'').to_owned())
    };
    let credential = value("IAM Role").map_or_else(
        || StoredCredential::unknown("only the owner of a model is shown its role"),
        |text| StoredCredential::of_text(&text),
    );
    let object = from(ObjectKind::Model, read.within(&model.schema, &model.name), SystemView::ShowModel);
    let called = value("Function Name").map(|text| {
        let name = text.split('(').next().unwrap_or_default().trim();
        let (schema, name) = name.rsplit_once('.').unwrap_or((&model.schema, name));
        read.within(schema, name)
    });
    let object = StoredObject {
        owner: value("Owner").or_else(|| model.owner.clone()).map(Arc::from),
        called,
        ..object.keeping([StoredRole::iam(credential)])
    };
    let object = read.recalled(object);
    read.draft.add(object);
}

/// `job_id, job_name, iam_role, job_text`
pub(super) fn job(read: &mut Gathered, row: Cells<'_>) {
    let Some(name) = row.text(1) else { return };
    let credential = match row.text(2) {
        Some(text) => StoredCredential::of_column(text, JOB_ROLE_WIDTH),
        None => StoredCredential::unknown("its role is not shown"),
    };
    let object = from(ObjectKind::CopyJob, ObjectName::bare(None, name), SystemView::SysCopyJob);
    let object = read.recalled(object.keeping([StoredRole::iam(credential)]));
    read.draft.add(object);
}

/// `name, type, namespc, params`
pub(super) fn provider(read: &mut Gathered, row: Cells<'_>) {
    let Some(name) = row.text(0) else { return };
    let object = from(ObjectKind::IdentityProvider, ObjectName::bare(None, name), SystemView::SvvIdentityProviders);
    read.draft.add(StoredObject { detail: row.filled(1).map(Arc::from), ..object.keeping(of_provider(row.filled(3))) });
}

/// `username, iam_role, cmd`: `default` stands for any role here.
pub(super) fn assumerole(read: &mut Gathered, row: Cells<'_>) {
    let (Some(user), Some(role)) = (row.text(0), row.text(1)) else { return };
    let credential =
        if role.eq_ignore_ascii_case("default") { StoredCredential::All } else { StoredCredential::of_text(role) };
    let object = from(ObjectKind::AssumeroleGrant, ObjectName::bare(None, user), SystemView::AssumeroleGrants);
    let object = StoredObject { owner: Some(user.into()), detail: row.filled(2).map(Arc::from), ..object };
    read.draft.add(object.keeping([StoredRole { clause: Clause::AssumeRole, credential }]));
}
