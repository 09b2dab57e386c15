//! Transfer syntaxes: how a file is written.

/// How pixels are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// Not at all.
    Raw,
    Rle,
    Jpeg,
    JpegLs,
    Jpeg2000,
    /// Known by name only.
    Unknown,
}

/// A transfer syntax.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TransferSyntax {
    pub(super) uid: &'static str,
    pub(super) name: &'static str,
    /// Value representations are not written.
    pub(super) implicit: bool,
    pub(super) big_endian: bool,
    /// Everything behind the meta group is one deflate stream.
    pub(super) deflated: bool,
    pub(super) coding: Coding,
}

const fn compressed(uid: &'static str, name: &'static str, coding: Coding) -> TransferSyntax {
    TransferSyntax { uid, name, implicit: false, big_endian: false, deflated: false, coding }
}

pub(super) const IMPLICIT: TransferSyntax =
    TransferSyntax { implicit: true, ..compressed("1.2.840.10008.1.2", "Implicit VR Little Endian", Coding::Raw) };
pub(super) const EXPLICIT: TransferSyntax = compressed("1.2.840.10008.1.2.1", "Explicit VR Little Endian", Coding::Raw);
pub(super) const BIG_ENDIAN: TransferSyntax =
    TransferSyntax { big_endian: true, ..compressed("1.2.840.10008.1.2.2", "Explicit VR Big Endian", Coding::Raw) };

const ALL: &[TransferSyntax] = &[
    IMPLICIT,
    EXPLICIT,
    BIG_ENDIAN,
    TransferSyntax {
        deflated: true,
        ..compressed("1.2.840.10008.1.2.1.99", "Deflated Explicit VR Little Endian", Coding::Raw)
    },
    compressed("1.2.840.10008.1.2.1.98", "Encapsulated Uncompressed Explicit VR Little Endian", Coding::Raw),
    compressed("1.2.840.10008.1.2.5", "RLE Lossless", Coding::Rle),
    compressed("1.2.840.10008.1.2.4.50", "JPEG Baseline (Process 1)", Coding::Jpeg),
    compressed("1.2.840.10008.1.2.4.51", "JPEG Extended (Process 2 and 4)", Coding::Jpeg),
    compressed("1.2.840.10008.1.2.4.57", "JPEG Lossless (Process 14)", Coding::Jpeg),
    compressed("1.2.840.10008.1.2.4.70", "JPEG Lossless (Process 14, Selection Value 1)", Coding::Jpeg),
    compressed("1.2.840.10008.1.2.4.80", "JPEG-LS Lossless", Coding::JpegLs),
    compressed("1.2.840.10008.1.2.4.81", "JPEG-LS Near-lossless", Coding::JpegLs),
    compressed("1.2.840.10008.1.2.4.90", "JPEG 2000 Lossless", Coding::Jpeg2000),
    compressed("1.2.840.10008.1.2.4.91", "JPEG 2000", Coding::Jpeg2000),
    compressed("1.2.840.10008.1.2.4.92", "JPEG 2000 Multi-component Lossless", Coding::Unknown),
    compressed("1.2.840.10008.1.2.4.93", "JPEG 2000 Multi-component", Coding::Unknown),
    compressed("1.2.840.10008.1.2.4.94", "JPIP Referenced", Coding::Unknown),
    compressed("1.2.840.10008.1.2.4.95", "JPIP Referenced Deflate", Coding::Unknown),
    compressed("1.2.840.10008.1.2.4.100", "MPEG-2 Main Profile", Coding::Unknown),
    compressed("1.2.840.10008.1.2.4.101", "MPEG-2 Main Profile, High Level", Coding::Unknown),
    compressed("1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264 High Profile", Coding::Unknown),
    compressed("1.2.840.10008.1.2.4.107", "HEVC/H.265 Main Profile", Coding::Unknown),
    compressed("1.2.840.10008.1.2.4.108", "HEVC/H.265 Main 10 Profile", Coding::Unknown),
    compressed("1.2.840.10008.1.2.4.110", "JPEG XL Lossless", Coding::Unknown),
    compressed("1.2.840.10008.1.2.4.111", "JPEG XL Recompression of JPEG", Coding::Unknown),
    compressed("1.2.840.10008.1.2.4.112", "JPEG XL", Coding::Unknown),
    compressed("1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000 Lossless", Coding::Unknown),
    compressed("1.2.840.10008.1.2.4.202", "High-Throughput JPEG 2000 Lossless, RPCL", Coding::Unknown),
    compressed("1.2.840.10008.1.2.4.203", "High-Throughput JPEG 2000", Coding::Unknown),
    compressed("1.2.840.10008.1.2.8.1", "Deflated Image Frame Compression", Coding::Unknown),
];

impl TransferSyntax {
    /// A syntax by its UID.
    pub(super) fn find(uid: &str) -> Option<&'static Self> {
        ALL.iter().find(|s| s.uid == uid)
    }
}

/// Names of object classes that hold no image of a volume, or are otherwise worth naming.
pub(super) fn class_name(uid: &str) -> &str {
    const CLASSES: &[(&str, &str)] = &[
        ("1.2.840.10008.1.3.10", "DICOMDIR"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "segmentation (SEG)"),
        ("1.2.840.10008.5.1.4.1.1.66", "raw data"),
        ("1.2.840.10008.5.1.4.1.1.88.", "structured report (SR)"),
        ("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT"),
        ("1.2.840.10008.5.1.4.1.1.481.5", "RTPLAN"),
        ("1.2.840.10008.5.1.4.1.1.481.2", "RTDOSE"),
        ("1.2.840.10008.5.1.4.1.1.481", "radiotherapy object"),
        ("1.2.840.10008.5.1.4.1.1.11.", "presentation state (PR)"),
        ("1.2.840.10008.5.1.4.1.1.104.", "encapsulated document"),
    ];
    CLASSES.iter().find(|(prefix, _)| uid.starts_with(prefix)).map_or(uid, |(_, name)| name)
}
