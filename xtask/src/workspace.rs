//! Where things are: the root, cargo's target folder, and what the packages say of themselves.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::sh;

/// The target of everything that runs in a browser.
pub const WASM: &str = "wasm32-unknown-unknown";

/// What `cargo metadata` says of this workspace.
#[derive(Deserialize)]
pub struct Workspace {
    /// The folder of the root Cargo.toml.
    #[serde(rename = "workspace_root")]
    pub root: PathBuf,
    /// Cargo's target folder, `CARGO_TARGET_DIR` respected.
    #[serde(rename = "target_directory")]
    pub target: PathBuf,
    /// The members.
    pub packages: Vec<Package>,
}

/// A member of the workspace.
#[derive(Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its features with what they turn on.
    pub features: std::collections::BTreeMap<String, Vec<String>>,
    /// What it builds.
    pub targets: Vec<Target>,
    /// What it depends on.
    pub dependencies: Vec<Dependency>,
}

/// One thing that a package builds.
#[derive(Deserialize)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// `lib`, `bin`, `test`, …
    pub kind: Vec<String>,
    /// Features without which it is not built.
    #[serde(default, rename = "required-features")]
    pub required_features: Vec<String>,
}

/// One entry under a package's dependencies, also those for tests.
#[derive(Deserialize)]
pub struct Dependency {
    /// The name of the package it depends on.
    pub name: String,
}

impl Workspace {
    /// Asks cargo.
    pub fn load() -> Result<Workspace> {
        // At run time, so that two checkouts which share a target folder do not build each other.
        let xtask =
            std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let mut cargo = sh::cargo(&xtask);
        let json = sh::read(cargo.args(["metadata", "--no-deps", "--format-version", "1"]))?;
        serde_json::from_str(&json).context("cannot understand `cargo metadata`")
    }

    /// The member of that name, or `None`.
    pub fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }

    /// The options that select what we ship and its tests, for each native build of any of it.
    ///
    /// Cargo builds a library again for each new set of features, and each new selection of packages is one: so there
    /// is one selection, whatever part of it a command wants.
    pub fn product(&self) -> Vec<&'static str> {
        // `stack-untraced` is the sources of `stack` once more, for the bench: its tests run in `stack`.
        let mut options = vec!["--workspace", "--exclude", "xtask", "--exclude", "stack-untraced"];
        options.extend(self.page_features());
        options
    }

    /// The options that include the page's native program, once there is one.
    pub fn page_features(&self) -> &'static [&'static str] {
        let has_ssr = self.package("web").is_some_and(|web| web.features.contains_key("ssr"));
        if has_ssr { &["--features", "web/ssr"] } else { &[] }
    }

    /// The names of the test programs in the folder `tests` of the packages that `pick` picks.
    pub fn test_programs(&self, pick: impl Fn(&Package) -> bool) -> Vec<&str> {
        let packages = self.packages.iter().filter(|package| pick(package));
        let targets = packages.flat_map(|package| &package.targets);
        targets.filter(|target| target.kind == ["test"]).map(|target| target.name.as_str()).collect()
    }

    /// Whether the Python interpreter can be built as a module of its own.
    pub fn has_interpreter(&self) -> bool {
        self.package("python").is_some_and(|python| python.features.contains_key("wasm"))
    }

    /// The folder of the finished page.
    pub fn dist(&self) -> PathBuf {
        self.root.join("www/dist")
    }

    /// A folder of xtask's own under cargo's target folder.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.target.join("xtask").join(name)
    }
}
