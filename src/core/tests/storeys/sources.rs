//! The files of `src`, and which file uses which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, ItemImpl, ItemMod, ItemUse, UseTree};

use crate::sentences::Sentences;

/// The names that each shipped file uses of others. Files are named by their path below `src`.
pub(crate) struct Sources {
    src: PathBuf,
    /// The paths in each file, such as `crate::proof::state::State`.
    files: BTreeMap<PathBuf, Vec<String>>,
    sentences: BTreeMap<PathBuf, Sentences>,
}

/// A use of one file by another, with the path that names it.
pub(crate) struct Arrow {
    pub from: PathBuf,
    pub to: PathBuf,
    pub path: String,
}

impl Sources {
    /// Reads each crate, beginning with its roots.
    pub(crate) fn read(src: &Path) -> Self {
        let mut sources = Self { src: src.to_owned(), files: BTreeMap::new(), sentences: BTreeMap::new() };
        for name in sources.crates() {
            for root in ["lib.rs", "main.rs"] {
                sources.read_file(Path::new(&name).join(root));
            }
        }
        assert!(sources.files.len() > 100, "{} files are too few", sources.files.len());
        sources
    }

    /// Reads a file and the files of the modules that it declares. Tests are left out.
    fn read_file(&mut self, file: PathBuf) {
        let Ok(text) = fs::read_to_string(self.src.join(&file)) else { return };
        let parsed = syn::parse_file(&text).unwrap();
        let mut paths = Paths::default();
        paths.visit_file(&parsed);
        let below = folder(&file);
        self.sentences.insert(file.clone(), Sentences::of(&parsed));
        self.files.insert(file, paths.found);
        for module in paths.modules {
            self.read_file(below.join(format!("{module}.rs")));
            self.read_file(below.join(module).join("mod.rs"));
        }
    }

    /// The sentences for which each file looks in a text, and the constants of this kind that it compares.
    pub(crate) fn sentences_looked_for(&self) -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        for (file, sentences) in &self.sentences {
            let is_imported = |name: &String| {
                let paths = self.files[file].iter().filter(|path| path.ends_with(&format!("::{name}")));
                let mut from = paths.filter_map(|path| self.file_of(file, path));
                from.any(|other| self.sentences[&other].constants.contains(name))
            };
            let is_meant = |name: &&String| sentences.constants.contains(*name) || is_imported(name);
            let compared = sentences.compared.iter().filter(is_meant);
            let all = sentences.looked_for.iter().chain(compared);
            found.extend(all.map(|text| (file.display().to_string(), text.clone())));
        }
        found
    }

    /// The crates: the folders of `src`.
    pub(crate) fn crates(&self) -> BTreeSet<String> {
        let folders = fs::read_dir(&self.src).unwrap().map(|entry| entry.unwrap().path());
        folders.filter(|path| path.join("Cargo.toml").exists()).map(|path| last(&path)).collect()
    }

    /// The other crates that the crate called `name` uses.
    pub(crate) fn crates_used_by(&self, name: &str) -> BTreeSet<String> {
        let pairs = self.arrows().into_iter().map(|arrow| (first(&arrow.from), first(&arrow.to)));
        pairs.filter(|(from, to)| from == name && to != name).map(|(_, to)| to).collect()
    }

    /// The modules of the core's root.
    pub(crate) fn storeys(&self) -> BTreeSet<String> {
        self.files.keys().filter_map(|file| storey(file)).collect()
    }

    /// The arrows between storeys of the core, with the names of the two.
    pub(crate) fn between_storeys(&self) -> Vec<(String, String, Arrow)> {
        let named = |arrow: Arrow| Some((storey(&arrow.from)?, storey(&arrow.to)?, arrow));
        self.arrows().into_iter().filter_map(named).filter(|(from, to, _)| from != to).collect()
    }

    /// The groups of files that use each other, each in one group.
    pub(crate) fn circles(&self) -> BTreeSet<BTreeSet<PathBuf>> {
        let mut next: BTreeMap<PathBuf, BTreeSet<PathBuf>> = BTreeMap::new();
        for arrow in self.arrows() {
            next.entry(arrow.from).or_default().insert(arrow.to);
        }
        let reached = |from: &PathBuf| {
            let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
            while let Some(file) = open.pop() {
                open.extend(next.get(file).into_iter().flatten().filter(|to| seen.insert((*to).clone())));
            }
            seen
        };
        let reached: BTreeMap<_, _> = next.keys().map(|file| (file, reached(file))).collect();
        let comes_back = |from: &PathBuf, to: &PathBuf| reached.get(to).is_some_and(|all| all.contains(from));
        let circle = |from: &PathBuf| -> BTreeSet<PathBuf> {
            reached[from].iter().filter(|to| comes_back(from, to)).cloned().collect()
        };
        next.keys().map(circle).filter(|circle| !circle.is_empty()).collect()
    }

    /// The files that name `path`.
    pub(crate) fn users_of(&self, path: &str) -> Vec<&Path> {
        let names = |paths: &Vec<String>| paths.iter().any(|one| one.starts_with(path));
        self.files.iter().filter(|(_, paths)| names(paths)).map(|(file, _)| file.as_path()).collect()
    }

    fn arrows(&self) -> Vec<Arrow> {
        let mut arrows = Vec::new();
        for (from, paths) in &self.files {
            for path in paths {
                if let Some(to) = self.file_of(from, path).filter(|to| to != from) {
                    arrows.push(Arrow { from: from.clone(), to, path: path.clone() });
                }
            }
        }
        arrows
    }

    /// The file that defines `path`, as written in `file`; none if it is not in `src`.
    fn file_of(&self, file: &Path, path: &str) -> Option<PathBuf> {
        let mut parts = path.split("::").peekable();
        let mut module = match parts.next()? {
            "crate" => self.root_of(&first(file))?,
            "self" => file.to_owned(),
            "super" => {
                let mut above = self.parent(file)?;
                while parts.next_if_eq(&"super").is_some() {
                    above = self.parent(&above)?;
                }
                above
            }
            name => match name.strip_prefix("twostep_") {
                Some(name) => self.root_of(name)?,
                None => self.child(file, name)?,
            },
        };
        while let Some(below) = parts.next().and_then(|part| self.child(&module, part)) {
            module = below;
        }
        Some(module)
    }

    fn root_of(&self, name: &str) -> Option<PathBuf> {
        let roots = ["lib.rs", "main.rs"].map(|root| Path::new(name).join(root));
        roots.into_iter().find(|root| self.files.contains_key(root))
    }

    /// The file of the module called `name` that `file` declares.
    fn child(&self, file: &Path, name: &str) -> Option<PathBuf> {
        let below = folder(file);
        let files = [below.join(format!("{name}.rs")), below.join(name).join("mod.rs")];
        files.into_iter().find(|child| child != file && self.files.contains_key(child))
    }

    /// The file that declares the module of `file`.
    fn parent(&self, file: &Path) -> Option<PathBuf> {
        let above = if heads_folder(file) { file.parent()?.parent()? } else { file.parent()? };
        if above.components().count() == 1 { self.root_of(&first(above)) } else { Some(above.join("mod.rs")) }
    }
}

fn first(path: &Path) -> String {
    path.iter().next().unwrap().to_string_lossy().into_owned()
}

fn last(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// The module of the core's root to which a file belongs.
fn storey(file: &Path) -> Option<String> {
    let name = first(file.strip_prefix("core").ok()?);
    (name != "lib.rs").then(|| name.trim_end_matches(".rs").to_owned())
}

fn heads_folder(file: &Path) -> bool {
    ["mod.rs", "lib.rs", "main.rs"].contains(&last(file).as_str())
}

/// The folder of the modules that `file` declares.
fn folder(file: &Path) -> PathBuf {
    if heads_folder(file) { file.parent().unwrap().to_owned() } else { file.with_extension("") }
}

/// The paths in a file, and the modules that it declares.
#[derive(Default)]
struct Paths {
    found: Vec<String>,
    modules: Vec<String>,
}

impl Paths {
    fn unfold(&mut self, before: &str, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => self.unfold(&format!("{before}{}::", path.ident), &path.tree),
            UseTree::Name(name) => self.found.push(format!("{before}{}", name.ident)),
            UseTree::Rename(name) => self.found.push(format!("{before}{}", name.ident)),
            UseTree::Glob(_) => self.found.push(before.trim_end_matches("::").to_owned()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.unfold(before, tree)),
        }
    }
}

impl<'a> Visit<'a> for Paths {
    fn visit_item_mod(&mut self, module: &'a ItemMod) {
        if is_test(&module.attrs) {
            return;
        }
        if module.content.is_none() {
            self.modules.push(module.ident.to_string());
        }
        visit::visit_item_mod(self, module);
    }

    fn visit_item_impl(&mut self, item: &'a ItemImpl) {
        if !is_test(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'a ItemUse) {
        self.unfold("", &item.tree);
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let words: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.found.push(words.join("::"));
        visit::visit_path(self, path);
    }

    /// `pub(super)` uses no other file.
    fn visit_visibility(&mut self, _: &'a syn::Visibility) {}

    /// The arguments of a macro are not parsed, so paths are read from its text.
    fn visit_macro(&mut self, call: &'a syn::Macro) {
        let text = call.tokens.to_string().replace(" :: ", "::");
        let words = text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == ':'));
        self.found.extend(words.filter(|word| word.contains("::")).map(str::to_owned));
    }
}

pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|one| {
        one.path().is_ident("cfg") && one.parse_args::<syn::Ident>().is_ok_and(|word| word == "test")
    })
}
