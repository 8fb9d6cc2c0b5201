//! The modules of the crate as the compiler sees them: what each defines, imports and names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::visit;

/// The segments of a path, without generics.
pub(crate) type Segments = Vec<String>;

/// One module: a file, or a block in one.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// The file it stands in.
    pub file: usize,
    /// Modules within, by name.
    pub children: BTreeMap<String, Segments>,
    /// What `use` brings in, by the name that it has here.
    pub imports: BTreeMap<String, Segments>,
    /// Names of `imports` that are only shown to others, unless code here uses them.
    pub shown: BTreeSet<String>,
    /// What `use path::*` brings in.
    pub globs: Vec<Segments>,
    /// Types, functions, constants and macros that are defined here.
    pub items: BTreeSet<String>,
}

/// A path that some code names.
#[derive(Debug)]
pub(crate) struct Reference {
    pub module: Segments,
    pub path: Segments,
    pub line: usize,
    /// Stands in code that is compiled for tests alone.
    pub is_test: bool,
    /// Shows what another file has, and does not use it.
    pub is_facade: bool,
}

/// A source file, by its path below `src`.
#[derive(Debug)]
pub(crate) struct File {
    pub name: String,
    pub module: Segments,
    pub text: String,
    pub is_test: bool,
    /// Lines of the items for tests alone, first and last.
    pub test_lines: Vec<(usize, usize)>,
    /// Name, first and last line of each function; those of tests left out.
    pub functions: Vec<(String, usize, usize)>,
    /// Structs, enums, traits and aliases that other files can name, without those of tests.
    pub types: Vec<String>,
}

/// What a path leads to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Target {
    Module(Segments),
    /// An item of a module.
    Item(Segments),
    /// Another crate's, or the standard library's: the whole path.
    Foreign(Segments),
    /// A generic parameter, a variant, or what the prelude holds.
    Unknown,
}

/// The crate's source.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub files: Vec<File>,
    pub modules: BTreeMap<Segments, Module>,
    pub references: Vec<Reference>,
}

/// More steps than any chain of re-exports has.
const MAX_STEPS: usize = 16;

impl Tree {
    /// Reads every file of `src` but the programs'.
    pub(crate) fn read(src: &Path) -> Self {
        let mut tree = Self::default();
        let mut paths = Vec::new();
        gather(src, &mut paths);
        paths.sort();
        for path in paths {
            let name = path.strip_prefix(src).unwrap().to_string_lossy().into_owned();
            if name != "main.rs" {
                tree.add(name, fs::read_to_string(&path).unwrap());
            }
        }
        tree
    }

    /// Adds a file; its path says which module it is.
    pub(crate) fn add(&mut self, name: String, text: String) {
        let path = name.trim_end_matches(".rs");
        let module: Segments = if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() };
        if let Some((last, parent)) = module.split_last() {
            self.modules.entry(parent.to_vec()).or_default().children.insert(last.clone(), module.clone());
        }
        let is_test = module.iter().any(|part| part == "tests");
        let file =
            File { name, module, text, is_test, test_lines: Vec::new(), functions: Vec::new(), types: Vec::new() };
        self.files.push(file);
        visit::file(self);
    }

    /// The file that a module stands in.
    pub(crate) fn file_of(&self, module: &Segments) -> &File {
        &self.files[self.modules[module].file]
    }

    /// Follows a path that is named in a module through imports and re-exports.
    pub(crate) fn resolve(&self, module: &Segments, path: &[String]) -> Target {
        self.step(module, path, 0)
    }

    fn step(&self, module: &Segments, path: &[String], steps: usize) -> Target {
        if steps > MAX_STEPS {
            return Target::Unknown;
        }
        let Some((first, rest)) = path.split_first() else { return Target::Module(module.clone()) };
        match first.as_str() {
            "crate" => self.walk(Vec::new(), rest, steps),
            "self" => self.walk(module.clone(), rest, steps),
            "super" => {
                let mut parent = module.clone();
                parent.pop();
                if rest.first().is_some_and(|next| next == "super") {
                    self.step(&parent, rest, steps + 1)
                } else {
                    self.walk(parent, rest, steps)
                }
            }
            "" => Target::Foreign(rest.to_vec()),
            _ => match self.walk(module.clone(), path, steps) {
                Target::Unknown if first.starts_with(|letter: char| letter.is_ascii_lowercase()) => {
                    Target::Foreign(path.to_vec())
                }
                target => target,
            },
        }
    }

    /// Follows a path from the inside of a module.
    fn walk(&self, module: Segments, path: &[String], steps: usize) -> Target {
        let Some((first, rest)) = path.split_first() else { return Target::Module(module) };
        let Some(here) = self.modules.get(&module) else { return Target::Unknown };
        // A function and a module may share a name: one that goes on is a module.
        if rest.is_empty() && here.items.contains(first) {
            return Target::Item(module);
        }
        if let Some(child) = here.children.get(first) {
            return self.walk(child.clone(), rest, steps + 1);
        }
        if let Some(import) = here.imports.get(first) {
            // An import of a name that is also a crate's names the crate.
            if import.as_slice() == std::slice::from_ref(first) {
                return Target::Foreign(path.to_vec());
            }
            let whole: Segments = import.iter().chain(rest).cloned().collect();
            return self.step(&module, &whole, steps + 1);
        }
        if here.items.contains(first) {
            return Target::Item(module);
        }
        let mut through = here.globs.iter().map(|glob| {
            let whole: Segments = glob.iter().chain(path).cloned().collect();
            self.step(&module, &whole, steps + 1)
        });
        through.find(|target| matches!(target, Target::Item(_))).unwrap_or(Target::Unknown)
    }

    /// The file that a reference leads to; none where it leads out of the crate, or names a module only to go on from it.
    pub(crate) fn target_file(&self, reference: &Reference) -> Option<&File> {
        match self.resolve(&reference.module, &reference.path) {
            Target::Item(module) => Some(self.file_of(&module)),
            Target::Module(_) | Target::Foreign(_) | Target::Unknown => None,
        }
    }

    /// The path that a reference has in another crate or the standard library.
    pub(crate) fn foreign(&self, reference: &Reference) -> Option<Segments> {
        match self.resolve(&reference.module, &reference.path) {
            Target::Foreign(path) => Some(path),
            Target::Module(_) | Target::Item(_) | Target::Unknown => None,
        }
    }

    /// The room of the crate that a reference leads to, if it is a path of the crate.
    pub(crate) fn room(&self, reference: &Reference) -> Option<String> {
        match self.resolve(&reference.module, &reference.path) {
            Target::Module(path) | Target::Item(path) => path.first().cloned(),
            Target::Foreign(_) | Target::Unknown => None,
        }
    }
}

fn gather(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}
