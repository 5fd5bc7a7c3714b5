//! A network namespace: a network of its own, where a test may have a TAP device and any address.

use std::fs::File;
use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::guard::Guard;
use crate::process::{Process, run};

/// A fresh network namespace with `lo` up, deleted when dropped. Needs root.
///
/// Everything of a live-mode test runs inside one: the bridge with its TAP device, Chromium, `ping`, `curl`.
/// [`enter`](Namespace::enter) the namespace first; whatever the thread then opens or starts is inside.
///
/// ```no_run
/// # async fn test() -> anyhow::Result<()> {
/// let net = e2e::Namespace::new()?;
/// let _inside = net.enter()?;
/// let bridge = e2e::Bridge::start(["--tap", "tap0"])?;
/// let page = e2e::Page::open(bridge.url(), e2e::Viewport::DESKTOP, false).await?;
/// net.run("ping", ["-c", "3", "192.168.1.50"])?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Namespace {
    name: String,
    _guard: Guard,
}

impl Namespace {
    /// Makes a namespace with a name no other has.
    pub fn new() -> Result<Namespace> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("sendpath-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        run("ip", ["netns", "add", &name]).context("a network namespace needs root and iproute2")?;
        let guard = Guard::new(r#"ip netns del "$1""#, [name.as_ref()])?;
        let namespace = Namespace { name, _guard: guard };
        run("ip", ["-n", &namespace.name, "link", "set", "lo", "up"])?;
        // IPv6 would give each new device an address a second later, and Chromium drops its requests then.
        let quiet = "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6";
        run("ip", ["netns", "exec", &namespace.name, "sh", "-c", quiet])?;
        Ok(namespace)
    }

    /// The name, for `ip netns exec`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Moves the calling thread into the namespace until the guard is dropped.
    ///
    /// Only this thread: use it with a single-threaded runtime, which is what `#[tokio::test]` makes. Sockets, child
    /// processes and threads that are made meanwhile belong to the namespace, and stay in it.
    pub fn enter(&self) -> Result<Enter> {
        let before = File::open("/proc/thread-self/ns/net")?;
        let path = format!("/run/netns/{}", self.name);
        let inside = File::open(&path).with_context(|| format!("cannot open {path}"))?;
        move_into_link_name_space(inside.as_fd(), Some(LinkNameSpaceType::Network))
            .with_context(|| format!("cannot enter {path}"))?;
        Ok(Enter { before, _not_send: PhantomData })
    }

    /// Runs a program inside to its end and returns what it printed.
    pub fn run<const N: usize>(&self, program: &str, args: [&str; N]) -> Result<String> {
        let _inside = self.enter()?;
        run(program, args)
    }

    /// Starts a program inside, which ends with the returned value.
    pub fn start<const N: usize>(&self, program: &str, args: [&str; N]) -> Result<Process> {
        let _inside = self.enter()?;
        let mut command = Command::new(program);
        command.args(args);
        Process::start(command)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = run("ip", ["netns", "del", &self.name]);
    }
}

/// The calling thread is in a namespace; it goes back when this is dropped.
#[derive(Debug)]
#[must_use = "the thread leaves the namespace when this is dropped"]
pub struct Enter {
    before: File,
    // A namespace belongs to a thread, so the guard may not go to another.
    _not_send: PhantomData<*const ()>,
}

impl Drop for Enter {
    fn drop(&mut self) {
        let _ = move_into_link_name_space(self.before.as_fd(), Some(LinkNameSpaceType::Network));
    }
}
