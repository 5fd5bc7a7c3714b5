//! A scenario with its programs in one file: `python = "file.py"` becomes `source = '''…'''`.

use super::Source;
use lab::scenario::Scenario;

impl Source {
    /// The scenario as one file that runs anywhere.
    pub fn in_one_file(&self) -> String {
        if self.script {
            return self.text.clone();
        }
        let joined = join(&self.text, &self.programs);
        let reads = Scenario::parse(&self.file(), &joined, &mut |_| Err("there is no other file".to_owned())).is_ok();
        // Written in an unusual way: as it is, with the files beside it.
        if reads { joined } else { self.text.clone() }
    }
}

fn join(text: &str, programs: &[(String, String)]) -> String {
    let mut out = String::new();
    let mut named = false;
    let lines: Vec<&str> = text.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        if line.trim_start().starts_with("[[") {
            let block = lines[number + 1..].iter().take_while(|line| !line.trim_start().starts_with('['));
            named = block.into_iter().any(|line| key(line) == Some("name"));
        }
        let file = (key(line) == Some("python")).then(|| line.split('"').nth(1)).flatten();
        match file.and_then(|file| programs.iter().find(|(name, _)| name == file)) {
            Some((path, source)) => {
                if !named {
                    let name = path.rsplit('/').next().unwrap_or(path);
                    out.push_str(&format!("name = \"{name}\"\n"));
                }
                out.push_str(&format!("source = {}\n", quoted(source)));
            }
            None => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}

/// The key of a line `key = value`.
fn key(line: &str) -> Option<&str> {
    line.split_once('=').map(|(key, _)| key.trim())
}

/// A string of several lines, as TOML writes it. The line break after the opening quotes does not count.
fn quoted(text: &str) -> String {
    let plain = |c: char| c == '\n' || c == '\t' || !c.is_control();
    if !text.contains("'''") && !text.ends_with('\'') && text.chars().all(plain) {
        return format!("'''\n{text}'''");
    }
    let mut out = String::from("\"\"\"\n");
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            c if plain(c) => out.push(c),
            c => out.push_str(&format!("\\u{:04X}", u32::from(c))),
        }
    }
    out + "\"\"\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab::scenario::Code;

    #[test]
    fn the_one_file_runs_the_same_programs() {
        let text = "title = \"x\"\n[[host]]\nname = \"a\"\naddress = \"10.0.0.1/24\"\n\n[[program]]\nhost = \"a\"\npython = \"../programs/p.py\"\nstart = \"1ms\"\n";
        for program in ["print('it''s')\n", "s = '''a\\n'''\nprint(\"\"\"b\"\"\")\n", "x = 'tab\t'\n# ü\n", "a = 1'"] {
            let programs = vec![("../programs/p.py".to_owned(), program.to_owned())];
            let source = Source { name: "x".into(), text: text.into(), programs, ..Source::default() };
            let one = source.in_one_file();
            let scenario = Scenario::parse("x.toml", &one, &mut |_| Err("no".into())).expect("a scenario");
            assert_eq!(scenario.programs[0].name, "p.py");
            assert!(matches!(&scenario.programs[0].code, Code::Python(text) if text == program), "{one}");
        }
    }
}
