//! The shipped script under the real `strace`, on the real kernel, beside `lab run --strace`.
//!
//! Needs root, a network namespace, strace and python3; says so and passes where it has not.

use super::cli::{SEND_STRACE, lab, stdout};
use std::path::Path;
use std::process::{Command, Stdio};

const SCRIPT: &str = r#"
ip link set lo up && ip addr add 192.168.1.100/24 dev lo || exit 77
python3 -c '
import socket
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("192.168.1.100", 8080))
s.listen()
print("listening", flush=True)
c, _ = s.accept()
while c.recv(1000):
    pass
' > "$2.ready" &
for _ in $(seq 100); do grep -q listening "$2.ready" && break; sleep 0.1; done
python=$(python3 -c 'import sys; print(sys.executable)') || exit 78
strace -qq -s 100 -e trace=network,close -o "$2" "$python" "$1" || exit 78
wait
"#;

#[test]
fn the_real_strace_prints_the_same() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../www/programs/send.py");
    let trace = Path::new(env!("CARGO_TARGET_TMPDIR")).join("send.strace");
    let mut command = Command::new("unshare");
    command.args(["--net", "sh", "-c", SCRIPT, "sh"]).arg(&script).arg(&trace);
    let result = command.stdin(Stdio::null()).output();
    match result {
        Err(error) => return eprintln!("skipped: no unshare: {error}"),
        Ok(output) if !output.status.success() => {
            let reason = String::from_utf8_lossy(&output.stderr);
            return eprintln!("skipped: no namespace, strace or python3 ({}): {reason}", output.status);
        }
        Ok(_) => {}
    }
    // Python itself opens and closes files: only what follows its first socket is the script's.
    let text = std::fs::read_to_string(&trace).unwrap();
    let network: Vec<&str> = text.lines().skip_while(|l| !l.starts_with("socket(AF_INET")).take(4).collect();
    assert_eq!(network.join("\n") + "\n", SEND_STRACE);
    assert_eq!(stdout(&lab(&["run", "www/scenarios/send.toml", "--strace=send.py"])), SEND_STRACE);
}
