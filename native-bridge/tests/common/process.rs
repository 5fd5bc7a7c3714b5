//! The built command as a child process, and network namespaces for it.

#![allow(dead_code, missing_docs)]

use std::fs::File;
use std::future::Future;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub const BRIDGE: &str = env!("CARGO_BIN_EXE_native-bridge");

/// A bridge that is killed when the test is done with it, however it ends.
pub struct Bridge {
    child: Child,
    /// What it printed before the line about Ctrl-C, that one included.
    pub banner: String,
    pub address: SocketAddr,
}

impl Bridge {
    /// Starts `program` with `arguments`, then waits for the banner.
    pub fn start(program: &[&str], arguments: &[&str]) -> Bridge {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).args(["--port", "0", "--token", super::TOKEN]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut banner = String::new();
        while !banner.contains("Ctrl-C") {
            let line = lines.next().expect("the bridge ended before its banner").unwrap();
            banner += &line;
            banner.push('\n');
        }
        // Keep reading, or the bridge would write to a closed pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let address = banner.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let address = address.unwrap().parse().unwrap();
        Bridge { child, banner, address }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The value of a line of `/proc/PID/task/*/status`, which must be the same for all threads.
    pub fn status(&self, name: &str) -> String {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        let mut values: Vec<String> = tasks
            .map(|task| {
                let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
                let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                line.unwrap().trim().replace('\t', " ")
            })
            .collect();
        values.dedup();
        assert_eq!(values.len(), 1, "{name} differs between threads");
        values.remove(0)
    }

    /// Sends a signal and waits for the end.
    pub fn end(mut self, signal: Signal) -> ExitStatus {
        kill(Pid::from_raw(self.pid() as i32), signal).unwrap();
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < Duration::from_secs(5), "the bridge does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command that ends by itself; returns whether it succeeded and all it printed.
pub fn run(command: &[&str]) -> (bool, String) {
    let output = Command::new(command[0]).args(&command[1..]).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

pub fn must(command: &[&str]) -> String {
    let (ok, text) = run(command);
    assert!(ok, "{command:?}: {text}");
    text
}

pub fn installed(program: &str) -> bool {
    run(&["sh", "-c", &format!("command -v {program}")]).0
}

/// A network namespace with its loopback up; removed at the end.
pub struct Namespace(pub String);

impl Namespace {
    /// `None`, with the reason printed, where the test may not make one.
    pub fn new() -> Option<Namespace> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if !nix::unistd::geteuid().is_root() {
            println!("skipped: only root can make a network namespace with a TAP device");
            return None;
        }
        if File::open("/dev/net/tun").is_err() || !installed("ip") {
            println!("skipped: needs /dev/net/tun and the command ip");
            return None;
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bridge-test-{}-{number}", std::process::id());
        let (made, why) = run(&["ip", "netns", "add", &name]);
        if !made {
            println!("skipped: cannot make a network namespace: {why}");
            return None;
        }
        let namespace = Namespace(name);
        namespace.must(&["ip", "link", "set", "lo", "up"]);
        Some(namespace)
    }

    /// `command` as it runs inside.
    pub fn wrap<'a>(&'a self, command: &[&'a str]) -> Vec<&'a str> {
        [&["ip", "netns", "exec", self.0.as_str()], command].concat()
    }

    /// A command line that runs `program` inside as a user without any right, who may open the control file of TAP
    /// devices, as on most systems; the machine's own file stays as it is.
    pub fn as_nobody<'a>(&'a self, program: &'a str) -> Vec<&'a str> {
        const SCRIPT: &str = "mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200 && \
            exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"";
        self.wrap(&["sh", "-c", SCRIPT, "sh", program])
    }

    pub fn run(&self, command: &[&str]) -> (bool, String) {
        run(&self.wrap(command))
    }

    pub fn must(&self, command: &[&str]) -> String {
        must(&self.wrap(command))
    }

    /// Runs a future on a thread that lives inside.
    pub fn block_on<T: Send>(&self, future: impl Future<Output = T> + Send) -> T {
        let inside = || {
            let namespace = File::open(format!("/run/netns/{}", self.0)).unwrap();
            setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(future)
        };
        std::thread::scope(|scope| scope.spawn(inside).join().unwrap())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = run(&["ip", "netns", "del", &self.0]);
    }
}

/// Reads a child's whole output once it has ended.
pub fn output_of(mut child: Child) -> (Option<i32>, String) {
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    (child.wait().unwrap().code(), text)
}
