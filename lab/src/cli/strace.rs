//! `--strace`: each program's system calls, in the order in which it made them.

use lab::Lab;
use lab::strace;
use lab::world::Task;
use std::io::Write;

/// Prints the calls of every program, or of those called `only`.
pub(super) fn print(lab: &Lab, only: &str) -> std::io::Result<()> {
    let wanted: Vec<&Task> =
        lab.world().tasks().iter().filter(|t| only.is_empty() || t.executable().name == only).collect();
    let mut out = std::io::stdout().lock();
    for (i, task) in wanted.iter().enumerate() {
        if wanted.len() > 1 {
            let gap = if i > 0 { "\n" } else { "" };
            writeln!(out, "{gap}== {} on {} ==", task.executable().name, lab.config().host_name(task.host()))?;
        }
        let Some(tape) = lab.tapes().get(task.id()) else { continue };
        for (call, ret) in tape.syscalls().filter(|(call, _)| strace::is_traced(call.sysno())) {
            match ret {
                Some(ret) => writeln!(out, "{}", strace::format_line(call, ret))?,
                None => writeln!(out, "{} <unfinished ...>", strace::format_call(call))?,
            }
        }
    }
    Ok(())
}
