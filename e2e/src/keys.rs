//! Names of keys, as a person writes them, and WebDriver's code points.

use anyhow::{Result, bail};

/// The code points of a key with its modifiers, such as `Shift+ArrowLeft`, `Home`, `Space` or `?`: modifiers first.
pub(crate) fn code_points(keys: &str) -> Result<Vec<char>> {
    // "+" alone is the key itself, and so is the last one in "Shift++".
    let (modifiers, key) = match keys.strip_suffix('+') {
        Some(rest) => (rest.trim_end_matches('+'), "+"),
        None => keys.rsplit_once('+').unwrap_or(("", keys)),
    };
    modifiers.split('+').filter(|name| !name.is_empty()).chain([key]).map(code_point).collect()
}

/// WebDriver, section 17.4.2, "keyboard actions": the keys that are not a character.
fn code_point(name: &str) -> Result<char> {
    let mut chars = name.chars();
    if let (Some(one), None) = (chars.next(), chars.next()) {
        return Ok(one);
    }
    Ok(match name {
        "Backspace" => '\u{e003}',
        "Tab" => '\u{e004}',
        "Enter" => '\u{e007}',
        "Shift" => '\u{e008}',
        "Control" | "Ctrl" => '\u{e009}',
        "Alt" => '\u{e00a}',
        "Escape" => '\u{e00c}',
        "Space" => ' ',
        "PageUp" => '\u{e00e}',
        "PageDown" => '\u{e00f}',
        "End" => '\u{e010}',
        "Home" => '\u{e011}',
        "ArrowLeft" => '\u{e012}',
        "ArrowUp" => '\u{e013}',
        "ArrowRight" => '\u{e014}',
        "ArrowDown" => '\u{e015}',
        "Delete" => '\u{e017}',
        "Meta" => '\u{e03d}',
        _ => bail!("no key is named {name:?}"),
    })
}

#[cfg(test)]
mod tests {
    use super::code_points;

    #[test]
    fn keys_and_modifiers() {
        assert_eq!(code_points("a").unwrap(), ['a']);
        assert_eq!(code_points("Shift+ArrowLeft").unwrap(), ['\u{e008}', '\u{e012}']);
        assert_eq!(code_points("+").unwrap(), ['+']);
        assert_eq!(code_points("Shift++").unwrap(), ['\u{e008}', '+']);
        assert!(code_points("Arrow").is_err());
    }
}
