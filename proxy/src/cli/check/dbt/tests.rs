use serde_json::{Value, json};

use super::*;

const MODEL: &str = "{{ config(materialized='table') }}\n\nselect *\nfrom {{ ref('raw') }}\n";

struct Project(tempfile::TempDir);

impl Project {
    fn new(manifest: &Value) -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        project.write("target/manifest.json", &manifest.to_string());
        project
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self) -> DbtTexts {
        let values = Values { vars: [("role".to_owned(), "arn:r".to_owned())].into(), ..Values::default() };
        texts(self.0.path(), &values).unwrap()
    }

    /// A file's name without the project's folder.
    fn short(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn judged(text: &InputText) -> &str {
    std::str::from_utf8(text.judged()).unwrap()
}

fn model(more: &Value) -> Value {
    let mut node = json!({
        "resource_type": "model", "package_name": "shop", "original_file_path": "models/a.sql", "raw_code": MODEL,
        "compiled_code": "\n\nselect *\nfrom \"dev\".\"raw\"\n", "database": "dev", "schema": "s", "alias": "a",
        "relation_name": "\"dev\".\"s\".\"a\"",
    });
    for (key, value) in more.as_object().unwrap() {
        node[key] = value.clone();
    }
    json!({"metadata": {"project_name": "shop"}, "nodes": {"model.shop.a": node}})
}

#[test]
fn a_model_is_judged_as_it_was_compiled() {
    let project = Project::new(&model(&json!({})));
    project.write("models/a.sql", &format!("-- a comment of the file\n{MODEL}"));
    let found = project.read();
    assert_eq!((found.texts.len(), found.unknown.len()), (1, 0));
    let text = &found.texts[0];
    assert_eq!(
        (judged(text), project.short(&text.file)),
        ("\n\nselect *\nfrom \"dev\".\"raw\"\n", "models/a.sql".to_owned())
    );
    assert_eq!((&text.id, text.about.as_deref()), (&Some(json!("model.shop.a")), Some("model model.shop.a")));
    assert_eq!(text.sender.database.as_deref(), Some("dev"));
    let (place, stands) = text.origin.place(Position { line: 3, column: 1 });
    assert_eq!((place.line, place.column, stands), (4, 1, true), "the line of the file, comment included");
}

/// A node that was not compiled is judged by its template, and that is said.
#[test]
fn a_model_that_is_not_compiled_is_told() {
    let template = "copy {{ this }} from '{{ var('path', 's3://b') }}' iam_role '{{ var('role') }}'";
    let project = Project::new(&model(&json!({"compiled_code": null, "raw_code": template})));
    let found = project.read();
    assert_eq!(judged(&found.texts[0]), "copy \"dev\".\"s\".\"a\" from 's3://b' iam_role 'arn:r'");
    assert_eq!(
        found.unknown.iter().map(|told| project.short(told)).collect::<Vec<_>>(),
        ["models/a.sql: model.shop.a is not compiled, and its template was judged; run dbt compile"]
    );
}

/// (what `this` and its attributes stand for)
#[test]
fn this_is_the_relation() {
    let template = "x {{ this }} {{ this.database }} {{ this.schema }} {{ this.identifier }} {{ this.name }} {{ this.table }} {{ this.other }}";
    let project = Project::new(&model(&json!({"compiled_code": null, "raw_code": template})));
    assert_eq!(judged(&project.read().texts[0]), "x \"dev\".\"s\".\"a\" dev s a a a jinja_expression");
}

/// (node, texts that are judged)
#[test]
fn what_a_node_runs() {
    let hooks = json!({"pre-hook": [{"sql": "grant a"}, "grant b"], "post-hook": "grant c"});
    let rows = [
        (json!({"config": hooks}), vec!["model", "pre-hook 1", "pre-hook 2", "post-hook 1"]),
        (json!({"config": hooks, "resource_type": "seed"}), vec!["seed", "pre-hook 1", "pre-hook 2", "post-hook 1"]),
        (json!({"config": hooks, "resource_type": "test"}), vec!["test"]),
        (json!({"config": hooks, "resource_type": "analysis"}), vec!["analysis"]),
        (json!({"language": "python", "config": hooks}), vec!["pre-hook 1", "pre-hook 2", "post-hook 1"]),
        (json!({"language": "sql"}), vec!["model"]),
        (json!({"raw_code": null}), vec![]),
        (json!({"raw_code": "  \n"}), vec![]),
    ];
    for (more, want) in rows {
        let found = Project::new(&model(&more)).read();
        let about: Vec<String> = found.texts.iter().map(|text| text.about.clone().unwrap()).collect();
        let starts = about.iter().zip(&want).all(|(about, start)| about.starts_with(start));
        assert!(about.len() == want.len() && starts, "{more}: {about:?}");
    }
}

/// (where a hook stands, the file and line that are named, what is added)
#[test]
fn a_hook_is_found_where_it_was_written() {
    let hook = "copy x from 's3://b' iam_role \"r\"";
    let with = |patch: Value| model(&json!({"config": {"post-hook": hook}, "patch_path": patch}));
    let place = |project: &Project| {
        let found = project.read();
        let text = found.texts.last().unwrap();
        let (at, _) = text.origin.place(Position { line: 1, column: 1 });
        (project.short(&text.file), at.line, at.column, project.short(text.about.as_deref().unwrap()))
    };
    let what = "post-hook 1 of model.shop.a";
    let project = Project::new(&with(Value::Null));
    project.write("models/a.sql", &format!("{{{{ config(\n  post_hook=`{hook}`) }}}}"));
    assert_eq!(place(&project), ("models/a.sql".to_owned(), 2, 14, what.to_owned()));
    let project = Project::new(&with(Value::Null));
    project.write("models/a.sql", "{{ config(\n\n  post_hook=\"copy x from 's3://b' iam_role \\\"r\\\"\") }}");
    assert_eq!(place(&project), ("models/a.sql".to_owned(), 3, 1, what.to_owned()), "in quotes: the line alone");
    let project = Project::new(&with(json!("shop://models/schema.yml")));
    project.write("models/a.sql", MODEL);
    project.write("models/schema.yml", &format!("a:\n  b:\n    {hook}\n"));
    assert_eq!(place(&project).3, format!("{what}, which stands in models/schema.yml:3"));
    let project = Project::new(&with(Value::Null));
    project.write("dbt_project.yml", &format!("models:\n  {hook}\n"));
    assert_eq!(place(&project).3, format!("{what}, which stands in dbt_project.yml:2"));
    let nowhere = Project::new(&with(Value::Null));
    assert_eq!(place(&nowhere).3, format!("{what}, which does not stand in the file itself"));
}

#[test]
fn a_hook_that_is_a_macro_is_told() {
    let found = Project::new(&model(&json!({"config": {"pre-hook": ["{{ load() }}", "select {{ x }}"]}}))).read();
    assert_eq!(found.unknown.len(), 1, "{:?}", found.unknown);
    assert!(
        found.unknown[0].ends_with(
            "models/a.sql: pre-hook 1 of model.shop.a is {{ load() }}: only a run of dbt shows what it sends"
        )
    );
}

/// Functions stand beside the nodes, and are compiled by the last run as they are.
#[test]
fn functions_are_judged_too() {
    let mut manifest = model(&json!({}));
    manifest["functions"] = json!({"function.shop.f": {
        "resource_type": "function", "package_name": "shop", "original_file_path": "functions/f.sql", "raw_code": "select {{ x }}",
    }});
    let project = Project::new(&manifest);
    assert_eq!(project.read().unknown.len(), 1, "not compiled");
    let results = json!({"results": [{"unique_id": "function.shop.f", "compiled_code": "select 1"}]});
    project.write("target/run_results.json", &results.to_string());
    let found = project.read();
    assert_eq!((found.texts.iter().map(judged).next_back(), found.unknown.len()), (Some("select 1"), 0));
}

#[test]
fn a_manifest_of_nothing_is_an_error() {
    let project = Project::new(&json!({"nodes": {}}));
    let told = texts(project.0.path(), &Values::default()).unwrap_err();
    assert_eq!(project.short(&told), "target/manifest.json: holds no nodes, so nothing would be checked");
}

#[test]
fn a_statement_that_is_an_expression_is_told() {
    let whole =
        |text: &str| whole_statement(&template::of_jinja(text.as_bytes(), &Values::default())).map(str::to_owned);
    assert_eq!(whole("{{ f() }}").as_deref(), Some("{{ f() }}"));
    assert_eq!(whole("select 1; {# x #} {{ f() }}").as_deref(), Some("{{ f() }}"));
    assert_eq!(whole("{{ config(x=1) }} select {{ f() }}"), None);
}

/// (project, package, file)
#[test]
fn a_file_is_in_the_folder_of_its_package() {
    let manifest: Manifest = serde_json::from_str(r#"{"metadata": {"project_name": "shop"}, "nodes": {}}"#).unwrap();
    for (project, package, file) in [
        ("p", "shop", "p/models/a.sql"),
        (".", "shop", "models/a.sql"),
        ("./p", "shop", "p/models/a.sql"),
        ("p", "utils", "p/dbt_packages/utils/models/a.sql"),
    ] {
        let node = Node { package_name: package.to_owned(), ..Node::default() };
        let values = Values::default();
        let reader = Reader { project: Path::new(project), manifest: &manifest, id: "", node: &node, values: &values };
        assert_eq!(reader.path("./models/a.sql"), Path::new(file), "{project} {package}");
    }
}

#[test]
fn a_hook_is_found_in_its_quotes() {
    let yaml = "a:\n  - \"copy x from \\\"y\\\"\"\n  - 'z ''q'' z'\n  - >\n    first\n    second";
    assert_eq!(line_of(yaml, "copy x from \"y\""), Some(2));
    assert_eq!(line_of(yaml, "z 'q' z"), Some(3));
    assert_eq!(line_of(yaml, "\nfirst second"), None);
    assert_eq!(line_of(yaml, "\n first\nsecond"), Some(5));
    assert_eq!(position(yaml, "first").map(|at| (at.line, at.column)), Some((5, 5)));
}
