//! What `curl` says about a transfer: the progress meter and `--write-out`.

use stack::syscall::SockAddr;

#[derive(Default)]
pub(super) struct Transfer {
    pub(super) remote: Option<SockAddr>,
    pub(super) status: u16,
    pub(super) size: u64,
    pub(super) sha256: String,
    pub(super) connect_ns: u64,
    pub(super) total_ns: u64,
}

impl Transfer {
    /// Bytes a second.
    fn speed(&self) -> u64 {
        let ns = u128::from(self.total_ns.max(1));
        u64::try_from(u128::from(self.size) * 1_000_000_000 / ns).unwrap_or(u64::MAX)
    }

    /// The progress meter as it stands at the end.
    pub(super) fn meter(&self) -> String {
        let (size, speed) = (max5data(self.size), max5data(self.speed()));
        let spent = clock(self.total_ns / 1_000_000_000);
        let share = if self.size > 0 { 100 } else { 0 };
        format!(
            "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n                                 \
             Dload  Upload   Total   Spent    Left  Speed\n\
             {share:>3} {size}  {share:>3} {size}    0     0  {speed}      0 {spent} {spent} --:--:-- {speed}\n"
        )
    }

    /// The text of `--write-out`.
    pub(super) fn write_out(&self, format: &str, exit_code: i32) -> String {
        let mut out = String::new();
        let mut rest = format;
        while let Some(at) = rest.find(['%', '\\']) {
            let (before, found) = rest.split_at(at);
            out += before;
            let escape = found.get(..2).unwrap_or(found);
            let known = match escape {
                "\\n" => Some(("\n".to_owned(), 2)),
                "\\t" => Some(("\t".to_owned(), 2)),
                "\\r" => Some(("\r".to_owned(), 2)),
                "%%" => Some(("%".to_owned(), 2)),
                "%{" => found.find('}').map(|end| (self.variable(&found[2..end], exit_code), end + 1)),
                _ => None,
            };
            let (text, len) = known.unwrap_or_else(|| (found[..1].to_owned(), 1));
            out += &text;
            rest = &found[len..];
        }
        out + rest
    }

    fn variable(&self, name: &str, exit_code: i32) -> String {
        let seconds = |ns: u64| format!("{}.{:06}", ns / 1_000_000_000, ns % 1_000_000_000 / 1000);
        match name {
            "http_code" | "response_code" => format!("{:03}", self.status),
            "size_download" => self.size.to_string(),
            "speed_download" => self.speed().to_string(),
            "time_connect" => seconds(self.connect_ns),
            "time_total" => seconds(self.total_ns),
            "remote_ip" => self.remote.map_or_else(String::new, |a| a.addr.to_string()),
            "remote_port" => self.remote.map_or_else(String::new, |a| a.port.to_string()),
            "exitcode" => exit_code.to_string(),
            "sha256_download" => self.sha256.clone(),
            other => format!("curl: unknown --write-out variable: '{other}'\n"),
        }
    }
}

/// A count in five characters, as the meter prints it (curl's `max5data`).
fn max5data(bytes: u64) -> String {
    const K: u64 = 1024;
    const M: u64 = K * K;
    const G: u64 = M * K;
    match bytes {
        0..100_000 => format!("{bytes:>5}"),
        100_000..10_240_000 => format!("{:>4}k", bytes / K),
        10_240_000..104_857_600 => format!("{:>2}.{}M", bytes / M, bytes % M / (M / 10)),
        104_857_600..10_485_760_000 => format!("{:>4}M", bytes / M),
        10_485_760_000..107_374_182_400 => format!("{:>2}.{}G", bytes / G, bytes % G / (G / 10)),
        107_374_182_400.. => format!("{:>4}G", bytes / G),
    }
}

fn clock(seconds: u64) -> String {
    format!("{:>2}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_take_five_characters() {
        assert_eq!(
            [0, 99_999, 100_000, 10_485_760, 123_456_789].map(max5data),
            ["    0", "99999", "  97k", "10.0M", " 117M"]
        );
    }

    #[test]
    fn write_out_knows_its_variables() {
        let transfer =
            Transfer { status: 200, size: 10, total_ns: 1_500_000_000, sha256: "ab".into(), ..Transfer::default() };
        assert_eq!(transfer.write_out("%{http_code} %{size_download}\\n100%% %x", 0), "200 10\n100% %x");
        assert_eq!(transfer.write_out("%{time_total} %{sha256_download} %{exitcode}", 7), "1.500000 ab 7");
        assert_eq!(transfer.write_out("%{", 0), "%{");
    }
}
