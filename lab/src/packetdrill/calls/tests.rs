//! What came back, compared.

use super::*;
use crate::packetdrill::ast::{Action, Call};
use crate::packetdrill::parser::parse;
use stack::syscall::{ControlMsg, Errno, Out, SysRet, Syscall};

/// The call of a script of one event.
fn call(text: &str) -> Call {
    let script = parse("t.pkt", &format!("0 {text}\n"), &[]).unwrap_or_else(|e| panic!("{e:?}"));
    match script.events.into_iter().next().map(|e| e.action) {
        Some(Action::Call(call)) => *call,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn verdict(text: &str, ret: &SysRet) -> Result<(), String> {
    let call = call(text);
    check(&call.kind, (call.result, call.errno), ret, (4_000_000, 0)).map_err(|m| format!("{} / {}", m.expected, m.got))
}

fn with(value: i64, out: Out) -> SysRet {
    SysRet { out, ..SysRet::ok(value) }
}

fn bytes(value: i64, data: &[u8]) -> SysRet {
    SysRet { data: data.to_vec(), ..SysRet::ok(value) }
}

#[test]
fn results_and_errors_have_to_be_the_same() {
    assert_eq!(verdict("read(3, ..., 10) = 10", &SysRet::ok(10)), Ok(()));
    assert_eq!(verdict("read(3, ..., 10) = 10", &SysRet::ok(9)), Err("result 10 / 9".to_owned()));
    let again = SysRet::err(Errno::EAGAIN);
    assert_eq!(verdict("read(3, ..., 10) = -1 EAGAIN (Resource temporarily unavailable)", &again), Ok(()));
    assert_eq!(verdict("read(3, ..., 10) = -1 EPIPE (x)", &again), Err("result -1 EPIPE / -1 EAGAIN".to_owned()));
    assert_eq!(verdict("read(3, ..., 10) = -1", &again), Ok(()));
    assert_eq!(verdict("read(3, ..., 10) = 10", &again), Err("result 10 / -1 EAGAIN".to_owned()));
    assert_eq!(verdict("fcntl(3, F_GETFL) = O_RDWR|O_NONBLOCK", &SysRet::ok(0o4002)), Ok(()));
}

#[test]
fn a_new_descriptor_may_have_any_number() {
    assert_eq!(verdict("socket(..., SOCK_STREAM, IPPROTO_TCP) = 3", &SysRet::ok(7)), Ok(()));
    assert!(verdict("accept(3, ..., ...) = 4", &SysRet::err(Errno::EAGAIN)).is_err());
    assert!(verdict("socket(..., SOCK_STREAM, IPPROTO_TCP) = -1 EAFNOSUPPORT (x)", &SysRet::ok(3)).is_err());
}

#[test]
fn option_values_and_lengths_are_compared() {
    let int = |v: i32| bytes(0, &v.to_le_bytes());
    let text = "getsockopt(4, SOL_SOCKET, SO_SNDBUF, [42000], [4]) = 0";
    assert_eq!(verdict(text, &int(42000)), Ok(()));
    assert_eq!(verdict(text, &int(42001)), Err("the value 42000 / 42001".to_owned()));
    assert_eq!(verdict(text, &bytes(0, &[1])), Err("an option of length 4 / 1".to_owned()));
    let name = "getsockopt(4, SOL_TCP, TCP_CONGESTION, \"reno\", [4]) = 0";
    assert_eq!(verdict(name, &bytes(0, b"reno")), Ok(()));
    assert_eq!(verdict(name, &bytes(0, b"cubi")), Err("the value \"reno\" / \"cubi\"".to_owned()));
}

#[test]
fn ready_descriptors_are_compared() {
    let text = "poll([{fd=4, events=POLLOUT, revents=POLLOUT|POLLIN}], 1, 0) = 1";
    assert_eq!(verdict(text, &with(1, Out::Poll(vec![5]))), Ok(()));
    let wrong = verdict(text, &with(1, Out::Poll(vec![4]))).unwrap_err();
    assert_eq!(wrong, "revents POLLIN|POLLOUT for descriptor 4 / POLLOUT");
    let text = "epoll_wait(5, {events=EPOLLOUT, fd=4}, 1, 0) = 1";
    let event = |events, data| with(1, Out::Epoll(vec![EpollEvent { events, data }]));
    assert_eq!(verdict(text, &event(4, 4)), Ok(()));
    assert_eq!(verdict(text, &event(5, 4)), Err("events EPOLLOUT / EPOLLIN|EPOLLOUT".to_owned()));
    assert_eq!(verdict(text, &event(4, 6)), Err("the event's data 4 / 6".to_owned()));
    assert_eq!(verdict("epoll_wait(5, {events=0, ptr=0}, 1, 0) = 0", &SysRet::ok(0)), Ok(()));
    assert_eq!(verdict("ioctl(4, SIOCINQ, [1000]) = 0", &with(0, Out::Int(1000))), Ok(()));
    assert!(verdict("ioctl(4, SIOCINQ, [1000]) = 0", &with(0, Out::Int(999))).is_err());
}

fn message(control: Vec<ControlMsg>, flags: i32) -> SysRet {
    with(10, Out::Message { control, flags })
}

fn recvmsg(control: &str) -> String {
    format!("recvmsg(3, {{msg_name(...)=..., msg_iov(1)=[{{..., 10}}], msg_flags=0, msg_control=[{control}]}}, 0) = 10")
}

#[test]
fn control_messages_are_compared_in_order_and_number() {
    let inq = |n: i32| ControlMsg { level: 6, kind: 36, data: n.to_le_bytes().to_vec() };
    let text = recvmsg("{cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=9000}");
    assert_eq!(verdict(&text, &message(vec![inq(9000)], 0)), Ok(()));
    assert!(verdict(&text, &message(vec![inq(9001)], 0)).unwrap_err().starts_with("data of control message 1 9000"));
    assert!(verdict(&text, &message(vec![], 0)).is_err() && verdict(&text, &message(vec![inq(9000); 2], 0)).is_err());
    assert_eq!(verdict(&text, &message(vec![inq(9000)], 0x20)), Err("msg_flags 0x0 / 0x20".to_owned()));
    let plain = "recvmsg(3, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=MSG_TRUNC}, 0) = 10";
    assert_eq!(verdict(plain, &message(vec![], 0x20)), Ok(()));
}

#[test]
fn time_stamps_have_the_tolerance() {
    let stamp = |ns: u64| {
        let mut data = vec![0; 48];
        data[..8].copy_from_slice(&(ns / 1_000_000_000).to_le_bytes());
        data[8..16].copy_from_slice(&(ns % 1_000_000_000).to_le_bytes());
        message(vec![ControlMsg { level: 1, kind: 37, data }], 0)
    };
    let text = |data| recvmsg(&format!("{{cmsg_level=SOL_SOCKET, cmsg_type=SCM_TIMESTAMPING, cmsg_data={data}}}"));
    let at = text("{scm_sec=1,scm_nsec=20000000}");
    assert_eq!(verdict(&at, &stamp(1_023_000_000)), Ok(()));
    assert!(verdict(&at, &stamp(1_025_000_000)).is_err());
    assert_eq!(verdict(&text("{scm_sec=0,scm_nsec=0}"), &stamp(99)), Ok(()));
}

#[test]
fn extended_errors_and_attributes_are_taken_apart() {
    let mut data = vec![0; 32];
    data[..4].copy_from_slice(&42u32.to_le_bytes());
    data[4] = 4;
    data[12..16].copy_from_slice(&7u32.to_le_bytes());
    let error = |data| message(vec![ControlMsg { level: 0, kind: 11, data }], 0);
    let text = |ee_data| {
        recvmsg(&format!(
            "{{cmsg_level=SOL_IP, cmsg_type=IP_RECVERR, cmsg_data={{ee_errno=ENOMSG, ee_origin=SO_EE_ORIGIN_TIMESTAMPING, \
             ee_type=0, ee_code=0, ee_info=SCM_TSTAMP_SND, ee_data={ee_data}}}}}"
        ))
    };
    assert_eq!(verdict(&text(7), &error(data.clone())), Ok(()));
    assert!(verdict(&text(8), &error(data)).unwrap_err().starts_with("ee_data of control message 1 8"));

    let mut stats = vec![12, 0, 1, 0];
    stats.extend(10_500u64.to_le_bytes());
    stats.extend([5, 0, 14, 0, 2, 0, 0, 0]);
    let ret = message(vec![ControlMsg { level: 1, kind: 54, data: stats }], 0);
    let text = |list| {
        recvmsg(&format!("{{cmsg_level=SOL_SOCKET, cmsg_type=SCM_TIMESTAMPING_OPT_STATS, cmsg_data={{{list}}}}}"))
    };
    assert_eq!(verdict(&text("TCP_NLA_BUSY=10000, TCP_NLA_CA_STATE=2"), &ret), Ok(()));
    assert_eq!(verdict(&text("TCP_NLA_BUSY=..., TCP_NLA_CA_STATE=2"), &ret), Ok(()));
    assert!(verdict(&text("TCP_NLA_BUSY=20000, TCP_NLA_CA_STATE=2"), &ret).is_err());
    assert!(verdict(&text("TCP_NLA_BUSY=10000, TCP_NLA_CA_STATE=3"), &ret).is_err());
    assert!(verdict(&text("TCP_NLA_BUSY=10000"), &ret).is_err());
}

#[test]
fn arguments_become_the_stack_s() {
    let mut fds = Descriptors::default();
    fds.add(4, 9).unwrap();
    assert!(fds.add(4, 10).is_err());
    let options = crate::packetdrill::ast::Options::default();
    let made = |text: &str| make(&call(text).kind, &fds, &options);
    assert_eq!(made("write(4, ..., 2) = 2"), Ok(Syscall::Write { fd: 9, buf: vec![0, 0].into() }));
    let null = Syscall::Null(Box::new(Syscall::Write { fd: 9, buf: vec![0; 3].into() }));
    assert_eq!(made("write(4, NULL, 3) = -1 EFAULT (Bad address)"), Ok(null));
    let linger = Syscall::Setsockopt { fd: 9, level: 1, name: 13, value: vec![1, 0, 0, 0, 5, 0, 0, 0] };
    assert_eq!(made("setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=5}, 8) = 0"), Ok(linger));
    let peer = SockAddr::v4([192, 0, 2, 1].into(), 8080);
    assert_eq!(made("connect(4, ..., ...) = 0"), Ok(Syscall::Connect { fd: 9, addr: peer }));
    let explicit = "connect(4, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"10.0.0.1\")}, ...) = 0";
    let other = SockAddr::v4([10, 0, 0, 1].into(), 80);
    assert_eq!(made(explicit), Ok(Syscall::Connect { fd: 9, addr: other }));
    let Ok(Syscall::Connect { addr, .. }) = made("connect(4, AF_UNSPEC, ...) = 0") else { panic!() };
    assert_eq!(addr.family, 0);
    let closed = "descriptor 5 is not open in the script".to_owned();
    assert_eq!(made("write(5, ..., 2) = 2"), Err(closed));
    assert_eq!(made("splice(4, NULL, 6, NULL, 99, 0) = 99"), Err("this stack has no splice(2)".to_owned()));
}
