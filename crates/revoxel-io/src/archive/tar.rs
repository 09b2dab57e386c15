//! Tar files, read as a stream; no size in a header leads to an allocation.

use std::io::{self, Read};

const BLOCK: usize = 512;
/// The maximum length of names and of extended attributes; longer ones are an attack.
const MOST_EXTENDED: u64 = 64 << 10;

/// A file in a tar archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) size: u64,
    /// A hard or symbolic link.
    pub(super) link: bool,
}

/// Reads the headers of a tar file; the bytes of the files are between them.
pub(super) struct Tar<R> {
    inner: R,
    /// Unread bytes of the current file.
    left: u64,
    /// Bytes after it up to the next block.
    padding: u64,
}

impl<R: Read> Tar<R> {
    pub(super) const fn new(inner: R) -> Self {
        Self { inner, left: 0, padding: 0 }
    }

    /// The next file or link; skips the rest of the previous one. `None` at the end of the archive.
    pub(super) fn next(&mut self) -> io::Result<Option<Entry>> {
        let (mut long_name, mut long_size) = (None, None);
        loop {
            let behind = self.left + self.padding;
            self.skip(behind)?;
            let Some(header) = self.header()? else { return Ok(None) };
            let size = number(&header[124..136]).ok_or_else(|| damaged("the size of a member is not a number"))?;
            let kind = header[156];
            if matches!(kind, b'x' | b'L') {
                let bytes = self.extended(size)?;
                match kind {
                    b'L' => long_name = Some(text(&bytes)),
                    _ => {
                        for (key, value) in records(&bytes) {
                            match key {
                                b"path" => long_name = Some(text(value)),
                                b"size" => long_size = decimal(value),
                                _ => {}
                            }
                        }
                    }
                }
                continue;
            }
            let size = long_size.take().unwrap_or(size);
            // Links and folders have no content, whatever their size says.
            self.left = if matches!(kind, b'1'..=b'6') { 0 } else { size };
            self.padding = self.left.wrapping_neg() % BLOCK as u64;
            let link = matches!(kind, b'1' | b'2');
            if link || matches!(kind, b'0' | 0) {
                let name = long_name.take().unwrap_or_else(|| name(&header));
                return Ok(Some(Entry { name, size: self.left, link }));
            }
            // What spoke of a file that is left out does not speak of the next one; global attributes speak of none.
            if kind != b'g' && kind != b'K' {
                long_name = None;
            }
        }
    }

    /// The rest after the end of the archive.
    pub(super) fn into_inner(self) -> R {
        self.inner
    }

    /// A header with a valid checksum; `None` after the last file.
    fn header(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        let mut header = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.inner.read(&mut header[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(damaged("the archive ends within the header of a member")),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if header == [0; BLOCK] {
            return Ok(None);
        }
        let sum: u64 =
            header.iter().enumerate().map(|(i, b)| if (148..156).contains(&i) { 32 } else { u64::from(*b) }).sum();
        match number(&header[148..156]) == Some(sum) {
            true => Ok(Some(header)),
            false => Err(damaged("the checksum of a member's header does not match")),
        }
    }

    fn extended(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > MOST_EXTENDED {
            return Err(damaged("a member has a name or attributes of more than 64 KiB"));
        }
        let mut bytes = vec![0; size as usize];
        self.inner.read_exact(&mut bytes)?;
        (self.left, self.padding) = (0, size.wrapping_neg() % BLOCK as u64);
        Ok(bytes)
    }

    fn skip(&mut self, count: u64) -> io::Result<()> {
        let skipped = io::copy(&mut (&mut self.inner).take(count), &mut io::sink())?;
        (self.left, self.padding) = (0, 0);
        if skipped < count { Err(damaged("the archive ends within a member")) } else { Ok(()) }
    }
}

/// The bytes of the current file.
impl<R: Read> Read for Tar<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let count = self.inner.read(&mut buffer[..most])?;
        self.left -= count as u64;
        if count == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(count) }
    }
}

fn damaged(reason: &str) -> io::Error {
    io::Error::other(reason.to_owned())
}

/// A number in octal digits, or in binary if it is too large for them.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let wide = field.iter().skip(1).fold(u128::from(field[0] & 0x7f), |n, b| n << 8 | u128::from(*b));
        return u64::try_from(wide).ok().filter(|n| *n <= i64::MAX as u64);
    }
    let digits = field.split(|b| *b == 0).next().unwrap_or_default().trim_ascii();
    if digits.is_empty() {
        return Some(0);
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

fn decimal(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok().filter(|n| *n <= i64::MAX as u64)
}

fn name(header: &[u8; BLOCK]) -> String {
    let (name, prefix) = (text(&header[..100]), text(&header[345..500]));
    // Only POSIX headers have a prefix; GNU's hold times there.
    if &header[257..263] == b"ustar\0" && !prefix.is_empty() { format!("{prefix}/{name}") } else { name }
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field.split(|b| *b == 0).next().unwrap_or_default()).into_owned()
}

/// Extended attributes: `LENGTH KEY=VALUE\n`, where the length is that of the whole line.
fn records(mut bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut found = Vec::new();
    while let Some(blank) = bytes.iter().position(|b| *b == b' ') {
        let length = std::str::from_utf8(&bytes[..blank]).ok().and_then(|t| t.parse::<usize>().ok());
        let Some(line) = length.and_then(|length| bytes.get(blank + 1..length)) else { break };
        if let Some(equals) = line.iter().position(|b| *b == b'=') {
            found.push((&line[..equals], line[equals + 1..].trim_ascii_end()));
        }
        bytes = &bytes[blank + 1 + line.len()..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(bytes: &[u8]) -> io::Result<Vec<(Entry, Vec<u8>)>> {
        let mut tar = Tar::new(bytes);
        let mut found = Vec::new();
        while let Some(entry) = tar.next()? {
            let mut content = Vec::new();
            tar.read_to_end(&mut content)?;
            found.push((entry, content));
        }
        Ok(found)
    }

    fn archive(names: &[&str]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (i, name) in names.iter().enumerate() {
            let content = vec![i as u8 + 1; 300 * (i + 1)];
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, &content[..]).unwrap();
        }
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        builder.append_link(&mut link, "link", "a").unwrap();
        builder.into_inner().unwrap()
    }

    #[test]
    fn files_and_links_as_the_tar_crate_writes_them() {
        let long = "folder/".repeat(30) + "slice.dcm";
        let names = ["a", "s/1.dcm", &long];
        let found = listed(&archive(&names)).unwrap();
        let expected: Vec<(&str, u64, bool)> =
            vec![("a", 300, false), ("s/1.dcm", 600, false), (&long, 900, false), ("link", 0, true)];
        assert!(found.iter().map(|(e, _)| (&e.name[..], e.size, e.link)).eq(expected));
        assert!(found[2].1 == vec![3; 900]);
    }

    #[test]
    fn extended_attributes() {
        let path = "6 a=b\n30 path=a/long/name/of/a.dcm\n12 size=600\n";
        let path = path.replacen("30 ", &format!("{} ", "30 path=a/long/name/of/a.dcm\n".len()), 1);
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::XHeader);
        header.set_size(path.len() as u64);
        builder.append_data(&mut header, "x", path.as_bytes()).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_size(600);
        builder.append_data(&mut header, "short", &[7; 600][..]).unwrap();
        let found = listed(&builder.into_inner().unwrap()).unwrap();
        assert_eq!(found[0].0, Entry { name: "a/long/name/of/a.dcm".into(), size: 600, link: false });
        assert_eq!(found[0].1, vec![7; 600]);
    }

    #[test]
    fn every_bit_of_a_header_is_covered_by_its_checksum() {
        let good = archive(&["a", "b"]);
        let expected = listed(&good).unwrap();
        for bit in 0..BLOCK * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            // The checksum itself has digits and padding that mean the same.
            let same = (148..156).contains(&(bit / 8)) && listed(&bytes).is_ok_and(|found| found == expected);
            assert!(same || listed(&bytes).is_err(), "{bit}");
        }
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_an_error() {
        let good = archive(&["a", "b"]);
        for cut in [100, 600, 1024 + 100] {
            assert!(listed(&good[..cut]).is_err(), "{cut}");
        }
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::GNULongName);
        header.set_size(1 << 20);
        header.set_cksum();
        builder.append(&header, &vec![b'a'; 1 << 20][..]).unwrap();
        let text = listed(&builder.into_inner().unwrap()).unwrap_err().to_string();
        assert!(text.contains("more than 64 KiB"), "{text}");
    }
}
