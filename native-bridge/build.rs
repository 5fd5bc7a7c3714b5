//! Makes sure that the folder of the built page exists, so that the bridge compiles before the page was ever built.

use std::path::Path;

fn main() {
    // Asked for when it runs: a compiled script may be used again for another copy of the project.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let dist = Path::new(&here).join("../www/dist");
    if let Err(error) = std::fs::create_dir_all(&dist) {
        println!("cargo:warning=cannot create {}: {error}", dist.display());
    }
    println!("cargo:rerun-if-changed={}", dist.display());
    println!("cargo:rerun-if-changed=build.rs");
}
