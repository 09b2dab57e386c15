//! The attributes that are read. All others are skipped, whatever their size.

use std::fmt;
use std::sync::LazyLock;

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, TagRange, VirtualVr};
use dicom_dictionary_std::StandardDataDictionary;

/// Group and element number of an attribute.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Tag(pub(super) u32);

impl Tag {
    /// The group number.
    pub(super) const fn group(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// Its entry in the list, if it is read.
    pub(super) fn wanted(self) -> Option<&'static Wanted> {
        WANTED.binary_search_by_key(&self, |w| w.tag).ok().map(|i| &WANTED[i])
    }

    /// The value representation of its value if the file says `written`: the dictionary's, whatever the file says. For
    /// private attributes, the dictionary is used only if the file gives none (UN), because other attributes with this
    /// tag may belong to another creator.
    pub(super) fn vr_of_value(self, written: [u8; 2]) -> [u8; 2] {
        let Some(wanted) = self.wanted() else { return written };
        let private = self.group() % 2 == 1;
        let signed_or_not = [*b"US", *b"SS"];
        let allowed = signed_or_not.contains(&wanted.vr) && signed_or_not.contains(&written);
        match written {
            _ if allowed || (private && &written != b"UN") => written,
            _ => wanted.vr,
        }
    }

    /// Whether it is one of Siemens' private headers (CSA), which are large and needed for mosaics only.
    pub(super) fn is_csa(self) -> bool {
        self.0 & 0xffff_f0cf == CSA_IMAGE.0 & 0xffff_f0cf && self.wanted().is_some()
    }

    /// Whether it belongs to the contours of structures, which may be far larger than any header.
    pub(super) fn is_contour(self) -> bool {
        [STRUCTURE_CONTOURS, CONTOURS, CONTOUR_TYPE, CONTOUR_OFFSET, CONTOUR_POINTS, CONTOUR_DATA].contains(&self)
    }

    /// Whether it contains the pixels.
    pub(super) fn is_pixels(self) -> bool {
        [FLOAT_PIXELS, DOUBLE_PIXELS, PIXEL_DATA].contains(&self)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keyword = self.wanted().map(|w| w.keyword).or_else(|| dictionary(*self).map(|(keyword, _)| keyword));
        if let Some(keyword) = keyword {
            write!(f, "{keyword} ")?;
        }
        write!(f, "({:04X},{:04X})", self.group(), self.0 & 0xffff)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An attribute that is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) tag: Tag,
    /// The keyword of the standard's dictionary.
    pub(super) keyword: &'static str,
    /// Its value representation, which files in implicit VR do not store.
    pub(super) vr: [u8; 2],
}

/// Keyword and value representation of a standard attribute; the first one if it may have several.
fn dictionary(tag: Tag) -> Option<(&'static str, [u8; 2])> {
    if tag.group() % 2 == 1 {
        return None;
    }
    let entry = StandardDataDictionary.by_tag(dicom_core::Tag(tag.group(), tag.0 as u16))?;
    let vr = match entry.vr() {
        VirtualVr::Exact(vr) => vr.to_bytes(),
        VirtualVr::Xs | VirtualVr::Lt => *b"US",
        VirtualVr::Ox | VirtualVr::Px => *b"OW",
        _ => *b"UN",
    };
    Some((entry.alias, vr))
}

/// Some attributes, if not all that are ever read are needed.
#[derive(Debug)]
pub(super) struct Scope {
    /// In ascending order.
    wanted: Vec<Wanted>,
    /// What comes after it is not read.
    pub(super) last: Tag,
}

impl Scope {
    /// These attributes of the standard's dictionary, and what is needed to read a file.
    pub(super) fn new(tags: impl IntoIterator<Item = Tag>) -> Self {
        let all = tags.into_iter().chain([MEDIA_CLASS, TRANSFER_SYNTAX]);
        let wanted = |tag| dictionary(tag).map(|(keyword, vr)| Wanted { tag, keyword, vr });
        let mut wanted: Vec<Wanted> = all.filter_map(wanted).collect();
        wanted.sort_by_key(|w| w.tag);
        wanted.dedup_by_key(|w| w.tag);
        let last = wanted.last().map_or(TRANSFER_SYNTAX, |w| w.tag);
        Self { wanted, last }
    }

    /// The same attributes, wherever they stand in a file.
    pub(super) fn anywhere(self) -> Self {
        Self { last: Tag(u32::MAX), ..self }
    }

    /// The entry of an attribute.
    pub(super) fn find(&self, tag: Tag) -> Option<&Wanted> {
        self.wanted.binary_search_by_key(&tag, |w| w.tag).ok().map(|i| &self.wanted[i])
    }
}

/// An attribute of the standard by its keyword, if it is a single one.
pub(super) fn by_keyword(keyword: &str) -> Option<Wanted> {
    let entry = StandardDataDictionary.by_name(keyword)?;
    let TagRange::Single(dicom_core::Tag(group, element)) = entry.tag_range() else { return None };
    let tag = Tag(u32::from(group) << 16 | u32::from(element));
    dictionary(tag).map(|(keyword, vr)| Wanted { tag, keyword, vr })
}

/// The keywords of the groups in which attributes of patients, studies, series and images stand.
pub(super) fn keywords() -> impl Iterator<Item = &'static str> {
    const GROUPS: [u32; 14] = [
        0x0008, 0x0010, 0x0012, 0x0018, 0x0020, 0x0022, 0x0028, 0x0032, 0x0038, 0x0040, 0x0054, 0x0062, 0x300a, 0x300c,
    ];
    let tags = GROUPS.into_iter().flat_map(|group| (1..=0xffff).map(move |element| Tag(group << 16 | element)));
    tags.filter_map(|tag| dictionary(tag).map(|(keyword, _)| keyword))
}

macro_rules! tags {
    (standard: { $($name:ident = $number:literal;)* } private: { $($own:ident = $place:literal $vr:literal $keyword:literal;)* }) => {
        $(pub(super) const $name: Tag = Tag($number);)*
        $(pub(super) const $own: Tag = Tag($place);)*
        /// In ascending order. Entries of the standard's dictionary are looked up once.
        static WANTED: LazyLock<Vec<Wanted>> = LazyLock::new(|| {
            let standard = [$($name),*].into_iter().filter_map(|tag| {
                let (keyword, vr) = dictionary(tag)?;
                Some(Wanted { tag, keyword, vr })
            });
            let private = [$(Wanted { tag: $own, keyword: $keyword, vr: *$vr }),*];
            let mut wanted: Vec<Wanted> = standard.chain(private).collect();
            wanted.sort_by_key(|w| w.tag);
            wanted
        });
        #[cfg(test)]
        const COUNT: usize = [$($name),*].len() + [$($own),*].len();
    };
}

tags! {
    standard: {
        MEDIA_CLASS = 0x0002_0002;
        TRANSFER_SYNTAX = 0x0002_0010;
        IMAGE_TYPE = 0x0008_0008;
        SOP_CLASS = 0x0008_0016;
        SOP_INSTANCE = 0x0008_0018;
        ACQUISITION_DATE = 0x0008_0022;
        CONTENT_DATE = 0x0008_0023;
        ACQUISITION_DATE_TIME = 0x0008_002A;
        SERIES_TIME = 0x0008_0031;
        ACQUISITION_TIME = 0x0008_0032;
        CONTENT_TIME = 0x0008_0033;
        MODALITY = 0x0008_0060;
        CODE_VALUE = 0x0008_0100;
        CODE_SCHEME = 0x0008_0102;
        CODE_MEANING = 0x0008_0104;
        SERIES_DESCRIPTION = 0x0008_103E;
        REFERENCED_SERIES = 0x0008_1115;
        DERIVATION = 0x0008_2111;
        FRAME_TYPE = 0x0008_9007;
        COMPLEX_COMPONENT = 0x0008_9208;
        PATIENT_NAME = 0x0010_0010;
        PATIENT_ID = 0x0010_0020;
        CONTRAST_AGENT = 0x0018_0010;
        SCANNING_SEQUENCE = 0x0018_0020;
        SEQUENCE_VARIANT = 0x0018_0021;
        SCAN_OPTIONS = 0x0018_0022;
        SEQUENCE_NAME = 0x0018_0024;
        SLICE_THICKNESS = 0x0018_0050;
        KVP = 0x0018_0060;
        REPETITION_TIME = 0x0018_0080;
        ECHO_TIME = 0x0018_0081;
        INVERSION_TIME = 0x0018_0082;
        ECHO_NUMBER = 0x0018_0086;
        SPACING_BETWEEN = 0x0018_0088;
        PROTOCOL = 0x0018_1030;
        TRIGGER_TIME = 0x0018_1060;
        RECONSTRUCTION_DIAMETER = 0x0018_1100;
        TUBE_CURRENT = 0x0018_1151;
        FILTER = 0x0018_1160;
        KERNEL = 0x0018_1210;
        PHASE_DIRECTION = 0x0018_1312;
        FLIP_ANGLE = 0x0018_1314;
        PATIENT_POSITION = 0x0018_5100;
        FRAME_TIME = 0x0018_9074;
        GRADIENTS = 0x0018_9076;
        EFFECTIVE_ECHO_TIME = 0x0018_9082;
        B_VALUE = 0x0018_9087;
        GRADIENT = 0x0018_9089;
        MR_TIMING = 0x0018_9112;
        MR_ECHO = 0x0018_9114;
        MR_DIFFUSION = 0x0018_9117;
        CARDIAC = 0x0018_9118;
        MR_FRAME_TYPE = 0x0018_9226;
        CT_RECONSTRUCTION = 0x0018_9314;
        CT_FRAME_TYPE = 0x0018_9329;
        PET_FRAME_TYPE = 0x0018_9751;
        STUDY_UID = 0x0020_000D;
        SERIES_UID = 0x0020_000E;
        SERIES_NUMBER = 0x0020_0011;
        ACQUISITION_NUMBER = 0x0020_0012;
        INSTANCE_NUMBER = 0x0020_0013;
        POSITION = 0x0020_0032;
        ORIENTATION = 0x0020_0037;
        FRAME_OF_REFERENCE = 0x0020_0052;
        TEMPORAL_POSITION = 0x0020_0100;
        STACK_ID = 0x0020_9056;
        FRAME_CONTENT = 0x0020_9111;
        PLANE_POSITION = 0x0020_9113;
        PLANE_ORIENTATION = 0x0020_9116;
        TEMPORAL_INDEX = 0x0020_9128;
        TRIGGER_DELAY = 0x0020_9153;
        FRAME_NUMBER = 0x0020_9156;
        DIMENSIONS = 0x0020_9157;
        CARDIAC_PERCENT = 0x0020_9241;
        SAMPLES = 0x0028_0002;
        PHOTOMETRIC = 0x0028_0004;
        PLANAR = 0x0028_0006;
        FRAMES = 0x0028_0008;
        ROWS = 0x0028_0010;
        COLUMNS = 0x0028_0011;
        PIXEL_SPACING = 0x0028_0030;
        BITS_ALLOCATED = 0x0028_0100;
        BITS_STORED = 0x0028_0101;
        HIGH_BIT = 0x0028_0102;
        REPRESENTATION = 0x0028_0103;
        PADDING = 0x0028_0120;
        WINDOW_CENTRE = 0x0028_1050;
        WINDOW_WIDTH = 0x0028_1051;
        INTERCEPT = 0x0028_1052;
        SLOPE = 0x0028_1053;
        RESCALE_TYPE = 0x0028_1054;
        RED_DESCRIPTOR = 0x0028_1101;
        GREEN_DESCRIPTOR = 0x0028_1102;
        BLUE_DESCRIPTOR = 0x0028_1103;
        RED_TABLE = 0x0028_1201;
        GREEN_TABLE = 0x0028_1202;
        BLUE_TABLE = 0x0028_1203;
        RED_SEGMENTS = 0x0028_1221;
        MODALITY_LUT = 0x0028_3000;
        LUT_DESCRIPTOR = 0x0028_3002;
        LUT_TABLE = 0x0028_3006;
        PIXEL_MEASURES = 0x0028_9110;
        PIXEL_VALUES = 0x0028_9145;
        UNITS = 0x0054_1001;
        FRAME_REFERENCE_TIME = 0x0054_1300;
        SEGMENTATION_TYPE = 0x0062_0001;
        SEGMENTS = 0x0062_0002;
        SEGMENT_CATEGORY = 0x0062_0003;
        SEGMENT_NUMBER = 0x0062_0004;
        SEGMENT_LABEL = 0x0062_0005;
        SEGMENT_DESCRIPTION = 0x0062_0006;
        ALGORITHM_TYPE = 0x0062_0008;
        ALGORITHM_NAME = 0x0062_0009;
        SEGMENT_IDENTIFICATION = 0x0062_000A;
        REFERENCED_SEGMENT = 0x0062_000B;
        MAXIMUM_FRACTION = 0x0062_000E;
        SEGMENT_PROPERTY = 0x0062_000F;
        TRACKING_ID = 0x0062_0020;
        TRACKING_UID = 0x0062_0021;
        DOSE_OFFSETS = 0x3004_000C;
        DOSE_SCALING = 0x3004_000E;
        REFERENCED_FRAMES = 0x3006_0010;
        RT_REFERENCED_STUDY = 0x3006_0012;
        RT_REFERENCED_SERIES = 0x3006_0014;
        STRUCTURES = 0x3006_0020;
        STRUCTURE_NUMBER = 0x3006_0022;
        STRUCTURE_FRAME = 0x3006_0024;
        STRUCTURE_NAME = 0x3006_0026;
        STRUCTURE_DESCRIPTION = 0x3006_0028;
        STRUCTURE_ALGORITHM = 0x3006_0036;
        STRUCTURE_CONTOURS = 0x3006_0039;
        CONTOURS = 0x3006_0040;
        CONTOUR_TYPE = 0x3006_0042;
        CONTOUR_OFFSET = 0x3006_0045;
        CONTOUR_POINTS = 0x3006_0046;
        CONTOUR_DATA = 0x3006_0050;
        REFERENCED_STRUCTURE = 0x3006_0084;
        SHARED_GROUPS = 0x5200_9229;
        FRAME_GROUPS = 0x5200_9230;
        FLOAT_PIXELS = 0x7FE0_0008;
        DOUBLE_PIXELS = 0x7FE0_0009;
        PIXEL_DATA = 0x7FE0_0010;
    }
    private: {
        SIEMENS_CREATOR = 0x0019_0010 b"LO" "SiemensMRHeader";
        MOSAIC_IMAGES = 0x0019_100A b"US" "NumberOfImagesInMosaic";
        SIEMENS_B_VALUE = 0x0019_100C b"IS" "SiemensBValue";
        SIEMENS_GRADIENT = 0x0019_100E b"FD" "SiemensDiffusionGradientDirection";
        GE_GRADIENT_X = 0x0019_10BB b"DS" "GEDiffusionGradientX";
        GE_GRADIENT_Y = 0x0019_10BC b"DS" "GEDiffusionGradientY";
        GE_GRADIENT_Z = 0x0019_10BD b"DS" "GEDiffusionGradientZ";
        CSA_IMAGE = 0x0029_1010 b"OB" "CSAImageHeaderInfo";
        CSA_SERIES = 0x0029_1020 b"OB" "CSASeriesHeaderInfo";
        CSA_IMAGE_2 = 0x0029_1110 b"OB" "CSAImageHeaderInfo";
        CSA_SERIES_2 = 0x0029_1120 b"OB" "CSASeriesHeaderInfo";
        CSA_IMAGE_3 = 0x0029_1210 b"OB" "CSAImageHeaderInfo";
        CSA_SERIES_3 = 0x0029_1220 b"OB" "CSASeriesHeaderInfo";
        GE_RAW_TYPE = 0x0043_102F b"SS" "GERawDataType";
        GE_B_VALUE = 0x0043_1039 b"IS" "GEBValue";
        PHILIPS_B_VALUE = 0x2001_1003 b"FL" "PhilipsBValue";
        PHILIPS_GRADIENT_X = 0x2005_10B0 b"FL" "PhilipsDiffusionDirectionRL";
        PHILIPS_GRADIENT_Y = 0x2005_10B1 b"FL" "PhilipsDiffusionDirectionAP";
        PHILIPS_GRADIENT_Z = 0x2005_10B2 b"FL" "PhilipsDiffusionDirectionFH";
    }
}

/// Begins an item.
pub(super) const ITEM: Tag = Tag(0xFFFE_E000);
/// Ends an item of unknown length.
pub(super) const ITEM_END: Tag = Tag(0xFFFE_E00D);
/// Ends a sequence of unknown length.
pub(super) const SEQUENCE_END: Tag = Tag(0xFFFE_E0DD);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order() {
        assert!(WANTED.is_sorted_by(|a, b| a.tag < b.tag));
        assert_eq!(WANTED.len(), COUNT, "an attribute is not in the dictionary");
        for (tag, vr, keyword) in [
            (SERIES_UID, b"UI", "SeriesInstanceUID"),
            (POSITION, b"DS", "ImagePositionPatient"),
            (TRIGGER_DELAY, b"FD", "NominalCardiacTriggerDelayTime"),
            (DIMENSIONS, b"UL", "DimensionIndexValues"),
            (ROWS, b"US", "Rows"),
            (PADDING, b"US", "PixelPaddingValue"),
            (SLOPE, b"DS", "RescaleSlope"),
            (RED_TABLE, b"OW", "RedPaletteColorLookupTableData"),
            (LUT_TABLE, b"US", "LUTData"),
            (DOSE_OFFSETS, b"DS", "GridFrameOffsetVector"),
            (SHARED_GROUPS, b"SQ", "SharedFunctionalGroupsSequence"),
            (PIXEL_DATA, b"OW", "PixelData"),
        ] {
            let wanted = tag.wanted().unwrap();
            assert_eq!((&wanted.vr, wanted.keyword), (vr, keyword));
        }
        assert_eq!(Tag(0x0010_0010).to_string(), "PatientName (0010,0010)");
        assert_eq!(POSITION.to_string(), "ImagePositionPatient (0020,0032)");
        assert_eq!(Tag(0x0009_1001).to_string(), "(0009,1001)");
    }
}
