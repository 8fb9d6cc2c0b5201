//! The SQL of a dbt project: what its nodes were compiled to, and the hooks and operations that dbt renders when it runs.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::check::compiled::CompiledLines;
use crate::cli::check::input::{InputText, Sender};
use crate::cli::check::jinja::Values;
use crate::cli::check::manifest::{self, Hooks, Manifest, Node};
use crate::cli::check::origin::TextOrigin;
use crate::cli::check::template::{self, Rendered};
use crate::sql::position::{Position, Positions};

/// The file in which a project's operations and settings stand.
const PROJECT_FILE: &str = "dbt_project.yml";

/// What a project holds.
#[derive(Debug, Default)]
pub(super) struct DbtTexts {
    pub(super) texts: Vec<InputText>,
    /// What could not be judged as it will run, one line each.
    pub(super) unknown: Vec<String>,
}

/// The texts of the project in a folder, under these values of `var()`.
///
/// # Errors
/// There is no manifest, or it is none, or nothing is in it.
pub(super) fn texts(project: &Path, values: &Values) -> Result<DbtTexts, String> {
    let target = project.join("target");
    let manifest = manifest::read(&target)?;
    if manifest.nodes.is_empty() {
        return Err(format!("{}: holds no nodes, so nothing would be checked", target.join("manifest.json").display()));
    }
    let mut found = DbtTexts::default();
    for (id, node) in manifest.nodes.iter().chain(&manifest.functions) {
        Reader { project, manifest: &manifest, id, node, values: &of_node(values, node) }.read(&mut found);
    }
    Ok(found)
}

/// The values of expressions in a node.
fn of_node(values: &Values, node: &Node) -> Values {
    let of_this = [
        ("this", node.relation_name.as_ref()),
        ("this.database", node.database.as_ref()),
        ("this.schema", node.schema.as_ref()),
        ("this.identifier", node.alias.as_ref()),
        ("this.name", node.alias.as_ref()),
        ("this.table", node.alias.as_ref()),
    ];
    let this = of_this.into_iter().filter_map(|(name, value)| Some((name, value?.clone()))).collect();
    Values { this, ..values.clone() }
}

/// A node that is being read.
#[derive(Debug)]
struct Reader<'m> {
    project: &'m Path,
    manifest: &'m Manifest,
    id: &'m str,
    node: &'m Node,
    values: &'m Values,
}

impl Reader<'_> {
    fn read(&self, found: &mut DbtTexts) {
        let path = self.path(&self.node.original_file_path);
        let file = fs::read_to_string(&path).unwrap_or_default();
        let is_sql = self.node.language.as_deref().is_none_or(|language| language == "sql");
        if let Some(template) = self.node.raw_code.as_deref().filter(|code| is_sql && !code.trim().is_empty()) {
            self.node_text(template, &path, &file, found);
        }
        if self.node.runs_hooks() {
            for (when, hooks) in [("pre", &self.node.config.pre_hook), ("post", &self.node.config.post_hook)] {
                for (number, template) in (1_usize..).zip(Hooks::templates(hooks.as_ref())) {
                    let what = format!("{when}-hook {number} of {}", self.id);
                    self.hook(template, what, &path, &file, found);
                }
            }
        }
    }

    /// What the node itself runs; an operation stands in a line of the project's file.
    fn node_text(&self, template: &str, path: &Path, file: &str, found: &mut DbtTexts) {
        let base = position(file, template.trim()).unwrap_or(Position { line: 1, column: 1 });
        let about = Some(format!("{} {}", self.node.resource_type, self.id));
        let Some(compiled) = &self.node.compiled_code else {
            let told = format!(
                "{}: {} is not compiled, and its template was judged; run dbt compile",
                path.display(),
                self.id
            );
            found.unknown.push(told);
            let rendered = template::of_jinja(template.trim().as_bytes(), self.values);
            let text = self.text(path, template.trim().as_bytes().to_vec(), about);
            found.texts.push(InputText { rendered: Some(rendered), origin: TextOrigin::At(base), ..text });
            return;
        };
        let origin = if self.node.resource_type == "operation" {
            TextOrigin::Near(base.line)
        } else {
            TextOrigin::Compiled(CompiledLines::of(compiled, template.trim(), base.line))
        };
        found.texts.push(InputText { origin, ..self.text(path, compiled.clone().into_bytes(), about) });
    }

    fn hook(&self, template: &str, what: String, path: &Path, file: &str, found: &mut DbtTexts) {
        let rendered = template::of_jinja(template.as_bytes(), self.values);
        if let Some(expression) = whole_statement(&rendered) {
            let told = format!("{}: {what} is {expression}: only a run of dbt shows what it sends", path.display());
            found.unknown.push(told);
        }
        let (origin, what) = match (position(file, template), line_of(file, template)) {
            (Some(at), _) => (TextOrigin::At(at), what),
            (None, Some(line)) => (TextOrigin::Near(line), what),
            (None, None) => (TextOrigin::Near(1), format!("{what}, {}", self.set_elsewhere(template))),
        };
        let text = self.text(path, template.as_bytes().to_vec(), Some(what));
        found.texts.push(InputText { rendered: Some(rendered), origin, ..text });
    }

    /// Names the file of settings that a hook stands in.
    fn set_elsewhere(&self, template: &str) -> String {
        let properties = self.node.patch_path.as_deref().and_then(|path| Some(path.split_once("://")?.1));
        for name in properties.into_iter().chain([PROJECT_FILE]) {
            let path = self.path(name);
            let settings = fs::read_to_string(&path).unwrap_or_default();
            let line = position(&settings, template).map(|at| at.line).or_else(|| line_of(&settings, template));
            if let Some(line) = line {
                return format!("which stands in {}:{line}", path.display());
            }
        }
        "which does not stand in the file itself".to_owned()
    }

    fn text(&self, path: &Path, bytes: Vec<u8>, about: Option<String>) -> InputText {
        let sender = Sender { database: self.node.database.clone(), ..Sender::default() };
        let text = InputText::of_file(path.display().to_string(), bytes);
        InputText { id: Some(self.id.into()), about, sender, ..text }
    }

    /// Where a file of the node's package is.
    fn path(&self, name: &str) -> PathBuf {
        let name = name.trim_start_matches("./");
        let project = self.project.strip_prefix(".").unwrap_or(self.project);
        let own = self.manifest.metadata.project_name.as_deref().is_none_or(|own| own == self.node.package_name);
        if own || self.node.package_name.is_empty() {
            project.join(name)
        } else {
            project.join("dbt_packages").join(&self.node.package_name).join(name)
        }
    }
}

/// Where a text stands in a file as it is.
fn position(file: &str, text: &str) -> Option<Position> {
    let at = (!text.is_empty()).then(|| memchr::memmem::find(file.as_bytes(), text.as_bytes()))??;
    Some(Positions::of(file.as_bytes()).at(at))
}

/// The line in which a text begins, quoted as YAML or a Jinja literal quotes it.
fn line_of(file: &str, text: &str) -> Option<usize> {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let forms = [first.to_owned(), first.replace('"', "\\\""), first.replace('\'', "''"), first.replace('\'', "\\'")];
    forms.iter().find_map(|form| position(file, form)).map(|at| at.line)
}

/// An expression that a whole statement is made of: nobody knows which.
fn whole_statement(rendered: &Rendered) -> Option<&str> {
    let begins = |at: usize| {
        let before = rendered.bytes.get(..at).unwrap_or_default().trim_ascii_end();
        before.is_empty() || before.ends_with(b";")
    };
    rendered.open.iter().find(|open| begins(open.span.start)).map(|open| open.written.as_str())
}

#[cfg(test)]
mod tests;
