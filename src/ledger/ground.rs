//! What kind of file system a state stands on: one that lasts, one that vanishes with its container, or a network's.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// What a file stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// Nothing speaks against it; also where the system does not say.
    Lasting,
    /// Memory or the top layer of a container, which is gone when the machine or container is; with its type.
    Vanishing(String),
    /// A network file system, on which neither locks nor the write-ahead log can be trusted; with its type.
    ///
    /// Source: `SQLite`, Write-Ahead Logging, "does not work over a network filesystem".
    Network(String),
}

impl Ground {
    /// Looks up what a path stands on. The file itself need not be there yet.
    pub fn of(path: &Path) -> Self {
        let here = [Path::new(".")].into_iter().filter(|_| path.is_relative());
        let deepest = path.ancestors().chain(here).find_map(|folder| folder.canonicalize().ok());
        match (deepest, fs::read_to_string("/proc/self/mountinfo")) {
            (Some(full), Ok(mounts)) => judge(&mounts, &full),
            _ => Self::Lasting,
        }
    }
}

/// Judges a full path by the kernel's list of mounts.
///
/// Source: Linux, `proc_pid_mountinfo(5)`: the fifth field is the mount point; the type follows a lone dash.
fn judge(mounts: &str, path: &Path) -> Ground {
    let mut best: Option<(usize, &str)> = None;
    for line in mounts.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let (Some(point), Some(kind)) = (left.split(' ').nth(4), right.split(' ').next()) else { continue };
        let point = unescape(point);
        let depth = point.components().count();
        // A later mount over the same point hides the earlier.
        if path.starts_with(&point) && best.is_none_or(|(deepest, _)| depth >= deepest) {
            best = Some((depth, kind));
        }
    }
    match best {
        Some((_, kind @ ("overlay" | "aufs" | "tmpfs" | "ramfs"))) => Ground::Vanishing(kind.into()),
        Some((_, kind @ ("nfs" | "nfs4" | "cifs" | "smb3" | "smbfs" | "afs" | "fuse.sshfs"))) => {
            Ground::Network(kind.into())
        }
        _ => Ground::Lasting,
    }
}

/// Gives a mount point its spaces back, which the kernel writes as octal numbers.
fn unescape(point: &str) -> PathBuf {
    let mut text = OsString::new();
    for (number, piece) in point.split('\\').enumerate() {
        let code = piece.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(u8::is_ascii);
        match (number, code, piece.get(3..)) {
            (1.., Some(code), Some(rest)) => {
                text.push(char::from(code).to_string());
                text.push(rest);
            }
            _ => text.push(piece),
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = r"22 1 0:20 / / rw,relatime - overlay overlay rw,lowerdir=/a - b
23 22 8:1 / /var/lib rw,relatime shared:1 - ext4 /dev/sda1 rw
24 23 0:30 / /var/lib/share rw - nfs4 10.0.0.1:/x rw
25 22 0:31 / /my\040files rw master:1 - cifs //host/x rw
26 22 0:32 / /run rw - ext4 /dev/sdb rw
27 26 0:33 / /run rw - tmpfs tmpfs rw
28 22 0:34 / /odd\9 rw - ext4 /dev/sdc rw
broken line
";

    fn check(path: &str, expected: &Ground) {
        assert_eq!(&judge(MOUNTS, Path::new(path)), expected, "{path}");
    }

    #[test]
    fn fm_04_fm_09_a_path_stands_on_its_deepest_mount() {
        check("/home/ada/.local/state/fbcapi/1.db", &Ground::Vanishing("overlay".into()));
        check("/var/lib/fbcapi/1.db", &Ground::Lasting);
        check("/var/library/1.db", &Ground::Vanishing("overlay".into()));
        check("/var/lib/share/1.db", &Ground::Network("nfs4".into()));
        check("/my files/1.db", &Ground::Network("cifs".into()));
        check("/run/1.db", &Ground::Vanishing("tmpfs".into()));
        assert_eq!(judge("", Path::new("/x")), Ground::Lasting);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_system_says_what_a_path_stands_on() {
        assert_eq!(Ground::of(Path::new("/proc/self/no/such/file")), Ground::Lasting);
        assert_eq!(Ground::of(Path::new("/dev/shm/no/such/file")), Ground::Vanishing("tmpfs".into()));
        assert_eq!(Ground::of(Path::new("no-such-file")), Ground::of(&std::env::current_dir().unwrap()));
    }
}
