//! What is read of dbt's `manifest.json` and `run_results.json`. Source: dbt Developer Hub, "Manifest JSON file", "Run results JSON file";
//! schemas v4 (`raw_sql`, `compiled_sql`) to v12 (`raw_code`, `compiled_code`).

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A project as dbt has parsed it.
#[derive(Debug, Deserialize)]
pub(super) struct Manifest {
    #[serde(default)]
    pub(super) metadata: ManifestMetadata,
    pub(super) nodes: BTreeMap<String, Node>,
    /// User-defined functions, which stand beside the nodes since dbt 1.11.
    #[serde(default)]
    pub(super) functions: BTreeMap<String, Node>,
}

/// About the manifest.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ManifestMetadata {
    /// The package that is the project's own.
    pub(super) project_name: Option<String>,
}

/// A model, snapshot, seed, test, operation, analysis or function.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Node {
    pub(super) resource_type: String,
    pub(super) package_name: String,
    pub(super) original_file_path: String,
    /// `package://path` of the properties file that describes it.
    pub(super) patch_path: Option<String>,
    pub(super) language: Option<String>,
    #[serde(alias = "raw_sql")]
    pub(super) raw_code: Option<String>,
    #[serde(alias = "compiled_sql")]
    pub(super) compiled_code: Option<String>,
    pub(super) relation_name: Option<String>,
    pub(super) database: Option<String>,
    pub(super) schema: Option<String>,
    pub(super) alias: Option<String>,
    pub(super) config: NodeConfig,
}

impl Node {
    /// Whether dbt runs hooks of it. Others hold hooks too, taken over from the settings of models, and nothing runs them.
    pub(super) fn runs_hooks(&self) -> bool {
        matches!(self.resource_type.as_str(), "model" | "seed" | "snapshot")
    }
}

/// The part of a node's configuration that is SQL.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NodeConfig {
    #[serde(rename = "pre-hook", alias = "pre_hook")]
    pub(super) pre_hook: Option<Hooks>,
    #[serde(rename = "post-hook", alias = "post_hook")]
    pub(super) post_hook: Option<Hooks>,
}

/// One hook, or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Hooks {
    Many(Vec<Hook>),
    One(Hook),
}

impl Hooks {
    /// The templates of all.
    pub(super) fn templates(hooks: Option<&Self>) -> Vec<&str> {
        let hooks = match hooks {
            None => &[],
            Some(Self::Many(hooks)) => hooks.as_slice(),
            Some(Self::One(hook)) => std::slice::from_ref(hook),
        };
        let text = |hook| match hook {
            &Hook::Text(ref text) | &Hook::Sql { sql: ref text } => text.as_str(),
        };
        hooks.iter().map(text).collect()
    }
}

/// A hook's template.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Hook {
    Text(String),
    Sql { sql: String },
}

/// What the last run compiled.
#[derive(Debug, Deserialize)]
struct RunResults {
    results: Vec<RunResult>,
}

#[derive(Debug, Deserialize)]
struct RunResult {
    unique_id: String,
    compiled_code: Option<String>,
}

/// The manifest of a project's target folder, with what `run_results.json` has compiled beside it.
///
/// # Errors
/// There is no manifest, or one of the files is none of dbt's.
pub(super) fn read(target: &Path) -> Result<Manifest, String> {
    let mut manifest: Manifest = parse(&target.join("manifest.json"))?;
    let results = target.join("run_results.json");
    if results.exists() {
        let results: RunResults = parse(&results)?;
        let compiled = results.results.into_iter().filter_map(|result| Some((result.unique_id, result.compiled_code?)));
        let compiled: HashMap<String, String> = compiled.collect();
        for (id, node) in
            manifest.nodes.iter_mut().chain(&mut manifest.functions).filter(|(_id, node)| node.compiled_code.is_none())
        {
            node.compiled_code = compiled.get(id).cloned();
        }
    }
    Ok(manifest)
}

fn parse<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let bytes = fs::read(path).map_err(|error| {
        format!("{}: cannot be read: {error}; run dbt compile in the project first", path.display())
    })?;
    serde_json::from_slice(&bytes).map_err(|error| format!("{}: is none of dbt's: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (what the configuration says, the hooks)
    #[test]
    fn hooks_of_every_form() {
        let rows: &[(&str, &[&str])] = &[
            ("{}", &[]),
            (r#"{"pre-hook": []}"#, &[]),
            (r#"{"pre-hook": "a"}"#, &["a"]),
            (r#"{"pre_hook": {"sql": "a", "transaction": false}}"#, &["a"]),
            (r#"{"pre-hook": [{"sql": "a", "index": null}, "b"]}"#, &["a", "b"]),
        ];
        for (config, expected) in rows {
            let config: NodeConfig = serde_json::from_str(config).unwrap();
            assert_eq!(Hooks::templates(config.pre_hook.as_ref()), *expected);
        }
    }

    #[test]
    fn the_last_run_adds_what_the_manifest_lacks() {
        let target = tempfile::tempdir().unwrap();
        let said = read(target.path()).unwrap_err();
        assert!(
            said.contains("manifest.json: cannot be read") && said.ends_with("run dbt compile in the project first")
        );
        let nodes = r#"{"nodes": {"model.a": {"raw_sql": "r"}, "model.b": {"compiled_code": "b"}}}"#;
        fs::write(target.path().join("manifest.json"), nodes).unwrap();
        assert_eq!(read(target.path()).unwrap().nodes["model.a"].compiled_code, None);
        let results = r#"{"results": [{"unique_id": "model.a", "compiled_code": "a"}, {"unique_id": "model.b", "compiled_code": "x"}, {"unique_id": "model.c"}]}"#;
        fs::write(target.path().join("run_results.json"), results).unwrap();
        let nodes = read(target.path()).unwrap().nodes;
        let compiled = |id: &str| nodes[id].compiled_code.clone().unwrap();
        assert_eq!(
            (compiled("model.a"), compiled("model.b"), nodes["model.a"].raw_code.as_deref()),
            ("a".into(), "b".into(), Some("r"))
        );
        fs::write(target.path().join("run_results.json"), "[]").unwrap();
        assert!(read(target.path()).unwrap_err().contains("run_results.json: is none of dbt's"));
    }
}
