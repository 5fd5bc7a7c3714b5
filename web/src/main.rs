//! The page's WebAssembly: the same module is the page and, in a Worker, its engine.

#[cfg(target_arch = "wasm32")]
fn main() {
    web::app::start();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("This is a page: build it with `cargo xtask build`, see it with `cargo xtask start`.");
}
