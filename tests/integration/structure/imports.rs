//! What a source file of a crate names outside itself.

use std::collections::BTreeSet;

use syn::{
    Attribute, ItemMod, ItemUse, Meta, Path, UseTree,
    visit::{self, Visit},
};

/// Something outside a file that the file names.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Import {
    /// A module at the root of the same crate.
    Folder(String),
    /// The first name of a path that is not of the same crate: a foreign crate, where there is one of that name.
    Crate(String),
}

/// What `source` names, in `use` items and in paths written out; modules under `#[cfg(test)]` and the insides
/// of macro calls are left out. `module` is the path of the file's own module.
pub(super) fn imports(module: &[String], source: &str) -> syn::Result<BTreeSet<Import>> {
    let mut visitor = Visitor {
        module: module.to_vec(),
        found: BTreeSet::new(),
    };
    visitor.visit_file(&syn::parse_file(source)?);
    Ok(visitor.found)
}

struct Visitor {
    module: Vec<String>,
    found: BTreeSet<Import>,
}

impl Visitor {
    /// Notes what a path of these names leads to.
    fn note(&mut self, names: &[String]) {
        let mut here = self.module.clone();
        let mut rest = names;
        let mut own = false;
        while let [first, tail @ ..] = rest {
            match first.as_str() {
                "crate" => here.clear(),
                "self" => {}
                "super" => drop(here.pop()),
                _ => break,
            }
            own = true;
            rest = tail;
        }
        let Some(next) = rest.first() else {
            return;
        };
        let import = match here.first() {
            _ if !own => Import::Crate(next.clone()),
            Some(folder) => Import::Folder(folder.clone()),
            None => Import::Folder(next.clone()),
        };
        self.found.insert(import);
    }

    fn note_tree(&mut self, tree: &UseTree, mut names: Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                names.push(path.ident.to_string());
                self.note_tree(&path.tree, names);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.note_tree(tree, names.clone());
                }
            }
            UseTree::Name(name) => {
                names.push(name.ident.to_string());
                self.note(&names);
            }
            UseTree::Rename(rename) => {
                names.push(rename.ident.to_string());
                self.note(&names);
            }
            UseTree::Glob(_) => {
                names.push("*".to_owned());
                self.note(&names);
            }
        }
    }
}

impl<'ast> Visit<'ast> for Visitor {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if module.attrs.iter().any(is_cfg_test) {
            return;
        }
        self.module.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.note_tree(&item.tree, Vec::new());
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let names: Vec<_> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        // one name alone is a local one, or one that a `use` has brought in
        if names.len() > 1 {
            self.note(&names);
        }
        visit::visit_path(self, path);
    }
}

fn is_cfg_test(attribute: &Attribute) -> bool {
    match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    }
}
