//! This machine, looked at: its clock, its limits, and the data folder with the disk below it.

use crate::contexts::readable_by_others;
use std::path::Path;
use ticketing_core::app::StoreConfig;
use ticketing_core::app::folder;
use ticketing_core::domain::time::Timestamp;
use ticketing_desk::commands::doctor::Checked;
use ticketing_desk::output::system_clock;

/// A clock before this was never set.
const PLAUSIBLE_FROM: &str = "2025-01-01T00:00:00Z";
/// Nor is one after this right.
const PLAUSIBLE_TO: &str = "2100-01-01T00:00:00Z";

/// Fewer file descriptors are soon used up by connections.
const DESCRIPTORS_MIN: u64 = 1_024;

/// With less free space the stores may be full before anybody looks again, in bytes.
const FREE_WARN: u64 = 1 << 30;
/// With less, SQLite may not finish what it has begun.
const FREE_FAIL: u64 = 100 << 20;

/// Whether the clock can be right.
pub fn clock() -> Checked {
    let now = system_clock();
    let is_within = |from: &str, to: &str| {
        let (from, to) = (Timestamp::parse(from), Timestamp::parse(to));
        from.is_some_and(|from| now >= from) && to.is_some_and(|to| now <= to)
    };
    match is_within(PLAUSIBLE_FROM, PLAUSIBLE_TO) {
        true => Checked::ok("machine clock", format!("{now}.")),
        false => Checked::fail(
            "machine clock",
            format!("It says {now}, which can't be: holds and tokens would end at wrong times."),
            "timedatectl set-ntp true",
        ),
    }
}

/// How many files and connections this process may have open.
#[cfg(unix)]
pub fn descriptors() -> Checked {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    match limit {
        Some(limit) if limit < DESCRIPTORS_MIN => Checked::warn(
            "file descriptors",
            format!(
                "A process may have {limit} open, fewer than {DESCRIPTORS_MIN}: each connection takes one."
            ),
            "ulimit -n 65536",
        ),
        Some(limit) => Checked::ok("file descriptors", format!("A process may have {limit} open.")),
        None => Checked::ok("file descriptors", "There is no limit."),
    }
}

/// Elsewhere there is no such limit.
#[cfg(not(unix))]
pub fn descriptors() -> Checked {
    Checked::ok("file descriptors", "There is no limit.")
}

/// The data folder: whether it is there, can be written, is for its owner alone, has room, and who serves it.
pub fn folder(stores: &StoreConfig) -> Vec<Checked> {
    let path = &stores.data_dir;
    if !stores.is_embedded() {
        return vec![];
    }
    let shown = path.display();
    let mut all = Vec::new();
    if !path.exists() {
        all.push(Checked::warn("data folder", format!("{shown} is not there yet."), "ticketctl up --demo"));
        all.push(disk(path));
        return all;
    }
    if !path.is_dir() {
        let fix = format!("move {shown} away, or name another folder with --data-dir DIR");
        return vec![Checked::fail("data folder", format!("{shown} is no folder."), fix)];
    }
    all.push(match (is_writable(path), readable_by_others(path)) {
        (false, _) => Checked::fail(
            "data folder",
            format!("{shown} can't be written by this user."),
            format!("chown \"$(id -u)\" {shown} && chmod u+rwx {shown}"),
        ),
        (true, Some(mode)) => Checked::warn(
            "data folder",
            format!("{shown} is open to other users of this machine (mode {mode:03o}): it holds names and secrets."),
            format!("chmod 700 {shown}"),
        ),
        (true, None) => Checked::ok("data folder", format!("{shown} can be written, and by its owner alone.")),
    });
    all.push(disk(path));
    all.push(match folder::served_by(path) {
        Ok(Some(owner)) => Checked::ok("server", format!("The folder is served by {owner}.")),
        Ok(None) => Checked::warn(
            "server",
            "Nobody serves the folder: no payment goes on, and no hold is written down as ended.",
            "ticketctl up",
        ),
        Err(error) => Checked::fail(
            "server",
            format!("Whether the folder is served can't be told: {error}."),
            format!("chown \"$(id -u)\" {shown}/{}", folder::SERVER_FILE),
        ),
    });
    all
}

#[cfg(unix)]
fn is_writable(path: &Path) -> bool {
    use rustix::fs::{Access, access};
    access(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn is_writable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|folder| !folder.permissions().readonly())
}

/// How much room there is on the disk of a folder, or of the nearest one above it that is there.
#[cfg(unix)]
fn disk(path: &Path) -> Checked {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = path.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    let found = match rustix::fs::statvfs(there) {
        Ok(found) => found,
        Err(error) => {
            return Checked::warn(
                "disk space",
                format!("It can't be told for {}: {error}.", there.display()),
                format!("df -h {}", there.display()),
            );
        }
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let finding = format!("{} are free.", bytes(free));
    let fix = format!("df -h {}, and free some", there.display());
    match free {
        free if free < FREE_FAIL => Checked::fail("disk space", format!("Only {finding}"), fix),
        free if free < FREE_WARN => Checked::warn("disk space", format!("Only {finding}"), fix),
        _ => Checked::ok("disk space", finding),
    }
}

#[cfg(not(unix))]
fn disk(_path: &Path) -> Checked {
    Checked::ok("disk space", "It can't be told on this system.")
}

/// So many bytes, as people write it.
#[cfg(unix)]
fn bytes(count: u64) -> String {
    const UNITS: [(&str, u32); 3] = [("TiB", 40), ("GiB", 30), ("MiB", 20)];
    match UNITS.into_iter().find(|(_, shift)| count >> shift > 0) {
        Some((unit, shift)) => {
            format!("{}.{} {unit}", count >> shift, (count >> (shift - 10) & 1023) * 10 / 1024)
        }
        None => format!("{count} bytes"),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_are_shown_as_people_write_them() {
        for (count, expected) in
            [(0, "0 bytes"), (1 << 20, "1.0 MiB"), (3 << 29, "1.5 GiB"), (5 << 40, "5.0 TiB")]
        {
            assert_eq!(bytes(count), expected);
        }
    }
}
