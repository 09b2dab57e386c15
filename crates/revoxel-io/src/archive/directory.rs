//! Checks the directory of a zip file, which has no checksum, for missed entries.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// An entry's fixed part, which begins with "PK\x01\x02".
const ENTRY: usize = 46;

/// Checks that there are as many entries from a position on as members were found. Otherwise a wrong count at the end
/// of the file, or two members with the same name, would make images vanish silently.
///
/// # Errors
/// If there are more or fewer, or the file cannot be read.
pub(crate) fn check(path: &Path, start: u64, members: usize) -> io::Result<()> {
    let mut from = BufReader::new(File::open(path)?);
    from.seek(SeekFrom::Start(start))?;
    let mut count = 0;
    loop {
        let mut signature = [0; 4];
        from.read_exact(&mut signature)?;
        if &signature != b"PK\x01\x02" {
            break;
        }
        let mut rest = [0; ENTRY - 4];
        from.read_exact(&mut rest)?;
        let length = |at: usize| i64::from(u16::from_le_bytes([rest[at - 4], rest[at - 3]]));
        // Name, extra field and comment.
        from.seek_relative(length(28) + length(30) + length(32))?;
        count += 1;
    }
    if count == members {
        return Ok(());
    }
    let reason = format!("the directory lists {count} members, but only {members} are distinct");
    Err(io::Error::new(io::ErrorKind::InvalidData, reason))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn members_that_would_vanish_are_counted() {
        let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        for name in ["0.dcm", "1.dcm", "2.dcm"] {
            writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(name.as_bytes()).unwrap();
        }
        let good = writer.finish().unwrap().into_inner();
        let t = |bytes: &[u8]| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(bytes).unwrap();
            let archive = zip::ZipArchive::new(io::Cursor::new(bytes)).unwrap();
            check(file.path(), archive.central_directory_start(), archive.len()).map_err(|e| e.to_string())
        };
        assert_eq!(t(&good), Ok(()));
        // The number of members, twice, 14 bytes before the end.
        let mut fewer = good.clone();
        let at = fewer.len() - 14;
        (fewer[at], fewer[at + 2]) = (2, 2);
        assert!(t(&fewer).unwrap_err().contains("lists 3 members, but only 2"), "{:?}", t(&fewer));
        // The name of the second in the directory, as that of the first.
        let mut twice = good;
        let at = twice.windows(5).rposition(|w| w == b"1.dcm").unwrap();
        twice[at] = b'0';
        assert!(t(&twice).unwrap_err().contains("lists 3 members, but only 2"), "{:?}", t(&twice));
    }
}
