//! Parses bytes into attributes: preamble, meta group, and data set up to the pixels.
//!
//! Only wanted attributes are kept; others are skipped by their length. A claimed length leads to no allocation, and
//! the nesting of sequences is limited.

use flate2::read::DeflateDecoder;

use super::dataset::{DataSet, Element, Value};
use super::input::{Input, Source, Stream};
use super::problem::{DicomError, Problem};
use super::syntax::{self, TransferSyntax};
use super::tags::{self, Scope, Tag, Wanted};

/// The header of a file.
#[derive(Clone, Debug)]
pub(super) struct Header {
    /// The UID of the transfer syntax, and the syntax if it is known.
    pub(super) syntax_uid: String,
    pub(super) syntax: Option<&'static TransferSyntax>,
    /// Class of the object in the meta group.
    pub(super) class: Option<String>,
    pub(super) data: DataSet,
    pub(super) pixels: Option<PixelElement>,
    /// Where the deflated part starts; positions of pixels then refer to the decoded bytes.
    pub(super) deflated_from: Option<u64>,
}

/// Where the pixels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PixelElement {
    pub(super) tag: Tag,
    pub(super) offset: u64,
    /// `None`: in fragments.
    pub(super) length: Option<u64>,
    /// Whether the pixels are stored as words of 16 bits, whatever the size of a pixel.
    pub(super) words: bool,
}

/// Deeper nesting is an attack: structured reports, the deepest real objects, stay far below.
const MOST_DEPTH: usize = 48;
/// The maximum length of a kept value.
const MOST_VALUE: u64 = 1 << 20;
/// The maximum length of a kept contour; longer ones are refused.
const MOST_CONTOUR: u64 = 256 << 20;
/// Memory of an attribute besides its value, and of an item of a sequence with the objects made from it.
const ELEMENT: u64 = 64;
const ITEM: u64 = 256;
const UNDEFINED: u32 = u32::MAX;

/// How a file begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// Preamble and "DICM".
    Preamble,
    /// The meta group without a preamble.
    Meta,
    /// The data set in this transfer syntax, with nothing before it.
    Bare(&'static str),
}

/// Whether a DICOM file can start with these bytes.
pub(super) fn looks_like_dicom(first: &[u8]) -> bool {
    start(first).is_some()
}

fn start(first: &[u8]) -> Option<Start> {
    if first.get(128..132) == Some(b"DICM") {
        return Some(Start::Preamble);
    }
    let head: [u8; 8] = first.get(..8)?.try_into().ok()?;
    let known_vr = is_vr([head[4], head[5]]);
    let implicit_length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    let short = |element: u16| (element <= 0x18 || element == 0x20) && element != 0x02;
    match [head[0], head[1]] {
        [2, 0] if u16::from_le_bytes([head[2], head[3]]) <= 0x10 && known_vr => Some(Start::Meta),
        [8, 0] if short(u16::from_le_bytes([head[2], head[3]])) => match known_vr {
            true => Some(Start::Bare(syntax::EXPLICIT)),
            false if implicit_length <= 256 => Some(Start::Bare(syntax::IMPLICIT)),
            false => None,
        },
        [0, 8] if short(u16::from_be_bytes([head[2], head[3]])) && known_vr => Some(Start::Bare(syntax::BIG_ENDIAN)),
        _ => None,
    }
}

/// Reads a header. `limit` is the maximum size to which a deflated file may decode. The contours of structures are
/// left out.
pub(super) fn parse(source: &mut dyn Source, length: Option<u64>, limit: u64) -> Result<Header, DicomError> {
    parse_from(Input::new(source, length), limit)
}

/// Reads the attributes of a scope, up to the last of them.
pub(super) fn parse_scope(
    source: &mut dyn Source,
    length: Option<u64>,
    limit: u64,
    scope: &Scope,
) -> Result<Header, DicomError> {
    parse_from(Input::new(source, length).with_scope(Some(scope)), limit)
}

/// Reads a header with the contours of structures.
pub(super) fn parse_contours(source: &mut dyn Source, length: Option<u64>, limit: u64) -> Result<Header, DicomError> {
    parse_from(Input::new(source, length).with_contours(), limit)
}

fn parse_from(mut input: Input<'_>, limit: u64) -> Result<Header, DicomError> {
    let start = start(input.peek(132)?).ok_or(DicomError::NotDicom)?;
    if start == Start::Preamble {
        input.skip(132)?;
    }
    if let Start::Bare(uid) = start {
        return rest(&mut input, uid.to_owned(), TransferSyntax::find(uid), None, None);
    }
    let meta = meta(&mut input)?;
    let class = meta.text(tags::MEDIA_CLASS);
    let uid = match meta.text(tags::TRANSFER_SYNTAX) {
        Some(uid) => uid,
        // Not allowed, but the two common ones can be told apart.
        None if input.peek(6)?.get(4..6).is_some_and(|vr| is_vr([vr[0], vr[1]])) => syntax::EXPLICIT.to_owned(),
        None => syntax::IMPLICIT.to_owned(),
    };
    let found = TransferSyntax::find(&uid);
    if !found.is_some_and(|s| s.deflated) {
        return rest(&mut input, uid, found, class, None);
    }
    let (from, contours, scope) = (input.position(), input.contours(), input.scope());
    let mut stream = Stream(std::io::Read::take(DeflateDecoder::new(Rest(input)), limit));
    let mut rest_of = Input::new(&mut stream, None).with_scope(scope);
    if contours {
        rest_of = rest_of.with_contours();
    }
    let mut header = rest(&mut rest_of, uid, found, class, Some(from))?;
    header.deflated_from = Some(from);
    Ok(header)
}

/// The rest of an input, as a stream.
struct Rest<'a>(Input<'a>);

impl std::io::Read for Rest<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let fail = |e: DicomError| std::io::Error::other(e.to_string());
        let count = self.0.peek(buffer.len().min(4096)).map_err(fail)?.len().min(buffer.len());
        buffer[..count].copy_from_slice(self.0.take(count).map_err(fail)?);
        Ok(count)
    }
}

fn rest(
    input: &mut Input<'_>,
    syntax_uid: String,
    found: Option<&'static TransferSyntax>,
    class: Option<String>,
    deflated_from: Option<u64>,
) -> Result<Header, DicomError> {
    // Private syntaxes are nearly always explicit little endian.
    let (implicit, big_endian) = found.map_or((false, false), |s| (s.implicit, s.big_endian));
    let mut parser = Parser { input, implicit, big_endian, pixels: None, mosaic: false };
    let data = parser.data_set(None, 0)?;
    Ok(Header { syntax_uid, syntax: found, class, data, pixels: parser.pixels, deflated_from })
}

/// The meta group: always explicit little endian.
fn meta(input: &mut Input<'_>) -> Result<DataSet, DicomError> {
    let mut set = DataSet::default();
    while input.peek(2)? == [2, 0] {
        let mut parser = Parser { input, implicit: false, big_endian: false, pixels: None, mosaic: false };
        if let Some(element) = parser.element(0)? {
            set.elements.push(element);
        }
    }
    Ok(set)
}

struct Parser<'a, 'b> {
    input: &'a mut Input<'b>,
    implicit: bool,
    big_endian: bool,
    pixels: Option<PixelElement>,
    /// It may be a Siemens mosaic.
    mosaic: bool,
}

impl Parser<'_, '_> {
    /// Attributes up to a position, to the end of the item, or to the pixels.
    fn data_set(&mut self, end: Option<u64>, depth: usize) -> Result<DataSet, DicomError> {
        let mut set = DataSet { elements: Vec::new(), big_endian: self.big_endian };
        loop {
            let over = end.is_some_and(|end| self.input.position() >= end);
            if over || (depth == 0 && self.input.at_end()?) {
                return Ok(set);
            }
            let (tag, _) = self.peek_tag()?;
            if depth == 0 && self.input.scope().is_some_and(|scope| tag > scope.last) {
                return Ok(set);
            }
            if tag == tags::ITEM_END && depth > 0 {
                self.input.skip(8)?;
                return Ok(set);
            }
            if let Some(element) = self.element(depth)? {
                set.elements.push(element);
            }
            if self.pixels.is_some() {
                return Ok(set);
            }
        }
    }

    fn peek_tag(&mut self) -> Result<(Tag, u32), DicomError> {
        let big = self.big_endian;
        let position = self.input.position();
        let bytes = self.input.peek(8)?;
        let Ok(bytes) = <[u8; 8]>::try_from(bytes) else {
            return Err(DicomError::Truncated(position + bytes.len() as u64));
        };
        let [a, b, c, d, length @ ..] = bytes;
        let tag = match big {
            true => u32::from_be_bytes([a, b, c, d]),
            false => u32::from_be_bytes([b, a, d, c]),
        };
        Ok((Tag(tag), if big { u32::from_be_bytes(length) } else { u32::from_le_bytes(length) }))
    }

    /// One attribute; `None` if it is not wanted, or if it is the pixels.
    fn element(&mut self, depth: usize) -> Result<Option<Element>, DicomError> {
        let (tag, _) = self.peek_tag()?;
        let wanted: Option<&Wanted> = match self.input.scope() {
            Some(scope) => scope.find(tag),
            None => tag.wanted().filter(|_| self.input.contours() || !tag.is_contour()),
        };
        let (vr, length) = self.vr_and_length(tag)?;
        if depth == 0 && tag.is_pixels() {
            let length = (length != UNDEFINED).then_some(u64::from(length));
            self.pixels = Some(PixelElement { tag, offset: self.input.position(), length, words: vr != Some(*b"OB") });
            return Ok(None);
        }
        let known = wanted.is_some_and(|w| &w.vr == b"SQ");
        let sequence = match vr {
            Some(vr) => &vr == b"SQ" || known || (length == UNDEFINED && &vr == b"UN"),
            None => length == UNDEFINED || known,
        };
        if length == UNDEFINED && vr.is_some_and(|vr| [*b"OB", *b"OW"].contains(&vr)) {
            return self.skip_fragments(tag).map(|()| None);
        }
        if length == UNDEFINED && !sequence {
            return Err(DicomError::field(tag, "of undefined length", Problem::Undefined));
        }
        if length != UNDEFINED {
            self.check_length(tag, length)?;
        }
        let vr_of_value = vr.or(wanted.map(|w| w.vr)).unwrap_or(*b"UN");
        if sequence && (wanted.is_some() || length == UNDEFINED) {
            // Within an attribute of unknown kind everything is implicit (and little endian); where its length is
            // written, some writers keep the value representations.
            let outer = (self.implicit, self.big_endian);
            if vr.is_some_and(|vr| &vr != b"SQ") && !(length != UNDEFINED && self.has_explicit_item()?) {
                (self.implicit, self.big_endian) = (true, false);
            }
            let items = self.items(tag, length, depth + 1, wanted.is_some())?;
            (self.implicit, self.big_endian) = outer;
            return Ok(wanted.map(|w| Element { tag: w.tag, vr: *b"SQ", value: Value::Items(items) }));
        }
        let most = if self.input.contours() { MOST_CONTOUR } else { MOST_VALUE };
        if wanted.is_none() || u64::from(length) > most || (tag.is_csa() && !self.mosaic) {
            self.input.skip(u64::from(length))?;
            return Ok(None);
        }
        self.keep(tag, u64::from(length) + ELEMENT)?;
        let value = self.input.take(length as usize)?.to_vec();
        let says = tag == tags::IMAGE_TYPE && value.windows(6).any(|w| w == b"MOSAIC");
        self.mosaic |= says || tag == tags::MOSAIC_IMAGES;
        let value = Value::Bytes(value);
        Ok(Some(Element { tag, vr: vr_of_value, value }))
    }

    /// Whether the first attribute of the next item has a value representation.
    fn has_explicit_item(&mut self) -> Result<bool, DicomError> {
        Ok(self.input.peek(14)?.get(12..14).is_some_and(|vr| is_vr([vr[0], vr[1]])))
    }

    /// Skips compressed pixels within an item (icons).
    fn skip_fragments(&mut self, tag: Tag) -> Result<(), DicomError> {
        loop {
            let (found, length) = self.peek_tag()?;
            self.input.skip(8)?;
            match found {
                tags::SEQUENCE_END => return Ok(()),
                tags::ITEM if length != UNDEFINED => self.input.skip(u64::from(length))?,
                other => return Err(DicomError::field(tag, format!("interrupted by {other}"), Problem::NoItem)),
            }
        }
    }

    fn keep(&mut self, tag: Tag, bytes: u64) -> Result<(), DicomError> {
        match self.input.keep(bytes) {
            true => Err(DicomError::field(tag, "one attribute too many", Problem::Kept(self.input.most_kept() >> 20))),
            false => Ok(()),
        }
    }

    fn check_length(&self, tag: Tag, length: u32) -> Result<(), DicomError> {
        let (offset, length) = (self.input.position(), u64::from(length));
        match self.input.length() {
            Some(file) if offset + length > file => {
                Err(DicomError::field(tag, "truncated", Problem::PastEnd { length, offset, file }))
            }
            _ => Ok(()),
        }
    }

    /// Reads the value representation (`None` if it is not stored) and the length after a tag.
    fn vr_and_length(&mut self, tag: Tag) -> Result<(Option<[u8; 2]>, u32), DicomError> {
        let big = self.big_endian;
        let number = |b: [u8; 4]| if big { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) };
        let (_, length) = self.peek_tag()?;
        let head = self.input.take(8)?;
        let rest = [head[4], head[5], head[6], head[7]];
        if self.implicit || tag.group() == 0xfffe {
            return Ok((None, length));
        }
        let vr = [rest[0], rest[1]];
        if !is_vr(vr) {
            return Err(DicomError::field(format!("the value representation of {tag}"), show(vr), Problem::Vr));
        }
        if is_long(vr) {
            let bytes = self.input.take(4)?;
            return Ok((Some(vr), number([bytes[0], bytes[1], bytes[2], bytes[3]])));
        }
        let short = if big { u16::from_be_bytes([rest[2], rest[3]]) } else { u16::from_le_bytes([rest[2], rest[3]]) };
        Ok((Some(vr), u32::from(short)))
    }

    fn items(&mut self, tag: Tag, length: u32, depth: usize, keep: bool) -> Result<Vec<DataSet>, DicomError> {
        if depth > MOST_DEPTH {
            return Err(DicomError::field(tag, "too deep", Problem::Depth(MOST_DEPTH)));
        }
        let end = (length != UNDEFINED).then(|| self.input.position() + u64::from(length));
        let mut items = Vec::new();
        while end.is_none_or(|end| self.input.position() < end) {
            let (found, length) = self.peek_tag()?;
            match found {
                tags::SEQUENCE_END if end.is_none() => {
                    self.input.skip(8)?;
                    break;
                }
                tags::ITEM => {}
                other => return Err(DicomError::field(tag, format!("interrupted by {other}"), Problem::NoItem)),
            }
            self.input.skip(8)?;
            let item_end = match length {
                UNDEFINED => None,
                _ => {
                    self.check_length(tag, length)?;
                    Some(self.input.position() + u64::from(length))
                }
            };
            let item = self.data_set(item_end, depth)?;
            if keep {
                self.keep(tag, ITEM)?;
                items.push(item);
            }
        }
        Ok(items)
    }
}

fn is_long(vr: [u8; 2]) -> bool {
    matches!(&vr, b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC" | b"UN" | b"UR" | b"UT" | b"UV")
}

fn is_vr(vr: [u8; 2]) -> bool {
    #[rustfmt::skip]
    let short = matches!(&vr, b"AE" | b"AS" | b"AT" | b"CS" | b"DA" | b"DS" | b"DT" | b"FL" | b"FD" | b"IS" | b"LO"
        | b"LT" | b"PN" | b"SH" | b"SL" | b"SS" | b"ST" | b"TM" | b"UI" | b"UL" | b"US");
    short || is_long(vr)
}

fn show(vr: [u8; 2]) -> String {
    format!("{:?}", vr.map(char::from).iter().collect::<String>())
}
