//! Options of command lines, as `getopt(3)` takes them apart.

use std::collections::VecDeque;

/// What follows a program's name.
pub(super) struct Args {
    rest: VecDeque<String>,
    /// What is left of a word like `-sI`.
    cluster: Option<String>,
    operands: Vec<String>,
}

/// One option.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Opt {
    Short(char),
    Long(String),
}

impl Args {
    pub(super) fn new(words: Vec<String>) -> Args {
        Args { rest: words.into(), cluster: None, operands: Vec::new() }
    }

    /// The next option; words that are none are kept for [`Args::operands`].
    pub(super) fn next(&mut self) -> Option<Opt> {
        if let Some(cluster) = self.cluster.take() {
            let mut chars = cluster.chars();
            if let Some(c) = chars.next() {
                self.cluster = Some(chars.collect()).filter(|s: &String| !s.is_empty());
                return Some(Opt::Short(c));
            }
        }
        loop {
            let word = self.rest.pop_front()?;
            if word == "--" {
                self.operands.extend(self.rest.drain(..));
                return None;
            }
            if let Some(long) = word.strip_prefix("--") {
                if let Some((name, value)) = long.split_once('=') {
                    self.rest.push_front(value.to_owned());
                    return Some(Opt::Long(name.to_owned()));
                }
                return Some(Opt::Long(long.to_owned()));
            }
            match word.strip_prefix('-') {
                Some(cluster) if !cluster.is_empty() => {
                    self.cluster = Some(cluster.to_owned());
                    return self.next();
                }
                _ => self.operands.push(word),
            }
        }
    }

    /// The argument of the option that was taken last.
    pub(super) fn value(&mut self) -> Option<String> {
        self.cluster.take().or_else(|| self.rest.pop_front())
    }

    /// The same, as a number or another kind of value.
    pub(super) fn parsed<T: std::str::FromStr>(&mut self) -> Option<T> {
        self.value()?.parse().ok()
    }

    /// The words that were no options.
    pub(super) fn operands(self) -> Vec<String> {
        self.operands
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_values_and_operands() {
        let words = ["-sI", "-p80", "url", "-o", "file", "--port=9", "--", "-x"];
        let mut args = Args::new(words.map(str::to_owned).to_vec());
        assert_eq!(args.next(), Some(Opt::Short('s')));
        assert_eq!(args.next(), Some(Opt::Short('I')));
        assert_eq!(args.next(), Some(Opt::Short('p')));
        assert_eq!(args.parsed::<u16>(), Some(80));
        assert_eq!(args.next(), Some(Opt::Short('o')));
        assert_eq!(args.value().as_deref(), Some("file"));
        assert_eq!(args.next(), Some(Opt::Long("port".to_owned())));
        assert_eq!(args.parsed::<u16>(), Some(9));
        assert_eq!(args.next(), None);
        assert_eq!(args.operands(), ["url", "-x"]);
    }
}
