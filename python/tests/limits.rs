//! Programs that would hang or eat the machine, and states that aren't states.
#![cfg(feature = "interpreter")]

use python::interpreter::{Allocator, resume, start};
use python::{Answer, Request, Step};
use stack::syscall::SysRet;
use std::sync::Mutex;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Memory is counted for the whole process: these tests take turns.
static ALONE: Mutex<()> = Mutex::new(());

/// What a program that never asks anything says at its end.
fn last_words(source: &str) -> String {
    let _alone = ALONE.lock();
    let step = start("bad.py", source, &[]);
    let Request::Print { stderr: true, text } = &step.request else { panic!("{:?}", step.request) };
    let end = resume(&step.state, &Answer::Done);
    assert_eq!(end.request, Request::Exit { status: 1 });
    text.clone()
}

#[test]
fn a_loop_without_requests_ends() {
    assert!(last_words("x = 0\nwhile True:\n    x += 1\n").contains("is there a loop that never ends?"));
    let stubborn = "while True:\n    try:\n        while True: pass\n    except BaseException:\n        pass\n";
    assert!(last_words(stubborn).contains("is there a loop that never ends?"));
}

#[test]
fn memory_is_bounded() {
    for source in [
        "l = []\nwhile True:\n    l.append('a' * 1000000)\n",
        "s = 'a'\nfor i in range(60): s = s + s\n",
        "l = list(range(10 ** 9))\n",
        "x = 9 ** 9 ** 9\n",
    ] {
        let words = last_words(source);
        assert!(words.ends_with("MemoryError: more than 64 MiB in one step\n"), "{source}: {words}");
    }
}

#[test]
fn depth_is_bounded() {
    assert!(last_words("def f(): f()\nf()\n").ends_with("RecursionError: maximum recursion depth exceeded\n"));
    for source in [
        format!("x = 1{}\n", "+1".repeat(100_000)),
        format!("x = a{}\n", ".b".repeat(100_000)),
        format!("x = a{}\n", "()".repeat(100_000)),
        format!("x = {}1\n", "-".repeat(100_000)),
        format!("x = {}\n", "[".repeat(100_000)),
        format!("x = {}1{}\n", "(".repeat(10_000), ")".repeat(10_000)),
    ] {
        assert!(last_words(&source).contains("SyntaxError"));
    }
}

fn is_refusal(step: &Step) -> bool {
    matches!(&step.request, Request::Print { stderr: true, text } if text.contains("isn't the state"))
}

#[test]
fn bytes_that_are_no_state_are_refused() {
    let _alone = ALONE.lock();
    let good = start("x.py", "import socket\ns = socket.socket()\n", &[]).state;
    let answer = Answer::Syscall(SysRet::ok(3));
    let mut seed = 1_u64;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for _ in 0..2000 {
        let noise: Vec<u8> = (0..random() % 300).map(|_| random() as u8).collect();
        assert!(is_refusal(&resume(&noise, &answer)));
        let mut bent = good.clone();
        let at = random() as usize % bent.len();
        bent[at] ^= 1 << (random() % 8);
        assert!(is_refusal(&resume(&bent, &answer)));
        assert!(is_refusal(&resume(&good[..at], &answer)));
    }
}

#[test]
fn an_answer_to_another_question_does_no_harm() {
    let _alone = ALONE.lock();
    let state = start("x.py", "import socket\ns = socket.socket()\ns.recv(3)\n", &[]).state;
    for answer in [Answer::Done, Answer::Clock(5), Answer::Syscall(SysRet::ok(-7))] {
        let mut step = resume(&state, &answer);
        for _ in 0..9 {
            step = resume(&step.state, &answer);
        }
    }
}
