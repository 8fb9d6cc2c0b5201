//! Rows of the documented shapes, and what they come to.

use std::sync::Arc;

use crate::catalog::{Catalog, ClusterReading, ObjectKind, Remembered, SystemView, ViewState};

const A: &str = "arn:aws:iam::123456789012:role/RoleA";

/// Rows of a view, cells divided by `|`; `~` stands for null.
type ViewRows<'a> = (SystemView, &'a [&'a str]);

fn rows(lines: &[&str]) -> Vec<Vec<Option<String>>> {
    let cell = |text: &str| (text != "~").then(|| text.to_owned());
    lines.iter().map(|line| line.split('|').map(cell).collect()).collect()
}

fn read(user: &str, views: &[ViewRows<'_>], refused: &[SystemView]) -> Catalog {
    let mut reading = ClusterReading::new("dev", user, Arc::new(Remembered::default()));
    for question in ClusterReading::questions() {
        if refused.contains(&question.view) {
            reading.ended(question.view, ViewState::Unreadable { reason: "permission denied".into() });
            continue;
        }
        let lines =
            views.iter().filter(|(view, _)| *view == question.view).flat_map(|(_, lines)| lines.iter().copied());
        let rows = rows(&lines.collect::<Vec<_>>());
        reading.take(question, &rows);
        reading.ended(question.view, ViewState::Read { rows: rows.len() });
    }
    for (model, statement) in reading.models() {
        assert_eq!(statement, format!("show model \"{}\".\"{}\"", model.schema, model.name));
        let shown =
            rows(&["Model Name|churn", &format!("IAM Role |'{A}'"), "Function Name|predict_churn", "Owner|etl"]);
        reading.take_model(&model, (model.name == "churn").then_some(&shown));
    }
    reading.ended(SystemView::ShowModel, ViewState::Read { rows: 1 });
    reading.finish()
}

fn told(catalog: &Catalog) -> Vec<String> {
    let line = |object: &Arc<crate::catalog::StoredObject>| {
        let roles: Vec<_> = object.roles.iter().map(|role| role.credential.as_str()).collect();
        format!("{} {} {} {}", object.kind, object.name, object.owner.as_deref().unwrap_or("-"), roles.join("+"))
    };
    catalog.objects().iter().map(line).collect()
}

const USERS: &[&str] = &["1|rdsdb|t", "100|etl|f", "101|gate|t", "102|reader|f"];

fn everything(schema: &str, job: &str) -> Vec<(SystemView, Vec<String>)> {
    vec![
        (SystemView::PgUser, USERS.iter().map(|line| (*line).to_owned()).collect()),
        (
            SystemView::PgGroup,
            vec!["100|analysts|{100,102}".to_owned(), "101|nobody|~".to_owned(), "102|odd|{100,999}".to_owned()],
        ),
        (
            SystemView::PgNamespace,
            ["2200|public|1|~", "11|pg_catalog|1|~", "300|spectrum|100|{etl=UC/etl,=U/etl}", "301|other|1|~"]
                .map(str::to_owned)
                .to_vec(),
        ),
        (SystemView::SvvExternalSchemas, vec![schema.to_owned()]),
        (SystemView::SysCopyJob, vec![job.to_owned()]),
        (SystemView::SvvIdentityProviders, vec!["azure|azure|aad|{\"client_secret\":, \"x\":1}".to_owned()]),
        (SystemView::StvMlModelInfo, vec!["public|churn|etl".to_owned(), "public|other|etl".to_owned()]),
        (SystemView::PgLanguage, vec!["500|public|mask|100|exfunc|my-lambda".to_owned()]),
        (
            SystemView::PgProcInfo,
            vec![
                format!("501|public|load|100|plpgsql|begin copy t from 's3://b/x' iam_role '{A}'; end"),
                "502|public|plain|100|plpgsql|begin null; end".to_owned(),
                "503|public|dark|100|plpgsql|~".to_owned(),
            ],
        ),
        (
            SystemView::PgViews,
            vec![
                "600|public|v|etl|select * from spectrum.sales".to_owned(),
                "601|public|w|etl|select 1".to_owned(),
                "602|public|late|etl|create view late as select mask(a) from public.v with no schema binding"
                    .to_owned(),
            ],
        ),
    ]
}

fn catalog(user: &str, schema: &str, refused: &[SystemView]) -> Catalog {
    let all = everything(schema, &format!("7|nightly |{A}|copy t"));
    let lines: Vec<(SystemView, Vec<&str>)> =
        all.iter().map(|(view, lines)| (*view, lines.iter().map(String::as_str).collect())).collect();
    let views: Vec<ViewRows<'_>> = lines.iter().map(|(view, lines)| (*view, lines.as_slice())).collect();
    read(user, &views, refused)
}

fn schema_row() -> String {
    format!("300|spectrum|1|100|glue|{{\"IAM_ROLE\":\"{A}\"}}")
}

#[test]
fn a_cluster_as_its_superuser_sees_it() {
    let catalog = catalog("gate", &schema_row(), &[]);
    assert_eq!(
        told(&catalog),
        [
            "external_schema dev.spectrum etl chain",
            "external_function dev.public.mask etl unknown",
            "model dev.public.churn etl chain",
            "model dev.public.other etl unknown",
            "copy_job nightly - chain",
            "identity_provider azure - keys",
            "procedure dev.public.dark etl unknown",
            "procedure dev.public.\"load\" etl chain",
            "view dev.public.late etl ",
            "view dev.public.v etl ",
        ]
        .map(|line| line.replace("\"load\"", "load"))
    );
    let groups = &catalog.people().groups;
    assert_eq!(groups["analysts"], ["etl", "reader"]);
    assert!(!groups.contains_key("nobody"));
    assert_eq!(groups["odd"], ["etl"], "a member whom the cluster does not know is none");
    assert_eq!(catalog.gap(ObjectKind::ExternalSchema), None);
    assert_eq!(catalog.gap(ObjectKind::Procedure), None);
    assert!(catalog == self::catalog("gate", &schema_row(), &[]), "the same rows make the same catalogue");
}

#[test]
fn what_a_reader_does_not_see_is_unknown_and_never_nothing() {
    let catalog = catalog("reader", &schema_row(), &[]);
    let lines = told(&catalog);
    assert!(lines.contains(&"external_schema dev.other rdsdb unknown".to_owned()), "{lines:?}");
    assert!(
        lines.contains(&"external_schema dev.public rdsdb unknown".to_owned()),
        "it cannot be told from an external one"
    );
    let gap = catalog.gap(ObjectKind::ExternalSchema).unwrap();
    assert!(gap.contains("2 schemas may be external ones"), "{gap}");
    for kind in [ObjectKind::Model, ObjectKind::CopyJob] {
        assert!(catalog.gap(kind).unwrap().contains("superusers alone"), "{kind}");
    }
}

#[test]
fn a_view_that_is_refused_is_a_gap() {
    for (view, kind) in [
        (SystemView::SvvExternalSchemas, ObjectKind::ExternalSchema),
        (SystemView::PgNamespace, ObjectKind::ExternalSchema),
        (SystemView::PgLanguage, ObjectKind::ExternalFunction),
        (SystemView::PgProcInfo, ObjectKind::Procedure),
        (SystemView::PgViews, ObjectKind::View),
        (SystemView::StvMlModelInfo, ObjectKind::Model),
        (SystemView::SysCopyJob, ObjectKind::CopyJob),
        (SystemView::SvvIdentityProviders, ObjectKind::IdentityProvider),
    ] {
        let gap = catalog("gate", &schema_row(), &[view]).gap(kind);
        assert!(gap.as_deref().is_some_and(|gap| gap.ends_with("permission denied")), "{view}: {gap:?}");
    }
    let hidden = catalog("reader", &schema_row(), &[SystemView::SvvExternalSchemas]);
    assert!(
        told(&hidden).contains(&"external_schema dev.spectrum etl unknown".to_owned()),
        "its name is known all the same"
    );
}

#[test]
fn odd_rows() {
    for (row, want) in [
        ("300|spectrum|7|100|glue|{}".to_owned(), "unknown"),
        ("300|spectrum|~|~|~|~".to_owned(), "unknown"),
        ("300|spectrum|1|100|glue|no json".to_owned(), "unknown"),
        ("300|spectrum|4|100|other_db|~".to_owned(), ""),
        (format!("300|spectrum|1|100|glue|{{\"iam_role\":\"{A}\"}}"), "chain"),
        ("300".to_owned(), "-"),
    ] {
        let catalog = catalog("gate", &row, &[]);
        let found = told(&catalog).into_iter().find(|line| line.starts_with("external_schema dev.spectrum"));
        assert_eq!(found.as_deref().and_then(|line| line.split(' ').nth(3)).unwrap_or("-"), want, "{row}");
    }
    let long = format!("7|nightly|{A},arn:aws:iam::210987654321:role/{}|copy t", "x".repeat(128));
    let cut: String = long.split('|').nth(2).unwrap().chars().take(128).collect();
    let all = everything(&schema_row(), &format!("7|nightly|{cut}|copy t"));
    let job: Vec<&str> = all
        .iter()
        .filter(|(view, _)| *view == SystemView::SysCopyJob)
        .flat_map(|(_, rows)| rows)
        .map(String::as_str)
        .collect();
    let catalog = read("gate", &[(SystemView::SysCopyJob, &job)], &[]);
    assert_eq!(told(&catalog), ["copy_job nightly - cut"]);
}

#[test]
fn fifty_thousand_objects() {
    let views: Vec<String> = (0..50_000)
        .map(|number| format!("{number}|public|v{number}|etl|select a.x, a.y from public.t{number} a"))
        .collect();
    let lines: Vec<&str> = views.iter().map(String::as_str).collect();
    let schemas: Vec<String> =
        (0..500).map(|number| format!("{number}|s{number}|1|100|glue|{{\"IAM_ROLE\":\"{A}\"}}")).collect();
    let schemas: Vec<&str> = schemas.iter().map(String::as_str).collect();
    let began = std::time::Instant::now();
    let catalog = read("gate", &[(SystemView::PgViews, &lines), (SystemView::SvvExternalSchemas, &schemas)], &[]);
    assert_eq!(catalog.objects().len(), 500, "views that read nothing external are not kept");
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}
