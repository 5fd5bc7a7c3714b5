//! The TAP device: opening it, what to say when that fails, and the two relays between it and the switch.
//!
//! Linux: `drivers/net/tun.c`. A device that the bridge created disappears with it; one that existed stays, with
//! the addresses that its owner gave it.

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bridge_protocol::{DropReason, MAX_FRAME_BYTES, Mac, TapInfo};
use bytes::Bytes;
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_nametoindex;
use tokio::time::sleep;
use tun_rs::{AsyncDevice, DeviceBuilder, Layer, SyncDevice};

use crate::impair::{Fate, Impair};
use crate::lease::Subnet;
use crate::port::Port;
use crate::queue::Frame;
use crate::switch::Switch;
use crate::timestamp_ns;

const MTU: u16 = 1500;
const CONTROL_FILE: &str = "/dev/net/tun";

/// An open device, not yet joined to the switch.
pub struct Tap {
    pub(crate) device: SyncDevice,
    pub(crate) name: String,
    pub(crate) mac: Mac,
    pub(crate) mtu: u16,
    /// The kernel's address and its network.
    pub(crate) subnet: Subnet,
    /// Whether the bridge made it, so that it goes when the bridge goes.
    pub(crate) created: bool,
}

impl Tap {
    pub(crate) fn info(&self) -> TapInfo {
        TapInfo::Up {
            name: self.name.clone(),
            mtu: self.mtu,
            address: self.subnet.address,
            prefix: self.subnet.prefix,
            mac: self.mac,
        }
    }
}

/// Why there is no device, and which commands would help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapOff {
    /// A sentence for people.
    pub reason: String,
    /// Commands, each on its own.
    pub how_to_grant: Vec<String>,
}

impl TapOff {
    fn new(reason: impl Into<String>) -> TapOff {
        TapOff { reason: reason.into(), how_to_grant: Vec::new() }
    }

    pub(crate) fn info(&self, name: &str) -> TapInfo {
        TapInfo::Off { name: name.into(), reason: self.reason.clone(), how_to_grant: self.how_to_grant.clone() }
    }
}

/// Whether the kernel would take `name` for a device.
pub fn is_device_name(name: &str) -> bool {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    plain && (1..=15).contains(&name.len()) && name != "." && name != ".."
}

/// Opens the device, or creates it, gives the kernel its address and sets it up. `wanted` is the address asked for;
/// without one an existing device keeps its own, and a new one gets [`Subnet::DEFAULT`].
pub fn open(name: &str, wanted: Option<Subnet>) -> Result<Tap, TapOff> {
    let existed = if_nametoindex(name).is_ok();
    probe_control_file(name, wanted)?;
    let device = DeviceBuilder::new()
        .name(name)
        .layer(Layer::L2)
        .inherit_enable_state()
        .build_sync()
        .map_err(|error| open_failed(name, wanted, existed, &error))?;
    let before = address_of(name);
    let subnet = match (before, wanted) {
        (Some(before), None) => before,
        (Some(before), Some(wanted)) if before == wanted => before,
        (_, wanted) => {
            let wanted = wanted.unwrap_or(Subnet::DEFAULT);
            device
                .set_network_address(wanted.address, wanted.prefix, None)
                .map_err(|error| setup_failed(name, wanted, "has not that address", &error))?;
            wanted
        }
    };
    if !existed {
        let failed = |error| setup_failed(name, subnet, "cannot get its MTU", &error);
        device.set_mtu(MTU).map_err(failed)?;
    }
    if !device.is_running().unwrap_or(false) {
        match device.enabled(true) {
            Ok(()) => {}
            // The kernel tells that a device is running a little after it was opened.
            Err(_) if runs_soon(&device) => {}
            Err(error) => return Err(setup_failed(name, subnet, "is down", &error)),
        }
    }
    let unreadable = |error| TapOff::new(format!("{name} cannot be read: {error}"));
    Ok(Tap {
        mac: Mac(device.mac_address().map_err(unreadable)?),
        mtu: device.mtu().map_err(unreadable)?,
        name: name.into(),
        subnet,
        created: !existed,
        device,
    })
}

/// Whether the device is running within a second (`linkwatch_event`).
fn runs_soon(device: &SyncDevice) -> bool {
    let give_up = Instant::now() + Duration::from_millis(1200);
    while !device.is_running().unwrap_or(false) {
        if Instant::now() > give_up {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

/// Whether the kernel's file for TAP devices can be opened at all; a missing right to it is not one to a device.
fn probe_control_file(name: &str, wanted: Option<Subnet>) -> Result<(), TapOff> {
    let opened = std::fs::OpenOptions::new().read(true).write(true).open(CONTROL_FILE);
    let Err(error) = opened else {
        return Ok(());
    };
    let (reason, first) = match error.kind() {
        io::ErrorKind::NotFound => {
            (format!("{CONTROL_FILE} does not exist: the kernel's TUN/TAP driver is not loaded"), "sudo modprobe tun")
        }
        io::ErrorKind::PermissionDenied => {
            (format!("this user may not open {CONTROL_FILE}"), "sudo chmod 0666 /dev/net/tun")
        }
        _ => {
            let reason = format!("{CONTROL_FILE} cannot be opened: {error}");
            return Err(TapOff::new(reason));
        }
    };
    let then = grant(name, wanted.unwrap_or(Subnet::DEFAULT));
    let mut how_to_grant: Vec<String> = then.iter().map(|command| format!("{first} && {command}")).collect();
    if Path::new("/.dockerenv").exists() {
        how_to_grant.push("docker run --cap-add=NET_ADMIN --device=/dev/net/tun …".into());
    }
    Err(TapOff { reason, how_to_grant })
}

fn open_failed(name: &str, wanted: Option<Subnet>, existed: bool, error: &io::Error) -> TapOff {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EPERM | Errno::EACCES) if existed => TapOff {
            reason: format!("{name} exists, but belongs to another user"),
            how_to_grant: std::iter::once(format!("sudo ip link del {name}"))
                .chain(grant(name, wanted.unwrap_or(Subnet::DEFAULT)))
                .collect(),
        },
        Some(Errno::EPERM | Errno::EACCES) => TapOff {
            reason: format!("this user may not create the TAP device {name} (CAP_NET_ADMIN is missing)"),
            how_to_grant: grant(name, wanted.unwrap_or(Subnet::DEFAULT)),
        },
        Some(Errno::EBUSY) => TapOff {
            reason: format!("another program has {name} open; end it, or choose another name with --tap"),
            how_to_grant: Vec::new(),
        },
        Some(Errno::EINVAL) if existed => {
            TapOff::new(format!("{name} exists and is no TAP device; choose another name with --tap"))
        }
        _ => TapOff::new(format!("the TAP device {name} cannot be opened: {error}")),
    }
}

/// Either grant will do: the right for the program, or a device of the user's own.
fn grant(name: &str, subnet: Subnet) -> Vec<String> {
    let program = std::env::current_exe().map_or("native-bridge".into(), |path| path.display().to_string());
    let mut commands = vec![format!("sudo setcap cap_net_admin+ep {}", shell_quoted(&program))];
    commands.push(format!("sudo ip tuntap add dev {name} mode tap user $USER && {}", set_up(name, subnet)));
    commands
}

fn set_up(name: &str, subnet: Subnet) -> String {
    format!("sudo ip addr add {subnet} dev {name} && sudo ip link set {name} up")
}

fn shell_quoted(text: &str) -> String {
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.".contains(&b)) {
        text.into()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn setup_failed(name: &str, subnet: Subnet, what: &str, error: &io::Error) -> TapOff {
    TapOff {
        reason: format!("{name} {what}, and this user may not change it ({error})"),
        how_to_grant: vec![set_up(name, subnet)],
    }
}

/// The first IPv4 address of a device that clients can be given neighbours of.
fn address_of(name: &str) -> Option<Subnet> {
    getifaddrs().ok()?.filter(|entry| entry.interface_name == name).find_map(|entry| {
        let address: Ipv4Addr = entry.address?.as_sockaddr_in()?.ip();
        let mask: Ipv4Addr = entry.netmask?.as_sockaddr_in()?.ip();
        let prefix = u32::from(mask).leading_ones() as u8;
        Subnet::new(address, prefix).ok()
    })
}

/// Moves frames from the kernel to the switch until the device fails.
pub(crate) async fn from_kernel(
    device: Arc<AsyncDevice>,
    switch: Arc<Switch>,
    port: Arc<Port>,
    mut impair: Option<Impair>,
) -> io::Error {
    let start = Instant::now();
    // One byte more than the longest frame, so that a longer one is seen to be longer.
    let mut buffer = vec![0; MAX_FRAME_BYTES + 1];
    loop {
        let wait = impair.as_ref().and_then(Impair::next_due).map(|due| due.saturating_sub(start.elapsed()));
        let received = tokio::select! {
            received = device.recv(&mut buffer) => Some(received),
            () = sleep(wait.unwrap_or_default()), if wait.is_some() => None,
        };
        let frame = match received {
            Some(Ok(len)) => &buffer[..len],
            Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => continue,
            Some(Err(error)) => return error,
            None => &[],
        };
        let Some(impair) = &mut impair else {
            switch.forward(&port, timestamp_ns(), [frame]);
            continue;
        };
        if !frame.is_empty() {
            let frame = Frame { bytes: Bytes::copy_from_slice(frame), timestamp_ns: 0 };
            push_counted(impair, start.elapsed(), frame, &port);
        }
        while let Some(frame) = impair.pop_due(start.elapsed()) {
            switch.forward(&port, timestamp_ns(), [&*frame.bytes]);
        }
    }
}

/// Moves frames from the switch to the kernel until the device fails.
pub(crate) async fn to_kernel(device: Arc<AsyncDevice>, port: Arc<Port>, mut impair: Option<Impair>) -> io::Error {
    let start = Instant::now();
    loop {
        while let Some(frame) = port.next_frame(usize::MAX) {
            match &mut impair {
                None => {
                    if let Err(error) = write(&device, &port, &frame).await {
                        return error;
                    }
                }
                Some(impair) => push_counted(impair, start.elapsed(), frame, &port),
            }
        }
        let Some(impair) = &mut impair else {
            port.wake.notified().await;
            continue;
        };
        while let Some(frame) = impair.pop_due(start.elapsed()) {
            if let Err(error) = write(&device, &port, &frame).await {
                return error;
            }
        }
        let wait = impair.next_due().map(|due| due.saturating_sub(start.elapsed()));
        tokio::select! {
            () = port.wake.notified() => {}
            () = sleep(wait.unwrap_or_default()), if wait.is_some() => {}
        }
    }
}

fn push_counted(impair: &mut Impair, now: Duration, frame: Frame, port: &Port) {
    match impair.push(now, frame) {
        Fate::Held => {}
        Fate::Lost => port.tally.dropped(DropReason::ImpairLoss, 1),
        Fate::Full => port.tally.dropped(DropReason::ImpairFull, 1),
    }
}

async fn write(device: &AsyncDevice, port: &Port, frame: &Frame) -> io::Result<()> {
    match device.send(&frame.bytes).await {
        Ok(_) => port.tally.sent(frame.bytes.len()),
        Err(error) if is_gone(&error) => return Err(error),
        // The device is down, or the kernel has no memory: the frame is lost, as on a wire.
        Err(error) => {
            tracing::debug!(%error, "the kernel refused a frame");
            port.tally.dropped(DropReason::TapWrite, 1);
        }
    }
    Ok(())
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(Errno::from_raw),
        Some(Errno::EBADFD | Errno::ENODEV | Errno::ENXIO | Errno::EBADF)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_names_are_what_the_kernel_takes() {
        for name in ["sendpath0", "tap-1", "a"] {
            assert!(is_device_name(name), "{name}");
        }
        for name in ["", "..", "a/b", "a b", "name-of-16-bytes", "a;b", "tap%d"] {
            assert!(!is_device_name(name), "{name}");
        }
    }

    #[test]
    fn a_missing_right_comes_with_the_commands_that_grant_it() {
        let off = open_failed("sendpath0", None, false, &io::Error::from(Errno::EPERM));
        assert!(off.reason.contains("CAP_NET_ADMIN"));
        assert!(off.how_to_grant[0].starts_with("sudo setcap cap_net_admin+ep /"));
        assert_eq!(
            off.how_to_grant[1],
            "sudo ip tuntap add dev sendpath0 mode tap user $USER && sudo ip addr add 10.77.0.1/24 dev sendpath0 && sudo ip link set sendpath0 up"
        );
    }

    #[test]
    fn paths_are_quoted_for_the_shell() {
        assert_eq!(shell_quoted("/opt/native-bridge"), "/opt/native-bridge");
        assert_eq!(shell_quoted("/a b/it's"), r"'/a b/it'\''s'");
    }
}
