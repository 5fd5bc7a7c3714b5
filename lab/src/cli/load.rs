//! Scenario files and the programs they name, from the file system.

use lab::scenario::Scenario;
use std::path::Path;

/// Reads a scenario. Files that it names are relative to its own folder.
///
/// # Errors
/// With every problem that was found, in words.
pub(super) fn scenario(path: &Path) -> Result<Scenario, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut load = |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|e| e.to_string());
    Scenario::parse(&path.display().to_string(), &text, &mut load).map_err(|problems| {
        let count = match problems.len() {
            1 => "a problem".to_owned(),
            n => format!("{n} problems"),
        };
        format!("{} has {count}\n\n{}", path.display(), problems.to_string().trim_end())
    })
}
