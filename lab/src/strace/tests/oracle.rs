//! The same calls on the real kernel, in a network namespace of their own, under the real strace.

use serde_json::{Value, json};
use stack::syscall::*;
use std::process::Command;

/// What the kernel answered, and what strace printed, call by call.
pub(super) struct Real {
    pub(super) results: Vec<Value>,
    pub(super) lines: Vec<String>,
}

const SCRIPT: &str = r#"
ip link set lo up || exit 77
echo reno > /proc/sys/net/ipv4/tcp_congestion_control || exit 79
python=$(python3 -c 'import sys; print(sys.executable)') || exit 78
calls=network,close,read,write,fcntl,readv,writev,poll,epoll_create,epoll_create1,epoll_ctl,epoll_wait,ioctl
exec timeout 30 strace -qq -s 100 -e trace=$calls -o "$1" "$python" "$2" "$3" "$4"
"#;

/// Makes the calls; `None`, with the reason told, where there is no namespace, strace or python3.
pub(super) fn run(calls: &[Syscall]) -> Option<Real> {
    static RUNS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let run = RUNS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("sendpath-strace-{}-{run}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    std::fs::write(path("driver.py"), include_str!("driver.py")).unwrap();
    let list: Vec<Value> = calls.iter().map(to_json).collect();
    std::fs::write(path("calls"), json!(list).to_string()).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--net", "sh", "-c", SCRIPT, "sh"]);
    command.args([path("trace"), path("driver.py"), path("calls"), path("results")]);
    let output = match command.output() {
        Err(error) => {
            eprintln!("skipped: no unshare: {error}");
            return None;
        }
        Ok(output) => output,
    };
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        assert!(!reason.contains("Traceback"), "the driver failed: {reason}");
        eprintln!("skipped: no namespace, strace or python3 ({}): {reason}", output.status);
        return None;
    }
    let trace = std::fs::read_to_string(path("trace")).unwrap();
    let results: Vec<Value> = serde_json::from_slice(&std::fs::read(path("results")).unwrap()).unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    let lines = trace.lines().skip_while(|l| !l.starts_with("close(999)")).skip(1);
    let lines = lines.take_while(|l| !l.starts_with("close(998)")).filter(|l| !l.starts_with("---"));
    let lines: Vec<String> = lines.map(str::to_owned).collect();
    assert_eq!((lines.len(), results.len()), (calls.len(), calls.len()));
    Some(Real { results, lines })
}

fn rooms(iov: &[Room]) -> Vec<Value> {
    iov.iter().map(|r| json!([r.len, r.null])).collect()
}

fn parts(iov: &[IoVec]) -> Vec<Value> {
    let part = |v: &IoVec| match v {
        IoVec::Bytes(bytes) => json!(bytes.to_vec()),
        IoVec::Null(len) => json!(len),
    };
    iov.iter().map(part).collect()
}

/// The call for the driver.
fn to_json(call: &Syscall) -> Value {
    let name = call.sysno().name();
    let addr = |a: &SockAddr| json!([a.family, a.port, a.addr.to_string()]);
    match call {
        Syscall::Socket { family, kind, protocol } => json!([name, family, kind, protocol]),
        Syscall::Bind { fd, addr: a } | Syscall::Connect { fd, addr: a } => json!([name, fd, addr(a)]),
        Syscall::Listen { fd, backlog } => json!([name, fd, backlog]),
        Syscall::Accept { fd } | Syscall::Getpeername { fd } | Syscall::Close { fd } => json!([name, fd]),
        Syscall::Getsockname { fd, len } => json!([name, fd, len]),
        Syscall::Accept4 { fd, flags } => json!([name, fd, flags]),
        Syscall::Sendto { fd, buf, flags, addr: a } => json!([name, fd, buf.to_vec(), flags, a.as_ref().map(addr)]),
        Syscall::Recvfrom { fd, len, flags, want_addr } => json!([name, fd, len, flags, want_addr]),
        Syscall::Read { fd, len } => json!([name, fd, len]),
        Syscall::Write { fd, buf } => json!([name, fd, buf.to_vec()]),
        Syscall::Shutdown { fd, how } => json!([name, fd, how]),
        Syscall::Setsockopt { fd, level, name: n, value } => json!([name, fd, level, n, value]),
        Syscall::Getsockopt { fd, level, name: n, len } => json!([name, fd, level, n, len]),
        Syscall::Fcntl { fd, cmd, arg } => json!([name, fd, cmd, arg]),
        Syscall::Readv { fd, iov } => json!([name, fd, rooms(iov)]),
        Syscall::Writev { fd, iov } => json!([name, fd, parts(iov)]),
        Syscall::Sendmsg { fd, addr: a, iov, control, flags } => {
            let control: Vec<_> = control.iter().map(|m| json!([m.level, m.kind, m.data])).collect();
            json!([name, fd, a.as_ref().map(addr), parts(iov), control, flags])
        }
        Syscall::Recvmsg { fd, iov, want_addr, controllen, flags } => {
            json!([name, fd, want_addr, rooms(iov), controllen, flags])
        }
        Syscall::Poll { fds, timeout_ms } => {
            json!([name, fds.iter().map(|p| json!([p.fd, p.events])).collect::<Vec<_>>(), timeout_ms])
        }
        Syscall::EpollCreate { size: n } | Syscall::EpollCreate1 { flags: n } => json!([name, n]),
        Syscall::EpollCtl { epfd, op, fd, event } => {
            json!([name, epfd, op, fd, event.map(|e| json!([e.events, e.data]))])
        }
        Syscall::EpollWait { epfd, maxevents, timeout_ms } => json!([name, epfd, maxevents, timeout_ms]),
        Syscall::Ioctl { fd, request, arg } => json!([name, fd, request, arg]),
        Syscall::Null(call) => json!(["null", to_json(call)]),
    }
}

/// What the kernel gave back; `None` for an errno that the stack never returns.
pub(super) fn from_json(result: &Value) -> Option<SysRet> {
    let number = |v: &Value| v.as_i64().unwrap();
    let value = match number(&result["errno"]) {
        0 => Ok(number(&result["value"])),
        errno => Err(Errno::from_number(errno as i32)?),
    };
    let data = result["data"].as_array().unwrap().iter().map(|b| number(b) as u8).collect();
    let addr = result["addr"].as_array().map(|a| SockAddr {
        family: number(&a[0]) as u16,
        port: number(&a[1]) as u16,
        addr: a[2].as_str().unwrap().parse().unwrap(),
    });
    let list = |key: &str| result[key].as_array().cloned();
    let out = if let Some(revents) = list("revents") {
        Out::Poll(revents.iter().map(|r| number(r) as i16).collect())
    } else if let Some(events) = list("events") {
        let event = |e: &Value| EpollEvent { events: number(&e[0]) as u32, data: e[1].as_u64().unwrap() };
        Out::Epoll(events.iter().map(event).collect())
    } else if let Some(messages) = list("control") {
        let message = |m: &Value| ControlMsg {
            level: number(&m[0]) as i32,
            kind: number(&m[1]) as i32,
            data: m[2].as_array().unwrap().iter().map(|b| number(b) as u8).collect(),
        };
        Out::Message { control: messages.iter().map(message).collect(), flags: number(&result["flags"]) as i32 }
    } else if let Some(value) = result["int"].as_i64() {
        Out::Int(value as i32)
    } else {
        Out::None
    };
    Some(SysRet { value, data, addr, out })
}
