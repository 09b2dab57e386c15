//! How far locks of a file system reach: a lock may hold on one machine only, although several mount the folder.

use std::fs;
use std::path::{Path, PathBuf};

/// File systems of several machines whose locks (`flock`) may hold on one machine only. Names of `/proc/mounts`.
const SHARED: &[&str] = &[
    "nfs",
    "nfs4",
    "lustre",
    "beegfs",
    "gpfs",
    "cifs",
    "smb3",
    "afs",
    "glusterfs",
    "orangefs",
    "pvfs2",
    "panfs",
    "wekafs",
];

/// Those with another name in user space that are of one machine.
const OF_ONE_MACHINE: &[&str] = &["fuse.fuse-overlayfs", "fuse.lxcfs", "fuse.portal"];

/// The name of the file system of a folder, if several machines may mount it and a lock may not be seen by all of them.
/// `None` where locks can be relied on, or where the system does not say.
pub fn of_one_machine(folder: impl AsRef<Path>) -> Option<String> {
    let folder = folder.as_ref().canonicalize().ok()?;
    doubtful(&fs::read_to_string("/proc/self/mountinfo").ok()?, &folder)
}

/// [`of_one_machine`] by the text of `/proc/self/mountinfo`.
fn doubtful(mounts: &str, folder: &Path) -> Option<String> {
    let mounts = mounts.lines().filter_map(Mount::read).filter(|mount| folder.starts_with(&mount.place));
    // A later mount hides an earlier one at the same place.
    let mount = mounts.max_by_key(|mount| mount.place.components().count())?;
    mount.is_doubtful().then(|| mount.kind.to_owned())
}

/// One line: `36 35 0:52 / /data rw,noatime shared:1 - nfs4 server:/export rw,vers=4.2,local_lock=none`.
struct Mount<'a> {
    place: PathBuf,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (mount, system) = line.split_once(" - ")?;
        let place = PathBuf::from(unescaped(mount.split(' ').nth(4)?));
        let mut system = system.split(' ');
        let (kind, _source) = (system.next()?, system.next()?);
        Some(Self { place, kind, options: system.next().unwrap_or_default() })
    }

    fn is_doubtful(&self) -> bool {
        let has = |option: &str| self.options.split(',').any(|o| o == option);
        match self.kind {
            "nfs" | "nfs4" => ["local_lock=flock", "local_lock=all", "nolock"].into_iter().any(has),
            "lustre" => !has("flock"),
            kind if kind.starts_with("fuse.") => !OF_ONE_MACHINE.contains(&kind),
            kind => SHARED.contains(&kind),
        }
    }
}

/// A path without the escapes of the kernel: `\040` is a blank.
fn unescaped(text: &str) -> String {
    ["\\040", "\\011", "\\012", "\\134"]
        .into_iter()
        .zip([" ", "\t", "\n", "\\"])
        .fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_reach_as_far_as_the_mount_says() {
        fn t(system: &str, expected: Option<&str>) {
            let mounts = format!(
                "22 1 254:1 / / rw,relatime - ext4 /dev/root rw\n36 22 0:52 / /data\\040sets rw shared:1 - {system}\n\
                 37 36 0:53 / /data\\040sets/scratch rw - tmpfs tmpfs rw\n"
            );
            assert_eq!(doubtful(&mounts, Path::new("/data sets/a")).as_deref(), expected, "{system}");
            for of_this_machine in ["/", "/data", "/data sets/scratch/x"] {
                assert_eq!(doubtful(&mounts, Path::new(of_this_machine)), None, "{system}");
            }
        }
        t("nfs4 server:/a rw,vers=4.2,local_lock=none,addr=10.0.0.1", None);
        t("nfs server:/a rw,vers=3,nolock,local_lock=all", Some("nfs"));
        t("nfs server:/a rw,vers=3,local_lock=flock", Some("nfs"));
        t("lustre mds:/a rw,flock,lazystatfs", None);
        t("lustre mds:/a rw,localflock", Some("lustre"));
        t("lustre mds:/a rw", Some("lustre"));
        t("beegfs beegfs_nodev rw,cfgFile=x", Some("beegfs"));
        t("gpfs gpfs rw", Some("gpfs"));
        t("ceph mon:/ rw", None);
        t("fuse.sshfs me@server:/a rw", Some("fuse.sshfs"));
        t("fuse.fuse-overlayfs overlay rw", None);
        t("ext4 /dev/sdb rw", None);
        t("virtiofs share rw", None);
        assert_eq!(doubtful("no mounts", Path::new("/")), None);
    }

    #[test]
    fn a_folder_of_this_machine_is_not_in_doubt() {
        assert_eq!(of_one_machine("none/such"), None);
    }
}
