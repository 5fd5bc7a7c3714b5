//! `cargo xtask build`: the page, from the crates `web` and `python` and the plain files of `www/`, into `www/dist`.
//!
//! Cargo is always asked, because only it knows whether the WebAssembly is up to date; what comes after is skipped
//! while its inputs are the same. A file of `www/dist` is written only when its content changes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};
use wasm_bindgen_cli::wasm_bindgen;

use crate::sh::{self, Steps};
use crate::workspace::{WASM, Workspace};
use crate::{precompress, toolchain};

/// Build the page.
#[derive(clap::Args)]
pub struct Args {
    /// Compile in seconds: no optimisation, function names kept, nothing compressed.
    #[arg(long)]
    pub dev: bool,
}

/// A WebAssembly module of the page.
struct Module {
    /// The name of its files: `web` makes `web.js` and `web_bg.wasm`.
    name: String,
    /// Its folder inside `www/dist`.
    folder: &'static str,
    /// What cargo made.
    wasm: PathBuf,
}

/// `cargo xtask build`.
pub fn run(args: &Args) -> Result<()> {
    let workspace = Workspace::load()?;
    build(&workspace, args, &mut Steps::new(STEPS))?;
    print_sizes(&workspace.dist())
}

/// How many steps [`build`] takes.
pub const STEPS: usize = 3;

/// Builds the page when something of it has changed.
pub fn build(workspace: &Workspace, args: &Args, steps: &mut Steps) -> Result<()> {
    // Two builds at once would mix their files.
    let www = File::open(workspace.root.join("www")).context("cannot open www/")?;
    www.lock().context("cannot lock www/")?;

    steps.step("the toolchain's WebAssembly target", || toolchain::ensure_wasm_target(workspace))?;
    let modules = steps.step("the page's Rust to WebAssembly", || compile(workspace, args.dev))?;
    steps.step("the page into www/dist", || {
        let stamp_file = workspace.scratch("page.stamp");
        let stamp = stamp(workspace, &modules, args.dev)?;
        if workspace.dist().join("index.html").is_file()
            && fs::read_to_string(&stamp_file).is_ok_and(|old| old == stamp)
        {
            return Ok(());
        }
        let _ = fs::remove_file(&stamp_file);
        assemble(workspace, &modules, args.dev)?;
        fs::write(&stamp_file, stamp).with_context(|| format!("cannot write {}", stamp_file.display()))
    })
}

/// Has cargo compile the modules.
fn compile(workspace: &Workspace, dev: bool) -> Result<Vec<Module>> {
    let (profile, folder) = if dev { ("dev", "debug") } else { ("page", "page") };
    let made = workspace.target.join(WASM).join(folder);
    let mut modules = Vec::new();

    let options = ["--profile", profile, "--target", WASM];
    sh::run(sh::cargo(&workspace.root).args(["build", "-p", "web"]).args(options))?;
    let web = workspace.package("web").context("there is no package `web`")?;
    for target in &web.targets {
        if target.kind == ["bin"] && target.required_features.is_empty() && target.name != "prerender" {
            let wasm = made.join(format!("{}.wasm", target.name));
            modules.push(Module { name: target.name.clone(), folder: "", wasm });
        }
    }

    // The interpreter is a module of its own, fetched when a program is edited or run.
    if workspace.has_interpreter() {
        let python = ["-p", "python", "--lib", "--features", "wasm", "--crate-type", "cdylib"];
        sh::run(sh::cargo(&workspace.root).arg("rustc").args(python).args(options))?;
        modules.push(Module { name: "python".to_owned(), folder: "python", wasm: made.join("python.wasm") });
    }
    Ok(modules)
}

/// Everything that the finished page depends on, as text: changes when one of them does.
fn stamp(workspace: &Workspace, modules: &[Module], dev: bool) -> Result<String> {
    let mut stamp = format!("dev {dev}\nprerender {}\n", has_prerender(workspace));
    let files = files_below(&workspace.root.join("www"), &["dist"])?;
    let xtask = std::env::current_exe()?;
    for file in modules.iter().map(|module| &module.wasm).chain(&files).chain([&xtask]) {
        let data = fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?;
        let time = data.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        writeln!(stamp, "{} {} {}", file.display(), data.len(), time.as_nanos())?;
    }
    Ok(stamp)
}

/// Puts the page together in a scratch folder, then brings `www/dist` up to date.
fn assemble(workspace: &Workspace, modules: &[Module], dev: bool) -> Result<()> {
    let stage = workspace.scratch("page");
    if stage.exists() {
        fs::remove_dir_all(&stage).with_context(|| format!("cannot empty {}", stage.display()))?;
    }
    let www = workspace.root.join("www");
    for file in files_below(&www, &["dist"])? {
        let to = stage.join(file.strip_prefix(&www)?);
        fs::create_dir_all(to.parent().unwrap_or(&stage))?;
        fs::copy(&file, &to).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    for module in modules {
        bindgen(module, &stage, dev)?;
    }
    if has_prerender(workspace) {
        // Draws the first picture into index.html, so that something moves before the WebAssembly is there.
        let (template, page) = (www.join("index.html"), stage.join("index.html"));
        let options = ["build", "--bin", "prerender"];
        sh::run(sh::cargo(&workspace.root).args(options).args(workspace.product()))?;
        let program = workspace.target.join("debug/prerender");
        sh::run(sh::command(program, &workspace.root).args([template, page]))?;
    }
    let dist = workspace.dist();
    update(&stage, &dist)?;
    fs::remove_dir_all(&stage)?;
    if !dev {
        let files = files_below(&dist, &[])?.into_iter().filter(|file| precompress::is_worth_it(file));
        let missing: Vec<_> = files.filter(|file| !precompress::sibling(file).is_file()).collect();
        precompress::compress_all(&missing)?;
    }
    Ok(())
}

fn bindgen(module: &Module, stage: &Path, dev: bool) -> Result<()> {
    let out = stage.join(module.folder);
    let [wasm, out] = [&module.wasm, &out].map(|path| path.as_os_str().to_owned());
    let mut args = vec!["wasm-bindgen".into(), wasm, "--out-dir".into(), out];
    args.extend(["--target", "web", "--no-typescript", "--out-name", &module.name].map(Into::into));
    if !dev {
        args.extend(["--remove-name-section", "--remove-producers-section"].map(Into::into));
    }
    wasm_bindgen::run_cli_with_args(args).with_context(|| format!("wasm-bindgen failed on {}", module.wasm.display()))
}

/// The page's own program that inlines the first picture, when the page has one.
fn has_prerender(workspace: &Workspace) -> bool {
    workspace.root.join("web/src/bin/prerender.rs").is_file()
}

/// Makes `to` hold what `from` holds. Files that are the same stay untouched, with their compressed siblings.
fn update(from: &Path, to: &Path) -> Result<()> {
    let mut keep = BTreeMap::new();
    for file in files_below(from, &[])? {
        let target = to.join(file.strip_prefix(from)?);
        let bytes = fs::read(&file)?;
        let same = fs::read(&target).is_ok_and(|old| old == bytes);
        if !same {
            fs::create_dir_all(target.parent().unwrap_or(to))?;
            fs::write(&target, bytes).with_context(|| format!("cannot write {}", target.display()))?;
        }
        keep.insert(precompress::sibling(&target), same && precompress::is_worth_it(&target));
        keep.insert(target, true);
    }
    for file in files_below(to, &[])? {
        if keep.get(&file) != Some(&true) {
            fs::remove_file(&file).with_context(|| format!("cannot delete {}", file.display()))?;
        }
    }
    Ok(())
}

/// All files below a folder, sorted, without hidden ones and without some of its folders.
fn files_below(folder: &Path, without: &[&str]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        if !current.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&current).with_context(|| format!("cannot read {}", current.display()))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') || (current == folder && without.contains(&&*name)) {
                continue;
            }
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

/// Prints what the visitor's browser has to fetch.
pub fn print_sizes(dist: &Path) -> Result<()> {
    println!("\n{:>10} {:>10}  www/dist", "bytes", "brotli");
    let (mut raw_total, mut small_total) = (0, 0);
    for file in files_below(dist, &[])? {
        if file.extension().is_some_and(|kind| kind == "br") {
            continue;
        }
        let raw = fs::metadata(&file)?.len();
        let small = fs::metadata(precompress::sibling(&file)).map(|data| data.len());
        let shown = small.as_ref().map_or("-".to_owned(), u64::to_string);
        raw_total += raw;
        small_total += small.unwrap_or(raw);
        println!("{raw:>10} {shown:>10}  {}", file.strip_prefix(dist)?.display());
    }
    println!("{raw_total:>10} {small_total:>10}  in all");
    Ok(())
}
