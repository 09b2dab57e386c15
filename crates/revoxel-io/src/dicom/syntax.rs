//! Transfer syntaxes (how a file is encoded) and object classes (what it contains); their names come from the
//! standard's dictionary.

use std::sync::LazyLock;

use dicom_core::dictionary::UidDictionary;
use dicom_dictionary_std::StandardSopClassDictionary;
use dicom_dictionary_std::uids;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;

/// How pixels are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// Not compressed.
    Raw,
    Rle,
    Jpeg,
    JpegLs,
    Jpeg2000,
    /// Only known by name.
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
    /// Everything after the meta group is one deflate stream.
    pub(super) deflated: bool,
    pub(super) coding: Coding,
}

/// The transfer syntaxes of the registry that this crate decodes; others that compress pixels are only known by name.
const DECODED: &[(&str, Coding)] = &[
    (uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN, Coding::Raw),
    (uids::RLE_LOSSLESS, Coding::Rle),
    (uids::JPEG_BASELINE8_BIT, Coding::Jpeg),
    (uids::JPEG_EXTENDED12_BIT, Coding::Jpeg),
    (uids::JPEG_LOSSLESS, Coding::Jpeg),
    (uids::JPEG_LOSSLESS_SV1, Coding::Jpeg),
    (uids::JPEGLS_LOSSLESS, Coding::JpegLs),
    (uids::JPEGLS_NEAR_LOSSLESS, Coding::JpegLs),
    (uids::JPEG2000_LOSSLESS, Coding::Jpeg2000),
    (uids::JPEG2000, Coding::Jpeg2000),
];

impl TransferSyntax {
    fn new(known: &dicom_transfer_syntax_registry::TransferSyntax) -> Self {
        let uid = known.uid();
        let coding = match DECODED.iter().find(|(decoded, _)| *decoded == uid) {
            Some((_, coding)) => *coding,
            None if known.is_encapsulated_pixel_data() => Coding::Unknown,
            None => Coding::Raw,
        };
        Self {
            uid,
            name: known.name(),
            implicit: uid == uids::IMPLICIT_VR_LITTLE_ENDIAN,
            big_endian: uid == BIG_ENDIAN,
            deflated: uid == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
            coding,
        }
    }

    /// A syntax by its UID.
    pub(super) fn find(uid: &str) -> Option<&'static Self> {
        static ALL: LazyLock<Vec<TransferSyntax>> =
            LazyLock::new(|| TransferSyntaxRegistry.iter().map(TransferSyntax::new).collect());
        ALL.iter().find(|s| s.uid == uid)
    }
}

/// The UID of implicit, explicit and big-endian files without one.
pub(super) const IMPLICIT: &str = uids::IMPLICIT_VR_LITTLE_ENDIAN;
pub(super) const EXPLICIT: &str = uids::EXPLICIT_VR_LITTLE_ENDIAN;
pub(super) const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// The name of an object class: a common short name, else the name in the standard, or the UID of a private class.
pub(super) fn class_name(uid: &str) -> &str {
    const CLASSES: &[(&str, &str)] = &[
        (uids::MEDIA_STORAGE_DIRECTORY_STORAGE, "DICOMDIR"),
        (uids::SEGMENTATION_STORAGE, "segmentation (SEG)"),
        (uids::LABEL_MAP_SEGMENTATION_STORAGE, "segmentation (SEG)"),
        ("1.2.840.10008.5.1.4.1.1.88.", "structured report (SR)"),
        (uids::RT_STRUCTURE_SET_STORAGE, "RTSTRUCT"),
        (uids::RT_PLAN_STORAGE, "RTPLAN"),
        (uids::RT_DOSE_STORAGE, "RTDOSE"),
    ];
    let short =
        CLASSES.iter().find(|(class, _)| if class.ends_with('.') { uid.starts_with(class) } else { uid == *class });
    let standard = || StandardSopClassDictionary.by_uid(uid).map(|entry| entry.name);
    short.map(|(_, name)| *name).or_else(standard).unwrap_or(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_knows_them() {
        fn t(uid: &str, coding: Coding, how: [bool; 3]) {
            let found = TransferSyntax::find(uid).unwrap_or_else(|| panic!("{uid}"));
            assert_eq!((found.coding, [found.implicit, found.big_endian, found.deflated]), (coding, how), "{uid}");
            assert!(found.name.len() > 8 && !found.name.starts_with(char::is_numeric), "{}", found.name);
        }
        t(IMPLICIT, Coding::Raw, [true, false, false]);
        t(EXPLICIT, Coding::Raw, [false; 3]);
        t(BIG_ENDIAN, Coding::Raw, [false, true, false]);
        t("1.2.840.10008.1.2.1.99", Coding::Raw, [false, false, true]);
        for (uid, coding) in DECODED {
            t(uid, *coding, [false; 3]);
        }
        for uid in
            ["1.2.840.10008.1.2.4.92", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.102"]
        {
            t(uid, Coding::Unknown, [false; 3]);
        }
        assert_eq!(TransferSyntax::find("1.2.3"), None);
    }

    #[test]
    fn classes_have_names() {
        fn t(uid: &str, name: &str) {
            assert_eq!(class_name(uid), name);
        }
        t("1.2.840.10008.5.1.4.1.1.2", "CT Image Storage");
        t("1.2.840.10008.5.1.4.1.1.66.4", "segmentation (SEG)");
        t("1.2.840.10008.5.1.4.1.1.88.33", "structured report (SR)");
        t("1.2.840.10008.5.1.4.1.1.104.1", "Encapsulated PDF Storage");
        t("1.2.3", "1.2.3");
    }
}
