//! Live mode: two hosts of it, joined by nothing but calls.

use lab::live::{LiveConfig, LiveLab};
use lab::programs::bytes::{sha256_hex, stretch};
use lab::scene::TimeCommand;
use stack::trace::{EventId, TaskId};
use stack::wire::ethernet::MacAddr;
use std::net::Ipv4Addr;

const BOOT: u64 = 5_000_000_000;

struct Pair {
    a: LiveLab,
    b: LiveLab,
    now: u64,
    drop_every: usize,
    frames: usize,
}

fn host(n: u8, budget_bytes: usize) -> LiveLab {
    let config = LiveConfig {
        name: format!("host{n}"),
        mac: MacAddr([2, 0, 0, 0, 0, n]),
        address: (Ipv4Addr::new(10, 0, 0, n), 24),
        seed: u64::from(n),
        budget_bytes,
        ..LiveConfig::default()
    };
    LiveLab::new(&config, BOOT)
}

impl Pair {
    fn new() -> Pair {
        Pair { a: host(1, 8 << 20), b: host(2, 8 << 20), now: BOOT, drop_every: usize::MAX, frames: 0 }
    }

    /// Carries frames and lets time pass, until `done` or so many rounds.
    fn until(&mut self, rounds: usize, mut done: impl FnMut(&Pair) -> bool) -> bool {
        for _ in 0..rounds {
            if done(self) {
                return true;
            }
            let (from_a, from_b) = (self.a.frames_out(self.now), self.b.frames_out(self.now));
            let quiet = from_a.is_empty() && from_b.is_empty();
            for frame in from_a {
                self.frames += 1;
                if !self.frames.is_multiple_of(self.drop_every) {
                    self.b.frame_in(self.now, &frame);
                }
            }
            for frame in from_b {
                self.frames += 1;
                if !self.frames.is_multiple_of(self.drop_every) {
                    self.a.frame_in(self.now, &frame);
                }
            }
            self.now += 20_000;
            if quiet && let Some(next) = self.a.deadline().into_iter().chain(self.b.deadline()).min() {
                self.now = self.now.max(next);
            }
            self.a.poll(self.now);
            self.b.poll(self.now);
        }
        done(self)
    }

    fn finish(&mut self, task: TaskId) -> Option<i32> {
        self.until(200_000, |p| p.a.exit_status(task).is_some());
        self.a.exit_status(task)
    }
}

#[test]
fn ping_and_curl_between_two_live_hosts() {
    let mut pair = Pair::new();
    let ping = pair.a.run_builtin(pair.now, "ping -c 3 -i 0.1 10.0.0.2").unwrap();
    assert_eq!(pair.finish(ping), Some(0));
    assert!(
        pair.a.output(ping).contains("3 packets transmitted, 3 received, 0% packet loss"),
        "{}",
        pair.a.output(ping)
    );
    let curl = pair
        .a
        .run_builtin(pair.now, "curl -s -o x -w '%{size_download} %{sha256_download}' http://10.0.0.2/bytes/3000000")
        .unwrap();
    assert_eq!(pair.finish(curl), Some(0));
    assert_eq!(pair.a.output(curl), format!("3000000 {}", sha256_hex(&stretch(0, 3_000_000))));
    let page = pair.a.run_builtin(pair.now, "curl -s http://10.0.0.2/").unwrap();
    assert_eq!(pair.finish(page), Some(0));
    assert!(pair.a.output(page).contains("this page came out of Sendpath"));
}

#[test]
fn a_lossy_way_still_delivers() {
    let mut pair = Pair::new();
    pair.drop_every = 37;
    let curl = pair
        .a
        .run_builtin(pair.now, "curl -s -o x -w '%{size_download} %{sha256_download}' http://10.0.0.2/bytes/500000")
        .unwrap();
    assert_eq!(pair.finish(curl), Some(0));
    assert_eq!(pair.a.output(curl), format!("500000 {}", sha256_hex(&stretch(0, 500_000))));
}

#[test]
fn the_log_keeps_its_budget_and_the_past_can_be_seen() {
    let mut pair = Pair { a: host(1, 1 << 20), b: host(2, 1 << 20), now: BOOT, drop_every: usize::MAX, frames: 0 };
    let curl = pair.a.run_builtin(pair.now, "curl -s -o x http://10.0.0.2/bytes/2000000").unwrap();
    assert_eq!(pair.finish(curl), Some(0));
    for live in [&pair.a, &pair.b] {
        assert!(live.forgotten() > 0 && live.log().size_bytes() <= 1 << 20);
        let timeline = live.timeline();
        assert_eq!((timeline.first, timeline.last), (live.log().first_id(), live.last()));
        let middle = live.seek(live.last(), TimeCommand::StepBeats(-100));
        assert!(middle < live.last());
        let scene = live.scene(middle);
        assert_eq!(scene.at, middle);
        assert!(!scene.hosts[0].tasks.is_empty());
        assert_eq!(live.scene(EventId(1)).at.0, live.forgotten());
    }
}

#[test]
fn many_connections_leave_nothing_behind() {
    let mut pair = Pair::new();
    for _ in 0..60 {
        let curl = pair.a.run_builtin(pair.now, "curl -s -o x http://10.0.0.2/").unwrap();
        assert_eq!(pair.finish(curl), Some(0));
    }
    // TIME_WAIT is over after a minute.
    pair.now += 120_000_000_000;
    pair.until(1000, |_| false);
    assert_eq!((pair.a.host().mem().in_use(), pair.b.host().mem().in_use()), (0, 0));
}

#[test]
fn programs_that_do_not_exist_are_said_so_and_a_running_one_can_be_ended() {
    let mut pair = Pair::new();
    assert_eq!(pair.a.run_builtin(pair.now, "rm -rf /"), Err("rm: command not found".to_owned()));
    assert!(pair.a.run_builtin(pair.now, "nc 'x").is_err());
    assert_eq!(
        pair.a.run_python(pair.now, "x.py", "print(1)", Vec::new()),
        Err("the Python interpreter is not there yet".to_owned())
    );
    let listener = pair.a.run_builtin(pair.now, "nc -l -p 1234").unwrap();
    pair.until(10, |_| false);
    assert_eq!(pair.a.exit_status(listener), None);
    pair.a.kill(pair.now, listener);
    assert_eq!(pair.a.exit_status(listener), Some(130));
    let again = pair.a.run_builtin(pair.now, "nc -l -p 1234").unwrap();
    pair.until(10, |_| false);
    assert_eq!(pair.a.exit_status(again), None, "{}", pair.a.output(again));
}

#[test]
fn python_runs_live() {
    let mut pair = Pair::new();
    pair.a.set_interpreter(std::rc::Rc::new(crate::common::Monty));
    let source = "import socket\ns = socket.create_connection(('10.0.0.2', 80))\ns.sendall(b'GET /bytes/0 HTTP/1.0\\r\\n\\r\\n')\nprint(s.recv(15))\n";
    let task = pair.a.run_python(pair.now, "x.py", source, Vec::new()).unwrap();
    assert_eq!(pair.finish(task), Some(0), "{}", pair.a.output(task));
    assert_eq!(pair.a.output(task), "b'HTTP/1.1 200 OK'\n");
}

#[test]
fn random_frames_disturb_nobody() {
    let mut pair = Pair::new();
    let mut rng = lab::rng::Rng::new(1, 1);
    for _ in 0..5_000 {
        let len = rng.below(1600) as usize;
        let mut frame: Vec<u8> = (0..len).map(|_| rng.next_u64() as u8).collect();
        if len > 14 && rng.below(2) == 0 {
            frame[..6].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
            frame[12..14].copy_from_slice(if rng.below(2) == 0 { &[8, 0] } else { &[8, 6] });
        }
        pair.a.frame_in(pair.now, &frame);
    }
    let ping = pair.a.run_builtin(pair.now, "ping -c 1 10.0.0.2").unwrap();
    assert_eq!(pair.finish(ping), Some(0));
}
