//! How much memory there is: the machine's, what a container (cgroup) may take of it, and the address space that the
//! process may have (`ulimit -v`).

use std::fmt;
use std::path::{Path, PathBuf};

/// Where the system says so. The root is another folder in tests.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
}

/// What limits memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// The memory that is built in.
    Machine,
    /// The memory limit of a control group, which containers have.
    Container,
    /// The address space of the process.
    AddressSpace,
}

/// Bytes of memory, and what limits them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes.
    pub bytes: u64,
    /// What there is no more because of.
    pub bound: Bound,
}

/// "the machine has 8.0 GiB" and the like.
impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = human(self.bytes);
        match self.bound {
            Bound::Machine => write!(f, "the machine has {bytes}"),
            Bound::Container => write!(f, "the container (cgroup) has {bytes}"),
            Bound::AddressSpace => write!(f, "the process has {bytes} of address space left (ulimit -v)"),
        }
    }
}

/// An amount of memory for people.
pub(crate) fn human(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let found = units.iter().find(|(_, power)| bytes >> power > 0);
    found.map_or_else(
        || format!("{bytes} bytes"),
        |(unit, power)| format!("{:.1} {unit}", bytes as f64 / (1u64 << power) as f64),
    )
}

impl Default for Machine {
    /// The machine that this program runs on.
    fn default() -> Self {
        Self::at(Path::new("/"))
    }
}

/// The files of a control group that say its limit and what it uses.
struct GroupFiles {
    limit: &'static str,
    usage: &'static str,
    /// The lines of `memory.stat` with pages of files, which are given back where memory is wanted.
    cache: [&'static str; 2],
}

const V2: GroupFiles =
    GroupFiles { limit: "memory.max", usage: "memory.current", cache: ["inactive_file", "active_file"] };
const V1: GroupFiles = GroupFiles {
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    cache: ["total_inactive_file", "total_active_file"],
};
/// A limit above this means that there is no limit: version 1 writes a number near 2⁶³.
const NO_LIMIT: u64 = 1 << 60;

impl Machine {
    /// A machine whose `proc` and `sys` lie in a folder.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The most memory that this process can ever have; `None` where nobody knows.
    pub fn whole(&self) -> Option<Room> {
        let group = |files: &GroupFiles, folder: &Path| self.number(&folder.join(files.limit));
        self.least(self.meminfo("MemTotal:"), group)
    }

    /// The memory that is free for this process now; `None` where nobody knows.
    pub fn free(&self) -> Option<Room> {
        let group = |files: &GroupFiles, folder: &Path| {
            let limit = self.number(&folder.join(files.limit))?;
            let used = self.number(&folder.join(files.usage)).unwrap_or_default();
            let cache = files.cache.map(|name| self.named(&folder.join("memory.stat"), name).unwrap_or_default());
            Some(limit.saturating_sub(used.saturating_sub(cache[0]).saturating_sub(cache[1])))
        };
        self.least(self.meminfo("MemAvailable:"), group)
    }

    fn least(&self, machine: Option<u64>, group: impl Fn(&GroupFiles, &Path) -> Option<u64>) -> Option<Room> {
        let groups = self.groups().into_iter().filter_map(|(files, folder)| group(files, &folder));
        let all =
            [(machine, Bound::Machine), (groups.min(), Bound::Container), (self.address_space(), Bound::AddressSpace)];
        let known = all.into_iter().filter_map(|(bytes, bound)| Some(Room { bytes: bytes?, bound }));
        known.min_by_key(|room| room.bytes)
    }

    /// The control groups that this process is in, each with those around it that have a limit.
    fn groups(&self) -> Vec<(&'static GroupFiles, PathBuf)> {
        let text = self.text("proc/self/cgroup").unwrap_or_default();
        let mounted = self.root.join("sys/fs/cgroup");
        let mut found = Vec::new();
        for line in text.lines() {
            let mut parts = line.splitn(3, ':');
            let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
            let (files, top) = match controllers {
                "" => (&V2, mounted.clone()),
                _ if controllers.split(',').any(|c| c == "memory") => (&V1, mounted.join("memory")),
                _ => continue,
            };
            // The folder that is named may lie outside of what a container sees; then the top is its own.
            let mut folder = top.clone();
            let steps = path.split('/').filter(|step| !step.is_empty() && *step != "..");
            let nested = steps.map(|step| {
                folder.push(step);
                folder.clone()
            });
            let all: Vec<PathBuf> = std::iter::once(top.clone()).chain(nested).collect();
            let limited = |folder: &PathBuf| self.number(&folder.join(files.limit)).is_some_and(|n| n < NO_LIMIT);
            found.extend(all.into_iter().filter(limited).map(|folder| (files, folder)));
        }
        found
    }

    /// The address space that is left.
    fn address_space(&self) -> Option<u64> {
        let text = self.text("proc/self/limits")?;
        let line = text.lines().find_map(|line| line.strip_prefix("Max address space"))?;
        let limit: u64 = line.split_whitespace().next()?.parse().ok()?;
        let used = self.kilobytes(&self.root.join("proc/self/status"), "VmSize:").unwrap_or_default();
        Some(limit.saturating_sub(used))
    }

    fn meminfo(&self, name: &str) -> Option<u64> {
        self.kilobytes(&self.root.join("proc/meminfo"), name)
    }

    fn kilobytes(&self, path: &Path, name: &str) -> Option<u64> {
        self.named(path, name).and_then(|kib| kib.checked_mul(1024))
    }

    /// The number behind a name that begins a line.
    fn named(&self, path: &Path, name: &str) -> Option<u64> {
        let text = std::fs::read_to_string(path).ok()?;
        let mut lines = text.lines().map(str::split_whitespace);
        lines.find_map(|mut words| if words.next() == Some(name) { words.next()?.parse().ok() } else { None })
    }

    /// The only number of a file; `None` also where it says `max`.
    fn number(&self, path: &Path) -> Option<u64> {
        std::fs::read_to_string(path).ok()?.trim().parse().ok()
    }

    fn text(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.root.join(path)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    /// A machine of 16 GiB with 12 free, with these files and a process in these groups.
    fn machine(groups: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("proc/meminfo", "MemTotal:       16777216 kB\nMemFree: 1 kB\nMemAvailable:   12582912 kB\n");
        write("proc/self/status", "Name:\trevoxel\nVmPeak:\t  2097152 kB\nVmSize:\t  1048576 kB\n");
        write(
            "proc/self/limits",
            "Limit   Soft Limit   Hard Limit   Units\nMax address space    unlimited    unlimited    bytes\n",
        );
        write("proc/self/cgroup", groups);
        files.iter().for_each(|(name, text)| write(name, text));
        let machine = Machine::at(folder.path());
        (folder, machine)
    }

    fn t(groups: &str, files: &[(&str, &str)], whole: (u64, Bound), free: (u64, Bound)) {
        let (_folder, machine) = machine(groups, files);
        let room = |(bytes, bound)| Some(Room { bytes, bound });
        assert_eq!((machine.whole(), machine.free()), (room(whole), room(free)), "{groups} {files:?}");
    }

    #[test]
    fn the_least_of_all_limits_counts() {
        use Bound::{AddressSpace, Container, Machine};
        let own = ((16 * GIB, Machine), (12 * GIB, Machine));
        t("0::/\n", &[], own.0, own.1);
        t("", &[], own.0, own.1);
        // Version 2: a limit of the group, of one around it, and none.
        let max = |path: &'static str, text: &'static str| (path, text);
        t("0::/a/b\n", &[max("sys/fs/cgroup/a/b/memory.max", "max\n")], own.0, own.1);
        let usage = [
            max("sys/fs/cgroup/a/memory.max", "4294967296\n"),
            max("sys/fs/cgroup/a/memory.current", "3221225472\n"),
            max("sys/fs/cgroup/a/memory.stat", "anon 5\nactive_file 536870912\ninactive_file 536870912\n"),
            max("sys/fs/cgroup/a/b/memory.max", "8589934592\n"),
        ];
        t("0::/a/b\n", &usage, (4 * GIB, Container), (2 * GIB, Container));
        // In a container the group's path may not be there: the top is its own.
        t(
            "0::/docker/1\n",
            &[max("sys/fs/cgroup/memory.max", "367001600\n")],
            (350 << 20, Container),
            (350 << 20, Container),
        );
        // Version 1, among other controllers; a number near 2^63 is no limit.
        let v1 = [
            max("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            max("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "2147483648\n"),
            max("sys/fs/cgroup/memory/x/memory.usage_in_bytes", "1610612736\n"),
            max("sys/fs/cgroup/memory/x/memory.stat", "inactive_file 1\ntotal_inactive_file 536870912\n"),
        ];
        t("5:cpu,cpuacct:/x\n4:memory:/x\n0::/\n", &v1, (2 * GIB, Container), (GIB, Container));
        // The address space: what is left of it.
        let limits =
            [max("proc/self/limits", "Max address space         3221225472           unlimited            bytes\n")];
        t("0::/\n", &limits, (2 * GIB, AddressSpace), (2 * GIB, AddressSpace));
    }

    #[test]
    fn where_nothing_is_known_nothing_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::at(folder.path());
        assert_eq!((machine.whole(), machine.free()), (None, None));
    }

    #[test]
    fn amounts_for_people() {
        assert_eq!([5, 2048, 367_001_600, 3 << 29].map(human), ["5 bytes", "2.0 KiB", "350.0 MiB", "1.5 GiB"]);
        let text = Room { bytes: 350 << 20, bound: Bound::Container }.to_string();
        assert_eq!(text, "the container (cgroup) has 350.0 MiB");
    }
}
