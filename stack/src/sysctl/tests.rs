//! Names, ranges and texts of kernel variables.

use super::*;
use alloc::string::ToString;

#[test]
fn a_variable_goes_by_dots_slashes_and_its_file() {
    let mut s = Sysctl::default();
    for (name, value) in [("net.ipv4.tcp_ecn", "1"), ("net/ipv4/tcp_ecn", "0"), ("/proc/sys/net/ipv4/tcp_ecn", "2")] {
        assert_eq!(s.set(name, value), Ok(()));
        assert_eq!(s.tcp_ecn.to_string(), value);
    }
    assert_eq!(s.set("/sys/module/tcp_cubic/parameters/hystart_detect", "2"), Ok(()));
    assert_eq!(s.cubic_hystart_detect, 2);
    assert_eq!(s.set("net.ipv4.tcp_sak", "1"), Err(SysctlError::Unknown));
}

#[test]
fn a_triple_is_written_with_blanks_and_read_with_tabs() {
    let mut s = Sysctl::default();
    assert_eq!(s.set("net.ipv4.tcp_rmem", " 4096 540000\t15728640\n"), Ok(()));
    assert_eq!(s.tcp_rmem, [4096, 540_000, 15_728_640]);
    assert_eq!(s.get("net.ipv4.tcp_rmem").unwrap(), "4096\t540000\t15728640");
    assert_eq!(s.set("net.ipv4.tcp_wmem", "8192"), Ok(()), "the others stay");
    assert_eq!(s.tcp_wmem, [8192, 16_384, 4_194_304]);
    assert_eq!(s.set("net.ipv4.tcp_wmem", "1 2 3 4"), Err(SysctlError::NotANumber));
    assert_eq!(s.set("net.ipv4.tcp_wmem", "1 0 3"), Err(SysctlError::OutOfRange));
    assert_eq!(s.set("net.ipv4.ip_local_port_range", "5000 4000"), Err(SysctlError::OutOfRange));
}

#[test]
fn numbers_are_taken_in_the_bases_of_c() {
    let mut s = Sysctl::default();
    assert_eq!(s.set("net.ipv4.tcp_fastopen", "0x70403"), Ok(()));
    assert_eq!(s.tcp_fastopen, 0x70403);
    assert_eq!(s.set("net.ipv4.tcp_retries2", "010"), Ok(()));
    assert_eq!(s.tcp_retries2, 8);
    for wrong in ["", "x", "1x", "0x", "--1", "99999999999999999999"] {
        assert_eq!(s.set("net.ipv4.tcp_retries2", wrong), Err(SysctlError::NotANumber), "{wrong:?}");
    }
    assert_eq!(s.set("net.ipv4.tcp_retries2", "256"), Err(SysctlError::OutOfRange));
    assert_eq!(s.set("net.ipv4.tcp_adv_win_scale", "-31"), Ok(()));
}

#[test]
fn algorithms_go_by_name() {
    let mut s = Sysctl::default();
    assert_eq!(s.get("net.ipv4.tcp_congestion_control").unwrap(), "cubic");
    assert_eq!(s.set("net.ipv4.tcp_congestion_control", "bbr\n"), Ok(()));
    assert_eq!(s.tcp_congestion_control, "bbr");
    assert_eq!(s.set("net.ipv4.tcp_congestion_control", "vegas"), Err(SysctlError::NoSuchName));
    assert_eq!(s.set("net.ipv4.tcp_allowed_congestion_control", "reno bbr"), Ok(()));
    assert_eq!(s.get("net.ipv4.tcp_allowed_congestion_control").unwrap(), "reno bbr");
    assert_eq!(s.set("net.ipv4.tcp_available_congestion_control", "reno"), Err(SysctlError::ReadOnly));
    assert_eq!(s.get("net.ipv4.tcp_available_congestion_control").unwrap(), "reno cubic bbr");
}

/// On Linux 6.18, in a namespace of its own.
#[test]
fn the_running_kernel_has_the_same_defaults() {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    if !release.starts_with("6.18.") {
        return std::eprintln!("skipped: Linux {release} is not 6.18");
    }
    let cat =
        "cd /proc/sys/net/ipv4 && for f in tcp_* ip_local_port_range ip_default_ttl; do echo \"$f $(cat $f)\"; done";
    let Ok(output) = std::process::Command::new("unshare").args(["--net", "sh", "-c", cat]).output() else {
        return std::eprintln!("skipped: no unshare");
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // These depend on the machine's memory or its distribution.
    let local =
        ["congestion_control", "tw_buckets", "tcp_mem", "max_syn_backlog", "max_orphans", "tcp_rmem", "tcp_wmem"];
    let ours = Sysctl::default();
    let mut compared = 0;
    for line in text.lines() {
        let Some((name, value)) = line.split_once(' ') else { continue };
        let Some(own) = ours.get(&alloc::format!("net.ipv4.{name}")) else { continue };
        if !local.iter().any(|l| name.ends_with(l)) {
            assert_eq!(own, value, "{name}");
            compared += 1;
        }
    }
    std::eprintln!("{compared} variables have the running kernel's defaults");
}
