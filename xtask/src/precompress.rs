//! Brotli siblings of the page's files, made once so that the server need not.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};

/// Kinds of files that shrink.
const KINDS: &[&str] = &["wasm", "js", "css", "html", "svg", "json"];

/// Smaller files fit in one packet as they are.
const WORTH_BYTES: u64 = 1024;

/// The name of a file's compressed sibling.
pub fn sibling(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".br");
    name.into()
}

/// Whether a file gets a compressed sibling.
pub fn is_worth_it(file: &Path) -> bool {
    let kind = file.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
    KINDS.contains(&kind) && fs::metadata(file).is_ok_and(|data| data.len() >= WORTH_BYTES)
}

/// Compresses each file into its sibling, on all processors.
pub fn compress_all(files: &[PathBuf]) -> Result<()> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            compress(file).with_context(|| format!("cannot compress {}", file.display()))?;
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(files.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn compress(file: &Path) -> Result<()> {
    let bytes = fs::read(file)?;
    let params = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22, // 4 MiB, the largest that every browser takes without question
        size_hint: bytes.len(),
        ..Default::default()
    };
    let mut small = Vec::new();
    brotli::BrotliCompress(&mut bytes.as_slice(), &mut small, &params)?;
    fs::write(sibling(file), small)?;
    Ok(())
}
