//! Reads one file into the tree: definitions, imports, and every path that the code names, in macros and attributes too.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

use crate::tree::{Module, Reference, Segments, Tree};

/// Reads the file that was added last.
pub(crate) fn file(tree: &mut Tree) {
    let index = tree.files.len() - 1;
    let parsed = syn::parse_file(&tree.files[index].text).unwrap();
    let module = tree.files[index].module.clone();
    let is_test = tree.files[index].is_test;
    tree.modules.entry(module.clone()).or_default().file = index;
    Reader { tree, index, module, is_test, is_facade: false }.visit_file(&parsed);
}

struct Reader<'tree> {
    tree: &'tree mut Tree,
    index: usize,
    module: Segments,
    is_test: bool,
    is_facade: bool,
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

impl Reader<'_> {
    fn here(&mut self) -> &mut Module {
        self.tree.modules.entry(self.module.clone()).or_default()
    }

    fn reference(&mut self, path: Segments, line: usize) {
        let (module, is_test, is_facade) = (self.module.clone(), self.is_test, self.is_facade);
        self.tree.references.push(Reference { module, path, line, is_test, is_facade });
    }

    fn define(&mut self, name: &syn::Ident) {
        self.here().items.insert(name.to_string());
    }

    fn define_type(&mut self, name: &syn::Ident, visibility: &syn::Visibility) {
        self.define(name);
        if !self.is_test && !matches!(visibility, syn::Visibility::Inherited) {
            self.tree.files[self.index].types.push(name.to_string());
        }
    }

    fn import(&mut self, prefix: &Segments, tree: &UseTree) {
        let with = |name: &syn::Ident| [prefix.as_slice(), &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.import(&with(&path.ident), &path.tree),
            UseTree::Name(name) if name.ident == "self" => {
                let own = prefix.last().cloned().unwrap_or_default();
                self.bring_in(own, prefix.clone(), name.ident.span());
            }
            UseTree::Name(name) => self.bring_in(name.ident.to_string(), with(&name.ident), name.ident.span()),
            UseTree::Rename(rename) => {
                self.bring_in(rename.rename.to_string(), with(&rename.ident), rename.ident.span());
            }
            UseTree::Glob(glob) => {
                self.here().globs.push(prefix.clone());
                self.reference(prefix.clone(), glob.star_token.span.start().line);
            }
            UseTree::Group(group) => group.items.iter().for_each(|part| self.import(prefix, part)),
        }
    }

    fn bring_in(&mut self, name: String, path: Segments, span: proc_macro2::Span) {
        if self.is_facade {
            self.here().shown.insert(name.clone());
        }
        self.here().imports.insert(name, path.clone());
        self.reference(path, span.start().line);
    }

    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        if !self.is_test {
            let first = signature.fn_token.span.start().line;
            let last = block.brace_token.span.close().end().line;
            self.tree.files[self.index].functions.push((signature.ident.to_string(), first, last));
        }
    }

    /// Paths in the tokens of a macro or an attribute.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Segments = Vec::new();
        let (mut line, mut colons) = (0, 0);
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.finish(&mut path, line);
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    colons = 0;
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            self.finish(&mut path, line);
            colons = 0;
        }
        self.finish(&mut path, line);
    }

    fn finish(&mut self, path: &mut Segments, line: usize) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.reference(path, line);
        }
    }

    fn in_test(&mut self, is_test: bool, act: impl FnOnce(&mut Self)) {
        let before = self.is_test;
        self.is_test |= is_test;
        act(self);
        self.is_test = before;
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let is_test = is_for_tests(attributes(item));
        if is_test && !self.is_test {
            let lines = (item.span().start().line, item.span().end().line);
            self.tree.files[self.index].test_lines.push(lines);
        }
        self.in_test(is_test, |reader| {
            match item {
                Item::Const(item) => reader.define(&item.ident),
                Item::Enum(item) => reader.define_type(&item.ident, &item.vis),
                Item::Fn(item) => reader.define(&item.sig.ident),
                Item::Macro(item) => item.ident.iter().for_each(|ident| reader.define(ident)),
                Item::Static(item) => reader.define(&item.ident),
                Item::Struct(item) => reader.define_type(&item.ident, &item.vis),
                Item::Trait(item) => reader.define_type(&item.ident, &item.vis),
                Item::Type(item) => reader.define_type(&item.ident, &item.vis),
                Item::Union(item) => reader.define_type(&item.ident, &item.vis),
                _ => {}
            }
            visit::visit_item(reader, item);
        });
    }

    /// The sets that `closed_sets!` declares are written as enums are.
    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        if item.mac.path.is_ident("closed_sets") {
            let declared: syn::File = item.mac.parse_body().unwrap();
            let types =
                declared.items.iter().filter_map(|item| if let Item::Enum(item) = item { Some(item) } else { None });
            types.for_each(|item| self.define_type(&item.ident, &item.vis));
        }
        visit::visit_item_macro(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let Some((_, items)) = &item.content else { return };
        let outer = self.module.clone();
        let name = item.ident.to_string();
        self.module.push(name.clone());
        let inner = self.module.clone();
        self.tree.modules.entry(outer.clone()).or_default().children.insert(name, inner);
        self.here().file = self.index;
        for item in items {
            self.visit_item(item);
        }
        self.module = outer;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let prefix = if item.leading_colon.is_some() { vec![String::new()] } else { Vec::new() };
        self.is_facade = !matches!(item.vis, syn::Visibility::Inherited);
        self.import(&prefix, &item.tree);
        self.is_facade = false;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.in_test(is_for_tests(&item.attrs), |reader| {
            reader.function(&item.sig, &item.block);
            visit::visit_impl_item_fn(reader, item);
        });
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_visibility(&mut self, _visibility: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        // A lone name is defined here or was imported, and the import has been seen; but one that is shown to others may be used too.
        let is_shown = path.get_ident().is_some_and(|name| self.here().shown.contains(&name.to_string()));
        if path.segments.len() > 1 || is_shown {
            let mut segments: Segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            if path.leading_colon.is_some() {
                segments.insert(0, String::new());
            }
            self.reference(segments, path.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        self.visit_path(attribute.path());
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }
}
