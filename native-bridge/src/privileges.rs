//! Giving up every privilege once the TAP device and the listening socket are open.
//!
//! Must run while the process has one thread: capabilities belong to threads, and later ones inherit what is left.

use std::fmt::Write;

use caps::{CapSet, CapsHashSet};
use nix::sys::prctl::set_no_new_privs;
use nix::unistd::{Gid, Uid, getegid, geteuid, getgid, getuid, setgroups, setresgid, setresuid};

/// The kernel's overflow user, `nobody` on all common systems.
const NOBODY: u32 = 65_534;

/// A privilege could not be given up, so the bridge must not go on.
#[derive(Debug, thiserror::Error)]
#[error("cannot give up privileges ({step}): {reason}")]
pub struct DropError {
    step: &'static str,
    reason: String,
}

fn failed<E: std::fmt::Display>(step: &'static str) -> impl Fn(E) -> DropError {
    move |reason| DropError { step, reason: reason.to_string() }
}

/// Becomes the user who called `sudo` (else nobody) if started as root, drops all capabilities and the way back to
/// them. Returns what was given up, for the log.
pub fn drop_all() -> Result<String, DropError> {
    let before = caps::read(None, CapSet::Permitted).map_err(failed("read capabilities"))?;
    let mut report = String::new();
    // Needs CAP_SETPCAP, which only root has here; without it, no_new_privs below has the same effect.
    let bounding = caps::clear(None, CapSet::Bounding);
    if geteuid().is_root() || getuid().is_root() {
        report.push_str(&leave_root()?);
    } else if geteuid() != getuid() || getegid() != getgid() {
        // A set-user-id program: back to who started it.
        setresgid(getgid(), getgid(), getgid()).map_err(failed("setresgid"))?;
        setresuid(getuid(), getuid(), getuid()).map_err(failed("setresuid"))?;
    }
    caps::clear(None, CapSet::Ambient).map_err(failed("clear ambient capabilities"))?;
    caps::clear(None, CapSet::Inheritable).map_err(failed("clear inheritable capabilities"))?;
    caps::clear(None, CapSet::Effective).map_err(failed("clear effective capabilities"))?;
    caps::clear(None, CapSet::Permitted).map_err(failed("clear permitted capabilities"))?;
    set_no_new_privs().map_err(failed("no_new_privs"))?;
    let left = caps::read(None, CapSet::Permitted).map_err(failed("read capabilities"))?;
    if !left.is_empty() {
        return Err(failed("check")(format!("still has {left:?}")));
    }
    report.push_str(&describe(&before));
    if bounding.is_ok() {
        report.push_str(", bounding set emptied");
    }
    report.push_str(", no_new_privs set");
    Ok(report)
}

fn leave_root() -> Result<String, DropError> {
    let from_sudo = |name| std::env::var(name).ok()?.parse().ok().filter(|id| *id != 0);
    let (uid, gid) = match (from_sudo("SUDO_UID"), from_sudo("SUDO_GID")) {
        (Some(uid), Some(gid)) => (uid, gid),
        _ => (NOBODY, NOBODY),
    };
    let (user, group) = (Uid::from_raw(uid), Gid::from_raw(gid));
    if let Err(error) = setgroups(&[group]) {
        // In a user namespace with one user there is nobody else to become; losing all capabilities is enough there.
        if is_only_user() {
            return Ok("kept the only user of this user namespace; ".into());
        }
        return Err(failed("setgroups")(error));
    }
    setresgid(group, group, group).map_err(failed("setresgid"))?;
    setresuid(user, user, user).map_err(failed("setresuid"))?;
    if setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)).is_ok() {
        return Err(failed("check")("could become root again"));
    }
    Ok(format!("root became uid {uid}, gid {gid}; "))
}

fn is_only_user() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let fields: Vec<&str> = map.split_whitespace().collect();
    matches!(fields[..], [_, _, "1"])
}

fn describe(dropped: &CapsHashSet) -> String {
    if dropped.is_empty() {
        return "there were no capabilities".into();
    }
    let mut names: Vec<String> = dropped.iter().map(ToString::to_string).collect();
    names.sort();
    let mut text = format!("dropped {} capabilities", names.len());
    if names.len() <= 4 {
        let _ = write!(text, " ({})", names.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_capabilities_are_named_and_many_are_counted() {
        assert_eq!(describe(&CapsHashSet::new()), "there were no capabilities");
        let one = CapsHashSet::from([caps::Capability::CAP_NET_ADMIN]);
        assert_eq!(describe(&one), "dropped 1 capabilities (CAP_NET_ADMIN)");
        assert!(!describe(&caps::all()).contains("CAP_"));
    }
}
